"""Rate limits: count requests against a limit over any window of time. Pure: the time is always passed in."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Literal

_ROUNDING = 1e-9  # 7 a minute times a minute is 6.999...


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the sandbox lets through. The defaults are those of the real APIs."""

    enforcement: Literal["sliding", "none"] = "sliding"
    opal_rate: float = 100  #: requests per second
    rootly_per_minute: float = 3000  #: for reads, and again for writes
    pagerduty_per_minute: float = 960
    opsgenie_per_second: float = 10  #: for each domain of requests; in a minute 40 times as many

    def opal(self, share: float = 1) -> RateWindow:
        """Return the window of Opal's limit, or of a share of it."""
        return self._window(self.opal_rate * share, 1)

    def rootly(self) -> RateWindow:
        """Return the window of Rootly's limit, for reads or for writes."""
        return self._window(self.rootly_per_minute / 60, 60)

    def pagerduty(self) -> RateWindow:
        """Return the window of PagerDuty's limit."""
        return self._window(self.pagerduty_per_minute / 60, 60)

    def opsgenie(self) -> tuple[RateWindow, RateWindow]:
        """Return the windows of a domain of Opsgenie's requests: of a second and of a minute."""
        rate = self.opsgenie_per_second
        return self._window(rate, 1), self._window(rate * 40 / 60, 60)

    def _window(self, per_second: float, seconds: float) -> RateWindow:
        """Return a window of about `seconds`; where that holds less than one request, one request in a longer one."""
        limit = max(1, math.floor(per_second * seconds + _ROUNDING))
        return RateWindow(limit, limit / per_second, is_enforced=self.enforcement != "none")


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
    """At most `limit` requests in any span of `seconds`, as they are let through; a refused request does not count."""

    def __init__(self, limit: int, seconds: float, *, is_enforced: bool = True) -> None:
        self.limit = limit
        self.seconds = seconds
        self._is_enforced = is_enforced
        self._taken: deque[float] = deque()

    def take(self, now: float) -> bool:
        """Count a request that arrives now; return False, and count nothing, if it is one too many."""
        if self.standing(now).remaining < 1:
            return False
        if self._is_enforced:
            self._taken.append(now)
        return True

    def standing(self, now: float) -> Standing:
        """Return how much is used, counting nothing."""
        if self._taken and now < self._taken[-1]:
            self._taken.clear()  # the clock was set back: old times would block until it has caught up
        while self._taken and self._taken[0] + self.seconds <= now:
            self._taken.popleft()
        oldest = self._taken[0] if self._taken else now
        return Standing(self.limit, len(self._taken), oldest + self.seconds)
