"""Load rows into the journal: normalize what was read and write it down, before anything is sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from importer.errors import SourceError
from importer.journal.codec import row_of
from importer.journal.journal import Journal
from importer.journal.states import Entry, State, Unresolved
from importer.kinds import KINDS
from importer.log import log_warned
from importer.normalizer.fields import Level
from importer.normalizer.mapping import Rules
from importer.normalizer.references import Directory, References, Sought
from importer.normalizer.row import Normalized, Normalizer, RowNames
from importer.normalizer.suggestions import describe_suggestion, suggest
from importer.notice import Notice, NoticeLevel, ReadingObserver
from importer.planning.carry_over import SheetNormalizer, carry_row, carry_unresolved, plan_row
from importer.planning.overlaps import overlaps, overlaps_to_report
from importer.planning.report_lines import PreviousLine
from importer.reader.read import Reading
from importer.reader.tables import Chunk, rows_named
from importer.records import KnownName, Problem, Row, Severity, Sheet, TargetName
from importer.reporter.pulled_tables import NOTES, ON_CALL
from importer.reporter.report_reader import is_report
from importer.reporter.template import README_SHEET
from importer.settings.options import HiddenRows
from importer.wording import escape, list_first, quote

_MOST_PARTS = 1000  # records that a row makes
_MOST_NAMED = 10_000  # ranges of rows that a report names
_MOST_HEADERS = 12  # headers that a message names
_NEEDED_COLUMNS = (
    "; ".join(
        f"{kind.plural} need {', '.join(column.name for column in kind.columns if column.is_required)}"
        for kind in KINDS.values()
    ).capitalize()
    + "."
)
_EXAMPLE = ("is a marked example and was left out", "are marked examples and were left out")


def lists_of(sought: Collection[Sought]) -> dict[TargetName, list[str]]:
    """Return which lists of which targets must be read, because rows have names instead of ids."""
    asked: dict[TargetName, list[str]] = {}
    for what in filter(sought.__contains__, Sought):
        asked.setdefault(TargetName.OPAL if what is Sought.GROUP else TargetName.ROOTLY, []).append(f"{what}s")
    return asked


class _Taken(NamedTuple):
    """A row that was loaded."""

    sheet: int  #: its index in the journal
    row: Row
    entries: list[Entry]
    found: Sequence[tuple[Severity, Problem]] = ()


class Loader:
    """Loads sources, or what an earlier run left, into a run's journal."""

    def __init__(
        self,
        journal: Journal,
        rules: Rules,
        run: str,
        observer: ReadingObserver,
        *,
        is_resolving: bool = True,
        hidden_rows: HiddenRows | None = None,
        hidden_by: str = "--hidden-rows",
    ) -> None:
        self.journal = journal
        self.rules = rules
        self._run = run
        self.observer = observer
        self._hidden_rows = hidden_rows
        self._hidden_by = hidden_by
        self._hidden: dict[tuple[str, str], list[int]] = {}  # by source and sheet
        self.has_skipped = False  #: some rows were skipped because they are hidden
        self.left_out_by_mapping: set[str] = set()  #: sources of which the mapping leaves rows out
        self._is_resolving = is_resolving  # otherwise names that would have to be looked up are listed
        self._names: dict[str, int] = {}  # by a sheet's name, how many are called so, or would be
        self._sources: dict[int, str] = {}  # by the sheet's index
        self._names_in: dict[int, RowNames] = {}  # by the sheet's index, if its rows have names beside ids
        self.needed: set[Sought] = set()  #: what the targets must be asked for
        self.wished: set[Sought] = set()  #: the same, of rows that have other problems
        self._left_out: dict[tuple[Sheet, str, str], list[int]] = {}  # rows, by what is said of one row, and of several
        self.sheets: list[Sheet] = []  #: every sheet seen, with the name that its source gives it
        self.refused: list[SourceError] = []  #: of sources that have no known column
        self.empty: list[SourceError] = []  #: of files of a template or a pull without rows, if no other has rows

    def _notice_rows(self, words: str, numbers: Sequence[int], level: NoticeLevel) -> None:
        """Add a notice that names rows: the journal, and so every report, names each of them."""
        self.journal.add_notice(Notice(words.replace("{}", rows_named(numbers, most=_MOST_NAMED), 1), level))
        self.observer.noticed(Notice(words.replace("{}", rows_named(numbers), 1), level))

    def notice(self, notice: Notice) -> None:
        """Write down a notice, and report it to the observer."""
        self.journal.add_notice(notice)
        self.observer.noticed(notice)

    # ---- sources

    async def take_source(
        self, reading: Reading, chunks: AsyncIterable[Chunk], *, is_one_of_several: bool = False
    ) -> AsyncGenerator[int, None]:
        """Load a source's chunks; yield the number of rows after each. Of several sources, each notice names its own.

        Raises:
            SourceError: it cannot be read, or is a report of an earlier run.
        """
        known: dict[int, tuple[int, Normalizer] | None] = {}  # by the identity of the sheet, which its chunks share
        sheets = []  # keeps the identities alive
        async for chunk in chunks:
            if id(chunk.sheet) not in known:
                sheets.append(chunk.sheet)
                known[id(chunk.sheet)] = self._open_sheet(chunk.sheet)
            opened = known[id(chunk.sheet)]
            if opened is not None:
                self._note_hidden(chunk.sheet, chunk.rows)
                yield self._take_chunk(*opened, chunk)
        self._notice_hidden()
        used = {sheet.name for sheet in sheets if known[id(sheet)] is not None}
        for notice in reading.notices:
            if not notice.sheet or notice.sheet in used:  # other sheets are left out as a whole
                prefix = f"{escape(reading.name)}: " if is_one_of_several else ""
                self.notice(notice if notice.text.startswith(prefix) else notice._replace(text=prefix + notice.text))
        for (sheet, *words), numbers in self._left_out.items():
            text = f"{_where(sheet)}: {{}} {words[len(numbers) > 1]}"
            self._notice_rows(text, numbers, NoticeLevel.LEFT_OUT)
        self._left_out.clear()
        self._notice_left_out(reading, [sheet for sheet in sheets if known[id(sheet)] is None], sheets)
        self.journal.add_source(reading.name, reading.path, reading.sha256)

    def _note_hidden(self, sheet: Sheet, rows: list[Row]) -> None:
        if hidden := [row.number for row in rows if row.is_hidden]:
            self._hidden.setdefault((sheet.source, sheet.name), []).extend(hidden)

    def _notice_hidden(self) -> None:
        """Add a notice about a source's hidden rows, and whether they are read or left out.

        Raises:
            SourceError: the user has not chosen.
        """
        hidden, self._hidden = self._hidden, {}
        hidden_by_words = {
            f"sheet {quote(name)} of {escape(source)}: {{}} {'is' if len(numbers) == 1 else 'are'} hidden": numbers
            for (source, name), numbers in hidden.items()
        }
        if hidden_by_words and self._hidden_rows is None:
            named = "; ".join(words.replace("{}", rows_named(numbers), 1) for words, numbers in hidden_by_words.items())
            raise SourceError(
                f"{named}, by a filter or by a person",
                hint="Choose --hidden-rows send or --hidden-rows skip (hidden_rows in a library call).",
            )
        self.has_skipped = self.has_skipped or (bool(hidden_by_words) and self._hidden_rows is HiddenRows.SKIP)
        is_skipped = self._hidden_rows is HiddenRows.SKIP
        what, level = ("left out", NoticeLevel.LEFT_OUT) if is_skipped else ("read like the others", NoticeLevel.INFO)
        for words, numbers in hidden_by_words.items():
            self._notice_rows(f"{words}, and {what} because of {self._hidden_by} {self._hidden_rows}", numbers, level)

    def _notice_left_out(self, reading: Reading, left_out: list[Sheet], sheets: list[Sheet]) -> None:
        foreign = [one for one in left_out if one.name != README_SHEET and one.header not in (ON_CALL, NOTES)]
        if len(left_out) == len(sheets):
            error = SourceError(
                f"{escape(reading.name)} lacks the columns that make a record: {_headers(sheets)}",
                hint=f"Rename its columns, or write a mapping file with oncall-importer map {escape(reading.name)}."
                f" {_NEEDED_COLUMNS}",
            )
            # Raised later, because the cause may be a wrong mapping.
            (self.refused if foreign else self.empty).append(error)
            return
        for sheet in foreign:
            text = f"{_where(sheet)} was left out, because it lacks the columns that make a record: {_headers([sheet])}"
            self.notice(Notice(text, NoticeLevel.LEFT_OUT))

    def _open_sheet(self, sheet: Sheet) -> tuple[int, Normalizer] | None:
        if is_report(sheet.header):
            raise SourceError(
                f"{escape(sheet.source)} is the report of an earlier run",
                hint=f"Send what did not succeed with: oncall-importer rerun {escape(sheet.source)}",
            )
        normalizer = Normalizer(sheet, self.rules)
        layout = normalizer.layout
        self.sheets.append(sheet)
        for suggestion in suggest(layout):
            self.notice(Notice(describe_suggestion(suggestion, sheet)))
        if not layout.is_usable:
            return None
        for problem in sheet.problems:
            raise SourceError(
                f"{_where(sheet)}, header cell {problem.cell}: {problem.message}",
                hint=problem.hint,
            )
        if layout.not_used:
            self.notice(
                Notice(
                    f"{_where(sheet)}: columns that are not used: {_list_headers(layout.not_used, len(sheet.header))}"
                )
            )
        columns = enumerate(zip(sheet.header, sheet.positions, strict=True))
        hidden = [text for at, (text, place) in columns if place in sheet.hidden and at not in normalizer.unused]
        if hidden:
            words = f"hidden columns are read too: {_list_headers(hidden)}"
            self.notice(Notice(f"{_where(sheet)}: {words}", NoticeLevel.WARNING))
        named = replace(sheet, name=self._name_apart(sheet.name))
        index = self.journal.add_sheet(named, layout.not_used)
        self._sources[index] = sheet.source
        if (names := RowNames(layout)).is_useful:
            self._names_in[index] = names
        return index, normalizer

    def _name_apart(self, name: str) -> str:
        """Name a sheet so that its name and a row's number identify a row: two sources can have equal sheet names."""
        free = name
        while free in self._names:  # a sheet can really be called "Shadows (2)"
            self._names[name] += 1
            free = f"{name} ({self._names[name]})"
        self._names[free] = 1
        return free

    def _take_chunk(self, index: int, normalizer: Normalizer, chunk: Chunk) -> int:
        taken: list[_Taken] = []
        names = self._names_in.get(index)
        known: list[KnownName] = []
        for unfilled in chunk.rows:
            row = normalizer.fill_down(unfilled)  # hidden rows too: one can be the first of a merged block
            if row.is_hidden and self._hidden_rows is not HiddenRows.SEND:
                continue
            if normalizer.is_example(row):
                self._left_out.setdefault((chunk.sheet, *_EXAMPLE), []).append(row.number)
                continue
            if reason := normalizer.left_out(row):
                self.left_out_by_mapping.add(chunk.sheet.source)
                words = (f"was left out, {reason}", f"were left out, {reason}")
                self._left_out.setdefault((chunk.sheet, *words), []).append(row.number)
                continue
            if row.shown or row.problems or normalizer.statuses:
                row = normalizer.with_doubtful_cells(row)
            normalized = self._without_idle(normalizer.normalize(row))
            entries = list(plan_row(normalized, self._run))
            if normalized.problems or normalized.references or row.warnings:
                self._need(normalized, entries)
                found = [(Severity.WARNING, one) for one in row.warnings] + self._look_at(normalized, entries)
                taken.append(_Taken(index, row, entries, found))
            else:
                found = [(Severity.WARNING, one) for one in normalized.warnings]
                taken.append(_Taken(index, row, entries, found) if found else _Taken(index, row, entries))
            if names:
                known.extend(names.find(row, normalized))
        self._write(taken)
        if known:
            self.journal.add_known(known, is_listed=False)
        return len(taken)

    # ---- what an earlier run left

    def take_left_over(self, chunks: Iterable[list[PreviousLine]]) -> Iterator[int]:
        """Load what an earlier run left; yield the number of rows after each chunk."""
        known: dict[Sheet, tuple[int, SheetNormalizer]] = {}
        taken: list[_Taken] = []
        normalized = None
        is_of_parts = False  # the previous line is one of several of its row
        name = ""  # of its sheet
        for chunk in chunks:
            for sheet, row, left, is_unedited in chunk:
                if sheet not in known:
                    known[sheet] = self._open_left(sheet)
                index, normalizer = known[sheet]
                is_part = is_of_parts and _is_part(left, row) and name == sheet.name and _is_same(taken[-1], row)
                is_of_parts, name = _is_part(left, row), sheet.name
                if normalized is None or not is_part or normalized.problems:  # otherwise the result is the same
                    normalized = self._without_idle(normalizer.normalize(row, left.kind if left else None))
                entries = list(carry_row(normalized, left, self._run, is_unedited=is_unedited))
                if is_part:
                    taken[-1].entries.extend(entries)
                else:
                    taken.append(_Taken(index, row, entries, self._look_at(normalized, entries)))
                self._need(normalized, entries)
            self._write(taken[:-1])
            yield max(0, len(taken) - 1)
            taken = taken[-1:]  # the next chunk may begin with more of its parts
        self._write(taken)
        yield len(taken)

    def _open_left(self, sheet: Sheet) -> tuple[int, SheetNormalizer]:
        normalizer = SheetNormalizer(sheet, self.rules)
        self.sheets.append(sheet)
        index = self.journal.add_sheet(sheet, normalizer.not_used)
        self._sources[index] = sheet.source
        return index, normalizer

    # ---- both

    def _without_idle(self, normalized: Normalized) -> Normalized:
        """Drop the references of a row with problems if looking them up cannot find more problems."""
        is_waiting = self._is_resolving and normalized.kind is not None
        return normalized._replace(references=()) if normalized.problems and not is_waiting else normalized

    def _look_at(self, normalized: Normalized, entries: Sequence[Entry] = ()) -> list[tuple[Severity, Problem]]:
        """Return what was found about a row, except what will be reported once its ids are known."""
        references = normalized.references
        if references and self._is_resolving and (not normalized.problems or _waits(entries)):
            return []
        references = () if normalized.problems else references
        found = [(Severity.PROBLEM, problem) for problem in normalized.problems]
        found += [(Severity.WARNING, problem) for problem in normalized.warnings]
        if references:
            found += [(Severity.NOTE, reference.note) for reference in references]
        return found

    def _need(self, normalized: Normalized, entries: list[Entry]) -> None:
        """Note what must be asked for, if one of a row's entries waits for it."""
        if normalized.references and _waits(entries):
            needed = self.wished if normalized.problems else self.needed
            needed.update(reference.what for reference in normalized.references)

    def _write(self, taken: Sequence[_Taken]) -> None:
        first = self.journal.add_rows((one.sheet, one.row, one.entries) for one in taken)
        findings = [(number, *found) for number, one in enumerate(taken, first) for found in one.found]
        if findings:
            self.journal.add_findings(findings)
            log_warned(
                (self._sources[one.sheet], one.row.number, problem.topic)
                for one in taken
                for severity, problem in one.found
                if severity is Severity.WARNING
            )

    # ---- ids for the names in rows

    def resolve(self, target: TargetName, directory: Directory | None) -> Iterator[int]:
        """Replace names in rows by the target's ids; yield the number of records after each chunk.

        Without a directory only rows that have other problems are decided.
        """
        rules = self.rules if directory is None else replace(self.rules, references=References(directory))
        sheets = [(sheet, SheetNormalizer(sheet, rules)) for sheet in self.journal.sheets()]
        for chunk in self.journal.unresolved(target):
            self._resolve_chunk(chunk, sheets)
            yield len(chunk)

    def _resolve_chunk(self, chunk: list[Unresolved], sheets: list[tuple[Sheet, SheetNormalizer]]) -> None:
        resolved: list[tuple[int, list[Entry]]] = []
        findings: list[tuple[int, Severity, Problem]] = []
        known: list[KnownName] = []
        warned: list[tuple[str, int, str]] = []
        for (row, kind), parts in groupby(chunk, key=lambda one: (row_of(one.id), one.kind)):
            first, *others = parts  # of one row; the result is the same for all
            sheet, normalizer = sheets[first.sheet]
            own = first.row
            normalized = normalizer.normalize(own, kind)
            if normalized.references and not normalized.problems:
                continue  # it goes on waiting
            normalized = normalized._replace(references=())
            findings.extend((row, *found) for found in self._look_at(normalized))
            warned.extend((sheet.source, own.number, one.topic) for one in normalized.warnings)
            if names := self._names_in.get(first.sheet):
                known.extend(names.find(own, normalized))
            resolved.extend((one.id, list(carry_row(normalized, one.left, self._run))) for one in (first, *others))
        self.journal.resolve(resolved)
        self.journal.add_findings(findings)
        log_warned(warned)
        if known:
            self.journal.add_known(known, is_listed=False)

    def finish(self) -> None:
        """Find duplicates and overlaps, once every row is loaded and every name that can be is resolved."""
        self.journal.finish_reading()
        level = self.rules.mapping.checks.level("overlap")
        for kind in KINDS.values():
            overlap = kind.overlap
            if overlap is None or (level is Level.OFF and not overlap.is_replaced):
                continue
            is_problem = level is Level.PROBLEM or overlap.is_replaced
            spans = self.journal.spans(kind.name, (overlap.of, overlap.starts_at, overlap.ends_at))
            warned = self.journal.note_overlaps(
                overlaps_to_report(overlaps(spans), is_replaced=overlap.is_replaced),
                overlap.words,
                Severity.PROBLEM if is_problem else Severity.WARNING,
                overlap.topic,
                overlap.hint,
                self._run,
            )
            if not is_problem:
                log_warned((source, row, overlap.topic) for source, row in warned)

    def leave_unresolved(self, target: TargetName, words: str) -> None:
        """Keep the rows that wait for a target's ids, with the reason; what was sent for them before is kept too."""
        for _ in self.resolve(target, None):
            pass
        for chunk in self.journal.unresolved(target):
            kept = [(one.id, carry_unresolved(one.left, self._run)) for one in chunk]
            self.journal.resolve([(id_, [entry]) for id_, entry in kept if entry is not None])
        self.journal.explain_unresolved(target, f"not attempted: {words}", "Rerun when it can be asked.")


def _waits(entries: Iterable[Entry]) -> bool:
    """Return whether one of a row's entries waits for an id."""
    return any(entry.state is State.UNRESOLVED for entry in entries)


def _is_part(left: Entry | None, row: Row) -> bool:
    """Return whether a line is one of several of its row; one with problems counts by itself."""
    return left is not None and left.part != "" and not row.problems


def _is_same(last: _Taken, row: Row) -> bool:
    """Return whether a line belongs to the same row as the line before it in its sheet."""
    is_room = len(last.entries) < _MOST_PARTS  # lines can have been copied
    return is_room and last.row.number == row.number and last.row.cells == row.cells


def _where(sheet: Sheet) -> str:
    return f"sheet {quote(sheet.name)} of {escape(sheet.source)}"


def _headers(sheets: Iterable[Sheet]) -> str:
    names = [text for sheet in sheets for text in sheet.header if text.strip()]
    return f"it has {_list_headers(names)}" if names else "its header is empty"


def _list_headers(headers: Sequence[str], most: int = _MOST_HEADERS) -> str:
    """List the first headers; one with a comma in quotes, because it would look like two."""
    shown = (escape(text.strip(), 80) for text in headers)
    return list_first([f'"{text}"' if "," in text else text for text in shown], most)
