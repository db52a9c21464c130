"""All kinds by their names: every module of this package that has a `KIND`. Describes none itself."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Final

import importer.kinds
from importer.kinds.kind import RecordKind

if TYPE_CHECKING:
    from importer.records import TargetName


def _find_kinds() -> dict[str, RecordKind]:
    modules = (import_module(f"importer.kinds.{one.name}") for one in iter_modules(importer.kinds.__path__))
    found = [kind for module in modules if isinstance(kind := getattr(module, "KIND", None), RecordKind)]
    return {kind.name: kind for kind in sorted(found, key=lambda kind: kind.position)}


KINDS: Final = _find_kinds()


def kinds_of(target: TargetName) -> list[RecordKind]:
    """List the kinds that a target takes."""
    return [kind for kind in KINDS.values() if kind.target is target]


def can_delete(target: TargetName) -> bool:
    """Return whether a target can delete records of some kind."""
    return any(kind.removal is not None for kind in kinds_of(target))
