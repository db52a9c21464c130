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
    "run s.csv --ca-file": ("'--ca-file' requires an argument", "oncall-importer run --help"),
    "run s.csv --token abc": ("no option --token", "set OPAL_TOKEN or ROOTLY_TOKEN in the environment"),
    "check s.csv --opal-base-url x": ("no option --opal-base-url", "set OPAL_BASE_URL or ROOTLY_BASE_URL"),
    "undo nosuch": ("no run 'nosuch'", "oncall-importer runs"),
    "verify nosuch": ("no run 'nosuch'", "oncall-importer runs"),
    "pull ical out.xlsx --timezone Mars": ('--timezone: the time zone is "Mars"', "Correct the option. Write an IANA"),
    "undo one two": ("unexpected extra argument (two)", "oncall-importer undo --help"),
    "map s.csv --no-header --header-row 3": ("exclude each other", "oncall-importer map --help"),
    "map s.csv --header-row 0": ("'--header-row': 0 is not in the range", "oncall-importer map --help"),
    "run s.csv --rate opal=fast": ('--rate: "opal=fast" is not a rate: write opal=50/s', "Correct the option"),
    "run s.csv --concurrency 0": ('--concurrency: "0" is out of range', "Correct the option"),
    "run s.csv --canary 0": ('--canary: "0" is out of range', "Correct the option"),
    "run s.csv --headroom 120%": ('--headroom: "120%" is not a share', "Correct the option"),
}


WITH_NOTHING = ["run s.csv --reports", "run s.csv --mapping", "check s.csv --output", "map s.csv --output", "template"]


@pytest.mark.parametrize("line", WITH_NOTHING)
def test_an_empty_path_is_not_the_current_folder(place: Workplace, line: str) -> None:
    """Such as "$DIR" of a shell that has no such variable."""
    place.write("s.csv", [["third_party_provider", "remote_id"], ["PAGER_DUTY", "PI7DH85"]])
    before = sorted(place.path.iterdir())
    done = place.run(*line.split(), "")
    assert (done.status, done.out) == (2, "")
    assert '"" is not a path' in done.err
    assert sorted(place.path.iterdir()) == before


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_command_line_is_two_lines_of_which_the_second_says_how_to_go_on(place: Workplace, line: str) -> None:
    done = place.run(*line.split())
    assert (done.status, done.out) == (2, "")
    what, then = done.err.splitlines()
    assert what.startswith("error: ")
    assert WRONG[line][0] in what
    assert then.startswith("  ")
    assert WRONG[line][1] in then


@pytest.mark.parametrize("name", ["timezone", "provider", "until"])
def test_a_value_that_only_rows_need_is_named_as_the_user_set_it(place: Workplace, name: str) -> None:
    """An option, a variable, a line of importer.toml: each command that reads rows says which of them it was."""
    place.write("s.csv", [["third_party_provider", "remote_id"], ["PAGER_DUTY", "PI7DH85"]])
    (place.path / "m.toml").write_text("[constants]\nthird_party_provider = 'OPSGENIE'\n", encoding="utf-8")
    for command in ("check", "run"):
        by_option = place.run(command, "s.csv", "--sandbox", f"--{name}", "Mars")
        variable = f"IMPORTER_{name.upper()}"
        by_variable = place.run(command, "s.csv", "--sandbox", variables={variable: "Mars"})
        (place.path / "importer.toml").write_text(f"{name} = 'Mars'\n", encoding="utf-8")
        by_file = place.run(command, "s.csv", "--sandbox")
        (place.path / "importer.toml").unlink()
        given = (f"--{name}", variable, f"importer.toml, line 1: {name}")
        for done, where in zip((by_option, by_variable, by_file), given, strict=True):
            assert done.status == 2
            what, then = done.err.splitlines()
            assert what.startswith(f"error: {where}: ")
            assert '"Mars"' in what
            assert then.startswith("  Correct ")
    words = place.run("check", "s.csv", "--mapping", "m.toml", variables={"IMPORTER_PROVIDER": "PAGER_DUTY"}).err
    assert "IMPORTER_PROVIDER is" in words
    assert "Leave out IMPORTER_PROVIDER" in words


@pytest.mark.parametrize(
    "line",
    [
        "check s.csv --online --sandbox",
        "run s.csv --sandbox",
        "pull pagerduty out.xlsx --sandbox",
        "doctor --sandbox",
        "sandbox",
    ],
)
def test_a_reports_folder_that_cannot_be_made_is_named_by_each_command(place: Workplace, line: str) -> None:
    place.write("s.csv", [["third_party_provider", "remote_id"], ["PAGER_DUTY", "PI7DH85"]])
    done = place.run(*line.split(), "--reports", "s.csv/reports")
    assert done.status == 2
    told = done.out + done.err
    assert "s.csv/reports" in told
    assert "Not a directory" in told or "not a folder" in told
    assert "should not have" not in told
    assert "in time" not in told


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
