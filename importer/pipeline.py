"""A run from end to end. The only place that knows the order of the stages.

    source --read--> rows --normalize--> journal --ask for ids--> --ask what exists--> --send-->
        --ask about what is in doubt--> report

Every row is in the journal before anything is sent; each stage reads from it and writes to it, so a run can be killed
at any moment and taken up again by `rerun`.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from importer.canary import leave_rest, look_at_first, may_go_on
from importer.connecting import connect
from importer.earlier import find_earlier
from importer.errors import JournalError
from importer.execution import (
    begin_run,
    begin_sending,
    check_junit,
    dump,
    hold,
    log_end,
    rescue,
    settle_turns,
    why_stopped,
)
from importer.gathering import gather_left_over, gather_sources, load_mapping, locate_source, name_source
from importer.guide import Plan
from importer.journal import open_scratch
from importer.log import log
from importer.normalizer import write_mapping
from importer.pool import deliver
from importer.records import Status
from importer.repeating import inherit
from importer.report import make_check, make_report
from importer.reporter import check_marked_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from importer.earlier import Earlier
    from importer.gathering import Source
    from importer.guide import Guide
    from importer.journal import Journal, RunFolder
    from importer.pool import Connection, Delivered
    from importer.records import TargetName
    from importer.results import Result
    from importer.settings import Settings


async def run(sources: Sequence[Source], settings: Settings, guide: Guide, *, written_mapping: str = "") -> Result:
    """Read and check every row, send the good ones, write the report.

    `written_mapping` counts where the settings name no mapping file.

    Raises:
        ImporterError: the run cannot go on. Before anything was sent, it leaves no folder behind.
    """
    check_junit(settings, [name_source(source) for source in sources])
    mapping = load_mapping(settings.mapping, written_mapping)
    facts = {"command": "run", "arguments": dump([locate_source(source) for source in sources])}
    facts["mapping"] = write_mapping(mapping)
    with begin_run(settings, facts, guide) as folder:
        stopped = await gather_sources(folder.journal, sources, settings, mapping, guide, run=folder.path.name)
        return await _finish(folder, settings, guide, stopped)


async def check(
    sources: Sequence[Source],
    settings: Settings,
    guide: Guide,
    *,
    is_online: bool = False,
    output: Path | None = None,
) -> Result:
    """Read and check every row just as `run` does; write nothing.

    `is_online` also asks the targets for the ids of what is named, and what exists. `output` is a workbook to be
    written, with the sources in it and all that was found marked.
    """
    if output is not None:
        check_marked_path(output, [name_source(source) for source in sources])
    check_junit(settings, [name_source(source) for source in sources])
    mapping = load_mapping(settings.mapping)
    with open_scratch() as journal:
        stopped = await gather_sources(journal, sources, settings, mapping, guide, run="", is_resolving=is_online)
        if is_online:
            async with connect(journal.open_targets(), settings) as connections:
                stopped |= why_stopped(await _deliver(journal, connections, settings, "", guide, limit=0))
        is_interrupted = guide.interrupted.is_set()
        return make_check(journal, output, stopped, is_interrupted=is_interrupted, junit=settings.junit)


async def rerun(argument: str, settings: Settings, guide: Guide, *, written_mapping: str = "") -> Result:
    """Go on with an earlier run, from its folder or its report: only what has not succeeded is sent.

    Raises: as `run`; also JournalError, where that run is still going on.
    """
    check_junit(settings, [argument])
    earlier = find_earlier(argument, settings.reports)
    settings = inherit(settings, earlier)
    if not earlier.was_read:
        return await _start_again(earlier, settings, guide)
    mapping = load_mapping(settings.mapping, written_mapping or earlier.facts.get("mapping", ""))
    facts = {"command": "rerun", "arguments": dump([str(earlier.path.absolute())]), "rerun_of": earlier.run}
    facts["mapping"] = write_mapping(mapping)
    with begin_run(settings, facts, guide) as folder:
        stopped = await gather_left_over(folder, earlier, settings, mapping, guide)
        return await _finish(folder, settings, guide, stopped)


async def _start_again(earlier: Earlier, settings: Settings, guide: Guide) -> Result:
    """Repeat a run that ended before it had read its sources: nothing was sent."""
    written = earlier.facts.get("mapping", "")
    if earlier.facts.get("command") == "rerun":
        return await rerun(earlier.arguments[0], settings, guide, written_mapping=written)
    earlier.check_sources()
    return await run(earlier.arguments, settings, guide, written_mapping=written)


# ---- the stages


async def _finish(folder: RunFolder, settings: Settings, guide: Guide, stopped: dict[str, str]) -> Result:
    """Send what is planned and write the report; `stopped` are targets that could not be asked before."""
    journal = folder.journal
    async with connect(journal.open_targets(), settings) as connections:
        why_not = await _ask_to_go_on(folder, connections, settings, guide)
        if why_not:
            for target in connections:
                journal.explain_planned(target, f"not attempted: {why_not}", "rerun to send it")
        else:
            async with hold(connections, folder, settings, guide) as turns:
                begin_sending(journal, turns, connections, stage="canary" if settings.canary else "sending")
                delivered = await _send(folder, connections, settings, guide, stopped)
                settle_turns(journal, turns)
            stopped |= why_stopped(delivered) | rescue(folder, delivered)
    result = make_report(folder, settings, stopped, is_interrupted=guide.interrupted.is_set())
    log_end(result)
    return result


async def _send(
    folder: RunFolder,
    connections: Mapping[TargetName, Connection],
    settings: Settings,
    guide: Guide,
    stopped: dict[str, str],
) -> dict[TargetName, Delivered]:
    """Send what is planned: all of it, or with --canary the first records, and the rest only if it may go."""
    journal, run_name = folder.journal, folder.path.name
    if settings.canary:
        delivered = await _deliver(journal, connections, settings, run_name, guide, limit=settings.canary)
        is_stopped = any(end.reason for end in delivered.values())
        canary = look_at_first(journal, connections, delivered, is_asked=guide.confirm_rest is not None)
        why_not, words = ("not attempted: the first records were stopped", "") if is_stopped else ("", "")
        if not is_stopped:
            why_not, words = await may_go_on(canary, guide)
        if why_not or not canary.left:
            leave_rest(journal, connections, why_not)
            stopped |= {"canary": words} if words else {}
            return delivered
        with suppress(JournalError):  # if it cannot be written, nothing more is sent either
            journal.set_facts({"stage": "sending"})
    return await _deliver(journal, connections, settings, run_name, guide)


async def _ask_to_go_on(
    folder: RunFolder, connections: Mapping[TargetName, Connection], settings: Settings, guide: Guide
) -> str:
    """Give the reason why nothing is to be sent; empty where all may go."""
    journal = folder.journal
    counts = journal.counts()
    invalid = sum(number for (_, status), number in counts.items() if status is Status.INVALID)
    to_bind, groups = journal.bindings.count()
    plan = Plan(
        run=folder.path.name,
        rows=journal.count_rows(),
        invalid=invalid,
        duplicates=sum(number for (_, status), number in counts.items() if status is Status.DUPLICATE),
        to_send=journal.open_targets(),
        base_urls={target: connection.base_url for target, connection in connections.items()},
        is_sandbox=settings.sandbox,
        to_bind=to_bind,
        groups=groups,
    )
    guide.observer.planned(plan)
    log(logging.INFO, "planned", f"{plan.rows} rows, {plan.invalid} invalid", to_send=plan.to_send)
    if settings.strict and invalid:
        return f"{invalid} rows are invalid, and --strict sends nothing while any is"
    if plan.to_send and guide.confirm is not None and not settings.sandbox and not await guide.confirm(plan):
        return "interrupted" if guide.interrupted.is_set() else "you said no"
    return ""


async def _deliver(
    journal: Journal,
    connections: Mapping[TargetName, Connection],
    settings: Settings,
    run_name: str,
    guide: Guide,
    *,
    limit: int | None = None,
) -> dict[TargetName, Delivered]:
    return await deliver(
        journal,
        connections,
        settings,
        run=run_name,
        observer=guide.observer,
        interrupted=guide.interrupted,
        limit=limit,
    )
