"""A workbook or CSV to fill in, which reads back as typed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from importer.errors import ReportError, UsageError
from importer.records import Kind
from importer.reporter.atomic_file import ROOM_HINT
from importer.reporter.formula_guard import guard
from importer.reporter.report_csv import write_table
from importer.reporter.xlsx_writer import ROWS, TEXT, CellStyle, Fill, header_width, put, write_book

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from importer.reporter.xlsx_writer import Book


# ---- What a template says: its sheets, its example rows, its explanations. Pure; the columns are given to


EXAMPLE = "example"  #: a row whose `kind` begins with this word is an example
README_SHEET = "Read me"
SHEETS = {Kind.SCHEDULE: "Schedules", Kind.SHADOW: "Shadows"}
DATE_FORMAT = "yyyy-mm-dd hh:mm"
#: Columns in which a date and a time of day are typed.
MOMENTS = frozenset({"starts_at", "ends_at", "until"})
#: Columns that take other words than their choices.
OPEN = frozenset({"repeat"})

_START, _END, _UNTIL = datetime(2027, 3, 1, 8), datetime(2027, 3, 1, 16), datetime(2027, 5, 31, 23, 59)  # noqa: DTZ001 # a cell has no zone
_SCHEDULE = "3f6c1b1e-52a4-4f0e-9d0e-6f5b8a7c2d10"
_EXAMPLES: dict[Kind, tuple[dict[str, str | datetime], ...]] = {
    Kind.SCHEDULE: (
        {"third_party_provider": "PAGER_DUTY", "remote_id": "PI7DH85"},
        {"third_party_provider": "OPSGENIE", "remote_id": "b4d3c8f0-7a51-4e0e-9f0b-2f1f6f1c9a33"},
        {"third_party_provider": "PAGER_DUTY", "remote_id": "PNZNINN", "group": "Platform Operators"},
    ),
    Kind.SHADOW: (
        {
            "schedule_id": _SCHEDULE,
            "shadowable_type": "User",
            "shadowable_id": "101",
            "shadow_user_id": "112",
            "starts_at": _START,
            "ends_at": _END,
        },
        {
            "schedule_id": "Payments primary",
            "shadowable_type": "User",
            "shadowable_id": "ada@example.com",
            "shadow_user_id": "grace@example.com",
            "starts_at": _START,
            "duration": "8h",
            "repeat": "weekly",
            "until": _UNTIL,
        },
    ),
}


class ColumnText(NamedTuple):
    """One column of ours, as a template explains it."""

    name: str
    kind: Kind | None  #: the kind of row that has it; None: any
    right: str  #: what to write, as an order with an example; begins with a small letter
    is_required: bool = True
    choices: tuple[str, ...] = ()  #: the words that are right in it; empty: any text may be


def own_columns(columns: Iterable[ColumnText], kind: Kind) -> list[ColumnText]:
    """Give the columns of one kind's sheet, in their order."""
    return [column for column in columns if column.kind in {None, kind}]


def example_rows(columns: Sequence[ColumnText], kind: Kind, zone: str) -> list[list[str | datetime]]:
    """Give a kind's example rows, as wide as the columns; one that shows a column that is not there is left out."""
    names = {column.name for column in columns}
    return [
        [_example_cell(column.name, example, kind, zone) for column in columns]
        for example in _EXAMPLES[kind]
        if example.keys() <= names
    ]


def _example_cell(name: str, example: dict[str, str | datetime], kind: Kind, zone: str) -> str | datetime:
    if name == "kind":
        return f"{EXAMPLE} {kind.value}"
    if name == "timezone" and kind is Kind.SHADOW:
        return zone
    return example.get(name, "")


def explain(column: ColumnText) -> str:
    """Say what to write into a column, a sentence a line."""
    lines = [f"{column.right[:1].upper()}{column.right[1:]}.", "Needed." if column.is_required else "May be empty."]
    if column.choices:
        lines.append(f"{'Such as' if column.name in OPEN else 'One of'}: {', '.join(column.choices)}.")
    if column.name in MOMENTS:
        lines.append("Type it as a date with a time of day; without an offset it is of the row's time zone.")
    return "\n".join(lines)


def instructions() -> list[str]:
    """Give the sentences that stand above the explanations."""
    return [
        f"Fill in {' or '.join(SHEETS.values())}, or both: a row for each schedule or shadow.",
        f"Rows whose kind begins with the word {EXAMPLE} only show how and are never sent: leave or delete them.",
        "Columns may be moved, and those that may be empty may be deleted. More columns of your own do no harm.",
        "Then check the file: oncall-importer check FILE",
        "Then send it: oncall-importer run FILE",
    ]


# ---- A workbook or CSV to fill in, which reads back as typed


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
        sheet.set_column(position, position, width, book.style(CellStyle(number_format=_format(column))))
        book.comment(sheet, 0, position, explain(column))
        _offer_choices(sheet, position, column, first_row=1 + len(examples))
    for row, example in enumerate(examples, start=1):
        for position, cell in enumerate(example):
            _put_example(sheet, row, position, cell, book.style(CellStyle(Fill.EXAMPLE, _format(columns[position]))))
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
    text, wrapped = book.style(CellStyle()), book.style(CellStyle(is_wrapped=True))
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
