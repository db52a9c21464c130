"""A workbook's cells arrive as the text the user sees, under the row numbers and columns the user sees."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from importer.errors import SourceError
from importer.reader.read import read
from importer.reader.tables import CHUNK_ROWS
from importer.records import Problem, Row

from .in_process import notice_texts

Workbook = Callable[..., Path]
Refused = Callable[..., SourceError]

MOMENT = dt.datetime(2026, 3, 29, 9, 0, 0)  # noqa: DTZ001  (cells of a workbook have no zone)
VALUES: list[tuple[Any, str, str]] = [
    ("00042", "", "00042"),
    ("NA", "", "NA"),
    ("TRUE", "", "TRUE"),
    ("null", "", "null"),
    ("1e5", "", "1e5"),
    ("12345678901234567890", "", "12345678901234567890"),
    ("  two words\n", "", "  two words\n"),
    (True, "", "TRUE"),
    (False, "", "FALSE"),
    (42, "", "42"),
    (-42, "", "-42"),
    (0.1, "", "0.1"),
    (1e-7, "", "0.0000001"),
    (1e22, "", "10000000000000000000000"),
    (42, "00000", "00042"),
    (-42, "00000", "-00042"),
    (1234567, "00000", "1234567"),
    (42, "0.00", "42"),
    (MOMENT, "yyyy-mm-dd hh:mm", "2026-03-29T09:00:00"),
    (MOMENT.replace(minute=20), "dd.mm.yyyy hh:mm", "2026-03-29T09:20:00"),
    (MOMENT.replace(second=1, microsecond=500_000), "yyyy-mm-dd hh:mm:ss.000", "2026-03-29T09:00:02"),
    (46110.3749999999, "yyyy-mm-dd hh:mm", "2026-03-29T09:00:00"),
    (dt.date(2026, 3, 29), "yyyy-mm-dd", "2026-03-29T00:00:00"),
    (dt.time(9, 0), "hh:mm", "09:00:00"),
    (dt.timedelta(hours=30, minutes=5), "[h]:mm:ss", "30:05:00"),
    (-5, "yyyy-mm-dd", "-5"),
]


def rows_of(source: Any, **options: Any) -> list[Row]:
    return [row for chunk in read(source, **options) for row in chunk.rows]


def by_xlsxwriter(path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Values")
        sheet.write(0, 0, "value")
        for row, (value, form, _) in enumerate(VALUES, 1):
            sheet.write(row, 0, value, book.add_format({"num_format": form}) if form else None)


def by_openpyxl(path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["value"])
    for row, (value, form, _) in enumerate(VALUES, 2):
        cell = sheet.cell(row, 1, value)
        if form:
            cell.number_format = form
    book.save(path)


@pytest.mark.parametrize("make", [by_xlsxwriter, by_openpyxl])
def test_values_arrive_as_the_text_the_user_sees(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "t.xlsx")
    assert [row.cells[0] for row in rows_of(tmp_path / "t.xlsx")] == [text for _, _, text in VALUES]


texts = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=20)


@hypothesis_settings(max_examples=15, deadline=None)  # each starts a process
@given(table=st.lists(st.lists(texts, min_size=3, max_size=3), max_size=20))
def test_any_text_comes_back_unchanged(tmp_path_factory: pytest.TempPathFactory, table: list[list[str]]) -> None:
    path = tmp_path_factory.mktemp("book") / "t.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for number, line in enumerate([["a", "b", "c"], *table]):
            for column, text in enumerate(line):
                sheet.write_string(number, column, text)
    expected = [(n, tuple(line)) for n, line in enumerate(table, 2) if any(cell.strip() for cell in line)]
    assert [(row.number, row.cells) for row in rows_of(path)] == expected


def test_dates_of_the_1904_calendar_are_the_same_dates(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    with xlsxwriter.Workbook(path, {"date_1904": True}) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "starts_at")
        sheet.write_datetime(1, 0, MOMENT, book.add_format({"num_format": "yyyy-mm-dd hh:mm"}))
    assert rows_of(path) == [Row(2, ("2026-03-29T09:00:00",))]


def test_rows_and_columns_keep_their_places_after_blank_ones(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("On call")
        sheet.write_row(2, 1, ["id", "", "", "note"])  # C has data and no header, D has neither
        sheet.write_row(4, 1, ["1", "loose", "", "x"])
        sheet.write_row(7, 1, ["2", "", " ", "y"])
    (chunk,) = read(path)
    assert (chunk.sheet.header, chunk.sheet.positions) == (("id", "", "note"), (1, 2, 4))
    assert chunk.rows == [Row(5, ("1", "loose", "x")), Row(8, ("2", "", "y"))]


def test_sheets_come_in_order_and_what_is_skipped_is_told(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Second").write_column(0, 0, ["id", "2"])
        book.add_chartsheet("Chart").set_chart(_chart(book))
        book.add_worksheet("Notes")
        hidden = book.add_worksheet("Hidden")
        hidden.write_column(0, 0, ["id", "3"])
        hidden.hide()
        book.add_worksheet("Only header").write(0, 0, "id")
        book.add_worksheet("First").write_column(0, 0, ["id", "1"])
    reading = read(path)
    chunks = [(chunk.sheet.name, [row.cells for row in chunk.rows]) for chunk in reading]
    assert chunks == [("Second", [("2",)]), ("Only header", []), ("First", [("1",)])]
    assert sorted(notice_texts(reading)) == [
        'sheet "Chart" is a chart and was skipped',
        'sheet "Hidden" is hidden and was skipped',
        'sheet "Notes" is empty and was skipped',
    ]
    assert reading.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert reading.path == str(path)
    assert [c.sheet.name for c in read(path, sheets=["first", "Hidden"])] == ["Hidden", "First"]


def _chart(book: Any) -> Any:
    chart = book.add_chart({"type": "line"})
    chart.add_series({"values": "=Second!$A$1:$A$2"})
    return chart


def test_a_sheet_that_is_not_there_is_named_with_those_that_are(workbook: Workbook, refused: Refused) -> None:
    path = workbook('<row r="1"><c t="str"><v>id</v></c></row>')
    error = refused(path, sheets=["Shadows"])
    assert (error.message, error.hint) == (f'{path}: the workbook has no sheet "Shadows"', 'Its sheets are: "S".')


def test_a_chart_cannot_be_selected(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "t.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Second")
        book.add_chartsheet("Chart").set_chart(_chart(book))
    assert refused(path, sheets=["Chart"]).message == f'{path}: sheet "Chart" is a chart and has no rows'
    assert refused(path).message == f"{path}: the workbook has no rows in any sheet that is read"


def test_many_rows_come_in_chunks_of_one_sheet_object(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet().write_column(0, 0, ["id", *map(str, range(CHUNK_ROWS + 1))])
    chunks = list(read(path))
    assert [len(chunk.rows) for chunk in chunks] == [CHUNK_ROWS, 1]
    assert chunks[0].sheet is chunks[1].sheet
    assert chunks[1].rows == [Row(CHUNK_ROWS + 2, (str(CHUNK_ROWS),))]


def test_a_workbook_is_one_under_any_name_and_from_standard_input(workbook: Workbook, tmp_path: Path) -> None:
    content = workbook('<row><c t="str"><v>id</v></c></row><row><c><v>7</v></c></row>').read_bytes()
    (tmp_path / "t.csv").write_bytes(content)
    assert rows_of(tmp_path / "t.csv") == [Row(2, ("7",))]
    assert rows_of("-", stdin=io.BytesIO(content)) == [Row(2, ("7",))]


HEADER = '<row r="1"><c r="A1" t="str"><v>id</v></c><c r="B1" t="str"><v>note</v></c></row>'


def test_an_error_cell_keeps_its_text_and_is_a_problem_of_its_row(workbook: Workbook) -> None:
    path = workbook(f'{HEADER}<row r="5"><c r="B5" t="e"><f>NA()</f><v>#N/A</v></c></row>')
    hint, topic = "Correct its formula, or type the value in.", "a cell that holds an error"
    problem = Problem("the cell holds the error #N/A", hint, cell="B5", topic=topic)
    assert rows_of(path) == [Row(5, ("", "#N/A"), problems=(problem,))]


def test_a_formula_without_a_stored_result_is_a_problem_of_its_row(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for line in (["id", "note"], ["1", '="a"&"b"'], ["=1+1"]):
        book.active.append(line)
    book.save(tmp_path / "t.xlsx")
    first, second = rows_of(tmp_path / "t.xlsx")
    assert (first.cells, second.cells) == (("1", ""), ("", ""))
    assert [(p.cell, p.message) for row in (first, second) for p in row.problems] == [
        ("B2", "the cell holds a formula whose result was never stored"),
        ("A3", "the cell holds a formula whose result was never stored"),
    ]


def test_a_formula_with_a_result_is_its_result(workbook: Workbook) -> None:
    path = workbook(f'{HEADER}<row r="2"><c r="A2"><f>6*7</f><v>42</v></c><c r="B2" t="str"><f>""</f><v></v></c></row>')
    assert rows_of(path) == [Row(2, ("42", ""))]


def test_a_header_that_is_an_error_is_a_problem_of_its_sheet(workbook: Workbook) -> None:
    path = workbook('<row r="3"><c r="B3" t="e"><v>#REF!</v></c></row>')
    (chunk,) = read(path)
    assert [(problem.cell, problem.message) for problem in chunk.sheet.problems] == [
        ("B3", "the cell holds the error #REF!")
    ]


def test_a_long_whole_number_stored_in_full_keeps_its_digits(workbook: Workbook) -> None:
    path = workbook(f'{HEADER}<row r="2"><c r="A2"><v>12345678901234567890</v></c></row>')
    reading = read(path)
    assert [row.cells for chunk in reading for row in chunk.rows] == [("12345678901234567890", "")]
    assert notice_texts(reading) == []


def test_a_number_that_lost_digits_in_the_spreadsheet_is_told(workbook: Workbook) -> None:
    path = workbook(f'{HEADER}<row r="2"><c r="A2"><v>1.2345678901234499E+19</v></c></row>')
    reading = read(path)
    assert [row.cells for chunk in reading for row in chunk.rows] == [("12345678901234500000", "")]
    (notice,) = notice_texts(reading)
    assert notice.startswith('sheet "S", cell A2: a number of more than 15 digits, of which a spreadsheet keeps 15;')


DAMAGED = "the workbook is damaged: "


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ('<row r="3"/><row r="2"/>', 'sheet "S": ' + DAMAGED + "row 2 comes after row 3"),
        ('<row r="3"><c r="B7"><v>1</v></c></row>', 'sheet "S": ' + DAMAGED + "a cell in row 3 calls itself 'B7'"),
        ('<row r="1"><c r="A1" s="x"><v>1</v></c></row>', "'x' is not a whole number"),
        ('<row r="1"><c r="A1"><v>1</v></c>', DAMAGED),
    ],
)
def test_a_damaged_sheet_is_refused_rather_than_read_in_part(
    workbook: Workbook, refused: Refused, rows: str, said: str
) -> None:
    assert said in refused(workbook(rows)).message


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"xl/worksheets/sheet1.xml": None}, DAMAGED),
        ({"xl/workbook.xml": None}, DAMAGED + "its part 'xl/workbook.xml' is missing"),
        ({"_rels/.rels": "<Relationships/>"}, DAMAGED + "it does not say where its workbook part is"),
        ({"_rels/.rels": '<!DOCTYPE a [<!ENTITY b "c">]><Relationships/>'}, "its XML has a DOCTYPE"),
        ({"_rels/.rels": "<Relation"}, DAMAGED + "its XML is broken"),
        ({f"part{n}": "" for n in range(10_001)}, "the workbook has 10006 parts, more than 10000"),
    ],
)
def test_a_damaged_package_is_refused(
    workbook: Workbook, refused: Refused, parts: dict[str, str | None], said: str
) -> None:
    error = refused(workbook(parts=parts))
    assert said in error.message
    assert error.hint


def test_a_package_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(
    workbook: Workbook, refused: Refused
) -> None:
    path = workbook()
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")  # the directory's first entry; its unpacked size stands 24 bytes on
    content[entry + 24 : entry + 28] = ((1 << 30) + 1).to_bytes(4, "little")
    path.write_bytes(content)
    assert refused(path).message == f"{path}: the workbook unpacks to more than 1 GB"


def test_prefixed_names_and_absolute_targets_are_understood(workbook: Workbook) -> None:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    sheet = (
        f'<x:worksheet xmlns:x="{main}"><x:sheetData><x:row><x:c t="str"><x:v>id</x:v></x:c></x:row>'
        '<x:row r="4"><x:c r="A4" t="e"><x:v>#N/A</x:v></x:c></x:row></x:sheetData></x:worksheet>'
    )
    links = (
        '<Relationships><Relationship Id="r1" Type="a/worksheet" Target="/xl/worksheets/Other.xml"/></Relationships>'
    )
    path = workbook(parts={"xl/worksheets/other.xml": sheet, "xl/_rels/workbook.xml.rels": links})
    (row,) = rows_of(path)
    assert (row.number, row.cells, len(row.problems)) == (4, ("#N/A",), 1)


def biff(kind: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def excel_2() -> bytes:
    """Texts, a date and a whole number by the records of Excel 2."""
    codes = biff(0x001E, b"\x07General") + biff(0x001E, b"\x0add.mm.yyyy")
    texts = ((0, 0, b"id"), (0, 1, b"day"), (1, 0, b"P\xfc1"))
    cells = [biff(0x04, struct.pack("<HH3sB", row, column, bytes(3), len(text)) + text) for row, column, text in texts]
    day = biff(0x03, struct.pack("<HH3sd", 1, 1, b"\0\1\0", 46447.5))
    return biff(0x0009, b"\2\0\x10\0") + codes + b"".join(cells) + day + biff(0x02, bytes([2, 0, *bytes(5), 42, 0]))


def excel_4() -> bytes:
    """The same by the records of Excel 4."""
    codes = biff(0x041E, b"\0\0\x07General") + biff(0x041E, b"\1\0\x0add.mm.yyyy")
    styles = b"".join(biff(0x0443, bytes([0, code, *bytes(10)])) for code in range(2))
    font = biff(0x0231, struct.pack("<HHHB", 200, 0, 0x7FFF, 5) + b"Arial")
    texts = ((0, 0, b"id"), (0, 1, b"day"), (1, 0, b"P\xfc1"))
    cells = [biff(0x0204, struct.pack("<HHHH", row, column, 0, len(text)) + text) for row, column, text in texts]
    numbers = ((1, 1, 1, 46447.5), (2, 0, 0, 42))
    cells += [biff(0x0203, struct.pack("<HHHd", *number)) for number in numbers]
    return biff(0x0409, struct.pack("<HHH", 4, 0x10, 0)) + codes + font + styles + b"".join(cells)


@pytest.mark.parametrize("content", [excel_2(), excel_4()])
def test_a_stream_of_excel_2_to_4_is_a_workbook_without_a_compound_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.xls"
    path.write_bytes(content + biff(0x0A))
    chunks = list(read(path))
    assert chunks[0].sheet.header == ("id", "day")
    assert [row.cells for row in chunks[0].rows] == [("Pü1", "2027-03-01T12:00:00"), ("42", "")]


def test_a_stream_of_excel_2_that_breaks_off_is_damaged(write: Callable[[str, bytes], Path], refused: Refused) -> None:
    assert "the workbook is damaged: one of its records" in refused(write("t.xls", excel_2()[:40])).message
