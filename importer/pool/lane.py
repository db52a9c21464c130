"""One target's work in a run: find what exists, send with so many workers, ask about what is in doubt."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import anyio

from importer.errors import TargetError
from importer.pool.client import Answer, NotSent
from importer.pool.gate import Gate
from importer.pool.inquiry import Inquiry, ScopeRefusedError, Sweep
from importer.pool.policy import MOST_ATTEMPTS, Judgement, Verdict, back_off, judge, settle_time
from importer.pool.queue import Doubt, Queue
from importer.pool.stopping import Reason, Stop, StoppedError
from importer.records import Outcome, Status
from importer.settings import IfExists

if TYPE_CHECKING:
    from importer.journal import Claimed, Journal
    from importer.pool import Observer
    from importer.pool.client import Client, Reply
    from importer.settings import Settings
    from importer.targets import Target

_LARGEST_CLAIM = 256  # records marked `sending` by one commit
_FLUSH_EVERY = 0.5  # seconds that a decided outcome may wait for its commit
_ASKING = 8  # lists asked for at once
_UNKNOWN = Outcome(Status.UNKNOWN)
_HINTS = {
    Reason.INTERRUPTED: "rerun to go on",
    Reason.TOKEN_REFUSED: "check the token and what it may do, then rerun",
    Reason.GIVEN_UP: "see that the target can be reached, then rerun",
}


class Lane:
    """One target's work. A lane is run once."""

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
        self._target = target
        self._journal = journal
        self._client = client
        self._settings = settings
        self._run = run
        self._decided = partial(observer.decided, target.name)
        rate = settings.rate.get(target.name, target.rate)
        self.stop = Stop()
        self._gate = Gate(rate, settings.breaker_timeout, self.stop, partial(observer.told, target.name))
        self._inquiry = Inquiry(target, client, self._gate, self.stop)
        claim = min(_LARGEST_CLAIM, max(2 * settings.concurrency, int(min(rate, _LARGEST_CLAIM))))
        self._queue = Queue(journal, target.name, claim, partial(self._decided, number=1))
        self._has_created = False
        self._forbidden: dict[str, Judgement] = {}  # scopes in which a POST was answered 403 though the token is good

    async def work(self) -> None:
        """Bring every record of the target as far as it can be brought."""
        try:
            await self.find_existing()
            await self._send()
        finally:
            self._queue.close(is_hopeless=self.stop.is_hopeless)
            self._queue.flush()
            self._close_forbidden()
            if self.stop.reason is not None:
                self._journal.explain_planned(self._target.name, self.stop.words, _HINTS[self.stop.reason])

    # ---- what exists already

    async def find_existing(self) -> None:
        """Mark what the target has already, one list after the other, some at a time."""
        limiter = anyio.CapacityLimiter(min(_ASKING, self._settings.concurrency))
        async with anyio.create_task_group() as group:
            for scope in self._journal.scopes(self._target.name):
                await limiter.acquire_on_behalf_of(scope)
                group.start_soon(self._find_in_scope, scope, limiter)

    async def _find_in_scope(self, scope: str, limiter: anyio.CapacityLimiter) -> None:
        try:
            async for page in self._inquiry.pages(scope):
                self.stop.check(is_write=True)
                existing = self._existing()
                planned, in_doubt = self._journal.find([(found.key, found.id) for found in page.found], existing)
                self._decided(existing.status, planned)
                self._decided(Status.CREATED, in_doubt)
        except StoppedError:
            return
        except ScopeRefusedError as error:
            self._close_scope(scope, Status.REJECTED, error.message, error.status)
        except TargetError as error:
            self._close_scope(
                scope, Status.FAILED, f"{self._target.name} could not be asked what exists: {error.message}"
            )
        finally:
            limiter.release_on_behalf_of(scope)

    def _existing(self) -> Outcome:
        if self._settings.if_exists is IfExists.SKIP:
            return self._outcome(Status.EXISTS)
        return self._outcome(Status.REJECTED, error="exists already", hint="take the row out, or use --if-exists skip")

    def _close_scope(self, scope: str, status: Status, words: str, http_status: int = 0) -> None:
        outcome = self._outcome(status, error=words, http_status=http_status, hint=_hint(status, http_status))
        self._decided(status, self._journal.close_scope(self._target.name, scope, outcome))

    # ---- sending

    async def _send(self) -> None:
        left_over = [Doubt(record, _UNKNOWN) for record in self._journal.in_doubt(self._target.name)]
        self._queue.adopt(left_over, self._settings.settle)
        if self.stop.reason is not None:
            self._queue.close(is_hopeless=self.stop.is_hopeless)
        async with anyio.create_task_group() as aside:
            aside.start_soon(self._flush_regularly)
            aside.start_soon(self._close_on_stop)
            async with anyio.create_task_group() as workers:
                workers.start_soon(self._settle_doubts)
                for _ in range(self._settings.concurrency):
                    workers.start_soon(self._send_records)
            aside.cancel_scope.cancel()

    async def _flush_regularly(self) -> None:
        while True:
            await anyio.sleep(_FLUSH_EVERY)
            self._queue.flush()

    async def _close_on_stop(self) -> None:
        await self.stop.wait()
        self._queue.close(is_hopeless=self.stop.is_hopeless)

    async def _send_records(self) -> None:
        while (record := await self._queue.take()) is not None:
            if record.scope in self._forbidden or not await self._may_send(record):
                self._queue.release(record)
                continue
            record = record._replace(attempts=record.attempts + 1, tries=record.tries + 1)
            reply = await self._post(record)
            await self._apply(record, reply)

    async def _may_send(self, record: Claimed) -> bool:
        try:
            await self._gate.enter(is_write=True)
        except StoppedError:
            return False
        except BaseException:
            self._queue.release(record)  # it never left
            raise
        return True

    async def _post(self, record: Claimed) -> Reply:
        request = self._target.request(record.key)
        try:
            return await self._client.post(request.path, request.body)
        except BaseException:  # a cancelled task, a bug of ours: it may have been applied
            doubt = Doubt(record, self._outcome(Status.UNKNOWN, record, error="stopped while waiting for the answer"))
            self._queue.doubt(doubt, self._settings.settle)
            raise

    async def _apply(self, record: Claimed, reply: Reply) -> None:
        """Do what the policy says after the reply to a POST."""
        judgement = judge(reply, self._target, record.key)
        match judgement.verdict:
            case Verdict.CREATED:
                self._has_created = True
                self._gate.succeed()
                self._queue.decide(record, self._judged(Status.CREATED, record, judgement))
            case Verdict.REJECTED:
                self._gate.succeed()
                self._queue.decide(record, self._judged(Status.REJECTED, record, judgement))
            case Verdict.SLOW_DOWN if isinstance(reply, Answer):
                self._gate.pause(reply.headers)
                self._queue.delay(record._replace(tries=record.tries - 1), 0.0)
            case Verdict.NOT_SENT:
                self._retry_unsent(record, reply, judgement)
            case Verdict.TOKEN_REFUSED:
                self._refuse_token(record, judgement)
            case Verdict.FORBIDDEN:
                await self._forbid(record, judgement)
            case _:
                self._doubt(record, judgement)

    def _retry_unsent(self, record: Claimed, reply: Reply, judgement: Judgement) -> None:
        if isinstance(reply, NotSent) and reply.is_certificate:
            self.stop.set(Reason.GIVEN_UP, judgement.words)
        self._gate.fail(judgement.words)
        if record.tries >= MOST_ATTEMPTS:
            self._queue.decide(record, self._judged(Status.FAILED, record, judgement))
        else:
            self._queue.delay(record, back_off(record.tries, random.random()))  # noqa: S311  (jitter, no secret)

    def _refuse_token(self, record: Claimed, judgement: Judgement) -> None:
        self.stop.set(Reason.TOKEN_REFUSED, f"the token was refused ({judgement.status}): {judgement.words}")
        self._queue.release(record, self._judged(Status.PENDING, record, judgement))

    async def _forbid(self, record: Claimed, judgement: Judgement) -> None:
        """Find out whether a 403 is about the token or about one scope; the scope's other records wait for the end."""
        try:
            is_scoped = bool(record.scope) and await self._inquiry.is_token_good()
        except StoppedError:
            is_scoped = True
        if is_scoped:
            self._gate.succeed()
            self._forbidden.setdefault(record.scope, judgement)
            self._queue.release(record)
        else:
            self._refuse_token(record, judgement)

    def _close_forbidden(self) -> None:
        """Decide about the scopes that answered 403: theirs alone if anything could be created elsewhere."""
        for scope, judgement in self._forbidden.items():
            if self._has_created:
                self._close_scope(scope, Status.REJECTED, judgement.words, judgement.status)
            else:
                self.stop.set(Reason.TOKEN_REFUSED, f"the token may not create (403): {judgement.words}")

    # ---- what is in doubt

    def _doubt(self, record: Claimed, judgement: Judgement) -> None:
        if judgement.status >= 500 or not judgement.status:
            self._gate.fail(judgement.words)
        else:
            self._gate.succeed()
        doubt = Doubt(record, self._judged(Status.UNKNOWN, record, judgement), judgement.id)
        self._queue.doubt(doubt, settle_time(self._settings.settle, record.tries))

    async def _settle_doubts(self) -> None:
        limiter = anyio.CapacityLimiter(_ASKING)
        while (due := await self._queue.take_doubts()) is not None:
            by_scope: defaultdict[str, list[Doubt]] = defaultdict(list)
            for doubt in due:
                by_scope[doubt.record.scope].append(doubt)
            async with anyio.create_task_group() as group:
                for scope, doubts in by_scope.items():
                    group.start_soon(self._ask_about, scope, doubts, limiter)

    async def _ask_about(self, scope: str, doubts: list[Doubt], limiter: anyio.CapacityLimiter) -> None:
        keys = {doubt.record.key for doubt in doubts}
        ids = {doubt.returned_id for doubt in doubts if doubt.returned_id}
        try:
            async with limiter:
                sweep = await self._inquiry.sweep(scope, keys, ids)
        except ScopeRefusedError as error:
            status = Status.REJECTED if error.status == 404 else Status.UNKNOWN  # what is not there holds nothing
            self._leave(doubts, status, f"{error.status}: {error.message}")
        except TargetError as error:
            self._leave(doubts, Status.UNKNOWN, error.message)
        except StoppedError:
            self._leave(doubts, Status.UNKNOWN, self.stop.words)
        else:
            for doubt in doubts:
                self._conclude(doubt, sweep)

    def _leave(self, doubts: list[Doubt], status: Status, words: str) -> None:
        """Decide about records that the target cannot be asked about."""
        for doubt in doubts:
            error = f"{doubt.outcome.error}; and it could not be asked: {words}".removeprefix("; and ")
            outcome = replace(doubt.outcome, status=status, error=error, hint=_hint(status, 0))
            self._queue.decide(doubt.record, outcome)

    def _conclude(self, doubt: Doubt, sweep: Sweep) -> None:
        """Decide about a record after the target was asked: found, taken otherwise, or proved absent."""
        record, known = doubt.record, doubt.outcome
        ids = sweep.keys.get(record.key)
        if ids:
            self._has_created = True
            twice = f"{self._target.name} has it {len(ids)} times: {', '.join(ids)}" if len(ids) > 1 else ""
            found = self._outcome(Status.CREATED, record, id=ids[0], error=twice, http_status=known.http_status)
            self._queue.decide(record, found)
        elif self._is_taken_otherwise(doubt, sweep):
            hint = f"look at {doubt.returned_id} in {self._target.name}"
            self._queue.decide(record, replace(known, status=Status.UNKNOWN, hint=hint))
        elif self.stop.reason is not None:
            self._queue.release(record)
        elif record.tries >= MOST_ATTEMPTS:
            self._queue.decide(record, replace(known, status=Status.FAILED, hint=_hint(Status.FAILED, 0)))
        else:
            self._queue.delay(record, 0.0)

    def _is_taken_otherwise(self, doubt: Doubt, sweep: Sweep) -> bool:
        """Tell whether the answer named an object that is there, and is none of this run's other records."""
        if doubt.returned_id not in sweep.ids:
            return False
        key = sweep.ids[doubt.returned_id]
        return key is None or not self._journal.has_key(key)

    # ---- outcomes

    def _judged(self, status: Status, record: Claimed, judgement: Judgement) -> Outcome:
        id_ = judgement.id if status is Status.CREATED else ""
        hint = _hint(status, judgement.status)
        return self._outcome(status, record, id=id_, http_status=judgement.status, error=judgement.words, hint=hint)

    def _outcome(
        self,
        status: Status,
        record: Claimed | None = None,
        *,
        id: str = "",  # noqa: A002  (the word for it)
        http_status: int = 0,
        error: str = "",
        hint: str = "",
    ) -> Outcome:
        attempts = record.attempts if record else 0
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Outcome(status, id, http_status, error, "", hint, attempts, at, self._run)


def _hint(status: Status, http_status: int) -> str:
    """Say what to do next about a status."""
    if status is Status.REJECTED:
        return (
            "check that the schedule exists and its id is right" if http_status == 404 else "mend the row, then rerun"
        )
    if status is Status.FAILED:
        return "rerun: it was certainly not applied"
    if status is Status.UNKNOWN:
        return "rerun: the target is asked first, nothing is sent twice"
    return ""
