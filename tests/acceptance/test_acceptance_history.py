"""runs and show: what there was, in whatever state it is, without touching it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from importer.journal.run_folder import create_run

from .command import Workplace, finish
from .sources import schedules, shadows
from .test_acceptance_interrupts import BEFORE, HELD, ROWS, only_run, start_and_hold

if TYPE_CHECKING:
    from pathlib import Path

    from .command import Done
    from .front import Front

BAD = ["VICTOROPS", "P1"]


def objects(done: Done) -> list[dict[str, Any]]:
    assert done.status == 0, done
    return [json.loads(line) for line in done.out.splitlines()]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_runs_lists_the_newest_first_and_says_what_repeats_what(online: Workplace, front: Front) -> None:
    first = online.run("run", online.write("s.csv", [*schedules(2), BAD])).run
    second = online.run("rerun", first).run
    again, original = objects(online.run("runs", "--json"))
    assert [again["folder"], original["folder"]] == [second, first]
    assert (again["command"], again["rerun_of"]) == ("rerun", first.removeprefix("reports/"))
    assert (original["command"], original["rerun_of"], original["stage"]) == ("run", None, "ended")
    assert (original["rows"], original["statuses"]["created"], original["exit_status"]) == (3, 2, 1)
    plain = online.run("runs").out.splitlines()
    assert [line.split()[0] for line in plain] == ["run", again["run"], original["run"]]
    assert "2 created, 1 invalid" in plain[2]
    assert "\x1b" not in "".join(plain)


def test_a_run_that_goes_on_is_shown_and_does_not_notice(online: Workplace, front: Front) -> None:
    process = start_and_hold(online, front)
    run = only_run(online)
    (listed,) = objects(online.run("runs", "--json"))
    assert (listed["stage"], listed["finished_at"], listed["rows"]) == ("running", None, ROWS)
    shown = online.run("show", run.name)
    assert f"running (process {process.pid})" in shown.out
    assert "on their way" in shown.out
    front.let_go()
    done = finish(process)
    assert done.status == 0, done
    assert objects(online.run("runs", "--json"))[0]["stage"] == "ended"


def test_a_killed_run_is_interrupted_and_showing_it_changes_nothing_of_it(online: Workplace, front: Front) -> None:
    process = start_and_hold(online, front)
    process.kill()
    finish(process)
    front.let_go(dropping=True)
    run = only_run(online)
    details, *rows = objects(online.run("show", run, "--json"))
    assert details["stage"] == "interrupted"
    assert len(rows) == ROWS
    assert {row["status"] for row in rows} <= {"created", "unknown", "pending"}
    assert "rerun continues it" in online.run("show", run).out
    assert online.run("rerun", run).status == 0
    assert front.posts >= BEFORE + HELD


def test_a_run_that_was_killed_while_it_read_names_what_it_was_given(place: Workplace) -> None:
    """As a rerun, which starts with it again."""
    source = place.write("s.csv", schedules(1))
    told = {"command": "run", "arguments": [str(source)], "stage": "reading", "started_at": "2027-03-01T08:00:00Z"}
    with create_run(place.path / "reports", "20270301-080000", told):
        pass
    assert str(source.name) in place.run("runs").out
    assert f"source:   {source}" in place.run("show", "20270301-080000").out
    (details,) = objects(place.run("show", "20270301-080000", "--json"))
    assert details["sources"] == [{"name": str(source), "sha256": None}]


def test_show_tells_options_in_the_words_that_set_them(place: Workplace) -> None:
    source = place.write("s.csv", schedules(1))
    run = place.run("run", source, "--sandbox", "--rate", "opal=1000/s", "--headroom", "20%").run
    shown = place.run("show", run).out.splitlines()
    told = {line.removeprefix("option:   ") for line in shown if line.startswith("option: ")}
    assert told >= {"--sandbox", "--rate opal=1000/s", "--headroom 20%"}


def test_show_tells_a_run_and_its_rows_by_status(place: Workplace) -> None:
    source = place.write("s.csv", [*schedules(3), BAD, ["PAGER_DUTY", "SANDBOX-404"]])
    run = place.path / place.run("run", source, "--sandbox").run
    before = contents(run)
    plain = place.run("show", run.name).out
    assert "SHA-256" in plain
    assert "3 created" in plain
    assert "invalid s A5" in plain
    assert "rejected s row 6" in plain
    assert "created s" not in plain  # only what needs attention
    details, *rows = objects(place.run("show", run.name, "--json"))
    assert details["sources"][0]["name"] == str(source)
    assert [row["row"] for row in rows] == [2, 3, 4, 5, 6]
    _, *created = objects(place.run("show", run.name, "--json", "--status", "created", "--status", "invalid"))
    assert [row["status"] for row in created] == ["created"] * 3 + ["invalid"]
    assert len(objects(place.run("show", run.name, "--json", "--limit", "2"))) == 3
    assert "... and 2 more" in place.run("show", run.name, "--status", "created", "--limit", "1").out
    assert contents(run) == before


def test_a_run_is_found_by_its_path_its_name_and_the_beginning_of_it(place: Workplace) -> None:
    """Where several begin so, they are named."""
    first = place.run("run", place.write("s.csv", schedules(1)), "--sandbox").run
    name = first.removeprefix("reports/")
    shutil.copytree(place.path / first, place.path / "reports" / f"{name}-9")
    for argument in (first, f"{first}/report.csv", name, f"{name}-"):
        assert place.run("show", argument).status == 0
    several = place.run("show", name[:8])
    assert several.status == 2
    assert name in several.err
    assert place.run("show", "nosuch").status == 2
    assert place.run("show", "x" * 5000).status == 2


def test_a_damaged_run_is_a_line_that_says_so_and_hides_no_other(place: Workplace) -> None:
    good = place.run("run", place.write("s.csv", schedules(1)), "--sandbox").run
    broken = place.path / "reports" / "20200101-000000"
    broken.mkdir()
    (broken / "journal.sqlite3").write_bytes(b"no journal at all" * 100)
    (broken / "summary.json").write_text("[1, {", encoding="utf-8")
    (place.path / "reports" / "notes").mkdir()
    listed = objects(place.run("runs", "--json"))
    assert [(run["run"], run["stage"]) for run in listed] == [
        (good.removeprefix("reports/"), "ended"),
        (broken.name, "damaged"),
    ]
    assert "journal.sqlite3" in listed[1]["error"]
    shown = place.run("show", broken.name)
    assert (shown.status, "oncall-importer run SOURCE)" in shown.out) == (0, True)


def test_where_the_journal_is_gone_the_summary_still_tells(place: Workplace) -> None:
    run = place.path / place.run("run", place.write("s.csv", shadows(2)), "--sandbox").run
    (run / "journal.sqlite3").unlink()
    assert objects(place.run("runs", "--json"))[0]["statuses"]["created"] == 2
    done = place.run("show", run.name)
    assert (done.status, "2 created" in done.out) == (0, True)


def test_no_runs_are_no_error(place: Workplace) -> None:
    done = place.run("runs")
    assert (done.status, done.out) == (0, "")
    assert "no runs in reports" in done.err


def test_the_end_of_a_pipe_ends_show_quietly(place: Workplace) -> None:
    run = place.run("run", place.write("s.csv", schedules(300)), "--sandbox", "--rate", "opal=none").run
    process = place.start("show", run, "--status", "all")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process:
        assert process.stderr.read() == b""
