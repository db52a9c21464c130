"""Parses dates and times: ISO 8601, a spreadsheet's day numbers, written forms in English and others; date order.

A date, a time of day, perhaps an offset, in that order: `2027-03-01T08:00Z`, `46447.33333`,
`Mon, 01 Mar 2027 08:00:00 +0100`, `March 1, 2027 at 8 pm`, `01.03.2027 20.00 Uhr`. An ambiguous text is a fault;
nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from importer.cells import BLANKS, Unreadable
from importer.normalizer.zones import (
    IMPOSSIBLE,
    NO_DATE_TIME,
    NO_RULES,
    Moment,
    TimeRules,
    make_moment,
    make_offset,
    to_instant,
    without_time,
)
from importer.settings.options import DateOrder
from importer.wording import quote

_LONGEST_TEXT = 80  # JavaScript's longest has about 66; limits the cache
_NO_OFFSET = timedelta(0)

_ISO_OFFSET = r"(?: ?(?:([Zz])|([+\-\u2212])(\d\d)(?::?(\d\d))?))?"
# With a blank before them, 08:00-12:00 and 0800-1200 are a span of time rather than an offset.
_EXTENDED = re.compile(
    r"(?!\S+[ \u00a0]+\d\d:\d\d[-\u2212])"
    r"(\d{4})-(\d\d)-(\d\d)(?:(?:[Tt]|[ \u00a0]+)(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?" + _ISO_OFFSET + ")?",
    re.ASCII,
)
_BASIC = re.compile(
    r"(?!\d{8} [\d:]+[-\u2212])(\d{4})(\d\d)(\d\d)[Tt ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?" + _ISO_OFFSET,
    re.ASCII,
)

_SERIAL = re.compile(r"(\d{5,6})(?:[.,](\d+))?", re.ASCII)
_SERIAL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001  (day 0 of the 1900 system, which has a 29 February 1900, is local)
_FIRST_SERIAL, _LAST_SERIAL = 20_000, 110_000  # October 1954 to February 2201: other numbers are not dates
_DAY_SECONDS = 86_400
_QUARTER = 900
_SURE_DECIMALS = 5  # 0.00001 of a day is 0.86 s: the nearest second is what was typed

_MIDNIGHT = re.compile(r"(?:T| )0?0:00(?::00)?$")
# What a time cell is as a date-time, also one that shows 06:00 and holds 22:00 and eight hours.
_FIRST_DAYS = re.compile(r"^(?:1899-12-3[01]|1900-01-0[01]|1904-01-02)(?:T| )")
_PART_OF_DAY = re.compile(r"0?[.,](\d+)", re.ASCII)

_COARSE = Unreadable(
    ", a number of days with too few decimals for the time of day",
    "Write the date-time as 2027-03-01T08:00:00, or format the cell as date and time.",
    "number of days with too few decimals",
)
_MONTHS = ["january", "february", "march", "april", "may", "june"]
_MONTHS += ["july", "august", "september", "october", "november", "december"]
_MONTH_OF = {word: number for number, name in enumerate(_MONTHS, 1) for word in (name, name[:3])} | {"sept": 9}
_WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAY_OF = {word: number for number, name in enumerate(_WEEKDAYS) for word in (name, name[:3])}
WEEKDAY_OF |= {"tues": 1, "thur": 3, "thurs": 3} | {char: number for number, char in enumerate("月火水木金土日")}

_WORD = r"[^\W\d_]+"
_MARK = r"(?P<mark>[./-]) ?"
_TH = "(?:st|nd|rd|th)?"
# Not the hour of a date without a year: "1 March 08:00", "1 March 8.30". A date can end in a dot: "1.3.2027. 8:00".
_YEAR = r"(?P<year>[0-9]{4}(?![0-9]|:[0-9]{2}$)|[0-9]{2}(?![0-9:]))(?!\.[0-9])\.?"
_FORMS = (
    rf"(?P<year>[0-9]{{4}}){_MARK}(?P<month>[0-9]{{1,2}})(?P=mark) ?(?P<day>[0-9]{{1,2}})(?![0-9:])\.?",
    rf"(?P<first>[0-9]{{1,2}}){_MARK}(?P<second>[0-9]{{1,2}})(?P=mark) ?{_YEAR}",
    # Before the next one, to which "March 1st, 2027" is a first of St on a day called March.
    rf"(?P<month>{_WORD})\.?[ /-](?P<day>[0-9]{{1,2}}){_TH}(?:, ?|[ /-]){_YEAR}",
    rf"(?P<day>[0-9]{{1,2}})(?:{_TH}|\.)[ /-]?(?:of )?(?P<month>{_WORD})\.?,?[ /-]?{_YEAR}",
)
_BEHIND = rf"(?(weekday)|(?: ?\((?P<behind>{_WORD})\))?)"  # 2027/3/1(Mon) 8:00
_DAYS = tuple(
    re.compile(rf"(?:(?P<weekday>{_WORD})\.?,? )?{form}{_BEHIND}(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
    for form in _FORMS
)

_ORDER_NAMES = {DateOrder.DMY: "day-month-year", DateOrder.MDY: "month-day-year"}
_SHORT_YEAR = Unreadable(
    ", with a two-digit year, which can be read in more than one way",
    "Write the year with four digits, or give the order of the numbers with --date-order dmy or mdy.",
    "two-digit year",
    is_one=True,
)


_TIDY = {ord(char): " " if char.isspace() else None for char in BLANKS} | dict.fromkeys(
    (0x2010, 0x2011, 0x2012, 0x2013, 0x2212), "-"
)
_TIDY |= {code + 0xFEE0: chr(code) for code in range(0x21, 0x7F)}  # full-width, as Japanese keyboards write them
_SEVERAL_BLANKS = re.compile(" {2,}")

#: Halves of a day before the time, as Japanese, Chinese and Korean write them.
_HALVES = {"午前": "a", "午後": "p", "上午": "a", "下午": "p", "오전": "a", "오후": "p"}
_EASTERN_DATE = re.compile("([0-9]{4})[年년] ?([0-9]{1,2})[月월] ?([0-9]{1,2})[日일]")
_EASTERN_CLOCK = re.compile("([0-9]{1,2})[時时点시] ?(?:([0-9]{1,2})[分분])?")
_SPOKEN_CLOCK = re.compile("([0-9]{1,2}) ?(?:h|uhr) ?([0-9]{2})(?: ?m(?:in)?)?\\b", re.IGNORECASE)  # 8 Uhr 30, 8 h 30
_CLOCK_OR_DURATION = re.compile("[0-9]{1,2} ?h ?[0-9]{1,2} ?m(?:in)?", re.IGNORECASE)
_CLOCK_OR_PART = re.compile(r"0\.(?:25|50)")  # all other parts of a day have more digits, or are no minutes
_NOON = re.compile("(?:(?<![0-9./-])12(?::00)? ?)?\\bnoon\\b", re.IGNORECASE)  # 2027-03-12 noon has no 12 noon
_CLOCK = re.compile(
    rf"(?:(?P<before>kl\.?|{'|'.join(_HALVES)}) ?)?"
    r"(?P<hour>[0-9]{2}(?=[0-9]{2}(?![0-9]))|[0-9]{1,2}(?![0-9]))"  # 0800 has no mark
    r"(?:(?P<mark>[:.h])?(?P<minute>[0-9]{2})(?:(?P=mark)(?P<second>[0-9]{2})(?:[.,](?P<part>[0-9]+))?)?)?"
    r"(?:(?: ?(?P<half>[ap])\.? ?m|(?<=[0-9])(?P<short>[ap]))\b\.?"
    r"| ?(?P<word>uhr|uur|hrs?|hs|hours|horas|heures|h|o'clock)\b\.?)?(?P<offset>.*)",
    re.IGNORECASE,
)
# As C, Java and the command date write it: Mon Nov 30 06:14:31 UTC 2026. Notion writes spans with an arrow.
_YEAR_LAST = re.compile(r"(\w{3} \w{3} [0-9]{1,2}) ([0-9]{2}:[0-9]{2}:[0-9]{2}(?: [A-Z+-]\S*)?) ([0-9]{4})")
_FROM_TO = re.compile(r"→|->| (?:[-\u2013\u2014]|to|until|bis) (?=\w*\.? ?[0-9])", re.IGNORECASE)
_BEFORE_CLOCK = re.compile(rf"T|,? (?:at |- )?|[,:]|(?={'|'.join(_HALVES)})", re.IGNORECASE)

# After an offset the zone's name may follow, as JavaScript, Java and Go write it: the offset decides.
_NAME = r" ?\([^()]*\)| ?\[(?P<place>[^\[\]]*)\]"
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
    "Write the date too, such as 2027-03-01T08:00:00Z, or put it in a column Date.",
    "time of day without a date",
)
_MIDNIGHT_WORD = Unreadable(
    ", which can be the start or the end of the day", "Write 00:00 for its start, or 24:00 for its end.", "midnight"
)
_TIME_OR_DURATION = Unreadable(
    ", which can be a time of day or a duration",
    "Write a time of day as 08:30; write a duration in a column duration.",
    "time of day, or a duration",
)
_TIME_OR_PART = Unreadable(
    ", which can be a time of day or a part of a day, as spreadsheets store one",
    "Write 00:25 or 00:50; or 06:00 for a quarter of a day, 12:00 for half of one.",
    "time of day, or a part of a day",
)
_SPAN = Unreadable(
    ", which could be a time with an offset or a span of time",
    "Write start and end in columns of their own; put a blank before an offset, or T before the time.",
    "time with an offset, or a span of time",
)
_BOTH_ENDS = Unreadable(
    ", a span of time in one cell", "Write start and end in columns of their own.", "span of time in one cell"
)
_OFFSET_HINT = (
    "Write an offset instead, such as +01:00; or none, and the zone in a column timezone, such as Europe/Berlin;"
    " an hour after noon as 20:00."
)


def read_instant(text: str, zone: ZoneInfo | None, rules: TimeRules = NO_RULES) -> datetime | Unreadable:
    """Read a date-time as an instant in UTC, fractions of seconds rounded.

    `zone` is for texts without an offset. A local time that the zone skips or has twice is a fault unless `rules`
    choose.
    """
    moment = read_moment(text, rules)
    return moment if isinstance(moment, Unreadable) else to_instant(moment, zone, rules)


def read_moment(text: str, rules: TimeRules = NO_RULES) -> Moment | Unreadable:
    """Read a date-time as written, fractions of seconds rounded; it need not exist in any zone."""
    return _read_moment(text, rules.date_order) if len(text) <= _LONGEST_TEXT else NO_DATE_TIME


def join_date_and_time(day: str, clock: str) -> str:
    """Join the texts of a date cell and a time cell; a cell that has both is not split.

    A date cell of a spreadsheet arrives as midnight, a time cell as a fraction of a day. A text that may be a duration
    stays alone, and one that may be a fraction beside a date that no spreadsheet has written.
    """
    is_from_sheet = _MIDNIGHT.search(day) or _SERIAL.fullmatch(day)
    if _CLOCK_OR_DURATION.fullmatch(clock) or (_CLOCK_OR_PART.fullmatch(clock) and not is_from_sheet):
        return clock
    day, clock = _MIDNIGHT.sub("", day), _FIRST_DAYS.sub("", clock)
    if len(day) > 7 and clock.startswith(day):  # a time cell with the same date in it
        clock = clock.removeprefix(day).lstrip("T ")
    if serial := _SERIAL.fullmatch(day):
        found = _read_serial(serial[1], serial[2] or "")
        day = day if isinstance(found, Unreadable) or serial[2] else found.local.date().isoformat()
    if part := _PART_OF_DAY.fullmatch(clock):
        found = _read_serial(str(_LAST_SERIAL), part[1])
        clock = clock if isinstance(found, Unreadable) else found.local.time().isoformat()
    return f"{day} {clock}".strip()


def read_date(text: str, order: DateOrder | None = None) -> date | Unreadable:
    """Read a date alone, such as a header; a date cell of a spreadsheet arrives as midnight."""
    moment = read_moment(join_date_and_time(text, "00:00"), TimeRules(order))
    return moment if isinstance(moment, Unreadable) else moment.local.date()


def is_clock(text: str) -> bool:
    """Return whether a text is a time of day alone, such as `08:00`, `8 am` or a spreadsheet's `0.33333`."""
    if len(text) > _LONGEST_TEXT:
        return False
    return bool(_PART_OF_DAY.fullmatch(text)) or _read_moment(_FIRST_DAYS.sub("", text), None) is _NO_DATE


