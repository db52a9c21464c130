"""The XML of an .xlsx sheet, row by row, by one pattern: the quick way, for rows as spreadsheet programs write them.

A pattern made for the sheet's columns matches a whole row, and only if nothing about it needs a closer look: cells in
order, of this row, of a type that calamine reads as it stands. What it says is where a value is stored: enough to know
that calamine lost none and made up none. Every other row is read by expat (`sheet_xml`), and so is the rest of a sheet
in which rows cannot be told by their tags alone: one with comments, CDATA, prefixes or rows without numbers.
"""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, cast
from xml.parsers import expat

from importer.cells import cell_name, column_of, letters_of
from importer.reader.cell_text import PLAIN_TEXTS, zero_filled
from importer.reader.workbook.stored_cells import StoredCell, StoredRow, WalkedRow, damaged, in_order
from importer.reader.workbook.xml_parts import local, parsed, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager


# ---- The XML of an .xlsx sheet, cell by cell, by expat: the careful way, in which nothing is left out


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
            raise damaged(f"cell {cell_name(self._column, self._number)} stands there twice")
        cell = self._cell()
        if cell.type == "s" and cell.value and not _INDEX.fullmatch(cell.value):
            raise damaged(f"cell {cell_name(self._column, self._number)} refers to no text")
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


# ---- The XML of an .xlsx sheet, row by row, by one pattern: the quick way, for rows as spreadsheet progra


_BLOCK = 1 << 18
_LONGEST = 1 << 24  # bytes of a row that are looked at as one
_WIDEST = 256  # columns; a wider sheet is not worth its pattern
_STYLE = rb'(?: s="[0-9]+")?'
_FORMULA = rb"(?:<f(?: [^<>]*)?(?:/>|>[^<]*</f>))?"
_CONTENT = (
    rb'%(s)b(?: t="s">%(f)b<v>[0-9]{1,9}</v>|(?: t="n")?>%(f)b<v>[0-9][0-9.Ee+-]*</v>| t="str">%(f)b<v>[^<]+</v>'
    rb'| t="b">%(f)b<v>[01]</v>| t="inlineStr"><is><t(?: [^<>]*)?>[^<]*</t></is>)'
) % {b"s": _STYLE, b"f": _FORMULA}
_BLANK = rb"%b(?:/>|></c>)" % _STYLE
_BLANKS = rb'(?:<c r="[A-Z]{1,3}\1"%b)*+' % _BLANK
_MAY_BE_EMPTY = (b' t="s"', b' t="inlineStr"')  # a text can be empty, a number cannot
_STYLED = re.compile(rb' s="([0-9]{1,9})"')
_START = re.compile(rb'\s*<row r="([1-9][0-9]{0,6})"[^<>]*>')
_EMPTY = re.compile(rb'\s*<row r="([1-9][0-9]{0,6})"[^<>]*/>')
_END = re.compile(rb"\s*</sheetData>")
_DECLARATION = re.compile(
    rb"""(?:\xef\xbb\xbf)?\s*<\?xml[^<>]*?(?:encoding\s*=\s*["'](?P<codec>[^"']*)["'][^<>]*)?\?>"""
)


class _OddError(Exception):
    """The sheet is not as spreadsheet programs write it."""


class _ScannedRow:
    """A row whose cells are read only when somebody asks for them."""

    __slots__ = ("_contents", "_xml", "_zeros", "number")

    def __init__(
        self, number: int, xml: bytes, contents: tuple[bytes | None, ...] | None, zeros: Mapping[int, int]
    ) -> None:
        self.number = number
        self._xml = xml
        self._contents = contents
        self._zeros = zeros

    @property
    def cells(self) -> Mapping[int, StoredCell]:
        return stored_cells(self._xml, self._zeros)

    def texts(self, values: Sequence[object]) -> list[str] | None:
        contents = self._contents
        if contents is None or len(values) != len(contents):
            return None
        if ("" in values or None in contents) and not all(map(_agree, values, contents)):
            return None
        texts = [value if type(value) is str else PLAIN_TEXTS[type(value)](value) for value in values]
        if None in texts:
            return None
        if self._zeros:
            self._fill(texts, values)
        return cast("list[str]", texts)

    def _fill(self, texts: list[str | None], values: Sequence[object]) -> None:
        for place, content in enumerate(self._contents or ()):
            style = _STYLED.match(content) if content and not isinstance(values[place], str) else None
            if style and (width := self._zeros.get(int(style[1]))):
                texts[place] = zero_filled(texts[place] or "", width)


