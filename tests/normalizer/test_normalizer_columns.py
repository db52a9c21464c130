"""Every column's values: what is taken, what is refused and with which words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from importer.errors import SettingsError
from importer.kinds.schedule import ScheduleRecord
from importer.kinds.shadow import ShadowRecord
from importer.normalizer.mapping import make_rules
from importer.normalizer.mapping_file import read_mapping
from importer.normalizer.providers import check_provider, read_remote_id
from importer.normalizer.row import Normalized, Normalizer
from importer.normalizer.zones import check_timezone
from importer.records import LARGEST_ID, Row, Sheet

if TYPE_CHECKING:
    from collections.abc import Callable

UUID = "3f6c1b1e-52a4-4f0e-9d0e-6f5b8a7c2d10"


def schedule_of(result: Normalized) -> ScheduleRecord:
    (record,) = result.records
    assert isinstance(record, ScheduleRecord)
    return record


def shadow_of(result: Normalized) -> ShadowRecord:
    (record,) = result.records
    assert isinstance(record, ShadowRecord)
    return record


@pytest.mark.parametrize(
    ("text", "provider"),
    [
        ("PAGER_DUTY", "PAGER_DUTY"),
        ("PagerDuty", "PAGER_DUTY"),
        ("pager duty", "PAGER_DUTY"),
        ("pager\u00a0duty", "PAGER_DUTY"),
        ("PD", "PAGER_DUTY"),
        ("\ufeffOpsgenie ", "OPSGENIE"),
        ("Ops-Genie", "OPSGENIE"),
        ("Atlassian Opsgenie", "OPSGENIE"),
    ],
)
def test_a_provider_is_known_however_it_is_written(
    normalize: Callable[..., Normalized], text: str, provider: str
) -> None:
    remote_id = UUID if provider == "OPSGENIE" else "PI7DH85"
    result = normalize(third_party_provider=text, remote_id=remote_id)
    assert schedule_of(result).third_party_provider == provider == check_provider(text)
    assert not result.warnings


@pytest.mark.parametrize("text", ["VICTOROPS", "Pager.Duty", "NA", "opsgenie" * 100])
def test_another_provider_is_quoted_with_the_right_ones(normalize: Callable[..., Normalized], text: str) -> None:
    (problem,) = normalize(third_party_provider=text, remote_id="PI7DH85").problems
    assert problem.message.startswith(f'third_party_provider is "{text[:79]}')
    assert (problem.hint, problem.cell) == ("Write PAGER_DUTY or OPSGENIE.", "A2")


@pytest.mark.parametrize("header", [("third_party_provider", "remote_id"), ("Note", "remote_id")])
def test_the_provider_of_the_settings_counts_where_the_row_has_none(header: tuple[str, ...]) -> None:
    sheet = Sheet("list.csv", "list", header, (0, 1))
    assert schedule_of(Normalizer(sheet, make_rules(provider="pagerduty")).normalize(Row(2, (" ", "PI7DH85")))).key == (
        "PAGER_DUTY",
        "PI7DH85",
    )
    assert not Normalizer(sheet).normalize(Row(2, (" ", "PI7DH85"))).records


@pytest.mark.parametrize(
    "text", ["00042", "NA", "null", "1e5", "TRUE", "12345678901234567890", "a b", "é" * 255, "=1+1"]
)
def test_a_remote_id_is_text_and_arrives_as_it_is(normalize: Callable[..., Normalized], text: str) -> None:
    assert (
        schedule_of(normalize(third_party_provider="OPSGENIE", remote_id=f"\u00a0\t{text}\n\u200b")).remote_id == text
    )


@pytest.mark.parametrize(
    "text", ["PI7\x1bDH85", "PI7\nDH85", "PI7\u202eDH85", "PI7\u2028DH85", "PI7\ud800DH85", "P" * 256]
)
def test_a_remote_id_with_control_characters_or_too_long_is_a_problem(
    normalize: Callable[..., Normalized], text: str
) -> None:
    result = normalize(third_party_provider="PAGER_DUTY", remote_id=text)
    (problem,) = result.problems
    assert (result.records, problem.cell) == ((), "B2")
    assert problem.message.isprintable()


@pytest.mark.parametrize(
    ("provider", "remote_id", "word"),
    [
        ("PAGER_DUTY", UUID, "Opsgenie"),
        ("OPSGENIE", "PI7DH85", "PagerDuty"),
        ("PAGER_DUTY", "pi7dh85", "PagerDuty"),
        ("PAGER_DUTY", "primary", "PagerDuty"),
        ("OPSGENIE", "TBD", "Opsgenie"),
        ("OPSGENIE", "a\ue000b", "cannot be seen"),
    ],
)
def test_an_odd_remote_id_is_warned_of_and_taken(
    normalize: Callable[..., Normalized], provider: str, remote_id: str, word: str
) -> None:
    result = normalize(third_party_provider=provider, remote_id=remote_id)
    (warning,) = result.warnings
    assert word in warning.message
    assert warning.cell == "B2"
    assert schedule_of(result).remote_id == remote_id


@pytest.mark.parametrize("column", ["schedule_id", "shadowable_id"])
@pytest.mark.parametrize("text", ["../../users", ".", "..", "a\nb", "-", "/"])
def test_a_text_that_could_climb_a_path_is_a_problem(shadow: Callable[..., Normalized], column: str, text: str) -> None:
    result = shadow(**{column: text, "shadowable_type": "Schedule"})
    (problem,) = result.problems
    assert (result.records, result.references, problem.column) == ((), (), column)
    assert problem.message.isprintable()


@pytest.mark.parametrize("column", ["schedule_id", "shadowable_id"])
@pytest.mark.parametrize("text", ["a/b", "a%2Fb", "-a", "a b", "é", "a" * 129, "a@b.example"])
def test_what_cannot_be_an_id_never_gets_into_a_record(
    shadow: Callable[..., Normalized], column: str, text: str
) -> None:
    result = shadow(**{column: text})
    assert not result.records
    assert [(reference.note.column, reference.note.cell) for reference in result.references] == [
        (column, "A2" if column == "schedule_id" else "C2")
    ]


@pytest.mark.parametrize("text", [UUID.upper(), f"{{{UUID}}}", f"{{{UUID.upper()}}}"])
def test_a_uuid_in_capitals_or_braces_is_the_same_id(
    shadow: Callable[..., Normalized], normalize: Callable[..., Normalized], text: str
) -> None:
    """Else two rows would be sent that are one shadow, and overrides that overlap would not be seen."""
    for column in ("schedule_id", "shadowable_id"):
        same, other = (shadow(**{"shadowable_type": "Schedule", column: one}) for one in (UUID, text))
        assert shadow_of(same).key == shadow_of(other).key
    taken = normalize(third_party_provider="OPSGENIE", remote_id=text)
    assert (schedule_of(taken).remote_id, taken.warnings) == (UUID, ())


@pytest.mark.parametrize(
    "text",
    [
        *("#N/A", "#REF!", "#DIV/0!", "#NAME?", "#NV", "#WERT!", "#¡REF!"),
        *("#N/D!", "#I/T", "#\u041d/\u0414", "####", "Err:502"),
    ],
)
def test_the_error_of_a_formula_that_a_csv_has_as_text_is_a_problem(
    normalize: Callable[..., Normalized], text: str
) -> None:
    result = normalize(third_party_provider="OPSGENIE", remote_id=text, group=text)
    assert not result.records
    assert [problem.message for problem in result.problems] == [
        f'{column} is "{text}", which is the error of a formula' for column in ("remote_id", "group")
    ]


@pytest.mark.parametrize(
    "text", ["=A1", "=$B$12", "=Ids!B7", "='My ids'!B7", "=VLOOKUP(A2,B:C,2)", '=T("00042")', '="00042"&""', "=+B2"]
)
def test_a_formula_that_a_csv_has_instead_of_its_result_is_a_problem(
    normalize: Callable[..., Normalized], text: str
) -> None:
    result = normalize(third_party_provider="OPSGENIE", remote_id=text, group=text)
    assert not result.records
    assert [problem.topic for problem in result.problems] == [
        f"{column}: formula instead of its result" for column in ("remote_id", "group")
    ]


@pytest.mark.parametrize("text", ["0", "0.0", "0,00"])
@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ({"kind": "schedule", "third_party_provider": "OPSGENIE"}, ("remote_id", "group")),
        ({"kind": "shadow"}, ("schedule_id", "shadowable_id", "shadow_user_id", "starts_at", "ends_at")),
    ],
)
def test_a_0_which_a_formula_shows_for_an_empty_cell_is_no_value_of_any_column(
    normalize: Callable[..., Normalized], kind: dict[str, str], columns: tuple[str, ...], text: str
) -> None:
    result = normalize(**kind, **dict.fromkeys(columns, text))
    assert not result.records
    assert [problem.topic for problem in result.problems] == [f"{column}: 0 in place of a value" for column in columns]


@pytest.mark.parametrize("column", ["shadowable_type", "duration", "repeat", "until", "rotation", "timezone"])
@pytest.mark.parametrize("dash", ["-", "\u2013"])
def test_a_dash_in_a_cell_that_may_be_empty_means_nothing(
    shadow: Callable[..., Normalized], column: str, dash: str
) -> None:
    assert shadow(**{column: dash}) == shadow(**{column: ""})
    if column == "duration":
        assert shadow(ends_at=dash, duration="8h") == shadow(ends_at="", duration="8h")


@pytest.mark.parametrize("text", ["ann@x.example, bob@x.example", "ann@x.example bob@x.example"])
def test_two_addresses_are_no_user_and_are_not_looked_up_as_one(shadow: Callable[..., Normalized], text: str) -> None:
    result = shadow(shadow_user_id=text, shadowable_id=text)
    assert ([problem.cell for problem in result.problems], result.references) == (["C2", "D2"], ())


@pytest.mark.parametrize(("text", "kind"), [("", "User"), ("user", "User"), ("SCHEDULE", "Schedule")])
def test_a_shadowable_type_is_a_user_unless_it_says_schedule(
    shadow: Callable[..., Normalized], text: str, kind: str
) -> None:
    assert shadow_of(shadow(shadowable_type=text)).shadowable_type == kind


def test_another_shadowable_type_is_a_problem(shadow: Callable[..., Normalized]) -> None:
    (problem,) = shadow(shadowable_type="Team").problems
    assert problem.message == 'shadowable_type is "Team"'
    assert problem.hint == "Write User or Schedule, or leave it empty for User."
    assert (problem.column, problem.cell) == ("shadowable_type", "B2")


def test_a_user_to_be_shadowed_without_a_number_is_warned_of(shadow: Callable[..., Normalized]) -> None:
    result = shadow(shadowable_id="anna")
    assert [warning.cell for warning in result.warnings] == ["C2"]
    assert shadow_of(result).shadowable_id == "anna"
    assert not shadow(shadowable_id="anna", shadowable_type="Schedule").warnings


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        ("00042", 42),
        ("42.0", 42),
        ("42.000", 42),
        ("“42”", 42),
        ('="00042"', 42),
        ("=\u201c00042\u201d", 42),
        ("=\u201e00042\u201c", 42),
        ("4\u200b2", 42),
        (str(LARGEST_ID), LARGEST_ID),
        ("0" * 30 + "9", 9),
    ],
)
def test_a_shadow_user_is_a_whole_number(shadow: Callable[..., Normalized], text: str, number: int) -> None:
    assert shadow_of(shadow(shadow_user_id=text)).shadow_user_id == number


@pytest.mark.parametrize(
    "text",
    [
        "1e5",
        "42.5",
        "42.",
        "42,0",
        "+42",
        "-1",
        "0",
        "000",
        "4 2",
        "1,000",
        "\u0661\u0662",
        "\u00b2",
        "0x2a",
        "1_000",
        str(LARGEST_ID + 1),
        "9" * 5000,
        "TRUE",
        "NA",
    ],
)
def test_anything_else_is_no_user_number(shadow: Callable[..., Normalized], text: str) -> None:
    (problem,) = shadow(shadow_user_id=text).problems
    assert (problem.column, problem.cell) == ("shadow_user_id", "D2")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
        ("UTC", "UTC"),
    ],
)
def test_a_zone_is_known_by_its_iana_name(text: str, name: str) -> None:
    assert check_timezone(f" {text} ").key == name


@pytest.mark.parametrize(
    "text",
    [
        "Mars/Olympus",
        "../../etc/passwd",
        "/etc/localtime",
        "localtime",
        "posixrules",
        "right/Europe/Berlin",
        "Europe",
        "",
        ".",
        "a\x00b",
        "\ud800",
        "Europe/" + "x" * 9999,
        "tzdata.zi",
        "Factory",
    ],
)
def test_another_zone_is_refused_in_settings_and_is_a_problem_of_its_cell(
    shadow: Callable[..., Normalized], text: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        check_timezone(text)
    assert caught.value.message.isprintable()
    if text:
        (problem,) = shadow(timezone=text, starts_at="2027-03-01T08:00", ends_at="2027-03-01T16:00").problems
        assert (problem.column, problem.cell) == ("timezone", "G2")


def test_settings_that_name_nothing_known_stop_before_any_row() -> None:
    with pytest.raises(SettingsError, match='the provider is "VictorOps"'):
        make_rules(provider="VictorOps")
    with pytest.raises(SettingsError, match='the time zone is "Mars"'):
        make_rules(timezone="Mars")


def test_what_a_row_of_the_other_kind_would_need_is_not_looked_at(normalize: Callable[..., Normalized]) -> None:
    """Opsgenie's exports have a timezone for each schedule: whatever stands there stops nothing."""
    result = normalize(kind="schedule", third_party_provider="pd", remote_id="PI7DH85", timezone="Mars", ends_at="x")
    assert schedule_of(result).key == ("PAGER_DUTY", "PI7DH85")


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("PI7\u00a0DH85", "PI7DH85"),
        ("PI7 DH85", "PI7DH85"),
        ("PI7DH85 PI7DH86", "PI7DH85 PI7DH86"),
        ("PRIMARY EU", "PRIMARY EU"),
    ],
)
def test_a_blank_in_a_code_of_pagerduty_is_closed_and_two_words_are_not(text: str, id_: str) -> None:
    assert read_remote_id(text, "PAGER_DUTY") == id_


