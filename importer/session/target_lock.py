"""The lock that allows one run at a time for each target, on this machine and for this user.

Two runs would race, and double the rate. The lock is a file that the operating system locks; its folder depends on no
variable. Its name is made of the target and the base URL only: nothing that a run asks an API tells it to which
organization a token belongs.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import stat
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import anyio

from importer.delivery.queue import notify
from importer.delivery.transport import Connection
from importer.errors import ImporterError, InterruptedReadingError, SettingsError, UsageError
from importer.records import TargetName
from importer.session.control import RunControl
from importer.settings.options import Settings
from importer.settings.values import canonical_url

TEMPORARY = Path("/tmp")  # noqa: S108  (fixed: TMPDIR, HOME and XDG_STATE_HOME differ between a terminal and a cron job)
_PROCESS = re.compile(r"\(process (\d+)\)$")
_POLL = 0.2  # seconds between two attempts at a lock that is held
_LONGEST = 4096  # bytes that are read of a lock's file


@dataclass(slots=True)
class TargetLock:
    """The lock of a target, held."""

    left_by: str  #: the last holder, if it did not end well: one of its requests may still be in flight; else empty
    is_settled: bool = False  #: set it once nothing that was sent is in doubt any more


class Holder(NamedTuple):
    """The process that holds a target, or held it last and did not end well."""

    who: str
    is_held: bool


def look_at_lock(target: TargetName, connection: Connection) -> Holder | None:
    """Return who holds a target; None if it is free. Takes no lock, so it does not get in a run's way.

    Raises:
        SettingsError: the lock cannot be read.
    """
    path = lock_path(target, connection)
    if not (who := _read_holder(path)):
        return None
    try:
        return Holder(who, _is_locked(path, who))
    except FileNotFoundError:
        return None


def _is_locked(path: Path, who: str) -> bool:
    """Return whether the process that wrote its name is alive and, if the system lists locks, holds this one."""
    process = _PROCESS.search(who)
    try:
        os.kill(int(process[1]) if process else 0, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is alive, and belongs to another user
    try:
        locks = Path("/proc/locks").read_text(encoding="ascii")
    except OSError:
        return True
    return f":{path.stat().st_ino} " in locks


@asynccontextmanager
async def lock_targets(
    connections: Mapping[TargetName, Connection],
    holder: Path,
    settings: Settings,
    control: RunControl,
) -> AsyncIterator[dict[TargetName, TargetLock]]:
    """Hold all targets, always in the same order; wait for requests that the last holder left in flight.

    The sandbox belongs to this run alone, and is not held.

    Raises: as `lock_target`.
    """
    async with AsyncExitStack() as stack:
        locks: dict[TargetName, TargetLock] = {}
        try:
            for target in () if settings.sandbox else sorted(connections):
                report = partial(notify, control.observer, target) if settings.wait else None
                lock = lock_target(target, connections[target], holder, control.interrupted, report)
                locks[target] = await stack.enter_async_context(lock)
        except ImporterError:  # refused, or interrupted: nothing was sent to the targets that are held already
            for held in locks.values():
                held.is_settled = not held.left_by
            raise
        left = {target: lock.left_by for target, lock in locks.items() if lock.left_by}
        for target, who in left.items():
            notify(control.observer, target, f"is asked in {settings.settle:g} s: {who} left records in doubt")
        if left:
            with anyio.move_on_after(settings.settle):
                await control.interrupted.wait()
        yield locks


@asynccontextmanager
async def lock_target(
    target: TargetName,
    connection: Connection,
    holder: Path,
    interrupted: anyio.Event,
    notify: Callable[[str], None] | None,
) -> AsyncIterator[TargetLock]:
    """Hold the target until the block or the process ends, in whatever way.

    `holder` is the run's folder, which is shown to the next one. With `notify` it reports that, and waits for its turn.

    Raises:
        UsageError: another process has it, and --wait was not given.
        InterruptedReadingError: interrupted while waiting.
        SettingsError: there is no place for the lock.
    """
    path = lock_path(target, connection)
    with ExitStack() as stack:
        descriptor = _try(path, stack)
        if descriptor is None:
            who = _read_holder(path) or "it has just begun, or just ended"
            if notify is None:
                raise UsageError(
                    f"another run sends to {target} at {connection.base_url}: {who}",
                    hint="Wait for it with --wait, or stop it: two at once could send the same record twice.",
                )
            notify(f"is waited for: another run sends to it ({who})")
        while descriptor is None:
            with anyio.move_on_after(_POLL):
                await interrupted.wait()
                raise InterruptedReadingError("interrupted while waiting; nothing was sent")
            descriptor = _try(path, stack)
        lock = TargetLock(os.pread(descriptor, _LONGEST, 0).decode("utf-8", "backslashreplace"))
        _announce(descriptor, holder)
        try:
            yield lock
        finally:
            if lock.is_settled and _is_the_file(descriptor, path):
                with suppress(OSError):
                    path.unlink()  # while it is locked: whoever has it open sees that it is gone, and makes another


def _try(path: Path, held: ExitStack) -> int | None:
    """Return the lock's file, open and locked until `held` ends; None if another process has it.

    Raises:
        SettingsError: there is no place for it, or the place does not belong to this user alone.
    """
    try:
        while True:
            with ExitStack() as stack:
                folder = _open_folder(path.parent, stack)
                flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
                descriptor = os.open(path.name, flags, 0o600, dir_fd=folder)
                stack.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_the_file(descriptor, path):  # else it was deleted after it was opened, and means nothing
                    held.push(stack.pop_all())
                    return descriptor
    except BlockingIOError:
        return None
    except OSError as error:
        raise _unusable(path.parent, error.strerror or str(error)) from error


def _open_folder(path: Path, stack: ExitStack) -> int:
    """Open the folder of the locks, and check that it belongs to this user alone."""
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    stack.callback(os.close, folder)
    found = os.fstat(folder)
    if found.st_uid != os.geteuid():
        raise _unusable(path, "it belongs to another user")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise _unusable(path, "other users may open it")
    with suppress(BlockingIOError):
        fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)  # systemd-tmpfiles leaves a locked folder alone
    return folder


def _is_the_file(descriptor: int, path: Path) -> bool:
    """Return whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except OSError:
        return False


