"""Rootly's shifts: overrides, created and deleted by requests, and the rendered calendar that everything shows in."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from uuid import NAMESPACE_URL, uuid5

from importer.sandbox.api.answers import (
    ListPage,
    Objection,
    document,
    gets,
    instant_of,
    listing,
    parse_instant,
    show_instant,
)
from importer.sandbox.api.stored_kinds import RootlyRecords, known_schedule, refuse
from importer.sandbox.rotation import DAY, Span, base_turns, without

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from aiohttp import web

    from importer.sandbox.api.stored_kinds import Record
    from importer.sandbox.organization import PagerDuty
    from importer.sandbox.rotation import Turn
    from importer.sandbox.state import SandboxState, Value

#: JSON:API's type of overrides and of rendered shifts alike.
TYPE = "shifts"
#: Seconds until the calendar shows what was created: Rootly computes shifts in the background.
RENDERING_DELAY = 1.0

_LARGEST_PAGE = 1000
_SPAN = 28 * DAY  # where `to` is not given


class OverrideRoutes(RootlyRecords):
    """The routes of overrides. A new override replaces those of its schedule that it overlaps."""

    name = "override"
    title = "Override shift"
    path = "override_shifts"
    type = TYPE
    attributes = ("user_id", "starts_at", "ends_at")
    changed = needed = frozenset({"user_id"})
    user = "user_id"
    constants: ClassVar = {"rotation_id": None, "is_override": True}

    def add(self, record: Record) -> web.Response:
        """Create an override (201), or answer with the equal one that exists (200)."""
        spot = {name: record[name] for name in ("schedule_id", "starts_at", "ends_at")}
        overlapped = self._state.rows("overlapped_overrides", **spot)
        for row in overlapped:
            if all(row[name] == record[name] for name in self.attributes):
                return document(self.resource(dict(row)))
        with self._state.at_once():
            for row in overlapped:
                self._state.change("delete_override", id=row["id"])
            return super().add(record)


STORED = OverrideRoutes.stored()


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
        return gets({"/v1/shifts": self._all, "/v1/schedules/{schedule_id}/shifts": self._of_schedule})

    async def _all(self, request: web.Request) -> web.Response:
        wanted = request.query.getall("schedule_ids[]", [])
        known = [*self._state.rows("rootly_schedules_all"), *self._state.rows("shifted_schedules")]
        return self._answer(request, wanted or list(dict.fromkeys(row["id"] for row in known)))

    async def _of_schedule(self, request: web.Request) -> web.Response:
        return self._answer(request, [known_schedule(request.match_info["schedule_id"])])

    def _answer(self, request: web.Request, schedules: list[str]) -> web.Response:
        query = request.query
        try:
            begins = parse_instant(query["from"]) // 1000 if "from" in query else int(self._now())
            span = Span(begins, parse_instant(query["to"]) // 1000 if "to" in query else begins + _SPAN)
        except ValueError:
            refuse(400, Objection("from and to must be date-times with an offset", "", "from"))
        users = set(query.getall("user_ids[]", []))
        shifts = [shift for schedule_id in schedules for shift in self._shifts(schedule_id, span)]
        shifts = [shift for shift in shifts if not users or str(shift["user_id"]) in users]
        page = ListPage.from_query(query, _LARGEST_PAGE)
        part = shifts[page.offset : page.offset + page.size]
        return listing(request, page, len(shifts), [_shift(shift) for shift in part])

    def _shifts(self, schedule_id: str, span: Span) -> list[Record]:
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
        found += [_created(row, row["user_id"], is_override=True) for row in overrides]
        for row in self._state.rows("overlapped_shadows", **spot):
            if row["created_at"] <= before:
                found.append(_created(row, row["shadow_user_id"], is_override=False))
        return sorted(found, key=lambda shift: (shift["schedule_id"], shift["starts_at"]))

    def _rotation_shift(self, schedule_id: str, turn: Turn) -> Record:
        user = self._state.row("rootly_user_of", email=self._emails.get(turn.who, ""))
        return {
            "id": str(uuid5(NAMESPACE_URL, f"{schedule_id}/{turn.start}/{turn.who}")),
            "schedule_id": schedule_id,
            "rotation_id": str(uuid5(NAMESPACE_URL, schedule_id)),
            "starts_at": turn.start * 1000,
            "ends_at": turn.end * 1000,
            "is_override": False,
            "is_shadow": False,
            "user_id": user["id"] if user else None,
        }


def _created(row: sqlite3.Row, user_id: str, *, is_override: bool) -> Record:
    return {
        "id": row["id"] if is_override else str(uuid5(NAMESPACE_URL, row["id"])),
        "schedule_id": row["schedule_id"],
        "rotation_id": None,
        "starts_at": row["starts_at"],
        "ends_at": row["ends_at"],
        "is_override": is_override,
        "is_shadow": not is_override,
        "user_id": int(user_id),
    }


def _shift(shift: Record) -> Record:
    attributes = {name: value for name, value in shift.items() if name != "id"}
    attributes |= {name: show_instant(shift[name]) for name in ("starts_at", "ends_at")}
    user = None if shift["user_id"] is None else {"id": str(shift["user_id"]), "type": "users"}
    override = {"id": shift["id"], "type": "shift_overrides"} if shift["is_override"] else None
    relationships = {"user": {"data": user}, "shift_override": {"data": override}}
    return {"id": shift["id"], "type": TYPE, "attributes": attributes, "relationships": relationships}
