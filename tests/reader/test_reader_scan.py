"""The quick way through a sheet's XML says the same as the careful one, and everything it is not sure of it leaves."""

from __future__ import annotations

import io
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.errors import SourceError
from importer.reader.cell_text import StoredCell, number_format
from importer.reader.limits import Bounds
from importer.reader.stored_cells import Styles, TextRow, WalkedRow, text_rows
from importer.reader.worker import Workbook
from importer.reader.xlsx_sheet import CellReader, scanned_rows

CODES = ["General", "00000", "yyyy-mm-dd"]
TEXTS = st.sampled_from(["a", "", " ", "7", "x\ny", "<&>", "_x0041_"])
NUMBERS = st.sampled_from(["0", "42", "-5", "0.25", "1E-7", "46110.375", "12345678901234567890", "1.5E+19", "1e5"])
STYLES = st.sampled_from(["", ' s="0"', ' s="1"', ' s="2"'])
FORMULAS = st.sampled_from(["", "", "<f>A1+1</f>", '<f t="shared" si="0"/>', '<f ca="1">"a"&amp;"b"</f>'])


def inner(kind: str, formula: str, text: str, number: str) -> str:
    """Give the type of a cell and what stands in it."""
    return {
        "blank": "/>",
        "empty": "></c>",
        "number": f">{formula}<v>{number}</v></c>",
        "n": f' t="n">{formula}<v>{number}</v></c>',
        "shared": f' t="s">{formula}<v>{len(text) % 3}</v></c>',
        "str": f' t="str">{formula}<v>{escape(text)}</v></c>',
        "inline": f' t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>',
        "rich": f' t="inlineStr"><is><r><t>{escape(text)}</t></r></is></c>',
        "truth": f' t="b">{formula}<v>1</v></c>',
        "error": f' t="e">{formula}<v>#N/A</v></c>',
        "unknown": f">{formula or '<f>1</f>'}</c>",
        "noted": f"><v>{number}</v><extLst/></c>",
    }[kind]


KINDS = st.sampled_from(
    ["blank", "empty", "number", "number", "n", "shared", "str", "inline", "rich", "truth", "error", "unknown", "noted"]
)
CELLS = st.builds(lambda style, *rest: style + inner(*rest), STYLES, KINDS, FORMULAS, TEXTS, NUMBERS)
ROWS = st.lists(st.dictionaries(st.sampled_from("ABCDZ"), CELLS), min_size=1, max_size=6)
ENDS = st.sampled_from(
    [
        "",
        "\n  ",
        ' ht="20"',
        ' ht="0"',
        " ht='0.0'",
        ' hidden="1"',
        " hidden='true'",
        ' spans="1:3" x14ac:dyDescent="0.25"',
    ]
)


