"""Texts of durations to days and seconds: ISO 8601, words and units, a spreadsheet's hours. Guesses nothing.

Days and weeks are nominal, hours, minutes and seconds exact (RFC 5545, 3.3.6): a day after 08:00 is 08:00 whatever
summer time does; 24 hours after it need not be.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from importer.cells import BLANKS, Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping


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

_SECONDS = {"hour": 3600, "minute": 60, "second": 1}
_DAYS = {"week": 7, "day": 1}
_UNITS = {unit: unit for unit in _ISO_UNITS} | {f"{unit}s": unit for unit in _ISO_UNITS}
_UNITS |= {unit[0]: unit for unit in ("year", "week", "day", "hour", "minute", "second")}
_UNITS |= {"yr": "year", "yrs": "year", "mo": "month", "mos": "month", "wk": "week", "wks": "week"}
_UNITS |= {"hr": "hour", "hrs": "hour", "min": "minute", "mins": "minute", "sec": "second", "secs": "second"}

_HINT = "write hours or days, such as 8h, 1d 12h or PT8H"
_NO_DURATION = Unreadable(", which is no duration", _HINT, "no duration")
_NO_UNIT = Unreadable(
    ", a number without a unit", "write the unit too, such as 8h, 90m or 1d", "duration without a unit"
)
_NOT_POSITIVE = Unreadable(", which is not longer than nothing", _HINT, "duration of nothing or less")
_TOO_LONG = Unreadable(", which is longer than ten years", _HINT, "duration longer than ten years")
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
    return amounts | {unit: Fraction(part or 0) for unit, part in zip(_SECONDS, clock.groups(), strict=True)}


def _number(amount: str) -> Fraction:
    return Fraction(amount.replace(",", "."))


def _total(amounts: Mapping[str, Fraction]) -> Duration | Unreadable:
    if "year" in amounts or "month" in amounts:
        return _NO_FIXED_LENGTH
    days, seconds = _sum(amounts, _DAYS), _sum(amounts, _SECONDS)
    if days + seconds / 86_400 > _LONGEST_DAYS:
        return _TOO_LONG
    if days.denominator > 1:
        return _PART_OF_A_DAY
    if seconds.denominator > 1:
        return _PART_OF_A_SECOND
    return Duration(int(days), int(seconds)) if days or seconds else _NOT_POSITIVE


def _sum(amounts: Mapping[str, Fraction], sizes: Mapping[str, int]) -> Fraction:
    return sum((amounts[unit] * size for unit, size in sizes.items() if unit in amounts), Fraction(0))
