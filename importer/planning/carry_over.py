"""Which rows a rerun sends again, and what an undo deletes: an earlier run's outcome to an entry in the new journal.

Reads and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeAlias

from importer.journal.states import KEEP_ONE, NO_OUTCOME, Entry, Joined, State
from importer.kinds import KINDS
from importer.normalizer.header import repeats
from importer.normalizer.mapping import Rules
from importer.normalizer.row import Normalized, Normalizer
from importer.records import (
    CHANGED_IN_DOUBT,
    UNDO_AGAIN,
    Key,
    Outcome,
    Problem,
    Row,
    Sheet,
    TargetName,
    read_part,
    write_part,
)
from importer.statuses import Status
from importer.targets import TARGETS
from importer.wording import quote

_IN_DOUBT = frozenset({State.SENDING, State.IN_DOUBT, Status.UNKNOWN})
_MADE = frozenset({Status.CREATED, Status.EXISTS})
_WITHOUT_PART = Problem("its row makes several records, and nothing says which of them it is", "Put import_part back.")

_ONLY_REPORTED = "only a report says that it is there, and the target was not asked"
_ASK_AGAIN = "Rerun when the target can be asked."


class SheetNormalizer:
    """Normalizes the rows of a report's sheet.

    A report holds the columns of all sheets of its source, and two sheets can spell the same column in two ways. A row
    belongs to one sheet, so it has filled only one of them.
    """

    def __init__(self, sheet: Sheet, rules: Rules) -> None:
        self._sheet = sheet
        self._rules = rules
        mapping = rules.mapping.of_sheet(sheet.name)  # whose columns stand in the report beside those of all sheets
        self._groups = repeats(sheet, mapping, rules.provider, is_known=rules.is_repeated)
        self._made: dict[tuple[int, ...], Normalizer] = {}

    @property
    def not_used(self) -> tuple[str, ...]:
        """The headers that are not used."""
        return self._choose(tuple(group[0] for group in self._groups)).layout.not_used

    def normalize(self, row: Row, kind: str | None) -> Normalized:
        """Make a row's records, or its problems."""
        if not self._groups:
            return self._choose(()).normalize(row, kind)
        chosen = tuple(_filled(group, row.cells) for group in self._groups)
        return self._choose(tuple(ones[0] for ones in chosen)).normalize(self._with_clashes(row, chosen), kind)

    def _choose(self, chosen: tuple[int, ...]) -> Normalizer:
        if chosen not in self._made:
            left_out = {index for group in self._groups for index in group} - set(chosen)
            header = tuple("" if index in left_out else text for index, text in enumerate(self._sheet.header))
            self._made[chosen] = Normalizer(replace(self._sheet, header=header), self._rules)
        return self._made[chosen]

    def _with_clashes(self, row: Row, chosen: Iterable[tuple[int, ...]]) -> Row:
        clashes = [ones for ones in chosen if len({row.cells[index].strip() for index in ones}) > 1]
        problems = tuple(
            Problem(
                f"{' and '.join(quote(self._sheet.header[index]) for index in ones)} say different things", "Keep one."
            )
            for ones in clashes
        )
        return row._replace(problems=(*row.problems, *problems))


