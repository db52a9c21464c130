"""What all commands that write to a target share: the new run's folder, locks, limits, why the work stopped."""

from __future__ import annotations

import logging
import math
import os
import resource
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from importer.delivery.delivery import Delivered
from importer.delivery.stop import Reason
from importer.delivery.transport import Connection
from importer.errors import ImporterError, SettingsError
from importer.journal.journal import Journal
from importer.journal.run_folder import RunFolder, create_run
from importer.journal.run_info import RunStage, name_run
from importer.journal.states import Change
from importer.log import log, logging_run
from importer.notice import Notice, NoticeLevel
from importer.records import TargetName
from importer.reporter.report import make_report
from importer.result import Result
from importer.session.control import Consent, Plan, RunControl
from importer.session.endpoints import connect
from importer.session.target_lock import TargetLock, lock_targets
from importer.settings.options import Settings
from importer.settings.origins import name_as_set
from importer.statuses import Status
from importer.targets import TARGETS
from importer.wording import escape_unprintable, iso_utc

_LONGEST = 7 * 86400  # seconds that a run may take by its rate without --yes


def least_seconds(records: Mapping[TargetName, int], settings: Settings) -> float:
    """Return the least time that so many records of each target take at the rates that are set."""
    rates = {target: TARGETS[target].pace_of(settings) for target in records}
    return max(
        (number / rates[target] if rates[target] > 0 else math.inf for target, number in records.items()), default=0.0
    )


async def may_begin(
    plan: Plan, settings: Settings, control: RunControl, show: Callable[[Plan], Awaitable[Plan]] | None = None
) -> str:
    """Show the plan, and ask if somebody can be asked; `show` adds to a plan what would happen.

    Returns why nothing may be done; empty if it may.
    """
    control.observer.planned(plan)
    log(logging.INFO, "planned", f"{plan.rows} rows, {plan.invalid} invalid", to_send=plan.to_send)
    if why_not := refuse_weeks(plan, settings):
        return why_not
    if settings.strict and plan.invalid:
        strict = name_as_set("strict", settings.origins)
        return f"{plan.invalid} rows are invalid, and {strict} sends nothing while any is"
    while plan.to_send and control.confirm is not None and not settings.sandbox:
        choice = await control.confirm(plan)
        if choice is Consent.YES:
            break
        if choice is Consent.NO or show is None:
            return "interrupted" if control.interrupted.is_set() else "you said no"
        plan = await show(plan)
    return ""


def refuse_weeks(plan: Plan, settings: Settings) -> str:
    """Return why a plan that takes longer than a week is refused without --yes; empty if it may begin."""
    if plan.seconds <= _LONGEST or settings.yes:
        return ""
    days = f"{plan.seconds / 86400:,.0f} days"
    how = "undo it" if plan.undo_of else "send"
    return f"at the rate that is set, it takes about {days}; raise --rate, or {how} all the same with --yes"


_FEWEST_FILES = 24  # besides those that are open: journal, log, a report, a connection or two
_SPARE_FILES = 40  # open besides connections: journal, log, name resolution, reports


