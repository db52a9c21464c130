"""What a run created -> what it goes into its undo's journal as. Reads and writes nothing.

A target that undoes more than its objects (a list that they were put into) gives that its own entry here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from importer.journal import Entry, State
from importer.records import Outcome, Status, TargetName
from importer.targets import TARGETS

if TYPE_CHECKING:
    from importer.records import Kind

#: What earlier undos left of objects, by target and id.
Done: TypeAlias = "dict[tuple[TargetName, str], Entry]"

_IN_DOUBT = frozenset({State.SENDING, State.IN_DOUBT, Status.UNKNOWN})


def plan_removal(created: Entry, run: str, done: Done) -> Entry:
    """Give what the undo does about a record of the run: deletes its object, or says why not.

    The entry's scope is the id of the object: one question covers one object.
    """
    id_ = created.outcome.id
    if created.state is not Status.CREATED or created.target is None or created.key is None:
        error = f"whether {run} created it is not known"
        hint = "rerun that run: it asks the target; then undo the rerun, if that says created"
        outcome = Outcome(Status.UNKNOWN, created.outcome.id, error=error, hint=hint)
        return created._replace(state=Status.UNKNOWN, outcome=outcome)
    if why := _why_by_hand(created.target, created.kind, id_):
        hint = f"remove {id_} in {created.target} by hand"
        return created._replace(
            state=Status.MANUAL, scope=id_, outcome=Outcome(Status.MANUAL, id_, error=why, hint=hint)
        )
    left = done.get((created.target, id_))
    if left is not None and isinstance(left.state, Status) and left.state.is_undone:
        return created._replace(state=left.state, scope=id_, outcome=left.outcome)
    state = State.IN_DOUBT if left is not None and left.state in _IN_DOUBT else State.PLANNED
    return created._replace(state=state, scope=id_, outcome=Outcome(Status.PENDING, id_))


def _why_by_hand(target: TargetName, kind: Kind | None, id_: str) -> str:
    """Say why an object cannot be deleted through the target's API; empty where it can."""
    if TARGETS[target].removal is None:
        return f"{target}'s API cannot delete a {kind or 'record'}"
    try:
        TARGETS[target].object_path(id_)
    except ValueError as error:
        return str(error)
    return ""
