"""Foreign text made fit for a sentence: short, and without characters that could command a terminal."""

from __future__ import annotations

import unicodedata

LONGEST = 200  # characters of a cell, a name or a foreign message that a sentence repeats
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # controls, bidi and other format marks, U+2028 and U+2029


def excerpt(text: str, longest: int = LONGEST) -> str:
    """Cut the text and show its control characters as escapes."""
    shown = "".join(map(_visible, text[:longest]))
    return f"{shown}…" if len(text) > longest else shown


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _HARMFUL:
        return character
    return character.encode("unicode_escape").decode("ascii")