@pytest.fixture(scope="module")
def skeleton(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workbook with the styles and shared texts that the sheets of this module refer to."""
    path = tmp_path_factory.mktemp("scan") / "skeleton.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("S")
        for number, code in enumerate(CODES):
            sheet.write(number, 0, ["one", "two", "three"][number], book.add_format({"num_format": code}))
    return path


def read_sheet(skeleton: Path, rows: str) -> list[Any] | str:
    """Read a sheet of such XML in this process; give all messages, or the sentence."""
    path = skeleton.with_name("made.xlsx")
    with zipfile.ZipFile(skeleton) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("sheet1.xml"):
                start, _, rest = data.decode().partition("<sheetData>")
                data = f"{start}<sheetData>{rows}</sheetData>{rest.partition('</sheetData>')[2]}".encode()
            new.writestr(name, data)
    link = skeleton.with_name("source.xlsx")
    link.unlink(missing_ok=True)
    try:
        with path.open("rb") as file:
            return list(Workbook(file, link.parent, Bounds()).messages([], first_row))
    except SourceError as error:
        return error.message


def first_row(message: Any) -> int:
    return int(message[2][0][0])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rows=ROWS, end=ENDS)
def test_the_quick_way_and_the_careful_way_say_the_same(skeleton: Path, rows: list[dict[str, str]], end: str) -> None:
    header = '<row r="1">' + "".join(f'<c r="{letter}1" t="str"><v>{letter}</v></c>' for letter in "ABD") + "</row>"
    xml = header
    for number, cells in enumerate(rows, 2):
        attributes, space = (end, "") if "=" in end else ("", end)
        inside = "".join(f'<c r="{letter}{number}"{cells[letter]}' for letter in sorted(cells))
        xml += f'<row r="{number}"{attributes}>{inside}</row>{space}'
    assert read_sheet(skeleton, xml) == read_sheet(skeleton, f"{xml}<!-- so that expat reads them all -->")


def careless(rows: int) -> str:
    return "".join(f'<row r="{n}"><c r="A{n}" t="str"><v>{n}</v></c></row>' for n in range(1, rows + 1))


@pytest.mark.parametrize(
    "oddity",
    [
        "<!-- </row> -->",
        "<![CDATA[</row>]]>",
        "<?word </row>?>",
        '<row><c t="str"><v>x</v></c></row>',
        "<row r='6001'><c r='A6001' t='str'><v>x</v></c></row>",
        '<row r="6001"/>',
        '<row r="6001" ht="9"/><row r="6002"></row>',
        '<row r="6001"><c r="A6001" t="str"><v>x</v></c><c r="A6001" t="str"><v>y</v></c></row>',
        '<row r="6001"><c r="B6001"><v>1</v></c><c r="A6001"><v>1</v></c></row>',
        '<row r="6001"><c r="A6002"><v>1</v></c></row>',
        '<row r="5999"><c r="A5999"><v>1</v></c></row>',
    ],
)
def test_an_oddity_deep_in_a_sheet_is_read_as_the_careful_way_reads_it(skeleton: Path, oddity: str) -> None:
    rows = careless(6_000)  # longer than a block
    assert read_sheet(skeleton, rows + oddity) == read_sheet(skeleton, f"<!-- -->{rows}{oddity}")


def test_rows_as_spreadsheet_programs_write_them_need_no_closer_look() -> None:
    excel = (
        '<row r="2" spans="1:3" x14ac:dyDescent="0.25"><c r="A2" s="1" t="s"><v>0</v></c><c r="C2"><v>1.5</v></c></row>'
    )
    calc = '<row r="3" customFormat="false" ht="12.8"><c r="A3" s="0" t="n"><f aca="false">1+1</f><v>2</v></c></row>'
    styled = '<row r="4"><c r="A4" s="1"/><c r="B4" t="b"><v>1</v></c><c r="XFD4" s="1"/></row><row r="5"/>\n'
    xml = f'<?xml version="1.0"?><worksheet><sheetData>{excel}{calc}{styled}</sheetData></worksheet>'.encode()
    cells = CellReader(Styles([number_format("General"), number_format("00000")]), {1})
    scanned = scanned_rows(lambda: closing(io.BytesIO(xml)), range(3), cells)
    values: list[list[object]] = [["a", "", 1.5], [2.0, "", ""], ["", True, ""], ["", "", ""]]
    found = [row.texts(given, 0) for row, given in zip(scanned, values, strict=True)]
    texts = [["a", "", "1.5"], ["2", "", ""], ["", "TRUE", ""]]
    assert found == [*(TextRow(number, text) for number, text in enumerate(texts, 2)), None]


def test_only_rows_with_a_struck_text_need_a_closer_look_in_a_workbook_that_has_one() -> None:
    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c></row><row r="2"><c r="A2" t="s"><f>A1</f><v>1</v></c></row>'
    xml = f"<worksheet><sheetData>{rows}</sheetData></worksheet>".encode()
    cells = CellReader(Styles(), load_strings=lambda: (["a", "b"], {1}), has_struck_strings=True)
    scanned = scanned_rows(lambda: closing(io.BytesIO(xml)), range(1), cells)
    assert [row.texts([text], 0) for row, text in zip(scanned, "ab", strict=True)] == [TextRow(1, ["a"]), None]


def test_a_value_that_only_calamine_sees_stops_the_reading() -> None:
    rows = text_rows(
        iter([["id"], ["7"]]), iter([WalkedRow(1, {0: StoredCell("id")})]), range(1), range(1), [], Bounds()
    )
    assert next(rows).cells == ["id"]
    with pytest.raises(SourceError, match="cell A2 is read differently by two parsers"):
        next(rows)


def test_a_value_that_only_the_file_itself_shows_is_read() -> None:
    rows = text_rows(
        iter([["id"]]),
        iter([WalkedRow(1, {0: StoredCell("id"), 1: StoredCell("x")})]),
        range(2),
        range(1),
        [],
        Bounds(),
    )
    assert next(rows).cells == ["id", "x"]
