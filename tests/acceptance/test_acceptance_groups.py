"""Schedules added to the lists of Opal groups: nothing in a list is dropped, nothing is created twice for it."""

from __future__ import annotations

import json
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from .command import Workplace, finish, read_report, statuses
from .opal_groups import BREAK_GLASS, OPERATORS, SYNCED, TWINS, Opal, puts, serve, write
from .truth import read_truth

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
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


def only_run(place: Workplace) -> str:
    (run,) = place.runs
    return f"reports/{run}"


def test_by_name_and_by_id_schedules_come_into_their_groups_and_whoever_is_there_stays(
    online: Workplace, front: Front, opal: Opal
) -> None:
    """One PUT for a group, however many rows name it; a row may name several, and a duplicate another one."""
    opal.put(OPERATORS, [opal.create("PBEFORE")])
    source = write(
        online,
        ("PNAME01", "Platform Operators"),
        ("PBOTH01", "name:Platform Operators\nDatabase, Break Glass"),
        ("PUUID01", BREAK_GLASS.upper()),
        ("PNONE01", ""),
        ("PNAME01", BREAK_GLASS),
        ("PBEFORE", "Platform Operators; Database, Break Glass"),
    )
    done = online.run("run", source)
    assert done.status == 0, done
    assert statuses(online.lines(done.run)) == {"created": 4, "exists": 1, "duplicate": 1}
    assert opal.members(OPERATORS) == ["PBEFORE", "PNAME01", "PBOTH01"]
    assert sorted(opal.members(BREAK_GLASS)) == ["PBEFORE", "PBOTH01", "PNAME01", "PUUID01"]
    assert len(puts(front)) == 2
    assert "4 schedules to be added to 2 Opal groups" in done.err
    again = online.run("rerun", done.run)
    assert (again.status, len(puts(front))) == (0, 2)


def test_a_group_that_cannot_be_is_a_problem_of_its_cell_before_anything_is_sent(
    online: Workplace, front: Front
) -> None:
    """Check says the same as run; nothing of the row is created."""
    unknown = "00000000-0000-4000-8000-000000000000"
    wrong = ["Twins", "Platform Operator", "Synced PAGERDUTY", "Synced INCIDENTIO", "Synced ROOTLY", SYNCED, unknown]
    source = write(online, *((f"PWRONG{number}", group) for number, group in enumerate(wrong)))
    checked = online.run("check", source, "--online")
    assert checked.status == 1
    done = online.run("run", source)
    assert (done.status, front.posts, puts(front)) == (1, 0, [])
    lines = online.lines(done.run)
    assert [(line["import_status"], line["import_cell"]) for line in lines] == [
        ("invalid", f"C{number}") for number in range(2, 2 + len(wrong))
    ]
    words = ["2 groups", "no group", "type", "type", "type", "type", "no group"]
    assert all(word in line["import_error"] for word, line in zip(words, lines, strict=True))
    assert all(each in lines[0]["import_hint"] for each in TWINS)
    assert OPERATORS in lines[1]["import_hint"]
    assert all(line["import_error"] in checked.out.replace("\n", " ") for line in lines[2:3])


@pytest.mark.parametrize(
    "faults",
    [
        [{"what": "reset", "method": "PUT", "when": "after", "times": 1}],
        [{"what": "reset", "method": "PUT", "when": "before", "times": 2}],
        [{"what": "status", "status": 503, "method": "PUT", "when": "after", "times": 1}],
        [{"what": "status", "status": 429, "method": "PUT", "when": "before", "times": 1, "retry_after": 0}],
        [{"what": "status", "status": 502, "method": "GET", "path": "/groups/", "when": "before", "times": 1}],
        [{"what": "truncated", "method": "PUT", "times": 1}],
    ],
    ids=["reset after", "reset before", "503 after", "429", "502 of the list", "truncated"],
)
def test_whatever_passes_with_a_put_the_list_is_whole_in_the_end(online: Workplace, front: Front, opal: Opal) -> None:
    done = online.run("run", write(online, ("PNAME01", "Platform Operators"), ("PNAME02", OPERATORS)))
    assert done.status == 0, done
    assert statuses(online.lines(done.run)) == {"created": 2}
    assert opal.members(OPERATORS) == ["PNAME01", "PNAME02"]


