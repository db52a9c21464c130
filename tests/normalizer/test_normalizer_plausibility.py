"""What is odd about a shadow, and which shadows of a person overlap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.kinds.shadow import ShadowRecord, check_shadow
from importer.normalizer.fields import Checks, Level
from importer.normalizer.occurrences import overlaps

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def shadow(**values: object) -> ShadowRecord:
    start = values.get("starts_at", NOW + DAY)
    assert isinstance(start, datetime)
    fields: dict[str, object] = {
        "schedule_id": "primary-eu",
        "shadowable_type": "User",
        "shadowable_id": "101",
        "shadow_user_id": 112,
        "starts_at": start,
        "ends_at": start + DAY,
    }
    return ShadowRecord.model_validate(fields | values)


def found(record: ShadowRecord, now: datetime = NOW) -> list[tuple[str, str]]:
    return [(finding.check, finding.column) for finding in check_shadow(record, now)]


def test_a_shadow_as_it_should_be_has_no_finding() -> None:
    assert found(shadow()) == []


@pytest.mark.parametrize("shadowed", ["112", "00112"])
def test_a_user_who_shadows_the_same_user_is_found(shadowed: str) -> None:
    assert found(shadow(shadowable_id=shadowed)) == [("self_shadow", "shadow_user_id")]


def test_a_schedule_of_the_same_number_is_no_self() -> None:
    assert found(shadow(shadowable_type="Schedule", shadowable_id="112")) == []


def test_a_shift_is_past_when_it_is_over_and_not_while_it_runs() -> None:
    assert found(shadow(starts_at=NOW - DAY)) == [("past", "ends_at")]
    assert found(shadow(starts_at=NOW - DAY + timedelta(seconds=1))) == []


def test_a_shift_of_more_than_31_days_is_long_and_a_local_october_is_not() -> None:
    october = datetime(2027, 9, 30, 22, tzinfo=UTC), datetime(2027, 10, 31, 23, tzinfo=UTC)
    assert found(shadow(starts_at=october[0], ends_at=october[1])) == []
    assert found(shadow(ends_at=NOW + 33 * DAY)) == [("long", "ends_at")]
    assert found(shadow(starts_at=october[0], ends_at=october[1] + timedelta(seconds=1))) == [("long", "ends_at")]


def test_a_start_more_than_two_years_ahead_is_far() -> None:
    last = datetime(2028, 11, 20, 12, tzinfo=UTC)
    assert found(shadow(starts_at=last)) == []
    assert found(shadow(starts_at=last + timedelta(seconds=1))) == [("far", "starts_at")]
    leap_day = datetime(2028, 2, 29, tzinfo=UTC)
    assert found(shadow(starts_at=datetime(2030, 3, 1, tzinfo=UTC)), leap_day) == [("far", "starts_at")]


def test_all_that_is_odd_is_said_at_once_in_words_with_a_way_out() -> None:
    record = shadow(
        shadowable_id="112", starts_at=datetime(2020, 1, 1, tzinfo=UTC), ends_at=datetime(2020, 3, 1, tzinfo=UTC)
    )
    findings = list(check_shadow(record, NOW))
    assert [finding.check for finding in findings] == ["self_shadow", "past", "long"]
    assert all(finding.fault.reason and finding.fault.hint and finding.fault.topic for finding in findings)
    assert "60 days" in findings[2].fault.reason


def test_each_finding_is_named_like_the_level_that_decides_about_it() -> None:
    assert {
        finding.check for finding in check_shadow(shadow(shadowable_id="112", starts_at=NOW - 9 * DAY), NOW)
    } <= set(Checks.__dataclass_fields__)
    assert {Checks().level(check) for check in Checks.__dataclass_fields__} == {Level.WARNING}


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
