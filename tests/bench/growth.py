"""Items 4 and 7: time and memory of a run by its number of rows."""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from .figures import Figure, divided, in_turns, micro
from .plot import Point, draw
from .sources import write_csv
from .table import table

if TYPE_CHECKING:
    from pathlib import Path

    from .kit import Kit
    from .processes import Spent

_SIZES = (1000, 10_000, 100_000, 1_000_000)
_START = 50  # rows of the run that stands for the start


def growth(kit: Kit, plot: Path) -> tuple[list[Figure], str]:
    """Measure runs of all sizes, draw the plot, and give the figures and the plot's numbers as a table."""
    sizes = [_START, *sorted({kit.rows(size) for size in _SIZES})]
    actions = {f"run of {rows:,} rows": partial(_run, kit, rows) for rows in sizes}
    results = list(in_turns(kit.rounds, actions, kit.tell).values())
    start = median(spent.seconds for spent in results[0])
    points = [_point(rows, spent, start) for rows, spent in zip(sizes[1:], results[1:], strict=True)]
    plot.write_text(draw(points), encoding="utf-8")
    lines = [(f"{point.rows:,}", f"{point.micro:.0f}", f"{point.memory:.0f}") for point in points]
    return _figures(sizes, results, points), table(("rows", "us a row beyond the start", "peak MB"), lines)


def _run(kit: Kit, rows: int) -> Spent:
    spent, _ = kit.run(write_csv(kit.folder, rows))
    return spent


def _point(rows: int, spent: list[Spent], start: float) -> Point:
    """Take the start off: it is a figure of its own, and would be all that a short run shows."""
    beyond = median(one.seconds for one in spent) - start
    return Point(rows, max(0.0, micro(beyond, rows - _START)), median(one.memory for one in spent) / 1e6)


def _figures(sizes: list[int], results: list[list[Spent]], points: list[Point]) -> list[Figure]:
    large, small = ([spent.memory / 1e6 for spent in results[index]] for index in (-1, -2))
    growing = [spent.seconds / sizes[-1] for spent in results[-1]], [spent.seconds / sizes[-2] for spent in results[-2]]
    return [
        Figure(
            f"memory at the peak, {sizes[-1]:,} rows",
            f"{median(large):.0f} MB",
            f"{sizes[-2]:,} rows {median(small):.0f} MB",
            divided(large, small),
            at_most=1.25,
        ),
        Figure(
            "the same against 300 MB",
            f"{median(large):.0f} MB",
            "300 MB",
            divided(large, [300.0] * len(large)),
            at_most=1,
        ),
        Figure(
            f"time a row, {sizes[-1]:,} rows",
            f"{points[-1].micro:.0f} us",
            f"{sizes[-2]:,} rows {points[-2].micro:.0f} us",
            divided(*growing),
        ),
    ]
