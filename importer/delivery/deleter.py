"""Delete what a run created: look at each object, delete it only if it is as it was sent, and look again."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import anyio

from importer.delivery.client import Answer, Reply
from importer.delivery.listing import Listing, ScopeRefusedError
from importer.delivery.notices import tell
from importer.delivery.outcomes import Outcomes
from importer.delivery.queue import Doubt, Progress, Queue, Workers, claim_size
from importer.delivery.replies import (
    MOST_ATTEMPTS,
    Judgement,
    Seen,
    Sight,
    Subject,
    Verdict,
    is_maybe_applied,
    judge_delete,
    judge_look,
    read_clock,
    settle_time,
)
from importer.delivery.stop import Reason, Stop, StoppedError
from importer.delivery.throttle import Throttle
from importer.errors import TargetError
from importer.kinds.registry import KINDS
from importer.records import Outcome, Scope
from importer.statuses import Status

if TYPE_CHECKING:
    from importer.delivery.client import Client
    from importer.delivery.notices import Observer
    from importer.journal.journal import Journal
    from importer.journal.states import Change, Claimed
    from importer.settings import Settings
    from importer.targets.target import Target


_AT_ONCE = 8  # questions about what is in doubt
_MOST_TAKEN = 3  # requests that the target said it took, and the object is still there: no more of them
_ENDS = {
    Sight.GONE: Status.GONE,
    Sight.CUT: Status.CUT,
    Sight.CHANGED: Status.CHANGED,
    Sight.HIDDEN: Status.FAILED,
}
_NEXT_STEPS = {
    Status.CHANGED: "look at {id} in {target}, and delete it there if nobody needs it",
    Status.KEPT: "nothing is to be done: it pages nobody any more",
    Status.FAILED: "it was not deleted: undo again, or delete {id} in {target}",
    Status.UNKNOWN: "undo again: it is looked at first",
}
_UNSEEN = "neither it nor its schedule can be seen: they were deleted, or the token is not of the account that has them"


class Deleter:
    """Deletes the objects of a queue's records; the name of a record's scope is the id of its object."""

    def __init__(
        self,
        target: Target,
        listing: Listing,
        queue: Queue,
        outcomes: Outcomes,
        throttle: Throttle,
        settle: float,
    ) -> None:
        self._target = target
        self._listing = listing
        self._client = listing.client
        self._queue = queue
        self._outcomes = outcomes
        self._throttle = throttle
        self._stop = throttle.stop
        self._settle = settle
        self._doubtful: set[int] = set()  # records of which a DELETE may have been applied
        self._is_seen: dict[Scope, bool] = {}  # whether the token can see it
        self._asking = anyio.Lock()

    async def work(self) -> None:
        """Look at objects and delete them until there are no more."""
        while (record := await self._queue.take()) is not None:
            try:
                seen = await self._look(record)
            except TargetError as error:
                self._fail(record, f"it could not be looked at: {error.message}")
            except StoppedError:
                self._queue.release(record)
            except BaseException:
                self._queue.release(record)  # nothing was sent
                raise
            else:
                await self._go_on(record, seen)

    async def clear_up(self) -> None:
        """Look at what is in doubt, once it has settled, until nothing is."""
        limiter = anyio.Semaphore(_AT_ONCE)
        while (due := await self._queue.take_doubts()) is not None:
            async with anyio.create_task_group() as group:
                for doubt in due:
                    group.start_soon(self._ask_about, doubt, limiter)

    # ---- looking

    async def _look(self, record: Claimed) -> Seen:
        """Look at a record's object; what is not there may only be out of this token's sight.

        Raises:
            TargetError: no usable answer.
            StoppedError: nothing can be asked any more.
        """
        kind = KINDS[record.scope.kind]
        subject = Subject(record.scope.name, record.key, record.id in self._doubtful)
        answer = await self._listing.look(kind.object_path(subject.id))
        seen = judge_look(answer, self._target, kind.able_to_remove, subject, _clock(answer))
        if seen.sight is Sight.UNREADABLE:
            raise TargetError(seen.words, hint="Undo the run again when the target can be asked.")
        if seen.sight is Sight.GONE and not await self._can_see(Scope(kind.name, kind.scope(record.key))):
            return Seen(Sight.UNREADABLE, seen.status, _UNSEEN)
        return seen

    async def _can_see(self, scope: Scope) -> bool:
        """Return whether the token may see the list that the object was in."""
        async with self._asking:
            if scope not in self._is_seen:
                try:
                    async for _ in self._listing.pages(scope):
                        break
                except ScopeRefusedError:
                    self._is_seen[scope] = False
                else:
                    self._is_seen[scope] = True
        return self._is_seen[scope]

    async def _ask_about(self, doubt: Doubt, limiter: anyio.Semaphore) -> None:
        record = doubt.record
        self._doubtful.add(record.id)
        try:
            async with limiter:
                seen = await self._look(record)
        except TargetError as error:
            self._leave(doubt, error.message)
        except StoppedError:
            self._leave(doubt, self._stop.words)
        else:
            self._conclude(doubt, seen)

    def _conclude(self, doubt: Doubt, seen: Seen) -> None:
        """Decide about an object after a DELETE that may have been applied; one that was not is deleted again."""
        record, known = doubt.record, doubt.outcome
        if seen.sight in (Sight.HIDDEN, Sight.UNREADABLE):
            self._leave(doubt, seen.words)
        elif seen.sight is not Sight.SAME:
            self._decide(record, seen, known.http_status)
        elif self._stop.reason is not None:
            self._queue.release(record)
        elif not 200 <= known.http_status < 300 and not is_maybe_applied(known.http_status):
            self._fail(record, f"{known.error}, and it is still there", known.http_status)
        elif self._is_patience_over(record, known.http_status):
            words = f"still there after {record.attempts} requests to delete it"
            self._fail(record, f"{words}: {known.error}" if known.error else words, known.http_status)
        else:
            self._queue.delay(record, 0.0)

    def _is_patience_over(self, record: Claimed, http_status: int) -> bool:
        most = _MOST_TAKEN if 200 <= http_status < 300 else MOST_ATTEMPTS
        return record.tries >= most or (record.tries > 0 and not self._throttle.may_repeat())

    def _leave(self, doubt: Doubt, words: str) -> None:
        before = f"{doubt.outcome.error}; " if doubt.outcome.error else ""
        error = f"{before}whether it was deleted could not be asked: {words}"
        self._queue.decide(doubt.record, self._make(Status.UNKNOWN, doubt.record, doubt.outcome.http_status, error))

    # ---- deleting

    async def _go_on(self, record: Claimed, seen: Seen) -> None:
        if seen.sight is Sight.UNREADABLE:
            self._queue.decide(record, self._make(Status.UNKNOWN, record, seen.status, seen.words))
        elif seen.sight is not Sight.SAME:
            self._decide(record, seen, seen.status)
        elif not await self._may_send(record):
            self._queue.release(record)
        else:
            sent = record._replace(attempts=record.attempts + 1, tries=record.tries + 1)
            await self._apply(sent, await self._delete(sent))

    async def _may_send(self, record: Claimed) -> bool:
        try:
            await self._throttle.enter(is_write=True)
        except StoppedError:
            return False
        except BaseException:
            self._queue.release(record)  # it never left
            raise
        return True

    async def _delete(self, record: Claimed) -> Reply:
        try:
            return await self._client.delete(KINDS[record.scope.kind].object_path(record.scope.name))
        except BaseException:  # a cancelled task, a bug of ours: it may have been applied
            outcome = self._make(Status.UNKNOWN, record, error="stopped while waiting for the answer")
            self._queue.doubt(Doubt(record, outcome), self._settle)
            raise

    async def _apply(self, record: Claimed, reply: Reply) -> None:
        """Do what the policy says after the reply to a DELETE."""
        judgement = judge_delete(reply, self._target)
        self._throttle.note(reply, is_write=True)
        match judgement.verdict:
            case Verdict.SLOW_DOWN:
                self._queue.delay(record._replace(tries=record.tries - 1), 0.0)
            case Verdict.TOKEN_REFUSED:
                self._refuse_token(record, judgement)
            case Verdict.FORBIDDEN:
                await self._forbid(record, judgement)
            case Verdict.REFUSED:
                self._fail(record, judgement.words, judgement.status)
            case Verdict.TAKEN | Verdict.IN_DOUBT | Verdict.NOT_SENT:
                await self._look_after(record, reply, judgement)

    async def _look_after(self, record: Claimed, reply: Reply, judgement: Judgement) -> None:
        """Look whether what a DELETE was about is gone: at once where the target answered, and once it has settled."""
        self._doubtful.add(record.id)
        if not is_maybe_applied(judgement.status) or judgement.verdict is Verdict.TAKEN:
            with suppress(TargetError, StoppedError):  # then it is in doubt
                seen = await self._look_safely(record)
                if seen.sight in (Sight.GONE, Sight.CUT, Sight.CHANGED):
                    self._decide(record, seen, judgement.status)
                    return
                if judgement.status == 422 and KINDS[record.scope.kind].able_to_remove.span(record.key)[1] <= _clock(
                    reply
                ):
                    words = f"it is over, and the target keeps it: {judgement.words}"
                    self._queue.decide(record, self._make(Status.KEPT, record, judgement.status, words))
                    return
        doubt = Doubt(record, self._make(Status.UNKNOWN, record, judgement.status, judgement.words))
        self._queue.doubt(doubt, settle_time(self._settle, record.tries))

    async def _look_safely(self, record: Claimed) -> Seen:
        """Look at what may be deleted already: in doubt where the look itself is cancelled."""
        try:
            return await self._look(record)
        except (TargetError, StoppedError):
            raise
        except BaseException:
            outcome = self._make(Status.UNKNOWN, record, error="stopped before it was seen to be gone")
            self._queue.doubt(Doubt(record, outcome), self._settle)
            raise

    def _refuse_token(self, record: Claimed, judgement: Judgement) -> None:
        self._stop.set(Reason.TOKEN_REFUSED, f"the token was refused ({judgement.status}): {judgement.words}")
        self._queue.release(record)

    async def _forbid(self, record: Claimed, judgement: Judgement) -> None:
        """Find out whether a 403 is about the token; if not, it is about this object."""
        try:
            is_token_good = await self._listing.is_token_good()
        except (StoppedError, TargetError):
            is_token_good = True  # nobody said otherwise; what stopped the work says more
        if is_token_good:
            self._fail(record, judgement.words, judgement.status)
        else:
            self._refuse_token(record, judgement)

    # ---- what is written down

    def _decide(self, record: Claimed, seen: Seen, http_status: int) -> None:
        """Write down what a look showed."""
        status, words = _ENDS[seen.sight], seen.words
        if seen.sight is Sight.GONE:
            is_ours = record.id in self._doubtful
            status, words = (Status.DELETED, "") if is_ours else (status, "it was not there any more")
        elif seen.sight is Sight.CHANGED:
            words = f"changed since it was created, and left: {words}"
        self._queue.decide(record, self._make(status, record, http_status, words))

    def _fail(self, record: Claimed, words: str, http_status: int = 0) -> None:
        self._queue.decide(record, self._make(Status.FAILED, record, http_status, words))

    def _make(self, status: Status, record: Claimed, http_status: int = 0, error: str = "") -> Outcome:
        hint = _NEXT_STEPS.get(status, "").format(id=record.scope.name, target=self._target.name)
        return self._outcomes.make(
            status, record, returned_id=record.scope.name, http_status=http_status, error=error, hint=hint
        )


def _clock(reply: Reply) -> float:
    return read_clock(reply.headers if isinstance(reply, Answer) else {}, time.time())


_HINTS = {
    Reason.INTERRUPTED: "undo again to go on",
    Reason.TOKEN_REFUSED: "check the token and what it may do, then undo again",
    Reason.GIVEN_UP: "see that the target can be reached, then undo again",
}


class TargetDeletion:
    """One target's part of an undo, to be done once."""

    def __init__(
        self,
        target: Target,
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
        throttle = Throttle(rate, settings.headroom, settings.breaker_timeout, self.stop, notify)
        decided = partial(observer.decided, target.name)
        claim = claim_size(rate, settings.concurrency)
        self._queue = Queue(journal, target.name, claim, decided, self.stop, _untouched)
        self._traffic = client.traffic
        self.progress = Progress(throttle, self._queue)  #: what the work is like at the moment
        self._workers = Workers(self._queue, throttle, self._flush)
        listing = Listing(target, client, throttle)
        self._remover = Deleter(target, listing, self._queue, Outcomes(run), throttle, settings.settle)

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
        async with self._workers.on_duty(self._end):
            left = [Doubt(record, _untouched(record)) for record in self._journal.in_doubt(self._target.name)]
            self._queue.adopt(left, self._settings.settle)
            await self._workers.work(self._remover.work, self._settings.concurrency, self._remover.clear_up)

    def _flush(self) -> None:
        self._queue.flush()
        self._traffic.write(self._journal, self._target.name)

    def _end(self) -> None:
        self._traffic.write(self._journal, self._target.name, is_last=True)
        if self.stop.reason is not None:
            self._journal.explain_planned(self._target.name, self.stop.words, _HINTS[self.stop.reason])


def _untouched(record: Claimed) -> Outcome:
    return Outcome(Status.PENDING, record.scope.name)
