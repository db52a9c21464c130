"""How often and when a request is sent again: attempts, Retry-After, the pause after a 429, backoff, retry budget.

How long a record in doubt settles is here too. Everything but the budget is pure, and no target is known here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache

#: Requests for one record before it is given up.
MOST_ATTEMPTS = 8
#: Seconds. Both targets count in windows of a minute at most: whatever asks for more is tried after a minute.
LONGEST_PAUSE = 60.0
_LONGEST_BACK_OFF = 8.0
_LONGEST_SETTLE = 60.0


def back_off(attempt: int, jitter: float) -> float:
    """Return the seconds before attempt + 1: 0.5, 1, 2, 4, 8, 8 ... times a half to one. `jitter` is 0 to 1."""
    doublings = min(attempt - 1, 10)  # a target can be away for more attempts than a float has doublings
    return min(_LONGEST_BACK_OFF, 0.5 * 2.0**doublings) * (0.5 + jitter / 2)


def settle_time(settle: float, doubts: int) -> float:
    """Return the seconds before the target is asked: `settle`, then twice as long each time, up to a minute."""
    return min(max(_LONGEST_SETTLE, settle), settle * 2.0 ** (doubts - 1))


def pause_time(headers: Mapping[str, str], now: float, refusals: int) -> float:
    """Return how many seconds all requests wait after a 429, the `refusals`-th in a row, at epoch second `now`.

    The order is: what `asked_pause` reads; X-RateLimit-Reset, a point in time; RateLimit-Reset or
    X-RateLimit-Period-In-Sec, which are seconds; else 0.25, 0.33, 0.42, 0.55 ...
    """
    asked = asked_pause(headers, now)
    if asked is None:
        reset = _read_number(headers.get("X-RateLimit-Reset", ""))
        asked = None if reset is None else reset - read_clock(headers, now)
    if asked is None:  # PagerDuty's and Opsgenie's
        asked = _read_number(headers.get("RateLimit-Reset", headers.get("X-RateLimit-Period-In-Sec", "")))
    if asked is None or asked < 0:
        asked = 0.25 * 1.3 ** min(refusals - 1, 30)
    return min(LONGEST_PAUSE, max(asked, 0.05))


def asked_pause(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that Retry-After asks for, at most a minute; None if it has no sensible value.

    It holds seconds or a date (RFC 9110 10.2.3); dates are read by the server's own clock, its Date header.
    """
    if "Retry-After" not in headers:
        return None
    asked = _read_retry_after(headers["Retry-After"], read_clock(headers, now))
    return None if asked is None or asked < 0 else min(LONGEST_PAUSE, asked)


def rounding(headers: Mapping[str, str]) -> float:
    """Return by how many seconds a Retry-After may be too long: it is rounded up, and so is its distance from Date."""
    return 1.0 if _read_number(headers["Retry-After"]) is not None else 2.0


def read_clock(headers: Mapping[str, str], now: float) -> float:
    """Return the server's time in epoch seconds: its Date header, else ours."""
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


_TOKENS = 500


class Budget:
    """The retry budget: a retry costs a token, a success earns one. It lasts while at most half of requests fail."""

    def __init__(self, tokens: int = _TOKENS) -> None:
        self._most = self._tokens = tokens

    def earn(self) -> None:
        """Note a success."""
        self._tokens = min(self._most, self._tokens + 1)

    def spend(self) -> bool:
        """Take a token for one more retry; False if none is left."""
        if not self._tokens:
            return False
        self._tokens -= 1
        return True
