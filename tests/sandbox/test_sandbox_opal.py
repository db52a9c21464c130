"""The stand-in for Opal answers as Opal's document and the facts beyond it tell."""

from __future__ import annotations

from io import BytesIO
from uuid import UUID

import pytest

from .client import OPAL_HEADERS, Client

pytestmark = pytest.mark.anyio

UNKNOWN = "5c0e9a4e-7f7c-4f0e-9d43-1c6a0f6f2b11"  # a well-formed id that nothing has

PAIR = {"third_party_provider": "PAGER_DUTY", "remote_id": "PNZNINN"}
INTEGRATIONS = "7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1d04"
PLATFORM = "7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1d02"


async def create(client: Client, remote_id: str = "PNZNINN", provider: str = "PAGER_DUTY") -> str:
    body = {"third_party_provider": provider, "remote_id": remote_id}
    reply = await client.opal("POST", "/on-call-schedules", body)
    assert reply.status == 200
    return str(reply.json["on_call_schedule_id"])


@pytest.mark.parametrize("provider", ["PAGER_DUTY", "OPSGENIE"])
async def test_a_created_schedule_is_answered_with_200_an_id_and_a_name(client: Client, provider: str) -> None:
    body = {"third_party_provider": provider, "remote_id": "PNZNINN"}
    reply = await client.opal("POST", "/on-call-schedules", body)
    assert (reply.status, reply.media_type) == (200, "application/json")
    assert set(reply.json) == {"on_call_schedule_id", "third_party_provider", "remote_id", "name"}
    assert UUID(reply.json["on_call_schedule_id"]).version == 4
    assert {name: reply.json[name] for name in body} == body
    assert reply.json["name"]


@pytest.mark.parametrize("remote_id", ["00042", "ü 漢字 \U0001f600", "a'b\"c\\d", "a\x00b\n", "x" * 255])
async def test_any_remote_id_comes_back_unchanged(client: Client, remote_id: str) -> None:
    schedule_id = await create(client, remote_id)
    assert (await client.opal("GET", f"/on-call-schedules/{schedule_id}")).json["remote_id"] == remote_id


async def test_a_second_post_of_a_pair_makes_a_second_schedule(client: Client) -> None:
    made = [await create(client), await create(client)]
    listed = (await client.opal("GET", "/on-call-schedules")).json["on_call_schedules"]
    assert [each["on_call_schedule_id"] for each in listed] == made


async def test_the_list_has_everything_at_once(client: Client) -> None:
    assert (await client.opal("GET", "/on-call-schedules")).json == {"on_call_schedules": []}
    made = {await create(client, f"P{number:06}") for number in range(60)}
    reply = await client.opal("GET", "/on-call-schedules")
    assert set(reply.json) == {"on_call_schedules"}
    assert {each["on_call_schedule_id"] for each in reply.json["on_call_schedules"]} == made


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (None, "object"),
        (b"{", "object"),
        (b"\xff", "object"),
        ([PAIR], "object"),
        ({}, "remote_id"),
        ({"remote_id": "P1"}, "third_party_provider"),
        ({"third_party_provider": "PAGER_DUTY"}, "remote_id"),
        (PAIR | {"name": "Primary"}, "name"),
        (PAIR | {"third_party_provider": "pager_duty"}, "OPSGENIE"),
        (PAIR | {"third_party_provider": ["PAGER_DUTY"]}, "a list"),
        (PAIR | {"remote_id": ""}, "remote_id"),
        (PAIR | {"remote_id": "  "}, "remote_id"),
        (PAIR | {"remote_id": 42}, "42"),
        (PAIR | {"remote_id": None}, "remote_id"),
    ],
)
async def test_a_body_that_is_no_pair_is_refused_in_words_and_makes_nothing(
    client: Client, body: object, word: str
) -> None:
    reply = await client.opal("POST", "/on-call-schedules", body)
    assert (reply.status, set(reply.json)) == (400, {"Message"})
    assert word in reply.json["Message"]
    assert (await client.opal("GET", "/on-call-schedules")).json == {"on_call_schedules": []}


