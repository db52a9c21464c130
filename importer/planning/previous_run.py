"""Reads what an earlier run left, from its folder or from its report, edited by hand or not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from importer.errors import DamagedError, JournalError, SourceError, UsageError
from importer.journal.codec import MalformedError
from importer.journal.journal import Journal
from importer.journal.run_folder import JOURNAL_FILE, RERUN, Purpose, open_run, open_view
from importer.journal.run_info import UNDO_MARK, RunInfo, import_again, info_of_name
from importer.journal.states import Entry, State
from importer.kinds import KINDS, can_delete
from importer.notice import Notice, NoticeLevel
from importer.planning.carry_over import made_again
from importer.planning.report_lines import Filled, Memory, Mended, Merger, PreviousLine, ReportTable, find_mended
from importer.reader.limits import Bounds
from importer.reader.read import read
from importer.records import UNDO_AGAIN, KnownName, Row, Sheet
from importer.reporter.columns import ALL_ROWS, MAPPING_SHEET, TO_MEND, join_mapping
from importer.reporter.report_reader import Splitter, is_report, split
from importer.settings.options import DECLARATIONS
from importer.settings.origins import Decides
from importer.statuses import Status
from importer.targets import TARGETS

_CHUNK = 2000
_DELETED = f"deleted from the sheet {TO_MEND} of {{}}, and so not in this run: "
#: A report is larger than its source: it has the product's columns too, and a row can have 1,000 lines.
_BOUNDS = Bounds(bytes=10_000_000_000, rows=1_000_000_000, columns=20_000)


@dataclass(slots=True)
class PreviousRun:
    """An earlier run, as far as it is known."""

    path: Path  #: the run's folder, or the report
    info: RunInfo  #: from its journal; without one, from the run's name in the report's lines
    folder: Path | None = None  #: where that journal is, if `path` is a report
    encoding: str | None = None  #: of the report, as given now; the run's own setting was about its source
    mended: Mended | None = None  #: the contents of the report's sheet To mend
    others: tuple[PreviousRun, ...] = ()  #: more reports of the same run, each with a part of its rows

    @property
    def run(self) -> str:
        """The earlier run's name; empty if no line of a report says it."""
        return self.info.run

    @property
    def journal_folder(self) -> Path | None:
        """The folder that its journal is in; None for a report that must stand for itself."""
        return self.path if self.path.is_dir() else self.folder

    @property
    def home(self) -> Path | None:
        """The folder that contains the run's folder; None for a report that is separated from its journal."""
        return self.journal_folder.parent if self.journal_folder else None

    def sources(self) -> list[tuple[str, str, str]]:
        """List name, absolute path and SHA-256 of the files its rows come from: its sources, or the report."""
        if self.path.is_dir():
            with open_run(self.path) as folder:
                return folder.journal.sources()
        with self.path.open("rb") as file:
            own = (str(self.path), str(self.path.absolute()), hashlib.file_digest(file, "sha256").hexdigest())
        return [own, *(source for other in self.others for source in other.sources())]

    def known(self) -> list[KnownName]:
        """List the names that the run's journal has for ids."""
        if self.journal_folder is None:
            return []
        with open_run(self.journal_folder) as opened:
            return opened.journal.known()

    def check_sources(self) -> None:
        """Check that the run's sources can be read again.

        Raises:
            SourceError: one does not exist any more (standard input never does).
        """
        for argument in self.info.arguments:
            if not Path(argument).is_file():
                raise SourceError(
                    f"{self.path} ended before it had read {argument}, which is not there any more; nothing was sent",
                    hint=import_again(self.run),
                )


