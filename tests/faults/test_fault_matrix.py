"""Every fault x both targets: each row ends in one status, nothing is there twice, and a rerun finishes the job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from importer.statuses import Status

from .rehearsal import ROWS, Rehearsal, disagreements, read_report

if TYPE_CHECKING:
    from pathlib import Path

ROW_COUNT = 6

#: Faults at the second and the third POST; the product must get over each of them within the run.
PASSING: dict[str, dict[str, Any]] = {
    "reset before the commit": {"what": "reset", "when": "before"},
    "reset inside the head": {"what": "reset", "when": "before", "sent": "head"},
    "reset inside the body": {"what": "reset", "when": "before", "sent": "body"},
    "closed before the commit": {"what": "close", "when": "before"},
    "hang before the commit": {"what": "hang", "when": "before"},
    "429 with seconds": {"what": "status", "when": "before", "status": 429, "retry_after": "0"},
    "429 with a date": {"what": "status", "when": "before", "status": 429, "retry_date": -1.0},
    "429 with a negative Retry-After": {"what": "status", "when": "before", "status": 429, "retry_after": "-5"},
    "429 with a silly Retry-After": {"what": "status", "when": "before", "status": 429, "retry_after": "banana"},
    "429 with X-RateLimit-Reset": {"what": "status", "when": "before", "status": 429, "reset_in": 0.0},
    "429 with nothing": {"what": "status", "when": "before", "status": 429},
    "503 before the commit": {"what": "status", "when": "before", "status": 503},
    "500 as HTML before the commit": {"what": "status", "when": "before", "status": 500, "form": "html"},
    "408": {"what": "status", "when": "before", "status": 408},
    "409": {"what": "status", "when": "before", "status": 409},
    "425": {"what": "status", "when": "before", "status": 425},
    "redirect to elsewhere": {"what": "status", "when": "before", "status": 307, "to": "http://127.0.0.1:9"},
    "reset after the commit": {"what": "reset", "when": "after"},
    "reset in the body after the commit": {"what": "reset", "when": "after", "sent": "body"},
    "closed after the commit": {"what": "close", "when": "after"},
    "hang after the commit": {"what": "hang", "when": "after"},
    "drip": {"what": "drip", "pace": 0.05},
    "500 after the commit": {"what": "status", "when": "after", "status": 500},
    "502 after the commit": {"what": "status", "when": "after", "status": 502, "form": "html"},
    "503 after the commit": {"what": "status", "when": "after", "status": 503, "form": "empty"},
    "504 after the commit": {"what": "status", "when": "after", "status": 504, "form": "text"},
    "redirect after the commit": {"what": "status", "when": "after", "status": 302, "to": "http://127.0.0.1:9"},
    "broken JSON": {"what": "truncated", "form": "json"},
    "Content-Length too long": {"what": "truncated", "form": "length"},
    "chunks cut off": {"what": "truncated", "form": "chunked"},
    "cut off and closed": {"what": "truncated", "form": "until_close"},
    "HTML as success": {"what": "html"},
    "empty body": {"what": "empty"},
    "nested JSON": {"what": "nested"},
    "no id": {"what": "no_id", "form": "missing"},
    "null id": {"what": "no_id", "form": "null"},
    "malformed id": {"what": "no_id", "form": "malformed"},
    "another record's values": {"what": "foreign", "form": "own_id"},
    "another record's values and id": {"what": "foreign", "form": "foreign_id"},
    "success that was none": {"what": "html", "when": "before"},
    "closes after each answer": {"what": "close_after"},
    "endless body": {"what": "endless"},
    "gzip bomb": {"what": "gzip_bomb"},
    "late commit": {"what": "late_commit", "delay": 0.02},
    "late commit behind a 503": {"what": "late_commit", "delay": 0.02, "form": "status", "status": 503},
}


@pytest.mark.anyio
@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
async def test_a_passing_fault_of_each_target_costs_no_row_and_makes_none_twice(
    fault: dict[str, Any], tmp_path: Path
) -> None:
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served(*({**fault, "target": target, "at": [2, 3]} for target in ROWS)):
        result = await rehearsal.run(*(rows(ROW_COUNT) for rows in ROWS.values()))
        assert disagreements(rehearsal, result, len(ROWS) * ROW_COUNT) == []
        assert result.statuses == {Status.CREATED: len(ROWS) * ROW_COUNT}
        sent = rehearsal.posts()
        again = await rehearsal.rerun(result)
        assert rehearsal.posts() == sent
        assert again.exit_status == 0
    assert rehearsal.leaks() == []


@pytest.mark.anyio
@pytest.mark.parametrize("place", [1, 3])
async def test_a_403_on_one_of_many_schedules_refuses_that_row_alone(place: int, tmp_path: Path) -> None:
    """Opal has no scopes: what stops at such a row would stop there again at every rerun."""
    rehearsal = Rehearsal(tmp_path, {"concurrency": 1})
    async with rehearsal.served({"what": "status", "status": 403, "at": [place], "method": "POST", "target": "opal"}):
        result = await rehearsal.run(ROWS["opal"](ROW_COUNT))
    assert disagreements(rehearsal, result, ROW_COUNT) == []
    assert result.statuses == {Status.CREATED: ROW_COUNT - 1, Status.REJECTED: 1}
    assert result.exit_status == 1
    ((_, line),) = result.problems
    assert "token" in line.outcome.hint


@pytest.mark.anyio
async def test_a_token_that_may_create_nothing_is_not_tried_for_each_row(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path, {"concurrency": 1})
    async with rehearsal.served({"what": "status", "status": 403, "method": "POST", "target": "opal"}):
        result = await rehearsal.run(ROWS["opal"](120))
    assert (result.statuses, result.exit_status) == ({Status.PENDING: 120}, 4)
    assert rehearsal.posts() == 101


@pytest.mark.anyio
@pytest.mark.parametrize("target", ["opal", "rootly"])
async def test_every_row_that_a_refused_token_left_says_what_to_do(target: str, tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served({"what": "status", "status": 401, "first": 3, "method": "POST", "target": target}):
        result = await rehearsal.run(ROWS[target](ROW_COUNT))
    hints = {
        line["import_hint"].partition(" Warning: ")[0]
        for line in read_report(result)
        if line["import_status"] == Status.PENDING
    }
    assert hints == {"Check the token and what it may do, then rerun."}


@pytest.mark.anyio
async def test_a_list_that_cannot_be_read_leads_to_the_doctor(tmp_path: Path) -> None:
    """A rerun alone would meet the same page again."""
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served({"what": "html", "status": 200, "when": "before", "method": "GET", "target": "opal"}):
        result = await rehearsal.run(ROWS["opal"](1))
    assert result.statuses == {Status.FAILED: 1}
    ((_, line),) = result.problems
    assert "oncall-importer doctor" in line.outcome.hint


#: Faults that do not pass: how each run ends, as one of these statuses for each row.
LASTING: dict[str, tuple[dict[str, Any], set[Status], set[int]]] = {
    "token refused at the start": (
        {"what": "status", "status": 401, "method": "any"},
        {Status.PENDING},
        {4},
    ),
    "token refused in the middle": (
        {"what": "status", "status": 401, "first": 3, "method": "POST"},
        {Status.CREATED, Status.PENDING},
        {4},
    ),
    "403 on every write": ({"what": "status", "status": 403, "method": "POST"}, {Status.PENDING}, {4}),
    "403 on everything": ({"what": "status", "status": 403, "method": "any"}, {Status.PENDING}, {4}),
    "422 on every POST": ({"what": "status", "status": 422, "method": "POST"}, {Status.REJECTED}, {1}),
    "503 on everything": ({"what": "status", "status": 503, "method": "any"}, {Status.PENDING}, {4}),
    "503 after every commit": (
        {"what": "status", "status": 503, "method": "POST", "when": "after"},
        {Status.CREATED},
        {0},
    ),
    "lists that fail": ({"what": "status", "status": 500, "method": "GET"}, {Status.PENDING, Status.FAILED}, {1, 4}),
    "an endless list": ({"what": "endless_list"}, {Status.FAILED}, {1}),
}


@pytest.mark.anyio
@pytest.mark.parametrize("target", ["opal", "rootly"])
@pytest.mark.parametrize(("fault", "statuses", "exits"), LASTING.values(), ids=LASTING.keys())
async def test_a_lasting_fault_ends_in_honest_statuses_and_a_rerun_on_a_well_target_finishes(
    target: str, fault: dict[str, Any], statuses: set[Status], exits: set[int], tmp_path: Path
) -> None:
    if fault["what"] == "endless_list" and target == "opal":
        pytest.skip("Opal's list has no pages")
    rehearsal = Rehearsal(tmp_path, {"breaker_timeout": 0.2})
    async with rehearsal.served({**fault, "target": target}):
        result = await rehearsal.run(ROWS[target](ROW_COUNT))
    assert disagreements(rehearsal, result, ROW_COUNT) == []
    assert set(result.statuses) <= statuses
    assert result.exit_status in exits
    async with rehearsal.served():
        again = await rehearsal.rerun(result)
        assert disagreements(rehearsal, again, ROW_COUNT) == []
        assert again.exit_status == 0
        sent = rehearsal.posts()
        assert (await rehearsal.rerun(again)).exit_status == 0
        assert rehearsal.posts() == sent
    assert rehearsal.leaks() == []
