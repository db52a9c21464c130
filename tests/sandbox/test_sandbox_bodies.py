"""Answers that are spoilt: good by their status, and no proof of anything."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from sandbox_truth import read_truth

from importer.records import TargetName

from .client import Clock, Reply, connected, create, create_raw, plan, served, taken

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("target", TargetName)]

MOMENTS = pytest.mark.parametrize("when", ["before", "after"])
GOOD = {TargetName.OPAL: 200, TargetName.ROOTLY: 201}


def item(target: TargetName, document: Any) -> dict[str, Any]:
    found: dict[str, Any] = document if target is TargetName.OPAL else document["data"]
    return found


def id_name(target: TargetName) -> str:
    return "on_call_schedule_id" if target is TargetName.OPAL else "id"


async def reply_to(state: Path, clock: Clock, target: TargetName, **fault: object) -> Reply:
    """Create one thing under a fault and give the answer that came."""
    async with served(state, clock, faults=plan(fault)) as client:
        return await create(client, target)


@MOMENTS
@pytest.mark.parametrize("form", ["json", "length", "chunked", "until_close"])
async def test_a_truncated_answer_has_a_good_head_and_half_a_body(
    state: Path, clock: Clock, target: TargetName, when: str, form: str
) -> None:
    async with served(state, clock, faults=plan({"what": "truncated", "when": when, "form": form})) as client:
        if form == "json":
            reply = await create(client, target)
            head, body, status = b"", reply.body, reply.status
        else:
            wire = await create_raw(client, target)
            head, body, status = wire.head, wire.body, int(wire.data.split()[1])
            assert not wire.is_reset
    assert status == GOOD[target]
    assert (b"Content-Length" in head, b"chunked" in head) == (form == "length", form == "chunked")
    body = body.removesuffix(b"\r\n").partition(b"\r\n")[2] if form == "chunked" else body
    assert body.startswith(b"{")
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(body)
    assert len(read_truth(state).objects) == (when == "after")


@MOMENTS
async def test_an_answer_in_html_is_no_json(state: Path, clock: Clock, target: TargetName, when: str) -> None:
    reply = await reply_to(state, clock, target, what="html", when=when, status=200)
    assert (reply.status, reply.media_type) == (200, "text/html")
    assert reply.body.startswith(b"<!DOCTYPE html>")
    assert len(read_truth(state).objects) == (when == "after")


@MOMENTS
@pytest.mark.parametrize("status", [None, 204])
async def test_an_empty_answer(state: Path, clock: Clock, target: TargetName, when: str, status: int | None) -> None:
    reply = await reply_to(state, clock, target, what="empty", when=when, **({"status": status} if status else {}))
    assert (reply.status, reply.body) == (status or GOOD[target], b"")
    assert len(read_truth(state).objects) == (when == "after")
    assert read_truth(state).requests[0].status == reply.status


@MOMENTS
async def test_an_answer_nested_too_deep_for_a_recursive_reader(
    state: Path, clock: Clock, target: TargetName, when: str
) -> None:
    reply = await reply_to(state, clock, target, what="nested", when=when, depth=5000)
    assert reply.body.count(b"{") == reply.body.count(b"}") == 5001
    assert len(read_truth(state).objects) == (when == "after")


@pytest.mark.parametrize(
    ("form", "expected"),
    [("missing", ...), ("null", None), ("empty", ""), ("number", 17), ("malformed", "../../users")],
)
async def test_an_answer_without_a_valid_id(
    state: Path, clock: Clock, target: TargetName, form: str, expected: object
) -> None:
    reply = await reply_to(state, clock, target, what="no_id", form=form)
    assert item(target, reply.json).get(id_name(target), ...) == expected
    assert len(read_truth(state).objects) == 1


CHANGES: dict[TargetName, tuple[dict[str, object], dict[str, object]]] = {
    TargetName.OPAL: ({"remote_id": "P1"}, {"remote_id": "P2"}),
    TargetName.ROOTLY: ({"shadow_user_id": 1}, {"shadow_user_id": 2}),
}


@MOMENTS
@pytest.mark.parametrize("form", ["own_id", "foreign_id"])
async def test_an_answer_with_the_values_of_the_record_before(
    state: Path, clock: Clock, target: TargetName, when: str, form: str
) -> None:
    first, second = CHANGES[target]
    async with served(state, clock, faults=plan({"what": "foreign", "when": when, "form": form, "at": [2]})) as client:
        good = item(target, (await create(client, target, **first)).json)
        bad = item(target, (await create(client, target, **second)).json)
    ids = [made.id for made in read_truth(state).objects]
    assert len(ids) == 1 + (when == "after")
    assert (bad.pop(id_name(target)) == good.pop(id_name(target)) == ids[0]) is (form == "foreign_id")
    assert bad == good


@pytest.mark.parametrize("form", ["own_id", "foreign_id"])
async def test_where_no_other_record_was_before_one_is_made_up(
    state: Path, clock: Clock, target: TargetName, form: str
) -> None:
    """Also where the only one before was the same record, sent again."""
    async with served(state, clock, faults=plan({"what": "foreign", "form": form})) as client:
        replies = [await create(client, target) for _ in range(2)]
    (key,) = read_truth(state).ids
    for number, reply in enumerate(replies):
        found = item(target, reply.json)
        values = found.get("attributes", found)
        assert (values.get("remote_id"), values.get("shadow_user_id")) in {(f"{key[1]}X", None), (None, 103)}
        assert (found[id_name(target)] == read_truth(state).objects[number].id) is (form == "own_id")


async def test_an_endless_answer_goes_on_for_as_long_as_somebody_takes_it(
    state: Path, clock: Clock, target: TargetName
) -> None:
    faults = plan({"what": "endless"})
    async with served(state, clock, faults=faults) as client, connected(client, target) as (reader, _):
        wire = await taken(reader, 4 << 20)
    assert len(wire.data) >= 4 << 20
    assert b"chunked" in wire.head
    assert len(read_truth(state).objects) == 1


async def test_a_bomb_is_small_on_the_wire_and_a_good_answer_to_who_has_the_room(
    state: Path, clock: Clock, target: TargetName
) -> None:
    faults = plan({"what": "gzip_bomb", "size": 10_000_000})
    async with served(state, clock, faults=faults) as client, connected(client, target) as (reader, _):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        packed = await reader.readexactly(length)
    assert b"Content-Encoding: gzip" in head
    assert length < 20_000
    unpacked = gzip.decompress(packed)
    assert len(unpacked) > 10_000_000
    assert item(target, orjson.loads(unpacked))[id_name(target)] == read_truth(state).objects[0].id


@pytest.mark.parametrize("what", ["truncated", "html", "empty", "nested", "no_id", "foreign"])
async def test_an_answer_that_refuses_passes_as_it_is(state: Path, clock: Clock, target: TargetName, what: str) -> None:
    bad = {"remote_id": ""} if target is TargetName.OPAL else {"shadow_user_id": 422}
    async with served(state, clock, faults=plan({"what": what})) as client:
        reply = await create(client, target, **bad)
    assert reply.status == (400 if target is TargetName.OPAL else 422)
    assert reply.json


async def test_a_list_is_spoilt_where_told(state: Path, clock: Clock, target: TargetName) -> None:
    """An empty body, read as an empty list, would prove that a record is absent."""
    path = "/on-call-schedules" if target is TargetName.OPAL else "/v1/schedules/primary/on_call_shadows"
    async with served(state, clock, faults=plan({"what": "empty", "method": "GET", "at": [1]})) as client:
        await create(client, target)
        ask = client.opal if target is TargetName.OPAL else client.rootly
        first, second = await ask("GET", path), await ask("GET", path)
    assert (first.status, first.body, second.status) == (200, b"", 200)
    assert read_truth(state).objects[0].id in second.body.decode()
