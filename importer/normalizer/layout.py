"""What a sheet's header says: which of our columns stands where. Looks at no row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.errors import SourceError
from importer.normalizer.aliases import ALIASES, canonical
from importer.normalizer.columns import TELLING
from importer.normalizer.wording import quote
from importer.records import Sheet, cell_name

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER_ROW = 1


@dataclass(frozen=True, slots=True)
class Layout:
    """Where our columns stand in a sheet."""

    sheet: Sheet
    indices: Mapping[str, int]  #: column of ours -> index into the header and into a row's cells
    not_used: tuple[str, ...]  #: headers that are not ours, as they stand, each once; blank ones are left out

    @property
    def is_usable(self) -> bool:
        """True where some column can make a record; `kind` and `timezone` alone cannot."""
        return not TELLING.isdisjoint(self.indices)

    def cell(self, column: str, row: int) -> str:
        """Name the cell of a column of ours; empty where the sheet has no such column."""
        index = self.indices.get(column)
        return "" if index is None else cell_name(self.sheet.positions[index], row)


def plan(sheet: Sheet) -> Layout:
    """Find our columns in a sheet's header.

    Raises:
        SourceError: two headers are the same column of ours; taking one of them would be a guess.
    """
    found, not_used = _find(sheet)
    _refuse_repeats(sheet, found)
    return Layout(sheet, {column: indices[0] for column, indices in found.items()}, not_used)


def repeats(sheet: Sheet) -> tuple[tuple[int, ...], ...]:
    """Find the headers that are the same column of ours: for each such column the indices into the header."""
    return tuple(tuple(indices) for indices in _find(sheet)[0].values() if len(indices) > 1)


def _find(sheet: Sheet) -> tuple[dict[str, list[int]], tuple[str, ...]]:
    """Give the indices of each column of ours, and the headers that are none."""
    found: dict[str, list[int]] = {}
    not_used: dict[str, None] = {}
    for index, header in enumerate(sheet.header):
        name = canonical(header)
        if name in ALIASES:
            found.setdefault(ALIASES[name], []).append(index)
        elif name or not _is_blank(header):
            not_used[header] = None
    return found, tuple(not_used)


def _is_blank(header: str) -> bool:
    return not any(char.isprintable() and not char.isspace() for char in header)


def _refuse_repeats(sheet: Sheet, found: Mapping[str, list[int]]) -> None:
    repeats = [_repeat(sheet, column, indices) for column, indices in found.items() if len(indices) > 1]
    if repeats:
        raise SourceError(
            f"{quote(sheet.source)}, sheet {quote(sheet.name)}, has more than one column for {'; for '.join(repeats)}",
            hint="keep one of them: rename or delete the others",
        )


def _repeat(sheet: Sheet, column: str, indices: list[int]) -> str:
    cells = (f"{cell_name(sheet.positions[index], HEADER_ROW)} {quote(sheet.header[index])}" for index in indices)
    return f"{column}: {', '.join(cells)}"
