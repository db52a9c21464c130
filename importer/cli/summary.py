"""Describes plans and results for people: the plan, what would happen, the table of statuses. Prints nothing."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from rich.text import Text

from importer.cli.findings import TONE_STYLES, place_of
from importer.cli.json_lines import deletions
from importer.cli.past_runs import duration, row_line
from importer.records import FindingKind, ReportLine, Severity, Sheet
from importer.result import Expected, Overview, Result
from importer.session.control import Plan, Tried
from importer.statuses import Status
from importer.wording import count_of, escape

# ---- the plan


def describe_plan(plan: Plan) -> str:
    """Return how many records go where, and how many do not."""
    return _describe_undo(plan) if plan.undo_of else _describe_run(plan)


def how_long(plan: Plan, before: str) -> str:
    """Return about how long a plan takes, after the words `before`; empty if it is less than a minute."""
    if plan.seconds < 60:
        return ""
    days = plan.seconds / 86400
    return f"{before}about {count_of(round(days), 'day') if days >= 2 else duration(plan.seconds)}"


def _describe_run(plan: Plan) -> str:
    parts = [count_of(plan.rows, "row")]
    parts += [f"{number:,} for {target} ({plan.base_urls[target]})" for target, number in plan.to_send.items()]
    if plan.to_bind:
        parts.append(f"{count_of(plan.to_bind, 'schedule')} to be added to {count_of(plan.groups, 'Opal group')}")
    parts += [f"{plan.invalid:,} invalid"] if plan.invalid else []
    parts += [f"{plan.duplicates:,} duplicate"] if plan.duplicates else []
    return f"run {plan.run}: {', '.join(parts)}{how_long(plan, ', ')}"


def _describe_undo(plan: Plan) -> str:
    parts = [count_of(plan.rows, "record")]
    where = ", ".join(plan.base_urls[target] for target in plan.to_unbind)
    parts += [f"{count_schedules(plan)} to be taken out of {count_groups(plan)} ({where})"] if plan.to_unbind else []
    by_target = deletions(plan).items()
    parts += [f"{number:,} to delete at {target} ({plan.base_urls[target]})" for target, number in by_target]
    parts += [f"{plan.done:,} undone before"] if plan.done else []
    parts += [f"{number:,} to be removed by hand: {target} cannot delete" for target, number in plan.by_hand.items()]
    return f"undo of run {plan.undo_of}: {', '.join(parts)}{how_long(plan, ', ')}"


def count_schedules(plan: Plan) -> str:
    """Return how many schedules an undo takes out of groups."""
    return count_of(sum(plan.to_unbind.values()), "schedule")


def count_groups(plan: Plan) -> str:
    """Return how many groups of Opal a plan changes."""
    return count_of(plan.groups, "Opal group")


# ---- what would happen

_FOR_IDS = 120  # columns of a terminal with room for an id after a name
_MOST_REPEATED = 3  # rows for which a plan shows first and last


def describe_overview(overview: Overview, room: int | None, width: int) -> Iterator[Text]:
    """Yield what would happen, in `room` lines: by person, by schedule, or the first schedules; None: by person."""
    is_short = room is not None and room < len(overview.repeated)
    repeated = list(_repeated_lines(overview, _MOST_REPEATED if is_short else len(overview.repeated), width))
    lines: Iterable[Text] = _lines_of(overview, width, is_deep=True)
    if room is not None:
        room = max(0, room - len(repeated))
        # One line too many is enough to know that: there can be 80,000 people.
        for found in (lines, _lines_of(overview, width, is_deep=False)):
            lines = list(islice(found, room + 1))
            if len(lines) <= room:
                break
        else:
            lines = _lines_of(overview, width, is_deep=False, room=room)
    for line in chain(lines, repeated):
        line.truncate(max(width, 40), overflow="ellipsis")
        yield line


def _lines_of(overview: Overview, width: int, *, is_deep: bool, room: int | None = None) -> Iterator[Text]:
    """Yield a line for each target, below it its schedules, and below those their people; only the first ones."""
    by_target: dict[str, list[Expected]] = {}
    for one in overview.expected:
        by_target.setdefault(one.target, []).append(one)
    for target, own in by_target.items():
        asked = "" if overview.is_asked else ", not asked what exists"
        yield Text.assemble((f"{target}", "bold"), f"{asked}: {_count_actions(own)}")
        lines = _schedule_lines(own, width, is_deep=is_deep)
        if room is None:
            yield from lines
            continue
        most = max(1, room // len(by_target) - 1)
        shown, rest = list(islice(lines, most)), sum(1 for _ in lines)
        yield from shown[: most - 1] if rest else shown
        if rest:
            yield Text(f"  ... and {rest + 1:,} more; --all prints every one", style="dim")


def _shown(name: str, width: int) -> str:
    """Shorten the id after a name if there is little room: people know the name, and a plan has the whole id."""
    return escape(re.sub(r"\(([^()]{8})[^()]{5,}\)$", r"(\1…)", name) if width < _FOR_IDS else name, 80)


def _schedule_lines(own: Sequence[Expected], width: int, *, is_deep: bool) -> Iterator[Text]:
    places: dict[tuple[str, str], list[Expected]] = {}
    for one in own:
        places.setdefault((one.schedule, one.schedule and one.kind), []).append(one)
    for (schedule, _), those in places.items():
        if not schedule:
            yield from (Text(f"  {_shown(one.person, width)}: {_count_actions([one])}") for one in those)
            continue
        name = _shown(schedule, width)
        if len(those) == 1 and is_deep and len(whole := f"  {name}: {_of_person(those[0], width)}") <= width:
            yield Text(whole)
        else:
            yield Text(f"  {name}: {_count_actions(those)}{_days(those)}")
            yield from (Text(f"    {_of_person(one, width)}") for one in those if is_deep)


def _of_person(one: Expected, width: int) -> str:
    return f"{_shown(one.person, width)}: {_count_actions([one])}{_days([one])}"


def _count_actions(those: Sequence[Expected]) -> str:
    """Count what would happen: `12 shadows to create, 2 exist`."""
    numbers: Counter[tuple[str, str]] = Counter()
    for one in those:
        for action, number in one.numbers.items():  # there can be 80,000 people: Counter.update takes twice as long
            numbers[one.kind, action] += number
    return ", ".join(
        _WORDS.get(action, "{} " + action).format(count_of(number, "schedule" if kind == "Opal group" else kind))
        for (kind, action), number in numbers.items()
    )


_WORDS = {
    "create": "{} to create",
    "replace": "{} to create in place of others",
    "exists": "{} there already",
    "add to group": "{} to add to the group",
    "look up": "{} with names to look up",
}


def _days(those: Sequence[Expected]) -> str:
    first = min((one.first for one in those if one.first), default="")
    last = max((one.last for one in those), default="")
    return (f", {first} to {last}" if first != last else f", {first}") if first else ""


def _repeated_lines(overview: Overview, most: int, width: int) -> Iterator[Text]:
    if overview.repeated:
        yield Text("rows that repeat", style="bold")
    for one in overview.repeated[:most]:
        where = place_of(one.sheet, "", one.row, one.row)
        span = f"from {one.first} to {one.last} {one.timezone}"
        whole = f"  {where}: {one.number:,} times, {span}"
        yield from map(Text, [whole] if len(whole) <= width else [f"  {where}: {one.number:,} times,", f"    {span}"])
    if (more := overview.repeated_rows - most) > 0:
        yield Text(f"  ... and {count_of(more, 'more row')}", style="dim")


# ---- the table of statuses


class StatusRow(NamedTuple):
    """One row of the table."""

    name: str
    style: str
    meaning: str
    numbers: Mapping[str, int]  #: by target; empty if there is none

    @property
    def total(self) -> int:
        """The number for all targets."""
        return sum(self.numbers.values())


def status_rows(result: Result) -> list[StatusRow]:
    """Return a row for each status that any record has."""
    is_undo = bool(result.undone)
    return [
        StatusRow(status.value, TONE_STYLES[status.tone], status.meaning(is_undo=is_undo), _numbers(result, status))
        for status in result.statuses
    ]


def check_rows(result: Result) -> list[StatusRow]:
    """Return the rows for a check: pending records are good, or their names are still to be looked up."""
    rows = [row for row in status_rows(result) if row.name != Status.PENDING]
    pending = _numbers(result, Status.PENDING)
    unresolved = result.unresolved
    good = {target: number - unresolved.get(target, 0) for target, number in pending.items()}
    is_ended_early = bool(result.stopped) or result.is_interrupted
    if any(good.values()):
        meaning = "valid; not all were asked about, see below" if is_ended_early else "ready to be sent"
        rows.append(StatusRow("good", "green", meaning, good))
    if unresolved:
        meaning = "names that could not be looked up" if is_ended_early else "names; check --online looks them up"
        rows.append(StatusRow("to look up", "yellow", meaning, unresolved))
    return rows


def _numbers(result: Result, status: Status) -> dict[str, int]:
    return {target: number for (target, own), number in result.counts.items() if own is status}


# ---- the end, and the first records


def name_file(file: Path, result: Result) -> str:
    """Return a file's label: report, junit, plan or marked."""
    if result.folder is not None:
        return "report: " if file.parent == result.folder else "junit:  "
    return "plan:   " if file == result.plan else "marked: " if file.suffix == ".xlsx" else "junit:  "


