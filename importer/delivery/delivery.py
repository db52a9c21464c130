"""Deliver what a journal has planned: find what exists, send, reconcile, add to groups; or delete. Plans nothing.

The workers are here too: they take a record, send it and act on the reply.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, ClassVar, NamedTuple, TypeVar

import anyio

from importer.delivery.client import Answer, Client, NotSent, Reply, open_client
from importer.delivery.closing_look import look_back
from importer.delivery.deleter import TargetDeletion
from importer.delivery.groups import Binder
from importer.delivery.queue import Doubt
from importer.delivery.reconciler import clear_up_doubts, close_scope, mark_existing
from importer.delivery.replies import Judgement, Verdict, judge_post
from importer.delivery.retry import MOST_ATTEMPTS, back_off, settle_time
from importer.delivery.stop import GRACE, Reason, end_on_interrupt
from importer.delivery.target_work import Job, TargetWork, give_up
from importer.journal.states import Change, Claimed
from importer.kinds import KINDS
from importer.records import Outcome, Scope, TargetName
from importer.statuses import Status
from importer.targets import TARGETS
from importer.targets.target import Target

_LEFT_BEHIND = Outcome(Status.UNKNOWN, error="an earlier run ended before the answer was written down")
_BATCH = 64  # answers that are judged together if nothing waits for the verdict
_MOST_FORBIDDEN = 100  # records that may be answered 403 one by one before anything was created


class TargetDelivery(TargetWork):
    """The work of sending to one target."""

    hints: ClassVar[Mapping[Reason, str]] = {
        Reason.INTERRUPTED: "Rerun to go on.",
        Reason.TOKEN_REFUSED: "Check the token and what it may do, then rerun.",
        Reason.GIVEN_UP: "Make sure that the target can be reached (oncall-importer doctor), then rerun.",
    }

    def __init__(self, target: Target, client: Client, job: Job, *, limit: int | None = None) -> None:
        super().__init__(target, client, job, limit=limit)
        self._is_limited = limit is not None
        self._binder = Binder(self) if target.grouping else None
        #: Scopes in which a POST was answered 403 though the token is good, and records without a scope of their own.
        #: Whether they or the token's rights are meant is decided at the end, by whether anything could be created.
        self._forbidden: dict[Scope | Claimed, Judgement] = {}
        self._ids: set[int] = set()  # hashes of the ids in answers
        self._answered: list[tuple[Claimed, Answer]] = []  # answers that look like a success and are not judged yet

    async def find_existing(self, *, is_approved: bool = False) -> None:
        """Find what the target has already; send nothing. Stops as soon as the work is stopped.

        `is_approved`: a plan with the replacements was approved, and nothing else may be replaced.
        """
        await self.until_stopped(mark_existing(self, is_approved=is_approved))

    async def look(self) -> None:
        """Find what the target has already, and which of that is in its groups; send nothing."""
        await self.find_existing()
        if self._binder and self.stop.reason is None:
            await self.until_stopped(self._binder.bind(is_dry=True))

    async def work(self) -> None:
        """Take every record of the target as far as possible."""
        async with self.on_duty():
            if self._binder:
                self._binder.carry()
            await self.find_existing(is_approved=self.settings.plan is not None)
            await self._send()
            await self._bind()
            await self._look_back()

    def flush(self) -> None:
        """Judge the waiting answers, and commit what was decided."""
        self._judge_answered()
        super().flush()

    def end(self) -> None:
        """Decide about what was answered 403, and write down why records were left unsent."""
        self._close_forbidden()
        words = self.stop.words or "the run ended while it was being added"
        self.journal.doubt_adding(self.target.name, self.outcomes.make(Status.UNKNOWN, error=words))
        super().end()

    async def _send(self) -> None:
        left_behind = [Doubt(record, _LEFT_BEHIND) for record in self.journal.in_doubt(self.target.name)]
        if not self._is_limited:  # otherwise these would be sent beyond the limit
            self.queue.adopt(left_behind, self.settings.settle)
        await self.work_through(self._send_all, partial(clear_up_doubts, self))

    async def _bind(self) -> None:
        """Add what was created to its groups, once everything is written down."""
        self.flush()
        if self._binder is not None and self.stop.reason is None:
            await self.until_gone(self._binder.bind())

    async def _look_back(self) -> None:
        """Compare what is there with what the run says, once everything is sent."""
        self.flush()
        is_left = self._is_limited and self.target.name in self.journal.open_targets()
        if not (self.settings.no_closing_look or is_left or self.stop.reason is not None):
            await self.until_stopped(look_back(self))

    def _close_forbidden(self) -> None:
        """Decide about what was answered 403: it is forbidden if something could be created elsewhere."""
        for what, judgement in self._forbidden.items():
            if not self._has_created():
                self.stop.set(Reason.TOKEN_REFUSED, f"the token may not create (403): {judgement.words}")
                break
            if isinstance(what, Claimed):
                rejected = self.judged(Status.REJECTED, what, judgement)
                self.journal.change([Change(what.id, Status.REJECTED, rejected)])
                self.decided(Status.REJECTED, 1)
            else:
                close_scope(self, what, Status.REJECTED, judgement.words, judgement.status)

    def _has_created(self) -> bool:
        """Return whether the token could create something, in this run or in the one that it continues."""
        return self.queue.has_created or bool(self.journal.counts().get((self.target.name, Status.CREATED)))

    # ---- sending

    async def _send_all(self) -> None:
        """Send records until there are no more; each worker runs this."""
        while (record := self.queue.next_ready() or await self.queue.take()) is not None:
            if record.scope in self._forbidden or not (self.throttle.is_clear() or await self.may_send(record)):
                self.queue.release(record)
                continue
            sent = Claimed(record.id, record.key, record.scope, record.attempts + 1, record.tries + 1)
            reply = await self.safely(sent, self._post, "stopped while waiting for the answer")
            if isinstance(reply, Answer) and 200 <= reply.status < 300 and self.throttle.can_learn_later(reply.headers):
                self._answered.append((sent, reply))
            else:
                await self._apply(sent, reply)
            if len(self._answered) >= _BATCH or not self.queue.is_ready:
                self._judge_answered()

    def _judge_answered(self) -> None:
        """Decide the records whose answers are waiting; together this takes half as long as one by one."""
        answered, self._answered = self._answered, []
        created = []
        for record, answer in answered:
            judgement = self._judge(answer, record)
            if judgement.verdict is Verdict.TAKEN:
                created.append(Change(record.id, Status.CREATED, self.outcomes.created(record, judgement)))
            elif judgement.verdict is Verdict.EXISTS:
                self.queue.decide(record, self.outcomes.answered(record, judgement))
            else:
                self._doubt(record, judgement)
        self.throttle.learn(len(answered))
        self.queue.create(created)

    async def _post(self, record: Claimed) -> Reply:
        request = KINDS[record.scope.kind].request(record.key)
        return await self.client.post(request.path, request.body, record.attempts)

    def _judge(self, reply: Reply, record: Claimed) -> Judgement:
        """Judge a reply to the POST of a record: an id that another record of this run has got proves nothing."""
        judgement = judge_post(reply, self.target, KINDS[record.scope.kind], record.key)
        if judgement.verdict is Verdict.TAKEN:
            id_ = hash(judgement.id)
            if id_ in self._ids:
                words = f"the answer names {judgement.id}, as the answer to another record did"
                return Judgement(Verdict.IN_DOUBT, judgement.status, words)
            self._ids.add(id_)
        return judgement

    async def _apply(self, record: Claimed, reply: Reply) -> None:
        """Act on the reply to a POST."""
        judgement = self._judge(reply, record)
        if isinstance(reply, NotSent) and reply.is_lasting:
            self.stop.set(Reason.GIVEN_UP, judgement.words)
        self.throttle.note(reply, is_write=True)
        match judgement.verdict:
            case Verdict.TAKEN:
                self.queue.decide(record, self.outcomes.created(record, judgement))
            case Verdict.EXISTS:
                self.queue.decide(record, self.outcomes.answered(record, judgement))
            case Verdict.REFUSED:
                self.queue.decide(record, self.judged(Status.REJECTED, record, judgement))
            case Verdict.SLOW_DOWN:
                self.queue.delay(record._replace(tries=record.tries - 1), 0.0)
            case Verdict.NOT_SENT:
                self._retry(record, self.judged(Status.FAILED, record, judgement))
            case Verdict.TOKEN_REFUSED:
                self._refuse_token(record, judgement)
            case Verdict.FORBIDDEN:
                await self._forbid(record, judgement)
            case _:
                self._doubt(record, judgement)

    def _retry(self, record: Claimed, failed: Outcome) -> None:
        if record.tries >= MOST_ATTEMPTS:
            self.queue.decide(record, failed)
        elif not self.throttle.may_repeat():
            self.queue.decide(record, give_up(failed))
        else:
            self.queue.delay(record, back_off(record.tries, random.random()))  # noqa: S311  (jitter, no secret)

    def _refuse_token(self, record: Claimed, judgement: Judgement) -> None:
        self.refuse_token(judgement)
        self._release(record, judgement)

    def _release(self, record: Claimed, judgement: Judgement) -> None:
        pending = self.judged(Status.PENDING, record, judgement)
        self.queue.release(record, pending._replace(hint=self.hints[Reason.TOKEN_REFUSED]))

    async def _forbid(self, record: Claimed, judgement: Judgement) -> None:
        """Find out whether a 403 is about the token; if not, the scope's other records wait until the end.

        If all records have the same scope, it is about the record alone once others could be created.
        """
        if await self.is_token_refused():
            self._refuse_token(record, judgement)
            return
        self._judge_answered()
        if record.scope.name:
            self._forbidden.setdefault(record.scope, judgement)
            self.queue.release(record)
        elif self._has_created():
            self.queue.decide(record, self.judged(Status.REJECTED, record, judgement))
        elif len(self._forbidden) < _MOST_FORBIDDEN:
            self._forbidden[record] = judgement
            self._release(record, judgement)
        else:
            self._refuse_token(record, judgement)

    def _doubt(self, record: Claimed, judgement: Judgement) -> None:
        """Have the target asked later whether it applied the record after all."""
        doubt = Doubt(record, self.judged(Status.UNKNOWN, record, judgement), judgement.id)
        self.queue.doubt(doubt, settle_time(self.settings.settle, record.tries))


AnyWork = TypeVar("AnyWork", TargetDelivery, TargetDeletion)


class Delivered(NamedTuple):
    """How a target's work ended."""

    reason: Reason | None  #: why it ended before everything was decided; None if it did not
    words: str
    unwritten: list[Change]  #: outcomes that could not be written into the journal
    claimed: list[int]  #: of a limited delivery, the records that were taken


