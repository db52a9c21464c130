"""Opens .xlsx and .xlsm packages: their sheets, styles and shared texts, but no cells."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import IO
from xml.parsers import expat

from importer.cells import column_of, letters_of
from importer.reader.limits import LONG
from importer.reader.stored_cells import Extent, ListedSheet, Merged, Storage, StoredRow, StoredSheet, Styles, damaged
from importer.reader.xlsx_sheet import CellReader, is_on, scanned_rows, unescape
from importer.reader.zip_parts import Parts, local, parsed
from importer.wording import quote

_KINDS = {"chartsheet": "a chart", "worksheet": ""}
_OTHER = "a macro or a dialog"
_VISIBLE = "visible"
#: By which XlsxWriter and its relatives mark their files: they store 0 as the result of every formula, and leave the
#: calculating to the program that opens the file.
_PLACING = ["124519", "1"]
_STRUCK = re.compile(rb"<(?:\w+:)?strike\b")
_FIRST_OWN_FORMAT = 164  # numbers below are those of formats that every program knows
_BY_LANGUAGE = frozenset({*range(27, 37), *range(50, 59)})  # formats that not every reader takes for dates


class Package(Storage):
    """One workbook, its parts found without regard to case, by their relationships.

    Raises:
        SourceError: It is no workbook or damaged.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._main = self._find_main()
        self.sheets = []
        self._is_1904 = self._has_placeholders = False
        links = links_of(parts, self._main)
        self._read_main(links)
        parts_by_kind = dict(links.values())
        self._strings_path = parts_by_kind.get("sharedStrings") or resolve(self._main, "../sharedStrings.xml")
        self._styles_path = parts_by_kind.get("styles") or resolve(self._main, "../styles.xml")
        self._scans = {sheet.path: _SheetScan() for sheet in self.sheets if sheet.path in parts}
        self._text_scan = _TextScan()
        watched = {path: _by_tags(scan.look) for path, scan in self._scans.items()}
        parts.check_xml({**watched, self._strings_path: _by_tags(self._text_scan.look)})

    @property
    def is_dense(self) -> bool:
        """True if calamine can read its sheets: no text of which a small file can have any number of copies."""
        return not self._text_scan.is_long

    def sheet(self, index: int) -> SheetPart:
        """Return a worksheet by its place among all sheets."""
        path = self.sheets[index].path
        if path not in self._parts:
            raise damaged(f"the part of its sheet {quote(self.sheets[index].name)} is missing")
        return SheetPart(partial(self._parts.part, path), self._scans[path], self._cell_reader)

    def _find_main(self) -> str:
        for _, attributes in self._parts.elements("_rels/.rels", "Relationship"):
            if attributes.get("Type", "").endswith("/relationships/officeDocument"):
                return resolve("", attributes.get("Target", ""))
        raise damaged("it does not say where its workbook part is")

    def _read_main(self, links: dict[str, tuple[str, str]]) -> None:
        for name, attributes in self._parts.elements(self._main):
            if name == "sheet":
                kind, path = links.get(attributes.get("id", ""), ("worksheet", ""))
                is_hidden = attributes.get("state", _VISIBLE) != _VISIBLE
                self.sheets.append(ListedSheet(attributes.get("name", ""), kind_of_sheet(kind), is_hidden, path))
            elif name == "workbookPr":
                self._is_1904 = attributes.get("date1904") in {"1", "true"}
            elif name == "calcPr":
                self._has_placeholders = [attributes.get(name) for name in ("calcId", "fullCalcOnLoad")] == _PLACING

    @cached_property
    def _cell_reader(self) -> CellReader:
        styles, odd = Styles(is_1904=self._is_1904), set[int]()
        if self._styles_path in self._parts:
            _read_styles(self._parts.elements(self._styles_path), styles, odd)
        unknown = frozenset({"", "0"} if self._has_placeholders else {""})
        return CellReader(styles, odd, self._strings, self._text_scan.is_odd, self._text_scan.has_struck, unknown)

    def _strings(self) -> tuple[list[str], set[int]]:
        texts = _Texts()
        if self._strings_path not in self._parts:
            return texts.found, texts.struck
        with self._parts.part(self._strings_path) as stream:
            for _ in parsed(stream, texts.parser):
                pass
        return texts.found, texts.struck


