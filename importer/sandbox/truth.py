"""What a sandbox holds, to check a run against it; readable by any process, also while it is served."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from importer.records import TargetName
from importer.sandbox.api.stored_kinds import kind_at, stored_kinds
from importer.sandbox.state import looked_at

if TYPE_CHECKING:
    from pathlib import Path

    from importer.records import Key
    from importer.sandbox.faults.fault_plan import Asked


def posted_key(asked: Asked, body: bytes) -> Key:
    """Return the key of what a request would create; empty if it creates nothing, or its body is invalid."""
    stored = kind_at(asked.target, asked.path) if asked.is_creation else None
    if stored is None:
        return ()
    try:
        return stored.posted_key(orjson.loads(body), asked.scope)
    except orjson.JSONDecodeError:
        return ()


# The contents


@dataclass(frozen=True, slots=True)
class CreatedObject:
    """An object that a target has."""

    target: TargetName
    id: str
    key: Key
    due: float  #: epoch second of the server's clock from which lists show it; 0 if they always did


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A request that arrived, in the terms of a fault plan."""

    number: int  #: in order of arrival; continues after a restart
    arrived_at: float  #: epoch seconds by the server's clock
    monotonic: float  #: seconds of this machine's monotonic clock
    target: str  #: empty if the path belongs to neither API
    method: str
    path: str  #: with the query, relative to the base URL
    key: Key  #: of what was to be created; empty if there was none
    fault: str  #: what went wrong, separated by commas; empty if nothing did
    status: int  #: of the answer, even with a spoiled body; 0 if its head was not sent whole
    id: str  #: of what it created for good; empty if it created nothing


@dataclass(frozen=True, slots=True)
class Truth:
    """All objects that exist, and all requests that were logged."""

    objects: tuple[CreatedObject, ...]  #: in order of creation
    requests: tuple[LoggedRequest, ...]  #: empty if the sandbox kept no log

    @property
    def ids(self) -> dict[Key, tuple[str, ...]]:
        """Return the ids of the objects by key."""
        found: dict[Key, tuple[str, ...]] = {}
        for made in self.objects:
            found[made.key] = (*found.get(made.key, ()), made.id)
        return found

    @property
    def doubles(self) -> dict[Key, tuple[str, ...]]:
        """Return the keys that more than one object has."""
        return {key: ids for key, ids in self.ids.items() if len(ids) > 1}

    @property
    def posts(self) -> Counter[Key]:
        """Count the logged requests to create something, by key."""
        return Counter(request.key for request in self.requests if request.key)

    @property
    def commits(self) -> int:
        """Count the logged requests that created something, even if it was deleted since."""
        return sum(bool(request.id) for request in self.requests)


def read_truth(state: Path) -> Truth:
    """Read what a state holds now, and which requests were logged; nothing is changed and nobody is locked out.

    Raises:
        SettingsError: the state is not a sandbox's, or cannot be read.
    """
    with looked_at(state) as opened:
        made = [CreatedObject(one.target, *found) for one in stored_kinds() for found in one.objects(opened)]
        requests = opened.rows("all_requests")
    logged = (LoggedRequest(**{**dict(row), "key": tuple(orjson.loads(row["key"]))}) for row in requests)
    return Truth(tuple(made), tuple(logged))
