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
    Objection,
    answer,
    document,
    error_middleware,
    gets,
    has_token,
    objections,
    show_instant,
    throttle,
)
from importer.sandbox.api.shifts import ShiftRoutes
from importer.sandbox.api.stored_kinds import is_id, known_schedule, list_page, refuse, stored_kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from importer.sandbox.api.stored_kinds import Record
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
    """Return Rootly's application: every answer reports the limits. Rotations are those of `account`."""
    reads, writes = limits.rootly(), limits.rootly()

    def window(request: web.Request) -> RateWindow:
        return reads if request.method in {"GET", "HEAD", "OPTIONS"} else writes

    def report(request: web.Request, *_: object) -> dict[str, str]:
        standing, seconds = window(request).standing(now()), window(request).seconds
        return {
            "X-RateLimit-Limit": f"{standing.limit}, {standing.limit};window={round(seconds, 3):g}",
            "X-RateLimit-Remaining": str(standing.remaining),
            "X-RateLimit-Used": str(standing.used),
            "X-RateLimit-Reset": str(math.ceil(standing.resets_at)),
        }

    def refuse_incomplete(request: web.Request) -> web.Response | None:
        refused = _refused(request)
        if refused is not None:
            refused.headers.update(report(request))
        return refused

    check = throttle(
        now,
        refuse=refuse_incomplete,
        windows=lambda request: (window(request),),
        too_many=lambda: flat(429, "Rate limit exceeded. Try again later."),
        report=report,
    )
    app = web.Application(middlewares=[check, error_middleware(flat)])
    app.add_routes(RootlyDirectory(state).routes())
    for stored in stored_kinds():
        if stored.target is TargetName.ROOTLY:
            app.add_routes(stored.routes(state, now))
    app.add_routes(ShiftRoutes(state, account, now).routes())
    return app


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
_MADE_UP_TIMES = {"created_at": _MADE_UP_AT, "updated_at": _MADE_UP_AT}


class RootlyDirectory:
    """The routes of users and schedules.

    Any well-formed id is answered, with a made-up name where it is in no list, because a shadow may name it too.
    """

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return gets(
            {
                "/v1/schedules": self._schedules,
                "/v1/schedules/{id}": self._schedule,
                "/v1/users": self._users,
                "/v1/users/{id}": self._user,
            }
        )

    async def _schedules(self, request: web.Request) -> web.Response:
        query = request.query
        _refuse_unknown_filters(query, _SCHEDULE_FILTERS)
        asked: dict[str, Value] = {
            "is_named": query.get("filter[name][eq]"),
            "named": _folded(query, "filter[name]"),
            "search": _folded(query, "filter[search]"),
        }
        return list_page(request, self._state, "rootly_schedules_page", _schedule, **asked)

    async def _schedule(self, request: web.Request) -> web.Response:
        schedule_id = known_schedule(request.match_info["id"])
        row = self._state.row("rootly_schedule", id=schedule_id)
        made_up = {"id": schedule_id, "name": f"Schedule {schedule_id}", "owner_user_id": _ME, **_MADE_UP_TIMES}
        return document(_schedule(dict(row) if row else made_up))

    async def _users(self, request: web.Request) -> web.Response:
        query = request.query
        _refuse_unknown_filters(query, _USER_FILTERS)
        sorts = query.get("sort", "created_at").split(",")
        if len(sorts) > 2 or not set(sorts) <= _SORTS:
            refuse(400, Objection("sort accepts created_at and updated_at, each with or without -", "", "sort"))
        asked: dict[str, Value] = {
            "email": _folded(query, "filter[email]"),
            "search": _folded(query, "filter[search]"),
            "sort": sorts[0],
            "then_sort": sorts[-1],
        }
        return list_page(request, self._state, "rootly_users_page", _user, **asked)

    async def _user(self, request: web.Request) -> web.Response:
        user_id = request.match_info["id"]
        user_id = str(_ME) if user_id == "me" else user_id
        if not (is_id(user_id) and user_id.isdigit()):
            refuse(404, Objection("User not found."))
        row = self._state.row("rootly_user", id=user_id)
        email = f"user{user_id}@example.com"
        made_up = {"id": user_id, "email": email, "first_name": "User", "last_name": user_id, **_MADE_UP_TIMES}
        return document(_user(dict(row) if row else made_up))


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


def _refuse_unknown_filters(query: Mapping[str, str], known: set[str]) -> None:
    """Refuse a filter that the sandbox does not have, rather than answer as if everything had matched."""
    if unknown := sorted(name for name in query if name.startswith("filter[") and name not in known):
        refuse(400, *(Objection("The sandbox does not have this filter", "", name) for name in unknown))


def _schedule(row: Record) -> Record:
    attributes: dict[str, object] = {
        "name": row["name"],
        "description": None,
        "all_time_coverage": True,
        "owner_group_ids": [],
        "owner_user_id": row["owner_user_id"],
        **_times(row),
    }
    return {"id": row["id"], "type": "schedules", "attributes": attributes}


def _user(row: Record) -> Record:
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


def _times(row: Record) -> dict[str, str]:
    return {name: show_instant(row[name]) for name in ("created_at", "updated_at")}
