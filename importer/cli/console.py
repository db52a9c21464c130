"""What the user sees while a run goes on and at its end. Everything it prints goes through here; it decides nothing."""

from __future__ import annotations

import json
import os
import shlex
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console as Terminal
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from importer.cli.findings import describe_findings, list_findings, place_of
from importer.cli.objects import object_of_line, object_of_result
from importer.cli.plans import describe_plan, is_to_repeat
from importer.cli.statuses import STYLES, check_rows, status_rows
from importer.records import Problem, Row, Sheet, Status, TargetName
from importer.targets import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.progress import TaskID

    from importer.cli.statuses import StatusRow
    from importer.errors import ImporterError
    from importer.guide import Plan
    from importer.records import ReportLine
    from importer.results import Result

#: Statuses whose lines the journal gives as those that need attention.
_TOLD = {status for status in Status if not (status.is_success or status.is_undone)}
_TOLD -= {Status.DUPLICATE, Status.PENDING}
_SHOWN = 10  # problems at the end of a run; the report has them all
_WARNED = 5  # warnings told one by one; the others are counted
_LINE_EVERY = 1000  # records between two lines of progress where there is no terminal
#: How facts end that tell of rows which may be missed: a quiet console tells them, too.
_LEFT_OUT = ("left out", "should be, and was skipped", "is hidden and was skipped")


class _Stream(Terminal):
    """A stream that nobody may read any more: that ends the messages, never the run."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, or be silent from now on."""
        try:
            super().print(*objects, **options)
        except OSError:  # a full disk, where it goes into a file
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Send nowhere what is still to come, what Python flushes at its end too; rich would end the process."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)


