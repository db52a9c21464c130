"""A run that is ended in the middle, whatever ends it, is finished by rerun: nothing lost, nothing there twice."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from .command import Workplace, finish, statuses, wait_until, wait_until_said
from .sources import shadows
from .truth import count_objects, disagreements, read_truth

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from .front import Front

ROWS = 40
BEFORE = 8  # POSTs that are answered before the front holds the answers back
HELD = 6  # POSTs in flight, with --concurrency 6


def start_and_hold(online: Workplace, front: Front) -> subprocess.Popen[bytes]:
    """Start a run and give it once it waits for answers that do not come."""
    front.hold_after(BEFORE)
    process = online.start("run", online.write("s.csv", shadows(ROWS)), "--concurrency", str(HELD))
    front.wait_for(BEFORE + HELD)
    return process


def only_run(online: Workplace) -> Path:
    (run,) = online.runs
    return online.path / "reports" / run


def assert_finished(online: Workplace, front: Front, run: Path) -> None:
    """Rerun ends with every row there once, and leaves alone what the report said was there."""
    earlier = {line["import_id"]: line["import_run"] for line in read_lines(online, run)}
    done = online.run("rerun", run)
    assert done.status == 0, done
    lines = online.lines(done.run)
    assert len(lines) == ROWS
    assert {line["import_status"] for line in lines} <= {"created", "exists"}
    assert disagreements(lines, read_truth(front.state)) == []
    kept = {line["import_id"]: line["import_run"] for line in lines if line["import_id"] in earlier}
    assert kept == {id_: name for id_, name in earlier.items() if id_}


def read_lines(online: Workplace, run: Path) -> list[dict[str, str]]:
    return online.lines(str(run)) if (run / "report.csv").exists() else []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupted_run_ends_in_order_and_rerun_finishes_it(
    online: Workplace, front: Front, number: signal.Signals
) -> None:
    """What is in flight comes home; the report says created or pending of every row, and the exit status is 130."""
    process = start_and_hold(online, front)
    process.send_signal(number)
    wait_until_said(process, b"interrupted")
    front.let_go()
    done = finish(process)
    assert done.status == 130
    run = only_run(online)
    assert f"oncall-importer rerun reports/{run.name}" in done.out
    lines = online.lines(str(run))
    assert statuses(lines) == {"created": BEFORE + HELD, "pending": ROWS - BEFORE - HELD}
    assert disagreements(lines, read_truth(front.state)) == []
    pending = [line for line in lines if line["import_status"] == "pending"]
    assert all(line["import_error"] for line in pending)
    assert all(line["import_hint"].startswith("Rerun to go on.") for line in pending)  # a warning may follow it
    assert json.loads((run / "summary.json").read_text())["exit_status"] == 130
    assert_finished(online, front, run)


def test_a_second_interrupt_ends_the_run_at_once(online: Workplace, front: Front) -> None:
    """Even while answers are outstanding for good; it says which rerun asks about them."""
    process = start_and_hold(online, front)
    process.send_signal(signal.SIGINT)
    wait_until_said(process, b"interrupted")
    process.send_signal(signal.SIGINT)
    done = finish(process)  # the front still holds
    assert done.status == 130
    assert "Traceback" not in done.err
    run = only_run(online)
    assert done.err.endswith(
        f"has everything that was done\nnext:   oncall-importer rerun {run.name} --concurrency 6\n"
    )
    front.let_go(dropping=True)
    assert_finished(online, front, run)


def test_a_killed_run_is_finished_by_rerun_with_every_record_there_once(online: Workplace, front: Front) -> None:
    """Of what was in flight a half was applied and a half was not, and nobody was told which."""
    process = start_and_hold(online, front)
    process.kill()
    finish(process)
    front.let_go(dropping=True)
    run = only_run(online)
    assert not (run / "report.csv").exists()
    assert_finished(online, front, run)


def test_a_run_that_is_still_going_on_is_left_alone(online: Workplace, front: Front) -> None:
    """Rerun of it is refused, sends nothing and leaves no folder; the run itself does not notice."""
    process = start_and_hold(online, front)
    run = only_run(online)
    refused = online.run("rerun", run)
    assert refused.status == 2
    assert f"still running (process {process.pid})" in refused.err
    assert "Traceback" not in refused.err
    assert online.runs == [run.name]
    assert front.posts == BEFORE + HELD
    front.let_go()
    done = finish(process)
    assert done.status == 0, done
    assert statuses(online.lines(done.run)) == {"created": ROWS}
    assert disagreements(online.lines(done.run), read_truth(front.state)) == []


def test_a_rehearsal_that_is_killed_goes_on_as_a_rehearsal(place: Workplace) -> None:
    """The embedded stand-in is killed with the run; rerun needs no option to find it again."""
    state = place.path / "reports" / "sandbox.sqlite3"
    process = place.start("run", place.write("s.csv", shadows(ROWS)), "--sandbox", "--rate", "rootly=20/s")
    wait_until(lambda: count_objects(state) >= 2)
    process.kill()
    finish(process)
    run = only_run(place)
    done = place.run("rerun", run, variables={"IMPORTER_SETTLE": "0.05"})
    assert done.status == 0, done
    lines = place.lines(done.run)
    assert len(lines) == ROWS
    assert disagreements(lines, read_truth(state)) == []


def test_a_run_that_was_killed_while_it_read_is_started_again(place: Workplace) -> None:
    """Nothing was sent; rerun of its folder reads the sources anew."""
    source = place.path / "s.csv"
    os.mkfifo(source)
    process = place.start("run", source, "--sandbox")
    with source.open("w") as slow:  # opens once the run reads; it waits for more
        process.kill()
        finish(process)
        slow.close()
    source.unlink()
    place.write(source.name, shadows(3))
    run = only_run(place)
    assert count_objects(place.path / "reports" / "sandbox.sqlite3") == 0
    done = place.run("rerun", run)
    assert done.status == 0, done
    assert statuses(place.lines(done.run)) == {"created": 3}


def test_what_cannot_be_read_again_is_said(place: Workplace) -> None:
    """Standard input is gone with the run that was killed while it read it."""
    process = place.start("run", place.write("s.csv", shadows(3)), "-", "--sandbox")
    wait_until(lambda: any(not run.startswith(".") for run in place.runs))  # hidden while it is made
    process.kill()
    finish(process)
    done = place.run("rerun", only_run(place))
    assert done.status == 2
    assert "nothing was sent" in done.err
    assert "oncall-importer run" in done.err
