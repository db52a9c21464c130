"""The sources as a workbook with what `check` found in it: bad cells coloured, with a comment on each.

It is a source again. So texts stand unchanged, every cell where its message says it is; what a workbook cannot hold
that way is refused, never cut.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from importer.cells import cell_name
from importer.errors import ReportError, UsageError
from importer.reporter.atomic_file import ROOM_HINT, is_source
from importer.reporter.xlsx_writer import (
    COLUMNS,
    COMMENTS,
    ROWS,
    CellStyle,
    UnholdableError,
    header_width,
    mark_row,
    put,
    put_marked,
    write_book,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from importer.records import Problem, Row, Sheet
    from importer.reporter.xlsx_writer import Book, Mark


_NAME_IT = "Name a new file, such as marked.xlsx."
_MEASURED = 1000  # rows by which a column's width is found


class MarkedRow(NamedTuple):
    """One row of a source and what was found in it."""

    sheet: int  #: index into the sheets
    row: Row
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


class Marked(NamedTuple):
    """What came of writing the sources back."""

    path: Path  #: the name that the file has in the end
    notice: str  #: a sentence about what it does not show; empty where it shows all


def check_marked_path(path: Path, sources: Iterable[str]) -> None:
    """See that the workbook can have this name: that it ends in .xlsx and is none of the sources.

    Raises:
        UsageError: it cannot.
    """
    if path.suffix.casefold() != ".xlsx":
        raise UsageError(f"{path} cannot be the marked workbook: its name does not end in .xlsx.", hint=_NAME_IT)
    for source in sources:
        if is_source(path, source):
            raise UsageError(f"{path} is the source itself, and was left alone.", hint=_NAME_IT)


def write_marked(path: Path, sheets: Sequence[Sheet], rows: Iterable[MarkedRow]) -> Marked:
    """Write the sources back, each cell in its own row and column; rows of a sheet come in ascending order.

    `rows` are taken one by one. Problems are red, warnings yellow. A file of that name is replaced.

    Raises:
        UsageError: the name is no workbook's, or a source's.
        ReportError: the file could not be written, or a workbook cannot hold all of the sources.
    """
    check_marked_path(path, (sheet.source for sheet in sheets))
    notices: list[str] = []

    def fill(book: Book) -> None:
        pages = [_Page(book, sheet) for sheet in sheets]
        for row in rows:
            pages[row.sheet].add(row)
        for page in pages:
            page.finish()
        if book.comments_left_out:
            notices.append(_left_out(book.comments_left_out))

    return Marked(write_book(path, fill, hint=ROOM_HINT), " ".join(notices))


def _left_out(number: int) -> str:
    return (
        f"coloured but without a comment: the last {number:,} of the bad cells"
        f" (a workbook with more than {COMMENTS:,} comments is slow to open)"
    )


class _Page:
    """One sheet being written back."""

    def __init__(self, book: Book, sheet: Sheet) -> None:
        self._book = book
        self._sheet = sheet
        self._page = book.add_sheet(sheet.name)
        self._text = book.style(CellStyle())
        self._last = sheet.header_row
        self._widths = [header_width(text) if sheet.header_row else 0 for text in sheet.header]
        self._measured = 0
        if sheet.positions and max(sheet.positions) >= COLUMNS:
            raise self._refused(f"more than {COLUMNS:,} columns")
        for position in sheet.positions:
            self._page.set_column(position, position, None, self._text)
        if sheet.header_row:
            bold = book.style(CellStyle(is_bold=True))
            for position, text in zip(sheet.positions, sheet.header, strict=True):
                self._put(sheet.header_row, position, text, bold)

    def add(self, marked: MarkedRow) -> None:
        """Write one row.

        Raises:
            ReportError: the workbook cannot hold it.
        """
        row, number = marked.row, marked.row.place
        if number <= self._last:
            raise ValueError(f"row {number} comes after row {self._last}")
        if number > ROWS:
            raise self._refused(f"a row {number:,}, and a workbook ends at row {ROWS:,}")
        self._last = number
        marks = self._marks(marked) if marked.problems or marked.warnings else {}
        for position, cell in zip(self._sheet.positions, row.cells, strict=True):
            if position not in marks:
                self._put(number, position, cell, self._text)
        for position, mark in marks.items():
            self._mark(number, position, mark, row)
        if self._measured < _MEASURED:
            self._measured += 1
            self._widths = list(map(max, self._widths, map(_shown_width, row.cells)))

    def _marks(self, marked: MarkedRow) -> dict[int, Mark]:
        place = marked.row.place
        marks = mark_row(place, self._sheet.positions, marked.problems, marked.warnings)
        return {position: mark for position, mark in marks.items() if position < COLUMNS}

    def _mark(self, number: int, position: int, mark: Mark, row: Row) -> None:
        cells = dict(zip(self._sheet.positions, row.cells, strict=True))
        style = self._book.style(CellStyle(mark.fill))
        self._put(number, position, cells.get(position, ""), style, is_marked=True)
        self._book.comment(self._page, number - 1, position, mark.comment)

    def _put(self, number: int, position: int, cell: str, style: Any, *, is_marked: bool = False) -> None:
        try:
            (put_marked if is_marked else put)(self._page, number - 1, position, cell, style)
        except UnholdableError:
            raise self._refused(
                f"in cell {cell_name(position, number)} a text that a workbook cannot hold"
                " (longer than 32,767 characters, or with characters that no workbook can have)"
            ) from None

    def finish(self) -> None:
        """Set what depends on all rows: widths, and how far the filter goes."""
        for position, width in zip(self._sheet.positions, self._widths, strict=True):
            self._page.set_column(position, position, width, self._text)
        header_row = self._sheet.header_row
        if header_row and self._sheet.positions:
            self._page.freeze_panes(header_row, 0)
            first, last = min(self._sheet.positions), max(self._sheet.positions)
            self._page.autofilter(header_row - 1, first, self._last - 1, last)

    def _refused(self, what: str) -> ReportError:
        return ReportError(
            f"{self._sheet.source!r}, sheet {self._sheet.name!r}, has {what}; no marked workbook was written.",
            hint="Mend the source itself: what was found stands in the list of problems.",
        )


def _shown_width(cell: str) -> int:
    return min(len(cell) + 2, 60)
