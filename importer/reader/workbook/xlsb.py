"""The package that an .xlsb workbook is, its cells walked record by record, [MS-XLSB] 2.1.4.

calamine leaves error cells and rich text out, and takes dates that are stored as whole numbers for numbers: all three
are found here. What is not checked: the texts themselves, which only calamine reads.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import partial
from typing import IO, TYPE_CHECKING

from importer.reader.cell_text import day_text, zeros_shown
from importer.reader.workbook.binary_values import ERRORS, long_at, real_at, rk_at, short_at, sound
from importer.reader.workbook.stored_cells import Merged, StoredCell, StoredRow, WalkedRow, damaged, in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from importer.reader.workbook.zip_parts import Parts


_BLOCK = 1 << 18
_HEAD = 6  # bytes that type and length of a record take at most
_WORKBOOK, _STYLES, _LINKS = "xl/workbook.bin", "xl/styles.bin", "xl/_rels/workbook.bin.rels"
_SHEET, _PROPERTIES, _END_SHEETS = 0x9C, 0x99, 0x90
_FORMAT, _BEGIN_STYLES, _STYLE, _END_STYLES = 0x2C, 0x269, 0x2F, 0x26A
_ROW, _END_ROWS, _MERGED = 0x00, 0x92, 0xB0
_FORMULA = frozenset({0x08, 0x09, 0x0A, 0x0B})  # results of formulas: text, number, truth, error


@dataclass(slots=True)
class _Styles:
    """What the cells' styles refer to."""

    codes: dict[int, str] = field(default_factory=dict)  #: of number formats, by their number
    formats: list[int] = field(default_factory=list)  #: of each style the number of its format
    is_1904: bool = False

    def format_of(self, style: int) -> int:
        return self.formats[style] if style < len(self.formats) else 0

    def width(self, style: int) -> int:
        return zeros_shown(self.codes.get(self.format_of(style), ""))


class BinaryPackage:
    """One .xlsb workbook.

    Raises:
        SourceError: It is damaged.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        parts.check_xml()
        self._styles = _Styles()
        self._targets = list(self._find_targets())
        if _STYLES in parts:
            self._read_styles()

    def sheet(self, index: int, name: str) -> BinarySheet:
        """Give a sheet by its place among all."""
        if index >= len(self._targets):
            raise damaged(f"the part of its sheet {name[:200]!r} is not listed")
        return BinarySheet(partial(self._parts.part, self._targets[index]), self._styles)

    def _find_targets(self) -> Iterator[str]:
        links = {a.get("Id", ""): a.get("Target", "") for _, a in self._parts.elements(_LINKS, "Relationship")}
        with self._parts.part(_WORKBOOK) as stream, sound():
            for kind, data in _records(stream):
                if kind == _PROPERTIES:
                    self._styles.is_1904 = bool(data[0] & 1)
                elif kind == _SHEET and (link := _text(data, 8)):
                    yield f"xl/{links.get(link, '')}"
                elif kind == _END_SHEETS:
                    return

    def _read_styles(self) -> None:
        is_inside = False
        with self._parts.part(_STYLES) as stream, sound():
            for kind, data in _records(stream):
                if kind == _FORMAT:
                    self._styles.codes[short_at(data, 0)] = _text(data, 2)
                elif kind == _STYLE and is_inside:
                    self._styles.formats.append(short_at(data, 2))
                elif kind in {_BEGIN_STYLES, _END_STYLES}:
                    is_inside = kind == _BEGIN_STYLES


class BinarySheet:
    """One sheet of an .xlsb workbook."""

    merged: list[Merged]

    def __init__(self, opened: Callable[[], AbstractContextManager[IO[bytes]]], styles: _Styles) -> None:
        self.merged = []
        self._open = opened
        self._styles = styles

    def rows(self, _columns: range) -> Iterator[StoredRow]:
        merged: list[Merged] = []
        number, cells = 0, dict[int, StoredCell]()
        is_data = True
        with self._open() as stream, sound():
            for kind, data in _records(stream):
                if kind == _MERGED:
                    first, last, left, right = struct.unpack_from("<IIII", data)
                    merged.append((first + 1, left, last + 1, right))
                elif kind == _END_ROWS:
                    is_data = False
                elif kind == _ROW and is_data:
                    if cells:
                        yield WalkedRow(number, cells)
                    number, cells = in_order(long_at(data, 0) + 1, number), {}
                elif is_data and (cell := self._cell(kind, data)):
                    cells[long_at(data, 0)] = cell
        self.merged = merged
        if cells:
            yield WalkedRow(number, cells)

    def _cell(self, kind: int, data: bytes) -> StoredCell | None:
        match kind:
            case 0x02:
                return self._number(data)
            case 0x05 | 0x09:
                return StoredCell("n", repr(real_at(data, 8)), kind in _FORMULA, self._styles.width(_style(data)))
            case 0x04 | 0x0A:
                return StoredCell("b", str(data[8]), kind in _FORMULA)
            case 0x03 | 0x0B:
                return StoredCell("e", ERRORS.get(data[8], "#UNKNOWN!"), kind in _FORMULA)
        return _text_cell(kind, data)

    def _number(self, data: bytes) -> StoredCell:
        """Read a number; where it is whole and a date, calamine gives the number."""
        number, style = rk_at(data, 8), _style(data)
        text = ""
        if isinstance(number, int):
            text = day_text(number, self._styles.format_of(style), self._styles.codes, is_1904=self._styles.is_1904)
        return StoredCell("n", repr(number), width=self._styles.width(style), text=text)


def _text_cell(kind: int, data: bytes) -> StoredCell | None:
    match kind:
        case 0x07:  # one that is shared
            return StoredCell("s", str(long_at(data, 8)))
        case 0x06 | 0x08:
            return StoredCell("str", _text(data, 8), kind in _FORMULA)
        case 0x3E:  # with fonts in it
            return StoredCell("str", _text(data, 9))
    return None


def _style(data: bytes) -> int:
    return long_at(data, 4) & 0xFFFFFF


def _text(data: bytes, place: int) -> str:
    """Read an XLWideString, [MS-XLSB] 2.5.169; of one that is null nothing."""
    length = long_at(data, place)
    if length == 0xFFFFFFFF:
        return ""
    end = place + 4 + 2 * length
    if end > len(data):
        raise IndexError
    return data[place + 4 : end].decode("utf-16-le", "surrogatepass")


def _records(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield type and data of each record, [MS-XLSB] 2.1.4; a last one that is cut off is an error."""
    buffer, place = b"", 0
    while True:
        if len(buffer) - place < _HEAD:
            buffer, place = buffer[place:] + stream.read(_BLOCK), 0
            if not buffer:
                return
        kind, place = _varied(buffer, place, 2)
        length, place = _varied(buffer, place, 4)
        missing = length - (len(buffer) - place)
        if missing > 0:
            buffer, place = buffer[place:] + stream.read(max(missing, _BLOCK)), 0
            if length > len(buffer):
                raise IndexError
        yield kind, buffer[place : place + length]
        place += length


def _varied(buffer: bytes, place: int, longest: int) -> tuple[int, int]:
    """Read a number of 7 bits a byte, the lowest first, and give where it ends."""
    number = 0
    for shift in range(longest):
        byte = buffer[place + shift]
        number |= (byte & 0x7F) << (7 * shift)
        if not byte & 0x80:
            return number, place + shift + 1
    return number, place + longest
