"""Normalizes one row at a time: decides its kind, and makes its records or collects all its problems."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final, NamedTuple

from importer.cells import BLANKS, Unreadable, canonical, cell_name, shown_text
from importer.kinds import COLUMNS, KIND_COLUMN, KINDS, TELLING, any_of, kind_of_name, kinds_of_columns, read_kind
from importer.normalizer.fields import Fields, Level, Places, no_result
from importer.normalizer.header import Layout, plan
from importer.normalizer.mapping import NO_RULES, Rules
from importer.normalizer.matrix import Grid, find_headers
from importer.normalizer.references import Reference
from importer.records import UNEVEN, KnownName, Problem, Record, Row, Sheet
from importer.wording import escape, quote

#: The word that the column `kind` begins with in a template's example rows.
EXAMPLE: Final = "example"
_is_example = re.compile(rf"{EXAMPLE}(?![^\W_])", re.IGNORECASE).match
_is_date = re.compile(r"\d{4}-\d\d-\d\dT[\d:]{8}").fullmatch

_NO_CLOCK: Final = Unreadable(
    ", whose cell shows a date without a time: the shift ends at 00:00, as that day begins, and does not cover it",
    "Format the cell as a date and time, and write 24:00 after the date if the shift covers that day, 00:00 if not.",
    "end that is shown as a date without a time",
)
_MANY: Final = 3  # columns that a record needs: if it needs fewer, one filled cell may be a half-written record
#: First words of rows that are totals.
_TOTALS: Final = frozenset(
    {"total", "totals", "grandtotal", "subtotal", "sum", "summe", "zwischensumme", "gesamt", "insgesamt", "totale"}
)


class Normalized(NamedTuple):
    """The result of a row: records, problems, or references that must be looked up first; only one of them."""

    kind: str | None  #: None if the row does not say, or says it wrongly
    records: tuple[Record, ...]  #: empty if there are problems or references
    problems: tuple[Problem, ...]  #: all of the row's: first those from reading, then in the order of columns
    warnings: tuple[Problem, ...]  #: worth reporting, but not stopping the row
    references: tuple[Reference, ...] = ()  #: what it names instead of giving an id; possible beside problems
    zone: str = ""  #: the zone that a shadow's times were written in; empty if none was named
    groups: tuple[str, ...] = ()  #: ids of the Opal groups that a schedule is to be added to
    cells: tuple[str, ...] = ()  #: for a matrix: each record's cell


def find_total(row: Row) -> tuple[int, str] | None:
    """Return the place of a row's first text, and the text, if it marks a total; else None."""
    texts = ((index, text) for index, cell in enumerate(row.cells) if (text := cell.strip(BLANKS)))
    index, text = next(texts, (0, ""))
    first, second, *_ = [*text.split(), "", ""]
    is_total = canonical(first) in _TOTALS or (first.lower() == "grand" and canonical(second) in _TOTALS)
    return (index, text) if is_total else None


