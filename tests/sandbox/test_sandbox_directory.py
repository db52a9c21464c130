"""Users and schedules are found in the directory as Rootly's lists find them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from .client import Client

pytestmark = pytest.mark.anyio


#: Two schedules of one name, the newest first.
TWINS = ["c1d6a0f4-58f4-4b0b-9c36-0a7d5e2b3f08", "c1d6a0f4-58f4-4b0b-9c36-0a7d5e2b3f07"]
SAMPLE = Path(__file__).parents[2] / "samples" / "shadows.csv"


async def ids(client: Client, path: str) -> list[str]:
    reply = await client.rootly("GET", path)
    assert reply.status == 200
    return [each["id"] for each in reply.json["data"]]


async def test_a_user_says_what_rootly_says_of_one(client: Client) -> None:
    reply = await client.rootly("GET", "/v1/users/108")
    data = reply.json["data"]
    assert (data["id"], data["type"]) == ("108", "users")
    assert data["attributes"]["email"] == "Hugo.Alvarez@example.com"
    assert data["attributes"]["full_name"] == "Hugo Álvarez"
    assert data["attributes"]["created_at"] == "2025-01-08T01:00:00.000-08:00"


async def test_me_proves_the_token(client: Client) -> None:
    reply = await client.rootly("GET", "/v1/users/me")
    assert (reply.status, reply.json["data"]["id"]) == (200, "101")
    assert reply.json["data"]["attributes"]["time_zone"] == "America/Los_Angeles"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [str(number) for number in range(101, 113)]),
        ("?filter[email]=hugo.alvarez@EXAMPLE.com", ["108"]),
        ("?filter[email]=alvarez@example.com", []),
        ("?filter[search]=ÁLVAR", ["108"]),
        ("?filter[search]=o%27neill", ["107"]),
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
        ("", [*TWINS, "Support", "Security", "Databases", "Kubernetes", "Identity", "Search", "Checkout", "Payments"]),
        ("?filter[name]=payments%20primary", ["Payments"]),
        ("?filter[name]=s%20primary", ["Databases", "Kubernetes", "Payments"]),
        ("?filter[name][eq]=Payments%20primary", ["Payments"]),
        ("?filter[name][eq]=payments%20primary", []),
        ("?filter[name][eq]=Support%20weekend", TWINS),
        ("?filter[search]=SUPPORT", [*TWINS, "Support"]),
        ("?page[size]=3&page[number]=4", ["Payments"]),
    ],
)
async def test_schedules_are_filtered_and_paged(client: Client, query: str, found: list[str]) -> None:
    expected = [name if name in TWINS else f"{name} primary" for name in found]
    listed = (await client.rootly("GET", f"/v1/schedules{query}")).json["data"]
    names = [each["id"] if each["id"] in TWINS else each["attributes"]["name"] for each in listed]
    assert names == expected


@pytest.mark.parametrize(
    "path", ["/v1/users?sort=email", "/v1/users?filter[name]=x", "/v1/schedules?filter[created_at][gt]=1"]
)
async def test_a_filter_or_sort_that_is_not_there_is_refused_not_ignored(client: Client, path: str) -> None:
    reply = await client.rootly("GET", path)
    (error,) = reply.json["errors"]
    assert (reply.status, error["status"]) == (400, "400")
    assert f"{error['source']['parameter']}=" in path


async def test_a_schedule_is_shown_by_its_id(client: Client) -> None:
    data = (await client.rootly("GET", f"/v1/schedules/{TWINS[0]}")).json["data"]
    assert (data["id"], data["type"], data["attributes"]["name"]) == (TWINS[0], "schedules", "Support weekend")


async def test_the_samples_people_and_schedules_are_there_by_the_names_that_the_samples_give_them(
    client: Client,
) -> None:
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    users = (await client.rootly("GET", "/v1/users")).json["data"]
    schedules = (await client.rootly("GET", "/v1/schedules")).json["data"]
    people = {(row["shadow_user_id"], row["trainee_name"]) for row in rows}
    rotas = {(row["schedule_id"], row["rota"]) for row in rows}
    assert people == {(each["id"], each["attributes"]["full_name"]) for each in users}
    assert rotas <= {(each["id"], each["attributes"]["name"]) for each in schedules}


@pytest.mark.parametrize("path", ["/v1/schedules/rehearsed-1", "/v1/users/4711", "/v1/users/18446744073709551615"])
async def test_a_well_formed_id_in_no_list_is_taken_all_the_same(client: Client, path: str) -> None:
    reply = await client.rootly("GET", path)
    assert (reply.status, reply.json["data"]["id"]) == (200, path.rpartition("/")[2])


@pytest.mark.parametrize("path", ["/v1/schedules/sandbox-404", "/v1/schedules/a.b", "/v1/users/amara", "/v1/users/1.5"])
async def test_a_reserved_or_malformed_id_is_404(client: Client, path: str) -> None:
    reply = await client.rootly("GET", path)
    assert (reply.status, reply.json["errors"][0]["status"]) == (404, "404")
