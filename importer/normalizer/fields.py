"""One row's cells by our columns, with the mapping's constants and defaults; collects problems and warnings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from importer.cells import BLANKS, DASHES, Unreadable, cell_name, clean, shown_text
from importer.normalizer.date_times import is_clock, join_date_and_time
from importer.normalizer.references import Reference, Sought, Waiting, describe_reference
from importer.records import Problem, Row, Sheet
from importer.wording import as_sentence, escape, quote

T = TypeVar("T")

_LONGEST_NAME = 60  # characters of a header in a message
_BEFORE_COLUMNS = ("in ", "or ", "empty ", "column ")  # after these only a column's name can follow, not a plain word
_MOST_TEXTS = 4096  # that are remembered
# As CSV has them: #N/A, #REF!, German #NV, Danish #I/T, Polish #N/D!, LibreOffice's Err:502, ##### in a narrow column.
_ERROR = re.compile("#(?:N[ADV]|[^\\W\\d_]/[^\\W\\d_]!?|[\u00a1\u00bf]?[^\\W_]+(?:/0)?[!?]|#+)|Err:[0-9]{3}")
_IS_ERROR = Unreadable(
    ", which is the error of a formula",
    "Correct the formula in the spreadsheet, or type the value in.",
    "error of a formula",
)
# Of a CSV whose program wrote formulas instead of their results: =A1, =VLOOKUP(A2,B:C,2), ="00042"&"".
_FORMULA = re.compile(r"=[+-]?(?:[\w.]+\(.*\).*|(?:[^!]+!)?\$?[A-Za-z]{1,3}\$?[0-9]+|\".*)", re.DOTALL)
_IS_FORMULA = Unreadable(
    ", which is a formula and not its result",
    "Export the file with values instead of formulas, or type the value in.",
    "formula instead of its result",
)


# No column of ours has a value 0.
_ZERO = re.compile(r"0(?:[.,]0+)?")
_IS_ZERO = Unreadable(
    ", which is no value: a formula that refers to an empty cell shows it",
    "Write the value in, or clear the cell if it may be empty.",
    "0 in place of a value",
)


def no_result(text: str) -> Unreadable | None:
    """Return why a text is not a value of any column: it is what a formula shows, or the formula itself."""
    if text[0] not in "#E=0":
        return None
    results = ((_ERROR, _IS_ERROR), (_FORMULA, _IS_FORMULA), (_ZERO, _IS_ZERO))
    return next((fault for pattern, fault in results if pattern.fullmatch(text)), None)


class JoinedTimes(NamedTuple):
    """The cells of date and time of day, if they are separate."""

    day: int  #: index into a row's cells
    clock: int
    is_shared: bool  #: several columns share the date; a time cell with its own date does not use it


@dataclass(frozen=True, slots=True)
class Places:
    """Which cells our columns have in a sheet, and what the mapping gives instead."""

    sheet: Sheet
    indices: Mapping[str, int]  #: our column -> index into the header and into a row's cells
    rights: Mapping[str, str]  #: each of our columns, in order -> what to write into it
    given: Mapping[str, str] = field(default_factory=dict)  #: our column -> text if no cell has one
    defaults: Mapping[str, str] = field(default_factory=dict)  #: of these, the ones that a cell overrides
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  #: our column -> cell's text -> meaning
    optional: frozenset[str] = frozenset()  #: our columns in which a dash means an empty cell
    joined: Mapping[str, JoinedTimes] = field(default_factory=dict)  #: date-time column -> the cells of its parts
    _names: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    _shared: dict[tuple[object, ...], tuple[str, str]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _own_words: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def cell(self, column: str, row: int) -> str:
        """Return the name of our column's cell; empty if the sheet has no such column."""
        index = self.indices.get(column)
        return "" if index is None else cell_name(self.sheet.positions[index], row)

    def name(self, column: str) -> str:
        """Return the user's name for our column: the sheet's own header, if it has one."""
        if column not in self._names:
            self._names[column] = self._find_name(column)
        return self._names[column]

    def in_own_words(self, text: str) -> str:
        """Return a message with the user's names for our columns; a message that quotes a text is unchanged."""
        if '"' in text or not any(map(text.__contains__, self.indices)):  # others keep our name
            return text
        return _columns_in(tuple(self.rights)).sub(lambda found: self.name(found[0]), text)

    def hint(self, text: str) -> str:
        """Return a hint as a sentence with the user's names for columns."""
        return as_sentence(self._remembered(text))

    def _remembered(self, text: str) -> str:
        """Return a hint or a reason in the user's words; every row can have the same one."""
        if (own := self._own_words.get(text)) is None:
            if len(self._own_words) >= _MOST_TEXTS:  # some name values
                self._own_words.clear()
            own = self._own_words[text] = self.in_own_words(text)
        return own

    def problem(self, column: str, text: str, fault: Unreadable, cell: str) -> Problem:
        """Return a problem or warning about a column's text; fast, because every row can have one."""
        name = self.name(column)
        message = f"{name} is {quote(text)}{self._remembered(fault.reason)}"
        kind = (column, *fault[1:])
        if (shared := self._shared.get(kind)) is None:
            if len(self._shared) >= _MOST_TEXTS:
                self._shared.clear()
            _, hint, topic, is_one = fault
            if not is_one:
                topic = f"{name}: {topic}" if topic else f"{name} cannot be used"
            shared = self._shared[kind] = (self.hint(hint or self.rights[column]), topic)
        hint, topic = shared
        return Problem(message, hint, column, cell, topic)

    def _find_name(self, column: str) -> str:
        index = self.indices.get(column)
        if index is None or not self.sheet.header_row:
            return column
        indices = (joined.day, index) if (joined := self.joined.get(column)) else (index,)
        headers = [escape(self.sheet.header[one].strip(BLANKS), _LONGEST_NAME) for one in indices]
        return " + ".join(headers) if all(headers) else column


