"""Reading a fault plan from a TOML file, with one sentence for what is wrong in it."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from pydantic import ValidationError

from importer.errors import SettingsError
from importer.sandbox.faults import FaultPlan

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails


def read_faults(path: Path) -> FaultPlan:
    """Read a fault plan.

    Raises:
        SettingsError: the file cannot be read, is no TOML, or holds what is no fault plan.
    """
    try:
        return FaultPlan.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise _unusable(path, f"it cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _unusable(path, f"it is no TOML: {error}") from error
    except ValidationError as error:
        raise _unusable(path, _sentence(error.errors(include_url=False)[0])) from error


def _sentence(error: ErrorDetails) -> str:
    """Say what is wrong where; faults are counted from 1."""
    place = [f"number {part + 1}" if isinstance(part, int) else part for part in error["loc"]]
    words = error["msg"].removeprefix("Value error, ")
    return f"{' '.join(place)}: {words}" if place else words


def _unusable(path: Path, reason: str) -> SettingsError:
    return SettingsError(f"The fault plan {path} cannot be used: {reason}.", hint="See the table in docs/sandbox.md.")
