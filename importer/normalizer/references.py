"""Cells that hold an id, or name a user or schedule whose id must be found. Asks no target."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from importer.normalizer.cleaning import clean, whole
from importer.normalizer.directory import is_schedule_reference, is_user_reference
from importer.normalizer.links import Service, linked_id
from importer.normalizer.wording import Fault, quote
from importer.records import ID_PATTERN, LARGEST_ID, Problem

if TYPE_CHECKING:
    from importer.normalizer.directory import Directory

_ID = re.compile(ID_PATTERN)
_NO_ID = Fault(", which is no id: an id has letters, digits, - and _ only, 128 at most", topic="no id")
_NO_NUMBER = Fault(", which is no user: a user is a number, an e-mail address or a full name", topic="no user number")


class Waiting(NamedTuple):
    """What stands for an id that the target must be asked for."""

    is_schedule: bool


class Reference(NamedTuple):
    """A cell that names a user or schedule whose id is not known yet."""

    is_schedule: bool
    note: Problem  #: the cell, and how it will be looked up


@dataclass(frozen=True, slots=True)
class References:
    """Reads cells that hold an id or a name."""

    directory: Directory | None = None  #: None: names wait

    def schedule(self, text: str) -> str | Waiting | Fault:
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
        return self.directory.find_schedule(text) if self.directory else Waiting(is_schedule=True)

    def shadowed_user(self, text: str) -> str | Waiting | Fault:
        """Read a cell with the user to be shadowed: an id, an e-mail address or a full name."""
        if _ID.fullmatch(text):  # also what is no user's id of today, for the API takes texts
            return text
        if (digits := whole(text)) is not None:  # 101.0
            return digits
        text = clean(text)
        if _ID.fullmatch(text) or not is_user_reference(text):
            return _NO_ID  # a text that is an id without what nobody means is read once more, without it
        return self.directory.find_user(text) if self.directory else Waiting(is_schedule=False)

    def shadowing_user(self, text: str) -> int | Waiting | Fault:
        """Read a cell with the user who shadows; leading zeros do not count, for the API takes a number."""
        digits = whole(text) or whole(text := clean(text))
        if digits is not None:
            number = int(digits)
            return number if 1 <= number <= LARGEST_ID else _NO_NUMBER
        if _ID.fullmatch(text) or not is_user_reference(text):
            return _NO_NUMBER
        if self.directory is None:
            return Waiting(is_schedule=False)
        found = self.directory.find_user(text)
        return found if isinstance(found, Fault) else int(found)


def describe_reference(column: str, text: str, cell: str, *, is_schedule: bool) -> Reference:
    """Tell which cell must be looked up, and as what."""
    what = "schedule's name" if is_schedule else "user's e-mail address" if "@" in text else "user's full name"
    message = f"{column} is {quote(text)}, which is looked up as a {what}"
    topic = f"{column}: to be looked up in Rootly"
    return Reference(is_schedule, Problem(message, "check --online looks it up now", column, cell, topic))
