"""The stand-in for PagerDuty has the API's shapes and its traps; who is on call is checked by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from importer.sandbox.api.answers import Limits
from importer.sandbox.directory_file import TOKEN

from .client import PAGERDUTY_HEADERS, Client, Clock, assert_valid, plan, served

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

#: Which documented form an error has, by system and path.
ERROR_FORMS = {
    ("pagerduty", "/users"): "PagerDutyErrorResponse",
    ("pagerduty", "/v3/schedules"): "PagerDutyV3ErrorResponse",
    ("opsgenie", "/v2/schedules"): "OpsgenieErrorResponse",
}
WEEK = "since=2026-01-05T00:00:00Z&until=2026-01-12T00:00:00Z"  # of the clock's first Monday


def instants(entries: list[dict[str, Any]], start: str = "start", end: str = "end") -> list[tuple[str, str]]:
    return [(utc(one[start]), utc(one[end])) for one in entries]


def utc(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%d %H:%M")


async def test_every_answer_has_the_documented_shape(client: Client) -> None:
    async def get(path: str) -> Any:
        answer = await client.pagerduty(path)
        assert 200 <= answer.status < 300, (path, answer.body)
        return answer.json

    schedules = await get(f"/schedules?limit=100&{WEEK}&include[]=schedule_layers&include[]=final_schedule")
    assert_valid(schedules, "PagerDutyPagination")
    assert len(schedules["schedules"]) == 18
    for schedule in schedules["schedules"]:
        assert_valid(schedule, "PagerDutySchedule")
        whole = (await get(f"/schedules/{schedule['id']}?{WEEK}"))["schedule"]
        assert_valid(whole, "PagerDutySchedule")
        for override in (await get(f"/schedules/{schedule['id']}/overrides?{WEEK}"))["overrides"]:
            assert_valid(override, "PagerDutyOverride")
    for user in (await get("/users?limit=100"))["users"]:
        assert_valid(user, "PagerDutyUser")
    shifted = await get("/v3/schedules")
    assert len(shifted["schedules"]) == 6
    for reference in shifted["schedules"]:
        assert_valid(reference, "PagerDutyV3ScheduleReference")
        path = f"/v3/schedules/{reference['id']}"
        assert_valid(await get(f"{path}?{WEEK}&include[]=final_schedule"), "PagerDutyScheduleResponse")
        for rotation in (await get(f"{path}/rotations"))["rotations"]:
            assert_valid(rotation, "PagerDutyRotation")
        later = "since=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00Z"
        for override in (await get(f"{path}/overrides?{later}"))["overrides"]:
            assert_valid(override, "PagerDutyOverrideShift")
        for shift in (await get(f"{path}/custom_shifts?{later}"))["custom_shifts"]:
            assert_valid(shift, "PagerDutyCustomShift")


async def test_turns_change_at_the_same_local_time_all_year(client: Client) -> None:
    """Berlin, weekly since Monday 2025-01-06, 10:00 local time; three people, so that week 25 is Ben's."""
    span = "since=2025-06-25T00:00:00Z&until=2025-07-05T00:00:00Z&time_zone=Europe/Berlin"
    final = (await client.pagerduty(f"/schedules/PSCHED1?{span}")).json["schedule"]["final_schedule"]
    entries = final["rendered_schedule_entries"]
    assert [entry["user"]["summary"] for entry in entries] == ["Anna Berg", "Ben Osei"]
    assert [entry["start"] for entry in entries] == ["2025-06-25T02:00:00+02:00", "2025-06-30T10:00:00+02:00"]
    assert entries[-1]["end"] == "2025-07-05T02:00:00+02:00"  # cut at the end of the span


async def test_wall_clock_times_come_in_the_zone_of_the_request(client: Client) -> None:
    """The list's are in the zone of the key's user, in Los Angeles; nothing in a restriction says so."""
    listed = (await client.pagerduty("/schedules?query=checkout&include[]=schedule_layers")).json["schedules"]
    own = (await client.pagerduty("/schedules/PSCHED2?time_zone=America/New_York")).json["schedule"]
    starts = [one["schedule_layers"][0]["restrictions"][0]["start_time_of_day"] for one in (listed[0], own)]
    assert starts == ["17:00:00", "20:00:00"]
    weekend = "/schedules/PSCHED6?time_zone="
    shown = [
        (await client.pagerduty(weekend + zone)).json["schedule"]["schedule_layers"][0]["restrictions"][0]
        for zone in ("Australia/Sydney", "America/Los_Angeles")
    ]
    assert [(one["start_day_of_week"], one["start_time_of_day"]) for one in shown] == [(5, "18:00:00"), (4, "23:00:00")]


async def test_the_higher_layer_wins_over_midnight_and_the_lower_shows_through(client: Client) -> None:
    day = "since=2026-01-08T05:00:00Z&until=2026-01-09T05:00:00Z"  # Thursday in New York
    final = (await client.pagerduty(f"/schedules/PSCHED2?{day}")).json["schedule"]["final_schedule"]
    entries = final["rendered_schedule_entries"]
    assert instants(entries) == [("08 05:00", "08 13:00"), ("08 13:00", "09 01:00"), ("09 01:00", "09 05:00")]
    nights, days = {entries[0]["user"]["id"], entries[2]["user"]["id"]}, entries[1]["user"]["id"]
    assert len(nights) == 1
    assert days not in nights
    assert final["rendered_coverage_percentage"] == 100


