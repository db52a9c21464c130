"""What a team lead does in report.xlsx comes back by rerun: what was mended counts, nothing else changes in silence."""

from __future__ import annotations

import shutil
from datetime import datetime
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest

import importer
from importer.cli.console import Console
from importer.cli.json_lines import object_of_finding
from importer.errors import SourceError, UsageError
from importer.session.control import SilentObserver
from importer.settings.options import load_settings
from importer.statuses import Status

from .rehearsal import Rehearsal, read_report, shadows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pandas as pd
    from openpyxl.worksheet.worksheet import Worksheet

    from importer.result import Result

pytestmark = pytest.mark.anyio

ZONE = {"timezone": "Europe/Berlin"}
ROWS = 6
REFUSED = "422"  # the sandbox has no seat for this user


def bad_shadows() -> pd.DataFrame:
    """Make six shadows with a note: rows 3, 4 and 5 invalid, row 6 refused; the times of row 4 are for the zone."""
    frame = shadows(ROWS).assign(Phone="+4917012345", Note="=1+1")
    frame.loc[1, "shadow_user_id"] = ""
    frame.loc[2, ["starts_at", "ends_at"]] = ["2027-02-01 09:00", "2027-01-31 17:00"]
    frame.loc[3, "ends_at"] = "tomorrow"
    frame.loc[4, "shadow_user_id"] = REFUSED
    return frame


class Listener(SilentObserver):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def noticed(self, notice: importer.Notice) -> None:
        self.heard.append(notice.text)


class Sheet:
    """A sheet of a workbook, by its headers and by what stands in `import_row`."""

    def __init__(self, sheet: Worksheet) -> None:
        self.sheet = sheet
        self.header = [str(cell.value) for cell in sheet[1]]

    def place(self, row: int) -> int:
        column = self.header.index("import_row")
        return next(place for place, cells in enumerate(self.sheet.values, start=1) if cells[column] == row)

    def cell(self, row: int, header: str) -> Any:
        return self.sheet.cell(self.place(row), self.header.index(header) + 1)

    def put(self, row: int, **cells: object) -> None:
        for header, value in cells.items():
            self.cell(row, header).value = value

    def lines(self) -> Iterator[dict[str, Any]]:
        _, *rows = self.sheet.values
        return (dict(zip(self.header, cells, strict=True)) for cells in rows)


def mend(sheet: Sheet) -> None:
    """Mend all four rows: typed, with real dates, with a number."""
    sheet.put(3, shadow_user_id=103)
    sheet.put(4, ends_at=datetime(2027, 2, 1, 17))  # noqa: DTZ001  (as a spreadsheet has it)
    sheet.cell(4, "ends_at").number_format = "dd/mm/yyyy hh:mm"
    sheet.put(5, ends_at="2027-01-01T11:00:00Z")
    sheet.put(6, shadow_user_id="104")


def edit(result: Result, *edits: Callable[[Sheet], None], sheet: str = "To mend", name: str = "back.xlsx") -> Path:
    """Edit a sheet of a run's report.xlsx as people do, and save it beside it."""
    assert result.folder is not None
    book = openpyxl.load_workbook(result.folder / "report.xlsx")
    for one in edits:
        one(Sheet(book[sheet]))
    path = result.folder.parent.parent / name
    book.save(path)
    return path


async def test_what_was_mended_is_sent_and_nothing_else(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path, ZONE)
    async with rehearsal.served():
        first = await rehearsal.run(bad_shadows())
        assert first.statuses == {Status.CREATED: 2, Status.INVALID: 3, Status.REJECTED: 1}
        sent = rehearsal.posts()
        again = await importer.rerun(edit(first, mend), **rehearsal._given({}))
    assert again.statuses == {Status.CREATED: ROWS}
    assert rehearsal.posts() == sent + 4
    before, after = read_report(first), read_report(again)
    own = ("import_row", "import_sheet", "import_source", "Phone", "Note")
    assert [[line[name] for name in own] for line in after] == [[line[name] for name in own] for line in before]
    assert len(rehearsal.there()) == ROWS


def move(sheet: Sheet) -> None:
    """Sort the lines the other way round, move a column to the left, and hide what a filter leaves out."""
    _, *rows = sheet.sheet.values
    column = sheet.header.index("ends_at")
    for place, cells in enumerate([tuple(sheet.header), *reversed(rows)], start=1):
        for at, value in enumerate((cells[column], *cells[:column], *cells[column + 1 :]), start=1):
            sheet.sheet.cell(place, at).value = value
    sheet.sheet.row_dimensions[3].hidden = True


