"""Whether the oracle can see: the policy is broken on purpose, and then it must find records that are there twice."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import anyio
import pytest

from importer.delivery import delivery
from importer.delivery.replies import Judgement, Verdict, judge_post
from importer.delivery.transport import Connection
from importer.records import TargetName
from importer.session.target_lock import lock_path

from .rehearsal import ROWS, Rehearsal, disagreements, shadows

if TYPE_CHECKING:
    from pathlib import Path

    from importer.delivery.client import Reply
    from importer.kinds import RecordKind
    from importer.records import Key
    from importer.result import Result
    from importer.targets.target import Target

pytestmark = pytest.mark.anyio

_ROW_COUNT = 6
_LOST = {"what": "reset", "when": "after", "at": [2, 3]}
_LATE = {"what": "late_commit", "delay": 1.0, "form": "reset", "at": [2, 3]}


def doubles(rehearsal: Rehearsal, result: Result) -> int:
    """Count what the oracle says is there twice."""
    return sum("is there twice" in wrong for wrong in disagreements(rehearsal, result, _ROW_COUNT))


def _judge_carelessly(reply: Reply, target: Target, kind: RecordKind, key: Key) -> Judgement:
    """Take what is in doubt for not sent: it is sent again, and nobody is asked."""
    judgement = judge_post(reply, target, kind, key)
    return judgement._replace(verdict=Verdict.NOT_SENT) if judgement.verdict is Verdict.IN_DOUBT else judgement


@pytest.mark.parametrize("target", ["opal", "rootly"])
@pytest.mark.parametrize("is_broken", [False, True], ids=["the policy as it is", "what is in doubt was not sent"])
async def test_an_answer_lost_after_the_commit(
    target: str, is_broken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_broken:
        monkeypatch.setattr(
            delivery, "judge_post", _judge_carelessly
        )  # nobody should be able to pass a wrong policy in
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served({**_LOST, "target": target}):
        result = await rehearsal.run(ROWS[target](_ROW_COUNT))
    assert doubles(rehearsal, result) == (2 if is_broken else 0)


@pytest.mark.parametrize("settle", [0.0, 1.2], ids=["no settling time", "longer than the latest commit"])
async def test_a_commit_that_comes_late(settle: float, tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path, {"settle": settle})
    async with rehearsal.served(_LATE):
        result = await rehearsal.run(shadows(_ROW_COUNT))
    assert doubles(rehearsal, result) == (0 if settle else 2)


async def _left_by_a_kill(rehearsal: Rehearsal) -> Path:
    """Give a copy of what is on disk while a run waits for its first answers, and end that run."""
    async with anyio.create_task_group() as group:
        group.start_soon(rehearsal.run, shadows(_ROW_COUNT))
        while rehearsal.posts() < rehearsal.options["concurrency"]:
            await anyio.lowlevel.checkpoint()
        (run,) = (rehearsal.folder / "reports").iterdir()
        left = shutil.copytree(run, rehearsal.folder / "killed")
        group.cancel_scope.cancel()
    return left


def _plan_again(folder: Path) -> None:
    """Take what was being sent for planned."""
    with closing(sqlite3.connect(folder / "journal.sqlite3")) as journal, journal:
        journal.execute("UPDATE record SET state = 'planned' WHERE state = 'sending'")


@pytest.mark.parametrize("is_broken", [False, True], ids=["the journal as it is", "what was being sent is planned"])
async def test_a_kill_between_request_and_answer(is_broken: bool, tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path, {"settle": 1.2, "request_timeout": 30.0, "concurrency": 2})
    async with rehearsal.served({**_LATE, "form": "hang", "at": [1, 2]}):
        left = await _left_by_a_kill(rehearsal)
        lock_path(TargetName.ROOTLY, Connection(rehearsal.options["rootly_base_url"], "")).unlink()  # the journal alone
        if is_broken:
            _plan_again(left)
        again = await rehearsal.rerun(left)
    assert doubles(rehearsal, again) == (2 if is_broken else 0)
