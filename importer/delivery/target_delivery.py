"""One target's work in a run: what exists is found, then workers send while the reconciler clears up behind them."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import anyio

from importer.delivery.existing import Existing
from importer.delivery.group_lists import open_lists
from importer.delivery.group_membership import Binder
from importer.delivery.listing import Listing
from importer.delivery.notices import PaceLog, tell
from importer.delivery.outcomes import Outcomes
from importer.delivery.queue import Doubt, Progress, Queue, claim_size
from importer.delivery.reconciler import Reconciler
from importer.delivery.sender import Sender
from importer.delivery.stop import Reason, Stop
from importer.delivery.throttle import Throttle
from importer.delivery.workers import Workers
from importer.log import log
from importer.records import Outcome, Status

if TYPE_CHECKING:
    from importer.delivery.client import Client
    from importer.delivery.notices import Observer
    from importer.journal.journal import Journal
    from importer.journal.states import Change
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
        outcomes = Outcomes(run)
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
        self._sender = Sender(target, client, throttle, listing, self._queue, outcomes, settings.settle)
        self._reconciler = Reconciler(target, journal, listing, self._queue, outcomes, throttle)
        lists = open_lists(target, client, settings, self.stop, partial(tell, observer, target.name))
        self._outcomes = outcomes
        self._binder = Binder(target, journal, lists, outcomes, self.stop, observer) if lists else None

    async def find_existing(self) -> None:
        """Find what the target has already; send nothing. Once the work is told to end, there is no use in it."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._cancel_on_stop, group.cancel_scope)
            await self._existing.find(self._settings.if_exists)
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
            await self.find_existing()
            await self._send()
            await self._bind()

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