def test_somebody_who_adds_a_schedule_between_our_reading_and_our_writing_loses_nothing(
    online: Workplace, front: Front, opal: Opal
) -> None:
    """The list is read once more together with the PUT: what only that shows is put back."""
    opal.put(OPERATORS, [opal.create("PBEFORE")])
    theirs = opal.create("PTHEIRS")
    glanced = threading.Event()
    reads = 0

    def after(request: Request) -> None:
        nonlocal reads
        if request.method == "GET" and request.path.endswith(f"{OPERATORS}/on-call-schedules"):
            reads += 1
            if reads == 2:  # the one that our PUT goes by: it agrees with the first
                opal.put(OPERATORS, [*opal.member_ids(OPERATORS), theirs])
            elif reads > 2:
                glanced.set()

    front.after = after

    def before(request: Request) -> None:
        if request.method == "PUT":
            assert glanced.wait(60)

    front.before = before
    done = online.run("run", write(online, ("PNAME01", OPERATORS)))
    assert done.status == 0, done
    assert set(opal.members(OPERATORS)) == {"PBEFORE", "PTHEIRS", "PNAME01"}


def test_somebody_who_overwrites_our_list_at_once_gets_it_merged(online: Workplace, front: Front, opal: Opal) -> None:
    """What they did not know of and we add is put back; what they took out stays out, and what is theirs stays."""
    opal.put(OPERATORS, [opal.create("PBEFORE")])
    theirs = opal.create("PTHEIRS")
    hits = iter([True])

    def after(request: Request) -> None:
        if request.method == "PUT" and next(hits, False):
            opal.put(OPERATORS, [theirs])

    front.after = after
    done = online.run("run", write(online, ("PNAME01", OPERATORS)))
    assert done.status == 0, done
    assert set(opal.members(OPERATORS)) == {"PTHEIRS", "PNAME01"}


def test_a_list_that_never_keeps_what_is_put_fails_naming_what_is_missing(
    online: Workplace, front: Front, opal: Opal
) -> None:
    """Bounded; the id stays in the report, and rerun binds it once the list keeps it, without creating it again."""
    theirs = opal.create("PTHEIRS")
    front.after = lambda request: opal.put(OPERATORS, [theirs]) if request.method == "PUT" else None
    done = online.run("run", write(online, ("PNAME01", OPERATORS)))
    assert done.status == 1, done
    (line,) = online.lines(done.run)
    ours = read_truth(front.state)["PAGER_DUTY", "PNAME01"][0]
    assert (line["import_status"], line["import_id"]) == ("failed", ours)
    assert ours in line["import_error"].partition("lacks")[2]
    assert line["import_hint"].startswith("Rerun:")
    front.after = lambda _: None
    posted = front.posts
    again = online.run("rerun", done.run, "--if-exists", "fail")
    assert (again.status, front.posts) == (0, posted), again
    assert statuses(online.lines(again.run)) == {"created": 1}
    assert set(opal.members(OPERATORS)) == {"PTHEIRS", "PNAME01"}


def hold_puts(online: Workplace, front: Front, source: Path) -> subprocess.Popen[bytes]:
    front.hold_after(0, method="PUT")
    process = online.start("run", source)
    front.wait_for(1, method="PUT")
    return process


def hold_reading(online: Workplace, front: Front, source: Path) -> subprocess.Popen[bytes]:
    """Start a run and give it once everything is created, and it waits for a group's list."""
    reading = threading.Event()

    def before(request: Request) -> None:
        if "/groups/" in request.path:
            reading.set()
            front.hold()

    front.before = before
    front.hold_after(0, method="none")
    process = online.start("run", source)
    assert reading.wait(60)
    return process


@pytest.mark.parametrize("hold", [hold_reading, hold_puts], ids=["before the list", "before the PUT"])
def test_a_run_killed_between_creation_and_group_is_finished_by_rerun(
    online: Workplace, front: Front, opal: Opal, hold: Callable[..., subprocess.Popen[bytes]]
) -> None:
    """One schedule, bound once, whether the PUT was applied or not; created even where nothing may exist already."""
    opal.put(OPERATORS, [opal.create("PBEFORE")])
    process = hold(online, front, write(online, ("PNAME01", OPERATORS), ("PNAME02", OPERATORS)))
    process.kill()
    finish(process)
    front.before = lambda _: None
    front.let_go(dropping=True)
    posted = front.posts
    done = online.run("rerun", only_run(online), "--if-exists", "fail")
    assert (done.status, front.posts) == (0, posted), done
    assert statuses(online.lines(done.run)) == {"created": 2}
    assert sorted(opal.members(OPERATORS)) == ["PBEFORE", "PNAME01", "PNAME02"]
    assert sorted(len(ids) for ids in read_truth(front.state).values()) == [1, 1, 1]


