"""An undo from end to end: deletes what one run created, newest first, and nothing else.

    the run's journal --ask about doubts--> that, and the journals of its earlier undos
        --> a journal of the undo's own --take out of groups--> --look, delete--> report

An undo is a run itself. Every object is in its journal before the first request, so it can be killed at any moment; the
next undo of the same run takes over what this one did.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from importer.delivery.delivery import Delivered, ask_about_doubts, remove
from importer.delivery.groups import Unbinding, unbind
from importer.delivery.target_work import Job
from importer.delivery.transport import Connection
from importer.errors import DamagedError, JournalError, UsageError
from importer.journal.journal import Journal
from importer.journal.run_folder import JOURNAL_FILE, UNDO, RunFolder, open_run, open_view
from importer.journal.run_info import RunInfo, import_again, info_of_name
from importer.journal.states import BindingState, Change, Leaving, State
from importer.kinds import can_delete
from importer.log import log
from importer.notice import Notice, NoticeLevel
from importer.planning.carry_over import Done, describe_left, plan_removal
from importer.planning.previous_run import PreviousRun, ancestors, check_contents, find_earlier
from importer.planning.rerun_settings import at_its_place, refuse_other_target
from importer.records import Outcome, TargetName
from importer.reporter.junit import check_junit_path
from importer.reporter.summary_json import SUMMARY_FILE
from importer.result import Result
from importer.session.control import Plan, RunControl, RunObserver, SilentObserver
from importer.session.endpoints import connect
from importer.session.lifecycle import (
    begin_run,
    finish,
    least_seconds,
    may_begin,
    settle_locks,
)
from importer.session.target_lock import lock_targets
from importer.settings.options import Settings
from importer.statuses import Status
from importer.targets import TARGETS
from importer.wording import count_of, iso_utc

_CHUNK = 2000


async def undo(argument: str, settings: Settings, control: RunControl) -> Result:
    """Delete what a run created; `argument` is its folder, or its name.

    Raises:
        ImporterError: it cannot go on. Before anything was sent, it leaves no folder behind.
    """
    check_junit_path(settings.junit)
    previous = find_earlier(argument, settings.reports, UNDO)
    settings = _for(previous, settings)
    members = {"arguments": [str(previous.path.absolute())], "undo_of": previous.run, "undone_path": previous.path}
    with begin_run(settings, "undo", control, **members) as folder:
        await _clear_up(folder, previous, settings, control)
        _gather(folder, previous, settings, control)
        return await _finish(folder, previous, settings, control)


def _for(previous: PreviousRun, settings: Settings) -> Settings:
    """Return the settings for the undo: in the sandbox for a rehearsal, and only for one.

    Raises:
        UsageError: the run cannot be undone, or it is a real one and --sandbox was given.
    """
    if not previous.path.is_dir():
        where = f": oncall-importer undo {previous.folder}" if previous.folder else ""
        raise UsageError(
            f"{previous.path} is a report, and its cells can have been edited", hint=f"Name the run's folder{where}."
        )
    if previous.info.is_undo:
        raise UsageError(
            f"{previous.run} is an undo itself: what it deleted cannot be brought back",
            hint=f"{import_again(previous.run)}; to go on with it: oncall-importer undo {previous.info.undone_path}",
        )
    return at_its_place(settings, previous, "what it created is not in the sandbox")


# ---- what is to be deleted


class _Listener(SilentObserver):
    """Passes on only what holds a target up: clearing up doubts is not progress of the undo."""

    def __init__(self, observer: RunObserver) -> None:
        self._observer = observer

    def target_noticed(self, target: TargetName, words: str) -> None:
        self._observer.target_noticed(target, words)


async def _clear_up(folder: RunFolder, previous: PreviousRun, settings: Settings, control: RunControl) -> None:
    """Ask the targets about the records that the run had in flight when it was killed, or that ended as unknown."""
    with open_run(previous.path, UNDO) as opened:
        journal = opened.journal
        journal.doubt_unknown()
        doubts = {target: len(records) for target in TargetName if (records := journal.in_doubt(target))}
        if not doubts:
            return
        refuse_other_target(settings, previous, doubts, is_undo=True)
        async with (
            connect(doubts, settings) as connections,
            lock_targets(connections, folder.path, settings, control) as locks,
        ):
            for target, number in doubts.items():
                words = f"{count_of(number, 'record')} of {previous.run} that may have been created"
                control.observer.target_noticed(target, f"is asked in {settings.settle:g} s about {words}")
            listener = _Listener(control.observer)
            await ask_about_doubts(Job(journal, connections, settings, listener, control.interrupted, previous.run))
            settle_locks(journal, locks)


def _gather(folder: RunFolder, previous: PreviousRun, settings: Settings, control: RunControl) -> None:
    """Load what the run created and what earlier undos did; from then on the run's journal names this undo."""
    with open_run(previous.path, UNDO) as opened:
        journal, copy = opened.journal, folder.journal
        undos = list(journal.info().undone_by)
        _credit_others(previous, journal, {previous.path.parent, settings.reports.absolute()})
        for source in journal.sources():
            copy.add_source(*source)
        for sheet in journal.sheets():
            copy.add_sheet(sheet)
        # An undo that failed before it sent anything has freed its name, which can be this one's now.
        undos = [one for one in undos if Path(one).name != folder.path.name]
        done = _remember(undos, previous.path, journal)
        # Newest first: the undo works through its journal in this order.
        planned = (
            (sheet, row, [plan_removal(entry, previous.run, done, joined)])
            for sheet, row, entry, joined in journal.created_by(previous.run)
        )
        while chunk := list(islice(planned, _CHUNK)):
            copy.add_rows(chunk)
        copy.finish_reading()
        refuse_other_target(settings, previous, copy.open_targets(), is_undo=True)
        notices = [
            Notice(
                f"{count_of(number, 'record')} that {run} created stay{'s' if number == 1 else ''}: undo that run too",
                NoticeLevel.LEFT_OUT,
            )
            for run, number in journal.created_by_others(previous.run)
        ]
        if number := journal.count_replacing(previous.run):
            what = (
                f"{count_of(number, 'override')} of {previous.run} took the place of others, which an undo cannot bring"
            )
            notices.append(Notice(f"{what} back; its report names them", NoticeLevel.WARNING))
        for notice in notices:
            copy.add_notice(notice)
            control.observer.noticed(notice)
        journal.change_info(undone_by=[*undos, str(folder.path.absolute())])


