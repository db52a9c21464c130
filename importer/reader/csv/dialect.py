"""How a CSV is written: its encoding and its delimiter."""

from __future__ import annotations

import codecs
import hashlib
import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from importer.errors import SourceError
from importer.reader.csv.csv_records import Form, csv_records
from importer.reader.header_row import NO_HEADER, TOP_ROWS
from importer.reader.source_file import BLOCK, named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.reader.header_row import HeaderRule
    from importer.reader.limits import Bounds


# ---- Encoding: found by strict decoding, never by replacing


_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_NAMES = {"utf-8": "UTF-8", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "cp1252": "Windows-1252"}
_GIVE = "Name its encoding with --encoding, such as --encoding shift_jis, or save it as “CSV UTF-8”."
_SAVE = "Open it in a spreadsheet program, save it as “CSV UTF-8” and try again."


@dataclass(frozen=True, slots=True)
class Encoding:
    """What a first pass over a text found."""

    codec: str  #: for `open`; a byte order mark comes out as U+FEFF
    sha256: str  #: of all bytes
    notice: str  #: a sentence where the user should know; else empty


@dataclass(frozen=True, slots=True)
class _Fault:
    """The first byte that a codec cannot read."""

    offset: int
    line: int
    byte: int

    def __str__(self) -> str:
        return f"byte 0x{self.byte:02X} at offset {self.offset} (line {self.line})"


def examine(file: BinaryIO, name: str, encoding: str | None = None) -> Encoding:
    """Read a whole text in blocks for its encoding and its hash. A byte order mark outranks `encoding`.

    Raises:
        SourceError: No encoding certainly reads all of it, or it holds a NUL as binary files do.
    """
    file.seek(0)
    start = file.read(4096)
    marked = next((codec for mark, codec in _MARKS.items() if start.startswith(mark)), "")
    if encoding and not marked:
        sha256, fault = _decode_all(file, encoding, name)
        if fault:
            raise SourceError(f"{named(name)}: {fault} is not {encoding}", hint=_GIVE)
        return Encoding(encoding, sha256, "")
    if codec := marked or _evident_utf16(start):
        sha256, fault = _decode_all(file, codec, name)
        if fault:
            raise SourceError(
                f"{named(name)} begins as {_NAMES[codec]}, but {fault} is not {_NAMES[codec]}", hint=_SAVE
            )
        return Encoding(codec, sha256, "" if marked else f"{named(name)} is read as {_NAMES[codec]}")
    signs = _Signs()
    for block in _blocks(file):
        signs.add(block)
    if signs.has_shifts:
        return _shifted(file, name, signs)
    sha256, fault = _decode_all(file, "utf-8", name)
    if fault is None:
        signs.refuse_seven_bits(name)
        return Encoding("utf-8", sha256, "")
    if signs.has_utf8:
        raise SourceError(
            f"{named(name)}: some of it reads as UTF-8, but {fault} does not", hint=f"Correct that line. {_GIVE}"
        )
    return _western(file, name, fault, signs)