@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer wrong", "Basic sandbox-token", "sandbox-token"])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/on-call-schedules"), ("POST", "/on-call-schedules"), ("GET", "/x")]
)
async def test_without_its_token_every_request_is_refused(
    client: Client, authorization: str | None, method: str, path: str
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    reply = await client.opal(method, path, PAIR if method == "POST" else None, headers=headers)
    assert (reply.status, set(reply.json)) == (401, {"Message"})


@pytest.mark.parametrize(("remote_id", "status"), [("SANDBOX-404", 404), ("SANDBOX-422", 422)])
async def test_a_reserved_remote_id_fails(client: Client, remote_id: str, status: int) -> None:
    reply = await client.opal("POST", "/on-call-schedules", PAIR | {"remote_id": remote_id})
    assert (reply.status, set(reply.json)) == (status, {"Message"})
    assert (await client.opal("GET", "/on-call-schedules")).json == {"on_call_schedules": []}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/on-call-schedules/{UNKNOWN}"),
        ("GET", "/on-call-schedules/no-uuid"),
        ("PUT", "/on-call-schedules"),
        ("DELETE", f"/on-call-schedules/{UNKNOWN}"),
        ("GET", "/nothing"),
        ("GET", f"/groups/{UNKNOWN}/on-call-schedules"),
        ("PUT", f"/groups/{UNKNOWN}/on-call-schedules"),
    ],
)
async def test_what_is_not_there_is_404_with_a_message(client: Client, method: str, path: str) -> None:
    reply = await client.opal(method, path)
    assert (reply.status, set(reply.json)) == (404, {"Message"})


async def test_a_body_above_a_mebibyte_is_413_with_a_message(client: Client) -> None:
    body = BytesIO(b" " * 1_048_577)
    reply = await client.opal("POST", "/on-call-schedules", body)
    assert (reply.status, set(reply.json)) == (413, {"Message"})


async def test_groups_are_paged_by_a_cursor(client: Client) -> None:
    everything = (await client.opal("GET", "/groups")).json
    assert (everything["next"], everything["previous"]) == (None, None)
    found, cursor = [], None
    while True:
        page = (await client.opal("GET", "/groups?page_size=3" + (f"&cursor={cursor}" if cursor else ""))).json
        assert page["previous"] == cursor
        found += page["results"]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == everything["results"]
    assert len(found) == 4


async def test_a_group_says_what_opal_says_of_one(client: Client) -> None:
    reply = await client.opal("GET", "/groups?group_name=Platform%20Operators")
    (group,) = reply.json["results"]
    assert (group["group_id"], group["name"], group["group_type"]) == (PLATFORM, "Platform Operators", "OPAL_GROUP")


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("group_name=platform", []),
        ("group_type_filter=PAGERDUTY_ON_CALL_SCHEDULE", [INTEGRATIONS]),
        (f"group_ids={INTEGRATIONS.upper()},{PLATFORM}", [PLATFORM, INTEGRATIONS]),
    ],
)
async def test_groups_are_filtered(client: Client, query: str, ids: list[str]) -> None:
    reply = await client.opal("GET", f"/groups?{query}")
    assert [each["group_id"] for each in reply.json["results"]] == ids


@pytest.mark.parametrize(
    "query",
    ["page_size=0", "page_size=1001", "page_size=x", "page_size=-1", "cursor=x", "cursor=Zz0x%C3%A9", "group_ids=x"],
)
async def test_a_question_about_groups_that_cannot_be_is_400(client: Client, query: str) -> None:
    reply = await client.opal("GET", f"/groups?{query}")
    assert (reply.status, set(reply.json)) == (400, {"Message"})


async def test_put_replaces_the_schedules_of_a_group(client: Client) -> None:
    made = [await create(client, f"P{number}") for number in range(3)]
    path = f"/groups/{PLATFORM}/on-call-schedules"
    for ids in ([made[0], made[2]], [made[1], made[0], made[1]], []):
        reply = await client.opal("PUT", path, {"on_call_schedule_ids": ids})
        assert (reply.status, reply.json) == (200, list(dict.fromkeys(ids)))
        attached = (await client.opal("GET", path)).json["on_call_schedules"]
        assert [each["on_call_schedule_id"] for each in attached] == reply.json


@pytest.mark.parametrize("ids", [[UNKNOWN], [1], "x", None])
async def test_put_of_what_is_no_schedule_changes_nothing(client: Client, ids: object) -> None:
    path = f"/groups/{PLATFORM}/on-call-schedules"
    await client.opal("PUT", path, {"on_call_schedule_ids": [await create(client)]})
    before = (await client.opal("GET", path)).json
    reply = await client.opal("PUT", path, {"on_call_schedule_ids": ids})
    assert (reply.status, set(reply.json)) == (400, {"Message"})
    assert (await client.opal("GET", path)).json == before


async def test_a_group_that_mirrors_a_provider_refuses_schedules(client: Client) -> None:
    path = f"/groups/{INTEGRATIONS}/on-call-schedules"
    reply = await client.opal("PUT", path, {"on_call_schedule_ids": []})
    assert reply.status == 400
    assert "PAGERDUTY_ON_CALL_SCHEDULE" in reply.json["Message"]
    assert (await client.opal("GET", path)).json == {"on_call_schedules": []}


async def test_no_header_tells_of_opals_limits(client: Client) -> None:
    reply = await client.opal("GET", "/on-call-schedules", headers=OPAL_HEADERS)
    assert not [name for name in reply.headers if name.lower().startswith(("x-ratelimit", "retry-after"))]
