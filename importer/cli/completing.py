"""Kinds of arguments that a shell can complete. They change no value; looking at names alone, they cost nothing.

What a value must be, the settings say.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    _Text = click.ParamType[str]
else:  # not generic in every click that will do
    _Text = click.ParamType

_MOST = 50  # runs, the newest first
_JOURNAL = "journal.sqlite3"  # as the journal has it, which a shell need not wait for


class _Run(_Text):
    """A run's folder, or a report, which can lie anywhere."""

    name = "run"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer the folders of runs; where none fits, leave it to the shell."""
        folder = Path(ctx.params.get("reports") or os.environ.get("IMPORTER_REPORTS") or "reports")
        try:
            names = sorted((entry.name for entry in os.scandir(folder) if entry.is_dir()), reverse=True)
        except OSError:
            names = []
        runs = [str(folder / name) for name in names if (folder / name / _JOURNAL).exists()]
        fitting = [CompletionItem(run) for run in runs if run.startswith(incomplete)]
        return fitting[:_MOST] or FILE.shell_complete(ctx, param, incomplete)


class _Zone(_Text):
    """A time zone's name."""

    name = "zone"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer IANA's zones, in whatever case they were begun."""
        from zoneinfo import available_timezones

        return Words(*sorted(available_timezones())).shell_complete(ctx, param, incomplete)


class Words(_Text):
    """One of a few words."""

    name = "word"

    def __init__(self, *words: str) -> None:
        self._words = words

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Offer those that begin so, in whatever case."""
        return [CompletionItem(word) for word in self._words if word.lower().startswith(incomplete.lower())]


FILE = click.Path(path_type=Path)  #: the shell knows files best
SOURCE = click.Path(allow_dash=True)
RUN = _Run()
ZONE = _Zone()
