"""The ZIP archive that a workbook is: its parts and their bounds. Knows no format.

A ZIP bomb is found before it costs anything: by its directory, and where that lies by the checksums, for `check_xml`
unpacks every part of XML once, block by block, before anything else parses it.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, BinaryIO

from importer.errors import SourceError
from importer.reader.limits import Bounds, too_many_unpacked
from importer.reader.source_file import RATIO, is_bomb
from importer.reader.workbook.stored_cells import damaged
from importer.reader.workbook.xml_parts import check_prolog, check_whole, elements

if TYPE_CHECKING:
    from collections.abc import Iterator


PARTS_LIMIT = 10_000
_NOT_PARSED = ("customxml/", "docprops/")  # by anybody here
_SAVE_AS = "Open it in a spreadsheet program and save it as .xlsx."
#: What `zipfile` raises for bytes that are no archive: NotImplementedError for a packing or version that it does not
#: know, RuntimeError for a password, ValueError and OSError for places that cannot be.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
)
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

    def check_xml(self, *names: str) -> None:
        """Unpack every part of XML, and those named, to see that they can be, and that none has a DOCTYPE.

        Raises:
            SourceError: Not so.
        """
        wanted = {_plain(name) for name in names}
        for name in self._entries:
            if name in wanted or (name.endswith((".xml", ".rels")) and not name.startswith(_NOT_PARSED)):
                with self.part(name) as stream:
                    check_prolog(stream, name)

    def check_whole(self, *names: str) -> None:
        """See that parts are XML to their end: calamine looks for the end of some for ever.

        Raises:
            SourceError: One is not.
        """
        for name in names:
            with self.part(name) as stream:
                check_whole(stream)

    def elements(self, path: str, name: str = "") -> list[tuple[str, dict[str, str]]]:
        """List the elements of a small part, or those of one name."""
        with self.part(path) as stream:
            return [element for element in elements(stream) if not name or element[0] == name]

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
        raise SourceError(f"the workbook has {len(entries)} parts, more than {PARTS_LIMIT}", hint=_SAVE_AS)
    if sum(entry.file_size for entry in entries) > bounds.unpacked:
        raise too_many_unpacked(bounds)
    if any(is_bomb(entry.compress_size, entry.file_size) for entry in entries):
        raise SourceError(f"a part of the workbook unpacks to more than {RATIO} times its size", hint=_SAVE_AS)
    if any(entry.flag_bits & 1 for entry in entries):
        raise SourceError("the workbook is encrypted", hint=f"{_SAVE_AS[:-1]} without a password.")
