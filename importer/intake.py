"""Rows into the journal: what was read is normalized and written down, before anything is sent."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from importer.carrying import SheetNormalizer, carry_row, plan_row
from importer.errors import SourceError
from importer.normalizer import COLUMNS, Normalizer
from importer.records import Problem, Row, Sheet
from importer.reporter import is_report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from importer.earlier import Left
    from importer.journal import Journal
    from importer.reader import Chunk, Reading
    from importer.settings import Settings


class ReadingObserver(Protocol):
    """Who wants to know what reading found."""

    def noticed(self, text: str) -> None:
        """Note a fact about a source."""

    def warned(self, sheet: Sheet, row: Row, warning: Problem) -> None:
        """Note something odd about a row that is sent all the same."""


class Intake:
    """Takes sources, or what an earlier run left, into a run's journal."""

    def __init__(self, journal: Journal, settings: Settings, run: str, observer: ReadingObserver) -> None:
        self._journal = journal
        self._settings = settings
        self._run = run
        self._observer = observer
        self._names: Counter[str] = Counter()

    def take_source(self, reading: Reading) -> Iterator[int]:
        """Take a source in; gives the number of rows after each chunk.

        Raises:
            SourceError: it cannot be read, has no column of ours, or is a report of an earlier run.
        """
        known: dict[int, tuple[int, Normalizer] | None] = {}  # by the identity of the sheet, which its chunks share
        sheets = []  # keeps the identities alive
        for chunk in reading:
            if id(chunk.sheet) not in known:
                sheets.append(chunk.sheet)
                known[id(chunk.sheet)] = self._open_sheet(chunk.sheet)
            opened = known[id(chunk.sheet)]
            if opened is not None:
                self._take_chunk(*opened, chunk)
                yield len(chunk.rows)
        for notice in reading.notices:
            self._observer.noticed(notice)
        if not any(known.values()):
            raise SourceError(
                f"{_shown(reading.name)} has no column that we know: {_headers(sheets)}",
                hint=f"name its columns {', '.join(column.name for column in COLUMNS)}",
            )
        for sheet in sheets:
            if known[id(sheet)] is None:
                self._observer.noticed(f"sheet {sheet.name!r} of {sheet.source} has no column that we know; left out")
        self._journal.add_source(reading.name, reading.path, reading.sha256)

    def _open_sheet(self, sheet: Sheet) -> tuple[int, Normalizer] | None:
        if is_report(sheet.header):
            raise SourceError(
                f"{_shown(sheet.source)} is the report of an earlier run",
                hint=f"send what did not succeed with: oncall-importer rerun {_shown(sheet.source)}",
            )
        normalizer = self._normalizer(sheet)
        if not normalizer.layout.is_usable:
            return None
        if normalizer.layout.not_used:
            names = ", ".join(normalizer.layout.not_used)
            self._observer.noticed(f"not used of {sheet.source}, sheet {sheet.name!r}: {names}")
        named = replace(sheet, name=self._name_apart(sheet.name))
        return self._journal.add_sheet(named, normalizer.layout.not_used), normalizer

    def _name_apart(self, name: str) -> str:
        """Name a sheet so that its name and a row's number tell the row: two sources can have sheets of one name."""
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name} ({self._names[name]})"

    def _normalizer(self, sheet: Sheet) -> Normalizer:
        return Normalizer(sheet, timezone=self._settings.timezone, provider=self._settings.provider)

    def _take_chunk(self, index: int, normalizer: Normalizer, chunk: Chunk) -> None:
        rows = []
        for row in chunk.rows:
            normalized = normalizer.normalize(row)
            for warning in normalized.warnings:
                self._observer.warned(chunk.sheet, row, warning)
            rows.append((index, row, list(plan_row(normalized, self._run))))
        self._journal.add_rows(rows)

    def take_left_over(self, chunks: Iterable[list[Left]]) -> Iterator[int]:
        """Take in what an earlier run left; gives the number of lines after each chunk."""
        known: dict[Sheet, tuple[int, SheetNormalizer]] = {}
        for chunk in chunks:
            rows = []
            for sheet, row, left in chunk:
                if sheet not in known:
                    normalizer = SheetNormalizer(sheet, self._normalizer)
                    known[sheet] = self._journal.add_sheet(sheet, normalizer.not_used), normalizer
                index, normalizer = known[sheet]
                normalized = normalizer.normalize(row, left.kind if left else None)
                rows.append((index, row, list(carry_row(normalized, left, self._run))))
            self._journal.add_rows(rows)
            yield len(chunk)


def _headers(sheets: Iterable[Sheet]) -> str:
    names = [text.strip() for sheet in sheets for text in sheet.header if text.strip()]
    return "it has " + ", ".join(_shown(name) for name in names[:12]) if names else "its header is empty"


def _shown(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text[:80])
