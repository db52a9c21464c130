"""importer.toml: where it is looked for, how it is read, and what is refused in it."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from importer.errors import SettingsError
from importer.settings.origins import (
    Declaration,
    FoundSetting,
    Origin,
    Stands,
    option_name,
    suggest_nearest,
    variables_of,
)
from importer.wording import escape

CONFIG_FILE = "importer.toml"
_LONGEST_FILE = 1 << 20  # bytes of a settings file


def own_config_file() -> Path | None:
    """Return the path of the user's own importer.toml; None if the user's home folder is unknown."""
    folder = os.environ.get("XDG_CONFIG_HOME", "")
    try:
        base = Path(folder) if Path(folder).is_absolute() else Path.home() / ".config"
    except RuntimeError:  # no HOME, and no entry for this user
        return None
    return base / "oncall-importer" / CONFIG_FILE


def find_in_files(known: Mapping[str, Declaration]) -> dict[str, FoundSetting]:
    """Find the settings in importer.toml, in the user's own configuration folder and in the working folder.

    Raises:
        SettingsError: a file cannot be read, or has settings that are refused there.
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
                f"{where} is a token, and a token belongs in the environment only",
                hint=f"Remove it from {shown}, and set {name.upper()} in the environment.",
            )
        if name in known and known[name].stands is Stands.NOT_IN_FOLDER and not is_own:
            raise SettingsError(
                f"{where} is not allowed in the importer.toml of a folder: it can decide where a token goes or which "
                "file is written",
                hint=f"Set it by {_other_ways(name, known[name])}.",
            )
    if unknown := [name for name in parsed if name not in known]:
        raise SettingsError(
            "; ".join(f"{places[name]} is not a known setting" for name in unknown),
            hint=f"{suggest_nearest(unknown[0], list(known))}docs/commands.md lists the settings.",
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
    """Read a settings file; None if there is none.

    Raises:
        SettingsError: it is not a regular file, too large, not text, or cannot be read.
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
    """Return the keys in a settings file; None if there is no file.

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
    except (RecursionError, ValueError):  # nested too deep; a number with more digits than Python reads
        raise SettingsError(f"{shown} cannot be read: it is not a list of settings", hint=f"Correct {shown}.") from None


def _lines(written: str) -> Iterator[tuple[str, int]]:
    """Find the line of each top-level key, if it is written the usual way."""
    for number, line in enumerate(written.split("\n"), 1):
        if line.lstrip().startswith("["):
            return
        if match := re.match(r"\s*[\"']?([\w-]+)[\"']?\s*=", line):
            yield match[1], number
