"""Shows the user a run's progress, plan, findings and result. Decides nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice

from rich.live import Live
from rich.table import Table
from rich.text import Text

from importer.cli.findings import FindingGroup, describe_groups, finding_line, groups_of_kinds, groups_of_lines
from importer.cli.github import annotate, annotate_failure, is_on_github
from importer.cli.json_lines import (
    WRONG,
    object_of_finding,
    object_of_line,
    object_of_notice,
    object_of_plan,
    object_of_result,
    object_of_tried,
    objects_of_overview,
)
from importer.cli.next_command import (
    command_after_check,
    command_after_interrupt,
    count_to_mend,
    is_to_repeat,
    next_command,
    report_to_mend,
)
from importer.cli.past_runs import duration, row_line
from importer.cli.summary import (
    StatusRow,
    check_rows,
    describe_overview,
    describe_plan,
    drop_explained,
    lines_without_finding,
    name_file,
    status_rows,
    tried_line,
)
from importer.cli.terminal import Display, Meter, Stream, open_terminal
from importer.delivery.queue import Progress
from importer.errors import ImporterError
from importer.kinds import Names, describe_line
from importer.notice import Notice, NoticeLevel
from importer.records import Finding, FindingKind, Sheet, TargetName
from importer.result import Overview, Result
from importer.session.control import Canary, Plan
from importer.settings.options import Settings
from importer.settings.origins import name_as_set
from importer.statuses import Status
from importer.wording import count_of, escape, shown_path

_TRIED = 20  # first records that are shown, failures first
_NOTICES = 8  # of a kind that are printed; more are only counted
_REST = 12  # lines of a screen for everything but findings: statuses, files, the next step
_LEAST = 4  # least lines of a screen for what would happen, however many problems there are
_FOR_MEANINGS = 76  # columns of a terminal in which the statuses' meanings fit beside their numbers
_LINE_EVERY = 1000  # records between two lines of progress without a terminal
_OF_LEVEL = {
    NoticeLevel.INFO: "notices",
    NoticeLevel.LEFT_OUT: "notices of what was left out",
    NoticeLevel.WARNING: "warnings",
}
_ENDED = "interrupted: ended at once{}; the run's journal has everything that was done"


def print_error(error: ImporterError) -> None:
    """Print why a command cannot go on, and what to do."""
    stream = Stream(stderr=True, highlight=False)
    stream.print(Text.assemble(("error: ", "bold red"), escape(error.message, 1000)), soft_wrap=True)
    if error.hint:
        stream.put(f"  {escape(error.hint, 1000)}")
    if is_on_github():
        stream.write_line(annotate_failure(error.message, error.hint))


class Console:
    """Shows the user a run's progress and result. Messages go to standard error, results to standard output."""

    def __init__(self, settings: Settings, checked: Sequence[str] | None = None) -> None:
        self._out = Stream(highlight=False, soft_wrap=False)
        self._err = Stream(stderr=True, highlight=False)
        self._settings = settings
        self._checked = checked  # the sources of a check
        self._is_check = checked is not None
        self._live: Live | None = None
        self._display = Display()
        self._meters: dict[TargetName, Meter] = {}
        self._kinds: Sequence[FindingKind] = ()
        self._notices = dict.fromkeys(NoticeLevel, 0)
        self.is_asking = False  #: the user is asked before anything is written
        self._going_on = ""  # the command that goes on if this one does not end in order
        self.is_planned = False  #: everything is read; from now on something may be sent

    # ---- during the run (RunObserver)

    @contextmanager
    def live(self) -> Iterator[None]:
        """Show progress bars on a terminal during the block."""
        if self._settings.quiet or not self._err.is_screen or self._err.is_dumb_terminal:
            yield
            return
        with Live(self._display, console=self._err, transient=True, refresh_per_second=4) as self._live:
            yield
        self._live = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Hide the bars during a question."""
        if self._live is not None:
            self._live.stop()
        yield
        if self._live is not None:
            self._live.start()

    def advanced(self, share: float) -> None:
        """Note how much of the sources has been read."""
        self._display.reading.advance(share)

    def read(self, rows: int) -> None:
        """Show the progress of reading, if it takes long."""
        self._display.reading.rows = rows
        if self._live is None and rows % 100_000 < 2000 and rows >= 100_000:
            self.message(self._display.reading.describe())

    def noticed(self, notice: Notice) -> None:
        """Print a notice; a quiet console prints only those about what was left out."""
        if self._settings.json:
            self._out.write_json(object_of_notice(notice))
        self._notices[notice.level] += 1
        if self._notices[notice.level] <= _NOTICES or self._settings.all:
            self._notice(escape(notice.text, 500), notice.level)

    def _notice(self, text: str, level: NoticeLevel) -> None:
        if level is NoticeLevel.LEFT_OUT:
            self._print_always(text, style="yellow")
        else:
            self.message(text, style="dim" if level is NoticeLevel.INFO else "yellow")

    def found(self, kinds: Sequence[FindingKind], findings: Iterable[tuple[Sheet, Finding]]) -> None:
        """Print what reading found: every finding with --all, else the kinds if a question follows."""
        for level, number in self._notices.items():
            if number > _NOTICES and not self._settings.all:
                self._notice(f"and {number - _NOTICES:,} more {_OF_LEVEL[level]}; --all prints every one", level)
        self._kinds = kinds
        if self._settings.json:
            for sheet, finding in findings:
                self._out.write_json(object_of_finding(sheet, finding))
        elif self._settings.all:
            for sheet, finding in findings:
                self._out.write_line(finding_line(sheet, finding))
        elif self.is_asking and not (self._is_check or self._settings.sandbox or self._settings.quiet):
            for line in self._describe(groups_of_kinds(kinds)):
                self._err.print_wrapped(line)

    def _describe(self, groups: Sequence[FindingGroup], room: int = 0) -> Iterator[Text]:
        """Yield the lines that describe groups of findings, so that everything fits a screen."""
        height, width = self._out.page
        return describe_groups(groups, room or max(_REST, height - _REST), width)

    def planned(self, plan: Plan) -> None:
        """Show what is about to be done, and open a bar for each target."""
        self.is_planned = True
        self._going_on = f"next:   {command_after_interrupt(plan, self._settings)}"
        self._meters = {target: Meter(target, number) for target, number in plan.to_send.items()}
        self._display.show(list(self._meters.values()))
        if self._settings.json:
            self._out.write_json(object_of_plan(plan))
        self.message(describe_plan(plan))

    def sending(self, target: TargetName, progress: Progress) -> None:
        """Show the progress of a target's work."""
        self._meter(target).progress = progress

    def decided(self, target: TargetName, status: Status, number: int) -> None:
        """Count records; called for every record, so it does more only now and then."""
        meter = self._meters.get(target) or self._meter(target)
        before = meter.done
        meter.add(status, number)
        if self._live is None and meter.done // _LINE_EVERY > before // _LINE_EVERY:
            wrong = f", {count_of(meter.problems, 'problem')}" if meter.problems else ""
            self.message(f"{target}: {meter.done:,} of {meter.total:,}{wrong}")

    def _meter(self, target: TargetName) -> Meter:
        return self._meters.setdefault(target, Meter(target, 0))

    def tried(self, canary: Canary) -> None:
        """Show the results of the first records, with the addresses of the new objects."""
        for row in canary.rows if self._settings.json else ():
            self._out.write_json(object_of_tried(row))
        if self._settings.quiet and not canary.is_asked:
            return
        number = len(canary.rows)
        self._print_always(f"the first {'record' if number == 1 else f'{number:,} records'}:", style="bold")
        shown = sorted(canary.rows, key=lambda row: row.line.outcome.status.is_success)[:_TRIED]
        for row in shown:
            self._err.print(tried_line(row, is_screen=self._err.is_screen), soft_wrap=True)  # links must stay whole
        if number > len(shown):
            more = f"{number - len(shown):,} more that succeeded or are in the report"
            self._print_always(f"  ... and {more}", style="dim")

    def target_noticed(self, target: TargetName, words: str) -> None:
        """Print what holds a target up."""
        self.message(f"{target} {escape(words)}", style="yellow")

    def show_request(self, line: str) -> None:
        """Show a request, also on a quiet console: the user asked for it."""
        self._print_always(escape(line, 500), style="dim")

    def message(self, text: str, style: str = "") -> None:
        """Print a message, except on a quiet console."""
        if not self._settings.quiet:
            self._print_always(text, style)

    def write_line(self, text: str) -> None:
        """Print a line of a result, also on a quiet console."""
        self._out.put(text)

    def write_json(self, value: Mapping[str, object]) -> None:
        """Print an object of a result."""
        self._out.write_json(value)

    def ask(self, text: str) -> None:
        """Print a question, answered on the same line, on the terminal itself, wherever messages go."""
        terminal = None if self._err.is_screen else open_terminal()
        if terminal is None:
            self._err.print(Text(text), end="", soft_wrap=True)
            return
        with terminal:
            terminal.write(text)

    def interrupted(self) -> None:
        """Print that a signal was received. Called by its handler, perhaps while another message is printed."""
        with suppress(RuntimeError):
            self.message("interrupted: finishing what is in flight (again to stop at once)", style="yellow")

    def ended_at_once(self, why: str = "") -> None:
        """Print that the interrupted command does not end in order, and how to go on; the process ends next."""
        if self.is_planned:
            with suppress(OSError):
                os.write(2, f"{_ENDED.format(why)}\n{self._going_on}\n".encode())

    def _print_always(self, text: str, style: str) -> None:
        self._err.print_wrapped(Text(text, style=style))

    # ---- at the end

    def show_end(self, result: Result) -> None:
        """Show the command's result, also to GitHub if it runs this."""
        if self._settings.json:
            for sheet, line in lines_without_finding(result, self._kinds):
                self._out.write_json(object_of_line(sheet, line))
            for expected in objects_of_overview(result.overview) if result.overview else ():
                self._out.write_json(expected)
            self._out.write_json(object_of_result(result))
        elif self._is_check:
            self._show_check(result)
        else:
            self._show_run(result)
        if is_on_github():  # on standard error, because standard output may be JSON only
            for note in annotate(result):
                self._err.write_line(note)

    def show_overview(self, overview: Overview) -> None:
        """Show what would happen, before a question."""
        if self._settings.json:
            for expected in objects_of_overview(overview):
                self._out.write_json(expected)
        height, width = self._err.page
        room = None if self._settings.all else max(_REST, height - 4)
        for line in describe_overview(overview, room, width):
            self._err.print_wrapped(line)

    def _show_run(self, result: Result) -> None:
        """Show a run's result: statuses, what needs attention by kind, the report, the next step."""
        self._show_statuses(status_rows(result))
        if result.seconds is not None:
            retries = sum(meter.retries for meter in self._meters.values())
            again = f", {count_of(retries, 'retry', 'retries')}" if retries else ""
            self._out.print(f"took:   {duration(result.seconds)}{again}")
        self._show_problems(result)
        self._show_rest(result)
        if result.exit_status and (to_mend := count_to_mend(result)):
            report = report_to_mend(result)
            where = "in the sheet To mend of report.xlsx" if report and report.suffix == ".xlsx" else "in the report"
            self._out.print(f"mend:   {count_of(to_mend, 'row')} {where}")
        if result.exit_status and is_to_repeat(result):
            command = shown_path(next_command(result, self._settings))
            self._out.put(f"next:   {command}")  # to be copied

    def _show_check(self, result: Result) -> None:
        """Show a check's result: every kind of problem, what would happen, and how many rows are good."""
        height, width = self._out.page
        rows = check_rows(result)
        below = len(rows) + len(result.files) + len(result.stopped) + 6  # with blank lines, the header and a prompt
        room = max(_REST, height - below)
        overview = None if self._settings.quiet else result.overview
        first = list(islice(describe_overview(overview, None, width), _LEAST)) if overview else []
        used = self._show_problems(result, room - len(first))
        if used:
            self._out.print()
        if overview and first:
            for line in describe_overview(overview, None if self._settings.all else max(_LEAST, room - used), width):
                self._out.print_wrapped(line)
            self._out.print()
        self._show_statuses(rows)
        self._show_rest(result)
        if self._checked and (command := command_after_check(result, self._checked, self._settings)):
            self._out.put(f"next:   {shown_path(command)}")

    def _show_rest(self, result: Result) -> None:
        """Show why it ended early, the files, and which warnings alone made the exit status 1."""
        for what, why in result.stopped.items():
            self._out.put(f"{what} stopped: {escape(why, 1000)}", style="red")
        for file in result.files:
            self._out.put(f"{name_file(file, result)}{shown_path(file)}")
        if result.notice:
            self._out.put(escape(result.notice, 500), style="yellow")
        if result.fails_on_warnings and result.warnings:
            name = "strict" if self._is_check and self._settings.strict else "fail_on"
            name = f"{name_as_set(name, self._settings.origins)}{' warning' if name == 'fail_on' else ''}"
            self._out.print(f"fail:   {count_of(result.warnings, 'warning')} above; {name} does not let them pass")

    def _show_problems(self, result: Result, room: int = 0) -> int:
        """Show what needs attention, in a number of lines if one is given; return how many were used."""
        kinds = self._kinds if self._settings.all else result.kinds  # the latter include what targets said about rows
        not_shown, names = lines_without_finding(result, kinds), Names(result.names)
        lines = drop_explained(not_shown, result)
        wrong = sum(number for status, number in result.statuses.items() if status in WRONG)
        wrong -= (result.count(Status.INVALID) if kinds else 0) + len(not_shown) - len(lines)
        if self._settings.all:
            for sheet, wrong_line in lines:
                about = describe_line(wrong_line, names, is_named=True)
                self._out.write_line(row_line(sheet, wrong_line, about=about))
        else:
            groups = groups_of_lines(lines, names, is_cut=wrong > len(lines))
            described = list(self._describe([*groups, *groups_of_kinds(kinds)], room))
            for line in described:
                self._out.print_wrapped(line)  # one line each, to grep
        if wrong > len(lines):
            where = ", all in the report" if result.run else ""
            self._out.print(f"... and {count_of(wrong - len(lines), 'more record')} that need attention{where}")
        return len(lines) if self._settings.all else len(described)

    def _show_statuses(self, rows: Sequence[StatusRow]) -> None:
        targets = sorted({target for row in rows for target in row.numbers if target})
        is_wide = self._out.width >= _FOR_MEANINGS
        table = Table("status", *targets, "all", box=None, padding=(0, 2, 0, 0), header_style="bold")
        for column in table.columns[1:]:
            column.justify = "right"
        if is_wide:
            table.add_column("")
        for row in rows:
            numbers = [f"{row.numbers.get(target, 0):,}" for target in targets]
            meaning = [Text(row.meaning, style="dim")] if is_wide else []
            table.add_row(Text(row.name, style=row.style), *numbers, f"{row.total:,}", *meaning)
        self._out.print(table)
