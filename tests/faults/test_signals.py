"""SIGINT while answers are outstanding: the run ends in good time, and says of none that was sent that it was not."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
from acceptance.command import finish, statuses

from .online import BEFORE, HELD, Online, online

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_REQUEST_TIMEOUT = 30.0  # unless told: what ends a run before is the grace of ten seconds


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Online]:
    with online(tmp_path) as opened:
        yield opened


def only_run(scene: Online) -> Path:
    (run,) = scene.place.runs
    return scene.place.path / "reports" / run


@pytest.mark.long
def test_answers_that_never_come_are_unknown_after_the_grace_and_rerun_asks_about_them(scene: Online) -> None:
    process = scene.start_and_hold()
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert time.monotonic() - began < _REQUEST_TIMEOUT
    assert done.status == 130, done
    assert "Traceback" not in done.err
    run = only_run(scene)
    pending = len(scene.lines) - 1 - BEFORE - HELD
    assert statuses(scene.place.lines(str(run))) == {"created": BEFORE, "unknown": HELD, "pending": pending}
    scene.front.let_go(dropping=True)
    scene.assert_finished_by_rerun(run)


def test_answers_that_are_lost_after_the_signal_are_still_asked_about(scene: Online) -> None:
    """A half of what was in flight was applied: that is created. The other half is proved absent, and so pending."""
    process = scene.start_and_hold(variables={"IMPORTER_REQUEST_TIMEOUT": "1.5"})
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert done.status == 130, done
    run = only_run(scene)
    applied = BEFORE + HELD // 2
    pending = len(scene.lines) - 1 - applied
    assert statuses(scene.place.lines(str(run))) == {"created": applied, "pending": pending}
    scene.front.let_go(dropping=True)
    assert scene.disagreements(run) == []
    scene.assert_finished_by_rerun(run)
