"""What is written down about a record: outcomes with the time, the run and the next step. Decides nothing."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING

from importer.records import Outcome
from importer.settings import IfExists
from importer.statuses import Status
from importer.wording import iso_utc

if TYPE_CHECKING:
    from importer.delivery.replies import Judgement
    from importer.journal.states import Claimed


@lru_cache(maxsize=2)  # thousands of records end in the same second
def _write_second(second: int) -> str:
    return iso_utc(second)


class Outcomes:
    """Makes the outcomes of one run."""

    def __init__(self, run: str, if_exists: IfExists = IfExists.SKIP) -> None:
        self._run = run
        self._if_exists = if_exists
        self.notes: dict[int, str] = {}  #: what a report says of a record once it is created

    def make(
        self,
        status: Status,
        record: Claimed | None = None,
        *,
        returned_id: str = "",
        http_status: int = 0,
        error: str = "",
        hint: str = "",
    ) -> Outcome:
        """Make an outcome that is decided now; without a hint it gets the one that goes with the status."""
        return Outcome(
            status,
            returned_id,
            http_status,
            error,
            hint=hint or advise(status, http_status),
            attempts=record.attempts if record else 0,
            finished_at=_write_second(int(time.time())),
            run=self._run,
        )

    def created(self, record: Claimed, judgement: Judgement) -> Outcome:
        """Make the outcome of a record that the target took."""
        note = self.notes.get(record.id, "")
        return self.make(Status.CREATED, record, returned_id=judgement.id, http_status=judgement.status, error=note)

    def answered(self, record: Claimed, judgement: Judgement) -> Outcome:
        """Make the outcome of a record that the target says it had already; it may have it from a lost request."""
        made = self.created(record, judgement)
        if record.attempts > 1:
            return made
        known = self.existing()
        return made._replace(status=known.status, error=known.error, hint=known.hint)

    def existing(self) -> Outcome:
        """Make the outcome of what the target had before it was sent."""
        if self._if_exists is IfExists.SKIP:
            return self.make(Status.EXISTS)
        return self.make(Status.REJECTED, error="exists already", hint="Take the row out, or use --if-exists skip.")

    def judged(self, status: Status, record: Claimed, judgement: Judgement) -> Outcome:
        """Make the outcome that a judgement of a reply comes to; nothing was created."""
        return self.make(status, record, http_status=judgement.status, error=judgement.words)


def give_up(known: Outcome) -> Outcome:
    """Make the outcome of a record that was certainly not applied and may not be repeated: the budget is spent."""
    error = f"{known.error}; not sent again: too many requests of this run failed"
    return known._replace(status=Status.FAILED, error=error, hint=advise(Status.FAILED))


def advise(status: Status, http_status: int = 0) -> str:
    """Return what to do next about a status."""
    if status is Status.REJECTED:
        return (
            "Check that the schedule exists and its id is right."
            if http_status == 404
            else "Correct the row; the answer says what is wrong."
        )
    if status is Status.FAILED:
        return "Rerun: it was certainly not applied."
    if status is Status.UNKNOWN:
        return "Rerun: the target is asked first, nothing is sent twice."
    return ""