@lru_cache
def _columns_in(names: tuple[str, ...]) -> re.Pattern[str]:
    """Find our columns in a message; a name that is also an English word counts only if it must be a column."""
    plain, sure = ("|".join(name for name in names if ("_" in name) is is_sure) for is_sure in (False, True))
    before = "|".join(rf"(?<=\b{word})" for word in _BEFORE_COLUMNS)
    return re.compile(rf"\b(?:{sure})\b|(?:{before})(?:{plain})\b")


# ---- plausibility checks, and how they count


class Level(StrEnum):
    """What a failed plausibility check does to its row; the values are those in a mapping."""

    OFF = "off"  #: nothing
    WARNING = "warning"  #: it is reported, and the row is sent
    PROBLEM = "problem"  #: the row is invalid


@dataclass(frozen=True, slots=True)
class Checks:
    """How each plausibility check counts; None: as a warning."""

    self_shadow: Level | None = None  #: the shadow is the shadowed person
    past: Level | None = None  #: the shift is over
    long: Level | None = None  #: longer than 31 days
    far: Level | None = None  #: it starts more than two years ahead
    overlap: Level | None = None  #: it overlaps another shift of the same person
    provider: Level | None = None  #: the id looks like one of another provider
    id: Level | None = None  #: the id looks unlike those that the target or the provider gives
    one_member: Level | None = None  #: a rotation in which nobody takes turns
    offset: Level | None = None  #: an offset, or a zone in the header, that contradicts the row's time zone
    fixed_offset: Level | None = None  #: a repetition at a fixed offset, without a time zone
    exact_hours: Level | None = None  #: whole days written in hours, over a change of the clock
    date_only: Level | None = None  #: an end whose cell in a workbook shows a date without a time

    def level(self, check: str) -> Level:
        """Return how a check counts."""
        chosen: Level | None = getattr(self, check)
        return Level.WARNING if chosen is None else chosen


class Implausibility(NamedTuple):
    """The finding of a plausibility check."""

    check: str  #: the name of a field of `Checks`
    column: str  #: "ends_at" stands for a shift's length: the duration if the row has one
    fault: Unreadable


# ---- one row


