"""Rerun sends only what has not succeeded, from a run's folder or a report, wherever that lies and however it looks."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import xlsxwriter

from .command import IMPORT_COLUMNS, Done, Line, Workplace, statuses, table
from .front import call, create_again
from .sources import SCHEDULE_HEADER, schedules, shadows
from .truth import disagreements, read_truth

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .front import Front, Request

REFUSED = ["PAGER_DUTY", "SANDBOX-404"]  # a schedule that the sandbox refuses
NEEDED = ["import_row", "import_sheet", "import_status", "import_id", "import_run"]


def run_with_one_refused(online: Workplace) -> Done:
    """Run six schedules, of which the third is refused."""
    rows = schedules(5)
    done = online.run("run", online.write("s.csv", [*rows[:3], REFUSED, *rows[3:]]))
    assert done.status == 1, done
    assert statuses(online.lines(done.run)) == {"created": 5, "rejected": 1}
    return done


def write_lines(path: Path, lines: list[Line], columns: list[str]) -> Path:
    cells = [[line.get(column, "") for column in columns] for line in lines]
    path.write_text(table([columns, *cells]), encoding="utf-8", newline="")
    return path


def test_rerun_of_a_folder_sends_what_had_not_succeeded_and_nothing_else(online: Workplace, front: Front) -> None:
    first = run_with_one_refused(online)
    before = front.posts
    done = online.run("rerun", first.run)
    assert done.status == 1
    assert front.posts == before + 1
    (*_, sent) = (request for request in front.requests if request.method == "POST")  # the closing look follows
    assert b"SANDBOX-404" in sent.body
    old, new = online.lines(first.run), online.lines(done.run)
    assert [line for line in new if line["import_status"] == "created"] == [
        line for line in old if line["import_status"] == "created"
    ]
    (refused,) = [line for line in new if line["import_status"] == "rejected"]
    assert refused["import_attempts"] == "2"  # over both runs
    assert disagreements(new, read_truth(front.state)) == []


def test_rerun_of_a_run_that_succeeded_asks_for_nothing_and_sends_nothing(online: Workplace, front: Front) -> None:
    first = online.run("run", online.write("s.csv", shadows(6)))
    before = len(front.requests)
    for argument in (first.run.removeprefix("reports/"), f"{first.run}/report.xlsx"):
        done = online.run("rerun", argument)
        assert done.status == 0, done
        assert online.lines(done.run) == online.lines(first.run)
    assert len(front.requests) == before


@pytest.mark.parametrize(
    ("deleted", "expected", "said"),
    [
        ((), (3, "created"), "has it 2 times"),
        ((0,), (0, "created"), ""),
        ((1,), (0, "created"), "which is not this record"),  # the report's own id was the one that was deleted
        ((0, 1), (3, "unknown"), "does not have it"),
    ],
)
@pytest.mark.parametrize("place_of_report", ["folder", "beside", "mailed"])
def test_what_was_there_twice_counts_in_each_rerun_until_it_is_there_once(
    online: Workplace,
    front: Front,
    place_of_report: str,
    deleted: tuple[int, ...],
    expected: tuple[int, str],
    said: str,
) -> None:
    """A rerun has nothing to send for it; it looks there all the same, and does not make the record its own."""
    rows, twins = shadows(3), list[str]()

    def meddle(request: Request) -> None:
        if request.method == "POST" and not twins:
            twins.append("")
            twins[0] = create_again(front, rows[1])

    front.before = meddle
    first = online.run("run", online.write("s.csv", rows))
    assert first.status == 3, first
    ids = [twins[0], online.lines(first.run)[0]["import_id"]]
    for index in deleted:
        call(front, "DELETE", f"/v1/on_call_shadows/{ids[index]}")
    argument, options = first.run, []
    if place_of_report != "folder":
        argument = f"{first.run}/report.csv"
    if place_of_report == "mailed":
        shutil.copy(online.path / argument, online.path / "mailed.csv")
        argument, options = "mailed.csv", ["--reports", "others"]
    done = online.run("rerun", argument, *options)
    line = online.lines(done.run)[0]
    if line["import_status"] == "exists":  # away from the journal, an id that is not the report's
        assert line["import_id"] == ids[0]
        said = said if len(deleted) != 1 else ""
    if place_of_report == "mailed" and len(deleted) == 2:
        assert (done.status, line["import_status"]) == (1, "invalid")  # the cells may be others than were sent
        return
    assert (done.status, said in line["import_error"], line["import_run"]) == (expected[0], True, first.run[8:])
    assert line["import_status"] in (expected[1], "exists")
    if not deleted:
        assert online.run("rerun", first.run, "--no-closing-look").status == 3
        assert online.run("undo", done.run).status == 0
        assert front.paths("DELETE") == []


def test_rerun_takes_over_how_the_run_read_its_source(place: Workplace) -> None:
    """The zone and the provider were options of the first run; nobody has to remember them."""
    source = place.write(
        "s.csv",
        [
            ["kind", "remote_id", "schedule_id", "shadowable_id", "shadow_user_id", "starts_at", "ends_at"],
            ["schedule", "SANDBOX-404", "", "", "", "", ""],
            ["shadow", "", "sandbox-404", "101", "112", "2027-05-03T08:00", "2027-05-03T16:00"],
        ],
    )
    first = place.run("run", source, "--sandbox", "--timezone", "Europe/Berlin", "--provider", "PagerDuty")
    assert statuses(place.lines(first.run)) == {"rejected": 2}
    done = place.run("rerun", first.run)
    assert statuses(place.lines(done.run)) == {"rejected": 2}


def test_a_report_that_was_moved_and_renamed_is_still_a_report(online: Workplace, front: Front) -> None:
    first = run_with_one_refused(online)
    moved = online.path / "for the colleagues.csv"
    (online.path / first.run / "report.csv").rename(moved)
    before = front.posts
    done = online.run("rerun", moved)
    assert done.status == 1
    assert front.posts == before + 1
    assert statuses(online.lines(done.run)) == {"created": 5, "rejected": 1}
    summary = json.loads((online.path / done.run / "summary.json").read_text(encoding="utf-8"))
    assert summary["rerun_of"] == first.run.removeprefix("reports/")


def test_a_moved_report_of_a_rehearsal_is_never_taken_for_a_real_one(online: Workplace, front: Front) -> None:
    """Its ids are the stand-in's: nothing may go to a real target on their account."""
    first = online.run("run", online.write("s.csv", [*schedules(2), REFUSED]), "--sandbox")
    moved = online.path / "moved.csv"
    (online.path / first.run / "report.csv").rename(moved)
    done = online.run("rerun", moved)
    assert statuses(online.lines(done.run)) == {"created": 2, "rejected": 1}
    assert "-sandbox" in done.run
    assert front.requests == []


