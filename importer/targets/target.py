"""How a target is described: data and small pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from importer.records import Key, TargetName
from importer.settings.options import Settings

_MOST_DESCRIBED = 20  # members of an object or list that an error shows


class Request(NamedTuple):
    """A POST that creates one record."""

    path: str  #: below the base URL, beginning with a slash; every part was checked
    body: bytes


class Found(NamedTuple):
    """An object that a target has."""

    key: Key
    id: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a target's list."""

    found: tuple[Found, ...]
    next: str | None  #: path or URL of the next page as the target gives it; None at the end
    ids: frozenset[str]  #: of all objects on the page, also those that cannot be our records
    total: int | None = None  #: how many objects the whole list has, as the page claims; None if it does not say
    strangers: int = 0  #: objects that belong to another list by their own account


class DirectoryEntry(NamedTuple):
    """A user, a schedule or a group, as a target lists it."""

    id: str
    name: str  #: of a user the full name; empty if there is none
    email: str = ""
    type: str = ""  #: of a group


@dataclass(frozen=True, slots=True)
class EntryPage:
    """One page of a list of users, schedules or groups."""

    entries: tuple[DirectoryEntry, ...]
    next: str | None  #: as `Page.next`

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all entries."""
        return frozenset(entry.id for entry in self.entries)


@dataclass(frozen=True, slots=True)
class EntryList:
    """A list of a target in which a name or an e-mail address leads to an id."""

    what: str  #: what it lists, such as "users"
    path: str  #: of its first page
    read_page: Callable[[Any], EntryPage]  #: from the answer's JSON; ValueError if it is not a page


@dataclass(frozen=True, slots=True)
class Grouping:
    """How records are added to groups: each group has a list of ids, which is read and replaced as a whole."""

    rate: float  #: replacements a second that the documentation allows
    members: Callable[[str], EntryList]  #: the list of a group; ValueError if its id cannot be in a path
    replacement: Callable[[str, Sequence[str]], Request]  #: the PUT that makes these ids a group's list


@dataclass(frozen=True, slots=True)
class Target:
    """An API that accepts records of one or several kinds; a record's own facts are in its `RecordKind`."""

    name: TargetName
    rate: float  #: requests a second that its documentation allows
    headers: Mapping[str, str]  #: on every request, except the token
    words: Callable[[Any], str]  #: what an error's JSON says; empty if it says nothing
    probe_path: str  #: a GET that any valid token may do
    not_found: str  #: the hint of a record whose POST, or whose scope's list, is answered 404
    users: EntryList | None = None  #: None: the target has no such list
    schedules: EntryList | None = None
    groups: EntryList | None = None
    grouping: Grouping | None = None  #: None: its records are not added to groups
    authorization: Callable[[str], str] = "Bearer {}".format  #: makes that header's value from the token

    def rate_of(self, settings: Settings) -> float:
        """Return the limit in requests a second: from the settings, else from its documentation."""
        return settings.rate.get(self.name, self.rate)

    def pace_of(self, settings: Settings) -> float:
        """Return that limit minus the share that the settings leave to other clients."""
        return self.rate_of(settings) * (1 - settings.headroom)


def describe_json(value: Any, depth: int = 4) -> str:
    """Return the texts and numbers in an undocumented error, each after the names that lead to it."""
    if isinstance(value, dict | list) and depth:
        items = value.items() if isinstance(value, dict) else (("", one) for one in value)
        described = ((name, describe_json(one, depth - 1)) for name, one in islice(items, _MOST_DESCRIBED))
        return "; ".join(f"{name}: {words}" if name else words for name, words in described if words.strip())
    return as_text(value) or ""


def as_text(value: Any) -> str | None:
    """Return a text or a number in an answer as text, None for anything else."""
    return str(value) if isinstance(value, str | int | float) else None
