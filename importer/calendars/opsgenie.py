"""Opsgenie's calendar as Opsgenie renders it, and what its configuration backup holds. Source: its OpenAPI document.

The timeline knows rotations, overrides and forwarding rules. Rotations of one schedule run at the same time: everybody
who is on call in any of them is paged.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from importer.calendars.intervals import PAGED, Calendar, Interval, Role, Schedule, Window, merge
from importer.calendars.pulled import Override, People, Pulled, RefusedError, instant, path_with
from importer.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from importer.calendars.pulled import Ask, ProgressCallback, Selection

#: Requests a second where the account's own limits cannot be asked for (a team's key may not).
SLOW_RATE = 2.0
HEADERS = {"Accept": "application/json"}

_PAGE = 100
_DAY = 86_400
_BACKUP = "OpsGenieBackups"


def authorization(key: str) -> str:
    """Return the value of the header Authorization."""
    return f"GenieKey {key}"


async def read_rate(ask: Ask) -> float:
    """Return the requests a second that the account allows for configuration, which schedules belong to."""
    try:
        answer = await ask("/v2/request-limits/")
    except RefusedError:
        return SLOW_RATE
    found = [
        limit["limit"] / limit["periodInSeconds"]
        for domain in (answer.get("data") or {}).get("rateLimits") or []
        if str(domain.get("domain")).lower() in ("configuration", "search")
        for limit in domain.get("limits") or []
        if limit.get("limit", 0) > 0 and limit.get("periodInSeconds", 0) > 0
    ]
    return min(found, default=SLOW_RATE)


async def read_calendar(ask: Ask, window: Window, selection: Selection, progress: ProgressCallback) -> Pulled:
    """Read all wanted schedules, their timelines in the window, and their overrides.

    Raises:
        ImporterError: Opsgenie cannot be asked.
        RefusedError: it refuses one of its lists.
    """
    pulled = Pulled(Calendar("Opsgenie", window, roles=PAGED))
    people = _people(pulled)
    path: str | None = path_with("/v2/users", limit=_PAGE, offset=0)
    while path:
        page = await ask(path)
        _add_users(people, page["data"])
        path = (page.get("paging") or {}).get("next")
    listed = (await ask("/v2/schedules?expand=rotation"))["data"]
    wanted = _wanted(pulled, listed, selection)
    for done, one in enumerate(wanted, 1):
        schedule = _schedule(one)
        try:
            await _read_schedule(ask, pulled, people, schedule, window)
        except RefusedError as error:
            pulled.note(schedule.name, f"Opsgenie refuses to show this schedule ({error}).")
        progress(done, len(wanted), "schedules")
    pulled.note("Opsgenie", f"Schedules seen: {pulled.seen}. A team's key sees only the schedules of its team.")
    pulled.calendar.intervals = merge(pulled.calendar.intervals, window)
    return pulled


def _people(pulled: Pulled) -> People:
    return People(
        pulled.calendar,
        lambda id_, name: pulled.note(name or id_, "This user is not in Opsgenie's list of users: deleted, perhaps."),
    )


def _add_users(people: People, users: Iterable[dict[str, Any]]) -> None:
    for user in users:
        people.add(str(user["id"]), str(user.get("username") or ""), str(user.get("fullName") or ""))


def _wanted(pulled: Pulled, listed: list[dict[str, Any]], selection: Selection) -> list[dict[str, Any]]:
    pulled.seen = len(listed)
    wanted = []
    for one in listed:
        schedule = _schedule(one)
        if not selection.takes(schedule):
            pulled.note(schedule.name, "Left out: the options do not select it.")
        elif not schedule.is_enabled:
            pulled.note(schedule.name, "Left out: it is disabled in Opsgenie.")
        elif not one.get("rotations"):
            pulled.note(schedule.name, "Left out: it has no rotations; every new team gets such an empty schedule.")
        else:
            wanted.append(one)
    return wanted


def _schedule(listed: dict[str, Any]) -> Schedule:
    team = str((listed.get("ownerTeam") or {}).get("name") or "")
    link = f"https://app.opsgenie.com/schedule#/{listed['id']}"
    zone, is_enabled = str(listed.get("timezone") or ""), listed.get("enabled") is not False
    return Schedule(
        str(listed["id"]), str(listed.get("name") or listed["id"]), zone, team, link, "OPSGENIE", is_enabled
    )


async def _read_schedule(ask: Ask, pulled: Pulled, people: People, schedule: Schedule, window: Window) -> None:
    path = f"/v2/schedules/{quote(schedule.id, safe='')}"
    pulled.calendar.schedules.append(schedule)
    days = -((window.start - window.end) // _DAY)
    date = datetime.fromtimestamp(window.start, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    asked = path_with(
        f"{path}/timeline",
        identifierType="id",
        date=date,
        interval=days,
        intervalUnit="days",
        expand="base,forwarding,override",
    )
    timeline = (await ask(asked))["data"]
    begins, ends = timeline.get("startDate"), timeline.get("endDate")
    if begins and ends and (instant(begins) > window.start or instant(ends) < window.end):
        pulled.calendar.covers[schedule.id] = Window(instant(begins), instant(ends))
    for rotation in (timeline.get("finalTimeline") or {}).get("rotations") or []:
        for period in rotation.get("periods") or []:
            _add_period(pulled, people, schedule, str(rotation.get("name") or ""), period)
    overrides = await ask(path_with(f"{path}/overrides", scheduleIdentifierType="id"))
    for one in overrides["data"]:
        _add_override(pulled, people, schedule, window, one)


def _add_period(pulled: Pulled, people: People, schedule: Schedule, rotation: str, period: dict[str, Any]) -> None:
    recipients = period.get("flattenedRecipients") or [period.get("recipient") or {}]
    start, end = instant(period["startDate"]), instant(period["endDate"])
    for recipient in recipients:
        kind = str(recipient.get("type") or "none")
        if kind == "none":
            continue
        if kind != "user":
            name = recipient.get("name") or recipient.get("id")
            pulled.note(schedule.name, f"In rotation {rotation!r} the {kind} {name!r} is on call: no single person.")
            continue
        role = Role.OVERRIDE if period.get("type") in ("override", "forwarding") else Role.ON_CALL
        if period.get("type") == "forwarding" and period.get("fromUser"):
            reason = f"Until {period['endDate']} a forwarding rule of {period['fromUser']} puts somebody else on call."
            pulled.note(schedule.name, reason)
        person = _person(people, recipient)
        if end > start:
            pulled.calendar.intervals.append(Interval(schedule.id, person, role, start, end))


def _person(people: People, recipient: dict[str, Any]) -> str:
    name = str(recipient.get("username") or recipient.get("name") or "")
    return people.person(str(recipient.get("id") or name), name)


def _add_override(pulled: Pulled, people: People, schedule: Schedule, window: Window, one: dict[str, Any]) -> None:
    start, end = instant(one["startDate"]), instant(one["endDate"])
    alias = str(one.get("alias") or "")
    if end <= window.start or start >= window.end:
        return  # the list has all that ever were
    user = one.get("user") or {}
    if user.get("type") != "user":
        pulled.note(schedule.name, f"Override {alias!r} puts nobody on call: Rootly needs a person.")
        return
    rotations = [str(rotation.get("name") or rotation.get("id")) for rotation in one.get("rotations") or []]
    if rotations:
        reason = f"Override {alias!r} is of the rotations {', '.join(rotations)} only; Rootly has it for the schedule."
        pulled.note(schedule.name, reason)
    pulled.overrides.append(Override(schedule.id, start, end, _person(people, user), alias))


def read_backup(folder: Path, window: Window, selection: Selection) -> Pulled:
    """Read what a configuration backup holds: schedules and people. It has neither overrides nor a timeline.

    Raises:
        SourceError: it is no backup, or a file of it cannot be read.
    """
    root = folder / _BACKUP if (folder / _BACKUP).is_dir() else folder
    if not (root / "schedules").is_dir():
        raise SourceError(
            f"{folder} is no Opsgenie backup: it has no folder schedules",
            hint="Name the folder OpsGenieBackups, or the one that it stands in.",
        )
    pulled = Pulled(Calendar(f"the backup {folder.name}", window, roles=PAGED))
    people = _people(pulled)
    _add_users(people, [content["user"] for content in _objects(root / "users", "user")])
    listed = sorted((content["schedule"] for content in _objects(root / "schedules", "schedule")), key=_name_and_id)
    teams = {str(content["team"].get("id")) for content in _objects(root / "teams", "team")}
    for one in _wanted(pulled, listed, selection):
        schedule = _schedule(one)
        pulled.calendar.schedules.append(schedule)
        pulled.calendar.covers[schedule.id] = Window(window.start, window.start)  # nothing is known of who is on call
        team = one.get("ownerTeam") or {}
        if team and str(team.get("id")) not in teams:
            pulled.note(schedule.name, f"Its team {team.get('name')!r} is not in the backup: a file may be missing.")
        for rotation in one["rotations"]:
            for participant in rotation.get("participants") or []:
                if participant.get("type") == "user":
                    _person(people, participant)
    pulled.note(folder.name, "A backup holds no overrides and no timeline: read the API to have them.")
    return pulled


def _name_and_id(schedule: dict[str, Any]) -> tuple[str, str]:
    return str(schedule.get("name") or ""), str(schedule.get("id") or "")


def _objects(folder: Path, what: str) -> Iterator[dict[str, Any]]:
    """Read one object a file; its own id counts, never the file's name."""
    if not folder.is_dir():  # version control drops empty folders
        return
    for path in sorted(folder.glob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(content[what]["id"], str):
                raise TypeError
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise SourceError(
                f"{path} holds no {what} of an Opsgenie backup", hint="Make the backup again, or remove the file."
            ) from error
        yield content
