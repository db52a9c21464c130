"""The command as a user starts it, in a folder of its own, with only those variables set that a test sets.

`Workplace.run` calls it in this process, which saves a second of start a time; `Workplace.start` starts a process.
"""

from __future__ import annotations

import csv
import io
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import importer

from . import fork_server
from .in_process import call

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(importer.__file__).parents[1]
SAMPLES = Path(__file__).parents[2] / "samples"
PATIENCE = 60  # seconds until a command that hangs is ended

#: The report's own columns as product.md names them; written down again here, for they are a promise.
IMPORT_COLUMNS = [
    "import_row",
    "import_sheet",
    "import_part",
    "import_kind",
    "import_status",
    "import_id",
    "import_http_status",
    "import_error",
    "import_cell",
    "import_hint",
    "import_attempts",
    "import_finished_at",
    "import_run",
    "import_source",
    "import_mapping",
]

Line = dict[str, str]


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left."""

    status: int
    out: str
    err: str

    @property
    def run(self) -> str:
        """The folder of the run, as the command names it."""
        reports = [line for line in self.out.splitlines() if line.startswith("report: ")]
        return str(Path(reports[0].removeprefix("report: ")).parent)


class Workplace:
    """A folder to work in, and an environment in which only what a test sets is set."""

    def __init__(self, path: Path, **variables: str) -> None:
        self.path = path
        self.variables = {"PATH": os.environ["PATH"], "HOME": str(path), "PYTHONPATH": str(ROOT), **variables}

    def start(
        self, *arguments: str | Path, variables: dict[str, str] | None = None, umask: int = -1
    ) -> subprocess.Popen[bytes]:
        """Start the command as a process; the caller waits for it: `finish`, `run_process`."""
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return fork_server.start(arguments, self.path, {**self.variables, **(variables or {})}, umask=umask, **pipes)

    def run(
        self, *arguments: str | Path, stdin: bytes = b"", variables: dict[str, str] | None = None, umask: int = -1
    ) -> Done:
        """Run the command to its end, in this process."""
        return Done(*call([*map(str, arguments)], self.path, {**self.variables, **(variables or {})}, stdin, umask))

    def run_process(self, *arguments: str | Path, stdin: bytes = b"", variables: dict[str, str] | None = None) -> Done:
        """Run the command to its end as a process, where the process is the promise."""
        return finish(self.start(*arguments, variables=variables), stdin)

    def write(self, name: str, lines: Sequence[Sequence[str]]) -> Path:
        """Make a CSV in the folder."""
        path = self.path / name
        path.write_text(table(lines), encoding="utf-8", newline="")
        return path

    @property
    def runs(self) -> list[str]:
        """The runs' folders below reports/, hidden ones too: what a refused command must not leave."""
        reports = self.path / "reports"
        return sorted(entry.name for entry in reports.iterdir() if entry.is_dir()) if reports.exists() else []

    def lines(self, run: str) -> list[Line]:
        """Read the report of a run."""
        return read_report(self.path / run / "report.csv")


def finish(process: subprocess.Popen[bytes], stdin: bytes = b"") -> Done:
    """Wait for a command that was started; give what it left."""
    with process:
        try:
            out, err = process.communicate(stdin, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return Done(process.returncode, out.decode(), err.decode())


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for what cannot tell by itself that it is so."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.01)


def wait_until_said(process: subprocess.Popen[bytes], words: bytes) -> bytes:
    """Read what a command says until it has said these words."""
    assert process.stderr is not None
    said = b""
    while words not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    return said


def table(lines: Sequence[Sequence[str]]) -> str:
    """Give lines as the text of a CSV."""
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue()


def read_table(path: Path) -> list[list[str]]:
    """Read a CSV as it stands."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def read_report(path: Path) -> list[Line]:
    """Read a report's lines, by column."""
    header, *lines = read_table(path)
    return [dict(zip(header, line, strict=True)) for line in lines]


def statuses(lines: Sequence[Line]) -> dict[str, int]:
    """Count a report's lines by status."""
    counts: dict[str, int] = {}
    for line in lines:
        counts[line["import_status"]] = counts.get(line["import_status"], 0) + 1
    return counts
