"""A workbook's sheets, rows and cells as its file stores them, for every format, compared with what calamine reads."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple, Protocol, TypeAlias

from importer.cells import cell_name
from importer.errors import SourceError
from importer.reader.cell_text import (
    DAY_ZERO,
    DAYS_OF_1904,
    Flaw,
    NumberFormat,
    StoredCell,
    built_in,
    number_format,
    round_seconds,
    text_of,
)
from importer.reader.limits import LONG, Bounds, too_long_cell
from importer.wording import escape, is_unicode, quote

#: First row, first column, last row, last column of merged cells; rows count from 1, columns from 0.
Merged: TypeAlias = tuple[int, int, int, int]
PLAIN = number_format("General")
_MOST_SHEETS = 1_000
SAVE_AS = "Open it in a spreadsheet program and save it as .xlsx."  #: a hint
UNPROTECTED = "Open it in a spreadsheet program, remove the password, save it as .xlsx and try again."  #: a hint


class TextRow(NamedTuple):
    """One row of a worksheet as text. Columns count from 0."""

    number: int
    cells: list[str]  #: from the sheet's first column on to its last
    is_hidden: bool = False  #: by a filter or a person
    remarks: Mapping[int, StoredCell] = {}  #: the cells of which there is more to say, by their column

    @property
    def is_blank(self) -> bool:
        return not any(map(str.strip, self.cells)) and not any(cell.flaw for cell in self.remarks.values())


class StoredRow(Protocol):
    """A row as it is stored."""

    @property
    def number(self) -> int:
        """Its number, from 1."""

    @property
    def is_hidden(self) -> bool:
        """True if it is hidden, by a filter or by hand."""

    @property
    def cells(self) -> Mapping[int, StoredCell]:
        """Its cells by their 0-based column; those that hold nothing can be left out."""

    def texts(self, values: Sequence[object], first: int) -> TextRow | None:
        """Make texts of calamine's values, from the first column on; None if the cells must be looked at."""


class WalkedRow(NamedTuple):
    """A row whose cells were all looked at."""

    number: int
    cells: Mapping[int, StoredCell]
    is_hidden: bool = False

    def texts(self, _values: Sequence[object], _first: int) -> TextRow | None:
        return None


_MOST_COPIED = LONG << 10  # characters


@dataclass(slots=True)
class Extent:
    """How far a sheet reaches, and how full it is."""

    left: int = 1 << 30
    right: int = -1
    last_row: int = 0
    cells: int = 0  #: that hold something
    widest: int = 0  #: the last of the rows that reach as far as any
    characters: int = 0  #: of all its texts, where they are known

    @property
    def columns(self) -> range:
        """All columns from the first to the last that is not empty."""
        return range(self.left, self.right + 1) if self.cells else range(0)

    @property
    def is_dense(self) -> bool:
        """True if a grid of the sheet's size costs no more than its cells do: calamine makes one, and copies texts."""
        return self.characters <= _MOST_COPIED and self.last_row * (self.right + 1) <= 8 * self.cells + 200_000

    def add_cells(self, first: int, count: int, cells: Mapping[int, StoredCell]) -> None:
        """Add the cells of a row that is repeated."""
        filled = [column for column, cell in cells.items() if cell.text or cell.flaw]
        if filled:
            self.add(first + count - 1, min(filled), max(filled), len(filled) * count)
            self.characters += sum([len(cells[column].text) for column in filled]) * count

    def add(self, row: int, left: int, right: int, cells: int) -> None:
        """Take in some cells of a row."""
        self.widest = row if right >= self.right else self.widest
        self.left, self.right = min(self.left, left), max(self.right, right)
        self.last_row, self.cells = max(self.last_row, row), self.cells + cells


@dataclass(frozen=True, slots=True)
class ListedSheet:
    """A sheet as the workbook lists it."""

    name: str
    kind: str = ""  #: what it is where it is no worksheet: `a chart`
    is_hidden: bool = False
    path: str = ""  #: of its part, where it has one


