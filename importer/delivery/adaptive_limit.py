"""How many requests a second a target allows, learnt from what it takes and what it refuses."""

from __future__ import annotations

import math
from bisect import bisect, insort
from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Seconds in which servers count, mostly.
WINDOWS = (3600.0, 900.0, 300.0, 60.0, 30.0, 15.0, 10.0, 5.0, 2.0, 1.0)
_BLUR = 0.02  # seconds by which one answer can come sooner than another
_WAITED, _LONG = 0.3, 0.25  # seconds, and the share of the time before it: a longer pause is the rest of a window
# A run paced at a limit must stay below it in every window of the server's: 1 in 65 less than allowed.
MARGIN = 0.985
# Times the root of what is in flight is what a window may get more than the even pace sends in it; answers' times vary.
FLIGHT_SPREAD = 1.5
MOST_SPREAD = 0.06  # of what a window takes is left free at the most
# Times a proven limit: where the limit may be as much, it is worth looking for; the second where it must be a bucket.
_LOOSE, _LOOSE_BUCKET = 1.65, 1.5
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
_SOON = 60  # ... that it is refused after fewer requests than these
_CLOSE = 15  # requests: where fewer are taken, they came too close together; where others use the limit, more are
_SMALL = 5  # requests: where fewer were taken before the first refusal, those are refused that overtake others
_OVERLAP = 0.5  # in flight on average: with fewer, none overtakes another
_SERIAL = 0.9  # in flight on average, where one leaves after the other and an answer is slow
_SERIAL_CUT = 0.45  # of a rate that is soon refused there: what it goes down by
_NOT_LESS = 0.95  # of a rate that is refused after a search: a bucket's limit is hardly less
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
SLOWEST = 0.1  # requests a second


