"""report.xlsx: the report's lines, coloured, with comments on bad cells, then what sums them up."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain, tee
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from importer.normalizer.times.zones import load_zone
from importer.reporter.columns import PRODUCT_COLUMNS, header_cells, line_cells, merge_columns
from importer.reporter.formula_guard import guard
from importer.reporter.report_reader import MAPPING_SHEET, mapping_header
from importer.reporter.xlsx_writer import (
    TEXT,
    CellStyle,
    Fill,
    Mark,
    UnholdableError,
    header_width,
    named_cells,
    put,
    put_marked,
    remark,
    write_book,
)
from importer.statuses import RUN_STATUSES, UNDO_STATUSES, Status, Tone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from importer.records import ReportLine, Sheet
    from importer.reporter.xlsx_writer import Book


# ---- the sheet of shift times


SHADOW_TIMES_COLUMNS: tuple[str, ...] = (
    "row",
    "sheet",
    "part",
    "schedule_id",
    "shadowable",
    "shadow_user_id",
    "starts_at (UTC)",
    "ends_at (UTC)",
    "starts_at (local)",
    "ends_at (local)",
    "timezone",
)


class ShadowTimes(NamedTuple):
    """One shadow of a run."""

    sheet: str  #: the sheet's name, as `import_sheet` says it
    row: int  #: the row's number
    part: str  #: "3 of 12" where the row makes several records, else empty
    schedule_id: str
    shadowable: str  #: who or what is shadowed, such as "User 101"
    shadow_user_id: str
    starts_at: datetime  #: UTC
    ends_at: datetime  #: UTC
    zone: str  #: an IANA name; empty where the row gives no zone: then there is no local time


def shadow_cells(shadows: Iterable[ShadowTimes]) -> Iterator[list[str | int]]:
    """Yield each shadow's cells, guarded; local times with the offset that holds then."""
    for shadow in shadows:
        zone = _find_zone(shadow.zone)
        yield [
            shadow.row,
            guard(shadow.sheet),
            guard(shadow.part),
            guard(shadow.schedule_id),
            guard(shadow.shadowable),
            guard(shadow.shadow_user_id),
            f"{shadow.starts_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            f"{shadow.ends_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            _local(shadow.starts_at, zone),
            _local(shadow.ends_at, zone),
            guard(shadow.zone),
        ]


def _find_zone(name: str) -> ZoneInfo | None:
    try:
        return load_zone(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _local(moment: datetime, zone: ZoneInfo | None) -> str:
    try:
        return moment.astimezone(zone).isoformat(timespec="seconds") if zone else ""
    except OverflowError:  # on the other side of year 1 or 9999
        return ""


# ---- report.xlsx


# Character widths of the columns, so that most of them can be read without pulling.
_WIDTHS = dict(zip(PRODUCT_COLUMNS, (12, 18, 13, 13, 15, 38, 20, 50, 13, 50, 17, 27, 24, 24, 16), strict=True))
_NUMBERS = frozenset(map(PRODUCT_COLUMNS.index, ("import_row", "import_http_status", "import_attempts")))
_STATUS = PRODUCT_COLUMNS.index("import_status")
_TIMES_WIDTHS = (8, 18, 9, 38, 26, 18, 23, 23, 28, 28, 22)
_FILLS = {tone: Fill[tone.name] for tone in Tone}


def write_xlsx(
    path: Path,
    sheets: Sequence[Sheet],
    lines: Iterable[ReportLine],
    *,
    counts: Mapping[tuple[str, Status], int] | None = None,
    shadow_times: Iterable[ShadowTimes] = (),
    mapping_id: str = "",
    mapping: str = "",
) -> Path | None:
    """Write the lines in their order to the first sheet; give the path the file has in the end.

    None, and no new file, where a workbook could not give everything back: a text longer than 32,767 characters, more
    than 1,048,575 lines or 16,384 columns, a text that XlsxWriter garbles. `lines` and `shadow_times` are taken one by
    one. Texts are written as texts; the row, HTTP status and attempts as numbers, so that they sort. With `counts`, by
    target (empty where there is none) and status, a sheet "Summary" follows; with shadow times one of these; with the
    text of a mapping one of that, so that the workbook can be read again wherever it is mailed to.

    Raises:
        ReportError: the file could not be written; an older one is still there.
    """

    def fill(book: Book) -> None:
        _fill_report(book, sheets, lines, mapping_id)
        if counts is not None:
            _fill_summary(book, counts)
        _fill_times(book, shadow_times)
        if mapping:
            _fill_mapping(book, mapping_id, mapping)

    try:
        return write_book(path, fill)
    except UnholdableError:
        return None


def _fill_report(book: Book, sheets: Sequence[Sheet], lines: Iterable[ReportLine], mapping_id: str) -> None:
    sheet = book.add_sheet("report")
    header = header_cells(sheets)
    text = book.style(CellStyle())
    for column, name in enumerate(header):
        style = None if column in _NUMBERS else text
        sheet.set_column(column, column, _WIDTHS.get(name) or header_width(name), style)
    book.head(sheet, 0, header, range(len(header)))
    marked, own = tee(lines)  # in step: what tee keeps is one line
    places = _report_columns(sheets)
    number = 0
    for number, (line, cells) in enumerate(zip(marked, line_cells(sheets, own, mapping_id), strict=True), start=1):
        marks = _marks(line, places[line.sheet])
        for column, cell in enumerate(cells):
            if column not in marks:
                put(sheet, number, column, cell, None if column in _NUMBERS else text)
        for column, mark in marks.items():
            put_marked(sheet, number, column, str(cells[column]), book.style(CellStyle(mark.fill)))
            if mark.comment:
                book.comment(sheet, number, column, mark.comment)
    _finish(sheet, number, len(header))


def _finish(sheet: Any, last_row: int, width: int) -> None:
    """Keep the header in sight, with a filter's button in each cell."""
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, last_row, width - 1)


def _report_columns(sheets: Sequence[Sheet]) -> list[dict[int, int]]:
    """Return for each sheet the report's columns by those of the source."""
    return [
        {
            sheet.positions[place]: column
            for column, place in enumerate(places, start=len(PRODUCT_COLUMNS))
            if 0 <= place < len(sheet.positions)
        }
        for sheet, places in zip(sheets, merge_columns(sheets).places, strict=True)
    ]


def _marks(line: ReportLine, columns: Mapping[int, int]) -> dict[int, Mark]:
    """Return a line's marks by column: its status, and the cells that its error is about.

    The error names cells of the source, or of the report that a rerun has read: the columns are those of the sheet, but
    the row there is another than here.
    """
    outcome = line.outcome
    fill = _FILLS[outcome.status.tone]
    marks = {_STATUS: Mark(fill, "")}
    if outcome.cell and outcome.error:
        comment = remark(outcome.error, outcome.hint)
        found = (columns.get(column) for column, _ in named_cells(outcome.cell))
        marks.update((column, Mark(fill, comment)) for column in found if column is not None)
    return marks


def _fill_summary(book: Book, counts: Mapping[tuple[str, Status], int]) -> None:
    sheet = book.add_sheet("Summary")
    targets = sorted({target for target, _ in counts}, key=lambda target: (not target, target))
    header = ["status", *(str(target) or "no target" for target in targets), "all"]
    sheet.set_column(0, len(header) - 1, 16)
    book.head(sheet, 0, header, range(len(header)))
    is_undo = any(status not in RUN_STATUSES for _, status in counts)
    statuses = UNDO_STATUSES if is_undo else RUN_STATUSES
    for row, status in enumerate(statuses, start=1):
        numbers = [counts.get((target, status), 0) for target in targets]
        put(sheet, row, 0, status.value, book.style(CellStyle(_FILLS[status.tone])))
        _put_numbers(sheet, row, [*numbers, sum(numbers)])
    totals = [sum(number for (own, _), number in counts.items() if own == target) for target in targets]
    bold = book.style(CellStyle(number_format="General", is_bold=True))
    put(sheet, len(statuses) + 1, 0, "all", bold)
    _put_numbers(sheet, len(statuses) + 1, [*totals, sum(totals)], bold)
    sheet.freeze_panes(1, 1)


def _fill_mapping(book: Book, mapping_id: str, mapping: str) -> None:
    sheet = book.add_sheet(MAPPING_SHEET)
    text = book.style(CellStyle())
    for column, width in enumerate((8, 80, 26)):
        sheet.set_column(column, column, width, text if column else None)
    book.head(sheet, 0, mapping_header(mapping_id, mapping), range(3))
    for number, line in enumerate(mapping.split("\n"), start=1):
        put(sheet, number, 0, number)
        put(sheet, number, 1, line, text)


def _put_numbers(sheet: Any, row: int, numbers: Sequence[int], style: Any = None) -> None:
    for column, number in enumerate(numbers, start=1):
        put(sheet, row, column, number, style)


def _fill_times(book: Book, shadow_times: Iterable[ShadowTimes]) -> None:
    rows = shadow_cells(shadow_times)
    first = next(rows, None)
    if first is None:
        return
    sheet = book.add_sheet("Shadow times")
    text = book.style(CellStyle(number_format=TEXT))
    for column, width in enumerate(_TIMES_WIDTHS):
        sheet.set_column(column, column, width, text if column else None)
    book.head(sheet, 0, SHADOW_TIMES_COLUMNS, range(len(SHADOW_TIMES_COLUMNS)))
    number = 0
    for number, cells in enumerate(chain([first], rows), start=1):
        for column, cell in enumerate(cells):
            put(sheet, number, column, cell, text if column else None)
    _finish(sheet, number, len(SHADOW_TIMES_COLUMNS))
