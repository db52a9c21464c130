"""Whether a row of a source is its header, for sources that have titles above it. Looks at one row at a time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from importer.normalizer.aliases import CLEAR, FAMILIAR, IN_SHEETS_OF, KNOWN, OWN, REPORT_HEADERS, canonical
from importer.normalizer.cleaning import BLANKS
from importer.normalizer.columns import TELLING
from importer.normalizer.mapping import NO_MAPPING
from importer.records import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.normalizer.mapping import Mapping

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
