"""Opsgenie, read-only: users, teams, schedules, and their timelines, rendered for a span of time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode
from uuid import uuid4
from zoneinfo import ZoneInfo

from aiohttp import web

from importer.sandbox.api.answers import Handler, answer, error_middleware, shown
from importer.sandbox.directory_file import TEAM_TOKEN, TOKEN
from importer.sandbox.organization import seconds
from importer.sandbox.rotation import DAY, Span, Turn, turns, windows, within, without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from importer.sandbox.organization import (
        Opsgenie,
        OpsgenieForwarding,
        OpsgenieHours,
        OpsgenieParticipant,
        OpsgenieRestriction,
        OpsgenieRotation,
        OpsgenieSchedule,
    )
    from importer.sandbox.rate_limits import Limits

_LENGTHS = {"hourly": 3600, "daily": DAY, "weekly": 7 * DAY}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_LARGEST_PAGE = 100
_EXPANDABLE = ("base", "forwarding", "override")
_TEAM_ONLY = "The API key belongs to a team and has no access to this resource."


def _success(data: object, **more: object) -> web.Response:
    return answer({"data": data, "took": 0.001, "requestId": str(uuid4()), **more})


def failure(status: int, text: str) -> web.Response:
    """Answer an error in Opsgenie's form."""
    code = {401: 40101, 403: 40301, 404: 40401, 422: 42201, 429: 42901}.get(status, status * 100)
    return answer({"message": text, "code": code, "took": 0.001, "requestId": str(uuid4())}, status=status)


def application(account: Opsgenie, limits: Limits, now: Callable[[], float]) -> web.Application:
    """Return Opsgenie's application; the throttle comes before every route."""
    throttle = _OpsgenieThrottle(limits, now)
    app = web.Application(middlewares=[error_middleware(failure), throttle.check, _refuse_invalid])
    app.add_routes([web.get("/v2/request-limits/", throttle.show, allow_head=False)])
    app.add_routes(_OpsgenieLists(account).routes())
    app.add_routes(_OpsgenieSchedules(account, now).routes())
    return app


@web.middleware
async def _refuse_invalid(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 422 where a handler raises ValueError about a parameter."""
    try:
        return await handler(request)
    except ValueError as error:
        return failure(422, str(error))


class _OpsgenieThrottle:
    """Checks the key and the limits, which every domain of requests has for itself."""

    def __init__(self, limits: Limits, now: Callable[[], float]) -> None:
        self._windows = {name: limits.opsgenie() for name in ("CONFIGURATION", "SEARCH", "SCHEDULE_ON_CALLS")}
        self._now = now

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.get("Authorization") not in (f"GenieKey {TOKEN}", f"GenieKey {TEAM_TOKEN}"):
            return failure(401, "The API key is missing or not valid.")
        domain = _domain(request.path)
        for window in self._windows[domain]:
            if not window.take(self._now()):
                refused = failure(429, "You are making too many requests!")
                told = {"State": "THROTTLED", "Reason": "ACCOUNT", "Period-In-Sec": str(round(window.seconds))}
                refused.headers.update({f"X-RateLimit-{name}": value for name, value in told.items()})
                return refused
        response = await handler(request)
        response.headers["X-RateLimit-State"] = "OK"
        return response

    async def show(self, request: web.Request) -> web.Response:
        """Show the limits; a team's key may not see them."""
        if _is_of_team(request):
            return failure(403, _TEAM_ONLY)
        found = [
            {
                "domain": name,
                "limits": [{"limit": window.limit, "periodInSeconds": round(window.seconds)} for window in found],
            }
            for name, found in self._windows.items()
        ]
        return _success({"rateLimits": found})


def _domain(path: str) -> str:
    if path.endswith("on-calls"):
        return "SCHEDULE_ON_CALLS"
    return "SEARCH" if path.endswith("/users") else "CONFIGURATION"


def _is_of_team(request: web.Request) -> bool:
    return request.headers.get("Authorization") == f"GenieKey {TEAM_TOKEN}"


class _OpsgenieLists:
    """The routes of users, teams, forwarding rules and the account."""

    def __init__(self, account: Opsgenie) -> None:
        self._account = account
        self._names = {user.id: user.username for user in account.users}

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/v2/account", self._show_account, allow_head=False),
            web.get("/v2/users", self._users, allow_head=False),
            web.get("/v2/users/{id}", self._user, allow_head=False),
            web.get("/v2/teams", self._teams, allow_head=False),
            web.get("/v2/teams/{id}", self._team, allow_head=False),
            web.get("/v2/forwarding-rules", self._rules, allow_head=False),
        ]

    async def _show_account(self, request: web.Request) -> web.Response:
        if _is_of_team(request):
            return failure(403, _TEAM_ONLY)
        plan = {"name": "Enterprise", "maxUserCount": 1500, "isYearly": True}
        return _success({"name": "demo", "userCount": len(self._account.users), "plan": plan})

    async def _users(self, request: web.Request) -> web.Response:
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
        wanted = request.match_info["id"]
        found = [user for user in self._account.users if wanted in (user.id, user.username)]
        return _success(_user(found[0]), expandable=["contact"]) if found else failure(404, "User does not exist.")

    async def _teams(self, _request: web.Request) -> web.Response:
        return _success(
            [{"id": team.id, "name": team.name, "description": ""} for team in self._account.teams],
            expandable=["member"],
        )

    async def _team(self, request: web.Request) -> web.Response:
        key = "name" if request.query.get("identifierType") == "name" else "id"
        found = [team for team in self._account.teams if getattr(team, key) == request.match_info["id"]]
        if not found:
            return failure(404, "Team does not exist.")
        team = found[0]
        members = [{"user": {"id": id_, "username": self._names.get(id_, id_)}, "role": "user"} for id_ in team.members]
        return _success({"id": team.id, "name": team.name, "description": "", "members": members})

    async def _rules(self, _request: web.Request) -> web.Response:
        def meta(id_: str) -> dict[str, str]:
            return {"id": id_, "username": self._names.get(id_, id_)}

        rules = [
            {
                "id": rule.id,
                "alias": rule.id,
                "fromUser": meta(rule.from_user),
                "toUser": meta(rule.to_user),
                "startDate": _show(seconds(rule.start_date)),
                "endDate": _show(seconds(rule.end_date)),
            }
            for rule in self._account.forwarding_rules
        ]
        return _success(rules)


