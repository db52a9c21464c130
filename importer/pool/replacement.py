"""What to put into a group's list, and what an answer to that means: pure functions, tested as a table.

A PUT replaces the list, so nothing that was ever seen in it may be missing from it, but for what is to be taken out.
Unlike a POST it may be repeated, after the list was read again.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from importer.pool.client import Answer, NotSent, Reply
from importer.pool.policy import read_words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from importer.targets import Target

_MAYBE_APPLIED = frozenset({408, 409, 425})


class PutVerdict(Enum):
    """What a reply to a PUT means."""

    ANSWERED = auto()  #: taken, as it says: the list shows it
    REFUSED = auto()  #: for good, and nothing was changed
    TOKEN_REFUSED = auto()
    FORBIDDEN = auto()  #: 403: for this group, or for everything
    SLOW_DOWN = auto()  #: 429: nothing was changed
    NOT_SENT = auto()
    IN_DOUBT = auto()  #: perhaps applied, perhaps later


class PutJudgement(NamedTuple):
    """A verdict with what the report needs of it."""

    verdict: PutVerdict
    status: int = 0
    words: str = ""


class Wanted(NamedTuple):
    """What is to become of a group's list."""

    add: Collection[str] = ()
    remove: Collection[str] = ()


def replace_list(now: Iterable[str], seen: Iterable[str], wanted: Wanted) -> list[str] | None:
    """Give the list to be put; None where the list `now` has all that it should.

    `seen` is whatever stood in it since we first looked: what is gone since was dropped by a list that somebody put
    without knowing of it, ours among them, and is put back. What stands there keeps its order.
    """
    there = list(dict.fromkeys(now))
    whole = [one for one in dict.fromkeys([*there, *seen, *wanted.add]) if one not in wanted.remove]
    return None if set(whole) == set(there) else whole


def judge_put(reply: Reply, target: Target) -> PutJudgement:
    """Say what a reply to a PUT means."""
    if isinstance(reply, NotSent):
        return PutJudgement(PutVerdict.NOT_SENT, words=f"not sent: {reply.reason}")
    if not isinstance(reply, Answer):
        return PutJudgement(PutVerdict.IN_DOUBT, words=reply.reason)
    if 200 <= reply.status < 300:
        return PutJudgement(PutVerdict.ANSWERED, reply.status)
    return PutJudgement(_refusal(reply.status), reply.status, read_words(reply, target))


def _refusal(status: int) -> PutVerdict:
    named = {401: PutVerdict.TOKEN_REFUSED, 403: PutVerdict.FORBIDDEN, 429: PutVerdict.SLOW_DOWN}
    if status in named:
        return named[status]
    return PutVerdict.REFUSED if 400 <= status < 500 and status not in _MAYBE_APPLIED else PutVerdict.IN_DOUBT
