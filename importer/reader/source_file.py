"""The bytes of a source: opened once, unpacked, bounded, told apart by how they begin. Knows nothing of rows."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import stat
import sys
import tempfile
import zlib
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from importer.errors import SourceError
from importer.quoting import escape_unprintable
from importer.reader.limits import USUAL, Bounds, too_many_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from hashlib import _Hash

    from _typeshed import WriteableBuffer


# ---- The bytes of a file, hashed while they are read


class HashedBytes(io.RawIOBase):
    """A file from its start on; `digest` is fed all bytes that were read, `count` says how many they are."""

    def __init__(self, file: BinaryIO, digest: _Hash | None) -> None:
        file.seek(0)
        self._file = file
        self._digest = digest
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        block = self._file.read(len(view))
        if self._digest:
            self._digest.update(block)
        self.count += len(block)
        view[: len(block)] = block
        return len(block)


# ---- A gzip file, unpacked within bounds


GZIP = b"\x1f\x8b"
_BLOCK = 1 << 20  # bytes unpacked at a time
HARMLESS = 10_000_000  # bytes: what unpacks to less needs no suspicion
RATIO = 300  # to one; text reaches 20, deflate's utmost is 1,032


def unpack(file: BinaryIO, copy: BinaryIO, shown: str, bounds: Bounds) -> str:
    """Unpack all of a gzip file; give the SHA-256 of the packed bytes.

    Raises:
        SourceError: It is damaged, too large, or holds another gzip file.
    """
    digest = hashlib.sha256()
    packed = HashedBytes(file, digest)
    unpacked = 0
    try:
        with gzip.GzipFile(fileobj=io.BufferedReader(packed, _BLOCK)) as content:
            while block := content.read(_BLOCK):
                if not unpacked and block.startswith(GZIP):
                    raise SourceError(
                        f"{shown} is a gzip file inside a gzip file", hint="Unpack it and give what is inside."
                    )
                unpacked += len(block)
                _refuse_bomb(shown, packed.count, unpacked, bounds)
                copy.write(block)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise SourceError(
            f"{shown} is a damaged gzip file: {error}", hint="Download it again, or compress it again."
        ) from error
    copy.seek(0)
    return digest.hexdigest()


def is_bomb(packed: int, unpacked: int) -> bool:
    """Return whether something unpacks to far more than any text does."""
    return unpacked > HARMLESS and unpacked > RATIO * packed


def _refuse_bomb(shown: str, packed: int, unpacked: int, bounds: Bounds) -> None:
    if unpacked > bounds.bytes:
        raise too_many_bytes(f"{shown} unpacks to", bounds)
    if is_bomb(packed, unpacked):
        raise SourceError(
            f"{shown} unpacks to more than {RATIO} times its size, as no table does",
            hint="If it really is one, unpack it and give the file inside.",
        )


# ---- A source, opened once


BLOCK = 1 << 20  # bytes read at a time
STDIN = "-"
ZIP = b"PK\x03\x04"
OLE = bytes.fromhex("D0CF11E0")
_OTHERS = {
    b"%PDF": "a PDF document",
    b"{\\rtf": "an RTF document",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"PK\x05\x06": "an empty ZIP archive",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"SQLite format 3": "a database",
    b"PAR1": "a Parquet file",
    b"\x7fELF": "a program",
}
_TAR = (257, b"ustar")
_JSON = re.compile(rb'\s*(?:\{\s*["}]|\[\s*[\[{"\]])')
_MARKUP = (b"<!doctype", b"<html", b"<table", b"<?xml")
_WORKBOOKS = {".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"}
_WANTED = "Give a CSV file or a workbook (.xlsx, .xlsm, .xlsb, .xls, .ods)."
_SAVE_AGAIN = "Open it in a spreadsheet program and save it as .xlsx, then try again."


@dataclass(frozen=True, slots=True)
class Opened:
    """A source at its first byte, unpacked where it was a gzip file."""

    file: BinaryIO  #: seekable
    sha256: str  #: of the bytes as the user gave them, where `file` has others; else empty


@contextmanager
def opened(name: str, stdin: BinaryIO | None = None, bounds: Bounds = USUAL) -> Iterator[Opened]:
    """Open a source by its name. Standard input, pipes and what a gzip file holds are kept in a temporary file first.

    Raises:
        SourceError: It is missing, a folder, not readable, empty or too large; also for an OSError while it is open.
    """
    if "\0" in name:
        raise SourceError(f"{named(name)} is not a file name", hint=_WANTED)
    try:
        with ExitStack() as stack:
            file = stdin or _given(name, stack)
            if not _is_whole(file) or (name == STDIN and not stdin):
                given, file = file, stack.enter_context(_temporary())
                _copy(given, file, name, bounds)
            _check_size(file, name, bounds)
            yield _unpacked(file, name, bounds, stack)
    except OSError as error:
        raise _unreadable(name, error) from error


def is_workbook(file: BinaryIO, name: str) -> bool:
    """Return whether a source is a workbook, by its first bytes, which outrank the suffix.

    Raises:
        SourceError: It is neither, or it is text under a workbook's name.
    """
    file.seek(0)
    start = file.read(512)
    if start.startswith((ZIP, OLE)):
        return True
    what = next((what for signature, what in _OTHERS.items() if start.startswith(signature)), "")
    if start.startswith(_TAR[1], _TAR[0]):
        what = "a tar archive"
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(_MARKUP):
        what = "HTML or XML"
    if _JSON.match(text):
        what = "JSON"
    if what:
        raise SourceError(f"{named(name)} is {what}, not a table", hint=_WANTED)
    if Path(name).suffix.lower() in _WORKBOOKS:
        raise SourceError(f"{named(name)} is not a workbook, despite its name", hint=_SAVE_AGAIN)
    return False


def named(name: str) -> str:
    """Name a source in a sentence."""
    return "standard input" if name == STDIN else escape_unprintable(name)


def is_pipe(name: str) -> bool:
    """Return whether a source comes piece by piece from somebody who may never end: standard input, or no file."""
    if name == STDIN:
        return True
    try:
        mode = Path(name).stat().st_mode
    except (OSError, ValueError):  # who reads it says why
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def copy(name: str, to: BinaryIO, bounds: Bounds) -> None:
    """Copy a pipe to its end.

    Raises:
        SourceError: It cannot be read, or is too large.
    """
    try:
        with ExitStack() as stack, suppress(ValueError):  # `to` was closed meanwhile, by who no longer waits
            _copy(_given(name, stack), to, name, bounds)
    except OSError as error:
        raise _unreadable(name, error) from error


def _is_whole(file: BinaryIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    except io.UnsupportedOperation:  # it is in memory
        return file.seekable()


def _given(name: str, stack: ExitStack) -> BinaryIO:
    if name != STDIN:
        return stack.enter_context(Path(name).open("rb"))
    if sys.stdin is None:
        raise SourceError("standard input is closed", hint=_WANTED)
    return sys.stdin.buffer


def _copy(given: BinaryIO, to: BinaryIO, name: str, bounds: Bounds) -> None:
    size = 0
    while block := given.read(BLOCK):
        size += len(block)
        if size > bounds.bytes:
            raise too_many_bytes(f"{named(name)} is", bounds)
        to.write(block)


@contextmanager
def _temporary() -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as file:
        yield file


def _check_size(file: BinaryIO, name: str, bounds: Bounds) -> None:
    size = file.seek(0, os.SEEK_END)
    if not size:
        raise SourceError(f"{named(name)} is empty", hint=_WANTED)
    if size > bounds.bytes:
        raise too_many_bytes(f"{named(name)} is", bounds)
    file.seek(0)


def _unpacked(file: BinaryIO, name: str, bounds: Bounds, stack: ExitStack) -> Opened:
    if file.read(len(GZIP)) != GZIP:
        file.seek(0)
        return Opened(file, "")
    copy = stack.enter_context(_temporary())
    sha256 = unpack(file, copy, named(name), bounds)
    if not copy.read(1):
        raise SourceError(f"{named(name)} is an empty gzip file", hint=_WANTED)
    copy.seek(0)
    return Opened(copy, sha256)


def _unreadable(name: str, error: OSError) -> SourceError:
    shown = named(name)
    match error:
        case FileNotFoundError():
            return SourceError(f"{shown} does not exist", hint="Check the path; it counts from the current folder.")
        case IsADirectoryError():
            return SourceError(f"{shown} is a folder", hint="Name the files in it.")
        case PermissionError():
            return SourceError(
                f"{shown} cannot be read: permission denied", hint="Ask its owner for read access, or copy it."
            )
    return SourceError(
        f"{shown} could not be read: {error.strerror or error}", hint="Copy it to a local disk, try again."
    )
