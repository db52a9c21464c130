"""What reading another system needs and returns: a way to ask it, the wanted schedules, what was read. Asks nobody."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import urlencode

from importer.calendars.intervals import Calendar, Note, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


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


class Override(NamedTuple):
    """Somebody takes a schedule over for a while: half-open, whole epoch seconds."""

    schedule: str  #: the schedule's id
    start: int
    end: int
    person: str  #: as `Interval.person`
    id: str = ""  #: the override's own id, where the system has one


@dataclass(frozen=True, slots=True)
class Selection:
    """Which schedules are wanted; `*` stands for any text. Ids and names count, in any case of letters."""

    schedules: tuple[str, ...] = ()  #: empty: all
    teams: tuple[str, ...] = ()  #: empty: all
    exclude: tuple[str, ...] = ()

    def takes(self, schedule: Schedule) -> bool:
        """Return whether a schedule is wanted."""
        names = (schedule.id, schedule.name)
        if _matches(self.exclude, names):
            return False
        return (not self.schedules or _matches(self.schedules, names)) and (
            not self.teams or _matches(self.teams, schedule.team.split(", "))
        )


def _matches(patterns: Iterable[str], names: Iterable[str]) -> bool:
    folded = [name.casefold() for name in names]
    return any(fnmatchcase(name, pattern.casefold()) for pattern in patterns for name in folded)


@dataclass(slots=True)
class Pulled:
    """All that was read out of one system."""

    calendar: Calendar
    overrides: list[Override] = field(default_factory=list)
    seen: int = 0  #: schedules that the system listed, wanted or not

    def note(self, subject: str, reason: str) -> None:
        """Note something that was seen and not taken."""
        self.calendar.notes.append(Note(subject, reason))


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


class People:
    """Who is who in a system: its ids to e-mail addresses and names."""

    def __init__(self, calendar: Calendar, report_unknown: Callable[[str, str], None]) -> None:
        self._calendar = calendar
        self._report_unknown = report_unknown
        self._emails: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._unknown: set[str] = set()

    def add(self, id_: str, email: str, name: str) -> None:
        """Learn a person of the system's own list."""
        self._emails[id_] = email.strip().lower()
        self._names[id_] = name

    def __len__(self) -> int:
        return len(self._emails)

    def person(self, id_: str, name: str = "") -> str:
        """Return what `Interval.person` holds for an id; somebody who is in no list is noted, never dropped."""
        email = self._emails.get(id_, "")
        if not email:
            if id_ not in self._unknown:
                self._unknown.add(id_)
                self._report_unknown(id_, name)
            return name or id_
        self._calendar.names.setdefault(email, self._names.get(id_) or name)
        return email


def overlapping(overrides: Iterable[Override]) -> list[tuple[Override, Override]]:
    """Return each override that begins before an earlier one of its schedule has ended, behind that one."""
    found = []
    last: Override | None = None
    for one in sorted(overrides):
        if last is not None and one.schedule == last.schedule and one.start < last.end:
            found.append((last, one))
        if last is None or one.schedule != last.schedule or one.end > last.end:
            last = one
    return found
