"""What a command says, for programs: JSON objects, each with a `type`, and GitHub's annotations. Prints nothing."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from importer.cells import column_of
from importer.records import Severity
from importer.statuses import Status, possible_statuses
from importer.wording import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from importer.notice import Notice
    from importer.records import Finding, ReportLine, Sheet, TargetName
    from importer.result import Overview, Result
    from importer.session.control import Plan, Tried


#: Statuses whose lines the journal gives as those that need attention.
WRONG = frozenset(status for status in Status if status.needs_attention and status is not Status.PENDING)


def object_of_notice(notice: Notice) -> dict[str, object]:
    """Return what a person should know about a source or the run as a whole."""
    return {"type": "notice", "level": notice.level, "message": notice.text}


def object_of_finding(sheet: Sheet, finding: Finding) -> dict[str, object]:
    """Return one thing that was found about a row."""
    problem = finding.problem
    return {
        "type": "finding",
        "severity": finding.severity,
        "topic": problem.topic,
        **_place_of(sheet, finding.row.number, finding.row.place),
        "column": problem.column,
        "cell": problem.cell,
        "value": _value(sheet, finding),
        "status": "invalid" if finding.severity is Severity.PROBLEM else None,
        "error": problem.message,
        "hint": problem.hint,
    }


def _place_of(sheet: Sheet, row: int, place: int) -> dict[str, object]:
    """Return where a row stands in what was just read; of a report also where in its source."""
    if not sheet.table:
        return {"source": sheet.source, "sheet": sheet.name, "row": row}
    origin = {"import_source": sheet.original, "import_sheet": sheet.name, "import_row": row}
    return {"source": sheet.source, "sheet": sheet.table, "row": place, **origin}


def _value(sheet: Sheet, finding: Finding) -> str | None:
    """Return the text of the cell that is meant."""
    letters = finding.problem.cell.rstrip("0123456789")
    try:
        return finding.row.cells[sheet.positions.index(column_of(letters))] if letters else None
    except (ValueError, IndexError):
        return None


def deletions(plan: Plan) -> dict[TargetName, int]:
    """Return how many records an undo deletes, by target; the others it takes out of groups."""
    return {one: number for one, number in plan.to_send.items() if plan.undo_of and one not in plan.to_unbind}


def object_of_plan(plan: Plan) -> dict[str, object]:
    """Return what a run or an undo is about to do."""
    return {
        "type": "plan",
        "run": plan.run,
        "undo_of": plan.undo_of or None,
        "rows": plan.rows,
        "to_send": dict(plan.to_send),
        "to_delete": {
            one: number for one, number in plan.to_send.items() if plan.undo_of and one not in plan.to_unbind
        },
        "to_take_out_of_groups": dict(plan.to_unbind),
        "by_hand": dict(plan.by_hand),
        "done_before": plan.done,
        "seconds": round(plan.seconds, 1) if math.isfinite(plan.seconds) else None,
        "invalid": plan.invalid,
        "duplicates": plan.duplicates,
        "groups": plan.groups,
        "base_urls": dict(plan.base_urls),
        "is_sandbox": plan.is_sandbox,
    }


def objects_of_overview(overview: Overview) -> Iterator[dict[str, object]]:
    """Yield what would happen, by target, schedule and person, and the first rows that repeat."""
    for one in overview.expected:
        yield {
            "type": "expected",
            "target": one.target,
            "kind": one.kind,
            "schedule": one.schedule or None,
            "person": one.person,
            "numbers": dict(one.numbers),
            "first": one.first or None,
            "last": one.last or None,
            "is_asked": overview.is_asked,
        }
    for row in overview.repeated:
        yield {
            "type": "repeated",
            **_place_of(row.sheet, row.row, row.row),
            "number": row.number,
            "first": row.first,
            "last": row.last,
            "timezone": row.timezone,
        }


def object_of_line(sheet: Sheet, line: ReportLine) -> dict[str, object]:
    """Return one line of the report."""
    outcome = line.outcome
    return {
        "type": "row",
        **_place_of(sheet, line.row, line.place),
        "part": line.part or None,
        "kind": line.kind,
        "status": outcome.status,
        "id": outcome.id or None,
        "http_status": outcome.http_status or None,
        "error": outcome.error,
        "cell": outcome.cell,
        "hint": outcome.hint,
    }


def object_of_tried(row: Tried) -> dict[str, object]:
    """Return one of the first records that --canary sends."""
    return {**object_of_line(row.sheet, row.line), "type": "canary", "about": row.words, "link": row.link or None}


def object_of_result(result: Result) -> dict[str, object]:
    """Return the end; only a check has rows that are still `to_look_up`, which are pending ones."""
    return {
        "type": "result",
        "run": result.run or None,
        "rows": result.rows,
        "statuses": {status.value: result.count(status) for status in possible_statuses(is_undo=bool(result.undone))},
        **({} if result.run else {"to_look_up": sum(result.unresolved.values())}),
        "warnings": result.warnings,
        "findings": [
            {"severity": severity, "topic": topic, "number": number} for severity, topic, number in result.topics
        ],
        "stopped": dict(result.stopped),
        "files": [str(file) for file in result.files],
        **({"notice": result.notice} if result.notice else {}),
        "seconds": result.seconds,
        "exit_status": result.exit_status if result.run else result.check_status,
    }


def object_of_row(sheet: Sheet, line: ReportLine) -> dict[str, object]:
    """Return one row of a run."""
    outcome = line.outcome
    return {
        **object_of_line(sheet, line),
        "attempts": outcome.attempts,
        "finished_at": outcome.finished_at or None,
        "run": outcome.run,
    }


# ---- workflow commands: each points to a file and a line
# Source: GitHub, "Workflow commands for GitHub Actions". Its runner reads both standard output and standard error.


_MOST = 10  # annotations of each kind that GitHub shows of a step
_LONGEST = 4096  # characters of a path


class Annotation(NamedTuple):
    """Something to be shown beside a line."""

    message: str
    title: str
    source: str = ""  #: as the user named it; empty where no file is meant
    row: int = 0  #: in that file, as a spreadsheet numbers it


def is_on_github() -> bool:
    """Return whether GitHub runs this."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _note(sheet: Sheet, row: int, told: str, cell: str, part: str = "") -> Annotation:
    """Note what is told of a row, which is known by its place in the file just read."""
    where = f"{cell or f'row {row}'}{f', part {part}' if part else ''}"
    return Annotation(told, f"{escape(sheet.report or sheet.name)} {where}", sheet.source, row)


