"""run.log holds what this run did, and never ends it."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from importer.log import LOG, is_logging_requests, log, log_warned, logging_run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "run.log").read_text(encoding="utf-8").splitlines()]


def test_an_event_is_a_line_that_a_machine_reads(tmp_path: Path) -> None:
    with logging_run(tmp_path, pytest.fail, is_verbose=False):
        log(logging.INFO, "pace", "42 requests/s \u2028\x1b", target="opal", rate=42)
        log(logging.DEBUG, "request")
        assert not is_logging_requests()
    (line,) = lines(tmp_path)
    assert line.pop("time").endswith("Z")
    assert line == {"level": "info", "event": "pace", "target": "opal", "what": "42 requests/s \u2028\x1b", "rate": 42}
    assert (tmp_path / "run.log").stat().st_mode & 0o777 == 0o600
    assert b"\x1b" not in (tmp_path / "run.log").read_bytes()


def test_a_verbose_run_tells_all_and_what_follows_it_does_not(tmp_path: Path) -> None:
    with logging_run(tmp_path, pytest.fail, is_verbose=True):
        assert is_logging_requests()
        log(logging.DEBUG, "request", "HTTP 200")
    log(logging.ERROR, "later")
    assert [line["event"] for line in lines(tmp_path)] == ["request"]
    assert not is_logging_requests()
    assert [type(handler) for handler in LOG.handlers] == [logging.NullHandler]


@pytest.mark.anyio
async def test_two_runs_of_one_process_have_a_log_each(tmp_path: Path) -> None:
    both = anyio.Event(), anyio.Event()

    async def run(name: str, own: anyio.Event, other: anyio.Event) -> None:
        (tmp_path / name).mkdir()
        with logging_run(tmp_path / name, pytest.fail, is_verbose=False):
            own.set()
            await other.wait()
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.lowlevel.checkpoint)
                log(logging.INFO, name)

    async with anyio.create_task_group() as group:
        group.start_soon(run, "one", both[0], both[1])
        group.start_soon(run, "two", both[1], both[0])
    for name in ("one", "two"):
        assert [line["event"] for line in lines(tmp_path / name)] == [name]


def test_of_rows_that_are_warned_of_a_thousand_are_enough_and_the_rest_of_the_run_is_told(tmp_path: Path) -> None:
    with logging_run(tmp_path, pytest.fail, is_verbose=False):
        log_warned(("s.csv", row, "past") for row in range(3000))
        log(logging.INFO, "ended")
    events = [line["event"] for line in lines(tmp_path)]
    assert (events.count("warned"), events[-1]) == (1000, "ended")


def test_a_log_that_cannot_be_made_is_told_once(tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "run.log").mkdir()
    with logging_run(tmp_path, told.append, is_verbose=False):
        log(logging.INFO, "one")
        log(logging.INFO, "two")
    assert len(told) == 1
    assert "the run goes on without it" in told[0]


FULL = """
import logging, pathlib, resource, signal, sys
from importer.log import log, logging_run
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
with logging_run(pathlib.Path(sys.argv[1]), print, is_verbose=False):
    for _ in range(100):
        log(logging.INFO, "event")
"""


def test_a_disk_that_fills_up_is_told_once(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path], env=environment, capture_output=True, text=True, check=True
    )
    assert len(done.stdout.splitlines()) == 1
    assert "File too large" in done.stdout
    assert done.stderr == ""