class StoredSheet(ABC):
    """One worksheet as it is stored."""

    takes_values = False  #: whether calamine's values are taken for rows that are not odd

    @cached_property
    def hidden_columns(self) -> list[tuple[int, int]]:  #: first and last of each range; known once a row was walked
        return []

    @abstractmethod
    def rows(self, columns: range, merged: list[Merged]) -> Iterator[StoredRow]:
        """Walk the rows in ascending order, those without cells left out or not, and add what is merged in the end.

        `columns` are those that are not empty; none where that is not known.

        Raises:
            SourceError: The file is damaged.
        """

    @property
    def estimate(self) -> Extent:
        """How far it reaches, about."""
        return self.extent

    @property
    def extent(self) -> Extent:
        """How far it reaches; takes a walk through all of it."""
        return self._surveyed[0]

    @property
    def merged(self) -> list[Merged]:
        """What is merged in it."""
        return self._surveyed[1]

    @cached_property
    def _surveyed(self) -> tuple[Extent, list[Merged]]:
        extent, merged = Extent(), list[Merged]()
        for row in self.rows(range(0), merged):
            extent.add_cells(row.number, 1, row.cells)
        return extent, merged


class Storage(ABC):
    """A workbook's file."""

    sheets: list[ListedSheet]  #: all of them, in its order

    @property
    def is_dense(self) -> bool:
        """True if calamine can open it without a grid that is far larger than its cells."""
        return True  # of most formats it makes the grid of a sheet when that is read

    @abstractmethod
    def sheet(self, index: int, /) -> StoredSheet:
        """Return a worksheet by its place among all sheets.

        Raises:
            SourceError: The file has none there, or it is damaged.
        """

    def choose(self, wanted: Sequence[str]) -> set[str]:
        """Return the names of the sheets to read: those wanted, else every worksheet that is not hidden.

        Raises:
            SourceError: A sheet that is wanted is not there, or two have the same name.
        """
        if len({sheet.name for sheet in self.sheets}) < len(self.sheets):
            raise damaged("two of its sheets have the same name")
        if wanted:
            return set(map(self._match, wanted))
        chosen = {sheet.name for sheet in self.sheets if not (sheet.kind or sheet.is_hidden)}
        if len(chosen) > _MOST_SHEETS:
            raise SourceError(
                f"the workbook has {len(chosen):,} sheets, more than {_MOST_SHEETS:,}",
                hint="Choose some with --sheet, or split it.",
            )
        return chosen

    def listed(self) -> str:
        """Name all sheets, for a hint."""
        names = ", ".join(f"{quote(sheet.name)}{' (hidden)' * sheet.is_hidden}" for sheet in self.sheets)
        named = " Name one with --sheet." if any(sheet.is_hidden for sheet in self.sheets) else ""
        return f"Its sheets are: {names}.{named}" if names else "It has no sheets at all."

    def _match(self, wanted: str) -> str:
        found = [sheet for sheet in self.sheets if sheet.name == wanted]
        found = found or [sheet for sheet in self.sheets if sheet.name.casefold() == wanted.casefold()]
        if len(found) != 1:
            raise SourceError(f"the workbook has no sheet {quote(wanted)}", hint=self.listed())
        if found[0].kind:
            raise SourceError(f"sheet {quote(wanted)} is {found[0].kind} and has no rows", hint=self.listed())
        return found[0].name


@dataclass(slots=True)
class Styles:
    """What the cells' styles refer to, by their place in the file."""

    formats: list[NumberFormat] = field(default_factory=list)
    struck: set[int] = field(default_factory=set)  #: styles whose font is struck through
    days: set[int] = field(default_factory=set)  #: plain styles that show a date without a time of day
    is_1904: bool = False

    def add(self, number: int, code: str | None, *, is_struck: bool) -> None:
        """Add the next style: its format by its number, and by its code where the file has one."""
        if is_struck:
            self.struck.add(len(self.formats))
        if (added := number_format(code or built_in(number))).is_plain_day:
            self.days.add(len(self.formats))
        self.formats.append(added)

    def format(self, style: int) -> NumberFormat:
        return self.formats[style] if style < len(self.formats) else PLAIN

    def moment(self, written: str, style: int) -> StoredCell:
        """Make the cell of a moment or a span of time that is stored as text: as its number is shown, where one is."""
        text, shape = clock_text(written), self.format(style)
        number = _day_number(text, DAYS_OF_1904 if self.is_1904 else 0) if shape.has_moments else ""
        return shape.show(number, is_1904=self.is_1904) or StoredCell(text)

    def number(self, written: str, style: int) -> StoredCell:
        """Make the cell of a number as it is stored; of no number it is a problem."""
        cell = self.format(style).show(written, is_1904=self.is_1904) or no_number(written)
        return cell.counted_from(DAYS_OF_1904) if self.is_1904 else cell


