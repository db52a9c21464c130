"""A CSV -> its sheet: its delimiter, which record is the header, how rows are numbered, what a wrong width means.

Rows are numbered as Excel does: blank lines count, line ends within a quoted cell do not, and neither does a first line
such as `sep=;`, which Excel takes as a hint and does not show. Where a sentence says "line", it is the physical one.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from importer.cells import cell_name, letters_of
from importer.errors import SourceError
from importer.notice import Notice
from importer.quoting import escape
from importer.reader.csv_text import CsvRecord, Form, csv_records, examine
from importer.reader.limits import USUAL, Bounds, too_many_columns
from importer.reader.source_file import BLOCK, STDIN, HashedBytes, is_workbook, named, opened
from importer.reader.tables import (
    CHUNK_ROWS,
    FIRST_ROW,
    NO_HEADER,
    TOP_ROWS,
    Chunk,
    HeaderRule,
    Tables,
    above_notice,
    walk_to,
)
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
    last, lines = max(rows, default=0), {}
    form = find_form(file, name, examine(file, name).codec, FIRST_ROW, USUAL)
    for record in csv_records(file, form):
        if record.number in rows:
            lines[record.number] = record.first_line
        if record.number >= last:
            break
    return lines


# ---- The sheets of a CSV


_DELIMITER_INSIDE = 'Put a cell that holds the delimiter itself into quotes ("a, b"), or take the extra cells out.'
_FEWEST_CELLS = 2
_TOO_FEW = "Add the missing cells; empty ones need their delimiters too."


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
    if text.notice:
        notices.append(Notice(text.notice))
    digest = hashlib.sha256()
    form = find_form(file, name, text.codec, rule, bounds)
    size = file.seek(0, os.SEEK_END)
    try:
        records = csv_records(file, form, digest)
        sheet, top = _first_sheet(form, rule, records, notices)
        tables = Tables(sheet, rule, notices, named(name), partial(_row, form=form), partial(_sheet, form=form))
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
    form: Form, rule: HeaderRule, records: Iterator[CsvRecord], notices: list[Notice]
) -> tuple[Sheet, Iterator[CsvRecord]]:
    """Return the sheet that the first header begins, and the records below it that were read."""
    where = named(form.name)
    top = list(islice(records, TOP_ROWS))
    if not top:
        raise SourceError(f"{where} has only blank lines", hint="Give a file with a header and rows below it.")
    wanted, _ = rule.choose((record.number, record.cells) for record in top)
    if wanted == NO_HEADER:
        width = max(len(_trimmed(record.cells)) for record in top)
        letters = list(map(letters_of, range(width)))
        return _sheet(top[0]._replace(number=NO_HEADER, cells=letters), None, form), iter(top)
    above: list[int] = []
    left = iter(top)
    header = walk_to(wanted, chain(left, records), above)
    if header is None:
        raise SourceError(
            f"{where} has nothing in row {wanted}, where its header should be",
            hint="Say in which row the header stands.",
        )
    if above:
        notices.append(above_notice(where, above, wanted))
    return _sheet(header, None, form), left


def _sheet(header: CsvRecord, _before: Sheet | None, form: Form) -> Sheet:
    texts = tuple(_trimmed(header.cells))
    if len(texts) > form.bounds.columns:
        last = cell_name(len(texts) - 1, max(header.number, 1))
        raise too_many_columns(named(form.name), last, form.bounds)
    return Sheet(form.name, _sheet_name(form.name), texts, tuple(range(len(texts))), header.number)


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


def _row(record: CsvRecord, sheet: Sheet, form: Form) -> Row:
    if len(record.cells) != len(sheet.header):
        return _uneven_row(record, sheet, form)
    row = Row(record.number, tuple(record.cells))
    if record.first_line < record.last_line and (column := _swallows(record, form)):
        warning = Problem(
            f"a quoted cell runs over lines {record.first_line} to {record.last_line}, each of which looks like a row",
            f'Look for a quote (") in line {record.first_line} that opens a cell by mistake: write it twice ("").',
            cell=cell_name(column - 1, record.number),
            topic="a quoted cell over lines that look like rows",
        )
        return row._replace(warnings=(warning,))
    return row


def _swallows(record: CsvRecord, form: Form) -> int:
    """Return the column, from 1, of a cell that runs over lines each of which has as many cells as the header; or 0."""
    spread = [place for place, cell in enumerate(record.cells) if "\n" in cell or "\r" in cell]
    width = len(record.cells)
    if len(spread) != 1 or width < _FEWEST_CELLS:
        return 0
    place, delimiter = spread[0], form.delimiter
    first, *inner = record.cells[spread[0]].splitlines()
    inner, last = inner[:-1], inner[-1] if inner else ""
    widths = [
        place + first.count(delimiter) + 1,
        *(line.count(delimiter) + 1 for line in inner),
        last.count(delimiter) + width - place,
    ]
    return place + 1 if all(each == width for each in widths) else 0


def _uneven_row(record: CsvRecord, sheet: Sheet, form: Form) -> Row:
    """Make the row as wide as the header, and a problem that keeps what was cut."""
    number, cells, width = record.number, record.cells, len(sheet.header)
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    if len(cells) > form.bounds.columns:
        raise too_many_columns(named(form.name), cell_name(len(cells) - 1, number), form.bounds)
    if len(cells) == width:
        return _row(record, sheet, form)
    measure = f"where {'the header has' if sheet.header_row else 'the first rows have'} {width}"
    if record.last_line > record.first_line:
        raise SourceError(
            f"{named(form.name)}, lines {record.first_line} to {record.last_line}: a quoted cell runs over these lines"
            f" and leaves the row with {count_of(len(cells), 'cell')} {measure}",
            hint=f'Look for a quote (") in line {record.first_line} that has no closing one.',
        )
    message = f"the row has {count_of(len(cells), 'cell')} {measure}"
    hint = _TOO_FEW
    if len(cells) > width:
        extra = escape(", ".join(f'"{cell}"' for cell in cells[width:]))
        message, hint = f"{message}; beyond it stands {extra}", _DELIMITER_INSIDE
    padded = (*cells[:width], *[""] * (width - len(cells)))
    topic = "a row of another width than the header"
    place = cell_name(min(len(cells), width), number)
    return Row(number, padded, problems=(Problem(message, hint, cell=place, topic=topic),))


def _changed(name: str) -> SourceError:
    return SourceError(f"{named(name)} changed while it was read", hint="Let no other program write it, and try again.")


# ---- Delimiter: tried on the first records


_HINT = re.compile(r'"?sep=(?P<delimiter>[^"\r\n])"?\s*', re.IGNORECASE)
DELIMITERS = (",", ";", "\t", "|")  # where two fit equally well, the earlier one
_TRIED = 20  # records from the header on


def find_form(file: BinaryIO, name: str, codec: str, rule: HeaderRule, bounds: Bounds) -> Form:
    """Find the delimiter that parts the header and fits the most rows; a comma where there is one column.

    One with which a row is recognised as a header outranks all others, and one that a first line such as `sep=;` names,
    as Excel understands it, those too.
    """
    raw = io.BufferedReader(HashedBytes(file, None), BLOCK)
    line = io.TextIOWrapper(raw, encoding=codec, errors="strict", newline="").readline(20)
    if hint := _HINT.fullmatch(line.removeprefix("\ufeff")):
        return Form(name, codec, hint["delimiter"], begins=2, bounds=bounds)
    forms = [Form(name, codec, delimiter, bounds=bounds) for delimiter in DELIMITERS]
    return max(forms, key=lambda form: _fitness(file, form, rule))


def _fitness(file: BinaryIO, form: Form, rule: HeaderRule) -> tuple[bool, bool, float, int]:
    """Return whether the header was recognised, and its cells are whole, the share of rows as wide as it, its width."""
    top = list(_top(file, form, rule))
    filled = [(number, cells) for number, cells in top if cells]
    if not filled:
        return (False, False, 0, 0)
    header, is_recognised = rule.choose(islice(filled, TOP_ROWS))
    widths = [len(cells) for number, cells in top if number >= header][:_TRIED]
    is_recognised = is_recognised and header != NO_HEADER
    if not widths or widths[0] < 2:
        return (is_recognised, False, 0, 0)
    is_whole = not any(_is_torn(cell) for number, cells in top if number == header for cell in cells)
    return (is_recognised, is_whole, widths.count(widths[0]) / len(widths), widths[0])


def _is_torn(cell: str) -> bool:
    """Return whether a cell holds one of two quotes: the other stands in the next cell, so the delimiter is another."""
    return cell.count('"') % 2 == 1


def _top(file: BinaryIO, form: Form, rule: HeaderRule) -> Iterator[tuple[int, list[str]]]:
    """Yield the first records that are not blank; one without cells for the one that is malformed so parted."""
    number = 0
    wanted = max(rule.row or 0, TOP_ROWS) + _TRIED
    try:
        for number, cells, *_ in csv_records(file, form):
            if number > wanted:
                return
            yield number, cells
    except SourceError:
        yield number + 1, []
