"""What requests came to is counted by the second, handed over once, and forgotten."""

from __future__ import annotations

from importer.delivery.client import Traffic
from importer.journal.states import Tally


class Clock:
    """A clock that a test sets, of the machine and of the wall at once."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def numbers(tallies: list[Tally]) -> list[tuple[int, int, int, int]]:
    return [(tally.second, tally.requests, tally.limited, tally.failed) for tally in tallies]


def test_requests_are_counted_in_the_second_that_they_end_in_by_what_came_of_them() -> None:
    clock = Clock()
    traffic = Traffic(clock, clock)
    for now, status in ((1000.1, 201), (1000.9, 429), (1001.0, 500), (1001.5, 0), (1001.5, 404)):
        clock.now = now
        traffic.note(now - 0.05, status)
    clock.now = 1002.0
    taken = traffic.take()
    assert numbers(taken) == [(1000, 2, 1, 0), (1001, 3, 0, 3)]
    assert traffic.take(is_last=True) == []


def test_only_answers_have_a_time_and_the_longest_is_kept() -> None:
    clock = Clock()
    traffic = Traffic(clock, clock)
    traffic.note(clock.now - 30, 0)
    traffic.note(clock.now - 0.2, 201)
    traffic.note(clock.now - 0.1, 429)
    (tally,) = traffic.take(is_last=True)
    assert sum(tally.latencies.values()) == 2
    assert round(tally.slowest, 6) == 0.2


def test_the_second_that_is_not_over_stays_until_the_last_time() -> None:
    clock = Clock()
    traffic = Traffic(clock, clock)
    traffic.note(999.0, 200)
    assert traffic.take() == []
    traffic.note(999.0, 200)
    assert numbers(traffic.take(is_last=True)) == [(1000, 2, 0, 0)]


def test_hours_without_requests_leave_nothing_behind() -> None:
    clock = Clock()
    traffic = Traffic(clock, clock)
    for _ in range(10_000):
        clock.now += 0.5
        assert traffic.take() == []
