"""A roster with people down and dates across, or turned around: each filled cell is a record, each odd one told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from importer.errors import SettingsError, SourceError
from importer.normalizer.header import rate_header
from importer.normalizer.mapping import make_rules
from importer.normalizer.mapping_file import read_mapping, write_mapping
from importer.normalizer.row import Normalized, Normalizer
from importer.normalizer.suggestions import refuse_lost_headers
from importer.records import Row, Sheet

ROSTER = """
[columns]
"Name" = "user_id"
[constants]
schedule_id = "pay"
timezone = "Europe/Berlin"
[matrix]
[matrix.marks]
"E" = { start_time = "06:00", end_time = "14:00" }
"N" = { start_time = 22:00:00, end_time = "06:00" }
"U" = {}
"""
HEADER = ("Name", "Team", "2027-03-27T00:00:00", "2027-03-28T00:00:00", "Mon 29 Mar 2027", "Total")


def _normalizer(mapping: str, header: tuple[str, ...] = HEADER, name: str = "March") -> Normalizer:
    sheet = Sheet("roster.xlsx", name, header, tuple(range(len(header))), header_row=3)
    return Normalizer(sheet, make_rules(read_mapping(mapping, "m.toml")))


def _spans(made: Normalized) -> list[tuple[str, int, str, str]]:
    moments = [[f"{datetime.fromtimestamp(int(at), UTC):%d %H:%M}" for at in one.key[2:]] for one in made.records]
    return [(cell, int(one.key[1]), *at) for cell, one, at in zip(made.cells, made.records, moments, strict=True)]  # type: ignore[misc]


def test_each_filled_cell_is_a_record_that_names_its_cell() -> None:
    """A night ends on the next day, across the change to summer time; marks count in any case; U is nobody."""
    normalizer = _normalizer(ROSTER)
    assert normalizer.layout.not_used == ("Team", "Total")
    made = normalizer.normalize(Row(7, ("101", "A", "n", "U", " E ", "2")))
    assert not made.problems
    assert made.kind == "override"
    assert _spans(made) == [("C7", 101, "27 21:00", "28 04:00"), ("E7", 101, "29 04:00", "29 12:00")]


def test_an_unknown_mark_is_a_problem_of_its_cell_and_nothing_of_the_row_is_made() -> None:
    made = _normalizer(ROSTER).normalize(Row(7, ("../x", "", "E", "Q", "F", "")))
    assert made.records == ()
    assert [problem.cell for problem in made.problems] == ["D7", "E7", "A7"]
    assert "'Q'" in made.problems[0].message.replace('"', "'")
    assert "[matrix.marks]" in made.problems[0].hint


def test_a_row_that_names_no_shift_is_left_out_with_its_reason() -> None:
    normalizer = _normalizer(ROSTER)
    assert "[matrix]" in normalizer.left_out(Row(7, ("101", "A", "", "U", "", "")))
    assert normalizer.left_out(Row(7, ("101", "A", "", "?", "", ""))) == ""
    assert normalizer.normalize(Row(7, ("101", "A", "", "", "", ""))).problems  # emptied in a report


def test_cells_can_hold_what_differs_and_marks_can_give_any_column() -> None:
    mapping = """
        [columns]
        "Who" = "shadow_user_id"
        [constants]
        timezone = "UTC"
        shadowable_type = "Schedule"
        [defaults]
        schedule_id = "home"
        [values.schedule_id]
        "Pay" = "payments-1"
        [values.shadowable_id]
        "Pay" = "payments-1"
        [matrix]
        cells = "shadowable_id"
        start_time = "9 am"
        end_time = "17:00"
        [matrix.marks]
        "H" = { shadowable_id = "core", duration = "2h", schedule_id = "other" }
        """
    normalizer = _normalizer(mapping.replace(', duration = "2h"', ""), ("Who", "2027-03-01", "2027-03-02"))
    made = normalizer.normalize(Row(4, ("112", "Pay", "h")))
    assert not made.problems
    assert made.kind == "shadow"
    assert [(*one.key[:4], cell) for one, cell in zip(made.records, made.cells, strict=True)] == [
        ("home", "Schedule", "payments-1", 112, "B4"),
        ("other", "Schedule", "core", 112, "C4"),
    ]


def test_dates_can_stand_down_and_schedules_across() -> None:
    mapping = """
        [columns]
        "Tag" = "date"
        [constants]
        timezone = "UTC"
        [matrix]
        across = "schedule_id"
        headers = ["pay", "Core"]
        cells = "user_id"
        start_time = "08:00"
        end_time = "08:00"
        [values.schedule_id]
        "Core" = "core-1"
        """
    made = _normalizer(mapping, ("Tag", "Pay", "Core", "Note")).normalize(Row(2, ("2027-03-01", "101", "102", "x")))
    assert not made.problems
    assert [(one.key[:2], cell) for one, cell in zip(made.records, made.cells, strict=True)] == [
        (("Pay", 101), "B2"),
        (("core-1", 102), "C2"),
    ]


@pytest.mark.parametrize(
    ("first", "headers", "dates"),
    [
        ("2027-03-30", ["30", "Mi 31", "1.", "Fr\n2"], ["03-30", "03-31", "04-01", "04-02"]),
        ("2027-12-30", ["30.12.", "31.12", "1.1."], ["12-30", "12-31", "01-01"]),
        ("2027-03-01", ["1 Mar", "Tue, 2 Mar", "Mar 3"], ["03-01", "03-02", "03-03"]),
        ("", ["2027-03-01", "01.03.2027", "46447"], ["03-01", "03-01", "03-01"]),
    ],
)
def test_headers_are_dates_in_the_forms_that_rosters_have(first: str, headers: list[str], dates: list[str]) -> None:
    mapping = ROSTER.replace("[matrix]\n", f"[matrix]\nfirst = {first}\n" if first else "[matrix]\n", 1)
    made = _normalizer(mapping, ("Name", *headers)).normalize(Row(2, ("101", *("E" for _ in headers))))
    assert not made.problems
    begins = [datetime.fromtimestamp(int(one.key[2]), UTC) for one in made.records]
    assert [f"{moment:%m-%d}" for moment in begins] == dates


@pytest.mark.parametrize(
    ("first", "headers", "words"),
    [
        ("", ["2027-03-01", "2"], "B3: '2' is among dates"),
        ("", ["2027-03-01", "03/04/2027"], "can be 2027-04-03"),
        ("2027-03-01", ["1", "2", "20"], "D3: '20' is among dates, which does not follow"),
        ("2027-03-01", ["2", "1"], "does not follow"),
        ("2027-03-01", ["Mo 1", "Mi 2"], "2027-03-02 is a Tuesday"),
        ("2027-03-01", ["30.02.", "2027-03-01"], "does not exist"),
    ],
)
def test_a_header_that_cannot_be_read_as_a_date_stops_the_source(first: str, headers: list[str], words: str) -> None:
    mapping = ROSTER.replace("[matrix]\n", f"[matrix]\nfirst = {first}\n" if first else "[matrix]\n", 1)
    with pytest.raises(SourceError) as caught:
        _normalizer(mapping, ("Name", *headers))
    assert words.removeprefix("B3: ") in caught.value.message.replace('"', "'")


def test_the_header_is_found_below_titles_and_day_numbers_in_rows_are_no_header() -> None:
    mapping = read_mapping(ROSTER.replace("[matrix]\n", "[matrix]\nfirst = 2027-03-01\n", 1), "m.toml")
    rows = [("Roster March 2027", "", "", ""), ("Name", "1", "2", "3"), ("Anna", "1", "2", "3"), ("Bob", "E", "", "N")]
    assert [rate_header(cells, mapping) for cells in rows] == [0, 3, 0, 0]


def test_a_matrix_is_written_as_it_is_read() -> None:
    mapping = read_mapping(
        ROSTER + '[sheets.April.matrix]\nfirst = "2027-04-01"\nheaders = ["1", "2"]\ncells = "schedule_id"\n', "m.toml"
    )
    assert read_mapping(write_mapping(mapping), "m.toml") == mapping
    assert mapping.of_sheet("April").matrix == read_mapping(write_mapping(mapping), "m").of_sheet("April").matrix


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[matrix]\nacros = 'date'", ["[matrix]", "acros", "across"]),
        ("[matrix]\nacross = 'shedule_id'", ["shedule_id", "schedule_id"]),
        ("[matrix]\nacross = 'schedule_id'", ["across", "headers"]),
        ("[matrix]\nfirst = 'soon'", ["first", "2027-03-01"]),
        ("[matrix]\nstart_time = 8", ["start_time", "08:00"]),
        ("[matrix.marks]\nE = 'x'", ["'E'", "table"]),
        ("[matrix.marks]\nE = { start = '08:00' }", ["'E'", "start"]),
        ("[matrix.marks]\nE = { kind = 'shadow' }", ["'E'", "kind"]),
        ("[matrix.marks]\nE = { start_time = 'dawn' }", ["dawn", "start_time"]),
        ("[matrix.marks]\nE = { timezone = 'Mars/City' }", ["Mars/City"]),
        ("[constants]\nschedule_id = 'a'\n[matrix]\ncells = 'schedule_id'", ["schedule_id", "[matrix]"]),
    ],
)
def test_a_matrix_that_cannot_be_is_one_clear_sentence(text: str, words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        read_mapping(text, "m.toml")
    told = f"{caught.value.message} {caught.value.hint}".replace('"', "'")
    assert all(word in told for word in words), told


def test_a_matrix_that_no_sheet_has_is_refused() -> None:
    mapping = read_mapping(ROSTER.replace('"Name" = "user_id"', ""), "m.toml")
    with pytest.raises(SettingsError, match="no sheet has dates across"):
        refuse_lost_headers(mapping, "m.toml", [Sheet("r.csv", "r", ("Name", "1", "2"), (0, 1, 2))])