def add_and_delete(sheet: Sheet) -> None:
    """Delete the line of row 5, and paste a row below that the source never had."""
    sheet.sheet.delete_rows(sheet.place(5))
    new = shadows(9).iloc[8].to_dict()
    sheet.sheet.append([new.get(header) for header in sheet.header])


def forget_columns(sheet: Sheet) -> None:
    """Delete one of their own columns."""
    sheet.sheet.delete_cols(sheet.header.index("Note") + 1)


@pytest.mark.parametrize("away", [False, True], ids=["beside its journal", "without it"])
async def test_lines_may_be_moved_added_and_deleted_and_are_named(tmp_path: Path, *, away: bool) -> None:
    """A row whose line was deleted is left out; also where only the workbook itself knows of the run."""
    listener = Listener()
    rehearsal = Rehearsal(tmp_path, {**ZONE, "observer": listener})
    async with rehearsal.served():
        first = await rehearsal.run(bad_shadows())
        path = edit(first, mend, add_and_delete, forget_columns, move)
        if away:
            shutil.rmtree(tmp_path / "reports")
        again = await importer.rerun(path, **rehearsal._given({}))
    assert again.statuses == {Status.CREATED: ROWS}
    heard = " ".join(listener.heard)
    assert f"deleted from the sheet To mend of {path}, and so not in this run: row 5 of sheet DataFrame" in heard
    assert f"not in {path}" not in heard
    assert f"new in {path}: row 2 of sheet To mend" in heard
    assert "tomorrow" not in {line["ends_at"] for line in read_report(again)}
    assert {line["Note"] for line in read_report(again)} == {"'=1+1", ""}


def copy_in_other_order(sheet: Sheet) -> None:
    """Move two lines to a copy of the sheet with its columns the other way round, and without Note."""
    copy = sheet.sheet.parent.create_sheet("Ben's part")
    kept = [at for at, header in enumerate(sheet.header) if header != "Note"][::-1]
    for place in (1, sheet.place(3), sheet.place(4)):
        copy.append([sheet.sheet.cell(place, at + 1).value for at in kept])
    sheet.sheet.delete_rows(sheet.place(3), 2)
    Sheet(copy).put(3, shadow_user_id="103")


@pytest.mark.parametrize("away", [False, True], ids=["beside its journal", "without it"])
async def test_a_copy_of_the_sheet_may_have_its_columns_in_another_order(tmp_path: Path, *, away: bool) -> None:
    """They were read in the order of the first one: people were swapped. What is wrong is named by its own sheet."""
    rehearsal = Rehearsal(tmp_path, ZONE)
    async with rehearsal.served():
        path = edit(await rehearsal.run(bad_shadows()), copy_in_other_order)
        if away:
            shutil.rmtree(tmp_path / "reports")
        again = await importer.rerun(path, **rehearsal._given({}))
    lines = {line["import_row"]: line for line in read_report(again)}
    assert [lines[row]["import_status"] for row in "34"] == ["created", "invalid"]
    wanted = bad_shadows().loc[1].to_dict() | {"shadow_user_id": "103", "Phone": "'+4917012345", "Note": "'=1+1"}
    assert lines["3"].items() >= wanted.items()
    assert lines["4"]["import_cell"].startswith("back.xlsx, Ben's part ")
    assert lines["5"]["import_cell"].startswith("back.xlsx, To mend ")


@pytest.mark.parametrize("away", [False, True], ids=["beside its journal", "without it"])
async def test_a_cell_changed_only_among_all_rows_is_refused_by_its_name(tmp_path: Path, *, away: bool) -> None:
    """Nothing is sent, and no run is left behind; blanks are no change, nor is what was corrected in To mend."""

    def change(sheet: Sheet) -> None:
        mend(Sheet(sheet.sheet.parent["To mend"]))
        sheet.put(2, shadow_user_id="105", Note="'=1+1 ")
        sheet.put(3, shadow_user_id="103")

    rehearsal = Rehearsal(tmp_path, ZONE)
    async with rehearsal.served():
        first = await rehearsal.run(bad_shadows())
        path = edit(first, change, sheet="All rows")
        if away:
            shutil.rmtree(tmp_path / "reports")
            (tmp_path / "reports").mkdir()
        sent, runs = rehearsal.posts(), len(list((tmp_path / "reports").iterdir()))
        with pytest.raises(SourceError, match=r"cells G2 \(shadow_user_id\), G3 \(shadow_user_id\); nothing was sent"):
            await importer.rerun(path, **rehearsal._given({}))
    assert rehearsal.posts() == sent
    assert len(list((tmp_path / "reports").iterdir())) == runs


