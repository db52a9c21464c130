"""Faulty transport: answers lost, cut, dripping or endless. The only module that handles raw connections."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

import anyio
import anyio.lowlevel
from aiohttp import hdrs, web

from importer.sandbox.faults.bodies import SPOILING, bomb, spoil

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from importer.sandbox.faults.fault_plan import Fault


if TYPE_CHECKING:
    _Action: TypeAlias = Callable[[Fault, web.Request, web.Response], Awaitable[web.StreamResponse]]

_NO_LINGER = struct.pack("ii", 1, 0)  # on, 0 s: what is unsent is dropped, and the other side gets a RST
_FILLING = b" " * (64 << 10)


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Reset a connection (RST)."""
    if not isinstance(transport, asyncio.Transport) or transport.is_closing():
        return
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


def is_good(response: web.Response) -> bool:
    """Return whether an answer is a 2xx."""
    return 200 <= response.status < 300


def body_of_answer(response: web.Response) -> bytes:
    """Return the body of an answer that was not sent yet."""
    return response.body if isinstance(response.body, bytes) else b""


def with_body(response: web.Response, body: bytes, *, status: int | None = None) -> web.Response:
    """Make the same answer with another body."""
    headers = {name: value for name, value in response.headers.items() if name != hdrs.CONTENT_LENGTH}
    return web.Response(body=body, status=status or response.status, headers=headers)


class FaultyTransport:
    """Sends answers the way a fault says. `now` is the server's clock; `stopping` ends what would take for ever."""

    def __init__(self, now: Callable[[], float], stopping: anyio.Event) -> None:
        self._now = now
        self._stopping = stopping
        self._actions: dict[str, _Action] = {
            "reset": self._reset,
            "close": self._close,
            "hang": self._hang,
            "drip": self._drip,
            "endless": self._endless,
            "gzip_bomb": self._bomb,
            "close_after": self._close_after,
        }

    async def send(
        self, fault: Fault, request: web.Request, response: web.Response, other: bytes
    ) -> web.StreamResponse:
        """Send an answer as the fault says; `other` is the last good answer to a creation at the same target.

        Return the result to aiohttp: it is sent like any answer, unless it was already sent or lost here.
        """
        if fault.what in SPOILING:
            return await self._spoil(fault, request, response, other) if is_good(response) else response
        return await self._actions[fault.what](fault, request, response)

    async def _reset(self, fault: Fault, request: web.Request, response: web.Response) -> web.Response:
        self._write(request, self._parts(fault, response)[0])
        reset(request.transport)
        return response

    async def _close(self, fault: Fault, request: web.Request, response: web.Response) -> web.Response:
        self._write(request, self._parts(fault, response)[0])
        return _closed(request, response)

    async def _hang(self, fault: Fault, request: web.Request, response: web.Response) -> web.Response:
        """Send nothing more until the client goes away, which cancels this; with a delay, continue after it."""
        sent, rest = self._parts(fault, response)
        self._write(request, sent)
        if not await self._waits(fault.delay):
            reset(request.transport)
            return response
        self._write(request, rest)
        return _closed(request, response)

    async def _drip(self, fault: Fault, request: web.Request, response: web.Response) -> web.Response:
        sent, rest = self._parts(fault, response)
        self._write(request, sent)
        for byte in rest:
            self._write(request, bytes([byte]))
            if not await self._waits(fault.pace):
                reset(request.transport)
                break
        return _closed(request, response)

    async def _spoil(
        self, fault: Fault, request: web.Request, response: web.Response, other: bytes
    ) -> web.StreamResponse:
        whole = body_of_answer(response)
        body = spoil(fault, whole, other)
        if fault.what == "truncated" and fault.form != "json":
            self._write(request, self._head(response, _FRAMING[fault.form](whole)) + _FRAMED[fault.form](body))
            return _closed(request, response)
        spoilt = with_body(response, body, status=fault.status)
        if fault.what == "html":
            spoilt.headers[hdrs.CONTENT_TYPE] = "text/html; charset=utf-8"
        return spoilt

    async def _endless(self, _fault: Fault, request: web.Request, response: web.Response) -> web.StreamResponse:
        """Send blanks before the end of the JSON for as long as the client reads them."""
        stream = web.StreamResponse(status=response.status, headers=with_body(response, b"").headers)
        stream.headers.pop(hdrs.CONTENT_LENGTH, None)
        stream.enable_chunked_encoding()
        with suppress(ConnectionError):  # the client has had enough
            await stream.prepare(request)
            await stream.write(body_of_answer(response)[:-1])
            while not self._stopping.is_set():
                await stream.write(_FILLING)
                await anyio.lowlevel.checkpoint()  # a quick reader would keep everyone else waiting
        reset(request.transport)
        return stream

    async def _bomb(self, fault: Fault, _request: web.Request, response: web.Response) -> web.Response:
        packed = with_body(response, bomb(body_of_answer(response), fault.size))
        packed.headers[hdrs.CONTENT_ENCODING] = "gzip"
        return packed

    async def _close_after(self, _fault: Fault, request: web.Request, response: web.Response) -> web.Response:
        """Close the connection after a good answer that did not announce it."""
        with suppress(ConnectionError):  # the client was quicker
            await response.prepare(request)
            await response.write_eof()
        return _closed(request, response)

    async def _waits(self, seconds: float | None) -> bool:
        """Wait `seconds`, or for ever; return False if the sandbox stops first."""
        with anyio.move_on_after(seconds):
            await self._stopping.wait()
        return not self._stopping.is_set()

    def _parts(self, fault: Fault, response: web.Response) -> tuple[bytes, bytes]:
        """Split an answer, as it is on the wire, where the fault strikes."""
        body = body_of_answer(response)
        head = self._head(response, {hdrs.CONTENT_LENGTH: str(len(body))})
        at = {"nothing": 0, "head": len(head) // 2, "body": len(head) + len(body) // 2}[fault.sent]
        return (head + body)[:at], (head + body)[at:]

    def _head(self, response: web.Response, framing: dict[str, str]) -> bytes:
        headers = {**response.headers, hdrs.DATE: formatdate(self._now(), usegmt=True)}
        headers.pop(hdrs.CONTENT_LENGTH, None)
        lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in {**headers, **framing}.items()]
        return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()

    def _write(self, request: web.Request, data: bytes) -> None:
        if data and request.transport is not None and not request.transport.is_closing():
            request.transport.write(data)


def _closed(request: web.Request, response: web.Response) -> web.Response:
    """Close the connection after what was written; aiohttp finds it closed and sends nothing more."""
    if request.transport is not None:
        request.transport.close()
    return response


#: How an answer that breaks off announces the length of its whole body.
_FRAMING: dict[str, Callable[[bytes], dict[str, str]]] = {
    "length": lambda whole: {hdrs.CONTENT_LENGTH: str(len(whole))},
    "chunked": lambda _whole: {hdrs.TRANSFER_ENCODING: "chunked"},
    "until_close": lambda _whole: {hdrs.CONNECTION: "close"},
}
#: How the part of the body that is sent is framed; the final chunk of length 0 is missing.
_FRAMED: dict[str, Callable[[bytes], bytes]] = {
    "length": bytes,
    "chunked": lambda part: b"%x\r\n%b\r\n" % (len(part), part),
    "until_close": bytes,
}
