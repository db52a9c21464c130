"""What was found in a row is said at the cell that it is about; the marked workbook is the same source again."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_lines import TEXTS, fewer

from importer.cells import cell_name
from importer.errors import ReportError, UsageError
from importer.kinds import kind_of_name
from importer.reader.read import read
from importer.records import Finding, Problem, Row, Severity, Sheet
from importer.reporter.marked_cells import (
    Mark,
    Marked,
    check_marked_path,
    mark_row,
    named_cells,
    write_marked,
)
from importer.reporter.xlsx_writer import COMMENTS, Fill

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MarkedRow: TypeAlias = "tuple[tuple[int, Row], list[Finding]]"
HEADER = ("schedule_id", "starts_at", "note")
RED, YELLOW = "FFFFC7CE", "FFFFEB9C"


def make(
    *header: str, name: str = "Shadows", source: str = "roster.csv", positions: tuple[int, ...] | None = None
) -> Sheet:
    return Sheet(source, name, header, positions if positions is not None else tuple(range(len(header))))


def marked_row(
    sheet: int, row: Row, problems: tuple[Problem, ...] = (), warnings: tuple[Problem, ...] = ()
) -> MarkedRow:
    found = ((Severity.PROBLEM, problems), (Severity.WARNING, warnings))
    return (sheet, row), [Finding(severity, sheet, row, one) for severity, own in found for one in own]


def wrong(cell: str = "", message: str = "it is wrong", hint: str = "mend it") -> tuple[Problem, ...]:
    return (Problem(message, hint, cell=cell),)


def read_back(path: Path) -> list[tuple[str, tuple[str, ...], tuple[int, ...], list[tuple[int, tuple[str, ...]]]]]:
    """Give each sheet as the importer reads it."""
    found: dict[int, tuple[Sheet, list[tuple[int, tuple[str, ...]]]]] = {}
    for chunk in read(path):
        found.setdefault(id(chunk.sheet), (chunk.sheet, []))[1].extend((row.number, row.cells) for row in chunk.rows)
    return [(sheet.name, sheet.header, sheet.positions, rows) for sheet, rows in found.values()]


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("marked") / "marked.xlsx"


@st.composite
def any_rows(draw: st.DrawFn) -> list[MarkedRow]:
    numbers = sorted(draw(st.sets(st.integers(2, 60), max_size=6)))
    return [
        marked_row(0, Row(number, ("id", draw(TEXTS), draw(TEXTS))), *draw(st.sampled_from(_found(number))))
        for number in numbers
    ]


def _found(number: int) -> list[tuple[tuple[Problem, ...], tuple[Problem, ...]]]:
    return [((), ()), (wrong(f"G{number}"), ()), ((), wrong(f"J{number}")), (wrong(), wrong(f"G{number}"))]


@fewer
@given(any_rows())
def test_any_source_reads_back_as_the_same_texts_in_the_same_cells(marked: Path, rows: list[MarkedRow]) -> None:
    sheet = make(*HEADER, positions=(1, 6, 9))
    try:
        write_marked(marked, [sheet], rows)
    except ReportError:  # a text that no workbook holds: said, and tested below
        return
    assert read_back(marked) == [("Shadows", HEADER, (1, 6, 9), [(row.number, row.cells) for (_, row), _ in rows])]


@pytest.mark.parametrize(
    "text", ["=1+1", "'=1", "-5", "@SUM(A1)", "00042", "1e5", "TRUE", "12345678901234567890", "\x1b[31m", " a ", "a\nb"]
)
def test_a_cell_stays_the_text_that_it_is_and_runs_nothing(marked: Path, text: str) -> None:
    row = Row(2, (text, text, ""))
    write_marked(marked, [make(*HEADER)], [marked_row(0, row, wrong("A2"))])
    assert read_back(marked)[0][3] == [(2, row.cells)]
    cells = openpyxl.load_workbook(marked)["Shadows"][2][:2]
    assert {(cell.data_type, cell.number_format) for cell in cells} == {("s", "@")}  # what is typed stays text, too


def test_what_a_person_mends_is_what_is_read(marked: Path) -> None:
    row = Row(2, ("id", "tomorrow", "-"))
    write_marked(marked, [make(*HEADER)], [marked_row(0, row, wrong("B2"))])
    book = openpyxl.load_workbook(marked)
    book["Shadows"]["B2"] = "2027-03-01T08:00:00Z"
    book.save(marked)
    assert read_back(marked)[0][3] == [(2, ("id", "2027-03-01T08:00:00Z", "-"))]


def test_problems_are_red_warnings_yellow_and_a_comment_says_what_and_how(marked: Path) -> None:
    rows = [
        marked_row(0, Row(2, ("id", "", "x")), wrong("B2", "starts_at is empty", "write a date"), wrong("C2")),
        marked_row(0, Row(3, ("id", "y", "x")), wrong()),
        marked_row(0, Row(4, ("id", "y", "x"))),
    ]
    write_marked(marked, [make(*HEADER)], rows)
    sheet = openpyxl.load_workbook(marked)["Shadows"]
    fills = {cell.coordinate: cell.fill.fgColor.rgb for line in sheet for cell in line if cell.fill.fill_type}
    assert fills == {"B2": RED, "C2": YELLOW, "A3": RED}
    comments = {cell.coordinate: cell.comment.text for line in sheet for cell in line if cell.comment}
    assert comments == {
        "B2": "starts_at is empty\nWrite a date",
        "C2": "Warning: it is wrong\nMend it",
        "A3": "it is wrong\nMend it",
    }


def test_the_header_stays_in_sight_and_filters_where_it_stood(marked: Path) -> None:
    rows = [marked_row(0, Row(7, ("id", "x" * 50, "")))]
    write_marked(marked, [replace(make(*HEADER, positions=(1, 2, 4)), header_row=5)], rows)
    sheet = openpyxl.load_workbook(marked)["Shadows"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A6", "B5:E7")
    assert [cell.value for cell in sheet[5]] == [None, "schedule_id", "starts_at", None, "note"]
    assert [sheet.column_dimensions[letter].width > 50 for letter in "BCE"] == [False, True, False]


def test_a_sheet_without_a_header_gets_none(marked: Path) -> None:
    write_marked(
        marked, [replace(make("", "", ""), header_row=0)], [marked_row(0, Row(1, ("id", "x", "y")), wrong("B1"))]
    )
    sheet = openpyxl.load_workbook(marked)["Shadows"]
    assert [[cell.value for cell in line] for line in sheet] == [["id", "x", "y"]]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == (None, None)


def test_several_sources_are_sheets_of_one_workbook_be_their_rows_mixed(marked: Path) -> None:
    sheets = [make(*HEADER, source="a.csv"), make("remote_id", name="Schedules"), make(*HEADER, source="b.csv")]
    rows = [
        marked_row(0, Row(2, ("1", "", ""))),
        marked_row(1, Row(2, ("2",))),
        marked_row(0, Row(3, ("3", "", ""))),
    ]
    write_marked(marked, sheets, rows)
    assert read_back(marked) == [
        ("Shadows", HEADER, (0, 1, 2), [(2, ("1", "", "")), (3, ("3", "", ""))]),
        ("Schedules", ("remote_id",), (0,), [(2, ("2",))]),
        ("Shadows (2)", HEADER, (0, 1, 2), []),
    ]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["plan: a/b", "[x]*?\\"], ["plan_ a_b", "_x____"]),
        (["x" * 40, "x" * 50], ["x" * 30 + "…", "x" * 26 + "… (2)"]),
        (["Rota", "ROTA"], ["Rota", "ROTA (2)"]),
        (["", "History", "'Shadows'"], ["sheet", "History sheet", "Shadows"]),
        (["😀" * 16], ["😀" * 15 + "…"]),
        ([" 'a' ", " 'a"], ["a", "a (2)"]),
        (["a\x1bb\udc80"], ["a_b_"]),
    ],
)
def test_a_sheet_keeps_its_name_as_far_as_a_spreadsheet_takes_it(
    marked: Path, names: list[str], expected: list[str]
) -> None:
    write_marked(marked, [make("id", name=name) for name in names], [])
    assert openpyxl.load_workbook(marked).sheetnames == expected


@fewer
@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_any_names_of_sheets_make_a_workbook(marked: Path, names: list[str]) -> None:
    write_marked(marked, [make("id", name=name) for name in names], [])
    assert len(set(openpyxl.load_workbook(marked).sheetnames)) == len(names)


def test_a_long_comment_is_cut_and_what_does_not_print_is_shown_as_escapes(marked: Path) -> None:
    rows = [
        marked_row(0, Row(2, ("a", "", "")), wrong("A2", "\x1b[31m\u202e\ud83d _x0041_ <&>", "")),
        marked_row(0, Row(3, ("a", "", "")), wrong("A3", "😀" * 40_000)),
    ]
    write_marked(marked, [make(*HEADER)], rows)
    sheet = openpyxl.load_workbook(marked)["Shadows"]
    assert sheet["A2"].comment.text == r"\x1b[31m\u202e\ud83d _x005F_x0041_ <&>"
    assert sheet["A3"].comment.text == "😀" * 16_383 + "…"


def test_cells_beyond_the_header_are_marked_and_stay_empty(marked: Path) -> None:
    write_marked(marked, [make(*HEADER)], [marked_row(0, Row(2, ("a", "b", "c")), wrong("E2"))])
    assert openpyxl.load_workbook(marked)["Shadows"]["E2"].fill.fgColor.rgb == RED
    assert read_back(marked) == [("Shadows", HEADER, (0, 1, 2), [(2, ("a", "b", "c"))])]


@pytest.mark.parametrize(
    ("sheet", "row", "message"),
    [
        (make(*HEADER), Row(2, ("a", "b", "x" * 32_768)), "in cell C2 a text that a workbook cannot hold"),
        (make(*HEADER), Row(2, ("a", "\uffff", "")), "in cell B2 a text that a workbook cannot hold"),
        (make("x" * 32_768), Row(2, ("a",)), "in cell A1 a text that a workbook cannot hold"),
        (make(*HEADER), Row(1_048_577, ("a", "b", "c")), "a row 1,048,577, and a workbook ends at row 1,048,576"),
        (make("id", positions=(16_384,)), Row(2, ("a",)), "more than 16,384 columns"),
    ],
    ids=["long", "no XML", "header", "rows", "columns"],
)
def test_what_a_workbook_cannot_hold_is_said_and_never_cut(
    tmp_path: Path, sheet: Sheet, row: Row, message: str
) -> None:
    path = tmp_path / "marked.xlsx"
    path.write_bytes(b"older")
    with pytest.raises(ReportError, match=message) as caught:
        write_marked(path, [sheet], [marked_row(0, row, wrong(cell_name(2, row.number)))])
    assert '"roster.csv", sheet "Shadows"' in caught.value.message
    assert caught.value.hint
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("marked.xlsx", b"older")]


def test_rows_that_would_be_lost_are_refused(marked: Path) -> None:
    rows = [marked_row(0, Row(3, ("a", "b", "c"))), marked_row(0, Row(3, ("d", "e", "f")))]
    with pytest.raises(ValueError, match="row 3 comes after row 3"):
        write_marked(marked, [make(*HEADER)], rows)


def test_a_report_s_rows_stand_where_they_stood_in_the_report(marked: Path) -> None:
    write_marked(marked, [make(*HEADER)], [marked_row(0, Row(70, ("a", "b", "c"), line=2), wrong("B2"))])
    assert openpyxl.load_workbook(marked)["Shadows"]["B2"].fill.fgColor.rgb == RED


def test_more_comments_than_a_spreadsheet_likes_are_left_out_and_said(tmp_path: Path) -> None:
    path = tmp_path / "marked.xlsx"
    rows = (marked_row(0, Row(number, ("a",)), wrong(f"A{number}")) for number in range(2, COMMENTS + 5))
    written = write_marked(path, [make("id")], rows)
    assert written == Marked(
        path,
        "coloured but without a comment: the last 3 of the bad cells"
        " (a workbook with more than 10,000 comments is slow to open)",
    )
    sheet = openpyxl.load_workbook(path)["Shadows"]
    last = sheet.cell(COMMENTS + 4, 1)
    assert (last.fill.fgColor.rgb, last.comment) == (RED, None)


def test_the_file_is_for_its_owner_only(marked: Path) -> None:
    written = write_marked(marked, [make(*HEADER)], [])
    assert written == Marked(marked, "")
    assert oct(marked.stat().st_mode & 0o777) == oct(0o600)


def test_rows_that_break_off_leave_the_older_file(tmp_path: Path) -> None:
    def rows() -> Iterator[MarkedRow]:
        yield marked_row(0, Row(2, ("a", "b", "c")))
        raise OSError(28, "No space left on device")

    path = tmp_path / "marked.xlsx"
    path.write_bytes(b"older")
    with pytest.raises(ReportError, match=r"could not be written: No space left") as caught:
        write_marked(path, [make(*HEADER)], rows())
    assert "journal" not in caught.value.hint
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("marked.xlsx", b"older")]


def test_a_source_is_never_written_over(tmp_path: Path) -> None:
    source = tmp_path / "roster.xlsx"
    source.write_bytes(b"mine")
    other = tmp_path / "link.xlsx"
    other.symlink_to(source)
    for path in (source, other):
        with pytest.raises(UsageError, match="is the source itself"):
            write_marked(path, [make(*HEADER, source=str(source))], [])
    assert source.read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["marked.csv", "marked", "marked.xls"])
def test_a_name_that_is_no_workbook_s_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"does not end in \.xlsx"):
        check_marked_path(tmp_path / name, ["a.csv"])


@pytest.mark.parametrize("source", ["-", "DataFrame", "", "no such file", "a\0b"])
def test_sources_that_are_no_files_are_in_nobody_s_way(tmp_path: Path, source: str) -> None:
    check_marked_path(tmp_path / "Marked.XLSX", [source])


def test_memory_does_not_grow_with_the_rows(marked: Path) -> None:
    write_marked(marked, [make("id")], [])  # what is imported counts once
    tracemalloc.start()
    write_marked(marked, [make("id")], (marked_row(0, Row(number, ("x" * 200,))) for number in range(2, 10_002)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_500_000


@pytest.mark.parametrize(
    "name",
    [
        "On-call of the payments teams schedules",
        "Trainees of spring and summer OnCallShadows",
        "Everything of both: schedules, on-call, shadows",
        "Payments and search plan of shadowing",
        "Payments and search schedules of 2027, all",
        "Nothing is told by this name of a sheet",
    ],
)
def test_a_name_that_is_cut_tells_the_same_kind(tmp_path: Path, name: str) -> None:
    twice = [make("remote_id", name=name), make("remote_id", name=name)]
    write_marked(tmp_path / "marked.xlsx", twice, [])
    titles = openpyxl.load_workbook(tmp_path / "marked.xlsx").sheetnames
    assert len(set(titles)) == 2
    assert all(len(title) <= 31 for title in titles)
    assert {kind_of_name(title) for title in titles} == {kind_of_name(name)}


# ---- marks


@given(st.lists(st.tuples(st.integers(0, 16_383), st.integers(1, 2_000_000)), max_size=5))
def test_cells_are_found_in_the_text_that_names_them(cells: list[tuple[int, int]]) -> None:
    assert list(named_cells(", ".join(cell_name(*cell) for cell in cells))) == cells


@pytest.mark.parametrize("text", ["", "row 7", "B", "7", "B0", "b7", "ABCD1", "B7:C9", "B7;C9"])
def test_what_names_no_cell_is_passed_over(text: str) -> None:
    assert list(named_cells(text)) == []


def test_all_that_is_wrong_with_a_cell_is_one_comment_and_a_problem_outweighs_a_warning() -> None:
    problems = [Problem("it is empty", "write an id", cell="B7"), Problem("it is odd", cell="C7")]
    warnings = [Problem("it is old", "look at it", cell="B7"), Problem("it is long", cell="D7")]
    assert mark_row(7, (1, 2, 3), problems, warnings) == {
        1: Mark(Fill.BAD, "it is empty\nWrite an id\n\nWarning: it is old\nLook at it"),
        2: Mark(Fill.BAD, "it is odd"),
        3: Mark(Fill.NEUTRAL, "Warning: it is long"),
    }


@pytest.mark.parametrize("cell", ["", "B9", "the header"])
def test_what_is_about_no_cell_of_the_row_is_said_at_its_first_cell(cell: str) -> None:
    assert mark_row(7, (4, 5), [Problem("the sheet has no column kind", cell=cell)], []) == {
        4: Mark(Fill.BAD, "the sheet has no column kind")
    }


def test_a_problem_of_two_cells_marks_both() -> None:
    assert mark_row(7, (0, 1, 2), [Problem("they clash", cell="A7, C7")], []).keys() == {0, 2}
