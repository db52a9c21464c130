"""Print how well limits that nobody configured are found: `python -m tests.delivery.limits_table`, in virtual time.

A case is measured several times, with other travel times of the requests, and judged by the mean: chance decides about
one refusal more or less. A line has the mean and the worst of its cases: time / ideal (rows / limit); what theory
allows in the worst one, where that is outside of the bounds; the most answers that are 429; and how many cases are
outside. The bounds are 1.08 and 2 % of 429s. Where they cannot be kept, a case is outside (and named at the end) if
theory knows a learner that is no worse in one and notably better in the other: by 1.05 times, or by 0.5 % of 429s.
"""

from __future__ import annotations

import asyncio
import math
import random
import sys
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import cache
from itertools import product
from statistics import fmean
from typing import NamedTuple
from unittest import mock

import anyio

from importer.delivery import adaptive_limit, pacer
from importer.delivery.adaptive_limit import AdaptiveLimit
from importer.delivery.stop import Stop
from importer.delivery.throttle import Throttle

from .virtual_time import VirtualLoop

_EPOCH = 1_700_000_000.0  # where the virtual clock begins
_WORKERS = 20
_ROWS = 4000  # a case is measured once for about so many rows, so that chance says little
_MOST_TIME, _MOST_REFUSED = 1.08, 0.02
_NEAR, _NEARLY = 1.05, 0.005  # times what theory allows, and 429s more
_LEAST = 10.0  # requests a second: learners must reckon with a limit as low; PagerDuty has 16
_LIMITS = (30, 50, 90)
_GROWTHS = (0.002, 0.004, 0.008, 0.015, 0.03, 0.06)  # of a rate, with each request
#: Seconds from request to answer, and the share of them after which the target decides: a gateway does at once, where
#: the way is long it is half of them, and one that counts what is done decides when it answers.
_TRAVELS = {
    "2 ms": (0.002, 0.002, 0.5),
    "20..260 ms": (0.02, 0.26, 0.5),
    "at once": (0.02, 0.26, 0.0),
    "late": (0.02, 0.26, 1.0),
}

#: Time / ideal, and the share of answers that are 429.
Figures = tuple[float, float]
#: Time and 429s, what theory allows, and whether the case is outside.
Judged = tuple[float, float, Figures, bool]

_WINDOW = 2  # seconds that the headers name and windows have


@dataclass
class Target:
    """Enforces `limit` requests a second as `form`, and answers with the headers of `tells` and `asks`."""

    limit: int
    form: str  # sliding, fixed, bucket-1, bucket-10
    tells: str  # -, x, ietf, pagerduty
    asks: str  # -, seconds, date
    taken: list[float] = field(default_factory=list)
    refused: int = 0
    _hits: deque[float] = field(default_factory=deque)
    _tokens: float = math.inf
    _seen: float = 0.0

    def answer(self, now: float) -> tuple[bool, dict[str, str]]:
        """Take or refuse a request."""
        is_taken, remaining, wait, reset = (self._fill if self.form.startswith("bucket") else self._count)(now)
        if is_taken:
            self.taken.append(now)
        self.refused += not is_taken
        headers = {"Date": formatdate(_EPOCH + now, usegmt=True)} | self._tell(now, remaining, reset)
        if not is_taken and self.asks != "-":
            until = _EPOCH + now + wait
            headers["Retry-After"] = (
                str(math.ceil(wait)) if self.asks == "seconds" else formatdate(math.ceil(until), usegmt=True)
            )
        return is_taken, headers

    def _tell(self, now: float, remaining: int, reset: float) -> dict[str, str]:
        most = self.limit * _WINDOW
        if self.tells == "x":
            return {
                "X-RateLimit-Limit": f"{most}, {most};window={_WINDOW}",
                "X-RateLimit-Remaining": str(remaining),
                "X-RateLimit-Reset": str(math.ceil(_EPOCH + now + reset)),
            }
        if self.tells == "ietf":
            return {
                "RateLimit-Policy": f'"default";q={most};w={_WINDOW}',
                "RateLimit": f'"default";r={remaining};t={math.ceil(reset)}',
            }
        if self.tells == "pagerduty":
            return {
                "ratelimit-limit": str(most),
                "ratelimit-remaining": str(remaining),
                "ratelimit-reset": str(math.ceil(reset)),
            }
        return {}

    def _count(self, now: float) -> tuple[bool, int, float, float]:
        is_fixed, most = self.form == "fixed", self.limit * _WINDOW
        start = math.floor(now / _WINDOW) * _WINDOW if is_fixed else now - _WINDOW
        while self._hits and (self._hits[0] < start or (not is_fixed and self._hits[0] == start)):
            self._hits.popleft()
        is_taken = len(self._hits) < most
        if is_taken:
            self._hits.append(now)
        wait = (start if is_fixed else self._hits[0]) + _WINDOW - now
        return is_taken, most - len(self._hits), wait, wait

    def _fill(self, now: float) -> tuple[bool, int, float, float]:
        burst = int(self.form.partition("-")[2])
        self._tokens = min(burst, self._tokens + (now - self._seen) * self.limit)
        self._seen = now
        is_taken = self._tokens >= 1 - 1e-9
        self._tokens -= is_taken
        return is_taken, int(self._tokens), (1 - self._tokens) / self.limit, _WINDOW


