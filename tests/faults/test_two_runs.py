"""Two runs at once to one target, a run that another one left behind, and a process that stands still for a while."""

from __future__ import annotations

import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from acceptance.command import finish, statuses, wait_until_said
from acceptance.sources import schedules

from .online import BEFORE, HELD, Online, online

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Online]:
    with online(tmp_path) as opened:
        yield opened


def test_a_second_run_is_refused_with_the_firsts_folder_and_process_and_leaves_nothing(scene: Online) -> None:
    first = scene.start_and_hold()
    (run,) = scene.place.runs
    second = finish(scene.start())
    assert second.status == 2
    assert f"{scene.place.path / 'reports' / run} (process {first.pid})" in second.err
    assert "--wait" in second.err
    assert scene.front.posts == BEFORE + HELD
    assert scene.place.runs == [run]
    done = scene.let_go(first)
    assert done.status == 0, done
    assert scene.disagreements(scene.place.path / done.run) == []


def test_a_second_run_that_waits_begins_when_the_first_has_ended(scene: Online) -> None:
    """Only then does it ask what exists, so that it sends nothing that the first one sent; nor is the rate doubled."""
    first = scene.start_and_hold()
    second = scene.start("--wait")
    said = wait_until_said(second, b"waited for")
    assert str(first.pid).encode() in said
    asked = len(scene.front.requests)
    assert scene.front.posts == BEFORE + HELD
    done = scene.let_go(first)
    assert done.status == 0, done
    waited = finish(second)
    assert waited.status == 0, waited
    assert statuses(scene.place.lines(waited.run)) == {"exists": len(scene.lines) - 1}
    assert scene.front.posts == len(scene.lines) - 1
    assert len(scene.front.requests) > asked
    assert scene.front.most_at_once <= HELD


def test_a_run_that_waits_can_be_interrupted_and_leaves_nothing(scene: Online) -> None:
    first = scene.start_and_hold()
    runs = scene.place.runs
    second = scene.start("--wait")
    wait_until_said(second, b"waited for")
    second.send_signal(signal.SIGINT)
    done = finish(second)
    assert done.status == 130
    assert "nothing was sent" in done.err
    assert scene.place.runs == runs
    assert scene.let_go(first).status == 0


def test_no_variable_makes_a_second_run_another_ones(scene: Online) -> None:
    """Neither another home, nor another spelling of the target, nor a second token of the organization."""
    first = scene.start_and_hold()
    port = scene.front.port
    disguises: list[dict[str, str]] = [
        {"HOME": "/nowhere", "XDG_STATE_HOME": str(scene.place.path / "state"), "TMPDIR": str(scene.place.path)},
        {"ROOTLY_TOKEN": "another-token"},
        {"ROOTLY_BASE_URL": f"HTTP://LOCALHOST:{port}/rootly/"},
        {"ROOTLY_BASE_URL": f"http://[::1]:{port}/rootly"},
    ]
    seconds = [scene.start(variables=disguise) for disguise in disguises]
    for second in map(finish, seconds):
        assert second.status == 2, second
        assert f"(process {first.pid})" in second.err
    assert scene.front.posts == BEFORE + HELD
    assert scene.let_go(first).status == 0


def test_a_run_for_the_other_target_is_not_held_up(scene: Online) -> None:
    first = scene.start_and_hold()
    other = scene.command("run", scene.place.write("o.csv", schedules(2)))
    scene.front.wait_for(BEFORE + HELD + 2)
    assert scene.let_go(first).status == 0
    assert finish(other).status == 0


def test_a_run_that_was_refused_one_target_leaves_nothing_to_wait_for_at_the_other(scene: Online) -> None:
    first = scene.start_and_hold()
    source = scene.place.write("o.csv", schedules(2))
    refused = finish(scene.command("run", source, scene.place.path / "s.csv"))
    assert refused.status == 2, refused
    assert scene.let_go(first).status == 0
    done = finish(scene.command("run", source))
    assert done.status == 0, done
    assert "settles" not in done.err


@pytest.mark.parametrize("is_same_source", [True, False], ids=["run again", "rerun"])
def test_what_a_killed_run_left_on_its_way_is_waited_for(scene: Online, is_same_source: bool) -> None:
    """Its lock is taken over at once; what it sent may still be applied, and is seen before anything is sent again."""
    first = scene.start_and_hold()
    (run,) = scene.place.runs
    first.kill()
    finish(first)
    settle = {"IMPORTER_SETTLE": "1"}
    source = scene.place.path / "s.csv"
    arguments = ("run", source) if is_same_source else ("rerun", scene.place.path / "reports" / run)
    second = scene.command(*arguments, variables=settle)
    wait_until_said(second, b"is asked in 1 s")
    done = scene.let_go(second)  # now the half of what was in flight is applied that was not yet
    assert done.status == 0, done
    assert scene.disagreements(scene.place.path / done.run) == []
    assert scene.front.posts == len(scene.lines) - 1


def test_a_process_that_stands_still_again_and_again_sends_nothing_twice(scene: Online) -> None:
    """For longer than a request may take: answers that came meanwhile, or did not, are in doubt and are asked about."""
    variables = {"IMPORTER_REQUEST_TIMEOUT": "0.3"}
    process = scene.start("--rate", "rootly=100/s", variables=variables)
    for number in (3, 9, 15, 21):
        scene.front.wait_for(number)
        process.send_signal(signal.SIGSTOP)
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.4)
        process.send_signal(signal.SIGCONT)
    done = finish(process)
    assert done.status == 0, done
    assert scene.disagreements(scene.place.path / done.run) == []
