"""The child process that parses a workbook: descriptor in, JSON lines out.

Parsers can fail in ways that end a process, so they run in one of their own, bounded in memory.
`python -m importer.reader.worker DESCRIPTOR REQUEST` writes these arrays, a line each:

    ["notice", text, level, sheet?]  ["top", name, [[number, cells], ...]]   ["end"]   ["error", message, hint]
    ["sheet", name, header, positions, flaws, hidden]   ["rows", numbers, cells, remarks, share]

After "top", a sheet's first rows, it waits on standard input for the number of the header's row, 0 for none. A flaw of
a sheet's header is [cell, message, hint, topic]; hidden are those of its positions that nobody sees. The cells of
"rows" are those of all its rows one after another. A remark is [row, "flaw", column, message, hint, topic],
[row, "hidden"], [row, "shown", column, text] or [row, "struck", column, ...], the row an index into the numbers.
Columns and positions count from 0. The share is that of all rows which have come so far. Without a last line "end" or
"error" the process has died.
"""

from __future__ import annotations

import os
import resource
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import orjson
from python_calamine import CalamineWorkbook

from importer.cells import cell_name, letters_of
from importer.errors import SourceError
from importer.notice import NoticeLevel
from importer.reader.encoding import BIFF, OLE
from importer.reader.header_row import NO_HEADER, TOP_ROWS, walk_to
from importer.reader.limits import Bounds, too_many_columns
from importer.reader.stored_cells import SAVE_AS, UNPROTECTED, TextRow, text_rows
from importer.reader.tables import CHUNK_ROWS, above_notice
from importer.reader.zip_parts import Parts
from importer.wording import list_first, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from python_calamine import CalamineSheet

    from importer.reader.stored_cells import Merged, Storage, StoredSheet


# ---- Which format a workbook has


_OTHERS = {
    "word/document.xml": "a Word document",
    "ppt/presentation.xml": "a presentation",
    "index/document.iwa": "an Apple Numbers or Pages document",
    "meta-inf/manifest.mf": "a Java archive",
}


def open_storage(file: BinaryIO, bounds: Bounds) -> tuple[str, Storage]:
    """Find out a workbook's format, and check its file; return the suffix by which programs know it, and the storage.

    Raises:
        SourceError: It is no workbook, damaged, encrypted or too large.
    """
    file.seek(0)
    start = file.read(len(OLE))
    if start == OLE or BIFF.match(start):
        from importer.reader.biff import OldWorkbook

        return ".xls", OldWorkbook(file)
    parts = Parts(file, bounds)
    if what := next((what for part, what in _OTHERS.items() if part in parts), ""):
        raise SourceError(f"this is {what}, not a workbook", hint=SAVE_AS)
    if "xl/workbook.bin" in parts:
        from importer.reader.biff import BinaryPackage

        return ".xlsb", BinaryPackage(parts)
    if "content.xml" in parts and "mimetype" in parts:
        from importer.reader.ods import OpenDocument

        return ".ods", OpenDocument(parts)
    if "encrypted-package" in parts:  # as LibreOffice writes since 24.2: all of it in one part
        raise SourceError("the workbook is encrypted with a password", hint=UNPROTECTED)
    if "_rels/.rels" not in parts:
        raise SourceError("this is a ZIP archive, not a workbook", hint="Unpack it and give the files in it.")
    from importer.reader.xlsx_package import Package

    return ".xlsx", Package(parts)


# ---- A sheet as messages: its header, the columns that belong to it, its rows, and notices


Message: TypeAlias = tuple[object, ...]
_BATCH = 1 << 22  # characters of a message, about: very wide rows go over fewer at a time
_SHOWN = 5  # merged ranges that a sentence names


