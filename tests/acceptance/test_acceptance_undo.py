"""undo deletes exactly what one run created, says what it had to leave, and can be ended and repeated at any moment."""

from __future__ import annotations

import json
import shutil
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sandbox_truth

from importer.sandbox.directory_file import TOKEN

from .command import IMPORT_COLUMNS, Done, Line, Workplace, finish, read_table, statuses, wait_until_said
from .front import CANARY
from .sources import SHADOW_HEADER, schedules, shadows
from .terminals import converse

if TYPE_CHECKING:
    import subprocess

    from .front import Front, Request

BEFORE = 5  # DELETEs that are answered before the front holds the answers back
HELD = 6  # DELETEs in flight then, with --concurrency 6


def run_of(online: Workplace, lines: list[list[str]], name: str = "s.csv") -> str:
    """Run some rows, all of which are created; give the run's folder."""
    done = online.run("run", online.write(name, lines))
    assert done.status == 0, done
    return done.run


def there(front: Front) -> set[str]:
    """Give the ids of everything that the sandbox has."""
    return {made.id for made in sandbox_truth.read_truth(front.state).objects}


def ids(online: Workplace, run: str) -> list[str]:
    return [line["import_id"] for line in online.lines(run)]


def at_rootly(front: Front, method: str, id_: str, **attributes: object) -> None:
    """Do something to a shadow as somebody else would."""
    url = f"http://{front.sandbox.netloc}/rootly/v1/on_call_shadows/{id_}"
    body = json.dumps({"data": {"type": "on_call_shadows", "attributes": attributes}}).encode() if attributes else None
    kind = "application/vnd.api+json"
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind, "Accept": kind}
    urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method)).close()


def shift(start: timedelta, end: timedelta) -> list[str]:
    """Make a row whose shadow begins and ends that far from now."""
    now = datetime.now(UTC)
    times = [(now + since).strftime("%Y-%m-%dT%H:%M:%SZ") for since in (start, end)]
    return ["schedule-1", "User", "101", "112", *times, ""]


def only_line(online: Workplace, done: Done) -> Line:
    (line,) = online.lines(done.run)
    return line


def test_a_mixed_run_is_undone_and_what_cannot_be_deleted_is_named_with_its_id(online: Workplace, front: Front) -> None:
    """Shadows are deleted, schedules listed one by one; what was there before stays, and Opal is asked nothing."""
    earlier = run_of(online, shadows(2), "earlier.csv")
    source = online.write("both.csv", shadows(5)), online.write("opal.csv", schedules(3))
    run = online.run("run", *source).run
    asked = len(front.requests)
    done = online.run("undo", run)
    assert done.status == 1, done
    lines = online.lines(done.run)
    assert statuses(lines) == {"deleted": 3, "manual": 3}
    manual = [line for line in lines if line["import_status"] == "manual"]
    assert {line["import_id"] for line in manual} == there(front) - set(ids(online, earlier))
    assert all(line["import_id"] in line["import_hint"] for line in manual)
    assert all(id_ in there(front) for id_ in ids(online, earlier))
    assert not [request for request in front.requests[asked:] if "/opal/" in request.path]
    assert "3 to be removed by hand: opal cannot delete" in done.err
    assert "next:" not in done.out  # the same again could not do more


def test_an_undo_has_a_folder_a_report_and_a_summary_like_a_run(online: Workplace) -> None:
    run = run_of(online, shadows(2))
    done = online.run("undo", Path(run).name)
    assert done.status == 0, done
    folder = online.path / done.run
    assert {path.name for path in folder.iterdir()} == {
        "journal.sqlite3",
        "report.csv",
        "report.html",
        "report.xlsx",
        "run.log",
        "summary.json",
    }
    assert read_table(folder / "report.csv")[0] == [*IMPORT_COLUMNS, *SHADOW_HEADER]
    assert {line["import_run"] for line in online.lines(done.run)} == {folder.name}
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["command"], summary["undo_of"], summary["statuses"]["deleted"]) == ("undo", Path(run).name, 2)


