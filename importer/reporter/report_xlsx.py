"""Writes report.xlsx, for the person who corrects rows: the sheets To mend, All rows, Shadow times, Summary."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, groupby, tee
from pathlib import Path
from typing import Any, TypeVar

from importer.errors import ImporterError
from importer.journal.run_info import RunInfo
from importer.kinds import KINDS
from importer.normalizer.header import plan
from importer.normalizer.mapping import NO_MAPPING
from importer.normalizer.mapping_file import read_mapping
from importer.records import PRODUCT_COLUMNS, Finding, KnownName, Problem, ReportLine, Severity, Sheet
from importer.reporter.columns import (
    ALL_ROWS,
    DIGEST_COLUMN,
    MAPPING_SHEET,
    PLAIN_HEADERS,
    SHADOW_TIMES_COLUMNS,
    TO_MEND,
    digest_cells,
    header_cells,
    line_cells,
    mapping_header,
    merge_columns,
)
from importer.reporter.formula_guard import guard, unguard
from importer.reporter.marked_cells import DropDowns, Mark, mark_cells, named_cells, problems_of
from importer.reporter.report_reader import product_column
from importer.reporter.xlsx_writer import (
    BOLD,
    HEADER,
    TEXT,
    Book,
    CellStyle,
    Fill,
    UnholdableError,
    finish_table,
    fit_to_width,
    header_width,
    put,
    put_cells,
    put_marked,
    set_columns,
    write_book,
)
from importer.statuses import Status, Tone, possible_statuses
from importer.wording import as_sentence, escape

# Character widths of the columns, so that most can be read without widening them.
_WIDTHS = dict(zip(PRODUCT_COLUMNS, (11, 18, 13, 13, 13, 36, 20, 36, 13, 36, 17, 27, 24, 24, 16), strict=True))
_NUMBERS = frozenset(map(PRODUCT_COLUMNS.index, ("import_row", "import_http_status", "import_attempts")))
_ERROR, _HINT, _STATUS = map(PRODUCT_COLUMNS.index, ("import_error", "import_hint", "import_status"))
# What people need is at the left; both tables have as many columns there, so that a cell has the same name in both.
_LEFT_TO_MEND = ("import_error", "import_hint", "import_row", "import_status")
_LEFT_OF_ALL = ("import_row", "import_status", "import_error", "import_hint")
_PLAIN = {column: header for header, column in PLAIN_HEADERS.items()}
_FILLS = {tone: Fill[tone.name] for tone in Tone}
_MEASURED = 500  # lines by which a column's width is found
_WIDEST = 26  # characters of an own column: wider ones make the print small
_LINE_HEIGHT, _MOST_LINES = 15, 20  # points; not every program fits a row to its text
_LONGEST_WARNING = 1_000  # characters
_MOST_DIGESTED = 4_000  # own columns: more would not fit into a cell
_NOTHING: Sequence[Finding] = ()
AnyRow = TypeVar("AnyRow")
_NO_RUN = RunInfo()


def write_xlsx(  # noqa: PLR0913  (all but the first three by name)
    path: Path,
    sheets: Sequence[Sheet],
    lines: Iterable[ReportLine],
    info: RunInfo = _NO_RUN,
    *,
    findings: Iterable[Finding] = (),
    counts: Mapping[tuple[str, Status], int] | None = None,
    shadow_times: Iterable[Sequence[str | int]] = (),
    warnings: Sequence[str] = (),
    contact: str = "",
    known: Sequence[KnownName] = (),
) -> Path | None:
    """Write the lines in their order; return the file's final path.

    Returns None, and writes no file, if a workbook could not give everything back: a text longer than 32,767
    characters, more than 1,048,575 lines or 16,384 columns, a text that XlsxWriter garbles. `lines`, `findings` (in the
    order of the lines) and `shadow_times` are taken one by one. Texts are written as texts; the row, HTTP status and
    attempts as numbers, so that they sort. An undo's report has no sheet To mend. `counts`, by target (empty if there
    is none) and status, make the sheet Summary, and are read after all lines are written. Shadow times, and the text of
    a mapping, get sheets of their own; the mapping's lets the workbook be read back wherever it is mailed to. `known`
    is offered in drop-downs.

    Raises:
        ReportError: the file could not be written; an older one is still there.
    """

    def fill(book: Book) -> None:
        offered = DropDowns(book, known)
        mender = None if info.is_undo else offered
        with_their_findings = with_findings(lines, lambda line: (line.sheet, line.row), findings)
        meanings = _meanings(sheets, info.mapping)
        to_mend = _fill_tables(book, sheets, with_their_findings, info.mapping_id, mender, meanings)
        _fill_times(book, shadow_times)
        if counts is not None:
            _fill_summary(book, sheets, counts, info, warnings, contact, to_mend)
        offered.write()
        if info.mapping:
            lines_of_it = enumerate(info.mapping.split("\n"), start=1)
            book.add_table(MAPPING_SHEET, mapping_header(info.mapping_id, info.mapping), lines_of_it, (8, 80, 26))

    try:
        return write_book(path, fill)
    except UnholdableError:
        return None


def with_findings(
    rows: Iterable[AnyRow], place_of: Callable[[AnyRow], tuple[int, int]], findings: Iterable[Finding]
) -> Iterator[tuple[AnyRow, Sequence[Finding]]]:
    """Yield each row, or line of one, with its findings; `place_of` returns its sheet and number."""
    groups = groupby(findings, key=lambda finding: (finding.sheet, finding.row.number))
    nothing: tuple[tuple[int, int] | None, Iterator[Finding]] = (None, iter(()))
    place, found = next(groups, nothing)
    own_place, own = place, _NOTHING
    for row in rows:
        if place_of(row) == place:  # the first of the row's lines
            own_place, own = place, tuple(found)
            place, found = next(groups, nothing)
        yield row, own if place_of(row) == own_place else _NOTHING


def _fill_tables(
    book: Book,
    sheets: Sequence[Sheet],
    lines: Iterator[tuple[ReportLine, Sequence[Finding]]],
    mapping_id: str,
    offered: DropDowns | None,
    meanings: Mapping[int, str],
) -> int:
    """Write the lines to one sheet or two: with `offered`, those that people can correct also to the sheet To mend.

    `meanings` are the columns of ours by their places in a line. Returns how many lines there are to correct.
    """
    header = header_cells(sheets)
    known = {"import_sheet": {sheet.name for sheet in sheets}, "import_source": {sheet.original for sheet in sheets}}
    extra = [column for column, texts in known.items() if len(texts) > 1]
    to_mend = _Table(book, TO_MEND, header, (*_LEFT_TO_MEND, *extra)) if offered else None
    all_rows = _Table(book, ALL_ROWS, header, (*_LEFT_OF_ALL, *extra))
    # For each sheet the places in a line's cells by the columns of the source.
    places = [{sheet.positions[at]: column for at, column in own.items()} for sheet, own in _own_columns(sheets)]
    used: set[int] = set()  # places of columns of the sheets that have rows to correct
    shown, passed = tee(lines)  # in step: what tee keeps is one line
    for (line, findings), cells in zip(
        shown, line_cells(sheets, (line for line, _ in passed), mapping_id), strict=True
    ):
        status = line.outcome.status
        marks = {_STATUS: Mark(_FILLS[status.tone], "")}
        if to_mend and offered and line.outcome.is_to_mend:
            problems = _problems_of(line, findings)
            own = _marks(problems, findings, places[line.sheet])
            marks |= {column: mark._replace(comment="") for column, mark in own.items()}
            hints = [_offer(offered, to_mend, problem, cells, places[line.sheet]) for problem in problems]
            mended = [*cells]
            mended[_ERROR], mended[_HINT] = map(guard, _reason_and_hint(line, problems, hints, findings))
            to_mend.add(mended, own)
            used.update(places[line.sheet].values())
        elif findings or line.outcome.cell:
            marks |= _marks(_problems_of(line, findings), findings, places[line.sheet])
        all_rows.add(cells, marks)
    all_rows.finish()
    if to_mend and offered:
        to_mend.finish(used)
        for place, name in meanings.items() if to_mend.lines else ():
            offered.offer_column(to_mend.column_of[place], name)
        offered.finish(to_mend.sheet, to_mend.lines)
        if not to_mend.lines:
            all_rows.sheet.activate()
    return to_mend.lines if to_mend else 0


def _meanings(sheets: Sequence[Sheet], mapping: str) -> dict[int, str]:
    """Return the columns of ours by their places in a line, as far as the headers and the mapping tell."""
    found: dict[int, str] = {}
    with suppress(ImporterError):  # the run has read its rows; if that fails now, nothing is offered
        text = json.loads(mapping) if mapping.startswith("{") else mapping
        known = read_mapping(text, MAPPING_SHEET) if mapping else NO_MAPPING
        for sheet, columns in _own_columns(sheets):
            indices = plan(sheet, known.of_sheet(sheet.name), is_known=True).indices
            found |= {columns[index]: name for name, index in indices.items() if index in columns}
    return found


def _own_columns(sheets: Sequence[Sheet]) -> Iterator[tuple[Sheet, dict[int, int]]]:
    """Yield each sheet with a map from places in its rows to places in a line's cells."""
    for sheet, places in zip(sheets, merge_columns(sheets).places, strict=True):
        yield sheet, {at: column for column, at in enumerate(places, start=len(PRODUCT_COLUMNS)) if at >= 0}


