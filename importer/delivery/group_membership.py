"""Add records to groups and take them out again: one change for each group. Decides no list's content."""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

import anyio

from importer.delivery.client import open_client
from importer.delivery.group_lists import GroupError, Wanted, open_lists
from importer.delivery.queue import tell
from importer.delivery.stop import GRACE, Reason, Stop, StoppedError, end_on_interrupt
from importer.errors import JournalError
from importer.journal.states import BindingState
from importer.statuses import Status
from importer.targets import TARGETS
from importer.wording import count_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from importer.delivery.group_lists import GroupLists
    from importer.delivery.queue import Observer
    from importer.delivery.target_work import TargetWork
    from importer.delivery.transport import Connection
    from importer.journal.states import Tally, Unbound
    from importer.records import Outcome, TargetName
    from importer.settings import Settings


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

    def __init__(self, work: TargetWork, lists: GroupLists) -> None:
        self._work = work
        self._journal = work.journal
        self._lists = lists
        self._errors: defaultdict[Unbound, list[tuple[str, GroupError]]] = defaultdict(list)
        self._carried: set[int] = set()

    def carry(self) -> None:
        """Note which records an earlier run left: they have not been told as decided in this one."""
        self._carried = {one.record for ones in self._journal.unbound(self._work.target.name).values() for one in ones}

    async def bind(self, *, is_dry: bool = False) -> None:
        """Add every unbound record to its groups; a dry run only looks who is in them.

        Raises:
            JournalError: it cannot be written.
        """
        groups = self._journal.unbound(self._work.target.name)
        if groups and not is_dry:
            number = len({one.record for ones in groups.values() for one in ones})
            words = f"adds {count_of(number, 'schedule')} to {count_of(len(groups), 'group')}"
            self._work.observer.told(self._work.target.name, words)
        limiter = anyio.Semaphore(_AT_ONCE)
        async with anyio.create_task_group() as tasks:
            for group, members in groups.items():
                await limiter.acquire()
                tasks.start_soon(self._visit, group, members, limiter, is_dry)
        self._journal.leave_unbound((one.record, self._refusal(one, errors)) for one, errors in self._errors.items())

    async def _visit(self, group: str, members: list[Unbound], limiter: anyio.Semaphore, is_dry: bool) -> None:
        try:
            await (self._look(group, members) if is_dry else self._bind(group, members))
        except StoppedError:  # nothing was sent to this group: they stay unbound
            self._journal.set_bindings(group, {one.record: BindingState.WANTED for one in members})
        except GroupError as error:
            if error.status is Status.REJECTED:  # certainly not added: if it is there later, it is not ours to undo
                self._journal.set_bindings(group, {one.record: BindingState.WANTED for one in members})
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
        self._journal.set_bindings(group, dict.fromkeys(adding, BindingState.ADDING))
        states.update(dict.fromkeys(adding, BindingState.ADDED))

    async def _look(self, group: str, members: list[Unbound]) -> None:
        there = frozenset(await self._lists.read(group))
        self._finish(group, {one.record: BindingState.THERE for one in members if one.returned_id.lower() in there})

    def _finish(self, group: str, states: dict[int, BindingState]) -> None:
        finished_at = self._work.outcomes.make(Status.CREATED).finished_at
        for record, status in self._journal.finish_bindings(group, states, finished_at).items():
            if record in self._carried:
                self._work.decided(status, 1)

    def _refusal(self, one: Unbound, errors: list[tuple[str, GroupError]]) -> Outcome:
        worst = min((error for _, error in errors), key=lambda error: _WORST.index(error.status))
        words = "; ".join(f"group {group}: {error.message}" for group, error in errors)
        if one.record in self._carried:
            self._work.decided(worst.status, 1)
        is_unknown = worst.status is Status.UNKNOWN
        how = "whether it is in its group is not known" if is_unknown else "was not added to its group"
        return self._work.outcomes.make(
            worst.status,
            http_status=worst.http_status,
            error=f"the schedule is there, but {how}; {words}",
            hint=_HINTS[worst.status],
        )


class Unbinding(NamedTuple):
    """What became of taking records out of a group."""

    status: Status | None  #: None: none of them is in its list any more; else rejected, failed, unknown or pending
    words: str = ""  #: why, in the target's words where there are any
    http_status: int = 0


class Ledger(Protocol):
    """Who writes down how it goes on. What cannot be written ends the work: JournalError."""

    def begin(self, group: str, there: Collection[str]) -> None:
        """The first PUT to the group is about to leave; these ids, in lower case, stand in its list."""

    def end(self, group: str, came_to: Unbinding) -> None:
        """The group is done with: said once of each."""

    def requested(self, tallies: Sequence[Tally]) -> None:
        """What the requests came to."""


async def unbind(
    name: TargetName,
    connection: Connection,
    settings: Settings,
    removals: Mapping[str, Collection[str]],
    *,
    ledger: Ledger,
    observer: Observer,
    interrupted: anyio.Event,
) -> str:
    """Take ids out of groups' lists, by the groups' ids; whatever else stands in them stays.

    What is not in a list any more counts as taken out, and nothing is sent for it. After `interrupted` no other group
    is begun, and the one in hand has ten seconds. Returns why the work was ended early, if not by the user; else "".
    """
    target, stop = TARGETS[name], Stop()
    async with open_client(target, *connection, concurrency=2, request_timeout=settings.request_timeout) as client:
        lists = open_lists(target, client, settings, stop, partial(tell, observer, name))
        if lists is None:
            raise ValueError(f"{name} has no groups")
        unbinder = _Unbinder(lists, ledger, stop)
        async with end_on_interrupt([stop], interrupted, "the undo was interrupted", GRACE):
            await unbinder.work(removals)
        unbinder.leave(removals)
        ledger.requested(client.traffic.take(is_last=True))
    return stop.words if stop.is_hopeless else ""


class _Unbinder:
    """Goes from group to group."""

    def __init__(self, lists: GroupLists, ledger: Ledger, stop: Stop) -> None:
        self._lists = lists
        self._ledger = ledger
        self._stop = stop
        self._begun: set[str] = set()
        self._ended: set[str] = set()

    async def work(self, removals: Mapping[str, Collection[str]]) -> None:
        """Take out all that can be."""
        with self._writing():
            for group, ids in removals.items():
                self._end(group, await self._take_out(group, frozenset(id_.lower() for id_ in ids)))

    def leave(self, removals: Mapping[str, Collection[str]]) -> None:
        """Return of the groups that the work did not come to the end of what is known."""
        if self._stop.reason is Reason.UNWRITABLE:  # what was not written is in doubt, or planned, on disk
            return
        with self._writing():
            for group in removals.keys() - self._ended:
                status = Status.UNKNOWN if group in self._begun else Status.PENDING
                self._end(group, Unbinding(status, self._stop.words))

    async def _take_out(self, group: str, ids: frozenset[str]) -> Unbinding:
        try:
            await self._lists.change(group, Wanted(remove=ids), partial(self._begin, group))
        except GroupError as error:
            return Unbinding(error.status, error.message, error.http_status)
        except StoppedError:
            return Unbinding(Status.PENDING, self._stop.words)
        return Unbinding(None)

    def _begin(self, group: str, there: Sequence[str]) -> None:
        self._ledger.begin(group, there)
        self._begun.add(group)

    def _end(self, group: str, came_to: Unbinding) -> None:
        self._ended.add(group)
        self._ledger.end(group, came_to)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except JournalError as error:
            self._stop.set(Reason.UNWRITABLE, error.message)