def test_the_newest_goes_first(online: Workplace, front: Front) -> None:
    run = run_of(online, shadows(12))
    created = sorted(online.lines(run), key=lambda line: (line["import_finished_at"], int(line["import_row"])))
    assert online.run("undo", run, "--concurrency", "1").status == 0
    deleted = [path.rpartition("/")[2] for path in front.paths("DELETE")]
    assert deleted == [line["import_id"] for line in reversed(created)]


def test_a_shadow_that_was_changed_is_left_and_what_differs_is_said(online: Workplace, front: Front) -> None:
    run = run_of(online, shadows(3))
    changed, gone, _ = ids(online, run)
    at_rootly(front, "PUT", changed, ends_at="2027-05-03T21:00:00Z")
    at_rootly(front, "DELETE", gone)
    done = online.run("undo", run)
    assert done.status == 1, done
    found = {line["import_id"]: line for line in online.lines(done.run)}
    assert there(front) == {changed}
    assert found[changed]["import_status"] == "changed"
    assert "ends_at is 2027-05-03T21:00:00Z, sent was 2027-05-03T20:00:00Z" in found[changed]["import_error"]
    assert changed in done.out  # where to look
    assert found[gone]["import_status"] == "gone"


def test_an_active_shadow_is_cut_and_an_ended_one_kept_and_both_are_said(online: Workplace, front: Front) -> None:
    hour = timedelta(hours=1)
    run = run_of(online, [SHADOW_HEADER, shift(-hour, hour), shift(-3 * hour, -2 * hour)])
    active, ended = ids(online, run)
    done = online.run("undo", run)
    assert done.status == 1, done
    found = {line["import_id"]: line for line in online.lines(done.run)}
    assert found[active]["import_status"] == "cut"
    assert "cut: ends_at is" in found[active]["import_error"]
    assert found[ended]["import_status"] == "kept"
    assert "already ended" in found[ended]["import_error"]
    assert there(front) == {active, ended}
    again = online.run("undo", run)  # what was cut stays cut: nobody has changed it
    assert statuses(online.lines(again.run)) == {"cut": 1, "kept": 1}


def test_undone_twice_the_second_deletes_nothing(online: Workplace, front: Front) -> None:
    run = run_of(online, shadows(4))
    assert online.run("undo", run).status == 0
    asked = len(front.requests)
    again = online.run("undo", run)
    assert again.status == 0, again
    assert statuses(online.lines(again.run)) == {"deleted": 4}
    assert len(front.requests) == asked


def test_undo_of_a_rerun_deletes_only_what_the_rerun_created_and_names_the_run_whose_records_stay(
    online: Workplace, front: Front
) -> None:
    lines = shadows(4)
    broken = [*lines[:3], *([*line[:4], "soon", *line[5:]] for line in lines[3:])]
    source = online.write("s.csv", broken)
    first = online.run("run", source)
    assert first.status == 1
    report = (online.path / first.run / "report.csv").read_text(encoding="utf-8-sig")
    for line in lines[3:]:
        report = report.replace(",soon,", f",{line[4]},", 1)
    mended = online.path / "mended.csv"
    mended.write_text(report, encoding="utf-8")
    second = online.run("rerun", mended)
    assert second.status == 0, second
    done = online.run("undo", second.run)
    assert statuses(online.lines(done.run)) == {"deleted": 2}
    rest = {line["import_id"] for line in online.lines(first.run) if line["import_id"]}
    assert there(front) == rest
    assert f"{len(rest)} records that {Path(first.run).name} created stay: undo that run too" in done.err


def start_and_hold(online: Workplace, front: Front, run: str, before: int = BEFORE) -> subprocess.Popen[bytes]:
    """Start an undo and give it once it waits for answers that do not come."""
    front.hold_after(before, method="DELETE")
    process = online.start("undo", run, "--concurrency", str(HELD))
    front.wait_for(before + HELD, method="DELETE")
    return process


