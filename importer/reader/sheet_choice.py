"""Which sheets of a workbook are read. Knows calamine's words for them, but reads nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from python_calamine import SheetMetadata, SheetTypeEnum, SheetVisibleEnum

from importer.errors import SourceError
from importer.reader.excerpts import excerpt
from importer.reader.stored_cells import damaged

if TYPE_CHECKING:
    from collections.abc import Sequence


def choose_sheets(sheets: Sequence[SheetMetadata], wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """Give the names of the sheets to read, in the workbook's order, and a notice for each that is not.

    Raises:
        SourceError: A sheet that is wanted is not there, or two have the same name.
    """
    if len({sheet.name for sheet in sheets}) < len(sheets):
        raise damaged("two of its sheets have the same name")
    if wanted:
        names = {_match(name, sheets) for name in wanted}
        return [sheet.name for sheet in sheets if sheet.name in names], []
    reasons = [(sheet.name, _reason_to_skip(sheet)) for sheet in sheets]
    chosen = [name for name, reason in reasons if not reason]
    return chosen, [f"sheet '{excerpt(name)}' {reason} and was skipped" for name, reason in reasons if reason]


def listed(sheets: Sequence[SheetMetadata]) -> str:
    """Name all sheets, for a hint."""
    if not sheets:
        return "It has no sheets at all."
    return "Its sheets are: " + ", ".join(f"'{excerpt(sheet.name)}'" for sheet in sheets) + "."


def _match(wanted: str, sheets: Sequence[SheetMetadata]) -> str:
    found = [sheet for sheet in sheets if sheet.name == wanted]
    found = found or [sheet for sheet in sheets if sheet.name.casefold() == wanted.casefold()]
    if len(found) != 1:
        raise SourceError(f"the workbook has no sheet '{excerpt(wanted)}'", hint=listed(sheets))
    if found[0].typ != SheetTypeEnum.WorkSheet:
        raise SourceError(f"sheet '{excerpt(wanted)}' {_reason_to_skip(found[0])} and has no rows", hint=listed(sheets))
    return found[0].name


def _reason_to_skip(sheet: SheetMetadata) -> str:
    if sheet.typ == SheetTypeEnum.ChartSheet:
        return "is a chart"
    if sheet.typ != SheetTypeEnum.WorkSheet:
        return "is a macro or a dialog"
    return "" if sheet.visible == SheetVisibleEnum.Visible else "is hidden"
