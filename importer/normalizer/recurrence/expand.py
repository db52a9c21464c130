"""A row that repeats or rotates to its shifts, in local time across summer-time changes. Reads no text."""

from __future__ import annotations

from datetime import timedelta, timezone
from functools import lru_cache
from itertools import dropwhile, pairwise
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, weekday

from importer.normalizer.recurrence.series import Misfit, MisfitError, Series, Shift, Turn, is_past
from importer.normalizer.times.durations import Duration
from importer.normalizer.times.moments import LAST_YEAR, OUTSIDE, Moment
from importer.normalizer.times.times import to_instant
from importer.normalizer.unreadable import Unreadable
from importer.quoting import quote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from importer.normalizer.recurrence.rrule import Rule


# ---- The local times at which a rule comes. The only module that knows python-dateutil


_FREQUENCIES: Final[dict[str, Literal[0, 1, 2, 3]]] = {
    "DAILY": DAILY,
    "WEEKLY": WEEKLY,
    "MONTHLY": MONTHLY,
    "YEARLY": YEARLY,
}
# dateutil looks for the next date up to the year 9999, for seconds where a rule never comes. The calendar repeats
# itself every 400 years, weekdays included: so rules run 19 times 400 years later, and a search ends after 430 years.
_LATER = 7600
_MONTH_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def occurrences(rule: Rule, start: datetime) -> Iterator[datetime]:
    """Make the local times of a rule from `start` on, in order; its COUNT and UNTIL do not count here.

    The first is `start` only where the rule comes then. `start` lies in the years 1969 to 2201; the iterator ends
    in the year 2399 at the latest, however rarely the rule comes.
    """
    later = start.replace(year=start.year + _LATER)
    found = dropwhile(later.__gt__, _rrule(rule, later))
    return (local.replace(year=local.year - _LATER) for local in found)


def leaves_out(rule: Rule, start: datetime) -> bool:
    """Tell whether the rule takes its day from `start` and some month or year has no such day, as with the 31st."""
    if rule.names_day or rule.freq not in ("MONTHLY", "YEARLY"):
        return False
    months = rule.values("BYMONTH") or (range(1, 13) if rule.freq == "MONTHLY" else (start.month,))
    return start.day > min(_MONTH_LENGTHS[month - 1] for month in months)


def _rrule(rule: Rule, start: datetime) -> rrule:
    days = [weekday(day, number or None) for day, number in rule.days]
    # dateutil would take a week's every day for BYWEEKNO alone; RFC 5545 takes the day of the start.
    if not days and (rule.freq == "WEEKLY" or _has_week_alone(rule)):
        days = [weekday(start.weekday())]
    return rrule(
        _FREQUENCIES[rule.freq],
        dtstart=start - timedelta(days=(start.weekday() - rule.week_start) % 7) if rule.freq == "WEEKLY" else start,
        interval=rule.interval,
        wkst=rule.week_start,
        bysetpos=rule.values("BYSETPOS") or None,
        bymonth=rule.values("BYMONTH") or None,
        bymonthday=rule.values("BYMONTHDAY") or None,
        byyearday=rule.values("BYYEARDAY") or None,
        byweekno=rule.values("BYWEEKNO") or None,
        byweekday=days or None,
        byhour=rule.values("BYHOUR") or None,
        byminute=rule.values("BYMINUTE") or None,
        bysecond=rule.values("BYSECOND") or None,
    )


def _has_week_alone(rule: Rule) -> bool:
    return bool(rule.values("BYWEEKNO")) and not (rule.values("BYMONTHDAY") or rule.values("BYYEARDAY"))


# ---- A row that repeats or rotates to its shifts, in local time across summer-time changes. Reads no text


MOST_SHIFTS: Final = 1000  #: that one row may make

_MOVE = "take another time of day, or set twice and skipped below [times] in a mapping file"
_NOT_MATCHING = "start on which the repetition does not come"


class _Start(NamedTuple):
    local: datetime
    instant: datetime


