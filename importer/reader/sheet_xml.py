"""The XML of an .xlsx sheet, cell by cell, by expat: the careful way, in which nothing is left out."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING
from xml.parsers import expat

from importer.reader.cell_names import cell_of, column_of
from importer.reader.stored_cells import StoredCell, StoredRow, WalkedRow, damaged, in_order
from importer.reader.xml_parts import local, parsed, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_INDEX = re.compile(r"[0-9]{1,9}")  # calamine takes what is no number for 0
_REFERENCE = re.compile(r"([A-Za-z]{1,3})([1-9][0-9]{0,6})")


def stored_rows(stream: IO[bytes], zeros: Mapping[int, int]) -> Iterator[StoredRow]:
    """Yield a worksheet's rows in ascending order. `zeros` maps a style to the digits it shows at least.

    Raises:
        SourceError: The part is broken, or its rows are not in order.
    """
    sheet = _SheetParser(zeros)
    for _ in parsed(stream, sheet.parser):
        yield from sheet.take()


def stored_cells(row: bytes, zeros: Mapping[int, int]) -> Mapping[int, StoredCell]:
    """Read one `<row>` element by itself.

    Raises:
        SourceError: It is broken.
    """
    sheet = _SheetParser(zeros)
    try:
        sheet.parser.Parse(b"<sheetData>%b</sheetData>" % row, True)
    except expat.ExpatError as error:
        raise damaged(f"its XML is broken: {error}") from error
    found = sheet.take()
    if len(found) != 1:
        raise damaged("one of its rows holds another")
    return found[0].cells


class _SheetParser:
    """Collects rows from the events of one worksheet."""

    def __init__(self, zeros: Mapping[int, int]) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self._zeros = zeros
        self._rows: list[StoredRow] = []
        self._number = 0
        self._cells: dict[int, StoredCell] = {}
        self._column = -1
        self._attributes: dict[str, str] = {}
        self._value: list[str] = []
        self._is_formula = False
        self._is_data = False

    def take(self) -> list[StoredRow]:
        rows, self._rows = self._rows, []
        return rows

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = local(name)
        if name == "sheetData":
            self._is_data = True
        elif self._is_data and name in _STARTS:
            _STARTS[name](self, attributes)

    def _start_row(self, attributes: dict[str, str]) -> None:
        number = whole(attributes.get("r", str(self._number + 1)))
        self._number, self._cells = in_order(number, self._number), {}
        self._column = -1

    def _start_cell(self, attributes: dict[str, str]) -> None:
        self._attributes = attributes
        self._value = []
        self._is_formula = False
        reference = attributes.get("r", "")
        self._column = _column(reference, self._number) if reference else self._column + 1

    def _start_formula(self, _attributes: dict[str, str]) -> None:
        self._is_formula = True

    def _start_value(self, _attributes: dict[str, str]) -> None:
        self.parser.CharacterDataHandler = self._value.append

    def _end(self, name: str) -> None:
        name = local(name)
        if name == "v":
            self.parser.CharacterDataHandler = None
        elif name == "c" and self._is_data:
            self._end_cell()
        elif name == "row" and self._is_data:
            self._rows.append(WalkedRow(self._number, self._cells))
        elif name == "sheetData":
            self._is_data = False

    def _end_cell(self) -> None:
        if self._column in self._cells:
            raise damaged(f"cell {cell_of(self._column, self._number)} stands there twice")
        cell = self._cell()
        if cell.type == "s" and cell.value and not _INDEX.fullmatch(cell.value):
            raise damaged(f"cell {cell_of(self._column, self._number)} refers to no text")
        self._cells[self._column] = cell

    def _cell(self) -> StoredCell:
        get = self._attributes.get
        width = self._zeros.get(whole(get("s") or "0"), 0)
        return StoredCell(get("t", "n"), "".join(self._value), self._is_formula, width)


_STARTS: dict[str, Callable[[_SheetParser, dict[str, str]], None]] = {
    "row": _SheetParser._start_row,
    "c": _SheetParser._start_cell,
    "f": _SheetParser._start_formula,
    "v": _SheetParser._start_value,
}


def _column(reference: str, row: int) -> int:
    match = _REFERENCE.fullmatch(reference)
    if not match or int(match[2]) != row:
        raise damaged(f"a cell in row {row} calls itself {reference[:20]!r}")
    return column_of(match[1])
