"""Where the command prints to: a stream that may have no reader any more, and may be no terminal."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from rich.console import Console as Terminal
from rich.text import Text

from importer.log import REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable


# ---- What -v shows: each request as one line on standard error, as it ends


class RequestLines(logging.Handler):
    """Gives a line for each request to whoever prints it."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__(logging.DEBUG)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        """Show a request; everything else is told in other ways."""
        if getattr(record, "event", "") == REQUEST:
            self._show(_line(record))


def _line(record: logging.LogRecord) -> str:
    members = getattr(record, "members", {})
    attempt = f", attempt {members['attempt']}" if members["attempt"] > 1 else ""
    words = f"{record.getMessage()}, {members['ms']} ms{attempt}"
    return f"{getattr(record, 'target', '')} {members['method']} {members['path']}: {words}"


# ---- Where the command prints to: a stream that may have no reader any more, and may be no terminal


class Stream(Terminal):
    """A stream that nobody may read any more: that ends the messages, never the run."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, or be silent from now on."""
        try:
            super().print(*objects, **options)
        except OSError:  # a full disk, where it goes into a file
            self.on_broken_pipe()

    def write_line(self, line: Text | str) -> None:
        """Print a line whole and fast: as many as there are rows; plain where nobody wants colours."""
        if isinstance(line, Text) and (self.is_screen or self.color_system):
            self.print(line, soft_wrap=not self.is_screen)
        elif not self.quiet:
            try:
                self.file.write(f"{line}\n")
            except OSError:
                self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Send nowhere what is still to come, what Python flushes at its end too; rich would end the process."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)

    @property
    def is_screen(self) -> bool:
        """True on a terminal; `is_terminal` is true as well where somebody wants colours in a file (FORCE_COLOR)."""
        try:
            return self.file.isatty() and self.is_terminal
        except ValueError:  # closed
            return False
