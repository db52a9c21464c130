"""Reads a CSV: detects its delimiter, parses its records strictly, finds its header, handles rows of a wrong width.

Rows are numbered as Excel does: blank lines count, line ends within a quoted cell do not, and neither does a first line
such as `sep=;`, which Excel takes as a hint and does not show. In messages "line" means the physical line.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import string
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TextIO

from importer.cells import cell_name, letters_of
from importer.errors import SourceError
from importer.notice import Notice
from importer.reader.encoding import examine
from importer.reader.header_row import FIRST_ROW, NO_HEADER, TOP_ROWS, HeaderRule, walk_to
from importer.reader.limits import USUAL, Bounds, too_long_cell, too_many_columns
from importer.reader.source_file import BLOCK, STDIN, HashedBytes, named
from importer.reader.tables import CHUNK_ROWS, Chunk, Tables, above_notice
from importer.records import UNEVEN, Problem, Row, Sheet
from importer.wording import count_of, escape

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from hashlib import _Hash


# ---- The sheets of a CSV


_DELIMITER_INSIDE = 'Put a cell that holds the delimiter itself into quotes ("a, b"), or remove the extra cells.'
_TOO_FEW = "Add the missing cells; empty ones need their delimiters too."
_FEWEST_CELLS = 2
_WRAPPED = Problem(
    "the whole row is in one pair of quotes, and is read as the cells within",
    "Check that its cells are right; to avoid this warning, remove those quotes.",
    topic="a row that is in quotes as a whole",
)


def csv_chunks(
    file: BinaryIO,
    name: str,
    notices: list[Notice],
    *,
    rule: HeaderRule = FIRST_ROW,
    bounds: Bounds = USUAL,
    encoding: str | None = None,
) -> Generator[Chunk, None, str]:
    """Yield a CSV's chunks; return its SHA-256.

    Raises:
        SourceError: It cannot be decoded, is malformed, too large, holds no row at all, or changes meanwhile.
    """
    text = examine(file, name, encoding)
    digest = hashlib.sha256()
    dialect = find_dialect(file, name, text.codec, rule, bounds)
    notices += [Notice(words) for words in (text.notice, dialect.remark) if words]
    size = file.seek(0, os.SEEK_END)
    try:
        records = csv_records(file, dialect, digest)
        sheet, top = _first_sheet(dialect, rule, records, notices)
        tables = Tables(
            sheet, rule, notices, named(name), partial(_row, dialect=dialect), lambda record, _: _sheet(record, dialect)
        )
        below = chain(top, records)
        while first := next(below, None):
            for chunk in tables.take(chain([first], islice(below, CHUNK_ROWS - 1))):
                yield replace(chunk, share=file.tell() / size)
        yield from tables.end()
    except UnicodeDecodeError as error:  # the first pass decoded all of it
        raise _changed(name) from error
    if digest.hexdigest() != text.sha256:
        raise _changed(name)
    return text.sha256


def _first_sheet(
    dialect: Dialect, rule: HeaderRule, records: Iterator[CsvRecord], notices: list[Notice]
) -> tuple[Sheet, Iterator[CsvRecord]]:
    """Return the sheet that the first header begins, and the records below it that were read."""
    where = named(dialect.name)
    top = list(islice(records, TOP_ROWS))
    if not top:
        raise SourceError(f"{where} has only blank lines", hint="Give a file with a header and rows below it.")
    wanted, _ = rule.choose((record.number, record.cells) for record in top)
    if wanted == NO_HEADER:
        width = max(len(_trimmed(record.cells)) for record in top)
        letters = list(map(letters_of, range(width)))
        return _sheet(top[0]._replace(number=NO_HEADER, cells=letters), dialect), iter(top)
    above: list[int] = []
    left = iter(top)
    header = walk_to(wanted, chain(left, records), above)
    if header is None:
        raise SourceError(
            f"{where} has nothing in row {wanted}, where its header should be",
            hint="Say which row the header is in.",
        )
    if above:
        notices.append(above_notice(where, above, wanted))
    return _sheet(header, dialect), left


def _sheet(header: CsvRecord, dialect: Dialect) -> Sheet:
    texts = tuple(_trimmed(header.cells))
    if len(texts) > dialect.bounds.columns:
        last = cell_name(len(texts) - 1, max(header.number, 1))
        raise too_many_columns(named(dialect.name), last, dialect.bounds)
    return Sheet(dialect.name, _sheet_name(dialect.name), texts, tuple(range(len(texts))), header.number)


def _sheet_name(name: str) -> str:
    """Name the sheet as a spreadsheet names that of a CSV: by the file's stem."""
    if name == STDIN:
        return "stdin"
    path = Path(name)
    return Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem


