"""A delivery that is interrupted ends as soon as nothing can become of it; a storm of failures ends within the budget.

In virtual time, with a real journal; the target is made up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import anyio
import orjson
import pytest

from importer.delivery.client import Answer, Client, Lost, NotSent, Reply, Traffic
from importer.delivery.delivery import TargetDelivery
from importer.delivery.stop import Reason
from importer.delivery.target_work import Job
from importer.journal.journal import Journal
from importer.journal.run_folder import create_run
from importer.journal.states import Entry, State
from importer.records import Outcome, Row, Sheet, TargetName
from importer.settings.options import Settings
from importer.statuses import Status
from importer.targets import TARGETS

from .virtual_time import VIRTUAL, now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from importer.delivery.queue import Progress

pytestmark = pytest.mark.anyio

GRACE = 10.0
FOR_EVER = 10_000.0


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return VIRTUAL


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with create_run(tmp_path / "reports", "a-run") as folder:
        yield folder.journal


def plan(journal: Journal, number: int) -> None:
    """Have so many records ready to be sent."""
    sheet = journal.add_sheet(Sheet("a.csv", "a", ("remote_id",), (0,)))
    entries = [Entry(State.PLANNED, "schedule", TargetName.OPAL, "", ("PAGER_DUTY", f"P{n}")) for n in range(number)]
    journal.add_rows([(sheet, Row(row, ("P",)), [entry]) for row, entry in enumerate(entries, 2)])
    journal.finish_reading()


class Opal:
    """Takes what it is sent, or does with the nth creation what it is told to: a reply, or seconds of silence."""

    base_url = "https://opal.example"

    def __init__(self, fate: Callable[[int], Reply | float | None] = lambda _: None) -> None:
        self.made: list[dict[str, Any]] = []
        self.traffic = Traffic()
        self.posts = 0
        self.fate = fate
        self.question: Reply | float | None = None  #: what becomes of every question

    async def post(self, _path: str, body: bytes, _attempt: int = 1) -> Reply:
        self.posts += 1
        fate = self.fate(self.posts)
        await anyio.sleep(0.001)
        if fate is not None:
            return await silence(fate) if isinstance(fate, float) else fate
        number = len(self.made)
        self.made.append({"on_call_schedule_id": f"{number:08x}-0000-4000-8000-000000000000", **orjson.loads(body)})
        return Answer(200, {}, orjson.dumps(self.made[-1]))

    async def get(self, _url: str, _attempt: int = 1) -> Reply:
        await anyio.sleep(0.001)
        if isinstance(self.question, float):
            return await silence(self.question)
        return self.question or Answer(200, {}, orjson.dumps({"on_call_schedules": self.made}))


async def silence(seconds: float) -> Reply:
    await anyio.sleep(seconds)
    return Lost("no complete answer in time")


class Silent:
    """Observes nothing."""

    def decided(self, target: TargetName, status: Status, number: int) -> None: ...

    def sending(self, target: TargetName, progress: Progress) -> None: ...

    def target_noticed(self, target: TargetName, words: str) -> None: ...


def make_lane(journal: Journal, opal: Opal, *, settle: float = 5.0, concurrency: int = 20) -> TargetDelivery:
    settings = Settings(settle=settle, concurrency=concurrency, rate={TargetName.OPAL: float("inf")})
    job = Job(journal, {}, settings, Silent(), anyio.Event(), "a-run")
    return TargetDelivery(TARGETS[TargetName.OPAL], cast("Client", opal), job)


async def work(delivery: TargetDelivery, *, interrupt_at: float = FOR_EVER) -> float:
    """Have it work, interrupted at some moment; give the seconds that it went on after that."""
    async with anyio.create_task_group() as group:

        async def interrupt() -> None:
            await anyio.sleep(interrupt_at)
            delivery.stop.set(Reason.INTERRUPTED, "interrupted", anyio.current_time() + GRACE)
            await anyio.sleep(GRACE)
            group.cancel_scope.cancel()

        group.start_soon(interrupt)
        await delivery.work()
        group.cancel_scope.cancel()
    return round(now() - interrupt_at, 2)


def states(journal: Journal) -> dict[str, int]:
    """Count what is on disk."""
    found = [str(entry.state) for _, _, entry in journal.entries()]
    return {state: found.count(state) for state in sorted(set(found))}


async def test_interrupted_while_the_target_is_gone_it_ends_at_once_and_what_was_sent_stays_in_doubt(
    journal: Journal,
) -> None:
    plan(journal, 50)
    opal = Opal(lambda number: Lost("reset") if number <= 20 else FOR_EVER)
    assert await work(make_lane(journal, opal, settle=3600.0), interrupt_at=2.0) == 0.0
    assert states(journal) == {"in_doubt": opal.posts, "planned": 50 - opal.posts}


async def test_a_target_that_goes_away_after_the_interrupt_ends_it_then(journal: Journal) -> None:
    plan(journal, 50)
    opal = Opal(lambda _: 4.0)
    assert await work(make_lane(journal, opal, settle=1.0), interrupt_at=2.0) == 2.0
    assert states(journal) == {"in_doubt": 20, "planned": 30}


async def test_what_cannot_settle_within_the_grace_is_not_waited_for(journal: Journal) -> None:
    plan(journal, 50)
    opal = Opal(lambda number: Lost("reset") if number <= 4 else 3.0)
    delivery = make_lane(journal, opal, settle=3600.0, concurrency=4)
    assert await work(delivery, interrupt_at=1.0) == 2.0  # for the answers that are on their way
    assert states(journal) == {"in_doubt": 8, "planned": 42}


async def test_what_settles_within_the_grace_is_still_asked_about(journal: Journal) -> None:
    plan(journal, 50)
    opal = Opal(lambda number: Lost("reset") if number <= 4 else 0.5)
    delivery = make_lane(journal, opal, settle=5.0, concurrency=4)
    assert await work(delivery, interrupt_at=0.2) == 5.3
    assert states(journal) == {"planned": 50}  # proved absent


async def test_a_target_that_cannot_be_asked_any_more_is_not_asked_until_the_end_of_the_grace(journal: Journal) -> None:
    plan(journal, 50)
    opal = Opal(lambda number: Lost("reset") if number <= 3 else 0.5)
    delivery = make_lane(journal, opal, settle=1.0, concurrency=3)

    async def go_away() -> None:
        await anyio.sleep(0.1)
        opal.question = NotSent("refused")

    async with anyio.create_task_group() as group:
        group.start_soon(go_away)
        assert await work(delivery, interrupt_at=0.2) <= 3.0
    assert states(journal) == {"planned": 44, "unknown": 6}


async def test_interrupted_while_it_finds_what_exists_it_ends_at_once(journal: Journal) -> None:
    plan(journal, 5)
    opal = Opal()
    opal.question = FOR_EVER
    assert await work(make_lane(journal, opal), interrupt_at=1.0) == 0.0
    assert states(journal) == {"planned": 5}
    assert opal.posts == 0


@pytest.mark.parametrize("failure", [NotSent("refused"), Lost("reset")])
async def test_a_storm_of_failures_ends_within_the_budget_and_every_record_has_an_honest_status(
    journal: Journal, failure: Reply
) -> None:
    rows = 2000
    plan(journal, rows)
    opal = Opal(lambda number: failure if number % 4 else Answer(422, {}, b"{}"))  # never quite gone
    await work(make_lane(journal, opal, settle=0.01))
    outcomes: list[Outcome] = [line.outcome for line in journal.lines()]
    failed = [outcome for outcome in outcomes if outcome.status is Status.FAILED]
    answered = sum(outcome.status is Status.REJECTED for outcome in outcomes)
    assert len(failed) + answered == rows
    assert opal.posts <= rows + 500 + answered
    assert any(outcome.error.endswith("not sent again: too many requests of this run failed") for outcome in failed)
    assert opal.made == []


async def test_three_requests_in_ten_may_fail_and_every_record_is_created(journal: Journal) -> None:
    plan(journal, 2000)
    opal = Opal(lambda number: NotSent("refused") if number % 10 in (2, 5, 8) else None)
    await work(make_lane(journal, opal))
    assert states(journal) == {"created": 2000}
    assert len(opal.made) == 2000


async def test_traffic_that_cannot_be_written_costs_no_outcome(journal: Journal) -> None:
    plan(journal, 30)
    opal = Opal()
    opal.traffic.note(0.0, 200)
    journal._db.execute("DROP TABLE traffic")
    delivery = make_lane(journal, opal)
    await work(delivery)
    assert states(journal) == {"created": 30}
    assert (delivery.stop.reason, delivery.queue.unwritten) == (None, [])


async def test_the_last_traffic_is_written_when_the_work_ends(journal: Journal) -> None:
    plan(journal, 3)
    opal = Opal()
    opal.traffic.note(0.0, 429)
    await work(make_lane(journal, opal))
    assert [(target, tally.requests, tally.limited) for target, tally in journal.traffic()] == [("opal", 1, 1)]
