"""How fast requests may leave: evenly at the rate that is set, slower where the target shows that it allows less.

The only module that knows aiolimiter.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import anyio
from aiolimiter import AsyncLimiter

from importer.delivery.adaptive_limit import AdaptiveLimit

if TYPE_CHECKING:
    from collections.abc import Mapping


# A run paced at a limit must stay below it in every window of the server's: 1 in 65 less than allowed.
_MARGIN = 0.985
# Seconds by which a late timer may be made up for. More would be a burst, less would lose pace at high rates.
_SLACK = 0.01
_SLOWEST = 0.1  # requests a second
_BLUR = 2.0  # seconds that a window may be shorter than its headers say: Reset is rounded up, Date is rounded down
_LOW = 0.02  # of a limit: with less than that remaining the pace goes down, to half at the most ...
_FINE = 500  # ... where the limit is so large that this is more than a few requests


class Quota(NamedTuple):
    """What a target's X-RateLimit headers say about the window it is counting in."""

    limit: float  #: requests in a window; 0 where it is not told
    window: float  #: seconds; 0 where it is not told
    remaining: float
    seconds: (
        float  #: until the window ends (of a sliding one: until its oldest request leaves it), by the server's clock
    )


class Pacer:
    """Lets requests of one sort through, evenly.

    Against a limit that nobody told us it adapts: to what the X-RateLimit headers say, and to what was refused.
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
        self._sustained = math.inf  # what its headers say that it allows for ever
        self._ceiling = math.inf  # what they allow until the window ends
        self._next = -math.inf  # when the next request may leave, where it is slower than the limiter
        self._turn = anyio.Lock()

    @property
    def rate(self) -> float:
        """Requests a second at present; never so few that a wait looks like the end."""
        return max(min(_SLOWEST, self._most), min(self._most, self._seen.rate, self._ceiling))

    async def wait(self) -> None:
        """Wait for a turn."""
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
        self._seen.take(now, is_late=is_late)

    def refuse(self, now: float, until: float) -> None:
        """Learn from a 429 that asked to wait until then, or `now`; what follows is known when one is taken again."""
        self._seen.refuse(now, until, self.rate)

    def heed(self, quota: Quota) -> float:
        """Read ahead what the headers say; give the seconds to pause, 0 where there is something left."""
        left = quota.remaining - self._headroom * quota.limit
        far = quota.seconds - _BLUR
        if left < 1 and far > 0:
            return quota.seconds
        if quota.window:
            self._sustained = quota.limit / quota.window * _MARGIN * (1 - self._headroom)
        if far >= 1:
            self._ceiling = min(self._sustained, left / far)
        else:
            # The window ends now, or slides: what others take of it shows in how little is left.
            is_low = quota.limit >= _FINE and left < _LOW * quota.limit
            self._ceiling = self._sustained * max(0.5, left / (_LOW * quota.limit)) if is_low else self._sustained
        return 0.0


def read_quota(headers: Mapping[str, str], clock: float) -> Quota | None:
    """Read X-RateLimit-Limit (`3000, 3000;window=60`), -Remaining and -Reset (epoch seconds); `clock` is the server's.

    None where they are not there or make no sense.
    """
    try:
        limit, window = _read_limit(headers.get("X-RateLimit-Limit", ""))
        remaining = float(headers["X-RateLimit-Remaining"])
        quota = Quota(limit, window, remaining, float(headers["X-RateLimit-Reset"]) - clock)
    except (KeyError, ValueError):
        return None
    return (
        quota
        if all(map(math.isfinite, quota)) and quota.limit >= 0 <= quota.window and 0 <= quota.seconds <= 3600
        else None
    )


@lru_cache(maxsize=4)  # every answer says the same
def _read_limit(text: str) -> tuple[float, float]:
    """Read requests and seconds of a window; 0 for what is not told."""
    limit, _, policy = text.partition(",")
    window = policy.partition("window=")[2].partition(";")[0]
    return float(limit or 0), float(window or 0)
