"""What pull, compare and verify print: lines for people, objects for programs, and how far the reading is."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from rich.text import Text

from importer.cli.output.terminal import Stream
from importer.quoting import escape
from importer.wording import count_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from importer.calendars.comparison import Compared
    from importer.calendars.intervals import Role, Schedule, Window
    from importer.cli.output.console import Console
    from importer.commands.compare import Sides
    from importer.commands.verify import Verification
    from importer.settings import Settings

_SECONDS_BETWEEN = 5.0  # two lines of progress


def print_line(text: str) -> None:
    """Print one line of a result on standard output."""
    Stream(highlight=False).print(Text(text), soft_wrap=True)


def print_object(value: Mapping[str, object]) -> None:
    """Print one JSON object on standard output."""
    print_line(json.dumps(value))


class ReadingProgress:
    """Tells every few seconds how far a reading is, and how long it takes yet."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._began = self._told = clock()

    def __call__(self, done: int, of: int, what: str) -> None:
        """Print it where some seconds have passed since the last time."""
        now = self._clock()
        if now - self._told < _SECONDS_BETWEEN or not done:
            return
        self._told = now
        left = (now - self._began) / done * (of - done)
        self._console.tell(f"{done:,} of {of:,} {what} read, about {left:.0f} s left", style="dim")


_MOST = 12  # differences shown; --csv has all


def show_comparison(sides: Sides, files: Sequence[Path], settings: Settings, console: Console) -> None:
    """Show what a comparison came to: the first differences of each schedule, gaps, schedules alone, the sum."""
    comparison = sides.comparison
    if settings.json:
        _print_objects(sides)
        return
    for label, note in sides.notes:
        console.tell(f"note:     {escape(label)}: {escape(note.subject)}: {escape(note.reason)}", style="dim")
    differing = [one for one in comparison.compared if one.differences or one.unknown]
    left = _MOST
    for compared in differing:
        left -= _show_schedule(sides, compared, left)
    hidden = sum(len(one.differences) for one in differing) - (_MOST - left)
    if hidden > 0:
        print_line(f"... and {hidden:,} more intervals; --csv FILE writes them all")
    _show_alone(sides.left.label, comparison.only_left)
    _show_alone(sides.right.label, comparison.only_right)
    if comparison.tells_gaps:
        _show_gaps(sides.left.label, [gap for one in comparison.compared for gap in one.left_gaps])
        _show_gaps(sides.right.label, [gap for one in comparison.compared for gap in one.right_gaps])
    paired = count_of(len(comparison.compared), "schedule")
    total = _minutes(sum(one.minutes for one in comparison.compared))
    number = count_of(sum(bool(one.differences) for one in differing), "schedule")
    unknown = sum(bool(one.unknown) for one in differing)
    verdict = "the same" if comparison.is_same else f"{total} differ on {number}"
    verdict += f", {count_of(unknown, 'schedule')} not known all the time" if unknown else ""
    print_line(f"compared: {paired}, {escape(sides.left.label)} with {escape(sides.right.label)}: {verdict}")
    for file in files:
        print_line(f"file:     {escape(str(file))}")


def _show_schedule(sides: Sides, compared: Compared, most: int) -> int:
    """Show the first differences of a schedule; return how many."""
    pair = compared.pair
    name = pair.left.name if pair.left.name == pair.right.name else f"{pair.left.name} = {pair.right.name}"
    intervals = count_of(len(compared.differences), "interval")
    print_line(f"{escape(name)}: {_minutes(compared.minutes)} differ, in {intervals}")
    zone = pair.left.zone or pair.right.zone
    shown = compared.differences[: max(0, most)]
    for one in shown:
        span = f"{_clock(one.start, zone)} to {_clock(one.end, zone)}"
        print_line(f"  {span}  {_people(sides, one.left)}  |  {_people(sides, one.right)}")
    for label, spans in ((sides.left.label, compared.left_unknown), (sides.right.label, compared.right_unknown)):
        for start, end in spans:
            print_line(f"  {_clock(start, zone)} to {_clock(end, zone)}  unknown: {escape(label)} does not cover it")
    return len(shown)


def _show_alone(label: str, schedules: Sequence[Schedule]) -> None:
    if schedules:
        names = ", ".join(escape(one.name) for one in schedules[:_MOST])
        more = f" and {len(schedules) - _MOST} more" if len(schedules) > _MOST else ""
        print_line(f"only in {escape(label)}: {names}{more} (pair them with --pairs FILE, or leave them out)")


def _show_gaps(label: str, gaps: Sequence[Window]) -> None:
    if gaps:
        total = _minutes(sum(end - start for start, end in gaps) / 60)
        print_line(f"nobody on call in {escape(label)}: {total} in {count_of(len(gaps), 'interval')}")


def _print_objects(sides: Sides) -> None:
    from importer.commands.compare import rows_of

    header, rows = rows_of(sides)
    for row in rows:
        print_object({"type": "difference", **dict(zip(header, row, strict=True))})
    for label, note in sides.notes:
        print_object({"type": "note", "side": label, "about": note.subject, "reason": note.reason})
    minutes = sum(one.minutes for one in sides.comparison.compared)
    result = {"schedules": len(sides.comparison.compared), "minutes": minutes, "same": sides.comparison.is_same}
    print_object({"type": "comparison", "left": sides.left.label, "right": sides.right.label, **result})


def _people(sides: Sides, found: frozenset[tuple[str, Role]]) -> str:
    from importer.calendars.intervals import Role

    named = [
        escape(sides.name(person)) + ("" if role is Role.ON_CALL else f" ({role})") for person, role in sorted(found)
    ]
    return ", ".join(named) or "nobody"


def _minutes(minutes: float) -> str:
    return f"{minutes / 60:,.1f} h" if minutes >= 60 else count_of(round(minutes), "minute")


def _clock(moment: int, zone: str) -> str:
    from importer.calendars.intervals import local_time

    return local_time(moment, zone).strftime("%a %Y-%m-%d %H:%M %Z")


def show_verification(verification: Verification, files: Sequence[Path], settings: Settings) -> None:
    """Show what verifying came to: the records that are not as the run made them, then how many are."""
    from importer.commands.verify import words_of

    wrong = [one for one in verification.records if not one.is_good]
    if settings.json:
        for one in verification.records:
            print_object({"type": "verified", **one._asdict()})
        counts = {"good": len(verification.records) - len(wrong), "wrong": len(wrong)}
        print_object({"type": "verification", "run": verification.run, **counts})
        return
    for one in wrong[:_MOST]:
        detail = f": {escape(one.detail)}" if one.detail else ""
        part = f" ({one.part})" if one.part else ""
        what = f"{words_of(one)}{detail}; {one.kind} {escape(one.id)}, {one.words}"
        print_line(f"{escape(one.sheet)} row {one.row}{part}: {what}")
    if len(wrong) > _MOST:
        print_line(f"... and {len(wrong) - _MOST:,} more; --csv FILE writes them all")
    shown = sum(one.is_rendered is True for one in verification.records)
    good = count_of(len(verification.records) - len(wrong), "record")
    calendar = f", {shown:,} shown in the calendar" if shown else ""
    print_line(f"verified: {good} as {verification.run} made them{calendar}, {len(wrong):,} not")
    for file in files:
        print_line(f"file:     {escape(str(file))}")
