"""PagerDuty, read-only: users, layer-based schedules, and shift-based ones (v3), each rendered for a span of time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from aiohttp import web

from importer.sandbox.api.answers import Limits, answer, api_application, gets, read_moment, shown
from importer.sandbox.directory_file import TOKEN
from importer.sandbox.organization import (
    PagerDuty,
    PagerDutyAnySchedule,
    PagerDutyEvent,
    PagerDutyLayer,
    PagerDutyRestriction,
    PagerDutySchedule,
    PagerDutyShiftSchedule,
    show,
)
from importer.sandbox.rotation import (
    DAY,
    Span,
    Turn,
    final_turns,
    layer_turns,
    override_turns,
    shift_turns,
    within,
)

_SITE = "https://demo.pagerduty.com"
_VERSION = "application/vnd.pagerduty+json;version=2"
_CAP = 10_000  # offset and limit together
_TWO_WEEKS = 14 * DAY


def refusal(status: int, text: str, errors: list[str] | dict[str, list[str]] | None = None) -> web.Response:
    """Answer an error in PagerDuty's form; version 3 names each error's parameter."""
    code = {400: 2001, 401: 2006, 404: 2100, 429: 2020}.get(status, 2000)
    error: dict[str, object] = {"message": text, "code": code}
    return answer({"error": error | ({"errors": errors} if errors else {})}, status=status)


def application(account: PagerDuty, limits: Limits, now: Callable[[], float]) -> web.Application:
    """Return PagerDuty's application; every answer with a valid token reports the limit."""
    window = limits.pagerduty()

    def report(*_: object) -> dict[str, str]:
        standing = window.standing(now())
        return {
            "ratelimit-limit": str(standing.limit),
            "ratelimit-remaining": str(standing.remaining),
            "ratelimit-reset": str(max(0, math.ceil(standing.resets_at - now()))),
        }

    return api_application(
        _PagerDutyRoutes(account, now).routes(),
        now,
        error=refusal,
        refuse=_refused,
        windows=lambda _request: (window,),
        too_many="Rate Limit Exceeded",
        report=report,
        invalid=_invalid,
    )


def _refused(request: web.Request) -> web.Response | None:
    if request.headers.get("Authorization") != f"Token token={TOKEN}":
        return refusal(401, "Unauthorized")
    if request.headers.get("Accept", "").replace(" ", "") != _VERSION:
        return refusal(406, f"Accept must be {_VERSION}")
    return None


def _invalid(request: web.Request, words: str) -> web.Response:
    is_v3 = "/v3/" in request.path
    return refusal(400, "Invalid Input Provided", {words.partition(" ")[0]: [words]} if is_v3 else [words])


def _reference(kind: str, id_: str, summary: str, path: str) -> dict[str, object]:
    links = {"self": f"https://api.pagerduty.com/{path}/{id_}", "html_url": f"{_SITE}/{path}/{id_}"}
    return {"id": id_, "type": kind, "summary": summary, **links}


# Questions


class _Question(NamedTuple):
    """What of a calendar is asked for, and in which zone it is answered."""

    span: Span
    zone: ZoneInfo
    is_given: bool  #: whether since and until are


def _page(
    request: web.Request, name: str, items: Sequence[Any], show_item: Callable[[Any], object], *, most: int = 100
) -> web.Response:
    """Answer with the part of a list that `offset` and `limit` ask for."""
    offset, limit = int(request.query.get("offset", 0)), int(request.query.get("limit", 25 if most == 100 else 100))
    limit = min(limit, most)
    if offset < 0 or limit < 1 or offset + limit > _CAP:
        raise ValueError(f"offset and limit must not exceed {_CAP} together")
    total = len(items) if request.query.get("total") == "true" else None
    part = [show_item(item) for item in items[offset : offset + limit]]
    more = offset + limit < len(items)
    return answer({name: part, "limit": limit, "offset": offset, "more": more, "total": total})


def _is_wanted(request: web.Request, name: str, teams: Iterable[str] = ()) -> bool:
    wanted = request.query.getall("team_ids[]", [])
    text = request.query.get("query", "")
    return text.casefold() in name.casefold() and (not wanted or bool(set(wanted) & set(teams)))


