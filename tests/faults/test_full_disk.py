"""A disk that fills up at the worst moment, and reports that cannot be put where they belong."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from acceptance.command import finish
from acceptance.sources import schedules, shadows

from importer.session import target_lock

from .online import HELD, Online, online

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLAIM = 20  # records that one commit marks as sending, at this rate: so many may leave after the last one
_PACED = ("--rate", f"rootly={_CLAIM}/s")
_ROWS = 30
_NO_ROOM = ("disk is full", "No space left", "disk I/O error", "File too large")


class Disk:
    """A small disk of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filling = path / "filling"

    def fill(self, *, leaving: int = 0) -> None:
        """Take all room but so many bytes."""
        free = os.statvfs(self.path)
        with self._filling.open("wb") as file:
            file.write(b"\0" * (free.f_bavail * free.f_frsize - leaving))

    def clear(self) -> None:
        """Make room again."""
        self._filling.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    path = tmp_path / "disk"
    path.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(path)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can only be mounted by root")
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Online]:
    with online(tmp_path) as opened:
        opened.lines = shadows(_ROWS)
        yield opened


def only_run(reports: Path) -> Path:
    (run,) = (path for path in reports.iterdir() if path.is_dir())
    return run


def assert_rescued(scene: Online, words: str) -> Path:
    """The rescue file that a run named holds what came home at the end, by its real id; gives its folder."""
    named = Path(words.partition("could not store are in ")[2].split()[0])
    with named.open(encoding="utf-8") as file:
        ids = {id_ for line in file if (id_ := json.loads(line)["id"])}
    named.unlink()
    assert len(ids) >= HELD
    assert ids <= set(scene.there())
    return named.parent


def test_a_disk_that_is_full_while_reading_is_one_sentence_and_leaves_nothing(scene: Online, disk: Disk) -> None:
    disk.fill(leaving=200_000)
    source = scene.place.write("long.csv", shadows(9000))
    done = scene.place.run("run", source, "--reports", disk.path / "reports")
    assert done.status == 2
    assert done.err.count("error: ") == 1
    assert any(words in done.err for words in _NO_ROOM)
    assert "Traceback" not in done.err
    assert list((disk.path / "reports").iterdir()) == []
    assert scene.front.requests == []


def test_a_disk_that_fills_up_while_sending_stops_the_run_and_loses_nothing(
    scene: Online, disk: Disk, tmp_path: Path
) -> None:
    """What the journal cannot take any more stands in a rescue file elsewhere; rerun does not need it."""
    reports = disk.path / "reports"
    process = scene.start_and_hold(*_PACED, "--reports", reports, variables={"TMPDIR": str(tmp_path)})
    disk.fill()
    done = scene.let_go(process)
    assert done.status == 4, done
    assert any(words in done.out for words in _NO_ROOM)
    assert "Traceback" not in done.err
    assert scene.front.posts <= _CLAIM
    assert assert_rescued(scene, done.out) == tmp_path
    disk.clear()
    run = only_run(reports)
    assert f"oncall-importer rerun {run}" in done.out
    scene.assert_finished_by_rerun(run, "--reports", reports)


def test_an_interrupt_while_the_disk_is_full_loses_nothing_either(scene: Online, disk: Disk, tmp_path: Path) -> None:
    reports = disk.path / "reports"
    process = scene.start_and_hold(*_PACED, "--reports", reports, variables={"TMPDIR": str(tmp_path)})
    disk.fill()
    process.send_signal(signal.SIGINT)
    done = scene.let_go(process)
    assert done.status == 130, done
    assert "Traceback" not in done.err
    assert_rescued(scene, done.out)
    disk.clear()
    scene.assert_finished_by_rerun(only_run(reports), "--reports", reports)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="the limit is set from outside, which is Linux's alone")
@pytest.mark.parametrize("is_room_left", [True, False], ids=["room for the rescue file", "room for nothing"])
def test_files_that_may_not_grow_stop_the_run_and_lose_nothing(scene: Online, is_room_left: bool) -> None:
    """The same without a disk of its own: a limit on the size of files, set while the run waits for answers."""
    process = scene.start_and_hold(*_PACED)
    run = only_run(scene.place.path / "reports")
    most = (run / "journal.sqlite3-wal").stat().st_size if is_room_left else 0
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, most))
    done = scene.let_go(process)
    assert done.status == 4, done
    assert "Traceback" not in done.err
    assert scene.front.posts <= _CLAIM
    if is_room_left:
        assert assert_rescued(scene, done.out) == run
    else:
        assert "nothing could be written anywhere" in done.out
    scene.assert_finished_by_rerun(run)


