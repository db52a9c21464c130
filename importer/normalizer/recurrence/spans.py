"""When a shadow row's shifts are: one from start to end, or as many as it repeats or rotates."""

from __future__ import annotations

from datetime import time, timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from importer.normalizer.recurrence.expand import AssignedShift, Misfit, Series, Shift, expand, find_drift
from importer.normalizer.recurrence.rrule import is_once, read_repeat, read_until
from importer.normalizer.times.date_times import read_instant, read_moment
from importer.normalizer.times.durations import read_duration
from importer.normalizer.times.moments import Moment, to_instant
from importer.normalizer.times.zones import find_contradiction, load_zone, read_zone
from importer.normalizer.unreadable import Unreadable
from importer.quoting import quote

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from importer.normalizer.fields import Fields, RowRules
    from importer.normalizer.times.durations import Duration
    from importer.normalizer.times.moments import TimeRules


_FIXED_OFFSET = Unreadable(
    ", and the row repeats without a time zone: every shift keeps this offset, so where summer time changes the clock "
    "they start an hour earlier or later than the first by local time",
    "Name the zone in a column timezone, such as Europe/Berlin, if the shifts keep their local time.",
    "repetition at a fixed offset",
)
_DAY = timedelta(days=1)
_STAND_IN = load_zone("UTC")
_SERIES_COLUMNS = ("duration", "repeat", "rotation", "until")
_TIME_COLUMNS = ("timezone", "starts_at", "ends_at", *_SERIES_COLUMNS)


class Spans(NamedTuple):
    """When a row's shifts are."""

    turns: tuple[AssignedShift, ...]
    zone: str  #: the zone that its times were written in; empty where none was named


def read_spans(fields: Fields, rules: RowRules, members: int) -> Spans | None:
    """Read a row's times; `members` rotate, 0 where nobody does. None: problems were noted."""
    zone = fields.optional("timezone", read_zone, rules.zone)
    is_zone_wrong = zone is None and fields.has_problem("timezone")
    # Where the zone is wrong the times are read all the same, for their own faults.
    used = _STAND_IN if is_zone_wrong else zone
    if members or any(_counts(fields, column, members) for column in _SERIES_COLUMNS):
        turns = _read_series(fields, rules, used, members)
    else:
        turns = _read_span(fields, rules, used)
    if turns is None:
        return None
    # An option's zone, or a default, is only for times without an offset: no offset contradicts it.
    is_own = fields.is_filled("timezone") and not fields.is_default("timezone")
    for column in ("starts_at", "ends_at"):
        _judge_offset(fields, column, rules.times, zone if is_own else None)
    return Spans(turns, zone.key if zone else "")


def _judge_offset(fields: Fields, column: str, rules: TimeRules, own: ZoneInfo | None) -> None:
    text = fields.text(column)
    if not text or (own is None and "[" not in text):
        return
    moment = read_moment(text, rules)
    if not isinstance(moment, Unreadable) and (odd := find_contradiction(moment, own)) is not None:
        fields.judge("offset", column, odd)


def _counts(fields: Fields, column: str, members: int) -> bool:
    """Return whether a column says something about this row; defaults give way to what the row itself says."""
    if not fields.is_filled(column) or (column == "duration" and fields.gives_way("duration", "ends_at")):
        return False
    if column == "repeat":
        return not is_once(fields.text("repeat"))
    is_repeating = members or _counts(fields, "repeat", members)
    return column != "until" or bool(is_repeating) or not fields.is_default("until")


def _read_span(fields: Fields, rules: RowRules, zone: ZoneInfo | None) -> tuple[AssignedShift, ...] | None:
    parse = partial(read_instant, zone=zone, rules=rules.times)
    starts_at = fields.required("starts_at", parse)
    ends_at = fields.required("ends_at", parse)
    if starts_at is None or ends_at is None or fields.has_problem("timezone"):
        return None
    if ends_at <= starts_at and fields.is_one_day():
        ends_at = fields.required("ends_at", partial(_read_next_day, zone=zone, rules=rules.times))
        if ends_at is None:
            return None
    if ends_at > starts_at:
        return (AssignedShift(Shift(starts_at, ends_at), 0),)
    reason = f", which is not after {fields.name('starts_at')} {quote(fields.text('starts_at'))}"
    end = Unreadable(reason, _hint_end(fields, rules, zone, starts_at), "end not after the start")
    fields.fault("ends_at", fields.text("ends_at"), end)
    return None