class _Signs:
    """What tells encodings apart beyond whether they decode: characters of UTF-8, long runs of letters, escapes."""

    _UTF8 = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
    # Capitals and small letters without a plain one between, or four signs of which three differ: text of East Asia.
    _RUN = re.compile(
        rb"[\xc0-\xff]{3}"
        rb"|([\x80-\x9f\xa1-\xff])(?!\1)([\x80-\x9f\xa1-\xff])(?!\1|\2)[\x80-\x9f\xa1-\xff]{2}"
    )
    _SHIFT = re.compile(rb"\x1b(?:\$[@AB]|\$[()][A-Z]|\([BIJ])")
    # Seven bits that stand for others: pairs of HZ between ~{ and ~}, RFC 1843, and BASE64 of UTF-7 behind +, RFC 2152;
    # no telephone number, no plain word, and no address such as me+tag-7@example.com.
    _HZ = re.compile(rb"~\{(?:[\x21-\x77][\x21-\x7e])+~\}")
    _UTF7 = re.compile(
        rb"\+(?!(?:[0-9]+|[A-Z]?[a-z]+|[A-Z]+)\b)(?:[\w+/]{3,200}-|[\w+/]{6,200}(?![\w+/]))(?![\w.+-]*@)"
    )
    _LOCKED = b"\x0e"  # begins what ISO-2022-KR alone writes; the others would leave it as it stands
    _LONGEST = 4  # bytes of a sign

    def __init__(self) -> None:
        self.is_ascii = True
        self.has_utf8 = self.has_runs = self.has_shifts = self.has_locked = False
        self._rest = b""
        self._seven_bits: tuple[str, str, str, int] | None = None  # codec, what stands there and for what, line
        self._lines = 1

    def add(self, block: bytes) -> None:
        """Look at the next block."""
        self._seven_bits = self._seven_bits or self._find_seven_bits(block)
        self._lines += block.count(b"\n")
        text = self._rest + block
        self._rest = text[1 - self._LONGEST :]
        self.has_shifts = self.has_shifts or (b"\x1b" in text and self._SHIFT.search(text) is not None)
        self.has_locked = self.has_locked or self._LOCKED in text
        if not text.isascii():
            self.is_ascii = False
            self.has_utf8 = self.has_utf8 or self._UTF8.search(text) is not None
            self.has_runs = self.has_runs or self._RUN.search(text) is not None

    def _find_seven_bits(self, block: bytes) -> tuple[str, str, str, int] | None:
        for codec, pattern in (("hz", self._HZ), ("utf-7", self._UTF7)):
            for match in pattern.finditer(block):
                with suppress(UnicodeDecodeError):
                    meant = match[0].decode(codec)
                    if len({unicodedata.name(sign, "").partition(" ")[0] for sign in meant}) == 1 and meant.isalpha():
                        line = self._lines + block.count(b"\n", 0, match.start())
                        return codec, match[0].decode(), meant, line
        return None

    def refuse_seven_bits(self, name: str) -> None:
        """Refuse a text without accents, and with what another encoding writes for them.

        Raises:
            SourceError: It is one.
        """
        if self._seven_bits and self.is_ascii:
            codec, written, meant, line = self._seven_bits
            raise SourceError(
                f"{named(name)} is in no encoding that is certain: {written!r} in line {line} is {meant!r} in {codec}",
                hint=f"Name its encoding: --encoding {codec}, or --encoding utf-8 where it is meant as it stands.",
            )


def _shifted(file: BinaryIO, name: str, signs: _Signs) -> Encoding:
    """Read a text of seven bits that shifts between character sets by escapes, as Japanese and Korean mail does."""
    for codec in ("iso2022_kr",) if signs.has_locked else ("iso2022_jp", "iso2022_jp_ext", "iso2022_jp_2"):
        sha256, fault = _decode_all(file, codec, name)
        if fault is None:
            shown = codec.replace("iso2022_", "ISO-2022-").upper().replace("_", "-")
            return Encoding(codec, sha256, f"{named(name)} is read as {shown}")
    raise SourceError(
        f"{named(name)} is in no encoding that is certain: it has escapes of ISO-2022, but {fault} is in none of them",
        hint=_GIVE,
    )


def _western(file: BinaryIO, name: str, no_utf8: _Fault, signs: _Signs) -> Encoding:
    sha256, fault = _decode_all(file, "cp1252", name)
    if fault:
        raise SourceError(
            f"{named(name)} is in no encoding that is certain: {no_utf8} is not UTF-8, and {fault} is not Windows-1252",
            hint=_GIVE,
        )
    if signs.has_runs:
        raise SourceError(
            f"{named(name)} is in no encoding that is certain: {no_utf8} is not UTF-8, and the text does not look"
            " like Windows-1252",
            hint=_GIVE,
        )
    return Encoding(
        "cp1252",
        sha256,
        f"{named(name)} is read as Windows-1252 (line {no_utf8.line} is not UTF-8); if its letters come out wrong, name"
        " its encoding with --encoding",
    )


