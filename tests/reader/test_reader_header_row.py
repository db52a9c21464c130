"""The header is found under titles, told by its row's number, or missing; what stands around it is left out by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import SourceError
from importer.reader.read import read
from importer.reader.tables import CHUNK_ROWS, Chunk, rows_named
from importer.records import Row, Sheet

from .in_process import notice_texts

Write = Callable[[str, bytes], Path]
Refused = Callable[..., SourceError]
Save = Callable[[list[list[str]]], Path]
TITLES = [["On-call plan"], [], ["made by", "Ada"]]


def is_header(cells: Sequence[str]) -> bool:
    return "id" in cells


@pytest.fixture(params=["csv", "xlsx"])
def save(request: pytest.FixtureRequest, tmp_path: Path) -> Save:
    """Save a table as a CSV or as a workbook with one sheet."""

    def _save(table: list[list[str]]) -> Path:
        path = tmp_path / f"t.{request.param}"
        if request.param == "csv":
            path.write_text("".join(",".join(cells) + "\n" for cells in table))
            return path
        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet("t")
            for number, cells in enumerate(table):
                sheet.write_row(number, 0, cells)
        return path

    return _save


def told(path: Path, **options: Any) -> tuple[Chunk, list[str]]:
    """Read a table into one chunk, and its notices without the name of what they are about."""
    reading = read(path, **options)
    (chunk,) = reading
    assert all(notice.startswith((f"{path}: ", 'sheet "t": ')) for notice in notice_texts(reading))
    return chunk, [notice.partition(": ")[2] for notice in notice_texts(reading)]


def test_titles_above_the_header_are_left_out_and_named(save: Save) -> None:
    chunk, notices = told(save([*TITLES, ["id", "note"], ["1", "x"]]), is_header=is_header)
    assert (chunk.sheet.header, chunk.sheet.header_row, chunk.rows) == (("id", "note"), 4, [Row(5, ("1", "x"))])
    assert notices == ["rows 1 and 3 are above the header in row 4 and were left out"]


def test_where_no_row_is_recognised_the_first_is_the_header(save: Save) -> None:
    chunk, notices = told(save([["a", "b"], ["1", "2"]]), is_header=is_header)
    assert (chunk.sheet.header, chunk.rows, notices) == (("a", "b"), [Row(2, ("1", "2"))], [])


def test_a_header_below_the_thirtieth_row_is_not_looked_for(save: Save) -> None:
    rows = [[f"t{n}", "x"] for n in range(29)]
    assert told(save([*rows, ["id", "x"]]), is_header=is_header)[0].sheet.header == ("id", "x")
    assert told(save([*rows, ["t29", "x"], ["id", "x"]]), is_header=is_header)[0].sheet.header == ("t0", "x")


def test_the_row_that_is_said_is_the_header_wherever_it_stands(save: Save) -> None:
    table = [["id", "x"], *[[f"t{n}", "x"] for n in range(40)], ["a", "b"], ["1", "2"]]
    chunk, notices = told(save(table), is_header=is_header, header_row=42)
    assert (chunk.sheet.header, chunk.rows) == (("a", "b"), [Row(43, ("1", "2"))])
    assert notices == ["rows 1 to 41 are above the header in row 42 and were left out"]


def test_a_table_without_a_header_has_the_letters_of_its_columns(save: Save) -> None:
    chunk, notices = told(save([[], ["1", "", "x"], ["2", "", "y"]]), header_row=0)
    rows = [row.cells for row in chunk.rows]
    assert chunk.sheet.header[0] == "A"
    assert chunk.sheet.header[-1] == "C"
    assert [(cells[0], cells[-1]) for cells in rows] == [("1", "x"), ("2", "y")]
    assert ([row.number for row in chunk.rows], chunk.sheet.header_row, notices) == ([2, 3], 0, [])


def test_a_first_row_that_names_the_letters_is_no_header_to_be_left_out(save: Save) -> None:
    assert told(save([["A", "B"], ["1", "2"]]), header_row=0)[0].rows[0] == Row(1, ("A", "B"))


@pytest.mark.parametrize("row", [2, 9])
def test_a_header_row_with_nothing_in_it_is_said(save: Save, refused: Refused, row: int) -> None:
    path = save([["id", "b"], [], ["1", "x"]])
    error = refused(path, header_row=row)
    if path.suffix == ".csv":
        assert error.message == f"{path} has nothing in row {row}, where its header should be"
    else:
        assert error.message == f"{path}: the workbook has no rows in any sheet that is read"


def test_a_header_that_is_repeated_is_left_out_and_named(save: Save) -> None:
    header = ["id", "note"]
    table = [header, ["1", "x"], header, ["2", "id"], *[["3", "y"]] * CHUNK_ROWS, header]
    reading = read(save(table))
    rows = [row.cells for chunk in reading for row in chunk.rows]
    assert rows == [("1", "x"), ("2", "id"), *[("3", "y")] * CHUNK_ROWS]
    assert [n.partition(": ")[2] for n in notice_texts(reading)] == [
        "rows 3 and 2005 repeat the header and were left out"
    ]


def test_a_column_without_a_header_is_kept_with_what_it_holds(save: Save) -> None:
    chunk, _ = told(save([["", "id", "", "note"], ["loose", "1", "", "x"]]))
    by_position = dict(
        zip(chunk.sheet.positions, zip(chunk.sheet.header, chunk.rows[0].cells, strict=True), strict=True)
    )
    assert by_position[0] == ("", "loose")
    assert by_position[1] == ("id", "1")
    assert by_position[3] == ("note", "x")


def test_the_delimiter_is_the_one_with_which_the_header_is_recognised(write: Write) -> None:
    path = write("t.csv", b"Plan, made by Ada, in March, 2026\nfor all; of us\nid;note\n1;a, b, c, d\n")
    chunk, _ = told(path, is_header=is_header)
    assert (chunk.sheet.header, chunk.rows) == (("id", "note"), [Row(4, ("1", "a, b, c, d"))])


@pytest.mark.parametrize("hint", [b"sep=;\r\n", b'"sep=;"\n', b"\xef\xbb\xbfSEP=;\n"])
def test_a_hint_for_excel_is_followed_and_is_no_row(write: Write, hint: bytes) -> None:
    (chunk,) = read(write("t.csv", hint + b"id;a,b,c\n1;2,3,4\n"))
    assert (chunk.sheet.header, chunk.rows) == (("id", "a,b,c"), [Row(2, ("1", "2,3,4"))])


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize(("said", "real"), [(",", ";"), (";", ","), ("\t", "|"), ("^", "\t"), (" ", ";")])
def test_a_hint_for_excel_that_separates_nothing_is_not_followed(
    write: Write, said: str, real: str, is_known: bool
) -> None:
    table = f"sep={said}\nid{real}note\n1{real}x\n"
    chunk, notices = told(write("t.csv", table.encode()), is_header=is_header if is_known else None)
    assert (chunk.sheet.header, chunk.rows) == (("id", "note"), [Row(2, ("1", "x"))])
    assert notices == [f"its first line is {f'sep={said}'.strip()!r}, but {real!r} separates its cells"]


def test_a_hint_for_excel_above_a_single_column_is_followed(write: Write) -> None:
    chunk, notices = told(write("t.csv", b"sep=;\nid\na,b\nc\n"), is_header=is_header)
    assert (chunk.sheet.header, [row.cells for row in chunk.rows], notices) == (("id",), [("a,b",), ("c",)], [])


@pytest.mark.parametrize("padding", ["", ";;", ",,,", " "])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("wrapped", [{1, 2, 3}, {2, 3}, {3}, {1}])
def test_rows_in_quotes_as_a_whole_are_read_as_the_cells_within_with_a_warning(
    write: Write, wrapped: set[int], delimiter: str, padding: str
) -> None:
    padding = padding if 1 in wrapped else padding.replace(delimiter, "")  # else it is a row of one filled cell
    lines = [delimiter.join(cells) for cells in (("id", "note", "who"), ('"a, b"', "1 x", ""), ("2", "y", '"z ""w"""'))]
    table = [
        '"' + line.replace('"', '""') + f'"{padding}' if number in wrapped else line
        for number, line in enumerate(lines, 1)
    ]
    chunk, _ = told(write("t.csv", "\r\n".join(table).encode()), is_header=is_header)
    assert (chunk.sheet.header, [row.cells for row in chunk.rows]) == (
        ("id", "note", "who"),
        [("a, b", "1 x", ""), ("2", "y", 'z "w"')],
    )
    assert [row.number for row in chunk.rows if row.warnings] == sorted(wrapped - {1})