async def deliver(job: Job, limit: int | None = None) -> dict[TargetName, Delivered]:
    """Send every planned record and clear up every one in doubt, each target on its own.

    After `interrupted` nothing more is sent, and requests in flight have ten seconds, fewer if the target is gone.
    Returns for each target whether and why it stopped early; the outcomes of records are in the journal. With a limit,
    only that many planned records of each target are sent, and what earlier runs left in doubt is left alone.
    """
    return await _work(job, partial(TargetDelivery, limit=limit), TargetDelivery.work)


async def find_existing(job: Job) -> dict[TargetName, Delivered]:
    """Ask which planned records the targets have already; nothing is sent. Returns as `deliver` does."""
    return await _work(job, TargetDelivery, TargetDelivery.look)


async def ask_about_doubts(job: Job) -> dict[TargetName, Delivered]:
    """Find out about every record that a run left in flight, once it has settled; nothing is sent.

    What the targets have counts as created by that run. Returns as `deliver` does.
    """

    def make(target: Target, client: Client, job: Job) -> TargetDelivery:
        delivery = TargetDelivery(target, client, job)
        delivery.stop.set(Reason.INTERRUPTED, "not attempted: the run was ended, and then undone")
        return delivery

    return await _work(job, make, TargetDelivery.work, grace=0.0)