def _problems_of(line: ReportLine, findings: Sequence[Finding]) -> Sequence[Problem]:
    """Return the problems of a line, one by one if all of them were found in its row."""
    outcome = line.outcome
    problems = problems_of(findings, Severity.PROBLEM)
    if problems and "; ".join(problem.message for problem in problems) == outcome.error:
        return problems
    hint = outcome.hint.partition("Warning: ")[0].strip()
    return [Problem(outcome.error, hint, cell=outcome.cell)] if outcome.error else []


def _marks(problems: Sequence[Problem], findings: Iterable[Finding], columns: Mapping[int, int]) -> dict[int, Mark]:
    """Return the marks of a row's own cells, by their places in the line: problems red, warnings yellow.

    A cell has its name in the source, or in the report that a rerun has read: its column counts, its row is another
    one here.
    """
    return mark_cells(
        problems,
        problems_of(findings, Severity.WARNING),
        lambda problem: [columns[at] for at, _ in named_cells(problem.cell) if at in columns],
    )


def _offer(
    offered: DropDowns, table: _Table, problem: Problem, cells: Sequence[str | int], places: Mapping[int, int]
) -> str:
    """Offer what the cells of a problem may mean, in the line to be written next; return what to do, in words."""
    words = ""
    for position, _ in named_cells(problem.cell):
        if (place := places.get(position)) is not None:
            words = offered.offer(table.lines + 1, table.column_of[place], problem, unguard(str(cells[place]))) or words
    return words or as_sentence(problem.hint)


