"""Item 3: checking a CSV against pandas and pydantic, and a workbook against calamine's own reading of it."""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from .figures import Figure, divided, in_turns, micro
from .sources import write_csv, write_xlsx

if TYPE_CHECKING:
    from .kit import Kit

_CSV_ROWS = 1_000_000
_XLSX_ROWS = 100_000


def checking(kit: Kit) -> list[Figure]:
    """Measure both kinds of sources."""
    return [_check_csv(kit), _check_xlsx(kit)]


def _check_csv(kit: Kit) -> Figure:
    rows = kit.rows(_CSV_ROWS)
    source = write_csv(kit.folder, rows)
    rival = partial(kit.spend, *kit.client("pandas_pydantic", source))
    results = in_turns(kit.rounds, {"check": partial(kit.check, source), "pandas and pydantic": rival}, kit.tell)
    ours, theirs = ([spent.seconds for spent in each] for each in results.values())
    return Figure(
        f"check of {rows:,} CSV rows, the whole process",
        f"{median(ours):.1f} s, {micro(median(ours), rows):.1f} us a row",
        f"pandas + pydantic {median(theirs):.1f} s, {micro(median(theirs), rows):.1f} us a row",
        divided(theirs, ours),
        at_least=0.5,
    )


def _check_xlsx(kit: Kit) -> Figure:
    """Compare what a workbook costs beyond the same rows as a CSV with calamine's own reading of its sheet."""
    rows = kit.rows(_XLSX_ROWS)
    workbook, same = write_xlsx(kit.folder, rows), write_csv(kit.folder, rows)
    actions = {
        "check of the workbook": partial(kit.check, workbook),
        "check of the same rows as CSV": partial(kit.check, same),
        "calamine": partial(kit.spend, *kit.client("calamine_rows", workbook)),
    }
    whole, checks, reading = in_turns(kit.rounds, actions, kit.tell).values()
    beyond = [one.seconds - other.seconds for one, other in zip(whole, checks, strict=True)]
    calamine = [float(spent.output) for spent in reading]
    return Figure(
        f"check of {rows:,} XLSX rows, beyond that of the same rows as CSV",
        f"{median(beyond):.2f} s",
        f"calamine reads the sheet in {median(calamine):.2f} s",
        divided(beyond, calamine),
        at_most=1.5,
    )
