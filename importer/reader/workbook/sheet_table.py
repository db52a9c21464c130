"""The rows of one worksheet -> messages: its header, the columns that belong to it, its rows, and notices."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import chain, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from importer.cells import cell_name, letters_of
from importer.notice import NoticeLevel
from importer.quoting import escape
from importer.reader.limits import Bounds, too_long_cell
from importer.reader.tables import CHUNK_ROWS, NO_HEADER, TOP_ROWS, above_notice, walk_to
from importer.reader.workbook.stored_cells import StoredRow, TextRow, WalkedRow, damaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from importer.reader.workbook.stored_cells import Merged


# ---- the rows of a worksheet as text


_NO_ROW = WalkedRow(0, {})


def text_rows(
    values: Iterator[list[Any]] | None,
    stored: Iterator[StoredRow],
    columns: range,
    found: range,
    merged: Sequence[Merged],
    bounds: Bounds,
) -> Iterator[TextRow]:
    """Yield the rows in ascending order, blank ones too or not.

    `values` are calamine's, of every row from the first on, in the columns `found`; None where it was not asked.

    Raises:
        SourceError: calamine finds a value where the file's own reading finds none, or a cell is too long.
    """
    covered = _Covered(merged) if merged else None
    for number, row, stored_row in _paired(values, stored):
        quick = stored_row.texts(row, columns.start) if found == columns and row else None
        text_row = quick or _careful(number, row, stored_row, columns, found)
        if covered:
            text_row = covered.blank(text_row, columns)
        if sum(map(len, text_row.texts)) > bounds.cell:
            _refuse_long(text_row, columns, bounds)
        yield text_row


def _paired(
    values: Iterator[list[Any]] | None, stored: Iterator[StoredRow]
) -> Iterator[tuple[int, list[Any], StoredRow]]:
    """Walk both by the row's number; calamine yields every row to its last, the file leaves rows out."""
    pending = next(stored, None)
    for number, row in enumerate(values or (), 1):
        if pending is not None and pending.number == number:
            yield number, row, pending
            pending = next(stored, None)
        else:
            yield number, row, _NO_ROW
    while pending is not None:
        yield pending.number, [], pending
        pending = next(stored, None)


def _careful(number: int, values: list[Any], row: StoredRow, columns: range, found: range) -> TextRow:
    cells = row.cells
    for column, value in zip(found, values, strict=False):
        if value != "" and column not in cells:
            raise damaged(f"cell {cell_name(column, number)} is read differently by two parsers")
    if not cells:
        return TextRow(number, [""] * len(columns))
    texts = [""] * len(columns)
    for column, cell in cells.items():
        if column in columns:
            texts[column - columns.start] = cell.text
        elif cell.text or cell.flaw:
            raise damaged(f"cell {cell_name(column, number)} is read differently by two parsers")
    remarks = {column: cell for column, cell in cells.items() if cell.is_remarkable}
    return TextRow(number, texts, row.is_hidden, remarks)


class _Covered:
    """The cells that a merged one covers: a person does not see what is in them."""

    def __init__(self, merged: Sequence[Merged]) -> None:
        self._coming = deque(sorted(merged))
        self._here: list[Merged] = []

    def blank(self, row: TextRow, columns: range) -> TextRow:
        """Take out of a row what is covered; rows come in ascending order."""
        while self._coming and self._coming[0][0] <= row.number:
            self._here.append(self._coming.popleft())
        self._here = [each for each in self._here if each[2] >= row.number]
        for first, left, _, right in self._here:
            kept = left if row.number == first else -1
            covered = {column for column in columns if left <= column <= right and column != kept}
            for column in covered:
                row.texts[column - columns.start] = ""
            row = row._replace(remarks={c: cell for c, cell in row.remarks.items() if c not in covered})
        return row


def _refuse_long(row: TextRow, columns: range, bounds: Bounds) -> None:
    for column, text in zip(columns, row.texts, strict=False):
        if len(text) > bounds.cell:
            raise too_long_cell(cell_name(column, row.number), bounds)


# ---- The rows as messages


Message: TypeAlias = tuple[object, ...]
_BATCH = 1 << 22  # characters of a message, about: very wide rows go over fewer at a time
_SHOWN = 5  # merged ranges that a sentence names


