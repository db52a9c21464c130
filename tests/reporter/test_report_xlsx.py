"""report.xlsx gives back what went in, cell by cell, or is not made."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import load_workbook
from report_lines import TEXTS, fewer, make_line, make_sheet

from importer.reader import read as reader
from importer.records import Outcome, Sheet, TargetName
from importer.reporter.columns import PRODUCT_COLUMNS
from importer.reporter.formula_guard import unguard
from importer.reporter.report_reader import is_report, join_mapping
from importer.reporter.report_xlsx import ShadowTimes, write_xlsx
from importer.statuses import RUN_STATUSES, UNDO_STATUSES, Status

if TYPE_CHECKING:
    from pathlib import Path

FIRST = len(PRODUCT_COLUMNS)


def read(path: Path | None) -> list[list[object]]:
    assert path is not None
    return [list(row) for row in load_workbook(path).get_sheet_by_name("report").to_python(skip_empty_area=False)]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("xlsx") / "report.xlsx"


@fewer
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=30))
def test_any_cell_comes_back_where_a_workbook_is_made(report: Path, rows: list[tuple[str, str]]) -> None:
    path = write_xlsx(report, [make_sheet("a", "b")], [make_line(*row) for row in rows])
    if path:
        assert [tuple(unguard(str(cell)) for cell in row[FIRST:]) for row in read(path)] == [("a", "b"), *rows]


@fewer
@given(TEXTS.filter(bool))
def test_any_header_and_any_text_of_a_server_come_back_where_a_workbook_is_made(report: Path, text: str) -> None:
    outcome = Outcome(Status.REJECTED, text, 422, error=text, hint=text)
    path = write_xlsx(report, [make_sheet(text, name=text)], [make_line("1", outcome=outcome)])
    if path:
        header, row = read(path)
        places = [PRODUCT_COLUMNS.index(f"import_{name}") for name in ("sheet", "id", "error", "hint")]
        assert [unguard(str(cell)) for cell in (header[FIRST], *(row[place] for place in places))] == [text] * 5


@pytest.mark.parametrize(
    "text",
    [
        *("=1+1", "=HYPERLINK(1)", "https://example.com", "00042", "1e5", "TRUE", "12345678901234567890"),
        *("\x1b[31m", "\0", "a\rb", "a\r\nb", "\n", " a ", "_x001B_", "_x005F_", "_x0041__x0042_", "<r>", "x" * 32_766),
    ],
)
def test_a_cell_stays_the_text_that_it_is(report: Path, text: str) -> None:
    _, row = read(write_xlsx(report, [make_sheet("note")], [make_line(text)]))
    assert unguard(str(row[FIRST])) == text


@pytest.mark.parametrize(
    "text",
    ["x" * 32_768, "=" + "x" * 32_767, "_x005F_x001B_", "<r>x</r>", "<r>\n</r>", "\uffff", "half \ud83d"],
    ids=["too long", "too long when guarded", "two escapes in one", "rich", "rich with a line end", "no XML", "half"],
)
def test_no_workbook_is_made_of_what_would_not_come_back_and_the_older_one_stays(tmp_path: Path, text: str) -> None:
    report = tmp_path / "report.xlsx"
    report.write_bytes(b"older")
    assert write_xlsx(report, [make_sheet("note")], [make_line("fine"), make_line(text)]) is None
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("report.xlsx", b"older")]


def test_no_workbook_is_made_of_more_columns_than_it_can_have(report: Path) -> None:
    header = [f"c{number}" for number in range(16_384 - FIRST)]
    assert len(read(write_xlsx(report, [make_sheet(*header)], []))[0]) == 16_384
    assert write_xlsx(report, [make_sheet(*header, "one more")], []) is None


@pytest.mark.long
def test_no_workbook_is_made_of_more_lines_than_it_can_have(report: Path) -> None:
    line = make_line(outcome=Outcome(Status.CREATED))
    assert write_xlsx(report, [make_sheet()], (line for _ in range(1_048_576))) is None


def test_the_same_lines_make_the_same_cells(report: Path) -> None:
    sheets = [make_sheet("id", "note"), make_sheet("note", "", name="Two")]
    lines = [make_line("1", "-x"), make_line("y", "\x1b", sheet=1)]
    assert read(write_xlsx(report, sheets, lines)) == read(write_xlsx(report, sheets, iter(lines)))


def test_the_row_the_http_status_and_the_attempts_sort_as_numbers_and_all_else_is_text(report: Path) -> None:
    write_xlsx(report, [make_sheet("id", "=A1")], [make_line("00042", "=1+1", row=7)])
    sheet = openpyxl.load_workbook(report)["report"]
    numbers = {
        sheet.cell(1, cell.column).value: cell.value for cell in sheet[2] if cell.data_type == "n" and cell.value
    }
    assert numbers == {"import_row": 7, "import_http_status": 200, "import_attempts": 1}
    assert {cell.data_type for row in sheet for cell in row if cell.value is not None} == {"n", "s"}


def test_the_header_stays_in_sight_and_filters(report: Path) -> None:
    write_xlsx(report, [make_sheet("id")], [make_line("1"), make_line("2")])
    book = openpyxl.load_workbook(report)
    sheet = book["report"]
    assert (book.sheetnames, sheet.freeze_panes, sheet.auto_filter.ref) == (["report"], "A2", "A1:P3")
    assert all(cell.font.b for cell in sheet[1])
    assert not sheet["A2"].font.b


def test_an_empty_run_has_a_header(report: Path) -> None:
    assert read(write_xlsx(report, [make_sheet("id")], [])) == [[*PRODUCT_COLUMNS, "id"]]


def colours(path: Path) -> dict[str, str]:
    sheet = openpyxl.load_workbook(path)["report"]
    return {cell.coordinate: cell.fill.fgColor.rgb[2:] for row in sheet for cell in row if cell.fill.fill_type}


def comments(path: Path) -> dict[str, str]:
    sheet = openpyxl.load_workbook(path)["report"]
    return {cell.coordinate: cell.comment.text for row in sheet for cell in row if cell.comment}


def test_every_status_has_a_colour_and_successes_another_than_failures(report: Path) -> None:
    write_xlsx(report, [make_sheet()], [make_line(outcome=Outcome(status)) for status in Status])
    found = {status: colours(report)[f"E{row}"] for row, status in enumerate(Status, start=2)}
    assert found[Status.CREATED] == found[Status.EXISTS]
    assert found[Status.INVALID] == found[Status.REJECTED] == found[Status.FAILED]
    assert len(set(found.values())) == 5


def test_the_cell_that_the_error_is_about_is_marked_where_it_stands_in_the_report(report: Path) -> None:
    sheets = [make_sheet("id", "note"), Sheet("b.xlsx", "Two", ("note", "team", "id"), (2, 27, 30))]
    bad = Outcome(Status.INVALID, error="team is empty; id is odd", cell="AB7, AE7", hint="write a team")
    lines = [make_line("1", "x"), make_line("n", "", "=1", sheet=1, row=7, outcome=bad)]
    write_xlsx(report, sheets, lines)
    # The columns of the source are P id, Q note, R team.
    assert {name for name, colour in colours(report).items() if colour == "FFC7CE"} == {"E3", "P3", "R3"}
    assert comments(report) == dict.fromkeys(("P3", "R3"), "team is empty; id is odd\nWrite a team")
    assert unguard(str(read(report)[2][FIRST])) == "=1"


@pytest.mark.parametrize("cell", ["", "ZZ7", "B7:C7", "the header"])
def test_an_error_about_no_cell_of_the_source_marks_none(report: Path, cell: str) -> None:
    write_xlsx(report, [make_sheet("id")], [make_line("1", outcome=Outcome(Status.REJECTED, error="no", cell=cell))])
    assert (list(colours(report)), comments(report)) == (["E2"], {})


def test_what_is_typed_into_the_source_s_columns_stays_text(report: Path) -> None:
    write_xlsx(report, [make_sheet("id")], [make_line("1")])
    sheet = openpyxl.load_workbook(report)["report"]
    assert {sheet["P2"].number_format, sheet.column_dimensions["P"].number_format, sheet["C1"].number_format} == {"@"}
    assert sheet["A2"].number_format == "General"


COUNTS = {(TargetName.OPAL.value, Status.CREATED): 2, ("rootly", Status.UNKNOWN): 3, ("", Status.INVALID): 4}
TIMES = ShadowTimes(
    *("Shadows", 7, "1/2", "-abc", "User 101", "112"),
    datetime(2027, 3, 27, 23, 30, tzinfo=UTC),
    datetime(2027, 3, 28, 7, 30, tzinfo=UTC),
    "Europe/Berlin",
)


def test_a_sheet_sums_up_by_target_and_status(report: Path) -> None:
    write_xlsx(report, [make_sheet("id")], [make_line("1")], counts=COUNTS)
    rows = [list(row) for row in openpyxl.load_workbook(report)["Summary"].values]
    assert rows[0] == ["status", "opal", "rootly", "no target", "all"]
    told = {row[0]: row[1:] for row in rows[1:]}
    assert told.keys() == {*(status.value for status in RUN_STATUSES), "all"}
    assert (told["created"], told["unknown"], told["invalid"], told["failed"], told["all"]) == (
        [2, 0, 0, 2],
        [0, 3, 0, 3],
        [0, 0, 4, 4],
        [0, 0, 0, 0],
        [2, 3, 4, 9],
    )


def test_the_sheet_of_an_undo_has_the_statuses_of_an_undo(report: Path) -> None:
    write_xlsx(report, [make_sheet("id")], [make_line("1")], counts={("rootly", Status.DELETED): 2})
    rows = [list(row) for row in openpyxl.load_workbook(report)["Summary"].values]
    assert [row[0] for row in rows[1:]] == [*(status.value for status in UNDO_STATUSES), "all"]


def test_shadow_times_are_told_in_utc_and_on_the_local_clock_across_summer_time(report: Path) -> None:
    shadows = [TIMES, TIMES._replace(zone=""), TIMES._replace(zone="No/Zone"), TIMES._replace(part="2/2")]
    write_xlsx(report, [make_sheet("id")], [make_line("1")], shadow_times=iter(shadows))
    sheet = openpyxl.load_workbook(report)["Shadow times"]
    rows = [["" if cell is None else cell for cell in row] for row in sheet.values]
    utc = ["2027-03-27T23:30:00Z", "2027-03-28T07:30:00Z"]
    local = ["2027-03-28T00:30:00+01:00", "2027-03-28T09:30:00+02:00", "Europe/Berlin"]
    assert rows[1] == [7, "Shadows", "1/2", "'-abc", "User 101", "112", *utc, *local]
    assert [row[6:] for row in rows[2:4]] == [[*utc, "", "", ""], [*utc, "", "", "No/Zone"]]
    assert (len(rows), sheet.freeze_panes, sheet.auto_filter.ref) == (5, "A2", "A1:K5")


def test_a_time_at_the_end_of_the_calendar_loses_no_report(report: Path) -> None:
    last = TIMES._replace(ends_at=datetime.max.replace(tzinfo=UTC))
    assert write_xlsx(report, [make_sheet("id")], [make_line("1")], shadow_times=[last])


def test_the_report_stays_the_first_sheet_and_the_only_one_that_a_rerun_takes(report: Path) -> None:
    write_xlsx(report, [make_sheet("id")], [make_line("1")], counts=COUNTS, shadow_times=[TIMES])
    chunks = list(reader.read(report))
    assert [chunk.sheet.name for chunk in chunks] == ["report", "Summary", "Shadow times"]
    assert [is_report(chunk.sheet.header) for chunk in chunks] == [True, False, False]


def test_memory_does_not_grow_with_the_lines(report: Path) -> None:
    write_xlsx(report, [make_sheet("note")], [])  # what is imported counts once
    tracemalloc.start()
    write_xlsx(report, [make_sheet("note")], (make_line("x" * 200, row=number) for number in range(2, 5002)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_500_000


def test_the_mapping_goes_with_the_workbook_and_comes_back_as_it_was(report: Path) -> None:
    text = '# of ours\n[columns]\n\n"=ID" = "remote_id"\n  "00042" = "group"\n'
    write_xlsx(report, [make_sheet("id")], [make_line("1")], mapping_id="0123456789ab", mapping=text)
    header, *rows = load_workbook(report).get_sheet_by_name("Mapping").to_python(skip_empty_area=False)
    lines = {int(str(row[0]).removesuffix(".0")): str(row[1]) for row in rows}
    assert join_mapping("0123456789ab", [str(cell) for cell in header], lines) == text
    assert join_mapping("0123456789ab", [str(cell) for cell in header], lines | {2: "[values]"}) == ""
