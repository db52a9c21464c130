"""What a target's work is like at the moment, for whoever shows it. Costs the work nothing: it is read, never told."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importer.pool.gate import Gate
    from importer.pool.queue import Queue


class Gauge:
    """May be read at any time, from any thread."""

    def __init__(self, gate: Gate, queue: Queue) -> None:
        self._gate = gate
        self._queue = queue

    @property
    def rate(self) -> float:
        """Requests a second that may leave at present: the limit in force; infinite where there is none."""
        return self._gate.rate

    @property
    def retries(self) -> int:
        """Requests that were, or are about to be, made once more."""
        return self._queue.retries
