"""What was pulled is there whole or not at all, and nothing is left that somebody would have to clear away."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from importer.errors import ReportError
from importer.reporter.pulled_tables import SHEETS, Table, write_tables
from importer.reporter.xlsx_writer import BOLD, Book, CellStyle, put_cells, put_row, write_book

TABLES = [Table(name, ("one", "two"), [("=1+1", "b")]) for name in SHEETS]

#: Writes until it is killed in the middle: the last table waits for ever.
KILLED = """
import sys, time
from pathlib import Path
from importer.reporter.pulled_tables import SHEETS, Table, write_tables

class Rows(list):
    def __iter__(self):
        print("half", flush=True)
        time.sleep(600)

tables = [Table(name, ("one",), [("a",)] * 1000) for name in SHEETS[:-1]]
write_tables(Path(sys.argv[1]), [*tables, Table(SHEETS[-1], ("one",), Rows())])
"""


@pytest.mark.parametrize("name", ["pulled.xlsx", "folder", "pulled.csv"])
def test_a_process_that_is_killed_leaves_nothing_that_the_next_one_does_not_clear_away(
    tmp_path: Path, name: str
) -> None:
    output = tmp_path / name
    with subprocess.Popen([sys.executable, "-c", KILLED, output], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        process.kill()
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == []
    written = write_tables(output, TABLES)
    assert sorted(tmp_path.iterdir()) == (sorted(written) if output.suffix else [output])
    if not output.suffix:
        assert sorted(output.iterdir()) == sorted(written)


@pytest.mark.parametrize("name", ["folder", "pulled.csv"])
def test_a_set_that_was_half_put_in_its_place_has_no_notes_and_is_told(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / name
    (tmp_path / "folder").mkdir()
    *others, notes = write_tables(output, TABLES)
    replace = Path.replace

    def replace_some(self: Path, target: Path) -> Path:
        if self.name == others[2].name:
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", replace_some)
    with pytest.raises(KeyboardInterrupt):
        write_tables(output, [table._replace(rows=[("new", "")]) for table in TABLES], is_replaced=True)
    monkeypatch.undo()
    assert "new" in others[0].read_text()
    assert "new" not in others[2].read_text()
    assert not notes.exists()
    with pytest.raises(ReportError, match=f"a pull that was killed can have left it without {notes.name}"):
        write_tables(output, TABLES)
    assert write_tables(output, TABLES, is_replaced=True) == [*others, notes]


#: Rows of which some need care: escapes, spaces at an end, nothing, what is joined.
ROWS = [
    ("plain", "Jos\u00e9 \U0001f600", "a|b", "x_y"),
    ("a & b", "1 < 2", '"quoted"', "it's"),
    (" before", "after ", "\u00a0", "two\nlines"),
    ("_x0041_", "a_xb", "\x01", "tab\t"),
    ("", "", "", ""),
    ("", "second", "", "last"),
    ("|", "||", " | ", ""),
    ("last", "", "", ""),
]


def test_a_row_is_written_in_one_step_as_cell_by_cell(tmp_path: Path) -> None:
    def sheet(*, is_by_row: bool) -> bytes:
        def fill(book: Book) -> None:
            made, style = book.add_sheet("One"), book.style(CellStyle())
            put_cells(made, 0, ("one", "two", "three", "four"), book.style(BOLD))
            for number, row in enumerate(ROWS * 2, 1):
                if is_by_row:
                    put_row(made, number, row, style)
                else:
                    put_cells(made, number, row, style)

        with ZipFile(write_book(tmp_path / f"{is_by_row}.xlsx", fill)) as archive:
            return archive.read("xl/worksheets/sheet1.xml")

    assert sheet(is_by_row=True) == sheet(is_by_row=False)


@pytest.mark.parametrize("text", ["\ud800", "x" * 32_768, "<r>rich</r>"])
def test_what_no_workbook_can_hold_is_told_and_goes_into_csv(tmp_path: Path, text: str) -> None:
    tables = [table._replace(rows=[("a", text)]) for table in TABLES]
    with pytest.raises(ReportError, match="a text is too long for a workbook, or") as caught:
        write_tables(tmp_path / "pulled.xlsx", tables)
    assert caught.value.hint == "Name an output that ends in .csv."
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_replaced_only_when_asked_and_then_wholly(tmp_path: Path) -> None:
    for name in ("pulled.xlsx", "folder"):
        first = write_tables(tmp_path / name, TABLES)
        before = [path.read_bytes() for path in first]
        with pytest.raises(ReportError, match="already exists"):
            write_tables(tmp_path / name, TABLES)
        assert write_tables(tmp_path / name, [table._replace(rows=[]) for table in TABLES], is_replaced=True) == first
        assert [path.read_bytes() for path in first] != before
    with pytest.raises(ReportError, match="there is no folder"):
        write_tables(tmp_path / "none" / "pulled.xlsx", TABLES)
