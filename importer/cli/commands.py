"""The commands except those about calendars, in the order in which a new user meets them.

map, template, doctor, sandbox; run, check, rerun, undo; runs, show. Each command imports what it needs when it is
called, so that `--help` stays quick.
"""

from __future__ import annotations

import json
import shlex
import signal
import sys
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli.calendars import verify_run
from importer.cli.click_options import FILE, RUN, command, options, shared_options, sources
from importer.cli.execute import given_options, is_read, load, perform, showing_requests
from importer.errors import JournalError, UsageError
from importer.statuses import Status
from importer.wording import count_of, escape, shown_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console as Terminal

    from importer.cli.terminal import Stream
    from importer.commands.doctor import Diagnosis


# ---- before a run: files to begin with


@command("map")
@options(sources, shared_options("map"))
@click.option(
    "--output",
    type=FILE,
    default=Path("mapping.toml"),
    show_default=True,
    metavar="FILE",
    help="Where to write it; - prints it.",
)
@click.option("--header-row", type=click.IntRange(1), metavar="N", help="Row that holds the header.")
@click.option("--no-header", is_flag=True, help="There is no header: columns are named by their letters.")
@click.option("--yes", "-y", is_flag=True, help="Ask nothing; write suggestions as comments.")
def map_headers(
    sources: tuple[str, ...], output: Path, header_row: int | None, no_header: bool, yes: bool, **given: Any
) -> int:
    """Write a mapping file for your headers, asking on a terminal.

    SOURCE is as for `run`. Without a terminal nothing that is in doubt is decided: suggestions and unknown headers are
    written as comments.
    """
    from importer.cli.map import map_sources

    if no_header and header_row is not None:
        raise UsageError("--no-header and --header-row exclude each other", hint="See: oncall-importer map --help")
    is_asking = not yes and sys.stdin.isatty() and sys.stderr.isatty()
    row = 0 if no_header else header_row
    try:
        return map_sources(sources, load(given), output, header_row=row, is_asking=is_asking)
    except click.Abort:  # leaving one question leaves the whole command
        click.echo("\nno mapping was written", err=True)
        return 130


@command()
@click.argument("path", type=FILE)
@shared_options("template")
@click.option("--yes", "-y", is_flag=True, help="Overwrite an existing file.")
def template(path: Path, yes: bool, **given: Any) -> int:
    """Write a template (.xlsx or .csv) to fill in."""
    from importer.normalizer.zones import zone_of
    from importer.reporter.template import write_template

    zone = zone_of(load(given))
    written = write_template(path, zone=zone.key if zone else "Europe/Berlin", is_replaced=yes)
    click.echo(f"template: {shown_path(written)}")
    click.echo(f"next:     fill it in, then: {shown_path(shlex.join(['oncall-importer', 'check', str(written)]))}")
    return 0


# ---- doctor


_STYLES = {"ok": "green", "note": "yellow", "problem": "bold red"}
_WIDTHS = 9, 13  # columns of the level and of the subject


@command()
@shared_options("doctor")
def doctor(**given: Any) -> int:
    """Check settings, tokens, network, clock and limits before a run.

    Nothing is sent. Exit status 0: a run could start; 2: it could not.
    """
    import anyio

    return anyio.run(_print_diagnoses, given_options(given))


async def _print_diagnoses(given: dict[str, Any]) -> int:
    from rich.console import Console as Terminal

    from importer.commands.doctor import DiagnosisLevel, diagnose

    terminal = Terminal(highlight=False)
    is_json, is_quiet, is_verbose = _output_options(given)
    problems = 0
    with showing_requests(partial(click.echo, err=True) if is_verbose else None):
        async for finding in diagnose(given):
            problems += finding.level is DiagnosisLevel.PROBLEM
            if is_json:
                click.echo(json.dumps({"type": "diagnosis", **finding._asdict()}))
            elif not (is_quiet and finding.level is DiagnosisLevel.OK):
                _print(terminal, finding)
    if not is_json:
        why = f"no run could start: {count_of(problems, 'problem')}, see above"
        click.echo(why if problems else "a run could start")
    return 2 if problems else 0


def _output_options(given: dict[str, Any]) -> tuple[bool, bool, bool]:
    """Return whether to print JSON, problems only, and requests; works even if the settings are invalid."""
    from importer.errors import SettingsError
    from importer.settings.options import load_settings

    try:
        settings = load_settings(given, is_library=False)
    except SettingsError:
        return bool(given.get("json")), bool(given.get("quiet")), bool(given.get("verbose"))
    return settings.json, settings.quiet, settings.verbose


