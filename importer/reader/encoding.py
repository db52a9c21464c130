"""Detects what a source is from its bytes: a workbook, text with its encoding, or no table. Parses none of them."""

from __future__ import annotations

import codecs
import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from importer.errors import SourceError
from importer.reader.source_file import BLOCK, WANTED, named

# ---- A workbook, or another kind of file, by how it begins


ZIP = b"PK\x03\x04"
OLE = bytes.fromhex("D0CF11E0")
#: How a stream of BIFF begins by itself, as in Excel 2 to 4: with the record BOF of some version, and its length.
BIFF = re.compile(rb"\x09[\x00\x02\x04\x08][\x04\x06\x08\x10]\x00")
_OTHERS = {
    b"%PDF": "a PDF document",
    b"{\\rtf": "an RTF document",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"PK\x05\x06": "an empty ZIP archive",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"SQLite format 3": "a database",
    b"PAR1": "a Parquet file",
    b"\x7fELF": "a program",
}
_TAR = (257, b"ustar")
_JSON = re.compile(rb'\s*(?:\{\s*["}]|\[\s*[\[{"\]])')
_MARKUP = (b"<!doctype", b"<html", b"<table", b"<meta", b"<?xml")
_MARK_BYTES = b"\xef\xbb\xbf\xfe\xff"
_TABLES = {  # in forms of text that spreadsheet programs open, and are read by nobody else
    "a SYLK file": re.compile(rb"ID;P[^;\r\n]*(?:;[NEO])*\s*[\r\n]+(?:P;P|[BC];[XY][0-9]|[FO];|NN;N)"),
    "a DIF file": re.compile(rb"TABLE\s*[\r\n]+0,\s*1\s*[\r\n]"),
    "a web archive": re.compile(rb"MIME-Version:\s*[0-9]", re.IGNORECASE),
}
_WORKBOOKS = {".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"}
_SAVE_AGAIN = "Open it in a spreadsheet program and save it as .xlsx, then try again."


def is_workbook(file: BinaryIO, name: str) -> bool:
    """Return whether a source is a workbook, by its first bytes, which outrank the suffix.

    Raises:
        SourceError: It is neither, or it is text under a workbook's name.
    """
    file.seek(0)
    start = file.read(512)
    if start.startswith((ZIP, OLE)) or BIFF.match(start):
        return True
    what = next((what for signature, what in _OTHERS.items() if start.startswith(signature)), "")
    if start.startswith(_TAR[1], _TAR[0]):
        what = "a tar archive"
    text = start.lstrip(_MARK_BYTES).replace(b"\0", b"").lstrip().lower()  # of UTF-16, too
    if _JSON.match(text):
        what = "JSON"
    if what:
        raise SourceError(f"{named(name)} is {what}, not a table", hint=WANTED)
    what = next((what for what, pattern in _TABLES.items() if pattern.match(start)), "")
    if text.startswith(_MARKUP):
        what = "HTML or XML"
    if what:
        raise SourceError(f"{named(name)} is {what}, not a CSV file or a workbook", hint=_SAVE_AGAIN)
    if Path(name).suffix.lower() in _WORKBOOKS:
        raise SourceError(f"{named(name)} is not a workbook, despite its name", hint=_SAVE_AGAIN)
    return False


# ---- Encoding: found by strict decoding, never by replacing


_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",  # before that of UTF-16, with which it begins
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
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
        if (family := codecs.lookup(encoding).name) in {"utf-16", "utf-32"}:  # which Python reads with a mark only
            evident = _evident_wide(start)
            encoding = evident if evident.startswith(family) else f"{family}-le"
        sha256, fault = _decode_all(file, encoding, name)
        if fault:
            raise SourceError(f"{named(name)}: {fault} is not {encoding}", hint=_GIVE)
        return Encoding(encoding, sha256, "")
    if codec := marked or _evident_wide(start):
        sha256, fault = _decode_all(file, codec, name)
        shown = codec.upper().removesuffix("-LE").removesuffix("-BE")
        if fault:
            raise SourceError(f"{named(name)} begins as {shown}, but {fault} is not {shown}", hint=_SAVE)
        return Encoding(codec, sha256, "" if marked else f"{named(name)} is read as {shown}")
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
            f"{named(name)}: some of it reads as UTF-8, but {fault} does not",
            hint=f"Correct that line, or n{_GIVE[1:]}",
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
            why = f"{written!r} in line {line} is {meant!r} in {codec}"
            hint = f"Name its encoding: --encoding {codec}, or --encoding utf-8 if it is meant as it is."
            raise _uncertain(name, why, hint)


