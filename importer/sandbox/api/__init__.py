"""The stand-ins for the APIs, and the kinds of records that they store.

A kind is a `StoredKind` in any module of this package, so a new kind's handler is a file of its own. By these the
sandbox adds routes, recognizes requests that create something, and undoes what a fault makes undone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from aiohttp.web import RouteDef

from importer.records import Key, TargetName
from importer.sandbox.state import SandboxState


@dataclass(frozen=True, slots=True)
class StoredKind:
    """One kind of record, as the sandbox handles it."""

    target: TargetName
    collection: str  #: a pattern of the path, below the target's base URL, where it is created and listed
    routes: Callable[[SandboxState, Callable[[], float]], Iterable[RouteDef]]  #: its routes; the clock is passed in
    posted_key: Callable[[object, str], Key]  #: a body and the schedule in the path; empty if it would create nothing
    forget: Callable[[SandboxState, str], None]  #: removes the object with an id, if there is one


@cache
def stored_kinds() -> tuple[StoredKind, ...]:
    """Return the kinds of all modules here."""
    modules = (import_module(f"{__name__}.{one.name}") for one in iter_modules(__path__))
    return tuple(value for module in modules for value in vars(module).values() if isinstance(value, StoredKind))


def stored_routes(target: TargetName, state: SandboxState, now: Callable[[], float]) -> list[RouteDef]:
    """Return the routes of all kinds of a target."""
    return [route for stored in stored_kinds() if stored.target is target for route in stored.routes(state, now)]


def kind_at(target: str | None, path: str) -> StoredKind | None:
    """Return the kind that is created and listed at a path; None if there is none."""
    bare = path.partition("?")[0]
    found = (one for one in stored_kinds() if one.target == target and re.fullmatch(one.collection, bare))
    return next(found, None)
