"""Delivery: client, pacing, retry policy, workers, reconciliation; the only place that knows aiohttp and aiolimiter."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import anyio

from importer.delivery.client import open_client
from importer.delivery.deleter import TargetDeletion
from importer.delivery.stop import Reason, Stop
from importer.delivery.target_delivery import TargetDelivery
from importer.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence

    from importer.delivery.client import Client
    from importer.delivery.notices import Observer
    from importer.delivery.transport import Connection
    from importer.journal.journal import Journal
    from importer.journal.states import Change
    from importer.records import TargetName
    from importer.settings import Settings
    from importer.targets.target import Target


AnyLane = TypeVar("AnyLane", TargetDelivery, TargetDeletion)

_GRACE = 10.0  # seconds that what is in flight may take after an interrupt


class Delivered(NamedTuple):
    """How a target's work ended."""

    reason: Reason | None  #: why it ended before all was decided; None where it did not
    words: str
    unwritten: list[Change]  #: outcomes that could not be written into the journal
    claimed: list[int]  #: of a limited delivery, the records that it was about


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

    def make(target: Target, client: Client) -> TargetDelivery:
        delivery = TargetDelivery(target, journal, client, settings, run=run, observer=observer, limit=limit)
        observer.sending(target.name, delivery.progress)
        return delivery

    async with _deliveries(connections, settings, make) as deliveries:
        works = [delivery.look if limit == 0 else delivery.work for delivery in deliveries.values()]
        return await _work(deliveries, works, interrupted)


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

    def make(target: Target, client: Client) -> TargetDeletion:
        if target.removal is None:
            raise ValueError(f"{target.name} cannot delete")
        delivery = TargetDeletion(target, target.removal, journal, client, settings, run=run, observer=observer)
        observer.sending(target.name, delivery.progress)
        return delivery

    async with _deliveries(connections, settings, make) as deliveries:
        return await _work(deliveries, [delivery.work for delivery in deliveries.values()], interrupted)


@asynccontextmanager
async def _deliveries(
    connections: Mapping[TargetName, Connection], settings: Settings, make: Callable[[Target, Client], AnyLane]
) -> AsyncIterator[dict[TargetName, AnyLane]]:
    """Open a session with each target, and make its delivery."""
    async with AsyncExitStack() as stack:
        deliveries = {}
        for name, connection in connections.items():
            client = await stack.enter_async_context(
                open_client(
                    TARGETS[name],
                    *connection,
                    concurrency=settings.concurrency,
                    request_timeout=settings.request_timeout,
                )
            )
            deliveries[name] = make(TARGETS[name], client)
        yield deliveries


async def _work(
    deliveries: Mapping[TargetName, AnyLane],
    works: Sequence[Callable[[], Coroutine[Any, Any, None]]],
    interrupted: anyio.Event,
) -> dict[TargetName, Delivered]:
    async with anyio.create_task_group() as watch:
        watch.start_soon(_stop_on_interrupt, [delivery.stop for delivery in deliveries.values()], interrupted, watch)
        async with anyio.create_task_group() as group:
            for work in works:
                group.start_soon(work)
        watch.cancel_scope.cancel()
    return {
        name: Delivered(delivery.stop.reason, delivery.stop.words, delivery.unwritten, delivery.claimed)
        for name, delivery in deliveries.items()
    }


async def _stop_on_interrupt(stops: list[Stop], interrupted: anyio.Event, group: anyio.abc.TaskGroup) -> None:
    await interrupted.wait()
    for stop in stops:
        stop.set(Reason.INTERRUPTED, "not attempted: the run was interrupted", anyio.current_time() + _GRACE)
    await anyio.sleep(_GRACE)
    group.cancel_scope.cancel()
