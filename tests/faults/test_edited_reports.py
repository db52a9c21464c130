"""What people do to a report before they rerun it: nothing is lost by it, nothing is created twice."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import importer
from importer.delivery.transport import Connection
from importer.errors import SourceError
from importer.session.target_lock import take_turn
from importer.statuses import Status

from .rehearsal import Rehearsal, read_report, schedules, shadows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from importer.result import Result

    Lines = list[dict[str, str]]

pytestmark = pytest.mark.anyio


async def edit_and_rerun(
    rehearsal: Rehearsal, result: Result, edit: Callable[[Lines], Lines], *, moved_to: Path | None = None
) -> Result:
    """Edit the lines of a report in place, or a copy of it far from its journal, and rerun that."""
    assert result.folder is not None
    lines = edit(read_report(result))
    path = (moved_to or result.folder) / "report.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, lines[0].keys())
        writer.writeheader()
        writer.writerows(lines)
    return await importer.rerun(path, **rehearsal._given({}))


def without(line: dict[str, str], column: str) -> dict[str, str]:
    return {name: text for name, text in line.items() if name != column}


async def test_a_line_copied_from_one_that_succeeded_is_not_taken_for_a_success(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served():
        result = await rehearsal.run(schedules(2))
        again = await edit_and_rerun(rehearsal, result, lambda lines: [*lines, {**lines[0], "remote_id": "PNEWNEW"}])
    assert again.exit_status == 1
    refused = [line for line in read_report(again) if line["import_status"] == "invalid"]
    assert "PNEWNEW" in {line["remote_id"] for line in refused}
    assert all("import_id" in line["import_hint"] for line in refused)


async def test_a_row_changed_after_it_was_created_is_said_to_be(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served():
        result = await rehearsal.run(schedules(2))
        again = await edit_and_rerun(rehearsal, result, lambda lines: [{**lines[0], "remote_id": "POTHER1"}, lines[1]])
    changed, kept = read_report(again)
    assert changed["import_status"] == "invalid"
    assert "created as" in changed["import_error"]
    assert kept["import_status"] == "created"


async def test_successes_whose_ids_were_deleted_are_asked_for_and_get_them_back(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served():
        result = await rehearsal.run(schedules(2))
        before, sent = read_report(result), rehearsal.posts()
        again = await edit_and_rerun(
            rehearsal,
            result,
            lambda lines: [{name: text for name, text in line.items() if name != "import_id"} for line in lines],
        )
        assert rehearsal.posts() == sent
    assert [line["import_id"] for line in read_report(again)] == [line["import_id"] for line in before]


async def test_a_duplicate_whose_first_row_in_doubt_was_deleted_is_asked_about(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path, {"breaker_timeout": 0.1})
    twice = pd.concat([schedules(1), schedules(1)])
    dead = {"what": "status", "status": 500, "method": "GET", "first": 2}
    async with rehearsal.served({"what": "reset", "when": "after"}, dead):
        result = await rehearsal.run(twice)
    assert [line["import_status"] for line in read_report(result)] == ["unknown", "duplicate"]
    async with rehearsal.served():
        again = await edit_and_rerun(rehearsal, result, lambda lines: lines[1:], moved_to=tmp_path)
        assert rehearsal.posts() == 0 or len(rehearsal.there()) == 1
    assert again.statuses == {Status.CREATED: 1}


async def test_sheets_that_spell_a_column_in_two_ways_can_be_rerun_from_their_report(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    other = schedules(4)[2:].rename(columns={"remote_id": "Remote ID"})
    async with rehearsal.served({"what": "status", "status": 422, "method": "POST", "at": [2, 4]}):
        result = await rehearsal.run(schedules(2), other)
        assert result.count(Status.REJECTED) == 2
        again = await edit_and_rerun(rehearsal, result, lambda lines: lines)
    assert again.statuses == {Status.CREATED: 4}
    assert len(rehearsal.there()) == 4


async def test_an_unknown_row_whose_kind_was_changed_ends_in_a_status(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path, {"breaker_timeout": 0.1})
    rows = shadows(1).assign(kind="shadow", remote_id="", third_party_provider="")
    dead = {"what": "status", "status": 500, "method": "GET", "first": 2}
    async with rehearsal.served({"what": "reset", "when": "after"}, dead):
        result = await rehearsal.run(rows)
    changed = {"kind": "schedule", "remote_id": "PABCDEF", "third_party_provider": "PAGER_DUTY"}
    async with rehearsal.served():
        again = await edit_and_rerun(rehearsal, result, lambda lines: [{**lines[0], **changed}])
    assert again.statuses == {Status.UNKNOWN: 1}
    assert again.exit_status == 3


async def test_a_report_that_hides_which_run_it_is_from_is_refused(tmp_path: Path) -> None:
    """Its successes can be those of a rehearsal."""
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served():
        result = await rehearsal.run(schedules(2))
        with pytest.raises(SourceError, match="which run"):
            await edit_and_rerun(
                rehearsal, result, lambda lines: [{**line, "import_run": ""} for line in lines], moved_to=tmp_path
            )


async def test_who_comes_after_a_run_that_died_is_told_and_waits(tmp_path: Path) -> None:
    import anyio

    connection = Connection("https://target.example", f"token of {tmp_path}")
    turn: dict[str, Any] = {"connection": connection, "interrupted": anyio.Event(), "tell": None}
    async with take_turn("opal", holder=tmp_path / "first", **turn) as first:
        assert first.left_by == ""
    async with take_turn("opal", holder=tmp_path / "second", **turn) as second:
        assert str(tmp_path / "first") in second.left_by
        second.is_settled = True
    async with take_turn("opal", holder=tmp_path / "third", **turn) as third:
        assert third.left_by == ""


@pytest.mark.parametrize("place", ["beside its journal", "moved", "alone"])
async def test_an_invalid_row_of_an_unchanged_report_stays_invalid(tmp_path: Path, place: str) -> None:
    """An empty column means something too: without `remote_id` the other sheet's `schedule_id` would be one."""
    rehearsal = Rehearsal(tmp_path)
    empty = pd.DataFrame({"third_party_provider": ["PAGER_DUTY"], "remote_id": [""], "schedule_id": ["PWRONG1"]})
    endless = shadows(1).drop(columns="ends_at").assign(repeat="", until="2027-06-01", timezone="UTC")
    async with rehearsal.served():
        result = await rehearsal.run(empty, endless, shadows(2)[1:])
        assert result.statuses == {Status.INVALID: 2, Status.CREATED: 1}
        sent = rehearsal.posts()
        if place == "alone":
            rehearsal.options["reports"] = tmp_path / "others"
        moved_to = None if place == "beside its journal" else tmp_path
        again = await edit_and_rerun(rehearsal, result, lambda lines: lines, moved_to=moved_to)
        assert again.statuses == result.statuses
        assert rehearsal.posts() == sent
    if place != "alone":
        assert list(read_report(again)[0]) == list(read_report(result)[0])