async def _run(target: Target, rows: int, rate: float, travel: tuple[float, float, float], seed: int) -> None:
    throttle = Throttle(rate, 0.0, 3600.0, Stop(), lambda _: None)
    chance, left = random.Random(seed), rows
    shortest, longest, share = travel

    async def work() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            is_taken = False
            while not is_taken:
                await throttle.enter(is_write=True)
                sent, seconds = anyio.current_time(), chance.uniform(shortest, longest)
                await anyio.sleep(seconds * share)
                is_taken, headers = target.answer(anyio.current_time())
                await anyio.sleep(seconds * (1 - share))
                if is_taken:
                    throttle.succeed(Headers(headers), is_write=True, sent=sent)
                else:
                    throttle.pause(Headers(headers), is_write=True, sent=sent)

    async with anyio.create_task_group() as group:
        for _ in range(_WORKERS):
            group.start_soon(work)


class Headers(dict[str, str]):
    """Headers whose names have no case."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        return super().get(name.lower(), default)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())


def measure(target: Target, rows: int, rate: float, travel: tuple[float, float, float], seed: int) -> Figures:
    """Return time / ideal and the share of 429s, by the target's own clock."""

    async def main() -> None:
        time.time = lambda: _EPOCH + asyncio.get_running_loop().time()
        await _run(target, rows, rate, travel, seed)

    real = time.time
    try:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(main())
    finally:
        time.time = real
    return target.taken[-1] / (rows / target.limit), target.refused / (rows + target.refused)


class Search(NamedTuple):
    """How a limit is looked for that the first refusal does not show: from a rate on, growing with each request."""

    begin: float
    growth: float


class Informed(AdaptiveLimit):
    """Knows all but the limit, and that from the refusal on that shows it: goes on at the best pace.

    Where nothing keeps the distances of requests (`is_scattered`), and a refusal has shown that they matter, it lets
    them leave one after the other, as the product does.
    """

    pace = 0.0
    is_scattered = False
    search: Search | None = None

    def __init__(self, most: float, *, is_told: bool = False) -> None:
        super().__init__(most, is_told=is_told)
        self._is_searching = False
        if is_told and not Informed.is_scattered:
            self.rate = Informed.pace

    def _learn(self, worked: float, certain: float, whole: float) -> None:
        is_shown = (
            certain - worked > adaptive_limit._WAITED
        )  # the pause is the rest of a window; else it may be a bucket's
        self._is_searching = self._is_first and not is_shown and Informed.search is not None
        self._is_first = False
        self.is_serial = Informed.is_scattered
        self.rate = Informed.search.begin if self._is_searching and Informed.search else Informed.pace

    def _grow(self) -> None:
        if self._is_searching and Informed.search:
            self.rate = min(self._most, self.rate * (1 + Informed.search.growth))


