"""The command `map` from end to end: suggestions for headers, the questions, and the mapping that the answers make.

Imported only when it is used, so that `--help` stays quick.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import click

from importer.cells import BLANKS, Unreadable
from importer.cli.next_command import kept_options
from importer.errors import SettingsError, UsageError
from importer.kinds import KIND_WORDS, KINDS, KINDS_WITH, RIGHTS, any_of, kind_of_name
from importer.normalizer.date_times import is_clock, join_date_and_time, read_moment
from importer.normalizer.header import Layout, plan, rate_header
from importer.normalizer.mapping import NO_MAPPING, TIME_PARTS, Mapping, Matrix
from importer.normalizer.mapping_file import read_mapping, write_mapping
from importer.normalizer.matrix import find_across, find_headers
from importer.normalizer.row import find_total
from importer.normalizer.suggestions import Suggestion, nearest, suggest
from importer.normalizer.zones import Moment
from importer.planning.sources import expand_sources, make_bounds
from importer.reader.read import read
from importer.records import Row, Sheet
from importer.reporter.atomic_file import ROOM_HINT, replace_file
from importer.settings.options import Settings
from importer.wording import escape, quote, shown_path

_STDOUT = Path("-")
_SAMPLES = 3  # values of a column that are shown
_MARKS = 40  # of a roster that the user is asked about
_ANY_DAY = "2027-03-01"  # to read a time of day by itself
_FEWEST_DATES = 3  # headers that make a table a roster


# ---- what a mapping for some sources could say


@dataclass(frozen=True, slots=True)
class SheetDraft:
    """One sheet of a source, as far as it is understood so far."""

    source: str
    name: str
    layout: Layout
    rows: tuple[Row, ...]  #: the first ones, without totals
    totals: dict[str, tuple[str, ...]]  #: texts that mark a row as a total, by the header above them

    def under(self, mapping: Mapping) -> SheetDraft:
        """Interpret the sheet again, by what a mapping says now."""
        return replace(self, layout=plan(self.layout.sheet, mapping.of_sheet(self.name)))

    @property
    def sheet(self) -> Sheet:
        """Its header, and the header's place."""
        return self.layout.sheet

    @property
    def suggestions(self) -> tuple[Suggestion, ...]:
        """What headers that are not used may mean."""
        return suggest(self.layout)

    @property
    def had(self) -> set[str]:
        """The columns that the sheet or the mapping provides."""
        places = self.layout.grid.places if self.layout.grid else self.layout
        return {*places.indices, *self.layout.given}

    @property
    def lacking(self) -> list[str]:
        """The columns that rows of this sheet must have and nothing provides; empty if its kind is not known.

        The time zone is one of them if no time has an offset.
        """
        columns = KINDS[self.layout.kind].columns if self.layout.kind else ()
        had = self.had
        lacking = [one.name for one in columns if one.is_required and had.isdisjoint({one.name, *one.unless})]
        return [*lacking, *(["timezone"] if "starts_at" in had and "timezone" not in had and self._is_local() else [])]

    @property
    def is_kind_decided(self) -> bool:
        """True if its name, the mapping, or a column that only one kind has determines its kind."""
        own = any(KINDS_WITH[name] == {self.layout.kind} for name in self.had)
        return own or bool(kind_of_name(self.name) or self.layout.given.get("kind") or "kind" in self.layout.indices)

    @property
    def looks_like_roster(self) -> bool:
        """True if headers are dates, and the mapping does not say what that means."""
        if self.layout.grid is not None:
            return False
        across = find_across(self.sheet, Mapping(columns=self.layout.mapping.columns, matrix=Matrix()))
        return len(across) >= _FEWEST_DATES

    def marks(self) -> tuple[str, ...]:
        """Return the texts of a roster's cells."""
        across = find_across(self.sheet, replace(self.layout.mapping, matrix=self.layout.mapping.matrix or Matrix()))
        return _distinct((row.cells[one.place] for row in self.rows for one in across), _MARKS)

    def samples(self, header: str) -> tuple[str, ...]:
        """Return some values of a column."""
        index = self.sheet.header.index(header)
        return _distinct((row.cells[index] for row in self.rows), _SAMPLES)

    def gaps(self) -> list[str]:
        """List the headers in use that have empty cells below a text, as merged cells do."""
        used = set(self.layout.indices.values()) | {one.day for one in self.layout.joined.values()}
        filled_down = {
            index for header in self.layout.mapping.fill for index in find_headers(self.sheet.header, header)
        }
        return [self.sheet.header[index] for index in sorted(used - filled_down) if self._has_gaps(index)]

    def find(self, text: str) -> str | None:
        """Return the header for a number or words; None if there is none, or several."""
        header = self.sheet.header
        if text.isdecimal() and 1 <= int(text) <= len(header):
            return header[int(text) - 1]
        found = find_headers(header, text.strip(BLANKS)) or [
            index for index, own in enumerate(header) if own.strip(BLANKS) in nearest(text, header)
        ]
        return header[found[0]] if len(found) == 1 else None

    def _has_gaps(self, index: int) -> bool:
        texts = [row.cells[index].strip(BLANKS) for row in self.rows]
        return bool(texts) and bool(texts[0]) and not all(texts)

    def _is_local(self) -> bool:
        if self.layout.grid:
            return True
        index = self.layout.indices.get("starts_at")
        texts = [] if index is None else [row.cells[index].strip(BLANKS) for row in self.rows]
        texts = [join_date_and_time(_ANY_DAY, text) if is_clock(text) else text for text in filter(None, texts)]
        if any(isinstance(moment := read_moment(text), Moment) and moment.offset is None for text in texts):
            return True
        pairs = ((row.cells[one.day], row.cells[one.clock]) for row in self.rows for one in self.layout.joined.values())
        joined = [read_moment(join_date_and_time(*pair)) for pair in pairs if all(pair)]
        return any(isinstance(moment, Unreadable) or moment.offset is None for moment in joined)


