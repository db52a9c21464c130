"""Whose folder it is, who may open its journal, and what is refused without being touched."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from importer.errors import DamagedError, JournalError
from importer.journal.run_folder import (
    JOURNAL_FILE,
    LOOK,
    RERUN,
    UNDO,
    create_run,
    open_run,
    open_view,
    restore_folder,
)
from importer.journal.run_info import RunInfo
from importer.journal.states import Change
from importer.records import Outcome
from importer.statuses import Status

from .planning import OPAL, nth, plan, schedule, states

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from importer.journal.view import View


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """The folder of a run that has ended, its journal many pages long."""
    with create_run(tmp_path / "reports", "ended", {"pid": "1"}) as folder:
        plan(folder.journal, *(schedule(f"P{number}" * 50) for number in range(300)))
    return folder.path


def refused(path: Path) -> JournalError:
    with pytest.raises(JournalError) as caught, open_run(path):
        pass
    return caught.value


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def python(code: str, *arguments: object, wait: bool = True) -> subprocess.Popen[str]:
    """Start another process; it has ended, by itself or by a signal, unless it is not waited for."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if wait:
        process.communicate()
    return process


# ---- a new run


def test_a_runs_folder_and_its_files_are_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with create_run(tmp_path / "deep" / "reports", "a-run") as folder:
            plan(folder.journal, schedule("P1"))
            folder.journal.claim(OPAL, 0, 1)
            assert mode(folder.path) == 0o700
            files = {path.name: mode(path) for path in folder.path.iterdir()}
            assert files == dict.fromkeys([JOURNAL_FILE, f"{JOURNAL_FILE}-wal", f"{JOURNAL_FILE}-shm"], 0o600)
    finally:
        os.umask(before)


def test_a_run_knows_its_name_and_its_facts(tmp_path: Path) -> None:
    with create_run(tmp_path, "a-run", {"command": "run"}) as folder:
        assert folder.path == tmp_path / "a-run"
        assert folder.journal.info() == RunInfo("a-run", "run")


def test_a_second_run_of_the_same_name_gets_another_one(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        with create_run(tmp_path, "a-run") as folder:
            names.append((folder.path.name, folder.journal.info().run))
    assert names == [("a-run", "a-run"), ("a-run-2", "a-run-2"), ("a-run-3", "a-run-3")]


def test_a_rerun_never_has_the_name_of_the_run_that_it_repeats(tmp_path: Path) -> None:
    """Its folder may be gone, and the second the same: it would repeat itself for ever."""
    with create_run(tmp_path, "a-run", {"rerun_of": "a-run"}) as folder:
        assert folder.path.name == "a-run-2"


def test_runs_that_begin_at_the_same_moment_get_a_folder_each(tmp_path: Path) -> None:
    def create(number: int) -> tuple[str, str]:
        with create_run(tmp_path, "a-run", {"arguments": [str(number)]}) as folder:
            assert folder.journal.info().arguments == (str(number),)
            return folder.path.name, folder.journal.info().run

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(create, range(8)))
    assert len(set(made)) == 8
    assert all(name == run for name, run in made)
    assert {path.name for path in tmp_path.iterdir()} == {name for name, _ in made}


def test_a_folder_appears_only_once_its_journal_is_whole(tmp_path: Path) -> None:
    """Killed at each of its system calls that make, rename or open something, creating a run leaves no half a one."""
    code = """
import os, signal, sys
from pathlib import Path
from importer.journal.run_folder import create_run
def end_at(moment):
    left = moment
    def count(event, _arguments):
        nonlocal left
        if event in ("os.mkdir", "open", "os.rename", "sqlite3.connect", "fcntl.flock") and armed:
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
    armed = False
    sys.addaudithook(count)
    armed = True
    with create_run(Path(sys.argv[1], str(moment)), "a-run"):
        armed = False
for moment in range(1, 50):
    if not (child := os.fork()):
        end_at(moment)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(status)
    if not status:
        break
"""
    process = python(code, tmp_path, wait=False)
    said, _ = process.communicate()
    *killed, last = map(int, said.split())
    assert set(killed) == {-signal.SIGKILL}
    for moment in range(1, len(killed) + 1):
        reports = tmp_path / str(moment)
        if (reports / "a-run").exists():
            with open_run(reports / "a-run") as folder:
                assert folder.journal.info().run == "a-run"
        with create_run(reports, "a-run") as folder:
            assert folder.journal.count_rows() == 0
    assert len(killed) > 3, "the walk itself must have got somewhere"
    assert last == process.returncode == 0


