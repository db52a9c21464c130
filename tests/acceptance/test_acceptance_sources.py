"""What a source holds beside plain rows is never taken, lost or left out without a word."""

from __future__ import annotations

import json
import os
import signal
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
import xlsxwriter

import importer

from .command import Workplace, finish
from .sources import schedules, shadows
from .truth import disagreements, read_truth

if TYPE_CHECKING:
    from .front import Front


def filtered(place: Workplace) -> Path:
    """A workbook of three schedules, of which a filter hides the second."""
    path = place.path / "filtered.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Schedules")
        for number, row in enumerate(schedules(3)):
            sheet.write_row(number, 0, row)
        sheet.set_row(2, None, None, {"hidden": True})
    return path


def test_hidden_rows_are_named_and_nothing_is_sent_until_somebody_says(place: Workplace) -> None:
    path = filtered(place)
    done = place.run("run", path, "--sandbox")
    assert done.status == 2
    assert f'sheet "Schedules" of {path}: row 3 is hidden, by a filter or by a person' in done.err
    assert "--hidden-rows send or --hidden-rows skip" in done.err
    assert place.runs == []


@pytest.mark.parametrize(("choice", "sent"), [("send", ["2", "3", "4"]), ("skip", ["2", "4"])])
def test_hidden_rows_are_sent_or_left_out_as_somebody_says(place: Workplace, choice: str, sent: list[str]) -> None:
    """And even a quiet console tells that rows were left out."""
    done = place.run("run", filtered(place), "--sandbox", "--quiet", variables={"IMPORTER_HIDDEN_ROWS": choice})
    assert done.status == 0, done
    assert [line["import_row"] for line in place.lines(done.run)] == sent
    told = "row 3 is hidden, and left out because of IMPORTER_HIDDEN_ROWS skip"
    assert (told in done.out + done.err) == (choice == "skip")


def test_a_hidden_row_that_begins_a_merged_block_gives_its_text_to_the_rows_below(place: Workplace) -> None:
    """[fill] takes the value above, whether that row is sent or not; never the one of the block before."""
    with xlsxwriter.Workbook(place.path / "blocks.xlsx") as book:
        sheet = book.add_worksheet("Schedules")
        rows = [["Provider", "Remote ID"], ["PagerDuty", "PI7DH85"], ["Opsgenie", "x"], ["", "a-b-c"]]
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
        sheet.set_row(2, None, None, {"hidden": True})
    (place.path / "map.toml").write_text('[fill]\ndown = ["Provider"]\n', encoding="utf-8")
    done = place.run("run", "blocks.xlsx", "--sandbox", "--hidden-rows", "skip", "--mapping", "map.toml")
    assert done.status == 0, done
    assert [(line["import_row"], line["Provider"]) for line in place.lines(done.run)] == [
        ("2", "PagerDuty"),
        ("4", "Opsgenie"),
    ]


def test_the_library_is_told_by_a_keyword(place: Workplace) -> None:
    path = filtered(place)
    with pytest.raises(importer.ImporterError, match="row 3 is hidden"):
        anyio.run(partial(importer.check, path))
    assert anyio.run(partial(importer.check, path, hidden_rows="skip")).rows == 2


def test_a_second_header_in_another_order_swaps_nobody(online: Workplace, front: Front) -> None:
    header, first, second, third = shadows(3)
    order = [0, 1, 3, 2, 4, 5, 6]  # who is shadowed, and who shadows
    turned = [[row[place] for place in order] for row in (header, third)]
    done = online.run("run", online.write("s.csv", [header, first, second, *turned]))
    assert done.status == 0, done
    assert "row 4 is a header too" in done.out + done.err
    truth = read_truth(front.state)
    assert len(truth) == 3
    assert disagreements(online.lines(done.run), truth) == []
    assert {(key[2], key[3]) for key in truth} == {("101", "112")}


def test_thousands_of_small_tables_in_one_sheet_are_read_in_the_time_of_their_rows(place: Workplace) -> None:
    """A rota with a table for every week and team; nothing is named apart from all before it."""
    headers = ["remote_id,third_party_provider\n", "third_party_provider,remote_id\n"]
    tables = [f"{headers[n % 2]}{'OPSGENIE,' * (n % 2)}r-{n}{',OPSGENIE' * (1 - n % 2)}\n" for n in range(4_000)]
    (place.path / "tables.csv").write_text("".join(tables))
    done = place.run("check", "tables.csv", "--json")
    assert done.status == 0, done
    assert '"rows": 4000' in done.out or '"rows":4000' in done.out


def test_a_percentage_where_an_id_is_due_is_a_problem_that_says_so(place: Workplace) -> None:
    path = place.path / "t.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Schedules")
        sheet.write_row(0, 0, ["third_party_provider", "remote_id", "share"])
        sheet.write_row(1, 0, ["PAGER_DUTY", 0.42, 0.5], book.add_format({"num_format": "0%"}))
        sheet.write_row(2, 0, ["PAGER_DUTY", 42], book.add_format({"num_format": "00000"}))
    done = place.run("check", path, "--json")
    assert done.status == 1
    told = [json.loads(line) for line in done.out.splitlines()]
    assert [one["cell"] for one in told if one.get("severity") == "problem"] == ["B2"]
    assert "remote_id holds the number 0.42, which the sheet shows as 42%" in done.out


