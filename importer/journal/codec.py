"""Entries and outcomes to the values of SQL, and back. Opens nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from importer.journal.entries import NO_OUTCOME, Change, Claimed, Entry, State, Unresolved
from importer.records import Finding, Key, Kind, Outcome, Problem, ReportLine, Row, Severity, Status, TargetName

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: What an undecided record is called in a report.
_REPORTED = {
    State.UNRESOLVED: Status.PENDING,
    State.PLANNED: Status.PENDING,
    State.SENDING: Status.UNKNOWN,
    State.IN_DOUBT: Status.UNKNOWN,
}
#: More than a row can have parts, so that records can take their place in the order of the source later.
_PARTS = 1024


def _read_state(text: str) -> State | Status:
    return State(text) if text in _REPORTED else Status(text)


def read_status(text: str) -> Status:
    """Read a record's state as the report calls it."""
    return _REPORTED[State(text)] if text in _REPORTED else Status(text)


def states_of(statuses: Iterable[Status]) -> list[str]:
    """Give the states that a report calls by one of these statuses."""
    wanted = set(statuses)
    return [*(state for state, status in _REPORTED.items() if status in wanted), *wanted]


def dump_key(key: Key) -> str:
    """Write a key as the journal compares it."""
    return orjson.dumps(key).decode()


def read_claimed(values: tuple[int, str, str, int]) -> Claimed:
    """Read a record to be sent."""
    id_, key, scope, attempts = values
    return Claimed(id_, tuple(orjson.loads(key)), scope, attempts)


def _outcome_values(outcome: Outcome) -> tuple[str | int, ...]:
    return (
        outcome.id,
        outcome.http_status,
        outcome.error,
        outcome.cell,
        outcome.hint,
        outcome.attempts,
        outcome.finished_at,
        outcome.run,
    )


def change_values(change: Change) -> tuple[str | int, ...]:
    """Give the values of the statement `change`."""
    return (change.state, *_outcome_values(change.outcome), change.id)


def first_id(row: int) -> int:
    """Give the id of a row's first record; `row` is the row's number in the journal."""
    return row * _PARTS


def row_of(record: int) -> int:
    """Give the number in the journal of the row that a record is of."""
    return record // _PARTS


def record_values(id_: int, entry: Entry) -> tuple[str | int | None, ...]:
    """Give the values of the statement `insert_record`."""
    key = None if entry.key is None else dump_key(entry.key)
    scope = None if entry.key is None else entry.scope
    values = (entry.part, entry.kind, entry.target, scope, key, entry.state)
    return (id_, row_of(id_), *values, *_outcome_values(entry.outcome), entry.zone, entry.was or "")


def is_new(entry: Entry) -> bool:
    """Tell whether nothing is known of an entry's record yet."""
    return entry.outcome is NO_OUTCOME and entry.was is None and entry.key is not None


def planned_values(id_: int, entry: Entry) -> tuple[str | int | None, ...]:
    """Give the values of the statement `insert_planned`."""
    key = None if entry.key is None else dump_key(entry.key)
    return (id_, row_of(id_), entry.part, entry.kind, entry.target, entry.scope, key, entry.state, entry.zone)


def read_line(values: tuple[Any, ...], sheet_names: Sequence[str], run: str) -> ReportLine:
    """Read a line of the report."""
    sheet, number, part, kind, cells, state, *known, first, first_sheet, line = values
    outcome = Outcome(read_status(state), *known)
    if not outcome.run:
        outcome = replace(outcome, run=run)  # every line says whose it is, also one that nothing was done about
    if outcome.status is Status.DUPLICATE and first is not None:
        where = "" if first_sheet == sheet else f" of sheet {sheet_names[first_sheet]}"
        outcome = replace(outcome, error=f"the same record as row {first}{where}")
    return ReportLine(sheet, number, part, kind and Kind(kind), tuple(orjson.loads(cells)), outcome, line)


def read_entry(values: tuple[Any, ...]) -> tuple[int, Row, Entry]:
    """Read what went in for a row, and what became of it: sheet, row, entry."""
    sheet, number, line, cells, part, kind, target, scope, key, state, zone, was, *known = values
    entry = Entry(
        state=_read_state(state),
        kind=kind and Kind(kind),
        target=target and TargetName(target),
        scope=scope or "",
        key=None if key is None else tuple(orjson.loads(key)),
        part=part,
        zone=zone,
        was=_read_state(was) if was else None,
        outcome=Outcome(read_status(state), *known),
    )
    return sheet, Row(number, tuple(orjson.loads(cells)), line), entry


def read_unresolved(values: tuple[Any, ...]) -> Unresolved:
    """Read a row that waits for ids."""
    id_, sheet, number, line, cells, part, kind, key, was, *known = values
    own = kind and Kind(kind)
    left = None
    if was:
        outcome = Outcome(read_status(was), *known)
        left = Entry(_read_state(was), own, key=key and tuple(orjson.loads(key)), part=part, outcome=outcome)
    return Unresolved(id_, sheet, Row(number, tuple(orjson.loads(cells)), line), own, left)


def read_finding(values: tuple[Any, ...]) -> Finding:
    """Read what was found about a row."""
    severity, sheet, number, line, cells, *problem = values
    return Finding(Severity(severity), sheet, Row(number, tuple(orjson.loads(cells)), line), Problem(*problem))
