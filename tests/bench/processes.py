"""Running a command to its end on a core of its own, and what it cost. Knows neither the product nor its rivals.

The process of the benchmark itself imports little and keeps little: Linux hands the peak of a parent's memory on to the
child that it starts, and a large parent would be measured in its stead.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[2]
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
_SHOWN = 2000  # characters of what a failed command printed


class Cores(Enum):
    """Where a command may run."""

    ALL = auto()  #: alone on the machine: a child of it may have a core of its own
    CLIENT = auto()  #: the first core
    SERVER = auto()  #: the last one, so that neither waits for the other


@dataclass(frozen=True, slots=True)
class Spent:
    """What a command cost."""

    seconds: float  #: from its start to its end
    cpu: float  #: seconds, of user and system
    memory: int  #: bytes at the peak, of the process itself
    status: int  #: its exit status
    output: str  #: what it printed, on both streams


def spend(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    *,
    cores: Cores = Cores.ALL,
    may_fail: bool = False,
) -> Spent:
    """Run a command in a folder.

    Raises:
        RuntimeError: it ended with another status than 0, and may not.
    """
    with tempfile.TemporaryFile() as printed:
        began = time.perf_counter()
        process = start(command, environment, folder, printed.fileno(), cores)
        try:
            _, ended, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(ended)  # it is gone: Popen must not wait for it again
        printed.seek(0)
        output = printed.read().decode(errors="replace")
    if process.returncode and not may_fail:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {output[-_SHOWN:]}")
    cpu = usage.ru_utime + usage.ru_stime
    return Spent(seconds, cpu, usage.ru_maxrss * _MAXRSS_UNIT, process.returncode, output)


def start(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, printed: int, cores: Cores
) -> subprocess.Popen[bytes]:
    """Start a command; all that it prints goes to the file `printed`."""
    with _on(cores):
        return subprocess.Popen(
            command,
            env=_surroundings(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
        )


def _surroundings(environment: Mapping[str, str]) -> dict[str, str]:
    """Give the environment without what the user has set for the product, and with this checkout first."""
    ours = ("IMPORTER_", "OPAL_", "ROOTLY_", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "PYTHONPATH": str(ROOT), **environment}


@contextmanager
def _on(cores: Cores) -> Iterator[None]:
    """Have what is started meanwhile stay on its core. Only Linux can do that."""
    if cores is Cores.ALL or sys.platform != "linux":
        yield
        return
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(ours) if cores is Cores.SERVER else min(ours)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)
