"""The commands that read other systems and the targets: pull, compare and verify. They send nothing."""

from __future__ import annotations

import re
import shlex
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli.click_options import FILE, RUN, Decorator, command, options, own_names, shared_options
from importer.cli.execute import perform_reading
from importer.wording import count_of, escape, list_first, shown_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from importer.calendars import Schedule, Window
    from importer.calendars.comparison import Compared, Comparison
    from importer.cli.console import Console
    from importer.commands.pull import PullOptions, PullResult
    from importer.commands.verify import Verification
    from importer.session.control import RunControl
    from importer.settings.options import Settings

_SHOWN = 8  # kinds of notes; the sheet Notes has all of them


def _check_pattern(context: click.Context, parameter: click.Parameter, pattern: str) -> str:
    """Refuse a pattern that is no regular expression, or does not say where the person is."""
    try:
        is_right = not pattern or "person" in re.compile(pattern).groupindex
    except re.error as error:
        raise click.BadParameter(f"{pattern} is not a regular expression: {error}", context, parameter) from error
    if not is_right:
        raise click.BadParameter(f"{pattern} has no group named person", context, parameter)
    return pattern


#: Options that select a part of a system; `compare` has them too.
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
        callback=_check_pattern,
        help="Regular expression that finds the person in an event's title, such as '(?P<person>.+?) - .*'.",
    ),
)


def read_selection(given: dict[str, Any]) -> PullOptions:
    """Separate the options that select what is read from those that are settings."""
    from importer.calendars import Selection
    from importer.commands.pull import PullOptions

    selection = Selection(given.pop("schedules"), given.pop("teams"), given.pop("exclude"))
    names = ("begins", "ends", "pairs", "feed_env", "feed_file", "pattern")
    return PullOptions(selection=selection, set_as=own_names(), **{name: given.pop(name) for name in names})


@command()
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
def pull(system: str, output: Path, shadow_of: tuple[str, ...], backup: Path | None, yes: bool, **given: Any) -> int:
    """Read another system's calendar into a workbook or CSV files.

    SYSTEM is pagerduty, opsgenie or ical, the path of an .ics file, or the folder of an Opsgenie backup. OUTPUT ends in
    .xlsx or .csv, or is a folder for CSV files. Review it, then import it with run. Nothing is sent.
    """
    from dataclasses import replace

    chosen = replace(read_selection(given), shadow_of=shadow_of, backup=backup, is_replaced=yes)

    async def act(settings: Settings, control: RunControl, console: Console) -> int:
        from importer.commands.pull import pull as perform

        result = await perform(system, output, chosen, settings, control, ReadingProgress(console))
        _show_pulled(result, settings, console)
        return 0

    return perform_reading(given, act)


def _show_pulled(result: PullResult, settings: Settings, console: Console) -> None:
    files = [str(file) for file in result.files]
    if settings.json:
        console.write_json({"type": "pull", "system": result.label, "files": files, "rows": result.counts})
        for subject, reason in result.notes:
            console.write_json({"type": "note", "about": subject, "reason": reason})
        return
    from importer.cli.next_command import kept_options

    counts = ", ".join(f"{name} {number:,}" for name, number in result.counts.items())
    console.write_line(f"rows:     {counts}")
    kinds = Counter(reason for _, reason in result.notes)
    for reason, number in kinds.most_common(_SHOWN):
        example = next(subject for subject, one in result.notes if one == reason)
        more = f" and {number - 1:,} more" if number > 1 else ""
        console.message(f"note:     {escape(example)}{more}: {escape(reason)}")
    if len(kinds) > _SHOWN:
        console.message(f"note:     {count_of(len(kinds) - _SHOWN, 'more kind')} of notes in the sheet Notes")
    _show_files(result.files, console)
    sources = [file for file in files if not file.endswith(("notes.csv", "on-call.csv"))]
    command = shlex.join(["oncall-importer", "check", *sources, "--online", *kept_options("check", settings)])
    console.write_line(f"next:     {shown_path(command)}")