def _shifted(file: BinaryIO, name: str, signs: _Signs) -> Encoding:
    """Read a text of seven bits that shifts between character sets by escapes, as Japanese and Korean mail does."""
    for codec in ("iso2022_kr",) if signs.has_locked else ("iso2022_jp", "iso2022_jp_ext", "iso2022_jp_2"):
        sha256, fault = _decode_all(file, codec, name)
        if fault is None:
            shown = codec.replace("iso2022_", "ISO-2022-").upper().replace("_", "-")
            return Encoding(codec, sha256, f"{named(name)} is read as {shown}")
    raise _uncertain(name, f"it has escapes of ISO-2022, but {fault} is in none of them")


def _western(file: BinaryIO, name: str, no_utf8: _Fault, signs: _Signs) -> Encoding:
    sha256, fault = _decode_all(file, "cp1252", name)
    if fault or signs.has_runs:
        odd = f"{fault} is not" if fault else "the text does not look like"
        raise _uncertain(name, f"{no_utf8} is not UTF-8, and {odd} Windows-1252")
    notice = (
        f"{named(name)} is read as Windows-1252 (line {no_utf8.line} is not UTF-8); if its letters come out wrong, name"
        " its encoding with --encoding, as mac_roman or cp850"
    )
    return Encoding("cp1252", sha256, notice)


def _uncertain(name: str, why: str, hint: str = _GIVE) -> SourceError:
    return SourceError(f"{named(name)} is in an encoding that is not certain: {why}", hint=hint)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield all blocks of a file, from its start on."""
    file.seek(0)
    while block := file.read(BLOCK):
        yield block


def _evident_wide(start: bytes) -> str:
    """Find UTF-16 and UTF-32 by their NULs, of which UTF-8 has none, and by the plain letters that come out."""
    first, second, third, fourth = (start[place::4].count(0) for place in range(4))
    quarter = len(start) // 4
    if quarter and fourth == quarter and third > quarter // 4:
        return "utf-32-le"
    if quarter and first >= quarter and second > quarter // 4:
        return "utf-32-be"
    for codec, nuls in (("utf-16-le", second + fourth), ("utf-16-be", first + third)):
        # Enough for any script with ids between; every table has ends of lines or delimiters.
        plain = [char for char in start.decode(codec, "ignore") if "\t" <= char <= "~"]
        if min(nuls, len(plain)) > max(1, len(start) // 16) and set(plain) & set("\r\n\t,;|"):
            return codec
    return ""


def _decode_all(file: BinaryIO, codec: str, name: str) -> tuple[str, _Fault | None]:
    """Decode strictly to the end or to the first fault; the hash is whole only without a fault.

    Lines end with LF, CR or CRLF, also where a block ends between CR and LF.
    """
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder(codec)()
    line, fed, last, nul = 1, 0, "", -1
    for block in chain(_blocks(file), [b""]):  # at an empty one a decoder must be done
        digest.update(block)
        fault = None
        try:
            text = decoder.decode(block, final=not block)
            nul = text.find("\0")
        except UnicodeDecodeError as error:
            fault, text = error, error.object[: error.start].decode(codec, "replace")
        text = text[:nul] if nul >= 0 else text
        line += text.count("\n") + text.count("\r") - text.count("\r\n") - (last == "\r" and text.startswith("\n"))
        last = text[-1:] or last
        if fault:
            offset = fed + len(block) - len(fault.object) + fault.start  # the object begins with bytes held back before
            return "", _Fault(max(offset, 0), line, fault.object[min(fault.start, len(fault.object) - 1)])
        if nul >= 0:
            raise SourceError(
                f"{named(name)} is not a text file: a NUL character is in line {line}",
                hint="Give a CSV file or an .xlsx workbook; UTF-16 can be named: --encoding utf-16-le.",
            )
        fed += len(block)
    return digest.hexdigest(), None


def decode_lines(lines: Sequence[bytes]) -> tuple[list[str], list[str]]:
    """Decode a text line by line, for formats that are UTF-8 by definition; also return lines read as Windows-1252."""
    texts, western = [], []
    for line in lines:
        try:
            texts.append(line.decode())
        except UnicodeDecodeError:
            texts.append(line.decode("cp1252", "replace"))
            western.append(texts[-1])
    return texts, western