def _credit_others(previous: PreviousRun, journal: Journal, places: Collection[Path]) -> None:
    """Leave to other runs in these reports folders what they created while it was unknown whether this run had.

    A rerun can also have found what this run created; it has sent a record itself if it has more attempts.

    Raises:
        JournalError: the journal of another run, which may have created some of them, cannot be read.
    """
    found = journal.made_by(previous.run, is_all=False)
    if not found:
        return
    files = (file for place in places for name in (JOURNAL_FILE, SUMMARY_FILE) for file in place.glob(f"*/{name}"))
    for folder in sorted({file.parent.absolute() for file in files}):
        try:
            with open_view(folder) as view:
                info = view.info()
                made = view.made_by(info.run)
        except (JournalError, OSError) as error:
            info, made = info_of_name(folder.name), {}
            if _may_have_created(info, previous):
                raise JournalError(
                    f"the journal of {folder} cannot be read, and that run may have created some of the "
                    f"{count_of(len(found), 'record')} that {previous.run} had left in doubt; nothing was deleted",
                    hint=f"If it did not, move it out of {folder.parent}; then undo again.",
                ) from error
        if _may_have_created(info, previous):
            is_later = previous.run in ancestors(info, folder.parent)
            shared = [(record, known, made[place][1]) for place, (record, known) in found.items() if place in made]
            name = info.run if info.run != previous.run else f"{folder.parent.name}/{info.run}"
            journal.credit(name, [record for record, known, sent in shared if sent > (known if is_later else 0)])


