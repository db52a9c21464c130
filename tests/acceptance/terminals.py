"""A command at a terminal that asks several questions, each answered as it comes."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
from typing import TYPE_CHECKING

from . import fork_server
from .command import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .command import Workplace


def converse(
    place: Workplace, arguments: Sequence[str | Path], answers: Sequence[tuple[str, str | signal.Signals]]
) -> tuple[int, str]:
    """Run a command; once it has shown a text type the answer, or send the signal, in this order.

    Give its status and all it showed.
    """
    outer, inner = pty.openpty()
    process = start_at(inner, place, *arguments, TERM="dumb")
    shown, seen, left = b"", 0, list(answers)
    with process, os.fdopen(outer, "r+b", buffering=0) as terminal:
        while part := read_terminal(terminal.fileno()):
            shown += part
            while left and (found := shown.find(left[0][0].encode(), seen)) >= 0:
                seen = found + len(left[0][0].encode())
                answer = left.pop(0)[1]
                if isinstance(answer, str):
                    terminal.write(answer.encode())
                else:
                    process.send_signal(answer)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert not left, (left, shown)
    return process.returncode, shown.decode()


def start_at(terminal: int, place: Workplace, *arguments: str | Path, **variables: str) -> subprocess.Popen[bytes]:
    """Start a command at a terminal, which is its own; close our end of what it has."""
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), terminal)
    process = fork_server.start(
        arguments, place.path, {**place.variables, **variables}, start_new_session=True, **streams
    )
    os.close(terminal)
    return process


def read_terminal(descriptor: int) -> bytes:
    """Read what came; nothing where the command has ended."""
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end was closed: the command has ended
        return b""