_SPAN = re.compile(r"(-?)P(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:[.,][0-9]+)?)S)?)?")


def clock_text(written: str) -> str:
    """Write a moment or a span that is stored as text; a Z behind it is no zone: programs show the clock time."""
    try:
        if span := _SPAN.fullmatch(written):
            sign, *parts = span.groups()
            days, hours, minutes, seconds = (float((part or "0").replace(",", ".")) for part in parts)
            length = timedelta(days, seconds, hours=hours, minutes=minutes)
            text = text_of(-length if sign else length)
            return f"0{text}" if not sign and length < timedelta(hours=10) else text
        if "T" not in written and ":" not in written:
            return f"{date.fromisoformat(written).isoformat()}T00:00:00"
        if "T" not in written.removeprefix("T"):
            moment = datetime.fromisoformat(f"2000-01-01T{written.removeprefix('T').removesuffix('Z')}")
            return round_seconds(moment.replace(tzinfo=None)).time().isoformat()
        return round_seconds(datetime.fromisoformat(written).replace(tzinfo=None)).isoformat()
    except ValueError:
        return written


def _day_number(text: str, later: int) -> str:
    """Return the day number of what `clock_text` wrote, where day 0 is so many days `later`; empty if it has none."""
    found = re.fullmatch(r"(?:([0-9-]+)T)?(-?)([0-9]+):([0-9]+):([0-9]+)", text)
    if not found:
        return ""
    days = (date.fromisoformat(found[1]) - DAY_ZERO).days - later if found[1] else 0
    if found[1] and not later:
        days -= days < 61  # there is a 29th of February 1900, and a day 0 of which only the time counts
    hours, minutes, seconds = map(int, found.group(3, 4, 5))
    clock = Decimal(hours * 3600 + minutes * 60 + seconds) / 86_400
    return str(max(days, 0) + (-clock if found[2] else clock))


EMPTY = StoredCell("")  #: the file stores nothing in it
COVERED = StoredCell("")  #: whatever is in it, nobody sees it: it is a part of a merged one
NEVER_CALCULATED = StoredCell(
    "",
    Flaw(
        "the cell holds a formula whose result was never stored",
        "Open the workbook in a spreadsheet program, let it calculate, and save it.",
        "a formula without a stored result",
    ),
)


def error_cell(text: str) -> StoredCell:
    """Make the cell of an error such as `#N/A`."""
    return StoredCell(
        text,
        Flaw(
            f"the cell holds the error {escape(text)}",
            "Correct its formula, or type the value in.",
            "a cell that holds an error",
        ),
    )


def no_number(written: str) -> StoredCell:
    """Make the cell of a number that is stored as something that is none, such as `NaN`."""
    return StoredCell(
        written,
        Flaw(
            f"the cell should hold a number, but the file stores {quote(written)}, which is none",
            "Put the value in, in a spreadsheet program, and save the workbook.",
            "a number that is none",
        ),
    )


def damaged(why: str) -> SourceError:
    """Make the error for a workbook whose inside is not as it must be."""
    return SourceError(
        f"the workbook is damaged: {why}",
        hint="Open it in a spreadsheet program, save it again as .xlsx and try again.",
    )


def not_unicode(where: str) -> SourceError:
    """Make the error for a text with half of a character."""
    return SourceError(
        f"{where} holds text that is not valid Unicode",
        hint="Type it again: it has half of a character, a lone surrogate.",
    )


def in_order(number: int, before: int) -> int:
    """Return a row's number, which must be higher than that of the row before.

    Raises:
        SourceError: It is not.
    """
    if number <= before:
        raise damaged(f"row {number} comes after row {before}")
    return number


