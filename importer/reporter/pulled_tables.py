"""What was pulled out of another system, as a workbook or CSV files to look at and then to run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from importer.errors import ReportError, UsageError
from importer.reporter.formula_guard import guard
from importer.reporter.report_csv import write_table
from importer.reporter.xlsx_writer import TEXT, Book, CellStyle, put, write_book

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_NARROWEST, _WIDEST = 12, 60  # characters of a column
_ROOM_HINT = "Make room on the disk, or name another file."


class Table(NamedTuple):
    """One sheet of the workbook, or one CSV file."""

    name: str  #: of the sheet; of a CSV in lower case, with dashes
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def write_tables(path: Path, tables: Sequence[Table], *, is_replaced: bool = False) -> list[Path]:
    """Write all tables: into one workbook where the name ends in .xlsx, else each into a CSV beside the others.

    `name.csv` makes `name-schedules.csv`, ...; a folder, or a name without an ending, holds `schedules.csv`, ... The
    same tables make the same sheets. Files that are there are replaced only with `is_replaced`; nothing is half
    written. Returns the files.

    Raises:
        UsageError: the name has another ending.
        ReportError: there is a file of that name, or one could not be written.
    """
    ending = path.suffix.casefold()
    if ending not in ("", ".xlsx", ".csv"):
        raise UsageError(f"{path} ends in neither .xlsx nor .csv", hint="Name the output pulled.xlsx, for instance.")
    named = [(path, list(tables))] if ending == ".xlsx" else [(_csv_path(path, table), [table]) for table in tables]
    for file, _ in named:
        if not is_replaced and (file.exists() or file.is_symlink()):
            raise ReportError(
                f"{file} is there already, and was left alone.", hint="Name a new file, or replace it with --yes."
            )
    if not ending:
        path.mkdir(parents=True, exist_ok=True)
    return [_write(file, contents) for file, contents in named]


def _csv_path(path: Path, table: Table) -> Path:
    name = table.name.lower().replace(" ", "-") + ".csv"
    return path.with_name(f"{path.stem}-{name}") if path.suffix else path / name


def _write(path: Path, tables: Sequence[Table]) -> Path:
    if path.suffix.casefold() == ".csv":
        (table,) = tables
        return write_table(path, [table.header, *(tuple(map(guard, row)) for row in table.rows)], hint=_ROOM_HINT)

    def fill(book: Book) -> None:
        for table in tables:
            sheet = book.add_sheet(table.name)
            book.head(sheet, 0, table.header, range(len(table.header)))
            style = book.style(CellStyle(number_format=TEXT))
            for column, name in enumerate(table.header):
                widest = max((len(row[column]) for row in table.rows), default=0)
                sheet.set_column(column, column, min(_WIDEST, max(_NARROWEST, len(name) + 2, widest + 1)), style)
            for number, row in enumerate(table.rows, 1):
                for column, cell in enumerate(row):
                    put(sheet, number, column, cell, style)
            sheet.freeze_panes(1, 0)
            sheet.autofilter(0, 0, max(1, len(table.rows)), len(table.header) - 1)

    return write_book(path, fill, hint=_ROOM_HINT)
