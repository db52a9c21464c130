"""Rootly's on-call shadows: made and listed under a schedule, shown, changed and deleted by their id."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from aiohttp import web

from importer.sandbox import instants, shadow_form
from importer.sandbox.answers import body_of
from importer.sandbox.jsonapi import Objection, Page, document, listing, objections
from importer.sandbox.reserved import reserved

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from importer.sandbox.state import State

_NONE = frozenset[str]()


class Shadows:
    """The routes of shadows. `now` decides whether a shadow is still to come, active or over."""

    def __init__(self, state: State, now: Callable[[], float]) -> None:
        self._state = state
        self._now = now

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [
            web.post("/v1/schedules/{schedule_id}/on_call_shadows", self._create),
            web.get("/v1/schedules/{schedule_id}/on_call_shadows", self._list, allow_head=False),
            web.get("/v1/on_call_shadows/{id}", self._show, allow_head=False),
            web.put("/v1/on_call_shadows/{id}", self._change),
            web.delete("/v1/on_call_shadows/{id}", self._delete),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        """Make a shadow; an equal one makes a second."""
        schedule_id = request.match_info["schedule_id"]
        if refused := _refused_schedule(schedule_id):
            return refused
        values, found = shadow_form.read(await body_of(request), required=shadow_form.NEW, allowed=shadow_form.NEW)
        found = found or _refused_user(values)
        if found:
            return objections(422, *found)
        moment = instants.from_seconds(self._now())
        shadow = values | {
            "id": str(uuid4()),
            "schedule_id": schedule_id,
            "created_at": moment,
            "updated_at": moment,
        }
        self._state.change("add_shadow", **shadow)
        return document(_resource(shadow), status=201)

    async def _list(self, request: web.Request) -> web.Response:
        """List a schedule's shadows, the newest first: one made during a sweep moves the others along."""
        schedule_id = request.match_info["schedule_id"]
        refused = _refused_schedule(schedule_id)
        if refused is not None and refused.status == 404:
            return refused
        page = Page.asked(request.query)
        total = self._state.total("shadows_total", schedule_id=schedule_id)
        rows = self._state.rows("shadows_page", schedule_id=schedule_id, limit=page.size, offset=page.offset)
        return listing(request, page, total, [_resource(dict(row)) for row in rows])

    async def _show(self, request: web.Request) -> web.Response:
        row = self._row(request)
        return document(_resource(dict(row))) if row else _not_found()

    async def _change(self, request: web.Request) -> web.Response:
        row = self._row(request)
        if row is None:
            return _not_found()
        body = await body_of(request)
        values, found = shadow_form.read(body, required=_NONE, allowed=shadow_form.CHANGED)
        shadow = dict(row) | values
        found = found or shadow_form.order_objections(shadow) or _refused_user(values)
        if found:
            return objections(422, *found)
        return self._store(shadow)

    async def _delete(self, request: web.Request) -> web.Response:
        """Delete a shadow to come; of an active one cut the end to now, so that what was stays known."""
        row = self._row(request)
        if row is None:
            return _not_found()
        moment = instants.from_seconds(self._now())
        shadow = dict(row)
        if shadow["ends_at"] <= moment:
            return objections(422, Objection("Shadow period has already ended", "/data"))
        if shadow["starts_at"] <= moment:
            return self._store(shadow | {"ends_at": moment})
        self._state.change("delete_shadow", id=shadow["id"])
        return document(_resource(shadow))

    def _row(self, request: web.Request) -> sqlite3.Row | None:
        return self._state.row("shadow", id=request.match_info["id"])

    def _store(self, shadow: dict[str, str | int]) -> web.Response:
        changed = shadow | {"updated_at": instants.from_seconds(self._now())}
        self._state.change("change_shadow", **changed)
        return document(_resource(changed))


def _refused_schedule(schedule_id: str) -> web.Response | None:
    """Refuse a schedule id that is malformed or reserved; every other one is taken."""
    failure = reserved("schedule_id", schedule_id)
    if failure is not None:
        return objections(failure.status, Objection(failure.words, "/data"))
    if not shadow_form.is_id(schedule_id):
        return objections(404, Objection("Schedule not found."))
    return None


def _refused_user(values: Mapping[str, str | int]) -> list[Objection]:
    failure = reserved("shadow_user_id", values.get("shadow_user_id", ""))
    return [Objection(failure.words, "/data/attributes/shadow_user_id")] if failure else []


def _not_found() -> web.Response:
    return objections(404, Objection("On-call shadow not found."))


def _resource(shadow: Mapping[str, str | int]) -> dict[str, object]:
    attributes: dict[str, object] = {
        "schedule_id": shadow["schedule_id"],
        "shadowable_type": shadow["shadowable_type"],
        "shadowable_id": shadow["shadowable_id"],
        "shadow_user_id": int(shadow["shadow_user_id"]),
    }
    for name in ("starts_at", "ends_at", "created_at", "updated_at"):
        attributes[name] = instants.show(int(shadow[name]))
    return {"id": shadow["id"], "type": shadow_form.TYPE, "attributes": attributes}
