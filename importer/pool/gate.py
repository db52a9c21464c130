"""What stands between a worker and its target: the pace, the pause after a 429, the breaker."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import anyio
from aiolimiter import AsyncLimiter

from importer.pool.policy import back_off, pause_time
from importer.pool.stopping import Reason, Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# A run paced at a limit must stay below it in every window of the server's: 1 in 65 less than allowed.
_MARGIN = 0.985
# Seconds by which a late timer may be made up for. More would be a burst, less would lose pace at high rates.
_SLACK = 0.005
_FAILURES = 10  # in a row open the breaker
_FEW = 3  # failures in a row are not yet a target that is gone, however long they took
_REFUSED_LONG = 10  # times the breaker's time-out of nothing but 429s, and the target is given up


class Pace:
    """Lets requests through evenly, so many a second."""

    def __init__(self, rate: float) -> None:
        self._limiter: AsyncLimiter | None = None
        if math.isfinite(rate):
            paced = rate * _MARGIN
            # A bucket of one request: AsyncLimiter(rate, 1) would let twice the rate through in the first second.
            size = 1 + paced * _SLACK
            self._limiter = AsyncLimiter(size, size / paced)

    @property
    def is_free(self) -> bool:
        """True where a turn can be had without waiting."""
        return self._limiter is None or self._limiter.has_capacity()

    async def wait(self) -> None:
        """Wait for a turn."""
        if self._limiter is not None:
            await self._limiter.acquire()


class Gate:
    """Everybody who wants to send to a target passes here, and tells what came of it."""

    def __init__(self, rate: float, breaker_timeout: float, stop: Stop, notify: Callable[[str], None]) -> None:
        # Both targets count reads and writes apart.
        self._reads, self._writes = Pace(rate), Pace(rate)
        self._breaker_timeout = breaker_timeout
        self.stop = stop
        self._notify = notify
        self.successes = 0
        self._paused_until = -math.inf
        self._refusals = 0  # 429s in a row
        self._refused_since = 0.0
        self._failures = 0  # in a row
        self._failing_since = 0.0
        self._probe_at = 0.0
        self._is_probing = False
        self._changed = anyio.Event()

    async def enter(self, *, is_write: bool) -> None:
        """Wait until a request may leave.

        Raises:
            StoppedError: none may leave any more.
        """
        while True:
            self.stop.check(is_write=is_write)
            await self._pass_breaker(is_write=is_write)
            await self._take_turn(is_write=is_write)
            left = self._paused_until - anyio.current_time()
            if left <= 0:
                return
            await self.stop.sleep(left, is_write=is_write)

    async def _take_turn(self, *, is_write: bool) -> None:
        pace = self._writes if is_write else self._reads
        if pace.is_free:
            await pace.wait()
            return
        with anyio.CancelScope() as turn:
            self.stop.cancel_on_set(turn, is_write=is_write)
            await pace.wait()
        self.stop.forget(turn)
        self.stop.check(is_write=is_write)

    async def _pass_breaker(self, *, is_write: bool) -> None:
        """Let everybody through while the target answers, else one at a time after a wait."""
        while self._failures >= _FAILURES:
            if self._is_probing:
                changed = self._changed
                with anyio.move_on_after(1.0):
                    await changed.wait()
                self.stop.check(is_write=is_write)
                continue
            await self.stop.sleep(self._probe_at - anyio.current_time(), is_write=is_write)
            if not self._is_probing:
                self._is_probing = True
                return

    def succeed(self) -> None:
        """Note that the target answered something sensible."""
        self.successes += 1
        if self._failures >= _FAILURES:
            self._notify("answers again")
        self._failures = self._refusals = 0
        self._end_probe()

    def fail(self, words: str) -> None:
        """Note that the target did not answer, or not sensibly; many in a row keep everybody waiting."""
        now = anyio.current_time()
        if not self._failures:
            self._failing_since = now
        self._failures += 1
        if self._failures == _FAILURES:
            self._notify(f"does not answer ({words}); trying for {self._breaker_timeout:g} s")
        if self._failures >= _FAILURES:
            self._probe_at = now + back_off(self._failures - _FAILURES + 1, 1.0)
        if self._failures >= _FEW and now - self._failing_since >= self._breaker_timeout:
            self.stop.set(Reason.GIVEN_UP, f"the target did not come back: {words}")
        self._end_probe()

    def pause(self, headers: Mapping[str, str]) -> None:
        """Keep everybody waiting: the target said 429."""
        now = anyio.current_time()
        if now >= self._paused_until:  # else it was in flight before the pause began: not another one in a row
            self._refused_since = self._refused_since if self._refusals else now
            self._refusals += 1
        seconds = pause_time(headers, time.time(), self._refusals)
        if seconds >= 1 and now + seconds > self._paused_until + 1:
            self._notify(f"asked us to slow down (429); waiting {seconds:.0f} s")
        self._paused_until = max(self._paused_until, now + seconds)
        if now - self._refused_since > _REFUSED_LONG * self._breaker_timeout:
            self.stop.set(Reason.GIVEN_UP, "the target answers nothing but 429")
        self._failures = 0
        self._end_probe()

    def _end_probe(self) -> None:
        if self._is_probing:
            self._is_probing = False
            self._changed.set()
            self._changed = anyio.Event()
