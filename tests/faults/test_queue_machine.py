"""Server action x client step x crash, in any order, in virtual time, with real journals on disk."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, cast

import anyio
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from importer.delivery.client import Client, Lost, NotSent, Reply
from importer.delivery.delivery import TargetDelivery
from importer.delivery.stop import Reason
from importer.delivery.target_work import Job
from importer.journal.journal import Journal
from importer.journal.run_folder import create_run
from importer.journal.run_info import RunInfo
from importer.journal.states import State
from importer.normalizer.mapping import NO_RULES
from importer.planning.loader import Loader
from importer.planning.previous_run import LeftOver, PreviousRun
from importer.reader.read import read
from importer.session.control import SilentObserver
from importer.settings.options import load_settings
from importer.statuses import Status
from importer.targets import TARGETS

from .rehearsal import ROWS
from .scene import Asked, Server, Wire, answer
from .stepping import SteppedLoop

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from importer.journal.run_folder import RunFolder
    from importer.reader.read import Reading
    from importer.reader.tables import Chunk
    from importer.records import Key, TargetName

_RECORDS = 6
_SETTLE = 5.0
_SETTINGS = load_settings(
    {"settle": _SETTLE, "concurrency": 2, "breaker_timeout": 60.0, "rate": ["opal=none", "rootly=none"]}
)

#: What becomes of a creation: not applied, applied at once, or so many seconds after its answer was lost.
Fate: TypeAlias = Literal["never", "now"] | float
fates: st.SearchStrategy[Fate] = st.sampled_from(["never", "now", 0.5, _SETTLE - 0.1])


async def _take(loader: Loader, reading: Reading) -> None:
    async def chunks() -> AsyncIterator[Chunk]:
        for chunk in reading:
            yield chunk

    async for _ in loader.take_source(reading, chunks()):
        pass


class Move(NamedTuple):
    """What the target does about a creation."""

    fate: Fate
    reply: Reply | None  #: None where it says that it created it
    is_own: bool = True  #: False where it says so with other values than were sent


_IN_DOUBT = [Lost("reset"), answer(503), answer(409), answer(201, b"{}"), answer(200, b"<html>")]
#: By the contract of both targets without effect.
_REFUSALS = [NotSent("refused"), answer(429, b"", **{"Retry-After": "1"}), answer(422), answer(403), answer(401)]
moves = st.one_of(
    st.just(Move("now", None)),
    st.builds(Move, fates, st.sampled_from(_IN_DOUBT)),
    st.builds(Move, st.just("now"), st.sampled_from([None, *_IN_DOUBT]), st.just(value=False)),
    st.builds(Move, st.just("never"), st.sampled_from(_REFUSALS)),
)
#: What a question gets; None is its answer.
replies = st.sampled_from([*[None] * 5, Lost("reset"), NotSent("refused"), answer(500), answer(429), answer(403)])
#: Where the target may have a record, the journal must say one of these.
_HONEST = {State.SENDING, State.IN_DOUBT, Status.CREATED, Status.EXISTS, Status.UNKNOWN}


class QueueMachine(RuleBasedStateMachine):
    """A target that does what it likes, a delivery that works, and a process that can die at any moment."""

    @initialize(name=st.sampled_from(list(TARGETS)))
    def begin(self, name: TargetName) -> None:
        self.loop = SteppedLoop()
        self.folder = Path(tempfile.mkdtemp())
        self.server = Server(TARGETS[name])
        self.runs = 0
        self._start(None, is_listed=True)

    # ---- the process

    def _start(self, earlier: Path | None, *, is_listed: bool) -> None:
        """Begin a run, or a rerun of an earlier one; `is_listed`: it is told at once what exists."""
        self.stack = ExitStack()
        self.runs += 1
        self.run: RunFolder = self.stack.enter_context(create_run(self.folder, f"run-{self.runs}"))
        intake = Loader(self.run.journal, NO_RULES, self.run.path.name, SilentObserver())
        if earlier is None:
            with suppress(StopIteration):  # nothing in it waits
                _take(intake, read(ROWS[self.server.target.name](_RECORDS))).send(None)
        else:
            list(intake.take_left_over(LeftOver(PreviousRun(earlier, RunInfo(earlier.name)))))
        self.run.journal.finish_reading()
        self.wire = Wire(self.server.target)
        self.task: asyncio.Task[None] = self.loop.create_task(self._work())
        self._go_on(0.0)
        while is_listed and self.has_lists:
            self.answer_list(0, None)

    async def _work(self) -> None:
        job = Job(self.run.journal, {}, _SETTINGS, SilentObserver(), anyio.Event(), self.run.path.name)
        self.delivery = TargetDelivery(self.server.target, cast("Client", self.wire), job)
        with anyio.CancelScope() as self.scope:
            await self.delivery.work()

    def _go_on(self, seconds: float) -> None:
        self.loop.advance(seconds)
        self.server.catch_up(self.loop.time())
        if self.task.done():
            self.task.result()  # a bug of ours shows here

    def _end(self) -> None:
        """Cancel whatever is still running."""
        if not self.task.done():
            self.loop.call_soon(self.scope.cancel)
            self._go_on(0.0)
        assert self.task.done()
        self.stack.close()

    @property
    def is_working(self) -> bool:
        return not self.task.done()

    @property
    def is_complete(self) -> bool:
        return set(_states(self.run.journal).values()) <= {Status.CREATED, Status.EXISTS}

    @property
    def has_posts(self) -> bool:
        return self.is_working and bool(self.wire.posts)

    @property
    def has_lists(self) -> bool:
        return self.is_working and bool(self.wire.lists)

    # ---- what the target does

    def _settle_fate(self, key: Key, fate: Fate) -> None:
        if fate == "now":
            self.server.apply(key)
        elif fate != "never":
            self.server.late.append((self.loop.time() + fate, key))

    def _abandon(self, data: st.DataObject) -> None:
        """Nobody waits for answers any more; the target may apply what it was sent all the same."""
        for asked in self.wire.posts:
            assert asked.key is not None
            self._settle_fate(asked.key, data.draw(fates))

    def _reply(self, asked: Asked, reply: Reply) -> None:
        self.loop.call_soon(asked.reply.set_result, reply)
        self._go_on(0.0)

    def _take(self, waiting: list[Asked], number: int) -> Asked:
        return waiting.pop(number % len(waiting))

    @precondition(lambda self: self.has_posts)
    @rule(number=st.integers(0, 1), move=moves, after=st.sampled_from([0.0, 0.5, _SETTLE]))
    def answer_creation(self, number: int, move: Move, after: float = 0.0) -> None:
        self._go_on(after)
        asked = self._take(self.wire.posts, number)
        assert asked.key is not None
        self._settle_fate(asked.key, move.fate)
        self._reply(asked, move.reply or answer(201, self.server.created(asked.key, is_own=move.is_own)))

    @precondition(lambda self: self.has_lists)
    @rule(number=st.integers(0, 1), reply=replies)
    def answer_list(self, number: int, reply: Reply | None) -> None:
        asked = self._take(self.wire.lists, number)
        self._reply(asked, reply or answer(200, self.server.listed(asked.path)))

    def _work_well(self) -> None:
        """Answer everything well, until there is nothing more to do."""
        while self.is_working:
            if self.has_posts:
                self.answer_creation(0, Move("now", None))
            elif self.has_lists:
                self.answer_list(0, None)
            else:
                self.wait(61.0)
            self.nothing_is_there_twice()

    # ---- time, the user, and death

    @precondition(lambda self: not self.has_posts and not self.has_lists)
    @rule(seconds=st.sampled_from([0.5, 1.0, _SETTLE, 2 * _SETTLE, 61.0]))
    def wait(self, seconds: float) -> None:
        self._go_on(seconds)

    @precondition(lambda self: self.is_working and (self.wire.sent or self.runs % 2))  # else most runs send nothing
    @rule(how=st.sampled_from(["interrupted", "out of grace", "killed"]), is_listed=st.booleans(), data=st.data())
    def stop(self, how: str, is_listed: bool, data: st.DataObject) -> None:
        """End the run in order, at once, or not at all: what is on disk then is all that a rerun finds."""
        if how == "interrupted":
            self.loop.call_soon(self.delivery.stop.set, Reason.INTERRUPTED, how)
            self._go_on(0.0)
            return
        self._abandon(data)
        left = self.run.path
        if how == "killed":
            left = shutil.copytree(left, self.folder / f"{left.name}-killed")
        self._end()  # of one that was killed, nobody reads what this writes
        self._start(left, is_listed=is_listed)

    @precondition(lambda self: not self.is_working and not self.is_complete)
    @rule(is_listed=st.booleans())
    def rerun(self, is_listed: bool) -> None:
        left = self.run.path
        self._end()
        self._start(left, is_listed=is_listed)

    # ---- what must hold

    @invariant()
    def nothing_is_there_twice(self) -> None:
        assert set(self.server.made.values()) <= {1}

    @invariant()
    def nothing_that_may_be_there_is_called_unsent(self) -> None:
        said = _states(self.run.journal)
        assert len(said) == _RECORDS
        assert {key: state for key, state in said.items() if key in self.server.touched and state not in _HONEST} == {}

    def teardown(self) -> None:
        if not hasattr(self, "task"):
            return
        try:
            self._heal()
            assert self.is_complete
            assert list(self.server.made.values()) == [1] * _RECORDS
            self.rerun(is_listed=True)
            assert not self.is_working
            assert not self.wire.sent
        finally:
            self._end()
            self.loop.close()
            shutil.rmtree(self.folder)

    def _heal(self) -> None:
        """Let the target be well from now on, and rerun until all is decided."""
        for _ in range(3):
            self._work_well()
            if self.is_complete:
                break
            self.rerun(is_listed=True)


def _states(journal: Journal) -> dict[Any, State | Status]:
    return {entry.key: entry.state for _, _, entry in journal.entries()}


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = hypothesis_settings(
    max_examples=30, stateful_step_count=50, deadline=None, derandomize=True, database=None
)
