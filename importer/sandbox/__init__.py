"""The embedded stand-in for the APIs. Importing it is cheap: each name is imported when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importer.sandbox.api.answers import Limits as Limits
    from importer.sandbox.directory_file import TOKEN as TOKEN
    from importer.sandbox.directory_file import read_directory as read_directory
    from importer.sandbox.fault_plan import FaultPlan as FaultPlan
    from importer.sandbox.fault_plan import read_faults as read_faults
    from importer.sandbox.organization import read_organization as read_organization
    from importer.sandbox.server import Address as Address
    from importer.sandbox.server import serve as serve
    from importer.sandbox.state import reset as reset

_HOMES = {
    "directory_file": ("TOKEN", "read_directory"),
    "fault_plan": ("FaultPlan", "read_faults"),
    "organization": ("read_organization",),
    "api.answers": ("Limits",),
    "server": ("Address", "serve"),
    "state": ("reset",),
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
