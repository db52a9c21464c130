"""How fast requests may leave: evenly at the rate that is set, slower where the target shows that it allows less.

One request at a time waits: for its turn, at the rate that is set or was learnt, then for aiolimiter, which guards what
is set whatever was learnt. The only module that knows aiolimiter.
"""

from __future__ import annotations

import math
import re
from bisect import insort
from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import anyio
from aiolimiter import AsyncLimiter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


_WINDOWS = (3600.0, 900.0, 300.0, 60.0, 30.0, 15.0, 10.0, 5.0, 2.0, 1.0)  # seconds in which servers count, mostly
_BLUR = 0.02  # seconds by which one answer can come sooner than another
_WAITED, _LONG = 0.3, 0.25  # seconds, and the share of the time before it: a longer pause is the rest of a window
# A run paced at a limit must stay below it in every window of the server's: 1 in 65 less than allowed.
_MARGIN = 0.985
# Times the root of what is in flight is what a window may get more than the even pace sends in it; answers' times vary.
_FLIGHT_SPREAD = 1.5
_MOST_SPREAD = 0.06  # of what a window takes is left free at the most
_LOOSE = 1.65  # times a proven limit: where the limit may be as much, it is worth looking for
_DOUBTFUL, _SOONER = 1.25, 10.0  # times it: where it may be as much, the rate grows so much sooner
_UNPROVEN = 50.0  # requests a second at the most at which the search begins, unless more is proven
_BEGIN = 25.0  # requests a second at which it begins where one request was taken at once
_REFILL, _REFILL_GAP = 0.85, 1.5  # times what came in while others were refused: no higher, if that was even ...
_LOWEST_BEGIN = 0.6  # ... but no lower than this share of where it would begin
_FAR_APART = 2.5  # times what is proven: where a rate that is refused is less, the search begins between the two
_AT_FIRST = 100.0  # requests a second that leave after the first answer; from there the rate grows with each ...
_GROWTH = 0.02  # ... by the square of these seconds over an answer's: where answers are quick, at once
_CLIMB = 0.035  # of a rate is what it climbs by with a request, by the root of what was taken at once ...
_CLIMB_FLIGHT = 0.08  # ... and slower by this for each in flight: it is they who are refused
_CUT, _MOST_CUT = 0.03, 0.35  # of a rate that is refused: what it goes down by, twice as much each time ...
_SOON = 75  # ... that it is refused after fewer requests than these
_CLOSE = 15  # requests: where fewer are taken, they came too close together; where others use the limit, more are
_STRAYS = 8.0  # requests that may arrive at once although they left evenly
_RESTART = 0.5  # of a rate is where the search begins anew, where it began too high
_PROOF, _FLIGHT_PROOF = 1.5, 0.5  # bursts and requests in flight that a stretch needs at least to prove a limit, ...
_PROOFS = 6  # ... and so many requests more
_UNSURE = 0.018  # of a limit that was found stays free, over the burst that makes up for mistakes
_STEP = 1.01  # between limits that are tried on what was seen
_LIKELY = 0.5  # of a rate that is refused is soon tried again, where far less was proven
_LEAST = 0.3  # of a rate that is refused is where it goes on at the least, until a whole window was seen
_LOSS = 0.013  # a rate grows by _CUT again after so long that the pause was no more than this share of the time, ...
_FEWEST = 150.0  # ... and after no fewer requests; twice as fast after as many more, and so on, ...
_MOST_DOUBLINGS = 10.0  # ... but not for ever
_RECENT = 1000  # requests that prove a limit at the most
_LATEST, _FEW = 100, 50  # requests by which it is told how fast they leave, and the fewest that tell it
_FAR = 1.25  # times that: a rate that is set so far above it means nothing
_SLOWEST = 0.1  # requests a second


