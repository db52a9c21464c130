"""Texts that say how shifts repeat: RFC 5545 rules and plain words to a `Rule`. Makes no date."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NoReturn

from importer.cells import BLANKS
from importer.normalizer.times.moments import LAST_YEAR, Moment, make_moment
from importer.normalizer.unreadable import Unreadable
from importer.quoting import quote

if TYPE_CHECKING:
    from collections.abc import Mapping


_TOPIC = "repetition that cannot be read"
_RIGHT = "write a rule such as FREQ=WEEKLY;COUNT=12, or daily, weekdays, weekly, biweekly or monthly"
_RIGHT_UNTIL = "write UNTIL=20271231, or UNTIL=20271231T090000Z in UTC"
_LONGEST_TEXT = 256
_LONGEST_INTERVAL = 999
_LARGEST_COUNT = 999_999  # how many a row may make is counted where they are made: `until` may come first
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")  # their indices are those of `weekday()`
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_MOST_CHOICES = 12  # each is looked for in every week up to the end of the search: 0.2 s where none is found
_TOO_OFTEN = ("SECONDLY", "MINUTELY", "HOURLY")

_WORDS: Final = {
    "daily": "FREQ=DAILY",
    "every day": "FREQ=DAILY",
    "weekdays": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "every weekday": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
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
_UNITS = {"day": "DAILY", "week": "WEEKLY", "month": "MONTHLY"}

_LINE = re.compile(r"(?:RRULE:)?(FREQ=.*|.*;FREQ=.*)", re.DOTALL)
_NUMBER = re.compile(r"[0-9]{1,9}")
_SIGNED = re.compile(r"[+-]?[0-9]{1,3}")
_DAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:T(\d\d):?(\d\d):?(\d\d)(Z?))?", re.ASCII)

#: The least and the most value of a part, and whether it may count from the end too (-1 is the last).
_NUMBERS: Final = {
    "BYMONTH": (1, 12, False),
    # Weeks 52 and 53 are left out: python-dateutil misplaces their days at the turn of the year.
    "BYWEEKNO": (1, 51, True),
    "BYYEARDAY": (1, 366, True),
    "BYMONTHDAY": (1, 31, True),
    "BYHOUR": (0, 23, False),
    "BYMINUTE": (0, 59, False),
    "BYSECOND": (0, 59, False),
    "BYSETPOS": (1, 366, True),
}
#: RFC 5545, 3.3.10: the frequencies that a part goes with. BYSETPOS would go with DAILY too, but to no use.
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
    freq: str  #: DAILY, WEEKLY, MONTHLY or YEARLY
    interval: int = 1
    numbers: tuple[tuple[str, tuple[int, ...]], ...] = ()  #: BYMONTH to BYSETPOS, without BYDAY
    days: tuple[tuple[int, int], ...] = ()  #: BYDAY as (weekday, Monday is 0; its number in month or year, 0: every)
    week_start: int = 0
    count: int | None = None
    until: Moment | None = None  #: no shift starts after it; without an offset it is local

    def values(self, part: str) -> tuple[int, ...]:
        """Give the values of a part such as BYMONTH; none where the rule has no such part."""
        return dict(self.numbers).get(part, ())

    @property
    def names_day(self) -> bool:
        """True where the rule itself says on which days it comes; False: on the day of its start."""
        return bool(self.days) or any(map(self.values, ("BYMONTHDAY", "BYYEARDAY", "BYWEEKNO")))


WEEKLY: Final = Rule("weekly", "WEEKLY")


class _RefusedError(Exception):
    """Carries a fault out of the parts; never leaves this module."""

    def __init__(self, fault: Unreadable) -> None:
        super().__init__(fault.reason)
        self.fault = fault


def read_repeat(text: str) -> Rule | Unreadable:
    """Read a cell of the column `repeat`: a rule of RFC 5545 (`FREQ=WEEKLY;COUNT=12`) or a word such as `weekly`.

    Case, blanks and `RRULE:` do not count. Faults are also what RFC 5545 forbids, FREQ below a day, EXDATE and RDATE.
    """
    if len(text) > _LONGEST_TEXT:
        return Unreadable(f", which has more than {_LONGEST_TEXT} characters", _RIGHT, _TOPIC)
    try:
        return _rule(text, _parts(_line(text)))
    except _RefusedError as refused:
        return refused.fault


def end_of_day(moment: Moment) -> Moment:
    """Give the last second of a moment's day: what a date means as a bound of what starts."""
    return Moment(moment.local.replace(hour=23, minute=59, second=59), moment.offset)


