"""Spans of one person that overlap: each is named once, with one that it overlaps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from importer.planning.overlaps import overlaps

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_a_span_is_named_once_with_one_it_overlaps() -> None:
    spans = [
        ("ann", *_hours(0, 100), 1),
        ("ann", *_hours(1, 2), 2),
        ("ann", *_hours(3, 4), 3),
        ("ann", *_hours(100, 101), 4),
    ]
    assert list(overlaps(spans)) == [(2, 1), (3, 1)]


def test_spans_that_touch_and_spans_of_others_do_not_overlap() -> None:
    assert list(overlaps([("ann", *_hours(0, 8), 1), ("ann", *_hours(8, 16), 2), ("bob", *_hours(0, 16), 3)])) == []


@given(
    st.lists(st.tuples(st.sampled_from(["ann", "bob"]), st.integers(0, 20), st.integers(1, 10)), max_size=25).map(
        sorted
    )
)
def test_exactly_the_spans_that_overlap_an_earlier_one_are_named(drawn: list[tuple[str, int, int]]) -> None:
    spans = [(person, *_hours(start, start + length), index) for index, (person, start, length) in enumerate(drawn)]
    pairs = list(overlaps(spans))
    expected = set()
    for _, group in groupby(spans, key=lambda span: span[0]):
        own = list(group)
        expected |= {later[3] for place, later in enumerate(own) for earlier in own[:place] if later[1] < earlier[2]}
    assert {later for later, _ in pairs} == expected
    assert len(pairs) == len(expected)
    for later, earlier in pairs:
        assert spans[later][0] == spans[earlier][0]
        assert spans[earlier][1] < spans[later][2]
        assert spans[later][1] < spans[earlier][2]


def _hours(start: int, end: int) -> tuple[datetime, datetime]:
    return NOW + timedelta(hours=start), NOW + timedelta(hours=end)