def test_a_real_run_is_not_repeated_in_the_sandbox(online: Workplace, front: Front) -> None:
    """Its successes would be mixed with ids that mean nothing."""
    first = run_with_one_refused(online)
    runs = online.runs
    done = online.run("rerun", first.run, "--sandbox")
    assert done.status == 2
    assert "was not a rehearsal" in done.err
    assert online.runs == runs


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda columns: columns[::-1], id="reversed"),
        pytest.param(lambda columns: [*NEEDED, *columns[len(IMPORT_COLUMNS) :]], id="cut"),
        pytest.param(lambda columns: [*columns[7:], *columns[:7]], id="turned"),
    ],
)
def test_a_report_may_have_been_rearranged(
    online: Workplace, front: Front, change: Callable[[list[str]], list[str]]
) -> None:
    """Its columns moved, or those deleted that nobody needs: successes are still known by it."""
    first = run_with_one_refused(online)
    lines = online.lines(first.run)
    edited = write_lines(online.path / "edited.csv", lines, change([*IMPORT_COLUMNS, *SCHEDULE_HEADER]))
    before = front.posts
    done = online.run("rerun", edited)
    assert done.status == 1, done
    assert front.posts == before + 1
    again = online.lines(done.run)
    assert [[line[name] for name in NEEDED] for line in again if line["import_status"] == "created"] == [
        [line[name] for name in NEEDED] for line in lines if line["import_status"] == "created"
    ]
    assert disagreements(again, read_truth(front.state)) == []


def test_a_row_added_to_a_report_is_sent_with_the_others(online: Workplace, front: Front) -> None:
    first = run_with_one_refused(online)
    lines = online.lines(first.run)
    lines[2] |= {"remote_id": "P000777"}
    lines.append({"third_party_provider": "OPSGENIE", "remote_id": "a-new-one"})
    edited = write_lines(online.path / "edited.csv", lines, [*IMPORT_COLUMNS, *SCHEDULE_HEADER])
    before = front.posts
    done = online.run("rerun", edited)
    assert done.status == 0, done
    assert front.posts == before + 2
    again = online.lines(done.run)
    assert statuses(again) == {"created": 7}
    assert disagreements(again, read_truth(front.state)) == []
    assert again[2]["import_row"] == "4"


