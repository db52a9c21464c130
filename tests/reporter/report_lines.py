"""Lines to report, for the tests of the reporter: plain ones, and any at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from importer.kinds import KINDS
from importer.records import Outcome, ReportLine, Sheet
from importer.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

# Most examples write a file and wait for the disk: how long that takes is not what is tested.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
fewer = settings(unhurried, max_examples=25)  # each writes a workbook

CREATED = Outcome(Status.CREATED, "7c86", 200, attempts=1, finished_at="2026-03-29T01:00:00Z", run="2026-03-29-a1")

# Pieces that files and spreadsheets are known to treat in a way of their own, mixed with any text.
PIECES = st.sampled_from(
    [
        *(
            "'",
            '"',
            ",",
            ";",
            "=",
            "+",
            "-",
            "@",
            "\t",
            "\r",
            "\n",
            "\r\n",
            " ",
            "\0",
            "\x1b",
            "\x85",
            "\u2028",
            "\ufeff",
        ),
        *("_x001B_", "_x005F_", "_x000d_", "_", "<r>", "</r>", "&amp;", "<", "😀", "00042", "1e5", "TRUE", "NA"),
    ]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=5).map("".join), st.text(max_size=12))


def make_sheet(*header: str, name: str = "Shadows") -> Sheet:
    return Sheet("roster.xlsx", name, header, tuple(range(len(header))))


def make_line(*cells: str, sheet: int = 0, row: int = 2, outcome: Outcome = CREATED) -> ReportLine:
    return ReportLine(sheet, row, "", "shadow", cells, outcome)


@st.composite
def any_sheets(draw: st.DrawFn) -> list[Sheet]:
    headers = st.lists(st.one_of(TEXTS, st.sampled_from(["id", "", "import_id", "Import_Status"])), max_size=4)
    return [make_sheet(*draw(headers), name=draw(TEXTS)) for _ in range(draw(st.integers(1, 3)))]


@st.composite
def any_lines(draw: st.DrawFn, sheets: Sequence[Sheet]) -> list[ReportLine]:
    return [draw(_any_line(sheets)) for _ in range(draw(st.integers(0, 5)))]


@st.composite
def _any_line(draw: st.DrawFn, sheets: Sequence[Sheet]) -> ReportLine:
    sheet = draw(st.integers(0, len(sheets) - 1))
    return ReportLine(
        sheet=sheet,
        row=draw(st.integers(1, 2**40)),
        part=draw(st.sampled_from(["", "3 of 12"])),
        kind=draw(st.sampled_from([None, *KINDS])),
        cells=tuple(draw(TEXTS) for _ in sheets[sheet].header),
        outcome=Outcome(
            status=draw(st.sampled_from(Status)),
            id=draw(TEXTS),
            http_status=draw(st.integers(0, 599)),
            error=draw(TEXTS),
            cell=draw(TEXTS),
            hint=draw(TEXTS),
            attempts=draw(st.integers(0, 99)),
            finished_at=draw(TEXTS),
            run=draw(TEXTS),
        ),
    )