@pytest.mark.parametrize("before", [0, BEFORE, 24])
def test_a_killed_undo_is_gone_on_with_and_nothing_else_is_touched(
    online: Workplace, front: Front, before: int
) -> None:
    """Of what was in flight a half was deleted and a half was not, and nobody was told which."""
    run_of(online, [SHADOW_HEADER, *([*line[:3], "113", *line[4:]] for line in shadows(5)[1:])], "others.csv")
    others = there(front)
    run = run_of(online, shadows(30))
    process = start_and_hold(online, front, run, before)
    process.kill()
    finish(process)
    front.let_go(dropping=True)
    assert others < there(front)
    posts, rerun = front.posts, run
    for _ in range(2):  # until the undo goes on, nobody knows what became of those
        ended = online.run("rerun", rerun)
        rerun = ended.run
        assert "Undo again: the target is asked first." in ended.out
        assert "next:" not in ended.out  # another rerun would end in the same way
        left = {line["import_id"]: line["import_status"] for line in online.lines(rerun)}
        assert (ended.status, set(left.values()) - {"undone", "created"}) == (3, {"unknown"})
        assert {id_ for id_, status in left.items() if status == "created"} <= there(front)
        assert not {id_ for id_, status in left.items() if status == "undone"} & there(front)
    verified = online.run("verify", run).out.splitlines()
    doubtful = next(number for number, line in enumerate(verified) if "may have taken it back" in line)
    assert verified[doubtful + 1] == "  Undo again: the target is asked first."
    done = online.run("undo", run)
    assert done.status == 0, done
    assert statuses(online.lines(online.run("rerun", rerun).run)) == {"undone": 30}
    assert front.posts == posts
    assert set(statuses(online.lines(done.run))) <= {"deleted", "gone"}
    assert {line["import_id"] for line in online.lines(done.run)} == set(ids(online, run))
    assert there(front) == others


def test_an_interrupted_undo_ends_in_order_and_says_how_to_go_on(online: Workplace, front: Front) -> None:
    run = run_of(online, shadows(30))
    process = start_and_hold(online, front, run)
    process.terminate()
    wait_until_said(process, b"interrupted")
    front.let_go()
    done = finish(process)
    assert done.status == 130
    assert f"next:   oncall-importer undo {run}" in done.out
    lines = online.lines(done.run)
    assert statuses(lines) == {"deleted": BEFORE + HELD, "pending": 30 - BEFORE - HELD}
    assert there(front) == {line["import_id"] for line in lines if line["import_status"] == "pending"}
    assert all(line["import_error"] for line in lines if line["import_status"] == "pending")
    again = online.run("undo", run)
    assert again.status == 0, again
    assert there(front) == set()


def test_a_second_undo_at_the_same_time_is_refused(online: Workplace, front: Front) -> None:
    run = run_of(online, shadows(30))
    process = start_and_hold(online, front, run)
    refused = online.run("undo", run)
    assert refused.status == 2
    assert f"still running (process {process.pid})" in refused.err
    front.let_go()
    assert finish(process).status == 0
    assert len(online.runs) == 2


def test_a_refused_token_ends_the_undo_and_nothing_is_called_gone(online: Workplace, front: Front) -> None:
    run = run_of(online, shadows(3))
    before = there(front)
    done = online.run("undo", run, variables={"ROOTLY_TOKEN": "another"})
    assert done.status == 4, done
    assert statuses(online.lines(done.run)) == {"pending": 3}
    assert there(front) == before
    assert CANARY not in done.out + done.err
    assert online.run("undo", run).status == 0


def test_what_another_account_cannot_see_is_not_called_gone(online: Workplace, front: Front) -> None:
    """Its list cannot be seen either, so that nobody can tell whether it is there."""
    run = run_of(online, [SHADOW_HEADER, ["schedule-9", "User", "101", "112", *shadows(1)[1][4:]]])
    at_rootly(front, "DELETE", ids(online, run)[0])
    front.hidden = "/schedules/schedule-9/"
    done = online.run("undo", run)
    assert done.status == 3, done
    assert "the token belongs to another account" in only_line(online, done)["import_error"]
    front.hidden = ""
    again = online.run("undo", run)
    assert again.status == 0, again


@pytest.mark.parametrize("options", [["--sandbox"], []], ids=["sandbox", "another base URL"])
def test_a_run_is_undone_only_where_it_was_sent(online: Workplace, front: Front, options: list[str]) -> None:
    run = run_of(online, shadows(2))
    before, runs = there(front), online.runs
    elsewhere = {"ROOTLY_BASE_URL": f"http://127.0.0.1:{front.port}/opal/v1"}
    refused = online.run("undo", run, *options, variables={} if options else elsewhere)
    assert refused.status == 2
    assert Path(run).name in refused.err
    assert (there(front), online.runs) == (before, runs)


