"""The pictures of README can be made again."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import importer

from .drawing import COLUMNS, draw
from .terminal import screens, send

ERASED = "\r\x1b[2K\x1b[1A\x1b[2K"


def test_a_line_that_is_drawn_anew_is_another_screen() -> None:
    seen = list(screens(f"plan\r\nopal 1/2\r\nfacts{ERASED}opal 2/2\r\n\x1b[32mfacts\x1b[0m"))
    assert seen[0] == ["plan", "opal 1/2", "facts"]
    assert seen[-1] == ["plan", "opal 2/2", "\x1b[32mfacts\x1b[0m"]


def test_the_console_of_a_run_becomes_a_picture_that_loads_nothing(tmp_path: Path) -> None:
    lines = ["third_party_provider,remote_id", *(f"PAGER_DUTY,P{number:06}" for number in range(30))]
    (tmp_path / "s.csv").write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "importer", "run", "s.csv", "--sandbox"]
    root = str(Path(importer.__file__).parents[1])
    variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": root}
    picture = draw("oncall-importer run", send(command, tmp_path, COLUMNS, variables))
    assert picture.startswith("<svg")
    assert "created" in picture
    assert "@font-face" not in picture
