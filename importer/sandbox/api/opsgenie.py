"""Opsgenie, read-only: users, schedules, and their timelines, rendered for a span of time.

What the importer asks is answered, as the documentation says; nothing else is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode
from uuid import uuid4

from aiohttp import web

from importer.sandbox.api.answers import (
    RefusedRequestError,
    answer,
    api_application,
    gets,
    read_moment,
    shown,
)
from importer.sandbox.directory_file import TEAM_TOKEN, TOKEN
from importer.sandbox.organization import show
from importer.sandbox.rotation import DAY, Span, Turn, participant, rotation_turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.sandbox.api.answers import Limits, RateWindow
    from importer.sandbox.organization import (
        Opsgenie,
        OpsgenieParticipant,
        OpsgenieRotation,
        OpsgenieSchedule,
        OpsgenieUser,
    )

_DOMAINS = ("CONFIGURATION", "SEARCH")
_LARGEST_PAGE = 100
_EXPANDABLE = ("base", "forwarding", "override")
_DAYS = {"days": 1, "weeks": 7, "months": 30}


def _success(data: object, **more: object) -> web.Response:
    return answer({"data": data, "took": 0.001, "requestId": str(uuid4()), **more})


def failure(status: int, text: str) -> web.Response:
    """Answer an error in Opsgenie's form."""
    code = {401: 40101, 403: 40301, 404: 40401, 422: 42201, 429: 42901}.get(status, status * 100)
    return answer({"message": text, "code": code, "took": 0.001, "requestId": str(uuid4())}, status=status)


def application(account: Opsgenie, limits: Limits, now: Callable[[], float]) -> web.Application:
    """Return Opsgenie's application; every domain of requests has limits of its own."""
    domains = {name: limits.opsgenie() for name in _DOMAINS}

    def report(_request: web.Request, full: RateWindow | None) -> dict[str, str]:
        period = {"Reason": "ACCOUNT", "Period-In-Sec": str(round(full.seconds))} if full else {}
        told = {"State": "THROTTLED" if full else "OK", **period}
        return {f"X-RateLimit-{name}": value for name, value in told.items()}

    return api_application(
        _OpsgenieRoutes(account, domains, now).routes(),
        now,
        error=failure,
        refuse=_refused,
        windows=lambda request: domains[_domain(request.path)],
        too_many="You are making too many requests!",
        report=report,
        invalid=lambda _request, words: failure(422, words),
    )


def _refused(request: web.Request) -> web.Response | None:
    is_known = request.headers.get("Authorization") in (f"GenieKey {TOKEN}", f"GenieKey {TEAM_TOKEN}")
    return None if is_known else failure(401, "The API key is missing or not valid.")


def _domain(path: str) -> str:
    return "SEARCH" if path.endswith("/users") else "CONFIGURATION"


def _is_of_team(request: web.Request) -> bool:
    return request.headers.get("Authorization") == f"GenieKey {TEAM_TOKEN}"


def _forbidden() -> RefusedRequestError:
    return RefusedRequestError(failure(403, "The API key belongs to a team and has no access to this resource."))


