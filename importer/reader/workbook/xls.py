"""The workbook that an .xls file is, as xlrd reads it: all versions from Excel 2 to 2003, [MS-XLS] and before.

Of a file with both streams, `Workbook` (Excel 97) counts and not `Book` (Excel 95), as in Excel. What is not told by
xlrd, a formula that was never calculated, cannot be told from one whose result is an empty text.
"""

from __future__ import annotations

import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import xlrd
from xlrd.biffh import unpack_string, unpack_unicode
from xlrd.compdoc import CompDoc, CompDocError

from importer.errors import SourceError
from importer.reader.cell_text import built_in, number_format
from importer.reader.workbook.stored_cells import (
    EMPTY,
    SAVE_AS,
    ListedSheet,
    Merged,
    Storage,
    StoredCell,
    StoredRow,
    StoredSheet,
    Styles,
    WalkedRow,
    damaged,
    error_cell,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


_UNPROTECTED = "Open it in a spreadsheet program, take the password off, save it as .xlsx and try again."
_STREAM = 2  # the type of a compound file's entry, [MS-CFB] 2.6.1
_SHEET, _END = 0x0085, 0x000A
_KINDS = {1: "a macro or a dialog", 2: "a chart", 6: "a macro or a dialog"}  # [MS-XLS] 2.4.28
_BIFF8 = 80


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
        with _xlrd():
            _refuse_others(content)
            self._book = xlrd.open_workbook(
                file_contents=content,
                logfile=_Silence(),
                formatting_info=True,
                on_demand=True,
                ragged_rows=True,
                ignore_workbook_corruption=True,  # Excel opens such files, and what xlrd then reads is compared
            )
            self.sheets = _listed(self._book)
            self._styles = _styles(self._book)

    @property
    def is_dense(self) -> bool:
        return all(self.sheet(place).extent.is_dense for place, sheet in enumerate(self.sheets) if not sheet.kind)

    def sheet(self, index: int) -> OldSheet:
        """Return a worksheet by its place among all sheets."""
        place = sum(not sheet.kind for sheet in self.sheets[:index])  # xlrd knows worksheets only
        with _xlrd():
            return OldSheet(self._book.sheet_by_index(place), self._styles)


class OldSheet(StoredSheet):
    """One worksheet of an .xls workbook."""

    def __init__(self, sheet: Any, styles: Styles) -> None:
        self._sheet = sheet
        self._styles = styles

    def rows(self, _columns: range, merged: list[Merged]) -> Iterator[StoredRow]:
        with _xlrd():
            merged += [(first + 1, left, last, right - 1) for first, last, left, right in self._sheet.merged_cells]
            for number in range(self._sheet.nrows):
                if cells := self._cells(number):
                    yield WalkedRow(number + 1, cells, self._is_hidden(number))

    def _is_hidden(self, number: int) -> bool:
        row = self._sheet.rowinfo_map.get(number)
        return row is not None and (bool(row.hidden) or (row.height == 0 and bool(row.height_mismatch)))

    def _cells(self, number: int) -> Mapping[int, StoredCell]:
        types, values = self._sheet.row_types(number), self._sheet.row_values(number)
        cells = {}
        for column, (kind, value) in enumerate(zip(types, values, strict=True)):
            if kind not in {xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK}:
                style = self._sheet.cell_xf_index(number, column)
                cell = self._cell(kind, value, style)
                cells[column] = cell.strike_out() if style in self._styles.struck else cell
        return cells

    def _cell(self, kind: int, value: Any, style: int) -> StoredCell:
        match kind:
            case xlrd.XL_CELL_TEXT:
                return StoredCell(value) if value else EMPTY
            case xlrd.XL_CELL_BOOLEAN:
                return StoredCell("TRUE" if value else "FALSE")
            case xlrd.XL_CELL_ERROR:
                return error_cell(xlrd.error_text_from_code.get(value, "#UNKNOWN!"))
        return self._styles.number(repr(value), style)


@contextmanager
def _xlrd() -> Iterator[None]:
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
            raise SourceError("the workbook is encrypted with a password", hint=_UNPROTECTED) from error
        raise damaged("it cannot be read as what it says it is") from error
    except CompDocError as error:
        raise damaged("its sectors do not follow each other") from error
    except Exception as error:
        raise damaged("one of its records is not as it must be, or it breaks off") from error


def _refuse_others(content: bytes) -> None:
    compound = CompDoc(content, logfile=_Silence(), ignore_workbook_corruption=True)
    names = {entry.name.lower() for entry in compound.dirlist if entry.etype == _STREAM}
    if "encryptedpackage" in names:  # [MS-OFFCRYPTO] 2.3.4
        raise SourceError("the workbook is encrypted with a password", hint=_UNPROTECTED)
    if not {"workbook", "book"} & names:
        raise SourceError("this is an old Office file, but no workbook", hint=SAVE_AS)


def _listed(book: Any) -> list[ListedSheet]:
    """List the sheets, those too that xlrd leaves out."""
    sheets = list(_bound_sheets(book)) if book.mem is not None and book.biff_version > 45 else []
    return sheets or [ListedSheet(name) for name in book.sheet_names()]


def _bound_sheets(book: Any) -> Iterator[ListedSheet]:
    place = book.base
    while True:
        kind, length = struct.unpack_from("<HH", book.mem, place)
        data = bytes(book.mem[place + 4 : place + 4 + length])
        place += 4 + length
        if kind == _END:
            return
        if kind == _SHEET:
            is_wide = book.biff_version >= _BIFF8
            name = unpack_unicode(data, 6, 1) if is_wide else unpack_string(data, 6, book.encoding, 1)
            yield ListedSheet(name, _KINDS.get(data[5], ""), bool(data[4] & 3))


def _styles(book: Any) -> Styles:
    styles = Styles(is_1904=bool(book.datemode))
    for place, style in enumerate(book.xf_list):
        known = book.format_map.get(style.format_key)
        code = known.format_str if known else None
        styles.formats.append(number_format(code or built_in(style.format_key)))
        if style.font_index < len(book.font_list) and book.font_list[style.font_index].struck_out:
            styles.struck.add(place)
    return styles
