"""What each status means, in a few words, wherever a user reads it. Knows nothing but the statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from importer.records import Status

if TYPE_CHECKING:
    from collections.abc import Mapping


_OF_A_RUN: Final = {
    Status.CREATED: "the target took it",
    Status.EXISTS: "was there already; nothing was sent",
    Status.DUPLICATE: "the same as an earlier row",
    Status.INVALID: "no valid record; nothing was sent",
    Status.REJECTED: "refused by the target",
    Status.FAILED: "given up; certainly not applied",
    Status.UNKNOWN: "sent, no answer: rerun asks the target first",
    Status.PENDING: "not attempted",
}
_OF_AN_UNDO: Final = {
    Status.DELETED: "deleted, or taken out of its groups",
    Status.GONE: "was not there any more",
    Status.CUT: "had begun: the target ended it now",
    Status.CHANGED: "changed since: left as it is",
    Status.KEPT: "is over: the target keeps it",
    Status.MANUAL: "to be removed by hand",
    Status.FAILED: "given up; not undone",
    Status.UNKNOWN: "perhaps there; see its line",
}


def meanings(*, is_undo: bool) -> Mapping[Status, str]:
    """Give the meaning of every status, as a run or an undo has it."""
    return _OF_A_RUN | _OF_AN_UNDO if is_undo else _OF_AN_UNDO | _OF_A_RUN
