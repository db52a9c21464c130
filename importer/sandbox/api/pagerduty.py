"""PagerDuty, read-only: users, layer-based schedules, and shift-based ones (v3), each rendered for a span of time."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from aiohttp import web

from importer.sandbox.api.answers import Handler, answer, error_middleware, shown
from importer.sandbox.directory_file import TOKEN
from importer.sandbox.organization import seconds
from importer.sandbox.rotation import DAY, Span, Turn, epoch, overlaid, turns, windows, within, without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from importer.sandbox.organization import (
        PagerDuty,
        PagerDutyEvent,
        PagerDutyLayer,
        PagerDutyRestriction,
        PagerDutySchedule,
        PagerDutyShiftSchedule,
    )
    from importer.sandbox.rate_limits import Limits

_SITE = "https://demo.pagerduty.com"
_VERSION = "application/vnd.pagerduty+json;version=2"
_CAP = 10_000  # offset and limit together
_TWO_WEEKS = 14 * DAY
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def refusal(status: int, text: str, errors: list[str] | dict[str, list[str]] | None = None) -> web.Response:
    """Answer an error in PagerDuty's form; version 3 names each error's parameter."""
    code = {400: 2001, 401: 2006, 404: 2100, 429: 2020}.get(status, 2000)
    error: dict[str, object] = {"message": text, "code": code}
    return answer({"error": error | ({"errors": errors} if errors else {})}, status=status)


def application(account: PagerDuty, limits: Limits, now: Callable[[], float]) -> web.Application:
    """Return PagerDuty's application; the throttle comes before every route."""
    throttle = _PagerDutyThrottle(limits, now)
    app = web.Application(middlewares=[error_middleware(refusal), throttle.check, _refuse_invalid])
    app.add_routes(_Lists(account).routes())
    app.add_routes(_LayeredSchedules(account, now).routes())
    app.add_routes(_ShiftSchedules(account, now).routes())
    return app


@web.middleware
async def _refuse_invalid(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 400 where a handler raises ValueError about a parameter."""
    try:
        return await handler(request)
    except ValueError as error:
        words = str(error)
        is_v3 = "/v3/" in request.path
        return refusal(400, "Invalid Input Provided", {words.partition(" ")[0]: [words]} if is_v3 else [words])


class _PagerDutyThrottle:
    """Checks token, version and limit; every answer with a valid token reports the limit."""

    def __init__(self, limits: Limits, now: Callable[[], float]) -> None:
        self._window = limits.pagerduty()
        self._reports = limits.reports
        self._now = now

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Token token={TOKEN}":
            return refusal(401, "Unauthorized")
        if request.headers.get("Accept", "").replace(" ", "") != _VERSION:
            return refusal(406, f"Accept must be {_VERSION}")
        is_within = self._window.take(self._now())
        response = await handler(request) if is_within else refusal(429, "Rate Limit Exceeded")
        if self._reports:
            standing = self._window.standing(self._now())
            response.headers["ratelimit-limit"] = str(standing.limit)
            response.headers["ratelimit-remaining"] = str(standing.remaining)
            response.headers["ratelimit-reset"] = str(max(0, math.ceil(standing.resets_at - self._now())))
        return response


# References


def _reference(kind: str, id_: str, summary: str, path: str) -> dict[str, object]:
    links = {"self": f"https://api.pagerduty.com/{path}/{id_}", "html_url": f"{_SITE}/{path}/{id_}"}
    return {"id": id_, "type": kind, "summary": summary, **links}


class _People:
    """The references that schedules make to users and teams."""

    def __init__(self, account: PagerDuty) -> None:
        self._users = {user.id: user for user in account.users}
        self._teams = {team.id: team for team in account.teams}

    def user(self, id_: str) -> dict[str, object]:
        """Return a reference; that to a deleted user says when, and leads nowhere."""
        user = self._users.get(id_)
        reference = _reference("user_reference", id_, user.name if user else id_, "users")
        if user and user.deleted_at:
            return reference | {"html_url": None, "deleted_at": user.deleted_at.isoformat()}
        return reference

    def teams(self, ids: Iterable[str]) -> list[dict[str, object]]:
        """Return references to teams."""
        return [_reference("team_reference", id_, self._teams[id_].name, "teams") for id_ in ids if id_ in self._teams]


# Questions


class _Question(NamedTuple):
    """What of a calendar is asked for, and in which zone it is answered."""

    span: Span
    zone: ZoneInfo
    is_given: bool  #: whether since and until are


def _question(request: web.Request, now: float, zone: str) -> _Question:
    """Read since, until and time_zone. Raise ValueError with the parameter's name first."""
    query = request.query
    since, until = _moment(query, "since"), _moment(query, "until")
    begins = since if since is not None else int(now)
    span = Span(begins, until if until is not None else begins + _TWO_WEEKS)
    if span.end <= span.start:
        raise ValueError("until must be after since")
    name = query.get("time_zone", zone)
    try:
        return _Question(span, ZoneInfo(name), since is not None and until is not None)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"time_zone is not known: {shown(name)}") from error


