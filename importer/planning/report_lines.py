"""A report's lines, assigned to the source's sheets and compared with the run's journal. Opens nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import NamedTuple

from importer.cells import cell_name, column_of
from importer.journal.states import NO_OUTCOME, Entry
from importer.journal.view import View
from importer.records import MENDABLE, Problem, Row, Sheet
from importer.reporter.columns import changed_cells, number_repeats
from importer.reporter.report_reader import Carried, Splitter
from importer.statuses import Status
from importer.wording import count_of, escape, list_first, quote

_NAMED = 10  # rows that a notice names
_LONGEST_NAME = 60  # characters of a header in a message
#: By the sheet's name: the indices of those of the report's own columns that have a text in its lines.
Filled = dict[str, set[int]]


class PreviousLine(NamedTuple):
    """One line of an earlier run."""

    sheet: Sheet  #: the sheet that it is from
    row: Row
    entry: Entry | None  #: what that run left of it; None if nothing
    is_unedited: bool = False  #: its cells are certainly those that the run had


_ACCEPT = " If the cells here are right as they are, empty import_status of this line."


class Known(NamedTuple):
    """What a journal says about a line of its report."""

    entry: Entry
    row: Row  #: the row that the run had
    is_repeated: bool  #: another line before it said the same


class Memory:
    """What the journal of a report's run knows of its rows, and which of them the report's lines have mentioned so far.

    Since then cells can have been changed, columns moved, and lines sorted, deleted, copied and added.
    """

    def __init__(self, journal: View | None = None) -> None:
        self._journal = journal
        sheets = journal.sheets() if journal else []
        self.headers = {sheet.name: sheet.header for sheet in sheets}  #: by the sheet's name, which is unique in a run
        self.positions = {sheet.name: sheet.positions for sheet in sheets}  #: likewise
        self._run = journal.info().run if journal else ""
        self._sources = {sheet.name: sheet.original for sheet in sheets}
        # For each sheet, by number, the journal's number; a sheet's rows can be in two tables of a report.
        self._rows: dict[str, dict[int, int]] = {name: {} for name in self._sources}
        for row, index, number in journal.row_numbers() if journal else ():
            self._rows[sheets[index].name].setdefault(number, row)
        self._last: tuple[int, list[tuple[int, Row, Entry]]] = (0, [])
        self._last_numbers: dict[str, int] = {}  # of sheets to which rows were added
        self._seen: set[tuple[str, str, int, str]] = set()
        self._seen_rows: set[int] = set()
        self.new = _Places()
        self.repeated = _Places()
        self.edited = _Places()  #: rows whose status or id is not what the journal says
        self.deleted = _Places()  #: rows whose line was deleted from the sheet To mend
        self.changed = _Places("cell")  #: cells that were changed only in the sheet All rows

    def source_of(self, sheet: str) -> str:
        """Return the source of a sheet of the run; empty if the run is not known."""
        return self._sources.get(sheet, "")

    def number_new(self, sheet: str) -> int:
        """Return a number for a row that was added to a sheet of the run: after its last one."""
        last = self._last_numbers.get(sheet) or max(self._rows[sheet], default=1)
        self._last_numbers[sheet] = last + 1
        return last + 1

    def recall(self, carried: Carried, sheet: str, table: str = "") -> Known | None:
        """Return what the journal says of a line; None if the line counts by itself.

        A line with an empty `import_status` makes a new record, whatever its row was. A line without a number is named
        by its place in the table.
        """
        place = _place_of(carried, sheet if carried.is_numbered else table or sheet)
        row = self._find_row(carried, sheet)
        if row:
            self._seen_rows.add(row)
        elif self._journal or not carried.is_numbered:
            self.new.add(place)
        if carried.outcome is None:
            return None
        identity = (carried.source, sheet, carried.row.number, carried.part)
        is_repeated = carried.is_numbered and identity in self._seen
        self._seen.add(identity)
        if is_repeated:
            self.repeated.add(place)
        known = self._entry(row, carried) if row else None
        if known is not None:
            entry, own = known
            if entry.state is Status.DUPLICATE:  # in a report it has the id of the row that it repeats
                is_still_duplicate = carried.outcome.status is Status.DUPLICATE
                id_ = carried.outcome.id if is_still_duplicate else ""
                entry = entry._replace(key=None, outcome=entry.outcome._replace(id=id_))
            if (entry.outcome.status, entry.outcome.id) != (carried.outcome.status, carried.outcome.id):
                self.edited.add(place)
            return Known(entry, own, is_repeated)
        return None

    def leave_out(self, carried: Carried) -> None:
        """Note that a line's row was deleted from the report, so it is not part of this run."""
        self._seen_rows.add(self._find_row(carried, carried.sheet))
        self.deleted.add(_place_of(carried, carried.sheet))

    def cells_of(self, carried: Carried, sheet: str) -> tuple[str, ...] | None:
        """Return the cells that the run had for a line; None if the journal does not know it."""
        row = self._find_row(carried, sheet)
        found = self._entry(row, carried) if row else None
        return found[1].cells if found else None

    def _find_row(self, carried: Carried, sheet: str) -> int:
        is_other = carried.source and carried.source != self._sources.get(sheet)
        if sheet not in self._rows or is_other or not carried.is_numbered:
            return 0
        return self._rows[sheet].get(carried.row.number, 0)

    def _entry(self, row: int, carried: Carried) -> tuple[Entry, Row] | None:
        """Find the entry of a line; if another run decided the line, it knows more than this journal."""
        if self._last[0] != row and self._journal:
            self._last = (row, self._journal.entries_of(row))
        for _, own, entry in self._last[1]:
            if entry.part == carried.part:
                decided_by = {"", self._run, entry.outcome.run}
                is_ours = carried.outcome is None or carried.outcome.run in decided_by
                return (entry, own) if is_ours else None
        return None

    def missing(self) -> tuple[_Places, _Places]:
        """Return the rows of the run that no line mentioned, and the sheets without any line."""
        rows, sheets = _Places(), _Places("sheet")
        for name, own in self._rows.items():
            missing = [number for number, row in own.items() if row not in self._seen_rows]
            if missing and len(missing) == len(own):
                sheets.add(f"{name} ({count_of(len(missing), 'row')})")
                continue
            for number in missing:
                rows.add(f"{number} of sheet {name}" if len(self._rows) > 1 else str(number))
        return rows, sheets


