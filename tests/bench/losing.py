"""A command against a server that commits and loses the answer: the product's sandbox, whose state tells the truth."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .processes import Cores, spend
from .standin import TOKEN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .kit import Kit
    from .processes import Spent

#: How often each shadow is there.
_TIMES = """
SELECT count(*) FROM rootly_shadows
GROUP BY schedule_id, shadowable_type, shadowable_id, shadow_user_id, starts_at / 1000, ends_at / 1000
"""
_SETTLE = "1"  # seconds before the product asks about a record in doubt; the sandbox commits at once


@dataclass(frozen=True, slots=True)
class Lost:
    """What became of the rows."""

    spent: Spent
    missing: int  #: rows that are not there
    once: int
    twice: int  #: rows that are there more than once


def lose(kit: Kit, command: Sequence[str], source: Path, number: int) -> Lost:
    """Run a command while so many connections are reset after the commit, spread over the rows."""
    from importer.sandbox.state import reset

    rows = sum(1 for _ in source.open(encoding="utf-8")) - 1
    state = kit.folder / "lost.sqlite3"
    reset(state)
    spent = asyncio.run(_spend(kit, command, state, at=[round((each + 0.5) * rows / number) for each in range(number)]))
    with closing(sqlite3.connect(state)) as connection:
        there = [times for (times,) in connection.execute(_TIMES)]
    twice = sum(times > 1 for times in there)
    return Lost(spent, rows - len(there), len(there) - twice, twice)


async def _spend(kit: Kit, command: Sequence[str], state: Path, at: list[int]) -> Spent:
    from importer.sandbox.api.answers import Limits
    from importer.sandbox.fault_plan import FaultPlan
    from importer.sandbox.server import serve

    fault = {"what": "reset", "when": "after", "method": "POST", "target": "rootly", "at": at}
    plan = FaultPlan.model_validate({"fault": [fault]})
    async with serve(state, limits=Limits(enforcement="none"), faults=plan) as address:
        words = [word.replace("ORIGIN", address.rootly) for word in command]
        environment = {
            "ROOTLY_BASE_URL": address.rootly,
            "ROOTLY_TOKEN": TOKEN,
            "IMPORTER_SETTLE": _SETTLE,
        }
        return await asyncio.to_thread(spend, words, environment, kit.folder, cores=Cores.CLIENT, may_fail=True)