def with_column(mapping: Mapping, header: str, column: str) -> Mapping:
    """Return a mapping in which a header is one of our columns."""
    return replace(mapping, columns={**mapping.columns, header.strip(BLANKS): column})


def with_joined(mapping: Mapping, day: str, clock: str, column: str) -> Mapping:
    """Return a mapping in which two headers are the date and the time of day of `starts_at` or `ends_at`."""
    side = "start" if column == "starts_at" else "end"
    is_shared = mapping.columns.get(day.strip(BLANKS), "") in TIME_PARTS
    return with_column(with_column(mapping, day, "date" if is_shared else f"{side}_date"), clock, f"{side}_time")


def draft_sheets(sources: Sequence[str], mapping: Mapping, settings: Settings) -> list[SheetDraft]:
    """Read the headers of sources, including folders and patterns.

    Raises:
        SourceError: one cannot be read.
    """
    drafts: dict[int, SheetDraft] = {}
    kept = []  # keeps sheets alive, which are recognized by identity
    files, _ = expand_sources(sources)
    for source in map(str, files):
        reading = read(
            source,
            sheets=settings.sheet,
            is_header=partial(rate_header, mapping=mapping),
            header_row=mapping.header_row,
            encoding=settings.encoding,
            bounds=make_bounds(settings),
        )
        for chunk in reading:
            if id(chunk.sheet) in drafts:
                continue
            kept.append(chunk.sheet)
            totals = {row.number: found for row in chunk.rows if (found := find_total(row))}
            below: dict[str, tuple[str, ...]] = {}
            for index, text in totals.values():
                header = chunk.sheet.header[index].strip(BLANKS)
                below[header] = tuple(dict.fromkeys((*below.get(header, ()), text)))
            rows = tuple(row for row in chunk.rows if row.number not in totals)
            layout = plan(chunk.sheet, mapping)
            drafts[id(chunk.sheet)] = SheetDraft(source, chunk.sheet.name, layout, rows, below)
    return list(drafts.values())


