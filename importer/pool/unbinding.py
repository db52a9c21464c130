"""Taking out of groups what a run had added to them, and nothing else: what `undo` does about groups."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

import anyio

from importer.errors import JournalError
from importer.pool.client import open_client
from importer.pool.group_lists import GroupError, open_lists
from importer.pool.replacement import Wanted
from importer.pool.stopping import Reason, Stop, StoppedError
from importer.pool.telling import tell
from importer.records import Status
from importer.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from importer.journal import Tally
    from importer.pool import Connection, Observer
    from importer.pool.group_lists import GroupLists
    from importer.records import TargetName
    from importer.settings import Settings

_GRACE = 10.0  # seconds that what is in flight may take after an interrupt


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
    is begun, and the one in hand has ten seconds. Gives why the work was ended early, if not by the user; else "".
    """
    target, stop = TARGETS[name], Stop()
    async with open_client(target, *connection, concurrency=2, request_timeout=settings.request_timeout) as client:
        lists = open_lists(target, client, settings, stop, partial(tell, observer, name))
        if lists is None:
            raise ValueError(f"{name} has no groups")
        unbinder = _Unbinder(lists, ledger, stop)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_end_on_interrupt, stop, interrupted, tasks)
            await unbinder.work(removals)
            tasks.cancel_scope.cancel()
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
        """Say of the groups that the work did not come to the end of what is known."""
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


async def _end_on_interrupt(stop: Stop, interrupted: anyio.Event, tasks: anyio.abc.TaskGroup) -> None:
    await interrupted.wait()
    stop.set(Reason.INTERRUPTED, "the undo was interrupted")
    await anyio.sleep(_GRACE)
    tasks.cancel_scope.cancel()
