"""What a journal stores: entries, the states that records pass through, and their transitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import log2
from typing import NamedTuple

from importer.records import Key, Outcome, Row, Scope, TargetName
from importer.statuses import Status


class State(StrEnum):
    """The state of a record until it is decided; afterwards it has a `Status`."""

    UNRESOLVED = "unresolved"  #: names a user or schedule whose id is not known yet
    PLANNED = "planned"
    SENDING = "sending"
    IN_DOUBT = "in_doubt"
    UNBOUND = "unbound"  #: the target has it, but it is not in all of its groups yet
    REPORTED = "reported"  #: only a report says that the target has it; the target is to be asked


NO_OUTCOME = Outcome(Status.PENDING)  #: of a record about which nothing is known yet
#: The hint of a success that is at the target more than once. A rerun knows it by that, in a report as in a journal.
KEEP_ONE = "Delete all but one of them at the target; nothing was deleted."


class Entry(NamedTuple):
    """A row, or one part of it, in the journal."""

    state: State | Status
    kind: str | None = None
    target: TargetName | None = None
    scope: str = ""
    key: Key | None = None
    part: str = ""
    outcome: Outcome = NO_OUTCOME  #: if something is decided or known already; its status is `state`
    zone: str = ""  #: the zone in which its times were written; empty if none was named
    was: State | Status | None = None
    """Of an unresolved record: the state that an earlier run left. Of one that is not in its groups, or of which only a
    report tells: created or exists, which it becomes when it is. Of one in doubt: duplicate, if only the first record
    with its key was sent. Of an undo's that is still in some groups: what it becomes when it is out of them."""
    groups: tuple[str, ...] = ()  #: ids of the groups that it is still to be added to
    bound: tuple[str, ...] = ()  #: ids of the groups that a run has dealt with
    leaving: tuple[str, ...] = ()  #: of an undo: ids of the groups that it is to be taken out of


class Claimed(NamedTuple):
    """A record to be sent: it is marked `sending` on disk."""

    id: int
    key: Key
    scope: Scope  #: of an undo: its name is the id of the object
    attempts: int  #: requests made for it so far, over all runs
    tries: int = 0  #: of those, this run's that count against the maximum (a 429 does not)


class Unresolved(NamedTuple):
    """A row, or one part of it, that waits for ids."""

    id: int  #: the record's
    sheet: int  #: index into the run's sheets
    row: Row
    kind: str | None
    left: Entry | None  #: what an earlier run left of it


class BindingState(StrEnum):
    """The state of a record in a group's list."""

    WANTED = "wanted"
    ADDING = "adding"  #: on disk before the first byte of a PUT that adds it leaves
    ADDED = "added"  #: by this run, and seen in the list
    THERE = "there"  #: it was in the list before
    CARRIED = "carried"  #: an earlier run dealt with it
    LEAVING = "leaving"  #: of an undo: the run that it undoes had added it, and it is to be taken out again
    REMOVED = "removed"  #: it was added, and was taken out again


class Unbound(NamedTuple):
    """A record that is to be added to a group's list."""

    record: int  #: the record's id in the journal
    returned_id: str  #: the target's


class Leaving(NamedTuple):
    """A record that is to be taken out of a group's list."""

    record: int  #: the record's id in the journal
    returned_id: str  #: the target's
    was: Status  #: what it becomes when it is out of all of them
    kind: str


class Prospect(NamedTuple):
    """A record and what is planned for it."""

    sheet: int  #: index into the run's sheets
    row: Row
    entry: Entry  #: a duplicate's has the id of the first record
    replaces: str  #: ids of the records that the target deletes for it, separated by commas
    first_row: int | None  #: of a duplicate: the row that it repeats
    first_sheet: int | None


class SummedUp(NamedTuple):
    """Records of a kind that have the same scope, the same value in one place of their keys, and the same state."""

    state: State | Status
    is_replacing: bool  #: the target deletes others for them
    number: int
    starts_at: int | None  #: epoch seconds
    ends_at: int | None
    zone: str  #: the zone in which one of them was written; empty if none was named
    key: Key  #: that of one of them


class Joined(NamedTuple):
    """The groups, by their ids, that a run added a record to."""

    added: tuple[str, ...] = ()  #: it is in them, or may be
    removed: tuple[str, ...] = ()  #: an undo has taken it out of them


@dataclass(slots=True)
class Tally:
    """The counts of requests to one target that ended in one second."""

    second: int  #: epoch
    requests: int = 0
    limited: int = 0  #: of those, answered 429
    failed: int = 0  #: of those, otherwise refused, or without a usable answer
    slowest: float = 0.0  #: seconds of the slowest answer
    latencies: dict[int, int] = field(default_factory=dict)  #: answers by bucket, as `bucket_of` says

    def add(self, other: Tally) -> None:
        """Add the counts of another second."""
        self.requests += other.requests
        self.limited += other.limited
        self.failed += other.failed
        self.slowest = max(self.slowest, other.slowest)
        for bucket, number in other.latencies.items():
            self.latencies[bucket] = self.latencies.get(bucket, 0) + number


# Latencies are counted in logarithmic buckets: as exact for a millisecond as for a minute.


_SHORTEST = 1e-4  # seconds: the lower end of bucket 0; shorter ones count there too
_PER_DOUBLING = 8  # a bucket's ends are 9 % apart, so that its middle is at most 4.4 % off
_OFFSET = -log2(_SHORTEST) * _PER_DOUBLING


def bucket_of(seconds: float) -> int:
    """Return the bucket of a duration."""
    return int(log2(seconds) * _PER_DOUBLING + _OFFSET) if seconds > _SHORTEST else 0


def percentile(counts: Mapping[int, int], share: float) -> float:
    """Return the seconds within which a share (0.9) of all answers came: the middle of a bucket.

    Raises:
        ValueError: nothing was counted.
    """
    wanted = share * sum(counts.values())
    reached = 0
    for bucket in sorted(counts):
        reached += counts[bucket]
        if reached >= wanted:
            return _SHORTEST * float(2 ** ((bucket + 0.5) / _PER_DOUBLING))
    raise ValueError("no answers")


class ClosingDifference(NamedTuple):
    """A record in which the target's list and the run differ."""

    id: int
    status: Status
    returned_id: str  #: as the answer gave it
    http_status: int
    error: str
    attempts: int
    run: str  #: the run that decided it
    there: tuple[str, ...]  #: the ids of the objects that are this record


class Change(NamedTuple):
    """A transition of one record, to be committed with others."""

    id: int
    state: State | Status
    outcome: Outcome