class AdaptiveLimit:
    """Finds a limit that only 429s tell.

    Whatever the target counts by, in any stretch of time it takes no more than a burst and its limit times the seconds,
    and refuses where that is used up. Where the pause shows the window, the limit is known at once. Elsewhere the rate
    climbs until it is refused again: now two stretches of different lengths have used up the same burst, and the limit
    is the one by which both needed the same. From there the rate grows, the slower the more a pause costs, and falls a
    little when it is refused. Requests count at the moment they left: most servers decide before they work, so how
    long an answer takes says nothing.
    """

    def __init__(self, most: float, *, is_told: bool = False) -> None:
        self.rate = most  #: requests a second
        self._most = most
        self._is_told = is_told  # by headers
        self._is_first = not is_told  # nothing is known yet: headers have not told it, and no refusal
        self._is_partial = False  # others had used a part of the first window
        self._is_climbing = False
        self._is_alone = False  # no faster than one after the other
        self._is_in_order = True  # nothing was taken that left after what was refused: the target decides at once
        self._soon = 0.0  # up to this rate it climbs although the search is over
        self._burst = _STRAYS
        self._first: list[float] = []  # when the requests of the first stretch left
        self.flight = 0.0  #: requests in flight lately, on average
        self.travel = 0.0  #: seconds from a request to its answer, on average
        self._cut = _CUT / 2
        self._bound = 0.0  # what the first refusal proved
        self._patience = _FEWEST  # requests in which the rate grows by _CUT
        self._recent: deque[float] = deque(maxlen=_RECENT)  # when requests left that were taken, in order
        # Since the end of the last pause:
        self._began = math.inf
        self._taken = 0
        self._refused_at: float | None = None  # when the first left that was refused
        self._refused_until = 0.0  # when the last left that was, before it was known
        self._refused_rate = most
        self._certain = 0.0  # nothing can have been free before

    def refuse(self, sent: float, certain: float, rate: float, *, is_late: bool) -> None:
        """Note a 429 to what left at `sent`, at a rate; nothing can be free before `certain`.

        `is_late`: it left before the pause that is going on.
        """
        self._began = min(self._began, sent)
        if self._refused_at is None:
            self._refused_at, self._certain = sent, max(sent, certain)
            self._refused_until = sent
            self._refused_rate = self._left(sent, rate)
        elif not is_late:
            self._certain = max(self._certain, sent, certain)
        else:
            self._refused_until = max(self._refused_until, sent)
        self._refused_at = min(self._refused_at, sent)

    def take(self, sent: float, *, is_late: bool) -> bool:
        """Note that what left at `sent` was taken; return whether it ended a pause from which the rate was learnt."""
        is_learnt = False
        self._began = min(self._began, sent)
        if self._refused_at is not None and not is_late:
            is_learnt = self._taken > 0 and math.isfinite(self._refused_rate)  # else others had taken everything before
            if is_learnt:
                self._is_in_order &= self._recent[-1] < self._refused_at
                self._learn(*(moment - self._began for moment in (self._refused_at, self._certain, sent)))
            self._began, self._taken, self._refused_at = sent, 0, None
            self._recent.clear()
        elif self.rate < self._most or not self._taken:
            self._grow()
        self._taken += 1
        if len(self._recent) == _RECENT:
            self._recent.popleft()
        insort(self._recent, sent)
        return is_learnt

    def _left(self, now: float, rate: float) -> float:
        """Return the rate at which requests left: the one that was set, unless they could not be so fast."""
        number = min(_LATEST, len(self._recent))
        if not number or (math.isfinite(rate) and (self._is_climbing or number < _FEW)):
            return rate
        left = number / max(_BLUR, now - self._recent[-number])
        return rate if rate < _FAR * left else left

    def _spread(self, number: float) -> float:
        """Return the requests of a window's number that must stay free, where they arrive in another order."""
        flight = 0.0 if self._is_in_order else self.flight
        return min(_MOST_SPREAD * number, (1 - _MARGIN) * number + _FLIGHT_SPREAD * math.sqrt(flight))

    def _grow(self) -> None:
        # The longer an answer takes, the more leaves before the first refusal is known, and is refused as well.
        if self._is_first and not self._is_partial and math.isfinite(self._most):
            rate = self.rate if self._taken else min(self._most, _AT_FIRST)
            self.rate = min(self._most, rate * (1 + (_GROWTH / max(_BLUR / 20, self.travel)) ** 2))
            return
        is_slow = self.rate * self.travel < 1 if self._is_alone else self.rate < self._soon
        if self._is_climbing or is_slow:
            growth = _CLIMB / math.sqrt(self._burst) / (1 + _CLIMB_FLIGHT * self.flight)
        else:
            growth = _CUT / self._patience * 2 ** min(_MOST_DOUBLINGS, self._taken / self._patience)
        self.rate = min(self._most, self.rate * (1 + growth))

    def _learn(self, worked: float, certain: float, whole: float) -> None:
        """Learn from a pause: the seconds until its beginning, its certain part, its end."""
        windows = [window for window in _WINDOWS if certain - _BLUR <= window <= whole]
        window = windows[0] if windows else whole
        bound = (self._taken - self._spread(self._taken)) / window
        is_window_seen = certain - worked > max(_WAITED, _LONG * worked)
        pause = whole - worked
        if self._is_first and is_window_seen and not windows and not self._is_partial:
            self._is_partial = True
            self.rate = max(bound, _LEAST * self._refused_rate)
        elif self._is_first:
            self._is_first = False
            self.rate = self._bound = bound
            possible = 0.0 if is_window_seen else min(self._refused_rate, self._taken / max(_BLUR, certain))
            if possible > _DOUBTFUL * bound:
                pause /= _SOONER
            if possible > _LOOSE * bound:
                self._is_climbing = True
                self._burst, self._first = self._taken, list(self._recent)
                self.rate = self._begin_climb(bound)
        elif self._is_climbing:
            self._end_climb(bound, self._taken / whole)
        else:
            self._soon = 0.0
            self._cut = min(_MOST_CUT, self._cut * 2) if self._taken < _SOON else _CUT
            self.rate = self._refused_rate * (1 - self._cut)
            # A limit that was told, and refused at once and again: what overtakes others on its way comes too early.
            is_crowded = self._is_told and self._cut > _CUT and (self._is_alone or self._taken < _CLOSE)
            self._is_alone = is_crowded and self.rate * self.travel > 1
            if self._is_alone:
                self.rate, self._cut = 1 / self.travel, _CUT
            if is_window_seen:
                self.rate = min(self.rate, max(bound, _LEAST * self.rate))
        self.rate = max(_SLOWEST, self.rate)
        self._patience = max(_FEWEST, pause * self.rate / _LOSS)

    def _begin_climb(self, bound: float) -> float:
        """Return where the search begins: the further below what was refused, the less was taken at once."""
        if self._refused_rate < _FAR_APART * bound:
            begin = math.sqrt(bound * self._refused_rate)
        else:
            begin = min(_UNPROVEN, self._refused_rate / _FAR_APART, _BEGIN * math.pow(self._taken, 0.35))
        return max(bound, min(begin, max(_LOWEST_BEGIN * begin, _REFILL * self._refill())))

    def _refill(self) -> float:
        """Return how many a second were taken among those that were refused; infinity if the last of these were not.

        A bucket takes what comes into it meanwhile. A window takes nothing, except what came before, in another order.
        """
        refused_at = self._refused_at or 0.0
        between = [sent for sent in self._recent if refused_at < sent < self._refused_until]
        seconds = self._refused_until - refused_at
        if not between or self._refused_until - between[-1] > _REFILL_GAP * seconds / (len(between) + 1):
            return math.inf
        return len(between) / seconds

    def _end_climb(self, bound: float, average: float) -> None:
        """Go on at what the climb proved; begin lower where it began too high to prove anything.

        `bound`: what a window allows at least. `average`: what was taken until now, pause and all.
        """
        # No window takes more than it took before.
        is_bucket = self._taken > self._burst + self._spread(self._burst)
        fewest = _PROOF * self._burst + _FLIGHT_PROOF * self.flight + _PROOFS
        if self._taken <= fewest and self._refused_rate * _RESTART > max(self._bound, average if is_bucket else bound):
            self.rate = self._refused_rate * _RESTART
            return
        self._is_climbing = False
        bound = max(bound, self._bound)
        proven = self._prove(bound)
        if proven < bound:  # it is a window, and no bucket
            self._burst = _STRAYS
        else:
            self._soon = _LIKELY * self._refused_rate
        at_once = min(self._burst, _burst(self._first, proven))  # the rest had come in while the first ones left
        self.rate = min(max(bound, (1 - _UNSURE / at_once) * proven), self._refused_rate * (1 - _CUT))

    def _prove(self, bound: float) -> float:
        """Return the limit, from `bound` on, by which this stretch needed no larger burst than the first one."""
        limit = bound
        while limit < self._refused_rate:
            if _burst(self._recent, limit) <= _burst(self._first, limit):
                return limit
            limit *= _STEP
        # No bucket does that: a window began anew meanwhile. What is more than the first burst proves a limit still.
        seconds, last = self._first[-1] - self._first[0], self._recent[-1]
        return max(
            (
                (number - self._burst) / (last - moment - seconds)
                for number, moment in enumerate(reversed(self._recent), 1)
                if number > self._burst and last - moment > max(_BLUR, 2 * seconds)
            ),
            default=0.0,
        )


