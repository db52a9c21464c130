"""Plausibility checks of shifts: in the past, very long, far ahead, or an hour off after a clock change. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from dateutil.relativedelta import relativedelta

from importer.cells import Unreadable
from importer.normalizer.fields import Implausibility
from importer.normalizer.occurrences import Series, Shift
from importer.normalizer.recurrence_text import Duration

# A month in which summer time ends is longer than 31 days by an hour, and that is not odd.
_LONGEST_SHIFT = timedelta(days=31, hours=1)
_YEARS_AHEAD = 2


@lru_cache(maxsize=8)  # every row asks
def _far_from(now: datetime) -> datetime:
    return now + relativedelta(years=_YEARS_AHEAD)


def check_span(starts_at: datetime, ends_at: datetime, now: datetime | None) -> list[Implausibility]:
    """Find what is implausible about one span of time; its level is decided elsewhere. All times have a zone.

    Without a `now`, nothing is.
    """
    found: list[Implausibility] = []
    if now is None:
        return found
    if ends_at <= now:
        reason, hint = f", so the shift was over on {ends_at.isoformat()}", "Check the year, or leave out what is over."
        found.append(Implausibility("past", "ends_at", Unreadable(reason, hint, "shift in the past")))
    span = ends_at - starts_at
    if span > _LONGEST_SHIFT:
        reason = f", so the shift takes {span.days} days and {span.seconds // 3600} hours"
        fault = Unreadable(reason, "Check start and end, or split the shift.", "shift of more than 31 days")
        found.append(Implausibility("long", "ends_at", fault))
    if starts_at > _far_from(now):
        reason = f", so the shift starts on {starts_at.isoformat()}, more than two years ahead"
        fault = Unreadable(reason, "Check the year.", "start more than two years ahead")
        found.append(Implausibility("far", "starts_at", fault))
    return found


def find_drift(series: Series, shifts: tuple[Shift, ...]) -> Unreadable | None:
    """Return what is odd about shifts of whole days written in hours, if the clocks change during one.

    Hours count exactly, so that shift ends an hour off the local time at which the next one starts.
    """
    if not isinstance(series.end, Duration) or series.end.days or series.end.seconds % 86_400:
        return None
    days = series.end.seconds // 86_400
    for number, shift in enumerate(shifts, 1):
        end, planned = series.local(shift.ends_at), series.local(shift.starts_at) + timedelta(days=days)
        if end != planned:
            is_followed = any(series.local(one.starts_at) == planned for one in shifts[number:])
            between = f"; in between {'two shifts run' if end > planned else 'no shift runs'}" if is_followed else ""
            return Unreadable(
                f", which counts exact hours: the clock changes in shift {number}, which ends at "
                f"{end:%Y-%m-%d %H:%M}; in days it would end at {planned:%Y-%m-%d %H:%M}{between}",
                f"Write {f'{days // 7}w' if days % 7 == 0 else f'{days}d'} to always hand over at the same local time.",
                "whole days written as hours across a clock change",
            )
    return None