class AdaptiveLimit:
    """Finds a limit that only 429s tell.

    Whatever the target counts by, in any stretch of time it takes no more than a burst and its limit times the seconds,
    and refuses where that is used up. Where the pause shows the window, the limit is known at once. Elsewhere the rate
    climbs until it is refused again: now two stretches of different lengths have used up the same burst, and the limit
    is the one by which both needed the same. From there the rate grows, the slower the more a pause costs, and falls a
    little when it is refused. Requests count at the moment they left: most servers decide before they work, so how
    long an answer takes says nothing.

    Where little is taken at once, and requests overtake each other on their way, no even pace keeps their distance when
    they arrive: they leave one after the other.
    """

    def __init__(self, most: float, *, is_told: bool = False) -> None:
        self.rate = most  #: requests a second
        self._most = most
        self._is_told = is_told  # by headers
        self._is_first = not is_told  # nothing is known yet: headers have not told it, and no refusal
        self._is_partial = False  # others had used a part of the first window
        self._is_climbing = False
        self.is_serial = False  #: a request may leave when none is in flight, and before that at the rate
        self._before_refusal = 0  # requests that were taken until the first one was refused
        self._is_small = False  # a bucket that takes only a few at once
        self._is_in_order = True  # nothing was taken that left after what was refused: the target decides at once
        self._soon = 0.0  # up to this rate it climbs although the search is over
        self._burst = _STRAYS
        self._first: list[float] = []  # when the requests of the first stretch left
        self.flight = 0.0  #: requests in flight lately, on average
        self.travel = 0.0  #: seconds from a request to its answer, on average
        self._cut = _CUT / 2
        self._paused = 0.0  # seconds of the last pause
        self._bound = 0.0  # what the first refusal proved
        self._patience = _FEWEST  # requests in which the rate grows by _CUT
        self._recent: deque[float] = deque(maxlen=_RECENT)  # when requests left that were taken, in order
        # Since the end of the last pause:
        self._began = math.inf
        self._taken = 0
        self._refused: list[float] = []  # when those left that were refused, until that was known, in order
        self._refused_rate = most
        self._certain = 0.0  # nothing can have been free before

    def refuse(self, sent: float, certain: float, rate: float, *, is_late: bool) -> None:
        """Note a 429 to what left at `sent`, at a rate; nothing can be free before `certain`.

        `is_late`: it left before the pause that is going on.
        """
        self._began = min(self._began, sent)
        if not self._refused:
            if self._is_first:
                self._before_refusal = self._taken
            self._refused, self._certain = [sent], max(sent, certain)
            self._refused_rate = self._left(sent, rate)
        elif is_late:
            insort(self._refused, sent)
        else:
            self._certain = max(self._certain, sent, certain)

    def take(self, sent: float, *, is_late: bool) -> bool:
        """Note that what left at `sent` was taken; return whether it ended a pause from which the rate was learnt."""
        is_learnt = False
        self._began = min(self._began, sent)
        if self._refused and not is_late:
            is_learnt = self._taken > 0 and math.isfinite(self._refused_rate)  # else others had taken everything before
            if is_learnt:
                self._is_in_order &= self._recent[-1] < self._refused[0]
                self._learn(*(moment - self._began for moment in (self._refused[0], self._certain, sent)))
            self._began, self._taken, self._refused = sent, 0, []
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
        return min(MOST_SPREAD * number, (1 - MARGIN) * number + FLIGHT_SPREAD * math.sqrt(flight))

    def _grow(self) -> None:
        # The longer an answer takes, the more leaves before the first refusal is known, and is refused as well.
        if self._is_first and not self._is_partial and math.isfinite(self._most):
            rate = self.rate if self._taken else min(self._most, _AT_FIRST)
            self.rate = min(self._most, rate * (1 + (_GROWTH / max(_BLUR / 20, self.travel)) ** 2))
            return
        if self._is_climbing or self.rate < self._soon:
            growth = _CLIMB / math.sqrt(self._burst) / (1 + _CLIMB_FLIGHT * self.flight)
        else:
            growth = _CUT / self._patience * 2 ** min(_MOST_DOUBLINGS, self._taken / self._patience)
        self.rate = min(self._most, self.rate * (1 + growth))

    def _learn(self, worked: float, certain: float, whole: float) -> None:
        """Learn from a pause: the seconds until its beginning, its certain part, its end."""
        windows = [window for window in WINDOWS if certain - _BLUR <= window <= whole]
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
            if possible > bound * (_LOOSE if math.isinf(self._refill()) else _LOOSE_BUCKET):
                self._begin_search(bound)
        elif self._is_climbing:
            self._end_climb(bound, self._taken / whole)
        else:
            self._soon = 0.0
            self._lower()
            if is_window_seen:
                self.rate = min(self.rate, max(bound, _LEAST * self.rate))
            elif self._taken < _RECENT and self._is_disproved():
                self.rate = min(self.rate, max(bound, self._bound))
        self._paused = whole - worked
        self.rate = max(SLOWEST, self.rate)
        self._patience = max(_FEWEST, pause * self.rate / _LOSS)

    def _lower(self) -> None:
        """Go on slower after a refusal, and one after the other where requests overtake each other."""
        is_soon = self._taken < _SOON
        self._cut = min(_MOST_CUT, self._cut * 2) if is_soon else _CUT
        cut = _SERIAL_CUT if is_soon and self.is_serial else self._cut
        self.rate = self._refused_rate * (1 - cut)
        is_close = self._is_small or (self._taken < _CLOSE and (self._is_told or self._cut == _MOST_CUT))
        is_repeated = self._cut > _CUT and is_close
        is_crowded = is_repeated and not self._is_in_order and self.rate * self.travel > _OVERLAP
        if is_crowded and not self.is_serial:
            self.is_serial = True
            self.rate = min(self.rate, _SERIAL / self.travel)

    def _begin_search(self, bound: float) -> None:
        """Look for a limit above `bound`, which is proven."""
        if self._before_refusal < _SMALL and self._is_scattered():
            self._is_small = self.is_serial = True
            self.rate = max(bound, _SERIAL / self.travel)
            self._soon = _LIKELY * self._refused_rate
        else:
            self._is_climbing = True
            self._burst, self._first = self._taken, list(self._recent)
            self.rate = self._begin_climb(bound)

    def _begin_climb(self, bound: float) -> float:
        """Return where a climb begins: the further below what was refused, the less was taken at once."""
        if self._refused_rate < _FAR_APART * bound:
            begin = math.sqrt(bound * self._refused_rate)
        else:
            begin = min(_UNPROVEN, self._refused_rate / _FAR_APART, _BEGIN * math.pow(self._taken, 0.35))
        return max(bound, min(begin, max(_LOWEST_BEGIN * begin, _REFILL * self._refill())))

    def _refill(self) -> float:
        """Return how many a second were taken among those that were refused; infinity if the last of these were not.

        A bucket takes what comes into it meanwhile. A window takes nothing, except what came before, in another order.
        """
        first, last = self._refused[0], self._refused[-1]
        between = [sent for sent in self._recent if first < sent < last]
        if not between or last - between[-1] > _REFILL_GAP * (last - first) / (len(between) + 1):
            return math.inf
        return len(between) / (last - first)

    def _is_scattered(self) -> bool:
        """Return whether requests must have arrived in another order than they left.

        In order, a bucket takes a request once enough has come in since it took the one before. So none is refused that
        left later after that than another one that was taken, except by the time between two requests.
        """
        first = self._refused[0]
        taken = [sent for sent in self._recent if sent > first]
        longest = max((later - sooner for sooner, later in pairwise(sorted(taken + self._refused))), default=0.0)
        shortest = min((later - sooner for sooner, later in pairwise(taken)), default=math.inf)
        before = [(sent, bisect(self._recent, sent)) for sent in self._refused]
        in_vain = max((sent - self._recent[number - 1] for sent, number in before if number), default=0.0)
        return in_vain > shortest + longest

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
            self._is_small = self._before_refusal < _SMALL
        at_once = min(self._burst, _burst(self._first, proven))  # the rest had come in while the first ones left
        self.rate = min(max(bound, (1 - _UNSURE / at_once) * proven), self._refused_rate * (1 - _CUT))

    def _is_disproved(self) -> bool:
        """Return whether what was refused cannot have used up the bucket that a search found: it is a window.

        The bucket was full, because the pause before was long enough to fill it.
        """
        limit = _NOT_LESS * self._refused_rate
        size = _burst(self._first, limit)
        used = _burst(self._recent, limit) + FLIGHT_SPREAD * math.sqrt(self.flight)
        return used < size / 2 and size < self._paused * limit

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
