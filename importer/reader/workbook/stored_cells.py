"""Rows as a workbook's file stores them, whatever its format: what calamine's values are compared with. No reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from importer.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


#: First row, first column, last row, last column of merged cells; rows count from 1, columns from 0.
Merged: TypeAlias = tuple[int, int, int, int]


class StoredCell(NamedTuple):
    """A cell, in the words of ECMA-376 18.3.1.4."""

    type: str  #: n, s, str, inlineStr, b, e or d
    value: str  #: as stored; of type s an index; of inlineStr nothing; empty where the cell is empty
    is_formula: bool = False
    width: int = 0  #: digits that a number shows at least
    text: str = ""  #: what the user sees, where calamine would say something else


class StoredRow(Protocol):
    """A row as it is stored."""

    @property
    def number(self) -> int:
        """Its number, from 1."""

    @property
    def cells(self) -> Mapping[int, StoredCell]:
        """Its cells by their 0-based column; those that hold nothing can be left out."""

    def texts(self, values: Sequence[object]) -> list[str] | None:
        """Give the texts of calamine's values if that is plainly all there is to say; None asks for a closer look."""


class WalkedRow(NamedTuple):
    """A row whose cells were all looked at."""

    number: int
    cells: Mapping[int, StoredCell]

    def texts(self, _values: Sequence[object]) -> list[str] | None:
        return None


class StoredSheet(Protocol):
    """One sheet of a workbook as it is stored."""

    @property
    def merged(self) -> list[Merged]:
        """What is merged; complete when the rows have been walked once."""

    def rows(self, columns: range) -> Iterator[StoredRow]:
        """Walk the rows in ascending order, those without cells left out or not; `columns` are those of calamine.

        Raises:
            SourceError: The file is damaged.
        """


def damaged(why: str) -> SourceError:
    """Make the error for a workbook whose inside is not as it must be."""
    return SourceError(
        f"the workbook is damaged: {why}",
        hint="Open it in a spreadsheet program, save it again as .xlsx and try again.",
    )


def in_order(number: int, before: int) -> int:
    """Give a row's number that is higher than that of the row before.

    Raises:
        SourceError: It is not.
    """
    if number <= before:
        raise damaged(f"row {number} comes after row {before}")
    return number
