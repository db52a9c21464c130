"""A target that goes away refuses connections, without the other one, and comes back on its port."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
import anyio
import pytest
from sandbox_truth import read_truth

from importer.records import TargetName

from .client import Client, Clock, create, create_raw, logged, plan, served, until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("target", TargetName)]


def other_than(target: TargetName) -> TargetName:
    return TargetName.ROOTLY if target is TargetName.OPAL else TargetName.OPAL


def place(client: Client, target: TargetName) -> tuple[str, int]:
    url = urlsplit(client.address.opal if target is TargetName.OPAL else client.address.rootly)
    return url.hostname or "", url.port or 0


async def refused(client: Client, target: TargetName) -> bool:
    try:
        _, writer = await asyncio.open_connection(*place(client, target))
    except ConnectionRefusedError:
        return True
    writer.close()
    await writer.wait_closed()
    return False


async def is_back(client: Client, target: TargetName) -> bool:
    return not await refused(client, target)


async def test_it_goes_away_at_a_request_and_the_other_one_stays(state: Path, clock: Clock, target: TargetName) -> None:
    async with served(state, clock, faults=plan({"what": "go_away", "target": target, "first": 2})) as client:
        assert (await create(client, target)).status < 300
        with pytest.raises(aiohttp.ClientError) as caught:
            await create(client, target)  # over the connection that there is: it is reset
        assert not isinstance(caught.value, aiohttp.ClientConnectorError)
        assert await refused(client, target)
        assert (await create(client, other_than(target))).status < 300
        assert await refused(client, target)
    assert [(request.fault, request.status) for request in read_truth(state).requests][1] == ("go_away", 0)
    assert len(read_truth(state).objects) == 2


async def test_it_comes_back_after_its_delay_for_good(state: Path, clock: Clock, target: TargetName) -> None:
    faults = plan({"what": "go_away", "target": target, "delay": 0.02})
    async with served(state, clock, faults=faults) as client:
        assert (await create_raw(client, target)).is_reset
        assert await refused(client, target)
        await until(lambda: is_back(client, target))
        assert [(await create(client, target)).status < 300 for _ in range(3)] == [True] * 3


async def test_connections_of_others_in_flight_are_reset(state: Path, clock: Clock, target: TargetName) -> None:
    faults = plan({"what": "hang", "at": [1], "target": target}, {"what": "go_away", "at": [2], "method": "POST"})
    async with served(state, clock, faults=faults) as client, anyio.create_task_group() as group:
        ended: list[bool] = []

        async def post() -> None:
            ended.append((await create_raw(client, target)).is_reset)

        group.start_soon(post)
        await logged(state, 1)
        await post()
        await until(lambda: len(ended) == 2)
    assert ended == [True, True]


async def test_while_it_is_away_nobody_else_gets_its_port(state: Path, clock: Clock, target: TargetName) -> None:
    async with served(state, clock, faults=plan({"what": "go_away"})) as client:
        await create_raw(client, target)
        with closing(socket.socket()) as another, pytest.raises(OSError, match="in use"):
            another.bind(place(client, target))


async def test_the_sandbox_can_be_stopped_while_a_target_is_away(state: Path, clock: Clock, target: TargetName) -> None:
    async with served(state, clock, faults=plan({"what": "go_away", "delay": 60})) as client:
        await create_raw(client, target)
        _, port = place(client, TargetName.OPAL)
    async with served(state, clock, port=port) as client:
        assert (await create(client, target)).status < 300
