"""Add records to groups and take them out again. A list can only be replaced: read, merge, replace, read again.

If a list once came truncated or empty, our PUT would shorten it: two readings must agree before each PUT. What somebody
adds between our reading and our PUT is lost by the PUT, and nobody can see that afterwards: so the list is read once
more together with each PUT, and what only that reading shows is put back. What somebody else removes is not put back.
The danger that remains is the moment between that reading and the PUT at the target.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import NamedTuple, Protocol

import anyio

from importer.delivery.client import Answer, Client, NotSent, Reply, open_client
from importer.delivery.listing import MOST_READINGS, Listing, ScopeRefusedError
from importer.delivery.queue import notify
from importer.delivery.replies import Judgement, Verdict, judge, read_json
from importer.delivery.retry import MOST_ATTEMPTS, back_off, settle_time
from importer.delivery.stop import GRACE, Reason, Stop, StoppedError, end_on_interrupt
from importer.delivery.target_work import Job, TargetWork, for_each
from importer.delivery.throttle import Throttle
from importer.errors import JournalError, TargetError
from importer.journal.states import BindingState, Unbound
from importer.records import Outcome, TargetName
from importer.settings.options import Settings
from importer.statuses import Status
from importer.targets import TARGETS
from importer.targets.target import Target
from importer.wording import count_of, list_first

# ---- one list


class Wanted(NamedTuple):
    """What a group's list should contain, and what not."""

    add: Collection[str] = ()
    remove: Collection[str] = ()


def replace_list(now: Iterable[str], owed: Iterable[str], wanted: Wanted) -> list[str] | None:
    """Return the list to PUT; None if the list `now` is as it should be.

    `owed` is what a PUT of ours dropped, and is put back. Existing entries keep their order.
    """
    there = list(dict.fromkeys(now))
    whole = [one for one in dict.fromkeys([*there, *owed, *wanted.add]) if one not in wanted.remove]
    return None if set(whole) == set(there) else whole


_MOST_NAMED = 5  # schedules that a message names


class GroupError(TargetError):
    """A group's list that could not be changed; `status` is the outcome for the records that should be in it."""

    def __init__(self, status: Status, words: str, http_status: int = 0) -> None:
        super().__init__(words, hint="Rerun: what is in its group already is seen first.")
        self.status = status
        self.http_status = http_status


