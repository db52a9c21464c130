"""Shared by the kinds that are shifts on a Rootly schedule: their columns, rotation, start and end, oddities.

Knows no single kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from importer.cells import BLANKS, Unreadable
from importer.kinds import Ambiguity, Column, KeyPart, Made, Removal, UserShift, doubt, option
from importer.normalizer.date_times import read_instant as read_time
from importer.normalizer.date_times import read_moment
from importer.normalizer.fields import Fields, Implausibility
from importer.normalizer.mapping import Rules
from importer.normalizer.occurrences import Misfit, Series, Shift, expand
from importer.normalizer.plausibility import find_drift
from importer.normalizer.recurrence_text import Duration, is_once, read_duration, read_repeat, read_until
from importer.normalizer.references import Waiting
from importer.normalizer.zones import (
    ZONE_RIGHT,
    Moment,
    TimeRules,
    contradicted_zone,
    describe_contradiction,
    describe_other_zone,
    load_zone,
    read_zone,
    to_instant,
    zone_in,
)
from importer.records import Key, Record, TargetName
from importer.targets.rootly import (
    is_missing,
    list_path,
    make_request,
    object_path,
    read_instant,
    read_object,
    read_page,
    show_differences,
    write_instant,
)
from importer.targets.target import Request
from importer.wording import quote

# ---- columns


SCHEDULE_ID: Final = Column(
    "schedule_id",
    "write the name or the id of a Rootly schedule, such as 3f6c1b1e-52a4-4f0e-9d0e-6f5b8a7c2d10",
    ids_of="schedule",
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
        ids_of="user",
        is_list=True,
    ),
    option("timezone", ZONE_RIGHT, headers="tz tzid timezoneid timezonename ianatimezone", read=read_zone),
)


_IN_UTC = "its times seem to be UTC; set the default timezone to UTC, too"
DOUBTFUL_TIMES: Final[Mapping[str, tuple[Ambiguity, ...]]] = {
    **doubt("startutc startsatutc starttimeutc utcstart", Ambiguity("starts_at", 85, _IN_UTC)),
    **doubt("endutc endsatutc endtimeutc utcend", Ambiguity("ends_at", 85, _IN_UTC)),
    **doubt("till finish", Ambiguity("ends_at", 75, "it could be the end")),
    **doubt("length hours", Ambiguity("duration", 60, "it could be how long it lasts")),
    **doubt("zone", Ambiguity("timezone", 70, "it could be the time zone")),
    **doubt(
        "frequency every repeating recurring howoften cadence",
        Ambiguity("repeat", 75, "it could be how often it repeats"),
    ),
}


# ---- the column `rotation`: who takes turns


MOST_MEMBERS = 1000  #: a row makes at most as many shifts

_TOPIC = "rotation that cannot be read"
_RIGHT = "write the members in their order with a comma between them, such as ann@example.com, bob@example.com"
_SEPARATOR = re.compile("[,;]")
_SEPARATORS = (",", ";")


def read_rotation(text: str) -> tuple[str, ...] | Unreadable:
    """Read a cell of the column `rotation`: members separated by commas, semicolons or line breaks, 1,000 at most.

    A repeated member has several turns in a round; `none` is a turn without anybody. Empty lines do not count; nothing
    between two commas is a fault, because somebody could be missing there.
    """
    lines = [line for line in (line.strip(BLANKS) for line in text.splitlines()) if line]
    # A separator at the end of a line is part of the line break.
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
_WAITING = 0  # not a user's id: a placeholder for one that is not known yet
_NOBODY = -1  # not a user's id: a turn without anybody
_NOBODY_WORDS = frozenset({"none", "nobody", "no one"})  # Opsgenie's participant `none`
_ONE_MEMBER = Unreadable(
    ", in which nobody takes turns: it has only one member", "Add who else takes turns.", "only one member"
)


def read_shifts(
    fields: Fields,
    rules: Rules,
    values: Mapping[str, Any],
    column: str,
    record: type[Record],
    find: Callable[[Any, datetime | None], list[Implausibility]],
) -> Made | None:
    """Make a row's records, one for each shift of the user, or of the rotation. None: problems were noted.

    `values` are the other values of each record, by column; `find` finds what is implausible about a record.
    """
    users = _read_users(fields, rules, column)
    is_rotating = fields.is_filled("rotation")
    # If the members cannot be read the times are still read, to find their faults too.
    spans = _read_spans(fields, rules, len(users or ()) or 1 if is_rotating else 0)
    if users is None or spans is None or None in values.values():
        return None
    turns, zone = spans
    if _WAITING in users or any(isinstance(value, Waiting) for value in values.values()):
        return Made((), zone)
    shifts = ((users[turn.member], turn.starts_at, turn.ends_at) for turn in turns if users[turn.member] != _NOBODY)
    records = tuple(
        record(**values, **{column: user, "starts_at": start, "ends_at": end}) for user, start, end in shifts
    )
    _judge(fields, (odd for one in records for odd in find(one, rules.now)))
    return Made(records, zone)


def _read_users(fields: Fields, rules: Rules, column: str) -> tuple[int, ...] | None:
    """Read whose shifts these are; 0 stands for a user whose id is not known yet."""
    if fields.is_filled("rotation"):
        return _read_members(fields, rules, column)
    user = fields.identify(column, rules.references.shadowing_user)
    if user is None:
        return None
    return (_WAITING if isinstance(user, Waiting) else user,)


def _read_members(fields: Fields, rules: Rules, column: str) -> tuple[int, ...] | None:
    if fields.is_filled(column) and not fields.has_problem("rotation"):
        words = f"{fields.name('rotation')} and {fields.name(column)} are both filled"
        fields.note("rotation", words, _keep_one(fields, "rotation", "A rotation says whose turn it is"), words)
    members = None if fields.has_problem("rotation") else fields.optional("rotation", read_rotation)
    users = {text: _read_member(fields, rules, text) for text in dict.fromkeys(members or ())}
    found = tuple(user for text in members or () if (user := users[text]) is not None)
    if len(users) == 1 and found:
        fields.judge("one_member", "rotation", _ONE_MEMBER)
    if found and set(found) == {_NOBODY}:
        fields.fault("rotation", Unreadable(", which has no member", _RIGHT, _TOPIC))
    return found if found and None not in users.values() else None


def _keep_one(fields: Fields, column: str, words: str) -> str:
    header = fields.name(column)
    return f'{words}; if the column {header} is not meant, leave it out by "{header}" = "" in a mapping file.'


def _read_member(fields: Fields, rules: Rules, text: str) -> int | None:
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


# ---- when the shifts are: one from start to end, or several if the row repeats or rotates


_FIXED_OFFSET = Unreadable(
    ", and the row repeats without a time zone: every shift keeps this offset, so where summer time changes the clock "
    "they start an hour earlier or later than the first by local time",
    "Name the zone in a column timezone, such as Europe/Berlin, if the shifts keep their local time.",
    "repetition at a fixed offset",
)
_DAY = timedelta(days=1)
_STAND_IN = load_zone("UTC")
_TIME_COLUMNS = ("timezone", "starts_at", "ends_at", "duration", "repeat", "rotation", "until")


def _read_spans(fields: Fields, rules: Rules, members: int) -> tuple[tuple[Shift, ...], str] | None:
    """Read the times of a row's shifts, and its zone; `members` is 0 without a rotation. None: problems were noted."""
    zone = fields.optional("timezone", read_zone, rules.zone)
    is_zone_wrong = zone is None and fields.has_problem("timezone")
    # If the zone is wrong the times are still read, to find their faults too.
    used = _STAND_IN if is_zone_wrong else zone
    turns = _read_series(fields, rules, used, members)
    if turns is None:
        return None
    # An option's or default zone applies only to times without an offset, so no offset contradicts it.
    is_own = fields.is_filled("timezone") and not fields.is_default("timezone")
    for column in ("starts_at", "ends_at"):
        _judge_offset(fields, column, rules.mapping.times, zone if is_own else None)
        named, moment = zone_in(fields.name(column)), read_moment(fields.text(column), rules.mapping.times)
        if isinstance(moment, Moment) and (odd := describe_other_zone(moment, zone, named)):
            fields.judge("offset", column, odd)
    return turns, zone.key if zone else ""


