"""What people do to a report before they rerun it: nothing is lost by it, nothing is created twice."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import openpyxl
import pandas as pd
import pytest

import importer
from importer.cli.next_command import count_to_mend, next_command
from importer.delivery.transport import Connection
from importer.errors import DamagedError, SettingsError, SourceError, UsageError
from importer.journal.run_folder import JOURNAL_FILE, open_run
from importer.planning.previous_run import find_earlier
from importer.records import TargetName
from importer.session import lifecycle
from importer.session.control import SilentObserver
from importer.session.target_lock import lock_target
from importer.settings.options import load_settings
from importer.statuses import Status

from .rehearsal import Rehearsal, disagreements, read_report, schedules, shadows

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo
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


@pytest.mark.parametrize("is_moved", [False, True])
async def test_what_somebody_else_created_is_not_claimed_by_a_duplicate_whose_first_row_was_refused(
    tmp_path: Path, *, is_moved: bool
) -> None:
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served({"what": "status", "status": 422, "method": "POST", "at": [1]}):
        result = await rehearsal.run(pd.concat([schedules(1), schedules(1)]))
        assert result.statuses == {Status.REJECTED: 1, Status.DUPLICATE: 1}
        await rehearsal.run(schedules(1))
        again = await edit_and_rerun(rehearsal, result, lambda lines: lines, moved_to=tmp_path if is_moved else None)
    assert again.statuses == {Status.EXISTS: 1, Status.DUPLICATE: 1}


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


@pytest.mark.parametrize("edit", [{"ends_at": "2027-03-01T17:30:00Z"}, {"import_part": "1-Mar"}])
async def test_an_unknown_row_that_must_be_put_back_names_the_report_and_not_the_folder(
    edit: dict[str, str], tmp_path: Path
) -> None:
    """A rerun of the folder would end in the same way; the sheet To mend has the row, beside those that are invalid."""
    rehearsal = Rehearsal(tmp_path, {"breaker_timeout": 0.1})
    dead = {"what": "status", "status": 500, "method": "GET", "first": 2}
    async with rehearsal.served({"what": "reset", "when": "after"}, dead):
        result = await rehearsal.run(shadows(1))
    assert next_command(result, load_settings({})).endswith(f"rerun {result.folder}")
    (sent,) = read_report(result)
    async with rehearsal.served():
        again = await edit_and_rerun(rehearsal, result, lambda lines: [{**lines[0], **edit}])
        assert again.statuses == {Status.UNKNOWN: 1}
        assert next_command(again, load_settings({})).endswith(f"rerun {again.folder}/report.xlsx")
        assert count_to_mend(again) == 1
        assert again.folder is not None
        book = openpyxl.load_workbook(again.folder / "report.xlsx")
        header, row = book["To mend"].iter_rows()
        for column, cell in zip(header, row, strict=True):
            if column.value in edit:
                cell.value = sent[column.value]
        book.save(again.folder / "report.xlsx")
        found = await importer.rerun(again.folder / "report.xlsx", **rehearsal._given({}))
    assert found.statuses == {Status.CREATED: 1}
    assert rehearsal.posts() == 1


async def test_invalid_rows_and_unknown_ones_to_put_back_are_all_in_the_sheet_to_mend(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path, {"breaker_timeout": 0.1})
    dead = {"what": "status", "status": 500, "method": "GET", "first": 2}
    rows = shadows(3)
    rows.loc[rows.index[1], "shadow_user_id"] = "?"
    async with rehearsal.served({"what": "reset", "when": "after"}, dead):
        result = await rehearsal.run(rows)
    assert result.count(Status.UNKNOWN) > 0
    assert result.count(Status.INVALID) == 1
    edit = {"ends_at": "2027-09-01T17:30:00Z"}
    async with rehearsal.served():
        again = await edit_and_rerun(
            rehearsal,
            result,
            lambda lines: [{**line, **edit} if line["import_status"] == "unknown" else line for line in lines],
        )
    wanted = [line["import_row"] for line in read_report(again) if line["import_status"] in ("unknown", "invalid")]
    assert again.folder is not None
    header, *lines = openpyxl.load_workbook(again.folder / "report.xlsx")["To mend"].iter_rows(values_only=True)
    assert [str(line[header.index("import_row")]) for line in lines] == wanted
    assert count_to_mend(again) == len(wanted) > 1


async def test_a_report_that_hides_which_run_it_is_from_is_refused(tmp_path: Path) -> None:
    """Its successes can be those of a rehearsal."""
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served():
        result = await rehearsal.run(schedules(2))
        with pytest.raises(SourceError, match="which run"):
            await edit_and_rerun(
                rehearsal, result, lambda lines: [{**line, "import_run": ""} for line in lines], moved_to=tmp_path
            )


async def test_a_run_whose_journal_has_an_odd_option_is_rerun_from_its_report_as_its_hint_says(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served():
        result = await rehearsal.run(schedules(2))
        assert result.folder is not None
        with open_run(result.folder) as opened:
            options = {**opened.journal.info().options, "date_order": "maybe"}
            opened.journal.change_info(options=options)
        with pytest.raises(DamagedError, match='"maybe" is not one of dmy, mdy') as caught:
            await rehearsal.rerun(result)
        assert "rerun from the report.csv in it" in caught.value.hint
        again = await edit_and_rerun(rehearsal, result, lambda lines: lines)
    assert again.statuses == {Status.CREATED: 2}


async def test_who_comes_after_a_run_that_died_is_told_and_waits(tmp_path: Path) -> None:
    import anyio

    connection = Connection(f"https://target.example{tmp_path}", "token")
    lock: dict[str, Any] = {"connection": connection, "interrupted": anyio.Event(), "notify": None}
    async with lock_target(TargetName.OPAL, holder=tmp_path / "first", **lock) as first:
        assert first.left_by == ""
    async with lock_target(TargetName.OPAL, holder=tmp_path / "second", **lock) as second:
        assert str(tmp_path / "first") in second.left_by
        second.is_settled = True
    async with lock_target(TargetName.OPAL, holder=tmp_path / "third", **lock) as third:
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


async def test_statuses_and_ids_edited_beside_the_journal_do_not_count(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served({"what": "status", "status": 422, "method": "POST", "first": 1}):
        result = await rehearsal.run(schedules(2))
    assert result.statuses == {Status.REJECTED: 2}
    claimed = {"import_status": "created", "import_id": "made-up"}
    async with rehearsal.served():
        again = await edit_and_rerun(rehearsal, result, lambda lines: [{**line, **claimed} for line in lines])
    assert again.statuses == {Status.CREATED: 2}
    assert disagreements(rehearsal, again, 2) == []


async def test_a_success_edited_away_from_its_journal_is_told_and_not_sent(tmp_path: Path) -> None:
    """Only the report says that it is there: what its cells say now is not, so one of the two is wrong."""
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served():
        result = await rehearsal.run(schedules(2))
        assert result.folder is not None
        lines = read_report(result)
        (result.folder / JOURNAL_FILE).unlink()
        sent = rehearsal.posts()
        again = await edit_and_rerun(rehearsal, result, lambda _: [{**lines[0], "remote_id": "POTHER1"}, lines[1]])
        assert again.folder is not None
        last = await importer.rerun(again.folder, **rehearsal._given({}))
        assert rehearsal.posts() == sent
    for changed, kept in map(read_report, (again, last)):
        assert (changed["import_status"], changed["import_id"]) == ("invalid", lines[0]["import_id"])
        assert "nothing of what its cells say" in changed["import_error"]
        assert (kept["import_status"], kept["import_id"]) == ("created", lines[1]["import_id"])


async def test_a_report_away_from_its_journal_is_refused_where_nothing_of_it_is(tmp_path: Path) -> None:
    """Only its journal knew the base URL: what was mended would be sent to the wrong place."""
    (tmp_path / "other").mkdir()
    here, other = Rehearsal(tmp_path), Rehearsal(tmp_path / "other")
    async with here.served():
        result = await here.run(schedules(3).assign(remote_id=["PTEST001", "PTEST002", ""]))
    (first, second, bad), moved = read_report(result), tmp_path / "moved"
    moved.mkdir()
    lines = [first, second, {**bad, "remote_id": "PTEST003"}]
    async with other.served():
        with pytest.raises(UsageError, match="has none of the records that the report says") as caught:
            await edit_and_rerun(other, result, lambda _: lines, moved_to=moved)
        assert (
            "base URL of its run, with the cells" in caught.value.hint
        )  # it may be the place, and the cells are others
        assert other.there() == set()
        assert not list((tmp_path / "other" / "reports").iterdir())


async def test_a_success_whose_cells_are_no_record_any_more_is_told_once(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served():
        result = await rehearsal.run(schedules(2).assign(remote_id=["PTEST001", ""]))
        claimed = {"import_status": "created", "import_id": "made-up"}
        (tmp_path / "moved").mkdir()
        edit = partial(map, lambda line: line if line["remote_id"] else {**line, **claimed})
        again = await edit_and_rerun(rehearsal, result, lambda lines: list(edit(lines)), moved_to=tmp_path / "moved")
    assert [line["import_error"] for line in read_report(again)] == ["", "remote_id is empty"]


async def test_what_an_undo_took_back_is_undone_in_a_rerun_and_not_sent(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served():
        result = await rehearsal.run(pd.concat([shadows(3), shadows(1)]))  # the last row is a duplicate of the first
        undo = await rehearsal.undo(result)
        await rehearsal.undo(result)
        sent = rehearsal.posts()
        again = await rehearsal.rerun(result)
        once_more = await rehearsal.rerun(again)
        assert rehearsal.posts() == sent
    for one in (again, once_more):
        assert (one.statuses, one.exit_status) == ({Status.UNDONE: 3, Status.DUPLICATE: 1}, 1)
        *lines, _ = read_report(one)
        assert {line["import_hint"] for line in lines} == {"To import again: oncall-importer run SOURCE"}
        assert {line["import_error"] for line in lines} == {f"the undo {undo.run} took it back"}  # not the second


async def test_a_report_away_from_its_journal_is_read_only_by_its_own_mapping(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    mapping, other = tmp_path / "mapping.toml", tmp_path / "other.toml"
    mapping.write_text('[columns]\n"Real ID" = "remote_id"\n"ID" = "-"\n', encoding="utf-8")
    other.write_text('[columns]\n"ID" = "remote_id"\n"Real ID" = "-"\n', encoding="utf-8")
    source = schedules(2).rename(columns={"remote_id": "Real ID"}).assign(ID=["WRONG1", "WRONG2"])
    async with rehearsal.served({"what": "status", "status": 422, "method": "POST", "first": 1}):
        result = await rehearsal.run(source, mapping=mapping)
        lines = read_report(result)
        assert {line["import_mapping"] for line in lines} == {hashlib.sha256(mapping.read_bytes()).hexdigest()[:12]}
        assert result.folder is not None
        path = tmp_path / "mailed.csv"
        (result.folder / "report.csv").rename(path)
        workbook = (result.folder / "report.xlsx").rename(tmp_path / "mailed.xlsx")
        shutil.rmtree(result.folder)
        for options, words in (({}, "which is not beside it"), ({"mapping": other}, "the mapping given is")):
            with pytest.raises(SettingsError, match=words):
                await importer.rerun(path, **rehearsal._given(options))
        carried = await importer.rerun(workbook, **rehearsal._given({}))
        assert carried.statuses == {Status.REJECTED: 2}
        assert {line["import_mapping"] for line in read_report(carried)} == {lines[0]["import_mapping"]}
    async with rehearsal.served():
        again = await importer.rerun(path, **rehearsal._given({"mapping": mapping}))
    assert again.statuses == {Status.CREATED: 2}
    assert not {key[1] for key in rehearsal.there()} & {"WRONG1", "WRONG2"}


async def test_sheets_that_a_mapping_gives_columns_of_their_own_are_read_from_one_report(tmp_path: Path) -> None:
    """The report has the columns of all sheets side by side, and each row fills its own sheet's."""
    rehearsal = Rehearsal(tmp_path)
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(
        '[columns]\n"ID" = "remote_id"\n[constants]\nthird_party_provider = "PAGER_DUTY"\n'
        '[sheets."Zwei".columns]\n"Nummer" = "remote_id"\n',
        encoding="utf-8",
    )
    with pd.ExcelWriter(tmp_path / "rota.xlsx") as book:
        pd.DataFrame({"ID": ["PTEST001"]}).to_excel(book, sheet_name="One", index=False)
        pd.DataFrame({"Nummer": ["PTEST002"]}).to_excel(book, sheet_name="Zwei", index=False)
    async with rehearsal.served():
        result = await importer.run(tmp_path / "rota.xlsx", **rehearsal._given({"mapping": mapping}))
        assert result.statuses == {Status.CREATED: 2}
        assert result.folder is not None
        for name in ("report.csv", "report.xlsx"):
            moved = shutil.copy(result.folder / name, tmp_path)
            for path, options in ((result.folder / name, {}), (moved, {"reports": tmp_path, "mapping": mapping})):
                again = await importer.rerun(path, **rehearsal._given(options))
                assert again.statuses == result.statuses, path


