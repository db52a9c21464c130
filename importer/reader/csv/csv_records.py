"""The records of a CSV, strictly, each with its physical lines. Knows nothing of headers."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TextIO

from importer.errors import SourceError
from importer.reader.limits import Bounds, too_long_cell
from importer.reader.source_file import BLOCK, HashedBytes, named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from hashlib import _Hash


_HINT = re.compile(r'"?sep=(?P<delimiter>[^"\r\n])"?\s*', re.IGNORECASE)
_UNCLOSED = (
    'Look for a cell that begins with a quote (") and has no closing one;'
    ' a quote inside a quoted cell is written twice ("").'
)


@dataclass(frozen=True, slots=True)
class Form:
    """How a CSV is written."""

    name: str  #: of the source
    codec: str
    delimiter: str = ","
    begins: int = 1  #: the first line that is no hint for Excel


class CsvRecord(NamedTuple):
    """One record; a blank line is a record without cells."""

    cells: list[str]
    first_line: int  #: physical, from 1
    last_line: int

    @property
    def is_blank(self) -> bool:
        return not any(map(str.strip, self.cells))


class _Lines:
    """Physical lines with their ends, counted; bounded per record."""

    def __init__(self, text: TextIO, form: Form, bounds: Bounds) -> None:
        self._text = text
        self._name = form.name
        self._limit = bounds.record
        self._blank_quote = f'{form.delimiter} "'
        self.blank_quote: str | None = None  #: a line of the record with a blank between delimiter and quote
        self.number = 0
        self.held = 0  # characters of the record so far

    def begin_record(self) -> None:
        """Forget what was held of the record before."""
        self.held, self.blank_quote = 0, None

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._limit + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self.held += len(line)
        if self.held > self._limit:
            raise SourceError(
                f"{named(self._name)}, line {self.number}: the row is longer than {self._limit:,} characters",
                hint=f"{_UNCLOSED} IMPORTER_MAX_CELL, times 16, is the limit.",
            )
        if self._blank_quote in line:
            self.blank_quote = line
        return line.removeprefix("\ufeff") if self.number == 1 else line


def csv_records(file: BinaryIO, form: Form, bounds: Bounds, digest: _Hash | None = None) -> Iterator[CsvRecord]:
    """Yield the records from the file's start on; `digest` is fed all bytes that were read.

    Raises:
        SourceError: A record is malformed or too long.
    """
    csv.field_size_limit(max(bounds.cell, csv.field_size_limit()))  # of the process; never lowered for others
    raw = io.BufferedReader(HashedBytes(file, digest), BLOCK)
    lines = _Lines(io.TextIOWrapper(raw, encoding=form.codec, errors="strict", newline=""), form, bounds)
    while lines.number < form.begins - 1:
        next(lines)
    reader = csv.reader(lines, delimiter=form.delimiter, strict=True)
    while True:
        first_line = lines.number + 1
        lines.begin_record()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _malformed(form.name, first_line, lines.number, str(error), bounds) from error
        if lines.blank_quote is not None:
            cells = _without_blanks(lines.blank_quote, form) or cells
        if lines.held > bounds.cell and any(len(cell) > bounds.cell for cell in cells):
            raise _too_long(form.name, first_line, bounds)
        yield CsvRecord(cells, first_line, lines.number)


def _without_blanks(line: str, form: Form) -> list[str] | None:
    """Parse a line whose quotes stand behind a blank (`a, "b, c"`); None where that is not plainly meant."""
    try:
        parsed = list(csv.reader([line], delimiter=form.delimiter, strict=True, skipinitialspace=True))
    except csv.Error:
        return None
    return parsed[0] if len(parsed) == 1 else None


def hinted_delimiter(file: BinaryIO, codec: str) -> str:
    """Return the delimiter that a first line such as `sep=;` names, as Excel understands it; empty without one."""
    raw = io.BufferedReader(HashedBytes(file, None), BLOCK)
    line = io.TextIOWrapper(raw, encoding=codec, errors="strict", newline="").readline(20)
    found = _HINT.fullmatch(line.removeprefix("\ufeff"))
    return found["delimiter"] if found else ""


def _malformed(name: str, first: int, last: int, error: str, bounds: Bounds) -> SourceError:
    where = f"{named(name)}, line {first}"
    if "unexpected end of data" in error:
        return SourceError(f"{where}: the row that begins here has a quote that is never closed", hint=_UNCLOSED)
    if "field larger than field limit" in error:
        return _too_long(name, first, bounds)
    until = f", at line {last}" if last > first else ""
    return SourceError(f"{where}: the row that begins here has text after a closing quote{until}", hint=_UNCLOSED)


def _too_long(name: str, line: int, bounds: Bounds) -> SourceError:
    return too_long_cell(f"{named(name)}, the row that begins in line {line}", bounds, _UNCLOSED)
