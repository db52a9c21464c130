"""How problems are worded, and how foreign text is shown in them. Knows no column."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

LONGEST_QUOTE = 80  #: characters of a value that a message shows

_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})  # C0, C1 and DEL; half characters; U+2028; U+2029
_BIDI = frozenset({"\u061c", "\u200e", "\u200f", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))})


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a text is no value of its column; returned where the value would be."""

    reason: str = ""  #: goes on after `column is "text"`, such as ", which comes twice"
    hint: str = ""  #: what would be right; empty: what the column says
    topic: str = ""  #: its kind in a few words that hold no value, such as "local time without a time zone"


def quote(text: str) -> str:
    """Put a foreign text into quotes: cut to 80 characters, unseen ones shown as escapes such as `\\x1b`."""
    shown = text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"
    return f'"{escape_unseen(shown)}"'


def escape_unseen(text: str) -> str:
    """Show what cannot be seen, or steers a terminal, as escapes such as `\\x1b`."""
    return text if text.isprintable() else "".join(map(_shown, text))


def quote_path(text: str) -> str:
    """Put a file's name into quotes; one that is long keeps its end, which tells it."""
    return quote(text if len(text) <= LONGEST_QUOTE else f"…{text[1 - LONGEST_QUOTE :]}")


def has_control(text: str) -> bool:
    """Tell whether a text holds characters that steer a terminal or the direction of text."""
    if text.isprintable():
        return False
    return any(char in _BIDI or unicodedata.category(char) in _CONTROLS for char in text)


def _shown(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
