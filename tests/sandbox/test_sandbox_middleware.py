"""Whatever goes wrong was told to: no fault leaves an error of the server's own, and none outlives it."""

from __future__ import annotations

import gc
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING

import aiohttp
import anyio
import pytest
from sandbox_truth import read_truth

from importer.records import TargetName
from importer.sandbox.fault_plan import FAULT_KINDS

from .client import PAIR, Client, Clock, connected, create, plan, served

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

NEEDED: dict[str, object] = {"status": 503, "delay": 0.01, "pace": 0.0001}
EACH = [(what, when) for what, sort in FAULT_KINDS.items() for when in sort.moments]


async def use(client: Client) -> None:
    """Create and list in both APIs, and be impatient."""
    for target in TargetName:
        with suppress(aiohttp.ClientError), anyio.move_on_after(0.05):
            await create(client, target)
    with suppress(aiohttp.ClientError), anyio.move_on_after(0.05):
        await client.opal("GET", "/on-call-schedules")
    with suppress(aiohttp.ClientError), anyio.move_on_after(0.05):
        await client.rootly("GET", "/v1/schedules/primary/on_call_shadows?page[size]=1")


@pytest.mark.parametrize(("what", "when"), EACH)
async def test_no_fault_is_an_error_of_the_server(
    state: Path, clock: Clock, caplog: pytest.LogCaptureFixture, what: str, when: str
) -> None:
    sort = FAULT_KINDS[what]
    told = {name: value for name, value in NEEDED.items() if name in sort.takes}
    if (what, when) == ("hang", "before"):
        del told["delay"]
    faults = plan({"what": what, "when": when} | told)
    async with served(state, clock, faults=faults) as client:
        await use(client)
        await use(client)
    gc.collect()  # an error that nobody looked at is logged when it is thrown away
    assert caplog.records == []
    assert any(what in request.fault.split(",") for request in read_truth(state).requests)


async def test_a_client_that_goes_away_while_it_sends_is_no_error_either(
    state: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(state, clock, faults=plan()) as client:
        async with connected(client, TargetName.OPAL, is_cut=True):
            await client.opal("GET", "/groups")  # so it has come to the half body by now
        assert (await client.opal("POST", "/on-call-schedules", PAIR)).status == 200
    gc.collect()
    assert caplog.records == []
    assert len(read_truth(state).objects) == 1


async def test_what_is_routed_nowhere_is_answered_and_logged(state: Path, clock: Clock) -> None:
    faults = plan({"what": "reset", "method": "any"})
    async with served(state, clock, faults=faults) as client:
        reply = await client.follow(client.address.rootly.removesuffix("/rootly") + "/elsewhere")
    assert reply.status == 404
    (request,) = read_truth(state).requests
    assert (request.target, request.path, request.fault, request.status) == ("", "/elsewhere", "", 404)


async def test_a_body_that_is_too_large_is_refused_as_ever(state: Path, clock: Clock) -> None:
    async with served(state, clock, faults=plan()) as client:
        reply = await client.opal("POST", "/on-call-schedules", BytesIO(b" " * (2 << 20)))
    assert reply.status == 413
    assert read_truth(state).objects == ()
