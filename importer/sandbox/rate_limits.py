"""Rate limits: count requests against a limit in the ways that servers do. Pure: the time is always passed in."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Literal, TypeAlias

from importer.errors import UsageError

#: How a limit is enforced: over any window, over windows that end at multiples of it, as a token bucket, not at all.
Enforcement: TypeAlias = Literal["sliding", "fixed", "bucket", "none"]

_ROUNDING = 1e-9  # 7 a minute times a minute is 6.999...


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the sandbox lets through, and whether headers report it. The defaults are those of the real APIs."""

    enforcement: Enforcement = "sliding"
    opal_rate: float = 100  #: requests per second
    opal_window: float = 1  #: seconds over which the rate is counted
    rootly_per_minute: float = 3000  #: for reads, and again for writes
    rootly_window: float = 60  #: seconds over which the rate is counted
    pagerduty_per_minute: float = 960
    opsgenie_per_second: float = 10  #: for each domain of requests; in a minute 40 times as many
    reports: bool = True  #: whether Rootly's and PagerDuty's answers have rate limit headers; Opal's never have

    def __post_init__(self) -> None:
        rates = (self.opal_rate, self.rootly_per_minute, self.pagerduty_per_minute, self.opsgenie_per_second)
        if not all(rate > 0 for rate in rates):
            raise UsageError("A rate of the sandbox must be above 0.", hint='Use the enforcement "none" to have none.')
        if not (self.opal_window > 0 and self.rootly_window > 0):
            raise UsageError("A window of the sandbox must be above 0 s.", hint="Leave it out to use the real API's.")
        if self.enforcement not in _WINDOWS:
            named = ", ".join(_WINDOWS)
            raise UsageError(f"{self.enforcement!r} is not a way to enforce a limit.", hint=f"Use one of {named}.")

    def opal(self, share: float = 1) -> RateWindow:
        """Return the window of Opal's limit, or of a share of it."""
        return _window(self.enforcement, self.opal_rate * share, self.opal_window)

    def rootly(self) -> RateWindow:
        """Return the window of Rootly's limit, for reads or for writes."""
        return _window(self.enforcement, self.rootly_per_minute / 60, self.rootly_window)

    def pagerduty(self) -> RateWindow:
        """Return the window of PagerDuty's limit."""
        return _window(self.enforcement, self.pagerduty_per_minute / 60, 60)

    def opsgenie(self) -> tuple[RateWindow, RateWindow]:
        """Return the windows of a domain of Opsgenie's requests: of a second and of a minute."""
        rate = self.opsgenie_per_second
        return _window(self.enforcement, rate, 1), _window(self.enforcement, rate * 40 / 60, 60)


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of a window is used: what the X-RateLimit headers report."""

    limit: int
    used: int
    resets_at: float  #: when there is room again

    @property
    def remaining(self) -> int:
        """Return how many more requests would be let through now."""
        return self.limit - self.used


class RateWindow:
    """At most `limit` requests in `seconds`, as they are let through; a refused request does not count."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds

    def take(self, now: float) -> bool:
        """Count a request that arrives now; return False, and count nothing, if it is one too many."""
        if self.standing(now).remaining < 1:
            return False
        self._count(now)
        return True

    def standing(self, now: float) -> Standing:
        """Return how much is used, counting nothing."""
        raise NotImplementedError

    def _count(self, now: float) -> None:
        """Count a request that arrives now."""


class SlidingWindow(RateWindow):
    """At most `limit` requests in any span of `seconds`."""

    def __init__(self, limit: int, seconds: float) -> None:
        super().__init__(limit, seconds)
        self._taken: deque[float] = deque()

    def standing(self, now: float) -> Standing:
        if self._taken and now < self._taken[-1]:
            self._taken.clear()  # the clock was set back: old times would block until it has caught up
        while self._taken and self._taken[0] + self.seconds <= now:
            self._taken.popleft()
        oldest = self._taken[0] if self._taken else now
        return Standing(self.limit, len(self._taken), oldest + self.seconds)

    def _count(self, now: float) -> None:
        self._taken.append(now)


class FixedWindow(RateWindow):
    """At most `limit` requests between two multiples of `seconds`: up to twice as many around one."""

    def __init__(self, limit: int, seconds: float) -> None:
        super().__init__(limit, seconds)
        self._used = 0
        self._ends_at = -math.inf

    def standing(self, now: float) -> Standing:
        if not self._ends_at - self.seconds <= now < self._ends_at:
            self._used = 0
            self._ends_at = (math.floor(now / self.seconds) + 1) * self.seconds
            if self._ends_at <= now:  # lost in rounding
                self._ends_at += self.seconds
        return Standing(self.limit, self._used, self._ends_at)

    def _count(self, now: float) -> None:  # noqa: ARG002  same signature as the others
        self._used += 1


class Bucket(RateWindow):
    """A token bucket of `limit` requests, full at first, that refills evenly in `seconds`."""

    def __init__(self, limit: int, seconds: float) -> None:
        super().__init__(limit, seconds)
        self._left = float(limit)
        self._filled_at = -math.inf

    def standing(self, now: float) -> Standing:
        passed = max(0.0, now - self._filled_at)  # nothing is gained or lost when the clock is set back
        self._left = min(float(self.limit), self._left + passed * self.limit / self.seconds)
        self._filled_at = now
        used = self.limit - math.floor(self._left + _ROUNDING)
        return Standing(self.limit, used, now + (self.limit - self._left) * self.seconds / self.limit)

    def _count(self, now: float) -> None:  # noqa: ARG002  same signature as the others
        self._left -= 1


class Unlimited(RateWindow):
    """Refuses nothing and counts nothing."""

    def standing(self, now: float) -> Standing:
        return Standing(self.limit, 0, now + self.seconds)


_WINDOWS: dict[Enforcement, type[RateWindow]] = {
    "sliding": SlidingWindow,
    "fixed": FixedWindow,
    "bucket": Bucket,
    "none": Unlimited,
}


def _window(enforcement: Enforcement, per_second: float, seconds: float) -> RateWindow:
    """Return a window of about `seconds`; where that holds less than one request, one request in a longer window."""
    limit = max(1, math.floor(per_second * seconds + _ROUNDING))
    return _WINDOWS[enforcement](limit, limit / per_second)