def test_an_undo_and_a_report_are_no_runs_to_undo_and_an_undo_is_nothing_to_rerun(online: Workplace) -> None:
    """Each refusal says the command that is right."""
    run = run_of(online, shadows(2))
    done = online.run("undo", run)
    apart = online.path / "apart.csv"
    apart.write_bytes((online.path / done.run / "report.csv").read_bytes())
    for command in (["undo", done.run], ["rerun", done.run], ["rerun", f"{done.run}/report.csv"], ["rerun", apart]):
        refused = online.run(*command)
        assert refused.status == 2
        assert f"oncall-importer undo {run}" in refused.err
    refused = online.run("undo", f"{run}/report.csv")
    assert refused.status == 2
    assert f"oncall-importer undo {run}" in refused.err


def test_after_an_undo_a_rerun_sends_nothing_and_a_run_of_the_source_imports_again(
    online: Workplace, front: Front
) -> None:
    run = run_of(online, shadows(3))
    assert online.run("undo", run).status == 0
    posts = front.posts
    rerun = online.run("rerun", run)
    assert (rerun.status, statuses(online.lines(rerun.run))) == (1, {"undone": 3})
    assert "next:" not in rerun.out  # the source imports them again, a rerun never
    assert front.posts == posts
    for options in ((), ("--status", "undone")):  # they need attention, so `show` names them
        assert online.run("show", rerun.run, *options).out.count("took it back") == 3
    again = online.run("run", "s.csv")
    assert statuses(online.lines(again.run)) == {"created": 3}
    assert len(there(front)) == 3


def test_a_rerun_of_another_run_that_had_found_the_records_says_undone_too(online: Workplace, front: Front) -> None:
    first = run_of(online, shadows(3))
    second = online.run("run", "s.csv")
    assert statuses(online.lines(second.run)) == {"exists": 3}
    assert online.run("undo", first).status == 0
    rerun = online.run("rerun", second.run)
    assert (rerun.status, statuses(online.lines(rerun.run))) == (1, {"undone": 3})
    assert there(front) == set()
    assert online.run("rerun", online.run("run", "s.csv").run).status == 0  # created again, with ids of their own


def test_what_was_undone_is_known_also_if_the_folder_of_its_run_has_another_name(
    online: Workplace, front: Front
) -> None:
    """By a rerun of that folder, and by one of a rerun that came before the undo."""
    run = run_of(online, shadows(3))
    between = online.run("rerun", run).run
    renamed = (online.path / run).rename(online.path / "reports" / "March rota")
    (online.path / run).touch()  # or a run of the same second could take its name
    assert online.run("undo", renamed).status == 0
    assert there(front) == set()
    for earlier in (renamed, between):
        rerun = online.run("rerun", earlier)
        assert (rerun.status, statuses(online.lines(rerun.run))) == (1, {"undone": 3})


def kill_in_flight(online: Workplace, front: Front) -> str:
    """Kill a run while some of its requests wait for answers, half of them applied; give its name."""
    others, posts = set(online.runs), front.posts
    front.hold_after(BEFORE)
    process = online.start("run", online.write("s.csv", shadows(20)), "--concurrency", str(HELD))
    front.wait_for(posts + BEFORE + HELD)
    process.kill()
    finish(process)
    front.let_go(dropping=True)
    (run,) = set(online.runs) - others
    return run


def test_what_a_killed_run_had_on_its_way_is_found_out_and_undone_too(online: Workplace, front: Front) -> None:
    """Nothing that it created stays behind, nothing else goes, and nothing is sent."""
    earlier = run_of(online, shadows(3), "earlier.csv")
    run = kill_in_flight(online, front)
    posts, made = front.posts, there(front)
    assert len(made) > 3 + BEFORE
    elsewhere = online.run("undo", run, variables={"ROOTLY_BASE_URL": "http://127.0.0.1:9/rootly"})
    assert elsewhere.status == 2
    assert "nothing was deleted" in elsewhere.err
    done = online.run("undo", run)
    assert done.status == 0, done
    assert "may have been created" in done.err
    assert statuses(online.lines(done.run)) == {"deleted": len(made) - 3}
    assert there(front) == set(ids(online, earlier))
    assert front.posts == posts


