"""What a page shows of a run, read with as little work for each record as can be. Writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

from importer.journal.sql import load_queries
from importer.records import Status

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from importer.records import Key

_SQL = load_queries()
_CHUNK = 1000  # records read in one go


class Shown(NamedTuple):
    """A record as a page shows it: made for fifty thousand of them, and so without types of ours in it."""

    record: int
    sheet: int  #: index into the run's sheets
    row: int
    part: str
    kind: str
    status: str  #: the value of a `Status`
    id: str
    cell: str
    reason: str
    hint: str
    cells: bytes  #: JSON array of text: the row as it stands in the source


class PageView:
    """Looks at a journal through its connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def records(self, first: int) -> Iterator[list[Shown]]:
        """Give the first so many records, then all others that need attention, in chunks and in the source's order.

        They are plain tuples in the order of `Shown`.
        """
        last = 0
        for chunk in self._chunks(0, True, first):
            last = chunk[-1][0]
            yield chunk
        yield from self._chunks(last, False, -1)

    def _chunks(self, after: int, is_all: bool, limit: int) -> Iterator[list[Shown]]:
        cursor = self._db.execute(_SQL["page_rows"], (after, is_all, limit))
        while chunk := cursor.fetchmany(_CHUNK):
            yield chunk

    def shadows(self, first: int) -> Iterator[tuple[int, Key, str, bool]]:
        """Give of the shadows among the first so many records that the target has: record, key, zone, is created."""
        (last,) = self._db.execute(_SQL["page_end"], (first,)).fetchone()
        for id_, key, zone, state in self._db.execute(_SQL["page_shadows"], (last,)):
            yield id_, tuple(orjson.loads(key)), zone, state == Status.CREATED
