"""The local times at which a rule comes. The only module that knows python-dateutil."""

from __future__ import annotations

from datetime import timedelta
from itertools import dropwhile
from typing import TYPE_CHECKING, Final, Literal

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, weekday

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from importer.normalizer.recurrence import Rule

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
