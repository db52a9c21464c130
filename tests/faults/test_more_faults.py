"""Faults that need a scene of their own: lists, one schedule, late objects, a target that goes away, certificates."""

from __future__ import annotations

import json
import socket
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest
from sandbox_truth import read_truth

from importer.commands.verify import verify
from importer.session.control import SilentObserver, prepare
from importer.statuses import Status

from .rehearsal import CANARY, SCHEDULES, Rehearsal, disagreements, read_report, schedules, shadows

if TYPE_CHECKING:
    from pathlib import Path

    from importer.records import TargetName

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "fault",
    [
        {"what": "repeat"},
        {"what": "short_pages", "size": 2},
        {"what": "next_link", "form": "meta"},
        {"what": "next_link", "form": "query"},
        {"what": "next_link", "form": "path"},
        {"what": "next_link", "form": "api_path"},
    ],
    ids=lambda fault: f"{fault['what']} {fault.get('form', '')}",
)
async def test_whatever_way_a_list_is_paged_all_that_exists_is_found(fault: dict[str, Any], tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    pages = {"what": "short_pages", "size": 3}
    plan = [fault] if fault["what"] == "short_pages" else [fault, pages]
    async with rehearsal.served():
        await rehearsal.run(shadows(20))
    async with rehearsal.served(*plan):
        result = await rehearsal.run(shadows(20))
        settings, control = prepare(rehearsal._given({}))
        verified = await verify(str(result.folder), settings, control, lambda *_: None)
    assert result.statuses == {Status.EXISTS: 20}
    assert verified.wrong == []
    assert disagreements(rehearsal, result, 20) == []


class _Listener(SilentObserver):
    def __init__(self) -> None:
        self.words: list[str] = []

    def target_noticed(self, target: TargetName, words: str) -> None:
        self.words.append(f"{target}: {words}")


async def test_a_list_that_claims_more_than_it_holds_is_warned_of_and_stops_no_run(tmp_path: Path) -> None:
    """Nothing is sent twice either, and what is found stands in the run's log and in its reports."""
    rehearsal, listener = Rehearsal(tmp_path), _Listener()
    async with rehearsal.served({"what": "large_total"}):
        result = await rehearsal.run(shadows(4), observer=listener)
        again = await rehearsal.run(shadows(4), observer=listener)
    assert (result.statuses, result.exit_status) == ({Status.CREATED: 4}, 0)
    assert (again.statuses, again.exit_status) == ({Status.EXISTS: 4}, 0)
    assert disagreements(rehearsal, again, 4) == []
    for schedule in SCHEDULES[:2]:
        for number in (0, 2):
            about = (
                f"rootly: contradicts itself about schedule {schedule}: its list holds {number} objects and says that"
            )
            assert f"{about} there are {number + 1}; what it does not show is sent" in listener.words
    assert result.folder is not None
    assert "contradicts itself" in (result.folder / "run.log").read_text(encoding="utf-8")
    notices = json.loads((result.folder / "summary.json").read_bytes())["notices"]
    assert sorted(one["text"].partition(":")[0] for one in notices) == [
        f"rootly contradicts itself about schedule {schedule}" for schedule in sorted(SCHEDULES[:2])
    ]


async def test_what_such_a_list_does_not_show_is_not_proved_absent_and_stays_unknown(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    lost = {"what": "reset", "when": "before", "method": "POST", "at": [2]}
    async with rehearsal.served({"what": "large_total"}, lost):
        result = await rehearsal.run(shadows(4), concurrency=1)
        assert (result.statuses, result.exit_status) == ({Status.CREATED: 3, Status.UNKNOWN: 1}, 3)
        assert rehearsal.posts() <= 4
    (unknown,) = [line for line in read_report(result) if line["import_status"] == "unknown"]
    assert "says that there are" in unknown["import_error"]
    async with rehearsal.served():
        again = await rehearsal.rerun(result)
        assert (again.statuses, disagreements(rehearsal, again, 4)) == ({Status.CREATED: 4}, [])


@pytest.mark.parametrize("form", ["other_host", "other_path"])
async def test_a_next_link_to_somewhere_else_is_refused_and_nothing_is_sent(form: str, tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served():
        await rehearsal.run(shadows(20))
        sent = rehearsal.posts()
    link = {"what": "next_link", "form": form}
    async with rehearsal.served(
        link | ({"to": "http://127.0.0.1:9"} if form == "other_host" else {}), {"what": "short_pages", "size": 3}
    ):
        result = await rehearsal.run(shadows(24))
        assert rehearsal.posts() == sent
    assert set(result.statuses) <= {Status.EXISTS, Status.FAILED}
    assert any("refused" in line["import_error"] for line in read_report(result))


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("method", ["any", "POST"])
async def test_one_schedule_that_is_refused_does_not_hold_up_the_others(
    status: int, method: str, tmp_path: Path
) -> None:
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served({"what": "status", "status": status, "method": method, "scope": SCHEDULES[0]}):
        result = await rehearsal.run(shadows(10))
    assert result.statuses == {Status.CREATED: 5, Status.REJECTED: 5}
    assert {line["schedule_id"] for line in read_report(result) if line["import_status"] == "rejected"} == {
        SCHEDULES[0]
    }
    assert disagreements(rehearsal, result, 10) == []


async def test_at_most_as_many_requests_as_are_in_flight_see_a_refused_token(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served({"what": "status", "status": 401, "first": 10, "method": "POST"}):
        result = await rehearsal.run(shadows(100), concurrency=4)
        refused = [request for request in read_truth(rehearsal.state).requests if request.status == 401]
    assert len(refused) <= 4 + 1
    assert result.exit_status == 4
    assert disagreements(rehearsal, result, 100) == []


async def test_an_object_that_shows_late_in_the_list_is_waited_for(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path, {"settle": 0.4})
    lost = {"what": "reset", "when": "after", "target": "rootly", "at": [1, 2]}
    async with rehearsal.served({"what": "lagging_list", "delay": 0.1}, lost):
        result = await rehearsal.run(shadows(6))
    assert result.statuses == {Status.CREATED: 6}
    assert disagreements(rehearsal, result, 6) == []


async def test_a_target_that_comes_back_in_time_costs_no_row(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path, {"breaker_timeout": 30.0})
    gone = {"what": "go_away", "target": "rootly", "first": 5, "delay": 0.3}
    async with rehearsal.served(gone):
        result = await rehearsal.run(schedules(10), shadows(30))
    assert result.statuses == {Status.CREATED: 40}
    assert disagreements(rehearsal, result, 40) == []


async def test_a_target_that_stays_away_is_given_up_and_the_other_is_not_disturbed(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path, {"breaker_timeout": 0.3})
    gone = {"what": "go_away", "target": "rootly", "first": 12, "delay": 600.0}
    async with rehearsal.served(gone):
        result = await rehearsal.run(schedules(10), shadows(30))
    assert result.counts["opal", Status.CREATED] == 10
    assert result.exit_status == 4
    assert result.count(Status.PENDING) > 0
    async with rehearsal.served():  # at another port, so a rerun would be refused: the sources again, and nothing twice
        again = await rehearsal.run(schedules(10), shadows(30))
    assert again.exit_status == 0
    assert disagreements(rehearsal, again, 40) == []


async def test_a_name_that_nobody_knows_leaves_the_rows_pending(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path, {"breaker_timeout": 0.3})
    result = await rehearsal.run(schedules(3), opal_base_url="https://nowhere.invalid/v1")
    assert result.statuses == {Status.PENDING: 3}
    assert result.exit_status == 4


async def test_a_port_where_nobody_listens_leaves_the_rows_pending(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path, {"breaker_timeout": 0.3})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        result = await rehearsal.run(shadows(3), rootly_base_url=url)
    assert result.statuses == {Status.PENDING: 3}
    assert result.exit_status == 4


@pytest.mark.parametrize(
    "fault",
    [
        {"what": "reset", "when": "after", "every": 2},
        {"what": "status", "status": 401, "method": "any"},
        {"what": "status", "status": 500, "form": "html", "every": 2, "method": "POST"},
        {"what": "endless", "at": [1]},
    ],
    ids=lambda fault: fault["what"] + str(fault.get("status", "")),
)
async def test_the_token_is_written_nowhere(
    fault: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rehearsal = Rehearsal(tmp_path, {"breaker_timeout": 0.2})
    async with rehearsal.served(fault):
        result = await rehearsal.run(shadows(6), opal_token=CANARY, rootly_token=CANARY)
    assert result.folder is not None
    assert result.exit_status == 4  # the sandbox knows another token
    written = b"".join(path.read_bytes() for path in (tmp_path / "reports").rglob("*") if path.is_file())
    assert CANARY.encode() not in written
    assert CANARY not in "".join(capfd.readouterr())


async def test_a_clock_that_is_set_back_and_forth_costs_no_row_and_makes_none_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waits go by the monotonic clock; the other one only reads the points in time that a server names."""
    jumps = cycle([0.0, -86_400.0, 31_536_000.0, 3_600.0])
    monkeypatch.setattr("importer.delivery.throttle.time.time", lambda: 1_800_000_000.0 + next(jumps))
    rehearsal = Rehearsal(tmp_path)
    plan: list[dict[str, Any]] = [
        {"what": "reset", "when": "after", "at": [2, 5]},
        {"what": "status", "status": 429, "when": "before", "method": "POST", "at": [3], "retry_date": 0.0},
        {"what": "status", "status": 503, "when": "before", "method": "POST", "at": [4]},
    ]
    async with rehearsal.served(*plan):
        result = await rehearsal.run(schedules(6), shadows(6))
    assert result.statuses == {Status.CREATED: 12}
    assert disagreements(rehearsal, result, 12) == []


async def test_a_rate_at_which_a_run_would_take_weeks_is_refused_and_says_how_long(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served():
        slow = await rehearsal.run(shadows(6), rate=["rootly=0.0000001/s"])
    assert slow.statuses == {Status.PENDING: 6}
    assert {line["import_error"] for line in read_report(slow)} == {
        (
            "not attempted: at the rate that is set, it takes about 694 days; "
            "raise --rate, or send all the same with --yes"
        )
    }
    assert read_truth(rehearsal.state).objects == ()
