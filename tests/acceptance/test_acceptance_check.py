"""Check reads and judges just as run does, and writes nothing."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import openpyxl

from .command import SAMPLES, Workplace, finish
from .sources import schedules, shadows

if TYPE_CHECKING:
    from .front import Front


def test_check_tells_the_same_problems_as_run(place: Workplace) -> None:
    """Every one of them, word for word, and leaves nothing on disk."""
    checked = place.run("check", SAMPLES / "mistakes.csv", "--all")
    assert checked.status == 1
    assert list(place.path.iterdir()) == []
    ran = place.run("run", SAMPLES / "mistakes.csv", "--sandbox")
    invalid = [line for line in place.lines(ran.run) if line["import_status"] == "invalid"]
    assert len(invalid) == 34
    for line in invalid:
        for cell in line["import_cell"].split(", "):
            told = next(words for words in checked.out.splitlines() if words.startswith(f"problem mistakes {cell}: "))
            assert told.partition(": ")[2].partition(" (")[0] in line["import_error"], line


def test_check_of_good_rows_needs_no_account(place: Workplace) -> None:
    done = place.run("check", SAMPLES / "migration.xlsx")
    assert done.status == 0, done
    assert "344" in done.out
    assert list(place.path.iterdir()) == []


def test_a_formula_in_a_column_that_is_not_used_does_not_make_a_row_invalid(place: Workplace) -> None:
    book = openpyxl.Workbook()
    header, row, other = schedules(2)
    for cells in ([*header, "hours"], [*row, "=1+1"], [*other[:-1], "=A1", ""]):
        book.worksheets[0].append(cells)
    book.save(place.path / "hours.xlsx")
    done = place.run("check", "hours.xlsx")
    assert (done.status, done.out.count("warning: "), done.out.count("problem: ")) == (1, 1, 1), done
    assert "C2: the cell holds a formula whose result was never stored, in a column that is not used" in done.out


def test_a_hidden_column_that_is_used_is_named(place: Workplace) -> None:
    book = openpyxl.Workbook()
    for cells in schedules(2):
        book.worksheets[0].append([*cells, "note"])
    for letter in "BC":
        book.worksheets[0].column_dimensions[letter].hidden = True
    book.save(place.path / "hidden.xlsx")
    done = place.run("check", "hidden.xlsx")
    assert f'sheet "Sheet" of hidden.xlsx: hidden columns are read too: {schedules(1)[0][1]}\n' in done.err


def test_check_online_shows_what_is_there_already(place: Workplace) -> None:
    """And leaves no run's folder."""
    place.run("run", place.write("s.csv", schedules(2)), "--sandbox")
    runs = place.runs
    done = place.run("check", place.write("t.csv", schedules(5)), "--online", "--sandbox")
    assert done.status == 0, done
    assert "  PAGER_DUTY: 2 schedules there already, 3 schedules to create\n" in done.out
    *_, exists, good, following = done.out.splitlines()
    assert (exists.split()[:3], good.split()[:3]) == (["exists", "2", "2"], ["good", "3", "3"])
    assert following == f"next:   oncall-importer run {place.path / 't.csv'} --sandbox"
    assert place.runs == runs


def test_rows_whose_names_are_to_be_looked_up_are_not_called_good(online: Workplace) -> None:
    """Nor where the target that was to be asked refused the token."""
    header, *rows = shadows(2)
    named = [["Payments primary", *rows[0][1:]], rows[1]]
    source = online.write("named.csv", [header, *named])
    offline = online.run("check", source)
    assert offline.status == 0, offline
    counted = [line.split("  ")[0] for line in offline.out.splitlines()[-3:]]
    assert counted == ["good", "to look up", "next:"]
    assert offline.out.endswith(" --online\n")
    end = json.loads(online.run("check", source, "--json").out.splitlines()[-1])
    assert (end["to_look_up"], end["statuses"]["pending"]) == (1, 2)
    refused = online.run("check", source, "--online", variables={"ROOTLY_TOKEN": "wrong"})
    assert refused.status == 4
    assert "could not be looked up" in refused.out
    assert "ready to be sent" not in refused.out


def test_a_sheet_that_is_left_out_is_told_however_little_is_wanted(place: Workplace) -> None:
    """A month whose header nobody knows must not be missed, by a person nor by a program."""
    book = openpyxl.Workbook()
    for name, rows in (("April", shadows(2)), ("März", [["Wer", "Wen"], ["Ada", "Bob"]])):
        for row in (sheet := book.create_sheet(name)) and rows:
            sheet.append(row)
    book.remove(book.worksheets[0])
    book.save(place.path / "plan.xlsx")
    told = 'sheet "März" of plan.xlsx was left out, because it lacks the columns that make a record: it has Wer, Wen'
    quiet = place.run("run", "plan.xlsx", "--sandbox", "--quiet")
    assert quiet.err.strip() == told
    for command in (["check"], ["run", "--sandbox"]):
        lines = [json.loads(line) for line in place.run(*command, "plan.xlsx", "--json").out.splitlines()]
        assert {"type": "notice", "level": "left_out", "message": told} in lines
        assert "statuses" in lines[-1]


def test_check_online_asks_and_never_posts(online: Workplace, front: Front) -> None:
    done = online.run("check", online.write("s.csv", [*shadows(4)]), "--online")
    assert done.status == 0, done
    assert {request.method for request in front.requests} == {"GET"}
    assert online.runs == []


def test_check_online_with_a_refused_token_is_no_success(online: Workplace) -> None:
    done = online.run("check", online.write("s.csv", schedules(2)), "--online", variables={"OPAL_TOKEN": "wrong"})
    assert done.status == 4
    assert "refused" in done.out + done.err


def test_an_interrupted_check_says_so(online: Workplace, front: Front) -> None:
    """Exit status 130, also in what it prints as JSON."""
    front.hold_after(0, method="GET")
    process = online.start("check", online.write("s.csv", schedules(2)), "--online", "--json")
    front.wait_for(1, method="GET")
    process.send_signal(signal.SIGINT)
    front.let_go()
    done = finish(process)
    assert done.status == 130
    assert '"exit_status": 130' in done.out.replace('":1', '": 1')
    assert online.runs == []
