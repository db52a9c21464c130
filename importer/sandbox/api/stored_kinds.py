"""What the sandbox stores of each kind of record: every module of this package that has `STORED`.

Requests are told apart, faults undone and the truth read by these, so a new kind's handler is a file of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from importer.sandbox import api

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiohttp import web

    from importer.records import Key, TargetName
    from importer.sandbox.state import SandboxState


@dataclass(frozen=True, slots=True)
class StoredKind:
    """One kind of record, as the sandbox handles it."""

    target: TargetName
    collection: str  #: a pattern of the path, below the target's base URL, where it is created and listed
    routes: Callable[[SandboxState, Callable[[], float]], Iterable[web.RouteDef]]  #: its routes; the clock is passed in
    posted_key: Callable[[object, str], Key]  #: a body and the schedule in the path; empty if it would create nothing
    objects: Callable[[SandboxState], Iterable[tuple[str, Key, float]]]  #: id, key and when lists show it: of all
    forget: Callable[[SandboxState, str], None]  #: removes the object with an id, if there is one


@cache
def stored_kinds() -> tuple[StoredKind, ...]:
    """Return all of them."""
    modules = (import_module(f"{api.__name__}.{one.name}") for one in iter_modules(api.__path__))
    return tuple(stored for module in modules if isinstance(stored := getattr(module, "STORED", None), StoredKind))


@cache
def collections() -> re.Pattern[str]:
    """Return the pattern of all paths where records are created and listed."""
    return re.compile("|".join(f"(?:{stored.collection})" for stored in stored_kinds()))


def kind_at(target: TargetName | None, path: str) -> StoredKind | None:
    """Return the kind that is created and listed at a path; None if there is none."""
    bare = path.partition("?")[0]
    found = (one for one in stored_kinds() if one.target is target and re.fullmatch(one.collection, bare))
    return next(found, None)
