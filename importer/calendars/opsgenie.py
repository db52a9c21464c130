"""Reads Opsgenie's calendar as Opsgenie renders it, and its configuration backup. Source: its OpenAPI document.

The timeline includes rotations, overrides and forwarding rules. Rotations of one schedule run at the same time:
everybody who is on call in any of them is paged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qs, quote, urlsplit
from zipfile import BadZipFile, ZipFile

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
    path_with,
)
from importer.errors import SourceError
from importer.wording import iso_utc

#: Requests a second if the account's own limits cannot be read (a team's key may not).
SLOW_RATE = 2.0
#: What to do if a key is refused. Accounts end one by one, so a key can stop working from one day to the next.
KEY_HINT = (
    "Check the key, and that it belongs to the region of the base URL. Opsgenie's API ends with the account: on "
    "2027-04-05, or 120 days after the account moved to Jira Service Management."
)
HEADERS = {"Accept": "application/json"}

#: Questions that show whether a key may read everything that a pull needs.
PROBES = ("/v2/schedules", "/v2/users?limit=1")

_STRANGER = "This user is not in Opsgenie's list of users: deleted, perhaps."
_PAGE = 100
_DAY = 86_400
_BACKUP = "OpsGenieBackups"
_LARGEST = 1 << 28  # bytes that a zipped backup may unpack to


def authorization(key: str) -> str:
    """Return the value of the Authorization header."""
    return f"GenieKey {key}"


async def read_rates(ask: Ask) -> tuple[float, float]:
    """Return the requests a second that are allowed for schedules, and for users: each has a budget of its own."""
    try:
        answer = await ask("/v2/request-limits/")
    except RefusedError:
        return SLOW_RATE, SLOW_RATE
    found: dict[str, list[float]] = {}
    for domain in (answer.get("data") or {}).get("rateLimits") or []:
        for limit in domain.get("limits") or []:
            if limit.get("limit", 0) > 0 and limit.get("periodInSeconds", 0) > 0:
                rate = limit["limit"] / limit["periodInSeconds"]
                found.setdefault(str(domain.get("domain")).lower(), []).append(rate)
    return min(found.get("configuration", [SLOW_RATE])), min(found.get("search", [SLOW_RATE]))


def is_search(path: str) -> bool:
    """Return whether a question counts against the limit of searches, as the list of users does."""
    return path.startswith("/v2/users")


async def read_calendar(ask: Ask, window: Window, selection: Selection, progress: ProgressCallback) -> Pulled:
    """Read all wanted schedules, their timelines in the window, and their overrides.

    Raises:
        ImporterError: Opsgenie cannot be asked.
        RefusedError: it refuses its list of schedules.
    """
    pulled = Pulled.of_pages("Opsgenie", window, _STRANGER)
    try:
        await _read_users(ask, pulled)
    except RefusedError as error:
        if error.status != 403:  # a team's key may not see it
            raise
        pulled.note("Opsgenie", f"It refuses its list of users ({error}): people are named as schedules name them.")
    listed = (await ask("/v2/schedules?expand=rotation"))["data"]
    wanted = [schedule for schedule, _ in _wanted(pulled, listed, selection)]
    await pulled.read_each(wanted, lambda schedule: _read_schedule(ask, pulled, schedule), progress)
    number = len(pulled.listed)
    pulled.note("Opsgenie", f"Schedules seen: {number:,}. A team's key sees only the schedules of its team.")
    return pulled


async def _read_users(ask: Ask, pulled: Pulled) -> None:
    """Read the list of users in pages. The next page's offset is taken from its link, but the link is not followed."""
    offset, following = -1, 0
    while following > offset:
        offset = following
        page = await ask(path_with("/v2/users", limit=_PAGE, offset=offset))
        _add_users(pulled, page["data"])
        link = str((page.get("paging") or {}).get("next") or "")
        begins = parse_qs(urlsplit(link).query).get("offset", [""])[0]
        following = int(begins) if begins.isdecimal() else offset + len(page["data"]) if link else offset


