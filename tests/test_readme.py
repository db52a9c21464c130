"""What README and docs/ say is true: examples run, options and columns exist, links lead somewhere."""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import tomllib
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from acceptance.in_process import call_with
from pages import PATHS, ROOT, Example, Link, anchors, examples, links, prose, read, section, unlike

README = read("README.md")
EVERYTHING = "\n".join(path.read_text(encoding="utf-8") for path in PATHS)
SHELL = examples("sh")
EXAMPLES = SHELL[2:]  # the first two install


def name_of(example: Example) -> str:
    return f"{example.page}: {example.code.splitlines()[-1]}"


# ---- examples


def test_readme_begins_with_the_two_commands_and_ci_runs_the_second() -> None:
    first, second = (example.code.strip() for example in SHELL[:2])
    assert first.endswith("oncall-importer run samples/migration.xlsx --sandbox")
    assert second in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A folder with the samples in it and nothing else."""
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    return tmp_path


#: What stands on the path as the command: it hands all that a process has to the test, which runs the command itself.
CLIENT = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as test:
    test.connect({address!r})
    socket.send_fds(test, [json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()], [0, 1, 2])
    test.shutdown(socket.SHUT_WR)
    sys.exit(int(test.recv(3)))
"""
PROCESS = '#!/bin/sh\nexec "{python}" -m importer "$@"\n'


def environment(workplace: Path, command: str) -> dict[str, str]:
    """The command on the path, as README asks for, and nothing set that a fresh machine has not."""
    path = workplace / "bin" / "oncall-importer"
    path.parent.mkdir()
    path.write_text(command, encoding="utf-8")
    path.chmod(0o755)
    own = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return {"PATH": f"{path.parent}:{os.environ['PATH']}", "HOME": str(workplace), **own}


def answer(client: socket.socket) -> None:
    """Run the command for a client, in its folder, with its variables and its streams."""
    asked, streams, _, _ = socket.recv_fds(client, 1 << 16, 3)
    while more := client.recv(1 << 16):
        asked += more
    arguments, folder, variables = json.loads(asked)
    try:
        status = call_with(streams, arguments, Path(folder), variables)
    finally:
        for descriptor in streams:
            os.close(descriptor)
    client.sendall(str(status).encode())


