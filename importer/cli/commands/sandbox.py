"""The command that serves the embedded stand-in for both APIs."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli.execute import guard, load
from importer.cli.options import FILE, shared_options

if TYPE_CHECKING:
    from importer.sandbox.directory_file import DirectoryFile
    from importer.sandbox.faults.fault_plan import FaultPlan


@click.command()
@shared_options("sandbox")
@click.option("--port", type=int, default=8765, show_default=True, help="Port on this machine; 0 takes a free one.")
@click.option("--faults", type=FILE, metavar="FILE", help="Fail by a plan: which fault at which request.")
@click.option("--directory", type=FILE, metavar="FILE", help="Users and schedules by name, to be looked up.")
@click.option("--reset", is_flag=True, help="Empty it, and end.")
def sandbox(port: int, faults: Path | None, directory: Path | None, reset: bool, **options: Any) -> None:
    """Serve the embedded stand-in for both APIs until stopped."""
    guard(partial(_serve, options, port, faults, directory, reset=reset))


def _serve(options: dict[str, Any], port: int, faults: Path | None, directory: Path | None, *, reset: bool) -> int:
    import anyio

    from importer import sandbox as stand_in
    from importer.session.endpoints import SANDBOX_STATE

    state = load(options).reports / SANDBOX_STATE
    if reset:
        stand_in.reset(state)
        click.echo(f"{state} is empty")
        return 0
    state.parent.mkdir(parents=True, exist_ok=True)
    plan = stand_in.read_faults(faults) if faults else None
    roll = stand_in.read_directory(directory) if directory else None
    anyio.run(_serve_until_stopped, state, port, plan, roll)
    return 0


async def _serve_until_stopped(state: Path, port: int, plan: FaultPlan | None, roll: DirectoryFile | None) -> None:
    import anyio

    from importer import sandbox as stand_in

    async with stand_in.serve(state, port=port, faults=plan, directory=roll) as address:
        click.echo(f"export OPAL_BASE_URL={address.opal} OPAL_TOKEN={stand_in.TOKEN}")
        click.echo(f"export ROOTLY_BASE_URL={address.rootly} ROOTLY_TOKEN={stand_in.TOKEN}")
        click.echo("serving until Ctrl-C", err=True)
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                return