def _read_next_day(text: str, zone: ZoneInfo | None, rules: TimeRules) -> datetime | Unreadable:
    """Read a time of day that is on the day after the date before it."""
    moment = read_moment(text, rules)
    if isinstance(moment, Unreadable):
        return moment
    return to_instant(moment._replace(local=moment.local + _DAY), zone, rules)


def _hint_end(fields: Fields, rules: RowRules, zone: ZoneInfo | None, starts_at: datetime) -> str:
    """Return the likely right end of a shift that ends before it starts: the same time on the next day."""
    moment = read_moment(fields.text("ends_at"), rules.times)
    next_day = _read_next_day(fields.text("ends_at"), zone, rules.times)
    if (
        isinstance(moment, Unreadable)
        or isinstance(next_day, Unreadable)
        or not starts_at < next_day <= starts_at + _DAY
    ):
        return "Write an end after the start, or swap the two."
    likely = f"{moment.local + _DAY:%Y-%m-%d %H:%M}"
    midnight = f", or {moment.local:%Y-%m-%d} 24:00" if moment.local.time() == time.min else ""
    return f"Write {likely}{midnight} if the shift ends on the next day."


def _read_series(
    fields: Fields, rules: RowRules, zone: ZoneInfo | None, members: int
) -> tuple[AssignedShift, ...] | None:
    parse = partial(_read_existing, zone=zone, rules=rules.times)
    start = fields.required("starts_at", parse)
    end = _read_end(fields, parse, is_open=bool(members))
    if start and isinstance(end, Moment) and end.local <= start.local and fields.is_one_day():
        end = end._replace(local=end.local + _DAY)
    is_repeating = _counts(fields, "repeat", members)
    rule = fields.optional("repeat", read_repeat) if is_repeating else None
    until = rules.until
    if _counts(fields, "until", members):
        until = fields.optional("until", partial(read_until, rules=rules.times))
        if not (members or is_repeating or fields.has_problem("until")):
            words = f"{fields.name('until')} is filled, but the row does not repeat"
            fields.note("until", words, "Fill in repeat, or empty until.", words)
    if start is None or any(map(fields.has_problem, _TIME_COLUMNS)):
        return None
    return _expand(fields, Series(start, end, zone, rule, until, members, rules.times))


def _read_existing(text: str, zone: ZoneInfo | None, rules: TimeRules) -> Moment | Unreadable:
    """Read a time that must exist in its zone."""
    moment = read_moment(text, rules)
    if isinstance(moment, Unreadable):
        return moment
    instant = to_instant(moment, zone, rules)
    return instant if isinstance(instant, Unreadable) else moment


def _read_end(
    fields: Fields, parse: Callable[[str], Moment | Unreadable], *, is_open: bool
) -> Moment | Duration | None:
    """Read how long the first shift lasts; where hands are changed it may be left open."""
    if _counts(fields, "duration", 0):
        duration = fields.optional("duration", read_duration)
        is_end_default = fields.gives_way("ends_at", "duration")
        if fields.is_filled("ends_at") and not is_end_default and not fields.has_problem("duration"):
            words = f"{fields.name('duration')} and {fields.name('ends_at')} are both filled"
            fields.note("duration", words, "Keep one of them.", words)
        return duration
    return fields.optional("ends_at", parse) if is_open else fields.required("ends_at", parse)


def _expand(fields: Fields, series: Series) -> tuple[AssignedShift, ...] | None:
    made = expand(series)
    if isinstance(made, Misfit):
        column, fault = made
        fields.fault(column, fields.text(column), fault)
        return None
    if (odd := find_drift(series, made)) is not None:
        fields.judge("exact_hours", "duration", odd)
    start = series.start
    if series.zone is None and start.offset is not None and start.place != "UTC" and len(made) > 1:
        fields.judge("fixed_offset", "starts_at", _FIXED_OFFSET)
    return made
