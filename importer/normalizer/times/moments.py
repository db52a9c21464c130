"""A date-time as somebody wrote it, and the instant that it means in a time zone. Parses no text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from importer.cells import Unreadable
from importer.settings import DateOrder  # at run time: pydantic reads `TimeRules`

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


FIRST_YEAR = 1970
LAST_YEAR = 2200
WITHOUT_TIME = "date without a time of day"  #: the topic of a date that stands alone

_DAY = timedelta(days=1)
_NO_OFFSET = timedelta(0)
_FURTHEST = timedelta(hours=14)  # no place on earth is further from UTC


class Choice(StrEnum):
    """Which instant is meant by a local time that summer time skips or doubles."""

    EARLIER = "earlier"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class TimeRules:
    """What the user says about ambiguous date-times; None: an ambiguous one is a fault."""

    date_order: DateOrder | None = None
    twice: Choice | None = None  #: of a local time that comes twice
    skipped: Choice | None = None  #: of a local time that does not exist


class Moment(NamedTuple):
    """A date-time as it was written."""

    local: datetime  #: naive, whole seconds
    offset: timedelta | None  #: None: local in a zone that stands elsewhere
    place: str = ""  #: beside an offset: "UTC" where a Z or UTC was written, else the name in brackets, if there is one


NO_RULES = TimeRules()

NO_DATE_TIME = Unreadable(
    ", which is not a date-time",
    "Write date, time of day and offset, such as 2027-03-01T08:00:00Z.",
    "not a date-time",
)
IMPOSSIBLE = Unreadable(", a date or time that does not exist", topic="date or time that does not exist")
OUTSIDE = Unreadable(f", outside the years {FIRST_YEAR} to {LAST_YEAR}", topic="date outside the accepted years")
_NO_ZONE = Unreadable(
    ", a local time without a time zone",
    "Add an offset, such as +01:00, or name the zone in a column timezone or with --timezone Europe/Berlin.",
    "local time without a time zone",
)


def make_moment(
    date: tuple[int, int, int],
    clock: tuple[int, int, int],
    offset: timedelta | Unreadable | None,
    place: str = "",
) -> Moment | Unreadable:
    """Return a moment from year, month, day and hour, minute, second; 24:00:00 is the day's end, as in ISO 8601."""
    if not is_near(date[0]):
        return OUTSIDE
    if isinstance(offset, Unreadable):
        return offset
    is_end_of_day = clock == (24, 0, 0)
    try:
        local = datetime(*date, *((0, 0, 0) if is_end_of_day else clock))  # noqa: DTZ001  (the zone comes later)
    except ValueError:
        return IMPOSSIBLE
    return Moment(local + _DAY if is_end_of_day else local, offset, place)


def make_offset(sign: str, hours: str, minutes: str | None) -> timedelta | Unreadable:
    """Return an offset from its digits; `sign` is a minus, in whatever character, where it is not `+`."""
    offset = timedelta(hours=int(hours), minutes=int(minutes or "0"))
    if offset > _FURTHEST or int(minutes or "0") > 59:
        return IMPOSSIBLE
    return offset if sign == "+" else -offset


def without_time(date: str) -> Unreadable:
    """Return the fault of a date that stands alone; `date` in ISO 8601 becomes the hint's example."""
    return Unreadable(f", a {WITHOUT_TIME}", f"Add the time, such as {date}T08:00:00Z.", WITHOUT_TIME)


def is_near(year: int) -> bool:
    """Return whether a local time of that year may be an instant of the accepted years: a year of room each side."""
    return FIRST_YEAR - 1 <= year <= LAST_YEAR + 1


def to_instant(moment: Moment, zone: ZoneInfo | None, rules: TimeRules = NO_RULES) -> datetime | Unreadable:
    """Return the instant of a moment, in UTC; `zone` counts where it has no offset of its own.

    A local time that its zone skips or has twice is a fault unless `rules` choose.
    """
    if not is_near(moment.local.year):
        return OUTSIDE
    if moment.offset is not None:
        instant = (moment.local - moment.offset).replace(tzinfo=UTC)
    elif zone is not None:
        found = _instant_in(moment.local.replace(tzinfo=zone), rules)
        if isinstance(found, Unreadable):
            return found
        instant = found
    else:
        return _NO_ZONE
    return instant if FIRST_YEAR <= instant.year <= LAST_YEAR else OUTSIDE


def _instant_in(first: datetime, rules: TimeRules) -> datetime | Unreadable:
    """Place a local time in its zone; `first` has no fold: it takes the offset from before a change of the clock."""
    second = first.replace(fold=1)
    before, after = first.utcoffset() or _NO_OFFSET, second.utcoffset() or _NO_OFFSET
    if before == after:
        return first.replace(tzinfo=UTC) - before
    is_twice = before > after
    choice = rules.twice if is_twice else rules.skipped
    if choice is None:
        return _twice(first, second) if is_twice else _never(first, second)
    choose = min if choice is Choice.EARLIER else max
    return choose(first.astimezone(UTC), second.astimezone(UTC))


def _twice(earlier: datetime, later: datetime) -> Unreadable:
    return Unreadable(
        f", which comes twice in {earlier.tzinfo}, as the clock is put back: {_iso(earlier)} and {_iso(later)}",
        f"Write the one that is meant, such as {_iso(earlier)}, or set twice below [times] in a mapping file.",
        "local time that comes twice",
    )


def _never(earlier: datetime, later: datetime) -> Unreadable:
    # Through UTC and back: what a clock of that place showed at the two instants that can be meant.
    readings = [moment.astimezone(UTC).astimezone(moment.tzinfo) for moment in (later, earlier)]
    first, second = map(_iso, readings)
    return Unreadable(
        f", which does not exist in {earlier.tzinfo}, as the clock is put forward: it could mean {first} or {second}",
        f"Write the one that is meant, such as {second}, or set skipped below [times] in a mapping file.",
        "local time that does not exist",
    )


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
