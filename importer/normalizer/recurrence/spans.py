"""When a shadow row's shifts are: one from start to end, or as many as it repeats or rotates."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from importer.normalizer.recurrence.expand import Misfit, Series, Shift, Turn, expand
from importer.normalizer.recurrence.rrule import read_repeat, read_until
from importer.normalizer.times.date_times import read_instant, read_moment
from importer.normalizer.times.durations import read_duration
from importer.normalizer.times.moments import to_instant
from importer.normalizer.times.zones import load_zone, read_zone
from importer.normalizer.unreadable import Unreadable
from importer.quoting import quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.normalizer.fields import Fields, RowRules
    from importer.normalizer.times.durations import Duration
    from importer.normalizer.times.moments import Moment, TimeRules


_STAND_IN = load_zone("UTC")
_SERIES_COLUMNS = ("duration", "repeat", "rotation", "until")
_TIME_COLUMNS = ("timezone", "starts_at", "ends_at", *_SERIES_COLUMNS)


class Spans(NamedTuple):
    """When a row's shifts are."""

    turns: tuple[Turn, ...]
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
    return None if turns is None else Spans(turns, zone.key if zone else "")


def _counts(fields: Fields, column: str, members: int) -> bool:
    """Tell whether a column says something of this row; defaults give way to what the row itself says."""
    if not fields.is_filled(column) or (column == "duration" and fields.gives_way("duration", "ends_at")):
        return False
    is_repeating = members or fields.is_filled("repeat")
    return column != "until" or bool(is_repeating) or not fields.is_default("until")


def _read_span(fields: Fields, rules: RowRules, zone: ZoneInfo | None) -> tuple[Turn, ...] | None:
    parse = partial(read_instant, zone=zone, rules=rules.times)
    starts_at = fields.required("starts_at", parse)
    ends_at = fields.required("ends_at", parse)
    if starts_at is None or ends_at is None or fields.has_problem("timezone"):
        return None
    if ends_at > starts_at:
        return (Turn(Shift(starts_at, ends_at), 0),)
    reason = f", which is not after starts_at {quote(fields.text('starts_at'))}"
    hint = "write a time after starts_at, or swap the two"
    fields.fault("ends_at", fields.text("ends_at"), Unreadable(reason, hint, "end not after the start"))
    return None


def _read_series(fields: Fields, rules: RowRules, zone: ZoneInfo | None, members: int) -> tuple[Turn, ...] | None:
    parse = partial(_read_existing, zone=zone, rules=rules.times)
    start = fields.required("starts_at", parse)
    end = _read_end(fields, parse, is_open=bool(members))
    rule = fields.optional("repeat", read_repeat)
    until = rules.until
    if _counts(fields, "until", members):
        until = fields.optional("until", partial(read_until, rules=rules.times))
    is_repeating = members or fields.is_filled("repeat")
    if _counts(fields, "until", members) and not is_repeating and not fields.has_problem("until"):
        topic = "until: the row does not repeat"
        fields.note("until", "until is filled, and the row does not repeat", "fill in repeat, or empty until", topic)
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
            hint = "keep one of them"
            fields.note("duration", "duration and ends_at are both filled", hint, "duration beside ends_at")
        return duration
    return fields.optional("ends_at", parse) if is_open else fields.required("ends_at", parse)


def _expand(fields: Fields, series: Series) -> tuple[Turn, ...] | None:
    made = expand(series)
    if not isinstance(made, Misfit):
        return made
    column, fault = made
    fields.fault(column, fields.text(column), fault)
    return None
