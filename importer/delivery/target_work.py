"""One target's work on the records of a journal: what sending and deleting share.

These are the tasks that do it, and the outcomes that are written down.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any, ClassVar, TypeVar

import anyio

from importer.delivery.client import Client
from importer.delivery.listing import Listing
from importer.delivery.queue import Doubt, Observer, Progress, Queue, notify
from importer.delivery.replies import Judgement
from importer.delivery.stop import Reason, Stop, StoppedError
from importer.delivery.throttle import Throttle
from importer.delivery.transport import Connection
from importer.errors import JournalError, TargetError
from importer.journal.journal import Journal
from importer.journal.states import Claimed
from importer.kinds import Names
from importer.log import log
from importer.records import Outcome, TargetName
from importer.settings.options import IfExists, Settings
from importer.statuses import Status
from importer.targets.target import Target
from importer.wording import iso_utc

T = TypeVar("T")

_FLUSH_EVERY = 0.5  # seconds that a decided outcome may wait for its commit
_LARGEST_CLAIM = 512  # records marked `sending` by one commit
_NOTABLE = 0.1  # of a rate: a smaller change is not logged

_write_second = lru_cache(maxsize=2)(iso_utc)  # thousands of records end in the same second


class Outcomes:
    """Makes the outcomes of one run."""

    def __init__(self, target: Target, run: str, if_exists: IfExists = IfExists.SKIP) -> None:
        self._target = target
        self._run = run
        self._if_exists = if_exists
        self.notes: dict[int, str] = {}  #: what a report says of a record once it is created

    def make(
        self,
        status: Status,
        record: Claimed | None = None,
        *,
        returned_id: str = "",
        http_status: int = 0,
        error: str = "",
        hint: str = "",
    ) -> Outcome:
        """Make an outcome that is decided now; without a hint it gets the status's own."""
        return Outcome(
            status,
            returned_id,
            http_status,
            error,
            hint=hint or advise(status, http_status, self._target),
            attempts=record.attempts if record else 0,
            finished_at=_write_second(int(time.time())),
            run=self._run,
        )

    def created(self, record: Claimed, judgement: Judgement) -> Outcome:
        """Make the outcome of a record that the target created."""
        note = self.notes.get(record.id, "")
        return self.make(Status.CREATED, record, returned_id=judgement.id, http_status=judgement.status, error=note)

    def answered(self, record: Claimed, judgement: Judgement) -> Outcome:
        """Make the outcome of a record that the target says it had already, perhaps from a lost request."""
        made = self.created(record, judgement)
        if record.attempts > 1:
            return made
        known = self.existing()
        return made._replace(status=known.status, error=known.error, hint=known.hint)

    def existing(self) -> Outcome:
        """Make the outcome of what the target had before it was sent."""
        if self._if_exists is IfExists.SKIP:
            return self.make(Status.EXISTS)
        return self.make(Status.REJECTED, error="exists already", hint="Remove the row, or use --if-exists skip.")


def give_up(known: Outcome) -> Outcome:
    """Make the outcome of a record that was certainly not applied and may not be retried: the budget is spent."""
    error = f"{known.error}; not sent again: too many requests of this run failed"
    return known._replace(status=Status.FAILED, error=error, hint=advise(Status.FAILED))


def advise(status: Status, http_status: int = 0, target: Target | None = None) -> str:
    """Return the hint of a status."""
    if status is Status.REJECTED and http_status == 404 and target:
        return target.not_found
    if status is Status.REJECTED and http_status == 403:
        return "Check what the token may do (the answer says what was refused), then rerun."
    if status is Status.REJECTED and http_status not in _OF_ROW:
        return "The answer says why: correct the row if it is wrong, otherwise rerun once that has changed."
    return _NEXT_STEPS.get(status, "")


