"""Finds the header row of a table: the row that was given, or the first of the likeliest ones. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

#: Rows that are not blank, in which a header is looked for.
TOP_ROWS = 30
NO_HEADER = 0


@dataclass(frozen=True, slots=True)
class HeaderRule:
    """How the header row is found. The functions get the texts of a row, from its first column on."""

    row: int | None = None  #: its number, as a spreadsheet numbers rows; NO_HEADER: there is none; None: find it
    is_header: Callable[[Sequence[str]], int] | None = None  #: 0 if a row is none; the higher, the surer it is one
    is_known: Callable[[str], bool] | None = None  #: whether a text is a header by itself

    def choose(self, top: Iterable[tuple[int, Sequence[str]]]) -> tuple[int, bool]:
        """Return the header's number among a table's first rows that are not blank, and whether it was recognised.

        It is the first of the likeliest rows; if no row is one, the first row.
        """
        if self.row is not None:
            return self.row, True
        rows = list(top)
        rated = [(int(self.is_header(cells)), number) for number, cells in rows] if self.is_header else []
        best = max((rate for rate, _ in rated), default=0)
        number = next((number for rate, number in rated if rate == best), 0) if best else 0
        return (number, True) if best else (rows[0][0], False)


FIRST_ROW = HeaderRule()


class Rowlike(Protocol):
    """A row of any source."""

    @property
    def number(self) -> int:
        """Its number, as a spreadsheet numbers it."""

    @property
    def cells(self) -> Sequence[str]:
        """Its texts, at least one."""


R = TypeVar("R", bound=Rowlike)


def walk_to(number: int, rows: Iterator[R], above: list[int]) -> R | None:
    """Return the row of that number, if there is one, and note the numbers of those passed."""
    for row in rows:
        if row.number >= number:
            return row if row.number == number else None
        above.append(row.number)
    return None
