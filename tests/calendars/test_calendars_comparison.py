"""Two calendars that should say the same: what differs is found to the second, and nothing else is called different."""

from __future__ import annotations

import pytest

from importer.calendars import Calendar, Interval, Role, Schedule, Window, gaps, merge
from importer.calendars.comparison import compare

HOUR = 3600
WINDOW = Window(0, 10 * HOUR)
ANN, BO = "ann@example.com", "bo@example.com"


def calendar(label: str, *spans: tuple[str, int, int], role: Role = Role.ON_CALL, name: str = "Payments") -> Calendar:
    """Make a calendar of one schedule whose id is the label; spans are hours."""
    intervals = [Interval(label, person, role, start * HOUR, end * HOUR) for person, start, end in spans]
    return Calendar(label, WINDOW, [Schedule(label, name)], merge(intervals, WINDOW))


def test_adjacent_shifts_of_one_person_are_one_and_are_cut_at_the_window() -> None:
    assert merge(
        [Interval("S", ANN, Role.ON_CALL, -HOUR, HOUR), Interval("S", ANN, Role.ON_CALL, HOUR, 99 * HOUR)], WINDOW
    ) == [Interval("S", ANN, Role.ON_CALL, 0, 10 * HOUR)]


def test_how_shifts_are_cut_into_pieces_makes_no_difference() -> None:
    left = calendar("left", (ANN, 0, 4), (ANN, 4, 6), (BO, 6, 10))
    right = calendar("right", (ANN, 0, 6), (BO, 6, 7), (BO, 7, 10))
    assert compare(left, right, WINDOW).is_same


def test_an_override_is_being_on_call_and_a_shadow_is_not() -> None:
    left = calendar("left", (ANN, 0, 10))
    assert compare(left, calendar("right", (ANN, 0, 10), role=Role.OVERRIDE), WINDOW).is_same
    assert not compare(left, calendar("right", (ANN, 0, 10), role=Role.SHADOW), WINDOW).is_same


def test_every_difference_is_told_with_who_is_where_and_for_how_long() -> None:
    left = calendar("left", (ANN, 0, 5), (BO, 5, 9))
    right = calendar("right", (ANN, 0, 4), (BO, 4, 9))
    (compared,) = compare(left, right, WINDOW).compared
    (difference,) = compared.differences
    assert (difference.start, difference.end, difference.minutes) == (4 * HOUR, 5 * HOUR, 60)
    assert difference.left == frozenset({(ANN, Role.ON_CALL)})
    assert difference.right == frozenset({(BO, Role.ON_CALL)})
    assert compared.left_gaps == compared.right_gaps == (Window(9 * HOUR, 10 * HOUR),)


def test_what_a_calendar_does_not_cover_is_unknown_and_not_nobody() -> None:
    left, right = calendar("left", (ANN, 0, 10)), calendar("right", (ANN, 2, 8))
    right.covers["right"] = Window(2 * HOUR, 8 * HOUR)
    comparison = compare(left, right, WINDOW)
    (compared,) = comparison.compared
    assert compared.differences == ()
    assert compared.unknown == (Window(0, 2 * HOUR), Window(8 * HOUR, 10 * HOUR))
    assert not comparison.is_same


def test_schedules_are_paired_by_exact_name_or_as_told_and_the_others_are_named() -> None:
    left, right = calendar("left", (ANN, 0, 10), name="Payments EU"), calendar("right", (ANN, 0, 10))
    comparison = compare(left, right, WINDOW)
    assert (comparison.only_left, comparison.only_right) == (tuple(left.schedules), tuple(right.schedules))
    assert not comparison.is_same
    assert compare(left, right, WINDOW, {"Payments EU": "right"}).is_same


def test_two_schedules_of_one_name_are_not_paired_by_guess() -> None:
    left, right = calendar("left", (ANN, 0, 10)), calendar("right", (ANN, 0, 10))
    right.schedules.append(Schedule("another", "Payments"))
    assert len(compare(left, right, WINDOW).only_right) == 2
    with pytest.raises(ValueError, match="2 schedules named 'Payments'"):
        compare(left, right, WINDOW, {"left": "Payments"})


def test_a_gap_is_where_nobody_is_on_call_and_a_shadow_fills_none() -> None:
    intervals = [Interval("S", ANN, Role.ON_CALL, 0, HOUR), Interval("S", BO, Role.SHADOW, HOUR, 3 * HOUR)]
    assert gaps(intervals, Window(0, 4 * HOUR)) == [Window(HOUR, 4 * HOUR)]
