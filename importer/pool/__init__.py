"""Delivery: client, pacing, retry policy, workers, reconciliation; the only place that knows aiohttp and aiolimiter."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import anyio

from importer.pool.client import open_client
from importer.pool.directory import LookedUp, look_up
from importer.pool.examining import Look, Seal, look_at
from importer.pool.gauge import Gauge
from importer.pool.lane import Lane
from importer.pool.removal_lane import RemovalLane
from importer.pool.route import DIRECT, Route, load_trust
from importer.pool.stopping import Reason, Stop
from importer.pool.telling import tell
from importer.pool.unbinding import Ledger, Unbinding, unbind
from importer.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence

    from importer.journal import Change, Journal
    from importer.pool.client import Client
    from importer.records import Status, TargetName
    from importer.settings import Settings
    from importer.targets import Target


__all__ = [
    "AnyLane",
    "Connection",
    "Delivered",
    "Gauge",
    "Ledger",
    "Look",
    "LookedUp",
    "Observer",
    "Reason",
    "Route",
    "Seal",
    "Unbinding",
    "deliver",
    "load_trust",
    "look_at",
    "look_up",
    "remove",
    "tell",
    "unbind",
]

AnyLane = TypeVar("AnyLane", Lane, RemovalLane)

_GRACE = 10.0  # seconds that what is in flight may take after an interrupt


class Connection(NamedTuple):
    """Where a target is, and the token for it."""

    base_url: str
    token: str
    route: Route = DIRECT


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

    def make(target: Target, client: Client) -> Lane:
        lane = Lane(target, journal, client, settings, run=run, observer=observer, limit=limit)
        observer.sending(target.name, lane.gauge)
        return lane

    async with _lanes(connections, settings, make) as lanes:
        works = [lane.look if limit == 0 else lane.work for lane in lanes.values()]
        return await _work(lanes, works, interrupted)


async def remove(
    journal: Journal,
    connections: Mapping[TargetName, Connection],
    settings: Settings,
    *,
    run: str,
    observer: Observer,
    interrupted: anyio.Event,
) -> dict[TargetName, Delivered]:
    """Delete the objects of every planned record that are as they were sent, each target on its own.

    A record's scope is the id of its object. What is interrupted, and what it gives: as `deliver`.
    """

    def make(target: Target, client: Client) -> RemovalLane:
        if target.removal is None:
            raise ValueError(f"{target.name} cannot delete")
        lane = RemovalLane(target, target.removal, journal, client, settings, run=run, observer=observer)
        observer.sending(target.name, lane.gauge)
        return lane

    async with _lanes(connections, settings, make) as lanes:
        return await _work(lanes, [lane.work for lane in lanes.values()], interrupted)


@asynccontextmanager
async def _lanes(
    connections: Mapping[TargetName, Connection], settings: Settings, make: Callable[[Target, Client], AnyLane]
) -> AsyncIterator[dict[TargetName, AnyLane]]:
    """Open a session with each target, and make its lane."""
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
            lanes[name] = make(TARGETS[name], client)
        yield lanes


async def _work(
    lanes: Mapping[TargetName, AnyLane],
    works: Sequence[Callable[[], Coroutine[Any, Any, None]]],
    interrupted: anyio.Event,
) -> dict[TargetName, Delivered]:
    async with anyio.create_task_group() as watch:
        watch.start_soon(_stop_on_interrupt, [lane.stop for lane in lanes.values()], interrupted, watch)
        async with anyio.create_task_group() as group:
            for work in works:
                group.start_soon(work)
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
