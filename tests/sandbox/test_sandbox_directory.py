"""Users and schedules are found in the directory as Rootly's lists find them."""

from __future__ import annotations

import pytest

from .client import Client

pytestmark = pytest.mark.anyio


async def ids(client: Client, path: str) -> list[str]:
    reply = await client.rootly("GET", path)
    assert reply.status == 200
    return [each["id"] for each in reply.json["data"]]


async def test_a_user_says_what_rootly_says_of_one(client: Client) -> None:
    reply = await client.rootly("GET", "/v1/users/108")
    data = reply.json["data"]
    assert (data["id"], data["type"]) == ("108", "users")
    assert data["attributes"]["email"] == "Hana.Novak@example.com"
    assert data["attributes"]["full_name"] == "Hana Nováková"
    assert data["attributes"]["created_at"] == "2025-01-08T01:00:00.000-08:00"


async def test_me_proves_the_token(client: Client) -> None:
    reply = await client.rootly("GET", "/v1/users/me")
    assert (reply.status, reply.json["data"]["id"]) == (200, "101")
    assert reply.json["data"]["attributes"]["time_zone"] == "America/Los_Angeles"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [str(number) for number in range(101, 113)]),
        ("?filter[email]=hana.novak@EXAMPLE.com", ["108"]),
        ("?filter[email]=novak@example.com", []),
        ("?filter[search]=NOVÁK", ["108"]),
        ("?filter[search]=o%27neill", ["111"]),
        ("?filter[search]=%25", []),
        ("?sort=-created_at&page[size]=2", ["112", "111"]),
        ("?sort=-updated_at&page[size]=3", ["101", "102", "103"]),
        ("?sort=updated_at,-created_at&page[size]=1", ["112"]),
        ("?sort=created_at&page[size]=5&page[number]=3", ["111", "112"]),
        ("?include=devices&page[size]=1", ["101"]),
    ],
)
async def test_users_are_filtered_sorted_and_paged(client: Client, query: str, found: list[str]) -> None:
    assert await ids(client, f"/v1/users{query}") == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [8, 7, 6, 5, 4, 3, 2, 1]),
        ("?filter[name]=payments%20primary", [1]),
        ("?filter[name]=payments", [2, 1]),
        ("?filter[name][eq]=Payments%20Primary", [1]),
        ("?filter[name][eq]=payments%20primary", []),
        ("?filter[name][eq]=Support%20Weekend", [8, 7]),
        ("?filter[search]=SECONDARY", [4, 2]),
        ("?page[size]=3&page[number]=3", [2, 1]),
    ],
)
async def test_schedules_are_filtered_and_paged(client: Client, query: str, found: list[int]) -> None:
    expected = [f"c1d6a0f4-58f4-4b0b-9c36-0a7d5e2b3f{number:02}" for number in found]
    assert await ids(client, f"/v1/schedules{query}") == expected


@pytest.mark.parametrize(
    "path", ["/v1/users?sort=email", "/v1/users?filter[name]=x", "/v1/schedules?filter[created_at][gt]=1"]
)
async def test_a_filter_or_sort_that_is_not_there_is_refused_not_ignored(client: Client, path: str) -> None:
    reply = await client.rootly("GET", path)
    (error,) = reply.json["errors"]
    assert (reply.status, error["status"]) == (400, "400")
    assert f"{error['source']['parameter']}=" in path


async def test_a_schedule_is_shown_by_its_id(client: Client) -> None:
    schedule_id = "c1d6a0f4-58f4-4b0b-9c36-0a7d5e2b3f01"
    data = (await client.rootly("GET", f"/v1/schedules/{schedule_id}")).json["data"]
    assert (data["id"], data["type"], data["attributes"]["name"]) == (schedule_id, "schedules", "Payments Primary")


@pytest.mark.parametrize("path", ["/v1/schedules/rehearsed-1", "/v1/users/4711", "/v1/users/18446744073709551615"])
async def test_a_well_formed_id_in_no_list_is_taken_all_the_same(client: Client, path: str) -> None:
    reply = await client.rootly("GET", path)
    assert (reply.status, reply.json["data"]["id"]) == (200, path.rpartition("/")[2])


@pytest.mark.parametrize("path", ["/v1/schedules/sandbox-404", "/v1/schedules/a.b", "/v1/users/amara", "/v1/users/1.5"])
async def test_a_reserved_or_malformed_id_is_404(client: Client, path: str) -> None:
    reply = await client.rootly("GET", path)
    assert (reply.status, reply.json["errors"][0]["status"]) == (404, "404")
