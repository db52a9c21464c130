"""Shadows by schedule and day, weeks as rows, and who shadows where. Pure.

A day is a day of the zone that the shadow's times were written in; of UTC where none was.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfoNotFoundError

from importer.normalizer.times.zones import load_zone

if TYPE_CHECKING:
    from collections.abc import Iterator


_MOST_SCHEDULES = 40  # that a calendar is drawn of
_MOST_WEEKS = 54  # a schedule's calendar has: a year, begun in the middle of a week
_MOST_DAYS = 400  # of one shadow that are marked


class Placement(NamedTuple):
    """Who shadows whom on which schedule, over all rows that say so."""

    schedule: str
    shadowed: str  #: such as "User 101"
    user: str
    number: int  #: of shadows
    first: datetime  #: UTC
    last: datetime  #: UTC, the end of the last
    source: str  #: the first of its rows, as it stands in the source


class Day(NamedTuple):
    """A day of a calendar."""

    date: date
    shadows: int


class Week(NamedTuple):
    """A row of a calendar."""

    days: tuple[Day, ...]  #: Monday first
    skipped: int  #: weeks without shadows that were left out before it


class Calendar:
    """Counts shadows by schedule and day; of schedules beyond the first forty it only knows how many there are."""

    def __init__(self) -> None:
        self._days: dict[str, Counter[int]] = {}
        self._shadows: Counter[str] = Counter()
        self._others: set[str] = set()

    def add(self, schedule: str, starts_at: int, ends_at: int, zone: str) -> None:
        """Count a shadow; its times are epoch seconds."""
        days = self._days.get(schedule)
        if days is None:
            if len(self._days) == _MOST_SCHEDULES:
                self._others.add(schedule)
                return
            days = self._days[schedule] = Counter()
        self._shadows[schedule] += 1
        first = _day(starts_at, zone)
        last = min(_day(ends_at - 1, zone), first + _MOST_DAYS)
        for day in range(first, last + 1):
            days[day] += 1

    @property
    def others(self) -> int:
        """How many schedules are not drawn."""
        return len(self._others)

    def schedules(self) -> Iterator[tuple[str, int, list[Week], int]]:
        """Give each schedule with its shadows, its weeks, and how many weeks with shadows are not drawn."""
        for schedule, days in self._days.items():
            mondays = sorted({day - (day - 1) % 7 for day in days})
            shown = mondays[:_MOST_WEEKS]
            yield schedule, self._shadows[schedule], list(_weeks(shown, days)), len(mondays) - len(shown)


def _weeks(mondays: list[int], days: Counter[int]) -> Iterator[Week]:
    before = mondays[0] - 7 if mondays else 0
    for monday in mondays:
        own = tuple(Day(date.fromordinal(day), days[day]) for day in range(monday, monday + 7) if day <= _LAST)
        yield Week(own, (monday - before) // 7 - 1)
        before = monday


_LAST = date.max.toordinal()


@lru_cache(maxsize=1 << 14)  # shifts of many people begin and end at the same moments
def _day(moment: int, zone: str) -> int:
    """Give the ordinal of the day that an epoch second is in."""
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
