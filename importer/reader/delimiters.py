"""Which character parts the cells of a CSV: tried on its first records."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from importer.errors import SourceError
from importer.reader.csv_records import csv_records

if TYPE_CHECKING:
    from collections.abc import Iterator

DELIMITERS = (",", ";", "\t", "|")  # where two fit equally well, the earlier one
_TRIED = 20  # records


def find_delimiter(file: BinaryIO, codec: str, name: str) -> str:
    """Choose the delimiter that parts the header and fits the most rows; a comma where there is one column."""
    return max(DELIMITERS, key=lambda delimiter: _fitness(file, codec, name, delimiter))


def _fitness(file: BinaryIO, codec: str, name: str, delimiter: str) -> tuple[float, int]:
    """Give the share of rows as wide as the header, then the header's width; (0, 0) where it does not part."""
    widths = list(_widths(file, codec, name, delimiter))
    if not widths or widths[0] < 2:
        return (0, 0)
    return (widths.count(widths[0]) / len(widths), widths[0])


def _widths(file: BinaryIO, codec: str, name: str, delimiter: str) -> Iterator[int]:
    """Yield the first records' widths, and 0 for the one that is malformed with this delimiter."""
    try:
        for record in islice(csv_records(file, codec, delimiter, name), _TRIED):
            if not record.is_blank:
                yield len(record.cells)
    except SourceError:
        yield 0
