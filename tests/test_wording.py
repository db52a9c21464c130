"""Counts and instants have one form in all messages and requests."""

from __future__ import annotations

from datetime import datetime

import pytest

from importer.wording import as_sentence, count_of, iso_utc


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1_234_567, "1,234,567 rows")],
)
def test_a_count_agrees_with_its_noun(number: int, text: str) -> None:
    assert count_of(number, "row") == text


def test_a_noun_can_bring_its_plural() -> None:
    assert [count_of(number, "entry", "entries") for number in (1, 2)] == ["1 entry", "2 entries"]


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
