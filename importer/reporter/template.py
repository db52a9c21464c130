"""Writes a template: a workbook or CSV file to fill in, which is read back as typed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from importer.cells import ROWS
from importer.errors import ReportError, UsageError
from importer.kinds import COLUMNS, KIND_COLUMN, KINDS, KINDS_WITH, Column, RecordKind, any_of
from importer.reporter.atomic_file import ROOM_HINT
from importer.reporter.report_csv import write_texts
from importer.reporter.xlsx_writer import (
    BOLD,
    TEXT,
    Book,
    CellStyle,
    Fill,
    header_width,
    offer,
    put,
    put_cells,
    write_book,
)

# ---- what a template says


EXAMPLE = "example"  #: a row whose `kind` begins with this word is an example
README_SHEET = "Read me"
SHEETS = {kind.name: kind.plural.capitalize() for kind in KINDS.values()}
DATE_FORMAT = "yyyy-mm-dd hh:mm"


def _example_rows(kind: RecordKind, zone: str) -> list[dict[str, str | datetime]]:
    """Return a kind's example rows: the cells of its own columns, in their order."""
    common = {"kind": f"{EXAMPLE} {kind.name}", "timezone": zone}
    names = [column.name for column in _own_columns(kind)]
    return [{name: common.get(name) or example.get(name, "") for name in names} for example in kind.examples]


def _own_columns(kind: RecordKind) -> list[Column]:
    return [KIND_COLUMN, *kind.columns]


def _explain(column: Column) -> str:
    """Return what to write into a column, one sentence per line."""
    lines = [f"{column.right[:1].upper()}{column.right[1:]}.", "Needed." if _is_needed(column) else "May be empty."]
    if column.choices:
        lines.append(f"{'Such as' if column.is_open else 'One of'}: {', '.join(column.choices)}.")
    if column.is_moment:
        lines.append("Type it as a date with a time of day; without an offset it is in the row's time zone.")
    return "\n".join(lines)


def _is_needed(column: Column) -> bool:
    """Return whether every row must have a cell filled."""
    return column.is_required and not column.unless


_INSTRUCTIONS = (
    f"Fill in {any_of(SHEETS.values())}, or several of them: a row for each {any_of(KINDS)}.",
    f"Rows whose kind begins with the word {EXAMPLE} only show how and are never sent: leave or delete them.",
    "Columns may be moved, and those that may be empty may be deleted. More columns of your own do no harm.",
    "Then check the file: oncall-importer check FILE",
    "Then send it: oncall-importer run FILE",
)


# ---- the template's file


_LONGEST_LIST = 255  # characters
_README = ("column", "sheet", "needed", "what to write")
_README_WIDTHS = (24, 22, 10, 100)


def write_template(path: Path, *, zone: str = "Europe/Berlin", is_replaced: bool = False) -> Path:
    """Write a template, `.xlsx` (also without an extension) or `.csv`; return the file's final path.

    Example rows are marked by their `kind`, such as `example shadow`. `zone` is the time zone of the
    examples. A file of that name is replaced only with `is_replaced`.

    Raises:
        UsageError: the name has another extension.
        ReportError: there is a file of that name, or it could not be written.
    """
    path = path if path.suffix else path.with_name(f"{path.name}.xlsx")
    write = _WRITERS.get(path.suffix.casefold())
    if write is None:
        raise UsageError(
            f"{path} cannot be a template: its name ends in neither .xlsx nor .csv", hint="Name it template.xlsx."
        )
    if not is_replaced and (path.exists() or path.is_symlink()):
        raise ReportError(
            f"{path} already exists and was not changed", hint="Name a new file, or replace it with --yes."
        )
    return write(path, zone)


def _write_csv(path: Path, zone: str) -> Path:
    """Write all columns into one table; there, the examples' times are ISO texts."""
    rows = [[row.get(name, "") for name in COLUMNS] for kind in KINDS.values() for row in _example_rows(kind, zone)]
    texts = [[cell.isoformat() if isinstance(cell, datetime) else cell for cell in row] for row in rows]
    return write_texts(path, list(COLUMNS), texts)


def _write_xlsx(path: Path, zone: str) -> Path:
    def fill(book: Book) -> None:
        for kind in KINDS.values():
            _fill_sheet(book, kind, zone)
        _fill_readme(book)

    return write_book(path, fill, hint=ROOM_HINT)


_WRITERS = {".xlsx": _write_xlsx, ".csv": _write_csv}


def _fill_sheet(book: Book, kind: RecordKind, zone: str) -> None:
    sheet, examples = book.add_sheet(SHEETS[kind.name]), _example_rows(kind, zone)
    for position, column in enumerate(_own_columns(kind)):
        number_format = DATE_FORMAT if column.is_moment else TEXT
        width = header_width(column.name, narrowest=20)
        sheet.set_column(position, position, width, book.style(CellStyle(number_format=number_format)))
        put(sheet, 0, position, column.name, book.style(BOLD))
        book.comment(sheet, 0, position, _explain(column))
        if column.choices and len(",".join(column.choices)) <= _LONGEST_LIST:
            rows, words = (1 + len(examples), ROWS - 1), (column.name, _explain(column))
            offer(sheet, rows, position, list(column.choices), words, is_asked=not column.is_open)
    for row, example in enumerate(examples, start=1):
        for position, (cell, column) in enumerate(zip(example.values(), _own_columns(kind), strict=True)):
            style = book.style(CellStyle(Fill.EXAMPLE, DATE_FORMAT if column.is_moment else TEXT))
            if isinstance(cell, datetime):
                sheet.write_datetime(row, position, cell, style)
            else:
                put(sheet, row, position, cell, style)
    sheet.freeze_panes(1, 0)


def _fill_readme(book: Book) -> None:
    sheet = book.add_sheet(README_SHEET)
    text, wrapped = book.style(CellStyle()), book.style(CellStyle(is_wrapped=True))
    for position, width in enumerate(_README_WIDTHS):
        sheet.set_column(position, position, width)
    for row, sentence in enumerate(_INSTRUCTIONS):
        put(sheet, row, 0, sentence, text)
    first = len(_INSTRUCTIONS) + 1
    put_cells(sheet, first, _README, book.style(BOLD))
    for row, column in enumerate(COLUMNS.values(), start=first + 1):
        where = ", ".join(
            name for kind, name in SHEETS.items() if column is KIND_COLUMN or kind in KINDS_WITH[column.name]
        )
        put_cells(sheet, row, (column.name, where, "yes" if _is_needed(column) else "no"), text)
        put(sheet, row, len(_README) - 1, _explain(column), wrapped)
