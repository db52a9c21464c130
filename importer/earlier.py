"""What an earlier run left: read from its folder, or from its report, edited by hand or not."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from importer.errors import DamagedError, JournalError, SourceError
from importer.journal import JOURNAL_FILE, Entry, open_run
from importer.reader import Bounds, read
from importer.records import Key, Sheet, Status
from importer.reporter import is_report, split

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from importer.journal import Journal
    from importer.records import Row
    from importer.reporter import Carried, Splitter

#: One line of an earlier run: the sheet it is from, its row, and what that run left of it (None: nothing).
Left = tuple[Sheet, "Row", Entry | None]
_Sent = dict[tuple[str, int, str], Key]
_Filled = dict[str, set[int]]  # by the sheet's name: indices of the report's own columns
_CHUNK = 2000
#: A report is larger than its source: the product's columns stand before the source's, and a row can have 1,000 lines.
_BOUNDS = Bounds(bytes=10_000_000_000, rows=1_000_000_000, columns=20_000)


@dataclass(slots=True)
class Earlier:
    """An earlier run, as far as it is known."""

    path: Path  #: the run's folder, or the report
    run: str  #: the earlier run's name; empty where no line of a report says
    facts: Mapping[str, str] = field(default_factory=dict)  #: of its journal; empty where there is none

    @property
    def was_read(self) -> bool:
        """False where that run ended before it had read its sources, so that nothing was sent."""
        return self.facts.get("stage", "read") != "reading"

    @property
    def arguments(self) -> list[str]:
        """The sources that it was given, as absolute paths."""
        return list(orjson.loads(self.facts.get("arguments", "[]")))

    @property
    def options(self) -> dict[str, Any]:
        """How it read its sources: settings by name."""
        return dict(orjson.loads(self.facts.get("options", "{}")))

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
        for argument in self.arguments:
            if not Path(argument).is_file():
                raise SourceError(
                    f"{self.path} ended before it had read {argument}, which is not there any more; nothing was sent",
                    hint="start it again with: oncall-importer run SOURCE",
                )


def find_earlier(argument: str, reports: Path) -> Earlier:
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
                return _of_report(path)
    except OSError as error:  # a name that is too long, a folder that is somebody else's
        raise SourceError(f"{argument!r} cannot be opened: {error.strerror}", hint="name a run or a report") from error
    raise SourceError(
        f"there is no run and no report {argument!r}",
        hint=f"name a folder in {reports}/, or the report.csv or report.xlsx of a run",
    )


def _of_folder(path: Path) -> Earlier:
    with open_run(path) as folder:
        facts = folder.journal.facts()
    return Earlier(path, facts.get("run", path.name), facts)


def _of_report(path: Path) -> Earlier:
    """Take over how the run read its sources, where its journal lies beside the report; else only its name."""
    facts: Mapping[str, str] = {}
    if (path.parent / JOURNAL_FILE).is_file():
        with suppress(DamagedError):  # the report stands for itself
            facts = _of_folder(path.parent).facts
    return Earlier(path, facts.get("run") or _latest_run(path), facts)


def _latest_run(report: Path) -> str:
    """Give the latest run that a report's lines name: a run's name says whether it was a rehearsal.

    Raises:
        SourceError: no line names a run, and some claim to have succeeded: for real or in a rehearsal, nobody can tell.
    """
    outcomes = [entry.outcome for chunk in _from_report(report, {}) for _, _, entry in chunk if entry]
    latest = max((outcome.run for outcome in outcomes), default="")
    if not latest and any(outcome.status.is_success for outcome in outcomes):
        raise SourceError(
            f"{report} does not say which run its rows succeeded in",
            hint="put the column import_run back, or give the report where it was made, beside its journal",
        )
    return latest


def left_over(earlier: Earlier) -> Iterator[list[Left]]:
    """Give all lines of an earlier run in chunks, in the order of its source."""
    if earlier.path.is_dir():
        with open_run(earlier.path) as folder:
            yield from _from_journal(folder.journal)
    else:
        yield from _from_report(earlier.path, _sent(earlier.path.parent))


def _sent(folder: Path) -> _Sent:
    """Give what was really sent for each row, where the journal lies beside the report: cells can have been changed."""
    with suppress(JournalError), open_run(folder) as opened:
        return {(sheet, number, part): key for sheet, number, part, key in opened.journal.sent()}
    return {}


def _from_journal(journal: Journal) -> Iterator[list[Left]]:
    sheets = journal.sheets()
    chunk: list[Left] = []
    for sheet, row, entry in journal.entries():
        chunk.append((sheets[sheet], row, entry))
        if len(chunk) >= _CHUNK:
            yield chunk
            chunk = []
    yield chunk


def _from_report(path: Path, sent: _Sent) -> Iterator[list[Left]]:
    filled = _filled_columns(path)
    is_found = False
    for table, splitter, rows in _report_rows(path):
        is_found = True
        yield [_left(splitter.carry(row), table, splitter, sent, filled) for row in rows]
    if not is_found:
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


def _filled_columns(path: Path) -> _Filled:
    """Find for each sheet of the source which columns of its report have a text in its lines.

    A report has the columns of all its sheets side by side, and what a header means can depend on the others: those of
    other sheets must not be looked at.
    """
    filled: _Filled = {}
    for table, splitter, rows in _report_rows(path):
        for row in rows:
            carried = splitter.carry(row)
            own = filled.setdefault(carried.sheet or table.name, set())
            own.update(index for index, text in enumerate(carried.row.cells) if text and index not in own)
    return filled


def _left(carried: Carried, table: Sheet, splitter: Splitter, sent: _Sent, filled: _Filled) -> Left:
    name = carried.sheet or table.name
    header = splitter.header
    if len(filled) > 1:
        header = tuple(text if index in filled[name] else "" for index, text in enumerate(header))
    sheet = Sheet(table.source, name, header, splitter.positions)
    if carried.outcome is None:
        return sheet, carried.row, None
    key = sent.get((name, carried.row.number, carried.part))
    status = carried.outcome.status
    known = key if status.is_success or status is Status.UNKNOWN else None
    return sheet, carried.row, Entry(status, carried.kind, key=known, part=carried.part, outcome=carried.outcome)
