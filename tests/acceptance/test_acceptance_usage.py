"""A command line that cannot be is answered as any other error: what is wrong, and the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .command import Workplace

WRONG = {
    "run --sandbx s.csv": ("no option --sandbx", "--sandbox"),
    "run": ("Missing argument 'SOURCE...'", "oncall-importer run --help"),
    "rnu s.csv": ("No such command 'rnu'", "oncall-importer --help"),
    "run s.csv --concurrency many": ('--concurrency: "many" is not a whole number', "Correct the option"),
    "run s.csv --ca-file": ("'--ca-file' requires an argument", "--help"),
    "undo one two": ("unexpected extra argument (two)", "oncall-importer undo --help"),
    "map s.csv --no-header --header-row 3": ("exclude each other", "oncall-importer map --help"),
    "map s.csv --header-row 0": ("'--header-row': 0 is not in the range", "oncall-importer map --help"),
    "run s.csv --rate opal=fast": ('--rate: "opal=fast" is not a rate: write opal=50/s', "Correct the option"),
    "run s.csv --concurrency 0": ('--concurrency: "0" is out of range', "Correct the option"),
    "run s.csv --canary 0": ('--canary: "0" is out of range', "Correct the option"),
    "run s.csv --headroom 120%": ('--headroom: "120%" is not a share', "Correct the option"),
}


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_command_line_is_two_lines_of_which_the_second_says_how_to_go_on(place: Workplace, line: str) -> None:
    done = place.run(*line.split())
    assert (done.status, done.out) == (2, "")
    what, then = done.err.splitlines()
    assert what.startswith("error: ")
    assert WRONG[line][0] in what
    assert then.startswith("  ")
    assert WRONG[line][1] in then


def test_hostile_arguments_do_not_reach_the_terminal_as_they_are(place: Workplace) -> None:
    done = place.run("run", "--\x1b[31mred\u202e", "s.csv")
    assert done.status == 2
    assert "\x1b" not in done.err
    assert "\u202e" not in done.err


def test_no_command_at_all_shows_the_commands(place: Workplace) -> None:
    done = place.run()
    assert done.status == 2
    assert "Usage: oncall-importer " in done.err
    assert "rerun" in done.err
