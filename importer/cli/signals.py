"""Ctrl-C and SIGTERM: the first ends a command in order within ten seconds, the second at once."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from importer.errors import InterruptedReadingError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from types import FrameType

    import anyio

    from importer.cli.console import Console


AnyResult = TypeVar("AnyResult")
#: Seconds that reading may go on after an interrupt: a FIFO may never be written, a child may be stopped.
_PATIENCE = 3.0
_LONGEST = 9.5  # seconds until an interrupted command is ended in any case: the journal has everything that was done


def await_with_signals(command: Callable[[anyio.Event], Awaitable[AnyResult]], console: Console) -> AnyResult:
    """Run a command; the first SIGINT or SIGTERM ends it in order within ten seconds, the second at once."""
    import asyncio

    import anyio

    async def supervise() -> AnyResult:
        interrupted = anyio.Event()
        with _interrupts(interrupted, asyncio.get_running_loop(), console):
            return await command(interrupted)

    return anyio.run(supervise)


@contextmanager
def _interrupts(interrupted: anyio.Event, loop: Any, console: Console) -> Iterator[None]:
    """Handle signals even while the event loop is blocked, as by reading a source or writing a report."""
    began = 0.0

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        nonlocal began
        if began:
            console.ended_at_once()
            os._exit(130)  # requests in flight are in doubt in the journal; rerun asks about them
        began = time.monotonic()
        loop.call_soon_threadsafe(interrupted.set)
        console.interrupted()
        signal.setitimer(signal.ITIMER_REAL, _PATIENCE, _PATIENCE / 10)

    def lose_patience(_signal: int, _frame: FrameType | None) -> None:
        if not console.is_planned:
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise InterruptedReadingError
        if time.monotonic() - began >= _LONGEST:
            console.ended_at_once(", as stopping took too long")
            os._exit(130)

    handlers = {signal.SIGINT: interrupt, signal.SIGTERM: interrupt, signal.SIGALRM: lose_patience}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        with _waking(loop):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _waking(loop: Any) -> Iterator[None]:
    """Wake the event loop at each signal: otherwise one that arrives just as the loop goes to sleep is not handled."""
    import socket

    receiver, sender = socket.socketpair()
    with receiver, sender:
        sender.setblocking(False)
        loop.add_reader(receiver, receiver.recv, 4096)
        before = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            loop.remove_reader(receiver)
