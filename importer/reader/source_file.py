"""Opens a source once, unpacks gzip within limits, and hashes its bytes. Knows nothing of rows."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import os
import stat
import sys
import tempfile
import zlib
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from importer.errors import SourceError
from importer.reader.limits import USUAL, too_many_bytes
from importer.wording import escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from hashlib import _Hash

    from _typeshed import WriteableBuffer

    from importer.reader.limits import Bounds


# ---- The bytes of a file, hashed while they are read


class HashedBytes(io.RawIOBase):
    """A file from its start on; `digest` is fed all bytes that were read. It stays open when this is closed."""

    def __init__(self, file: BinaryIO, digest: _Hash | None) -> None:
        file.seek(0)
        self._file = file
        self._digest = digest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        block = self._file.read(len(view))
        if self._digest:
            self._digest.update(block)
        view[: len(block)] = block
        return len(block)


# ---- A gzip file, unpacked within bounds


GZIP = b"\x1f\x8b"
HARMLESS = 10_000_000  # bytes: what unpacks to less needs no suspicion
RATIO = 300  # to one; text reaches 20, deflate's utmost is 1,032


def unpack(file: BinaryIO, copy: BinaryIO, shown: str, bounds: Bounds) -> str:
    """Unpack a whole gzip file; return the SHA-256 of the packed bytes.

    Raises:
        SourceError: It is damaged, too large, or holds another gzip file.
    """
    digest = hashlib.sha256()
    packed = io.BufferedReader(HashedBytes(file, digest), BLOCK)  # in one pass: the file may be written meanwhile
    unpacked = 0
    try:
        with gzip.GzipFile(fileobj=packed) as content:
            while block := content.read(BLOCK):
                if not unpacked and block.startswith(GZIP):
                    raise SourceError(
                        f"{shown} is a gzip file inside a gzip file", hint="Unpack it and give what is inside."
                    )
                unpacked += len(block)
                _refuse_bomb(shown, file.tell(), unpacked, bounds)
                copy.write(block)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        why = "something else follows the packed data" if "Not a gzipped" in str(error) else error
        raise SourceError(
            f"{shown} is a damaged gzip file: {why}", hint="Download it again, or compress it again."
        ) from error
    if not unpacked:
        raise SourceError(f"{shown} is an empty gzip file", hint=WANTED)
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
WANTED = "Give a CSV file or a workbook (.xlsx, .xlsm, .xlsb, .xls, .ods)."  #: a hint


@contextmanager
def opened(name: str, stdin: BinaryIO | None = None, bounds: Bounds = USUAL) -> Iterator[tuple[BinaryIO, str]]:
    """Open a source by its name, at its first byte; of a gzip file what it holds, and its own SHA-256, else none.

    Standard input, pipes and what a gzip file holds are kept in a temporary file first.

    Raises:
        SourceError: It is missing, a folder, not readable, empty or too large; also for an OSError while it is open.
    """
    if "\0" in name:
        raise SourceError(f"{named(name)} is not a file name", hint=WANTED)
    try:
        with ExitStack() as stack:
            file = stdin or _given(name, stack)
            if not _is_whole(file) or (name == STDIN and not stdin):
                given, file = file, stack.enter_context(tempfile.TemporaryFile())
                _copy(given, file, name, bounds)
            _check_size(file, name, bounds)
            sha256 = ""
            if file.read(len(GZIP)) == GZIP:
                packed, file = file, stack.enter_context(tempfile.TemporaryFile())
                sha256 = unpack(packed, file, named(name), bounds)
            file.seek(0)
            yield file, sha256
    except OSError as error:
        raise _unreadable(name, error) from error


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
        raise SourceError("standard input is closed", hint=WANTED)
    return sys.stdin.buffer


def _copy(given: BinaryIO, to: BinaryIO, name: str, bounds: Bounds) -> None:
    size = 0
    while block := given.read(BLOCK):
        size += len(block)
        if size > bounds.bytes:
            raise too_many_bytes(f"{named(name)} is", bounds)
        to.write(block)


def _check_size(file: BinaryIO, name: str, bounds: Bounds) -> None:
    size = file.seek(0, os.SEEK_END)
    if not size:
        raise SourceError(f"{named(name)} is empty", hint=WANTED)
    if size > bounds.bytes:
        raise too_many_bytes(f"{named(name)} is", bounds)
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
                f"{shown} cannot be read: permission denied", hint="Ask its owner for read access, or copy it."
            )
    hint = "Copy it to a local disk, try again."
    if error.errno in (errno.EMFILE, errno.ENFILE):
        hint = "Raise how many files a process may have open (ulimit -n), and try again."
    return SourceError(f"{shown} could not be read: {(error.strerror or '').lower() or error}", hint=hint)