class _Places:
    """Rows or cells for a notice: the first ones, and how many there are."""

    def __init__(self, noun: str = "row") -> None:
        self._noun = noun
        self._first: list[str] = []
        self._number = 0

    def add(self, place: str) -> None:
        self._number += 1
        if len(self._first) < _NAMED:
            self._first.append(place)

    def __str__(self) -> str:
        return f"{self._noun}{'s' if self._number > 1 else ''} {list_first(self._first, _NAMED, self._number)}"

    def __bool__(self) -> bool:
        return self._number > 0


def _place_of(carried: Carried, sheet: str) -> str:
    number = carried.row.number if carried.is_numbered else carried.row.place
    part = f", part {carried.part}" if carried.part else ""
    return f"{number}{part} of sheet {sheet}" if sheet else f"{number}{part}"


@dataclass(frozen=True, slots=True)
class _Part:
    """Which of a report's columns belong to one sheet of the source."""

    sheet: Sheet
    kept: tuple[int, ...]  #: the sheet's columns, as indices into the report's own
    places: tuple[int | None, ...]  #: for each column that the sheet had: where it is now; None if it was deleted
    others: tuple[int, ...]  #: other columns that are kept

    def cells_now(self, cells: tuple[str, ...], width: int) -> tuple[str, ...]:
        """Return a line's cells in the report's columns; columns that the sheet did not have are empty."""
        now = [""] * width
        for index, cell in zip(self.places, cells, strict=False):
            if index is not None:
                now[index] = cell
        return tuple(now)

    def cells_then(self, cells: tuple[str, ...]) -> tuple[str, ...] | None:
        """Return a line's cells in the sheet's columns; None if other columns have text."""
        if any(cells[index] for index in self.others):
            return None
        return tuple("" if index is None else cells[index] for index in self.places)


