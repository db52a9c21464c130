"""undo takes out of Opal groups just what its run had added to them, and can be ended and repeated at any moment."""

from __future__ import annotations

import json
import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

from .command import Done, Line, Workplace, finish, statuses, wait_until_said
from .opal_groups import BREAK_GLASS, OPERATORS, Opal, puts, serve, write
from .sources import shadows
from .terminals import converse

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from .front import Front, Request


@pytest.fixture
def faults() -> list[dict[str, object]]:
    return []


@pytest.fixture
def front(tmp_path: Path, faults: list[dict[str, object]]) -> Iterator[Front]:
    """A served sandbox with groups of our own, behind a front."""
    with serve(tmp_path, faults) as opened:
        yield opened


@pytest.fixture
def opal(front: Front) -> Opal:
    return Opal(front)


def run_of(online: Workplace, *rows: tuple[str, str]) -> str:
    done = online.run("run", write(online, *rows))
    assert done.status == 0, done
    return done.run


def by_remote_id(online: Workplace, done: Done) -> dict[str, Line]:
    return {line["remote_id"]: line for line in online.lines(done.run)}


def test_what_a_run_added_leaves_its_groups_and_nothing_else_does(online: Workplace, front: Front, opal: Opal) -> None:
    """Created or there before; what stood in the group, and what somebody added since, stays."""
    before, theirs, _ = opal.create("PBEFORE"), opal.create("PTHEIRS"), opal.create("PEXISTS")
    opal.put(OPERATORS, [before])
    both = "Platform Operators\nDatabase, Break Glass"
    rows = ("PNAME01", both), ("PBEFORE", OPERATORS), ("PEXISTS", OPERATORS), ("PNONE01", "")
    run = run_of(online, *rows)
    opal.put(OPERATORS, [*opal.member_ids(OPERATORS), theirs])
    done = online.run("undo", run)
    assert done.status == 1, done
    assert (opal.members(OPERATORS), opal.members(BREAK_GLASS)) == (["PBEFORE", "PTHEIRS"], [])
    lines = by_remote_id(online, done)
    assert {name: line["import_status"] for name, line in lines.items()} == {
        "PNAME01": "manual",
        "PEXISTS": "deleted",
        "PNONE01": "manual",
    }
    created = lines["PNAME01"]
    assert "cannot delete" in created["import_error"]
    assert all(f"taken out of group {group}" in created["import_error"] for group in (OPERATORS, BREAK_GLASS))
    assert created["import_id"] in created["import_hint"]
    assert "stays" in lines["PEXISTS"]["import_error"]
    assert f"taken out of group {OPERATORS}" in lines["PEXISTS"]["import_error"]
    assert "group" not in lines["PNONE01"]["import_error"]
    assert "2 schedules to be taken out of 2 Opal groups" in done.err
    assert "2 to be removed by hand: opal cannot delete" in done.err


def test_verify_says_what_is_not_in_its_group_any_more_and_what_an_undo_took_out(
    online: Workplace, front: Front, opal: Opal
) -> None:
    run = run_of(online, ("PNAME01", "Platform Operators"), ("PNAME02", "Platform Operators"), ("PNONE01", ""))
    assert online.run("verify", run).status == 0
    kept = opal.member_ids(OPERATORS)[1:]
    opal.put(OPERATORS, kept)
    done = online.run("verify", run)
    assert done.status == 1
    assert f": changed: it is not in Platform Operators ({OPERATORS}) any more; schedule " in done.out
    assert "verified: 2 records" in done.out
    front.hidden = "/groups"
    refused = online.run("verify", run)
    assert f"not known: whether it is in Platform Operators ({OPERATORS}) could not be asked (404" in refused.out
    front.hidden = ""
    undo = online.run("undo", run).run.rpartition("/")[2]
    assert f"undone:   the undo {undo} took it back  (2 records)" in online.run("verify", run).out


def test_undone_twice_opal_is_asked_nothing_and_a_rerun_adds_nothing(
    online: Workplace, front: Front, opal: Opal
) -> None:
    """Somebody who puts a schedule back since has it stay."""
    opal.create("PEXISTS")
    run = run_of(online, ("PNAME01", OPERATORS), ("PEXISTS", OPERATORS))
    first = online.run("undo", run)
    opal.put(OPERATORS, [opal.create("PTHEIRS"), by_remote_id(online, first)["PEXISTS"]["import_id"]])
    asked = len(front.requests)
    again = online.run("undo", run)
    assert (again.status, len(front.requests)) == (1, asked), again
    lines = by_remote_id(online, again)
    assert statuses(list(lines.values())) == {"manual": 1, "deleted": 1}
    assert all(f"taken out of group {OPERATORS}" in line["import_error"] for line in lines.values())
    rerun = online.run("rerun", run)
    assert (rerun.status, opal.members(OPERATORS)) == (1, ["PTHEIRS", "PEXISTS"]), rerun
    assert statuses(online.lines(rerun.run)) == {"undone": 2}


