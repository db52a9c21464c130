"""Delivery: client, pacing, retry policy, workers, reconciliation; the only place that knows aiohttp and aiolimiter."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, NamedTuple, Protocol

import anyio

from importer.pool.client import open_client
from importer.pool.directory import LookedUp, look_up
from importer.pool.gauge import Gauge
from importer.pool.lane import Lane
from importer.pool.stopping import Reason, Stop
from importer.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.journal import Change, Journal
    from importer.records import Status, TargetName
    from importer.settings import Settings

__all__ = ["Connection", "Delivered", "Gauge", "LookedUp", "Observer", "Reason", "deliver", "look_up"]

_GRACE = 10.0  # seconds that what is in flight may take after an interrupt


class Connection(NamedTuple):
    """Where a target is, and the token for it."""

    base_url: str
    token: str


class Delivered(NamedTuple):
    """How a target's work ended."""

    reason: Reason | None  #: why it ended before all was decided; None where it did not
    words: str
    unwritten: list[Change]  #: outcomes that could not be written into the journal
    claimed: list[int]  #: of a limited delivery, the records that it was about


class Observer(Protocol):
    """Who wants to know how delivery goes on."""

    def decided(self, target: TargetName, status: Status, number: int) -> None:
        """So many more records of the target have the status."""

    def sending(self, target: TargetName, gauge: Gauge) -> None:
        """The target's work begins; the gauge tells how it goes whenever it is read."""

    def told(self, target: TargetName, words: str) -> None:
        """Something happened that the user may wonder about: a pause, a target that does not answer."""


async def deliver(
    journal: Journal,
    connections: Mapping[TargetName, Connection],
    settings: Settings,
    *,
    run: str,
    observer: Observer,
    interrupted: anyio.Event,
    limit: int | None = None,
) -> dict[TargetName, Delivered]:
    """Send every planned record and clear up every one in doubt, each target on its own.

    After `interrupted` nothing more is sent, and what is in flight has ten seconds, fewer where the target is gone.
    Gives for each target whether and why it stopped early; what became of the records stands in the journal. With a
    limit, so many planned records of each target are sent, the first ones, and what earlier runs left in doubt is left;
    with 0 it is only found what exists.
    """
    async with AsyncExitStack() as stack:
        lanes = {}
        for name, connection in connections.items():
            client = await stack.enter_async_context(
                open_client(
                    TARGETS[name],
                    *connection,
                    concurrency=settings.concurrency,
                    request_timeout=settings.request_timeout,
                )
            )
            lanes[name] = Lane(TARGETS[name], journal, client, settings, run=run, observer=observer, limit=limit)
            observer.sending(name, lanes[name].gauge)
        async with anyio.create_task_group() as watch:
            watch.start_soon(_stop_on_interrupt, [lane.stop for lane in lanes.values()], interrupted, watch)
            async with anyio.create_task_group() as group:
                for lane in lanes.values():
                    group.start_soon(lane.find_existing if limit == 0 else lane.work)
            watch.cancel_scope.cancel()
    return {
        name: Delivered(lane.stop.reason, lane.stop.words, lane.unwritten, lane.claimed) for name, lane in lanes.items()
    }


async def _stop_on_interrupt(stops: list[Stop], interrupted: anyio.Event, group: anyio.abc.TaskGroup) -> None:
    await interrupted.wait()
    for stop in stops:
        stop.set(Reason.INTERRUPTED, "not attempted: the run was interrupted", anyio.current_time() + _GRACE)
    await anyio.sleep(_GRACE)
    group.cancel_scope.cancel()
