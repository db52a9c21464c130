"""Which row of a table is its header, and what becomes of rows above it and of its repetitions. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from importer.errors import SourceError
from importer.notice import Notice, NoticeLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from importer.records import Row


#: Rows that are not blank, in which a header is looked for.
TOP_ROWS = 30
NO_HEADER = 0
_FEWEST = 2  # known texts of a header below another
_MOST_KNOWN = 1 << 16  # texts that are remembered
_MOST_REPEATED = 100_000  # rows: no table has so many headers
_SHOWN = 6  # ranges of row numbers that a sentence names


@dataclass(frozen=True, slots=True)
class HeaderRule:
    """How headers are found. The functions are given texts of rows, from their first column on."""

    row: int | None = None  #: its number, as a spreadsheet numbers rows; NO_HEADER: there is none; None: find it
    is_header: Callable[[Sequence[str]], int] | None = None  #: 0 where a row is none; the higher, the surer it is one
    is_known: Callable[[str], bool] | None = None  #: whether a text is a header by itself

    def choose(self, top: Iterable[tuple[int, Sequence[str]]]) -> tuple[int, bool]:
        """Return the header's number among a table's first rows that are not blank, and whether it was recognised.

        It is the first of those that are surest; without one, the first of all.
        """
        if self.row is not None:
            return self.row, True
        rows = list(top)
        rated = [(int(self.is_header(cells)), number) for number, cells in rows] if self.is_header else []
        best = max((rate for rate, _ in rated), default=0)
        number = next((number for rate, number in rated if rate == best), 0) if best else 0
        return (number, True) if best else (rows[0][0], False)


FIRST_ROW = HeaderRule()


class HeaderWatch:
    """Finds rows below a header that are headers themselves, of another table or of other columns."""

    def __init__(self, rule: HeaderRule, header: Sequence[str]) -> None:
        self._rule = rule
        self._own = {text for text in header if text.strip()}
        self._known: dict[str, bool] = {}

    @property
    def is_on(self) -> bool:
        """True where a row can be told at all."""
        return self._rule.is_known is not None and self._rule.row != NO_HEADER

    def may_be_header(self, cells: Sequence[str]) -> bool:
        """Return False of nearly all rows that are no header, by first cells that were seen before."""
        get = self._known.get
        return get(cells[0], True) or (len(cells) > 1 and get(cells[1], True))

    def is_header(self, cells: Sequence[str]) -> bool:
        """Return whether a row consists of known headers, or of more than of anything else."""
        if not any([self._knows(text) for text in cells[:2] if text.strip()] or [True]):
            return False
        texts = [cell for cell in cells if cell.strip()]
        known = sum(map(self._knows, texts))
        is_enough = known >= _FEWEST and 2 * known > len(texts)
        return is_enough and self._rule.is_header is not None and bool(self._rule.is_header(cells))

    def _knows(self, text: str) -> bool:
        known = self._known.get(text)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = text in self._own or (self._rule.is_known is not None and self._rule.is_known(text))
            self._known[text] = known
        return known


def is_title(cells: Sequence[str]) -> bool:
    """Return whether a row has its first cell only, as a title above a table."""
    return len(cells) > 1 and bool(cells[0].strip()) and not any(map(str.strip, cells[1:]))


def next_notice(where: str, header: int) -> Notice:
    """Return the notice that a row below the header is a header itself."""
    return Notice(f"{where}: row {header} is a header too, and the rows below it are read by it")


def above_notice(where: str, above: Sequence[int], header: int) -> Notice:
    """Return the notice about rows that stand above the header."""
    stand = "stands" if len(above) == 1 else "stand"
    text = f"{where}: {rows_named(above)} {stand} above the header in row {header} and {_were(above)} left out"
    return Notice(text, NoticeLevel.LEFT_OUT)


def repeated_notice(where: str, repeated: Sequence[int]) -> Notice:
    """Return the notice about rows that repeat the header."""
    repeat = "repeats" if len(repeated) == 1 else "repeat"
    text = f"{where}: {rows_named(repeated)} {repeat} the header and {_were(repeated)} left out"
    return Notice(text, NoticeLevel.LEFT_OUT)


def without_repeated(where: str, rows: list[Row], header: tuple[str, ...], repeated: list[int]) -> list[Row]:
    """Leave out rows that are the header once more, as in exports pasted together, and note their numbers.

    Not for a table without a header: its column letters are no row of it.

    Raises:
        SourceError: There are so many that it is no table.
    """
    if not any(row.cells == header for row in rows):
        return rows
    repeated.extend(row.number for row in rows if row.cells == header)
    if len(repeated) > _MOST_REPEATED:
        raise SourceError(
            f"{where}: more than {_MOST_REPEATED:,} rows repeat the header",
            hint="Delete the repeated rows, and try again.",
        )
    return [row for row in rows if row.cells != header]


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
