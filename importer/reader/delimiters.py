"""Which character parts the cells of a CSV: tried on its first records."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from importer.errors import SourceError
from importer.reader.csv_records import Form, csv_records
from importer.reader.heading import NO_HEADER, TOP_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.reader.bounds import Bounds
    from importer.reader.heading import HeaderRule

DELIMITERS = (",", ";", "\t", "|")  # where two fit equally well, the earlier one
_TRIED = 20  # records from the header on


def find_delimiter(file: BinaryIO, form: Form, rule: HeaderRule, bounds: Bounds) -> str:
    """Choose the delimiter that parts the header and fits the most rows; a comma where there is one column.

    One with which a row is recognised as a header outranks all others.
    """
    fits = {delimiter: _fitness(file, replace(form, delimiter=delimiter), rule, bounds) for delimiter in DELIMITERS}
    return max(DELIMITERS, key=fits.__getitem__)


def _fitness(file: BinaryIO, form: Form, rule: HeaderRule, bounds: Bounds) -> tuple[bool, float, int]:
    """Give whether the header was recognised, the share of rows as wide as it, and its width; zeros: does not part."""
    top = list(_top(file, form, rule, bounds))
    filled = [(number, cells) for number, cells in top if cells]
    if not filled:
        return (False, 0, 0)
    header, is_recognised = rule.choose(islice(filled, TOP_ROWS))
    widths = [len(cells) for number, cells in top if number >= header][:_TRIED]
    is_recognised = is_recognised and header != NO_HEADER
    if not widths or widths[0] < 2:
        return (is_recognised, 0, 0)
    return (is_recognised, widths.count(widths[0]) / len(widths), widths[0])


def _top(file: BinaryIO, form: Form, rule: HeaderRule, bounds: Bounds) -> Iterator[tuple[int, list[str]]]:
    """Yield the first records that are not blank; one without cells for the one that is malformed so parted."""
    number = 0
    wanted = max(rule.row or 0, TOP_ROWS) + _TRIED
    try:
        for number, record in enumerate(islice(csv_records(file, form, bounds), wanted), 1):
            if not record.is_blank:
                yield number, record.cells
    except SourceError:
        yield number + 1, []