def _judge_offset(fields: Fields, column: str, rules: TimeRules, own: ZoneInfo | None) -> None:
    text = fields.text(column)
    if not text or (own is None and "[" not in text):
        return
    moment = read_moment(text, rules)
    if not isinstance(moment, Unreadable) and (odd := contradicted_zone(moment, own)) is not None:
        fields.judge("offset", column, describe_contradiction(moment, odd))


def _counts(fields: Fields, column: str, members: int) -> bool:
    """Return whether a column says something about this row; defaults give way to the row's own cells."""
    if not fields.is_filled(column) or (column == "duration" and fields.gives_way("duration", "ends_at")):
        return False
    if column == "repeat":
        return not is_once(fields.text("repeat"))
    is_repeating = members or _counts(fields, "repeat", members)
    return column != "until" or bool(is_repeating) or not fields.is_default("until")


def _read_series(fields: Fields, rules: Rules, zone: ZoneInfo | None, members: int) -> tuple[Shift, ...] | None:
    parse = partial(_read_existing, zone=zone, rules=rules.mapping.times)
    start = fields.required("starts_at", parse)
    end = _read_end(fields, parse, is_open=bool(members))
    is_repeating = _counts(fields, "repeat", members)
    rule = fields.optional("repeat", read_repeat) if is_repeating else None
    until = rules.until
    if _counts(fields, "until", members):
        until = fields.optional("until", partial(read_until, rules=rules.mapping.times))
        if not (members or is_repeating or fields.has_problem("until")):
            words = f"{fields.name('until')} is filled, but the row does not repeat"
            fields.note("until", words, "Fill in repeat, or empty until.", words)
    if start is None or any(map(fields.has_problem, _TIME_COLUMNS)):
        return None
    if isinstance(end, Moment):
        end = _end_after(fields, start, end, zone, rules.mapping.times)
        if end is None:
            return None
    return _expand(fields, Series(start, end, zone, rule, until, members, rules.mapping.times))


