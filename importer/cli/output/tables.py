"""How many records have which status, as rows of a table for people; of a check, what was never to be sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from importer.statuses import Status, Tone

if TYPE_CHECKING:
    from importer.result import Result


#: Colours of a terminal.
TONE_STYLES: Mapping[Tone, str] = {
    Tone.GOOD: "green",
    Tone.SAME: "cyan",
    Tone.BAD: "red",
    Tone.DOUBT: "yellow",
    Tone.WAITING: "yellow",
}


class StatusRow(NamedTuple):
    """One row of the table."""

    name: str
    style: str
    meaning: str
    numbers: Mapping[str, int]  #: by target; empty where there is none

    @property
    def total(self) -> int:
        """The number for all targets."""
        return sum(self.numbers.values())


def status_rows(result: Result) -> list[StatusRow]:
    """Give a row for each status that any record has."""
    is_undo = bool(result.undone)
    return [
        StatusRow(status.value, TONE_STYLES[status.tone], status.meaning(is_undo=is_undo), _numbers(result, status))
        for status in result.statuses
    ]


def check_rows(result: Result) -> list[StatusRow]:
    """Give them for a check: what is pending is good, or its names are still to be looked up."""
    rows = [row for row in status_rows(result) if row.name != Status.PENDING]
    pending = _numbers(result, Status.PENDING)
    unresolved = result.unresolved
    good = {target: number - unresolved.get(target, 0) for target, number in pending.items()}
    is_ended_early = bool(result.stopped) or result.is_interrupted
    if any(good.values()):
        meaning = "valid; not all were asked about, see below" if is_ended_early else "ready to be sent"
        rows.append(StatusRow("good", "green", meaning, good))
    if unresolved:
        meaning = "names that could not be looked up" if is_ended_early else "names; check --online looks them up"
        rows.append(StatusRow("to look up", "yellow", meaning, unresolved))
    return rows


def _numbers(result: Result, status: Status) -> dict[str, int]:
    return {target: number for (target, own), number in result.counts.items() if own is status}
