"""A CSV -> one sheet: which record is the header, how rows are numbered, what a wrong width means.

Rows are numbered as Excel does: blank lines count, line ends within a quoted cell do not, and neither does a first line
such as `sep=;`, which Excel takes as a hint and does not show. Where a sentence says "line", it is the physical one.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from importer.cells import cell_name, letters_of
from importer.errors import SourceError
from importer.notice import Notice
from importer.quoting import escape
from importer.reader.chunks import Chunk, in_chunks
from importer.reader.csv.csv_records import CsvRecord, Form, csv_records, hinted_delimiter
from importer.reader.csv.dialect import examine, find_delimiter
from importer.reader.header_row import (
    FIRST_ROW,
    NO_HEADER,
    TOP_ROWS,
    HeaderRule,
    HeaderWatch,
    above_notice,
    is_title,
    next_notice,
    repeated_notice,
    without_repeated,
)
from importer.reader.limits import USUAL, Bounds, too_many_columns
from importer.reader.source_file import STDIN, is_workbook, named, opened
from importer.records import Problem, Row, Sheet
from importer.wording import count_of

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator


# ---- On which line of the file a row begins


def find_lines(name: str, rows: Collection[int]) -> dict[int, int]:
    """Return the line, from 1, on which each of these rows begins, as far as the file can still be read.

    Of a workbook, which has no lines, it gives none. The file is read up to the last of the rows.
    """
    try:
        with opened(name) as source:
            return {} if is_workbook(source.file, name) else _find(source.file, name, rows)
    except (SourceError, OSError, UnicodeDecodeError):  # it was read before; since then somebody changed it
        return {}


def _find(file: BinaryIO, name: str, rows: Collection[int]) -> dict[int, int]:
    codec, last, lines = examine(file, name).codec, max(rows, default=0), {}
    hinted = hinted_delimiter(file, codec)
    form = Form(name, codec, hinted, begins=2) if hinted else Form(name, codec)
    if not hinted:
        form = Form(name, codec, find_delimiter(file, form, FIRST_ROW, USUAL))
    for record in csv_records(file, form, USUAL):
        if record.number in rows:
            lines[record.number] = record.first_line
        if record.number >= last:
            break
    return lines


# ---- The sheets of a CSV


_DELIMITER_INSIDE = 'Put a cell that holds the delimiter itself into quotes ("a, b"), or take the extra cells out.'
_FEWEST_CELLS = 2
_TOO_FEW = "Add the missing cells; empty ones need their delimiters too."


@dataclass(frozen=True, slots=True)
class _Table:
    """What the rows of a CSV are measured against."""

    form: Form
    header: tuple[str, ...]
    number: int  #: of the header's row; NO_HEADER where there is none
    bounds: Bounds

    @property
    def name(self) -> str:
        return self.form.name

    @property
    def width(self) -> int:
        return len(self.header)

    @property
    def measure(self) -> str:
        return f"where {'the header has' if self.number else 'the first rows have'} {self.width}"


def csv_chunks(
    file: BinaryIO,
    name: str,
    notices: list[Notice],
    rule: HeaderRule = FIRST_ROW,
    bounds: Bounds = USUAL,
    *,
    encoding: str | None = None,
) -> Generator[Chunk, None, str]:
    """Yield a CSV's chunks; return its SHA-256.

    Raises:
        SourceError: It cannot be decoded, is malformed, too large, holds no row at all, or changes meanwhile.
    """
    text = examine(file, name, encoding)
    if text.notice:
        notices.append(Notice(text.notice))
    digest = hashlib.sha256()
    form = _form(file, name, text.codec, rule, bounds)
    try:
        size = file.seek(0, os.SEEK_END)
        for chunk in _chunks(csv_records(file, form, bounds, digest), form, rule, bounds, notices):
            yield replace(chunk, share=file.tell() / size)
    except UnicodeDecodeError as error:  # the first pass decoded all of it
        raise _changed(name) from error
    if digest.hexdigest() != text.sha256:
        raise _changed(name)
    return text.sha256


def _form(file: BinaryIO, name: str, codec: str, rule: HeaderRule, bounds: Bounds) -> Form:
    if hinted := hinted_delimiter(file, codec):
        return Form(name, codec, hinted, begins=2)
    form = Form(name, codec)
    return replace(form, delimiter=find_delimiter(file, form, rule, bounds))


def _chunks(
    records: Iterator[CsvRecord], form: Form, rule: HeaderRule, bounds: Bounds, notices: list[Notice]
) -> Iterator[Chunk]:
    where = named(form.name)
    table, above, below = _parted(records, form, rule, bounds)
    while True:
        if table.width > bounds.columns:
            raise too_many_columns(where, cell_name(table.width - 1, max(table.number, 1)), bounds)
        if above:
            notices.append(above_notice(where, above, table.number))
        header, positions = table.header, tuple(range(table.width))
        sheet = Sheet(form.name, _sheet_name(form.name), header, positions, table.number)
        rows = _Rows(below, table, HeaderWatch(rule, header))
        repeated: list[int] = []
        for chunk in in_chunks(sheet, rows):
            kept = without_repeated(where, chunk.rows, header, repeated) if table.number else chunk.rows
            yield Chunk(sheet, kept)
        if repeated:
            notices.append(repeated_notice(where, repeated))
        if rows.next is None:
            return
        table, above = rows.next, rows.titles
        notices.append(next_notice(where, table.number))


def _sheet_name(name: str) -> str:
    """Name the sheet as a spreadsheet names that of a CSV: by the file's stem."""
    if name == STDIN:
        return "stdin"
    path = Path(name)
    return Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem


