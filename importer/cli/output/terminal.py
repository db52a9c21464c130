"""A rich console that knows a terminal from a file, and the terminal that a question goes to."""

from __future__ import annotations

import os
import sys
from typing import IO, Any

from rich.console import Console as Terminal
from rich.text import Text

from importer.cli.output.stream import is_read

_FURTHER_IN = 2  # columns by which what does not fit into a line stands further in


class Stream(Terminal):
    """Prints to standard output or standard error."""

    def write_line(self, line: Text | str) -> None:
        """Print a line whole and fast: as many as there are rows; plain where nobody wants colours."""
        if isinstance(line, Text) and (self.is_screen or self.color_system):
            self.tell(line)
        else:
            self.file.write(f"{line}\n")

    def tell(self, line: Text) -> None:
        """Print a line: whole into a file; on a screen what does not fit goes on below, further to the right."""
        if not self.is_screen or len(line) <= self.width:
            self.print(line, soft_wrap=not self.is_screen)
            return
        indent = len(line.plain) - len(line.plain.lstrip(" "))
        first, *others = line[indent:].wrap(self, max(20, self.width - indent - _FURTHER_IN))
        self.print(Text(" " * indent) + first)
        for other in others:
            self.print(Text(" " * (indent + _FURTHER_IN)) + other)

    @property
    def is_screen(self) -> bool:
        """True on a terminal; `is_terminal` is true as well where somebody wants colours in a file (FORCE_COLOR)."""
        try:
            return self.file.isatty() and self.is_terminal
        except ValueError:  # closed
            return False

    @property
    def has_reader(self) -> bool:
        """False where nobody reads any more."""
        return is_read()


def is_asking() -> bool:
    """Return whether somebody can be asked: standard input alone decides, wherever the output goes."""
    try:
        return sys.stdin.isatty()
    except ValueError:  # closed
        return False


def open_terminal() -> IO[Any] | None:
    """Open the terminal that standard input is, to write a question to; None where it cannot be written."""
    for name in ("/dev/tty", _name_of_input()):
        if name:
            try:
                return open(os.open(name, os.O_WRONLY | os.O_NOCTTY), "w", encoding="utf-8", errors="backslashreplace")  # noqa: PTH123
            except OSError:  # no controlling terminal
                continue
    return None


def _name_of_input() -> str:
    try:
        return os.ttyname(sys.stdin.fileno())
    except (OSError, ValueError):
        return ""