@lru_cache(maxsize=16384)  # many rows start or end at the same time; some 5 MB
def _read_moment(text: str, order: DateOrder | None) -> Moment | Unreadable:
    match = _EXTENDED.fullmatch(text) or _BASIC.fullmatch(text)
    if match:
        return _read_iso(match)
    serial = _SERIAL.fullmatch(text)
    found = _read_serial(serial[1], serial[2] or "") if serial else _read_written(text, order)
    return _BOTH_ENDS if found is NO_DATE_TIME and _FROM_TO.search(text) else found


def _read_iso(match: re.Match[str]) -> Moment | Unreadable:
    year, month, day, hour, minute, second, part, utc, sign, hours, minutes = match.groups()
    if hour is None:
        return without_time(match[0])
    offset = make_offset(sign, hours, minutes) if sign else _NO_OFFSET if utc else None
    if isinstance(offset, Unreadable) and sign != "+":
        return _SPAN
    clock = (int(hour), int(minute), int(second or "0"))
    return _rounded(make_moment((int(year), int(month), int(day)), clock, offset, "UTC" if utc else ""), part)


def _rounded(moment: Moment | Unreadable, part: str | None) -> Moment | Unreadable:
    """Round a moment to whole seconds by its fraction's digits, as is done for workbooks."""
    if isinstance(moment, Unreadable) or not part or part < "5":
        return moment
    return moment._replace(local=moment.local + timedelta(seconds=1))


