"""The command suggested at the end (`next:`), with every option that changes what happens. Prints nothing."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from importer.records import MENDABLE, Severity
from importer.result import Result
from importer.session.control import Plan
from importer.settings.options import DECLARATIONS, Settings
from importer.statuses import RUN_STATUSES, Status

#: Statuses that another undo can change.
_PASSING = (Status.FAILED, Status.UNKNOWN, Status.PENDING)


def is_to_repeat(result: Result) -> bool:
    """Return whether repeating can help: a rerun sends what needs attention, but not what was, or may be, undone."""
    left = _PASSING if result.undone else (status for status in RUN_STATUSES if status.is_repeated)
    waiting = 0 if result.undone else result.to_undo_again
    return bool(result.stopped) or result.is_interrupted or sum(map(result.count, left)) > waiting


def next_command(result: Result, settings: Settings) -> str:
    """Return the command that continues a run: with its report if rows must be corrected, else with its folder.

    It keeps every option that changes what happens; the environment and importer.toml apply again by themselves.
    """
    start = (report_to_mend(result) if _is_to_edit(result) else None) or result.folder or settings.reports
    command, argument = ("undo", result.undone) if result.undone else ("rerun", str(start))
    return shlex.join(["oncall-importer", command, argument, *kept_options(command, settings)])


def command_after_check(result: Result, sources: Sequence[str], settings: Settings) -> str:
    """Return the command after a check: look names up, or send; empty if rows must be corrected, or nothing is left.

    What was read from standard input is gone.
    """
    if result.check_status or not result.count(Status.PENDING) or "-" in sources:
        return ""
    command, more = ("check", ["--online"]) if result.unresolved else ("run", [])
    return shlex.join(["oncall-importer", command, *sources, *more, *kept_options(command, settings)])


def command_after_interrupt(plan: Plan, settings: Settings) -> str:
    """Return the command that continues a run or an undo which could not end in order."""
    command, argument = ("undo", plan.undo_of) if plan.undo_of else ("rerun", plan.run)
    return shlex.join(["oncall-importer", command, argument, *kept_options(command, settings)])


def command_to_verify(folder: Path, settings: Settings) -> str:
    """Return the command that verifies a run."""
    return shlex.join(["oncall-importer", "verify", str(folder), *kept_options("verify", settings)])


def kept_options(command: str, settings: Settings) -> list[str]:
    """Return the options that were given, as far as a command to be suggested takes them and they matter for it."""
    return [
        word
        for name, origin in settings.origins.items()
        if command in DECLARATIONS[name].commands and not DECLARATIONS[name].is_of_console
        for word in origin.words
    ]


def report_to_mend(result: Result) -> Path | None:
    """Return the report to correct: the workbook if its sheet To mend has rows; None if there is no report at all."""
    reports = {file.name: file for file in result.files if file.parent == result.folder}
    return (reports.get("report.xlsx") if count_to_mend(result) else None) or reports.get("report.csv")


def count_to_mend(result: Result) -> int:
    """Count the rows that the user has to correct: also unknown ones whose cells do not say any more what was sent."""
    return sum(map(result.count, MENDABLE)) + result.to_put_back


def _is_to_edit(result: Result) -> bool:
    return count_to_mend(result) > 0 or any(severity is Severity.PROBLEM for severity, _, _ in result.topics)
