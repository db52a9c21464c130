"""Server action x client step x crash, in any order, in virtual time, with real journals on disk."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import anyio
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from importer.earlier import Earlier, left_over
from importer.guide import Silence
from importer.intake import Intake
from importer.journal import Journal, State, create_run
from importer.pool.client import Client, Lost, NotSent, Reply
from importer.pool.lane import Lane
from importer.pool.stopping import Reason
from importer.reader import read
from importer.records import Status
from importer.settings import load_settings
from importer.targets import TARGETS

from .rehearsal import ROWS
from .scene import Asked, Server, Wire, answer
from .stepping import SteppedLoop

if TYPE_CHECKING:
    import asyncio

    from importer.journal import RunFolder
    from importer.records import TargetName

_RECORDS = 4
_SETTLE = 5.0
_SETTINGS = load_settings(
    {"settle": _SETTLE, "concurrency": 2, "breaker_timeout": 60.0, "rate": ["opal=none", "rootly=none"]}
)

#: What becomes of a creation: not applied, applied at once, or so many seconds after its answer was lost.
Fate: TypeAlias = Literal["never", "now"] | float
fates = st.sampled_from(["never", "now", 0.5, _SETTLE - 0.1])
#: Replies to a creation, each with the fates that go with it.
doubtful = st.sampled_from([Lost("reset"), answer(503), answer(409), answer(201, b"{}"), answer(200, b"<html>")])
#: Refusals, by the contract of both targets without effect.
refusals = st.sampled_from([NotSent("refused"), answer(429, b"", **{"Retry-After": "1"}), answer(422), answer(403)])
#: What a question gets where it does not get its answer.
failures = st.sampled_from([Lost("reset"), NotSent("refused"), answer(500), answer(429), answer(403)])
#: Where the target may have a record, the journal must say one of these.
_HONEST = {State.SENDING, State.IN_DOUBT, Status.CREATED, Status.EXISTS, Status.UNKNOWN}


class QueueMachine(RuleBasedStateMachine):
    """A target that does what it likes, a lane that works, and a process that can die at any moment."""

    @initialize(name=st.sampled_from(list(TARGETS)))
    def begin(self, name: TargetName) -> None:
        self.loop = SteppedLoop()
        self.folder = Path(tempfile.mkdtemp())
        self.server = Server(TARGETS[name])
        self.runs = 0
        self._start(None)

    # ---- the process

    def _start(self, earlier: Path | None) -> None:
        """Begin a run, or a rerun of an earlier one, and send."""
        self.stack = ExitStack()
        self.runs += 1
        self.run: RunFolder = self.stack.enter_context(create_run(self.folder, f"run-{self.runs}", {}))
        intake = Intake(self.run.journal, _SETTINGS, self.run.path.name, Silence())
        if earlier is None:
            list(intake.take_source(read(ROWS[self.server.target.name](_RECORDS))))
        else:
            list(intake.take_left_over(left_over(Earlier(earlier, earlier.name))))
        self.run.journal.finish_reading()
        self.wire = Wire(self.server.target)
        self.task: asyncio.Task[None] = self.loop.create_task(self._work())
        self._go_on(0.0)

    async def _work(self) -> None:
        client = cast("Client", self.wire)
        target, journal = self.server.target, self.run.journal
        self.lane = Lane(target, journal, client, _SETTINGS, run=self.run.path.name, observer=Silence())
        with anyio.CancelScope() as self.scope:
            await self.lane.work()

    def _go_on(self, seconds: float) -> None:
        self.loop.advance(seconds)
        self.server.catch_up(self.loop.time())
        if self.task.done():
            self.task.result()  # a bug of ours shows here

    def _end(self) -> None:
        """Cancel whatever is still going on."""
        if not self.task.done():
            self.loop.call_soon(self.scope.cancel)
            self._go_on(0.0)
        assert self.task.done()
        self.stack.close()

    @property
    def is_working(self) -> bool:
        return not self.task.done()

    @property
    def has_posts(self) -> bool:
        return self.is_working and bool(self.wire.posts)

    @property
    def has_lists(self) -> bool:
        return self.is_working and bool(self.wire.lists)

    # ---- what the target does

    def _settle_fate(self, asked: Asked, fate: Fate) -> None:
        assert asked.key is not None
        if fate == "now":
            self.server.apply(asked.key)
        elif fate != "never":
            self.server.late.append((self.loop.time() + fate, asked.key))

    def _reply(self, asked: Asked, reply: Reply) -> None:
        self.loop.call_soon(asked.reply.set_result, reply)
        self._go_on(0.0)

    def _take(self, waiting: list[Asked], number: int) -> Asked:
        return waiting.pop(number % len(waiting))

    @precondition(lambda self: self.has_posts)
    @rule(number=st.integers(0, 1), is_own=st.booleans())
    def create(self, number: int, is_own: bool) -> None:
        """Apply and say so, or answer with other values than were sent."""
        asked = self._take(self.wire.posts, number)
        assert asked.key is not None
        self.server.apply(asked.key)
        self._reply(asked, answer(201, self.server.created(asked.key, is_own=is_own)))

    @precondition(lambda self: self.has_posts)
    @rule(number=st.integers(0, 1), fate=fates, reply=doubtful)
    def leave_in_doubt(self, number: int, fate: Fate, reply: Reply) -> None:
        asked = self._take(self.wire.posts, number)
        self._settle_fate(asked, fate)
        self._reply(asked, reply)

    @precondition(lambda self: self.has_posts)
    @rule(number=st.integers(0, 1), reply=refusals)
    def refuse(self, number: int, reply: Reply) -> None:
        self._reply(self._take(self.wire.posts, number), reply)

    @precondition(lambda self: self.has_posts)
    @rule()
    def refuse_token(self) -> None:
        self._reply(self._take(self.wire.posts, 0), answer(401))

    @precondition(lambda self: self.has_lists)
    @rule()
    def list_all(self) -> None:
        """Answer every question that waits."""
        while self.has_lists:
            asked = self._take(self.wire.lists, 0)
            self._reply(asked, answer(200, self.server.listed(asked.path)))

    @precondition(lambda self: self.has_lists)
    @rule(number=st.integers(0, 1), reply=failures)
    def fail_to_list(self, number: int, reply: Reply) -> None:
        self._reply(self._take(self.wire.lists, number), reply)

    # ---- time, the user, and death

    @rule(seconds=st.sampled_from([0.5, 1.0, _SETTLE, 2 * _SETTLE, 61.0]))
    def wait(self, seconds: float) -> None:
        self._go_on(seconds)

    @precondition(lambda self: self.is_working)
    @rule()
    def interrupt(self) -> None:
        self.loop.call_soon(self.lane.stop.set, Reason.INTERRUPTED, "interrupted")
        self._go_on(0.0)

    @precondition(lambda self: self.is_working)
    @rule(data=st.data())
    def run_out_of_grace(self, data: st.DataObject) -> None:
        """End what is in flight; the target may apply it all the same."""
        for asked in self.wire.posts:
            self._settle_fate(asked, data.draw(fates))
        self.loop.call_soon(self.scope.cancel)
        self._go_on(0.0)

    @precondition(lambda self: self.is_working)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        """Die: what is on disk at this moment is all that is left, and is what goes on."""
        for asked in self.wire.posts:
            self._settle_fate(asked, data.draw(fates))
        left = self.folder / f"{self.run.path.name}-killed"
        shutil.copytree(self.run.path, left)
        self._end()  # whatever this writes, nobody reads
        self._start(left)

    @precondition(lambda self: not self.is_working)
    @rule()
    def rerun(self) -> None:
        left = self.run.path
        self._end()
        self._start(left)

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
            assert set(_states(self.run.journal).values()) <= {Status.CREATED, Status.EXISTS}
            assert list(self.server.made.values()) == [1] * _RECORDS
            self.rerun()
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
            if set(_states(self.run.journal).values()) <= {Status.CREATED, Status.EXISTS}:
                break
            self.rerun()

    def _work_well(self) -> None:
        for _ in range(100):
            if not self.is_working:
                return
            if self.has_posts:
                self.create(0, is_own=True)
            elif self.has_lists:
                self.list_all()
            else:
                self.wait(61.0)
            self.nothing_is_there_twice()
        raise AssertionError("it does not end")


def _states(journal: Journal) -> dict[Any, State | Status]:
    return {entry.key: entry.state for _, _, entry in journal.entries()}


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = hypothesis_settings(
    max_examples=25, stateful_step_count=40, deadline=None, derandomize=True, database=None
)
