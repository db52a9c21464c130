"""The commands that read rows, and the one that takes a run back: run, check, rerun, undo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from importer.cli.commands.calendars import verify_run
from importer.cli.execute import perform
from importer.cli.options import FILE, RUN, options, shared_options, sources

verifying = click.option("--verify", is_flag=True, help="After sending, ask the targets whether everything is there.")

# Importing what a command needs is left to the command: `--help` must not pay for it.


@click.command()
@options(sources, shared_options("run"), verifying)
def run(sources: tuple[str, ...], verify: bool, **given: Any) -> None:
    """Check every row, send the good ones, and write a report.

    SOURCE is a CSV or a workbook (.xlsx, .xlsm, .xlsb, .xls, .ods), a folder of them, or a pattern such as
    'teams/*.xlsx'; - is standard input.
    """
    afterwards = verify_run if verify else None
    perform(given, lambda settings, control: _commands().run(sources, settings, control), afterwards=afterwards)


@click.command()
@options(sources, shared_options("check"))
@click.option("--online", is_flag=True, help="Also look up names and existing records at the targets.")
@click.option(
    "--output", type=FILE, metavar="FILE", help="Write a copy of the sources as a workbook with bad cells marked."
)
def check(sources: tuple[str, ...], online: bool, output: Path | None, **given: Any) -> None:
    """Check every row exactly as `run` does, and send nothing."""
    perform(
        given,
        lambda settings, control: _commands().check(sources, settings, control, is_online=online, output=output),
        is_check=True,
    )


@click.command()
@click.argument("run_or_reports", type=RUN, nargs=-1, required=True, metavar="RUN_OR_REPORT...")
@options(shared_options("rerun"), verifying)
def rerun(run_or_reports: tuple[str, ...], verify: bool, **given: Any) -> None:
    """Send again only the rows that have not succeeded.

    RUN_OR_REPORT is a run's folder, also of an interrupted run, or a report file, edited by hand or not. Several
    reports of one run may be given, such as the workbooks that --mend-by-source made.
    """
    afterwards = verify_run if verify else None
    perform(
        given, lambda settings, control: _commands().rerun(run_or_reports, settings, control), afterwards=afterwards
    )


@click.command()
@click.argument("run", type=RUN)
@shared_options("undo")
def undo(run: str, **given: Any) -> None:
    """Delete what a run created, newest first, and nothing else.

    RUN is a run's folder or its name. Records that were changed since are left alone and listed. Run it again to
    continue where it stopped.
    """
    from importer.commands import undo as commands

    perform(given, lambda settings, control: commands.undo(run, settings, control))


def _commands() -> Any:
    """Import what a run needs; `--help` must not pay for it."""
    from importer.commands import run as commands

    return commands
