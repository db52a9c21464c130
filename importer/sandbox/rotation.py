"""Whose turn it is: the arithmetic by which the stand-ins render their calendars. Pure; seconds since the epoch.

For the sandbox only: the importer itself never computes a rotation, it asks the system whose rotation it is.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from zoneinfo import ZoneInfo

DAY = 86_400


class Span(NamedTuple):
    """A half-open span of time."""

    start: int
    end: int


class Turn(NamedTuple):
    """A span of time, and who has it."""

    start: int
    end: int
    who: str  #: a user's id, or empty for nobody


def turns(anchor: int, length: int, zone: ZoneInfo, members: Sequence[str], window: Span) -> Iterator[Turn]:
    """Yield the turns that touch a window, uncut. Turns of whole days change at the same local time all year."""
    days, is_exact = divmod(length, DAY)
    first = datetime.fromtimestamp(anchor, zone).replace(tzinfo=None)

    def begins(number: int) -> int:
        return anchor + number * length if is_exact else epoch(first + timedelta(days=days * number), zone)

    number = max(0, (window.start - anchor) // length - 1)
    while members and begins(number) < window.end:
        if begins(number + 1) > window.start:
            yield Turn(begins(number), begins(number + 1), members[number % len(members)])
        number += 1


def epoch(local: datetime, zone: ZoneInfo) -> int:
    """Return the instant of a local time."""
    return int(local.replace(tzinfo=zone).timestamp())


def windows(start: time, seconds: int, zone: ZoneInfo, weekday: int | None, window: Span) -> Iterator[Span]:
    """Yield the spans of a restriction that touch a window; `weekday` counts from Monday = 0, None means every day."""
    day = datetime.fromtimestamp(window.start - 8 * DAY, zone).date()
    last = datetime.fromtimestamp(window.end, zone).date()
    while day <= last:
        if weekday is None or day.weekday() == weekday:
            begins = datetime.combine(day, start)
            yield Span(epoch(begins, zone), epoch(begins + timedelta(seconds=seconds), zone))
        day += timedelta(days=1)


def within(found: Iterable[Turn], spans: Iterable[Span]) -> list[Turn]:
    """Cut turns to a union of spans."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(span.end, joined[-1].end))
        elif span.end > span.start:
            joined.append(span)
    return [
        Turn(max(turn.start, span.start), min(turn.end, span.end), turn.who)
        for turn in found
        for span in joined
        if turn.start < span.end and span.start < turn.end
    ]


def overlaid(lower: Iterable[Turn], upper: Sequence[Turn]) -> list[Turn]:
    """Lay turns over others: the lower ones show through where there is no upper one."""
    left = list(lower)
    for cover in upper:
        left = [part for turn in left for part in without(turn, cover.start, cover.end)]
    return sorted([*left, *upper])


def without(turn: Turn, start: int, end: int) -> list[Turn]:
    """Return what is left of a turn outside a span."""
    parts = (turn._replace(end=min(turn.end, start)), turn._replace(start=max(turn.start, end)))
    return [part for part in parts if part.start < part.end]
