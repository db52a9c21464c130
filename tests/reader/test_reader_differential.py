"""What we read of a workbook is cell by cell what independent readers read, in every format.

Tables of all kinds of values are written by one program and read by us and by another: openpyxl, odfpy and calamine
know nothing of our reading.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import openpyxl
import pytest
import python_calamine
import xlsxwriter
import xlwt
from odf.opendocument import OpenDocumentSpreadsheet, load
from odf.table import Table, TableCell, TableRow
from odf.text import P

from importer.reader.limits import Bounds
from importer.reader.workbook.worker import Workbook

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
    cell.addElement(P(text="shown"))
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


# ---- readers


def as_we_read(path: Path) -> Cells:
    """Read it in this process, both readings of a row side by side."""
    found: Cells = {}
    with path.open("rb") as file:
        messages: list[Any] = list(Workbook(file, path.parent, Bounds()).messages([], first_row))
    (_, _, header, positions, _), *batches = messages
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


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("name", "write", "readers"),
    [
        ("t.xlsx", by_xlsxwriter, [as_openpyxl_reads, as_calamine_reads]),
        ("t.xlsm", by_openpyxl, [as_openpyxl_reads, as_calamine_reads]),
        ("t.xls", by_xlwt, [as_calamine_reads]),
        ("t.ods", by_odfpy, [as_odfpy_reads]),
        ("t.xlsb", by_hand_as_xlsb, [as_calamine_reads]),
    ],
)
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
