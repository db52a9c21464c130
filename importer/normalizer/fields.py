"""The cells of one row by our columns, and all that is found wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from importer.normalizer.columns import BY_NAME, COLUMNS
from importer.normalizer.wording import Fault, quote
from importer.records import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.normalizer.layout import Layout
    from importer.records import Row

T = TypeVar("T")

_ZERO_WIDTH = "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # what a copy from a dialog drags along
_SPACES = " \t\n\v\f\r\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
#: What is taken off both ends of a cell: nobody sees it, so nobody means it.
BLANKS = _SPACES + "\u2028\u2029\u202f\u205f\u3000" + _ZERO_WIDTH + _DIRECTIONS

_ORDER = {column.name: order for order, column in enumerate(COLUMNS)}


class Fields:
    """One row, read column by column; faults are gathered, never raised."""

    __slots__ = ("_blocked", "_layout", "_problems", "_row", "_warnings")

    def __init__(self, layout: Layout, row: Row) -> None:
        self._layout = layout
        self._row = row
        self._problems: list[Problem] = []
        self._warnings: list[Problem] = []
        # One cause, one problem: a cell that could not be read is not judged again.
        self._blocked = frozenset(problem.cell for problem in row.problems if problem.cell)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What reading found, then the rest as the columns stand; columns that the sheet lacks come last."""
        if not self._problems:
            return self._row.problems
        return (*self._row.problems, *sorted(self._problems, key=self._position))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is worth saying, as the columns stand."""
        if not self._warnings:
            return ()
        return tuple(sorted(self._warnings, key=self._position))

    def text(self, column: str) -> str:
        """Give a cell's text without outer blanks; empty where the sheet has no such column."""
        index = self._layout.indices.get(column)
        return "" if index is None else self._row.cells[index].strip(BLANKS)

    def is_filled(self, column: str) -> bool:
        """Tell whether something stands in a cell, be it unreadable."""
        return self.text(column) != "" or self._is_blocked(column)

    def has_problem(self, column: str) -> bool:
        """Tell whether a column's cell has a problem already."""
        return self._is_blocked(column) or any(problem.column == column for problem in self._problems)

    def required(self, column: str, parse: Callable[[str], T | Fault], default: T | None = None) -> T | None:
        """Read a cell; where it is empty take the default, and without one note a problem."""
        value = self.optional(column, parse, default)
        if value is None and not self.has_problem(column):
            self._miss(column)
        return value

    def optional(self, column: str, parse: Callable[[str], T | Fault], default: T | None = None) -> T | None:
        """Read a cell that may be empty; None also where a problem was noted."""
        if self._blocked and self._is_blocked(column):
            return None
        text = self.text(column)
        if not text:
            return default
        value = parse(text)
        if isinstance(value, Fault):
            self.fault(column, text, value)
            return None
        return value

    def fault(self, column: str, text: str, fault: Fault) -> None:
        """Note that a column's text is no value of it."""
        self.note(column, f"{column} is {quote(text)}{fault.reason}", fault.hint or BY_NAME[column].right)

    def note(self, column: str, message: str, hint: str) -> None:
        """Note a problem of a column's cell."""
        self._problems.append(self._problem(column, message, hint))

    def warn(self, column: str, reason: str, hint: str) -> None:
        """Note what is odd about a column's text but does not stop the row."""
        message = f"{column} is {quote(self.text(column))}{reason}"
        self._warnings.append(self._problem(column, message, hint))

    def _miss(self, column: str) -> None:
        right = BY_NAME[column].right
        if column in self._layout.indices:
            self.note(column, f"{column} is empty", right)
        else:
            self.note(column, f"the sheet has no column {column}", f"add a column {column} and {right}")

    def _problem(self, column: str, message: str, hint: str) -> Problem:
        return Problem(message, hint, column, self._layout.cell(column, self._row.place))

    def _is_blocked(self, column: str) -> bool:
        return bool(self._blocked) and self._layout.cell(column, self._row.place) in self._blocked

    def _position(self, problem: Problem) -> int:
        width = len(self._layout.sheet.header)
        return self._layout.indices.get(problem.column, width + _ORDER[problem.column])
