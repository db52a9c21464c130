"""Where settings come from: options, the environment, importer.toml. Knows how one is declared, and none by name.

An option wins over the environment, the environment over importer.toml in the working folder, and that over
importer.toml in the user's own configuration folder.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from dataclasses import Field, dataclass, field
from difflib import get_close_matches
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from importer.errors import SettingsError
from importer.wording import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


AnyValue = TypeVar("AnyValue")

CONFIG_FILE = "importer.toml"
PREFIX = "IMPORTER_"
_DECLARATION = "declaration"
_LONGEST_FILE = 1 << 20  # bytes of a settings file


class Decides(Enum):
    """What a setting decides, and so whether a rerun takes it over."""

    NOTHING = auto()
    READING = auto()  #: what a row means: every rerun takes it over
    RUNNING = auto()  #: what is read and sent: taken over from a run that ended before it had read its sources


class Stands(Enum):
    """Where a setting may stand."""

    ANYWHERE = auto()
    NOT_IN_FOLDER = auto()  #: it decides where a token goes or which file is written: never by a folder's importer.toml
    ENVIRONMENT = auto()  #: a token: in no file, and no option


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What a setting is, said once: for the settings, the command line, the library, and docs/commands.md."""

    read: Callable[[Any], Any]  #: to its value; ValueError says what is wrong, without the setting's name
    help: str
    commands: frozenset[str] = frozenset()  #: that take it as an option; none: it has no option
    metavar: str = ""  #: of the option's value; empty for a switch
    is_repeatable: bool = False
    short: str = ""  #: the option's second name, such as -q
    decides: Decides = Decides.NOTHING
    stands: Stands = Stands.ANYWHERE
    is_of_console: bool = False  #: how a command asks and tells; the library has none, and no suggested command
    variables: tuple[str, ...] = ()  #: in place of IMPORTER_<NAME>; the first that is set counts


def setting(
    default: AnyValue,
    read: Callable[[Any], AnyValue],
    help: str,  # noqa: A002  (what click calls it)
    commands: str = "",
    **more: Any,
) -> AnyValue:
    """Declare a setting as a dataclass's field; `commands` are the names of those that take it, parted by blanks."""
    declaration = Declaration(read=read, help=help, commands=frozenset(commands.split()), **more)
    metadata = {_DECLARATION: declaration}
    made: Any = (
        field(default_factory=dict, metadata=metadata) if default == {} else field(default=default, metadata=metadata)
    )
    return made  # type: ignore[no-any-return]  # what `dataclasses.field` claims, too


def declaration_of(one: Field[Any]) -> Declaration | None:
    """Return how a dataclass's field was declared; None for one that is no setting."""
    return one.metadata.get(_DECLARATION)


class Origin(NamedTuple):
    """Where a setting's value was set."""

    name: str  #: as the user knows it: `--rate`, `IMPORTER_RATE`, `importer.toml, line 3: rate`, `rate`
    hint: str  #: what to do where the value is wrong
    words: tuple[str, ...] = ()  #: of the command line, to set it again


class FoundSetting(NamedTuple):
    """A value that somebody set."""

    value: Any
    origin: Origin


def option_name(name: str) -> str:
    """Return a setting's option."""
    return f"--{name.replace('_', '-')}"


def variables_of(name: str, declaration: Declaration) -> tuple[str, ...]:
    """Return the environment variables that set a setting."""
    return declaration.variables or (PREFIX + name.upper(),)


# ---- options, of the command line and of library calls


def find_options(options: Mapping[str, object], known: Mapping[str, Declaration]) -> dict[str, FoundSetting]:
    """Find what was given on the command line: texts by the setting's name, as click gives them."""
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
    """Find what a library call was given by keyword.

    Raises:
        SettingsError: there is no such keyword.
    """
    allowed = [name for name, declaration in known.items() if not declaration.is_of_console]
    for name in options:
        if name in known and name not in allowed:
            raise SettingsError(f"{name} is an option of the command line only", hint=f"Leave out the keyword {name}.")
        if name not in known:
            raise SettingsError(
                f"there is no option {escape(name)}",
                hint=f"{_nearest(name, allowed)}See importer.Options for the names of all options.",
            )
    return {name: FoundSetting(value, Origin(name, f"Correct the keyword {name}.")) for name, value in options.items()}


def _nearest(name: str, known: list[str]) -> str:
    near = get_close_matches(name.lower(), known, n=1)
    return f"Did you mean {near[0]}? " if near else ""


# ---- the environment


def find_variables(environ: Mapping[str, str], known: Mapping[str, Declaration]) -> dict[str, FoundSetting]:
    """Find what the environment sets; a variable that is empty is not set."""
    upper = {name.upper(): (name, value) for name, value in environ.items() if value}
    found = {}
    for name, declaration in known.items():
        written = next((upper[one.upper()] for one in variables_of(name, declaration) if one.upper() in upper), None)
        if written:
            found[name] = FoundSetting(
                written[1], Origin(written[0], f"Correct the environment variable {written[0]}.")
            )
    return found


