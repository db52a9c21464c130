"""The result of a command: counts, files, and the exit status (0, 1, 3, 4, 130) that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from importer.records import Finding, FindingKind, ReportLine, Severity, Sheet
from importer.statuses import Status


class Expected(NamedTuple):
    """What would happen to records that belong together: one person's on a schedule, or one provider's."""

    target: str
    kind: str  #: "shadow", or "Opal group"
    schedule: str  #: its name and its id; empty if there is none
    #: the person with the shifts, the provider of schedules, or the group: the name, with the id if it differs
    person: str
    numbers: Mapping[str, int]  #: records by what would happen: create, replace, exists, add to group, look up
    first: str = ""  #: the local day on which the first of them begins
    last: str = ""  #: the local day on which the last of them ends


class Repeated(NamedTuple):
    """A row that makes several records."""

    sheet: Sheet
    row: int
    number: int
    first: str  #: the local time at which the first begins
    last: str  #: the local time at which the last ends
    timezone: str


@dataclass(frozen=True, slots=True)
class Overview:
    """What would happen, by target, schedule and person."""

    expected: Sequence[Expected]
    repeated: Sequence[Repeated]  #: the first rows that make several records
    repeated_rows: int  #: how many such rows there are
    is_asked: bool  #: the targets were asked what exists


def by_target(counts: Mapping[tuple[str, Status], int]) -> dict[str, dict[str, int]]:
    """Return counts by target and status, as in a summary; `none` are records without a target."""
    found: dict[str, dict[str, int]] = {}
    for (target, status), number in sorted(counts.items()):
        found.setdefault(target or "none", {})[status.value] = number
    return found


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a run, rerun, check or undo."""

    rows: int  #: rows read
    counts: Mapping[tuple[str, Status], int]  #: records by target (empty if there is none) and status
    #: the first lines that need attention, in the order of the source; not in the repr, which asyncio logs
    problems: Sequence[tuple[Sheet, ReportLine]] = field(repr=False)
    run: str = ""  #: the run's name; empty for a check
    folder: Path | None = None  #: the run's folder
    files: Sequence[Path] = ()  #: the report's files as they were written
    #: what the importer stopped by itself, and why: a target, the report
    stopped: Mapping[str, str] = field(default_factory=dict)
    is_interrupted: bool = False
    #: the first findings about rows, in the order of the source
    findings: Sequence[tuple[Sheet, Finding]] = field(default=(), repr=False)
    topics: Sequence[tuple[Severity, str, int]] = ()  #: how often each kind of finding occurred
    kinds: Sequence[FindingKind] = field(default=(), repr=False)  #: each kind of finding, with its first three
    fails_on_warnings: bool = False  #: whether warnings count for the exit status
    seconds: float | None = None  #: from the run's beginning to its end, as `runs` shows it; None for a check
    sources: int = 1  #: how many sources have rows
    #: of a check: by target, pending records that wait for ids
    unresolved: Mapping[str, int] = field(default_factory=dict)
    notice: str = ""  #: what a file does not show, or which could not be made
    doubled: int = 0  #: records that are at the target more than once
    to_put_back: int = 0  #: unknown records whose cells do not say any more what was sent
    to_undo_again: int = 0  #: unknown records of which only another undo can tell what became of them
    #: the names of ids, by what they are ("user", "schedule") and by id
    names: Mapping[tuple[str, str], str] = field(default_factory=dict, repr=False)
    plan: Path | None = None  #: of a check: the plan that was written
    overview: Overview | None = None  #: of a check: what would happen
    undone: str = ""  #: of an undo: the folder of the run that it undoes

    @property
    def statuses(self) -> dict[Status, int]:
        """The number of records of each status that any has, in the order of `Status`."""
        totals = {status: self.count(status) for status in Status}
        return {status: total for status, total in totals.items() if total}

    def count(self, status: Status) -> int:
        """Count the records of one status."""
        return sum(number for (_, own), number in self.counts.items() if own is status)

    @property
    def warnings(self) -> int:
        """The number of warnings about rows."""
        return sum(number for severity, _, number in self.topics if severity is Severity.WARNING)

    @property
    def exit_status(self) -> int:
        """130 interrupted; else the highest of 4 (stopped), 3 (some unknown or there twice), 1 (some not done), 0."""
        is_in_doubt = self.count(Status.UNKNOWN) or self.doubled
        return self._ended or (3 if is_in_doubt else self._wrong(self.statuses))

    @property
    def check_status(self) -> int:
        """The exit status of `check`: pending rows are good ones that were not sent."""
        return self._ended or self._wrong(self.statuses.keys() - {Status.PENDING})

    @property
    def _ended(self) -> int:
        return 130 if self.is_interrupted else 4 if self.stopped else 0

    def _wrong(self, statuses: Iterable[Status]) -> int:
        is_warned = self.fails_on_warnings and self.warnings > 0
        return int(is_warned or any(status.needs_attention for status in statuses))
