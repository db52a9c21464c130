"""The workers: each takes a record, sends it, and does what the policy says about the reply."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import TYPE_CHECKING

from importer.delivery.client import Answer, NotSent
from importer.delivery.outcomes import give_up
from importer.delivery.queue import Doubt
from importer.delivery.replies import MOST_ATTEMPTS, Judgement, Verdict, back_off, judge_post, settle_time
from importer.delivery.stop import Reason
from importer.journal.states import Change, Claimed
from importer.kinds.registry import KINDS
from importer.statuses import Status

if TYPE_CHECKING:
    from importer.delivery.client import Reply
    from importer.delivery.target_work import TargetWork
    from importer.records import Scope
    from importer.targets.target import Request


_BATCH = 64  # requests that are made, and answers that are judged, at once where nothing waits for what they say


class Sender:
    """Sends the queue's records; every worker of a target runs `work` of the same sender."""

    def __init__(self, work: TargetWork) -> None:
        self._work = work
        #: Scopes in which a POST was answered 403 though the token is good. Whether the scope or the token's rights are
        #: meant shows at the end: by whether anything could be created elsewhere.
        self.forbidden: dict[Scope, Judgement] = {}
        self._requests: dict[int, Request] = {}  # made already, by record
        self._ids: set[int] = set()  # hashes of those that answers gave
        self._answered: list[tuple[Claimed, Answer]] = []  # with what looks like a success, not judged yet

    async def work(self) -> None:
        """Send records until there are no more."""
        while (record := self._work.queue.next_ready() or await self._work.queue.take()) is not None:
            if record.scope in self.forbidden or not (
                self._work.throttle.is_clear() or await self._work.may_send(record)
            ):
                self._work.queue.release(record)
                continue
            sent = Claimed(record.id, record.key, record.scope, record.attempts + 1, record.tries + 1)
            reply = await self._post(sent)
            if (
                isinstance(reply, Answer)
                and 200 <= reply.status < 300
                and self._work.throttle.can_learn_later(reply.headers)
            ):
                self._answered.append((sent, reply))
            else:
                await self._apply(sent, reply)
            if len(self._answered) >= _BATCH or not self._work.queue.is_ready:
                self.judge_answered()

    def judge_answered(self) -> None:
        """Decide the records whose answers wait for it: in a row, which takes half of the time of one by one."""
        answered, self._answered = self._answered, []
        created = []
        for record, answer in answered:
            judgement = self._judge(answer, record)
            if judgement.verdict is Verdict.TAKEN:
                created.append(Change(record.id, Status.CREATED, self._work.outcomes.created(record, judgement)))
            elif judgement.verdict is Verdict.EXISTS:
                self._work.queue.decide(record, self._work.outcomes.answered(record, judgement))
            else:
                self._doubt(record, judgement)
        self._work.throttle.learn(len(answered), is_write=True)
        self._work.queue.create(created)

    async def _post(self, record: Claimed) -> Reply:
        try:
            request = self._requests.pop(record.id, None) or self._make_requests(record)
            return await self._work.client.post(request.path, request.body, record.attempts)
        except BaseException:  # a cancelled task, a bug of ours: it may have been applied
            outcome = self._work.outcomes.make(Status.UNKNOWN, record, error="stopped while waiting for the answer")
            self._work.queue.doubt(Doubt(record, outcome), self._work.settings.settle)
            raise

    def _make_requests(self, record: Claimed) -> Request:
        """Make a record's request, and with it those that follow: in a row, as the answers are judged."""
        self._requests.clear()  # of records that were given back
        for following in self._work.queue.upcoming(_BATCH):
            with suppress(ValueError):  # it is told when its turn comes
                self._requests[following.id] = KINDS[following.scope.kind].request(following.key)
        return KINDS[record.scope.kind].request(record.key)

    def _judge(self, reply: Reply, record: Claimed) -> Judgement:
        """Judge a reply to the POST of a record: an id that another record of this run was given proves nothing."""
        judgement = judge_post(reply, self._work.target, KINDS[record.scope.kind], record.key)
        if judgement.verdict is Verdict.TAKEN:
            id_ = hash(judgement.id)
            if id_ in self._ids:
                words = f"the answer names {judgement.id}, as the answer to another record did"
                return Judgement(Verdict.IN_DOUBT, judgement.status, words)
            self._ids.add(id_)
        return judgement

    async def _apply(self, record: Claimed, reply: Reply) -> None:
        """Do what the policy says after the reply to a POST."""
        judgement = self._judge(reply, record)
        match judgement.verdict:
            case Verdict.TAKEN:
                self._work.throttle.note(reply, is_write=True)
                self._work.queue.decide(record, self._work.outcomes.created(record, judgement))
            case Verdict.EXISTS:
                self._work.throttle.note(reply, is_write=True)
                self._work.queue.decide(record, self._work.outcomes.answered(record, judgement))
            case Verdict.REFUSED:
                self._work.throttle.note(reply, is_write=True)
                self._work.queue.decide(record, self._work.outcomes.judged(Status.REJECTED, record, judgement))
            case Verdict.SLOW_DOWN:
                self._work.throttle.note(reply, is_write=True)
                self._work.queue.delay(record._replace(tries=record.tries - 1), 0.0)
            case Verdict.NOT_SENT:
                self._retry_unsent(record, reply, judgement)
            case Verdict.TOKEN_REFUSED:
                self._refuse_token(record, judgement)
            case Verdict.FORBIDDEN:
                self._work.throttle.note(reply, is_write=True)
                await self._forbid(record, judgement)
            case _:
                self._work.throttle.note(reply, is_write=True)
                self._doubt(record, judgement)

    def _retry_unsent(self, record: Claimed, reply: Reply, judgement: Judgement) -> None:
        if isinstance(reply, NotSent) and reply.is_lasting:
            self._work.stop.set(Reason.GIVEN_UP, judgement.words)
        self._work.throttle.note(reply, is_write=True)
        failed = self._work.outcomes.judged(Status.FAILED, record, judgement)
        if record.tries >= MOST_ATTEMPTS:
            self._work.queue.decide(record, failed)
        elif not self._work.throttle.may_repeat():
            self._work.queue.decide(record, give_up(failed))
        else:
            self._work.queue.delay(record, back_off(record.tries, random.random()))  # noqa: S311  (jitter, no secret)

    def _refuse_token(self, record: Claimed, judgement: Judgement) -> None:
        self._work.refuse_token(judgement)
        self._work.queue.release(record, self._work.outcomes.judged(Status.PENDING, record, judgement))

    async def _forbid(self, record: Claimed, judgement: Judgement) -> None:
        """Find out whether a 403 is about the token; if not, the scope's other records wait for the end."""
        if not record.scope.name or await self._work.is_token_refused():
            self._refuse_token(record, judgement)
        else:
            self.forbidden.setdefault(record.scope, judgement)
            self._work.queue.release(record)

    def _doubt(self, record: Claimed, judgement: Judgement) -> None:
        """Have the target asked later whether it applied the record after all."""
        doubt = Doubt(record, self._work.outcomes.judged(Status.UNKNOWN, record, judgement), judgement.id)
        self._work.queue.doubt(doubt, settle_time(self._work.settings.settle, record.tries))