def _evident_utf16(start: bytes) -> str:
    """Every second byte of UTF-16 text is often NUL, the others never; UTF-8 text has no NUL at all."""
    first, second = start[0::2].count(0), start[1::2].count(0)
    many = max(2, len(start) // 8)  # a quarter of the characters: enough for any script with ASCII between
    if second >= many and not first:
        return "utf-16-le"
    if first >= many and not second:
        return "utf-16-be"
    return ""


def _decode_all(file: BinaryIO, codec: str, name: str) -> tuple[str, _Fault | None]:
    """Decode strictly to the end or to the first fault; the hash is whole only without a fault."""
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder(codec)()
    lines = _LineCount()
    fed = 0
    for block in _blocks(file):
        digest.update(block)
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            lines.add(error.object[: error.start].decode(codec, "replace"))
            offset = fed + len(block) - len(error.object) + error.start  # the object begins with bytes held back before
            place = min(error.start, len(error.object) - 1)
            return "", _Fault(max(offset, 0), lines.line, error.object[place])
        _refuse_nul(text, lines, name)
        lines.add(text)
        fed += len(block)
    return digest.hexdigest(), None


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the file's blocks and an empty one, at which a decoder must be done."""
    file.seek(0)
    while block := file.read(BLOCK):
        yield block
    yield b""


def _refuse_nul(text: str, lines: _LineCount, name: str) -> None:
    place = text.find("\0")
    if place < 0:
        return
    lines.add(text[:place])
    raise SourceError(
        f"{named(name)} is not a text file: a NUL character is in line {lines.line}",
        hint="Give a CSV file or an .xlsx workbook.",
    )


class _LineCount:
    """Counts lines that end with LF, CR or CRLF, also where a block ends between CR and LF."""

    def __init__(self) -> None:
        self.line = 1
        self._is_after_cr = False

    def add(self, text: str) -> None:
        if not text:
            return
        self.line += text.count("\n") + text.count("\r") - text.count("\r\n")
        self.line -= self._is_after_cr and text.startswith("\n")
        self._is_after_cr = text.endswith("\r")


# ---- Delimiter: tried on the first records


DELIMITERS = (",", ";", "\t", "|")  # where two fit equally well, the earlier one
_TRIED = 20  # records from the header on


def find_delimiter(file: BinaryIO, form: Form, rule: HeaderRule, bounds: Bounds) -> str:
    """Choose the delimiter that parts the header and fits the most rows; a comma where there is one column.

    One with which a row is recognised as a header outranks all others.
    """
    fits = {delimiter: _fitness(file, replace(form, delimiter=delimiter), rule, bounds) for delimiter in DELIMITERS}
    return max(DELIMITERS, key=fits.__getitem__)


def _fitness(file: BinaryIO, form: Form, rule: HeaderRule, bounds: Bounds) -> tuple[bool, bool, float, int]:
    """Return whether the header was recognised, and its cells are whole, the share of rows as wide as it, its width."""
    top = list(_top(file, form, rule, bounds))
    filled = [(number, cells) for number, cells in top if cells]
    if not filled:
        return (False, False, 0, 0)
    header, is_recognised = rule.choose(islice(filled, TOP_ROWS))
    widths = [len(cells) for number, cells in top if number >= header][:_TRIED]
    is_recognised = is_recognised and header != NO_HEADER
    if not widths or widths[0] < 2:
        return (is_recognised, False, 0, 0)
    is_whole = not any(_is_torn(cell) for number, cells in top if number == header for cell in cells)
    return (is_recognised, is_whole, widths.count(widths[0]) / len(widths), widths[0])


def _is_torn(cell: str) -> bool:
    """Return whether a cell holds one of two quotes: the other stands in the next cell, so the delimiter is another."""
    return cell.count('"') % 2 == 1


def _top(file: BinaryIO, form: Form, rule: HeaderRule, bounds: Bounds) -> Iterator[tuple[int, list[str]]]:
    """Yield the first records that are not blank; one without cells for the one that is malformed so parted."""
    number = 0
    wanted = max(rule.row or 0, TOP_ROWS) + _TRIED
    try:
        for number, cells, *_ in csv_records(file, form, bounds):
            if number > wanted:
                return
            yield number, cells
    except SourceError:
        yield number + 1, []
