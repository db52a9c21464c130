"""The child process that parses a workbook: descriptor in, JSON lines out.

Parsers can fail in ways that end a process, so they run in one of their own, bounded in memory.
`python -m importer.reader.workbook.worker DESCRIPTOR REQUEST` writes these arrays, a line each:

    ["notice", text, level, sheet?]  ["top", name, [[number, cells], ...]]   ["sheet", name, header, positions, flaws]
    ["rows", numbers, cells, remarks, share]   ["error", message, hint]   ["end"]

After "top", a sheet's first rows, it waits on standard input for the number of the header's row, 0 for none. A flaw of
a sheet's header is [cell, message, hint, topic]. The cells of "rows" are those of all its rows one after another. A
remark is [row, "flaw", column, message, hint, topic], [row, "hidden"], [row, "shown", column, text] or
[row, "struck", column, ...], the row an index into the numbers. Columns and positions count from 0. The share is that
of all rows which have come so far. Without a last line "end" or "error" the process has died.
"""

from __future__ import annotations

import os
import resource
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypedDict

import orjson
from python_calamine import CalamineWorkbook

from importer.cells import cell_name
from importer.errors import SourceError
from importer.notice import Notice, NoticeLevel
from importer.quoting import escape
from importer.reader.limits import Bounds, too_many_columns
from importer.reader.source_file import OLE
from importer.reader.workbook.sheet_table import Message, SheetTable, text_rows
from importer.reader.workbook.stored_cells import damaged
from importer.reader.workbook.zip_parts import Parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from python_calamine import CalamineSheet

    from importer.reader.workbook.ods import OpenDocument
    from importer.reader.workbook.stored_cells import ListedSheet, Storage, StoredSheet


# ---- Which format a workbook has


_SAVE_AS = "Open it in a spreadsheet program and save it as .xlsx."
_OTHERS = {
    "word/document.xml": "a Word document",
    "ppt/presentation.xml": "a presentation",
    "index/document.iwa": "an Apple Numbers or Pages document",
    "meta-inf/manifest.mf": "a Java archive",
}
_SPREADSHEET = b"application/vnd.oasis.opendocument.spreadsheet"


def open_storage(file: BinaryIO, bounds: Bounds) -> tuple[str, Storage]:
    """Find out a workbook's format, and check its file; return the suffix by which programs know it, and the storage.

    Raises:
        SourceError: It is no workbook, damaged, encrypted or too large.
    """
    file.seek(0)
    if file.read(len(OLE)) == OLE:
        from importer.reader.workbook.xls import OldWorkbook

        return ".xls", OldWorkbook(file)
    parts = Parts(file, bounds)
    if what := next((what for part, what in _OTHERS.items() if part in parts), ""):
        raise SourceError(f"this is {what}, not a workbook", hint=_SAVE_AS)
    if "xl/workbook.bin" in parts:
        from importer.reader.workbook.xlsb import BinaryPackage

        return ".xlsb", BinaryPackage(parts)
    if "content.xml" in parts and "mimetype" in parts:
        return ".ods", _open_document(parts)
    if "_rels/.rels" not in parts:
        raise SourceError("this is a ZIP archive, not a workbook", hint="Unpack it and give the files in it.")
    from importer.reader.workbook.xlsx_package import Package

    return ".xlsx", Package(parts)


def _open_document(parts: Parts) -> OpenDocument:
    from importer.reader.workbook.ods import OpenDocument

    with parts.part("mimetype") as stream:
        kind = stream.read(200)
    if not kind.startswith(_SPREADSHEET):
        said = kind.decode("ascii", "replace").rpartition(".")[2]
        raise SourceError(f"this is an OpenDocument file of the kind {said[:40]!r}, not a workbook", hint=_SAVE_AS)
    return OpenDocument(parts)


# ---- Which sheets of a workbook are read


def choose_sheets(sheets: Sequence[ListedSheet], wanted: Sequence[str]) -> tuple[list[str], list[Notice]]:
    """Return the names of the sheets to read, in the workbook's order, and a notice for each that is not.

    Raises:
        SourceError: A sheet that is wanted is not there, or two have the same name.
    """
    if len({sheet.name for sheet in sheets}) < len(sheets):
        raise damaged("two of its sheets have the same name")
    if wanted:
        names = {_match(name, sheets) for name in wanted}
        return [sheet.name for sheet in sheets if sheet.name in names], []
    reasons = [(sheet.name, _reason_to_skip(sheet)) for sheet in sheets]
    chosen = [name for name, reason in reasons if not reason]
    texts = [f"sheet '{escape(name)}' {reason} and was skipped" for name, reason in reasons if reason]
    return chosen, [Notice(text, NoticeLevel.LEFT_OUT) for text in texts]


def listed(sheets: Sequence[ListedSheet]) -> str:
    """Name all sheets, for a hint."""
    if not sheets:
        return "It has no sheets at all."
    return "Its sheets are: " + ", ".join(f"'{escape(sheet.name)}'" for sheet in sheets) + "."


def _match(wanted: str, sheets: Sequence[ListedSheet]) -> str:
    found = [sheet for sheet in sheets if sheet.name == wanted]
    found = found or [sheet for sheet in sheets if sheet.name.casefold() == wanted.casefold()]
    if len(found) != 1:
        raise SourceError(f"the workbook has no sheet '{escape(wanted)}'", hint=listed(sheets))
    if found[0].kind:
        raise SourceError(f"sheet '{escape(wanted)}' is {found[0].kind} and has no rows", hint=listed(sheets))
    return found[0].name


def _reason_to_skip(sheet: ListedSheet) -> str:
    return f"is {sheet.kind}" if sheet.kind else "is hidden" if sheet.is_hidden else ""


