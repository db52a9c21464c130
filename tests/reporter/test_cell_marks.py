"""What was found in a row is said at the cell that it is about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.cells import cell_name
from importer.records import Problem
from importer.reporter.xlsx_writer import Fill, Mark, mark_row, named_cells


@given(st.lists(st.tuples(st.integers(0, 16_383), st.integers(1, 2_000_000)), max_size=5))
def test_cells_are_found_in_the_text_that_names_them(cells: list[tuple[int, int]]) -> None:
    assert list(named_cells(", ".join(cell_name(*cell) for cell in cells))) == cells


@pytest.mark.parametrize("text", ["", "row 7", "B", "7", "B0", "b7", "ABCD1", "B7:C9", "B7;C9"])
def test_what_names_no_cell_is_passed_over(text: str) -> None:
    assert list(named_cells(text)) == []


def test_all_that_is_wrong_with_a_cell_is_one_comment_and_a_problem_outweighs_a_warning() -> None:
    problems = [Problem("it is empty", "write an id", cell="B7"), Problem("it is odd", cell="C7")]
    warnings = [Problem("it is old", "look at it", cell="B7"), Problem("it is long", cell="D7")]
    assert mark_row(7, (1, 2, 3), problems, warnings) == {
        1: Mark(Fill.BAD, "it is empty\nWrite an id\n\nWarning: it is old\nLook at it"),
        2: Mark(Fill.BAD, "it is odd"),
        3: Mark(Fill.NEUTRAL, "Warning: it is long"),
    }


@pytest.mark.parametrize("cell", ["", "B9", "the header"])
def test_what_is_about_no_cell_of_the_row_is_said_at_its_first_cell(cell: str) -> None:
    assert mark_row(7, (4, 5), [Problem("the sheet has no column kind", cell=cell)], []) == {
        4: Mark(Fill.BAD, "the sheet has no column kind")
    }


def test_a_problem_of_two_cells_marks_both() -> None:
    assert mark_row(7, (0, 1, 2), [Problem("they clash", cell="A7, C7")], []).keys() == {0, 2}
