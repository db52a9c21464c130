"""A report has the product's columns, then each of the source's once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_lines import any_sheets, make_line, make_sheet, unhurried

from importer.records import PRODUCT_COLUMNS, Sheet
from importer.reporter.columns import Columns, changed_cells, digest_cells, header_cells, line_cells, merge_columns


def test_the_products_columns_are_those_of_the_contract() -> None:
    assert ",".join(PRODUCT_COLUMNS) == (
        "import_row,import_sheet,import_part,import_kind,import_status,import_id,import_http_status,"
        "import_error,import_cell,import_hint,import_attempts,import_finished_at,import_run,import_source,import_mapping"
    )


def test_a_column_that_two_sheets_share_is_one_in_order_of_first_appearance() -> None:
    merged = merge_columns([make_sheet("id", "team"), make_sheet("team", "note", "id")])
    assert merged == Columns(header=("id", "team", "note"), places=((0, 1, -1), (2, 0, 1)))


def test_a_column_that_a_sheet_repeats_stays_as_often_and_meets_its_like_in_another_sheet() -> None:
    merged = merge_columns([make_sheet("note", "id", "note"), make_sheet("note", "note", "note")])
    assert merged == Columns(header=("note", "id", "note", "note"), places=((0, 1, 2, -1), (0, -1, 1, 2)))


def test_columns_without_a_name_are_kept() -> None:
    assert merge_columns([make_sheet("", "id", "")]).header == ("", "id", "")


@unhurried
@given(any_sheets())
def test_columns_of_a_report_read_again_are_the_same_columns(sheets: list[Sheet]) -> None:
    once = merge_columns(sheets).header
    assert merge_columns([make_sheet(*once) for _ in sheets]).header == once


def test_no_sheets_make_a_report_of_the_products_columns_only() -> None:
    assert header_cells([]) == list(PRODUCT_COLUMNS)


def test_a_line_has_empty_cells_where_its_sheet_lacks_the_column() -> None:
    sheets = [make_sheet("id", "team"), make_sheet("note", "id")]
    lines = [make_line("1", "a", sheet=0), make_line("n", "2", sheet=1)]
    assert [cells[len(PRODUCT_COLUMNS) :] for cells in line_cells(sheets, lines)] == [["1", "a", ""], ["2", "", "n"]]


@unhurried
@given(st.data())
def test_every_line_is_as_wide_as_the_header(data: st.DataObject) -> None:
    sheets = data.draw(any_sheets())
    line = make_line(*(str(place) for place in range(len(sheets[-1].header))), sheet=len(sheets) - 1)
    assert [len(cells) for cells in line_cells(sheets, [line])] == [len(header_cells(sheets))]


@pytest.mark.parametrize(
    ("header", "cells", "changed"),
    [
        ("a b a", "1 2 3", []),
        ("b a a", "2 1 3", []),
        ("a b", "1 2", []),
        ("a b a new", "1 2 3 ", []),
        ("a b a", "1 3 2", [1, 2]),
        ("a b a", "1  3", [1]),
        ("a b a new", "1 2 3 4", [3]),
    ],
)
def test_a_changed_cell_is_known_by_its_digest_wherever_its_column_was_moved(
    header: str, cells: str, changed: list[int]
) -> None:
    digest = digest_cells("aba", "123")
    assert changed_cells(header.split(), cells.split(" "), digest) == changed
    assert changed_cells(header.split(), cells.split(" "), "no digest") == []