def _print(terminal: Terminal, finding: Diagnosis) -> None:
    """Print a finding: in columns on a terminal, otherwise as a line to search."""
    from rich.table import Table
    from rich.text import Text

    level, about = Text(finding.level, style=_STYLES[finding.level]), finding.about
    words = Text(escape(finding.message, 1000))
    hint = Text(f"-> {escape(finding.hint, 1000)}", style="bold") if finding.hint else None
    if not terminal.is_terminal:
        line = Text(f"{finding.level:<{_WIDTHS[0]}} {about:<{_WIDTHS[1]}} ").append(words)
        terminal.print(line.append(f" {hint}") if hint else line, soft_wrap=True)
        return
    table = Table.grid(padding=(0, 1, 0, 0))
    for width in _WIDTHS:
        table.add_column(width=width)
    table.add_column(overflow="fold")
    table.add_row(level, about, words)
    if hint:
        table.add_row("", "", hint)
    terminal.print(table)


# ---- sandbox


_FILES = 4096  # open files that the sandbox asks for: each connection is one


@command()
@shared_options("sandbox")
@click.option(
    "--port", type=int, default=8765, show_default=True, metavar="N", help="Port on this machine; 0 picks a free one."
)
@click.option("--faults", type=FILE, metavar="FILE", help="Fault plan: which request meets which fault.")
@click.option(
    "--directory", type=FILE, metavar="FILE", help="Users, schedules and groups that can be looked up by name."
)
@click.option("--pagerduty", is_flag=True, help="Also print the settings of the PagerDuty stand-in.")
@click.option("--opsgenie", is_flag=True, help="Also print the settings of the Opsgenie stand-in.")
@click.option(
    "--organization",
    type=FILE,
    metavar="FILE",
    help="Organization that PagerDuty and Opsgenie show instead of the demo.",
)
@click.option("--reset", is_flag=True, help="Empty the sandbox and exit.")
def sandbox(port: int, reset: bool, pagerduty: bool, opsgenie: bool, **options: Any) -> int:
    """Serve a local stand-in for the APIs until stopped."""
    sources = [name for name, is_wanted in (("pagerduty", pagerduty), ("opsgenie", opsgenie)) if is_wanted]
    files = {name: options.pop(name) for name in ("faults", "directory", "organization")}
    return _reset(options) if reset else _serve(options, port, sources, files)


def _reset(options: dict[str, Any]) -> int:
    from importer.sandbox.state import reset
    from importer.session.endpoints import SANDBOX_STATE

    state = load(options).reports / SANDBOX_STATE
    reset(state)
    click.echo(f"{state} is empty")
    return 0


def _serve(options: dict[str, Any], port: int, sources: list[str], files: dict[str, Path | None]) -> int:
    import anyio

    from importer.sandbox.directory_file import read_directory
    from importer.sandbox.fault_plan import read_faults
    from importer.sandbox.organization import read_organization
    from importer.session.endpoints import SANDBOX_STATE
    from importer.session.lifecycle import raise_file_limit

    raise_file_limit(_FILES)
    state = load(options).reports / SANDBOX_STATE
    readers = {"faults": read_faults, "directory": read_directory, "organization": read_organization}
    contents = {name: readers[name](path) for name, path in files.items() if path}
    anyio.run(_serve_until_stopped, state, port, sources, contents)
    return 0


async def _serve_until_stopped(state: Path, port: int, sources: list[str], contents: dict[str, Any]) -> None:
    import anyio

    from importer.sandbox.directory_file import TOKEN
    from importer.sandbox.server import serve

    async with serve(state, port=port, **contents) as address:
        for name in ("opal", "rootly", *sources):
            variable, key = name.upper(), "API_KEY" if name == "opsgenie" else "TOKEN"
            click.echo(f"export {variable}_BASE_URL={getattr(address, name)} {variable}_{key}={TOKEN}")
        click.echo("serving until Ctrl-C", err=True)
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                return


# ---- runs


@command()
@options(sources, shared_options("run"))
def run(sources: tuple[str, ...], **given: Any) -> int:
    """Check every row, send the good ones, and write a report.

    SOURCE is a CSV or a workbook (.xlsx, .xlsm, .xlsb, .xls, .ods), a folder of them, or a pattern such as
    'teams/*.xlsx'; - is standard input.

    Exit status 0: every row is at its target; 1: some row needs attention; 2: nothing was sent; 3: some row is unknown;
    4: the run stopped by itself; 130: interrupted.
    """
    from importer.commands import run as commands

    return perform(given, partial(commands.run, sources), verify_run)


@command()
@options(sources, shared_options("check"))
@click.option(
    "--output", type=FILE, metavar="FILE", help="Write a copy of the sources as a workbook with bad cells marked."
)
def check(sources: tuple[str, ...], output: Path | None, **given: Any) -> int:
    """Check every row exactly as `run` does, and send nothing.

    SOURCE is as for `run`. Exit status 0: every row is good; 1: some row is not; 2: a source cannot be read.
    """
    from importer.commands import run as commands

    return perform(given, partial(commands.check, sources, output=output), checked=sources)


