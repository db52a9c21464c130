"""The rows of one worksheet -> messages: its header, the columns that belong to it, its rows, and notices."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from operator import itemgetter
from typing import TYPE_CHECKING, TypeAlias

from importer.errors import SourceError
from importer.reader.cell_names import cell_of, letters_of
from importer.reader.chunks import CHUNK_ROWS
from importer.reader.excerpts import excerpt
from importer.reader.heading import NO_HEADER, TOP_ROWS, above_notice
from importer.reader.sheet_rows import TextRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from importer.reader.stored_cells import Merged

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
        return f"sheet '{excerpt(self.name)}'"

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
                inexact.append(cell_of(row.inexact[0], row.number))
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
        raise SourceError(f"header cell {cell_of(flaw.column, header.number)}: {flaw.message}", hint=flaw.hint)


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
    named = [f"{cell_of(left, first)}:{cell_of(right, last)}" for first, left, last, right in ranges[:_SHOWN]]
    more = f" and {len(ranges) - _SHOWN:,} more" if len(ranges) > _SHOWN else ""
    return (
        f"{where} has merged cells ({', '.join(named)}{more}): each range has its value in the first cell,"
        " the others are read as empty"
    )
