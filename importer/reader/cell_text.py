"""Formats a cell as text: its value, and a number as its number format shows it, ECMA-376 18.8.30. Pure.

Dates, times and spans of time become ISO texts; digits that a format pads or surrounds with literals are shown like
that. What only decorates a number (percent sign, currency, thousands) is not in its text, but returned beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from numbers import Integral, Real
from typing import Any, Final, NamedTuple


class Flaw(NamedTuple):
    """Something wrong with a cell."""

    message: str
    hint: str
    topic: str  #: its kind, without any value


class StoredCell(NamedTuple):
    """A cell: its visible text, and what is wrong with it."""

    text: str  #: empty if nothing is visible
    flaw: Flaw | None = None
    #: a number with what `text` leaves out: percent sign, currency; or as the date that it can be; or a date alone
    decorated: str = ""
    is_inexact: bool = False  #: a number that has lost digits
    is_struck: bool = False

    @property
    def is_remarkable(self) -> bool:
        """True if there is more to say about it than its text."""
        return self.flaw is not None or bool(self.decorated) or self.is_inexact or self.is_struck

    def counted_from(self, later: int) -> StoredCell:
        """Return the cell with the date that its number is in a workbook whose day 0 is so many days `later`."""
        if not later or self.is_remarkable or not _DAY_NUMBER.fullmatch(self.text):
            return self
        return self._replace(decorated=text_of(_DAY_ZERO + timedelta(days=later, seconds=_seconds(self.text))))

    def as_day(self) -> StoredCell:
        """Return the cell as one that shows no time of day, if it is a date at midnight."""
        return self._replace(decorated=self.text[:10]) if self.text.endswith("T00:00:00") else self

    def strike_out(self) -> StoredCell:
        """Return the cell as struck out; an empty cell is unchanged."""
        return self._replace(is_struck=True) if self.text.strip() else self


# ---- Values


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


#: What makes the text of a value as calamine gives it, quickly; None if the file itself must be asked: of a number
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


# ---- Number formats


GENERAL: Final = "General"
#: Codes of the formats that have none in the file. What the CJK numbers 27 to 36 and 50 to 58 mean depends on the
#: program's language: they are dates in all of them, and those that show no time in any are days.
_BUILT_IN: Final[Mapping[int, str]] = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    **dict.fromkeys((22, *range(27, 37), *range(50, 59)), "yyyy-mm-dd hh:mm"),
    **dict.fromkeys((*range(14, 18), *range(27, 32), 36, 50, 51, 54, 57, 58), "yyyy-mm-dd"),
    **dict.fromkeys((18, 19, 20, 21, 45, 47), "hh:mm:ss"),
    **dict.fromkeys((37, 38), "#,##0"),
    **dict.fromkeys((39, 40), "#,##0.00"),
    46: "[h]:mm:ss",
    48: "##0.0E+0",
    49: "@",
}
_DAY: Final = 86_400  # seconds
_MILLISECOND: Final = Decimal("0.001")
DAY_ZERO: Final = date(1899, 12, 30)
_DAY_ZERO: Final = datetime(1899, 12, 30)  # noqa: DTZ001  (cells have no zone)
_MOST_DAYS: Final = 1e8  # of a span; what is longer is none
_DAY_NUMBER = re.compile(r"[0-9]{5,6}(?:\.[0-9]+)?")  # of the dates that rows can have
DAYS_OF_1904: Final = 1462  # that day 0 of the other calendar lies later
_TOKEN = re.compile(
    r"""(?P<literal>"[^"]*"?|\\.|\[\$(?P<symbol>[^\]-]*)[^\]]*\])
    |(?P<space>_.)|(?P<fill>\*.)
    |(?P<span>\[(?:h+|m+|s+)\])
    |\[(?P<condition>(?:<=|>=|<>|[<>=])\s*-?[0-9.]+)\]|(?P<colour>\[[^\]]*\])
    |(?P<general>General|G/通用格式|@)|(?P<clock>AM/PM|A/P|上午/下午)|(?P<exponent>E[+-])
    |(?P<moment>[ymdhs]+)|(?P<era>[gbe]+)|(?P<digits>[0#?]+)|(?P<sign>[.,%/;])|(?P<other>.)""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_LITERAL = frozenset({"literal", "space", "other"})  # kinds of tokens
CURRENCY = re.compile(
    r"[$¢£¤¥฿₠-⃀]|\b(?:AED|ARS|AUD|BGN|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|EUR|GBP|HKD|HUF|IDR|ILS|INR|JPY|KRW|MXN|MYR"
    r"|NOK|NZD|PHP|PLN|RON|RUB|SAR|SEK|SGD|THB|TRY|TWD|UAH|USD|VND|ZAR)\b"
)
_WORD = re.compile(r"[^\W_]")
LONG_NUMBER = re.compile(r"-?[1-9][0-9]{15,}")  # which a float would not give back
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class _Section:
    """One of the up to four parts of a format, parted by semicolons."""

    pieces: tuple[tuple[str, str], ...]  #: kind and text of each token
    condition: str
    prefix: str  #: literals before and behind the digits
    suffix: str

    def has(self, *kinds: str) -> bool:
        return any(kind in kinds for kind, _ in self.pieces)

    @property
    def is_day(self) -> bool:
        """True if it shows a date, and no time of day."""
        has_clock = any(kind == "moment" and text[0] in "hHsS" for kind, text in self.pieces)
        return self.has("moment", "era") and not (has_clock or self.has("clock", "span"))

    @property
    def is_literal(self) -> bool:
        """True if it has no place for a number."""
        return all(kind in _LITERAL for kind, _ in self.pieces)

    @property
    def signs(self) -> str:
        return "".join(text for kind, text in self.pieces if kind == "sign")

    @property
    def layout(self) -> str:
        """Its digits and signs, what parts thousands in some countries as a blank, and all else as an `x`."""
        return "".join(
            text if kind in {"digits", "sign"} else " " if re.fullmatch(r"[\s'’.]", text) else "x"  # noqa: RUF001
            for kind, text in self.pieces
        )


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """One number format."""

    sections: tuple[_Section, ...]

    @property
    def is_plain(self) -> bool:
        """True if every reader shows its numbers and dates alike, so that its cells need no closer look."""
        kinds = {kind for section in self.sections for kind, _ in section.pieces}
        if len(self.sections) > 1:
            return False
        first = self.sections[0]
        if "moment" in kinds or "span" in kinds:
            return kinds <= {"moment", "span", "clock", "sign", "other"} and not set(first.signs) - set("/.,")
        return kinds <= {"general", "sign"} | {"digits"} and not _decoration_of(first) and not _pads(first)

    @property
    def has_moments(self) -> bool:
        return any(section.has("moment", "clock", "era", "span") for section in self.sections)

    @property
    def is_plain_day(self) -> bool:
        """True if it is plain, and shows dates without a time of day: a reader's midnight is one that nobody sees."""
        return self.sections[0].is_day and self.is_plain

    def show(self, written: str, *, is_1904: bool = False) -> StoredCell | None:
        """Show a number as it is stored; None if that is no number at all.

        A number that no calendar has a date for is shown as it is.
        """
        if not _NUMBER.fullmatch(written):
            return None
        number = float(written)
        section = self._chosen(number)
        if abs(number) == float("inf"):
            return None
        if moment := _clock_text(written, section, is_1904=is_1904):
            return StoredCell(moment).as_day() if section.is_day else StoredCell(moment)
        if LONG_NUMBER.fullmatch(written):
            return StoredCell(written)
        plain = number_text(repr(number))
        is_inexact = abs(number) >= INEXACT
        if decoration := _decoration_of(section):
            shown = _decorated(plain, decoration, section)
            return StoredCell(plain, None, "" if shown == plain else shown, is_inexact)  # 106 has no thousands
        text = _padded(plain, section, is_signed=self._is_signed(section))
        if section.is_literal and _WORD.search(section.prefix):  # whatever the number is, a person sees these words
            text = section.prefix.strip()
        return StoredCell(text, None, f"{number:.5E}" if is_inexact else "", is_inexact)

    def _is_signed(self, section: _Section) -> bool:
        """Return whether a section is for negative numbers, and shows their sign itself or not at all."""
        if any(each.condition for each in self.sections):
            return re.fullmatch(r"<=?\s*(?:-.*|[0.]+)", section.condition) is not None
        return section is not self.sections[0]

    def _chosen(self, number: float) -> _Section:
        """Choose the section for a number; an empty one hides it from a person, but is no reason to lose it."""
        sections = self.sections
        if conditional := [section for section in sections if section.condition]:
            fitting = next((section for section in conditional if _is_met(section.condition, number)), None)
            others = [section for section in sections if not section.condition]
            return fitting or (others[0] if others else sections[-1])
        chosen = sections[0]
        if number < 0 and len(sections) > 1:
            chosen = sections[1]
        elif number == 0 and len(sections) > 2:
            chosen = sections[2]
        return chosen if chosen.pieces else sections[0]


@lru_cache(maxsize=1024)
def number_format(code: str) -> NumberFormat:
    """Parse a format's code."""
    sections: list[list[tuple[str, str]]] = [[]]
    conditions = [""]
    for match in _TOKEN.finditer(code):
        kind = match.lastgroup or "other"
        if match["literal"] is not None:
            sections[-1].append(("literal", _literal(match)))
        elif match[0] == ";":
            sections.append([])
            conditions.append("")
        elif kind == "condition":
            conditions[-1] = match["condition"]
        elif kind not in {"colour", "fill"}:
            sections[-1].append((kind, " " if kind == "space" else match[0]))
    return NumberFormat(tuple(map(_section, sections, conditions)))


def built_in(number: int) -> str:
    """Return the code of a format that has none in the file."""
    return _BUILT_IN.get(number, GENERAL)


def _literal(match: re.Match[str]) -> str:
    text = match["literal"]
    if text.startswith("\\"):
        return text[1:]
    return text.strip('"') if text.startswith('"') else match["symbol"]


def _section(pieces: list[tuple[str, str]], condition: str) -> _Section:
    places = [place for place, (kind, _) in enumerate(pieces) if kind not in _LITERAL]
    first, last = (places[0], places[-1] + 1) if places else (len(pieces), len(pieces))
    prefix, suffix = ("".join(text for _, text in part) for part in (pieces[:first], pieces[last:]))
    return _Section(tuple(pieces), condition, prefix, suffix)


def _is_met(condition: str, number: float) -> bool:
    match = re.fullmatch(r"(<=|>=|<>|[<>=])\s*(-?[0-9]*\.?[0-9]*)", condition)
    if not match or not re.search(r"[0-9]", match[2]):
        return False
    bound = float(match[2])
    return {
        "<": number < bound,
        ">": number > bound,
        "=": number == bound,
        "<=": number <= bound,
        ">=": number >= bound,
        "<>": number != bound,
    }[match[1]]


def _decoration_of(section: _Section) -> str:
    """Name what a section puts around a number that is no part of it: `%`, `/`, `,` or a currency; else empty."""
    if "%" in section.signs:
        return "%"
    if "/" in section.signs and section.has("digits") and not section.has("moment"):
        return "/"
    if found := CURRENCY.search(section.prefix + section.suffix):
        return found[0]
    return "," if re.search(r"[0#?],|# ##0", section.layout) else ""


def _decorated(plain: str, decoration: str, section: _Section) -> str:
    number = Decimal(plain)
    match decoration:
        case "%":
            return f"{number_text(str(number * 100))}%"
        case "/":
            whole, rest = divmod(abs(number), 1)
            top, bottom = float(rest).as_integer_ratio() if rest else (0, 1)
            fraction = f" {top}/{bottom}" if top and bottom <= 1024 else ""
            if rest and not fraction:
                return f"{plain} as a fraction"
            sign = "-" if number < 0 else ""
            return f"{sign}{whole:f}{fraction}" if whole or not fraction else f"{sign}{fraction.strip()}"
        case ",":
            scale = re.search(r"[0#?](,+)(?![0#?,])", section.layout)  # of thousands, or of millions
            plain = f"{number / 1000 ** len(scale[1] if scale else ''):,f}"
    return f"{section.prefix}{plain}{section.suffix}".strip()


def _pads(section: _Section) -> bool:
    """Return whether a section shows a whole number otherwise than by its digits alone."""
    if section.signs or section.has("moment", "span", "clock", "exponent"):
        return False
    if sum(text.count("0") for kind, text in section.pieces if kind == "digits") > 1:
        return True
    outer = section.prefix + section.suffix
    literals = (text for kind, text in section.pieces if kind not in {"digits", "general"})
    return bool(_WORD.search(outer)) or len("".join(literals).strip()) > len(outer.strip())


def _padded(plain: str, section: _Section, *, is_signed: bool) -> str:
    """Put a whole number's digits into the places of a section, from the last one on."""
    digits = plain.removeprefix("-")
    pieces = [("digits", "0") if kind == "general" else (kind, text) for kind, text in section.pieces]
    places = sum(len(text) for kind, text in pieces if kind == "digits")
    if not digits.isdigit() or not places or not _pads(section):
        return plain
    left = list(digits)
    shown: list[str] = []
    for kind, text in reversed(pieces):
        if kind != "digits":
            shown.append(text)
            continue
        for place in reversed(text):
            places -= 1
            if left:
                shown.append(left.pop())
            elif place != "#":
                shown.append("0" if place == "0" else " ")
            if not places:  # the first place takes all digits that are left
                shown.append("".join(left))
    is_negative = plain.startswith("-") and not is_signed
    return ("-" if is_negative else "") + "".join(reversed(shown))


def _seconds(written: str) -> int:
    """Round to milliseconds first, which a spreadsheet shows: half a second is stored as a hair less or more."""
    milliseconds = (Decimal(written) * _DAY).quantize(_MILLISECOND, ROUND_HALF_UP)
    return int(milliseconds.to_integral_value(ROUND_HALF_UP))


def _clock_text(written: str, section: _Section, *, is_1904: bool) -> str:
    """Write a day number as a date-time, below one as a time of day, or as a span; empty if it is shown as none."""
    if section.has("span"):
        return text_of(timedelta(seconds=_seconds(written))) if abs(float(written)) < _MOST_DAYS else ""
    if not section.has("moment", "clock", "era") or Decimal(written) < 0:
        return ""
    days, seconds = divmod(_seconds(written), _DAY)
    clock = timedelta(seconds=seconds)
    if Decimal(written) < 1:
        return text_of((_DAY_ZERO + clock).time())
    days += DAYS_OF_1904 if is_1904 else 0
    days += days < 60  # the 29th of February 1900, which never was
    try:
        return text_of(_DAY_ZERO + timedelta(days=days) + clock)
    except OverflowError:
        return ""
