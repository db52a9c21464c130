"""Shadows of one person that overlap: told, or made problems, before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.journal.codec import row_of
from importer.log import log_finding
from importer.normalizer.plausibility import Level, overlaps
from importer.records import Outcome, Problem, Severity
from importer.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.journal.journal import Journal
    from importer.observer import ReadingObserver
    from importer.records import Row, Sheet


_TOPIC = "shadows of one person overlap"
_HINT = "check both rows: one person can hardly shadow twice at the same time"
_CHUNK = 2000  # records changed in one commit


def tell_overlaps(journal: Journal, level: Level, run: str, observer: ReadingObserver) -> None:
    """Look for shadows that overlap an earlier one of the same person; tell them, or make them invalid."""
    if level is Level.OFF:
        return
    sheets = journal.sheets()
    chunk: list[tuple[int, Problem]] = []
    for record, sheet, row, problem in _found(journal, sheets):
        if level is Level.WARNING:
            observer.warned(sheet, row, problem)
            log_finding(sheet.source, row.number, problem.topic)
        chunk.append((record, problem))
        if len(chunk) >= _CHUNK:
            _write(journal, chunk, level, run)
            chunk = []
    _write(journal, chunk, level, run)


def _found(journal: Journal, sheets: list[Sheet]) -> Iterator[tuple[int, Sheet, Row, Problem]]:
    for later, previous in list(overlaps(journal.shadow_spans())):  # a list, for the journal is written meanwhile
        # Of what was sent already nothing can be taken back: then the other one is told of.
        record, other = (later, previous) if journal.is_planned(later) else (previous, later)
        index, row = journal.row_of(record)
        other_index, other_row = journal.row_of(other)
        where = "" if other_index == index else f" of sheet {sheets[other_index].name}"
        words = f"the shadow overlaps the one of row {other_row.number}{where}, by the same person"
        yield record, sheets[index], row, Problem(words, _HINT, topic=_TOPIC)


def _write(journal: Journal, chunk: list[tuple[int, Problem]], level: Level, run: str) -> None:
    severity = Severity.PROBLEM if level is Level.PROBLEM else Severity.WARNING
    journal.add_findings([(row_of(record), severity, problem) for record, problem in chunk])
    if level is Level.PROBLEM:
        journal.refuse_planned(
            [
                (record, Outcome(Status.INVALID, error=problem.message, hint=problem.hint, run=run))
                for record, problem in chunk
            ]
        )
