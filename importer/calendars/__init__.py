"""On-call intervals as systems render them, in one form for all calendars; also what reading a system needs.

Knows no system and no rotation; a system is asked through `Ask`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from pathlib import PurePath
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qs, urlencode, urlsplit
from zoneinfo import ZoneInfo

from importer.errors import UsageError
from importer.normalizer.zones import read_zone


class Role(StrEnum):
    """A person's role on a schedule during an interval."""

    ON_CALL = "on call"
    OVERRIDE = "override"  #: on call instead of somebody else
    SHADOW = "shadow"  #: accompanies the person on call


#: The roles of our kinds of records that are shifts.
ROLES = {role.value: role for role in (Role.SHADOW, Role.OVERRIDE)}
#: The roles in a system without shadows.
PAGED = frozenset({Role.ON_CALL, Role.OVERRIDE})


class Interval(NamedTuple):
    """A person's time on a schedule: half-open, in whole epoch seconds."""

    schedule: str  #: the schedule's id in its own system
    person: str  #: the e-mail address in lower case, else another name; empty: nobody, on purpose
    role: Role
    start: int
    end: int
    id: str = ""  #: an override's own id, if the system has one


def in_time(one: Interval) -> tuple[str, int, int, str, str]:
    """Return the key that sorts intervals by schedule and time."""
    return one.schedule, one.start, one.end, one.person, one.id


class Window(NamedTuple):
    """The span of time to look at: half-open, in whole epoch seconds."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as its own system describes it."""

    id: str
    name: str
    zone: str = ""  #: IANA name; empty if the system does not say
    team: str = ""  #: names, for people
    link: str = ""  #: a page that a person can open
    provider: str = ""  #: PAGER_DUTY, OPSGENIE; empty if it is not a provider of Opal's
    is_enabled: bool = True
    teams: tuple[str, ...] = ()  #: ids and names of its teams


class Note(NamedTuple):
    """Something that was not taken over, with the reason."""

    subject: str  #: the schedule, person or event, as its system names it
    reason: str  #: a sentence


@dataclass(slots=True)
class Calendar:
    """All intervals of one side, with what is known about their schedules and people."""

    label: str  #: its name in messages: "PagerDuty", a file's name
    window: Window  #: the window that was read
    schedules: list[Schedule] = field(default_factory=list)
    intervals: list[Interval] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)  #: full names by `Interval.person`
    notes: list[Note] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)  #: other texts for `Interval.person`, such as Rootly's ids
    roles: frozenset[Role] = frozenset(Role)  #: the roles it knows; others are not missing in it
    covers: dict[str, Window] = field(default_factory=dict)  #: by schedule, if less than `window` is known
    left_out: int = 0  #: rows of a source that make no interval

    def known(self, schedule: str) -> Window:
        """Return the part of the window that is known for a schedule."""
        return clip(self.covers.get(schedule, self.window), self.window)


def clip(span: Window, window: Window) -> Window:
    """Return the part of a span in the window; an empty span if there is none."""
    start = max(span.start, window.start)
    return Window(start, max(start, min(span.end, window.end)))


def merge(intervals: Iterable[Interval], window: Window | None = None) -> list[Interval]:
    """Return the intervals cut to the window, in order; adjacent and overlapping ones become one.

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
    """Return the intervals, with parts that an override of the same person covers marked as overrides."""
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
    """Write an epoch second in local time of a zone, with the day of the week."""
    return local_time(moment, zone).strftime("%a %Y-%m-%d %H:%M %Z")


def local_time(moment: int, zone: str) -> datetime:
    """Return an epoch second in local time of a zone, or UTC if the zone is empty or unknown."""
    return datetime.fromtimestamp(moment, named_zone(zone) or UTC)


def named_zone(name: str | None) -> ZoneInfo | None:
    """Return a zone by any of its names; None if there is no name, or an unknown one."""
    found = read_zone(name) if name else None
    return found if isinstance(found, ZoneInfo) else None


def epoch(value: date | datetime, home: tzinfo | None = None) -> int:
    """Return the epoch second of a date or time, in `home` if it names no zone."""
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    return int((moment if moment.tzinfo else moment.replace(tzinfo=home or UTC)).timestamp())


def in_zone(value: date | datetime, home: tzinfo | None) -> date | datetime:
    """Return a time with the zone `home`, if it names none."""
    return value.replace(tzinfo=home) if isinstance(value, datetime) and value.tzinfo is None else value


def end_after(start: Any, length: timedelta | None) -> Any:
    """Return the end of a duration: its days count on the local clock, the rest is exact (RFC 5545, 3.3.6)."""
    if not isinstance(start, datetime):
        return start + (timedelta(days=1) if length is None else length)
    length = length or timedelta(0)
    local, rest = start + timedelta(days=length.days), timedelta(seconds=length.seconds)
    return (local.astimezone(UTC) + rest).astimezone(local.tzinfo) if local.tzinfo else local + rest


def is_skipped(value: datetime) -> bool:
    """Return whether the clocks skip a local time, as they do in spring."""
    back = value.astimezone(UTC).astimezone(value.tzinfo)
    return back.replace(tzinfo=None) != value.replace(tzinfo=None)


def is_twice(value: datetime) -> bool:
    """Return whether a local time occurs twice: in autumn the clocks go back."""
    return not is_skipped(value) and value.replace(fold=0).utcoffset() != value.replace(fold=1).utcoffset()


# ---- reading a system


class RefusedError(Exception):
    """The system refuses one question (400, 402, 403, 404, 422), but is otherwise well."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"{status}: {words}" if words else str(status))
        self.status = status


