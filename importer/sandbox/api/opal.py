"""Opal: on-call schedules, and the groups they are attached to."""

from __future__ import annotations

import base64
import binascii
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID, uuid4

import orjson
from aiohttp import web

from importer.records import Key, TargetName
from importer.sandbox.api import StoredKind, stored_routes
from importer.sandbox.api.answers import (
    Limits,
    RateWindow,
    RefusedRequestError,
    answer,
    api_application,
    gets,
    has_token,
    json_body,
    shown,
)
from importer.sandbox.directory_file import reserved
from importer.sandbox.state import SandboxState, Value

#: The providers that a request may name, and how a schedule's name begins.
_PROVIDERS = {"OPSGENIE": "Opsgenie", "PAGER_DUTY": "PagerDuty"}
_FIELDS = {"third_party_provider", "remote_id"}
_PAGE_SIZE = 200
_LARGEST_PAGE = 1000
#: Groups of these types get their on-call schedule from elsewhere and refuse a list.
_REFUSING = {"PAGERDUTY_ON_CALL_SCHEDULE", "INCIDENTIO_ON_CALL_SCHEDULE", "ROOTLY_ON_CALL_SCHEDULE"}
_APP_ID = "a7c3e291-6f0d-4c58-9be1-3d5a70c2e811"
_ADMIN_OWNER_ID = "4220bc12-ab8a-4b5d-be7b-f6bbcf9159f3"


def message(status: int, text: str) -> web.Response:
    """Answer an error in Opal's form."""
    return answer({"Message": text}, status=status)


def application(state: SandboxState, limits: Limits, now: Callable[[], float]) -> web.Application:
    """Return Opal's application: 100/s over all routes, half of that for writes to groups; no header reports either."""
    all_, group_writes = limits.opal(), limits.opal(share=0.5)

    def windows(request: web.Request) -> tuple[RateWindow, ...]:
        return (all_,) if request.method == "GET" or "/groups/" not in request.path else (all_, group_writes)

    return api_application(
        stored_routes(TargetName.OPAL, state, now),
        now,
        error=message,
        refuse=lambda request: None if has_token(request) else message(401, "The API token is missing or invalid."),
        windows=windows,
        too_many="Too many requests.",
    )


