"""Which row of a table is its header, and what becomes of rows above it and of its repetitions. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from importer.records import Row


#: Rows that are not blank, in which a header is looked for.
TOP_ROWS = 30
NO_HEADER = 0
_SHOWN = 6  # ranges of row numbers that a sentence names


@dataclass(frozen=True, slots=True)
class HeaderRule:
    """How the header is found."""

    row: int | None = None  #: its number, as a spreadsheet numbers rows; NO_HEADER: there is none; None: find it
    is_header: Callable[[Sequence[str]], bool] | None = None  #: told the texts of a row, from its first column on

    def choose(self, top: Iterable[tuple[int, Sequence[str]]]) -> tuple[int, bool]:
        """Give the header's number among a table's first rows that are not blank, and whether it was recognised.

        Without a rule that fits it is the first of them.
        """
        if self.row is not None:
            return self.row, True
        rows = list(top)
        found = (number for number, cells in rows if self.is_header and self.is_header(cells))
        number = next(found, None)
        return (number, True) if number is not None else (rows[0][0], False)


FIRST_ROW = HeaderRule()


def above_notice(where: str, above: Sequence[int], header: int) -> str:
    """Say which rows stand above the header."""
    stand = "stands" if len(above) == 1 else "stand"
    return f"{where}: {rows_named(above)} {stand} above the header in row {header} and {_were(above)} left out"


def repeated_notice(where: str, repeated: Sequence[int]) -> str:
    """Say which rows repeat the header."""
    repeat = "repeats" if len(repeated) == 1 else "repeat"
    return f"{where}: {rows_named(repeated)} {repeat} the header and {_were(repeated)} left out"


def without_repeated(rows: list[Row], header: tuple[str, ...], repeated: list[int]) -> list[Row]:
    """Leave out rows that are the header once more, as in exports pasted together, and note their numbers.

    Not for a table without a header: its column letters are no row of it.
    """
    if not any(row.cells == header for row in rows):
        return rows
    repeated.extend(row.number for row in rows if row.cells == header)
    return [row for row in rows if row.cells != header]


def rows_named(numbers: Sequence[int]) -> str:
    """Name rows by their ascending numbers: `rows 1 to 3 and 7`."""
    if len(numbers) == 1:
        return f"row {numbers[0]}"
    ranges = _ranges(numbers)
    shown = ranges[:_SHOWN]
    if left := sum(last - first + 1 for first, last in ranges[_SHOWN:]):
        return f"rows {', '.join(map(_range, shown))} and {left:,} more"
    *most, last = map(_range, shown)
    return f"rows {', '.join(most)} and {last}" if most else f"rows {last}"


def _ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    begins = [numbers[0], *(after for before, after in pairwise(numbers) if after > before + 1)]
    ends = [*(before for before, after in pairwise(numbers) if after > before + 1), numbers[-1]]
    return list(zip(begins, ends, strict=True))


def _range(ends: tuple[int, int]) -> str:
    first, last = ends
    return str(first) if first == last else f"{first} to {last}"


def _were(numbers: Sequence[int]) -> str:
    return "was" if len(numbers) == 1 else "were"