@pytest.mark.parametrize("obstacle", ["a file", "below a file", "too long"])
def test_reports_that_cannot_take_a_folder_are_one_clear_sentence(tmp_path: Path, obstacle: str) -> None:
    (tmp_path / "file").write_text("x")
    reports = {"a file": tmp_path / "file", "below a file": tmp_path / "file" / "x", "too long": tmp_path / ("x" * 300)}
    with (
        pytest.raises(JournalError, match="cannot hold the run's folder") as caught,
        create_run(reports[obstacle], "r"),
    ):
        pass
    assert "--reports" in caught.value.hint


# ---- who has it


def test_a_run_that_is_going_on_cannot_be_opened_again_even_by_the_same_process(tmp_path: Path) -> None:
    with create_run(tmp_path, "a-run", {"pid": "4711"}) as folder:
        error = refused(folder.path)
        assert "that run is still running (process 4711)" in error.message
        assert "Ctrl-C" in error.hint
    with open_run(folder.path):
        pass


HOLD = """
import os, sys
from pathlib import Path
from importer.journal.run_folder import create_run
with create_run(Path(sys.argv[1]), sys.argv[2], {"pid": str(os.getpid())}) as folder:
    print(folder.path, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("name", ["a-run", "odd ?#%41 näme"])
def test_a_run_of_another_process_is_refused_with_its_number_until_that_ends_however_it_does(
    tmp_path: Path, name: str
) -> None:
    process = python(HOLD, tmp_path, name, wait=False)
    assert process.stdout is not None
    path = Path(process.stdout.readline().rstrip("\n"))
    before = (path / JOURNAL_FILE).read_bytes()
    try:
        assert f"(process {process.pid})" in refused(path).message
        assert (path / JOURNAL_FILE).read_bytes() == before
    finally:
        process.kill()
        process.communicate()
    with open_run(path) as folder:
        assert folder.journal.info().pid == str(process.pid)


# ---- kill -9


def test_what_was_claimed_when_the_process_was_killed_is_in_doubt_and_nothing_else_is_lost(tmp_path: Path) -> None:
    code = """
import os, signal, sys
from pathlib import Path
from importer.journal.run_folder import create_run
from importer.journal.states import Change
from importer.records import Outcome
from importer.statuses import Status
from journal.planning import OPAL, nth, plan, schedule
with create_run(Path(sys.argv[1]), "a-run") as folder:
    journal = folder.journal
    plan(journal, *(schedule(f"P{number}") for number in range(6)))
    journal.claim(OPAL, 0, 2)
    journal.change([Change(nth(1), Status.CREATED, Outcome(Status.CREATED, id="id-1", attempts=1))])
    journal.claim(OPAL, nth(2), 2)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert python(code, tmp_path).returncode == -signal.SIGKILL
    with open_run(tmp_path / "a-run") as folder:
        assert states(folder.journal) == ["created", "sending", "sending", "sending", "planned", "planned"]
        assert [record.key[1] for record in folder.journal.in_doubt(OPAL)] == ["P1", "P2", "P3"]
        assert [line.outcome.status for line in folder.journal.lines()][:2] == ["created", "unknown"]
        assert [record.key[1] for record in folder.journal.claim(OPAL, 0, 10)] == ["P4", "P5"]


# ---- what is refused, and left as it is


def newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 99")


