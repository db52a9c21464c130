"""Counting requests in a sliding window. Pure: the time is always passed in."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of a window is used; what the X-RateLimit headers tell."""

    limit: int
    used: int
    resets_at: float  #: when the oldest request leaves the window

    @property
    def remaining(self) -> int:
        """Say how many more requests would be let through at this moment."""
        return self.limit - self.used


class SlidingWindow:
    """At most `limit` requests in any span of `seconds`. A refused request does not count."""

    def __init__(self, limit: int, seconds: float, *, is_on: bool = True) -> None:
        self.limit = limit
        self.seconds = seconds
        self._is_on = is_on
        self._taken: deque[float] = deque()

    @classmethod
    def of_rate(cls, per_second: float, *, is_on: bool = True) -> SlidingWindow:
        """Make the window that lets `per_second` through; below 1/s it is one request in a longer span."""
        limit = max(1, math.floor(per_second))
        return cls(limit, limit / per_second, is_on=is_on)

    def take(self, now: float) -> bool:
        """Count a request that comes now; False, and nothing counted, where it is one too many."""
        if not self._is_on:
            return True
        self._forget(now)
        if len(self._taken) >= self.limit:
            return False
        self._taken.append(now)
        return True

    def standing(self, now: float) -> Standing:
        """Tell how much is used, counting nothing."""
        self._forget(now)
        oldest = self._taken[0] if self._taken else now
        return Standing(self.limit, len(self._taken), oldest + self.seconds)

    def _forget(self, now: float) -> None:
        if self._taken and now < self._taken[-1]:
            self._taken.clear()  # the clock was set back: its old times would block until it has caught up
        while self._taken and self._taken[0] + self.seconds <= now:
            self._taken.popleft()
