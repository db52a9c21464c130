"""What an answer says about an object that is to be deleted: pure functions, tested as a table.

An object is looked at before each DELETE. So its answers are read against what was seen a moment before, and one that
does not say clearly what was done is settled by looking again: a DELETE that comes twice deletes no more than one.
"""

from __future__ import annotations

import math
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from importer.delivery.client import Answer, Lost, NotSent, Reply
from importer.quoting import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.kinds.kind import RecordKind, Removal
    from importer.records import Key
    from importer.targets.target import Found, Target


# ---- What to do after a reply: pure functions, tested as a table


#: Requests for one record before it is given up.
MOST_ATTEMPTS = 8
#: Seconds. Both targets count in windows of a minute at most: whatever asks for more is tried after a minute.
LONGEST_PAUSE = 60.0
_LONGEST_BACK_OFF = 8.0
_LONGEST_SETTLE = 60.0
_MAYBE_APPLIED = frozenset({408, 409, 425})


class Verdict(Enum):
    """What a reply to a POST means for its record."""

    CREATED = auto()
    EXISTS = auto()  #: the target says that it had the very same already
    REJECTED = auto()  #: refused for good
    TOKEN_REFUSED = auto()  #: 401: nothing more can be sent to the target
    FORBIDDEN = auto()  #: 403: for this scope, or for everything
    SLOW_DOWN = auto()  #: 429: refused, everybody waits
    NOT_SENT = auto()  #: certainly not applied
    IN_DOUBT = auto()  #: perhaps applied: the target must be asked


class Judgement(NamedTuple):
    """A verdict with what the report needs of it."""

    verdict: Verdict
    status: int = 0  #: HTTP status, 0 without an answer
    words: str = ""  #: what happened, in the server's words where there are any
    id: str = ""  #: the id in the answer, also of one whose values differ


def judge(reply: Reply, target: Target, kind: RecordKind, key: Key) -> Judgement:
    """Say what a reply to the POST of a record means."""
    if isinstance(reply, NotSent):
        return Judgement(Verdict.NOT_SENT, words=f"not sent: {reply.reason}")
    if isinstance(reply, Lost):
        return Judgement(Verdict.IN_DOUBT, words=reply.reason)
    if 200 <= reply.status < 300:
        return _judge_success(reply, kind, key)
    return Judgement(_refusal(reply.status), reply.status, read_words(reply, target))


def _judge_success(answer: Answer, kind: RecordKind, key: Key) -> Judgement:
    """Created needs an id of the right form and the sent values echoed."""
    found = kind.read_created(read_json(answer.body))
    if found is None:
        return Judgement(Verdict.IN_DOUBT, answer.status, "the answer has no valid id")
    if found.key != key:
        return Judgement(
            Verdict.IN_DOUBT, answer.status, f"the answer ({found.id}) has other values than were sent", found.id
        )
    verdict = Verdict.EXISTS if answer.status in kind.existing_statuses else Verdict.CREATED
    return Judgement(verdict, answer.status, "", found.id)


def _refusal(status: int) -> Verdict:
    named = {401: Verdict.TOKEN_REFUSED, 403: Verdict.FORBIDDEN, 429: Verdict.SLOW_DOWN}
    if status in named:
        return named[status]
    return Verdict.IN_DOUBT if is_maybe_applied(status) else Verdict.REJECTED


def is_maybe_applied(status: int) -> bool:
    """Tell an answer that can follow a commit from one that refuses."""
    return not 400 <= status < 500 or status in _MAYBE_APPLIED


def read_json(body: bytes) -> Any:
    """Parse JSON of bounded depth; None where it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def read_words(answer: Answer, target: Target) -> str:
    """Give the server's words: its error, else the beginning of its text, else the bare status."""
    words = target.words(read_json(answer.body))
    if not words and not answer.body.lstrip().startswith((b"<", b"{", b"[")):
        words = answer.body[:400].decode("utf-8", "backslashreplace")
    return escape(words.strip()) or f"HTTP {answer.status} without words"


def back_off(attempt: int, jitter: float) -> float:
    """Give the seconds before attempt + 1: 0.5, 1, 2, 4, 8, 8 ... times a half to one. `jitter` is 0 to 1."""
    doublings = min(attempt - 1, 10)  # a target can be away for more attempts than a float has doublings
    return min(_LONGEST_BACK_OFF, 0.5 * 2.0**doublings) * (0.5 + jitter / 2)


def settle_time(settle: float, doubts: int) -> float:
    """Give the seconds before the target is asked: `settle`, then twice as long each time, up to a minute."""
    return min(max(_LONGEST_SETTLE, settle), settle * 2.0 ** (doubts - 1))


