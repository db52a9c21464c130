"""A date-time as somebody wrote it: a clock on a wall, perhaps an offset. Parses no text and knows no zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from importer.normalizer.unreadable import Unreadable

FIRST_YEAR = 1970
LAST_YEAR = 2200

_DAY = timedelta(days=1)
_FURTHEST = timedelta(hours=14)  # no place on earth is further from UTC


class DateOrder(StrEnum):
    """Which number comes first in a date such as 03/04/2026."""

    DMY = "dmy"
    MDY = "mdy"


class Choice(StrEnum):
    """Which instant is meant by a local time that summer time skips or doubles."""

    EARLIER = "earlier"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class TimeRules:
    """What the user says of doubtful date-times; None: a doubtful one is a fault."""

    date_order: DateOrder | None = None
    twice: Choice | None = None  #: of a local time that comes twice
    skipped: Choice | None = None  #: of a local time that does not exist


class Moment(NamedTuple):
    """A date-time as it was written."""

    local: datetime  #: naive, whole seconds
    offset: timedelta | None  #: None: local in a zone that stands elsewhere


NO_RULES = TimeRules()

NO_DATE_TIME = Unreadable(
    ", which is no date-time",
    "write year-month-day, T and the time, such as 2027-03-01T08:00:00Z",
    "no date-time",
)
IMPOSSIBLE = Unreadable(", a date or time that no calendar or clock has", topic="date or time that does not exist")
OUTSIDE = Unreadable(f", outside the years {FIRST_YEAR} to {LAST_YEAR}", topic="date outside the years that can be")


def make_moment(
    date: tuple[int, int, int], clock: tuple[int, int, int], offset: timedelta | Unreadable | None
) -> Moment | Unreadable:
    """Put year, month, day and hour, minute, second together; 24:00:00 is the end of the day, as in ISO 8601."""
    if not is_near(date[0]):
        return OUTSIDE
    if isinstance(offset, Unreadable):
        return offset
    is_end_of_day = clock == (24, 0, 0)
    try:
        local = datetime(*date, *((0, 0, 0) if is_end_of_day else clock))  # noqa: DTZ001  (the zone comes later)
    except ValueError:
        return IMPOSSIBLE
    return Moment(local + _DAY if is_end_of_day else local, offset)


def make_offset(sign: str, hours: str, minutes: str | None) -> timedelta | Unreadable:
    """Make an offset from its digits; `sign` is a minus, in whatever character, where it is not `+`."""
    offset = timedelta(hours=int(hours), minutes=int(minutes or "0"))
    if offset > _FURTHEST or int(minutes or "0") > 59:
        return IMPOSSIBLE
    return offset if sign == "+" else -offset


def without_time(date: str) -> Unreadable:
    """Tell that a date stands alone; the hint says `date` with a time, so it must be ISO 8601."""
    hint = f"write the time too, such as {date}T08:00:00Z"
    return Unreadable(", a date without a time of day", hint, "date without a time of day")


def is_near(year: int) -> bool:
    """Tell whether a local time of that year may be an instant of the years that count: a year of room each side."""
    return FIRST_YEAR - 1 <= year <= LAST_YEAR + 1