@dataclass
class SheetPart(StoredSheet):
    """One worksheet of an .xlsx workbook."""

    open: Callable[[], AbstractContextManager[IO[bytes]]]
    scan: _SheetScan
    cells: CellReader

    takes_values = True

    @property
    def estimate(self) -> Extent:
        return self.scan.extent

    @property
    def merged(self) -> list[Merged]:
        return self.scan.merged

    @cached_property
    def hidden_columns(self) -> list[tuple[int, int]]:
        return self.scan.hidden_columns

    def rows(self, columns: range, _merged: list[Merged]) -> Iterator[StoredRow]:
        return scanned_rows(self.open, columns, self.cells)


def links_of(parts: Parts, path: str) -> dict[str, tuple[str, str]]:
    """Map the id of each of a part's relationships to its kind and its target."""
    folder, name = posixpath.split(path)
    found = parts.elements(posixpath.join(folder, "_rels", f"{name}.rels"), "Relationship")
    return {
        a.get("Id", ""): (a.get("Type", "").rpartition("/")[2], resolve(folder, a.get("Target", ""))) for _, a in found
    }


def resolve(folder: str, target: str) -> str:
    """Resolve a relationship's target, which may be absolute, or begin with `./` or `../`."""
    return posixpath.normpath(posixpath.join("/", folder, target.replace("\\", "/"))).lstrip("/")


def kind_of_sheet(relationship: str) -> str:
    """Return what a sheet is by the last word of its relationship's type; empty for a worksheet."""
    return _KINDS.get(relationship, _OTHER)


# ---- What is seen of parts on their way past the check for DOCTYPEs, at next to no cost


