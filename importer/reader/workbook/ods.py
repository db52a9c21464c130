"""The OpenDocument spreadsheet that an .ods file is: its `content.xml`, cell by cell, by expat, ODF 1.3 part 3.

Names keep their prefixes, as calamine knows no others.
Repeated rows and cells are counted as often as they stand there, blank ones at no cost. calamine does not tell error
cells and formulas without a result, drops tabs and line breaks, and does not know spans of a day and more: all are
found here. A cell whose text has no type, as only careless programs write it, stops the reading.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING
from xml.parsers import expat

from importer.errors import SourceError
from importer.reader.workbook.stored_cells import Merged, StoredCell, StoredRow, WalkedRow, damaged
from importer.reader.workbook.xml_parts import parsed, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from typing import IO

    from importer.reader.workbook.zip_parts import Parts


_CONTENT, _MANIFEST = "content.xml", "META-INF/manifest.xml"
_ERROR = re.compile(r"#[A-Z/0!?]+|Err:[0-9]{3}")
_SPAN = re.compile(r"PT([0-9]+)H([0-9]+)M([0-9]+)(?:[.,][0-9]+)?S")
_ZEROS = re.compile(r"-?0[0-9]+")
_MOST_CELLS = 16_384  # columns of a sheet; a repetition that goes beyond says nothing
_MOST_ROWS = 1_048_576
_VALUES = tuple(f"office:{kind}" for kind in ("value", "string-value", "date-value", "time-value", "boolean-value"))


class OpenDocument:
    """One .ods workbook.

    Raises:
        SourceError: It is damaged or encrypted.
    """

    def __init__(self, parts: Parts) -> None:
        if _MANIFEST in parts and parts.elements(_MANIFEST, "encryption-data"):
            raise SourceError("the workbook is encrypted", hint="Take its password off and try again.")
        parts.check_whole(_CONTENT)
        self._open = partial(parts.part, _CONTENT)

    def sheet(self, index: int, _name: str) -> OpenDocumentSheet:
        """Give a sheet by its place among all."""
        return OpenDocumentSheet(self._open, index)


class OpenDocumentSheet:
    """One sheet of an .ods workbook."""

    merged: list[Merged]

    def __init__(self, opened: Callable[[], AbstractContextManager[IO[bytes]]], index: int) -> None:
        self.merged = []
        self._open = opened
        self._index = index

    def rows(self, _columns: range) -> Iterator[StoredRow]:
        content = _Content(self._index)
        with self._open() as stream:
            for _ in parsed(stream, content.parser):
                yield from content.take()
                if content.is_done:
                    self.merged = content.merged
                    return


class _Content:
    """Collects the rows of one table from the events of the whole content."""

    def __init__(self, index: int) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.is_done = False
        self.merged: list[Merged] = []
        self._left = index  # tables before it
        self._is_inside = False
        self._rows: list[tuple[int, int, dict[int, StoredCell]]] = []  # first number, how often, cells
        self._number = 0  # of the last row
        self._repeats = 1
        self._column = 0
        self._cells: dict[int, StoredCell] = {}
        self._attributes: dict[str, str] = {}
        self._text: list[str] = []
        self._paragraphs = 0
        self._notes = 0  # open annotations, whose text is no text of the cell

    def take(self) -> Iterator[StoredRow]:
        rows, self._rows = self._rows, []
        for first, count, cells in rows:
            for number in range(first, first + count):
                yield WalkedRow(number, cells)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table:table" and "table:name" in attributes:
            self._start_table()
        elif self._is_inside and name in _STARTS:
            _STARTS[name](self, attributes)

    def _start_table(self) -> None:
        if self._is_inside:
            raise damaged("a table stands within a table")
        self._is_inside = self._left == 0
        self._left -= 1

    def _start_row(self, attributes: dict[str, str]) -> None:
        self._repeats = min(_repeats(attributes, "table:number-rows-repeated"), _MOST_ROWS - self._number)
        self._column = 0
        self._cells = {}

    def _start_cell(self, attributes: dict[str, str]) -> None:
        self._attributes = attributes
        self._text = []
        self._paragraphs = self._notes = 0
        self.parser.CharacterDataHandler = self._add

    def _start_note(self, _attributes: dict[str, str]) -> None:
        self._notes += 1

    def _start_paragraph(self, _attributes: dict[str, str]) -> None:
        if not self._notes:
            self._text += ["\n"] if self._paragraphs else []
            self._paragraphs += 1

    def _add(self, text: str) -> None:
        if not self._notes:
            self._text.append(text)

    def _end(self, name: str) -> None:
        if self._is_inside and name in _ENDS:
            _ENDS[name](self)

    def _end_table(self) -> None:
        self._is_inside, self.is_done = False, True

    def _end_row(self) -> None:
        if self._cells and self._repeats > 0:
            self._rows.append((self._number + 1, self._repeats, self._cells))
        self._number += self._repeats

    def _end_note(self) -> None:
        self._notes -= 1

    def _end_cell(self) -> None:
        self.parser.CharacterDataHandler = None
        self._note_merged()
        cell = _stored(self._attributes, "".join(self._text))
        count = min(_repeats(self._attributes, "table:number-columns-repeated"), _MOST_CELLS - self._column)
        if cell:
            self._cells.update(dict.fromkeys(range(self._column, self._column + count), cell))
        self._column += count

    def _note_merged(self) -> None:
        columns = _repeats(self._attributes, "table:number-columns-spanned")
        rows = _repeats(self._attributes, "table:number-rows-spanned")
        if columns > 1 or rows > 1:
            row = self._number + 1
            self.merged.append((row, self._column, row + rows - 1, self._column + columns - 1))


_STARTS: dict[str, Callable[[_Content, dict[str, str]], None]] = {
    "table:table-row": _Content._start_row,
    "table:table-cell": _Content._start_cell,
    "table:covered-table-cell": _Content._start_cell,
    "office:annotation": _Content._start_note,
    "text:p": _Content._start_paragraph,
    "text:s": lambda content, attributes: content._add(" " * min(_repeats(attributes, "text:c"), 1 << 20)),
    "text:tab": lambda content, _: content._add("\t"),
    "text:line-break": lambda content, _: content._add("\n"),
}
_ENDS: dict[str, Callable[[_Content], None]] = {
    "table:table": _Content._end_table,
    "table:table-row": _Content._end_row,
    "table:table-cell": _Content._end_cell,
    "table:covered-table-cell": _Content._end_cell,
    "office:annotation": _Content._end_note,
}


def _repeats(attributes: dict[str, str], name: str) -> int:
    return max(whole(attributes[name]), 1) if name in attributes else 1


def _stored(attributes: dict[str, str], shown: str) -> StoredCell | None:
    """Make a cell of its attributes and its text; None where it is blank."""
    is_formula = bool(attributes.get("table:formula"))
    value = next((attributes[name] for name in _VALUES if name in attributes), None)
    if not is_formula and not shown and value is None:
        return None
    if attributes.get("calcext:value-type") == "error" or (is_formula and _ERROR.fullmatch(shown)):
        return StoredCell("e", shown, is_formula)
    return _valued(attributes, value or "", shown, is_formula=is_formula)


def _valued(attributes: dict[str, str], value: str, shown: str, *, is_formula: bool) -> StoredCell:
    match attributes.get("office:value-type"):
        case "float" | "percentage" | "currency":
            return StoredCell("n", value, is_formula, text=shown if _is_filled(shown, value) else "")
        case "time":
            return StoredCell("d", value, is_formula, text=_span_text(value))
        case "string" if "office:string-value" not in attributes:
            return StoredCell("str", shown, is_formula, text=shown if "\t" in shown or "\n" in shown else "")
        case "string":
            return StoredCell("str", value, is_formula)
    return StoredCell("d", value or shown, is_formula)


def _is_filled(shown: str, value: str) -> bool:
    """Tell whether a number is shown with zeros before it that its value does not have."""
    return bool(_ZEROS.fullmatch(shown)) and shown.lstrip("-0") == value.lstrip("-")


def _span_text(value: str) -> str:
    """Write a span of a day and more as `[h]:mm:ss`; empty for a time of day, which calamine gives."""
    span = _SPAN.fullmatch(value)
    if not span or int(span[1]) < 24:
        return ""
    return f"{int(span[1])}:{int(span[2]):02}:{int(span[3]):02}"
