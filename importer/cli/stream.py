"""Where the command prints to: a stream that may have no reader any more, and may be no terminal."""

from __future__ import annotations

import os
from typing import Any

from rich.console import Console as Terminal
from rich.text import Text


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
