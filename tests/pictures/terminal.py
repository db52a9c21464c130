"""A command at a terminal: all it sends there, and what stands on the screen meanwhile. Knows what rich's bars send."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

ROWS = 50
_TOKEN = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+")


def send(command: Sequence[str], folder: Path, columns: int, variables: Mapping[str, str]) -> str:
    """Run a command to its end at a terminal of so many columns; give all that it sent there."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={"TERM": "xterm-256color", **variables},
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
    )
    os.close(inner)
    shown = b""
    with process, os.fdopen(outer, "rb", buffering=0) as terminal:
        while part := _read(terminal.fileno()):
            shown += part
    return shown.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end was closed: the command has ended
        return b""


def screens(sent: str) -> Iterator[list[str]]:
    """Give what stands on the screen before each line that is drawn anew, and at the end; colours stay as they came."""
    lines, row = [""], 0
    for token in _TOKEN.findall(sent):
        if token == "\x1b[2K":
            if lines[row]:
                yield list(lines)
            lines[row] = ""
        elif token == "\x1b[1A":
            row = max(0, row - 1)
        elif token == "\n":
            row += 1
            lines += [""] * (row == len(lines))
        elif token[0] not in "\r\x1b" or token.endswith("m"):
            lines[row] += token
    yield lines
