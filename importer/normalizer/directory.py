"""References: e-mail addresses, full names and schedules' names that stand where an id belongs. Asks no target.

They are compared exactly; what is not found, or found twice, is a fault that names the nearest. Nothing is guessed: a
text that can be an id is one, and a name that looks like an id is written with `name:` before it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from importer.normalizer.nearest import MOST, Nearest
from importer.normalizer.unreadable import Unreadable
from importer.quoting import has_control, quote
from importer.records import ID_PATTERN, LARGEST_ID

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


_LONGEST = 320  # characters: an e-mail address has 254 at most
_CACHED = 1 << 16  # distinct texts: thousands of rows name the same person
_PREFIX = re.compile(r"name\s*:", re.IGNORECASE)
_ID = re.compile(ID_PATTERN)
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_NUMBER = re.compile(r"[0-9]+")
_QUANTITY = re.compile(r"[+-]?[0-9.,']+([eE][+-]?[0-9]+)?")  # 1e5: a spreadsheet's number, nobody's name
_STEPS = frozenset({".", ".."})  # of a path that climbs
_SLASHES = re.compile(r"[/\\]")


class Person(NamedTuple):
    """A user, as the target lists it."""

    id: str
    name: str  #: the full name; empty where there is none
    email: str  #: empty where there is none


class Group(NamedTuple):
    """An Opal group, as the target lists it."""

    id: str
    name: str
    type: str
    is_refusing: bool  #: it takes no on-call schedules


@lru_cache(_CACHED)
def is_user_reference(text: str) -> bool:
    """Return whether a text names a user, and is neither a user's id nor nonsense.

    Digits are an id. A text with an @ is an e-mail address, every other one with a letter in it is a full name.
    """
    return _is_reference(text, _QUANTITY)


@lru_cache(_CACHED)
def is_schedule_reference(text: str) -> bool:
    """Return whether a text names a schedule, and is neither a schedule's id nor nonsense.

    Whatever can be an id is one, `Primary` and `a4711` too: such a name is written `name:Primary`.
    """
    return _is_reference(text, _ID)


@lru_cache(_CACHED)
def is_group_reference(text: str) -> bool:
    """Return whether a text names a group, by its id (a UUID) or its name, and is not nonsense."""
    if len(text) > _LONGEST or has_control(text):
        return False
    prefix = _PREFIX.match(text)
    return not prefix or prefix.end() < len(text.rstrip())


def _is_reference(text: str, other: re.Pattern[str]) -> bool:
    if len(text) > _LONGEST or has_control(text):
        return False
    if prefix := _PREFIX.match(text):
        return prefix.end() < len(text.rstrip())
    if other.fullmatch(text) or not any(map(str.isalpha, text)):
        return False
    return _STEPS.isdisjoint(_SLASHES.split(text))  # ../../users is an attack, or a mistake; it is called what it is


class Directory:
    """The users, schedules and groups of a target, found by what a cell says.

    A list that is None is not to be had; `no_users` and its like say why, as a part of a sentence.
    """

    def __init__(
        self,
        users: Iterable[Person] | None,
        schedules: Iterable[tuple[str, str]] | None,
        groups: Iterable[Group] | None = None,
        *,
        no_users: str = "the target was not asked",
        no_schedules: str = "the target was not asked",
        no_groups: str = "the target was not asked",
    ) -> None:
        self._users = None if users is None else _Users(users)
        self._schedules = None if schedules is None else _Schedules(schedules)
        self._groups = None if groups is None else _Groups(groups)
        self._no_groups = no_groups
        self._no_users = no_users
        self._no_schedules = no_schedules
        self._cached_user = lru_cache(_CACHED)(self._find_user)
        self._cached_schedule = lru_cache(_CACHED)(self._find_schedule)

    def find_user(self, text: str) -> str | Unreadable:
        """Return the id of the user whom an e-mail address or a full name means."""
        return self._cached_user(text)

    def find_schedule(self, text: str) -> str | Unreadable:
        """Return the id of the schedule that a name means."""
        return self._cached_schedule(text)

    def find_group(self, text: str) -> str | Unreadable:
        """Return the id of the group that a name or an id means."""
        if self._groups is not None:
            return self._groups.find(text)
        # An id needs no list; should the group take no schedules, Opal says so.
        return text.lower() if _UUID.fullmatch(text) else _unlisted("group", self._no_groups)

    def nearest(self, what: str, text: str) -> list[str]:
        """Return the ids of the users, schedules or groups that a text may mean, the nearest first."""
        listed = {"user": self._users, "schedule": self._schedules, "group": self._groups}[what]
        return [] if listed is None else listed.nearest(_without_prefix(text)[0])

    def _find_user(self, text: str) -> str | Unreadable:
        if self._users is None:
            return _unlisted("user", self._no_users)
        return self._users.find(text)

    def _find_schedule(self, text: str) -> str | Unreadable:
        if self._schedules is None:
            return _unlisted("schedule", self._no_schedules)
        return self._schedules.find(text)


class _Users:
    def __init__(self, users: Iterable[Person]) -> None:
        self._people = tuple({person.id: person for person in users}.values())
        self._by_name = _index(person.name for person in self._people)
        self._by_email = _index(person.email.lower() for person in self._people)
        names = ((person.name, position) for position, person in enumerate(self._people))
        # Whoever shares an employer shares most of an address.
        boxes = ((_mailbox(person.email), position) for position, person in enumerate(self._people))
        self._nearest = Nearest([*names, *boxes])

    def find(self, text: str) -> str | Unreadable:
        plain, is_name = _without_prefix(text)
        if "@" in plain and not is_name:
            return self._conclude("e-mail address", self._by_email.get(plain.lower(), ()), _mailbox(plain))
        return self._conclude("full name", self._by_name.get(plain, ()), plain)

    def _conclude(self, what: str, found: Sequence[int], plain: str) -> str | Unreadable:
        if len(found) > 1:
            return _ambiguous(what, "user", list(map(self._show, found)))
        if not found:
            return _not_found(what, "user", list(map(self._show, self._nearest.find(plain))))
        id_ = self._people[found[0]].id
        if _NUMBER.fullmatch(id_) and 1 <= len(id_.lstrip("0")) <= 20 and int(id_) <= LARGEST_ID:
            return id_
        return _unusable("user", id_)

    def nearest(self, plain: str) -> list[str]:
        found = self._nearest.find(_mailbox(plain) if "@" in plain else plain)
        return [self._people[position].id for position in found]

    def _show(self, position: int) -> str:
        person = self._people[position]
        return _shown(person.id, [person.name, person.email])


class _Schedules:
    def __init__(self, schedules: Iterable[tuple[str, str]]) -> None:
        self._schedules = tuple(dict(schedules).items())
        self._by_name = _index(name for _, name in self._schedules)
        self._nearest = Nearest((name, position) for position, (_, name) in enumerate(self._schedules))

    def find(self, text: str) -> str | Unreadable:
        plain, _ = _without_prefix(text)
        found = self._by_name.get(plain, ())
        if len(found) > 1:
            return _ambiguous("name", "schedule", list(map(self._show, found)))
        if not found:
            return _not_found("name", "schedule", list(map(self._show, self._nearest.find(plain))))
        id_ = self._schedules[found[0]][0]
        return id_ if _ID.fullmatch(id_) else _unusable("schedule", id_)

    def nearest(self, plain: str) -> list[str]:
        return [self._schedules[position][0] for position in self._nearest.find(plain)]

    def _show(self, position: int) -> str:
        id_, name = self._schedules[position]
        return _shown(id_, [name])


class _Groups:
    def __init__(self, groups: Iterable[Group]) -> None:
        self._groups = tuple({group.id.lower(): group for group in groups}.values())
        self._by_id = {group.id.lower(): position for position, group in enumerate(self._groups)}
        self._by_name = _index(group.name for group in self._groups)
        self._nearest = Nearest((group.name, position) for position, group in enumerate(self._groups))

    def find(self, text: str) -> str | Unreadable:
        plain, is_name = _without_prefix(text)
        if not is_name and _UUID.fullmatch(plain):
            position = self._by_id.get(plain.lower())
            return _not_found("id", "group", [], "Opal") if position is None else self._conclude(position)
        found = self._by_name.get(plain, ())
        if len(found) > 1:
            return _ambiguous("name", "group", list(map(self._show, found)))
        if not found:
            return _not_found("name", "group", list(map(self._show, self._nearest.find(plain))), "Opal")
        return self._conclude(found[0])

    def _conclude(self, position: int) -> str | Unreadable:
        group = self._groups[position]
        if not _UUID.fullmatch(group.id):
            return _unusable("group", group.id, "Opal")
        if group.is_refusing:
            reason = f", which is a group of type {quote(group.type)}: its schedule comes from elsewhere"
            return Unreadable(
                reason, "take the group out, or name one of another type", "group that takes no schedules"
            )
        return group.id.lower()

    def nearest(self, plain: str) -> list[str]:
        return [self._groups[position].id for position in self._nearest.find(plain)]

    def _show(self, position: int) -> str:
        group = self._groups[position]
        return _shown(group.id, [group.name])


def _index(texts: Iterable[str]) -> dict[str, list[int]]:
    """Lead from each text to the positions that have it; an empty one is nobody's."""
    index: defaultdict[str, list[int]] = defaultdict(list)
    for position, text in enumerate(texts):
        if plain := _trimmed(text):
            index[plain].append(position)
    return dict(index)


