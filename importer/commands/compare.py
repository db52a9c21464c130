"""Compares two sides: a source, a run, a pulled workbook, a system, a calendar. Sends nothing, prints nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5
from zipfile import is_zipfile

from importer.calendars import (
    PAGED,
    ROLES,
    Calendar,
    Interval,
    Note,
    ProgressCallback,
    Role,
    Schedule,
    Selection,
    Window,
    instant,
    is_calendar,
    matches,
    merge,
    opsgenie,
)
from importer.calendars.comparison import Compared, Comparison, compare, describe_people
from importer.commands.pull import APIS, WINDOW, PullOptions, SystemReader, read_pairs, read_window
from importer.commands.run import resolve
from importer.errors import SourceError, UsageError
from importer.journal.run_folder import JOURNAL_FILE, open_scratch, open_view
from importer.journal.states import State
from importer.journal.view import View
from importer.kinds import SHIFTS
from importer.normalizer.references import Directory
from importer.planning.sources import expand_sources, gather_sources, is_several, load_mapping, make_loader
from importer.reader.read import read
from importer.records import LARGEST_ID, Row, TargetName
from importer.reporter.formula_guard import unguard
from importer.reporter.pulled_tables import ON_CALL, SCHEDULES
from importer.session.control import RunControl
from importer.settings.options import Settings
from importer.statuses import Status
from importer.targets.target import DirectoryEntry
from importer.wording import count_of, iso_utc

_SYSTEMS = frozenset({"pagerduty:", "opsgenie:", "rootly:"})
_MADE = frozenset({Status.CREATED, Status.EXISTS, Status.DUPLICATE})


async def compare_sides(
    left: str, right: str, options: PullOptions, settings: Settings, control: RunControl, progress: ProgressCallback
) -> Comparison:
    """Read both sides and compare them.

    Raises:
        ImporterError: a side cannot be read, or a pair names a schedule that does not exist.
    """
    pairs = read_pairs(options.pairs)
    selection = _widened(options.selection, pairs)
    options = replace(options, selection=selection)
    reader = SystemReader(read_window(options, settings), options, settings, control, progress)
    named = dict.fromkeys((left, right))
    read = {side: calendar for side in named if (calendar := await _read_calendar(side, reader)) is not None}
    for side in [one for one in named if one not in read]:  # sources, whose names are looked up on the other side
        other = next((one for name, one in read.items() if name != side), None)
        read[side] = await _of_source(side, reader, other)
    sides = [read[left], read[right]]
    _select(sides[0], sides[1], selection)
    _select(sides[1], sides[0], selection)
    if not sides[0].roles & sides[1].roles:
        raise UsageError(
            f"there is nothing to compare: {_contents(sides[0])}, {_contents(sides[1])}",
            hint="Compare shadows with a run, a source or rootly:, and overrides with any side.",
        )
    schedules = _learn_pairs(options.pairs, pairs, sides[0], sides[1], selection)
    try:
        comparison = compare(sides[0], sides[1], reader.window, schedules)
    except ValueError as error:
        raise UsageError(f"{options.pairs}: {error}", hint="Write ids or exact names.") from error
    if selection.teams:  # a side without teams has the schedules of all teams
        alone = [[one for one in found if one.team] for found in (comparison.only_left, comparison.only_right)]
        comparison = replace(comparison, only_left=tuple(alone[0]), only_right=tuple(alone[1]))
    return comparison


def _contents(side: Calendar) -> str:
    held = [f"{role}s" for role in (Role.SHADOW, Role.OVERRIDE) if role in side.roles]
    held += ["who is on call"] if Role.ON_CALL in side.roles else []
    left_out = "".join(f" ({one.reason})" for one in side.notes if not held)
    return f"{side.label} holds {' and '.join(held) or f'neither shadows nor overrides{left_out}'}"


def _widened(selection: Selection, pairs: Mapping[str, str]) -> Selection:
    """Return a selection that also has the names of wanted schedules on the other side."""

    def partners(patterns: tuple[str, ...]) -> tuple[str, ...]:
        found = [pair for pair in pairs.items() if any(matches(patterns, name) for name in pair)]
        return (*patterns, *(name for pair in found for name in pair)) if patterns else ()

    return replace(selection, schedules=partners(selection.schedules), exclude=partners(selection.exclude))


def _select(side: Calendar, other: Calendar, selection: Selection) -> None:
    """Keep the wanted schedules of a side. Records have only ids: those count whose schedule the other side kept."""
    known = {one.id for one in other.schedules} if Role.ON_CALL not in side.roles else set()
    side.schedules = [
        one
        for one in side.schedules
        if one.id in known or selection.takes(one, is_team_known=bool(one.team) or Role.ON_CALL not in side.roles)
    ]


def _learn_pairs(
    path: Path | None, pairs: Mapping[str, str], left: Calendar, right: Calendar, selection: Selection
) -> dict[str, str]:
    """Return the pairs of schedules; pairs of people become additional names. The first line can be a header."""
    named = [{name for one in side.schedules for name in (one.id, one.name)} for side in (left, right)]
    people = {one.person for side in (left, right) for one in side.intervals}
    people |= set(left.names.values()) | set(right.names.values())
    found: dict[str, str] = {}
    for number, (one, other) in enumerate(pairs.items(), 1):
        if one not in named[0] and one in named[1] and other in named[0]:
            found[other] = one  # the file has the other order
        elif "@" in one or ("@" in other and one in people):
            left.aliases[one.lower() if "@" in one else one] = other.lower()
        elif number == 1 and one not in named[0] and other not in named[1]:
            left.notes.append(Note(str(path), f"Its first line, {one} and {other}, names nothing: taken as a header."))
        elif one in named[0] or selection.takes(Schedule(one, one)):
            found[one] = other
    return found


def _is_source(side: str) -> bool:
    if side in _SYSTEMS or is_calendar(side):
        return False
    return Path(side).is_file() or (is_several(side) and not opsgenie.is_backup(Path(side)))


async def _read_calendar(side: str, reader: SystemReader) -> Calendar | None:
    """Read a side that is not a source; return None if it is one."""
    path = Path(side)
    if side in _SYSTEMS or is_calendar(side) or side in ("ical", "ical:"):
        return (await reader.read(side)).calendar
    folder = next((one for one in (path, reader.settings.reports / side) if (one / JOURNAL_FILE).is_file()), None)
    if folder is not None:
        with open_view(folder) as view:
            return _of_journal(view, f"run {folder.name}", reader.window, lambda state: state in _MADE)
    _check_side(path, side)
    pulled = _of_pulled(path, reader.window)
    if pulled is not None or not _is_source(side) or (is_zipfile(path) and path.suffix.casefold() == ".zip"):
        return pulled or (await reader.read(side)).calendar
    return None


def _check_side(path: Path, side: str) -> None:
    if not (path.exists() or is_several(side) or side.strip().lower() in APIS):
        raise UsageError(
            f"there is no file, folder or run {side!r}",
            hint="Name a source, a run, what pull wrote, an .ics file, or pagerduty:, opsgenie: or rootly:.",
        )


def _pulled_files(path: Path) -> list[Path]:
    """Return a workbook, or the files pulled into a folder; nothing if it is neither."""
    if not path.is_dir():
        return [path] if path.is_file() and path.suffix.casefold() == ".xlsx" else []
    *others, notes = files = [path / name for name in ("schedules.csv", "on-call.csv", "notes.csv")]
    if not all(other.is_file() for other in others):
        return []
    if not notes.is_file():
        hint = "Pull it again: notes are written last, so this folder is from a pull that was killed halfway."
        raise SourceError(f"{path} has no {notes.name} beside {others[1].name}", hint=hint)
    return files


def _of_pulled(path: Path, window: Window) -> Calendar | None:
    """Read the calendar in a pulled workbook or folder of CSV files; None if it is neither.

    Raises:
        SourceError: it cannot be read.
    """
    files = _pulled_files(path)
    if not files:
        return None
    sheets: dict[str, list[Row]] = {"schedules": [], "on-call": [], "notes": []}
    headers: dict[str, tuple[str, ...]] = {}
    for file in files:
        for chunk in read(file):
            name = file.stem if path.is_dir() else chunk.sheet.name.lower().replace(" ", "-")
            if name in sheets:
                rows = (row._replace(cells=tuple(map(unguard, row.cells))) for row in chunk.rows)
                sheets[name].extend(rows if path.is_dir() else chunk.rows)
                headers[name] = chunk.sheet.header
    if headers.get("on-call", ())[: len(ON_CALL)] != ON_CALL or headers.get("schedules", ())[:3] != SCHEDULES[:3]:
        return None
    calendar = Calendar(path.name, window, roles=PAGED)
    schedules = {
        row.cells[1]: Schedule(row.cells[1], row.cells[2], row.cells[4], row.cells[3]) for row in sheets["schedules"]
    }
    for row in sheets["on-call"]:
        schedule_id, name, person, full_name, role, begins, ends = row.cells[:7]
        try:
            interval = Interval(schedule_id, person, Role(role), instant(begins), instant(ends))
        except ValueError as error:
            where = f"row {row.number} of 'On call' in {path.name}"
            raise SourceError(f"{where} cannot be read: {error}", hint="Pull the workbook again.") from error
        calendar.intervals.append(interval)
        schedules.setdefault(schedule_id, Schedule(schedule_id, name))
        if full_name:
            calendar.names[person] = full_name
    calendar.schedules = list(schedules.values())
    calendar.intervals = merge(calendar.intervals, window)
    try:
        calendar.covers = _covers(sheets["notes"], schedules)
    except ValueError as error:
        where = f"the window in 'Notes' of {path.name}"
        raise SourceError(f"{where} cannot be read: {error}", hint="Pull the workbook again.") from error
    return calendar


def _covers(notes: Sequence[Row], schedules: Iterable[str]) -> dict[str, Window]:
    """Return what was pulled of each schedule, as the sheet Notes says it."""
    spans = {row.cells[0]: row.cells[1].split(" to ") for row in notes if row.cells[0].startswith(WINDOW)}
    windows = {about: Window(instant(begins), instant(ends)) for about, (begins, ends) in spans.items()}
    whole = windows.pop(WINDOW, None)
    parts = {about.removeprefix(f"{WINDOW}: "): window for about, window in windows.items()}
    return dict.fromkeys(schedules, whole) | parts if whole else parts


async def _of_source(side: str, reader: SystemReader, other: Calendar | None) -> Calendar:
    """Read a source as a run would; its names are looked up in Rootly, or on the other side, if that knows any."""
    settings, control = reader.settings, reader.control
    is_rootly = other is not None and other.label == "Rootly"
    with open_scratch() as journal:
        mapping = load_mapping(settings.mapping).rules
        is_resolving = other is not None and (Role.ON_CALL in other.roles or bool(other.names))
        loader = make_loader(journal, settings, mapping, control.observer, run="", is_resolving=is_resolving)
        await gather_sources(loader, expand_sources([side]), settings, control.interrupted)
        if is_rootly:
            await resolve(loader, settings, control)
        else:
            if other is not None and is_resolving:
                for _ in loader.resolve(TargetName.ROOTLY, _OtherSide(other).directory()):
                    pass
            loader.finish()
        wrong = (Status.INVALID, Status.DUPLICATE, State.UNRESOLVED)
        calendar = _of_journal(journal, side, reader.window, lambda state: state not in wrong)
        if other is not None and is_resolving and not is_rootly:
            _OtherSide(other).give_back(calendar)
        for state, reason in (
            (State.UNRESOLVED, "with names that were not looked up: comparing with rootly: looks them up."),
            (Status.INVALID, "left out as invalid, or with a name that was not found: check says which."),
        ):
            number = sum(1 for _, _, entry in journal.entries() if entry.state is state and entry.kind in ROLES)
            if reader.options.selection == Selection():  # else these can be rows of a schedule that is not wanted
                calendar.left_out += number
            if number:
                calendar.notes.append(Note(side, f"{count_of(number, 'row')} {reason}"))
        return calendar


class _OtherSide:
    """The side whose people and schedules a source names, with temporary ids in Rootly's form."""

    def __init__(self, other: Calendar) -> None:
        people = sorted({one.person for one in other.intervals} | other.names.keys())
        # From the highest down: no real id is so high, and rows can hold ids.
        self._people = {str(LARGEST_ID - number): person for number, person in enumerate(people)}
        self._schedules = {str(uuid5(NAMESPACE_URL, one.id)): one for one in other.schedules}
        self._names = other.names

    def directory(self) -> Directory:
        """Return the directory in which names are looked up."""
        persons = [
            DirectoryEntry(id_, self._names.get(person) or person, person if "@" in person else "")
            for id_, person in self._people.items()
        ]
        return Directory(persons, [DirectoryEntry(id_, one.name) for id_, one in self._schedules.items()])

    def give_back(self, calendar: Calendar) -> None:
        """Replace the temporary ids by the side's own."""
        own = {one.id: one for one in self._schedules.values()}
        found = self._schedules | own
        calendar.intervals = [
            one._replace(
                schedule=found[one.schedule].id if one.schedule in found else one.schedule,
                person=self._people.get(one.person, one.person),
            )
            for one in calendar.intervals
        ]
        calendar.schedules = [found.get(one.id, one) for one in calendar.schedules]