async def test_a_changed_row_is_refused_by_every_rerun_until_it_is_put_back(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served():
        result = await rehearsal.run(schedules(2))
        before, sent = read_report(result), rehearsal.posts()
        again = await edit_and_rerun(rehearsal, result, lambda lines: [{**lines[0], "remote_id": "POTHER1"}, lines[1]])
        again = await rehearsal.rerun(again)
        again = await edit_and_rerun(rehearsal, again, lambda lines: lines)
        refused = read_report(again)[0]
        assert (refused["import_status"], refused["import_id"]) == ("invalid", before[0]["import_id"])
        again = await edit_and_rerun(
            rehearsal, again, lambda lines: [{**lines[0], "remote_id": before[0]["remote_id"]}, lines[1]]
        )
        assert rehearsal.posts() == sent
    assert [(line["import_status"], line["import_id"]) for line in read_report(again)] == [
        (line["import_status"], line["import_id"]) for line in before
    ]


async def test_names_in_unchanged_lines_that_succeeded_are_not_looked_up_again(tmp_path: Path) -> None:
    """Somebody may have left since, or be called otherwise; also where the columns were moved."""
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served():
        result = await rehearsal.run(shadows(2).assign(shadow_user_id="Lena Novák"))
        assert result.statuses == {Status.CREATED: 2}
    async with rehearsal.served({"what": "status", "status": 404, "method": "GET"}):
        again = await edit_and_rerun(rehearsal, result, lambda lines: [dict(reversed(one.items())) for one in lines])
    assert again.statuses == {Status.CREATED: 2}
    assert [line["import_id"] for line in read_report(again)] == [line["import_id"] for line in read_report(result)]
