"""Reads cells with an id, an e-mail address or a name, and looks names up in a directory. Asks no target.

Names are compared exactly, e-mail addresses ignoring case; a name that is not found, or found twice, is a fault that
lists the nearest. Nothing is guessed: a text that can be an id is one; a name that looks like an id needs `name:`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz import fuzz, process, utils

from importer.cells import BLANKS, Unreadable, clean, whole
from importer.normalizer.providers import Service, linked_id
from importer.records import ID_PATTERN, LARGEST_ID, UUID, Problem
from importer.targets.opal import takes_no_schedules
from importer.targets.target import DirectoryEntry
from importer.wording import has_control, list_first, quote

_ID = re.compile(ID_PATTERN)
_BETWEEN_GROUPS = re.compile(r"[;\r\n]")
_MOST_GROUPS = 100  # of a row
#: An e-mail address as mail programs copy it: `Anna Berg <anna@example.com>`, `mailto:anna@example.com?subject=Hi`.
_COPIED_ADDRESS = re.compile(r"(?:[^<>@]*<)?\s*(?:mailto:)?\s*([^<>\s@]+@[^<>\s@?]+)(?:\?[^<>]*)?\s*>?", re.IGNORECASE)
_NO_ID = Unreadable(", which is not an id: an id has only letters, digits, - and _, 128 at most", topic="not an id")
_NO_NUMBER = Unreadable(
    ", which is not a user: a user is a number, an e-mail address or a full name", topic="not a user"
)
_LONGEST = 320  # characters: an e-mail address has 254 at most
_CACHED = 1 << 16  # distinct texts: thousands of rows name the same person
_PREFIX = re.compile(r"name\s*:", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+")
_QUANTITY = re.compile(r"[+-]?[0-9.,']+([eE][+-]?[0-9]+)?")  # 1e5: a spreadsheet's number, not a name
_STEPS = frozenset({".", ".."})  # of a path that goes up
_SLASHES = re.compile(r"[/\\]")


# ---- what a cell may contain


@lru_cache(_CACHED)
def is_user_reference(text: str) -> bool:
    """Return whether a text names a user, and is neither a user's id nor nonsense.

    Digits are an id. A text with an @ is an e-mail address, with several it names several people; any other text with
    a letter is a full name.
    """
    return text.count("@") < 2 and _is_reference(text, _QUANTITY)


@lru_cache(_CACHED)
def is_schedule_reference(text: str) -> bool:
    """Return whether a text names a schedule, and is neither a schedule's id nor nonsense.

    Whatever can be an id is one, even `Primary` and `a4711`: such a name is written `name:Primary`.
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
    return _STEPS.isdisjoint(_SLASHES.split(text))  # ../../users is an attack or a mistake, and is reported as such


class Sought(StrEnum):
    """What a target must be asked for, because a cell names it."""

    USER = "user"
    SCHEDULE = "schedule"
    GROUP = "group"


class Waiting(NamedTuple):
    """A placeholder for an id that the target must be asked for."""

    what: Sought


class Reference(NamedTuple):
    """A cell that names something whose id is not known yet."""

    what: Sought
    note: Problem  #: names the cell, and how it will be looked up


