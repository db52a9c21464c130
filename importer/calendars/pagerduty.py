"""PagerDuty's calendar, both kinds of schedules, as PagerDuty renders it. Source: its OpenAPI document.

Rendered entries say who was promised to be on call; layers and rotations are not computed here. Schedules made of
layers stand in /schedules, those made of shifts in /v3/schedules, and neither list has the other's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from string import ascii_lowercase, digits
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from importer.calendars.intervals import PAGED, Calendar, Interval, Role, Schedule, Window, mark_overrides, merge
from importer.calendars.pulled import Override, People, Pulled, RefusedError, instant, overlapping, path_with

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from importer.calendars.pulled import Ask, ProgressCallback, Selection

    _Reader: TypeAlias = Callable[[Ask, Pulled, People, Schedule, Selection], Awaitable[None]]

#: Requests a second that a key may make: 960 a minute.
RATE = 16.0
HEADERS = {"Accept": "application/vnd.pagerduty+json;version=2", "Content-Type": "application/json"}

#: What shows whether a key may read all that a pull needs.
PROBES = ("/users?limit=1", "/schedules?limit=1", "/v3/schedules?limit=1")

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
    people = People(pulled, "This user is not in PagerDuty's list of users: deleted, or out of the key's sight.")
    for user in await _list(ask, pulled, "/users", "users"):
        people.add(str(user["id"]), str(user.get("email") or ""), str(user.get("name") or user.get("summary") or ""))
    layered = {str(one["id"]): _schedule(one) for one in await _list(ask, pulled, "/schedules", "schedules")}
    shifted = {str(one["id"]): _schedule(one) for one in await _list(ask, pulled, "/v3/schedules", "schedules")}
    pulled.listed = [*layered.values(), *(one for id_, one in shifted.items() if id_ not in layered)]
    wanted = [one for one in pulled.listed if _takes(pulled, selection, one, is_team_known=one.id in layered)]
    for done, schedule in enumerate(wanted, 1):
        readers = (_read_layers, _read_shifts) if schedule.id in layered else (_read_shifts, _read_layers)
        try:
            await _read_either(readers, ask, pulled, people, schedule, selection)
        except RefusedError as error:
            pulled.refuse(schedule, f"PagerDuty refuses to show this schedule ({error}).")
        progress(done, len(wanted), "schedules")
    pulled.calendar.intervals = merge(pulled.calendar.intervals, window)
    return pulled


def _takes(pulled: Pulled, selection: Selection, schedule: Schedule, *, is_team_known: bool = True) -> bool:
    is_taken = selection.takes(schedule, is_team_known=is_team_known)
    if not is_taken:
        pulled.note(schedule.name, "Left out: the options do not select it.")
    return is_taken


async def _list(ask: Ask, pulled: Pulled, path: str, what: str) -> list[dict[str, Any]]:
    """Read a list to its end, each object once. PagerDuty refuses what lies beyond 10,000: then it is read in parts.

    A part is what a search for one letter or digit finds; names are searched.
    """
    found: dict[str, dict[str, Any]] = {}
    if await _read_pages(ask, path, what, found):
        return list(found.values())
    total = (await ask(path_with(path, limit=1, offset=0, total="true"))).get("total")
    for first in _PARTS:
        if isinstance(total, int) and len(found) >= total:
            break
        if not await _read_pages(ask, path, what, found, first):
            for second in _PARTS:
                if not await _read_pages(ask, path, what, found, first + second):
                    raise RefusedError(400, f"{path} holds more than {_CAP} entries that contain {first + second!r}")
    if not isinstance(total, int) or len(found) < total:
        number = f"{len(found)} of {total}" if isinstance(total, int) else f"{len(found)}"
        reason = (
            f"PagerDuty shows no more than {_CAP} of a list; {number} were found by searching for letters and digits."
        )
        pulled.note(f"The list of {what}", reason)
    return list(found.values())


async def _read_pages(
    ask: Ask, path: str, what: str, found: dict[str, dict[str, Any]], query: str | None = None
) -> bool:
    """Read pages into `found`; False where the list is longer than PagerDuty shows."""
    offset = 0
    while offset + _PAGE <= _CAP:
        page = await ask(path_with(path, limit=_PAGE, offset=offset, query=query))
        for one in page[what]:
            found.setdefault(str(one["id"]), one)
        if not page.get("more") or not page[what]:
            return True
        offset += _length(page)
    return False


def _length(page: dict[str, Any]) -> int:
    """Return by how much the next page's offset is higher: by the limit that counted, which can be a smaller one."""
    limit = page.get("limit")
    return limit if isinstance(limit, int) and 0 < limit < _PAGE else _PAGE


