"""The circuit breaker of one target: when it opens, when it probes, and when the target is given up."""

from __future__ import annotations

from importer.delivery.retry import back_off

_FAILURES = 10  # in a row open the circuit
_FEW = 3  # failures in a row: with fewer, a target is never given up, however long they took
_LONGEST_ASKED = 10  # times the time-out: the longest that a target may ask us to wait without being given up


class Breaker:
    """Counts failures in a row. While it is open, one request at a time finds out whether the target is back."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._failures = 0
        self._failing_since = 0.0
        self._asked_until = 0.0  # until then Retry-After asked us to wait, which does not count as being gone ...
        self._most_asked = 0.0  # ... up to this many seconds
        self.probe_at = 0.0  #: the next request may leave then

    @property
    def is_well(self) -> bool:
        """True unless the last thing that was noted is a failure."""
        return not self._failures

    @property
    def is_open(self) -> bool:
        """True while the target counts as gone."""
        return self._failures >= _FAILURES

    def succeed(self) -> bool:
        """Note that the target answered; return whether that closes the circuit."""
        was_open = self.is_open
        self._failures = 0
        return was_open

    def fail(self, now: float, asked: float = 0.0) -> bool:
        """Note that the target did not answer, or asked us to wait; return whether that opens the circuit."""
        if not self._failures:
            self._failing_since = self._asked_until = now
            self._most_asked = _LONGEST_ASKED * self.timeout
        self._failures += 1
        more = min(self._most_asked, max(0.0, now + asked - max(now, self._asked_until)))
        self._asked_until = max(self._asked_until, now + asked)
        self._failing_since += more
        self._most_asked -= more
        if self.is_open:
            self.probe_at = now + max(asked, back_off(self._failures - _FAILURES + 1, 1.0))
        return self._failures == _FAILURES

    def is_spent(self, now: float) -> bool:
        """Return whether the target has been gone for too long."""
        return self._failures >= _FEW and now - self._failing_since >= self.timeout
