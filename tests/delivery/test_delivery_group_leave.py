"""Taking out of groups what a run had added: just that, whatever else stands there or comes in meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import anyio
import pytest

from importer.delivery.groups import Unbinding, unbind
from importer.delivery.target_work import Job
from importer.delivery.transport import Connection
from importer.errors import JournalError
from importer.journal.run_folder import open_scratch
from importer.records import TargetName
from importer.sandbox.api.answers import Limits
from importer.sandbox.directory_file import TOKEN
from importer.sandbox.fault_plan import FaultPlan
from importer.sandbox.server import serve
from importer.settings.options import load_settings
from importer.statuses import Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence
    from pathlib import Path

    from importer.delivery.queue import Progress

pytestmark = pytest.mark.anyio

GROUP = "7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1d02"
UNKNOWN = "7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1fff"
SETTINGS = load_settings({"rate": {"opal": float("inf")}, "settle": 0.01, "breaker_timeout": 5})


class Nobody:
    def decided(self, target: TargetName, status: Status, number: int) -> None:
        """Say nothing."""

    def target_noticed(self, target: TargetName, words: str) -> None:
        """Say nothing."""

    def sending(self, target: TargetName, progress: Progress) -> None:
        """Say nothing."""


class Scene:
    """A sandbox, and somebody who looks at it from outside."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session
        self.begun: list[str] = []
        self.ends: dict[str, Unbinding] = {}
        self.requests = 0

    async def create(self, number: int) -> list[str]:
        made = []
        for index in range(number):
            body = {"third_party_provider": "PAGER_DUTY", "remote_id": f"P{index:06}"}
            async with self._session.post(f"{self.url}/on-call-schedules", json=body) as response:
                made.append((await response.json())["on_call_schedule_id"])
        return made

    async def put(self, ids: Sequence[str]) -> None:
        body = {"on_call_schedule_ids": list(ids)}
        async with self._session.put(f"{self.url}/groups/{GROUP}/on-call-schedules", json=body) as response:
            assert response.status == 200

    async def members(self) -> list[str]:
        async with self._session.get(f"{self.url}/groups/{GROUP}/on-call-schedules") as response:
            return [item["on_call_schedule_id"] for item in (await response.json())["on_call_schedules"]]

    async def unbind(self, removals: dict[str, list[str]], *, is_interrupted: bool = False) -> dict[str, Unbinding]:
        interrupted = anyio.Event()
        if is_interrupted:
            interrupted.set()
        self.ends = {}
        with open_scratch() as journal:
            job = Job(journal, {TargetName.OPAL: Connection(self.url, TOKEN)}, SETTINGS, Nobody(), interrupted)
            self.stopped = await unbind(job, TargetName.OPAL, removals, self)
            self.requests += sum(tally.requests for _, tally in journal.traffic())
        return self.ends

    def begin(self, group: str, there: Collection[str]) -> None:
        self.begun.append(group)
        self.there = list(there)

    def end(self, group: str, result: Unbinding) -> None:
        assert group not in self.ends
        self.ends[group] = result


@pytest.fixture
def faults() -> list[dict[str, object]]:
    return []


@pytest.fixture
async def scene(tmp_path: Path, faults: list[dict[str, object]]) -> AsyncIterator[Scene]:
    plan = FaultPlan.model_validate({"fault": faults})
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        serve(tmp_path / "sandbox.sqlite3", limits=Limits("none"), faults=plan) as address,
        aiohttp.ClientSession(headers=headers) as session,
    ):
        yield Scene(address.opal, session)


@pytest.mark.parametrize(
    "faults",
    [
        [],
        [{"what": "reset", "method": "PUT", "when": "after", "at": [2]}],
        [{"what": "reset", "method": "PUT", "when": "before", "at": [2]}],
        [{"what": "status", "status": 503, "method": "GET", "path": "/groups/", "when": "before", "at": [1]}],
    ],
    ids=["all well", "answer lost", "request lost", "list not to be had at first"],
)
async def test_only_what_is_named_leaves_the_list_and_a_second_time_nothing_is_sent(scene: Scene) -> None:
    first, ours, last = await scene.create(3)
    await scene.put([first, ours, last])
    assert await scene.unbind({GROUP: [ours.upper()]}) == {GROUP: Unbinding(None)}
    assert (await scene.members(), scene.begun) == ([first, last], [GROUP])
    assert (scene.there, scene.stopped, scene.requests > 0) == ([first, ours, last], "", True)
    assert await scene.unbind({GROUP: [ours]}) == {GROUP: Unbinding(None)}
    assert (await scene.members(), scene.begun) == ([first, last], [GROUP])


async def test_a_group_that_is_gone_is_told_and_the_others_are_seen_to(scene: Scene) -> None:
    (ours,) = await scene.create(1)
    await scene.put([ours])
    done = await scene.unbind({UNKNOWN: [ours], GROUP: [ours]})
    assert (done[UNKNOWN].status, done[UNKNOWN].http_status) == (Status.REJECTED, 404)
    assert done[UNKNOWN].words
    assert (done[GROUP], await scene.members()) == (Unbinding(None), [])


@pytest.mark.parametrize("faults", [[{"what": "status", "status": 422, "method": "PUT", "when": "before", "at": [2]}]])
async def test_a_refusal_leaves_the_list_and_says_why(scene: Scene) -> None:
    (ours,) = await scene.create(1)
    await scene.put([ours])
    done = await scene.unbind({GROUP: [ours]})
    assert (done[GROUP].status, done[GROUP].http_status, await scene.members()) == (Status.REJECTED, 422, [ours])


async def test_what_was_not_begun_when_the_user_ended_it_is_pending(scene: Scene) -> None:
    (ours,) = await scene.create(1)
    await scene.put([ours])
    done = await scene.unbind({GROUP: [ours]}, is_interrupted=True)
    assert (done[GROUP].status, await scene.members()) == (Status.PENDING, [ours])
    assert "interrupted" in done[GROUP].words


@pytest.mark.parametrize("faults", [[{"what": "status", "status": 401, "method": "GET", "when": "before"}]])
async def test_a_refused_token_ends_the_work_and_says_so(scene: Scene) -> None:
    done = await scene.unbind({GROUP: ["one"], UNKNOWN: ["one"]})
    assert [end.status for end in done.values()] == [Status.PENDING, Status.PENDING]
    assert "token" in scene.stopped


async def test_what_cannot_be_written_down_is_not_sent(scene: Scene) -> None:
    """The journal refuses to know of the PUT; nothing is said of any group, for that could not be written either."""
    (ours,) = await scene.create(1)
    await scene.put([ours])

    def refuse(group: str, there: Collection[str]) -> None:
        raise JournalError("the disk is full", hint="")

    scene.begin = refuse  # type: ignore[method-assign]
    assert await scene.unbind({GROUP: [ours]}) == {}
    assert (await scene.members(), scene.stopped) == ([ours], "the disk is full")