def _refuse(reason: str, hint: str = _RIGHT) -> NoReturn:
    raise _RefusedError(Unreadable(reason, hint, _TOPIC))


def _line(text: str) -> str:
    """Give the one rule of a text, in capitals and without blanks and prefix; a word becomes its rule."""
    words = " ".join(text.casefold().replace("-", " ").split())
    if every := _EVERY.fullmatch(words):
        return f"FREQ={_UNITS[every[2]]};INTERVAL={every[1]}"
    if words in _WORDS:
        return _WORDS[words]
    lines = [line for line in (_bare(line) for line in text.splitlines()) if line]
    _refuse_other_lines(lines)
    match = _LINE.fullmatch(lines[0]) if lines else None
    if not match:
        _refuse(", which is no rule of RFC 5545 and none of the words for one")
    return match[1].removesuffix(";")


def _bare(line: str) -> str:
    return "".join(char for char in line if char not in BLANKS).upper()


def _refuse_other_lines(lines: list[str]) -> None:
    if any(line.startswith(("EXDATE", "RDATE", "EXRULE")) for line in lines):
        _refuse(
            ", which leaves out or adds single dates (EXDATE, RDATE)",
            "write the rule alone, and single shifts in rows of their own",
        )
    if any(line.startswith("DTSTART") for line in lines):
        _refuse(", which has a DTSTART", "write the rule alone; starts_at says when the first shift starts")
    if len(lines) > 1:
        _refuse(", which is more than one rule", "write one rule; further ones need rows of their own")


