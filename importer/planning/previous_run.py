"""What an earlier run left: read from its folder, or from its report, edited by hand or not."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import DamagedError, JournalError, SourceError
from importer.journal.run_folder import JOURNAL_FILE, open_run
from importer.journal.run_info import info_of_name
from importer.planning.report_lines import Bound, Memory, PreviousLine, Table
from importer.reader.limits import Bounds
from importer.reader.read import read
from importer.reporter.report_reader import is_report, split

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from importer.journal.journal import Journal
    from importer.journal.run_info import RunInfo
    from importer.planning.report_lines import Filled
    from importer.records import Row, Sheet
    from importer.reporter.report_reader import Splitter


_CHUNK = 2000
#: A report is larger than its source: the product's columns stand before the source's, and a row can have 1,000 lines.
_BOUNDS = Bounds(bytes=10_000_000_000, rows=1_000_000_000, columns=20_000)


@dataclass(slots=True)
class PreviousRun:
    """An earlier run, as far as it is known."""

    path: Path  #: the run's folder, or the report
    info: RunInfo  #: of its journal; where there is none, what the name says that a report's lines give
    folder: Path | None = None  #: where that journal is, if `path` is a report

    @property
    def run(self) -> str:
        """The earlier run's name; empty where no line of a report says it."""
        return self.info.run

    @property
    def is_without_journal(self) -> bool:
        """True for a report that must stand for itself."""
        return self.folder is None and not self.path.is_dir()

    def sources(self) -> list[tuple[str, str, str]]:
        """Give name, absolute path and SHA-256 of what its rows come from: its own sources, or the report."""
        if self.path.is_dir():
            with open_run(self.path) as folder:
                return folder.journal.sources()
        with self.path.open("rb") as file:
            return [(str(self.path), str(self.path.absolute()), hashlib.file_digest(file, "sha256").hexdigest())]

    def check_sources(self) -> None:
        """See that what the run was given can be read again.

        Raises:
            SourceError: something is not there any more (standard input never is).
        """
        for argument in self.info.arguments:
            if not Path(argument).is_file():
                raise SourceError(
                    f"{self.path} ended before it had read {argument}, which is not there any more; nothing was sent",
                    hint="start it again with: oncall-importer run SOURCE",
                )


def find_earlier(argument: str, reports: Path) -> PreviousRun:
    """Find the run or report that the user means: a folder, a run's name, a report file.

    Raises:
        SourceError: there is nothing of the kind.
        JournalError: that run is still going on, or its journal cannot be used.
    """
    try:
        for path in (Path(argument), reports / argument):
            if path.name == JOURNAL_FILE and path.is_file():
                return _of_folder(path.parent)
            if path.is_dir():
                return _of_folder(path)
            if path.is_file():
                return _of_report(path, reports)
    except OSError as error:  # a name that is too long, a folder that is somebody else's
        raise SourceError(f"{argument!r} cannot be opened: {error.strerror}", hint="name a run or a report") from error
    raise SourceError(
        f"there is no run and no report {argument!r}",
        hint=f"name a folder in {reports}/ in full (oncall-importer runs lists them), or a run's report.csv or .xlsx",
    )


def _of_folder(path: Path) -> PreviousRun:
    with open_run(path) as folder:
        return PreviousRun(path, folder.journal.info())


def _of_report(path: Path, reports: Path) -> PreviousRun:
    """Take over how the run read its sources, where its journal lies beside the report or in `reports`."""
    if info := _info(path.parent):
        return PreviousRun(path, info, path.parent)
    run = _latest_run(path)
    folder = reports / run
    if run and Path(run).name == run and (info := _info(folder)):  # a cell is no path
        return PreviousRun(path, info, folder)
    return PreviousRun(path, info_of_name(run))


def _info(folder: Path) -> RunInfo | None:
    if (folder / JOURNAL_FILE).is_file():
        with suppress(DamagedError):  # the report stands for itself
            return _of_folder(folder).info
    return None


