"""The rows of one worksheet -> messages: its header, the columns that belong to it, its rows, and notices."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time
from itertools import chain, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from importer.cells import cell_name, letters_of
from importer.errors import SourceError
from importer.quoting import escape
from importer.reader.cell_text import INEXACT, text_of, zero_filled
from importer.reader.chunks import CHUNK_ROWS
from importer.reader.header_row import NO_HEADER, TOP_ROWS, above_notice
from importer.reader.limits import Bounds, too_long_cell, too_many_columns
from importer.reader.workbook.stored_cells import StoredCell, StoredRow, WalkedRow, damaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from python_calamine import CalamineSheet

    from importer.reader.workbook.stored_cells import Merged


# ---- The rows of one worksheet as text: calamine's values, mended by what the file says and calamine does


_LONG_NUMBER = re.compile(r"-?[1-9][0-9]{15,}")  # that calamine, which makes a float of it, would not give back
_NO_CELL = StoredCell("n", "")
_NO_ROW = WalkedRow(0, {})


class Flaw(NamedTuple):
    """Something wrong with one cell."""

    column: int
    message: str
    hint: str
    topic: str  #: its kind, without any value


class TextRow(NamedTuple):
    """One row of a worksheet."""

    number: int
    texts: list[str]  #: of its cells, from the sheet's first column on
    flaws: Sequence[Flaw] = ()  #: can be in columns beyond those of `texts`
    inexact: Sequence[int] = ()  #: columns whose number has lost digits

    @property
    def is_blank(self) -> bool:
        return not self.flaws and not any(map(str.strip, self.texts))


def columns_of(sheet: CalamineSheet, bounds: Bounds) -> range:
    """Give the columns in which calamine found something.

    Raises:
        SourceError: They reach too far.
    """
    if not (sheet.start and sheet.end):
        return range(0)
    if sheet.end[1] >= bounds.columns:
        raise too_many_columns("the sheet is too wide", cell_name(sheet.end[1], sheet.end[0] + 1), bounds)
    return range(sheet.start[1], sheet.end[1] + 1)


def text_rows(sheet: CalamineSheet, stored: Iterator[StoredRow], columns: range, bounds: Bounds) -> Iterator[TextRow]:
    """Yield all rows from row 1 on, blank ones too.

    Raises:
        SourceError: calamine and the file do not agree on what is there, or a cell is too long.
    """
    values = sheet.iter_rows() if sheet.start else iter(())
    for number, row, stored_row in _paired(values, stored):
        texts = stored_row.texts(row)
        text_row = TextRow(number, texts) if texts is not None else _careful(number, row, stored_row.cells, columns)
        if sum(map(len, text_row.texts)) > bounds.cell:
            _refuse_long(text_row, columns, bounds)
        yield text_row


def _paired(values: Iterator[list[Any]], stored: Iterator[StoredRow]) -> Iterator[tuple[int, list[Any], StoredRow]]:
    """Walk both by the row's number; calamine yields every row to its last, the file leaves rows out."""
    pending = next(stored, None)
    for number, row in enumerate(values, 1):
        if pending is not None and pending.number == number:
            yield number, row, pending
            pending = next(stored, None)
        else:
            yield number, row, _NO_ROW
    while pending is not None:
        yield pending.number, [], pending
        pending = next(stored, None)


def _careful(number: int, row: list[Any], stored: Mapping[int, StoredCell], columns: range) -> TextRow:
    texts = [""] * len(row)
    flaws: list[Flaw] = []
    inexact: list[int] = []
    values = dict(zip(columns, row, strict=False))
    for column in sorted(values.keys() | stored.keys()):
        value, cell = values.get(column, ""), stored.get(column, _NO_CELL)
        if value == "" and cell.value == "" and not cell.is_formula:
            continue
        _compare(number, column, value, cell, stored)
        if column in values:
            texts[column - columns.start] = _text(value, cell)
        if flaw := _flaw(column, cell):
            flaws.append(flaw)
        if _is_inexact(value, cell):
            inexact.append(column)
    return TextRow(number, texts, flaws, inexact)


