"""The command that serves the local stand-in for the APIs."""

from __future__ import annotations

import signal
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from importer.cli.execute import guard, load
from importer.cli.options import FILE, shared_options

if TYPE_CHECKING:
    from pathlib import Path

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
    from importer import sandbox as stand_in
    from importer.session.endpoints import SANDBOX_STATE

    state = load(options).reports / SANDBOX_STATE
    stand_in.reset(state)
    click.echo(f"{state} is empty")
    return 0


def _serve(options: dict[str, Any], port: int, sources: list[str], files: dict[str, Path | None]) -> int:
    import anyio

    from importer import sandbox as stand_in
    from importer.session.endpoints import SANDBOX_STATE
    from importer.session.lifecycle import raise_file_limit

    raise_file_limit(_FILES)
    state = load(options).reports / SANDBOX_STATE
    state.parent.mkdir(parents=True, exist_ok=True)
    readers = {
        "faults": stand_in.read_faults,
        "directory": stand_in.read_directory,
        "organization": stand_in.read_organization,
    }
    contents = {name: readers[name](path) for name, path in files.items() if path}
    anyio.run(_serve_until_stopped, state, port, sources, contents)
    return 0


async def _serve_until_stopped(state: Path, port: int, sources: list[str], contents: dict[str, Any]) -> None:
    import anyio

    from importer import sandbox as stand_in

    async with stand_in.serve(state, port=port, **contents) as address:
        click.echo(f"export OPAL_BASE_URL={address.opal} OPAL_TOKEN={stand_in.TOKEN}")
        click.echo(f"export ROOTLY_BASE_URL={address.rootly} ROOTLY_TOKEN={stand_in.TOKEN}")
        if "pagerduty" in sources:
            click.echo(f"export PAGERDUTY_BASE_URL={address.pagerduty} PAGERDUTY_TOKEN={stand_in.TOKEN}")
        if "opsgenie" in sources:
            click.echo(f"export OPSGENIE_BASE_URL={address.opsgenie} OPSGENIE_API_KEY={stand_in.TOKEN}")
        click.echo("serving until Ctrl-C", err=True)
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                return
