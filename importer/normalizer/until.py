"""The column `until` and its option: the last time at which a repeated shift may start."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING

from importer.normalizer.moments import without_time
from importer.normalizer.recurrence import end_of_day
from importer.normalizer.times import read_moment
from importer.normalizer.wording import Fault

if TYPE_CHECKING:
    from importer.normalizer.moments import Moment, TimeRules

_DATE_ALONE = without_time("").topic


def read_until(text: str, rules: TimeRules) -> Moment | Fault:
    """Read a date, which means the whole local day, or a date-time.

    Midnight without an offset is a date too: that is how a spreadsheet's date cell arrives.
    """
    moment = read_moment(text, rules)
    if isinstance(moment, Fault) and moment.topic == _DATE_ALONE:
        moment = read_moment(f"{text} 00:00", rules)
    if isinstance(moment, Fault):
        return moment
    is_date = moment.offset is None and moment.local.time() == time.min
    return end_of_day(moment) if is_date else moment
