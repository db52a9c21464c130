"""report.csv gives back what went in, cell by cell."""

from __future__ import annotations

import csv
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_lines import CREATED, TEXTS, any_lines, any_sheets, make_line, make_sheet, unhurried

from importer.records import PRODUCT_COLUMNS, Outcome, ReportLine
from importer.reporter.formula_guard import unguard
from importer.reporter.report_csv import write_csv
from importer.statuses import Status

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, strict=True))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("csv") / "report.csv"


@unhurried
@given(cells=st.lists(TEXTS, min_size=1, max_size=6), header=st.data())
def test_any_header_and_any_cell_come_back(report: Path, cells: list[str], header: st.DataObject) -> None:
    names = [header.draw(TEXTS) for _ in cells]
    rows = read(write_csv(report, [make_sheet(*names)], [make_line(*cells)]))
    assert [[unguard(cell) for cell in row[len(PRODUCT_COLUMNS) :]] for row in rows] == [names, cells]


@unhurried
@given(TEXTS)
def test_any_text_of_a_server_comes_back(report: Path, text: str) -> None:
    outcome = Outcome(Status.REJECTED, text, 422, error=text, cell=text, hint=text)
    _, row = read(write_csv(report, [make_sheet(name=text)], [make_line(outcome=outcome)]))
    columns = dict(zip(PRODUCT_COLUMNS, map(unguard, row), strict=True))
    told = [columns[f"import_{name}"] for name in ("sheet", "id", "error", "cell", "hint")]
    assert told == [text] * 5


@unhurried
@given(st.data())
def test_the_same_lines_make_the_same_bytes(report: Path, data: st.DataObject) -> None:
    sheets = data.draw(any_sheets())
    lines = data.draw(any_lines(sheets))
    first = write_csv(report, sheets, lines).read_bytes()
    assert write_csv(report, sheets, iter(lines)).read_bytes() == first


def test_a_spreadsheet_finds_a_bom_commas_and_crlf(report: Path) -> None:
    content = write_csv(report, [make_sheet("id")], [make_line("ä")]).read_bytes()
    assert content.startswith(b"\xef\xbb\xbfimport_row,import_sheet,")
    assert content.endswith(b",\xc3\xa4\r\n")
    assert content.count(b"\r\n") == content.count(b"\n") == 2


def test_a_line_says_what_became_of_its_row(report: Path) -> None:
    outcome = Outcome(Status.REJECTED, "", 422, "no such user", "D7", "Mend D7.", 2, "2026-03-29T01:00:00Z", "run-1")
    line = ReportLine(0, 7, "3 of 12", "shadow", ("x",), outcome)
    _, row = read(write_csv(report, [make_sheet("id")], [line]))
    assert row == [
        *("7", "Shadows", "3 of 12", "shadow", "rejected", "", "422", "no such user", "D7", "Mend D7."),
        *("2", "2026-03-29T01:00:00Z", "run-1", "roster.xlsx", "", "x"),
    ]


def test_no_answer_is_an_empty_http_status_and_no_attempt_a_zero(report: Path) -> None:
    line = ReportLine(0, 7, "", None, (), Outcome(Status.PENDING))
    _, row = read(write_csv(report, [make_sheet()], [line]))
    assert row == ["7", "Shadows", "", "", "pending", "", "", "", "", "", "0", "", "", "roster.xlsx", ""]


def test_half_a_character_in_a_server_s_answer_does_not_lose_the_report(report: Path) -> None:
    _, row = read(write_csv(report, [make_sheet()], [make_line(outcome=CREATED._replace(error="bad \ud83d end"))]))
    assert row[PRODUCT_COLUMNS.index("import_error")] == r"bad \ud83d end"


def test_memory_does_not_grow_with_the_lines(report: Path) -> None:
    lines = (make_line("x" * 200, row=number) for number in range(2, 20_002))
    tracemalloc.start()
    write_csv(report, [make_sheet("note")], lines)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000 < report.stat().st_size
