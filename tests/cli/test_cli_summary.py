"""What a command says before it writes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from importer.cli.programs import object_of_plan
from importer.cli.summary import ask_about, describe_plan
from importer.records import TargetName
from importer.session.control import Plan
from importer.session.lifecycle import least_seconds, refuse_weeks
from importer.settings import load_settings

ROOTLY = TargetName.ROOTLY


def plan_of(records: int, rate: str, undo_of: str = "") -> Plan:
    settings = load_settings({"rate": [rate]})
    seconds = least_seconds({ROOTLY: records}, settings)
    return Plan("r", records, 0, 0, {ROOTLY: records}, {ROOTLY: "https://host"}, False, undo_of, seconds=seconds)


@pytest.mark.parametrize(
    ("records", "rate", "words"),
    [
        (50, "rootly=50/s", ""),
        (50, "rootly=none", ""),
        (6000, "rootly=50/s", "about 2 min 0 s"),
        (200_000, "rootly=1000/min", "about 3 h 20 min"),
        (6, "rootly=0.0000001/s", "about 694 days"),
    ],
)
def test_plan_and_question_say_about_how_long_it_takes(records: int, rate: str, words: str) -> None:
    for plan in (plan_of(records, rate), plan_of(records, rate, "earlier")):
        assert describe_plan(plan).endswith(f", {words}" if words else "(https://host)")
        assert ask_about(plan).endswith(f" in {words}?" if words else "?")
        assert ("about" in ask_about(plan)) is bool(words)
        assert object_of_plan(plan)["seconds"] == round(plan.seconds, 1)


@pytest.mark.parametrize(("days", "yes", "is_refused"), [(6.9, False, False), (7.1, False, True), (7.1, True, False)])
def test_more_than_a_week_is_refused_without_yes(days: float, yes: bool, is_refused: bool) -> None:
    plan = plan_of(int(days * 86400), "rootly=1/s")
    assert ("it takes about 7 days" in refuse_weeks(plan, replace(load_settings({}), yes=yes))) is is_refused
