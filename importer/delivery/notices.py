"""What holds a target up, told to the user and to the log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from importer.log import log

if TYPE_CHECKING:
    from importer.delivery.queue import Progress
    from importer.delivery.throttle import Throttle
    from importer.records import TargetName
    from importer.statuses import Status


_NOTABLE = 0.1  # of a pace: a change that is smaller is no line


class Observer(Protocol):
    """Who wants to know how delivery goes on."""

    def decided(self, target: TargetName, status: Status, number: int) -> None:
        """So many more records of the target have the status."""

    def sending(self, target: TargetName, progress: Progress) -> None:
        """The target's work begins; the progress tells how it goes whenever it is read."""

    def told(self, target: TargetName, words: str) -> None:
        """Something happened that the user may wonder about: a pause, a target that does not answer."""


def tell(observer: Observer, target: TargetName, words: str) -> None:
    """Report what holds a target up, to the user and to the log."""
    log(logging.WARNING, "told", words, target=target)
    observer.told(target, words)


class PaceLog:
    """Logs the pace of one target where it changes."""

    def __init__(self, throttle: Throttle, target: TargetName) -> None:
        self._throttle = throttle
        self._target = target
        self._told = throttle.rate

    def look(self) -> None:
        """Log the pace if it has changed."""
        rate = self._throttle.rate
        if abs(rate - self._told) > _NOTABLE * self._told:
            self._told = rate
            log(logging.INFO, "pace", f"{rate:.1f} requests/s", target=self._target)