def perform(code: str, workplace: Path, known: dict[str, str], server: socket.socket) -> str:
    """Run an example to its good end; return what it printed."""
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as shown,
        subprocess.Popen(["sh", "-e", "-c", code], cwd=workplace, env=known, stdout=shown, stderr=shown) as shell,
    ):
        while shell.poll() is None:
            with suppress(TimeoutError), server.accept()[0] as client:
                answer(client)
        shown.seek(0)
        printed = shown.read()
    assert shell.returncode == 0, printed
    assert "Traceback" not in printed
    return printed


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_an_example_runs_and_prints_what_the_page_shows(example: Example, workplace: Path) -> None:
    """It also runs a second time, when it meets what it left. What runs in the background is a process of its own."""
    address = str(workplace / "test.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        server.settimeout(0.05)
        command = PROCESS if " &\n" in example.code else CLIENT
        known = environment(workplace, command.format(python=sys.executable, address=address))
        printed = perform(example.code, workplace, known, server)
        assert not unlike(example.shown, printed), printed
        perform(example.code, workplace, known, server)


@pytest.mark.parametrize("example", examples("python"), ids=name_of)
def test_an_example_of_the_library_runs_and_prints_what_the_page_shows(
    example: Example, workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(workplace)
    exec(compile(example.code, example.page, "exec"), {"__name__": "__main__"})
    assert example.shown
    printed = capsys.readouterr().out
    assert not unlike(example.shown, printed), printed


@pytest.mark.parametrize("example", examples("toml"), ids=lambda example: f"{example.page}: {example.code[:20]!r}")
def test_a_file_that_a_page_shows_is_taken(example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importer.normalizer.mapping_file import read_mapping
    from importer.sandbox.directory_file import read_directory
    from importer.sandbox.fault_plan import read_faults
    from importer.settings.config_file import CONFIG_FILE
    from importer.settings.options import load_settings

    (tmp_path / CONFIG_FILE).write_text(example.code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    if "[[fault]]" in example.code:
        assert read_faults(tmp_path / CONFIG_FILE).fault
    elif "[[users]]" in example.code:
        assert read_directory(tmp_path / CONFIG_FILE).users
    elif "[columns]" in example.code:
        assert read_mapping(example.code, "mapping.toml").columns
    else:
        assert load_settings({}) != load_settings({"timezone": "UTC"})


# ---- names


def test_every_option_of_the_commands_stands_in_the_pages_and_the_other_way_round() -> None:
    from importer.cli import app

    known = {
        name
        for command in app.commands.values()
        for parameter in command.params
        for name in parameter.opts
        if name.startswith("--")
    }
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", re.sub(r"```text\n.*?```", "", EVERYTHING, flags=re.DOTALL)))
    others = {
        "--cov",  # pytest's
        "--few",  # of tests/delivery/limits_table
        "--require-hashes",
        "--no-deps",
        "--no-build-isolation",
        "--help",
        "--version",
        "--upgrade",
        "--upgrade-package",
    }
    assert named - known == others
    assert {name for name in known if f"`{name}" not in read("docs/commands.md")} == set()


def test_every_command_stands_in_both_tables() -> None:
    from importer.cli import app

    for text in (section("README.md", "Commands"), section("docs/commands.md", "Commands")):
        cells = " ".join(line.split("|")[1] for line in text.splitlines() if line.startswith("|"))
        assert set(app.commands) <= set(re.findall(r"`(\w+)", cells))


def test_every_column_stands_in_its_page() -> None:
    from importer.kinds import COLUMNS, KINDS, KINDS_WITH
    from importer.records import PRODUCT_COLUMNS

    table = re.findall(r"^\| (`[^|]+`) \| ([\w ,]+) \|", read("docs/columns.md"), re.MULTILINE)
    told = {name: kinds for names, kinds in table for name in re.findall(r"`(\w+)`", names)}
    plurals = {name: ", ".join(KINDS[kind].plural for kind in KINDS if kind in KINDS_WITH[name]) for name in COLUMNS}
    assert told == plurals | {"kind": "any row"}
    listed = re.findall(r"^\| `(import_\w+)` \|", section("docs/outcomes.md", "The report's columns"), re.MULTILINE)
    assert tuple(listed) == PRODUCT_COLUMNS


def test_every_status_stands_in_its_table() -> None:
    from importer.statuses import RUN_STATUSES, UNDO_STATUSES

    for heading, statuses in (("a row", RUN_STATUSES), ("an undo", UNDO_STATUSES)):
        table = section("docs/outcomes.md", f"Statuses of {heading}")
        assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == {status.value for status in statuses}


def test_every_state_of_the_journal_stands_in_the_page_of_guarantees() -> None:
    from importer.journal.states import State

    table = section("docs/guarantees.md", "The states of a record")
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == {state.value for state in State}


def test_the_reserved_ids_and_the_faults_of_the_sandbox_stand_in_its_page() -> None:
    from importer.sandbox.directory_file import RESERVED
    from importer.sandbox.fault_plan import FAULT_KINDS, SHARED

    page = read("docs/sandbox.md")
    for reserved in RESERVED:
        assert f"| `{reserved.field}` | `{reserved.value}` | {reserved.status} |" in page
    told = re.findall(r"\w+", section("docs/sandbox.md", "A sandbox that fails"))
    words = {*FAULT_KINDS, *SHARED, *(word for kind in FAULT_KINDS.values() for word in (*kind.takes, *kind.moments))}
    assert words - set(told) == set()


def test_every_package_stands_in_readme() -> None:
    table = section("README.md", "What it stands on").casefold()
    for requirement in tomllib.loads(read("pyproject.toml"))["project"]["dependencies"]:
        assert re.split(r"[<>=;\[ ]", requirement)[0].casefold() in table


def test_the_page_of_the_library_has_its_signatures_options_and_results() -> None:
    import importer
    from importer.result import Result

    page = read("docs/library.md")
    signatures = re.findall(r"^async def .*:$", inspect.getsource(importer), re.MULTILINE)
    assert [one for one in signatures if one not in page.splitlines()] == []
    public = [name for name in dir(Result) if not name.startswith("_") and name != "count"]
    wanted = [*importer.Options.__annotations__, *public, *(field.name for field in fields(Result))]
    assert [name for name in wanted if f"`{name}`" not in page] == []


def test_the_page_of_targets_has_every_field_of_one_and_no_other() -> None:
    from importer.kinds import RecordKind, Removal
    from importer.targets.target import Grouping, Target

    listed = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", section("docs/targets.md", "The description"), re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(listed))) == {
        field.name for part in (Target, RecordKind) for field in fields(part)
    }
    for part in (Removal, Grouping):
        assert [one.name for one in fields(part) if f"`{one.name}`" not in read("docs/targets.md")] == []


# ---- links and pictures


def test_every_file_that_a_page_names_is_there() -> None:
    named = re.findall(r"`((?:importer|tests|samples|docs|\.ci)/[\w./-]*)`", prose(EVERYTHING))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def is_dead(link: Link) -> bool:
    path, _, anchor = link.target.partition("#")
    target = (link.page.parent / path).resolve() if path else link.page
    return not target.is_file() or (bool(anchor) and anchor not in anchors(target))


def test_every_link_between_the_pages_leads_to_a_page_and_a_heading() -> None:
    assert [link for link in links() if not urlsplit(link.target).scheme and is_dead(link)] == []


def test_readme_leads_to_every_page() -> None:
    linked = {(link.page.parent / link.target).resolve() for link in links() if link.page.name == "README.md"}
    assert set(PATHS) - linked == {ROOT / "README.md"}


def test_every_picture_says_what_it_shows_and_loads_nothing() -> None:
    """Who cannot see it reads that; a page is looked at where there may be no network."""
    pictures = [link for link in links() if link.is_picture]
    assert {Path(link.target).name for link in pictures} >= {"console.svg", "report.png"}
    for link in pictures:
        assert len(link.text) > 30, link
        picture = (link.page.parent / link.target).read_bytes()
        assert len(picture) < 200_000, link
        if link.target.endswith(".svg"):
            assert not re.search(r"href|src=|url\((?!#)|@import|<script|<image", picture.decode())
