"""What is odd about a shadow, and which shadows of a person overlap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from importer.kinds.shadow import ShadowRecord, check_shadow
from importer.normalizer.fields import Checks, Level

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
