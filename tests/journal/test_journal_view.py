"""Looking at a journal changes nothing, in whatever state it is, and holds nobody up."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from importer.errors import DamagedError, JournalError
from importer.journal.run_folder import JOURNAL_FILE, create_run, is_held, open_run, open_view
from importer.journal.states import Change
from importer.records import Outcome, Problem, Severity
from importer.statuses import Status

from .planning import OPAL, nth, plan, schedule

if TYPE_CHECKING:
    from collections.abc import Mapping


def content(folder: Path) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def make_run(path: Path, number: int = 3) -> Path:
    with create_run(path, "a-run", {"command": "run"}) as folder:
        plan(folder.journal, *(schedule(f"P{index}") for index in range(number)))
        folder.journal.claim(OPAL, 0, 1, [])
        folder.journal.change([Change(nth(2), Status.CREATED, Outcome(Status.CREATED, "id-2"))])
    return folder.path


def test_a_journal_that_was_closed_is_read_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    before = content(folder)
    with open_view(folder) as view:
        assert view.info().command == "run"
        assert [line.outcome.id for line in view.lines_of([Status.CREATED])] == ["id-2"]
    assert content(folder) == before


def test_a_journal_that_is_being_written_is_read_as_it_is_now(tmp_path: Path) -> None:
    """The run that writes it does not notice, even while somebody is in the middle of its lines."""
    with create_run(tmp_path, "a-run") as folder:
        plan(folder.journal, *(schedule(f"P{index}") for index in range(5000)))
        with open_view(folder.path) as view:
            lines = view.lines_of([Status.PENDING])
            next(lines)
            for record in folder.journal.claim(OPAL, 0, 5000):
                folder.journal.change([Change(record.id, Status.CREATED, Outcome(Status.CREATED))])
                break
            assert len(list(lines)) >= 1999
            assert len(list(view.lines_of([Status.CREATED]))) == 1


def test_what_a_killed_run_left_is_read_and_left(tmp_path: Path) -> None:
    """Its last commits are still in the file beside the journal."""
    with create_run(tmp_path / "reports", "a-run") as folder:
        plan(folder.journal, schedule("P1"))
        shutil.copytree(folder.path, tmp_path / "killed")
    with open_view(tmp_path / "killed") as view:
        assert view.count_rows() == 1
    with open_run(tmp_path / "killed") as found:
        assert found.journal.count_rows() == 1


def test_one_of_a_newer_version_and_a_damaged_one_are_refused_in_words(tmp_path: Path) -> None:
    newer, damaged = make_run(tmp_path / "newer"), make_run(tmp_path / "damaged", 300)
    with closing(sqlite3.connect(newer / JOURNAL_FILE)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(JournalError, match="newer"), open_view(newer):
        pass
    os.truncate(damaged / JOURNAL_FILE, 8192)
    with pytest.raises(DamagedError), open_view(damaged) as view:
        list(view.lines_of(list(Status)))


def test_the_statuses_of_a_report_choose_the_lines(tmp_path: Path) -> None:
    with open_view(make_run(tmp_path)) as view:
        assert [line.row for line in view.lines_of([Status.UNKNOWN])] == [2]  # it was being sent
        assert [line.row for line in view.lines_of([Status.PENDING, Status.CREATED])] == [3, 4]
        assert [line.row for line in view.lines_of(list(Status), 2)] == [2, 3]


def test_it_is_told_whether_a_run_is_held(tmp_path: Path) -> None:
    with create_run(tmp_path, "a-run") as folder:
        assert is_held(folder.path)
    assert not is_held(folder.path)


def test_somebody_who_looks_whether_a_run_is_held_does_not_keep_it_from_its_owner(tmp_path: Path) -> None:
    """A run that opens its folder at that very moment waits for a moment."""
    folder = make_run(tmp_path)
    looking = os.open(folder, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    opened = threading.Event()

    def own() -> None:
        with open_run(folder):
            opened.set()

    owner = threading.Thread(target=own)
    owner.start()
    assert not opened.is_set()
    os.close(looking)
    owner.join(60)
    assert opened.is_set()


def test_what_a_row_is_warned_of_stands_in_its_line_and_what_is_wrong_with_it_does_not_twice(tmp_path: Path) -> None:
    with create_run(tmp_path, "a-run") as folder:
        plan(folder.journal, schedule("P1"), schedule("P2"))
        warnings = [(1, Severity.WARNING, Problem("it is odd", topic="odd")), (1, Severity.PROBLEM, Problem("wrong"))]
        folder.journal.add_findings(warnings)
        folder.journal.finish_reading()
        hints = [line.outcome.hint for line in folder.journal.lines()]
    assert hints == ["Warning: it is odd", ""]


def test_what_was_found_after_findings_that_could_not_be_written_is_all_there(tmp_path: Path) -> None:
    with create_run(tmp_path, "a-run") as folder:
        plan(folder.journal, schedule("P1"))
        unwritable = Problem(message=object(), topic="odd")  # type: ignore[arg-type]
        with pytest.raises(JournalError):
            folder.journal.add_findings([(1, Severity.WARNING, unwritable)])
        folder.journal.add_findings([(1, Severity.WARNING, Problem("it is odd", topic="odd"))])
        assert [found.problem.message for found in folder.journal.findings()] == ["it is odd"]