class ReportTable:
    """Assigns the lines of a report to the sheets that they come from.

    A report has the columns of all its sheets side by side, and the meaning of a header can depend on the others: a
    line gets the columns that its sheet had, and those that were filled in since. Without a journal it keeps them all.
    """

    def __init__(self, table: Sheet, splitter: Splitter, memory: Memory, filled: Filled) -> None:
        self._table = table
        self._splitter = splitter
        self._memory = memory
        self._filled = filled
        self._parts: dict[tuple[str, str], _Part] = {}  # by source and sheet

    def fill(self, carried: Carried, before: tuple[str, ...]) -> Carried:
        """Return a line with the cells that it had before in columns that the table does not have."""
        both = zip(carried.row.cells, before, self._splitter.places, strict=True)
        cells = tuple(now if place >= 0 else old for now, old, place in both)
        return replace(carried, row=carried.row._replace(cells=cells))

    def left(self, carried: Carried, before: tuple[str, ...] | None = None) -> PreviousLine:
        """Return a line of the earlier run; `before` are its cells before any were corrected."""
        name = self._name_of(carried)
        part, outcome = self._part_of(carried), carried.outcome
        known = self._memory.recall(carried, name, self._table.name)
        if before is None:
            before = part.cells_now(known.row.cells, len(carried.row.cells)) if known else None
        row = self._look_at(carried, before)
        own = row._replace(cells=tuple(row.cells[index] for index in part.kept))
        if not carried.is_numbered and name in self._memory.headers:
            own = own._replace(number=self._memory.number_new(name), line=row.place)
        if outcome is None:
            return PreviousLine(part.sheet, own, None)
        if known is None:
            entry = Entry(outcome.status, carried.kind, part=carried.part, outcome=outcome)
            return PreviousLine(part.sheet, own, entry)
        is_unedited = part.cells_then(row.cells) == known.row.cells
        if known.row.problems:
            flaws = self._flaws(part, row, known.row, self._memory.positions[name])
            own = own._replace(problems=(*own.problems, *flaws))
        entry = known.entry
        if known.is_repeated and entry.outcome.status.is_success:  # a copy is no other record, and others are no copy
            copied = entry._replace(state=Status.DUPLICATE, outcome=NO_OUTCOME)
            entry = copied if is_unedited else entry._replace(state=Status.INVALID)
        return PreviousLine(part.sheet, own, entry, is_unedited)

    def _flaws(self, part: _Part, row: Row, known: Row, positions: Sequence[int]) -> Iterator[Problem]:
        """Yield what was wrong while the run read a row, unless the cell was edited since: its text looks right now."""
        is_unedited = part.cells_then(row.cells) == known.cells
        for flaw in known.problems:
            column = column_of(flaw.cell.rstrip("0123456789"))
            cell = ""
            if column in positions:
                index = positions.index(column)
                now = part.places[index]
                if now is None or row.cells[now] != known.cells[index]:
                    continue
                place = self._splitter.places[now]
                cell = cell_name(place, row.place) if place >= 0 else ""
            elif not is_unedited:
                continue
            yield flaw._replace(cell=cell, hint=f"{flaw.hint.removesuffix(_ACCEPT)}{_ACCEPT}")

    def note_changes(self, carried: Carried) -> None:
        """Note which cells of a line differ from those that the run had, apart from changed blanks."""
        if carried.outcome is None:
            return
        now = carried.row.cells
        known = self._memory.cells_of(carried, self._name_of(carried))
        if known is None:
            changed = changed_cells(self._splitter.header, now, carried.digest) if carried.digest else []
        else:
            pairs = enumerate(zip(now, self._part_of(carried).cells_now(known, len(now)), strict=True))
            changed = [index for index, (text, old) in pairs if text != old and text.split() != old.split()]
        for index in changed:
            if (place := self._splitter.places[index]) >= 0:
                header = escape(self._splitter.header[index].strip(), _LONGEST_NAME)
                self._memory.changed.add(f"{cell_name(place, carried.row.place)} ({header})")

    def _look_at(self, carried: Carried, before: tuple[str, ...] | None) -> Row:
        """Return a line's row, with a problem for each text that a spreadsheet has changed."""
        row = carried.row
        if before is None:
            if carried.is_numbered:
                return row
            before = ("",) * len(row.cells)
        shown = dict(row.shown)
        spoiled = [
            Problem(
                f"{escape(self._splitter.header[index].strip(), _LONGEST_NAME)} is {quote(text)}, {reason}",
                "Format the cell as text, then write it again.",
                cell=cell_name(place, row.place) if (place := self._splitter.places[index]) >= 0 else "",
                topic="a text that a spreadsheet has changed",
            )
            for index, (text, old) in enumerate(zip(row.cells, before, strict=True))
            if text != old and (reason := _spoiled(text, old, shown.get(index, "")))
        ]
        return row._replace(problems=(*row.problems, *spoiled)) if spoiled else row

    def _name_of(self, carried: Carried) -> str:
        """Return the sheet of a line; a new line belongs to the only sheet that has all columns it has filled."""
        if carried.sheet or carried.is_numbered:
            return carried.sheet or self._table.name
        filled = [index for index, cell in enumerate(carried.row.cells) if cell]
        fitting = [name for name in self._memory.headers if self._has_columns(name, filled)]
        return fitting[0] if len(fitting) == 1 else self._table.name

    def _has_columns(self, name: str, filled: Iterable[int]) -> bool:
        part = self._part(self._memory.source_of(name), name)
        return all(index in part.places for index in filled)

    def _part_of(self, carried: Carried) -> _Part:
        name = self._name_of(carried)
        return self._part(carried.source or self._memory.source_of(name), name)

    def _part(self, source: str, name: str) -> _Part:
        if (source, name) not in self._parts:
            self._parts[source, name] = self._make_part(source, name)
        return self._parts[source, name]

    def _make_part(self, source: str, name: str) -> _Part:
        header = self._splitter.header
        both = zip(self._splitter.places, self._splitter.positions, strict=True)
        positions = tuple(own if own >= 0 else other for own, other in both)
        indices = range(len(header))
        places: tuple[int | None, ...] = tuple(indices)
        kept = tuple(indices)
        if name in self._memory.headers:
            found = {key: index for index, key in enumerate(number_repeats(map(str.strip, header)))}
            places = tuple(map(found.get, number_repeats(map(str.strip, self._memory.headers[name]))))
            if len(self._memory.headers) > 1:
                kept = tuple(index for index in indices if index in places or index in self._filled.get(name, ()))
        sheet = Sheet(
            self._table.source,
            name,
            tuple(header[index] for index in kept),
            tuple(positions[index] for index in kept),
            origin=source,
            table=self._table.name,
        )
        return _Part(sheet, kept, places, tuple(index for index in kept if index not in places))


