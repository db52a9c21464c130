"""What can be looked at in a journal that another process may be writing. Changes nothing."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import orjson

from importer.journal.codec import read_line, states_of
from importer.journal.journal import Journal
from importer.journal.sql import load_queries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from importer.records import ReportLine, Status

_SQL = load_queries()
_CHUNK = 2000  # lines of one question: no question lasts, for SQLite's log of a run that goes on would grow meanwhile


class View(Journal):
    """A journal that was opened for reading only: whatever writes raises JournalError."""

    def lines_of(self, statuses: Collection[Status], limit: int | None = None) -> Iterator[ReportLine]:
        """Give the lines that have one of the statuses, in the order of the source; the first `limit` of them."""
        return islice(self._lines_of(orjson.dumps(states_of(statuses)).decode()), limit)

    def _lines_of(self, states: str) -> Iterator[ReportLine]:
        names, run, after = [sheet.name for sheet in self.sheets()], self.facts().get("run", ""), -1
        while found := self._db.execute(_SQL["lines_of"], (after, states, _CHUNK)).fetchall():
            after = found[-1][0]
            yield from (read_line(values[1:], names, run) for values in found)