def find_earlier(argument: str, reports: Path, purpose: Purpose = RERUN, *, encoding: str | None = None) -> PreviousRun:
    """Find the run or report that the user means: a folder, a run's name, a report file in an encoding.

    Raises:
        SourceError: there is nothing of the kind.
        JournalError: that run is still running, or its journal cannot be used.
    """
    try:
        for path in (Path(argument), reports / argument):
            if path.name == JOURNAL_FILE and path.is_file():
                return _of_folder(path.parent, purpose)
            if path.is_dir():
                return _of_folder(path, purpose)
            if path.is_file():
                return _of_report(path, reports, encoding)
    except OSError as error:  # a name that is too long, a folder without permission
        raise SourceError(f"{argument!r} cannot be opened: {error.strerror}", hint="Name a run or a report.") from error
    hint = f"Name a folder in {reports}/ in full (oncall-importer runs lists them)"
    if purpose is not RERUN:
        raise SourceError(f"there is no run {argument!r}", hint=f"{hint}.")
    raise SourceError(f"there is no run and no report {argument!r}", hint=f"{hint}, or a run's report.csv or .xlsx.")


def find_all(arguments: Sequence[str], reports: Path, *, encoding: str | None = None) -> PreviousRun:
    """Find a run, or the run that several reports belong to.

    Raises:
        UsageError: there is none, they belong to several runs, or one is not a report.
    """
    if not arguments:
        raise UsageError("no run was given", hint="Pass a run's folder, or its report.")
    first, *others = (find_earlier(argument, reports, encoding=encoding) for argument in arguments)
    for other in others:
        if other.run != first.run or other.folder != first.folder or first.path.is_dir() or other.path.is_dir():
            raise UsageError(
                f"{first.path} and {other.path} are not reports of one run; nothing was sent",
                hint="Give only reports of the same run together; rerun the others by themselves.",
            )
    first.others = tuple(others)
    return first


def _of_folder(path: Path, purpose: Purpose = RERUN) -> PreviousRun:
    with open_run(path, purpose) as folder:
        check_contents(folder.journal)
        info = folder.journal.info()
        try:
            for name, written in info.options.items() if purpose is RERUN else ():
                if written is not None and name in DECLARATIONS and DECLARATIONS[name].decides is not Decides.NOTHING:
                    DECLARATIONS[name].read(written)
        except (ValueError, TypeError) as error:
            raise MalformedError(f"its option {name} makes no sense ({error})") from error
        return PreviousRun(path, info)


def check_contents(journal: Journal) -> None:
    """Check that a journal holds what a run writes, before it is used: somebody may have changed it.

    Raises:
        MalformedError: it does not; the caller reports that as a DamagedError.
    """
    journal.check_values({name: kind.target for name, kind in KINDS.items()})
    try:
        for name, key in journal.shapes():
            KINDS[name].write_sentence(key)
            KINDS[name].request(key)
        for target, group in journal.bound_groups():
            grouping = TARGETS[target].grouping
            if grouping is not None:
                grouping.members(group)
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise MalformedError(f"a key in it makes no sense ({error})") from error


def _of_report(path: Path, reports: Path, encoding: str | None) -> PreviousRun:
    """Take over how the run read its sources, if its journal is beside the report or in `reports`.

    Raises:
        SourceError: no line names a run, and some claim a success that may be real or a rehearsal's.
    """
    claims = _read_claims(path, encoding)
    if (info := _info(path.parent)) and claims.may_be_of(info, path.parent.parent):
        return PreviousRun(path, info, path.parent, encoding, claims.mended)
    run = claims.latest_run(reports)
    if run and (info := _info(reports / run)):
        return PreviousRun(path, info, reports / run, encoding, claims.mended)
    if not run and claims.has_success:
        raise SourceError(
            f"{path} does not say which run its rows succeeded in",
            hint="Put the column import_run back, or give the report where it was made, beside its journal.",
        )
    named = info_of_name(run)
    is_sandbox = any(info_of_name(one).is_sandbox for one in claims.runs)
    mapping_id = ", ".join(sorted(claims.mappings))
    mapping = _read_mapping(path, mapping_id, encoding) if mapping_id else ""
    info = replace(named, is_sandbox=is_sandbox, mapping_id=mapping_id, mapping=mapping)
    return PreviousRun(path, info, encoding=encoding, mended=claims.mended)


