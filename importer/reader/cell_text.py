"""What a number format makes of a number: digits shown, a date, a span of time. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


# ---- A value of a cell -> the text that the user sees. Pure, no imports of workbook or frame


#: From here on a number has lost digits: spreadsheets keep 15 of them, a float 17.
INEXACT = 1e15
_NO_EXPONENT = 1e-4  # from here on `repr` writes no exponent
#: Microseconds; a workbook stores times as fractions of a day, which miss the second by less.
_NOISE = 1000


def text_of(value: object) -> str:
    """Give a value's text: no exponent, no `.0`, `TRUE` and `FALSE`, dates and times as ISO 8601."""
    match value:
        case str():
            return str(value)
        case bool():
            return "TRUE" if value else "FALSE"
        case Integral():
            return str(int(value))
        case Decimal() | Real():
            return number_text(str(value))
        case date() | time() | timedelta():
            return _moment_text(value)
    return str(value)


def zero_filled(text: str, width: int) -> str:
    """Show a whole number with at least so many digits."""
    return text.zfill(width + text.startswith("-")) if text.lstrip("-").isdigit() else text


def _float_text(number: float) -> str | None:
    """Write a float as `number_text` does, at a fifth of its cost."""
    if -INEXACT < number < INEXACT:
        if number.is_integer():
            return str(int(number))
        if number > _NO_EXPONENT or number < -_NO_EXPONENT:
            return repr(number)
        return number_text(repr(number))
    return None


def number_text(written: str) -> str:
    """Write a number without exponent and without an empty fraction; not-a-number is empty."""
    number = Decimal(written)
    if number.is_nan():
        return ""
    if not number.is_finite():
        return str(number)
    if number == number.to_integral_value():
        return str(int(number))
    return format(number, "f").rstrip("0")


def _moment_text(moment: date | time | timedelta) -> str:
    match moment:
        case datetime():
            return _whole_seconds(moment).isoformat()
        case date():
            return f"{moment.isoformat()}T00:00:00"
        case time():
            return _whole_seconds(datetime.combine(date(2000, 1, 1), moment)).timetz().isoformat()
        case timedelta():
            return _duration_text(moment)


def _whole_seconds(moment: datetime) -> datetime:
    """Round to the second where the fraction is noise; keep it otherwise."""
    if moment.microsecond <= _NOISE:
        return moment.replace(microsecond=0)
    rest = 1_000_000 - moment.microsecond
    return moment + timedelta(microseconds=rest) if rest <= _NOISE else moment


def _duration_text(duration: timedelta) -> str:
    """Write `[h]:mm:ss`, as spreadsheets do for spans longer than a day."""
    sign = "-" if duration < timedelta() else ""
    micros = abs(duration) // timedelta(microseconds=1)
    if (micros + _NOISE) % 1_000_000 <= 2 * _NOISE:
        micros = (micros + _NOISE) // 1_000_000 * 1_000_000
    seconds, fraction = divmod(micros, 1_000_000)
    text = f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{fraction:06}" if fraction else text


def _datetime_text(moment: datetime) -> str:
    return _moment_text(moment) if moment.microsecond else moment.isoformat()


#: What makes the text of a value as calamine gives it, quickly; None of a number so large that it may be inexact.
PLAIN_TEXTS: dict[type, Callable[[Any], str | None]] = {
    str: str,
    float: _float_text,
    int: lambda number: str(number) if -INEXACT < number < INEXACT else None,
    bool: lambda value: "TRUE" if value else "FALSE",
    datetime: _datetime_text,
    date: _moment_text,
    time: _moment_text,
    timedelta: _moment_text,
}


# ---- What a number format makes of a number: digits shown, a date, a span of time. Pure


_ONLY_ZEROS = re.compile(r"0{2,}")
_NO_TOKENS = re.compile(
    r'"[^"]*"?|[\\_*].|\[(?![hms]+\])[^\]]*\]', re.IGNORECASE | re.DOTALL
)  # texts, fillers, colours
_SPAN = re.compile(r"\[[hms]+\]", re.IGNORECASE)
_MOMENT = re.compile(r"[dmhys]", re.IGNORECASE)
#: Of the formats that have no code in the file, ECMA-376 18.8.30.
_MOMENTS = frozenset({*range(14, 23), 45, 47})
_SPANS = frozenset({46})
_DAYS_OF_1904 = 1462  # that day 0 of the other calendar lies later


def zeros_shown(code: str) -> int:
    """Give the digits that a number format of zeros only, such as `00000`, shows at least; 0 for any other."""
    return len(code) if _ONLY_ZEROS.fullmatch(code) else 0


def day_text(days: int, number: int, codes: Mapping[int, str], *, is_1904: bool) -> str:
    """Write a whole number of days as the format of that number shows it; empty where that is no date and no span."""
    code = _NO_TOKENS.sub("", codes[number].partition(";")[0]) if number in codes else ""
    if number in _SPANS or _SPAN.search(code):
        return text_of(timedelta(days=days))
    if number in _MOMENTS or _MOMENT.search(code):
        return _date_text(days, is_1904=is_1904)
    return ""


def _date_text(days: int, *, is_1904: bool) -> str:
    if days < 1:
        return text_of(time()) if days == 0 else str(days)
    day = days + (_DAYS_OF_1904 if is_1904 else 0)
    day += day < 60  # the 29th of February 1900, which never was
    try:
        return text_of(date(1899, 12, 30) + timedelta(days=day))
    except OverflowError:
        return str(days)
