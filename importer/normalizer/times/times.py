"""Texts of date-times to instants: ISO 8601, a spreadsheet's numbers, written forms. Guesses nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from importer.normalizer.times.moments import (
    FIRST_YEAR,
    LAST_YEAR,
    NO_DATE_TIME,
    NO_RULES,
    OUTSIDE,
    Choice,
    DateOrder,
    Moment,
    TimeRules,
    is_near,
    make_moment,
    make_offset,
    without_time,
)
from importer.normalizer.times.written_dates import read_written
from importer.normalizer.unreadable import Unreadable

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


__all__ = [
    "FIRST_YEAR",
    "LAST_YEAR",
    "Choice",
    "DateOrder",
    "Moment",
    "TimeRules",
    "read_instant",
    "read_moment",
    "to_instant",
]

_LONGEST_TEXT = 80  # JavaScript's longest is 66 or so; bounds what the cache holds

_OFFSET = r"(?: ?(?:([Zz])|([+\-\u2212])(\d\d)(?::?(\d\d))?))?"
_EXTENDED = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:(?:[Tt]|[ \u00a0]+)(\d\d):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?" + _OFFSET + ")?", re.ASCII
)
_BASIC = re.compile(r"(\d{4})(\d\d)(\d\d)[Tt](\d\d)(\d\d)(?:(\d\d)(?:[.,]\d+)?)?" + _OFFSET, re.ASCII)

_SERIAL = re.compile(r"(\d{5,6})(?:[.,](\d+))?", re.ASCII)
_SERIAL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001  (day 0 of the 1900 system, which has a 29 February 1900, is local)
_FIRST_SERIAL, _LAST_SERIAL = 20_000, 110_000  # October 1954 to February 2201: other numbers are no dates
_DAY = 86_400
_QUARTER = 900
_SURE_DECIMALS = 5  # 0.00001 of a day is 0.86 s: the nearest second is the one that was typed

_NO_OFFSET = timedelta(0)

_COARSE = Unreadable(
    ", a number of days with too few decimals for the time of day",
    "write year-month-day, T and the time, such as 2027-03-01T08:00:00, or format the cell as date and time",
    "number of days with too few decimals",
)
_NO_ZONE = Unreadable(
    ", a local time without a time zone",
    "write an offset behind it, such as +01:00, or name the zone in a column timezone or by --timezone Europe/Berlin",
    "local time without a time zone",
)


def read_instant(text: str, zone: ZoneInfo | None, rules: TimeRules = NO_RULES) -> datetime | Unreadable:
    """Read a date-time as an instant in UTC, fractions of seconds cut.

    `zone` says where a text without an offset is local. A local time that its zone skips or has twice is a fault
    unless `rules` choose.
    """
    if len(text) > _LONGEST_TEXT:
        return NO_DATE_TIME
    # Three plain values and no `rules` in the key: hashing a data class costs more than all the rest of a hit.
    return _read_instant(text, zone, rules.date_order, rules.twice, rules.skipped)


def read_moment(text: str, rules: TimeRules = NO_RULES) -> Moment | Unreadable:
    """Read a date-time as it is written, fractions of seconds cut; it need not exist in any zone."""
    return _read_moment(text, rules.date_order) if len(text) <= _LONGEST_TEXT else NO_DATE_TIME


def to_instant(moment: Moment, zone: ZoneInfo | None, rules: TimeRules = NO_RULES) -> datetime | Unreadable:
    """Place a moment in time, in UTC; `zone` counts where it has no offset of its own."""
    return _to_instant(moment, zone, rules.twice, rules.skipped)


@lru_cache(maxsize=16384)  # many rows start or end at the same time; some 5 MB
def _read_instant(
    text: str, zone: ZoneInfo | None, date_order: DateOrder | None, twice: Choice | None, skipped: Choice | None
) -> datetime | Unreadable:
    moment = _read_moment(text, date_order)
    return moment if isinstance(moment, Unreadable) else _to_instant(moment, zone, twice, skipped)


def _to_instant(
    moment: Moment, zone: ZoneInfo | None, twice: Choice | None, skipped: Choice | None
) -> datetime | Unreadable:
    local, offset = moment
    if not is_near(local.year):
        return OUTSIDE
    if offset is not None:
        instant = (local - offset).replace(tzinfo=UTC)
    elif zone is not None:
        found = _instant_in(local.replace(tzinfo=zone), twice, skipped)
        if isinstance(found, Unreadable):
            return found
        instant = found
    else:
        return _NO_ZONE
    return instant if FIRST_YEAR <= instant.year <= LAST_YEAR else OUTSIDE


def _read_moment(text: str, order: DateOrder | None) -> Moment | Unreadable:
    match = _EXTENDED.fullmatch(text) or _BASIC.fullmatch(text)
    if match:
        return _read_iso(match)
    serial = _SERIAL.fullmatch(text)
    return _read_serial(serial[1], serial[2] or "") if serial else read_written(text, order)


def _read_iso(match: re.Match[str]) -> Moment | Unreadable:
    year, month, day, hour, minute, second, utc, sign, hours, minutes = match.groups()
    if hour is None:
        return without_time(match[0])
    offset = make_offset(sign, hours, minutes) if sign else _NO_OFFSET if utc else None
    return make_moment((int(year), int(month), int(day)), (int(hour), int(minute), int(second or "0")), offset)


def _read_serial(days: str, decimals: str) -> Moment | Unreadable:
    """Read a number of days as Excel's 1900 system and all that follow it count them; local."""
    if not _FIRST_SERIAL <= int(days) <= _LAST_SERIAL:
        return NO_DATE_TIME
    one = 10 ** len(decimals)
    part = int(decimals or "0") * _DAY  # in seconds times `one`: no rounding but the last
    # 0.5 and 0.375 are times as they stand; 0.3333 is a rounded one, and by up to 4 s.
    if len(decimals) < _SURE_DECIMALS and part % (_QUARTER * one):
        return _COARSE
    seconds = (2 * part + one) // (2 * one)
    return Moment(_SERIAL_ZERO + timedelta(days=int(days), seconds=seconds), None)


def _instant_in(first: datetime, twice: Choice | None, skipped: Choice | None) -> datetime | Unreadable:
    """Place a local time in its zone; `first` has no fold: it takes the offset from before a change of the clock."""
    second = first.replace(fold=1)
    before, after = first.utcoffset() or _NO_OFFSET, second.utcoffset() or _NO_OFFSET
    if before == after:
        return first.replace(tzinfo=UTC) - before
    is_twice = before > after
    choice = twice if is_twice else skipped
    if choice is None:
        return _twice(first, second) if is_twice else _never(first, second)
    choose = min if choice is Choice.EARLIER else max
    return choose(first.astimezone(UTC), second.astimezone(UTC))


def _twice(earlier: datetime, later: datetime) -> Unreadable:
    return Unreadable(
        f", which comes twice in {earlier.tzinfo}, as the clock is put back: {_iso(earlier)} and {_iso(later)}",
        f"write the one that is meant, such as {_iso(earlier)}, or set twice below [times] in a mapping file",
        "local time that comes twice",
    )


def _never(earlier: datetime, later: datetime) -> Unreadable:
    # Through UTC and back: what a clock of that place showed at the two instants that can be meant.
    readings = [moment.astimezone(UTC).astimezone(moment.tzinfo) for moment in (later, earlier)]
    first, second = map(_iso, readings)
    return Unreadable(
        f", which does not exist in {earlier.tzinfo}, as the clock is put forward: it could mean {first} or {second}",
        f"write the one that is meant, such as {second}, or set skipped below [times] in a mapping file",
        "local time that does not exist",
    )


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
