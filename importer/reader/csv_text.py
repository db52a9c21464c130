"""The text of a CSV: its encoding, and its records strictly, each with its physical lines. Knows nothing of headers."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
import string
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TextIO

from importer.errors import SourceError
from importer.reader.limits import USUAL, Bounds, too_long_cell
from importer.reader.source_file import BLOCK, HashedBytes, named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from hashlib import _Hash


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


# ---- Records


MOST_BLANK = 1_048_576  # lines that follow each other
_ENDS = frozenset({"\n", "\r\n", "\r"})
_UNCLOSED = (
    'Look for a cell that begins with a quote (") and has no closing one;'
    ' a quote inside a quoted cell is written twice ("").'
)


@dataclass(frozen=True, slots=True)
class Form:
    """How a CSV is written."""

    name: str  #: of the source
    codec: str
    delimiter: str = ","
    begins: int = 1  #: the first line that is no hint for Excel
    bounds: Bounds = USUAL


class CsvRecord(NamedTuple):
    """One record in which something stands."""

    number: int  #: of its row, as a spreadsheet numbers it: blank ones before it count
    cells: list[str]
    first_line: int  #: physical, from 1
    last_line: int


class _Lines:
    """Physical lines with their ends, counted; bounded per record."""

    def __init__(self, text: TextIO, form: Form) -> None:
        self._text = text
        self._name = form.name
        self._limit = form.bounds.record
        self._blanks = f"{form.delimiter}{string.whitespace}"
        self._blank_quote = f'{form.delimiter} "'
        self._coming = ""  # a line that was read, and not yet taken
        self.blank_quote: str | None = None  #: a line of the record with a blank between delimiter and quote
        self.number = 0
        self.held = 0  # characters of the record so far

    def begin_record(self) -> int:
        """Forget the record before, and pass lines without anything but delimiters; return how many those are."""
        self.held, self.blank_quote = 0, None
        longest, blanks, read = self._limit + 1, self._blanks, self._text.readline
        mark = "" if self.number else "\ufeff"
        passed, line = 0, ""
        while passed <= MOST_BLANK:
            line = read(longest)
            if line not in _ENDS:
                line = line.removeprefix(mark)
                if not line or line.strip(blanks) or len(line) >= longest:
                    break
            passed += 1
        self._coming = line
        self.number += passed
        return passed

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line, self._coming = self._coming or self._text.readline(self._limit + 1), ""
        if not line:
            raise StopIteration
        self.number += 1
        self.held += len(line)
        if self.held > self._limit:
            raise SourceError(
                f"{named(self._name)}, line {self.number}: the row is longer than {self._limit:,} characters",
                hint=f"{_UNCLOSED} IMPORTER_MAX_CELL, times 16, is the limit.",
            )
        if self._blank_quote in line:
            self.blank_quote = line
        return line


def csv_records(file: BinaryIO, form: Form, digest: _Hash | None = None) -> Iterator[CsvRecord]:
    """Yield the records from the file's start on, blank ones left out; `digest` is fed all bytes that were read.

    Raises:
        SourceError: A record is malformed or too long, or more blank ones follow it than any spreadsheet has rows.
    """
    limit = form.bounds.cell
    csv.field_size_limit(max(limit, csv.field_size_limit()))  # of the process; never lowered for others
    raw = io.BufferedReader(HashedBytes(file, digest), BLOCK)
    lines = _Lines(io.TextIOWrapper(raw, encoding=form.codec, errors="strict", newline=""), form)
    while lines.number < form.begins - 1:
        next(lines)
    reader = csv.reader(lines, delimiter=form.delimiter, strict=True)
    number = last = 0
    while True:
        number += 1 + lines.begin_record()
        if number - last > MOST_BLANK:
            raise SourceError(
                f"{named(form.name)}: more than {MOST_BLANK:,} blank lines follow row {last}",
                hint="Delete the blank lines, and try again.",
            )
        first_line = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _malformed(form, first_line, lines.number, str(error)) from error
        if lines.blank_quote is not None:
            cells = _without_blanks(lines.blank_quote, form) or cells
        if lines.held > limit and any(len(cell) > limit for cell in cells):
            raise _too_long(form, first_line)
        if any(map(str.strip, cells)):
            last = number
            yield CsvRecord(number, cells, first_line, lines.number)


def _without_blanks(line: str, form: Form) -> list[str] | None:
    """Parse a line whose quotes stand behind a blank (`a, "b, c"`); None where that is not plainly meant."""
    try:
        parsed = list(csv.reader([line], delimiter=form.delimiter, strict=True, skipinitialspace=True))
    except csv.Error:
        return None
    return parsed[0] if len(parsed) == 1 else None


def _malformed(form: Form, first: int, last: int, error: str) -> SourceError:
    where = f"{named(form.name)}, line {first}"
    if "unexpected end of data" in error:
        return SourceError(f"{where}: the row that begins here has a quote that is never closed", hint=_UNCLOSED)
    if "field larger than field limit" in error:
        return _too_long(form, first)
    until = f", at line {last}" if last > first else ""
    return SourceError(f"{where}: the row that begins here has text after a closing quote{until}", hint=_UNCLOSED)


def _too_long(form: Form, line: int) -> SourceError:
    return too_long_cell(f"{named(form.name)}, the row that begins in line {line}", form.bounds, _UNCLOSED)
