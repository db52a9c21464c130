"""A workbook or CSV to fill in, which reads back as typed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from importer.errors import ReportError, UsageError
from importer.records import Kind
from importer.reporter.book import ROWS, TEXT, Look, header_width, put, write_book
from importer.reporter.delimited import write_table
from importer.reporter.guarding import guard
from importer.reporter.marks import Fill
from importer.reporter.replacing import ROOM_HINT
from importer.reporter.template_text import (
    DATE_FORMAT,
    MOMENTS,
    OPEN,
    README_SHEET,
    SHEETS,
    ColumnText,
    example_rows,
    explain,
    instructions,
    own_columns,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from importer.reporter.book import Book

_LONGEST_LIST, _LONGEST_TITLE, _LONGEST_MESSAGE = 255, 32, 255  # characters that a drop-down can have
_README = ("column", "sheet", "needed", "what to write")
_README_WIDTHS = (24, 22, 10, 100)


def write_template(
    path: Path, columns: Sequence[ColumnText], *, zone: str = "Europe/Berlin", is_replaced: bool = False
) -> Path:
    """Write a template, `.xlsx` (where the name has no ending) or `.csv`; give the path the file has in the end.

    Example rows are marked by their `kind`: `example schedule`, `example shadow`. `zone` is the time zone of the
    examples. A file of that name is replaced only with `is_replaced`.

    Raises:
        UsageError: the name has another ending.
        ReportError: there is a file of that name, or it could not be written.
    """
    path = path if path.suffix else path.with_name(f"{path.name}.xlsx")
    write = _WRITERS.get(path.suffix.casefold())
    if write is None:
        raise UsageError(
            f"{path} cannot be a template: its name ends in neither .xlsx nor .csv.", hint="Name it template.xlsx."
        )
    if not is_replaced and (path.exists() or path.is_symlink()):
        raise ReportError(
            f"{path} is there already, and was left alone.", hint="Name a new file, or move that one away."
        )
    return write(path, columns, zone)


def _write_csv(path: Path, columns: Sequence[ColumnText], zone: str) -> Path:
    """Write all columns into one table; there, the examples' times are ISO texts."""
    rows: list[list[str | int]] = [[column.name for column in columns]]
    for kind in Kind:
        own = own_columns(columns, kind)
        for example in example_rows(own, kind, zone):
            cells = dict(zip(own, example, strict=True))
            rows.append([_csv_cell(cells.get(column, "")) for column in columns])
    return write_table(path, rows, hint=ROOM_HINT)


def _csv_cell(cell: str | datetime) -> str:
    return cell.isoformat() if isinstance(cell, datetime) else guard(cell)


def _write_xlsx(path: Path, columns: Sequence[ColumnText], zone: str) -> Path:
    def fill(book: Book) -> None:
        for kind, name in SHEETS.items():
            _fill_sheet(book, name, own_columns(columns, kind), kind, zone)
        _fill_readme(book, columns)

    return write_book(path, fill, hint=ROOM_HINT)


_WRITERS = {".xlsx": _write_xlsx, ".csv": _write_csv}


def _fill_sheet(book: Book, name: str, columns: Sequence[ColumnText], kind: Kind, zone: str) -> None:
    sheet = book.add_sheet(name)
    examples = example_rows(columns, kind, zone)
    book.head(sheet, 0, [column.name for column in columns], range(len(columns)))
    for position, column in enumerate(columns):
        width = header_width(column.name, narrowest=20)
        sheet.set_column(position, position, width, book.style(Look(number_format=_format(column))))
        book.comment(sheet, 0, position, explain(column))
        _offer_choices(sheet, position, column, first_row=1 + len(examples))
    for row, example in enumerate(examples, start=1):
        for position, cell in enumerate(example):
            _put_example(sheet, row, position, cell, book.style(Look(Fill.EXAMPLE, _format(columns[position]))))
    sheet.freeze_panes(1, 0)


def _format(column: ColumnText) -> str:
    return DATE_FORMAT if column.name in MOMENTS else TEXT


def _put_example(sheet: Any, row: int, position: int, cell: str | datetime, style: Any) -> None:
    if isinstance(cell, datetime):
        sheet.write_datetime(row, position, cell, style)
    else:
        put(sheet, row, position, cell, style)


def _offer_choices(sheet: Any, position: int, column: ColumnText, first_row: int) -> None:
    """Give a column its drop-down; a word that it does not list is asked about, and not refused, for we know more."""
    if not column.choices or len(",".join(column.choices)) > _LONGEST_LIST:
        return
    facts = {
        "validate": "list",
        "source": list(column.choices),
        "show_error": column.name not in OPEN,
        "error_type": "warning",
        "error_title": column.name[:_LONGEST_TITLE],
        "error_message": explain(column)[:_LONGEST_MESSAGE],
    }
    sheet.data_validation(first_row, position, ROWS - 1, position, facts)


def _fill_readme(book: Book, columns: Sequence[ColumnText]) -> None:
    sheet = book.add_sheet(README_SHEET)
    text, wrapped = book.style(Look()), book.style(Look(is_wrapped=True))
    for position, width in enumerate(_README_WIDTHS):
        sheet.set_column(position, position, width)
    sentences = instructions()
    for row, sentence in enumerate(sentences):
        put(sheet, row, 0, sentence, text)
    first = len(sentences) + 1
    book.head(sheet, first, _README, range(len(_README)))
    for row, column in enumerate(columns, start=first + 1):
        where = SHEETS[column.kind] if column.kind else " and ".join(SHEETS.values())
        for position, cell in enumerate((column.name, where, "yes" if column.is_required else "no")):
            put(sheet, row, position, cell, text)
        put(sheet, row, len(_README) - 1, explain(column), wrapped)