# ---- a workbook as messages


class Workbook:
    """Streams a workbook's sheets.

    What the file stores is read by ourselves; calamine reads it once more, so that no cell is lost that one of the two
    sees. A file that calamine cannot read, or would make a grid of that is far larger than its cells, is read once.
    `folder` is a place for a link to the file, by which calamine learns its format.
    """

    def __init__(self, file: BinaryIO, folder: Path, bounds: Bounds) -> None:
        suffix, self._storage = open_storage(file, bounds)
        self._file = file
        self._link = folder / f"source{suffix}"
        self._bounds = bounds
        self._second: CalamineWorkbook | None = None

    def messages(self, wanted: Sequence[str], ask: Callable[[Message], int]) -> Iterator[Message]:
        """Yield all that the parent is to know, sheet by sheet in the workbook's order; `ask` where a header stands.

        Raises:
            SourceError: It is no workbook, damaged, or has not the sheets wanted or none with rows.
        """
        sheets = self._storage.sheets
        chosen, notices = choose_sheets(sheets, wanted)
        yield from (("notice", notice.text, notice.level) for notice in notices)
        if chosen and self._storage.is_dense:
            self._second = _opened(self._file, self._link)
        stored = {sheet.name: self._stored(place) for place, sheet in enumerate(sheets) if sheet.name in chosen}
        total = max(1, sum(sheet.last_row for sheet in stored.values()))  # 0 where no row has a number
        is_found, before = False, 0
        for name, sheet in stored.items():
            for message in self._sheet_messages(sheet, name, ask):
                is_found = is_found or message[0] == "sheet"
                match message:
                    case ("rows", [*_, int(last)], _, _):
                        yield (*message, min(1.0, (before + last) / total))
                    case _:
                        yield message
            before += sheet.last_row
        if not is_found:
            raise SourceError("the workbook has no rows in any sheet that is read", hint=listed(sheets))

    def _stored(self, place: int) -> StoredSheet:
        with _in_sheet(self._storage.sheets[place].name):
            return self._storage.sheet(place)

    def _sheet_messages(self, stored: StoredSheet, name: str, ask: Callable[[Message], int]) -> Iterator[Message]:
        with _in_sheet(name):
            second = self._read_again(name) if stored.is_dense else None
            found = _columns_of(second) if second else range(0)
            columns = found if second and stored.takes_values else stored.extent.columns
            if columns.stop > self._bounds.columns:
                extent = stored.extent
                raise too_many_columns("the sheet is too wide", cell_name(extent.right, extent.widest), self._bounds)
            yield from SheetTable(
                name,
                columns,
                rows=lambda: text_rows(
                    second.iter_rows() if second and second.start else None,
                    stored.rows(columns, []),
                    columns,
                    found,
                    stored.merged,
                    self._bounds,
                ),
                merged=stored.merged,
                ask=ask,
            ).messages()

    def _read_again(self, name: str) -> CalamineSheet | None:
        """Let calamine read a sheet; None where it cannot, which is no fault of the file."""
        if self._second is None:
            return None
        try:
            return self._second.get_sheet_by_name(name)
        except BaseException as error:
            _let_pass(error)
            return None


@contextmanager
def _in_sheet(name: str) -> Iterator[None]:
    """Name the sheet in what is wrong with it."""
    try:
        yield
    except SourceError as error:
        raise SourceError(f"sheet '{escape(name)}': {error.message}", hint=error.hint) from error


def _opened(file: BinaryIO, link: Path) -> CalamineWorkbook | None:
    file.seek(0)
    link.symlink_to(f"/dev/fd/{file.fileno()}")
    try:
        return CalamineWorkbook.from_path(str(link))
    except BaseException as error:
        _let_pass(error)
        return None


def _let_pass(error: BaseException) -> None:
    """Let pass what calamine raises for files that it cannot read; where Rust panics, that is no Exception.

    Raises:
        MemoryError: calamine asked for too much.
    """
    if "MemError" in str(error) or "capacity overflow" in str(error):
        raise MemoryError from error
    if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
        raise error


def _columns_of(sheet: CalamineSheet) -> range:
    return range(sheet.start[1], sheet.end[1] + 1) if sheet.start and sheet.end else range(0)


# ---- The process


_STDERR = 1 << 20  # bytes of a file: what the child may say in its last moment


class WorkerRequest(TypedDict):
    """What the parent wants."""

    sheets: list[str]  #: names; empty: all that are visible
    folder: str  #: an empty one, for what the child needs on disk
    bounds: dict[str, Any]  #: fields of `Bounds`


def main() -> None:
    """Answer one request on standard output."""
    request: WorkerRequest = orjson.loads(sys.argv[2])
    bounds = Bounds(**request["bounds"])
    _bound(bounds.memory)
    try:
        with os.fdopen(int(sys.argv[1]), "rb") as file:
            _answer(Workbook(file, Path(request["folder"]), bounds), request["sheets"])
        _write("end")
    except SourceError as error:
        _write("error", error.message, error.hint)


def _answer(workbook: Workbook, sheets: list[str]) -> None:
    for message in workbook.messages(sheets, _ask):
        _write(*message)


def _ask(message: tuple[object, ...]) -> int:
    _write(*message)
    return int(sys.stdin.buffer.readline())


def _bound(memory: int) -> None:
    """Bound memory and stderr, and leave no core dump: it would hold the workbook's text."""
    for what, limit in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, _STDERR), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(what)[1]
        soft = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        with suppress(ValueError, OSError):  # macOS has RLIMIT_AS but does not take it; the time bound is left
            resource.setrlimit(what, (soft, hard))


def _write(*message: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(message, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
