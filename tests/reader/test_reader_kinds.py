"""Cells that one program or another stores in an unusual way are read as a person sees them."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter
import xlwt
from xlwt.CompoundDoc import XlsDoc

from importer.errors import SourceError
from importer.reader.limits import Bounds
from importer.reader.worker import open_storage

from . import binary_workbook as binary
from .conftest import NAMESPACE, RELATIONSHIPS
from .in_process import read_sheet
from .test_reader_formats import blank, row, text_cell, value_cell, write_ods

Workbook = Callable[..., Path]
HEADER = '<row r="1"><c r="A1" t="str"><v>id</v></c><c r="B1" t="str"><v>note</v></c></row>'
STYLES = (
    '<numFmts><numFmt numFmtId="164" formatCode="yyyy-mm-dd"/><numFmt numFmtId="165" formatCode="&quot;ID&quot;00000"/>'
    '<numFmt numFmtId="50" formatCode="00000"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/>'
    '<xf numFmtId="165"/><xf numFmtId="50"/><xf numFmtId="46"/><xf numFmtId="20"/></cellXfs>'
)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('t="d"><v>2027-03-01T08:30:00.000Z</v>', "2027-03-01T08:30:00"),
        ('t="d"><v>2027-03-01T08:29:59.995</v>', "2027-03-01T08:30:00"),
        ('t="d"><v>2027-03-01</v>', "2027-03-01T00:00:00"),
        ("><v> 42 </v>", "42"),
        ('s="1"><v>\n46447.5\n</v>', "2027-03-01T12:00:00"),
        ('s="2"><v>42</v>', "ID00042"),
        ('s="3"><v>42</v>', "00042"),
        ("><v><!-- x -->7</v>", "7"),
        ("><v>7</v><extLst><ext><v>9</v></ext></extLst>", "7"),
        ('t="inlineStr"><is><r><t>Payments </t></r><r><t>Primary</t></r></is>', "Payments Primary"),
        ('t="d" s="4"><v>PT30H5M</v>', "30:05:00"),
        ('t="d" s="4"><v>1900-01-01T12:00:00</v>', "36:00:00"),
        ('t="d" s="5"><v>PT8H30M</v>', "08:30:00"),
        ('t="d" s="5"><v>1899-12-30T08:30:00</v>', "08:30:00"),
        ('t="d" s="5"><v>1899-12-31T08:30:00.000Z</v>', "08:30:00"),
        ('t="d" s="5"><v>T08:30:00</v>', "08:30:00"),
        ('t="d"><v>PT8H30M</v>', "08:30:00"),
        ("><is><t>Payments</t></is>", "Payments"),
        ('t="str"><is><t>Payments</t></is>', "Payments"),
        ('t="inlineStr"><v>Payments</v>', "Payments"),
        ('t="inlineStr"><is><t>_x0041__xD83D__xDE00_</t></is>', "A😀"),
        ('t="inlineStr"><is><t>東京</t><rPh sb="0" eb="1"><t>トウキョウ</t></rPh></is>', "東京"),
    ],
)
def test_a_cell_of_xlsx_is_what_a_person_sees(workbook: Workbook, cell: str, text: str) -> None:
    path = workbook(f'{HEADER}<row r="2"><c r="A2" t="str"><v>1</v></c><c r="B2" {cell}</c></row>', styles=STYLES)
    sheet = read_sheet(path)
    assert (sheet.rows, sheet.remarks) == ({2: ["1", text]}, [])


def test_a_date_of_the_1904_calendar_is_the_date_that_is_stored_as_text(workbook: Workbook) -> None:
    main = f'<workbook xmlns="{NAMESPACE}" xmlns:r="{RELATIONSHIPS}"><workbookPr date1904="1"/><sheets>'
    main += '<sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>'
    cells = '<c r="A2" t="d" s="1"><v>2027-03-01T08:30:00</v></c><c r="B2" t="d" s="4"><v>1904-01-02T12:00:00</v></c>'
    sheet = read_sheet(workbook(f'{HEADER}<row r="2">{cells}</row>', styles=STYLES, parts={"xl/workbook.xml": main}))
    assert sheet.rows == {2: ["2027-03-01T08:30:00", "36:00:00"]}


@pytest.mark.parametrize("write_formula", ["write_formula", "write_array_formula"])
def test_a_zero_that_stands_for_the_result_of_a_formula_is_a_problem(tmp_path: Path, write_formula: str) -> None:
    book = xlsxwriter.Workbook(tmp_path / "t.xlsx")
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["id", "note"])
    sheet.write_row(1, 0, ["P1", 0])
    getattr(sheet, write_formula)("A3", '="P"&"2"')
    sheet.write_formula("A4", '="P"&"3"', None, "P3")
    sheet.write_formula("B4", "=1+1", None, 2)
    book.close()
    read = read_sheet(tmp_path / "t.xlsx")
    assert read.rows == {2: ["P1", "0"], 3: ["", ""], 4: ["P3", "2"]}
    assert [remark[:4] for remark in read.remarks] == [[3, "flaw", 0, f"the cell holds a {_NEVER}"]]


_NEVER = "formula whose result was never stored"


def test_a_zero_that_a_spreadsheet_program_has_calculated_is_one(workbook: Workbook) -> None:
    rows = f'{HEADER}<row r="2"><c r="A2"><f>1-1</f><v>0</v></c></row>'
    sheet = read_sheet(workbook(rows))
    assert (sheet.rows, sheet.remarks) == ({2: ["0", ""]}, [])


def test_a_row_that_stands_before_a_lower_one_is_named(workbook: Workbook) -> None:
    rows = f'{HEADER}<row r="3"><c r="A3"><v>3</v></c></row><row r="2"><c r="A2"><v>2</v></c></row>'
    with pytest.raises(SourceError, match=r"^sheet \"S\": the workbook is damaged: row 2 comes after row 3$"):
        read_sheet(workbook(rows))


@pytest.mark.parametrize("number", ["NaN", "INF", "-INF", "1.#QNAN"])
def test_a_number_that_is_none_is_a_problem(workbook: Workbook, number: str) -> None:
    sheet = read_sheet(workbook(f'{HEADER}<row r="2"><c r="B2"><v>{number}</v></c></row>'))
    (remark,) = sheet.remarks
    assert remark[:3] == [2, "flaw", 1]
    assert f'the file stores "{number}", which is none' in remark[3]


@pytest.mark.parametrize("error", ["#SPILL!", "#CALC!", "#FIELD!", "#BLOCKED!", "#N/A"])
def test_every_error_value_is_a_problem_of_its_cell(workbook: Workbook, error: str) -> None:
    sheet = read_sheet(workbook(f'{HEADER}<row r="2"><c r="B2" t="e"><v>{error}</v></c></row>'))
    assert sheet.rows == {2: ["", error]}
    assert sheet.remarks[0][3] == f"the cell holds the error {error}"


@pytest.mark.parametrize(("stored", "text"), [("P_x0031_", "P1"), ("_xD83D__xDE00_", "😀")])
def test_escapes_in_a_shared_text_are_what_they_stand_for(workbook: Workbook, stored: str, text: str) -> None:
    texts = f'<sst xmlns="{NAMESPACE}"><si><t>{stored}</t></si></sst>'
    rows = f'{HEADER}<row r="2"><c r="B2" t="s"><v>0</v></c></row>'
    assert read_sheet(workbook(rows, parts={"xl/sharedStrings.xml": texts})).rows == {2: ["", text]}


def halved_in_xlsx(workbook: Workbook) -> Path:
    return workbook(f'{HEADER}<row r="2"><c r="B2" t="inlineStr"><is><t>a_xD83D_</t></is></c></row>')


def halved_in_shared_text(workbook: Workbook) -> Path:
    texts = f'<sst xmlns="{NAMESPACE}"><si><t>_xD83D_b</t></si></sst>'
    rows = f'{HEADER}<row r="2"><c r="B2" t="s"><v>0</v></c></row>'
    return workbook(rows, parts={"xl/sharedStrings.xml": texts})


def halved_in_xlsb(workbook: Workbook) -> Path:
    path = workbook("").with_name("t.xlsb")
    rows = [binary.row(1, binary.label(0, "id"), binary.label(1, "note")), binary.row(2, binary.label(1, "a\ud83d"))]
    binary.write_xlsb(path, ("S", 0, b"".join(rows)))
    return path


@pytest.mark.parametrize("make", [halved_in_xlsx, halved_in_shared_text, halved_in_xlsb])
def test_half_of_a_character_is_named_with_its_cell(workbook: Workbook, make: Callable[[Workbook], Path]) -> None:
    with pytest.raises(SourceError, match='sheet "S": cell B2 holds text that is not valid Unicode'):
        read_sheet(make(workbook))


def test_a_span_that_calamine_cannot_hand_over_is_read_all_the_same(workbook: Workbook) -> None:
    styles = (
        '<numFmts><numFmt numFmtId="164" formatCode="[h]:mm"/></numFmts><cellXfs><xf/><xf numFmtId="164"/></cellXfs>'
    )
    cells = "".join(
        f'<row r="{n}"><c r="A{n}" s="1"><v>{v}</v></c></row>' for n, v in [(2, "1.5"), (3, "1E12"), (4, "2")]
    )
    sheet = read_sheet(workbook(HEADER + cells, styles=styles))
    assert sheet.rows == {2: ["36:00:00", ""], 3: ["1000000000000", ""], 4: ["48:00:00", ""]}


def test_runs_of_a_shared_text_keep_the_blanks_between_them(workbook: Workbook) -> None:
    texts = f'<sst xmlns="{NAMESPACE}"><si><r><t>Payments </t></r><r><t>Primary</t></r></si></sst>'
    rows = f'{HEADER}<row r="2"><c r="B2" t="s"><v>0</v></c></row>'
    assert read_sheet(workbook(rows, parts={"xl/sharedStrings.xml": texts})).rows == {2: ["", "Payments Primary"]}


@pytest.mark.parametrize(
    ("merged", "rows"), [("1:1", {2: ["1", "x"], 3: ["2", "y"]}), ("B2:B3", {2: ["1", "x"], 3: ["2", ""]})]
)
def test_what_a_merged_cell_covers_is_not_seen(workbook: Workbook, merged: str, rows: dict[int, list[str]]) -> None:
    cells = "".join(
        f'<row r="{n}"><c r="A{n}"><v>{n - 1}</v></c><c r="B{n}" t="str"><v>{"-xy"[n - 1]}</v></c></row>'
        for n in (2, 3)
    )
    merges = f'<mergeCells><mergeCell ref="{merged}"/></mergeCells>'
    sheet = f'<worksheet xmlns="{NAMESPACE}"><sheetData>{HEADER}{cells}</sheetData>{merges}</worksheet>'
    found = read_sheet(workbook(parts={"xl/worksheets/sheet1.xml": sheet}))
    assert found.rows == rows
    assert "has merged cells" in found.notices[0]


def test_merged_cells_that_overlap_are_refused_before_they_cost_anything(workbook: Workbook) -> None:
    cells = "".join(f'<row r="{n}"><c r="A{n}"><v>{n}</v></c></row>' for n in range(2, 50))
    merges = "".join(f'<mergeCell ref="A1:B{n}"/><mergeCell ref="D1:E{n}"/>' for n in range(20, 49))
    sheet = f'<worksheet xmlns="{NAMESPACE}"><sheetData>{HEADER}{cells}</sheetData>{merges}</worksheet>'
    with pytest.raises(SourceError, match='sheet "S": the workbook is damaged: its merged cells overlap in row 1'):
        read_sheet(workbook(parts={"xl/worksheets/sheet1.xml": sheet}))


@pytest.mark.parametrize(
    "target", ["./worksheets/sheet1.xml", "../xl/worksheets/sheet1.xml", "/xl/worksheets/sheet1.xml"]
)
def test_a_sheet_is_found_wherever_its_link_points(workbook: Workbook, target: str) -> None:
    links = f'<Relationships><Relationship Id="r1" Type="a/worksheet" Target="{target}"/></Relationships>'
    rows = f'{HEADER}<row r="2"><c r="A2"><v>7</v></c></row>'
    assert read_sheet(workbook(rows, parts={"xl/_rels/workbook.xml.rels": links})).rows == {2: ["7", ""]}


def test_xml_in_an_encoding_that_is_none_is_damaged(workbook: Workbook) -> None:
    texts = f'<?xml version="1.0" encoding="U-8"?><sst xmlns="{NAMESPACE}"><si><t>x</t></si></sst>'
    rows = f'{HEADER}<row r="2"><c r="B2" t="s"><v><!-- looked at closely -->0</v></c></row>'
    with pytest.raises(SourceError, match="its XML is broken: unknown encoding"):
        read_sheet(workbook(rows, parts={"xl/sharedStrings.xml": texts}))


def test_a_workbook_of_thousands_of_sheets_asks_which(workbook: Workbook) -> None:
    sheets = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="r1"/>' for n in range(1_001))
    book = f'<workbook xmlns="{NAMESPACE}" xmlns:r="{RELATIONSHIPS}"><sheets>{sheets}</sheets></workbook>'
    with pytest.raises(SourceError, match="the workbook has 1,001 sheets, more than 1,000"):
        read_sheet(workbook(HEADER, parts={"xl/workbook.xml": book}))


def test_a_macro_sheet_beside_it_is_skipped(workbook: Workbook) -> None:
    book = (
        f'<workbook xmlns="{NAMESPACE}" xmlns:r="{RELATIONSHIPS}"><sheets><sheet name="S" sheetId="1" r:id="r1"/>'
        '<sheet name="Macro1" sheetId="2" r:id="r2"/></sheets></workbook>'
    )
    links = (
        '<Relationships><Relationship Id="r1" Type="a/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2"'
        ' Type="http://schemas.microsoft.com/office/2006/relationships/xlMacrosheet" Target="macrosheets/sheet1.xml"/>'
        "</Relationships>"
    )
    parts = {"xl/workbook.xml": book, "xl/_rels/workbook.xml.rels": links, "xl/macrosheets/sheet1.xml": "<a/>"}
    sheet = read_sheet(workbook(f'{HEADER}<row r="2"><c r="A2"><v>7</v></c></row>', parts=parts))
    assert sheet.rows == {2: ["7", ""]}
    assert sheet.notices == ['sheet "Macro1" is a macro or a dialog and was skipped']


@pytest.mark.parametrize("far", ["A1048576", "Z1048576", "AKZ1048576"])
def test_a_stray_cell_far_below_is_read_without_a_grid(workbook: Workbook, far: str) -> None:
    rows = f'{HEADER}<row r="2"><c r="A2"><v>7</v></c></row><row r="1048576"><c r="{far}"><v>1</v></c></row>'
    sheet = read_sheet(workbook(rows))
    assert list(sheet.rows) == [2, 1_048_576]


def test_a_stray_cell_far_away_in_an_xls_is_read_without_a_grid(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("S")
    for number, column, text in ((0, 0, "id"), (1, 0, "7"), (65_535, 255, "x")):
        sheet.write(number, column, text)
    book.save(str(tmp_path / "t.xls"))
    assert read_sheet(tmp_path / "t.xls").rows == {2: ["7", ""], 65_536: ["", "x"]}


@pytest.mark.parametrize(("right", "is_dense"), [("B", True), ("Z", False), ("ABC", False)])
def test_a_tall_narrow_sheet_is_dense_and_one_with_a_far_cell_is_not(
    workbook: Workbook, right: str, *, is_dense: bool
) -> None:
    """A dense one is read by calamine too, and quickly."""
    rows = "".join(f'<row r="{n}"><c r="A{n}"><v>1</v></c><c r="B{n}"><v>2</v></c></row>' for n in range(1, 30_000))
    path = workbook(f'{rows}<row r="30000"><c r="{right}30000"><v>1</v></c></row>')
    with path.open("rb") as file:
        assert open_storage(file, Bounds())[1].sheet(0).estimate.is_dense is is_dense


# ---- .xlsb


def short(kind: int, data: bytes = b"", style: int = 0) -> bytes:
    """A cell without a column: it stands to the right of the one before, [MS-XLSB] 2.5.157."""
    return binary.record(kind, struct.pack("<I", style) + data)


def test_short_records_of_xlsb_are_cells(tmp_path: Path) -> None:
    header = binary.row(1, binary.label(0, "a"), *(short(0x11, binary.text(letter)) for letter in "bcdefg"))
    cells = [
        short(0x0D, struct.pack("<i", 42 << 2 | 2), style=3),
        short(0x0C),
        short(0x10, struct.pack("<d", 46447.375), style=1),
        short(0x0F, b"\x01"),
        short(0x0E, b"\x2a"),
        short(0x11, binary.text("end")),
    ]
    binary.write_xlsb(tmp_path / "t.xlsb", ("S", 0, header + binary.row(2, binary.label(0, "P1"), *cells)))
    sheet = read_sheet(tmp_path / "t.xlsb")
    assert sheet.header == list("abcdefg")
    assert sheet.rows == {2: ["P1", "00042", "", "2027-03-01T09:00:00", "TRUE", "#N/A", "end"]}
    assert sheet.remarks[0][:3] == [2, "flaw", 5]


# ---- .ods


def test_what_is_drawn_on_a_cell_of_ods_is_no_text_of_it(tmp_path: Path) -> None:
    shape = "<draw:custom-shape><text:p>see note</text:p></draw:custom-shape>"
    picture = "<draw:frame><draw:image><text:p/></draw:image><svg:desc>logo</svg:desc></draw:frame>"
    cells = text_cell("P1").replace("<text:p>", f"{shape}<text:p>") + f"<table:table-cell>{picture}</table:table-cell>"
    write_ods(
        tmp_path / "t.ods",
        row(text_cell("id") + text_cell("note")) + row(cells) + row(text_cell("P2") + text_cell("x")),
    )
    assert read_sheet(tmp_path / "t.ods").rows == {2: ["P1", ""], 3: ["P2", "x"]}


def test_white_space_between_the_cells_of_ods_is_nothing(tmp_path: Path) -> None:
    spaced = row(text_cell("id") + text_cell("note")) + row(text_cell("1") + text_cell("x"))
    write_ods(tmp_path / "t.ods", spaced.replace("><", ">\n  <"))
    assert read_sheet(tmp_path / "t.ods").rows == {2: ["1", "x"]}


def test_numbers_and_truths_of_ods_are_shown_as_a_person_sees_them(tmp_path: Path) -> None:
    values = [("42", "ID00042"), ("42", "000-042"), ("1", "TRUE"), ("0", "FALSE"), ("42", "42.00"), ("-42", "-00042")]
    values += [("1", "WAHR"), ("7", "P2-007"), ("1", "1 of 10"), ("0", "0,00"), ("0", "0000"), ("100", "1E+02")]
    cells = "".join(value_cell("float", "value", value, shown) for value, shown in values)
    write_ods(tmp_path / "t.ods", row("".join(text_cell(letter) for letter in "abcdefghijkl")) + row(cells))
    sheet = read_sheet(tmp_path / "t.ods")
    seen = ["ID00042", "000-042", "TRUE", "FALSE", "42", "-00042", "WAHR", "P2-007", "1 of 10", "0", "0000", "100"]
    assert (sheet.rows, sheet.remarks) == ({2: seen}, [])


@pytest.mark.parametrize(
    "shown",
    [
        *("101,102,103", "101.102.103", "101 102 103", "101\u202f102\u202f103", "101'102'103", "101.102.103,00"),
        *("101,102,103.00", "10,11,02,103", "101K"),
    ],
)
def test_a_number_of_ods_that_is_shown_as_several_or_shortened_is_told(tmp_path: Path, shown: str) -> None:
    cells = text_cell("1") + value_cell("float", "value", "101102103", shown)
    write_ods(tmp_path / "t.ods", row(text_cell("id") + text_cell("members")) + row(cells))
    sheet = read_sheet(tmp_path / "t.ods")
    assert (sheet.rows, sheet.remarks) == ({2: ["1", "101102103"]}, [[2, "shown", 1, shown]])


@pytest.mark.parametrize(
    ("span", "shown", "text"),
    [
        ("PT36H30M00S", "36:30", "36:30:00"),
        ("PT1114736H30M00S", "08:30", "2027-03-01T08:30:00"),
        ("PT1114748H30M00S", "08:30 PM", "2027-03-01T20:30:00"),
        ("P1DT2H", "26:00", "26:00:00"),
        ("P1D", "24:00", "24:00:00"),
    ],
)
def test_a_time_of_ods_is_a_span_only_where_it_is_shown_as_one(
    tmp_path: Path, span: str, shown: str, text: str
) -> None:
    write_ods(tmp_path / "t.ods", row(text_cell("from")) + row(value_cell("time", "time-value", span, shown)))
    assert read_sheet(tmp_path / "t.ods").rows == {2: [text]}


def test_a_table_inside_a_cell_of_ods_is_refused_and_loses_no_rows(tmp_path: Path) -> None:
    inner = f"<table:table-cell><table:table>{row(text_cell('x'))}</table:table></table:table-cell>"
    write_ods(tmp_path / "t.ods", row(text_cell("id")) + row(inner) + row(text_cell("P1")))
    with pytest.raises(SourceError, match="a table is inside a table"):
        read_sheet(tmp_path / "t.ods")


def test_a_row_of_ods_that_is_repeated_without_end_is_refused(tmp_path: Path) -> None:
    header = row(text_cell("id") + text_cell("note"))
    write_ods(tmp_path / "t.ods", header + row(text_cell("1") + text_cell("x"), 1_000_000))
    with pytest.raises(SourceError, match='sheet "S": rows 2 to 1000001 are all the same, more than 100,000'):
        read_sheet(tmp_path / "t.ods")


def test_rows_of_ods_that_are_repeated_to_the_end_make_no_grid(tmp_path: Path) -> None:
    header = row(text_cell("id") + text_cell("note"))
    tables = [header + row(text_cell("1") + text_cell("x"), 1_048_575)] * 3
    write_ods(tmp_path / "t.ods", *tables)
    with (tmp_path / "t.ods").open("rb") as file:
        _, storage = open_storage(file, Bounds())
        assert not storage.is_dense


def test_a_cell_of_ods_that_is_covered_is_not_seen(tmp_path: Path) -> None:
    both = text_cell("x", 'table:number-columns-spanned="1" table:number-rows-spanned="2"')
    covered = text_cell("hidden").replace("table:table-cell", "table:covered-table-cell")
    rows = row(text_cell("id") + text_cell("note")) + row(text_cell("1") + both) + row(text_cell("2") + covered)
    write_ods(tmp_path / "t.ods", rows + row(blank()))
    assert read_sheet(tmp_path / "t.ods").rows == {2: ["1", "x"], 3: ["2", ""]}


# ---- .xls


def old_stream(fill: Callable[[xlwt.Worksheet], None]) -> bytes:
    book = xlwt.Workbook()
    fill(book.add_sheet("S"))
    return bytes(book.get_biff_data())


def records(stream: bytes) -> list[tuple[int, bytes]]:
    found, place = [], 0
    while place < len(stream):
        kind, length = struct.unpack_from("<HH", stream, place)
        found.append((kind, stream[place + 4 : place + 4 + length]))
        place += 4 + length
    return found


def write_xls(path: Path, found: list[tuple[int, bytes]]) -> None:
    content = io.BytesIO()
    stream = b"".join(struct.pack("<HH", kind, len(data)) + data for kind, data in found)
    XlsDoc().save(content, stream)
    path.write_bytes(content.getvalue())


def numbers(sheet: xlwt.Worksheet) -> None:
    for at, cells in enumerate([("id", "n"), ("a", 8.5), ("b", 9.5)]):
        for column, value in enumerate(cells):
            sheet.write(at, column, value)


def test_formula_records_of_old_programs_are_cells(tmp_path: Path) -> None:
    def older(kind: int, data: bytes) -> tuple[int, bytes]:
        return (0x0406, data[:14] + bytes(8)) if kind == 0x0203 else (kind, data)

    write_xls(tmp_path / "t.xls", [older(*each) for each in records(old_stream(numbers))])
    assert read_sheet(tmp_path / "t.xls").rows == {2: ["a", "8.5"], 3: ["b", "9.5"]}


def test_cells_of_xls_in_any_order_of_rows_are_read(tmp_path: Path) -> None:
    found = records(old_stream(numbers))
    places = [place for place, (kind, _) in enumerate(found) if kind in {0x00FD, 0x0203, 0x027E}]
    cells = [found[place] for place in reversed(places)]
    for place, cell in zip(places, cells, strict=True):
        found[place] = cell
    write_xls(tmp_path / "t.xls", found)
    assert read_sheet(tmp_path / "t.xls").rows == {2: ["a", "8.5"], 3: ["b", "9.5"]}


def test_the_stream_of_an_xls_is_found_however_it_is_spelt(tmp_path: Path) -> None:
    write_xls(tmp_path / "t.xls", records(old_stream(numbers)))
    content = (tmp_path / "t.xls").read_bytes()
    (tmp_path / "t.xls").write_bytes(content.replace("Workbook".encode("utf-16-le"), "WorkBook".encode("utf-16-le")))
    assert read_sheet(tmp_path / "t.xls").rows == {2: ["a", "8.5"], 3: ["b", "9.5"]}


@pytest.mark.parametrize("name", ["Workbook", "WorkBook"])
def test_of_the_streams_for_excel_95_and_97_in_an_xls_the_newer_counts(tmp_path: Path, name: str) -> None:
    streams = (old_stream(fill) for fill in (lambda sheet: sheet.write(0, 0, "id"), numbers))
    older, newer = (one + bytes(-len(one) % 4096) for one in streams)  # shorter ones would be kept apart
    content = io.BytesIO()
    XlsDoc().save(content, older + newer)
    whole = bytearray(content.getvalue())
    at = whole.index("Workbook".encode("utf-16-le"))  # an entry of the directory
    book = whole[at : at + 128]
    book[:64], book[64:66] = "Book".encode("utf-16-le").ljust(64, b"\0"), struct.pack("<H", 10)
    struct.pack_into("<I", book, 120, len(older))
    start, size = struct.unpack_from("<II", whole, at + 116)
    struct.pack_into("<II", whole, at + 116, start + len(older) // 512, size - len(older))
    struct.pack_into("<I", whole, at + 68, 2)  # the third entry comes before it
    whole[at : at + 16] = name.encode("utf-16-le")
    whole[at + 128 : at + 256] = book
    (table,) = struct.unpack_from("<I", whole, 76)  # of which sector follows which; here the older stream ends
    struct.pack_into("<I", whole, (table + 1) * 512 + (start + len(older) // 512 - 1) * 4, 0xFFFFFFFE)
    (tmp_path / "t.xls").write_bytes(whole)
    assert read_sheet(tmp_path / "t.xls").rows == {2: ["a", "8.5"], 3: ["b", "9.5"]}


@pytest.mark.parametrize("kind", [b"\x00\x00\x34\x12\x78\x56", b"\x01\x00\x01\x00" + bytes(50)], ids=["xor", "rc4"])
def test_an_xls_that_is_encrypted_in_either_way_says_so(tmp_path: Path, kind: bytes) -> None:
    first, *rest = records(old_stream(numbers))
    write_xls(tmp_path / "t.xls", [first, (0x002F, kind), *rest])
    with pytest.raises(SourceError, match="encrypted with a password"):
        read_sheet(tmp_path / "t.xls")
