"""Wording for people: foreign text escaped and quoted so that it is safe to print, counts with nouns, instants in UTC.

Foreign text (cells, names, server answers) is cut, and its unprintable characters are shown as escapes: C0, C1, DEL,
bidi controls, U+2028, U+2029, zero-width characters and lone surrogates, which control a terminal or are invisible.
Markup languages escape again for themselves.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

LONGEST_LINE = 200  #: characters of a foreign text in a line of output
LONGEST_QUOTE = 80  #: characters of a quoted value in a message

_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})  # C0, C1 and DEL; lone surrogates; U+2028; U+2029
_BIDI = frozenset({"\u061c", "\u200e", "\u200f", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))})
_ONE_LINE = str.maketrans("\r\n\t", "   ")


def escape(text: str, limit: int = LONGEST_LINE) -> str:
    """Return a foreign text as one line of at most `limit` characters; line breaks and tabs become blanks."""
    shown = escape_unprintable(text[: limit + 1].translate(_ONE_LINE))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def escape_unprintable(text: str, *, keep: str = "") -> str:
    r"""Return the whole text with every unprintable character, except those in `keep`, as an escape such as `\\x1b`."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in keep else char.encode("unicode_escape").decode("ascii") for char in text
    )


def quote(text: str) -> str:
    r"""Return a foreign text in double quotes, cut to `LONGEST_QUOTE` characters; line breaks show as `\\n`."""
    if text.isprintable() and len(text) <= LONGEST_QUOTE:
        return f'"{text}"'
    shown = text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"
    return f'"{escape_unprintable(shown)}"'


def quote_path(text: str) -> str:
    """Return a file's name in double quotes; a long one keeps its end, which identifies it."""
    return quote(keep_end(text, LONGEST_QUOTE))


def keep_end(text: str, limit: int) -> str:
    """Return a text cut to its last `limit` characters, as of a path, whose end identifies it."""
    return text if len(text) <= limit else f"…{text[1 - limit :]}"


def shown_path(path: object) -> str:
    """Return a path, or a command with paths, safe to print but complete, so that it can be copied."""
    return escape(str(path), 4096)


def is_unicode(text: str) -> bool:
    """Return whether a text can be encoded: it has no lone surrogate, which is half a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def has_control(text: str) -> bool:
    """Return whether a text has characters that control a terminal or the direction of text."""
    if text.isprintable():
        return False
    return any(char in _BIDI or unicodedata.category(char) in _CONTROLS for char in text)


def list_first(texts: Sequence[str], most: int, number: int = 0) -> str:
    """Return the first texts, and how many more there are, in all `number` if given: `a, b and 1,000 more`."""
    shown = texts[:most]
    left = (number or len(texts)) - len(shown)
    return f"{', '.join(shown)} and {left:,} more" if left > 0 else ", ".join(shown)


def count_of(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 row`, `1,000 rows`, `2 entries` with `plural`."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


@lru_cache(maxsize=1024)  # every row can have the same hint
def as_sentence(text: str) -> str:
    """Return a clause as a sentence: with a capital letter and a full stop; an empty one stays empty.

    A word such as `starts_at` at its beginning is a header and stays as it is.
    """
    first = text[:1] if "_" in text.partition(" ")[0] else text[:1].upper()
    return text and f"{first}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def iso_utc(instant: float | datetime) -> str:
    """Return an instant, aware or in epoch seconds, as ISO 8601 in UTC with whole seconds: `2027-03-01T08:00:00Z`."""
    moment = instant if isinstance(instant, datetime) else datetime.fromtimestamp(int(instant), UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_between(begin: str, end: str) -> float | None:
    """Return the seconds between two instants in ISO 8601; None if one is not an instant."""
    try:
        return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
    except (ValueError, TypeError):  # TypeError: one has an offset, the other none
        return None
