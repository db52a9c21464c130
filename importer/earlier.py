"""What an earlier run left: read from its folder, or from its report, edited by hand or not."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from importer.errors import DamagedError, SourceError
from importer.journal import JOURNAL_FILE, Entry, open_run
from importer.reader import read
from importer.records import Sheet
from importer.reporter import is_report, split

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from importer.journal import Journal
    from importer.records import Row
    from importer.reporter import Carried, Splitter

#: One line of an earlier run: the sheet it is from, its row, and what that run left of it (None: nothing).
Left = tuple[Sheet, "Row", Entry | None]
_CHUNK = 2000


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
    def options(self) -> dict[str, object]:
        """How it read its sources: settings by name."""
        return dict(orjson.loads(self.facts.get("options", "{}")))

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
    for path in (Path(argument), reports / argument):
        if path.name == JOURNAL_FILE and path.is_file():
            path = path.parent  # noqa: PLW2901
        if path.is_dir():
            return _of_folder(path)
        if path.is_file():
            return _of_report(path)
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
    """Give the latest run that a report's lines name: a run's name says whether it was a rehearsal."""
    return max((entry.outcome.run for chunk in _from_report(report) for _, _, entry in chunk if entry), default="")


def left_over(earlier: Earlier) -> Iterator[list[Left]]:
    """Give all lines of an earlier run in chunks, in the order of its source."""
    if earlier.path.is_dir():
        with open_run(earlier.path) as folder:
            yield from _from_journal(folder.journal)
    else:
        yield from _from_report(earlier.path)


def _from_journal(journal: Journal) -> Iterator[list[Left]]:
    sheets = journal.sheets()
    chunk: list[Left] = []
    for sheet, row, entry in journal.entries():
        chunk.append((sheets[sheet], row, entry))
        if len(chunk) >= _CHUNK:
            yield chunk
            chunk = []
    yield chunk


def _from_report(path: Path) -> Iterator[list[Left]]:
    sheets: dict[str, Sheet] = {}  # by name, as `import_sheet` tells it; all have the report's columns
    splitter: Splitter | None = None
    for chunk in read(path):
        if not is_report(chunk.sheet.header):
            continue
        splitter = splitter or split(chunk.sheet)
        lines: list[Left] = []
        for row in chunk.rows:
            carried = splitter.carry(row)
            name = carried.sheet or chunk.sheet.name
            sheet = sheets.setdefault(name, Sheet(str(path), name, splitter.header, splitter.positions))
            lines.append((sheet, carried.row, _entry(carried)))
        yield lines
    if splitter is None:
        raise SourceError(
            f"{path} is no report: it has no columns import_row and import_status",
            hint="give a run's folder, or its report.csv or report.xlsx; a new file goes through: oncall-importer run",
        )


def _entry(carried: Carried) -> Entry | None:
    if carried.outcome is None:
        return None
    return Entry(carried.outcome.status, carried.kind, part=carried.part, outcome=carried.outcome)