def _add_users(pulled: Pulled, users: Iterable[dict[str, Any]]) -> None:
    for user in users:
        pulled.add_person(str(user["id"]), str(user.get("username") or ""), str(user.get("fullName") or ""))


def _wanted(
    pulled: Pulled, listed: list[dict[str, Any]], selection: Selection
) -> list[tuple[Schedule, dict[str, Any]]]:
    wanted = []
    for one in listed:
        schedule = _schedule(one)
        pulled.listed.append(schedule)
        if not selection.takes(schedule):
            pulled.leave_out(schedule)
        elif not schedule.is_enabled:
            pulled.leave_out(schedule, "it is disabled in Opsgenie")
        elif not one.get("rotations"):
            pulled.leave_out(schedule, "it has no rotations; every new team gets such an empty schedule")
        else:
            wanted.append((schedule, one))
    return wanted


def _schedule(listed: dict[str, Any]) -> Schedule:
    owner = listed.get("ownerTeam") or {}
    team = str(owner.get("name") or "")
    teams = tuple(str(owner[key]) for key in ("id", "name") if owner.get(key))
    link = f"https://app.opsgenie.com/schedule#/{listed['id']}"
    name, zone = str(listed.get("name") or listed["id"]), str(listed.get("timezone") or "")
    is_enabled = listed.get("enabled") is not False
    return Schedule(str(listed["id"]), name, zone, team, link, "OPSGENIE", is_enabled, teams)


