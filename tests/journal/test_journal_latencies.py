"""Percentiles out of buckets are right to within a twentieth, from tenths of a millisecond to minutes."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.journal.states import bucket_of, percentile


@given(st.lists(st.floats(1.0001e-4, 600), min_size=1, max_size=50), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_a_percentile_is_within_a_twentieth_of_the_true_one(seconds: list[float], share: float) -> None:
    wanted = share * len(seconds)
    true = next(one for number, one in enumerate(sorted(seconds), 1) if number >= wanted)
    assert percentile(Counter(map(bucket_of, seconds)), share) == pytest.approx(true, rel=0.05)


def test_no_time_at_all_has_a_bucket_and_no_answers_have_no_percentile() -> None:
    assert bucket_of(0.0) == bucket_of(-1.0) == 0
    with pytest.raises(ValueError, match="no answers"):
        percentile({}, 0.5)
