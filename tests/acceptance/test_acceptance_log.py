"""-v and run.log: what was asked of the targets, without what it carried."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from .command import Workplace
from .front import CANARY, refusing_port
from .sources import schedules, shadows

if TYPE_CHECKING:
    from .front import Front

LINE = re.compile(r"(opal|rootly) (GET|POST) (/\S+): (HTTP \d{3}), \d+ ms(, attempt \d)?")


def log_of(place: Workplace, run: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (place.path / run / "run.log").read_text(encoding="utf-8").splitlines()]


def test_a_run_that_goes_well_logs_its_stages_and_not_its_requests(online: Workplace) -> None:
    done = online.run("run", online.write("s.csv", schedules(5)))
    assert done.status == 0
    assert [line["event"] for line in log_of(online, done.run)] == ["started", "planned", "sending", "ended"]
    assert log_of(online, done.run)[-1]["statuses"] == {"created": 5}
    assert (online.path / done.run / "run.log").stat().st_mode & 0o777 == 0o600


def test_verbose_shows_every_request_and_nothing_that_it_carried(online: Workplace, front: Front) -> None:
    """Neither the token, nor a cell, nor a query, on the terminal and in the log alike."""
    sources = online.write("s.csv", schedules(3)), online.write("t.csv", shadows(3))
    done = online.run("run", *sources, "-v", "--quiet")
    assert done.status == 0
    shown = [LINE.fullmatch(line) for line in done.err.splitlines()]
    assert all(shown), done.err
    requests = [line for line in log_of(online, done.run) if line["event"] == "request"]
    assert len(shown) == len(requests) == len(front.requests)
    assert sorted(line["path"].partition("?")[0] for line in requests) == sorted(
        request.path.partition("?")[0] for request in front.requests
    )
    assert requests[0].keys() == {
        "time", "level", "event", "target", "what", "method", "path", "status", "ms", "attempt",
    }  # fmt: skip
    text = done.err + (online.path / done.run / "run.log").read_text(encoding="utf-8")
    for secret in (CANARY, "Bearer", "Authorization", "page%5B", "page[", *(row[1] for row in schedules(3)[1:])):
        assert secret not in text


def test_verbose_leaves_standard_output_alone(place: Workplace) -> None:
    done = place.run("run", place.write("s.csv", schedules(2)), "--sandbox", "--json", "--verbose")
    assert all(json.loads(line) for line in done.out.splitlines())
    assert "opal POST /opal/v1/on-call-schedules: HTTP 200" in done.err


def test_what_is_refused_is_logged_without_the_servers_words(online: Workplace, front: Front) -> None:
    """They repeat what was sent, and stand in the report."""
    front.words = '{"message": "no such schedule: {token} PCANARY1"}'
    done = online.run("run", online.write("s.csv", [*schedules(0), ["PAGER_DUTY", "PCANARY1"]]))
    assert done.status == 1
    (request,) = [line for line in log_of(online, done.run) if line["event"] == "request"]
    assert (request["level"], request["method"]) == ("warning", "POST")
    text = (online.path / done.run / "run.log").read_text(encoding="utf-8")
    assert "PCANARY1" not in text
    assert CANARY not in text


def test_a_target_that_is_gone_is_told_in_the_log_as_on_the_console(online: Workplace) -> None:
    with refusing_port() as port:
        gone = {"OPAL_BASE_URL": f"http://127.0.0.1:{port}", "IMPORTER_BREAKER_TIMEOUT": "0"}
        done = online.run("run", online.write("s.csv", schedules(3)), variables=gone)
    assert done.status == 4
    events = {line["event"]: line for line in log_of(online, done.run)}
    assert "Connection refused" in events["request"]["what"]
    assert events["stopped"]["target"] == "opal"
    assert "did not come back" in events["stopped"]["what"]
    assert events["ended"]["stopped"].keys() == {"opal"}


def test_rows_that_are_warned_of_stand_in_it_by_place_and_kind(place: Workplace) -> None:
    """Not by what stands in them."""
    header = ["schedule_id", "shadowable_id", "shadow_user_id", "starts_at", "ends_at"]
    past = ["s-1", "101", "112", "2019-03-01T08:00Z", "2019-03-01T16:00Z"]
    place.write("t.csv", [header, past])
    done = place.run("run", "t.csv", "--sandbox")
    assert "warning: " in done.out
    (warned,) = [line for line in log_of(place, done.run) if line["event"] == "warned"]
    assert (warned["source"], warned["row"]) == ("t.csv", 2)
    assert "2019" not in warned["what"]
    assert warned["what"]


def test_a_rerun_has_a_log_of_its_own(online: Workplace) -> None:
    first = online.run("run", online.write("s.csv", schedules(2)))
    again = online.run("rerun", first.run)
    assert again.status == 0
    assert log_of(online, again.run)[0]["what"].startswith("rerun, ")
    assert log_of(online, again.run)[-1]["event"] == "ended"
