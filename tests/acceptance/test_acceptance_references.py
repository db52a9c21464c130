"""People and schedules by name: looked up once, compared exactly, never guessed, and never a reason to send twice."""

from __future__ import annotations

import json
import shutil
import signal
from typing import TYPE_CHECKING, NamedTuple

import pytest

from . import answering as answerings
from .command import Done, Workplace, finish, read_report, statuses, table
from .front import CANARY, refusing_port
from .truth import Key, read_truth

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .answering import Answering
    from .front import Front

HEADER = ["schedule_id", "shadowable_id", "shadow_user_id", "starts_at", "ends_at"]
#: The sandbox has these by default; README and the samples name them.
PAYMENTS = "a56d5989-eb30-481b-b7ab-f424fa655cd5"
CHECKOUT = "cfc61328-50da-44b1-b200-e2da86326fb7"
ANNA, BEN, LENA = "101", "102", "112"
WEEKENDS = ("c1d6a0f4-58f4-4b0b-9c36-0a7d5e2b3f07", "c1d6a0f4-58f4-4b0b-9c36-0a7d5e2b3f08")
LINK = f"https://rootly.com/account/schedules/{PAYMENTS}"
MIDNIGHT = 1809129600  # 2027-05-01T00:00:00Z


def row(day: int, schedule: str, shadowed: str, shadow: str) -> list[str]:
    """Give a row that starts at eight and ends at four, on a day of May 2027."""
    return [schedule, shadowed, shadow, f"2027-05-{day:02}T08:00:00Z", f"2027-05-{day:02}T16:00:00Z"]


def key(day: int, schedule: str, shadowed: str, shadow: str) -> Key:
    start = MIDNIGHT + (day - 1) * 86400 + 8 * 3600
    return (schedule, "User", shadowed, shadow, str(start), str(start + 8 * 3600))


GOOD = [
    row(1, "Payments primary", "Anna.Berg@EXAMPLE.com", "Lena Novák"),
    row(2, LINK, "Anna Berg", "BEN.OSEI@example.com"),
    row(3, "name:Checkout primary", "101", "112"),
    row(4, CHECKOUT, "anna.berg@example.com", "Lena  Novák"),
]
WANTED = {
    key(1, PAYMENTS, ANNA, LENA),
    key(2, PAYMENTS, ANNA, BEN),
    key(3, CHECKOUT, ANNA, LENA),
    key(4, CHECKOUT, ANNA, LENA),
}
BAD = [
    row(11, "Support weekend", "101", "112"),
    row(12, "Payments primery", "101", "112"),
    row(13, PAYMENTS, "anna berg", "112"),
    row(14, PAYMENTS, "101", "lena.novack@example.com"),
    row(15, "payments PRIMARY", "101", "112"),
]


class Ran(NamedTuple):
    """Rows with names, checked without and with the target, then run."""

    place: Workplace
    offline: Done
    checked: Done
    done: Done


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    place = Workplace(tmp_path_factory.mktemp("references"))
    source = place.write("plan.csv", [HEADER, *GOOD, *BAD])
    offline = place.run("check", source, "--json")
    checked = place.run("check", source, "--online", "--sandbox", "--json")
    return Ran(place, offline, checked, place.run("run", source, "--sandbox"))


@pytest.fixture
def answering(front: Front) -> Iterator[Answering]:
    """A server before the front that can refuse the lists."""
    with answerings.opened(front) as opened:
        yield opened


def findings(done: Done) -> list[dict[str, str]]:
    """Give what a check found, of what it printed as JSON."""
    return [found for line in done.out.splitlines() if "severity" in (found := json.loads(line))]


def truth_of(place: Workplace) -> set[Key]:
    return set(read_truth(place.path / "reports" / "sandbox.sqlite3"))


def lists_asked(front: Front, what: str) -> list[str]:
    return [request.path for request in front.requests if request.path.partition("?")[0] == f"/rootly/v1/{what}"]


