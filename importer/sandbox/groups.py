"""Opal's groups: their list, and the on-call schedules attached to one."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING
from uuid import UUID

import orjson
from aiohttp import web

from importer.sandbox.answers import answer, body_of, shown

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from importer.sandbox.answers import Wording
    from importer.sandbox.state import State, Value

_PAGE_SIZE = 200
_LARGEST_PAGE = 1000
#: Groups of these types take their on-call schedule from elsewhere and refuse a list.
_REFUSING = {"PAGERDUTY_ON_CALL_SCHEDULE", "INCIDENTIO_ON_CALL_SCHEDULE", "ROOTLY_ON_CALL_SCHEDULE"}
_APP_ID = "a7c3e291-6f0d-4c58-9be1-3d5a70c2e811"
_ADMIN_OWNER_ID = "4220bc12-ab8a-4b5d-be7b-f6bbcf9159f3"


class Groups:
    """The routes of groups; `wording` makes Opal's error answers."""

    def __init__(self, state: State, wording: Wording) -> None:
        self._state = state
        self._error = wording

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [
            web.get("/groups", self._list, allow_head=False),
            web.get("/groups/{id}/on-call-schedules", self._attached, allow_head=False),
            web.put("/groups/{id}/on-call-schedules", self._attach),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        try:
            asked = _question(request.query)
            size = _page_size(request.query.get("page_size"))
            after = _position(request.query.get("cursor"))
        except ValueError as error:
            return self._error(400, str(error))
        rows = self._state.rows("groups", after=after, limit=size + 1, **asked)
        following = _cursor(rows[size - 1]["number"]) if len(rows) > size else None
        previous = request.query.get("cursor")
        return answer({"next": following, "previous": previous, "results": [_group(row) for row in rows[:size]]})

    async def _attached(self, request: web.Request) -> web.Response:
        group = self._group(request)
        if group is None:
            return self._error(404, "Group not found.")
        rows = self._state.rows("group_schedules", group_id=group["id"])
        return answer({"on_call_schedules": [dict(row) for row in rows]})

    async def _attach(self, request: web.Request) -> web.Response:
        """Replace the whole list of a group."""
        group = self._group(request)
        if group is None:
            return self._error(404, "Group not found.")
        if group["type"] in _REFUSING:
            return self._error(400, f"On-call schedules cannot be set on a group of type {group['type']}.")
        try:
            ids = self._known(await body_of(request))
        except ValueError as error:
            return self._error(400, str(error))
        with self._state.at_once():
            self._state.change("clear_group", group_id=group["id"])
            for position, schedule_id in enumerate(ids):
                self._state.change("attach_to_group", group_id=group["id"], position=position, schedule_id=schedule_id)
        return answer(ids)

    def _group(self, request: web.Request) -> sqlite3.Row | None:
        return self._state.row("group", id=request.match_info["id"].lower())

    def _known(self, body: object) -> list[str]:
        """Take the ids out of a body, each once and in order. Raises ValueError where one is unknown."""
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
    """Hide a position in a text that nobody takes for a number."""
    return base64.urlsafe_b64encode(f"g={number}".encode()).decode()


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        name, _, number = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True).decode().partition("=")
        if name == "g" and number.isascii() and number.isdigit() and len(number) <= 9:
            return int(number)
    except (binascii.Error, UnicodeError):
        pass  # no cursor of ours, said below
    raise ValueError(f"cursor {shown(cursor)} is none that this server gave.")