def _worded(message: str, hint: str) -> str:
    return f"{escape(message, 300)} ({escape(hint, 300)})" if hint else escape(message, 300)


def annotate(result: Result) -> Iterator[str]:
    """Yield the lines to print, problems first; no more of a kind than GitHub shows, the last one sums up the rest."""
    problems = [Annotation(escape(why, 1000), f"{what} stopped") for what, why in result.stopped.items()]
    problems += _problems(result)
    wrong = max(len(problems), sum(result.count(status) for status in WRONG))
    found = _found(result, Severity.WARNING)
    yield from _commands("error", problems, wrong, "rows need attention")
    yield from _commands("warning", found, max(result.warnings, len(found)), "warnings")


def annotate_failure(message: str, hint: str) -> str:
    """Return the line that says why a command cannot go on."""
    return _command("error", Annotation(_worded(message, hint), "oncall-importer"), None)


def _problems(result: Result) -> Iterator[Annotation]:
    yield from _found(result, Severity.PROBLEM)
    for sheet, line in result.problems:
        if not result.findings or line.outcome.status is not Status.INVALID:
            outcome = line.outcome
            told = f"{outcome.status}: {_worded(outcome.error, outcome.hint)}"
            yield _note(sheet, line.place, told, outcome.cell, line.part)


def _found(result: Result, severity: Severity) -> list[Annotation]:
    return [
        _note(sheet, one.row.place, _worded(one.problem.message, one.problem.hint), one.problem.cell)
        for sheet, one in result.findings
        if one.severity is severity
    ]


def _commands(kind: str, notes: Sequence[Annotation], total: int, what: str) -> Iterator[str]:
    shown = list(notes) if total <= _MOST else list(notes[: _MOST - 1])
    lines = _lines(shown)
    for note in shown:
        yield _command(kind, note, lines.get((note.source, note.row)))
    if total > len(shown):
        yield _command(
            kind, Annotation(f"and {total - len(shown)} more {what}: see the report", "oncall-importer"), None
        )


def _lines(notes: Iterable[Annotation]) -> dict[tuple[str, int], int]:
    """Find the lines that the notes are about, reading each file once."""
    from importer.reader.csv_file import find_lines

    wanted: dict[str, set[int]] = {}
    for note in notes:
        if note.source and not note.source.endswith(".gz") and Path(note.source).is_file():
            wanted.setdefault(note.source, set()).add(note.row)
    return {(source, row): line for source, rows in wanted.items() for row, line in find_lines(source, rows).items()}


def _command(kind: str, note: Annotation, line: int | None) -> str:
    members = {"file": _in_workspace(note.source), "line": str(line or ""), "title": note.title}
    told = ",".join(f"{name}={_member(value)}" for name, value in members.items() if value)
    return f"::{kind} {told}::{_data(note.message)}"


def _in_workspace(source: str) -> str:
    """Name a file as the repository does, where it lies in it; standard input is no file."""
    if not source or source == "-" or not Path(source).is_file():
        return ""
    workspace = os.environ.get("GITHUB_WORKSPACE", "")
    try:
        return str(Path(source).resolve().relative_to(Path(workspace or ".").resolve()))
    except (ValueError, OSError):
        return source


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _member(text: str) -> str:
    return _data(escape(text, _LONGEST)).replace(":", "%3A").replace(",", "%2C")
