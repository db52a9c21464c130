"""Rendered on-call intervals, the common currency of all calendars. Knows no system and no rotation."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from importer.normalizer.zones import read_zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Role(StrEnum):
    """What somebody does on a schedule during an interval."""

    ON_CALL = "on call"
    OVERRIDE = "override"  #: on call in somebody else's place
    SHADOW = "shadow"  #: looks over the shoulder of whoever is on call


#: By the kinds of our records that are times on a schedule, what these are.
ROLES = {role.value: role for role in (Role.SHADOW, Role.OVERRIDE)}
#: What a system tells of that knows no shadows.
PAGED = frozenset({Role.ON_CALL, Role.OVERRIDE})


class Interval(NamedTuple):
    """Somebody's time on a schedule: half-open, in whole epoch seconds."""

    schedule: str  #: the schedule's id in its own system
    person: str  #: the e-mail address in lower case, else whatever names the person; empty: nobody by intention
    role: Role
    start: int
    end: int
    id: str = ""  #: an override's own id, where the system has one


def in_time(one: Interval) -> tuple[str, int, int, str, str]:
    """Return the key that sorts intervals by schedule and time."""
    return one.schedule, one.start, one.end, one.person, one.id


class Window(NamedTuple):
    """A span of time that is looked at: half-open, in whole epoch seconds."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as its own system describes it."""

    id: str
    name: str
    zone: str = ""  #: IANA name; empty where the system does not say
    team: str = ""  #: names, for people
    link: str = ""  #: a page that a person can open
    provider: str = ""  #: PAGER_DUTY, OPSGENIE; empty where Opal knows none
    is_enabled: bool = True
    teams: tuple[str, ...] = ()  #: ids and names of its teams


class Note(NamedTuple):
    """Something that was seen and not taken, with the reason."""

    subject: str  #: the schedule, person or event that it is about, as its system names it
    reason: str  #: a sentence


@dataclass(slots=True)
class Calendar:
    """All intervals of one side, with what is known about their schedules and people."""

    label: str  #: how messages call it: "PagerDuty", a file's name
    window: Window  #: what it was asked for
    schedules: list[Schedule] = field(default_factory=list)
    intervals: list[Interval] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)  #: full names by `Interval.person`
    notes: list[Note] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)  #: other texts for `Interval.person`, such as Rootly's ids
    roles: frozenset[Role] = frozenset(Role)  #: what it tells of; what it has no word for is not missing in it
    covers: dict[str, Window] = field(default_factory=dict)  #: by schedule, where less than `window` is known

    def known(self, schedule: str) -> Window:
        """Return the part of the window about which the calendar says something for a schedule."""
        return clip(self.covers.get(schedule, self.window), self.window)


def clip(span: Window, window: Window) -> Window:
    """Return what of a span lies in the window; an empty span where nothing does."""
    start = max(span.start, window.start)
    return Window(start, max(start, min(span.end, window.end)))


def merge(intervals: Iterable[Interval], window: Window | None = None) -> list[Interval]:
    """Return the intervals cut to the window, in order, with what touches or overlaps made one.

    Only intervals of the same schedule, person and role become one.
    """
    merged: list[Interval] = []
    for one in sorted(intervals):
        span = Window(one.start, one.end)
        start, end = clip(span, window) if window else span
        last = merged[-1] if merged else None
        if end <= start:
            continue
        if last and last[:3] == one[:3] and start <= last.end:
            merged[-1] = last._replace(end=max(end, last.end))
        else:
            merged.append(Interval(*one[:3], start, end))
    return sorted(merged, key=lambda one: (one.schedule, one.start, one.end, one.role, one.person))


def mark_overrides(intervals: Iterable[Interval], overrides: Iterable[Interval]) -> list[Interval]:
    """Return the intervals with those parts as overrides that an override of the same person covers."""
    covers: dict[tuple[str, str], list[Interval]] = defaultdict(list)
    for cover in merge(overrides):
        covers[cover.schedule, cover.person].append(cover)
    found = []
    for one in intervals:
        rest = one
        for cover in covers[one.schedule, one.person]:
            span = clip(Window(cover.start, cover.end), Window(rest.start, rest.end))
            if span.end > span.start:
                found.append(rest._replace(end=span.start))
                found.append(rest._replace(role=Role.OVERRIDE, start=span.start, end=span.end))
                rest = rest._replace(start=span.end)
        found.append(rest)
    return [one for one in found if one.end > one.start]


def gaps(intervals: Sequence[Interval], known: Window) -> list[Window]:
    """Return when nobody is on call in the known span; `intervals` are those of one schedule."""
    found = []
    free = known.start
    on_call = [one for one in intervals if one.role is not Role.SHADOW and one.person]
    for one in sorted(on_call, key=lambda one: one.start):
        if one.start > free:
            found.append(Window(free, min(one.start, known.end)))
        free = max(free, one.end)
        if free >= known.end:
            break
    if free < known.end:
        found.append(Window(free, known.end))
    return [gap for gap in found if gap.end > gap.start]


def clock(moment: int, zone: str) -> str:
    """Write an epoch second as the clocks of a zone show it, with the day of the week."""
    return local_time(moment, zone).strftime("%a %Y-%m-%d %H:%M %Z")


def local_time(moment: int, zone: str) -> datetime:
    """Return an epoch second on the clocks of a zone, UTC where the zone is empty or not known."""
    found = read_zone(zone) if zone else None
    return datetime.fromtimestamp(moment, found if isinstance(found, ZoneInfo) else UTC)