@dataclass(frozen=True, slots=True)
class SheetTable:
    """Streams one worksheet to the parent process."""

    name: str
    columns: range  #: in which something stands
    rows: Callable[[], Iterator[TextRow]]  #: can be begun more than once
    merged: Sequence[Merged]
    hidden_columns: Sequence[tuple[int, int]]
    ask: Callable[[Message], int]  #: sends a message that asks for the number of the header's row

    def messages(self) -> Iterator[Message]:
        """Yield the sheet's header, its rows and notices."""
        below = (row for row in self.rows() if not row.is_blank)
        top = list(islice(below, TOP_ROWS))
        if not top:
            yield ("notice", f"{self._shown} is empty and was skipped", NoticeLevel.LEFT_OUT)
            return
        number = self.ask(("top", self.name, [[row.number, row.cells] for row in top]))
        if number == NO_HEADER:
            yield from self._table_messages(None, chain(top, below))
            return
        above: list[int] = []
        header = walk_to(number, left := chain(top, below), above)
        if header is None:
            text = f"{self._shown} has nothing in row {number}, where its header should be, and was skipped"
            yield ("notice", text, NoticeLevel.LEFT_OUT)
            return
        if above:
            yield ("notice", *above_notice(self._shown, above, number)[:2], self.name)
        yield from self._table_messages(header, left)

    @property
    def _shown(self) -> str:
        return f"sheet {quote(self.name)}"

    def _table_messages(self, header: TextRow | None, below: Iterable[TextRow]) -> Iterator[Message]:
        positions = self._positions(header)
        texts = [header.cells[at - self.columns.start] if header else letters_of(at) for at in positions]
        remarks = header.remarks.items() if header else ()
        flaws = [[cell_name(column, header.number), *cell.flaw] for column, cell in remarks if header and cell.flaw]
        hidden = [at for at in positions if any(first <= at <= last for first, last in self.hidden_columns)]
        yield ("sheet", self.name, texts, positions, flaws, hidden)
        inexact: list[str] = []
        yield from self._batches(below, positions, inexact)
        if inexact:
            text = (
                f"{self._shown}, cell {inexact[0]}: a number of more than 15 digits, of which a spreadsheet keeps 15;"
                " ids as long as that must be stored as text"
            )
            yield ("notice", text, NoticeLevel.WARNING)
        if ranges := _covering(self.merged, positions, header.number if header else 1):
            yield ("notice", _merged_notice(self._shown, ranges), NoticeLevel.INFO)

    def _positions(self, header: TextRow | None) -> list[int]:
        """Return the columns that have a header, and those without one that have data below it."""
        texts = zip(self.columns, header.cells, strict=False) if header else ()
        found = {column for column, text in texts if text.strip()}
        missing = set(self.columns) - found
        for row in self.rows():
            if not missing:
                break
            if not header or row.number > header.number:
                found.update(column for column, cell in row.remarks.items() if cell.flaw)
                found.update(column for column in missing if row.cells[column - self.columns.start].strip())
                missing -= found
        return sorted(found)

    def _batches(self, rows: Iterable[TextRow], positions: list[int], inexact: list[str]) -> Iterator[Message]:
        """Yield the rows, some at a time, and note a cell that holds a number with lost digits."""
        places = [position - self.columns.start for position in positions]
        is_whole = positions == list(self.columns)
        # One list of all cells, which costs less to pack than a list for each row.
        numbers, texts, remarks, size = list[int](), list[str](), list[list[object]](), 0
        for row in rows:
            if row.remarks and not inexact:
                inexact += [cell_name(column, row.number) for column, cell in row.remarks.items() if cell.is_inexact]
            cells = row.cells if is_whole else [row.cells[place] for place in places]
            if row.remarks or row.is_hidden:
                remarks += _remarks(row, len(numbers))
            numbers.append(row.number)
            texts.extend(cells)
            size += sum(map(len, cells))
            if len(numbers) == CHUNK_ROWS or size >= _BATCH:
                yield ("rows", numbers, texts, remarks)
                numbers, texts, remarks, size = [], [], [], 0
        if numbers:
            yield ("rows", numbers, texts, remarks)


def _remarks(row: TextRow, place: int) -> Iterator[list[object]]:
    if row.is_hidden:
        yield [place, "hidden"]
    for column, cell in row.remarks.items():
        if cell.flaw:
            yield [place, "flaw", column, *cell.flaw]
        if cell.decorated:
            yield [place, "shown", column, cell.decorated]
    if struck := sorted(column for column, cell in row.remarks.items() if cell.is_struck):
        yield [place, "struck", *struck]


def _covering(merged: Iterable[Merged], positions: list[int], header: int) -> list[Merged]:
    """Return what is merged in the table itself."""
    kept = set(positions)
    return [each for each in merged if each[2] >= header and kept.intersection(range(each[1], each[3] + 1))]