def _parts(line: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in line.split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value:
            _refuse(f", in which {quote(part)} is no part of a rule such as COUNT=12")
        if name in parts:
            _refuse(f", which says {quote(name)} twice")
        parts[name] = value
    return parts


def _rule(text: str, parts: Mapping[str, str]) -> Rule:
    rest = dict(parts)
    rule = Rule(
        text=text,
        freq=_freq(rest.pop("FREQ")),
        interval=_positive("INTERVAL", rest.pop("INTERVAL", "1"), "2", _LONGEST_INTERVAL),
        count=_positive("COUNT", rest.pop("COUNT"), "12", _LARGEST_COUNT) if "COUNT" in rest else None,
        until=_until(rest.pop("UNTIL")) if "UNTIL" in rest else None,
        week_start=_week_start(rest.pop("WKST", "MO")),
        days=tuple(map(_day, rest.pop("BYDAY").split(","))) if "BYDAY" in rest else (),
        numbers=tuple((name, _numbers(name, value)) for name, value in rest.items()),
    )
    _refuse_misfits(rule)
    return rule


def _freq(value: str) -> str:
    if value in _TOO_OFTEN:
        _refuse(
            f", whose FREQ is {value}: shifts repeat by the day at the most",
            "write FREQ=DAILY, and for several shifts a day their hours, such as FREQ=DAILY;BYHOUR=8,20",
        )
    if value not in _FREQUENCIES:
        _refuse(f", whose FREQ is {quote(value)}", "write FREQ=DAILY, WEEKLY, MONTHLY or YEARLY")
    return value


def _positive(name: str, value: str, example: str, most: int) -> int:
    number = int(value) if _NUMBER.fullmatch(value) else 0
    if not 1 <= number <= most:
        _refuse(f", whose {name} is {quote(value)}", f"write a whole number from 1 to {most}, such as {name}={example}")
    return number


def _until(value: str) -> Moment:
    """Read UNTIL: in UTC with a Z, else local; a date alone is its whole day."""
    match = _UNTIL.fullmatch(value)
    if match is None:
        _refuse(f", whose UNTIL is {quote(value)}", _RIGHT_UNTIL)
    year, month, day, hour, minute, second = (int(group or "0") for group in match.groups()[:6])
    offset = timedelta(0) if match[7] else None
    # Rules that never end say 9999; nothing that starts after the last year is made anyway.
    until = make_moment((min(year, LAST_YEAR), month, day), (hour, minute, second), offset)
    if isinstance(until, Unreadable):
        _refuse(f", whose UNTIL is {quote(value)}{until.reason}", _RIGHT_UNTIL)
    return end_of_day(until) if match[4] is None else until


def _week_start(value: str) -> int:
    if value not in _DAYS:
        _refuse(f", whose WKST is {quote(value)}", "write WKST=MO, or another of MO, TU, WE, TH, FR, SA, SU")
    return _DAYS.index(value)


def _day(value: str) -> tuple[int, int]:
    match = _DAY.fullmatch(value)
    number = int(match[1]) if match and match[1] else None
    if not match or number == 0 or abs(number or 0) > 53:
        _refuse(f", in whose BYDAY {quote(value)} is no day", "write days such as BYDAY=MO,FR, or BYDAY=1MO,-1FR")
    return _DAYS.index(match[2]), number or 0


def _numbers(name: str, value: str) -> tuple[int, ...]:
    if name not in _NUMBERS:
        _refuse(f", whose part {quote(name)} is not known", "write parts of RFC 5545, such as BYDAY=MO,FR or COUNT=12")
    return tuple(sorted({_number(name, text) for text in value.split(",")}))


def _number(name: str, text: str) -> int:
    least, most, is_negative_too = _NUMBERS[name]
    number = int(text) if _SIGNED.fullmatch(text) else None
    if number is None or not (least <= number <= most or (is_negative_too and least <= -number <= most)):
        negative = f", or -1 to -{most} from the end" if is_negative_too else ""
        _refuse(f", in whose {name} {quote(text)} cannot be", f"write {name} from {least} to {most}{negative}")
    return number


def _refuse_misfits(rule: Rule) -> None:
    """Refuse parts that RFC 5545 does not let stand together."""
    if rule.count is not None and rule.until is not None:
        _refuse(", which has both COUNT and UNTIL", "keep one of COUNT and UNTIL")
    for name, _ in rule.numbers:
        frequencies = _GOES_WITH.get(name, _FREQUENCIES)
        if rule.freq not in frequencies:
            _refuse(f", in which {name} does not go with FREQ={rule.freq}", f"write FREQ={' or '.join(frequencies)}")
    if rule.values("BYSETPOS") and not rule.days and len(rule.numbers) == 1:
        _refuse(", whose BYSETPOS has nothing to choose from", "add what it chooses from, such as BYDAY=MO,TU")
    if len(rule.values("BYSETPOS")) > _MOST_CHOICES:
        _refuse(
            f", whose BYSETPOS has more than {_MOST_CHOICES} values", "name the days themselves, such as BYDAY=MO,TU"
        )
    _refuse_numbered_days(rule)


def _refuse_numbered_days(rule: Rule) -> None:
    numbered = [number for _, number in rule.days if number]
    if not numbered:
        return
    if len(numbered) < len(rule.days):
        _refuse(", whose BYDAY mixes days with and without a number", "write them all with a number, or all without")
    if rule.freq not in ("MONTHLY", "YEARLY") or rule.values("BYWEEKNO"):
        _refuse(
            ", whose BYDAY has numbers, which go with FREQ=MONTHLY or YEARLY without BYWEEKNO",
            "write days without numbers, such as BYDAY=MO,FR",
        )
