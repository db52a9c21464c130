"""Reads .ods files (OpenDocument spreadsheets): `content.xml`, cell by cell, with expat, ODF 1.3 part 3.

Names keep their prefixes, which all programs write alike. Repeated rows and cells count each time, blank ones at no
cost. Drawings and notes at a cell are not part of its text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property, partial
from typing import IO
from xml.parsers import expat

from importer.errors import SourceError
from importer.reader.cell_text import CURRENCY, DAY_ZERO, LONG_NUMBER, StoredCell, number_format
from importer.reader.stored_cells import (
    COVERED,
    EMPTY,
    NEVER_CALCULATED,
    PLAIN,
    SAVE_AS,
    UNPROTECTED,
    Extent,
    ListedSheet,
    Merged,
    Storage,
    StoredRow,
    StoredSheet,
    WalkedRow,
    clock_text,
    damaged,
    error_cell,
    no_number,
)
from importer.reader.zip_parts import Parts, parsed, whole

_SPREADSHEET = b"application/vnd.oasis.opendocument.spreadsheet"
_CONTENT, _STYLES, _MANIFEST = "content.xml", "styles.xml", "META-INF/manifest.xml"
_ERROR = re.compile(r"#[A-Z/0!?]+|Err:[0-9]{3}")
_THOUSANDS = re.compile(  # also those of India: 10,11,02,103
    r"-?[0-9]{1,3}(?:(?:[.'’\s][0-9]{3})+|(?:,[0-9]{2,3})*,[0-9]{3})(?:[.,][0-9]+)?"  # noqa: RUF001
)
_SHOWN_CLOCK = re.compile(r"(?:[0-9]+[^0-9]+){3}[0-9]|\bAM\b")  # behind a date: a fourth number, or 12 AM
_ZERO = re.compile(r"-?0[.,]0+")
_FLAT = re.compile(r"0*(?:\.0*)?[a-z]*")  # a row's height
_LETTER, _EXPONENT = re.compile(r"[^\W\d_]"), re.compile(r"[0-9]E[+-]?[0-9]", re.IGNORECASE)
_MOST_BLANKS = 1 << 24
_MOST_REPEATED = 100_000  # rows: no table has so many that are all the same
_MOST_CELLS = 16_384  # columns of a sheet; a repetition that goes beyond says nothing
_MOST_ROWS = 1_048_576
_MOST_COMPARED = 2_000_000  # cells that calamine reads again
_MOMENT = number_format("yyyy-mm-dd hh:mm")
_LINES = ("style:text-line-through-style", "style:text-line-through-type")
_VALUES = tuple(f"office:{kind}" for kind in ("value", "string-value", "date-value", "time-value", "boolean-value"))


class OpenDocument(Storage):
    """One .ods workbook.

    Raises:
        SourceError: It is damaged, encrypted, or another kind of document.
    """

    def __init__(self, parts: Parts) -> None:
        with parts.part("mimetype") as stream:
            kind = stream.read(200)
        if not kind.startswith(_SPREADSHEET):
            kind_name = kind.decode("ascii", "replace").rpartition(".")[2]
            raise SourceError(
                f"this is an OpenDocument file of the kind {kind_name[:40]!r}, not a workbook", hint=SAVE_AS
            )
        if _MANIFEST in parts and parts.elements(_MANIFEST, "encryption-data"):
            raise SourceError("the workbook is encrypted with a password", hint=UNPROTECTED)
        self._open = partial(parts.part, _CONTENT)
        self._styles = _Styles()
        for path in (_STYLES, _CONTENT):
            if path in parts:
                with parts.part(path) as stream:
                    self._styles.read(stream)
        tables = self._styles.tables
        self.sheets = [ListedSheet(name, "", style in self._styles.undisplayed) for name, style in tables]

    @property
    def is_dense(self) -> bool:
        """True if calamine, which makes grids of all sheets at once, can do so."""
        extents = [self.sheet(index).extent for index in range(len(self.sheets))]
        cells = sum(extent.cells for extent in extents)  # repeated ones cost nothing in the file
        return cells <= _MOST_COMPARED and all(extent.is_dense for extent in extents)

    def sheet(self, index: int) -> OpenDocumentSheet:
        """Return a worksheet by its place among all sheets."""
        return OpenDocumentSheet(self._open, index, self._styles)


@dataclass
class OpenDocumentSheet(StoredSheet):
    """One sheet of an .ods workbook."""

    open: Callable[[], AbstractContextManager[IO[bytes]]]
    index: int
    styles: _Styles

    def rows(self, _columns: range, merged: list[Merged]) -> Iterator[StoredRow]:
        for first, count, cells, is_hidden in self._walk(merged):
            if count > _MOST_REPEATED and any(cell.text or cell.flaw for cell in cells.values()):
                raise SourceError(
                    f"rows {first} to {first + count - 1} are all the same, more than {_MOST_REPEATED:,}",
                    hint="Delete the repeated rows, and try again.",
                )
            for number in range(first, first + count):
                yield WalkedRow(number, cells, is_hidden)

    @cached_property
    def _surveyed(self) -> tuple[Extent, list[Merged]]:
        """Look at repeated rows once: in a small file there can be millions."""
        extent, merged = Extent(), list[Merged]()
        for first, count, cells, _ in self._walk(merged):
            extent.add_cells(first, count, cells)
        return extent, merged

    def _walk(self, merged: list[Merged]) -> Iterator[tuple[int, int, Mapping[int, StoredCell], bool]]:
        content = _Content(self.index, self.styles, merged, self.hidden_columns)
        with self.open() as stream:
            for _ in parsed(stream, content.parser):
                yield from content.take()
                if content.is_done:
                    return


class _Styles:
    """Finds the tables and those not displayed, and the styles of rows without height and of struck cells."""

    def __init__(self) -> None:
        self.tables: list[tuple[str, str]] = []  #: name, style
        self.undisplayed: set[str] = set()
        self.struck: set[str] = set()
        self.flat: set[str] = set()
        self.later = 0  #: days by which its day 0 is later than the usual one
        self._style = ""
        self._asides = 0

    def read(self, stream: IO[bytes]) -> None:
        """Read a part to its end.

        Raises:
            SourceError: It is not XML throughout.
        """
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        for _ in parsed(stream, parser):
            pass

    def _end(self, name: str) -> None:
        self._asides -= _is_aside(name)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._asides += _is_aside(name)
        match name:
            case "style:style":
                self._style = attributes.get("style:name", "")
                if attributes.get("style:parent-style-name") in self.struck:
                    self.struck.add(self._style)
            case "style:table-properties" if attributes.get("table:display") == "false":
                self.undisplayed.add(self._style)
            case "style:table-row-properties" if _FLAT.fullmatch(attributes.get("style:row-height", "-")):
                self.flat.add(self._style)
            case "style:text-properties":
                lines = [attributes[line] for line in _LINES if line in attributes]
                if lines:
                    (self.struck.discard if "none" in lines else self.struck.add)(self._style)
            case "table:null-date":
                with suppress(ValueError):
                    self.later = (date.fromisoformat(attributes.get("table:date-value", "")) - DAY_ZERO).days
            case "table:table" if "table:name" in attributes and not self._asides:
                self.tables.append((attributes["table:name"], attributes.get("table:style-name", "")))


class _Content:
    """Collects the rows of one table from the events of the whole content."""

    def __init__(self, index: int, styles: _Styles, merged: list[Merged], hidden: list[tuple[int, int]]) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.is_done = False
        self._merged, self._hidden = merged, hidden
        self._styles = styles
        self._left = index  # tables before it
        self._is_inside = False
        self._rows: list[tuple[int, int, dict[int, StoredCell], bool]] = []  # first number, how often, cells, hidden
        self._number = 0  # of the last row
        self._repeats = 1
        self._is_hidden = False
        self._groups: list[bool] = []  # of rows, around the one being read: whether each is folded up
        self._row_style = ""
        self._column_styles: list[tuple[int, str]] = []  # last column, its cells' style
        self._column = 0
        self._cells: dict[int, StoredCell] = {}
        self._attributes: dict[str, str] = {}
        self._is_covered = False
        self._is_struck = False  # a part of the cell
        self._text: list[str] = []
        self._paragraphs = 0
        self._blanks = 0  # that are stored as a number, in all
        self._asides = 0  # open notes and drawings, whose text is no text of the cell

    def take(self) -> list[tuple[int, int, dict[int, StoredCell], bool]]:
        rows, self._rows = self._rows, []
        return rows

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if _is_aside(name):
            self._asides += 1
        elif self._asides:
            return
        elif name == "table:table" and (self._is_inside or "table:name" in attributes):
            self._start_table()
        elif self._is_inside:
            self._start_inside(name, attributes)

    def _start_table(self) -> None:
        if self._is_inside:
            raise damaged("a table is inside a table")
        self._is_inside = self._left == 0
        self._left -= 1

    def _start_inside(self, name: str, attributes: dict[str, str]) -> None:
        match name:
            case "table:table-column":
                self._start_column(attributes)
            case "table:table-row-group" | "table:table-column-group":
                self._groups.append(attributes.get("table:display") == "false")
            case "table:table-row":
                self._start_row(attributes)
            case "table:table-cell" | "table:covered-table-cell":
                self._is_covered = name == "table:covered-table-cell"
                self._attributes, self._text, self._paragraphs = attributes, [], 0
                self._is_struck = False
            case "text:span" if attributes.get("text:style-name") in self._styles.struck:
                self._is_struck = True
            case "text:p" | "text:h":
                self._text += ["\n"] if self._paragraphs else []
                self._paragraphs += 1
                self.parser.CharacterDataHandler = self._add
            case "text:s":
                self._add_blanks(_repeats(attributes, "text:c"))
            case "text:tab":
                self._add("\t")
            case "text:line-break":
                self._add("\n")

    def _start_column(self, attributes: dict[str, str]) -> None:
        before = self._column_styles[-1][0] if self._column_styles else -1
        last = before + _repeats(attributes, "table:number-columns-repeated")
        self._column_styles.append((last, attributes.get("table:default-cell-style-name", "")))
        if any(self._groups) or attributes.get("table:visibility", "visible") != "visible":
            self._hidden.append((before + 1, last))

    def _start_row(self, attributes: dict[str, str]) -> None:
        self._repeats = min(_repeats(attributes, "table:number-rows-repeated"), _MOST_ROWS - self._number)
        is_flat = attributes.get("table:style-name") in self._styles.flat
        self._is_hidden = is_flat or any(self._groups) or attributes.get("table:visibility", "visible") != "visible"
        self._row_style = attributes.get("table:default-cell-style-name", "")
        self._column = 0
        self._cells = {}

    def _add(self, text: str) -> None:
        if not self._asides:
            self._text.append(text)

    def _add_blanks(self, count: int) -> None:
        self._blanks += count
        if self._blanks > _MOST_BLANKS:
            raise SourceError(f"the cells of a sheet hold more than {_MOST_BLANKS:,} blanks", hint="Remove the blanks.")
        self._add(" " * count)

    def _end(self, name: str) -> None:
        if _is_aside(name):
            self._asides -= 1
        elif self._is_inside and not self._asides:
            match name:
                case "table:table":
                    self._is_inside, self.is_done = False, True
                case "table:table-row-group" | "table:table-column-group":
                    self._groups.pop()
                case "table:table-row":
                    self._end_row()
                case "table:table-cell" | "table:covered-table-cell":
                    self._end_cell()
                case "text:p" | "text:h":
                    self.parser.CharacterDataHandler = None  # white space between paragraphs is no text

    def _end_row(self) -> None:
        if self._cells and self._repeats > 0:
            self._rows.append((self._number + 1, self._repeats, self._cells, self._is_hidden))
        self._number += self._repeats

    def _end_cell(self) -> None:
        self._note_merged()
        cell = _stored(self._attributes, "".join(self._text))
        count = min(_repeats(self._attributes, "table:number-columns-repeated"), _MOST_CELLS - self._column)
        if cell:
            if self._is_covered:
                cell = COVERED
            elif self._is_struck or self._cell_style() in self._styles.struck:
                cell = cell.strike_out()
            if (kind := self._attributes.get("office:value-type")) == "float":
                cell = cell.counted_from(self._styles.later)
            elif kind == "time":
                cell = _clock(cell, "".join(self._text), self._styles.later)
            self._cells.update(dict.fromkeys(range(self._column, self._column + count), cell))
        self._column += count

    def _cell_style(self) -> str:
        if own := self._attributes.get("table:style-name") or self._row_style:
            return own
        return next((style for last, style in self._column_styles if self._column <= last), "")

    def _note_merged(self) -> None:
        columns = _repeats(self._attributes, "table:number-columns-spanned")
        rows = _repeats(self._attributes, "table:number-rows-spanned")
        if columns > 1 or rows > 1:
            row = self._number + 1
            self._merged.append((row, self._column, row + rows - 1, self._column + columns - 1))


def _is_aside(name: str) -> bool:
    """Return whether an element is a note, a drawing or a pronunciation, whose text is not the cell's."""
    return name in {"office:annotation", "text:ruby-text"} or name.startswith("draw:")


