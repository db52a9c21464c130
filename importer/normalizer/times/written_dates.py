"""Date-times as people and programs write them, in English or in numbers. ISO 8601 is read elsewhere.

A date, a time of day, perhaps an offset, in that order: `Mon, 01 Mar 2027 08:00:00 +0100`, `March 1, 2027 at 8 pm`,
`01.03.2027 20.00`, `2027/03/01 08:00 UTC+1`. What two readers could read differently is a fault.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from importer.cells import BLANKS
from importer.normalizer.times.moments import (
    IMPOSSIBLE,
    NO_DATE_TIME,
    DateOrder,
    Moment,
    make_moment,
    make_offset,
    without_time,
)
from importer.normalizer.unreadable import Unreadable
from importer.quoting import quote

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta


# ---- The date at the start of a text, with the weekday before it: named months in English, or numbers. No


_MONTHS = ["january", "february", "march", "april", "may", "june"]
_MONTHS += ["july", "august", "september", "october", "november", "december"]
_MONTH_OF = {name[:3]: number for number, name in enumerate(_MONTHS, 1)} | {"sept": 9}
_MONTH_OF |= {name: number for number, name in enumerate(_MONTHS, 1)}
_WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_WEEKDAY_OF = {name[:3]: number for number, name in enumerate(_WEEKDAYS)} | {"tues": 1, "thur": 3, "thurs": 3}
_WEEKDAY_OF |= {name: number for number, name in enumerate(_WEEKDAYS)}

_WORD = r"[^\W\d_]+"
_MARK = r"(?P<mark>[./-]) ?"
_TH = "(?:st|nd|rd|th)?"
# Not the hour of a date without a year: "1 March 08:00", "1 March 8.30".
_YEAR = r"(?P<year>[0-9]{4}|[0-9]{2})(?![0-9:.])"
_FORMS = (
    rf"(?P<year>[0-9]{{4}}){_MARK}(?P<month>[0-9]{{1,2}})(?P=mark) ?(?P<day>[0-9]{{1,2}})(?![0-9:])",
    rf"(?P<first>[0-9]{{1,2}}){_MARK}(?P<second>[0-9]{{1,2}})(?P=mark) ?{_YEAR}",
    # Before the next one, to which "March 1st, 2027" is a first of St on a day called March.
    rf"(?P<month>{_WORD})\.?[ /-](?P<day>[0-9]{{1,2}}){_TH}(?:, ?|[ /-]){_YEAR}",
    rf"(?P<day>[0-9]{{1,2}})(?:{_TH}|\.)[ /-]?(?:of )?(?P<month>{_WORD})\.?,?[ /-]?{_YEAR}",
)
_DAYS = tuple(
    re.compile(rf"(?:(?P<weekday>{_WORD})\.?,? )?{form}(?P<rest>.*)", re.IGNORECASE | re.DOTALL) for form in _FORMS
)

_ORDER_NAMES = {DateOrder.DMY: "day-month-year", DateOrder.MDY: "month-day-year"}
_SHORT_YEAR = Unreadable(
    ", with a year of two digits, which can be read in more than one way",
    "write the year with four digits, or say by --date-order dmy or mdy in which order the numbers stand",
    "year of two digits",
)


Parts: TypeAlias = dict[str, str | None]


class Day(NamedTuple):
    """A date, and what stands behind it."""

    date: date
    rest: str


def read_day(text: str, order: DateOrder | None) -> Day | Unreadable | None:
    """Read the date that a text begins with; None: it begins with none. Blanks are single ones."""
    match = next(filter(None, (form.fullmatch(text) for form in _DAYS)), None)
    if match is None:
        return None
    day = _read(match.groupdict(), order)
    return day if isinstance(day, Unreadable) else Day(day, match["rest"])


def _read(parts: Parts, order: DateOrder | None) -> date | Unreadable:
    weekday = parts["weekday"]
    if weekday and weekday.casefold() not in _WEEKDAY_OF:
        return _not_english(weekday, "weekday", "leave the weekday out, or write it in English")
    readings = _readings(parts, order)
    if isinstance(readings, Unreadable):
        return readings
    fitting = {key: day for key, day in readings.items() if not weekday or _is_on(day, weekday)}
    if not fitting:
        return _wrong_weekday(weekday or "", readings.values()) if readings else IMPOSSIBLE
    return _choose(fitting, order)


def _readings(parts: Parts, order: DateOrder | None) -> dict[DateOrder, date] | Unreadable:
    """Give the days that a date is by either order; the same day twice where the order does not matter."""
    year = _year(parts["year"] or "", order)
    if isinstance(year, Unreadable):
        return year
    if "first" in parts:
        return _numbered(year, parts)
    month = _month(parts["month"] or "")
    if month is None:
        hint = "write the month in English or as a number, such as 2027-03-01T08:00:00Z"
        return _not_english(parts["month"] or "", "month", hint)
    return _days(dict.fromkeys(DateOrder, (year, month, int(parts["day"] or ""))))


def _numbered(year: int, parts: Parts) -> dict[DateOrder, date]:
    first, second = int(parts["first"] or ""), int(parts["second"] or "")
    numbers = {DateOrder.DMY: (year, second, first), DateOrder.MDY: (year, first, second)}
    if parts["mark"] == ".":
        del numbers[DateOrder.MDY]
    return _days(numbers)


def _year(digits: str, order: DateOrder | None) -> int | Unreadable:
    if len(digits) == 4:
        return int(digits)
    return _SHORT_YEAR if order is None else 2000 + int(digits)


def _month(text: str) -> int | None:
    return int(text) if text[0] in "0123456789" else _MONTH_OF.get(text.casefold())


def _days(numbers: dict[DateOrder, tuple[int, int, int]]) -> dict[DateOrder, date]:
    days = {}
    for order, parts in numbers.items():
        with suppress(ValueError):
            days[order] = date(*parts)
    return days


def _choose(fitting: dict[DateOrder, date], order: DateOrder | None) -> date | Unreadable:
    if order is not None:
        return fitting.get(order) or _against(order, fitting)
    first, *others = fitting.values()
    return _ambiguous(first, others[0]) if others and others[0] != first else first


def _is_on(day: date, weekday: str) -> bool:
    return day.weekday() == _WEEKDAY_OF[weekday.casefold()]


def _ambiguous(by_day: date, by_month: date) -> Unreadable:
    return Unreadable(
        f", which can be {by_day} (day-month-year) or {by_month} (month-day-year)",
        f"write {by_day} or {by_month} for the date, or say by --date-order dmy or mdy which is meant",
        "date that two countries read differently",
    )


def _against(order: DateOrder, fitting: dict[DateOrder, date]) -> Unreadable:
    ((other, day),) = fitting.items()
    return Unreadable(
        f", which is no date {_ORDER_NAMES[order]}, the order that was named, but {day} {_ORDER_NAMES[other]}",
        f"write {day} for the date if that is meant, or name another date order",
        "date against the order that was named",
    )


def _wrong_weekday(weekday: str, days: Iterable[date]) -> Unreadable:
    right = " and ".join(f"{day} is a {_WEEKDAYS[day.weekday()].capitalize()}" for day in dict.fromkeys(days))
    return Unreadable(
        f", but {right}, not a {_WEEKDAYS[_WEEKDAY_OF[weekday.casefold()]].capitalize()}",
        "mend the date or the weekday, or leave the weekday out",
        "weekday that does not fit the date",
    )


def _not_english(word: str, what: str, hint: str) -> Unreadable:
    return Unreadable(f", with {quote(word)}, which is no English {what}", hint, f"{what} that is not in English")


# ---- Date-times as people and programs write them, in English or in numbers. ISO 8601 is read elsewhere


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

_NO_DATE = Unreadable(
    ", a time of day without a date",
    "write the date too, such as 2027-03-01T08:00:00Z",
    "time of day without a date",
)
_SPAN = Unreadable(
    ", which could be a time with an offset or a span of time",
    "write start and end in columns of their own; put a blank before an offset",
    "time with an offset, or a span of time",
)
_OFFSET_HINT = (
    "write an offset instead, such as +01:00, or nothing, and name the zone in a column timezone, such as Europe/Berlin"
)


def read_written(text: str, order: DateOrder | None) -> Moment | Unreadable:
    """Read a date-time that is not ISO 8601; `order` says what a date such as 03/04/2026 is."""
    tidy = _SEVERAL_BLANKS.sub(" ", text.translate(_TIDY)).strip()
    day = read_day(tidy, order)
    if day is None:
        clock = _CLOCK.fullmatch(tidy)
        return _NO_DATE if clock and _has_time(clock) and not clock["offset"] else NO_DATE_TIME
    return day if isinstance(day, Unreadable) else _read_time(day)


def _read_time(day: Day) -> Moment | Unreadable:
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


def _read_offset(text: str) -> timedelta | Unreadable | None:
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


def _not_an_offset(name: str) -> Unreadable:
    if _ABBREVIATION.fullmatch(name):
        reason = f", with {quote(name)} behind the time: such abbreviations mean different offsets in different places"
        return Unreadable(reason, _OFFSET_HINT, "abbreviation of a time zone behind a time")
    if _ZONE_NAME.fullmatch(name):
        return Unreadable(
            f", with {quote(name)} behind the time", _OFFSET_HINT, "something but an offset behind a time"
        )
    return NO_DATE_TIME
