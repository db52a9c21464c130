"""At the end of a run: what is there twice, missing, or there though refused is told, whoever did it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import anyio
import orjson
import pytest

from importer.delivery.client import Answer, Client, Reply
from importer.delivery.delivery import TargetDelivery
from importer.delivery.target_work import Job
from importer.journal.run_folder import create_run
from importer.records import TargetName
from importer.reporter.report import make_result
from importer.settings.options import Settings
from importer.statuses import Status
from importer.targets import TARGETS

from .test_delivery_target_delivery import Opal, Silent, plan
from .virtual_time import VIRTUAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from importer.journal.journal import Journal

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return VIRTUAL


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with create_run(tmp_path / "reports", "a-run", {}) as folder:
        yield folder.journal


class Told(Silent):
    def __init__(self) -> None:
        self.words: list[str] = []

    def target_noticed(self, target: TargetName, words: str) -> None:
        self.words.append(words)


async def deliver(
    journal: Journal, opal: Opal, rows: int = 4, observer: Silent | None = None, **options: Any
) -> dict[str, list[str]]:
    """Send rows; give error and id of each record that has an error, by its status."""
    if rows:
        plan(journal, rows)
    settings = Settings(rate={}, concurrency=2, settle=1.0, **options)
    job = Job(journal, {}, settings, observer or Silent(), anyio.Event(), "a-run")
    await TargetDelivery(TARGETS[TargetName.OPAL], cast("Client", opal), job).work()
    found: dict[str, list[str]] = {}
    for line in journal.lines():
        if line.outcome.error:
            found.setdefault(line.outcome.status, []).append(line.outcome.error)
    return found


async def test_a_run_of_which_all_is_there_has_nothing_to_tell(journal: Journal) -> None:
    observer = Told()
    assert await deliver(journal, Opal(), observer=observer) == {}
    assert observer.words == []
    assert make_result(journal).exit_status == 0


class Meddled(Opal):
    """What its list shows is changed by somebody as soon as all is there."""

    def __init__(self, change: Callable[[list[dict[str, Any]]], object], rows: int = 4) -> None:
        super().__init__()
        self.change: Callable[[list[dict[str, Any]]], object] | None = change
        self.rows = rows
        self.gets = 0

    async def get(self, url: str, attempt: int = 1) -> Reply:
        self.gets += 1
        if self.change and len(self.made) >= self.rows:
            self.change(self.made)
            self.change = None
        return await super().get(url, attempt)


async def test_what_is_there_twice_is_told_with_both_ids_and_counts_as_exit_3(journal: Journal) -> None:
    observer, second = Told(), "ffffffff-0000-4000-8000-000000000000"
    opal = Meddled(lambda made: made.append({**made[1], "on_call_schedule_id": second}))
    found = await deliver(journal, opal, observer=observer)
    assert found == {
        "created": [f"opal has it 2 times: 00000001-0000-4000-8000-000000000000 and {second}"],
    }
    result = make_result(journal)
    assert (result.exit_status, result.doubled, len(result.problems)) == (3, 1, 1)
    assert observer.words == [
        "does not have exactly what this run says (1 there twice); the report names each record",
    ]


async def test_what_is_there_twice_and_then_three_times_counts_too(journal: Journal) -> None:
    class Growing(Opal):
        async def get(self, url: str, attempt: int = 1) -> Reply:
            if len(self.made) >= 4:
                self.made.append(
                    {**self.made[1], "on_call_schedule_id": f"ffffffff-0000-4000-8000-{len(self.made):012}"}
                )
            return await super().get(url, attempt)

    (error,) = (await deliver(journal, Growing()))["created"]
    assert error.startswith("opal has it 3 times")
    assert make_result(journal).doubled == 1


async def test_what_is_not_there_is_unknown_and_not_created(journal: Journal) -> None:
    found = await deliver(journal, Meddled(lambda made: made.pop(2)))
    assert list(found) == ["unknown"]
    assert "its list does not have it" in found["unknown"][0]
    assert [line.outcome.id for line in journal.lines()][2] == "00000002-0000-4000-8000-000000000000"
    assert make_result(journal).exit_status == 3


async def test_what_has_other_values_than_were_sent_is_not_created(journal: Journal) -> None:
    found = await deliver(journal, Meddled(lambda made: made[2].update(remote_id="POTHER")))
    assert list(found) == ["unknown"]


async def test_an_id_that_is_not_this_records_is_put_right(journal: Journal) -> None:
    right = "ffffffff-0000-4000-8000-000000000000"
    found = await deliver(journal, Meddled(lambda made: made[2].update(on_call_schedule_id=right)))
    assert list(found) == ["created"]
    assert [line.outcome.id for line in journal.lines()][2] == right


async def test_what_was_refused_and_is_there_after_all_is_told(journal: Journal) -> None:
    class Lying(Opal):
        async def post(self, path: str, body: bytes, attempt: int = 1) -> Reply:
            reply = await super().post(path, body, attempt)
            return Answer(422, {}, b'{"Message": "no"}') if b'"P1"' in body else reply

    found = await deliver(journal, Lying())
    assert list(found) == ["rejected"]
    assert "it is there after all: 00000001" in found["rejected"][0]


async def test_a_list_that_is_late_is_asked_once_more(journal: Journal) -> None:
    class Late(Opal):
        async def get(self, url: str, attempt: int = 1) -> Reply:
            shown = self.made if anyio.current_time() > 0.5 else self.made[:1]
            await super().get(url, attempt)
            return Answer(200, {}, orjson.dumps({"on_call_schedules": shown}))

    assert await deliver(journal, Late()) == {}
    assert make_result(journal).exit_status == 0


async def test_it_can_be_left_out(journal: Journal) -> None:
    opal = Meddled(lambda made: made.pop(2))
    assert await deliver(journal, opal, no_closing_look=True) == {}
    assert opal.gets == 1
    assert make_result(journal).exit_status == 0


async def test_it_costs_one_reading_of_the_list_where_all_is_there(journal: Journal) -> None:
    opal = Meddled(lambda _: None)
    await deliver(journal, opal)
    assert opal.gets == 2


async def test_an_id_that_was_given_twice_is_asked_about(journal: Journal) -> None:
    """The same id for every record: each is asked about, found under its own, and nothing is sent twice."""

    class Same(Opal):
        async def post(self, path: str, body: bytes, attempt: int = 1) -> Reply:
            await super().post(path, body, attempt)
            return Answer(
                200, {}, orjson.dumps({**self.made[-1], "on_call_schedule_id": self.made[0]["on_call_schedule_id"]})
            )

    opal = Same()
    assert await deliver(journal, opal) == {}
    assert opal.posts == 4
    assert len({line.outcome.id for line in journal.lines()}) == 4
    assert {line.outcome.status for line in journal.lines()} == {Status.CREATED}
