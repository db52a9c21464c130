"""Reads the texts that say how shifts repeat, until when and for how long: words, RFC 5545 rules, dates, durations.

Makes no dates. A rule is checked part by part, then left to python-dateutil (in `occurrences`), which would take hours
over some rules and read others in another way than RFC 5545.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple, NoReturn, TypeAlias

from importer.cells import BLANKS, DASHES, Unreadable
from importer.normalizer.date_times import read_moment
from importer.normalizer.zones import LAST_YEAR, WITHOUT_TIME, Moment, TimeRules, make_moment
from importer.wording import quote

DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")  # their indices are those of `weekday()`
_TOPIC = "repetition that cannot be read"
_RIGHT = "Write a rule such as FREQ=WEEKLY;COUNT=12, or daily, weekdays, weekly, biweekly or monthly."
_LONGEST_TEXT = 256
_MOST_CHOICES = 12  # each is looked for in every week until the end of the search: 0.2 s if none is found

_ONCE = frozenset(
    {
        *("does not repeat", "doesn't repeat", "not repeating", "no repeat", "none", "no", "never", "once"),
        *("false", "n/a"),  # a box that is not ticked
    }
)
_WORDS: Final = {
    "daily": "FREQ=DAILY",
    "every day": "FREQ=DAILY",
    "weekdays": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "every weekday": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "every weekday (monday to friday)": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "weekly": "FREQ=WEEKLY",
    "every week": "FREQ=WEEKLY",
    "biweekly": "FREQ=WEEKLY;INTERVAL=2",
    "bi weekly": "FREQ=WEEKLY;INTERVAL=2",
    "fortnightly": "FREQ=WEEKLY;INTERVAL=2",
    "every other week": "FREQ=WEEKLY;INTERVAL=2",
    "every two weeks": "FREQ=WEEKLY;INTERVAL=2",
    "monthly": "FREQ=MONTHLY",
    "every month": "FREQ=MONTHLY",
}
_EVERY = re.compile(r"every ([0-9]{1,3}) (day|week|month)s?")
_ON_DAY = re.compile(r"(?:weekly on|every) (monday|tuesday|wednesday|thursday|friday|saturday|sunday)")
_UNITS = {"day": "DAILY", "week": "WEEKLY", "month": "MONTHLY"}

_LINE = re.compile(r"(?:RRULE:)?(FREQ=.*|.*;FREQ=.*)", re.DOTALL)
_UNTIL = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:T(\d\d):?(\d\d):?(\d\d)(Z?))?", re.ASCII)
_DAY = re.compile(rf"([+-]?([1-9]|[1-4]\d|5[0-3]))?({'|'.join(DAYS)})", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,6}", re.ASCII)


def _whole(least: int, most: int, *, from_end: bool = False) -> Callable[[str], object]:
    """Make a check of a whole number; `from_end`: -1 is the last, and so on."""

    def is_right(text: str) -> bool:
        number = int(text) if _NUMBER.fullmatch(text) else least - 1
        return least <= number <= most or (from_end and least <= -number <= most)

    return is_right


#: The check of a part's value, or of each of its values, and how to write it.
_PARTS: Final[dict[str, tuple[Callable[[str], object], str]]] = {
    "FREQ": (("DAILY", "WEEKLY", "MONTHLY", "YEARLY").__contains__, "FREQ=DAILY, WEEKLY, MONTHLY or YEARLY"),
    "INTERVAL": (_whole(1, 999), "a whole number from 1 to 999, such as INTERVAL=2"),
    # The number of shifts is limited during expansion: `until` may come first.
    "COUNT": (_whole(1, 999_999), "a whole number from 1 to 999,999, such as COUNT=12"),
    "UNTIL": (_UNTIL.fullmatch, "UNTIL=20271231, or UNTIL=20271231T090000Z in UTC"),
    "WKST": (DAYS.__contains__, "WKST=MO, or another of MO, TU, WE, TH, FR, SA, SU"),
    "BYDAY": (_DAY.fullmatch, "days such as BYDAY=MO,FR, or BYDAY=1MO,-1FR"),
    "BYMONTH": (_whole(1, 12), "BYMONTH from 1 to 12"),
    # Weeks 52 and 53 are left out: python-dateutil misplaces their days at the turn of the year.
    "BYWEEKNO": (_whole(1, 51, from_end=True), "BYWEEKNO from 1 to 51, or -1 to -51 from the end"),
    "BYYEARDAY": (_whole(1, 366, from_end=True), "BYYEARDAY from 1 to 366, or -1 to -366 from the end"),
    "BYMONTHDAY": (_whole(1, 31, from_end=True), "BYMONTHDAY from 1 to 31, or -1 to -31 from the end"),
    "BYHOUR": (_whole(0, 23), "BYHOUR from 0 to 23"),
    "BYMINUTE": (_whole(0, 59), "BYMINUTE from 0 to 59"),
    "BYSECOND": (_whole(0, 59), "BYSECOND from 0 to 59"),
    "BYSETPOS": (_whole(1, 366, from_end=True), "BYSETPOS from 1 to 366, or -1 to -366 from the end"),
}
#: RFC 5545, 3.3.10: the frequencies that allow a part. BYSETPOS would be allowed with DAILY, but is useless.
_GOES_WITH: Final = {
    "BYWEEKNO": ("YEARLY",),
    "BYYEARDAY": ("YEARLY",),
    "BYMONTHDAY": ("DAILY", "MONTHLY", "YEARLY"),
    "BYSETPOS": ("WEEKLY", "MONTHLY", "YEARLY"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """How shifts repeat: a rule of RFC 5545, all its parts checked."""

    text: str  #: as it was written
    parts: tuple[tuple[str, str], ...]  #: names and values as RFC 5545 writes them, without COUNT and UNTIL
    count: int | None = None
    until: Moment | None = None  #: no shift starts after it; without an offset it is local

    @property
    def freq(self) -> str:
        """DAILY, WEEKLY, MONTHLY or YEARLY."""
        return self.part("FREQ")

    @property
    def names_day(self) -> bool:
        """True if the rule itself names its days; False: it takes the day of its start."""
        return any(map(self.part, ("BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO")))

    def part(self, name: str) -> str:
        """Return the value of a part; empty if the rule has no such part."""
        return dict(self.parts).get(name, "")

    def numbers(self, name: str) -> tuple[int, ...]:
        """Return the values of a part such as BYMONTH, in order; none if the rule has no such part."""
        return tuple(sorted(set(map(int, filter(None, self.part(name).split(","))))))


WEEKLY: Final = Rule("weekly", (("FREQ", "WEEKLY"),))


class _RefusedError(Exception):
    """Carries a fault out of the parsing; never leaves this module."""

    def __init__(self, fault: Unreadable) -> None:
        super().__init__(fault.reason)
        self.fault = fault


def is_once(text: str) -> bool:
    """Return whether a cell of the column `repeat` says that the row does not repeat, in the words of calendars."""
    words = " ".join(text[: _LONGEST_TEXT + 1].casefold().replace("\u2019", "'").split())
    return words in _ONCE or words in DASHES


def read_repeat(text: str) -> Rule | Unreadable:
    """Read a cell of the column `repeat`: a rule of RFC 5545 (`FREQ=WEEKLY;COUNT=12`) or a word such as `weekly`.

    Case, blanks and `RRULE:` are ignored. What RFC 5545 forbids is a fault; so are FREQ below a day, EXDATE and RDATE.
    """
    if len(text) > _LONGEST_TEXT:
        return Unreadable(f", which has more than {_LONGEST_TEXT} characters", _RIGHT, _TOPIC)
    try:
        return _rule(text, _split(_line(text)))
    except _RefusedError as refused:
        return refused.fault


def read_until(text: str, rules: TimeRules) -> Moment | Unreadable:
    """Read the last time at which a repeated shift may start: a date (the whole local day) or a date-time.

    Midnight without an offset is a date too, because a spreadsheet's date cell arrives like that.
    """
    moment = read_moment(text, rules)
    if isinstance(moment, Unreadable) and moment.topic == WITHOUT_TIME:
        moment = read_moment(f"{text} 00:00", rules)
    if isinstance(moment, Unreadable):
        return moment
    is_date = moment.offset is None and moment.local.time() == time.min
    return _end_of_day(moment) if is_date else moment


def _end_of_day(moment: Moment) -> Moment:
    return Moment(moment.local.replace(hour=23, minute=59, second=59), moment.offset)


def _refuse(reason: str, hint: str = _RIGHT) -> NoReturn:
    raise _RefusedError(Unreadable(reason, hint, _TOPIC))


def _line(text: str) -> str:
    """Return the rule in a text, in capitals and without blanks and prefix; a word becomes its rule."""
    words = " ".join(text.casefold().replace("-", " ").split())
    if every := _EVERY.fullmatch(words):
        return f"FREQ={_UNITS[every[2]]};INTERVAL={every[1]}"
    if on_day := _ON_DAY.fullmatch(words):
        return f"FREQ=WEEKLY;BYDAY={on_day[1][:2].upper()}"
    if words in _WORDS:
        return _WORDS[words]
    lines = [bare for line in text.splitlines() if (bare := "".join(c for c in line if c not in BLANKS).upper())]
    if any(line.startswith(("EXDATE", "RDATE", "EXRULE")) for line in lines):
        _refuse(
            ", which leaves out or adds single dates (EXDATE, RDATE)",
            "Write the rule alone, and single shifts in rows of their own.",
        )
    if any(line.startswith("DTSTART") for line in lines):
        _refuse(", which has a DTSTART", "Write the rule alone; starts_at is the start of the first shift.")
    if len(lines) > 1:
        _refuse(", which is more than one rule", "Write one rule, and further ones in rows of their own.")
    match = _LINE.fullmatch(lines[0]) if lines else None
    if not match:
        _refuse(", which is neither a rule of RFC 5545 nor one of the words for it")
    return match[1].removesuffix(";")


def _split(line: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in line.split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value:
            _refuse(f", in which {quote(part)} is not a part of a rule such as COUNT=12")
        if name in parts:
            _refuse(f", which has {quote(name)} twice")
        if name not in _PARTS:
            _refuse(f", in which {quote(name)} is not known", "Use parts of RFC 5545, such as BYDAY=MO,FR or COUNT=12.")
        parts[name] = value
    return parts


def _rule(text: str, parts: dict[str, str]) -> Rule:
    for name, value in parts.items():
        is_right, right = _PARTS[name]
        values = value.split(",") if name.startswith("BY") else [value]
        wrong = next((one for one in values if not is_right(one)), None)
        if wrong is not None:
            hint = f"Write {right}."
            if wrong in ("SECONDLY", "MINUTELY", "HOURLY"):
                hint = "Write FREQ=DAILY, and for several shifts a day their hours, such as FREQ=DAILY;BYHOUR=8,20."
            _refuse(f", in which {name} cannot be {quote(wrong)}", hint)
    _refuse_combinations(parts)
    until = _until(parts["UNTIL"]) if "UNTIL" in parts else None
    count = int(parts["COUNT"]) if "COUNT" in parts else None
    rest = tuple((name, value) for name, value in parts.items() if name not in ("COUNT", "UNTIL"))
    return Rule(text, rest, count, until)


def _until(value: str) -> Moment:
    """Return UNTIL: in UTC with a Z, else local; a date alone is its whole day."""
    match = _UNTIL.fullmatch(value)
    year, month, day, hour, minute, second = (int(group or "0") for group in match.groups()[:6]) if match else (0,) * 6
    offset = timedelta(0) if match and match[7] else None
    # Endless rules say 9999; nothing after the last year is made anyway.
    until = make_moment((min(year, LAST_YEAR), month, day), (hour, minute, second), offset)
    if isinstance(until, Unreadable):
        _refuse(f", in which UNTIL is {quote(value)}{until.reason}", f"Write {_PARTS['UNTIL'][1]}.")
    return _end_of_day(until) if match and match[4] is None else until


def _refuse_combinations(parts: Mapping[str, str]) -> None:
    """Refuse parts that RFC 5545 does not allow together."""
    freq, days = parts["FREQ"], parts.get("BYDAY", "").split(",")
    if "COUNT" in parts and "UNTIL" in parts:
        _refuse(", which has both COUNT and UNTIL", "Keep one of COUNT and UNTIL.")
    for name, frequencies in _GOES_WITH.items():
        if name in parts and freq not in frequencies:
            _refuse(f", in which {name} does not go with FREQ={freq}", f"Write FREQ={' or '.join(frequencies)}.")
    if "BYSETPOS" in parts:
        if not any(name.startswith("BY") for name in parts if name != "BYSETPOS"):
            _refuse(", whose BYSETPOS has nothing to choose from", "Add what it chooses from, such as BYDAY=MO,TU.")
        if len(parts["BYSETPOS"].split(",")) > _MOST_CHOICES:
            _refuse(f", whose BYSETPOS has more than {_MOST_CHOICES} values", "Name the days, such as BYDAY=MO,TU.")
    numbered = [day for day in days if len(day) > 2]
    if numbered and len(numbered) < len(days):
        _refuse(", whose BYDAY mixes days with and without a number", "Write all days with a number, or all without.")
    if numbered and (freq not in ("MONTHLY", "YEARLY") or "BYWEEKNO" in parts):
        _refuse(
            ", whose BYDAY has numbers, which go with FREQ=MONTHLY or YEARLY without BYWEEKNO",
            "Write days without numbers, such as BYDAY=MO,FR.",
        )


# ---- durations


# Days and weeks are nominal, hours, minutes and seconds exact (RFC 5545, 3.3.6): a day after 08:00 is 08:00 even if the
# clocks change; 24 hours after it need not be.
Amounts: TypeAlias = dict[str, Fraction]


class Duration(NamedTuple):
    """A duration greater than zero."""

    days: int  #: calendar days in local time
    seconds: int  #: exact, in addition to the days; can be more than a day


_LONGEST_DURATION = 64  # no duration is longer; limits the cache
_LONGEST_DAYS = 3_660  # ten years: a longer one is a mistake

_TIDY = {ord(char): " " if char.isspace() else None for char in BLANKS}
# Three decimals could be thousands: 1.500 h.
_AMOUNT = r"([0-9]{1,9}(?:[.,][0-9]{1,2})?)"
_PIECE = re.compile(rf"{_AMOUNT} ?([^\W\d_]+)\.?(?:,? and |,? ?)")
_CLOCK = re.compile(r"([0-9]{1,5}):([0-5][0-9])(?::([0-5][0-9])(?:[.,][0-9]+)?)?")
_ISO = re.compile(
    "P"
    + "".join(f"(?:{_AMOUNT}{unit})?" for unit in "YMWD")
    + "(?:T(?=[0-9])"
    # ISO uses one letter for two units: M before the T is months, after it minutes.
    + "".join(f"(?:{_AMOUNT}{unit})?" for unit in "HMS")
    + ")?",
    re.IGNORECASE,
)
_ISO_UNITS = ("year", "month", "week", "day", "hour", "minute", "second")
_CAPITAL_M = re.compile("[0-9]+ ?M")
_BARE_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?")

_IN_SECONDS = {"hour": 3600, "minute": 60, "second": 1}
_IN_DAYS = {"week": 7, "day": 1}
_DURATION_UNITS = {unit: unit for unit in _ISO_UNITS} | {f"{unit}s": unit for unit in _ISO_UNITS}
_DURATION_UNITS |= {unit[0]: unit for unit in ("year", "week", "day", "hour", "minute", "second")}
_DURATION_UNITS |= {"yr": "year", "yrs": "year", "mo": "month", "mos": "month", "wk": "week", "wks": "week"}
_DURATION_UNITS |= {"hr": "hour", "hrs": "hour", "min": "minute", "mins": "minute", "sec": "second", "secs": "second"}

_DURATION_RIGHT = "write hours or days, such as 8h, 1d 12h or PT8H"
_NO_DURATION = Unreadable(", which is not a duration", _DURATION_RIGHT, "no duration")
_NO_UNIT = Unreadable(
    ", a number without a unit", "write the unit too, such as 8h, 90m or 1d", "duration without a unit"
)
_NOT_POSITIVE = Unreadable(", which is not longer than zero", _DURATION_RIGHT, "duration of zero or less")
_TOO_LONG = Unreadable(", which is longer than ten years", _DURATION_RIGHT, "duration longer than ten years")
_NO_FIXED_LENGTH = Unreadable(
    ", in months or years, which differ in length",
    "write it in days or weeks, such as 4w",
    "duration in months or years",
)
_MONTHS_OR_MINUTES = Unreadable(
    ", which can be minutes or months", "write minutes as 30m, and months in weeks, such as 4w", "minutes or months"
)
_PART_OF_A_DAY = Unreadable(
    ", with a part of a day, which summer time makes longer or shorter",
    "write that part in hours, such as 12h or 1d 12h",
    "duration with a part of a day",
)
_PART_OF_A_SECOND = Unreadable(
    ", which is not a whole number of seconds",
    "write hours and minutes, such as 1h 20m",
    "duration with parts of a second",
)


def read_duration(text: str) -> Duration | Unreadable:
    """Read a duration: `8h`, `1d 12h`, `90 minutes`, `1.5h`, `PT8H`, `P1W`; `08:00` is hours and minutes."""
    return _read_duration(text) if len(text) <= _LONGEST_DURATION else _NO_DURATION


@lru_cache(maxsize=1024)  # a source has a handful of them
def _read_duration(text: str) -> Duration | Unreadable:
    tidy = " ".join(text.translate(_TIDY).split()).casefold().removeprefix("+")
    if tidy.startswith(("-", "\u2212")):
        return _NOT_POSITIVE
    if _BARE_NUMBER.fullmatch(tidy):
        return _NO_UNIT
    if _CAPITAL_M.fullmatch(text):
        return _MONTHS_OR_MINUTES
    amounts = _read_iso(tidy) or _read_pieces(tidy)
    return _total(amounts) if amounts else _NO_DURATION


def _read_iso(text: str) -> Amounts | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    return {unit: _number(amount) for unit, amount in zip(_ISO_UNITS, match.groups(), strict=True) if amount}


def _read_pieces(text: str) -> Amounts | None:
    """Read amounts with their units, larger units first, each once; after days `8:00` may mean hours."""
    amounts: Amounts = {}
    position, allowed = 0, list(_ISO_UNITS)
    while match := _PIECE.match(text, position):
        unit = _DURATION_UNITS.get(match[2])
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
