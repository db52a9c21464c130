"""Records on their way: in the order of the source, each handed out once, and on disk whatever becomes of it.

In virtual time, with a real journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from importer.delivery.queue import Doubt, Queue
from importer.delivery.stop import Reason, Stop
from importer.errors import JournalError
from importer.journal.journal import Journal
from importer.journal.run_folder import create_run
from importer.journal.states import Change, Claimed, Entry, State
from importer.records import Outcome, Row, Scope, Sheet, TargetName
from importer.statuses import Status

from .virtual_time import VIRTUAL, now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


pytestmark = pytest.mark.anyio

CREATED = Outcome(Status.CREATED, id="id-1", http_status=201, attempts=1)
UNKNOWN = Outcome(Status.UNKNOWN, error="no complete answer in time", attempts=1)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return VIRTUAL


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with create_run(tmp_path / "reports", "a-run") as folder:
        yield folder.journal


def plan(journal: Journal, number: int, state: State = State.PLANNED) -> None:
    """Have so many records of rows 2, 3, 4 ... ready to be sent."""
    sheet = journal.add_sheet(Sheet("a.csv", "a", ("remote_id",), (0,)))
    journal.add_rows(
        [
            (
                sheet,
                Row(line, (f"P{line}",)),
                [Entry(state, "schedule", TargetName.OPAL, "", ("PAGER_DUTY", f"P{line}"))],
            )
            for line in range(2, number + 2)
        ],
    )
    journal.finish_reading()


class Full:
    """A journal whose disk is full from some moment on."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.is_full = False

    def claim(self, *arguments: Any) -> list[Claimed]:
        self._check()
        return self._journal.claim(*arguments)

    def change(self, changes: list[Change]) -> None:
        self._check()
        self._journal.change(changes)

    def _check(self) -> None:
        if self.is_full:
            raise JournalError("the journal cannot be written: database or disk is full", hint="make room")


def make(journal: Any, *, claim_size: int = 10, stop: Stop | None = None) -> tuple[Queue, list[Status]]:
    decided: list[Status] = []

    def note(status: Status, number: int) -> None:
        decided.extend([status] * number)

    return Queue(journal, TargetName.OPAL, claim_size, note, stop or Stop()), decided


def states(journal: Journal) -> list[str]:
    """What is on disk about each record, in the order of the source."""
    return [str(entry.state) for _, _, entry in journal.entries()]


def names(records: list[Claimed]) -> list[str]:
    return [str(record.key[1]) for record in records]


async def take(queue: Queue) -> Claimed:
    record = await queue.take()
    assert record is not None
    return record


async def test_records_are_handed_out_once_and_in_the_order_of_the_source(journal: Journal) -> None:
    plan(journal, 25)
    queue, decided = make(journal)
    taken: list[Claimed] = []

    async def work() -> None:
        while (record := await queue.take()) is not None:
            taken.append(record)
            await anyio.sleep(1)
            queue.decide(record, CREATED)

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(work)
    queue.flush()
    assert names(taken) == [f"P{line}" for line in range(2, 27)]
    assert decided == [Status.CREATED] * 25
    assert states(journal) == ["created"] * 25
    assert queue.is_finished
    assert queue.has_created


async def test_a_record_is_on_disk_as_sending_before_anybody_gets_it(journal: Journal) -> None:
    plan(journal, 25)
    queue, _ = make(journal)
    await take(queue)
    assert states(journal) == ["sending"] * 10 + ["planned"] * 15


async def test_an_empty_journal_has_nothing_to_send_and_nothing_to_ask(journal: Journal) -> None:
    plan(journal, 0)
    queue, _ = make(journal)
    assert await queue.take() is None
    assert await queue.take_doubts() is None


async def test_what_was_decided_is_committed_with_the_next_claim(journal: Journal) -> None:
    plan(journal, 2)
    queue, _ = make(journal, claim_size=1)
    queue.decide(await take(queue), CREATED)
    await take(queue)
    assert states(journal) == ["created", "sending"]


async def test_what_was_committed_with_a_claim_is_not_written_again_over_what_came_later(journal: Journal) -> None:
    plan(journal, 2)
    queue, _ = make(journal, claim_size=1)
    queue.release(await take(queue))
    await take(queue)
    journal.close_scope(TargetName.OPAL, Scope("schedule", ""), Outcome(Status.REJECTED))
    queue.flush()
    assert states(journal) == ["rejected", "sending"]


