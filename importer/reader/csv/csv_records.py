"""The records of a CSV, strictly, each with its physical lines. Knows nothing of headers."""

from __future__ import annotations

import csv
import io
import re
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TextIO

from importer.errors import SourceError
from importer.reader.limits import Bounds, too_long_cell
from importer.reader.source_file import BLOCK, HashedBytes, named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from hashlib import _Hash


MOST_BLANK = 1_048_576  # lines that follow each other
_ENDS = frozenset({"\n", "\r\n", "\r"})
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
    """One record in which something stands."""

    number: int  #: of its row, as a spreadsheet numbers it: blank ones before it count
    cells: list[str]
    first_line: int  #: physical, from 1
    last_line: int


class _Lines:
    """Physical lines with their ends, counted; bounded per record."""

    def __init__(self, text: TextIO, form: Form, bounds: Bounds) -> None:
        self._text = text
        self._name = form.name
        self._limit = bounds.record
        self._blanks = f"{form.delimiter}{string.whitespace}"
        self._blank_quote = f'{form.delimiter} "'
        self._coming = ""  # a line that was read, and not yet taken
        self.blank_quote: str | None = None  #: a line of the record with a blank between delimiter and quote
        self.number = 0
        self.held = 0  # characters of the record so far

    def begin_record(self) -> int:
        """Forget the record before, and pass lines without anything but delimiters; return how many those are."""
        self.held, self.blank_quote = 0, None
        longest, blanks, read = self._limit + 1, self._blanks, self._text.readline
        mark = "" if self.number else "\ufeff"
        passed, line = 0, ""
        while passed <= MOST_BLANK:
            line = read(longest)
            if line not in _ENDS:
                line = line.removeprefix(mark)
                if not line or line.strip(blanks) or len(line) >= longest:
                    break
            passed += 1
        self._coming = line
        self.number += passed
        return passed

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line, self._coming = self._coming or self._text.readline(self._limit + 1), ""
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
        return line


def csv_records(file: BinaryIO, form: Form, bounds: Bounds, digest: _Hash | None = None) -> Iterator[CsvRecord]:
    """Yield the records from the file's start on, blank ones left out; `digest` is fed all bytes that were read.

    Raises:
        SourceError: A record is malformed or too long, or more blank ones follow it than any spreadsheet has rows.
    """
    csv.field_size_limit(max(bounds.cell, csv.field_size_limit()))  # of the process; never lowered for others
    raw = io.BufferedReader(HashedBytes(file, digest), BLOCK)
    lines = _Lines(io.TextIOWrapper(raw, encoding=form.codec, errors="strict", newline=""), form, bounds)
    while lines.number < form.begins - 1:
        next(lines)
    reader = csv.reader(lines, delimiter=form.delimiter, strict=True)
    number = last = 0
    while True:
        number += 1 + lines.begin_record()
        if number - last > MOST_BLANK:
            raise SourceError(
                f"{named(form.name)}: more than {MOST_BLANK:,} blank lines follow row {last}",
                hint="Delete the blank lines, and try again.",
            )
        first_line = lines.number + 1
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
        if any(map(str.strip, cells)):
            last = number
            yield CsvRecord(number, cells, first_line, lines.number)


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
