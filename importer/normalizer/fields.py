"""The cells of one row by our columns, with the mapping's constants and defaults, and all that is found wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from importer.cells import BLANKS, cell_name, clean
from importer.normalizer.plausibility import Checks
from importer.normalizer.references import NO_DIRECTORY, References, Waiting, describe_reference
from importer.normalizer.times.moments import NO_RULES, TimeRules
from importer.normalizer.unreadable import Unreadable
from importer.quoting import quote
from importer.records import Problem, Sheet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from importer.normalizer.providers import Provider
    from importer.normalizer.references import Reference, Sought
    from importer.normalizer.times.moments import Moment
    from importer.records import Row


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Places:
    """Where our columns stand in a sheet, and what the mapping gives instead."""

    sheet: Sheet
    indices: Mapping[str, int]  #: column of ours -> index into the header and into a row's cells
    rights: Mapping[str, str]  #: every column of ours, in their order -> what to write into it
    given: Mapping[str, str] = field(default_factory=dict)  #: column of ours -> text where no cell has one
    defaults: Mapping[str, str] = field(default_factory=dict)  #: of those, the ones that a cell outdoes

    def cell(self, column: str, row: int) -> str:
        """Name the cell of a column of ours; empty where the sheet has no such column."""
        index = self.indices.get(column)
        return "" if index is None else cell_name(self.sheet.positions[index], row)


@dataclass(frozen=True, slots=True)
class RowRules:
    """How a row is read, beside its own cells."""

    zone: ZoneInfo | None = None  #: of times without an offset, where the row names none
    provider: Provider | None = None  #: of schedule rows that name none
    until: Moment | None = None  #: the end of repetitions that have none
    now: datetime | None = None  #: what shifts are judged against; None: they are not
    references: References = NO_DIRECTORY  #: how ids are read, and names that stand for them
    times: TimeRules = NO_RULES  #: how doubtful date-times are read
    checks: Checks = Checks()  #: how each sense check counts


class Fields:
    """One row, read column by column; faults are gathered, never raised."""

    __slots__ = ("_blocked", "_places", "_problems", "_references", "_row", "_warnings")

    def __init__(self, places: Places, row: Row) -> None:
        self._places = places
        self._row = row
        self._problems: list[Problem] = []
        self._warnings: list[Problem] = []
        self._references: tuple[Reference, ...] = ()
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

    @property
    def references(self) -> tuple[Reference, ...]:
        """What must be looked up, in the order in which it was read."""
        return self._references

    def text(self, column: str) -> str:
        """Give a column's text without outer blanks: the mapping's constant, else the cell's, else the default.

        Empty where there is none of them.
        """
        index = self._places.indices.get(column)
        text = "" if index is None else self._row.cells[index].strip(BLANKS)
        return text or self._places.given.get(column, "")

    def is_filled(self, column: str) -> bool:
        """Tell whether a column has a text, be it one of the mapping or an unreadable cell."""
        return self.text(column) != "" or self._is_blocked(column)

    def is_in_row(self, column: str) -> bool:
        """Tell whether something stands in a column's cell, be it unreadable."""
        return self._cell_text(column) != "" or self._is_blocked(column)

    def gives_way(self, column: str, *others: str) -> bool:
        """Tell whether a column's text is the mapping's default, and the row itself says one of `others` instead."""
        return self.is_default(column) and any(map(self.is_in_row, others))

    def is_default(self, column: str) -> bool:
        """Tell whether a column's text is the mapping's default."""
        return column in self._places.defaults and not self.is_in_row(column)

    def has_problem(self, column: str) -> bool:
        """Tell whether a column's cell has a problem already."""
        return self._is_blocked(column) or any(problem.column == column for problem in self._problems)

    def required(self, column: str, parse: Callable[[str], T | Unreadable], default: T | None = None) -> T | None:
        """Read a cell; where it is empty take the default, and without one note a problem."""
        value = self.optional(column, parse, default)
        if value is None and not self.has_problem(column):
            self._miss(column)
        return value

    def optional(self, column: str, parse: Callable[[str], T | Unreadable], default: T | None = None) -> T | None:
        """Read a cell that may be empty; None also where a problem was noted.

        A text that is no value is tried once more without what nobody means: quotes around it, unseen characters.
        """
        if self._blocked and self._is_blocked(column):
            return None
        text = self.text(column)
        if not text:
            return default
        value = parse(text)
        if isinstance(value, Unreadable):
            value = _parse_cleaned(text, parse, value)
        if isinstance(value, Unreadable):
            self.fault(column, text, value)
            return None
        return value

    def fault(self, column: str, text: str, fault: Unreadable) -> None:
        """Note that a column's text is no value of it."""
        message = f"{column} is {quote(text)}{fault.reason}"
        self.note(column, message, fault.hint or self._places.rights[column], _topic(column, fault.topic))

    def note(self, column: str, message: str, hint: str, topic: str = "") -> None:
        """Note a problem of a column's cell; `topic` as `check` shows it."""
        self._problems.append(self._problem(column, message, hint, topic or _topic(column, "")))

    def warn(self, column: str, reason: str, hint: str, topic: str = "") -> None:
        """Note what is odd about a column's text but does not stop the row; `topic` as in a Unreadable."""
        message = f"{column} is {quote(self.text(column))}{reason}"
        self._warnings.append(self._problem(column, message, hint, _topic(column, topic)))

    def identify(self, column: str, parse: Callable[[str], T | Waiting | Unreadable]) -> T | Waiting | None:
        """Read a cell with an id, or with a name that must be looked up: then that is noted."""
        value: Any = self.required(column, parse)  # Any: mypy would join the two to `object`
        if isinstance(value, Waiting):
            self.refer(column, self.text(column), value.what)
        found: T | Waiting | None = value
        return found

    def refer(self, column: str, text: str, what: Sought) -> None:
        """Note that a text of a column names something that must be looked up."""
        self._references += (describe_reference(column, text, self._cell(column), what),)

    def _miss(self, column: str) -> None:
        right = self._places.rights[column]
        if column in self._places.indices:
            self.note(column, f"{column} is empty", right, f"{column} is empty")
        else:
            words = f"sheet has no column {column}"
            self.note(column, f"the {words}", f"add a column {column} and {right}", words)

    def _problem(self, column: str, message: str, hint: str, topic: str) -> Problem:
        return Problem(message, hint, column, self._cell(column), topic)

    def _cell(self, column: str) -> str:
        """Name a column's cell; empty where the sheet has none, or the text is the mapping's and not the cell's."""
        is_given = column in self._places.given and not self.is_in_row(column)
        return "" if is_given else self._places.cell(column, self._row.place)

    def _cell_text(self, column: str) -> str:
        index = self._places.indices.get(column)
        return "" if index is None else self._row.cells[index].strip(BLANKS)

    def _is_blocked(self, column: str) -> bool:
        return bool(self._blocked) and self._places.cell(column, self._row.place) in self._blocked

    def _position(self, problem: Problem) -> int:
        width = len(self._places.sheet.header)
        order = {column: order for order, column in enumerate(self._places.rights)}
        return self._places.indices.get(problem.column, width + order.get(problem.column, 0))


def _parse_cleaned(text: str, parse: Callable[[str], T | Unreadable], fault: Unreadable) -> T | Unreadable:
    """Read a text without what nobody means; what is no value even then keeps the fault of the whole text."""
    cleaned = clean(text)
    if not cleaned or cleaned == text:
        return fault
    value = parse(cleaned)
    return fault if isinstance(value, Unreadable) else value


def _topic(column: str, topic: str) -> str:
    return f"{column}: {topic}" if topic else f"{column} cannot be used"
