"""What all commands that write to a target share: a new run's folder, whose turn it is, why the work stopped."""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

import orjson

from importer.delivery.notices import tell
from importer.delivery.stop import Reason
from importer.errors import ImporterError
from importer.journal.rescue import write_rescue
from importer.journal.run_folder import create_run
from importer.log import log, logging_run
from importer.reporter.junit import check_junit_path
from importer.reporter.report import SANDBOX_MARK
from importer.session.target_lock import TargetLock, take_turns
from importer.statuses import Status
from importer.wording import iso_utc

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from importer.delivery.delivery import Delivered
    from importer.delivery.transport import Connection
    from importer.journal.journal import Journal
    from importer.journal.run_folder import RunFolder
    from importer.records import TargetName
    from importer.result import Result
    from importer.session.control import RunControl
    from importer.settings import Settings


def check_junit(settings: Settings, sources: Sequence[str]) -> None:
    """See before anything is sent that the JUnit file can be written where it was asked for."""
    if settings.junit is not None:
        check_junit_path(settings.junit, sources)


@contextmanager
def begin_run(
    settings: Settings, facts: Mapping[str, str], control: RunControl, *, mark: str = ""
) -> Iterator[RunFolder]:
    """Hold the folder of a new run; it is taken away again where an error ends the run before anything was sent.

    `mark` stands at the end of its name.
    """
    now = datetime.now(UTC)
    name = now.strftime("%Y%m%d-%H%M%S") + (SANDBOX_MARK if settings.sandbox else "") + mark
    first = {
        **facts,
        "stage": "reading",
        "started_at": iso_utc(now),
        "version": version("oncall-importer"),
        "settings_sha256": settings.fingerprint(),
        "options": dump(settings.told()),
        "pid": str(os.getpid()),
    }
    path = None
    is_sent = True
    try:
        with create_run(settings.reports, name, first) as folder:
            path = folder.path
            with logging_run(path, control.observer.noticed, is_verbose=settings.verbose):
                log(logging.INFO, "started", f"{facts['command']}, oncall-importer {first['version']}")
                try:
                    yield folder
                except BaseException as error:
                    is_sent = folder.journal.facts().get("stage") in ("canary", "sending", "ended")
                    log(logging.ERROR, "failed", str(error) if isinstance(error, ImporterError) else repr(type(error)))
                    raise
    finally:
        if path is not None and not is_sent:
            shutil.rmtree(path, ignore_errors=True)


def hold(
    connections: Mapping[TargetName, Connection], folder: RunFolder, settings: Settings, control: RunControl
) -> AbstractAsyncContextManager[dict[TargetName, TargetLock]]:
    """Hold every target that is sent to; the sandbox is nobody else's."""
    return take_turns(
        {} if settings.sandbox else connections,
        folder.path,
        settings,
        interrupted=control.interrupted,
        tell=partial(tell, control.observer),
    )


def begin_sending(
    journal: Journal,
    turns: Mapping[TargetName, TargetLock],
    connections: Mapping[TargetName, Connection],
    *,
    stage: str = "sending",
) -> None:
    """Write down that from now on something may have been sent, and where to; `stage` is what it is called."""
    where = {f"base_url.{target}": connections[target].base_url for target in turns}
    journal.set_facts({"stage": stage, **where})
    log(logging.INFO, stage)


def settle_turns(journal: Journal, turns: Mapping[TargetName, TargetLock]) -> None:
    """Tell the next one of each target whether something may still be on its way."""
    for target, turn in turns.items():
        turn.is_settled = not journal.in_doubt(target) and not journal.counts().get((target, Status.UNKNOWN))


def log_end(result: Result) -> None:
    """Log what it came to."""
    counts = {status.value: number for status, number in result.statuses.items()}
    log(logging.INFO, "ended", f"exit status {result.exit_status}", statuses=counts, stopped=dict(result.stopped))


def why_stopped(delivered: Mapping[TargetName, Delivered]) -> dict[str, str]:
    """Say which targets' work the product ended."""
    ended = {target: end for target, end in delivered.items() if end.reason not in (None, Reason.INTERRUPTED)}
    return {target.value: end.words for target, end in ended.items()}


def rescue(folder: RunFolder, delivered: Mapping[TargetName, Delivered]) -> dict[str, str]:
    """Save what the journal could not take, and say where."""
    saved = {}
    for target, end in delivered.items():
        if end.unwritten:
            path = write_rescue(folder.path, end.unwritten)
            where = f"outcomes that it could not take are in {path}" if path else "nothing could be written anywhere"
            saved[target.value] = f"{end.words}; {where}"
    return saved


def dump(value: object) -> str:
    """Write a fact that is no text."""
    return orjson.dumps(value).decode()
