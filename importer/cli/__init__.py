"""The command line: options to settings, errors to text and exit status, here and nowhere else.

The only package that prints, asks or exits.
"""

from __future__ import annotations

import io
import sys

import click

from importer.cli.commands.doctor import doctor
from importer.cli.commands.history import runs, show
from importer.cli.commands.map import map_headers, template
from importer.cli.commands.pull import pull
from importer.cli.commands.run import check, rerun, run
from importer.cli.commands.sandbox import sandbox
from importer.cli.commands.undo import undo
from importer.cli.usage_errors import explain

NAME = "oncall-importer"  # also where it was started as `python -m importer`


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="oncall-importer", message="oncall-importer %(version)s")
def app() -> None:
    """Bulk-import on-call schedules (Opal) and shadows (Rootly) from spreadsheets: nothing lost, nothing twice."""


for command in (run, check, rerun, undo, runs, show, map_headers, template, pull, doctor, sandbox):
    app.add_command(command)


def main() -> None:
    """Run the command line; the process exits with the status that docs/outcomes.md tells."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr does: whatever it cannot show must not end a run
    try:
        sys.exit(app.main(prog_name=NAME, standalone_mode=False))
    except click.ClickException as error:
        sys.exit(explain(error, NAME))
    except click.Abort:
        sys.exit(130)
