"""What each status means: its words, its tone (colour), and what follows from it. Imports no other module."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Tone(StrEnum):
    """How a status is shown wherever there is colour: console, workbook, page, JUnit."""

    GOOD = "good"
    SAME = "same"  #: nothing was done, and nothing needs to be
    BAD = "bad"
    DOUBT = "doubt"
    WAITING = "waiting"


class Status(StrEnum):
    """The outcome of a record; the values are what the journal and the report store."""

    CREATED = "created"
    EXISTS = "exists"
    DUPLICATE = "duplicate"
    INVALID = "invalid"
    REJECTED = "rejected"
    FAILED = "failed"
    UNKNOWN = "unknown"
    PENDING = "pending"
    UNDONE = "undone"

    # of an undo alone
    DELETED = "deleted"
    GONE = "gone"
    CUT = "cut"
    CHANGED = "changed"
    KEPT = "kept"
    MANUAL = "manual"

    @property
    def tone(self) -> Tone:
        """How it looks."""
        return _FACTS[self].tone

    @property
    def is_success(self) -> bool:
        """True if the target certainly has the record and `rerun` leaves it alone."""
        return self in _SUCCESSES

    @property
    def is_removed(self) -> bool:
        """True if an undo left nothing of the object, or as little as the target allows."""
        return self in _REMOVED

    @property
    def needs_attention(self) -> bool:
        """True if a person must look at the record: a command with such a record does not exit with 0."""
        return self not in _DONE

    @property
    def is_repeated(self) -> bool:
        """True if `rerun` sends the record again, after correcting it or asking the target if necessary."""
        return self.needs_attention and self is not Status.UNDONE

    def meaning(self, *, is_undo: bool) -> str:
        """Return what it means in a few words, in a run or in an undo."""
        facts = _FACTS[self]
        return facts.in_undo if is_undo and facts.in_undo else facts.in_run


class _Facts(NamedTuple):
    tone: Tone
    in_run: str  #: what it means in a run, or in an undo if only an undo has it
    in_undo: str = ""  #: what it means in an undo, if that differs


_FACTS = {
    Status.CREATED: _Facts(Tone.GOOD, "the target took it"),
    Status.EXISTS: _Facts(Tone.GOOD, "was there already; nothing was sent"),
    Status.DUPLICATE: _Facts(Tone.SAME, "the same as an earlier row"),
    Status.INVALID: _Facts(Tone.BAD, "not a valid record; nothing was sent"),
    Status.REJECTED: _Facts(Tone.BAD, "refused by the target"),
    Status.FAILED: _Facts(Tone.BAD, "given up after retries; certainly not applied", "given up; not undone"),
    Status.UNKNOWN: _Facts(
        Tone.DOUBT, "sent, not confirmed: rerun asks the target first", "may still be there; see its line"
    ),
    Status.PENDING: _Facts(Tone.WAITING, "not attempted"),
    Status.UNDONE: _Facts(Tone.BAD, "was created, then taken back by an undo"),
    Status.DELETED: _Facts(Tone.GOOD, "deleted, or taken out of its groups"),
    Status.GONE: _Facts(Tone.GOOD, "was not there any more"),
    Status.CUT: _Facts(Tone.GOOD, "had already begun: the target ended it now"),
    Status.CHANGED: _Facts(Tone.BAD, "changed since: left as it is"),
    Status.KEPT: _Facts(Tone.SAME, "is over: the target keeps it"),
    Status.MANUAL: _Facts(Tone.BAD, "to be removed by hand"),
}
_SUCCESSES = frozenset({Status.CREATED, Status.EXISTS})
_REMOVED = frozenset({Status.DELETED, Status.GONE, Status.CUT})
_DONE = _SUCCESSES | _REMOVED | {Status.DUPLICATE}

#: The statuses that a record can have in a run.
RUN_STATUSES = tuple(Status)[: tuple(Status).index(Status.DELETED)]
#: The statuses that an object can have in an undo.
UNDO_STATUSES = (*tuple(Status)[len(RUN_STATUSES) :], Status.FAILED, Status.UNKNOWN, Status.PENDING)


def possible_statuses(*, is_undo: bool) -> tuple[Status, ...]:
    """Return the statuses that are possible in a run or in an undo."""
    return UNDO_STATUSES if is_undo else RUN_STATUSES
