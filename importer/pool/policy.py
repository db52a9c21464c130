"""What to do after a reply: pure functions, tested as a table.

A POST is not idempotent (RFC 9110 9.2.2), so a reply says one of four things: created, refused, not sent, or in doubt.
"""

from __future__ import annotations

import math
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from importer.pool.client import Answer, Lost, NotSent, Reply
from importer.targets import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.records import Key
    from importer.targets import Target

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


def judge(reply: Reply, target: Target, key: Key) -> Judgement:
    """Say what a reply to the POST of a record means."""
    if isinstance(reply, NotSent):
        return Judgement(Verdict.NOT_SENT, words=f"not sent: {reply.reason}")
    if isinstance(reply, Lost):
        return Judgement(Verdict.IN_DOUBT, words=reply.reason)
    if 200 <= reply.status < 300:
        return _judge_success(reply, target, key)
    return Judgement(_refusal(reply.status), reply.status, read_words(reply, target))


def _judge_success(answer: Answer, target: Target, key: Key) -> Judgement:
    """Created needs an id of the right form and the sent values echoed."""
    found = target.read_created(read_json(answer.body))
    if found is None:
        return Judgement(Verdict.IN_DOUBT, answer.status, "the answer has no valid id")
    if found.key != key:
        return Judgement(
            Verdict.IN_DOUBT, answer.status, f"the answer ({found.id}) has other values than were sent", found.id
        )
    return Judgement(Verdict.CREATED, answer.status, "", found.id)


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
