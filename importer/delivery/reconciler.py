"""What a target has against what the journal says: before anything is sent, about doubts, in the end. No writes."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING

import anyio

from importer.delivery.listing import MOST_READINGS, ListReading, ScopeRefusedError
from importer.delivery.replies import MOST_ATTEMPTS
from importer.delivery.stop import StoppedError
from importer.delivery.target_work import advise, for_each, give_up
from importer.errors import TargetError
from importer.journal.states import Change
from importer.kinds import KINDS, Names
from importer.records import Problem, Severity
from importer.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from importer.delivery.listing import Sweep
    from importer.delivery.queue import Doubt
    from importer.delivery.target_work import TargetWork
    from importer.journal.states import ClosingDifference
    from importer.kinds import Overlap, RecordKind
    from importer.records import Scope
    from importer.targets.target import Found


_AT_ONCE = 8  # lists
_LET_REPLACE = "Take the row out, or let it replace that with --replace-overrides."
_PLAN_AGAIN = "Write a new plan with oncall-importer check --online --plan, and have it approved."


class Existing:
    """Marks planned records that the target has, and takes as created those in doubt that it has."""

    def __init__(self, work: TargetWork) -> None:
        self._work = work
        self._names: Names | None = None  # read where something is to be named

    async def find(self, *, is_approved: bool) -> None:
        """Ask about every scope that has open records; a scope that cannot be asked about is decided here.

        `is_approved`: they may only replace what they were known to replace before.
        """
        scopes = self._work.journal.scopes(self._work.target.name)
        await for_each(scopes, partial(self._find_in_scope, is_approved=is_approved), _AT_ONCE)

    async def _find_in_scope(self, scope: Scope, *, is_approved: bool) -> None:
        overlap = KINDS[scope.kind].overlap
        try:
            there: dict[str, Found] = {}
            reading = await self._read(scope, there)
            for _ in range(MOST_READINGS - 1):
                if reading.is_at_one:
                    break
                earlier, reading = reading, await self._read(scope, there)
                if reading.agrees_with(earlier):
                    break
            if reading.contradiction:
                where = f" about schedule {scope.name}" if scope.name else ""
                self._work.tell(f"contradicts itself{where}: {reading.contradiction}; what it does not show is sent")
            if there and overlap is not None:
                self._look_at_replaced(scope, overlap, there.values(), is_approved=is_approved)
            self._work.journal.refuse_reported(self._work.target.name, scope)
        except StoppedError:
            return
        except ScopeRefusedError as error:
            self.close_scope(scope, Status.REJECTED, error.message, error.status)
        except TargetError as error:
            words = f"{self._work.target.name} could not be asked what exists: {error.message}"
            self.close_scope(scope, Status.FAILED, words)

    async def _read(self, scope: Scope, there: dict[str, Found]) -> ListReading:
        """Read the scope's list once, mark what it holds, and keep in `there` what a new record would replace."""
        overlap, reading = KINDS[scope.kind].overlap, ListReading()
        async for page in self._work.listing.pages(scope):
            self._work.stop.check(is_write=True)
            reading.note(page)
            existing = self._work.outcomes.existing()
            planned, in_doubt = self._work.journal.find(
                scope.kind, [(found.key, found.id) for found in page.found], existing
            )
            self._work.decided(existing.status, planned)
            self._work.decided(Status.CREATED, in_doubt)
            if overlap is not None and overlap.is_replaced:
                there |= {found.id: found for found in page.found}
        return reading

    def _look_at_replaced(self, scope: Scope, overlap: Overlap, there: Iterable[Found], *, is_approved: bool) -> None:
        """Refuse planned records that would replace others at the target; where they may, note what they replace."""
        kind, may_replace = KINDS[scope.kind], self._work.settings.replace_overrides
        spans = _Spans([(*overlap.span(found.key), found) for found in there])
        refused = []
        for record, key, known in self._work.journal.planned_in(scope):
            overlapped = spans.overlapping(*overlap.span(key))
            if not overlapped:
                continue
            new = [one for one in overlapped if one.id not in known] if is_approved and may_replace else []
            named = self._name(kind, new or overlapped)
            if may_replace and not new:
                self._work.outcomes.notes[record] = f"replaced {named}"
                problem = Problem(f"it replaces {named}", topic=f"replaces {kind.plural} of {kind.target}")
                self._work.journal.note_planned(record, Severity.WARNING, problem, [one.id for one in overlapped])
                continue
            words, hint = f"it would replace {named}", _LET_REPLACE
            if new:
                words, hint = f"{words}, which the plan does not say", _PLAN_AGAIN
            problem = Problem(words, hint, topic=f"would replace {kind.plural} of {kind.target}")
            self._work.journal.note_planned(record, Severity.PROBLEM, problem)
            refused.append((record, self._work.outcomes.make(Status.INVALID, error=problem.message, hint=hint)))
        self._work.journal.refuse_planned(refused)
        self._work.decided(Status.INVALID, len(refused))

    def _name(self, kind: RecordKind, found: Sequence[Found]) -> str:
        if self._names is None:
            self._names = Names(self._work.journal.names())
        described = ", ".join(f"{one.id} ({kind.describe(one.key, self._names)})" for one in found)
        return f"{kind.plural if len(found) > 1 else kind.name} {described}"

    def close_scope(self, scope: Scope, status: Status, words: str, http_status: int = 0) -> None:
        """Decide all planned records of a scope alike."""
        outcome = self._work.outcomes.make(status, error=words, http_status=http_status)
        self._work.decided(status, self._work.journal.close_scope(self._work.target.name, scope, outcome))


