"""The command that reads another system into a workbook."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli.execute import perform_reading
from importer.cli.options import FILE, Decorator, options, shared_options
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
