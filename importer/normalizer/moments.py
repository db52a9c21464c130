"""Date-times as somebody wrote them, the instants that they mean in a time zone, and durations.

Texts of date-times are parsed in `date_times`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from importer.cells import BLANKS, Unreadable
from importer.settings import DateOrder  # at run time: pydantic reads `TimeRules`

if TYPE_CHECKING:
    from collections.abc import Mapping
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


@lru_cache(maxsize=16384)  # many rows start or end at the same time
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


# ---- durations


# Days and weeks are nominal, hours, minutes and seconds exact (RFC 5545, 3.3.6): a day after 08:00 is 08:00 whatever
# summer time does; 24 hours after it need not be.
Amounts: TypeAlias = dict[str, Fraction]


class Duration(NamedTuple):
    """How long something takes: more than nothing."""

    days: int  #: calendar days in local time
    seconds: int  #: exact, beyond the days; can be more than a day has


_LONGEST_TEXT = 64  # no duration is longer; bounds what the cache holds
_LONGEST_DAYS = 3_660  # ten years: what is longer is a slip

_TIDY = {ord(char): " " if char.isspace() else None for char in BLANKS}
# Three decimals could be thousands: 1.500 h.
_AMOUNT = r"([0-9]{1,9}(?:[.,][0-9]{1,2})?)"
_PIECE = re.compile(rf"{_AMOUNT} ?([^\W\d_]+)\.?(?:,? and |,? ?)")
_CLOCK = re.compile(r"([0-9]{1,5}):([0-5][0-9])(?::([0-5][0-9])(?:[.,][0-9]+)?)?")
_ISO = re.compile(
    "P"
    + "".join(f"(?:{_AMOUNT}{unit})?" for unit in "YMWD")
    + "(?:T(?=[0-9])"
    # Two letters of a group are one in ISO: M before the T is months, behind it minutes.
    + "".join(f"(?:{_AMOUNT}{unit})?" for unit in "HMS")
    + ")?",
    re.IGNORECASE,
)
_ISO_UNITS = ("year", "month", "week", "day", "hour", "minute", "second")
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?")

_IN_SECONDS = {"hour": 3600, "minute": 60, "second": 1}
_IN_DAYS = {"week": 7, "day": 1}
_UNITS = {unit: unit for unit in _ISO_UNITS} | {f"{unit}s": unit for unit in _ISO_UNITS}
_UNITS |= {unit[0]: unit for unit in ("year", "week", "day", "hour", "minute", "second")}
_UNITS |= {"yr": "year", "yrs": "year", "mo": "month", "mos": "month", "wk": "week", "wks": "week"}
_UNITS |= {"hr": "hour", "hrs": "hour", "min": "minute", "mins": "minute", "sec": "second", "secs": "second"}

_DURATION_RIGHT = "write hours or days, such as 8h, 1d 12h or PT8H"
_NO_DURATION = Unreadable(", which is no duration", _DURATION_RIGHT, "no duration")
_NO_UNIT = Unreadable(
    ", a number without a unit", "write the unit too, such as 8h, 90m or 1d", "duration without a unit"
)
_NOT_POSITIVE = Unreadable(", which is not longer than nothing", _DURATION_RIGHT, "duration of nothing or less")
_TOO_LONG = Unreadable(", which is longer than ten years", _DURATION_RIGHT, "duration longer than ten years")
_NO_FIXED_LENGTH = Unreadable(
    ", in months or years, which differ in length",
    "write it in days or weeks, such as 4w",
    "duration in months or years",
)
_PART_OF_A_DAY = Unreadable(
    ", with a part of a day, which summer time makes longer or shorter",
    "write that part in hours, such as 12h or 1d 12h",
    "duration with a part of a day",
)
_PART_OF_A_SECOND = Unreadable(
    ", which is no whole number of seconds",
    "write hours and minutes, such as 1h 20m",
    "duration with parts of a second",
)


def read_duration(text: str) -> Duration | Unreadable:
    """Read a duration: `8h`, `1d 12h`, `90 minutes`, `1.5h`, `PT8H`, `P1W`; `08:00` is hours and minutes."""
    return _read_duration(text) if len(text) <= _LONGEST_TEXT else _NO_DURATION


@lru_cache(maxsize=1024)  # a source has a handful of them
def _read_duration(text: str) -> Duration | Unreadable:
    tidy = " ".join(text.translate(_TIDY).split()).casefold().removeprefix("+")
    if tidy.startswith(("-", "\u2212")):
        return _NOT_POSITIVE
    if _NUMBER.fullmatch(tidy):
        return _NO_UNIT
    amounts = _read_iso(tidy) or _read_pieces(tidy)
    return _total(amounts) if amounts else _NO_DURATION


def _read_iso(text: str) -> Amounts | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    return {unit: _number(amount) for unit, amount in zip(_ISO_UNITS, match.groups(), strict=True) if amount}


def _read_pieces(text: str) -> Amounts | None:
    """Read amounts with their units, the larger first, each once; behind days `8:00` may stand for hours."""
    amounts: Amounts = {}
    position, allowed = 0, list(_ISO_UNITS)
    while match := _PIECE.match(text, position):
        unit = _UNITS.get(match[2])
        if unit not in allowed:
            return None
        amounts[unit] = _number(match[1])
        position, allowed = match.end(), allowed[allowed.index(unit) + 1 :]
    if position == len(text):
        return amounts
    clock = _CLOCK.fullmatch(text, position)
    if clock is None or "hour" not in allowed:
        return None
    return amounts | {unit: Fraction(part or 0) for unit, part in zip(_IN_SECONDS, clock.groups(), strict=True)}


def _number(amount: str) -> Fraction:
    return Fraction(amount.replace(",", "."))


def _total(amounts: Mapping[str, Fraction]) -> Duration | Unreadable:
    if "year" in amounts or "month" in amounts:
        return _NO_FIXED_LENGTH
    days, seconds = _sum(amounts, _IN_DAYS), _sum(amounts, _IN_SECONDS)
    if days + seconds / 86_400 > _LONGEST_DAYS:
        return _TOO_LONG
    if days.denominator > 1:
        return _PART_OF_A_DAY
    if seconds.denominator > 1:
        return _PART_OF_A_SECOND
    return Duration(int(days), int(seconds)) if days or seconds else _NOT_POSITIVE


def _sum(amounts: Mapping[str, Fraction], sizes: Mapping[str, int]) -> Fraction:
    return sum((amounts[unit] * size for unit, size in sizes.items() if unit in amounts), Fraction(0))
