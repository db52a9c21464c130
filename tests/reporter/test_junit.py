"""The JUnit file: any text makes a well-formed one whose numbers are right, in whatever order the sheets come."""

from __future__ import annotations

import os
import stat
import tracemalloc
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_lines import TEXTS, fewer, make_line, make_sheet

from importer.errors import UsageError
from importer.records import Outcome
from importer.reporter.junit import check_junit_path, write_junit
from importer.statuses import Status

if TYPE_CHECKING:
    from pathlib import Path

ELEMENTS = {
    Status.INVALID: "failure",
    Status.REJECTED: "failure",
    Status.FAILED: "failure",
    Status.UNDONE: "failure",
    Status.CHANGED: "failure",
    Status.KEPT: "failure",
    Status.MANUAL: "failure",
    Status.UNKNOWN: "error",
    Status.PENDING: "skipped",
}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("junit") / "out.xml"


@fewer
@given(TEXTS, TEXTS, st.sampled_from(list(ELEMENTS)))
def test_any_text_makes_a_well_formed_file(path: Path, text: str, name: str, status: Status) -> None:
    sheet = make_sheet("id", name=name)
    write_junit(path, name, [sheet], [make_line("1", outcome=Outcome(status, error=text, cell=text, hint=text))])
    (case,) = ET.parse(path).getroot().iter("testcase")
    (found,) = case
    assert (found.tag, found.get("type")) == (ELEMENTS[status], status.value)


@fewer
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(list(Status)))))
def test_each_row_is_a_case_of_its_sheets_suite_and_the_numbers_add_up(
    path: Path, rows: list[tuple[int, Status]]
) -> None:
    """Also where a report was sorted, so that the sheets take turns."""
    sheets = [make_sheet("id", name=f"sheet {number}") for number in range(3)]
    lines = [
        make_line("1", row=row, sheet=sheet, outcome=Outcome(status)) for row, (sheet, status) in enumerate(rows, 2)
    ]
    root = ET.parse(write_junit(path, "a-run", sheets, lines)).getroot()
    assert [suite.get("name") for suite in root] == ["sheet 0", "sheet 1", "sheet 2"]
    for number, suite in enumerate(root):
        own = [(row, status) for row, (sheet, status) in enumerate(rows, 2) if sheet == number]
        assert [case.get("name") for case in suite] == [f"row {row}" for row, _ in own]
        tags = [ELEMENTS.get(status, "") for _, status in own]
        told = [suite.get(name) for name in ("tests", "failures", "errors", "skipped")]
        assert told == [str(len(own)), *(str(tags.count(tag)) for tag in ("failure", "error", "skipped"))]
    assert root.get("tests") == str(len(rows))


def test_a_failure_tells_what_where_and_what_next(path: Path) -> None:
    outcome = Outcome(Status.REJECTED, http_status=422, error="no seat", cell="B7", hint="mend the row")
    root = ET.parse(write_junit(path, "a-run", [make_sheet("id")], [make_line("1", outcome=outcome)])).getroot()
    (failure,) = root.iter("failure")
    assert failure.get("message") == "no seat"
    assert (failure.text or "").splitlines() == ["no seat", "cell: B7", "hint: mend the row", "HTTP status: 422"]


def test_what_a_check_would_send_is_good(path: Path) -> None:
    lines = [make_line("1", outcome=Outcome(Status.PENDING))]
    root = ET.parse(write_junit(path, "check", [make_sheet("id")], lines, is_check=True)).getroot()
    assert not list(root.iter("skipped"))


def test_lines_are_taken_one_by_one(path: Path) -> None:
    """A hundred times the lines take no more memory."""
    sheet, line = make_sheet("id"), make_line("1", outcome=Outcome(Status.FAILED, error="x" * 200))
    peaks = []
    for number in (100, 10_000):
        tracemalloc.start()
        write_junit(path, "a-run", [sheet], (line for _ in range(number)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 300_000


def test_a_name_that_cannot_be_is_refused_before_anything_happens(tmp_path: Path) -> None:
    source = tmp_path / "s.csv"
    source.touch()
    socket_file = tmp_path / "socket"
    os.mknod(socket_file, 0o600 | stat.S_IFSOCK)
    for wrong in (tmp_path / "nosuch" / "out.xml", tmp_path, source, socket_file):
        with pytest.raises(UsageError):
            check_junit_path(wrong, [str(source)])
    check_junit_path(tmp_path / "out.xml", ["-", str(source)])
