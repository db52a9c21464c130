"""The queue of one target's records: claimed from the journal, handed to workers, their outcomes written back.

An `Observer` watches them.
"""

from __future__ import annotations

import heapq
import logging
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

import anyio

from importer.delivery.stop import Reason, Stop
from importer.delivery.throttle import Throttle
from importer.errors import JournalError
from importer.journal.journal import Journal
from importer.journal.states import Change, Claimed, State
from importer.log import log
from importer.records import Outcome, TargetName
from importer.statuses import Status


class Progress:
    """The state of a target's work; may be read at any time, from any thread."""

    def __init__(self, throttle: Throttle, queue: Queue) -> None:
        self._throttle = throttle
        self._queue = queue

    @property
    def rate(self) -> float:
        """Requests a second that may leave at present: the limit in force; infinite where there is none."""
        return self._throttle.rate

    @property
    def retries(self) -> int:
        """Requests that were repeated, or are about to be."""
        return self._queue.retries


class Observer(Protocol):
    """Gets the progress of a delivery."""

    def decided(self, target: TargetName, status: Status, number: int) -> None:
        """Note that so many more records of the target have the status."""

    def sending(self, target: TargetName, progress: Progress) -> None:
        """Note that the target's work begins; the progress can be read at any time."""

    def target_noticed(self, target: TargetName, words: str) -> None:
        """Note something that the user may wonder about: a pause, a target that does not answer."""


def notify(observer: Observer, target: TargetName, words: str) -> None:
    """Report what holds a target up, to the user and to the log."""
    log(logging.WARNING, "notice", words, target=target)
    observer.target_noticed(target, words)


_GROUP = 1024  # outcomes that are committed at once; a commit costs 220 us, a row in a group 6 us
_NOTHING = Outcome(Status.PENDING)


@dataclass(slots=True)
class Doubt:
    """A record that may have been applied."""

    record: Claimed
    outcome: Outcome  #: what is known so far; `unknown` until the target has been asked
    returned_id: str = ""  #: the id in an answer whose values differed