def _trimmed(text: str) -> str:
    """Take away what nobody sees: outer blanks, a second blank between words, how accents are put together."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _without_prefix(text: str) -> tuple[str, bool]:
    """Return the text to look for, and whether `name:` stood before it."""
    plain = _trimmed(text)
    match = _PREFIX.match(plain)
    return (plain[match.end() :].lstrip(), True) if match else (plain, False)


def _mailbox(email: str) -> str:
    return email.rpartition("@")[0]


def _shown(id_: str, words: list[str]) -> str:
    named = ", ".join(quote(word) for word in words if word)
    plain = id_ if _ID.fullmatch(id_) else quote(id_)
    return f"{plain} ({named})" if named else plain


def _ambiguous(what: str, kind: str, shown: list[str]) -> Unreadable:
    more = f" and {len(shown) - MOST} more" if len(shown) > MOST else ""
    return Unreadable(
        f", which is the {what} of {len(shown)} {kind}s",
        f"write the id of the one that is meant: {', '.join(shown[:MOST])}{more}",
        f"{kind} found more than once",
    )


def _not_found(what: str, kind: str, shown: list[str], target: str = "Rootly") -> Unreadable:
    nearest = f"; the nearest {'are' if len(shown) > 1 else 'is'} {', '.join(shown)}" if shown else ""
    own = "" if what == "id" else f", or the {kind}'s id"
    return Unreadable(
        f", which is the {what} of no {kind}",
        f"write the {what} as {target} has it{own}{nearest}",
        f"{kind} not found",
    )


def _unusable(kind: str, id_: str, target: str = "Rootly") -> Unreadable:
    reason = f", which is a {kind} whose id {quote(id_)} cannot be used"
    return Unreadable(reason, f"compare the {kind} with {target}", f"{kind} with an odd id")


def _unlisted(kind: str, why: str) -> Unreadable:
    reason = f", which cannot be looked up in the list of {kind}s: {why}"
    return Unreadable(reason, f"write the {kind}'s id", f"{kind}s not listed")
