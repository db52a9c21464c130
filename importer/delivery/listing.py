"""Read a target's lists: what it has, and who its users, schedules and groups are. Decides nothing."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urljoin, urlsplit

import anyio

from importer.delivery.client import Answer, Client, NotSent, Reply, open_client
from importer.delivery.queue import Observer, notify
from importer.delivery.replies import is_maybe_applied, read_json, read_words
from importer.delivery.retry import MOST_ATTEMPTS, back_off
from importer.delivery.stop import Reason, Stop, StoppedError, end_on_interrupt
from importer.delivery.throttle import Throttle
from importer.delivery.transport import Connection
from importer.errors import TargetError
from importer.kinds import KINDS
from importer.normalizer.references import Directory
from importer.records import Key, KnownName, Scope, TargetName
from importer.settings.options import Settings
from importer.targets import TARGETS
from importer.targets.target import DirectoryEntry, EntryList, EntryPage, Page, Target
from importer.wording import count_of, escape


class LookedUpList(NamedTuple):
    """A whole list, or why there is none."""

    #: each id once; None if it was not asked for, or could not be read
    entries: tuple[DirectoryEntry, ...] | None = None
    words: str = ""  #: why it could not be read: a part of a sentence, in the target's words if there are any
    refused: int = 0  #: the HTTP status (403, 404) where the token may not see the list, or there is none


class LookedUp(NamedTuple):
    """What a target's directory says."""

    users: LookedUpList
    schedules: LookedUpList
    groups: LookedUpList
    reason: Reason | None  #: why it ended early: token refused, given up, interrupted; None if it did not
    words: str  #: the same for the user

    def why_not(self, lists: Collection[str]) -> str:
        """Return why nothing in these lists can be looked up now; empty if it can, or if it never will."""
        wanted: list[LookedUpList] = [getattr(self, what) for what in lists]
        missing = [listing.words for listing in wanted if listing.entries is None and not listing.refused]
        return self.words if self.reason is not None else next(iter(missing), "")

    def names(self) -> Iterator[KnownName]:
        """Yield the names of its ids."""
        for what, listed in (("user", self.users), ("schedule", self.schedules), ("group", self.groups)):
            for entry in listed.entries or ():
                if name := entry.name or entry.email:
                    yield KnownName(what, entry.id.lower() if what == "group" else entry.id, name, entry.email)

    def directory(self) -> Directory:
        """Return the directory in which the names in rows are looked up."""
        return Directory(
            self.users.entries,
            self.schedules.entries,
            self.groups.entries,
            no_users=self.users.words,
            no_schedules=self.schedules.words,
            no_groups=self.groups.words,
        )


async def look_up(
    name: TargetName,
    connection: Connection,
    settings: Settings,
    *,
    lists: Collection[str],
    observer: Observer,
    interrupted: anyio.Event,
) -> LookedUp:
    """List `users`, `schedules`, `groups`, or some of them; very new entries may be missing.

    Nothing is sent. Ends at once if the user interrupts it.
    """
    target, stop = TARGETS[name], Stop()
    rate = target.rate_of(settings)
    throttle = Throttle(rate, settings.headroom, settings.breaker_timeout, stop, partial(notify, observer, name))
    every = {"users": target.users, "schedules": target.schedules, "groups": target.groups}
    wanted = {what: listed if what in lists else None for what, listed in every.items()}
    found: dict[str, LookedUpList] = {}
    async with (
        open_client(target, *connection, concurrency=1, request_timeout=settings.request_timeout) as client,
        end_on_interrupt([stop], interrupted, "not looked up: the run was interrupted"),
    ):
        listing = Listing(target, client, throttle)
        for what, listed in wanted.items():
            if listed is not None:
                with suppress(StoppedError):
                    found[what] = await _list(listing, listed, name)
    missing = {what: LookedUpList(words=stop.words if listed else "") for what, listed in wanted.items()}
    return LookedUp(**(missing | found), reason=stop.reason, words=stop.words)


async def _list(listing: Listing, listed: EntryList, name: TargetName) -> LookedUpList:
    entries: dict[str, DirectoryEntry] = {}
    try:
        async for page in listing.entry_pages(listed):
            entries.update((entry.id, entry) for entry in page.entries)
    except ScopeRefusedError as error:
        return LookedUpList(words=f"{name} refused it ({error.status}): {error.message}", refused=error.status)
    except TargetError as error:
        return LookedUpList(words=error.message)
    return LookedUpList(tuple(entries.values()))


AnyPage = TypeVar("AnyPage", "Page", "EntryPage")

_MOST_PAGES = 20_000  # of one list: two million shadows on one schedule
_MOST_BYTES = 1 << 28  # of one list: some hundred bytes for each of its objects
_MOST_SECONDS = 900.0  # for one list: twice as long as that many pages take at the usual limit
MOST_READINGS = 4  # of one list, until two agree
_FEW_ATTEMPTS = 2  # at a question, once the run was interrupted and the user waits for its end
_ASK_AGAIN = "Rerun when it can be asked: what was in doubt is asked about first (oncall-importer doctor checks it)."
_MOST_STALE = 3  # pages in a row without anything new: the list does not end


