"""Shadows that are valid but hardly meant. Judges records, not texts; `now` is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from importer.cells import Unreadable

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator


Person = TypeVar("Person", bound="Hashable")
Id = TypeVar("Id")
At = TypeVar("At", datetime, int)  # an instant, or its epoch seconds

# A month that gives back the hour of summer time is longer than 31 days by that hour, and no oddity.
_LONGEST = timedelta(days=31, hours=1)
_YEARS_AHEAD = 2


class Level(StrEnum):
    """What a plausibility check that strikes does to its row; the values are what a mapping says."""

    OFF = "off"  #: nothing
    WARNING = "warning"  #: it is reported, and the row is sent
    PROBLEM = "problem"  #: the row is invalid


@dataclass(frozen=True, slots=True)
class Checks:
    """How each plausibility check counts; None: as a warning."""

    self_shadow: Level | None = None  #: the shadow is the shadowed person
    past: Level | None = None  #: the shift is over
    long: Level | None = None  #: longer than 31 days
    far: Level | None = None  #: it starts more than two years ahead
    overlap: Level | None = None  #: it overlaps another shift of the same person
    provider: Level | None = None  #: the id looks like one of another provider
    id: Level | None = None  #: the id looks unlike those that the target or the provider gives
    one_member: Level | None = None  #: a rotation in which nobody takes turns
    offset: Level | None = None  #: an offset that contradicts the row's time zone
    fixed_offset: Level | None = None  #: a repetition at a fixed offset, without a time zone
    exact_hours: Level | None = None  #: whole days written in hours, over a change of the clock

    def level(self, check: str) -> Level:
        """Return how a check counts."""
        said: Level | None = getattr(self, check)
        return Level.WARNING if said is None else said


class Implausibility(NamedTuple):
    """What a plausibility check has found."""

    check: str  #: the name of a field of `Checks`
    column: str  #: "ends_at" stands for how long a shift is: where the row has a duration, it means that
    fault: Unreadable


def check_span(starts_at: datetime, ends_at: datetime, now: datetime) -> list[Implausibility]:
    """Find what is odd about one span of time; whether it counts is not asked here. All have a time zone."""
    found = []
    if ends_at <= now:
        found.append(Implausibility("past", "ends_at", _past(ends_at)))
    if ends_at - starts_at > _LONGEST:
        found.append(Implausibility("long", "ends_at", _long(ends_at - starts_at)))
    # The year alone first: it settles nearly every row, and costs nothing.
    if starts_at.year - now.year >= _YEARS_AHEAD and starts_at > _years_after(now):
        found.append(Implausibility("far", "starts_at", _far(starts_at)))
    return found


def overlaps(spans: Iterable[tuple[Person, At, At, Id]]) -> Iterator[tuple[Id, Id]]:
    """Yield each span that overlaps an earlier one of the same person, once, together with such a one.

    `spans` are (person, start, end, id), in order of person, then of start. A start at another's end overlaps nothing.
    Holds one span at a time.
    """
    # Of all that went before, the one that ends last overlaps whatever any of them does.
    last: tuple[Person, At, At, Id] | None = None
    for span in spans:
        if last is None or last[0] != span[0]:
            last = span
            continue
        if span[1] < last[2]:
            yield span[3], last[3]
        if span[2] > last[2]:
            last = span


def _past(ends_at: datetime) -> Unreadable:
    return Unreadable(
        f", so the shift was over on {ends_at.isoformat()}",
        "Check the year, or leave out what is over.",
        "shift in the past",
    )


def _long(span: timedelta) -> Unreadable:
    return Unreadable(
        f", so the shift takes {span.days} days and {span.seconds // 3600} hours",
        "Check start and end, or split the shift.",
        "shift of more than 31 days",
    )


def _far(starts_at: datetime) -> Unreadable:
    return Unreadable(
        f", so the shift starts on {starts_at.isoformat()}, more than two years ahead",
        "Check the year.",
        "start more than two years ahead",
    )


def _years_after(now: datetime) -> datetime:
    is_leap_day = (now.month, now.day) == (2, 29)
    return now.replace(year=now.year + _YEARS_AHEAD, day=28 if is_leap_day else now.day)
