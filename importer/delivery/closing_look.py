"""The closing look: what a target has once all is sent, compared with what the run says. Sends nothing."""

from __future__ import annotations

from collections import Counter
from functools import partial

import anyio

from importer.delivery.listing import ListReading
from importer.delivery.reconciler import LISTS_AT_ONCE
from importer.delivery.stop import StoppedError
from importer.delivery.target_work import TargetWork, advise, for_each
from importer.errors import TargetError
from importer.journal.states import KEEP_ONE, Change, ClosingDifference
from importer.records import Scope
from importer.statuses import Status


async def look_back(work: TargetWork) -> None:
    """Compare what a target has with what the journal says of a run's records, once all is sent.

    Reading each touched scope once finds records that are there twice, whoever made them; records that were created and
    are not there; and records that were refused and are there after all. If anything is found, the list is read once
    more after the settling time, because a list can be late. Differences are written into the records.

    Raises:
        JournalError: it cannot be written.
    """
    scopes = work.journal.touched_scopes(work.target.name, work.run)
    found: Counter[str] = Counter()
    await for_each(scopes, partial(_look_at, work, found), LISTS_AT_ONCE)
    if found:
        words = ", ".join(f"{number:,} {what}" for what, number in found.items())
        work.notify(f"does not have exactly what this run says ({words}); the report names each record")


async def _look_at(work: TargetWork, found: Counter[str], scope: Scope) -> None:
    """Write into a scope's records how they differ, and count the differences."""
    try:
        differences, is_whole = await _compare(work, scope)
        if first := set(map(_what_lasts, differences)):
            await anyio.sleep(work.settings.settle)
            differences, is_whole = await _compare(work, scope)
        changes = [_describe(work, one, found) for one in differences if _what_lasts(one) in first]
        work.journal.conclude_comparison(work.target.name, scope, changes, is_whole=is_whole)
    except StoppedError:
        return
    except TargetError as error:
        where = f"schedule {scope.name}" if scope.name else "its list"
        work.notify(f"could not be asked at the end whether everything is there ({where}): {error.message}")


def _what_lasts(one: ClosingDifference) -> tuple[int, object]:
    """Return what must be the same in both lists: one copy more or less does not matter while there are several."""
    return one.id, len(one.there) > 1 or one.there


async def _compare(work: TargetWork, scope: Scope) -> tuple[list[ClosingDifference], bool]:
    """Read a scope's list once; return what differs, and whether the list shows all that is there."""
    work.journal.begin_comparison(scope)
    reading = ListReading()
    async for page in work.listing.pages(scope):
        reading.note(page)
        work.journal.note_listed(scope, [(found.key, found.id) for found in page.found])
    differences = work.journal.compare(work.target.name, scope, work.run)
    if reading.contradiction:  # what such a list does not show may be there all the same
        return [one for one in differences if one.there], False
    return differences, True


def _describe(work: TargetWork, one: ClosingDifference, counts: Counter[str]) -> Change:
    """Return the change to a record that is not there as the run says, and count it."""
    target, ids = work.target.name, " and ".join(one.there)
    status, id_ = one.status, one.returned_id
    if len(one.there) > 1:
        what, error = "there twice", f"{target} has it {len(one.there)} times: {ids}"
        hint = KEEP_ONE
    elif status is not Status.CREATED:
        what, id_, error = "there though refused", ids, f"{one.error}; it is there after all: {ids}"
        hint = "Rerun: it is found there, and not created again."
    elif one.there:
        what, id_ = "there under another id", ids
        error = f"the answer named {one.returned_id}, which is not this record; it is there as {ids}"
        hint = "Nothing to do: the id here is the right one."
    else:
        what, status = "missing", Status.UNKNOWN
        error = f"{target} answered that it created it ({id_}), and its list does not have it"
        hint = advise(Status.UNKNOWN)
    counts[what] += 1
    made = work.outcomes.make(status, returned_id=id_, http_status=one.http_status, error=error, hint=hint)
    return Change(one.id, status, made._replace(attempts=one.attempts, run=one.run))