class Normalizer:
    """Turns the rows of one sheet into records.

    Raises:
        SourceError: two headers are the same column.
    """

    def __init__(self, sheet: Sheet, rules: Rules = NO_RULES) -> None:
        mapping = rules.mapping.of_sheet(sheet.name)
        self._rules = replace(rules, mapping=mapping)
        self.layout = plan(sheet, mapping, rules.provider, is_known=rules.is_repeated)
        self._kept, self._dropped = (
            [
                (index, {text.casefold() for text in texts})
                for header, texts in rows.items()
                for index in find_headers(sheet.header, header)
            ]
            for rows in (mapping.keep, mapping.drop)
        )
        self._above: dict[int, str] = {
            index: "" for header in mapping.fill for index in find_headers(sheet.header, header)
        }  #: index of a column to fill down -> the last text in it
        used = {*self.layout.indices.values(), *(joined.day for joined in self.layout.joined.values()), *self._above}
        used.update(index for index, _ in (*self._kept, *self._dropped))
        #: Columns from which nothing is taken; which those of a matrix are, its cells decide.
        self.unused = () if self.layout.grid else tuple(set(range(len(sheet.header))) - used)
        self.statuses = [place for place in self.unused if canonical(sheet.header[place]) in _STATUS_HEADERS]
        self._sheet_kind = self.layout.kind
        # Whatever the mapping makes of a template's column `kind`: its examples are never sent.
        places = {index for index, header in enumerate(sheet.header) if canonical(header) == "kind"}
        self._kinds = tuple(places | ({self.layout.indices["kind"]} if "kind" in self.layout.indices else set()))
        kinds = {self._sheet_kind} if self._sheet_kind else kinds_of_columns(self.layout.indices.keys())
        self._fast_kind = next(iter(kinds)) if len(kinds) == 1 else ""  #: the kind of ordinary rows
        make = KINDS[self._fast_kind].fast if self._fast_kind and not self.layout.grid else None
        fast = make(self.layout, self._rules) if make else None
        self._fast = fast if fast and fast.is_open else None
        required = [place for name, place in self.layout.indices.items() if COLUMNS[name].is_required]
        self._making = [] if self.layout.given else required  #: none if the mapping gives what cells lack

    def is_example(self, row: Row) -> bool:
        """Return whether a row is a template's example, which makes no record."""
        return any(_is_example(shown_text(row.cells[index])) for index in self._kinds)

    def fill_down(self, row: Row) -> Row:
        """Return a row whose empty cells have the text above, if the mapping says so; rows must come in order."""
        if not self._above:
            return row
        unreadable = {problem.cell for problem in row.problems}
        cells = list(row.cells)
        for index, above in self._above.items():
            if shown_text(cells[index]):
                self._above[index] = cells[index]
            elif cell_name(self.layout.sheet.positions[index], row.place) in unreadable:
                self._above[index] = ""  # its text is not known, so neither is the one below
            else:
                cells[index] = above
        return row._replace(cells=tuple(cells))

    def left_out(self, row: Row) -> str:
        """Return why the mapping leaves a row out; empty if it counts."""
        is_kept = all(shown_text(row.cells[index]).casefold() in texts for index, texts in self._kept)
        if not is_kept or any(shown_text(row.cells[at]).casefold() in texts for at, texts in self._dropped):
            return "because [rows] in the mapping says so"
        if self.layout.grid and not row.problems and self.layout.grid.is_empty(row):
            return "because no cell of [matrix] names a shift"
        return ""

    def with_doubtful_cells(self, row: Row) -> Row:
        """Add what is to be said about cells that a sheet shows otherwise than they are read.

        A number of which people see something else is a problem. An end that shows a date without a time counts by
        [checks]: the last day can be meant. What could not be read in a column that is not used is a warning, and so is
        a status by which the row no longer counts.
        """
        found = {Level.PROBLEM: list[Problem](), Level.WARNING: [*row.warnings], Level.OFF: []}
        layout = self.layout
        places = self.unused if row.problems else ()
        unused = {cell_name(layout.sheet.positions[place], row.place) for place in places}
        for problem in row.problems:
            is_idle = problem.cell in unused and problem.topic != UNEVEN
            found[Level.WARNING if is_idle else Level.PROBLEM].append(_idle(problem) if is_idle else problem)
        for place in self.statuses:
            if shown_text(row.cells[place]).casefold() in _CALLED_OFF:
                found[Level.WARNING].append(_called_off(row, layout.sheet, place))
        for place, shown in row.shown:
            if row.cells[place] != f"{shown}T00:00:00":
                found[Level.PROBLEM] += _doubtful_number(row, layout, place, shown)
            elif place == layout.indices.get("ends_at"):
                problem = layout.problem("ends_at", row.cells[place], _NO_CLOCK, layout.cell("ends_at", row.place))
                found[self._rules.mapping.checks.level("date_only")].append(problem)
        return row._replace(problems=tuple(found[Level.PROBLEM]), warnings=tuple(found[Level.WARNING]))

    def normalize(self, row: Row, kind: str | None = None) -> Normalized:
        """Make a row's records or its problems; `kind` applies if the row has no kind cell of its own."""
        if self.layout.grid is not None:
            return self._normalize_cells(row, self.layout.grid, kind)
        if self._fast is not None and kind in (None, self._fast_kind) and (read := self._fast.read(row)):
            record, zone, warnings = read
            return Normalized(self._fast_kind, (record,), (), tuple(warnings), zone=zone)
        if remark := self._remark(row):
            fields = Fields(self.layout, row, self._rules.mapping.checks)
            return Normalized(self._decide(fields, kind), (), (remark,), ())
        return self._read(self.layout, row, kind)

    def _normalize_cells(self, row: Row, grid: Grid, kind: str | None) -> Normalized:
        """Make the records of a matrix's row, one for each filled cell, or the problems of all cells."""
        read: list[tuple[str, Normalized]] = []
        problems = [*row.problems]
        for one in grid.rows(row, self.layout.sheet.header):
            if isinstance(one, Problem):
                problems.append(one)
                continue
            places, own, cell = one
            read.append((cell, self._read(places, own, kind)))
        if not read and not problems:
            problems.append(_NOBODY)
        for _, made in read:
            problems += [_with_clock_hint(problem) for problem in made.problems]
        kinds = {made.kind for _, made in read} - {None}
        decided = kinds.pop() if len(kinds) == 1 else self._sheet_kind
        warnings = tuple(dict.fromkeys(warning for _, made in read for warning in made.warnings))
        references = tuple(dict.fromkeys(one for _, made in read for one in made.references))
        if problems or references:
            return Normalized(decided, (), tuple(dict.fromkeys(problems)), warnings, references)
        records = tuple(record for _, made in read for record in made.records)
        cells = tuple(cell for cell, made in read for _ in made.records)
        zone = next((made.zone for _, made in read if made.zone), "")
        return Normalized(decided, records, (), warnings, zone=zone, cells=cells)

    def _read(self, places: Places, row: Row, kind: str | None) -> Normalized:
        fields = Fields(places, row, self._rules.mapping.checks)
        kind = self._decide(fields, kind)
        made = KINDS[kind].read(fields, self._rules) if kind else None
        problems, references = fields.problems, fields.references
        if problems and kind and not (kind_of_name(places.sheet.name) or fields.is_filled("kind")):
            problems = _with_other_kinds(problems, kind, places.indices.keys() & TELLING)
        # A kind assumed beside a wrong kind cell only helps to find the row's other problems.
        kind = None if problems and fields.has_problem("kind") else kind
        if made is None or problems or references:
            return Normalized(kind, (), problems, fields.warnings, references)
        return Normalized(kind, made.records, problems, fields.warnings, zone=made.zone, groups=made.groups)

    def _remark(self, row: Row) -> Problem | None:
        """Return the remark about a total, a note or a stray cell: at most one cell that a record needs is filled.

        In a row that begins like a total, up to half of what a record needs may be filled. Other problems, such as sums
        that were never calculated, do not matter then; but a row whose unreadable cells could complete it is a record.
        """
        filled = [place for place in self.layout.indices.values() if shown_text(row.cells[place])]
        place = next((place for place, text in enumerate(row.cells) if text.strip(BLANKS)), None)
        if place is None or not self._making:
            return None
        is_one = len(filled) <= (len(self._making) >= _MANY)
        is_total = not is_one and len(filled) <= len(self._making) // 2 and find_total(row) is not None
        if not is_one and not is_total:
            return None
        place = filled[0] if filled and not is_total else place
        names = [cell_name(position, row.place) for position in self.layout.sheet.positions]
        unreadable = {problem.cell for problem in row.problems}
        if names[place] in unreadable or unreadable.issuperset(names[at] for at in self._making if at != place):
            return None
        return Problem(
            f"the row has {quote(shown_text(row.cells[place]))} in {names[place]} "
            f"and {'too little' if is_total else 'nothing'} {'else ' if filled else ''}that makes a record",
            "Delete the row if it is a total or a note; otherwise fill in the other cells.",
            cell=names[place],
            topic="a row of totals" if is_total else "a row with only one cell",
        )

    def _decide(self, fields: Fields, given: str | None) -> str | None:
        own = fields.optional("kind", read_kind)
        kind = own or given or self._sheet_kind or _kind_of_columns(fields)
        if kind is None and not fields.has_problem("kind"):
            _note_undecided(fields)
        return kind


