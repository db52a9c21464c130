"""report.xlsx gives back what went in, cell by cell, or is not made."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils import column_index_from_string
from python_calamine import load_workbook
from report_lines import TEXTS, fewer, make_line, make_sheet

from importer.journal.run_info import RunInfo
from importer.kinds import KINDS
from importer.reader import read as reader
from importer.records import (
    CHANGED_IN_DOUBT,
    PRODUCT_COLUMNS,
    Finding,
    KnownName,
    Outcome,
    Problem,
    Row,
    Severity,
    Sheet,
    TargetName,
)
from importer.reporter.columns import DIGEST_COLUMN, join_mapping, shadow_cells
from importer.reporter.formula_guard import unguard
from importer.reporter.report_reader import is_report, product_column
from importer.reporter.report_xlsx import write_xlsx
from importer.statuses import RUN_STATUSES, UNDO_STATUSES, Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from openpyxl.worksheet.dimensions import ColumnDimension

FIRST = 4  # own columns stand behind what people need of the product's
WIDTH = len(PRODUCT_COLUMNS)


def read(path: Path | None, name: str = "All rows") -> list[list[object]]:
    assert path is not None
    return [list(row) for row in load_workbook(path).get_sheet_by_name(name).to_python(skip_empty_area=False)]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("xlsx") / "report.xlsx"


@fewer
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=30))
def test_any_cell_comes_back_where_a_workbook_is_made(report: Path, rows: list[tuple[str, str]]) -> None:
    path = write_xlsx(report, [make_sheet("a", "b")], [make_line(*row) for row in rows])
    if path:
        assert [tuple(unguard(str(cell)) for cell in row[FIRST : FIRST + 2]) for row in read(path)] == [
            ("a", "b"),
            *rows,
        ]


@fewer
@given(TEXTS.filter(lambda text: text and not product_column(text)))
def test_any_header_and_any_text_of_a_server_come_back_where_a_workbook_is_made(report: Path, text: str) -> None:
    outcome = Outcome(Status.REJECTED, text, 422, error=text, hint=text)
    path = write_xlsx(report, [make_sheet(text, name=text)], [make_line("1", outcome=outcome)])
    if path:
        header, row = read(path)
        places = [header.index(f"import_{name}") for name in ("sheet", "id", "error", "hint")]
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
    header = [f"c{number}" for number in range(16_384 - WIDTH)]
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
    sheet = openpyxl.load_workbook(report)["All rows"]
    numbers = {
        sheet.cell(1, cell.column).value: cell.value for cell in sheet[2] if cell.data_type == "n" and cell.value
    }
    assert numbers == {"import_row": 7, "import_http_status": 200, "import_attempts": 1}
    assert {cell.data_type for row in sheet for cell in row if cell.value is not None} == {"n", "s"}


def test_the_header_stays_in_sight_and_filters(report: Path) -> None:
    write_xlsx(report, [make_sheet("id")], [make_line("1"), make_line("2")])
    book = openpyxl.load_workbook(report)
    sheet = book["All rows"]
    assert book.sheetnames == ["To mend", "All rows"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref, sheet.print_title_rows) == ("A2", "A1:Q3", "$1:$1")
    assert (
        sheet.page_setup.orientation,
        sheet.page_setup.fitToHeight,
        sheet.sheet_properties.pageSetUpPr.fitToPage,
    ) == (
        "landscape",
        0,
        True,
    )
    assert all(cell.font.b for cell in sheet[1])
    assert not sheet["A2"].font.b
    assert book.active.title == "All rows"  # there is nothing to mend


def test_an_empty_run_has_a_header(report: Path) -> None:
    (header,) = read(write_xlsx(report, [make_sheet("id")], []))
    assert header[:5] == ["import_row", "import_status", "import_error", "import_hint", "id"]
    assert sorted(map(str, header[:4] + header[5:])) == sorted([*PRODUCT_COLUMNS, DIGEST_COLUMN])


def colours(path: Path, name: str = "All rows") -> dict[str, str]:
    sheet = openpyxl.load_workbook(path)[name]
    return {
        cell.coordinate: cell.fill.fgColor.rgb[2:]
        for row in sheet.iter_rows(min_row=2)
        for cell in row
        if cell.fill.fill_type
    }


def comments(path: Path, name: str = "All rows") -> dict[str, str]:
    sheet = openpyxl.load_workbook(path)[name]
    return {cell.coordinate: cell.comment.text for row in sheet for cell in row if cell.comment}


def test_every_status_has_a_colour_and_successes_another_than_failures(report: Path) -> None:
    write_xlsx(report, [make_sheet()], [make_line(outcome=Outcome(status)) for status in Status])
    found = {status: colours(report)[f"B{row}"] for row, status in enumerate(Status, start=2)}
    assert found[Status.CREATED] == found[Status.EXISTS]
    assert found[Status.INVALID] == found[Status.REJECTED] == found[Status.FAILED]
    assert len(set(found.values())) == 5


def test_the_cell_that_the_error_is_about_is_marked_where_it_stands_in_the_report(report: Path) -> None:
    sheets = [make_sheet("id", "note"), Sheet("b.xlsx", "Two", ("note", "team", "id"), (2, 27, 30))]
    bad = Outcome(Status.INVALID, error="team is empty; id is odd", cell="AB7, AE7", hint="write a team")
    lines = [make_line("1", "x"), make_line("n", "", "=1", sheet=1, row=7, outcome=bad)]
    write_xlsx(report, sheets, lines)
    # Of two sources and sheets both are told; the columns of the source are G id, H note, I team.
    assert {name for name, colour in colours(report).items() if colour == "FFC7CE"} == {"B3", "G3", "I3"}
    assert {name for name, colour in colours(report, "To mend").items() if colour == "FFC7CE"} == {"G2", "I2"}
    assert comments(report, "To mend") == dict.fromkeys(("G2", "I2"), "team is empty; id is odd\nWrite a team")
    assert comments(report) == {}
    assert unguard(str(read(report)[2][6])) == "=1"


BAD = Problem("Trainee is empty", "write who shadows", "shadow_user_id", "B7")
ODD = Problem("End is in the past", "compare it", "ends_at", "C7")


def test_what_is_to_be_mended_stands_first_in_plain_words(report: Path) -> None:
    """Each problem is told at its own cell, and a warning with it; only such lines are there."""
    sheet = make_sheet("Team", "Trainee", "End")
    row = Row(7, ("Payments", "", "2020-01-01"))
    errors = Outcome(
        Status.INVALID, error="Trainee is empty; no shift is so long", hint="write who shadows; shorten it"
    )
    refused = Outcome(Status.REJECTED, error="no seat", hint="correct the row")
    long = Problem("no shift is so long", "shorten it", "", "")
    lines = [
        make_line("Payments", "1", "x"),
        make_line(*row.cells, row=7, outcome=errors),
        *(
            make_line("Search", "2", "y", row=8, outcome=Outcome(status))
            for status in (Status.FAILED, Status.DUPLICATE)
        ),
        make_line("Search", "422", "y", row=9, outcome=refused),
    ]
    findings = [
        *(Finding(Severity.PROBLEM, 0, row, problem) for problem in (BAD, long)),
        Finding(Severity.WARNING, 0, row, ODD),
    ]
    path = write_xlsx(report, [sheet], lines, findings=findings)
    assert path is not None
    header, *rows = read(path, "To mend")
    assert header[:7] == ["What is wrong", "What to do", "import_row", "import_status", "Team", "Trainee", "End"]
    assert [row[2] for row in rows] == [7, 9]
    assert rows[0][:2] == [
        "Trainee is empty.\nNo shift is so long.\nAlso: End is in the past.",
        "Write who shadows.\nShorten it.",
    ]
    assert rows[1][:2] == ["Rootly refused it: no seat", "Correct the row."]
    assert comments(path, "To mend") == {
        "F2": "Trainee is empty\nWrite who shadows",
        "G2": "Warning: End is in the past\nCompare it",
    }
    assert colours(path, "To mend") == {"F2": "FFC7CE", "G2": "FFEB9C"}
    book = openpyxl.load_workbook(path)
    for table, last in ((book["To mend"], 18), (book["All rows"], 19)):  # all rows have a digest
        closed = [one for one in table.column_dimensions.values() if one.hidden and one.outlineLevel == 1]
        assert sorted(n for one in closed for n in range(one.min, one.max + 1)) == list(range(8, last + 1))
        assert not table.protection.sheet
    assert {row[1].number_format for row in book["To mend"]["E2:G3"]} == {"@"}


KNOWN = [
    KnownName("user", "101", "Anna Berg", "anna@example.com"),
    KnownName("user", "102", "Ben, Osei", "ben@example.com"),
    KnownName("schedule", "s-1", "Payments primary"),
    KnownName("schedule", "s-2", "Primary"),
    KnownName("schedule", "s-3", "Twins"),
    KnownName("schedule", "s-4", "Twins"),
]


def choices(book: openpyxl.Workbook, cell: str) -> list[str]:
    """Give what a drop-down offers, through its defined name."""
    (rule,) = [one for one in book["To mend"].data_validations.dataValidation if cell in one.sqref]
    assert (rule.type, rule.errorStyle) == ("list", "warning")
    place = book.defined_names[rule.formula1.removeprefix("=")].attr_text
    sheet, _, cells = place.rpartition("!")
    assert sheet == "'Lists'"
    return [str(one.value) for (one,) in book["Lists"][cells.replace("$", "")]]


def test_a_cell_that_names_nobody_offers_who_is_known_the_nearest_first(report: Path) -> None:
    """Every choice is read again as what it stands for; a list with commas in it stays whole."""
    sheet = make_sheet("Schedule", "Trainee", "kind")
    rows = [Row(2, ("Paymnts primary", "Ben Ose", "shadow")), Row(3, ("Twins", "", "shade"))]
    topics = {"Schedule": "schedule not found", "Trainee": "user not found", "kind": "unknown kind"}
    columns = {"Schedule": "schedule_id", "Trainee": "shadow_user_id", "kind": "kind"}
    findings = [
        Finding(
            Severity.PROBLEM,
            0,
            row,
            Problem(f"{name} is odd", "mend it", columns[name], f"{letter}{row.number}", topic),
        )
        for row in rows
        for letter, (name, topic) in zip("ABC", topics.items(), strict=True)
    ]
    outcome = Outcome(Status.INVALID, error="; ".join(f"{name} is odd" for name in topics))
    lines = [make_line(*row.cells, row=row.number, outcome=outcome) for row in rows]
    write_xlsx(report, [sheet], lines, findings=findings, known=KNOWN)
    book = openpyxl.load_workbook(report)
    people = ["Anna Berg <anna@example.com>", "Ben, Osei <ben@example.com>"]
    assert choices(book, "F2") == people[::-1]
    assert choices(book, "F3") == choices(book, "F9") == people
    assert choices(book, "E2") == ["Payments primary", "name:Primary", "s-3", "s-4"]
    assert choices(book, "E3")[:2] == ["s-3", "s-4"]
    assert choices(book, "G2") == list(KINDS)
    todo = book["To mend"]["B2"].value.split("\n")
    assert (
        todo[1]
        == "Choose from the list in the cell, where Ben, Osei <ben@example.com> comes first, or write another one."
    )
    assert todo[2:] == ["Mend it.", "Or choose from the list in the cell."]


@pytest.mark.parametrize("mapping", ['[columns]\n"Wer" = "shadow_user_id"', '{"columns": {"Wer": "shadow_user_id"}}'])
def test_who_is_known_is_offered_in_every_column_that_takes_one_whatever_is_wrong_in_its_rows(
    report: Path, mapping: str
) -> None:
    sheet = make_sheet("schedule_id", "Wer", "note", name="Shadows")
    line = make_line("s-3", "102", "Ben", outcome=Outcome(Status.INVALID, error="ends_at is empty"))
    write_xlsx(report, [sheet], [line], RunInfo(mapping=mapping), known=KNOWN)
    book = openpyxl.load_workbook(report)
    assert choices(book, "F2") == choices(book, "F9") == ["Anna Berg <anna@example.com>", "Ben, Osei <ben@example.com>"]
    assert "name:Primary" in choices(book, "E2")
    assert {str(one.sqref)[0] for one in book["To mend"].data_validations.dataValidation} == {"E", "F"}


def test_a_warning_of_a_row_that_needs_no_mending_is_at_its_cell_among_all_rows(report: Path) -> None:
    row = Row(2, ("1", "2020-01-01"))
    odd = Finding(Severity.WARNING, 0, row, Problem("End is in the past", "", "ends_at", "B2"))
    write_xlsx(report, [make_sheet("id", "End")], [make_line(*row.cells), make_line("2", "", row=3)], findings=[odd])
    assert comments(report) == {"F2": "Warning: End is in the past"}
    assert read(report, "To mend")[1:] == []


@pytest.mark.parametrize("cell", ["", "ZZ7", "B7:C7", "the header"])
def test_an_error_about_no_cell_of_the_source_marks_none(report: Path, cell: str) -> None:
    write_xlsx(report, [make_sheet("id")], [make_line("1", outcome=Outcome(Status.REJECTED, error="no", cell=cell))])
    assert (list(colours(report)), colours(report, "To mend"), comments(report, "To mend")) == (["B2"], {}, {})


def test_what_is_typed_into_the_source_s_columns_stays_text(report: Path) -> None:
    write_xlsx(report, [make_sheet("id")], [make_line("1")])
    sheet = openpyxl.load_workbook(report)["All rows"]
    assert {sheet["E2"].number_format, sheet.column_dimensions["E"].number_format, sheet["C1"].number_format} == {"@"}
    assert sheet["A2"].number_format == "General"


COUNTS = {(TargetName.OPAL.value, Status.CREATED): 2, ("rootly", Status.UNKNOWN): 3, ("", Status.INVALID): 4}
#: A shift as the journal has it: sheet, row, part, kind, key and zone.
START, END = (int(datetime(2027, 3, *rest, 30, tzinfo=UTC).timestamp()) for rest in ((27, 23), (28, 7)))
SHIFT = (0, 7, "1/2", "shadow", ("-abc", "User", 101, 112, START, END), "Europe/Berlin")


def times(*shifts: tuple[Any, ...], names: dict[tuple[str, str], str] | None = None) -> Iterator[list[str | int]]:
    return shadow_cells([make_sheet("id")], shifts, names or {})


def summed_up(path: Path) -> list[list[object]]:
    return [list(row) for row in openpyxl.load_workbook(path)["Summary"].values]


def test_a_sheet_sums_up_by_target_and_status_and_says_how_to_mend(report: Path) -> None:
    warned = ["end in the past: 3 rows", "=row 7 was left out"]
    info = RunInfo("a-run", started_at="2026-11-28T21:02:59Z")
    sheets = [replace(make_sheet("id"), source=name) for name in ("a.csv", "b.csv")]
    put_back = Outcome(Status.UNKNOWN, error=CHANGED_IN_DOUBT)
    bad = [make_line("1", outcome=one) for one in (*[Outcome(Status.INVALID, error="no")] * 4, put_back)]
    write_xlsx(report, sheets, [make_line("1"), *bad], info, counts=COUNTS, warnings=warned)
    rows = summed_up(report)
    told = {row[0]: row[1:5] for row in rows}
    assert (told["Source"][0], told["Run"][0], told["To mend"][0]) == ("a.csv, b.csv", "a-run", "5")
    assert told["status"] == ["opal", "rootly", "no target", "all"]
    assert [row[0] for row in rows[-3:]] == ["Warnings", "end in the past: 3 rows", "'=row 7 was left out"]
    assert told.keys() >= {*(status.value for status in RUN_STATUSES), "all", "How to mend"}
    assert (told["created"], told["unknown"], told["invalid"], told["failed"], told["all"]) == (
        [2, 0, 0, 2],
        [0, 3, 0, 3],
        [0, 0, 4, 4],
        [0, 0, 0, 0],
        [2, 3, 4, 9],
    )


def test_columns_of_sheets_in_which_nothing_is_to_be_mended_are_closed_there(report: Path) -> None:
    sheets = [make_sheet("Provider", "ID"), make_sheet("Trainee", "Note", name="Shadows")]
    bad = Outcome(Status.INVALID, error="Trainee is empty", cell="A2")
    write_xlsx(report, sheets, [make_line("PagerDuty", "P1"), make_line("", "", sheet=1, outcome=bad)])
    book = openpyxl.load_workbook(report)
    for name, closed in (("To mend", {"Provider", "ID"}), ("All rows", set())):
        sheet = book[name]
        own = {cell.value: cell.column_letter for cell in sheet[1] if not str(cell.value).startswith("import_")}
        widths = sheet.column_dimensions
        hidden = {text for text, letter in own.items() if any(_holds(one, letter) for one in widths.values())}
        assert hidden == closed, name


def _holds(dimension: ColumnDimension, letter: str) -> bool:
    """Return whether a hidden column, or a run of them, has that letter."""
    first = column_index_from_string(dimension.index)
    return bool(dimension.hidden) and first <= column_index_from_string(letter) <= (dimension.max or first)


def test_the_sheets_of_an_undo_have_the_statuses_of_an_undo_and_nothing_to_mend(report: Path) -> None:
    info = RunInfo("an-undo", command="undo")
    write_xlsx(report, [make_sheet("id")], [make_line("1")], info, counts={("rootly", Status.DELETED): 2})
    assert openpyxl.load_workbook(report).sheetnames == ["All rows", "Summary"]
    assert {str(row[0]) for row in summed_up(report)} >= {*(status.value for status in UNDO_STATUSES), "all"}
    assert "How to mend" not in {row[0] for row in summed_up(report)}


def test_shadow_times_are_told_in_utc_and_on_the_local_clock_across_summer_time(report: Path) -> None:
    names = {("schedule", "-abc"): "Payments", ("user", "101"): "Anna Berg"}
    told = chain(times(SHIFT, (*SHIFT[:-1], ""), (*SHIFT[:-1], "No/Zone")), times(SHIFT, names=names))
    write_xlsx(report, [make_sheet("id")], [make_line("1")], shadow_times=told)
    sheet = openpyxl.load_workbook(report)["Shadow times"]
    rows = [["" if cell is None else cell for cell in row] for row in sheet.values]
    utc = ["2027-03-27T23:30:00Z", "2027-03-28T07:30:00Z"]
    local = ["2027-03-28T00:30:00+01:00", "2027-03-28T09:30:00+02:00", "Europe/Berlin"]
    in_utc = ["2027-03-27T23:30:00+00:00", "2027-03-28T07:30:00+00:00"]
    ids = ["'-abc", "User 101", "112"]
    assert rows[1] == [7, "Shadows", "1/2", *ids, *local, *utc, *ids]
    assert [row[6:11] for row in rows[2:4]] == [[*in_utc, "UTC", *utc], ["", "", "No/Zone", *utc]]
    assert rows[4][3:6] == ["Payments", "Anna Berg", "112"]
    assert (len(rows), sheet.freeze_panes, sheet.auto_filter.ref) == (5, "A2", "A1:N5")


def test_a_time_at_the_end_of_the_calendar_loses_no_report(report: Path) -> None:
    last = (*SHIFT[:4], (*SHIFT[4][:-1], int(datetime.max.replace(microsecond=0, tzinfo=UTC).timestamp())), SHIFT[5])
    assert write_xlsx(report, [make_sheet("id")], [make_line("1")], shadow_times=times(last))


def test_the_report_s_sheets_come_first_and_are_the_only_ones_that_a_rerun_takes(report: Path) -> None:
    write_xlsx(report, [make_sheet("id")], [make_line("1")], counts=COUNTS, shadow_times=times(SHIFT))
    chunks = list(reader.read(report))
    sheets = list(dict.fromkeys(chunk.sheet.name for chunk in chunks))
    assert sheets == ["To mend", "All rows", "Shadow times", "Summary"]
    assert {chunk.sheet.name for chunk in chunks if is_report(chunk.sheet.header)} == {"To mend", "All rows"}


def test_memory_does_not_grow_with_the_lines(report: Path) -> None:
    write_xlsx(report, [make_sheet("note")], [])  # what is imported counts once
    tracemalloc.start()
    write_xlsx(report, [make_sheet("note")], (make_line("x" * 200, row=number) for number in range(2, 5002)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_500_000


def test_the_mapping_goes_with_the_workbook_and_comes_back_as_it_was(report: Path) -> None:
    text = '# of ours\n[columns]\n\n"=ID" = "remote_id"\n  "00042" = "group"\n'
    write_xlsx(report, [make_sheet("id")], [make_line("1")], RunInfo(mapping_id="0123456789ab", mapping=text))
    header, *rows = load_workbook(report).get_sheet_by_name("Mapping").to_python(skip_empty_area=False)
    lines = {int(str(row[0]).removesuffix(".0")): str(row[1]) for row in rows}
    assert join_mapping("0123456789ab", [str(cell) for cell in header], lines) == text
    assert join_mapping("0123456789ab", [str(cell) for cell in header], lines | {2: "[values]"}) == ""
