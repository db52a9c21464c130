"""A target that is not there, or does not want us: the rows wait, the other target's go on, nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .command import Workplace, statuses
from .front import refusing_port
from .sources import schedules, shadows
from .truth import disagreements, read_truth

if TYPE_CHECKING:
    from .front import Front


def test_a_target_that_refuses_connections_leaves_its_rows_pending(online: Workplace, front: Front) -> None:
    """Exit 4 and a whole report; the other target's rows are created; running the sources again creates the rest."""
    sources = [online.write("s.csv", schedules(4)), online.write("t.csv", shadows(5))]
    with refusing_port() as port:
        gone = {"OPAL_BASE_URL": f"http://127.0.0.1:{port}/v1", "IMPORTER_BREAKER_TIMEOUT": "1"}
        done = online.run("run", *sources, variables=gone)
    assert done.status == 4, done
    assert "opal stopped: the target did not come back" in done.out
    assert "Traceback" not in done.err
    lines = online.lines(done.run)
    assert [line["import_status"] for line in lines] == ["pending"] * 4 + ["created"] * 5
    assert all("did not come back" in line["import_error"] and line["import_hint"] for line in lines[:4])
    assert disagreements(lines, read_truth(front.state)) == []
    again = online.run("run", *sources)  # a rerun would go to the address of its run
    assert again.status == 0, again
    finished = online.lines(again.run)
    assert statuses(finished) == {"created": 4, "exists": 5}
    assert [line["import_id"] for line in finished[4:]] == [line["import_id"] for line in lines[4:]]
    assert disagreements(finished, read_truth(front.state)) == []


def test_a_base_url_without_its_path_is_named_and_no_id_is_blamed(online: Workplace, front: Front) -> None:
    sources = [online.write("s.csv", schedules(2)), online.write("t.csv", shadows(2))]
    right = front.variables
    wrong = {
        "OPAL_BASE_URL": right["OPAL_BASE_URL"].removesuffix("/v1"),
        "ROOTLY_BASE_URL": right["ROOTLY_BASE_URL"] + "/v1",
    }
    done = online.run("run", *sources, variables=wrong)
    assert done.status == 1, done
    lines = online.lines(done.run)
    assert statuses(lines) == {"failed": 4}
    for line, name in zip(lines, ["OPAL_BASE_URL"] * 2 + ["ROOTLY_BASE_URL"] * 2, strict=True):
        assert f"{wrong[name]} has no list of " in line["import_error"]
        assert f"Check {name}" in line["import_hint"]
    assert disagreements(lines, read_truth(front.state)) == []


def test_a_refused_token_stops_its_target_alone(online: Workplace, front: Front) -> None:
    """Exit 4, said in words; after the token is mended, rerun finishes."""
    sources = [online.write("s.csv", schedules(4)), online.write("t.csv", shadows(5))]
    done = online.run("run", *sources, variables={"ROOTLY_TOKEN": "not-the-one"})
    assert done.status == 4, done
    assert "rootly stopped: the token was refused (401)" in done.out
    lines = online.lines(done.run)
    assert [line["import_status"] for line in lines] == ["created"] * 4 + ["pending"] * 5
    assert all("token" in line["import_error"] + line["import_hint"] for line in lines[4:])
    assert disagreements(lines, read_truth(front.state)) == []
    again = online.run("rerun", done.run)
    assert again.status == 0, again
    assert statuses(online.lines(again.run)) == {"created": 9}
    assert disagreements(online.lines(again.run), read_truth(front.state)) == []


def test_concurrency_is_a_bound_on_what_is_in_flight(online: Workplace, front: Front) -> None:
    """So many are, and never one more."""
    front.hold_after(0)
    process = online.start("run", online.write("t.csv", shadows(12)), "--concurrency", "3")
    front.wait_for(3)
    front.let_go()
    with process:
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert front.most_at_once == 3
