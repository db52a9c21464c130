"""Where a setting was set, and which place wins: an option, a keyword, the environment, importer.toml.

An option wins over the environment, the environment over importer.toml in the working folder, and that over
importer.toml in the user's own configuration folder. Knows how a setting is declared, and none by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field
from difflib import get_close_matches
from enum import Enum, auto
from typing import Any, NamedTuple, TypeVar

from importer.errors import SettingsError
from importer.wording import as_sentence, escape

AnyValue = TypeVar("AnyValue")

PREFIX = "IMPORTER_"
_DECLARATION = "declaration"


class Decides(Enum):
    """What a setting decides, and so whether a rerun takes it over."""

    NOTHING = auto()
    READING = auto()  #: what a row means: every rerun takes it over
    RUNNING = auto()  #: what is read and sent: taken over from a run that ended before it had read its sources


class Stands(Enum):
    """Where a setting may be set."""

    ANYWHERE = auto()
    NOT_IN_FOLDER = auto()  #: it decides where a token goes or which file is written: never in a folder's importer.toml
    ENVIRONMENT = auto()  #: a token: neither in a file nor as an option


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One setting, declared once: for the settings, the command line, the library, and docs/commands.md."""

    read: Callable[[Any], Any]  #: reads the value; a ValueError says what is wrong, without the setting's name
    help: str
    commands: frozenset[str] = frozenset()  #: the commands that have it as an option; none: it has no option
    metavar: str = ""  #: of the option's value; empty for a switch
    is_repeatable: bool = False
    short: str = ""  #: the option's second name, such as -q
    decides: Decides = Decides.NOTHING
    stands: Stands = Stands.ANYWHERE
    is_of_console: bool = False  #: it is about the console: neither in the library nor in suggested commands
    is_keyword: bool = True  #: of library calls, unless it is about the console
    variables: tuple[str, ...] = ()  #: instead of IMPORTER_<NAME>; the first that is set counts


def setting(
    default: AnyValue,
    read: Callable[[Any], AnyValue],
    help: str,  # noqa: A002  (what click calls it)
    commands: str = "",
    **more: Any,
) -> AnyValue:
    """Declare a setting as a dataclass field; `commands` are the names of those that take it, separated by blanks."""
    declaration = Declaration(read=read, help=help, commands=frozenset(commands.split()), **more)
    metadata = {_DECLARATION: declaration}
    made: Any = (
        field(default_factory=dict, metadata=metadata) if default == {} else field(default=default, metadata=metadata)
    )
    return made  # type: ignore[no-any-return]  # what `dataclasses.field` claims, too


def declaration_of(one: Field[Any]) -> Declaration | None:
    """Return the declaration of a dataclass's field; None if the field is not a setting."""
    return one.metadata.get(_DECLARATION)


class Origin(NamedTuple):
    """Where a setting's value was set."""

    name: str  #: as the user knows it: `--rate`, `IMPORTER_RATE`, `importer.toml, line 3: rate`, `rate`
    hint: str  #: what to do if the value is wrong
    words: tuple[str, ...] = ()  #: on the command line, to set it again


def blame(origin: Origin | None, error: SettingsError) -> SettingsError:
    """Return an error about a setting's value that names the setting as the user set it, where somebody did."""
    if origin is None:
        return error
    return SettingsError(f"{origin.name}: {error.message}", hint=f"{origin.hint} {as_sentence(error.hint)}")


class FoundSetting(NamedTuple):
    """A value that was set, with its origin."""

    value: Any
    origin: Origin


def option_name(name: str) -> str:
    """Return a setting's option."""
    return f"--{name.replace('_', '-')}"


def variables_of(name: str, declaration: Declaration) -> tuple[str, ...]:
    """Return the environment variables that set a setting."""
    return declaration.variables or (PREFIX + name.upper(),)


def name_as_set(name: str, origins: Mapping[str, Origin]) -> str:
    """Return a setting's name as the user set it: an option, a variable, a line of a file; its option if nobody did."""
    return origins[name].name if name in origins else option_name(name)


# ---- options of the command line and keywords of library calls


def find_options(options: Mapping[str, object], known: Mapping[str, Declaration]) -> dict[str, FoundSetting]:
    """Find the settings given on the command line: texts by the setting's name, from click."""
    return {
        name: FoundSetting(value, Origin(option_name(name), "Correct the option.", _words(name, value)))
        for name, value in options.items()
        if name in known
    }


def _words(name: str, value: object) -> tuple[str, ...]:
    option = option_name(name)
    if value is True:
        return (option,)
    values = value if isinstance(value, list | tuple) else (value,)
    return tuple(word for one in values for word in (option, str(one)))


def find_keywords(options: Mapping[str, object], known: Mapping[str, Declaration]) -> dict[str, FoundSetting]:
    """Find the settings given as keywords of a library call.

    Raises:
        SettingsError: there is no such keyword.
    """
    allowed = [name for name, declaration in known.items() if declaration.is_keyword and not declaration.is_of_console]
    for name in options:
        if name in known and name not in allowed:
            raise SettingsError(f"{name} is an option of the command line only", hint=f"Leave out the keyword {name}.")
        if name not in known:
            raise SettingsError(
                f"there is no option {escape(name)}",
                hint=f"{suggest_nearest(name, allowed)}See importer.Options for the names of all options.",
            )
    return {name: FoundSetting(value, Origin(name, f"Correct the keyword {name}.")) for name, value in options.items()}


def suggest_nearest(name: str, known: list[str]) -> str:
    """Return a sentence that suggests the known name nearest to a misspelt one; empty if none is near."""
    near = get_close_matches(name.lower(), known, n=1)
    return f"Did you mean {near[0]}? " if near else ""


# ---- the environment


def find_variables(environ: Mapping[str, str], known: Mapping[str, Declaration]) -> dict[str, FoundSetting]:
    """Find the settings in the environment; an empty variable does not count."""
    upper = {name.upper(): (name, value) for name, value in environ.items() if value}
    found = {}
    for name, declaration in known.items():
        written = next((upper[one.upper()] for one in variables_of(name, declaration) if one.upper() in upper), None)
        if written:
            found[name] = FoundSetting(
                written[1], Origin(written[0], f"Correct the environment variable {written[0]}.")
            )
    return found
