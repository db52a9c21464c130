"""The command that asks the targets whether all that a run made is still there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli.execute import perform_reading
from importer.cli.options import FILE, RUN, shared_options

if TYPE_CHECKING:
    from importer.cli.output.console import Console
    from importer.session.control import RunControl
    from importer.settings import Settings


@click.command()
@click.argument("run", type=RUN)
@shared_options("verify")
@click.option("--csv", type=FILE, metavar="FILE", help="Write a line for each record as CSV.")
def verify(run: str, csv: Path | None, **given: Any) -> None:
    """Ask the targets whether all that a run created is still there.

    Each record must be unchanged, there only once, and shown in the target's calendar. RUN is a run's folder or its
    name. Exit status 0: all is well; 1: something is not; 2: a target could not be asked.
    """

    async def act(settings: Settings, control: RunControl, console: Console) -> int:
        return await verify_run(run, settings, control, console, csv)

    perform_reading(given, act)


async def verify_run(
    run: str, settings: Settings, control: RunControl, console: Console, csv: Path | None = None
) -> int:
    """Verify a run and show what it came to; return the exit status."""
    from importer.cli.output.calendar_results import ReadingProgress, show_verification
    from importer.commands.verify import add_to_page, write_verification
    from importer.commands.verify import verify as perform

    verification = await perform(run, settings, control, ReadingProgress(console))
    files = [write_verification(csv, verification)] if csv is not None else []
    files += add_to_page(verification)
    show_verification(verification, files, settings)
    return 0 if verification.is_good else 1
