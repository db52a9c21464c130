"""The ports that the sandbox listens on, and how a target goes away for a while and comes back."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from contextlib import suppress

import anyio
from aiohttp import web

from importer.errors import UsageError
from importer.records import TargetName
from importer.sandbox.faults.wire import reset


class Door:
    """One port of this machine. While it is shut it refuses connections, and is still ours."""

    def __init__(self, runner: web.AppRunner, host: str, port: int) -> None:
        self._runner = runner
        self._host = host
        self._bound = _bind(host, port)
        self._port: int = self._bound.getsockname()[1]
        self._site: web.SockSite | None = None

    @property
    def origin(self) -> str:
        """Give the base of its URLs, such as `http://127.0.0.1:8080`."""
        return f"http://[{self._host}]:{self._port}" if ":" in self._host else f"http://{self._host}:{self._port}"

    @property
    def is_shut(self) -> bool:
        """True where nobody listens."""
        return self._site is None

    async def open(self) -> None:
        """Listen.

        Raises:
            UsageError: the port cannot be listened on.
        """
        site = web.SockSite(self._runner, self._bound)
        try:
            await site.start()
        except OSError as error:
            raise _unusable(self._host, self._port, error) from error
        self._site = site

    async def shut(self) -> None:
        """Refuse new connections and break off those there are."""
        if self._site is None:
            return
        await self._site.stop()  # closes the socket too
        self._site = None
        # Bound again at once: another program could be given the port, or a client that tries it, and meet itself.
        self._bound = _bind(self._host, self._port)
        for connection in self._runner.server.connections if self._runner.server else ():
            transport = connection.transport
            if transport is not None and transport.get_extra_info("sockname")[1] == self._port:
                reset(transport)

    def let_go(self) -> None:
        """Give the port back where nobody listens; where somebody does, that is done with the runner."""
        if self._site is None:
            self._bound.close()


class Ports:
    """The door of each target: one for all, unless one may go away without the others."""

    def __init__(self) -> None:
        self._doors: dict[TargetName, Door] = {}
        self._returns: list[asyncio.Task[None]] = []

    async def open(self, runner: web.AppRunner, host: str, port: int, *, is_apart: bool) -> dict[TargetName, str]:
        """Listen; gives each target's origin. Apart, the first target has the port, and the others free ones.

        Raises:
            UsageError: the port is in use or cannot be listened on.
        """
        for target in TargetName:
            is_own = is_apart or not self._doors
            door = Door(runner, host, 0 if self._doors else port) if is_own else next(iter(self._doors.values()))
            self._doors[target] = door
            if is_own:
                await door.open()
        return {target: door.origin for target, door in self._doors.items()}

    async def leave(self, target: TargetName, delay: float | None) -> None:
        """Have a target go away for so many seconds, or for good; nothing where it is away already."""
        door = self._doors[target]
        if door.is_shut:
            return
        await door.shut()
        if delay is not None:
            self._returns.append(asyncio.create_task(_come_back(door, delay)))

    async def close(self) -> None:
        """Have nobody come back any more."""
        for task in self._returns:
            task.cancel()
        for task in self._returns:
            with suppress(asyncio.CancelledError):
                await task
        for door in self._doors.values():
            door.let_go()


async def _come_back(door: Door, delay: float) -> None:
    await anyio.sleep(delay)
    await door.open()


def _bind(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise _unusable(host, port, error) from error
    return bound


def _unusable(host: str, port: int, error: OSError) -> UsageError:
    if error.errno == errno.EADDRINUSE:
        reason = f"Port {port} on {host} is in use."
    else:
        reason = f"The sandbox cannot listen on {host}, port {port}: {os.strerror(error.errno or 0)}."
    return UsageError(reason, hint="Use another port, or 0 for any free one.")