class GroupLists:
    """Reads and replaces the lists of a target's groups, at a pace of their own."""

    def __init__(
        self, target: Target, client: Client, settings: Settings, stop: Stop, notify: Callable[[str], None]
    ) -> None:
        if target.grouping is None:
            raise ValueError(f"{target.name} has no groups")
        self._target = target
        self._grouping = target.grouping
        self._client = client
        self.stop = stop
        self.settle = settings.settle  #: seconds until a PUT whose answer was lost has been applied, if ever
        # Three lists are read for each PUT, one of them outside its pace: all of them stay within the target's limit.
        rate = min(target.rate_of(settings) / 3, target.grouping.rate)
        self.throttle = Throttle(rate, settings.headroom, settings.breaker_timeout, stop, notify)
        self._listing = Listing(target, client, self.throttle)

    async def read(self, group: str) -> list[str]:
        """Return the ids in a group's list, in its order.

        Raises:
            GroupError: the target refuses it, or gives no usable answer.
            StoppedError: nothing can be asked any more.
        """
        try:
            pages = [page async for page in self._listing.entry_pages(self._grouping.members(group))]
        except ScopeRefusedError as error:
            raise GroupError(Status.REJECTED, error.message, error.status) from error
        except TargetError as error:
            raise GroupError(Status.FAILED, error.message) from error
        return list(dict.fromkeys(entry.id for page in pages for entry in page.entries))

    async def change(self, group: str, wanted: Wanted, begin: Callable[[Sequence[str]], None]) -> None:
        """Change a group's list so that it has all of `add`, none of `remove`, and everything else that was in it.

        `begin` gets what is in the list before the first PUT leaves.

        Raises:
            GroupError: it could not be changed, or it is unknown whether it was.
            StoppedError: nothing may be sent, or asked, any more.
        """
        await _Replacing(self, group, wanted, begin).work()

    async def put(self, group: str, ids: Sequence[str]) -> tuple[Reply, list[str]]:
        """Replace a group's list; return the reply, and what was in the list while the request left.

        Raises:
            StoppedError: nothing may be sent any more.
        """
        request = self._grouping.replacement(group, ids)
        replies: list[Reply] = []
        stood: list[str] = []

        async def replace() -> None:
            replies.append(await self._client.put(request.path, request.body))

        await self.throttle.enter(is_write=True)
        try:
            async with anyio.create_task_group() as both:
                both.start_soon(self._glance, group, stood)  # leaves first
                both.start_soon(replace)
        except BaseException:
            self.throttle.fail("stopped while waiting for the answer")  # or a probe would never end
            raise
        return replies[0], stood

    async def _glance(self, group: str, stood: list[str]) -> None:
        """Read the list once, without retries; it shares the PUT's turn in the pace."""
        members = self._grouping.members(group)
        reply = await self._client.get(self._client.base_url + members.path)
        if isinstance(reply, Answer) and reply.status == 200:
            with suppress(ValueError, OverflowError):
                stood.extend(entry.id for entry in members.read_page(read_json(reply.body)).entries)

    def judge(self, reply: Reply) -> Judgement:
        """Return what a reply to a PUT means, and report to the throttle how the target is."""
        judgement = judge(reply, self._target)
        if isinstance(reply, NotSent) and reply.is_lasting:
            self.stop.set(Reason.GIVEN_UP, judgement.words)
        self.throttle.note(reply, is_write=True)
        return judgement

    async def refuse(self, judgement: Judgement) -> None:
        """Raise the error for a refusal: a 403 can be about the group, or about the token."""
        is_token_good = judgement.verdict is Verdict.REFUSED
        if judgement.verdict is Verdict.FORBIDDEN:
            try:
                is_token_good = await self._listing.is_token_good()
            except TargetError:
                is_token_good = True  # unless something says otherwise
        if is_token_good:
            raise GroupError(Status.REJECTED, judgement.words, judgement.status)
        self.stop.set(Reason.TOKEN_REFUSED, f"the token was refused ({judgement.status}): {judgement.words}")
        raise StoppedError


class _Replacing:
    """One change of one group's list."""

    def __init__(self, lists: GroupLists, group: str, wanted: Wanted, begin: Callable[[Sequence[str]], None]) -> None:
        self._lists = lists
        self._group = group
        self._wanted = wanted
        self._begin = begin
        self._has_begun = False
        self._now: frozenset[str] = frozenset()
        self._owed: dict[str, None] = {}  # was in the list while our PUT left, but not in the PUT; not seen since
        self._tries = 0
        self._changes = 0  # readings that differed from the one before
        self._doubts = 0
        self._words = ""  # about what went wrong last
        self._is_sent = False  # some PUT was perhaps applied
        self._is_open = False  # a PUT may have been applied, and the list was not read since

    async def work(self) -> None:
        """Read and replace until nothing is missing."""
        try:
            await self._work()
        except StoppedError:
            if self._is_sent:  # what was sent may still be applied
                raise GroupError(Status.UNKNOWN, self._lists.stop.words) from None
            raise

    async def _work(self) -> None:
        now = await self._read()
        while (whole := replace_list(now, self._owed, self._wanted)) is not None:
            earlier, now = now, await self._read()
            if set(earlier) != set(now):
                self._changes += 1
                if self._changes >= MOST_READINGS * MOST_ATTEMPTS:
                    raise GroupError(Status.FAILED, "its list is different each time it is read")
                continue
            if self._tries >= MOST_ATTEMPTS or (self._tries and not self._lists.throttle.may_repeat()):
                raise GroupError(Status.FAILED, self._describe(whole))
            if not self._has_begun:
                self._has_begun = True
                self._begin(tuple(now))
            self._tries += 1
            await self._put(whole)
            now = await self._read()

    def _describe(self, whole: list[str]) -> str:
        missing = [one for one in whole if one not in self._now]
        still = f"lacks {list_first(missing, _MOST_NAMED)}" if missing else "has what was to be taken out"
        return f"its list still {still} after {self._tries} attempts{f'; {self._words}' if self._words else ''}"

    async def _read(self) -> list[str]:
        try:
            now = await self._lists.read(self._group)
        except GroupError as error:
            if not self._is_open:
                raise
            words = f"{self._words}; " if self._words else ""
            raise GroupError(Status.UNKNOWN, f"{words}its list could not be read since: {error.message}") from error
        self._is_open = False
        self._now = frozenset(now)
        for one in self._now & self._owed.keys():
            del self._owed[one]
        return now

    async def _put(self, whole: list[str]) -> None:
        self._is_open = True
        try:
            reply, stood = await self._lists.put(self._group, whole)
        except StoppedError:
            self._is_open = False  # it never left
            raise
        self._owed.update(dict.fromkeys(one for one in stood if one not in whole and one not in self._wanted.remove))
        await self._heed(self._lists.judge(reply))

    async def _heed(self, judgement: Judgement) -> None:
        """Act on the reply to a PUT, before the list is read again."""
        self._words = judgement.words
        self._is_open = judgement.verdict in (Verdict.TAKEN, Verdict.IN_DOUBT)
        self._is_sent = self._is_sent or self._is_open
        match judgement.verdict:
            case Verdict.SLOW_DOWN:
                self._tries -= 1
            case Verdict.NOT_SENT:
                seconds = back_off(self._tries, random.random())  # noqa: S311  (jitter, no secret)
                await self._lists.stop.sleep(seconds, is_write=True)
            case Verdict.IN_DOUBT:
                self._doubts += 1
                # Wait until it has been applied, if ever: a late PUT would undo what comes after it.
                with anyio.move_on_after(settle_time(self._lists.settle, self._doubts)):
                    await self._lists.stop.wait()
            case Verdict.REFUSED | Verdict.FORBIDDEN | Verdict.TOKEN_REFUSED:
                await self._lists.refuse(judgement)
            case Verdict.TAKEN:
                pass