class Console:
    """Tells the user how a run goes on. Messages go to standard error, results to standard output."""

    def __init__(self, *, is_quiet: bool = False, is_json: bool = False, is_check: bool = False) -> None:
        self._out = _Stream(highlight=False, soft_wrap=False)
        self._err = _Stream(stderr=True, highlight=False)
        self._is_quiet = is_quiet
        self._is_json = is_json
        self._is_check = is_check  # then its end tells every warning
        self._progress: Progress | None = None
        self._tasks: dict[TargetName, TaskID] = {}
        self._done: dict[TargetName, int] = {}
        self._totals: Mapping[TargetName, int] = {}
        self._warnings = 0

    # ---- while it goes on (pipeline.RunObserver)

    @contextmanager
    def live(self) -> Iterator[None]:
        """Show bars on a terminal for the time of the block."""
        if self._is_quiet or not self._err.is_terminal:
            yield
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}"),
        )
        with Progress(*columns, TimeRemainingColumn(), console=self._err, transient=True) as self._progress:
            yield
        self._progress = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the bars away for the time of a question."""
        if self._progress is not None:
            self._progress.stop()
        yield
        if self._progress is not None:
            self._progress.start()

    def read(self, rows: int) -> None:
        """Show that reading goes on, when it takes long."""
        if rows % 100_000 < 2000 and rows >= 100_000:
            self.tell(f"{rows} rows read")

    def noticed(self, text: str) -> None:
        """Tell a fact about a source; that rows were left out, a quiet console tells too."""
        if self._is_json:
            self._print_json({"notice": text})
        if text.endswith(_LEFT_OUT):
            self._message(escape(text, 500), style="yellow")
        else:
            self.tell(escape(text, 500), style="dim")

    def warned(self, sheet: Sheet, row: Row, warning: Problem) -> None:
        """Tell the first warnings, count the others."""
        if self._is_check:
            return
        self._warnings += 1
        if self._warnings <= _WARNED:
            where = f"{escape(sheet.source)}, sheet {escape(sheet.name)}, {warning.cell or f'row {row.number}'}"
            self.tell(f"warning: {where}: {escape(warning.message, 300)} ({escape(warning.hint, 300)})", style="yellow")

    def planned(self, plan: Plan) -> None:
        """Show what is about to be done, and open a bar for each target."""
        if self._warnings > _WARNED:
            self.tell(f"and {self._warnings - _WARNED} more warnings", style="yellow")
        self._totals = plan.to_send
        self.tell(describe_plan(plan))
        if self._progress is not None:
            for target, number in plan.to_send.items():
                self._tasks[target] = self._progress.add_task(target, total=number, pace="")

    def decided(self, target: TargetName, status: Status, number: int) -> None:  # noqa: ARG002  (the bar counts all alike)
        """Move the target's bar on."""
        done = self._done.get(target, 0)
        self._done[target] = done + number
        if self._progress is not None and target in self._tasks:
            task = self._progress.tasks[self._tasks[target]]
            self._progress.update(self._tasks[target], advance=number, pace=f"{task.speed or 0:.0f}/s")
        elif (done + number) // _LINE_EVERY > done // _LINE_EVERY:
            self.tell(f"{target}: {done + number} of {self._totals.get(target, 0)}")

    def told(self, target: TargetName, words: str) -> None:
        """Tell what holds a target up."""
        self.tell(f"{target} {escape(words)}", style="yellow")

    def show_request(self, line: str) -> None:
        """Show a request, which a quiet console does too: it was asked for."""
        self._message(escape(line, 500), style="dim")

    def tell(self, text: str, style: str = "") -> None:
        """Print a message; a quiet console prints none."""
        if not self._is_quiet:
            self._message(text, style)

    def _message(self, text: str, style: str) -> None:
        self._err.print(Text(text, style=style), soft_wrap=not self._err.is_terminal)

    def fail(self, error: ImporterError) -> None:
        """Print why a command cannot go on, and what to do."""
        self._err.print(Text.assemble(("error: ", "bold red"), escape(error.message, 1000)), soft_wrap=True)
        if error.hint:
            hint = error.hint[0].upper() + error.hint[1:].removesuffix(".")
            self._err.print(Text(f"  {escape(hint, 1000)}"), soft_wrap=True)

    # ---- at the end

    def show_result(self, result: Result, reports: Path) -> None:
        """Show what a run came to: statuses, the first problems, the report, the next step."""
        if self._is_json:
            self._write_json(result)
            return
        self._show_statuses(status_rows(result))
        self._show_problems(result, _SHOWN)
        self._show_stops(result)
        for file in result.files:
            self._out.print(Text(f"report: {_shown(file)}"), soft_wrap=True)
        self._show_notice(result)
        if result.exit_status and (to_mend := _to_mend(result)):
            self._out.print(f"mend:   {to_mend} row{'' if to_mend == 1 else 's'} in the report")
        if result.exit_status and is_to_repeat(result):
            self._out.print(Text(f"next:   {_shown(_next_command(result, reports))}"), soft_wrap=True)  # to be copied

    def show_check(self, result: Result) -> None:
        """Show what a check found: how many rows are good, and every problem, grouped by its kind."""
        if self._is_json:
            for finding in list_findings(result):
                self._print_json(finding)
            self._write_json(result)
            return
        for line in describe_findings(result):
            self._out.print(line, soft_wrap=not self._out.is_terminal)  # a line each to grep in
        self._show_problems(result, _SHOWN)
        if result.findings or result.problems:
            self._out.print()
        self._show_statuses(check_rows(result))
        self._show_stops(result)
        for file in result.files:
            self._out.print(Text(f"marked: {_shown(file)}"), soft_wrap=True)
        self._show_notice(result)

    def _show_notice(self, result: Result) -> None:
        if result.notice:
            self._out.print(Text(escape(result.notice, 500), style="yellow"), soft_wrap=True)

    def _show_stops(self, result: Result) -> None:
        for what, why in result.stopped.items():
            self._out.print(Text(f"{what} stopped: {escape(why, 1000)}", style="red"), soft_wrap=True)

    def _show_statuses(self, rows: Sequence[StatusRow]) -> None:
        targets = sorted({target for row in rows for target in row.numbers if target})
        table = Table("status", *targets, "all", "", box=None, padding=(0, 2, 0, 0), header_style="bold")
        for column in table.columns[1:-1]:
            column.justify = "right"
        for row in rows:
            numbers = [str(row.numbers.get(target, 0)) for target in targets]
            table.add_row(Text(row.name, style=row.style), *numbers, str(row.total), Text(row.meaning, style="dim"))
        self._out.print(table)

    def _show_problems(self, result: Result, limit: int) -> None:
        for sheet, line in _telling(result)[:limit]:
            text = _problem(sheet, line, with_source=result.sources > 1)
            self._out.print(text, soft_wrap=not self._out.is_terminal)  # a line each to grep in
        wrong = sum(number for status, number in result.statuses.items() if status in _TOLD)
        wrong -= result.count(Status.INVALID) if result.findings else 0
        if wrong > min(limit, len(_telling(result))):
            where = ", all in the report" if result.run else ""
            self._out.print(f"... and {wrong - min(limit, len(_telling(result)))} more{where}")

    def _write_json(self, result: Result) -> None:
        """Write one object a line: each problem, then the result."""
        for sheet, line in _telling(result):
            self._print_json(object_of_line(sheet, line))
        self._print_json(object_of_result(result))

    def _print_json(self, value: Mapping[str, object]) -> None:
        # ASCII, for whatever encoding standard output has; a Text, for a plain str's `:smile:` becomes a face.
        self._out.print(Text(json.dumps(value)), soft_wrap=True)


def _telling(result: Result) -> Sequence[tuple[Sheet, ReportLine]]:
    """Give the lines that need attention; of a check, those that its findings say nothing about."""
    if not result.findings:
        return result.problems
    return [(sheet, line) for sheet, line in result.problems if line.outcome.status is not Status.INVALID]


def _next_command(result: Result, reports: Path) -> str:
    """Give the command that goes on with a run: from its report where rows are to be mended, else from its folder."""
    report = next((file for file in result.files if file.suffix == ".csv"), None)
    start = report if report and _to_mend(result) else result.folder or reports
    where = [] if reports == Path("reports") else ["--reports", str(reports)]
    if result.undone:
        return shlex.join(["oncall-importer", "undo", result.undone, *where])
    return shlex.join(["oncall-importer", "rerun", str(start), *where])


def _to_mend(result: Result) -> int:
    return result.count(Status.INVALID) + result.count(Status.REJECTED)


def _problem(sheet: Sheet, line: ReportLine, *, with_source: bool) -> Text:
    outcome = line.outcome
    where = place_of(sheet, outcome.cell, line.row, with_source=with_source)
    part = f", part {escape(line.part)}" if line.part else ""
    text = Text.assemble((f"{outcome.status} ", STYLES[outcome.status]), f"{where}{part}: ")
    text.append(escape(outcome.error, 300))
    if outcome.hint:
        text.append(f" ({escape(outcome.hint, 300)})", style="dim")
    return text


def _shown(path: Path | str) -> str:
    return escape(str(path), 4096)
