"""Reads PagerDuty's calendar, both kinds of schedules, as PagerDuty renders it. Source: its OpenAPI document.

Rendered entries say who was promised to be on call; layers and rotations are not computed here. Schedules made of
layers are in /schedules, those made of shifts in /v3/schedules, and neither list has the other's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from string import ascii_lowercase, digits
from typing import Any
from urllib.parse import quote

from importer.calendars import (
    Ask,
    Interval,
    ProgressCallback,
    Pulled,
    RefusedError,
    Role,
    Schedule,
    Selection,
    Window,
    instant,
    mark_overrides,
    overlapping,
    path_with,
)
from importer.wording import iso_utc

#: Requests a second that a key may make: 960 a minute.
RATE = 16.0
HEADERS = {"Accept": "application/vnd.pagerduty+json;version=2", "Content-Type": "application/json"}

#: Questions that show whether a key may read everything that a pull needs.
PROBES = ("/users?limit=1", "/schedules?limit=1", "/v3/schedules?limit=1")

_PAGE = 100
_CAP = 10_000  # offset + limit above this is refused with 400
_PARTS = ascii_lowercase + digits


def authorization(token: str) -> str:
    """Return the value of the Authorization header."""
    return f"Token token={token}"


async def read_calendar(ask: Ask, window: Window, selection: Selection, progress: ProgressCallback) -> Pulled:
    """Read all wanted schedules, what is rendered of them in the window, and their overrides.

    Raises:
        ImporterError: PagerDuty cannot be asked.
        RefusedError: it refuses one of its lists.
    """
    why = "This user is not in PagerDuty's list of users: deleted, or not visible to the key."
    pulled = Pulled.of_pages("PagerDuty", window, why)
    for user in await _list(ask, pulled, "/users", "users"):
        name = user.get("name") or user.get("summary") or ""
        pulled.add_person(str(user["id"]), str(user.get("email") or ""), str(name))
    layered = {str(one["id"]): _schedule(one) for one in await _list(ask, pulled, "/schedules", "schedules")}
    shifted = {str(one["id"]): _schedule(one) for one in await _list(ask, pulled, "/v3/schedules", "schedules")}
    pulled.listed = [*layered.values(), *(one for id_, one in shifted.items() if id_ not in layered)]
    reader = _PagerDutyReader(ask, pulled, selection, layered.keys())
    wanted = [one for one in pulled.listed if reader.takes(one, is_team_known=one.id in layered)]
    await pulled.read_each(wanted, reader.read, progress)
    return pulled


async def _list(ask: Ask, pulled: Pulled, path: str, what: str) -> list[dict[str, Any]]:
    """Read a whole list, each object once. PagerDuty refuses to go beyond 10,000: then the list is read in parts.

    A part is the result of a search for one letter or digit in names.
    """
    found: dict[str, dict[str, Any]] = {}
    if await _read_pages(ask, path, what, found):
        return list(found.values())
    total = (await ask(path_with(path, limit=1, offset=0, total="true"))).get("total")
    for first in _PARTS:
        if isinstance(total, int) and len(found) >= total:
            break
        if not await _read_pages(ask, path, what, found, query=first):
            for second in _PARTS:
                if not await _read_pages(ask, path, what, found, query=first + second):
                    raise RefusedError(400, f"{path} holds more than {_CAP:,} entries that contain {first + second!r}")
    if not isinstance(total, int) or len(found) < total:
        number = f"{len(found):,} of {total:,}" if isinstance(total, int) else f"{len(found):,}"
        reason = (
            f"PagerDuty shows no more than {_CAP:,} of a list; {number} were found by searching for letters and digits."
        )
        pulled.note(f"The list of {what}", reason)
    return list(found.values())


async def _read_pages(ask: Ask, path: str, what: str, found: dict[str, dict[str, Any]], **asked: str) -> bool:
    """Read pages into `found`; return False if the list is longer than PagerDuty shows."""
    offset = 0
    while offset + _PAGE <= _CAP:
        page = await ask(path_with(path, limit=_PAGE, offset=offset, **asked))
        for one in page[what]:
            found.setdefault(str(one["id"]), one)
        if not page.get("more") or not page[what]:
            return True
        limit = page.get("limit")  # the effective one can be smaller
        offset += limit if isinstance(limit, int) and 0 < limit < _PAGE else _PAGE
    return False


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


class _PagerDutyReader:
    """Reads schedules of both kinds into a `Pulled`; `layered` has the ids of those made of layers."""

    def __init__(self, ask: Ask, pulled: Pulled, selection: Selection, layered: Collection[str]) -> None:
        self._ask = ask
        self._pulled = pulled
        self._selection = selection
        self._layered = layered
        window = pulled.calendar.window
        self._span = {"since": iso_utc(window.start), "until": iso_utc(window.end)}

    def takes(self, schedule: Schedule, *, is_team_known: bool = True) -> bool:
        """Return whether a schedule is wanted; note it if it is not."""
        is_taken = self._selection.takes(schedule, is_team_known=is_team_known)
        if not is_taken:
            self._pulled.leave_out(schedule)
        return is_taken

    async def read(self, schedule: Schedule) -> None:
        """Read a schedule; if PagerDuty says that it is of the other kind, as that one: it can have been upgraded."""
        first, second = self._read_layers, self._read_shifts
        if schedule.id not in self._layered:
            first, second = second, first
        try:
            await first(schedule)
        except RefusedError as refused:
            if refused.status not in (400, 404):
                raise
            try:
                await second(schedule)
            except RefusedError as error:
                raise refused if error.status in (400, 404) else error from None

    async def _read_layers(self, schedule: Schedule) -> None:
        """Read a schedule made of layers, in its own zone, because the key's user may have another one."""
        path = f"/schedules/{quote(schedule.id, safe='')}"
        asked = path_with(path, **self._span, time_zone=schedule.zone or None, overflow="false")
        found = (await self._ask(asked))["schedule"]
        schedule = _schedule({"html_url": schedule.link, **found})
        if not self.takes(schedule):
            return
        final = found.get("final_schedule")
        if not final or final.get("rendered_schedule_entries") is None:
            self._pulled.refuse(schedule, "PagerDuty does not say who is on call.")
            return
        self._pulled.calendar.schedules.append(schedule)
        self._note_deleted(schedule, found)
        intervals = self._rendered(schedule, final)
        rendered = self._rendered(schedule, found.get("overrides_subschedule") or {})
        overrides = await self._overrides_of_layers(path, schedule, rendered)
        self._pulled.overrides.extend(overrides)
        for interval in mark_overrides(intervals, rendered or overrides):
            self._add(interval, schedule)

    def _rendered(self, schedule: Schedule, part: dict[str, Any]) -> list[Interval]:
        """Return the entries of a rendered part of a schedule, without those that have no person."""
        intervals = []
        for entry in part.get("rendered_schedule_entries") or []:
            if entry.get("user"):
                end = instant(entry["end"]) if entry.get("end") else self._pulled.calendar.window.end
                person = self._person(entry["user"])
                intervals.append(Interval(schedule.id, person, Role.ON_CALL, instant(entry["start"]), end))
        return intervals

    def _person(self, user: dict[str, Any]) -> str:
        return self._pulled.person(str(user.get("id") or ""), str(user.get("summary") or ""))

    def _note_deleted(self, schedule: Schedule, found: dict[str, Any]) -> None:
        """Note people who left and still have turns; an edited layer stays, ended, beside the new one."""
        for layer in found.get("schedule_layers") or []:
            if layer.get("end") and instant(layer["end"]) <= self._pulled.calendar.window.start:
                continue
            for place in layer.get("users") or []:
                user = place.get("user") or place
                if user.get("deleted_at") or place.get("deleted_at"):
                    reason = f"This user is deleted, but still has a turn in layer {layer.get('name')!r}."
                    self._pulled.note(f"{user.get('summary') or user.get('id')} in {schedule.name}", reason)

    async def _overrides_of_layers(self, path: str, schedule: Schedule, rendered: Sequence[Interval]) -> list[Interval]:
        """Return the overrides in the window: each with its id, or as rendered if some overlap."""
        answer = await self._pulled.read_overrides(self._ask, path_with(f"{path}/overrides", **self._span), schedule)
        overrides = []
        for one in (answer or {"overrides": []})["overrides"]:
            person, id_ = self._person(one.get("user") or {}), str(one.get("id") or "")
            start, end = instant(one["start"]), instant(one["end"])
            overrides.append(Interval(schedule.id, person, Role.OVERRIDE, start, end, id_))
        if not overlapping(overrides):
            return overrides
        reason = f"{len(overrides)} overrides overlap: taken as PagerDuty renders them, as {len(rendered)} spans."
        self._pulled.note(schedule.name, reason)
        return [one._replace(role=Role.OVERRIDE) for one in rendered]

    async def _read_shifts(self, schedule: Schedule) -> None:
        """Read a schedule made of shifts (version 3): several people may be on call at once."""
        path = f"/v3/schedules/{quote(schedule.id, safe='')}"
        whole = {"include[]": "final_schedule"}
        asked = path_with(path, **self._span, time_zone=schedule.zone or None, **whole)
        found = (await self._ask(asked))["schedule"]
        schedule = _schedule({"summary": schedule.name, "html_url": schedule.link, **found})
        if not self.takes(schedule):
            return
        shifts = (found.get("final_schedule") or {}).get("computed_shift_assignments")
        if shifts is None:
            self._pulled.refuse(schedule, "PagerDuty does not say who is on call.")
            return
        self._pulled.calendar.schedules.append(schedule)
        sources = [str((shift.get("source") or {}).get("type") or "") for shift in shifts]
        for shift, source in zip(shifts, sources, strict=True):
            member = shift.get("member") or {}
            if not member.get("user_id"):
                continue  # a planned gap
            role = Role.OVERRIDE if source.endswith("_override") else Role.ON_CALL
            person = self._pulled.person(str(member["user_id"]))
            start, end = instant(shift["start_time"]), instant(shift["end_time"])
            self._add(Interval(schedule.id, person, role, start, end), schedule)
        if {"custom_shift", "schedule_rotation"} <= set(sources):
            reason = (
                "There are single shifts beside its rotation: they are taken as on call, though some may be shadows."
            )
            self._pulled.note(schedule.name, reason)
        found = {}
        if not await _read_pages(self._ask, f"{path}/overrides", "overrides", found, **self._span):
            raise RefusedError(400, f"{path}/overrides holds more than {_CAP:,} entries")
        for one in found.values():
            self._add_override_shift(schedule, one)

    def _add_override_shift(self, schedule: Schedule, one: dict[str, Any]) -> None:
        member = one.get("overriding_member") or {}
        start, end = instant(one["start_time"]), instant(one["end_time"])
        if member.get("user_id"):
            person = self._pulled.person(str(member["user_id"]))
            self._pulled.overrides.append(Interval(schedule.id, person, Role.OVERRIDE, start, end, str(one["id"])))
        else:
            when = f"from {iso_utc(start)} to {iso_utc(end)}"
            self._pulled.note(schedule.name, f"An override leaves a shift empty {when}: Rootly needs a person.")

    def _add(self, interval: Interval, schedule: Schedule) -> None:
        if interval.end > interval.start:
            self._pulled.calendar.intervals.append(interval)
            return
        reason = f"A shift of {interval.person} ends where it begins, at {iso_utc(interval.start)}."
        self._pulled.note(schedule.name, reason)