def _read_mapping(report: Path, mapping_id: str, encoding: str | None) -> str:
    """Return the mapping that a workbook carries; empty if there is none, or if it was edited."""
    lines: dict[int, str] = {}
    header: tuple[str, ...] = ()
    for chunk in read(report, encoding=encoding, bounds=_BOUNDS):
        if chunk.sheet.name == MAPPING_SHEET and chunk.sheet.header[:1] == ("line",):
            header = chunk.sheet.header
            lines |= {int(number): text for number, text, *_ in (row.cells for row in chunk.rows) if number.isdecimal()}
    return join_mapping(mapping_id, header, lines)


def _info(folder: Path) -> RunInfo | None:
    if (folder / JOURNAL_FILE).is_file():
        with suppress(DamagedError):  # the report stands for itself
            return _of_folder(folder).info
    return None


@dataclass(slots=True)
class _Claims:
    """What the lines of a report say about the runs that made it."""

    runs: set[str] = field(default_factory=set)  #: the runs that decided some line
    mappings: set[str] = field(default_factory=set)
    has_success: bool = False
    mended: Mended | None = None  #: the sheet To mend, if there is one

    def may_be_of(self, info: RunInfo, reports: Path) -> bool:
        """Return whether a report can belong to a run: it, or a run before it, decided some line."""
        return not self.runs or not self.runs.isdisjoint({info.run, *ancestors(info, reports)})

    def latest_run(self, reports: Path) -> str:
        """Return the latest of the runs, by their journals; without journals clocks and names decide."""
        names = {run for run in self.runs if Path(run).name == run}  # a cell is no path
        infos = {run: info for run in names if (info := _look(reports / run))}
        older = {ancestor for info in infos.values() for ancestor in ancestors(info, reports)}
        return max(names - older or names, default="")


def _read_claims(report: Path, encoding: str | None) -> _Claims:
    claims = _Claims()
    tables: dict[int, tuple[Sheet, Splitter, list[Row]]] = {}  # by the identity of the splitter, which is kept there
    for sheet, splitter, rows in _report_rows(report, encoding):
        _, _, kept = tables.setdefault(id(splitter), (sheet, splitter, []))
        kept.extend(rows if splitter.is_of_mender else ())
        for carried in map(splitter.carry, rows):
            claims.mappings |= {carried.mapping} - {""}
            if carried.outcome is not None:
                claims.runs |= {carried.outcome.run} - {""}
                claims.has_success = claims.has_success or carried.outcome.status.is_success
    claims.mended = find_mended(tables.values()) if tables else None
    return claims


def _look(folder: Path) -> RunInfo | None:
    """Return the facts of a run, also while another process has its journal."""
    with suppress(JournalError, OSError), open_view(folder) as view:
        return view.info()
    return None


def ancestors(info: RunInfo, reports: Path) -> set[str]:
    """Return the runs that a run continues, as far as their journals exist."""
    found: set[str] = set()
    while info.rerun_of and info.rerun_of not in found:
        found.add(info.rerun_of)
        info = _look(reports / info.rerun_of) or RunInfo()
    return found


class LeftOver:
    """All lines of an earlier run in chunks, in the order of its source or its report, and what is odd about them."""

    def __init__(self, previous: PreviousRun, reports: Path | None = None) -> None:
        self._previous = previous
        self._undone = Undone({place for place in (previous.home, reports) if place is not None})
        self._memory: Memory | None = None

    def __iter__(self) -> Iterator[list[PreviousLine]]:
        for chunk in self._lines():
            yield [self._undone.mark(line) for line in chunk]

    def _lines(self) -> Iterator[list[PreviousLine]]:
        folder = self._previous.journal_folder
        with nullcontext() if folder is None else open_run(folder) as opened:
            if opened and self._previous.path.is_dir():
                sheets = opened.journal.sheets()
                entries = opened.journal.entries()
                lines = (PreviousLine(sheets[sheet], row, entry, is_unedited=True) for sheet, row, entry in entries)
                while chunk := list(islice(lines, _CHUNK)):
                    yield chunk
            else:
                self._memory = Memory(opened.journal if opened else None)
                for one in (self._previous, *self._previous.others):
                    yield from _from_report(one, self._memory)

    def notices(self) -> Iterator[Notice]:
        """Yield what changed in an edited report: rows missing, new, given twice, and edits that do not count."""
        memory, path = self._memory, ", ".join(str(one.path) for one in (self._previous, *self._previous.others))
        if memory is None:
            return
        edited = f"import_status or import_id was edited in {path}, and the journal of {self._previous.run} counts: "
        for words, places, level in (
            *((f"not in {path}, and so not in this run: ", one, NoticeLevel.LEFT_OUT) for one in memory.missing()),
            (f"new in {path}: ", memory.new, NoticeLevel.WARNING),
            (f"given more than once in {path}: ", memory.repeated, NoticeLevel.WARNING),
            (_DELETED.format(path), memory.deleted, NoticeLevel.LEFT_OUT),
            (edited, memory.edited, NoticeLevel.WARNING),
        ):
            if places:
                yield Notice(f"{words}{places}", level)


