"""One run at a time on this machine for each target and token: two would race, and double the rate."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import anyio

from importer.errors import ImporterError, InterruptedReadingError, SettingsError, UsageError
from importer.settings.values import canonical_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from importer.delivery.transport import Connection
    from importer.records import TargetName
    from importer.settings import Settings


_PROCESS = re.compile(r"\(process (\d+)\)$")
_POLL = 0.2  # seconds between two looks at a lock that is held


@dataclass(slots=True)
class TargetLock:
    """A target that is held."""

    left_by: str  #: who held it last and did not end well: something of theirs may still be on its way; else empty
    is_settled: bool = False  #: set it where nothing that was sent is in doubt any more


class Holder(NamedTuple):
    """Who has a target, or had it last and did not end well."""

    who: str
    is_held: bool


def look_at_turn(connection: Connection) -> Holder | None:
    """Return who holds a target; None where it is free. Takes nothing: whoever begins meanwhile is not held up.

    Raises:
        SettingsError: the lock cannot be read.
    """
    path = _lock_path(connection)
    try:
        who = path.read_text(encoding="utf-8", errors="backslashreplace")[:4096]
        return Holder(who, _is_locked(path, who)) if who else None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path.parent, error) from error


def _is_locked(path: Path, who: str) -> bool:
    """Return whether the process that wrote its name lives, and holds the lock where the system lists locks."""
    process = _PROCESS.search(who)
    try:
        os.kill(int(process[1]) if process else 0, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it lives, and is another user's
    try:
        locks = Path("/proc/locks").read_text(encoding="ascii")
    except OSError:
        return True
    return f":{path.stat().st_ino} " in locks


@asynccontextmanager
async def take_turns(
    connections: Mapping[TargetName, Connection],
    holder: Path,
    settings: Settings,
    *,
    interrupted: anyio.Event,
    tell: Callable[[TargetName, str], None],
) -> AsyncIterator[dict[TargetName, TargetLock]]:
    """Hold all targets, always in the same order; wait for what the last holder left on its way.

    Raises: as `take_turn`.
    """
    async with AsyncExitStack() as stack:
        turns: dict[TargetName, TargetLock] = {}
        try:
            for target in sorted(connections):
                say = partial(tell, target) if settings.wait else None
                turn = take_turn(target, connections[target], holder, interrupted, say)
                turns[target] = await stack.enter_async_context(turn)
        except ImporterError:  # refused, or interrupted: nothing was sent to those that are held already
            for held in turns.values():
                held.is_settled = not held.left_by
            raise
        left = {target: turn.left_by for target, turn in turns.items() if turn.left_by}
        for target, who in left.items():
            tell(target, f"settles for {settings.settle:g} s: {who} ended with something on its way")
        if left:
            with anyio.move_on_after(settings.settle):
                await interrupted.wait()
        yield turns


@asynccontextmanager
async def take_turn(
    target: str, connection: Connection, holder: Path, interrupted: anyio.Event, tell: Callable[[str], None] | None
) -> AsyncIterator[TargetLock]:
    """Hold the target for this token until the block ends, or the process does, however it does.

    `holder` is the run's folder, which the next one is told. With `tell` it says so and waits for its turn.

    Raises:
        UsageError: another process has it, and nobody wants to wait.
        InterruptedReadingError: interrupted while waiting.
        SettingsError: there is no place for the lock.
    """
    descriptor = _open_lock(connection)
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
        turn = TargetLock(_read_holder(descriptor))
        _announce(descriptor, holder)
        try:
            yield turn
        finally:
            if turn.is_settled:
                os.ftruncate(descriptor, 0)
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
    text = f"{holder.absolute()} (process {os.getpid()})".encode()
    try:
        os.pwrite(descriptor, text, 0)  # before the rest is cut off: what the last holder left is not forgotten
        os.ftruncate(descriptor, len(text))
    except OSError as error:
        raise SettingsError(
            f"the lock against a second run cannot be written: {error.strerror}",
            hint="make room on its disk, or set XDG_STATE_HOME to a folder of your own",
        ) from error


def _read_holder(descriptor: int) -> str:
    return os.pread(descriptor, 4096, 0).decode("utf-8", "backslashreplace")


def _open_lock(connection: Connection) -> int:
    """Open the lock: the same file for every process of this user."""
    path = _lock_path(connection)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _unusable(path.parent, error) from error


def _lock_path(connection: Connection) -> Path:
    """Name the lock by a one-way hash of base URL and token."""
    name = hashlib.sha256(f"{canonical_url(connection.base_url)}\0{connection.token}".encode()).hexdigest()[:32]
    try:
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    except RuntimeError:  # no HOME, and no entry for this user
        raise SettingsError(
            "this user has no home folder for the lock against a second run",
            hint="Set HOME, or XDG_STATE_HOME, to a folder of your own.",
        ) from None
    return Path(state) / "oncall-importer" / f"{name}.lock"


def _unusable(folder: Path, error: OSError) -> SettingsError:
    return SettingsError(
        f"the lock against a second run cannot be made in {folder}: {error.strerror}",
        hint="make it writable, or set XDG_STATE_HOME to a folder of your own",
    )
