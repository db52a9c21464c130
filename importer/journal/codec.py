"""Converts entries and outcomes to SQL values and back; loads the .sql files. Opens no database."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files
from typing import Any, TypeVar

import orjson

from importer.journal.states import (
    NO_OUTCOME,
    BindingState,
    Change,
    Claimed,
    Entry,
    Joined,
    Prospect,
    State,
    SummedUp,
    Tally,
    Unresolved,
)
from importer.notice import Notice, NoticeLevel
from importer.records import Finding, Key, Outcome, Problem, ReportLine, Row, Scope, Severity, Sheet, TargetName
from importer.statuses import Status

# ---- named statements of the .sql files


def load_schema() -> str:
    """Return the statements that make an empty journal."""
    return files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")


def _load_queries() -> dict[str, str]:
    """Return the statements of `queries.sql` by the name in the `-- name:` line above each.

    A line can begin with `@` and the name of an earlier statement, which is inserted there.
    """
    text = files(__package__).joinpath("queries.sql").read_text(encoding="utf-8")
    queries: dict[str, str] = {}
    for part in text.split("-- name: ")[1:]:
        name, _, statement = part.partition("\n")
        queries[name] = re.sub(r"(?m)^@(\w+)", lambda found: queries[found[1]], statement.strip())
    return queries


QUERIES = _load_queries()


# ---- entries and outcomes as SQL values


class MalformedError(Exception):
    """A journal holds JSON or a state that makes no sense, so the importer did not write it."""


_Values = TypeVar("_Values")
_Decoded = TypeVar("_Decoded")


def decode(read: Callable[[_Values], _Decoded], values: _Values) -> _Decoded:
    """Return the result of a function for SQL values.

    Raises:
        MalformedError: they make no sense.
    """
    try:
        return read(values)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise MalformedError(f"a value in it makes no sense ({type(error).__name__}: {error})") from error


#: The status that a report gives to an undecided record.
_REPORTED = {
    State.UNRESOLVED: Status.PENDING,
    State.PLANNED: Status.PENDING,
    State.SENDING: Status.UNKNOWN,
    State.IN_DOUBT: Status.UNKNOWN,
    State.UNBOUND: Status.PENDING,
    State.REPORTED: Status.UNKNOWN,
}
#: More than a row can have parts, so that its records can be inserted in the order of the source later.
_PARTS = 1024


_STATES: dict[str, State | Status] = {state.value: state for state in (*Status, *State)}
_STATUSES = {text: _REPORTED[state] if isinstance(state, State) else state for text, state in _STATES.items()}


def read_status(text: str) -> Status:
    """Read a record's state as the status that a report has."""
    return decode(_STATUSES.__getitem__, text)


def states_of(statuses: Iterable[Status]) -> list[str]:
    """Return the states that have one of these statuses in a report."""
    wanted = set(statuses)
    return [*(state for state, status in _REPORTED.items() if status in wanted), *wanted]


def dump_key(key: Key) -> str:
    """Write a key in the form in which the journal compares it."""
    return orjson.dumps(key).decode()


def _make_row(number: int, line: int, written: bytes, flaws: bytes | None = None) -> Row:
    """Read a row's cells, and what was wrong with them while they were read."""
    cells = tuple(orjson.loads(written))
    "".join(cells)  # a TypeError if one is not a text
    return Row(number, cells, line, tuple(Problem(*one) for one in orjson.loads(flaws)) if flaws else ())


def dump_flaws(problems: Iterable[Problem]) -> bytes:
    """Write what was found wrong while a row was read."""
    return orjson.dumps([list(one) for one in problems])


def read_claimed(values: tuple[int, str, str, str, int]) -> Claimed:
    """Read a record to be sent."""
    id_, key, kind, scope, attempts = values
    return Claimed(id_, tuple(orjson.loads(key)), Scope(kind, scope), attempts)


# An enum's value is bound, not the member: sqlite3 takes a plain str at once, and a subclass only slowly.


def change_values(change: Change) -> tuple[str | int, ...]:
    """Return the values of the statement `change`."""
    return (change.state.value, *change.outcome[1:], change.id)


def first_id(row: int) -> int:
    """Return the id of a row's first record; `row` is the row's number in the journal."""
    return row * _PARTS


def row_of(record: int) -> int:
    """Return the journal's number of the row that a record belongs to."""
    return record // _PARTS


def record_values(id_: int, entry: Entry) -> tuple[str | int | None, ...]:
    """Return the values of the statement `insert_record`."""
    *planned, zone = planned_values(id_, entry)
    return (*planned, *entry.outcome[1:], zone, entry.was.value if entry.was else "")


def binding_values(id_: int, entry: Entry) -> list[tuple[int, str, str]]:
    """Return the values of the statement `insert_binding`, for each group of a record."""
    wanted = [(id_, group, BindingState.WANTED.value) for group in entry.groups if group not in entry.bound]
    carried = [(id_, group, BindingState.CARRIED.value) for group in entry.bound]
    return wanted + carried + [(id_, group, BindingState.LEAVING.value) for group in entry.leaving]


def is_new(entry: Entry) -> bool:
    """Return whether nothing is known about an entry's record yet."""
    return entry.state is State.PLANNED and entry.outcome is NO_OUTCOME and entry.was is None and entry.key is not None


