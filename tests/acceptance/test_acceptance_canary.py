"""--canary: the first records go first, are shown, and the rest goes only where somebody, or their success, says so."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from .command import Workplace, finish, statuses
from .sources import schedules, shadows
from .terminals import converse
from .truth import disagreements, read_truth

if TYPE_CHECKING:
    from .front import Front

QUESTION = "[y/N]"
REFUSED = ["PAGER_DUTY", "SANDBOX-404"]


def both(online: Workplace) -> list[object]:
    return [online.write("a.csv", schedules(6)), online.write("b.csv", shadows(6))]


def test_without_a_terminal_the_rest_follows_where_all_of_the_first_succeeded(online: Workplace, front: Front) -> None:
    """They are shown with the addresses of what they made."""
    done = online.run("run", *both(online), "--canary", "2")  # type: ignore[arg-type]
    assert done.status == 0, done
    lines = online.lines(done.run)
    assert statuses(lines) == {"created": 12}
    assert disagreements(lines, read_truth(front.state)) == []
    shown = [line.split() for line in done.err.splitlines() if line.startswith("  created")]
    assert len(shown) == 4
    for words in shown:
        assert words[-1].startswith(f"http://127.0.0.1:{front.port}/")
        assert words[-1].rsplit("/", 1)[1] in {line["import_id"] for line in lines}


def test_one_that_fails_stops_the_run_and_the_rest_is_pending(online: Workplace, front: Front) -> None:
    source = online.write("s.csv", [*schedules(1), REFUSED, *schedules(5, first=10)[1:]])
    done = online.run("run", source, "--canary", "2", "--yes")
    assert done.status == 4
    assert front.posts == 2
    assert "1 of the 2 records that were sent first did not succeed" in done.out
    lines = online.lines(done.run)
    assert statuses(lines) == {"created": 1, "rejected": 1, "pending": 5}
    pending = [line for line in lines if line["import_status"] == "pending"]
    assert all(line["import_error"] and line["import_hint"].startswith("See what became of") for line in pending)
    assert json.loads((online.path / done.run / "summary.json").read_text())["stopped"].keys() == {"canary"}


def test_the_setting_counts_for_a_rerun_too_and_fewer_records_than_it_asks_for_are_all(
    online: Workplace, front: Front
) -> None:
    first = online.run(
        "run", online.write("s.csv", [*schedules(1), REFUSED, *schedules(3, first=10)[1:]]), "--canary", "2"
    )
    again = online.run("rerun", first.run, variables={"IMPORTER_CANARY": "1"})
    assert (again.status, front.posts) == (4, 3)  # the one that was refused is the first of what is left
    last = online.run("rerun", first.run, "--canary", "50")
    assert last.status == 1
    assert statuses(online.lines(last.run)) == {"created": 4, "rejected": 1}


def test_programs_get_an_object_for_each(online: Workplace, front: Front) -> None:
    done = online.run("run", online.write("s.csv", schedules(4)), "--canary", "3", "--json")
    found = [json.loads(line) for line in done.out.splitlines()]
    tried = [one for one in found if one["type"] == "canary"]
    assert [(one["row"], one["status"]) for one in tried] == [(2, "created"), (3, "created"), (4, "created")]
    assert all(one["link"].endswith(one["id"]) for one in tried)


@pytest.mark.parametrize(("answer", "created", "status"), [("y\n", 5, 0), ("\n", 2, 1)], ids=["yes", "return"])
def test_on_a_terminal_it_asks_before_the_rest(
    online: Workplace, front: Front, answer: str, created: int, status: int
) -> None:
    """After what came back was shown; whoever does not say yes has the rest pending."""
    source = online.write("s.csv", schedules(5))
    ended, shown = converse(online, ["run", source, "--canary", "2"], [(QUESTION, "y\n"), (QUESTION, answer)])
    assert ended == status, shown
    assert "/on-call-schedules/" in shown.partition("Send the other 3 records to opal?")[0]
    (run,) = online.runs
    expected = {"created": created} | ({"pending": 5 - created} if created < 5 else {})
    assert statuses(online.lines(f"reports/{run}")) == expected
    assert front.posts == created


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_a_question_interrupts_the_run(online: Workplace, front: Front, number: signal.Signals) -> None:
    """At the first, nothing was sent; at the one after the first records, these stay what they became."""
    source = online.write("s.csv", schedules(5))
    ended, shown = converse(online, ["run", source], [(QUESTION, number)])
    assert (ended, front.posts) == (130, 0), shown
    ended, shown = converse(online, ["run", source, "--canary", "2"], [(QUESTION, "y\n"), (QUESTION, number)])
    assert (ended, front.posts) == (130, 2), shown
    lines = online.lines(f"reports/{online.runs[-1]}")
    assert statuses(lines) == {"created": 2, "pending": 3}
    assert {line["import_error"] for line in lines[2:]} == {"not attempted: interrupted after the first records"}


def test_killed_among_the_first_it_is_a_run_like_any_other(online: Workplace, front: Front) -> None:
    """What was in flight is asked about, and no more than the first were ever sent."""
    front.hold_after(1)
    process = online.start("run", online.write("s.csv", schedules(20)), "--canary", "4")
    front.wait_for(4)
    process.kill()
    finish(process)
    assert front.posts == 4
    front.let_go(dropping=True)
    (run,) = online.runs
    done = online.run("rerun", f"reports/{run}")
    assert done.status == 0, done
    assert disagreements(online.lines(done.run), read_truth(front.state)) == []


def test_what_exists_already_is_no_canary(online: Workplace, front: Front) -> None:
    """The first records are the first that have to be sent."""
    online.run("run", online.write("s.csv", schedules(3)))
    done = online.run("run", online.write("t.csv", schedules(5)), "--canary", "1")
    assert done.status == 0, done
    shown = next(line for line in done.err.splitlines() if line.startswith("  created"))
    assert shown.startswith("  created t row 5")
