"""What holds a target up, told to the user and to the log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from importer.log import log

if TYPE_CHECKING:
    from importer.pool import Observer
    from importer.pool.gate import Gate
    from importer.records import TargetName

_NOTABLE = 0.1  # of a pace: a change that is smaller is no line


def tell(observer: Observer, target: TargetName, words: str) -> None:
    """Tell the user what holds a target up, and the log."""
    log(logging.WARNING, "told", words, target=target)
    observer.told(target, words)


class PaceLog:
    """Logs the pace of one target where it changes."""

    def __init__(self, gate: Gate, target: TargetName) -> None:
        self._gate = gate
        self._target = target
        self._told = gate.rate

    def look(self) -> None:
        """Log the pace if it has changed."""
        rate = self._gate.rate
        if abs(rate - self._told) > _NOTABLE * self._told:
            self._told = rate
            log(logging.INFO, "pace", f"{rate:.1f} requests/s", target=self._target)
