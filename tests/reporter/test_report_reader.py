"""A report that went through a person's hands is understood, or says where it is not."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import load_workbook
from report_lines import any_lines, any_sheets, fewer, make_sheet, unhurried

from importer.errors import SourceError
from importer.records import PRODUCT_COLUMNS, Outcome, Problem, ReportLine, Row, Sheet
from importer.reporter.columns import changed_cells, merge_columns
from importer.reporter.report_csv import write_csv
from importer.reporter.report_reader import Carried, is_report, product_column, split
from importer.reporter.report_xlsx import write_xlsx
from importer.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


def carry_all(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Carried]:
    splitter = split(make_sheet(*header))
    return [splitter.carry(Row(number, tuple(cells))) for number, cells in enumerate(rows, start=2)]


def expect(sheets: Sequence[Sheet], lines: Sequence[ReportLine]) -> list[Carried]:
    """What reading the lines' report again has to give: each line, its cells among the cells of all sheets."""
    places = merge_columns(sheets).places
    return [
        Carried(
            row=Row(
                number=line.row,
                cells=tuple("" if place < 0 else line.cells[place] for place in places[line.sheet]),
                line=place if place != line.row else 0,
            ),
            sheet=sheets[line.sheet].name,
            part=line.part,
            kind=line.kind,
            outcome=line.outcome,
            source=sheets[line.sheet].source,
        )
        for place, line in enumerate(lines, start=2)
    ]


@unhurried
@given(st.data())
def test_any_lines_come_back_from_a_csv(folder: Path, data: st.DataObject) -> None:
    sheets = data.draw(any_sheets())
    lines = data.draw(any_lines(sheets))
    with write_csv(folder / "report.csv", sheets, lines).open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file, strict=True)
    assert split(make_sheet(*header)).header == merge_columns(sheets).header
    assert carry_all(header, rows) == expect(sheets, lines)


@fewer
@given(st.data())
def test_any_lines_come_back_from_a_workbook_where_one_is_made(folder: Path, data: st.DataObject) -> None:
    sheets = data.draw(any_sheets())
    lines = data.draw(any_lines(sheets))
    path = write_xlsx(folder / "report.xlsx", sheets, lines)
    if not path:
        return
    table = load_workbook(path).get_sheet_by_name("All rows").to_python(skip_empty_area=False)
    own = merge_columns(sheets).header
    width = len(PRODUCT_COLUMNS) + len(own) + 1  # a workbook ends at its last filled column
    header, *rows = ([*map(str, row), *[""] * (width - len(row))] for row in table)
    # What is called as one of the product's columns stands behind them.
    order = sorted(range(len(own)), key=lambda place: product_column(own[place]) != "")
    wanted = [
        replace(one, row=one.row._replace(cells=tuple(one.row.cells[place] for place in order)))
        for one in expect(sheets, lines)
    ]
    carried = carry_all(header, rows)
    assert [replace(one, digest="") for one in carried] == wanted
    names = [own[place] for place in order]
    assert not any(changed_cells(names, one.row.cells, one.digest) for one in carried)


HEADER = (*PRODUCT_COLUMNS, "schedule_id", "note")
CELLS = (
    *("7", "Shadows", "3 of 12", "shadow", "rejected", "", "422", "no such user", "D7", "Mend D7."),
    *("2", "2026-03-29T01:00:00Z", "run-1", "a.csv", "0123456789ab", "abc", "'-5"),
)
OUTCOME = Outcome(Status.REJECTED, "", 422, "no such user", "D7", "Mend D7.", 2, "2026-03-29T01:00:00Z", "run-1")


def edited(**changes: str) -> dict[str, str]:
    return dict(zip(HEADER, CELLS, strict=True)) | changes


def _shout(name: str) -> str:
    return f" {name.upper()} " if name in PRODUCT_COLUMNS else name


def carry_one(cells: dict[str, str]) -> Carried:
    (carried,) = carry_all(tuple(cells), [tuple(cells.values())])
    return carried


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param(edited(), id="untouched"),
        pytest.param(dict(sorted(edited().items(), reverse=True)), id="columns moved"),
        pytest.param(edited(import_row="7.0", import_http_status="422.0", import_attempts=" 2.0 "), id="numbers"),
        pytest.param(edited(import_row=" 7. ", import_part=" 3 of 12 "), id="blanks"),
        pytest.param(edited(import_status=" REJECTED ", import_kind="Shadow"), id="case"),
        pytest.param({_shout(name): cell for name, cell in edited().items()}, id="header's case"),
    ],
)
def test_what_people_do_in_a_spreadsheet_is_understood(cells: dict[str, str]) -> None:
    carried = carry_one(cells)
    own = dict(zip(split(make_sheet(*cells)).header, carried.row.cells, strict=True))
    assert own == {"schedule_id": "abc", "note": "-5"}
    assert (carried.row.number, carried.row.line, carried.row.problems) == (7, 2, ())
    assert (carried.sheet, carried.part, carried.kind, carried.outcome) == ("Shadows", "3 of 12", "shadow", OUTCOME)