def _merged_notice(where: str, ranges: list[Merged]) -> str:
    named = [f"{cell_name(left, first)}:{cell_name(right, last)}" for first, left, last, right in ranges[:_SHOWN]]
    return (
        f"{where} has merged cells ({list_first(named, _SHOWN, len(ranges))}): each range has its value in the first"
        " cell, the others are read as empty"
    )


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
        """Yield all that the parent is to know, sheet by sheet in the workbook's order; `ask` where the header is.

        Raises:
            SourceError: It is no workbook, damaged, or has not the sheets wanted or none with rows.
        """
        sheets = self._storage.sheets
        chosen = self._storage.choose(wanted)
        for sheet in sheets if not wanted else ():
            if sheet.name not in chosen:
                text = f"sheet {quote(sheet.name)} is {sheet.kind or 'hidden'} and was skipped"
                yield ("notice", text, NoticeLevel.LEFT_OUT)
        if chosen and self._storage.is_dense:
            self._file.seek(0)
            self._link.symlink_to(f"/dev/fd/{self._file.fileno()}")
            with _ignored_calamine_errors():
                self._second = CalamineWorkbook.from_path(str(self._link))
        stored = []
        for place, sheet in enumerate(sheets):
            if sheet.name in chosen:
                with _in_sheet(sheet.name):
                    part = self._storage.sheet(place)
                    stored.append((sheet.name, part, part.estimate.last_row))
        total = max(1, sum(rows for _, _, rows in stored))  # 0 if no row has a number
        is_found, before = False, 0
        for name, part, rows in stored:
            for message in self._sheet_messages(part, name, ask):
                is_found = is_found or message[0] == "sheet"
                match message:
                    case ("rows", [*_, int(last)], _, _):
                        yield (*message, min(1.0, (before + last) / total))
                    case _:
                        yield message
            before += rows
        if not is_found:
            raise SourceError("the workbook has no rows in any sheet that is read", hint=self._storage.listed())

    def _sheet_messages(self, stored: StoredSheet, name: str, ask: Callable[[Message], int]) -> Iterator[Message]:
        with _in_sheet(name):
            second = None
            if self._second and stored.estimate.is_dense:
                with _ignored_calamine_errors():
                    second = self._second.get_sheet_by_name(name)
            found = _columns_of(second) if second else range(0)
            columns = found if second and stored.takes_values else stored.extent.columns
            if columns.stop > self._bounds.columns:
                extent = stored.extent
                raise too_many_columns("the sheet is too wide", cell_name(extent.right, extent.widest), self._bounds)
            yield from SheetTable(
                name,
                columns,
                rows=lambda: text_rows(
                    _rows_of(second) if second and second.start else None,
                    stored.rows(columns, []),
                    columns,
                    found,
                    stored.merged,
                    self._bounds,
                ),
                merged=stored.merged,
                hidden_columns=stored.hidden_columns,
                ask=ask,
            ).messages()


@contextmanager
def _in_sheet(name: str) -> Iterator[None]:
    """Name the sheet in what is wrong with it."""
    try:
        yield
    except SourceError as error:
        raise SourceError(f"sheet {quote(name)}: {error.message}", hint=error.hint) from error


@contextmanager
def _ignored_calamine_errors() -> Iterator[None]:
    """Let pass what calamine raises for files that it cannot read; where Rust panics, that is no Exception.

    Raises:
        MemoryError: calamine asked for too much.
    """
    try:
        yield
    except BaseException as error:
        if "MemError" in str(error) or "capacity overflow" in str(error):
            raise MemoryError from error
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise


def _rows_of(sheet: CalamineSheet) -> Iterator[list[Any]]:
    """Yield calamine's rows up to one with a value that Python does not have, such as a span of ten million years."""
    with _ignored_calamine_errors():
        yield from sheet.iter_rows()


def _columns_of(sheet: CalamineSheet) -> range:
    return range(sheet.start[1], sheet.end[1] + 1) if sheet.start and sheet.end else range(0)


# ---- The process


_STDERR = 1 << 20  # bytes of a file: what the child may say in its last moment


def main() -> None:
    """Answer one request on standard output: `sheets`, `bounds`, and an empty `folder` for what is needed on disk."""
    request = orjson.loads(sys.argv[2])
    bounds = Bounds(**request["bounds"])
    _bound(bounds.memory)
    try:
        with os.fdopen(int(sys.argv[1]), "rb") as file:
            for message in Workbook(file, Path(request["folder"]), bounds).messages(request["sheets"], _ask):
                _write(*message)
        _write("end")
    except SourceError as error:
        _write("error", error.message, error.hint)


def _ask(message: Message) -> int:
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
