"""The middleware that carries out a fault plan, before everything else, and keeps the log of requests.

Answers are refused, spoiled, lost, cut, dripping or endless here: the only module that handles raw connections.
"""

from __future__ import annotations

import asyncio
import math
import socket
import struct
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from email.utils import formatdate
from functools import lru_cache, partial
from http.client import responses
from typing import Any, TypeAlias
from uuid import uuid4

import anyio
import anyio.lowlevel
import orjson
from aiohttp import hdrs, web
from yarl import URL

from importer.records import TargetName
from importer.sandbox.api import opal, opsgenie, pagerduty, rootly, stored_kinds
from importer.sandbox.api.answers import JSON, Handler, ListPage, Objection, objections
from importer.sandbox.fault_plan import LATE_STATUS, Asked, Decisions, Fault, FaultPlan, describe
from importer.sandbox.state import SandboxState

#: Makes a target unreachable, for so many seconds or for good.
Leave: TypeAlias = Callable[[TargetName, float | None], None]

_NO_LINGER = struct.pack("ii", 1, 0)  # on, 0 s: what is unsent is dropped, and the other side gets a RST
_FILLING = b" " * (64 << 10)


class FaultMiddleware:
    """Answers requests as a fault plan says.

    `now` is the server's clock in epoch seconds; `stopping` ends what would take for ever.
    """

    def __init__(
        self, plan: FaultPlan, state: SandboxState, now: Callable[[], float], leave: Leave, stopping: anyio.Event
    ) -> None:
        self._decisions = Decisions(plan)
        self._state = state
        self._now = now
        self._leave = leave
        self._stopping = stopping
        self._pages: dict[str, list[Any]] = {}  # by a list's path: the entries of its last page that had any
        self._others: dict[str | None, bytes] = {}  # by target: the last good answer to a creation

    @web.middleware
    async def handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request as the plan says, and log it before the first byte of the answer leaves."""
        log = partial(self._state.change, "log_request", arrived_at=self._now(), monotonic=time.monotonic())
        # The path may contain bytes that are not text.
        asked = describe(request.method, request.raw_path.encode("utf-8", "backslashreplace").decode())
        try:
            body = await request.read() if asked.is_creation else b""
        except ConnectionError:
            return web.Response(status=400)  # nobody reads this: the client went away while sending
        faults = self._decisions.take(asked)
        fault = next((one for one in faults if not one.kind.is_alteration), None)
        id_, other = "", self._others.get(asked.target, b"")
        if fault is not None and fault.is_blind:
            response = refusal(fault, asked, fault.status or 500, self._now())
        else:
            response = await _handle(_resized(request, faults), handler)
            if id_ := self._note_creation(asked, faults, response):
                self._others[asked.target] = body_of(response)
            response = self._alter(asked, faults, response)
        lost = fault and fault.as_lost
        if lost is not None and lost.what == "status" and lost.when == "after":
            response = refusal(lost, asked, lost.status or LATE_STATUS, self._now())
        log(
            target=asked.target or "",
            method=asked.method,
            path=asked.path,
            key=orjson.dumps(asked.posted_key(body)).decode(),
            fault=",".join(one.what for one in faults),
            status=response.status if lost is None else lost.seen_status(response.status),
            id=id_,
        )
        return response if lost is None else await self._send(lost, asked, request, response, other)

    def _note_creation(self, asked: Asked, faults: tuple[Fault, ...], response: web.Response) -> str:
        """Undo or hold back what was just created, if the plan says so; return its id if it is there for good."""
        if not (asked.is_creation and is_good(response) and asked.target):
            return ""
        if asked.target == TargetName.ROOTLY and response.status == 200:
            return ""  # an equal override existed
        item, name = _item(orjson.loads(body_of(response)))
        id_ = str(item.get(name, ""))
        # Created and deleted without an await in between, so nobody can see it.
        if any(fault.is_undone for fault in faults):
            for stored in stored_kinds():  # an id is of one of them only
                stored.forget(self._state, id_)
            return ""
        for fault in faults:
            if fault.what in ("lagging_list", "late_commit"):
                due = self._now() + (fault.delay or 0)
                self._state.change("hold_back", id=id_, due=due, is_applied=fault.what == "lagging_list")
        return id_

    # Lists

    def _alter(self, asked: Asked, faults: tuple[Fault, ...], response: web.Response) -> web.Response:
        """Alter a page of a list by every fault, in order."""
        faults = tuple(fault for fault in faults if fault.kind.is_alteration)
        if not (asked.is_list and faults and is_good(response)):
            return response
        page = orjson.loads(body_of(response))
        name = "data" if asked.target == TargetName.ROOTLY else "on_call_schedules"
        list_path, _, query = asked.path.partition("?")
        kept = self._pages.get(list_path, [])
        if page[name]:
            self._pages[list_path] = page[name]
        for fault in faults:
            if fault.what == "repeat":
                page[name] = [*(kept[-1:] if _number(asked) > 1 else ()), *page[name], *page[name][:1]]
            elif fault.what == "endless_list":
                if not page[name] or "cursor=" in query:  # beyond its end
                    last = self._pages.get(list_path, [])
                    page[name] = {"same": last, "new": list(map(_invented, last))}.get(fault.form, [])
                _go_on(page, asked)
            elif fault.what == "next_link":
                _redirect_next(fault, page)
            elif fault.what == "large_total":
                page["meta"]["total_count"] += 1
        return with_body(response, orjson.dumps(page))

    # On the wire

    async def _send(
        self, fault: Fault, asked: Asked, request: web.Request, response: web.Response, other: bytes
    ) -> web.StreamResponse:
        """Send an answer as the fault says; `other` is the last good answer to a creation at the same target.

        Return the result to aiohttp: it is sent like any answer, unless it was already sent or lost here.
        """
        match fault.what:
            case "reset" | "close" | "hang" | "drip":
                return await self._lose(fault, request, response)
            case "endless":
                return await self._send_endless(request, response)
            case "close_after":  # the connection is closed after a good answer that did not announce it
                with suppress(ConnectionError):  # the client was quicker
                    await response.prepare(request)
                    await response.write_eof()
                return _closed(request, response)
            case "gzip_bomb":
                packed = with_body(response, bomb(body_of(response), fault.size))
                packed.headers[hdrs.CONTENT_ENCODING] = "gzip"
                return packed
            case "go_away" if isinstance(asked.target, TargetName):
                self._leave(asked.target, fault.delay)
        is_unchanged = fault.what in ("status", "go_away") or not is_good(response)
        return response if is_unchanged else self._spoil(fault, request, response, other)

    async def _lose(self, fault: Fault, request: web.Request, response: web.Response) -> web.Response:
        """Send a part of an answer. A hang sends no more until its delay is over, or the client goes away."""
        body = body_of(response)
        head = self._head(response, hdrs.CONTENT_LENGTH, str(len(body)))
        at = {"nothing": 0, "head": len(head) // 2, "body": len(head) + len(body) // 2}[fault.sent]
        rest = (head + body)[at:]
        self._write(request, (head + body)[:at])
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

    def _spoil(self, fault: Fault, request: web.Request, response: web.Response, other: bytes) -> web.StreamResponse:
        whole = body_of(response)
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

    async def _send_endless(self, request: web.Request, response: web.Response) -> web.StreamResponse:
        """Send blanks before the end of the JSON for as long as the client reads them."""
        stream = web.StreamResponse(status=response.status, headers=with_body(response, b"").headers)
        stream.headers.pop(hdrs.CONTENT_LENGTH, None)
        stream.enable_chunked_encoding()
        with suppress(ConnectionError):  # the client has had enough
            await stream.prepare(request)
            await stream.write(body_of(response)[:-1])
            while not self._stopping.is_set():
                await stream.write(_FILLING)
                await anyio.lowlevel.checkpoint()  # a quick reader would keep everyone else waiting
        reset(request.transport)
        return stream

    async def _waits(self, seconds: float | None) -> bool:
        """Wait `seconds`, or for ever; return False if the sandbox stops first."""
        with anyio.move_on_after(seconds):
            await self._stopping.wait()
        return not self._stopping.is_set()

    def _head(self, response: web.Response, framing: str, value: str) -> bytes:
        """Return the head of an answer, which announces the length of its body by one header."""
        headers = {**response.headers, hdrs.DATE: formatdate(self._now(), usegmt=True)}
        headers.pop(hdrs.CONTENT_LENGTH, None)
        lines = [f"HTTP/1.1 {response.status} {responses[response.status]}"]
        lines += [f"{name}: {text}" for name, text in [*headers.items(), (framing, value)]]
        return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()

    def _write(self, request: web.Request, data: bytes) -> None:
        if data and request.transport is not None and not request.transport.is_closing():
            request.transport.write(data)


def _closed(request: web.Request, response: web.Response) -> web.Response:
    """Close the connection after what was written; aiohttp finds it closed and sends nothing more."""
    if request.transport is not None:
        request.transport.close()
    return response


async def _handle(request: web.Request, handler: Handler) -> web.Response:
    """Let the API answer, even where it has no such route."""
    try:
        response = await handler(request)
    except web.HTTPException as error:
        return web.Response(status=error.status, text=error.text)
    assert isinstance(response, web.Response)  # noqa: S101  no API here streams
    return response


def _resized(request: web.Request, faults: tuple[Fault, ...]) -> web.Request:
    """Ask for a smaller page than the client did, where the plan says so."""
    sizes = [fault.size or 1 for fault in faults if fault.what == "short_pages"]
    if not sizes:
        return request
    size = min([ListPage.from_query(request.query).size, *sizes])
    return request.clone(rel_url=request.rel_url.update_query({"page[size]": str(size)}))


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Reset a connection (RST)."""
    if isinstance(transport, asyncio.Transport) and not transport.is_closing():
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()