class _PagerDutyRoutes:
    """The routes of people, and of both kinds of schedules.

    Wall-clock times of layers come in the zone of the request, not of the schedule.
    """

    def __init__(self, account: PagerDuty, now: Callable[[], float]) -> None:
        self._account = account
        self._now = now
        self._users = {user.id: user for user in account.users}
        self._teams = {team.id: team for team in account.teams}
        self._layered = {schedule.id: schedule for schedule in account.schedules}
        self._shifted = {schedule.id: schedule for schedule in account.v3_schedules}
        self._zone = self._users[account.me].time_zone if account.me in self._users else "UTC"

    def routes(self) -> list[web.RouteDef]:
        return gets(
            {
                "/abilities": self._abilities,
                "/users": self._list_users,
                "/users/{id}": self._show_user,
                "/schedules": self._list_layered,
                "/schedules/{id}": self._show_layered,
                "/schedules/{id}/overrides": self._layered_overrides,
                "/schedules/{id}/users": self._users_on_call,
                "/v3/schedules": self._list_shifted,
                "/v3/schedules/{id}": self._show_shifted,
                "/v3/schedules/{id}/overrides": self._shift_overrides,
                "/v3/schedules/{id}/custom_shifts": self._custom_shifts,
                "/v3/schedules/{id}/rotations": self._rotations,
                "/v3/schedules/{id}/rotations/{rotation_id}/events": self._events,
            }
        )

    def _question(self, request: web.Request, zone: str) -> _Question:
        """Read since, until and time_zone. Raise ValueError with the parameter's name first."""
        query = request.query
        begins = read_moment(query, "since", self._now())
        span = Span(begins, read_moment(query, "until", begins + _TWO_WEEKS))
        if span.end <= span.start:
            raise ValueError("until must be after since")
        name = query.get("time_zone", zone)
        try:
            return _Question(span, ZoneInfo(name), "since" in query and "until" in query)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"time_zone is not known: {shown(name)}") from error

    # People

    async def _abilities(self, _request: web.Request) -> web.Response:
        return answer({"abilities": ["teams", "read_only_users"]})

    async def _list_users(self, request: web.Request) -> web.Response:
        found = [user for user in self._account.users if not user.deleted_at and _is_wanted(request, user.name)]
        return _page(request, "users", found, _user)

    async def _show_user(self, request: web.Request) -> web.Response:
        id_ = request.match_info["id"]
        user = self._users.get(self._account.me if id_ == "me" else id_)
        if user is None or user.deleted_at:
            raise web.HTTPNotFound
        return answer({"user": _user(user)})

    def _user_reference(self, id_: str) -> dict[str, object]:
        """Return a reference; that to a deleted user says when, and leads nowhere."""
        user = self._users.get(id_)
        reference = _reference("user_reference", id_, user.name if user else id_, "users")
        if user and user.deleted_at:
            return reference | {"html_url": None, "deleted_at": show(user.deleted_at, UTC)}
        return reference

    def _head(self, kind: str, schedule: PagerDutyAnySchedule, users: Iterable[str | None]) -> dict[str, object]:
        """Return what the bodies of both kinds of schedules have."""
        teams = [self._teams[id_] for id_ in schedule.teams if id_ in self._teams]
        return _reference(kind, schedule.id, schedule.name, "schedules") | {
            "name": schedule.name,
            "description": schedule.description,
            "time_zone": schedule.time_zone,
            "teams": [_reference("team_reference", team.id, team.name, "teams") for team in teams],
            "users": [self._user_reference(id_) for id_ in dict.fromkeys(users) if id_],
            "escalation_policies": [],
        }

    # Layer-based schedules

    async def _list_layered(self, request: web.Request) -> web.Response:
        question = self._question(request, self._zone)
        included = set(request.query.getall("include[]", []))
        found = [one for one in self._account.schedules if _is_wanted(request, one.name, one.teams)]
        return _page(request, "schedules", found, lambda one: self._body(one, question, included))

    async def _show_layered(self, request: web.Request) -> web.Response:
        schedule = self._find_layered(request)
        question = self._question(request, self._zone)._replace(is_given=True)
        included = {"schedule_layers", "final_schedule", "overrides_subschedule"}
        return answer({"schedule": self._body(schedule, question, included)})

    async def _layered_overrides(self, request: web.Request) -> web.Response:
        """List overrides; PagerDuty answers 201 here."""
        schedule = self._find_layered(request)
        if missing := [name for name in ("since", "until") if name not in request.query]:
            raise ValueError(f"{missing[0]} is required")
        span, zone, _ = self._question(request, self._zone)
        earliest = self._now() if request.query.get("editable") == "true" else span.start
        found = [
            one.model_dump(context=zone) | {"user": self._user_reference(one.user)}
            for one in schedule.overrides
            if one.start < span.end and one.end > max(earliest, span.start)
        ]
        return answer({"overrides": found}, status=201)

    def _find_layered(self, request: web.Request) -> PagerDutySchedule:
        if request.match_info["id"] not in self._layered:
            raise web.HTTPNotFound
        return self._layered[request.match_info["id"]]

    async def _users_on_call(self, request: web.Request) -> web.Response:
        """List who is on call in the span."""
        schedule = self._find_layered(request)
        question = self._question(request, self._zone)
        ids = dict.fromkeys(turn.who for turn in final_turns(schedule, question.span))
        return answer({"users": [self._user_reference(id_) | {"type": "user"} for id_ in ids]})

    def _body(self, schedule: PagerDutySchedule, question: _Question, included: set[str]) -> dict[str, object]:
        users = (user for layer in schedule.layers for user in layer.users)
        body = self._head("schedule", schedule, users)
        if "schedule_layers" in included:
            body["schedule_layers"] = [self._layer(schedule, layer, question) for layer in schedule.layers]
        if "final_schedule" in included:
            body["final_schedule"] = self._part("Final Schedule", final_turns(schedule, question.span), question)
        if "overrides_subschedule" in included:
            body["overrides_subschedule"] = self._part("Overrides", override_turns(schedule, question.span), question)
        return body

    def _layer(self, schedule: PagerDutySchedule, layer: PagerDutyLayer, question: _Question) -> dict[str, object]:
        own = ZoneInfo(schedule.time_zone)
        return {
            **layer.model_dump(context=question.zone, exclude_none=True),
            **self._part(layer.name, layer_turns(layer, own, question.span), question),
            "users": [{"user": self._user_reference(id_)} for id_ in layer.users],
            "restrictions": [_restriction(one, own, question.zone, self._now()) for one in layer.restrictions],
        }

    def _part(self, name: str, found: Sequence[Turn], question: _Question) -> dict[str, object]:
        if not question.is_given:
            return {"name": name, "rendered_schedule_entries": []}
        entries = [
            {
                "start": show(turn.start, question.zone),
                "end": show(turn.end, question.zone),
                "user": self._user_reference(turn.who),
            }
            for turn in found
        ]
        coverage = _coverage(found, question.span)
        return {"name": name, "rendered_schedule_entries": entries, "rendered_coverage_percentage": coverage}

    # Shift-based schedules

    async def _list_shifted(self, request: web.Request) -> web.Response:
        def show_item(one: PagerDutyShiftSchedule) -> dict[str, object]:
            return _reference("schedule_v3_reference", one.id, one.name, "schedules")

        found = [one for one in self._account.v3_schedules if _is_wanted(request, one.name, one.teams)]
        return _page(request, "schedules", found, show_item, most=1000)

    async def _show_shifted(self, request: web.Request) -> web.Response:
        schedule = self._find_shifted(request)
        question = self._question(request, schedule.time_zone)
        users = (id_ for rotation in schedule.rotations for event in rotation.events for id_ in event.members)
        body = self._head("schedule_v3", schedule, users)
        body["rotations"] = [_rotation(schedule, rotation) for rotation in schedule.rotations]
        if "final_schedule" in request.query.getall("include[]", []):
            body["final_schedule"] = _final(schedule, question)
        return answer({"schedule": body})

    async def _shift_overrides(self, request: web.Request) -> web.Response:
        def show_item(one: Any, zone: ZoneInfo) -> dict[str, object]:
            return {
                **one.model_dump(context=zone, exclude_none=True),
                "type": "override_shift",
                "overridden_member": _member(one.overridden_member),
                "overriding_member": _member(one.overriding_member),
            }

        return self._windowed(request, "overrides", show_item)

    async def _custom_shifts(self, request: web.Request) -> web.Response:
        def show_item(one: Any, zone: ZoneInfo) -> dict[str, object]:
            assignment = {"id": f"{one.id}A", "type": "shift_assignment", "member": _member(one.member)}
            dumped = one.model_dump(context=zone, exclude={"member"})
            return {**dumped, "type": "custom_shift", "assignments": [assignment]}

        return self._windowed(request, "custom_shifts", show_item)

    def _windowed(
        self, request: web.Request, name: str, show_item: Callable[[Any, ZoneInfo], dict[str, object]]
    ) -> web.Response:
        """List what touches a span, which must be given."""
        schedule = self._find_shifted(request)
        span, zone, is_given = self._question(request, schedule.time_zone)
        if not is_given:
            raise ValueError("since and until are required")
        items = getattr(schedule, name)
        found = [one for one in items if one.start_time < span.end and one.end_time > span.start]
        return _page(request, name, found, lambda one: show_item(one, zone))

    async def _rotations(self, request: web.Request) -> web.Response:
        schedule = self._find_shifted(request)
        return _page(request, "rotations", schedule.rotations, lambda one: _rotation(schedule, one))

    async def _events(self, request: web.Request) -> web.Response:
        schedule = self._find_shifted(request)
        for rotation in schedule.rotations:
            if rotation.id == request.match_info["rotation_id"]:
                return _page(request, "events", rotation.events, lambda one: _event(schedule, one))
        raise web.HTTPNotFound

    def _find_shifted(self, request: web.Request) -> PagerDutyShiftSchedule:
        """Return the schedule. Raise ValueError for a layer-based one."""
        id_ = request.match_info["id"]
        if id_ in self._layered:
            raise ValueError("This schedule is not shift-based")
        if id_ not in self._shifted:
            raise web.HTTPNotFound
        return self._shifted[id_]


