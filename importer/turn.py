"""One run at a time on this machine for each target and token: two would race, and double the rate."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from importer.errors import InterruptedReadingError, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from importer.pool import Connection

_POLL = 0.2  # seconds between two looks at a lock that is held


@asynccontextmanager
async def take_turn(
    target: str, connection: Connection, holder: Path, interrupted: anyio.Event, tell: Callable[[str], None] | None
) -> AsyncIterator[None]:
    """Hold the target for this token until the block ends, or the process does, however it does.

    `holder` is the run's folder, which the next one is told. With `tell` it says so and waits for its turn.

    Raises:
        UsageError: another process has it, and nobody wants to wait.
        InterruptedReadingError: interrupted while waiting.
    """
    descriptor = os.open(_lock_file(connection), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        if not _try(descriptor):
            who = _read_holder(descriptor)
            if tell is None:
                raise UsageError(
                    f"another run sends to {target} with the same token: {who}",
                    hint="wait for it with --wait, or stop it; two at once could send the same record twice",
                )
            tell(f"is waited for: {who} sends to it with the same token")
            await _wait(descriptor, interrupted)
        _announce(descriptor, holder)
        yield
    finally:
        os.close(descriptor)


async def _wait(descriptor: int, interrupted: anyio.Event) -> None:
    while not _try(descriptor):
        with anyio.move_on_after(_POLL):
            await interrupted.wait()
            raise InterruptedReadingError("interrupted while waiting; nothing was sent", hint="start it again")


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _announce(descriptor: int, holder: Path) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{holder.absolute()} (process {os.getpid()})".encode(), 0)


def _read_holder(descriptor: int) -> str:
    with suppress(OSError):
        return os.pread(descriptor, 4096, 0).decode("utf-8", "backslashreplace") or "a run that just began"
    return "a run"


def _lock_file(connection: Connection) -> Path:
    """Name the lock by a one-way hash of base URL and token, in a folder of this user's alone."""
    name = hashlib.sha256("\0".join(connection).encode()).hexdigest()[:32]
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"oncall-importer-{os.getuid()}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    state = folder.stat(follow_symlinks=False)
    if state.st_uid != os.getuid():
        raise UsageError(
            f"{folder} belongs to somebody else, and the lock against a second run must stand in it",
            hint="set TMPDIR to a folder of your own",
        )
    return folder / f"{name}.lock"