class _OpsgenieRoutes:
    """All routes. A team's key sees the schedules of the first team only, and neither the account nor its limits."""

    def __init__(
        self, account: Opsgenie, domains: dict[str, tuple[RateWindow, RateWindow]], now: Callable[[], float]
    ) -> None:
        self._account = account
        self._domains = domains
        self._now = now
        self._users = {user.id: user for user in account.users}
        self._teams = {team.id: team for team in account.teams}

    def routes(self) -> list[web.RouteDef]:
        return gets(
            {
                "/v2/request-limits/": self._limits,
                "/v2/users": self._list_users,
                "/v2/schedules": self._list,
                "/v2/schedules/{id}": self._show,
                "/v2/schedules/{id}/timeline": self._timeline,
                "/v2/schedules/{id}/overrides": self._overrides,
            }
        )

    async def _limits(self, request: web.Request) -> web.Response:
        if _is_of_team(request):
            raise _forbidden()
        found = [
            {
                "domain": name,
                "limits": [{"limit": window.limit, "periodInSeconds": round(window.seconds)} for window in windows],
            }
            for name, windows in self._domains.items()
        ]
        return _success({"rateLimits": found})

    # People

    async def _list_users(self, request: web.Request) -> web.Response:
        """List users in pages; the links lead to this host."""
        offset, limit = int(request.query.get("offset", 0)), int(request.query.get("limit", _LARGEST_PAGE))
        if offset < 0 or not 1 <= limit <= _LARGEST_PAGE:
            raise ValueError(f"limit must be from 1 to {_LARGEST_PAGE}.")
        users = self._account.users
        last = max(0, (len(users) - 1) // limit * limit)
        places = {"first": 0, "last": last} | ({"next": offset + limit} if offset + limit < len(users) else {})
        places |= {"prev": max(0, offset - limit)} if offset else {}
        base = f"{request.scheme}://{request.host}{request.rel_url.raw_path}"
        links = {name: f"{base}?{urlencode({'limit': limit, 'offset': place})}" for name, place in places.items()}
        part = [_user(user) for user in users[offset : offset + limit]]
        return _success(part, totalCount=len(users), paging=links)

    # Schedules

    async def _list(self, request: web.Request) -> web.Response:
        """List all schedules in one answer; without `expand=rotation` their rotations are empty."""
        found = [self._body(one) for one in self._seen(request)]
        if "rotation" not in _expanded(request):
            found = [one | {"rotations": []} for one in found]
        return _success(found, expandable=["rotation"])

    async def _show(self, request: web.Request) -> web.Response:
        return _success(self._body(self._find(request)))

    async def _overrides(self, request: web.Request) -> web.Response:
        """List all overrides that ever were or will be."""
        schedule = self._find(request)
        names = {rotation.id: rotation.name for rotation in schedule.rotations}
        found = [
            one.model_dump(by_alias=True)
            | {
                "_parent": _parent(schedule),
                "user": self._recipient(one.user),
                "rotations": [{"id": id_, "name": names.get(id_, id_)} for id_ in one.rotations],
            }
            for one in schedule.overrides
        ]
        return _success(found)

    async def _timeline(self, request: web.Request) -> web.Response:
        schedule = self._find(request)
        span = self._span(request)
        expanded = _expanded(request)
        names = ["final", *(name for name in _EXPANDABLE if name in expanded)]
        data: dict[str, object] = {
            "_parent": _parent(schedule),
            "startDate": show(span.start),
            "endDate": show(span.end),
            **{f"{name}Timeline": self._rendered(schedule, span, name) for name in names},
        }
        return _success(data, expandable=[name for name in _EXPANDABLE if name not in expanded])

    def _seen(self, request: web.Request) -> list[OpsgenieSchedule]:
        """Return the schedules that a key sees."""
        first_team = self._account.teams[0].id if self._account.teams else None
        is_of_team = _is_of_team(request)
        return [one for one in self._account.schedules if not is_of_team or one.owner_team == first_team]

    def _find(self, request: web.Request) -> OpsgenieSchedule:
        """Return the schedule that a path names by its id."""
        for schedule in self._account.schedules:
            if schedule.id == request.match_info["id"]:
                if schedule not in self._seen(request):
                    raise _forbidden()
                return schedule
        raise web.HTTPNotFound

    def _span(self, request: web.Request) -> Span:
        """Read the span of a timeline. Raise ValueError with the answer's message."""
        begins = read_moment(request.query, "date", self._now())
        text, unit = request.query.get("interval", "1"), request.query.get("intervalUnit", "weeks")
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= 1000):
            raise ValueError("interval must be a number above 0.")
        if unit not in _DAYS:
            raise ValueError(f"intervalUnit must be days, weeks or months, not {shown(unit)}.")
        return Span(begins, begins + int(text[:4]) * _DAYS[unit] * DAY)

    def _body(self, schedule: OpsgenieSchedule) -> dict[str, object]:
        body = schedule.model_dump(by_alias=True, exclude={"rotations", "overrides", "owner_team"})
        body["rotations"] = [self._rotation(rotation) for rotation in schedule.rotations]
        team = self._teams.get(schedule.owner_team or "")
        return body | ({"ownerTeam": {"id": team.id, "name": team.name}} if team else {})

    def _rotation(self, rotation: OpsgenieRotation) -> dict[str, object]:
        participants = [self._recipient(one) for one in rotation.participants]
        return rotation.model_dump(by_alias=True, exclude_none=True) | {"participants": participants}

    def _recipient(self, one: OpsgenieParticipant) -> dict[str, str]:
        shown_one = self._timeline_recipient(participant(one))
        if one.type == "user":
            shown_one["username"] = shown_one.pop("name")
        return shown_one

    def _timeline_recipient(self, who: str) -> dict[str, str]:
        """Return a participant as timelines show one: of users the name is the e-mail address."""
        kind, _, id_ = who.partition(":")
        if kind == "none":
            return {"type": "none"}
        known = self._users.get(id_) if kind == "user" else self._teams.get(id_)
        name = getattr(known, "username", "") or getattr(known, "name", "") or id_
        return {"type": kind, "id": id_, "name": name}

    def _rendered(self, schedule: OpsgenieSchedule, span: Span, name: str) -> dict[str, object]:
        rotations = []
        for order, rotation in enumerate(schedule.rotations):
            found = rotation_turns(self._account, schedule, rotation, span, is_base=name == "base")
            periods = [self._period(turn) for turn in found]
            if name in ("override", "forwarding"):
                periods = [period for period in periods if period["type"] == name]
            rotations.append({"id": rotation.id, "name": rotation.name, "order": float(order), "periods": periods})
        return {"rotations": rotations}

    def _period(self, turn: Turn) -> dict[str, object]:
        recipient = self._timeline_recipient(turn.who)
        body: dict[str, object] = {
            "startDate": show(turn.start),
            "endDate": show(turn.end),
            "type": "default",
            "recipient": recipient,
            **dict(turn.source),
        }
        if recipient["type"] == "team":
            members = self._teams[recipient["id"]].members if recipient["id"] in self._teams else ()
            body["flattenedRecipients"] = [self._timeline_recipient(f"user:{id_}") for id_ in members]
        if "fromUser" in body:
            body["fromUser"] = self._timeline_recipient(f"user:{body['fromUser']}")["name"]
        return body


def _user(user: OpsgenieUser) -> dict[str, object]:
    return user.model_dump(by_alias=True) | {"role": {"id": "User", "name": "User"}, "verified": True}


def _parent(schedule: OpsgenieSchedule) -> dict[str, object]:
    return {"id": schedule.id, "name": schedule.name, "enabled": schedule.enabled}


def _expanded(request: web.Request) -> set[str]:
    return {name.strip() for text in request.query.getall("expand", []) for name in text.split(",")}
