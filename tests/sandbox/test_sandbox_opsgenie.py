"""The stand-in for Opsgenie has the API's shapes and its traps; who is on call is checked by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from importer.sandbox.api.answers import Limits
from importer.sandbox.directory_file import TEAM_TOKEN

from .client import Client, Clock, assert_valid, served

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

TEAM_HEADERS = {"Authorization": f"GenieKey {TEAM_TOKEN}"}
SECURITY = "0c000000-0000-4000-8000-000000000001"


async def schedules(client: Client) -> dict[str, dict[str, Any]]:
    listed = (await client.opsgenie("/v2/schedules?expand=rotation")).json["data"]
    return {one["name"]: one for one in listed}


async def timeline(client: Client, schedule_id: str, date: str, days: int = 1, **more: str) -> dict[str, Any]:
    query = "&".join(f"{name}={value}" for name, value in more.items())
    path = f"/v2/schedules/{schedule_id}/timeline?date={date}&interval={days}&intervalUnit=days&{query}"
    answer = await client.opsgenie(path)
    assert answer.status == 200, answer.body
    assert_valid(answer.json, "OpsgenieGetScheduleTimelineResponse")
    found: dict[str, Any] = answer.json["data"]
    return found


def periods(data: dict[str, Any], rotation: str, name: str = "finalTimeline") -> list[tuple[str, str, str, str]]:
    """Give type, start, end and name of all periods of a rotation."""
    found = next(one for one in data[name]["rotations"] if one["name"] == rotation)["periods"]
    return [
        (one["type"], one["startDate"][8:16], one["endDate"][8:16], one["recipient"].get("name", "")) for one in found
    ]


async def test_every_answer_has_the_documented_shape(client: Client, clock: Clock) -> None:
    shapes = {
        "/v2/schedules": "ListSchedulesResponse",
        "/v2/schedules?expand=rotation": "ListSchedulesResponse",
        f"/v2/schedules/{SECURITY}?identifierType=id": "GetScheduleResponse",
        "/v2/schedules/Security%20primary?identifierType=name": "GetScheduleResponse",
        f"/v2/schedules/{SECURITY}/rotations": "ListScheduleRotationsResponse",
        f"/v2/schedules/{SECURITY}/overrides?scheduleIdentifierType=id": "ListScheduleOverrideResponse",
        f"/v2/schedules/{SECURITY}/on-calls?flat=true": "GetOnCallResponse",
        "/v2/users?limit=100": "ListUsersResponse",
        "/v2/users/anna.berg@example.com": "GetUserResponse",
        "/v2/teams": "ListTeamsResponse",
        "/v2/teams/Payments?identifierType=name": "GetTeamResponse",
        "/v2/forwarding-rules": "ListForwardingRulesResponse",
        "/v2/account": "GetAccountInfoResponse",
        "/v2/request-limits/": "RequestLimitsResponse",
    }
    for path, shape in shapes.items():
        clock.moment += 1  # within the limits
        answer = await client.opsgenie(path)
        assert answer.status == 200, path
        assert_valid(answer.json, f"Opsgenie{shape}")
    missing = await client.opsgenie("/v2/schedules/none")
    assert missing.status == 404
    assert_valid(missing.json, "OpsgenieErrorResponse")


async def test_rotations_are_only_there_where_they_are_asked_for(client: Client) -> None:
    plain = (await client.opsgenie("/v2/schedules")).json["data"]
    assert {len(one["rotations"]) for one in plain} == {0}
    expanded = await schedules(client)
    assert len(expanded) == 16
    assert expanded["Platform_schedule"]["rotations"] == []  # really has none
    assert expanded["Retired"]["enabled"] is False
    assert "endDate" in expanded["Edited"]["rotations"][0]


async def test_rotations_are_concurrent_and_restricted_over_midnight(client: Client) -> None:
    """London in winter, weekly turns since Monday 2025-01-06; nothing is overridden on this day."""
    data = await timeline(client, SECURITY, "2026-01-08T00:00:00Z", 1)
    assert [(kind, start, end) for kind, start, end, _ in periods(data, "Days")] == [
        ("default", "08T08:00", "08T20:00")
    ]
    nights = periods(data, "Nights")
    assert [(start, end) for _, start, end, _ in nights] == [("08T00:00", "08T08:00"), ("08T20:00", "09T00:00")]
    assert periods(data, "Escalation") == [("default", "08T00:00", "09T00:00", "dmitri.volkov@example.com")]


async def test_an_override_of_one_rotation_leaves_the_others(client: Client, clock: Clock) -> None:
    day = "2026-01-06T00:00:00Z"  # the clock is in the week before
    data = await timeline(client, SECURITY, day, expand="base,override,forwarding")
    assert ("override", "06T08:00", "06T18:00", "ines.kohler@example.com") in periods(data, "Days")
    assert ("default", "06T18:00", "06T20:00") in [one[:3] for one in periods(data, "Days")]
    assert periods(data, "Days", "baseTimeline")[0][:3] == ("default", "06T08:00", "06T20:00")
    assert len(periods(data, "Days", "overrideTimeline")) == 1
    assert {kind for kind, *_ in periods(data, "Nights")} == {"default"}


async def test_a_forwarding_rule_shows_in_timelines_only(client: Client) -> None:
    data = await timeline(client, SECURITY, "2026-01-11T00:00:00Z", 1)
    assert periods(data, "Escalation") == [("forwarding", "11T00:00", "12T00:00", "lena.novak@example.com")]
    data = await timeline(client, SECURITY, "2026-01-13T00:00:00Z", 2)
    found = periods(data, "Escalation")
    assert [one[0] for one in found] == ["forwarding", "default"]


async def test_participants_can_be_a_team_or_nobody(client: Client) -> None:
    known = await schedules(client)
    team = await timeline(client, known["Team duty"]["id"], "2026-01-06T00:00:00Z")
    period = team["finalTimeline"]["rotations"][0]["periods"][0]
    assert period["recipient"]["type"] == "team"
    assert len(period["flattenedRecipients"]) == 2
    gaps = await timeline(client, known["Every other week"]["id"], "2026-01-05T12:00:00Z", 14)
    types = [one["recipient"]["type"] for one in gaps["finalTimeline"]["rotations"][0]["periods"]]
    assert sorted(set(types)) == ["none", "user"]


async def test_overrides_of_all_times_are_listed(client: Client) -> None:
    listed = (await client.opsgenie(f"/v2/schedules/{SECURITY}/overrides")).json["data"]
    assert [one["alias"] for one in listed] == ["vacation", "long-ago", "far-future"]
    assert listed[2]["startDate"] == "3025-01-01T00:00:00Z"
    assert listed[0]["rotations"][0]["name"] == "Days"
    assert listed[1]["rotations"] == []


async def test_a_teams_key_sees_its_team_only(client: Client) -> None:
    listed = (await client.opsgenie("/v2/schedules", TEAM_HEADERS)).json["data"]
    assert 0 < len(listed) < 16
    refused = await client.opsgenie(f"/v2/schedules/{SECURITY}/timeline", TEAM_HEADERS)
    assert (refused.status, refused.json["code"]) == (403, 40301)
    assert (await client.opsgenie("/v2/request-limits/", TEAM_HEADERS)).status == 403
    assert (await client.opsgenie("/v2/schedules", {"Authorization": "GenieKey other"})).status == 401


async def test_users_come_in_pages_with_links_to_the_same_host(client: Client) -> None:
    first = (await client.opsgenie("/v2/users?limit=5")).json
    assert (len(first["data"]), first["totalCount"]) == (5, 12)
    assert first["paging"]["next"] == f"{client.address.opsgenie}/v2/users?limit=5&offset=5"
    last = (await client.opsgenie("/v2/users?limit=5&offset=10")).json
    assert len(last["data"]) == 2
    assert "next" not in last["paging"]
    assert (await client.opsgenie("/v2/users?limit=101")).status == 422


async def test_each_domain_has_a_limit_of_its_own(state: Path, clock: Clock) -> None:
    async with served(state, clock, limits=Limits(opsgenie_per_second=2)) as client:
        answers = [await client.opsgenie("/v2/schedules") for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert answers[0].headers["X-RateLimit-State"] == "OK"
        assert answers[2].headers["X-RateLimit-State"] == "THROTTLED"
        assert answers[2].headers["X-RateLimit-Period-In-Sec"] == "1"
        assert (await client.opsgenie("/v2/users")).status == 200
