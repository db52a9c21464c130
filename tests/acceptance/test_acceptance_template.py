"""The template as people fill it in: what was typed is what is sent, and the examples in it are not."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import openpyxl
import pytest

from .command import Done, Workplace, read_table, statuses, table
from .truth import read_truth

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    Cells = Mapping[str, str | int | datetime]

SHADOW: Cells = {
    "schedule_id": "a56d5989-eb30-481b-b7ab-f424fa655cd5",
    "shadowable_id": "00101",  # leading zeros, typed into a cell of text
    "shadow_user_id": 112,  # typed as a number
    "starts_at": datetime(2027, 3, 27, 9, 30),  # noqa: DTZ001  (a cell has no zone)
    "ends_at": datetime(2027, 3, 28, 9, 30),  # noqa: DTZ001  (the clock is put forward between them)
    "timezone": "Europe/Berlin",
}
NAMED: Cells = {
    "schedule_id": "Checkout primary",
    "shadowable_id": "anna.berg@example.com",
    "shadow_user_id": "Ben Osei",
    "starts_at": datetime(2027, 5, 3, 9),  # noqa: DTZ001
    "duration": "8h",
    "repeat": "weekly",
    "until": datetime(2027, 5, 10),  # noqa: DTZ001
    "timezone": "UTC",
}
WANTED = {
    ("PAGER_DUTY", "00042"),
    ("OPSGENIE", "1e5"),
    ("a56d5989-eb30-481b-b7ab-f424fa655cd5", "User", "00101", "112", "1806136200", "1806219000"),
    ("cfc61328-50da-44b1-b200-e2da86326fb7", "User", "101", "102", "1809334800", "1809363600"),
    ("cfc61328-50da-44b1-b200-e2da86326fb7", "User", "101", "102", "1809939600", "1809968400"),
}


class Filled(NamedTuple):
    """A template that was made by the command and filled in."""

    place: Workplace
    made: Done
    path: Path


@pytest.fixture(scope="module")
def workbook(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    place = Workplace(tmp_path_factory.mktemp("template"))
    made = place.run("template", "plan.xlsx")
    path = place.path / "plan.xlsx"
    book = openpyxl.load_workbook(path)
    fill(book["Schedules"], {"third_party_provider": "PAGER_DUTY", "remote_id": "00042"})
    fill(book["Schedules"], {"third_party_provider": "Opsgenie", "remote_id": "1e5"})
    fill(book["Shadows"], SHADOW)
    fill(book["Shadows"], NAMED)
    book.save(path)
    return Filled(place, made, path)


def fill(sheet: openpyxl.worksheet.worksheet.Worksheet, cells: Cells) -> None:
    """Type a row below the last one, each cell under its header, as the sheet has it formatted."""
    row = sheet.max_row + 1
    headers = {cell.value: cell.column for cell in sheet[1]}
    for column, value in cells.items():
        sheet.cell(row, headers[column]).value = value


def test_the_workbook_that_was_filled_in_checks_clean(workbook: Filled) -> None:
    """And says that the examples are left out."""
    assert workbook.made.status == 0, workbook.made
    done = workbook.place.run("check", workbook.path)
    assert done.status == 0, done
    assert "example" in done.err
    assert "Read me" not in done.err
    assert "problem:" not in done.out


def test_what_was_typed_is_what_is_sent_and_no_example(workbook: Filled) -> None:
    """Dates as dates on the local clock, ids with their zeros, names looked up."""
    done = workbook.place.run("run", workbook.path, "--sandbox")
    assert done.status == 0, done
    lines = workbook.place.lines(done.run)
    assert statuses(lines) == {"created": 5}
    assert set(read_truth(workbook.place.path / "reports" / "sandbox.sqlite3")) == WANTED


def test_a_template_never_replaces_a_file(workbook: Filled) -> None:
    """Unless that is asked for: hours of work may stand in it."""
    before = workbook.path.read_bytes()
    done = workbook.place.run("template", workbook.path)
    assert done.status == 2
    assert "plan.xlsx" in done.err
    assert workbook.path.read_bytes() == before
    (workbook.place.path / "old.csv").write_text("mine", encoding="utf-8")
    assert "replace it with --yes" in workbook.place.run("template", "old.csv").err
    refused = workbook.place.run("template", "new.csv", "--timezone", "Mars")
    assert refused.err.startswith("error: --timezone: the time zone is")
    assert workbook.place.run("template", "old.csv", "--yes").status == 0
    assert "remote_id" in (workbook.place.path / "old.csv").read_text(encoding="utf-8-sig")


def test_the_table_goes_the_same_way(place: Workplace) -> None:
    """Filled in as text; its times are of the zone that was asked for."""
    assert place.run("template", "plan.csv", variables={"IMPORTER_TIMEZONE": "America/New_York"}).status == 0
    header, *examples = read_table(place.path / "plan.csv")
    assert any("America/New_York" in row for row in examples)
    rows = [
        {"kind": "schedule", "third_party_provider": "PAGER_DUTY", "remote_id": "00042"},
        {"kind": "schedule", "third_party_provider": "opsgenie", "remote_id": "1e5"},
        {key: value.isoformat() if isinstance(value, datetime) else str(value) for key, value in SHADOW.items()},
        {key: value.isoformat() if isinstance(value, datetime) else str(value) for key, value in NAMED.items()},
    ]
    cells = [[row.get(column, "") for column in header] for row in rows]
    (place.path / "plan.csv").write_text(table([header, *examples, *cells]), encoding="utf-8", newline="")
    done = place.run("run", "plan.csv", "--sandbox")
    assert done.status == 0, done
    assert set(read_truth(place.path / "reports" / "sandbox.sqlite3")) == WANTED


def test_a_template_that_was_not_filled_in_is_no_success(place: Workplace) -> None:
    """Nothing is in it but examples, and they are never sent."""
    assert place.run("template", "plan.xlsx").status == 0
    done = place.run("run", "plan.xlsx", "--sandbox")
    assert done.status == 2
    assert place.runs == []


@pytest.mark.parametrize("name", ["plan.ods", "no/such/folder/plan.xlsx"])
def test_a_place_where_no_template_can_be_is_said(place: Workplace, name: str) -> None:
    done = place.run("template", name)
    assert done.status == 2, done
    assert name in done.err
    assert "Traceback" not in done.err
    assert list(place.path.iterdir()) == []
