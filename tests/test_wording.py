"""Foreign text fits on one line and steers nothing; counts and instants have one form in all messages and requests."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.wording import as_sentence, count_of, escape, has_control, iso_utc, keep_end, list_first, quote

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


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("PI7DH85", '"PI7DH85"'),
        ("\x1b[31mred\x07", r'"\x1b[31mred\x07"'),
        ("a\u202eb\u2028c\u200b", r'"a\u202eb\u2028c\u200b"'),
        ("one\ntwo\t\x85", r'"one\ntwo\t\x85"'),
        ("a\u00a0b", r'"a\xa0b"'),
        ("\ud800", r'"\ud800"'),
        ("Zoë 東京", '"Zoë 東京"'),
        ("x" * 80, f'"{"x" * 80}"'),
        ("x" * 81, f'"{"x" * 79}…"'),
    ],
)
def test_a_value_is_quoted_so_that_it_cannot_steer_a_terminal(text: str, quoted: str) -> None:
    assert quote(text) == quoted


def test_control_characters_are_told_from_letters_of_any_script() -> None:
    assert not any(map(has_control, ["", "a b", "é", "東京", "a\u00a0b", "a\u200bb", "👩‍💻"]))
    assert all(map(has_control, ["\x00", "a\x7f", "\x9b", "\u202e", "\u2066", "\u2029", "\udfff"]))


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1_234_567, "1,234,567 rows")],
)
def test_a_count_agrees_with_its_noun(number: int, text: str) -> None:
    assert count_of(number, "row") == text


def test_a_noun_can_bring_its_plural() -> None:
    assert [count_of(number, "entry", "entries") for number in (1, 2)] == ["1 entry", "2 entries"]


def test_a_long_list_says_how_many_more_there_are() -> None:
    assert [list_first(["a", "b", "c"], most) for most in (1, 2, 3)] == ["a and 2 more", "a, b and 1 more", "a, b, c"]
    assert list_first(["a"], 1, 1_235) == "a and 1,234 more"
    assert list_first([], 1) == ""


def test_a_long_path_keeps_the_end_that_identifies_it() -> None:
    assert [keep_end("teams/rota.csv", limit) for limit in (14, 9)] == ["teams/rota.csv", "…rota.csv"]


@pytest.mark.parametrize(
    "instant", [1_805_842_200, 1_805_842_200.9, datetime.fromisoformat("2027-03-24T00:50:00.5+02:00")]
)
def test_an_instant_is_written_in_utc_with_whole_seconds(instant: float | datetime) -> None:
    assert iso_utc(instant) == "2027-03-23T22:50:00Z"


@pytest.mark.parametrize(
    ("clause", "sentence"),
    [
        ("", ""),
        ("write an id", "Write an id."),
        ("Is it right?", "Is it right?"),
        ("starts_at is empty", "starts_at is empty."),
    ],
)
def test_a_clause_becomes_a_sentence_and_a_header_stays_as_it_is(clause: str, sentence: str) -> None:
    assert as_sentence(clause) == sentence
