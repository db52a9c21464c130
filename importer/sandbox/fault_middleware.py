"""The middleware that carries out a fault plan, before everything else, and keeps the log of requests.

Answers are lost, cut, dripping or endless here: the only module that handles raw connections.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

import anyio
import anyio.lowlevel
import orjson
from aiohttp import hdrs, web

from importer.records import TargetName
from importer.sandbox.api import stored_kinds
from importer.sandbox.api.answers import ListPage
from importer.sandbox.fault_bodies import SPOILING, FaultyLists, bomb, created_id, refusal, spoil
from importer.sandbox.fault_plan import Asked, Decisions, Fault, FaultPlan, describe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from importer.sandbox.api.answers import Handler
    from importer.sandbox.state import SandboxState

    #: Makes a target unreachable, for so many seconds or for good.
    Leave: TypeAlias = Callable[[TargetName, float | None], None]
    _Action: TypeAlias = Callable[[Fault, web.Request, web.Response], Awaitable[web.StreamResponse]]

_LATE_STATUS = 504  # of a late commit that is answered at all, unless the plan says another
_NO_LINGER = struct.pack("ii", 1, 0)  # on, 0 s: what is unsent is dropped, and the other side gets a RST
_FILLING = b" " * (64 << 10)


@dataclass(frozen=True, slots=True)
class _Visit:
    """A request, what it asks for, and the faults that hit it."""

    arrived_at: float
    monotonic: float
    asked: Asked
    body: bytes
    faults: tuple[Fault, ...]
    alterations: tuple[Fault, ...]
    fault: Fault | None  #: the one fault that is not an alteration


class FaultMiddleware:
    """Answers requests as a fault plan says."""

    def __init__(
        self, plan: FaultPlan, state: SandboxState, now: Callable[[], float], transport: FaultyTransport, leave: Leave
    ) -> None:
        self._decisions = Decisions(plan)
        self._state = state
        self._now = now
        self._leave = leave
        self._transport = transport
        self._lists = FaultyLists()
        self._others: dict[str | None, bytes] = {}  # the last good answer to a creation

    @web.middleware
    async def handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request as the plan says, and log it before the first byte of the answer leaves."""
        try:
            visit = await self._receive(request)
        except ConnectionError:
            return web.Response(status=400)  # nobody reads this: the client went away while sending
        if visit.fault is not None and visit.fault.is_blind:
            refused = refusal(visit.fault, visit.asked, visit.fault.status or 500, self._now())
            return await self._answer(visit, request, refused)
        response = await _handle(_resized(request, visit.alterations), handler)
        id_ = self._note_creation(visit, response)
        other = self._others.get(visit.asked.target, b"")
        if id_:
            self._others[visit.asked.target] = body_of_answer(response)
        return await self._answer(visit, request, self._alter(visit, response), id_, other)

    async def _receive(self, request: web.Request) -> _Visit:
        arrived = self._now(), time.monotonic()
        # The path may contain bytes that are not text.
        asked = describe(request.method, request.raw_path.encode("utf-8", "backslashreplace").decode())
        body = await request.read() if asked.is_creation else b""
        faults = self._decisions.take(asked)
        alterations = tuple(fault for fault in faults if fault.kind.is_alteration)
        other = next((fault for fault in faults if not fault.kind.is_alteration), None)
        return _Visit(*arrived, asked, body, faults, alterations, other)

    def _note_creation(self, visit: _Visit, response: web.Response) -> str:
        """Undo or hold back what was just created, if the plan says so; return its id if it is there for good."""
        if not (visit.asked.is_creation and is_good(response) and visit.asked.target):
            return ""
        if visit.asked.target == TargetName.ROOTLY and response.status == 200:
            return ""  # an equal override existed
        id_ = created_id(body_of_answer(response))
        # Created and deleted without an await in between, so nobody can see it.
        if visit.fault is not None and visit.fault.is_undone:
            for stored in stored_kinds():  # an id is of one of them only
                stored.forget(self._state, id_)
            return ""
        for fault in visit.faults:
            if fault.what in ("lagging_list", "late_commit"):
                due = self._now() + (fault.delay or 0)
                self._state.change("hold_back", id=id_, due=due, is_applied=fault.what == "lagging_list")
        return id_

    def _alter(self, visit: _Visit, response: web.Response) -> web.Response:
        if not (visit.asked.is_list and visit.alterations and is_good(response)):
            return response
        page = self._lists.alter(visit.alterations, visit.asked, orjson.loads(body_of_answer(response)))
        return with_body(response, orjson.dumps(page))

    async def _answer(
        self, visit: _Visit, request: web.Request, response: web.Response, id_: str = "", other: bytes = b""
    ) -> web.StreamResponse:
        fault = visit.fault and _as_lost(visit.fault)
        if fault is not None and fault.what == "status" and fault.when == "after":
            response = refusal(fault, visit.asked, fault.status or _LATE_STATUS, self._now())
        self._log(visit, _seen_status(fault, response), id_)
        if fault is None or fault.what == "status":
            return response
        if fault.what == "go_away" and isinstance(visit.asked.target, TargetName):
            self._leave(visit.asked.target, fault.delay)
            return response
        return await self._transport.send(fault, request, response, other)

    def _log(self, visit: _Visit, status: int, id_: str) -> None:
        self._state.change(
            "log_request",
            arrived_at=visit.arrived_at,
            monotonic=visit.monotonic,
            target=visit.asked.target or "",
            method=visit.asked.method,
            path=visit.asked.path,
            key=orjson.dumps(visit.asked.posted_key(visit.body)).decode(),
            fault=",".join(fault.what for fault in visit.faults),
            status=status,
            id=id_,
        )


