"""The date at the start of a text, with the weekday before it: named months in English, or numbers. No times.

`1 March 2027`, `Mar 1st, 2027`, `01-Mar-2027`, `2027/3/1`, `01.03.2027` (with dots it is day-month-year everywhere),
`25/03/2026` (one reading), `03/04/2026` (two: a fault unless the user says the order). A year of two digits counts
only where the user says the order, and is then of this century.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from importer.normalizer.moments import IMPOSSIBLE, DateOrder
from importer.normalizer.wording import Fault, quote

if TYPE_CHECKING:
    from collections.abc import Iterable

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
_SHORT_YEAR = Fault(
    ", with a year of two digits, which can be read in more than one way",
    "write the year with four digits, or say by --date-order dmy or mdy in which order the numbers stand",
    "year of two digits",
)


Parts: TypeAlias = dict[str, str | None]


class Day(NamedTuple):
    """A date, and what stands behind it."""

    date: date
    rest: str


def read_day(text: str, order: DateOrder | None) -> Day | Fault | None:
    """Read the date that a text begins with; None: it begins with none. Blanks are single ones."""
    match = next(filter(None, (form.fullmatch(text) for form in _DAYS)), None)
    if match is None:
        return None
    day = _read(match.groupdict(), order)
    return day if isinstance(day, Fault) else Day(day, match["rest"])


def _read(parts: Parts, order: DateOrder | None) -> date | Fault:
    weekday = parts["weekday"]
    if weekday and weekday.casefold() not in _WEEKDAY_OF:
        return _not_english(weekday, "weekday", "leave the weekday out, or write it in English")
    readings = _readings(parts, order)
    if isinstance(readings, Fault):
        return readings
    fitting = {key: day for key, day in readings.items() if not weekday or _is_on(day, weekday)}
    if not fitting:
        return _wrong_weekday(weekday or "", readings.values()) if readings else IMPOSSIBLE
    return _choose(fitting, order)


def _readings(parts: Parts, order: DateOrder | None) -> dict[DateOrder, date] | Fault:
    """Give the days that a date is by either order; the same day twice where the order does not matter."""
    year = _year(parts["year"] or "", order)
    if isinstance(year, Fault):
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


def _year(digits: str, order: DateOrder | None) -> int | Fault:
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


def _choose(fitting: dict[DateOrder, date], order: DateOrder | None) -> date | Fault:
    if order is not None:
        return fitting.get(order) or _against(order, fitting)
    first, *others = fitting.values()
    return _ambiguous(first, others[0]) if others and others[0] != first else first


def _is_on(day: date, weekday: str) -> bool:
    return day.weekday() == _WEEKDAY_OF[weekday.casefold()]


def _ambiguous(by_day: date, by_month: date) -> Fault:
    return Fault(
        f", which can be {by_day} (day-month-year) or {by_month} (month-day-year)",
        f"write {by_day} or {by_month} for the date, or say by --date-order dmy or mdy which is meant",
        "date that two countries read differently",
    )


def _against(order: DateOrder, fitting: dict[DateOrder, date]) -> Fault:
    ((other, day),) = fitting.items()
    return Fault(
        f", which is no date {_ORDER_NAMES[order]}, the order that was named, but {day} {_ORDER_NAMES[other]}",
        f"write {day} for the date if that is meant, or name another date order",
        "date against the order that was named",
    )


def _wrong_weekday(weekday: str, days: Iterable[date]) -> Fault:
    right = " and ".join(f"{day} is a {_WEEKDAYS[day.weekday()].capitalize()}" for day in dict.fromkeys(days))
    return Fault(
        f", but {right}, not a {_WEEKDAYS[_WEEKDAY_OF[weekday.casefold()]].capitalize()}",
        "mend the date or the weekday, or leave the weekday out",
        "weekday that does not fit the date",
    )


def _not_english(word: str, what: str, hint: str) -> Fault:
    return Fault(f", with {quote(word)}, which is no English {what}", hint, f"{what} that is not in English")
