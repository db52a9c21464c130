"""A run from end to end. The only place that knows the order of the stages.

    source --read--> rows --normalize--> journal --resolve--> ids for names --plan--> --ask what exists-->
        --send--> --reconcile what is in doubt--> report

Every row is in the journal before anything is sent; each stage reads from it and writes to it, so a run can be killed
at any moment and continued by `rerun`. `check` goes the same way up to the plan; `check --online` also resolves
names and asks what exists.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from importer.commands.canary import look_at_first, may_go_on
from importer.delivery.delivery import Delivered, deliver, find_existing
from importer.delivery.listing import look_up
from importer.delivery.target_work import Job
from importer.delivery.transport import Connection
from importer.errors import JournalError, SettingsError, UsageError
from importer.journal.run_folder import RunFolder, open_scratch
from importer.journal.run_info import RunInfo, RunStage
from importer.notice import Notice
from importer.planning.loader import Loader, lists_of
from importer.planning.overview import read_overview, touched_schedules
from importer.planning.plan_file import PlanLine, check_plan_path, hold_to_plan, read_lines, read_plan, write_plan
from importer.planning.previous_run import PreviousRun, find_all
from importer.planning.rerun_settings import inherit, refuse_other_mapping
from importer.planning.sources import (
    expand_sources,
    gather_left_over,
    gather_sources,
    let_signals_in,
    load_mapping,
    locate_source,
    make_loader,
    name_source,
)
from importer.reader.read import Source
from importer.records import TargetName
from importer.reporter.junit import check_junit_path
from importer.reporter.marked_cells import check_marked_path
from importer.reporter.report import make_check
from importer.result import Overview, Result
from importer.session.control import Plan, RunControl
from importer.session.endpoints import connect
from importer.session.lifecycle import begin_run, finish, least_seconds, may_begin, why_stopped
from importer.settings.options import Settings
from importer.settings.values import canonical_url
from importer.statuses import Status

_ASKING = {
    TargetName.ROOTLY: "asking Rootly for the ids of the users and schedules that rows name",
    TargetName.OPAL: "asking Opal for the groups that rows name",
}
_SEE_FIRST = "See what became of the first records, then rerun to send it."
_NOT_LOOKED_UP = "names in rows that have other problems were not looked up: "


async def run(
    sources: Sequence[Source], settings: Settings, control: RunControl, *, like: RunInfo | None = None
) -> Result:
    """Read and check every row, send the good ones, write the report.

    The mapping is that of the run `like` if the settings name none.

    Raises:
        ImporterError: the run cannot go on. Before anything was sent, it leaves no folder behind.
    """
    expanded = expand_sources(sources)
    check_junit_path(settings.junit, [name_source(source) for source in expanded.sources])
    approved = None if settings.plan is None else read_plan(settings.plan)
    mapping = load_mapping(settings.mapping, like)
    arguments = [locate_source(source) for source in expanded.sources]
    members = {"arguments": arguments, "mapping": mapping.text, "mapping_id": mapping.id}
    with begin_run(settings, "run", control, **members) as folder:
        loader = make_loader(folder.journal, settings, mapping.rules, control.observer, run=folder.path.name)
        await gather_sources(loader, expanded, settings, control.interrupted)
        stopped = await resolve(loader, settings, control)
        return await _finish(folder, loader, settings, control, stopped, approved=approved)


async def check(
    sources: Sequence[Source],
    settings: Settings,
    control: RunControl,
    *,
    is_online: bool = False,
    output: Path | None = None,
) -> Result:
    """Check every row exactly as `run` does, and send nothing.

    `is_online` also asks the targets for the ids of names, and what exists. `output` is a workbook to write, with the
    sources and all findings marked.
    """
    expanded = expand_sources(sources)
    is_online = is_online or settings.online
    names = [name_source(source) for source in expanded.sources]
    if output is not None:
        check_marked_path(output, names)
    if settings.plan is not None:
        check_plan_path(settings.plan, names)
    check_junit_path(settings.junit, names)
    mapping = load_mapping(settings.mapping).rules
    with open_scratch() as journal:
        loader = make_loader(journal, settings, mapping, control.observer, run="", is_resolving=is_online)
        await gather_sources(loader, expanded, settings, control.interrupted)
        forecast, stopped = _Forecast(loader, settings, control), dict[str, str]()
        if is_online:
            stopped = await resolve(loader, settings, control)
            async with connect(journal.open_targets(), settings) as connections:
                stopped |= await forecast.ask(connections)
        else:
            _finish_reading(loader, control)
        result = make_check(journal, settings, output, stopped, is_interrupted=control.interrupted.is_set())
        plan = None if settings.plan is None else write_plan(settings.plan, forecast.lines())
        files = [*result.files, *([plan] if plan else [])]
        return replace(result, files=files, plan=plan, overview=forecast.overview())


async def rerun(
    arguments: Sequence[str], settings: Settings, control: RunControl, *, like: RunInfo | None = None
) -> Result:
    """Continue an earlier run, from its folder or its reports: send only what has not succeeded.

    Raises: as `run`; also JournalError if that run is still running.
    """
    check_junit_path(settings.junit, arguments)
    previous = find_all(arguments, settings.reports, encoding=settings.encoding)
    settings = inherit(settings, previous)
    if not previous.info.was_read:
        return await _start_again(previous, settings, control)
    mapping = load_mapping(settings.mapping, previous.info if previous.info.mapping else like)
    refuse_other_mapping(previous, mapping.id)
    paths = [str(one.path.absolute()) for one in (previous, *previous.others)]
    members = {"arguments": paths, "rerun_of": previous.run}
    base_urls = previous.info.base_urls  # the successes that it takes over are there
    members |= {"mapping": mapping.text, "mapping_id": mapping.id}
    with begin_run(settings, "rerun", control, **members, base_urls=base_urls) as folder:
        loader = make_loader(
            folder.journal, settings, mapping.rules, control.observer, run=folder.path.name, is_repeated=True
        )
        await gather_left_over(loader, previous, settings, control.interrupted)
        stopped = await resolve(loader, settings, control)
        return await _finish(folder, loader, settings, control, stopped)


async def _start_again(previous: PreviousRun, settings: Settings, control: RunControl) -> Result:
    """Repeat a run that ended before it had read its sources: nothing was sent."""
    if previous.info.command == "rerun":
        return await rerun(previous.info.arguments, settings, control, like=previous.info)
    previous.check_sources()
    return await run(previous.info.arguments, settings, control, like=previous.info)


# ---- the stages


async def resolve(loader: Loader, settings: Settings, control: RunControl) -> dict[str, str]:
    """Ask the targets for the ids of names in rows, and fill them in; then find duplicates and overlaps.

    Returns the targets that could not be asked, and why; rows that wait for them stay pending.

    Raises:
        SettingsError: a token that is needed is not set.
    """
    stopped: dict[str, str] = {}
    needed, wished = lists_of(loader.needed), lists_of(loader.wished)
    for target in [one for one in TargetName if one in needed or one in wished]:
        must = needed.get(target, [])
        lists = list(dict.fromkeys([*must, *wished.get(target, [])]))
        found, why_not = None, ""
        try:
            async with connect([target], settings) as connections:
                control.observer.noticed(Notice(_ASKING[target]))
                found = await look_up(
                    target,
                    connections[target],
                    settings,
                    lists=lists,
                    observer=control.observer,
                    interrupted=control.interrupted,
                )
        except SettingsError as error:
            if must:
                raise
            why_not = error.message
        await let_signals_in(control.interrupted)
        if found is None or (why_not := found.why_not(must or lists)):
            loader.leave_unresolved(target, why_not)
            if must:
                stopped[target] = why_not
            else:
                loader.notice(Notice(_NOT_LOOKED_UP + why_not))
            continue
        loader.journal.add_known(found.names(), is_listed=True)
        for _ in loader.resolve(target, found.directory()):
            await let_signals_in(control.interrupted)
    _finish_reading(loader, control)
    return stopped


def _finish_reading(loader: Loader, control: RunControl) -> None:
    """Find duplicates and overlaps, and report what was found about rows."""
    loader.finish()
    journal = loader.journal
    sheets = journal.sheets()
    findings = ((sheets[finding.sheet], finding) for finding in journal.findings())
    control.observer.found(journal.finding_kinds(), findings)


async def _finish(
    folder: RunFolder,
    loader: Loader,
    settings: Settings,
    control: RunControl,
    stopped: dict[str, str],
    *,
    approved: Sequence[PlanLine] | None = None,
) -> Result:
    """Send what is planned and write the report; `stopped` are targets that could not be asked before."""

    async def ask(connections: Mapping[TargetName, Connection], settings: Settings) -> str:
        forecast = _Forecast(loader, settings, control)
        if approved is not None:
            await forecast.hold_to(approved, stopped, connections)
        await forecast.refuse_elsewhere(connections)
        show = partial(forecast.show, connections)
        return await may_begin(_plan(folder, connections, settings), settings, control, show)

    work = partial(_send, folder, control, stopped)
    targets = folder.journal.targets_to_ask(is_looking=not settings.no_closing_look)
    return await finish(folder, targets, settings, control, stopped, ask=ask, work=work)


async def _send(
    folder: RunFolder,
    control: RunControl,
    stopped: dict[str, str],
    connections: Mapping[TargetName, Connection],
    settings: Settings,
) -> dict[TargetName, Delivered]:
    """Send what is planned: all of it, or with --canary the first records, and the rest only if it may go."""
    journal = folder.journal
    job = Job(journal, connections, settings, control.observer, control.interrupted, folder.path.name)
    if settings.canary:
        delivered = await deliver(job, settings.canary)
        is_stopped = any(end.reason for end in delivered.values())
        canary = look_at_first(journal, connections, delivered, is_asked=control.confirm_rest is not None)
        why_not, words = ("not attempted: sending the first records was stopped", "") if is_stopped else ("", "")
        if not is_stopped:
            why_not, words = await may_go_on(canary, control)
        if why_not or not canary.left:
            with suppress(JournalError):  # otherwise only the reason is missing: planned records are pending anyway
                for target in connections:
                    journal.explain_planned(target, why_not, _SEE_FIRST)
            stopped |= {"canary": words} if words else {}
            return delivered
        with suppress(JournalError):  # if it cannot be written, nothing more is sent either
            journal.change_info(stage=RunStage.SENDING)
    return await deliver(job)


class _Forecast:
    """What a run would do, given what its targets have already, before anything is sent."""

    def __init__(self, loader: Loader, settings: Settings, control: RunControl) -> None:
        self._loader = loader
        self._settings = settings
        self._control = control
        self._asked: list[TargetName] | None = None  # None: none was
        self._zone = settings.timezone or "UTC"

    async def ask(self, connections: Mapping[TargetName, Connection]) -> dict[str, str]:
        """Ask the targets once what exists; return those that could not be asked, and why."""
        if self._asked is not None:
            return {}
        control = self._control
        job = Job(self._loader.journal, connections, self._settings, control.observer, control.interrupted)
        found = await find_existing(job)
        self._asked = [target for target, end in found.items() if end.reason is None]
        return why_stopped(found)

    def lines(self) -> Iterator[PlanLine]:
        """Return a line for each record."""
        # The sandbox has another port each time.
        address = self._settings.base_url
        urls = {name: "sandbox" if self._settings.sandbox else canonical_url(address(name)) for name in TargetName}
        loader = self._loader
        return read_lines(loader.journal, loader.rules, urls, asked=self._asked or (), timezone=self._zone)

    def overview(self) -> Overview:
        """Return what would happen, summed up."""
        loader = self._loader
        return read_overview(loader.journal, loader.rules, asked=self._asked or (), timezone=self._zone)

    async def show(self, connections: Mapping[TargetName, Connection], plan: Plan) -> Plan:
        """Add what would happen to a plan, once the user asks to see it."""
        await self.ask(connections)
        to_send = self._loader.journal.open_targets()
        seconds = least_seconds(to_send, self._settings)
        return replace(plan, to_send=to_send, seconds=seconds, overview=self.overview())

    async def hold_to(
        self,
        approved: Sequence[PlanLine],
        stopped: Mapping[str, str],
        connections: Mapping[TargetName, Connection],
    ) -> None:
        """Check that the run will do exactly what was approved.

        Raises:
            UsageError: it would not, or that cannot be determined.
        """
        words = dict(stopped)
        if any(line.exists in ("yes", "no") for line in approved):
            words |= await self.ask(connections)
        path = self._settings.plan
        if words or path is None or self._control.interrupted.is_set():
            why_not = "; ".join(f"{target}: {why}" for target, why in words.items()) or "interrupted"
            raise UsageError(
                f"whether the plan still fits could not be checked, and nothing was sent ({why_not})",
                hint="Run it again when the target can be asked; oncall-importer doctor checks it.",
            )
        hold_to_plan(path, approved, self.lines())

    async def refuse_elsewhere(self, connections: Mapping[TargetName, Connection]) -> None:
        """Check that a target has some of the records that a report, separated from its journal, claims.

        Raises:
            UsageError: it has none of them: the report belongs to another target.
        """
        journal = self._loader.journal
        if not (reported := journal.reported_targets()):
            return
        await self.ask(connections)
        counts, unasked = journal.counts(), journal.reported_targets()
        for target in reported:
            if target not in unasked and not any(counts.get((target, one)) for one in Status if one.is_success):
                raise UsageError(
                    f"{connections[target].base_url} has none of the records that the report says {target} has; "
                    "nothing was sent",
                    hint="Rerun it at the base URL of its run, with the cells of created rows as they were; "
                    "to send everything to another place: oncall-importer run SOURCE",
                )


def _plan(folder: RunFolder, connections: Mapping[TargetName, Connection], settings: Settings) -> Plan:
    journal = folder.journal
    counts = journal.counts()
    to_bind, groups = journal.count_bindings()
    return Plan(
        run=folder.path.name,
        rows=journal.count_rows(),
        invalid=sum(number for (_, status), number in counts.items() if status is Status.INVALID),
        duplicates=sum(number for (_, status), number in counts.items() if status is Status.DUPLICATE),
        to_send=journal.open_targets(),
        base_urls={target: connection.base_url for target, connection in connections.items()},
        is_sandbox=settings.sandbox,
        to_bind=to_bind,
        groups=groups,
        schedules=touched_schedules(journal),
        seconds=least_seconds(journal.open_targets(), settings),
    )