def test_duplicates_keep_the_first_rows_id_over_reruns(online: Workplace, front: Front) -> None:
    """Within a source and between two; one of a row that was refused waits for that row."""
    rows = schedules(3)
    one = online.write("one.csv", [*rows, rows[1], REFUSED, REFUSED])
    two = online.write("two.csv", [*schedules(1, first=9), rows[2]])
    first = online.run("run", one, two)
    assert first.status == 1
    lines = online.lines(first.run)
    assert [line["import_status"] for line in lines] == [
        *("created", "created", "created", "duplicate", "rejected", "duplicate"),
        *("created", "duplicate"),
    ]
    assert "row 2" in lines[3]["import_error"]
    assert lines[3]["import_id"] == lines[0]["import_id"]
    assert "row 3 of sheet one" in lines[7]["import_error"]
    assert lines[7]["import_id"] == lines[1]["import_id"]
    assert lines[5]["import_id"] == ""
    before = front.posts
    for argument in (first.run, f"{first.run}/report.csv"):
        done = online.run("rerun", argument)
        again = online.lines(done.run)
        columns = ["import_row", "import_sheet", "import_status", "import_id", "import_error"]
        assert [[line[name] for name in columns] for line in again] == [
            [line[name] for name in columns] for line in lines
        ]
    assert front.posts == before + 2  # the refused one, each time


def test_what_existed_is_not_asked_for_again(online: Workplace, front: Front) -> None:
    """Rows that were there before the first run stay `exists` under that run's name."""
    source = online.write("s.csv", schedules(4))
    online.run("run", source)
    second = online.run("run", source)
    assert statuses(online.lines(second.run)) == {"exists": 4}
    before = len(front.requests)
    third = online.run("rerun", second.run)
    assert third.status == 0
    assert online.lines(third.run) == online.lines(second.run)
    assert len(front.requests) == before


@pytest.mark.parametrize("left", ["garbage", "empty", "missing", "older"])
def test_a_damaged_journal_says_what_helps_and_that_helps(online: Workplace, front: Front, left: str) -> None:
    """Whatever is left of it, the report beside it is enough to go on."""
    first = run_with_one_refused(online)
    journal = online.path / first.run / "journal.sqlite3"
    if left == "older":
        with closing(sqlite3.connect(journal)) as connection:
            connection.execute("PRAGMA user_version = 3")
    else:
        journal.unlink()
        if left != "missing":
            journal.write_bytes(b"no database at all" * 500 if left == "garbage" else b"")
    refused = online.run("rerun", first.run)
    assert refused.status == 2
    assert "report.csv" in refused.err
    assert "Traceback" not in refused.err
    done = online.run("rerun", f"{first.run}/report.csv")
    assert done.status == 1, done
    assert statuses(online.lines(done.run)) == {"created": 5, "rejected": 1}


def test_a_moved_report_finds_how_its_run_read_its_source_or_says_that_it_cannot(place: Workplace) -> None:
    source = place.write("s.csv", [["provider", "remote_id"], ["", "SANDBOX-404"]])
    first = place.run("run", source, "--sandbox", "--provider", "PagerDuty")
    assert statuses(place.lines(first.run)) == {"rejected": 1}
    moved = place.path / "moved.csv"
    shutil.copy(place.path / first.run / "report.csv", moved)
    found = place.run("rerun", moved)
    assert statuses(place.lines(found.run)) == {"rejected": 1}
    assert "without the options" not in found.err
    shutil.rmtree(place.path / first.run)
    alone = place.run("rerun", moved)
    assert statuses(place.lines(alone.run)) == {"invalid": 1}
    assert "without the options" in " ".join(alone.err.split())


def test_sheets_of_one_name_are_told_apart_from_one_that_is_really_called_so(place: Workplace) -> None:
    (place.path / "b").mkdir()
    for name, first in (("s.csv", 0), ("b/s.csv", 10), ("s (2).csv", 20)):
        place.write(name, schedules(2, first=first))
    done = place.run("run", place.path / "s.csv", place.path / "b/s.csv", place.path / "s (2).csv", "--sandbox")
    assert done.status == 0, done
    assert len({line["import_sheet"] for line in place.lines(done.run)}) == 3


