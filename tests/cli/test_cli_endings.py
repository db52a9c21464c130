"""However a command's surroundings fail, it ends with one sentence and a status that says so."""

from __future__ import annotations

import errno
import json
import os
import pty
import signal
import stat
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import anyio
import openpyxl
import pytest
from acceptance.command import Workplace, finish, wait_until
from acceptance.sources import shadows

from importer import __main__
from importer.cli.execute import guard, perform_reading
from importer.errors import SourceError
from importer.reader import workbook

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.cli.console import Console
    from importer.result import Result
    from importer.session.control import RunControl
    from importer.settings.options import Settings

ROWS = [["third_party_provider", "remote_id"], ["PAGER_DUTY", "PI7DH85"]]
ODD_ROWS = [["Provider name", "Some id"], ["PagerDuty", "P1"]]  # that need a mapping


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    """A folder of its own, with a source in it."""
    place = Workplace(tmp_path)
    place.write("s.csv", ROWS)
    return place


def shell(place: Workplace, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell in which IMPORTER is the command."""
    command = f'IMPORTER="{sys.executable} -m importer"; {line}'
    return subprocess.run(
        ["sh", "-c", command], cwd=place.path, env=place.variables, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("command", ["check s.csv --json", "run s.csv --sandbox", "--help", "map odd.csv --output -"])
def test_output_that_a_full_disk_cannot_take_is_no_success(place: Workplace, command: str) -> None:
    """A CI job that keeps `--json > result.json` must not see a success and an empty file."""
    place.write("odd.csv", ODD_ROWS)
    done = shell(place, f"$IMPORTER {command} > /dev/full")
    assert done.returncode == 4
    assert "error: standard output could not be written: no space left on device\n" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_closed_standard_stream_becomes_no_file_of_ours(place: Workplace) -> None:
    """Else the journal is opened as standard output, and what is printed is written into it."""
    done = shell(place, "$IMPORTER run s.csv --sandbox <&- >&- 2>&-; echo $?")
    assert done.stdout == "4\n"  # what it said is lost
    (run,) = place.runs
    assert [line["import_status"] for line in place.lines(f"reports/{run}")] == ["created"]
    assert "standard output could not be written: it is closed" in shell(place, "$IMPORTER runs >&-").stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait_for_a_fifo(place: Workplace, number: signal.Signals) -> None:
    os.mkfifo(place.path / "rows.csv")
    process = place.start("run", "rows.csv", "--sandbox")
    wait_until(lambda: bool(place.runs))  # it has begun, and waits for whoever writes
    began = time.monotonic()
    process.send_signal(number)
    done = finish(process)
    assert time.monotonic() - began < 10
    assert done.status == 130
    assert "nothing was sent" in done.err
    assert place.runs == []


@pytest.mark.skipif(not Path("/proc/self/wchan").exists(), reason="only Linux tells what a thread waits for")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_wakes_a_command_that_only_waits(place: Workplace, number: signal.Signals) -> None:
    """Also one that another thread receives: the thread of the event loop sleeps on, and nobody would tell it."""
    waiting_for = Path(f"/proc/self/task/{threading.get_native_id()}/wchan")

    def send() -> None:
        wait_until(lambda: "poll" in waiting_for.read_text())
        signal.pthread_kill(threading.get_ident(), number)

    async def wait(_settings: Settings, control: RunControl, _console: Console) -> int:
        threading.Thread(target=send).start()
        with anyio.move_on_after(60) as waiting:
            await control.interrupted.wait()
        return 0 if waiting.cancel_called else 1  # 130 would end the process of the tests

    with pytest.raises(SystemExit) as ended:
        guard(partial(perform_reading, {}, wait))
    assert ended.value.code == 1


def test_a_signal_ends_a_command_whose_parsing_child_is_stopped(place: Workplace) -> None:
    """In order and in time; the child does not stay behind."""
    openpyxl.Workbook().save(place.path / "s.xlsx")
    process = place.start("check", "s.xlsx")
    threads = Path(f"/proc/{process.pid}/task")
    children: list[str] = []
    while not children:  # of whichever thread it is
        assert process.poll() is None
        children = " ".join(one.read_text() for one in threads.glob("*/children")).split()
    child = int(children[0])
    wait_until(
        lambda: b"worker" in Path(f"/proc/{child}/cmdline").read_bytes()
    )  # until then the parent stands still, too
    os.kill(child, signal.SIGSTOP)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert time.monotonic() - began < 10
    assert done.status == 130, done
    assert "Traceback" not in done.err
    wait_until(lambda: not Path(f"/proc/{child}").exists())


#: A report that takes for ever, and less patience than ten seconds; the command interrupts itself when it begins.
ENDLESS_REPORT = """
import os, signal, sys
from importer.cli import execute, main
from importer.session import lifecycle
execute._PATIENCE, execute._LONGEST = 0.1, 0.3
def make_report(*_, **__):
    os.kill(os.getpid(), signal.SIGINT)
    while True:
        pass
lifecycle.make_report = make_report
main()
"""


#: A child that stands still before it is the worker: the one that starts it waits for it, and hears of no stop.
STUCK_START = """
import os, signal
from importer.cli import execute, main
from importer.reader import workbook
execute._PATIENCE = 0.1
def start(*_, **__):
    os.kill(os.getpid(), signal.SIGINT)
    signal.pause()
workbook.subprocess.Popen = start
main()
"""


def test_a_signal_ends_a_command_that_still_starts_its_parsing_child(place: Workplace) -> None:
    openpyxl.Workbook().save(place.path / "s.xlsx")
    words = [sys.executable, "-c", STUCK_START, "check", "s.xlsx"]
    done = subprocess.run(words, cwd=place.path, env=place.variables, capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert done.stderr.endswith("error: interrupted while reading; nothing was sent\n  Start it again.\n")


def test_a_signal_ends_a_command_whose_reports_take_too_long_and_rerun_has_all_of_it(place: Workplace) -> None:
    words = [sys.executable, "-c", ENDLESS_REPORT, "run", "s.csv", "--sandbox"]
    done = subprocess.run(words, cwd=place.path, env=place.variables, capture_output=True, text=True, check=False)
    assert done.returncode == 130, done
    assert "the run's journal has everything that was done" in done.stderr
    (run,) = place.runs
    again = place.run("rerun", run)
    assert again.status == 0, again
    assert [line["import_status"] for line in place.lines(again.run)] == ["created"]


def test_a_signal_while_reports_are_written_leaves_them_whole(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importer.reporter.report import make_report
    from importer.session import lifecycle

    def interrupted(*arguments: Any, **named: Any) -> Result:
        os.kill(os.getpid(), signal.SIGINT)
        return make_report(*arguments, **named)

    monkeypatch.setattr(lifecycle, "make_report", interrupted)
    done = place.run("run", "s.csv", "--sandbox")
    assert "Traceback" not in done.err
    assert [line["import_status"] for line in place.lines(done.run)] == ["created"]
    assert {path.name for path in (place.path / done.run).iterdir()} >= {"report.csv", "report.xlsx", "report.html"}


def test_the_question_goes_to_the_terminal_though_all_output_goes_elsewhere(place: Workplace) -> None:
    """As in `run file.csv 2>&1 | tee log` at a keyboard: 0.1.0 sent without asking."""
    outer, inner = pty.openpty()
    target = {"OPAL_TOKEN": "token", "OPAL_BASE_URL": "http://127.0.0.1:9"}
    process = subprocess.Popen(
        [sys.executable, "-m", "importer", "run", "s.csv"],
        cwd=place.path,
        env={**place.variables, **target},
        stdin=inner,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    os.close(inner)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(outer, 4096)
    os.write(outer, b"n\n")
    out, _ = process.communicate(timeout=60)
    os.close(outer)
    assert process.returncode == 1
    assert b"Send 1 record to opal" in shown
    assert b"[y/N]" not in out
    assert b"pending" in out


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        (b"r\xff.csv", ["check", b"r\xff.csv"]),
        (b"r\xff.csv", ["run", b"r\xff.csv", "--sandbox"]),
        (b"s.csv", ["check", "s.csv", "--mapping", b"m\xff.toml"]),
        (b"s.csv", ["run", "s.csv", "--sandbox", "--reports", b"r\xff"]),
    ],
)
def test_a_name_that_is_not_utf_8_is_refused_by_name(
    place: Workplace, name: bytes, arguments: list[str | bytes]
) -> None:
    (place.path / os.fsdecode(name)).write_text("third_party_provider,remote_id\nPAGER_DUTY,P1\n", encoding="utf-8")
    done = place.run(*map(os.fsdecode, arguments))
    assert done.status == 2
    assert "is not valid UTF-8" in done.err
    assert "Traceback" not in done.err
    assert place.runs == []


@pytest.mark.parametrize("file", ["importer.toml", "m.toml"])
def test_a_fifo_is_not_waited_for_where_settings_are_read(place: Workplace, file: str) -> None:
    os.mkfifo(place.path / file)
    done = place.run("check", "s.csv", "--mapping", "m.toml")
    assert done.status == 2
    assert done.err.startswith(f"error: {file} is not a regular file\n")


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_a_machine_that_gives_no_more_is_told_as_that(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    def act() -> int:
        raise OSError(number, os.strerror(number))

    with pytest.raises(SystemExit) as ended:
        guard(act)
    assert ended.value.code == 4
    assert f"a limit of this machine was reached: {os.strerror(number).lower()}" in capsys.readouterr().err


def test_a_current_folder_that_was_removed_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SystemExit) as ended:
        guard(lambda: 0)
    assert ended.value.code == 2
    assert "the current folder cannot be used: no such file or directory" in capsys.readouterr().err


def test_a_child_that_cannot_be_started_is_not_called_a_file_that_cannot_be_read(
    place: Workplace,
) -> None:
    openpyxl.Workbook().save(place.path / "s.xlsx")
    a_folder = (str(place.path),)  # is no program
    with (
        (place.path / "s.xlsx").open("rb") as file,
        pytest.raises(SourceError, match="the process that reads workbooks does not start"),
    ):
        list(workbook.workbook_chunks(file, "s.xlsx", (), [], command=a_folder))


# ---- what is written


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    os.mknod(path, 0o600 | stat.S_IFSOCK)


def make_link(path: Path) -> None:
    path.symlink_to(f"real-{path.name}")


@pytest.mark.parametrize("make", [make_fifo, make_socket, make_link])
def test_no_output_of_any_command_replaces_what_is_no_file(place: Workplace, make: Callable[[Path], None]) -> None:
    """A FIFO that nobody reads is not waited for; a link stays, and what it points to is written."""
    place.write("odd.csv", ODD_ROWS)
    place.write("t.csv", shadows(1))
    commands = [
        "check s.csv --plan p.csv",
        "check s.csv --plan p.xlsx",
        "check s.csv --plan p.json",
        "check s.csv --output o.xlsx",
        "check s.csv --junit j.xml",
        "map odd.csv --yes --output m.toml",
        "template t-new.csv",
        "template t-new.xlsx",
        "template t-new.csv --yes",
        "compare t.csv t.csv --html c.html",
        "compare t.csv t.csv --csv c.csv",
    ]
    for command in commands:
        path = place.path / next(word for word in command.split()[::-1] if not word.startswith("-"))
        make(path)
        before = path.lstat()
        done = place.run(*command.split())
        assert (path.lstat().st_ino, path.lstat().st_mode) == (before.st_ino, before.st_mode), command
        assert done.status in (0, 2), done
        assert done.status == 2 or make is make_link, done
        assert "Traceback" not in done.err
        path.unlink()


def test_options_of_other_tools_lead_to_the_command_that_does_it(place: Workplace) -> None:
    done = place.run("run", "s.csv", "--dry-run")
    assert done.status == 2
    assert "oncall-importer check SOURCE" in done.err


@pytest.mark.parametrize("command", ["show", "undo"])
def test_a_missing_argument_leads_to_the_help_of_its_command(place: Workplace, command: str) -> None:
    assert f"oncall-importer {command} --help" in place.run(command).err


def test_the_next_command_keeps_every_option_that_changes_what_happens(place: Workplace) -> None:
    place.write("bad.csv", [*ROWS, ["VICTOROPS", "P2"]])
    options = ["--rate opal=50/s", "--headroom 10%", "--reports mine", "--timezone Europe/Berlin", "--strict"]
    done = place.run("run", "bad.csv", "--sandbox", "--quiet", *" ".join(options).split())
    (command,) = [line for line in done.out.splitlines() if line.startswith("next:")]
    assert "--quiet" not in command
    assert [option for option in options if option not in command] == []
    again = place.run(*command.split()[2:])
    assert again.status == 1
    shown = place.run("show", again.run, "--reports", "mine").out
    assert "--rate opal=50/s" in shown
    page = (place.path / again.run / "report.html").read_text(encoding="utf-8")
    assert "--headroom 10% --strict --reports mine" in page


def test_the_time_that_a_run_took_is_the_same_everywhere(place: Workplace) -> None:
    done = place.run("run", "s.csv", "--sandbox")
    (took,) = [line.removeprefix("took:").split(",")[0].strip() for line in done.out.splitlines() if "took:" in line]
    assert f"  {took}  " in place.run("runs").out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["check", "odd.csv", "--strict", "--quiet"], "--strict"),
        (["check", "odd.csv", "--fail-on", "warning"], "--fail-on warning"),
        (["run", "odd.csv", "--sandbox", "--fail-on", "warning"], "--fail-on warning"),
        (["check", "odd.csv"], "IMPORTER_STRICT"),
        (["run", "odd.csv", "--sandbox"], "IMPORTER_FAIL_ON warning"),
    ],
)
def test_warnings_fail_a_command_that_is_told_so_and_are_named(place: Workplace, words: list[str], told: str) -> None:
    """The rows are sent all the same."""
    place.write("odd.csv", [ROWS[0], ["PAGER_DUTY", "P1"]])
    assert place.run(*words[:2], "--sandbox").status == 0
    variable, _, value = told.partition(" ")
    variables = {variable: value or "1"} if variable.isupper() else {}
    done = place.run(*words, variables=variables)
    assert done.status == 1, done
    assert "warning: remote_id" in done.out
    assert f"1 warning above; {told} does not let them pass" in done.out
    *_, result = map(json.loads, place.run(*words, "--json", variables=variables).out.splitlines())
    assert (result["type"], result["warnings"], result["exit_status"]) == ("result", 1, 1)


def test_findings_fit_a_screen_however_many_there_are(place: Workplace) -> None:
    """--all prints every one."""
    place.write("many.csv", [*ROWS, *[["VICTOROPS", "P9"]] * 1500])
    for command in (["check"], ["run", "--sandbox"]):
        done = place.run(*command, "many.csv")
        assert len(done.out.splitlines()) <= 40
        assert "(1,500 cells)" in done.out
        assert done.out.count("many A") == 3
        assert len(place.run(*command, "many.csv", "--all").out.splitlines()) > 1500


def test_an_interrupt_while_the_command_line_is_still_imported_ends_it_as_any_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing was done, and there is no traceback to read."""

    class Interrupted(ModuleType):
        def __getattr__(self, name: str) -> Any:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setitem(sys.modules, "importer.cli", Interrupted("importer.cli"))
    try:
        with pytest.raises(SystemExit) as ended:
            __main__.main()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 130
