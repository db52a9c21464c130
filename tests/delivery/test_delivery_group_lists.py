"""Changing a group's list, which can only be replaced: nothing of anybody else's is lost, and nothing comes back.

In virtual time; the group is made up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import anyio
import orjson
import pytest

from importer.delivery.client import Answer, Client, Lost, Reply
from importer.delivery.groups import GroupError, GroupLists, Wanted
from importer.delivery.stop import Stop
from importer.settings.options import Settings
from importer.statuses import Status
from importer.targets.opal import OPAL

from .virtual_time import VIRTUAL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

pytestmark = pytest.mark.anyio

GROUP = "7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1d02"


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return VIRTUAL


class Group:
    """A group with a list; `shows` may change what a reading shows, `after` what follows a PUT."""

    base_url = "https://opal.example"

    def __init__(self, members: str) -> None:
        self.members = list(members)
        self.puts: list[str] = []
        self.gets = 0
        self.shows: Callable[[int, list[str]], Sequence[str]] = lambda _, members: members
        self.answers: Callable[[int], Reply | None] = lambda _: None

    async def get(self, _url: str, _attempt: int = 1) -> Reply:
        await anyio.sleep(0.001)
        self.gets += 1
        shown = self.shows(self.gets, self.members)
        return Answer(200, {}, orjson.dumps({"on_call_schedules": [{"on_call_schedule_id": one} for one in shown]}))

    async def put(self, _path: str, body: bytes) -> Reply:
        await anyio.sleep(0.002)
        self.members = orjson.loads(body)["on_call_schedule_ids"]
        self.puts.append("".join(self.members))
        return self.answers(len(self.puts)) or Answer(200, {}, b"{}")

    async def change(self, add: str = "", remove: str = "") -> None:
        lists = GroupLists(OPAL, cast("Client", self), Settings(rate={}, settle=5.0), Stop(), list[str]().append)
        await lists.change(GROUP, Wanted(tuple(add), tuple(remove)), lambda _: None)


async def test_a_list_that_came_cut_or_empty_once_is_not_written_shorter() -> None:
    for number in range(1, 4):
        for shown in ("", "ab"):
            group = Group("abcdef")
            group.shows = lambda gets, members, at=number, cut=shown: cut if gets == at else members  # type: ignore[misc]
            await group.change("x")
            assert "".join(group.members) == "abcdefx"
            assert all(set("abcdef") <= set(put) for put in group.puts)


async def test_a_list_that_is_another_one_each_time_is_left_alone() -> None:
    group = Group("abcdef")
    group.shows = lambda gets, members: members[: gets % 6]
    with pytest.raises(GroupError) as error:
        await group.change("x")
    assert error.value.status is Status.FAILED
    assert group.puts == []


async def test_what_a_colleague_takes_out_while_a_put_settles_is_not_put_back() -> None:
    group = Group("abc")

    async def colleague() -> None:
        await anyio.sleep(1.0)
        group.members = [one for one in group.members if one != "b"]

    group.answers = lambda puts: Lost("no complete answer in time") if puts == 1 else None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(colleague)
        await group.change("x")
    assert "".join(group.members) == "acx"


async def test_what_a_colleague_adds_while_our_put_leaves_is_put_back_if_it_was_dropped_by_it() -> None:
    group = Group("abc")
    group.shows = lambda gets, members: [*members, "n"] if gets == 3 else members  # the one that leaves with the PUT
    await group.change("x")
    assert group.puts == ["abcx", "abcxn"]


async def test_it_costs_two_readings_before_and_one_after_where_nobody_else_is_there() -> None:
    group = Group("abc")
    await group.change("x")
    assert (group.puts, group.gets) == (["abcx"], 4)  # one goes with the PUT
