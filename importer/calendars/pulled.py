"""What reading another system needs and returns: a way to ask it, the wanted schedules, what was read. Asks nobody."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

from importer.calendars import Calendar, Interval, Note, Schedule, Window, in_time, merge
from importer.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence


class RefusedError(Exception):
    """The system refuses one question (400, 402, 403, 404, 422) and is well otherwise."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"{status}: {words}" if words else str(status))
        self.status = status


class Ask(Protocol):
    """Asks a system with GET, at its pace, again where that may help."""

    async def __call__(self, path: str) -> Any:
        """Return the JSON at a path below the base URL, query included.

        Raises:
            RefusedError: the system refuses this question.
            ImporterError: there is no usable answer.
        """


@dataclass(frozen=True, slots=True)
class Selection:
    """Which schedules are wanted; `*` stands for any text. Ids and names count, in any case of letters."""

    schedules: tuple[str, ...] = ()  #: empty: all
    teams: tuple[str, ...] = ()  #: empty: all
    exclude: tuple[str, ...] = ()

    def takes(self, schedule: Schedule, *, is_team_known: bool = True) -> bool:
        """Return whether a schedule is wanted, as far as that can be said where its team is not known yet."""
        names = (schedule.id, schedule.name)
        if matches(self.exclude, *names):
            return False
        return (not self.schedules or matches(self.schedules, *names)) and (
            not self.teams or not is_team_known or matches(self.teams, *schedule.teams, schedule.team)
        )

    def unmatched(self, schedules: Iterable[Schedule]) -> list[str]:
        """Return the options that name none of the schedules, as they were written."""
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
    """Return whether one of the names is as one of the patterns says, in any case of letters; `*` is any text."""
    known = [name.casefold() for name in names]
    for pattern in patterns:
        text = re.compile(".*".join(map(re.escape, pattern.casefold().split("*"))), re.DOTALL)
        if any(map(text.fullmatch, known)):
            return True
    return False


@dataclass(slots=True)
class Pulled:
    """All that was read out of one system."""

    calendar: Calendar
    overrides: list[Interval] = field(default_factory=list)
    listed: list[Schedule] = field(default_factory=list)  #: all that the system listed, wanted or not
    strangers: set[str] = field(default_factory=set)  #: people that no list of the system has: deleted, mostly
    stranger_reason: str = ""  #: the note about one
    _people: dict[str, tuple[str, str]] = field(default_factory=dict)  # e-mail address and name by the system's id

    def note(self, subject: str, reason: str) -> None:
        """Note something that was seen and not taken."""
        self.calendar.notes.append(Note(subject, reason))

    def leave_out(self, schedule: Schedule, why: str = "the options do not select it") -> None:
        """Note that a schedule is not read."""
        self.note(schedule.name, f"Left out: {why}.")

    def keep(self, selection: Selection) -> None:
        """Keep the wanted schedules only, and note the options that name none.

        Raises:
            UsageError: the options leave nothing of what the system has.
        """
        calendar = self.calendar
        unmatched = selection.unmatched([*self.listed, *calendar.schedules])
        if self.listed and not any(map(selection.takes, self.listed)) and not calendar.schedules:
            words = ", ".join(unmatched) or "the options"
            raise UsageError(
                f"{words}: none of the {len(self.listed)} schedules of {calendar.label} is meant",
                hint="Write ids or exact names; * stands for any text.",
            )
        for option in unmatched:
            self.note(option, "It names nothing that was seen.")
        kept = {one.id for one in calendar.schedules if selection.takes(one)}
        for schedule in calendar.schedules:
            if schedule.id not in kept:
                self.leave_out(schedule)
        calendar.schedules = [one for one in calendar.schedules if one.id in kept]
        calendar.intervals = [one for one in calendar.intervals if one.schedule in kept]

    def refuse(self, schedule: Schedule, reason: str) -> None:
        """Note that nobody knows who is on call on a schedule: that is not nobody."""
        self.note(schedule.name, reason)
        if schedule.id not in {one.id for one in self.calendar.schedules}:
            self.calendar.schedules.append(schedule)
        self.calendar.intervals = [one for one in self.calendar.intervals if one.schedule != schedule.id]
        start = self.calendar.window.start
        self.calendar.covers[schedule.id] = Window(start, start)

    async def read_each(
        self, schedules: Sequence[Schedule], read: Callable[[Schedule], Awaitable[None]], progress: ProgressCallback
    ) -> None:
        """Read one schedule after the other, and merge their intervals; one that is refused is noted."""
        for done, schedule in enumerate(schedules, 1):
            try:
                await read(schedule)
            except RefusedError as error:
                self.refuse(schedule, f"{self.calendar.label} refuses to show this schedule ({error}).")
            progress(done, len(schedules), "schedules")
        self.calendar.intervals = merge(self.calendar.intervals, self.calendar.window)

    async def read_overrides(self, ask: Ask, path: str, schedule: Schedule) -> Any:
        """Return the answer with a schedule's overrides; None where the system refuses it, which is noted."""
        try:
            return await ask(path)
        except RefusedError as error:
            label = self.calendar.label
            self.note(schedule.name, f"{label} refuses to show the overrides of this schedule ({error}).")
            return None

    def add_person(self, id_: str, email: str, name: str) -> None:
        """Learn a person of the system's own list."""
        self._people[id_] = email.strip().lower(), name

    def person(self, id_: str, name: str = "") -> str:
        """Return what `Interval.person` holds for an id; somebody who is in no list is noted, never dropped."""
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
    """Who wants to know how far the reading is."""

    def __call__(self, done: int, of: int, what: str) -> None:
        """So many of so many are read; `of` is 0 while nobody knows."""


def path_with(path: str, **query: str | int | Sequence[str] | None) -> str:
    """Return a path with its query; a sequence repeats its key with `[]`, None is left out."""
    pairs: list[tuple[str, str]] = []
    for key, value in query.items():
        if isinstance(value, str | int):
            pairs.append((key, str(value)))
        elif value is not None:
            pairs.extend((f"{key}[]", one) for one in value)
    return f"{path}?{urlencode(pairs)}" if pairs else path


def instant(text: str) -> int:
    """Return the epoch second of an ISO 8601 date-time.

    Raises:
        ValueError: it is none, or has no offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC")
    return int(moment.timestamp())


def overlapping(overrides: Iterable[Interval]) -> list[tuple[Interval, Interval]]:
    """Return each override that begins before an earlier one of its schedule has ended, behind that one."""
    found = []
    last: Interval | None = None
    for one in sorted(overrides, key=in_time):
        if last is not None and one.schedule == last.schedule and one.start < last.end:
            found.append((last, one))
        if last is None or one.schedule != last.schedule or one.end > last.end:
            last = one
    return found