@dataclass(frozen=True, slots=True)
class References:
    """Reads cells that hold an id or a name."""

    directory: Directory | None = None  #: None: names wait

    def schedule(self, text: str) -> str | Waiting | Unreadable:
        """Read a cell with a Rootly schedule: its id, a link to it, or its name."""
        if _ID.fullmatch(text):
            return text
        link = linked_id(text, Service.ROOTLY)
        if link is not None:
            return link
        text = clean(text)
        if _ID.fullmatch(text):
            return text
        if not is_schedule_reference(text):
            return _NO_ID
        return self._look_up(Sought.SCHEDULE, text)

    def shadowed_user(self, text: str) -> str | Waiting | Unreadable:
        """Read a cell with the user to be shadowed: an id, an e-mail address or a full name."""
        if _ID.fullmatch(text):  # also what is no user's id of today, for the API takes texts
            return text
        if (digits := whole(text)) is not None:  # 101.0
            return digits
        text = _plain_user(clean(text))
        if _ID.fullmatch(text) or not is_user_reference(text):
            return _NO_ID  # a text that is an id after cleaning is read again, cleaned
        return self._look_up(Sought.USER, text)

    def shadowing_user(self, text: str) -> int | Waiting | Unreadable:
        """Read a cell with the user who shadows; leading zeros are ignored, because the API takes a number."""
        digits = whole(text) or whole(text := clean(text))
        if digits is not None:
            number = int(digits)
            return number if 1 <= number <= LARGEST_ID else _NO_NUMBER
        text = _plain_user(text)
        if _ID.fullmatch(text) or not is_user_reference(text):
            return _NO_NUMBER
        found = self._look_up(Sought.USER, text)
        return int(found) if isinstance(found, str) else found

    def groups(self, text: str) -> tuple[str, ...] | Waiting | Unreadable:
        """Read a cell with Opal groups, names or ids; ids are looked up too: some groups accept no schedules."""
        parts = split_groups(text)
        if isinstance(parts, Unreadable) or self.directory is None:
            return parts if isinstance(parts, Unreadable) else Waiting(Sought.GROUP)
        found = {part: self.directory.find(Sought.GROUP, part) for part in parts}
        for part, id_ in found.items():
            if isinstance(id_, Unreadable):
                reason = f", of which {quote(part)}{id_.reason.removeprefix(', which')}"
                return id_ if len(parts) == 1 else id_._replace(reason=reason)
        return tuple(dict.fromkeys(id_ for id_ in found.values() if isinstance(id_, str)))

    def _look_up(self, what: Sought, text: str) -> str | Waiting | Unreadable:
        return self.directory.find(what, text) if self.directory else Waiting(what)


def _plain_user(text: str) -> str:
    """Return the bare address of an e-mail address copied from a mail program; any other text unchanged."""
    if "<" not in text and text[:7].casefold() != "mailto:":
        return text
    match = _COPIED_ADDRESS.fullmatch(text)
    return match[1] if match else text


NO_DIRECTORY = References()  #: names wait


def split_groups(text: str) -> tuple[str, ...] | Unreadable:
    """Split the groups of a cell at line breaks or semicolons; names can have commas."""
    parts = tuple(dict.fromkeys(part for one in _BETWEEN_GROUPS.split(text) if (part := one.strip(BLANKS))))
    if not parts:
        return Unreadable(", which names no group", topic="no group")
    if len(parts) > _MOST_GROUPS:
        return Unreadable(
            f", which names {len(parts):,} groups; a row has {_MOST_GROUPS} at most", topic="too many groups"
        )
    odd = next((part for part in parts if not is_group_reference(part)), None)
    return (
        parts
        if odd is None
        else Unreadable(f", of which {quote(odd)} is neither a group's name nor its id", topic="no group")
    )


def describe_reference(column: str, text: str, cell: str, what: Sought, name: str) -> Reference:
    """Describe a cell that must be looked up, and as what; `name` is the user's name for its column."""
    is_group = what is Sought.GROUP
    words = {Sought.SCHEDULE: "a schedule's name", Sought.GROUP: "an Opal group"}
    of_user = "a user's e-mail address" if "@" in text else "a user's full name"
    message = f"{name} is {quote(text)}, which is looked up as {words.get(what, of_user)}"
    topic = f"{name}: to be looked up in {'Opal' if is_group else 'Rootly'}"
    return Reference(what, Problem(message, "Run check --online to look it up now.", column, cell, topic))


# ---- what a target lists