def _by_tags(look: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """Make what takes a part block by block, the last one empty, and has it looked at up to the last tag begun."""
    rest = b""

    def feed(block: bytes) -> None:
        nonlocal rest
        text = rest + block
        cut = max(text.rfind(b"<"), 0) if block else len(text)
        rest = text[cut:]
        look(text[:cut])

    return feed


class _TextScan:
    """Finds what calamine leaves out: escaped surrogates, lines through runs, their blanks without `xml:space`."""

    is_odd = False
    has_struck = False
    is_long = False  #: a text is longer than spreadsheet programs write one; calamine copies it for each of its cells
    _begun = 0  # bytes of a text

    def look(self, text: bytes) -> None:
        begun, *others = map(len, text.split(b"si>"))
        self._begun += begun
        self.is_long = self.is_long or max(self._begun, *others, 0) > LONG
        self._begun = others[-1] if others else self._begun
        self.has_struck = self.has_struck or (b"strike" in text and _STRUCK.search(text) is not None)
        if not self.is_odd and (b"<r>" in text or b":r>" in text):
            self.is_odd = re.search(rb"<(?:\w+:)?t>(?:\s|[^<]*\s</)", text) is not None
        if not self.is_odd and b"_x" in text:
            self.is_odd = re.search(rb"_x[dD][89A-Fa-f]", text) is not None


class _SheetScan:
    """Estimates a worksheet's extent, and finds what is merged in it."""

    _ROW = re.compile(rb"""row [^<>]*?\br=["']([0-9]{1,9})["']""")
    _COLUMN = re.compile(
        rb"""<(?:\w+:)?col (?=[^<>]*\bhidden=["'](?:1|true)["'])"""
        rb"""(?=[^<>]*\bmin=["']([0-9]{1,5})["'])[^<>]*\bmax=["']([0-9]{1,5})["']"""
    )
    _MERGED = re.compile(rb"""mergeCell [^<>]*?\bref=["']([^"']*)["']""")
    _RANGE = re.compile(r"\$?([A-Za-z]{0,3})\$?([0-9]{0,7})(?::\$?([A-Za-z]{0,3})\$?([0-9]{0,7}))?")
    _LAST_COLUMN, _LAST_ROW = 16_383, 1_048_576

    def __init__(self) -> None:
        self.extent = Extent()
        self.merged: list[Merged] = []
        self.hidden_columns: list[tuple[int, int]] = []
        self._right = 0
        self._farther = self._beyond(0)

    @staticmethod
    def _beyond(column: int) -> re.Pattern[bytes]:
        """Make what finds cells to the right of a column, of one letter or more."""
        letters = b"[%b-Z]|" % letters_of(column + 1).encode() if column < 25 else b""
        return re.compile(rb"""r=["'](%b[A-Z]{2,3})[0-9]""" % letters)

    def look(self, text: bytes) -> None:
        cells = text.count(b"<c ") or text.count(b":c ")
        right = max((column_of(letters.decode()) for letters in set(self._farther.findall(text))), default=0)
        if right > self._right:
            self._right, self._farther = right, self._beyond(right)
        place = text.rfind(b"row ")
        last = self._ROW.match(text, place) if place >= 0 else None
        self.extent.add(int(last[1]) if last else 0, 0, self._right, cells)
        if b"col " in text and b"hidden" in text:
            self.hidden_columns += [(int(first) - 1, int(last) - 1) for first, last in self._COLUMN.findall(text)]
        if b"mergeCell " in text:
            self.merged += map(self._range, self._MERGED.findall(text))

    def _range(self, reference: bytes) -> Merged:
        """Read `B3:C4`, and `1:1` or `A:A`, which are whole rows and columns."""
        match = self._RANGE.fullmatch(reference.decode("ascii", "replace"))
        if not match or not (match[1] or match[2]):
            raise damaged(f"merged cells call themselves {reference[:20].decode('ascii', 'replace')!r}")
        left, first, right, last = match[1], match[2], match[3], match[4]
        if match[3] is None:
            right, last = left, first
        return (
            int(first) if first else 1,
            column_of(left) if left else 0,
            int(last) if last else self._LAST_ROW,
            column_of(right) if right else self._LAST_COLUMN,
        )


# ---- Shared texts and styles


class _Texts:
    """Collects the shared texts: their runs one after another, how they are pronounced left out."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.struck: set[int] = set()  #: of which at least a part is struck through
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self._text: list[str] = []
        self._is_spoken = False

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        match local(name):
            case "si":
                self._text = []
            case "strike" if is_on(attributes):
                self.struck.add(len(self.found))
            case "rPh":
                self._is_spoken = True
            case "t" if not self._is_spoken:
                self.parser.CharacterDataHandler = self._text.append

    def _end(self, name: str) -> None:
        match local(name):
            case "t":
                self.parser.CharacterDataHandler = None
            case "rPh":
                self._is_spoken = False
            case "si":
                self.found.append(unescape("".join(self._text)))


def _read_styles(found: list[tuple[str, dict[str, str]]], styles: Styles, odd: set[int]) -> None:
    """Read the number format and the font of each style; `odd` are those that need a look at each of their cells."""
    codes: dict[int, str] = {}
    is_struck: list[bool] = []
    section = ""
    for name, attributes in found:
        if name in {"numFmts", "fonts", "fills", "borders", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs"}:
            section = name
        elif name == "numFmt" and section != "dxfs":
            codes[_number(attributes, "numFmtId")] = attributes.get("formatCode", "")
        elif name == "font" and section == "fonts":
            is_struck.append(False)
        elif name == "strike" and section == "fonts" and is_struck:
            is_struck[-1] = is_on(attributes)
        elif name == "xf" and section == "cellXfs":
            style, number, font = len(styles.formats), _number(attributes, "numFmtId"), _number(attributes, "fontId")
            styles.add(number, codes.get(number), is_struck=font < len(is_struck) and is_struck[font])
            is_known = number not in _BY_LANGUAGE and (number >= _FIRST_OWN_FORMAT or number not in codes)
            if style in styles.struck or style in styles.days or not is_known or not styles.formats[-1].is_plain:
                odd.add(style)


def _number(attributes: dict[str, str], name: str) -> int:
    text = attributes.get(name, "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