def older(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 2")


def newer_and_killed(file: Path) -> None:
    """Leave what a newer version wrote in the write-ahead log, as a kill does."""
    code = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("PRAGMA user_version = 99")
connection.execute("INSERT INTO fact VALUES ('of the future', 'x')")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert python(code, file).returncode == -signal.SIGKILL


def foreign(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE bookmark (url TEXT)")
        connection.commit()


def foreign_and_killed(file: Path) -> None:
    file.unlink()
    code = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("CREATE TABLE bookmark (url TEXT)")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert python(code, file).returncode == -signal.SIGKILL


def cut(size: int) -> Callable[[Path], None]:
    def _cut(file: Path) -> None:
        os.truncate(file, size)

    return _cut


def garbage(file: Path) -> None:
    file.write_bytes(b"garbage " * 1000)


def hole(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[40960:45056] = b"\xa5" * 4096
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "words", "hint"),
    [
        (newer, "written by a newer oncall-importer (journal version 99, this one knows 9)", "Install that version"),
        (newer_and_killed, "written by a newer oncall-importer (journal version 99, this one knows 9)", "Install that"),
        (older, "written by an older oncall-importer (journal version", "importer run SOURCE"),
        (foreign, "is not a journal of oncall-importer", "Name a folder"),
        (foreign_and_killed, "is not a journal of oncall-importer", "Name a folder"),
        (cut(0), "is not a journal of oncall-importer", "Name a folder"),
        (cut(4096), "is damaged: ", "importer run SOURCE"),
        (cut(20480), "is damaged: ", "importer run SOURCE"),
        (cut(50_000), "is damaged: ", "importer run SOURCE"),
        (garbage, "is damaged: ", "importer run SOURCE"),
        (hole, "is damaged: ", "importer run SOURCE"),
    ],
)
def test_a_journal_that_cannot_be_used_is_refused_and_not_a_byte_of_it_is_changed(
    closed: Path, spoil: Callable[[Path], None], words: str, hint: str
) -> None:
    file = closed / JOURNAL_FILE
    spoil(file)

    def content() -> dict[str, bytes]:
        """The journal and what is still to come into it; the index of that is made anew by whoever looks."""
        return {path.name: path.read_bytes() for path in sorted(closed.iterdir()) if not path.name.endswith("-shm")}

    before = content()
    error = refused(closed)
    assert words in error.message
    assert hint in error.hint
    assert error.message.count("\n") == 0
    after = content()
    assert {name: after[name] for name in before} == before
    assert not any(after[name] for name in after.keys() - before.keys())


def head(file: Path) -> None:
    """Lose what says whose file it is."""
    content = file.read_bytes()
    file.write_bytes(b"SQLite format 3\0" + content[16:60] + bytes(12) + content[72:])


@pytest.mark.parametrize("spoil", [cut(0), cut(4096), garbage, hole, head, Path.unlink])
@pytest.mark.parametrize(
    ("name", "files", "rerun", "undo", "look"),
    [
        ("run", ("run.log",), "importer run SOURCE", "--online shows what exists", "importer run SOURCE"),
        ("run", ("run.log", "report.csv"), "rerun from the report.csv", "what report.csv lists", "may still be good"),
        (
            "1-sandbox",
            ("run.log",),
            "run SOURCE --sandbox)",
            "check SOURCE --sandbox --online",
            "run SOURCE --sandbox)",
        ),
        (
            "run-undo",
            ("run.log",),
            "Undo the original run again",
            "Undo the original run again",
            "Undo the original run again",
        ),
    ],
)
def test_the_hint_about_a_lost_journal_names_what_is_in_the_folder(
    tmp_path: Path, spoil: Callable[[Path], None], name: str, files: Sequence[str], rerun: str, undo: str, look: str
) -> None:
    """A run that was killed has no report, and its journal may have lost even what says whose it is."""
    with create_run(tmp_path, name) as folder:
        plan(folder.journal, *(schedule(f"P{number}" * 50) for number in range(300)))
    for file in files:
        (folder.path / file).touch()
    spoil(folder.path / JOURNAL_FILE)
    for purpose, hint in ((RERUN, rerun), (UNDO, undo), (LOOK, look)):
        with pytest.raises(JournalError) as caught, open_run(folder.path, purpose):
            pass
        assert hint in caught.value.hint
        assert "is not a journal" not in caught.value.message
        assert ("report.csv lists" in caught.value.hint) == (purpose is UNDO and "report.csv" in files)


def test_a_folder_without_a_journal_is_no_run(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing", Path(__file__)):
        error = refused(path)
        assert "is not a run's folder" in error.message
        assert "reports/" in error.hint


def test_a_path_that_cannot_even_be_looked_at_is_one_clear_sentence() -> None:
    assert refused(Path("x" * 5000)).hint


def test_a_journal_that_somebody_else_is_writing_is_not_called_damaged(closed: Path) -> None:
    with closing(sqlite3.connect(closed / JOURNAL_FILE, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        error = refused(closed)
    assert "is in use by another program (database is locked)" in error.message
    assert error.hint == "Close that program, then rerun it again."


def test_a_journal_that_another_program_keeps_to_itself_is_not_a_full_disk(closed: Path) -> None:
    """A database browser with changes that are not saved: there is room, and an undo goes on by undoing again."""
    with open_run(closed, UNDO) as folder, closing(sqlite3.connect(closed / JOURNAL_FILE)) as browser:
        folder.journal._db.execute("PRAGMA busy_timeout = 0")
        browser.execute("UPDATE fact SET value = 'x' WHERE name = 'pid'")
        with pytest.raises(JournalError) as caught:
            folder.journal.change_info(undone_by=["a"])
    where = f"the journal in {closed}"
    assert caught.value.message == f"{where} is in use by another program (database is locked)"
    assert caught.value.hint == "Close that program (a database browser, a backup), then undo again."


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE row SET cells = '[1'",
        "UPDATE record SET state = 'finished'",
        "UPDATE record SET key = 'x'",
        "UPDATE sheet SET header = '{'",
        "UPDATE fact SET value = 'x' WHERE name = 'arguments'",
        "UPDATE record SET kind = 5, target = 'pagerduty'",
    ],
)
def test_json_and_states_that_make_no_sense_are_a_damaged_journal(tmp_path: Path, damage: str) -> None:
    with create_run(tmp_path, "a-run", {"arguments": ["a.csv"]}) as folder:
        plan(folder.journal, schedule("P1"))
    with closing(sqlite3.connect(folder.path / JOURNAL_FILE, isolation_level=None)) as connection:
        connection.execute(damage)

    def undo() -> None:
        with open_run(folder.path, UNDO) as opened:
            read_all(opened.journal)

    def look() -> None:
        with open_view(folder.path) as view:
            read_all(view)

    for read, hint in ((undo, "from a backup"), (look, "importer run SOURCE")):
        with pytest.raises(DamagedError, match="makes no sense") as caught:
            read()
        assert hint in caught.value.hint


@pytest.mark.parametrize("damage", ["UPDATE record SET key = '5'", "DELETE FROM row"])
def test_what_a_page_cannot_be_made_of_is_a_damaged_journal(tmp_path: Path, damage: str) -> None:
    with create_run(tmp_path, "a-run") as folder:
        plan(folder.journal, schedule("P1"))
        folder.journal.change([Change(nth(1), Status.CREATED, Outcome(Status.CREATED, id="id-1"))])
    with closing(sqlite3.connect(folder.path / JOURNAL_FILE, isolation_level=None)) as connection:
        connection.execute(damage)

    def look() -> None:
        with open_view(folder.path) as view:
            for record, *_ in view.page_shifts(10, ["schedule"]):
                view.row_of(record)

    with pytest.raises(DamagedError, match="makes no sense"):
        look()


def read_all(view: View) -> None:
    view.info()
    list(view.entries())
    list(view.lines())


def test_a_folder_that_was_removed_while_its_run_goes_on_is_made_again_with_all_it_knows(tmp_path: Path) -> None:
    with create_run(tmp_path, "a-run") as folder:
        plan(folder.journal, schedule("P1"), schedule("P2"))
        assert not restore_folder(folder)
        shutil.rmtree(folder.path)
        folder.journal.change([Change(nth(1), Status.CREATED, Outcome(Status.CREATED, id="id-1"))])
        assert restore_folder(folder)
        assert folder.path.stat().st_mode & 0o777 == 0o700
    with open_run(folder.path) as again:
        assert states(again.journal) == ["created", "planned"]


def test_a_journal_that_was_copied_elsewhere_can_be_opened_there(closed: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(closed, tmp_path / "copied & möved #1")
    with open_run(moved) as folder:
        assert folder.journal.count_rows() == 300


def test_a_disk_that_is_full_is_one_clear_sentence_and_nothing_is_half_written(tmp_path: Path) -> None:
    with create_run(tmp_path, "a-run") as folder:
        journal = folder.journal
        plan(journal, schedule("P1"))
        journal._db.execute("PRAGMA max_page_count = 1")
        with pytest.raises(JournalError, match=f"the journal in {folder.path} cannot be written"):
            journal.change_info(mapping="x" * 400_000)
        assert journal.info().mapping == ""
        assert [record.id for record in journal.claim(OPAL, 0, 1)] == [nth(1)]
