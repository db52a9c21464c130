"""What an answer says about an object that is to be deleted: pure functions, tested as a table.

An object is looked at before each DELETE. So its answers are read against what was seen a moment before, and one that
does not say clearly what was done is settled by looking again: a DELETE that comes twice deletes no more than one.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from importer.pool.client import Answer, Reply
from importer.pool.policy import is_maybe_applied, read_json, read_words

if TYPE_CHECKING:
    from importer.records import Key
    from importer.targets import Found, Removal, Target


class Finding(Enum):
    """What an answer means for the object."""

    SAME = auto()  #: there, with the values that were sent
    GONE = auto()
    CUT = auto()  #: there, and over: ended by a DELETE of ours
    CHANGED = auto()  #: there, with other values
    DELETED = auto()
    KEPT = auto()  #: over, and the target keeps it
    REFUSED = auto()  #: certainly not deleted
    TOKEN_REFUSED = auto()  #: 401: nothing more can be asked
    FORBIDDEN = auto()  #: 403: of this object, or of everything
    SLOW_DOWN = auto()  #: 429: not deleted, everybody waits
    IN_DOUBT = auto()  #: to be looked at again


class Judged(NamedTuple):
    """A finding with what the report needs of it."""

    finding: Finding
    status: int = 0  #: HTTP status, 0 without an answer
    words: str = ""  #: what happened, in the server's words where there are any


class Subject(NamedTuple):
    """The object that is to be deleted."""

    id: str
    key: Key  #: as it was sent
    may_be_deleted: bool = False  #: a DELETE of ours may have been applied


def judge_look(answer: Answer, target: Target, removal: Removal, subject: Subject, now: float) -> Judged:
    """Say what an answer of 200, 403 or 404 to a GET means; `now` is the server's time in epoch seconds."""
    payload = read_json(answer.body)
    if answer.status != 200:
        is_missing = answer.status == 404 and removal.is_missing(payload)
        return Judged(Finding.GONE if is_missing else Finding.REFUSED, answer.status, read_words(answer, target))
    found = removal.read(payload)
    if found is None or found.id != subject.id:
        return Judged(Finding.IN_DOUBT, 200, f"the answer about {subject.id} cannot be read")
    if found.key == subject.key:
        return Judged(Finding.SAME, 200)
    if subject.may_be_deleted and _is_cut(found, removal, subject, now):
        return Judged(Finding.CUT, 200, _cut_words(found, removal, subject))
    return Judged(Finding.CHANGED, 200, removal.differences(subject.key, found.key))


def judge_delete(reply: Reply, target: Target, removal: Removal, subject: Subject, now: float) -> Judged:
    """Say what a reply to a DELETE means, of an object that was just seen with the values that were sent."""
    if not isinstance(reply, Answer):
        # "Not sent" as well: aiohttp repeats a DELETE by itself where the connection breaks, and raises what became of
        # the second.
        return Judged(Finding.IN_DOUBT, words=reply.reason)
    if 200 <= reply.status < 300:
        return _judge_success(reply, removal, subject, now)
    return Judged(_refusal(reply, removal, subject, now), reply.status, read_words(reply, target))


def _judge_success(answer: Answer, removal: Removal, subject: Subject, now: float) -> Judged:
    """Deleted is what had not begun; of what had, the answer says that it was cut, or it must be looked at."""
    found = removal.read(read_json(answer.body))
    if found is not None and found.id == subject.id and _is_cut(found, removal, subject, now):
        return Judged(Finding.CUT, answer.status, _cut_words(found, removal, subject))
    starts_at, _ = removal.span(subject.key)
    if starts_at > now:
        return Judged(Finding.DELETED, answer.status)
    return Judged(Finding.IN_DOUBT, answer.status, "the answer does not say whether it was deleted or cut")


def _refusal(answer: Answer, removal: Removal, subject: Subject, now: float) -> Finding:
    named = {401: Finding.TOKEN_REFUSED, 403: Finding.FORBIDDEN, 429: Finding.SLOW_DOWN}
    if answer.status in named:
        return named[answer.status]
    if answer.status == 404 and removal.is_missing(read_json(answer.body)):
        return Finding.DELETED  # by a DELETE of ours: it was there a moment ago
    if answer.status == 422 and removal.span(subject.key)[1] <= now:
        return Finding.KEPT
    if answer.status in (404, 422):  # no such path; or over since a DELETE of ours has cut it
        return Finding.IN_DOUBT
    return Finding.IN_DOUBT if is_maybe_applied(answer.status) else Finding.REFUSED


def _is_cut(found: Found, removal: Removal, subject: Subject, now: float) -> bool:
    return removal.is_shortened(subject.key, found.key) and removal.span(found.key)[1] <= now


def _cut_words(found: Found, removal: Removal, subject: Subject) -> str:
    return f"it had begun, and was cut: {removal.differences(subject.key, found.key)}"