def pause_time(headers: Mapping[str, str], now: float, refusals: int) -> float:
    """Give the seconds that everybody waits after a 429: the `refusals`-th in a row, at epoch second `now`.

    Retry-After (seconds or a date, RFC 9110 10.2.3) comes first, then X-RateLimit-Reset (epoch seconds), else
    0.25, 0.33, 0.42, 0.55 ... Points in time are read by the server's own clock, its Date header.
    """
    clock = read_clock(headers, now)
    asked = _read_retry_after(headers.get("Retry-After", ""), clock)
    if asked is None or asked < 0:
        reset = _read_number(headers.get("X-RateLimit-Reset", ""))
        asked = None if reset is None else reset - clock
    if asked is None or asked < 0:
        asked = 0.25 * 1.3 ** min(refusals - 1, 30)
    return min(LONGEST_PAUSE, max(asked, 0.05))


def read_clock(headers: Mapping[str, str], now: float) -> float:
    """Give the server's time in epoch seconds: its Date header, else ours."""
    clock = _read_date(headers.get("Date", ""))
    return now if clock is None else clock


def _read_retry_after(text: str, clock: float) -> float | None:
    seconds = _read_number(text)
    if seconds is not None:
        return seconds
    moment = _read_date(text)
    return None if moment is None else moment - clock


def _read_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


@lru_cache(maxsize=4)  # hundreds of answers have the same Date
def _read_date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        # A date without a zone (RFC 9110 5.6.7, asctime) is UTC, not the time of this machine.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


class DeleteVerdict(Enum):
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

    finding: DeleteVerdict
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
        return Judged(
            DeleteVerdict.GONE if is_missing else DeleteVerdict.REFUSED, answer.status, read_words(answer, target)
        )
    found = removal.read(payload)
    if found is None or found.id != subject.id:
        return Judged(DeleteVerdict.IN_DOUBT, 200, f"the answer about {subject.id} cannot be read")
    if found.key == subject.key:
        return Judged(DeleteVerdict.SAME, 200)
    if subject.may_be_deleted and _is_cut(found, removal, subject, now):
        return Judged(DeleteVerdict.CUT, 200, _cut_words(found, removal, subject))
    return Judged(DeleteVerdict.CHANGED, 200, removal.differences(subject.key, found.key))


def judge_delete(reply: Reply, target: Target, removal: Removal, subject: Subject, now: float) -> Judged:
    """Say what a reply to a DELETE means, of an object that was just seen with the values that were sent."""
    if not isinstance(reply, Answer):
        # "Not sent" as well: aiohttp repeats a DELETE by itself where the connection breaks, and raises what became of
        # the second.
        return Judged(DeleteVerdict.IN_DOUBT, words=reply.reason)
    if 200 <= reply.status < 300:
        return _judge_delete_success(reply, removal, subject, now)
    return Judged(_judge_delete_refusal(reply, removal, subject, now), reply.status, read_words(reply, target))


def _judge_delete_success(answer: Answer, removal: Removal, subject: Subject, now: float) -> Judged:
    """Deleted is what had not begun; of what had, the answer says that it was cut, or it must be looked at."""
    found = removal.read(read_json(answer.body))
    if found is not None and found.id == subject.id and _is_cut(found, removal, subject, now):
        return Judged(DeleteVerdict.CUT, answer.status, _cut_words(found, removal, subject))
    starts_at, _ = removal.span(subject.key)
    if starts_at > now:
        return Judged(DeleteVerdict.DELETED, answer.status)
    return Judged(DeleteVerdict.IN_DOUBT, answer.status, "the answer does not say whether it was deleted or cut")


def _judge_delete_refusal(answer: Answer, removal: Removal, subject: Subject, now: float) -> DeleteVerdict:
    named = {401: DeleteVerdict.TOKEN_REFUSED, 403: DeleteVerdict.FORBIDDEN, 429: DeleteVerdict.SLOW_DOWN}
    if answer.status in named:
        return named[answer.status]
    if answer.status == 404 and removal.is_missing(read_json(answer.body)):
        return DeleteVerdict.DELETED  # by a DELETE of ours: it was there a moment ago
    if answer.status == 422 and removal.span(subject.key)[1] <= now:
        return DeleteVerdict.KEPT
    if answer.status in (404, 422):  # no such path; or over since a DELETE of ours has cut it
        return DeleteVerdict.IN_DOUBT
    return DeleteVerdict.IN_DOUBT if is_maybe_applied(answer.status) else DeleteVerdict.REFUSED


def _is_cut(found: Found, removal: Removal, subject: Subject, now: float) -> bool:
    return removal.is_shortened(subject.key, found.key) and removal.span(found.key)[1] <= now


def _cut_words(found: Found, removal: Removal, subject: Subject) -> str:
    return f"it had begun, and was cut: {removal.differences(subject.key, found.key)}"
