"""The output of --json: objects for programs, each with a `type`. Prints nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator

from importer.cells import column_of
from importer.notice import Notice
from importer.records import Finding, ReportLine, Severity, Sheet, TargetName
from importer.result import Overview, Result
from importer.session.control import Plan, Tried
from importer.statuses import Status, possible_statuses

#: Statuses of the lines that need attention, as the journal selects them.
WRONG = frozenset(status for status in Status if status.needs_attention and status is not Status.PENDING)


def object_of_notice(notice: Notice) -> dict[str, object]:
    """Return what a person should know about a source or the run as a whole."""
    return {"type": "notice", "level": notice.level, "message": notice.text}


def object_of_finding(sheet: Sheet, finding: Finding) -> dict[str, object]:
    """Return one finding about a row."""
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
    """Return the place of a row in the file just read; for a report also its place in the source."""
    if not sheet.table:
        return {"source": sheet.source, "sheet": sheet.name, "row": row}
    origin = {"import_source": sheet.original, "import_sheet": sheet.name, "import_row": row}
    return {"source": sheet.source, "sheet": sheet.table, "row": place, **origin}


def _value(sheet: Sheet, finding: Finding) -> str | None:
    """Return the text of the finding's cell."""
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
        "to_send": {} if plan.undo_of else dict(plan.to_send),
        "to_delete": deletions(plan),
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
    """Return the result; only a check has rows `to_look_up`, which are pending ones."""
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
