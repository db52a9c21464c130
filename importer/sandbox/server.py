"""Serves the stand-ins for the APIs on loopback ports, over one state file."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import TypeAlias

import anyio
from aiohttp import hdrs, web

from importer.errors import UsageError
from importer.records import TargetName
from importer.sandbox.api import opal, opsgenie, pagerduty, rootly
from importer.sandbox.api.answers import Handler, Limits
from importer.sandbox.directory_file import DirectoryFile
from importer.sandbox.fault_middleware import FaultMiddleware, reset
from importer.sandbox.fault_plan import FaultPlan
from importer.sandbox.organization import Organization, demo_organization
from importer.sandbox.state import SandboxState, opened, unusable
from importer.settings.values import is_loopback

#: What the real APIs let through: the default.
_REAL = Limits()

_HOST = "127.0.0.1"  # never an address that others can reach: the sandbox's token is public
_BACKLOG = 128  # connections that may wait to be accepted
_PAUSE = 0.2  # seconds until the next try where no more files may be open


class Port:
    """One port of this machine. While it is closed it refuses connections, but stays reserved."""

    def __init__(self, runner: web.AppRunner, port: int) -> None:
        self._runner = runner
        self._bound = _bind(port)
        self._port: int = self._bound.getsockname()[1]
        self._is_open = False
        self._timer: asyncio.TimerHandle | None = None  # until connections are accepted, or until it is opened, again
        self._accepting: set[asyncio.Task[object]] = set()

    @property
    def origin(self) -> str:
        """Return the base of its URLs, for example `http://127.0.0.1:8080`."""
        return f"http://{_HOST}:{self._port}"

    def open(self) -> None:
        """Listen.

        Raises:
            UsageError: the port cannot be listened on.
        """
        try:
            self._bound.listen(_BACKLOG)
        except OSError as error:
            raise _unusable_port(self._port, error) from error
        self._bound.setblocking(False)
        self._is_open = True
        self._watch()

    def _watch(self) -> None:
        asyncio.get_running_loop().add_reader(self._bound, self._accept)

    def _accept(self) -> None:
        """Take the connections that wait. Where no more files may be open they go on waiting.

        Not asyncio's own server: it tries again without a pause, and logs each try.
        """
        loop = asyncio.get_running_loop()
        try:
            while True:
                connection, _ = self._bound.accept()
                connection.setblocking(False)
                task = loop.create_task(self._serve(connection))
                self._accepting.add(task)
                task.add_done_callback(self._accepting.discard)
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError:
            loop.remove_reader(self._bound)
            self._timer = loop.call_later(_PAUSE, self._watch)

    async def _serve(self, connection: socket.socket) -> None:
        server = self._runner.server
        assert server is not None  # noqa: S101  (the runner was set up before any port was opened)
        with suppress(OSError):  # it is gone already
            await asyncio.get_running_loop().connect_accepted_socket(server, connection)

    def release(self) -> None:
        """Release the port."""
        if self._timer is not None:
            self._timer.cancel()
        asyncio.get_running_loop().remove_reader(self._bound)
        self._bound.close()
        self._is_open = False

    def close(self, delay: float | None) -> None:
        """Refuse new connections and reset those there are, for so many seconds or for good; once until it is open."""
        if not self._is_open:
            return
        self.release()
        # Bound again at once: otherwise another program, or a connecting client, could be given the port.
        self._bound = _bind(self._port)
        for connection in self._runner.server.connections if self._runner.server else ():
            transport = connection.transport
            if transport is not None and transport.get_extra_info("sockname")[1] == self._port:
                reset(transport)
        if delay is not None:
            self._timer = asyncio.get_running_loop().call_later(delay, self.open)


#: By target: one port for both, unless one of them may go away without the other.
Ports: TypeAlias = "dict[TargetName, Port]"


def _bind(port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise UsageError(f"{port} is not a valid port", hint="Use a number from 1 to 65535, or 0 for any free one.")
    bound = socket.socket()
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((_HOST, port))
    except OSError as error:
        bound.close()
        raise _unusable_port(port, error) from error
    return bound


def _unusable_port(port: int, error: OSError) -> UsageError:
    if error.errno == errno.EADDRINUSE:
        reason = f"port {port} on {_HOST} is in use"
    else:
        reason = f"the sandbox cannot listen on {_HOST}, port {port}: {os.strerror(error.errno or 0)}"
    return UsageError(reason, hint="Use another port, or 0 for any free one.")


_AUTHORITY = re.compile(r"(\[[^\]]+\]|[^:\[\]]+)(?::\d+)?")  # a Host header: name or address, and port
_SHUTDOWN_TIMEOUT = 1.0  # seconds for requests in progress when the sandbox stops


@dataclass(frozen=True, slots=True)
class Address:
    """The base URLs to use in place of the real ones."""

    opal: str  #: for OPAL_BASE_URL
    rootly: str  #: for ROOTLY_BASE_URL
    pagerduty: str  #: for PAGERDUTY_BASE_URL
    opsgenie: str  #: for OPSGENIE_BASE_URL


@asynccontextmanager
async def serve(
    state: Path,
    *,
    port: int = 0,
    limits: Limits = _REAL,
    faults: FaultPlan | None = None,
    directory: DirectoryFile | None = None,
    organization: Organization | None = None,
    now: Callable[[], float] = time.time,
) -> AsyncIterator[Address]:
    """Serve all APIs on this machine until the block ends; what was created stays in `state`.

    Port 0 means any free one. With a fault plan, even an empty one, every request is logged in the state, where
    `read_truth` finds it; with a plan in which a target goes away, Rootly gets a free port of its own. A directory
    replaces the state's users and schedules and stays there; without one they are those that the samples name, or the
    last that were given. An organization is what PagerDuty and Opsgenie hold; the default is a demo. `now` is the
    server's clock in epoch seconds: limits, dates and late objects follow it.

    Raises:
        UsageError: the port is in use or cannot be listened on.
        SettingsError: the state is in use, not a sandbox's, or cannot be opened.
    """
    ports: Ports = {}
    with opened(state, now) as store:
        if directory is not None:
            try:
                rootly.replace_directory(store, directory, now())
            except sqlite3.Error as error:
                raise unusable(state, "cannot take the directory", error) from error
        app = _application(store, organization or demo_organization(now()), limits, now)
        if faults is not None:
            _add_faults(app, faults, store, now, ports)
        is_separate = faults is not None and any(fault.what == "go_away" for fault in faults.fault)
        async with _running(app, ports, is_faulty=faults is not None) as runner:
            ports[TargetName.OPAL] = ports[TargetName.ROOTLY] = first = Port(runner, port)
            if is_separate:
                ports[TargetName.ROOTLY] = Port(runner, 0)
            for one in set(ports.values()):
                one.open()
            origin, rootly_origin = first.origin, ports[TargetName.ROOTLY].origin
            yield Address(f"{origin}/opal/v1", f"{rootly_origin}/rootly", f"{origin}/pagerduty", f"{origin}/opsgenie")


def _application(
    state: SandboxState, organization: Organization, limits: Limits, now: Callable[[], float]
) -> web.Application:
    async def set_date(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers[hdrs.DATE] = formatdate(now(), usegmt=True)

    app = web.Application(middlewares=[_refuse_foreign])
    app.on_response_prepare.append(set_date)
    app.add_subapp("/opal/v1", opal.application(state, limits, now))
    app.add_subapp("/rootly", rootly.application(state, organization.pagerduty, limits, now))
    app.add_subapp("/pagerduty", pagerduty.application(organization.pagerduty, limits, now))
    app.add_subapp("/opsgenie", opsgenie.application(organization.opsgenie, limits, now))
    return app


def _add_faults(
    app: web.Application, plan: FaultPlan, state: SandboxState, now: Callable[[], float], ports: Ports
) -> None:
    stopping = anyio.Event()

    def leave(target: TargetName, delay: float | None) -> None:
        ports[target].close(delay)

    async def stop(_app: web.Application) -> None:
        stopping.set()

    app.middlewares.append(FaultMiddleware(plan, state, now, leave, stopping).handle)
    app.on_shutdown.append(stop)


@asynccontextmanager
async def _running(app: web.Application, ports: Ports, *, is_faulty: bool) -> AsyncIterator[web.AppRunner]:
    """Run the application, and end all of it after the block."""
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=_SHUTDOWN_TIMEOUT,
        handler_cancellation=is_faulty,  # ends a hang when its client goes away; no commit awaits anything
    )
    await runner.setup()
    try:
        yield runner
    finally:
        with anyio.CancelScope(shield=True):  # also when cancelled: the port and the state must be released
            for port in set(ports.values()):
                port.release()
            await runner.cleanup()


@web.middleware
async def _refuse_foreign(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests that a web page sends, by its own name for this machine (DNS rebinding) or from its origin."""
    named = request.headers.get(hdrs.HOST, "")
    authority = _AUTHORITY.fullmatch(named)
    host = authority[1].strip("[]") if authority else ""
    origin = request.headers.get(hdrs.ORIGIN)
    if not is_loopback(host.lower()):
        return web.Response(status=421, text="The sandbox answers to localhost and loopback addresses only.\n")
    if origin is not None and origin.lower() != f"http://{named.lower()}":
        return web.Response(status=403, text="The sandbox does not answer requests that other sites' pages send.\n")
    return await handler(request)