class Ask(Protocol):
    """Asks a system with GET, at its rate, with retries."""

    async def __call__(self, path: str) -> Any:
        """Return the JSON at a path below the base URL, query included.

        Raises:
            RefusedError: the system refuses this question.
            ImporterError: there is no usable answer.
        """


@dataclass(frozen=True, slots=True)
class Selection:
    """Which schedules are wanted, by ids or names, ignoring case; `*` stands for any text."""

    schedules: tuple[str, ...] = ()  #: empty: all
    teams: tuple[str, ...] = ()  #: empty: all
    exclude: tuple[str, ...] = ()

    def takes(self, schedule: Schedule, *, is_team_known: bool = True) -> bool:
        """Return whether a schedule is wanted, as far as that is known before its team is."""
        names = (schedule.id, schedule.name)
        if matches(self.exclude, *names):
            return False
        return (not self.schedules or matches(self.schedules, *names)) and (
            not self.teams or not is_team_known or matches(self.teams, *schedule.teams, schedule.team)
        )

    def unmatched(self, schedules: Iterable[Schedule]) -> list[str]:
        """Return the options that match none of the schedules, as they were written."""
        listed = list(schedules)
        names = {name for one in listed for name in (one.id, one.name)}
        teams = {name for one in listed for name in (*one.teams, one.team)}
        given = (("schedule", self.schedules, names), ("exclude", self.exclude, names), ("team", self.teams, teams))
        return [
            f"--{option} {pattern}"
            for option, patterns, known in given
            for pattern in patterns
            if not matches((pattern,), *known)
        ]


def matches(patterns: Iterable[str], *names: str) -> bool:
    """Return whether one of the names matches one of the patterns, ignoring case; `*` is any text."""
    known = [name.casefold() for name in names]
    for pattern in patterns:
        text = re.compile(".*".join(map(re.escape, pattern.casefold().split("*"))), re.DOTALL)
        if any(map(text.fullmatch, known)):
            return True
    return False


