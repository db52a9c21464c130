"""An undo against a target that fails: whatever it says of an object is true, and the next one finishes it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import anyio.to_thread
import pytest
from sandbox_truth import read_truth

from importer.sandbox.directory_file import TOKEN
from importer.statuses import Status

from .rehearsal import Rehearsal, read_report, schedules, shadows

if TYPE_CHECKING:
    from pathlib import Path

    from importer.result import Result

pytestmark = pytest.mark.anyio

ROWS = 8
FIRST = datetime(2027, 1, 1, tzinfo=UTC).timestamp()  # when the first of the shadows begins
_DELETE = {"method": "DELETE", "times": 5}
FAULTS: list[dict[str, Any]] = [
    {"what": "reset", "when": "after", **_DELETE},
    {"what": "reset", "when": "before", **_DELETE},
    {"what": "close", "when": "after", "sent": "body", **_DELETE},
    {"what": "hang", "when": "after", **_DELETE},
    {"what": "hang", "when": "before", **_DELETE},
    {"what": "status", "when": "before", "status": 429, "retry_after": "0", **_DELETE},
    {"what": "status", "when": "before", "status": 503, **_DELETE},
    {"what": "status", "when": "after", "status": 500, **_DELETE},
    {"what": "status", "when": "after", "status": 307, "to": "http://127.0.0.1:9", **_DELETE},
    {"what": "status", "when": "after", "status": 404, "form": "html", **_DELETE},
    # An answer that says that it is done, or was done before, and nothing is.
    *({"what": "status", "when": "before", "status": status, **_DELETE} for status in (200, 202, 204, 404, 410)),
    {"what": "status", "when": "after", "status": 410, **_DELETE},
    {"what": "html", **_DELETE},
    {"what": "empty", "status": 204, **_DELETE},
    {"what": "truncated", "form": "json", **_DELETE},
    {"what": "endless", **_DELETE},
    {"what": "go_away", "method": "DELETE", "delay": 0.3},
    {"what": "reset", "method": "GET", "path": "/on_call_shadows/", "times": 5},
    {"what": "html", "method": "GET", "path": "/on_call_shadows/", "times": 3},
    {"what": "status", "method": "GET", "path": "/on_call_shadows/", "status": 429, "retry_after": "0", "times": 3},
    # Rootly has answered this to questions about one override, while its list had it.
    {"what": "status", "when": "before", "method": "GET", "path": "/on_call_shadows/", "status": 404, "times": 6},
    {"what": "status", "when": "before", "method": "any", "path": "/on_call_shadows/", "status": 404, "times": 6},
]


def lies(rehearsal: Rehearsal, undone: Result) -> list[str]:
    """Say every way in which an undo's report and the sandbox disagree; there should be none."""
    there = {made.id for made in read_truth(rehearsal.state).objects}
    wrong = []
    for line in read_report(undone):
        status, id_ = Status(line["import_status"]), line["import_id"]
        if status.is_removed and id_ in there:
            wrong.append(f"{id_} is {status}, and is there")
        if status in (Status.FAILED, Status.PENDING, Status.CHANGED, Status.KEPT) and id_ not in there:
            wrong.append(f"{id_} is {status}, and is not there: {line['import_error']}")
    return wrong


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: " ".join(map(str, list(fault.values())[:4])))
async def test_whatever_fails_what_is_said_is_true_and_another_undo_finishes_it(
    fault: dict[str, Any], tmp_path: Path
) -> None:
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served({"target": "rootly", **fault}):
        others = await rehearsal.run(schedules(2))
        run = await rehearsal.run(shadows(ROWS))
        undone = await rehearsal.undo(run)
        assert lies(rehearsal, undone) == []
        assert sum(undone.statuses.values()) == ROWS
        left = await rehearsal.undo(run)
    assert left.exit_status == 0, left
    assert lies(rehearsal, left) == []
    assert {made.id for made in read_truth(rehearsal.state).objects} == {
        line["import_id"] for line in read_report(others)
    }
    assert rehearsal.leaks() == []


@pytest.mark.parametrize("unseen", [{}, {"first": 2 * ROWS}], ids=["always", "later"])
async def test_an_object_that_only_its_list_shows_is_not_called_deleted_because_its_own_answer_is_404(
    unseen: dict[str, int], tmp_path: Path
) -> None:
    """The list that counts is read after the DELETE whose answer says nothing."""
    rehearsal = Rehearsal(tmp_path)
    lost = {"what": "status", "when": "before", "status": 500, **_DELETE}
    applied = {"what": "status", "when": "after", "status": 500, "method": "DELETE", "first": 6, "times": 2}
    hidden = {"what": "status", "when": "before", "method": "GET", "path": "/on_call_shadows/", "status": 404, **unseen}
    async with rehearsal.served(lost, applied, hidden):
        run = await rehearsal.run(shadows(ROWS))
        undone = await rehearsal.undo(run)
        assert lies(rehearsal, undone) == []
    assert undone.statuses == {Status.DELETED: ROWS}