_EXACT = 15  # digits of a spreadsheet's number
_EXPONENT = re.compile(r"[+-]?[0-9](?:[.,][0-9]+)?E[+-][0-9]{2,3}").fullmatch
_IS_LONG = re.compile(r"[0-9]{16,}").fullmatch


def _spoiled(text: str, before: str, shown: str) -> str:
    """Return what a spreadsheet has done to a text, as a part of a sentence; empty if it seems unchanged."""
    plain, old = text.strip(), before.strip()
    if _EXPONENT(plain) or _EXPONENT(shown) or (_IS_LONG(plain) and set(plain[_EXACT:]) == {"0"}):
        return f"of which a spreadsheet has kept {_EXACT} digits at most"
    if old.startswith("+") and plain and old.lstrip("+0") in {one.lstrip("0") for one in (plain, plain[:-3])}:
        return f"and was {quote(old)}: a spreadsheet has taken the plus off"
    return ""


# ---- the sheets To mend and All rows


class Mended(NamedTuple):
    """The contents of the sheet To mend, and of copies of it, which may have other columns."""

    columns: Splitter  #: has the own columns of all tables of the report, those of To mend first
    tables: list[tuple[Sheet, Splitter, list[Row]]]  #: each splitter has all these columns


def find_mended(tables: Iterable[tuple[Sheet, Splitter, list[Row]]]) -> Mended | None:
    """Find the sheets To mend among all tables of a report; None if there is none."""
    ordered = sorted(tables, key=lambda table: not table[1].is_of_mender)
    columns = reduce(lambda all_, one: all_.unite(one)[0], (splitter for _, splitter, _ in ordered))
    found = [(sheet, columns.unite(one)[1], rows) for sheet, one, rows in ordered if one.is_of_mender]
    return Mended(columns, found) if found else None


class Merger:
    """Puts each line of the sheets To mend in place of its line in the sheet All rows."""

    def __init__(self, mended: Mended, memory: Memory, filled: Filled) -> None:
        self._memory = memory
        self._lines: dict[object, list[tuple[ReportTable, Carried]]] = {}  # by their row; those without by themselves
        for sheet, splitter, rows in mended.tables:
            table = ReportTable(sheet, splitter, memory, filled)
            for carried in map(splitter.carry, rows):
                key = _row_of(carried) if carried.is_numbered else id(carried)
                self._lines.setdefault(key, []).append((table, carried))
        self._merged: set[object] = set()

    def take(self, table: ReportTable, carried: Carried) -> Iterator[PreviousLine]:
        """Yield the lines in place of a line of All rows: the corrected ones, or itself."""
        row = _row_of(carried)
        if row not in self._lines and carried.outcome and carried.outcome.is_to_put_back:  # its part may be put back
            same = (key for key in self._lines if isinstance(key, tuple) and key[:2] == row[:2])
            row = next(same, row)
        table.note_changes(carried)
        if carried.is_numbered and row in self._lines:
            self._merged.add(row)
            for own, line in self._lines.pop(row):
                yield own.left(own.fill(line, carried.row.cells), carried.row.cells)
            return
        if row not in self._merged and carried.outcome and carried.outcome.status in MENDABLE:
            self._memory.leave_out(carried)
        else:
            yield table.left(carried)

    def rest(self) -> Iterator[PreviousLine]:
        """Yield lines that were corrected or added and are not in All rows."""
        for lines in self._lines.values():
            for own, line in lines:
                yield own.left(line)


def _row_of(carried: Carried) -> tuple[str, int, str]:
    """Return the key of a line's row; a sheet's name is unique in a run, whatever its source."""
    return carried.sheet, carried.row.number, carried.part
