"""Describes findings for people: by kind, each with a count, what to do, and examples with their cells."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from rich.text import Text

from importer.kinds import Names, describe_line
from importer.records import Finding, FindingKind, ReportLine, Severity, Sheet, name_table
from importer.statuses import Status, Tone
from importer.wording import count_of, escape

#: Colours of a terminal.
TONE_STYLES: Mapping[Tone, str] = {
    Tone.GOOD: "green",
    Tone.SAME: "cyan",
    Tone.BAD: "red",
    Tone.DOUBT: "yellow",
    Tone.WAITING: "yellow",
}
EXAMPLES = 3  #: shown of each kind
_ORDER = {severity: place for place, severity in enumerate(Severity)}
_STYLES = {Severity.PROBLEM: Tone.BAD, Severity.WARNING: Tone.DOUBT, Severity.NOTE: Tone.SAME}
_LONGEST = 160  # characters of a heading
# Of texts that are cut only if foreign, because their end says what else can be meant, or what to do.
_WHOLE = 500
_MORE = "--all prints every one"
# Ids and numbers, in which otherwise equal sentences differ from record to record.
_NUMBERED = re.compile(r"[\w.:@/-]*\d[\w.:@/-]*")


class CellPlace(NamedTuple):
    """The place of a finding; sheets of several sources can have the same name."""

    table: str  #: a sheet of the source; for a report that was read back, its file and sheet
    cell: str  #: in the table, or the row if there is no cell

    def __str__(self) -> str:
        return f"{self.table} {self.cell}"


class Example(NamedTuple):
    """One example of a kind."""

    where: CellPlace
    words: str  #: what is wrong there; empty if the kind says everything
    hint: str


class FindingGroup(NamedTuple):
    """What is shown about one kind."""

    heading: str
    style: str
    number: int
    noun: str  #: what is counted
    examples: Sequence[Example]
    is_cut: bool = False  #: there may be more than were counted

    @property
    def hint(self) -> str:
        """What to do, if it is the same for all; empty if each has its own."""
        hints = {example.hint for example in self.examples}
        return hints.pop() if len(hints) == 1 else ""


def groups_of_kinds(kinds: Iterable[FindingKind]) -> list[FindingGroup]:
    """Return the kinds of findings: problems first, then warnings, then what will be looked up."""
    return [
        FindingGroup(
            f"{kind.severity.value}: {escape(kind.topic, _LONGEST) or 'other'}",
            TONE_STYLES[_STYLES[kind.severity]],
            kind.number,
            "cell" if any(finding.problem.cell for _, finding in kind.examples) else "row",
            [_example(kind, sheet, finding) for sheet, finding in kind.examples],
        )
        for kind in sorted(kinds, key=lambda kind: _ORDER[kind.severity])
    ]


def _example(kind: FindingKind, sheet: Sheet, finding: Finding) -> Example:
    problem = finding.problem
    # A message can repeat the heading: `End is empty`, `the sheet has no column end`.
    words = "" if problem.message.removeprefix("the ") == kind.topic else escape(problem.message, _WHOLE)
    return Example(_place_of_finding(sheet, finding), words, escape(problem.hint, _WHOLE))


def groups_of_lines(
    lines: Iterable[tuple[Sheet, ReportLine]], names: Names, *, is_cut: bool = False
) -> list[FindingGroup]:
    """Return the outcomes of records, grouped by status and error, the largest groups first.

    `is_cut`: the lines are only the first ones.
    """
    groups: defaultdict[tuple[Status, str], list[tuple[Sheet, ReportLine]]] = defaultdict(list)
    for sheet, line in lines:
        groups[line.outcome.status, _NUMBERED.sub("...", line.outcome.error)].append((sheet, line))
    found = []
    for (status, pattern), own in sorted(groups.items(), key=lambda item: -len(item[1])):
        first = own[0][1].outcome.error
        alike = all(line.outcome.error == first for _, line in own)
        examples = []
        for sheet, line in own[:EXAMPLES]:
            about = escape(describe_line(line, names, is_named=True), _LONGEST)
            words = ": ".join(filter(None, (about, "" if alike else escape(line.outcome.error, _WHOLE))))
            examples.append(Example(place_of_line(sheet, line), words, escape(line.outcome.hint, _WHOLE)))
        words = escape(first if alike else pattern, _LONGEST) or status.meaning(is_undo=False)
        heading = f"{status.value}: {words}"
        found.append(FindingGroup(heading, TONE_STYLES[status.tone], len(own), "record", examples, is_cut))
    return found


def describe_groups(groups: Sequence[FindingGroup], room: int, width: int) -> Iterator[Text]:
    """Yield the description of groups in a number of lines: all by name, the first ones with hint and examples."""
    if len(groups) > room:
        shown = groups[: max(1, room - 1)]
        for group in shown:
            yield _in_one(group, width)
        left = groups[len(shown) :]
        numbers: Counter[str] = Counter()
        for group in left:
            numbers[group.heading.partition(":")[0]] += group.number
        what = ", ".join(count_of(number, word, "" if word in _ORDER else word) for word, number in numbers.items())
        yield Text(f"... and {count_of(len(left), 'more kind')} ({what}); {_MORE}", style="dim")
        return
    blocks = [[_in_one(group, width)] for group in groups]
    left_room = room - len(blocks)
    for describe in (_in_two, _in_full):
        for place, group in enumerate(groups):
            lines = list(describe(group))
            if len(lines) - len(blocks[place]) <= left_room:
                left_room -= len(lines) - len(blocks[place])
                blocks[place] = lines
    for lines in blocks:
        yield from lines


def _in_full(group: FindingGroup) -> Iterator[Text]:
    if group.hint and not any(example.words for example in group.examples):  # only the places differ
        yield from _in_two(group)
        return
    yield _heading(group)
    if group.hint:
        yield Text(f"  {group.hint}", style="dim")
    for where, words, hint in group.examples:
        line = Text(f"  {where}: {words}" if words else f"  {where}")
        yield line if group.hint or not hint else line.append(f" ({hint})", style="dim")
    if group.number > len(group.examples):
        yield Text(f"  ... and {group.number - len(group.examples):,} more; {_MORE}", style="dim")


def _in_two(group: FindingGroup) -> Iterator[Text]:
    yield _heading(group).append(_places(group))
    if group.hint:
        yield Text(f"  {group.hint}", style="dim")


def _in_one(group: FindingGroup, width: int) -> Text:
    line = _heading(group).append(_places(group))
    hint = f"  {group.hint}"
    return line.append(hint, style="dim") if len(line) + len(hint) < width else line


def _heading(group: FindingGroup) -> Text:
    number = f"{count_of(group.number, group.noun)}{' or more' if group.is_cut else ''}"
    return Text.assemble((group.heading, f"bold {group.style}"), f"  ({number})")


def _places(group: FindingGroup) -> str:
    """Name the places of the examples, each table once."""
    tables = [list(own) for _, own in groupby((one.where for one in group.examples), key=lambda where: where.table)]
    places = ", ".join(f"{table[0].table} {', '.join(where.cell for where in table)}" for table in tables)
    return f" {places}{', ...' if group.number > len(group.examples) else ''}"


def place_of(sheet: Sheet, cell: str, row: int, place: int, *, part: str = "") -> CellPlace:
    """Name a cell, or the row if there is none; `place` is the row in the file just read.

    A place in a report that was read back is named first as in the report, then as in the source.
    """
    behind = f", part {escape(part)}" if part else ""
    if sheet.table:
        table = name_table(sheet.source, sheet.table) if sheet.is_of_several else sheet.report
        return CellPlace(escape(table), f"{escape(cell) or f'row {place}'} ({escape(sheet.name)} row {row}{behind})")
    table = name_table(sheet.source, sheet.name) if sheet.is_of_several else sheet.name
    return CellPlace(escape(table, 300), f"{escape(cell) or f'row {row}'}{behind}")


def place_of_line(sheet: Sheet, line: ReportLine) -> CellPlace:
    """Name the cell of a line, or its row, with its part."""
    return place_of(sheet, line.outcome.cell, line.row, line.place, part=line.part)


def _place_of_finding(sheet: Sheet, finding: Finding) -> CellPlace:
    return place_of(sheet, finding.problem.cell, finding.row.number, finding.row.place)


def finding_line(sheet: Sheet, finding: Finding) -> Text:
    """Return one complete finding, as a line to search."""
    problem, where = finding.problem, _place_of_finding(sheet, finding)
    text = Text.assemble((f"{finding.severity.value} ", TONE_STYLES[_STYLES[finding.severity]]), f"{where}: ")
    text.append(escape(problem.message, _WHOLE))
    if problem.hint:
        text.append(f" ({escape(problem.hint, _WHOLE)})", style="dim")
    return text
