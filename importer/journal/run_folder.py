"""Makes a run's folder and opens its journal: checks its version, damage, and whether another process has it."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from importer.errors import DamagedError, JournalError
from importer.journal.codec import MalformedError, load_schema
from importer.journal.journal import Journal, is_in_use
from importer.journal.run_info import import_again
from importer.journal.view import View
from importer.log import LOG_FILE

_NOTHING: Mapping[str, Any] = MappingProxyType({})
JOURNAL_FILE = "journal.sqlite3"
SQLITE_VERSION = sqlite3.sqlite_version
_APPLICATION_ID = 0x0C1A11  # marks the file as ours in SQLite's header
_VERSION = 9  # of the schema; a journal with another version is refused, never changed


class Purpose(NamedTuple):
    """Why a run is opened, as the words that a hint needs."""

    again: str  #: what to do once the journal can be used
    damaged: str  #: what to do if it cannot
    alone: str  #: the same if the run was killed before it wrote a report

    def way_on(self, folder: Path) -> str:
        """Return what to do about a run's folder whose journal cannot be used, by what is in it."""
        if "-undo" in folder.name:
            return "Undo the original run again: the target is asked first."
        return import_again(folder.name, self.damaged if (folder / "report.csv").is_file() else self.alone)


_SOURCE_AGAIN = "Run it again (oncall-importer run SOURCE): the target is asked, and what is there is found first."
RERUN = Purpose(
    "rerun it again",
    "Leave the folder as it is, and rerun from the report.csv in it: what is there already is found first.",
    f"{_SOURCE_AGAIN} The folder has no report.csv to rerun from.",
)
UNDO = Purpose(
    "undo again",
    "An undo needs the whole journal: restore it from a backup, or delete by hand what report.csv lists as created.",
    "An undo needs the whole journal: restore it from a backup. Nothing else lists what was created; "
    "oncall-importer check SOURCE --online shows what exists.",
)
LOOK = Purpose("look again", "Its report.csv may still be good.", _SOURCE_AGAIN)
_BEGIN = RERUN._replace(again="")  # a new run's own errors say how to go on


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run's folder, held by this process alone while the journal is open."""

    path: Path
    journal: Journal


@contextmanager
def create_run(reports: Path, name: str, info: Mapping[str, Any] = _NOTHING) -> Iterator[RunFolder]:
    """Make the folder of a new run with an empty journal in it, and hold it; `info` has members of its `RunInfo`.

    The folder appears under its name only once it holds a complete journal, so a kill never leaves half of one.

    Raises:
        JournalError: the folder cannot be made or written.
    """
    try:
        reports.mkdir(parents=True, exist_ok=True)
        with _locked(reports):  # two runs can begin in the same second
            path = _free_path(reports, name, info.get("rerun_of", ""))
            _make_folder(path, {**info, "run": path.name})
    except (OSError, sqlite3.Error) as error:
        raise _cannot_write(reports, error) from error
    with open_run(path, _BEGIN) as folder:
        yield folder


def _make_folder(path: Path, info: Mapping[str, Any]) -> None:
    unfinished = path.with_name(f".{path.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        unfinished.mkdir(mode=0o700)
        file = unfinished / JOURNAL_FILE
        os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))  # SQLite gives its WAL the same mode
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {_VERSION}")
            _prepare(connection).executescript(load_schema())
            Journal(connection).change_info(**info)
        unfinished.rename(path)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


@contextmanager
def open_run(path: Path, purpose: Purpose = RERUN) -> Iterator[RunFolder]:
    """Open the journal of a run's folder and hold it.

    Raises:
        JournalError: there is none, it is damaged or of a newer version, or another process has it.
    """
    try:
        is_run = (path / JOURNAL_FILE).is_file()
    except OSError as error:  # another user's folder
        raise JournalError(f"{path} cannot be opened: {error.strerror}", hint="Name a folder of your own.") from error
    if not is_run:
        hint = purpose.way_on(path) if _is_of_run(path) else "Name a folder below reports/."
        raise JournalError(f"{path} is not a run's folder: it has no {JOURNAL_FILE}", hint=hint)
    with _held(path), closing(_connect(path / JOURNAL_FILE, purpose)) as connection:
        try:
            yield RunFolder(path, Journal(connection, purpose.again))
        # met while reading; write errors are mapped where they occur
        except (sqlite3.Error, MalformedError) as error:
            raise _cannot_read(path / JOURNAL_FILE, error, purpose) from error


@contextmanager
def open_scratch() -> Iterator[Journal]:
    """Open a journal that belongs to no run and is gone afterwards (`check` writes nothing)."""
    with closing(sqlite3.connect("", isolation_level=None)) as connection:  # "": a private file that SQLite deletes
        connection.executescript(load_schema())
        connection.execute("PRAGMA journal_mode = OFF")  # nothing is ever rolled back: an error ends the command
        connection.execute("PRAGMA synchronous = OFF")
        yield Journal(connection)