@command()
@click.argument("left")
@click.argument("right")
@options(*selecting, shared_options("compare"))
@click.option("--csv", type=FILE, metavar="FILE", help="Write every difference as CSV.")
@click.option("--html", type=FILE, metavar="FILE", help="Write a page with a timeline of each schedule.")
def compare(left: str, right: str, csv: Path | None, html: Path | None, **given: Any) -> int:
    """Compare two calendars: who is on call, and when.

    Each of LEFT and RIGHT is a source (a file, a folder or a pattern), a run's folder, a pulled workbook or folder, an
    .ics file, or one of pagerduty:, opsgenie:, rootly:. Exit status 0: the same; 1: something differs; 2: a side could
    not be read.
    """
    chosen = read_selection(given)

    async def act(settings: Settings, control: RunControl, console: Console) -> int:
        from importer.commands.compare import compare_sides, rows_of
        from importer.reporter.page import write_comparison_page
        from importer.reporter.report_csv import write_texts

        comparison = await compare_sides(left, right, chosen, settings, control, ReadingProgress(console))
        files = [write_texts(csv, *rows_of(comparison))] if csv is not None else []
        files += [write_comparison_page(html, comparison)] if html is not None else []
        show_comparison(comparison, files, settings, console)
        return 0 if comparison.is_same else 1

    return perform_reading(given, act)


@command()
@click.argument("run", type=RUN)
@shared_options("verify")
@click.option("--csv", type=FILE, metavar="FILE", help="Write a line for each record as CSV.")
def verify(run: str, csv: Path | None, **given: Any) -> int:
    """Ask the targets whether all that a run created is still there.

    Each record must be unchanged, there only once, and shown in the target's calendar. RUN is a run's folder or its
    name. Exit status 0: all is well; 1: something is not; 2: a target could not be asked.
    """
    return perform_reading(given, partial(verify_run, run, csv=csv))


async def verify_run(
    run: str, settings: Settings, control: RunControl, console: Console, csv: Path | None = None
) -> int:
    """Verify a run and show the result; return the exit status."""
    from importer.commands.verify import add_to_page, write_verification
    from importer.commands.verify import verify as perform

    verification = await perform(run, settings, control, ReadingProgress(console))
    show_verification(verification, settings, console)  # before the files, which may not be writable
    files = [write_verification(csv, verification)] if csv is not None else []
    files += add_to_page(verification)
    if not settings.json:
        _show_files(files, console)
    return 1 if verification.wrong else 0


# ---- what these commands print


_SECONDS_BETWEEN = 5.0  # two lines of progress


