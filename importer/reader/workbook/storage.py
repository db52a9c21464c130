"""Which format a workbook has, and what its file stores: the second opinion beside calamine.

How far the two are compared: each value's place, in all formats; error cells and formulas without a stored result, in
all but .xls (see `old_workbook`); texts and numbers themselves are calamine's alone. What calamine would parse has been
unpacked once before, within bounds, and holds no DOCTYPE; nothing outside the file is ever opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

from importer.errors import SourceError
from importer.reader.source_file import OLE
from importer.reader.workbook.ods import OpenDocument
from importer.reader.workbook.xls import Compound, OldWorkbook
from importer.reader.workbook.xlsb import BinaryPackage
from importer.reader.workbook.xlsx_package import Package
from importer.reader.workbook.zip_parts import Parts

if TYPE_CHECKING:
    from importer.reader.limits import Bounds
    from importer.reader.workbook.stored_cells import StoredSheet


_SAVE_AS = "Open it in a spreadsheet program and save it as .xlsx."
_OTHERS = {
    "word/document.xml": "a Word document",
    "ppt/presentation.xml": "a presentation",
    "index/document.iwa": "an Apple Numbers or Pages document",
    "meta-inf/manifest.mf": "a Java archive",
}
_SPREADSHEET = b"application/vnd.oasis.opendocument.spreadsheet"


class Storage(Protocol):
    """A workbook's file."""

    def sheet(self, index: int, name: str, /) -> StoredSheet:
        """Give a sheet by its place among all, and its name.

        Raises:
            SourceError: The file has none there.
        """


class Stored(NamedTuple):
    """A workbook's file and its format."""

    suffix: str  #: by which calamine knows the format
    storage: Storage


def open_storage(file: BinaryIO, bounds: Bounds) -> Stored:
    """Find out a workbook's format, and check its file.

    Raises:
        SourceError: It is no workbook, damaged, encrypted or too large.
    """
    file.seek(0)
    if file.read(len(OLE)) == OLE:
        return Stored(".xls", _old(file))
    parts = Parts(file, bounds)
    if what := next((what for part, what in _OTHERS.items() if part in parts), ""):
        raise SourceError(f"this is {what}, not a workbook", hint=_SAVE_AS)
    if "xl/workbook.bin" in parts:
        return Stored(".xlsb", BinaryPackage(parts))
    if "content.xml" in parts and "mimetype" in parts:
        return Stored(".ods", _open_document(parts))
    if "_rels/.rels" not in parts:
        raise SourceError("this is a ZIP archive, not a workbook", hint="Unpack it and give the files in it.")
    return Stored(".xlsx", Package(parts))


def _old(file: BinaryIO) -> OldWorkbook:
    compound = Compound(file)
    if "encryptedpackage" in compound.names:  # [MS-OFFCRYPTO] 2.3.4
        raise SourceError(
            "the workbook is encrypted with a password",
            hint="Open it in a spreadsheet program, take the password off, save it as .xlsx and try again.",
        )
    if not {"workbook", "book"} & compound.names:
        raise SourceError("this is an old Office file, but no workbook", hint=_SAVE_AS)
    return OldWorkbook(compound)


def _open_document(parts: Parts) -> OpenDocument:
    with parts.part("mimetype") as stream:
        kind = stream.read(200)
    if not kind.startswith(_SPREADSHEET):
        said = kind.decode("ascii", "replace").rpartition(".")[2]
        raise SourceError(f"this is an OpenDocument file of the kind {said[:40]!r}, not a workbook", hint=_SAVE_AS)
    return OpenDocument(parts)
