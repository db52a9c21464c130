"""Rootly's directory: users and schedules, by id and in filtered lists; no request changes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from importer.sandbox.api import instants
from importer.sandbox.api.jsonapi import ListPage, Objection, document, listing, objections
from importer.sandbox.api.shadows import is_id
from importer.sandbox.directory_file import reserved

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from importer.sandbox.directory_file import DirectoryFile
    from importer.sandbox.state import SandboxState, Value


#: The user whom the API key belongs to.
_ME = 101
_SORTS = {"created_at", "-created_at", "updated_at", "-updated_at"}
_SCHEDULE_FILTERS = {"filter[name]", "filter[name][eq]", "filter[search]"}
_USER_FILTERS = {"filter[email]", "filter[search]"}
#: When those were made that stand in no list but are taken by their id: 2025-01-01, noon UTC.
_MADE_UP_AT = 1735732800000


class Directory:
    """The routes of users and schedules.

    A well-formed id that is in no list is shown all the same, with a made-up name, as it is taken in a shadow.
    """

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        """List the routes; `me` must stand before the ids."""
        return [
            web.get("/v1/schedules", self._schedules, allow_head=False),
            web.get("/v1/schedules/{id}", self._schedule, allow_head=False),
            web.get("/v1/users", self._users, allow_head=False),
            web.get("/v1/users/me", self._me, allow_head=False),
            web.get("/v1/users/{id}", self._user, allow_head=False),
        ]

    async def _schedules(self, request: web.Request) -> web.Response:
        query = request.query
        if refused := _unknown_filter(query, _SCHEDULE_FILTERS):
            return refused
        asked: dict[str, Value] = {
            "is_named": query.get("filter[name][eq]"),
            "named": _folded(query, "filter[name]"),
            "search": _folded(query, "filter[search]"),
        }
        page = ListPage.asked(query)
        total = self._state.total("rootly_schedules_total", **asked)
        rows = self._state.rows("rootly_schedules_page", limit=page.size, offset=page.offset, **asked)
        return listing(request, page, total, [_schedule(dict(row)) for row in rows])

    async def _schedule(self, request: web.Request) -> web.Response:
        schedule_id = request.match_info["id"]
        failure = reserved("schedule_id", schedule_id)
        if not is_id(schedule_id) or (failure is not None and failure.status == 404):
            return objections(404, Objection("Schedule not found."))
        row = self._state.row("rootly_schedule", id=schedule_id)
        return document(_schedule(dict(row) if row else _made_up_schedule(schedule_id)))

    async def _users(self, request: web.Request) -> web.Response:
        query = request.query
        if refused := _unknown_filter(query, _USER_FILTERS):
            return refused
        sorts = query.get("sort", "created_at").split(",")
        if len(sorts) > 2 or not set(sorts) <= _SORTS:
            return objections(
                400, Objection("sort takes created_at and updated_at, each with or without -", "", "sort")
            )
        asked: dict[str, Value] = {"email": _folded(query, "filter[email]"), "search": _folded(query, "filter[search]")}
        page = ListPage.asked(query)
        total = self._state.total("rootly_users_total", **asked)
        order: dict[str, Value] = {"sort": sorts[0], "then_sort": sorts[-1]}
        rows = self._state.rows("rootly_users_page", limit=page.size, offset=page.offset, **asked, **order)
        return listing(request, page, total, [_user(dict(row)) for row in rows])

    async def _user(self, request: web.Request) -> web.Response:
        user_id = request.match_info["id"]
        if not (is_id(user_id) and user_id.isdigit()):
            return objections(404, Objection("User not found."))
        row = self._find_user(user_id)
        return document(_user(dict(row) if row else _made_up_user(user_id)))

    async def _me(self, _request: web.Request) -> web.Response:
        row = self._find_user(str(_ME))
        return document(_user(dict(row) if row else _made_up_user(str(_ME))))

    def _find_user(self, user_id: str) -> sqlite3.Row | None:
        return self._state.row("rootly_user", id=user_id)


def replace(state: SandboxState, roll: DirectoryFile, now: float) -> None:
    """Put other users, schedules and groups in the place of those in a state, where they stay until the next ones."""
    with state.at_once():
        for statement in ("forget_rootly_users", "forget_rootly_schedules", "forget_late_entries"):
            state.change(statement)
        for position, user in enumerate(roll.users):
            values = user.model_dump(exclude={"listed_after"})
            state.change("add_rootly_user", **values, made_at=_MADE_UP_AT + position)
        for position, schedule in enumerate(roll.schedules):
            values = schedule.model_dump(exclude={"listed_after"})
            state.change("add_rootly_schedule", **values, owner_user_id=_ME, made_at=_MADE_UP_AT + position)
        if roll.groups:
            _replace_groups(state, roll)
        late = [(f"user/{user.id}", user.listed_after) for user in roll.users]
        late += [(f"schedule/{schedule.id}", schedule.listed_after) for schedule in roll.schedules]
        for id_, seconds in late:
            if seconds:
                state.change("hold_back", id=id_, due=now + seconds, is_applied=True)


def _replace_groups(state: SandboxState, roll: DirectoryFile) -> None:
    for statement in ("forget_group_schedules", "forget_opal_groups"):
        state.change(statement)
    for number, group in enumerate(roll.groups, 1):
        state.change("add_opal_group", number=number, **group.model_dump())


def _folded(query: Mapping[str, str], name: str) -> str | None:
    text = query.get(name)
    return None if text is None else text.casefold()


def _unknown_filter(query: Mapping[str, str], known: set[str]) -> web.Response | None:
    """Refuse a filter that the sandbox does not have, rather than answer as if it had matched everything."""
    unknown = sorted(name for name in query if name.startswith("filter[") and name not in known)
    if not unknown:
        return None
    return objections(400, *(Objection("The sandbox does not have this filter", "", name) for name in unknown))


def _made_up_schedule(schedule_id: str) -> dict[str, str | int]:
    name = f"Schedule {schedule_id}"
    return {"id": schedule_id, "name": name, "owner_user_id": _ME, **_made_up_times()}


def _made_up_user(user_id: str) -> dict[str, str | int]:
    email = f"user{user_id}@example.com"
    return {"id": user_id, "email": email, "first_name": "User", "last_name": user_id, **_made_up_times()}


def _made_up_times() -> dict[str, int]:
    return {"created_at": _MADE_UP_AT, "updated_at": _MADE_UP_AT}


def _schedule(row: Mapping[str, str | int]) -> dict[str, object]:
    attributes: dict[str, object] = {
        "name": row["name"],
        "description": None,
        "all_time_coverage": True,
        "owner_group_ids": [],
        "owner_user_id": row["owner_user_id"],
        **_times(row),
    }
    return {"id": row["id"], "type": "schedules", "attributes": attributes}


def _user(row: Mapping[str, str | int]) -> dict[str, object]:
    full_name = f"{row['first_name']} {row['last_name']}".strip()
    attributes: dict[str, object] = {
        "email": row["email"],
        "first_name": row["first_name"] or None,
        "last_name": row["last_name"] or None,
        "full_name": full_name or None,
        "full_name_with_team": f"[Sandbox] {full_name}".strip(),
        "time_zone": instants.ZONE_NAME,
        **_times(row),
    }
    return {"id": str(row["id"]), "type": "users", "attributes": attributes}


def _times(row: Mapping[str, str | int]) -> dict[str, str]:
    return {name: instants.show(int(row[name])) for name in ("created_at", "updated_at")}
