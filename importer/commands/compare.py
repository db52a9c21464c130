"""Two sides compared: a source, a run, a pulled workbook, a system, a calendar. Sends nothing, prints nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from importer.calendars.comparison import Comparison, compare
from importer.calendars.intervals import PAGED, Calendar, Interval, Note, Role, Schedule, Window, merge
from importer.calendars.pulled import instant
from importer.commands.pull import ON_CALL, SCHEDULES, WINDOW, read_pairs, read_system, read_window
from importer.commands.run import resolve
from importer.errors import SourceError, UsageError
from importer.journal.run_folder import JOURNAL_FILE, open_scratch, open_view
from importer.journal.states import State
from importer.planning.sources import gather_sources, load_mapping, make_loader
from importer.reader.read import read
from importer.reporter.formula_guard import guard
from importer.reporter.page.comparison import write_comparison_page
from importer.reporter.report_csv import write_table
from importer.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.calendars.pulled import ProgressCallback
    from importer.commands.pull import PullOptions
    from importer.journal.view import View
    from importer.records import Row
    from importer.session.control import RunControl
    from importer.settings import Settings

_SYSTEMS = frozenset({"pagerduty:", "opsgenie:", "rootly:"})
_ROOM = "Make room on the disk, or name another file."
_MADE = frozenset({Status.CREATED, Status.EXISTS, Status.DUPLICATE})
_ROLES = {"shadow": Role.SHADOW, "override": Role.OVERRIDE}  #: by the kinds of record that are times on a schedule


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides as they were read, and what comparing them came to."""

    left: Calendar
    right: Calendar
    comparison: Comparison

    def name(self, person: str) -> str:
        """Return a person's full name where a side knows it, else what names the person."""
        return self.left.names.get(person) or self.right.names.get(person) or person

    @property
    def notes(self) -> list[tuple[str, Note]]:
        """What was seen and not taken, each with its side."""
        return [(side.label, note) for side in (self.left, self.right) for note in side.notes]


async def compare_sides(
    left: str, right: str, options: PullOptions, settings: Settings, control: RunControl, progress: ProgressCallback
) -> Sides:
    """Read both sides and compare them.

    Raises:
        ImporterError: a side cannot be read, or a pair names a schedule that is not there.
    """
    window = read_window(options.begins, options.ends, settings.timezone)
    pairs = read_pairs(options.pairs)
    is_asked = "rootly:" in (left, right)
    sides = [
        await _read_side(side, options, window, settings, control, progress, is_asked=is_asked)
        for side in (left, right)
    ]
    try:
        return Sides(sides[0], sides[1], compare(sides[0], sides[1], window, pairs))
    except ValueError as error:
        raise UsageError(f"{options.pairs}: {error}", hint="Write ids or exact names.") from error


async def _read_side(
    side: str,
    options: PullOptions,
    window: Window,
    settings: Settings,
    control: RunControl,
    progress: ProgressCallback,
    *,
    is_asked: bool,
) -> Calendar:
    path = Path(side)
    if side in _SYSTEMS or path.suffix.casefold() == ".ics" or side in ("ical", "ical:"):
        return (await read_system(side, options, window, settings, control, progress)).calendar
    folder = _run_folder(path, settings.reports / side)
    if folder is not None:
        with open_view(folder) as view:
            return _of_journal(view, f"run {folder.name}", window, lambda state: state in _MADE)
    if not _is_file(path):
        return (await read_system(side, options, window, settings, control, progress)).calendar
    return _of_pulled(path, window) or await _of_source(side, window, settings, control, is_asked=is_asked)


def _is_file(path: Path) -> bool:
    return path.is_file()


def _run_folder(*folders: Path) -> Path | None:
    return next((folder for folder in folders if (folder / JOURNAL_FILE).is_file()), None)


def _of_pulled(path: Path, window: Window) -> Calendar | None:
    """Read what was rendered when a workbook was pulled; None where it is no pulled workbook.

    Raises:
        SourceError: it cannot be read.
    """
    if path.suffix.casefold() != ".xlsx":
        return None
    sheets: dict[str, list[Row]] = {"Schedules": [], "On call": [], "Notes": []}
    headers: dict[str, tuple[str, ...]] = {}
    for chunk in read(path):
        if chunk.sheet.name in sheets:
            sheets[chunk.sheet.name].extend(chunk.rows)
            headers[chunk.sheet.name] = chunk.sheet.header
    if headers.get("On call", ())[: len(ON_CALL)] != ON_CALL or headers.get("Schedules", ())[:3] != SCHEDULES[:3]:
        return None
    calendar = Calendar(path.name, window, roles=PAGED)
    schedules = {row.cells[1]: Schedule(row.cells[1], row.cells[2], row.cells[4]) for row in sheets["Schedules"]}
    for row in sheets["On call"]:
        schedule_id, name, person, full_name, role, begins, ends = row.cells[:7]
        try:
            interval = Interval(schedule_id, person, Role(role), instant(begins), instant(ends))
        except ValueError as error:
            where = f"row {row.number} of sheet 'On call' in {path.name}"
            raise SourceError(f"{where} cannot be read: {error}", hint="Pull the workbook again.") from error
        calendar.intervals.append(interval)
        schedules.setdefault(schedule_id, Schedule(schedule_id, name))
        if full_name:
            calendar.names[person] = full_name
    calendar.schedules = list(schedules.values())
    calendar.intervals = merge(calendar.intervals, window)
    begins, _, ends = next((row.cells[1] for row in sheets["Notes"] if row.cells[0] == WINDOW), "").partition(" to ")
    if ends:
        calendar.covers = dict.fromkeys(schedules, Window(instant(begins), instant(ends)))
    return calendar


