"""Marks bad cells of a workbook: colour, comment, and a drop-down of what could be there instead.

Also writes the sources as a workbook, marked with what `check` found (`--output`). It can be a source again: texts and
cell names are unchanged, and what a workbook cannot hold is refused, never cut.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from importer.cells import COLUMNS, ROWS, cell_name, column_of
from importer.errors import ReportError, UsageError
from importer.kinds import COLUMNS as OUR_COLUMNS
from importer.normalizer.references import Directory, is_schedule_reference
from importer.records import Finding, KnownName, Problem, Row, Severity, Sheet
from importer.reporter.atomic_file import ROOM_HINT, is_source
from importer.reporter.xlsx_writer import (
    BOLD,
    COMMENTS,
    HEADER,
    Book,
    CellStyle,
    Fill,
    UnholdableError,
    header_width,
    offer,
    put,
    put_marked,
    write_book,
)
from importer.targets.target import DirectoryEntry
from importer.wording import as_sentence, quote, quote_path

# ---- marks


_cell_of = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,11})").fullmatch


class Mark(NamedTuple):
    """How one cell should look."""

    fill: Fill
    comment: str


def named_cells(text: str) -> Iterator[tuple[int, int]]:
    """Yield the 0-based column and the row of each cell that a text such as `B7, D7` names; ignore everything else."""
    for name in text.split(","):
        if found := _cell_of(name.strip()):
            yield column_of(found[1]), int(found[2])


def problems_of(findings: Iterable[Finding], severity: Severity) -> list[Problem]:
    """Return the findings of one severity."""
    return [finding.problem for finding in findings if finding.severity is severity]


def mark_row(
    number: int, positions: Sequence[int], problems: Sequence[Problem], warnings: Sequence[Problem]
) -> dict[int, Mark]:
    """Return the marks of one row by 0-based column: problems red, warnings yellow, one comment for all of a cell.

    A finding that is about no cell of this row (a missing column, the row as a whole) is shown at its first cell.
    """

    def columns(problem: Problem) -> list[int]:
        named = [column for column, row in named_cells(problem.cell) if row == number]
        return named or [min(positions, default=0)]

    return mark_cells(problems, warnings, columns)


def mark_cells(
    problems: Sequence[Problem], warnings: Sequence[Problem], columns: Callable[[Problem], Iterable[int]]
) -> dict[int, Mark]:
    """Return the marks of cells by their columns; `columns` returns those of a problem or warning."""
    texts: dict[int, list[str]] = {}
    bad = {column for problem in problems for column in columns(problem)}
    noted = [(problem, "") for problem in problems] + [(warning, "Warning: ") for warning in warnings]
    for problem, before in noted:
        hint = f"\n{problem.hint[:1].upper()}{problem.hint[1:]}" if problem.hint else ""
        for column in columns(problem):
            texts.setdefault(column, []).append(f"{before}{problem.message}{hint}")
    return {
        column: Mark(Fill.BAD if column in bad else Fill.NEUTRAL, "\n\n".join(dict.fromkeys(own)))
        for column, own in texts.items()
    }


# ---- drop-downs: the known people, schedules and groups, those nearest to a wrong text first


LISTS = "Lists"
_TITLES = {"user": "People", "schedule": "Schedules", "group": "Groups"}
_MOST_CELLS = 20_000  # of all sorted lists: beyond that, a list holds only the nearest
_MOST_CELLS_OF_THEIR_OWN = 2_000  # with a list of their own; other cells have their column's
_NOT_LISTED = ("Not in the list", "This is not in the list. Is it right all the same?")
_ROOM = 200  # rows below the last line in which rows may be added


class DropDowns:
    """The drop-downs of one table's cells, collected while its lines are written.

    The choices are on a sheet of their own under defined names: a literal list is lost beyond 255 characters, and split
    at commas. Each choice is a text that is read back as the person, schedule or group it names.
    """

    def __init__(self, book: Book, known: Sequence[KnownName] = ()) -> None:
        self._book = book
        self._known = known
        self._choices: dict[str, dict[str, str]] = {}  # what -> id -> what is chosen
        self._directory: Directory | None = None
        self._lists: dict[tuple[str, str], tuple[str, list[str]]] = {}  # what, wrong text -> name and choices
        self._cells: defaultdict[int, dict[int, str]] = defaultdict(dict)  # column -> row -> list
        self._columns: dict[int, str] = {}  # column -> the list of its other cells
        self._size = 0
        self._marked = 0

    def offer(self, row: int, column: int, problem: Problem, text: str) -> str:
        """Offer what a bad cell may mean; return what to do in words, empty if there is nothing to choose."""
        what = self._subject(problem)
        choices = self._choices_of(what)
        if not choices:
            return ""
        self._columns.setdefault(column, self._name(what, "", choices.values()))
        is_small = self._marked < _MOST_CELLS_OF_THEIR_OWN
        nearest = self._nearest(what, text) if text and what in _TITLES and is_small else []
        words = f"{as_sentence(problem.hint)}\nOr choose from the list in the cell."
        if nearest:
            first = choices[nearest[0]]
            self._marked += 1
            self._size += len(choices)
            others = choices.values() if self._size <= _MOST_CELLS else ()
            listed = dict.fromkeys((*(choices[id_] for id_ in nearest if id_ in choices), *others))
            self._cells[column][row] = self._name(what, text, listed)
            if first != nearest[0]:  # an id alone says nothing to a person
                words = f"Choose from the list in the cell, where {first} comes first, or write another one."
        return words

    def offer_column(self, column: int, name: str) -> None:
        """Offer what is known in all cells of a column, if `name`, one of our columns, takes one of these."""
        of = OUR_COLUMNS.get(name)
        if of is None or of.is_list:  # in a list, a choice would replace the other entries
            return
        if of.ids_of and (choices := self._choices_of(of.ids_of)):
            self._columns.setdefault(column, self._name(of.ids_of, "", choices.values()))

    def _subject(self, problem: Problem) -> str:
        """Return what a problem's cell names; a problem from a look-up says so itself."""
        name = problem.topic.partition(" ")[0]
        if name in _TITLES:
            return name
        return (problem.column in OUR_COLUMNS and OUR_COLUMNS[problem.column].ids_of) or problem.column

    def _choices_of(self, what: str) -> Mapping[str, str]:
        if what not in self._choices:
            own = [one for one in self._known if one.what == what]
            names = Counter(one.name for one in own)
            self._choices[what] = {one.id: _choice(one, is_only=names[one.name] == 1) for one in own}
            if what in OUR_COLUMNS and not own and not OUR_COLUMNS[what].is_open:
                self._choices[what] = {word: word for word in OUR_COLUMNS[what].choices}
        return self._choices[what]

    def _nearest(self, what: str, text: str) -> list[str]:
        if self._directory is None:
            listed = [
                [DirectoryEntry(one.id, one.name, one.email) for one in self._known if one.what == what]
                for what in ("user", "schedule", "group")
            ]
            self._directory = Directory(*listed)
        return self._directory.nearest(what, text)

    def _name(self, what: str, text: str, choices: Iterable[str]) -> str:
        if (what, text) not in self._lists:
            title = _TITLES.get(what, f"Words_{what}")
            self._lists[what, text] = f"{title}_{len(self._lists)}" if text else title, list(choices)
        return self._lists[what, text][0]

    def finish(self, sheet: Any, lines: int) -> None:
        """Add the drop-downs to a table's cells, and write their choices on a sheet of their own."""
        for column, general in self._columns.items():
            own = self._cells[column]
            for row, name in own.items():
                offer(sheet, (row, row), column, f"={name}", _NOT_LISTED)
            start = 1
            for row in (*sorted(own), min(lines + _ROOM, ROWS)):
                if start < row:
                    offer(sheet, (start, row - 1), column, f"={general}", _NOT_LISTED)
                start = row + 1

    def write(self) -> None:
        """Write the choices, if there are any, on a sheet of their own."""
        if not self._lists:
            return
        lists = dict(self._lists.values())
        widths = [min(max(map(len, (f"{name}  ", *choices))) + 2, 50) for name, choices in lists.items()]
        rows = zip_longest(*lists.values(), fillvalue="")
        sheet = self._book.add_table(LISTS, list(lists), rows, widths, look=HEADER)
        for column, (name, choices) in enumerate(lists.items()):
            self._book.name_range(name, sheet, column, len(choices))