def _schedule(listed: dict[str, Any]) -> Schedule:
    teams = [
        (str(team.get("summary") or team.get("name") or team["id"]), str(team["id"]))
        for team in listed.get("teams") or []
    ]
    name = str(listed.get("name") or listed.get("summary") or listed["id"])
    zone, link = str(listed.get("time_zone") or ""), str(listed.get("html_url") or "")
    named = ", ".join(team for team, _ in teams)
    known = tuple(text for team in teams for text in team)
    return Schedule(str(listed["id"]), name, zone, named, link, "PAGER_DUTY", teams=known)


def _iso(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def _read_either(
    readers: Iterable[_Reader], ask: Ask, pulled: Pulled, people: People, schedule: Schedule, selection: Selection
) -> None:
    """Read a schedule, as the other sort where PagerDuty says that it is none of the first: it can be upgraded."""
    refused: RefusedError | None = None
    for read in readers:
        try:
            return await read(ask, pulled, people, schedule, selection)
        except RefusedError as error:
            if error.status not in (400, 404):
                raise
            refused = refused or error
    if refused is not None:
        raise refused
    return None


async def _read_layers(ask: Ask, pulled: Pulled, people: People, schedule: Schedule, selection: Selection) -> None:
    """Read a schedule that is made of layers; asked in its own zone, for the key's user has another one."""
    window = pulled.calendar.window
    since, until = _iso(window.start), _iso(window.end)
    path = f"/schedules/{quote(schedule.id, safe='')}"
    zone = schedule.zone or None
    found = (await ask(path_with(path, since=since, until=until, time_zone=zone, overflow="false")))["schedule"]
    schedule = _schedule({"html_url": schedule.link, **found})
    if not _takes(pulled, selection, schedule):
        return
    final = found.get("final_schedule")
    if not final or final.get("rendered_schedule_entries") is None:
        pulled.refuse(schedule, "PagerDuty does not say who is on call.")
        return
    pulled.calendar.schedules.append(schedule)
    _note_deleted(pulled, schedule, found)
    entries = final["rendered_schedule_entries"]
    intervals = [_rendered(people, schedule, one, window) for one in entries if one.get("user")]
    if not intervals:
        pulled.note(schedule.name, "Nobody is on call in the whole window.")
    rendered = [
        _rendered(people, schedule, one, window)
        for one in (found.get("overrides_subschedule") or {}).get("rendered_schedule_entries") or []
        if one.get("user")
    ]
    overrides = await _overrides_of_layers(ask, pulled, people, schedule, rendered)
    pulled.overrides.extend(overrides)
    covers = rendered or [Interval(one.schedule, one.person, Role.OVERRIDE, one.start, one.end) for one in overrides]
    for interval in mark_overrides(intervals, covers):
        _add(pulled, interval, schedule)


def _rendered(people: People, schedule: Schedule, entry: dict[str, Any], window: Window) -> Interval:
    user = entry["user"]
    person = people.person(str(user.get("id") or ""), str(user.get("summary") or ""))
    end = instant(entry["end"]) if entry.get("end") else window.end
    return Interval(schedule.id, person, Role.ON_CALL, instant(entry["start"]), end)


def _note_deleted(pulled: Pulled, schedule: Schedule, found: dict[str, Any]) -> None:
    """Note who left and still has turns; a layer that was edited is kept, ended, beside the new one."""
    for layer in found.get("schedule_layers") or []:
        if layer.get("end") and instant(layer["end"]) <= pulled.calendar.window.start:
            continue
        for place in layer.get("users") or []:
            user = place.get("user") or place
            if user.get("deleted_at") or place.get("deleted_at"):
                reason = f"This user is deleted, and still has a turn in layer {layer.get('name')!r}."
                pulled.note(f"{user.get('summary') or user.get('id')} in {schedule.name}", reason)


async def _overrides_of_layers(
    ask: Ask, pulled: Pulled, people: People, schedule: Schedule, rendered: Sequence[Interval]
) -> list[Override]:
    """Return the overrides in the window: each with its id, or as they are rendered where some overlap."""
    window = pulled.calendar.window
    path = f"/schedules/{quote(schedule.id, safe='')}/overrides"
    try:
        listed = (await ask(path_with(path, since=_iso(window.start), until=_iso(window.end))))["overrides"]
    except RefusedError as error:
        pulled.note(schedule.name, f"PagerDuty refuses to show the overrides of this schedule ({error}).")
        return []
    overrides = []
    for one in listed:
        user = one.get("user") or {}
        person = people.person(str(user.get("id") or ""), str(user.get("summary") or ""))
        id_ = str(one.get("id") or "")
        overrides.append(Override(schedule.id, instant(one["start"]), instant(one["end"]), person, id_))
    if not overlapping(overrides):
        return overrides
    reason = f"{len(overrides)} overrides overlap: taken as PagerDuty renders them, as {len(rendered)} spans."
    pulled.note(schedule.name, reason)
    return [Override(one.schedule, one.start, one.end, one.person) for one in rendered]


async def _read_shifts(ask: Ask, pulled: Pulled, people: People, schedule: Schedule, selection: Selection) -> None:
    """Read a schedule that is made of shifts (version 3): several people may be on call at once."""
    window = pulled.calendar.window
    since, until = _iso(window.start), _iso(window.end)
    path = f"/v3/schedules/{quote(schedule.id, safe='')}"
    asked = path_with(path, since=since, until=until, time_zone=schedule.zone or None, include=["final_schedule"])
    found = (await ask(asked))["schedule"]
    schedule = _schedule({"summary": schedule.name, "html_url": schedule.link, **found})
    if not _takes(pulled, selection, schedule):
        return
    shifts = (found.get("final_schedule") or {}).get("computed_shift_assignments")
    if shifts is None:
        pulled.refuse(schedule, "PagerDuty does not say who is on call.")
        return
    pulled.calendar.schedules.append(schedule)
    sources = {_source(shift) for shift in shifts}
    for shift in shifts:
        member = shift.get("member") or {}
        if not member.get("user_id"):
            continue  # a gap that somebody planned
        role = Role.OVERRIDE if _source(shift).endswith("_override") else Role.ON_CALL
        person = people.person(str(member["user_id"]))
        interval = Interval(schedule.id, person, role, instant(shift["start_time"]), instant(shift["end_time"]))
        _add(pulled, interval, schedule)
    if not shifts:
        pulled.note(schedule.name, "Nobody is on call in the whole window.")
    if "custom_shift" in sources and "schedule_rotation" in sources:
        pulled.note(
            schedule.name, "Single shifts stand beside its rotation: taken as on call, though some may be shadows."
        )
    offset, more = 0, True
    while more:
        page = await ask(path_with(f"{path}/overrides", since=since, until=until, limit=_PAGE, offset=offset))
        for one in page["overrides"]:
            _add_override_shift(pulled, people, schedule, one)
        more = bool(page.get("more") and page["overrides"])
        offset += _length(page)


def _source(shift: dict[str, Any]) -> str:
    return str((shift.get("source") or {}).get("type") or "")


def _add_override_shift(pulled: Pulled, people: People, schedule: Schedule, one: dict[str, Any]) -> None:
    member = one.get("overriding_member") or {}
    start, end = instant(one["start_time"]), instant(one["end_time"])
    if member.get("user_id"):
        person = people.person(str(member["user_id"]))
        pulled.overrides.append(Override(schedule.id, start, end, person, str(one["id"])))
    else:
        when = f"from {_iso(start)} to {_iso(end)}"
        pulled.note(schedule.name, f"An override leaves a shift empty {when}: Rootly needs a person.")


def _add(pulled: Pulled, interval: Interval, schedule: Schedule) -> None:
    if interval.end <= interval.start:
        pulled.note(schedule.name, f"A shift of {interval.person} ends where it begins, at {_iso(interval.start)}.")
        return
    pulled.calendar.intervals.append(interval)
