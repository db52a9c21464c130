"""Another system's schedules, overrides and shadows into a workbook in our columns. Sends nothing, prints nothing.

ask or open --> rendered intervals --> sheets --> one file, whole or not at all
"""

from __future__ import annotations

import csv
import os
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from importer.calendars import ical, opsgenie, pagerduty, rootly
from importer.calendars.intervals import Calendar, Interval, Schedule, Window, local_time
from importer.calendars.pulled import Override, Pulled, RefusedError, Selection, overlapping
from importer.delivery.source_api import SourceApi, open_source_api
from importer.errors import SettingsError, SourceError, TargetError, UsageError
from importer.normalizer.times.zones import read_zone
from importer.notice import Notice
from importer.records import ID_PATTERN
from importer.reporter.pulled_tables import Table, write_tables
from importer.session.endpoints import connect_source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

    import anyio

    from importer.calendars.pulled import ProgressCallback
    from importer.session.control import RunControl
    from importer.settings import Settings

#: The systems that are read through their APIs.
APIS = {
    "pagerduty": SourceApi("PagerDuty", pagerduty.RATE, pagerduty.HEADERS, pagerduty.authorization),
    "opsgenie": SourceApi("Opsgenie", opsgenie.SLOW_RATE, opsgenie.HEADERS, opsgenie.authorization),
}
SYSTEMS = ("pagerduty", "opsgenie", "ical")
_READERS = {"pagerduty": pagerduty.read_calendar, "opsgenie": opsgenie.read_calendar}
_DEFAULT_DAYS = 28
_LONGEST_DAYS = 366
_LARGEST_FEED = 1 << 16  # bytes of a file that holds an address
_ADDRESS = re.compile(r"(?:https|webcals?)://[!-~]+")

SCHEDULES = ("third_party_provider", "remote_id", "name", "team", "time zone of the schedule", "link")
OVERRIDES = ("schedule_id", "user_id", "starts_at", "ends_at", "override")
SHADOWS = ("schedule_id", "shadowable_type", "shadowable_id", "shadow_user_id", "starts_at", "ends_at")
#: Headers that no column of ours has, so that the sheet is never taken for a source.
ON_CALL = ("calendar", "calendar name", "who", "full name", "does", "on (UTC)", "off (UTC)", "on (local)")
WINDOW = "The window that was pulled"  #: the subject of the note that says from when to when
NOTES = ("about", "why it was not taken, or what to look at")


@dataclass(frozen=True, slots=True)
class PullOptions:
    """What a pull is about, beyond the settings."""

    begins: str = ""  #: a date or date-time; empty: today
    ends: str = ""  #: empty: 28 days later
    selection: Selection = Selection()
    shadow_of: tuple[str, ...] = ()  #: `SHADOW=PRIMARY`, each a schedule's id or exact name
    pairs: Path | None = None  #: CSV of two columns: a name in the system, the name in Rootly
    feed_env: str = ""  #: the variable that holds a feed's address
    feed_file: Path | None = None  #: the file that holds a feed's address, or the calendar itself
    backup: Path | None = None  #: a folder that Opsgenie's configuration backup wrote
    pattern: str = ""  #: finds the person in an event's summary: a regular expression with the group `person`
    is_replaced: bool = False  #: replace a file that is there


class PullResult(NamedTuple):
    """What a pull came to."""

    files: list[Path]
    counts: dict[str, int]  #: rows of each sheet
    notes: list[tuple[str, str]]
    label: str


async def pull(
    system: str, output: Path, options: PullOptions, settings: Settings, control: RunControl, progress: ProgressCallback
) -> PullResult:
    """Read a system and write what it holds; nothing is written unless all of it was read.

    Raises:
        ImporterError: the system cannot be read, an option is wrong, or the file cannot be written.
    """
    window = read_window(options.begins, options.ends, settings.timezone)
    pairs = read_pairs(options.pairs)
    pulled = await read_system(system, options, window, settings, control, progress)
    tables = make_tables(pulled, pairs, options.shadow_of)
    files = write_tables(output, tables, is_replaced=options.is_replaced)
    counts = {table.name: len(table.rows) for table in tables}
    notes = [(note.subject, note.reason) for note in pulled.calendar.notes]
    return PullResult(files, counts, notes, pulled.calendar.label)


