"""A source with a bad row of each sort: every problem by its cell, the good rows sent, the mended report finished."""

from __future__ import annotations

import csv
import json
import re
import shutil
from typing import TYPE_CHECKING

import openpyxl
import pytest

from .command import SAMPLES, Done, Line, Workplace, read_table, statuses
from .truth import count_objects, disagreements, read_truth

if TYPE_CHECKING:
    from pathlib import Path

COUNTS = {"created": 6, "duplicate": 1, "invalid": 34, "rejected": 2}
HEADER = read_table(SAMPLES / "mistakes.csv")[0]
MENDABLE = {"invalid", "rejected"}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workplace, Done]:
    """The sample, run."""
    place = Workplace(tmp_path_factory.mktemp("mistakes"))
    return place, place.run("run", SAMPLES / "mistakes.csv", "--sandbox")


def said(line: Line) -> str:
    """Give what the sample says about its row: the columns that are wrong, or what else is with it."""
    return line["what is wrong"].partition(":")[0]


def cells_of(line: Line) -> set[str]:
    """Name the cells that the sample says are wrong."""
    return {f"{chr(ord('A') + HEADER.index(column))}{line['import_row']}" for column in said(line).split(", ")}


def test_every_problem_is_told_with_its_cell(ran: tuple[Workplace, Done]) -> None:
    place, done = ran
    assert done.status == 1
    invalid = [line for line in place.lines(done.run) if line["import_status"] == "invalid"]
    for line in invalid:
        assert set(line["import_cell"].split(", ")) == cells_of(line), line["what is wrong"]
        assert line["import_error"]
        assert line["import_hint"]
        assert line["import_attempts"] == "0"
    assert len(invalid) == sum(said(line).split(", ")[0] in HEADER for line in place.lines(done.run))


def test_everything_good_is_created_and_nothing_else(ran: tuple[Workplace, Done]) -> None:
    place, done = ran
    lines = place.lines(done.run)
    assert statuses(lines) == COUNTS
    assert {said(line) for line in lines if line["import_status"] == "created"} == {
        "nothing",
        "nothing, but a warning",
    }
    assert disagreements(lines, read_truth(place.path / "reports" / "sandbox.sqlite3")) == []


def test_a_refusal_is_told_in_the_targets_words(ran: tuple[Workplace, Done]) -> None:
    place, done = ran
    rejected = {
        line["import_http_status"]: line["import_error"]
        for line in place.lines(done.run)
        if line["import_status"] == "rejected"
    }
    assert set(rejected) == {"404", "422"}
    assert "Schedule not found." in rejected["404"]
    assert "Shadow user has no on-call seat." in rejected["422"]


def test_a_duplicate_names_the_first_row_and_carries_its_id(ran: tuple[Workplace, Done]) -> None:
    """Though its times are written in another way."""
    place, done = ran
    by_row = {line["import_row"]: line for line in place.lines(done.run)}
    (duplicate,) = [line for line in by_row.values() if line["import_status"] == "duplicate"]
    first = re.search(r"row (\d+)", duplicate["import_error"])
    assert first is not None
    assert by_row[first[1]]["import_status"] == "created"
    assert by_row[first[1]]["import_id"] == duplicate["import_id"] != ""


def test_the_end_shows_the_first_problems_and_the_command_that_goes_on(ran: tuple[Workplace, Done]) -> None:
    _, done = ran
    assert "problem: third_party_provider is empty  (2 cells) mistakes B4, B12" in done.out
    assert "more kinds" in done.out
    assert len(done.out.splitlines()) <= 40
    assert done.out.rstrip().endswith(f"oncall-importer rerun {done.run}/report.xlsx --sandbox")


def test_the_summary_adds_up(ran: tuple[Workplace, Done]) -> None:
    place, done = ran
    summary = json.loads((place.path / done.run / "summary.json").read_text(encoding="utf-8"))
    assert summary["rows"] == sum(summary["statuses"].values()) == sum(COUNTS.values())
    assert {status: number for status, number in summary["statuses"].items() if number} == COUNTS
    assert summary["exit_status"] == 1


def good_cells(line: Line) -> dict[str, str]:
    """Give what a bad row is mended to: each another shadow."""
    day = f"2027-06-01T00:{int(line['import_row']):02}:00"
    return dict.fromkeys(HEADER[:-1], "") | {
        "kind": "shadow",
        "schedule_id": "b0f7b2a6-4f5b-4d0a-9b7e-0d6a51c1f3e8",
        "shadowable_type": "User",
        "shadowable_id": "101",
        "shadow_user_id": "112",
        "starts_at": f"{day}Z",
        "ends_at": f"{day}-08:00",
    }


def mend_csv(folder: Path) -> Path:
    """Mend the report in place, as a text editor would."""
    path = folder / "report.csv"
    header, *rows = read_table(path)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for row in rows:
            line = dict(zip(header, row, strict=True))
            writer.writerow((line | good_cells(line) if line["import_status"] in MENDABLE else line).values())
    return path


def mend_xlsx(folder: Path) -> Path:
    """Mend what is to be mended, and keep the workbook elsewhere, as a spreadsheet would."""
    book = openpyxl.load_workbook(folder / "report.xlsx")
    header = [str(cell.value) for cell in book["To mend"][1]]
    for row in book["To mend"].iter_rows(min_row=2):
        line = {name: str(cell.value) for name, cell in zip(header, row, strict=True)}
        assert line["import_status"] in MENDABLE
        for name, text in good_cells(line).items():
            row[header.index(name)].value = text or None
    path = folder.parents[1] / "mended.xlsx"
    book.save(path)
    return path


@pytest.mark.parametrize("mend", [mend_csv, mend_xlsx], ids=["csv", "xlsx"])
def test_the_mended_report_is_finished_by_rerun(ran: tuple[Workplace, Done], place: Workplace, mend: object) -> None:
    """Exit 0, every row there under its own number; earlier successes are not sent again and stay what they were."""
    origin, first = ran
    shutil.copytree(origin.path, place.path, dirs_exist_ok=True)
    before = place.lines(first.run)
    state = place.path / "reports" / "sandbox.sqlite3"
    assert callable(mend)
    done = place.run("rerun", mend(place.path / first.run))
    assert done.status == 0, done
    lines = place.lines(done.run)
    assert statuses(lines) == {"created": 42, "duplicate": 1}
    assert disagreements(lines, read_truth(state)) == []
    assert count_objects(state) == 42
    for old, new in zip(before, lines, strict=True):
        kept = ["import_row", "import_sheet", "what is wrong"]
        if old["import_status"] == "created":
            kept = list(old)
        assert [new[name] for name in kept] == [old[name] for name in kept]
        if old["import_status"] in MENDABLE:
            assert new["import_run"] == done.run.removeprefix("reports/") != old["import_run"]
    summary = json.loads((place.path / done.run / "summary.json").read_text(encoding="utf-8"))
    assert summary["rerun_of"] == first.run.removeprefix("reports/")