def _of_journal(view: View, label: str, window: Window, counts: Callable[[State | Status], bool]) -> Calendar:
    """Return the shadows and overrides of a journal; it does not know who else is on call.

    People and schedules have the names and addresses that its run has looked up, or that stood in its rows.

    Raises:
        UsageError: it has shifts, but none of them is in the window.
    """
    calendar = Calendar(label, window)
    spans, schedules, roles = [], {}, set()
    known = view.known()
    calendar.aliases = {one.id: one.email.lower() for one in known if one.what == "user" and one.email}
    calendar.names = {calendar.aliases.get(one.id, one.id): one.name for one in known if one.what == "user"}
    named = {one.id: one.name for one in known if one.what == "schedule"}
    for _, _, entry in view.entries():
        if entry.key is None or entry.kind not in ROLES or not counts(entry.state):
            continue
        role, shift = ROLES[entry.kind], SHIFTS[entry.kind](entry.key)
        person = calendar.aliases.get(shift.user, shift.user)
        spans.append(Interval(shift.schedule, person, role, shift.starts_at, shift.ends_at))
        schedules[shift.schedule] = Schedule(shift.schedule, named.get(shift.schedule, shift.schedule))
        roles.add(role)
    calendar.schedules = list(schedules.values())
    calendar.intervals = merge(spans, window)
    calendar.roles = frozenset(roles)
    outside = sum(one.end <= window.start or one.start >= window.end for one in spans)
    if outside:
        begins, ends = min(one.start for one in spans), max(one.end for one in spans)
        words = f"{outside:,} of {count_of(len(spans), 'shift')} outside the window"
        hint = f"Choose it with --from and --to: the shifts are from {iso_utc(begins)} to {iso_utc(ends)}."
        if outside == len(spans):
            raise UsageError(f"{label} has {words}", hint=hint)
        calendar.notes.append(Note(label, f"{words[0].upper()}{words[1:]}: they are not compared. {hint}"))
    return calendar


