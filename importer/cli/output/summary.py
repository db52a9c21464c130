"""The lines of a run's end, and of its first records, in words for people. Prints nothing."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from importer.cli.output.findings import place_of
from importer.cli.output.past_runs import row_line
from importer.cli.output.tables import TONE_STYLES
from importer.quoting import escape
from importer.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.records import ReportLine, Sheet
    from importer.result import Result
    from importer.session.control import Tried


def name_file(file: Path, result: Result) -> str:
    """Say what a file is: part of the report, or what was asked for beside it."""
    return "report: " if file.parent == result.folder else "junit:  "


def telling_lines(result: Result) -> Sequence[tuple[Sheet, ReportLine]]:
    """Give the lines that need attention; of a check, those that its findings say nothing about."""
    if not result.findings:
        return result.problems
    return [(sheet, line) for sheet, line in result.problems if line.outcome.status is not Status.INVALID]


def next_command(result: Result, reports: Path) -> str:
    """Give the command that goes on with a run: from its report where rows are to be mended, else from its folder."""
    report = next((file for file in result.files if file.suffix == ".csv"), None)
    start = report if report and count_to_mend(result) else result.folder or reports
    where = [] if reports == Path("reports") else ["--reports", str(reports)]
    if result.undone:
        return shlex.join(["oncall-importer", "undo", result.undone, *where])
    return shlex.join(["oncall-importer", "rerun", str(start), *where])


def tried_line(row: Tried, *, is_screen: bool) -> Text:
    """Say what became of one of the first records, and where that is: on a terminal on a line of its own."""
    between = "\n    " if is_screen else "  "
    link = f"{between}{escape(row.link, 4096)}" if row.link else ""
    return Text("  ") + row_line(row.sheet, row.line, with_source=False) + Text(link, style="cyan")


def count_to_mend(result: Result) -> int:
    return result.count(Status.INVALID) + result.count(Status.REJECTED)


def problem_line(sheet: Sheet, line: ReportLine, *, with_source: bool) -> Text:
    outcome = line.outcome
    where = place_of(sheet, outcome.cell, line.row, with_source=with_source)
    part = f", part {escape(line.part)}" if line.part else ""
    text = Text.assemble((f"{outcome.status} ", TONE_STYLES[outcome.status.tone]), f"{where}{part}: ")
    text.append(escape(outcome.error, 300))
    if outcome.hint:
        text.append(f" ({escape(outcome.hint, 300)})", style="dim")
    return text


def shown_path(path: Path | str) -> str:
    return escape(str(path), 4096)