class _Taken(NamedTuple):
    """What an undo took back, or may have: it had no answer when it ended."""

    id: str
    undo: str
    at: str
    groups: frozenset[str]  #: which it was taken out of; none if it was deleted
    is_certain: bool


class Undone:
    """What undos took back: of the runs that they undid, and of what other runs had found there."""

    def __init__(self, places: set[Path]) -> None:
        self._places = places
        self._by_run: dict[str, dict[str, _Taken]] = {}  # by the id that was created

    def mark(self, line: PreviousLine) -> PreviousLine:
        """Return a line as it is, or as undone, or unknown, if an undo took its record back, or may have."""
        entry = line.entry
        if entry is not None and entry.outcome.is_to_undo_again:  # another undo may know by now
            entry = made_again(entry)
        if entry is None or entry.state not in (Status.CREATED, Status.EXISTS) or not entry.outcome.run:
            return line
        taken = self._undos_of(entry.outcome.run).get(entry.outcome.id) or self._find_other(entry)
        if taken is None:
            return line._replace(entry=entry)
        status, error, hint = Status.UNDONE, f"the undo {taken.undo} took it back", import_again(entry.outcome.run)
        if not taken.is_certain:
            status, error, hint = Status.UNKNOWN, f"the undo {taken.undo} may have taken it back", UNDO_AGAIN
        outcome = entry.outcome._replace(status=status, error=error, hint=hint)
        return line._replace(entry=entry._replace(state=status, was=entry.state, outcome=outcome))

    def _find_other(self, entry: Entry) -> _Taken | None:
        """Find the undo of another run: it counts if it came later, as a schedule can be added to a group again."""
        taken = self._others.get(entry.outcome.id)
        is_meant = taken and (not taken.groups or taken.groups & {*entry.bound})
        return taken if taken and is_meant and taken.at >= entry.outcome.finished_at else None

    def _undos_of(self, run: str) -> dict[str, _Taken]:
        if run not in self._by_run:
            is_name = Path(run).name == run  # a cell is no path
            found = [info for folder in self._folders_of(run) if is_name and (info := _look(folder))]
            known: dict[str, _Taken] = {}
            for undo in (Path(one) for info in found for one in info.undone_by):
                # A later undo repeats what an earlier one has removed, and asks about what that did not know.
                certain = {id_: one for id_, one in known.items() if one.is_certain}
                known = {one.id: one for one in self._taken_by(undo)} | certain
            self._by_run[run] = known
        return self._by_run[run]

    @cached_property
    def _others(self) -> dict[str, _Taken]:
        """By id, what the undos in the reports folders took back."""
        undos = sorted(folder for place in self._places for folder in place.glob(f"*{UNDO_MARK}*"))
        return {taken.id: taken for undo in undos for taken in self._taken_by(undo)}

    def _folders_of(self, run: str) -> list[Path]:
        """Return the folders that have a run's name, or those of the run if somebody has renamed its folder."""
        named = [place / run for place in self._places if (place / run).is_dir()]
        return named or self._folders.get(run, [])

    @cached_property
    def _folders(self) -> dict[str, list[Path]]:
        """The folders of all runs, whatever their names."""
        found: dict[str, list[Path]] = {}
        for folder in (entry for place in self._places if place.is_dir() for entry in place.iterdir()):
            if (folder / JOURNAL_FILE).is_file() and (info := _look(folder)):
                found.setdefault(info.run, []).append(folder)
        return found

    def _taken_by(self, undo: Path) -> Iterator[_Taken]:
        """Yield what an undo took back; its folder may have been moved or deleted since."""
        folder = next(filter(Path.is_dir, (undo, *self._folders_of(undo.name))), undo)
        with suppress(JournalError, OSError), open_view(folder) as view:
            removed = {group: {*ids} for group, ids in view.removed_bindings().items()}
            for _, _, entry in view.entries():
                id_, at = entry.outcome.id, entry.outcome.finished_at
                left = frozenset(group for group, ids in removed.items() if id_ in ids)
                is_removed = isinstance(entry.state, Status) and entry.state.is_removed
                if left or (is_removed and entry.target and can_delete(entry.target)):
                    yield _Taken(id_, undo.name, at, left, is_certain=True)
                elif id_ and entry.state in (State.SENDING, State.IN_DOUBT, Status.UNKNOWN):
                    yield _Taken(id_, undo.name, at or "9999", frozenset(entry.bound), is_certain=False)


