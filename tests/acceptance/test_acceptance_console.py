"""What the console shows on terminals of any width, and that it sends no control sequence where there is none."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import termios
from typing import TYPE_CHECKING

import pytest

from .command import PATIENCE, Workplace
from .sources import schedules, shadows
from .terminals import read_terminal, start_at

if TYPE_CHECKING:
    from pathlib import Path

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def at_width(place: Workplace, columns: int, *arguments: str | Path, **variables: str) -> tuple[int, str]:
    """Run a command at a terminal of so many columns; give its status and all it sent there."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = start_at(inner, place, *arguments, **{"TERM": "xterm-256color", **variables})
    shown = b""
    with process, os.fdopen(outer, "r+b", buffering=0) as terminal:
        while part := read_terminal(terminal.fileno()):
            shown += part
        process.wait(PATIENCE)
    return process.returncode, shown.decode()


def both(place: Workplace) -> list[Path]:
    return [place.write("a.csv", schedules(30)), place.write("b.csv", [*shadows(30), ["../x"]])]


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_bar_with_its_facts_fits_any_terminal(place: Workplace, columns: int) -> None:
    """Nothing is wrapped by the terminal but paths and addresses, which are to be copied."""
    status, shown = at_width(place, columns, "run", *both(place), "--sandbox")
    assert status == 1, shown
    lines = [CONTROL.sub("", line) for line in re.split(r"[\r\n]+", shown)]
    bars = [line for line in lines if re.match(r"(opal|rootly) +[━─]", line)]
    assert {line.split()[0] for line in bars} == {"opal", "rootly"}
    whole = " ".join(lines)
    assert all(fact in whole for fact in ("limit 98/s", "limit 49/s", "0 retries", "0 problems"))
    words = re.compile(r"https?://|report: |next: ")
    assert [line for line in lines if len(line) > columns and not words.search(line)] == []
    assert not re.search(r"[━─]", shown.rpartition("\x1b[?25h")[2])  # the bars are gone at the end


def test_a_dumb_terminal_gets_lines(place: Workplace) -> None:
    status, shown = at_width(place, 80, "run", *both(place), "--sandbox", TERM="dumb")
    assert status == 1
    assert "\x1b" not in shown
    assert "created" in shown


@pytest.mark.parametrize("variables", [{}, {"FORCE_COLOR": "1"}], ids=["plain", "FORCE_COLOR"])
def test_without_a_terminal_nothing_moves_the_cursor(place: Workplace, variables: dict[str, str]) -> None:
    """Colours may be asked for, as CI systems do; each line is whole all the same."""
    done = place.run("run", *both(place), "--sandbox", variables=variables)
    sequences = set(CONTROL.findall(done.out + done.err))
    assert all(sequence.endswith("m") for sequence in sequences)
    assert bool(sequences) is bool(variables)
    lines = [CONTROL.sub("", line) for line in done.out.splitlines()]
    heading = lines.index("problem: a row with only one cell  (1 cell)")
    assert "b.csv A32" in " ".join(lines[heading + 1 : heading + 4])


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_runs_fit_any_terminal(place: Workplace, columns: int) -> None:
    first = place.run("run", *both(place), "--sandbox").run
    place.run("rerun", first)
    status, shown = at_width(place, columns, "runs")
    assert status == 0
    lines = [CONTROL.sub("", line) for line in shown.splitlines()]
    assert all(len(line) <= columns for line in lines)
    assert sum(first.removeprefix("reports/") in line for line in lines) >= 1