def planned_values(id_: int, entry: Entry) -> tuple[str | int | None, ...]:
    """Return the values of the statement `insert_planned`."""
    state, kind, target, scope, key, part, _, zone, *_ = entry
    return (
        id_,
        id_ // _PARTS,
        part,
        kind,
        target and target.value,
        None if key is None else scope,
        None if key is None else dump_key(key),
        state.value,
        zone,
    )


def read_line(values: tuple[Any, ...], sheets: Sequence[Sheet], run: str) -> ReportLine:
    """Read a line of the report."""
    _, sheet, number, part, kind, cells, state, *known, first, first_sheet, line, key, zone = values
    id_, http_status, error, cell, hint, attempts, finished_at, decided_by = known
    status = _STATUSES[state]
    if status is Status.DUPLICATE and first is not None:
        error = f"the same record as row {first}{sheets[first_sheet].seen_from(sheets[sheet])}"
    # Every line names its run, even if nothing was done about it.
    outcome = Outcome(status, id_, http_status, error, cell, hint, attempts, finished_at, decided_by or run)
    own_key = None if key is None else tuple(orjson.loads(key))
    return ReportLine(sheet, number, part, kind, tuple(orjson.loads(cells)), outcome, line, own_key, zone)


def read_entry(values: tuple[Any, ...]) -> tuple[int, Row, Entry]:
    """Read a row's entry with its outcome: sheet, row, entry."""
    sheet, number, line, cells, flaws, part, kind, target, scope, key, state, zone, was, groups, bound, *known = values
    entry = Entry(
        state=_STATES[state],
        kind=kind,
        target=target and TargetName(target),
        scope=scope or "",
        key=None if key is None else tuple(orjson.loads(key)),
        part=part,
        zone=zone,
        was=_STATES[was] if was else None,
        groups=tuple(orjson.loads(groups)),
        bound=tuple(orjson.loads(bound)),
        outcome=Outcome(read_status(state), *known),
    )
    return sheet, _make_row(number, line, cells, flaws), entry


def read_prospect(values: tuple[Any, ...]) -> Prospect:
    """Read a record for a plan."""
    *own, replaces, id_, first_row, first_sheet = values
    sheet, row, entry = read_entry(tuple(own))
    entry = entry._replace(outcome=entry.outcome._replace(id=id_))
    return Prospect(sheet, row, entry, replaces, first_row, first_sheet)


def read_summed_up(values: tuple[Any, ...]) -> SummedUp:
    """Read the sum of records of one state and person."""
    state, is_replacing, number, starts_at, ends_at, zone, key = values
    return SummedUp(_STATES[state], bool(is_replacing), number, starts_at, ends_at, zone, tuple(orjson.loads(key)))


def read_created(values: tuple[Any, ...]) -> tuple[int, Row, Entry, Joined]:
    """Read what a run created, or added to groups: sheet, row, entry, and these groups."""
    *own, added, removed = values
    sheet, row, entry = read_entry(tuple(own))
    entry = entry._replace(groups=(), bound=())  # the groups of the run itself no longer matter
    return sheet, row, entry, Joined(tuple(orjson.loads(added)), tuple(orjson.loads(removed)))


def read_unresolved(values: tuple[Any, ...]) -> Unresolved:
    """Read a row that waits for ids."""
    id_, sheet, number, line, cells, flaws, part, kind, key, was, *known = values
    left = None
    if was:
        outcome = Outcome(read_status(was), *known)
        left = Entry(_STATES[was], kind, key=key and tuple(orjson.loads(key)), part=part, outcome=outcome)
    return Unresolved(id_, sheet, _make_row(number, line, cells, flaws), kind, left)


def read_finding(values: tuple[Any, ...]) -> Finding:
    """Read what was found about a row."""
    severity, sheet, number, line, cells, *problem = values
    return Finding(Severity(severity), sheet, _make_row(number, line, cells), Problem(*problem))


def tally_values(target: TargetName, tally: Tally) -> tuple[Any, ...]:
    """Return the values of the statement `insert_traffic`."""
    latencies = orjson.dumps(tally.latencies, option=orjson.OPT_NON_STR_KEYS)
    return (target, tally.second, tally.requests, tally.limited, tally.failed, tally.slowest, latencies)


def read_tally(values: tuple[Any, ...]) -> tuple[TargetName, Tally]:
    """Read the counts of requests to a target in one second."""
    target, second, requests, limited, failed, slowest, latencies = values
    counts = {int(bucket): number for bucket, number in orjson.loads(latencies).items()}
    return TargetName(target), Tally(second, requests, limited, failed, slowest, counts)


def read_sheet(values: tuple[Any, ...]) -> tuple[Sheet, tuple[str, ...]]:
    """Read a sheet, and its headers that are not used."""
    source, name, header, positions, not_used, header_row, origin, table = values
    places = tuple(map(int, orjson.loads(positions)))
    sheet = Sheet(source, name, tuple(map(str, orjson.loads(header))), places, header_row, origin=origin, table=table)
    return sheet, tuple(map(str, orjson.loads(not_used)))


def read_row(values: tuple[Any, ...]) -> tuple[int, Row]:
    """Read a row, and the index of its sheet."""
    sheet, number, line, cells = values
    return sheet, _make_row(number, line, cells)


def read_notice(values: tuple[str, str]) -> Notice:
    """Read a notice."""
    level, text = values
    return Notice(text, NoticeLevel(level))


def read_key(text: str) -> Key:
    """Read a key."""
    return decode(lambda written: tuple(orjson.loads(written)), text)
