"""One target's work in a run: what exists is found, then workers send while the reconciler clears up behind them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import anyio

from importer.errors import JournalError
from importer.pool.existing import Existing
from importer.pool.gate import Gate
from importer.pool.gauge import Gauge
from importer.pool.inquiry import Inquiry
from importer.pool.outcomes import Outcomes
from importer.pool.queue import Doubt, Queue
from importer.pool.reconciler import Reconciler
from importer.pool.sender import Sender
from importer.pool.stopping import Reason, Stop
from importer.records import Outcome, Status

if TYPE_CHECKING:
    from importer.journal import Change, Journal
    from importer.pool import Observer
    from importer.pool.client import Client
    from importer.settings import Settings
    from importer.targets import Target

_LARGEST_CLAIM = 256  # records marked `sending` by one commit
_FLUSH_EVERY = 0.5  # seconds that a decided outcome may wait for its commit
_LEFT_BEHIND = Outcome(Status.UNKNOWN, error="an earlier run ended before the answer was written down")
_HINTS = {
    Reason.INTERRUPTED: "rerun to go on",
    Reason.TOKEN_REFUSED: "check the token and what it may do, then rerun",
    Reason.GIVEN_UP: "see that the target can be reached, then rerun",
}


class Lane:
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
        claim = min(_LARGEST_CLAIM, max(2 * settings.concurrency, int(min(rate, _LARGEST_CLAIM))))
        outcomes = Outcomes(run)
        self._gate = gate = Gate(
            rate, settings.headroom, settings.breaker_timeout, self.stop, partial(observer.told, target.name)
        )
        inquiry = Inquiry(target, client, gate)
        decided = partial(observer.decided, target.name, number=1)
        self._queue = Queue(journal, target.name, claim, decided, self.stop, limit)
        self._is_limited = limit is not None
        self.gauge = Gauge(gate, self._queue)  #: what the work is like at the moment
        self._existing = Existing(target, journal, inquiry, outcomes, self.stop, observer)
        self._sender = Sender(target, client, gate, inquiry, self._queue, outcomes, settings.settle)
        self._reconciler = Reconciler(target, journal, inquiry, self._queue, outcomes, gate)

    async def find_existing(self) -> None:
        """Find what the target has already; send nothing. Once the work is told to end, there is no use in it."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._cancel_on_stop, group.cancel_scope)
            await self._existing.find(self._settings.if_exists)
            group.cancel_scope.cancel()

    async def work(self) -> None:
        """Bring every record of the target as far as it can be brought."""
        try:
            await self.find_existing()
            await self._send()
        except* JournalError as errors:
            self.stop.set(Reason.UNWRITABLE, _first_message(errors))
        finally:
            self._close()
            self._queue.flush()
            try:
                self._end()
            except JournalError as error:
                self.stop.set(Reason.UNWRITABLE, error.message)

    @property
    def unwritten(self) -> list[Change]:
        """What was decided and could not be written down."""
        return self._queue.unwritten

    @property
    def claimed(self) -> list[int]:
        """Where the work is limited, the records that it was about."""
        return self._queue.claimed

    def _end(self) -> None:
        if self.stop.reason is Reason.UNWRITABLE:
            return
        self._close_forbidden()
        if self.stop.reason is not None:
            self._journal.explain_planned(self._target.name, self.stop.words, _HINTS[self.stop.reason])

    async def _send(self) -> None:
        left_behind = [Doubt(record, _LEFT_BEHIND) for record in self._journal.in_doubt(self._target.name)]
        if not self._is_limited:  # else these would be sent beyond the limit
            self._queue.adopt(left_behind, self._settings.settle)
        if self.stop.reason is not None:
            self._close()
        async with anyio.create_task_group() as aside:
            aside.start_soon(self._flush_regularly)
            aside.start_soon(self._close_on_stop)
            aside.start_soon(self._cancel_when_gone, aside.cancel_scope)
            async with anyio.create_task_group() as workers:
                workers.start_soon(self._reconciler.work)
                for _ in range(self._settings.concurrency):
                    workers.start_soon(self._sender.work)
            aside.cancel_scope.cancel()

    async def _flush_regularly(self) -> None:
        while True:
            await anyio.sleep(_FLUSH_EVERY)
            self._queue.flush()

    async def _close_on_stop(self) -> None:
        await self.stop.wait()
        self._close()

    def _close(self) -> None:
        self._queue.close(is_hopeless=self.stop.is_hopeless, until=self.stop.until)

    async def _cancel_on_stop(self, scope: anyio.CancelScope) -> None:
        await self.stop.wait()
        scope.cancel()

    async def _cancel_when_gone(self, scope: anyio.CancelScope) -> None:
        """End the work before its grace does where nothing can become of it: interrupted, and the target is gone."""
        await self.stop.wait()
        if self.stop.reason is Reason.INTERRUPTED:
            await self._gate.wait_until_gone()
            scope.cancel()

    def _close_forbidden(self) -> None:
        """Decide about the scopes that answered 403: theirs alone if something could be created elsewhere, or was."""
        for scope, judgement in self._sender.forbidden.items():
            if self._queue.has_created or self._journal.counts().get((self._target.name, Status.CREATED)):
                self._existing.close_scope(scope, Status.REJECTED, judgement.words, judgement.status)
            else:
                self.stop.set(Reason.TOKEN_REFUSED, f"the token may not create (403): {judgement.words}")


def _first_message(errors: BaseExceptionGroup[JournalError]) -> str:
    first = errors.exceptions[0]
    return _first_message(first) if isinstance(first, BaseExceptionGroup) else first.message
