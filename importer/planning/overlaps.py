"""Finds the records of a source that overlap for one person or on one schedule, in one pass over their spans. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TypeVar

At = TypeVar("At", datetime, int)  # an instant, or its epoch seconds
Id = TypeVar("Id")


def overlaps(spans: Iterable[tuple[object, At, At, Id]]) -> Iterator[tuple[Id, Id]]:
    """Yield each span that overlaps an earlier one of the same person, once, together with such a one.

    `spans` are (person, start, end, id), in order of person, then of start. A start at another's end overlaps nothing.
    Holds one span at a time.
    """
    # Of all earlier spans, the one that ends last overlaps whatever any of them overlaps.
    last: tuple[object, At, At, Id] | None = None
    for span in spans:
        if last is None or last[0] != span[0]:
            last = span
            continue
        if span[1] < last[2]:
            yield span[3], last[3]
        if span[2] > last[2]:
            last = span


def overlaps_to_report(
    pairs: Iterable[tuple[tuple[int, bool], tuple[int, bool]]], *, is_replaced: bool
) -> Iterator[tuple[int, int]]:
    """Yield each record to be reported with the one that it overlaps; both, if they would replace each other.

    A record that was sent already cannot be taken back: then only the other one is reported.
    """
    for (later, is_later_planned), (previous, is_previous_planned) in pairs:
        if is_later_planned:
            yield later, previous
        if is_previous_planned if is_replaced else not is_later_planned:
            yield previous, later
