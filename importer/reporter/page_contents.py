"""Reads the contents of report.html from a run's journal: requests over time, shifts by day, facts.

A day is a day in the zone in which the shift's times were written, or in UTC if none was named.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import PurePath
from typing import Any, NamedTuple

from importer.journal.journal import Journal
from importer.journal.run_folder import RunFolder
from importer.journal.run_info import RunInfo
from importer.journal.states import Tally, percentile
from importer.journal.view import ShownRecord
from importer.kinds import SHIFTS
from importer.normalizer.zones import find_zone
from importer.notice import NoticeLevel
from importer.records import Sheet, TargetName
from importer.settings.options import DEFAULTS, Settings, write_setting
from importer.settings.values import as_json
from importer.statuses import Status
from importer.targets import TARGETS

# ---- what a page draws


_MOST_SCHEDULES = 40  # that get a calendar
_MOST_WEEKS = 54  # of a schedule's calendar: a year that begins in the middle of a week
_MOST_DAYS = 400  # of one shadow that are marked in the calendar


@dataclass(slots=True)
class Placement:
    """Who shadows whom on which schedule, over all such rows."""

    schedule: str  #: ids, as are the next two
    shadowed_type: str  #: "user" or "schedule"; empty if nobody is shadowed
    shadowed: str
    user: str
    first: int  #: epoch second in which the first shift begins
    last: int  #: epoch second in which the last one ends
    source: str  #: the first of its rows, as in the source
    number: int = 1  #: of shifts

    def add(self, starts_at: int, ends_at: int) -> None:
        """Add a shift of another row."""
        self.number += 1
        self.first, self.last = min(self.first, starts_at), max(self.last, ends_at)


class CalendarDay(NamedTuple):
    """A day of a calendar."""

    date: date
    shadows: int
    people: tuple[str, ...] = ()  #: ids of the people on it, in order


class Week(NamedTuple):
    """A row of a calendar."""

    days: tuple[CalendarDay, ...]  #: Monday first
    skipped: int  #: weeks without shadows that were left out before it


class ShadowCalendar:
    """Counts shadows by schedule and day; schedules beyond the first forty are only counted."""

    def __init__(self) -> None:
        self._days: dict[str, dict[int, Counter[str]]] = {}  # by schedule and day: shifts of each person
        self._shadows: Counter[str] = Counter()
        self._others: set[str] = set()

    def add(self, schedule: str, user: str, starts_at: int, ends_at: int, zone: str) -> None:
        """Count a shift; its times are epoch seconds."""
        days = self._days.get(schedule)
        if days is None:
            if len(self._days) == _MOST_SCHEDULES:
                self._others.add(schedule)
                return
            days = self._days[schedule] = {}
        self._shadows[schedule] += 1
        first = _day(starts_at, zone)
        last = min(_day(ends_at - 1, zone), first + _MOST_DAYS)
        for day in range(first, last + 1):
            days.setdefault(day, Counter())[user] += 1

    def people(self, schedule: str) -> dict[str, int]:
        """Return the people with shifts on a schedule, and on how many days."""
        days = self._days[schedule].values()
        return dict(sorted(Counter(user for people in days for user in people).items(), key=lambda one: -one[1]))

    @property
    def others(self) -> int:
        """The number of schedules without a calendar."""
        return len(self._others)

    def schedules(self) -> Iterator[tuple[str, int, list[Week], int]]:
        """Yield each schedule with its shadows, its weeks, and how many weeks with shadows are not drawn."""
        for schedule, days in self._days.items():
            mondays = sorted({day - (day - 1) % 7 for day in days})
            shown = mondays[:_MOST_WEEKS]
            yield schedule, self._shadows[schedule], list(_weeks(shown, days)), len(mondays) - len(shown)


def _weeks(mondays: list[int], days: Mapping[int, Counter[str]]) -> Iterator[Week]:
    before = mondays[0] - 7 if mondays else 0
    for monday in mondays:
        found = [(day, days.get(day, _NOBODY)) for day in range(monday, monday + 7) if day <= _LAST]
        own = tuple(CalendarDay(date.fromordinal(day), people.total(), tuple(people)) for day, people in found)
        yield Week(own, (monday - before) // 7 - 1)
        before = monday


_LAST = date.max.toordinal()
_NOBODY: Counter[str] = Counter()


@lru_cache(maxsize=1 << 14)  # shifts of many people begin and end at the same moments
def _day(moment: int, zone: str) -> int:
    """Return the ordinal of the day that an epoch second is in."""
    try:
        return datetime.fromtimestamp(moment, find_zone(zone) or UTC).toordinal()
    except (OverflowError, ValueError):  # on the other side of year 1 or 9999
        return date.min.toordinal() if moment < 0 else _LAST


_MOST_BARS = 120
_SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


@dataclass(slots=True)
class Timeline:
    """One target's requests over time, in at most 120 bars: their width is doubled when there is no more room."""

    width: int = 1  #: seconds of a bar
    bars: list[Tally] = field(default_factory=list)  #: each with the second in which it begins
    total: Tally = field(default_factory=lambda: Tally(0))  #: all together

    def add(self, tally: Tally) -> None:
        """Add the requests that ended in a second; seconds come in order."""
        if not self.bars:
            self.bars.append(Tally(tally.second))
        while (place := (tally.second - self.start) // self.width) >= _MOST_BARS:
            for even, odd in zip(self.bars[::2], self.bars[1::2], strict=False):
                even.add(odd)
            del self.bars[1::2]
            self.width *= 2
        while len(self.bars) <= place:
            self.bars.append(Tally(self.end))
        self.bars[place].add(tally)
        self.total.add(tally)

    @property
    def start(self) -> int:
        """The epoch second in which the first request ended."""
        return self.bars[0].second

    @property
    def end(self) -> int:
        """The epoch second in which the last bar ends."""
        return self.start + self.width * len(self.bars)

    @property
    def highest(self) -> float:
        """Requests a second of the highest bar."""
        return max(bar.requests for bar in self.bars) / self.width

    def latencies(self) -> dict[str, float]:
        """Return the seconds within which half, 90 %, 99 % and all of the answers came; empty without answers."""
        counts, slowest = self.total.latencies, self.total.slowest
        if not counts:
            return {}
        return {**{name: min(percentile(counts, share), slowest) for name, share in _SHARES.items()}, "max": slowest}


# ---- what a page shows


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """One target of the run."""

    name: str
    base_url: str  #: or a name for it; empty if nothing was sent there
    limit: float  #: requests a second that were allowed; infinite if there is no limit
    timeline: Timeline | None  #: None if no requests are known


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything that a page shows."""

    run: str
    is_sandbox: bool
    is_undo: bool
    warnings: Sequence[str]  #: what ended early, and why
    facts: Sequence[tuple[str, str]]  #: what was run: a label and its text
    sources: Sequence[tuple[str, str]]  #: name and SHA-256
    targets: Sequence[TargetFacts]
    counts: Mapping[tuple[str, Status], int]  #: records by target (empty if there is none) and status
    placements: Sequence[Placement]  #: who shadows where
    are_placements_all: bool  #: False if there are more
    calendar: ShadowCalendar
    sheets: Sequence[Sheet]
    names: Mapping[tuple[str, str], str]  #: of "user" or "schedule" and an id
    most: int  #: of the records so many, the first ones, are shown, and of the others those that need attention
    lines: Iterable[Sequence[ShownRecord]]  #: in chunks, taken one by one


# ---- contents from the journal


MOST_RECORDS = 50_000  # beyond, a page shows only what needs attention
_MOST_PLACEMENTS = 300  # who shadows where, in the order of the source
#: Options that change what is sent, or how fast.
_OPTIONS = {
    "timezone",
    "provider",
    "date_order",
    "until",
    "sheet",
    "encoding",
    "hidden_rows",
    "strict",
    "if_exists",
    "replace_overrides",
    "canary",
    "concurrency",
    "no_closing_look",
}


def read_contents(
    folder: RunFolder, settings: Settings, stopped: Mapping[str, str], *, is_interrupted: bool
) -> Contents:
    """Return the contents of a run's page; its lines are read when they are used."""
    journal, info = folder.journal, folder.journal.info()
    calendar, placements, are_all = _look_at_shadows(journal)
    return Contents(
        run=folder.path.name,
        is_sandbox=info.is_sandbox,
        is_undo=info.is_undo,
        warnings=[
            *_warnings(stopped, is_interrupted=is_interrupted, is_undo=info.is_undo),
            *(notice.text for notice in journal.notices() if notice.level is not NoticeLevel.INFO),
        ],
        facts=list(_describe(journal, info)),
        sources=[(name, sha256) for name, _, sha256 in journal.sources()],
        targets=_targets(journal, info, settings),
        counts=journal.counts(),
        placements=placements,
        are_placements_all=are_all,
        calendar=calendar,
        sheets=journal.sheets(),
        names={(one.what, one.id): one.name or one.email for one in journal.known()},
        most=MOST_RECORDS,
        lines=journal.page_records(MOST_RECORDS),
    )


def _warnings(stopped: Mapping[str, str], *, is_interrupted: bool, is_undo: bool) -> Iterator[str]:
    if is_interrupted:
        yield f"It was interrupted: {'the same undo again' if is_undo else 'rerun'} continues with what is left."
    yield from (f"{what} stopped: {why}" for what, why in stopped.items())


def _describe(journal: Journal, info: RunInfo) -> Iterator[tuple[str, str]]:
    """Yield facts about the run, as labels and texts."""
    yield "Command", _command(info)
    yield from (("Notice", notice.text) for notice in journal.notices() if notice.level is NoticeLevel.INFO)
    if info.rerun_of:
        yield "Rerun of", info.rerun_of
    if info.undo_of:
        yield "Undo of", info.undo_of
    yield "Started", _moment(info.started_at)
    yield "Ended", _moment(info.finished_at)
    yield "Version", f"oncall-importer {info.version}"
    yield "Rows read", f"{journal.count_rows():,}"
    if info.mapping_id:
        given = info.options.get("mapping")
        other = "that of the earlier run" if info.rerun_of else "given in the call"
        yield "Mapping", f"{PurePath(given).name if isinstance(given, str) else other} ({info.mapping_id})"
    options = [write_setting(name, value) for name, value in changed_options(info).items() if name in _OPTIONS]
    if options:
        yield "Options", " ".join(options)


def changed_options(info: RunInfo) -> dict[str, Any]:
    """Return the settings of a run that differ from the defaults."""
    defaults = {name: as_json(default) for name, default in DEFAULTS.items()}
    return {name: value for name, value in info.options.items() if value != defaults.get(name)}


def _command(info: RunInfo) -> str:
    """Return the command as it was typed; for a library's call, the command that it corresponds to."""
    if info.command_line:
        return shlex.join(["oncall-importer", *info.command_line])
    names = [PurePath(argument).name for argument in info.arguments if argument]
    return " ".join(["oncall-importer", info.command, *names, *(["--sandbox"] if info.is_sandbox else [])])


def _moment(iso: str) -> str:
    return iso.replace("T", " ").replace("Z", " UTC") or "not known"


def _targets(journal: Journal, info: RunInfo, settings: Settings) -> list[TargetFacts]:
    """Describe each target that has records or requests."""
    timelines: dict[TargetName, Timeline] = {}
    for target, tally in journal.traffic():
        timelines.setdefault(target, Timeline()).add(tally)
    known = {target for target, _ in journal.counts() if target} | set(timelines)
    return [
        TargetFacts(
            name=target.value,
            base_url="the embedded stand-in" if info.is_sandbox else info.base_urls.get(target, ""),
            limit=TARGETS[target].pace_of(settings),
            timeline=timelines.get(target),
        )
        for target in TargetName
        if target in known
    ]


def _look_at_shadows(journal: Journal) -> tuple[ShadowCalendar, list[Placement], bool]:
    """Draw the calendar of created shifts, and list who shadows where; return also whether the list is complete."""
    calendar = ShadowCalendar()
    placements: dict[tuple[str, str, str], Placement] = {}
    are_all = True
    for record, kind, key, zone, is_created in journal.page_shifts(MOST_RECORDS, list(SHIFTS)):
        schedule, named, user, start, end = SHIFTS[kind](key)
        if is_created:
            calendar.add(schedule, user, start, end, zone)
        if place := placements.get((schedule, named, user)):
            place.add(start, end)
        elif len(placements) < _MOST_PLACEMENTS:
            shadowed_type, _, shadowed = named.partition(" ")
            _, row = journal.row_of(record)
            source = f"{row.number}: {' · '.join(cell for cell in row.cells if cell.strip())}"
            place = Placement(schedule, shadowed_type.casefold(), shadowed, user, start, end, source)
            placements[schedule, named, user] = place
        else:
            are_all = False
    return calendar, [*placements.values()], are_all