async def test_what_is_still_wrong_is_named_where_it_was_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the console, in JSON and in every report: the file, its sheet, the cell there; then where it comes from.

    A row that stands only among all rows is named there; and the folder of such a rerun tells the same again.
    """

    def mend_badly(sheet: Sheet) -> None:
        sheet.put(3, shadow_user_id=103)
        sheet.put(5, ends_at="someday")
        column = sheet.header.index("ends_at") + 1
        sheet.sheet.insert_cols(column)  # what stands behind it has moved here, and not among all rows
        sheet.sheet.cell(1, column).value = "Asked"

    source = tmp_path / "shifts.csv"
    bad_shadows().to_csv(source, index=False)
    rehearsal = Rehearsal(tmp_path, ZONE)
    async with rehearsal.served():
        first = await importer.run(source, **rehearsal._given({"strict": True}))
        path = edit(first, mend_badly)
        again = await importer.rerun(path, **rehearsal._given({"strict": False, "junit": tmp_path / "junit.xml"}))
        folder = await rehearsal.rerun(again)
    cell = Sheet(openpyxl.load_workbook(path)["To mend"]).cell(5, "ends_at").coordinate
    for result in (again, folder):
        (bad,) = [line for line in read_report(result) if line["import_row"] == "5"]
        assert bad["import_cell"] == f"back.xlsx, To mend {cell}"
        assert bad["import_error"].startswith('ends_at is "someday"')
        assert result.folder is not None
        assert f'"back.xlsx, To mend {cell}"' in (result.folder / "report.html").read_text(encoding="utf-8")
        Console(load_settings({})).show_end(result)
        out = capsys.readouterr().out
        assert f"back.xlsx, To mend {cell} (shifts row 5)" in out
        assert "back.xlsx, All rows row 6 (shifts row 6)" in out
        told = [object_of_finding(sheet, finding) for sheet, finding in result.findings]
        place = {"source": str(path), "sheet": "To mend", "row": int(cell[1:]), "cell": cell}
        origin = {"import_source": str(source), "import_sheet": "shifts", "import_row": 5}
        assert any(one.items() >= (place | origin).items() for one in told)
    assert f"cell: back.xlsx, To mend {cell}" in (tmp_path / "junit.xml").read_text()
    assert (tmp_path / "junit.xml").read_text().count("<testsuite ") == 1


@pytest.mark.parametrize(
    ("header", "value", "words"),
    [
        ("shadow_user_id", "1E+05", "of which a spreadsheet has kept 15 digits at most"),
        ("shadow_user_id", 1.23456789012346e18, "of which a spreadsheet has kept 15 digits at most"),
        ("Phone", 4917012345, "a spreadsheet has taken the plus off"),
    ],
)
async def test_what_a_spreadsheet_did_to_a_cell_is_a_problem_of_it(
    tmp_path: Path, header: str, value: object, words: str
) -> None:
    def spoil(sheet: Sheet) -> None:
        sheet.put(3, **{header: value})
        sheet.cell(3, header).number_format = "General"

    rehearsal = Rehearsal(tmp_path, ZONE)
    async with rehearsal.served():
        first = await rehearsal.run(bad_shadows())
        again = await importer.rerun(edit(first, mend, spoil), **rehearsal._given({}))
    assert again.statuses == {Status.CREATED: ROWS - 1, Status.INVALID: 1}
    (bad,) = [line for line in read_report(again) if line["import_status"] == "invalid"]
    assert words in bad["import_error"]
    assert bad["import_cell"] == f"back.xlsx, To mend {'G' if header == 'shadow_user_id' else 'J'}2"


async def test_an_added_row_is_of_the_sheet_whose_columns_it_fills(tmp_path: Path) -> None:
    """Though a sheet with other columns stands beside it in the report; its number is behind that sheet's last one."""
    book = openpyxl.Workbook()
    book.active.title = "Schedules"
    for cells in (("Provider", "ID"), ("PagerDuty", "P000001"), ("PagrDuty", "P000002")):
        book.active.append(cells)
    sheet = book.create_sheet("Shadows")
    times = ("2027-05-01T09:00Z", "2027-05-01T17:00Z")
    sheet.append(("Schedule", "On call user", "Trainee", "Start", "End"))
    for user in ("102", ""):
        sheet.append(("a", "101", user, *times))
    book.save(tmp_path / "two.xlsx")

    def add(sheet: Sheet) -> None:
        for provider in (cell for cell in next(sheet.sheet.iter_cols(6, 6)) if cell.value == "PagrDuty"):
            provider.value = "PagerDuty"
        shadow = {"Schedule": "a", "On call user": "101", "Trainee": "103", "Start": times[0], "End": times[1]}
        for new in ({"Provider": "Opsgenie", "ID": "0b4a7a3e-1111-4c1c-8f8f-0123456789ab"}, shadow):
            sheet.sheet.append([new.get(header) for header in sheet.header])

    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served():
        first = await importer.run(tmp_path / "two.xlsx", **rehearsal._given({}))
        again = await importer.rerun(edit(first, add), **rehearsal._given({}))
    told = [tuple(line[f"import_{name}"] for name in ("sheet", "row", "status")) for line in read_report(again)]
    assert told == [
        ("Schedules", "2", "created"),
        ("Schedules", "3", "created"),
        ("Shadows", "2", "created"),
        ("Shadows", "3", "invalid"),
        ("Schedules", "4", "created"),
        ("Shadows", "4", "created"),
    ]


