"""Opal as its document and `contracts` tell it: on-call schedules, and the groups they are attached to."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from aiohttp import web

from importer.sandbox.answers import Handler, answer, body_of, has_token, shown, worded
from importer.sandbox.groups import Groups
from importer.sandbox.reserved import reserved

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.sandbox.limits import Limits
    from importer.sandbox.state import State

#: The providers that a request may name, as Opal would begin a schedule's name.
_PROVIDERS = {"OPSGENIE": "Opsgenie", "PAGER_DUTY": "PagerDuty"}
_FIELDS = {"third_party_provider", "remote_id"}


def message(status: int, text: str) -> web.Response:
    """Answer an error in Opal's form."""
    return answer({"Message": text}, status=status)


def application(state: State, limits: Limits, now: Callable[[], float]) -> web.Application:
    """Make Opal. Its gate stands before every route; what is to come between gate and route goes after it."""
    gate = _Gate(limits, now)
    app = web.Application(middlewares=[worded(message), gate.check])
    app.add_routes(_Schedules(state).routes())
    app.add_routes(Groups(state, message).routes())
    return app


class _Gate:
    """Token and limits. 100/s stand for all routes, half of it for writes to groups; no header tells of either."""

    def __init__(self, limits: Limits, now: Callable[[], float]) -> None:
        self._all = limits.opal()
        self._group_writes = limits.opal(share=0.5)
        self._now = now

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request through, or answer 401 or 429."""
        if not has_token(request):
            return message(401, "The API token is missing or invalid.")
        if not self._is_within_limits(request):
            return message(429, "Too many requests.")
        return await handler(request)

    def _is_within_limits(self, request: web.Request) -> bool:
        moment = self._now()
        if not self._all.take(moment):
            return False
        return request.method == "GET" or "/groups/" not in request.path or self._group_writes.take(moment)


class _Schedules:
    """The routes of on-call schedules. There is none to change or delete one: Opal has none."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/on-call-schedules", self._create),
            web.get("/on-call-schedules", self._list, allow_head=False),
            web.get("/on-call-schedules/{id}", self._show, allow_head=False),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        """Make a schedule. What a second POST of the same pair does is documented nowhere: here it makes a second."""
        try:
            provider, remote_id = _pair(await body_of(request))
        except ValueError as error:
            return message(400, str(error))
        if failure := reserved("remote_id", remote_id):
            return message(failure.status, failure.words)
        schedule = {
            "on_call_schedule_id": str(uuid4()),
            "third_party_provider": provider,
            "remote_id": remote_id,
            "name": f"{_PROVIDERS[provider]} schedule {remote_id}",
        }
        self._state.change("add_schedule", **schedule)
        return answer(schedule)

    async def _list(self, _request: web.Request) -> web.Response:
        return answer({"on_call_schedules": [dict(row) for row in self._state.rows("opal_schedules")]})

    async def _show(self, request: web.Request) -> web.Response:
        row = self._state.row("opal_schedule", id=request.match_info["id"].lower())
        return answer(dict(row)) if row else message(404, "On-call schedule not found.")


def _pair(body: object) -> tuple[str, str]:
    """Take provider and remote id out of a request's body. Raises ValueError in the words for the answer."""
    if not isinstance(body, dict):
        raise ValueError("The body must be a JSON object.")
    if missing := sorted(_FIELDS - body.keys()):
        raise ValueError(f"{missing[0]} is required.")
    if unknown := sorted(body.keys() - _FIELDS):
        raise ValueError(f"{shown(unknown[0])} is not a field of an on-call schedule to be created.")
    provider, remote_id = body["third_party_provider"], body["remote_id"]
    if not isinstance(provider, str) or provider not in _PROVIDERS:
        raise ValueError(f"third_party_provider must be one of OPSGENIE, PAGER_DUTY, not {shown(provider)}.")
    if not isinstance(remote_id, str) or not remote_id.strip():
        raise ValueError(f"remote_id must be a text that is not empty, not {shown(remote_id)}.")
    return provider, remote_id
