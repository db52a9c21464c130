"""Reads the rows of an .xlsx sheet: quickly with one pattern, or carefully with expat, which leaves nothing out.

A pattern made for the sheet's columns matches a whole row, but only if it needs no closer look: cells in order, of this
row, of a type that calamine reads unchanged. Then calamine's values are its texts. Every other row is read with expat,
and so is the rest of a sheet in which rows cannot be found by their tags alone: one with comments, CDATA, prefixes or
rows without numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import IO, cast
from xml.parsers import expat

from importer.cells import cell_name, column_of, letters_of
from importer.reader.cell_text import PLAIN_TEXTS, StoredCell
from importer.reader.stored_cells import (
    EMPTY,
    NEVER_CALCULATED,
    StoredRow,
    Styles,
    TextRow,
    WalkedRow,
    damaged,
    error_cell,
    in_order,
)
from importer.reader.zip_parts import local, parsed, whole

# ---- One cell, from its attributes and what stands in it


_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_INDEX = re.compile(r"[0-9]{1,9}")
_NOT_A_NUMBER = frozenset({"nan", "inf", "infinity", "1.#qnan", "1.#inf", "1.#ind"})


@dataclass
class CellReader:
    """Makes cells of what a workbook stores: knows its styles and its shared texts."""

    styles: Styles
    odd: AbstractSet[int] = frozenset()  #: styles of which each cell must be looked at
    load_strings: Callable[[], tuple[list[str], AbstractSet[int]]] = lambda: ([], frozenset())
    has_odd_strings: bool = False  #: calamine does not read all shared texts as they are shown
    has_struck_strings: bool = False  #: some shared texts are struck through
    unknown: AbstractSet[str] = frozenset({""})  #: what stands for the result of a formula that was not calculated

    def refers_to_struck(self, row: bytes) -> bool:
        """Return whether a `<row>` element has a shared text that is struck through."""
        return self.has_struck_strings and not self._strings[1].isdisjoint(map(int, _SHARED.findall(row)))

    @cached_property
    def _strings(self) -> tuple[list[str], AbstractSet[int]]:
        return self.load_strings()

    def cell(self, kind: str, style: int, value: str, *, is_formula: bool, where: str) -> StoredCell:
        """Make a cell of type `kind`, ECMA-376 18.18.11; `where` names it in an error."""
        cell = self._read(kind, style, value, where)
        if is_formula and value in self.unknown and kind not in {"str", "inlineStr"}:
            cell = NEVER_CALCULATED
        return cell.strike_out() if style in self.styles.struck else cell

    def _read(self, kind: str, style: int, value: str, where: str) -> StoredCell:
        if kind in {"str", "inlineStr"}:
            return StoredCell(unescape(value)) if value else EMPTY
        value = value.strip(" \t\r\n")
        if kind == "e" and value:
            return error_cell(value)
        if not value:
            return EMPTY
        if kind == "s":
            return self._shared(value, where)
        if kind in {"b", "d"}:
            truth = "FALSE" if value in {"0", "false"} else "TRUE"
            return StoredCell(truth) if kind == "b" else self.styles.moment(value, style)
        cell = self.styles.number(value, style)
        is_word = cell.flaw is not None and value.lstrip("+-").lower() not in _NOT_A_NUMBER
        return StoredCell(value) if is_word else cell

    def _shared(self, index: str, where: str) -> StoredCell:
        texts, struck = self._strings
        if not _INDEX.fullmatch(index) or int(index) >= len(texts):
            raise damaged(f"cell {where} refers to no text")
        cell = StoredCell(texts[int(index)])
        return cell.strike_out() if int(index) in struck else cell


def is_on(attributes: Mapping[str, str]) -> bool:
    """Return whether an element such as `<strike/>` says yes."""
    return attributes.get("val", "1") not in {"0", "false"}


def unescape(text: str) -> str:
    """Put characters in for their escapes such as `_x001B_`, ECMA-376 22.9.2.19; two can be the halves of one."""
    if "_x" not in text:
        return text
    halves = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    return halves.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


# ---- The XML of a sheet, cell by cell, by expat: the careful way


_FLAT = re.compile(r"0(?:\.0*)?")  # a row's height
_REFERENCE = re.compile(r"([A-Za-z]{1,3})([1-9][0-9]{0,6})")


def stored_rows(stream: IO[bytes], cells: CellReader) -> Iterator[StoredRow]:
    """Yield a worksheet's rows in ascending order.

    Raises:
        SourceError: The part is broken, or its rows are not in order.
    """
    sheet = _SheetParser(cells)
    for _ in parsed(stream, sheet.parser):
        yield from sheet.take()


def stored_cells(row: bytes, cells: CellReader) -> Mapping[int, StoredCell]:
    """Read one `<row>` element by itself.

    Raises:
        SourceError: It is broken.
    """
    sheet = _SheetParser(cells)
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

    def __init__(self, cells: CellReader) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self._reader = cells
        self._rows: list[StoredRow] = []
        self._number = 0
        self._is_hidden = False
        self._cells: dict[int, StoredCell] = {}
        self._column = -1
        self._attributes: dict[str, str] = {}
        self._value: list[str] = []
        self._is_formula = False
        self._is_inline = False  # its text stands in the cell, whatever its type says
        self._is_struck = False
        self._is_data = False
        self._is_aside = False  # how a text is pronounced is no part of it, nor is what a program adds for itself

    def take(self) -> list[StoredRow]:
        rows, self._rows = self._rows, []
        return rows

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = local(name)
        if name == "sheetData":
            self._is_data = True
        elif self._is_data:
            self._start_inside(name, attributes)

    def _start_inside(self, name: str, attributes: dict[str, str]) -> None:
        match name:
            case "c":
                self._start_cell(attributes)
            case "is":
                self._value, self._is_inline = [], True
            case "v" if not self._is_inline and not self._is_aside:
                self.parser.CharacterDataHandler = self._value.append
            case "t" if self._is_inline and not self._is_aside:
                self.parser.CharacterDataHandler = self._value.append
            case "f":
                self._is_formula = True
            case "strike" if is_on(attributes):
                self._is_struck = True
            case "row":
                self._start_row(attributes)
            case "rPh" | "extLst":
                self._is_aside = True

    def _start_row(self, attributes: dict[str, str]) -> None:
        number = whole(attributes.get("r", str(self._number + 1)))
        self._number, self._cells = in_order(number, self._number), {}
        self._is_hidden = (
            attributes.get("hidden", "0") in {"1", "true"} or _FLAT.fullmatch(attributes.get("ht", "")) is not None
        )
        self._column = -1

    def _start_cell(self, attributes: dict[str, str]) -> None:
        self._attributes = attributes
        self._value = []
        self._is_formula = self._is_struck = self._is_inline = False
        reference = attributes.get("r", "")
        self._column = _column(reference, self._number) if reference else self._column + 1

    def _end(self, name: str) -> None:
        name = local(name)
        if name in {"v", "t"}:
            self.parser.CharacterDataHandler = None
        elif name in {"rPh", "extLst"}:
            self._is_aside = False
        elif name == "c" and self._is_data:
            self._end_cell()
        elif name == "row" and self._is_data:
            self._rows.append(WalkedRow(self._number, self._cells, self._is_hidden))
        elif name == "sheetData":
            self._is_data = False

    def _end_cell(self) -> None:
        where = cell_name(self._column, self._number)
        if self._column in self._cells:
            raise damaged(f"cell {where} occurs twice")
        kind = "inlineStr" if self._is_inline else self._attributes.get("t", "n")
        style = whole(self._attributes.get("s") or "0")
        cell = self._reader.cell(kind, style, "".join(self._value), is_formula=self._is_formula, where=where)
        self._cells[self._column] = cell.strike_out() if self._is_struck else cell


def _column(reference: str, row: int) -> int:
    match = _REFERENCE.fullmatch(reference)
    if not match or int(match[2]) != row:
        raise damaged(f"a cell in row {row} calls itself {reference[:20]!r}")
    return column_of(match[1])


# ---- The XML of a sheet, row by row, by one pattern: the quick way


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
_BLANKS = rb'(?>(?:<c r="[A-Z]{1,3}\1"%b)*)' % _BLANK  # not *+: before Python 3.11.4 that finds too little
_STYLED = re.compile(rb' s="([0-9]{1,9})"')
_SHARED = re.compile(rb' t="s">%b<v>([0-9]{1,9})</v>' % _FORMULA)
_NUMBERED = re.compile(rb"<v>([0-9][0-9.Ee+-]*)</v>")
_START = re.compile(rb'\s*<row r="([1-9][0-9]{0,6})"([^<>]*)>')
_EMPTY = re.compile(rb'\s*<row r="([1-9][0-9]{0,6})"[^<>]*/>')
_HIDDEN = re.compile(rb"""\s(?:hidden\s*=\s*["'](?:1|true)|ht\s*=\s*["']0(?:\.0*)?)["']""")
_END = re.compile(rb"\s*</sheetData>")
_DECLARATION = re.compile(
    rb"""(?:\xef\xbb\xbf)?\s*<\?xml[^<>]*?(?:encoding\s*=\s*["'](?P<codec>[^"']*)["'][^<>]*)?\?>"""
)


class _OddError(Exception):
    """The sheet is not as spreadsheet programs write it."""


@dataclass(slots=True)
class _ScannedRow:
    """A row whose cells are read only when somebody asks for them."""

    number: int
    attributes: bytes
    xml: bytes
    contents: tuple[bytes | None, ...] | None  #: of its cells, where the pattern fits the row
    reader: CellReader

    @property
    def is_hidden(self) -> bool:
        return _HIDDEN.search(self.attributes) is not None

    @property
    def cells(self) -> Mapping[int, StoredCell]:
        return stored_cells(self.xml, self.reader)

    def texts(self, values: Sequence[object], first: int) -> TextRow | None:
        contents = self.contents
        if contents is None or len(values) != len(contents) or b"_x" in self.xml:
            return None
        if [value == "" for value in values] != [content is None for content in contents]:
            return None  # calamine has none of a cell that the file stores, or the other way round
        if "0" in self.reader.unknown and b"<v>0</v>" in self.xml:
            return None
        if b' t="s"' in self.xml and (self.reader.has_odd_strings or self.reader.refers_to_struck(self.xml)):
            return None
        texts = [value if type(value) is str else PLAIN_TEXTS[type(value)](value) for value in values]
        if None in texts or (self.reader.styles.is_1904 and float in map(type, values)):
            return None
        row = TextRow(self.number, cast("list[str]", texts), self.is_hidden)
        return self._mend(row, values, contents, first) if self.reader.odd else row

    def _mend(
        self, row: TextRow, values: Sequence[object], contents: tuple[bytes | None, ...], first: int
    ) -> TextRow | None:
        """Show the numbers of odd styles as their formats do."""
        remarks = {}
        for place, content in enumerate(contents):
            style = _STYLED.match(content) if content else None
            if content is None or style is None or int(style[1]) not in self.reader.odd:
                continue
            if int(style[1]) in self.reader.styles.struck:
                return None
            if type(values[place]) in {str, bool}:
                continue
            if type(values[place]) is date and int(style[1]) in self.reader.styles.days:
                remarks[first + place] = StoredCell(row.cells[place]).as_day()
                continue
            number = _NUMBERED.search(content)
            if number is None:
                return None
            cell = self.reader.styles.number(number[1].decode(), int(style[1]))
            row.cells[place] = cell.text
            if cell.is_remarkable:
                remarks[first + place] = cell
        return row._replace(remarks=remarks) if remarks else row


def scanned_rows(
    opened: Callable[[], AbstractContextManager[IO[bytes]]], columns: range, cells: CellReader
) -> Iterator[StoredRow]:
    """Yield a worksheet's rows in ascending order.

    `opened` opens its part anew, `columns` are those that are not empty; none where that is not known.

    Raises:
        SourceError: The part is broken, or its rows are not in order.
    """
    last = 0
    if 0 < len(columns) <= _WIDEST:
        try:
            with opened() as stream:
                for row in _Scan(stream, _pattern(columns), cells).rows():
                    last = row.number
                    yield row
        except _OddError:
            pass
        else:
            return
    with opened() as stream:
        yield from (row for row in stored_rows(stream, cells) if row.number > last)


@dataclass
class _Scan:
    """A sheet's XML on its way past the pattern."""

    stream: IO[bytes]
    pattern: re.Pattern[bytes]
    cells: CellReader
    buffer: bytes = b""
    place: int = 0  #: in the buffer

    def rows(self) -> Iterator[StoredRow]:
        self._begin()
        number = 0
        while row := self._next():
            number = in_order(row.number, number)
            yield row

    def _begin(self) -> None:
        """Find where the rows begin."""
        self.buffer = self.stream.read(_BLOCK)
        declaration = _DECLARATION.match(self.buffer)
        if declaration and (declaration["codec"] or b"").lower() not in {b"", b"utf-8"}:
            raise _OddError
        self.place = declaration.end() if declaration else 0
        self._refuse_odd(self.place)
        while (place := self.buffer.find(b"<sheetData>", self.place)) < 0:
            self._read_more()
        self.place = place + len(b"<sheetData>")

    def _next(self) -> StoredRow | None:
        while True:
            if match := self.pattern.match(self.buffer, self.place):
                self.place = match.end()
                return _ScannedRow(int(match[1]), match[2], match[0], match.groups()[2:], self.cells)
            if match := _EMPTY.match(self.buffer, self.place):
                self.place = match.end()
                return WalkedRow(int(match[1]), {})
            if row := self._cut():
                return row
            if _END.match(self.buffer, self.place):
                return None
            self._read_more()

    def _cut(self) -> StoredRow | None:
        """Take a whole row that the pattern does not fit."""
        match = _START.match(self.buffer, self.place)
        end = self.buffer.find(b"</row>", self.place)
        if not match or end < 0:
            return None
        xml = self.buffer[self.place : end + len(b"</row>")]
        self.place = end + len(b"</row>")
        return _ScannedRow(int(match[1]), match[2], xml, None, self.cells)

    def _read_more(self) -> None:
        block = self.stream.read(_BLOCK)
        if not block or len(self.buffer) - self.place > _LONGEST:
            raise _OddError
        begun = len(self.buffer) - self.place
        self.buffer = self.buffer[self.place :] + block
        self.place = 0
        self._refuse_odd(max(begun - 1, 0))

    def _refuse_odd(self, place: int) -> None:
        """Refuse markup that can hold things that only look like tags."""
        if self.buffer.find(b"<!", place) >= 0 or self.buffer.find(b"<?", place) >= 0:
            raise _OddError


def _pattern(columns: range) -> re.Pattern[bytes]:
    cells = b"".join(
        rb'(?:<c r="%b\1"(?:(%b)</c>|%b))?+' % (letters.encode(), _CONTENT, _BLANK)
        for letters in map(letters_of, columns)
    )
    return re.compile(rb'\s*<row r="([1-9][0-9]{0,6})"([^<>]*)(?<!/)>%b%b%b</row>' % (_BLANKS, cells, _BLANKS))
