"""A value of a cell as the text that the user sees. Pure, no imports of workbook or frame."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


#: From here on a number has lost digits: spreadsheets keep 15 of them, a float 17.
INEXACT = 1e15
_NO_EXPONENT = 1e-4  # from here on `repr` writes no exponent


def text_of(value: object) -> str:
    """Return a value's text: no exponent, no `.0`, `TRUE` and `FALSE`, dates and times as ISO 8601, whole seconds."""
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


def round_seconds(moment: datetime) -> datetime:
    """Round to the whole second, a half upwards, as day numbers of every source are."""
    return (moment + timedelta(microseconds=500_000)).replace(microsecond=0) if moment.microsecond else moment


def _moment_text(moment: date | time | timedelta) -> str:
    match moment:
        case datetime():
            return round_seconds(moment).isoformat()
        case date():
            return f"{moment.isoformat()}T00:00:00"
        case time():
            return round_seconds(datetime.combine(date(2000, 1, 1), moment)).timetz().isoformat()
        case timedelta():
            return _duration_text(moment)


def _duration_text(duration: timedelta) -> str:
    """Write `[h]:mm:ss`, as spreadsheets do for spans longer than a day."""
    sign = "-" if duration < timedelta() else ""
    seconds = (abs(duration) + timedelta(microseconds=500_000)) // timedelta(seconds=1)
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


#: What makes the text of a value as calamine gives it, quickly; None where the file itself must be asked: of a number
#: so large that it may be inexact, and of a moment that is no whole second as calamine has rounded it.
PLAIN_TEXTS: dict[type, Callable[[Any], str | None]] = {
    str: str,
    float: _float_text,
    int: lambda number: str(number) if -INEXACT < number < INEXACT else None,
    bool: lambda value: "TRUE" if value else "FALSE",
    datetime: lambda moment: None if moment.microsecond else str(moment.isoformat()),
    date: _moment_text,
    time: lambda moment: None if moment.microsecond else str(moment.isoformat()),
    timedelta: lambda span: None if span.microseconds else _duration_text(span),
}
