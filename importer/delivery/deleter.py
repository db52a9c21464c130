"""Delete what a run created: look at each object, delete it only if it is as it was sent, and look again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import ClassVar

import anyio

from importer.delivery.client import Answer, Client, Reply
from importer.delivery.listing import ScopeRefusedError
from importer.delivery.queue import Doubt
from importer.delivery.replies import (
    Judgement,
    Seen,
    Sight,
    Subject,
    Verdict,
    is_maybe_applied,
    judge_delete,
    judge_look,
)
from importer.delivery.retry import MOST_ATTEMPTS, read_clock, settle_time
from importer.delivery.stop import Reason, StoppedError
from importer.delivery.target_work import Job, TargetWork, for_each
from importer.errors import TargetError
from importer.journal.states import Claimed
from importer.kinds import KINDS
from importer.records import Key, Outcome, Scope
from importer.statuses import Status
from importer.targets.target import Target

_AT_ONCE = 8  # questions about what is in doubt
_MOST_TAKEN = 3  # DELETEs that the target accepted although the object is still there: no more are sent
_ENDS = {
    Sight.GONE: Status.GONE,
    Sight.CUT: Status.CUT,
    Sight.CHANGED: Status.CHANGED,
    Sight.HIDDEN: Status.FAILED,
}
_NEXT_STEPS = {
    Status.CHANGED: "Look at {id} in {target}, and delete it there if nobody needs it.",
    Status.KEPT: "Nothing to do: it pages nobody any more.",
    Status.FAILED: "It was not deleted: undo again, or delete {id} in {target}.",
    Status.UNKNOWN: "Undo again: it is looked at first.",
}
_UNSEEN = "neither it nor its schedule can be seen: they were deleted, or the token belongs to another account"


class TargetDeletion(TargetWork):
    """Deletes the objects of one target's records; the name of a record's scope is the id of its object."""

    hints: ClassVar[Mapping[Reason, str]] = {
        Reason.INTERRUPTED: "Undo again to go on.",
        Reason.TOKEN_REFUSED: "Check the token and what it may do, then undo again.",
        Reason.GIVEN_UP: "Make sure that the target can be reached, then undo again.",
    }

    def __init__(self, target: Target, client: Client, job: Job) -> None:
        super().__init__(target, client, job)
        self._doubtful: set[int] = set()  # records of which a DELETE may have been applied
        self._listed: dict[Scope, dict[str, Key] | None] = {}  # keys by id; None if the token cannot see the list
        self._only_listed: set[int] = set()  # records whose object only its list shows
        self._asking = anyio.Lock()

    def untouched(self, record: Claimed) -> Outcome:
        """Make the outcome of an untouched record: it keeps the id of its object."""
        return Outcome(Status.PENDING, record.scope.name)

    async def work(self) -> None:
        """Delete every object of the target that is still as it was sent."""
        async with self.on_duty():
            left = [Doubt(record, self.untouched(record)) for record in self.journal.in_doubt(self.target.name)]
            self.queue.adopt(left, self.settings.settle)
            await self.work_through(self._delete_all, self._clear_up)

    async def _delete_all(self) -> None:
        """Look at objects and delete them until there are no more."""
        while (record := await self.queue.take()) is not None:
            try:
                seen = await self._look(record)
            except TargetError as error:
                self._fail(record, f"it could not be looked at: {error.message}")
            except StoppedError:
                self.queue.release(record)
            except BaseException:
                self.queue.release(record)  # nothing was sent
                raise
            else:
                await self._go_on(record, seen)

    async def _clear_up(self) -> None:
        """Look at records in doubt once they have settled, until none are left."""
        while (due := await self.queue.take_doubts()) is not None:
            self._listed.clear()  # the lists are older than these DELETEs
            await for_each(due, self._ask_about, _AT_ONCE)

    # ---- looking

    async def _look(self, record: Claimed, *, is_list_older: bool = False) -> Seen:
        """Look at a record's object; if it is not found, this token may just not see it, or only its list shows it.

        `is_list_older`: its list may have been read before a DELETE that was applied.

        Raises:
            TargetError: no usable answer.
            StoppedError: nothing can be asked any more.
        """
        kind = KINDS[record.scope.kind]
        subject = Subject(record.scope.name, record.key, record.id in self._doubtful)
        answer = await self.listing.look(kind.object_path(subject.id))
        seen = judge_look(answer, self.target, kind.able_to_remove, subject, _clock(answer))
        if seen.sight is Sight.UNREADABLE:
            raise TargetError(seen.words, hint="Undo the run again when the target can be asked.")
        if seen.sight is not Sight.GONE:
            return seen
        listed = await self._list(Scope(kind.name, kind.scope(record.key)))
        if listed is None:
            return Seen(Sight.UNREADABLE, seen.status, _UNSEEN)
        key = listed.get(subject.id)
        if key is None or (is_list_older and record.id not in self._only_listed):
            return seen
        self._only_listed.add(record.id)
        if key == subject.key:
            return Seen(Sight.SAME, seen.status)
        return Seen(Sight.CHANGED, seen.status, kind.able_to_remove.differences(subject.key, key))

    async def _list(self, scope: Scope) -> dict[str, Key] | None:
        """Return the list that an object was in, read once; None if the token may not see it."""
        async with self._asking:
            if scope not in self._listed:
                try:
                    found = [one async for page in self.listing.pages(scope) for one in page.found]
                    self._listed[scope] = {one.id: one.key for one in found}
                except ScopeRefusedError:
                    self._listed[scope] = None
        return self._listed[scope]

    async def _ask_about(self, doubt: Doubt) -> None:
        self._doubtful.add(doubt.record.id)
        try:
            seen = await self._look(doubt.record)
        except TargetError as error:
            self._leave(doubt, error.message)
        except StoppedError:
            self._leave(doubt, self.stop.words)
        else:
            self._conclude(doubt, seen)

    def _conclude(self, doubt: Doubt, seen: Seen) -> None:
        """Decide about an object after a DELETE that may have been applied; if it was not, delete again."""
        record, known = doubt.record, doubt.outcome
        if seen.sight in (Sight.HIDDEN, Sight.UNREADABLE):
            self._leave(doubt, seen.words)
        elif seen.sight is not Sight.SAME:
            self._decide(record, seen, known.http_status)
        elif self.stop.reason is not None:
            self.queue.release(record)
        elif not 200 <= known.http_status < 300 and not is_maybe_applied(known.http_status):
            self._fail(record, f"{known.error}, and it is still there", known.http_status)
        elif self._is_patience_over(record, known.http_status):
            words = f"still there after {record.attempts} requests to delete it"
            self._fail(record, f"{words}: {known.error}" if known.error else words, known.http_status)
        else:
            self.queue.delay(record, 0.0)

    def _is_patience_over(self, record: Claimed, http_status: int) -> bool:
        most = _MOST_TAKEN if 200 <= http_status < 300 else MOST_ATTEMPTS
        return record.tries >= most or (record.tries > 0 and not self.throttle.may_repeat())

    def _leave(self, doubt: Doubt, words: str) -> None:
        before = f"{doubt.outcome.error}; " if doubt.outcome.error else ""
        error = f"{before}whether it was deleted could not be asked: {words}"
        self.queue.decide(
            doubt.record, self.make_outcome(Status.UNKNOWN, doubt.record, doubt.outcome.http_status, error)
        )

    # ---- deleting

    async def _go_on(self, record: Claimed, seen: Seen) -> None:
        if seen.sight is Sight.UNREADABLE:
            self.queue.decide(record, self.make_outcome(Status.UNKNOWN, record, seen.status, seen.words))
        elif seen.sight is not Sight.SAME:
            self._decide(record, seen, seen.status)
        elif not await self.may_send(record):
            self.queue.release(record)
        else:
            sent = record._replace(attempts=record.attempts + 1, tries=record.tries + 1)
            await self._apply(sent, await self.safely(sent, self._delete, "stopped while waiting for the answer"))

    async def _delete(self, record: Claimed) -> Reply:
        return await self.client.delete(KINDS[record.scope.kind].object_path(record.scope.name))

    async def _apply(self, record: Claimed, reply: Reply) -> None:
        """Act on the reply to a DELETE."""
        judgement = judge_delete(reply, self.target)
        self.throttle.note(reply, is_write=True)
        match judgement.verdict:
            case Verdict.SLOW_DOWN:
                self.queue.delay(record._replace(tries=record.tries - 1), 0.0)
            case Verdict.TOKEN_REFUSED:
                self.refuse_token(judgement)
                self.queue.release(record)
            case Verdict.FORBIDDEN if await self.is_token_refused():
                self.refuse_token(judgement)
                self.queue.release(record)
            case Verdict.REFUSED | Verdict.FORBIDDEN:
                self.queue.decide(record, self.judged(Status.FAILED, record, judgement))
            case Verdict.IN_DOUBT if judgement.status in (404, 410) and record.id in self._only_listed:
                self._fail(record, f"its list shows it, and it cannot be deleted: {judgement.words}", judgement.status)
            case Verdict.TAKEN | Verdict.IN_DOUBT | Verdict.NOT_SENT:
                await self._look_after(record, reply, judgement)

    async def _look_after(self, record: Claimed, reply: Reply, judgement: Judgement) -> None:
        """Check whether the object of a DELETE is gone: at once if the target answered, and again after settling."""
        self._doubtful.add(record.id)
        if not is_maybe_applied(judgement.status) or judgement.verdict is Verdict.TAKEN:
            with suppress(TargetError, StoppedError):  # then it is in doubt
                look = partial(self._look, is_list_older=True)
                seen = await self.safely(record, look, "stopped before it was seen to be gone")
                if seen.sight in (Sight.GONE, Sight.CUT, Sight.CHANGED):
                    self._decide(record, seen, judgement.status)
                    return
                if judgement.status == 422 and KINDS[record.scope.kind].able_to_remove.span(record.key)[1] <= _clock(
                    reply
                ):
                    words = f"it is over, and the target keeps it: {judgement.words}"
                    self.queue.decide(record, self.make_outcome(Status.KEPT, record, judgement.status, words))
                    return
        doubt = Doubt(record, self.judged(Status.UNKNOWN, record, judgement))
        self.queue.doubt(doubt, settle_time(self.settings.settle, record.tries))

    # ---- what is written down

    def _decide(self, record: Claimed, seen: Seen, http_status: int) -> None:
        """Write down what a look showed."""
        status, words = _ENDS[seen.sight], seen.words
        if seen.sight is Sight.GONE:
            is_ours = record.id in self._doubtful
            status, words = (Status.DELETED, "") if is_ours else (status, "it was not there any more")
        elif seen.sight is Sight.CHANGED:
            words = f"changed since it was created, and left: {words}"
        self.queue.decide(record, self.make_outcome(status, record, http_status, words))

    def _fail(self, record: Claimed, words: str, http_status: int = 0) -> None:
        self.queue.decide(record, self.make_outcome(Status.FAILED, record, http_status, words))

    def make_outcome(self, status: Status, record: Claimed, http_status: int = 0, error: str = "") -> Outcome:
        """Make the outcome of a record with the id of its object, and what to do about that."""
        hint = _NEXT_STEPS.get(status, "").format(id=record.scope.name, target=self.target.name)
        return self.outcomes.make(
            status, record, returned_id=record.scope.name, http_status=http_status, error=error, hint=hint
        )


def _clock(reply: Reply) -> float:
    return read_clock(reply.headers if isinstance(reply, Answer) else {}, time.time())
