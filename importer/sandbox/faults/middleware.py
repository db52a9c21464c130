"""The middleware that carries out a fault plan, before everything else, and keeps the log of requests."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import orjson
from aiohttp import web

from importer.records import TargetName
from importer.sandbox.api.answers import ListPage
from importer.sandbox.api.stored_kinds import stored_kinds
from importer.sandbox.faults.bodies import FaultyLists, created_id, refusal
from importer.sandbox.faults.fault_plan import Asked, Decisions, Fault, FaultPlan, describe
from importer.sandbox.faults.transport import body_of_answer, is_good, with_body
from importer.sandbox.truth import posted_key

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from importer.sandbox.api.answers import Handler
    from importer.sandbox.faults.transport import FaultyTransport
    from importer.sandbox.state import SandboxState

    #: Makes a target unreachable, for so many seconds or for good.
    Leave: TypeAlias = Callable[[TargetName, float | None], Awaitable[None]]

_LATE_STATUS = 504  # of a late commit that is answered at all, unless the plan says another


@dataclass(frozen=True, slots=True)
class _Visit:
    """A request, what it asks for, and the faults that hit it."""

    arrived_at: float
    monotonic: float
    asked: Asked
    body: bytes
    faults: tuple[Fault, ...]

    @property
    def alterations(self) -> tuple[Fault, ...]:
        return tuple(fault for fault in self.faults if fault.kind.is_alteration)

    @property
    def fault(self) -> Fault | None:
        """Return the one fault that is not an alteration, or None."""
        return next((fault for fault in self.faults if not fault.kind.is_alteration), None)


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
        self._others: dict[TargetName | None, bytes] = {}  # the last good answer to a creation

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
        return _Visit(*arrived, asked, body, self._decisions.take(asked))

    def _note_creation(self, visit: _Visit, response: web.Response) -> str:
        """Undo or hold back what was just created, if the plan says so; return its id if it is there for good."""
        if not (visit.asked.is_creation and is_good(response) and visit.asked.target):
            return ""
        if visit.asked.target is TargetName.ROOTLY and response.status == 200:
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
        if fault.what == "go_away" and visit.asked.target:
            await self._leave(visit.asked.target, fault.delay)
            return response
        return await self._transport.send(fault, request, response, other)

    def _log(self, visit: _Visit, status: int, id_: str) -> None:
        self._state.change(
            "log_request",
            arrived_at=visit.arrived_at,
            monotonic=visit.monotonic,
            target=visit.asked.target or visit.asked.source or "",
            method=visit.asked.method,
            path=visit.asked.path,
            key=orjson.dumps(posted_key(visit.asked, visit.body)).decode(),
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
