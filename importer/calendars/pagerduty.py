"""PagerDuty's calendar, both kinds of schedules, as PagerDuty renders it. Source: its OpenAPI document.

Rendered entries say who was promised to be on call; layers and rotations are not computed here. Schedules made of
layers stand in /schedules, those made of shifts in /v3/schedules, and neither list has the other's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from string import ascii_lowercase, digits
from typing import TYPE_CHECKING, Any

from importer.calendars.intervals import PAGED, Calendar, Interval, Role, Schedule, Window, merge
from importer.calendars.pulled import Override, People, Pulled, RefusedError, instant, overlapping, path_with

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from importer.calendars.pulled import Ask, ProgressCallback, Selection

#: Requests a second that a key may make: 960 a minute.
RATE = 16.0
HEADERS = {"Accept": "application/vnd.pagerduty+json;version=2", "Content-Type": "application/json"}

_PAGE = 100
_CAP = 10_000  # offset + limit above this is refused with 400
_PARTS = ascii_lowercase + digits


def authorization(token: str) -> str:
    """Return the value of the header Authorization."""
    return f"Token token={token}"


async def read_calendar(ask: Ask, window: Window, selection: Selection, progress: ProgressCallback) -> Pulled:
    """Read all wanted schedules, what is rendered of them in the window, and their overrides.

    Raises:
        ImporterError: PagerDuty cannot be asked.
        RefusedError: it refuses one of its lists.
    """
    pulled = Pulled(Calendar("PagerDuty", window, roles=PAGED))
    people = People(
        pulled.calendar,
        lambda id_, name: pulled.note(
            name or id_, "This user is not in PagerDuty's list of users: deleted, or out of the key's sight."
        ),
    )
    async for user in _pages(ask, "/users", "users"):
        people.add(str(user["id"]), str(user.get("email") or ""), str(user.get("name") or user.get("summary") or ""))
    layered = [_schedule(one) async for one in _pages(ask, "/schedules", "schedules")]
    shifted = [_schedule(one) async for one in _pages(ask, "/v3/schedules", "schedules")]
    known = {one.id for one in layered}
    listed = [(one, False) for one in layered] + [(one, True) for one in shifted if one.id not in known]
    pulled.seen = len(listed)
    wanted = [(one, is_shifted) for one, is_shifted in listed if _takes(pulled, selection, one)]
    for done, (schedule, is_shifted) in enumerate(wanted, 1):
        read = _read_shifts if is_shifted else _read_layers
        try:
            await read(ask, pulled, people, schedule, window)
        except RefusedError as error:
            pulled.note(schedule.name, f"PagerDuty refuses to show this schedule ({error}).")
        progress(done, len(wanted), "schedules")
    pulled.calendar.intervals = merge(pulled.calendar.intervals, window)
    return pulled


def _takes(pulled: Pulled, selection: Selection, schedule: Schedule) -> bool:
    if selection.takes(schedule):
        return True
    pulled.note(schedule.name, "Left out: the options do not select it.")
    return False


async def _pages(ask: Ask, path: str, what: str, query: str | None = None) -> AsyncIterator[dict[str, Any]]:
    """Read a list to its end, each object once. PagerDuty refuses what lies beyond 10,000: then it is read in parts.

    A part is what a search for one letter or digit finds; names are searched.
    """
    seen: set[str] = set()
    offset = 0
    while True:
        page = await ask(path_with(path, limit=_PAGE, offset=offset, query=query))
        for one in page[what]:
            if one["id"] not in seen:
                seen.add(one["id"])
                yield one
        if not page.get("more"):
            return
        offset += _PAGE
        if offset + _PAGE > _CAP:
            break
    if query is not None and len(query) > 1:
        raise RefusedError(400, f"{path} holds more than {_CAP} entries that contain {query!r}")
    for letter in _PARTS:
        async for one in _pages(ask, path, what, (query or "") + letter):
            if one["id"] not in seen:
                seen.add(one["id"])
                yield one


def _schedule(listed: dict[str, Any]) -> Schedule:
    teams = ", ".join(str(team.get("summary") or team.get("id")) for team in listed.get("teams") or [])
    name = str(listed.get("name") or listed.get("summary") or listed["id"])
    zone, link = str(listed.get("time_zone") or ""), str(listed.get("html_url") or "")
    return Schedule(str(listed["id"]), name, zone, teams, link, "PAGER_DUTY")


def _iso(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def _read_layers(ask: Ask, pulled: Pulled, people: People, schedule: Schedule, window: Window) -> None:
    """Read a schedule that is made of layers; asked in its own zone, for the key's user has another one."""
    since, until = _iso(window.start), _iso(window.end)
    path = f"/schedules/{schedule.id}"
    zone = schedule.zone or None
    found = (await ask(path_with(path, since=since, until=until, time_zone=zone, overflow="false")))["schedule"]
    pulled.calendar.schedules.append(_schedule(found))
    for layer in found.get("schedule_layers") or []:
        for place in layer.get("users") or []:
            user = place.get("user") or place
            if user.get("deleted_at") or place.get("deleted_at"):
                reason = f"This user is deleted, and still has a turn in layer {layer.get('name')!r}."
                pulled.note(f"{user.get('summary') or user.get('id')} in {schedule.name}", reason)
    entries = (found.get("final_schedule") or {}).get("rendered_schedule_entries") or []
    for entry in entries:
        user = entry.get("user") or {}
        person = people.person(str(user.get("id") or ""), str(user.get("summary") or ""))
        end = instant(entry["end"]) if entry.get("end") else window.end
        _add(pulled, Interval(schedule.id, person, Role.ON_CALL, instant(entry["start"]), end), schedule)
    if not entries:
        pulled.note(schedule.name, "Nobody is on call in the whole window.")
    answer = await ask(path_with(f"{path}/overrides", since=since, until=until))
    overrides = [_override(people, schedule, one, str(one.get("id") or "")) for one in answer["overrides"]]
    if overlapping(overrides):
        rendered = (found.get("overrides_subschedule") or {}).get("rendered_schedule_entries") or []
        reason = f"{len(overrides)} overrides overlap: taken as PagerDuty renders them, as {len(rendered)} spans."
        pulled.note(schedule.name, reason)
        overrides = [_override(people, schedule, one, "") for one in rendered]
    pulled.overrides.extend(overrides)


