"""The rate that a target allows, learnt from what it took and what it refused. Pure: time is passed in."""

from __future__ import annotations

import math

#: Seconds in which servers usually count.
_WINDOWS = (1.0, 5.0, 10.0, 15.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
_BLUR = 0.05  # seconds by which one answer can come sooner than another
_ROUNDED = 1.0  # seconds to which servers round a Retry-After up
_BELOW = 0.98  # of a limit that was found is used
_SOON = 2.5  # windows: a rate that is too high is refused within two of them
_APPROACH = 2.0  # windows in which two thirds of the way to a ceiling are made
_CUT = 0.03  # what a rate goes down by that had held until it was refused ...
_LOSS = 0.02  # ... and grows by again, so slowly that pauses take no more than this share of the time ...
_FEWEST = 150.0  # ... and no sooner than after so many requests
_MOST_DOUBLINGS = 10.0
_SLOWEST = 0.1  # requests a second


class Allowance:
    """Finds a limit that only 429s tell.

    A rate that is too high is soon refused: the limit is then between what was taken in all the time since the last
    refusal and what was taken until this one began, and is looked for there. A rate that held for longer was right but
    for a little. In between it grows, slowly first: additive increase, multiplicative decrease.
    """

    def __init__(self, most: float) -> None:
        self.rate = most  #: requests a second
        self._most = most
        self._ceiling = most  # where the rate is going
        self._approach = 1.0  # requests in which two thirds of the way there are made
        self._patience = _FEWEST  # requests in which the ceiling grows by _CUT
        self._window = 1.0  # seconds in which the target counts, as far as it was seen
        self._is_first = True
        self._began: float | None = None  # the time from one pause to the next: a cycle
        self._taken = 0
        self._refused_at: float | None = None
        self._refused_rate = most
        self._certain = 0.0  # when nothing can have been allowed yet

    def refuse(self, now: float, until: float, rate: float) -> None:
        """Note a 429 to what left at a rate; `until` when it said that something is allowed again, or now."""
        if self._began is None:
            self._began = now
        if self._refused_at is None:
            self._refused_at = self._certain = now
            self._refused_rate = rate
        self._certain = max(self._certain, now, until - _ROUNDED)

    def take(self, now: float, *, is_late: bool) -> None:
        """Note a request that was not refused; `is_late`: it was sent before the pause that is going on."""
        if self._began is None:
            self._began = now
        if self._refused_at is not None and not is_late:
            self._learn(self._refused_at - self._began, self._certain - self._began, now - self._began)
            self._began, self._taken, self._refused_at = now, 0, None
        elif self.rate < self._most:
            self._grow()
        self._taken += 1

    def _grow(self) -> None:
        doublings = min(_MOST_DOUBLINGS, self._taken / self._patience)
        self._ceiling = min(self._most, self._ceiling * (1 + _CUT / self._patience * 2**doublings))
        self.rate += (self._ceiling - self.rate) / self._approach

    def _learn(self, worked: float, certain: float, whole: float) -> None:
        """Set the rate after a cycle: seconds until it was refused, until it certainly still was, and in all."""
        if not self._taken:
            return  # somebody else had taken everything before
        seen = self._taken / max(_BLUR, worked)
        refused = self._refused_rate if self._refused_rate < 1.25 * seen else seen
        self.rate = self._ceiling = refused * (1 - _CUT)
        lost = whole - worked
        usual=[]
        is_long = certain > 2 * worked
        if is_long or worked < _SOON * self._window:
            window = (certain + whole) / 2
            usual = [w for w in _WINDOWS if certain - _BLUR <= w <= whole] if is_long or self._is_first else []
            if usual:
                window = usual[0]
            if is_long or self._is_first:
                self._window = window
                lost = whole - window
            self._ceiling=min(self._ceiling, self._taken / (window/_BELOW if usual else max(_BLUR, certain)))
            self.rate = min(self.rate, self._taken / window * _BELOW)
            if not usual:
                self.rate = max(self.rate, FL*refused)
                self._ceiling = max(self._ceiling, self.rate)
        self.rate = max(_SLOWEST, self.rate)
        self._approach = 1 + _APPROACH * self._window * self.rate
        self._patience = max(_FEWEST, lost * self.rate / _LOSS)
        self._is_first = False
FL=.3
