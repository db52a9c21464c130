"""Durations: what they come to in days and seconds, and why they come to nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.cells import Unreadable
from importer.normalizer.recurrence_text import Duration, read_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("8h", Duration(0, 8 * 3600)),
        ("8 H", Duration(0, 8 * 3600)),
        ("8 hours", Duration(0, 8 * 3600)),
        ("8hrs.", Duration(0, 8 * 3600)),
        ("PT8H", Duration(0, 8 * 3600)),
        ("pt8h", Duration(0, 8 * 3600)),
        ("08:00", Duration(0, 8 * 3600)),
        ("8:00", Duration(0, 8 * 3600)),
        ("08:00:00", Duration(0, 8 * 3600)),
        ("168:00:00", Duration(0, 168 * 3600)),
        ("24h", Duration(0, 24 * 3600)),
        ("90m", Duration(0, 5400)),
        ("90 min", Duration(0, 5400)),
        ("1h30m", Duration(0, 5400)),
        ("1 hour and 30 minutes", Duration(0, 5400)),
        ("1.5h", Duration(0, 5400)),
        ("1,5 h", Duration(0, 5400)),
        ("PT1.5H", Duration(0, 5400)),
        ("PT90M", Duration(0, 5400)),
        ("5400s", Duration(0, 5400)),
        ("1d", Duration(1, 0)),
        ("P1D", Duration(1, 0)),
        ("1 day", Duration(1, 0)),
        ("P1W", Duration(7, 0)),
        ("2 weeks", Duration(14, 0)),
        ("1wk 2d", Duration(9, 0)),
        ("1d 12h", Duration(1, 43_200)),
        ("1\u00a0d\u200b 12\u00a0h", Duration(1, 43_200)),
        ("P1DT12H", Duration(1, 43_200)),
        ("1 day, 12:00:00", Duration(1, 43_200)),
        ("1 days 12:00:00.5", Duration(1, 43_200)),
        ("1 day, 12 hours, and 5 min", Duration(1, 43_500)),
        ("1d 36h", Duration(1, 129_600)),
    ],
)
def test_a_duration_is_calendar_days_and_exact_seconds(text: str, duration: Duration) -> None:
    """A day is no 24 hours: over a change of the clock they end at different times."""
    assert read_duration(text) == duration


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("8", "duration without a unit"),
        ("0.33333", "duration without a unit"),
        ("0h", "duration of zero or less"),
        ("0:00", "duration of zero or less"),
        ("PT0S", "duration of zero or less"),
        ("-8h", "duration of zero or less"),
        ("-1:00:00", "duration of zero or less"),
        ("P1M", "duration in months or years"),
        ("1 month", "duration in months or years"),
        ("1M", "minutes or months"),
        ("1y", "duration in months or years"),
        ("0.5d", "duration with a part of a day"),
        ("1.5 weeks", "duration with a part of a day"),
        ("0.5s", "duration with parts of a second"),
        ("11y", "duration in months or years"),
        ("3661d", "duration longer than ten years"),
        ("99999:00", "duration longer than ten years"),
        ("999999999w", "duration longer than ten years"),
        ("", "no duration"),
        ("P", "no duration"),
        ("PT", "no duration"),
        ("P1DT", "no duration"),
        ("1.500h", "no duration"),
        ("1h30", "no duration"),
        ("30m 1h", "no duration"),
        ("8h 8h", "no duration"),
        ("8h 1:00", "no duration"),
        ("8 Stunden", "no duration"),
        ("1:60", "no duration"),
        ("08:00-16:00", "no duration"),
        ("\u0668h", "no duration"),
        ("9" * 100_000 + "h", "no duration"),
    ],
)
def test_what_is_no_sure_duration_is_told_why(text: str, topic: str) -> None:
    fault = read_duration(text)
    assert isinstance(fault, Unreadable)
    assert fault.topic == topic
    assert fault.reason
    assert fault.hint


@given(st.integers(0, 500), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_a_duration_written_in_any_form_reads_back(days: int, hours: int, minutes: int, seconds: int) -> None:
    texts = (
        f"P{days}DT{hours}H{minutes}M{seconds}S",
        f"{days}d {hours}h {minutes}m {seconds}s",
        f"{days} days, {hours} hours, {minutes} minutes and {seconds} seconds",
        f"{days} days, {hours}:{minutes:02}:{seconds:02}",
    )
    right = Duration(days, hours * 3600 + minutes * 60 + seconds)
    for text in texts:
        found = read_duration(text)
        assert found == right if any(right) else isinstance(found, Unreadable)


PIECES = st.sampled_from(
    ["1", "30", "999999999", ".", ",", " ", "and ", "h", "d", "m", "s", "w", "P", "T", ":", "-", "+"]
)


@given(st.text(st.characters(exclude_categories=[]), max_size=64) | st.lists(PIECES, max_size=12).map("".join))
def test_any_text_is_a_duration_or_a_fault(text: str) -> None:
    found = read_duration(text)
    if isinstance(found, Unreadable):
        assert found.reason
        assert found.topic
    else:
        assert found.days >= 0
        assert found.seconds >= 0
        assert any(found)