def _distinct(cells: Iterable[str], most: int) -> tuple[str, ...]:
    texts = (text for cell in cells if (text := cell.strip(BLANKS)))
    return tuple(islice(dict.fromkeys(texts), most))


# ---- the questions, and the mapping that the answers make


def map_sources(
    sources: tuple[str, ...], settings: Settings, output: Path, *, header_row: int | None, is_asking: bool
) -> int:
    """Write a mapping for some sources; return the exit status.

    Raises:
        ImporterError: a source cannot be read, or the file cannot be written.
        click.Abort: the user left a question.
    """
    mapping = replace(NO_MAPPING, header_row=header_row)
    drafts = draft_sheets(sources, mapping, settings)
    if header_row is None and not any(draft.layout.is_usable for draft in drafts):
        _doubt_headers(drafts)
    if is_asking:
        mapping = _ask_for_all(drafts, mapping)
    open_drafts = [draft.under(mapping) for draft in drafts if not is_asking or draft.under(mapping).lacking]
    text = _compose(mapping, open_drafts)
    if text.strip() and output != _STDOUT:
        output = _write(output, text, is_asking=is_asking)
    missing = _show_missing([draft.under(mapping) for draft in drafts], settings)
    zone = ["--timezone", "ZONE"] if "timezone" in missing else []
    check = ["check", *sources, *kept_options("check", settings), *zone]
    if not text.strip():
        lack = "no mapping was written: every header is understood, and what is missing is in no column"
        needless = "no mapping is needed, and none was written: every sheet is understood as it is"
        click.echo(lack if missing else needless, err=True)
        click.echo(f"next:     {_command(*check)}", err=output == _STDOUT)
        return 0
    if output == _STDOUT:
        click.echo(text, nl=False)
        return 0
    click.echo(f"mapping:  {shown_path(output)}")
    is_usable = all(draft.under(mapping).layout.is_usable for draft in drafts)
    edit = "" if is_asking or (is_usable and missing <= {"timezone"}) else "edit it, then: "
    click.echo(f"next:     {edit}{_command(*check, '--mapping', str(output))}")
    return 0


def _doubt_headers(drafts: Iterable[SheetDraft]) -> None:
    """Print which rows were taken for headers although none of their texts is known."""
    for draft in drafts:
        click.echo(
            f"header:   row {draft.layout.sheet.header_row} of {_where(draft)} lacks the columns that make a record",
            err=True,
        )
    click.echo("hint:     --header-row N if the header is in another row, --no-header if there is none", err=True)


def _show_missing(drafts: Iterable[SheetDraft], settings: Settings) -> set[str]:
    """Print what is still missing in the mapping and the settings; return the columns."""
    missing = set()
    given = {"timezone": settings.timezone, "third_party_provider": settings.provider}
    for draft in drafts:
        for header in draft.layout.not_used:
            click.echo(f"not used: {quote(header)} of {_where(draft)}", err=True)
        for column in draft.lacking:
            if not given.get(column):
                missing.add(column)
                click.echo(f"missing:  {column} in {_where(draft)}", err=True)
        if draft.layout.kind is None and not draft.layout.is_usable:
            click.echo(f"left out: {_where(draft)}, because nothing says what it holds", err=True)
    return missing


def _ask_for_all(drafts: list[SheetDraft], mapping: Mapping) -> Mapping:
    """Ask about everything that is open for each sheet, from the meaning of headers to which rows count."""
    for draft in drafts:
        _list_headers(draft)
        mapping = _ask_about_roster(draft, mapping)
        mapping = _ask_about_suggestions(draft, mapping)
        answered = _ask_about_kind(draft, mapping, is_alone=len(drafts) == 1)
        if answered is None:
            continue
        mapping = answered
        asked: set[str] = set()
        while left := [column for column in draft.under(mapping).lacking if column not in asked]:
            asked.add(left[0])
            mapping = _ask_for_column(draft, left[0], mapping)
        if draft.under(mapping).layout.is_usable:
            mapping = _ask_about_rows(draft, mapping)
    return mapping


