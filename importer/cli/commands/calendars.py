"""The commands that read other systems, and the targets: pull, compare and verify. They send nothing."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli.execute import perform_reading
from importer.cli.options import FILE, RUN, Decorator, options, shared_options
from importer.quoting import escape

if TYPE_CHECKING:
    from importer.cli.output.console import Console
    from importer.commands.pull import PullOptions, PullResult
    from importer.session.control import RunControl
    from importer.settings import Settings

_SHOWN = 8  # kinds of notes; the sheet Notes has all

#: Which part of a system is read; `compare` takes them, too.
selecting: tuple[Decorator, ...] = (
    click.option("--from", "begins", metavar="DATE", default="", help="Start of the window.  [default: today]"),
    click.option("--to", "ends", metavar="DATE", default="", help="End of the window.  [default: 28 days later]"),
    click.option("--team", "teams", multiple=True, metavar="NAME", help="Only this team's schedules. Repeatable."),
    click.option("--schedule", "schedules", multiple=True, metavar="NAME", help="Only this schedule. Repeatable."),
    click.option("--exclude", multiple=True, metavar="NAME", help="Leave this schedule out. Repeatable."),
    click.option(
        "--pairs", type=FILE, metavar="FILE", help="CSV with two columns: a name in the old system, its name in Rootly."
    ),
    click.option(
        "--feed-env", metavar="NAME", default="", help="Environment variable with the secret URL of a calendar feed."
    ),
    click.option(
        "--feed-file", type=FILE, metavar="FILE", help="File with the URL of a calendar feed, or a calendar file."
    ),
    click.option(
        "--pattern",
        metavar="REGEX",
        default="",
        help="Regular expression that finds the person in an event's title, such as '(?P<person>.+?) - .*'.",
    ),
)


def read_selection(given: dict[str, Any]) -> PullOptions:
    """Take the options that say what is read out of those that are settings."""
    from importer.calendars.pulled import Selection
    from importer.commands.pull import PullOptions

    selection = Selection(given.pop("schedules"), given.pop("teams"), given.pop("exclude"))
    names = ("begins", "ends", "pairs", "feed_env", "feed_file", "pattern")
    return PullOptions(selection=selection, **{name: given.pop(name) for name in names})


@click.command()
@click.argument("system")
@click.argument("output", type=FILE)
@options(*selecting, shared_options("pull"))
@click.option(
    "--shadow-of",
    multiple=True,
    metavar="SHADOW=PRIMARY",
    help="Shifts of SHADOW become shadows of PRIMARY. Repeatable.",
)
@click.option("--backup", type=FILE, metavar="DIR", help="Read an Opsgenie backup (folder or zip) instead of the API.")
@click.option("--yes", "-y", is_flag=True, help="Overwrite existing files.")
def pull(system: str, output: Path, shadow_of: tuple[str, ...], backup: Path | None, yes: bool, **given: Any) -> None:
    """Read another system's calendar into a workbook or CSV files.

    SYSTEM is pagerduty, opsgenie or ical, the path of an .ics file, or the folder of an Opsgenie backup. OUTPUT ends in
    .xlsx or .csv, or is a folder for CSV files. Review it, then import it with run. Nothing is sent.
    """
    from dataclasses import replace

    chosen = replace(read_selection(given), shadow_of=shadow_of, backup=backup, is_replaced=yes)

    async def act(settings: Settings, control: RunControl, console: Console) -> int:
        from importer.cli.output.calendar_results import ReadingProgress
        from importer.commands.pull import pull as perform

        result = await perform(system, output, chosen, settings, control, ReadingProgress(console))
        _tell(result, settings, console)
        return 0

    perform_reading(given, act)


def _tell(result: PullResult, settings: Settings, console: Console) -> None:
    from importer.cli.output.calendar_results import print_line, print_object

    files = [str(file) for file in result.files]
    if settings.json:
        print_object({"type": "pull", "system": result.label, "files": files, "rows": result.counts})
        for subject, reason in result.notes:
            print_object({"type": "note", "about": subject, "reason": reason})
        return
    counts = ", ".join(f"{name} {number:,}" for name, number in result.counts.items())
    print_line(f"rows:     {counts}")
    kinds = Counter(reason for _, reason in result.notes)
    for reason, number in kinds.most_common(_SHOWN):
        example = next(subject for subject, one in result.notes if one == reason)
        more = f" and {number - 1} more" if number > 1 else ""
        console.tell(f"note:     {escape(example)}{more}: {escape(reason)}")
    if len(kinds) > _SHOWN:
        console.tell(f"note:     {len(kinds) - _SHOWN} more kinds of notes stand in the sheet Notes")
    for file in files:
        print_line(f"file:     {escape(file)}")
    sources = [file for file in files if not file.endswith(("notes.csv", "on-call.csv"))]
    more_options = ["--sandbox"] if settings.sandbox else []
    print_line(f"next:     {shlex.join(['oncall-importer', 'check', *sources, '--online', *more_options])}")


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