_STATUS_HEADERS: Final = frozenset({"status", "state"})
_CALLED_OFF: Final = frozenset(
    ["cancelled", "canceled", "deleted", "removed", "declined", "rejected", "withdrawn", "void", "obsolete", "archived"]
)


def _called_off(row: Row, sheet: Sheet, place: int) -> Problem:
    header, text = sheet.header[place].strip(BLANKS), shown_text(row.cells[place])
    return Problem(
        f"{escape(header)} is {quote(text)}, and the row is read all the same",
        "Delete the row if it no longer counts, or leave such rows out below [rows] in a mapping: "
        f"drop = {{ {quote(header)} = [{quote(text)}] }}.",
        cell=cell_name(sheet.positions[place], row.place),
        topic="a row whose status says that it no longer counts",
    )


def _idle(problem: Problem) -> Problem:
    where = ", in a column that is not used"
    return problem._replace(message=problem.message + where, topic=problem.topic + where)


_NOBODY = Problem("no cell of the row names a shift", "Fill in a cell below a date.", topic="no cell names a shift")


def _with_clock_hint(problem: Problem) -> Problem:
    if problem.cell or problem.column not in ("starts_at", "ends_at"):
        return problem
    return problem._replace(hint="Write start_time and end_time below [matrix], or for each of its marks.")


