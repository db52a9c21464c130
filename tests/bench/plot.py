"""The plot of growth as an SVG of its own, drawn by hand: two lines need no library. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_WIDTH, _HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 660, 40, 250
_STEPS = 4  # of each axis
_STYLE = """
text { font: 12px sans-serif; fill: #57606a } .grid { stroke: #8884; stroke-width: 1 }
.time { stroke: #0969da; fill: #0969da } .memory { stroke: #bc4c00; fill: #bc4c00 }
polyline { fill: none !important; stroke-width: 2 } circle, text { stroke: none !important }
@media (prefers-color-scheme: dark) { text { fill: #9198a1 } .time { stroke: #58a6ff; fill: #58a6ff }
.memory { stroke: #f0883e; fill: #f0883e } }
"""


class Point(NamedTuple):
    """What runs of one size cost."""

    rows: int
    micro: float  #: microseconds a row beyond the start
    memory: float  #: megabytes at the peak


def draw(points: Sequence[Point]) -> str:
    """Draw time a row and memory at the peak over the number of rows, which grows tenfold from mark to mark."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        "<title>Time a row and memory at the peak, by the number of rows</title>",
        f"<style>{_STYLE}</style>",
        *_rows_axis(points),
        *_series("time", "microseconds a row", points, lambda point: point.micro, is_left=True),
        *_series("memory", "peak memory, MB", points, lambda point: point.memory, is_left=False),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _rows_axis(points: Sequence[Point]) -> list[str]:
    marks = [_text(_across(point, points), _BOTTOM + 20, f"{point.rows:,}", "middle") for point in points]
    return [*marks, _text((_LEFT + _RIGHT) / 2, _BOTTOM + 40, "rows in the source", "middle")]


def _series(
    name: str, title: str, points: Sequence[Point], value: Callable[[Point], float], *, is_left: bool
) -> list[str]:
    top = _round_up(max(map(value, points)))
    places = [(_across(point, points), _BOTTOM - (_BOTTOM - _TOP) * value(point) / top) for point in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = [f'<circle class="{name}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in places]
    end, x, anchor = (_LEFT, _LEFT - 8, "end") if is_left else (_RIGHT, _RIGHT + 8, "start")
    return [
        *_axis(top, x, anchor, has_grid=is_left),
        f'<text class="{name}" x="{end}" y="20" text-anchor="{"start" if is_left else "end"}">{title}</text>',
        f'<polyline class="{name}" points="{line}"/>',
        *dots,
    ]


def _axis(top: float, x: float, anchor: str, *, has_grid: bool) -> list[str]:
    parts = []
    for step in range(_STEPS + 1):
        y = _BOTTOM - (_BOTTOM - _TOP) * step / _STEPS
        parts.append(_text(x, y + 4, f"{top * step / _STEPS:g}", anchor))
        if has_grid:
            parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_RIGHT}"/>')
    return parts


def _across(point: Point, points: Sequence[Point]) -> float:
    first, last = math.log10(points[0].rows), math.log10(points[-1].rows)
    share = (math.log10(point.rows) - first) / ((last - first) or 1)
    return _LEFT + 30 + (_RIGHT - _LEFT - 60) * share


def _round_up(value: float) -> float:
    """Give the end of an axis: 1, 2, 4 or 8 times a power of ten, above the value."""
    power: float = 10.0 ** math.floor(math.log10(max(value, 1e-9)))
    return next(power * factor for factor in (1, 2, 4, 8, 10, 20) if power * factor >= value * 1.1)


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'
