"""A row's number leads to the line of the file on which it begins."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import openpyxl

from importer.reader.read import find_lines, read

if TYPE_CHECKING:
    from pathlib import Path


def test_rows_are_found_behind_cells_that_run_over_lines(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text('id,note\n1,"two\nlines"\n\n2,"x"\n3,"a\n\nb"\n4,y\n', encoding="utf-8")
    numbers = [row.number for chunk in read(path) for row in chunk.rows]
    assert numbers == [2, 4, 5, 6]
    assert find_lines(str(path), numbers) == {2: 2, 4: 5, 5: 6, 6: 9}


def test_a_hint_for_excel_is_a_line_and_no_row(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("sep=;\nid;note\n1;x\n", encoding="utf-16")
    assert find_lines(str(path), [2]) == {2: 3}


def test_nothing_is_found_where_there_are_no_lines(tmp_path: Path) -> None:
    """In a workbook, in a file that is gone, in one that was broken since."""
    book = openpyxl.Workbook()
    book.active.append(["id"])
    book.save(tmp_path / "s.xlsx")
    broken = tmp_path / "s.csv"
    broken.write_text('id\n"1\n', encoding="utf-8")
    assert [find_lines(str(path), [2]) for path in (tmp_path / "s.xlsx", tmp_path / "gone.csv", broken)] == [{}] * 3


def test_a_packed_file_is_read_as_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "s.csv.gz"
    path.write_bytes(gzip.compress(b"id\n1\n2\n"))
    assert find_lines(str(path), [3]) == {3: 3}