def _parted(
    records: Iterator[CsvRecord], form: Form, rule: HeaderRule, bounds: Bounds
) -> tuple[_Table, list[int], Iterator[CsvRecord]]:
    """Return the header, the numbers of the rows above it, and the records below it."""
    name = form.name
    top = list(islice(records, TOP_ROWS))
    if not top:
        raise SourceError(f"{named(name)} has only blank lines", hint="Give a file with a header and rows below it.")
    wanted, _ = rule.choose((record.number, record.cells) for record in top)
    if wanted == NO_HEADER:
        width = max(len(_trimmed(record.cells)) for record in top)
        return _Table(form, tuple(map(letters_of, range(width))), NO_HEADER, bounds), [], chain(top, records)
    above: list[int] = []
    below = chain(top, records)
    for record in below:
        if record.number == wanted:
            return _Table(form, tuple(_trimmed(record.cells)), wanted, bounds), above, below
        if record.number > wanted:
            break
        above.append(record.number)
    raise SourceError(
        f"{named(name)} has nothing in row {wanted}, where its header should be",
        hint="Say in which row the header stands.",
    )


def _trimmed(cells: list[str]) -> list[str]:
    width = len(cells)
    while not cells[width - 1].strip():
        width -= 1
    return cells[:width]


class _Rows:
    """The rows of one table, up to the next row that is a header: that stands in `next` then, titles in `titles`."""

    def __init__(self, below: Iterator[CsvRecord], table: _Table, watch: HeaderWatch) -> None:
        self.next: _Table | None = None
        self.titles: list[int] = []
        self._below = below
        self._table = table
        self._watch = watch

    def __iter__(self) -> Iterator[Row]:
        width, is_watching = self._table.width, self._watch.is_on
        may_be_header = self._watch.may_be_header
        held: list[CsvRecord] = []  # they are titles if a header follows
        for record in self._below:
            number, cells, first_line, last_line = record
            if is_watching and may_be_header(cells) and self._is_next(cells):
                self.next = _Table(self._table.form, tuple(_trimmed(cells)), number, self._table.bounds)
                self.titles = [each.number for each in held]
                return
            if is_watching and (len(cells) == 1 or not cells[1]) and width > 1 and _is_alone(cells):
                held.append(record)
                continue
            if held:
                yield from (_row(each, self._table) for each in held)
                held = []
            is_plain = len(cells) == width and first_line == last_line
            yield Row(number, tuple(cells)) if is_plain else _row(record, self._table)
        yield from (_row(each, self._table) for each in held)

    def _is_next(self, cells: list[str]) -> bool:
        return self._watch.is_header(cells) and tuple(cells) != self._table.header


def _is_alone(cells: list[str]) -> bool:
    return len(cells) == 1 or is_title(cells)


def _row(record: CsvRecord, table: _Table) -> Row:
    if len(record.cells) != table.width:
        return _uneven_row(record, table)
    row = Row(record.number, tuple(record.cells))
    if column := _swallows(record, table):
        warning = Problem(
            f"a quoted cell runs over lines {record.first_line} to {record.last_line}, each of which looks like a row",
            f'Look for a quote (") in line {record.first_line} that opens a cell by mistake: write it twice ("").',
            cell=cell_name(column - 1, record.number),
            topic="a quoted cell over lines that look like rows",
        )
        return row._replace(warnings=(warning,))
    return row


def _swallows(record: CsvRecord, table: _Table) -> int:
    """Return the column, from 1, of a cell that runs over lines each of which has as many cells as the header; or 0."""
    spread = [place for place, cell in enumerate(record.cells) if "\n" in cell or "\r" in cell]
    if len(spread) != 1 or table.width < _FEWEST_CELLS:
        return 0
    place, delimiter = spread[0], table.form.delimiter
    first, *inner = record.cells[spread[0]].splitlines()
    inner, last = inner[:-1], inner[-1] if inner else ""
    widths = [
        place + first.count(delimiter) + 1,
        *(line.count(delimiter) + 1 for line in inner),
        last.count(delimiter) + table.width - place,
    ]
    return place + 1 if all(width == table.width for width in widths) else 0


def _uneven_row(record: CsvRecord, table: _Table) -> Row:
    """Make the row as wide as the header, and a problem that keeps what was cut."""
    number, cells, width = record.number, record.cells, table.width
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    if len(cells) > table.bounds.columns:
        raise too_many_columns(named(table.name), cell_name(len(cells) - 1, number), table.bounds)
    if len(cells) == width:
        return _row(record, table)
    if record.last_line > record.first_line:
        raise _swallowed(record, table)
    message = f"the row has {count_of(len(cells), 'cell')} {table.measure}"
    hint = _TOO_FEW
    if len(cells) > width:
        extra = escape(", ".join(f'"{cell}"' for cell in cells[width:]))
        message, hint = f"{message}; beyond it stands {extra}", _DELIMITER_INSIDE
    padded = (*cells[:width], *[""] * (width - len(cells)))
    topic = "a row of another width than the header"
    place = cell_name(min(len(cells), width), number)
    return Row(number, padded, problems=(Problem(message, hint, cell=place, topic=topic),))


def _swallowed(record: CsvRecord, table: _Table) -> SourceError:
    return SourceError(
        f"{named(table.name)}, lines {record.first_line} to {record.last_line}: a quoted cell runs over these lines and"
        f" leaves the row with {count_of(len(record.cells), 'cell')} {table.measure}",
        hint=f'Look for a quote (") in line {record.first_line} that has no closing one.',
    )


def _changed(name: str) -> SourceError:
    return SourceError(f"{named(name)} changed while it was read", hint="Let no other program write it, and try again.")
