"""On a terminal: the plan is shown and asked about before anything is sent; whatever the answer, all ends well."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
from typing import TYPE_CHECKING

import pytest

from .command import PATIENCE, Workplace, statuses
from .sources import schedules, shadows
from .terminals import read_terminal, start_at

if TYPE_CHECKING:
    from pathlib import Path

    from .front import Front

QUESTION = b"[y/N]"
CTRL_C = b"\x03"


def at_terminal(place: Workplace, *arguments: str | Path, answer: bytes = b"", **variables: str) -> tuple[int, str]:
    """Run a command at a terminal of 80 columns and answer its question; give its status and what it showed."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = start_at(inner, place, *arguments, **{"TERM": "xterm-256color", **variables})
    shown = b""
    with process, os.fdopen(outer, "r+b", buffering=0) as terminal:
        is_answered = False
        while part := read_terminal(terminal.fileno()):
            shown += part
            if QUESTION in shown and not is_answered:
                terminal.write(answer)
                is_answered = True
            # Python misses a signal that comes just before it waits for a line: press the key again, as people do.
            while answer == CTRL_C and is_answered and not select.select([terminal], [], [], 2.0)[0]:
                terminal.write(answer)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return process.returncode, shown.decode()


def test_yes_sends(online: Workplace, front: Front) -> None:
    """After the plan was shown with its numbers and where it goes, and what would happen to whoever said `show`."""
    status, shown = at_terminal(online, "run", online.write("s.csv", schedules(3)), answer=b"show\ny\n")
    assert status == 0, shown
    assert shown.count("[y/N]") == 2
    assert ": 3 schedules to create" in shown
    plan, _, _ = shown.partition("[y/N]")
    assert "3 for opal" in plan
    assert f"127.0.0.1:{front.port}" in plan
    assert front.posts == 3


@pytest.mark.parametrize("answer", [b"\n", b"\x04", CTRL_C], ids=["return", "Ctrl-D", "Ctrl-C"])
def test_anything_but_yes_sends_nothing_and_leaves_the_rows_pending(
    online: Workplace, front: Front, answer: bytes
) -> None:
    status, shown = at_terminal(online, "run", online.write("s.csv", schedules(3)), answer=answer)
    assert status in (1, 130), shown
    assert front.posts == 0
    assert "Traceback" not in shown
    (run,) = online.runs
    assert statuses(online.lines(f"reports/{run}")) == {"pending": 3}


@pytest.mark.parametrize("options", [["--yes"], ["--sandbox"]])
def test_nobody_is_asked_who_said_yes_or_rehearses(online: Workplace, options: list[str]) -> None:
    status, shown = at_terminal(online, "run", online.write("s.csv", schedules(2)), *options)
    assert status == 0, shown
    assert "[y/N]" not in shown


def test_no_color_takes_the_colours_away(online: Workplace) -> None:
    """On a terminal the words stay the same, without any colour."""
    source = online.write("t.csv", [*shadows(2), ["../x"]])
    status, shown = at_terminal(online, "run", source, "--sandbox", NO_COLOR="1")
    assert status == 1, shown
    colours = [int(code) for codes in re.findall(r"\x1b\[([\d;]*)m", shown) for code in codes.split(";") if code]
    assert [code for code in colours if 30 <= code <= 49 or 90 <= code <= 107] == []
