"""The stand-in served by itself: it prints what leads a run to it, keeps what it was given, and can be emptied."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys

from .command import Workplace, finish, statuses
from .sources import schedules, shadows
from .truth import count_objects, disagreements, read_truth


def read_exports(process: subprocess.Popen[bytes]) -> dict[str, str]:
    """Read the variables that the served sandbox prints, as a shell would."""
    assert process.stdout is not None
    words = [shlex.split(process.stdout.readline().decode()) for _ in range(2)]
    assert [line[0] for line in words] == ["export", "export"]
    return dict(word.split("=", 1) for line in words for word in line[1:])


def test_what_the_served_sandbox_prints_leads_a_run_to_it(place: Workplace) -> None:
    """Both targets, tokens included; it serves until Ctrl-C and ends well."""
    process = place.start("sandbox", "--port", "0")
    variables = read_exports(process)
    assert set(variables) == {"OPAL_BASE_URL", "OPAL_TOKEN", "ROOTLY_BASE_URL", "ROOTLY_TOKEN"}
    sources = [place.write("s.csv", schedules(3)), place.write("t.csv", shadows(3))]
    done = place.run("run", *sources, variables=variables)
    assert done.status == 0, done
    assert statuses(place.lines(done.run)) == {"created": 6}
    assert disagreements(place.lines(done.run), read_truth(place.path / "reports" / "sandbox.sqlite3")) == []
    in_use = place.run("run", *sources, "--sandbox")
    assert in_use.status == 2
    assert "in use" in in_use.err
    assert len(place.runs) == 1
    process.send_signal(signal.SIGINT)
    ended = finish(process)
    assert ended.status == 0, ended
    assert "Traceback" not in ended.err


def test_few_open_files_reduce_what_is_in_flight_with_one_notice(place: Workplace) -> None:
    source = place.write("t.csv", shadows(60))
    options = ["--sandbox", "--concurrency", "1000", "--rate", "rootly=none"]
    words = [sys.executable, "-m", "importer", "run", str(source), *options]
    process = subprocess.Popen(
        ["sh", "-c", 'ulimit -n 128 && exec "$@"', "sh", *words],
        cwd=place.path,
        env=place.variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    done = finish(process)
    assert done.status == 0, done
    assert "only 128 files open" in done.out + done.err
    assert "not 1000" in done.out + done.err
    assert "Traceback" not in done.err
    assert statuses(place.lines(done.run)) == {"created": 60}


def test_what_the_sandbox_was_given_stays_until_it_is_emptied(place: Workplace) -> None:
    source = place.write("s.csv", schedules(3))
    state = place.path / "reports" / "sandbox.sqlite3"
    place.run("run", source, "--sandbox")
    reset = place.run("sandbox", "--reset")
    assert reset.status == 0, reset
    assert count_objects(state) == 0
    again = place.run("run", source, "--sandbox")
    assert statuses(place.lines(again.run)) == {"created": 3}
    assert count_objects(state) == 3


def test_a_port_that_cannot_be_is_refused_in_one_sentence(place: Workplace) -> None:
    done = place.run("sandbox", "--port", "70000")
    assert done.status == 2
    assert "70000" in done.err
    assert "Traceback" not in done.err
