"""Changing a group's list, which can only be replaced: read, merge, replace, read again until all is there.

A list that comes cut or empty once would be written shorter by our PUT: before one, two readings must agree. What
somebody adds between our reading and our writing is dropped by our PUT, and nobody can see that afterwards: so the list
is read once more together with each PUT, and what only that shows is put back. What somebody else takes out is not.
What is left of the danger is the moment between the two at the target.
"""

from __future__ import annotations

import random
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import anyio

from importer.delivery.client import Answer, NotSent, Reply
from importer.delivery.listing import MOST_READINGS, Listing, ScopeRefusedError
from importer.delivery.replies import MOST_ATTEMPTS, Judgement, Verdict, back_off, judge, read_json, settle_time
from importer.delivery.stop import Reason, StoppedError
from importer.delivery.throttle import Throttle
from importer.errors import TargetError
from importer.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from importer.delivery.client import Client
    from importer.delivery.stop import Stop
    from importer.settings import Settings
    from importer.targets.target import Grouping, Target


class Wanted(NamedTuple):
    """What is to become of a group's list."""

    add: Collection[str] = ()
    remove: Collection[str] = ()


def replace_list(now: Iterable[str], owed: Iterable[str], wanted: Wanted) -> list[str] | None:
    """Return the list to be put; None where the list `now` has all that it should.

    `owed` is what a PUT of ours dropped, and what is put back. What stands there keeps its order.
    """
    there = list(dict.fromkeys(now))
    whole = [one for one in dict.fromkeys([*there, *owed, *wanted.add]) if one not in wanted.remove]
    return None if set(whole) == set(there) else whole


_MOST_NAMED = 5  # schedules that a message names


class GroupError(TargetError):
    """A group's list that could not be changed; `status` is what that is for those who should be in it."""

    def __init__(self, status: Status, words: str, http_status: int = 0) -> None:
        super().__init__(words, hint="Rerun: what is in its group already is seen first.")
        self.status = status
        self.http_status = http_status


class GroupLists:
    """The lists of a target's groups."""

    def __init__(
        self, target: Target, grouping: Grouping, client: Client, listing: Listing, throttle: Throttle, settle: float
    ) -> None:
        self._target = target
        self._grouping = grouping
        self._client = client
        self._listing = listing
        self.throttle = throttle
        self.stop = throttle.stop
        self.settle = settle  #: seconds until a PUT whose answer was lost is taken for applied, if ever

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
        """Bring a group's list to where it has all of `add` and none of `remove`, and whatever else stood in it.

        `begin` is told what stands in it before the first PUT leaves.

        Raises:
            GroupError: it could not be brought there, or nobody knows whether it is.
            StoppedError: nothing may be sent, or asked, any more.
        """
        await _Replacing(self, group, wanted, begin).work()

    async def put(self, group: str, ids: Sequence[str]) -> tuple[Reply, list[str]]:
        """Replace a group's list; give the reply, and what stood in the list while the request left.

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
        """Read the list once, without patience; its place in the pace is the PUT's."""
        members = self._grouping.members(group)
        reply = await self._client.get(self._client.base_url + members.path)
        if isinstance(reply, Answer) and reply.status == 200:
            with suppress(ValueError, OverflowError):
                stood.extend(entry.id for entry in members.read_page(read_json(reply.body)).entries)

    def judge(self, reply: Reply) -> Judgement:
        """Return what a reply to a PUT means, and tell the throttle how the target is."""
        judgement = judge(reply, self._target)
        if isinstance(reply, NotSent) and reply.is_lasting:
            self.stop.set(Reason.GIVEN_UP, judgement.words)
        self.throttle.note(reply, is_write=True)
        return judgement

    async def refuse(self, judgement: Judgement) -> None:
        """Raise what a refusal comes to: 403 can be about the group, or about the token."""
        is_token_good = judgement.verdict is Verdict.REFUSED
        if judgement.verdict is Verdict.FORBIDDEN:
            try:
                is_token_good = await self._listing.is_token_good()
            except TargetError:
                is_token_good = True  # nobody said otherwise
        if is_token_good:
            raise GroupError(Status.REJECTED, judgement.words, judgement.status)
        self.stop.set(Reason.TOKEN_REFUSED, f"the token was refused ({judgement.status}): {judgement.words}")
        raise StoppedError


def open_lists(
    target: Target, client: Client, settings: Settings, stop: Stop, notify: Callable[[str], None]
) -> GroupLists | None:
    """Return a target's lists, at a pace of their own; None where it has no groups."""
    if target.grouping is None:
        return None
    # Three lists are read for each PUT, one of them outside its pace: all of them stay within the target's limit.
    rate = min(settings.rate.get(target.name, target.rate) / 3, target.grouping.rate)
    throttle = Throttle(rate, settings.headroom, settings.breaker_timeout, stop, notify)
    return GroupLists(target, target.grouping, client, Listing(target, client, throttle), throttle, settings.settle)


class _Replacing:
    """One change of one group's list."""

    def __init__(self, lists: GroupLists, group: str, wanted: Wanted, begin: Callable[[Sequence[str]], None]) -> None:
        self._lists = lists
        self._group = group
        self._wanted = wanted
        self._begin = begin
        self._has_begun = False
        self._now: frozenset[str] = frozenset()
        self._owed: dict[str, None] = {}  # stood there while our PUT left, and was not in it; not seen since
        self._tries = 0
        self._changes = 0  # readings that showed another list than the one before
        self._doubts = 0
        self._words = ""  # of what went wrong last
        self._is_sent = False  # some PUT was perhaps applied
        self._is_open = False  # a PUT may have been applied, and the list was not read since

    async def work(self) -> None:
        """Read and replace until nothing is missing."""
        try:
            await self._work()
        except StoppedError:
            if self._is_sent:  # what was sent may be applied yet
                raise GroupError(Status.UNKNOWN, self._lists.stop.words) from None
            raise

    async def _work(self) -> None:
        now = await self._read()
        while (whole := replace_list(now, self._owed, self._wanted)) is not None:
            earlier, now = now, await self._read()
            if set(earlier) != set(now):
                self._changes += 1
                if self._changes >= MOST_READINGS * MOST_ATTEMPTS:
                    raise GroupError(Status.FAILED, "its list is another one each time it is read")
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
        named = ", ".join(missing[:_MOST_NAMED]) + (
            f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
        )
        lacking = f"its list still lacks {named}" if missing else "its list still has what was to be taken out"
        return f"{lacking} after {self._tries} attempts{f'; {self._words}' if self._words else ''}"

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
        """Do what follows from a PUT, before the list is read again."""
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
                # Until it has been applied, if ever: late, it would undo what comes after it.
                with anyio.move_on_after(settle_time(self._lists.settle, self._doubts)):
                    await self._lists.stop.wait()
            case Verdict.REFUSED | Verdict.FORBIDDEN | Verdict.TOKEN_REFUSED:
                await self._lists.refuse(judgement)
            case Verdict.TAKEN:
                pass
