"""Opsgenie, read-only: users, teams, schedules, and their timelines, rendered for a span of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import urlencode
from uuid import uuid4

from aiohttp import web

from importer.sandbox.api.answers import (
    Limits,
    RateWindow,
    RefusedRequestError,
    answer,
    api_application,
    gets,
    read_moment,
    shown,
)
from importer.sandbox.directory_file import TEAM_TOKEN, TOKEN
from importer.sandbox.organization import (
    Opsgenie,
    OpsgenieParticipant,
    OpsgenieRotation,
    OpsgenieSchedule,
    OpsgenieTeam,
    OpsgenieUser,
    show,
)
from importer.sandbox.rotation import DAY, Span, Turn, participant, rotation_turns

_DOMAINS = ("CONFIGURATION", "SEARCH", "SCHEDULE_ON_CALLS")
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
        headers = {"State": "THROTTLED" if full else "OK", **period}
        return {f"X-RateLimit-{name}": value for name, value in headers.items()}

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
    if path.endswith("on-calls"):
        return "SCHEDULE_ON_CALLS"
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
                "/v2/account": self._show_account,
                "/v2/users": self._list_users,
                "/v2/users/{id}": self._user,
                "/v2/teams": self._list_teams,
                "/v2/teams/{id}": self._team,
                "/v2/forwarding-rules": self._rules,
                "/v2/schedules": self._list,
                "/v2/schedules/on-calls": self._all_on_call,
                "/v2/schedules/{id}": self._show,
                "/v2/schedules/{id}/timeline": self._timeline,
                "/v2/schedules/{id}/rotations": self._rotations,
                "/v2/schedules/{id}/overrides": self._overrides,
                "/v2/schedules/{id}/on-calls": self._on_call,
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

    async def _show_account(self, request: web.Request) -> web.Response:
        if _is_of_team(request):
            raise _forbidden()
        plan = {"name": "Enterprise", "maxUserCount": 1500, "isYearly": True}
        return _success({"name": "demo", "userCount": len(self._users), "plan": plan})

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

    async def _user(self, request: web.Request) -> web.Response:
        for user in self._account.users:
            if request.match_info["id"] in (user.id, user.username):
                return _success(_user(user), expandable=["contact"])
        raise RefusedRequestError(failure(404, "User does not exist."))

    async def _list_teams(self, _request: web.Request) -> web.Response:
        return _success([_team(team) for team in self._account.teams], expandable=["member"])

    async def _team(self, request: web.Request) -> web.Response:
        key = "name" if request.query.get("identifierType") == "name" else "id"
        for team in self._account.teams:
            if getattr(team, key) == request.match_info["id"]:
                members = [{"user": self._meta(id_), "role": "user"} for id_ in team.members]
                return _success(_team(team) | {"members": members})
        raise RefusedRequestError(failure(404, "Team does not exist."))

    async def _rules(self, _request: web.Request) -> web.Response:
        rules = [
            rule.model_dump(by_alias=True)
            | {"alias": rule.id, "fromUser": self._meta(rule.from_user), "toUser": self._meta(rule.to_user)}
            for rule in self._account.forwarding_rules
        ]
        return _success(rules)

    def _meta(self, id_: str) -> dict[str, str]:
        user = self._users.get(id_)
        return {"id": id_, "username": user.username if user else id_}

    # Schedules

    async def _list(self, request: web.Request) -> web.Response:
        """List all schedules in one answer; without `expand=rotation` their rotations are empty."""
        found = [self._body(one) for one in self._seen(request)]
        if "rotation" not in _expanded(request):
            found = [one | {"rotations": []} for one in found]
        return _success(found, expandable=["rotation"])

    async def _show(self, request: web.Request) -> web.Response:
        return _success(self._body(self._find(request, "identifierType")))

    async def _rotations(self, request: web.Request) -> web.Response:
        schedule = self._find(request, "scheduleIdentifierType")
        return _success([self._rotation(rotation) for rotation in schedule.rotations])

    async def _overrides(self, request: web.Request) -> web.Response:
        """List all overrides that ever were or will be."""
        schedule = self._find(request, "scheduleIdentifierType")
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
        schedule = self._find(request, "identifierType")
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

    async def _on_call(self, request: web.Request) -> web.Response:
        schedule = self._find(request, "scheduleIdentifierType")
        return _success(self._on_calls(request, [schedule])[0])

    async def _all_on_call(self, request: web.Request) -> web.Response:
        return _success(self._on_calls(request, [one for one in self._seen(request) if one.enabled]))

    def _on_calls(self, request: web.Request, schedules: Iterable[OpsgenieSchedule]) -> list[dict[str, object]]:
        moment = read_moment(request.query, "date", self._now())
        found: list[dict[str, object]] = []
        for schedule in schedules:
            on_call = [
                turn.who
                for rotation in schedule.rotations
                for turn in rotation_turns(self._account, schedule, rotation, Span(moment, moment + 1))
            ]
            people = [self._timeline_recipient(who) for who in dict.fromkeys(on_call) if who != "none:"]
            if request.query.get("flat") == "true":
                found.append({"_parent": _parent(schedule), "onCallRecipients": [one["name"] for one in people]})
            else:
                found.append({"_parent": _parent(schedule), "onCallParticipants": people})
        return found

    def _seen(self, request: web.Request) -> list[OpsgenieSchedule]:
        """Return the schedules that a key sees."""
        first_team = self._account.teams[0].id if self._account.teams else None
        is_of_team = _is_of_team(request)
        return [one for one in self._account.schedules if not is_of_team or one.owner_team == first_team]

    def _find(self, request: web.Request, type_name: str) -> OpsgenieSchedule:
        """Return the schedule that a path names."""
        key = "name" if request.query.get(type_name) == "name" else "id"
        for schedule in self._account.schedules:
            if getattr(schedule, key) == request.match_info["id"]:
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
            body["fromUser"] = self._meta(str(body["fromUser"]))["username"]
        return body


def _user(user: OpsgenieUser) -> dict[str, object]:
    return user.model_dump(by_alias=True) | {"role": {"id": "User", "name": "User"}, "verified": True}


def _team(team: OpsgenieTeam) -> dict[str, object]:
    return {"id": team.id, "name": team.name, "description": ""}


def _parent(schedule: OpsgenieSchedule) -> dict[str, object]:
    return {"id": schedule.id, "name": schedule.name, "enabled": schedule.enabled}


def _expanded(request: web.Request) -> set[str]:
    return {name.strip() for text in request.query.getall("expand", []) for name in text.split(",")}