def _may_have_created(info: RunInfo, previous: PreviousRun) -> bool:
    """Return whether another run can have created what a run left in doubt: an undo or a rehearsal cannot.

    Runs of one second have the same name in different folders; the copy of a run's folder is still that run.
    """
    own = previous.info
    is_itself = (info.run, info.started_at, info.pid) == (own.run, own.started_at, own.pid)
    return not is_itself and not info.is_undo and info.is_sandbox == own.is_sandbox


def _remember(undos: list[str], run: Path, journal: Journal) -> Done:
    """Read what earlier undos did; write into the run's journal what they took out of groups, if they did not.

    An undo whose folder is missing sent nothing, or its folder was removed; the target is asked in that case, and if a
    journal is damaged.
    """
    done: Done = {}
    for written in map(Path, undos):
        places = (written, run.parent / written.name)  # the reports folder can have been moved
        if folder := next(filter(Path.is_dir, places), None):
            with suppress(DamagedError), open_run(folder) as opened:
                check_contents(opened.journal)
                journal.remove_bindings(opened.journal.removed_bindings())
                entries = (entry for _, _, entry in opened.journal.entries())
                done.update(((one.target, one.outcome.id), one) for one in entries if one.target and one.outcome.id)
    return done


# ---- the stages that follow


async def _finish(folder: RunFolder, previous: PreviousRun, settings: Settings, control: RunControl) -> Result:
    """Take records out of groups, delete objects as planned, and write the report."""
    journal = folder.journal
    stopped: dict[str, str] = {}

    async def ask(connections: Mapping[TargetName, Connection], settings: Settings) -> str:
        return await may_begin(_plan(folder, connections, settings), settings, control)

    async def delete(connections: Mapping[TargetName, Connection], settings: Settings) -> dict[TargetName, Delivered]:
        job = Job(journal, connections, settings, control.observer, control.interrupted, folder.path.name)
        stopped.update(await _leave_groups(job))
        _pass_on_removed(journal, previous.path)
        able = {target: one for target, one in connections.items() if can_delete(target)}
        return await remove(replace(job, connections=able))

    return await finish(folder, journal.open_targets(), settings, control, stopped, ask=ask, work=delete)


def _plan(folder: RunFolder, connections: Mapping[TargetName, Connection], settings: Settings) -> Plan:
    journal = folder.journal
    counts = journal.counts()
    leaving = journal.count_leaving()
    by_hand = Counter({target: counts.get((target, Status.MANUAL), 0) for target in TARGETS})
    by_hand.update({target: manual for target, (_, _, manual) in leaving.items()})
    to_send = journal.open_targets()
    return Plan(
        run=folder.path.name,
        rows=journal.count_rows(),
        invalid=0,
        duplicates=0,
        to_send=to_send,
        base_urls={target: connections[target].base_url for target in to_send},
        is_sandbox=settings.sandbox,
        undo_of=journal.info().undo_of,
        by_hand=+by_hand,
        to_unbind={target: records for target, (records, _, _) in leaving.items()},
        groups=sum(groups for _, groups, _ in leaving.values()),
        seconds=least_seconds({one: number for one, number in to_send.items() if one not in leaving}, settings),
        done=sum(number for (_, status), number in counts.items() if status.is_removed),
    )


# ---- groups: everything is in the undo's journal before the first request


#: If several groups failed, the worst status, which comes first here, is the record's.
_WORST = (Status.UNKNOWN, Status.FAILED, Status.PENDING)
_HINTS = {
    Status.UNKNOWN: "Undo again: the group's list is read first.",
    Status.FAILED: "Check the group, then undo again; if the group was deleted, nothing is left to undo.",
    Status.PENDING: "Undo again to go on.",
}


