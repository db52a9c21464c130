"""Workbooks of Excel 97 to 2003 (.xls), odd ones among them."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import xlwt

from .kit import HEADER, line, odd, reads, reads_rows, refused, table


def _xls(fill: Any, *names: str, **options: Any) -> bytes:
    content = io.BytesIO()
    made = xlwt.Workbook(**options)
    fill(*(made.add_sheet(name) for name in names))
    made.save(content)
    return content.getvalue()


def _fill(sheet: Any, *rows: Any) -> None:
    for at, cells in enumerate([HEADER, *rows]):
        for column, value in enumerate(cells):
            if value is not None:
                sheet.write(at, column, value)


@odd("old.xls", reads(table(line(2, "PI7DH85", "a"), line(3, "PABCDEF", "Zürich 📅"), name="On call")))
def old_workbook() -> bytes:
    """A workbook of Excel 97."""
    return _xls(lambda sheet: _fill(sheet, ("PI7DH85", "a"), ("PABCDEF", "Zürich 📅")), "On call")


@odd(
    "old-values.xls",
    reads_rows(
        line(2, "00042", "42"),
        line(3, "TRUE", "2026-03-29T09:00:00"),
        line(4, "0.1", "30:00:00"),
        line(5, "100000", "12345678901234567890"),
    ),
)
def values_of_an_old_workbook() -> bytes:
    """Texts, numbers, booleans, dates and durations arrive as those of a new one."""

    def fill(sheet: Any) -> None:
        _fill(sheet, ("00042", 42), (True, None), (0.1, None), (1e5, "12345678901234567890"))
        moment = dt.datetime(2026, 3, 29, 9, 0)  # noqa: DTZ001  (cells of a workbook have no zone)
        sheet.write(2, 1, moment, xlwt.easyxf(num_format_str="yyyy-mm-dd hh:mm"))
        sheet.write(3, 1, 1.25, xlwt.easyxf(num_format_str="[h]:mm:ss"))

    return _xls(fill, "S")


@odd(
    "old-places.xls",
    reads(
        table(line(4, "PI7DH85", "a"), line(900, "PABCDEF", "b"), at="BD"),
    ),
)
def places_in_an_old_workbook() -> bytes:
    """Rows and columns keep their places after blank ones."""

    def fill(sheet: Any) -> None:
        for at, cells in ((2, HEADER), (3, ("PI7DH85", "a")), (899, ("PABCDEF", "b"))):
            sheet.write(at, 1, cells[0])
            sheet.write(at, 3, cells[1])

    return _xls(fill, "S")


@odd("old-hidden.xls", reads(table(line(2, "PI7DH85", "a"), name="Seen"), notices=('sheet "Hidden" is hidden',)))
def hidden_sheet_of_an_old_workbook() -> bytes:
    """Hidden sheets are left out, and that is told."""

    def fill(seen: Any, hidden: Any) -> None:
        _fill(seen, ("PI7DH85", "a"))
        _fill(hidden, ("PABCDEF", "b"))
        hidden.visibility = 1

    return _xls(fill, "Seen", "Hidden")


@odd("old-1904.xls", reads_rows(line(2, "2026-03-29T09:00:00", "a")))
def old_workbook_of_the_1904_calendar() -> bytes:
    """A workbook of an old Macintosh."""
    content = io.BytesIO()
    made = xlwt.Workbook()
    made.dates_1904 = True
    sheet = made.add_sheet("S")
    _fill(sheet, (None, "a"))
    sheet.write(1, 0, 44648.375, xlwt.easyxf(num_format_str="yyyy-mm-dd hh:mm"))
    made.save(content)
    return content.getvalue()


@odd("old.csv", reads_rows(line(2, "PI7DH85", "a"), line(3, "PABCDEF", "b")))
def old_workbook_named_as_a_csv() -> bytes:
    """What a file holds counts, not its name."""
    return _xls(lambda sheet: _fill(sheet, ("PI7DH85", "a"), ("PABCDEF", "b")), "S")


@odd("old-cut.xls", refused("damaged|could not be read", "."))
def truncated_old_workbook() -> bytes:
    """A download that broke off."""
    return _xls(lambda sheet: _fill(sheet, *(("P" * 50, f"row {n}") for n in range(500))), "S")[:9000]


@odd("old-empty.xls", refused("no rows in any sheet", '"S"'))
def old_workbook_without_rows() -> bytes:
    """Nothing in the only sheet."""
    return _xls(lambda sheet: None, "S")


_FILEPASS = b"\x2f\x00\x36\x00" + b"\x01\x00\x01\x00" + bytes(50)  # [MS-XLS] 2.4.117


@odd("old-secret.xls", refused("encrypted|password", "password"))
def encrypted_old_workbook() -> bytes:
    """A workbook of Excel 97 with a password."""
    made = xlwt.Workbook()
    made.add_sheet("S").write(0, 0, "remote_id")
    stream = made.get_biff_data()
    first = 4 + int.from_bytes(stream[2:4], "little")  # the record that begins every stream
    content = io.BytesIO()
    xlwt.CompoundDoc.XlsDoc().save(content, stream[:first] + _FILEPASS + stream[first:])
    return content.getvalue()
