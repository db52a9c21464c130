"""doctor says whether a run could start, and what to do where it could not; it writes nothing to anybody."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import anyio.from_thread
import pytest
import trustme
from delivery.serving import http, says, serving
from networks.proxying import encrypting

from importer.sandbox.directory_file import TOKEN
from importer.sandbox.server import serve

from .command import Workplace, finish
from .front import CANARY, refusing_port
from .sources import schedules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anyio.from_thread import BlockingPortal

    from .command import Done
    from .front import Front

Findings = dict[str, dict[str, str]]


@pytest.fixture
def portal() -> Iterator[BlockingPortal]:
    with anyio.from_thread.start_blocking_portal() as opened:
        yield opened


def examine(place: Workplace, *arguments: str, **variables: str) -> tuple[Done, Findings]:
    """Run it; give what it found, by what was looked at. Every problem has to say what to do."""
    done = place.run("doctor", "--json", *arguments, variables=variables)
    found = [json.loads(line) for line in done.out.splitlines()]
    assert all(one["hint"] for one in found if one["level"] == "problem")
    assert done.status == (2 if any(one["level"] == "problem" for one in found) else 0), done
    assert done.err == ""
    assert CANARY not in done.out
    return done, {one["about"]: one for one in found}


def test_where_all_is_well_every_line_is_ok_and_nothing_was_written(online: Workplace, front: Front) -> None:
    done, found = examine(online)
    assert done.status == 0
    assert {one["level"] for about, one in found.items() if about != "reports"} == {"ok"}  # the disk is the machine's
    for target in ("opal", "rootly"):
        for what in ("proxy", "target", "TLS", "token", "clock", "limits", "lock"):
            assert f"{target} {what}" in found
    assert {"versions", "sqlite", "environment", "importer.toml", "settings", "time zones", "reports"} < found.keys()
    assert {request.method for request in front.requests} == {"GET"}
    assert list(online.path.iterdir()) == []


def test_people_read_columns_and_the_verdict_comes_last(online: Workplace) -> None:
    """Without a terminal a line each, to be searched."""
    done = online.run("doctor")
    lines = done.out.splitlines()
    assert lines[-1] == "a run could start"
    assert all(line.split()[0] in ("ok", "note") for line in lines[:-1])
    quiet = online.run("doctor", "--quiet")
    assert not any(line.startswith("ok") for line in quiet.out.splitlines())
    assert quiet.out.endswith("a run could start\n")
    verbose = online.run("doctor", "-v")
    assert "rootly GET /rootly/v1/users/me: HTTP 200" in verbose.err


def test_the_sandbox_needs_no_account(place: Workplace) -> None:
    done, found = examine(place, "--sandbox")
    assert done.status == 0
    assert found["rootly token"]["message"] == "accepted"
    assert "left of 3000" in found["rootly limits"]["message"]


def test_a_token_that_is_refused_is_named_by_its_variable(online: Workplace) -> None:
    _, found = examine(online, OPAL_TOKEN="an-old-one")
    assert found["opal token"]["level"] == "problem"
    assert "refused (401)" in found["opal token"]["message"]
    assert "OPAL_TOKEN" in found["opal token"]["hint"]
    assert "an-old-one" not in str(found)
    assert found["rootly token"]["level"] == "ok"


def test_a_token_that_nobody_set_matters_only_where_there_is_no_other(place: Workplace, online: Workplace) -> None:
    _, found = examine(online, OPAL_TOKEN="")
    assert (found["opal token"]["level"], found["opal token"]["message"]) == ("note", "not set")
    _, found = examine(place)
    assert found["opal token"]["level"] == found["rootly token"]["level"] == "problem"
    assert "ROOTLY_API_TOKEN" in found["rootly token"]["hint"]


def test_a_target_that_is_gone_does_not_keep_the_other_lines_back(online: Workplace) -> None:
    with refusing_port() as port:
        _, found = examine(online, ROOTLY_BASE_URL=f"http://127.0.0.1:{port}")
    assert found["rootly target"]["level"] == "problem"
    assert "Connection refused" in found["rootly target"]["message"]
    assert found["rootly clock"]["level"] == found["rootly token"]["level"] == "note"
    assert found["opal token"]["message"] == "accepted"
    assert found["rootly lock"]["level"] == "ok"


def test_a_target_that_does_not_answer_is_waited_for_no_longer_than_a_request(online: Workplace, front: Front) -> None:
    front.hold_after(0, method="GET")
    done, found = examine(online, IMPORTER_REQUEST_TIMEOUT="3")
    front.let_go(dropping=True)
    assert done.status == 2
    for target in ("opal", "rootly"):
        assert "no complete answer in time" in found[f"{target} target"]["message"]


def test_a_clock_that_is_wrong_is_told_with_how_much(place: Workplace, portal: BlockingPortal) -> None:
    """Here the target's is an hour ahead; a run could start all the same."""
    served = serve(place.path / "far.sqlite3", now=lambda: time.time() + 3600)
    with portal.wrap_async_context_manager(served) as address:
        variables = {"ROOTLY_BASE_URL": address.rootly, "ROOTLY_TOKEN": TOKEN}
        done, found = examine(place, **variables)
    assert done.status == 0
    clock = found["rootly clock"]
    assert clock["level"] == "note"
    assert clock["message"].endswith("s behind the target's")
    assert 3590 <= int(clock["message"].split()[0]) <= 3610


