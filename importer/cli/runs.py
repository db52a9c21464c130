"""The commands that read rows, that take a run back, and that look at runs: run, check, rerun, undo, runs, show."""

from __future__ import annotations

from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli.calendars import verify_run
from importer.cli.execute import guard, is_read, load, perform
from importer.cli.options import FILE, RUN, options, shared_options, sources
from importer.errors import JournalError
from importer.statuses import Status
from importer.wording import shown_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.cli.terminal import Stream

verifying = click.option("--verify", is_flag=True, help="After sending, ask the targets whether everything is there.")

# Importing what a command needs is left to the command: `--help` must not pay for it.


@click.command()
@options(sources, shared_options("run"), verifying)
def run(sources: tuple[str, ...], verify: bool, **given: Any) -> None:
    """Check every row, send the good ones, and write a report.

    SOURCE is a CSV or a workbook (.xlsx, .xlsm, .xlsb, .xls, .ods), a folder of them, or a pattern such as
    'teams/*.xlsx'; - is standard input.
    """
    from importer.commands import run as commands

    perform(given, partial(commands.run, sources), afterwards=verify_run if verify else None)


@click.command()
@options(sources, shared_options("check"))
@click.option("--online", is_flag=True, help="Also look up names and existing records at the targets.")
@click.option(
    "--output", type=FILE, metavar="FILE", help="Write a copy of the sources as a workbook with bad cells marked."
)
def check(sources: tuple[str, ...], online: bool, output: Path | None, **given: Any) -> None:
    """Check every row exactly as `run` does, and send nothing."""
    from importer.commands import run as commands

    perform(given, partial(commands.check, sources, is_online=online, output=output), is_check=True)


@click.command()
@click.argument("run_or_reports", type=RUN, nargs=-1, required=True, metavar="RUN_OR_REPORT...")
@options(shared_options("rerun"), verifying)
def rerun(run_or_reports: tuple[str, ...], verify: bool, **given: Any) -> None:
    """Send again only the rows that have not succeeded.

    RUN_OR_REPORT is a run's folder, also of an interrupted run, or a report file, edited by hand or not. Several
    reports of one run may be given, such as the workbooks that --mend-by-source made.
    """
    from importer.commands import run as commands

    perform(given, partial(commands.rerun, run_or_reports), afterwards=verify_run if verify else None)


@click.command()
@click.argument("run", type=RUN)
@shared_options("undo")
def undo(run: str, **given: Any) -> None:
    """Delete what a run created, newest first, and nothing else.

    RUN is a run's folder or its name. Records that were changed since are left alone and listed. Run it again to
    continue where it stopped.
    """
    from importer.commands import undo as commands

    perform(given, partial(commands.undo, run))


# ---- runs of the past; nothing is changed


_TO_DO = tuple(status.value for status in Status if status.needs_attention)
_STATUSES = (*(status.value for status in Status if not status.needs_attention), *_TO_DO)
_SHOWN = 20  # rows that need attention, where nobody asked for rows


@click.command()
@shared_options("runs")
def runs(**given: Any) -> None:
    """List the runs, newest first."""
    guard(partial(_list, given))


@click.command()
@click.argument("run", required=False)
@click.option(
    "--status",
    multiple=True,
    metavar="STATUS",
    type=click.Choice([*_STATUSES, "all"]),
    help="Only rows with this status, or all. Repeatable.",
)
@click.option("--limit", type=click.IntRange(0), metavar="N", help="Show at most N rows.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of summary.json and exit.")
@shared_options("show")
def show(run: str | None, status: tuple[str, ...], limit: int | None, schema: bool, **given: Any) -> None:
    """Show one run: its options, its outcome and its rows.

    RUN is a run's name, the beginning of it, or its folder. Without --status the first rows that need attention are
    shown; with --json all rows.
    """
    if not schema and run is None:
        raise click.UsageError("Missing argument 'RUN'.")
    guard(_print_schema if run is None or schema else partial(_show, given, run, status, limit))


def _print_schema() -> int:
    from importlib.resources import files

    click.echo(files("importer.reporter").joinpath("summary.schema.json").read_text(encoding="utf-8"), nl=False)
    return 0


def _list(given: dict[str, Any]) -> int:
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


def _show(given: dict[str, Any], argument: str, names: Sequence[str], limit: int | None) -> int:
    from importer.cli.past_runs import detail_lines, object_of_details
    from importer.cli.terminal import Stream
    from importer.commands.history import find_run, read_details

    settings, out = load(given), Stream(highlight=False)
    path = find_run(argument, settings.reports)
    details = read_details(path)
    if settings.json:
        out.write_json(object_of_details(details))
    else:
        for line in detail_lines(details):
            out.print(line, soft_wrap=True)
    try:
        if settings.json:
            _write_rows(out, path, _statuses(names or ("all",)), limit)
        elif not details.run.fault:
            wanted = _statuses(names or _TO_DO)
            most = limit if limit is not None or names else _SHOWN
            _tell_rows(out, path, wanted, most, sum(details.run.statuses.get(status, 0) for status in wanted))
    except JournalError as error:
        if names:
            raise
        click.echo(f"its rows cannot be shown: {error.message} ({error.hint})", err=True)
    return 0


def _statuses(names: Sequence[str]) -> list[Status]:
    return [status for status in Status if status.value in names or "all" in names]


def _write_rows(out: Stream, path: Path, statuses: Sequence[Status], limit: int | None) -> None:
    from importer.cli.programs import object_of_row
    from importer.journal.run_folder import open_view

    with open_view(path) as journal:
        sheets = journal.sheets()
        for line in takewhile(lambda _: is_read(), journal.lines_of(statuses, limit)):
            out.write_json(object_of_row(sheets[line.sheet], line))


def _tell_rows(out: Stream, path: Path, statuses: Sequence[Status], limit: int | None, total: int) -> None:
    from importer.cli.past_runs import row_line
    from importer.journal.run_folder import open_view
    from importer.kinds import Names, tell_line

    shown = 0
    with open_view(path) as journal:
        sheets = journal.sheets()
        names = Names(journal.names())
        with_source = len({sheet.source for sheet in sheets}) > 1
        for line in takewhile(lambda _: is_read(), journal.lines_of(statuses, limit)):
            if not shown:
                out.print()
            shown += 1
            about = tell_line(line, names, is_named=True)
            out.write_line(row_line(sheets[line.sheet], line, with_source=with_source, about=about))
    if shown and total > shown:
        out.write_line(f"... and {total - shown} more; --status and --limit choose")
