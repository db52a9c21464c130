"""report.xlsx. The only module that knows XlsxWriter."""

from __future__ import annotations

import io
import re
import tempfile
from typing import TYPE_CHECKING, Any, BinaryIO

from importer.reporter.columns import PRODUCT_COLUMNS, header_cells, line_cells
from importer.reporter.replacing import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from importer.records import ReportLine, Sheet

# Character widths of the columns, so that most of them can be read without pulling.
_WIDTHS = dict(zip(PRODUCT_COLUMNS, (12, 18, 13, 13, 15, 38, 20, 50, 13, 50, 17, 27, 24), strict=True))
_NARROWEST, _WIDEST = 14, 40  # of the source's columns, which are as wide as their header
_BUTTON = 4  # room for the filter's button beside a header

# Texts that XlsxWriter does not write so that a reader gives them back: two `_x005F_` escapes that share an underscore,
# what XML cannot hold, and what it takes for the XML of a rich text, and would write as such.
_is_unholdable = re.compile(
    r"_x[0-9a-fA-F]{4}_x[0-9a-fA-F]{4}_ | [\ud800-\udfff\ufffe\uffff] | \A<r>.*</r>\Z",
    re.VERBOSE | re.DOTALL,
).search


class _Archive(io.BytesIO):
    """The packed workbook, in memory and open to the end.

    A ZipFile that broke off, the disk being full, closes itself when it is collected. On a file that cannot be written,
    or was closed before, it would do so with a traceback on standard error.
    """

    def close(self) -> None:
        """Stay open."""


class _UnholdableError(Exception):
    """A workbook cannot hold this so that it comes back unchanged."""


def write_xlsx(path: Path, sheets: Sequence[Sheet], lines: Iterable[ReportLine]) -> Path | None:
    """Write the lines in their order to one sheet; give the path the file has in the end.

    None, and no new file, where a workbook could not give everything back: a text longer than 32,767 characters, more
    than 1,048,575 lines or 16,384 columns, a text that XlsxWriter garbles. `lines` is taken one by one. Texts are
    written as texts; the row, HTTP status and attempts as numbers, so that they sort.

    Raises:
        ReportError: the file could not be written; an older one is still there.
    """
    try:
        return replace_file(path, lambda file: _write(file, path.parent, sheets, lines))
    except _UnholdableError:
        return None


def _write(file: BinaryIO, folder: Path, sheets: Sequence[Sheet], lines: Iterable[ReportLine]) -> None:
    import xlsxwriter

    archive = _Archive()
    # The unpacked parts go through a folder beside the report, for its owner only: they hold names.
    with tempfile.TemporaryDirectory(prefix=".report-", dir=folder) as scratch:
        try:
            with xlsxwriter.Workbook(archive, {"constant_memory": True, "tmpdir": scratch}) as book:
                book.use_zip64()
                _fill(book, header_cells(sheets), line_cells(sheets, lines))
        except xlsxwriter.exceptions.FileCreateError as error:
            raise error.args[0] from None  # the OSError that it wraps
    file.write(archive.getbuffer())


def _fill(book: Any, header: list[str], rows: Iterable[list[str | int]]) -> None:
    sheet = book.add_worksheet("report")
    bold = book.add_format({"bold": True})
    for column, text in enumerate(header):
        _put(sheet, 0, column, text, bold)
        width = _WIDTHS.get(text) or min(max(len(text) + _BUTTON, _NARROWEST), _WIDEST)
        sheet.set_column(column, column, width)
    number = 0
    for number, cells in enumerate(rows, start=1):
        for column, cell in enumerate(cells):
            _put(sheet, number, column, cell)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, number, len(header) - 1)
    sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})  # ids are texts: no green corner says otherwise


def _put(sheet: Any, row: int, column: int, cell: str | int, style: Any = None) -> None:
    """Write one cell; an empty one is not written."""
    if cell == "":
        return
    if isinstance(cell, int):
        refused = sheet.write_number(row, column, cell, style)
    else:
        refused = _is_unholdable(cell) or sheet.write_string(row, column, cell, style)
    if refused:  # -1: outside of the sheet, -2: too long
        raise _UnholdableError