@dataclass(frozen=True, slots=True)
class SheetTable:
    """Streams one worksheet to the parent process."""

    name: str
    columns: range  #: in which something stands
    rows: Callable[[], Iterator[TextRow]]  #: can be begun more than once
    merged: Sequence[Merged]
    ask: Callable[[Message], int]  #: sends a message that asks for the number of the header's row

    def messages(self) -> Iterator[Message]:
        """Yield the sheet's header, its rows and notices."""
        below = (row for row in self.rows() if not row.is_blank)
        top = list(islice(below, TOP_ROWS))
        if not top:
            yield ("notice", f"{self._shown} is empty and was skipped", NoticeLevel.LEFT_OUT)
            return
        number = self.ask(("top", self.name, [[row.number, row.texts] for row in top]))
        if number == NO_HEADER:
            yield from self._told(None, chain(top, below))
            return
        above: list[int] = []
        header = walk_to(number, left := chain(top, below), above)
        if header is None:
            text = f"{self._shown} has nothing in row {number}, where its header should be, and was skipped"
            yield ("notice", text, NoticeLevel.LEFT_OUT)
            return
        if above:
            yield ("notice", *above_notice(self._shown, above, number)[:2], self.name)
        yield from self._told(header, left)

    @property
    def _shown(self) -> str:
        return f"sheet '{escape(self.name)}'"

    def _told(self, header: TextRow | None, below: Iterable[TextRow]) -> Iterator[Message]:
        positions = self._positions(header)
        texts = [self._text(header, position) for position in positions]
        remarks = header.remarks.items() if header else ()
        flaws = [[cell_name(column, header.number), *cell.flaw] for column, cell in remarks if header and cell.flaw]
        yield ("sheet", self.name, texts, positions, flaws)
        inexact: list[str] = []
        yield from self._batches(below, positions, inexact)
        if inexact:
            yield ("notice", _inexact_notice(self._shown, inexact[0]), NoticeLevel.WARNING)
        if ranges := _covering(self.merged, positions, header.number if header else 1):
            yield ("notice", _merged_notice(self._shown, ranges), NoticeLevel.INFO)

    def _text(self, header: TextRow | None, position: int) -> str:
        if header is None:
            return letters_of(position)
        return header.texts[position - self.columns.start] if position in self.columns else ""

    def _positions(self, header: TextRow | None) -> list[int]:
        """Return the columns that have a header, and those without one that have data below it."""
        texts = zip(self.columns, header.texts, strict=False) if header else ()
        found = {column for column, text in texts if text.strip()}
        missing = set(self.columns) - found
        for row in self.rows():
            if not missing:
                break
            if not header or row.number > header.number:
                found.update(column for column, cell in row.remarks.items() if cell.flaw)
                cells = row.texts or [""] * len(self.columns)
                found.update(column for column in missing if cells[column - self.columns.start].strip())
                missing -= found
        return sorted(found)

    def _batches(self, rows: Iterable[TextRow], positions: list[int], inexact: list[str]) -> Iterator[Message]:
        """Yield the rows that are not blank, some at a time, and note a cell that holds a number with lost digits."""
        batch = _Batch(positions)
        pick = _picking(positions, self.columns)
        for row in rows:
            if row.remarks and not inexact:
                inexact += [cell_name(column, row.number) for column, cell in row.remarks.items() if cell.is_inexact]
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
        self._remarks: list[list[object]] = []
        self._size = 0

    @property
    def is_full(self) -> bool:
        return len(self.numbers) == CHUNK_ROWS or self._size >= _BATCH

    def add(self, row: TextRow, cells: Sequence[str]) -> None:
        """Take a row in, unless it is blank."""
        remarks = {column: cell for column, cell in row.remarks.items() if column in self._kept}
        if any(map(str.strip, cells)) or any(cell.flaw for cell in remarks.values()):
            place = len(self.numbers)
            if row.is_hidden:
                self._remarks.append([place, "hidden"])
            for column, cell in remarks.items():
                if cell.flaw:
                    self._remarks.append([place, "flaw", column, *cell.flaw])
                if cell.decorated:
                    self._remarks.append([place, "shown", column, cell.decorated])
            if struck := sorted(column for column, cell in remarks.items() if cell.is_struck):
                self._remarks.append([place, "struck", *struck])
            self.numbers.append(row.number)
            self._cells.extend(cells)
            self._size += sum(map(len, cells))

    def message(self) -> Message:
        return ("rows", self.numbers, self._cells, self._remarks)


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
    """Return what is merged in the table itself."""
    kept = set(positions)
    return [each for each in merged if each[2] >= header and kept.intersection(range(each[1], each[3] + 1))]


def _merged_notice(where: str, ranges: list[Merged]) -> str:
    named = [f"{cell_name(left, first)}:{cell_name(right, last)}" for first, left, last, right in ranges[:_SHOWN]]
    more = f" and {len(ranges) - _SHOWN:,} more" if len(ranges) > _SHOWN else ""
    return (
        f"{where} has merged cells ({', '.join(named)}{more}): each range has its value in the first cell,"
        " the others are read as empty"
    )
