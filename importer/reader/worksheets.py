"""A workbook -> messages about its sheets, made in the child. With `sheet_choice` all that knows python_calamine."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import python_calamine
from python_calamine import CalamineError, CalamineWorkbook

from importer.errors import SourceError
from importer.reader.excerpts import excerpt
from importer.reader.sheet_choice import choose_sheets, listed
from importer.reader.sheet_rows import columns_of, text_rows
from importer.reader.sheet_table import Message, SheetTable
from importer.reader.storage import open_storage
from importer.reader.stored_cells import damaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from python_calamine import CalamineSheet

    from importer.reader.bounds import Bounds
    from importer.reader.stored_cells import Merged, StoredSheet


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
            raise SourceError(f"sheet '{excerpt(name)}': {error.message}", hint=error.hint) from error


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
    return _CLEARER.get(str(error), excerpt(str(error), 120))


def _merged(sheet: CalamineSheet, stored: StoredSheet) -> list[Merged]:
    """Give what is merged: as calamine says for .xlsx and .xls, as the file says for the others."""
    found = sheet.merged_cell_ranges or []
    return [(first + 1, left, last + 1, right) for (first, left), (last, right) in found] or stored.merged