def _user(user: Any) -> dict[str, object]:
    return {
        "id": user.id,
        "username": user.username,
        "fullName": user.full_name,
        "role": {"id": "User", "name": "User"},
        "timeZone": user.time_zone,
        "blocked": user.blocked,
        "verified": True,
    }


class _Period(NamedTuple):
    """Somebody's turn; `who` names a participant as `type:id`."""

    turn: Turn
    type: str = "default"
    from_user: str = ""


class _OpsgenieSchedules:
    """The routes of schedules. A team's key sees the schedules of the first team only."""

    def __init__(self, account: Opsgenie, now: Callable[[], float]) -> None:
        self._account = account
        self._now = now
        self._users = {user.id: user for user in account.users}
        self._teams = {team.id: team for team in account.teams}

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/v2/schedules", self._list, allow_head=False),
            web.get("/v2/schedules/on-calls", self._all_on_call, allow_head=False),
            web.get("/v2/schedules/{id}", self._show, allow_head=False),
            web.get("/v2/schedules/{id}/timeline", self._timeline, allow_head=False),
            web.get("/v2/schedules/{id}/rotations", self._rotations, allow_head=False),
            web.get("/v2/schedules/{id}/overrides", self._overrides, allow_head=False),
            web.get("/v2/schedules/{id}/on-calls", self._on_call, allow_head=False),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        """List all schedules in one answer; without `expand=rotation` their rotations are empty."""
        is_expanded = "rotation" in _expanded(request)
        found = [
            self._body(one, is_expanded=is_expanded) for one in self._account.schedules if _sees(request, one, self)
        ]
        return _success(found, expandable=["rotation"])

    async def _show(self, request: web.Request) -> web.Response:
        schedule = self._find(request, "identifierType")
        return _success(self._body(schedule))

    async def _rotations(self, request: web.Request) -> web.Response:
        schedule = self._find(request, "scheduleIdentifierType")
        return _success([self._rotation(rotation) for rotation in schedule.rotations])

    async def _overrides(self, request: web.Request) -> web.Response:
        """List all overrides that ever were or will be."""
        schedule = self._find(request, "scheduleIdentifierType")
        names = {rotation.id: rotation.name for rotation in schedule.rotations}
        found = [
            {
                "_parent": _meta(schedule),
                "alias": one.alias,
                "user": self._recipient(one.user),
                "startDate": _show(seconds(one.start_date)),
                "endDate": _show(seconds(one.end_date)),
                "rotations": [{"id": id_, "name": names.get(id_, id_)} for id_ in one.rotations],
            }
            for one in schedule.overrides
        ]
        return _success(found)

    async def _timeline(self, request: web.Request) -> web.Response:
        schedule = self._find(request, "identifierType")
        span = self._span(request)
        expanded = _expanded(request)
        data: dict[str, object] = {
            "_parent": _meta(schedule),
            "startDate": _show(span.start),
            "endDate": _show(span.end),
            "finalTimeline": self._rendered(schedule, span, "final"),
        }
        data |= {f"{name}Timeline": self._rendered(schedule, span, name) for name in _EXPANDABLE if name in expanded}
        return _success(data, expandable=[name for name in _EXPANDABLE if name not in expanded])

    async def _on_call(self, request: web.Request) -> web.Response:
        schedule = self._find(request, "scheduleIdentifierType")
        return self._answer_on_calls(request, [schedule], is_one=True)

    async def _all_on_call(self, request: web.Request) -> web.Response:
        found = [one for one in self._account.schedules if one.enabled and _sees(request, one, self)]
        return self._answer_on_calls(request, found)

    def _answer_on_calls(
        self, request: web.Request, schedules: Iterable[OpsgenieSchedule], *, is_one: bool = False
    ) -> web.Response:
        moment = _moment(request.query.get("date"), self._now())
        found: list[dict[str, object]] = []
        for schedule in schedules:
            span = Span(moment, moment + 1)
            on_call = [
                period.turn.who for rotation in schedule.rotations for period in self._periods(schedule, rotation, span)
            ]
            body: dict[str, object] = {"_parent": _meta(schedule)}
            people = [self._timeline_recipient(who) for who in dict.fromkeys(on_call) if who != "none:"]
            if request.query.get("flat") == "true":
                body["onCallRecipients"] = [one["name"] for one in people]
            else:
                body["onCallParticipants"] = people
            found.append(body)
        return _success(found[0] if is_one else found)

    def _find(self, request: web.Request, type_name: str) -> OpsgenieSchedule:
        """Return the schedule that a path names."""
        key = "name" if request.query.get(type_name) == "name" else "id"
        for schedule in self._account.schedules:
            if getattr(schedule, key) == request.match_info["id"]:
                if _sees(request, schedule, self):
                    return schedule
                raise web.HTTPForbidden(reason=_TEAM_ONLY)
        raise web.HTTPNotFound

    @property
    def first_team(self) -> str | None:
        """Return the team that the team's key belongs to."""
        return self._account.teams[0].id if self._account.teams else None

    def _span(self, request: web.Request) -> Span:
        """Read the span of a timeline. Raise ValueError with the answer's message."""
        begins = _moment(request.query.get("date"), self._now())
        text, unit = request.query.get("interval", "1"), request.query.get("intervalUnit", "weeks")
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= 1000):
            raise ValueError("interval must be a number above 0.")
        days = {"days": 1, "weeks": 7, "months": 30}
        if unit not in days:
            raise ValueError(f"intervalUnit must be days, weeks or months, not {shown(unit)}.")
        return Span(begins, begins + int(text[:4]) * days[unit] * DAY)

    def _body(self, schedule: OpsgenieSchedule, *, is_expanded: bool = True) -> dict[str, object]:
        body: dict[str, object] = {
            "id": schedule.id,
            "name": schedule.name,
            "description": schedule.description,
            "timezone": schedule.timezone,
            "enabled": schedule.enabled,
            "rotations": [self._rotation(rotation) for rotation in schedule.rotations] if is_expanded else [],
        }
        team = self._teams.get(schedule.owner_team or "")
        return body | ({"ownerTeam": {"id": team.id, "name": team.name}} if team else {})

    def _rotation(self, rotation: OpsgenieRotation) -> dict[str, object]:
        body: dict[str, object] = {
            "id": rotation.id,
            "name": rotation.name,
            "startDate": _show(seconds(rotation.start_date)),
            "type": rotation.type,
            "length": rotation.length,
            "participants": [self._recipient(one) for one in rotation.participants],
        }
        if rotation.end_date:
            body["endDate"] = _show(seconds(rotation.end_date))
        if rotation.time_restriction:
            body["timeRestriction"] = rotation.time_restriction.model_dump(by_alias=True, exclude_none=True)
        return body

    def _recipient(self, one: OpsgenieParticipant) -> dict[str, str]:
        shown_one = self._timeline_recipient(f"{one.type}:{one.id or ''}")
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
            base = name == "base"
            found = self._periods(schedule, rotation, span, is_base=base)
            if name in ("override", "forwarding"):
                found = [period for period in found if period.type == name]
            periods = [self._period(period) for period in found]
            rotations.append({"id": rotation.id, "name": rotation.name, "order": float(order), "periods": periods})
        return {"rotations": rotations}

    def _period(self, period: _Period) -> dict[str, object]:
        recipient = self._timeline_recipient(period.turn.who)
        body: dict[str, object] = {
            "startDate": _show(period.turn.start),
            "endDate": _show(period.turn.end),
            "type": period.type,
            "recipient": recipient,
        }
        if recipient["type"] == "team":
            members = self._teams[recipient["id"]].members if recipient["id"] in self._teams else ()
            body["flattenedRecipients"] = [self._timeline_recipient(f"user:{id_}") for id_ in members]
        if period.from_user:
            body["fromUser"] = self._timeline_recipient(f"user:{period.from_user}")["name"]
        return body

    def _periods(
        self, schedule: OpsgenieSchedule, rotation: OpsgenieRotation, span: Span, *, is_base: bool = False
    ) -> list[_Period]:
        """Render one rotation: its turns, overrides over them, forwarding rules over both."""
        found = [_Period(turn) for turn in _rotation_turns(rotation, ZoneInfo(schedule.timezone), span)]
        if is_base:
            return found
        for one in schedule.overrides:
            if one.rotations and rotation.id not in one.rotations:
                continue
            who = f"{one.user.type}:{one.user.id or ''}"
            cover = Turn(seconds(one.start_date), seconds(one.end_date), who)
            found = [part for period in found for part in _outside(period, cover)]
            found += [_Period(turn, "override") for turn in within([cover], [span])]
        for rule in self._account.forwarding_rules:
            found = [part for period in found for part in _forwarded(period, rule)]
        return sorted(found, key=lambda period: period.turn)


