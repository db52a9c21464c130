"""The lines of an earlier run's report, told apart by the sheets that they come from. Opens nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from importer.journal.states import NO_OUTCOME, Entry
from importer.records import Row, Sheet, read_part
from importer.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.journal.view import View
    from importer.reporter.report_reader import Carried, Splitter


_NAMED = 10  # rows that a notice names
#: By the sheet's name: which of the report's own columns, as indices, have a text in its lines.
Filled = dict[str, set[int]]


class PreviousLine(NamedTuple):
    """One line of an earlier run."""

    sheet: Sheet  #: that it is from
    row: Row
    entry: Entry | None  #: what that run left of it; None: nothing
    is_unedited: bool = False  #: its cells are certainly those that the run had


class Known(NamedTuple):
    """What a journal says of a line of its report."""

    entry: Entry
    cells: tuple[str, ...]  #: that the run had
    is_repeated: bool  #: another line before it said the same


class Memory:
    """What the journal of a report's run knows of its rows, and which of them the report's lines have told of so far.

    The report's cells can have been changed since, its columns moved, its lines sorted, deleted, copied and added.
    """

    def __init__(self, journal: View | None = None) -> None:
        self._journal = journal
        sheets = journal.sheets() if journal else []
        self.headers = {sheet.name: sheet.header for sheet in sheets}  #: by the sheet's name, which is unique in a run
        self._run = journal.info().run if journal else ""
        self._sheets = {sheet.name: (index, sheet.original) for index, sheet in enumerate(sheets)}
        self._rows: list[dict[int, int]] = [{} for _ in sheets]  # for each sheet, by number, the journal's number
        for row, index, number in journal.row_numbers() if journal else ():
            self._rows[index].setdefault(number, row)
        self._last: tuple[int, list[tuple[int, Row, Entry]]] = (0, [])
        self._told: set[tuple[str, str, int, str]] = set()
        self._told_rows: set[int] = set()
        self.new = _Places()
        self.repeated = _Places()
        self.edited = _Places()  #: those whose status or id is not what the journal says

    def source_of(self, sheet: str) -> str:
        """Return the source that a sheet of the run is of; empty where the run is not known."""
        return self._sheets.get(sheet, (0, ""))[1]

    def recall(self, carried: Carried, sheet: str) -> Known | None:
        """Return what the journal says of a line; None: the line stands for itself.

        A line with an empty `import_status` is to be a new record, whatever its row was.
        """
        place = _place_of(carried, sheet)
        row = self._find_row(carried, sheet)
        if row:
            self._told_rows.add(row)
        elif self._journal or not carried.is_numbered:
            self.new.add(place)
        if carried.outcome is None:
            return None
        told = (carried.source, sheet, carried.row.number, carried.part)
        is_repeated = carried.is_numbered and told in self._told
        self._told.add(told)
        if is_repeated:
            self.repeated.add(place)
        known = self._entry(row, carried) if row else None
        if known is not None:
            entry, own = known
            if entry.state is Status.DUPLICATE:  # the id that a report gives it is that of the row that it repeats
                is_told = carried.outcome.status is Status.DUPLICATE
                id_ = carried.outcome.id if is_told else ""
                entry = entry._replace(key=None, outcome=entry.outcome._replace(id=id_))
            if (entry.outcome.status, entry.outcome.id) != (carried.outcome.status, carried.outcome.id):
                self.edited.add(place)
            return Known(entry, own.cells, is_repeated)
        return None

    def _find_row(self, carried: Carried, sheet: str) -> int:
        index, source = self._sheets.get(sheet, (-1, ""))
        if index < 0 or (carried.source and carried.source != source) or not carried.is_numbered:
            return 0
        return self._rows[index].get(carried.row.number, 0)

    def _entry(self, row: int, carried: Carried) -> tuple[Entry, Row] | None:
        """Find the entry of a line; a line that another run decided knows more than this journal."""
        if self._last[0] != row and self._journal:
            self._last = (row, self._journal.entries_of(row))
        for _, own, entry in self._last[1]:
            if (read_part(entry.part) or entry.part) == carried.part:  # a journal of 0.1.0 has `3/12`
                decided_by = {"", self._run, entry.outcome.run}
                is_ours = carried.outcome is None or carried.outcome.run in decided_by
                return (entry, own) if is_ours else None
        return None

    def missing(self) -> _Places:
        """Return the rows of the run that no line has told of."""
        places = _Places()
        for name, (index, _) in self._sheets.items():
            for number, row in self._rows[index].items():
                if row not in self._told_rows:
                    places.add(f"{number} of sheet {name}" if len(self._sheets) > 1 else str(number))
        return places


class _Places:
    """Rows to be named in a notice: the first ones, and how many there are."""

    def __init__(self) -> None:
        self._first: list[str] = []
        self._number = 0

    def add(self, place: str) -> None:
        self._number += 1
        if len(self._first) < _NAMED:
            self._first.append(place)

    def __str__(self) -> str:
        more = f" and {self._number - len(self._first):,} more" if self._number > len(self._first) else ""
        return f"row{'s' if self._number > 1 else ''} {', '.join(self._first)}{more}"

    def __bool__(self) -> bool:
        return self._number > 0


def _place_of(carried: Carried, sheet: str) -> str:
    number = carried.row.number if carried.is_numbered else carried.row.place
    part = f", part {carried.part}" if carried.part else ""
    return f"{number}{part} of sheet {sheet}" if sheet else f"{number}{part}"


@dataclass(frozen=True, slots=True)
class _Part:
    """Which of a report's columns are those of one sheet of the source."""

    sheet: Sheet
    kept: tuple[int, ...]  #: the sheet's columns, as indices into the report's own
    places: tuple[int | None, ...]  #: for each column that the sheet had: where it is now, None: it was deleted
    others: tuple[int, ...]  #: what is kept beside them

    def cells_then(self, cells: tuple[str, ...]) -> tuple[str, ...] | None:
        """Return a line's cells as the sheet had its columns; None where there is text in others."""
        if any(cells[index] for index in self.others):
            return None
        return tuple("" if index is None else cells[index] for index in self.places)