class ScopeRefusedError(TargetError):
    """The target refuses to list one scope (403, 404), but is otherwise well."""

    def __init__(self, status: int, words: str, payload: Any = None) -> None:
        super().__init__(words, hint="Check the id, and that the token may list it.")
        self.status = status
        self.payload = payload  #: the answer's JSON


@dataclass(slots=True)
class ListReading:
    """What one reading of a whole list held, and whether it contradicts itself."""

    ids: set[str] = field(default_factory=set)  #: of all objects
    pages: int = 0
    strangers: int = 0  #: objects of another list
    totals: set[int] = field(default_factory=set)  #: how many objects its pages claim that the list has

    def note(self, page: Page) -> None:
        """Count one more page."""
        self.ids |= page.ids
        self.pages += 1
        self.strangers += page.strangers
        self.totals |= set() if page.total is None else {page.total}

    @property
    def contradiction(self) -> str:
        """Why something may be missing from it; empty if there is no sign of that."""
        if self.strangers:
            return f"its list holds {count_of(self.strangers, 'object')} of another schedule"
        # It may shrink while it is read; what is less than it holds is no total, such as 0 on an empty last page.
        claimed = min((total for total in self.totals if total >= len(self.ids)), default=0)
        if claimed > len(self.ids):
            return f"its list holds {count_of(len(self.ids), 'object')} and says that there are {claimed:,}"
        return ""

    @property
    def is_at_one(self) -> bool:
        """True if nothing can have moved from one page to another while it was read."""
        return not self.contradiction and (self.pages == 1 or self.totals == {len(self.ids)})

    def agrees_with(self, earlier: ListReading) -> bool:
        """Return whether everything in the earlier reading is in this one; more may have been added meanwhile."""
        return earlier.ids <= self.ids


@dataclass(slots=True)
class Sweep:
    """What the whole list of a scope has of the keys and ids that were looked for."""

    keys: dict[Key, list[str]] = field(default_factory=dict)  #: key looked for: ids of the objects that have it
    ids: dict[str, Key | None] = field(default_factory=dict)  #: id looked for: the key of that object, if readable
    reading: ListReading = field(default_factory=ListReading)


