"""A workbook -> messages about its sheets, made in the child. The only module that knows python_calamine."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, TypeAlias

import python_calamine
from python_calamine import CalamineError, CalamineWorkbook, SheetMetadata, SheetTypeEnum, SheetVisibleEnum

from importer.errors import SourceError
from importer.reader.chunks import CHUNK_ROWS
from importer.reader.excerpts import excerpt
from importer.reader.package import Package
from importer.reader.sheet_rows import TextRow, text_rows
from importer.reader.stored_cells import damaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

Message: TypeAlias = tuple[object, ...]
_BATCH = 1 << 22  # characters of a message, about: very wide rows go over fewer at a time


def messages(file: BinaryIO, wanted: Sequence[str]) -> Iterator[Message]:
    """Yield all that the parent is to know, sheet by sheet in the workbook's order.

    Raises:
        SourceError: It is no workbook, damaged, or has not the sheets wanted or none with rows.
    """
    package = Package(file)
    workbook = _opened(file)
    zeros = package.zero_widths()
    chosen, notices = _chosen(workbook.sheets_metadata, wanted)
    yield from (("notice", notice) for notice in notices)
    is_found = False
    for name in chosen:
        for message in _sheet_messages(workbook, package, zeros, name):
            is_found = is_found or message[0] == "sheet"
            yield message
    if not is_found:
        raise SourceError("the workbook has no rows in any sheet that is read", hint=_listed(workbook.sheets_metadata))


def _opened(file: BinaryIO) -> CalamineWorkbook:
    file.seek(0)
    try:
        return CalamineWorkbook.from_filelike(file)
    except python_calamine.PasswordError as error:
        raise SourceError("the workbook is encrypted", hint="Take its password off and try again.") from error
    except CalamineError as error:
        raise damaged(excerpt(str(error))) from error


def _chosen(sheets: Sequence[SheetMetadata], wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """Give the names of the sheets to read, and a notice for each that is not."""
    if wanted:
        names = {_match(name, sheets) for name in wanted}
        return [sheet.name for sheet in sheets if sheet.name in names], []
    reasons = [(sheet.name, _reason_to_skip(sheet)) for sheet in sheets]
    chosen = [name for name, reason in reasons if not reason]
    return chosen, [f"sheet '{excerpt(name)}' {reason} and was skipped" for name, reason in reasons if reason]


def _match(wanted: str, sheets: Sequence[SheetMetadata]) -> str:
    found = [sheet for sheet in sheets if sheet.name == wanted]
    found = found or [sheet for sheet in sheets if sheet.name.casefold() == wanted.casefold()]
    if len(found) != 1:
        raise SourceError(f"the workbook has no sheet '{excerpt(wanted)}'", hint=_listed(sheets))
    if found[0].typ != SheetTypeEnum.WorkSheet:
        raise SourceError(f"sheet '{excerpt(wanted)}' is a chart and has no rows", hint=_listed(sheets))
    return found[0].name


def _listed(sheets: Sequence[SheetMetadata]) -> str:
    return "Its sheets are: " + ", ".join(f"'{excerpt(sheet.name)}'" for sheet in sheets) + "."


def _reason_to_skip(sheet: SheetMetadata) -> str:
    if sheet.typ != SheetTypeEnum.WorkSheet:
        return "is a chart"
    return "" if sheet.visible == SheetVisibleEnum.Visible else "is hidden"


def _sheet_messages(
    workbook: CalamineWorkbook, package: Package, zeros: dict[int, int], name: str
) -> Iterator[Message]:
    try:
        sheet = workbook.get_sheet_by_name(name)
        columns = range(sheet.start[1], sheet.end[1] + 1) if sheet.start and sheet.end else range(0)
        yield from _table(name, columns, lambda: text_rows(sheet, package.rows(name), zeros))
    except CalamineError as error:
        raise damaged(f"sheet '{excerpt(name)}': {excerpt(str(error))}") from error
    except SourceError as error:
        raise SourceError(f"sheet '{excerpt(name)}': {error.message}", hint=error.hint) from error


def _table(name: str, columns: range, rows: Callable[[], Iterator[TextRow]]) -> Iterator[Message]:
    """Yield a sheet's header and its rows; `rows` can be begun more than once."""
    below = rows()
    header = next((row for row in below if not row.is_blank), None)
    if header is None:
        yield ("notice", f"sheet '{excerpt(name)}' is empty and was skipped")
        return
    _refuse_flaws(header)
    positions = _positions(header, columns, rows)
    yield ("sheet", name, [header.cells.get(position, "") for position in positions], positions)
    inexact: list[str] = []
    yield from _batches(_noting(below, inexact), positions)
    if inexact:
        yield ("notice", _inexact_notice(name, inexact))


def _refuse_flaws(header: TextRow) -> None:
    for flaw in header.flaws:
        where = _cell_name(flaw.column, header.number)
        raise SourceError(f"header cell {where}: {flaw.message}", hint=flaw.hint)


def _positions(header: TextRow, columns: range, rows: Callable[[], Iterator[TextRow]]) -> list[int]:
    """Give the columns that have a header, and those without one that have data below it."""
    headed = {column for column, text in header.cells.items() if text.strip()}
    if headed.issuperset(columns):
        return sorted(headed)
    return sorted(headed | {column for row in rows() if row.number > header.number for column in _filled(row)})


def _filled(row: TextRow) -> Iterator[int]:
    yield from (column for column, text in row.cells.items() if text.strip())
    yield from (flaw.column for flaw in row.flaws)


def _noting(rows: Iterable[TextRow], inexact: list[str]) -> Iterator[TextRow]:
    """Pass the rows on, and note the first cell that holds a number with lost digits."""
    for row in rows:
        if row.inexact and not inexact:
            inexact.append(_cell_name(row.inexact[0], row.number))
        yield row


def _inexact_notice(name: str, cells: list[str]) -> str:
    return (
        f"sheet '{excerpt(name)}', cell {cells[0]}: a number of more than 15 digits, of which a spreadsheet keeps 15;"
        " ids as long as that must be stored as text"
    )


def _batches(rows: Iterable[TextRow], positions: list[int]) -> Iterator[Message]:
    kept = set(positions)
    batch: list[Message] = []
    size = 0
    for row in rows:
        flaws = [(flaw.column, flaw.message, flaw.hint) for flaw in row.flaws if flaw.column in kept]
        cells = [row.cells.get(position, "") for position in positions]
        if not flaws and not any(map(str.strip, cells)):
            continue
        batch.append((row.number, cells, flaws))
        size += sum(map(len, cells))
        if len(batch) == CHUNK_ROWS or size >= _BATCH:
            yield ("rows", batch)
            batch, size = [], 0
    if batch:
        yield ("rows", batch)


def _cell_name(column: int, row: int) -> str:
    from importer.records import cell_name

    return cell_name(column, row)
