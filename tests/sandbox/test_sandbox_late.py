"""Commits that come late and lists that lag: by the server's clock, whatever becomes of client and server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import anyio
import pytest
from sandbox_truth import read_truth

from importer.records import TargetName

from .client import Client, Clock, create, create_raw, plan, served

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("target", TargetName)]


async def listed(client: Client, target: TargetName) -> list[str]:
    if target is TargetName.OPAL:
        page = (await client.opal("GET", "/on-call-schedules")).json
        return [each["on_call_schedule_id"] for each in page["on_call_schedules"]]
    page = (await client.rootly("GET", "/v1/schedules/primary/on_call_shadows")).json
    assert page["meta"]["total_count"] == len(page["data"])
    return [each["id"] for each in page["data"]]


async def show(client: Client, target: TargetName, id_: str) -> int:
    if target is TargetName.OPAL:
        return (await client.opal("GET", f"/on-call-schedules/{id_}")).status
    return (await client.rootly("GET", f"/v1/on_call_shadows/{id_}")).status


@pytest.mark.parametrize("form", ["reset", "close", "status"])
async def test_a_late_commit_is_not_there_until_it_is_due(
    state: Path, clock: Clock, target: TargetName, form: str
) -> None:
    faults = plan({"what": "late_commit", "delay": 5, "form": form, "at": [1]})
    async with served(state, clock, faults=faults) as client:
        wire = await create_raw(client, target) if form != "status" else None
        if wire is None:
            assert (await create(client, target)).status == 504
        else:
            assert (wire.data, wire.is_reset) == (b"", form == "reset")
        (made,) = read_truth(state).objects
        assert made.due == clock.moment + 5
        clock.moment += 4.99
        assert await listed(client, target) == []
        assert await show(client, target, made.id) == 404
        clock.moment += 0.01
        assert await listed(client, target) == [made.id]
        assert await show(client, target, made.id) == 200


async def test_a_late_commit_comes_though_its_client_has_gone_away(
    state: Path, clock: Clock, target: TargetName
) -> None:
    async with served(state, clock, faults=plan({"what": "late_commit", "delay": 5, "form": "hang"})) as client:
        with anyio.move_on_after(0.02):
            await create(client, target)
        clock.moment += 5
        assert len(await listed(client, target)) == 1


async def test_a_late_commit_comes_though_the_sandbox_was_stopped(
    state: Path, clock: Clock, target: TargetName
) -> None:
    async with served(state, clock, faults=plan({"what": "late_commit", "delay": 5})) as client:
        with pytest.raises(aiohttp.ClientError):
            await create(client, target)
    async with served(state, clock) as client:
        assert await listed(client, target) == []
        clock.moment += 5
        assert len(await listed(client, target)) == 1


async def test_a_lagging_list_lacks_what_was_answered_well(state: Path, clock: Clock, target: TargetName) -> None:
    async with served(state, clock, faults=plan({"what": "lagging_list", "delay": 5, "at": [1]})) as client:
        assert (await create(client, target)).status < 300
        await create(client, target)
        late, good = (made.id for made in read_truth(state).objects)
        assert await listed(client, target) == [good]
        assert await show(client, target, late) == 200
        clock.moment += 5
        assert sorted(await listed(client, target)) == sorted([late, good])


async def test_a_list_lags_besides_a_lost_answer(state: Path, clock: Clock, target: TargetName) -> None:
    faults = plan({"what": "lagging_list", "delay": 5}, {"what": "close"})
    async with served(state, clock, faults=faults) as client:
        assert (await create_raw(client, target)).data == b""
        assert await listed(client, target) == []
        clock.moment += 5
        assert len(await listed(client, target)) == 1
    assert [request.fault for request in read_truth(state).requests] == ["lagging_list,close", "", ""]
