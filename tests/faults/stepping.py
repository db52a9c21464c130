"""An event loop whose time stands still until it is told how far to go: all that happens is somebody's choice."""

from __future__ import annotations

import asyncio
import math
import selectors
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class _Selector(selectors.DefaultSelector):
    """Waits by setting the loop's clock, at most up to `until`."""

    def __init__(self, stop: Callable[[], None]) -> None:
        super().__init__()
        self.now = self.until = 0.0
        self._stop = stop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or (timeout > 0 and self.now + timeout > self.until):
            self.now = max(self.now, self.until)
            self._stop()  # nothing more is to be done before that moment
        elif timeout:  # a timer that a rounding error set too early must come again later
            self.now = max(self.now + timeout, math.nextafter(self.now, math.inf))
        return super().select(0)


class SteppedLoop(asyncio.SelectorEventLoop):
    """Begins at second 0 and does nothing by itself; for code that waits for timers and for itself alone."""

    def __init__(self) -> None:
        self._clock = _Selector(self.stop)
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now

    def advance(self, seconds: float = 0.0) -> None:
        """Let everything happen that is due within so many seconds, and what follows from it."""
        self._clock.until = self._clock.now + seconds
        self.run_forever()
