"""Expands a row that repeats or rotates, or a calendar's series, into shifts, in local time across clock changes.

Rules are worked out by python-dateutil.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from itertools import dropwhile, pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from importer.cells import Unreadable
from importer.normalizer.recurrence_text import DAYS, WEEKLY, Duration, Rule, read_repeat
from importer.normalizer.zones import LAST_YEAR, NO_RULES, OUTSIDE, Moment, TimeRules, to_instant
from importer.wording import quote

MOST_SHIFTS: Final = 1000  #: from one row at most

# dateutil looks for the next date up to the year 9999, for seconds where a rule never comes. The calendar repeats
# itself every 400 years, weekdays included: so rules run 19 times 400 years later, and a search ends after 430 years.
_LATER = 7600
_MONTH_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MOVE = "Choose another time of day, or set twice and skipped below [times] in a mapping file."
_NOT_MATCHING = "start on which the repetition does not occur"


@dataclass(frozen=True, slots=True)
class Series:
    """The parsed cells of a row that determine when its shifts are."""

    start: Moment  #: of the first shift
    end: Moment | Duration | None  #: of the first shift, or how long each lasts; None: until the next hand-over
    zone: ZoneInfo | None  #: the zone whose clock the shifts follow; None: the offset of `start`
    rule: Rule | None = None  #: None: weekly if members rotate, else there is one shift
    until: Moment | None = None  #: no shift starts after it; without an offset it is local
    members: int = 0  #: of the rotation; 0: there is none
    rules: TimeRules = NO_RULES

    @property
    def repetition(self) -> Rule | None:
        """How the shifts repeat; None if there is only one."""
        return self.rule or (WEEKLY if self.members else None)

    @property
    def repeat_column(self) -> str:
        """The column that makes the shifts repeat."""
        return "repeat" if self.rule else "rotation"

    @property
    def end_column(self) -> str:
        """The column that says how long a shift lasts."""
        if self.end is None:
            return self.repeat_column
        return "duration" if isinstance(self.end, Duration) else "ends_at"

    def local(self, instant: datetime) -> datetime:
        """Return the local time of this series at an instant; naive."""
        if self.zone is not None:
            return instant.astimezone(self.zone).replace(tzinfo=None)
        return (instant + (self.start.offset or timedelta(0))).replace(tzinfo=None)

    def instant(self, local: datetime) -> datetime | Unreadable:
        """Return the instant, in UTC, of a local time of this series."""
        return to_instant(Moment(local, self.start.offset if self.zone is None else None), self.zone, self.rules)


class Shift(NamedTuple):
    """A span of time, and whose it is."""

    starts_at: datetime  #: UTC, whole seconds
    ends_at: datetime  #: UTC, whole seconds, after `starts_at`
    member: int  #: index into the rotation's members; 0 if there is no rotation


class Misfit(NamedTuple):
    """A fault and our column that it belongs to."""

    column: str
    fault: Unreadable


class MisfitError(Exception):
    """Carries a misfit out of the expansion; `expand` returns it as a value."""

    def __init__(self, column: str, reason: str, hint: str, topic: str) -> None:
        super().__init__(f"{column}{reason}")
        self.misfit = Misfit(column, Unreadable(reason, hint, topic))


def occurrences(rule: Rule, start: datetime) -> Iterator[datetime]:
    """Return the local times of a rule from `start` on, in order, ignoring its COUNT and UNTIL.

    The first is `start` only if it is an occurrence. `start` is in the years 1969 to 2201; the iterator ends in the
    year 2399 at the latest, however rare occurrences are.
    """
    later = start.replace(year=start.year + _LATER)
    text = ";".join("=".join(part) for part in rule.parts)
    has_week_alone = rule.part("BYWEEKNO") and not (rule.part("BYMONTHDAY") or rule.part("BYYEARDAY"))
    # With BYWEEKNO alone dateutil would take every day of the week; RFC 5545 takes the start's weekday.
    if not rule.part("BYDAY") and (rule.freq == "WEEKLY" or has_week_alone):
        text += f";BYDAY={DAYS[later.weekday()]}"
    into_week = (later.weekday() - DAYS.index(rule.part("WKST") or "MO")) % 7
    first = later - timedelta(days=into_week) if rule.freq == "WEEKLY" else later
    found = dropwhile(later.__gt__, rrulestr(text, dtstart=first))
    return (local.replace(year=local.year - _LATER) for local in found)


def _leaves_out(rule: Rule, start: datetime) -> bool:
    """Return whether the rule takes its day from `start`, and some month or year lacks that day, such as the 31st."""
    if rule.names_day or rule.freq not in ("MONTHLY", "YEARLY"):
        return False
    months = rule.numbers("BYMONTH") or (range(1, 13) if rule.freq == "MONTHLY" else (start.month,))
    return start.day > min(_MONTH_LENGTHS[month - 1] for month in months)


class _Start(NamedTuple):
    local: datetime
    instant: datetime


@lru_cache(maxsize=64)  # the rows of a plan share their times; a thousand shifts take some 250 kB
def expand(series: Series) -> tuple[Shift, ...] | Misfit:
    """Return all shifts of a row in the order of their starts, which are distinct; 1,000 at most.

    Starts keep their local time of day. An end given as a time keeps its distance on the local clock; of a duration
    the days count on the local clock, the seconds exactly (RFC 5545, 3.3.6). The members take turns.

    A misfit is a local time that the zone skips or has twice, unless `series.rules` choose, and whatever would make
    other shifts than were meant: a start that is not an occurrence, a rule without an end, too many shifts.
    """
    try:
        starts, following = _starts(series)
        ends = _ends(series, starts, following)
        _refuse_disorder(series, starts, ends)
    except MisfitError as error:
        return error.misfit
    spans = enumerate(zip(starts, ends, strict=True))
    return tuple(Shift(start.instant, end, index % (series.members or 1)) for index, (start, end) in spans)


def _starts(series: Series) -> tuple[list[_Start], datetime | None]:
    """Return the starts of all shifts, and the local time at which a further one would start, if ever."""
    first = _first(series)
    rule = series.repetition
    if rule is None:
        return [first], None
    _refuse_rule(series, rule, first.local)
    starts: list[_Start] = []
    for local in occurrences(rule, first.local):
        number = len(starts) + 1
        if number == 1 and local != first.local:
            raise MisfitError(
                "starts_at",
                f", on which {quote(rule.text)} does not occur: it first occurs on {local:%A}, {local.isoformat()}",
                f"Write {local.isoformat()} as the start, or change {series.repeat_column}.",
                _NOT_MATCHING,
            )
        if rule.count is not None and number > rule.count:
            return starts, local
        instant = first.instant if number == 1 else series.instant(local)
        bound = next((one for one in _bounds(series, rule) if _is_past(one, series, local, instant)), None)
        if bound is not None and number == 1:
            raise MisfitError(
                "starts_at",
                f", which is after the end of the repetition, {_written(bound)}",
                "Write an earlier start, or a later until.",
                "start after the end of the repetition",
            )
        if bound is not None:
            return starts, local
        placed = _placed(instant, local, "starts_at", f"shift {number} starts")
        if number > MOST_SHIFTS:
            raise MisfitError(
                series.repeat_column,
                f", which makes more than {MOST_SHIFTS:,} shifts; a row makes {MOST_SHIFTS:,} at most",
                "Write an earlier until or a smaller COUNT, and the shifts after it in a row of their own.",
                "too many shifts from one row",
            )
        starts.append(_Start(local, placed))
    _refuse_scarcity(series, rule, len(starts))
    return starts, None


def _first(series: Series) -> _Start:
    instant = to_instant(series.start, series.zone, series.rules)
    if isinstance(instant, Unreadable):
        raise MisfitError("starts_at", instant.reason, instant.hint, instant.topic)
    return _Start(series.start.local if series.start.offset is None else series.local(instant), instant)


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
    return _placed(series.instant(local), local, series.end_column, f"shift {number} ends")


def _end_after(series: Series, start: _Start, duration: Duration, number: int) -> datetime:
    days, rest = timedelta(days=duration.days), timedelta(seconds=duration.seconds)
    # Hours alone are added to the instant: the start's own reading counts if the clock has it twice.
    end = (_end_on(series, start.local + days, number) if days else start.instant) + rest
    if end.year > LAST_YEAR:
        raise MisfitError("duration", f", and so shift {number} ends{OUTSIDE.reason.lstrip(',')}", "", OUTSIDE.topic)
    return end


def _last_hand_over(series: Series, following: datetime | None) -> datetime:
    if not series.members:
        raise MisfitError("ends_at", ", but a shift needs an end", "Write ends_at or duration.", "shift without an end")
    if following is None:
        raise MisfitError(
            series.repeat_column,
            ", which has no hand-over after the last shift, so that this has no end",
            "Write ends_at or duration.",
            "shift without an end",
        )
    return _placed(series.instant(following), following, "starts_at", "the last shift is handed over")


def _refuse_rule(series: Series, rule: Rule, start: datetime) -> None:
    if rule.count is None and not _bounds(series, rule):
        raise MisfitError(
            series.repeat_column,
            ", which has no end",
            "Write a COUNT in repeat, such as FREQ=WEEKLY;COUNT=12, or a date in a column until, or give --until.",
            "repetition without an end",
        )
    if _leaves_out(rule, start):
        is_of_month = rule.freq == "MONTHLY" or rule.part("BYMONTH")
        month = "" if is_of_month else f"BYMONTH={start.month};"
        raise MisfitError(
            "starts_at",
            f", a day that not every {'month' if is_of_month else 'year'} of the repetition has",
            f"Write the day in repeat: FREQ={rule.freq};{month}BYMONTHDAY=-1 for the last day of the month, "
            f"BYMONTHDAY={start.day} to skip months without that day.",
            "start on a day that not every month has",
        )


def _refuse_scarcity(series: Series, rule: Rule, made: int) -> None:
    """Refuse a rule that ends before it has made any shift, or as many as it says."""
    if not made:
        raise MisfitError(series.repeat_column, ", which never occurs", "Change the rule.", _NOT_MATCHING)
    if rule.count is not None:
        raise MisfitError(
            series.repeat_column,
            f", which occurs less often than its COUNT says: the last time is number {made}",
            f"Write COUNT={made}, or change the rule.",
            "repetition that occurs less often than it says",
        )


def _refuse_disorder(series: Series, starts: list[_Start], ends: list[datetime]) -> None:
    """Refuse ends before starts and coinciding starts, which a wrong end or a choice at a clock change can cause."""
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
                series.end_column, reason, "Write an end after the start.", "end that is not after the start"
            )


def _bounds(series: Series, rule: Rule) -> list[Moment]:
    return [bound for bound in (rule.until, series.until) if bound is not None]


def _placed(instant: datetime | Unreadable, local: datetime, column: str, what: str) -> datetime:
    """Return an instant, unless the clock skips or doubles its local time: then refuse."""
    if isinstance(instant, Unreadable):
        raise MisfitError(column, f", and {what} on {local.isoformat()}{instant.reason}", _MOVE, instant.topic)
    return instant


def _written(bound: Moment) -> str:
    zone = None if bound.offset is None else timezone(bound.offset)
    return bound.local.replace(tzinfo=zone).isoformat()


def _is_past(bound: Moment, series: Series, local: datetime, instant: datetime | Unreadable) -> bool:
    """Return whether a start is after a bound; `instant` is a fault if the clock skips or doubles `local`."""
    if bound.offset is None:
        return local > bound.local
    last = (bound.local - bound.offset).replace(tzinfo=UTC)
    return local > series.local(last) if isinstance(instant, Unreadable) else instant > last


# ---- series of calendars


_MOST_TURNS = 200_000  # occurrences of a rule from its start on: every day of 500 years
_EARLIEST, _LATEST = 1970, 2200  # years in which a rule begins


def naive_local(value: date | datetime, zone: tzinfo | None) -> datetime:
    """Return a naive local time in a zone: rules count in local time."""
    if not isinstance(value, datetime):
        return datetime.combine(value, time())
    return (value.astimezone(zone) if zone and value.tzinfo else value).replace(tzinfo=None)


class RecurrenceSet(NamedTuple):
    """A series of a calendar: rules, and dates that are added, left out or replaced (RFC 5545, 3.8.5)."""

    start: date | datetime  #: of its first shift; a date: its shifts are whole days
    zone: tzinfo | None  #: in whose local time its rules count
    rules: tuple[str, ...]
    added: Sequence[date | datetime] = ()
    left_out: Sequence[date | datetime] = ()  #: or replaced; of shifts with a time, a date means all of that day
    until: date | datetime | None = None  #: what replaces its shifts from then on is read apart

    def expand(self, since: datetime, last: datetime) -> tuple[list[date | datetime], list[str]]:
        """Return all starts up to a day after `last`, in order, and what is odd about them from `since` on.

        Raises:
            ValueError: a rule is odd; the message says how.
        """
        first, earliest = naive_local(self.start, self.zone), naive_local(since, self.zone) - timedelta(days=1)
        latest = naive_local(last, self.zone) + timedelta(days=1)
        starts = {start for rule in self.rules for start in self._starts(rule, first, latest)}
        odd = []
        if not self.rules:
            starts.add(first)
        elif first not in starts and earliest <= first <= latest:
            odd.append(f"Its start, {first}, is no shift of its rule and is not taken, though some programs show it.")
        starts.update(map(self._place, self.added))
        gone = set(map(self._place, self.left_out))
        days = {one for one in self.left_out if self._is_timed and not isinstance(one, datetime)}
        kept = {start for start in starts if start not in gone and start.date() not in days}
        odd += [
            f"{one} is to be left out or replaced, but is no shift of its rule: nothing was left out for it."
            for one in sorted(gone - starts)
            if earliest <= one < max(starts, default=earliest) and one.date() not in days
        ]
        if self.until is not None:
            kept = {start for start in kept if start < self._place(self.until)}
        return [one.replace(tzinfo=self.zone) if self._is_timed else one.date() for one in sorted(kept)], odd

    @property
    def _is_timed(self) -> bool:
        return isinstance(self.start, datetime)

    def _place(self, value: date | datetime) -> datetime:
        """Return the local start that a date or time of the series means."""
        if not isinstance(value, datetime):
            return datetime.combine(value, self.start.time() if isinstance(self.start, datetime) else time())
        is_date = not self._is_timed and value.time() == time()
        local = naive_local(value, None if is_date else self.zone)
        return local if self._is_timed else datetime.combine(local, time())

    def _starts(self, text: str, first: datetime, last: datetime) -> Iterator[datetime]:
        """Yield the local starts of a rule up to `last`."""
        rule = read_repeat(text)
        if isinstance(rule, Unreadable):
            raise ValueError(f"its rule is {text!r}{rule.reason}")
        if not _EARLIEST <= first.year <= _LATEST:
            raise ValueError(f"its rule begins in the year {first.year}")
        if rule.until is not None:
            until = rule.until.local
            if rule.until.offset is not None:
                until = naive_local((until - rule.until.offset).replace(tzinfo=UTC), self.zone)
            last = min(last, until)
        for number, moment in enumerate(occurrences(rule, first)):
            if moment > last or number == rule.count:
                return
            if number == _MOST_TURNS:
                raise ValueError(f"its rule is {text!r}, which occurs too often")
            yield moment
