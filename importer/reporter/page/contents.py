"""What a page shows, as plain values; where they come from is not known here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from importer.records import Sheet, Status
    from importer.reporter.page.calendar import Calendar, Placement
    from importer.reporter.page.timeline import Timeline

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
    calendar: Calendar
    sheets: Sequence[Sheet]
    most: int  #: of the records so many, the first ones, are shown, and of the others those that need attention
    lines: Iterable[Sequence[Line]]  #: in chunks, taken one by one
