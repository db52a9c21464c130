"""A report is written whole or not at all, and never at the cost of an older one."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from report_lines import make_line, make_sheet

import importer.reporter
from importer.errors import JournalError, ReportError
from importer.reporter.atomic_file import is_special
from importer.reporter.report_csv import write_csv
from importer.reporter.report_xlsx import write_xlsx
from importer.reporter.summary_json import write_summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from importer.records import ReportLine, Sheet


class Write(Protocol):
    def __call__(self, path: Path, sheets: Sequence[Sheet], lines: Iterable[ReportLine]) -> Path | None: ...


def summary(path: Path, sheets: Sequence[Sheet], lines: Iterable[ReportLine]) -> Path:
    return write_summary(path, {"lines": len(list(lines))})


every_form = pytest.mark.parametrize(
    ("write", "name"),
    [(write_csv, "report.csv"), (write_xlsx, "report.xlsx"), (summary, "summary.json")],
    ids=["csv", "xlsx", "summary"],
)
SHEETS = [make_sheet("note")]
LINES = [make_line("x")]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@every_form
def test_a_report_is_for_its_owner_only_also_where_an_older_one_was_not(
    tmp_path: Path, write: Write, name: str
) -> None:
    report = tmp_path / name
    report.write_text("older")
    report.chmod(0o644)
    assert write(report, SHEETS, LINES) == report
    assert oct(report.stat().st_mode & 0o777) == oct(0o600)
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("write", [write_csv, write_xlsx])
def test_lines_that_break_off_leave_the_older_report_and_nothing_else(tmp_path: Path, write: Write) -> None:
    def lines() -> Iterator[ReportLine]:
        yield from (make_line("x" * 100, row=number) for number in range(2, 2000))
        raise JournalError("The journal is damaged.", hint="Keep it.")

    report = tmp_path / "report.csv"
    report.write_text("older")
    with pytest.raises(JournalError):
        write(report, SHEETS, lines())
    assert (report.read_text(), names(tmp_path)) == ("older", ["report.csv"])


@every_form
def test_a_read_only_report_is_left_alone_and_the_new_one_gets_the_next_name(
    tmp_path: Path, write: Write, name: str
) -> None:
    report = tmp_path / name
    report.write_text("older")
    report.chmod(0o400)
    second = report.with_stem(f"{report.stem}-2")
    assert write(report, SHEETS, LINES) == second
    assert (report.read_text(), names(tmp_path)) == ("older", sorted([name, second.name]))


def test_names_that_are_folders_or_read_only_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "report.csv").mkdir()
    (tmp_path / "report-2.csv").touch(0o400)
    assert write_csv(tmp_path / "report.csv", SHEETS, LINES) == tmp_path / "report-3.csv"


def test_where_no_name_is_left_one_sentence_says_so(tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    report.mkdir()
    for number in range(2, 101):
        (tmp_path / f"report-{number}.csv").mkdir()
    with pytest.raises(ReportError, match="read-only or folders"):
        write_csv(report, SHEETS, LINES)
    assert len(names(tmp_path)) == 100


@every_form
def test_a_missing_folder_is_an_error_that_names_the_report(tmp_path: Path, write: Write, name: str) -> None:
    report = tmp_path / "gone" / name
    with pytest.raises(ReportError) as caught:
        write(report, SHEETS, LINES)
    assert caught.value.message == f"{report} could not be written: No such file or directory"
    assert "journal" in caught.value.hint


FULL_DISK = """
    import resource, sys
    from pathlib import Path
    from report_lines import make_line, make_sheet
    from importer.errors import ReportError
    from importer.reporter.report_csv import write_csv
    from importer.reporter.report_xlsx import write_xlsx

    write, lines, path = globals()[sys.argv[1]], int(sys.argv[2]), Path(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    try:
        write(path, [make_sheet("note")], [make_line("x" * 100)] * lines)
    except ReportError as error:
        print(error.message)
"""


@pytest.mark.parametrize("lines", [5, 2000], ids=["fails when closed", "fails when written"])
@pytest.mark.parametrize("write", ["write_csv", "write_xlsx"])
def test_a_full_disk_leaves_the_older_report_and_one_sentence(tmp_path: Path, write: str, lines: int) -> None:
    report = tmp_path / "report"
    report.write_text("older")
    # A limit on the size of files is what a full disk is to the one who writes.
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL_DISK), write, str(lines), str(report)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join((_root(), str(Path(__file__).parent)))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == (f"{report} could not be written: File too large\n", "")
    assert (report.read_text(), names(tmp_path)) == ("older", ["report"])


def _root() -> str:
    return str(Path(importer.reporter.__file__).parents[2])


def test_a_device_is_written_into_and_never_replaced(tmp_path: Path) -> None:
    """A pipe stands for every device: a test that could replace /dev/null would do harm."""
    pipe = tmp_path / "report.csv"
    os.mkfifo(pipe)
    with pytest.raises(ReportError, match="could not be written"):  # nobody reads it: it is not waited for
        write_csv(pipe, SHEETS, LINES)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert write_csv(pipe, SHEETS, LINES) == pipe
        assert os.read(reader, 1 << 16).startswith(b"\xef\xbb\xbfimport_row,")
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert [path.name for path in tmp_path.iterdir()] == ["report.csv"]


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "report.csv"
    link.symlink_to(tmp_path / "there" / "real.csv")
    write_csv(link, SHEETS, LINES)
    assert link.is_symlink()
    assert (tmp_path / "there" / "real.csv").read_bytes().startswith(b"\xef\xbb\xbfimport_row,")


def test_the_devices_of_this_machine_are_known_as_such() -> None:
    for path in ("/dev/null", "/dev/stdout", "/dev/full"):
        assert is_special(Path(path))
