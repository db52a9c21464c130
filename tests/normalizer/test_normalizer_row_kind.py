"""What a row is: its own cell first, then what was told, the sheet's name, the columns filled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from importer.kinds import kind_of_name
from importer.kinds.schedule import ScheduleRecord
from importer.normalizer.header import plan
from importer.normalizer.row import Normalized, Normalizer
from importer.normalizer.suggestions import suggest
from importer.records import Problem, Row, Sheet

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Schedules", "schedule"),
        ("on-call_schedule 2027", "schedule"),
        ("rootlyShadows", "shadow"),
        ("XLSShadows", "shadow"),
        ("SHADOWS", "shadow"),
        ("shadows2027", "shadow"),
        ("Shadow schedules", None),
        ("ShadowSchedules", None),
        ("Shadowing", None),
        ("reschedules", None),
        ("Sheet1", None),
        ("", None),
    ],
)
def test_a_sheet_name_tells_the_kind_by_whole_words_of_one_kind(name: str, kind: str | None) -> None:
    assert kind_of_name(name) == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("schedule", "schedule"),
        ("Schedules", "schedule"),
        ("SHADOW", "shadow"),
        (" shadows\u00a0", "shadow"),
        ("“shadow”", "shadow"),
        ("On-call schedule", "schedule"),
    ],
)
def test_the_rows_own_word_wins_over_all_else(normalize: Callable[..., Normalized], text: str, kind: str) -> None:
    for sheet_name in ("Schedules", "Shadows", "Sheet1"):
        assert normalize(sheet_name=sheet_name, kind=text, remote_id="PI7DH85").kind == kind


def test_a_wrong_word_is_a_problem_beside_the_rows_other_problems(normalize: Callable[..., Normalized]) -> None:
    result = normalize(kind="shedule", third_party_provider="VICTOROPS", remote_id="")
    assert result.kind is None
    assert [(problem.cell, problem.column) for problem in result.problems] == [
        ("A2", "kind"),
        ("B2", "third_party_provider"),
        ("C2", "remote_id"),
    ]
    assert result.problems[0] == Problem(
        'kind is "shedule"', "Write schedule, shadow or override.", "kind", "A2", "kind: unknown kind"
    )


def test_a_row_without_a_word_is_what_an_earlier_report_says_before_the_sheets_name() -> None:
    normalizer = Normalizer(Sheet("report.csv", "Schedules", ("kind", "schedule_id"), (0, 1)))
    assert normalizer.normalize(Row(2, ("", "a")), "shadow").kind == "shadow"
    assert normalizer.normalize(Row(2, ("schedule", "a")), "shadow").kind == "schedule"
    assert normalizer.normalize(Row(2, ("", "a"))).kind == "schedule"


def test_the_columns_filled_decide_where_nothing_else_does(normalize: Callable[..., Normalized]) -> None:
    schedule = normalize(third_party_provider="pd", remote_id="PI7DH85", schedule_id=" ", timezone="Europe/Berlin")
    assert schedule.records == (ScheduleRecord(third_party_provider="PAGER_DUTY", remote_id="PI7DH85"),)
    assert normalize(remote_id="", schedule_id="a", ends_at="").kind == "shadow"


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"remote_id": "PI7DH85", "schedule_id": "a"}, "columns of several kinds are filled"),
        ({"remote_id": "", "schedule_id": "\u200b", "timezone": "UTC"}, "no column that decides it is filled"),
    ],
)
def test_a_row_of_both_kinds_or_of_none_is_asked_for_its_kind(
    normalize: Callable[..., Normalized], cells: dict[str, str], reason: str
) -> None:
    result = normalize(**cells, kind="")
    (problem,) = result.problems
    assert (result.kind, result.records, problem.column) == (None, (), "kind")
    assert problem.cell == ("C2" if len(cells) == 2 else "D2")
    assert reason in problem.message
    assert "Write schedule, shadow or override" in problem.hint


def test_a_word_that_does_not_fit_the_cells_gives_what_is_missing_for_it(normalize: Callable[..., Normalized]) -> None:
    result = normalize(kind="schedule", schedule_id="a", remote_id="")
    assert [(problem.cell, problem.message) for problem in result.problems] == [
        ("C2", "remote_id is empty"),
        ("", "the sheet has no column third_party_provider"),
    ]


def test_an_unreadable_cell_counts_as_filled_and_is_not_called_missing() -> None:
    unreadable = Problem("B2 holds the error #REF!", "mend the formula", cell="B2")
    normalizer = Normalizer(Sheet("book.xlsx", "Plan", ("third_party_provider", "remote_id", "kind"), (0, 1, 2)))
    result = normalizer.normalize(Row(2, ("", "", ""), problems=(unreadable,)))
    assert result.kind == "schedule"
    assert [problem.cell for problem in result.problems] == ["B2", "A2"]


def test_a_header_is_read_as_the_rows_own_word_says_where_it_can_be_one_column_only(
    normalize: Callable[..., Normalized],
) -> None:
    times = {"starts_at": "2027-03-01T08:00Z", "ends_at": "2027-03-01T16:00Z"}
    cells = {"schedule_id": "abc", "User": "101", **times}
    (record,) = normalize(kind="override", **cells).records
    assert record.key[:2] == ("abc", 101)
    assert [problem.column for problem in normalize(kind="shadow", **cells).problems] == [
        "shadowable_id",
        "shadow_user_id",
    ]
    assert [problem.column for problem in normalize(kind="override", **cells, username="102").problems] == ["user_id"]
    header = ("kind", *cells)
    assert suggest(plan(Sheet("table.csv", "table", header, tuple(range(len(header)))))) == ()