async def _handle(request: web.Request, handler: Handler) -> web.Response:
    """Let the API answer, even where it has no such route."""
    try:
        response = await handler(request)
    except web.HTTPException as error:
        return web.Response(status=error.status, text=error.text)
    assert isinstance(response, web.Response)  # noqa: S101  no API here streams
    return response


def _resized(request: web.Request, alterations: tuple[Fault, ...]) -> web.Request:
    """Ask for a smaller page than the client did, where the plan says so."""
    sizes = [fault.size or 1 for fault in alterations if fault.what == "short_pages"]
    if not sizes:
        return request
    size = min([ListPage.from_query(request.query).size, *sizes])
    return request.clone(rel_url=request.rel_url.update_query({"page[size]": str(size)}))


def _as_lost(fault: Fault) -> Fault:
    """Return the fault that hits the answer to a late commit; return any other fault as it is."""
    if fault.what != "late_commit":
        return fault
    status = fault.status or _LATE_STATUS
    return Fault(what="status", when="after", status=status) if fault.form == "status" else Fault(what=fault.form)


def _seen_status(fault: Fault | None, response: web.Response) -> int:
    """Return the status that a client sees; 0 if the head does not arrive whole."""
    if fault is None:
        return response.status
    is_endless_wait = fault.what in ("reset", "close") or (fault.what == "hang" and fault.delay is None)
    if fault.what == "go_away" or (is_endless_wait and fault.sent != "body"):
        return 0
    return fault.status if fault.status and is_good(response) else response.status


# On the wire


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
            **dict.fromkeys(("reset", "close", "hang", "drip"), self._lose),
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

    async def _lose(self, fault: Fault, request: web.Request, response: web.Response) -> web.Response:
        """Send a part of an answer. A hang sends no more until its delay is over, or the client goes away."""
        sent, rest = self._parts(fault, response)
        self._write(request, sent)
        is_going_on = fault.what != "reset"
        if fault.what == "hang" and (is_going_on := await self._waits(fault.delay)):
            self._write(request, rest)
        for byte in rest if fault.what == "drip" else b"":
            self._write(request, bytes([byte]))
            if not (is_going_on := await self._waits(fault.pace)):
                break
        if is_going_on:
            return _closed(request, response)
        reset(request.transport)
        return response

    async def _spoil(
        self, fault: Fault, request: web.Request, response: web.Response, other: bytes
    ) -> web.StreamResponse:
        whole = body_of_answer(response)
        body = spoil(fault, whole, other)
        if fault.what == "truncated" and fault.form != "json":
            announced = {  # the length of the whole body; of the chunks the last one, of length 0, is missing
                "length": (hdrs.CONTENT_LENGTH, str(len(whole))),
                "chunked": (hdrs.TRANSFER_ENCODING, "chunked"),
                "until_close": (hdrs.CONNECTION, "close"),
            }[fault.form]
            part = b"%x\r\n%b\r\n" % (len(body), body) if fault.form == "chunked" else body
            self._write(request, self._head(response, *announced) + part)
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
        head = self._head(response, hdrs.CONTENT_LENGTH, str(len(body)))
        at = {"nothing": 0, "head": len(head) // 2, "body": len(head) + len(body) // 2}[fault.sent]
        return (head + body)[:at], (head + body)[at:]

    def _head(self, response: web.Response, framing: str, value: str) -> bytes:
        """Return the head of an answer, which announces the length of its body by one header."""
        headers = {**response.headers, hdrs.DATE: formatdate(self._now(), usegmt=True)}
        headers.pop(hdrs.CONTENT_LENGTH, None)
        lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
        lines += [f"{name}: {told}" for name, told in [*headers.items(), (framing, value)]]
        return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()

    def _write(self, request: web.Request, data: bytes) -> None:
        if data and request.transport is not None and not request.transport.is_closing():
            request.transport.write(data)


def _closed(request: web.Request, response: web.Response) -> web.Response:
    """Close the connection after what was written; aiohttp finds it closed and sends nothing more."""
    if request.transport is not None:
        request.transport.close()
    return response