def _list_headers(draft: SheetDraft) -> None:
    """Print a sheet's headers with their numbers, some values, and their meaning if it is known."""
    click.echo(f"{_where(draft)}, header in row {draft.sheet.header_row}", err=True)
    known = {index: column for column, index in draft.layout.indices.items()}
    for number, header in enumerate(draft.sheet.header, 1):
        meaning = f" = {known[number - 1]}" if number - 1 in known else ""
        click.echo(f"    {number}  {quote(header)}{meaning}{_shown(draft, header)}", err=True)


def _ask_about_roster(draft: SheetDraft, mapping: Mapping) -> Mapping:
    """Ask what the marks of a roster mean, if headers are dates."""
    if not draft.under(mapping).looks_like_roster:
        return mapping
    if not click.confirm("  The headers are dates. Is each filled cell below them a shift?", default=True, err=True):
        return mapping
    marks: dict[str, dict[str, str]] = {}
    for mark in draft.under(mapping).marks():
        question = f"  {quote(mark)} is a shift from-to, such as 06:00-14:00 (nothing: nobody)"
        while answer := str(click.prompt(question, default="", show_default=False, err=True)).strip():
            start, dash, end = (part.strip() for part in answer.partition("-"))
            marks[mark] = {"start_time": start, "end_time": end}
            if dash and not (fault := _fault(replace(mapping, matrix=Matrix(marks=marks)))):
                break
            click.echo(f"    {fault if dash else 'write it as 06:00-14:00'}", err=True)
        else:
            marks[mark] = {}
    return replace(mapping, matrix=Matrix(marks=marks))


def _ask_about_suggestions(draft: SheetDraft, mapping: Mapping) -> Mapping:
    """Ask about each suggestion once; an answer can determine the sheet's kind, and so change the other suggestions."""
    asked: set[tuple[str, str]] = set()
    while left := [one for one in draft.under(mapping).suggestions if (one.header, one.column) not in asked]:
        one = left[0]
        asked.add((one.header, one.column))
        words = f"  {quote(one.header)}{_shown(draft, one.header)} may be {one.column}"
        if click.confirm(f"{words} ({one.confidence} %): {escape(one.why)}. Use it?", err=True):
            mapping = with_column(mapping, one.header, one.column)
    return mapping


def _ask_about_kind(draft: SheetDraft, mapping: Mapping, *, is_alone: bool) -> Mapping | None:
    """Ask what a sheet holds, if neither its name nor its columns say so; None means nothing to import."""
    found = draft.under(mapping)
    if found.is_kind_decided or (found.layout.kind and not set(found.lacking) - {"timezone"}):
        return mapping
    question = f"  What does the sheet hold: {any_of(kind.plural for kind in KINDS.values())}? (nothing: leave it out)"
    while answer := str(click.prompt(question, default="", show_default=False, err=True)).strip():
        if kind := KIND_WORDS.get(answer.casefold()):
            if is_alone:
                return replace(mapping, constants={**mapping.constants, "kind": kind})
            own = replace(NO_MAPPING, constants={"kind": kind})
            return replace(mapping, sheets={**mapping.sheets, draft.name: own})
    return None


def _ask_for_column(draft: SheetDraft, column: str, mapping: Mapping) -> Mapping:
    """Ask for a column's header, or for its value in all rows or in empty cells, until the answer is valid."""
    click.echo(f"  {column} is missing: {RIGHTS[column]}.", err=True)
    joined = ", two for date + time" if column in ("starts_at", "ends_at") else ""
    question = f"  Its header by number or words{joined}; = VALUE for every row; ? VALUE for empty cells; or nothing"
    while answer := str(click.prompt(question, default="", show_default=False, err=True)).strip():
        changed = _answered(draft, column, mapping, answer)
        if changed is not None and not (fault := _fault(changed)):
            return changed
        click.echo(f"    {fault if changed else 'that is none of the headers above, or more than one'}", err=True)
    return mapping


