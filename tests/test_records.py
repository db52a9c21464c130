"""The shared words: keys that make two records the same, ids that may stand in a URL, names of cells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from importer.kinds.schedule import ScheduleRecord
from importer.kinds.shadow import ShadowRecord
from importer.records import LARGEST_ID, Row
from importer.statuses import Status

SHADOW: dict[str, Any] = {
    "schedule_id": "sched-1",
    "shadowable_type": "User",
    "shadowable_id": "101",
    "shadow_user_id": 102,
    "starts_at": datetime(2026, 2, 20, 2, 12, 19, tzinfo=UTC),
    "ends_at": datetime(2026, 7, 20, 2, 12, 19, tzinfo=UTC),
}


def test_only_created_and_exists_are_successes() -> None:
    assert {status for status in Status if status.is_success} == {Status.CREATED, Status.EXISTS}


def test_a_row_of_a_report_is_found_where_it_stands_in_the_report() -> None:
    assert Row(7, ("a",)).place == 7
    assert Row(7, ("a",), line=3).place == 3


def test_a_schedule_is_the_same_as_another_by_provider_and_id() -> None:
    assert ScheduleRecord(third_party_provider="PAGER_DUTY", remote_id="00042").key == ("PAGER_DUTY", "00042")


@pytest.mark.parametrize(
    "values",
    [
        {"third_party_provider": "pagerduty", "remote_id": "P1"},
        {"third_party_provider": "PAGER_DUTY", "remote_id": ""},
        {"third_party_provider": "PAGER_DUTY", "remote_id": "x" * 256},
        {"third_party_provider": "PAGER_DUTY", "remote_id": 42},
        {"third_party_provider": "PAGER_DUTY", "remote_id": "P1", "name": "x"},
    ],
)
def test_a_schedule_has_a_known_provider_and_a_text_for_an_id(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ScheduleRecord(**values)


def test_a_shadow_is_the_same_as_another_by_all_its_values_and_its_instants() -> None:
    assert ShadowRecord(**SHADOW).key == ("sched-1", "User", "101", 102, 1_771_553_539, 1_784_513_539)
    moved = SHADOW["starts_at"].astimezone(timezone(timedelta(hours=-8)))
    assert ShadowRecord(**{**SHADOW, "starts_at": moved}).key == ShadowRecord(**SHADOW).key


@pytest.mark.parametrize(
    "changed",
    [
        {"schedule_id": "sched-2"},
        {"shadowable_type": "Schedule"},
        {"shadowable_id": "1010"},
        {"shadow_user_id": 103},
        {"starts_at": datetime(2026, 2, 20, 2, 12, 20, tzinfo=UTC)},
        {"ends_at": datetime(2026, 7, 20, 2, 12, 20, tzinfo=UTC)},
    ],
)
def test_a_shadow_with_any_other_value_is_another_one(changed: dict[str, Any]) -> None:
    assert ShadowRecord(**{**SHADOW, **changed}).key != ShadowRecord(**SHADOW).key


@pytest.mark.parametrize("name", ["schedule_id", "shadowable_id"])
@pytest.mark.parametrize(
    "id_", ["", ".", "..", "../../users", "a/b", "a%2fb", "a b", "a\n", "é", "-a", "_a", "a" * 129, "a?b", "a#b"]
)
def test_an_id_that_could_climb_a_path_is_no_id(name: str, id_: str) -> None:
    with pytest.raises(ValidationError):
        ShadowRecord(**{**SHADOW, name: id_})


@pytest.mark.parametrize("user_id", [0, -1, LARGEST_ID + 1, "102", 102.0, True])
def test_a_users_id_is_a_whole_number_that_json_can_carry(user_id: object) -> None:
    with pytest.raises(ValidationError):
        ShadowRecord(**{**SHADOW, "shadow_user_id": user_id})


def test_the_largest_user_id_is_taken() -> None:
    assert ShadowRecord(**{**SHADOW, "shadow_user_id": LARGEST_ID}).shadow_user_id == 2**64 - 1


def test_records_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        setattr(ShadowRecord(**SHADOW), "schedule_id", "other")  # noqa: B010  (mypy knows that it is read-only)
