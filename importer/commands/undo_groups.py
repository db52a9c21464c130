"""What an undo does about groups: takes out of them what its run had added, and writes down how that went.

The undo's journal knows all of it before the first request; the run's journal is told what was seen to be out.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from importer.delivery.group_membership import unbind
from importer.errors import JournalError
from importer.journal.run_folder import UNDO, open_run
from importer.journal.states import BindingState, Change, State
from importer.log import log
from importer.planning.undo_plan import describe_left
from importer.records import Outcome
from importer.statuses import Status
from importer.wording import count_of, iso_utc

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from importer.delivery.group_membership import Unbinding
    from importer.delivery.transport import Connection
    from importer.journal.journal import Journal
    from importer.journal.run_folder import RunFolder
    from importer.journal.states import Leaving, Tally
    from importer.records import TargetName
    from importer.session.control import RunControl
    from importer.settings import Settings


#: Of several groups, the one that says what becomes of the record: the worst first.
_WORST = (Status.UNKNOWN, Status.FAILED, Status.PENDING)
_HINTS = {
    Status.UNKNOWN: "undo again: the group's list is read first",
    Status.FAILED: "see to the group, then undo again; of a group that was deleted nothing is left to undo",
    Status.PENDING: "undo again to go on",
}


async def leave_groups(
    folder: RunFolder, connections: Mapping[TargetName, Connection], settings: Settings, control: RunControl
) -> dict[str, str]:
    """Take out of groups what the run had added to them; give the targets whose work the product ended, and why."""
    stopped: dict[str, str] = {}
    for target, connection in connections.items():
        groups = folder.journal.bindings.leaving(target)
        if not groups:
            continue
        ledger = _Ledger(folder, target, groups, control)
        control.observer.told(
            target, f"takes {count_of(ledger.records, 'schedule')} out of {count_of(len(groups), 'group')}"
        )
        removals = {group: [one.returned_id for one in members] for group, members in groups.items()}
        why = await unbind(
            target,
            connection,
            settings,
            removals,
            ledger=ledger,
            observer=control.observer,
            interrupted=control.interrupted,
        )
        stopped |= {target.value: why} if why else {}
    return stopped


def pass_on_removed(journal: Journal, run: Path) -> None:
    """Write into the run's journal what an undo took out of groups; where that fails, the next undo does it."""
    if removed := journal.bindings.removed():
        try:
            with open_run(run, UNDO) as opened:
                opened.journal.bindings.remove(removed)
        except JournalError as error:
            log(logging.WARNING, "failed", f"the run's journal was not told what left its groups: {error.message}")


class _Ledger:
    """Writes down in the undo's journal what becomes of each record."""

    def __init__(
        self, folder: RunFolder, target: TargetName, groups: Mapping[str, Sequence[Leaving]], control: RunControl
    ) -> None:
        self._journal = folder.journal
        self._run = folder.path.name
        self._target = target
        self._groups = groups
        self._observer = control.observer
        self._left = Counter(one.record for members in groups.values() for one in members)  # groups to be done
        self._stood: dict[str, Collection[str]] = {}  # in the list, before the first PUT
        self._ends: defaultdict[int, list[tuple[str, Unbinding]]] = defaultdict(list)

    @property
    def records(self) -> int:
        """How many records are to be taken out."""
        return len(self._left)

    def begin(self, group: str, there: Collection[str]) -> None:
        """Mark what a PUT that is about to leave takes out."""
        self._stood[group] = frozenset(there)
        self._journal.change(
            [Change(one.record, State.SENDING, Outcome(Status.UNKNOWN, one.returned_id)) for one in self._groups[group]]
        )

    def end(self, group: str, came_to: Unbinding) -> None:
        """Write down what a group came to, and decide the records that it was the last one of."""
        members = self._groups[group]
        if came_to.status is None:
            self._journal.bindings.set_states(group, {one.record: BindingState.REMOVED for one in members})
        for one in members:
            self._left[one.record] -= 1
            self._ends[one.record].append((group, came_to))
        decided = [self._decide(one) for one in members if not self._left[one.record]]
        self._journal.change(decided)
        for status, number in Counter(change.outcome.status for change in decided).items():
            if status is not Status.PENDING:
                self._observer.decided(self._target, status, number)

    def requested(self, tallies: Sequence[Tally]) -> None:
        """Write down what the requests came to; without it nothing but a picture is lost."""
        with suppress(JournalError):
            self._journal.add_traffic(self._target, tallies)

    def _decide(self, one: Leaving) -> Change:
        ends = self._ends[one.record]
        bad = [came_to for _, came_to in ends if came_to.status is not None]
        outcome = self._leave_in(one, ends, bad) if bad else self._take_out(one, [group for group, _ in ends])
        state = State.PLANNED if outcome.status is Status.PENDING else outcome.status
        return Change(one.record, state, outcome)

    def _take_out(self, one: Leaving, groups: Sequence[str]) -> Outcome:
        """Make the outcome of a record that is in none of the groups any more."""
        removed = [group for group in groups if self._was_in(one, group)]
        gone = [group for group in groups if group not in removed]
        status = Status.GONE if one.was is Status.DELETED and not removed else one.was
        error, hint = describe_left(status, one.kind, self._target, one.returned_id, removed=removed, gone=gone)
        return self._make(status, one, error, hint)

    def _leave_in(self, one: Leaving, ends: Sequence[tuple[str, Unbinding]], bad: Sequence[Unbinding]) -> Outcome:
        """Make the outcome of a record that is still in some group, or may be."""
        worst = min(bad, key=lambda came_to: _WORST.index(_as_undone(came_to)))
        status = _as_undone(worst)
        error = "; ".join(_describe(group, came_to) for group, came_to in ends)
        return self._make(status, one, error, _HINTS[status], worst.http_status)

    def _was_in(self, one: Leaving, group: str) -> bool:
        return one.returned_id.lower() in self._stood.get(group, ())

    def _make(self, status: Status, one: Leaving, error: str, hint: str, http_status: int = 0) -> Outcome:
        at = iso_utc(datetime.now(UTC))
        outcome = Outcome(status, one.returned_id, http_status, error, hint=hint, run=self._run)
        return outcome if status is Status.PENDING else outcome._replace(finished_at=at)


def _as_undone(came_to: Unbinding) -> Status:
    """Return the status of an undo that goes with a group that could not be changed."""
    return Status.FAILED if came_to.status is Status.REJECTED else came_to.status or Status.FAILED


def _describe(group: str, came_to: Unbinding) -> str:
    if came_to.status is None:
        return f"it was taken out of group {group}"
    if came_to.status is Status.UNKNOWN:
        return f"whether it is still in group {group} is not known: {came_to.words}"
    return f"it was not taken out of group {group}: {came_to.words}"