def _trimmed(cells: list[str]) -> list[str]:
    width = len(cells)
    while not cells[width - 1].strip():
        width -= 1
    return cells[:width]


def _row(record: CsvRecord, sheet: Sheet, dialect: Dialect) -> Row:
    if len(record.cells) != len(sheet.header):
        return _uneven_row(record, sheet, dialect)
    row = Row(record.number, tuple(record.cells))
    if record.is_unwrapped:
        return row._replace(warnings=(_WRAPPED._replace(cell=cell_name(0, record.number)),))
    if record.first_line < record.last_line and (column := _swallows(record, dialect)):
        warning = Problem(
            f"a quoted cell runs over lines {record.first_line} to {record.last_line}, each of which looks like a row",
            f'Look for a quote (") in line {record.first_line} that opens a cell by mistake: write it twice ("").',
            cell=cell_name(column - 1, record.number),
            topic="a quoted cell over lines that look like rows",
        )
        return row._replace(warnings=(warning,))
    return row


def _swallows(record: CsvRecord, dialect: Dialect) -> int:
    """Return the column, from 1, of a cell that runs over lines each of which has as many cells as the header; or 0."""
    spread = [place for place, cell in enumerate(record.cells) if "\n" in cell or "\r" in cell]
    width = len(record.cells)
    if len(spread) != 1 or width < _FEWEST_CELLS:
        return 0
    place, delimiter = spread[0], dialect.delimiter
    first, *inner = record.cells[spread[0]].splitlines()
    inner, last = [line for line in inner[:-1] if line.strip()], inner[-1] if inner else ""
    widths = [
        place + first.count(delimiter) + 1,
        *(line.count(delimiter) + 1 for line in inner),
        last.count(delimiter) + width - place,
    ]
    return place + 1 if all(each == width for each in widths) else 0


def _uneven_row(record: CsvRecord, sheet: Sheet, dialect: Dialect) -> Row:
    """Make the row as wide as the header, and a problem that keeps what was cut."""
    number, cells, width = record.number, record.cells, len(sheet.header)
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    if len(cells) > dialect.bounds.columns:
        raise too_many_columns(named(dialect.name), cell_name(len(cells) - 1, number), dialect.bounds)
    if len(cells) == width:
        return _row(record, sheet, dialect)
    measure = f"where {'the header has' if sheet.header_row else 'the first rows have'} {width}"
    if record.last_line > record.first_line:
        raise SourceError(
            f"{named(dialect.name)}, lines {record.first_line} to {record.last_line}: a quoted cell runs over these"
            f" lines and leaves the row with {count_of(len(cells), 'cell')} {measure}",
            hint=f'Look for a quote (") in line {record.first_line} that has no closing one.',
        )
    message = f"the row has {count_of(len(cells), 'cell')} {measure}"
    hint = _TOO_FEW
    if len(cells) == 1 and any(cells[0].count(delimiter) == width - 1 for delimiter in DELIMITERS):
        hint = f"Put {dialect.delimiter!r} between its cells, as in the header."
    elif len(cells) > width:
        extra = escape(", ".join(f'"{cell}"' for cell in cells[width:]))
        message, hint = f"{message}; beyond it is {extra}", _DELIMITER_INSIDE
    padded = (*cells[:width], *[""] * (width - len(cells)))
    place = cell_name(min(len(cells), width), number)
    return Row(number, padded, problems=(Problem(message, hint, cell=place, topic=UNEVEN),))


def _changed(name: str) -> SourceError:
    return SourceError(
        f"{named(name)} changed while it was read", hint="Make sure that no other program writes to it, and try again."
    )


# ---- Delimiter: tried on the first records


_HINT = re.compile(r'"?sep=(?P<delimiter>[^"\r\n])"?\s*', re.IGNORECASE)
DELIMITERS = (",", ";", "\t", "|")  # where two fit equally well, the earlier one
_TRIED = 20  # records from the header on
_ANY_WIDTH = -1