async def _leave_groups(job: Job) -> dict[str, str]:
    """Take out of groups what the run had added to them; return the targets whose work ended early, and why."""
    stopped: dict[str, str] = {}
    for target in job.connections:
        groups = job.journal.leaving(target)
        if not groups:
            continue
        ledger = _Ledger(job, target, groups)
        words = f"takes {count_of(ledger.records, 'schedule')} out of {count_of(len(groups), 'group')}"
        job.observer.target_noticed(target, words)
        removals = {group: [one.returned_id for one in members] for group, members in groups.items()}
        if why := await unbind(job, target, removals, ledger):
            stopped[target.value] = why
    return stopped


def _pass_on_removed(journal: Journal, run: Path) -> None:
    """Write into the run's journal what an undo took out of groups; if that fails, the next undo does it."""
    if removed := journal.removed_bindings():
        try:
            with open_run(run, UNDO) as opened:
                opened.journal.remove_bindings(removed)
        except JournalError as error:
            log(logging.WARNING, "failed", f"the run's journal does not have what left its groups: {error.message}")


class _Ledger:
    """Writes the outcome of each record into the undo's journal."""

    def __init__(self, job: Job, target: TargetName, groups: Mapping[str, Sequence[Leaving]]) -> None:
        self._job = job
        self._target = target
        self._groups = groups
        self._left = Counter(one.record for members in groups.values() for one in members)  # groups to do
        self._stood: dict[str, Collection[str]] = {}  # in the list, before the first PUT
        self._ends: defaultdict[int, list[tuple[str, Unbinding]]] = defaultdict(list)

    @property
    def records(self) -> int:
        """The number of records to be taken out."""
        return len(self._left)

    def begin(self, group: str, there: Collection[str]) -> None:
        """Mark what a PUT that is about to leave takes out."""
        self._stood[group] = frozenset(there)
        self._job.journal.change(
            [Change(one.record, State.SENDING, Outcome(Status.UNKNOWN, one.returned_id)) for one in self._groups[group]]
        )

    def end(self, group: str, result: Unbinding) -> None:
        """Write down a group's result, and decide the records for which it was the last group."""
        members = self._groups[group]
        if result.status is None:
            self._job.journal.set_bindings(group, {one.record: BindingState.REMOVED for one in members})
        for one in members:
            self._left[one.record] -= 1
            self._ends[one.record].append((group, result))
        decided = [self._decide(one) for one in members if not self._left[one.record]]
        self._job.journal.change(decided)
        for status, number in Counter(change.outcome.status for change in decided).items():
            if status is not Status.PENDING:
                self._job.observer.decided(self._target, status, number)

    def _decide(self, one: Leaving) -> Change:
        """Decide a record: it is in none of its groups any more, still in some, or perhaps in some."""
        ends, http_status = self._ends[one.record], 0
        if bad := [result for _, result in ends if result.status is not None]:
            worst = min(bad, key=lambda result: _WORST.index(_as_undone(result)))
            status, http_status = _as_undone(worst), worst.http_status
            error, hint = "; ".join(_describe(group, result) for group, result in ends), _HINTS[status]
        else:
            groups = [group for group, _ in ends]
            removed = [group for group in groups if one.returned_id.lower() in self._stood.get(group, ())]
            gone = [group for group in groups if group not in removed]
            status = Status.GONE if one.was is Status.DELETED and not removed else one.was
            error, hint = describe_left(status, one.kind, self._target, one.returned_id, removed=removed, gone=gone)
        outcome = Outcome(status, one.returned_id, http_status, error, hint=hint, run=self._job.run)
        if status is Status.PENDING:
            return Change(one.record, State.PLANNED, outcome)
        return Change(one.record, status, outcome._replace(finished_at=iso_utc(datetime.now(UTC))))


def _as_undone(result: Unbinding) -> Status:
    """Return the status of a record whose group could not be changed."""
    return Status.FAILED if result.status is Status.REJECTED else result.status or Status.FAILED


def _describe(group: str, result: Unbinding) -> str:
    if result.status is None:
        return f"it was taken out of group {group}"
    if result.status is Status.UNKNOWN:
        return f"whether it is still in group {group} is not known: {result.words}"
    return f"it was not taken out of group {group}: {result.words}"
