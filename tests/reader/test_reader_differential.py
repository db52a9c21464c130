"""What we read of a workbook is cell by cell what independent readers read, in every format.

Tables of all kinds of values are written by one program and read by us and by another: openpyxl, odfpy and calamine
know nothing of our reading. A cell that one of the two readings of a workbook loses is found by the other.
"""

from __future__ import annotations

import csv
import datetime as dt
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import openpyxl
import pandas as pd
import pytest
import python_calamine
import xlsxwriter
import xlwt
from odf.opendocument import OpenDocumentSpreadsheet, load
from odf.table import Table, TableCell, TableRow
from odf.text import P

from importer.errors import SourceError
from importer.reader.limits import Bounds
from importer.reader.read import read
from importer.reader.stored_cells import EMPTY, StoredRow, WalkedRow, text_rows
from importer.reader.worker import Workbook, open_storage

from . import binary_workbook as binary

Value: TypeAlias = str | bool | int | float | dt.datetime | None
Cells: TypeAlias = dict[tuple[int, int], str]  # row from 1, column from 0
_DATE = "yyyy-mm-dd hh:mm:ss"
_ZERO = dt.datetime(1899, 12, 30)  # noqa: DTZ001  (cells have no zone)
_TEXTS = ["PI7DH85", "00042", "NA", "a\nb", " padded ", "Zürich", "東京", "1e5", "<&>", "x" * 300, "TRUE", "2027-03-01"]


def table(seed: int) -> dict[tuple[int, int], Value]:
    """Make a table with gaps: a header in row 1, and values of all kinds below it."""
    chance = random.Random(seed)
    columns = chance.sample(range(30), 6)
    cells: dict[tuple[int, int], Value] = {(1, column): f"header {column}" for column in columns}
    row = 1
    for _ in range(60):
        row += chance.choice([1, 1, 1, 2, 40])
        cells |= {(row, column): value(chance) for column in columns if chance.random() < 0.8}
    return {place: value for place, value in cells.items() if value is not None}


def value(chance: random.Random) -> Value:
    whole = chance.randrange(-(10**6), 10**12)
    moment = dt.datetime(2027, 1, 1) + dt.timedelta(seconds=chance.randrange(10**8))  # noqa: DTZ001
    return chance.choice(
        [chance.choice(_TEXTS), whole, whole % 10**7 / 64, round(chance.random(), 9), True, False, moment, None]
    )


def expected(found: Any) -> str:
    """Say what a person sees of a value, without any code of ours."""
    if isinstance(found, bool):
        return str(found).upper()
    if isinstance(found, dt.datetime):
        return (found + dt.timedelta(microseconds=500_000)).replace(microsecond=0).isoformat()
    if isinstance(found, dt.date):
        return f"{found.isoformat()}T00:00:00"
    if isinstance(found, float):
        return str(int(found)) if found.is_integer() else f"{found:.12f}".rstrip("0")
    return "" if found is None else str(found)


# ---- writers


def by_xlsxwriter(path: Path, cells: dict[tuple[int, int], Value]) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet, date = book.add_worksheet("S"), book.add_format({"num_format": _DATE})
        for (row, column), each in cells.items():
            if isinstance(each, str):
                sheet.write_string(row - 1, column, each)
            elif isinstance(each, dt.datetime):
                sheet.write_datetime(row - 1, column, each, date)
            else:
                sheet.write(row - 1, column, each)


def by_openpyxl(path: Path, cells: dict[tuple[int, int], Value]) -> None:
    book = openpyxl.Workbook()
    for (row, column), each in cells.items():
        cell = book.active.cell(row, column + 1, each)
        if isinstance(each, dt.datetime):
            cell.number_format = _DATE
    book.save(path)


def by_xlwt(path: Path, cells: dict[tuple[int, int], Value]) -> None:
    book = xlwt.Workbook()
    sheet, date = book.add_sheet("S"), xlwt.easyxf(num_format_str=_DATE)
    for (row, column), each in cells.items():
        sheet.write(row - 1, column, each, *([date] if isinstance(each, dt.datetime) else []))
    book.save(str(path))


