"""The options that several commands share, each declared once."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, TypeAlias

import click

Decorator: TypeAlias = Callable[[Any], Any]

# Options that were not given are None or False or empty, and do not hide what the environment or importer.toml says.


def options(*decorators: Decorator) -> Decorator:
    """Make one decorator of many; the first stands first in the help."""
    return lambda command: reduce(lambda decorated, option: option(decorated), reversed(decorators), command)


sources = click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
sheet = click.option("--sheet", multiple=True, metavar="NAME", help="Read only this sheet; repeatable.")
normalizing = options(
    click.option("--timezone", metavar="ZONE", help="Zone of times without an offset, as Europe/Berlin."),
    click.option("--provider", metavar="NAME", help="Provider of schedule rows that name none."),
    click.option("--mapping", type=Path, metavar="FILE", help="Which header is which column, constants, defaults."),
    click.option("--date-order", metavar="dmy|mdy", help="How dates such as 03/04/2026 are meant."),
    click.option("--until", metavar="DATE", help="The end of repetitions that have none."),
)
reaching = options(
    click.option("--sandbox", is_flag=True, help="Use the embedded stand-in: no account, no token."),
    click.option("--rate", multiple=True, metavar="TARGET=N/s", help="As opal=50/s, rootly=3000/min, opal=none."),
    click.option("--headroom", metavar="SHARE", help="Share of the limits left to others, as 20%."),
    click.option("--concurrency", type=int, metavar="N", help="Requests in flight per target.  [default: 20]"),
)
writing = options(
    click.option("--if-exists", metavar="skip|fail", help="What a record that exists becomes.  [default: skip]"),
    click.option("--strict", is_flag=True, help="Send nothing while any row is invalid."),
    click.option("--canary", type=int, metavar="N", help="Send N records per target, show them, ask for the rest."),
    click.option("--xlsx", is_flag=True, help="Make report.xlsx beyond 20,000 rows, too."),
    click.option("--wait", is_flag=True, help="Wait for another run with the same token to end."),
    click.option("--yes", "-y", is_flag=True, help="Do not ask before writing."),
)
reports = click.option("--reports", type=Path, metavar="DIR", help="Folder of the runs' folders.  [default: reports]")
telling = options(
    click.option("--json", "json_output", is_flag=True, help="One JSON object a line on standard output."),
    click.option("--junit", type=Path, metavar="FILE", help="Write what became of each row as JUnit XML."),
    click.option("--quiet", "-q", is_flag=True, help="Print the end only."),
)