async def test_a_rerun_at_another_base_url_is_refused_and_says_both(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served():
        result = await rehearsal.run(schedules(2))
        before = rehearsal.options["opal_base_url"]
        await rehearsal.rerun(result, opal_base_url=before.replace("127.0.0.1", "LOCALHOST") + "/")
        with pytest.raises(UsageError) as caught:
            await rehearsal.rerun(result, opal_base_url=f"{before}/staging")
    assert before in caught.value.message
    assert f"{before}/staging" in caught.value.message


class Listener(SilentObserver):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def noticed(self, notice: importer.Notice) -> None:
        self.heard.append(notice.text)


async def test_rows_missing_new_and_given_twice_are_named(tmp_path: Path) -> None:
    listener = Listener()
    rehearsal = Rehearsal(tmp_path, {"observer": listener})
    async with rehearsal.served():
        result = await rehearsal.run(schedules(4))
        new = {"third_party_provider": "PAGER_DUTY", "remote_id": "PNEW111"}
        again = await edit_and_rerun(
            rehearsal, result, lambda lines: [lines[3], lines[0], lines[0], dict.fromkeys(lines[0], "") | new]
        )
    assert again.statuses == {Status.CREATED: 3, Status.DUPLICATE: 1}
    missing, added, repeated = listener.heard[-3:]
    assert missing.startswith("not in ")
    assert missing.endswith("rows 3, 4")
    assert added.startswith("new in ")
    assert repeated.startswith("given more than once")
    assert repeated.endswith("row 2 of sheet DataFrame")
    assert again.folder is not None
    summary = json.loads((again.folder / "summary.json").read_text(encoding="utf-8"))
    assert [notice["text"] for notice in summary["notices"]][-3:] == [missing, added, repeated]
    assert summary["notices"][-1]["level"] == "warning"


@pytest.mark.parametrize("provider", ["VICTOROPS", "OPSGENIE"])
async def test_another_row_under_the_number_of_a_created_one_is_not_created(tmp_path: Path, provider: str) -> None:
    """Not even if it is no valid record: it has neither the success nor the id of that row."""
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served():
        result = await rehearsal.run(schedules(2))
        other = {"remote_id": "PNEW111", "third_party_provider": provider}
        again = await edit_and_rerun(rehearsal, result, lambda lines: [*lines, lines[0] | other])
    assert again.statuses == {Status.CREATED: 2, Status.INVALID: 1}
    assert "nothing was sent" in read_report(again)[2]["import_error"]


async def test_a_report_saved_in_another_encoding_is_read_by_the_one_that_is_given(tmp_path: Path) -> None:
    """It counts for the report alone: that of the run's source is not taken over."""
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served({"what": "status", "status": 422, "method": "POST", "at": [2]}):
        result = await rehearsal.run(schedules(2).assign(Team="当直"))
        assert result.folder is not None
        path = tmp_path / "saved.csv"
        path.write_text((result.folder / "report.csv").read_text("utf-8-sig"), "shift_jis")
        again = await importer.rerun(path, **rehearsal._given({"encoding": "shift_jis"}))
        assert {line["Team"] for line in read_report(again)} == {"当直"}
        assert again.folder is not None
        third = await importer.rerun(again.folder / "report.csv", **rehearsal._given({}))
    assert {line["Team"] for line in read_report(third)} == {"当直"}


class HoursBack(datetime):
    """A clock that was set back five hours."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) - timedelta(hours=5)


async def test_a_clock_that_is_set_back_makes_no_older_run_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of two runs goes back to the other stands in their journals; their names say the opposite."""
    rehearsal = Rehearsal(tmp_path)
    async with rehearsal.served({"what": "status", "status": 422, "method": "POST", "first": 1}):
        first = await rehearsal.run(schedules(2))
    monkeypatch.setattr(lifecycle, "datetime", HoursBack)
    async with rehearsal.served({"what": "status", "status": 422, "method": "POST", "first": 1}):
        second = await rehearsal.rerun(first)
    assert first.folder is not None
    assert second.folder is not None
    assert second.folder.name < first.folder.name
    moved = tmp_path / "moved.csv"
    claims = [{**read_report(second)[0], "import_run": first.folder.name}, read_report(second)[1]]
    pd.DataFrame(claims).to_csv(moved, index=False)
    assert find_earlier(str(moved), tmp_path / "reports").run == second.folder.name