def _read_serial(days: str, decimals: str) -> Moment | Unreadable:
    """Read a day number of Excel's 1900 system as a local date-time."""
    if not _FIRST_SERIAL <= int(days) <= _LAST_SERIAL:
        return NO_DATE_TIME
    one = 10 ** len(decimals)
    part = int(decimals or "0") * _DAY_SECONDS  # in seconds times `one`: only the last step rounds
    # 0.5 and 0.375 are exact times; 0.3333 is rounded, by up to 4 s.
    if len(decimals) < _SURE_DECIMALS and part % (_QUARTER * one):
        return _COARSE
    seconds = (2 * part + one) // (2 * one)
    return Moment(_SERIAL_ZERO + timedelta(days=int(days), seconds=seconds), None)


def _read_written(text: str, order: DateOrder | None) -> Moment | Unreadable:
    """Read a date-time that is not ISO 8601; `order` decides dates such as 03/04/2026."""
    tidy = _SEVERAL_BLANKS.sub(" ", text.translate(_TIDY)).strip()
    if not tidy.isascii():
        tidy = _EASTERN_DATE.sub(r"\1-\2-\3", tidy)
        tidy = _EASTERN_CLOCK.sub(lambda found: f"{found[1]}:{int(found[2] or 0):02}", tidy)
    if tidy.casefold().endswith("midnight"):
        return _MIDNIGHT_WORD
    if _CLOCK_OR_DURATION.fullmatch(tidy):
        return _TIME_OR_DURATION
    if _CLOCK_OR_PART.fullmatch(tidy):
        return _TIME_OR_PART
    tidy = _YEAR_LAST.sub(r"\1 \3 \2", _NOON.sub("12:00", _SPOKEN_CLOCK.sub(r"\1h\2", tidy)))
    clock = _CLOCK.fullmatch(tidy)
    forms = () if clock and clock["mark"] in {"h", "H"} else _DAYS  # 8h30 is not the 8th of h
    match = next(filter(None, (form.fullmatch(tidy) for form in forms)), None)
    if match is None:
        offset = _read_offset(clock["offset"])[0] if clock and _has_time(clock) else NO_DATE_TIME
        if offset is _SPAN:  # such as 2027-W09-1
            return NO_DATE_TIME
        return offset if isinstance(offset, Unreadable) else _NO_DATE
    day = _read_day(match.groupdict(""), order)
    rest = f" {match['rest']}" if match["behind"] and match["rest"][:1].isdigit() else match["rest"]
    return day if isinstance(day, Unreadable) else _read_time(day, rest)


