"""What the requests to one target came to, second by second, until it is written down. Opens nothing."""

from __future__ import annotations

from contextlib import suppress
from time import perf_counter, time
from typing import TYPE_CHECKING

from importer.errors import JournalError
from importer.histogram import bucket_of
from importer.journal.states import Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.journal.journal import Journal
    from importer.records import TargetName


_BATCH = 64  # requests that are counted in a row


class Traffic:
    """Counts requests as they end; holds one tally for each second since the last `take`."""

    def __init__(self, clock: Callable[[], float] = perf_counter, wall: Callable[[], float] = time) -> None:
        self._clock = clock
        self._wall = wall
        self._offset = wall() - clock()
        self._tally = Tally(0)
        self._past: list[Tally] = []
        self._noted: list[tuple[float, float, int]] = []  # began, ended, status

    def note(self, began: float, status: int) -> None:
        """Count a request that ended now; `began` is `perf_counter()` then, `status` 0 where no answer came.

        It stands in every request's way, and so does no more than it must.
        """
        self._noted.append((began, self._clock(), status))
        if len(self._noted) >= _BATCH:
            self._count_noted()

    def _count_noted(self) -> None:
        for noted in self._noted:
            self._count(*noted)
        self._noted.clear()

    def _count(self, began: float, now: float, status: int) -> None:
        second = int(now + self._offset)
        tally = self._tally
        if second != tally.second:
            tally = self._turn(second)
        tally.requests += 1
        if not status:
            tally.failed += 1
            return
        if status == 429:
            tally.limited += 1
        elif status >= 300:
            tally.failed += 1
        seconds = now - began
        tally.slowest = max(tally.slowest, seconds)
        bucket = bucket_of(seconds)
        latencies = tally.latencies
        latencies[bucket] = latencies.get(bucket, 0) + 1

    def take(self, *, is_last: bool = False) -> list[Tally]:
        """Hand over the seconds that are over, and with `is_last` the one that is not; they are forgotten here."""
        self._count_noted()
        now = self._wall()
        self._offset = now - self._clock()  # somebody may have set the wall's clock
        if is_last or int(now) != self._tally.second:
            self._turn(0)
        taken, self._past = self._past, []
        return taken

    def write(self, journal: Journal, target: TargetName, *, is_last: bool = False) -> None:
        """Write down what `take` hands over; where the journal cannot have it, nothing but a picture is lost."""
        if tallies := self.take(is_last=is_last):
            with suppress(JournalError):
                journal.add_traffic(target, tallies)

    def _turn(self, second: int) -> Tally:
        if self._tally.requests:
            self._past.append(self._tally)
        self._tally = Tally(second)
        return self._tally
