"""The command line: turns options into settings, and errors into text and an exit status.

The only package that prints, asks or exits.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from importer.cli.calendars import compare, pull, verify
from importer.cli.commands import check, doctor, map_headers, rerun, run, runs, sandbox, show, template, undo
from importer.cli.execute import fail, failed_output, watch_outputs
from importer.errors import ImporterError, UsageError

NAME = "oncall-importer"  # even if it was started as `python -m importer`
#: Options of other tools that correspond to one of our commands.
_CHECK = "check reads and checks every row and sends nothing: oncall-importer check SOURCE"
_BY_VARIABLE = "a token is never an option: set OPAL_TOKEN or ROOTLY_TOKEN in the environment"
_URL_BY_VARIABLE = "a base URL is never an option: set OPAL_BASE_URL or ROOTLY_BASE_URL in the environment"
_COMMANDS = dict.fromkeys(("--dry-run", "--dryrun", "--validate"), _CHECK) | {
    **dict.fromkeys(("--token", "--opal-token", "--rootly-token", "--api-key"), _BY_VARIABLE),
    **dict.fromkeys(("--base-url", "--opal-base-url", "--rootly-base-url", "--url"), _URL_BY_VARIABLE),
    "--resume": "rerun sends what has not succeeded: oncall-importer rerun RUN",
    "--rollback": "undo deletes what a run created: oncall-importer undo RUN",
}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="oncall-importer", message="oncall-importer %(version)s")
def app() -> None:
    """Bulk-import schedules (Opal), shadows and overrides (Rootly) from spreadsheets: nothing lost, nothing twice."""


for command in (run, check, rerun, undo, runs, show, map_headers, template, pull, compare, verify, doctor, sandbox):
    app.add_command(command)


def main() -> None:
    """Run the command line; the process exits with a status listed in docs/outcomes.md."""
    with _signals_as_exceptions(), watch_outputs():
        status = _run()
        if error := failed_output():
            fail(error)
            status = status or 4
    sys.exit(status)


def _run() -> int:
    try:
        ended = app.main(prog_name=NAME, standalone_mode=False)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        fail(UsageError(_message(error), hint=_hint(error)))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except ImporterError as error:  # while the arguments were parsed
        fail(error)
        return 2
    return ended if isinstance(ended, int) else 0


@contextmanager
def _signals_as_exceptions() -> Iterator[None]:
    """Make SIGTERM end a command as Ctrl-C does, until the command handles both itself."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _message(error: click.ClickException) -> str:
    """Return click's sentence without its suggestions, which become the hint."""
    if isinstance(error, click.NoSuchOption):
        return f"there is no option {error.option_name}"
    return error.format_message().removesuffix(".")


def _hint(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    # An option without its value is found before click knows the command.
    named = next((f"{NAME} {word}" for word in sys.argv[1:2] if word in app.commands), NAME)
    help_ = f"{context.command_path if context else named} --help"
    if isinstance(error, click.NoSuchOption):
        if error.option_name in _COMMANDS:
            return f"{_COMMANDS[error.option_name]}."
        if error.possibilities:
            return f"Did you mean {' or '.join(sorted(error.possibilities))}? Otherwise see: {help_}"
    return f"See: {help_}"
