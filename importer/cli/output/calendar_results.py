"""What pull, compare and verify print: lines for people, objects for programs, and how far the reading is."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from rich.text import Text

from importer.cli.output.terminal import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from importer.cli.output.console import Console

_SECONDS_BETWEEN = 5.0  # two lines of progress


def print_line(text: str) -> None:
    """Print one line of a result on standard output."""
    Stream(highlight=False).print(Text(text), soft_wrap=True)


def print_object(value: Mapping[str, object]) -> None:
    """Print one JSON object on standard output."""
    print_line(json.dumps(value))


class ReadingProgress:
    """Tells every few seconds how far a reading is, and how long it takes yet."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._began = self._told = clock()

    def __call__(self, done: int, of: int, what: str) -> None:
        """Tell it where some seconds have passed since the last time."""
        now = self._clock()
        if now - self._told < _SECONDS_BETWEEN or not done:
            return
        self._told = now
        left = (now - self._began) / done * (of - done)
        self._console.tell(f"{done:,} of {of:,} {what} read, about {left:.0f} s left", style="dim")
