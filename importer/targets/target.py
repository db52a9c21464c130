"""What describes a target: data and small pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from importer.records import Key, TargetName
from importer.settings.options import Settings

_MOST_TOLD = 20  # members of an object, and items of a list, in an error


class Request(NamedTuple):
    """A POST that creates one record."""

    path: str  #: below the base URL, beginning with a slash; every part of it was checked
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
    ids: frozenset[str]  #: of all objects on the page, also those that no record of ours can be
    total: int | None = None  #: how many objects the page claims that the whole list has; None where it does not say
    strangers: int = 0  #: objects that say that they belong into another list


class DirectoryEntry(NamedTuple):
    """A user, a schedule or a group, as a target lists it."""

    id: str
    name: str  #: of a user the full name; empty where there is none
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
    read_page: Callable[[Any], EntryPage]  #: the answer's JSON; ValueError where it is no page


@dataclass(frozen=True, slots=True)
class Grouping:
    """How records come into groups: each has a list of ids, which is read whole and replaced whole."""

    rate: float  #: replacements a second that the documentation allows
    members: Callable[[str], EntryList]  #: the list of a group; ValueError where its id cannot stand in a path
    replacement: Callable[[str, Sequence[str]], Request]  #: the PUT that makes these ids a group's list


@dataclass(frozen=True, slots=True)
class Target:
    """An API that takes records of one kind or several; what is a record's own stands in its `RecordKind`."""

    name: TargetName
    rate: float  #: requests a second that its documentation allows
    headers: Mapping[str, str]  #: on every request, the token aside
    words: Callable[[Any], str]  #: what an error's JSON says; empty where it says nothing
    probe_path: str  #: a GET that any valid token may do
    users: EntryList | None = None  #: None: the target has no such list
    schedules: EntryList | None = None
    groups: EntryList | None = None
    grouping: Grouping | None = None  #: None: its records come into no group
    authorization: Callable[[str], str] = "Bearer {}".format  #: the value of that header, of the token

    def rate_of(self, settings: Settings) -> float:
        """Return the limit in requests a second: what the settings say, else what its documentation allows."""
        return settings.rate.get(self.name, self.rate)

    def pace_of(self, settings: Settings) -> float:
        """Return that limit without the share that the settings leave to other clients."""
        return self.rate_of(settings) * (1 - settings.headroom)


def describe_json(value: Any, depth: int = 4) -> str:
    """Return the texts and numbers of an error that nobody documents, each behind the names that lead to it."""
    if isinstance(value, dict | list) and depth:
        items = value.items() if isinstance(value, dict) else (("", one) for one in value)
        told = ((name, describe_json(one, depth - 1)) for name, one in islice(items, _MOST_TOLD))
        return "; ".join(f"{name}: {words}" if name else words for name, words in told if words.strip())
    return as_text(value) or ""


def as_text(value: Any) -> str | None:
    """Return a text or a number of an answer as text, None for anything else: a deep enough list has no text at all."""
    return str(value) if isinstance(value, str | int | float) else None
