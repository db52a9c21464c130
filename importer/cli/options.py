"""Kinds of arguments that a shell can complete. They change no value; looking at names alone, they cost nothing.

What a value must be, the settings say.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click
from click.shell_completion import CompletionItem

# ---- Kinds of arguments that a shell can complete. They change no value; looking at names alone, they cos


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


# ---- The options that several commands share, each declared once


PROVIDER = Words("PAGER_DUTY", "OPSGENIE")
ORDER = Words("dmy", "mdy")
IF_EXISTS = Words("skip", "fail")
Decorator: TypeAlias = Callable[[Any], Any]

# Options that were not given are None or False or empty, and do not hide what the environment or importer.toml says.


def options(*decorators: Decorator) -> Decorator:
    """Make one decorator of many; the first stands first in the help."""
    return lambda command: reduce(lambda decorated, option: option(decorated), reversed(decorators), command)


sources = click.argument("sources", metavar="SOURCE...", type=SOURCE, nargs=-1, required=True)
sheet = click.option("--sheet", multiple=True, metavar="NAME", help="Read only this sheet; repeatable.")
normalizing = options(
    click.option("--timezone", type=ZONE, metavar="ZONE", help="Zone of times without an offset, as Europe/Berlin."),
    click.option("--provider", type=PROVIDER, metavar="NAME", help="Provider of schedule rows that name none."),
    click.option("--mapping", type=FILE, metavar="FILE", help="Which header is which column, constants, defaults."),
    click.option("--date-order", type=ORDER, metavar="dmy|mdy", help="How dates such as 03/04/2026 are meant."),
    click.option("--until", metavar="DATE", help="The end of repetitions that have none."),
)
reaching = options(
    click.option("--sandbox", is_flag=True, help="Use the embedded stand-in: no account, no token."),
    click.option("--rate", multiple=True, metavar="TARGET=N/s", help="As opal=50/s, rootly=3000/min, opal=none."),
    click.option("--headroom", metavar="SHARE", help="Share of the limits left to others, as 20%."),
    click.option("--concurrency", type=int, metavar="N", help="Requests in flight per target.  [default: 20]"),
    click.option("--ca-file", type=FILE, metavar="FILE", help="Authorities (PEM) to trust beside the system's."),
)
acting = options(
    click.option("--xlsx", is_flag=True, help="Make report.xlsx beyond 20,000 rows, too."),
    click.option("--wait", is_flag=True, help="Wait for another run with the same token to end."),
    click.option("--yes", "-y", is_flag=True, help="Do not ask before writing."),
)
writing = options(
    click.option(
        "--if-exists", type=IF_EXISTS, metavar="skip|fail", help="What becomes of one that exists.  [default: skip]"
    ),
    click.option("--strict", is_flag=True, help="Send nothing while any row is invalid."),
    click.option("--canary", type=int, metavar="N", help="Send N records per target, show them, ask for the rest."),
    acting,
)
reports = click.option("--reports", type=FILE, metavar="DIR", help="Folder of the runs' folders.  [default: reports]")
telling = options(
    click.option("--json", "json_output", is_flag=True, help="One JSON object a line on standard output."),
    click.option("--junit", type=FILE, metavar="FILE", help="Write what became of each row as JUnit XML."),
    click.option("--quiet", "-q", is_flag=True, help="Print the end only."),
    click.option("--verbose", "-v", is_flag=True, help="Show each request; run.log has them too."),
)
