"""Date-times as people and programs write them, in English or in numbers. ISO 8601 is read elsewhere.

A date, a time of day, perhaps an offset, in that order: `Mon, 01 Mar 2027 08:00:00 +0100`, `March 1, 2027 at 8 pm`,
`01.03.2027 20.00`, `2027/03/01 08:00 UTC+1`. What two readers could read differently is a fault.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from importer.normalizer.calendar_dates import Day, read_day
from importer.normalizer.cleaning import BLANKS
from importer.normalizer.moments import IMPOSSIBLE, NO_DATE_TIME, Moment, make_moment, make_offset, without_time
from importer.normalizer.wording import Fault, quote

if TYPE_CHECKING:
    from datetime import timedelta

    from importer.normalizer.moments import DateOrder

_TIDY = {ord(char): " " if char.isspace() else None for char in BLANKS} | {0x2212: "-"}
_SEVERAL_BLANKS = re.compile(" {2,}")

_CLOCK = re.compile(
    r"(?P<hour>[0-9]{1,2})"
    r"(?:(?P<mark>[:.])(?P<minute>[0-9]{2})(?:(?P=mark)(?P<second>[0-9]{2})(?:[.,][0-9]+)?)?)?"
    r"(?: ?(?P<half>[ap])\.?m\b\.?)?(?P<offset>.*)",
    re.IGNORECASE,
)
_BEFORE_CLOCK = re.compile(r"T|,? (?:at |- )?|,", re.IGNORECASE)

# Behind an offset a name of the zone may follow, as JavaScript, Java and Go write it: the offset says all.
_NAME = r" ?\([^()]*\)| ?\[[^\[\]]*\]"
_UTC = re.compile(rf"(?:Z|UTC|GMT|UT)(?:{_NAME})?", re.IGNORECASE)
_OFFSET = re.compile(
    r"(?:(?:UTC|GMT|UT) ?(?P<sign>[+-])(?P<hours>[0-9]{1,2})|(?P<bare_sign>[+-])(?P<bare_hours>[0-9]{2}))"
    rf"(?::?(?P<minutes>[0-9]{{2}}))?(?:{_NAME}| [A-Z]{{2,5}})?",
    re.IGNORECASE,
)
_ABBREVIATION = re.compile(r"[A-Z]{2,5}", re.IGNORECASE)
_ZONE_NAME = re.compile(r"\[?[^\W\d_][^\d]{4,}", re.IGNORECASE)

_NO_DATE = Fault(
    ", a time of day without a date",
    "write the date too, such as 2027-03-01T08:00:00Z",
    "time of day without a date",
)
_SPAN = Fault(
    ", which could be a time with an offset or a span of time",
    "write start and end in columns of their own; put a blank before an offset",
    "time with an offset, or a span of time",
)
_OFFSET_HINT = (
    "write an offset instead, such as +01:00, or nothing, and name the zone in a column timezone, such as Europe/Berlin"
)


def read_written(text: str, order: DateOrder | None) -> Moment | Fault:
    """Read a date-time that is not ISO 8601; `order` says what a date such as 03/04/2026 is."""
    tidy = _SEVERAL_BLANKS.sub(" ", text.translate(_TIDY)).strip()
    day = read_day(tidy, order)
    if day is None:
        clock = _CLOCK.fullmatch(tidy)
        return _NO_DATE if clock and _has_time(clock) and not clock["offset"] else NO_DATE_TIME
    return day if isinstance(day, Fault) else _read_time(day)


def _read_time(day: Day) -> Moment | Fault:
    if not day.rest:
        return without_time(day.date.isoformat())
    start = _BEFORE_CLOCK.match(day.rest)
    match = _CLOCK.fullmatch(day.rest, start.end()) if start else None
    if match is None or not _has_time(match):
        return NO_DATE_TIME
    hour = _hour(int(match["hour"]), (match["half"] or "").casefold())
    if hour is None:
        return IMPOSSIBLE
    clock = (hour, int(match["minute"] or "0"), int(match["second"] or "0"))
    return make_moment((day.date.year, day.date.month, day.date.day), clock, _read_offset(match["offset"]))


def _has_time(clock: re.Match[str]) -> bool:
    # A lone number is no time: it could be anything.
    return clock["minute"] is not None or clock["half"] is not None


def _hour(hour: int, half: str) -> int | None:
    if not half:
        return hour
    if not 1 <= hour <= 12:
        return None
    return hour % 12 + (12 if half == "p" else 0)


def _read_offset(text: str) -> timedelta | Fault | None:
    """Read what stands behind a time of day; None where nothing does."""
    name = text.strip()
    if not name:
        return None
    if name.startswith("(") and name.endswith(")"):
        name = name[1:-1]
    if _UTC.fullmatch(name):
        return make_offset("+", "0", None)
    match = _OFFSET.fullmatch(name)
    if match is None:
        return _not_an_offset(name)
    if text.startswith("-"):
        return _SPAN
    return make_offset(match["sign"] or match["bare_sign"], match["hours"] or match["bare_hours"], match["minutes"])


def _not_an_offset(name: str) -> Fault:
    if _ABBREVIATION.fullmatch(name):
        reason = f", with {quote(name)} behind the time: such abbreviations mean different offsets in different places"
        return Fault(reason, _OFFSET_HINT, "abbreviation of a time zone behind a time")
    if _ZONE_NAME.fullmatch(name):
        return Fault(f", with {quote(name)} behind the time", _OFFSET_HINT, "something but an offset behind a time")
    return NO_DATE_TIME
