"""How long one request may take in all. One timer for all requests: one for each, as aiohttp's, costs a tenth of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import TypeVar

    T = TypeVar("T")


class Deadlines:
    """Ends what takes longer than `seconds`; every task may wait for one thing at a time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends: dict[asyncio.Task[object], float] = {}  # by task, the soonest first: all may take equally long
        self._late: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def keep(self, work: Awaitable[T]) -> T:
        """Wait for the work.

        Raises:
            TimeoutError: it took too long, and was cancelled.
        """
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (a coroutine runs in a task)
        cancelling = task.cancelling()
        self._ends[task] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_at(self._ends[task], self._end_late, loop)
        try:
            return await work
        except asyncio.CancelledError:
            # As asyncio.timeout does: somebody else's cancellation, which can have come as well, goes on.
            if self._forget(task) and task.cancelling() <= cancelling:
                raise TimeoutError from None
            raise
        finally:
            self._forget(task)

    def _forget(self, task: asyncio.Task[object]) -> bool:
        """Take back the cancellation of a task that was late, also where its work made something else of it.

        Gives whether it was late.
        """
        self._ends.pop(task, None)
        if task not in self._late:
            return False
        self._late.remove(task)
        task.uncancel()
        return True

    def _end_late(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        for task, end in self._ends.items():
            if end > now:
                self._timer = loop.call_at(end, self._end_late, loop)
                break
            if task not in self._late:
                self._late.add(task)
                task.cancel()
