"""Spreadsheet cells: their names (B7), and cleaning their texts of invisible characters and stray quotes."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

ROWS, COLUMNS = 1_048_576, 16_384  #: of a sheet, at most
WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")  #: endings of their names


@lru_cache(maxsize=2048)
def letters_of(column: int) -> str:
    """Return the letters of a 0-based column: `letters_of(27)` is `AB`."""
    letters = ""
    rest = column + 1
    while rest:
        rest, letter = divmod(rest - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


@lru_cache(maxsize=2048)
def column_of(letters: str) -> int:
    """Return the 0-based column that letters name: `column_of("AB")` is 27."""
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1


def cell_name(column: int, row: int) -> str:
    """Return the name of the cell in a 0-based column and a 1-based row: `cell_name(1, 7)` is `B7`."""
    return f"{letters_of(column)}{row}"


_ZERO_WIDTH = "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # copied along with a text from a dialog
_WIDE_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
#: Invisible characters, which are stripped from both ends of a cell.
BLANKS = " \t\n\v\f\r\u0085\u2028\u2029" + _WIDE_SPACES + _ZERO_WIDTH + _DIRECTIONS

DASHES = frozenset("-\u2010\u2011\u2012\u2013\u2014\u2212")  #: alone in a cell that may be empty, each means nothing

_QUOTES = "\"'`\u00b4\u00ab\u00bb\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2039\u203a\uff02\uff07"
_PLAIN = str.maketrans(
    dict.fromkeys(_ZERO_WIDTH) | dict.fromkeys(_WIDE_SPACES, " ") | dict.fromkeys("\u2010\u2011", "-")
)
_IN_BRACES = re.compile(r"\{([0-9A-Fa-f-]{36})\}")
# With a text processor's quotes, too.
_IN_FORMULA = re.compile('=["\u201c\u201d\u201e]([^"\u201c\u201d\u201e]*)["\u201c\u201d]')
_LONGEST = 2000  # characters: no longer text can be saved by cleaning
# A spreadsheet's number has 15 digits: a whole number with more has been rounded.
_WHOLE = re.compile(r"0*([0-9]{1,20})|0*([0-9]{1,15})\.0+")


def shown_text(text: str) -> str:
    """Return a cell's text without outer blanks, and without the formula with which exports keep its zeros."""
    text = text.strip(BLANKS)
    if text[:1] == "=" and (wrapped := _IN_FORMULA.fullmatch(text)):
        return wrapped[1].strip(BLANKS)
    return text


def clean(text: str) -> str:
    """Return a text without surrounding quotes and invisible characters, with plain spaces and hyphens.

    A UUID also loses the braces of Windows.
    """
    if len(text) > _LONGEST:
        return text
    plain = shown_text(text.translate(_PLAIN)).strip(BLANKS + _QUOTES)
    wrapped = _IN_BRACES.fullmatch(plain)
    return wrapped[1] if wrapped else plain


def whole(text: str) -> str | None:
    """Return the digits of a whole number of at most 20 digits, without leading zeros; None if it is not one.

    `101.0` is how a spreadsheet writes 101; `1e2` and `101,0` are not accepted.
    """
    match = _WHOLE.fullmatch(text)
    return (match[1] or match[2]) if match else None


def canonical(text: str) -> str:
    """Reduce a header or a word to its letters and digits, case folded: `Remote ID` and `remote_id` are the same."""
    return "".join(char for char in text.casefold() if char.isalnum())


class Unreadable(NamedTuple):
    """Why a cell's text is not a value of its column; returned instead of the value."""

    reason: str = ""  #: continues `column is "text"`, such as ", which occurs twice"
    hint: str = ""  #: what would be right; empty: the column's own hint
    topic: str = ""  #: its kind in a few words that hold no value, such as "local time without a time zone"
    is_one: bool = False  #: it is the same kind in every column: one option fixes all of it
