"""A program that uses the library as its pages tell: mypy checks it against the source, .ci/wheel against the wheel."""

from __future__ import annotations

import asyncio
from pathlib import Path

import importer
from importer import ImporterError, Options, Outcome, Plan, Result, SilentObserver, Status


class Progress(SilentObserver):
    """Is told what is about to be done."""

    def __init__(self) -> None:
        self.to_send = 0

    def planned(self, plan: Plan) -> None:
        """Keep how many records are to be sent."""
        self.to_send = sum(plan.to_send.values())


def first_outcome(result: Result) -> Outcome | None:
    """Return the outcome of the first line that needs attention."""
    return next((line.outcome for _, line in result.problems), None)


async def migrate(source: Path) -> int:
    """Check, run, go on, and take back."""
    observer: importer.Observer = Progress()
    options: Options = {"sandbox": True, "rate": {"opal": 50.0}, "headroom": "20%", "observer": observer}
    checked = await importer.check(source, online=False, **options)
    if checked.check_status:
        return checked.check_status
    mapping = {"columns": {"ID": "remote_id"}, "constants": {"third_party_provider": "PAGER_DUTY"}}
    result = await importer.run(source, mapping=mapping, sandbox=True)
    if result.count(Status.CREATED) != result.rows and result.folder is not None:
        result = await importer.rerun(result.folder, sandbox=True)
    undone = await importer.undo(result.run, sandbox=True)
    return undone.exit_status


def main() -> str:
    """Run it; an error is a sentence and the next step."""
    try:
        asyncio.run(migrate(Path("schedules.csv")))
    except ImporterError as error:
        return f"{error.message} ({error.hint})"
    return importer.__version__