def _choice(one: KnownName, *, is_only: bool) -> str:
    """Return a text by which a person, a schedule or a group is found when it is read back."""
    if one.what == "user":
        is_plain = one.name != one.email and not set(one.name) & set("<>@")
        if one.email:
            return f"{one.name} <{one.email}>" if is_plain else one.email
        return one.id
    if not is_only:
        return one.id
    return one.name if one.what != "schedule" or is_schedule_reference(one.name) else f"name:{one.name}"


# ---- the sources as a marked workbook


_NAME_IT = "Name a new file, such as marked.xlsx."
_MEASURED = 1000  # rows by which a column's width is found


class Marked(NamedTuple):
    """The result of writing the marked workbook."""

    path: Path  #: the file's final path
    notice: str  #: a sentence about what it does not show; empty if it shows everything


def check_marked_path(path: Path, sources: Iterable[str]) -> None:
    """Check the workbook's name: it must end in .xlsx and must not be a source.

    Raises:
        UsageError: it does not, or it is.
    """
    if path.suffix.casefold() != ".xlsx":
        raise UsageError(f"{path} cannot be the marked workbook: its name does not end in .xlsx", hint=_NAME_IT)
    for source in sources:
        if is_source(path, source):
            raise UsageError(f"{path} is the source itself and was not changed", hint=_NAME_IT)


