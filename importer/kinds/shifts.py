"""What the kinds share that are spans of time on a Rootly schedule: columns, who takes turns, when, what is odd.

Knows no kind of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from importer.cells import BLANKS
from importer.kinds.kind import Ambiguity, Column, option
from importer.normalizer.recurrence.spans import read_spans
from importer.normalizer.references import Waiting
from importer.normalizer.times.zones import ZONE_RIGHT, read_zone
from importer.normalizer.unreadable import Unreadable
from importer.quoting import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from importer.normalizer.fields import Fields, RowRules
    from importer.normalizer.plausibility import Implausibility
    from importer.normalizer.recurrence.expand import Shift


# ---- columns


SCHEDULE_ID: Final = Column(
    "schedule_id",
    "write the name or the id of a Rootly schedule, such as 3f6c1b1e-52a4-4f0e-9d0e-6f5b8a7c2d10",
    headers="rootlyscheduleid rootlyschedule",
    headers_of_kind="schedule oncallschedule oncallscheduleid rota rotaid",
    names="schedulename rotaname",
)
TIME_COLUMNS: Final = (
    Column(
        "starts_at",
        "write date, time of day and offset, such as 2027-03-01T08:00:00Z",
        headers="start starts startat starton startson startdate starttime startdatetime startdateandtime"
        " from begin begins beginsat shadowstart shiftstart",
        is_moment=True,
    ),
    Column(
        "ends_at",
        "write date, time of day and offset, such as 2027-03-01T16:00:00Z",
        headers="end ends endat endon endson enddate endtime enddatetime enddateandtime to shadowend shiftend",
        is_moment=True,
        unless=("duration", "rotation"),
    ),
    option("duration", "write how long it lasts, such as 8h, 1d or PT8H", headers="shiftduration"),
    option(
        "repeat",
        "write how often, such as weekly, or a rule such as FREQ=WEEKLY;COUNT=12",
        headers="repeats recurrence recurrencerule repeatrule rrule",
        choices=("daily", "weekdays", "weekly", "biweekly", "monthly"),
        is_open=True,
    ),
    option(
        "until",
        "write the last day of the repetition, such as 2027-06-30",
        headers="repeatuntil repeatsuntil",
        is_moment=True,
    ),
    option(
        "rotation",
        "write who takes turns, separated by commas, such as 101, 112, 113; none for a turn that nobody takes",
    ),
    option(
        "timezone",
        ZONE_RIGHT,
        headers="tz tzid timezoneid timezonename ianatimezone",
        read=read_zone,
    ),
)


def _doubt(headers: str, column: str, confidence: int, why: str) -> dict[str, tuple[Ambiguity, ...]]:
    return dict.fromkeys(headers.split(), (Ambiguity(column, confidence, why),))


_IN_UTC = "its times seem to be UTC; set the default timezone to UTC, too"
DOUBTFUL_TIMES: Final[Mapping[str, tuple[Ambiguity, ...]]] = {
    **_doubt("startutc startsatutc starttimeutc utcstart", "starts_at", 85, _IN_UTC),
    **_doubt("endutc endsatutc endtimeutc utcend", "ends_at", 85, _IN_UTC),
    **_doubt("till finish", "ends_at", 75, "it could be the end"),
    **_doubt("length hours", "duration", 60, "it could be how long it lasts"),
    **_doubt("zone", "timezone", 70, "it could be the time zone"),
    **_doubt("frequency every repeating recurring howoften cadence", "repeat", 75, "it could be how often it repeats"),
}


# ---- the column `rotation`: who takes turns


MOST_MEMBERS = 1000  #: a row makes no more shifts

_TOPIC = "rotation that cannot be read"
_RIGHT = "write the members in their order with a comma between them, such as ann@example.com, bob@example.com"
_SEPARATOR = re.compile("[,;]")
_SEPARATORS = (",", ";")


def read_rotation(text: str) -> tuple[str, ...] | Unreadable:
    """Read a cell of the column `rotation`: members with commas, semicolons or line breaks between them, 1,000 at most.

    A member may come again: then it has so many turns in a round; `none` is a turn that nobody takes. Empty lines do
    not count; an empty place between two commas is a fault, for it could be somebody who is missing.
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