def scanned_rows(
    opened: Callable[[], AbstractContextManager[IO[bytes]]], columns: range, zeros: Mapping[int, int]
) -> Iterator[StoredRow]:
    """Yield a worksheet's rows in ascending order.

    `opened` opens its part anew, `columns` are those in which calamine found something, `zeros` maps a style to the
    digits it shows at least.

    Raises:
        SourceError: The part is broken, or its rows are not in order.
    """
    last = 0
    if len(columns) <= _WIDEST:
        try:
            with opened() as stream:
                for row in _Scan(stream, columns, zeros).rows():
                    last = row.number
                    yield row
        except _OddError:
            pass
        else:
            return
    with opened() as stream:
        yield from (row for row in stored_rows(stream, zeros) if row.number > last)


class _Scan:
    """A sheet's XML on its way past the pattern."""

    def __init__(self, stream: IO[bytes], columns: range, zeros: Mapping[int, int]) -> None:
        self._stream = stream
        self._zeros = zeros
        self._pattern = _pattern(columns)
        self._buffer = b""
        self._place = 0

    def rows(self) -> Iterator[StoredRow]:
        self._begin()
        number = 0
        while row := self._next():
            number = in_order(row.number, number)
            yield row

    def _begin(self) -> None:
        """Find where the rows begin."""
        self._buffer = self._stream.read(_BLOCK)
        declaration = _DECLARATION.match(self._buffer)
        if declaration and (declaration["codec"] or b"").lower() not in {b"", b"utf-8"}:
            raise _OddError
        self._place = declaration.end() if declaration else 0
        self._refuse_odd(self._place)
        while (place := self._buffer.find(b"<sheetData>", self._place)) < 0:
            self._more()
        self._place = place + len(b"<sheetData>")

    def _next(self) -> StoredRow | None:
        while True:
            if match := self._pattern.match(self._buffer, self._place):
                self._place = match.end()
                return _ScannedRow(int(match[1]), match[0], match.groups()[1:], self._zeros)
            if match := _EMPTY.match(self._buffer, self._place):
                self._place = match.end()
                return WalkedRow(int(match[1]), {})
            if row := self._cut():
                return row
            if _END.match(self._buffer, self._place):
                return None
            self._more()

    def _cut(self) -> StoredRow | None:
        """Take a whole row that the pattern does not fit."""
        match = _START.match(self._buffer, self._place)
        end = self._buffer.find(b"</row>", self._place)
        if not match or end < 0:
            return None
        xml = self._buffer[self._place : end + len(b"</row>")]
        self._place = end + len(b"</row>")
        return _ScannedRow(int(match[1]), xml, None, self._zeros)

    def _more(self) -> None:
        block = self._stream.read(_BLOCK)
        if not block or len(self._buffer) - self._place > _LONGEST:
            raise _OddError
        begun = len(self._buffer) - self._place
        self._buffer = self._buffer[self._place :] + block
        self._place = 0
        self._refuse_odd(max(begun - 1, 0))

    def _refuse_odd(self, place: int) -> None:
        """What begins so can hold things that only look like tags."""
        if self._buffer.find(b"<!", place) >= 0 or self._buffer.find(b"<?", place) >= 0:
            raise _OddError


def _agree(value: object, content: bytes | None) -> bool:
    """Tell whether calamine has a value where the file stores one, a text aside, which can be empty."""
    if content is None:
        return value == ""
    return value != "" or any(kind in content[:40] for kind in _MAY_BE_EMPTY)


def _pattern(columns: range) -> re.Pattern[bytes]:
    cells = b"".join(
        rb'(?:<c r="%b\1"(?:(%b)</c>|%b))?+' % (letters.encode(), _CONTENT, _BLANK)
        for letters in map(letters_of, columns)
    )
    return re.compile(rb'\s*<row r="([1-9][0-9]{0,6})"[^<>]*(?<!/)>%b%b%b</row>' % (_BLANKS, cells, _BLANKS))
