"""Adding records that a target has to the lists of their groups: after everything was sent, one PUT for each group."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

import anyio

from importer.journal import BindingState
from importer.pool.group_lists import GroupError
from importer.pool.replacement import Wanted
from importer.pool.stopping import StoppedError
from importer.records import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.journal import Journal, Unbound
    from importer.pool import Observer
    from importer.pool.group_lists import GroupLists
    from importer.pool.outcomes import Outcomes
    from importer.pool.stopping import Stop
    from importer.records import Outcome
    from importer.targets import Target

_AT_ONCE = 4  # groups
#: Of several groups that could not be had, the one that says what becomes of the record: the worst first.
_WORST = (Status.UNKNOWN, Status.FAILED, Status.REJECTED)
_HINTS = {
    Status.REJECTED: "mend the group, or its cell, then rerun: it is found there, and not created again",
    Status.FAILED: "rerun: it is found there, and not created again",
    Status.UNKNOWN: "rerun: the group is asked first",
}


class Binder:
    """Adds what is unbound to its groups, and says of the rest why not."""

    def __init__(
        self, target: Target, journal: Journal, lists: GroupLists, outcomes: Outcomes, stop: Stop, observer: Observer
    ) -> None:
        self._target = target
        self._bindings = journal.bindings
        self._lists = lists
        self._outcomes = outcomes
        self._stop = stop
        self._observer = observer
        self._errors: defaultdict[Unbound, list[tuple[str, GroupError]]] = defaultdict(list)
        self._carried: set[int] = set()

    def carry(self) -> None:
        """Note which records an earlier run left: they have not been told as decided in this one."""
        self._carried = {one.record for ones in self._bindings.unbound(self._target.name).values() for one in ones}

    async def bind(self, *, is_dry: bool = False) -> None:
        """Add every unbound record to its groups; a dry run only looks who is in them.

        Raises:
            JournalError: it cannot be written.
        """
        groups = self._bindings.unbound(self._target.name)
        if groups and not is_dry:
            number = len({one.record for ones in groups.values() for one in ones})
            self._observer.told(
                self._target.name, f"adds {number} schedule{_s(number)} to {len(groups)} group{_s(len(groups))}"
            )
        limiter = anyio.Semaphore(_AT_ONCE)
        async with anyio.create_task_group() as tasks:
            for group, members in groups.items():
                await limiter.acquire()
                tasks.start_soon(self._visit, group, members, limiter, is_dry)
        self._bindings.leave((one.record, self._refusal(one, errors)) for one, errors in self._errors.items())

    async def _visit(self, group: str, members: list[Unbound], limiter: anyio.Semaphore, is_dry: bool) -> None:
        try:
            await (self._look(group, members) if is_dry else self._bind(group, members))
        except StoppedError:  # nothing was sent to this group: they stay unbound
            self._bindings.set_states(group, {one.record: BindingState.WANTED for one in members})
        except GroupError as error:
            if error.status is Status.REJECTED:  # certainly not added: if it is there later, it is not ours to undo
                self._bindings.set_states(group, {one.record: BindingState.WANTED for one in members})
            for one in members:
                self._errors[one].append((group, error))
        finally:
            limiter.release()

    async def _bind(self, group: str, members: list[Unbound]) -> None:
        states = {one.record: BindingState.THERE for one in members}
        begin = partial(self._begin, group, members, states)
        await self._lists.change(group, Wanted(add=[one.returned_id.lower() for one in members]), begin)
        self._finish(group, states)

    def _begin(self, group: str, members: list[Unbound], states: dict[int, BindingState], there: Sequence[str]) -> None:
        """Write down what the PUT that is about to leave adds: what stood in the list before is not ours to undo."""
        known = frozenset(there)
        adding = [one.record for one in members if one.returned_id.lower() not in known]
        self._bindings.set_states(group, dict.fromkeys(adding, BindingState.ADDING))
        states.update(dict.fromkeys(adding, BindingState.ADDED))

    async def _look(self, group: str, members: list[Unbound]) -> None:
        there = frozenset(await self._lists.read(group))
        self._finish(group, {one.record: BindingState.THERE for one in members if one.returned_id.lower() in there})

    def _finish(self, group: str, states: dict[int, BindingState]) -> None:
        finished_at = self._outcomes.make(Status.CREATED).finished_at
        for record, status in self._bindings.finish(group, states, finished_at).items():
            if record in self._carried:
                self._observer.decided(self._target.name, status, 1)

    def _refusal(self, one: Unbound, errors: list[tuple[str, GroupError]]) -> Outcome:
        worst = min((error for _, error in errors), key=lambda error: _WORST.index(error.status))
        words = "; ".join(f"group {group}: {error.message}" for group, error in errors)
        if one.record in self._carried:
            self._observer.decided(self._target.name, worst.status, 1)
        is_unknown = worst.status is Status.UNKNOWN
        how = "whether it is in its group is not known" if is_unknown else "was not added to its group"
        return self._outcomes.make(
            worst.status,
            http_status=worst.http_status,
            error=f"the schedule is there, but {how}; {words}",
            hint=_HINTS[worst.status],
        )


def _s(number: int) -> str:
    return "" if number == 1 else "s"
