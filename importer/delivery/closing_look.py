"""When all is sent: one reading of each scope that was touched, against what the run says of its records.

It finds what is there twice, whoever made it; what was created and is not there; and what was refused and is there
after all. Where something is found, the list is read once more after the settling time: a list can be late.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import anyio

from importer.delivery.listing import ListReading
from importer.delivery.notices import tell
from importer.delivery.stop import StoppedError
from importer.errors import TargetError
from importer.journal.states import Change
from importer.statuses import Status

if TYPE_CHECKING:
    from importer.delivery.listing import Listing
    from importer.delivery.notices import Observer
    from importer.delivery.outcomes import Outcomes
    from importer.journal.journal import Journal
    from importer.journal.states import ClosingDifference
    from importer.records import Scope
    from importer.targets.target import Target


_AT_ONCE = 8  # lists


class ClosingLook:
    """Compares what a target has with what the journal says of a run's records."""

    def __init__(
        self, target: Target, journal: Journal, listing: Listing, outcomes: Outcomes, observer: Observer, settle: float
    ) -> None:
        self._target = target
        self._journal = journal
        self._listing = listing
        self._outcomes = outcomes
        self._settle = settle
        self._tell = partial(tell, observer, target.name)
        self._found: Counter[str] = Counter()

    async def look(self, run: str) -> None:
        """Look at every scope in which the run sent something; what is different is written into its records.

        Raises:
            JournalError: it cannot be written.
        """
        limiter = anyio.Semaphore(_AT_ONCE)
        async with anyio.create_task_group() as group:
            for scope in self._journal.touched_scopes(self._target.name, run):
                await limiter.acquire()
                group.start_soon(self._look_at, scope, run, limiter)
        doubled = self._found["there twice"]
        if doubled:
            self._journal.change_info(doubled=self._journal.info().doubled + doubled)
        if self._found:
            found = ", ".join(f"{number} {what}" for what, number in self._found.items())
            self._tell(f"does not have exactly what this run says ({found}); the report names each record")

    async def _look_at(self, scope: Scope, run: str, limiter: anyio.Semaphore) -> None:
        try:
            first = {(one.id, one.there) for one in await self._compare(scope, run)}
            if first:
                await anyio.sleep(self._settle)
                lasting = [one for one in await self._compare(scope, run) if (one.id, one.there) in first]
                self._journal.change([self._describe(one) for one in lasting])
        except StoppedError:
            return
        except TargetError as error:
            where = f"schedule {scope.name}" if scope.name else "its list"
            self._tell(f"could not be asked at the end whether all is there ({where}): {error.message}")
        finally:
            limiter.release()

    async def _compare(self, scope: Scope, run: str) -> list[ClosingDifference]:
        self._journal.begin_comparison(scope)
        reading = ListReading()
        async for page in self._listing.pages(scope):
            reading.note(page)
            self._journal.note_listed(scope, [(found.key, found.id) for found in page.found])
        differences = self._journal.compare(self._target.name, scope, run)
        if reading.contradiction:  # what such a list does not show may be there all the same
            return [one for one in differences if one.there]
        return differences

    def _describe(self, one: ClosingDifference) -> Change:
        """Return what a record becomes that is not there as the run says."""
        target, ids = self._target.name, " and ".join(one.there)
        if len(one.there) > 1:
            self._found["there twice"] += 1
            return self._change(
                one,
                one.status,
                one.returned_id,
                f"{target} has it {len(one.there)} times: {ids}",
                f"delete all but one of them in {target}; nothing was deleted",
            )
        if one.status is not Status.CREATED:
            self._found["there though refused"] += 1
            return self._change(
                one,
                one.status,
                ids,
                f"{one.error}; it is there after all: {ids}",
                "Rerun: it is found there, and not created again.",
            )
        if one.there:
            self._found["there under another id"] += 1
            error = f"the answer named {one.returned_id}, which is not this record; it is there as {ids}"
            return self._change(one, one.status, ids, error, "Nothing is to be done: the id here is the right one.")
        self._found["missing"] += 1
        error = f"{target} answered that it created it ({one.returned_id}), and its list does not have it"
        hint = "Rerun: the target is asked first, nothing is sent twice."
        return self._change(one, Status.UNKNOWN, one.returned_id, error, hint)

    def _change(self, one: ClosingDifference, status: Status, returned_id: str, error: str, hint: str) -> Change:
        made = self._outcomes.make(status, returned_id=returned_id, http_status=one.http_status, error=error, hint=hint)
        return Change(one.id, status, made._replace(attempts=one.attempts))
