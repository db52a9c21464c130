"""An event loop whose time jumps to the next timer whenever nothing is left to do: exact, and over at once.

For code that waits for timers and for itself alone; a socket would never get its turn.
"""

from __future__ import annotations

import asyncio
import selectors

#: Seconds that a round of the loop takes: a timer that a rounding error set too early must come again later.
_ROUND = 1e-9


class _Selector(selectors.DefaultSelector):
    """Waits by setting the loop's clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits for somebody else: this would hang for ever")
        self.now += max(_ROUND, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Begins at second 0."""

    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


def now() -> float:
    """Give the running loop's time, without what its rounds took."""
    return round(asyncio.get_running_loop().time(), 3)


#: What an `anyio_backend` fixture gives for tests in virtual time.
VIRTUAL = ("asyncio", {"loop_factory": VirtualLoop})