def _read_existing(text: str, zone: ZoneInfo | None, rules: TimeRules) -> Moment | Unreadable:
    """Read a time that must exist in its zone."""
    instant = read_time(text, zone, rules)
    return instant if isinstance(instant, Unreadable) else read_moment(text, rules)


def _read_end(
    fields: Fields, parse: Callable[[str], Moment | Unreadable], *, is_open: bool
) -> Moment | Duration | None:
    """Read how long the first shift lasts; for hand-overs it may be left open."""
    if _counts(fields, "duration", 0):
        duration = fields.optional("duration", read_duration)
        is_end_default = fields.gives_way("ends_at", "duration")
        if fields.is_filled("ends_at") and not is_end_default and not fields.has_problem("duration"):
            words = f"{fields.name('duration')} and {fields.name('ends_at')} are both filled"
            fields.note("duration", words, _keep_one(fields, "duration", "Keep one of them"), words)
        return duration
    return fields.optional("ends_at", parse) if is_open else fields.required("ends_at", parse)


def _end_after(fields: Fields, start: Moment, end: Moment, zone: ZoneInfo | None, rules: TimeRules) -> Moment | None:
    """Return the end of the first shift, on the next day if start and end share a date.

    None if it is not after the start, which was noted.
    """
    starts_at, ends_at = (to_instant(one, zone, rules) for one in (start, end))
    if isinstance(starts_at, Unreadable) or isinstance(ends_at, Unreadable) or ends_at > starts_at:
        return end
    next_day = end._replace(local=end.local + _DAY)
    if fields.is_one_day():
        return next_day
    hint = "Write an end after the start, or swap the two."
    likely = to_instant(next_day, zone, rules)
    if not isinstance(likely, Unreadable) and starts_at < likely <= starts_at + _DAY:
        midnight = f", or {end.local:%Y-%m-%d} 24:00" if end.local.time() == time.min else ""
        hint = f"Write {next_day.local:%Y-%m-%d %H:%M}{midnight} if the shift ends on the next day."
    reason = f", which is not after {fields.name('starts_at')} {quote(fields.text('starts_at'))}"
    fields.fault("ends_at", Unreadable(reason, hint, "end not after the start"))
    return None


