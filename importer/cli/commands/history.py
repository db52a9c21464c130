"""The commands that look at runs: runs and show. They change nothing."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from importer.cli.execute import guard, load
from importer.cli.options import shared_options
from importer.errors import JournalError
from importer.quoting import shown_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from importer.cli.output.terminal import Stream
    from importer.records import ReportLine
    from importer.statuses import Status


_GOOD = ("created", "exists", "duplicate", "deleted", "gone", "cut")
_TO_DO = ("invalid", "rejected", "failed", "unknown", "pending", "changed", "kept", "manual")
_STATUSES = (*_GOOD, *_TO_DO)
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
    from importer.cli.output.past_runs import NARROW, object_of_run, run_cards, run_lines, runs_table
    from importer.cli.output.terminal import Stream
    from importer.commands.history import list_runs, utc_now

    settings, out = load(given), Stream(highlight=False)
    now, found = utc_now(), list_runs(settings.reports)
    if settings.json:
        for run in found:
            _print_json(out, object_of_run(run, now))
    elif found and out.is_screen and out.width >= NARROW:
        out.print(runs_table(found, now, out.width))
    elif found:
        for line in run_cards(found, now) if out.is_screen else run_lines(found, now):
            out.write_line(line)
    else:
        click.echo(f"no runs in {shown_path(settings.reports)}", err=True)
    return 0


def _show(given: dict[str, Any], argument: str, names: Sequence[str], limit: int | None) -> int:
    from importer.cli.output.past_runs import detail_lines, object_of_details
    from importer.cli.output.terminal import Stream
    from importer.commands.history import find_run, read_details, utc_now

    settings, out = load(given), Stream(highlight=False)
    path = find_run(argument, settings.reports)
    details, now = read_details(path), utc_now()
    if settings.json:
        _print_json(out, object_of_details(details, now))
    else:
        for line in detail_lines(details, now):
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
    from importer.statuses import Status

    return [status for status in Status if status.value in names or "all" in names]


def _write_rows(out: Stream, path: Path, statuses: Sequence[Status], limit: int | None) -> None:
    from importer.cli.output.programs import object_of_row
    from importer.journal.run_folder import open_view

    with open_view(path) as journal:
        sheets = journal.sheets()
        for line in journal.lines_of(statuses, limit):
            if not out.has_reader:  # nobody reads any more
                return
            _print_json(out, object_of_row(sheets[line.sheet], line))


def _tell_rows(out: Stream, path: Path, statuses: Sequence[Status], limit: int | None, total: int) -> None:
    from importer.cli.output.past_runs import row_line
    from importer.journal.run_folder import open_view
    from importer.kinds.kind import Names
    from importer.kinds.registry import tell_line

    shown = 0
    with open_view(path) as journal:
        sheets = journal.sheets()
        names = Names(journal.names())
        with_source = len({sheet.source for sheet in sheets}) > 1
        for line in _until_closed(out, journal.lines_of(statuses, limit)):
            if not shown:
                out.print()
            shown += 1
            about = tell_line(line, names, is_named=True)
            out.write_line(row_line(sheets[line.sheet], line, with_source=with_source, about=about))
    if shown and total > shown:
        out.write_line(f"... and {total - shown} more; --status and --limit choose")


def _until_closed(out: Stream, lines: Iterator[ReportLine]) -> Iterator[ReportLine]:
    for line in lines:
        if not out.has_reader:
            return
        yield line


def _print_json(out: Stream, value: Mapping[str, object]) -> None:
    out.write_line(json.dumps(value))  # ASCII, for whatever encoding standard output has
