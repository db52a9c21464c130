"""Item 5: a run at a limit, against the time that the limit itself asks for."""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from .figures import Figure, divided, in_turns
from .sources import write_csv

if TYPE_CHECKING:
    from .kit import Kit
    from .processes import Spent
    from .requests_log import Posting

_CONCURRENCY = 20
_SECONDS = {50: 60, 1000: 60}  # that the rows take at each limit


def pacing(kit: Kit) -> list[Figure]:
    """Measure at every limit how long it takes and how many requests the busiest second has."""
    rows = {limit: max(2 * limit, kit.rows(limit * seconds)) for limit, seconds in _SECONDS.items()}
    actions = {
        f"{limit}/s": partial(kit.run, write_csv(kit.folder, number), f"{limit}/s", _CONCURRENCY)
        for limit, number in rows.items()
    }
    results = in_turns(kit.rounds, actions, kit.tell).values()
    figures = []
    for (limit, number), measured in zip(rows.items(), results, strict=True):
        figures += _figures(limit, number, measured)
    return figures


def _figures(limit: int, rows: int, measured: list[tuple[Spent, Posting]]) -> list[Figure]:
    ideal = [rows / limit] * len(measured)
    posted, whole = [one.seconds for _, one in measured], [spent.seconds for spent, _ in measured]
    busiest, most = [float(one.busiest) for _, one in measured], [float(limit + _CONCURRENCY)] * len(measured)
    against = f"rows / limit {rows / limit:.1f} s"
    return [
        Figure(
            f"{rows:,} rows at {limit}/s, first request to last answer",
            f"{median(posted):.2f} s",
            against,
            divided(posted, ideal),
            at_most=1.02,
        ),
        Figure(f"the whole run at {limit}/s", f"{median(whole):.2f} s", against, divided(whole, ideal)),
        Figure(
            f"busiest second at {limit}/s",
            f"{median(busiest):.0f} requests",
            f"limit + concurrency {limit + _CONCURRENCY}",
            divided(busiest, most),
            at_most=1,
        ),
    ]
