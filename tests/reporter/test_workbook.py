"""report.xlsx gives back what went in, cell by cell, or is not made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import load_workbook
from report_lines import TEXTS, fewer, make_line, make_sheet

from importer.records import Outcome, Status
from importer.reporter import PRODUCT_COLUMNS, unguard, write_xlsx

if TYPE_CHECKING:
    from pathlib import Path

FIRST = len(PRODUCT_COLUMNS)


def read(path: Path | None) -> list[list[object]]:
    assert path is not None
    return [list(row) for row in load_workbook(path).get_sheet_by_name("report").to_python(skip_empty_area=False)]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("xlsx") / "report.xlsx"


@fewer
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=30))
def test_any_cell_comes_back_where_a_workbook_is_made(report: Path, rows: list[tuple[str, str]]) -> None:
    path = write_xlsx(report, [make_sheet("a", "b")], [make_line(*row) for row in rows])
    if path:
        assert [tuple(unguard(str(cell)) for cell in row[FIRST:]) for row in read(path)] == [("a", "b"), *rows]


@fewer
@given(TEXTS.filter(bool))
def test_any_header_and_any_text_of_a_server_come_back_where_a_workbook_is_made(report: Path, text: str) -> None:
    outcome = Outcome(Status.REJECTED, text, 422, error=text, hint=text)
    path = write_xlsx(report, [make_sheet(text, name=text)], [make_line("1", outcome=outcome)])
    if path:
        header, row = read(path)
        places = [PRODUCT_COLUMNS.index(f"import_{name}") for name in ("sheet", "id", "error", "hint")]
        assert [unguard(str(cell)) for cell in (header[FIRST], *(row[place] for place in places))] == [text] * 5


@pytest.mark.parametrize(
    "text",
    [
        *("=1+1", "=HYPERLINK(1)", "https://example.com", "00042", "1e5", "TRUE", "12345678901234567890"),
        *("\x1b[31m", "\0", "a\rb", "a\r\nb", "\n", " a ", "_x001B_", "_x005F_", "_x0041__x0042_", "<r>", "x" * 32_766),
    ],
)
def test_a_cell_stays_the_text_that_it_is(report: Path, text: str) -> None:
    _, row = read(write_xlsx(report, [make_sheet("note")], [make_line(text)]))
    assert unguard(str(row[FIRST])) == text


@pytest.mark.parametrize(
    "text",
    ["x" * 32_768, "=" + "x" * 32_767, "_x005F_x001B_", "<r>x</r>", "<r>\n</r>", "\uffff", "half \ud83d"],
    ids=["too long", "too long when guarded", "two escapes in one", "rich", "rich with a line end", "no XML", "half"],
)
def test_no_workbook_is_made_of_what_would_not_come_back_and_the_older_one_stays(tmp_path: Path, text: str) -> None:
    report = tmp_path / "report.xlsx"
    report.write_bytes(b"older")
    assert write_xlsx(report, [make_sheet("note")], [make_line("fine"), make_line(text)]) is None
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("report.xlsx", b"older")]


def test_no_workbook_is_made_of_more_columns_than_it_can_have(report: Path) -> None:
    header = [f"c{number}" for number in range(16_384 - FIRST)]
    assert len(read(write_xlsx(report, [make_sheet(*header)], []))[0]) == 16_384
    assert write_xlsx(report, [make_sheet(*header, "one more")], []) is None


@pytest.mark.long
def test_no_workbook_is_made_of_more_lines_than_it_can_have(report: Path) -> None:
    line = make_line(outcome=Outcome(Status.CREATED))
    assert write_xlsx(report, [make_sheet()], (line for _ in range(1_048_576))) is None


def test_the_same_lines_make_the_same_cells(report: Path) -> None:
    sheets = [make_sheet("id", "note"), make_sheet("note", "", name="Two")]
    lines = [make_line("1", "-x"), make_line("y", "\x1b", sheet=1)]
    assert read(write_xlsx(report, sheets, lines)) == read(write_xlsx(report, sheets, iter(lines)))


def test_the_row_the_http_status_and_the_attempts_sort_as_numbers_and_all_else_is_text(report: Path) -> None:
    write_xlsx(report, [make_sheet("id", "=A1")], [make_line("00042", "=1+1", row=7)])
    sheet = openpyxl.load_workbook(report)["report"]
    numbers = {
        sheet.cell(1, cell.column).value: cell.value for cell in sheet[2] if cell.data_type == "n" and cell.value
    }
    assert numbers == {"import_row": 7, "import_http_status": 200, "import_attempts": 1}
    assert {cell.data_type for row in sheet for cell in row if cell.value is not None} == {"n", "s"}


def test_the_header_stays_in_sight_and_filters(report: Path) -> None:
    write_xlsx(report, [make_sheet("id")], [make_line("1"), make_line("2")])
    book = openpyxl.load_workbook(report)
    sheet = book["report"]
    assert (book.sheetnames, sheet.freeze_panes, sheet.auto_filter.ref) == (["report"], "A2", "A1:N3")
    assert all(cell.font.b for cell in sheet[1])
    assert not sheet["A2"].font.b


def test_an_empty_run_has_a_header(report: Path) -> None:
    assert read(write_xlsx(report, [make_sheet("id")], [])) == [[*PRODUCT_COLUMNS, "id"]]