def _free_path(reports: Path, name: str, repeated: str) -> Path:
    """Return a free path for the folder; a second run in the same second gets `-2`."""
    path = reports / name
    number = 1
    while path.exists() or path.name == repeated:
        number += 1
        path = reports / f"{name}-{number}"
    return path


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the operating system releases it when the process ends, in whatever way."""
    with _descriptor(folder) as descriptor:
        if not _take(descriptor):
            raise JournalError(
                f"{folder} is in use: that run is still running{_holder(folder)}",
                hint="Wait until it has ended, or stop it with Ctrl-C (SIGINT).",
            )
        yield


@contextmanager
def _descriptor(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    """Take a folder's lock; wait a moment in case another process only looks whether it is taken (`is_held`)."""
    while not _try(descriptor, fcntl.LOCK_EX):
        if not _try(descriptor, fcntl.LOCK_SH):
            return False
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        time.sleep(0.001)
    return True


def _try(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(folder: Path) -> bool:
    """Return whether a process has the run's journal open: the run is going on, or being rerun."""
    with _descriptor(folder) as descriptor:
        return not _try(descriptor, fcntl.LOCK_SH)


@contextmanager
def open_view(folder: Path) -> Iterator[View]:
    """Open a run's journal for reading, even while the run goes on or after it was killed; changes nothing.

    Raises:
        JournalError: it is damaged, or of a newer version.
    """
    file = folder / JOURNAL_FILE
    try:
        with closing(_looking(file)) as reader:
            _check_version(reader, file, LOOK)
            yield View(reader)
    except (sqlite3.Error, MalformedError) as error:
        raise _cannot_read(file, error, LOOK) from error


def _cannot_read(file: Path, error: Exception, purpose: Purpose) -> JournalError:
    if is_in_use(error):
        return JournalError(
            f"{file} is in use by another program ({error})", hint=f"Close that program, then {purpose.again}."
        )
    return DamagedError(f"{file} cannot be read: {error}", hint=purpose.way_on(file.parent))


def _looking(file: Path) -> sqlite3.Connection:
    """Open a file for reading; if it was closed properly, SQLite makes no files beside it."""
    if file.with_name(f"{file.name}-wal").exists():
        return _read_only(file)
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def _holder(folder: Path) -> str:
    with suppress(sqlite3.Error), closing(_read_only(folder / JOURNAL_FILE)) as reader:
        row = reader.execute("SELECT value FROM fact WHERE name = 'pid'").fetchone()
        return f" (process {row[0]})" if row else ""
    return ""


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a folder's lock for a moment, waiting while another process holds it."""
    with _descriptor(folder) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def _connect(file: Path, purpose: Purpose) -> sqlite3.Connection:
    """Open a journal for writing; first look without touching it, because it may be foreign or damaged."""
    try:
        with closing(_read_only(file)) as reader:
            _check_version(reader, file, purpose)
            (state,) = reader.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise sqlite3.DatabaseError(state.splitlines()[-1])
        return _prepare(sqlite3.connect(file, isolation_level=None))
    except sqlite3.OperationalError as error:  # locked, not readable, a full disk
        if is_in_use(error):
            raise _cannot_read(file, error, purpose) from error
        raise JournalError(
            f"{file} cannot be opened: {error}", hint="Make it writable, or see who holds it."
        ) from error
    except sqlite3.DatabaseError as error:
        raise DamagedError(f"{file} is damaged: {error}", hint=purpose.way_on(file.parent)) from error


def _read_only(file: Path) -> sqlite3.Connection:
    """Open a file so that not even an unfinished write of another process is completed."""
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)


def _prepare(connection: sqlite3.Connection) -> sqlite3.Connection:
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")  # 16 MB: a page that changes often is written back once
        connection.execute("PRAGMA cache_size = -16000")  # 16 MB
        connection.execute("PRAGMA temp_store = FILE")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _is_of_run(folder: Path) -> bool:
    """Return whether a folder is that of a run, whatever became of its journal."""
    return any((folder / name).is_file() for name in (LOG_FILE, "report.csv"))


def _check_version(connection: sqlite3.Connection, file: Path, purpose: Purpose) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != _APPLICATION_ID:
        if _is_of_run(file.parent):
            raise DamagedError(f"{file} is damaged: its first page is lost", hint=purpose.way_on(file.parent))
        raise DamagedError(f"{file} is not a journal of oncall-importer", hint="Name a folder below reports/.")
    if version > _VERSION:
        raise JournalError(
            f"{file} was written by a newer oncall-importer (journal version {version}, this one knows {_VERSION})",
            hint="Install that version; the journal was left as it is.",
        )
    if version < _VERSION:
        raise DamagedError(
            f"{file} was written by an older oncall-importer (journal version {version}, this one reads {_VERSION})",
            hint=purpose.way_on(file.parent),
        )


def _cannot_write(reports: Path, error: Exception) -> JournalError:
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return JournalError(
        f"{reports} cannot hold the run's folder: {words}", hint="Make room or name another folder with --reports."
    )


def restore_folder(folder: RunFolder) -> bool:
    """Restore a run's folder that was removed during the run, with the journal that this process still has open.

    Returns False if it is still there.

    Raises:
        JournalError: it cannot be restored; every outcome is lost with it.
    """
    file = folder.path / JOURNAL_FILE
    if file.exists():
        return False
    try:
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
        with closing(sqlite3.connect(file, isolation_level=None)) as copy:
            folder.journal.copy_to(copy)
    except (OSError, sqlite3.Error) as error:
        raise JournalError(
            f"{folder.path} was removed while the run was in progress, and cannot be made again: {error}",
            hint=import_again(folder.path.name, _SOURCE_AGAIN),
        ) from error
    return True