def _repeats(attributes: dict[str, str], name: str) -> int:
    return max(whole(attributes[name]), 1) if name in attributes else 1


def _stored(attributes: dict[str, str], shown: str) -> StoredCell | None:
    """Make a cell from its attributes and its text; None if it is blank."""
    is_formula = bool(attributes.get("table:formula"))
    value = next((attributes[name] for name in _VALUES if name in attributes), None)
    if not is_formula and not shown and value is None:
        return EMPTY if "office:value-type" in attributes else None
    kind = attributes.get("office:value-type", "")
    if attributes.get("calcext:value-type") == "error" or (is_formula and _ERROR.fullmatch(shown)):
        return error_cell(shown)
    if is_formula and not shown and not value and kind != "string":
        return NEVER_CALCULATED
    return _read_value(kind, value or "", shown, has_own_text="office:string-value" in attributes)


def _read_value(kind: str, value: str, shown: str, *, has_own_text: bool) -> StoredCell:
    match kind:
        case "float" | "percentage" | "currency":
            return _number(kind, value, shown)
        case "time":
            return StoredCell(clock_text(value))
        case "date":
            cell = StoredCell(clock_text(value))
            return cell if (_SHOWN_CLOCK.search(shown) if shown else "T" in value) else cell.as_day()
        case "boolean":
            return StoredCell("TRUE" if value == "true" else "FALSE")
        case "string" if has_own_text:
            return StoredCell(value) if value else EMPTY
    return StoredCell(shown or value) if shown or value else EMPTY


