"""Records that overlap each other in time: warned of, or made problems, before anything is sent."""

from __future__ import annotations

from array import array
from itertools import chain
from typing import TYPE_CHECKING

from importer.journal.codec import row_of
from importer.kinds.registry import KINDS
from importer.log import log_warned
from importer.normalizer.plausibility import Level, overlaps
from importer.records import Outcome, Problem, Severity
from importer.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from importer.journal.journal import Journal
    from importer.journal.view import Place
    from importer.kinds.kind import Overlap
    from importer.records import Sheet


_PAIRS = 2000  # that are looked up, and written, in one go


def tell_overlaps(journal: Journal, level: Level, run: str) -> None:
    """Look for records that overlap, such as shadows of one person; warn of them, or make them invalid.

    `level` is for kinds whose records may overlap all the same. Of those that replace each other both are invalid.
    """
    sheets = journal.sheets()
    for kind in KINDS.values():
        overlap = kind.overlap
        if overlap is None or (level is Level.OFF and not overlap.is_replaced):
            continue
        spans = journal.spans(kind.name, (overlap.of, overlap.starts_at, overlap.ends_at))
        # All at once, for the journal is written meanwhile; in an array, for there can be one for each record.
        pairs = array("q", chain.from_iterable(overlaps(spans)))
        told: set[int] = set()
        for first in range(0, len(pairs), 2 * _PAIRS):
            part = pairs[first : first + 2 * _PAIRS]
            places = journal.places(part)
            found = list(_judge(zip(part[::2], part[1::2], strict=True), places, overlap, sheets, told))
            is_problem = level is Level.PROBLEM or overlap.is_replaced
            severity = Severity.PROBLEM if is_problem else Severity.WARNING
            journal.add_findings((row_of(record), severity, problem) for record, problem in found)
            if is_problem:
                journal.refuse_planned((record, _outcome(problem, run)) for record, problem in found)
                continue
            warned = ((places[record], problem.topic) for record, problem in found)
            log_warned((sheets[place.sheet].source, place.row, topic) for place, topic in warned)


def _outcome(problem: Problem, run: str) -> Outcome:
    return Outcome(Status.INVALID, error=problem.message, cell=problem.cell, hint=problem.hint, run=run)


def _judge(
    pairs: Iterable[tuple[int, int]], places: dict[int, Place], overlap: Overlap, sheets: list[Sheet], told: set[int]
) -> Iterator[tuple[int, Problem]]:
    """Yield the records to be told of, each with what is said about it; `told` are those that were already."""
    for later, previous in pairs:
        # Of what was sent already nothing can be taken back: then the other one is told of.
        pair = (later, previous) if places[later].is_planned else (previous, later)
        for record, other in (pair, pair[::-1]) if overlap.is_replaced else (pair,):
            if overlap.is_replaced:
                if record in told or not places[record].is_planned:
                    continue
                told.add(record)
            one = places[other]
            where = "" if one.sheet == places[record].sheet else f" of sheet {sheets[one.sheet].name}"
            place = f"cell {one.cell}" if one.cell else f"row {one.row}"
            words = overlap.words.format(other=f"the one of {place}{where}")
            yield record, Problem(words, overlap.hint, cell=places[record].cell, topic=overlap.topic)
