"""Rows and entries as the intake makes them, and what the journal holds of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.journal.journal import Journal
from importer.journal.states import Entry, State
from importer.records import Outcome, Row, Sheet, TargetName
from importer.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.records import Key

OPAL, ROOTLY = TargetName.OPAL, TargetName.ROOTLY


def schedule(remote_id: str, state: State | Status = State.PLANNED, **known: str | int) -> Entry:
    """Make an entry of a schedule record; `known` is what an earlier run found out."""
    outcome = Outcome(Status.PENDING, **known)  # type: ignore[arg-type]  # texts and numbers by their fields' names
    return Entry(state, "schedule", OPAL, "", ("PAGER_DUTY", remote_id), outcome=outcome)


def shadow(schedule_id: str, user: int, state: State | Status = State.PLANNED) -> Entry:
    """Make an entry of a shadow record."""
    key: Key = (schedule_id, "User", "101", user, 1_771_553_539, 1_784_513_539)
    return Entry(state, "shadow", ROOTLY, schedule_id, key)


def add(journal: Journal, *entries: Entry, name: str = "a") -> None:
    """Have rows 2, 3, 4 ... of a sheet of its own make one entry each."""
    sheet = journal.add_sheet(Sheet(f"{name}.csv", name, ("id",), (0,)))
    journal.add_rows([(sheet, Row(number, (f"cell {number}",)), [entry]) for number, entry in enumerate(entries, 2)])


def plan(journal: Journal, *entries: Entry) -> None:
    """Have a source of these entries read to its end."""
    add(journal, *entries)
    journal.finish_reading()


def states(journal: Journal) -> list[str]:
    """What each record is, in the order of the source."""
    return [str(entry.state) for _, _, entry in journal.entries()]


def outcomes(journal: Journal) -> list[Outcome]:
    """What the report says of each record, in the order of the source."""
    return [line.outcome for line in journal.lines()]


def nth(number: int) -> int:
    """Give the id of the nth row's first record."""
    return number * 1024


def ids(journal: Journal) -> Sequence[str]:
    return [outcome.id for outcome in outcomes(journal)]
