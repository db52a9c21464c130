"""A journal that somebody changed: values that no run writes, wherever they stand, are told in a sentence."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .command import Workplace
from .opal_groups import OPERATORS
from .sources import schedules, shadows

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = {
    "fact": ["value"],
    "source": ["name", "path", "sha256"],
    "sheet": ["id", "source", "name", "header", "positions", "not_used", "header_row", "origin", "place"],
    "row": ["sheet", "number", "line", "cells"],
    "record": [
        *("row", "part", "kind", "target", "scope", "key", "state", "first", "returned_id", "http_status", "error"),
        *("cell", "hint", "attempts", "finished_at", "run", "zone", "replaces", "was"),
    ],
    "binding": ["group_id", "state"],
    "known": ["id", "name"],
    "finding": ["severity", "topic", "message", "hint", "field", "cell"],
    "notice": ["level", "text"],
    "traffic": ["target", "second", "requests", "slowest", "latencies"],
}
PLACES = [(table, column) for table, columns in COLUMNS.items() for column in columns]
#: Valid JSON of other forms, other types, and words that mean something elsewhere.
VALUES = [
    *(None, "", -1, 1.5, 2**63 - 1, b"\xff", "[]", "{}", "null", "7", '"x"', "[[]]", '{"a":1}', "[null,null]"),
    *('["a",{}]', "[1e999]", "[[" * 2000, "2027-13-45", "sending", "created", "unbound", "opal", "shadow", "schedule"),
]
COMMANDS = ["rerun", "undo", "show", "runs", "verify", "compare"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A run with successes of both targets, groups and an invalid row; its folder is `good`."""
    place = Workplace(tmp_path_factory.mktemp("damage"), IMPORTER_SETTLE="0")
    grouped = [[*row, "group" if number == 0 else OPERATORS] for number, row in enumerate(schedules(2))]
    invalid = [["third_party_provider", "remote_id"], ["NOPE", "P2"]]
    sources = [place.write("s.csv", grouped), place.write("t.csv", shadows(2)), place.write("i.csv", invalid)]
    done = place.run("run", *sources, "--sandbox")
    assert done.status == 1, done
    shutil.move(place.path / done.run, place.path / "good")
    return place


def spoil(run: Path, table: str, column: str, value: object, *, is_all: bool) -> bool:
    """Put a value into the journal; give whether it can stand there."""
    try:
        with closing(sqlite3.connect(run / "journal.sqlite3")) as db, db:
            where = "" if is_all else " WHERE rowid = (SELECT max(rowid) FROM record)" if table == "record" else ""
            db.execute(f"UPDATE OR IGNORE {table} SET {column} = ?{where}", (value,))
    except sqlite3.Error:
        return False
    return True


@given(
    command=st.sampled_from(COMMANDS), spot=st.sampled_from(PLACES), value=st.sampled_from(VALUES), is_all=st.booleans()
)
@settings(max_examples=30, derandomize=True)
def test_whatever_stands_in_a_journal_no_command_ends_in_something_unforeseen(
    place: Workplace, command: str, spot: tuple[str, str], value: object, is_all: bool
) -> None:
    run = place.path / "reports" / "20270101-000000-sandbox"
    shutil.rmtree(run.parent, ignore_errors=True)
    shutil.copytree(place.path / "good", run)
    if not spoil(run, *spot, value, is_all=is_all):
        return
    others = {"runs": ["runs"], "compare": ["compare", str(run), str(place.path / "t.csv"), "--sandbox"]}
    done = place.run(*others.get(command, [command, str(run)]))
    assert "should not have" not in done.err, (command, spot, value, done.err)
    assert "Traceback" not in done.out + done.err, (command, spot, value, done.err)


@pytest.mark.parametrize("command", ["rerun", "undo", "verify"])
@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("record", "kind", "opal"),
        ("record", "key", '{"a":1}'),
        ("record", "key", '["a","b","c"]'),
        ("record", "finished_at", b"x"),
        ("row", "cells", '["x"]'),
        ("row", "sheet", 1.5),
        ("binding", "group_id", "no group"),
    ],
)
def test_a_value_of_the_wrong_form_is_told_before_anything_is_done(
    place: Workplace, command: str, table: str, column: str, value: object
) -> None:
    run = place.path / "reports" / "20270101-000000-sandbox"
    shutil.rmtree(run.parent, ignore_errors=True)
    shutil.copytree(place.path / "good", run)
    assert spoil(run, table, column, value, is_all=True)
    done = place.run(command, run)
    assert done.status == 2, done
    assert "journal.sqlite3 cannot be read: a" in done.err
    assert [path.name for path in run.parent.iterdir() if path.is_dir()] == [run.name]
