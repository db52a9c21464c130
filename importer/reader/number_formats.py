"""What a number format makes of a number: digits shown, a date, a span of time. Pure."""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from typing import TYPE_CHECKING

from importer.reader.cell_text import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

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