def by_odfpy(path: Path, cells: dict[tuple[int, int], Value]) -> None:
    document = OpenDocumentSpreadsheet()
    sheet = Table(name="S")
    document.spreadsheet.addElement(sheet)
    last = max(row for row, _ in cells)
    for row in range(1, last + 1):
        line = TableRow()
        sheet.addElement(line)
        for column in range(max((column for number, column in cells if number == row), default=-1) + 1):
            line.addElement(odf_cell(cells.get((row, column))))
    document.save(str(path))


def odf_cell(each: Value) -> Any:
    match each:
        case None:
            return TableCell()
        case bool():
            cell = TableCell(valuetype="boolean", booleanvalue=str(each).lower())
        case int() | float():
            cell = TableCell(valuetype="float", value=repr(each))
        case dt.datetime():
            cell = TableCell(valuetype="date", datevalue=each.isoformat())
        case _:
            cell = TableCell(valuetype="string")
            for line in each.split("\n"):
                cell.addElement(P(text=line))
            return cell
    cell.addElement(P(text=expected(each)))
    return cell


def by_hand_as_xlsb(path: Path, cells: dict[tuple[int, int], Value]) -> None:
    rows = sorted({row for row, _ in cells})
    binary.write_xlsb(path, ("S", 0, b"".join(binary_row(row, cells) for row in rows)))


def binary_row(row: int, cells: dict[tuple[int, int], Value]) -> bytes:
    made = [
        binary_cell(column, each)
        for (number, column), each in sorted(cells.items(), key=lambda one: one[0])
        if number == row
    ]
    return binary.row(row, *made)


def binary_cell(column: int, each: Value) -> bytes:
    match each:
        case bool():
            return binary.cell(0x04, column, bytes([each]))
        case int() | float():
            return binary.real(column, each)
        case dt.datetime():
            return binary.real(column, (each - _ZERO) / dt.timedelta(days=1), style=1)
    return binary.label(column, str(each))


def by_csv(path: Path, cells: dict[tuple[int, int], Value]) -> None:
    columns = range(max(column for _, column in cells) + 1)
    with path.open("w", encoding="utf-8", newline="") as file:
        for row in range(1, max(row for row, _ in cells) + 1):
            csv.writer(file).writerow([expected(cells.get((row, column))) for column in columns])


# ---- readers


def as_we_read(path: Path) -> Cells:
    """Read it in this process, both readings of a row side by side."""
    found: Cells = {}
    if path.suffix == ".csv":
        for chunk in read(path):
            found |= {(1, column): text for column, text in enumerate(chunk.sheet.header)}
            found |= {(row.number, column): text for row in chunk.rows for column, text in enumerate(row.cells)}
        return {place: text for place, text in found.items() if text}
    with path.open("rb") as file:
        messages: list[Any] = list(Workbook(file, path.parent, Bounds()).messages([], first_row))
    (_, _, header, positions, *_), *batches = messages
    found |= {(1, column): text for column, text in zip(positions, header, strict=True)}
    assert batches[-1][-1] == 1
    for _, numbers, cells, remarks, _ in batches:
        assert remarks == []
        texts = iter(cells)
        found |= {(number, column): next(texts) for number in numbers for column in positions}
    return {place: text for place, text in found.items() if text}


def first_row(message: Any) -> int:
    return int(message[2][0][0])


def as_openpyxl_reads(path: Path) -> Cells:
    sheet = openpyxl.load_workbook(path).worksheets[0]
    return filled({(cell.row, cell.column - 1): cell.value for row in sheet.iter_rows() for cell in row})


def as_pandas_reads(path: Path) -> Cells:
    frame = pd.read_csv(path, header=None, dtype=str, keep_default_na=False, skip_blank_lines=False)
    rows = frame.itertuples(index=False, name=None)
    return filled({(number, column): each for number, row in enumerate(rows, 1) for column, each in enumerate(row)})


def as_calamine_reads(path: Path) -> Cells:
    sheet = python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
    assert sheet.start is not None
    rows, left = sheet.iter_rows(), sheet.start[1]
    return filled(
        {(number, column): each for number, row in enumerate(rows, 1) for column, each in enumerate(row, left)}
    )


def as_odfpy_reads(path: Path) -> Cells:
    values = {}
    rows = load(str(path)).spreadsheet.getElementsByType(TableRow)
    for number, row in enumerate(rows, 1):
        for column, cell in enumerate(row.getElementsByType(TableCell)):
            values[number, column] = odf_value(cell)
    return filled(values)


