"""Click options made from the settings' declarations, with shell completion.

The settings check the values: here every value is a text.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from importer.cli.execute import guard
from importer.errors import SettingsError
from importer.settings import values
from importer.settings.options import DECLARATIONS, DEFAULTS, find_command_options
from importer.settings.origins import FoundSetting, option_name

if TYPE_CHECKING:
    _Text = click.ParamType[str]
else:  # not generic in every supported version of click
    _Text = click.ParamType

Decorator: TypeAlias = Callable[[Any], Any]
_FOUND = f"{__name__}.found"  # the key of the context's memory


class _Command(click.Command):
    """A command that returns its exit status; its errors become text.

    The options that it alone has can also be variables, or keys of the user's own importer.toml.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; an error names an option by where it was set."""
        is_run = not (ctx.resilient_parsing or {"-h", "--help"} & set(args))
        found = find_command_options(self.name or "") if is_run else {}
        options = {name: option for option in self.params if (name := _key_of(option)) in found}
        ctx.default_map = {option.name: _value_of(option, found[name]) for name, option in options.items()}
        ctx.meta[_FOUND] = {}
        try:
            left = super().parse_args(ctx, args)
        except click.BadParameter as error:
            name = _key_of(error.param) if error.param else ""
            if name in found and ctx.get_parameter_source(options[name].name or "") is ParameterSource.DEFAULT_MAP:
                error.param_hint = found[name].origin.name
            raise
        ctx.meta[_FOUND] = {
            option_name(name): found[name].origin.name
            for name, option in options.items()
            if ctx.get_parameter_source(option.name or "") is ParameterSource.DEFAULT_MAP
        }
        return left

    def invoke(self, ctx: click.Context) -> None:
        """Run it to its end; exits the process."""
        guard(partial(super().invoke, ctx))


def _key_of(parameter: click.Parameter) -> str:
    """Return a parameter's name in variables and files: that of its option; `from` of --from."""
    return max(parameter.opts, key=len).lstrip("-").replace("-", "_")


def own_names() -> dict[str, str]:
    """Return the options that the current command alone has and that were set elsewhere: each with where it was."""
    found: dict[str, str] = click.get_current_context().meta[_FOUND]
    return found


def _value_of(option: click.Parameter, found: FoundSetting) -> object:
    try:
        if option.multiple:
            return values.texts(found.value)
        return found.value if isinstance(found.value, bool | int) else values.text(found.value)
    except ValueError as error:
        raise SettingsError(f"{found.origin.name}: {error}", hint=found.origin.hint) from None


def command(name: str | None = None) -> Decorator:
    """Make a function a command of the command line."""
    return click.command(name, cls=_Command)


_MOST = 50  # runs, the newest first
_JOURNAL = "journal.sqlite3"  # repeated here so that completion need not import the journal


class _Run(_Text):
    """A parameter type: a run's folder, or a report, which can be anywhere."""

    name = "run"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer the folders of runs; if none fits, leave it to the shell."""
        folder = Path(ctx.params.get("reports") or os.environ.get("IMPORTER_REPORTS") or DEFAULTS["reports"])
        try:
            names = sorted((entry.name for entry in os.scandir(folder) if entry.is_dir()), reverse=True)
        except OSError:
            names = []
        runs = [str(folder / name) for name in names if (folder / name / _JOURNAL).exists()]
        fitting = [CompletionItem(run) for run in runs if run.startswith(incomplete)]
        return fitting[:_MOST] or FILE.shell_complete(ctx, param, incomplete)


class Words(_Text):
    """A parameter type: one of some words, which `find` lists when they are needed."""

    name = "word"

    def __init__(self, *words: str, find: Callable[[], Iterable[str]] = tuple) -> None:
        self._words = words
        self._find = find

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Offer the words that begin like that, ignoring case."""
        words = (*self._words, *self._find())
        return [CompletionItem(word) for word in words if word.lower().startswith(incomplete.lower())]


def _find_zones() -> list[str]:
    from zoneinfo import available_timezones

    return sorted(available_timezones())


class _File(click.Path):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":  # such as "$DIR" of a shell without that variable; Path would make it the current folder
            self.fail('"" is not a path', param, ctx)
        return super().convert(value, param, ctx)


FILE = _File(path_type=Path)  #: the shell completes files
SOURCE = click.Path(allow_dash=True)
RUN = _Run()

_COMPLETED = {
    "timezone": Words(find=_find_zones),
    "provider": Words("PAGER_DUTY", "OPSGENIE"),
}
sources = click.argument("sources", metavar="SOURCE...", type=SOURCE, nargs=-1, required=True)


def options(*decorators: Decorator) -> Decorator:
    """Combine decorators; the first comes first in the help."""
    return lambda command: reduce(lambda decorated, option: option(decorated), reversed(decorators), command)


def shared_options(command: str) -> Decorator:
    """Make the options that settings declare for a command.

    An option that was not given is None, False or empty, and does not override the environment or importer.toml.
    """
    return options(*(option(name) for name, declared in DECLARATIONS.items() if command in declared.commands))


def option(name: str) -> Decorator:
    """Make the option of one setting."""
    declared, default = DECLARATIONS[name], DEFAULTS[name]
    names = [option_name(name), *([declared.short] if declared.short else []), name]
    if not declared.metavar:
        return click.option(*names, is_flag=True, help=declared.help)
    words = declared.metavar.split("|") if "|" in declared.metavar else ()
    remark = " Repeatable." if declared.is_repeatable else f"  [default: {default}]" if default else ""
    return click.option(
        *names,
        type=FILE if declared.metavar in ("FILE", "DIR") else _COMPLETED.get(name, Words(*words)),
        metavar=declared.metavar,
        multiple=declared.is_repeatable,
        help=f"{declared.help}{remark}",
    )