@pytest.mark.parametrize("command", ["run", "rerun"])
def test_what_another_run_created_of_a_killed_runs_doubts_is_left_to_that_run(
    online: Workplace, front: Front, command: str
) -> None:
    run = kill_in_flight(online, front)
    other = online.run(command, "s.csv" if command == "run" else run)
    assert other.status == 0, other
    name = Path(other.run).name
    own = [line for line in online.lines(other.run) if line["import_run"] == name]
    rest = {line["import_id"] for line in own if line["import_http_status"] == "201"}
    assert rest
    made = there(front) - rest
    done = online.run("undo", run)
    assert (done.status, there(front)) == (0, rest), done
    assert set(ids(online, done.run)) == made
    assert f"records that {name} created stay: undo that run too" in done.err
    assert online.run("undo", other.run).status == 0
    assert there(front) == set()


@pytest.mark.parametrize("is_missing", [False, True])
@pytest.mark.parametrize("reports", ["reports", "others"])
def test_nothing_in_doubt_is_deleted_while_the_journal_of_a_run_that_may_have_created_it_cannot_be_read(
    online: Workplace, front: Front, reports: str, *, is_missing: bool
) -> None:
    run = kill_in_flight(online, front)
    other = online.path / online.run("run", "s.csv", "--reports", reports).run
    journal, there_before = other / "journal.sqlite3", there(front)
    kept = journal.read_bytes()
    journal.write_bytes(b"damaged" * 1000)
    if is_missing:
        journal.unlink()
    done = online.run("undo", f"reports/{run}", "--reports", reports)
    assert (done.status, there(front)) == (2, there_before), done
    assert f"{other.name} cannot be read, and that run may have created some of the" in done.err
    assert "nothing was deleted" in done.err
    journal.write_bytes(kept)
    assert online.run("undo", f"reports/{run}", "--reports", reports).status == 0
    assert online.run("undo", str(other)).status == 0
    assert there(front) == set()


def test_a_copy_of_its_folder_is_no_other_run_that_can_have_created_what_is_undone(
    online: Workplace, front: Front
) -> None:
    run = kill_in_flight(online, front)
    shutil.copytree(online.path / "reports" / run, online.path / "reports" / f"{run} copy")
    assert online.run("undo", f"reports/{run}").status == 0
    assert there(front) == set()


def test_what_nobody_can_say_about_a_killed_run_stays_unknown_until_an_undo_can_ask(
    online: Workplace, front: Front
) -> None:
    run = kill_in_flight(online, front)
    front.hidden = "/schedules/"  # the lists, and no object
    done = online.run("undo", run)
    assert done.status == 3, done
    unknown = [line for line in online.lines(done.run) if line["import_status"] == "unknown"]
    assert len(unknown) >= HELD
    assert all(line["import_hint"] == "Undo again: the target is asked first." for line in unknown)
    assert f"next:   oncall-importer undo reports/{run}" in done.out
    front.hidden = ""
    posts = front.posts
    again = online.run("undo", run)
    assert again.status == 0, again
    assert (there(front), front.posts) == (set(), posts)


def test_an_unknown_row_for_which_the_run_can_have_sent_nothing_is_no_part_of_its_undo(
    online: Workplace, front: Front
) -> None:
    header, row = shadows(1)
    row[3] = "dmitri.volkov@example.com"

    def lose(request: Request) -> None:
        if request.method == "POST":
            front.hidden = "/on_call_shadows"
            raise ConnectionError

    front.after = lose
    run = online.run("run", online.write("s.csv", [header, row, row])).run
    assert statuses(online.lines(run)) == {"unknown": 1, "duplicate": 1}
    front.hidden = "/users"
    rerun = online.run("rerun", f"{run}/report.csv").run
    assert statuses(online.lines(rerun)) == {"created": 1, "unknown": 1}
    front.hidden = ""
    done = online.run("undo", rerun)
    assert (done.status, there(front)) == (0, set()), done