def _filled(group: tuple[int, ...], cells: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(index for index in group if cells[index].strip()) or group[:1]


def plan_row(normalized: Normalized, run: str, attempts: int = 0) -> Iterator[Entry]:
    """Yield the entries of a row that was just read: its records, planned, or one entry with all its problems.

    A row that names something to be looked up waits for that, even if it has problems: all are reported together.
    """
    kind = normalized.kind
    known = KINDS[kind] if kind else None
    if known is None or (normalized.problems and not normalized.references):
        outcome = describe_problems(normalized.problems)._replace(run=run)
        yield Entry(Status.INVALID, kind, known.target if known else None, outcome=outcome)
        return
    planned = NO_OUTCOME._replace(attempts=attempts) if attempts else NO_OUTCOME
    if normalized.references:
        yield Entry(State.UNRESOLVED, kind, known.target, outcome=planned)
    for number, record in enumerate(normalized.records, 1):
        key: Key = record.key
        part = write_part(number, len(normalized.records)) if len(normalized.records) > 1 else ""
        zone, groups = normalized.zone, normalized.groups
        own = planned._replace(cell=normalized.cells[number - 1]) if normalized.cells else planned
        yield Entry(State.PLANNED, kind, known.target, known.scope(key), key, part, own, zone, groups=groups)


def carry_row(normalized: Normalized, left: Entry | None, run: str, *, is_unedited: bool = False) -> Iterator[Entry]:
    """Yield the entries of a row of an earlier run; `left` is what that run left of it.

    A success stays as it is; if its row says something else now, it is refused until the cells are put back. The target
    is asked about a success that only a report claims, and about what may have been applied. What an undo took back
    stays undone. Everything else is planned anew, because the row may have been corrected; `is_unedited` says that it
    was not. A record that exists but is not in all of its groups is kept, with the groups that are left. A cell that
    the earlier run named is dropped: it can be in another file.
    """
    left = left and left._replace(outcome=left.outcome._replace(cell=""))
    if left is not None and (left.state is Status.UNDONE or left.outcome.is_to_undo_again):
        yield _keep(left, left.state, normalized)._replace(was=left.was)
    else:
        yield from _carry(normalized, left, run, is_unedited=is_unedited)


def _carry(normalized: Normalized, left: Entry | None, run: str, *, is_unedited: bool) -> Iterator[Entry]:
    is_unbound = left is not None and left.was in _MADE
    left = left and made_again(left)
    is_record = bool(normalized.records)
    if left is not None and left.part:
        normalized = _part(normalized, left.part)
    own = normalized.records[0].key if len(normalized.records) == 1 else None
    if left is not None and normalized.references and not (normalized.problems and _counts_already(left)):
        is_known = is_unedited and left.key is not None and _is_of_its_cells(left)
        if is_known:
            yield _keep(left, _kept_state(left), normalized)._replace(groups=left.groups)
        else:
            yield _keep(left, State.UNRESOLVED, normalized)._replace(was=left.state, groups=())
    elif left is None or not _counts_already(left):
        for entry in plan_row(normalized, run, left.outcome.attempts if left else 0):
            yield entry._replace(part=left.part) if left and left.part else entry
    elif _is_refused(left):
        yield _take_back(left, normalized) if left.key and left.key == own else _refuse_changed(left, run)
    elif _is_taken(left) and left.key and _is_wrong_about_groups(normalized, is_unbound=is_unbound):
        yield _refuse_groups(left, normalized)
    elif is_record and _is_changed(left, own):
        yield _refuse_changed(left, run)
    elif left.key or own:
        yield _keep(left, _kept_state(left), normalized, own)
    else:  # sent by the earlier run, and not a valid record any more: the target cannot be asked about it
        wrong = describe_problems(normalized.problems or (_WITHOUT_PART,))
        words = f"{CHANGED_IN_DOUBT}; {wrong.error}"
        outcome = left.outcome._replace(status=Status.UNKNOWN, error=words, cell=wrong.cell, hint=wrong.hint)
        yield _keep(left._replace(outcome=outcome), Status.UNKNOWN, normalized)


def carry_unresolved(left: Entry | None, run: str) -> Entry | None:
    """Return the entry of a row whose ids cannot be looked up now; None: it stays as it is, unresolved."""
    if left is None or not _counts_already(left):
        return None
    if _is_refused(left):
        return _refuse_changed(left, run)
    if _has_groups(left) and left.key and _is_taken(left):
        return None  # it is there, but it is unknown whether it is in the groups that its row names now
    if _has_groups(left) and not _is_taken(left):
        return _leave_unknown(left, run)
    return _keep(left, _kept_state(left)) if left.key else _leave_unknown(left, run)


def _has_groups(left: Entry) -> bool:
    """Return whether records of the kind are added to groups."""
    return left.kind is not None and TARGETS[KINDS[left.kind].target].grouping is not None


def _leave_unknown(left: Entry, run: str) -> Entry:
    hint = "Rerun it when the target can be asked for what its row names."
    return _keep(left._replace(outcome=left.outcome._replace(hint=hint, run=run)), Status.UNKNOWN)


def made_again(left: Entry) -> Entry:
    """Return a record that was created but not added to all of its groups as what it will be: created, or exists.

    If only a report says so, and the target was not asked yet, it is again what that report says.
    """
    if left.was not in _MADE or not left.outcome.id:
        return left
    key = None if left.state is State.REPORTED else left.key
    outcome = left.outcome._replace(status=Status(left.was), error="", hint="", http_status=0)
    return left._replace(state=left.was, was=None, key=key, outcome=outcome)


def _part(normalized: Normalized, part: str) -> Normalized:
    """Select one of the records that a row makes: the one that a line of a report is about, such as `3 of 12`."""
    if not normalized.records:
        return normalized
    made = len(normalized.records)
    wanted = read_part(part)
    for number, record in enumerate(normalized.records, 1):
        if wanted == write_part(number, made):
            return normalized._replace(records=(record,), cells=normalized.cells[number - 1 : number])
    problem = Problem(
        f"the line is part {part} of its row, and the row makes {made} record{'' if made == 1 else 's'} now",
        "Put its cells back. For a new plan keep one line of the row, and empty its import columns.",
        topic="a part that its row does not make any more",
    )
    return normalized._replace(records=(), problems=(problem,))


def _is_changed(left: Entry, own: Key | None) -> bool:
    """Return whether a good row is certainly not what was sent; `own` is its key, None if it is not one record."""
    if own is None:
        return bool(left.part or left.key)  # otherwise only the column import_part may have been deleted
    return left.key not in (None, own)


def _is_taken(left: Entry) -> bool:
    return left.state in _MADE


def _is_refused(left: Entry) -> bool:
    """Return whether a row was refused because it differs from the record that was created for it."""
    return left.state is Status.INVALID and left.outcome.id != ""


def _is_of_its_cells(left: Entry) -> bool:
    """Return whether something was sent for a row that matched the row when it was last looked at."""
    return (left.state in _IN_DOUBT and not left.outcome.is_to_put_back) or _is_taken(left)


def _counts_already(left: Entry) -> bool:
    """Return whether a row's record may already be at the target, by what an earlier run left."""
    # The first row of a duplicate, perhaps in doubt, can have been deleted from the report since.
    may_be_taken = left.state is Status.DUPLICATE and left.key is None and not left.outcome.id
    return may_be_taken or left.state in _IN_DOUBT or _is_taken(left) or _is_refused(left)


def _kept_state(left: Entry) -> State | Status:
    """Return the state of what was sent: a success in a journal stays one; the target is asked about all else."""
    if not (_is_taken(left) and left.outcome.id):
        return State.IN_DOUBT
    return left.state if left.key else State.REPORTED


def _keep(left: Entry, state: State | Status, normalized: Normalized | None = None, own: Key | None = None) -> Entry:
    key = left.key or own
    kind = normalized.kind if normalized else None
    kind = left.kind if left.key else kind or left.kind  # the kind goes with the key
    known = KINDS[kind] if kind else None
    scope = known.scope(key) if known and key else ""
    zone = left.zone or (normalized.zone if normalized else "")
    groups = normalized.groups if normalized else left.groups
    # A success that only a report claims is in its groups, if the target has it at all.
    bound = groups if _is_taken(left) and left.key is None else left.bound
    name = known.target if known else None
    is_one = normalized is not None and len(normalized.cells) == 1
    outcome = left.outcome._replace(cell=normalized.cells[0]) if normalized and is_one else left.outcome
    was = Status.DUPLICATE if (state, left.state) == (State.IN_DOUBT, Status.DUPLICATE) else None
    entry = Entry(state, kind, name, scope, key, left.part, outcome, zone, was, groups=groups, bound=bound)
    if state is not State.REPORTED:
        return entry
    hint = KEEP_ONE if outcome.hint == KEEP_ONE else _ASK_AGAIN
    return entry._replace(was=left.state, outcome=outcome._replace(error=_ONLY_REPORTED, hint=hint))


def _refuse_changed(left: Entry, run: str) -> Entry:
    """Refuse a row whose cells differ from what was sent for it; what was sent stays known."""
    if not (_is_taken(left) or _is_refused(left)):
        hint = "Put the cells back and rerun: the target is asked first."
        outcome = left.outcome._replace(status=Status.UNKNOWN, error=CHANGED_IN_DOUBT, hint=hint)
        return _keep(left, Status.UNKNOWN)._replace(outcome=outcome)
    if left.outcome.status is Status.INVALID:  # perhaps for another reason: the target does not have it any more
        return _keep(left, Status.INVALID)
    error = f"it differs from what was created as {left.outcome.id}; nothing was sent"
    hint = "Put the cells back; or, for a new record, empty import_status and import_id."
    if left.key is None:
        hint = "Empty import_status and import_id: the target is asked first whether it has what the cells say."
    outcome = Outcome(Status.INVALID, id=left.outcome.id, error=error, hint=hint, run=left.outcome.run or run)
    return _keep(left, Status.INVALID)._replace(outcome=outcome)


def _is_wrong_about_groups(normalized: Normalized, *, is_unbound: bool) -> bool:
    """Return whether a record exists, but its row does not say which groups it belongs to."""
    return bool(normalized.problems) if is_unbound else any(one.column == "group" for one in normalized.problems)


def _refuse_groups(left: Entry, normalized: Normalized) -> Entry:
    outcome = describe_problems(normalized.problems)._replace(id=left.outcome.id, run=left.outcome.run)
    return _keep(left, Status.INVALID, normalized)._replace(outcome=outcome)


def _take_back(left: Entry, normalized: Normalized) -> Entry:
    """Return the entry that a row had before it was refused, now that its cells were put back."""
    status = left.outcome.status if left.outcome.status.is_success else Status.CREATED
    outcome = Outcome(status, id=left.outcome.id, run=left.outcome.run)
    return _keep(left, status, normalized)._replace(outcome=outcome)


def describe_problems(problems: Iterable[Problem]) -> Outcome:
    """Combine all problems of a row into one outcome."""
    problems = tuple(problems)
    return Outcome(
        Status.INVALID,
        error="; ".join(problem.message for problem in problems),
        cell=", ".join(dict.fromkeys(problem.cell for problem in problems if problem.cell)),
        hint=" ".join(dict.fromkeys(problem.hint for problem in problems if problem.hint)),
    )


# ---- from what a run created to what its undo does about it


#: The outcomes of earlier undos, by target and id.
Done: TypeAlias = "dict[tuple[TargetName, str], Entry]"

_NOWHERE = Joined()


def plan_removal(created: Entry, run: str, done: Done, joined: Joined = _NOWHERE) -> Entry:
    """Return what the undo does about a record of the run: delete its object, or say why not.

    An object that the API cannot delete, or that the run only added to groups, is planned if it is still to be taken
    out of some group. The entry's scope is the id of the object: one question covers one object.
    """
    id_, kind, target = created.outcome.id, created.kind, created.target
    is_own = Status.CREATED in (created.state, created.was) and created.outcome.run == run
    if not (is_own or joined.added or joined.removed) or target is None or kind is None or created.key is None:
        error = f"whether {run} created it is not known"
        hint = f"Look at {id_} in {target}, and delete it there if nobody needs it." if id_ else UNDO_AGAIN
        outcome = Outcome(Status.UNKNOWN, created.outcome.id, error=error, hint=hint)
        return created._replace(state=Status.UNKNOWN, was=None, outcome=outcome)
    created = created._replace(was=None, scope=id_)
    if not is_own or _why_by_hand(kind, target, id_):
        status = Status.MANUAL if is_own else Status.DELETED
        return _plan_leaving(created, target, status, joined, done.get((target, id_)))
    left = done.get((target, id_))
    if left is not None and isinstance(left.state, Status) and left.state.is_removed:
        return created._replace(state=left.state, outcome=left.outcome)
    state = State.IN_DOUBT if left is not None and left.state in _IN_DOUBT else State.PLANNED
    return created._replace(state=state, outcome=Outcome(Status.PENDING, id_))


def _plan_leaving(entry: Entry, target: TargetName, status: Status, joined: Joined, left: Entry | None) -> Entry:
    """Plan to take an object out of its groups; if it is in none of them any more, describe what is left.

    `left` is what earlier undos left.
    """
    if joined.added:
        outcome = Outcome(Status.PENDING, entry.scope)
        return entry._replace(state=State.PLANNED, was=status, leaving=joined.added, outcome=outcome)
    if left is not None and left.state in (status, Status.GONE):
        return entry._replace(state=left.state, outcome=left.outcome)
    error, hint = describe_left(status, entry.kind or "", target, entry.scope, removed=joined.removed)
    return entry._replace(state=status, outcome=Outcome(status, entry.scope, error=error, hint=hint))


def describe_left(
    status: Status, kind: str, target: TargetName, id_: str, *, removed: Iterable[str] = (), gone: Iterable[str] = ()
) -> tuple[str, str]:
    """Return why an object stays, which groups it was taken out of, which it had already left, and what to do.

    The status is `manual` for an object that the run created, and `deleted` or `gone` for one that existed before.
    """
    whereabouts = [f"it was taken out of group {group}" for group in removed]
    whereabouts += [f"it was not in group {group} any more" for group in gone]
    is_manual = status is Status.MANUAL
    why = _why_by_hand(kind, target, id_) if is_manual else "it was there before that run, and stays"
    return "; ".join([why, *whereabouts]), f"Remove {id_} in {target} by hand." if is_manual else ""


def _why_by_hand(kind: str, target: TargetName, id_: str) -> str:
    """Return why an object cannot be deleted through the target's API; empty if it can."""
    if KINDS[kind].removal is None:
        return f"{target}'s API cannot delete {KINDS[kind].named}"
    try:
        KINDS[kind].object_path(id_)
    except ValueError as error:
        return str(error)
    return ""
