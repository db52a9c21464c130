"""Print how well limits that nobody configured are found: `python -m tests.delivery.limits_table`, in virtual time.

A line is the mean and the worst of its cases: time / ideal (rows / limit), and the share of answers that are 429.
"""

from __future__ import annotations

import asyncio
import math
import random
import sys
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import product

import anyio

from importer.delivery.stop import Stop
from importer.delivery.throttle import Throttle

from .virtual_time import VirtualLoop

_EPOCH = 1_700_000_000.0  # where the virtual clock begins
_WORKERS = 20
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


async def _run(target: Target, rows: int, rate: float, travel: tuple[float, float]) -> None:
    throttle = Throttle(rate, 0.0, 3600.0, Stop(), lambda _: None)
    chance, left = random.Random(rows), rows

    async def work() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            is_taken = False
            while not is_taken:
                await throttle.enter(is_write=True)
                seconds = chance.uniform(*travel) / 2
                await anyio.sleep(seconds)
                is_taken, headers = target.answer(anyio.current_time())
                await anyio.sleep(seconds)
                if is_taken:
                    throttle.succeed(_Headers(headers), is_write=True)
                else:
                    throttle.pause(_Headers(headers), is_write=True)

    async with anyio.create_task_group() as group:
        for _ in range(_WORKERS):
            group.start_soon(work)


class _Headers(dict[str, str]):
    """Headers whose names have no case."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        return super().get(name.lower(), default)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())


def measure(target: Target, rows: int, rate: float, travel: tuple[float, float]) -> tuple[float, float]:
    """Return time / ideal and the share of 429s, by the target's own clock."""

    async def main() -> None:
        time.time = lambda: _EPOCH + asyncio.get_running_loop().time()
        await _run(target, rows, rate, travel)

    real = time.time
    try:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(main())
    finally:
        time.time = real
    return target.taken[-1] / (rows / target.limit), target.refused / (rows + target.refused)


def main(few: bool) -> None:
    """Print the table; `few` leaves out most numbers of rows and rates."""
    lines: dict[tuple[str, ...], list[tuple[float, float]]] = defaultdict(list)
    travels = {"2 ms": (0.002, 0.002), "20..260 ms": (0.02, 0.26)}
    limits = (30, 50, 90)
    for pace, form, tells, asks, rate, rows, travel in product(
        limits,
        ("sliding", "fixed", "bucket-1", "bucket-10"),
        ("-", "x", "ietf", "pagerduty"),
        ("-", "seconds") if few else ("-", "seconds", "date"),
        (1000.0,) if few else (50.0, 100.0, 1000.0),
        (600,) if few else (600, 2000, 5000),
        travels,
    ):
        if pace < rate:  # one that is set at the limit or below is kept to by the tests of the pacer
            lines[form, tells, asks, travel].append(
                measure(Target(pace, form, tells, asks), rows, rate, travels[travel])
            )
    print(f"{'form':10} {'headers':10} {'asks':8} {'answers':11} {'time':>5} {'worst':>6} {'429':>6} {'worst':>6}")
    for names, figures in lines.items():
        slow, refused = zip(*figures, strict=True)
        form, tells, asks, travel = names
        print(
            f"{form:10} {tells:10} {asks:8} {travel:11} {sum(slow) / len(slow):5.2f} {max(slow):6.2f}"
            f" {sum(refused) / len(refused):6.1%} {max(refused):6.1%}"
        )


if __name__ == "__main__":
    main("--few" in sys.argv)
