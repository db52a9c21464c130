"""Rootly: what every request must bring, the limits that every answer reports, users, schedules, rendered shifts."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Mapping
from uuid import NAMESPACE_URL, uuid5

from aiohttp import hdrs, web

from importer.records import TargetName
from importer.sandbox.api import stored_routes
from importer.sandbox.api.answers import (
    JSON,
    JSON_API,
    ZONE_NAME,
    Limits,
    ListPage,
    Objection,
    RateWindow,
    answer,
    api_application,
    document,
    gets,
    has_token,
    instant_of,
    listing,
    objections,
    parse_instant,
    show_instant,
)
from importer.sandbox.api.rootly_records import Record, is_id, known_schedule, list_page, refuse
from importer.sandbox.directory_file import DirectoryFile
from importer.sandbox.organization import PagerDuty
from importer.sandbox.rotation import DAY, Span, Turn, base_turns, without
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

    return api_application(
        [*stored_routes(TargetName.ROOTLY, state, now), *_RootlyRoutes(state, account, now).routes()],
        now,
        error=flat,
        refuse=refuse_incomplete,
        windows=lambda request: (window(request),),
        too_many="Rate limit exceeded. Try again later.",
        report=report,
    )


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
#: Seconds until the calendar shows what was created: Rootly computes shifts in the background.
_RENDERING_DELAY = 1.0
_MOST_SHIFTS = 1000  # of a page
_SPAN = 28 * DAY  # of shifts, where `to` is not given


class _RootlyRoutes:
    """The routes of users, of schedules, and of the rendered calendar.

    Any well-formed id is answered, with a made-up name where it is in no list, because a shadow may name it too.
    Schedules with the name of one of PagerDuty's have its rotations, as if Rootly's own import had copied them.
    """

    def __init__(self, state: SandboxState, account: PagerDuty, now: Callable[[], float]) -> None:
        self._state = state
        self._account = account
        self._now = now
        self._emails = {user.id: user.email.casefold() for user in account.users}

    def routes(self) -> list[web.RouteDef]:
        return gets(
            {
                "/v1/schedules": self._schedules,
                "/v1/schedules/{id}": self._schedule,
                "/v1/schedules/{id}/shifts": self._shifts_of_schedule,
                "/v1/shifts": self._all_shifts,
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

    async def _all_shifts(self, request: web.Request) -> web.Response:
        wanted = request.query.getall("schedule_ids[]", [])
        known = [*self._state.rows("rootly_schedules_all"), *self._state.rows("shifted_schedules")]
        return self._answer_shifts(request, wanted or list(dict.fromkeys(row["id"] for row in known)))

    async def _shifts_of_schedule(self, request: web.Request) -> web.Response:
        return self._answer_shifts(request, [known_schedule(request.match_info["id"])])

    def _answer_shifts(self, request: web.Request, schedules: list[str]) -> web.Response:
        query = request.query
        try:
            begins = parse_instant(query["from"]) // 1000 if "from" in query else int(self._now())
            span = Span(begins, parse_instant(query["to"]) // 1000 if "to" in query else begins + _SPAN)
        except ValueError:
            refuse(400, Objection("from and to must be date-times with an offset", "", "from"))
        users = set(query.getall("user_ids[]", []))
        shifts = [shift for schedule_id in schedules for shift in self._shifts(schedule_id, span)]
        shifts = [shift for shift in shifts if not users or str(shift["user_id"]) in users]
        page = ListPage.from_query(query, _MOST_SHIFTS)
        part = shifts[page.offset : page.offset + page.size]
        return listing(request, page, len(shifts), [_shift(shift) for shift in part])

    def _shifts(self, schedule_id: str, span: Span) -> list[Record]:
        """Render a schedule: its rotation under its overrides, and beside them its shadows."""
        before = instant_of(self._now() - _RENDERING_DELAY)
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
    return {"id": shift["id"], "type": "shifts", "attributes": attributes, "relationships": relationships}