class Queue:
    """Every record in it is on disk as `sending` or `in_doubt`, until it is decided or released."""

    def __init__(
        self,
        journal: Journal,
        target: TargetName,
        claim_size: int,
        decided: Callable[[Status, int], None],
        stop: Stop,
        unsent: Callable[[Claimed], Outcome] = lambda _: _NOTHING,
        *,
        limit: int | None = None,
    ) -> None:
        self._journal = journal
        self._target = target
        self._claim_size = claim_size
        self._decided = decided
        self._stop = stop
        self._unsent = unsent  # the outcome of a record that was not sent
        self._limit = limit  # the most records that are taken from the journal
        self.claimed: list[int] = []  #: where there is a limit, the records that were taken
        self.retries = 0  #: requests that were repeated
        self._last_claimed = 0
        self._ready: deque[Claimed] = deque()
        self._delayed: list[tuple[float, int, Claimed]] = []  # heap, by the time at which they are due
        self._doubts: list[tuple[float, int, Doubt]] = []  # heap, by the time at which the target may be asked
        self._changes: list[Change] = []
        self._open = 0  # taken from the journal, neither decided nor released
        self._is_drained = False  # nothing planned is left in the journal
        self._is_closing = False
        self._is_hopeless = False
        self._until = math.inf  # no doubt is handed out after this
        self.has_created = False  #: something was created in this delivery
        self._order = count()
        self._woken = anyio.Event()

    async def take(self) -> Claimed | None:
        """Return the next record to send, waiting for one that is due later; None when there will be none."""
        while not self._is_closing:
            if self._ready or self._claim() or self._promote():
                return self._ready.popleft()
            if self.is_finished:
                self._wake()
                return None
            await self._wait(self._delayed[0][0] if self._delayed else math.inf)
        return None

    def next_ready(self) -> Claimed | None:
        """Return the next record if that takes neither the journal nor waiting."""
        return self._ready.popleft() if self._ready and not self._is_closing else None

    @property
    def is_ready(self) -> bool:
        """True if the next record can be returned without the journal and without waiting."""
        return bool(self._ready)

    @property
    def is_finished(self) -> bool:
        """True once nothing is in flight and nothing more will be sent."""
        return not self._open and (self._is_drained or self._is_closing)

    async def take_doubts(self) -> list[Doubt] | None:
        """Return all doubts that have settled, waiting for the first; None when there will be none."""
        while not self.is_finished:
            now = math.inf if self._is_hopeless else anyio.current_time()
            due = []
            while self._doubts and self._doubts[0][0] <= now:
                due.append(heapq.heappop(self._doubts)[2])
            if due:
                return due
            await self._wait(self._doubts[0][0] if self._doubts else math.inf)
        return None

    def decide(self, record: Claimed, outcome: Outcome) -> None:
        """Write down the outcome of a record."""
        self.has_created = self.has_created or outcome.status is Status.CREATED
        self._end([Change(record.id, outcome.status, outcome)])
        self._decided(outcome.status, 1)

    def create(self, created: Sequence[Change]) -> None:
        """Write down records that the target took."""
        if created:
            self.has_created = True
            self._end(created)
            self._decided(Status.CREATED, len(created))

    def delay(self, record: Claimed, seconds: float) -> None:
        """Send a record again later: it was certainly not applied."""
        if self._is_closing:
            self.release(record)
            return
        self.retries += 1
        heapq.heappush(self._delayed, (anyio.current_time() + seconds, next(self._order), record))
        self._wake()

    def doubt(self, doubt: Doubt, seconds: float) -> None:
        """Have a record asked about after it has settled; it is not sent before."""
        self._change([Change(doubt.record.id, State.IN_DOUBT, doubt.outcome)])
        heapq.heappush(self._doubts, (anyio.current_time() + seconds, next(self._order), doubt))
        self._leave_late()
        self._wake()

    def release(self, record: Claimed, outcome: Outcome | None = None) -> None:
        """Put a record back that was not sent or certainly not applied: it is planned again, for a later run."""
        outcome = (outcome or self._unsent(record))._replace(attempts=record.attempts)
        self._end([Change(record.id, State.PLANNED, outcome)])

    def adopt(self, doubts: Sequence[Doubt], seconds: float) -> None:
        """Take over what earlier runs left in doubt."""
        self._open += len(doubts)
        due = anyio.current_time() + seconds
        for doubt in doubts:
            heapq.heappush(self._doubts, (due, next(self._order), doubt))

    def close(self, *, is_hopeless: bool, until: float = math.inf) -> None:
        """Hand out nothing more to send, and give back what was not sent.

        Records in doubt go on settling, unless asking is hopeless: then they are handed out at once. Those that
        would not settle by `until` stay in doubt.
        """
        self._is_closing = True
        self._is_hopeless = is_hopeless
        self._until = math.inf if is_hopeless else until
        for record in [*self._ready, *(record for _, _, record in self._delayed)]:
            self.release(record)
        self._ready.clear()
        self._delayed.clear()
        self._leave_late()
        self._wake()

    def flush(self) -> None:
        """Commit what was decided; if the journal cannot be written, keep it and end the work."""
        if self._changes:
            try:
                self._journal.change(self._changes)
            except JournalError as error:
                self._stop.set(Reason.UNWRITABLE, error.message)
                return
            self._changes.clear()

    @property
    def unwritten(self) -> list[Change]:
        """Decisions that could not be committed: on disk these records are still in doubt."""
        return list(self._changes)

    def _leave_late(self) -> None:
        """Leave to a later run the doubts that nobody can ask about any more: on disk they are in doubt."""
        in_time = [entry for entry in self._doubts if entry[0] <= self._until]
        if len(in_time) < len(self._doubts):
            self._open -= len(self._doubts) - len(in_time)
            heapq.heapify(in_time)
            self._doubts = in_time

    def _claim(self) -> bool:
        if self._is_drained:
            return False
        size = self._claim_size if self._limit is None else min(self._claim_size, self._limit - len(self.claimed))
        try:
            claimed = self._journal.claim(self._target, self._last_claimed, size, self._changes)
        except JournalError as error:
            self._stop.set(Reason.UNWRITABLE, error.message)
            self.close(is_hopeless=True)
            return False
        self._changes.clear()
        if not claimed:
            self._is_drained = True
            return False
        self._last_claimed = claimed[-1].id
        if self._limit is not None:
            self.claimed.extend(record.id for record in claimed)
        self._open += len(claimed)
        self._ready.extend(claimed)
        return True

    def _promote(self) -> bool:
        now = anyio.current_time()
        while self._delayed and self._delayed[0][0] <= now:
            self._ready.append(heapq.heappop(self._delayed)[2])
        return bool(self._ready)

    def _end(self, changes: Sequence[Change]) -> None:
        """Write down records that are no longer in flight."""
        self._open -= len(changes)
        self._change(changes)
        if not self._open:
            self._wake()

    def _change(self, changes: Sequence[Change]) -> None:
        self._changes.extend(changes)
        if len(self._changes) >= _GROUP and self._stop.reason is not Reason.UNWRITABLE:
            self.flush()

    async def _wait(self, until: float) -> None:
        woken = self._woken
        with anyio.CancelScope(deadline=until):
            await woken.wait()

    def _wake(self) -> None:
        self._woken.set()
        self._woken = anyio.Event()