def test_a_rerun_of_another_run_that_had_found_the_schedules_in_their_group_says_undone_too(
    online: Workplace, opal: Opal
) -> None:
    """Until a run adds them again; a row that names no group is as it was."""
    rows = ("PNAME01", OPERATORS), ("PNAME02", OPERATORS)
    first = run_of(online, *rows)
    ungrouped = run_of(online, ("PNAME01", ""))
    second = run_of(online, *rows)
    assert online.run("undo", first).status == 1
    rerun = online.run("rerun", second)
    assert (rerun.status, statuses(online.lines(rerun.run))) == (1, {"undone": 2})
    assert online.run("rerun", ungrouped).status == 0
    with sqlite3.connect(online.path / "reports" / online.runs[-1] / "journal.sqlite3") as undo:
        undo.execute("UPDATE record SET finished_at = '2026-01-01T00:00:00Z'")  # not in the same second
    third = run_of(online, *rows)
    assert opal.members(OPERATORS) == ["PNAME01", "PNAME02"]
    assert online.run("rerun", third).status == 0


def test_what_was_not_in_its_group_any_more_counts_as_undone(online: Workplace, front: Front, opal: Opal) -> None:
    opal.create("PEXISTS")
    run = run_of(online, ("PNAME01", OPERATORS), ("PEXISTS", OPERATORS))
    opal.put(OPERATORS, [])
    number = len(puts(front))
    done = online.run("undo", run)
    lines = by_remote_id(online, done)
    assert (lines["PNAME01"]["import_status"], lines["PEXISTS"]["import_status"]) == ("manual", "gone")
    assert all("not in group" in line["import_error"] for line in lines.values())
    assert len(puts(front)) == number


@pytest.mark.parametrize(("answer", "left", "status"), [("n\n", ["PEXISTS"], 1), ("y\n", [], 0)])
def test_it_asks_also_where_groups_are_all_there_is_to_do(
    online: Workplace, front: Front, opal: Opal, answer: str, left: list[str], status: int
) -> None:
    opal.create("PEXISTS")
    run = run_of(online, ("PEXISTS", OPERATORS))
    ended, shown = converse(online, ["undo", run], [("Take 1 schedule out of 1 Opal group?", answer)])
    assert (ended, opal.members(OPERATORS)) == (status, left), shown
    if left:
        again = online.run("undo", run)
        assert (again.status, opal.members(OPERATORS)) == (0, [])


def test_groups_come_first_and_the_question_names_both(online: Workplace, front: Front, opal: Opal) -> None:
    source = online.write("shadows.csv", shadows(2)), write(online, ("PNAME01", OPERATORS))
    run = online.run("run", *source).run
    question = "Take 1 schedule out of 1 Opal group, and delete 2 records from rootly?"
    _, shown = converse(online, ["undo", run], [(question, "y\n")])
    order = [one.method for one in front.requests if one.method in ("PUT", "DELETE")]
    assert order == ["PUT", "PUT", "DELETE", "DELETE"], shown


def test_another_base_url_is_refused(online: Workplace, front: Front, opal: Opal) -> None:
    run = run_of(online, ("PNAME01", OPERATORS))
    elsewhere = {"OPAL_BASE_URL": f"http://127.0.0.1:{front.port}/rootly"}
    refused = online.run("undo", run, variables=elsewhere)
    assert refused.status == 2
    assert "OPAL_BASE_URL" in refused.err
    assert opal.members(OPERATORS) == ["PNAME01"]


def test_a_refused_token_ends_it_and_all_is_pending(online: Workplace, opal: Opal) -> None:
    run = run_of(online, ("PNAME01", OPERATORS))
    done = online.run("undo", run, variables={"OPAL_TOKEN": "another"})
    assert done.status == 4, done
    (line,) = online.lines(done.run)
    assert (line["import_status"], "token" in line["import_error"]) == ("pending", True)
    assert online.run("undo", run).status == 1
    assert opal.members(OPERATORS) == []