def test_a_rehearsal_is_undone_in_the_sandbox_without_being_told(place: Workplace) -> None:
    run = place.run("run", place.write("s.csv", shadows(3)), "--sandbox").run
    done = place.run("undo", run)
    assert done.status == 0, done
    assert sandbox_truth.read_truth(place.path / "reports" / "sandbox.sqlite3").objects == ()
    assert done.run.endswith("-sandbox-undo")


def test_a_program_gets_one_object_a_line(online: Workplace, front: Front) -> None:
    run = online.run("run", online.write("s.csv", shadows(1)), online.write("o.csv", schedules(1))).run
    done = online.run("undo", run, "--json")
    plan, manual, end = map(json.loads, done.out.splitlines())
    assert [one["type"] for one in (plan, manual, end)] == ["plan", "row", "result"]
    assert (plan["to_send"], plan["to_delete"], plan["by_hand"]) == ({}, {"rootly": 1}, {"opal": 1})
    assert (manual["status"], manual["id"]) == ("manual", next(iter(there(front))))
    assert end["exit_status"] == 1
    assert end["statuses"] == {
        "deleted": 1,
        "gone": 0,
        "cut": 0,
        "changed": 0,
        "kept": 0,
        "manual": 1,
        "failed": 0,
        "unknown": 0,
        "pending": 0,
    }


@pytest.mark.parametrize(("answer", "left"), [("n\n", 2), ("y\n", 0)])
def test_on_a_terminal_it_shows_the_plan_and_asks(online: Workplace, front: Front, answer: str, left: int) -> None:
    run = run_of(online, shadows(2))
    status, shown = converse(online, ["undo", run], [("Delete 2 records from rootly?", answer)])
    assert f"undo of run {Path(run).name}" in shown
    assert f"127.0.0.1:{front.port}/rootly" in shown
    assert status == (1 if left else 0)
    assert len(there(front)) == left


def test_the_junit_file_is_looked_at_before_anything_is_deleted(online: Workplace, front: Front) -> None:
    """It cannot be one of a run's own files: of the journal nothing would be left."""
    run = run_of(online, shadows(2))
    before = there(front)
    for file in (f"{run}/journal.sqlite3", f"{run}/summary.json", "nowhere/x.xml"):
        for command in ("undo", "rerun"):
            done = online.run(command, run, "--junit", file)
            assert (done.status, done.out) == (2, ""), done
            assert file in done.err
    assert there(front) == before
    assert online.run("undo", run, "--junit", "x.xml").status == 0


def test_what_was_left_is_a_failure_in_junit_and_can_be_listed(online: Workplace, front: Front) -> None:
    run = run_of(online, shadows(3))
    at_rootly(front, "PUT", ids(online, run)[0], ends_at="2031-01-01T00:00:00Z")
    done = online.run("undo", run, "--junit", "x.xml")
    assert done.status == 1
    assert 'failures="1"' in (online.path / "x.xml").read_text()
    assert "changed s row 2" in online.run("show", done.run, "--status", "changed").out
    assert "changed s row 2" in online.run("show", done.run).out
    assert f"undo of {Path(run).name}" in online.run("show", done.run).out


def test_a_rehearsal_is_undone_in_the_sandbox_beside_it(place: Workplace) -> None:
    """Wherever it is called from: elsewhere nothing of it would be found, and all of it be taken as gone."""
    source = place.write("s.csv", shadows(2))
    assert place.run("run", source, "--sandbox", "--reports", "other").status == 0
    (run,) = (place.path / "other").glob("*-sandbox")
    done = place.run("undo", run)
    assert done.status == 0
    assert "deleted" in done.out
    assert "gone" not in {line["import_status"] for line in place.lines(done.run)}


def test_an_undo_that_could_not_begin_is_not_in_the_way_of_the_next(online: Workplace) -> None:
    run = run_of(online, shadows(1))
    for _ in range(3):
        done = online.run("undo", run, variables={"ROOTLY_TOKEN": ""})
        assert done.status == 2
        assert "ROOTLY_TOKEN" in done.err
    assert online.run("undo", run).status == 0