def _moment(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{name} is not a date-time: {shown(text)}") from error
    return seconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _page(
    request: web.Request, name: str, items: Sequence[Any], show: Callable[[Any], object], *, default: int, most: int
) -> web.Response:
    """Answer with the part of a list that `offset` and `limit` ask for."""
    offset, limit = int(request.query.get("offset", 0)), int(request.query.get("limit", default))
    limit = min(limit, most)
    if offset < 0 or limit < 1 or offset + limit > _CAP:
        raise ValueError(f"offset and limit must not exceed {_CAP} together")
    total = len(items) if request.query.get("total") == "true" else None
    part = [show(item) for item in items[offset : offset + limit]]
    more = offset + limit < len(items)
    return answer({name: part, "limit": limit, "offset": offset, "more": more, "total": total})


def _is_wanted(request: web.Request, name: str, teams: Iterable[str]) -> bool:
    wanted = request.query.getall("team_ids[]", [])
    text = request.query.get("query", "")
    return text.casefold() in name.casefold() and (not wanted or bool(set(wanted) & set(teams)))


def _show(instant: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(instant, zone).isoformat()


class _Lists:
    """The routes of users and of what a token may do."""

    def __init__(self, account: PagerDuty) -> None:
        self._account = account

    def routes(self) -> list[web.RouteDef]:
        """Return the routes; `me` must come before the ids."""
        return [
            web.get("/abilities", self._abilities, allow_head=False),
            web.get("/users", self._users, allow_head=False),
            web.get("/users/me", self._user, allow_head=False),
            web.get("/users/{id}", self._user, allow_head=False),
        ]

    async def _abilities(self, _request: web.Request) -> web.Response:
        return answer({"abilities": ["teams", "read_only_users"]})

    async def _users(self, request: web.Request) -> web.Response:
        found = [user for user in self._account.users if not user.deleted_at and _is_wanted(request, user.name, ())]
        return _page(request, "users", found, self._show, default=25, most=100)

    async def _user(self, request: web.Request) -> web.Response:
        wanted = request.match_info.get("id", self._account.me)
        for user in self._account.users:
            if user.id == wanted and not user.deleted_at:
                return answer({"user": self._show(user)})
        raise web.HTTPNotFound

    def _show(self, user: Any) -> dict[str, object]:
        own = {"name": user.name, "email": user.email, "time_zone": user.time_zone, "role": "user", "teams": []}
        return _reference("user", user.id, user.name, "users") | own


# Layer-based schedules


class _LayeredSchedules:
    """The routes of layer-based schedules. Wall-clock times come in the zone of the request, not of the schedule."""

    def __init__(self, account: PagerDuty, now: Callable[[], float]) -> None:
        self._schedules = {schedule.id: schedule for schedule in account.schedules}
        self._people = _People(account)
        self._zone = next((user.time_zone for user in account.users if user.id == account.me), "UTC")
        self._now = now

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/schedules", self._list, allow_head=False),
            web.get("/schedules/{id}", self._show, allow_head=False),
            web.get("/schedules/{id}/overrides", self._overrides, allow_head=False),
            web.get("/schedules/{id}/users", self._users, allow_head=False),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        question = _question(request, self._now(), self._zone)
        included = set(request.query.getall("include[]", []))
        found = [one for one in self._schedules.values() if _is_wanted(request, one.name, one.teams)]
        return _page(request, "schedules", found, lambda one: self._body(one, question, included), default=25, most=100)

    async def _show(self, request: web.Request) -> web.Response:
        schedule = self._find(request)
        question = _question(request, self._now(), self._zone)._replace(is_given=True)
        included = {"schedule_layers", "final_schedule", "overrides_subschedule"}
        return answer({"schedule": self._body(schedule, question, included)})

    async def _overrides(self, request: web.Request) -> web.Response:
        """List overrides; PagerDuty answers 201 here."""
        schedule = self._find(request)
        if missing := [name for name in ("since", "until") if name not in request.query]:
            raise ValueError(f"{missing[0]} is required")
        question = _question(request, self._now(), self._zone)
        earliest = self._now() if request.query.get("editable") == "true" else question.span.start
        found = [
            {
                "id": one.id,
                "start": _show(seconds(one.start), question.zone),
                "end": _show(seconds(one.end), question.zone),
                "user": self._people.user(one.user),
            }
            for one in schedule.overrides
            if seconds(one.start) < question.span.end and seconds(one.end) > max(earliest, question.span.start)
        ]
        return answer({"overrides": found}, status=201)

    def _find(self, request: web.Request) -> PagerDutySchedule:
        schedule = self._schedules.get(request.match_info["id"])
        if schedule is None:
            raise web.HTTPNotFound
        return schedule

    async def _users(self, request: web.Request) -> web.Response:
        """List who is on call in the span."""
        schedule = self._find(request)
        question = _question(request, self._now(), self._zone)
        ids = dict.fromkeys(turn.who for turn in final_turns(schedule, question.span))
        return answer({"users": [self._people.user(id_) | {"type": "user"} for id_ in ids]})

    def _body(self, schedule: PagerDutySchedule, question: _Question, included: set[str]) -> dict[str, object]:
        ids = dict.fromkeys(user for layer in schedule.layers for user in layer.users)
        body = _reference("schedule", schedule.id, schedule.name, "schedules") | {
            "name": schedule.name,
            "description": schedule.description,
            "time_zone": schedule.time_zone,
            "teams": self._people.teams(schedule.teams),
            "users": [self._people.user(id_) for id_ in ids],
            "escalation_policies": [],
        }
        if "schedule_layers" in included:
            body["schedule_layers"] = [self._layer(schedule, layer, question) for layer in schedule.layers]
        if "final_schedule" in included:
            body["final_schedule"] = self._part("Final Schedule", final_turns(schedule, question.span), question)
        if "overrides_subschedule" in included:
            body["overrides_subschedule"] = self._part("Overrides", _overrides(schedule, question.span), question)
        return body

    def _layer(self, schedule: PagerDutySchedule, layer: PagerDutyLayer, question: _Question) -> dict[str, object]:
        own = ZoneInfo(schedule.time_zone)
        rendered = self._part(layer.name, _layer_turns(layer, own, question.span), question)
        return {
            "id": layer.id,
            "name": layer.name,
            "start": _show(seconds(layer.start), question.zone),
            **({"end": _show(seconds(layer.end), question.zone)} if layer.end else {}),
            "rotation_virtual_start": _show(seconds(layer.rotation_virtual_start), question.zone),
            "rotation_turn_length_seconds": layer.rotation_turn_length_seconds,
            "users": [{"user": self._people.user(id_)} for id_ in layer.users],
            "restrictions": [
                _restriction(restriction, own, question.zone, self._now()) for restriction in layer.restrictions
            ],
            **{name: value for name, value in rendered.items() if name.startswith("rendered")},
        }

    def _part(self, name: str, found: Sequence[Turn], question: _Question) -> dict[str, object]:
        entries = [
            {
                "start": _show(turn.start, question.zone),
                "end": _show(turn.end, question.zone),
                "user": self._people.user(turn.who),
            }
            for turn in found
        ]
        covered = sum(turn.end - turn.start for turn in found) / (question.span.end - question.span.start)
        if not question.is_given:
            return {"name": name, "rendered_schedule_entries": []}
        return {
            "name": name,
            "rendered_schedule_entries": entries,
            "rendered_coverage_percentage": round(100 * covered, 2),
        }


def final_turns(schedule: PagerDutySchedule, span: Span, *, is_base: bool = False) -> list[Turn]:
    """Render the final schedule: higher layers over lower ones, and overrides over all but for the base."""
    found: list[Turn] = []
    for layer in reversed(schedule.layers):
        found = overlaid(found, _layer_turns(layer, ZoneInfo(schedule.time_zone), span))
    return found if is_base else overlaid(found, _overrides(schedule, span))


def base_turns(account: PagerDuty, name: str, span: Span) -> list[Turn]:
    """Render the schedule of a name without its overrides; empty where there is none."""
    for schedule in account.schedules:
        if schedule.name == name:
            return final_turns(schedule, span, is_base=True)
    for shifted in account.v3_schedules:
        if shifted.name == name:
            base = shifted.model_copy(update={"overrides": ()})
            return [turn for shift in _shifts(base, span) for turn in within([shift.turn], [span]) if turn.who]
    return []


def _overrides(schedule: PagerDutySchedule, span: Span) -> list[Turn]:
    return within((Turn(seconds(one.start), seconds(one.end), one.user) for one in schedule.overrides), [span])


def _layer_turns(layer: PagerDutyLayer, zone: ZoneInfo, span: Span) -> list[Turn]:
    ends = seconds(layer.end) if layer.end else span.end
    life = Span(max(span.start, seconds(layer.start)), min(span.end, ends))
    anchor, length = seconds(layer.rotation_virtual_start), layer.rotation_turn_length_seconds
    if life.end <= life.start:
        return []
    found = within(turns(anchor, length, zone, layer.users, life), [life])
    if not layer.restrictions:
        return found
    spans = [
        open_span
        for one in layer.restrictions
        for open_span in windows(one.start_time_of_day, one.duration_seconds, zone, _weekday(one), life)
    ]
    return sorted(within(found, spans))


def _weekday(restriction: PagerDutyRestriction) -> int | None:
    return None if restriction.start_day_of_week is None else restriction.start_day_of_week - 1


def _restriction(restriction: PagerDutyRestriction, own: ZoneInfo, asked: ZoneInfo, now: float) -> dict[str, object]:
    """Show a restriction on the clock of the zone that was asked for; nothing in it says which zone that is."""
    moment = datetime.fromtimestamp(now, UTC)
    shift = (asked.utcoffset(moment) or timedelta()) - (own.utcoffset(moment) or timedelta())
    begins = datetime.combine(moment.date(), restriction.start_time_of_day)
    shifted = begins + shift
    body: dict[str, object] = {
        "type": restriction.type,
        "start_time_of_day": shifted.time().isoformat("seconds"),
        "duration_seconds": restriction.duration_seconds,
    }
    if restriction.start_day_of_week is not None:
        body["start_day_of_week"] = (restriction.start_day_of_week - 1 + (shifted.date() - begins.date()).days) % 7 + 1
    return body


# Shift-based schedules


class _Shift(NamedTuple):
    """Somebody's shift, and where it comes from; `who` is empty for a planned gap."""

    turn: Turn
    source: dict[str, str]


class _ShiftSchedules:
    """The routes of shift-based schedules (v3): several people may be on call at once."""

    def __init__(self, account: PagerDuty, now: Callable[[], float]) -> None:
        self._schedules = {schedule.id: schedule for schedule in account.v3_schedules}
        self._layered = {schedule.id for schedule in account.schedules}
        self._people = _People(account)
        self._now = now

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/v3/schedules", self._list, allow_head=False),
            web.get("/v3/schedules/{id}", self._show, allow_head=False),
            web.get("/v3/schedules/{id}/overrides", self._overrides, allow_head=False),
            web.get("/v3/schedules/{id}/custom_shifts", self._custom_shifts, allow_head=False),
            web.get("/v3/schedules/{id}/rotations", self._rotations, allow_head=False),
            web.get("/v3/schedules/{id}/rotations/{rotation_id}/events", self._events, allow_head=False),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        found = [one for one in self._schedules.values() if _is_wanted(request, one.name, one.teams)]
        return _page(
            request,
            "schedules",
            found,
            lambda one: _reference("schedule_v3_reference", one.id, one.name, "schedules"),
            default=100,
            most=1000,
        )

    async def _show(self, request: web.Request) -> web.Response:
        schedule = self._find(request)
        question = _question(request, self._now(), schedule.time_zone)
        ids = dict.fromkeys(
            member
            for rotation in schedule.rotations
            for event in rotation.events
            for member in event.members
            if member is not None
        )
        body = _reference("schedule_v3", schedule.id, schedule.name, "schedules") | {
            "name": schedule.name,
            "description": schedule.description,
            "time_zone": schedule.time_zone,
            "teams": self._people.teams(schedule.teams),
            "escalation_policies": [],
            "users": [self._people.user(id_) for id_ in ids],
            "rotations": [_rotation(schedule, rotation) for rotation in schedule.rotations],
        }
        if "final_schedule" in request.query.getall("include[]", []):
            body["final_schedule"] = _final(schedule, question)
        return answer({"schedule": body})

    async def _overrides(self, request: web.Request) -> web.Response:
        def show(one: Any, zone: ZoneInfo) -> dict[str, object]:
            names = ("rotation_id", "custom_shift_id")
            return {
                "id": one.id,
                "type": "override_shift",
                **{name: getattr(one, name) for name in names if getattr(one, name) is not None},
                "start_time": _show(seconds(one.start_time), zone),
                "end_time": _show(seconds(one.end_time), zone),
                "overridden_member": _member(one.overridden_member),
                "overriding_member": _member(one.overriding_member or ""),
            }

        return self._windowed(request, "overrides", show)

    async def _custom_shifts(self, request: web.Request) -> web.Response:
        def show(one: Any, zone: ZoneInfo) -> dict[str, object]:
            assignment = {"id": f"{one.id}A", "type": "shift_assignment", "member": _member(one.member)}
            return {
                "id": one.id,
                "type": "custom_shift",
                "start_time": _show(seconds(one.start_time), zone),
                "end_time": _show(seconds(one.end_time), zone),
                "assignments": [assignment],
            }

        return self._windowed(request, "custom_shifts", show)

    def _windowed(
        self, request: web.Request, name: str, show: Callable[[Any, ZoneInfo], dict[str, object]]
    ) -> web.Response:
        """List what touches a span, which must be given."""
        schedule = self._find(request)
        question = _question(request, self._now(), schedule.time_zone)
        if not question.is_given:
            raise ValueError("since and until are required")
        found = [
            one
            for one in getattr(schedule, name)
            if seconds(one.start_time) < question.span.end and seconds(one.end_time) > question.span.start
        ]
        return _page(request, name, found, lambda one: show(one, question.zone), default=25, most=100)

    async def _rotations(self, request: web.Request) -> web.Response:
        schedule = self._find(request)
        return _page(
            request, "rotations", schedule.rotations, lambda one: _rotation(schedule, one), default=25, most=100
        )

    async def _events(self, request: web.Request) -> web.Response:
        schedule = self._find(request)
        for rotation in schedule.rotations:
            if rotation.id == request.match_info["rotation_id"]:
                return _page(
                    request, "events", rotation.events, lambda one: _event(schedule, one), default=25, most=100
                )
        raise web.HTTPNotFound

    def _find(self, request: web.Request) -> PagerDutyShiftSchedule:
        """Return the schedule. Raise ValueError for a layer-based one."""
        id_ = request.match_info["id"]
        if id_ in self._layered:
            raise ValueError("This schedule is not shift-based")
        if id_ not in self._schedules:
            raise web.HTTPNotFound
        return self._schedules[id_]


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
        "id": event.id,
        "type": "schedule_event",
        "name": event.name,
        "start_time": zoned(event.start_time),
        "end_time": zoned(event.end_time),
        "effective_since": event.effective_since.isoformat(),
        "effective_until": event.effective_until.isoformat() if event.effective_until else None,
        "recurrence": [f"RRULE:{event.rrule}"],
        "assignment_strategy": strategy,
    }


def _final(schedule: PagerDutyShiftSchedule, question: _Question) -> dict[str, object]:
    shifts = [
        shift._replace(turn=cut)
        for shift in _shifts(schedule, question.span)
        for cut in within([shift.turn], [question.span])
    ]
    shifts.sort(key=lambda shift: shift.turn)
    length = question.span.end - question.span.start
    covered = overlaid([], [])
    for shift in shifts:
        if shift.turn.who:
            covered = overlaid(covered, [shift.turn])
    share = 100 * sum(turn.end - turn.start for turn in covered) / length
    assignments = [
        {
            "type": "computed_shift_assignment",
            "start_time": _show(shift.turn.start, question.zone),
            "end_time": _show(shift.turn.end, question.zone),
            "member": _member(shift.turn.who),
            "source": shift.source,
        }
        for shift in shifts
    ]
    return {
        "type": "final_schedule",
        "rendered_coverage_percentage": round(share, 2),
        "computed_shift_assignments": assignments,
    }


def _shifts(schedule: PagerDutyShiftSchedule, span: Span) -> list[_Shift]:
    """Compute all shifts, overrides in the place of what they override."""
    zone = ZoneInfo(schedule.time_zone)
    found = [
        _Shift(turn, {"type": "schedule_rotation", "rotation_id": rotation.id})
        for rotation in schedule.rotations
        for event in rotation.events
        for turn in _event_turns(event, zone, span)
    ]
    for one in schedule.custom_shifts:
        turn = Turn(seconds(one.start_time), seconds(one.end_time), one.member)
        found.append(_Shift(turn, {"type": "custom_shift", "shift_id": one.id}))
    for override in schedule.overrides:
        begins, ends = seconds(override.start_time), seconds(override.end_time)
        replaced: list[_Shift] = []
        for shift in found:
            ids = (shift.source.get("rotation_id"), shift.source.get("shift_id"))
            is_meant = ids == (override.rotation_id, override.custom_shift_id) and not shift.source.get("override_id")
            if not is_meant or shift.turn.who != override.overridden_member:
                replaced.append(shift)
                continue
            replaced += [shift._replace(turn=part) for part in without(shift.turn, begins, ends)]
            source = {**shift.source, "type": f"{shift.source['type']}_override", "override_id": override.id}
            who = override.overriding_member or ""
            replaced += [_Shift(part._replace(who=who), source) for part in within([shift.turn], [Span(begins, ends)])]
        found = replaced
    return found


def _event_turns(event: PagerDutyEvent, zone: ZoneInfo, span: Span) -> Iterator[Turn]:
    """Yield the occurrences of an event that touch a span. A member keeps it for so many occurrences, not weeks."""
    since = seconds(event.effective_since)
    until = seconds(event.effective_until) if event.effective_until else span.end
    for number, begins in enumerate(_occurrences(event, datetime.fromtimestamp(span.end, zone).replace(tzinfo=None))):
        start, end = epoch(begins, zone), epoch(begins + (event.end_time - event.start_time), zone)
        if end <= span.start or not since <= start < until:
            continue
        per_member = event.shifts_per_member
        one = event.members[number // (per_member or 1) % len(event.members)]
        for member in event.members if per_member is None else (one,):
            yield Turn(start, end, member or "")


def _occurrences(event: PagerDutyEvent, before: datetime) -> Iterator[datetime]:
    """Yield the local starts of an event, in order."""
    rule = dict(part.split("=") for part in event.rrule.split(";"))
    interval = int(rule.get("INTERVAL", 1))
    weekdays = {_WEEKDAYS.index(name) for name in rule["BYDAY"].split(",")} if "BYDAY" in rule else None
    is_weekly = rule["FREQ"] == "WEEKLY"
    first = event.start_time
    if is_weekly and weekdays is None:
        weekdays = {first.weekday()}
    monday = first.date() - timedelta(days=first.weekday())
    day = first
    while day < before:
        passed = (day.date() - monday).days // 7 if is_weekly else (day - first).days
        if passed % interval == 0 and (weekdays is None or day.weekday() in weekdays):
            yield day
        day += timedelta(days=1)