async def remove(job: Job) -> dict[TargetName, Delivered]:
    """Delete the objects of every planned record that are as they were sent, each target on its own.

    A record's scope is the id of its object. Interruption and result are those of `deliver`.
    """
    return await _work(job, TargetDeletion, TargetDeletion.work)


async def _work(
    job: Job,
    make: Callable[[Target, Client, Job], AnyWork],
    do: Callable[[AnyWork], Coroutine[Any, Any, None]],
    grace: float = GRACE,
) -> dict[TargetName, Delivered]:
    """Open a session with each target, and do the target's work in it."""
    concurrency, request_timeout = job.settings.concurrency, job.settings.request_timeout
    async with AsyncExitStack() as stack:
        works: dict[TargetName, AnyWork] = {}
        for name, connection in job.connections.items():
            target = TARGETS[name]
            client = open_client(target, *connection, concurrency=concurrency, request_timeout=request_timeout)
            works[name] = make(target, await stack.enter_async_context(client), job)
        stops = [work.stop for work in works.values()]
        words = "not attempted: the run was interrupted"
        async with end_on_interrupt(stops, job.interrupted, words, grace), anyio.create_task_group() as group:
            for work in works.values():
                group.start_soon(do, work)
    return {
        name: Delivered(work.stop.reason, work.stop.words, work.queue.unwritten, work.queue.claimed)
        for name, work in works.items()
    }
