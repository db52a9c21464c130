"""How long a request may take: in virtual time, so that no test waits."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from importer.delivery.client import Deadlines

from .virtual_time import VIRTUAL

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return VIRTUAL


async def test_what_is_in_time_gives_its_result() -> None:
    async def work() -> str:
        await anyio.sleep(4.9)
        return "done"

    assert await Deadlines(5.0).keep(work()) == "done"


async def test_what_takes_longer_ends_then_and_the_next_has_its_whole_time_again() -> None:
    deadlines = Deadlines(5.0)
    began = anyio.current_time()
    for number in (1, 2):
        with pytest.raises(TimeoutError):
            await deadlines.keep(anyio.sleep_forever())
        assert anyio.current_time() - began == pytest.approx(5.0 * number)


async def test_each_of_many_ends_at_its_own_time() -> None:
    deadlines = Deadlines(5.0)
    ended: list[float] = []

    async def wait(delay: float) -> None:
        await anyio.sleep(delay)
        try:
            await deadlines.keep(anyio.sleep_forever())
        except TimeoutError:
            ended.append(anyio.current_time() - began)

    began = anyio.current_time()
    async with anyio.create_task_group() as group:
        for delay in (0.0, 1.0, 3.5):
            group.start_soon(wait, delay)
    assert ended == pytest.approx([5.0, 6.0, 8.5])


async def test_somebody_elses_cancellation_is_no_timeout() -> None:
    ended = ""

    async def wait() -> None:
        nonlocal ended
        try:
            await Deadlines(5.0).keep(anyio.sleep_forever())
        except BaseException as error:
            ended = type(error).__name__
            raise

    with anyio.move_on_after(1.0) as scope:
        await wait()
    assert scope.cancelled_caught
    assert ended == "CancelledError"


async def test_after_a_timeout_the_task_is_not_cancelled_any_more() -> None:
    with pytest.raises(TimeoutError):
        await Deadlines(5.0).keep(anyio.sleep_forever())
    await anyio.sleep(10.0)


async def test_work_that_ends_otherwise_when_it_is_late_leaves_no_cancellation_behind() -> None:
    """An answer, or another error, in the place of the cancellation: the task goes on as if nothing had been."""

    async def answer() -> str:
        with suppress(asyncio.CancelledError):
            await asyncio.get_running_loop().create_future()
        return "done"

    async def fail() -> None:
        try:
            await anyio.sleep_forever()
        except asyncio.CancelledError:
            raise ConnectionResetError from None

    deadlines = Deadlines(5.0)
    assert await deadlines.keep(answer()) == "done"
    with pytest.raises(ConnectionResetError):
        await deadlines.keep(fail())
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()
    await anyio.lowlevel.checkpoint()


async def test_both_at_the_same_moment_is_a_cancellation() -> None:
    with anyio.move_on_after(5.0) as scope:
        await Deadlines(5.0).keep(anyio.sleep_forever())
    assert scope.cancelled_caught
