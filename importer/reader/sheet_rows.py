"""The rows of one worksheet as text: calamine's values, mended by what the file says and calamine does not."""

from __future__ import annotations

import re
from datetime import date, time
from typing import TYPE_CHECKING, Any, NamedTuple

from importer.reader.bounds import Bounds, too_long_cell, too_many_columns
from importer.reader.cell_names import cell_of
from importer.reader.cell_text import INEXACT, text_of, zero_filled
from importer.reader.excerpts import excerpt
from importer.reader.stored_cells import StoredCell, StoredRow, WalkedRow, damaged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from python_calamine import CalamineSheet

_LONG_NUMBER = re.compile(r"-?[1-9][0-9]{15,}")  # that calamine, which makes a float of it, would not give back
_NO_CELL = StoredCell("n", "")
_NO_ROW = WalkedRow(0, {})


class Flaw(NamedTuple):
    """Something wrong with one cell."""

    column: int
    message: str
    hint: str
    topic: str  #: its kind, without any value


class TextRow(NamedTuple):
    """One row of a worksheet."""

    number: int
    texts: list[str]  #: of its cells, from the sheet's first column on
    flaws: Sequence[Flaw] = ()  #: can be in columns beyond those of `texts`
    inexact: Sequence[int] = ()  #: columns whose number has lost digits

    @property
    def is_blank(self) -> bool:
        return not self.flaws and not any(map(str.strip, self.texts))


def columns_of(sheet: CalamineSheet, bounds: Bounds) -> range:
    """Give the columns in which calamine found something.

    Raises:
        SourceError: They reach too far.
    """
    if not (sheet.start and sheet.end):
        return range(0)
    if sheet.end[1] >= bounds.columns:
        raise too_many_columns("the sheet is too wide", cell_of(sheet.end[1], sheet.end[0] + 1), bounds)
    return range(sheet.start[1], sheet.end[1] + 1)


def text_rows(sheet: CalamineSheet, stored: Iterator[StoredRow], columns: range, bounds: Bounds) -> Iterator[TextRow]:
    """Yield all rows from row 1 on, blank ones too.

    Raises:
        SourceError: calamine and the file do not agree on what is there, or a cell is too long.
    """
    values = sheet.iter_rows() if sheet.start else iter(())
    for number, row, stored_row in _paired(values, stored):
        texts = stored_row.texts(row)
        text_row = TextRow(number, texts) if texts is not None else _careful(number, row, stored_row.cells, columns)
        if sum(map(len, text_row.texts)) > bounds.cell:
            _refuse_long(text_row, columns, bounds)
        yield text_row


def _paired(values: Iterator[list[Any]], stored: Iterator[StoredRow]) -> Iterator[tuple[int, list[Any], StoredRow]]:
    """Walk both by the row's number; calamine yields every row to its last, the file leaves rows out."""
    pending = next(stored, None)
    for number, row in enumerate(values, 1):
        if pending is not None and pending.number == number:
            yield number, row, pending
            pending = next(stored, None)
        else:
            yield number, row, _NO_ROW
    while pending is not None:
        yield pending.number, [], pending
        pending = next(stored, None)


def _careful(number: int, row: list[Any], stored: Mapping[int, StoredCell], columns: range) -> TextRow:
    texts = [""] * len(row)
    flaws: list[Flaw] = []
    inexact: list[int] = []
    values = dict(zip(columns, row, strict=False))
    for column in sorted(values.keys() | stored.keys()):
        value, cell = values.get(column, ""), stored.get(column, _NO_CELL)
        if value == "" and cell.value == "" and not cell.is_formula:
            continue
        _compare(number, column, value, cell, stored)
        if column in values:
            texts[column - columns.start] = _text(value, cell)
        if flaw := _flaw(column, cell):
            flaws.append(flaw)
        if _is_inexact(value, cell):
            inexact.append(column)
    return TextRow(number, texts, flaws, inexact)


def _text(value: object, cell: StoredCell) -> str:
    if cell.text:
        return cell.text
    if cell.type == "e" or (isinstance(value, date | time) and cell.value.startswith("-")):
        return cell.value  # calamine makes an error empty, and a date before 1900 a time
    if isinstance(value, int | float) and not isinstance(value, bool):
        if _LONG_NUMBER.fullmatch(cell.value):
            return cell.value
        return zero_filled(text_of(value), cell.width)
    return text_of(value)


def _flaw(column: int, cell: StoredCell) -> Flaw | None:
    if cell.type == "e":
        return Flaw(
            column,
            f"the cell holds the error {excerpt(cell.value)}",
            "Mend its formula, or put the value in.",
            "a cell that holds an error",
        )
    if cell.is_formula and not cell.value and cell.type not in {"str", "inlineStr"}:
        return Flaw(
            column,
            "the cell holds a formula whose result was never stored",
            "Open the workbook in a spreadsheet program, let it calculate, and save it.",
            "a formula without a stored result",
        )
    return None


def _is_inexact(value: object, cell: StoredCell) -> bool:
    return isinstance(value, float) and abs(value) >= INEXACT and not _LONG_NUMBER.fullmatch(cell.value)


def _compare(number: int, column: int, value: object, cell: StoredCell, stored: Mapping[int, StoredCell]) -> None:
    """Stop where one of the two sees a value that the other does not, rather than lose it."""
    is_lost = value == "" and cell.value != "" and cell.type not in {"e", "s", "inlineStr"}
    if is_lost or (value != "" and column not in stored):
        raise damaged(f"cell {cell_of(column, number)} cannot be read without doubt")


def _refuse_long(row: TextRow, columns: range, bounds: Bounds) -> None:
    for column, text in zip(columns, row.texts, strict=False):
        if len(text) > bounds.cell:
            raise too_long_cell(cell_of(column, row.number), bounds)
