"""Reads Excel's binary formats (BIFF): .xls with xlrd, .xlsb record by record.

An .xls file is of any version from Excel 2 to 2003, [MS-XLS] and before. Of one with both streams, `Workbook`
(Excel 97) counts and not `Book` (Excel 95), as in Excel. xlrd does not show a formula that was never calculated: it
looks like one whose result is an empty text, and is told from that only in a file of xlwt, which calculates none. An
.xlsb file is a package as .xlsx is one, [MS-XLSB] 2.1.4.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import takewhile
from typing import IO, Any, BinaryIO

import xlrd
from xlrd.biffh import unpack_string, unpack_unicode
from xlrd.compdoc import CompDoc, CompDocError
from xlrd.sheet import unpack_RK

from importer.errors import SourceError
from importer.reader.cell_text import StoredCell
from importer.reader.encoding import OLE
from importer.reader.stored_cells import (
    EMPTY,
    NEVER_CALCULATED,
    SAVE_AS,
    UNPROTECTED,
    ListedSheet,
    Merged,
    Storage,
    StoredRow,
    StoredSheet,
    Styles,
    WalkedRow,
    damaged,
    error_cell,
    in_order,
)
from importer.reader.xlsx_package import kind_of_sheet, links_of
from importer.reader.zip_parts import Parts

#: Codes of errors, [MS-XLSB] 2.5.97.2; .xls files have all but the last.
_ERRORS = {**xlrd.error_text_from_code, 0x2B: "#GETTING_DATA"}


# ---- An .xls file


_STREAM = 2  # the type of a compound file's entry, [MS-CFB] 2.6.1
_BOUND_SHEET, _EOF = 0x0085, 0x000A
_KINDS = {1: "a macro or a dialog", 2: "a chart", 6: "a macro or a dialog"}  # [MS-XLS] 2.4.28
_BIFF8 = 80
#: The record BOF of xlwt: BIFF8, a workbook, the build of the first Excel 97, and no flags, which Excel always sets.
_XLWT = bytes.fromhex("0908100000060500BB0DCC070000000006000000")


class _Silence:
    """What xlrd writes its remarks to."""

    def write(self, text: str) -> int:
        return len(text)


class OldWorkbook(Storage):
    """One .xls workbook.

    Raises:
        SourceError: It is none, damaged or encrypted.
    """

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        content = file.read()
        with _xlrd_errors():
            if content.startswith(OLE):
                _refuse_others(content)
            self._book = xlrd.open_workbook(
                file_contents=content,
                logfile=_Silence(),
                formatting_info=True,
                on_demand=True,
                ragged_rows=True,
                ignore_workbook_corruption=True,  # Excel opens such files, and what xlrd then reads is compared
            )
            self.sheets = _list_sheets(self._book)
            self._styles = _styles(self._book)
            is_xlwt = (self._book.mem or b"")[self._book.base : self._book.base + len(_XLWT)] == _XLWT
            self._no_text = NEVER_CALCULATED if is_xlwt else EMPTY

    @property
    def is_dense(self) -> bool:
        return all(self.sheet(place).extent.is_dense for place, sheet in enumerate(self.sheets) if not sheet.kind)

    def sheet(self, index: int) -> OldSheet:
        """Return a worksheet by its place among all sheets."""
        place = sum(not sheet.kind for sheet in self.sheets[:index])  # xlrd knows worksheets only
        with _xlrd_errors():
            return OldSheet(self._book.sheet_by_index(place), self._styles, self._no_text)


@dataclass
class OldSheet(StoredSheet):
    """One worksheet of an .xls workbook."""

    read: Any  #: by xlrd
    styles: Styles
    no_text: StoredCell  #: what an empty text is, the result of a formula

    def rows(self, _columns: range, merged: list[Merged]) -> Iterator[StoredRow]:
        with _xlrd_errors():
            merged += [(first + 1, left, last, right - 1) for first, last, left, right in self.read.merged_cells]
            for number in range(self.read.nrows):
                if cells := self._cells(number):
                    yield WalkedRow(number + 1, cells, self._is_hidden(number))

    @cached_property
    def hidden_columns(self) -> list[tuple[int, int]]:
        return [(column, column) for column, info in self.read.colinfo_map.items() if info.hidden]

    def _is_hidden(self, number: int) -> bool:
        row = self.read.rowinfo_map.get(number)
        return row is not None and (bool(row.hidden) or (row.height == 0 and bool(row.height_mismatch)))

    def _cells(self, number: int) -> Mapping[int, StoredCell]:
        types, values = self.read.row_types(number), self.read.row_values(number)
        cells = {}
        for column, (kind, value) in enumerate(zip(types, values, strict=True)):
            if kind not in {xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK}:
                style = self.read.cell_xf_index(number, column)
                cell = self._cell(kind, value, style)
                runs = self.read.rich_text_runlist_map.get((number, column), ())
                fonts = self.read.book.font_list
                is_struck = any(font < len(fonts) and fonts[font].struck_out for _, font in runs)
                cells[column] = cell.strike_out() if is_struck or style in self.styles.struck else cell
        return cells

    def _cell(self, kind: int, value: Any, style: int) -> StoredCell:
        match kind:
            case xlrd.XL_CELL_TEXT:
                return StoredCell(value) if value else self.no_text
            case xlrd.XL_CELL_BOOLEAN:
                return StoredCell("TRUE" if value else "FALSE")
            case xlrd.XL_CELL_ERROR:
                return error_cell(_ERRORS.get(value, "#UNKNOWN!"))
        return self.styles.number(repr(value), style)


@contextmanager
def _xlrd_errors() -> Iterator[None]:
    """Make one error of all that xlrd raises for files that are not as they should be.

    Raises:
        SourceError: xlrd raised.
    """
    try:
        yield
    except (SourceError, MemoryError):
        raise
    except xlrd.XLRDError as error:
        if "encrypted" in str(error):
            raise SourceError("the workbook is encrypted with a password", hint=UNPROTECTED) from error
        raise damaged("it cannot be read as what it says it is") from error
    except CompDocError as error:
        raise damaged("its sectors do not follow each other") from error
    except Exception as error:
        raise damaged("one of its records is not as it must be, or it breaks off") from error


def _refuse_others(content: bytes) -> None:
    compound = CompDoc(content, logfile=_Silence(), ignore_workbook_corruption=True)
    names = {entry.name.lower() for entry in compound.dirlist if entry.etype == _STREAM}
    if "encryptedpackage" in names:  # [MS-OFFCRYPTO] 2.3.4
        raise SourceError("the workbook is encrypted with a password", hint=UNPROTECTED)
    if not {"workbook", "book"} & names:
        raise SourceError("this is an old Office file, but no workbook", hint=SAVE_AS)


def _list_sheets(book: Any) -> list[ListedSheet]:
    """List the sheets, those too that xlrd leaves out."""
    sheets = list(_bound_sheets(book)) if book.mem is not None and book.biff_version > 45 else []
    return sheets or [ListedSheet(name) for name in book.sheet_names()]


def _bound_sheets(book: Any) -> Iterator[ListedSheet]:
    place = book.base
    while True:
        kind, length = struct.unpack_from("<HH", book.mem, place)
        data = bytes(book.mem[place + 4 : place + 4 + length])
        place += 4 + length
        if kind == _EOF:
            return
        if kind == _BOUND_SHEET:
            is_wide = book.biff_version >= _BIFF8
            name = unpack_unicode(data, 6, 1) if is_wide else unpack_string(data, 6, book.encoding, 1)
            yield ListedSheet(name, _KINDS.get(data[5], ""), bool(data[4] & 3))


def _styles(book: Any) -> Styles:
    styles = Styles(is_1904=bool(book.datemode))
    for style in book.xf_list:
        known, font = book.format_map.get(style.format_key), style.font_index
        is_struck = font < len(book.font_list) and bool(book.font_list[font].struck_out)
        styles.add(style.format_key, known and known.format_str, is_struck=is_struck)
    return styles


# ---- An .xlsb file


_BLOCK = 1 << 18
_HEAD = 6  # bytes that type and length of a record take at most
_FOLDER, _WORKBOOK = "xl", "xl/workbook.bin"
_SHEET, _PROPERTIES, _END_SHEETS, _TEXT = 0x9C, 0x99, 0x90, 0x13
_FORMAT, _FONT, _BEGIN_STYLES, _STYLE, _END_STYLES = 0x2C, 0x2B, 0x269, 0x2F, 0x26A
_ROW, _END_ROWS, _MERGED, _COLUMNS = 0x00, 0x92, 0xB0, 0x3C
_HIDDEN, _OWN_HEIGHT, _STRUCK = 0x10, 0x20, 0x08
_BLANK, _SHORT_BLANK, _RICH = 0x01, 0x0C, 0x3E
#: Records of cells that have no column of their own, but stand to the right of the one before.
_SHORT = range(_SHORT_BLANK, 0x13)
_CELLS = frozenset({*range(_BLANK, 0x0C), *_SHORT, _RICH})


class BinaryPackage(Storage):
    """One .xlsb workbook.

    Raises:
        SourceError: It is damaged.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        parts.check_xml({})
        self._styles = Styles()
        self._struck_fonts: list[bool] = []
        self.sheets = []
        self._links = links_of(parts, _WORKBOOK)
        self._read_workbook()
        if (styles := self._path("styles")) in parts:
            self._read_styles(styles)

    def sheet(self, index: int) -> BinarySheet:
        """Return a worksheet by its place among all sheets."""
        return BinarySheet(
            partial(self._parts.part, self.sheets[index].path), self._styles, self._shared_cell, self._rich
        )

    def _path(self, kind: str) -> str:
        return next((path for found, path in self._links.values() if found == kind), f"{_FOLDER}/{kind}.bin")

    def _read_workbook(self) -> None:
        with self._parts.part(_WORKBOOK) as stream, _damaged_errors():
            for kind, data in _records(stream):
                if kind == _PROPERTIES:
                    self._styles.is_1904 = bool(data[0] & 1)
                elif kind == _SHEET:
                    link, place = _text_at(data, 8)
                    name, _ = _text_at(data, place)
                    part, path = self._links.get(link, ("worksheet", ""))
                    self.sheets.append(ListedSheet(name, kind_of_sheet(part), bool(data[0] & 3), path))
                elif kind == _END_SHEETS:
                    return

    def _read_styles(self, path: str) -> None:
        is_inside = False
        codes: dict[int, str] = {}
        is_struck = self._struck_fonts
        with self._parts.part(path) as stream, _damaged_errors():
            for kind, data in _records(stream):
                if kind == _FORMAT:
                    codes[_short(data, 0)] = _text_at(data, 2)[0]
                elif kind == _FONT:
                    is_struck.append(bool(_short(data, 2) & _STRUCK))
                elif kind == _STYLE and is_inside:
                    number, font = _short(data, 2), _short(data, 4)
                    self._styles.add(number, codes.get(number), is_struck=font < len(is_struck) and is_struck[font])
                elif kind in {_BEGIN_STYLES, _END_STYLES}:
                    is_inside = kind == _BEGIN_STYLES

    @cached_property
    def _shared(self) -> list[StoredCell]:
        path = self._path("sharedStrings")
        if path not in self._parts:
            return []
        with self._parts.part(path) as stream, _damaged_errors():
            return [self._rich(data) for kind, data in _records(stream) if kind == _TEXT]

    def _rich(self, data: bytes) -> StoredCell:
        """Read a RichStr, [MS-XLSB] 2.5.122: flags, its text, and where in it which fonts begin."""
        text, end = _text_at(data, 1)
        runs = data[end + 4 :][: 4 * _long(data, end)] if data[0] & 1 and len(data) >= end + 4 else b""
        fonts = [font for _, font in struct.iter_unpack("<HH", runs[: len(runs) // 4 * 4])]
        cell = StoredCell(text) if text else EMPTY
        return cell.strike_out() if any(self._struck_fonts[font : font + 1] == [True] for font in fonts) else cell

    def _shared_cell(self, index: int) -> StoredCell:
        if index >= len(self._shared):
            raise damaged("one of its cells refers to no text")
        return self._shared[index]


@dataclass
class BinarySheet(StoredSheet):
    """One worksheet of an .xlsb workbook."""

    open: Callable[[], AbstractContextManager[IO[bytes]]]
    styles: Styles
    shared: Callable[[int], StoredCell]
    rich: Callable[[bytes], StoredCell]

    def rows(self, _columns: range, merged: list[Merged]) -> Iterator[StoredRow]:
        number, is_hidden, column = 0, False, -1
        cells: dict[int, StoredCell] = {}
        with self.open() as stream, _damaged_errors():
            records = _records(stream)
            for kind, data in takewhile(lambda record: record[0] != _END_ROWS, records):
                if kind == _ROW:
                    if cells:
                        yield WalkedRow(number, cells, is_hidden)
                    number, column, cells = in_order(_long(data, 0) + 1, number), -1, {}
                    is_hidden = _is_hidden(data)
                elif kind == _COLUMNS and _short(data, 16) & 1:
                    self.hidden_columns.append((_long(data, 0), _long(data, 4)))
                elif kind in _CELLS:
                    column = column + 1 if kind in _SHORT else _long(data, 0)
                    if kind in {_BLANK, _SHORT_BLANK}:
                        continue
                    if cells.setdefault(column, cell := self._cell(kind, data)) is not cell:
                        raise damaged(f"a cell of row {number} occurs twice")
            merged += [_range(data) for kind, data in records if kind == _MERGED]
        if cells:
            yield WalkedRow(number, cells, is_hidden)

    def _cell(self, kind: int, data: bytes) -> StoredCell:
        """Read a cell."""
        data = data if kind in _SHORT else data[4:]  # behind its column, which the short ones do not have
        style = _long(data, 0) & 0xFFFFFF
        cell = self._read_value(kind, data, style)
        return cell.strike_out() if style in self.styles.struck else cell

    def _read_value(self, kind: int, data: bytes, style: int) -> StoredCell:
        match kind:
            case 0x02 | 0x0D:
                return self.styles.number(repr(unpack_RK(data[4:8])), style)
            case 0x05 | 0x09 | 0x10:
                return self.styles.number(repr(struct.unpack_from("<d", data, 4)[0]), style)
            case 0x04 | 0x0A | 0x0F:
                return StoredCell("TRUE" if data[4] else "FALSE")
            case 0x03 | 0x0B | 0x0E:
                return error_cell(_ERRORS.get(data[4], "#UNKNOWN!"))
            case 0x07 | 0x12 | 0x3E:
                return self.rich(data[4:]) if kind == _RICH else self.shared(_long(data, 4))
        text, _ = _text_at(data, 4)  # of its own, or of a formula
        return StoredCell(text) if text else EMPTY


def _is_hidden(row: bytes) -> bool:
    """Return whether a row is hidden, or has no height."""
    return len(row) > 11 and (bool(row[11] & _HIDDEN) or (row[8:10] == b"\0\0" and bool(row[11] & _OWN_HEIGHT)))


def _range(data: bytes) -> Merged:
    first, last, left, right = struct.unpack_from("<IIII", data)
    return first + 1, left, last + 1, right


# ---- Records and values


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
    """Read a number of 7 bits a byte, the lowest first, and return where it ends."""
    number = 0
    for shift in range(longest):
        byte = buffer[place + shift]
        number |= (byte & 0x7F) << (7 * shift)
        if not byte & 0x80:
            return number, place + shift + 1
    return number, place + longest


def _text_at(data: bytes, place: int) -> tuple[str, int]:
    """Read an XLWideString, [MS-XLSB] 2.5.169, and return where it ends; one that is null is empty."""
    length = _long(data, place)
    if length == 0xFFFFFFFF:
        return "", place + 4
    end = place + 4 + 2 * length
    if end > len(data):
        raise IndexError
    return data[place + 4 : end].decode("utf-16-le", "surrogatepass"), end


def _short(data: bytes, place: int) -> int:
    return int(struct.unpack_from("<H", data, place)[0])


def _long(data: bytes, place: int) -> int:
    return int(struct.unpack_from("<I", data, place)[0])


@contextmanager
def _damaged_errors() -> Iterator[None]:
    """Make one error of all that bytes can be that are not what they should be.

    Raises:
        SourceError: They are.
    """
    try:
        yield
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise damaged("one of its records is shorter than it must be") from error