def _reason_and_hint(
    line: ReportLine, problems: Sequence[Problem], hints: list[str], findings: Sequence[Finding]
) -> tuple[str, str]:
    """Return what is wrong with a line and what to do about it, a sentence a line."""
    wrong = [as_sentence(problem.message) for problem in problems]
    if line.outcome.status is Status.REJECTED and wrong:
        target = KINDS[line.kind].target.capitalize() if line.kind else "The target"
        wrong[0] = f"{target} refused it: {problems[0].message}"
    wrong += [f"Also: {as_sentence(problem.message)}" for problem in problems_of(findings, Severity.WARNING)]
    return "\n".join(dict.fromkeys(filter(None, wrong))), "\n".join(dict.fromkeys(filter(None, hints)))


class _Table:
    """One sheet of lines: what people need at the left, then their own columns, then the rest, folded away."""

    def __init__(self, book: Book, name: str, header: Sequence[str], left: Sequence[str]) -> None:
        self._book = book
        self.sheet = book.add_sheet(name)
        self.lines = 0
        own = range(len(PRODUCT_COLUMNS), len(header))
        clashing = [place for place in own if product_column(header[place])]  # the product's come first
        first = list(map(PRODUCT_COLUMNS.index, left))
        rest = [place for place in range(len(PRODUCT_COLUMNS)) if place not in first]
        self._closed = range(len(header) - len(rest) - len(clashing), len(header) - len(clashing))
        self._order = [*first, *(place for place in own if place not in clashing), *rest, *clashing]
        self.column_of = {place: column for column, place in enumerate(self._order)}
        self._is_wrapped = name == TO_MEND
        texts = [
            _PLAIN[left[place]] if self._is_wrapped and place < 2 else header[of]
            for place, of in enumerate(self._order)
        ]
        self._widths = [
            _WIDTHS[PRODUCT_COLUMNS[of]] if of < len(PRODUCT_COLUMNS) else header_width(header[of], 10, _WIDEST)
            for of in self._order
        ]
        self._styles = [self._style(of) for of in self._order]
        own_header = [unguard(text) for text in header[len(PRODUCT_COLUMNS) :]]
        # Only for All rows, where no change counts: a digest of the cells as they were written.
        self._digested = own_header if name == ALL_ROWS and len(own_header) <= _MOST_DIGESTED else None
        if self._digested is not None:
            texts.append(DIGEST_COLUMN)
            self._widths.append(_WIDTHS["import_row"])
            self._styles.append(self._styles[-1])
        self._width = len(texts)
        self._set_columns()
        put_cells(self.sheet, 0, texts, book.style(HEADER))

    def _style(self, place: int, fill: Fill | None = None) -> Any:
        is_wrapped = self._is_wrapped and place in {_ERROR, _HINT}
        number_format = "General" if place in _NUMBERS else TEXT
        is_left = place in _NUMBERS  # otherwise a number and the text after it would touch
        look = CellStyle(fill, number_format, is_wrapped=is_wrapped, is_top=self._is_wrapped, is_left=is_left)
        return self._book.style(look)

    def _set_columns(self, unused: Collection[int] = ()) -> None:
        closed = {*self._closed, *unused, *range(len(self._order), self._width)}
        set_columns(self.sheet, list(zip(self._widths, self._styles, strict=True)), closed)

    def add(self, cells: Sequence[str | int], marks: Mapping[int, Mark]) -> None:
        """Write a line; `marks` are by places in `cells`."""
        self.lines += 1
        sheet, number, styles = self.sheet, self.lines, self._styles
        if self._is_wrapped:
            sheet.set_row(number, _LINE_HEIGHT * max(_count_lines(cells[place]) for place in (_ERROR, _HINT)))
        for column, place in enumerate(self._order):
            mark = marks.get(place)
            if mark is None:
                put(sheet, number, column, cells[place], styles[column])
            else:
                put_marked(sheet, number, column, str(cells[place]), self._style(place, mark.fill))
                if mark.comment:
                    self._book.comment(sheet, number, column, mark.comment)
        if self._digested is not None:
            own = (unguard(str(cell)) for cell in cells[len(PRODUCT_COLUMNS) :])
            put(sheet, number, self._width - 1, digest_cells(self._digested, own), styles[-1])
        for column, place in enumerate(self._order) if number <= _MEASURED else ():
            if place >= len(PRODUCT_COLUMNS):
                self._widths[column] = max(self._widths[column], min(len(str(cells[place])) + 1, _WIDEST))

    def finish(self, used: Collection[int] = ()) -> None:
        """Set what depends on all lines: widths, and how far the filter goes.

        `used` are the places of the own columns that the lines' sheets have; those of other sheets are folded away.
        """
        own = range(len(PRODUCT_COLUMNS), len(self._order))
        self._set_columns([self.column_of[place] for place in own if used and place not in used])
        finish_table(self.sheet, self.lines, self._width)


