"""A number arrives as its format shows it to a person, and what only decorates it is told beside its text."""

from __future__ import annotations

import pytest

from importer.reader.cell_text import built_in, number_format

SHOWN = [
    ("General", "42", "42"),
    ("General", "1E5", "100000"),
    ("General", "12345678901234567890", "12345678901234567890"),
    ("00000", "42", "00042"),
    ("00000", "-42", "-00042"),
    ("00000", "1234567", "1234567"),
    ("00000;-00000", "42", "00042"),
    ("00000;-00000", "-42", "-00042"),
    ("[Red]00000", "42", "00042"),
    ("[$-409]00000", "42", "00042"),
    ("00000_)", "42", "00042 "),
    ("* 00000", "42", "00042"),
    ('"ID"00000', "42", "ID00042"),
    ("\\P0", "7", "P7"),
    ("000-000", "42", "000-042"),
    ("0000 0000", "12345678", "1234 5678"),
    ("[<=9999999]###-####;(###) ###-####", "5551234", "555-1234"),
    ("[<=9999999]###-####;(###) ###-####", "2125551234", "(212) 555-1234"),
    ("00000", "0.5", "0.5"),
    ("0", "42", "42"),
    ("0_);(0)", "-42", "-42"),
    ("0.00", "42", "42"),
    (";;;", "42", "42"),
    ("@", "42", "42"),
    ("yyyy-mm-dd hh:mm", "46110.375", "2026-03-29T09:00:00"),
    ('"Q"0', "3", "Q3"),
    ("hh:mm", "0.375", "09:00:00"),
    ("hh:mm", "0.999999", "00:00:00"),
    ("[h]:mm:ss", "1.25", "30:00:00"),
    ("[mm]:ss", "-0.5", "-12:00:00"),
    ("yyyy-mm-dd", "-5", "-5"),
    ('"On "yyyy', "-5", "-5"),
    ('"ID"General', "5", "ID5"),
    ('General" left"', "-5", "-5 left"),
    ('General" left"', "5.5", "5.5"),
    ('"ID-"@', "5", "ID-5"),
    ("G/通用格式", "5", "5"),
    ('"SRE"000', "7", "SRE007"),
    ('"TRUE";"TRUE";"FALSE"', "1", "TRUE"),
    ('"TRUE";"TRUE";"FALSE"', "0", "FALSE"),
    ('[=1]"shadow";[=0]"schedule";0', "1", "shadow"),
    ('[=1]"shadow";[=0]"schedule";0', "7", "7"),
    ('0;-0;"-"', "0", "0"),
    ("00000;;;", "-5", "-00005"),
    ("[>=100]000;00000", "-5", "-00005"),
    ("[<100]000;00000", "-5", "-005"),
    ("[<>0]000;00000", "-5", "-005"),
    ("[<0](000);000", "-5", "(005)"),
]


@pytest.mark.parametrize(("code", "stored", "text"), SHOWN)
def test_a_number_is_shown_as_its_format_shows_it(code: str, stored: str, text: str) -> None:
    shown = number_format(code).show(stored)
    assert shown is not None
    assert (shown.text, shown.decorated) == (text, "")


