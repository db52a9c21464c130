"""Taking out of groups what a run had added to them, and nothing else: what `undo` does about groups."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import anyio

from importer.pool.client import open_client
from importer.pool.group_lists import GroupError, open_lists
from importer.pool.replacement import Wanted
from importer.pool.stopping import Reason, Stop, StoppedError
from importer.pool.telling import tell
from importer.records import Status
from importer.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from importer.pool import Connection, Observer
    from importer.records import TargetName
    from importer.settings import Settings


class Unbinding(NamedTuple):
    """What became of taking records out of a group."""

    status: Status | None  #: None: none of them is in its list any more; else rejected, failed, unknown or pending
    words: str = ""  #: why, in the target's words where there are any
    http_status: int = 0


async def unbind(
    name: TargetName,
    connection: Connection,
    settings: Settings,
    removals: Mapping[str, Collection[str]],
    *,
    begin: Callable[[str], None],
    observer: Observer,
    interrupted: anyio.Event,
) -> dict[str, Unbinding]:
    """Take ids out of groups' lists, by the groups' ids; whatever else stands in them stays.

    `begin` is told of a group before the first PUT to it leaves. What is not in a list any more counts as taken out,
    and nothing is sent for it. Give all of `Bindings.added`, and write what succeeds down with `Bindings.remove`.
    """
    target, stop = TARGETS[name], Stop()
    done: dict[str, Unbinding] = {}
    async with (
        open_client(target, *connection, concurrency=2, request_timeout=settings.request_timeout) as client,
        anyio.create_task_group() as group,
    ):
        group.start_soon(_end_on_interrupt, stop, interrupted)
        lists = open_lists(target, client, settings, stop, partial(tell, observer, name))
        if lists is None:
            raise ValueError(f"{name} has no groups")
        for one, ids in removals.items():
            wanted = Wanted(remove=frozenset(id_.lower() for id_ in ids))
            try:
                await lists.change(one, wanted, partial(_begin, begin, one))
                done[one] = Unbinding(None)
            except GroupError as error:
                done[one] = Unbinding(error.status, error.message, error.http_status)
            except StoppedError:
                done[one] = Unbinding(Status.PENDING, stop.words)
        group.cancel_scope.cancel()
    return done


def _begin(begin: Callable[[str], None], group: str, _there: Sequence[str]) -> None:
    begin(group)


async def _end_on_interrupt(stop: Stop, interrupted: anyio.Event) -> None:
    await interrupted.wait()
    stop.set(Reason.INTERRUPTED, "not taken out: the run was interrupted")
