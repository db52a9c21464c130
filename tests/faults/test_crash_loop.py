"""Killed again and again, against a target that fails all the time: nothing is lost, nothing is there twice."""

from __future__ import annotations

import os
import random
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from acceptance import fork_server
from sandbox_truth import read_truth

from importer.sandbox.api.answers import Limits
from importer.sandbox.directory_file import TOKEN
from importer.sandbox.fault_plan import FaultPlan
from importer.sandbox.server import Address, serve

from .rehearsal import SCHEDULES, schedules, shadows

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

ROOT = Path(__file__).parents[2]
#: Three requests in ten go wrong, before the commit or after it.
PLAN = FaultPlan.model_validate(
    {
        "seed": 11,
        "fault": [
            {"what": "reset", "when": "after", "probability": 0.06},
            {"what": "status", "when": "after", "status": 503, "method": "POST", "probability": 0.06},
            {"what": "truncated", "form": "length", "probability": 0.05},
            {"what": "status", "when": "before", "status": 500, "method": "POST", "probability": 0.06},
            {"what": "reset", "when": "before", "probability": 0.06},
            {"what": "late_commit", "delay": 0.05, "probability": 0.05},
        ],
    }
)


@contextmanager
def served(state: Path, plan: FaultPlan) -> Iterator[Address]:
    """Serve a sandbox on a thread of its own."""
    ready, addresses = threading.Event(), list[Address]()
    stop: list[anyio.Event] = []
    tokens: list[anyio.lowlevel.EventLoopToken] = []

    async def keep_serving() -> None:
        stop.append(anyio.Event())
        tokens.append(anyio.lowlevel.current_token())
        async with serve(state, limits=Limits(enforcement="none"), faults=plan) as address:
            addresses.append(address)
            ready.set()
            await stop[0].wait()

    thread = threading.Thread(target=anyio.run, args=(keep_serving,))
    thread.start()
    try:
        assert ready.wait(30)
        yield addresses[0]
    finally:
        anyio.from_thread.run_sync(stop[0].set, token=tokens[0])
        thread.join()


class Killer:
    """Starts the command again and again, and kills it at random moments."""

    def __init__(self, folder: Path, address: Address, *, rate: int, seed: int) -> None:
        self.reports = folder / "reports"
        self._random = random.Random(seed)
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "OPAL_TOKEN": TOKEN,
            "ROOTLY_TOKEN": TOKEN,
            "OPAL_BASE_URL": address.opal,
            "ROOTLY_BASE_URL": address.rootly,
            "IMPORTER_SETTLE": "0.2",
            "IMPORTER_REPORTS": str(self.reports),
            "IMPORTER_RATE": f"opal={rate}/s,rootly={rate}/s",
        }

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the command."""
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        return fork_server.start([*arguments, "--quiet"], self.reports.parent, self._environment, **streams)

    def newest(self) -> Path | None:
        """Find the folder of the newest run; None while there is none."""
        runs = [path.parent for path in self.reports.glob("[!.]*/journal.sqlite3")]
        return max(runs, key=lambda path: path.stat().st_ctime_ns, default=None)

    def again(self, sources: list[str]) -> list[str]:
        """Give the arguments that go on: a rerun of the newest run, else the run itself."""
        newest = self.newest()
        return ["run", *sources] if newest is None else ["rerun", str(newest)]

    def finish(self, *arguments: str) -> tuple[int, str]:
        """Run the command to its end; its exit status and what it said on standard error."""
        process = self.start(*arguments)
        _, errors = process.communicate(timeout=100)
        return process.returncode, errors.decode()

    def kill(self, process: subprocess.Popen[bytes], longest: float) -> int:
        """Let it run for a random time, then kill it; its exit status."""
        try:
            process.wait(self._random.uniform(0.05, longest))
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        return process.returncode


def write_sources(folder: Path, rows: int) -> list[str]:
    """Write rows for both targets."""
    tables: dict[str, pd.DataFrame] = {"schedules": schedules(rows // 2), "shadows": shadows(rows - rows // 2)}
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return [str(folder / f"{name}.csv") for name in tables]


def crash_until_done(folder: Path, *, rows: int, kills: int, longest: float) -> None:
    """Kill so many times, then let it end; compare what is there with what was asked for."""
    sources, state = write_sources(folder, rows), folder / "state.sqlite3"
    with served(state, PLAN) as address:
        killer = Killer(folder, address, rate=rows // kills, seed=rows)  # so that most kills fall into sending
        done = 0
        while done < kills:
            done += killer.kill(killer.start(*killer.again(sources)), longest) == -9
        for _ in range(5):
            status, errors = killer.finish(*killer.again(sources))
            if status == 0:
                break
        assert status == 0, errors
        truth = read_truth(state)
        sent = sum(truth.posts.values())
        assert truth.doubles == {}
        assert len(truth.ids) == rows
        newest = killer.newest()
        assert newest is not None
        report = (newest / "report.csv").read_text("utf-8-sig")
        assert {made.id for made in truth.objects} <= set(report.replace(",", "\n").split("\n"))
        assert killer.finish("rerun", str(newest)) == (0, "")
        assert sum(read_truth(state).posts.values()) == sent
    assert {key[0] for key in truth.ids if len(key) > 2} == set(SCHEDULES)


def test_a_run_that_is_killed_a_few_times_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    crash_until_done(tmp_path, rows=120, kills=6, longest=0.8)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_run_that_is_killed_fifty_times_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    crash_until_done(tmp_path, rows=2000, kills=50, longest=1.2)