def move(place: Workplace, run: str, *changes: tuple[str, str]) -> Path:
    """Take a report away from its journal, and change texts in it."""
    text = (place.path / run / "report.csv").read_text(encoding="utf-8-sig")
    for old, new in changes:
        assert old in text, (old, text)
        text = text.replace(old, new)
    moved = place.path / "elsewhere" / "moved.csv"
    moved.parent.mkdir(exist_ok=True)
    moved.write_text(text, encoding="utf-8", newline="")
    return moved


def test_names_addresses_and_links_become_the_ids_that_they_mean(ran: Ran) -> None:
    """Addresses without regard to case; names exactly, but for blanks that nobody sees."""
    assert statuses(ran.place.lines(ran.done.run)) == {"created": 4, "invalid": 5}
    assert truth_of(ran.place) == WANTED


def test_what_is_not_found_or_found_twice_is_a_problem_of_its_cell_with_candidates(ran: Ran) -> None:
    """Each with the nearest, and the ids to write instead."""
    wrong = {line["import_cell"]: line for line in ran.place.lines(ran.done.run) if line["import_status"] == "invalid"}
    assert sorted(wrong) == ["A10", "A6", "A7", "B8", "C9"]
    assert "2 schedules" in wrong["A6"]["import_error"]
    assert all(id_ in wrong["A6"]["import_hint"] for id_ in WEEKENDS)
    for cell, id_ in {"A7": PAYMENTS, "B8": ANNA, "C9": LENA, "A10": PAYMENTS}.items():
        assert id_ in wrong[cell]["import_hint"], wrong[cell]
        assert wrong[cell]["import_id"] == ""


def test_check_lists_the_cells_that_will_be_looked_up(ran: Ran) -> None:
    """Without asking anybody; the rows count as good until then."""
    assert ran.offline.status == 0, ran.offline
    found = findings(ran.offline)
    assert {one["severity"] for one in found} == {"note"}
    assert {one["cell"] for one in found} >= {"A2", "B2", "C2", "B3", "C3", "A4", "A6", "B8", "C9"}
    assert "A3" not in {one["cell"] for one in found}  # a link holds the id
    by_cell = {one["cell"]: one["value"] for one in found}
    assert by_cell["B2"] == "Anna.Berg@EXAMPLE.com"


def test_check_online_finds_what_run_finds(ran: Ran) -> None:
    """Word for word; and it leaves nothing behind."""
    problems = {one["cell"]: one["error"] for one in findings(ran.checked) if one["severity"] == "problem"}
    lines = ran.place.lines(ran.done.run)
    assert ran.checked.status == 1
    assert problems == {one["import_cell"]: one["import_error"] for one in lines if one["import_status"] == "invalid"}
    assert len(ran.place.runs) == 1


def test_names_mended_in_a_moved_report_are_looked_up_again(ran: Ran, tmp_path: Path) -> None:
    """And what was created stays as it is."""
    shutil.copytree(ran.place.path, tmp_path / "copy")
    place = Workplace(tmp_path / "copy")
    before = {line["import_id"] for line in place.lines(ran.done.run)}
    moved = move(place, ran.done.run, ("Payments primery", "Payments primary"), ("lena.novack@", "lena.novak@"))
    done = place.run("rerun", moved)
    lines = place.lines(done.run)
    assert statuses(lines) == {"created": 6, "invalid": 3}
    assert before <= {line["import_id"] for line in lines}
    assert truth_of(place) == {*WANTED, key(12, PAYMENTS, ANNA, LENA), key(14, PAYMENTS, ANNA, LENA)}