# ---- records into groups


_AT_ONCE = 4  # groups
#: If several groups failed, the worst status, which comes first here, is the record's.
_WORST = (Status.UNKNOWN, Status.FAILED, Status.REJECTED)
_HINTS = {
    Status.REJECTED: "Correct the group, or its cell, then rerun: it is found there, and not created again.",
    Status.FAILED: "Rerun: it is found there, and not created again.",
    Status.UNKNOWN: "Rerun: the group is asked first.",
}


class Binder:
    """Adds unbound records to their groups, and says why for those that could not be added."""

    def __init__(self, work: TargetWork) -> None:
        self._work = work
        self._journal = work.journal
        self._lists = GroupLists(work.target, work.client, work.settings, work.stop, work.notify)
        self._errors: defaultdict[Unbound, list[tuple[str, GroupError]]] = defaultdict(list)
        self._carried: set[int] = set()

    def carry(self) -> None:
        """Note which records an earlier run left: this run has not reported them as decided."""
        self._carried = {one.record for ones in self._journal.unbound(self._work.target.name).values() for one in ones}

    async def bind(self, *, is_dry: bool = False) -> None:
        """Add every unbound record to its groups; a dry run only looks which are in them.

        Raises:
            JournalError: it cannot be written.
        """
        groups = self._journal.unbound(self._work.target.name)
        if groups and not is_dry:
            number = len({one.record for ones in groups.values() for one in ones})
            words = f"adds {count_of(number, 'schedule')} to {count_of(len(groups), 'group')}"
            self._work.observer.target_noticed(self._work.target.name, words)
        await for_each(groups.items(), partial(self._visit, is_dry=is_dry), _AT_ONCE)
        self._journal.leave_unbound((one.record, self._refusal(one, errors)) for one, errors in self._errors.items())

    async def _visit(self, visited: tuple[str, list[Unbound]], *, is_dry: bool) -> None:
        group, members = visited
        try:
            await (self._look(group, members) if is_dry else self._bind(group, members))
        except StoppedError:  # nothing was sent to this group: they stay unbound
            self._journal.set_bindings(group, {one.record: BindingState.WANTED for one in members})
        except GroupError as error:
            if error.status is Status.REJECTED:  # certainly not added: if it is there later, it is not ours to undo
                self._journal.set_bindings(group, {one.record: BindingState.WANTED for one in members})
            for one in members:
                self._errors[one].append((group, error))

    async def _bind(self, group: str, members: list[Unbound]) -> None:
        states = {one.record: BindingState.THERE for one in members}

        def begin(there: Sequence[str]) -> None:
            """Write down what the PUT that is about to leave adds: undo must leave what was in the list before."""
            known = frozenset(there)
            adding = [one.record for one in members if one.returned_id.lower() not in known]
            self._journal.set_bindings(group, dict.fromkeys(adding, BindingState.ADDING))
            states.update(dict.fromkeys(adding, BindingState.ADDED))

        await self._lists.change(group, Wanted(add=[one.returned_id.lower() for one in members]), begin)
        self._finish(group, states)

    async def _look(self, group: str, members: list[Unbound]) -> None:
        there = frozenset(await self._lists.read(group))
        self._finish(group, {one.record: BindingState.THERE for one in members if one.returned_id.lower() in there})

    def _finish(self, group: str, states: dict[int, BindingState]) -> None:
        finished_at = self._work.outcomes.make(Status.CREATED).finished_at
        for record, status in self._journal.finish_bindings(group, states, finished_at).items():
            if record in self._carried:
                self._work.decided(status, 1)

    def _refusal(self, one: Unbound, errors: list[tuple[str, GroupError]]) -> Outcome:
        worst = min((error for _, error in errors), key=lambda error: _WORST.index(error.status))
        words = "; ".join(f"group {group}: {error.message}" for group, error in errors)
        if one.record in self._carried:
            self._work.decided(worst.status, 1)
        is_unknown = worst.status is Status.UNKNOWN
        how = "whether it is in its group is not known" if is_unknown else "was not added to its group"
        return self._work.outcomes.make(
            worst.status,
            http_status=worst.http_status,
            error=f"the schedule is there, but {how}; {words}",
            hint=_HINTS[worst.status],
        )


