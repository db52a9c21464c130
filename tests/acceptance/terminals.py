"""A command at a terminal that asks several questions, each answered as it comes."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

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
    process = subprocess.Popen(
        [sys.executable, "-m", "importer", *map(str, arguments)],
        cwd=place.path,
        env={**place.variables, "TERM": "dumb"},
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
    )
    os.close(inner)
    shown, seen, left = b"", 0, list(answers)
    with process, os.fdopen(outer, "r+b", buffering=0) as terminal:
        while part := _read(terminal.fileno()):
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


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end was closed: the command has ended
        return b""
