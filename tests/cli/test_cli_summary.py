"""What a command says before it writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from importer.cli.confirmation import ask_about
from importer.cli.json_lines import object_of_plan
from importer.cli.next_command import command_after_check, command_after_interrupt, is_to_repeat
from importer.cli.past_runs import detail_lines, run_cards, run_lines
from importer.cli.summary import describe_plan, drop_explained, lines_without_finding
from importer.commands.history import PastRun, Stage
from importer.journal.run_info import RunInfo
from importer.records import Finding, FindingKind, Outcome, Problem, ReportLine, Row, Severity, Sheet, TargetName
from importer.result import Result
from importer.session.control import Plan
from importer.session.lifecycle import least_seconds, refuse_weeks
from importer.settings.options import load_settings
from importer.statuses import RUN_STATUSES, Status

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


def test_large_numbers_of_a_plan_are_written_alike() -> None:
    plan = replace(plan_of(6000, "rootly=none"), invalid=1200, duplicates=3400)
    told = "6,000 rows, 6,000 for rootly (https://host), 1,200 invalid, 3,400 duplicate"
    assert told in describe_plan(plan)


def test_an_undo_of_one_record_asks_about_one_record() -> None:
    assert ask_about(plan_of(1, "rootly=50/s", "earlier")) == "Delete 1 record from rootly?"


def test_a_row_is_told_although_a_finding_tells_of_the_same_row_in_another_source() -> None:
    first, second = (Sheet(source, "Shadows", ("id",), (0,)) for source in ("a.xlsx", "b.xlsx"))
    finding = Finding(Severity.PROBLEM, 0, Row(7, ("x",)), Problem("id is odd", topic="odd"))
    lines = [ReportLine(sheet, 7, "", "shadow", ("x",), Outcome(Status.INVALID)) for sheet in (0, 1)]
    problems = [(first, lines[0]), (second, lines[1])]
    topics = [(Severity.PROBLEM, "odd", 1)]
    result = Result(2, {("rootly", Status.INVALID): 2}, problems, findings=[(first, finding)], topics=topics)
    assert lines_without_finding(result, [FindingKind(Severity.PROBLEM, "odd", 1, ((first, finding),))]) == problems[1:]


def test_what_was_sent_and_makes_no_sense_now_is_told_once() -> None:
    """A spreadsheet made dates of the parts of created rows; another doubt about the same row is told beside that."""
    sheet = Sheet("report.csv", "rota", ("id",), (0,))
    finding = Finding(Severity.PROBLEM, 0, Row(2, ("x",)), Problem('import_part is "1-Mar"', topic="odd"))
    outcomes = (Outcome(Status.UNKNOWN, error='import_part is "1-Mar"'), Outcome(Status.UNKNOWN, error="timeout"))
    lines = [(sheet, ReportLine(0, 2, "", "shadow", ("x",), one)) for one in outcomes]
    assert drop_explained(lines, Result(2, {}, lines, findings=[(sheet, finding)])) == lines[1:]


def test_a_narrow_terminal_shows_each_run_as_a_heading_with_indented_lines() -> None:
    path, made = Path("reports/20270301-080000"), {Status.CREATED: 2}
    infos = (RunInfo(command="run"), RunInfo(command="rerun", rerun_of="20270228-080000"))
    runs = [PastRun(path, Stage.ENDED, info, 2, made, sources=(("a.csv", ""),)) for info in infos]
    lines = [line.plain for line in run_cards(runs)]
    assert [line for line in lines if not line.startswith("  ")] == ["20270301-080000"] * 2
    assert lines.count("  a.csv") == 2


@pytest.mark.parametrize("status", RUN_STATUSES)
def test_a_rerun_is_proposed_only_where_it_can_send_something(status: Status) -> None:
    """What was undone is imported again by its source alone."""
    result = Result(rows=1, counts={("opal", status): 1}, problems=(), run="r", doubled=1)
    sent_again = {Status.INVALID, Status.REJECTED, Status.FAILED, Status.UNKNOWN, Status.PENDING}
    assert is_to_repeat(result) == (status in sent_again)


@pytest.mark.parametrize(
    ("counts", "unresolved", "sources", "command"),
    [
        ({Status.PENDING: 3}, 0, ["a b.csv", "c.xlsx"], "run 'a b.csv' c.xlsx --timezone UTC"),
        ({Status.PENDING: 3, Status.EXISTS: 1, Status.DUPLICATE: 1}, 0, ["a.csv"], "run a.csv --timezone UTC"),
        ({Status.PENDING: 3}, 1, ["a.csv"], "check a.csv --online --timezone UTC"),
        ({Status.PENDING: 3, Status.INVALID: 1}, 0, ["a.csv"], None),
        ({Status.EXISTS: 3}, 0, ["a.csv"], None),
        ({Status.PENDING: 3}, 0, ["-"], None),
    ],
)
def test_a_check_without_problems_leads_to_the_next_command_with_its_options(
    counts: dict[Status, int], unresolved: int, sources: list[str], command: str | None
) -> None:
    """Names are looked up before anything is sent; standard input cannot be read again."""
    by_target = {("rootly", status): number for status, number in counts.items()}
    result = Result(3, by_target, (), unresolved={"rootly": unresolved} if unresolved else {})
    settings = load_settings({"timezone": "UTC"}, is_library=False)
    assert command_after_check(result, sources, settings) == (f"oncall-importer {command}" if command else "")


@pytest.mark.parametrize(("undo_of", "command"), [("", "rerun r"), ("earlier", "undo earlier")])
def test_what_is_ended_at_once_goes_on_with_its_options(undo_of: str, command: str) -> None:
    settings = load_settings({"reports": "out", "rate": ["rootly=9/s"], "quiet": True}, is_library=False)
    following = command_after_interrupt(plan_of(1, "rootly=9/s", undo_of), settings)
    assert following == f"oncall-importer {command} --rate rootly=9/s --reports out"


def test_large_numbers_of_past_runs_are_written_as_in_sentences() -> None:
    info, made = RunInfo(command="run"), {Status.CREATED: 12_345}
    run = PastRun(Path("reports/r"), Stage.ENDED, info, 12_345, made, targets={"opal": {"created": 12_345}})
    assert "12,345 created" in "\n".join(run_lines([run]))
    shown = "\n".join(line.plain for line in detail_lines(run))
    assert "rows:     12,345" in shown
    assert "opal: 12,345 created" in shown
