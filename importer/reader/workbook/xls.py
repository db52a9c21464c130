"""The workbook that an .xls file is, its cells walked record by record, [MS-XLS] 2.1.4.

calamine leaves error cells out: they are found here. What is not checked: the texts themselves, which only calamine
reads, and formulas: one that was never calculated cannot be told from one whose result is an empty text.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from importer.errors import SourceError
from importer.reader.cell_text import zeros_shown
from importer.reader.workbook.binary_values import ERRORS, long_at, real_at, rk_at, short_at, sound
from importer.reader.workbook.stored_cells import Merged, StoredCell, StoredRow, WalkedRow, damaged, in_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


# ---- The compound file that an old Office document is: its streams by their names, [MS-CFB]. Knows no for


_HEADER = 512
_ENTRY = 128
_SECTORS = {9: 512, 12: 4096}  # bytes, by what the header says
_LAST = 0xFFFFFFFA  # from here on a number is no sector
_STREAM, _ROOT = 2, 5


class _Entry(NamedTuple):
    """One entry of the directory, [MS-CFB] 2.6.1."""

    name: str
    type: int
    start: int
    size: int


class Compound:
    """The streams of one compound file.

    Raises:
        SourceError: It is damaged.
    """

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        self._file = file
        with sound():
            header = file.read(_HEADER)
            self._sector = _SECTORS.get(short_at(header, 30), 0)
            if not self._sector:
                raise damaged("its sectors have no size")
            self._cutoff = long_at(header, 56)
            self._table = self._read_table(header)
            self._mini_table = _numbers(self._chained(long_at(header, 60)))
            self._entries = list(_entries(self._chained(long_at(header, 48))))

    @property
    def names(self) -> set[str]:
        """The names of all streams, in small letters."""
        return {entry.name.lower() for entry in self._entries if entry.type == _STREAM}

    def stream(self, *names: str) -> bytes:
        """Read the first stream that is there, by its name without regard to case.

        Raises:
            SourceError: None of them is there, or it is damaged.
        """
        found = (entry for name in names for entry in self._entries if entry.name.lower() == name.lower())
        entry = next(found, None)
        if entry is None:
            raise damaged(f"it has no part {names[0]!r}")
        content = self._small(entry) if entry.size < self._cutoff else self._chained(entry.start)
        if len(content) < entry.size:
            raise damaged(f"its part {names[0]!r} is cut off")
        return content[: entry.size]

    def _read_table(self, header: bytes) -> Sequence[int]:
        """Read the table that gives for each sector the next one, by the list of the sectors that it stands in."""
        sectors = [number for number in _numbers(header[76:]) if number < _LAST]
        following, seen = long_at(header, 68), set[int]()
        while following < _LAST and following not in seen:
            seen.add(following)
            *listed, following = _numbers(self._at(following)) or (_LAST,)
            sectors += [number for number in listed if number < _LAST]
        return _numbers(b"".join(map(self._at, dict.fromkeys(sectors))))

    def _at(self, number: int) -> bytes:
        self._file.seek((number + 1) * self._sector)
        return self._file.read(self._sector)

    def _chained(self, start: int) -> bytes:
        return b"".join(map(self._at, _chain(self._table, start)))

    def _small(self, entry: _Entry) -> bytes:
        """Read a stream that is kept in sectors of 64 bytes within the root's."""
        root = next((each for each in self._entries if each.type == _ROOT), None)
        container = self._chained(root.start) if root else b""
        return b"".join(container[64 * n : 64 * n + 64] for n in _chain(self._mini_table, entry.start))


def _chain(table: Sequence[int], start: int) -> Iterator[int]:
    seen = 0
    while start < _LAST:
        seen += 1
        if start >= len(table) or seen > len(table):
            raise damaged("its sectors do not follow each other")
        yield start
        start = table[start]


def _numbers(data: bytes) -> Sequence[int]:
    return struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4])


def _entries(data: bytes) -> Iterator[_Entry]:
    for place in range(0, len(data) - _ENTRY + 1, _ENTRY):
        length = min(short_at(data, place + 64), 64)
        name = data[place : place + max(length - 2, 0)].decode("utf-16-le", "replace")
        yield _Entry(name, data[place + 66], long_at(data, place + 116), long_at(data, place + 120))


# ---- The workbook that an .xls file is, its cells walked record by record, [MS-XLS] 2.1.4


_BEGIN, _END = 0x0809, 0x000A
_SHEET, _FORMAT, _STYLE, _ENCRYPTION = 0x0085, 0x041E, 0x00E0, 0x002F
_NUMBER, _RK, _RKS, _BOOL_OR_ERROR, _FORMULA = 0x0203, 0x027E, 0x00BD, 0x0205, 0x0006
_TEXT, _RICH, _SHARED = 0x0204, 0x00D6, 0x00FD
_SIZES = {_NUMBER: 14, _RK: 10, _RKS: 6, _BOOL_OR_ERROR: 8, _FORMULA: 20, _TEXT: 8, _RICH: 8, _SHARED: 10}