# ---- records out of groups


class Unbinding(NamedTuple):
    """The result of taking records out of a group."""

    status: Status | None  #: None: none of them is in the list any more; else rejected, failed, unknown or pending
    words: str = ""  #: why, in the target's words where there are any
    http_status: int = 0


class Ledger(Protocol):
    """Writes down the progress. A JournalError ends the work."""

    def begin(self, group: str, there: Collection[str]) -> None:
        """Note that the first PUT to the group is about to leave; these ids, in lower case, are in its list."""

    def end(self, group: str, result: Unbinding) -> None:
        """Note that a group is finished; called once for each."""


async def unbind(job: Job, name: TargetName, removals: Mapping[str, Collection[str]], ledger: Ledger) -> str:
    """Take ids out of groups' lists, by the groups' ids; everything else in them stays.

    An id that is not in a list any more counts as taken out, and nothing is sent for it. After `interrupted` no other
    group is begun, and the current one has ten seconds. Returns why the work ended early, if not by the user; else "".
    """
    target, stop, patience = TARGETS[name], Stop(), job.settings.request_timeout
    begun: set[str] = set()
    left = dict(removals)

    def begin(group: str, there: Sequence[str]) -> None:
        ledger.begin(group, there)
        begun.add(group)

    def end(group: str, result: Unbinding) -> None:
        del left[group]
        ledger.end(group, result)

    async with open_client(target, *job.connections[name], concurrency=2, request_timeout=patience) as client:
        lists = GroupLists(target, client, job.settings, stop, partial(notify, job.observer, name))
        async with end_on_interrupt([stop], job.interrupted, "the undo was interrupted", GRACE):
            with _writing(stop):
                for group, ids in removals.items():
                    end(group, await _take_out(lists, group, ids, partial(begin, group)))
        if stop.reason is not Reason.UNWRITABLE:  # otherwise what was not written is in doubt, or planned, on disk
            with _writing(stop):
                for group in list(left):
                    end(group, Unbinding(Status.UNKNOWN if group in begun else Status.PENDING, stop.words))
        client.traffic.write(job.journal, name, is_last=True)
    return stop.words if stop.is_hopeless else ""


async def _take_out(
    lists: GroupLists, group: str, ids: Collection[str], begin: Callable[[Sequence[str]], None]
) -> Unbinding:
    try:
        await lists.change(group, Wanted(remove=frozenset(id_.lower() for id_ in ids)), begin)
    except GroupError as error:
        return Unbinding(error.status, error.message, error.http_status)
    except StoppedError:
        return Unbinding(Status.PENDING, lists.stop.words)
    return Unbinding(None)


@contextmanager
def _writing(stop: Stop) -> Iterator[None]:
    """End the work if the journal cannot be written."""
    try:
        yield
    except JournalError as error:
        stop.set(Reason.UNWRITABLE, error.message)
