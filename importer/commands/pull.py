"""Pulls another system's schedules, overrides and shadows into a workbook. Sends nothing, prints nothing.

ask or open --> rendered intervals --> sheets --> one file, whole or not at all
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from importer.calendars import (
    Calendar,
    Interval,
    ProgressCallback,
    Pulled,
    RefusedError,
    Role,
    Schedule,
    Selection,
    Window,
    ical,
    in_time,
    local_time,
    merge,
    named_zone,
    opsgenie,
    overlapping,
    pagerduty,
    rootly,
)
from importer.calendars.comparison import find_schedule
from importer.delivery.source_api import SourceApi, fetch, open_source_api
from importer.errors import SettingsError, SourceError, TargetError, UsageError
from importer.normalizer.zones import zone_of
from importer.records import ID_PATTERN
from importer.reporter.pulled_tables import HEADERS, SHEETS, Table, check_output, write_tables
from importer.session.control import RunControl
from importer.session.endpoints import connect_source
from importer.settings.options import Settings
from importer.targets.rootly import ROOTLY

#: The systems that are read through their APIs.
APIS = {
    "pagerduty": SourceApi("PagerDuty", pagerduty.RATE, pagerduty.HEADERS, pagerduty.authorization),
    "opsgenie": SourceApi("Opsgenie", opsgenie.SLOW_RATE, opsgenie.HEADERS, opsgenie.authorization, opsgenie.KEY_HINT),
    "rootly": SourceApi("Rootly", ROOTLY.rate, ROOTLY.headers, ROOTLY.authorization),
}
_REFUSED_HINTS = {
    400: "If the base URL is right, report this as a bug.",
    402: "The account's plan does not include this part of the API, or has ended.",
    404: "Check the base URL: it must be the API's.",
}
_READERS = {"pagerduty": pagerduty.read_calendar, "rootly": rootly.read_calendar}
_DEFAULT_DAYS = 28
_LONGEST_DAYS = 366
_LARGEST_FEED = 1 << 16  # bytes of a file that holds an address
_ADDRESS = re.compile(r"(?:https|webcals?)://[!-~]+")

WINDOW = "The window that was pulled"  #: the subject of the note with begin and end of the window


@dataclass(frozen=True, slots=True)
class PullOptions:
    """The options of a pull besides the settings."""

    begins: str = ""  #: a date or date-time; empty: today
    ends: str = ""  #: empty: 28 days later
    selection: Selection = Selection()
    shadow_of: tuple[str, ...] = ()  #: `SHADOW=PRIMARY`, each a schedule's id or exact name
    pairs: Path | None = None  #: CSV of two columns: a name in the system, the name in Rootly
    feed_env: str = ""  #: the variable that holds a feed's address
    feed_file: Path | None = None  #: the file that holds a feed's address, or the calendar itself
    backup: Path | None = None  #: a folder of Opsgenie's configuration backup
    pattern: str = ""  #: finds the person in an event's summary: a regular expression with the group `person`
    is_replaced: bool = False  #: replace an existing file
    #: options that were set by a variable or in a file, with the names of those
    set_as: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def name_of(self, option: str) -> str:
        """Return an option as the user set it."""
        return self.set_as.get(option, option)


class PullResult(NamedTuple):
    """The result of a pull."""

    files: list[Path]
    counts: dict[str, int]  #: rows of each sheet
    notes: list[tuple[str, str]]
    label: str


async def pull(
    system: str, output: Path, options: PullOptions, settings: Settings, control: RunControl, progress: ProgressCallback
) -> PullResult:
    """Read a system and write its calendar; nothing is written unless everything was read.

    Raises:
        ImporterError: the system cannot be read, an option is wrong, or the file cannot be written.
    """
    check_output(output, is_replaced=options.is_replaced)
    pairs = read_pairs(options.pairs)
    pulled = await SystemReader(read_window(options, settings), options, settings, control, progress).read(system)
    pulled.keep(options.selection)
    tables = make_tables(pulled, pairs, options.shadow_of, options.name_of("--shadow-of"))
    files = write_tables(output, tables, is_replaced=options.is_replaced)
    counts = {table.name: len(table.rows) for table in tables}
    notes = [(note.subject, note.reason) for note in pulled.calendar.notes]
    return PullResult(files, counts, notes, pulled.calendar.label)


def read_window(options: PullOptions, settings: Settings) -> Window:
    """Return the window between two dates or date-times; a date means midnight in the zone that is set, else UTC.

    Raises:
        UsageError: one cannot be read, or they are in the wrong order or too far apart.
        SettingsError: there is no such zone.
    """
    begins, ends, home = options.begins, options.ends, zone_of(settings) or UTC
    first, last = map(options.name_of, ("--from", "--to"))
    start = _read_moment(first, begins, home) or datetime.combine(datetime.now(home).date(), time(), home)
    end = _read_moment(last, ends, home) or start + timedelta(days=_DEFAULT_DAYS)
    if end <= start:
        begins = f"{first} {begins}" if begins else f"today, {start.date()}"
        raise UsageError(f"{last} {ends} is not after {begins}", hint="Give a later end.")
    if end - start > timedelta(days=_LONGEST_DAYS):
        raise UsageError(f"from {start.date()} to {end.date()} is more than a year", hint="Choose a shorter window.")
    return Window(int(start.timestamp()), int(end.timestamp()))


def _read_moment(option: str, text: str, home: tzinfo) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} {text} is not a date", hint="Write it as 2027-01-31, or 2027-01-31T09:00Z."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=home)


def read_pairs(path: Path | None) -> dict[str, str]:
    """Read a CSV of two columns: a name or e-mail address here, and the one in the other system.

    Raises:
        SourceError: it cannot be read, or a line does not have two columns.
    """
    if path is None:
        return {}
    hint = "Write two columns: the name in the old system, the name in Rootly."
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = file.read()
        delimiter = "," if "," in text else ";" if ";" in text else "\t"
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter))
    except (OSError, ValueError, csv.Error) as error:
        raise SourceError(f"{path} cannot be read: {error}", hint=hint) from error
    pairs: dict[str, str] = {}
    for number, row in enumerate(rows, 1):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if len(cells) != 2 or not all(cells):
            raise SourceError(f"line {number} of {path} does not have two filled cells", hint=hint)
        if pairs.get(cells[0], cells[1]) != cells[1]:
            raise SourceError(f"line {number} of {path} pairs {cells[0]!r} with another name than before", hint=hint)
        pairs[cells[0]] = cells[1]
    return pairs


# ---- one system


@dataclass(frozen=True, slots=True)
class SystemReader:
    """Reads systems over one window."""

    window: Window
    options: PullOptions
    settings: Settings
    control: RunControl
    progress: ProgressCallback

    async def read(self, system: str) -> Pulled:
        """Read a system by its name: `pagerduty`, `opsgenie`, `rootly`, `ical`, or the path of a calendar or backup.

        Raises:
            ImporterError: it cannot be read, or there is no such system.
        """
        name, options = system.strip().removesuffix(":").lower(), self.options
        if name in APIS and not (name == "opsgenie" and options.backup):
            return await self._read_api(name)
        path = options.backup or Path(system)
        if options.backup or path.is_dir() or path.suffix.casefold() == ".zip":
            return opsgenie.read_backup(path, self.window, options.selection)
        if name == "ical" or path.is_file():
            content, label, address = await self._read_feed(system)
            zone = self.settings.timezone or ""
            return ical.read_calendar(content, label, self.window, zone=zone, pattern=options.pattern, address=address)
        raise UsageError(
            f"there is no system {system!r}",
            hint="Name pagerduty, opsgenie, ical, an .ics file, or the folder of a backup.",
        )

    async def _read_api(self, name: str) -> Pulled:
        api, asked = APIS[name], (self.window, self.options.selection, self.progress)
        observer, interrupted = self.control.observer, self.control.interrupted
        async with connect_source(name, self.settings) as connection:
            with refused_as_error(api):
                async with open_source_api(api, connection, self.settings, observer, interrupted) as ask:
                    if name != "opsgenie":
                        return await _READERS[name](ask, *asked)
                    rates = await opsgenie.read_rates(ask)
                schedules, users = (replace(api, rate=rate) for rate in rates)
                async with (
                    open_source_api(schedules, connection, self.settings, observer, interrupted) as ask,
                    open_source_api(users, connection, self.settings, observer, interrupted) as search,
                ):

                    async def ask_either(path: str) -> Any:
                        return await (search if opsgenie.is_search(path) else ask)(path)

                    return await opsgenie.read_calendar(ask_either, *asked)

    async def _read_feed(self, system: str) -> tuple[bytes, str, str]:
        """Return a calendar's bytes, its name, and a feed's address, which is a secret and never shown."""
        options = self.options
        if options.feed_env:
            address = os.environ.get(options.feed_env, "").strip()
            if not address:
                raise SettingsError(f"{options.feed_env} is not set", hint="Set it to the feed's secret address.")
            label = f"the feed of {options.feed_env}"
            return await fetch(address, label, self.settings, self.control.interrupted), label, address
        path = options.feed_file or Path(system)
        if not path.is_file():
            what = f"there is no file {path}" if options.feed_file else "no calendar was named"
            raise UsageError(what, hint="Give --feed-env NAME, --feed-file FILE, or the path of an .ics file.")
        content = path.read_bytes()
        address = content.decode("utf-8", "replace").strip() if len(content) < _LARGEST_FEED else ""
        if _ADDRESS.fullmatch(address) or address.startswith("http://"):
            label = f"the feed of {path.name}"
            return await fetch(address, label, self.settings, self.control.interrupted), label, address
        return content, path.name, ""


@contextmanager
def refused_as_error(api: SourceApi) -> Iterator[None]:
    """Turn a refused list, or an answer that cannot be read, into one sentence.

    Raises:
        TargetError: with that sentence.
    """
    try:
        yield
    except RefusedError as error:
        hint = _REFUSED_HINTS.get(error.status, f"Check what the key may read. {api.key_hint}")
        raise TargetError(f"{api.name} refuses a list ({error})", hint=hint) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        hint = "Check the base URL; if it is right, report this as a bug."
        raise TargetError(f"{api.name} answers in a form that is not known ({error!r})", hint=hint) from error


# ---- sheets


def make_tables(
    pulled: Pulled, pairs: Mapping[str, str], shadow_of: Sequence[str], set_by: str = "--shadow-of"
) -> list[Table]:
    """Return the sheets of a pulled workbook; `set_by` is what an error calls `shadow_of`.

    Raises:
        UsageError: `shadow_of` names a schedule that does not exist.
    """
    calendar = pulled.calendar
    by_id = {schedule.id: schedule for schedule in calendar.schedules}
    shadows = [_shadow_pair(calendar, text, set_by) for text in shadow_of]
    names = _Names(pulled, pairs)
    of_shadows = {shadow for shadow, _ in shadows}
    overrides = [one for one in sorted(pulled.overrides, key=in_time) if one.schedule not in of_shadows]
    ordered = sorted(calendar.schedules, key=lambda one: (one.name.casefold(), one.id))
    schedules = [(one.provider, one.id, one.name, one.team, one.zone, one.link) for one in ordered if one.provider]
    intervals = sorted(calendar.intervals, key=lambda one: (by_id[one.schedule].name.casefold(), *one))
    # Whatever makes no row becomes a note, so the notes come last.
    override_rows = names.overrides(overrides)
    shadow_rows = names.shadows(intervals, shadows)
    on_call = [_on_call(one, by_id[one.schedule], calendar) for one in intervals]
    notes = sorted({(note.subject, note.reason) for note in calendar.notes})
    parts = {f"{WINDOW}: {one.id}": calendar.known(one.id) for one in ordered}  # those that are not known all the time
    spans = {WINDOW: calendar.window} | {name: part for name, part in parts.items() if part != calendar.window}
    windows = [(name, f"{_local(start, '')} to {_local(end, '')}") for name, (start, end) in spans.items()]
    rows: tuple[Sequence[tuple[str, ...]], ...] = (schedules, override_rows, shadow_rows, on_call, [*windows, *notes])
    return [Table(*table) for table in zip(SHEETS, HEADERS, rows, strict=True)]


def _shadow_pair(calendar: Calendar, text: str, set_by: str) -> tuple[str, Schedule]:
    """Return the id of a shadow schedule and its primary one; a name can contain `=`, too."""
    places = [index for index, letter in enumerate(text) if letter == "="]
    why = "there is no = in it"
    for place in places:
        names = (text[:place].strip(), text[place + 1 :].strip())
        try:
            shadow, primary = (find_schedule(calendar.schedules, name, calendar.label) for name in names)
        except ValueError as error:
            why = str(error)
            continue
        if shadow is not primary:
            return shadow.id, primary
        why = "a schedule does not shadow itself"
    raise UsageError(f"{set_by} {text}: {why}", hint="Write SHADOW=PRIMARY, by id or exact name.")


class _Names:
    """The names of schedules and people in rows, by the given pairs; notes what cannot become a row."""

    def __init__(self, pulled: Pulled, pairs: Mapping[str, str]) -> None:
        calendar = pulled.calendar
        self._pulled = pulled
        self._by_id = {schedule.id: schedule for schedule in calendar.schedules}
        self._pairs = {_folded(name): other for name, other in pairs.items()}
        people = {one.person for one in (*calendar.intervals, *pulled.overrides)}
        named = {_folded(name) for one in calendar.schedules for name in (one.id, one.name)}
        named |= {_folded(name) for person in people for name in (person, calendar.names.get(person, ""))}
        for name in pairs:
            if _folded(name) not in named:
                pulled.note(name, "No person or schedule here has this name from the file of pairs.")
        for one in calendar.schedules:
            if one.zone and named_zone(one.zone) is None:
                pulled.note(one.name, f"Its time zone {one.zone!r} is not known: its times are written in UTC.")

    def _partner(self, *names: str) -> str:
        return next((self._pairs[name] for name in map(_folded, names) if name in self._pairs), "")

    def _schedule(self, schedule: Schedule) -> str:
        """Return the cell that names a schedule in Rootly, with `name:` before a name that could be an id."""
        name = self._partner(schedule.id, schedule.name) or schedule.name
        return f"name:{name}" if re.fullmatch(ID_PATTERN, name) else name

    def _person(self, person: str) -> str:
        """Return the cell that names a person; empty for a person who left and has no pair."""
        partner = self._partner(person, self._pulled.calendar.names.get(person, ""))
        return partner or ("" if person in self._pulled.strangers and "@" not in person else person)

    def _can_be_named(self, what: str, schedule: Schedule, person: str, start: int, end: int) -> bool:
        when = f"{_local(start, schedule.zone)} to {_local(end, schedule.zone)}"
        same = [one for one in self._pulled.calendar.schedules if one.name == schedule.name]
        if len(same) > 1 and not self._partner(schedule.id):
            reason = f"Not taken: {len(same)} schedules have this name, so the {what} of {person}, {when}, could go to"
            self._pulled.note(schedule.name, f"{reason} either. Distinguish them by their ids, with --pairs.")
            return False
        if not self._person(person):
            reason = f"Not taken: the {what} of {person}, {when}, who is not in the list of users."
            self._pulled.note(schedule.name, f"{reason} Name somebody with --pairs.")
            return False
        return True

    def overrides(self, overrides: Sequence[Interval]) -> list[tuple[str, ...]]:
        """Return the rows of overrides."""
        rows: list[tuple[str, ...]] = []
        taken = []
        for one in overrides:
            schedule = self._by_id[one.schedule]
            if self._can_be_named("override", schedule, one.person, one.start, one.end):
                start, end = _local(one.start, schedule.zone), _local(one.end, schedule.zone)
                rows.append((self._schedule(schedule), self._person(one.person), start, end, one.id))
                taken.append(one)
        for first, second in overlapping(taken):
            reason = f"Its overrides of {first.person} and {second.person} overlap: Rootly keeps one at a time."
            self._pulled.note(self._by_id[second.schedule].name, reason)
        return rows

    def shadows(self, intervals: Sequence[Interval], shadows: Sequence[tuple[str, Schedule]]) -> list[tuple[str, ...]]:
        """Return the rows of shadows: the final entries of each shadow schedule, on its primary one."""
        rows: list[tuple[str, ...]] = []
        # Whoever is on call there, by an override or not, shadows; adjacent intervals are one shadow.
        for one in merge(one._replace(role=Role.SHADOW) for one in intervals):
            for shadow, primary in shadows:
                if one.schedule == shadow and self._can_be_named("shadow", primary, one.person, one.start, one.end):
                    zone, name = self._by_id[shadow].zone, self._schedule(primary)
                    start, end = _local(one.start, zone), _local(one.end, zone)
                    rows.append((name, "Schedule", name, self._person(one.person), start, end))
        return rows


def _folded(name: str) -> str:
    return name.strip().lower() if "@" in name else name.strip()


def _on_call(one: Interval, schedule: Schedule, calendar: Calendar) -> tuple[str, ...]:
    start, end = _local(one.start, ""), _local(one.end, "")
    name = calendar.names.get(one.person, "")
    return (one.schedule, schedule.name, one.person, name, one.role, start, end, _local(one.start, schedule.zone))


@lru_cache(maxsize=4096)  # cached: a shift ends when the next one begins, and schedules change hands at the same times
def _local(moment: int, zone: str) -> str:
    """Return a time with its offset in a zone; UTC if the zone is not known."""
    return local_time(moment, zone).isoformat().replace("+00:00", "Z")