def lines_without_finding(result: Result, kinds: Iterable[FindingKind]) -> Sequence[tuple[Sheet, ReportLine]]:
    """Return the lines that need attention and that no finding has shown.

    `kinds` are the findings that were shown; what a target says about a row comes after them.
    """
    topics = {kind.topic for kind in kinds if kind.severity is Severity.PROBLEM}
    problems = ((sheet, one) for sheet, one in result.findings if one.severity is Severity.PROBLEM)
    shown = {(sheet.original, sheet.name, one.row.number) for sheet, one in problems if one.problem.topic in topics}
    are_all = len(result.findings) == sum(number for _, _, number in result.topics)
    return [
        (sheet, line)
        for sheet, line in result.problems
        if line.outcome.status is not Status.INVALID
        or (are_all and (sheet.original, sheet.name, line.row) not in shown)
    ]


def drop_explained(lines: Sequence[tuple[Sheet, ReportLine]], result: Result) -> list[tuple[Sheet, ReportLine]]:
    """Leave out what was sent once and whose row makes no sense any more, if a finding about the row says so."""
    messages: defaultdict[tuple[str, str, int], list[str]] = defaultdict(list)
    for sheet, one in result.findings:
        if one.severity is Severity.PROBLEM:
            messages[sheet.original, sheet.name, one.row.number].append(one.problem.message)
    return [
        (sheet, line)
        for sheet, line in lines
        if line.outcome.status is not Status.UNKNOWN
        or not any(words in line.outcome.error for words in messages.get((sheet.original, sheet.name, line.row), ()))
    ]


def tried_line(row: Tried, *, is_screen: bool) -> Text:
    """Return the outcome of one of the first records, and its address: on a terminal on a line of its own."""
    between = "\n    " if is_screen else "  "
    link = f"{between}{escape(row.link, 4096)}" if row.link else ""
    return Text("  ") + row_line(row.sheet, row.line, about=row.words) + Text(link, style="cyan")