async def test_many_outcomes_are_committed_without_being_asked(journal: Journal) -> None:
    plan(journal, 1024)
    queue, _ = make(journal, claim_size=1024)
    for _ in range(1024):
        queue.decide(await take(queue), CREATED)
    assert states(journal) == ["created"] * 1024


async def test_records_created_together_are_counted_and_committed_together(journal: Journal) -> None:
    plan(journal, 3)
    queue, decided = make(journal)
    queue.create([Change((await take(queue)).id, Status.CREATED, CREATED) for _ in range(2)])
    assert decided == [Status.CREATED] * 2
    assert queue.has_created
    assert not queue.is_finished
    queue.decide(await take(queue), CREATED)
    queue.flush()
    assert states(journal) == ["created"] * 3
    assert await queue.take() is None


async def test_a_decision_keeps_all_that_is_known(journal: Journal) -> None:
    plan(journal, 1)
    queue, _ = make(journal)
    outcome = Outcome(Status.REJECTED, "", 422, "no seat", "B7", "mend the row", 3, "2026-01-01T00:00:00Z", "a-run")
    queue.decide(await take(queue), outcome)
    queue.flush()
    assert [line.outcome for line in journal.lines()] == [outcome]


# ---- again later


async def test_a_delayed_record_comes_again_when_its_time_has_come(
    journal: Journal,
) -> None:
    plan(journal, 1)
    queue, _ = make(journal)
    record = await take(queue)
    queue.delay(record._replace(attempts=1, tries=1), 4.0)
    again = await take(queue)
    assert (again.id, again.attempts, again.tries, now()) == (record.id, 1, 1, 4.0)


async def test_delayed_records_come_by_the_time_they_are_due(journal: Journal) -> None:
    plan(journal, 3)
    queue, _ = make(journal)
    for seconds in (3.0, 1.0, 2.0):
        queue.delay(await take(queue), seconds)
    assert names([await take(queue) for _ in range(3)]) == ["P3", "P4", "P2"]
    assert now() == 3.0


async def test_a_worker_that_waits_gets_what_another_one_gives_back_for_later(journal: Journal) -> None:
    plan(journal, 1)
    queue, _ = make(journal)
    record = await take(queue)
    taken: list[Claimed] = []

    async def wait() -> None:
        taken.append(await take(queue))

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        await anyio.sleep(5)
        queue.delay(record, 0.5)
    assert (names(taken), now()) == (["P2"], 5.5)


async def test_a_delayed_record_is_never_planned_on_disk_so_a_kill_leaves_it_in_doubt(journal: Journal) -> None:
    plan(journal, 1)
    queue, _ = make(journal)
    queue.delay(await take(queue), 60.0)
    queue.flush()
    assert states(journal) == ["sending"]


async def test_a_released_record_is_planned_for_a_later_run_with_its_attempts(
    journal: Journal,
) -> None:
    plan(journal, 2)
    queue, _ = make(journal)
    record = await take(queue)
    queue.release(record._replace(attempts=3))
    queue.decide(await take(queue), CREATED)
    assert await queue.take() is None, "it does not come again in this run"
    queue.flush()
    assert states(journal) == ["planned", "created"]
    assert [line.outcome.attempts for line in journal.lines()] == [3, 1]


# ---- doubts


async def test_a_doubt_is_handed_out_to_be_asked_about_once_it_has_settled(journal: Journal) -> None:
    plan(journal, 2)
    queue, decided = make(journal)
    first, second = await take(queue), await take(queue)
    queue.doubt(Doubt(first, UNKNOWN), 5.0)
    queue.doubt(Doubt(second, UNKNOWN), 3.0)
    queue.flush()
    assert states(journal) == ["in_doubt"] * 2
    assert decided == []
    due = await queue.take_doubts()
    assert (due and names([doubt.record for doubt in due]), now()) == (["P3"], 3.0)
    due = await queue.take_doubts()
    assert (due and names([doubt.record for doubt in due]), now()) == (["P2"], 5.0)


async def test_all_doubts_that_have_settled_are_handed_out_together(journal: Journal) -> None:
    plan(journal, 3)
    queue, _ = make(journal)
    for _ in range(3):
        queue.doubt(Doubt(await take(queue), UNKNOWN), 5.0)
    due = await queue.take_doubts()
    assert due is not None
    assert names([doubt.record for doubt in due]) == ["P2", "P3", "P4"]


async def test_nobody_gets_a_doubtful_record_to_send_before_it_was_asked_about(journal: Journal) -> None:
    plan(journal, 1)
    queue, _ = make(journal)
    queue.doubt(Doubt(await take(queue), UNKNOWN), 5.0)
    with anyio.move_on_after(1000) as waiting:
        await queue.take()
    assert waiting.cancelled_caught
    due = await queue.take_doubts()
    assert due
    queue.delay(due[0].record, 0.0)  # proved absent
    assert (await take(queue)).id == due[0].record.id


