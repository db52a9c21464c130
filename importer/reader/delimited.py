"""A CSV -> one sheet: which record is the header, how rows are numbered, what a wrong width means."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from importer.errors import SourceError
from importer.reader.chunks import Chunk, in_chunks
from importer.reader.csv_records import Record, csv_records
from importer.reader.delimiters import find_delimiter
from importer.reader.encoding import examine
from importer.reader.excerpts import excerpt
from importer.reader.opening import STDIN, named
from importer.records import Problem, Row, Sheet, cell_name

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

_DELIMITER_INSIDE = 'Put a cell that holds the delimiter itself into quotes ("a, b"), or take the extra cells out.'
_TOO_FEW = "Add the missing cells; empty ones need their delimiters too."


def csv_chunks(file: BinaryIO, name: str, notices: list[str]) -> Generator[Chunk, None, str]:
    """Yield a CSV's chunks; return its SHA-256.

    Raises:
        SourceError: It cannot be decoded, is malformed, holds no row at all, or changes meanwhile.
    """
    encoding = examine(file, name)
    if encoding.notice:
        notices.append(encoding.notice)
    digest = hashlib.sha256()
    delimiter = find_delimiter(file, encoding.codec, name)
    try:
        yield from _chunks(enumerate(csv_records(file, encoding.codec, delimiter, name, digest), 1), name)
    except UnicodeDecodeError as error:  # the first pass decoded all of it
        raise _changed(name) from error
    if digest.hexdigest() != encoding.sha256:
        raise _changed(name)
    return encoding.sha256


def _chunks(numbered: Iterator[tuple[int, Record]], name: str) -> Iterator[Chunk]:
    header = next((record.cells for _, record in numbered if not record.is_blank), None)
    if header is None:
        raise SourceError(f"{named(name)} holds blank lines only", hint="Give a file with a header and rows below it.")
    while not header[-1].strip():
        header.pop()
    sheet = Sheet(name, "stdin" if name == STDIN else Path(name).stem, tuple(header), tuple(range(len(header))))
    yield from in_chunks(sheet, _rows(numbered, len(header), name))


def _rows(numbered: Iterator[tuple[int, Record]], width: int, name: str) -> Iterator[Row]:
    for number, record in numbered:
        if record.is_blank:
            continue
        cells = _without_empty_extras(record.cells, width)
        if len(cells) == width:
            yield Row(number, tuple(cells))
        elif record.last_line > record.first_line:
            raise _swallowed(record, width, name)
        else:
            yield _uneven_row(number, cells, width)


def _without_empty_extras(cells: list[str], width: int) -> list[str]:
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    return cells


def _uneven_row(number: int, cells: list[str], width: int) -> Row:
    """Make the row as wide as the header, and a problem that keeps what was cut."""
    message = f"the row has {_counted(len(cells))} where the header has {width}"
    hint = _TOO_FEW
    if len(cells) > width:
        extra = excerpt(", ".join(f'"{cell}"' for cell in cells[width:]))
        message, hint = f"{message}; beyond it stands {extra}", _DELIMITER_INSIDE
    padded = (*cells[:width], *[""] * (width - len(cells)))
    return Row(number, padded, problems=(Problem(message, hint, cell=cell_name(min(len(cells), width), number)),))


def _counted(cells: int) -> str:
    return "1 cell" if cells == 1 else f"{cells} cells"


def _swallowed(record: Record, width: int, name: str) -> SourceError:
    return SourceError(
        f"{named(name)}, lines {record.first_line} to {record.last_line}: a quoted cell runs over these lines and"
        f" leaves the row with {_counted(len(record.cells))} where the header has {width}",
        hint=f'Look for a quote (") in line {record.first_line} that has no closing one.',
    )


def _changed(name: str) -> SourceError:
    return SourceError(f"{named(name)} changed while it was read", hint="Let no other program write it, and try again.")
