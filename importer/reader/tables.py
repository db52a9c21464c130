"""Splits rows into chunks, and into tables if a sheet has several, each with a header of its own. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Generic

from importer.errors import SourceError
from importer.notice import Notice, NoticeLevel
from importer.reader.header_row import NO_HEADER, TOP_ROWS, HeaderRule, R

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from importer.records import Row, Sheet


#: Rows in a chunk at most: some 100 KB of text, and few enough commits in the journal.
CHUNK_ROWS = 2000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of one sheet, in order, so that a sheet need not fit into memory.

    A sheet with a header and no rows makes one chunk without rows.
    """

    sheet: Sheet  #: the very same object in all chunks of a sheet
    rows: list[Row]  #: some `CHUNK_ROWS` at most
    share: float = 0.0  #: of the source that has been read so far, from 0 to 1


_FEWEST = 2  # known texts of a header below another
_MOST_KNOWN = 1 << 16  # texts that are remembered
_MOST_REPEATED = 100_000  # rows: no table has so many headers
_MOST_TABLES = 10_000  # one below the other, each with a header of its own
_SHOWN = 6  # ranges of row numbers that a sentence names


@dataclass
class Tables(Generic[R]):
    """Makes chunks of the rows below a header, and begins another table at each row that is a header itself.

    Titles right above such a header, and rows that repeat a header, as in exports pasted together, are left out with a
    notice. `where` names the sheet in it; `make_row` fits a row to a header, `make_sheet` makes a sheet of a header
    row. Without a header no other is looked for: the letters of columns are not a row.
    """

    sheet: Sheet
    rule: HeaderRule
    notices: list[Notice]
    where: str
    make_row: Callable[[R, Sheet], Row]
    make_sheet: Callable[[R, Sheet], Sheet]
    source: str = ""  #: stands before `where` in an error
    _known: dict[str, bool] = field(default_factory=dict, init=False)
    _titles: list[R] = field(default_factory=list, init=False)  # they are titles if a header follows
    _repeated: list[int] = field(default_factory=list, init=False)
    _begun: int = field(default=0, init=False)  # tables below the first
    _is_begun: bool = field(default=False, init=False)

    def take(self, rows: Iterable[R]) -> Iterator[Chunk]:
        """Yield chunks of rows: of the current table, and of each table that begins among them.

        Raises:
            SourceError: Too many rows repeat the header.
        """
        self._is_begun = True
        made: list[Row] = []
        has_header = self.sheet.header_row != NO_HEADER
        is_watching = has_header and self.rule.is_known is not None
        header, make_row, get = self.sheet.header, self.make_row, self._known.get
        for row in rows:
            cells = row.cells
            if has_header and cells[0] == header[0] and self._is_repeated(cells):
                self._note_repeated(row.number)
                continue
            if is_watching:
                # Nearly all other rows are recognized by first cells that were seen before.
                if (get(cells[0], True) or (len(cells) > 1 and get(cells[1], True))) and self._is_header(cells):
                    yield Chunk(self.sheet, made)
                    self._begin(row)
                    header, made = self.sheet.header, []
                    continue
                if (len(cells) == 1 or not cells[1]) and len(header) > 1 and not any(map(str.strip, cells[1:])):
                    self._titles.append(row)
                    if len(self._titles) < TOP_ROWS:
                        continue
                    made += self._no_titles()
                    continue
            if self._titles:
                made += self._no_titles()
            made.append(make_row(row, self.sheet))
        yield Chunk(self.sheet, made)

    def end(self) -> Iterator[Chunk]:
        """Yield what is left; a sheet without rows also makes a chunk."""
        if self._titles or not self._is_begun:
            yield Chunk(self.sheet, self._no_titles())
        self._report_repeated()

    def _no_titles(self) -> list[Row]:
        rows = [self.make_row(row, self.sheet) for row in self._titles]
        self._titles.clear()
        return rows

    def _begin(self, row: R) -> None:
        self._report_repeated()
        if self._titles:
            self.notices.append(above_notice(self.where, [title.number for title in self._titles], row.number))
            self._titles.clear()
        self._begun += 1
        if self._begun > _MOST_TABLES:
            raise SourceError(
                f"{self.source}{self.where}: more than {_MOST_TABLES:,} rows are headers",
                hint="Delete those that are not needed, or split the file, and try again.",
            )
        text = f"{self.where}: row {row.number} is a header too, and the rows below it are read by it"
        self.notices.append(Notice(text))
        self.sheet = self.make_sheet(row, self.sheet)
        self._known.clear()

    def _is_header(self, cells: Sequence[str]) -> bool:
        """Return whether a row consists mostly of known headers."""
        if not any([self._knows(text) for text in cells[:2] if text.strip()] or [True]):
            return False
        texts = [cell for cell in cells if cell.strip()]
        known = sum(map(self._knows, texts))
        is_enough = known >= _FEWEST and 2 * known > len(texts)
        return is_enough and self.rule.is_header is not None and bool(self.rule.is_header(cells))

    def _knows(self, text: str) -> bool:
        known = self._known.get(text)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = text in self.sheet.header or (self.rule.is_known is not None and self.rule.is_known(text))
            self._known[text] = known
        return known

    def _is_repeated(self, cells: Sequence[str]) -> bool:
        width = len(self.sheet.header)
        return tuple(cells[:width]) == self.sheet.header and not any(map(str.strip, cells[width:]))

    def _note_repeated(self, number: int) -> None:
        self._repeated.append(number)
        if len(self._repeated) > _MOST_REPEATED:
            raise SourceError(
                f"{self.source}{self.where}: more than {_MOST_REPEATED:,} rows repeat the header",
                hint="Delete the repeated rows, and try again.",
            )

    def _report_repeated(self) -> None:
        if rows := self._repeated:
            repeat = "repeats" if len(rows) == 1 else "repeat"
            text = f"{self.where}: {rows_named(rows)} {repeat} the header and {_were(rows)} left out"
            self.notices.append(Notice(text, NoticeLevel.LEFT_OUT))
            self._repeated = []


def rows_named(numbers: Sequence[int], most: int = _SHOWN) -> str:
    """Name rows by their ascending numbers, the first `most` ranges of them: `rows 1 to 3 and 7`."""
    if len(numbers) == 1:
        return f"row {numbers[0]}"
    ranges = _ranges(numbers)
    shown = ranges[:most]
    if left := sum(last - first + 1 for first, last in ranges[most:]):
        return f"rows {', '.join(map(_range, shown))} and {left:,} more"
    *others, last = map(_range, shown)
    return f"rows {', '.join(others)} and {last}" if others else f"rows {last}"


def _ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    begins = [numbers[0], *(after for before, after in pairwise(numbers) if after > before + 1)]
    ends = [*(before for before, after in pairwise(numbers) if after > before + 1), numbers[-1]]
    return list(zip(begins, ends, strict=True))


def _range(ends: tuple[int, int]) -> str:
    first, last = ends
    return str(first) if first == last else f"{first} to {last}"


def _were(numbers: Sequence[int]) -> str:
    return "was" if len(numbers) == 1 else "were"


def above_notice(where: str, above: Sequence[int], header: int) -> Notice:
    """Return the notice about rows above the header."""
    is_ = "is" if len(above) == 1 else "are"
    text = f"{where}: {rows_named(above)} {is_} above the header in row {header} and {_were(above)} left out"
    return Notice(text, NoticeLevel.LEFT_OUT)