def _kind_of_columns(fields: Fields) -> str | None:
    """Return the kind that the filled columns decide; None if they decide several, or none.

    Constants and defaults do not count: they are the same for rows of all kinds.
    """
    kinds = kinds_of_columns(set(filter(fields.is_in_row, TELLING)))
    return kinds.pop() if len(kinds) == 1 else None


def _with_other_kinds(problems: tuple[Problem, ...], kind: str, columns: AbstractSet[str]) -> tuple[Problem, ...]:
    """Add to the hints about columns that the sheet lacks which other kind its columns can make."""
    others = [one for one in KINDS.values() if one.name != kind and columns <= {column.name for column in one.columns}]
    more = "".join(f" If these are {one.plural}, write {one.name} into a column kind." for one in others)
    return tuple(one._replace(hint=one.hint + more) if one.column in TELLING - columns else one for one in problems)


def _note_undecided(fields: Fields) -> None:
    """Note that nothing decides the row's kind, and why."""
    is_filled = any(map(fields.is_in_row, TELLING))
    reason = "columns of several kinds are filled" if is_filled else "no column that decides it is filled"
    named = any_of(kind.named for kind in KINDS.values())
    sheets = any_of(kind.plural.capitalize() for kind in KINDS.values())
    fields.note(
        "kind",
        f"kind is unclear: the row could be {named}, {reason}",
        f"{KIND_COLUMN.right} in the column kind, or name the sheet {sheets}",
        f"kind is unclear: {reason}",
    )


def _doubtful_number(row: Row, layout: Layout, place: int, shown: str) -> Iterator[Problem]:
    """Yield the problem of a number that may not be what a person sees.

    In a column of ids that is a percentage, an amount, a fraction, or a number as members; in a column of times a
    number of days where the workbook counts them from another day than most.
    """
    days = {joined.day: column for column, joined in layout.joined.items()}
    column = days.get(place) or next((name for name, index in layout.indices.items() if index == place), "")
    if column not in COLUMNS:
        return
    is_date = _is_date(shown) is not None
    message = f"{layout.name(column)} holds the number {row.cells[place]}"
    if is_date and COLUMNS[column].is_moment:
        message += ", and its workbook counts days from another day than most"
        hint = f"Format the cell as a date and time: it would be {shown}."
        topic = "a number of days that are counted from another day"
    elif not is_date and COLUMNS[column].ids_of:
        # Even with thousands separators only: 101,102 could be two ids, and 101102 is none.
        message += f", which the sheet shows as {escape(shown)}"
        hint = (
            "Format the cell as text, and write what is meant: an id has no percent sign, currency or fraction, and"
            " write several ids as text, such as 101, 102, 103."
        )
        topic = "a number that is shown as something else"
    else:
        return
    yield Problem(message, hint, column, cell_name(layout.sheet.positions[place], row.place), topic)


class RowNames:
    """Finds the names of ids in a sheet's rows: in a column beside the id, or in its own by the mapping."""

    def __init__(self, layout: Layout) -> None:
        used = {*layout.indices.values(), *(joined.day for joined in layout.joined.values())}
        headers = {
            canonical(text): place for place, text in enumerate(layout.sheet.header) if text and place not in used
        }
        self._own = layout.indices
        self._beside: dict[tuple[str, str], int] = {}  # by kind and column
        for kind in KINDS.values():
            for column in kind.columns:
                words = f"{column.names} {column.headers} {column.headers_of_kind}".split()
                beside = next((headers[name] for name in words if name in headers and not name.endswith("id")), None)
                if beside is None and column.name in layout.values:
                    beside = layout.indices.get(column.name)
                if beside is not None and column.name in {*layout.indices, *layout.given}:
                    self._beside[kind.name, column.name] = beside
        self.is_useful = bool(self._beside)

    def find(self, row: Row, normalized: Normalized) -> Iterator[KnownName]:
        """Yield a row's names for its records' subjects."""
        for record in normalized.records[:1]:
            for column, what, id_, _ in KINDS[normalized.kind or ""].subjects(record.key):
                place = self._beside.get((normalized.kind or "", column))
                name = "" if place is None else shown_text(row.cells[place])
                if not name or name == id_ or no_result(name):
                    continue
                if (own := self._own.get(column)) is not None and shown_text(row.cells[own]):
                    yield KnownName(what, id_, name)
