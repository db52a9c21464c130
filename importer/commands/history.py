"""Reads past runs, for `runs` and `show`: a folder's runs, or one in detail. Changes and prints nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from importer.errors import JournalError, UsageError
from importer.journal.run_folder import JOURNAL_FILE, is_held, open_view
from importer.journal.run_info import RunInfo, RunStage
from importer.journal.view import View
from importer.reporter.page_contents import changed_options
from importer.reporter.summary_json import SUMMARY_FILE
from importer.result import by_target
from importer.statuses import Status
from importer.wording import seconds_between

_NOTHING = RunInfo(command="")


class Stage(StrEnum):
    """The stage of a past run."""

    ENDED = "ended"
    INTERRUPTED = "interrupted"  #: by the user, or killed
    RUNNING = "running"
    DAMAGED = "damaged"  #: it cannot be read


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run, from its summary or its journal, without its rows."""

    path: Path
    stage: Stage
    info: RunInfo  #: without a command if nothing can be read; complete only for `read_details`
    rows: int = 0
    statuses: Mapping[Status, int] = field(default_factory=dict)  #: those that any record has, in the order of `Status`
    exit_status: int | None = None
    seconds: float | None = None  #: how long it took, or has been running; None if that is unknown
    fault: str = ""  #: why it cannot be read
    hint: str = ""  #: what to do about that
    #: name (of a rerun, the earlier run's) and SHA-256, which is empty before the source was read
    sources: tuple[tuple[str, str], ...] = ()
    targets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  #: records by target and status
    stopped: Mapping[str, str] = field(default_factory=dict)  #: what the product ended by itself, and why

    @property
    def name(self) -> str:
        """Its name: that of its folder."""
        return self.path.name

    @property
    def origin(self) -> str:
        """The run that it repeats or takes back; empty if there is none."""
        return self.info.rerun_of or self.info.undo_of

    @property
    def options(self) -> dict[str, Any]:
        """Its settings that differ from the defaults."""
        return changed_options(self.info)

    @property
    def files(self) -> list[str]:
        """The files in its folder, without those that were being written when it was killed."""
        return sorted(entry.name for entry in _entries(self.path) if not entry.name.startswith("."))


def list_runs(reports: Path) -> list[PastRun]:
    """Return the runs of a folder, newest first.

    Raises:
        UsageError: the folder cannot be read.
    """
    try:
        folders = [path for path in reports.iterdir() if _is_run(path)] if reports.exists() else []
    except OSError as error:
        raise UsageError(
            f"{reports} cannot be opened: {error.strerror}", hint="Name another with --reports."
        ) from error
    return sorted(map(look_at, folders), key=_age, reverse=True)


def find_run(argument: str, reports: Path) -> Path:
    """Find the folder of the run that the user means: by its path, its name, or the beginning of one.

    Raises:
        UsageError: there is none, or there are several.
    """
    named = Path(argument)
    with suppress(OSError):  # a name that is too long
        for path in (named.parent if named.is_file() else named, reports / argument):
            if _is_run(path):
                return path
    found = sorted(path for path in _entries(reports) if argument and path.name.startswith(argument) and _is_run(path))
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(path.name for path in found[:5]) + (" ..." if len(found) > 5 else "")
        raise UsageError(f"{argument!r} is the beginning of {len(found)} runs: {names}", hint="Name more of it.")
    raise UsageError(
        f"there is no run {argument!r}",
        hint=f"List the runs with: oncall-importer runs --reports {reports}",
    )


def _entries(reports: Path) -> list[Path]:
    try:
        return list(reports.iterdir())
    except OSError:
        return []


def _is_run(path: Path) -> bool:
    return not path.name.startswith(".") and ((path / JOURNAL_FILE).is_file() or (path / SUMMARY_FILE).is_file())


