"""Any script of faults, at both targets at once: each record ends in one status, is there at most once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.session.control import SilentObserver

from .rehearsal import Rehearsal, disagreements, schedules, shadows
from .test_fault_matrix import LASTING, PASSING

if TYPE_CHECKING:
    from importer.records import TargetName
    from importer.result import Result
    from importer.statuses import Status

_EACH = 6  # rows for each target
_ROWS = 2 * _EACH
_LATE = 0.005  # seconds; less than the settling time
_QUICK = {"settle": 2 * _LATE, "request_timeout": 0.15, "breaker_timeout": 0.2}

#: How a fault chooses among the requests that it could hit.
choices = st.one_of(
    st.lists(st.integers(1, 10), min_size=1, max_size=4, unique=True).map(lambda at: {"at": sorted(at)}),
    st.sampled_from([0.2, 0.5, 0.9]).map(lambda probability: {"probability": probability}),
    st.integers(1, 3).map(lambda every: {"every": every}),
    st.integers(2, 12).map(lambda first: {"first": first}),
)


def _quick(fault: dict[str, Any]) -> dict[str, Any]:
    return fault | ({"delay": _LATE} if "delay" in fault else {}) | ({"reset_in": -1.0} if "reset_in" in fault else {})


kinds = st.sampled_from([*map(_quick, PASSING.values()), *(fault for fault, _, _ in LASTING.values())])
targets = st.sampled_from([{}, {"target": "opal"}, {"target": "rootly"}])
faults = st.builds(lambda kind, choice, target: {**choice, **kind, **target}, kinds, choices, targets)


class _Interrupting(SilentObserver):
    """Ends the run in order once so many records are decided."""

    def __init__(self, after: int) -> None:
        self.interrupted = anyio.Event()
        self._left = after

    def decided(self, target: TargetName, status: Status, number: int) -> None:
        """Count down."""
        self._left -= number
        if self._left <= 0:
            self.interrupted.set()


async def _run(rehearsal: Rehearsal, interrupt_after: int | None) -> Result:
    sources = schedules(_EACH), shadows(_EACH)
    if interrupt_after is None:
        return await rehearsal.run(*sources)
    observer = _Interrupting(interrupt_after)
    return await rehearsal.run(*sources, observer=observer, interrupted=observer.interrupted)


def _spare_questions(script: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Have faults hit creations only: a run that was interrupted asks a failing target for all of its ten seconds."""
    return [fault | {"method": "POST"} if fault["what"] == "status" else fault for fault in script]


@pytest.mark.anyio
@settings(max_examples=10, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    script=st.lists(faults, min_size=1, max_size=5),
    seed=st.integers(0, 999),
    interrupt_after=st.one_of(st.none(), st.integers(0, _ROWS)),
)
async def test_whatever_goes_wrong_nothing_is_lost_and_nothing_is_there_twice(
    script: list[dict[str, Any]], seed: int, interrupt_after: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rehearsal = Rehearsal(tmp_path_factory.mktemp("script"), dict(_QUICK))
    if interrupt_after is not None:
        script = _spare_questions(script)
    async with rehearsal.served(*script, seed=seed):
        result = await _run(rehearsal, interrupt_after)
    assert disagreements(rehearsal, result, _ROWS) == []
    async with rehearsal.served():
        again = await rehearsal.rerun(result)
        assert disagreements(rehearsal, again, _ROWS) == []
        assert again.exit_status == 0
        sent = rehearsal.posts()
        assert (await rehearsal.rerun(again)).exit_status == 0
        assert rehearsal.posts() == sent