def _text(value: object, cell: StoredCell) -> str:
    if cell.text:
        return cell.text
    if cell.type == "e" or (isinstance(value, date | time) and cell.value.startswith("-")):
        return cell.value  # calamine makes an error empty, and a date before 1900 a time
    if isinstance(value, int | float) and not isinstance(value, bool):
        if _LONG_NUMBER.fullmatch(cell.value):
            return cell.value
        return zero_filled(text_of(value), cell.width)
    return text_of(value)


def _flaw(column: int, cell: StoredCell) -> Flaw | None:
    if cell.type == "e":
        return Flaw(
            column,
            f"the cell holds the error {escape(cell.value)}",
            "Mend its formula, or put the value in.",
            "a cell that holds an error",
        )
    if cell.is_formula and not cell.value and cell.type not in {"str", "inlineStr"}:
        return Flaw(
            column,
            "the cell holds a formula whose result was never stored",
            "Open the workbook in a spreadsheet program, let it calculate, and save it.",
            "a formula without a stored result",
        )
    return None


def _is_inexact(value: object, cell: StoredCell) -> bool:
    return isinstance(value, float) and abs(value) >= INEXACT and not _LONG_NUMBER.fullmatch(cell.value)


def _compare(number: int, column: int, value: object, cell: StoredCell, stored: Mapping[int, StoredCell]) -> None:
    """Stop where one of the two sees a value that the other does not, rather than lose it."""
    is_lost = value == "" and cell.value != "" and cell.type not in {"e", "s", "inlineStr"}
    if is_lost or (value != "" and column not in stored):
        raise damaged(f"cell {cell_name(column, number)} cannot be read without doubt")


def _refuse_long(row: TextRow, columns: range, bounds: Bounds) -> None:
    for column, text in zip(columns, row.texts, strict=False):
        if len(text) > bounds.cell:
            raise too_long_cell(cell_name(column, row.number), bounds)


# ---- The rows of one worksheet -> messages: its header, the columns that belong to it, its rows, and noti


Message: TypeAlias = tuple[object, ...]
_BATCH = 1 << 22  # characters of a message, about: very wide rows go over fewer at a time
_SHOWN = 5  # merged ranges that a sentence names


@dataclass(frozen=True, slots=True)
class SheetTable:
    """One worksheet, about to be told."""

    name: str
    columns: range  #: in which calamine found something
    rows: Callable[[], Iterator[TextRow]]  #: can be begun more than once
    merged: Callable[[], Sequence[Merged]]  #: to be asked when the rows have been walked
    ask: Callable[[Message], int]  #: sends a message that asks for the number of the header's row

    def messages(self) -> Iterator[Message]:
        """Yield the sheet's header, its rows and notices.

        Raises:
            SourceError: A cell of the header is an error.
        """
        below = self.rows()
        top = list(islice((row for row in below if not row.is_blank), TOP_ROWS))
        if not top:
            yield ("notice", f"{self._shown} is empty and was skipped")
            return
        number = self.ask(("top", self.name, [[row.number, row.texts] for row in top]))
        if number == NO_HEADER:
            yield from self._told(None, chain(top, below))
            return
        above: list[int] = []
        header = _found(number, left := chain(top, below), above)
        if header is None:
            yield ("notice", f"{self._shown} has nothing in row {number}, where its header should be, and was skipped")
            return
        if above:
            yield ("notice", above_notice(self._shown, above, number))
        yield from self._told(header, left)

    @property
    def _shown(self) -> str:
        return f"sheet '{escape(self.name)}'"

    def _told(self, header: TextRow | None, below: Iterable[TextRow]) -> Iterator[Message]:
        if header:
            _refuse_flaws(header)
        positions = self._positions(header)
        texts = [self._text(header, position) for position in positions]
        yield ("sheet", self.name, texts, positions)
        inexact: list[str] = []
        yield from self._batches(below, positions, inexact)
        if inexact:
            yield ("notice", _inexact_notice(self._shown, inexact[0]))
        if ranges := _covering(self.merged(), positions, header.number if header else 1):
            yield ("notice", _merged_notice(self._shown, ranges))

    def _text(self, header: TextRow | None, position: int) -> str:
        if header is None:
            return letters_of(position)
        return header.texts[position - self.columns.start] if position in self.columns else ""

    def _positions(self, header: TextRow | None) -> list[int]:
        """Give the columns that have a header, and those without one that have data below it."""
        texts = zip(self.columns, header.texts, strict=False) if header else ()
        found = {column for column, text in texts if text.strip()}
        missing = set(self.columns) - found
        for row in self.rows():
            if not missing:
                break
            if row.flaws or not header or row.number > header.number:
                found.update(self._filled(row, missing, header.number if header else 0))
                missing -= found
        return sorted(found)

    def _filled(self, row: TextRow, missing: set[int], after: int) -> Iterator[int]:
        if row.number > after:
            yield from (flaw.column for flaw in row.flaws)
            start, texts = self.columns.start, row.texts
            if texts:
                yield from (column for column in missing if texts[column - start].strip())

    def _batches(self, rows: Iterable[TextRow], positions: list[int], inexact: list[str]) -> Iterator[Message]:
        """Yield the rows that are not blank, some at a time, and note a cell that holds a number with lost digits."""
        batch = _Batch(positions)
        pick = _picking(positions, self.columns)
        for row in rows:
            if row.inexact and not inexact:
                inexact.append(cell_name(row.inexact[0], row.number))
            batch.add(row, pick(row.texts))
            if batch.is_full:
                yield batch.message()
                batch = _Batch(positions)
        if batch.numbers:
            yield batch.message()


