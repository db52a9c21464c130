"""Deliver what a journal has planned: find what exists, send, reconcile, add to groups; or delete. Plans nothing."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import anyio

from importer.delivery.client import open_client
from importer.delivery.closing_look import ClosingLook
from importer.delivery.deleter import TargetDeletion
from importer.delivery.group_lists import open_lists
from importer.delivery.group_membership import Binder
from importer.delivery.listing import Listing
from importer.delivery.notices import PaceLog, tell
from importer.delivery.outcomes import Outcomes
from importer.delivery.queue import Doubt, Progress, Queue, Workers, claim_size
from importer.delivery.reconciler import Existing, Reconciler
from importer.delivery.sender import Sender
from importer.delivery.stop import Reason, Stop
from importer.delivery.throttle import Throttle
from importer.log import log
from importer.records import Outcome
from importer.statuses import Status
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


_LEFT_BEHIND = Outcome(Status.UNKNOWN, error="an earlier run ended before the answer was written down")
_HINTS = {
    Reason.INTERRUPTED: "rerun to go on",
    Reason.TOKEN_REFUSED: "check the token and what it may do, then rerun",
    Reason.GIVEN_UP: "see that the target can be reached (oncall-importer doctor), then rerun",
}


class TargetDelivery:
    """One target's work, to be done once."""

    def __init__(
        self,
        target: Target,
        journal: Journal,
        client: Client,
        settings: Settings,
        *,
        run: str,
        observer: Observer,
        limit: int | None = None,
    ) -> None:
        self.stop = Stop()
        self._target = target
        self._journal = journal
        self._settings = settings
        rate = settings.rate.get(target.name, target.rate)
        claim = claim_size(rate, settings.concurrency)
        outcomes = Outcomes(run, settings.if_exists)
        self._traffic = client.traffic
        throttle = Throttle(
            rate, settings.headroom, settings.breaker_timeout, self.stop, partial(tell, observer, target.name)
        )
        self._pace_log = PaceLog(throttle, target.name)
        listing = Listing(target, client, throttle)
        decided = partial(observer.decided, target.name)
        self._queue = Queue(journal, target.name, claim, decided, self.stop, limit=limit)
        self._workers = Workers(self._queue, throttle, self._flush)
        self._is_limited = limit is not None
        self.progress = Progress(throttle, self._queue)  #: what the work is like at the moment
        self._existing = Existing(target, journal, listing, outcomes, self.stop, observer)
        self._closing_look = ClosingLook(target, journal, listing, outcomes, observer, settings.settle)
        self._run = run
        self._sender = Sender(target, client, throttle, listing, self._queue, outcomes, settings.settle)
        self._reconciler = Reconciler(target, journal, listing, self._queue, outcomes, throttle)
        lists = open_lists(target, client, settings, self.stop, partial(tell, observer, target.name))
        self._outcomes = outcomes
        self._binder = Binder(target, journal, lists, outcomes, self.stop, observer) if lists else None

    async def find_existing(self, *, is_approved: bool = False) -> None:
        """Find what the target has already; send nothing. Once the work is told to end, there is no use in it.

        `is_approved`: somebody approved what was to be replaced when this was asked before, and nothing else may be.
        """
        async with anyio.create_task_group() as group:
            group.start_soon(self._cancel_on_stop, group.cancel_scope)
            await self._existing.find(may_replace=self._settings.replace_overrides, is_approved=is_approved)
            group.cancel_scope.cancel()

    async def look(self) -> None:
        """Find what the target has already, and what of that is in its groups; send nothing."""
        await self.find_existing()
        if self._binder and self.stop.reason is None:
            async with anyio.create_task_group() as group:
                group.start_soon(self._cancel_on_stop, group.cancel_scope)
                await self._binder.bind(is_dry=True)
                group.cancel_scope.cancel()

    async def work(self) -> None:
        """Bring every record of the target as far as it can be brought."""
        async with self._workers.on_duty(self._end):
            if self._binder:
                self._binder.carry()
            await self.find_existing(is_approved=self._settings.plan is not None)
            await self._send()
            await self._bind()
            await self._look_back()

    def _flush(self) -> None:
        self._sender.judge_answered()
        self._queue.flush()
        self._traffic.write(self._journal, self._target.name)
        self._pace_log.look()

    @property
    def unwritten(self) -> list[Change]:
        """What was decided and could not be written down."""
        return self._queue.unwritten

    @property
    def claimed(self) -> list[int]:
        """Where the work is limited, the records that it was about."""
        return self._queue.claimed

    def _end(self) -> None:
        self._traffic.write(self._journal, self._target.name, is_last=True)
        self._close_forbidden()
        words = self.stop.words or "the run ended while it was being added"
        self._journal.bindings.doubt(self._target.name, self._outcomes.make(Status.UNKNOWN, error=words))
        if self.stop.reason is not None:
            log(logging.WARNING, "stopped", self.stop.words, target=self._target.name)
            self._journal.explain_planned(self._target.name, self.stop.words, _HINTS[self.stop.reason])

    async def _send(self) -> None:
        left_behind = [Doubt(record, _LEFT_BEHIND) for record in self._journal.in_doubt(self._target.name)]
        if not self._is_limited:  # else these would be sent beyond the limit
            self._queue.adopt(left_behind, self._settings.settle)
        await self._workers.work(self._sender.work, self._settings.concurrency, self._reconciler.work)

    async def _bind(self) -> None:
        """Add what was created to its groups, once all of it is written down."""
        self._flush()
        if self._binder is None or self.stop.reason is not None:
            return
        async with anyio.create_task_group() as aside:
            aside.start_soon(self._workers.cancel_when_gone, aside.cancel_scope)
            await self._binder.bind()
            aside.cancel_scope.cancel()

    async def _look_back(self) -> None:
        """Compare what is there with what the run says, once all is sent."""
        self._flush()
        is_left = self._is_limited and self._target.name in self._journal.open_targets()
        if self._settings.no_closing_look or is_left or self.stop.reason is not None:
            return
        async with anyio.create_task_group() as group:
            group.start_soon(self._cancel_on_stop, group.cancel_scope)
            await self._closing_look.look(self._run)
            group.cancel_scope.cancel()

    async def _cancel_on_stop(self, scope: anyio.CancelScope) -> None:
        await self.stop.wait()
        scope.cancel()

    def _close_forbidden(self) -> None:
        """Decide about the scopes that answered 403: theirs alone if something could be created elsewhere, or was."""
        for scope, judgement in self._sender.forbidden.items():
            if self._queue.has_created or self._journal.counts().get((self._target.name, Status.CREATED)):
                self._existing.close_scope(scope, Status.REJECTED, judgement.words, judgement.status)
            else:
                self.stop.set(Reason.TOKEN_REFUSED, f"the token may not create (403): {judgement.words}")


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
    Returns for each target whether and why it stopped early; what became of the records stands in the journal. With a
    limit, so many planned records of each target are sent, the first ones, and what earlier runs left in doubt is left.
    """

    def make(target: Target, client: Client) -> TargetDelivery:
        delivery = TargetDelivery(target, journal, client, settings, run=run, observer=observer, limit=limit)
        observer.sending(target.name, delivery.progress)
        return delivery

    async with _deliveries(connections, settings, make) as deliveries:
        return await _work(deliveries, [delivery.work for delivery in deliveries.values()], interrupted)


async def find_existing(
    journal: Journal,
    connections: Mapping[TargetName, Connection],
    settings: Settings,
    *,
    observer: Observer,
    interrupted: anyio.Event,
) -> dict[TargetName, Delivered]:
    """Ask which planned records the targets have already; nothing is sent. Returns as `deliver` does."""

    def make(target: Target, client: Client) -> TargetDelivery:
        return TargetDelivery(target, journal, client, settings, run="", observer=observer)

    async with _deliveries(connections, settings, make) as deliveries:
        return await _work(deliveries, [delivery.look for delivery in deliveries.values()], interrupted)


async def ask_about_doubts(
    journal: Journal,
    connections: Mapping[TargetName, Connection],
    settings: Settings,
    *,
    run: str,
    observer: Observer,
    interrupted: anyio.Event,
) -> dict[TargetName, Delivered]:
    """Find out what became of every record that a run left on its way, once it has settled; nothing is sent.

    What the targets have counts as created by that run. Returns as `deliver` does.
    """

    def make(target: Target, client: Client) -> TargetDelivery:
        delivery = TargetDelivery(target, journal, client, settings, run=run, observer=observer)
        delivery.stop.set(Reason.INTERRUPTED, "not attempted: the run was ended, and then undone")
        return delivery

    async with _deliveries(connections, settings, make) as deliveries:
        return await _work(deliveries, [delivery.work for delivery in deliveries.values()], interrupted, grace=0.0)


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

    A record's scope is the id of its object. What is interrupted, and what it returns: as `deliver`.
    """

    def make(target: Target, client: Client) -> TargetDeletion:
        delivery = TargetDeletion(target, journal, client, settings, run=run, observer=observer)
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
    grace: float = _GRACE,
) -> dict[TargetName, Delivered]:
    async with anyio.create_task_group() as watch:
        stops = [delivery.stop for delivery in deliveries.values()]
        watch.start_soon(_stop_on_interrupt, stops, interrupted, grace, watch)
        async with anyio.create_task_group() as group:
            for work in works:
                group.start_soon(work)
        watch.cancel_scope.cancel()
    return {
        name: Delivered(delivery.stop.reason, delivery.stop.words, delivery.unwritten, delivery.claimed)
        for name, delivery in deliveries.items()
    }


async def _stop_on_interrupt(
    stops: list[Stop], interrupted: anyio.Event, grace: float, group: anyio.abc.TaskGroup
) -> None:
    await interrupted.wait()
    for stop in stops:
        stop.set(Reason.INTERRUPTED, "not attempted: the run was interrupted", anyio.current_time() + grace)
    await anyio.sleep(grace)
    group.cancel_scope.cancel()