class ReadingProgress:
    """Prints every few seconds how much has been read, and the time left."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._began = self._last = clock()

    def __call__(self, done: int, of: int, what: str) -> None:
        """Print a line if some seconds have passed since the last one."""
        now = self._clock()
        if now - self._last < _SECONDS_BETWEEN or not done:
            return
        self._last = now
        left = (now - self._began) / done * (of - done)
        self._console.message(f"{done:,} of {of:,} {what} read, about {left:.0f} s left", style="dim")


_MOST = 12  # differences shown; --csv has all of them


def show_comparison(comparison: Comparison, files: Sequence[Path], settings: Settings, console: Console) -> None:
    """Show a comparison: the first differences of each schedule, gaps, schedules without a partner, the sum."""
    if settings.json:
        _print_objects(comparison, console)
        return
    for label, note in comparison.notes:
        about = ": ".join(map(escape, dict.fromkeys((label, note.subject))))  # a note can be about the side as a whole
        console.message(f"note:     {about}: {escape(note.reason)}", style="dim")
    differing = [one for one in comparison.compared if one.differences or one.unknown]
    left = _MOST
    for compared in differing:
        left -= _show_schedule(comparison, compared, left, console)
    hidden = sum(len(one.differences) for one in differing) - (_MOST - left)
    if hidden > 0:
        console.write_line(f"... and {count_of(hidden, 'more interval')}; --csv FILE writes all")
    labels = escape(comparison.left.label), escape(comparison.right.label)
    _show_alone(labels[0], comparison.only_left, console)
    _show_alone(labels[1], comparison.only_right, console)
    _show_gaps(labels[0], [gap for one in comparison.compared for gap in one.left_gaps], console)
    _show_gaps(labels[1], [gap for one in comparison.compared for gap in one.right_gaps], console)
    number = count_of(sum(bool(one.differences) for one in differing), "schedule")
    unknown = sum(bool(one.unknown) for one in differing)
    verdict = "the same" if comparison.is_same else f"{_minutes(comparison.minutes)} differ on {number}"
    verdict += f", {count_of(unknown, 'schedule')} not known all the time" if unknown else ""
    left_out = comparison.left.left_out + comparison.right.left_out
    verdict += f", {count_of(left_out, 'row')} left out" if left_out else ""
    paired = count_of(len(comparison.compared), "schedule")
    console.write_line(f"compared: {paired}, {labels[0]} with {labels[1]}: {verdict}")
    _show_files(files, console)


def _show_files(files: Sequence[Path], console: Console) -> None:
    for file in files:
        console.write_line(f"file:     {shown_path(file)}")


def _show_schedule(comparison: Comparison, compared: Compared, most: int, console: Console) -> int:
    """Show the first differences of a schedule; return how many."""
    from importer.calendars import clock
    from importer.calendars.comparison import describe_people

    def name(person: str) -> str:
        return escape(comparison.name(person))

    zone = compared.zone
    intervals = count_of(len(compared.differences), "interval")
    console.write_line(f"{escape(compared.name)}: {_minutes(compared.minutes)} differ, in {intervals}")
    shown = compared.differences[: max(0, most)]
    for one in shown:
        span = f"{clock(one.start, zone)} to {clock(one.end, zone)}"
        console.write_line(f"  {span}  {describe_people(one.left, name)}  |  {describe_people(one.right, name)}")
    for side, spans in ((comparison.left, compared.left_unknown), (comparison.right, compared.right_unknown)):
        for start, end in spans:
            what = f"unknown: {escape(side.label)} does not cover it"
            console.write_line(f"  {clock(start, zone)} to {clock(end, zone)}  {what}")
    return len(shown)


def _show_alone(label: str, schedules: Sequence[Schedule], console: Console) -> None:
    if schedules:
        names = list_first([escape(one.name) for one in schedules], _MOST)
        console.write_line(f"only in {label}: {names} (pair them with --pairs FILE, or leave them out)")


def _show_gaps(label: str, gaps: Sequence[Window], console: Console) -> None:
    if gaps:
        total = _minutes(sum(end - start for start, end in gaps) / 60)
        console.write_line(f"nobody on call in {label}: {total} in {count_of(len(gaps), 'interval')}")


def _print_objects(comparison: Comparison, console: Console) -> None:
    from importer.commands.compare import rows_of

    header, rows = rows_of(comparison)
    for row in rows:
        console.write_json({"type": "difference", **dict(zip(header, row, strict=True))})
    for label, note in comparison.notes:
        console.write_json({"type": "note", "side": label, "about": note.subject, "reason": note.reason})
    labels = {"left": comparison.left.label, "right": comparison.right.label}
    result = {"schedules": len(comparison.compared), "minutes": comparison.minutes, "same": comparison.is_same}
    console.write_json({"type": "comparison", **labels, **result})


def _minutes(minutes: float) -> str:
    return f"{minutes / 60:,.1f} h" if minutes >= 60 else count_of(round(minutes), "minute")


def show_verification(verification: Verification, settings: Settings, console: Console) -> None:
    """Show a verification: the records that are not as the run made them, then the number that are."""
    wrong = verification.wrong
    if settings.json:
        for one in verification.records:
            console.write_json({"type": "verified", **one._asdict()})
        counts = {"good": len(verification.records) - len(wrong), "wrong": len(wrong)}
        console.write_json({"type": "verification", "run": verification.run, **counts})
        return
    named = [one for one in wrong if not one.hint]
    for one in named[:_MOST]:
        detail = f": {escape(one.detail)}" if one.detail else ""
        part = f" ({escape(one.part)})" if one.part else ""
        what = f"{one.found}{detail}; {one.kind} {escape(one.id)}, {escape(one.words, 500)}"
        console.write_line(f"{escape(one.sheet)} row {one.row}{part}: {what}")
    if len(named) > _MOST:
        console.write_line(f"... and {len(named) - _MOST:,} more; --csv FILE writes them all")
    for (words, hint), number in Counter((one.detail, one.hint) for one in wrong if one.hint).items():
        console.write_line(f"undone:   {escape(words)}  ({count_of(number, 'record')})")
        console.write_line(f"  {hint}")
    good = count_of(len(verification.records) - len(wrong), "record")
    calendar = f", {verification.shown:,} shown in the calendar" if verification.shown else ""
    console.write_line(f"verified: {good} as {verification.run} made them{calendar}, {len(wrong):,} not")
