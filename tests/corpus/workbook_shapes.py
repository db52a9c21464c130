"""Workbooks whose rows, cells or sheets stand in odd places, and that are read all the same."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import xlsxwriter

from .kit import line, odd, reads, reads_rows, table
from .ooxml import (
    HEAD,
    book,
    book_parts,
    row,
    text,
    worksheet,
    zipped,
)

_ROW_2 = row(2, text("A2", "PI7DH85"), text("B2", "a"))
_ROW_3 = row(3, text("A3", "PABCDEF"), text("B3", "b"))
_TWO = reads_rows(line(2, "PI7DH85", "a"), line(3, "PABCDEF", "b"))


def _sized(dimension: str) -> bytes:
    sheet = worksheet(HEAD, _ROW_2, _ROW_3, before=f'<dimension ref="{dimension}"/>')
    return zipped(book_parts(("S", sheet)))


@odd("small.xlsx", _TWO)
def dimension_too_small() -> bytes:
    """A sheet that says it is one cell large: no row is lost."""
    return _sized("A1")


@odd("large.xlsx", _TWO)
def dimension_too_large() -> bytes:
    """A sheet that says it is as large as can be: no memory is spent on it."""
    return _sized("A1:XFD1048576")


@odd("nonsense.xlsx", _TWO)
def dimension_upside_down() -> bytes:
    """A sheet that ends before it begins."""
    return _sized("B3:A1")


@odd("unnamed.xlsx", _TWO)
def cells_and_rows_without_references() -> bytes:
    """Rows and cells that do not say where they are stand one after the other."""
    return book(*_unnamed_rows())


def _unnamed_rows() -> list[str]:
    texts = [("remote_id", "note"), ("PI7DH85", "a"), ("PABCDEF", "b")]
    return [
        "<row>" + "".join(f'<c t="str"><v>{content}</v></c>' for content in contents) + "</row>" for contents in texts
    ]


@odd("gaps.xlsx", reads(table(line(5, "PI7DH85", "a"), line(900, "PABCDEF", "b"), at="CF")))
def gaps_between_rows_and_columns() -> bytes:
    """The table begins in C3 and has holes: every row keeps its number."""
    rows = [
        row(3, text("C3", "remote_id"), text("F3", "note")),
        row(5, text("C5", "PI7DH85"), text("F5", "a")),
        row(900, text("C900", "PABCDEF"), text("F900", "b")),
    ]
    return book(*rows)


@odd("lower.xlsx", _TWO)
def references_in_small_letters() -> bytes:
    """Cells that are called a2."""
    return book(HEAD, _ROW_2.replace('"A2"', '"a2"'), _ROW_3.replace('"B3"', '"b3"'))


@odd("hidden-rows.xlsx", _TWO)
def hidden_rows_and_columns() -> bytes:
    """Rows that a filter hides, and a column of no width, are there."""
    sheet = worksheet(
        HEAD,
        _ROW_2.replace("<row ", '<row hidden="1" '),
        _ROW_3,
        before='<cols><col min="2" max="2" width="0" hidden="1"/></cols>',
        after='<autoFilter ref="A1:B3"/>',
    )
    return zipped(book_parts(("S", sheet)))


@odd("styled-blanks.xlsx", reads_rows(line(2, "PI7DH85", "a")))
def ten_thousands_of_formatted_blank_rows() -> bytes:
    """Cells with a style and nothing in them, down to row 30,000."""
    blank = (f'<row r="{n}"><c r="A{n}" s="0"/><c r="B{n}" s="0"/></row>' for n in range(3, 30_001))
    return book(HEAD, _ROW_2, *blank)


@odd("far-blank.xlsx", reads_rows(line(2, "PI7DH85", "a")))
def blank_cell_in_the_last_corner() -> bytes:
    """A cell with nothing in it stands at XFD1048576."""
    return book(HEAD, _ROW_2, row(1_048_576, '<c r="XFD1048576" s="0"/>'))


def by_xlsxwriter(fill: Any, **options: Any) -> bytes:
    """Make a workbook that `fill` is given to fill."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True, **options}) as made:
        fill(made)
    return content.getvalue()


@odd(
    "merged.xlsx", reads_rows(line(2, "PI7DH85", "both"), line(3, "PABCDEF", ""), notices=(r"merged cells \(B2:B3\)",))
)
def merged_cells() -> bytes:
    """The text of merged cells stands in the first of them and nowhere else."""

    def fill(made: Any) -> None:
        sheet = made.add_worksheet()
        sheet.write_column(0, 0, ["remote_id", "PI7DH85", "PABCDEF"])
        sheet.write(0, 1, "note")
        sheet.merge_range(1, 1, 2, 1, "both")

    return by_xlsxwriter(fill)


@odd(
    "titles.xlsx",
    reads_rows(line(5, "PI7DH85", "a"), notices=("rows 1 to 2 are above the header in row 4",)),
    is_header=lambda texts: "remote_id" in texts,
)
def merged_title_above_the_header() -> bytes:
    """A title over all columns, a remark, and the header in row 4."""

    def fill(made: Any) -> None:
        sheet = made.add_worksheet()
        sheet.merge_range(0, 0, 0, 1, "On-call schedules")
        sheet.write(1, 0, "as of March")
        sheet.write_row(3, 0, ["remote_id", "note"])
        sheet.write_row(4, 0, ["PI7DH85", "a"])

    return by_xlsxwriter(fill)


@odd("by-number.xlsx", reads_rows(line(4, "PI7DH85", "a"), notices=("row 1 is above",)), header_row=3)
def header_row_of_a_sheet_by_number() -> bytes:
    """Where the header stands can be said."""
    return book(
        row(1, text("A1", "id"), text("B1", "x")),
        row(3, text("A3", "remote_id"), text("B3", "note")),
        row(4, text("A4", "PI7DH85"), text("B4", "a")),
    )


@odd("furniture.xlsx", _TWO)
def furniture_of_a_sheet() -> bytes:
    """Comments, links, drop-downs, frozen panes, a table and defined names are no rows."""

    def fill(made: Any) -> None:
        sheet = made.add_worksheet()
        sheet.add_table(
            0,
            0,
            2,
            1,
            {"columns": [{"header": "remote_id"}, {"header": "note"}], "data": [["PI7DH85", "a"], ["PABCDEF", "b"]]},
        )
        sheet.write_comment(1, 0, "from the wiki")
        sheet.write_url(2, 0, "https://acme.pagerduty.com/schedules/PABCDEF", string="PABCDEF")
        sheet.data_validation(1, 1, 2, 1, {"validate": "list", "source": ["a", "b"]})
        sheet.freeze_panes(1, 0)
        made.define_name("Ids", "=Sheet1!$A$2:$A$3")

    return by_xlsxwriter(fill)


@odd("openpyxl.xlsx", reads(table(line(2, "PI7DH85", "a"), line(3, "PABCDEF", "b"), name="Sheet")))
def written_by_openpyxl() -> bytes:
    """What scripts write."""
    made = openpyxl.Workbook()
    for cells in (["remote_id", "note"], ["PI7DH85", "a"], ["PABCDEF", "b"]):
        made.active.append(cells)
    content = io.BytesIO()
    made.save(content)
    return content.getvalue()


@odd("workbook.csv", _TWO)
def workbook_named_as_a_csv() -> bytes:
    """What a file holds counts, not its name."""
    return book(HEAD, _ROW_2, _ROW_3)
