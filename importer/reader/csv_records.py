"""The records of a CSV, strictly, each with its physical lines. Knows nothing of headers."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, TextIO

from importer.errors import SourceError
from importer.reader.opening import BLOCK, named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from hashlib import _Hash

    from _typeshed import WriteableBuffer

CELL_LIMIT = 1 << 20  # characters in a cell
RECORD_LIMIT = 1 << 24  # characters in a record: a file without line ends must not fill the memory
_UNCLOSED = (
    'Look for a cell that begins with a quote (") and has no closing one;'
    ' a quote inside a quoted cell is written twice ("").'
)


@dataclass(frozen=True, slots=True)
class Record:
    """One record; a blank line is a record without cells."""

    cells: list[str]
    first_line: int  #: physical, from 1
    last_line: int

    @property
    def is_blank(self) -> bool:
        return not any(map(str.strip, self.cells))


class _HashedBytes(io.RawIOBase):
    """The bytes of a file from its start, hashed on their way."""

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


class _Lines:
    """Physical lines with their ends, counted; bounded per record."""

    def __init__(self, text: TextIO, name: str) -> None:
        self._text = text
        self._name = name
        self.number = 0
        self._held = 0

    def begin_record(self) -> None:
        self._held = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(RECORD_LIMIT + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self._held += len(line)
        if self._held > RECORD_LIMIT:
            raise SourceError(f"{named(self._name)}, line {self.number}: the row is longer than 16 MB", hint=_UNCLOSED)
        return line.removeprefix("\ufeff") if self.number == 1 else line


def csv_records(file: BinaryIO, codec: str, delimiter: str, name: str, digest: _Hash | None = None) -> Iterator[Record]:
    """Yield the records from the file's start on; `digest` is fed all bytes that were read.

    Raises:
        SourceError: A record is malformed.
    """
    csv.field_size_limit(max(CELL_LIMIT, csv.field_size_limit()))  # of the process; never lowered for others
    raw = io.BufferedReader(_HashedBytes(file, digest), BLOCK)
    lines = _Lines(io.TextIOWrapper(raw, encoding=codec, errors="strict", newline=""), name)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        first_line = lines.number + 1
        lines.begin_record()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _malformed(name, first_line, lines.number, str(error)) from error
        yield Record(cells, first_line, lines.number)


def _malformed(name: str, first: int, last: int, error: str) -> SourceError:
    where = f"{named(name)}, line {first}"
    if "unexpected end of data" in error:
        return SourceError(f"{where}: the row that begins here has a quote that is never closed", hint=_UNCLOSED)
    if "field larger than field limit" in error:
        return SourceError(f"{where}: the row that begins here has a cell larger than 1 MB", hint=_UNCLOSED)
    until = f", at line {last}" if last > first else ""
    return SourceError(f"{where}: the row that begins here has text after a closing quote{until}", hint=_UNCLOSED)
