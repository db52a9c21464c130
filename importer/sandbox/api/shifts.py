"""Rootly's shifts: overrides, created and deleted by requests, and the rendered calendar that everything shows in."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from aiohttp import web

from importer.records import TargetName
from importer.sandbox.api.answers import (
    ListPage,
    Objection,
    document,
    instant_of,
    json_body,
    listing,
    objections,
    show_instant,
)
from importer.sandbox.api.shadows import read, refused_schedule, refused_user
from importer.sandbox.api.stored_kinds import StoredKind
from importer.sandbox.rotation import DAY, Span, Turn, base_turns, without

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from importer.records import Key
    from importer.sandbox.organization import PagerDuty
    from importer.sandbox.state import SandboxState, Value

#: JSON:API's type of overrides and of rendered shifts alike.
TYPE = "shifts"
#: The attributes of a new override, all required; the schedule is in the path.
NEW = frozenset({"user_id", "starts_at", "ends_at"})
#: Seconds until the calendar shows what was created: Rootly computes shifts in the background.
RENDERING_DELAY = 1.0

_LARGEST_PAGE = 1000
_SPAN = 28 * DAY  # where `to` is not given


class OverrideRoutes:
    """The routes of overrides. A new override replaces those of its schedule that it overlaps."""

    def __init__(self, state: SandboxState, now: Callable[[], float]) -> None:
        self._state = state
        self._now = now

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post("/v1/schedules/{schedule_id}/override_shifts", self._create),
            web.get("/v1/schedules/{schedule_id}/override_shifts", self._list, allow_head=False),
            web.get("/v1/override_shifts/{id}", self._show, allow_head=False),
            web.put("/v1/override_shifts/{id}", self._change),
            web.delete("/v1/override_shifts/{id}", self._delete),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        """Create an override (201), or answer with the equal one that exists (200)."""
        schedule_id = request.match_info["schedule_id"]
        if refused := refused_schedule(schedule_id):
            return refused
        values, found = read(await json_body(request), required=NEW, allowed=NEW, type_=TYPE)
        if found := found or refused_user("user_id", values):
            return objections(422, *found)
        moment = instant_of(self._now())
        override = values | {"schedule_id": schedule_id, "created_at": moment, "updated_at": moment}
        spot = {"schedule_id": schedule_id, "starts_at": values["starts_at"], "ends_at": values["ends_at"]}
        overlapped = self._state.rows("overlapped_overrides", **spot)
        for row in overlapped:
            if all(row[name] == values[name] for name in NEW):
                return document(_override(dict(row)))
        override["id"] = str(uuid4())
        with self._state.at_once():
            for row in overlapped:
                self._state.change("delete_override", id=row["id"])
            self._state.change("add_override", **override)
        return document(_override(override), status=201)

    async def _list(self, request: web.Request) -> web.Response:
        schedule_id = request.match_info["schedule_id"]
        refused = refused_schedule(schedule_id)
        if refused is not None and refused.status == 404:
            return refused
        page = ListPage.from_query(request.query)
        total = self._state.total("overrides_total", schedule_id=schedule_id)
        rows = self._state.rows("overrides_page", schedule_id=schedule_id, limit=page.size, offset=page.offset)
        return listing(request, page, total, [_override(dict(row)) for row in rows])

    async def _show(self, request: web.Request) -> web.Response:
        row = self._row(request)
        return document(_override(dict(row))) if row else _not_found()

    async def _change(self, request: web.Request) -> web.Response:
        """Return an override to another user; nothing else of it can be changed."""
        row = self._row(request)
        if row is None:
            return _not_found()
        only = frozenset({"user_id"})
        values, found = read(await json_body(request), required=only, allowed=only, type_=TYPE)
        if found := found or refused_user("user_id", values):
            return objections(422, *found)
        override = dict(row) | values | {"updated_at": instant_of(self._now())}
        self._state.change("change_override", **override)
        return document(_override(override))

    async def _delete(self, request: web.Request) -> web.Response:
        row = self._row(request)
        if row is None:
            return _not_found()
        self._state.change("delete_override", id=row["id"])
        return document(_override(dict(row)))

    def _row(self, request: web.Request) -> sqlite3.Row | None:
        return self._state.row("override", id=request.match_info["id"])


def _not_found() -> web.Response:
    return objections(404, Objection("Override shift not found."))


def _override(override: Mapping[str, str | int]) -> dict[str, object]:
    attributes: dict[str, object] = {
        "schedule_id": override["schedule_id"],
        "rotation_id": None,
        "is_override": True,
        "user_id": int(override["user_id"]),
    }
    for name in ("starts_at", "ends_at", "created_at", "updated_at"):
        attributes[name] = show_instant(int(override[name]))
    return {"id": override["id"], "type": TYPE, "attributes": attributes}


class ShiftRoutes:
    """The routes of the rendered calendar.

    Schedules with the name of one of PagerDuty's have its rotations, as if Rootly's own import had copied them.
    """

    def __init__(self, state: SandboxState, account: PagerDuty, now: Callable[[], float]) -> None:
        self._state = state
        self._account = account
        self._now = now
        self._emails = {user.id: user.email.casefold() for user in account.users}

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/v1/shifts", self._all, allow_head=False),
            web.get("/v1/schedules/{schedule_id}/shifts", self._of_schedule, allow_head=False),
        ]

    async def _all(self, request: web.Request) -> web.Response:
        wanted = request.query.getall("schedule_ids[]", [])
        known = [row["id"] for row in self._state.rows("rootly_schedules_all")]
        schedules = wanted or list(
            dict.fromkeys([*known, *(row["id"] for row in self._state.rows("shifted_schedules"))])
        )
        return self._answer(request, schedules)

    async def _of_schedule(self, request: web.Request) -> web.Response:
        schedule_id = request.match_info["schedule_id"]
        refused = refused_schedule(schedule_id)
        if refused is not None and refused.status == 404:
            return refused
        return self._answer(request, [schedule_id])

    def _answer(self, request: web.Request, schedules: list[str]) -> web.Response:
        try:
            begins = _moment(request.query.get("from"), int(self._now()))
            span = Span(begins, _moment(request.query.get("to"), begins + _SPAN))
        except ValueError:
            return objections(400, Objection("from and to must be date-times with an offset", "", "from"))
        users = set(request.query.getall("user_ids[]", []))
        shifts = [shift for schedule_id in schedules for shift in self._shifts(schedule_id, span)]
        shifts = [shift for shift in shifts if not users or str(shift["user_id"]) in users]
        page = ListPage.from_query(request.query, _LARGEST_PAGE)
        part = shifts[page.offset : page.offset + page.size]
        return listing(request, page, len(shifts), [_shift(shift) for shift in part])

    def _shifts(self, schedule_id: str, span: Span) -> list[dict[str, object]]:
        """Render a schedule: its rotation under its overrides, and beside them its shadows."""
        before = instant_of(self._now() - RENDERING_DELAY)
        spot: dict[str, Value] = {
            "schedule_id": schedule_id,
            "starts_at": span.start * 1000,
            "ends_at": span.end * 1000,
        }
        row = self._state.row("rootly_schedule", id=schedule_id)
        base = base_turns(self._account, row["name"], span) if row else []
        overrides = [row for row in self._state.rows("overlapped_overrides", **spot) if row["created_at"] <= before]
        for row in overrides:
            start, end = row["starts_at"] // 1000, row["ends_at"] // 1000
            base = [part for turn in base for part in without(turn, start, end)]
        found = [self._rotation_shift(schedule_id, turn) for turn in base]
        found += [_created(dict(row), row["user_id"], is_override=True) for row in overrides]
        for row in self._state.rows("overlapped_shadows", **spot):
            if row["created_at"] <= before:
                found.append(_created(dict(row), row["shadow_user_id"], is_override=False))
        return sorted(found, key=lambda shift: (str(shift["schedule_id"]), int(str(shift["starts_at"]))))

    def _rotation_shift(self, schedule_id: str, turn: Turn) -> dict[str, object]:
        rows = self._state.rows(
            "rootly_users_page",
            email=self._emails.get(turn.who, ""),
            search=None,
            sort="created_at",
            then_sort="created_at",
            limit=1,
            offset=0,
        )
        return {
            "id": str(uuid5(NAMESPACE_URL, f"{schedule_id}/{turn.start}/{turn.who}")),
            "schedule_id": schedule_id,
            "rotation_id": str(uuid5(NAMESPACE_URL, schedule_id)),
            "starts_at": turn.start * 1000,
            "ends_at": turn.end * 1000,
            "is_override": False,
            "is_shadow": False,
            "user_id": rows[0]["id"] if rows else None,
        }


def _created(row: Mapping[str, str | int], user_id: str, *, is_override: bool) -> dict[str, object]:
    return {
        "id": row["id"] if is_override else str(uuid5(NAMESPACE_URL, str(row["id"]))),
        "schedule_id": row["schedule_id"],
        "rotation_id": None,
        "starts_at": row["starts_at"],
        "ends_at": row["ends_at"],
        "is_override": is_override,
        "is_shadow": not is_override,
        "user_id": int(user_id),
    }


def _shift(shift: dict[str, object]) -> dict[str, object]:
    attributes = {name: value for name, value in shift.items() if name != "id"}
    for name in ("starts_at", "ends_at"):
        attributes[name] = show_instant(int(str(shift[name])))
    user = None if shift["user_id"] is None else {"id": str(shift["user_id"]), "type": "users"}
    override = {"id": shift["id"], "type": "shift_overrides"} if shift["is_override"] else None
    relationships = {"user": {"data": user}, "shift_override": {"data": override}}
    return {"id": shift["id"], "type": TYPE, "attributes": attributes, "relationships": relationships}


def _moment(text: str | None, default: int) -> int:
    if text is None:
        return default
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return int(moment.timestamp())


def _key(values: Mapping[str, Any]) -> Key:
    """Return the key of an override; `values` has its instants in epoch milliseconds."""
    return (
        str(values["schedule_id"]),
        int(values["user_id"]),
        int(values["starts_at"]) // 1000,
        int(values["ends_at"]) // 1000,
    )


def _posted_key(body: object, schedule_id: str) -> Key:
    values, found = read(body, required=NEW, allowed=NEW, type_=TYPE)
    return () if found else _key({**values, "schedule_id": schedule_id})


STORED = StoredKind(
    target=TargetName.ROOTLY,
    collection=r"/v1/schedules/[^/]+/override_shifts",
    routes=lambda state, now: OverrideRoutes(state, now).routes(),
    posted_key=_posted_key,
    objects=lambda state: [(row["id"], _key(dict(row)), row["due"]) for row in state.rows("all_overrides")],
    forget=lambda state, id_: state.change("delete_override", id=id_),
)