def _latest_run(report: Path) -> str:
    """Give the latest run that a report's lines name: a run's name says whether it was a rehearsal.

    Raises:
        SourceError: no line names a run, and some claim to have succeeded: for real or in a rehearsal, nobody can tell.
    """
    outcomes = [entry.outcome for chunk in _from_report(report) for _, _, entry, _ in chunk if entry]
    latest = max((outcome.run for outcome in outcomes), default="")
    if not latest and any(outcome.status.is_success for outcome in outcomes):
        raise SourceError(
            f"{report} does not say which run its rows succeeded in",
            hint="put the column import_run back, or give the report where it was made, beside its journal",
        )
    return latest


def left_over(previous: PreviousRun) -> Iterator[list[PreviousLine]]:
    """Give all lines of an earlier run in chunks, in the order of its source."""
    if previous.path.is_dir():
        with open_run(previous.path) as folder:
            yield from _from_journal(folder.journal)
    else:
        yield from _from_report(previous.path, _remember(previous.folder))


def _remember(folder: Path | None) -> Memory:
    if folder is not None:
        with suppress(JournalError), open_run(folder) as opened:
            headers = {sheet.name: sheet.header for sheet in opened.journal.sheets()}
            sent = {
                (sheet, number, part): (key, hash(cells)) for sheet, number, part, key, cells in opened.journal.sent()
            }
            return Memory(headers, sent, _remember_groups(opened.journal))
    return Memory()


def _remember_groups(journal: Journal) -> dict[tuple[str, int, str], Bound]:
    names = [sheet.name for sheet in journal.sheets()]
    if not journal.bindings:
        return {}
    return {
        (names[sheet], row.number, entry.part): Bound(entry.was, entry.groups, entry.bound)
        for sheet, row, entry in journal.entries()
        if entry.groups or entry.bound
    }


def _from_journal(journal: Journal) -> Iterator[list[PreviousLine]]:
    sheets = journal.sheets()
    chunk: list[PreviousLine] = []
    for sheet, row, entry in journal.entries():
        chunk.append(PreviousLine(sheets[sheet], row, entry, is_unedited=True))
        if len(chunk) >= _CHUNK:
            yield chunk
            chunk = []
    yield chunk


def _from_report(path: Path, memory: Memory | None = None) -> Iterator[list[PreviousLine]]:
    memory = memory or Memory()
    filled = _filled_columns(path) if len(memory.headers) > 1 else {}
    tables: dict[int, Table] = {}  # by the identity of what takes the table apart, which is kept in it
    for sheet, splitter, rows in _report_rows(path):
        table = tables.setdefault(id(splitter), Table(sheet, splitter, memory, filled))
        yield [table.left(splitter.carry(row)) for row in rows]
    if not tables:
        raise SourceError(
            f"{path} is no report: it has no columns import_row and import_status",
            hint="give a run's folder, or its report.csv or report.xlsx; a new file goes through: oncall-importer run",
        )


def _report_rows(path: Path) -> Iterator[tuple[Sheet, Splitter, Sequence[Row]]]:
    """Read a report's rows in chunks, each with its table and how that is taken apart."""
    splitters: dict[int, tuple[Sheet, Splitter]] = {}  # by the identity of the sheet, which is kept beside it
    for chunk in read(path, bounds=_BOUNDS):
        if is_report(chunk.sheet.header):
            _, splitter = splitters.setdefault(id(chunk.sheet), (chunk.sheet, split(chunk.sheet)))
            yield chunk.sheet, splitter, chunk.rows


def _filled_columns(path: Path) -> Filled:
    """Find for each sheet of the source which columns of its report have a text in its lines."""
    filled: Filled = {}
    for table, splitter, rows in _report_rows(path):
        for row in rows:
            carried = splitter.carry(row)
            own = filled.setdefault(carried.sheet or table.name, set())
            own.update(index for index, text in enumerate(carried.row.cells) if text and index not in own)
    return filled