class _Spans:
    """What a target has in one scope, found by the time that it overlaps."""

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


class Reconciler:
    """Clears up what is in doubt, without holding up anything else."""

    def __init__(self, work: TargetWork) -> None:
        self._work = work

    async def work(self) -> None:
        """Ask about doubts until there are no more; all that have settled in one scope share one sweep."""
        while (due := await self._work.queue.take_doubts()) is not None:
            by_scope: defaultdict[Scope, list[Doubt]] = defaultdict(list)
            for doubt in due:
                by_scope[doubt.record.scope].append(doubt)
            await for_each(by_scope.values(), self._ask_about, _AT_ONCE)

    async def _ask_about(self, doubts: list[Doubt]) -> None:
        """Ask about doubts of one scope."""
        keys = {doubt.record.key for doubt in doubts}
        ids = {doubt.returned_id for doubt in doubts if doubt.returned_id}
        try:
            sweep = await self._work.listing.sweep(doubts[0].record.scope, keys, ids)
        except ScopeRefusedError as error:  # also 404: a list that cannot be seen is no proof that it is empty
            self._leave(doubts, f"{error.status}: {error.message}")
        except TargetError as error:
            self._leave(doubts, error.message)
        except StoppedError:
            self._leave(doubts, self._work.stop.words)
        else:
            for doubt in doubts:
                self._conclude(doubt, sweep)

    def _leave(self, doubts: list[Doubt], words: str) -> None:
        """Leave records unknown that the target cannot be asked about."""
        for doubt in doubts:
            before = f"{doubt.outcome.error}; " if doubt.outcome.error else ""
            error = f"{before}{self._work.target.name} does not say whether it has it: {words}"
            self._work.queue.decide(
                doubt.record, doubt.outcome._replace(status=Status.UNKNOWN, error=error, hint=advise(Status.UNKNOWN))
            )

    def _conclude(self, doubt: Doubt, sweep: Sweep) -> None:
        """Decide about a record after the target was asked: found, taken otherwise, or proved absent."""
        record, known = doubt.record, doubt.outcome
        ids = sweep.keys.get(record.key)
        if ids:
            twice = f"{self._work.target.name} has it {len(ids)} times: {', '.join(ids)}" if len(ids) > 1 else ""
            found = self._work.outcomes.make(
                Status.CREATED, record, returned_id=ids[0], error=twice, http_status=known.http_status
            )
            self._work.queue.decide(record, found)
        elif self._is_taken_otherwise(doubt, sweep):
            hint = f"Look at {doubt.returned_id} in {self._work.target.name}: it may be this record with other values."
            self._work.queue.decide(record, known._replace(status=Status.UNKNOWN, hint=hint))
        elif sweep.reading.contradiction:  # what such a list does not show may be there all the same
            self._leave([doubt], sweep.reading.contradiction)
        elif self._work.stop.reason is not None:
            self._work.queue.release(record)
        elif record.tries >= MOST_ATTEMPTS:
            self._work.queue.decide(record, known._replace(status=Status.FAILED, hint=advise(Status.FAILED)))
        elif not self._work.throttle.may_repeat():
            self._work.queue.decide(record, give_up(known))
        else:
            self._work.queue.delay(record, 0.0)

    def _is_taken_otherwise(self, doubt: Doubt, sweep: Sweep) -> bool:
        """Return whether the answer named an object that is there, and is none of this run's other records."""
        if doubt.returned_id not in sweep.ids:
            return False
        key = sweep.ids[doubt.returned_id]
        return key is None or not self._work.journal.has_key(doubt.record.scope.kind, key)


