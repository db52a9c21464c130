"""The package that an .xlsx or .xlsm workbook is: where the parts of its sheets stand. No cells."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from importer.reader.cell_text import zeros_shown
from importer.reader.workbook.stored_cells import Merged, StoredRow, damaged
from importer.reader.workbook.xlsx_sheet import scanned_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.reader.workbook.zip_parts import Parts


_INSIDE_STYLES = frozenset({"alignment", "protection", "extLst", "ext"})  # what an `xf` can hold, ECMA-376 18.8.45


class Package:
    """One workbook, its parts found as calamine finds them: without regard to case, by their relationships.

    Raises:
        SourceError: It is no workbook or damaged.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._folder = self._find_folder()
        self._targets = self._find_targets()
        parts.check_xml(*(target for _, target in self._targets))
        self._zeros = self._zero_widths()

    def sheet(self, _index: int, name: str) -> SheetPart:
        """Give a sheet by its name."""
        target = next((target for named, target in self._targets if named == name), None)
        if target is None or target not in self._parts:
            raise damaged(f"the part of its sheet {name[:200]!r} is missing")
        return SheetPart(self._parts, target, self._zeros)

    def _find_folder(self) -> str:
        for _, attributes in self._parts.elements("_rels/.rels", "Relationship"):
            if attributes.get("Type", "").endswith("/relationships/officeDocument"):
                folder = attributes.get("Target", "").rpartition("/")[0].lstrip("/")
                return f"{folder}/" if folder else ""
        raise damaged("it does not say where its workbook part is")

    def _find_targets(self) -> list[tuple[str, str]]:
        links = {
            attributes.get("Id", ""): attributes.get("Target", "")
            for _, attributes in self._parts.elements(f"{self._folder}_rels/workbook.xml.rels", "Relationship")
        }
        return [
            (attributes.get("name", ""), self._resolved(links.get(attributes.get("id", ""), "")))
            for _, attributes in self._parts.elements(f"{self._folder}workbook.xml", "sheet")
        ]

    def _resolved(self, target: str) -> str:
        return target[1:] if target.startswith("/") else f"{self._folder}{target}"

    def _zero_widths(self) -> dict[int, int]:
        """Map the styles whose number format is zeros only, such as `00000`, to the digits it shows."""
        path = f"{self._folder}styles.xml"
        return _zero_widths(self._parts.elements(path)) if path in self._parts else {}


class SheetPart:
    """One sheet of an .xlsx workbook. What is merged in it calamine says."""

    merged: list[Merged]

    def __init__(self, parts: Parts, path: str, zeros: dict[int, int]) -> None:
        self.merged = []
        self._open = partial(parts.part, path)
        self._zeros = zeros

    def rows(self, columns: range) -> Iterator[StoredRow]:
        return scanned_rows(self._open, columns, self._zeros)


def _zero_widths(found: list[tuple[str, dict[str, str]]]) -> dict[int, int]:
    codes = {a.get("numFmtId", ""): a.get("formatCode", "") for name, a in found if name == "numFmt"}
    names = [name for name, _ in found]
    first = names.index("cellXfs") + 1 if "cellXfs" in names else len(found)
    widths = {}
    style = 0
    for name, attributes in found[first:]:
        if name == "xf":
            if width := zeros_shown(codes.get(attributes.get("numFmtId", ""), "")):
                widths[style] = width
            style += 1
        elif name not in _INSIDE_STYLES:
            break
    return widths
