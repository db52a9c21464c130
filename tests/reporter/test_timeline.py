"""A timeline is as short for a day as for a minute, and loses no request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.journal.states import Tally
from importer.reporter.page_contents import Timeline


@given(st.lists(st.tuples(st.integers(0, 100_000), st.integers(1, 60)), min_size=1, max_size=40))
def test_every_request_is_in_a_bar_and_there_are_never_more_than_120(ended: list[tuple[int, int]]) -> None:
    timeline = Timeline()
    for second, number in sorted(ended):
        timeline.add(Tally(second, number, 0, number // 2))
    bars = timeline.bars
    assert len(bars) <= 120
    assert timeline.total.requests == sum(number for _, number in ended)
    for second, _ in ended:
        assert any(bar.second <= second < bar.second + timeline.width and bar.requests for bar in bars)


def test_the_longest_answer_is_exact_and_no_percentile_is_beyond_it() -> None:
    timeline = Timeline()
    timeline.add(Tally(5, 100, slowest=0.6, latencies={80: 99, 100: 1}))
    known = timeline.latencies()
    assert list(known) == ["p50", "p90", "p99", "max"]
    assert known["max"] == 0.6
    assert known["p50"] == known["p99"] == pytest.approx(0.107, rel=0.01)
