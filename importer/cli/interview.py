"""The questions of `map`: what headers mean, what sheets hold, which rows count; and the mapping that the answers make.

Imported where it is asked for: `--help` does not pay for it.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from importer.commands.map_draft import draft_sheets, with_column, with_joined
from importer.errors import SettingsError, UsageError
from importer.kinds import KIND_WORDS, KINDS, RIGHTS, any_of
from importer.normalizer.mapping import NO_MAPPING, Matrix
from importer.normalizer.mapping_file import read_mapping, write_mapping
from importer.reporter.atomic_file import ROOM_HINT, replace_file
from importer.wording import escape, quote, shown_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from importer.commands.map_draft import SheetDraft
    from importer.normalizer.mapping import Mapping


_STDOUT = Path("-")


def map_sources(
    sources: tuple[str, ...], sheets: tuple[str, ...], output: Path, *, header_row: int | None, is_asking: bool
) -> int:
    """Write a mapping for some sources; return the exit status.

    Raises:
        ImporterError: a source cannot be read, or the file cannot be written.
        click.Abort: somebody left a question.
    """
    mapping = replace(NO_MAPPING, header_row=header_row)
    drafts = draft_sheets(sources, mapping, sheets)
    if header_row is None and not any(draft.layout.is_usable for draft in drafts):
        _doubt_headers(drafts)
    if is_asking:
        mapping = _ask_for_all(drafts, mapping)
    open_drafts = [draft.under(mapping) for draft in drafts if not is_asking or draft.under(mapping).lacking]
    text = _compose(mapping, open_drafts)
    if not text.strip():
        click.echo("no mapping is needed, and none was written: every sheet is understood as it is", err=True)
        click.echo(f"next:     {_command('check', *sources)}", err=output == _STDOUT)
        return 0
    if output == _STDOUT:
        click.echo(text, nl=False)
        return 0
    output = _write(output, text, is_asking=is_asking)
    _tell_left(drafts, mapping)
    click.echo(f"mapping:  {shown_path(output)}")
    click.echo(f"next:     {_command('check', *sources, '--mapping', str(output))}")
    return 0


def _doubt_headers(drafts: Iterable[SheetDraft]) -> None:
    """Print which rows were taken for headers, of which none says anything that is known."""
    for draft in drafts:
        click.echo(
            f"header:   row {draft.layout.sheet.header_row} of {_where(draft)} lacks the columns that make a record",
            err=True,
        )
    click.echo("hint:     --header-row N if it stands in another row, --no-header if there is none", err=True)


def _tell_left(drafts: Iterable[SheetDraft], mapping: Mapping) -> None:
    """Print what the mapping leaves open."""
    for draft in (draft.under(mapping) for draft in drafts):
        for header in draft.layout.not_used:
            click.echo(f"not used: {quote(header)} of {_where(draft)}", err=True)
        for column in draft.lacking:
            click.echo(f"lacking:  {column} in {_where(draft)}", err=True)
        if draft.layout.kind is None and not draft.layout.is_usable:
            click.echo(f"left out: {_where(draft)}, for nothing says what it holds", err=True)


def _ask_for_all(drafts: list[SheetDraft], mapping: Mapping) -> Mapping:
    """Ask for what each sheet leaves open, from what its headers mean to which of its rows count."""
    for draft in drafts:
        _list_headers(draft)
        mapping = _ask_about_roster(draft, mapping)
        mapping = _ask_about_suggestions(draft, mapping)
        told = _ask_about_kind(draft, mapping, is_alone=len(drafts) == 1)
        if told is None:
            continue
        mapping = told
        asked: set[str] = set()
        while left := [column for column in draft.under(mapping).lacking if column not in asked]:
            asked.add(left[0])
            mapping = _ask_for_column(draft, left[0], mapping)
        if draft.under(mapping).layout.is_usable:
            mapping = _ask_about_rows(draft, mapping)
    return mapping


def _list_headers(draft: SheetDraft) -> None:
    """Print a sheet's headers with their numbers, some values, and what is known of them."""
    click.echo(f"{_where(draft)}, header in row {draft.sheet.header_row}", err=True)
    known = {index: column for column, index in draft.layout.indices.items()}
    for number, header in enumerate(draft.sheet.header, 1):
        meaning = f" = {known[number - 1]}" if number - 1 in known else ""
        click.echo(f"    {number}  {quote(header)}{meaning}{_shown(draft, header)}", err=True)


def _ask_about_roster(draft: SheetDraft, mapping: Mapping) -> Mapping:
    """Ask what the marks of a roster mean, where dates stand across."""
    if not draft.under(mapping).looks_like_roster:
        return mapping
    if not click.confirm("  Dates stand across. Is each filled cell below them a shift?", default=True, err=True):
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
    """Ask about each suggestion once; an answer can tell what the sheet holds, and so what else may be meant."""
    asked: set[tuple[str, str]] = set()
    while True:
        left = [one for one in draft.under(mapping).suggestions if (one.header, one.column) not in asked]
        if not left:
            return mapping
        one = left[0]
        asked.add((one.header, one.column))
        words = f"  {quote(one.header)}{_shown(draft, one.header)} may be {one.column}"
        if click.confirm(f"{words} ({one.confidence} %): {escape(one.why)}. Use it?", err=True):
            mapping = with_column(mapping, one.header, one.column)


def _ask_about_kind(draft: SheetDraft, mapping: Mapping, *, is_alone: bool) -> Mapping | None:
    """Ask what a sheet holds, where neither its name nor its columns say so; None: nothing that is to be imported."""
    found = draft.under(mapping)
    if found.is_kind_told or (found.layout.kind and not set(found.lacking) - {"timezone"}):
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
    """Ask which header is a column, or what holds for rows that have none, until the answer can be."""
    click.echo(f"  {column} is lacking: {RIGHTS[column]}.", err=True)
    joined = ", two for date + time" if column in ("starts_at", "ends_at") else ""
    question = f"  Its header by number or words{joined}; = VALUE for every row; ? VALUE for empty cells; or nothing"
    while answer := str(click.prompt(question, default="", show_default=False, err=True)).strip():
        changed = _answered(draft, column, mapping, answer)
        if changed is not None and not (fault := _fault(changed)):
            return changed
        click.echo(f"    {fault if changed else 'that is none of the headers above, or several'}", err=True)
    return mapping


def _answered(draft: SheetDraft, column: str, mapping: Mapping, answer: str) -> Mapping | None:
    """Return what an answer makes of a mapping; None where it names no header."""
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
    """Ask about cells that are empty below a text, as in merged blocks, and rows that are totals."""
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
    """Return why a mapping's file could not be read again; empty where it can."""
    try:
        read_mapping(write_mapping(mapping), "the mapping")
    except SettingsError as error:
        return escape(f"{error.message}: {error.hint}")
    return ""


def _compose(mapping: Mapping, drafts: Sequence[SheetDraft]) -> str:
    """Write the mapping; what is open in the drafts stands in it as comments."""
    text = write_mapping(mapping)
    comments = [*_comments(drafts)]
    if not comments:
        return text
    head, _, rest = text.partition("[columns]\n")
    how = "take the # away where a line is right; between empty quotes comes a column of ours"
    return f"{head.rstrip()}\n[columns]  # {how}\n{''.join(comments)}{rest}".lstrip()


def _comments(drafts: Sequence[SheetDraft]) -> Iterator[str]:
    """Return a line for each suggestion, and for each header that there is none for."""
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
        raise UsageError(f"{output} exists, and was left alone", hint="Name another file with --output.")
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
