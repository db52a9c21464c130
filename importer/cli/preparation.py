"""The commands before a run.

template writes a file to fill in, map one that says what headers mean; doctor looks around, sandbox serves stand-ins.
"""

from __future__ import annotations

import json
import shlex
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli.execute import given_options, guard, load, showing_requests
from importer.cli.options import FILE, option, shared_options, sources
from importer.wording import count_of, escape, shown_path

if TYPE_CHECKING:
    from rich.console import Console as Terminal

    from importer.commands.doctor import Diagnosis


@click.command(name="map")
@sources
@option("sheet")
@click.option(
    "--output",
    type=FILE,
    default=Path("mapping.toml"),
    show_default=True,
    metavar="FILE",
    help="Where to write it; - prints it.",
)
@click.option("--header-row", type=click.IntRange(1), metavar="N", help="Row that holds the header.")
@click.option("--no-header", is_flag=True, help="There is no header: columns are named by their letters.")
@click.option("--yes", "-y", is_flag=True, help="Ask nothing; write suggestions as comments.")
def map_headers(
    sources: tuple[str, ...],
    sheet: tuple[str, ...],
    output: Path,
    header_row: int | None,
    no_header: bool,
    yes: bool,
) -> None:
    """Write a mapping file for your headers, asking on a terminal.

    Without a terminal it decides nothing that is in doubt: suggestions and unknown headers are written as comments.
    """
    if no_header and header_row is not None:
        raise click.UsageError("--no-header and --header-row exclude each other", click.get_current_context())
    is_asking = not yes and sys.stdin.isatty() and sys.stderr.isatty()
    row = 0 if no_header else header_row
    guard(partial(_map, sources, sheet, output, header_row=row, is_asking=is_asking))


def _map(*arguments: Any, **options: Any) -> int:
    """Map; whoever leaves a question leaves it all."""
    from importer.cli.interview import map_sources

    try:
        return map_sources(*arguments, **options)
    except click.Abort:
        click.echo("\nno mapping was written", err=True)
        return 130


@click.command()
@click.argument("path", type=FILE)
@click.option(
    "--timezone", default="Europe/Berlin", metavar="ZONE", show_default=True, help="Time zone of the examples."
)
@click.option("--yes", "-y", is_flag=True, help="Overwrite an existing file.")
def template(path: Path, timezone: str, yes: bool) -> None:
    """Write a template (.xlsx or .csv) to fill in."""
    guard(partial(_write_template, path, timezone, is_replaced=yes))


def _write_template(path: Path, timezone: str, *, is_replaced: bool) -> int:
    from importer.normalizer.zones import check_timezone
    from importer.reporter.template import write_template

    zone = check_timezone(timezone).key
    written = write_template(path, zone=zone, is_replaced=is_replaced)
    click.echo(f"template: {shown_path(written)}")
    click.echo(f"next:     fill it in, then: {shown_path(shlex.join(['oncall-importer', 'check', str(written)]))}")
    return 0


# ---- doctor


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
    problems = 0
    with showing_requests(partial(click.echo, err=True) if is_verbose else None):
        async for finding in diagnose(given):
            problems += finding.level is DiagnosisLevel.PROBLEM
            if is_json:
                click.echo(json.dumps({"type": "diagnosis", **finding._asdict()}))
            elif not (is_quiet and finding.level is DiagnosisLevel.OK):
                _print(terminal, finding)
    if not is_json:
        why = f"no run could start: {count_of(problems, 'problem')}, see above"
        click.echo(why if problems else "a run could start")
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


# ---- sandbox


_FILES = 4096  # that the sandbox asks to have open at once: a connection each


@click.command()
@shared_options("sandbox")
@click.option("--port", type=int, default=8765, show_default=True, help="Port on this machine; 0 picks a free one.")
@click.option("--faults", type=FILE, metavar="FILE", help="Fault plan: which request meets which fault.")
@click.option(
    "--directory", type=FILE, metavar="FILE", help="Users, schedules and groups that can be looked up by name."
)
@click.option("--pagerduty", is_flag=True, help="Also print the settings of the PagerDuty stand-in.")
@click.option("--opsgenie", is_flag=True, help="Also print the settings of the Opsgenie stand-in.")
@click.option(
    "--organization",
    type=FILE,
    metavar="FILE",
    help="Organization that PagerDuty and Opsgenie show instead of the demo.",
)
@click.option("--reset", is_flag=True, help="Empty the sandbox and exit.")
def sandbox(port: int, reset: bool, pagerduty: bool, opsgenie: bool, **options: Any) -> None:
    """Serve a local stand-in for the APIs until stopped."""
    sources = [name for name, is_wanted in (("pagerduty", pagerduty), ("opsgenie", opsgenie)) if is_wanted]
    files = {name: options.pop(name) for name in ("faults", "directory", "organization")}
    guard(partial(_reset, options) if reset else partial(_serve, options, port, sources, files))


def _reset(options: dict[str, Any]) -> int:
    from importer.sandbox.state import reset
    from importer.session.endpoints import SANDBOX_STATE

    state = load(options).reports / SANDBOX_STATE
    reset(state)
    click.echo(f"{state} is empty")
    return 0


def _serve(options: dict[str, Any], port: int, sources: list[str], files: dict[str, Path | None]) -> int:
    import anyio

    from importer.sandbox.directory_file import read_directory
    from importer.sandbox.fault_plan import read_faults
    from importer.sandbox.organization import read_organization
    from importer.session.endpoints import SANDBOX_STATE
    from importer.session.lifecycle import raise_file_limit

    raise_file_limit(_FILES)
    state = load(options).reports / SANDBOX_STATE
    state.parent.mkdir(parents=True, exist_ok=True)
    readers = {"faults": read_faults, "directory": read_directory, "organization": read_organization}
    contents = {name: readers[name](path) for name, path in files.items() if path}
    anyio.run(_serve_until_stopped, state, port, sources, contents)
    return 0


async def _serve_until_stopped(state: Path, port: int, sources: list[str], contents: dict[str, Any]) -> None:
    import anyio

    from importer.sandbox.directory_file import TOKEN
    from importer.sandbox.server import serve

    async with serve(state, port=port, **contents) as address:
        click.echo(f"export OPAL_BASE_URL={address.opal} OPAL_TOKEN={TOKEN}")
        click.echo(f"export ROOTLY_BASE_URL={address.rootly} ROOTLY_TOKEN={TOKEN}")
        if "pagerduty" in sources:
            click.echo(f"export PAGERDUTY_BASE_URL={address.pagerduty} PAGERDUTY_TOKEN={TOKEN}")
        if "opsgenie" in sources:
            click.echo(f"export OPSGENIE_BASE_URL={address.opsgenie} OPSGENIE_API_KEY={TOKEN}")
        click.echo("serving until Ctrl-C", err=True)
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                return