def odf_value(cell: Any) -> Value:
    match cell.getAttribute("valuetype"):
        case "boolean":
            return bool(cell.getAttribute("booleanvalue") == "true")
        case "float":
            return float(cell.getAttribute("value"))
        case "date":
            return dt.datetime.fromisoformat(cell.getAttribute("datevalue"))
    return "\n".join(str(line) for line in cell.getElementsByType(P)) or None


def filled(values: dict[tuple[int, int], Any]) -> Cells:
    return {place: text for place, found in values.items() if (text := expected(found))}


Writer: TypeAlias = Callable[[Path, dict[tuple[int, int], Value]], None]


FORMATS: list[tuple[str, Writer, list[Callable[[Path], Cells]]]] = [
    ("t.csv", by_csv, [as_pandas_reads]),
    ("t.xlsx", by_xlsxwriter, [as_openpyxl_reads, as_calamine_reads]),
    ("t.xlsm", by_openpyxl, [as_openpyxl_reads, as_calamine_reads]),
    ("t.xls", by_xlwt, [as_calamine_reads]),
    ("t.ods", by_odfpy, [as_odfpy_reads]),
    ("t.xlsb", by_hand_as_xlsb, [as_calamine_reads]),
]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("name", "write", "readers"), FORMATS)
def test_every_cell_is_read_as_other_programs_read_it(
    tmp_path: Path, name: str, write: Writer, readers: list[Callable[[Path], Cells]], seed: int
) -> None:
    cells = table(seed)
    path = tmp_path / name
    write(path, cells)
    ours = as_we_read(path)
    assert ours == filled(cells)
    for reader in readers:
        assert reader(path) == ours


THREE_ROWS: dict[tuple[int, int], Value] = {
    (row, column): f"{row}{column}" for row in (1, 2, 3) for column in (0, 1, 2, 3)
}


@pytest.mark.parametrize(("name", "write"), [(name, write) for name, write, _ in FORMATS if name != "t.csv"])
@pytest.mark.parametrize("lost", [0, 1, 3])
@pytest.mark.parametrize("is_there", [False, True], ids=["left out", "empty"])
def test_a_cell_that_our_reading_of_a_workbook_loses_is_found_by_calamine(
    tmp_path: Path, name: str, write: Writer, lost: int, is_there: bool
) -> None:
    path = tmp_path / name
    write(path, THREE_ROWS)

    def losing(rows: Iterator[StoredRow]) -> Iterator[StoredRow]:
        for row in rows:
            left = {column: cell for column, cell in row.cells.items() if (row.number, column) != (3, lost)}
            yield WalkedRow(row.number, left | ({lost: EMPTY} if is_there and row.number == 3 else {}))

    with path.open("rb") as file:
        sheet = open_storage(file, Bounds())[1].sheet(0)
        second = python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
        columns = range(4)
        rows = text_rows(second.iter_rows(), losing(sheet.rows(columns, [])), columns, columns, [], Bounds())
        with pytest.raises(SourceError, match=f"cell {'ABCD'[lost]}3 is read differently by two parsers"):
            list(rows)


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_a_cell_that_calamine_loses_is_read_all_the_same(tmp_path: Path, lost: int) -> None:
    """Of the format whose texts are calamine's; the texts of the others are ours."""
    path = tmp_path / "t.xlsx"
    by_xlsxwriter(path, THREE_ROWS)
    values: list[list[Any]] = [[f"{row}{column}" for column in range(4)] for row in (1, 2, 3)]
    values[2][lost] = ""
    with path.open("rb") as file:
        stored = open_storage(file, Bounds())[1].sheet(0).rows(range(4), [])
        *_, last = text_rows(iter(values), stored, range(4), range(4), [], Bounds())
    assert last.cells == ["30", "31", "32", "33"]


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_a_cell_that_a_csv_lost_is_a_problem_of_its_row(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "t.csv"
    by_csv(path, THREE_ROWS)
    *lines, last = path.read_text().splitlines()
    cells = last.split(",")
    path.write_text("\n".join([*lines, ",".join(cells[:lost] + cells[lost + 1 :])]))
    (chunk,) = read(path)
    (problem,) = chunk.rows[-1].problems
    assert (problem.cell, problem.message) == ("D3", "the row has 3 cells where the header has 4")
