"""The command as a process of its own, sending to a served sandbox whose answers can be held back."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio.from_thread
import sandbox_truth
from acceptance import front as fronts
from acceptance.command import Done, Workplace, finish
from acceptance.sources import shadows
from acceptance.truth import disagreements, read_truth

from importer.sandbox.api.answers import Limits
from importer.sandbox.server import serve

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from acceptance.front import Front

BEFORE = 8  # POSTs that are answered before the answers are held back
HELD = 6  # POSTs in flight then


class Online:
    """A workplace, and the front that its runs send to."""

    def __init__(self, place: Workplace, front: Front) -> None:
        self.place = place
        self.front = front
        self.lines = shadows(30)
        self._started: list[subprocess.Popen[bytes]] = []

    def start_and_hold(self, *options: str | Path, variables: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a run and give it once it waits for answers that do not come."""
        self.front.hold_after(BEFORE)
        process = self.start(*options, variables=variables)
        self.front.wait_for(BEFORE + HELD)
        return process

    def start(self, *options: str | Path, variables: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a run of some shadows."""
        source = self.place.write("s.csv", self.lines)
        return self.command("run", source, "--concurrency", str(HELD), *options, variables=variables)

    def command(self, *arguments: str | Path, variables: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a command, which does not outlive the test."""
        self._started.append(self.place.start(*arguments, variables=variables))
        return self._started[-1]

    def end(self) -> None:
        """Kill what a test that failed has left behind."""
        for process in self._started:
            if process.returncode is None:
                process.kill()
                finish(process)

    def let_go(self, process: subprocess.Popen[bytes]) -> Done:
        """Answer everything, and wait for the end of a run."""
        self.front.let_go()
        return finish(process)

    def there(self) -> list[str]:
        """Give the ids of everything that is there."""
        return [made.id for made in sandbox_truth.read_truth(self.front.state).objects]

    def disagreements(self, run: Path) -> list[str]:
        """Say every way in which a run's report and what is there disagree."""
        lines = self.place.lines(str(run))
        wrong = disagreements(lines, read_truth(self.front.state))
        return wrong if len(lines) == len(self.lines) - 1 else [*wrong, f"{len(lines)} lines"]

    def assert_finished_by_rerun(self, run: Path, *options: str | Path) -> None:
        """Rerun ends with all rows there once, and the report says so."""
        done = self.place.run("rerun", run, *options)
        assert done.status == 0, done
        assert self.disagreements(self.place.path / done.run) == []


@contextmanager
def online(folder: Path) -> Iterator[Online]:
    """Serve a sandbox with a front before it, and make a workplace that leads there."""
    (folder / "place").mkdir()
    state = folder / "served.sqlite3"
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serve(state, limits=Limits("none"))) as address,
        fronts.opened(address, state) as front,
    ):
        opened = Online(Workplace(folder / "place", **front.variables), front)
        try:
            yield opened
        finally:
            opened.end()
