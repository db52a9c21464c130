"""The process that parses a workbook ends with its use, sees no tokens, and its death is one clear sentence."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import python_calamine
import xlsxwriter

from importer.errors import SourceError
from importer.reader.limits import Bounds
from importer.reader.read import read
from importer.reader.tables import CHUNK_ROWS
from importer.reader.workbook import Child, workbook_chunks

Workbook = Callable[..., Path]


def parse_with(program: str, path: Path, bounds: Bounds = Bounds()) -> SourceError:  # noqa: B008  (frozen)
    """Read a workbook with another program in the child's place."""
    with path.open("rb") as file, pytest.raises(SourceError) as caught:
        list(workbook_chunks(file, "t.xlsx", [], [], bounds=bounds, command=[sys.executable, "-c", program]))
    return caught.value


def children() -> set[str]:
    """Return the processes that this one started and did not wait for; the server that starts commands is one."""
    return {pid for one in Path("/proc/self/task").glob("*/children") for pid in one.read_text().split()}


@pytest.fixture(scope="module", autouse=True)
def readers() -> None:
    """Start each process as the product does."""


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    before = children()
    yield
    assert children() <= before


def test_a_reading_ends_without_an_exception_where_no_more_files_may_be_open_and_the_next_one_says_so(
    workbook: Workbook,
) -> None:
    path = workbook(
        '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row><row r="2"><c r="A2"><v>1</v></c></row>'
    )
    chunks = iter(read(path))
    next(chunks)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        chunks.close()
        with pytest.raises(SourceError, match="could not be read: too many open files") as caught:
            next(iter(read(path)))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert caught.value.hint == "Raise how many files a process may have open (ulimit -n), and try again."


def test_a_killed_child_is_one_sentence(workbook: Workbook) -> None:
    error = parse_with("import os; os.kill(os.getpid(), 9)", workbook())
    assert error.message == "t.xlsx could not be read: the process that parses it was ended by SIGKILL"
    assert "save it again as .xlsx" in error.hint


def test_a_child_that_fails_says_its_last_words(workbook: Workbook) -> None:
    error = parse_with("raise SystemExit('out of \\x1b luck')", workbook())
    assert error.message == (
        "t.xlsx could not be read: the process that parses it ended with status 1 (out of \\x1b luck)"
    )


def test_a_child_that_ends_early_is_not_taken_for_the_end(workbook: Workbook) -> None:
    error = parse_with("""print('["sheet", "S", ["id"], [0]]')""", workbook())
    assert error.message == "t.xlsx could not be read: the process that parses it ended with status 0"


def test_a_child_that_hangs_is_ended(workbook: Workbook) -> None:
    error = parse_with("import signal; signal.pause()", workbook(), Bounds(seconds=0.01))
    assert error.message == "t.xlsx was not read within 0.01 seconds"


def test_a_child_that_ends_well_has_status_0_and_nothing_to_say() -> None:
    with Child([sys.executable, "-c", "print(1)"], seconds=60) as child:
        assert list(child.lines()) == [b"1"]
        assert child.end() == (0, "")


def test_every_error_of_calamine_is_one_that_is_mapped() -> None:
    errors = [
        thing for thing in vars(python_calamine).values() if isinstance(thing, type) and issubclass(thing, Exception)
    ]
    assert errors
    assert all(issubclass(error, python_calamine.CalamineError) for error in errors)


def test_a_stray_cell_at_the_far_end_is_one_sentence_at_once(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "id")
        sheet.write(1_048_575, 16_383, "stray")
    with pytest.raises(SourceError, match="cell XFD1048576 lies beyond column 1,000") as caught:
        list(read(path))
    assert "far from the data" in caught.value.hint


def test_a_reading_closed_early_leaves_no_process(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet().write_column(0, 0, ["id", *map(str, range(3 * CHUNK_ROWS))])
    chunks = iter(read(path))
    next(chunks)
    chunks.close()


def test_a_child_is_reaped_however_its_use_ends() -> None:
    child = Child([sys.executable, "-c", "import signal; signal.pause()"], seconds=60)
    with pytest.raises(KeyError), child:
        raise KeyError
    assert child.process.poll() is not None


def test_the_child_does_not_see_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPAL_TOKEN", "canary")
    with Child([sys.executable, "-c", "import os; print('canary' in str(os.environ))"], seconds=60) as child:
        assert list(child.lines()) == [b"False"]


def test_a_module_in_the_current_folder_is_not_taken_for_ours(
    tmp_path: Path, workbook: Workbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workbook('<row><c t="str"><v>id</v></c></row>')
    (tmp_path / "orjson.py").write_text("raise SystemExit('run by mistake')")
    monkeypatch.chdir(tmp_path)
    (chunk,) = read(path.name)
    assert chunk.sheet.header == ("id",)


def test_long_lines_and_many_lines_arrive_whole() -> None:
    program = "print('x' * 300_000); [print(n) for n in range(50_000)]; print('not ended', end='')"
    with Child([sys.executable, "-c", program], seconds=60) as child:
        assert list(child.lines()) == [b"x" * 300_000, *(str(n).encode() for n in range(50_000))]