@lru_cache(maxsize=64)  # the rows of a plan share their times; a thousand shifts take some 250 kB
def expand(series: Series) -> tuple[Turn, ...] | Misfit:
    """Make all shifts of a row in order of their starts, which are distinct; 1,000 at most.

    Starts keep their local time of day. An end given as a time keeps its distance on the local clock; of a duration
    the days count on the local clock, the seconds exactly (RFC 5545, 3.3.6). The members take turns.

    A misfit is a local time that the zone skips or has twice, unless `series.rules` choose, and whatever would make
    other shifts than were meant: a start on which the rule does not come, a rule without an end, too many shifts.
    """
    try:
        starts, following = _starts(series)
        ends = _ends(series, starts, following)
        _refuse_disorder(series, starts, ends)
    except MisfitError as error:
        return error.misfit
    shifts = (Shift(start.instant, end) for start, end in zip(starts, ends, strict=True))
    return tuple(Turn(shift, index % (series.members or 1)) for index, shift in enumerate(shifts))


def _starts(series: Series) -> tuple[list[_Start], datetime | None]:
    """Give the starts of all shifts, and the local time at which a further one would start, if ever."""
    first = _first(series)
    rule = series.repetition
    if rule is None:
        return [first], None
    _refuse_rule(series, rule, first.local)
    starts: list[_Start] = []
    for local in occurrences(rule, first.local):
        start = _start(series, rule, local, len(starts) + 1) if starts else _checked_first(series, rule, first, local)
        if start is None:
            return starts, local
        if len(starts) == MOST_SHIFTS:
            _refuse_too_many(series)
        starts.append(start)
    _refuse_scarcity(series, rule, len(starts))
    return starts, None


def _first(series: Series) -> _Start:
    instant = to_instant(series.start, series.zone, series.rules)
    if isinstance(instant, Unreadable):
        raise MisfitError("starts_at", instant.reason, instant.hint, instant.topic)
    return _Start(series.start.local if series.start.offset is None else series.local(instant), instant)


def _checked_first(series: Series, rule: Rule, first: _Start, local: datetime) -> _Start:
    """Give `first` back if the rule comes then; `local` is when it comes first."""
    if local != first.local:
        raise MisfitError(
            "starts_at",
            f", on which {quote(rule.text)} does not come: it comes first on {local:%A}, {local.isoformat()}",
            f"write {local.isoformat()} as the start, or change {series.repeat_column}",
            _NOT_MATCHING,
        )
    for bound in _bounds(series, rule):
        if is_past(bound, series, *first):
            raise MisfitError(
                "starts_at",
                f", which is after the end of the repetition, {_written(bound)}",
                "write an earlier start, or a later until",
                "start after the end of the repetition",
            )
    return first


def _start(series: Series, rule: Rule, local: datetime, number: int) -> _Start | None:
    """Place a further start in time; None where the series has ended before it."""
    if rule.count is not None and number > rule.count:
        return None
    instant = series.instant(local)
    if any(is_past(bound, series, local, instant) for bound in _bounds(series, rule)):
        return None
    if isinstance(instant, Unreadable):
        raise MisfitError("starts_at", f", and shift {number} starts on {_why(local, instant)}", _MOVE, instant.topic)
    return _Start(local, instant)


def _ends(series: Series, starts: list[_Start], following: datetime | None) -> list[datetime]:
    match series.end:
        case Moment() as end:
            return _ends_by_clock(series, starts, end)
        case Duration() as duration:
            return [_end_after(series, start, duration, number) for number, start in enumerate(starts, 1)]
        case None:
            return [start.instant for start in starts[1:]] + [_last_hand_over(series, following)]


def _ends_by_clock(series: Series, starts: list[_Start], end: Moment) -> list[datetime]:
    first = to_instant(end, series.zone, series.rules)
    if isinstance(first, Unreadable):
        raise MisfitError("ends_at", first.reason, first.hint, first.topic)
    lasting = (end.local if end.offset is None else series.local(first)) - starts[0].local
    return [first] + [
        _end_on(series, start.local + lasting, number) for number, start in enumerate(starts[1:], start=2)
    ]


def _end_on(series: Series, local: datetime, number: int) -> datetime:
    instant = series.instant(local)
    if isinstance(instant, Unreadable):
        reason = f", and shift {number} ends on {_why(local, instant)}"
        raise MisfitError(series.end_column, reason, _MOVE, instant.topic)
    return instant


