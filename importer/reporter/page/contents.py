"""What a page shows, as plain values; where they come from is not known here."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeAlias

from importer.kinds.registry import SHIFTS
from importer.notice import NoticeLevel
from importer.records import TargetName
from importer.reporter.page.charts import Bar as TimelineBar
from importer.reporter.page.charts import Placement, ShadowCalendar, Timeline
from importer.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from importer.journal.journal import Journal
    from importer.journal.run_folder import RunFolder
    from importer.journal.run_info import RunInfo
    from importer.records import Sheet
    from importer.settings import Settings
    from importer.statuses import Status


# ---- what a page shows


#: A record's line: record, sheet, row, part, kind, status, id, cell, reason, hint, cells as JSON.
Line = tuple[int, int, int, str, str, str, str, str, str, str, bytes]


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """One target of the run."""

    name: str
    base_url: str  #: or what stands for it; empty where nothing was sent there
    limit: float  #: requests a second that were allowed; infinite where there is no limit
    timeline: Timeline | None  #: None where no request is known of


@dataclass(frozen=True, slots=True)
class Contents:
    """All that a page shows."""

    run: str
    is_sandbox: bool
    is_undo: bool
    warnings: Sequence[str]  #: what ended early, and why
    facts: Sequence[tuple[str, str]]  #: what was run: a label and its text
    sources: Sequence[tuple[str, str]]  #: name and SHA-256
    targets: Sequence[TargetFacts]
    counts: Mapping[tuple[str, Status], int]  #: records by target (empty where there is none) and status
    placements: Sequence[Placement]  #: who shadows where
    are_placements_all: bool  #: False where there are more
    calendar: ShadowCalendar
    sheets: Sequence[Sheet]
    names: Mapping[tuple[str, str], str]  #: of "user" or "schedule" and an id
    most: int  #: of the records so many, the first ones, are shown, and of the others those that need attention
    lines: Iterable[Sequence[Line]]  #: in chunks, taken one by one


# ---- contents from the journal


MOST_RECORDS = 50_000  # beyond, a page shows only what needs attention
_MOST_PLACEMENTS = 300  # who shadows where, in the order of the source
_OPTIONS = {  # that change what is sent, or how fast, and their defaults
    "timezone": "",
    "provider": "",
    "date_order": "",
    "until": "",
    "sheet": [],
    "encoding": "",
    "hidden_rows": "",
    "strict": False,
    "if_exists": "skip",
    "replace_overrides": False,
    "canary": 0,
    "concurrency": 20,
    "no_closing_look": False,
}


def read_contents(
    folder: RunFolder, settings: Settings, stopped: Mapping[str, str], *, is_interrupted: bool
) -> Contents:
    """Return what the page of a run shows; its lines are read when they are asked for."""
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
        lines=journal.page_view.records(MOST_RECORDS),
    )


def _warnings(stopped: Mapping[str, str], *, is_interrupted: bool, is_undo: bool) -> Iterator[str]:
    if is_interrupted:
        yield f"It was interrupted: {'the same undo again' if is_undo else 'rerun'} goes on with what is left."
    yield from (f"{what} stopped: {why}" for what, why in stopped.items())


def _describe(journal: Journal, info: RunInfo) -> Iterator[tuple[str, str]]:
    """Yield what was run, as labels and texts."""
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
    options = [
        f"{name.replace('_', '-')} {', '.join(value) if isinstance(value, list) else str(value)}"
        for name, value in info.options.items()
        if name in _OPTIONS and value not in (None, "", [], False, 0, _OPTIONS[name])
    ]
    if options:
        yield "Options", "; ".join(options)


def _command(info: RunInfo) -> str:
    """Return the command as it was typed; of a library's call, what it would have been, with its files' names."""
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
        bar = TimelineBar(tally.requests, tally.limited, tally.failed)
        timelines.setdefault(target, Timeline()).add(tally.second, bar, tally.latencies, tally.slowest)
    known = {target for target, _ in journal.counts() if target} | set(timelines)
    return [
        TargetFacts(
            name=target.value,
            base_url="the embedded stand-in" if info.is_sandbox else info.base_urls.get(target, ""),
            limit=settings.rate.get(target, TARGETS[target].rate) * (1 - settings.headroom),
            timeline=timelines.get(target),
        )
        for target in TargetName
        if target in known
    ]


#: Schedule, shadowed and user.
Place: TypeAlias = tuple[str, str, str]


class _Span:
    """What is known of one placement so far."""

    __slots__ = ("ends_at", "first", "number", "starts_at")

    def __init__(self, first: int, starts_at: int, ends_at: int) -> None:
        self.first, self.number, self.starts_at, self.ends_at = first, 1, starts_at, ends_at

    def add(self, starts_at: int, ends_at: int) -> None:
        self.number += 1
        self.starts_at = min(self.starts_at, starts_at)
        self.ends_at = max(self.ends_at, ends_at)


def _look_at_shadows(journal: Journal) -> tuple[ShadowCalendar, list[Placement], bool]:
    """Draw the calendar of what was created, and list who shadows where; tell whether the list has all of them."""
    calendar = ShadowCalendar()
    spans: dict[Place, _Span] = {}
    are_all = True
    for record, kind, key, zone, is_created in journal.page_view.shifts(MOST_RECORDS, list(SHIFTS)):
        schedule, shadowed, user, start, end = SHIFTS[kind](key)
        if is_created:
            calendar.add(schedule, user, start, end, zone)
        span = spans.get((schedule, shadowed, user))
        if span is not None:
            span.add(start, end)
        elif len(spans) < _MOST_PLACEMENTS:
            spans[schedule, shadowed, user] = _Span(record, start, end)
        else:
            are_all = False
    return calendar, [_place(journal, place, span) for place, span in spans.items()], are_all


def _place(journal: Journal, place: Place, span: _Span) -> Placement:
    schedule, named, user = place
    shadowed_type, _, shadowed = named.partition(" ")
    _, row = journal.row_of(span.first)
    return Placement(
        schedule=schedule,
        shadowed_type=shadowed_type.casefold(),
        shadowed=shadowed,
        user=user,
        number=span.number,
        first=datetime.fromtimestamp(span.starts_at, UTC),
        last=datetime.fromtimestamp(span.ends_at, UTC),
        source=f"{row.number}: {_content(row.cells)}",
    )


def _content(cells: Sequence[str]) -> str:
    return " · ".join(cell for cell in cells if cell.strip())