def _sees(request: web.Request, schedule: OpsgenieSchedule, schedules: _OpsgenieSchedules) -> bool:
    return not _is_of_team(request) or schedule.owner_team == schedules.first_team


def _meta(schedule: OpsgenieSchedule) -> dict[str, object]:
    return {"id": schedule.id, "name": schedule.name, "enabled": schedule.enabled}


def _expanded(request: web.Request) -> set[str]:
    return {name.strip() for text in request.query.getall("expand", []) for name in text.split(",")}


def _moment(text: str | None, now: float) -> int:
    try:
        moment = datetime.fromisoformat(text) if text else datetime.fromtimestamp(now, UTC)
    except ValueError as error:
        raise ValueError(f"date is not a date-time: {shown(text)}.") from error
    return seconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _show(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _rotation_turns(rotation: OpsgenieRotation, zone: ZoneInfo, span: Span) -> list[Turn]:
    ends = seconds(rotation.end_date) if rotation.end_date else span.end
    life = Span(max(span.start, seconds(rotation.start_date)), min(span.end, ends))
    if life.end <= life.start:
        return []
    length = _LENGTHS[rotation.type] * rotation.length
    members = [f"{one.type}:{one.id or ''}" for one in rotation.participants]
    found = within(turns(seconds(rotation.start_date), length, zone, members, life), [life])
    if rotation.time_restriction is None:
        return found
    return sorted(within(found, _open_spans(rotation.time_restriction, zone, life)))


def _open_spans(restriction: OpsgenieRestriction, zone: ZoneInfo, span: Span) -> Iterable[Span]:
    for hours in restriction.restrictions or ([restriction.restriction] if restriction.restriction else []):
        weekday = _WEEKDAYS.index(hours.start_day) if hours.start_day in _WEEKDAYS else None
        yield from windows(time(hours.start_hour, hours.start_min), _length(hours), zone, weekday, span)


def _length(hours: OpsgenieHours) -> int:
    """Return the length of a window in seconds; an end that is not after the start is a day later, or a week."""
    begins = timedelta(hours=hours.start_hour, minutes=hours.start_min)
    ends = timedelta(hours=hours.end_hour, minutes=hours.end_min)
    if hours.start_day in _WEEKDAYS and hours.end_day in _WEEKDAYS:
        ends += timedelta(days=(_WEEKDAYS.index(hours.end_day) - _WEEKDAYS.index(hours.start_day)) % 7)
        cycle = timedelta(days=7)
    else:
        cycle = timedelta(days=1)
    return int((ends - begins if ends > begins else ends - begins + cycle).total_seconds())


def _outside(period: _Period, cover: Turn) -> list[_Period]:
    return [period._replace(turn=part) for part in without(period.turn, cover.start, cover.end)]


def _forwarded(period: _Period, rule: OpsgenieForwarding) -> list[_Period]:
    if period.turn.who != f"user:{rule.from_user}":
        return [period]
    span = Span(seconds(rule.start_date), seconds(rule.end_date))
    forwarded = [
        _Period(part._replace(who=f"user:{rule.to_user}"), "forwarding", rule.from_user)
        for part in within([period.turn], [span])
    ]
    return [*(period._replace(turn=part) for part in without(period.turn, *span)), *forwarded]