def test_the_products_columns_may_be_deleted_but_for_two() -> None:
    cells = {"note": "x", "import_status": "created", "import_row": "9"}
    assert carry_one(cells) == Carried(Row(9, ("x",), line=2), "", "", None, Outcome(Status.CREATED))


def test_an_added_line_counts_as_its_place_in_the_report_and_was_never_attempted() -> None:
    cells = dict.fromkeys(PRODUCT_COLUMNS, "") | {"schedule_id": "new", "note": ""}
    assert carry_one(cells) == Carried(Row(2, ("new", "")), "", "", None, None, is_numbered=False)


def test_a_line_without_its_status_was_never_attempted() -> None:
    carried = carry_one(edited(import_status=" "))
    assert (carried.row.number, carried.row.problems, carried.outcome) == (7, (), None)


@pytest.mark.parametrize(
    ("column", "text", "cell"),
    [
        *(("import_row", text, "A2") for text in ("seven", "7.5", "0", "-7", "1,234", "1e3", "²", "9" * 5000)),
        *(("import_part", text, "C2") for text in ("12-Mar", "2026-03-12T00:00:00", "3")),
        *(("import_kind", text, "D2") for text in ("shadows", "x")),
        *(("import_status", text, "E2") for text in ("done", "created?", "0")),
    ],
)
def test_what_cannot_be_understood_is_a_problem_of_its_cell(column: str, text: str, cell: str) -> None:
    (problem,) = carry_one(edited(**{column: text})).row.problems
    assert (problem.column, problem.cell, problem.topic) == (column, cell, f"{column} cannot be understood")
    assert problem.message.startswith(f'{column} is "{text[:60]}')
    assert problem.hint


def test_a_status_that_is_not_understood_is_not_taken_for_another() -> None:
    assert carry_one(edited(import_status="creatd")).outcome is None


def test_a_row_that_is_not_understood_counts_as_its_place_in_the_report() -> None:
    assert carry_one(edited(import_row="seven")).row.number == 2


def test_a_problem_shows_no_control_characters() -> None:
    (problem,) = carry_one(edited(import_status="\x1b[31m\u202e")).row.problems
    assert problem.message == r'import_status is "\x1b[31m\u202e", which cannot be understood.'


def test_what_reading_found_wrong_with_a_line_stays_with_it() -> None:
    problem = Problem("too many cells", cell="Q2")
    carried = split(make_sheet(*HEADER)).carry(Row(2, CELLS, problems=(problem,)))
    assert carried.row.problems == (problem,)


def test_cells_are_named_as_they_stand_in_the_report() -> None:
    sheet = Sheet("r.xlsx", "report", ("note", "import_row", "import_status"), (1, 4, 27))
    splitter = split(sheet)
    (problem,) = splitter.carry(Row(3, ("x", "7", "?"), line=9)).row.problems
    assert (splitter.header, splitter.positions, problem.cell) == (("note",), (1,), "AB9")


def test_a_column_of_the_source_called_as_the_products_stays_the_sources() -> None:
    splitter = split(make_sheet(*PRODUCT_COLUMNS, "Import_Id", "note", "import_id"))
    carried = splitter.carry(Row(2, ("7", *[""] * 4, "ours", *[""] * 9, "1", "2", "3")))
    assert (splitter.header, carried.row.cells) == (("Import_Id", "note", "import_id"), ("1", "2", "3"))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (("import_row", "import_status"), True),
        (("note", " Import_Status ", "IMPORT_ROW"), True),
        (("import_row", "note"), False),
        (("import_status",), False),
        ((), False),
    ],
)
def test_a_report_is_known_by_two_columns(header: tuple[str, ...], expected: bool) -> None:
    assert is_report(header) is expected


def test_a_table_that_is_no_report_is_refused_with_the_way_out() -> None:
    with pytest.raises(SourceError, match=r'"roster\.xlsx" is not a report') as caught:
        split(make_sheet("schedule_id", "import_row"))
    assert "report.csv" in caught.value.hint


@pytest.mark.parametrize("text", ["3 of 12", "3/12", " 03 OF 12 "])
def test_the_part_of_a_row_is_read_as_it_is_and_was_written(text: str) -> None:
    """A spreadsheet makes a date of `3/12`, which 0.1.0 wrote."""
    carried = carry_one(edited(import_part=text))
    assert (carried.part, carried.row.problems) == ("3 of 12", ())
