"""Writes what `pull` has read from another system, as one workbook or as CSV files."""

from __future__ import annotations

import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from importer.errors import ReportError, UsageError
from importer.reporter.atomic_file import ROOM_HINT
from importer.reporter.report_csv import write_texts
from importer.reporter.xlsx_writer import Book, UnholdableError, write_book

_NARROWEST, _WIDEST = 12, 60  # characters of a column
#: The names of the tables, in order. The last one is written last: a set without it is incomplete.
SHEETS = ("Schedules", "Overrides", "Shadows", "On call", "Notes")
SCHEDULES = ("third_party_provider", "remote_id", "name", "team", "time zone of the schedule", "link")
OVERRIDES = ("schedule_id", "user_id", "starts_at", "ends_at", "override")
SHADOWS = ("schedule_id", "shadowable_type", "shadowable_id", "shadow_user_id", "starts_at", "ends_at")
#: Headers that none of our columns has, so that the sheet is never taken for a source.
ON_CALL = ("calendar", "calendar name", "who", "full name", "does", "on (UTC)", "off (UTC)", "on (local)")
NOTES = ("about", "why it was not taken, or what to look at")
HEADERS = (SCHEDULES, OVERRIDES, SHADOWS, ON_CALL, NOTES)
_LOCK = ".lock"


class Table(NamedTuple):
    """One sheet of the workbook, or one CSV file."""

    name: str  #: of the sheet; of a CSV in lower case, with dashes
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def check_output(path: Path, *, is_replaced: bool = False) -> None:
    """Check that tables can be written to a path, before anything is asked for them.

    Raises:
        UsageError: the name has another ending.
        ReportError: there is a file of that name, or no folder for it.
    """
    if path.suffix.casefold() not in ("", ".xlsx", ".csv"):
        raise UsageError(f"{path} ends in neither .xlsx nor .csv", hint="Name the output pulled.xlsx, for instance.")
    files = _files(path)
    for file in files:
        if not is_replaced and (file.exists() or file.is_symlink()):
            half = "" if files[-1].exists() else f"; a pull that was killed can have left it without {files[-1].name}"
            raise ReportError(
                f"{file} already exists and was not changed{half}", hint="Name a new file, or replace it with --yes."
            )
        if file.exists() and not (file.is_file() and os.access(file, os.W_OK)):
            raise ReportError(f"{file} cannot be replaced: it is read-only, or no file", hint="Name a new file.")
    if not path.absolute().parent.is_dir():
        raise ReportError(f"{path} could not be written: there is no folder {path.parent}", hint=ROOM_HINT)


def write_tables(path: Path, tables: Sequence[Table], *, is_replaced: bool = False) -> list[Path]:
    """Write all tables: into one workbook if the name ends in .xlsx, else each into a CSV file.

    `name.csv` makes `name-schedules.csv`, ...; a folder, or a name without an ending, holds `schedules.csv`, ... The
    same tables make the same sheets. Existing files are replaced only with `is_replaced`. Everything is written to a
    hidden folder first, and then moved; one that a killed process left is removed. A workbook and a new folder appear
    at once. Other CSV files appear one by one, the notes last; when files are replaced, the notes are removed first: so
    a set that has notes is complete, and from one pull. Returns the files.

    Raises:
        UsageError: the name has another ending.
        ReportError: there is a file of that name, or one could not be written.
    """
    check_output(path, is_replaced=is_replaced)
    ending = path.suffix.casefold()
    try:
        with _scratch(path) as folder:
            if ending == ".xlsx":
                _write_workbook(folder / path.name, tables)
            else:
                for table in tables:
                    write_texts(folder / _csv_name(path, table.name), table.header, table.rows)
            if not ending and not path.exists():
                (folder / _LOCK).unlink()
                folder.chmod(0o700)
                folder.rename(path)
            else:
                files = _files(path)
                if len(files) > 1:
                    files[-1].resolve().unlink(missing_ok=True)
                for file in files:
                    (folder / file.name).replace(file.resolve())
    except OSError as error:
        raise ReportError(f"{path} could not be written: {error.strerror or error}", hint=ROOM_HINT) from error
    except UnholdableError as error:
        raise ReportError(
            f"{path} could not be written: a text is too long for a workbook, or has signs that one cannot hold",
            hint="Name an output that ends in .csv.",
        ) from error
    return _files(path)


@contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    """Make a hidden folder beside the output, locked as long as its process lives; remove those of dead ones."""
    beside = path.absolute().parent
    for left in beside.glob(f".{glob.escape(path.name)}-*.tmp"):
        with suppress(OSError), (left / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left)
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}-", suffix=".tmp", dir=beside))
    try:
        with (folder / _LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # it may have become the output


def _files(path: Path) -> list[Path]:
    if path.suffix.casefold() == ".xlsx":
        return [path]
    beside = path.parent if path.suffix else path
    return [beside / _csv_name(path, name) for name in SHEETS]


def _csv_name(path: Path, table: str) -> str:
    name = f"{table.lower().replace(' ', '-')}.csv"
    return f"{path.stem}-{name}" if path.suffix else name


def _write_workbook(path: Path, tables: Sequence[Table]) -> None:
    def fill(book: Book) -> None:
        for table in tables:
            widest = [max(map(len, column)) for column in zip(table.header, *table.rows, strict=True)]
            widths = [min(_WIDEST, max(_NARROWEST, width + 2)) for width in widest]
            book.add_table(table.name, table.header, table.rows, widths)

    write_book(path, fill, hint=ROOM_HINT)