def read_window(begins: str, ends: str, zone: str | None, *, today: date | None = None) -> Window:
    """Return the window between two dates or date-times; a date is its midnight in `zone`, UTC where that is None.

    Raises:
        UsageError: one cannot be read, or they are in the wrong order or too far apart.
    """
    found = read_zone(zone) if zone else None
    home: tzinfo = found if isinstance(found, ZoneInfo) else UTC
    start = _read_moment("--from", begins, home) or datetime.combine(today or datetime.now(home).date(), time(), home)
    end = _read_moment("--to", ends, home) or start + timedelta(days=_DEFAULT_DAYS)
    if end <= start:
        raise UsageError(f"--to {ends} is not after --from {begins or start.date()}", hint="Give a later --to.")
    if end - start > timedelta(days=_LONGEST_DAYS):
        raise UsageError(f"from {start.date()} to {end.date()} is more than a year", hint="Choose a shorter window.")
    return Window(int(start.timestamp()), int(end.timestamp()))


def _read_moment(option: str, text: str, home: tzinfo) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text} is no date", hint="Write it as 2027-01-31, or 2027-01-31T09:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=home)


def read_pairs(path: Path | None) -> dict[str, str]:
    """Read a CSV of two columns: a name or e-mail address here, and the one in the other system.

    Raises:
        SourceError: it cannot be read, or a line has another number of columns.
    """
    if path is None:
        return {}
    hint = "Write two columns: the name in the system that is left, the name in Rootly."
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, strict=True))
    except (OSError, ValueError, csv.Error) as error:
        raise SourceError(f"{path} cannot be read: {error}", hint=hint) from error
    pairs: dict[str, str] = {}
    for number, row in enumerate(rows, 1):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if len(cells) != 2 or not all(cells):
            raise SourceError(f"line {number} of {path} has not two filled cells", hint=hint)
        if pairs.get(cells[0], cells[1]) != cells[1]:
            raise SourceError(f"line {number} of {path} gives {cells[0]!r} another partner than before", hint=hint)
        pairs[cells[0]] = cells[1]
    return pairs


# ---- one system


async def read_system(
    system: str,
    options: PullOptions,
    window: Window,
    settings: Settings,
    control: RunControl,
    progress: ProgressCallback,
) -> Pulled:
    """Read a system by its name: `pagerduty`, `opsgenie`, `rootly`, `ical`, or the path of a calendar or backup.

    Raises:
        ImporterError: it cannot be read, or there is no such system.
    """
    name = system.strip().removesuffix(":").lower()
    if name == "rootly":
        return await _read_api(name, window, options.selection, settings, control, progress)
    if name in APIS and not (name == "opsgenie" and options.backup):
        return await _read_api(name, window, options.selection, settings, control, progress)
    path = options.backup or Path(system)
    if options.backup or path.is_dir():
        return opsgenie.read_backup(path, window, options.selection)
    if name == "ical" or path.is_file():
        content, label = await _read_feed(system, options, settings, control.interrupted)
        return ical.read_calendar(content, label, window, zone=settings.timezone or "", pattern=options.pattern)
    raise UsageError(
        f"there is no system {system!r}", hint=f"Name {', '.join(SYSTEMS)}, an .ics file, or the folder of a backup."
    )


async def _read_api(
    name: str, window: Window, selection: Selection, settings: Settings, control: RunControl, progress: ProgressCallback
) -> Pulled:
    def notify(words: str) -> None:
        control.observer.noticed(Notice(f"{name}: {words}"))

    async with connect_source(name, settings) as connection:
        api = APIS.get(name) or _rootly_api()
        try:
            if name == "opsgenie":
                async with open_source_api(api, connection, settings, notify, control.interrupted) as ask:
                    rate = await opsgenie.read_rate(ask)
                api = SourceApi(api.name, rate, api.headers, api.authorization)
            reader = _READERS.get(name, rootly.read_calendar)
            async with open_source_api(api, connection, settings, notify, control.interrupted) as ask:
                return await reader(ask, window, selection, progress)
        except RefusedError as error:
            hint = "Check what the key may read: schedules, overrides, users."
            raise TargetError(f"{api.name} refuses a list ({error})", hint=hint) from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            hint = "Check the base URL; if it is right, report this as a bug."
            raise TargetError(f"{api.name} answers in a form that is not known ({error!r})", hint=hint) from error


def _rootly_api() -> SourceApi:
    from importer.targets.rootly import ROOTLY

    return SourceApi("Rootly", ROOTLY.rate, ROOTLY.headers, ROOTLY.authorization)


async def _read_feed(
    system: str, options: PullOptions, settings: Settings, interrupted: anyio.Event
) -> tuple[bytes, str]:
    """Return a calendar's bytes and how to call it; a feed's address is a secret, and is never shown."""
    if options.feed_env:
        address = os.environ.get(options.feed_env, "").strip()
        if not address:
            raise SettingsError(f"{options.feed_env} is not set", hint="Set it to the feed's secret address.")
        return await _fetch(address, f"the feed of {options.feed_env}", settings, interrupted)
    path = options.feed_file or Path(system)
    if not path.is_file():
        what = f"there is no file {path}" if options.feed_file else "no calendar was named"
        raise UsageError(what, hint="Give --feed-env NAME, --feed-file FILE, or the path of an .ics file.")
    content = path.read_bytes()
    address = content.decode("utf-8", "replace").strip() if len(content) < _LARGEST_FEED else ""
    if _ADDRESS.fullmatch(address) or address.startswith("http://"):
        return await _fetch(address, f"the feed of {path.name}", settings, interrupted)
    return content, path.name


