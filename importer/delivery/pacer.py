"""How fast requests may leave: evenly at the rate that is set, slower where the target shows that it allows less.

One request at a time waits: for its turn, at the rate that is set or was learnt, then for aiolimiter, which guards what
is set whatever was learnt. The only module that knows aiolimiter.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import anyio
from aiolimiter import AsyncLimiter

from importer.delivery.adaptive_limit import FLIGHT_SPREAD, MARGIN, MOST_SPREAD, SLOWEST, WINDOWS, AdaptiveLimit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Seconds by which a late timer may be made up for. More would be a burst, less would lose pace at high rates.
_SLACK = 0.01
_LATELY = 20  # answers
_TRAVELS = 50  # answers that tell how long one takes
_REST = 0.1  # of the time to an answer is what the next request waits for after one, at first
_GENTLE = 0.036  # seconds between requests until the first answer
_RESET_BLUR = 2.0  # seconds that a window may be shorter than its headers say: Reset is rounded up, and Date down


class Quota(NamedTuple):
    """What a target's rate limit headers say about the window it is counting in."""

    limit: float  #: requests in a window; 0 where it is not told
    window: float  #: seconds; 0 where it is not told
    remaining: float
    seconds: (
        float  #: until the window ends (of a sliding one: until its oldest request leaves it), by the server's clock
    )


class Pacer:
    """Lets requests of one sort through, evenly.

    A limit that the target's headers tell with its window is the even pace from the first answer on. Below it, and
    where no header tells a limit, the pace adapts to what was refused. What is told to remain counts only where it is
    nothing: of a bucket, and of a window that slides, it is a small number all the time. Where requests overtake each
    other and are refused for it, the next one leaves when the last was answered, or at the pace: whichever is sooner.
    """

    def __init__(self, rate: float, headroom: float = 0.0) -> None:
        self._most = rate * MARGIN * (1 - headroom)
        self._headroom = headroom
        self._seen = AdaptiveLimit(self._most)  # what the target was seen to allow
        self._ceiling = math.inf  # what its headers say that it allows for ever
        self._window = 0.0  # seconds in which the target counts, where its headers tell no more than when one ends
        self._told = math.inf  # requests of a window that the ceiling is of
        self._in_flight = 0
        self._usual_flight = 0.0  # the average of what was in flight lately
        self._travel, self._travels = 0.0, 0  # the average of seconds from a request to its answer, and of how many
        self._unpaced = 0  # requests in flight that left before the headers told the limit: they prove nothing
        self._is_emptied = False  # the headers said that nothing remains, and nothing was taken since
        self._is_zero_true = True  # False where requests are taken although nothing remains
        self._next = -math.inf  # when the next request may leave
        self._last_sent = -math.inf
        self._lone_since = math.inf  # when the last one left, if it was the only one in flight and still is
        self._rest = 0.0  # seconds between an answer and the next request, where one leaves after the other
        self._brought_forward = anyio.Event()  # the next may leave sooner than it waits for
        self._answered = anyio.Event()  # the first request was, whatever the answer
        self._turn = anyio.Lock()
        self._guard: AsyncLimiter | None = None
        if math.isfinite(rate):
            # A bucket of few requests: AsyncLimiter(rate, 1) would let twice the rate through in the first second.
            size = 1 + self._most * _SLACK
            self._guard = AsyncLimiter(size, size / self._most)

    @property
    def rate(self) -> float:
        """Requests a second at present; never so few that a wait looks like the end."""
        ceiling = self._ceiling
        if ceiling < self._most:
            ceiling *= 1 - min(MOST_SPREAD, FLIGHT_SPREAD * math.sqrt(self._usual_flight) / self._told)
        return max(min(SLOWEST, self._most), min(self._most, self._seen.rate, ceiling))

    async def wait(self, is_open: Callable[[], bool]) -> bool:
        """Wait for a turn, and take it if it is open by then; return whether it is."""
        if self.is_endless:
            return is_open()
        began = anyio.current_time()
        async with self._turn:  # one after the other: whoever waits has taken no turn that a pause could waste
            if self._next > -math.inf and not self._answered.is_set():  # its headers may tell the limit
                with anyio.move_on_after(_GENTLE):
                    await self._answered.wait()
            while (now := anyio.current_time()) < self._next:  # it may be put off or brought forward meanwhile
                with anyio.CancelScope(deadline=self._next):
                    await self._brought_forward.wait()
                    self._brought_forward = anyio.Event()
            if not is_open():
                return False
            if self._guard is not None:
                await self._guard.acquire()
            self._last_sent, self._lone_since = now, now if self._in_flight == 0 else math.inf
            self._in_flight += 1
            late_by = now - self._next
            self._next = (self._next if late_by < _SLACK else max(began, now - _SLACK)) + 1 / self.rate
            return True

    @property
    def is_endless(self) -> bool:
        """True where no turn has to be taken: no rate is set, and none was learnt."""
        return min(self._most, self._seen.rate, self._ceiling) == math.inf

    @property
    def is_free(self) -> bool:
        """True where a turn can be had without waiting."""
        return self.is_endless or (anyio.current_time() >= self._next and not self._turn.locked())

    def take(self, sent: float, *, is_late: bool, in_flight: int) -> None:
        """Learn from a request that was not refused, and how many are in flight still.

        `is_late`: it left before the pause that is going on.
        """
        self._note_flight(sent, in_flight)
        self._unpaced -= self._unpaced > 0
        if self._seen.take(sent, is_late=is_late):
            self._next = max(self._next, anyio.current_time() + 1 / self.rate)

    def _note_flight(self, sent: float, in_flight: int) -> None:
        self._answered.set()
        self._in_flight = in_flight
        self._usual_flight += (in_flight - self._usual_flight) / _LATELY
        self._travels = min(_TRAVELS, self._travels + 1)
        self._travel += (anyio.current_time() - sent - self._travel) / self._travels
        self._seen.flight, self._seen.travel = self._usual_flight, self._travel
        if self._seen.is_serial and in_flight == 0:
            earliest = self._last_sent + 1 / min(self._most, self._ceiling)
            self._next = min(self._next, max(earliest, anyio.current_time() + self._rest))
            self._brought_forward.set()

    def refuse(self, sent: float, certain: float, *, is_late: bool, in_flight: int) -> None:
        """Learn from a 429: nothing can be free before `certain`. What follows is known when one is taken again."""
        is_alone = sent >= self._lone_since  # no other one overtook it: it left too soon after an answer
        if self._seen.is_serial and is_alone:
            self._rest = max(_REST * self._travel, 2 * self._rest)
        self._note_flight(sent, in_flight)
        if self._unpaced > 0:
            self._unpaced -= 1
        else:
            self._seen.refuse(sent, certain, self.rate, is_late=is_late)

    def heed(self, quota: Quota) -> float:
        """Keep to the limit that the headers tell; return the seconds to pause, 0 where there is something left."""
        if not quota.window:
            # What is left of a window is never longer than the window.
            length = next((window for window in WINDOWS if window <= quota.seconds), 0.0)
            self._window = max(self._window, length)
        if quota.limit and (window := quota.window or self._window):
            told = quota.limit / window * MARGIN * (1 - self._headroom)
            if told != self._ceiling:
                self._ceiling, self._told = told, quota.limit
                if told < self._most:
                    self._seen = AdaptiveLimit(told, is_told=True)
                    self._unpaced = self._in_flight
                    self._next = anyio.current_time() + (1 + self._unpaced) / told
        is_empty = quota.remaining - self._headroom * quota.limit < 1 and self._is_zero_true
        is_blurred = quota.seconds <= _RESET_BLUR or 0 < quota.window <= 2 * _RESET_BLUR
        if not is_empty or is_blurred or self._unpaced:
            self._is_emptied = False
            return 0.0
        if self._is_emptied and quota.remaining < 1:
            # What was taken after a whole pause leaves nothing again: a small bucket, or a window that slides.
            self._is_zero_true = False
            return 0.0
        self._is_emptied = True
        return quota.seconds


