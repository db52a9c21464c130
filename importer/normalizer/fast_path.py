"""The fast path for ordinary rows; every other row goes through `row`, which finds everything that is wrong with it.

Nearly all rows of a large source are ordinary. Each text of a column is parsed once, because sources repeat themselves.
Knows no kind: a kind says which columns it needs and what is implausible.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from importer.cells import BLANKS, Unreadable, cell_name
from importer.normalizer.date_times import read_moment
from importer.normalizer.fields import Implausibility, Level, Places, no_result
from importer.normalizer.mapping import Rules
from importer.normalizer.references import Waiting
from importer.normalizer.zones import (
    TimeRules,
    contradicted_zone,
    describe_contradiction,
    read_zone,
    to_instant,
    zone_in,
)
from importer.records import Problem, Record, Row

_ODD: Final = object()  # marks a text that the full path must judge
_JUDGED: Final = (Unreadable, Waiting)
_UNUSUAL = Unreadable()
_MOST = 1 << 16  # texts of a column that are remembered
_LONG_WAY = frozenset({"kind", "duration", "repeat", "until", "rotation"})


class FastColumn(NamedTuple):
    """A column that a fast row must have."""

    name: str
    parse: Callable[[str], Any]  #: returns an `Unreadable` or a `Waiting` for a text that the full path must judge
    default: Any = _ODD  #: for an empty cell, and if the sheet has no such column


class FastPath:
    """Reads the ordinary rows of one sheet: a value for each column, a start and an end.

    `find` finds what is implausible about a record.
    """

    def __init__(
        self,
        places: Places,
        rules: Rules,
        columns: Sequence[FastColumn],
        record: type[Record],
        find: Callable[[Any, datetime | None], list[Implausibility]],
    ) -> None:
        self._places = places
        self._rules = rules
        self._level = cache(rules.mapping.checks.level)
        self._record = record
        self._find = find
        self._names = (*(one.name for one in columns), "starts_at", "ends_at")
        needed = {"starts_at", "ends_at", *(one.name for one in columns if one.default is _ODD)}
        is_plain = not (places.given or places.values or places.joined)
        is_plain = is_plain and not (zone_in(places.name("starts_at")) or zone_in(places.name("ends_at")))
        #: whether the sheet can have such rows
        self.is_open = is_plain and _LONG_WAY.isdisjoint(places.indices) and places.indices.keys() >= needed
        get = places.indices.get
        self._columns = [(get(one.name), _Memory(one.parse, one.default)) for one in columns]
        self._start, self._end = get("starts_at", -1), get("ends_at", -1)
        self._zone = get("timezone")
        self._zones = _Memory(read_zone, rules.zone)
        self._times: dict[tuple[ZoneInfo | None, ZoneInfo | None], _Memory] = {}  # by zone, and by the row's own one

    def read(self, row: Row) -> tuple[Record, str, Sequence[Problem]] | None:
        """Return a row's record, zone and warnings; None if the row must take the full path."""
        cells = row.cells
        zone_text = "" if self._zone is None else cells[self._zone]
        zone = self._zones[zone_text]
        if row.problems or zone is _ODD:
            return None
        values = tuple([memory.default if at is None else memory[cells[at]] for at, memory in self._columns])
        if _ODD in values:
            return None
        # An offset can contradict the row's own zone; an option's zone applies only to times without an offset.
        own = zone if zone_text.strip(BLANKS) else None
        times = self._times.get((zone, own)) or self._remember_times(zone, own)
        starts_at, ends_at = times[cells[self._start]], times[cells[self._end]]
        odd = []
        if type(starts_at) is _Contradicting:
            odd.append(Implausibility("offset", "starts_at", starts_at.fault))
            starts_at = starts_at.instant
        if type(ends_at) is _Contradicting:
            odd.append(Implausibility("offset", "ends_at", ends_at.fault))
            ends_at = ends_at.instant
        if starts_at is _ODD or ends_at is _ODD or ends_at <= starts_at:
            return None
        record = self._record(**dict(zip(self._names, (*values, starts_at, ends_at), strict=True)))
        odd += self._find(record, self._rules.now)
        warnings = self._warn(row, odd) if odd else ()
        return None if warnings is None else (record, zone.key if zone else "", warnings)

    def _warn(self, row: Row, odd: list[Implausibility]) -> list[Problem] | None:
        """Return a row's warnings in the order of its columns; None if one counts as a problem."""
        places, place = self._places, row.place
        indices = places.indices
        if len(odd) > 1:
            odd.sort(key=lambda one: indices[one.column])
        warnings = []
        for check, column, fault in odd:
            level = self._level(check)
            if level is Level.PROBLEM:
                return None
            if level is Level.WARNING:
                at = indices[column]
                cell = cell_name(places.sheet.positions[at], place)
                warnings.append(places.problem(column, row.cells[at].strip(BLANKS), fault, cell))
        return warnings

    def _remember_times(self, zone: ZoneInfo | None, own: ZoneInfo | None) -> _Memory:
        times = self._rules.mapping.times
        return self._times.setdefault((zone, own), _Memory(lambda text: _read_plain(text, zone, own, times)))


class _Contradicting(NamedTuple):
    """A time whose offset contradicts a zone."""

    instant: datetime
    fault: Unreadable


def _read_plain(
    text: str, zone: ZoneInfo | None, own: ZoneInfo | None, rules: TimeRules
) -> datetime | _Contradicting | Unreadable:
    moment = read_moment(text, rules)
    instant = moment if isinstance(moment, Unreadable) else to_instant(moment, zone, rules)
    if isinstance(moment, Unreadable) or isinstance(instant, Unreadable):
        return _UNUSUAL
    contradicted = contradicted_zone(moment, own)
    return instant if contradicted is None else _Contradicting(instant, describe_contradiction(moment, contradicted))


class _Memory(dict[str, Any]):
    """The values of one column's cells, each parsed once; `_ODD` for what the full path must judge."""

    def __init__(self, parse: Callable[[str], Any], default: Any = _ODD) -> None:
        super().__init__()
        self._parse = parse
        self.default = default  #: of an empty cell

    def __missing__(self, cell: str) -> Any:
        text = cell.strip(BLANKS)
        value = (no_result(text) or self._parse(text)) if text else self.default
        if isinstance(value, _JUDGED):
            value = _ODD
        if len(self) >= _MOST:
            self.clear()
        self[cell] = value
        return value
