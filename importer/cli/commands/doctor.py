"""The command that looks whether a run could start."""

from __future__ import annotations

import json
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from importer.cli.execute import given_options, guard
from importer.cli.options import shared_options
from importer.quoting import escape
from importer.wording import count_of

if TYPE_CHECKING:
    from rich.console import Console as Terminal

    from importer.commands.doctor import Diagnosis


_STYLES = {"ok": "green", "note": "yellow", "problem": "bold red"}
_WIDTHS = 9, 13  # columns of the level and of what is looked at


@click.command()
@shared_options("doctor")
def doctor(**given: Any) -> None:
    """Check settings, tokens, network, clock and limits before a run.

    Nothing is sent. Exit status 0: a run could start; 2: it could not.
    """
    guard(partial(_examine, given))


def _examine(given: dict[str, Any]) -> int:
    import anyio

    return anyio.run(_tell_all, given_options(given))


async def _tell_all(given: dict[str, Any]) -> int:
    from rich.console import Console as Terminal

    from importer.commands.doctor import DiagnosisLevel, diagnose

    terminal = Terminal(highlight=False)
    is_json, is_quiet, is_verbose = _how_to_tell(given)
    if is_verbose:
        _show_requests()
    problems = 0
    async for finding in diagnose(given):
        problems += finding.level is DiagnosisLevel.PROBLEM
        if is_json:
            click.echo(json.dumps({"type": "diagnosis", **finding._asdict()}))
        elif not (is_quiet and finding.level is DiagnosisLevel.OK):
            _print(terminal, finding)
    if not is_json:
        click.echo(_verdict(problems))
    return 2 if problems else 0


def _how_to_tell(given: dict[str, Any]) -> tuple[bool, bool, bool]:
    """Return whether to be told in JSON, of what is wrong alone, and of requests; also where the settings cannot be."""
    from importer.errors import SettingsError
    from importer.settings import load_settings

    try:
        settings = load_settings(given, is_library=False)
    except SettingsError:
        return bool(given.get("json")), bool(given.get("quiet")), bool(given.get("verbose"))
    return settings.json, settings.quiet, settings.verbose


def _show_requests() -> None:
    from importer.cli.output.stream import RequestLines
    from importer.log import LOG

    LOG.addHandler(RequestLines(partial(click.echo, err=True)))
    LOG.setLevel(logging.DEBUG)  # to the end of the process


def _verdict(problems: int) -> str:
    if not problems:
        return "a run could start"
    return f"no run could start: {count_of(problems, 'problem')}, see above"


def _print(terminal: Terminal, finding: Diagnosis) -> None:
    """Print a finding: in columns on a terminal, elsewhere as lines to search in."""
    from rich.table import Table
    from rich.text import Text

    level, about = Text(finding.level, style=_STYLES[finding.level]), finding.about
    words = Text(escape(finding.message, 1000))
    hint = Text(f"-> {escape(finding.hint, 1000)}", style="bold") if finding.hint else None
    if not terminal.is_terminal:
        line = Text(f"{finding.level:<{_WIDTHS[0]}} {about:<{_WIDTHS[1]}} ").append(words)
        terminal.print(line.append(f" {hint}") if hint else line, soft_wrap=True)
        return
    table = Table.grid(padding=(0, 1, 0, 0))
    for width in _WIDTHS:
        table.add_column(width=width)
    table.add_column(overflow="fold")
    table.add_row(level, about, words)
    if hint:
        table.add_row("", "", hint)
    terminal.print(table)
