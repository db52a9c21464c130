"""A row's problems: all of them, in the order of the sheet, each with its cell."""

from __future__ import annotations

import pytest

from importer.cells import BLANKS
from importer.kinds import COLUMNS
from importer.normalizer.mapping import make_rules
from importer.normalizer.mapping_file import read_mapping
from importer.normalizer.row import Normalizer
from importer.records import UNEVEN, Problem, Row, Sheet
from importer.wording import quote

BAD = {
    "ends_at": ("2027-03-01", "C9"),
    "timezone": ("Mars", "D9"),
    "shadow_user_id": ("anna", "E9"),
    "schedule_id": ("../users", "G9"),
    "shadowable_type": ("Team", "H9"),
    "shadowable_id": ("../b", "I9"),
    "starts_at": ("03/04/2026", "J9"),
}


def test_all_problems_of_a_row_come_at_once_in_the_order_of_the_sheet_with_their_cells() -> None:
    sheet = Sheet("plan.xlsx", "Shadows", (*list(BAD)[:3], "Note", *list(BAD)[3:]), (2, 3, 4, 5, 6, 7, 8, 9))
    values = [value for value, _ in BAD.values()]
    result = Normalizer(sheet).normalize(Row(9, (*values[:3], "hello", *values[3:])))
    assert [(problem.column, problem.cell) for problem in result.problems] == [
        (column, cell) for column, (_, cell) in BAD.items()
    ]
    assert result.kind == "shadow"
    assert result.records == ()
    for problem in result.problems:
        assert problem.message.startswith(f"{problem.column} is {quote(BAD[problem.column][0])}")
        assert problem.hint.endswith(".")


def test_what_a_sheet_lacks_is_named_after_what_stands_in_it() -> None:
    result = Normalizer(Sheet("plan.csv", "shadows", ("starts_at", "schedule_id"), (0, 1))).normalize(Row(2, ("", "a")))
    assert [(problem.cell, problem.message) for problem in result.problems] == [
        ("A2", "starts_at is empty"),
        ("", "the sheet has no column shadowable_id"),
        ("", "the sheet has no column shadow_user_id"),
        ("", "the sheet has no column ends_at"),
    ]
    assert result.problems[-1].hint.startswith(
        "Add a column ends_at, or run oncall-importer map to choose one of yours, and write "
    )


def test_what_reading_found_comes_first_and_makes_the_row_invalid() -> None:
    wide = Problem("the row has 3 cells, the header 2", "mend the line")
    sheet = Sheet("list.csv", "schedules", ("remote_id", "third_party_provider"), (0, 1))
    good = Normalizer(sheet).normalize(Row(4, ("PI7DH85", "pd"), problems=(wide,)))
    assert (good.kind, good.records, good.problems) == ("schedule", (), (wide,))
    bad = Normalizer(sheet).normalize(Row(4, ("", "pd"), problems=(wide,)))
    assert [problem.cell for problem in bad.problems] == ["", "A4"]


@pytest.mark.parametrize("text", ["", "#N/A"])
def test_a_cell_that_could_not_be_read_has_that_one_problem(text: str) -> None:
    unreadable = Problem("D5 holds the error #N/A", "mend the formula", cell="D5")
    header = ("schedule_id", "shadowable_id", "shadow_user_id", "starts_at", "ends_at")
    cells = ("a", "101", "112", text, "2027-03-01T16:00:00Z")
    result = Normalizer(Sheet("book.xlsx", "S", header, (0, 1, 2, 3, 4))).normalize(
        Row(5, cells, problems=(unreadable,))
    )
    assert result.problems == (unreadable,)


