"""What requests came to over time: bars of one width, however long the run, and how long answers took. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from importer.histogram import percentile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


_MOST_BARS = 120
_SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


@dataclass(slots=True)
class Bar:
    """What ended in one stretch of time."""

    requests: int = 0
    limited: int = 0  #: of those, answered 429
    failed: int = 0  #: of those, refused otherwise, or without a usable answer

    def add(self, other: Bar) -> None:
        """Take what ended in another stretch as well."""
        self.requests += other.requests
        self.limited += other.limited
        self.failed += other.failed

    @property
    def answered(self) -> int:
        """What ended well."""
        return self.requests - self.limited - self.failed


@dataclass(slots=True)
class Timeline:
    """One target's requests. Never has more than 120 bars: each grows to twice its width where there is no room."""

    start: int = 0  #: epoch second in which the first request ended
    width: int = 1  #: seconds of a bar
    slowest: float = 0.0  #: seconds until the answer that took longest
    _bars: list[Bar] = field(default_factory=list)
    _latencies: Counter[int] = field(default_factory=Counter)

    def add(self, second: int, bar: Bar, latencies: Mapping[int, int], slowest: float) -> None:
        """Add what ended in a second; seconds come in their order."""
        if not self._bars:
            self.start = second
        while (place := (second - self.start) // self.width) >= _MOST_BARS:
            self._widen()
        while len(self._bars) <= place:
            self._bars.append(Bar())
        self._bars[place].add(bar)
        self._latencies.update(latencies)
        self.slowest = max(self.slowest, slowest)

    def _widen(self) -> None:
        for even, odd in zip(self._bars[::2], self._bars[1::2], strict=False):
            even.add(odd)
        del self._bars[1::2]
        self.width *= 2

    @property
    def total(self) -> Bar:
        """All bars together."""
        total = Bar()
        for bar in self._bars:
            total.add(bar)
        return total

    @property
    def answers(self) -> int:
        """How many answers there were, whatever they said."""
        return self._latencies.total()

    @property
    def end(self) -> int:
        """The epoch second in which the last bar ends."""
        return self.start + self.width * len(self._bars)

    @property
    def highest(self) -> float:
        """Requests a second of the highest bar."""
        return max(bar.requests for bar in self._bars) / self.width

    def bars(self) -> Iterator[tuple[int, Bar]]:
        """Give each bar with the epoch second in which it begins."""
        for number, bar in enumerate(self._bars):
            yield self.start + number * self.width, bar

    def latencies(self) -> dict[str, float]:
        """Give the seconds within which half, 90 % and 99 % of the answers came, and all; empty without answers."""
        if not self._latencies:
            return {}
        known = {name: min(percentile(self._latencies, share), self.slowest) for name, share in _SHARES.items()}
        return {**known, "max": self.slowest}