# ---- The rows of a worksheet as text, read twice


_NO_ROW = WalkedRow(0, {})


def text_rows(
    values: Iterator[list[Any]] | None,
    stored: Iterator[StoredRow],
    columns: range,
    found: range,
    merged: Sequence[Merged],
    bounds: Bounds,
) -> Iterator[TextRow]:
    """Yield the rows in ascending order, blank ones too or not.

    `values` are calamine's, of every row from the first on, in the columns `found`; None if it was not asked.

    Raises:
        SourceError: calamine finds a value where the file's own reading finds none, or a cell is too long.
    """
    coming, here, long = deque(sorted(merged)), list[Merged](), 0
    for number, row, stored_row in _paired(values, stored):
        quick = stored_row.texts(row, columns.start) if found == columns and row else None
        text_row = quick or _read_cells(number, row, stored_row, columns, found)
        while coming and coming[0][0] <= number:
            here.append(coming.popleft())
        if here:
            here = [each for each in here if each[2] >= number and each[3] >= columns.start and each[1] < columns.stop]
            if len(here) > len(columns):
                raise damaged(f"its merged cells overlap in row {number}")
            text_row = _without_covered(text_row, columns, here)
        if (size := sum(map(len, text_row.cells))) > min(LONG, bounds.cell):
            _refuse_long(text_row, columns, bounds)
            long += size if size > LONG else 0
            if long > bounds.record:  # a text that a small file has once can be in any number of cells
                raise SourceError(
                    f"up to row {number} its longest rows alone have more than {bounds.record:,} characters",
                    hint="Remove the column of long texts; IMPORTER_MAX_CELL raises the limit.",
                )
        yield text_row


def _paired(
    values: Iterator[list[Any]] | None, stored: Iterator[StoredRow]
) -> Iterator[tuple[int, list[Any], StoredRow]]:
    """Walk both by the row's number; calamine yields every row to its last, the file leaves rows out."""
    pending = next(stored, None)
    for number, row in enumerate(values or (), 1):
        if pending is not None and pending.number == number:
            yield number, row, pending
            pending = next(stored, None)
        else:
            if any(value != "" for value in row):
                deque(stored, maxlen=0)  # a row that comes too late is why it seems to be missing
            yield number, row, _NO_ROW
    while pending is not None:
        yield pending.number, [], pending
        pending = next(stored, None)


def _read_cells(number: int, values: list[Any], row: StoredRow, columns: range, found: range) -> TextRow:
    cells = row.cells
    for column, value in zip(found, values, strict=False):
        # What shows nothing on purpose, such as a number of the format `;;;`, is not the cell that stores nothing.
        if value != "" and cells.get(column, EMPTY) is EMPTY:
            raise damaged(f"cell {cell_name(column, number)} is read differently by two parsers")
    if not cells:
        return TextRow(number, [""] * len(columns))
    texts = [""] * len(columns)
    for column, cell in cells.items():
        if column in columns:
            texts[column - columns.start] = cell.text
        elif cell.text or cell.flaw:
            raise damaged(f"cell {cell_name(column, number)} is read differently by two parsers")
    if not is_unicode("".join(texts)):
        column = next(column for column, text in zip(columns, texts, strict=True) if not is_unicode(text))
        raise not_unicode(f"cell {cell_name(column, number)}")
    remarks = {column: cell for column, cell in cells.items() if cell.is_remarkable}
    return TextRow(number, texts, row.is_hidden, remarks)


def _without_covered(row: TextRow, columns: range, here: Sequence[Merged]) -> TextRow:
    """Take out of a row what merged cells cover: a person does not see what is in it."""
    for first, left, _, right in here:
        kept = left if row.number == first else -1
        covered = {column for column in columns if left <= column <= right and column != kept}
        for column in covered:
            row.cells[column - columns.start] = ""
        row = row._replace(remarks={c: cell for c, cell in row.remarks.items() if c not in covered})
    return row


def _refuse_long(row: TextRow, columns: range, bounds: Bounds) -> None:
    for column, text in zip(columns, row.cells, strict=False):
        if len(text) > bounds.cell:
            raise too_long_cell(cell_name(column, row.number), bounds)