async def test_a_line_given_twice_is_named_and_one_missing_everywhere_too(tmp_path: Path) -> None:
    def repeat(sheet: Sheet) -> None:
        _, first, *_ = sheet.sheet.values
        sheet.sheet.append(list(first))

    def drop(sheet: Sheet) -> None:
        sheet.sheet.delete_rows(sheet.place(2))

    listener = Listener()
    rehearsal = Rehearsal(tmp_path, {**ZONE, "observer": listener})
    async with rehearsal.served():
        first = await rehearsal.run(bad_shadows())
        edit(first, mend, repeat)
        book = openpyxl.load_workbook(tmp_path / "back.xlsx")
        drop(Sheet(book["All rows"]))
        book.save(tmp_path / "back.xlsx")
        again = await importer.rerun(tmp_path / "back.xlsx", **rehearsal._given({}))
    assert again.statuses == {Status.CREATED: ROWS - 1, Status.DUPLICATE: 1}
    heard = " ".join(listener.heard)
    assert "not in this run: row 2" in heard
    assert "given more than once" in heard


SHIFT = ("schedule_id", "shadowable_id", "shadow_user_id", "starts_at", "ends_at")


def source(path: Path, user: str, day: int) -> Path:
    """Write a source of two shadows, the second by a user of that name."""
    path.parent.mkdir(exist_ok=True)
    times = [f"2027-05-{day:02}T09:00Z", f"2027-05-{day:02}T17:00Z"]
    rows = [("Payments primary", "Anna Berg", name, *times) for name in ("Lena Novák", user)]
    path.write_text("\n".join(",".join(row) for row in (SHIFT, *rows)), encoding="utf-8")
    return path


async def test_each_team_lead_gets_a_workbook_and_chooses_who_was_meant(tmp_path: Path) -> None:
    """Each comes back by itself: what is in the others is named and left."""
    listener = Listener()
    rehearsal = Rehearsal(tmp_path, {"observer": listener})
    sources = [
        source(tmp_path / folder / "team.csv", user, day)
        for day, folder, user in ((1, "a", "Ben Ose"), (2, "b", "Emi Tanka"))
    ]
    async with rehearsal.served():
        options = rehearsal._given({"mend_by_source": True, "contact": "Ann <ann@example.com>"})
        first = await importer.run(*sources, **options)
        assert first.statuses == {Status.CREATED: 2, Status.INVALID: 2}
        assert first.folder is not None
        names = {path.name.rpartition("-")[0][-1]: path for path in (first.folder / "mend").iterdir()}
        assert names.keys() == {"a", "b"}
        book = openpyxl.load_workbook(names["b"])
        assert any("back to Ann <ann@example.com>." in str(row[0]) for row in book["Summary"].values)
        chosen = next(str(cells[1]) for cells in list(book["Lists"].values)[1:])
        assert chosen == "Emi Tanaka <emi.tanaka@example.com>"
        Sheet(book["To mend"]).put(3, shadow_user_id=chosen)
        book.save(names["b"])
        again = await importer.rerun(names["b"], **options)
        both = await importer.rerun(names["a"], names["b"], **options)
        with pytest.raises(UsageError, match="are not reports of one run"):
            await importer.rerun(names["a"], first.folder, **options)
    assert both.statuses == {Status.CREATED: 2, Status.EXISTS: 1, Status.INVALID: 1}
    assert again.statuses == {Status.CREATED: 2}
    assert f"not in {names['b']}, and so not in this run: sheet team (2 rows)" in listener.heard