class _Batch:
    """Rows on their way to the parent: one list of all their cells, which costs less to pack than a list for each."""

    def __init__(self, positions: list[int]) -> None:
        self.numbers: list[int] = []
        self._kept = set(positions)
        self._cells: list[str] = []
        self._flaws: list[list[object]] = []
        self._size = 0

    @property
    def is_full(self) -> bool:
        return len(self.numbers) == CHUNK_ROWS or self._size >= _BATCH

    def add(self, row: TextRow, cells: Sequence[str]) -> None:
        """Take a row in, unless it is blank."""
        flaws = [flaw for flaw in row.flaws if flaw.column in self._kept]
        if flaws or any(map(str.strip, cells)):
            self._flaws.extend([len(self.numbers), *flaw] for flaw in flaws)
            self.numbers.append(row.number)
            self._cells.extend(cells)
            self._size += sum(map(len, cells))

    def message(self) -> Message:
        return ("rows", self.numbers, self._cells, self._flaws)


def _found(number: int, rows: Iterable[TextRow], above: list[int]) -> TextRow | None:
    """Walk to the row of that number, and note the numbers of those passed."""
    for row in rows:
        if row.number == number:
            return None if row.is_blank else row
        if row.number > number:
            return None
        if not row.is_blank:
            above.append(row.number)
    return None


def _refuse_flaws(header: TextRow) -> None:
    for flaw in header.flaws:
        raise SourceError(f"header cell {cell_name(flaw.column, header.number)}: {flaw.message}", hint=flaw.hint)


def _picking(positions: list[int], columns: range) -> Callable[[list[str]], Sequence[str]]:
    """Make what takes the cells at the positions out of a row's texts, as many as it has."""
    if positions == list(columns):
        return lambda texts: texts or [""] * len(positions)
    places = [position - columns.start if position in columns else -1 for position in positions]  # -1: the blank added
    take = itemgetter(*places)
    if len(places) == 1:
        return lambda texts: [take([*texts, ""])] if texts else [""]
    return lambda texts: take([*texts, ""]) if texts else [""] * len(places)


def _inexact_notice(where: str, cell: str) -> str:
    return (
        f"{where}, cell {cell}: a number of more than 15 digits, of which a spreadsheet keeps 15;"
        " ids as long as that must be stored as text"
    )


def _covering(merged: Iterable[Merged], positions: list[int], header: int) -> list[Merged]:
    """Give what is merged in the table itself."""
    kept = set(positions)
    return [each for each in merged if each[2] >= header and kept.intersection(range(each[1], each[3] + 1))]


def _merged_notice(where: str, ranges: list[Merged]) -> str:
    named = [f"{cell_name(left, first)}:{cell_name(right, last)}" for first, left, last, right in ranges[:_SHOWN]]
    more = f" and {len(ranges) - _SHOWN:,} more" if len(ranges) > _SHOWN else ""
    return (
        f"{where} has merged cells ({', '.join(named)}{more}): each range has its value in the first cell,"
        " the others are read as empty"
    )
