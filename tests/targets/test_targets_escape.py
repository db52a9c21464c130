"""What a server says fits on one line of a terminal and steers nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.targets.target import escape

ANY_TEXT = st.text(st.characters(), max_size=400)  # surrogates too


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, ümläut, 日本, 🙂", "plain words, ümläut, 日本, 🙂"),
        ("two\r\nlines\tand a tab", "two  lines and a tab"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("\x00\x08\x7f", r"\x00\x08\x7f"),
        ("\x85\x9b31m", r"\x85\x9b31m"),
        ("a\u202egnp.exe", r"a\u202egnp.exe"),
        ("\u2066isolated\u2069\u200f", r"\u2066isolated\u2069\u200f"),
        ("line\u2028paragraph\u2029", r"line\u2028paragraph\u2029"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("\ud800", r"\ud800"),
        ("\U000e0001tag", r"\U000e0001tag"),
        ("", ""),
    ],
)
def test_control_and_direction_characters_are_shown_as_escapes(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_what_is_too_long_is_cut_and_says_so() -> None:
    assert escape("x" * 200) == "x" * 200
    assert escape("x" * 201) == "x" * 199 + "…"
    assert escape("x" * 1_000_000, 10) == "x" * 9 + "…"


@given(ANY_TEXT, st.integers(1, 50))
def test_whatever_was_said_the_line_is_short_printable_and_a_line(text: str, limit: int) -> None:
    shown = escape(text, limit)
    assert len(shown) <= limit
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