def test_an_interrupted_run_says_which_schedules_are_not_in_their_groups(
    online: Workplace, front: Front, opal: Opal
) -> None:
    """Held before the first list is read: they are pending with their ids, and the report leads rerun to finish."""
    reading = threading.Event()
    going_on = threading.Event()

    def before(request: Request) -> None:
        if request.method == "GET" and "/groups/" in request.path and not going_on.is_set():
            reading.set()
            going_on.wait(60)

    front.before = before
    process = online.start("run", write(online, ("PNAME01", OPERATORS), ("PNAME02", "")))
    assert reading.wait(60)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while b"interrupted" not in process.stderr.readline():
        pass
    going_on.set()
    done = finish(process)
    assert done.status == 130
    first, second = online.lines(only_run(online))
    assert (first["import_status"], second["import_status"]) == ("pending", "created")
    assert first["import_id"] == read_truth(front.state)["PAGER_DUTY", "PNAME01"][0]
    assert "group" in first["import_error"]
    assert first["import_hint"]
    posted = front.posts
    again = online.run("rerun", f"{only_run(online)}/report.csv")
    assert (again.status, front.posts) == (0, posted), again
    assert statuses(read_report(online.path / again.run / "report.csv")) == {"created": 2}
    assert opal.members(OPERATORS) == ["PNAME01"]


@pytest.mark.parametrize(
    ("faults", "status"),
    [([{"what": "status", "status": status, "method": "PUT", "when": "before"}], status) for status in (403, 404, 422)],
)
def test_a_group_that_refuses_is_told_in_its_words_and_the_cell_can_be_mended(
    online: Workplace, front: Front, opal: Opal, status: int
) -> None:
    """The schedule is there and its id is kept; without the group it is done."""
    done = online.run("run", write(online, ("PNAME01", OPERATORS), ("PNAME02", "")))
    assert done.status == 1, done
    line, other = online.lines(done.run)
    assert (line["import_status"], line["import_http_status"]) == ("rejected", str(status))
    assert line["import_id"] == read_truth(front.state)["PAGER_DUTY", "PNAME01"][0]
    assert OPERATORS in line["import_error"]
    assert other["import_status"] == "created"
    report = online.path / done.run / "report.csv"
    text = report.read_text(encoding="utf-8-sig")
    report.write_text(text.replace(f"PNAME01,{OPERATORS}", "PNAME01,"), encoding="utf-8", newline="")
    posted = front.posts
    again = online.run("rerun", report)
    assert (again.status, front.posts) == (0, posted), again
    assert statuses(online.lines(again.run)) == {"created": 2}
    assert opal.members(OPERATORS) == []


def test_a_group_with_a_thousand_members_keeps_them_all(online: Workplace, opal: Opal) -> None:
    before = [f"PM{number:06}" for number in range(1000)]
    opal.put(OPERATORS, [opal.create(remote_id) for remote_id in before])
    done = online.run("run", write(online, ("PNAME01", OPERATORS)))
    assert done.status == 0, done
    assert opal.members(OPERATORS) == [*before, "PNAME01"]


def test_a_schedule_that_must_not_exist_is_refused_and_not_bound(online: Workplace, front: Front, opal: Opal) -> None:
    opal.create("PBEFORE")
    done = online.run("run", write(online, ("PBEFORE", OPERATORS)), "--if-exists", "fail")
    assert done.status == 1
    assert statuses(online.lines(done.run)) == {"rejected": 1}
    assert (opal.members(OPERATORS), puts(front)) == ([], [])


def test_strict_binds_nothing_while_a_row_is_invalid(online: Workplace, front: Front, opal: Opal) -> None:
    opal.create("PBEFORE")
    done = online.run("run", write(online, ("PBEFORE", OPERATORS), ("PNAME01", "Twins")), "--strict")
    assert (done.status, front.posts, puts(front)) == (1, 0, [])
    assert statuses(online.lines(done.run)) == {"pending": 1, "invalid": 1}


