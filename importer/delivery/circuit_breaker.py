"""How many requests of a whole run may be repeated: what bounds a storm of retries. Pure."""

from __future__ import annotations

from importer.delivery.replies import back_off

# ---- When a target counts as gone, and when it is given up. Pure: time is passed in


_FAILURES = 10  # in a row open it
_FEW = 3  # in a row are not yet a target that is gone, however long they took


class Breaker:
    """Counts failures in a row. While it is open, one request at a time finds out whether the target is back."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._failures = 0
        self._failing_since = 0.0
        self.probe_at = 0.0  #: the next request may leave then

    @property
    def is_well(self) -> bool:
        """True where the last thing that was noted is no failure."""
        return not self._failures

    @property
    def is_open(self) -> bool:
        """True while the target counts as gone."""
        return self._failures >= _FAILURES

    def succeed(self) -> bool:
        """Note that the target answered; True where that closes it."""
        was_open = self.is_open
        self._failures = 0
        return was_open

    def fail(self, now: float) -> bool:
        """Note that the target did not answer; True where that opens it."""
        if not self._failures:
            self._failing_since = now
        self._failures += 1
        if self.is_open:
            self.probe_at = now + back_off(self._failures - _FAILURES + 1, 1.0)
        return self._failures == _FAILURES

    def is_spent(self, now: float) -> bool:
        """Tell whether the target has been gone for too long."""
        return self._failures >= _FEW and now - self._failing_since >= self.timeout


# ---- How many requests of a whole run may be repeated: what bounds a storm of retries. Pure


_TOKENS = 500


class Budget:
    """A repetition costs a token, a success gives one back: it lasts while no more than half of the requests fail."""

    def __init__(self, tokens: int = _TOKENS) -> None:
        self._most = self._tokens = tokens

    def earn(self) -> None:
        """Note a success."""
        self._tokens = min(self._most, self._tokens + 1)

    def spend(self) -> bool:
        """Take a token for one more repetition; False where there is none."""
        if not self._tokens:
            return False
        self._tokens -= 1
        return True
