"""Lists that repeat, never end, have small pages or tell the next one oddly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sandbox_truth import read_truth

from .client import Client, Clock, plan, served

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

LIST = "/v1/schedules/primary/on_call_shadows"


async def fill(client: Client, count: int) -> None:
    for number in range(count):
        await client.shadow(shadow_user_id=1 + number)
        await client.opal("POST", "/on-call-schedules", {"third_party_provider": "OPSGENIE", "remote_id": f"{number}"})


async def pages(client: Client, size: int, limit: int = 10) -> list[list[str]]:
    """Follow the list's links, at most so many."""
    found: list[list[str]] = []
    url: str | None = f"{client.address.rootly}{LIST}?page[size]={size}"
    while url and len(found) < limit:
        page = (await client.follow(url)).json
        found.append([each["id"] for each in page["data"]])
        url = page["links"]["next"]
    return found


def shadows(state: Path) -> list[str]:
    """Give the ids of all shadows as the list has them: the newest first."""
    return [made.id for made in read_truth(state).objects if made.target == "rootly"][::-1]


async def test_pages_repeat_the_end_of_the_last_one_and_a_record_of_their_own(state: Path, clock: Clock) -> None:
    async with served(state, clock, faults=plan({"what": "repeat"})) as client:
        await fill(client, 5)
        e, d, c, b, a = shadows(state)
        assert await pages(client, 2) == [[e, d, e], [d, c, b, c], [b, a, a]]
        body = (await client.opal("GET", "/on-call-schedules")).json
        remote_ids = [each["remote_id"] for each in body["on_call_schedules"]]
        assert remote_ids == ["0", "1", "2", "3", "4", "0"]


@pytest.mark.parametrize("form", ["same", "none", "new"])
async def test_a_list_never_ends(state: Path, clock: Clock, form: str) -> None:
    async with served(state, clock, faults=plan({"what": "endless_list", "form": form})) as client:
        await fill(client, 3)
        found = await pages(client, 2)
        c, b, a = shadows(state)
        page: dict[str, Any] = (await client.rootly("GET", f"{LIST}?page[size]=2&page[number]=7")).json
    assert found[:2] == [[c, b], [a]]
    assert (len(found), page["meta"]["next_page"]) == (10, 8)
    beyond = found[2:]
    if form == "new":
        assert len({*found[0], *found[1], *(each for ids in beyond for each in ids)}) == 3 + 8
    else:
        assert beyond == [[a] if form == "same" else []] * 8


@pytest.mark.parametrize(("form", "count"), [("same", 3), ("none", 0), ("new", 3)])
async def test_opals_list_that_never_ends_has_always_another_cursor(
    state: Path, clock: Clock, form: str, count: int
) -> None:
    async with served(state, clock, faults=plan({"what": "endless_list", "form": form})) as client:
        await fill(client, 3)
        first = (await client.opal("GET", "/on-call-schedules")).json
        second = (await client.opal("GET", f"/on-call-schedules?cursor={first['next']}")).json
    assert second["next"]
    ids = [{each["on_call_schedule_id"] for each in body["on_call_schedules"]} for body in (first, second)]
    assert (len(ids[0]), len(ids[1]), len(ids[0] & ids[1])) == (3, count, 3 if form == "same" else 0)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("query", "?{query}"),
        ("path", "/rootly/v1/schedules/primary/on_call_shadows?{query}"),
        ("api_path", "/v1/schedules/primary/on_call_shadows?{query}"),
        ("other_host", "http://elsewhere.invalid/rootly/v1/schedules/primary/on_call_shadows?{query}"),
        ("other_path", "{origin}/rootly/v1/users?{query}"),
    ],
)
async def test_the_next_page_is_told_in_other_ways(state: Path, clock: Clock, form: str, expected: str) -> None:
    async with served(state, clock, faults=plan({"what": "next_link", "form": form})) as client:
        await fill(client, 3)
        first = (await client.rootly("GET", f"{LIST}?page[size]=2")).json
        last = (await client.rootly("GET", f"{LIST}?page[size]=2&page[number]=2")).json
        origin = client.address.rootly.removesuffix("/rootly")
    query = "page%5Bsize%5D=2&page%5Bnumber%5D=2"
    assert first["links"]["next"] == expected.format(query=query, origin=origin)
    assert (first["meta"]["next_page"], last["links"]["next"]) == (2, None)


async def test_the_next_page_is_told_by_meta_alone(state: Path, clock: Clock) -> None:
    async with served(state, clock, faults=plan({"what": "next_link", "form": "meta"})) as client:
        await fill(client, 3)
        page = (await client.rootly("GET", f"{LIST}?page[size]=2")).json
    assert ("links" in page, page["meta"]["next_page"]) == (False, 2)


async def test_a_link_to_another_host_leads_where_told(state: Path, clock: Clock) -> None:
    faults = plan({"what": "next_link", "form": "other_host", "to": "http://127.0.0.1:9"})
    async with served(state, clock, faults=faults) as client:
        await fill(client, 2)
        page = (await client.rootly("GET", f"{LIST}?page[size]=1")).json
    assert page["links"]["next"].startswith("http://127.0.0.1:9/rootly/v1/")


async def test_pages_are_smaller_than_asked_and_lose_nothing(state: Path, clock: Clock) -> None:
    faults = plan({"what": "short_pages", "size": 2}, {"what": "next_link", "form": "meta", "scope": "another"})
    async with served(state, clock, faults=faults) as client:
        await fill(client, 5)
        found = await pages(client, 100)
    assert [len(page) for page in found] == [2, 2, 1]
    assert [each for page in found for each in page] == shadows(state)


async def test_alterations_of_a_list_go_together(state: Path, clock: Clock) -> None:
    faults = plan({"what": "short_pages"}, {"what": "next_link"}, {"what": "endless_list"}, {"what": "repeat"})
    async with served(state, clock, faults=faults) as client:
        await fill(client, 1)
        page = (await client.rootly("GET", LIST)).json
    (only,) = shadows(state)
    assert [each["id"] for each in page["data"]] == [only, only]
    assert page["meta"]["next_page"] == 2


@pytest.mark.parametrize("status", [500, 403, 404])
async def test_the_list_of_one_schedule_alone_fails(state: Path, clock: Clock, status: int) -> None:
    faults = plan({"what": "status", "status": status, "method": "GET", "scope": "primary"})
    async with served(state, clock, faults=faults) as client:
        assert (await client.shadow("primary")).status == 201
        assert (await client.rootly("GET", LIST)).status == status
        assert (await client.rootly("GET", LIST.replace("primary", "another"))).status == 200
