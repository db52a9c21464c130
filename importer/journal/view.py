"""Reads a journal, even one that another process is writing: lines, counts, findings, names. Changes nothing."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import orjson

from importer.journal import codec
from importer.journal.codec import QUERIES as _SQL
from importer.journal.codec import MalformedError, decode
from importer.journal.run_info import RunInfo, read_facts
from importer.journal.states import (
    KEEP_ONE,
    BindingState,
    Entry,
    Joined,
    Leaving,
    Prospect,
    State,
    SummedUp,
    Tally,
    Unbound,
)
from importer.notice import Notice
from importer.records import Finding, FindingKind, Key, KnownName, ReportLine, Row, Severity, Sheet, TargetName
from importer.statuses import Status

_Made = TypeVar("_Made")
_EXAMPLES = 3  # of each kind of finding
_PAGE_CHUNK = 1000  # records read at a time for a page
_CHUNK = 2000  # lines per query: during a long query SQLite's log of a running run would grow


class ShownRecord(NamedTuple):
    """A record as a page shows it; plain types only, because a page has fifty thousand of them."""

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


class View:
    """The contents of a journal, read through its connection. Not thread-safe."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def _read(self, read: Callable[[tuple[Any, ...]], _Made], query: str, *values: str | int | None) -> Iterator[_Made]:
        """Yield a function's result for each row that a query finds; MalformedError if a row makes no sense."""
        return (decode(read, found) for found in self._db.execute(_SQL[query], values))

    def info(self) -> RunInfo:
        """Return the facts about the run."""
        return decode(read_facts, dict(self._db.execute(_SQL["facts"])))

    def sources(self) -> list[tuple[str, str, str]]:
        """List name, absolute path and SHA-256 of what was read."""
        return list(self._db.execute(_SQL["sources"]))

    def sheets(self) -> list[Sheet]:
        """List the sheets; a line's `sheet` is an index into them."""
        sheets = [sheet for sheet, _ in self.not_used()]
        is_of_several = len({sheet.source for sheet in sheets}) > 1
        return [replace(sheet, is_of_several=True) for sheet in sheets] if is_of_several else sheets

    def not_used(self) -> list[tuple[Sheet, tuple[str, ...]]]:
        """List each sheet with its headers that are not used."""
        return list(self._read(codec.read_sheet, "sheets"))

    def count_rows(self) -> int:
        """Count the rows that were read."""
        return int(self._db.execute(_SQL["count_rows"]).fetchone()[0])

    def counts(self) -> dict[tuple[str, Status], int]:
        """Count records by target (empty if there is none) and status."""
        counts: dict[tuple[str, Status], int] = {}
        for target, state, number in self._db.execute(_SQL["counts"]):
            key = (target, codec.read_status(state))
            counts[key] = counts.get(key, 0) + number
        return counts

    def check_values(self, kinds: Mapping[str, TargetName]) -> None:
        """Check that everything has the form in which a run writes it, given each kind's target.

        Raises:
            MalformedError: something does not.
        """
        states = orjson.dumps([*Status, *State]).decode()
        bindings = orjson.dumps([*BindingState]).decode()
        found = self._db.execute(_SQL["malformed"], (orjson.dumps(kinds).decode(), states, bindings)).fetchone()
        if found is not None:
            raise MalformedError(f"a value in its table {found[0]} makes no sense")

    def shapes(self) -> list[tuple[str, Key]]:
        """List one key of each kind and form."""
        return [(kind, codec.read_key(key)) for kind, key in self._db.execute(_SQL["shapes"])]

    def bound_groups(self) -> list[tuple[TargetName, str]]:
        """List the groups that records belong to, with their target."""
        return [(TargetName(target), group) for target, group in self._db.execute(_SQL["bound_groups"])]

    def count_bindings(self) -> tuple[int, int]:
        """Count the open records that belong to groups, and these groups."""
        records, groups = self._db.execute(_SQL["count_bindings"]).fetchone()
        return records, groups

    def unbound(self, target: TargetName) -> dict[str, list[Unbound]]:
        """List the records to be added to groups, by the group's id."""
        found: defaultdict[str, list[Unbound]] = defaultdict(list)
        for group, *values in self._db.execute(_SQL["unbound"], (target,)):
            found[group].append(Unbound(*values))
        return dict(found)

    def leaving(self, target: TargetName) -> dict[str, list[Leaving]]:
        """List the records that an undo is to take out of groups, by the group's id."""
        found: defaultdict[str, list[Leaving]] = defaultdict(list)
        for group, record, returned_id, was, kind in self._db.execute(_SQL["leaving"], (target,)):
            found[group].append(Leaving(record, returned_id, Status(was), kind))
        return dict(found)

    def count_leaving(self) -> dict[TargetName, tuple[int, int, int]]:
        """Count what an undo is to take out of groups, by target.

        The numbers are records, groups, and those of the records that must be removed by hand afterwards.
        """
        return {TargetName(target): tuple(numbers) for target, *numbers in self._db.execute(_SQL["count_leaving"])}

    def removed_bindings(self) -> dict[str, list[str]]:
        """List the ids at the target that were taken out of groups again, by the group's id."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for group, returned_id in self._db.execute(_SQL["removed_bindings"]):
            found[group].append(returned_id)
        return dict(found)

    def open_targets(self) -> dict[TargetName, int]:
        """Count the undecided records of each target that has any."""
        return {TargetName(target): number for target, number in self._db.execute(_SQL["open_targets"])}

    def targets_to_ask(self, *, is_looking: bool) -> list[TargetName]:
        """List the targets with open records, or with some that a report claims, or that the closing look is to see."""
        found = self._db.execute(_SQL["targets_to_ask"], (KEEP_ONE if is_looking else None,))
        return [TargetName(target) for (target,) in found]

    def count_doubled(self) -> int:
        """Count the records that are at their target more than once."""
        return int(self._db.execute(_SQL["count_doubled"], (KEEP_ONE,)).fetchone()[0])

    def reported_targets(self) -> list[TargetName]:
        """List the targets with records that only a report claims, and that were not asked yet."""
        return [TargetName(target) for (target,) in self._db.execute(_SQL["reported_targets"])]

    def lines(self, sheets: Collection[int] | None = None) -> Iterator[ReportLine]:
        """Yield the report's lines in the order of the source; only of some sheets if indices are given."""
        yield from self._read_lines("lines", True, -1, None if sheets is None else orjson.dumps([*sheets]).decode())

    def wrong_lines(self, limit: int) -> list[ReportLine]:
        """Return the first lines that need attention, in the order of the source."""
        return list(self._read_lines("lines", False, limit, None))

    def lines_by_id(self, records: Sequence[int]) -> list[ReportLine]:
        """Return the lines of some records, each by its id, in the order of the source."""
        return list(self._read_lines("lines_by_id", orjson.dumps(records).decode()))

    def _read_lines(self, query: str, *values: str | int | None) -> Iterator[ReportLine]:
        return self._read(self._line_reader(), query, *values)

    def _line_reader(self) -> Callable[[tuple[Any, ...]], ReportLine]:
        sheets, run = self.sheets(), self.info().run
        return lambda values: codec.read_line(values, sheets, run)

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Yield every row with the index of its sheet, in the order of the source."""
        return self._read(codec.read_row, "rows")

    def shift_times(self, kinds: Sequence[str]) -> Iterator[tuple[int, int, str, str, Key, str]]:
        """Yield sheet, row, part, kind, key and zone of every record of some kinds, in the order of the source."""
        for sheet, number, part, kind, key, zone in self._db.execute(
            _SQL["shift_times"], (orjson.dumps(kinds).decode(),)
        ):
            yield sheet, number, part, kind, codec.read_key(key), zone

    def findings(self) -> Iterator[Finding]:
        """Yield all findings about rows, in the order of the source."""
        return self._read(codec.read_finding, "findings")

    def finding_kinds(self) -> list[FindingKind]:
        """Return the kinds of findings in the order of first appearance, each with its first ones."""
        sheets = self.sheets()
        shown: defaultdict[tuple[Severity, str], list[tuple[Sheet, Finding]]] = defaultdict(list)
        for finding in self._read(codec.read_finding, "examples", _EXAMPLES):
            shown[finding.severity, finding.problem.topic].append((sheets[finding.sheet], finding))
        return [FindingKind(*kind, tuple(shown[kind[:2]])) for kind in self.topics()]

    def notices(self) -> list[Notice]:
        """List what a person should know about the run as a whole, in the order in which it was found."""
        return list(self._read(codec.read_notice, "notices"))

    def known(self) -> list[KnownName]:
        """List the people, schedules and groups whose names are known, ordered by what they are and by name."""
        return [KnownName(*values) for values in self._db.execute(_SQL["known"])]

    def names(self) -> dict[tuple[str, str], str]:
        """Return the known names, by what they name (user, schedule, group) and by id."""
        return {(one.what, one.id): one.name for one in self.known()}

    def topics(self) -> list[tuple[Severity, str, int]]:
        """Count the findings by severity and topic, in the order of first appearance."""
        return [(Severity(severity), topic, number) for severity, topic, number in self._db.execute(_SQL["topics"])]

    def entries(self) -> Iterator[tuple[int, Row, Entry]]:
        """Yield every entry with its outcome, in the order of the source: sheet, row, entry."""
        return self._read(codec.read_entry, "entries")

    def prospects(self) -> Iterator[Prospect]:
        """Yield every record with what is planned for it, in the order of the source."""
        return self._read(codec.read_prospect, "prospects")

    def sum_up(self, kind: str, value: int, starts_at: int | None, ends_at: int | None) -> Iterator[SummedUp]:
        """Sum up the valid records of a kind by scope, state and one value of their keys, given places in the key."""
        places = [f"$[{99 if place is None else place}]" for place in (value, starts_at, ends_at)]
        return self._read(codec.read_summed_up, "sum_up", kind, *places)

    def repetitions(
        self, kind: str, starts_at: int, ends_at: int, limit: int
    ) -> list[tuple[int, int, int, int, int, str]]:
        """List the first rows that make several records of a kind.

        Sheet, row, how many, when the first begins and the last ends, and the zone that the row was written in.
        """
        return list(self._db.execute(_SQL["repetitions"], (kind, f"$[{starts_at}]", f"$[{ends_at}]", limit)))

    def count_repetitions(self) -> int:
        """Count the rows that make several records."""
        return int(self._db.execute(_SQL["count_repetitions"]).fetchone()[0])

    def count_by_group(self) -> list[tuple[str, int]]:
        """Count the records to be added to each group, by its id, the largest first."""
        return list(self._db.execute(_SQL["count_by_group"]))

    def row_numbers(self) -> Iterator[tuple[int, int, int]]:
        """Yield the journal's number of each row, its sheet, and its number there, in the order of the source."""
        return iter(self._db.execute(_SQL["row_numbers"]))

    def entries_of(self, row: int) -> list[tuple[int, Row, Entry]]:
        """List the entries of a row, by the journal's number of it, as `entries` yields them."""
        return list(self._read(codec.read_entry, "entries_of", codec.first_id(row), codec.first_id(row + 1)))

    def created_by(self, run: str) -> Iterator[tuple[int, Row, Entry, Joined]]:
        """Yield what a run created, added to groups, or may have, newest first: the order of an undo.

        Sheet, row, entry, and the groups that it added the record to.
        """
        return self._read(codec.read_created, "created_by", run)

    def made_by(self, run: str, *, is_all: bool = True) -> dict[tuple[str, str], tuple[int, int]]:
        """Return what a run created, or only what it found by asking: record and attempts by target and id."""
        found = self._db.execute(_SQL["made_by"], (run, is_all))
        return {(target, id_): (record, attempts) for record, target, id_, attempts in found}

    def traffic(self) -> Iterator[tuple[TargetName, Tally]]:
        """Yield the counts of this run's requests, by second; a second can come twice."""
        return self._read(codec.read_tally, "traffic")

    def page_records(self, first: int) -> Iterator[list[ShownRecord]]:
        """Yield the records for a page: the first ones, then all others that need attention, in chunks.

        They come in the order of the source, as plain tuples in the order of `ShownRecord`.
        """
        last = 0
        for is_all, limit in ((True, first), (False, -1)):
            cursor = self._db.execute(_SQL["page_rows"], (last, is_all, limit))
            while chunk := cursor.fetchmany(_PAGE_CHUNK):
                last = chunk[-1][0]
                yield chunk

    def page_shifts(self, first: int, kinds: Sequence[str]) -> Iterator[tuple[int, str, Key, str, bool]]:
        """Yield the first records of some kinds that the target has: record, kind, key, zone, was it created."""
        (last,) = self._db.execute(_SQL["page_end"], (first,)).fetchone()
        for id_, kind, key, zone, state in self._db.execute(_SQL["page_shifts"], (orjson.dumps(kinds).decode(), last)):
            yield id_, kind, codec.read_key(key), zone, state == Status.CREATED

    def row_of(self, record: int) -> tuple[int, Row]:
        """Return the sheet and the row of a record."""
        return decode(codec.read_row, self._db.execute(_SQL["row_of_record"], (record,)).fetchone())

    def lines_of(self, statuses: Collection[Status], limit: int | None = None) -> Iterator[ReportLine]:
        """Yield the lines that have one of the statuses, in the order of the source; the first `limit` of them."""
        return islice(self._lines_of(orjson.dumps(codec.states_of(statuses)).decode()), limit)

    def _lines_of(self, states: str) -> Iterator[ReportLine]:
        read, after = self._line_reader(), -1
        while found := self._db.execute(_SQL["lines_of"], (after, states, _CHUNK)).fetchall():
            after = found[-1][0]
            yield from (decode(read, values) for values in found)