def look_at(path: Path) -> PastRun:
    """Describe a run by its summary, or without one by its journal."""
    facts = _summary(path)
    stage = Stage.INTERRUPTED if facts.get("is_interrupted") is True else Stage.ENDED
    try:
        if not _text(facts, "started_at"):
            facts, stage = _read_journal(path)
    except JournalError as error:
        return PastRun(path, Stage.DAMAGED, _NOTHING, fault=error.message, hint=error.hint)
    except (OSError, ValueError) as error:  # another user's folder; a text in the journal that makes no sense
        return PastRun(path, Stage.DAMAGED, _NOTHING, fault=f"{path / JOURNAL_FILE} cannot be read: {error}")
    numbers, exit_status, rows = _object(facts.get("statuses")), facts.get("exit_status"), facts.get("rows")
    rerun_of, begin, end = (_text(facts, name) for name in ("rerun_of", "started_at", "finished_at"))
    info = RunInfo(
        command=_text(facts, "command") if "command" in facts else "rerun" if rerun_of else "run",
        is_sandbox=facts.get("is_sandbox") is True,
        rerun_of=rerun_of,
        undo_of=_text(facts, "undo_of"),
        started_at=begin,
        finished_at=end,
        version=_text(facts, "version"),
    )
    return PastRun(
        path,
        stage,
        info,
        rows if isinstance(rows, int) else 0,
        {status: number for status in Status if isinstance(number := numbers.get(status), int) and number},
        exit_status if isinstance(exit_status, int) else None,
        seconds_between(begin, datetime.now(UTC).isoformat() if stage is Stage.RUNNING and not end else end),
        sources=tuple((_text(one, "name"), _text(one, "sha256")) for one in _members(facts.get("sources"))),
        targets={name: dict(counts) for name, counts in _object(facts.get("targets")).items()},
        stopped={name: str(why) for name, why in _object(facts.get("stopped")).items()},
    )


def _read_journal(path: Path) -> tuple[dict[str, Any], Stage]:
    """Return what a summary would say about a run, and the run's stage."""
    is_going_on = is_held(path)  # asked first: if the run ends meanwhile, the journal says so
    with open_view(path) as journal:
        info, statuses = journal.info(), Counter[Status]()
        for (_, status), number in journal.counts().items():
            statuses[status] += number
        sources = [{"name": name} for name, _ in _sources(journal, info)]
        facts = {**asdict(info), "rows": journal.count_rows(), "statuses": statuses, "sources": sources}
    if info.stage is RunStage.ENDED:
        return facts, Stage.ENDED
    return facts, Stage.RUNNING if is_going_on else Stage.INTERRUPTED


def read_details(path: Path) -> PastRun:
    """Describe a run with all details from its journal, or from its summary if that cannot be read."""
    run = look_at(path)
    with suppress(JournalError), open_view(path) as journal:
        info = journal.info()
        targets = by_target(journal.counts())
        return replace(run, info=info, sources=tuple(_sources(journal, info)), targets=targets)
    return run


def _sources(journal: View, info: RunInfo) -> list[tuple[str, str]]:
    """List name and SHA-256 of what was read; before that, the sources that were given, which a rerun reads again."""
    if info.was_read or info.is_undo:
        return [(name, sha256) for name, _, sha256 in journal.sources()]
    return [(name, "") for name in info.arguments]


def _age(run: PastRun) -> tuple[str, int, str]:
    """Return the sort key of runs: when they began; for a damaged one, by its name."""
    digits = "".join(filter(str.isdigit, run.info.started_at or run.name))[:14]
    return digits, len(run.name), run.name  # -2 to -10 are runs of the same second


def _summary(path: Path) -> dict[str, Any]:
    """Read a summary; empty if it is not one."""
    file = path / SUMMARY_FILE
    try:
        return _object(orjson.loads(file.read_bytes())) if file.is_file() else {}  # reading a FIFO would wait
    except (OSError, orjson.JSONDecodeError):
        return {}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _members(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    return value if isinstance(value, str) else ""
