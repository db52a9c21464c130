"""The commands that read rows: run, check and rerun."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from importer.cli.completing import FILE, RUN
from importer.cli.options import normalizing, options, reaching, reports, sheet, sources, telling, writing
from importer.cli.performing import perform

# Importing what a command needs is left to the command: `--help` must not pay for it.


@click.command()
@options(sources, sheet, normalizing, reaching, writing, reports, telling)
def run(sources: tuple[str, ...], **given: Any) -> None:
    """Read and check every row, then send the good ones, then write the report.

    SOURCE is a CSV or a workbook (.xlsx, .xlsm, .xlsb, .xls, .ods); - is standard input.
    """
    perform(given, lambda settings, guide: _pipeline().run(sources, settings, guide))


@click.command()
@options(sources, sheet, normalizing, reaching, reports, telling)
@click.option("--online", is_flag=True, help="Also ask the targets for ids of what is named, and what exists.")
@click.option("--output", type=FILE, metavar="FILE", help="Write the sources back as a workbook, bad cells marked.")
def check(sources: tuple[str, ...], online: bool, output: Path | None, **given: Any) -> None:
    """Read and check every row just as `run` does; write nothing."""
    perform(
        given,
        lambda settings, guide: _pipeline().check(sources, settings, guide, is_online=online, output=output),
        is_check=True,
    )


@click.command()
@click.argument("run_or_report", type=RUN)
@options(normalizing, reaching, writing, reports, telling)
def rerun(run_or_report: str, **given: Any) -> None:
    """Send again, but only rows that have not succeeded.

    RUN_OR_REPORT is a run's folder, also of an interrupted run, or a report file, edited by hand or not.
    """
    perform(given, lambda settings, guide: _pipeline().rerun(run_or_report, settings, guide))


def _pipeline() -> Any:
    """Import what a run needs; `--help` must not pay for it."""
    from importer import pipeline

    return pipeline
