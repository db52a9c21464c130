"""How a target's work is stopped: those who wait to send wake up, and requests in flight are finished."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import Enum, auto

import anyio

GRACE = 10.0  # seconds that what was sent may take after an interrupt


class Reason(Enum):
    """Why a target's work ended before everything was decided."""

    INTERRUPTED = auto()  #: by the user; the target can still be asked
    TOKEN_REFUSED = auto()
    GIVEN_UP = auto()  #: the target does not come back
    UNWRITABLE = auto()  #: the journal cannot be written: nothing may be sent that it does not know of


class StoppedError(Exception):
    """The work was stopped; raised where something was about to be sent or asked."""


class Stop:
    """Set once; the first reason stays, unless the journal cannot be written: that outweighs every other."""

    def __init__(self) -> None:
        self._event = anyio.Event()
        self._waits: dict[anyio.CancelScope, bool] = {}
        self.reason: Reason | None = None
        self.words = ""
        self.until = math.inf  #: requests in flight may take until then

    def set(self, reason: Reason, words: str, until: float = math.inf) -> None:
        """End the work, for a reason that the report can show."""
        if self.reason is None or reason is Reason.UNWRITABLE:
            self.reason, self.words, self.until = reason, words, until
            self._event.set()
            for scope, is_write in self._waits.items():
                if self._is_over(is_write=is_write):
                    scope.cancel()

    @property
    def is_hopeless(self) -> bool:
        """True if the target cannot even be asked any more."""
        return self.reason not in (None, Reason.INTERRUPTED)

    def check(self, *, is_write: bool) -> None:
        """Raise StoppedError if a request may not leave any more."""
        if self._is_over(is_write=is_write):
            raise StoppedError

    def _is_over(self, *, is_write: bool) -> bool:
        return self.is_hopeless or (is_write and self.reason is not None)

    async def sleep(self, seconds: float, *, is_write: bool) -> None:
        """Wait some seconds; raise StoppedError as soon as the request that waits may not leave any more."""
        deadline = anyio.current_time() + seconds
        with anyio.CancelScope(deadline=deadline):
            await self._event.wait()
        self.check(is_write=is_write)
        await anyio.sleep_until(deadline)

    @contextmanager
    def ends(self, *, is_write: bool) -> Iterator[None]:
        """Leave the block as soon as the request that it sends or waits for may not leave any more."""
        with anyio.CancelScope() as scope:
            self._waits[scope] = is_write
            if self._is_over(is_write=is_write):
                scope.cancel()
            try:
                yield
            finally:
                del self._waits[scope]

    async def wait(self) -> None:
        """Wait until it is set."""
        await self._event.wait()


@asynccontextmanager
async def end_on_interrupt(
    stops: Iterable[Stop], interrupted: anyio.Event, words: str, grace: float = 0.0
) -> AsyncIterator[None]:
    """Stop the block when the user interrupts, and cancel it some seconds later."""

    async def watch(scope: anyio.CancelScope) -> None:
        await interrupted.wait()
        for stop in stops:
            stop.set(Reason.INTERRUPTED, words, anyio.current_time() + grace)
        await anyio.sleep(grace)
        scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(watch, group.cancel_scope)
        yield
        group.cancel_scope.cancel()
