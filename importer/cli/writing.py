"""The commands that write files to begin with: map and template."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from importer.cli.options import sheet, sources
from importer.cli.performing import guard

if TYPE_CHECKING:
    from collections.abc import Iterable

    from importer.drafting import SheetDraft
    from importer.normalizer import Mapping, Suggestion

_STDOUT = Path("-")
_REPLACEABLE = frozenset({"ends_at", "shadow_user_id"})  # by duration, and by rotation
_CHOICES = {
    "kind": ("schedule", "shadow"),
    "third_party_provider": ("PAGER_DUTY", "OPSGENIE"),
    "shadowable_type": ("User", "Schedule"),
    "repeat": ("daily", "weekdays", "weekly", "biweekly", "monthly"),
}


@click.command(name="map")
@sources
@sheet
@click.option("--output", type=Path, default=Path("mapping.toml"), show_default=True, metavar="FILE", help="- prints.")
@click.option("--no-header", is_flag=True, help="The sources have no header: columns are named by their letters.")
@click.option("--yes", "-y", is_flag=True, help="Ask nothing; suggestions are written as comments.")
def map_headers(sources: tuple[str, ...], sheet: tuple[str, ...], output: Path, no_header: bool, yes: bool) -> None:
    """Write a mapping file from suggestions, asking on a terminal.

    Without a terminal nothing that is doubtful is decided: suggestions stand in the file as comments.
    """
    is_asking = not yes and sys.stdin.isatty() and sys.stderr.isatty()
    guard(partial(_map, sources, sheet, output, is_headless=no_header, is_asking=is_asking))


@click.command()
@click.argument("path", type=Path)
@click.option("--timezone", default="Europe/Berlin", metavar="ZONE", show_default=True, help="Zone of the examples.")
@click.option("--yes", "-y", is_flag=True, help="Replace a file of that name.")
def template(path: Path, timezone: str, yes: bool) -> None:
    """Write a workbook (.xlsx) or a table (.csv) to fill in."""
    guard(partial(_write_template, path, timezone, is_replaced=yes))


def _write_template(path: Path, timezone: str, *, is_replaced: bool) -> int:
    from importer.normalizer import COLUMNS, check_timezone
    from importer.reporter import ColumnText, write_template

    zone = check_timezone(timezone).key
    columns = [
        ColumnText(
            one.name, one.kind, one.right, one.is_required and one.name not in _REPLACEABLE, _CHOICES.get(one.name, ())
        )
        for one in COLUMNS
    ]
    written = write_template(path, columns, zone=zone, is_replaced=is_replaced)
    click.echo(f"template: {written}")
    click.echo(f"next:     fill it in, then: oncall-importer check {written}")
    return 0


def _map(sources: tuple[str, ...], sheets: tuple[str, ...], output: Path, *, is_headless: bool, is_asking: bool) -> int:
    from importer.drafting import draft_sheets
    from importer.normalizer import NO_HEADER, NO_MAPPING

    mapping = replace(NO_MAPPING, header_row=NO_HEADER) if is_headless else NO_MAPPING
    drafts = draft_sheets(sources, mapping, sheets)
    if is_asking:
        mapping = _ask_for_all(drafts, mapping)
    text = _compose(mapping, [] if is_asking else _suggestions(drafts))
    if output == _STDOUT:
        click.echo(text, nl=False)
        return 0
    _write(output, text, is_asking=is_asking)
    left = draft_sheets(sources, mapping, sheets)
    for draft in left:
        for header in draft.layout.not_used:
            click.echo(f"not used: {_quoted(header)} of {draft.source}, sheet {_quoted(draft.name)}", err=True)
        for column in draft.lacking:
            click.echo(f"lacking:  {column} in {draft.source}, sheet {_quoted(draft.name)}", err=True)
    click.echo(f"mapping:  {output}")
    click.echo(f"next:     oncall-importer check {' '.join(sources)} --mapping {output}")
    return 0


def _suggestions(drafts: Iterable[SheetDraft]) -> list[Suggestion]:
    return list(dict.fromkeys(suggestion for draft in drafts for suggestion in draft.suggestions))


def _ask_for_all(drafts: list[SheetDraft], mapping: Mapping) -> Mapping:
    """Ask for what each sheet leaves open: suggestions first, then the columns that it must have."""
    columns = dict(mapping.columns)
    constants = dict(mapping.constants)
    for draft in drafts:
        click.echo(f"{draft.source}, sheet {_quoted(draft.name)}", err=True)
        for suggestion in draft.suggestions:
            if suggestion.header not in columns and suggestion.column not in columns.values():
                words = f"  {_quoted(suggestion.header)}{_shown(draft, suggestion.header)} may be {suggestion.column}"
                if click.confirm(f"{words} ({suggestion.confidence} %): {suggestion.why}. Use it?", err=True):
                    columns[suggestion.header] = suggestion.column
        for column in draft.lacking:
            if column not in columns.values() and column not in constants:
                _ask_for_column(draft, column, columns, constants)
    return replace(mapping, columns=columns, constants=constants)


def _ask_for_column(draft: SheetDraft, column: str, columns: dict[str, str], constants: dict[str, str]) -> None:
    from importer.normalizer import COLUMNS

    free = [header for header in draft.layout.not_used if header not in columns]
    for number, header in enumerate(free, 1):
        click.echo(f"    {number}  {_quoted(header)}{_shown(draft, header)}", err=True)
    right = next(one.right for one in COLUMNS if one.name == column)
    question = f"  {column} is lacking. Number of its header, or = and one value for every row ({right}), or nothing"
    answer = str(click.prompt(question, default="", show_default=False, err=True)).strip()
    if answer.startswith("="):
        constants[column] = answer[1:].strip()
    elif answer.isdigit() and 1 <= int(answer) <= len(free):
        columns[free[int(answer) - 1]] = column


def _compose(mapping: Mapping, suggestions: list[Suggestion]) -> str:
    """Write the mapping; what was only suggested stands in it as comments."""
    from importer.normalizer import write_mapping

    text = write_mapping(mapping)
    if not suggestions:
        return text
    head, _, rest = text.partition("[columns]\n")
    comments = "".join(
        f'# {_quoted(one.header)} = "{one.column}"  # {one.confidence} %: {one.why}\n' for one in suggestions
    )
    return f"{head.rstrip()}\n\n[columns]  # take the # away where a suggestion is right\n{comments}{rest}".lstrip()


def _write(output: Path, text: str, *, is_asking: bool) -> None:
    from importer.errors import UsageError

    if output.exists() and not (is_asking and click.confirm(f"{output} exists. Replace it?", err=True)):
        raise UsageError(f"{output} exists, and was left alone", hint="name another file with --output")
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}", hint="name another with --output") from error


def _shown(draft: SheetDraft, header: str) -> str:
    samples = ", ".join(_quoted(text) for text in draft.samples.get(header, ()))
    return f" ({samples})" if samples else ""


def _quoted(text: str) -> str:
    from importer.normalizer import quote

    return quote(text)