class Fields:
    """One row, read column by column; faults are collected, never raised."""

    __slots__ = ("_blocked", "_checks", "_places", "_problems", "_row", "_warnings", "references")

    def __init__(self, places: Places, row: Row, checks: Checks) -> None:
        self._places = places
        self._checks = checks
        self._row = row
        self._problems: list[Problem] = []
        self._warnings: list[Problem] = []
        self.references: tuple[Reference, ...] = ()  #: what must be looked up, in reading order
        # One cause, one problem: a cell that could not be read is not judged again.
        self._blocked = frozenset([one.cell for one in row.problems if one.cell])

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Problems from reading, then the others in the order of columns; columns that the sheet lacks come last."""
        return (*self._row.problems, *sorted(self._problems, key=self._position))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The warnings, in the order of columns."""
        return tuple(sorted(self._warnings, key=self._position))

    def text(self, column: str) -> str:
        """Return a column's text without outer blanks: the mapping's constant, else the cell's, else the default.

        Empty if there is none of them.
        """
        text = self._cell_text(column)
        if text and self._places.values:
            text = self.stands_for(column, text)
        return text or self._places.given.get(column, "")

    def stands_for(self, column: str, text: str) -> str:
        """Return the meaning of a column's text in the mapping's [values]; if it is not there, the text itself."""
        listed = self._places.values.get(column, {})
        return listed.get(text) or listed.get(text.casefold()) or text

    def name(self, column: str) -> str:
        """Return the user's name for our column, for a message."""
        return self._places.name(column)

    def is_one_day(self) -> bool:
        """Return whether start and end share one date, and have their own times of day."""
        start, end = (self._places.joined.get(column) for column in ("starts_at", "ends_at"))
        if start is None or end is None or start.day != end.day:
            return False
        return all(is_clock(shown_text(self._row.cells[one.clock])) for one in (start, end))

    def is_filled(self, column: str) -> bool:
        """Return whether a column has a text, even from the mapping or in an unreadable cell."""
        return self.text(column) != "" or self._is_blocked(column)

    def is_in_row(self, column: str) -> bool:
        """Return whether a column's cell is filled, even if it is unreadable."""
        return self._cell_text(column) != "" or self._is_blocked(column)

    def gives_way(self, column: str, *others: str) -> bool:
        """Return whether a column's text is the mapping's default, and the row has one of `others` instead."""
        return self.is_default(column) and any(map(self.is_in_row, others))

    def is_default(self, column: str) -> bool:
        """Return whether a column's text is the mapping's default."""
        return column in self._places.defaults and not self.is_in_row(column)

    def has_problem(self, column: str) -> bool:
        """Return whether a column's cell has a problem already."""
        return self._is_blocked(column) or any(problem.column == column for problem in self._problems)

    def required(self, column: str, parse: Callable[[str], T | Unreadable], default: T | None = None) -> T | None:
        """Read a cell; if it is empty use the default, or note a problem."""
        value = self.optional(column, parse, default)
        if value is None and not self.has_problem(column):
            self._miss(column)
        return value

    def optional(self, column: str, parse: Callable[[str], T | Unreadable], default: T | None = None) -> T | None:
        """Read a cell that may be empty; None also if a problem was noted.

        A text that is not a value is tried again without surrounding quotes and invisible characters.
        """
        if self._blocked and self._is_blocked(column):
            return None
        text = self.text(column)
        if not text:
            return default
        lacking = no_result(text)
        value = lacking or parse(text)
        if isinstance(value, Unreadable) and not lacking and (cleaned := clean(text)) not in ("", text):
            again = parse(cleaned)
            value = value if isinstance(again, Unreadable) else again
        if isinstance(value, Unreadable):
            self.fault(column, value)
            return None
        return value

    def fault(self, column: str, fault: Unreadable) -> None:
        """Note that a column's text is not a value of it."""
        self._problems.append(self._places.problem(column, self.text(column), fault, self._cell(column)))

    def note(self, column: str, message: str, hint: str, topic: str) -> None:
        """Note a problem of a column's cell; `topic` is its kind, as `check` shows it."""
        self._problems.append(Problem(message, self._places.hint(hint), column, self._cell(column), topic))

    def judge(self, check: str, column: str, fault: Unreadable) -> None:
        """Note what is implausible about a column's text, as a problem, as a warning or not at all, by [checks]."""
        level = self._checks.level(check)
        if level is Level.PROBLEM:
            self.fault(column, fault)
        elif level is Level.WARNING:
            self._warnings.append(self._places.problem(column, self.text(column), fault, self._cell(column)))

    def identify(self, column: str, parse: Callable[[str], T | Waiting | Unreadable]) -> T | Waiting | None:
        """Read a cell with an id, or with a name, for which a look-up is noted."""
        value: Any = self.required(column, parse)  # Any: mypy would join the two to `object`
        if isinstance(value, Waiting):
            self.refer(column, self.text(column), value.what)
        found: T | Waiting | None = value
        return found

    def refer(self, column: str, text: str, what: Sought) -> None:
        """Note that a text of a column names something that must be looked up."""
        self.references += (describe_reference(column, text, self._cell(column), what, self.name(column)),)

    def _miss(self, column: str) -> None:
        right = self._places.rights[column]
        if column in self._places.indices:
            words = f"{self.name(column)} is empty"
            self.note(column, words, right, words)
        else:
            words = f"sheet has no column {column}"
            hint = f"add a column {column}, or run oncall-importer map to choose one of yours, and {right}"
            self.note(column, f"the {words}", hint, words)

    def _cell(self, column: str) -> str:
        """Return the name of a column's cell; empty if there is none, or if the mapping gives the text."""
        is_given = column in self._places.given and not self.is_in_row(column)
        return "" if is_given else self._places.cell(column, self._row.place)

    def _cell_text(self, column: str) -> str:
        index = self._places.indices.get(column)
        text = "" if index is None else shown_text(self._row.cells[index])
        if text in DASHES and column in self._places.optional and text not in self._places.values.get(column, ()):
            return ""
        joined = self._places.joined.get(column) if self._places.joined else None
        if joined is None or (joined.is_shared and not is_clock(text)):
            return text
        day = shown_text(self._row.cells[joined.day])
        return join_date_and_time(day, text) if day and text else day or text

    def _is_blocked(self, column: str) -> bool:
        if not self._blocked:
            return False
        cells = {self._places.cell(column, self._row.place)}
        if joined := self._places.joined.get(column):
            cells.add(cell_name(self._places.sheet.positions[joined.day], self._row.place))
        return not cells.isdisjoint(self._blocked)

    def _position(self, problem: Problem) -> int:
        width = len(self._places.sheet.header)
        order = {column: order for order, column in enumerate(self._places.rights)}
        return self._places.indices.get(problem.column, width + order.get(problem.column, 0))