async def test_what_earlier_runs_left_in_doubt_settles_too(journal: Journal) -> None:
    plan(journal, 2, State.IN_DOUBT)
    queue, _ = make(journal)
    queue.adopt([Doubt(record, UNKNOWN) for record in journal.in_doubt(TargetName.OPAL)], 5.0)
    due = await queue.take_doubts()
    assert due is not None
    assert (names([doubt.record for doubt in due]), now()) == (["P2", "P3"], 5.0)
    assert not queue.is_finished


async def test_the_work_is_finished_when_the_last_doubt_is_decided_and_everybody_who_waits_hears_of_it(
    journal: Journal,
) -> None:
    plan(journal, 1)
    queue, _ = make(journal)
    queue.doubt(Doubt(await take(queue), UNKNOWN), 5.0)
    ended: list[object] = []

    async def send() -> None:
        ended.append(await queue.take())

    async def reconcile() -> None:
        while (due := await queue.take_doubts()) is not None:
            await anyio.sleep(1)
            for doubt in due:
                queue.decide(doubt.record, CREATED)
        ended.append(None)

    async with anyio.create_task_group() as group:
        for act in (send, send, reconcile):
            group.start_soon(act)
    assert (ended, now()) == ([None] * 3, 6.0)


# ---- the end


async def test_closing_gives_back_what_was_not_sent_and_lets_doubts_settle(journal: Journal) -> None:
    plan(journal, 4)
    queue, _ = make(journal)
    doubtful, delayed, flying = await take(queue), await take(queue), await take(queue)
    queue.doubt(Doubt(doubtful, UNKNOWN), 5.0)
    queue.delay(delayed, 1.0)
    queue.close(is_hopeless=False)
    queue.flush()
    assert states(journal) == ["in_doubt", "planned", "sending", "planned"]
    assert await queue.take() is None
    queue.delay(flying, 1.0)  # it came home, certainly not applied
    due = await queue.take_doubts()
    assert (due and names([doubt.record for doubt in due]), now()) == (["P2"], 5.0)
    queue.decide(doubtful, CREATED)
    assert await queue.take_doubts() is None
    queue.flush()
    assert states(journal) == ["created", "planned", "planned", "planned"]


async def test_where_asking_is_hopeless_doubts_are_handed_out_at_once(journal: Journal) -> None:
    plan(journal, 1)
    queue, _ = make(journal)
    queue.doubt(Doubt(await take(queue), UNKNOWN), 3600.0)
    queue.close(is_hopeless=True)
    due = await queue.take_doubts()
    assert (due and names([doubt.record for doubt in due]), now()) == (["P2"], 0.0)


async def test_closing_wakes_workers_that_wait(journal: Journal) -> None:
    plan(journal, 1)
    queue, _ = make(journal)
    queue.delay(await take(queue), 3600.0)
    ended: list[object] = []

    async def send() -> None:
        ended.append(await queue.take())

    async with anyio.create_task_group() as group:
        group.start_soon(send)
        await anyio.sleep(1)
        queue.close(is_hopeless=False)
    assert (ended, now()) == ([None], 1.0)


async def test_closing_twice_changes_nothing(journal: Journal) -> None:
    plan(journal, 3)
    queue, _ = make(journal)
    await take(queue)
    queue.close(is_hopeless=False)
    queue.close(is_hopeless=False)
    queue.flush()
    assert states(journal) == ["sending", "planned", "planned"]


# ---- a journal that cannot be written


async def test_what_cannot_be_marked_as_sending_is_not_sent(journal: Journal) -> None:
    plan(journal, 1)
    full, stop = Full(journal), Stop()
    queue, _ = make(full, stop=stop)
    full.is_full = True
    assert await queue.take() is None
    assert stop.reason is Reason.UNWRITABLE
    assert states(journal) == ["planned"]


async def test_an_outcome_that_cannot_be_written_is_kept_and_ends_the_work(journal: Journal) -> None:
    plan(journal, 1)
    full, stop = Full(journal), Stop()
    queue, _ = make(full, stop=stop)
    record = await take(queue)
    full.is_full = True
    queue.decide(record, CREATED)
    queue.flush()
    assert stop.reason is Reason.UNWRITABLE
    assert [(change.id, change.outcome.id) for change in queue.unwritten] == [(record.id, "id-1")]
    assert states(journal) == ["sending"]