async def _read_schedule(ask: Ask, pulled: Pulled, schedule: Schedule) -> None:
    path = f"/v2/schedules/{quote(schedule.id, safe='')}"
    window = pulled.calendar.window
    days = -((window.start - window.end) // _DAY)
    asked = path_with(
        f"{path}/timeline",
        identifierType="id",
        date=iso_utc(window.start),
        interval=days,
        intervalUnit="days",
        expand="base,forwarding,override",
    )
    timeline = (await ask(asked))["data"]
    rotations = (timeline.get("finalTimeline") or {}).get("rotations")
    if rotations is None:
        pulled.refuse(schedule, "Opsgenie does not say who is on call.")
        return
    pulled.calendar.schedules.append(schedule)
    begins, ends = timeline.get("startDate"), timeline.get("endDate")
    if begins and ends and (instant(begins) > window.start or instant(ends) < window.end):
        pulled.calendar.covers[schedule.id] = Window(instant(begins), instant(ends))
        pulled.note(schedule.name, f"Opsgenie says who is on call from {begins} to {ends} only.")
    for rotation in rotations:
        for period in rotation.get("periods") or []:
            _add_period(pulled, schedule, str(rotation.get("name") or ""), period)
    asked = path_with(f"{path}/overrides", scheduleIdentifierType="id")
    overrides = await pulled.read_overrides(ask, asked, schedule)
    for one in overrides["data"] if overrides else ():
        _add_override(pulled, schedule, one)


def _add_period(pulled: Pulled, schedule: Schedule, rotation: str, period: dict[str, Any]) -> None:
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
        person = _person(pulled, recipient)
        if end > start:
            pulled.calendar.intervals.append(Interval(schedule.id, person, role, start, end))


def _person(pulled: Pulled, recipient: dict[str, Any]) -> str:
    name = str(recipient.get("username") or recipient.get("name") or "")
    return pulled.person(str(recipient.get("id") or name), name)


def _add_override(pulled: Pulled, schedule: Schedule, one: dict[str, Any]) -> None:
    window = pulled.calendar.window
    start, end = instant(one["startDate"]), instant(one["endDate"])
    alias = str(one.get("alias") or "")
    if end <= window.start or start >= window.end:
        return  # the list has all overrides that ever were
    user = one.get("user") or {}
    if user.get("type") != "user":
        pulled.note(schedule.name, f"Override {alias!r} puts nobody on call: Rootly needs a person.")
        return
    rotations = [str(rotation.get("name") or rotation.get("id")) for rotation in one.get("rotations") or []]
    if rotations:
        reason = f"Override {alias!r} is for {', '.join(rotations)} only; in Rootly it is for the whole schedule."
        pulled.note(schedule.name, reason)
    pulled.overrides.append(Interval(schedule.id, _person(pulled, user), Role.OVERRIDE, start, end, alias))


def read_backup(path: Path, window: Window, selection: Selection) -> Pulled:
    """Read the schedules and people in a configuration backup. It has neither overrides nor a timeline.

    `path` is its folder, or a zip archive of it.

    Raises:
        SourceError: it is not a backup, or one of its files cannot be read.
    """
    files = _files(path)
    pulled = Pulled.of_pages(f"the backup {path.name}", window, _STRANGER)
    _add_users(pulled, [content["user"] for content in _objects(files, "user")])
    listed = sorted(
        (content["schedule"] for content in _objects(files, "schedule")),
        key=lambda one: (str(one.get("name") or ""), str(one.get("id") or "")),
    )
    teams = {str(content["team"].get("id")) for content in _objects(files, "team")}
    for schedule, one in _wanted(pulled, listed, selection):
        pulled.calendar.schedules.append(schedule)
        pulled.calendar.covers[schedule.id] = Window(window.start, window.start)  # it is unknown who is on call
        team = one.get("ownerTeam") or {}
        if team and str(team.get("id")) not in teams:
            pulled.note(schedule.name, f"Its team {team.get('name')!r} is not in the backup: a file may be missing.")
        for rotation in one["rotations"]:
            for participant in rotation.get("participants") or []:
                if participant.get("type") == "user":
                    _person(pulled, participant)
    pulled.note(path.name, "A backup holds no overrides and no timeline: read the API to have them.")
    return pulled


#: The files of a backup, by the folder that they stand in: how to call one, and how to read it.
_Files: TypeAlias = "dict[str, list[tuple[str, Callable[[], bytes]]]]"


def _files(path: Path) -> _Files:
    """Find the files of a backup in its folder, or in a zip archive of it."""
    found: list[tuple[str, str, Callable[[], bytes]]]
    if path.is_file():
        try:
            archive = ZipFile(path)
            entries = sorted(archive.infolist(), key=lambda one: one.filename)
        except (OSError, BadZipFile, ValueError) as error:
            raise _no_backup(path) from error
        if sum(one.file_size for one in entries) > _LARGEST:
            raise _no_backup(path)
        found = [(one.filename, f"{one.filename} in {path}", partial(archive.read, one)) for one in entries]
    else:
        if not is_backup(path):
            raise _no_backup(path)
        root = _root_of(path)
        found = [(one.as_posix(), str(one), one.read_bytes) for one in sorted(root.glob("*/*.json"))]
    files: _Files = {"users": [], "schedules": [], "teams": []}  # version control drops empty folders
    for filename, shown, read in found:
        *_, folder, name = ("", *filename.split("/"))
        if folder in files and name.endswith(".json"):
            files[folder].append((shown, read))
    if path.is_file() and not files["schedules"]:
        raise _no_backup(path)
    return files


def is_backup(folder: Path) -> bool:
    """Return whether a folder is a backup, or the folder around one."""
    return (_root_of(folder) / "schedules").is_dir()


def _root_of(folder: Path) -> Path:
    return folder / _BACKUP if (folder / _BACKUP).is_dir() else folder


def _no_backup(path: Path) -> SourceError:
    hint = "Name the folder OpsGenieBackups, the one that contains it, or a zip of it."
    return SourceError(f"{path} is not an Opsgenie backup: it has no folder schedules", hint=hint)


def _objects(files: _Files, what: str) -> Iterator[dict[str, Any]]:
    """Read one object a file; its own id counts, never the file's name."""
    for name, read in files[f"{what}s"]:
        try:
            content = json.loads(read())
            if not isinstance(content[what]["id"], str):
                raise TypeError
        except (OSError, BadZipFile, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise SourceError(
                f"{name} holds no {what} of an Opsgenie backup", hint="Make the backup again, or remove the file."
            ) from error
        yield content
