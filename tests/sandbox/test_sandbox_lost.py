"""Answers that are lost: what comes over the wire, and whether the object is there."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import aiohttp
import anyio
import orjson
import pytest
from sandbox_truth import read_truth

from importer.records import TargetName

from .client import Clock, connected, create, create_raw, logged, plan, served, taken

if TYPE_CHECKING:
    from pathlib import Path

    from .client import Client

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("target", TargetName)]

MOMENTS = pytest.mark.parametrize("when", ["before", "after"])


def status_of(state: Path) -> list[tuple[str, int, bool]]:
    """Give what the log says of each request: the fault, the status, whether it created something."""
    return [(request.fault, request.status, bool(request.id)) for request in read_truth(state).requests]


@MOMENTS
@pytest.mark.parametrize("what", ["reset", "close"])
async def test_nothing_comes_and_the_connection_ends(
    state: Path, clock: Clock, target: TargetName, what: str, when: str
) -> None:
    async with served(state, clock, faults=plan({"what": what, "when": when})) as client:
        wire = await create_raw(client, target)
    assert (wire.data, wire.is_reset) == (b"", what == "reset")
    assert len(read_truth(state).objects) == (when == "after")
    assert status_of(state) == [(what, 0, when == "after")]


@MOMENTS
@pytest.mark.parametrize("what", ["reset", "close"])
@pytest.mark.parametrize("sent", ["head", "body"])
async def test_a_part_comes_and_the_connection_ends(
    state: Path, clock: Clock, target: TargetName, what: str, when: str, sent: str
) -> None:
    async with served(state, clock, faults=plan({"what": what, "when": when, "sent": sent, "at": [1]})) as client:
        wire = await create_raw(client, target)
    success = b"HTTP/1.1 200 OK\r\n" if target is TargetName.OPAL else b"HTTP/1.1 201 Created\r\n"
    assert wire.data.startswith(success)
    assert (b"\r\n\r\n" in wire.data, bool(wire.body)) == (sent == "body", sent == "body")
    assert wire.is_reset is (what == "reset")
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(wire.body)
    assert len(read_truth(state).objects) == (when == "after")


async def test_the_other_requests_are_answered_well(state: Path, clock: Clock, target: TargetName) -> None:
    async with served(state, clock, faults=plan({"what": "reset", "at": [2]})) as client:
        first = await create(client, target)
        with pytest.raises(aiohttp.ClientError):
            await create(client, target)
        third = await create(client, target)
    assert first.status == third.status
    assert status_of(state) == [("", first.status, True), ("reset", 0, True), ("", third.status, True)]


@MOMENTS
async def test_a_hang_lasts_until_the_client_goes_away(
    state: Path, clock: Clock, target: TargetName, when: str
) -> None:
    async with served(state, clock, faults=plan({"what": "hang", "when": when, "at": [1]})) as client:
        async with connected(client, target) as (reader, _):
            await logged(state, 1)
            with anyio.move_on_after(0.02) as scope:
                await reader.read(1)
            assert scope.cancelled_caught
        await create(client, target)
    assert len(read_truth(state).objects) == 1 + (when == "after")


@pytest.mark.parametrize("fault", [{"what": "hang"}, {"what": "hang", "delay": 60}, {"what": "drip", "pace": 60}])
async def test_a_hang_or_a_drip_ends_with_the_sandbox(
    state: Path, clock: Clock, target: TargetName, fault: dict[str, object]
) -> None:
    """By a reset of its own, at once: what aiohttp breaks off after its patience is closed, not reset."""
    async with AsyncExitStack() as stack:
        async with served(state, clock, faults=plan(fault)) as client:
            reader, _ = await stack.enter_async_context(connected(client, target))
            await logged(state, 1)
        wire = await taken(reader)
    assert wire.is_reset


@pytest.mark.parametrize("sent", ["nothing", "head", "body"])
async def test_a_hang_with_a_delay_gives_its_answer_after_it(
    state: Path, clock: Clock, target: TargetName, sent: str
) -> None:
    faults = plan({"what": "hang", "delay": 0.01, "sent": sent})
    async with served(state, clock, faults=faults) as client:
        started = anyio.current_time()
        wire = await create_raw(client, target)
        assert anyio.current_time() - started >= 0.01
        reply = await create(client, target)
    assert reply.json.keys() == orjson.loads(wire.body).keys()
    assert len(read_truth(state).doubles) == 1


@pytest.mark.parametrize("sent", ["nothing", "head", "body"])
async def test_a_dripping_answer_comes_a_byte_at_a_time_and_whole(
    state: Path, clock: Clock, target: TargetName, sent: str
) -> None:
    async with served(state, clock, faults=plan({"what": "drip", "sent": sent, "pace": 0})) as client:
        wire = await create_raw(client, target)
    (made,) = read_truth(state).objects
    assert made.id in wire.body.decode()
    assert (b"Content-Length: %d\r\n" % len(wire.body)) in wire.data
    assert not wire.is_reset


async def test_a_drip_is_as_slow_as_told(state: Path, clock: Clock, target: TargetName) -> None:
    faults = plan({"what": "drip", "pace": 60})
    async with served(state, clock, faults=faults) as client, connected(client, target) as (reader, _):
        assert await reader.read(1 << 16) == b"H"
        with anyio.move_on_after(0.02) as scope:
            await reader.read(1)
        assert scope.cancelled_caught
    assert len(read_truth(state).objects) == 1


async def test_a_server_that_closes_after_each_answer_does_not_say_so(
    state: Path, clock: Clock, target: TargetName
) -> None:
    async with served(state, clock, faults=plan({"what": "close_after"})) as client:
        wire = await create_raw(client, target)
    assert b"connection: close" not in wire.head.lower()
    assert read_truth(state).objects[0].id in wire.body.decode()
    assert not wire.is_reset


async def test_without_a_plan_no_request_is_logged(client: Client, state: Path, target: TargetName) -> None:
    await create(client, target)
    assert len(read_truth(state).objects) == 1
    assert read_truth(state).requests == ()


async def test_an_empty_plan_logs_requests_and_harms_none(state: Path, clock: Clock, target: TargetName) -> None:
    async with served(state, clock, faults=plan()) as client:
        reply = await create(client, target)
    assert status_of(state) == [("", reply.status, True)]
