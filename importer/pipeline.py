"""A run from end to end. The only place that knows the order of the stages.

    source --read--> rows --normalize--> journal --ask what exists--> --send--> --ask about what is in doubt--> report

Every row is in the journal before anything is sent; each stage reads from it and writes to it, so a run can be killed
at any moment and taken up again by `rerun`.
"""

from __future__ import annotations

import os
import shutil
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import anyio
import orjson

from importer import sandbox
from importer.earlier import find_earlier, left_over
from importer.errors import ImporterError, InterruptedReadingError, SourceError, UsageError
from importer.intake import Intake, ReadingObserver
from importer.journal import create_run, open_scratch
from importer.pool import Connection, Observer, Reason, deliver
from importer.reader import read
from importer.records import Status, TargetName
from importer.reporter import write_csv, write_summary, write_xlsx
from importer.results import Result
from importer.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence

    import pandas as pd

    from importer.earlier import Earlier
    from importer.journal import Journal, RunFolder
    from importer.pool import Stop
    from importer.records import Problem, Row, Sheet
    from importer.settings import Settings

Source: TypeAlias = "str | os.PathLike[str] | pd.DataFrame"

#: Settings that decide what a row means: a rerun takes them over from the run that it repeats.
_READING_OPTIONS = ("timezone", "provider")
SANDBOX_STATE = "sandbox.sqlite3"
_SANDBOX_MARK = "-sandbox"  # at the end of a run's name, so that every line of its report says what its ids are worth
_XLSX_ROWS = 20_000  # beyond, report.xlsx is made only where it is asked for
_PROBLEMS = 1000  # that a result holds; the report has them all
_NEEDS_ATTENTION = frozenset({Status.INVALID, Status.REJECTED, Status.FAILED, Status.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is about to do."""

    run: str
    rows: int
    invalid: int
    duplicates: int
    to_send: Mapping[TargetName, int]  #: records that are new, or not known to have succeeded
    base_urls: Mapping[TargetName, str]
    is_sandbox: bool


class RunObserver(ReadingObserver, Observer, Protocol):
    """Who wants to know how a run goes on."""

    def read(self, rows: int) -> None:
        """So many rows have been read so far."""

    def planned(self, plan: Plan) -> None:
        """Everything is read and checked; sending is next."""


@dataclass(frozen=True, slots=True)
class Guide:
    """What steers a run from outside."""

    observer: RunObserver
    interrupted: anyio.Event  #: set it to end the run early and in order
    confirm: Callable[[Plan], Awaitable[bool]] | None = None  #: asked before the first write to a real API


class Silence:
    """An observer that tells nobody."""

    def read(self, rows: int) -> None:
        """Say nothing."""

    def noticed(self, text: str) -> None:
        """Say nothing."""

    def warned(self, sheet: Sheet, row: Row, warning: Problem) -> None:
        """Say nothing."""

    def planned(self, plan: Plan) -> None:
        """Say nothing."""

    def decided(self, target: TargetName, status: Status, number: int) -> None:
        """Say nothing."""

    def told(self, target: TargetName, words: str) -> None:
        """Say nothing."""


def prepare(options: Mapping[str, Any]) -> tuple[Settings, Guide]:
    """Make the settings and the guide out of a library call's options.

    Raises:
        SettingsError: a value cannot be.
    """
    given = dict(options)
    guide = Guide(given.pop("observer", None) or Silence(), given.pop("interrupted", None) or anyio.Event())
    return load_settings(given), guide


async def run(sources: Sequence[Source], settings: Settings, guide: Guide) -> Result:
    """Read and check every row, send the good ones, write the report.

    Raises:
        ImporterError: the run cannot go on. Before anything was sent, it leaves no folder behind.
    """
    arguments = [_argument(source) for source in sources]
    with _new_run(settings, {"command": "run", "arguments": _dump(arguments)}) as folder:
        await _take_sources(folder.journal, sources, settings, folder.path.name, guide)
        return await _finish(folder, settings, guide)


async def check(sources: Sequence[Source], settings: Settings, guide: Guide, *, is_online: bool = False) -> Result:
    """Read and check every row just as `run` does; write nothing. `is_online` also asks the targets what exists."""
    with open_scratch() as journal:
        await _take_sources(journal, sources, settings, "", guide)
        if is_online:
            async with _connected(journal, settings) as connections:
                await _deliver(journal, connections, settings, "", guide, is_dry=True)
        return _result(journal, is_interrupted=guide.interrupted.is_set())


async def rerun(argument: str, settings: Settings, guide: Guide) -> Result:
    """Go on with an earlier run, from its folder or its report: only what has not succeeded is sent.

    Raises: as `run`; also JournalError, where that run is still going on.
    """
    earlier = find_earlier(argument, settings.reports)
    settings = _inherit(settings, earlier)
    if not earlier.was_read:
        return await _start_again(earlier, settings, guide)
    facts = {"command": "rerun", "arguments": _dump([str(earlier.path.absolute())]), "rerun_of": earlier.run}
    with _new_run(settings, facts) as folder:
        await _take_left_over(folder, earlier, settings, guide)
        return await _finish(folder, settings, guide)


async def _start_again(earlier: Earlier, settings: Settings, guide: Guide) -> Result:
    """Repeat a run that ended before it had read its sources: nothing was sent."""
    if earlier.facts.get("command") == "rerun":
        return await rerun(earlier.arguments[0], settings, guide)
    earlier.check_sources()
    return await run(earlier.arguments, settings, guide)


def _inherit(settings: Settings, earlier: Earlier) -> Settings:
    """Take over from the earlier run how its rows are read, and whether it was a rehearsal."""
    was_sandbox = _SANDBOX_MARK in earlier.run
    if settings.sandbox and earlier.run and not was_sandbox:
        raise UsageError(
            f"{earlier.run} was no rehearsal: its rows cannot be repeated in the sandbox",
            hint="leave --sandbox away, or rehearse the source with: oncall-importer run SOURCE --sandbox",
        )
    values = {name: value for name, value in earlier.options.items() if name not in settings.model_fields_set}
    return settings.model_copy(update={**values, "sandbox": settings.sandbox or was_sandbox})


# ---- the stages


@contextmanager
def _new_run(settings: Settings, facts: Mapping[str, str]) -> Iterator[RunFolder]:
    """Hold the folder of a new run; it is taken away again where an error ends the run before anything was sent."""
    now = datetime.now(UTC)
    name = now.strftime("%Y%m%d-%H%M%S") + (_SANDBOX_MARK if settings.sandbox else "")
    options = settings.model_dump(mode="json", include=set(_READING_OPTIONS))
    first = {
        **facts,
        "stage": "reading",
        "started_at": _iso(now),
        "version": version("oncall-importer"),
        "settings_sha256": settings.fingerprint(),
        "options": _dump(options),
        "pid": str(os.getpid()),
    }
    path = None
    is_sent = True
    try:
        with create_run(settings.reports, name, first) as folder:
            path = folder.path
            try:
                yield folder
            except ImporterError:
                is_sent = folder.journal.facts().get("stage") in ("sending", "ended")
                raise
    finally:
        if path is not None and not is_sent:
            shutil.rmtree(path, ignore_errors=True)


async def _take_sources(
    journal: Journal, sources: Sequence[Source], settings: Settings, run: str, guide: Guide
) -> None:
    intake = Intake(journal, settings, run, guide.observer)
    rows = 0
    for source in sources:
        before = rows
        for number in intake.take_source(read(source, sheets=settings.sheet)):
            rows += number
            guide.observer.read(rows)
            await _let_signals_in(guide)
        if rows == before:
            raise SourceError(f"{_argument(source)} has a header and no rows", hint="fill in at least one row")
    journal.finish_reading()


async def _take_left_over(folder: RunFolder, earlier: Earlier, settings: Settings, guide: Guide) -> None:
    intake = Intake(folder.journal, settings, folder.path.name, guide.observer)
    rows = 0
    for number in intake.take_left_over(left_over(earlier)):
        rows += number
        guide.observer.read(rows)
        await _let_signals_in(guide)
    if not rows:
        raise SourceError(f"{earlier.path} has no rows", hint="give a report that has some")
    folder.journal.add_source(str(earlier.path), str(earlier.path.absolute()), "")
    folder.journal.finish_reading()


async def _let_signals_in(guide: Guide) -> None:
    await anyio.lowlevel.checkpoint()
    if guide.interrupted.is_set():
        raise InterruptedReadingError("interrupted while reading; nothing was sent", hint="start it again")


async def _finish(folder: RunFolder, settings: Settings, guide: Guide) -> Result:
    """Send what is planned and write the report."""
    journal, run_name = folder.journal, folder.path.name
    stops: Mapping[TargetName, Stop] = {}
    async with _connected(journal, settings) as connections:
        why_not = await _ask_to_go_on(folder, connections, settings, guide)
        if why_not:
            for target in connections:
                journal.explain_planned(target, f"not attempted: {why_not}", "rerun to send it")
        else:
            journal.set_facts({"stage": "sending"})
            stops = await _deliver(journal, connections, settings, run_name, guide)
    journal.set_facts({"stage": "ended", "finished_at": _iso(datetime.now(UTC))})
    stopped = {target: stop.words for target, stop in stops.items() if stop.reason not in (None, Reason.INTERRUPTED)}
    return _report(folder, settings, stopped, is_interrupted=guide.interrupted.is_set())


async def _ask_to_go_on(
    folder: RunFolder, connections: Mapping[TargetName, Connection], settings: Settings, guide: Guide
) -> str:
    """Give the reason why nothing is to be sent; empty where all may go."""
    journal = folder.journal
    counts = journal.counts()
    invalid = sum(number for (_, status), number in counts.items() if status is Status.INVALID)
    plan = Plan(
        run=folder.path.name,
        rows=journal.count_rows(),
        invalid=invalid,
        duplicates=sum(number for (_, status), number in counts.items() if status is Status.DUPLICATE),
        to_send=journal.open_targets(),
        base_urls={target: connection.base_url for target, connection in connections.items()},
        is_sandbox=settings.sandbox,
    )
    guide.observer.planned(plan)
    if settings.strict and invalid:
        return f"{invalid} rows are invalid, and --strict sends nothing while any is"
    if plan.to_send and guide.confirm is not None and not settings.sandbox and not await guide.confirm(plan):
        return "you said no"
    return ""


@asynccontextmanager
async def _connected(journal: Journal, settings: Settings) -> AsyncIterator[dict[TargetName, Connection]]:
    """Give where each target is that the journal has open records for, and the token for it.

    Raises:
        SettingsError: a token is not set.
    """
    needed = list(journal.open_targets())
    if settings.sandbox:
        settings.reports.mkdir(parents=True, exist_ok=True)
        async with sandbox.serve(settings.reports / SANDBOX_STATE) as address:
            urls = {TargetName.OPAL: address.opal, TargetName.ROOTLY: address.rootly}
            yield {target: Connection(urls[target], sandbox.TOKEN) for target in needed}
    else:
        yield {target: Connection(settings.base_url(target), settings.token(target)) for target in needed}


async def _deliver(
    journal: Journal,
    connections: Mapping[TargetName, Connection],
    settings: Settings,
    run_name: str,
    guide: Guide,
    *,
    is_dry: bool = False,
) -> dict[TargetName, Stop]:
    return await deliver(
        journal,
        connections,
        settings,
        run=run_name,
        observer=guide.observer,
        interrupted=guide.interrupted,
        is_dry=is_dry,
    )


# ---- the report


def _report(
    folder: RunFolder, settings: Settings, stopped: Mapping[TargetName, str], *, is_interrupted: bool
) -> Result:
    """Make the report's files from the journal; they can be made again from it at any time."""
    journal, path = folder.journal, folder.path
    sheets = journal.sheets()
    files = [write_csv(path / "report.csv", sheets, journal.lines())]
    if settings.xlsx or journal.count_rows() <= _XLSX_ROWS:
        workbook = write_xlsx(path / "report.xlsx", sheets, journal.lines())
        files.extend([workbook] if workbook else [])
    result = _result(journal, run=path.name, folder=path, files=files, stopped=stopped, is_interrupted=is_interrupted)
    write_summary(path / "summary.json", _summary(journal, result))
    return result


def _result(journal: Journal, **facts: object) -> Result:
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
        "is_sandbox": _SANDBOX_MARK in result.run,
        "is_interrupted": result.is_interrupted,
        "stopped": dict(result.stopped),
        "rows": result.rows,
        "statuses": {status.value: result.count(status) for status in Status},
        "targets": targets,
        "sources": [{"name": name, "sha256": sha256} for name, _, sha256 in journal.sources()],
        "settings_sha256": facts["settings_sha256"],
        "files": [file.name for file in result.files],
    }


def _argument(source: Source) -> str:
    """Name a source so that a later run finds it again."""
    if isinstance(source, str | os.PathLike):
        name = os.fspath(source)
        return name if name == "-" else str(Path(name).absolute())
    return "DataFrame"


def _dump(value: object) -> str:
    return orjson.dumps(value).decode()


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
