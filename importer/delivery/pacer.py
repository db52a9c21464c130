"""How fast requests may leave: evenly at the rate that is set, slower where the target shows that it allows less.

The only module that knows aiolimiter.
"""

from __future__ import annotations

import math
import re
from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import anyio
from aiolimiter import AsyncLimiter

if TYPE_CHECKING:
    from collections.abc import Mapping


_WINDOWS = (1.0, 5.0, 10.0, 15.0, 30.0, 60.0, 300.0, 900.0, 3600.0)  # seconds in which servers count, mostly
_ROUNDED = 1.0  # seconds to which servers round a Retry-After up
_BLUR = 0.05  # seconds by which one answer can come sooner than another
_LONG = 0.25  # of the time until a refusal is a pause after which a window must have been full
_SOON = 2.5  # windows: a rate that is too high is refused within two
_BELOW = 0.98  # of what a window takes is where the rate goes on
_CUT = 0.03  # what a rate that held for longer goes down by, ...
_SHARED = 0.1  # of a rate that headers tell is what it goes down by where it is refused again soon
_LOSS = 0.02  # ... and grows by again after so long that the pause was no more than this share of the time ...
_FEWEST = 150.0  # ... and after no fewer requests; twice as fast after as many more, and so on, ...
_MOST_DOUBLINGS = 10.0  # ... but not for ever
_LEAST = 0.3  # of a rate is where it goes on at the least, unless a whole window was seen
_APPROACH = 2.0  # windows in which a rate makes two thirds of its way to the ceiling
_RECENT = 100  # requests by which it is told how fast they leave
_FAR = 1.25  # times that: a rate that is set so far above it means nothing
_SLOWEST = 0.1  # requests a second


class _Cycle(NamedTuple):
    """What happened from the end of one pause to the end of the next; seconds since its beginning."""

    taken: int
    rate: float  #: requests a second, when the first was refused
    worked: float  #: until then
    certain: float  #: until which nothing can have been allowed again
    whole: float

    @property
    def is_pause_long(self) -> bool:
        """True where the target waited for its window to end: it was full."""
        return self.certain - self.worked > _LONG * self.worked

    @property
    def window(self) -> float | None:
        """The window in which servers mostly count that ended in the pause."""
        return next((window for window in _WINDOWS if self.certain - _BLUR <= window <= self.whole), None)

    @property
    def likely_window(self) -> float:
        """The window, where it is none of those."""
        return (self.certain + self.whole) / 2


class AdaptiveLimit:
    """Finds a limit that only 429s tell.

    A rate that is too high is refused soon. The limit is then between what the whole cycle took, its pause included,
    and what it took before that; it is looked for there, from below. A rate that held for longer was right but for a
    little: it goes down by that. In between it grows, the slower the longer the pauses are that this costs.
    """

    def __init__(self, most: float, window: float = 0.0) -> None:
        self.rate = most  #: requests a second
        self._told_window = window  # seconds; 0 unless the target's headers told `most`
        self._most = most
        self._ceiling = most  # where the rate is going; creeps up
        self._approach = 1.0  # requests in which it makes two thirds of the way there
        self._patience = _FEWEST  # requests in which the ceiling grows by about _CUT
        self._window = 1.0  # seconds in which the target counts, as far as it was seen
        self._is_first = True
        self._began: float | None = None
        self._taken = 0
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._refused_at: float | None = None
        self._refused_rate = most
        self._certain = 0.0

    def refuse(self, now: float, until: float, rate: float) -> None:
        """Note a 429 to what left at a rate; `until` when it asked to wait, `now` where it did not."""
        if self._began is None:
            self._began = now
        if self._refused_at is None:
            self._refused_at = self._certain = now
            self._refused_rate = self._left(now, rate)
        self._certain = max(self._certain, now, until - _ROUNDED)

    def take(self, now: float, *, is_late: bool) -> None:
        """Note a request that was not refused; `is_late`: it was sent before the pause that is going on."""
        if self._began is None:
            self._began = now
        if self._refused_at is not None and not is_late:
            moments = (moment - self._began for moment in (self._refused_at, self._certain, now))
            self._learn(_Cycle(self._taken, self._refused_rate, *moments))
            self._began, self._taken, self._refused_at = now, 0, None
            self._recent.clear()
        elif self.rate < self._most:
            self._grow()
        self._taken += 1
        self._recent.append(now)

    def _left(self, now: float, rate: float) -> float:
        """Return the rate at which requests left: the one that was set, unless they could not be so fast."""
        if not self._recent or (math.isfinite(rate) and len(self._recent) < _RECENT):
            return rate
        left = len(self._recent) / max(_BLUR, now - self._recent[0])
        return rate if rate < _FAR * left else left

    def _grow(self) -> None:
        doublings = min(_MOST_DOUBLINGS, self._taken / self._patience)
        self._ceiling = min(self._most, self._ceiling * (1 + _CUT / self._patience * 2**doublings))
        self.rate += (self._ceiling - self.rate) / self._approach

    def _learn(self, cycle: _Cycle) -> None:
        if not cycle.taken or math.isinf(cycle.rate):
            return  # somebody else had taken everything before
        self.rate = self._ceiling = cycle.rate * (1 - _CUT)
        lost = cycle.whole - cycle.worked
        if self._told_window:
            # The limit is known: a refusal says that others use it too, or that requests arrived unevenly.
            if cycle.worked < _SOON * self._told_window:
                self.rate = self._ceiling = cycle.rate * (1 - _SHARED)
        elif cycle.is_pause_long or cycle.worked < _SOON * self._window:
            window = None
            if cycle.is_pause_long or self._is_first:
                window = cycle.window
                self._window = window or cycle.likely_window
                lost = cycle.whole - self._window
            self._narrow(cycle, window)
        self._is_first = False
        self.rate = max(_SLOWEST, self.rate)
        self._approach = 1 + _APPROACH * self._window * self.rate
        self._patience = max(_FEWEST, lost * self.rate / _LOSS)

    def _narrow(self, cycle: _Cycle, window: float | None) -> None:
        """Look for the limit where it must be; with a whole window it is known."""
        likely = cycle.taken / (window or cycle.likely_window) * _BELOW
        if self._is_first or window is None:
            # What others took of a window before we came makes it seem smaller than it is.
            likely = max(likely, _LEAST * cycle.rate)
        self.rate = min(self.rate, likely)
        before = cycle.taken / max(_BLUR, cycle.certain)
        self._ceiling = max(self.rate, min(self._ceiling, likely if window else before))