@pytest.mark.parametrize(
    ("cell", "topic", "is_used"),
    [
        ("A5", "a cell that holds an error", True),
        ("B5", "a cell that holds an error", False),
        ("C5", "a cell that holds an error", False),
        ("B5", UNEVEN, True),
        ("D5", "a cell that holds an error", True),
        ("E5", "a cell that holds an error", True),
        ("", "another problem of the row", True),
    ],
)
def test_a_cell_that_could_not_be_read_in_a_column_that_is_not_used_is_a_warning(
    cell: str, topic: str, is_used: bool
) -> None:
    """A column of a mapping's [rows] or [fill] is used."""
    sheet = Sheet("book.xlsx", "S", ("remote_id", "Hours", "", "Status", "Region"), (0, 1, 2, 3, 4))
    mapping = read_mapping('[rows]\nkeep = { "Status" = ["yes"] }\n[fill]\ndown = ["Region"]', "map.toml")
    normalizer = Normalizer(sheet, make_rules(mapping, provider="pd"))
    unreadable = Problem("it holds the error #N/A", "mend the formula", cell=cell, topic=topic)
    row = normalizer.with_doubtful_cells(Row(5, ("PI7DH85", "", "#N/A", "yes", ""), problems=(unreadable,)))
    idle = unreadable._replace(
        message="it holds the error #N/A, in a column that is not used", topic=f"{topic}, in a column that is not used"
    )
    assert (row.problems, row.warnings) == (((unreadable,), ()) if is_used else ((), (idle,)))


@pytest.mark.parametrize(
    ("name", "header", "is_told"),
    [
        ("Sheet1", ("schedule_id", "User", "starts_at", "ends_at"), True),
        ("Shadows", ("schedule_id", "User", "starts_at", "ends_at"), False),
        ("Sheet1", ("schedule_id", "shadow_user_id", "starts_at", "ends_at"), False),
        ("Sheet1", ("schedule_id", "kind", "starts_at", "ends_at"), False),
    ],
)
def test_a_lack_of_columns_says_which_other_kind_the_sheet_could_hold(
    name: str, header: tuple[str, ...], is_told: bool
) -> None:
    cells = ("a", "shadow", "2027-03-01T08:00:00Z", "2027-03-01T16:00:00Z")
    result = Normalizer(Sheet("book.xlsx", name, header, (0, 1, 2, 3))).normalize(Row(2, cells))
    lacking = [problem for problem in result.problems if problem.column == "shadowable_id"]
    told = " If these are overrides, write override into a column kind."
    assert [problem.hint.endswith(told) for problem in lacking] == [is_told]


@pytest.mark.parametrize(
    ("header", "text", "mapping", "is_told"),
    [
        ("Status", "cancelled", "", True),
        (" STATE ", " Declined ", "", True),
        ("Status", "confirmed", "", False),
        ("Status", "", "", False),
        ("Note", "cancelled", "", False),
        ("Status", "cancelled", '[rows]\ndrop = { "Status" = ["declined"] }', False),
    ],
)
def test_a_row_whose_status_says_that_it_no_longer_counts_is_reported_unless_the_mapping_decides(
    header: str, text: str, mapping: str, is_told: bool
) -> None:
    sheet = Sheet("list.csv", "schedules", ("remote_id", header), (0, 1))
    normalizer = Normalizer(sheet, make_rules(read_mapping(mapping, "map.toml"), provider="pd"))
    row = normalizer.with_doubtful_cells(Row(4, ("PI7DH85", text)))
    assert [(warning.cell, warning.topic) for warning in row.warnings] == [
        ("B4", "a row whose status says that it no longer counts")
    ] * is_told


def test_cells_are_named_in_the_file_just_read() -> None:
    """In a report read again the row stands elsewhere than in the source."""
    result = Normalizer(Sheet("report.csv", "schedules", ("remote_id",), (13,)), make_rules(provider="pd")).normalize(
        Row(900, ("",), line=7)
    )
    assert [problem.cell for problem in result.problems] == ["N7"]