class Directory:
    """The users, schedules and groups of a target, found by the text of a cell.

    A list that is None could not be read; `no_users` and so on say why, as a part of a sentence.
    """

    def __init__(
        self,
        users: Iterable[DirectoryEntry] | None,
        schedules: Iterable[DirectoryEntry] | None,
        groups: Iterable[DirectoryEntry] | None = None,
        *,
        no_users: str = "the target was not asked",
        no_schedules: str = "the target was not asked",
        no_groups: str = "the target was not asked",
    ) -> None:
        given = {"user": users, "schedule": schedules, "group": groups}
        self._lists = {what: None if listed is None else _List(listed, what) for what, listed in given.items()}
        self._reasons = {"user": no_users, "schedule": no_schedules, "group": no_groups}
        self._cached = lru_cache(_CACHED)(self._find)

    def find(self, what: str, text: str) -> str | Unreadable:
        """Return the id of the user, schedule or group that a text means."""
        if what == "group" and self._lists["group"] is None and UUID.fullmatch(text):
            return text.lower()  # an id needs no list; if the group accepts no schedules, Opal says so
        return self._cached(what, text)

    def nearest(self, what: str, text: str) -> list[str]:
        """Return the ids of the users, schedules or groups that a text may mean, the nearest first."""
        listed = self._lists[what]
        return [] if listed is None else listed.nearest(_without_prefix(text)[0])

    def _find(self, what: str, text: str) -> str | Unreadable:
        listed = self._lists[what]
        if listed is not None:
            return listed.find(text)
        reason = f", which cannot be looked up in the list of {what}s: {self._reasons[what]}"
        return Unreadable(reason, f"write the {what}'s id", f"{what}s not listed")


class _List:
    """One list of a target: its entries by name, users also by e-mail address, groups also by id."""

    def __init__(self, entries: Iterable[DirectoryEntry], what: str) -> None:
        self._what = what
        self._name = "full name" if what == "user" else "name"
        is_of_groups = what == "group"
        self._target = "Opal" if is_of_groups else "Rootly"
        self._entries = tuple({one.id.lower() if is_of_groups else one.id: one for one in entries}.values())
        self._by_name = _index(one.name for one in self._entries)
        self._by_other = _index((one.id if is_of_groups else one.email).lower() for one in self._entries)
        names = [(one.name, position) for position, one in enumerate(self._entries)]
        # Colleagues share most of their e-mail addresses.
        boxes = [(_mailbox(one.email), position) for position, one in enumerate(self._entries) if one.email]
        self._nearest = _Nearest(names + boxes)

    def find(self, text: str) -> str | Unreadable:
        plain, is_name = _without_prefix(text)
        if self._what == "user" and "@" in plain and not is_name:
            return self._conclude("e-mail address", self._by_other.get(plain.lower(), ()), _mailbox(plain))
        if self._what == "group" and UUID.fullmatch(plain) and not is_name:
            return self._conclude("id", self._by_other.get(plain.lower(), ()), "")
        return self._conclude(self._name, self._by_name.get(plain, ()), plain)

    def nearest(self, plain: str) -> list[str]:
        found = self._nearest.find(_mailbox(plain) if self._what == "user" and "@" in plain else plain)
        return [self._entries[position].id for position in found]

    def _conclude(self, named: str, found: Sequence[int], plain: str) -> str | Unreadable:
        """Return the id of what was found by its `named`, or why none can be; `plain` finds what is near."""
        if len(found) == 1:
            return self._usable(self._entries[found[0]])
        what = self._what
        shown = list(map(self._show, found or self._nearest.find(plain)))
        if found:
            return Unreadable(
                f", which is the {named} of {len(shown)} {what}s",
                f"write the id of the one that is meant: {list_first(shown, _MOST)}",
                f"{what} found more than once",
            )
        nearest = f"; the nearest {'are' if len(shown) > 1 else 'is'} {', '.join(shown)}" if shown else ""
        own = "" if named == "id" else f", or the {what}'s id"
        return Unreadable(
            f", which is the {named} of no {what}",
            f"write the {named} as {self._target} has it{own}{nearest}",
            f"{what} not found",
        )

    def _usable(self, entry: DirectoryEntry) -> str | Unreadable:
        id_, what = entry.id, self._what
        if what == "user":
            is_usable = bool(_NUMBER.fullmatch(id_)) and 1 <= len(id_.lstrip("0")) <= 20 and int(id_) <= LARGEST_ID
        else:
            is_usable = bool((_ID if what == "schedule" else UUID).fullmatch(id_))
        if not is_usable:
            reason = f", which is a {what} whose id {quote(id_)} cannot be used"
            return Unreadable(reason, f"compare the {what} with {self._target}", f"{what} with an unusable id")
        if what != "group":
            return id_
        if takes_no_schedules(entry.type):
            reason = f", which is a group of type {quote(entry.type)}: its schedule comes from elsewhere"
            return Unreadable(reason, "remove the group, or name one of another type", "group that takes no schedules")
        return id_.lower()

    def _show(self, position: int) -> str:
        one = self._entries[position]
        named = ", ".join(quote(word) for word in (one.name, one.email) if word)
        plain = one.id if _ID.fullmatch(one.id) else quote(one.id)
        return f"{plain} ({named})" if named else plain