def is_good(response: web.Response) -> bool:
    """Return whether an answer is a 2xx."""
    return 200 <= response.status < 300


def body_of(response: web.Response) -> bytes:
    """Return the body of an answer that was not sent yet."""
    return response.body if isinstance(response.body, bytes) else b""


def with_body(response: web.Response, body: bytes, *, status: int | None = None) -> web.Response:
    """Make the same answer with another body."""
    headers = {name: value for name, value in response.headers.items() if name != hdrs.CONTENT_LENGTH}
    return web.Response(body=body, status=status or response.status, headers=headers)


# Spoiled bodies


HTML = b"""<!DOCTYPE html>
<html><head><title>Just a moment...</title></head>
<body><h1>Just a moment...</h1><p>This page was made by a proxy on the way.</p></body></html>
"""
_BOMB = 16 << 20  # default size of a bomb in bytes; takes 16 KiB on the wire and 0.1 s to make
_CHUNK = 1 << 20
_BAD_IDS = {"missing": None, "null": None, "empty": "", "number": 17, "malformed": "../../users"}


def spoil(fault: Fault, body: bytes, other: bytes) -> bytes:
    """Spoil the body of a good answer; `other` is the last good answer of the same target, or empty.

    `truncated` cuts it in half; how that looks on the wire is decided elsewhere.
    """
    match fault.what:
        case "truncated":
            return body[: len(body) // 2]
        case "html":
            return HTML
        case "empty":
            return b""
        case "nested":
            return b'{"data":' * fault.depth + b"{}" + b"}" * fault.depth
    own = orjson.loads(body)
    item, name = _item(own)
    if fault.what == "no_id":
        item[name] = _BAD_IDS[fault.form]
        if fault.form == "missing":
            del item[name]
        return orjson.dumps(own)
    # another record's values, under its id or this one's
    foreign = orjson.loads(other) if other else {}
    if not foreign or _values(foreign) == _values(own):
        foreign = _another(own)
    if fault.form == "own_id":
        _item(foreign)[0][name] = item[name]
    return orjson.dumps(foreign)


@lru_cache(maxsize=1)
def bomb(body: bytes, size: int | None) -> bytes:
    """Compress a body with `size` blanks behind it; a good answer for a client with enough memory."""
    size = size or _BOMB
    packer = zlib.compressobj(level=9, wbits=31)  # 31: with a gzip header
    blanks = (b" " * min(_CHUNK, size - start) for start in range(0, size, _CHUNK))
    return b"".join([packer.compress(body), *map(packer.compress, blanks), packer.flush()])


def _another(own: dict[str, Any]) -> dict[str, Any]:
    """Return an object that differs in one value, under an id that nothing has."""
    made = deepcopy(own)
    item, name = _item(made)
    item[name] = str(uuid4())
    if "attributes" in item:
        name = "shadow_user_id" if "shadow_user_id" in item["attributes"] else "user_id"
        item["attributes"][name] += 1
    else:
        item["remote_id"] += "X"
    return made


def _values(document: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a record without its id and times of creation and change."""
    item, name = _item(document)
    values = item.get("attributes", item)
    return {field: value for field, value in values.items() if field not in {name, "created_at", "updated_at"}}


def _item(document: Any) -> tuple[dict[str, Any], str]:
    """Return the object in a body, and the name of its id."""
    if isinstance(document, dict) and isinstance(document.get("data"), dict):
        return document["data"], "id"
    return document if isinstance(document, dict) else {}, "on_call_schedule_id"


# Pages of lists

#: Where a link to another host leads by default: a name that cannot exist (RFC 2606).
ELSEWHERE = "http://elsewhere.invalid"


def _number(asked: Asked) -> int:
    return ListPage.from_query(URL(asked.path, encoded=True).query).number


def _invented(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an object like an entry of a list, and yet another one."""
    made = deepcopy(entry)
    made["id" if "attributes" in made else "on_call_schedule_id"] = new = str(uuid4())
    values = made.get("attributes", made)
    values.update((name, new) for name in ("shadowable_id", "remote_id") if name in values)
    if "is_override" in values:
        values["user_id"] += 1
    return made


def _go_on(page: dict[str, Any], asked: Asked) -> None:
    """Announce a next page where there is none."""
    number = _number(asked) + 1
    if asked.target == TargetName.OPAL:
        page["next"] = f"page-{number}"
    elif page["links"]["next"] is None:
        page["meta"]["next_page"] = number
        page["links"]["next"] = str(URL(page["links"]["self"]).update_query({"page[number]": str(number)}))


def _redirect_next(fault: Fault, page: dict[str, Any]) -> None:
    """Announce the next page in another way, or at another place."""
    if fault.form == "meta":
        del page["links"]
    elif page["links"]["next"] is not None:
        url = URL(page["links"]["next"])
        page["links"]["next"] = {
            "query": f"?{url.raw_query_string}",
            "path": url.raw_path_qs,
            "api_path": url.raw_path_qs.removeprefix("/rootly"),
            "other_host": (fault.to or ELSEWHERE) + url.raw_path_qs,
            "other_path": str(url.with_path("/rootly/v1/users", keep_query=True)),
        }[fault.form]


# Statuses


def refusal(fault: Fault, asked: Asked, status: int, now: float) -> web.Response:
    """Return the answer of a `status` fault; `now` is the server's epoch second, from which its dates count."""
    response = _refusal(fault.form, asked, status)
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    if fault.retry_date is not None:
        response.headers["Retry-After"] = formatdate(math.ceil(now + fault.retry_date), usegmt=True)
    if fault.reset_in is not None:
        # Of those that are only read, PagerDuty and Opsgenie tell seconds, not a point in time.
        of_source = {"pagerduty": "ratelimit-reset", "opsgenie": "X-RateLimit-Period-In-Sec"}
        name = of_source.get(asked.target or "")
        at = math.ceil(fault.reset_in if name else now + fault.reset_in)
        response.headers[name or "X-RateLimit-Reset"] = str(at)
    if fault.to or 300 <= status < 400:
        response.headers["Location"] = (fault.to or ELSEWHERE) + asked.path
    return response


def _refusal(form: str, asked: Asked, status: int) -> web.Response:
    words, phrase = f"The sandbox was told to answer {status}.", responses.get(status, "Unknown")
    if form == "html":
        page = f"<!DOCTYPE html>\n<html><body><h1>{status} {phrase}</h1><p>{words}</p></body></html>\n"
        return web.Response(text=page, status=status, content_type="text/html")
    if form == "text":
        return web.Response(text=f"{words}\n", status=status)
    if form == "empty":
        return web.Response(status=status)
    messages = {"pagerduty": pagerduty.refusal, "opsgenie": opsgenie.failure}
    if asked.target != TargetName.ROOTLY:
        return messages.get(asked.target or "", opal.message)(status, words)
    if status == 429:
        return rootly.flat(status, "Rate limit exceeded. Try again later.")
    return objections(status, Objection(words), **({"media_type": JSON} if status == 401 else {}))