@pytest.mark.parametrize(
    ("code", "stored", "text", "decorated"),
    [
        ("#,##0", "101102103", "101102103", "101,102,103"),
        ("#,##0", "106", "106", ""),  # no separator is shown
        ("_-* #,##0_-;\\-* #,##0_-", "106", "106", ""),
        ("# ?/?", "3", "3", ""),
        ("#\\ ##0", "101102103", "101102103", "101,102,103"),
        ("#'##0", "101102103", "101102103", "101,102,103"),
        ('#,##0" pts"', "1234", "1234", "1,234 pts"),
        ("0,", "42000", "42000", "42"),
        ('0.0,,"M"', "1500000", "1500000", "1.5M"),
        ('"SEK" 0', "42", "42", "SEK 42"),
        ("0%", "0.42", "0.42", "42%"),
        ("# ?/?", "1.5", "1.5", "1 1/2"),
        ("# ?/?", "-0.25", "-0.25", "-1/4"),
        ('"$"#,##0.00', "42", "42", "$42"),
        ("[$-F800]dddd\\,\\ mmmm\\ dd", "46110", "2026-03-29T00:00:00", "2026-03-29"),
        ("[Blue]d.m.yy;@", "46110", "2026-03-29T00:00:00", "2026-03-29"),
        ("yyyy-mm-dd", "59", "1900-02-28T00:00:00", "1900-02-28"),
        ("yyyy-mm-dd", "61", "1900-03-01T00:00:00", "1900-03-01"),
        ("e", "46110", "2026-03-29T00:00:00", "2026-03-29"),
        ("dd/mm/bbbb", "46110", "2026-03-29T00:00:00", "2026-03-29"),
        ("yyyy-mm-dd", "46110.75", "2026-03-29T18:00:00", ""),
        ("d/m/yy h:mm AM/PM", "46110", "2026-03-29T00:00:00", ""),
        ("yyyy-mm-dd hh:mm", "46110", "2026-03-29T00:00:00", ""),
        ("[$€-407] #,##0.00", "42", "42", "€ 42"),
        ("#,##0 [$CHF]", "42", "42", "42 CHF"),
    ],
)
def test_what_decorates_a_number_and_a_date_without_a_time_is_told_beside_it(
    code: str, stored: str, text: str, decorated: str
) -> None:
    shown = number_format(code).show(stored)
    assert shown is not None
    assert (shown.text, shown.decorated) == (text, decorated)


@pytest.mark.parametrize("code", ["General", "@", "[Black]General", "0", "yyyy-mm-dd"])
def test_a_plain_format_spares_its_cells_a_closer_look(code: str) -> None:
    assert number_format(code).is_plain


@pytest.mark.parametrize("stored", ["NaN", "INF", "1e999", "forty-two", "0x1F", "1_000"])
def test_what_is_no_number_is_not_shown_as_one(stored: str) -> None:
    assert number_format("General").show(stored) is None


@pytest.mark.parametrize(
    ("stored", "clock"),
    [
        ("46447.416666608796", "10:00:00"),  # 9:59:59.995, which every spreadsheet shows as 10:00:00
        ("46447.41666087", "09:59:59"),
        ("46447.416666667", "10:00:00"),
    ],
)
def test_a_day_number_is_rounded_to_the_second(stored: str, clock: str) -> None:
    shown = number_format("yyyy-mm-dd hh:mm:ss.000").show(stored)
    assert shown is not None
    assert shown.text == f"2027-03-01T{clock}"


def test_a_day_number_of_the_1904_calendar_is_the_same_day() -> None:
    shown = number_format("yyyy-mm-dd").show("44648.375", is_1904=True)
    assert shown is not None
    assert shown.text == "2026-03-29T09:00:00"


@pytest.mark.parametrize("number", [14, 15, 16, 17, 22, *range(27, 37), *range(50, 59)])
def test_a_midnight_is_a_day_where_no_language_shows_a_time_with_it(number: int) -> None:
    shown = number_format(built_in(number)).show("46448")
    has_clock = number in {22, 32, 33, 34, 35, 52, 53, 55, 56}
    assert shown is not None
    assert (shown.text, shown.decorated) == ("2027-03-02T00:00:00", "" if has_clock else "2027-03-02")


@pytest.mark.parametrize(("number", "text"), [(14, "1900-01-09T12:00:00"), (46, "228:00:00"), (9, "9.5"), (0, "9.5")])
def test_formats_without_a_code_are_known_by_their_numbers(number: int, text: str) -> None:
    shown = number_format(built_in(number)).show("9.5")
    assert shown is not None
    assert shown.text == text
