"""Reconciles the journal with what a target has: before anything is sent, and about doubts. Sends nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from itertools import accumulate

from importer.delivery.listing import MOST_READINGS, ListReading, ScopeRefusedError, Sweep
from importer.delivery.queue import Doubt
from importer.delivery.retry import MOST_ATTEMPTS
from importer.delivery.stop import StoppedError
from importer.delivery.target_work import TargetWork, advise, for_each, give_up
from importer.errors import TargetError
from importer.journal.states import KEEP_ONE
from importer.kinds import KINDS, Overlap
from importer.notice import Notice, NoticeLevel
from importer.records import Problem, Scope, Severity
from importer.statuses import Status
from importer.targets.target import Found

LISTS_AT_ONCE = 8
_LET_REPLACE = "Remove the row, or let it replace that with --replace-overrides."
_LOOK = "Nothing was sent. Look at the target with oncall-importer doctor, then rerun."
_PLAN_AGAIN = "Write a new plan with oncall-importer check --online --plan, and have it approved."


async def mark_existing(work: TargetWork, *, is_approved: bool) -> None:
    """Mark planned records that the target has, and record those in doubt that it has as created.

    A scope that cannot be asked about is decided here. `is_approved`: records may only replace what they were known to
    replace before.
    """
    scopes = work.journal.scopes(work.target.name)
    await for_each(scopes, partial(_find_in_scope, work, is_approved=is_approved), LISTS_AT_ONCE)


async def _find_in_scope(work: TargetWork, scope: Scope, *, is_approved: bool) -> None:
    kind = KINDS[scope.kind]
    overlap = kind.overlap
    try:
        there: dict[str, Found] = {}
        reading = await _read(work, scope, there)
        for _ in range(MOST_READINGS - 1):
            if reading.is_at_one:
                break
            earlier, reading = reading, await _read(work, scope, there)
            if reading.agrees_with(earlier):
                break
        if reading.contradiction:
            where = f" about schedule {scope.name}" if scope.name else ""
            words = f"contradicts itself{where}: {reading.contradiction}; what it does not show is sent"
            work.notify(words)
            work.journal.add_notice(Notice(f"{work.target.name} {words}", NoticeLevel.WARNING))
        if there and overlap is not None:
            _look_at_replaced(work, scope, overlap, there.values(), is_approved=is_approved)
        work.journal.refuse_reported(work.target.name, scope)
    except StoppedError:
        return
    except ScopeRefusedError as error:
        if error.status != 404 or (kind.removal and kind.removal.is_missing(error.payload)):
            close_scope(work, scope, Status.REJECTED, error.message, error.status)
            return
        # The path is missing, not the schedule: a base URL with or without /v1.
        name, where = work.target.name, " of this schedule" if scope.name else ""
        words = f"{work.listing.client.base_url} has no list of {kind.plural}{where} (404): {error.message}"
        variable = f"{name.upper()}_BASE_URL{' and the id of the schedule' if scope.name else ''}"
        hint = f"Nothing was sent. Check {variable}, then run the source again."
        close_scope(work, scope, Status.FAILED, f"{name} could not be asked what exists: {words}", hint=hint)
    except TargetError as error:
        words = f"{work.target.name} could not be asked what exists: {error.message}"
        close_scope(work, scope, Status.FAILED, words, hint=_LOOK)


async def _read(work: TargetWork, scope: Scope, there: dict[str, Found]) -> ListReading:
    """Read the scope's list once, mark what it holds, and keep in `there` what a new record would replace."""
    overlap, reading = KINDS[scope.kind].overlap, ListReading()
    async for page in work.listing.pages(scope):
        work.stop.check(is_write=True)
        reading.note(page)
        existing = work.outcomes.existing()
        planned, in_doubt = work.journal.find(scope.kind, [(found.key, found.id) for found in page.found], existing)
        work.decided(existing.status, planned)
        work.decided(Status.CREATED, in_doubt)
        if overlap is not None and overlap.is_replaced:
            there |= {found.id: found for found in page.found}
    return reading


def _look_at_replaced(
    work: TargetWork, scope: Scope, overlap: Overlap, there: Iterable[Found], *, is_approved: bool
) -> None:
    """Refuse planned records that would replace others at the target; if that is allowed, note what they replace."""
    kind, may_replace = KINDS[scope.kind], work.settings.replace_overrides
    spans = _Spans([(*overlap.span(found.key), found) for found in there])
    refused = []
    for record, key, known in work.journal.planned_in(scope):
        overlapped = spans.overlapping(*overlap.span(key))
        if not overlapped:
            continue
        new = [one for one in overlapped if one.id not in known] if is_approved and may_replace else []
        shown = [f"{one.id} ({kind.describe(one.key, work.names)})" for one in new or overlapped]
        named = f"{kind.plural if len(shown) > 1 else kind.name} {', '.join(shown)}"
        if may_replace and not new:
            work.outcomes.notes[record] = f"replaced {named}"
            problem = Problem(f"it replaces {named}", topic=f"replaces {kind.plural} of {kind.target}")
            work.journal.note_planned(record, Severity.WARNING, problem, [one.id for one in overlapped])
            continue
        words, hint = f"it would replace {named}", _LET_REPLACE
        if new:
            words, hint = f"{words}, which the plan does not say", _PLAN_AGAIN
        problem = Problem(words, hint, topic=f"would replace {kind.plural} of {kind.target}")
        work.journal.note_planned(record, Severity.PROBLEM, problem)
        refused.append((record, work.outcomes.make(Status.INVALID, error=problem.message, hint=hint)))
    work.journal.refuse_planned(refused)
    work.decided(Status.INVALID, len(refused))


