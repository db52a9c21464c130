"""Workbooks whose parts are binary (.xlsb), odd ones among them."""

from __future__ import annotations

from . import binary_records as xlsb
from .kit import line, odd, reads, reads_rows, refused, table

_TWO = reads_rows(line(2, "PI7DH85", "a"), line(3, "PABCDEF", "b"))


_XLSB_ROWS = (xlsb.row(1, "remote_id", "note"), xlsb.row(2, "PI7DH85", "a"), xlsb.row(3, "PABCDEF", "b"))


@odd("binary.xlsb", reads(table(line(2, "PI7DH85", "a"), line(3, "PABCDEF", "b"), name="On call")))
def binary_workbook() -> bytes:
    """A workbook whose parts are binary."""
    return xlsb.book(("On call", xlsb.sheet(*_XLSB_ROWS)))


@odd(
    "binary-values.xlsb",
    reads_rows(line(2, "00042", "42"), line(4, "TRUE", "0.1"), line(5, "PI7DH85", "#REF!", B5="holds the error #REF!")),
)
def values_of_a_binary_workbook() -> bytes:
    """Numbers and booleans are text, an error is a problem of its cell, a gap counts."""
    rows = (xlsb.row(2, "00042", 42), xlsb.row(4, True, 0.1), xlsb.row(5, "PI7DH85", "#REF!"))
    return xlsb.book(("S", xlsb.sheet(_XLSB_ROWS[0], *rows)))


@odd("binary-size.xlsb", _TWO)
def binary_workbook_that_lies_about_its_size() -> bytes:
    """A sheet that says it is as large as can be."""
    return xlsb.book(("S", xlsb.sheet(*_XLSB_ROWS, size=(0, 1_048_575, 0, 16_383))))


@odd(
    "binary-hidden.xlsb",
    reads(table(line(2, "PI7DH85", "a"), line(3, "PABCDEF", "b"), name="Seen"), notices=('sheet "Hidden" is hidden',)),
)
def hidden_sheet_of_a_binary_workbook() -> bytes:
    """Hidden sheets are left out, and that is told."""
    content = xlsb.sheet(*_XLSB_ROWS)
    return xlsb.book(("Hidden", content), ("Seen", content), states=(1, 0))


@odd("binary-cut.xlsb", refused("damaged|could not be read", "."))
def binary_sheet_that_breaks_off() -> bytes:
    """A part that ends in the middle of a record."""
    return xlsb.book(("S", xlsb.sheet(*_XLSB_ROWS)[:-20]))


@odd("binary-corners.xlsb", refused("cell XFD1048576 lies beyond column 1,000", "far from the data"))
def binary_cells_in_opposite_corners() -> bytes:
    """A1 and XFD1048576, which let a parser ask for the whole grid."""
    far = xlsb.row(1_048_576, *[None] * 16_383, "x")
    return xlsb.book(("S", xlsb.sheet(*_XLSB_ROWS, far)))
