"""A sheet's XML as it is stored: also what calamine does not tell: error cells, styles, missing values."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import IO, TYPE_CHECKING, NamedTuple
from xml.parsers import expat

from importer.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BLOCK = 1 << 16
_REFERENCE = re.compile(r"([A-Za-z]{1,3})([1-9][0-9]{0,6})")


class StoredCell(NamedTuple):
    """A cell's attributes and value, ECMA-376 18.3.1.4."""

    type: str  #: n, s, str, inlineStr, b, e or d
    style: int
    value: str  #: text of `<v>`: of type s an index; of inlineStr nothing
    is_formula: bool


class StoredRow(NamedTuple):
    """A row's cells by their 0-based column."""

    number: int
    cells: dict[int, StoredCell]


def elements(stream: IO[bytes]) -> list[tuple[str, dict[str, str]]]:
    """List the elements of a small part: names and attributes, without their prefixes."""
    found: list[tuple[str, dict[str, str]]] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, attributes: found.append(
        (_local(name), {_local(key): value for key, value in attributes.items()})
    )
    for _ in _parsed(stream, parser):
        pass
    return found


def stored_rows(stream: IO[bytes]) -> Iterator[StoredRow]:
    """Yield a worksheet's rows in ascending order.

    Raises:
        SourceError: The part is broken, or its rows are not in order.
    """
    sheet = _SheetParser()
    for _ in _parsed(stream, sheet.parser):
        yield from sheet.take()


def damaged(why: str) -> SourceError:
    """Make the error for a workbook whose inside is not as it must be."""
    return SourceError(
        f"the workbook is damaged: {why}",
        hint="Open it in a spreadsheet program, save it again as .xlsx and try again.",
    )


class _SheetParser:
    """Collects rows from the events of one worksheet."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self._rows: list[StoredRow] = []
        self._row = StoredRow(0, {})
        self._column = -1
        self._attributes: dict[str, str] = {}
        self._value: list[str] = []
        self._is_formula = False
        self._is_data = False

    def take(self) -> list[StoredRow]:
        rows, self._rows = self._rows, []
        return rows

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = _local(name)
        if name == "sheetData":
            self._is_data = True
        elif self._is_data and name in _STARTS:
            _STARTS[name](self, attributes)

    def _start_row(self, attributes: dict[str, str]) -> None:
        number = _whole(attributes.get("r", str(self._row.number + 1)))
        if number <= self._row.number:
            raise damaged(f"row {number} comes after row {self._row.number}")
        self._row = StoredRow(number, {})
        self._column = -1

    def _start_cell(self, attributes: dict[str, str]) -> None:
        self._attributes = attributes
        self._value = []
        self._is_formula = False
        reference = attributes.get("r", "")
        self._column = _column(reference, self._row.number) if reference else self._column + 1

    def _start_formula(self, _attributes: dict[str, str]) -> None:
        self._is_formula = True

    def _start_value(self, _attributes: dict[str, str]) -> None:
        self.parser.CharacterDataHandler = self._value.append

    def _end(self, name: str) -> None:
        name = _local(name)
        if name == "v":
            self.parser.CharacterDataHandler = None
        elif name == "c" and self._is_data:
            self._row.cells[self._column] = self._cell()
        elif name == "row" and self._is_data:
            self._rows.append(self._row)
        elif name == "sheetData":
            self._is_data = False

    def _cell(self) -> StoredCell:
        get = self._attributes.get
        return StoredCell(get("t", "n"), _whole(get("s", "0")), "".join(self._value), self._is_formula)


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
    return _column_of(match[1])


@lru_cache(maxsize=1024)
def _column_of(letters: str) -> int:
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise damaged(f"{text[:20]!r} stands where a whole number must")
    return int(text)


def _local(name: str) -> str:
    return name.rpartition(":")[2] if ":" in name else name


def _parsed(stream: IO[bytes], parser: expat.XMLParserType) -> Iterator[None]:
    """Feed a part to the parser, with a pause after each block in which to take what it found."""
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        while block := stream.read(_BLOCK):
            parser.Parse(block, False)
            yield
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise damaged(f"its XML is broken: {error}") from error
    yield


def _refuse_doctype(*_declaration: object) -> None:
    raise damaged("its XML has a DOCTYPE, which workbooks never have")