def _read_time(day: date, rest: str) -> Moment | Unreadable:
    """Read the time of day after a date."""
    if not rest:
        return without_time(day.isoformat())
    start = _BEFORE_CLOCK.match(rest)
    match = _CLOCK.fullmatch(rest, start.end()) if start else None
    if match is None or not _has_time(match):
        return NO_DATE_TIME
    hour = _hour(match)
    if hour is None:
        return IMPOSSIBLE
    clock = (hour, int(match["minute"] or "0"), int(match["second"] or "0"))
    offset, place = _read_offset(match["offset"])
    return _rounded(make_moment((day.year, day.month, day.day), clock, offset, place), match["part"])


def _has_time(clock: re.Match[str]) -> bool:
    # A number alone is not a time: it could be anything.
    return any(clock[part] is not None for part in ("minute", "half", "short", "word", "before"))


def _hour(clock: re.Match[str]) -> int | None:
    after = clock["half"] or clock["short"]
    hour, half = int(clock["hour"]), (after or "").casefold() or _HALVES.get(clock["before"] or "")
    if not half:
        return hour
    # Half past noon is 12:30 pm, but also 午後0:30.
    if not (1 if after else 0) <= hour <= 12:
        return None
    return hour % 12 + (12 if half == "p" else 0)


def _read_offset(text: str) -> tuple[timedelta | Unreadable | None, str]:
    """Read what follows a time of day: an offset and perhaps a place, or nothing."""
    name = text.strip()
    if not name:
        return None, ""
    if name.startswith("(") and name.endswith(")"):
        name = name[1:-1]
    if _UTC.fullmatch(name):
        return _NO_OFFSET, "UTC"
    match = _OFFSET.fullmatch(name)
    if match is None:
        return _not_an_offset(name), ""
    if text.startswith("-") and not match["place"]:
        return _SPAN, ""
    sign, hours = match["sign"] or match["bare_sign"], match["hours"] or match["bare_hours"]
    is_utc = name.casefold().endswith(" utc")  # as Go writes it: +0000 UTC
    return make_offset(sign, hours, match["minutes"]), match["place"] or ("UTC" if is_utc else "")