def test_a_group_that_is_not_found_leaves_its_schedules_failed_and_the_others_are_seen_to(
    online: Workplace, front: Front, opal: Opal
) -> None:
    """Deleted, or only hidden: nobody can say. What is left is done when it can be seen again."""
    run = run_of(online, ("PNAME01", OPERATORS), ("PNAME02", f"{OPERATORS};{BREAK_GLASS}"))
    front.hidden = f"/groups/{OPERATORS}/"
    done = online.run("undo", run)
    assert done.status == 1, done
    assert f"next:   oncall-importer undo {run}" in done.out
    lines = by_remote_id(online, done)
    for line in lines.values():
        assert (line["import_status"], line["import_http_status"]) == ("failed", "404")
        assert f"not taken out of group {OPERATORS}: errors: title: Not found; status: 404" in line["import_error"]
        assert "undo again" in line["import_hint"]
    assert f"it was taken out of group {BREAK_GLASS}" in lines["PNAME02"]["import_error"]
    front.hidden = ""
    number = len(front.requests)
    again = online.run("undo", run)
    assert statuses(online.lines(again.run)) == {"manual": 2}
    assert opal.members(OPERATORS) == []
    assert not [one for one in front.requests[number:] if BREAK_GLASS in one.path]


@pytest.mark.parametrize(
    "faults",
    [
        [{"what": "reset", "method": "PUT", "when": "after", "at": [2]}],
        [{"what": "reset", "method": "PUT", "when": "before", "at": [2]}],
        [{"what": "status", "status": 503, "method": "PUT", "when": "after", "at": [2]}],
        [{"what": "status", "status": 429, "method": "PUT", "when": "before", "at": [2], "retry_after": 0}],
        [{"what": "truncated", "method": "PUT", "at": [2]}],
    ],
    ids=["reset after", "reset before", "503 after", "429", "truncated"],
)
def test_whatever_passes_with_the_put_it_is_out_in_the_end(online: Workplace, opal: Opal) -> None:
    run = run_of(online, ("PNAME01", OPERATORS))
    done = online.run("undo", run)
    assert statuses(online.lines(done.run)) == {"manual": 1}, done
    assert opal.members(OPERATORS) == []


def test_a_schedule_that_a_rerun_added_is_taken_out_by_the_undo_of_the_rerun_alone(
    online: Workplace, front: Front, opal: Opal
) -> None:
    """The first run created it and was stopped before its group: only that schedule is the first run's."""
    front.hold_after(0, method="PUT")
    process = online.start("run", write(online, ("PNAME01", OPERATORS)))
    front.wait_for(1, method="PUT")
    process.kill()
    finish(process)
    front.let_go(dropping=True)
    front.wait_until_quiet()
    opal.put(OPERATORS, [])  # whatever became of that PUT
    (run,) = online.runs
    again = online.run("rerun", run)
    assert (again.status, opal.members(OPERATORS)) == (0, ["PNAME01"]), again
    done = online.run("undo", again.run)
    assert done.status == 0, done
    (line,) = online.lines(done.run)
    assert (line["import_status"], opal.members(OPERATORS)) == ("deleted", [])
    assert statuses(online.lines(online.run("undo", run).run)) == {"manual": 1}


def test_a_run_killed_in_the_middle_of_a_put_is_undone(online: Workplace, front: Front, opal: Opal) -> None:
    """Whether the PUT was applied nobody was told."""
    before = opal.create("PBEFORE")
    opal.put(OPERATORS, [before])
    front.hold_after(0, method="PUT")
    process = online.start("run", write(online, ("PNAME01", OPERATORS), ("PBEFORE", OPERATORS)))
    front.wait_for(1, method="PUT")
    process.kill()
    finish(process)
    front.let_go(dropping=True)
    (run,) = online.runs
    done = online.run("undo", run)
    assert {name: line["import_status"] for name, line in by_remote_id(online, done).items()} == {"PNAME01": "manual"}
    assert opal.members(OPERATORS) == ["PBEFORE"]


def hold_lists(online: Workplace, front: Front, run: str, group: str) -> subprocess.Popen[bytes]:
    """Start an undo and give it once it waits for a group's list."""
    reading = threading.Event()

    def before(request: Request) -> None:
        if request.method == "GET" and group in request.path:
            reading.set()
            front.hold()

    front.before = before
    front.hold_after(0, method="none")
    process = online.start("undo", run)
    assert reading.wait(60)
    return process


