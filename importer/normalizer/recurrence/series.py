"""What a row says of its shifts, and the words for what is made of it. Makes no shift."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from importer.normalizer.recurrence.rrule import WEEKLY, Rule
from importer.normalizer.times.durations import Duration
from importer.normalizer.times.moments import NO_RULES, Moment, TimeRules
from importer.normalizer.times.times import to_instant
from importer.normalizer.unreadable import Unreadable

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Series:
    """The cells of a row that say when its shifts are, each read already."""

    start: Moment  #: of the first shift
    end: Moment | Duration | None  #: of the first shift, or how long each lasts; None: until the next hand-over
    zone: ZoneInfo | None  #: the clock that the shifts keep; None: the one at the offset of `start`
    rule: Rule | None = None  #: None: weekly where members rotate, else there is one shift
    until: Moment | None = None  #: no shift starts after it; without an offset it is local
    members: int = 0  #: of the rotation; 0: there is none
    rules: TimeRules = NO_RULES

    @property
    def repetition(self) -> Rule | None:
        """How the shifts repeat; None where there is one only."""
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
        """Give what the clock of this series shows at an instant; naive."""
        if self.zone is not None:
            return instant.astimezone(self.zone).replace(tzinfo=None)
        return (instant + (self.start.offset or timedelta(0))).replace(tzinfo=None)

    def instant(self, local: datetime) -> datetime | Unreadable:
        """Give the instant, in UTC, at which the clock of this series shows a local time."""
        return to_instant(Moment(local, self.start.offset if self.zone is None else None), self.zone, self.rules)


class Shift(NamedTuple):
    """A span of time."""

    starts_at: datetime  #: UTC, whole seconds
    ends_at: datetime  #: UTC, whole seconds, after `starts_at`


class Turn(NamedTuple):
    """A shift and whose it is."""

    shift: Shift
    member: int  #: index into the rotation's members; 0 where there is no rotation


class Misfit(NamedTuple):
    """A fault and the column of ours that it belongs to."""

    column: str
    fault: Unreadable


class MisfitError(Exception):
    """Carries a misfit out of the making of shifts; `occurrences.expand` gives it back as a value."""

    def __init__(self, column: str, reason: str, hint: str, topic: str) -> None:
        super().__init__(f"{column}{reason}")
        self.misfit = Misfit(column, Unreadable(reason, hint, topic))


def is_past(bound: Moment, series: Series, local: datetime, instant: datetime | Unreadable) -> bool:
    """Tell whether a start lies behind a bound; `instant` is a fault where the clock skips or doubles `local`."""
    if bound.offset is None:
        return local > bound.local
    last = (bound.local - bound.offset).replace(tzinfo=UTC)
    return local > series.local(last) if isinstance(instant, Unreadable) else instant > last
