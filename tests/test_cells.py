"""Cells are named as spreadsheets name them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.cells import cell_name


@pytest.mark.parametrize(
    ("position", "row", "name"),
    [
        (0, 1, "A1"),
        (1, 7, "B7"),
        (25, 2, "Z2"),
        (26, 2, "AA2"),
        (51, 9, "AZ9"),
        (52, 9, "BA9"),
        (701, 1, "ZZ1"),
        (702, 1, "AAA1"),
        (16383, 1048576, "XFD1048576"),
    ],
)
def test_cells_are_named_as_spreadsheets_name_them(position: int, row: int, name: str) -> None:
    assert cell_name(position, row) == name


@given(st.integers(0, 100_000), st.integers(0, 100_000))
def test_two_columns_never_have_the_same_name(one: int, other: int) -> None:
    assert (cell_name(one, 1) == cell_name(other, 1)) is (one == other)
