"""The sandbox's state file: opened, locked, queried, deleted. The only module of the sandbox that opens SQLite."""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from pathlib import Path

from importer.errors import SettingsError

#: A parameter of a statement.
Value = str | int | float | None

_APPLICATION_ID = 0x6F636273  # "ocbs"; schema.sql writes both
_VERSION = 1
_HEADER = b"SQLite format 3\x00"
_APPLICATION_ID_AT = slice(68, 72)  # in a database's header: the SQLite file format, section 1.3
_COMPANIONS = ("-wal", "-shm", "-journal")


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _statements() -> dict[str, str]:
    parts = re.split(r"^-- name: (\w+)\n", _text("queries.sql"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


_STATEMENTS = _statements()


class SandboxState:
    """The created objects and the directory. Every change is committed when the call returns."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, **values: Value) -> list[sqlite3.Row]:
        """Run a query of queries.sql by name and return all rows."""
        return self._connection.execute(_STATEMENTS[statement], values).fetchall()

    def row(self, statement: str, **values: Value) -> sqlite3.Row | None:
        """Return the first row, or None."""
        found: sqlite3.Row | None = self._connection.execute(_STATEMENTS[statement], values).fetchone()
        return found

    def page(self, statement: str, size: int, offset: int, **values: Value) -> tuple[int, list[sqlite3.Row]]:
        """Return how many rows a query has, and some of them."""
        query = _STATEMENTS[statement].strip().removesuffix(";")
        found = query.partition("ORDER BY")[0]  # sorting would cost more than counting
        (total,) = self._connection.execute(f"SELECT count(*) FROM ({found})", values).fetchone()  # noqa: S608  ours
        part = f"{query} LIMIT {size} OFFSET {offset}"
        return total, self._connection.execute(part, values).fetchall()

    def change(self, statement: str, **values: Value) -> None:
        """Run a statement that changes data; committed on return, unless inside `at_once`."""
        self._connection.execute(_STATEMENTS[statement], values)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Commit all changes of the block together, or none."""
        with self._connection:  # commits or rolls back
            self._connection.execute("BEGIN IMMEDIATE")
            yield


@contextmanager
def opened(path: Path, now: Callable[[], float]) -> Iterator[SandboxState]:
    """Open the state, creating it if there is none, and lock every other process out.

    `now` returns the epoch seconds by which late objects become visible.

    Raises:
        SettingsError: in use, not a sandbox's, of another version, or cannot be opened.
    """
    with _locked(path):
        try:
            _refuse_irregular(path)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # SQLite keeps the mode, for -wal too
            _refuse_foreign(path)
            connection = sqlite3.connect(path, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise unusable(path, "cannot be opened", error) from error
        with closing(connection):
            try:
                connection.create_function("clock", 0, now)
                _prepare(connection, path)
            except sqlite3.Error as error:
                raise unusable(path, "cannot be used", error) from error
            yield SandboxState(connection)


def reset(path: Path) -> None:
    """Empty the state: delete it and SQLite's files beside it; do nothing if there is no such file.

    Raises:
        SettingsError: it is in use, is not a sandbox's, or cannot be deleted; nothing was deleted.
    """
    if not path.exists():
        return
    with _locked(path):
        try:
            _refuse_irregular(path)
            _refuse_foreign(path)
            for name in (*_COMPANIONS, ""):  # the state last: the others mean nothing without it
                path.with_name(path.name + name).unlink(missing_ok=True)
        except OSError as error:
            raise unusable(path, "cannot be deleted", error) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock on a file beside the state; the file stays, because deleting a lock file lets two holders in."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise unusable(path, "cannot be opened", error) from error
    with os.fdopen(descriptor) as lock:  # closing it ends the lock
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"the sandbox's state {path} is in use by another sandbox"
            raise SettingsError(message, hint="Wait until that one has ended, or stop it.") from error
        yield


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.row_factory = sqlite3.Row
    connection.create_function("fold", 1, str.casefold, deterministic=True)
    if connection.execute("PRAGMA application_id").fetchone()[0] == 0:
        connection.executescript(_text("schema.sql"))  # before WAL, so that the file itself always says what it is
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != _VERSION:
        message = f"the sandbox's state {path} has version {version}; this program knows version {_VERSION}"
        raise SettingsError(message, hint="Empty it with `oncall-importer sandbox --reset`.")
    connection.executescript(_text("additions.sql"))
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # survives a kill; a power cut may cost the last answers


def _refuse_irregular(path: Path) -> None:
    """Refuse anything but a regular file before it is opened: opening a FIFO would wait for somebody to write."""
    if path.exists() and not path.is_file():
        raise SettingsError(
            f"the sandbox's state {path} is not a regular file",
            hint="Move it away, or use another reports folder with --reports.",
        )


def _refuse_foreign(path: Path) -> None:
    """Accept only a sandbox's state, or the empty file that a kill can leave while one is created."""
    with path.open("rb") as file:
        header = file.read(100)
    is_ours = header.startswith(_HEADER) and int.from_bytes(header[_APPLICATION_ID_AT], "big") == _APPLICATION_ID
    if header and not is_ours:
        message = f"{path} is not the state of a sandbox; it was left as it is"
        raise SettingsError(message, hint="Name another file for the sandbox's state.")


def unusable(path: Path, what: str, error: Exception) -> SettingsError:
    """Return the error of a state that the file system or SQLite denies; `what` follows its name in the message."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return SettingsError(
        f"the sandbox's state {path} {what}: {reason}", hint="Make sure that the folder and the file are writable."
    )