def rows_of(comparison: Comparison) -> tuple[tuple[str, ...], Sequence[tuple[str, ...]]]:
    """Return header and rows of the comparison's CSV: differences, gaps, unknown spans, schedules alone."""
    header = ("what", "schedule", "other schedule", "from (UTC)", "to (UTC)", "minutes", "left", "right")
    rows: list[tuple[str, ...]] = []

    def add(what: str, compared: Compared, start: int, end: int, *people: str) -> None:
        names = (compared.left.name, compared.right.name)
        rows.append((what, *names, iso_utc(start), iso_utc(end), f"{(end - start) / 60:g}", *people))

    for compared in comparison.compared:
        for one in compared.differences:
            add("differs", compared, one.start, one.end, describe_people(one.left), describe_people(one.right))
        for what, spans in (
            ("nobody on call on the left", compared.left_gaps),
            ("nobody on call on the right", compared.right_gaps),
            ("unknown on the left", compared.left_unknown),
            ("unknown on the right", compared.right_unknown),
        ):
            for span in spans:
                add(what, compared, *span, "", "")
    nothing = ("",) * 5
    rows += [("only left", one.name, "", *nothing) for one in comparison.only_left]
    rows += [("only right", "", one.name, *nothing) for one in comparison.only_right]
    return header, rows
