"""What the CPU time of a run goes to, by py-spy: a sample counts for the part of the product innermost in it."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from .table import table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .kit import Kit

_PY_SPY = Path(sys.executable).with_name("py-spy")
_RATE = "250"  # samples a second
_FRAME = re.compile(r"^(?P<function>.*) \((?P<file>[^()]*?)(?::\d+)?\)$")
_PART = re.compile(r"/importer/([a-z_]+)")
_STAGES = {
    "reader": "read",
    "normalizer": "normalize",
    "planning": "normalize",
    "journal": "journal",
    "delivery": "send",
    "targets": "send",
    "session": "send",
    "reporter": "report",
    "result": "report",
    "cli": "console",
}
_ORDER = ("start", "read", "normalize", "journal", "send", "report", "console", "other")
_TOP = 25  # functions that are shown


def sample(kit: Kit, source: Path, cpu: float, bare: float) -> str:
    """Run once under py-spy and draw microseconds a row for each stage, of `cpu` in all; `bare` is the bare loop's."""
    if not _PY_SPY.exists():
        return "The stages need py-spy."
    stacks = kit.folder / "stacks.txt"
    kit.post([*recorder(stacks), *kit.run_command(source)])
    return draw(read_stacks(stacks.read_text(encoding="utf-8").splitlines()), cpu, bare)


def recorder(stacks: Path) -> list[str]:
    """Give the command that records the stacks of the command behind it."""
    options = ["--format", "raw", "--full-filenames", "--rate", _RATE, "--output", str(stacks)]
    return [str(_PY_SPY), "record", *options, "--"]


def read_stacks(lines: Iterable[str]) -> list[tuple[list[str], int]]:
    """Read py-spy's raw form: frames from the outermost to the innermost, and how often they were met."""
    stacks = []
    for line in lines:
        frames, _, number = line.rpartition(" ")
        stacks.append((frames.split(";"), int(number)))
    return stacks


def draw(stacks: list[tuple[list[str], int]], cpu: float, bare: float) -> str:
    """Draw the stages and the functions in which most time is spent."""
    stages: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for frames, number in stacks:
        stages[stage(frames)] += number
        functions[_short(frames[-1])] += number
    total = sum(stages.values()) or 1
    lines = [(name, f"{cpu * stages[name] / total:.1f}", f"{stages[name] / total:.0%}") for name in _ORDER]
    lines += [("all", f"{cpu:.1f}", "100%"), ("bare loop, posting", f"{bare:.1f}", f"{bare / cpu:.0%}")]
    top = [
        (name, f"{cpu * number / total:.1f}", f"{number / total:.1%}") for name, number in functions.most_common(_TOP)
    ]
    return table(("stage", "CPU us a row", "share"), lines) + "\n\n" + table(("function", "CPU us a row", "share"), top)


def stage(frames: list[str]) -> str:
    """Tell the stage of a stack."""
    if frames == [""] or any("importlib._bootstrap" in frame for frame in frames):  # "": the interpreter itself
        return "start"
    for frame in reversed(frames):
        if "/aiohttp/" in frame or "/asyncio/" in frame:  # the loop waits for nothing else
            return "send"
        part = _PART.search(frame)
        if part and part[1] in _STAGES:
            return _STAGES[part[1]]
    return "other"


def _short(frame: str) -> str:
    found = _FRAME.match(frame)
    if found is None:
        return frame
    return f"{found['function']} ({'/'.join(found['file'].split('/')[-2:])})"