def _announce(descriptor: int, holder: Path) -> None:
    text = f"{holder.absolute()} (process {os.getpid()})".encode()
    try:
        os.pwrite(descriptor, text, 0)  # before the rest is cut off: what the last holder left is never lost
        os.ftruncate(descriptor, len(text))
    except OSError as error:
        raise SettingsError(
            f"the lock against a second run cannot be written in {TEMPORARY}: {error.strerror}",
            hint="Make room on its disk.",
        ) from error


def _read_holder(path: Path) -> str:
    """Return the holder's name in a lock's file; empty if there is none.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8", errors="backslashreplace")[:_LONGEST]
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise _unusable(path.parent, error.strerror or str(error)) from error


def lock_path(target: TargetName, connection: Connection) -> Path:
    """Return the path of a target's lock: the same for every spelling of its base URL and every token."""
    name = hashlib.sha256(f"{target}\0{canonical_url(connection.base_url)}".encode()).hexdigest()[:32]
    return lock_folder() / f"{target}-{name}.lock"


def lock_folder() -> Path:
    """Return where the locks of this user are."""
    return TEMPORARY / f"oncall-importer-{os.geteuid()}"


def _unusable(folder: Path, why: str) -> SettingsError:
    return SettingsError(
        f"the lock against a second run cannot be made in {folder}: {why}",
        hint=f"Remove {folder} or have it removed: it must be a folder of yours that nobody else can open (mode 700).",
    )