def _count_lines(cell: str | int) -> int:
    """Return about how many lines a text takes in the column that says what is wrong."""
    return min(sum(1 + len(line) // (_WIDTHS["import_error"] + 3) for line in str(cell).split("\n")), _MOST_LINES)


_STEPS = f"""\
1. Open the sheet {TO_MEND}. Each line is a row that was not imported: what is wrong, what to do, then your own columns.
2. Correct the colored cells there. A cell with an arrow offers what is known.
3. You may sort, filter, add rows, and delete rows that nobody wants any more.
4. Leave the headers and the columns that begin with import_ as they are, and the sheet {ALL_ROWS} too.
5. Save it as .xlsx under any name, and send it back to {{contact}}. Nothing is imported twice.""".split("\n")


def _fill_summary(
    book: Book,
    sheets: Sequence[Sheet],
    counts: Mapping[tuple[str, Status], int],
    info: RunInfo,
    warnings: Sequence[str],
    contact: str,
    mended: int,
) -> None:
    sheet = book.add_sheet("Summary")
    sheet.set_column(0, 0, 18)
    bold = book.style(CellStyle(number_format="General", is_bold=True))
    text = book.style(CellStyle())
    known = [
        ("Source", ", ".join(dict.fromkeys(sheet.original for sheet in sheets))),
        ("Run", f"{info.run} (a rehearsal: nothing was really imported)" if info.is_sandbox else info.run),
        ("Started", info.started_at),
        *([] if info.is_undo else [("To mend", f"{mended:,}" if mended else "nothing: no row needs to be corrected")]),
    ]
    shown = [(label, guard(words)) for label, words in known if words]
    for row, (label, words) in enumerate(shown):
        put(sheet, row, 0, label, bold)
        put(sheet, row, 1, words, text)
    row = _fill_counts(book, sheet, len(shown) + bool(shown), counts, is_undo=info.is_undo)
    if mended and not info.is_undo:
        put(sheet, row + 1, 0, "How to mend", bold)
        for number, step in enumerate(_STEPS, start=row + 2):
            put(sheet, number, 0, step.format(contact=escape(contact) or "whoever sent it to you"), text)
        row += 2 + len(_STEPS)
        put(sheet, row + 1, 0, "Whoever gets it back: oncall-importer rerun FILE.xlsx", text)
        row += 2
    if warnings:
        put(sheet, row + 1, 0, "Warnings", bold)
        for number, words in enumerate(warnings, start=row + 2):
            put(sheet, number, 0, guard(escape(words, _LONGEST_WARNING)), text)
    fit_to_width(sheet)


def _fill_counts(book: Book, sheet: Any, first: int, counts: Mapping[tuple[str, Status], int], *, is_undo: bool) -> int:
    """Write the counts from a row on; return the row after them."""
    targets = sorted({target for target, _ in counts}, key=lambda target: (not target, target))
    header = ["status", *(str(target) or "no target" for target in targets), "all"]
    sheet.set_column(1, len(header), 16)
    put_cells(sheet, first, header, book.style(BOLD))
    statuses = possible_statuses(is_undo=is_undo)
    for row, status in enumerate(statuses, start=first + 1):
        numbers = [counts.get((target, status), 0) for target in targets]
        put(sheet, row, 0, status.value, book.style(CellStyle(_FILLS[status.tone])))
        put_cells(sheet, row, [*numbers, sum(numbers)], first=1)
        put(sheet, row, len(header), status.meaning(is_undo=is_undo))
    totals = [sum(number for (own, _), number in counts.items() if own == target) for target in targets]
    bold = book.style(CellStyle(number_format="General", is_bold=True))
    last = first + len(statuses) + 1
    put_cells(sheet, last, ["all", *totals, sum(totals)], bold)
    return last + 1


def _fill_times(book: Book, shadow_times: Iterable[Sequence[str | int]]) -> None:
    rows = iter(shadow_times)
    if (first := next(rows, None)) is not None:
        header, widths = list(SHADOW_TIMES_COLUMNS), list(SHADOW_TIMES_COLUMNS.values())
        ids = range(header.index("schedule_id"), len(header))
        book.add_table("Shadow times", header, chain([first], rows), widths, look=HEADER, closed=ids)
