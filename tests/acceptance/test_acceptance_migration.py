"""The main job on the shipped migration: everything created, every id real, a second run that sends nothing."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import openpyxl
import pytest

from .command import IMPORT_COLUMNS, SAMPLES, Done, Line, Workplace, read_table
from .truth import Truth, disagreements, read_truth

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 344
SHEETS = {"Schedules": "schedules.csv", "Shadows": "shadows.csv"}


class Rehearsal:
    """The migration run three times over: as a workbook, again, and as CSVs."""

    def __init__(self, place: Workplace) -> None:
        self.place = place
        self.state = place.path / "reports" / "sandbox.sqlite3"
        self.first = place.run("run", SAMPLES / "migration.xlsx", "--sandbox")
        self.truth: Truth = read_truth(self.state)
        self.second = place.run("run", SAMPLES / "migration.xlsx", "--sandbox")
        self.as_csv = place.run("run", SAMPLES / "schedules.csv", SAMPLES / "shadows.csv", "--sandbox")

    def lines(self, done: Done) -> list[Line]:
        return self.place.lines(done.run)


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    return Rehearsal(Workplace(tmp_path_factory.mktemp("rehearsal")))


def test_the_migration_runs_without_account_and_token(rehearsal: Rehearsal) -> None:
    """Exit 0, a table of outcomes, and the path of a report that is there."""
    done = rehearsal.first
    assert done.status == 0, done
    assert re.search(r"^created +44 +300 +344 ", done.out, re.MULTILINE)
    assert (rehearsal.place.path / done.run / "report.csv").is_file()
    assert (rehearsal.place.path / done.run / "report.xlsx").is_file()
    assert "rerun" not in done.out


def test_every_row_is_created_with_an_id_that_the_target_really_has(rehearsal: Rehearsal) -> None:
    lines = rehearsal.lines(rehearsal.first)
    assert [line["import_status"] for line in lines] == ["created"] * ROWS
    assert disagreements(lines, rehearsal.truth) == []
    assert len(rehearsal.truth) == ROWS
    assert {(line["import_kind"], line["import_http_status"]) for line in lines} == {
        ("schedule", "200"),
        ("shadow", "201"),
    }
    assert {line["import_attempts"] for line in lines} == {"1"}


def test_the_report_has_every_row_in_its_order_by_its_number(rehearsal: Rehearsal) -> None:
    places = [(line["import_sheet"], int(line["import_row"])) for line in rehearsal.lines(rehearsal.first)]
    assert places == [("Schedules", row) for row in range(2, 46)] + [("Shadows", row) for row in range(2, 302)]


def test_the_report_has_the_promised_columns_and_the_sources_own_behind(rehearsal: Rehearsal) -> None:
    path = rehearsal.place.path / rehearsal.first.run / "report.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")  # or Excel takes it for Windows-1252
    book = openpyxl.load_workbook(SAMPLES / "migration.xlsx", read_only=False)
    own = [cell.value for sheet in SHEETS for cell in book[sheet][1]]
    assert read_table(path)[0] == IMPORT_COLUMNS + list(dict.fromkeys(own))


def test_the_sources_text_comes_back_unchanged(rehearsal: Rehearsal) -> None:
    """Also of the columns that the product does not use; an Excel date as the date-time that it shows."""
    lines = rehearsal.lines(rehearsal.first)
    for sheet, name in SHEETS.items():
        header, *source = read_table(SAMPLES / name)
        columns = {column.lower().replace(" ", "_"): column for column in lines[0]}
        back = [[line[columns[name]] for name in header] for line in lines if line["import_sheet"] == sheet]
        assert back == source


def test_both_forms_of_the_report_say_the_same(rehearsal: Rehearsal) -> None:
    folder = rehearsal.place.path / rehearsal.first.run
    book = openpyxl.load_workbook(folder / "report.xlsx")
    header, *rows = [["" if cell is None else str(cell) for cell in row[:-1]] for row in book["All rows"].values]
    assert str(book["All rows"].cell(1, len(header) + 1).value).startswith("import_digest ")
    assert [dict(zip(header, row, strict=True)) for row in rows] == rehearsal.lines(rehearsal.first)


def test_the_summary_counts_what_the_report_lists(rehearsal: Rehearsal) -> None:
    summary = json.loads((rehearsal.place.path / rehearsal.first.run / "summary.json").read_text(encoding="utf-8"))
    assert (summary["rows"], summary["statuses"]["created"], summary["exit_status"]) == (ROWS, ROWS, 0)
    assert summary["targets"] == {"opal": {"created": 44}, "rootly": {"created": 300}}
    assert summary["rerun_of"] is None
    assert re.fullmatch(r"[0-9a-f]{64}", summary["sources"][0]["sha256"])


@pytest.mark.parametrize("again", ["second", "as_csv"])
def test_the_same_records_again_send_nothing_and_say_exists(rehearsal: Rehearsal, again: str) -> None:
    """As the same workbook and as CSVs: the very same ids, and nothing new in the target."""
    done: Done = getattr(rehearsal, again)
    assert done.status == 0, done
    assert read_truth(rehearsal.state) == rehearsal.truth
    lines = rehearsal.lines(done)
    assert {(line["import_status"], line["import_attempts"]) for line in lines} == {("exists", "0")}
    assert [line["import_id"] for line in lines] == [line["import_id"] for line in rehearsal.lines(rehearsal.first)]


def test_what_is_on_disk_is_for_its_owner_alone(place: Workplace) -> None:
    """Names and addresses of people stand in it: 0700 and 0600, whatever the umask lets."""
    done = place.run("run", "-", "--sandbox", stdin=b"third_party_provider,remote_id\nOPSGENIE,1\n", umask=0)
    assert done.status == 0, done
    folder = place.path / done.run
    assert _mode(folder) == 0o700
    files = [*folder.iterdir(), *(place.path / "reports").glob("sandbox.sqlite3*")]
    assert len(files) >= 5
    assert {path.name: _mode(path) for path in files} == {path.name: 0o600 for path in files}


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777