@pytest.mark.parametrize("header", [["starts_at", "ends_at"], ["Start Date", "Start Time", "End Date", "End Time"]])
def test_a_number_of_days_since_1904_is_no_time_but_may_be_an_id(place: Workplace, header: list[str]) -> None:
    times = [44985.375, 44985.5] if len(header) == 2 else [44985, 0.375, 44985, 0.5]
    path = place.path / "t.xlsx"
    with xlsxwriter.Workbook(path, {"date_1904": True}) as book:
        sheet = book.add_worksheet("Shadows")
        sheet.write_row(0, 0, ["schedule_id", "shadowable_id", "shadow_user_id", "timezone", *header])
        sheet.write_row(1, 0, ["3f6c1b1e-52a4-4f0e-9d0e-6f5b8a7c2d10", 30101, 30112, "Europe/Berlin", *times])
    done = place.run("check", path, "--json")
    assert done.status == 1
    told = [json.loads(line) for line in done.out.splitlines()]
    assert [one["cell"] for one in told if one.get("severity") == "problem"] == ["E2", "FG"[len(header) // 4] + "2"]
    assert "it would be 2027-03-01T" in done.out


def test_totals_and_notes_below_a_table_are_one_finding_each(place: Workplace) -> None:
    rows = [*shadows(2), ["Total", *[""] * 6], [], ["* ask Anna first", *[""] * 6]]
    done = place.run("check", place.write("s.csv", rows), "--json")
    assert done.status == 1
    told = [json.loads(line) for line in done.out.splitlines()]
    assert [one["cell"] for one in told if one.get("severity") == "problem"] == ["A4", "A6"]


def test_an_error_in_a_header_stops_only_where_the_sheet_is_used(place: Workplace) -> None:
    path = place.path / "t.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for name, header in (("Schedules", ["third_party_provider", "remote_id"]), ("Dashboard", ["Load", "Trend"])):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, header)
            sheet.write_row(1, 0, ["PAGER_DUTY", "P1"])
        sheet.write_formula(0, 2, "=NA()", None, "#N/A")
    done = place.run("check", path)
    assert done.status == 0, done
    assert 'sheet "Dashboard"' in done.out + done.err
    assert "left out" in done.out + done.err


def test_a_pipe_that_nobody_writes_to_ends_with_an_interruption(online: Workplace, front: Front) -> None:
    path = online.path / "never.csv"
    os.mkfifo(path)
    process = online.start("check", path, "-v")
    deadline = time.monotonic() + 60
    while not waits_in_a_pipe(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert done.status == 130
    assert "interrupted while reading; nothing was sent" in done.err + done.out


def waits_in_a_pipe(process: int) -> bool:
    """Tell whether some thread of a process waits for the other end of a named pipe."""
    threads = Path(f"/proc/{process}/task").iterdir()
    return any("wait_for_partner" in (thread / "wchan").read_text() for thread in threads)


def test_two_files_of_one_name_are_told_apart_by_their_paths(place: Workplace) -> None:
    """On the console, in the report, by a rerun of the mended report, and in the list of runs."""
    for team, end in (("ops", "2027-03-01T16:00Z"), ("web", "bad")):
        (place.path / "teams" / team).mkdir(parents=True)
        text = f"schedule_id,user_id,starts_at,ends_at\ns-{team},112,2027-03-01T08:00Z,{end}\n"
        (place.path / "teams" / team / "overrides.csv").write_text(text, encoding="utf-8")
    done = place.run("run", "teams/*/*.csv", "--sandbox")
    assert done.status == 1, done
    assert "teams/web/overrides.csv, overrides (2) D2" in done.out
    report = place.path / done.run / "report.csv"
    report.write_text(report.read_text(encoding="utf-8-sig").replace("08:00Z,bad", "08:00Z,2027-03-01T16:00Z"))
    again = place.run("rerun", report, "--sandbox")
    assert again.status == 0, again
    assert [(line["import_source"], line["import_status"]) for line in place.lines(again.run)] == [
        ("teams/ops/overrides.csv", "created"),
        ("teams/web/overrides.csv", "created"),
    ]
    assert "teams/ops/overrides.csv and 1 more" in place.run("runs").out


def test_every_row_that_is_left_out_is_named_in_the_reports_however_many_the_console_names(place: Workplace) -> None:
    rows = [[*row, "go" if number % 2 else "no"] for number, row in enumerate(schedules(20)[1:])]
    source = place.write("plan.csv", [[*schedules(1)[0], "Status"], *rows])
    (place.path / "map.toml").write_text('[rows]\nkeep = { Status = "go" }\n', encoding="utf-8")
    done = place.run("run", source, "--sandbox", "--mapping", "map.toml")
    assert done.status == 0, done
    assert "rows 2, 4, 6, 8, 10, 12 and 4 more were left out" in done.err
    summary = json.loads((place.path / done.run / "summary.json").read_text(encoding="utf-8"))
    assert "rows 2, 4, 6, 8, 10, 12, 14, 16, 18 and 20 were left out" in str(summary["notices"])
    (place.path / "map.toml").write_text('[rows]\nkeep = { Status = "never" }\n', encoding="utf-8")
    assert "the mapping leaves out every row of " in place.run("check", source, "--mapping", "map.toml").err


def test_of_several_workbooks_each_notice_names_its_own(place: Workplace) -> None:
    for name in ("a.xlsx", "b.xlsx"):
        with xlsxwriter.Workbook(place.path / name) as book:
            sheet = book.add_worksheet("Schedules")
            sheet.write_row(0, 0, ["third_party_provider", "remote_id"])
            sheet.write_row(1, 0, ["PAGER_DUTY", f"PI7DH8{name[0].upper()}"])
            book.add_worksheet("Old").hide()
    done = place.run("check", "a.xlsx", "b.xlsx")
    for name in ("a.xlsx", "b.xlsx"):
        assert f'{name}: sheet "Old" is hidden and was skipped' in done.out + done.err