def write_marked(
    path: Path, sheets: Sequence[Sheet], rows: Iterable[tuple[tuple[int, Row], Sequence[Finding]]]
) -> Marked:
    """Write the sources back, each cell in its own row and column; rows of a sheet come in ascending order.

    `rows`, each with the index of its sheet and its findings, are taken one by one. Problems are red, warnings yellow.
    A file of that name is replaced.

    Raises:
        UsageError: the name is not a workbook's, or it is a source's.
        ReportError: the file could not be written, or a workbook cannot hold all of the sources.
    """
    check_marked_path(path, (sheet.source for sheet in sheets))
    notices: list[str] = []

    def fill(book: Book) -> None:
        pages = [_Page(book, sheet) for sheet in sheets]
        for (sheet, row), findings in rows:
            pages[sheet].add(row, findings)
        for page in pages:
            page.finish()
        if book.comments_left_out:
            notices.append(_left_out(book.comments_left_out))

    return Marked(write_book(path, fill, hint=ROOM_HINT), " ".join(notices))


def _left_out(number: int) -> str:
    return (
        f"coloured but without a comment: the last {number:,} of the bad cells"
        f" (a workbook with more than {COMMENTS:,} comments is slow to open)"
    )


class _Page:
    """One sheet of the marked workbook."""

    def __init__(self, book: Book, sheet: Sheet) -> None:
        self._book = book
        self._sheet = sheet
        self._page = book.add_sheet(sheet.name)
        self._text = book.style(CellStyle())
        self._last = sheet.header_row
        self._widths = [header_width(text) if sheet.header_row else 0 for text in sheet.header]
        self._measured = 0
        if sheet.positions and max(sheet.positions) >= COLUMNS:
            raise self._refused(f"more than {COLUMNS:,} columns")
        for position in sheet.positions:
            self._page.set_column(position, position, None, self._text)
        for position, text in zip(sheet.positions, sheet.header, strict=True) if sheet.header_row else ():
            if text:
                self._put(sheet.header_row, position, text, book.style(BOLD))

    def add(self, row: Row, findings: Sequence[Finding]) -> None:
        """Write one row.

        Raises:
            ReportError: the workbook cannot hold it.
        """
        number = row.place
        if number <= self._last:
            raise ValueError(f"row {number} comes after row {self._last}")
        if number > ROWS:
            raise self._refused(f"a row {number:,}, and a workbook ends at row {ROWS:,}")
        self._last = number
        problems, warnings = (problems_of(findings, one) for one in (Severity.PROBLEM, Severity.WARNING))
        marks = mark_row(number, self._sheet.positions, problems, warnings)
        cells = dict(zip(self._sheet.positions, row.cells, strict=True))
        for position, cell in cells.items():
            if position not in marks:
                self._put(number, position, cell, self._text)
        for position, mark in marks.items():
            if position < COLUMNS:
                self._put(number, position, cells.get(position, ""), self._book.style(CellStyle(mark.fill)))
                self._book.comment(self._page, number - 1, position, mark.comment)
        if self._measured < _MEASURED:
            self._measured += 1
            self._widths = list(map(max, self._widths, (min(len(cell) + 2, 60) for cell in row.cells)))

    def _put(self, number: int, position: int, cell: str, style: Any) -> None:
        try:
            (put if style is self._text else put_marked)(self._page, number - 1, position, cell, style)
        except UnholdableError:
            raise self._refused(
                f"in cell {cell_name(position, number)} a text that a workbook cannot hold"
                " (longer than 32,767 characters, or with characters that no workbook can have)"
            ) from None

    def finish(self) -> None:
        """Set what depends on all rows: widths, and how far the filter goes."""
        for position, width in zip(self._sheet.positions, self._widths, strict=True):
            self._page.set_column(position, position, width, self._text)
        header_row = self._sheet.header_row
        if header_row and self._sheet.positions:
            self._page.freeze_panes(header_row, 0)
            first, last = min(self._sheet.positions), max(self._sheet.positions)
            self._page.autofilter(header_row - 1, first, self._last - 1, last)

    def _refused(self, what: str) -> ReportError:
        sheet = self._sheet
        return ReportError(
            f"{quote_path(sheet.source)}, sheet {quote(sheet.name)}, has {what}; no marked workbook was written",
            hint="Correct the source itself: the list of problems has everything that was found.",
        )