class OldWorkbook:
    """One .xls workbook.

    Raises:
        SourceError: It is damaged or encrypted.
    """

    def __init__(self, compound: Compound) -> None:
        self._stream = compound.stream("Workbook", "Book")
        self._places: list[int] = []
        self._widths: list[int] = []
        with sound():
            self._read_globals()

    def sheet(self, index: int, name: str) -> OldSheet:
        """Give a sheet by its place among all."""
        if index >= len(self._places):
            raise damaged(f"the part of its sheet {name[:200]!r} is not listed")
        return OldSheet(self._stream, self._places[index], self._widths)

    def _read_globals(self) -> None:
        widths: dict[int, int] = {}
        formats = []
        for kind, data in _records(self._stream, 0):
            if kind == _ENCRYPTION and any(data[:2]):
                raise SourceError("the workbook is encrypted", hint="Take its password off and try again.")
            if kind == _SHEET:
                self._places.append(long_at(data, 0))
            elif kind == _FORMAT:
                widths[short_at(data, 0)] = zeros_shown(_code(data))
            elif kind == _STYLE:
                formats.append(short_at(data, 2))
            elif kind == _END:
                break
        self._widths = [widths.get(number, 0) for number in formats]


class OldSheet:
    """One sheet of an .xls workbook. What is merged in it calamine says."""

    merged: list[Merged]

    def __init__(self, stream: bytes, place: int, widths: list[int]) -> None:
        self.merged = []
        self._stream = stream
        self._place = place
        self._widths = widths

    def rows(self, _columns: range) -> Iterator[StoredRow]:
        number, cells = 0, dict[int, StoredCell]()
        with sound():
            for kind, data in _own_records(self._stream, self._place):
                if kind not in _SIZES:
                    continue
                if len(data) < _SIZES[kind]:
                    raise IndexError
                row = short_at(data, 0) + 1
                if row != number:
                    if cells:
                        yield WalkedRow(number, cells)
                    number, cells = in_order(row, number), {}
                cells.update(self._cells(kind, data))
        if cells:
            yield WalkedRow(number, cells)

    def _cells(self, kind: int, data: bytes) -> Iterator[tuple[int, StoredCell]]:
        column = short_at(data, 2)
        if kind == _RKS:
            for place in range(4, len(data) - 2, 6):
                yield column + (place - 4) // 6, self._number(rk_at(data, place + 2), short_at(data, place))
        elif kind == _RK:
            yield column, self._number(rk_at(data, 6), short_at(data, 4))
        elif kind == _NUMBER:
            yield column, self._number(real_at(data, 6), short_at(data, 4))
        elif kind == _FORMULA:
            yield column, self._result(data)
        elif kind == _BOOL_OR_ERROR:
            yield column, _error(data[6]) if data[7] else StoredCell("b", str(data[6]))
        else:
            yield column, StoredCell("s", "0")  # a text; calamine says which

    def _number(self, number: float, style: int, *, is_formula: bool = False) -> StoredCell:
        width = self._widths[style] if style < len(self._widths) else 0
        return StoredCell("n", repr(number), is_formula, width)

    def _result(self, data: bytes) -> StoredCell:
        """Read a FormulaValue, [MS-XLS] 2.5.133."""
        if data[12:14] != b"\xff\xff":
            return self._number(real_at(data, 6), short_at(data, 4), is_formula=True)
        if data[6] == 1:
            return StoredCell("b", str(data[8]), is_formula=True)
        return _error(data[8]) if data[6] == 2 else StoredCell("inlineStr", "", is_formula=True)


def _error(code: int) -> StoredCell:
    return StoredCell("e", ERRORS.get(code, "#UNKNOWN!"))


def _code(data: bytes) -> str:
    """Read a format's code, of BIFF8 or before, as far as it is ASCII; a broken one is no reason to stop."""
    if len(data) < 5:
        return ""
    length = short_at(data, 2)
    if len(data) == 5 + length * (1 + (data[4] & 1)):
        return data[5:].decode("utf-16-le" if data[4] & 1 else "latin-1", "replace")
    return data[3:].decode("latin-1")


def _own_records(stream: bytes, place: int) -> Iterator[tuple[int, bytes]]:
    """Yield a sheet's records without those of charts within it."""
    depth = 0
    for kind, data in _records(stream, place):
        depth += (kind == _BEGIN) - (kind == _END)
        if depth == 0:
            return
        if depth == 1:
            yield kind, data


def _records(stream: bytes, place: int) -> Iterator[tuple[int, bytes]]:
    """Yield type and data of each record, up to the stream's end; one that is cut off is an error."""
    while place < len(stream):
        kind, length = struct.unpack_from("<HH", stream, place)
        place += 4 + length
        if place > len(stream):
            raise IndexError
        yield kind, stream[place - length : place]