_OF_ROW = (0, 400, 404, 410, 422)  # HTTP statuses that say that the record is wrong; 423, for instance, does not
_NEXT_STEPS = {
    Status.REJECTED: "Correct the row; the answer says what is wrong.",
    Status.FAILED: "Rerun: it was certainly not applied.",
    Status.UNKNOWN: "Rerun: the target is asked first, nothing is sent twice.",
}


# ---- the work


@dataclass(frozen=True, slots=True)
class Job:
    """A job for a journal's records at all targets, with its observer and what can interrupt it."""

    journal: Journal
    connections: Mapping[TargetName, Connection]
    settings: Settings
    observer: Observer
    interrupted: anyio.Event
    run: str = ""  #: the name of the run that decides the records, for the report


class TargetWork:
    """One target's work, to be done once."""

    hints: ClassVar[Mapping[Reason, str]]  #: the hints for records that a stop left

    def __init__(self, target: Target, client: Client, job: Job, *, limit: int | None = None) -> None:
        self.target = target
        self.client = client
        self.journal = job.journal
        self.settings = settings = job.settings
        self.run = job.run
        self.observer = job.observer
        self.notify = partial(notify, job.observer, target.name)
        self.decided = partial(job.observer.decided, target.name)
        self.stop = Stop()
        rate = target.rate_of(settings)
        self.throttle = Throttle(rate, settings.headroom, settings.breaker_timeout, self.stop, self.notify)
        self.listing = Listing(target, client, self.throttle)
        self.outcomes = Outcomes(target, job.run, settings.if_exists)
        # One commit marks as many records `sending` as are sent in a second, within bounds.
        claim = min(_LARGEST_CLAIM, max(2 * settings.concurrency, int(min(rate, _LARGEST_CLAIM))))
        self.queue = Queue(job.journal, target.name, claim, self.decided, self.stop, self.untouched, limit=limit)
        self.progress = Progress(self.throttle, self.queue)  #: the state of the work at the moment
        self._logged_rate = self.throttle.rate

    # ---- what a worker asks for

    @cached_property
    def names(self) -> Names:
        """The names of ids, as far as the journal knew them when this was first read."""
        return Names(self.journal.names())

    def untouched(self, _record: Claimed) -> Outcome:
        """Make the outcome of an untouched record."""
        return Outcome(Status.PENDING)

    def make_outcome(self, status: Status, record: Claimed, http_status: int = 0, error: str = "") -> Outcome:
        """Make the outcome of something that was done about a record."""
        return self.outcomes.make(status, record, http_status=http_status, error=error)

    def judged(self, status: Status, record: Claimed, judgement: Judgement) -> Outcome:
        """Make the outcome that follows from a judgement; nothing was created or deleted."""
        return self.make_outcome(status, record, judgement.status, judgement.words)

    async def safely(self, record: Claimed, do: Callable[[Claimed], Awaitable[T]], words: str) -> T:
        """Do something that may change a record's object; the record is in doubt if that is cut short."""
        try:
            return await do(record)
        except (TargetError, StoppedError):
            raise
        except BaseException:  # a cancelled task, a bug of ours: it may have been applied
            self.queue.doubt(
                Doubt(record, self.make_outcome(Status.UNKNOWN, record, error=words)), self.settings.settle
            )
            raise

    async def may_send(self, record: Claimed) -> bool:
        """Wait until a record's request may leave; return False if none may any more."""
        try:
            await self.throttle.enter(is_write=True)
        except StoppedError:
            return False
        except BaseException:
            self.queue.release(record)  # it never left
            raise
        return True

    async def is_token_refused(self) -> bool:
        """Find out whether a 403 is about the token; unless that is certain, it is about what was asked for."""
        try:
            return not await self.listing.is_token_good()
        except (StoppedError, TargetError):
            return False  # the reason why the work stopped says more

    def refuse_token(self, judgement: Judgement) -> None:
        """End the work: the target refused the token."""
        self.stop.set(Reason.TOKEN_REFUSED, f"the token was refused ({judgement.status}): {judgement.words}")

    # ---- from the first to the last record

    @asynccontextmanager
    async def on_duty(self) -> AsyncIterator[None]:
        """Commit what was decided, and write down what is left, however the block ends.

        A journal that cannot be written ends the block, and is reported as the reason.
        """
        self.observer.sending(self.target.name, self.progress)
        try:
            yield
        except* JournalError as errors:
            self.stop.set(Reason.UNWRITABLE, _first_message(errors))
        finally:
            self._close()
            self.flush()
            try:
                if self.stop.reason is not Reason.UNWRITABLE:
                    self.end()
            except JournalError as error:
                self.stop.set(Reason.UNWRITABLE, error.message)

    async def work_through(
        self, worker: Callable[[], Coroutine[Any, Any, None]], clear_up: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        """Run the workers until the queue is finished, while one task clears up doubts behind them."""
        if self.stop.reason is not None:
            self._close()
        async with anyio.create_task_group() as aside:
            aside.start_soon(self._flush_regularly)
            aside.start_soon(self._close_on_stop)
            aside.start_soon(self._cancel_when_gone, aside.cancel_scope)
            async with anyio.create_task_group() as workers:
                workers.start_soon(clear_up)
                for _ in range(self.settings.concurrency):
                    workers.start_soon(worker)
            aside.cancel_scope.cancel()

    async def until_gone(self, work: Coroutine[Any, Any, None]) -> None:
        """Do work that is sent beside the queue, until the grace ends or the work has become hopeless."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._cancel_when_gone, group.cancel_scope)
            await work
            group.cancel_scope.cancel()

    async def until_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """Do work that is pointless once a stop was asked for."""
        with self.stop.ends(is_write=True):
            await work

    def flush(self) -> None:
        """Commit what was decided, and log the pace where it has changed."""
        self.queue.flush()
        self.client.traffic.write(self.journal, self.target.name)
        rate = self.throttle.rate
        if abs(rate - self._logged_rate) > _NOTABLE * self._logged_rate:
            self._logged_rate = rate
            log(logging.INFO, "pace", f"{rate:.1f} requests/s", target=self.target.name)

    def end(self) -> None:
        """Write down why the remaining records were left."""
        self.client.traffic.write(self.journal, self.target.name, is_last=True)
        if self.stop.reason is not None:
            log(logging.WARNING, "stopped", self.stop.words, target=self.target.name)
            self.journal.explain_planned(self.target.name, self.stop.words, self.hints[self.stop.reason])

    def _close(self) -> None:
        """Send nothing more."""
        self.queue.close(is_hopeless=self.stop.is_hopeless, until=self.stop.until)

    async def _flush_regularly(self) -> None:
        while True:
            await anyio.sleep(_FLUSH_EVERY)
            self.flush()

    async def _close_on_stop(self) -> None:
        await self.stop.wait()
        self._close()

    async def _cancel_when_gone(self, scope: anyio.CancelScope) -> None:
        """Cancel the work before its grace ends if it is hopeless: interrupted, and the target is gone."""
        await self.stop.wait()
        if self.stop.reason is Reason.INTERRUPTED:
            await self.throttle.wait_until_gone()
            scope.cancel()


async def for_each(items: Iterable[T], do: Callable[[T], Awaitable[None]], at_once: int) -> None:
    """Do something for each item, at most `at_once` at a time; a task starts only when it can run."""
    limiter = anyio.Semaphore(at_once)

    async def do_one(item: T) -> None:
        try:
            await do(item)
        finally:
            limiter.release()

    async with anyio.create_task_group() as group:
        for item in items:
            await limiter.acquire()
            group.start_soon(do_one, item)


def _first_message(errors: BaseExceptionGroup[JournalError]) -> str:
    first = errors.exceptions[0]
    return _first_message(first) if isinstance(first, BaseExceptionGroup) else first.message
