"""What a run or an undo is about to do, in one sentence, and whether it can be repeated. Prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.statuses import Status
from importer.wording import count_of

if TYPE_CHECKING:
    from importer.records import TargetName
    from importer.result import Result
    from importer.session.control import Plan


#: What another undo can change.
_PASSING = (Status.FAILED, Status.UNKNOWN, Status.PENDING)


def describe_plan(plan: Plan) -> str:
    """Say how many records go where, and what does not."""
    return _describe_undo(plan) if plan.undo_of else _describe_run(plan)


def ask_about(plan: Plan) -> str:
    """Give the question before the first write."""
    if plan.undo_of:
        return _ask_about_undo(plan)
    return f"Send {sum(plan.to_send.values())} records to {', '.join(plan.to_send)}?"


def _ask_about_undo(plan: Plan) -> str:
    deletions = _deletions(plan)
    parts = [f"take {_schedules(plan)} out of {_groups(plan)}"] if plan.to_unbind else []
    parts += [f"delete {sum(deletions.values())} records from {', '.join(deletions)}"] if deletions else []
    question = ", and ".join(parts)
    return f"{question[:1].upper()}{question[1:]}?"


def is_to_repeat(result: Result) -> bool:
    """Tell whether the same again can come to more; an undo cannot where all that is left has to stay."""
    return not result.undone or bool(result.stopped) or any(map(result.count, _PASSING))


def _describe_run(plan: Plan) -> str:
    parts = [count_of(plan.rows, "row")]
    parts += [f"{number} for {target} ({plan.base_urls[target]})" for target, number in plan.to_send.items()]
    if plan.to_bind:
        parts.append(f"{count_of(plan.to_bind, 'schedule')} to be added to {count_of(plan.groups, 'Opal group')}")
    parts += [f"{plan.invalid} invalid"] if plan.invalid else []
    parts += [f"{plan.duplicates} duplicate"] if plan.duplicates else []
    return f"run {plan.run}: " + ", ".join(parts)


def _describe_undo(plan: Plan) -> str:
    parts = [count_of(plan.rows, "record")]
    where = ", ".join(plan.base_urls[target] for target in plan.to_unbind)
    parts += [f"{_schedules(plan)} to be taken out of {_groups(plan)} ({where})"] if plan.to_unbind else []
    deletions = _deletions(plan).items()
    parts += [f"{number} to delete at {target} ({plan.base_urls[target]})" for target, number in deletions]
    parts += [f"{plan.done} undone before"] if plan.done else []
    parts += [f"{number} to be removed by hand: {target} cannot delete" for target, number in plan.by_hand.items()]
    return f"undo of run {plan.undo_of}: " + ", ".join(parts)


def _deletions(plan: Plan) -> dict[TargetName, int]:
    return {target: number for target, number in plan.to_send.items() if target not in plan.to_unbind}


def _schedules(plan: Plan) -> str:
    return count_of(sum(plan.to_unbind.values()), "schedule")


def _groups(plan: Plan) -> str:
    return count_of(plan.groups, "Opal group")