def _user(user: Any) -> dict[str, object]:
    own = {"name": user.name, "email": user.email, "time_zone": user.time_zone, "role": "user", "teams": []}
    return _reference("user", user.id, user.name, "users") | own


# Bodies


def _coverage(found: Iterable[Turn], span: Span) -> float:
    """Return how much of a span somebody has, in percent."""
    covered = within([Turn(*span, "")], [Span(turn.start, turn.end) for turn in found if turn.who])
    return round(100 * sum(turn.end - turn.start for turn in covered) / (span.end - span.start), 2)


def _restriction(restriction: PagerDutyRestriction, own: ZoneInfo, asked: ZoneInfo, now: float) -> dict[str, object]:
    """Show a restriction on the clock of the zone that was asked for; nothing in it says which zone that is."""
    moment = datetime.fromtimestamp(now, UTC)
    shift = (asked.utcoffset(moment) or timedelta()) - (own.utcoffset(moment) or timedelta())
    begins = datetime.combine(moment.date(), restriction.start_time_of_day)
    shifted = begins + shift
    body = restriction.model_dump(exclude_none=True)
    body["start_time_of_day"] = shifted.time().isoformat("seconds")
    if restriction.start_day_of_week is not None:
        body["start_day_of_week"] = (restriction.start_day_of_week - 1 + (shifted.date() - begins.date()).days) % 7 + 1
    return body


