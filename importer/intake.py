"""Rows into the journal: what was read is normalized and written down, before anything is sent."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Protocol

from importer.errors import SourceError
from importer.journal import Entry, State
from importer.normalizer import COLUMNS, Normalizer
from importer.records import Key, Kind, Outcome, Problem, Row, Sheet, Status
from importer.reporter import is_report
from importer.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from importer.earlier import Left
    from importer.journal import Journal
    from importer.normalizer import Normalized
    from importer.reader import Chunk, Reading
    from importer.settings import Settings

_TARGET_OF = {target.kind: target for target in TARGETS.values()}


class ReadingObserver(Protocol):
    """Who wants to know what reading found."""

    def noticed(self, text: str) -> None:
        """Note a fact about a source."""

    def warned(self, sheet: Sheet, row: Row, warning: Problem) -> None:
        """Note something odd about a row that is sent all the same."""


class Intake:
    """Takes sources, or what an earlier run left, into a run's journal."""

    def __init__(self, journal: Journal, settings: Settings, run: str, observer: ReadingObserver) -> None:
        self._journal = journal
        self._settings = settings
        self._run = run
        self._observer = observer

    def take_source(self, reading: Reading) -> Iterator[int]:
        """Take a source in; gives the number of rows after each chunk.

        Raises:
            SourceError: it cannot be read, has no column of ours, or is a report of an earlier run.
        """
        known: dict[int, tuple[int, Normalizer] | None] = {}  # by the identity of the sheet, which its chunks share
        sheets = []  # keeps the identities alive
        for chunk in reading:
            if id(chunk.sheet) not in known:
                sheets.append(chunk.sheet)
                known[id(chunk.sheet)] = self._open_sheet(chunk.sheet)
            opened = known[id(chunk.sheet)]
            if opened is not None:
                self._take_chunk(*opened, chunk)
                yield len(chunk.rows)
        for notice in reading.notices:
            self._observer.noticed(notice)
        if not any(known.values()):
            raise SourceError(
                f"{_shown(reading.name)} has no column that we know: {_headers(sheets)}",
                hint=f"name its columns {', '.join(column.name for column in COLUMNS)}",
            )
        for sheet in sheets:
            if known[id(sheet)] is None:
                self._observer.noticed(f"sheet {sheet.name!r} of {sheet.source} has no column that we know; left out")
        self._journal.add_source(reading.name, reading.path, reading.sha256)

    def _open_sheet(self, sheet: Sheet) -> tuple[int, Normalizer] | None:
        if is_report(sheet.header):
            raise SourceError(
                f"{_shown(sheet.source)} is the report of an earlier run",
                hint=f"send what did not succeed with: oncall-importer rerun {_shown(sheet.source)}",
            )
        normalizer = self._normalizer(sheet)
        if not normalizer.layout.is_usable:
            return None
        if normalizer.layout.not_used:
            names = ", ".join(normalizer.layout.not_used)
            self._observer.noticed(f"not used of {sheet.source}, sheet {sheet.name!r}: {names}")
        return self._journal.add_sheet(sheet, normalizer.layout.not_used), normalizer

    def _normalizer(self, sheet: Sheet) -> Normalizer:
        return Normalizer(sheet, timezone=self._settings.timezone, provider=self._settings.provider)

    def _take_chunk(self, index: int, normalizer: Normalizer, chunk: Chunk) -> None:
        rows = []
        for row in chunk.rows:
            normalized = normalizer.normalize(row)
            for warning in normalized.warnings:
                self._observer.warned(chunk.sheet, row, warning)
            rows.append((row, list(self._entries(normalized))))
        self._journal.add_rows(index, rows)

    def _entries(self, normalized: Normalized, attempts: int = 0) -> Iterator[Entry]:
        """Give what a row goes into the journal as: its records, planned, or one invalid line with all its problems."""
        kind = normalized.kind
        target = _TARGET_OF[kind] if kind else None
        if normalized.problems or target is None:
            outcome = replace(describe_problems(normalized.problems), run=self._run)
            yield Entry(Status.INVALID, kind, target.name if target else None, outcome=outcome)
            return
        planned = Outcome(Status.PENDING, attempts=attempts)
        for record in normalized.records:
            key: Key = record.key
            yield Entry(State.PLANNED, kind, target.name, target.scope(key), key, outcome=planned)

    def take_left_over(self, chunks: Iterable[list[Left]]) -> Iterator[int]:
        """Take in what an earlier run left; gives the number of lines after each chunk."""
        known: dict[Sheet, tuple[int, Normalizer]] = {}
        for chunk in chunks:
            for sheet, lines in groupby(chunk, key=itemgetter(0)):
                if sheet not in known:
                    normalizer = self._normalizer(sheet)
                    known[sheet] = self._journal.add_sheet(sheet, normalizer.layout.not_used), normalizer
                index, normalizer = known[sheet]
                rows = [(row, list(self._carry(normalizer, row, left))) for _, row, left in lines]
                self._journal.add_rows(index, rows)
            yield len(chunk)

    def _carry(self, normalizer: Normalizer, row: Row, left: Entry | None) -> Iterator[Entry]:
        """Give what a row of an earlier run goes into the journal as; `left` is what that run left of it.

        A success stays as it is. What may have been applied is in doubt, and is asked about before anything else.
        Everything else is read anew, for the row may have been mended.
        """
        normalized = normalizer.normalize(row, left.kind if left else None)
        if left is None:
            yield from self._entries(normalized)
            return
        is_in_doubt = left.state in (State.SENDING, State.IN_DOUBT, Status.UNKNOWN)
        if left.state not in (Status.CREATED, Status.EXISTS) and not is_in_doubt:
            yield from self._entries(normalized, left.outcome.attempts)
            return
        kind, key = left.kind or normalized.kind, left.key or _only_key(normalized)
        state = left.state if not is_in_doubt else State.IN_DOUBT if key else Status.UNKNOWN
        yield _kept(left, state, kind, key, normalized.problems if state is Status.UNKNOWN else ())


def _kept(left: Entry, state: State | Status, kind: Kind | None, key: Key | None, problems: Iterable[Problem]) -> Entry:
    target = _TARGET_OF[kind] if kind else None
    scope = target.scope(key) if target and key else ""
    outcome = left.outcome
    if problems:  # sent by the earlier run, and now no valid record: nobody can ask about it
        wrong = describe_problems(problems)
        outcome = replace(outcome, error=f"{outcome.error}; {wrong.error}", cell=wrong.cell, hint=wrong.hint)
    return Entry(state, kind, target.name if target else None, scope, key, left.part, outcome)


def _only_key(normalized: Normalized) -> Key | None:
    return normalized.records[0].key if len(normalized.records) == 1 else None


def describe_problems(problems: Iterable[Problem]) -> Outcome:
    """Put all problems of a row into one outcome."""
    problems = tuple(problems)
    return Outcome(
        Status.INVALID,
        error="; ".join(problem.message for problem in problems),
        cell=", ".join(dict.fromkeys(problem.cell for problem in problems if problem.cell)),
        hint="; ".join(dict.fromkeys(problem.hint for problem in problems if problem.hint)),
    )


def _headers(sheets: Iterable[Sheet]) -> str:
    names = [text.strip() for sheet in sheets for text in sheet.header if text.strip()]
    return "it has " + ", ".join(_shown(name) for name in names[:12]) if names else "its header is empty"


def _shown(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text[:80])
