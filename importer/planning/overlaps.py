"""Records that overlap each other in time: warned of, or made problems, before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.journal.codec import row_of
from importer.kinds.registry import KINDS
from importer.log import log_finding
from importer.normalizer.plausibility import Level, overlaps
from importer.records import Outcome, Problem, Severity
from importer.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.journal.journal import Journal
    from importer.kinds.kind import Overlap
    from importer.records import Row, Sheet


_CHUNK = 2000  # records changed in one commit


def tell_overlaps(journal: Journal, level: Level, run: str) -> None:
    """Look for records that overlap, such as shadows of one person; warn of them, or make them invalid.

    `level` is for kinds whose records may overlap all the same. Of those that replace each other both are invalid.
    """
    sheets = journal.sheets()
    for kind in KINDS.values():
        overlap = kind.overlap
        if overlap is None or (level is Level.OFF and not overlap.is_replaced):
            continue
        own_level = Level.PROBLEM if overlap.is_replaced else level
        chunk: list[tuple[int, Problem]] = []
        for record, sheet, row, problem in _found(journal, sheets, kind.name, overlap):
            if own_level is Level.WARNING:
                log_finding(sheet.source, row.number, problem.topic)
            chunk.append((record, problem))
            if len(chunk) >= _CHUNK:
                _write(journal, chunk, own_level, run)
                chunk = []
        _write(journal, chunk, own_level, run)


def _found(
    journal: Journal, sheets: list[Sheet], kind: str, overlap: Overlap
) -> Iterator[tuple[int, Sheet, Row, Problem]]:
    spans = journal.spans(kind, (overlap.of, overlap.starts_at, overlap.ends_at))
    told = set()
    for later, previous in list(overlaps(spans)):  # a list, for the journal is written meanwhile
        # Of what was sent already nothing can be taken back: then the other one is told of.
        pair = (later, previous) if journal.is_planned(later) else (previous, later)
        for record, other in (pair, pair[::-1]) if overlap.is_replaced else (pair,):
            if overlap.is_replaced and (record in told or not journal.is_planned(record)):
                continue
            told.add(record)
            index, row = journal.row_of(record)
            other_index, other_row = journal.row_of(other)
            where = "" if other_index == index else f" of sheet {sheets[other_index].name}"
            cell, other_cell = journal.cell_of(record), journal.cell_of(other)
            place = f"cell {other_cell}" if other_cell else f"row {other_row.number}"
            words = overlap.words.format(other=f"the one of {place}{where}")
            yield record, sheets[index], row, Problem(words, overlap.hint, cell=cell, topic=overlap.topic)


def _write(journal: Journal, chunk: list[tuple[int, Problem]], level: Level, run: str) -> None:
    severity = Severity.PROBLEM if level is Level.PROBLEM else Severity.WARNING
    journal.add_findings([(row_of(record), severity, problem) for record, problem in chunk])
    if level is Level.PROBLEM:
        journal.refuse_planned(
            [
                (record, Outcome(Status.INVALID, error=problem.message, cell=problem.cell, hint=problem.hint, run=run))
                for record, problem in chunk
            ]
        )
