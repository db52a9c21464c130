"""A calendar shows a shadow on the days that the people who wrote it meant."""

from __future__ import annotations

from datetime import UTC, date, datetime

from importer.reporter.page import initials
from importer.reporter.page_contents import ShadowCalendar


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def days(calendar: ShadowCalendar) -> dict[date, int]:
    return {
        day.date: day.shadows
        for _, _, weeks, _ in calendar.schedules()
        for week in weeks
        for day in week.days
        if day.shadows
    }


def test_a_shadow_that_begins_at_midnight_in_berlin_stands_on_that_day() -> None:
    calendar = ShadowCalendar()
    calendar.add("s", "101", epoch("2027-02-28T23:00"), epoch("2027-03-01T23:00"), "Europe/Berlin")
    assert days(calendar) == {date(2027, 3, 1): 1}


def test_a_shadow_without_a_zone_or_with_an_unknown_one_stands_on_its_days_in_utc() -> None:
    calendar = ShadowCalendar()
    calendar.add("s", "101", epoch("2027-02-28T23:00"), epoch("2027-03-01T23:00"), "")
    calendar.add("s", "101", epoch("2027-02-28T23:00"), epoch("2027-03-01T00:00"), "No/Where")
    assert days(calendar) == {date(2027, 2, 28): 2, date(2027, 3, 1): 1}


def test_weeks_begin_on_monday_and_those_without_shadows_are_counted() -> None:
    calendar = ShadowCalendar()
    for day in ("2027-03-03", "2027-03-24"):
        calendar.add("s", "101", epoch(f"{day}T08:00"), epoch(f"{day}T16:00"), "")
    ((_, shadows, weeks, left),) = calendar.schedules()
    assert (shadows, left) == (2, 0)
    assert [(week.days[0].date, week.skipped) for week in weeks] == [(date(2027, 3, 1), 0), (date(2027, 3, 22), 2)]


def test_a_day_knows_who_is_on_it_and_a_schedule_for_how_many_days() -> None:
    calendar = ShadowCalendar()
    for user, first, last in (
        ("7", "2027-03-02T08:00", "2027-03-02T16:00"),
        ("8", "2027-03-02T16:00", "2027-03-04T08:00"),
    ):
        calendar.add("s", user, epoch(first), epoch(last), "")
    ((_, _, (week,), _),) = calendar.schedules()
    assert [day.people for day in week.days] == [(), ("7", "8"), ("8",), ("8",), (), (), ()]
    assert calendar.people("s") == {"8": 3, "7": 1}
    names = {("user", "7"): "Anna Berg", ("user", "9"): "Axel Bauer"}
    assert initials(["7", "8", "9", "102030"], names) == {"7": "AB", "8": "8", "9": "AB2", "102030": "2030"}


def test_schedules_and_weeks_beyond_what_is_drawn_are_counted() -> None:
    calendar = ShadowCalendar()
    for number in range(45):
        calendar.add(f"s{number}", "101", 0, 3600, "")
    for week in range(60):
        calendar.add("s0", "101", week * 604_800, week * 604_800 + 60, "")
    assert calendar.others == 5
    _, _, weeks, left = next(calendar.schedules())
    assert (len(weeks), left) == (54, 6)


def test_times_at_the_ends_of_the_calendar_are_no_error() -> None:
    calendar = ShadowCalendar()
    calendar.add("s", "101", epoch("9999-12-31T22:00"), epoch("9999-12-31T23:59"), "Pacific/Kiritimati")
    calendar.add("s", "101", epoch("0001-01-01T00:00"), epoch("0001-01-01T01:00"), "America/New_York")
    assert sum(days(calendar).values()) == 2
