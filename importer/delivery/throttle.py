"""The gate in front of a target: rate, pause after a 429, circuit breaker, retry budget, one probe at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

import anyio

from importer.delivery.client import Answer, Reply
from importer.delivery.pacer import Pacer, read_quota
from importer.delivery.retry import LONGEST_PAUSE, Budget, asked_pause, back_off, pause_time, read_clock, rounding
from importer.delivery.stop import Reason, Stop

_NO_HEADERS: Mapping[str, str] = {}
_REFUSED_LONG = 10  # times the breaker's time-out of nothing but 429s, and the target is given up


def _has_limit(headers: Mapping[str, str]) -> bool:
    return "X-RateLimit-Remaining" in headers or "RateLimit-Remaining" in headers or "RateLimit" in headers


class Throttle:
    """Every request to a target passes here, and its result is reported here: succeed, fail or pause.

    While the target is gone, and after a 429 until a request succeeds, requests pass one at a time.
    """

    def __init__(
        self, rate: float, headroom: float, breaker_timeout: float, stop: Stop, notify: Callable[[str], None]
    ) -> None:
        # Both targets count reads and writes apart.
        self._paces = {False: Pacer(rate, headroom), True: Pacer(rate, headroom)}
        self._breaker = Breaker(breaker_timeout)
        self._budget = Budget()
        self.stop = stop
        self._notify = notify
        self.successes = 0
        self._in_flight = 0  # of what passed here
        self._paused_at = self._paused_until = -math.inf  # what left before is late, what leaves after is not
        self._refusals = 0  # 429s in a row
        self._refused_since = 0.0
        self._probed_at: float | None = None  # when the request left that finds out
        self._changed = anyio.Event()
        self._opened = anyio.Event()

    def is_clear(self) -> bool:
        """Return whether a write may leave at once, without a turn: nothing holds it back, and no rate is set."""
        return (
            self.stop.reason is None
            and not (self._refusals or self._breaker.is_open)
            and self._paces[True].is_endless
            and (self._paused_until == -math.inf or anyio.current_time() >= self._paused_until)
        )

    async def enter(self, *, is_write: bool) -> None:
        """Wait until a request may leave.

        Raises:
            StoppedError: none may leave any more.
        """
        while True:
            self.stop.check(is_write=is_write)
            is_probe = await self._wait_for_target(is_write=is_write)
            try:
                has_turn = await self._take_turn(is_write=is_write, is_probe=is_probe)
            except BaseException:
                if is_probe:
                    self._end_probe()
                raise
            if has_turn:
                self._in_flight += 1
                return
            if is_probe:
                self._end_probe()

    @property
    def rate(self) -> float:
        """Writes a second that may leave at present; infinite where there is no limit."""
        return self._paces[True].rate

    async def wait_until_gone(self) -> None:
        """Wait until the target counts as gone; return at once if it does."""
        while not self._breaker.is_open:
            await self._opened.wait()

    def may_repeat(self) -> bool:
        """Return whether one more request may be retried; call it for each. One at a time is always allowed."""
        return self._breaker.is_open or self._budget.spend()

    async def _wait_for_target(self, *, is_write: bool) -> bool:
        """Wait while all requests wait; return True if this request is the probe."""
        while True:
            until = max(self._paused_until, self._breaker.probe_at if self._breaker.is_open else -math.inf)
            left = until - anyio.current_time()
            if left > 0:
                await self.stop.sleep(left, is_write=is_write)
            elif not (self._breaker.is_open or self._refusals):
                return False
            elif self._probed_at is None:
                self._probed_at = anyio.current_time()
                return True
            else:
                changed = self._changed
                with self.stop.ends(is_write=is_write):
                    await changed.wait()
                self.stop.check(is_write=is_write)

    async def _take_turn(self, *, is_write: bool, is_probe: bool) -> bool:
        """Wait for a turn; return False if all requests have to wait by then."""
        pace = self._paces[is_write]

        def is_open() -> bool:
            may_leave = is_probe or not (self._refusals or self._breaker.is_open)
            return may_leave and anyio.current_time() >= self._paused_until

        if pace.is_free:
            return await pace.wait(is_open)
        with self.stop.ends(is_write=is_write):
            has_turn = await pace.wait(is_open)
        self.stop.check(is_write=is_write)
        return has_turn

    def succeed(self, headers: Mapping[str, str], *, is_write: bool, sent: float | None = None) -> None:
        """Note that the target answered something sensible to what left at `sent`; without it, just now."""
        now = anyio.current_time()
        sent = now if sent is None else sent
        if not self._note_success(now, sent, is_write=is_write):
            self._refusals = 0
        if _has_limit(headers):
            self._heed(headers, now, is_write=is_write)
        self._end_probe(sent)

    def can_learn_later(self, headers: Mapping[str, str]) -> bool:
        """Return whether learning from a good answer can wait: no rate is set, and it ends no series of failures."""
        return self._breaker.is_well and not _has_limit(headers) and self.is_clear()

    def learn(self, number: int) -> None:
        """Note a number of good answers to writes; these notes could wait."""
        now = anyio.current_time()
        for _ in range(number):
            self._note_success(now, now, is_write=True)
        self._end_probe()

    def _land(self) -> None:
        self._in_flight = max(0, self._in_flight - 1)  # what left while all is clear did not pass here

    def _note_success(self, now: float, sent: float, *, is_write: bool) -> bool:
        """Count a success; return True if its request left before the current pause."""
        self._land()
        self.successes += 1
        if is_write:  # one question can take many pages, which would earn too much budget
            self._budget.earn()
        is_late = now < self._paused_until or sent < self._paused_at
        self._paces[is_write].take(sent, is_late=is_late, in_flight=self._in_flight)
        if self._close_breaker():
            self._notify("answers again")
        return is_late

    def note(self, reply: Reply, *, is_write: bool) -> None:
        """Note what a reply says about the target, which is well if it answers without a 5xx."""
        if not isinstance(reply, Answer):
            self.fail(reply.reason)
        elif reply.status == 429:
            self.pause(reply.headers, is_write=is_write, sent=reply.sent)
        elif reply.status >= 500:
            self.fail(f"HTTP {reply.status}", reply.headers)
        else:
            self.succeed(reply.headers, is_write=is_write, sent=reply.sent)

    def fail(self, words: str, headers: Mapping[str, str] = _NO_HEADERS) -> None:
        """Note that the target did not answer, or not sensibly; many in a row make all requests wait.

        So does a Retry-After, which a 503 usually has.
        """
        self._land()
        now = anyio.current_time()
        if asked := asked_pause(headers, time.time()) or 0.0:
            self._pause(now, asked, f"asked us to wait ({words})")
        if self._breaker.fail(now, asked):
            self._opened.set()
            self._notify(f"does not answer ({words}); trying for {self._breaker.timeout:g} s")
        if self._breaker.is_spent(now):
            self.stop.set(Reason.GIVEN_UP, f"the target did not come back: {words}")
        self._end_probe()

    def pause(self, headers: Mapping[str, str], *, is_write: bool, sent: float | None = None) -> None:
        """Make all requests wait: the target answered 429 to what left at `sent`, or just now."""
        self._land()
        now = anyio.current_time()
        if not self._refusals:
            self._refused_since = now
        sent = now if sent is None else sent
        is_late = self._refusals > 0 and (now < self._paused_until or sent < self._paused_at)
        if not is_late:
            self._paused_at = now
        self._refusals += not is_late
        seconds = pause_time(headers, time.time(), self._refusals)
        certain = sent + (seconds - rounding(headers) if "Retry-After" in headers else 0.0)
        self._paces[is_write].refuse(sent, certain, is_late=is_late, in_flight=self._in_flight)
        if _has_limit(headers):
            self._read(headers, is_write=is_write)
        self._pause(now, seconds, "asked us to slow down (429)")
        self._close_breaker()
        if now - self._refused_since > _REFUSED_LONG * self._breaker.timeout:
            self.stop.set(Reason.GIVEN_UP, "the target answers nothing but 429")
        self._end_probe(sent)

    def _close_breaker(self) -> bool:
        was_open = self._breaker.succeed()
        if was_open:
            self._opened = anyio.Event()
        return was_open

    def _heed(self, headers: Mapping[str, str], now: float, *, is_write: bool) -> None:
        if seconds := self._read(headers, is_write=is_write):
            self._pause(now, min(seconds, LONGEST_PAUSE), "has used up its limit")

    def _read(self, headers: Mapping[str, str], *, is_write: bool) -> float:
        quota = read_quota(headers, read_clock(headers, time.time()))
        return 0.0 if quota is None else self._paces[is_write].heed(quota)

    def _pause(self, now: float, seconds: float, why: str) -> None:
        if seconds >= 1 and now + seconds > self._paused_until + 1:
            self._notify(f"{why}; waiting {seconds:.0f} s")
        self._paused_until = max(self._paused_until, now + seconds)

    def _end_probe(self, sent: float = math.inf) -> None:
        """Let the next request be the probe, unless the ended one left before the current probe."""
        if self._probed_at is not None and sent >= self._probed_at:
            self._probed_at = None
            self._changed.set()
            self._changed = anyio.Event()


_FAILURES = 10  # in a row open the circuit
_FEW = 3  # failures in a row: with fewer, a target is never given up, however long they took
_LONGEST_ASKED = 10  # times the time-out: the longest that a target may ask us to wait without being given up


class Breaker:
    """The circuit breaker: counts failures in a row.

    While it is open, one request at a time finds out whether the target is back.
    """

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