def _not_an_offset(name: str) -> Unreadable:
    if name.startswith("-"):
        return _SPAN
    if name.casefold() in ("a", "p"):
        reason = f", with {quote(name)} after the time, which can be half a day or a time zone"
        return Unreadable(reason, "Write 8 pm or 20:00 for an hour after noon.", "letter after a time")
    if _ABBREVIATION.fullmatch(name):
        reason = f", with {quote(name)} after the time, which means different offsets in different places"
        return Unreadable(reason, _OFFSET_HINT, "abbreviation of a time zone after a time")
    if _ZONE_NAME.fullmatch(name):
        return Unreadable(
            f", with {quote(name)} after the time", _OFFSET_HINT, "something other than an offset after a time"
        )
    return NO_DATE_TIME


def _read_day(parts: dict[str, str], order: DateOrder | None) -> date | Unreadable:
    weekday = parts["weekday"] or parts["behind"]
    if weekday and weekday.casefold() not in WEEKDAY_OF:
        return _not_english(weekday, "weekday", "Leave the weekday out, or write it in English.")
    readings = _readings(parts, order)
    if isinstance(readings, Unreadable):
        return readings
    fitting = {
        key: day for key, day in readings.items() if not weekday or day.weekday() == WEEKDAY_OF[weekday.casefold()]
    }
    if not fitting:
        return _wrong_weekday(weekday, readings.values()) if readings else IMPOSSIBLE
    if order is not None:
        return fitting.get(order) or _against(order, fitting)
    first, *others = fitting.values()
    return _ambiguous(first, others[0]) if others and others[0] != first else first


def _readings(parts: dict[str, str], order: DateOrder | None) -> dict[DateOrder, date] | Unreadable:
    """Return the days that a date means in either order; the same day twice if the order does not matter."""
    is_short = len(parts["year"]) != 4
    if is_short and order is None:
        return _SHORT_YEAR
    year = int(parts["year"]) + (2000 if is_short else 0)
    if "first" in parts:
        first, second = int(parts["first"]), int(parts["second"])
        numbers = {DateOrder.DMY: (year, second, first), DateOrder.MDY: (year, first, second)}
        if parts["mark"] == ".":
            del numbers[DateOrder.MDY]
    else:
        word = parts["month"]
        month = int(word) if word.isdigit() else _MONTH_OF.get(word.casefold())
        if month is None:
            hint = "Write the month in English or as a number, such as 2027-03-01T08:00:00Z."
            return _not_english(word, "month", hint)
        numbers = dict.fromkeys(DateOrder, (year, month, int(parts["day"])))
    days = {}
    for key, number in numbers.items():
        with suppress(ValueError):
            days[key] = date(*number)
    return days


def _ambiguous(by_day: date, by_month: date) -> Unreadable:
    return Unreadable(
        f", which can be {by_day} (day-month-year) or {by_month} (month-day-year)",
        f"Write the date as {by_day} or {by_month}, or choose the order with --date-order dmy or mdy.",
        "ambiguous day and month",
        is_one=True,
    )


def _against(order: DateOrder, fitting: dict[DateOrder, date]) -> Unreadable:
    ((other, day),) = fitting.items()
    return Unreadable(
        f", which is not a date in the chosen order, {_ORDER_NAMES[order]}; as {_ORDER_NAMES[other]} it would be {day}",
        f"Write the date as {day} if that is meant, or choose another date order.",
        "date that does not fit the chosen order",
    )


def _wrong_weekday(weekday: str, days: Iterable[date]) -> Unreadable:
    right = " and ".join(f"{day} is a {_WEEKDAYS[day.weekday()].capitalize()}" for day in dict.fromkeys(days))
    return Unreadable(
        f", but {right}, not a {_WEEKDAYS[WEEKDAY_OF[weekday.casefold()]].capitalize()}",
        "Correct the date or the weekday, or leave the weekday out.",
        "weekday that does not fit the date",
    )


def _not_english(word: str, what: str, hint: str) -> Unreadable:
    return Unreadable(f", with {quote(word)}, which is not an English {what}", hint, f"{what} that is not in English")