def _member(id_: str | None) -> dict[str, str]:
    return {"type": "user_member", "user_id": id_} if id_ else {"type": "empty_member"}


def _rotation(schedule: PagerDutyShiftSchedule, rotation: Any) -> dict[str, object]:
    events = [_event(schedule, event) for event in rotation.events]
    return {"id": rotation.id, "type": "schedule_rotation", "events": events}


def _event(schedule: PagerDutyShiftSchedule, event: PagerDutyEvent) -> dict[str, object]:
    def zoned(local: datetime) -> dict[str, str]:
        moment = local.replace(tzinfo=ZoneInfo(schedule.time_zone))
        return {"date_time": moment.isoformat(), "time_zone": schedule.time_zone}

    strategy: dict[str, object] = {"members": [_member(id_) for id_ in event.members]}
    if event.shifts_per_member is None:
        strategy["type"] = "every_member_assignment_strategy"
    else:
        strategy |= {"type": "rotating_member_assignment_strategy", "shifts_per_member": event.shifts_per_member}
    return {
        **event.model_dump(context=UTC, include={"id", "name", "effective_since", "effective_until"}),
        "type": "schedule_event",
        "start_time": zoned(event.start_time),
        "end_time": zoned(event.end_time),
        "recurrence": [f"RRULE:{event.rrule}"],
        "assignment_strategy": strategy,
    }


def _final(schedule: PagerDutyShiftSchedule, question: _Question) -> dict[str, object]:
    found = shift_turns(schedule, question.span)
    assignments = [
        {
            "type": "computed_shift_assignment",
            "start_time": show(turn.start, question.zone),
            "end_time": show(turn.end, question.zone),
            "member": _member(turn.who),
            "source": dict(turn.source),
        }
        for turn in found
    ]
    return {
        "type": "final_schedule",
        "rendered_coverage_percentage": _coverage(found, question.span),
        "computed_shift_assignments": assignments,
    }