def _answered(draft: SheetDraft, column: str, mapping: Mapping, answer: str) -> Mapping | None:
    """Apply an answer to a mapping; return None if it names no header."""
    value = answer[1:].strip()
    if answer.startswith("="):
        return replace(mapping, constants={**mapping.constants, column: value})
    if answer.startswith("?"):
        return replace(mapping, defaults={**mapping.defaults, column: value})
    if header := draft.find(answer):
        return with_column(mapping, header, column)
    day, plus, clock = answer.partition("+")
    if plus and column in ("starts_at", "ends_at") and (first := draft.find(day)) and (second := draft.find(clock)):
        return with_joined(mapping, first, second, column)
    return None


def _ask_about_rows(draft: SheetDraft, mapping: Mapping) -> Mapping:
    """Ask about empty cells below a text, as in merged blocks, and about rows that look like totals."""
    for header, texts in draft.totals.items():
        words = f"  Rows with {', '.join(map(quote, texts))} below {quote(header)} look like totals. Leave them out?"
        if click.confirm(words, default=True, err=True):
            mapping = replace(mapping, drop={**mapping.drop, header: texts})
    for header in draft.under(mapping).gaps():
        words = f"  {quote(header)} has empty cells below a text. Do they mean the text above?"
        if click.confirm(words, default=True, err=True):
            mapping = replace(mapping, fill=(*mapping.fill, header.strip()))
    return mapping


def _fault(mapping: Mapping) -> str:
    """Return why a mapping's file could not be read back; empty if it can."""
    try:
        read_mapping(write_mapping(mapping), "the mapping")
    except SettingsError as error:
        return escape(f"{error.message}: {error.hint}")
    return ""


def _compose(mapping: Mapping, drafts: Sequence[SheetDraft]) -> str:
    """Write the mapping; what is open in the drafts becomes comments."""
    text = write_mapping(mapping)
    comments = [*_comments(drafts)]
    if not comments:
        return text
    head, _, rest = text.partition("[columns]\n")
    how = "remove the # where a line is right; between empty quotes put a column of the importer"
    return f"{head.rstrip()}\n[columns]  # {how}\n{''.join(comments)}{rest}".lstrip()


def _comments(drafts: Sequence[SheetDraft]) -> Iterator[str]:
    """Return a line for each suggestion, and for each header without one."""
    suggestions = dict.fromkeys(suggestion for draft in drafts for suggestion in draft.suggestions)
    for one in suggestions:
        yield _comment(one.header, one.column, f"{one.confidence} %: {escape(one.why)}")
    suggested = {one.header for one in suggestions}
    samples = {header: _samples(draft, header) for draft in drafts for header in draft.layout.not_used}
    for header, texts in samples.items():
        if header not in suggested:
            yield _comment(header, "", texts)


def _comment(header: str, column: str, words: str) -> str:
    line = write_mapping(replace(NO_MAPPING, columns={header.strip(): column})).splitlines()[-1]
    return f"# {line}" + (f"  # {words}" if words else "") + "\n"


def _write(output: Path, text: str, *, is_asking: bool) -> Path:
    if output.exists() and not (is_asking and click.confirm(f"{shown_path(output)} exists. Replace it?", err=True)):
        raise UsageError(f"{output} already exists and was not changed", hint="Name another file with --output.")
    return replace_file(output, lambda file: file.write(text.encode()), hint=ROOM_HINT)


def _shown(draft: SheetDraft, header: str) -> str:
    samples = _samples(draft, header)
    return f" ({samples})" if samples else ""


def _samples(draft: SheetDraft, header: str) -> str:
    return ", ".join(quote(text) for text in draft.samples(header))


def _where(draft: SheetDraft) -> str:
    return f"{escape(draft.source)}, sheet {quote(draft.name)}"


def _command(*words: str) -> str:
    """Return a command to be copied."""
    return shown_path(shlex.join(["oncall-importer", *words]))