@dataclass(slots=True)
class Pulled:
    """Everything that was read from one system."""

    calendar: Calendar
    overrides: list[Interval] = field(default_factory=list)
    listed: list[Schedule] = field(default_factory=list)  #: all schedules of the system, wanted or not
    strangers: set[str] = field(default_factory=set)  #: people in no list of the system: mostly deleted ones
    stranger_reason: str = ""  #: the note about one
    _people: dict[str, tuple[str, str]] = field(default_factory=dict)  # e-mail address and name by the system's id

    @classmethod
    def of_pages(cls, label: str, window: Window, stranger_reason: str = "") -> Pulled:
        """Begin to read a system that knows who is on call, but no shadows."""
        return cls(Calendar(label, window, roles=PAGED), stranger_reason=stranger_reason)

    def note(self, subject: str, reason: str) -> None:
        """Note something that is not taken over."""
        self.calendar.notes.append(Note(subject, reason))

    def leave_out(self, schedule: Schedule, why: str = "the options do not select it") -> None:
        """Note that a schedule is not read."""
        self.note(schedule.name, f"Left out: {why}.")

    def keep(self, selection: Selection) -> None:
        """Keep only the wanted schedules, and note the options that match none.

        Raises:
            UsageError: the options match no schedule of the system.
        """
        calendar = self.calendar
        unmatched = selection.unmatched([*self.listed, *calendar.schedules])
        if self.listed and not any(map(selection.takes, self.listed)) and not calendar.schedules:
            words = ", ".join(unmatched) or "the options"
            raise UsageError(
                f"{words}: none of the {len(self.listed)} schedules of {calendar.label} matches",
                hint="Write ids or exact names; * stands for any text.",
            )
        for option in unmatched:
            self.note(option, "It matches nothing.")
        kept = {one.id for one in calendar.schedules if selection.takes(one)}
        for schedule in calendar.schedules:
            if schedule.id not in kept:
                self.leave_out(schedule)
        calendar.schedules = [one for one in calendar.schedules if one.id in kept]
        calendar.intervals = [one for one in calendar.intervals if one.schedule in kept]

    def refuse(self, schedule: Schedule, reason: str) -> None:
        """Note that it is unknown who is on call on a schedule: that is not the same as nobody."""
        self.note(schedule.name, reason)
        if schedule.id not in {one.id for one in self.calendar.schedules}:
            self.calendar.schedules.append(schedule)
        self.calendar.intervals = [one for one in self.calendar.intervals if one.schedule != schedule.id]
        start = self.calendar.window.start
        self.calendar.covers[schedule.id] = Window(start, start)

    async def read_each(
        self, schedules: Sequence[Schedule], read: Callable[[Schedule], Awaitable[None]], progress: ProgressCallback
    ) -> None:
        """Read one schedule after the other, and merge their intervals.

        Refused schedules are noted, and those without anybody on call.
        """
        calendar = self.calendar
        for done, schedule in enumerate(schedules, 1):
            before = len(calendar.intervals)
            try:
                await read(schedule)
            except RefusedError as error:
                self.refuse(schedule, f"{calendar.label} refuses to show this schedule ({error}).")
            known, is_taken = calendar.known(schedule.id), any(one.id == schedule.id for one in calendar.schedules)
            if is_taken and known.start < known.end and len(calendar.intervals) == before:
                self.note(schedule.name, "Nobody is on call in the whole window.")
            progress(done, len(schedules), "schedules")
        calendar.intervals = merge(calendar.intervals, calendar.window)

    async def read_overrides(self, ask: Ask, path: str, schedule: Schedule) -> Any:
        """Return the answer with a schedule's overrides; None if the system refuses, which is noted."""
        try:
            return await ask(path)
        except RefusedError as error:
            label = self.calendar.label
            self.note(schedule.name, f"{label} refuses to show the overrides of this schedule ({error}).")
            return None

    def add_person(self, id_: str, email: str, name: str) -> None:
        """Add a person from the system's own list."""
        self._people[id_] = email.strip().lower(), name

    def person(self, id_: str, name: str = "") -> str:
        """Return the `Interval.person` of an id; a person in no list is noted, never dropped."""
        email, own_name = self._people.get(id_, ("", ""))
        if email:
            self.calendar.names.setdefault(email, own_name or name)
            return email
        person = name.strip().lower() if "@" in name else name or own_name or id_
        if person not in self.strangers:
            self.strangers.add(person)
            self.note(person, self.stranger_reason)
        return person


class ProgressCallback(Protocol):
    """Gets the progress of reading."""

    def __call__(self, done: int, of: int, what: str) -> None:
        """Note that `done` of `of` are read; `of` is 0 while it is unknown."""


def path_with(path: str, **query: str | int | None) -> str:
    """Return a path with a query; None is left out."""
    return f"{path}?{urlencode({key: value for key, value in query.items() if value is not None})}"


def instant(text: str) -> int:
    """Return the epoch second of an ISO 8601 date-time.

    Raises:
        ValueError: it is not one, or has no offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC")
    return int(moment.timestamp())


def overlapping(overrides: Iterable[Interval]) -> list[tuple[Interval, Interval]]:
    """Return each pair of an override and a later one that begins before it has ended."""
    found = []
    last: Interval | None = None
    for one in sorted(overrides, key=in_time):
        if last is not None and one.schedule == last.schedule and one.start < last.end:
            found.append((last, one))
        if last is None or one.schedule != last.schedule or one.end > last.end:
            last = one
    return found


def feed_schedule(address: str) -> tuple[str, str]:
    """Return the provider and id of the schedule in a feed's address; empty if there is none."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if host.endswith(".opsgenie.com"):
        (id_,) = parse_qs(parts.query).get("scheduleId", [""])[:1]
        return ("OPSGENIE", id_) if id_ else ("", "")
    _, is_feed, id_ = parts.path.partition("/feed/")
    return ("PAGER_DUTY", id_) if host.endswith(".pagerduty.com") and is_feed and id_ else ("", "")


def is_calendar(path: str) -> bool:
    """Return whether a path has the name of a calendar file."""
    return PurePath(path).suffix.casefold() == ".ics"