def test_a_quoted_title_with_another_number_of_cells_is_no_row_in_quotes(write: Write) -> None:
    chunk, _ = told(
        write("t.csv", b'id,note,who\n"Berg, Anna",,\n"1, 2"\n"a, b, c",x,y\n"1,2,3",,\n'), is_header=is_header
    )
    cells = [("Berg, Anna", "", ""), ("1, 2", "", ""), ("a, b, c", "x", "y"), ("1,2,3", "", "")]
    assert [row.cells for row in chunk.rows] == cells
    assert not any(row.warnings for row in chunk.rows)


@pytest.mark.parametrize(("header", "row"), [(";", ","), (",", ";"), (",", "\t")])
def test_a_row_with_another_delimiter_than_the_header_is_told_which_to_write(
    write: Write, header: str, row: str
) -> None:
    table = f"{header.join(('id', 'note', 'who'))}\n{row.join('123')}\n"
    chunk, _ = told(write("t.csv", table.encode()), is_header=is_header)
    assert [problem.hint for problem in chunk.rows[0].problems] == [
        f"Put {header!r} between its cells, as in the header."
    ]


def test_a_sentence_names_the_physical_line_below_a_hint_for_excel(write: Write, refused: Refused) -> None:
    assert ", line 3: the row" in refused(write("t.csv", b'sep=|\nid|b\n1|"x\n')).message