class Case(NamedTuple):
    """What is measured once."""

    limit: int
    form: str
    tells: str
    asks: str
    rate: float
    rows: int
    travel: str

    @property
    def is_scattered(self) -> bool:
        """True where requests arrive in another order, and the target takes one at once."""
        return self.form == "bucket-1" and self.travel in ("20..260 ms", "late")

    def measure(self) -> Figures:
        """Return how the learner does, on average."""
        seeds = range(self.rows, self.rows + max(1, _ROWS // self.rows))
        figures = [measure(Target(*self[:4]), self.rows, self.rate, _TRAVELS[self.travel], seed) for seed in seeds]
        return fmean(slow for slow, _ in figures), fmean(refused for _, refused in figures)

    def allow(self) -> list[Figures]:
        """Return what theory allows: learners that know all but the limit, and the limit once it was shown.

        From the first header or the first refusal on they go at the even pace that is fastest with 2 % of 429s (or the
        fewest there can be), found by trying. Where no header tells a limit, the first refusal shows only the size of a
        bucket, or of a window whose pause does not show its length: the limit has to be exceeded once more. As it may
        be a low one, they begin below the least that there may be, and differ in how fast they grow from there.
        """
        share = _best_share(self._replace(rows=600, rate=1000.0))
        if self.tells not in "- pagerduty":
            return [self._follow(share)]
        begins = (part * share * _LEAST for part in (0.6, 0.9))
        return [self._follow(share, Search(begin, growth)) for begin, growth in product(begins, _GROWTHS)]

    def _follow(self, share: float, search: Search | None = None) -> Figures:
        Informed.pace, Informed.search, Informed.is_scattered = share * self.limit, search, self.is_scattered
        with mock.patch.object(pacer, "AdaptiveLimit", Informed):
            return self.measure()


def _best_share(case: Case) -> float:
    """Return the share of a limit at which a pace is fastest with 2 % of 429s, or the fewest there can be."""
    if not case.is_scattered:
        return _find_share((case,), (1.0, 0.985, 0.97, 0.955, 0.94))
    cases = (case._replace(travel="20..260 ms"), case._replace(travel="late"))  # nobody tells when a target decides
    return _find_share(cases, (0.25, 0.2, 0.15, 0.12, 0.1, 0.08, 0.06, 0.05))


@cache
def _find_share(cases: tuple[Case, ...], shares: tuple[float, ...]) -> float:
    """Return the share that loses least in the case in which it loses most."""
    losses: dict[float, float] = {}
    for case in cases:
        figures = {share: case._follow(share) for share in shares}
        fewest = max(_MOST_REFUSED, 0.005 + min(refused for _, refused in figures.values()))
        allowed = {share: slow for share, (slow, refused) in figures.items() if refused <= fewest}
        for share in shares:
            loss = allowed[share] / min(allowed.values()) if share in allowed else math.inf
            losses[share] = max(losses.get(share, 0.0), loss)
    return min(shares, key=lambda share: losses[share])


def judge(cases: list[Case]) -> list[Judged]:
    """Judge a line's cases, in one process: they share what theory allows."""
    return [_judge(case) for case in cases]


def _judge(case: Case) -> Judged:
    """Return time and 429s, what theory allows where it matters, and whether the case is outside of the bounds."""
    slow, refused = case.measure()
    if slow <= _MOST_TIME and refused <= _MOST_REFUSED:
        return slow, refused, (1.0, 0.0), False
    allowed = case.allow()
    no_worse = [one for one in allowed if one[0] <= max(_MOST_TIME, slow) and one[1] <= max(_MOST_REFUSED, refused)]
    better = [
        one
        for one in no_worse
        if slow > max(_MOST_TIME, _NEAR * one[0]) or refused > max(_MOST_REFUSED, one[1] + _NEARLY)
    ]
    return slow, refused, min(better or no_worse or allowed), bool(better)


def main(few: bool) -> None:
    """Print the table; `few` leaves out most numbers of rows and rates."""
    heading = ("form", "headers", "asks", "answers", "time", "worst", "theory", "429", "outside")
    print("{:10} {:10} {:8} {:11} {:>5} {:>6} {:>6} {:>6} {:>8}".format(*heading))
    outside: list[str] = []
    lines = product(
        ("sliding", "fixed", "bucket-1", "bucket-10"),
        ("-", "x", "ietf", "pagerduty"),
        ("-", "seconds") if few else ("-", "seconds", "date"),
        _TRAVELS,
    )
    numbers = [
        (limit, rate, rows)
        for limit, rate, rows in product(
            _LIMITS, (1000.0,) if few else (50.0, 100.0, 1000.0), (600,) if few else (600, 2000, 5000)
        )
        if limit < rate  # one that is set at the limit or below is kept to by the tests of the pacer
    ]
    groups = [
        [Case(limit, form, tells, asks, rate, rows, travel) for limit, rate, rows in numbers]
        for form, tells, asks, travel in lines
    ]
    with ProcessPoolExecutor() as pool:
        for group, found in zip(groups, pool.map(judge, groups), strict=True):
            named = len(outside)
            for case, (slow, refused, allowed, is_outside) in zip(group, found, strict=True):
                if is_outside:
                    theory = f"theory {allowed[0]:.2f} and {allowed[1]:.1%}"
                    outside.append(f"{case}: {slow:.2f} and {refused:.1%}; {theory}")
            slow, _, (allowed_time, _), _ = max(found)
            mean, refused = sum(one[0] for one in found) / len(found), max(one[1] for one in found)
            case = group[0]
            print(
                f"{case.form:10} {case.tells:10} {case.asks:8} {case.travel:11} {mean:5.2f} {slow:6.2f}"
                f" {allowed_time:6.2f} {refused:6.1%} {len(outside) - named:3} of {len(found)}",
                flush=True,
            )
    print(*outside, sep="\n")


if __name__ == "__main__":
    main("--few" in sys.argv)