def test_one_sweep_serves_the_whole_source(online: Workplace, front: Front) -> None:
    """However many rows and sources name people, each list is asked for once, before anything is sent."""
    names = ["Payments primary", "Checkout primary", "Search primary"]
    rows = [row(5 + index // 3, names[index % 3], "Anna Berg", "lena.novak@example.com") for index in range(72)]
    one, two = online.write("one.csv", [HEADER, *rows]), online.write("two.csv", [HEADER, *GOOD])
    done = online.run("run", one, two)
    assert done.status == 0, done
    assert len(lists_asked(front, "users")) == len(lists_asked(front, "schedules")) == 1
    first_post = [request.method for request in front.requests].index("POST")
    assert all("/on_call_shadows" in request.path for request in front.requests[first_post:])
    before = len(front.requests)
    again = online.run("rerun", done.run)
    told = {"import_hint": ""}  # a warning stands where the row was sent
    assert [line | told for line in online.lines(again.run)] == [line | told for line in online.lines(done.run)]
    assert len(front.requests) == before  # the journal knows what was created for each row


def test_nobody_is_asked_where_ids_are_all_that_stands_there(online: Workplace, front: Front) -> None:
    done = online.run("run", online.write("ids.csv", [HEADER, row(1, PAYMENTS, ANNA, LENA)]))
    assert done.status == 0, done
    assert lists_asked(front, "users") == lists_asked(front, "schedules") == []


def test_a_list_that_the_token_may_not_see_is_a_problem_of_its_cells(
    online: Workplace, front: Front, answering: Answering
) -> None:
    """In the target's words; rows that name schedules only go on."""
    answering.refuse("users", 403, "no right to see users")
    source = online.write("plan.csv", [HEADER, GOOD[0], row(3, "Checkout primary", "101", "112")])
    done = online.run("run", source, variables=answering.variables)
    assert done.status == 1, done
    refused, created = online.lines(done.run)
    assert refused["import_status"] == "invalid"
    assert "no right to see users" in refused["import_error"]
    assert refused["import_cell"] == "B2, C2"
    assert created["import_status"] == "created"
    answering.answers.clear()
    again = online.run("rerun", done.run, variables=answering.variables)
    assert statuses(online.lines(again.run)) == {"created": 2}


def test_a_token_that_is_refused_stops_rootly_and_leaves_its_rows_pending(online: Workplace, front: Front) -> None:
    """Exit status 4, the reason in the report; the schedules for Opal go on, and rerun finishes."""
    sources = mixed(online)
    done = online.run("run", *sources, variables={"ROOTLY_TOKEN": "wrong"})
    assert_stopped(online, done, "token")
    assert CANARY not in done.out + done.err
    finished = online.run("rerun", done.run)
    assert_all_there(online, front, finished)


def test_a_target_that_is_gone_leaves_its_rows_pending(online: Workplace, front: Front) -> None:
    """Exit status 4, the reason in the report; the schedules for Opal go on, and rerun finishes."""
    sources = mixed(online)
    with refusing_port() as port:
        gone = {"ROOTLY_BASE_URL": f"http://127.0.0.1:{port}", "IMPORTER_BREAKER_TIMEOUT": "0"}
        done = online.run("run", *sources, variables=gone)
        checked = online.run("check", sources[0], "--online", variables=gone)
    assert_stopped(online, done, "")
    assert checked.status == 4, checked  # what nobody could look up is not called good
    finished = online.run("rerun", done.run)
    assert_all_there(online, front, finished)


def mixed(online: Workplace) -> list[Path]:
    schedules = [["third_party_provider", "remote_id"], ["PAGER_DUTY", "P000001"], ["PAGER_DUTY", "P000002"]]
    return [online.write("plan.csv", [HEADER, *GOOD]), online.write("schedules.csv", schedules)]


def assert_stopped(online: Workplace, done: Done, words: str) -> None:
    assert done.status == 4, done
    assert "rootly stopped" in done.out
    lines = online.lines(done.run)
    by_kind = [(line["import_kind"], line["import_status"]) for line in lines]
    assert by_kind == [("shadow", "pending")] * 4 + [("schedule", "created")] * 2
    assert all(line["import_error"].startswith("not attempted: ") and line["import_hint"] for line in lines[:4])
    assert words in lines[0]["import_error"]


def assert_all_there(online: Workplace, front: Front, finished: Done) -> None:
    assert finished.status == 0, finished
    assert statuses(online.lines(finished.run)) == {"created": 6}
    assert set(read_truth(front.state)) == {*WANTED, ("PAGER_DUTY", "P000001"), ("PAGER_DUTY", "P000002")}


def test_a_run_that_is_killed_while_it_looks_up_is_started_again(online: Workplace, front: Front) -> None:
    """With the mapping that it was given; nothing had been sent. And so is a rerun of its report, away from its run."""
    source, mapping = write_mapped(online)
    end_while_it_looks_up(online, front, signal.SIGKILL, "run", source, "--mapping", mapping)
    assert front.posts == 0
    (run,) = online.runs
    moved_away = mapping.rename(mapping.with_name("away.toml"))
    done = online.run("rerun", run)
    assert done.status == 0, done
    assert set(read_truth(front.state)) == WANTED
    assert front.posts == len(GOOD)
    moved = move(online, done.run, (",created,", ",failed,"))
    shutil.rmtree(online.path / done.run)  # else its journal knows better than the cells
    before = online.runs
    end_while_it_looks_up(online, front, signal.SIGKILL, "rerun", moved, "--mapping", moved_away)
    (killed,) = set(online.runs) - set(before)
    moved_away.unlink()
    again = online.run("rerun", killed)
    assert again.status == 0, again
    assert statuses(online.lines(again.run)) == {"exists": 4}
    assert front.posts == len(GOOD)


def test_a_run_that_is_interrupted_while_it_looks_up_leaves_nothing(online: Workplace, front: Front) -> None:
    source, mapping = write_mapped(online)
    done = end_while_it_looks_up(online, front, signal.SIGINT, "run", source, "--mapping", mapping)
    assert done.status == 130, done
    assert "nothing was sent" in done.err
    assert online.runs == []
    assert front.posts == 0


def write_mapped(online: Workplace) -> tuple[Path, Path]:
    """Write the good rows under headers that say nothing, and the mapping that settles them."""
    columns = dict(zip("PQRST", HEADER, strict=True))
    mapping = online.path / "mapping.toml"
    mapping.write_text("[columns]\n" + "".join(f'{ours} = "{column}"\n' for ours, column in columns.items()))
    return online.write("plan.csv", [list(columns), *GOOD]), mapping


def end_while_it_looks_up(online: Workplace, front: Front, number: signal.Signals, *arguments: str | Path) -> Done:
    asked = sum(request.method == "GET" for request in front.requests)
    front.hold_after(0, method="GET")
    process = online.start(*arguments)
    front.wait_for(asked + 1, method="GET")
    process.send_signal(number)
    done = finish(process)
    front.let_go(dropping=True)
    return done


def test_what_was_sent_for_names_is_never_sent_again_from_a_report_that_lost_its_journal(
    online: Workplace, front: Front, answering: Answering
) -> None:
    """Rows that may have been applied are asked about first, also when the lists of names cannot be had meanwhile."""
    done = run_and_lose_answers(online, front, answering)
    posts = front.posts
    moved = move(online, done.run)
    shutil.rmtree(online.path / done.run)
    lines = read_report(moved)
    assert statuses(lines) == {"unknown": 4}
    (known,) = read_truth(front.state)[key(1, PAYMENTS, ANNA, LENA)]
    lines[0] |= {"import_status": "created", "import_id": known}
    moved.write_text(table([list(lines[0]), *(list(line.values()) for line in lines)]), encoding="utf-8", newline="")
    answering.refuse("users", 500, "the list is broken")
    blind = online.run("rerun", moved, variables={**answering.variables, "IMPORTER_BREAKER_TIMEOUT": "0"})
    assert blind.status in (3, 4), blind
    assert statuses(online.lines(blind.run)) == {"unknown": 4}  # a lone report is not believed
    assert front.posts == posts
    second = move(online, blind.run)
    answering.answers.clear()
    done = online.run("rerun", second, variables=answering.variables)
    assert done.status == 0, done
    assert_settled(online, front, done)
    assert online.lines(done.run)[0]["import_id"] == known


def test_what_was_sent_for_names_is_asked_about_from_the_journal_without_the_lists(
    online: Workplace, front: Front, answering: Answering
) -> None:
    """The journal knows what was sent: nobody need be looked up to ask for it."""
    done = run_and_lose_answers(online, front, answering)
    answering.refuse("users", 403, "no right to see users")
    answering.refuse("schedules", 403, "no right to see schedules")
    again = online.run("rerun", done.run, variables=answering.variables)
    assert again.status == 0, again
    assert_settled(online, front, again)


def run_and_lose_answers(online: Workplace, front: Front, answering: Answering) -> Done:
    """Run four rows of names; three are applied, all answers are lost, and the target is gone when it is asked."""
    source = online.write("plan.csv", [HEADER, *GOOD])
    front.hold_after(2)
    process = online.start("run", source, "--concurrency", "1", variables=answering.variables)
    front.wait_for(3)
    process.kill()
    finish(process)
    front.let_go(dropping=True)
    (run,) = online.runs
    for schedule in {good[0] for good in WANTED}:
        answering.answers[f"/rootly/v1/schedules/{schedule}/on_call_shadows"] = (503, b"{}")
    done = online.run("rerun", run, variables={**answering.variables, "IMPORTER_BREAKER_TIMEOUT": "0"})
    assert done.status in (3, 4), done
    answering.answers.clear()
    return done


def assert_settled(online: Workplace, front: Front, done: Done) -> None:
    lines = online.lines(done.run)
    assert statuses(lines) == {"created": 4}
    truth = read_truth(front.state)
    assert set(truth) == WANTED
    assert all(len(ids) == 1 for ids in truth.values()), truth
    assert {line["import_id"] for line in lines} == {id_ for ids in truth.values() for id_ in ids}


def test_what_the_target_calls_its_people_never_steers_the_terminal(online: Workplace, answering: Answering) -> None:
    """A colleague's name with an escape sequence in it is shown as a text, and so is one in a cell."""
    answering.list_users(
        [("101", "Anna \x1b]0;owned\x07Berg", "anna@x.example"), ("102", "Anna B\u202eerg", "b@x.example")]
    )
    source = online.write(
        "plan.csv", [HEADER, row(1, PAYMENTS, "Anna Berg\x1b[31m", "112"), row(2, PAYMENTS, "Anna Borg", "112")]
    )
    checked = online.run("check", source, "--online", variables=answering.variables)
    ran = online.run("run", source, variables=answering.variables)
    for done in (checked, ran):
        assert done.status == 1, done
        assert not set("\x1b\x07\u202e") & set(done.out + done.err), done
        assert "Anna" in done.out


def test_a_directory_of_ones_own_is_rehearsed_against(tmp_path: Path) -> None:
    """What a team's own colleagues and schedules are called stands in a file for the sandbox."""
    place = Workplace(tmp_path)
    roll = place.path / "people.toml"
    roll.write_text(
        '[[users]]\nid = 7\nemail = "Zoë@corp.example"\nfirst_name = "Zoë"\nlast_name = "Ångström"\n'
        '[[users]]\nid = 8\nemail = "max@corp.example"\n'
        '[[schedules]]\nid = "s-42"\nname = "Fjord 24/7"\n',
        encoding="utf-8",
    )
    process = place.start("sandbox", "--directory", roll, "--port", "0")
    try:
        assert process.stdout is not None
        exports = [process.stdout.readline().decode() for _ in range(2)]
        variables = dict(one.split("=", 1) for line in exports for one in line.removeprefix("export ").split())
        source = place.write("plan.csv", [HEADER, row(1, "Fjord 24/7", "zoë@CORP.example", "max@corp.example")])
        done = place.run("run", source, variables=variables)
    finally:
        process.terminate()
        process.communicate()
    assert done.status == 0, done
    assert truth_of(place) == {key(1, "s-42", "7", "8")}