def _number(kind: str, value: str, shown: str) -> StoredCell:
    """Make the cell of a number: as it is shown where that only puts zeros or literals around its digits, or words."""
    found = PLAIN.show(value)
    if found is None or LONG_NUMBER.fullmatch(value):
        return found or no_number(value)
    text, digits = found.text, "".join(re.findall(r"[0-9]", shown))
    has_word = _LETTER.search(shown) is not None and not _EXPONENT.search(shown)
    if kind == "float" and has_word and not digits:  # such as a formula's truth
        return StoredCell(shown)
    is_whole = text.lstrip("-").isdigit()
    is_fraction = "/" in shown and not is_whole
    if kind != "float" or is_fraction or CURRENCY.search(shown) or _THOUSANDS.fullmatch(shown):
        return StoredCell(text, None, shown if shown != text else "", found.is_inexact)
    is_same = digits != "" and digits.lstrip("0") == text.lstrip("-0") and not _ZERO.fullmatch(shown)
    is_within = has_word and re.search(rf"(?<![0-9])0*{text.lstrip('-')}(?![0-9])", shown) is not None
    if is_whole and (is_same or is_within):
        has_sign = not text.startswith("-") or re.search(r"[-−(]", shown)  # noqa: RUF001  (a minus)
        return StoredCell(shown if has_sign else text)
    return StoredCell(text, None, shown if is_whole and has_word else "", found.is_inexact)


def _clock(cell: StoredCell, shown: str, later: int) -> StoredCell:
    """Return the cell of a time; as the moment that it is in other formats, if only its time of day is shown."""
    span, first = re.fullmatch(r"([0-9]+):([0-9]+):([0-9]+)", cell.text), re.search(r"[0-9]+", shown)
    hours, minutes, seconds = map(int, span.groups()) if span else (0, 0, 0)
    if hours < 24 or not first or int(first[0]) not in {hours % 24, (hours - 1) % 12 + 1}:
        return cell
    moment = _MOMENT.show(str(later + Decimal(hours * 3600 + minutes * 60 + seconds) / 86_400)) or cell
    return cell._replace(text=moment.text)