def _end_after(series: Series, start: _Start, duration: Duration, number: int) -> datetime:
    days, rest = timedelta(days=duration.days), timedelta(seconds=duration.seconds)
    # Hours alone are added to the instant: the start's own reading counts where the clock has it twice.
    end = (_end_on(series, start.local + days, number) if days else start.instant) + rest
    if end.year > LAST_YEAR:
        raise MisfitError("duration", f", and so shift {number} ends{OUTSIDE.reason.lstrip(',')}", "", OUTSIDE.topic)
    return end


def _last_hand_over(series: Series, following: datetime | None) -> datetime:
    if not series.members:
        raise MisfitError("ends_at", ", but a shift needs an end", "write ends_at or duration", "shift without an end")
    if following is None:
        raise MisfitError(
            series.repeat_column,
            ", which has no hand-over after the last shift, so that this has no end",
            "write ends_at or duration",
            "shift without an end",
        )
    instant = series.instant(following)
    if isinstance(instant, Unreadable):
        reason = f", and the last shift is handed over on {_why(following, instant)}"
        raise MisfitError("starts_at", reason, _MOVE, instant.topic)
    return instant


def _refuse_rule(series: Series, rule: Rule, start: datetime) -> None:
    if rule.count is None and not _bounds(series, rule):
        raise MisfitError(
            series.repeat_column,
            ", which has no end",
            "write a COUNT in repeat, such as FREQ=WEEKLY;COUNT=12, or a date in a column until, or give --until",
            "repetition without an end",
        )
    if leaves_out(rule, start):
        is_of_month = rule.freq == "MONTHLY" or rule.values("BYMONTH")
        month = "" if is_of_month else f"BYMONTH={start.month};"
        raise MisfitError(
            "starts_at",
            f", a day that not every {'month' if is_of_month else 'year'} of the repetition has",
            f"write the day in repeat: FREQ={rule.freq};{month}BYMONTHDAY=-1 for the last of the month, "
            f"BYMONTHDAY={start.day} to leave out where there is none",
            "start on a day that not every month has",
        )


def _refuse_too_many(series: Series) -> None:
    raise MisfitError(
        series.repeat_column,
        f", which makes more than {MOST_SHIFTS:,} shifts; a row makes {MOST_SHIFTS:,} at most",
        "write an earlier until or a smaller COUNT, and the shifts after it in a row of their own",
        "too many shifts from one row",
    )


def _refuse_scarcity(series: Series, rule: Rule, made: int) -> None:
    """Refuse a rule that ran dry before it made a shift, or as many as it says."""
    if not made:
        raise MisfitError(series.repeat_column, ", which never comes", "change the rule", _NOT_MATCHING)
    if rule.count is not None:
        raise MisfitError(
            series.repeat_column,
            f", which comes less often than its COUNT says: the last time is number {made}",
            f"write COUNT={made}, or change the rule",
            "repetition that comes less often than it says",
        )


def _refuse_disorder(series: Series, starts: list[_Start], ends: list[datetime]) -> None:
    """Refuse what a wrong end or a choice at a change makes: ends before starts, starts that coincide."""
    for number, (earlier, later) in enumerate(pairwise(starts), start=2):
        if later.instant <= earlier.instant:
            reason = f", and shift {number}, {later.local.isoformat()}, does not start after the one before it"
            raise MisfitError("starts_at", reason, _MOVE, "shifts that start at the same time")
    for number, (start, end) in enumerate(zip(starts, ends, strict=True), start=1):
        if end <= start.instant:
            reason = (
                f", and so shift {number} ends on {end.isoformat()}, not after its start {start.instant.isoformat()}"
            )
            raise MisfitError(
                series.end_column, reason, "write an end after the start", "end that is not after the start"
            )


def _bounds(series: Series, rule: Rule) -> list[Moment]:
    return [bound for bound in (rule.until, series.until) if bound is not None]


def _why(local: datetime, fault: Unreadable) -> str:
    return f"{local.isoformat()}{fault.reason}"


def _written(bound: Moment) -> str:
    zone = None if bound.offset is None else timezone(bound.offset)
    return bound.local.replace(tzinfo=zone).isoformat()
