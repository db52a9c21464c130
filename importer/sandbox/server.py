"""Serving both APIs on loopback, over one state file."""

from __future__ import annotations

import ipaddress
import sqlite3
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import TYPE_CHECKING

import anyio
from aiohttp import hdrs, web

from importer.errors import UsageError
from importer.sandbox.api import opal, rootly
from importer.sandbox.api.rootly_directory import replace
from importer.sandbox.faults.middleware import Faulty
from importer.sandbox.faults.wire import Misbehaviour
from importer.sandbox.ports import Ports
from importer.sandbox.state import SandboxState, opened, unusable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from importer.records import TargetName
    from importer.sandbox.directory_file import DirectoryFile
    from importer.sandbox.faults.fault_plan import FaultPlan
    from importer.sandbox.rate_limits import Limits


_PATIENCE = 1.0  # seconds for requests under way when the sandbox stops


@asynccontextmanager
async def serving(
    path: Path,
    *,
    host: str,
    port: int,
    limits: Limits,
    faults: FaultPlan | None,
    directory: DirectoryFile | None,
    now: Callable[[], float],
) -> AsyncIterator[dict[TargetName, str]]:
    """Serve until the block ends; gives each target's origin, such as `http://127.0.0.1:8080`.

    Requests are logged where there is a plan, be it an empty one.
    """
    host = "127.0.0.1" if host == "localhost" else host  # one address, whatever this machine resolves the name to
    _refuse_address(host, port)
    doors = Ports()
    with opened(path, now) as state:
        if directory is not None:
            _replace_directory(state, path, directory, now())
        app = _application(state, limits, now)
        if faults is not None:
            _add_faults(app, faults, state, now, doors)
        is_apart = faults is not None and any(fault.what == "go_away" for fault in faults.fault)
        async with _running(app, doors, is_faulty=faults is not None) as runner:
            yield await doors.open(runner, host, port, is_apart=is_apart)


def _replace_directory(state: SandboxState, path: Path, directory: DirectoryFile, now: float) -> None:
    try:
        replace(state, directory, now)
    except sqlite3.Error as error:
        raise unusable(path, "cannot take the directory", error) from error


def _application(state: SandboxState, limits: Limits, now: Callable[[], float]) -> web.Application:
    async def tell_time(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers[hdrs.DATE] = formatdate(now(), usegmt=True)

    app = web.Application()
    app.on_response_prepare.append(tell_time)
    app.add_subapp("/opal/v1", opal.application(state, limits, now))
    app.add_subapp("/rootly", rootly.application(state, limits, now))
    return app


def _add_faults(
    app: web.Application, plan: FaultPlan, state: SandboxState, now: Callable[[], float], doors: Ports
) -> None:
    stopping = anyio.Event()

    async def stop(_app: web.Application) -> None:
        stopping.set()

    app.middlewares.append(Faulty(plan, state, now, Misbehaviour(now, stopping), doors.leave).meet)
    app.on_shutdown.append(stop)


@asynccontextmanager
async def _running(app: web.Application, doors: Ports, *, is_faulty: bool) -> AsyncIterator[web.AppRunner]:
    """Have the application run, and all of it ended after the block."""
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=_PATIENCE,
        handler_cancellation=is_faulty,  # ends a hang when its client goes away; no commit waits for anything
    )
    await runner.setup()
    try:
        yield runner
    finally:
        with anyio.CancelScope(shield=True):  # also when cancelled: the port and the state must be let go
            await doors.close()
            await runner.cleanup()


def _refuse_address(host: str, port: int) -> None:
    """Refuse what others could reach: the sandbox's token is known to everybody."""
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        message = f"The sandbox serves this machine only, not {host!r}."
        raise UsageError(message, hint="Use a loopback address, such as 127.0.0.1.")
    if not 0 <= port <= 65535:
        raise UsageError(f"{port} is not a port.", hint="Use a number from 1 to 65535, or 0 for any free one.")
