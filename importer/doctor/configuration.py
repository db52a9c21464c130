"""What is set, and where: names alone, never a value."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from pydantic import AliasChoices

from importer.doctor.findings import Finding, Level
from importer.errors import SettingsError
from importer.proxies import NO_PROXY_VARIABLES, PROXY_VARIABLES
from importer.settings import CONFIG_FILE, Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

_PREFIX = "IMPORTER_"
_NO_SETTINGS = {f"{_PREFIX}DEBUG"}


def try_settings(options: Mapping[str, Any]) -> Settings | Finding:
    """Make the settings; where they cannot be, say why."""
    try:
        return load_settings(options)
    except SettingsError as error:
        return Finding(Level.PROBLEM, "settings", error.message, error.hint)


def look_at_sources(environ: Mapping[str, str], folder: Path) -> Iterator[Finding]:
    """Say which settings stand in the environment and in the settings file of a folder."""
    known = _variables()
    known_here = (*PROXY_VARIABLES, *NO_PROXY_VARIABLES)
    own = sorted(name for name, value in environ.items() if value and (name.upper() in known or name in known_here))
    yield Finding(Level.OK, "environment", f"sets {', '.join(own)}" if own else "sets nothing")
    for name in sorted(environ):
        if name.upper().startswith(_PREFIX) and name.upper() not in known | _NO_SETTINGS:
            hint = "see docs/commands.md, Settings, for the names; take it away if it is not meant for oncall-importer"
            yield Finding(Level.NOTE, "environment", f"{name} is no setting, and counts for nothing", hint)
    yield _look_at_file(folder / CONFIG_FILE)


def _look_at_file(path: Path) -> Finding:
    try:
        keys = sorted(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Finding(Level.OK, CONFIG_FILE, "there is none in this folder")
    except (OSError, ValueError):  # why, the settings say
        return Finding(Level.PROBLEM, CONFIG_FILE, "cannot be read", f"mend {CONFIG_FILE}, or take it away")
    return Finding(Level.OK, CONFIG_FILE, f"sets {', '.join(keys)}" if keys else "sets nothing")


def _variables() -> frozenset[str]:
    """Give the environment variables of all settings, in upper case."""
    names: list[str] = []
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [f"{_PREFIX}{name}"]
        names += [choice.upper() for choice in choices if isinstance(choice, str)]
    return frozenset(names) - {"JSON"}
