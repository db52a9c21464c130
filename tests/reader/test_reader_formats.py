"""The same table reads the same from every format, and what only one program sees is a problem of its cell."""

from __future__ import annotations

import datetime as dt
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter
import xlwt

from importer.errors import SourceError
from importer.reader.read import read
from importer.reader.tables import CHUNK_ROWS, Chunk
from importer.records import Row

from . import binary_workbook as binary
from .in_process import notice_texts

Workbook = Callable[..., Path]
Document = Callable[..., Path]
Refused = Callable[..., SourceError]

DAY, MOMENT = dt.date(2026, 3, 29), dt.datetime(2026, 3, 29, 9, 0, 0)  # noqa: DTZ001  (cells have no zone)
DAYS, DATE, SPAN, ZEROS = 46110, "yyyy-mm-dd hh:mm", "[h]:mm:ss", "00000"
HEADER = ["id", "day", "moment", "time", "span", "number", "truth", "text"]
READ = Row(
    3,
    ("00042", "2026-03-29T00:00:00", "2026-03-29T09:00:00", "09:00:00", "30:05:00", "0.25", "TRUE", "Zoë\nline"),
)
_OFFICE = "urn:oasis:names:tc:opendocument:xmlns:"


def as_xlsx(path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("S")
        date, span, zeros = (book.add_format({"num_format": code}) for code in (DATE, SPAN, ZEROS))
        sheet.write_row(0, 0, HEADER)
        sheet.write(2, 0, 42, zeros)
        sheet.write(2, 1, DAY, date)
        sheet.write(2, 2, MOMENT, date)
        sheet.write(2, 3, dt.time(9), date)
        sheet.write(2, 4, dt.timedelta(hours=30, minutes=5), span)
        sheet.write_row(2, 5, [0.25, True, "Zoë\nline"])


def as_xlsm(path: Path) -> None:
    as_xlsx(path.with_suffix(".xlsx"))
    shutil.move(path.with_suffix(".xlsx"), path)


def as_xls(path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("S")
    date, span, zeros = (xlwt.easyxf(num_format_str=code) for code in (DATE, SPAN, ZEROS))
    for column, text in enumerate(HEADER):
        sheet.write(0, column, text)
    sheet.write(2, 0, 42, zeros)
    sheet.write(2, 1, DAY, date)
    sheet.write(2, 2, MOMENT, date)
    sheet.write(2, 3, dt.time(9), date)
    sheet.write(2, 4, (30 + 5 / 60) / 24, span)
    for column, value in enumerate([0.25, True, "Zoë\nline"], 5):
        sheet.write(2, column, value)
    book.save(str(path))


def as_xlsb(path: Path) -> None:
    header = binary.row(1, *(binary.label(column, text) for column, text in enumerate(HEADER)))
    values = binary.row(
        3,
        binary.whole(0, 42, style=3),
        binary.whole(1, DAYS, style=1),
        binary.real(2, DAYS + 9 / 24, style=1),
        binary.real(3, 9 / 24, style=1),
        binary.real(4, (30 + 5 / 60) / 24, style=2),
        binary.real(5, 0.25),
        binary.cell(0x04, 6, b"\x01"),
        binary.label(7, "Zoë\nline"),
    )
    binary.write_xlsb(path, ("S", 0, header + values))


def as_ods(path: Path) -> None:
    header = "".join(text_cell(text) for text in HEADER)
    values = (
        value_cell("float", "value", "42", "00042")
        + value_cell("date", "date-value", "2026-03-29", "2026-03-29 00:00")
        + value_cell("date", "date-value", "2026-03-29T09:00:00")
        + value_cell("time", "time-value", "PT09H00M00S")
        + value_cell("time", "time-value", "PT30H05M00S")
        + value_cell("percentage", "value", "0.25", "25%")
        + value_cell("boolean", "boolean-value", "true", "TRUE")
        + text_cell("Zoë</text:p><text:p>line")
    )
    write_ods(path, f"{row(header)}{row(blank())}{row(values)}")


def text_cell(text: str, attributes: str = "") -> str:
    return f'<table:table-cell office:value-type="string" {attributes}><text:p>{text}</text:p></table:table-cell>'


def value_cell(kind: str, name: str, value: str, shown: str = "shown") -> str:
    return (
        f'<table:table-cell office:value-type="{kind}" office:{name}="{value}"><text:p>{shown}</text:p>'
        "</table:table-cell>"
    )


def blank(count: int = 1) -> str:
    return f'<table:table-cell table:number-columns-repeated="{count}"/>'


def row(cells: str, count: int = 1) -> str:
    return f'<table:table-row table:number-rows-repeated="{count}">{cells}</table:table-row>'


def write_ods(path: Path, *tables: str, styles: str = "", manifest: str = "") -> None:
    names = "".join(
        f'<table:table table:name="S{number or ""}" table:style-name="t{number}">{rows}</table:table>'
        for number, rows in enumerate(tables)
    )
    content = (
        f'<office:document-content xmlns:office="{_OFFICE}office:1.0" xmlns:table="{_OFFICE}table:1.0"'
        f' xmlns:text="{_OFFICE}text:1.0" xmlns:style="{_OFFICE}style:1.0" xmlns:calcext="{_OFFICE}calcext:1.0">'
        f"<office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:spreadsheet>{names}</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        package.writestr("content.xml", content)
        package.writestr(
            "META-INF/manifest.xml", f'<manifest:manifest xmlns:manifest="m">{manifest}</manifest:manifest>'
        )


def rows_of(path: Path) -> list[Row]:
    return [each for chunk in read(path) for each in chunk.rows]


def problems_of(rows: list[Row]) -> list[tuple[str, str]]:
    return [(problem.cell, problem.message) for each in rows for problem in each.problems]


@pytest.mark.parametrize("make", [as_xlsx, as_xlsm, as_xlsb, as_xls, as_ods])
@pytest.mark.parametrize("is_named", [True, False])
def test_every_format_reads_the_same(tmp_path: Path, make: Callable[[Path], None], is_named: bool) -> None:
    path = tmp_path / f"t.{make.__name__.removeprefix('as_')}"
    make(path)
    if not is_named:  # what the file holds counts, not its name
        path = path.rename(tmp_path / "t.csv")
    reading = read(path)
    (chunk,) = reading
    assert (chunk.sheet.name, chunk.sheet.header) == ("S", tuple(HEADER))
    shown = {"as_ods": ((5, "25%"),)}.get(make.__name__, ())
    assert (chunk.rows, notice_texts(reading)) == ([READ._replace(shown=shown)], [])


DATES = (("dd\\.mm\\.yyyy", "29.03.2026"), ("yyyy-mm-dd hh:mm", "2026-03-29 00:00"))


def days_as_xlsx(path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("S")
        sheet.write_row(0, 0, ["day", "moment", "built in"])
        for column, code in enumerate((*(code for code, _ in DATES), 14)):
            sheet.write(1, column, DAY, book.add_format({"num_format": code}))


def days_as_xls(path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("S")
    for column, code in enumerate((*(code for code, _ in DATES), "M/D/YY")):
        sheet.write(0, column, ("day", "moment", "built in")[column])
        sheet.write(1, column, DAY, xlwt.easyxf(num_format_str=code))
    book.save(str(path))


def days_as_xlsb(path: Path) -> None:
    header = binary.row(1, *(binary.label(place, text) for place, text in enumerate(("day", "moment", "built in"))))
    cells = (binary.whole(place, DAYS, style=style) for place, style in enumerate((4, 1, 4)))
    binary.write_xlsb(path, ("S", 0, header + binary.row(2, *cells)))


def days_as_ods(path: Path) -> None:
    shown = (*(text for _, text in DATES), "3/29/26")
    cells = "".join(value_cell("date", "date-value", "2026-03-29", text) for text in shown)
    write_ods(path, row("".join(map(text_cell, ("day", "moment", "built in")))) + row(cells))


@pytest.mark.parametrize("make", [days_as_xlsx, days_as_xls, days_as_xlsb, days_as_ods])
def test_a_date_that_is_shown_without_a_time_is_told_as_one(tmp_path: Path, make: Workbook) -> None:
    path = tmp_path / f"t.{make.__name__.rpartition('_')[2]}"
    make(path)
    assert rows_of(path) == [Row(2, ("2026-03-29T00:00:00",) * 3, shown=((0, "2026-03-29"), (2, "2026-03-29")))]


@pytest.mark.parametrize(("value", "is_day"), [("2026-03-29", True), ("2026-03-29T00:00:00", False)])
def test_a_date_of_ods_that_stores_what_it_shows_nowhere_is_a_day_without_its_time(
    tmp_path: Path, value: str, is_day: bool
) -> None:
    cell = f'<table:table-cell office:value-type="date" office:date-value="{value}"/>'
    write_ods(tmp_path / "t.ods", row(text_cell("day")) + row(cell))
    shown = ((0, "2026-03-29"),) if is_day else ()
    assert rows_of(tmp_path / "t.ods") == [Row(2, ("2026-03-29T00:00:00",), shown=shown)]


def test_dates_of_the_1904_calendar_are_the_same_dates_in_xlsb(tmp_path: Path) -> None:
    cells = binary.row(1, binary.label(0, "day")), binary.row(2, binary.whole(0, DAYS - 1462, style=1))
    binary.write_xlsb(tmp_path / "t.xlsb", ("S", 0, b"".join(cells)), is_1904=True)
    assert rows_of(tmp_path / "t.xlsb") == [Row(2, ("2026-03-29T00:00:00",))]


def numbers_of_1904_as_xlsx(path: Path) -> None:
    with xlsxwriter.Workbook(path, {"date_1904": True}) as book:
        book.add_worksheet("S").write_column(0, 0, ["number", DAYS - 1462 + 0.375, 42])


def numbers_of_1904_as_xls(path: Path) -> None:
    book = xlwt.Workbook()
    book.dates_1904 = True
    sheet = book.add_sheet("S")
    for place, value in enumerate(["number", DAYS - 1462 + 0.375, 42]):
        sheet.write(place, 0, value)
    book.save(str(path))


def numbers_of_1904_as_xlsb(path: Path) -> None:
    cells = binary.label(0, "number"), binary.real(0, DAYS - 1462 + 0.375), binary.whole(0, 42)
    rows = b"".join(binary.row(number, cell) for number, cell in enumerate(cells, 1))
    binary.write_xlsb(path, ("S", 0, rows), is_1904=True)


def numbers_of_1904_as_ods(path: Path) -> None:
    cells = text_cell("number"), *(value_cell("float", "value", each, each) for each in ("44648.375", "42"))
    write_ods(path, "".join(map(row, cells)), styles='<table:null-date table:date-value="1904-01-01"/>')


@pytest.mark.parametrize(
    "make", [numbers_of_1904_as_xlsx, numbers_of_1904_as_xls, numbers_of_1904_as_xlsb, numbers_of_1904_as_ods]
)
def test_a_day_number_that_is_not_shown_as_a_date_comes_with_the_date_that_it_is_in_1904(
    tmp_path: Path, make: Workbook
) -> None:
    path = tmp_path / f"t.{make.__name__.rpartition('_')[2]}"
    make(path)
    assert rows_of(path) == [Row(2, ("44648.375",), shown=((0, "2026-03-29T09:00:00"),)), Row(3, ("42",))]


# ---- error cells


def xls_of_errors(path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("S")
    sheet.write(0, 0, "id")
    sheet.write(0, 1, "note")
    sheet.write(1, 0, "1")
    sheet.row(1).set_cell_error(1, 0x2A)
    book.save(str(path))


def xlsb_of_errors(path: Path) -> None:
    rows = binary.row(1, binary.label(0, "id"), binary.label(1, "note"))
    rows += binary.row(2, binary.label(0, "1"), binary.cell(0x0B, 1, struct.pack("<BHII", 0x2A, 0, 0, 0)))
    binary.write_xlsb(path, ("S", 0, rows))


def ods_of_errors(path: Path) -> None:
    error = text_cell("#N/A", 'office:string-value="" calcext:value-type="error" table:formula="of:=NA()"')
    write_ods(path, row(text_cell("id") + text_cell("note")) + row(text_cell("1") + error))


@pytest.mark.parametrize("make", [xls_of_errors, xlsb_of_errors, ods_of_errors])
def test_an_error_cell_is_a_problem_in_every_format(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "t"
    make(path)
    rows = rows_of(path)
    assert [each.cells[0] for each in rows] == ["1"]
    assert problems_of(rows) == [("B2", "the cell holds the error #N/A")]


@pytest.mark.parametrize("is_of_xlwt", [True, False])
def test_a_formula_of_xls_has_a_result_unless_xlwt_wrote_it(tmp_path: Path, is_of_xlwt: bool) -> None:
    """It looks like one with an empty text, which another program calculated."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("S")
    for column, text in enumerate(("id", "group")):
        sheet.write(0, column, text)
    sheet.write(1, 0, "PI7DH85")
    sheet.write(1, 1, xlwt.Formula("A2"))
    book.save(str(tmp_path / "t.xls"))
    if not is_of_xlwt:
        content = (tmp_path / "t.xls").read_bytes()
        (tmp_path / "t.xls").write_bytes(content.replace(bytes.fromhex("BB0DCC0700"), bytes.fromhex("BB0DCC0741"), 1))
    told = [("B2", "the cell holds a formula whose result was never stored")] if is_of_xlwt else []
    assert problems_of(rows_of(tmp_path / "t.xls")) == told


def test_a_formula_without_a_stored_result_is_a_problem_in_ods(tmp_path: Path) -> None:
    formula = '<table:table-cell table:formula="of:=1+1"/>'
    write_ods(tmp_path / "t.ods", row(text_cell("id") + text_cell("note")) + row(text_cell("1") + formula))
    assert problems_of(rows_of(tmp_path / "t.ods")) == [
        ("B2", "the cell holds a formula whose result was never stored")
    ]


def test_a_text_that_calamine_leaves_out_is_read(tmp_path: Path) -> None:
    rows = binary.row(1, binary.label(0, "id"), binary.label(1, "b"))
    rich = binary.cell(0x3E, 0, b"\x01" + binary.text("rich") + bytes(8))
    binary.write_xlsb(tmp_path / "t.xlsb", ("S", 0, rows + binary.row(2, rich, binary.label(1, "x"))))
    assert rows_of(tmp_path / "t.xlsb") == [Row(2, ("rich", "x"))]
    untyped = "<table:table-cell><text:p>lost</text:p></table:table-cell>"
    write_ods(tmp_path / "t.ods", row(text_cell("id")) + row(untyped) + row(text_cell("x")))
    assert rows_of(tmp_path / "t.ods") == [Row(2, ("lost",)), Row(3, ("x",))]


# ---- what OpenDocument says differently


def test_repeated_rows_and_cells_count_as_often_as_they_stand_there(tmp_path: Path) -> None:
    rows = row(text_cell("id") + text_cell("a") + text_cell("b")) + row(blank(16_384), 4)
    rows += row(text_cell("x", 'table:number-columns-repeated="3"') + blank(16_381), 2)
    rows += row(blank(16_384), 1_048_569)
    write_ods(tmp_path / "t.ods", rows)
    assert rows_of(tmp_path / "t.ods") == [Row(6, ("x", "x", "x")), Row(7, ("x", "x", "x"))]


def test_blanks_tabs_and_line_breaks_of_a_text_are_kept_and_comments_are_not(tmp_path: Path) -> None:
    note = "<office:annotation><text:p>no</text:p></office:annotation>"
    cell = f'<table:table-cell office:value-type="string">{note}<text:p>a<text:tab/>b<text:s text:c="2"/>c'
    cell += "<text:line-break/><text:span>d</text:span></text:p></table:table-cell>"
    write_ods(tmp_path / "t.ods", row(text_cell("id")) + row(cell))
    assert rows_of(tmp_path / "t.ods") == [Row(2, ("a\tb  c\nd",))]


def test_a_document_of_another_kind_or_with_a_password_is_refused(tmp_path: Path, refused: Refused) -> None:
    entry = "<manifest:file-entry><manifest:encryption-data/></manifest:file-entry>"
    write_ods(tmp_path / "t.ods", row(text_cell("id")), manifest=entry)
    assert refused(tmp_path / "t.ods").message == f"{tmp_path / 't.ods'}: the workbook is encrypted with a password"


def test_a_document_that_is_encrypted_as_a_whole_is_refused_as_that(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "t.ods"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr("encrypted-package", b"\x17" * 64)
        package.writestr("META-INF/manifest.xml", '<manifest:manifest xmlns:manifest="m"/>')
    assert refused(path).message == f"{path}: the workbook is encrypted with a password"


def test_blanks_that_are_stored_as_a_number_are_bounded(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "t.ods"
    write_ods(path, row(text_cell("id")) + row(text_cell('<text:s text:c="999999"/>' * 20)))
    assert refused(path).message == f"{path}: the cells of a sheet hold more than 16,777,216 blanks"


def test_a_document_that_breaks_off_is_refused(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "t.ods"
    write_ods(path, row(text_cell("id")) + "<office:")  # calamine would look for the end of this table for ever
    assert "its XML is broken" in refused(path).message


# ---- hidden sheets and merged cells


def hidden_in_xls(path: Path) -> None:
    book = xlwt.Workbook()
    for name, hidden in (("S", 0), ("H", 1)):
        sheet = book.add_sheet(name)
        sheet.visibility = hidden
        sheet.write(0, 0, "id")
    book.save(str(path))


def hidden_in_xlsb(path: Path) -> None:
    row_of_one = binary.row(1, binary.label(0, "id"))
    binary.write_xlsb(path, ("S", 0, row_of_one), ("H", 1, row_of_one))


def hidden_in_ods(path: Path) -> None:
    hidden = '<style:style style:name="t1"><style:table-properties table:display="false"/></style:style>'
    write_ods(path, row(text_cell("id")), row(text_cell("id")), styles=hidden)


@pytest.mark.parametrize(("make", "name"), [(hidden_in_xls, "H"), (hidden_in_xlsb, "H"), (hidden_in_ods, "S1")])
def test_a_hidden_sheet_is_skipped_with_a_notice_unless_it_is_named(
    tmp_path: Path, make: Callable[[Path], None], name: str
) -> None:
    path = tmp_path / "t"
    make(path)
    reading = read(path)
    assert [chunk.sheet.name for chunk in reading] == ["S"]
    assert notice_texts(reading) == [f'sheet "{name}" is hidden and was skipped']
    assert [chunk.sheet.name for chunk in read(path, sheets=[name.lower()])] == [name]


def merged_in_xlsx(path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("S")
        sheet.merge_range(0, 0, 0, 1, "title")
        sheet.write_row(1, 0, ["id", "note"])
        sheet.write_column(2, 0, ["1", "2"])
        sheet.merge_range(2, 1, 3, 1, "both")


def merged_in_xls(path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("S")
    sheet.write_merge(0, 0, 0, 1, "title")
    for at, (left, right) in enumerate([("id", "note"), ("1", ""), ("2", "")], 1):
        sheet.write(at, 0, left)
        sheet.write(at, 1, right) if right else None
    sheet.write_merge(2, 3, 1, 1, "both")
    book.save(str(path))


def merged_in_xlsb(path: Path) -> None:
    rows = binary.row(1, binary.label(0, "title")) + binary.row(2, binary.label(0, "id"), binary.label(1, "note"))
    rows += binary.row(3, binary.label(0, "1"), binary.label(1, "both")) + binary.row(4, binary.label(0, "2"))
    binary.write_xlsb(path, ("S", 0, rows + binary.merged(1, 0, 1, 1) + binary.merged(3, 1, 4, 1)))


def merged_in_ods(path: Path) -> None:
    title = text_cell("title", 'table:number-columns-spanned="2" table:number-rows-spanned="1"')
    both = text_cell("both", 'table:number-columns-spanned="1" table:number-rows-spanned="2"')
    rows = row(title + "<table:covered-table-cell/>") + row(text_cell("id") + text_cell("note"))
    rows += row(text_cell("1") + both) + row(text_cell("2") + "<table:covered-table-cell/>")
    write_ods(path, rows)


@pytest.mark.parametrize("make", [merged_in_xlsx, merged_in_xls, merged_in_xlsb, merged_in_ods])
def test_merged_cells_are_not_filled_but_named(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "t"
    make(path)
    reading = read(path, is_header=lambda cells: "id" in cells)
    assert [each.cells for chunk in reading for each in chunk.rows] == [("1", "both"), ("2", "")]
    assert notice_texts(reading) == [
        'sheet "S": row 1 is above the header in row 2 and was left out',
        'sheet "S" has merged cells (B3:B4): each range has its value in the first cell, the others are read as empty',
    ]


# ---- many blank rows


def test_blank_rows_by_the_ten_thousand_are_no_rows(tmp_path: Path, workbook: Workbook) -> None:
    rows = '<row r="1"><c r="A1" t="str"><v>id</v></c></row><row r="2"><c r="A2"><v>7</v></c></row>'
    rows += "".join(f'<row r="{number}"><c r="A{number}" s="0"/></row>' for number in range(3, 60_000))
    assert rows_of(workbook(rows)) == [Row(2, ("7",))]


def test_rows_beyond_many_blank_ones_keep_their_numbers(tmp_path: Path, workbook: Workbook) -> None:
    rows = '<row r="1"><c r="A1" t="str"><v>id</v></c></row><row r="90000"><c r="A90000"><v>7</v></c></row>'
    chunks: list[Chunk] = list(read(workbook(rows)))
    assert [each for chunk in chunks for each in chunk.rows] == [Row(90_000, ("7",))]
    assert len(chunks) <= 1 + 90_000 // CHUNK_ROWS
