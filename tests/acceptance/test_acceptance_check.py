"""Check reads and judges just as run does, and writes nothing."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from .command import SAMPLES, Workplace, finish
from .sources import schedules, shadows

if TYPE_CHECKING:
    from .front import Front


def test_check_tells_the_same_problems_as_run(place: Workplace) -> None:
    """Every one of them, word for word, and leaves nothing on disk."""
    checked = place.run("check", SAMPLES / "mistakes.csv")
    assert checked.status == 1
    assert list(place.path.iterdir()) == []
    ran = place.run("run", SAMPLES / "mistakes.csv", "--sandbox")
    problems = checked.out.partition("\nwarning: ")[0]
    invalid = [line for line in place.lines(ran.run) if line["import_status"] == "invalid"]
    assert len(invalid) == 34
    for line in invalid:
        for cell in line["import_cell"].split(", "):
            told = next(words for words in problems.splitlines() if words.startswith(f"  mistakes {cell}: "))
            assert told.partition(": ")[2].partition(" (")[0] in line["import_error"], line


def test_check_of_good_rows_needs_no_account(place: Workplace) -> None:
    done = place.run("check", SAMPLES / "migration.xlsx")
    assert done.status == 0, done
    assert "344" in done.out
    assert list(place.path.iterdir()) == []


def test_check_online_shows_what_is_there_already(place: Workplace) -> None:
    """And leaves no run's folder."""
    place.run("run", place.write("s.csv", schedules(2)), "--sandbox")
    runs = place.runs
    done = place.run("check", place.write("t.csv", schedules(5)), "--online", "--sandbox")
    assert done.status == 0, done
    assert [line.split()[:3] for line in done.out.splitlines()[1:]] == [["exists", "2", "2"], ["good", "3", "3"]]
    assert place.runs == runs


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
