"""Cells that hold an id, or name a user or schedule whose id must be found. Asks no target."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from importer.cells import BLANKS, clean, whole
from importer.normalizer.directory import is_group_reference, is_schedule_reference, is_user_reference
from importer.normalizer.providers import Service, linked_id
from importer.normalizer.unreadable import Unreadable
from importer.quoting import quote
from importer.records import ID_PATTERN, LARGEST_ID, Problem

if TYPE_CHECKING:
    from importer.normalizer.directory import Directory


_ID = re.compile(ID_PATTERN)
_BETWEEN_GROUPS = re.compile(r"[;\r\n]")
_MOST_GROUPS = 100  # of a row
#: An e-mail address as mail programs copy it: `Anna Berg <anna@example.com>`, `mailto:anna@example.com`.
_COPIED_ADDRESS = re.compile(r"(?:[^<>@]*<)?\s*(?:mailto:)?\s*([^<>\s@]+@[^<>\s@]+?)\s*>?", re.IGNORECASE)
_NO_ID = Unreadable(", which is not an id: an id has only letters, digits, - and _, 128 at most", topic="not an id")
_NO_NUMBER = Unreadable(
    ", which is not a user: a user is a number, an e-mail address or a full name", topic="not a user"
)


class Sought(StrEnum):
    """What a target is asked for, where a cell names it."""

    USER = "user"
    SCHEDULE = "schedule"
    GROUP = "group"


class Waiting(NamedTuple):
    """What stands for an id that the target must be asked for."""

    what: Sought


class Reference(NamedTuple):
    """A cell that names something whose id is not known yet."""

    what: Sought
    note: Problem  #: the cell, and how it will be looked up


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
        return self.directory.find_schedule(text) if self.directory else Waiting(Sought.SCHEDULE)

    def shadowed_user(self, text: str) -> str | Waiting | Unreadable:
        """Read a cell with the user to be shadowed: an id, an e-mail address or a full name."""
        if _ID.fullmatch(text):  # also what is no user's id of today, for the API takes texts
            return text
        if (digits := whole(text)) is not None:  # 101.0
            return digits
        text = _plain_user(clean(text))
        if _ID.fullmatch(text) or not is_user_reference(text):
            return _NO_ID  # a text that is an id without what nobody means is read once more, without it
        return self.directory.find_user(text) if self.directory else Waiting(Sought.USER)

    def shadowing_user(self, text: str) -> int | Waiting | Unreadable:
        """Read a cell with the user who shadows; leading zeros do not count, for the API takes a number."""
        digits = whole(text) or whole(text := clean(text))
        if digits is not None:
            number = int(digits)
            return number if 1 <= number <= LARGEST_ID else _NO_NUMBER
        text = _plain_user(text)
        if _ID.fullmatch(text) or not is_user_reference(text):
            return _NO_NUMBER
        if self.directory is None:
            return Waiting(Sought.USER)
        found = self.directory.find_user(text)
        return found if isinstance(found, Unreadable) else int(found)

    def groups(self, text: str) -> tuple[str, ...] | Waiting | Unreadable:
        """Read a cell with Opal groups, names or ids: ids too are looked up, for some groups take no schedules."""
        parts = split_groups(text)
        if isinstance(parts, Unreadable) or self.directory is None:
            return parts if isinstance(parts, Unreadable) else Waiting(Sought.GROUP)
        found = {part: self.directory.find_group(part) for part in parts}
        for part, id_ in found.items():
            if isinstance(id_, Unreadable):
                reason = f", of which {quote(part)}{id_.reason.removeprefix(', which')}"
                return id_ if len(parts) == 1 else id_._replace(reason=reason)
        return tuple(dict.fromkeys(id_ for id_ in found.values() if isinstance(id_, str)))


def _plain_user(text: str) -> str:
    """Return the bare e-mail address of one copied from a mail program; any other text as it is."""
    if "<" not in text and text[:7].casefold() != "mailto:":
        return text
    match = _COPIED_ADDRESS.fullmatch(text)
    return match[1] if match else text


NO_DIRECTORY = References()  #: names wait


def split_groups(text: str) -> tuple[str, ...] | Unreadable:
    """Take the groups of a cell apart: on lines of their own, or with semicolons between them. Names have commas."""
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
    """Describe a cell that must be looked up, and as what; `name` is what the user calls its column."""
    is_group = what is Sought.GROUP
    words = {Sought.SCHEDULE: "a schedule's name", Sought.GROUP: "an Opal group"}
    of_user = "a user's e-mail address" if "@" in text else "a user's full name"
    message = f"{name} is {quote(text)}, which is looked up as {words.get(what, of_user)}"
    topic = f"{name}: to be looked up in {'Opal' if is_group else 'Rootly'}"
    return Reference(what, Problem(message, "Run check --online to look it up now.", column, cell, topic))
