"""A row or column that a filter or a person hid, and what is struck out, is told as that in every format."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
import xlwt

from importer.reader.read import read

from . import binary_workbook as binary
from .conftest import NAMESPACE
from .in_process import read_sheet
from .test_reader_formats import row as ods_row
from .test_reader_formats import text_cell, write_ods

TABLE = [["id", "note"], ["1", "a"], ["2", "b"], ["3", "c"]]  # row 3 is hidden, row 4 struck out


def as_xlsx(path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet, struck = book.add_worksheet("S"), book.add_format({"font_strikeout": True})
        for number, cells in enumerate(TABLE):
            sheet.write_row(number, 0, cells, struck if number == 3 else None)
        sheet.set_row(2, None, None, {"hidden": True})


def as_xlsm(path: Path) -> None:
    book = openpyxl.Workbook()
    for cells in TABLE:
        book.active.append(cells)
    for cell in book.active[4]:
        cell.font = openpyxl.styles.Font(strike=True)
    book.active.row_dimensions[3].hidden = True
    book.active.auto_filter.ref = "A1:B4"
    book.save(path)


def as_xls(path: Path, *, is_flat: bool = False) -> None:
    book = xlwt.Workbook()
    sheet, struck = book.add_sheet("S"), xlwt.easyxf("font: struck_out on")
    for number, cells in enumerate(TABLE):
        for column, text in enumerate(cells):
            sheet.write(number, column, text, *([struck] if number == 3 else []))
    if is_flat:
        sheet.row(2).height, sheet.row(2).height_mismatch = 0, True
    sheet.row(2).hidden = not is_flat
    book.save(str(path))


def as_xlsb(path: Path, third: bytes = struct.pack("<IIHBBI", 2, 0, 300, 0, 0x10, 0)) -> None:
    rows = [
        binary.row(
            number,
            *(
                binary.cell(0x06, column, binary.text(text), style=len(binary.CODES) * (number == 4))
                for column, text in enumerate(cells)
            ),
        )
        for number, cells in enumerate(TABLE, 1)
    ]
    rows[2] = binary.record(0x00, third) + rows[2][len(binary.row(3)) :]
    binary.write_xlsb(path, ("S", 0, b"".join(rows)), has_struck_style=True)


def as_xls_of_no_height(path: Path) -> None:
    as_xls(path, is_flat=True)


def as_xlsb_of_no_height(path: Path) -> None:
    as_xlsb(path, struct.pack("<IIHBBI", 2, 0, 0, 0, 0x20, 0))


def as_ods(path: Path) -> None:
    styles = (
        '<style:style style:name="ce1"><style:text-properties style:text-line-through-style="solid"/></style:style>'
    )
    rows = [
        ods_row("".join(text_cell(text, 'table:style-name="ce1"' * (number == 4)) for text in cells))
        for number, cells in enumerate(TABLE, 1)
    ]
    rows[2] = rows[2].replace("<table:table-row ", '<table:table-row table:visibility="filter" ')
    write_ods(path, "".join(rows), styles=styles)


def ods_with(path: Path, third: Callable[[str], str], styles: str) -> None:
    rows = [
        ods_row("".join(text_cell(text, 'table:style-name="ce1"' * (number == 4)) for text in cells))
        for number, cells in enumerate(TABLE, 1)
    ]
    rows[2] = third(rows[2])
    write_ods(path, "".join(rows), styles=styles)


def as_ods_of_no_height(path: Path) -> None:
    styles = (
        '<style:style style:name="ro2"><style:table-row-properties style:row-height="0in"/></style:style>'
        '<style:style style:name="ro3"><style:table-row-properties style:row-height="0.5in"/></style:style>'
        '<style:style style:name="ce1"><style:text-properties style:text-line-through-type="single"/></style:style>'
    )
    ods_with(path, lambda third: third.replace("<table:table-row ", '<table:table-row table:style-name="ro2" '), styles)


def as_ods_folded_up(path: Path) -> None:
    styles = (
        '<style:style style:name="ce1"><style:text-properties style:text-line-through-style="solid"/></style:style>'
    )
    group = "<table:table-row-group{}>{}</table:table-row-group>"
    ods_with(path, lambda third: group.format("", group.format(' table:display="false"', third)), styles)


@pytest.mark.parametrize(
    "attributes", ["hidden='1'", 'hidden = "true"', 'ht="0"', 'ht = "0.00"', 'outlineLevel="1" hidden="1" ht="15"']
)
def test_a_row_of_xlsx_is_hidden_however_that_is_written(workbook: Callable[..., Path], attributes: str) -> None:
    rows = "".join(
        f'<row r="{number}" {said}><c r="A{number}" t="str"><v>x</v></c></row>'
        for number, said in enumerate(["", 'ht="0.5" hidden="0"', attributes], 1)
    )
    assert read_sheet(workbook(rows)).remarks == [[3, "hidden"]]


@pytest.mark.parametrize(
    "make",
    [
        *(as_xlsx, as_xlsm, as_xls, as_xls_of_no_height, as_xlsb, as_xlsb_of_no_height),
        *(as_ods, as_ods_of_no_height, as_ods_folded_up),
    ],
)
def test_a_hidden_row_and_one_that_is_struck_out_are_told(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / f"t.{make.__name__.split('_')[1]}"
    make(path)
    sheet = read_sheet(path)
    assert sheet.rows == dict(enumerate(TABLE[1:], 2))
    assert sheet.remarks == [[3, "hidden"], [4, "struck", 0, 1]]


def test_a_reading_carries_both_on_its_rows(tmp_path: Path) -> None:
    as_xlsx(tmp_path / "t.xlsx")
    (chunk,) = read(tmp_path / "t.xlsx")
    assert [row.is_hidden for row in chunk.rows] == [False, True, False]
    (warning,) = chunk.rows[2].warnings
    assert (warning.cell, warning.message) == ("A4", "the row is struck out, and is read all the same")


def test_of_a_row_that_is_struck_out_in_part_the_cells_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["id", "note"])
        sheet.write(1, 0, "1")
        sheet.write(1, 1, "a", book.add_format({"font_strikeout": True}))
    (chunk,) = read(path)
    assert chunk.rows[0].warnings[0].message == "what is in B2 is struck out, and is read all the same"


def struck_part_in_xlsx(path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("S")
        sheet.write_row(0, 0, ["id", "note"])
        sheet.write_rich_string(1, 1, "101 ", book.add_format({"font_strikeout": True}), "102")


def struck_part_in_text_of_xlsm(path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["id", "note"])
    run = openpyxl.cell.rich_text.TextBlock(openpyxl.cell.text.InlineFont(strike=True), "102")
    book.active["B2"] = openpyxl.cell.rich_text.CellRichText("101 ", run)
    book.save(path)


def struck_part_in_xls(path: Path) -> None:
    book = xlwt.Workbook()
    sheet, struck = book.add_sheet("S"), xlwt.Font()
    struck.struck_out = True
    sheet.write(0, 0, "id")
    sheet.write(0, 1, "note")
    sheet.write_rich_text(1, 1, (("101 ", xlwt.Font()), ("102", struck)))
    book.save(str(path))


def struck_part_in_xlsb(path: Path) -> None:
    runs = struct.pack("<IHH", 1, 4, 1)
    rich = binary.cell(0x3E, 1, b"\1" + binary.text("101 102") + runs)
    header = binary.row(1, binary.label(0, "id"), binary.label(1, "note"))
    binary.write_xlsb(path, ("S", 0, header + binary.row(2, rich)), has_struck_style=True)


def struck_part_in_ods(path: Path) -> None:
    line = '<style:style style:name="T1"><style:text-properties style:text-line-through-style="solid"/></style:style>'
    part = '101 <text:span text:style-name="T1">102</text:span>'
    rows = [text_cell("id") + text_cell("note"), text_cell("") + text_cell(part)]
    write_ods(path, "".join(map(ods_row, rows)), styles=line)


@pytest.mark.parametrize(
    "make",
    [struck_part_in_xlsx, struck_part_in_text_of_xlsm, struck_part_in_xls, struck_part_in_xlsb, struck_part_in_ods],
)
def test_a_cell_of_which_a_part_is_struck_out_is_told(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / f"t.{make.__name__.rpartition('_')[2]}"
    make(path)
    sheet = read_sheet(path)
    assert (sheet.rows, sheet.remarks) == ({2: ["", "101 102"]}, [[2, "struck", 1]])


def test_a_cell_in_which_nothing_stands_is_not_struck_out(tmp_path: Path) -> None:
    style = '<style:style style:name="ce1"><style:text-properties style:text-line-through-style="solid"/></style:style>'
    blank = text_cell("", 'table:style-name="ce1" table:formula="of:=&quot;&quot;"')
    path = tmp_path / "t.ods"
    write_ods(path, ods_row(text_cell("id") + text_cell("note")) + ods_row(text_cell("1") + blank), styles=style)
    assert read_sheet(path).remarks == []


def column_of_xlsx(path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("S")
        for number, cells in enumerate(TABLE):
            sheet.write_row(number, 0, cells)
        sheet.set_column(1, 1, None, None, {"hidden": True})
        sheet.set_column(0, 0, 20)


def column_of_xlsm(path: Path) -> None:
    book = openpyxl.Workbook()
    for cells in TABLE:
        book.active.append(cells)
    book.active.column_dimensions.group("B", "D", hidden=True)
    book.save(path)


def column_of_xls(path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("S")
    for number, cells in enumerate(TABLE):
        for column, text in enumerate(cells):
            sheet.write(number, column, text)
    sheet.col(1).hidden = True
    book.save(str(path))


def column_of_xlsb(path: Path) -> None:
    rows = [
        binary.row(n, *(binary.label(column, text) for column, text in enumerate(cells)))
        for n, cells in enumerate(TABLE, 1)
    ]
    columns = (struct.pack("<IIIIH", *column) for column in ((0, 0, 2560, 0, 2), (1, 3, 0, 0, 1)))
    binary.write_xlsb(path, ("S", 0, b"".join([*(binary.record(0x3C, one) for one in columns), *rows])))


def column_of_ods(path: Path) -> None:
    columns = '<table:table-column/><table:table-column table:visibility="collapse"/>'
    write_ods(path, columns + "".join(ods_row("".join(map(text_cell, cells))) for cells in TABLE))


def column_folded_up_of_ods(path: Path) -> None:
    columns = (
        '<table:table-column/><table:table-column-group table:display="false"><table:table-column'
        ' table:number-columns-repeated="2"/></table:table-column-group>'
    )
    write_ods(path, columns + "".join(ods_row("".join(map(text_cell, cells))) for cells in TABLE))


@pytest.mark.parametrize(
    "make",
    [column_of_xlsx, column_of_xlsm, column_of_xls, column_of_xlsb, column_of_ods, column_folded_up_of_ods],
)
def test_a_hidden_column_is_told(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / f"t.{make.__name__.rpartition('_')[2]}"
    make(path)
    (chunk,) = read(path)
    assert (chunk.sheet.hidden, [row.cells for row in chunk.rows]) == ((1,), [tuple(cells) for cells in TABLE[1:]])


@pytest.mark.parametrize(
    ("column", "is_hidden"),
    [
        ('<col min="2" max="2" width="9" hidden="1"/>', True),
        ("<col hidden='true' max='16384' min='2' customWidth='1'/>", True),
        ('<col min="1" max="2" hidden="0"/>', False),
        ('<col min="3" max="9" hidden="1"/>', False),
    ],
)
def test_a_column_of_xlsx_is_hidden_however_that_is_written(
    workbook: Callable[..., Path], column: str, is_hidden: bool
) -> None:
    cell = '<c r="{}" t="inlineStr"><is><t>{}</t></is></c>'
    rows = "".join(f'<row r="{n}">{cell.format(f"A{n}", "a")}{cell.format(f"B{n}", "b")}</row>' for n in (1, 2))
    sheet = f'<worksheet xmlns="{NAMESPACE}"><cols>{column}</cols><sheetData>{rows}</sheetData></worksheet>'
    (chunk,) = read(workbook(parts={"xl/worksheets/sheet1.xml": sheet}))
    assert chunk.sheet.hidden == ((1,) if is_hidden else ())