def find_dialect(file: BinaryIO, name: str, codec: str, rule: HeaderRule, bounds: Bounds) -> Dialect:
    """Detect the delimiter: the one that separates the header and fits the most rows; a comma if there is one column.

    One with which a row is recognised as a header takes precedence, and above that one in a first line such as `sep=;`,
    which Excel understands, unless it separates nothing and another one does. Rows that stand in quotes as a whole are
    tried only if no header is recognised otherwise.
    """
    line = _text(file, codec).readline(20)
    hint = _HINT.fullmatch(line.removeprefix("\ufeff"))
    plain = Dialect(name, codec, hint["delimiter"] if hint else ",", begins=2 if hint else 1, bounds=bounds)

    def best(*dialects: Dialect) -> tuple[Dialect, _Fit]:
        return max(((dialect, _fitness(file, dialect, rule)) for dialect in dialects), key=lambda fitting: fitting[1])

    usual = [replace(plain, delimiter=delimiter) for delimiter in DELIMITERS]
    dialect, fit = best(plain) if hint else best(*usual)
    if hint and fit.width < _FEWEST_CELLS:
        dialect, fit = best(plain, *usual)
        if dialect.delimiter != plain.delimiter:
            first = hint[0].strip()
            remark = f"{named(name)}: its first line is {first!r}, but {dialect.delimiter!r} separates its cells"
            dialect = replace(dialect, remark=remark)
    if rule.row is None and not fit.is_recognised:
        wrapped, found = best(*(replace(each, unwraps=_ANY_WIDTH) for each in usual))
        if found.is_recognised and found.width >= _FEWEST_CELLS:
            return wrapped
    return replace(dialect, unwraps=fit.width) if fit.width > _FEWEST_CELLS else dialect


class _Fit(NamedTuple):
    """How well a dialect fits a file; the greatest fits best."""

    is_recognised: bool = False  #: a row is recognised as the header
    is_whole: bool = False  #: none of the header's cells has one of two quotes
    share: float = 0  #: of the rows that are as wide as the header
    width: int = 0  #: of the header; 0 for a single column


def _fitness(file: BinaryIO, dialect: Dialect, rule: HeaderRule) -> _Fit:
    top = list(_top(file, dialect, rule))
    filled = [(number, cells) for number, cells in top if cells]
    if not filled:
        return _Fit()
    header, is_recognised = rule.choose(islice(filled, TOP_ROWS))
    widths = [len(cells) for number, cells in top if number >= header][:_TRIED]
    is_recognised = is_recognised and header != NO_HEADER
    if not widths or widths[0] < _FEWEST_CELLS:
        return _Fit(is_recognised)
    # A cell with one of two quotes: the other stands in the next cell, so the delimiter is another.
    is_whole = not any(cell.count('"') % 2 for number, cells in top if number == header for cell in cells)
    return _Fit(is_recognised, is_whole, widths.count(widths[0]) / len(widths), widths[0])


def _top(file: BinaryIO, dialect: Dialect, rule: HeaderRule) -> Iterator[tuple[int, list[str]]]:
    """Yield the first records that are not blank; one without cells for the one that is malformed so parted."""
    number = 0
    wanted = max(rule.row or 0, TOP_ROWS) + _TRIED
    try:
        for number, cells, *_ in csv_records(file, dialect):
            if number > wanted:
                return
            yield number, cells
    except SourceError:
        yield number + 1, []


# ---- Records


def _text(file: BinaryIO, codec: str, digest: _Hash | None = None) -> TextIO:
    raw = io.BufferedReader(HashedBytes(file, digest), BLOCK)
    return io.TextIOWrapper(raw, encoding=codec, errors="strict", newline="")


