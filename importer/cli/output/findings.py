"""What a check found, for people: grouped by kind, each with its cell, what is wrong and how to mend it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from rich.text import Text

from importer.quoting import escape
from importer.records import Severity
from importer.wording import count_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from importer.records import Finding, Sheet
    from importer.result import Result


_SHOWN = 1000  # of all kinds together, where a person reads
_STYLES = {Severity.PROBLEM: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
_Findings = list[tuple["Sheet", "Finding"]]


def describe_findings(result: Result) -> Iterator[Text]:
    """Give the lines to print: problems first, then warnings, then what will be looked up."""
    groups: defaultdict[tuple[Severity, str], _Findings] = defaultdict(list)
    for sheet, finding in result.findings:
        groups[finding.severity, finding.problem.topic].append((sheet, finding))
    shares = _shares({key: len(found) for key, found in groups.items()})
    for severity in Severity:
        for own, topic, number in result.topics:
            if own is severity:
                yield from _describe_group(
                    severity,
                    topic,
                    number,
                    groups[severity, topic][: shares.get((own, topic), 0)],
                    with_source=result.sources > 1,
                )


def _shares(sizes: Mapping[tuple[Severity, str], int]) -> dict[tuple[Severity, str], int]:
    """Say how many of each group are shown: all where there is room, else small groups in full, large ones in part."""
    left, shares = _SHOWN, {}
    for number, (key, size) in enumerate(sorted(sizes.items(), key=lambda item: item[1])):
        shares[key] = min(size, max(1, left // (len(sizes) - number)))
        left -= shares[key]
    return shares


def _describe_group(
    severity: Severity, topic: str, number: int, shown: Sequence[tuple[Sheet, Finding]], *, with_source: bool
) -> Iterator[Text]:
    yield Text()
    heading = f"{severity.value}: {escape(topic, 200) or 'other'}"
    yield Text.assemble((heading, f"bold {_STYLES[severity]}"), f"  ({count_of(number, 'cell')})")
    hints = {finding.problem.hint for _, finding in shown}
    if len(hints) == 1 and (hint := hints.pop()):
        yield Text(f"  {escape(hint, 300)}", style="dim")
    for sheet, finding in shown:
        yield _describe(sheet, finding, with_hint=bool(hints), with_source=with_source)
    if number > len(shown):
        yield Text(f"  ... and {number - len(shown)} more; --output FILE marks them all in a workbook", style="dim")


def place_of(sheet: Sheet, cell: str, row: int, *, with_source: bool) -> str:
    """Name a cell, or the row where there is none; sheets of several sources can have one name."""
    source = f"{escape(sheet.source)}, " if with_source else ""
    return f"{source}{escape(sheet.name)} {cell or f'row {row}'}"


def _describe(sheet: Sheet, finding: Finding, *, with_hint: bool, with_source: bool) -> Text:
    problem = finding.problem
    where = place_of(sheet, problem.cell, finding.row.number, with_source=with_source)
    text = Text(f"  {where}: {escape(problem.message, 300)}")
    if with_hint and problem.hint:
        text.append(f" ({escape(problem.hint, 300)})", style="dim")
    return text


def list_findings(result: Result) -> Iterator[dict[str, object]]:
    """Give one object for each thing found, for programs."""
    for sheet, finding in result.findings:
        problem = finding.problem
        yield {
            "severity": finding.severity,
            "topic": problem.topic,
            "source": sheet.source,
            "sheet": sheet.name,
            "row": finding.row.number,
            "column": problem.column,
            "cell": problem.cell,
            "value": _value(sheet, finding),
            "status": "invalid" if finding.severity is Severity.PROBLEM else None,
            "error": problem.message,
            "hint": problem.hint,
        }


def _value(sheet: Sheet, finding: Finding) -> str | None:
    """Give the text of the cell that is meant."""
    letters = finding.problem.cell.rstrip("0123456789")
    if not letters:
        return None
    position = 0
    for letter in letters:
        position = position * 26 + ord(letter) - ord("A") + 1
    try:
        return finding.row.cells[sheet.positions.index(position - 1)]
    except ValueError:
        return None