def test_each_sheet_has_a_header_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for name, above in (("a", 0), ("b", 3)):
            sheet = book.add_worksheet(name)
            sheet.write(0, 0, "title") if above else None
            sheet.write_row(above, 0, ["id", "x"])
            sheet.write_row(above + 1, 0, ["1", "y"])
        book.add_worksheet("c").write(0, 0, "only a note")
    reading = read(path, is_header=is_header)
    sheets = [(chunk.sheet.name, chunk.sheet.header, chunk.sheet.header_row, len(chunk.rows)) for chunk in reading]
    assert sheets == [("a", ("id", "x"), 1, 1), ("b", ("id", "x"), 4, 1), ("c", ("only a note",), 1, 0)]
    assert notice_texts(reading) == ['sheet "b": row 1 is above the header in row 4 and was left out']


def test_a_sheet_with_nothing_in_the_header_row_is_left_out_and_named(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("a").write_column(0, 0, ["title", "id", "1"])
        book.add_worksheet("b").write(0, 0, "only a note")
    reading = read(path, header_row=2)
    assert [chunk.sheet for chunk in reading] == [Sheet(str(path), "a", ("id",), (0,), 2)]
    assert notice_texts(reading) == [
        'sheet "a": row 1 is above the header in row 2 and was left out',
        'sheet "b" has nothing in row 2, where its header should be, and was skipped',
    ]


@given(st.sets(st.integers(1, 60), min_size=1))
def test_rows_are_named_in_ascending_ranges(numbers: set[int]) -> None:
    named = rows_named(sorted(numbers))
    assert named.startswith("row " if len(numbers) == 1 else "rows ")
    if " more" not in named:
        pieces = [
            piece.split(" to ")
            for piece in named.removeprefix("rows ").removeprefix("row ").replace(" and ", ", ").split(", ")
        ]
        assert {n for piece in pieces for n in range(int(piece[0]), int(piece[-1]) + 1)} == numbers


# ---- a header below another


KNOWN = {"id", "note", "start", "end", "who"}


def rated(cells: Sequence[str]) -> int:
    known = sum(cell in KNOWN for cell in cells)
    return 0 if known < 2 else 2 if "id" in cells else 1


def sheets_of(path: Path) -> tuple[list[tuple[tuple[str, ...], int, list[tuple[int, tuple[str, ...]]]]], list[str]]:
    reading = read(path, is_header=rated, is_known=KNOWN.__contains__)
    found: dict[int, tuple[tuple[str, ...], int, list[tuple[int, tuple[str, ...]]]]] = {}
    for chunk in reading:
        _, _, rows = found.setdefault(id(chunk.sheet), (chunk.sheet.header, chunk.sheet.header_row, []))
        rows.extend((row.number, row.cells) for row in chunk.rows)
        KEPT.append(chunk)
    return list(found.values()), [notice.partition(": ")[2] for notice in notice_texts(reading)]


KEPT: list[Chunk] = []  # so that no two sheets have the same identity


def test_a_row_of_known_headers_begins_a_table_of_its_own_columns(save: Save) -> None:
    table = [["id", "who", "start"], ["1", "a", "x"], [], ["Week 10"], ["id", "start", "who"], ["2", "y", "b"]]
    tables, notices = sheets_of(save(table))
    assert tables == [
        (("id", "who", "start"), 1, [(2, ("1", "a", "x"))]),
        (("id", "start", "who"), 5, [(6, ("2", "y", "b"))]),
    ]
    assert sorted(notices) == [
        "row 4 is above the header in row 5 and was left out",
        "row 5 is a header too, and the rows below it are read by it",
    ]


def test_a_row_in_which_a_header_is_only_a_value_is_none(save: Save) -> None:
    table = [["id", "who", "note"], ["1", "id", "x"], ["note", "b", "c"], ["2", "who", "c"]]
    assert [len(rows) for _, _, rows in sheets_of(save(table))[0]] == [3]


def test_a_legend_above_the_table_is_not_its_header(save: Save) -> None:
    table = [["start", "end"], ["first day", "last day"], [], ["id", "who", "start", "end"], ["1", "a", "x", "y"]]
    tables, _ = sheets_of(save(table))
    assert [(header, number, len(rows)) for header, number, rows in tables] == [(("id", "who", "start", "end"), 4, 1)]


def test_a_title_that_no_header_follows_is_a_row(save: Save) -> None:
    tables, _ = sheets_of(save([["id", "who"], ["Total", ""], ["1", "a"]]))
    assert tables[0][2] == [(2, ("Total", "")), (3, ("1", "a"))]
