"""The child process that parses a workbook: descriptor in, JSON lines out. Parses nothing itself.

calamine can abort the whole process on a hostile file, so it runs in one of its own, bounded in memory.
`python -m importer.reader.workbook DESCRIPTOR REQUEST` writes these arrays, a line each:

    ["notice", text]   ["top", name, [[number, cells], ...]]   ["sheet", name, header, positions]
    ["rows", numbers, cells, flaws]   ["error", message, hint]   ["end"]

After "top", a sheet's first rows, it waits on standard input for the number of the header's row, 0 for none. The cells
of "rows" are those of all its rows one after another. A flaw is [row, column, message, hint, topic], the row an index
into the numbers. Columns and positions count from 0. Without a last line "end" or "error" the process has died.
"""

from __future__ import annotations

import os
import resource
import sys
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypedDict

import orjson
import python_calamine
from python_calamine import CalamineError, CalamineWorkbook, SheetMetadata, SheetTypeEnum, SheetVisibleEnum

from importer.errors import SourceError
from importer.quoting import escape
from importer.reader.limits import Bounds
from importer.reader.workbook.sheet_table import Message, SheetTable, columns_of, text_rows
from importer.reader.workbook.storage import open_storage
from importer.reader.workbook.stored_cells import damaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from python_calamine import CalamineSheet

    from importer.reader.workbook.stored_cells import Merged, StoredSheet


# ---- Which sheets of a workbook are read. Knows calamine's words for them, but reads nothing


def choose_sheets(sheets: Sequence[SheetMetadata], wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """Give the names of the sheets to read, in the workbook's order, and a notice for each that is not.

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
    return chosen, [f"sheet '{escape(name)}' {reason} and was skipped" for name, reason in reasons if reason]


def listed(sheets: Sequence[SheetMetadata]) -> str:
    """Name all sheets, for a hint."""
    if not sheets:
        return "It has no sheets at all."
    return "Its sheets are: " + ", ".join(f"'{escape(sheet.name)}'" for sheet in sheets) + "."


def _match(wanted: str, sheets: Sequence[SheetMetadata]) -> str:
    found = [sheet for sheet in sheets if sheet.name == wanted]
    found = found or [sheet for sheet in sheets if sheet.name.casefold() == wanted.casefold()]
    if len(found) != 1:
        raise SourceError(f"the workbook has no sheet '{escape(wanted)}'", hint=listed(sheets))
    if found[0].typ != SheetTypeEnum.WorkSheet:
        raise SourceError(f"sheet '{escape(wanted)}' {_reason_to_skip(found[0])} and has no rows", hint=listed(sheets))
    return found[0].name


def _reason_to_skip(sheet: SheetMetadata) -> str:
    if sheet.typ == SheetTypeEnum.ChartSheet:
        return "is a chart"
    if sheet.typ != SheetTypeEnum.WorkSheet:
        return "is a macro or a dialog"
    return "" if sheet.visible == SheetVisibleEnum.Visible else "is hidden"


# ---- A workbook -> messages about its sheets, made in the child. With `sheet_choice` all that knows pytho


_CLEARER = {"failed to fill whole buffer": "it breaks off"}


class Workbook:
    """A workbook being told. `folder` is a place for a link to the file, by which calamine learns its format."""

    def __init__(self, file: BinaryIO, folder: Path, bounds: Bounds) -> None:
        suffix, self._storage = open_storage(file, bounds)
        self._bounds = bounds
        self._workbook = _opened(file, folder / f"source{suffix}")

    def messages(self, wanted: Sequence[str], ask: Callable[[Message], int]) -> Iterator[Message]:
        """Yield all that the parent is to know, sheet by sheet in the workbook's order; `ask` where a header stands.

        Raises:
            SourceError: It is no workbook, damaged, or has not the sheets wanted or none with rows.
        """
        sheets = self._workbook.sheets_metadata
        chosen, notices = choose_sheets(sheets, wanted)
        yield from (("notice", notice) for notice in notices)
        is_found = False
        for index, name in enumerate(sheet.name for sheet in sheets):
            for message in self._sheet_messages(index, name, ask) if name in chosen else ():
                is_found = is_found or message[0] == "sheet"
                yield message
        if not is_found:
            raise SourceError("the workbook has no rows in any sheet that is read", hint=listed(sheets))

    def _sheet_messages(self, index: int, name: str, ask: Callable[[Message], int]) -> Iterator[Message]:
        try:
            stored = self._storage.sheet(index, name)
            with _calamine():
                sheet = self._workbook.get_sheet_by_name(name)
            columns = columns_of(sheet, self._bounds)
            yield from SheetTable(
                name,
                columns,
                rows=lambda: text_rows(sheet, stored.rows(columns), columns, self._bounds),
                merged=partial(_merged, sheet, stored),
                ask=ask,
            ).messages()
        except SourceError as error:
            raise SourceError(f"sheet '{escape(name)}': {error.message}", hint=error.hint) from error


def _opened(file: BinaryIO, link: Path) -> CalamineWorkbook:
    file.seek(0)
    link.symlink_to(f"/dev/fd/{file.fileno()}")
    with _calamine():
        return CalamineWorkbook.from_path(str(link))


@contextmanager
def _calamine() -> Iterator[None]:
    """Make one error of all that calamine raises; where Rust panics, that is no Exception.

    Raises:
        SourceError: calamine raised.
    """
    try:
        yield
    except python_calamine.PasswordError as error:
        raise SourceError("the workbook is encrypted", hint="Take its password off and try again.") from error
    except python_calamine.XmlError as error:
        raise damaged(f"its XML breaks off or is broken ({_said(error)})") from error
    except (CalamineError, OSError) as error:
        raise damaged(f"it cannot be read as what it says it is ({_said(error)})") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        if "MemError" in str(error) or "capacity overflow" in str(error):
            raise MemoryError from error
        raise damaged(f"it cannot be read as what it says it is ({_said(error)})") from error


def _said(error: BaseException) -> str:
    """Give calamine's words, but not those that are about its own code."""
    return _CLEARER.get(str(error), escape(str(error), 120))


def _merged(sheet: CalamineSheet, stored: StoredSheet) -> list[Merged]:
    """Give what is merged: as calamine says for .xlsx and .xls, as the file says for the others."""
    found = sheet.merged_cell_ranges or []
    return [(first + 1, left, last + 1, right) for (first, left), (last, right) in found] or stored.merged


# ---- The child process that parses a workbook: descriptor in, JSON lines out. Parses nothing itself


_STDERR = 1 << 20  # bytes of a file: what the child may say in its last moment


class Request(TypedDict):
    """What the parent wants."""

    sheets: list[str]  #: names; empty: all that are visible
    folder: str  #: an empty one, for what the child needs on disk
    bounds: dict[str, Any]  #: fields of `Bounds`


def main() -> None:
    """Answer one request on standard output."""
    request: Request = orjson.loads(sys.argv[2])
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
