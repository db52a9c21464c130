"""What every measurement needs: a folder to work in, how often and how large, and the product as a command."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .processes import Cores, Spent, spend
from .requests_log import Posting, read_posting
from .standin import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

IMPORTER = (sys.executable, "-m", "importer")
CONCURRENCY = 50


@dataclass(frozen=True, slots=True)
class Kit:
    """How it is measured."""

    folder: Path  #: for sources, reports and logs; taken away at the end
    rounds: int
    scale: float  #: 1.0; a smoke run has a small part of the rows
    tell: Callable[[str], None]

    def rows(self, number: int) -> int:
        """Scale a number of rows."""
        return max(100, int(number * self.scale))

    def client(self, name: str, *arguments: object) -> list[str]:
        """Give the command of one of the programs in `clients`."""
        return [sys.executable, "-m", f"tests.bench.clients.{name}", *map(str, arguments)]

    def spend(self, *command: str) -> Spent:
        """Run a command that needs no target."""
        return spend(command, {}, self.folder)

    def post(self, command: Sequence[str]) -> tuple[Spent, Posting]:
        """Run a command against a stand-in of its own; `ORIGIN` in it becomes that one's address."""
        with serving(self.folder) as standin:
            words = [word.replace("ORIGIN", standin.origin) for word in command]
            spent = spend(words, standin.environment, self.folder, cores=Cores.CLIENT)
        return spent, read_posting(standin.log)

    def run(self, source: Path, rate: str = "none", concurrency: int = CONCURRENCY) -> tuple[Spent, Posting]:
        """Run the product against a stand-in, and forget its report."""
        try:
            return self.post(self.run_command(source, rate, concurrency))
        finally:
            shutil.rmtree(self.reports, ignore_errors=True)

    def run_command(self, source: Path, rate: str = "none", concurrency: int = CONCURRENCY) -> list[str]:
        """Give the command that sends a source."""
        options = ["--rate", f"rootly={rate}", "--concurrency", str(concurrency), "--yes", "--quiet"]
        return [*IMPORTER, "run", str(source), *options, "--reports", str(self.reports)]

    def check(self, source: Path) -> Spent:
        """Check a source."""
        return self.spend(*IMPORTER, "check", str(source), "--quiet")

    @property
    def reports(self) -> Path:
        """Give the folder of the runs' folders."""
        return self.folder / "reports"
