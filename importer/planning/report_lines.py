"""The lines of an earlier run's report, told apart by the sheets that they come from. Opens nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from importer.journal.states import Entry
from importer.records import Row, Sheet
from importer.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from importer.journal.states import State
    from importer.records import Key
    from importer.reporter.report_reader import Carried, Splitter


#: By the sheet's name: which of the report's own columns, as indices, have a text in its lines.
Filled = dict[str, set[int]]


class PreviousLine(NamedTuple):
    """One line of an earlier run."""

    sheet: Sheet  #: that it is from
    row: Row
    entry: Entry | None  #: what that run left of it; None: nothing
    is_unedited: bool = False  #: its cells are certainly those that the run had


class Bound(NamedTuple):
    """How far a record of an earlier run has come into its groups."""

    was: State | Status | None  #: created or exists, where it is not in all of them
    groups: tuple[str, ...]  #: the ids of those that it is not in
    bound: tuple[str, ...]  #: the ids of those that it is in


_NO_GROUPS = Bound(None, (), ())


@dataclass(frozen=True, slots=True)
class Memory:
    """What the journal of a report's run says: cells of the report can have been changed since, and columns moved."""

    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  #: by the sheet's name
    sent: Mapping[tuple[str, int, str], tuple[Key, int]] = field(default_factory=dict)
    """By sheet, row and part: what was really sent, and the hash of the cells that it was made from."""
    bound: Mapping[tuple[str, int, str], Bound] = field(default_factory=dict)  #: likewise, of what belongs into groups


@dataclass(frozen=True, slots=True)
class _Part:
    """Which of a report's columns are those of one sheet of the source."""

    sheet: Sheet
    kept: tuple[int, ...]  #: the sheet's columns, as indices into the report's own
    places: tuple[int | None, ...]  #: for each column that the sheet had: where it is now, None: it was deleted
    others: tuple[int, ...]  #: what is kept beside them

    def cells_then(self, cells: tuple[str, ...]) -> tuple[str, ...] | None:
        """Give a line's cells as the sheet had its columns; None where there is text in others."""
        if any(cells[index] for index in self.others):
            return None
        return tuple("" if index is None else cells[index] for index in self.places)


class Table:
    """The lines of a report, told apart by the sheets that they come from.

    A report has the columns of all its sheets side by side, and what a header means can depend on the others: a line
    gets those that its sheet had, and those that somebody has filled in since. Where no journal says what it had, it
    keeps them all.
    """

    def __init__(self, table: Sheet, splitter: Splitter, memory: Memory, filled: Filled) -> None:
        self._table = table
        self._splitter = splitter
        self._memory = memory
        self._filled = filled
        self._parts: dict[str, _Part] = {}

    def left(self, carried: Carried) -> PreviousLine:
        """Give a line of the earlier run."""
        name = carried.sheet or self._table.name
        if name not in self._parts:
            self._parts[name] = self._part(name)
        part, row, outcome = self._parts[name], carried.row, carried.outcome
        own = row._replace(cells=tuple(row.cells[index] for index in part.kept))
        if outcome is None:
            return PreviousLine(part.sheet, own, None)
        is_sent = outcome.status.is_success or outcome.status is Status.UNKNOWN
        is_refused = outcome.status is Status.INVALID and outcome.id != ""  # after it had been created
        place = (name, row.number, carried.part)
        bound = self._memory.bound.get(place, _NO_GROUPS)
        known = self._memory.sent.get(place) if is_sent or is_refused or bound.was else None
        key, cells = known or (None, 0)
        entry = Entry(outcome.status, carried.kind, key=key, part=carried.part, outcome=outcome, **bound._asdict())
        return PreviousLine(part.sheet, own, entry, known is not None and hash(part.cells_then(row.cells)) == cells)

    def _part(self, name: str) -> _Part:
        header, positions = self._splitter.header, self._splitter.positions
        indices = range(len(header))
        places: tuple[int | None, ...] = tuple(indices)
        kept = tuple(indices)
        if name in self._memory.headers:
            found = {key: index for index, key in enumerate(_count(header))}
            places = tuple(found.get(key) for key in _count(self._memory.headers[name]))
            if len(self._memory.headers) > 1:
                kept = tuple(index for index in indices if index in places or index in self._filled.get(name, ()))
        sheet = Sheet(
            self._table.source, name, tuple(header[index] for index in kept), tuple(positions[index] for index in kept)
        )
        return _Part(sheet, kept, places, tuple(index for index in kept if index not in places))


def _count(header: Sequence[str]) -> list[tuple[str, int]]:
    """Tell repeated headers apart as the report does: by their count so far."""
    seen: Counter[str] = Counter()
    counted = []
    for text in map(str.strip, header):
        counted.append((text, seen[text]))
        seen[text] += 1
    return counted
