"""What a sheet's header says: which of our columns stands where, and what the sheet holds. Looks at no row."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from importer.cells import BLANKS, cell_name
from importer.errors import SourceError
from importer.normalizer.aliases import CLEAR, FAMILIAR, IN_SHEETS_OF, KNOWN, OWN, REPORT_HEADERS, canonical
from importer.normalizer.columns import TELLING
from importer.normalizer.mapping import NO_MAPPING
from importer.normalizer.matching import claim, is_named
from importer.normalizer.suggestions import Suggestion, suggest
from importer.quoting import quote, quote_path
from importer.records import Kind, Sheet

if TYPE_CHECKING:
    from collections import abc
    from collections.abc import Sequence

    from importer.normalizer.mapping import Mapping


# ---- Whether a row of a source is its header, for sources that have titles above it. Looks at one row at


_LONGEST = 200  # characters: no header that is known is longer
_ENOUGH = 2
_WORD = re.compile(r"[^\W\d_]+")
_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec"
#: Words of numbers, dates, times and durations.
_OF_VALUES: Final = "st nd rd th of at t z am pm a p m h d w s e x min utc gmt hours hour days day weeks week"
#: What is a header even where nothing else stands in the row; "Schedule" or "Rotation" would be titles.
_ALONE: Final = frozenset(
    {
        *(name for name, column in OWN.items() if column in TELLING),
        *(name for name, column in CLEAR[Kind.SCHEDULE].items() if column == "remote_id"),
        *IN_SHEETS_OF[Kind.SCHEDULE],
    }
)


def is_header(cells: Sequence[str], mapping: Mapping = NO_MAPPING) -> bool:
    """Tell whether a row is a header: two of its cells are known, or its only one, or one of the mapping's."""
    return header_score(cells, mapping) > 0


def header_score(cells: Sequence[str], mapping: Mapping = NO_MAPPING) -> int:
    """Count the cells of a row that are known headers; 0 where the row is no header."""
    texts = [text for cell in cells if len(cell) <= _LONGEST and (text := cell.strip(BLANKS))]
    names = [canonical(text) for text in texts]
    mapped = _count_mapped(texts, names, mapping)
    known = sum(name in KNOWN or name in REPORT_HEADERS for name in names)
    if mapped:
        return max(mapped, known)
    # "From", "2027-01-01" are a line above the table, or one of its rows.
    if not known or any(map(_is_value, texts)):
        return 0
    if len(texts) == 1:
        return int(names[0] in _ALONE and _is_only(cells))
    return known if known + sum(name in FAMILIAR for name in names) >= _ENOUGH else 0


def _count_mapped(texts: list[str], names: list[str], mapping: Mapping) -> int:
    if not mapping.columns:
        return 0
    wanted = {canonical(header) for header in mapping.columns} - {""}
    return sum(text in mapping.columns or name in wanted for text, name in zip(texts, names, strict=True))


def _is_value(text: str) -> bool:
    """Tell a number, a date or a time as a whole, also in words; `2nd line` is none."""
    if not text[0].isdigit():
        return False
    return all(
        word.casefold() in _OF_VALUES.split() or word.casefold()[:3] in _MONTHS.split() for word in _WORD.findall(text)
    )


def _is_only(cells: Sequence[str]) -> bool:
    return sum(bool(cell.strip(BLANKS)) for cell in cells) == 1


# ---- What a sheet's header says: which of our columns stands where, and what the sheet holds. Looks at no


FIRST_ROW = 1
_BESIDE = frozenset({"kind", "timezone", "group"})  # alone they make no record, whatever the mapping gives


@dataclass(frozen=True, slots=True)
class Layout:
    """Where our columns stand in a sheet, and what the mapping gives instead."""

    sheet: Sheet
    indices: abc.Mapping[str, int]  #: column of ours -> index into the header and into a row's cells
    not_used: tuple[str, ...]  #: headers that are not ours, as they stand, each once; blank ones are left out
    kind: Kind | None = None  #: what the sheet holds; None where it does not say, or says both
    mapping: Mapping = NO_MAPPING
    mapped: frozenset[str] = frozenset()  #: the mapping's headers that the sheet has
    given: abc.Mapping[str, str] = field(default_factory=dict)  #: column of ours -> text where no cell has one

    @property
    def constants(self) -> abc.Mapping[str, str]:
        """The texts that hold for every row, by column; such a column stands in no cell."""
        return self.mapping.constants

    @property
    def defaults(self) -> abc.Mapping[str, str]:
        """The texts that count where a cell is empty, by column."""
        return self.mapping.defaults

    @property
    def is_usable(self) -> bool:
        """True where some column can make a record, if need be together with what the mapping gives."""
        if not TELLING.isdisjoint(self.indices):
            return True
        return not (_BESIDE.issuperset(self.indices) or TELLING.isdisjoint(self.given))

    @property
    def suggestions(self) -> tuple[Suggestion, ...]:
        """What headers that are not used may mean. Takes time: ask once a sheet."""
        return suggest(self) if is_named(self.sheet, self.mapping) else ()

    def cell(self, column: str, row: int) -> str:
        """Name the cell of a column of ours; empty where the sheet has no such column."""
        index = self.indices.get(column)
        return "" if index is None else cell_name(self.sheet.positions[index], row)


def plan(sheet: Sheet, mapping: Mapping = NO_MAPPING, provider: str | None = None, *, is_known: bool = False) -> Layout:
    """Find our columns in a sheet's header; `provider` is what the user says of schedules that name none.

    `is_known`: an earlier run took the sheet in.

    Raises:
        SourceError: two headers are the same column of ours; taking one of them would be a guess.
    """
    claims = claim(sheet, mapping, provider, is_known=is_known)
    _refuse_repeats(sheet, claims.columns)
    used = {index for indices in claims.columns.values() for index in indices} | claims.ignored
    return Layout(
        sheet,
        {column: indices[0] for column, indices in claims.columns.items()},
        _not_used(sheet, used),
        claims.kind,
        mapping,
        claims.mapped,
        {**mapping.defaults, **mapping.constants},
    )


def repeats(
    sheet: Sheet, mapping: Mapping = NO_MAPPING, provider: str | None = None, *, is_known: bool = False
) -> tuple[tuple[int, ...], ...]:
    """Find the headers that are the same column of ours: for each such column the indices into the header."""
    columns = claim(sheet, mapping, provider, is_known=is_known).columns
    return tuple(indices for indices in columns.values() if len(indices) > 1)


def _not_used(sheet: Sheet, used: set[int]) -> tuple[str, ...]:
    headers = (text for index, text in enumerate(sheet.header) if index not in used)
    return tuple(dict.fromkeys(text for text in headers if canonical(text) or not _is_blank(text)))


def _is_blank(header: str) -> bool:
    return not any(char.isprintable() and not char.isspace() for char in header)


def _refuse_repeats(sheet: Sheet, columns: abc.Mapping[str, tuple[int, ...]]) -> None:
    repeats = [_repeat(sheet, column, indices) for column, indices in columns.items() if len(indices) > 1]
    if repeats:
        raise SourceError(
            f"{quote_path(sheet.source)}, sheet {quote(sheet.name)}, has more than one column for {'; '.join(repeats)}",
            hint='keep one of them: rename or delete the others, or write "their header" = "" below [columns] '
            "in a mapping file",
        )


def _repeat(sheet: Sheet, column: str, indices: tuple[int, ...]) -> str:
    row = sheet.header_row or FIRST_ROW
    cells = (f"{cell_name(sheet.positions[index], row)} {quote(sheet.header[index])}" for index in indices)
    return f"{column}: {', '.join(cells)}"
