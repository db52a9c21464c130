"""What a reply means: one verdict for POST, PUT and DELETE, certain or in doubt. Pure functions, tested as tables.

An object to be deleted is looked at before and after its DELETE; the result of a look is a `Sight`.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any, NamedTuple

import orjson

from importer.delivery.client import Answer, Lost, NotSent, Reply
from importer.kinds import RecordKind, Removal
from importer.records import Key
from importer.targets.target import Target, describe_json
from importer.wording import escape

_MAYBE_APPLIED = frozenset({408, 409, 425})


class Verdict(Enum):
    """What a reply to a POST, PUT or DELETE means for what was sent."""

    TAKEN = auto()  #: 2xx; of a POST: with a valid id and the values that were sent
    EXISTS = auto()  #: the target says that it already had exactly this record
    REFUSED = auto()  #: for good, and certainly not applied
    TOKEN_REFUSED = auto()  #: 401: nothing more can be sent to the target
    FORBIDDEN = auto()  #: 403: for this scope or object, or for everything
    SLOW_DOWN = auto()  #: 429: not applied, everybody waits
    NOT_SENT = auto()  #: certainly not applied
    IN_DOUBT = auto()  #: perhaps applied, perhaps later: the target must be asked


class Judgement(NamedTuple):
    """A verdict with what the report needs to say."""

    verdict: Verdict
    status: int = 0  #: HTTP status, 0 without an answer
    words: str = ""  #: what happened, in the server's words if there are any
    id: str = ""  #: the id in the answer, also of one whose values differ


def judge(reply: Reply, target: Target) -> Judgement:
    """Return what a reply means, whatever was sent; a 2xx counts as taken."""
    if isinstance(reply, NotSent):
        return Judgement(Verdict.NOT_SENT, words=f"not sent: {reply.reason}")
    if isinstance(reply, Lost):
        return Judgement(Verdict.IN_DOUBT, words=reply.reason)
    verdict = _verdict(reply.status)
    return Judgement(verdict, reply.status, "" if verdict is Verdict.TAKEN else read_words(reply, target))


def judge_post(reply: Reply, target: Target, kind: RecordKind, key: Key) -> Judgement:
    """Return what a reply to the POST of a record means: created only with a valid id and the values that were sent."""
    judgement = judge(reply, target)
    if judgement.verdict is not Verdict.TAKEN or not isinstance(reply, Answer):
        return judgement
    found = kind.read_created(read_json(reply.body))
    if found is None:
        return Judgement(Verdict.IN_DOUBT, reply.status, "the answer has no valid id")
    if found.key != key:
        words = f"the answer ({found.id}) has other values than were sent"
        return Judgement(Verdict.IN_DOUBT, reply.status, words, found.id)
    verdict = Verdict.EXISTS if reply.status in kind.existing_statuses else Verdict.TAKEN
    return Judgement(verdict, reply.status, "", found.id)


def judge_delete(reply: Reply, target: Target) -> Judgement:
    """Return what a reply to a DELETE means; even a success counts only after a look confirms it.

    "Not sent" is in doubt: aiohttp repeats a DELETE by itself if the connection breaks, and reports only the second
    attempt. 404, 410 and 422 can be the answer to that second attempt as well.
    """
    judgement = judge(reply, target)
    if judgement.verdict is Verdict.NOT_SENT or judgement.status in (404, 410, 422):
        return judgement._replace(verdict=Verdict.IN_DOUBT)
    return judgement


def _verdict(status: int) -> Verdict:
    named = {401: Verdict.TOKEN_REFUSED, 403: Verdict.FORBIDDEN, 429: Verdict.SLOW_DOWN}
    if status in named:
        return named[status]
    if 200 <= status < 300:
        return Verdict.TAKEN
    return Verdict.IN_DOUBT if is_maybe_applied(status) else Verdict.REFUSED


def is_maybe_applied(status: int) -> bool:
    """Return whether the target may have applied a request that got this status; all others are refusals."""
    return not 400 <= status < 500 or status in _MAYBE_APPLIED


def read_json(body: bytes) -> Any:
    """Parse JSON of bounded depth; None if it is not JSON."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def read_words(answer: Answer, target: Target) -> str:
    """Return the server's words: its error, else what its JSON or its text begins with, else the bare status."""
    payload = read_json(answer.body)
    words = target.words(payload) or (describe_json(payload)[:400] if isinstance(payload, dict | list) else "")
    if not words and not answer.body.lstrip().startswith((b"<", b"{", b"[")):
        words = answer.body[:400].decode("utf-8", "backslashreplace")
    if not words.strip() and 300 <= answer.status < 400:
        return f"HTTP {answer.status}, a redirect, which is not followed: check {target.name.upper()}_BASE_URL"
    return escape(words.strip()) or f"HTTP {answer.status} without words"


class Sight(Enum):
    """What a look at an object shows."""

    SAME = auto()  #: there, with the values that were sent
    CHANGED = auto()  #: there, with other values
    CUT = auto()  #: there, but over: ended by a DELETE of ours
    GONE = auto()
    HIDDEN = auto()  #: the target does not show it: no proof of anything
    UNREADABLE = auto()


class Seen(NamedTuple):
    """The result of a look, with what the report needs to say."""

    sight: Sight
    status: int = 0  #: HTTP status
    words: str = ""  #: what is different, or what the target said


class Subject(NamedTuple):
    """The object that is to be deleted."""

    id: str
    key: Key  #: as it was sent
    may_be_deleted: bool = False  #: a DELETE of ours may have been applied


def judge_look(answer: Answer, target: Target, removal: Removal, subject: Subject, now: float) -> Seen:
    """Return what an answer of 200, 403, 404 or 410 to a GET shows; `now` is the server's time in epoch seconds."""
    payload = read_json(answer.body)
    if answer.status != 200:
        is_gone = answer.status == 410 or (answer.status == 404 and removal.is_missing(payload))
        return Seen(Sight.GONE if is_gone else Sight.HIDDEN, answer.status, read_words(answer, target))
    found = removal.read(payload)
    if found is None or found.id != subject.id:
        return Seen(Sight.UNREADABLE, 200, f"the answer about {subject.id} cannot be read")
    if found.key == subject.key:
        return Seen(Sight.SAME, 200)
    words = removal.differences(subject.key, found.key)
    if subject.may_be_deleted and removal.is_shortened(subject.key, found.key) and removal.span(found.key)[1] <= now:
        return Seen(Sight.CUT, 200, f"it had begun, and was cut: {words}")
    return Seen(Sight.CHANGED, 200, words)