# ---- the nearest entries


_MOST = 3  # suggestions for one text
_CUT_OFF = 78.0  # of 100: two names that share only "primary" have 60 to 70, a first name alone has 90
_SHORT = 4  # characters: a shorter text is part of half of all names
_LARGEST_EFFORT = 5_000_000  # comparisons in all, 2 s: a column of nonsense must not hold up a check


class _Nearest:
    """Finds the entries of a list that a misspelt text may mean."""

    def __init__(self, texts: Iterable[tuple[str, int]]) -> None:
        known = {(_plain(text), position): text.casefold() for text, position in texts}  # a mailbox is often a name
        self._choices = [text for text, _ in known]
        self._positions = [position for _, position in known]
        self._folded = list(known.values())
        self._effort = 0

    def find(self, text: str) -> list[int]:
        """Return the positions of the nearest entries, nearest first; a text that differs only in case is nearest."""
        plain = _plain(text)
        if not plain or self._effort > _LARGEST_EFFORT:
            return []
        self._effort += len(self._choices)
        scorer = fuzz.WRatio if len(plain) >= _SHORT else fuzz.ratio
        # An entry can be in the list with two texts.
        found = process.extract(plain, self._choices, scorer=scorer, limit=2 * _MOST, score_cutoff=_CUT_OFF)
        folded = text.casefold()
        found.sort(key=lambda hit: self._folded[hit[2]] != folded)
        return list(dict.fromkeys(self._positions[index] for _, _, index in found))[:_MOST]


def _plain(text: str) -> str:
    """Remove from a text what people get wrong: case, accents, signs between words."""
    letters = unicodedata.normalize("NFKD", text)
    return utils.default_process("".join(char for char in letters if not unicodedata.combining(char)))


# ---- how names are compared


def _index(texts: Iterable[str]) -> dict[str, list[int]]:
    """Map each text to the positions that have it, except empty texts."""
    index: defaultdict[str, list[int]] = defaultdict(list)
    for position, text in enumerate(texts):
        if plain := _trimmed(text):
            index[plain].append(position)
    return dict(index)


def _trimmed(text: str) -> str:
    """Remove invisible differences: outer blanks, repeated blanks, how accents are composed."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _without_prefix(text: str) -> tuple[str, bool]:
    """Return the text to look for, and whether `name:` was before it."""
    plain = _trimmed(text)
    match = _PREFIX.match(plain)
    return (plain[match.end() :].lstrip(), True) if match else (plain, False)


def _mailbox(email: str) -> str:
    return email.rpartition("@")[0]
