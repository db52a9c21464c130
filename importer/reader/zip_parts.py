"""Opens a workbook's ZIP archive: its parts, and their limits against ZIP bombs. Knows no format.

A ZIP bomb is found before it costs anything: by its directory and, if that is wrong, by the checksums, because
`check_xml` unpacks every XML part once, block by block, before anything else parses it.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, BinaryIO
from xml.parsers import expat

from importer.errors import SourceError
from importer.reader.limits import Bounds, too_many_unpacked
from importer.reader.source_file import RATIO, is_bomb
from importer.reader.stored_cells import SAVE_AS, damaged

PARTS_LIMIT = 10_000
_NOT_PARSED = ("customxml/", "docprops/")  # by anybody here
#: What `zipfile` raises for bytes that are no archive: RuntimeError for a password and for a packing or version that it
#: does not know, ValueError and OSError for places that cannot be.
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, OSError)
_NO_MEMORY = "Error -4"  # Z_MEM_ERROR of zlib


class Parts:
    """The parts of one archive by their names, without regard to case.

    Raises:
        SourceError: It is damaged, encrypted, or unpacks to too much.
    """

    def __init__(self, file: BinaryIO, bounds: Bounds) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
        except _BROKEN as error:
            raise damaged(f"it begins as a ZIP archive but is none: {error}") from error
        entries = [entry for entry in self._zip.infolist() if not entry.is_dir()]
        _refuse_bombs(entries, bounds)
        self._entries = {_plain(entry.filename): entry for entry in entries}
        if len(self._entries) < len(entries):
            raise damaged("two of its parts have the same name")

    def __contains__(self, name: str) -> bool:
        return _plain(name) in self._entries

    def check_xml(self, watched: Mapping[str, Callable[[bytes], None]]) -> None:
        """Unpack every part of XML, and those watched, to see that they can be, and that none has a DOCTYPE.

        What watches a part is called with each of its blocks, and at its end with an empty one.

        Raises:
            SourceError: Not so.
        """
        watching = {_plain(name): watch for name, watch in watched.items()}
        for name in self._entries:
            if name in watching or (name.endswith((".xml", ".rels")) and not name.startswith(_NOT_PARSED)):
                with self.part(name) as stream:
                    _check_prolog(stream, name, watching.get(name, lambda _block: None))

    def elements(self, path: str, name: str = "") -> list[tuple[str, dict[str, str]]]:
        """List the elements of a small part, or those of one name: names and attributes, without their prefixes."""
        found: list[tuple[str, dict[str, str]]] = []
        parser = expat.ParserCreate()
        parser.StartElementHandler = lambda name, attributes: found.append(
            (local(name), {local(key): value for key, value in attributes.items()})
        )
        with self.part(path) as stream:
            for _ in parsed(stream, parser):
                pass
        return [element for element in found if not name or element[0] == name]

    @contextmanager
    def part(self, path: str) -> Iterator[IO[bytes]]:
        """Open a part.

        Raises:
            SourceError: It is missing, or cannot be unpacked.
        """
        entry = self._entries.get(_plain(path))
        if entry is None:
            raise damaged(f"its part {path[:200]!r} is missing")
        try:
            with self._zip.open(entry) as stream:
                yield stream
        except _BROKEN as error:
            if _NO_MEMORY in str(error):
                raise MemoryError from error
            if isinstance(error, OSError):  # zipfile seeks to where the directory says, also before the first byte
                raise damaged("its archive's directory does not fit what is in it") from error
            raise damaged(f"its part {path[:200]!r} cannot be unpacked: {error}") from error


def _plain(name: str) -> str:
    return name.replace("\\", "/").lower()


def _refuse_bombs(entries: list[zipfile.ZipInfo], bounds: Bounds) -> None:
    if len(entries) > PARTS_LIMIT:
        raise SourceError(f"the workbook has {len(entries)} parts, more than {PARTS_LIMIT}", hint=SAVE_AS)
    if sum(entry.file_size for entry in entries) > bounds.unpacked:
        raise too_many_unpacked(bounds)
    if any(is_bomb(entry.compress_size, entry.file_size) for entry in entries):
        raise SourceError(f"a part of the workbook unpacks to more than {RATIO} times its size", hint=SAVE_AS)
    if any(entry.flag_bits & 1 for entry in entries):
        raise SourceError("the workbook is encrypted", hint=f"{SAVE_AS[:-1]} without a password.")


# ---- XML by expat: elements without their prefixes, no entities, no DOCTYPE


BLOCK = 1 << 18
_DOCTYPE = re.compile(rb"<![Dd][Oo][Cc][Tt][Yy][Pp][Ee]")  # begins with plain bytes, which makes the search quick
_OVERLAP = len(b"<!DOCTYPE") - 1
_WIDE = (b"\xfe\xff", b"\xff\xfe", b"\x00<", b"<\x00")  # UTF-16, with or without its mark


def parsed(stream: IO[bytes], parser: expat.XMLParserType) -> Iterator[None]:
    """Feed a part to the parser, with a pause after each block in which to take what it found.

    Raises:
        SourceError: It is broken, or has a DOCTYPE.
    """
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        while block := stream.read(BLOCK):
            parser.Parse(block, False)
            yield
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # the latter two for the encoding that it declares
        raise damaged(f"its XML is broken: {error}") from error
    yield


def _check_prolog(stream: IO[bytes], name: str, watch: Callable[[bytes], None]) -> None:
    """Read a part to its end: no DOCTYPE in it, and no UTF-16, in which one could hide."""
    tail = b""
    while block := stream.read(BLOCK):
        if not tail and block.startswith(_WIDE):
            raise damaged(f"its part {name[:200]!r} is not in UTF-8")
        searched = tail + block
        if _DOCTYPE.search(searched):
            _refuse_doctype()
        tail = searched[-_OVERLAP:]
        watch(block)
    watch(b"")


def local(name: str) -> str:
    """Return an element's or attribute's name without its prefix."""
    return name.rpartition(":")[2] if ":" in name else name


def whole(text: str) -> int:
    """Read a whole number of at most nine digits.

    Raises:
        SourceError: It is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise damaged(f"{text[:20]!r} is not a whole number")
    return int(text)


def _refuse_doctype(*_declaration: object) -> None:
    raise damaged("its XML has a DOCTYPE, which workbooks never have")
