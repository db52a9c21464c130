"""GitHub's annotations: workflow commands, each of which points to a file and a line. Prints nothing.

Source: GitHub, "Workflow commands for GitHub Actions". Its runner reads both standard output and standard error.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from importer.cli.json_lines import WRONG
from importer.records import Severity, Sheet
from importer.result import Result
from importer.statuses import Status
from importer.wording import escape

_MOST = 10  # annotations of each kind that GitHub shows of a step
_LONGEST = 4096  # characters of a path


class Annotation(NamedTuple):
    """A message to be shown at a line."""

    message: str
    title: str
    source: str = ""  #: as the user named it; empty if there is no file
    row: int = 0  #: in that file, as a spreadsheet numbers it


def is_on_github() -> bool:
    """Return whether GitHub runs this."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _note(sheet: Sheet, row: int, message: str, cell: str, part: str = "") -> Annotation:
    """Make the annotation of a row, given its place in the file just read."""
    where = f"{cell or f'row {row}'}{f', part {part}' if part else ''}"
    return Annotation(message, f"{escape(sheet.report or sheet.name)} {where}", sheet.source, row)


def _worded(message: str, hint: str) -> str:
    return f"{escape(message, 300)} ({escape(hint, 300)})" if hint else escape(message, 300)


def annotate(result: Result) -> Iterator[str]:
    """Yield the lines to print, problems first; at most as many of a kind as GitHub shows; the last counts the rest."""
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
            message = f"{outcome.status}: {_worded(outcome.error, outcome.hint)}"
            yield _note(sheet, line.place, message, outcome.cell, line.part)


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
    from importer.reader.read import find_lines

    wanted: dict[str, set[int]] = {}
    for note in notes:
        if note.source and not note.source.endswith(".gz") and Path(note.source).is_file():
            wanted.setdefault(note.source, set()).add(note.row)
    return {(source, row): line for source, rows in wanted.items() for row, line in find_lines(source, rows).items()}


def _command(kind: str, note: Annotation, line: int | None) -> str:
    members = {"file": _in_workspace(note.source), "line": str(line or ""), "title": note.title}
    properties = ",".join(f"{name}={_member(value)}" for name, value in members.items() if value)
    return f"::{kind} {properties}::{_data(note.message)}"


def _in_workspace(source: str) -> str:
    """Name a file relative to the repository, if it is in it; standard input is not a file."""
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