class _OpalRoutes:
    """The routes of on-call schedules, which Opal can neither change nor delete, and of the groups that take them."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        schedules, attached = "/on-call-schedules", "/groups/{id}/on-call-schedules"
        return [
            web.post(schedules, self._create),
            web.put(attached, self._attach),
            *gets(
                {
                    schedules: self._list,
                    f"{schedules}/{{id}}": self._show,
                    "/groups": self._list_groups,
                    attached: self._attached,
                }
            ),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        """Create a schedule. What a second POST of the same pair does is not documented: here it creates a second."""
        provider, remote_id = _pair(await json_body(request))
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

    async def _list_groups(self, request: web.Request) -> web.Response:
        asked = _question(request.query)
        size = _page_size(request.query.get("page_size"))
        after = _position(request.query.get("cursor"))
        rows = self._state.rows("groups", after=after, limit=size + 1, **asked)
        following = _cursor(rows[size - 1]["number"]) if len(rows) > size else None
        previous = request.query.get("cursor")
        return answer({"next": following, "previous": previous, "results": [_group(row) for row in rows[:size]]})

    async def _attached(self, request: web.Request) -> web.Response:
        rows = self._state.rows("group_schedules", group_id=self._find(request)["id"])
        return answer({"on_call_schedules": [dict(row) for row in rows]})

    async def _attach(self, request: web.Request) -> web.Response:
        """Replace the whole list of a group."""
        group = self._find(request)
        if group["type"] in _REFUSING:
            raise ValueError(f"On-call schedules cannot be set on a group of type {group['type']}.")
        ids = self._known(await json_body(request))
        with self._state.at_once():
            self._state.change("clear_group", group_id=group["id"])
            for position, schedule_id in enumerate(ids):
                self._state.change("attach_to_group", group_id=group["id"], position=position, schedule_id=schedule_id)
        return answer(ids)

    def _find(self, request: web.Request) -> sqlite3.Row:
        group = self._state.row("group", id=request.match_info["id"].lower())
        if group is None:
            raise RefusedRequestError(message(404, "Group not found."))
        return group

    def _known(self, body: object) -> list[str]:
        """Return the ids in a body, each once and in order. Raise ValueError if one is unknown."""
        ids = body.get("on_call_schedule_ids") if isinstance(body, dict) else None
        if not isinstance(ids, list):
            raise ValueError("on_call_schedule_ids is required and must be a list of UUIDs.")
        for schedule_id in ids:
            if not isinstance(schedule_id, str) or not self._state.row("opal_schedule", id=schedule_id.lower()):
                raise ValueError(f"{shown(schedule_id)} is not the id of an on-call schedule.")
        return list(dict.fromkeys(schedule_id.lower() for schedule_id in ids))


def _group(row: sqlite3.Row) -> dict[str, object]:
    return {
        "group_id": row["id"],
        "app_id": _APP_ID,
        "name": row["name"],
        "description": row["description"],
        "admin_owner_id": _ADMIN_OWNER_ID,
        "group_leader_user_ids": [],
        "group_type": row["type"],
        "is_requestable": True,
    }


def _question(query: Mapping[str, str]) -> dict[str, Value]:
    ids = query.get("group_ids")
    return {
        "name": query.get("group_name"),
        "type": query.get("group_type_filter"),
        "ids": None if ids is None else orjson.dumps([_uuid(text) for text in ids.split(",")]).decode(),
    }


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise ValueError(f"group_ids: {shown(text)} is not a UUID.") from None


def _page_size(text: str | None) -> int:
    if text is None:
        return _PAGE_SIZE
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= _LARGEST_PAGE):
        raise ValueError(f"page_size must be a number from 1 to {_LARGEST_PAGE}, not {shown(text)}.")
    return int(text)


def _cursor(number: int) -> str:
    """Encode a position as an opaque text."""
    return base64.urlsafe_b64encode(f"g={number}".encode()).decode()


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        name, _, number = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True).decode().partition("=")
        if name == "g" and number.isascii() and number.isdigit() and len(number) <= 9:
            return int(number)
    except (binascii.Error, UnicodeError):
        pass  # not one of our cursors
    raise ValueError(f"cursor {shown(cursor)} is not one that this server gave.")


def _pair(body: object) -> tuple[str, str]:
    """Return provider and remote id of a request's body. Raise ValueError with the answer's message."""
    if not isinstance(body, dict):
        raise ValueError("The body must be a JSON object.")
    if missing := sorted(_FIELDS - body.keys()):
        raise ValueError(f"{missing[0]} is required.")
    if unknown := sorted(body.keys() - _FIELDS):
        raise ValueError(f"{shown(unknown[0])} is not a field of a new on-call schedule.")
    provider, remote_id = body["third_party_provider"], body["remote_id"]
    if not isinstance(provider, str) or provider not in _PROVIDERS:
        raise ValueError(f"third_party_provider must be one of OPSGENIE, PAGER_DUTY, not {shown(provider)}.")
    if not isinstance(remote_id, str) or not remote_id.strip():
        raise ValueError(f"remote_id must be a non-empty text, not {shown(remote_id)}.")
    return provider, remote_id


def _key(values: Mapping[str, Any]) -> Key:
    """Return the key of a schedule."""
    return (str(values["third_party_provider"]), str(values["remote_id"]))


def _posted_key(body: object, _schedule_id: str) -> Key:
    return _key(body) if isinstance(body, dict) and body.keys() >= _FIELDS else ()


STORED = StoredKind(
    target=TargetName.OPAL,
    collection="/on-call-schedules",
    routes=lambda state, _now: _OpalRoutes(state).routes(),
    posted_key=_posted_key,
    forget=lambda state, id_: state.change("forget_schedule", id=id_),
)