MOST_BLANK = 1_048_576  # lines that follow each other
_ENDS = frozenset({"\n", "\r\n", "\r"})
_END_OF_FILE = "\x1a"  # of DOS, in the last line
_UNCLOSED = (
    'Look for a cell that begins with a quote (") and has no closing one;'
    ' a quote inside a quoted cell is written twice ("").'
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV is written."""

    name: str  #: of the source
    codec: str
    delimiter: str = ","
    begins: int = 1  #: the first line that is no hint for Excel
    unwraps: int = 0  #: a row that is in quotes as a whole is read as so many cells; 0: it is a cell
    bounds: Bounds = USUAL
    remark: str = ""  #: what the user should know about it


class CsvRecord(NamedTuple):
    """One record that is not blank."""

    number: int  #: of its row, as a spreadsheet numbers it: blank ones before it count
    cells: list[str]
    first_line: int  #: physical, from 1
    last_line: int
    is_unwrapped: bool = False  #: it stood in quotes as a whole


class _Lines:
    """Physical lines with their ends, counted; bounded per record."""

    def __init__(self, text: TextIO, dialect: Dialect) -> None:
        self._text = text
        self._name = dialect.name
        self._limit = dialect.bounds.record
        self._blanks = f"{dialect.delimiter}{string.whitespace}{_END_OF_FILE}"
        self._dialect = dialect
        self._blank_quote = re.compile(rf'(?:^|{re.escape(dialect.delimiter)}) +"').search
        self._coming = ""  # a line that was read, and not yet taken
        self.has_blank_quote = False  #: the record has a blank between delimiter and quote
        self.is_unwrapped = False  #: the record stood in quotes as a whole
        self.last = ""  #: line that was taken
        self.number = 0
        self.held = 0  # characters of the record so far

    def begin_record(self) -> int:
        """Forget the record before, and pass lines without anything but delimiters; return how many those are."""
        self.held, self.has_blank_quote, self.is_unwrapped = 0, False, False
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
        if self._dialect.unwraps and line[0] == '"' and not self.held and (inner := _unwrapped(line, self._dialect)):
            line, self.is_unwrapped = inner, True
        self.held += len(line)
        if self.held > self._limit:
            raise SourceError(
                f"{named(self._name)}, line {self.number}: the row is longer than {self._limit:,} characters",
                hint=f"{_UNCLOSED} IMPORTER_MAX_CELL, times 16, is the limit.",
            )
        if ' "' in line and self._blank_quote(line):
            self.has_blank_quote = True
        self.last = line
        return line


def csv_records(file: BinaryIO, dialect: Dialect, digest: _Hash | None = None) -> Iterator[CsvRecord]:
    """Yield the records from the file's start on, blank ones left out; `digest` is fed all bytes that were read.

    Raises:
        SourceError: A record is malformed or too long, or more blank ones follow it than any spreadsheet has rows.
    """
    limit = dialect.bounds.cell
    csv.field_size_limit(max(limit, csv.field_size_limit()))  # of the process; never lowered for others
    lines = _Lines(_text(file, dialect.codec, digest), dialect)
    while lines.number < dialect.begins - 1:
        next(lines)
    reader = csv.reader(lines, delimiter=dialect.delimiter, strict=True)
    number = last = 0
    while True:
        number += 1 + lines.begin_record()
        if number - last > MOST_BLANK:
            raise SourceError(
                f"{named(dialect.name)}: more than {MOST_BLANK:,} blank lines follow row {last}",
                hint="Delete the blank lines, and try again.",
            )
        first_line = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells = (_without_blanks(lines.last, dialect) if lines.number == first_line else None) or []
            if not cells:
                raise _malformed(dialect, first_line, lines.number, str(error)) from error
        if lines.has_blank_quote and lines.number == first_line:
            cells = _without_blanks(lines.last, dialect) or cells
        if lines.held > limit and any(len(cell) > limit for cell in cells):
            raise _too_long(dialect, first_line)
        if any(map(str.strip, cells)):
            last = number
            yield CsvRecord(number, cells, first_line, lines.number, lines.is_unwrapped)


_WHOLE = re.compile(r'"([^"]*(?:""[^"]*)*)"([,;\t| ]*)[\r\n]*')


def _unwrapped(line: str, dialect: Dialect) -> str:
    """Return what is inside a line's one pair of quotes, if that is as many cells as the dialect wants; else empty."""
    whole = _WHOLE.fullmatch(line)
    if whole and (dialect.unwraps == _ANY_WIDTH or dialect.delimiter not in whole[2]):  # else it is one cell of several
        inner = whole[1].replace('""', '"')
        with suppress(csv.Error, StopIteration):
            width = len(next(csv.reader([inner], delimiter=dialect.delimiter, strict=True)))
            if width == dialect.unwraps or (dialect.unwraps == _ANY_WIDTH and width >= _FEWEST_CELLS):
                return inner
    return ""


def _without_blanks(line: str, dialect: Dialect) -> list[str] | None:
    """Parse a line with blanks around its quotes (`a, "b, c" ,d`); None if it is not clearly meant like that."""
    end = re.escape(dialect.delimiter)
    cell = rf'( *"[^"]*(?:""[^"]*)*") *(?={end}|$)|[^{end}]+'  # with quotes, without the blanks behind; or without
    for tidy in (line, re.sub(cell, lambda found: found[1] or found[0], line.rstrip("\r\n"))):
        with suppress(csv.Error):
            return next(csv.reader([tidy], delimiter=dialect.delimiter, strict=True, skipinitialspace=True))
    return None


def _malformed(dialect: Dialect, first: int, last: int, error: str) -> SourceError:
    where = f"{named(dialect.name)}, line {first}"
    if "unexpected end of data" in error:
        return SourceError(f"{where}: the row that begins here has a quote that is never closed", hint=_UNCLOSED)
    if "field larger than field limit" in error:
        return _too_long(dialect, first)
    until = f", at line {last}" if last > first else ""
    return SourceError(f"{where}: the row that begins here has text after a closing quote{until}", hint=_UNCLOSED)


def _too_long(dialect: Dialect, line: int) -> SourceError:
    return too_long_cell(f"{named(dialect.name)}, the row that begins in line {line}", dialect.bounds, _UNCLOSED)
