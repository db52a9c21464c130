"""Rootly's overrides replace what they overlap; its calendar shows rotations, overrides and shadows, a little late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sandbox_truth import read_truth

from importer.records import TargetName

from .client import Client, Clock, assert_valid

if TYPE_CHECKING:
    from pathlib import Path

    from .client import Reply

pytestmark = pytest.mark.anyio

PAYMENTS = "a56d5989-eb30-481b-b7ab-f424fa655cd5"  # the name of a PagerDuty schedule, too
SPAN = "from=2026-01-06T00:00:00Z&to=2026-01-07T00:00:00Z"
OVERRIDE = {"user_id": 105, "starts_at": "2026-01-06T08:00:00Z", "ends_at": "2026-01-06T16:00:00Z"}


async def override(client: Client, schedule_id: str = PAYMENTS, **changed: object) -> Reply:
    body = {"data": {"type": "shifts", "attributes": OVERRIDE | changed}}
    return await client.rootly("POST", f"/v1/schedules/{schedule_id}/override_shifts", body)


async def shifts(client: Client, path: str = f"/v1/schedules/{PAYMENTS}/shifts?{SPAN}") -> list[dict[str, Any]]:
    answer = await client.rootly("GET", path)
    assert answer.status == 200, answer.body
    assert_valid(answer.json, "Rootlyshift_list")
    return [one["attributes"] for one in answer.json["data"]]


async def test_an_override_is_created_once_and_an_equal_one_is_answered_with_200(client: Client, state: Path) -> None:
    made, again = await override(client), await override(client)
    assert (made.status, again.status) == (201, 200)
    assert made.json["data"]["id"] == again.json["data"]["id"]
    assert made.json["data"]["attributes"]["starts_at"] == "2026-01-06T00:00:00.000-08:00"
    assert_valid(made.json, "Rootlyoverride_shift_response")
    (found,) = read_truth(state).objects
    assert found.target is TargetName.ROOTLY
    assert found.key == (PAYMENTS, 105, 1_767_686_400, 1_767_715_200)


async def test_overlapped_overrides_vanish_and_touching_ones_stay(client: Client) -> None:
    first = (await override(client)).json["data"]["id"]
    touching = (await override(client, starts_at="2026-01-06T16:00:00Z", ends_at="2026-01-06T20:00:00Z")).json
    elsewhere = (await override(client, "other")).json
    over = (await override(client, user_id=106, starts_at="2026-01-06T12:00:00Z")).json
    listed = await client.rootly("GET", f"/v1/schedules/{PAYMENTS}/override_shifts")
    assert_valid(listed.json, "Rootlyoverride_shift_list")
    assert [one["id"] for one in listed.json["data"]] == [over["data"]["id"], touching["data"]["id"]]
    assert (await client.rootly("GET", f"/v1/override_shifts/{first}")).status == 404
    assert (await client.rootly("GET", f"/v1/override_shifts/{elsewhere['data']['id']}")).status == 200


async def test_an_override_can_be_given_to_another_user_and_deleted(client: Client) -> None:
    path = f"/v1/override_shifts/{(await override(client)).json['data']['id']}"
    changed = await client.rootly("PUT", path, {"data": {"type": "shifts", "attributes": {"user_id": 107}}})
    assert changed.json["data"]["attributes"]["user_id"] == 107
    refused = await client.rootly("PUT", path, {"data": {"type": "shifts", "attributes": OVERRIDE}})
    assert refused.status == 422
    assert (await client.rootly("DELETE", path)).status == 200
    assert (await client.rootly("DELETE", path)).status == 404


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"user_id": "105"}, "user_id must be an integer"),
        ({"user_id": 422}, "no on-call seat"),
        ({"ends_at": "2026-01-06T08:00:00Z"}, "ends_at must be after starts_at"),
        ({"starts_at": "2026-01-06"}, "starts_at must be a date-time"),
        ({"rotation_id": "x"}, "is not an attribute that can be set here"),
    ],
)
async def test_an_invalid_override_is_refused(client: Client, changed: dict[str, Any], words: str) -> None:
    answer = await override(client, **changed)
    assert answer.status == 422
    assert words in answer.json["errors"][0]["detail"]


async def test_the_calendar_shows_what_was_created_after_a_delay(client: Client, clock: Clock) -> None:
    """Under an override the rotation is cut; a shadow stands beside both."""
    (base,) = await shifts(client)
    assert (base["is_override"], base["is_shadow"]) == (False, False)
    assert base["rotation_id"]
    await override(client)
    shadow = {"starts_at": "2026-01-06T09:00:00Z", "ends_at": "2026-01-06T10:00:00Z"}
    assert (await client.shadow(PAYMENTS, **shadow)).status == 201
    assert len(await shifts(client)) == 1
    clock.moment += 2
    found = await shifts(client)
    flags = [(one["is_override"], one["is_shadow"], one["user_id"]) for one in found]
    assert flags == [
        (False, False, base["user_id"]),
        (True, False, 105),
        (False, True, 102),
        (False, False, base["user_id"]),
    ]
    assert found[3]["starts_at"] == "2026-01-06T08:00:00.000-08:00"
    everywhere = await shifts(client, f"/v1/shifts?{SPAN}&user_ids[]=105&page[size]=1000")
    assert [one for one in everywhere if one["is_override"]] == [found[1]]
    assert await shifts(client, f"/v1/shifts?{SPAN}&schedule_ids[]=other") == []