_PARTS = re.compile(r"(?:^|[;,\s])(limit|remaining|reset|window|q|w|r|t)=(\d+(?:\.\d+)?)")


def read_quota(headers: Mapping[str, str], clock: float) -> Quota | None:
    """Read what headers tell about a limit; None where they are not there or make no sense. `clock` is the server's.

    `X-RateLimit-Limit` (`3000, 3000;window=60`), `-Remaining` and `-Reset`, also without `X-`, Reset in seconds or as a
    point in time; else `RateLimit-Policy` (`"default";q=60;w=2`) and `RateLimit` (`"default";r=7;t=1`).
    """
    try:
        for prefix in ("X-RateLimit", "RateLimit"):
            if f"{prefix}-Remaining" in headers:
                limit, window = _read_limit(headers.get(f"{prefix}-Limit", ""))
                remaining, reset = float(headers[f"{prefix}-Remaining"]), float(headers[f"{prefix}-Reset"])
                break
        else:
            limit, window = _read_policy(headers.get("RateLimit-Policy", ""))
            state = dict(_PARTS.findall(headers["RateLimit"]))
            limit = limit or float(state.get("limit", 0))
            remaining = float(state.get("r") or state["remaining"])
            reset = float(state.get("t") or state["reset"])
    except (KeyError, ValueError):
        return None
    quota = Quota(limit, window, remaining, reset - clock if reset > clock / 2 else reset)
    is_sane = all(map(math.isfinite, quota)) and quota.limit >= 0 <= quota.window and 0 <= quota.seconds <= 3600
    return quota if is_sane else None


@lru_cache(maxsize=4)  # every answer says the same
def _read_limit(text: str) -> tuple[float, float]:
    """Read requests and seconds of a window; 0 for what is not told."""
    limit, _, policy = text.partition(",")
    told = dict(_PARTS.findall(policy))
    return float(limit or 0), float(told.get("window") or told.get("w") or 0)


@lru_cache(maxsize=4)
def _read_policy(text: str) -> tuple[float, float]:
    """Read requests and seconds of the shortest window of a RateLimit-Policy; 0 for what is not told."""
    policies = []
    for policy in text.split(","):
        told = dict(_PARTS.findall(policy))
        if "w" in told:
            policies.append((float(told["w"]), float(told.get("q") or policy.partition(";")[0])))
    window, limit = min(policies, default=(0.0, 0.0))
    return limit, window
