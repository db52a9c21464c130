"""--canary: the results of the first records, and whether the rest may be sent."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from importer.delivery.delivery import Delivered
from importer.delivery.transport import Connection
from importer.journal.journal import Journal
from importer.kinds import KINDS, Names, describe_line
from importer.records import ReportLine, TargetName
from importer.session.control import Canary, RunControl, Tried

_NOT_ATTEMPTED = "not attempted: "


def look_at_first(
    journal: Journal,
    connections: Mapping[TargetName, Connection],
    delivered: Mapping[TargetName, Delivered],
    *,
    is_asked: bool,
) -> Canary:
    """Read the results of the first records from the journal."""
    sheets = journal.sheets()
    lines = journal.lines_by_id([id_ for end in delivered.values() for id_ in end.claimed])
    names = Names(journal.names())
    rows = [Tried(sheets[line.sheet], line, _link(line, connections), describe_line(line, names)) for line in lines]
    return Canary(rows, journal.open_targets(), is_asked)


def _link(line: ReportLine, connections: Mapping[TargetName, Connection]) -> str:
    """Return the address of a record's object in the API; neither product documents the addresses of its web pages."""
    kind = KINDS.get(line.kind or "")
    if kind is None or not line.outcome.status.is_success or not line.outcome.id or kind.target not in connections:
        return ""
    with suppress(ValueError):  # a target can return odd ids
        return connections[kind.target].base_url + kind.object_path(line.outcome.id)
    return ""


async def may_go_on(canary: Canary, control: RunControl) -> tuple[str, str]:
    """Ask whether the rest may be sent; if nobody can be asked, only if all of the first ones succeeded.

    Returns why the rest is not sent, for its rows, and why the product itself stopped; both are empty if it may.
    """
    if canary.rows:
        control.observer.tried(canary)
    if not canary.left or not canary.rows:
        return "", ""
    if control.confirm_rest is not None:
        said_yes = await control.confirm_rest(canary)
        why = "interrupted" if control.interrupted.is_set() else "you said no"
        return "" if said_yes else f"{_NOT_ATTEMPTED}{why} after the first records", ""
    if not canary.failed:
        return "", ""
    rest = sum(canary.left.values())
    why = f"{canary.failed:,} of the {len(canary.rows):,} records that were sent first did not succeed"
    if len(canary.rows) == 1:
        why = "the record that was sent first did not succeed"
    return f"{_NOT_ATTEMPTED}{why}", f"{why}, so the other {rest} {'was' if rest == 1 else 'were'} not sent"