# ---- importer.toml


def own_config_file() -> Path | None:
    """Return where the user's own importer.toml is looked for; None where nobody knows the user's home."""
    folder = os.environ.get("XDG_CONFIG_HOME", "")
    try:
        base = Path(folder) if Path(folder).is_absolute() else Path.home() / ".config"
    except RuntimeError:  # no HOME, and no entry for this user
        return None
    return base / "oncall-importer" / CONFIG_FILE


def find_in_files(known: Mapping[str, Declaration]) -> dict[str, FoundSetting]:
    """Find what importer.toml sets, in the user's own configuration folder and in the working folder.

    Raises:
        SettingsError: one cannot be read, or has what may not stand there.
    """
    own, folder = own_config_file(), Path(CONFIG_FILE)
    found = {} if own is None else _find_in_file(own, str(own), known, is_own=True)
    is_same = own is not None and own.exists() and folder.exists() and own.samefile(folder)
    return found if is_same else found | _find_in_file(folder, CONFIG_FILE, known, is_own=False)


def _find_in_file(path: Path, shown: str, known: Mapping[str, Declaration], *, is_own: bool) -> dict[str, FoundSetting]:
    written = read_config_file(path, shown)
    if written is None:
        return {}
    lines, parsed = dict(_lines(written)), _parse(written, shown)
    places = {
        name: f"{shown}, line {lines[name]}: {escape(name)}" if name in lines else f"{shown}: {escape(name)}"
        for name in parsed
    }
    secret = [(name, one) for name, one in known.items() if one.stands is Stands.ENVIRONMENT]
    tokens = {spelling.upper() for name, declaration in secret for spelling in (name, *declaration.variables)}
    for name, where in places.items():
        if name.upper() in tokens:
            raise SettingsError(
                f"{where} is a token, and a token belongs into the environment only",
                hint=f"Take it out of {shown}, and set {name.upper()} in the environment.",
            )
        if name in known and known[name].stands is Stands.NOT_IN_FOLDER and not is_own:
            raise SettingsError(
                f"{where} may not stand in the importer.toml of a folder: it decides where a token goes or which file "
                "is written",
                hint=f"Set it by {_other_ways(name, known[name])}.",
            )
    if unknown := [name for name in parsed if name not in known]:
        raise SettingsError(
            "; ".join(f"{places[name]} is not a known setting" for name in unknown),
            hint=f"{_nearest(unknown[0], list(known))}docs/commands.md lists the settings.",
        )
    return {
        name: FoundSetting(value, Origin(places[name], f"Correct it in {shown}.")) for name, value in parsed.items()
    }


def _other_ways(name: str, declaration: Declaration) -> str:
    ways = [option_name(name)] if declaration.commands else []
    own = own_config_file()
    ways += [f"the variable {variables_of(name, declaration)[0]}"] + ([str(own)] if own else [])
    return ", ".join(ways[:-1]) + f" or {ways[-1]}" if len(ways) > 1 else ways[0]


def read_config_file(path: Path, shown: str) -> str | None:
    """Read a settings file; None where there is none.

    Raises:
        SettingsError: it is no regular file, too large, not text, or cannot be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # reading a FIFO would wait for ever
            raise SettingsError(f"{shown} is not a regular file", hint=f"Replace {shown} by a file, or remove it.")
        with path.open("rb") as file:
            content = file.read(_LONGEST_FILE + 1)
        if len(content) > _LONGEST_FILE:
            raise SettingsError(f"{shown} is longer than {_LONGEST_FILE} bytes", hint=f"Shorten {shown}.")
        return content.decode("utf-8-sig").replace("\r\n", "\n")  # Notepad puts a mark before the text
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SettingsError(f"{shown} cannot be read: {error.strerror}", hint=f"Make {shown} readable.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{shown} cannot be read: it is not UTF-8", hint=f"Save {shown} as UTF-8.") from None


def keys_of_file(path: Path) -> list[str] | None:
    """Return the keys that a settings file has; None where there is no file.

    Raises:
        SettingsError: as `read_config_file`, or it is not TOML.
    """
    written = read_config_file(path, str(path))
    return None if written is None else list(_parse(written, str(path)))


def _parse(written: str, shown: str) -> dict[str, Any]:
    try:
        return tomllib.loads(written)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{shown} cannot be read: {escape(str(error))}", hint=f"Correct {shown}.") from None
    except (RecursionError, ValueError):  # nested without end; a number of more digits than Python reads
        raise SettingsError(f"{shown} cannot be read: it is not a list of settings", hint=f"Correct {shown}.") from None


def _lines(written: str) -> Iterator[tuple[str, int]]:
    """Find the line of each key on the top level, as far as it is written the usual way."""
    for number, line in enumerate(written.split("\n"), 1):
        if line.lstrip().startswith("["):
            return
        if match := re.match(r"\s*[\"']?([\w-]+)[\"']?\s*=", line):
            yield match[1], number