def test_a_record_of_two_files_with_one_sheet_name_is_told_with_the_file(place: Workplace) -> None:
    (place.path / "b").mkdir()
    for name in ("s.csv", "b/s.csv"):
        place.write(name, schedules(1))
    done = place.run("run", "b/s.csv", "s.csv", "--sandbox")
    assert [line["import_error"] for line in place.lines(done.run)] == [
        "",
        "the same record as row 2 of sheet s in b/s.csv",
    ]
    page = (place.path / done.run / "report.html").read_text(encoding="utf-8")
    assert "the same record as row 2 of sheet s in b/s.csv" in page
    plan = place.path / "plan.csv"
    place.run("check", "b/s.csv", "s.csv", "--plan", plan)
    assert "the same record as row 2 of sheet s in b/s.csv" in plan.read_text(encoding="utf-8-sig")


def test_a_mapping_given_to_a_rerun_must_fit_its_report(place: Workplace) -> None:
    """A header with a slip of the pen would go by without a word."""
    first = place.run("run", place.write("s.csv", [*schedules(1), REFUSED]), "--sandbox")
    mapping = place.path / "mapping.toml"
    mapping.write_text('[columns]\n"remote_ids" = "remote_id"\n', encoding="utf-8")
    runs = place.runs
    for argument in (first.run, f"{first.run}/report.csv"):
        done = place.run("rerun", argument, "--mapping", mapping)
        assert done.status == 2, done
        assert "remote_ids" in done.err
    assert place.runs == runs


@pytest.mark.parametrize("given", ["", "report.csv", "report.xlsx"])
def test_what_was_wrong_while_a_row_was_read_is_wrong_in_a_rerun_too(
    online: Workplace, front: Front, given: str
) -> None:
    """Its cells do not show it any more: a row too wide, a number that is shown as another one."""
    with xlsxwriter.Workbook(online.path / "numbers.xlsx") as book:
        sheet, thousands = book.add_worksheet("Shadows"), book.add_format({"num_format": "#,##0"})
        for number, row in enumerate(shadows(2)):
            sheet.write_row(number, 0, row)
        sheet.write_number(1, shadows(0)[0].index("shadow_user_id"), 1120, thousands)
    online.write("wide.csv", [*schedules(1), ["OPSGENIE", "r-2", "more"]])
    first = online.run("run", "numbers.xlsx", "wide.csv", "--hidden-rows", "send")
    assert statuses(online.lines(first.run)) == {"invalid": 2, "created": 2}
    sent = front.posts
    done = first
    for _ in range(2):  # and in a rerun of that
        done = online.run("rerun", f"{done.run}/{given}")
        assert done.status == 1, done
        assert statuses(online.lines(done.run)) == {"invalid": 2, "created": 2}
        assert "1120, which the sheet shows as 1,120" in done.out
        assert 'the row has 3 cells where the header has 2; beyond it is "more"' in done.out
    assert front.posts == sent


def test_a_number_that_was_shown_as_another_one_can_be_edited_or_accepted(online: Workplace, front: Front) -> None:
    """A cell that was edited is right; so is one whose line is made a new one; an edit beside it changes nothing."""
    column = shadows(0)[0].index("shadow_user_id")
    with xlsxwriter.Workbook(online.path / "numbers.xlsx") as book:
        sheet, thousands = book.add_worksheet("Shadows"), book.add_format({"num_format": "#,##0"})
        for number, row in enumerate(shadows(3)):
            sheet.write_row(number, 0, row)
            if number:
                sheet.write_number(number, column, 1120 + number, thousands)
    first = online.run("run", "numbers.xlsx")
    edited, accepted, beside = online.lines(first.run)
    edited["shadow_user_id"] = "112"
    accepted["import_status"] = ""
    beside["shadowable_id"] = "113"
    report = write_lines(online.path / first.run / "report.csv", [edited, accepted, beside], list(edited))
    done = online.run("rerun", report)
    assert [line["import_status"] for line in online.lines(done.run)] == ["created", "created", "invalid"]
    assert "empty import_status of this line" in online.lines(done.run)[2]["import_hint"]
    assert {key[3] for key in read_truth(front.state)} == {"112", "1122"}
