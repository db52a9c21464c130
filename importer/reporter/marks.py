"""What is wrong with a line -> which of its cells get which colour and which comment. Pure; it writes nothing."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from importer.records import Problem

_cell_of = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,11})").fullmatch


class Fill(Enum):
    """A cell's background and the colour of its text; the first three are those that spreadsheets call so."""

    GOOD = ("#C6EFCE", "#006100")
    BAD = ("#FFC7CE", "#9C0006")
    NEUTRAL = ("#FFEB9C", "#7F4F00")
    DOUBT = ("#F8CBAD", "#833C0B")
    SAME = ("#DDEBF7", "#1F4E78")
    WAITING = ("#E7E6E6", "#404040")
    EXAMPLE = ("#F2F2F2", "#595959")


class Mark(NamedTuple):
    """What one cell is to look like."""

    fill: Fill
    comment: str


def named_cells(text: str) -> Iterator[tuple[int, int]]:
    """Give the 0-based column and the row of each cell that a text such as `B7, D7` names; pass over all else."""
    for name in text.split(","):
        if found := _cell_of(name.strip()):
            yield _position(found[1]), int(found[2])


def _position(letters: str) -> int:
    position = 0
    for letter in letters:
        position = position * 26 + ord(letter) - ord("A") + 1
    return position - 1


def mark_row(
    number: int, positions: Sequence[int], problems: Iterable[Problem], warnings: Iterable[Problem]
) -> dict[int, Mark]:
    """Give the marks of one row by 0-based column: problems red, warnings yellow, one comment for all of a cell.

    What is about no cell of this row (a column that the sheet lacks, the row as a whole) is said at its first cell.
    """
    texts: dict[int, list[str]] = {}
    bad = set()
    for problem in problems:
        for column in _columns(problem, number, positions):
            texts.setdefault(column, []).append(remark(problem.message, problem.hint))
            bad.add(column)
    for warning in warnings:
        for column in _columns(warning, number, positions):
            texts.setdefault(column, []).append(remark(f"Warning: {warning.message}", warning.hint))
    return {
        column: Mark(Fill.BAD if column in bad else Fill.NEUTRAL, "\n\n".join(dict.fromkeys(own)))
        for column, own in texts.items()
    }


def _columns(problem: Problem, number: int, positions: Sequence[int]) -> list[int]:
    named = [column for column, row in named_cells(problem.cell) if row == number]
    return named or [min(positions, default=0)]


def remark(message: str, hint: str) -> str:
    """Put what is wrong and what would be right on a line each."""
    return f"{message}\n{hint[:1].upper()}{hint[1:]}" if hint else message