def edit(place: Workplace, run: str, old: str, new: str, *, to: str = "") -> Path:
    """Change a text in a run's report; `to` takes it away from its journal."""
    report = place.path / run / "report.csv"
    text = report.read_text(encoding="utf-8-sig")
    assert old in text, text
    path = place.path / to if to else report
    path.write_text(text.replace(old, new), encoding="utf-8", newline="")
    return path


def test_a_group_that_is_written_into_a_finished_row_is_added_and_the_others_are_left_alone(
    online: Workplace, front: Front, opal: Opal
) -> None:
    """Somebody took the schedule out of its first group since: that is theirs to decide."""
    first = online.run("run", write(online, ("PNAME01", "Platform Operators")))
    opal.put(OPERATORS, [])
    wrong = online.run("rerun", edit(online, first.run, "Platform Operators", "Twins"))
    (line,) = online.lines(wrong.run)
    assert (wrong.status, line["import_status"], "2 groups" in line["import_error"]) == (1, "invalid", True)
    assert line["import_id"] == read_truth(front.state)["PAGER_DUTY", "PNAME01"][0]
    both = "Platform Operators;name:Database, Break Glass"
    done = online.run("rerun", edit(online, wrong.run, "PNAME01,Twins", f'PNAME01,"{both}"'))
    assert (done.status, front.posts) == (0, 1), done
    assert statuses(online.lines(done.run)) == {"created": 1}
    assert (opal.members(OPERATORS), opal.members(BREAK_GLASS)) == ([], ["PNAME01"])


@pytest.mark.parametrize("faults", [[{"what": "status", "status": 422, "method": "PUT", "when": "before", "times": 1}]])
def test_a_report_away_from_its_journal_leads_to_the_group_as_well(online: Workplace, front: Front, opal: Opal) -> None:
    """A success in it is taken at its word; what was left is found there, and added."""
    done = online.run("run", write(online, ("PNAME01", OPERATORS), ("PNAME02", BREAK_GLASS)))
    assert done.status == 1
    assert sorted(statuses(online.lines(done.run))) == ["created", "rejected"]
    moved = edit(online, done.run, "x", "x", to="moved.csv")
    again = online.run("rerun", moved, "--reports", "elsewhere")
    assert (again.status, front.posts) == (0, 2), again
    assert (opal.members(OPERATORS), opal.members(BREAK_GLASS)) == (["PNAME01"], ["PNAME02"])
    assert len(puts(front)) == 3


@pytest.mark.parametrize(
    "faults", [[{"what": "status", "status": 503, "method": "GET", "path": "/groups?", "when": "before", "times": 3}]]
)
def test_groups_that_cannot_be_listed_now_leave_their_rows_pending(online: Workplace, front: Front, opal: Opal) -> None:
    """The other rows are sent; a rerun asks again."""
    source = write(online, ("PNAME01", "Platform Operators"), ("PNAME02", ""))
    done = online.run("run", source, variables={"IMPORTER_BREAKER_TIMEOUT": "0.1"})
    assert (done.status, front.posts) == (4, 1), done
    assert [line["import_status"] for line in online.lines(done.run)] == ["pending", "created"]
    again = online.run("rerun", done.run)
    assert (again.status, front.posts, opal.members(OPERATORS)) == (0, 2, ["PNAME01"]), again


def test_check_online_tells_what_is_there_and_in_its_group_from_what_is_to_be_added(
    online: Workplace, front: Front, opal: Opal
) -> None:
    inside, outside = opal.create("PINSIDE"), opal.create("POUTSIDE")
    opal.put(OPERATORS, [inside])
    source = write(online, ("PINSIDE", OPERATORS), ("POUTSIDE", OPERATORS), ("PNEW001", OPERATORS))
    done = online.run("check", source, "--online", "--json")
    assert done.status == 0, done
    counts = json.loads(done.out.splitlines()[-1])["statuses"]
    assert {name: number for name, number in counts.items() if number} == {"exists": 1, "pending": 2}
    assert (front.posts, puts(front), opal.member_ids(OPERATORS)) == (0, [], [inside])
    assert outside
