"""Before anything is sent: find what the target has already, one list for each scope."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import anyio

from importer.delivery.listing import ScopeRefusedError
from importer.delivery.stop import StoppedError
from importer.errors import TargetError
from importer.records import Status
from importer.settings import IfExists

if TYPE_CHECKING:
    from importer.delivery.listing import Listing
    from importer.delivery.notices import Observer
    from importer.delivery.outcomes import Outcomes
    from importer.delivery.stop import Stop
    from importer.journal.journal import Journal
    from importer.records import Outcome
    from importer.targets.target import Target


_AT_ONCE = 8  # lists


class Existing:
    """Marks planned records that the target has, and takes as created those in doubt that it has."""

    def __init__(
        self, target: Target, journal: Journal, listing: Listing, outcomes: Outcomes, stop: Stop, observer: Observer
    ) -> None:
        self._target = target
        self._journal = journal
        self._listing = listing
        self._outcomes = outcomes
        self._stop = stop
        self._decided = partial(observer.decided, target.name)

    async def find(self, if_exists: IfExists) -> None:
        """Ask about every scope that has open records; a scope that cannot be asked about is decided here."""
        limiter = anyio.Semaphore(_AT_ONCE)
        async with anyio.create_task_group() as group:
            for scope in self._journal.scopes(self._target.name):
                await limiter.acquire()
                group.start_soon(self._find_in_scope, scope, if_exists, limiter)

    async def _find_in_scope(self, scope: str, if_exists: IfExists, limiter: anyio.Semaphore) -> None:
        try:
            async for page in self._listing.pages(scope):
                self._stop.check(is_write=True)
                existing = self._existing(if_exists)
                planned, in_doubt = self._journal.find([(found.key, found.id) for found in page.found], existing)
                self._decided(existing.status, planned)
                self._decided(Status.CREATED, in_doubt)
        except StoppedError:
            return
        except ScopeRefusedError as error:
            self.close_scope(scope, Status.REJECTED, error.message, error.status)
        except TargetError as error:
            words = f"{self._target.name} could not be asked what exists: {error.message}"
            self.close_scope(scope, Status.FAILED, words)
        finally:
            limiter.release()

    def _existing(self, if_exists: IfExists) -> Outcome:
        if if_exists is IfExists.SKIP:
            return self._outcomes.make(Status.EXISTS)
        hint = "take the row out, or use --if-exists skip"
        return self._outcomes.make(Status.REJECTED, error="exists already", hint=hint)

    def close_scope(self, scope: str, status: Status, words: str, http_status: int = 0) -> None:
        """Decide all planned records of a scope alike."""
        outcome = self._outcomes.make(status, error=words, http_status=http_status)
        self._decided(status, self._journal.close_scope(self._target.name, scope, outcome))
