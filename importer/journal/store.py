"""A run's folder and the opening of its journal: who may, which version, whether another process has it."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.errors import JournalError
from importer.journal.journal import Journal
from importer.journal.sql import load_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

JOURNAL_FILE = "journal.sqlite3"
_APPLICATION_ID = 0x0C1A11  # marks the file as ours in SQLite's header
_VERSION = 1  # of the schema; a journal of a newer one is refused, never changed


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run's folder, held by this process alone while the journal is open."""

    path: Path
    journal: Journal


@contextmanager
def create_run(reports: Path, name: str, facts: Mapping[str, str]) -> Iterator[RunFolder]:
    """Make the folder of a new run with an empty journal in it, and hold it.

    The folder appears under its name only once it holds a whole journal, so that a kill never leaves half a one.

    Raises:
        JournalError: the folder cannot be made or written.
    """
    try:
        reports.mkdir(parents=True, exist_ok=True)
        path = _free_path(reports, name)
        unfinished = path.with_name(f".{path.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        with _connected(unfinished, create=True) as connection:
            connection.executescript(load_schema())
            Journal(connection).set_facts({**facts, "run": path.name})
        unfinished.rename(path)
    except (OSError, sqlite3.Error) as error:
        raise _cannot_write(reports, error) from error
    with open_run(path) as folder:
        yield folder


@contextmanager
def open_run(path: Path) -> Iterator[RunFolder]:
    """Open the journal of a run's folder and hold it.

    Raises:
        JournalError: there is none, it is damaged or of a newer version, or another process has it.
    """
    if not (path / JOURNAL_FILE).is_file():
        raise JournalError(f"{path} is no run's folder: it has no {JOURNAL_FILE}", hint="name a folder below reports/")
    with _held(path), _connected(path, create=False) as connection:
        yield RunFolder(path, Journal(connection))


@contextmanager
def open_scratch() -> Iterator[Journal]:
    """Open a journal that belongs to no run and is gone afterwards (`check` writes nothing)."""
    connection = sqlite3.connect("", isolation_level=None)  # "": a private file that SQLite deletes
    try:
        connection.executescript(load_schema())
        yield Journal(connection)
    finally:
        connection.close()


def _free_path(reports: Path, name: str) -> Path:
    """Give the folder's path; a second run in the same second gets `-2`."""
    path = reports / name
    number = 1
    while path.exists():
        number += 1
        path = reports / f"{name}-{number}"
    return path


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the folder: the operating system lets go of it when the process ends, however it ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalError(
                f"{folder} is in use: that run is still going on{_holder(folder)}",
                hint="wait until it has ended, or stop it with Ctrl-C (SIGINT)",
            ) from None
        yield
    finally:
        os.close(descriptor)


def _holder(folder: Path) -> str:
    with suppress(sqlite3.Error, OSError):
        reader = sqlite3.connect(f"file:{folder / JOURNAL_FILE}?mode=ro", uri=True)
        try:
            row = reader.execute("SELECT value FROM fact WHERE name = 'pid'").fetchone()
        finally:
            reader.close()
        return f" (process {row[0]})" if row else ""
    return ""


@contextmanager
def _connected(folder: Path, *, create: bool) -> Iterator[sqlite3.Connection]:
    file = folder / JOURNAL_FILE
    if create:
        os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))  # SQLite gives its WAL the same mode
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        _prepare(connection, file, create=create)
        yield connection
    finally:
        connection.close()


def _prepare(connection: sqlite3.Connection, file: Path, *, create: bool) -> None:
    try:
        if create:
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        _check_version(connection, file)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -16000")  # 16 MB
        connection.execute("PRAGMA temp_store = FILE")
    except sqlite3.DatabaseError as error:
        raise JournalError(
            f"{file} is damaged: {error}",
            hint="keep it as it is and rerun from the report.csv beside it: what is there already is found first",
        ) from error


def _check_version(connection: sqlite3.Connection, file: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != _APPLICATION_ID:
        raise JournalError(f"{file} is not a journal of oncall-importer", hint="name a folder below reports/")
    if version > _VERSION:
        raise JournalError(
            f"{file} was written by a newer oncall-importer (journal version {version}, this one knows {_VERSION})",
            hint="install that version; the journal was left as it is",
        )


def _cannot_write(reports: Path, error: Exception) -> JournalError:
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return JournalError(
        f"{reports} cannot take the run's folder: {words}", hint="make room or name another folder with --reports"
    )
