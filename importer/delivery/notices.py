"""What holds a target up, told to the user and to the log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from importer.log import log

if TYPE_CHECKING:
    from importer.delivery.queue import Progress
    from importer.records import TargetName
    from importer.statuses import Status


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
