"""What the user sees while a run goes on and at its end. Everything it prints goes through here; it decides nothing."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.live import Live
from rich.table import Table
from rich.text import Text

from importer.cli.output import github
from importer.cli.output.findings import describe_findings, list_findings
from importer.cli.output.json_lines import object_of_line, object_of_result, object_of_tried
from importer.cli.output.past_runs import duration
from importer.cli.output.plan import describe_plan, is_to_repeat
from importer.cli.output.progress_bars import Display, Meter
from importer.cli.output.stream import Stream
from importer.cli.output.summary import (
    count_to_mend,
    name_file,
    next_command,
    problem_line,
    shown_path,
    telling_lines,
    tried_line,
)
from importer.cli.output.tables import check_rows, status_rows
from importer.quoting import escape
from importer.records import Problem, Row, Sheet, TargetName
from importer.statuses import Status
from importer.wording import count_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from importer.cli.output.tables import StatusRow
    from importer.delivery.queue import Progress
    from importer.errors import ImporterError
    from importer.result import Result
    from importer.session.control import Canary, Plan


#: Statuses whose lines the journal gives as those that need attention.
_TOLD = {status for status in Status if status.needs_attention and status is not Status.PENDING}
_SHOWN = 10  # problems at the end of a run; the report has them all
_TRIED = 20  # first records that are shown, those that failed before all others
_WARNED = 5  # warnings told one by one; the others are counted
_FOR_MEANINGS = 76  # columns of a terminal in which the statuses' meanings fit beside their numbers
_LINE_EVERY = 1000  # records between two lines of progress where there is no terminal
#: How facts end that tell of rows which may be missed: a quiet console tells them, too.
_LEFT_OUT = ("left out", "should be, and was skipped", "is hidden and was skipped")


class Console:
    """Tells the user how a run goes on. Messages go to standard error, results to standard output."""

    def __init__(self, *, is_quiet: bool = False, is_json: bool = False, is_check: bool = False) -> None:
        self._out = Stream(highlight=False, soft_wrap=False)
        self._err = Stream(stderr=True, highlight=False)
        self._is_quiet = is_quiet
        self._is_json = is_json
        self._is_check = is_check  # then its end tells every warning
        self._live: Live | None = None
        self._display = Display()
        self._began: float | None = None
        self._meters: dict[TargetName, Meter] = {}
        self._warnings = 0
        self._notes: list[github.Note] = []  # of the first warnings

    # ---- while it goes on (pipeline.RunObserver)

    @contextmanager
    def live(self) -> Iterator[None]:
        """Show bars on a terminal for the time of the block."""
        if self._is_quiet or not self._err.is_screen or self._err.is_dumb_terminal:
            yield
            return
        with Live(self._display, console=self._err, transient=True, refresh_per_second=4) as self._live:
            yield
        self._live = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the bars away for the time of a question."""
        if self._live is not None:
            self._live.stop()
        yield
        if self._live is not None:
            self._live.start()

    def read(self, rows: int) -> None:
        """Show that reading goes on, when it takes long."""
        self._display.rows = rows
        if self._live is None and rows % 100_000 < 2000 and rows >= 100_000:
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
        if len(self._notes) < github.MOST:
            self._notes.append(github.note_of_problem(sheet, row, warning))
        if self._warnings <= _WARNED:
            where = f"{escape(sheet.source)}, sheet {escape(sheet.name)}, {warning.cell or f'row {row.number}'}"
            self.tell(f"warning: {where}: {escape(warning.message, 300)} ({escape(warning.hint, 300)})", style="yellow")

    def planned(self, plan: Plan) -> None:
        """Show what is about to be done, and open a bar for each target."""
        if self._warnings > _WARNED:
            self.tell(f"and {self._warnings - _WARNED} more warnings", style="yellow")
        self._meters = {target: Meter(target, number) for target, number in plan.to_send.items()}
        self._display.show(list(self._meters.values()))
        self.tell(describe_plan(plan))

    def sending(self, target: TargetName, progress: Progress) -> None:
        """Show what the progress of the target's work says."""
        self._meter(target).progress = progress
        self._began = self._began or time.monotonic()

    def decided(self, target: TargetName, status: Status, number: int) -> None:
        """Count; called for every record, so it does nothing else but now and then."""
        meter = self._meters.get(target) or self._meter(target)
        before = meter.done
        meter.add(status, number)
        if self._live is None and meter.done // _LINE_EVERY > before // _LINE_EVERY:
            wrong = f", {count_of(meter.problems, 'problem')}" if meter.problems else ""
            self.tell(f"{target}: {meter.done} of {meter.total}{wrong}")

    def _meter(self, target: TargetName) -> Meter:
        return self._meters.setdefault(target, Meter(target, 0))

    def tried(self, canary: Canary) -> None:
        """Show what the first records came to, with the addresses of the objects that they made."""
        for row in canary.rows if self._is_json else ():
            self._print_json(object_of_tried(row))
        if self._is_quiet and not canary.is_asked:
            return
        number = len(canary.rows)
        self._message(f"the first {'record' if number == 1 else f'{number} records'}:", style="bold")
        shown = sorted(canary.rows, key=lambda row: row.line.outcome.status.is_success)[:_TRIED]
        for row in shown:
            self._err.print(tried_line(row, is_screen=self._err.is_screen), soft_wrap=True)  # links are to be followed
        if number > len(shown):
            self._message(f"  ... and {number - len(shown)} more that succeeded or are in the report", style="dim")

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

    def ask(self, text: str) -> None:
        """Print a question, whose answer stands on the same line; a quiet console asks as well."""
        self._err.print(Text(text), end="", soft_wrap=True)

    def _message(self, text: str, style: str) -> None:
        self._err.print(Text(text, style=style), soft_wrap=not self._err.is_screen)

    def fail(self, error: ImporterError) -> None:
        """Print why a command cannot go on, and what to do."""
        self._err.print(Text.assemble(("error: ", "bold red"), escape(error.message, 1000)), soft_wrap=True)
        if error.hint:
            is_command = error.hint.startswith("oncall-importer")  # to be copied
            hint = (error.hint if is_command else error.hint[0].upper() + error.hint[1:]).removesuffix(".")
            self._err.print(Text(f"  {escape(hint, 1000)}"), soft_wrap=True)
        if github.is_wanted():
            self._err.write_line(github.annotate_failure(error.message, error.hint))

    # ---- at the end

    def show_result(self, result: Result, reports: Path) -> None:
        """Show what a run came to: statuses, the first problems, the report, the next step."""
        self._show_run(result, reports)
        self._annotate(result)

    def _annotate(self, result: Result) -> None:
        """Tell GitHub, where it runs this: on standard error, for standard output may be objects alone."""
        if github.is_wanted():
            for line in github.annotate(result, self._notes, self._warnings):
                self._err.write_line(line)

    def _show_run(self, result: Result, reports: Path) -> None:
        if self._is_json:
            self._write_json(result)
            return
        self._show_statuses(status_rows(result))
        self._show_time()
        self._show_problems(result, _SHOWN)
        self._show_stops(result)
        for file in result.files:
            self._out.print(Text(f"{name_file(file, result)}{shown_path(file)}"), soft_wrap=True)
        self._show_notice(result)
        if result.exit_status and (to_mend := count_to_mend(result)):
            self._out.print(f"mend:   {count_of(to_mend, 'row')} in the report")
        if result.exit_status and is_to_repeat(result):
            command = shown_path(next_command(result, reports))
            self._out.print(Text(f"next:   {command}"), soft_wrap=True)  # to be copied

    def show_check(self, result: Result) -> None:
        """Show what a check found: how many rows are good, and every problem, grouped by its kind."""
        self._show_check(result)
        self._annotate(result)

    def _show_check(self, result: Result) -> None:
        if self._is_json:
            for finding in list_findings(result):
                self._print_json(finding)
            self._write_json(result)
            return
        for line in describe_findings(result):
            self._out.print(line, soft_wrap=not self._out.is_screen)  # a line each to grep in
        self._show_problems(result, _SHOWN)
        if result.findings or result.problems:
            self._out.print()
        self._show_statuses(check_rows(result))
        self._show_stops(result)
        for file in result.files:
            self._out.print(
                Text(f"{'marked: ' if file.suffix == '.xlsx' else 'junit:  '}{shown_path(file)}"), soft_wrap=True
            )
        self._show_notice(result)

    def _show_notice(self, result: Result) -> None:
        if result.notice:
            self._out.print(Text(escape(result.notice, 500), style="yellow"), soft_wrap=True)

    def _show_time(self) -> None:
        """Say how long sending took, and how often something was sent once more."""
        if self._began is not None and any(meter.done for meter in self._meters.values()):
            retries = sum(meter.retries for meter in self._meters.values())
            again = f", {retries} {'retry' if retries == 1 else 'retries'}" if retries else ""
            self._out.print(f"took:   {duration(time.monotonic() - self._began)}{again}")

    def _show_stops(self, result: Result) -> None:
        for what, why in result.stopped.items():
            self._out.print(Text(f"{what} stopped: {escape(why, 1000)}", style="red"), soft_wrap=True)

    def _show_statuses(self, rows: Sequence[StatusRow]) -> None:
        targets = sorted({target for row in rows for target in row.numbers if target})
        is_wide = self._out.width >= _FOR_MEANINGS
        table = Table("status", *targets, "all", box=None, padding=(0, 2, 0, 0), header_style="bold")
        for column in table.columns[1:]:
            column.justify = "right"
        if is_wide:
            table.add_column("")
        for row in rows:
            numbers = [str(row.numbers.get(target, 0)) for target in targets]
            meaning = [Text(row.meaning, style="dim")] if is_wide else []
            table.add_row(Text(row.name, style=row.style), *numbers, str(row.total), *meaning)
        self._out.print(table)

    def _show_problems(self, result: Result, limit: int) -> None:
        for sheet, line in telling_lines(result)[:limit]:
            text = problem_line(sheet, line, with_source=result.sources > 1)
            self._out.print(text, soft_wrap=not self._out.is_screen)  # a line each to grep in
        wrong = sum(number for status, number in result.statuses.items() if status in _TOLD)
        wrong -= result.count(Status.INVALID) if result.findings else 0
        if wrong > min(limit, len(telling_lines(result))):
            where = ", all in the report" if result.run else ""
            self._out.print(f"... and {wrong - min(limit, len(telling_lines(result)))} more{where}")

    def _write_json(self, result: Result) -> None:
        """Write one object a line: each problem, then the result."""
        for sheet, line in telling_lines(result):
            self._print_json(object_of_line(sheet, line))
        self._print_json(object_of_result(result))

    def _print_json(self, value: Mapping[str, object]) -> None:
        # ASCII, for whatever encoding standard output has; a Text, for a plain str's `:smile:` becomes a face.
        self._out.print(Text(json.dumps(value)), soft_wrap=True)
