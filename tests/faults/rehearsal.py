"""A run against a sandbox that fails by plan, and the oracle that compares what was reported with what is there."""

from __future__ import annotations

import csv
import os
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pandas as pd
from sandbox_truth import read_truth

import importer
from importer.sandbox.api.answers import Limits
from importer.sandbox.directory_file import TOKEN
from importer.sandbox.fault_plan import FaultPlan
from importer.sandbox.server import serve
from importer.statuses import Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from pathlib import Path

    from importer.records import Key
    from importer.result import Result

CANARY = "canary-7f3d-token"  # must show up nowhere
SCHEDULES = ("11111111-aaaa-4aaa-8aaa-111111111111", "22222222-bbbb-4bbb-8bbb-222222222222")
_FIRST = pd.Timestamp("2027-01-01T00:00:00Z")
_NO_LIMITS = Limits(enforcement="none")
_QUICK: dict[str, Any] = {
    "settle": 0.05,
    "request_timeout": 0.4,
    "breaker_timeout": 3.0,
    "concurrency": 4,
    "rate": ["opal=none", "rootly=none"],
}


def schedules(number: int = 6) -> pd.DataFrame:
    """Make rows for Opal."""
    return pd.DataFrame(
        {"third_party_provider": ["PAGER_DUTY"] * number, "remote_id": [f"PTEST{index:03}" for index in range(number)]}
    )


def shadows(number: int = 6) -> pd.DataFrame:
    """Make rows for Rootly, on two of its schedules by turns."""
    return pd.DataFrame(
        {
            "schedule_id": [SCHEDULES[index % 2] for index in range(number)],
            "shadowable_id": ["101"] * number,
            "shadow_user_id": ["102"] * number,
            "starts_at": [(_FIRST + pd.Timedelta(hours=index)).isoformat() for index in range(number)],
            "ends_at": [(_FIRST + pd.Timedelta(hours=index + 8)).isoformat() for index in range(number)],
        }
    )


ROWS = {"opal": schedules, "rootly": shadows}


@dataclass
class Rehearsal:
    """A sandbox's state and the runs made against it."""

    folder: Path
    options: dict[str, Any] = field(default_factory=dict)
    _port: int = 0

    @property
    def state(self) -> Path:
        """Where the sandbox keeps what exists."""
        return self.folder / "state.sqlite3"

    @asynccontextmanager
    async def served(
        self, *faults: dict[str, Any], seed: int = 1, now: Callable[[], float] = time.time
    ) -> AsyncIterator[None]:
        """Serve the sandbox, failing as told, and point the runs at it; `now` is its clock."""
        plan = FaultPlan.model_validate({"seed": seed, "fault": faults})
        served = serve(self.state, port=self._port, limits=_NO_LIMITS, faults=plan, now=now)
        async with served as address:
            self._port = urlsplit(address.opal).port or 0  # a run belongs to its target
            self.options |= {"opal_base_url": address.opal, "rootly_base_url": address.rootly}
            yield

    def _given(self, options: dict[str, Any]) -> dict[str, Any]:
        tokens = {"opal_token": TOKEN, "rootly_token": TOKEN}
        return {**_QUICK, **tokens, "reports": self.folder / "reports", **self.options, **options}

    async def run(self, *sources: pd.DataFrame, **options: Any) -> Result:
        """Run the sources."""
        return await importer.run(*sources, **self._given(options))

    async def rerun(self, earlier: Result | Path, **options: Any) -> Result:
        """Rerun a run, or the folder of one that was killed."""
        folder = earlier if isinstance(earlier, os.PathLike) else earlier.folder
        assert folder is not None
        return await importer.rerun(folder, **self._given(options))

    async def undo(self, run: Result, **options: Any) -> Result:
        """Undo a run."""
        assert run.folder is not None
        return await importer.undo(run.folder, **self._given(options))

    def leaks(self) -> list[str]:
        """Name every file of every run that holds the token which was sent with each request."""
        files = [path for path in (self.folder / "reports").rglob("*") if path.is_file()]
        return [str(path) for path in files if TOKEN.encode() in path.read_bytes()]

    def posts(self) -> int:
        """Count the requests so far that were to create something."""
        return sum(read_truth(self.state).posts.values())

    def there(self) -> set[Key]:
        """Give the keys of everything that exists."""
        return set(read_truth(self.state).ids)


def read_report(result: Result) -> list[dict[str, str]]:
    """Read a run's report."""
    assert result.folder is not None
    with (result.folder / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def key_of(line: dict[str, str]) -> Key:
    """Work out the key of a good row, apart from the product."""
    if line.get("remote_id"):
        return (line["third_party_provider"], line["remote_id"])
    instants = (int(pd.Timestamp(line[name]).timestamp()) for name in ("starts_at", "ends_at"))
    return (line["schedule_id"], "User", line["shadowable_id"], int(line["shadow_user_id"]), *instants)


def disagreements(rehearsal: Rehearsal, result: Result, rows: int) -> list[str]:
    """Say every way in which a report and the sandbox disagree; there should be none."""
    truth = read_truth(rehearsal.state)
    lines = read_report(result)
    wrong = [f"{key} is there twice" for key in truth.doubles]
    wrong += _wrong_lines(lines, truth.ids)
    keys = {key_of(line) for line in lines}
    wrong += [f"{key} is there and was never in the source" for key in truth.ids if key not in keys]
    total = sum(result.statuses.values())
    if len(lines) != rows or total != rows:
        wrong.append(f"{rows} rows, {len(lines)} lines in the report, {total} counted")
    return wrong


def _wrong_lines(lines: Iterable[dict[str, str]], ids: dict[Key, tuple[str, ...]]) -> list[str]:
    wrong = []
    for line in lines:
        status, there = Status(line["import_status"]), ids.get(key_of(line), ())
        if status.is_success and there != (line["import_id"],):
            wrong.append(f"row {line['import_row']} is {status} with {line['import_id']}, there: {there}")
        if status in (Status.REJECTED, Status.FAILED, Status.PENDING) and there:
            wrong.append(f"row {line['import_row']} is {status} and is there: {line['import_error']}")
    return wrong
