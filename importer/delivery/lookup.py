"""Asking a target for its users, schedules and groups by name: one sweep of each list, before anything is sent."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import anyio

from importer.delivery.client import open_client
from importer.delivery.listing import Listing, ScopeRefusedError
from importer.delivery.notices import tell
from importer.delivery.stop import Reason, Stop, StoppedError
from importer.delivery.throttle import Throttle
from importer.errors import TargetError
from importer.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Collection

    from importer.delivery.notices import Observer
    from importer.delivery.transport import Connection
    from importer.records import TargetName
    from importer.settings import Settings
    from importer.targets.target import DirectoryEntry, EntryList


class LookedUpList(NamedTuple):
    """A whole list, or why there is none."""

    entries: tuple[DirectoryEntry, ...] | None = (
        None  #: each id once; None where it was not asked for, or is not to be had
    )
    words: str = ""  #: why it is not to be had: a part of a sentence, in the target's words where there are any
    refused: int = 0  #: the HTTP status (403, 404) where the token may not see the list, or there is none


class LookedUp(NamedTuple):
    """What a target's directory says."""

    users: LookedUpList
    schedules: LookedUpList
    groups: LookedUpList
    reason: Reason | None  #: why the asking ended early: token refused, given up, interrupted; None where it did not
    words: str  #: the same for the user


async def look_up(
    name: TargetName,
    connection: Connection,
    settings: Settings,
    *,
    lists: Collection[str],
    observer: Observer,
    interrupted: anyio.Event,
) -> LookedUp:
    """List `users`, `schedules`, `groups`, or some of them: what was made just now may be missing.

    Nothing is sent. Ends at once where the user interrupts it.
    """
    target, stop = TARGETS[name], Stop()
    rate = settings.rate.get(name, target.rate)
    throttle = Throttle(rate, settings.headroom, settings.breaker_timeout, stop, partial(tell, observer, name))
    wanted = {
        "users": target.users if "users" in lists else None,
        "schedules": target.schedules if "schedules" in lists else None,
        "groups": target.groups if "groups" in lists else None,
    }
    found: dict[str, LookedUpList] = {}
    async with (
        open_client(target, *connection, concurrency=1, request_timeout=settings.request_timeout) as client,
        anyio.create_task_group() as group,
    ):
        group.start_soon(_end_on_interrupt, stop, interrupted, group)
        listing = Listing(target, client, throttle)
        for what, listed in wanted.items():
            if listed is not None:
                with suppress(StoppedError):
                    found[what] = await _list(listing, listed, name)
        group.cancel_scope.cancel()
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


async def _end_on_interrupt(stop: Stop, interrupted: anyio.Event, group: anyio.abc.TaskGroup) -> None:
    await interrupted.wait()
    stop.set(Reason.INTERRUPTED, "not looked up: the run was interrupted")
    group.cancel_scope.cancel()