def certified(place: Workplace, front: Front, portal: BlockingPortal, ends: datetime) -> Findings:
    """Look at a target whose certificate, by an authority that is trusted, ends then."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(place.path / "corp.pem"))
    leaf = authority.issue_cert("127.0.0.1", not_before=datetime(2019, 1, 1, tzinfo=UTC), not_after=ends)
    with portal.wrap_async_context_manager(encrypting(leaf, front.port)) as port:
        variables = front.variables | {"ROOTLY_BASE_URL": f"https://127.0.0.1:{port}/rootly", "OPAL_TOKEN": ""}
        return examine(place, "--ca-file", "corp.pem", **variables)[1]


def test_a_certificate_is_told_with_its_issuer_and_the_days_it_has_left(
    place: Workplace, front: Front, portal: BlockingPortal
) -> None:
    long, soon = (datetime.now(UTC) + timedelta(days=days, hours=1) for days in (90, 3))
    seal = certified(place, front, portal, long)["rootly TLS"]
    assert seal["level"] == "ok"
    assert seal["message"].startswith("TLSv1.")
    assert seal["message"].endswith(", 90 days left")
    assert "certificate from trustme" in seal["message"]
    assert certified(place, front, portal, soon)["rootly TLS"]["level"] == "note"


def test_an_expired_certificate_is_a_problem_and_no_token_went_there(
    place: Workplace, front: Front, portal: BlockingPortal
) -> None:
    found = certified(place, front, portal, datetime(2020, 1, 1, tzinfo=UTC))
    assert found["rootly target"]["level"] == "problem"
    assert "certificate has expired" in found["rootly target"]["message"]
    assert front.requests == []


def test_a_login_page_in_between_is_not_taken_for_the_target(place: Workplace, portal: BlockingPortal) -> None:
    with portal.wrap_async_context_manager(serving(says(http(200, b"<html>Sign in</html>")))) as served:
        _, found = examine(place, OPAL_BASE_URL=served.url, OPAL_TOKEN=CANARY)
    assert "not as the API does" in found["opal target"]["message"]
    assert found["opal token"]["level"] == "note"


def test_a_run_that_is_going_on_holds_its_target_and_is_not_held_up_by_the_question(
    online: Workplace, front: Front
) -> None:
    front.hold_after(1)
    process = online.start("run", online.write("s.csv", schedules(4)))
    front.wait_for(2)
    done, found = examine(online)
    assert f"(process {process.pid})" in found["opal lock"]["message"]
    assert found["opal lock"]["message"].startswith("held by ")
    assert found["rootly lock"]["level"] == "ok"
    assert done.status == 2
    waiting, found = examine(online, "--wait")
    assert (waiting.status, found["opal lock"]["level"]) == (0, "note")
    front.let_go()
    assert finish(process).status == 0
    assert examine(online)[1]["opal lock"]["level"] == "ok"


def test_what_a_killed_run_left_is_told_and_stops_nobody(online: Workplace, front: Front) -> None:
    front.hold_after(1)
    process = online.start("run", online.write("s.csv", schedules(4)))
    front.wait_for(2)
    process.kill()
    finish(process)
    front.let_go(dropping=True)
    _, found = examine(online)
    assert found["opal lock"]["level"] == "note"
    assert found["opal lock"]["message"].startswith("left by ")


def test_settings_are_told_by_name_and_a_misspelt_one_too(online: Workplace) -> None:
    (online.path / "importer.toml").write_text("concurrency = 3\n")
    _, found = examine(online, IMPORTER_CONCURENCY="7", HTTPS_PROXY=f"http://me:{CANARY}@127.0.0.1:9")
    assert found["importer.toml"]["message"] == "sets concurrency"
    assert "IMPORTER_CONCURENCY is not a known setting and is ignored" in found["environment"]["message"]
    assert "3 in flight" in found["opal limits"]["message"]


@pytest.mark.parametrize("text", ["concurrency = 'many'\n", "colour = 'blue'\n", "= nothing\n"])
def test_settings_that_cannot_be_are_a_problem_and_the_machine_is_looked_at_all_the_same(
    place: Workplace, text: str
) -> None:
    (place.path / "importer.toml").write_text(text)
    done, found = examine(place)
    assert done.status == 2
    assert found["settings"]["level"] == "problem"
    assert "versions" in found


def test_reports_that_cannot_be_made_are_a_problem(online: Workplace) -> None:
    (online.path / "file").write_text("no folder")
    _, found = examine(online, "--reports", "file/reports")
    assert found["reports"]["level"] == "problem"
    assert "--reports" in found["reports"]["hint"]