def _burst(sent: Iterable[float], limit: float) -> float:
    """Return how many requests a target must take at once to have taken what left at these times, in their order."""
    most, lowest = 0.0, math.inf
    for number, moment in enumerate(sent):
        lowest = min(lowest, number - limit * moment)
        most = max(most, number - limit * moment - lowest + 1)
    return most


# Seconds by which a late timer may be made up for. More would be a burst, less would lose pace at high rates.
_SLACK = 0.01
_LATELY = 20  # answers
_TRAVELS = 50  # answers that tell how long one takes
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
    nothing: of a bucket, and of a window that slides, it is a small number all the time.
    """

    def __init__(self, rate: float, headroom: float = 0.0) -> None:
        self._most = rate * _MARGIN * (1 - headroom)
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
            ceiling *= 1 - min(_MOST_SPREAD, _FLIGHT_SPREAD * math.sqrt(self._usual_flight) / self._told)
        return max(min(_SLOWEST, self._most), min(self._most, self._seen.rate, ceiling))

    async def wait(self, is_open: Callable[[], bool]) -> bool:
        """Wait for a turn, and take it if it is open by then; return whether it is."""
        if self.is_endless:
            return is_open()
        began = anyio.current_time()
        async with self._turn:  # one after the other: whoever waits has taken no turn that a pause could waste
            if self._next > -math.inf and not self._answered.is_set():  # its headers may tell the limit
                with anyio.move_on_after(_GENTLE):
                    await self._answered.wait()
            while (now := anyio.current_time()) < self._next:  # noqa: ASYNC110 - it may be put off meanwhile
                await anyio.sleep_until(self._next)
            if not is_open():
                return False
            if self._guard is not None:
                await self._guard.acquire()
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

    def refuse(self, sent: float, certain: float, *, is_late: bool, in_flight: int) -> None:
        """Learn from a 429: nothing can be free before `certain`. What follows is known when one is taken again."""
        self._note_flight(sent, in_flight)
        if self._unpaced > 0:
            self._unpaced -= 1
        else:
            self._seen.refuse(sent, certain, self.rate, is_late=is_late)

    def heed(self, quota: Quota) -> float:
        """Keep to the limit that the headers tell; return the seconds to pause, 0 where there is something left."""
        if not quota.window:
            # What is left of a window is never longer than the window.
            length = next((window for window in _WINDOWS if window <= quota.seconds), 0.0)
            self._window = max(self._window, length)
        if quota.limit and (window := quota.window or self._window):
            told = quota.limit / window * _MARGIN * (1 - self._headroom)
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
