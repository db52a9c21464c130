"""What a command came to, for programs: an object for each line of output. Prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importer.records import ReportLine, Sheet
    from importer.result import Result
    from importer.session.control import Tried


def object_of_line(sheet: Sheet, line: ReportLine) -> dict[str, object]:
    """Give one line that needs attention."""
    outcome = line.outcome
    return {
        "row": line.row,
        "part": line.part or None,
        "sheet": sheet.name,
        "source": sheet.source,
        "kind": line.kind,
        "status": outcome.status,
        "id": outcome.id or None,
        "http_status": outcome.http_status or None,
        "error": outcome.error,
        "cell": outcome.cell,
        "hint": outcome.hint,
    }


def object_of_tried(row: Tried) -> dict[str, object]:
    """Give one of the first records that --canary sends."""
    return {
        "canary": True,
        **object_of_line(row.sheet, row.line),
        "id": row.line.outcome.id or None,
        "link": row.link or None,
    }


def object_of_result(result: Result) -> dict[str, object]:
    """Give the end; only a check has rows that are still `to_look_up`, which are pending ones."""
    return {
        "run": result.run or None,
        "rows": result.rows,
        "statuses": {status.value: result.count(status) for status in result.possible},
        **({} if result.run else {"to_look_up": sum(result.unresolved.values())}),
        "stopped": dict(result.stopped),
        "files": [str(file) for file in result.files],
        **({"notice": result.notice} if result.notice else {}),
        "exit_status": result.exit_status if result.run else result.check_status,
    }
