"""What an earlier run left of a row -> what it goes into the new run's journal as. Reads and writes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from importer.journal import Entry, State
from importer.normalizer import Normalizer, quote, repeats
from importer.records import Key, Kind, Outcome, Problem, Row, Sheet, Status
from importer.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from importer.normalizer import Normalized

_TARGET_OF = {target.kind: target for target in TARGETS.values()}
_IN_DOUBT = frozenset({State.SENDING, State.IN_DOUBT, Status.UNKNOWN})


class SheetNormalizer:
    """Normalizes the rows of a report's sheet.

    A report holds the columns of all sheets of its source, and two of them can have spelled the same column in two
    ways. A row is of one sheet: it has filled one of them.
    """

    def __init__(self, sheet: Sheet, make: Callable[[Sheet], Normalizer]) -> None:
        self._sheet = sheet
        self._make = make
        self._groups = repeats(sheet)
        self._made: dict[tuple[int, ...], Normalizer] = {}

    @property
    def not_used(self) -> tuple[str, ...]:
        """The headers that are none of ours."""
        return self._choose(tuple(group[0] for group in self._groups)).layout.not_used

    def normalize(self, row: Row, kind: Kind | None) -> Normalized:
        """Make a row's records or tell its problems."""
        if not self._groups:
            return self._choose(()).normalize(row, kind)
        chosen = tuple(_filled(group, row.cells) for group in self._groups)
        return self._choose(tuple(ones[0] for ones in chosen)).normalize(self._with_clashes(row, chosen), kind)

    def _choose(self, chosen: tuple[int, ...]) -> Normalizer:
        if chosen not in self._made:
            left_out = {index for group in self._groups for index in group} - set(chosen)
            header = tuple("" if index in left_out else text for index, text in enumerate(self._sheet.header))
            self._made[chosen] = self._make(replace(self._sheet, header=header))
        return self._made[chosen]

    def _with_clashes(self, row: Row, chosen: Iterable[tuple[int, ...]]) -> Row:
        clashes = [ones for ones in chosen if len({row.cells[index].strip() for index in ones}) > 1]
        problems = tuple(
            Problem(
                f"{' and '.join(quote(self._sheet.header[index]) for index in ones)} say different things", "keep one"
            )
            for ones in clashes
        )
        return replace(row, problems=(*row.problems, *problems))


def _filled(group: tuple[int, ...], cells: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(index for index in group if cells[index].strip()) or group[:1]


def plan_row(normalized: Normalized, run: str, attempts: int = 0) -> Iterator[Entry]:
    """Give what a row that was just read goes in as: its records, planned, or one line with all its problems."""
    kind = normalized.kind
    target = _TARGET_OF[kind] if kind else None
    if normalized.problems or target is None:
        outcome = replace(describe_problems(normalized.problems), run=run)
        yield Entry(Status.INVALID, kind, target.name if target else None, outcome=outcome)
        return
    planned = Outcome(Status.PENDING, attempts=attempts)
    for record in normalized.records:
        key: Key = record.key
        yield Entry(State.PLANNED, kind, target.name, target.scope(key), key, outcome=planned)


def carry_row(normalized: Normalized, left: Entry | None, run: str) -> Iterator[Entry]:
    """Give what a row of an earlier run goes in as; `left` is what that run left of it.

    A success stays as it is. What may have been applied is in doubt, and is asked about before anything else.
    Everything else is planned anew, for the row may have been mended.
    """
    own = normalized.records[0].key if len(normalized.records) == 1 else None
    if left is None or not (left.state in _IN_DOUBT or _is_taken(left) or _may_be_taken(left)):
        yield from plan_row(normalized, run, left.outcome.attempts if left else 0)
    elif left.key and own and own != left.key:
        yield _refuse_changed(left, run)
    elif _is_taken(left) and left.outcome.id:
        yield _keep(left, left.state, normalized.kind, own)
    elif left.key or own:
        yield _keep(left, State.IN_DOUBT, normalized.kind, own)
    else:  # sent by the earlier run, and now no valid record: nobody can ask about it
        wrong = describe_problems(normalized.problems)
        words = f"{left.outcome.error}; {wrong.error}".removeprefix("; ")
        outcome = replace(left.outcome, status=Status.UNKNOWN, error=words, cell=wrong.cell, hint=wrong.hint)
        yield _keep(replace(left, outcome=outcome), Status.UNKNOWN, normalized.kind, None)


def _is_taken(left: Entry) -> bool:
    return left.state in (Status.CREATED, Status.EXISTS)


def _may_be_taken(left: Entry) -> bool:
    """Tell a duplicate whose first row did not succeed: that was perhaps in doubt, and has left the report since."""
    return left.state is Status.DUPLICATE and left.key is None and not left.outcome.id


def _keep(left: Entry, state: State | Status, kind: Kind | None, own: Key | None) -> Entry:
    key = left.key or own
    kind = left.kind if left.key else kind or left.kind  # the kind goes with the key
    target = _TARGET_OF[kind] if kind else None
    scope = target.scope(key) if target and key else ""
    return Entry(state, kind, target.name if target else None, scope, key, left.part, left.outcome)


def _refuse_changed(left: Entry, run: str) -> Entry:
    """Refuse a row whose cells say something else than what was sent for it."""
    if _is_taken(left):
        error = f"it says something else than what was created as {left.outcome.id}; nothing was sent"
        hint = "put the cells back; or, for a new record, empty import_status and import_id"
        outcome = Outcome(Status.INVALID, error=error, hint=hint, run=run)
        return Entry(Status.INVALID, left.kind, left.target, outcome=outcome)
    error = "it says something else than what was sent, and may have been created; nothing was sent"
    hint = "put the cells back and rerun: the target is asked first"
    outcome = replace(left.outcome, status=Status.UNKNOWN, error=error, hint=hint)
    return Entry(Status.UNKNOWN, left.kind, left.target, left.scope, left.key, left.part, outcome)


def describe_problems(problems: Iterable[Problem]) -> Outcome:
    """Put all problems of a row into one outcome."""
    problems = tuple(problems)
    return Outcome(
        Status.INVALID,
        error="; ".join(problem.message for problem in problems),
        cell=", ".join(dict.fromkeys(problem.cell for problem in problems if problem.cell)),
        hint="; ".join(dict.fromkeys(problem.hint for problem in problems if problem.hint)),
    )