def _override(people: People, schedule: Schedule, one: dict[str, Any], id_: str) -> Override:
    user = one.get("user") or {}
    person = people.person(str(user.get("id") or ""), str(user.get("summary") or ""))
    return Override(schedule.id, instant(one["start"]), instant(one["end"]), person, id_)


async def _read_shifts(ask: Ask, pulled: Pulled, people: People, schedule: Schedule, window: Window) -> None:
    """Read a schedule that is made of shifts (version 3): several people may be on call at once."""
    since, until = _iso(window.start), _iso(window.end)
    path = f"/v3/schedules/{schedule.id}"
    asked = path_with(path, since=since, until=until, time_zone=schedule.zone or None, include=["final_schedule"])
    found = (await ask(asked))["schedule"]
    pulled.calendar.schedules.append(_schedule({**found, "html_url": found.get("html_url") or schedule.link}))
    shifts = (found.get("final_schedule") or {}).get("computed_shift_assignments") or []
    for shift in shifts:
        member = shift.get("member") or {}
        if member.get("type") == "empty_member":
            continue  # a gap that somebody planned
        source = str((shift.get("source") or {}).get("type") or "")
        role = Role.OVERRIDE if source.endswith("_override") else Role.ON_CALL
        person = people.person(str(member.get("user_id") or ""))
        interval = Interval(schedule.id, person, role, instant(shift["start_time"]), instant(shift["end_time"]))
        _add(pulled, interval, schedule)
    if not shifts:
        pulled.note(schedule.name, "Nobody is on call in the whole window.")
    offset = 0
    while True:
        page = await ask(path_with(f"{path}/overrides", since=since, until=until, limit=_PAGE, offset=offset))
        for one in page["overrides"]:
            member = one.get("overriding_member") or {}
            start, end = instant(one["start_time"]), instant(one["end_time"])
            if member.get("type") == "empty_member":
                when = f"from {_iso(start)} to {_iso(end)}"
                pulled.note(schedule.name, f"An override leaves a shift empty {when}: Rootly needs a person.")
                continue
            person = people.person(str(member.get("user_id") or ""))
            pulled.overrides.append(Override(schedule.id, start, end, person, str(one["id"])))
        if not page.get("more"):
            return
        offset += _PAGE


def _add(pulled: Pulled, interval: Interval, schedule: Schedule) -> None:
    if interval.end <= interval.start:
        pulled.note(schedule.name, f"A shift of {interval.person} ends where it begins, at {_iso(interval.start)}.")
        return
    pulled.calendar.intervals.append(interval)
