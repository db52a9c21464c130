"""Who works through a queue: so many workers, one who clears up, and those who watch over them. Decides nothing."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio

from importer.delivery.stop import Reason
from importer.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from importer.delivery.queue import Queue
    from importer.delivery.throttle import Throttle


_FLUSH_EVERY = 0.5  # seconds that a decided outcome may wait for its commit


class Workers:
    """The tasks of one queue, from the first to the last record."""

    def __init__(self, queue: Queue, throttle: Throttle, flush: Callable[[], None]) -> None:
        self._queue = queue
        self._throttle = throttle
        self._flush = flush  # commits what was decided
        self._stop = throttle.stop

    @asynccontextmanager
    async def on_duty(self, end: Callable[[], None]) -> AsyncIterator[None]:
        """Whatever ends the block: what was decided is committed, and then `end` says what is left.

        A journal that cannot be written ends the block, and is told as the reason.
        """
        try:
            yield
        except* JournalError as errors:
            self._stop.set(Reason.UNWRITABLE, _first_message(errors))
        finally:
            self.close()
            self._flush()
            try:
                if self._stop.reason is not Reason.UNWRITABLE:
                    end()
            except JournalError as error:
                self._stop.set(Reason.UNWRITABLE, error.message)

    async def work(
        self,
        worker: Callable[[], Coroutine[Any, Any, None]],
        number: int,
        clear_up: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        """Have so many workers work until the queue is finished, while one clears up behind them."""
        if self._stop.reason is not None:
            self.close()
        async with anyio.create_task_group() as aside:
            aside.start_soon(self._flush_regularly)
            aside.start_soon(self._close_on_stop)
            aside.start_soon(self.cancel_when_gone, aside.cancel_scope)
            async with anyio.create_task_group() as workers:
                workers.start_soon(clear_up)
                for _ in range(number):
                    workers.start_soon(worker)
            aside.cancel_scope.cancel()

    def close(self) -> None:
        """Have nothing more sent."""
        self._queue.close(is_hopeless=self._stop.is_hopeless, until=self._stop.until)

    async def _flush_regularly(self) -> None:
        while True:
            await anyio.sleep(_FLUSH_EVERY)
            self._flush()

    async def _close_on_stop(self) -> None:
        await self._stop.wait()
        self.close()

    async def cancel_when_gone(self, scope: anyio.CancelScope) -> None:
        """End the work before its grace does where nothing can become of it: interrupted, and the target is gone."""
        await self._stop.wait()
        if self._stop.reason is Reason.INTERRUPTED:
            await self._throttle.wait_until_gone()
            scope.cancel()


def _first_message(errors: BaseExceptionGroup[JournalError]) -> str:
    first = errors.exceptions[0]
    return _first_message(first) if isinstance(first, BaseExceptionGroup) else first.message