class Listing:
    """Questions to one target, each asked again after errors that may pass."""

    def __init__(self, target: Target, client: Client, throttle: Throttle) -> None:
        self._target = target
        self.client = client
        self._throttle = throttle
        self._stop = throttle.stop

    def pages(self, scope: Scope) -> AsyncIterator[Page]:
        """Return all pages of what a scope holds. An entry can be on two of them.

        Raises:
            ScopeRefusedError: this scope cannot be listed (403, 404), others can.
            TargetError: no usable answer, or a list that does not end.
            StoppedError: nothing can be asked any more.
        """
        kind, name = KINDS[scope.kind], scope.name
        what = f"{kind.plural} of schedule {name}" if name else f"{self._target.name}'s {kind.plural}"
        return self._follow(kind.list_path(name), lambda payload: kind.read_page(payload, name), what)

    def entry_pages(self, listed: EntryList) -> AsyncIterator[EntryPage]:
        """Return all pages of a list of users or schedules. An entry can be on two of them.

        Raises: as `pages`, the list itself being the scope.
        """
        return self._follow(listed.path, listed.read_page, f"{self._target.name}'s {listed.what}")

    async def _follow(self, path: str, read: Callable[[Any], AnyPage], what: str) -> AsyncIterator[AnyPage]:
        first = self.client.base_url + path
        url: str | None = first
        seen: set[str] = set()
        stale = pages = size = 0
        ends_at = anyio.current_time() + _MOST_SECONDS
        while url is not None:
            answer = await self._get(url)
            size += len(answer.body)
            page = _read(answer, read, what)
            yield page
            stale = 0 if page.ids - seen else stale + 1
            seen |= page.ids
            pages += 1
            if page.next is not None and (stale >= _MOST_STALE or pages >= _MOST_PAGES):
                raise TargetError(f"the list of {what} does not end", hint=_ASK_AGAIN)
            if page.next is not None and (size > _MOST_BYTES or anyio.current_time() > ends_at):
                bound = f"{_MOST_BYTES >> 20} MB" if size > _MOST_BYTES else f"{_MOST_SECONDS:g} s"
                raise TargetError(f"the list of {what} does not end within {bound}", hint=_ASK_AGAIN)
            url = page.next and self._resolve(page.next, first)

    async def sweep(self, scope: Scope, keys: set[Key], ids: set[str]) -> Sweep:
        """Look for keys and ids in the list of a scope until all keys are found, or two whole readings agree.

        A key that is not in the result is not at the target, unless the reading contradicts itself.

        Raises: as `pages`; TargetError also where no two readings agree.
        """
        earlier = await self._sweep(scope, keys, ids)
        for _ in range(MOST_READINGS - 1):
            if keys <= earlier.keys.keys():
                return earlier
            sweep = await self._sweep(scope, keys, ids)
            if sweep.reading.agrees_with(earlier.reading):
                return sweep
            earlier = sweep
        raise TargetError(f"its list is different each time ({MOST_READINGS} times) it is read", hint=_ASK_AGAIN)

    async def _sweep(self, scope: Scope, keys: set[Key], ids: set[str]) -> Sweep:
        sweep = Sweep()
        async for page in self.pages(scope):
            sweep.reading.note(page)
            for found in page.found:
                if found.key in keys and found.id not in sweep.keys.setdefault(found.key, []):
                    sweep.keys[found.key].append(found.id)
            readable = {found.id: found.key for found in page.found}
            sweep.ids.update({id_: readable.get(id_) for id_ in page.ids & ids})
        return sweep

    async def is_token_good(self) -> bool:
        """Return whether the token is valid, by asking for something that every valid token may read.

        Raises:
            TargetError: the target did not say.
            StoppedError: nothing can be asked any more.
        """
        answer = await self._ask(self.client.base_url + self._target.probe_path)
        return answer.status == 200

    async def look(self, path: str) -> Answer:
        """GET one thing below the base URL: an answer of 200, or one that refuses just this thing (403, 404, 410).

        Raises:
            TargetError: no usable answer.
            StoppedError: nothing can be asked any more.
        """
        return await self._look(self.client.base_url + path)

    async def _get(self, url: str) -> Answer:
        """GET until there is an answer of 200, or it is clear that there will be none."""
        answer = await self._look(url)
        if answer.status == 200:
            return answer
        raise ScopeRefusedError(answer.status, read_words(answer, self._target), read_json(answer.body))

    async def _look(self, url: str) -> Answer:
        answer = await self._ask(url)
        if answer.status == 200:
            return answer
        words = read_words(answer, self._target)
        if answer.status == 401 or (answer.status == 403 and not await self.is_token_good()):
            self._stop.set(Reason.TOKEN_REFUSED, f"the token was refused ({answer.status}): {words}")
            raise StoppedError
        if answer.status in (403, 404, 410):
            return answer
        raise TargetError(f"{answer.status}: {words}", hint=_ASK_AGAIN)

    async def _ask(self, url: str) -> Answer:
        """GET until there is an answer that another attempt would not change."""
        words = ""
        attempt, successes = 0, self._throttle.successes
        # While the target answers nothing at all, the breaker decides when it is given up, not this one question.
        while attempt < MOST_ATTEMPTS or self._throttle.successes == successes:
            await self._throttle.enter(is_write=False)
            reply = await self.client.get(url, attempt + 1)
            if isinstance(reply, Answer) and reply.status == 429:
                self._throttle.pause(reply.headers, is_write=False, sent=reply.sent)
                continue
            if isinstance(reply, Answer) and (reply.status == 200 or not is_maybe_applied(reply.status)):
                # The throttle needs every reply, or a probe would never end.
                self._throttle.succeed(reply.headers, is_write=False, sent=reply.sent)
                return reply
            words = self._fail(reply)
            attempt += 1
            if self._stop.reason is Reason.INTERRUPTED and attempt >= _FEW_ATTEMPTS:
                break
            await self._stop.sleep(back_off(attempt, random.random()), is_write=False)  # noqa: S311  (jitter, no secret)
        raise TargetError(words, hint=_ASK_AGAIN)

    def _fail(self, reply: Reply) -> str:
        words = f"{reply.status}: {read_words(reply, self._target)}" if isinstance(reply, Answer) else reply.reason
        if isinstance(reply, NotSent) and reply.is_lasting:
            self._stop.set(Reason.GIVEN_UP, words)
            raise StoppedError
        self._throttle.fail(words, reply.headers if isinstance(reply, Answer) else {})
        return words

    def _resolve(self, link: str, first: str) -> str:
        """Return the URL of a next page; another host or list is refused, because the token would go there."""
        with suppress(ValueError):  # a link need not be a URL
            candidates = [urljoin(first, link)]
            if link.startswith("/"):  # below the base URL, should that have a path of its own
                candidates.append(self.client.base_url + link)
            for candidate in candidates:
                if urlsplit(candidate)[:3] == urlsplit(first)[:3]:  # scheme, host and path
                    return candidate
        raise TargetError("the list's next page is at another address than the list: refused", hint=_ASK_AGAIN)


def _read(answer: Answer, read: Callable[[Any], AnyPage], what: str) -> AnyPage:
    try:
        return read(read_json(answer.body))
    except (ValueError, OverflowError) as error:
        coding = answer.headers.get("Content-Encoding", "identity")
        words = error if coding == "identity" else f"it is compressed ({escape(coding, 40)}), which was not asked for"
        raise TargetError(f"the list of {what} cannot be read: {words}", hint=_ASK_AGAIN) from error
