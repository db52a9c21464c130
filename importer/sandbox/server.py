"""Serving both APIs on one loopback port, over one state file."""

from __future__ import annotations

import errno
import ipaddress
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
from aiohttp import web

from importer.errors import UsageError
from importer.sandbox import opal, rootly
from importer.sandbox.state import State, opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

_PATIENCE = 1.0  # seconds for requests under way when the sandbox stops


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is let through."""

    opal_rate: float  #: requests per second
    rootly_per_minute: int  #: for reads and for writes
    is_on: bool

    def __post_init__(self) -> None:
        if not (self.opal_rate > 0 and self.rootly_per_minute >= 1):
            raise UsageError("A rate of the sandbox must be above 0.", hint="Switch limits off to have none.")


@asynccontextmanager
async def serving(path: Path, *, host: str, port: int, limits: Limits, now: Callable[[], float]) -> AsyncIterator[str]:
    """Serve until the block ends; gives the origin, such as `http://127.0.0.1:8080`."""
    host = "127.0.0.1" if host == "localhost" else host  # one address, whatever this machine resolves the name to
    _refuse_address(host, port)
    with opened(path) as state:
        app = _application(state, limits, now)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_PATIENCE)
        await runner.setup()
        try:
            await _listen(runner, host, port)
            port_taken = runner.addresses[0][1]
            yield f"http://[{host}]:{port_taken}" if ":" in host else f"http://{host}:{port_taken}"
        finally:
            with anyio.CancelScope(shield=True):  # also when cancelled: the port and the state must be let go
                await runner.cleanup()


def _application(state: State, limits: Limits, now: Callable[[], float]) -> web.Application:
    app = web.Application()
    app.add_subapp("/opal/v1", opal.application(state, rate=limits.opal_rate, is_limited=limits.is_on, now=now))
    per_minute = limits.rootly_per_minute
    app.add_subapp("/rootly", rootly.application(state, per_minute=per_minute, is_limited=limits.is_on, now=now))
    return app


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
        raise UsageError(f"{port} is not a port.", hint="Use a number from 1 to 65535, or 0 for any free port.")


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = f"Port {port} on {host} is in use."
        else:
            reason = f"The sandbox cannot listen on {host}, port {port}: {os.strerror(error.errno or 0)}."
        raise UsageError(reason, hint="Use another port, or 0 for any free one.") from error
