"""The command that takes a run back."""

from __future__ import annotations

from typing import Any

import click

from importer.cli.execute import perform
from importer.cli.options import RUN, shared_options


@click.command()
@click.argument("run", type=RUN)
@shared_options("undo")
def undo(run: str, **given: Any) -> None:
    """Delete what a run created, the newest first, and nothing else.

    RUN is a run's folder or its name. What was changed since is left and named. The same again goes on with what is
    left.
    """
    perform(given, lambda settings, control: _commands().undo(run, settings, control))


def _commands() -> Any:
    """Import what an undo needs; `--help` must not pay for it."""
    from importer.commands import undo as commands

    return commands
