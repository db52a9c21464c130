"""Standard input, taken in while signals are heard: whoever types there may never end."""

from __future__ import annotations

import shutil
import sys
import tempfile
from functools import partial
from typing import BinaryIO

import anyio

from importer.errors import InterruptedReadingError


async def spool(interrupted: anyio.Event) -> BinaryIO:
    """Copy standard input to a temporary file, on a thread.

    Raises:
        InterruptedReadingError: interrupted; the thread goes on waiting and is left behind.
    """
    spooled = tempfile.TemporaryFile()  # noqa: SIM115  (who reads it closes it)
    async with anyio.create_task_group() as group:
        group.start_soon(_cancel_on, interrupted, group.cancel_scope)
        copy = partial(shutil.copyfileobj, sys.stdin.buffer, spooled)
        await anyio.to_thread.run_sync(copy, abandon_on_cancel=True)
        group.cancel_scope.cancel()
    if interrupted.is_set():
        raise InterruptedReadingError("interrupted while reading; nothing was sent", hint="start it again")
    spooled.seek(0)
    return spooled


async def _cancel_on(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