# A run paced at a limit must stay below it in every window of the server's: 1 in 65 less than allowed.
_MARGIN = 0.985
# Seconds by which a late timer may be made up for. More would be a burst, less would lose pace at high rates.
_SLACK = 0.01
_RESET_BLUR = (
    2.0  # seconds that a window may be shorter than its headers say: Reset is rounded up, Date is rounded down
)


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
    nothing: of a bucket, and of a window that slides, it is a small number all the time.
    """

    def __init__(self, rate: float, headroom: float = 0.0) -> None:
        self._most = rate * _MARGIN * (1 - headroom)
        self._headroom = headroom
        self._limiter: AsyncLimiter | None = None
        if math.isfinite(rate):
            # A bucket of one request: AsyncLimiter(rate, 1) would let twice the rate through in the first second.
            size = 1 + self._most * _SLACK
            self._limiter = AsyncLimiter(size, size / self._most)
        self._seen = AdaptiveLimit(self._most)  # what the target was seen to allow
        self._ceiling = math.inf  # what its headers say that it allows for ever
        self._left = self._answered = 0
        self._unpaced = 0  # requests in flight that left before the headers told the limit: they prove nothing
        self._is_emptied = False  # the headers said that nothing remains, and nothing was taken since
        self._is_zero_true = True  # False where requests are taken although nothing remains
        self._next = -math.inf  # when the next request may leave, where it is slower than the limiter
        self._turn = anyio.Lock()

    @property
    def rate(self) -> float:
        """Requests a second at present; never so few that a wait looks like the end."""
        return max(min(_SLOWEST, self._most), min(self._most, self._seen.rate, self._ceiling))

    async def wait(self) -> None:
        """Wait for a turn."""
        await self._wait()
        self._left += 1

    async def _wait(self) -> None:
        if self._limiter is not None:
            await self._limiter.acquire()
        if min(self._seen.rate, self._ceiling) < self._most:
            async with self._turn:  # one after the other: whoever waits has taken no turn that a pause could waste
                await anyio.sleep_until(self._next)
                self._next = max(self._next, anyio.current_time() - _SLACK) + 1 / self.rate

    @property
    def is_endless(self) -> bool:
        """True where no turn has to be taken: no rate is set, and none was learnt."""
        return self._limiter is None and min(self._seen.rate, self._ceiling) == math.inf

    @property
    def is_free(self) -> bool:
        """True where a turn can be had without waiting."""
        if min(self._seen.rate, self._ceiling) < self._most:
            return False
        return self._limiter is None or self._limiter.has_capacity()

    def take(self, now: float, *, is_late: bool) -> None:
        """Learn from a request that was not refused; `is_late`: it was sent before the pause that is going on."""
        self._answered += 1
        self._unpaced -= self._unpaced > 0
        self._seen.take(now, is_late=is_late)

    def refuse(self, now: float, until: float) -> None:
        """Learn from a 429 that asked to wait until then, or `now`; what follows is known when one is taken again."""
        self._answered += 1
        if self._unpaced > 0:
            self._unpaced -= 1
        else:
            self._seen.refuse(now, until, self.rate)

    def heed(self, quota: Quota) -> float:
        """Keep to the limit that the headers tell; return the seconds to pause, 0 where there is something left."""
        if quota.limit and quota.window:
            told = quota.limit / quota.window * _MARGIN * (1 - self._headroom)
            if told != self._ceiling:
                self._ceiling = told
                if told < self._most:
                    self._seen = AdaptiveLimit(told, quota.window)
                    self._unpaced = max(0, self._left - self._answered)
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