def test_outer_blanks_of_all_sorts_are_no_part_of_a_value() -> None:
    sheet = Sheet("list.csv", "schedules", ("third_party_provider", "remote_id"), (0, 1))
    result = Normalizer(sheet).normalize(Row(2, (f"{BLANKS}pd{BLANKS}", f"{BLANKS}PI7DH85{BLANKS}")))
    assert [record.key for record in result.records] == [("PAGER_DUTY", "PI7DH85")]
    assert {problem.message for problem in Normalizer(sheet).normalize(Row(2, (BLANKS, BLANKS))).problems} == {
        "third_party_provider is empty",
        "remote_id is empty",
    }


def test_every_column_says_what_is_right_as_an_order() -> None:
    assert all(column.right.startswith("write ") for column in COLUMNS.values())


_SUM = "the cell holds a formula whose result was never stored"


@pytest.mark.parametrize(
    ("header", "cells", "unreadable", "cell"),
    [
        ("schedule_id shadowable_id shadow_user_id starts_at ends_at", ("Total", "", "", "", ""), "", "A5"),
        ("schedule_id shadowable_id shadow_user_id starts_at ends_at", ("Total", "", "", "", ""), "CD", "A5"),
        ("schedule_id user_id starts_at ends_at", ("", "", "Sum", ""), "B", "C5"),
        ("schedule_id user_id starts_at ends_at hours", ("", "", "", "", "x"), "", "E5"),  # a cell that is astray
        ("remote_id third_party_provider hours", ("", "", "24"), "", "C5"),
    ],
)
def test_a_total_or_a_stray_cell_below_a_table_is_one_problem_whatever_is_wrong_with_its_sums(
    header: str, cells: tuple[str, ...], unreadable: str, cell: str
) -> None:
    sheet = Sheet("plan.xlsx", "plan", tuple(header.split()), tuple(range(len(cells))))
    row = Row(5, cells, problems=tuple(Problem(_SUM, "Calculate.", cell=f"{letter}5") for letter in unreadable))
    (problem,) = Normalizer(sheet).normalize(row).problems
    assert (problem.topic, problem.cell) == ("a row with only one cell", cell)


@pytest.mark.parametrize(
    ("first", "topics"),
    [
        ("Total", {"a row of totals"}),
        ("Grand total:", {"a row of totals"}),
        ("Summe Mai", {"a row of totals"}),
        ("Totality", {"user_id is empty", "ends_at is empty", "starts_at: not a date-time"}),  # begins otherwise
    ],
)
def test_a_row_of_totals_may_have_sums_in_columns_of_a_record(first: str, topics: set[str]) -> None:
    sheet = Sheet("plan.xlsx", "plan", ("schedule_id", "user_id", "starts_at", "ends_at"), (0, 1, 2, 3))
    problems = Normalizer(sheet).normalize(Row(7, (first, "", "5 rows", ""))).problems
    assert {problem.topic for problem in problems} == topics
    full = Normalizer(sheet).normalize(Row(7, (first, "112", "5 rows", ""))).problems  # more than half of a record
    assert "a row of totals" not in {problem.topic for problem in full}


@pytest.mark.parametrize(
    ("header", "cells", "unreadable"),
    [
        ("schedule_id user_id starts_at ends_at", ("primary-eu", "", "", ""), "BCD"),  # nothing was calculated yet
        ("schedule_id user_id starts_at ends_at", ("primary-eu", "112", "", ""), "C"),
        ("remote_id third_party_provider", ("PI7DH85", ""), "B"),
    ],
)
def test_a_row_that_unreadable_cells_could_complete_is_a_record_with_its_own_problems(
    header: str, cells: tuple[str, ...], unreadable: str
) -> None:
    sheet = Sheet("plan.xlsx", "plan", tuple(header.split()), tuple(range(len(cells))))
    row = Row(5, cells, problems=tuple(Problem(_SUM, "Calculate.", cell=f"{letter}5") for letter in unreadable))
    problems = Normalizer(sheet).normalize(row).problems
    assert {problem.cell[0] for problem in problems if problem.message == _SUM} == set(unreadable)
    assert all(problem.topic != "a row with only one cell" for problem in problems)
