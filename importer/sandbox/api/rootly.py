"""Rootly: what every request must bring, the limits that every answer reports, and its users and schedules."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from importer.records import TargetName
from importer.sandbox.api.answers import (
    JSON,
    JSON_API,
    ZONE_NAME,
    Handler,
    ListPage,
    Objection,
    answer,
    document,
    error_middleware,
    has_token,
    listing,
    objections,
    show_instant,
)
from importer.sandbox.api.shadows import is_id
from importer.sandbox.api.shifts import ShiftRoutes
from importer.sandbox.api.stored_kinds import stored_kinds
from importer.sandbox.directory_file import reserved

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from importer.sandbox.directory_file import DirectoryFile
    from importer.sandbox.organization import PagerDuty
    from importer.sandbox.rate_limits import Limits, RateWindow
    from importer.sandbox.state import SandboxState, Value


_EDGE_PAGE = """<!DOCTYPE html>
<html><head><title>403 Forbidden</title></head>
<body><h1>403 Forbidden</h1><p>Request forbidden by administrative rules.</p></body></html>
"""


def flat(status: int, text: str) -> web.Response:
    """Answer an error in the flat form, which Rootly uses for 429 and for unknown paths."""
    return answer({"error": text}, status=status)


def application(state: SandboxState, account: PagerDuty, limits: Limits, now: Callable[[], float]) -> web.Application:
    """Return Rootly's application; the throttle comes before every route. Rotations are those of `account`."""
    throttle = _RootlyThrottle(limits, now)
    app = web.Application(middlewares=[throttle.report_limits, error_middleware(flat), throttle.check])
    app.add_routes(RootlyDirectory(state).routes())
    for stored in stored_kinds():
        if stored.target is TargetName.ROOTLY:
            app.add_routes(stored.routes(state, now))
    app.add_routes(ShiftRoutes(state, account, now).routes())
    return app


class _RootlyThrottle:
    """Checks headers, token and limits; reads and writes are counted separately."""

    def __init__(self, limits: Limits, now: Callable[[], float]) -> None:
        self._reads = limits.rootly()
        self._writes = limits.rootly()
        self._reports = limits.reports
        self._now = now

    @web.middleware
    async def report_limits(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Put the X-RateLimit headers on every answer, unless they are switched off."""
        response = await handler(request)
        if not self._reports:
            return response
        window = self._window(request)
        standing = window.standing(self._now())
        response.headers["X-RateLimit-Limit"] = (
            f"{standing.limit}, {standing.limit};window={round(window.seconds, 3):g}"
        )
        response.headers["X-RateLimit-Remaining"] = str(standing.remaining)
        response.headers["X-RateLimit-Used"] = str(standing.used)
        response.headers["X-RateLimit-Reset"] = str(math.ceil(standing.resets_at))
        return response

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request through, or answer 403, 415, 401 or 429. Only requests with a valid token are counted."""
        refused = _refused(request)
        if refused is not None:
            return refused
        if not self._window(request).take(self._now()):
            return flat(429, "Rate limit exceeded. Try again later.")
        return await handler(request)

    def _window(self, request: web.Request) -> RateWindow:
        return self._reads if request.method in {"GET", "HEAD", "OPTIONS"} else self._writes


def _refused(request: web.Request) -> web.Response | None:
    if not request.headers.get(hdrs.USER_AGENT):
        return web.Response(text=_EDGE_PAGE, status=403, content_type="text/html")
    if not (_names(request, hdrs.ACCEPT) and _names(request, hdrs.CONTENT_TYPE)):
        return objections(415, Objection(f"Accept and Content-Type must be {JSON_API}"))
    if not has_token(request):
        return objections(401, Objection("The API key is missing or invalid"), media_type=JSON)
    return None


def _names(request: web.Request, header: str) -> bool:
    """Return whether a header names JSON:API's media type, alone or among others."""
    kinds = request.headers.get(header, "").lower().split(",")
    return any(kind.partition(";")[0].strip() == JSON_API for kind in kinds)


#: The user whom the API key belongs to.
_ME = 101
_SORTS = {"created_at", "-created_at", "updated_at", "-updated_at"}
_SCHEDULE_FILTERS = {"filter[name]", "filter[name][eq]", "filter[search]"}
_USER_FILTERS = {"filter[email]", "filter[search]"}
#: Creation time of objects that are in no list but are accepted by their id: 2025-01-01, noon UTC.
_MADE_UP_AT = 1735732800000


class RootlyDirectory:
    """The routes of users and schedules.

    Any well-formed id is answered, with a made-up name where it is in no list, because a shadow may name it too.
    """

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        """Return the routes; `me` must come before the ids."""
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
        page = ListPage.from_query(query)
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
                400, Objection("sort accepts created_at and updated_at, each with or without -", "", "sort")
            )
        asked: dict[str, Value] = {"email": _folded(query, "filter[email]"), "search": _folded(query, "filter[search]")}
        page = ListPage.from_query(query)
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


def replace_directory(state: SandboxState, directory: DirectoryFile, now: float) -> None:
    """Replace the users, schedules and groups in a state; they stay there until they are replaced again."""
    with state.at_once():
        for statement in ("forget_rootly_users", "forget_rootly_schedules", "forget_late_entries"):
            state.change(statement)
        for position, user in enumerate(directory.users):
            values = user.model_dump(exclude={"listed_after"})
            state.change("add_rootly_user", **values, made_at=_MADE_UP_AT + position)
        for position, schedule in enumerate(directory.schedules):
            values = schedule.model_dump(exclude={"listed_after"})
            state.change("add_rootly_schedule", **values, owner_user_id=_ME, made_at=_MADE_UP_AT + position)
        if directory.groups:
            _replace_groups(state, directory)
        late = [(f"user/{user.id}", user.listed_after) for user in directory.users]
        late += [(f"schedule/{schedule.id}", schedule.listed_after) for schedule in directory.schedules]
        for id_, seconds in late:
            if seconds:
                state.change("hold_back", id=id_, due=now + seconds, is_applied=True)


def _replace_groups(state: SandboxState, directory: DirectoryFile) -> None:
    for statement in ("forget_group_schedules", "forget_opal_groups"):
        state.change(statement)
    for number, group in enumerate(directory.groups, 1):
        state.change("add_opal_group", number=number, **group.model_dump())


def _folded(query: Mapping[str, str], name: str) -> str | None:
    text = query.get(name)
    return None if text is None else text.casefold()


def _unknown_filter(query: Mapping[str, str], known: set[str]) -> web.Response | None:
    """Refuse a filter that the sandbox does not have, rather than answer as if everything had matched."""
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
        "time_zone": ZONE_NAME,
        **_times(row),
    }
    return {"id": str(row["id"]), "type": "users", "attributes": attributes}


def _times(row: Mapping[str, str | int]) -> dict[str, str]:
    return {name: show_instant(int(row[name])) for name in ("created_at", "updated_at")}
