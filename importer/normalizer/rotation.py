"""The column `rotation`: who takes turns. Knows no member, and decides no turn."""

from __future__ import annotations

import re

from importer.normalizer.fields import BLANKS
from importer.normalizer.wording import Fault

MOST_MEMBERS = 1000  #: a row makes no more shifts

_TOPIC = "rotation that cannot be read"
_RIGHT = "write the members in their order with a comma between them, such as ann@example.com, bob@example.com"
_SEPARATOR = re.compile("[,;]")
_SEPARATORS = (",", ";")


def read_rotation(text: str) -> tuple[str, ...] | Fault:
    """Read a cell of the column `rotation`: members with commas, semicolons or line breaks between them, 1,000 at most.

    A member may come again: then it has so many turns in a round. Empty lines do not count; an empty place between
    two commas is a fault, for it could be somebody who is missing.
    """
    lines = [line for line in (line.strip(BLANKS) for line in text.splitlines()) if line]
    # A separator at the end of a line that goes on in the next one is that line's break.
    lines[:-1] = [line[:-1] if line.endswith(_SEPARATORS) else line for line in lines[:-1]]
    members = [member.strip(BLANKS) for line in lines for member in _SEPARATOR.split(line)]
    if len(members) > MOST_MEMBERS:
        return Fault(f", which has {len(members):,} members; a rotation has {MOST_MEMBERS:,} at most", _RIGHT, _TOPIC)
    if not all(members):
        return Fault(f", whose member {members.index('') + 1} is empty", _RIGHT, _TOPIC)
    return tuple(members) or Fault(", which has no member", _RIGHT, _TOPIC)
