"""For CI: JUnit XML, GitHub annotations that point to file and line, a summary that its schema describes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from .sources import SCHEDULE_HEADER, schedules

if TYPE_CHECKING:
    from .command import Workplace

GITHUB = {"GITHUB_ACTIONS": "true"}
HOSTILE = 'x%0A::error::y\x07<&>"'


def commands(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("::")]


def hostile_source(place: Workplace) -> str:
    """Make a CSV in a folder, whose third row, a bad one, begins on line 5."""
    (place.path / "data").mkdir()
    lines = [[*SCHEDULE_HEADER, "note"], ["PAGER_DUTY", "P000001", "three\nlines\nhere"], [HOSTILE, "P000002", ""]]
    place.write("data/s.csv", lines)
    return "data/s.csv"


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_problem_points_to_its_line_and_hostile_text_stays_text(place: Workplace, command: str) -> None:
    """On standard error, so that --json has standard output for itself."""
    source = hostile_source(place)
    options = ["--sandbox"] if command == "run" else []
    done = place.run(command, source, "--json", *options, variables={**GITHUB, "GITHUB_WORKSPACE": str(place.path)})
    (shown,) = [line for line in commands(done.err) if line.startswith("::error")]
    assert shown.startswith("::error file=data/s.csv,line=5,title=s A3::")
    assert "%250A" in shown
    assert all(isinstance(json.loads(line), dict) for line in done.out.splitlines())
    assert commands(done.out) == []


def test_without_github_there_are_no_annotations(place: Workplace) -> None:
    done = place.run("check", hostile_source(place))
    assert commands(done.out + done.err) == []


def test_of_many_problems_the_last_annotation_counts_the_rest(place: Workplace) -> None:
    """GitHub shows ten."""
    source = place.write("s.csv", [SCHEDULE_HEADER, *(["VICTOROPS", f"P{number:06}"] for number in range(25))])
    shown = commands(place.run("check", source, variables=GITHUB).err)
    assert len(shown) == 10
    assert "and 16 more" in shown[-1]


def test_what_ends_a_command_is_an_annotation_too(place: Workplace) -> None:
    (shown,) = commands(place.run("check", "nosuch.csv", variables=GITHUB).err)
    assert shown.startswith("::error title=oncall-importer::nosuch.csv")


@pytest.mark.parametrize("command", ["run", "check", "rerun"])
def test_junit_tells_every_row(place: Workplace, command: str) -> None:
    source = str(place.write("s.csv", [*schedules(2), [HOSTILE, "P9"]]))
    if command == "rerun":
        source = place.run("run", source, "--sandbox").run
    options = [] if command == "rerun" else ["--sandbox"]
    done = place.run(command, source, *options, "--junit", "out.xml")
    assert done.status == 1
    assert "junit:  out.xml" in done.out
    root = ET.parse(place.path / "out.xml").getroot()
    assert [root.get(name) for name in ("tests", "failures", "errors")] == ["3", "1", "0"]
    (failure,) = root.iter("failure")
    assert failure.get("type") == "invalid"
    assert "cell: A4" in (failure.text or "")


def test_a_junit_file_that_cannot_be_is_refused_before_anything_is_sent(place: Workplace) -> None:
    source = place.write("s.csv", schedules(1))
    for wrong in ("nosuch/out.xml", "s.csv"):
        done = place.run("run", source.name, "--sandbox", "--junit", wrong)
        assert (done.status, place.runs) == (2, [])
    assert source.read_text().startswith("third_party_provider")


def test_the_schema_of_the_summary_is_printed_and_names_all_that_stands_in_one(place: Workplace) -> None:
    """Every other test here has its summaries validated by it, when it ends."""
    schema = json.loads(place.run("show", "--schema").out)
    run = place.run("run", place.write("s.csv", schedules(1)), "--sandbox").run
    summary = json.loads((place.path / run / "summary.json").read_text())
    assert summary.keys() == schema["properties"].keys()
