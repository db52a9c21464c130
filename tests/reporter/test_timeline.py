"""A timeline is as short for a day as for a minute, and loses no request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.reporter.page_contents import Timeline, TimelineBar


@given(st.lists(st.tuples(st.integers(0, 100_000), st.integers(1, 60)), min_size=1, max_size=40))
def test_every_request_is_in_a_bar_and_there_are_never_more_than_120(ended: list[tuple[int, int]]) -> None:
    timeline = Timeline()
    for second, number in sorted(ended):
        timeline.add(second, TimelineBar(number, 0, number // 2), {}, 0.0)
    bars = list(timeline.bars())
    assert len(bars) <= 120
    assert timeline.total.requests == sum(number for _, number in ended)
    for second, _ in ended:
        assert any(start <= second < start + timeline.width and bar.requests for start, bar in bars)


def test_the_longest_answer_is_exact_and_no_percentile_is_beyond_it() -> None:
    timeline = Timeline()
    timeline.add(5, TimelineBar(100), {80: 99, 100: 1}, 0.6)
    known = timeline.latencies()
    assert list(known) == ["p50", "p90", "p99", "max"]
    assert known["max"] == 0.6
    assert known["p50"] == known["p99"] == pytest.approx(0.107, rel=0.01)