def fit_concurrency(settings: Settings, targets: int, control: RunControl) -> Settings:
    """Return the settings with as many requests in flight as this process may have files open.

    The process's own limit is raised first, as far as the system permits.
    """
    each = max(1, targets) * (2 if settings.sandbox else 1)  # both ends of a sandbox's connections are here
    taken = _open_files() + _SPARE_FILES
    most = raise_file_limit(taken + each * settings.concurrency)
    fitting = max(1, (most - taken) // each)
    if fitting >= settings.concurrency:
        return settings
    words = f"this process may have only {most} files open (ulimit -n): {fitting} requests are in flight per target"
    control.observer.noticed(Notice(f"{words}, not {settings.concurrency}", NoticeLevel.WARNING))
    return replace(settings, concurrency=fitting)


def _open_files() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


def _check_file_limit() -> None:
    """Check that a run can open enough files: with too few, every request would fail and be retried.

    Raises:
        SettingsError: it cannot.
    """
    needed = _open_files() + _FEWEST_FILES
    most = raise_file_limit(needed)
    if most < needed:
        raise SettingsError(
            f"this process may have only {most} files open (ulimit -n), and a run needs {needed}; nothing was sent",
            hint="Raise the limit in this shell with: ulimit -n 256",
        )


def raise_file_limit(wanted: int) -> int:
    """Raise the limit of open files to what is wanted, if possible; return the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with suppress(ValueError, OSError):  # a system can have a lower limit than the one it reports
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
        return raised
    return soft


@contextmanager
def begin_run(settings: Settings, command: str, control: RunControl, **members: Any) -> Iterator[RunFolder]:
    """Hold the folder of a new run; it is removed again if an error ends the run before anything was sent.

    `members` are further members of its `RunInfo`.

    Raises:
        SettingsError: it could not have enough files open.
    """
    _check_file_limit()
    now = datetime.now(UTC)
    name = name_run(now, is_sandbox=settings.sandbox, is_undo=command == "undo")
    first = {
        **members,
        "command": command,
        "stage": RunStage.READING,
        "started_at": iso_utc(now),
        "version": version("oncall-importer"),
        "settings_sha256": settings.fingerprint(),
        "options": settings.json_values(),
        "command_line": [escape_unprintable(word) for word in control.command_line],
        "is_sandbox": settings.sandbox,
        "pid": os.getpid(),
    }
    path = None
    is_sent = True

    def warn(text: str) -> None:
        control.observer.noticed(Notice(text, NoticeLevel.WARNING))

    try:
        with create_run(settings.reports, name, first) as folder:
            path = folder.path
            with logging_run(path, warn, is_verbose=settings.verbose):
                log(logging.INFO, "started", f"{command}, oncall-importer {first['version']}")
                try:
                    yield folder
                except BaseException as error:
                    is_sent = folder.journal.info().stage.may_have_sent
                    log(logging.ERROR, "failed", str(error) if isinstance(error, ImporterError) else repr(type(error)))
                    raise
    finally:
        if path is not None and not is_sent:
            shutil.rmtree(path, ignore_errors=True)


async def finish(
    folder: RunFolder,
    targets: Iterable[TargetName],
    settings: Settings,
    control: RunControl,
    stopped: dict[str, str],
    *,
    ask: Callable[[Mapping[TargetName, Connection], Settings], Awaitable[str]],
    work: Callable[[Mapping[TargetName, Connection], Settings], Awaitable[Mapping[TargetName, Delivered]]],
) -> Result:
    """Do a run's work at its targets, unless `ask` returns why not, and write the report.

    `stopped` are targets whose work ended before, and why.
    """
    journal = folder.journal
    is_undo = journal.info().is_undo
    async with connect(targets, settings) as connections:
        settings = fit_concurrency(settings, len(connections), control)
        if why_not := await ask(connections, settings):
            again = "Undo again to have it undone." if is_undo else "Rerun to send it."
            for target in connections:
                journal.explain_planned(target, f"not attempted: {why_not}", again)
        else:
            stage = RunStage.CANARY if settings.canary and not is_undo else RunStage.SENDING
            async with lock_targets(connections, folder.path, settings, control) as locks:
                journal.change_info(stage=stage, base_urls={target: connections[target].base_url for target in locks})
                log(logging.INFO, stage)
                delivered = await work(connections, settings)
                settle_locks(journal, locks)
            stopped |= why_stopped(delivered) | _rescue(folder, delivered)
    result = make_report(folder, settings, stopped, is_interrupted=control.interrupted.is_set())
    counts = {status.value: number for status, number in result.statuses.items()}
    log(logging.INFO, "ended", f"exit status {result.exit_status}", statuses=counts, stopped=dict(result.stopped))
    return result


def settle_locks(journal: Journal, locks: Mapping[TargetName, TargetLock]) -> None:
    """Record for the next run of each target whether a request may still be in flight."""
    for target, lock in locks.items():
        lock.is_settled = not journal.in_doubt(target) and not journal.counts().get((target, Status.UNKNOWN))


def why_stopped(delivered: Mapping[TargetName, Delivered]) -> dict[str, str]:
    """Return the targets whose work the product ended, and why."""
    ended = {target: end for target, end in delivered.items() if end.reason not in (None, Reason.INTERRUPTED)}
    return {target.value: end.words for target, end in ended.items()}


def _rescue(folder: RunFolder, delivered: Mapping[TargetName, Delivered]) -> dict[str, str]:
    """Save outcomes that the journal could not store, and say where."""
    saved = {}
    for target, end in delivered.items():
        if end.unwritten:
            path = _write_rescue(folder.path, end.unwritten)
            where = f"outcomes that it could not store are in {path}" if path else "nothing could be written anywhere"
            saved[target.value] = f"{end.words}; {where}"
    return saved


#: The last resort: outcomes that the journal could not store, beside it or in the temporary folder.
_RESCUE = "rescue.jsonl"


def _write_rescue(folder: Path, unwritten: Sequence[Change]) -> Path | None:
    """Write one JSON object per line: record number, status, id and words; return None if no place is writable.

    The file is for people. A rerun does not need it: it asks the target about what the journal does not know.
    """
    lines = [
        {"record": change.id, "status": change.state, "id": change.outcome.id, "error": change.outcome.error}
        for change in unwritten
    ]
    content = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    for prefix, place in (("", folder), (f"oncall-importer-{folder.name}-", None)):
        with suppress(OSError):
            return _write(*tempfile.mkstemp(f"-{_RESCUE}", prefix, place), content)
    return None


def _write(descriptor: int, name: str, content: bytes) -> Path:
    """Write a new file, readable by its owner only; remove it if it could not be written completely."""
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except OSError:
        path.unlink()
        raise
    return path