def close_scope(
    work: TargetWork, scope: Scope, status: Status, words: str, http_status: int = 0, *, hint: str = ""
) -> None:
    """Decide all planned records of a scope alike."""
    outcome = work.outcomes.make(status, error=words, http_status=http_status, hint=hint)
    work.decided(status, work.journal.close_scope(work.target.name, scope, outcome))


class _Spans:
    """The spans of time that a target has in one scope, to search for overlaps."""

    def __init__(self, spans: list[tuple[int, int, Found]]) -> None:
        self._spans = sorted(spans, key=lambda span: span[:2])
        self._starts = [starts_at for starts_at, _, _ in self._spans]
        self._last_ends = list(accumulate((ends_at for _, ends_at, _ in self._spans), max))

    def overlapping(self, starts_at: int, ends_at: int) -> list[Found]:
        """List what overlaps a span of time, the earliest first."""
        found = []
        index = bisect_left(self._starts, ends_at) - 1
        while index >= 0 and self._last_ends[index] > starts_at:
            if self._spans[index][1] > starts_at:
                found.append(self._spans[index][2])
            index -= 1
        return found[::-1]


async def clear_up_doubts(work: TargetWork) -> None:
    """Ask about doubts until there are no more, without holding up other work.

    All doubts of one scope that have settled share one sweep.
    """
    while (due := await work.queue.take_doubts()) is not None:
        by_scope: defaultdict[Scope, list[Doubt]] = defaultdict(list)
        for doubt in due:
            by_scope[doubt.record.scope].append(doubt)
        await for_each(by_scope.values(), partial(_ask_about, work), LISTS_AT_ONCE)


async def _ask_about(work: TargetWork, doubts: list[Doubt]) -> None:
    """Ask about doubts of one scope."""
    keys = {doubt.record.key for doubt in doubts}
    ids = {doubt.returned_id for doubt in doubts if doubt.returned_id}
    try:
        sweep = await work.listing.sweep(doubts[0].record.scope, keys, ids)
    except ScopeRefusedError as error:  # also 404: a list that cannot be seen is no proof that it is empty
        _leave(work, doubts, f"{error.status}: {error.message}")
    except TargetError as error:
        _leave(work, doubts, error.message)
    except StoppedError:
        _leave(work, doubts, work.stop.words)
    else:
        for doubt in doubts:
            _conclude(work, doubt, sweep)


def _leave(work: TargetWork, doubts: list[Doubt], words: str) -> None:
    """Mark records as unknown about which the target cannot be asked."""
    for doubt in doubts:
        before = f"{doubt.outcome.error}; " if doubt.outcome.error else ""
        error = f"{before}{work.target.name} does not say whether it has it: {words}"
        work.queue.decide(
            doubt.record, doubt.outcome._replace(status=Status.UNKNOWN, error=error, hint=advise(Status.UNKNOWN))
        )


def _conclude(work: TargetWork, doubt: Doubt, sweep: Sweep) -> None:
    """Decide about a record after the target was asked: found, created with other values, or proved absent."""
    record, known = doubt.record, doubt.outcome
    ids = sweep.keys.get(record.key)
    if ids:
        twice = f"{work.target.name} has it {len(ids)} times: {', '.join(ids)}" if len(ids) > 1 else ""
        found = work.outcomes.make(
            Status.CREATED,
            record,
            returned_id=ids[0],
            error=twice,
            hint=KEEP_ONE if twice else "",
            http_status=known.http_status,
        )
        work.queue.decide(record, found)
    elif _is_taken_otherwise(work, doubt, sweep):
        hint = f"Look at {doubt.returned_id} in {work.target.name}: it may be this record with other values."
        work.queue.decide(record, known._replace(status=Status.UNKNOWN, hint=hint))
    elif sweep.reading.contradiction:  # what such a list does not show may be there all the same
        _leave(work, [doubt], sweep.reading.contradiction)
    elif work.stop.reason is not None:
        work.queue.release(record)
    elif record.tries >= MOST_ATTEMPTS:
        work.queue.decide(record, known._replace(status=Status.FAILED, hint=advise(Status.FAILED)))
    elif not work.throttle.may_repeat():
        work.queue.decide(record, give_up(known))
    else:
        work.queue.delay(record, 0.0)


def _is_taken_otherwise(work: TargetWork, doubt: Doubt, sweep: Sweep) -> bool:
    """Return whether the answer named an object that exists and is not another record of this run."""
    if doubt.returned_id not in sweep.ids:
        return False
    key = sweep.ids[doubt.returned_id]
    return key is None or not work.journal.has_key(doubt.record.scope.kind, key)
