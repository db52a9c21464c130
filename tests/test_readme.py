"""What README says is true: its commands run, its options exist, its tables are the code's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
EXAMPLES = BLOCKS[2:]  # the first two install


def test_readme_begins_with_the_two_commands_and_ci_runs_the_second() -> None:
    first, second = BLOCKS[:2]
    assert first.strip().endswith("oncall-importer run samples/migration.xlsx --sandbox")
    assert second.strip() in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A folder with the samples in it and nothing else."""
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    return tmp_path


def environment(workplace: Path) -> dict[str, str]:
    """The command on the path, as README asks for, and nothing set that a fresh machine has not."""
    command = workplace / "bin" / "oncall-importer"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m importer "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return {"PATH": f"{command.parent}:{os.environ['PATH']}", "HOME": str(workplace), "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize("block", EXAMPLES, ids=lambda block: block.splitlines()[-1])
def test_an_example_of_readme_runs(block: str, workplace: Path) -> None:
    """Also a second time, when it meets what it left."""
    known = environment(workplace)
    for _ in range(2):
        done = subprocess.run(
            ["sh", "-e", "-c", block], cwd=workplace, env=known, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr


def test_the_library_example_of_readme_runs(workplace: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=workplace,
        env=environment(workplace),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "created" in done.stdout


def test_every_option_of_the_commands_stands_in_readme_and_the_other_way_round() -> None:
    from importer.cli import app

    known = {
        name
        for command in app.commands.values()
        for parameter in command.params
        for name in parameter.opts
        if name.startswith("--")
    }
    prose = re.sub(r"```text\n.*?```", "", README, flags=re.DOTALL)
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", prose)) - {"--require-hashes", "--no-deps"}
    assert named - known == set()
    assert known - named - {"--port"} == set()


def test_the_reserved_ids_of_the_sandbox_stand_in_readme() -> None:
    from importer.sandbox import RESERVED

    for reserved in RESERVED:
        assert f"| `{reserved.field}` | `{reserved.value}` | {reserved.status} |" in README


def test_every_column_and_package_stands_in_readme() -> None:
    from importlib.metadata import requires

    from importer.normalizer import COLUMNS

    for column in COLUMNS:
        assert f"`{column.name}`" in README
    table = README.partition("## What it stands on")[2].casefold()
    for requirement in requires("oncall-importer") or []:
        if "extra ==" not in requirement:
            assert re.split(r"[<>=]", requirement)[0].casefold() in table
