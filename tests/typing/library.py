"""The library as somebody else's code uses it: mypy checks this file against the installed wheel, nothing runs it."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

import anyio

import importer
from importer import ImporterError, Options, Outcome, Plan, Result, SilentObserver, Status


class Progress(SilentObserver):
    """An observer needs only what it wants to hear."""

    def planned(self, plan: Plan) -> None:
        """Keep the plan."""
        assert_type(plan.rows, int)


async def migrate(source: Path) -> int:
    """Use each coroutine, and what it returns."""
    options: Options = {"sandbox": True, "rate": {"rootly": 40.0}, "observer": Progress()}
    checked = await importer.check(source, "-", online=True, **options)
    assert_type(checked, Result)
    result = await importer.run(
        source, mapping={"columns": {"ID": "remote_id"}}, sandbox=True, interrupted=anyio.Event()
    )
    if result.folder is not None:
        await importer.rerun(result.folder, **options)
        await importer.undo(result.folder)
    assert_type(result.count(Status.CREATED), int)
    return result.exit_status


def describe(outcome: Outcome, error: ImporterError) -> str:
    """Use the fields that the pages name."""
    assert_type(outcome.status, Status)
    return f"{importer.__version__}: {outcome.id} {error.message} ({error.hint})"


def refuse() -> None:
    """Each of these is a mistake that mypy must find: else it warns of an `ignore` that nothing needs."""
    importer.run(1)  # type: ignore[arg-type, unused-coroutine]
    importer.run("s.csv", colour="red")  # type: ignore[call-arg, unused-coroutine]