def _from_report(previous: PreviousRun, memory: Memory) -> Iterator[list[PreviousLine]]:
    path, mended = previous.path, previous.mended
    filled = _filled_columns(previous) if len(memory.headers) > 1 else {}
    merger = Merger(mended, memory, filled) if mended else None
    tables: dict[int, ReportTable] = {}  # by the identity of its splitter, which it keeps alive
    for sheet, splitter, rows in _report_rows(path, previous.encoding, mended):
        if merger and splitter.is_of_mender:
            continue
        if id(splitter) not in tables:
            tables[id(splitter)] = ReportTable(sheet, splitter, memory, filled)
        table = tables[id(splitter)]
        carried = map(splitter.carry, rows)
        yield (
            [line for one in carried for line in merger.take(table, one)] if merger else list(map(table.left, carried))
        )
    if merger:
        yield list(merger.rest())
    elif not tables:
        raise SourceError(
            f"{path} is not a report: it has no columns import_row and import_status",
            hint="Give a run's folder, or its report.csv or report.xlsx; a new file goes through: oncall-importer run",
        )
    if memory.changed:
        raise SourceError(
            f"{path}: the sheet {ALL_ROWS} was changed, where no change counts: {memory.changed}; nothing was sent",
            hint=f"Put these cells back. Make corrections in the sheet {TO_MEND}.",
        )


def _report_rows(
    path: Path, encoding: str | None, mended: Mended | None = None
) -> Iterator[tuple[Sheet, Splitter, Sequence[Row]]]:
    """Read a report's rows in chunks, each with its table and its splitter.

    Their own columns are those of all tables, if `mended` is given.
    """
    splitters: dict[int, tuple[Sheet, Splitter]] = {}  # by the identity of the sheet, which is kept beside it
    for chunk in read(path, encoding=encoding, bounds=_BOUNDS):
        if is_report(chunk.sheet.header):
            if id(chunk.sheet) not in splitters:
                splitter = split(chunk.sheet)
                united = mended.columns.unite(splitter)[1] if mended else splitter
                splitters[id(chunk.sheet)] = chunk.sheet, united
            _, splitter = splitters[id(chunk.sheet)]
            yield chunk.sheet, splitter, chunk.rows


def _filled_columns(previous: PreviousRun) -> Filled:
    """Find for each sheet of the source which columns of its report have a text in its lines."""
    filled: Filled = {}
    for table, splitter, rows in _report_rows(previous.path, previous.encoding, previous.mended):
        for row in rows:
            carried = splitter.carry(row)
            own = filled.setdefault(carried.sheet or table.name, set())
            own.update(index for index, text in enumerate(carried.row.cells) if text and index not in own)
    return filled