async def _of_source(side: str, window: Window, settings: Settings, control: RunControl, *, is_asked: bool) -> Calendar:
    """Read a source as a run would; names are looked up only where Rootly is the other side."""
    with open_scratch() as journal:
        mapping = load_mapping(settings.mapping).rules
        loader = make_loader(journal, settings, mapping, control.observer, run="", is_resolving=is_asked)
        await gather_sources(loader, [side], settings, control.interrupted)
        if is_asked:
            await resolve(loader, settings, control)
        else:
            loader.finish()
        wrong = (Status.INVALID, Status.DUPLICATE, State.UNRESOLVED)
        calendar = _of_journal(journal, side, window, lambda state: state not in wrong)
        unresolved = sum(1 for _, _, entry in journal.entries() if entry.state is State.UNRESOLVED)
        if unresolved:
            reason = f"{unresolved} rows name people or schedules that were not looked up: compare with rootly: does."
            calendar.notes.append(Note(side, reason))
        return calendar


def _of_journal(view: View, label: str, window: Window, counts: Callable[[State | Status], bool]) -> Calendar:
    """Return the shadows and overrides of a journal; it does not tell who is on call otherwise."""
    calendar = Calendar(label, window)
    spans, schedules, roles = [], {}, set()
    for _, _, entry in view.entries():
        if entry.key is None or entry.kind not in _ROLES or not counts(entry.state):
            continue
        role = _ROLES[entry.kind]
        schedule_id, person, start, end = str(entry.key[0]), str(entry.key[-3]), int(entry.key[-2]), int(entry.key[-1])
        spans.append(Interval(schedule_id, person, role, start, end))
        schedules[schedule_id] = Schedule(schedule_id, schedule_id)
        roles.add(role)
    calendar.schedules = list(schedules.values())
    calendar.intervals = merge(spans, window)
    calendar.roles = frozenset(roles)
    return calendar


def rows_of(sides: Sides) -> tuple[tuple[str, ...], Sequence[tuple[str, ...]]]:
    """Return header and rows of the comparison's CSV: differences, gaps, unknown spans, schedules alone."""
    from importer.wording import iso_utc

    header = ("what", "schedule", "other schedule", "from (UTC)", "to (UTC)", "minutes", "left", "right")
    rows: list[tuple[str, ...]] = []
    for compared in sides.comparison.compared:
        names = (compared.pair.left.name, compared.pair.right.name)
        for one in compared.differences:
            span = (iso_utc(one.start), iso_utc(one.end), f"{one.minutes:g}")
            rows.append(("differs", *names, *span, people(one.left), people(one.right)))
        for what, spans in (
            ("nobody on call on the left", compared.left_gaps),
            ("nobody on call on the right", compared.right_gaps),
            ("unknown", compared.unknown),
        ):
            if what == "unknown" or sides.comparison.tells_gaps:
                rows.extend(
                    (what, *names, iso_utc(start), iso_utc(end), f"{(end - start) / 60:g}", "", "")
                    for start, end in spans
                )
    for what, schedules in (("only left", sides.comparison.only_left), ("only right", sides.comparison.only_right)):
        rows.extend(
            (what, one.name if what == "only left" else "", one.name if what == "only right" else "", *("",) * 5)
            for one in schedules
        )
    return header, rows


def people(found: frozenset[tuple[str, Role]]) -> str:
    """Return who is there, in words; `nobody` where nobody is."""
    named = (person if role is Role.ON_CALL else f"{person} ({role})" for person, role in sorted(found))
    return ", ".join(named) or "nobody"


def write_comparison(sides: Sides, csv: Path | None, html: Path | None) -> list[Path]:
    """Write the comparison where it was asked for; return the files.

    Raises:
        ReportError: a file could not be written.
    """
    files = []
    if csv is not None:
        header, rows = rows_of(sides)
        files.append(write_table(csv, [header, *(tuple(map(guard, row)) for row in rows)], hint=_ROOM))
    if html is not None:
        names = sides.left.names | sides.right.names
        labels = (sides.left.label, sides.right.label)
        notes = [(label, note.subject, note.reason) for label, note in sides.notes]
        lanes = (sides.left.intervals, sides.right.intervals)
        files.append(write_comparison_page(html, sides.comparison, labels, lanes, names, notes))
    return files
