"""Shadows are made, listed page by page, changed and ended as Rootly does it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from .client import SHADOW, Client, Clock

pytestmark = pytest.mark.anyio

LIST = "/v1/schedules/primary/on_call_shadows"


def without(name: str) -> dict[str, object]:
    return {attribute: value for attribute, value in SHADOW.items() if attribute != name}


def document(attributes: object, **more: object) -> dict[str, object]:
    return {"data": {"type": "on_call_shadows", "attributes": attributes} | more}


def at(clock: Clock, hours: float) -> str:
    return (datetime.fromtimestamp(clock.moment, UTC) + timedelta(hours=hours)).isoformat()


async def test_a_created_shadow_is_answered_with_201_an_id_and_what_was_sent(client: Client, clock: Clock) -> None:
    reply = await client.shadow()
    data = reply.json["data"]
    assert (reply.status, set(data), data["type"]) == (201, {"id", "type", "attributes"}, "on_call_shadows")
    assert UUID(data["id"])
    assert data["attributes"] == {
        "schedule_id": "primary",
        "shadowable_type": "User",
        "shadowable_id": "101",
        "shadow_user_id": 102,
        "starts_at": "2026-02-19T18:12:19.680-08:00",
        "ends_at": "2026-07-19T19:12:19.000-07:00",
        "created_at": "2026-01-01T04:00:00.000-08:00",
        "updated_at": "2026-01-01T04:00:00.000-08:00",
    }
    assert (await client.rootly("GET", f"/v1/on_call_shadows/{data['id']}")).json == reply.json
    assert (await client.rootly("GET", LIST)).json["data"] == [data]


async def test_two_equal_posts_make_two_shadows(client: Client) -> None:
    first, second = await client.shadow(), await client.shadow()
    assert first.json["data"]["id"] != second.json["data"]["id"]
    assert (await client.rootly("GET", LIST)).json["meta"]["total_count"] == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"shadow_user_id": 1},
        {"shadow_user_id": 2**64 - 1},
        {"shadowable_type": "Schedule", "shadowable_id": "c1d6a0f4-58f4-4b0b-9c36-0a7d5e2b3f01"},
        {"shadowable_id": "00042"},
        {"shadowable_id": "x" * 128},
    ],
)
async def test_any_well_formed_id_is_taken_and_echoed(client: Client, changed: dict[str, object]) -> None:
    reply = await client.shadow(**changed)
    assert reply.status == 201
    assert {name: reply.json["data"]["attributes"][name] for name in changed} == changed


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        (None, ["/data"]),
        (b"{", ["/data"]),
        ([], ["/data"]),
        ({"data": []}, ["/data"]),
        (document(SHADOW, type="shadows"), ["/data/type"]),
        ({"data": {"attributes": SHADOW}}, ["/data/type"]),
        (document([]), ["/data/attributes"]),
        (document({}), [f"/data/attributes/{name}" for name in sorted(SHADOW)]),
        *[(document(without(name)), [f"/data/attributes/{name}"]) for name in SHADOW],
        *[(document(SHADOW | {name: None}), [f"/data/attributes/{name}"]) for name in SHADOW],
        (document(SHADOW | {"schedule_id": "primary"}), ["/data/attributes/schedule_id"]),
        (document(SHADOW | {"a/b~c": 1}), ["/data/attributes/a~1b~0c"]),
        (document(SHADOW | {"shadowable_type": "user"}), ["/data/attributes/shadowable_type"]),
        (document(SHADOW | {"shadowable_type": ["User"]}), ["/data/attributes/shadowable_type"]),
        (document(SHADOW | {"shadowable_id": 101}), ["/data/attributes/shadowable_id"]),
        (document(SHADOW | {"shadowable_id": ""}), ["/data/attributes/shadowable_id"]),
        (document(SHADOW | {"shadowable_id": "../x"}), ["/data/attributes/shadowable_id"]),
        (document(SHADOW | {"shadow_user_id": "102"}), ["/data/attributes/shadow_user_id"]),
        (document(SHADOW | {"shadow_user_id": True}), ["/data/attributes/shadow_user_id"]),
        (document(SHADOW | {"shadow_user_id": 102.0}), ["/data/attributes/shadow_user_id"]),
        (document(SHADOW | {"shadow_user_id": 0}), ["/data/attributes/shadow_user_id"]),
        (document(SHADOW | {"starts_at": "2026-02-20T02:12:19"}), ["/data/attributes/starts_at"]),
        (document(SHADOW | {"starts_at": "2026-02-20"}), ["/data/attributes/starts_at"]),
        (document(SHADOW | {"starts_at": "tomorrow"}), ["/data/attributes/starts_at"]),
        (document(SHADOW | {"ends_at": 1785000000}), ["/data/attributes/ends_at"]),
        (document(SHADOW | {"ends_at": SHADOW["starts_at"]}), ["/data/attributes/ends_at"]),
        (document(SHADOW | {"ends_at": "2026-02-20T03:12:19+02:00"}), ["/data/attributes/ends_at"]),
        (
            document(SHADOW | {"shadow_user_id": "x", "starts_at": "x"}),
            ["/data/attributes/shadow_user_id", "/data/attributes/starts_at"],
        ),
    ],
)
async def test_a_body_that_is_no_shadow_is_422_with_a_pointer_for_each_thing_wrong(
    client: Client, body: object, pointers: list[str]
) -> None:
    reply = await client.rootly("POST", LIST, body)
    assert reply.status == 422
    assert [error["source"]["pointer"] for error in reply.json["errors"]] == pointers
    for error in reply.json["errors"]:
        assert error["status"] == "422"
        assert error["title"]
        assert error["detail"]
    assert (await client.rootly("GET", LIST)).json["data"] == []


@pytest.mark.parametrize(
    ("method", "schedule_id", "changed", "status"),
    [
        ("POST", "sandbox-404", {}, 404),
        ("GET", "sandbox-404", {}, 404),
        ("POST", "sandbox-422", {}, 422),
        ("GET", "sandbox-422", {}, 200),
        ("POST", "primary", {"shadow_user_id": 422}, 422),
        ("POST", "primary", {"shadowable_id": "422"}, 201),
        ("POST", "a.b", {}, 404),
        ("GET", "%2e%2e%2fusers", {}, 404),
        ("POST", "x" * 129, {}, 404),
    ],
)
async def test_reserved_and_malformed_ids_fail_and_no_others(
    client: Client, method: str, schedule_id: str, changed: dict[str, object], status: int
) -> None:
    body = document(SHADOW | changed) if method == "POST" else None
    reply = await client.rootly(method, f"/v1/schedules/{schedule_id}/on_call_shadows", body)
    assert reply.status == status
    if status >= 400:
        assert [error["status"] for error in reply.json["errors"]] == [str(status)]


async def test_a_user_without_a_seat_is_refused_in_words(client: Client) -> None:
    (error,) = (await client.shadow(shadow_user_id=422)).json["errors"]
    assert "has no on-call seat" in error["detail"]
    assert error["source"] == {"pointer": "/data/attributes/shadow_user_id"}


async def post_many(client: Client, count: int) -> list[str]:
    return [(await client.shadow(shadow_user_id=1000 + n)).json["data"]["id"] for n in range(count)]


def numbers(data: list[dict[str, Any]]) -> list[str]:
    return [each["id"] for each in data]


async def test_the_pages_of_a_schedule_hold_its_shadows_once_each_newest_first(client: Client) -> None:
    made = await post_many(client, 12)
    await client.shadow("another")
    found: list[str] = []
    url: str | None = f"{client.address.rootly}{LIST}?page[size]=5"
    while url:
        page = (await client.follow(url)).json
        found += numbers(page["data"])
        url = page["links"]["next"]
    assert found == made[::-1]


@pytest.mark.parametrize(
    ("query", "count", "meta"),
    [
        ("", 12, (1, None, None, 12, 1)),
        ("?page[size]=5", 5, (1, 2, None, 12, 3)),
        ("?page[size]=5&page[number]=2", 5, (2, 3, 1, 12, 3)),
        ("?page[number]=3&page[size]=5", 2, (3, None, 2, 12, 3)),
        ("?page[number]=4&page[size]=5", 0, (4, None, None, 12, 3)),
        ("?page[number]=999999999&page[size]=100", 0, (999999999, None, None, 12, 1)),
        ("?page[number]=99999999999999999999", 12, (1, None, None, 12, 1)),
        ("?page[number]=0&page[size]=0", 12, (1, None, None, 12, 1)),
        ("?page[number]=-1&page[size]=x", 12, (1, None, None, 12, 1)),
        ("?include=shadow_user&filter[x]=1", 12, (1, None, None, 12, 1)),
    ],
)
async def test_meta_tells_the_page(client: Client, query: str, count: int, meta: tuple[int | None, ...]) -> None:
    await post_many(client, 12)
    page = (await client.rootly("GET", LIST + query)).json
    names = ("current_page", "next_page", "prev_page", "total_count", "total_pages")
    assert page["meta"] == dict(zip(names, meta, strict=True))
    assert len(page["data"]) == count


async def test_links_are_absolute_and_lead_back_to_this_server(client: Client) -> None:
    await post_many(client, 5)
    links = (await client.rootly("GET", f"{LIST}?page[size]=2&page[number]=2")).json["links"]
    assert set(links) == {"self", "first", "prev", "next", "last"}
    pages = {name: (await client.follow(link)).json["meta"]["current_page"] for name, link in links.items()}
    assert pages == {"self": 2, "first": 1, "prev": 1, "next": 3, "last": 3}
    assert {urlsplit(link).netloc for link in links.values()} == {urlsplit(client.address.rootly).netloc}


async def test_an_empty_list_has_links_to_its_one_empty_page(client: Client) -> None:
    page = (await client.rootly("GET", LIST)).json
    assert (page["data"], page["meta"]["total_pages"]) == ([], 0)
    assert (page["links"]["prev"], page["links"]["next"]) == (None, None)
    assert (await client.follow(page["links"]["last"])).json["data"] == []


async def test_a_page_has_25_unless_asked_and_100_at_most(client: Client) -> None:
    await post_many(client, 103)
    assert len((await client.rootly("GET", LIST)).json["data"]) == 25
    page = (await client.rootly("GET", f"{LIST}?page[size]=1000")).json
    assert (len(page["data"]), page["meta"]["total_pages"]) == (100, 2)
    assert len((await client.follow(page["links"]["next"])).json["data"]) == 3


async def test_a_change_keeps_what_it_does_not_name(client: Client, clock: Clock) -> None:
    made = (await client.shadow()).json["data"]
    clock.moment += 60
    path = f"/v1/on_call_shadows/{made['id']}"
    reply = await client.rootly("PUT", path, document({"shadow_user_id": 7, "schedule_id": "secondary"}))
    expected = made["attributes"] | {
        "shadow_user_id": 7,
        "schedule_id": "secondary",
        "updated_at": "2026-01-01T04:01:00.000-08:00",
    }
    assert (reply.status, reply.json["data"]["attributes"]) == (200, expected)
    assert (await client.rootly("GET", path)).json == reply.json


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ({"ends_at": "2026-02-20T00:00:00Z"}, "/data/attributes/ends_at"),
        ({"starts_at": "2027-01-01T00:00:00Z"}, "/data/attributes/ends_at"),
        ({"shadow_user_id": "7"}, "/data/attributes/shadow_user_id"),
        ({"shadow_user_id": 422}, "/data/attributes/shadow_user_id"),
        ({"id": "x"}, "/data/attributes/id"),
    ],
)
async def test_a_change_that_makes_no_shadow_changes_nothing(
    client: Client, attributes: dict[str, object], pointer: str
) -> None:
    made = (await client.shadow()).json
    path = f"/v1/on_call_shadows/{made['data']['id']}"
    reply = await client.rootly("PUT", path, document(attributes))
    assert (reply.status, reply.json["errors"][0]["source"]["pointer"]) == (422, pointer)
    assert (await client.rootly("GET", path)).json == made


async def test_deleting_a_shadow_to_come_takes_it_away(client: Client, clock: Clock) -> None:
    made = (await client.shadow(starts_at=at(clock, 1), ends_at=at(clock, 2))).json
    path = f"/v1/on_call_shadows/{made['data']['id']}"
    reply = await client.rootly("DELETE", path)
    assert (reply.status, reply.json) == (200, made)
    assert (await client.rootly("GET", path)).status == 404
    assert (await client.rootly("DELETE", path)).status == 404


@pytest.mark.parametrize("hours", [0, 0.5])
async def test_deleting_an_active_shadow_cuts_its_end_to_now(client: Client, clock: Clock, hours: float) -> None:
    made = (await client.shadow(starts_at=at(clock, 0), ends_at=at(clock, 2))).json
    clock.moment += hours * 3600
    path = f"/v1/on_call_shadows/{made['data']['id']}"
    reply = await client.rootly("DELETE", path)
    assert reply.status == 200
    assert datetime.fromisoformat(reply.json["data"]["attributes"]["ends_at"]).timestamp() == clock.moment
    assert (await client.rootly("GET", path)).json == reply.json


async def test_deleting_an_ended_shadow_is_422(client: Client, clock: Clock) -> None:
    made = (await client.shadow(starts_at=at(clock, 1), ends_at=at(clock, 2))).json
    clock.moment += 2 * 3600
    path = f"/v1/on_call_shadows/{made['data']['id']}"
    reply = await client.rootly("DELETE", path)
    assert (reply.status, reply.json["errors"][0]["status"]) == (422, "422")
    assert (await client.rootly("GET", path)).json == made


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_unknown_shadow_is_404_with_errors(client: Client, method: str) -> None:
    reply = await client.rootly(method, "/v1/on_call_shadows/unknown")
    assert (reply.status, reply.json["errors"][0]["status"]) == (404, "404")