@pytest.mark.parametrize("seed", range(6))
async def test_with_a_third_of_all_answers_lost_nothing_is_said_that_is_not_so(seed: int, tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    common = {"method": "DELETE", "probability": 0.2, "target": "rootly"}
    faults: list[dict[str, Any]] = [
        {"what": "reset", "when": "after", **common},
        {"what": "status", "when": "before", "status": 500, **common},
        {"what": "close", "when": "before", **common},
        {"what": "reset", "method": "GET", "path": "/on_call_shadows/", "probability": 0.2},
    ]
    async with rehearsal.served(*faults, seed=seed):
        run = await rehearsal.run(shadows(20))
        undone = await rehearsal.undo(run)
        assert lies(rehearsal, undone) == []
        while undone.exit_status:
            undone = await rehearsal.undo(run)
            assert lies(rehearsal, undone) == []
    assert read_truth(rehearsal.state).objects == ()


async def test_an_active_shadow_whose_answer_was_lost_is_known_to_be_cut(tmp_path: Path) -> None:
    """It has another end than was sent, and nobody but the undo has changed it; an undo that follows says so, too."""
    clock = [0.0]
    rehearsal = Rehearsal(tmp_path)
    lost = {"what": "reset", "when": "after", "method": "DELETE"}
    async with rehearsal.served(lost, now=lambda: clock[0]):
        clock[0] = FIRST - 3600
        run = await rehearsal.run(shadows(2))
        clock[0] = FIRST + 1800  # the first of them has begun
        undone = await rehearsal.undo(run)
        again = await rehearsal.undo(run)
    assert undone.statuses == again.statuses == {Status.DELETED: 1, Status.CUT: 1}
    assert undone.exit_status == 0


@pytest.mark.parametrize("status", [200, 202, 404, 410])
async def test_what_is_still_there_is_not_deleted_whatever_the_target_says(status: int, tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served({"what": "status", "when": "before", "status": status, "method": "DELETE"}):
        run = await rehearsal.run(shadows(2))
        undone = await rehearsal.undo(run)
    assert undone.statuses == {Status.FAILED: 2}
    assert all("still there" in line["import_error"] for line in read_report(undone))


async def test_a_schedule_that_may_not_be_deleted_from_is_left_with_the_servers_words(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    refusal = {"what": "status", "status": 403, "when": "before", "method": "DELETE"}
    async with rehearsal.served(refusal):
        run = await rehearsal.run(shadows(2))
        undone = await rehearsal.undo(run)
    assert undone.statuses == {Status.FAILED: 2}
    assert undone.exit_status == 1
    assert all(line["import_http_status"] == "403" for line in read_report(undone))
    assert lies(rehearsal, undone) == []


async def test_a_target_that_does_not_come_back_ends_the_undo(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served({"what": "go_away", "method": "DELETE", "target": "rootly"}):
        run = await rehearsal.run(shadows(4))
        undone = await rehearsal.undo(run, breaker_timeout=0.3)
    assert undone.exit_status == 4
    assert lies(rehearsal, undone) == []


async def test_limits_are_kept(tmp_path: Path) -> None:
    """Reads and writes each at the pace that is set."""
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served():
        run = await rehearsal.run(shadows(20))
        await rehearsal.undo(run, rate=["rootly=40/s"])
    times = [one.monotonic for one in read_truth(rehearsal.state).requests if one.method == "DELETE"]
    assert len(times) == 20
    assert times[-1] - times[0] >= 19 / 40 * 0.9


GROUP = "7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1d02"  # of the sandbox's own


async def members(rehearsal: Rehearsal) -> set[str]:
    """Give the ids in the group's list."""
    url = f"{rehearsal.options['opal_base_url']}/groups/{GROUP}/on-call-schedules"
    request = Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
    answer = await anyio.to_thread.run_sync(lambda: urlopen(request).read())
    return {item["on_call_schedule_id"] for item in json.loads(answer)["on_call_schedules"]}


@pytest.mark.parametrize("seed", range(6))
async def test_with_half_of_all_puts_lost_a_group_keeps_what_others_put_there(seed: int, tmp_path: Path) -> None:
    """Whatever an undo says of a schedule's group is so, and when all is done just ours is out."""
    rehearsal = Rehearsal(tmp_path)
    common = {"method": "PUT", "probability": 0.15, "target": "opal", "first": 3}
    faults: list[dict[str, Any]] = [
        {"what": "reset", "when": "after", **common},
        {"what": "reset", "when": "before", **common},
        {"what": "status", "when": "before", "status": 503, **common},
        {"what": "truncated", **common},
    ]
    async with rehearsal.served(*faults, seed=seed):
        others = await rehearsal.run(schedules(3).iloc[:2].assign(group=GROUP))
        run = await rehearsal.run(schedules(ROWS).assign(group=GROUP))
        theirs = {line["import_id"] for line in read_report(others)}
        undone = await rehearsal.undo(run)
        while undone.statuses != {Status.MANUAL: ROWS - len(theirs)}:
            still = await members(rehearsal)
            out = {line["import_id"] for line in read_report(undone) if line["import_status"] == "manual"}
            assert theirs <= still
            assert not out & still
            undone = await rehearsal.undo(run)
        assert await members(rehearsal) == theirs
    assert rehearsal.leaks() == []
