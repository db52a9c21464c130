"""The stand-in's log: when requests came. Read line by line, for it can have a million of them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Posting:
    """What a log says about the requests that create something."""

    number: int
    seconds: float  #: from the first request to the last answer
    busiest: int  #: requests in the busiest second, wherever it begins

    @property
    def rate(self) -> float:
        """Give rows a second."""
        return self.number / self.seconds


def read_posting(log: Path) -> Posting:
    """Read a log."""
    with log.open(encoding="utf-8") as lines:
        return measure(_posts(lines))


def _posts(lines: Iterable[str]) -> Iterator[tuple[float, float]]:
    for line in lines:
        ended_at, took, method, *_ = line.split(" ", 3)
        if method == "POST":
            yield float(ended_at) - float(took), float(ended_at)


def measure(requests: Iterable[tuple[float, float]]) -> Posting:
    """Measure requests, each as when it came and when it was answered, in the order of their answers."""
    first, last, number, busiest = float("inf"), 0.0, 0, 0
    recent: deque[float] = deque()
    for came_at, ended_at in requests:
        first, last, number = min(first, came_at), max(last, ended_at), number + 1
        recent.append(came_at)
        while recent[0] <= came_at - 1:
            recent.popleft()
        busiest = max(busiest, len(recent))
    return Posting(number, max(last - first, 0.001), busiest)