def test_a_disk_that_is_full_when_the_report_is_due_costs_the_report_alone(scene: Online, disk: Disk) -> None:
    """Every outcome is in the journal, an earlier run's report is as it was, and rerun makes the report."""
    reports = disk.path / "reports"
    earlier = scene.place.run("run", scene.place.write("e.csv", schedules(2)), "--sandbox", "--reports", reports)
    older = scene.place.path / earlier.run / "report.csv"
    before = older.read_bytes()
    scene.lines = [scene.lines[0], *([*line[:-1], "x" * 10_000] for line in scene.lines[1:])]
    process = scene.start_and_hold("--reports", reports)
    (run,) = (path.parent for path in reports.glob("*/journal.sqlite3") if path.parent != older.parent)
    disk.fill(leaving=180_000)  # enough for the outcomes, not for the report, which has all cells in it
    done = scene.let_go(process)
    assert done.status == 4, done
    assert any(words in done.out for words in _NO_ROOM)
    assert "report stopped: " in done.out
    assert ".;" not in done.out
    assert "Every outcome is in report.csv" not in done.out  # for there is none
    assert f"created      {_ROWS}" in done.out
    assert older.read_bytes() == before
    assert [path.name for path in run.iterdir() if "report" in path.name] == []
    disk.clear()
    sent = scene.front.posts
    scene.assert_finished_by_rerun(run, "--reports", reports)
    assert scene.front.posts == sent


def test_a_disk_that_cannot_be_written_is_one_sentence_before_anything_is_sent(scene: Online, disk: Disk) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk.path], check=True)
    done = finish(scene.start("--reports", disk.path / "reports"))
    assert done.status == 2
    assert "Read-only file system" in done.err
    assert "--reports" in done.err
    assert "Traceback" not in done.err
    assert scene.front.requests == []


def test_a_report_whose_name_is_taken_gets_another_one_and_says_so(scene: Online) -> None:
    """As by a folder, or a file that is write-protected because somebody wants to keep it."""
    process = scene.start_and_hold()
    run = only_run(scene.place.path / "reports")
    (run / "report.csv").mkdir()
    (run / "report.xlsx").write_text("kept")
    (run / "report.xlsx").chmod(0o400)
    done = scene.let_go(process)
    assert done.status == 0, done
    named = [line.removeprefix("report: ") for line in done.out.splitlines() if line.startswith("report: ")]
    assert [Path(name).name for name in named] == ["report-2.csv", "report-2.xlsx", "report.html"]
    assert all((scene.place.path / name).is_file() for name in named)
    assert (run / "report.xlsx").read_text() == "kept"
    scene.assert_finished_by_rerun(run)


def test_a_folder_that_is_taken_away_is_made_again(scene: Online) -> None:
    """The user tidies up while the run goes on: the journal is still open, and the folder is made again from it."""
    process = scene.start_and_hold()
    run = only_run(scene.place.path / "reports")
    shutil.rmtree(run)
    done = scene.let_go(process)
    assert done.status == 0, done
    assert "was removed while the run was in progress" in done.out
    assert scene.disagreements(run) == []
    again = finish(scene.start())
    assert again.status == 0, again
    assert scene.disagreements(scene.place.path / again.run) == []
    assert scene.front.posts == _ROWS


def test_a_lock_that_cannot_be_written_is_one_sentence_and_nothing_is_sent(
    scene: Online, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock against a second run stands on another disk than the reports."""
    monkeypatch.setattr(target_lock, "TEMPORARY", disk.path)
    disk.fill()
    done = scene.place.run("run", scene.place.write("s.csv", scene.lines))
    assert done.status == 2, done
    assert "lock" in done.err
    assert "Traceback" not in done.err
    assert scene.front.requests == []
    assert list((scene.place.path / "reports").iterdir()) == []
