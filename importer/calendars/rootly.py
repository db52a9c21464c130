"""Reads Rootly's rendered calendar: its shifts. Source: its OpenAPI document."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from importer.calendars import (
    Ask,
    Calendar,
    Interval,
    ProgressCallback,
    Pulled,
    Role,
    Schedule,
    Selection,
    Window,
    instant,
    merge,
)
from importer.wording import iso_utc

_PAGE = 100


async def read_calendar(ask: Ask, window: Window, selection: Selection, progress: ProgressCallback) -> Pulled:
    """Read all wanted schedules and their shifts in the window: who is on call, overriding or shadowing.

    Raises:
        ImporterError: Rootly cannot be asked.
        RefusedError: it refuses one of its lists.
    """
    pulled = Pulled(Calendar("Rootly", window), stranger_reason="This user is not in Rootly's list of users.")
    for user in await pages(ask, "/v1/users?sort=created_at&"):
        attributes = user["attributes"]
        name = attributes.get("full_name") or attributes.get("name") or ""
        pulled.add_person(str(user["id"]), str(attributes.get("email") or ""), str(name))
        if attributes.get("email"):
            pulled.calendar.aliases[str(user["id"])] = str(attributes["email"]).strip().lower()
    listed = await pages(ask, "/v1/schedules?")
    for done, one in enumerate(listed, 1):
        attributes = one["attributes"]
        schedule = Schedule(
            str(one["id"]), str(attributes.get("name") or one["id"]), str(attributes.get("time_zone") or "")
        )
        pulled.listed.append(schedule)
        if not selection.takes(schedule, is_team_known=False):
            continue
        pulled.calendar.schedules.append(schedule)
        for shift in await shifts(ask, schedule.id, window):
            if shift["attributes"].get("user_id") is not None:
                person = pulled.person(str(shift["attributes"]["user_id"]))
                pulled.calendar.intervals.append(interval(shift, schedule.id, person))
        progress(done, len(listed), "schedules")
    pulled.calendar.intervals = merge(pulled.calendar.intervals, window)
    return pulled


async def shifts(ask: Ask, schedule_id: str, window: Window) -> list[dict[str, Any]]:
    """Return the shifts of a schedule that touch the window, as Rootly's objects."""
    begins, ends = iso_utc(window.start), iso_utc(window.end)
    path = f"/v1/schedules/{quote(schedule_id, safe='')}/shifts?from={quote(begins)}&to={quote(ends)}&"
    return await pages(ask, path)


def interval(shift: dict[str, Any], schedule_id: str, person: str) -> Interval:
    """Return a shift as an interval."""
    attributes = shift["attributes"]
    role = Role.OVERRIDE if attributes.get("is_override") else Role.ON_CALL
    role = Role.SHADOW if attributes.get("is_shadow") else role
    return Interval(schedule_id, person, role, instant(attributes["starts_at"]), instant(attributes["ends_at"]))


async def pages(ask: Ask, path: str) -> list[dict[str, Any]]:
    """Read a whole list, each object once; the page's number is appended to `path`."""
    found: dict[str, dict[str, Any]] = {}
    number: int | None = 1
    while number is not None:
        page = await ask(f"{path}page[number]={number}&page[size]={_PAGE}")
        fresh = {str(one["id"]): one for one in page["data"] if str(one["id"]) not in found}
        found |= fresh
        following = (page.get("meta") or {}).get("next_page")
        number = following if isinstance(following, int) and following > number and fresh else None
    return list(found.values())
