"""The ZIP package that a workbook is: its bounds, and where the parts of its sheets stand. No cells."""

from __future__ import annotations

import re
import zipfile
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, BinaryIO

from importer.errors import SourceError
from importer.reader.stored_cells import StoredRow, damaged, elements, stored_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

UNPACKED_LIMIT = 1 << 30  # bytes of all parts together
PARTS_LIMIT = 10_000
_SAVE_AS = "Open it in a spreadsheet program and save it as .xlsx."
_OTHERS = {
    "xl/workbook.bin": "an .xlsb workbook",
    "word/document.xml": "a Word document",
    "ppt/presentation.xml": "a presentation",
    "content.xml": "an OpenDocument file",
}
_ONLY_ZEROS = re.compile(r"0{2,}")


class Package:
    """The parts of one workbook, found as calamine finds them: without regard to case, by their relationships.

    Raises:
        SourceError: It is no workbook, damaged, encrypted or unpacks to more than `UNPACKED_LIMIT`.
    """

    def __init__(self, file: BinaryIO) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise damaged(f"it begins as a ZIP archive but is none: {error}") from error
        self._parts = {entry.filename.replace("\\", "/").lower(): entry for entry in self._zip.infolist()}
        self._refuse_bombs()
        self._folder = self._find_folder()
        self._targets = self._find_targets()

    def zero_widths(self) -> dict[int, int]:
        """Map the styles whose number format is zeros only, such as `00000`, to the digits it shows."""
        path = f"{self._folder}styles.xml"
        if path.lower() not in self._parts:
            return {}
        with self._part(path) as stream:
            return _zero_widths(elements(stream))

    def rows(self, sheet: str) -> Iterator[StoredRow]:
        """Yield the rows of a worksheet as they are stored."""
        if sheet not in self._targets:
            raise damaged(f"the part of its sheet {sheet!r} is not listed")
        with self._part(self._targets[sheet]) as stream:
            yield from stored_rows(stream)

    def _refuse_bombs(self) -> None:
        entries = self._zip.infolist()
        if len(entries) > PARTS_LIMIT:
            raise SourceError(f"the workbook has {len(entries)} parts, more than {PARTS_LIMIT}", hint=_SAVE_AS)
        if sum(entry.file_size for entry in entries) > UNPACKED_LIMIT:
            raise SourceError(
                "the workbook unpacks to more than 1 GiB",
                hint="Split it, or save the sheets as CSV, which has no limit.",
            )
        if any(entry.flag_bits & 1 for entry in entries):
            raise SourceError("the workbook is encrypted", hint=f"{_SAVE_AS[:-1]} without a password.")

    def _find_folder(self) -> str:
        what = next((what for part, what in _OTHERS.items() if part in self._parts), "")
        if what:
            raise SourceError(f"this is {what}, not an .xlsx workbook", hint=_SAVE_AS)
        if "_rels/.rels" not in self._parts:
            raise SourceError(
                "this is a ZIP archive, not an .xlsx workbook", hint="Unpack it and give the files in it."
            )
        for _, attributes in self._elements("_rels/.rels", "Relationship"):
            if attributes.get("Type", "").endswith("/relationships/officeDocument"):
                return attributes.get("Target", "").rpartition("/")[0].lstrip("/") + "/"
        raise damaged("it does not say where its workbook part is")

    def _find_targets(self) -> dict[str, str]:
        links = {
            attributes.get("Id", ""): attributes.get("Target", "")
            for _, attributes in self._elements(f"{self._folder}_rels/workbook.xml.rels", "Relationship")
        }
        return {
            attributes.get("name", ""): self._resolved(links.get(attributes.get("id", ""), ""))
            for _, attributes in self._elements(f"{self._folder}workbook.xml", "sheet")
        }

    def _resolved(self, target: str) -> str:
        return target[1:] if target.startswith("/") else f"{self._folder}{target}"

    def _elements(self, path: str, name: str) -> list[tuple[str, dict[str, str]]]:
        with self._part(path) as stream:
            return [element for element in elements(stream) if element[0] == name]

    @contextmanager
    def _part(self, path: str) -> Iterator[IO[bytes]]:
        entry = self._parts.get(path.lower())
        if entry is None:
            raise damaged(f"its part {path[:200]!r} is missing")
        try:
            with self._zip.open(entry) as stream:
                yield stream
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise damaged(f"its part {path[:200]!r} cannot be unpacked: {error}") from error


def _zero_widths(found: list[tuple[str, dict[str, str]]]) -> dict[int, int]:
    codes = {a.get("numFmtId", ""): a.get("formatCode", "") for name, a in found if name == "numFmt"}
    names = [name for name, _ in found]
    first = names.index("cellXfs") + 1 if "cellXfs" in names else len(found)
    widths = {}
    style = 0
    for name, attributes in found[first:]:
        if name == "xf":
            code = codes.get(attributes.get("numFmtId", ""), "")
            if _ONLY_ZEROS.fullmatch(code):
                widths[style] = len(code)
            style += 1
        elif name not in _INSIDE_STYLES:
            break
    return widths


_INSIDE_STYLES = frozenset({"alignment", "protection", "extLst", "ext"})  # what an `xf` can hold, ECMA-376 18.8.45