@command()
@click.argument("run_or_reports", type=RUN, nargs=-1, required=True, metavar="RUN_OR_REPORT...")
@shared_options("rerun")
def rerun(run_or_reports: tuple[str, ...], **given: Any) -> int:
    """Send again only the rows that have not succeeded.

    RUN_OR_REPORT is a run's folder, also of an interrupted run, or a report file, edited by hand or not. Several
    reports of one run may be given, such as the workbooks that --mend-by-source made.
    """
    from importer.commands import run as commands

    return perform(given, partial(commands.rerun, run_or_reports), verify_run)


@command()
@click.argument("run", type=RUN)
@shared_options("undo")
def undo(run: str, **given: Any) -> int:
    """Delete what a run created, newest first, and nothing else.

    RUN is a run's folder or its name. Records that were changed since are left alone and listed. Run it again to
    continue where it stopped.
    """
    from importer.commands import undo as commands

    return perform(given, partial(commands.undo, run))


# ---- runs of the past; nothing is changed


_TO_DO = tuple(status for status in Status if status.needs_attention)
_SHOWN = 20  # rows that need attention, if no rows were selected


@command()
@shared_options("runs")
def runs(**given: Any) -> int:
    """List the runs, newest first."""
    from importer.cli.past_runs import NARROW, object_of_run, run_cards, run_lines, runs_table
    from importer.cli.terminal import Stream
    from importer.commands.history import list_runs

    settings, out = load(given), Stream(highlight=False)
    found = list_runs(settings.reports)
    if settings.json:
        for run in found:
            out.write_json(object_of_run(run))
    elif found and out.is_screen and out.width >= NARROW:
        out.print(runs_table(found, out.width))
    elif found:
        for line in run_cards(found) if out.is_screen else run_lines(found):
            out.write_line(line)
    else:
        click.echo(f"no runs in {shown_path(settings.reports)}", err=True)
    return 0


@command()
@click.argument("run", required=False)
@click.option(
    "--status",
    multiple=True,
    metavar="STATUS",
    type=click.Choice([*map(str, Status), "all"]),
    help="Only rows with this status, or all. Repeatable.",
)
@click.option("--limit", type=click.IntRange(0), metavar="N", help="Show at most N rows.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of summary.json and exit.")
@shared_options("show")
def show(run: str | None, status: tuple[str, ...], limit: int | None, schema: bool, **given: Any) -> int:
    """Show one run: its options, its outcome and its rows.

    RUN is a run's name, the beginning of it, or its folder. Without --status the first rows that need attention are
    shown; with --json all rows.
    """
    if not schema and run is None:
        raise UsageError("Missing argument 'RUN'", hint="See: oncall-importer show --help")
    return _print_schema() if run is None or schema else _show(given, run, status, limit)


def _print_schema() -> int:
    from importlib.resources import files

    click.echo(files("importer.reporter").joinpath("summary.schema.json").read_text(encoding="utf-8"), nl=False)
    return 0


def _show(given: dict[str, Any], argument: str, names: Sequence[str], limit: int | None) -> int:
    from importer.cli.past_runs import detail_lines, object_of_details
    from importer.cli.terminal import Stream
    from importer.commands.history import find_run, read_details

    settings, out = load(given), Stream(highlight=False)
    path = find_run(argument, settings.reports)
    run = read_details(path)
    if settings.json:
        out.write_json(object_of_details(run))
    else:
        for line in detail_lines(run):
            out.print(line, soft_wrap=True)
    try:
        if settings.json:
            _write_rows(out, path, _statuses(names or ("all",)), limit)
        elif not run.fault:
            wanted = _statuses(names or _TO_DO)
            most = limit if limit is not None or names else _SHOWN
            _print_rows(out, path, wanted, most, sum(run.statuses.get(status, 0) for status in wanted))
    except JournalError as error:
        if names:
            raise
        click.echo(f"its rows cannot be shown: {error.message} ({error.hint})", err=True)
    return 0


def _statuses(names: Sequence[str]) -> list[Status]:
    return [status for status in Status if status in names or "all" in names]


def _write_rows(out: Stream, path: Path, statuses: Sequence[Status], limit: int | None) -> None:
    from importer.cli.json_lines import object_of_row
    from importer.journal.run_folder import open_view

    with open_view(path) as journal:
        sheets = journal.sheets()
        for line in takewhile(lambda _: is_read(), journal.lines_of(statuses, limit)):
            out.write_line(json.dumps(object_of_row(sheets[line.sheet], line)))  # one for each row, so it must be fast


def _print_rows(out: Stream, path: Path, statuses: Sequence[Status], limit: int | None, total: int) -> None:
    from importer.cli.past_runs import row_line
    from importer.journal.run_folder import open_view
    from importer.kinds import Names, describe_line

    shown = 0
    with open_view(path) as journal:
        sheets = journal.sheets()
        names = Names(journal.names())
        for line in takewhile(lambda _: is_read(), journal.lines_of(statuses, limit)):
            if not shown:
                out.print()
            shown += 1
            about = describe_line(line, names, is_named=True)
            out.write_line(row_line(sheets[line.sheet], line, about=about))
    if shown and total > shown:
        out.write_line(f"... and {total - shown:,} more; --status and --limit select")
