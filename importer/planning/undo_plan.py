"""What a run created -> what it goes into its undo's journal as. Reads and writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from importer.journal.states import Entry, Joined, State
from importer.kinds.registry import KINDS
from importer.records import Outcome, TargetName
from importer.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Iterable


#: What earlier undos left of objects, by target and id.
Done: TypeAlias = "dict[tuple[TargetName, str], Entry]"

_IN_DOUBT = frozenset({State.SENDING, State.IN_DOUBT, Status.UNKNOWN})
_NOWHERE = Joined()


class Left(NamedTuple):
    """What an undo leaves of an object that it does not delete: why, and what to do about it."""

    error: str
    hint: str = ""


def plan_removal(created: Entry, run: str, done: Done, joined: Joined = _NOWHERE) -> Entry:
    """Return what the undo does about a record of the run: deletes its object, or says why not.

    An object that the API cannot delete, or that the run only added to groups, is planned where it is still to be taken
    out of some. The entry's scope is the id of the object: one question covers one object.
    """
    id_, kind, target = created.outcome.id, created.kind, created.target
    is_own = Status.CREATED in (created.state, created.was) and created.outcome.run == run
    if not (is_own or joined.added or joined.removed) or target is None or kind is None or created.key is None:
        error = f"whether {run} created it is not known"
        hint = "Rerun that run: it asks the target; then undo the rerun, if that says created."
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
    """Plan to take an object out of its groups; where it is in none of them any more, say what is left of it.

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
) -> Left:
    """Return why an object stays, of which groups it was taken out, and in which it was not any more.

    The status is `manual` for one that the run created, and `deleted` or `gone` for one that was there before it.
    """
    whereabouts = [f"it was taken out of group {group}" for group in removed]
    whereabouts += [f"it was not in group {group} any more" for group in gone]
    is_manual = status is Status.MANUAL
    why = _why_by_hand(kind, target, id_) if is_manual else "it was there before that run, and stays"
    return Left("; ".join([why, *whereabouts]), f"Remove {id_} in {target} by hand." if is_manual else "")


def _why_by_hand(kind: str, target: TargetName, id_: str) -> str:
    """Return why an object cannot be deleted through the target's API; empty where it can."""
    if KINDS[kind].removal is None:
        return f"{target}'s API cannot delete {KINDS[kind].named}"
    try:
        KINDS[kind].object_path(id_)
    except ValueError as error:
        return str(error)
    return ""