def hold_puts(online: Workplace, front: Front, run: str, number: int) -> subprocess.Popen[bytes]:
    """Start an undo and give it once it waits for the answer to a PUT."""
    before = len(puts(front))
    front.hold_after(number, method="PUT")
    process = online.start("undo", run)
    front.wait_for(before + number + 1, method="PUT")
    return process


@pytest.mark.parametrize("where", ["first list", "first PUT", "second list", "second PUT"])
def test_a_killed_undo_is_gone_on_with_and_nothing_else_is_dropped(
    online: Workplace, front: Front, opal: Opal, where: str
) -> None:
    """Of the two PUTs one was applied when its answer was lost, and one was not."""
    before = opal.create("PBEFORE")
    opal.create("PEXISTS")
    for group in (OPERATORS, BREAK_GLASS):
        opal.put(group, [before])
    rows = ("PNAME01", f"{OPERATORS};{BREAK_GLASS}"), ("PEXISTS", OPERATORS), ("PBEFORE", BREAK_GLASS)
    run = run_of(online, *rows)
    if where.endswith("list"):
        process = hold_lists(online, front, run, OPERATORS if where.startswith("first") else BREAK_GLASS)
    else:
        process = hold_puts(online, front, run, 0 if where.startswith("first") else 1)
    process.kill()
    finish(process)
    front.let_go(dropping=True)
    front.before = lambda _: None
    theirs = opal.create("PTHEIRS")
    opal.put(OPERATORS, [*opal.member_ids(OPERATORS), theirs])
    done = online.run("undo", run)
    assert done.status == 1, done
    found = {name: line["import_status"] for name, line in by_remote_id(online, done).items()}
    assert found["PNAME01"] == "manual"
    assert found["PEXISTS"] in ("deleted", "gone")
    assert set(found) == {"PNAME01", "PEXISTS"}
    assert (opal.members(OPERATORS), opal.members(BREAK_GLASS)) == (["PBEFORE", "PTHEIRS"], ["PBEFORE"])


def test_an_interrupted_undo_ends_the_group_in_hand_and_says_what_is_left(
    online: Workplace, front: Front, opal: Opal
) -> None:
    run = run_of(online, ("PNAME01", OPERATORS), ("PNAME02", BREAK_GLASS))
    process = hold_puts(online, front, run, 0)
    process.terminate()
    wait_until_said(process, b"interrupted")
    front.let_go()
    done = finish(process)
    assert done.status == 130
    lines = online.lines(done.run)
    assert statuses(lines) == {"manual": 1, "pending": 1}
    (pending,) = (line for line in lines if line["import_status"] == "pending")
    assert "interrupted" in pending["import_error"]
    assert "Undo again" in pending["import_hint"]
    assert f"next:   oncall-importer undo {run}" in done.out
    again = online.run("undo", run)
    assert statuses(online.lines(again.run)) == {"manual": 2}
    assert opal.members(OPERATORS) == opal.members(BREAK_GLASS) == []


def test_nobody_else_on_this_machine_writes_to_opal_meanwhile(online: Workplace, front: Front, opal: Opal) -> None:
    run = run_of(online, ("PNAME01", OPERATORS))
    process = hold_puts(online, front, run, 0)
    refused = online.run("run", write(online, ("PNAME02", OPERATORS)))
    assert refused.status == 2
    assert "another run sends to opal" in refused.err
    front.let_go()
    assert finish(process).status == 1
    assert opal.members(OPERATORS) == []


def test_a_program_gets_the_membership_as_deleted(online: Workplace, opal: Opal) -> None:
    opal.create("PEXISTS")
    run = run_of(online, ("PEXISTS", OPERATORS))
    done = online.run("undo", run, "--json")
    end = json.loads(done.out.splitlines()[-1])
    assert (end["exit_status"], end["statuses"]["deleted"]) == (0, 1)


@pytest.mark.parametrize("faults", [[{"what": "status", "status": 422, "method": "PUT", "when": "before", "at": [1]}]])
def test_what_a_group_refused_and_somebody_added_by_hand_since_is_theirs(
    online: Workplace, front: Front, opal: Opal
) -> None:
    """The run created the schedule, and did not add it: it is listed, and stays in the group."""
    run = online.run("run", write(online, ("PNAME01", OPERATORS))).run
    (line,) = online.lines(run)
    assert line["import_status"] == "rejected"
    opal.put(OPERATORS, [line["import_id"]])
    done = online.run("undo", run)
    assert statuses(online.lines(done.run)) == {"manual": 1}
    assert (opal.members(OPERATORS), puts(front)[1:]) == (["PNAME01"], [])