class ClosingLook:
    """Compares what a target has with what the journal says of a run's records, once all is sent.

    One reading of each scope that was touched finds what is there twice, whoever made it; what was created and is not
    there; and what was refused and is there after all. Where something is found, the list is read once more after the
    settling time: a list can be late.
    """

    def __init__(self, work: TargetWork) -> None:
        self._work = work
        self._found: Counter[str] = Counter()

    async def look(self) -> None:
        """Look at every scope in which the run sent something; what is different is written into its records.

        Raises:
            JournalError: it cannot be written.
        """
        scopes = self._work.journal.touched_scopes(self._work.target.name, self._work.run)
        await for_each(scopes, self._look_at, _AT_ONCE)
        doubled = self._found["there twice"]
        if doubled:
            self._work.journal.change_info(doubled=self._work.journal.info().doubled + doubled)
        if self._found:
            found = ", ".join(f"{number} {what}" for what, number in self._found.items())
            self._work.tell(f"does not have exactly what this run says ({found}); the report names each record")

    async def _look_at(self, scope: Scope) -> None:
        try:
            first = {(one.id, one.there) for one in await self._compare(scope)}
            if first:
                await anyio.sleep(self._work.settings.settle)
                lasting = [one for one in await self._compare(scope) if (one.id, one.there) in first]
                self._work.journal.change([self._describe(one) for one in lasting])
        except StoppedError:
            return
        except TargetError as error:
            where = f"schedule {scope.name}" if scope.name else "its list"
            self._work.tell(f"could not be asked at the end whether all is there ({where}): {error.message}")

    async def _compare(self, scope: Scope) -> list[ClosingDifference]:
        self._work.journal.begin_comparison(scope)
        reading = ListReading()
        async for page in self._work.listing.pages(scope):
            reading.note(page)
            self._work.journal.note_listed(scope, [(found.key, found.id) for found in page.found])
        differences = self._work.journal.compare(self._work.target.name, scope, self._work.run)
        if reading.contradiction:  # what such a list does not show may be there all the same
            return [one for one in differences if one.there]
        return differences

    def _describe(self, one: ClosingDifference) -> Change:
        """Return what a record becomes that is not there as the run says."""
        target, ids = self._work.target.name, " and ".join(one.there)
        status, id_ = one.status, one.returned_id
        if len(one.there) > 1:
            what, error = "there twice", f"{target} has it {len(one.there)} times: {ids}"
            hint = f"delete all but one of them in {target}; nothing was deleted"
        elif status is not Status.CREATED:
            what, id_, error = "there though refused", ids, f"{one.error}; it is there after all: {ids}"
            hint = "Rerun: it is found there, and not created again."
        elif one.there:
            what, id_ = "there under another id", ids
            error = f"the answer named {one.returned_id}, which is not this record; it is there as {ids}"
            hint = "Nothing is to be done: the id here is the right one."
        else:
            what, status = "missing", Status.UNKNOWN
            error = f"{target} answered that it created it ({id_}), and its list does not have it"
            hint = advise(Status.UNKNOWN)
        self._found[what] += 1
        made = self._work.outcomes.make(status, returned_id=id_, http_status=one.http_status, error=error, hint=hint)
        return Change(one.id, status, made._replace(attempts=one.attempts))
