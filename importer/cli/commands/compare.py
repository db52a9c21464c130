"""The command that compares who is on call in two places."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli.commands.pull import read_selection, selecting
from importer.cli.execute import perform_reading
from importer.cli.options import FILE, options, shared_options

if TYPE_CHECKING:
    from importer.cli.output.console import Console
    from importer.session.control import RunControl
    from importer.settings import Settings


@click.command()
@click.argument("left")
@click.argument("right")
@options(*selecting, shared_options("compare"))
@click.option("--csv", type=FILE, metavar="FILE", help="Write every difference as CSV.")
@click.option("--html", type=FILE, metavar="FILE", help="Write a page with a timeline of each schedule.")
def compare(left: str, right: str, csv: Path | None, html: Path | None, **given: Any) -> None:
    """Compare two calendars: who is on call, and when.

    Each of LEFT and RIGHT is a source (a file, a folder or a pattern), a run's folder, a pulled workbook or folder, an
    .ics file, or one of pagerduty:, opsgenie:, rootly:. Exit status 0: the same; 1: something differs; 2: a side could
    not be read.
    """
    chosen = read_selection(given)

    async def act(settings: Settings, control: RunControl, console: Console) -> int:
        from importer.cli.output.calendar_results import ReadingProgress, show_comparison
        from importer.commands.compare import compare_sides, write_comparison

        sides = await compare_sides(left, right, chosen, settings, control, ReadingProgress(console))
        files = write_comparison(sides, csv, html)
        show_comparison(sides, files, settings, console)
        return 0 if sides.comparison.is_same else 1

    perform_reading(given, act)
