"""What a sandbox holds, to check a run against it: read from its state by whoever likes, also while it is served."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from importer.records import TargetName

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from importer.records import Key


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


#: The tables of objects, and the key of a row of each.
_TABLES: tuple[tuple[TargetName, str, Callable[[Any], Key]], ...] = (
    (TargetName.OPAL, "opal_schedules", lambda row: (row["third_party_provider"], row["remote_id"])),
    (
        TargetName.ROOTLY,
        "rootly_overrides",
        lambda row: (row["schedule_id"], int(row["user_id"]), *_span(row)),
    ),
    (
        TargetName.ROOTLY,
        "rootly_shadows",
        lambda row: (
            *(row["schedule_id"], row["shadowable_type"], row["shadowable_id"], int(row["shadow_user_id"])),
            *_span(row),
        ),
    ),
)


def _span(row: sqlite3.Row) -> tuple[int, int]:
    return row["starts_at"] // 1000, row["ends_at"] // 1000


def read_truth(state: Path) -> Truth:
    """Read what a state holds now, and which requests were logged; nothing is changed and nobody is locked out.

    Raises:
        sqlite3.Error: there is no state yet, or it is no sandbox's.
    """
    with closing(sqlite3.connect(f"{state.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        made = tuple(
            CreatedObject(target, row["id"], key_of(row), row["due"])
            for target, table, key_of in _TABLES
            for row in connection.execute(
                f"SELECT o.*, coalesce(late.due, 0) AS due FROM {table} AS o LEFT JOIN late ON late.id = o.id "
                "ORDER BY o.number"
            )
        )
        requests = connection.execute("SELECT * FROM requests ORDER BY number").fetchall()
    logged = (LoggedRequest(**{**dict(row), "key": tuple(orjson.loads(row["key"]))}) for row in requests)
    return Truth(made, tuple(logged))
