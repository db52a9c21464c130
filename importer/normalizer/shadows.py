"""Shadow rows to shadow records."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from importer.cells import BLANKS
from importer.normalizer.plausibility import Level, check_sense
from importer.normalizer.recurrence.spans import read_spans
from importer.normalizer.references import Waiting
from importer.normalizer.unreadable import Unreadable
from importer.quoting import quote
from importer.records import ShadowRecord

if TYPE_CHECKING:
    from datetime import datetime

    from importer.normalizer.fields import Fields
    from importer.normalizer.plausibility import Checks
    from importer.normalizer.rules import Rules


# ---- The column `rotation`: who takes turns. Knows no member, and decides no turn


MOST_MEMBERS = 1000  #: a row makes no more shifts

_TOPIC = "rotation that cannot be read"
_RIGHT = "write the members in their order with a comma between them, such as ann@example.com, bob@example.com"
_SEPARATOR = re.compile("[,;]")
_SEPARATORS = (",", ";")


def read_rotation(text: str) -> tuple[str, ...] | Unreadable:
    """Read a cell of the column `rotation`: members with commas, semicolons or line breaks between them, 1,000 at most.

    A member may come again: then it has so many turns in a round. Empty lines do not count; an empty place between
    two commas is a fault, for it could be somebody who is missing.
    """
    lines = [line for line in (line.strip(BLANKS) for line in text.splitlines()) if line]
    # A separator at the end of a line that goes on in the next one is that line's break.
    lines[:-1] = [line[:-1] if line.endswith(_SEPARATORS) else line for line in lines[:-1]]
    members = [member.strip(BLANKS) for line in lines for member in _SEPARATOR.split(line)]
    if len(members) > MOST_MEMBERS:
        return Unreadable(
            f", which has {len(members):,} members; a rotation has {MOST_MEMBERS:,} at most", _RIGHT, _TOPIC
        )
    if not all(members):
        return Unreadable(f", whose member {members.index('') + 1} is empty", _RIGHT, _TOPIC)
    return tuple(members) or Unreadable(", which has no member", _RIGHT, _TOPIC)


# ---- Shadow rows to shadow records


Shadowable: TypeAlias = Literal["User", "Schedule"]

_SHADOWABLES: Final[dict[str, Shadowable]] = {"user": "User", "schedule": "Schedule"}
_NO_TYPE = Unreadable(topic="no type")
_ROTATION_RIGHT = "write each member as a number, an e-mail address or a full name"


class Shadows(NamedTuple):
    """What a shadow row makes."""

    records: tuple[ShadowRecord, ...]  #: empty where an id is not known yet
    zone: str  #: the zone that the row's times were written in; empty where none was named


def read_shadows(fields: Fields, rules: Rules) -> Shadows | None:
    """Make the records of a shadow row. None: problems were noted."""
    schedule_id = fields.identify("schedule_id", rules.references.schedule)
    shadowable_type: Shadowable | None = fields.required("shadowable_type", read_shadowable, "User")
    shadowable_id = _read_shadowable_id(fields, rules, shadowable_type)
    users = _read_users(fields, rules)
    is_rotating = fields.is_filled("rotation")
    # Where the members cannot be read the times are read all the same, for their own faults.
    spans = read_spans(fields, rules, len(users or ()) or 1 if is_rotating else 0)
    if schedule_id is None or shadowable_type is None or shadowable_id is None or users is None or spans is None:
        return None
    if isinstance(schedule_id, Waiting) or isinstance(shadowable_id, Waiting) or _WAITING in users:
        return Shadows((), spans.zone)
    records = tuple(
        ShadowRecord(
            schedule_id=schedule_id,
            shadowable_type=shadowable_type,
            shadowable_id=shadowable_id,
            shadow_user_id=users[turn.member],
            starts_at=turn.shift.starts_at,
            ends_at=turn.shift.ends_at,
        )
        for turn in spans.turns
    )
    if rules.now is not None:
        _judge(fields, records, rules.now, rules.mapping.checks)
    return Shadows(records, spans.zone)


def read_shadowable(text: str) -> Shadowable | Unreadable:
    """Read a cell of the column `shadowable_type`."""
    return _SHADOWABLES.get(text.casefold()) or _NO_TYPE


_WAITING = 0  # no user's id: it stands for one that is not known yet


def _read_shadowable_id(fields: Fields, rules: Rules, shadowable_type: Shadowable | None) -> str | Waiting | None:
    is_schedule = shadowable_type == "Schedule"
    parse = rules.references.schedule if is_schedule else rules.references.shadowed_user
    shadowable_id = fields.identify("shadowable_id", parse)
    if shadowable_type == "User" and isinstance(shadowable_id, str) and not shadowable_id.isdigit():
        hint = "compare it: user ids are whole numbers"
        fields.warn("shadowable_id", ", which does not look like a user's id", hint, "odd user id")
    return shadowable_id


def _read_users(fields: Fields, rules: Rules) -> tuple[int, ...] | None:
    """Read who shadows: one user, or the members of a rotation; 0 stands for one whose id is not known yet."""
    if fields.is_filled("rotation"):
        return _read_members(fields, rules)
    user = fields.identify("shadow_user_id", rules.references.shadowing_user)
    if user is None:
        return None
    return (_WAITING if isinstance(user, Waiting) else user,)


def _read_members(fields: Fields, rules: Rules) -> tuple[int, ...] | None:
    if fields.is_filled("shadow_user_id") and not fields.has_problem("rotation"):
        hint = "keep one of them: a rotation says who shadows"
        fields.note("rotation", "rotation and shadow_user_id are both filled", hint, "rotation beside shadow_user_id")
    members = None if fields.has_problem("rotation") else fields.optional("rotation", read_rotation)
    users = {text: _read_member(fields, rules, text) for text in dict.fromkeys(members or ())}
    found = tuple(user for text in members or () if (user := users[text]) is not None)
    if len(users) == 1 and found:
        reason, hint = ", in which nobody takes turns: it has one member only", "add who else takes turns"
        fields.warn("rotation", reason, hint, "one member only")
    return found if found and None not in users.values() else None


def _read_member(fields: Fields, rules: Rules, text: str) -> int | None:
    user = rules.references.shadowing_user(text)
    if isinstance(user, Unreadable):
        message = f"rotation has {quote(text)}{user.reason}"
        fields.note("rotation", message, user.hint or _ROTATION_RIGHT, f"rotation: {user.topic}")
        return None
    if isinstance(user, Waiting):
        fields.refer("rotation", text, user.what)
        return _WAITING
    return user


def _judge(fields: Fields, records: tuple[ShadowRecord, ...], now: datetime, checks: Checks) -> None:
    """Say what is odd about the records of a row; of each sort once."""
    told = set()
    for record in records:
        for name, column, fault in check_sense(record, now):
            level = getattr(checks, name)
            if level is Level.OFF or name in told:
                continue
            told.add(name)
            filled = _filled(fields, column)
            if level is Level.PROBLEM:
                fields.fault(filled, fields.text(filled), fault)
            else:
                fields.warn(filled, fault.reason, fault.hint, fault.topic)


def _filled(fields: Fields, column: str) -> str:
    """Give the column that really says what `column` stands for."""
    stand_ins = {"ends_at": ("duration", "repeat", "rotation", "starts_at"), "shadow_user_id": ("rotation",)}
    if fields.is_filled(column):
        return column
    return next(filter(fields.is_filled, stand_ins.get(column, ())), column)