@pytest.mark.parametrize("text", ["PI7DH85, PI7DH86", "PI7DH85\nPI7DH86", "PI7DH85;PI7DH86"])
def test_two_ids_in_one_cell_are_a_problem(normalize: Callable[..., Normalized], text: str) -> None:
    (problem,) = normalize(third_party_provider="pd", remote_id=text).problems
    assert problem.message.endswith(", which holds 2 ids")
    assert problem.hint == "Write a row for each of them."


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"Schedule": "Payments primary"}, 'Schedule is "Payments primary", which is looked up as a schedule\'s name'),
        ({"Trainee": "x@example.com"}, 'Trainee is "x@example.com", which is looked up as a user\'s e-mail address'),
        ({"Repeats": "FREQ=DAILY"}, "Write a COUNT in Repeats, such as"),
        ({"Repeats": "FREQ=DAILY"}, "or a date in a column Until when, or give"),
        ({"Until when": "2027-06-01"}, "Fill in Repeats, or empty Until when."),
    ],
)
def test_messages_and_hints_call_columns_as_the_file_does(changed: dict[str, str], words: str) -> None:
    ours = {"Schedule": "schedule_id", "Trainee": "shadow_user_id", "Repeats": "repeat", "Until when": "until"}
    cells = {"Schedule": "s-1", "shadowable_id": "101", "Trainee": "112", "starts_at": "2027-05-03T09:00Z"}
    cells |= {"duration": "8h", "Repeats": "", "Until when": ""} | changed
    sheet = Sheet("table.csv", "table", tuple(cells), tuple(range(len(cells))))
    rules = make_rules(read_mapping({"columns": ours}, "m.toml"))
    row = Normalizer(sheet, rules).normalize(Row(2, tuple(cells.values())))
    told = [*row.problems, *(one.note for one in row.references)]
    assert any(words in f"{one.message} {one.hint}" for one in told), told
    assert not any(
        name in f"{one.message} {one.hint} {one.topic}" for one in told for name in ("shadow_user_id", "in repeat")
    )
