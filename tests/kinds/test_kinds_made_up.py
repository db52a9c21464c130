"""A kind in a file of its own, with its sandbox handler, runs from a CSV to the report; nothing else is touched."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DRIVER = Path(__file__).parent / "made_up" / "driver.py"
CSV = """\
schedule_id,handed_to,handed_at,timezone
primary,101,2027-03-01T08:00Z,
Payments primary,ben.osei@example.com,2027-03-01 08:00,Europe/Berlin
primary,101,2027-03-01T09:00+01:00,
../users,nobody at all?,soon,Mars
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a process came to that knows the made-up kind."""
    folder = tmp_path_factory.mktemp("made-up")
    (folder / "plan.csv").write_text(CSV, encoding="utf-8")
    done = subprocess.run([sys.executable, DRIVER, folder], capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout)


def test_its_columns_tell_it_names_are_looked_up_and_what_is_wrong_has_its_cells(told: Any) -> None:
    lines = told["first"]
    assert [line["import_kind"] for line in lines] == ["handover"] * 4
    assert [line["import_status"] for line in lines] == ["created", "created", "duplicate", "invalid"]
    assert lines[2]["import_id"] == lines[0]["import_id"]
    assert lines[3]["import_cell"] == "A5, B5, C5, D5"


def test_it_exists_on_the_second_run_and_is_undone(told: Any) -> None:
    assert told["second"] == ["exists", "exists", "duplicate", "invalid"]
    assert told["undone"] == ["deleted", "deleted"]


def test_the_template_has_its_columns_and_its_example(told: Any) -> None:
    header, *rows = told["template"].splitlines()
    assert {"handed_to", "handed_at"} <= set(header.split(","))
    assert [row for row in rows if row.startswith("example handover,")]


def test_a_number_that_its_sheet_shows_as_a_percentage_is_no_id(told: Any) -> None:
    assert told["percentage"] == ["handed_to holds the number 101, which the sheet shows as 10100%"]
