"""Rows of a sheet handed over some at a time, so that no sheet has to fit into memory."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from importer.records import Row, Sheet


#: Rows in a chunk at most: some 100 KB of text, and few enough commits in the journal.
CHUNK_ROWS = 2000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of one sheet, in order. A sheet with a header and no rows makes one chunk without rows."""

    sheet: Sheet  #: the very same object in all chunks of a sheet
    rows: list[Row]  #: at most `CHUNK_ROWS`
    share: float = 0.0  #: of the source that has been read so far, from 0 to 1


def in_chunks(sheet: Sheet, rows: Iterable[Row]) -> Iterator[Chunk]:
    """Batch the rows of a sheet into chunks, at least one."""
    left = iter(rows)
    batch = list(islice(left, CHUNK_ROWS))
    yield Chunk(sheet, batch)
    while batch := list(islice(left, CHUNK_ROWS)):
        yield Chunk(sheet, batch)
