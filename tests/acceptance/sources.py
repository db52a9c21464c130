"""Sources to run: good rows, as many as wanted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_NOON = datetime(2027, 5, 3, 12, tzinfo=UTC)
SCHEDULE_HEADER = ["third_party_provider", "remote_id"]
SHADOW_HEADER = ["schedule_id", "shadowable_type", "shadowable_id", "shadow_user_id", "starts_at", "ends_at", "note"]


def schedules(number: int, *, first: int = 1) -> list[list[str]]:
    """Give a header and so many schedules, each another one."""
    return [SCHEDULE_HEADER, *(["PAGER_DUTY", f"P{first + index:06}"] for index in range(number))]


def shadows(number: int) -> list[list[str]]:
    """Give a header and so many shadows over three schedules, each another one."""
    return [SHADOW_HEADER, *map(_shadow, range(number))]


def _shadow(index: int) -> list[str]:
    start = _NOON + timedelta(days=index)
    end = start + timedelta(hours=8)
    times = [start.strftime("%Y-%m-%dT%H:%M:%SZ"), end.strftime("%Y-%m-%dT%H:%M:%SZ")]
    return [f"schedule-{index % 3}", "User", "101", "112", *times, f"shift {index}"]
