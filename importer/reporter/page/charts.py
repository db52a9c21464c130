"""What a page draws: requests over time, shadows by schedule and day, and who shadows where. Pure.

A day is a day of the zone that the shadow's times were written in; of UTC where none was.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfoNotFoundError

from importer.histogram import percentile
from importer.normalizer.times.zones import load_zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


_MOST_SCHEDULES = 40  # that a calendar is drawn of
_MOST_WEEKS = 54  # a schedule's calendar has: a year, begun in the middle of a week
_MOST_DAYS = 400  # of one shadow that are marked


class Placement(NamedTuple):
    """Who shadows whom on which schedule, over all rows that say so."""

    schedule: str  #: ids, as are the next two
    shadowed_type: str  #: "user" or "schedule"; empty where nobody is shadowed
    shadowed: str
    user: str
    number: int  #: of shadows
    first: datetime  #: UTC
    last: datetime  #: UTC, the end of the last
    source: str  #: the first of its rows, as it stands in the source


class CalendarDay(NamedTuple):
    """A day of a calendar."""

    date: date
    shadows: int
    people: tuple[str, ...] = ()  #: ids of who is on it, in their order


class Week(NamedTuple):
    """A row of a calendar."""

    days: tuple[CalendarDay, ...]  #: Monday first
    skipped: int  #: weeks without shadows that were left out before it


class ShadowCalendar:
    """Counts shadows by schedule and day; of schedules beyond the first forty it only knows how many there are."""

    def __init__(self) -> None:
        self._days: dict[str, dict[int, Counter[str]]] = {}  # by schedule and day: shifts of each person
        self._shadows: Counter[str] = Counter()
        self._others: set[str] = set()

    def add(self, schedule: str, user: str, starts_at: int, ends_at: int, zone: str) -> None:
        """Count a shift; its times are epoch seconds."""
        days = self._days.get(schedule)
        if days is None:
            if len(self._days) == _MOST_SCHEDULES:
                self._others.add(schedule)
                return
            days = self._days[schedule] = {}
        self._shadows[schedule] += 1
        first = _day(starts_at, zone)
        last = min(_day(ends_at - 1, zone), first + _MOST_DAYS)
        for day in range(first, last + 1):
            days.setdefault(day, Counter())[user] += 1

    def people(self, schedule: str) -> dict[str, int]:
        """Return who has shifts on a schedule, and on how many days."""
        days = self._days[schedule].values()
        return dict(sorted(Counter(user for people in days for user in people).items(), key=lambda one: -one[1]))

    @property
    def others(self) -> int:
        """How many schedules are not drawn."""
        return len(self._others)

    def schedules(self) -> Iterator[tuple[str, int, list[Week], int]]:
        """Yield each schedule with its shadows, its weeks, and how many weeks with shadows are not drawn."""
        for schedule, days in self._days.items():
            mondays = sorted({day - (day - 1) % 7 for day in days})
            shown = mondays[:_MOST_WEEKS]
            yield schedule, self._shadows[schedule], list(_weeks(shown, days)), len(mondays) - len(shown)


def _weeks(mondays: list[int], days: Mapping[int, Counter[str]]) -> Iterator[Week]:
    before = mondays[0] - 7 if mondays else 0
    for monday in mondays:
        found = [(day, days.get(day, _NOBODY)) for day in range(monday, monday + 7) if day <= _LAST]
        own = tuple(CalendarDay(date.fromordinal(day), people.total(), tuple(people)) for day, people in found)
        yield Week(own, (monday - before) // 7 - 1)
        before = monday


_LAST = date.max.toordinal()
_NOBODY: Counter[str] = Counter()


@lru_cache(maxsize=1 << 14)  # shifts of many people begin and end at the same moments
def _day(moment: int, zone: str) -> int:
    """Return the ordinal of the day that an epoch second is in."""
    try:
        return datetime.fromtimestamp(moment, _find_zone(zone)).toordinal()
    except (OverflowError, ValueError):  # on the other side of year 1 or 9999
        return date.min.toordinal() if moment < 0 else _LAST


@lru_cache(maxsize=64)
def _find_zone(name: str) -> tzinfo:
    try:
        return load_zone(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


_MOST_BARS = 120
_SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


@dataclass(slots=True)
class Bar:
    """What ended in one stretch of time."""

    requests: int = 0
    limited: int = 0  #: of those, answered 429
    failed: int = 0  #: of those, refused otherwise, or without a usable answer

    def add(self, other: Bar) -> None:
        """Take what ended in another stretch as well."""
        self.requests += other.requests
        self.limited += other.limited
        self.failed += other.failed

    @property
    def answered(self) -> int:
        """What ended well."""
        return self.requests - self.limited - self.failed


@dataclass(slots=True)
class Timeline:
    """One target's requests. Never has more than 120 bars: each grows to twice its width where there is no room."""

    start: int = 0  #: epoch second in which the first request ended
    width: int = 1  #: seconds of a bar
    slowest: float = 0.0  #: seconds until the answer that took longest
    _bars: list[Bar] = field(default_factory=list)
    _latencies: Counter[int] = field(default_factory=Counter)

    def add(self, second: int, bar: Bar, latencies: Mapping[int, int], slowest: float) -> None:
        """Add what ended in a second; seconds come in their order."""
        if not self._bars:
            self.start = second
        while (place := (second - self.start) // self.width) >= _MOST_BARS:
            self._widen()
        while len(self._bars) <= place:
            self._bars.append(Bar())
        self._bars[place].add(bar)
        self._latencies.update(latencies)
        self.slowest = max(self.slowest, slowest)

    def _widen(self) -> None:
        for even, odd in zip(self._bars[::2], self._bars[1::2], strict=False):
            even.add(odd)
        del self._bars[1::2]
        self.width *= 2

    @property
    def total(self) -> Bar:
        """All bars together."""
        total = Bar()
        for bar in self._bars:
            total.add(bar)
        return total

    @property
    def answers(self) -> int:
        """How many answers there were, whatever they said."""
        return self._latencies.total()

    @property
    def end(self) -> int:
        """The epoch second in which the last bar ends."""
        return self.start + self.width * len(self._bars)

    @property
    def highest(self) -> float:
        """Requests a second of the highest bar."""
        return max(bar.requests for bar in self._bars) / self.width

    def bars(self) -> Iterator[tuple[int, Bar]]:
        """Yield each bar with the epoch second in which it begins."""
        for number, bar in enumerate(self._bars):
            yield self.start + number * self.width, bar

    def latencies(self) -> dict[str, float]:
        """Return the seconds within which half, 90 % and 99 % of the answers came, and all; empty without answers."""
        if not self._latencies:
            return {}
        known = {name: min(percentile(self._latencies, share), self.slowest) for name, share in _SHARES.items()}
        return {**known, "max": self.slowest}