async def _fetch(address: str, label: str, settings: Settings, interrupted: anyio.Event) -> tuple[bytes, str]:
    from importer.delivery.source_api import fetch

    return await fetch(address, label, settings, interrupted), label


# ---- sheets


def make_tables(pulled: Pulled, pairs: Mapping[str, str], shadow_of: Sequence[str]) -> list[Table]:
    """Return the sheets of a pulled workbook.

    Raises:
        UsageError: `shadow_of` names a schedule that is not there.
    """
    calendar = pulled.calendar
    by_id = {schedule.id: schedule for schedule in calendar.schedules}
    shadows = dict(_shadow_pair(calendar, text) for text in shadow_of)
    overrides = [one for one in pulled.overrides if one.schedule not in shadows]
    for first, second in overlapping(overrides):
        reason = f"Its overrides of {first.person} and {second.person} overlap: Rootly keeps one at a time."
        pulled.note(by_id[second.schedule].name, reason)
    ordered = sorted(calendar.schedules, key=lambda one: (one.name.casefold(), one.id))
    schedules = [(one.provider, one.id, one.name, one.team, one.zone, one.link) for one in ordered if one.provider]
    intervals = sorted(calendar.intervals, key=lambda one: (by_id[one.schedule].name.casefold(), *one))
    tables = [
        Table("Schedules", SCHEDULES, schedules),
        Table("Overrides", OVERRIDES, [_override(one, by_id[one.schedule], pairs) for one in sorted(overrides)]),
        Table(
            "Shadows", SHADOWS, [_shadow(one, by_id, shadows, pairs) for one in intervals if one.schedule in shadows]
        ),
        Table("On call", ON_CALL, [_on_call(one, by_id[one.schedule], calendar) for one in intervals]),
    ]
    notes = sorted({(note.subject, note.reason) for note in calendar.notes})
    span = (WINDOW, f"{_local(calendar.window.start, '')} to {_local(calendar.window.end, '')}")
    return [*tables, Table("Notes", NOTES, [span, *notes])]


def _shadow_pair(calendar: Calendar, text: str) -> tuple[str, Schedule]:
    shadow, _, primary = text.partition("=")
    found = []
    for name in (shadow.strip(), primary.strip()):
        matching = [one for one in calendar.schedules if one.id == name] or [
            one for one in calendar.schedules if one.name == name
        ]
        if len(matching) != 1:
            what = "has no schedule" if not matching else f"has {len(matching)} schedules named"
            raise UsageError(
                f"--shadow-of {text}: {calendar.label} {what} {name!r}",
                hint="Write SHADOW=PRIMARY, by id or exact name.",
            )
        found.append(matching[0])
    return found[0].id, found[1]


def _override(one: Override, schedule: Schedule, pairs: Mapping[str, str]) -> tuple[str, ...]:
    start, end = _local(one.start, schedule.zone), _local(one.end, schedule.zone)
    return (_named(schedule, pairs), pairs.get(one.person, one.person), start, end, one.id)


def _shadow(
    one: Interval, by_id: Mapping[str, Schedule], shadows: Mapping[str, Schedule], pairs: Mapping[str, str]
) -> tuple[str, ...]:
    name, zone = _named(shadows[one.schedule], pairs), by_id[one.schedule].zone
    person = pairs.get(one.person, one.person)
    return (name, "Schedule", name, person, _local(one.start, zone), _local(one.end, zone))


def _on_call(one: Interval, schedule: Schedule, calendar: Calendar) -> tuple[str, ...]:
    start, end = _local(one.start, ""), _local(one.end, "")
    name = calendar.names.get(one.person, "")
    return (one.schedule, schedule.name, one.person, name, one.role, start, end, _local(one.start, schedule.zone))


def _named(schedule: Schedule, pairs: Mapping[str, str]) -> str:
    """Return the cell that names a schedule in Rootly; `name:` before what could be read as an id."""
    name = pairs.get(schedule.id) or pairs.get(schedule.name) or schedule.name
    return f"name:{name}" if re.fullmatch(ID_PATTERN, name) else name


def _local(moment: int, zone: str) -> str:
    """Return a time with its offset, on the clocks of a zone; UTC where that is not known."""
    return local_time(moment, zone).isoformat().replace("+00:00", "Z")
