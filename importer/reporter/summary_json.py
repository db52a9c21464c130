"""summary.json: counts, times, versions and hashes of a run, for programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson

from importer.journal.journal import Journal
from importer.records import Severity
from importer.reporter.atomic_file import replace_file
from importer.result import Result, by_target
from importer.statuses import possible_statuses

SUMMARY_FILE = "summary.json"


def write_summary(path: Path, summary: Mapping[str, object]) -> Path:
    """Write the summary, indented, in the order given; return the file's final path.

    Values are what orjson knows: texts, numbers, date-times, enums, dataclasses, and mappings and sequences of them.

    Raises:
        ReportError: the file could not be written; an older one is still there.
    """
    content = orjson.dumps(_encodable(summary), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return replace_file(path, lambda file: file.write(content))


def _encodable(value: object) -> object:
    """Escape what UTF-8 cannot hold, such as a foreign byte in a source's file name, and make keys plain texts."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(item) for item in value]
    return value


def summarize(journal: Journal, result: Result) -> dict[str, object]:
    """Return what summary.json says of a run."""
    info = journal.info()
    return {
        "run": result.run,
        "command": info.command,
        "rerun_of": info.rerun_of or None,
        "undo_of": info.undo_of or None,
        "version": info.version,
        "started_at": info.started_at,
        "finished_at": info.finished_at or None,
        "exit_status": result.exit_status,
        "is_sandbox": info.is_sandbox,
        "is_interrupted": result.is_interrupted,
        "stopped": dict(result.stopped),
        "rows": result.rows,
        "doubled": result.doubled,
        "statuses": {status.value: result.count(status) for status in possible_statuses(is_undo=info.is_undo)},
        "targets": by_target(result.counts),
        "notices": [{"level": notice.level, "text": notice.text} for notice in journal.notices()],
        "warnings": {topic: number for severity, topic, number in journal.topics() if severity is Severity.WARNING},
        "sources": [{"name": name, "sha256": sha256} for name, _, sha256 in journal.sources()],
        "settings_sha256": info.settings_sha256,
        "files": [file.name if file.parent == result.folder else str(file) for file in result.files],
    }