async def test_overrides_are_merged_into_the_final_schedule_and_answered_with_201(client: Client) -> None:
    span = "since=2026-01-05T00:00:00Z&until=2026-01-09T00:00:00Z"
    assert (await client.pagerduty("/schedules/PSCHED1/overrides")).status == 400
    overrides = await client.pagerduty(f"/schedules/PSCHED1/overrides?{span}")
    assert overrides.status == 201
    assert [(one["user"]["summary"], utc(one["start"])) for one in overrides.json["overrides"]] == [
        ("Ines Köhler", "06 00:00"),
        ("Lena Novák", "08 08:00"),
    ]
    schedule = (await client.pagerduty(f"/schedules/PSCHED1?{span}")).json["schedule"]
    names = [entry["user"]["summary"] for entry in schedule["final_schedule"]["rendered_schedule_entries"]]
    assert "Ines Köhler" in names
    assert "Lena Novák" in names
    assert len(schedule["overrides_subschedule"]["rendered_schedule_entries"]) == 2


async def test_a_list_without_a_span_renders_nothing(client: Client) -> None:
    listed = (await client.pagerduty("/schedules?include[]=final_schedule")).json
    assert listed["more"] is False
    assert listed["total"] is None
    assert {len(one["final_schedule"]["rendered_schedule_entries"]) for one in listed["schedules"]} == {0}


async def test_a_deleted_user_stays_in_the_layer_and_is_in_no_list(client: Client) -> None:
    layer = (await client.pagerduty("/schedules/PSCHED4")).json["schedule"]["schedule_layers"][0]
    assert [bool(one["user"].get("deleted_at")) for one in layer["users"]] == [False, True, False]
    listed = (await client.pagerduty("/users?limit=100&total=true")).json
    assert listed["total"] == 12
    assert "Noor Haddad" not in str(listed)
    assert (await client.pagerduty("/users/PUSER13")).status == 404


async def test_a_schedule_is_in_one_of_the_two_lists_and_the_other_path_refuses_it(client: Client) -> None:
    assert (await client.pagerduty("/schedules/PSHIFT1")).status == 404
    assert (await client.pagerduty("/v3/schedules/PSCHED1")).status == 400
    assert (await client.pagerduty("/v3/schedules/PNONE00")).status == 404


async def test_shifts_count_occurrences_and_can_be_several_at_once_or_empty(client: Client) -> None:
    async def shifts(schedule_id: str) -> list[dict[str, Any]]:
        path = f"/v3/schedules/{schedule_id}?{WEEK}&include[]=final_schedule"
        final = (await client.pagerduty(path)).json["schedule"]["final_schedule"]
        found: list[dict[str, Any]] = final["computed_shift_assignments"]
        return found

    kubernetes = await shifts("PSHIFT1")  # five occurrences each, so a week each; overridden on Wednesday
    sources = [one["source"]["type"] for one in kubernetes]
    assert sources.count("schedule_rotation_override") == 1
    people = {one["member"]["user_id"] for one in kubernetes if one["source"]["type"] == "schedule_rotation"}
    assert len(people) == 1
    databases = await shifts("PSHIFT2")
    assert [one["member"]["type"] for one in databases].count("empty_member") in (1, 2)
    release = await shifts("PSHIFT3")  # both, every working day
    assert len(release) == 10
    assert instants(release, "start_time", "end_time")[:2] == [("05 09:00", "05 17:00")] * 2
    assert {one["member"]["user_id"] for one in release} == {"PUSER01", "PUSER03"}
    launch = await shifts("PSHIFT5")
    assert {one["source"]["type"] for one in launch} <= {"custom_shift"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": f"Bearer {TOKEN}"}, 401),
        ({"Authorization": "Token token=other"}, 401),
        ({"Accept": "application/json"}, 406),
    ],
)
async def test_token_and_version_are_checked(client: Client, headers: dict[str, str], status: int) -> None:
    answer = await client.pagerduty("/abilities", {**PAGERDUTY_HEADERS, **headers})
    assert answer.status == status
    assert answer.json["error"]["code"]


@pytest.mark.parametrize("query", ["offset=9950&limit=100", "offset=-1", "limit=0", "limit=x", "since=yesterday"])
async def test_what_cannot_be_answered_is_refused_in_the_documented_form(client: Client, query: str) -> None:
    of_shifts = "/v3/schedules/PSHIFT3" if query.startswith("since") else "/v3/schedules"
    for path, shape in (("/schedules", "ErrorResponse"), (of_shifts, "V3ErrorResponse")):
        answer = await client.pagerduty(f"{path}?{query}")
        assert answer.status == 400
        assert_valid(answer.json, f"PagerDuty{shape}")


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 429, 500, 503])
async def test_a_status_that_was_told_has_the_documented_form_of_each_system(
    state: Path, clock: Clock, status: int
) -> None:
    told = {"what": "status", "status": status, "when": "before"}
    faults = [{"target": target, "path": path, **told} for target, path in ERROR_FORMS]
    async with served(state, clock, faults=plan(*faults)) as client:
        for (target, path), shape in ERROR_FORMS.items():
            ask = client.pagerduty if target == "pagerduty" else client.opsgenie
            answer = await ask(path)
            assert answer.status == status
            assert_valid(answer.json, shape)
            assert "The sandbox was told" in answer.body.decode()


async def test_the_limit_is_reported_in_seconds_until_it_is_reset(state: Path, clock: Clock) -> None:
    async with served(state, clock, limits=Limits(pagerduty_per_minute=2)) as client:
        answers = [await client.pagerduty("/abilities") for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
        assert answers[2].headers["ratelimit-reset"] == "60"
        assert answers[2].json["error"]["code"] == 2020
        clock.moment += 60
        assert (await client.pagerduty("/abilities")).status == 200
