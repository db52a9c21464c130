"""From the journal to the report's files and the result. All of it can be made again from the journal at any time."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from importer.errors import JournalError, ReportError
from importer.records import Status
from importer.reporter import write_csv, write_summary, write_xlsx
from importer.results import Result

if TYPE_CHECKING:
    from pathlib import Path

    from importer.journal import Journal, RunFolder
    from importer.settings import Settings

_XLSX_ROWS = 20_000  # beyond, report.xlsx is made only where it is asked for
_PROBLEMS = 1000  # that a result holds; the report has them all
_NEEDS_ATTENTION = frozenset({Status.INVALID, Status.REJECTED, Status.FAILED, Status.UNKNOWN})
#: At the end of a rehearsal's name, so that every line of its report says what its ids are worth.
SANDBOX_MARK = "-sandbox"


def make_report(folder: RunFolder, settings: Settings, stopped: dict[str, str], *, is_interrupted: bool) -> Result:
    """Make the report's files from the journal; they can be made again from it at any time."""
    journal, path = folder.journal, folder.path
    files: list[Path] = []
    try:
        journal.set_facts({"stage": "ended", "finished_at": iso(datetime.now(UTC))})
        files.append(write_csv(path / "report.csv", journal.sheets(), journal.lines()))
        if settings.xlsx or journal.count_rows() <= _XLSX_ROWS:
            workbook = write_xlsx(path / "report.xlsx", journal.sheets(), journal.lines())
            files.extend([workbook] if workbook else [])
    except (JournalError, ReportError) as error:  # every outcome is safe: in the journal, or in doubt there
        stopped["report"] = f"{error.message}; rerun {path} makes it again"
    result = make_result(
        journal, run=path.name, folder=path, files=files, stopped=stopped, is_interrupted=is_interrupted
    )
    with suppress(ReportError):
        write_summary(path / "summary.json", _summary(journal, result))
    return result


def make_result(journal: Journal, **facts: object) -> Result:
    """Read the result off the journal."""
    sheets = journal.sheets()
    wrong = (line for line in journal.lines() if line.outcome.status in _NEEDS_ATTENTION)
    problems = [(sheets[line.sheet], line) for line in islice(wrong, _PROBLEMS)]
    return Result(journal.count_rows(), journal.counts(), problems, **facts)  # type: ignore[arg-type]  # by name


def _summary(journal: Journal, result: Result) -> dict[str, object]:
    facts = journal.facts()
    targets: dict[str, dict[str, int]] = {}
    for (target, status), number in sorted(result.counts.items()):
        targets.setdefault(target or "none", {})[status] = number
    return {
        "run": result.run,
        "rerun_of": facts.get("rerun_of") or None,
        "version": facts["version"],
        "started_at": facts["started_at"],
        "finished_at": facts.get("finished_at"),
        "exit_status": result.exit_status,
        "is_sandbox": SANDBOX_MARK in result.run,
        "is_interrupted": result.is_interrupted,
        "stopped": dict(result.stopped),
        "rows": result.rows,
        "statuses": {status.value: result.count(status) for status in Status},
        "targets": targets,
        "sources": [{"name": name, "sha256": sha256} for name, _, sha256 in journal.sources()],
        "settings_sha256": facts["settings_sha256"],
        "files": [file.name for file in result.files],
    }


def iso(moment: datetime) -> str:
    """Write a moment of UTC as the report and the summary do."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