class ReportTable:
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
        self._parts: dict[tuple[str, str], _Part] = {}  # by source and sheet

    def left(self, carried: Carried) -> PreviousLine:
        """Return a line of the earlier run."""
        name = carried.sheet or self._table.name
        source = carried.source or self._memory.source_of(name)
        if (source, name) not in self._parts:
            self._parts[source, name] = self._part(source, name)
        part, row, outcome = self._parts[source, name], carried.row, carried.outcome
        own = row._replace(cells=tuple(row.cells[index] for index in part.kept))
        known = self._memory.recall(carried, name)
        if outcome is None:
            return PreviousLine(part.sheet, own, None)
        if known is None:
            entry = Entry(outcome.status, carried.kind, part=carried.part, outcome=outcome)
            return PreviousLine(part.sheet, own, entry)
        is_unedited = part.cells_then(row.cells) == known.cells
        entry = known.entry
        if known.is_repeated and is_unedited and entry.outcome.status.is_success:  # a copy of a line is no other record
            entry = entry._replace(state=Status.DUPLICATE, outcome=NO_OUTCOME)
        return PreviousLine(part.sheet, own, entry, is_unedited)

    def _part(self, source: str, name: str) -> _Part:
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
            self._table.source,
            name,
            tuple(header[index] for index in kept),
            tuple(positions[index] for index in kept),
            origin=source,
        )
        return _Part(sheet, kept, places, tuple(index for index in kept if index not in places))


def _count(header: Sequence[str]) -> list[tuple[str, int]]:
    """Number repeated headers as the report does, so that they differ."""
    seen: Counter[str] = Counter()
    counted = []
    for text in map(str.strip, header):
        counted.append((text, seen[text]))
        seen[text] += 1
    return counted
