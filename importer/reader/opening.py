"""A source's bytes: opened once, seekable, told apart by how they begin. Knows nothing of rows."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from importer.errors import SourceError
from importer.reader.excerpts import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 1 << 20  # bytes read at a time
STDIN = "-"
_ZIP = b"PK\x03\x04"
_OLE = bytes.fromhex("D0CF11E0")
_ENCRYPTED = "EncryptedPackage".encode(
    "utf-16-le"
)  # the stream's name in an OLE file's directory, [MS-OFFCRYPTO] 2.3.4
_OTHERS = {
    b"%PDF": "a PDF document",
    b"{\\rtf": "an RTF document",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"PK\x05\x06": "an empty ZIP archive",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"SQLite format 3": "a database",
    b"PAR1": "a Parquet file",
}
_MARKUP = (b"<!doctype", b"<html", b"<table", b"<?xml")
_WANTED = "Give a CSV file or an .xlsx workbook."
_SAVE_AGAIN = "Open it in a spreadsheet program and save it as .xlsx, then try again."


@contextmanager
def opened(name: str, stdin: BinaryIO | None = None) -> Iterator[BinaryIO]:
    """Open a source by its name, at its first byte. Standard input and pipes are kept in a temporary file first.

    Raises:
        SourceError: It is missing, a folder, not readable or empty; also for an OSError while it is open.
    """
    if "\0" in name:
        raise SourceError(f"{named(name)} is no file name", hint=_WANTED)
    try:
        with ExitStack() as stack:
            given = _standard_input(stdin) if name == STDIN else stack.enter_context(Path(name).open("rb"))
            file = given if _is_regular(given, name) else stack.enter_context(_spooled(given))
            _refuse_empty(file, name)
            yield file
    except OSError as error:
        raise _unreadable(name, error) from error


def is_workbook(file: BinaryIO, name: str) -> bool:
    """Tell a workbook from text by the first bytes, which outrank the suffix.

    Raises:
        SourceError: It is neither, or it is text under a workbook's name.
    """
    file.seek(0)
    start = file.read(512)
    if start.startswith(_ZIP):
        return True
    if start.startswith(_OLE):
        raise _ole(file, name)
    what = next((what for signature, what in _OTHERS.items() if start.startswith(signature)), "")
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_MARKUP):
        what = "HTML or XML"
    if what:
        raise SourceError(f"{named(name)} is {what}, not a table", hint=_WANTED)
    if Path(name).suffix.lower() in {".xlsx", ".xlsm"}:
        raise SourceError(f"{named(name)} is no workbook, in spite of its name", hint=_SAVE_AGAIN)
    return False


def named(name: str) -> str:
    """Name a source in a sentence."""
    return "standard input" if name == STDIN else excerpt(name)


def _standard_input(stdin: BinaryIO | None) -> BinaryIO:
    if stdin is not None:
        return stdin
    if sys.stdin is None:
        raise SourceError("standard input is closed", hint=_WANTED)
    return sys.stdin.buffer


def _is_regular(file: BinaryIO, name: str) -> bool:
    return name != STDIN and stat.S_ISREG(os.fstat(file.fileno()).st_mode)


@contextmanager
def _spooled(given: BinaryIO) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(given, copy, BLOCK)
        yield copy


def _refuse_empty(file: BinaryIO, name: str) -> None:
    if not file.seek(0, os.SEEK_END):
        raise SourceError(f"{named(name)} is empty", hint=_WANTED)
    file.seek(0)


def _unreadable(name: str, error: OSError) -> SourceError:
    shown = named(name)
    match error:
        case FileNotFoundError():
            return SourceError(f"{shown} does not exist", hint="Check the path; it counts from the current folder.")
        case IsADirectoryError():
            return SourceError(f"{shown} is a folder", hint="Name the files in it.")
        case PermissionError():
            return SourceError(
                f"{shown} may not be read by you", hint="Ask its owner for leave to read it, or copy it."
            )
    return SourceError(
        f"{shown} could not be read: {error.strerror or error}", hint="Copy it to a local disk, try again."
    )


def _ole(file: BinaryIO, name: str) -> SourceError:
    if _holds(file, _ENCRYPTED):
        return SourceError(
            f"{named(name)} is encrypted with a password",
            hint="Open it in a spreadsheet program, take the password off, save it as .xlsx and try again.",
        )
    return SourceError(f"{named(name)} is an old .xls workbook or another old Office file", hint=_SAVE_AGAIN)


def _holds(file: BinaryIO, wanted: bytes) -> bool:
    file.seek(0)
    tail = b""
    while block := file.read(BLOCK):
        if wanted in tail + block:
            return True
        tail = block[-len(wanted) :]
    return False
