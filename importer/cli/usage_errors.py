"""What click finds wrong with a command line, in the form of every other error: what happened, and the next step."""

from __future__ import annotations

import click

from importer.errors import UsageError


def explain(error: click.ClickException, name: str) -> int:
    """Print why a command line cannot be, and give the exit status."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return error.exit_code
    from importer.cli.output.console import Console

    Console().fail(UsageError(_message(error), hint=f"{_nearest(error)}see: {_help_of(error, name)}"))
    return error.exit_code


def _message(error: click.ClickException) -> str:
    """Give click's sentence without the names that it proposes: they are the next step."""
    if isinstance(error, click.NoSuchOption):
        return f"there is no option {error.option_name}"
    return error.format_message().removesuffix(".")


def _nearest(error: click.ClickException) -> str:
    names = error.possibilities if isinstance(error, click.NoSuchOption) else None
    return f"did you mean {' or '.join(sorted(names))}? Else " if names else ""


def _help_of(error: click.ClickException, name: str) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{context.command_path if context else name} --help"
