"""Texts of date-times to instants: ISO 8601 with an offset, or in a zone. Guesses nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from importer.normalizer.wording import Fault

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

FIRST_YEAR = 1970
LAST_YEAR = 2200

_LONGEST_TEXT = 64  # no date-time is longer; bounds what the cache holds
_FURTHEST = timedelta(hours=14)  # no place on earth is further from UTC

_OFFSET = r"([Zz]|[+\-\u2212]\d\d(?::?\d\d)?)"
_EXTENDED = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:(?:[Tt]|[ \u00a0]+)(\d\d):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?(?: ?" + _OFFSET + ")?)?",
    re.ASCII,
)
_BASIC = re.compile(
    r"(\d{4})(\d\d)(\d\d)"
    r"[Tt](\d\d)(\d\d)(?:(\d\d)(?:[.,]\d+)?)?" + _OFFSET + "?",
    re.ASCII,
)

_NOT_ISO = Fault(
    ", which is no ISO 8601 date-time", "write year-month-day, T and the time, such as 2027-03-01T08:00:00Z"
)
_IMPOSSIBLE = Fault(", a date or time that no calendar or clock has")
_OUTSIDE = Fault(f", outside the years {FIRST_YEAR} to {LAST_YEAR}")
_NO_ZONE = Fault(
    ", a local time without a time zone",
    "write an offset behind it, such as +01:00, or name the zone in a column timezone or by --timezone Europe/Berlin",
)


def read_instant(text: str, zone: ZoneInfo | None) -> datetime | Fault:
    """Read a date-time as an instant in UTC, fractions of seconds cut.

    `zone` says where a text without an offset is local. A local time that its zone skips or has twice is a fault.
    """
    return _read_instant(text, zone) if len(text) <= _LONGEST_TEXT else _NOT_ISO


@lru_cache(maxsize=16384)  # many rows start or end at the same time; some 5 MB
def _read_instant(text: str, zone: ZoneInfo | None) -> datetime | Fault:
    match = _EXTENDED.fullmatch(text) or _BASIC.fullmatch(text)
    if not match:
        return _NOT_ISO
    year, month, day, hour, minute, second, offset_text = match.groups()
    if not hour:
        return Fault(", a date without a time of day", f"write the time too, such as {text}T08:00:00Z")
    # A year of room on both sides: the instant's year is judged, and that needs an offset first.
    if not FIRST_YEAR - 1 <= int(year) <= LAST_YEAR + 1:
        return _OUTSIDE
    try:
        local, offset = _local((year, month, day), (hour, minute, second or "0")), _offset(offset_text)
    except ValueError:
        return _IMPOSSIBLE
    return _instant(local, offset, zone)


def _instant(local: datetime, offset: timedelta | None, zone: ZoneInfo | None) -> datetime | Fault:
    if offset is None and zone is None:
        return _NO_ZONE
    found = offset if offset is not None else _offset_in(local, zone)
    if isinstance(found, Fault):
        return found
    instant = (local - found).replace(tzinfo=UTC)
    return instant if FIRST_YEAR <= instant.year <= LAST_YEAR else _OUTSIDE


def _local(date: tuple[str, ...], clock: tuple[str, ...]) -> datetime:
    year, month, day = map(int, date)
    hour, minute, second = map(int, clock)
    # The end of the day is 24:00 in ISO 8601.
    is_end_of_day = (hour, minute, second) == (24, 0, 0)
    local = datetime(year, month, day, 0 if is_end_of_day else hour, minute, second)  # noqa: DTZ001  (offset comes later)
    return local + timedelta(days=1) if is_end_of_day else local


@lru_cache(maxsize=1024)
def _offset(text: str | None) -> timedelta | None:
    if text is None:
        return None
    if text in "Zz":
        return timedelta(0)
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if offset > _FURTHEST or digits[2:] > "59":
        raise ValueError(text)
    return offset if text[0] == "+" else -offset


def _offset_in(local: datetime, zone: ZoneInfo | None) -> timedelta | Fault:
    earlier = local.replace(tzinfo=zone)
    later = earlier.replace(fold=1)
    before, after = earlier.utcoffset() or timedelta(0), later.utcoffset() or timedelta(0)
    if before == after:
        return before
    if before > after:
        return _twice(earlier, later)
    return _never(earlier, later)


def _twice(earlier: datetime, later: datetime) -> Fault:
    return Fault(
        f", which comes twice in {earlier.tzinfo}, as the clock is put back: {_iso(earlier)} and {_iso(later)}",
        f"write the one that is meant, such as {_iso(earlier)}",
    )


def _never(earlier: datetime, later: datetime) -> Fault:
    # Through UTC and back: what a clock of that place showed at the two instants that can be meant.
    readings = [moment.astimezone(UTC).astimezone(moment.tzinfo) for moment in (later, earlier)]
    first, second = map(_iso, readings)
    return Fault(
        f", which does not exist in {earlier.tzinfo}, as the clock is put forward: it could mean {first} or {second}",
        f"write the one that is meant, such as {second}",
    )


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
