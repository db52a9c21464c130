"""Figures as a Markdown table that a terminal shows well, too. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .figures import Figure

_HEADER = ("what", "the importer", "against", "ratio", "rounds", "goal")
_VERDICTS = {True: "met", False: "MISSED", None: ""}


def figures_table(figures: Sequence[Figure]) -> str:
    """Draw a line for each figure."""
    return table(_HEADER, [_cells(figure) for figure in figures])


def table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Draw a table."""
    widths = [max(map(len, column)) for column in zip(header, *lines, strict=True)]
    return "\n".join(_line(cells, widths) for cells in (header, ["-" * width for width in widths], *lines))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def _cells(figure: Figure) -> tuple[str, ...]:
    spread = f"{min(figure.ratios):.2f} to {max(figure.ratios):.2f}" if len(figure.ratios) > 1 else "one"
    return (figure.what, figure.ours, figure.against, f"{figure.ratio:.2f}", spread, _goal(figure))


def _goal(figure: Figure) -> str:
    bounds = [f">= {figure.at_least:g}"] if figure.at_least is not None else []
    bounds += [f"<= {figure.at_most:g}"] if figure.at_most is not None else []
    return f"{', '.join(bounds)}: {_VERDICTS[figure.is_met]}" if bounds else ""