def _expand(fields: Fields, series: Series) -> tuple[Shift, ...] | None:
    made = expand(series)
    if isinstance(made, Misfit):
        column, fault = made
        fields.fault(column, fault)
        return None
    if (odd := find_drift(series, made)) is not None:
        fields.judge("exact_hours", "duration", odd)
    start = series.start
    if series.zone is None and start.offset is not None and start.place != "UTC" and len(made) > 1:
        fields.judge("fixed_offset", "starts_at", _FIXED_OFFSET)
    return made


# ---- what is odd about shifts


def _judge(fields: Fields, found: Iterable[Implausibility]) -> None:
    """Note what is implausible about a row's shifts, each kind once."""
    seen = set()
    for check, column, fault in found:
        if check not in seen:
            seen.add(check)
            fields.judge(check, _filled(fields, column), fault)


def _filled(fields: Fields, column: str) -> str:
    """Return the filled column that gives the value of `column`."""
    stand_ins = {"ends_at": ("duration", "repeat", "rotation", "starts_at")}
    if fields.is_filled(column):
        return column
    return next(filter(fields.is_filled, stand_ins.get(column, ("rotation",))), column)


# ---- at Rootly


def at_rootly(
    collection: str,
    resource: str,
    readers: Mapping[str, Callable[[Any], str | int]],
    shadowed: Callable[[Key], KeyPart] | None = None,
) -> dict[str, Any]:
    """Return the part of a `RecordKind` that says what its key is and what the target does with it.

    A key is the schedule's id and a value for each of `readers`, which read an answer's attributes; the last three are
    whose shift it is, start and end. `resource` is the type of a POST in JSON:API, `shadowed` whom or what the user
    shadows.
    """
    *_, user, _, _ = readers

    def subjects(key: Key) -> tuple[KeyPart, ...]:
        others = (shadowed(key),) if shadowed else ()
        return KeyPart("schedule_id", "schedule", str(key[0])), *others, KeyPart(user, "user", str(key[-3]), "person")

    def shift(key: Key) -> UserShift:
        one = shadowed(key) if shadowed else None
        words = f"{one.what.capitalize()} {one.id}" if one else ""
        return UserShift(str(key[0]), words, str(key[-3]), int(key[-2]), int(key[-1]))

    def make(key: Key) -> Request:
        schedule_id, *values = key
        attributes = {
            name: write_instant(value) if read is read_instant else value
            for (name, read), value in zip(readers.items(), values, strict=True)
        }
        return make_request(str(schedule_id), collection, resource, attributes)

    def read_key(attributes: Mapping[str, Any], schedule_id: str) -> Key | None:
        """Read an object's key; None if a value is missing that all of ours have.

        An object without a user, such as one that a schedule is assigned to, is none of ours but has its time: its user
        is an empty text.

        Raises:
            ValueError: a value cannot be read, so the object may or may not be ours.
        """
        values = [attributes.get(name) for name in readers]
        *_, user, _, _ = values  # as in every key of a shift
        if values.count(None) > (user is None):
            return None
        pairs = zip(readers.values(), values, strict=True)
        return (schedule_id, *["" if value is None else read(value) for read, value in pairs])

    read = partial(read_object, read_key=read_key)
    return {
        "shift": shift,
        "subjects": subjects,
        "summed_by": len(readers) - 2,
        "target": TargetName.ROOTLY,
        "scope": lambda key: str(key[0]),
        "request": make,
        "read_created": read,
        "object_path": partial(object_path, collection),
        "list_path": partial(list_path, collection),
        "read_page": partial(read_page, collection=collection, read_key=read_key),
        "removal": Removal(
            read=partial(read, was_listed=True),
            is_missing=is_missing,
            span=lambda key: (int(key[-2]), int(key[-1])),
            is_shortened=lambda sent, found: sent[:-1] == found[:-1] and int(found[-1]) < int(sent[-1]),
            differences=partial(show_differences, ("schedule_id", *readers)),
        ),
    }
