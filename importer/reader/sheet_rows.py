"""The rows of one worksheet as text: calamine's values, mended by what the XML says and calamine does not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time
from typing import TYPE_CHECKING, Any

from importer.errors import SourceError
from importer.reader.cell_text import text_of
from importer.reader.excerpts import excerpt
from importer.reader.stored_cells import StoredCell, StoredRow, damaged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from python_calamine import CalamineSheet

_INEXACT = 1e15  # a spreadsheet keeps 15 digits
_LONG_NUMBER = re.compile(r"-?[1-9][0-9]{15,}")  # that calamine, which makes a float of it, would not give back
_NO_CELL = StoredCell("n", 0, "", is_formula=False)
_NO_ROW = StoredRow(0, {})
CELL_LIMIT = 1 << 20  # characters, as in a CSV


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong with one cell."""

    column: int
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class TextRow:
    """One row of a worksheet: the texts of its cells that are not empty, by their 0-based column."""

    number: int
    cells: dict[int, str]
    flaws: list[Flaw]
    inexact: list[int]  #: columns whose number has lost digits

    @property
    def is_blank(self) -> bool:
        return not self.flaws and not any(map(str.strip, self.cells.values()))


def text_rows(sheet: CalamineSheet, stored: Iterator[StoredRow], zeros: dict[int, int]) -> Iterator[TextRow]:
    """Yield all rows from row 1 on, blank ones too. `zeros` maps a style to the digits it shows at least.

    Raises:
        SourceError: calamine and the XML do not agree on what is there.
    """
    first_column = sheet.start[1] if sheet.start else 0
    values = sheet.iter_rows() if sheet.start else iter(())
    for number, row, stored_row in _paired(values, stored):
        yield _text_row(number, dict(enumerate(row, first_column)), stored_row.cells, zeros)


def _paired(values: Iterator[list[Any]], stored: Iterator[StoredRow]) -> Iterator[tuple[int, list[Any], StoredRow]]:
    """Walk both by the row's number; calamine yields every row to its last, the XML leaves rows out."""
    number = 0
    pending = next(stored, None)
    row = next(values, None)
    while row is not None or pending is not None:
        number = number + 1 if row is not None else pending.number if pending else 0
        is_here = pending is not None and pending.number == number
        yield number, row or [], pending if pending and is_here else _NO_ROW
        pending = next(stored, None) if is_here else pending
        row = next(values, None) if row is not None else None


def _text_row(number: int, values: dict[int, Any], stored: dict[int, StoredCell], zeros: dict[int, int]) -> TextRow:
    row = TextRow(number, {}, [], [])
    for column in sorted(values.keys() | stored.keys()):
        value, cell = values.get(column, ""), stored.get(column, _NO_CELL)
        if value == "" and cell.value == "" and not cell.is_formula:
            continue
        _compare(number, column, value, cell, stored)
        if text := _text(value, cell, zeros):
            row.cells[column] = _bounded(text, number)
        if flaw := _flaw(column, cell):
            row.flaws.append(flaw)
        if _is_inexact(value, cell):
            row.inexact.append(column)
    return row


def _text(value: object, cell: StoredCell, zeros: dict[int, int]) -> str:
    if cell.type == "e" or (isinstance(value, date | time) and cell.value.startswith("-")):
        return cell.value  # calamine makes an error empty, and a date before 1900 a time
    if isinstance(value, int | float) and not isinstance(value, bool):
        if _LONG_NUMBER.fullmatch(cell.value):
            return cell.value
        return _filled(text_of(value), zeros.get(cell.style, 0))
    return text_of(value)


def _filled(text: str, width: int) -> str:
    return text.zfill(width + text.startswith("-")) if text.lstrip("-").isdigit() else text


def _flaw(column: int, cell: StoredCell) -> Flaw | None:
    if cell.type == "e":
        return Flaw(column, f"the cell holds the error {excerpt(cell.value)}", "Mend its formula, or put the value in.")
    if cell.is_formula and not cell.value and cell.type not in {"str", "inlineStr"}:
        return Flaw(
            column,
            "the cell holds a formula whose result was never stored",
            "Open the workbook in a spreadsheet program, let it calculate, and save it.",
        )
    return None


def _is_inexact(value: object, cell: StoredCell) -> bool:
    return isinstance(value, float) and abs(value) >= _INEXACT and not _LONG_NUMBER.fullmatch(cell.value)


def _compare(number: int, column: int, value: object, cell: StoredCell, stored: dict[int, StoredCell]) -> None:
    """Stop where one of the two sees a value that the other does not, rather than lose it."""
    is_lost = value == "" and cell.value != "" and cell.type not in {"e", "s", "inlineStr"}
    if is_lost or (value != "" and column not in stored):
        from importer.records import cell_name

        raise damaged(f"cell {cell_name(column, number)} cannot be read without doubt")


def _bounded(text: str, number: int) -> str:
    if len(text) > CELL_LIMIT:
        raise SourceError(f"row {number} has a cell larger than 1 MB", hint="Shorten it, or take its column out.")
    return text
