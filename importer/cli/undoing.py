"""The command that takes a run back."""

from __future__ import annotations

from typing import Any

import click

from importer.cli.completing import RUN
from importer.cli.options import acting, options, reaching, reports, telling
from importer.cli.performing import perform


@click.command()
@click.argument("run", type=RUN)
@options(reaching, acting, reports, telling)
def undo(run: str, **given: Any) -> None:
    """Delete what a run created, the newest first, and nothing else.

    RUN is a run's folder or its name. What was changed since is left and named. The same again goes on with what is
    left.
    """
    perform(given, lambda settings, guide: _undoing().undo(run, settings, guide))


def _undoing() -> Any:
    """Import what an undo needs; `--help` must not pay for it."""
    from importer import undoing

    return undoing
