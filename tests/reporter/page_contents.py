"""A page to write, for the tests of report.html."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from importer.journal.states import Tally
from importer.journal.view import ShownRecord
from importer.records import Sheet
from importer.reporter.page_contents import Contents, ShadowCalendar, TargetFacts, Timeline
from importer.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Cells that somebody might hope to have run, or that break what is built carelessly.
HOSTILE = (
    "</script><script>document.title='run'</script>",
    "<img src=x onerror=\"document.title='run'\"> & so on",
    "&lt;img src=x onerror=alert(1)&gt;",
    '=HYPERLINK("http://evil.example","click")',
    "http://evil.example/steal",
    "javascript:alert(1)",
    "\u202etxet desrever\u2028next",
    "{{ 7 * 7 }}<!-- -->${x}",
    "\x00\x1b[31m",
)
LINE = (1, 0, 2, "", "shadow", "created", "id-2", "", "", "", b"[]")
CONTENTS = Contents(
    run="20270101-120000",
    is_sandbox=False,
    is_undo=False,
    warnings=[],
    facts=[("Command", "oncall-importer run")],
    sources=[("roster.csv", "0" * 64)],
    targets=[],
    counts={("rootly", Status.CREATED): 1},
    placements=[],
    are_placements_all=True,
    calendar=ShadowCalendar(),
    sheets=[Sheet("roster.csv", "roster", ("note",), (0,))],
    names={},
    most=50_000,
    lines=[],
)


def hostile_contents() -> Contents:
    """A page whose every foreign text is hostile."""
    everything = " ".join(HOSTILE)
    timeline = Timeline()
    timeline.add(Tally(1_800_000_000, 9, 1, 1, 0.004, {40: 8}))
    calendar = ShadowCalendar()
    calendar.add(everything, everything, 1_800_000_000, 1_800_030_000, "Europe/Berlin")
    lines = [
        ShownRecord(n, 0, n + 2, "", "shadow", "rejected", text, "B2", text, text, orjson.dumps([text, "plain"]))
        for n, text in enumerate(HOSTILE)
    ]
    return replace(
        CONTENTS,
        warnings=[everything],
        facts=[(everything, everything)],
        sources=[(everything, everything)],
        targets=[TargetFacts("rootly", everything, 50.0, timeline)],
        counts={("rootly", Status.REJECTED): len(lines)},
        calendar=calendar,
        names={("schedule", everything): everything, ("user", everything): everything},
        sheets=[Sheet(everything, everything, (everything,), (0,))],
        lines=[lines],
    )


def many_lines(number: int, statuses: Sequence[Status]) -> Iterable[list[tuple[object, ...]]]:
    """Give so many lines whose statuses take turns, in chunks."""
    for start in range(0, number, 1000):
        yield [
            (n, 0, n + 2, "", "shadow", statuses[n % len(statuses)].value, f"id-{n}", f"B{n + 2}",
             "the target's words", "mend the row, then rerun", orjson.dumps([f"person {n}@example.com", "Primary"]))
            for n in range(start, min(start + 1000, number))
        ]  # fmt: skip