# ---- a row's shifts


_ROTATION_RIGHT = "write each member as a number, an e-mail address or a full name"
_WAITING = 0  # no user's id: it stands for one that is not known yet
_NOBODY = -1  # no user's id: a turn that nobody takes
_NOBODY_WORDS = frozenset({"none", "nobody", "no one"})  # Opsgenie's participant `none`
_ONE_MEMBER = Unreadable(
    ", in which nobody takes turns: it has only one member", "Add who else takes turns.", "only one member"
)


class UserShifts(NamedTuple):
    """Which user has which shifts, by a row."""

    shifts: tuple[tuple[int, Shift], ...]  #: empty where a user's id is not known yet
    zone: str  #: the zone that the row's times were written in; empty where none was named


def read_user_shifts(fields: Fields, rules: RowRules, column: str) -> UserShifts | None:
    """Read whose shifts a row's are, and when they are: of the user in a column, or of who rotates.

    None: problems were noted.
    """
    users = _read_users(fields, rules, column)
    is_rotating = fields.is_filled("rotation")
    # Where the members cannot be read the times are read all the same, for their own faults.
    spans = read_spans(fields, rules, len(users or ()) or 1 if is_rotating else 0)
    if users is None or spans is None:
        return None
    if _WAITING in users:
        return UserShifts((), spans.zone)
    shifts = ((users[turn.member], turn.shift) for turn in spans.turns)
    return UserShifts(tuple((user, shift) for user, shift in shifts if user != _NOBODY), spans.zone)


def _read_users(fields: Fields, rules: RowRules, column: str) -> tuple[int, ...] | None:
    """Read whose shifts they are; 0 stands for a user whose id is not known yet."""
    if fields.is_filled("rotation"):
        return _read_members(fields, rules, column)
    user = fields.identify(column, rules.references.shadowing_user)
    if user is None:
        return None
    return (_WAITING if isinstance(user, Waiting) else user,)


def _read_members(fields: Fields, rules: RowRules, column: str) -> tuple[int, ...] | None:
    if fields.is_filled(column) and not fields.has_problem("rotation"):
        words = f"{fields.name('rotation')} and {fields.name(column)} are both filled"
        fields.note("rotation", words, "Keep one of them: a rotation says whose turn it is.", words)
    members = None if fields.has_problem("rotation") else fields.optional("rotation", read_rotation)
    users = {text: _read_member(fields, rules, text) for text in dict.fromkeys(members or ())}
    found = tuple(user for text in members or () if (user := users[text]) is not None)
    if len(users) == 1 and found:
        fields.judge("one_member", "rotation", _ONE_MEMBER)
    if found and set(found) == {_NOBODY}:
        fields.fault("rotation", fields.text("rotation"), Unreadable(", which has no member", _RIGHT, _TOPIC))
    return found if found and None not in users.values() else None


def _read_member(fields: Fields, rules: RowRules, text: str) -> int | None:
    if text.casefold() in _NOBODY_WORDS:
        return _NOBODY
    user = rules.references.shadowing_user(fields.stands_for("rotation", text))
    if isinstance(user, Unreadable):
        name = fields.name("rotation")
        message = f"{name} has {quote(text)}{user.reason}"
        fields.note("rotation", message, user.hint or _ROTATION_RIGHT, f"{name}: {user.topic}")
        return None
    if isinstance(user, Waiting):
        fields.refer("rotation", fields.stands_for("rotation", text), user.what)
        return _WAITING
    return user


# ---- what is odd about shifts


def judge(fields: Fields, found: Iterable[Implausibility]) -> None:
    """Note what is odd about the shifts of a row; each kind of oddity once."""
    told = set()
    for check, column, fault in found:
        if check not in told:
            told.add(check)
            fields.judge(check, _filled(fields, column), fault)


def _filled(fields: Fields, column: str) -> str:
    """Return the column that really says what `column` stands for."""
    stand_ins = {"ends_at": ("duration", "repeat", "rotation", "starts_at")}
    if fields.is_filled(column):
        return column
    return next(filter(fields.is_filled, stand_ins.get(column, ("rotation",))), column)
