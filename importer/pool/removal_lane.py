"""One target's work in an undo: what an earlier undo left in doubt is looked at, the rest is looked at and deleted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from importer.pool.crew import Crew
from importer.pool.gate import Gate
from importer.pool.gauge import Gauge
from importer.pool.inquiry import Inquiry
from importer.pool.lane import claim_size
from importer.pool.outcomes import Outcomes
from importer.pool.queue import Doubt, Queue
from importer.pool.remover import Remover
from importer.pool.stopping import Reason, Stop
from importer.pool.telling import tell
from importer.records import Outcome, Status

if TYPE_CHECKING:
    from importer.journal import Change, Claimed, Journal
    from importer.pool import Observer
    from importer.pool.client import Client
    from importer.settings import Settings
    from importer.targets import Removal, Target

_HINTS = {
    Reason.INTERRUPTED: "undo again to go on",
    Reason.TOKEN_REFUSED: "check the token and what it may do, then undo again",
    Reason.GIVEN_UP: "see that the target can be reached, then undo again",
}


class RemovalLane:
    """One target's part of an undo, to be done once."""

    def __init__(
        self,
        target: Target,
        removal: Removal,
        journal: Journal,
        client: Client,
        settings: Settings,
        *,
        run: str,
        observer: Observer,
    ) -> None:
        self.stop = Stop()
        self._target = target
        self._journal = journal
        self._settings = settings
        rate = settings.rate.get(target.name, target.rate)
        notify = partial(tell, observer, target.name)
        gate = Gate(rate, settings.headroom, settings.breaker_timeout, self.stop, notify)
        decided = partial(observer.decided, target.name)
        claim = claim_size(rate, settings.concurrency)
        self._queue = Queue(journal, target.name, claim, decided, self.stop, _untouched)
        self._traffic = client.traffic
        self.gauge = Gauge(gate, self._queue)  #: what the work is like at the moment
        self._crew = Crew(self._queue, gate, self._flush)
        inquiry = Inquiry(target, client, gate)
        self._remover = Remover(target, removal, inquiry, self._queue, Outcomes(run), gate, settings.settle)

    @property
    def unwritten(self) -> list[Change]:
        """What was decided and could not be written down."""
        return self._queue.unwritten

    @property
    def claimed(self) -> list[int]:
        """Where the work is limited, the records that it was about: it never is."""
        return self._queue.claimed

    async def work(self) -> None:
        """Delete every object of the target that is still as it was sent."""
        async with self._crew.on_duty(self._end):
            left = [Doubt(record, _untouched(record)) for record in self._journal.in_doubt(self._target.name)]
            self._queue.adopt(left, self._settings.settle)
            await self._crew.work(self._remover.work, self._settings.concurrency, self._remover.clear_up)

    def _flush(self) -> None:
        self._queue.flush()
        self._traffic.write(self._journal, self._target.name)

    def _end(self) -> None:
        self._traffic.write(self._journal, self._target.name, is_last=True)
        if self.stop.reason is not None:
            self._journal.explain_planned(self._target.name, self.stop.words, _HINTS[self.stop.reason])


def _untouched(record: Claimed) -> Outcome:
    return Outcome(Status.PENDING, record.scope)
