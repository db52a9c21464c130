"""A shell completes commands, options, runs and zones, as quickly as `--help` comes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

from .command import ROOT, Workplace
from .sources import schedules

HEAVY = ("pandas", "pydantic", "aiohttp", "rich", "sqlite3", "orjson")


def offered(place: Workplace, words: str, *, begun: str = "") -> list[str]:
    """Give what bash would be offered after these words."""
    line = f"oncall-importer {words} {begun}"
    variables = {
        "_ONCALL_IMPORTER_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - bool(begun)),
    }
    done = place.run(variables=variables)
    assert done.status == 0, done
    assert done.err == ""
    return done.out.splitlines()


def test_commands_options_and_their_words_are_offered(place: Workplace) -> None:
    assert {"plain,run", "plain,rerun", "plain,doctor"} <= set(offered(place, ""))
    assert "plain,--sandbox" in offered(place, "run", begun="--s")
    assert offered(place, "run s.csv --if-exists") == ["plain,skip", "plain,fail"]
    assert offered(place, "run s.csv --timezone", begun="europe/ber") == ["plain,Europe/Berlin"]


def test_sources_and_files_are_left_to_the_shell(place: Workplace) -> None:
    for words in ("run", "check", "map", "template", "run s.csv --mapping", "run s.csv --ca-file", "run --reports"):
        assert offered(place, words, begun="sam") == ["file,sam"], words


def test_rerun_is_offered_the_runs_the_newest_first(place: Workplace) -> None:
    """Only folders of runs; where none fits, files, for a report can lie anywhere."""
    runs = [place.run("run", place.write("s.csv", schedules(1)), "--sandbox").run for _ in range(2)]
    (place.path / "reports" / "notes").mkdir()
    assert offered(place, "rerun") == [f"plain,{run}" for run in sorted(runs, reverse=True)]
    assert offered(place, "rerun", begun=runs[0]) == [
        f"plain,{run}" for run in sorted(runs, reverse=True) if run.startswith(runs[0])
    ]
    assert offered(place, "rerun", begun="else/rep") == ["file,else/rep"]
    (place.path / "reports").rename(place.path / "archive")
    assert offered(place, "rerun --reports archive")[0].startswith("plain,archive/")


def test_nothing_heavy_is_imported_for_it(place: Workplace) -> None:
    """What makes it quick, on any machine: a key press must not wait."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "importer"],
        cwd=place.path,
        env={
            **place.variables,
            "_ONCALL_IMPORTER_COMPLETE": "bash_complete",
            "COMP_WORDS": "oncall-importer rerun ",
            "COMP_CWORD": "2",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "click" in imported
    assert imported.isdisjoint(HEAVY)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_the_line_of_the_docs_makes_bash_complete(place: Workplace) -> None:
    """The very line, in a real bash, with the command as it is installed."""
    command = place.path / "bin" / "oncall-importer"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m importer "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    words = """
LINE
complete -p oncall-importer
COMP_WORDS=(oncall-importer run --stri) COMP_CWORD=2
_oncall_importer_completion oncall-importer
echo "${COMPREPLY[@]}"
"""
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^bash +(eval .*)$", page, re.MULTILINE)
    script = words.replace("LINE", line)
    environment = {**place.variables, "PATH": f"{command.parent}:{place.variables['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=place.path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "--strict"
    assert "_oncall_importer_completion oncall-importer" in done.stdout
