"""Date-times: the instants they mean, and the words where they mean none or two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from importer.cells import Unreadable
from importer.kinds.shadow import ShadowRecord
from importer.normalizer.date_times import read_instant, read_moment
from importer.normalizer.zones import Choice, Moment, TimeRules, to_instant

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.normalizer.row import Normalized

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    "text",
    [
        "2027-03-01T08:00:00Z",
        "2027-03-01t08:00z",
        "2027-03-01 08:00:00 +00:00",
        "2027-03-01T07:59:59.999Z",
        "2027-03-01T07:59:59,5Z",
        "2027-03-01T08:00:00.499999Z",
        "2027-03-01 07:59:59.5 UTC",
        "2027-03-01T09:00:00+01:00",
        "2027-03-01T09:00+0100",
        "2027-03-01T09:00+01",
        "2027-03-01T03:00:00-05:00",
        "2027-03-01T03:00:00\u221205:00",
        "2027-03-01T13:45+05:45",
        "20270301T080000Z",
        "20270301T0900+0100",
        "2027-03-01T09:00:00",
        "2027-03-01\u00a009:00",
        "20270301T090000",
    ],
)
def test_all_forms_of_one_instant_are_one_instant(text: str) -> None:
    assert read_instant(text, BERLIN) == datetime(2027, 3, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2027-07-01T09:00", datetime(2027, 7, 1, 7, tzinfo=UTC)),
        ("2027-03-28T01:59:59", datetime(2027, 3, 28, 0, 59, 59, tzinfo=UTC)),
        ("2027-03-28T03:00:00", datetime(2027, 3, 28, 1, tzinfo=UTC)),
        ("2027-10-31T01:59:59", datetime(2027, 10, 30, 23, 59, 59, tzinfo=UTC)),
        ("2027-10-31T03:00:00", datetime(2027, 10, 31, 2, tzinfo=UTC)),
        ("2027-12-31T24:00", datetime(2027, 12, 31, 23, tzinfo=UTC)),
        ("1970-01-01T01:00", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2200-12-31T23:59:59Z", datetime(2200, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2201-01-01T05:00:00+14:00", datetime(2200, 12, 31, 15, tzinfo=UTC)),
    ],
)
def test_a_local_time_is_read_in_its_zone_and_years_are_those_of_the_instant(text: str, instant: datetime) -> None:
    assert read_instant(text, BERLIN) == instant


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2027-03-01T08", "is not a date-time"),
        ("2027-W09-1T08:00Z", "is not a date-time"),
        ("20270301", "is not a date-time"),
        ("\u0662\u0660\u0662\u0667-03-01T08:00Z", "is not a date-time"),
        ("9" * 100_000, "is not a date-time"),
        ("1 March 2027 08:00" + " " * 100_000, "is not a date-time"),
        ("2027-03-01", "a date without a time of day"),
        ("2027-02-29T08:00Z", "does not exist"),
        ("2027-13-01T08:00Z", "does not exist"),
        ("2027-03-01T24:01Z", "does not exist"),
        ("2027-03-01T25:00Z", "does not exist"),
        ("2027-03-01T08:00:60Z", "does not exist"),
        ("2027-03-01T08:00+14:30", "does not exist"),
        ("2027-03-01T08:00+01:60", "does not exist"),
        ("1969-12-31T23:59:59Z", "outside the years 1970 to 2200"),
        ("2201-01-01T00:00:00Z", "outside the years 1970 to 2200"),
        ("0000-01-01T00:00:00Z", "outside the years 1970 to 2200"),
        ("9999-12-31T24:00:00-14:00", "outside the years 1970 to 2200"),
    ],
)
def test_what_is_no_instant_is_told_why(text: str, reason: str) -> None:
    fault = read_instant(text, BERLIN)
    assert isinstance(fault, Unreadable)
    assert reason in fault.reason
    assert fault.topic


@pytest.mark.parametrize(
    ("text", "zone", "readings"),
    [
        ("2027-03-28T02:30", "Europe/Berlin", ["2027-03-28T01:30:00+01:00", "2027-03-28T03:30:00+02:00"]),
        ("2027-10-31T02:00", "Europe/Berlin", ["2027-10-31T02:00:00+02:00", "2027-10-31T02:00:00+01:00"]),
        ("2027-03-14T02:00", "America/New_York", ["2027-03-14T01:00:00-05:00", "2027-03-14T03:00:00-04:00"]),
        ("2027-11-07T01:59:59", "America/New_York", ["2027-11-07T01:59:59-04:00", "2027-11-07T01:59:59-05:00"]),
        ("2027-10-03T02:10", "Australia/Lord_Howe", ["2027-10-03T01:40:00+10:30", "2027-10-03T02:40:00+11:00"]),
    ],
)
def test_a_local_time_skipped_or_doubled_by_summer_time_names_both_readings(
    text: str, zone: str, readings: list[str]
) -> None:
    fault = read_instant(text, ZoneInfo(zone))
    assert isinstance(fault, Unreadable)
    assert all(reading in fault.reason for reading in [zone, *readings])
    assert any(reading in fault.hint for reading in readings)
    # Either reading, written as the hint says, is taken.
    assert all(isinstance(read_instant(reading, ZoneInfo(zone)), datetime) for reading in readings)


@pytest.mark.parametrize(
    ("text", "zone", "earlier", "later"),
    [
        ("2027-03-28T02:30", "Europe/Berlin", "2027-03-28T01:30+01:00", "2027-03-28T03:30+02:00"),
        ("2027-10-31T02:00", "Europe/Berlin", "2027-10-31T02:00+02:00", "2027-10-31T02:00+01:00"),
        ("2027-10-03T02:10", "Australia/Lord_Howe", "2027-10-03T01:40+10:30", "2027-10-03T02:40+11:00"),
    ],
)
def test_rules_choose_the_earlier_or_the_later_instant_of_a_skipped_or_doubled_time(
    text: str, zone: str, earlier: str, later: str
) -> None:
    place = ZoneInfo(zone)
    for choice, reading in ((Choice.EARLIER, earlier), (Choice.LATER, later)):
        both = TimeRules(twice=choice, skipped=choice)
        assert read_instant(text, place, both) == read_instant(reading, None)
    # A rule for one of the two says nothing of the other.
    assert isinstance(read_instant("2027-03-28T02:30", BERLIN, TimeRules(twice=Choice.LATER)), Unreadable)
    assert isinstance(read_instant("2027-10-31T02:30", BERLIN, TimeRules(skipped=Choice.LATER)), Unreadable)


@pytest.mark.parametrize("rules", [TimeRules(), TimeRules(twice=Choice.LATER, skipped=Choice.EARLIER)])
def test_a_time_that_comes_once_is_the_same_by_any_rules(rules: TimeRules) -> None:
    assert read_instant("2027-03-28T03:00", BERLIN, rules) == datetime(2027, 3, 28, 1, tzinfo=UTC)
    assert read_instant("2027-10-31T02:30+01:00", BERLIN, rules) == datetime(2027, 10, 31, 1, 30, tzinfo=UTC)


def test_a_moment_keeps_the_clock_and_the_offset_as_they_were_written() -> None:
    """A repeated shift goes on in local time, so the clock on the wall must not be lost."""
    wall = datetime(2027, 3, 28, 2, 30)  # noqa: DTZ001  (a wall clock has no zone)
    assert read_moment("2027-03-28T02:30:00.4") == Moment(wall, None)
    assert read_moment("2027-03-28 02:30 -05:00") == Moment(wall, timedelta(hours=-5))
    assert read_moment("2027-03-28T02:30Z") == Moment(wall, timedelta(0), "UTC")
    assert read_moment("2027-03-28T02:30+00:00") == Moment(wall, timedelta(0))
    assert read_moment("2027-03-28T02:30+01:00[Europe/Berlin]") == Moment(wall, timedelta(hours=1), "Europe/Berlin")


@pytest.mark.parametrize("year", [1, 9999])
@pytest.mark.parametrize("offset", [None, timedelta(hours=14), timedelta(hours=-14)])
def test_a_moment_at_the_end_of_the_calendar_is_outside_and_no_exception(year: int, offset: timedelta | None) -> None:
    edge = datetime.min if year == 1 else datetime.max  # noqa: DTZ901  (a wall clock has no zone)
    fault = to_instant(Moment(edge, offset), ZoneInfo("Pacific/Kiritimati"))
    assert isinstance(fault, Unreadable)
    assert "outside the years" in fault.reason


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("46082.33333", datetime(2026, 3, 1, 7, tzinfo=UTC)),
        ("46082,33333", datetime(2026, 3, 1, 7, tzinfo=UTC)),
        ("46082.333333333336", datetime(2026, 3, 1, 7, tzinfo=UTC)),
        ("46082.99999", datetime(2026, 3, 1, 22, 59, 59, tzinfo=UTC)),
        ("46082.999999", datetime(2026, 3, 1, 23, tzinfo=UTC)),
        ("46082", datetime(2026, 2, 28, 23, tzinfo=UTC)),
        ("46082.5", datetime(2026, 3, 1, 11, tzinfo=UTC)),
        ("46082.375", datetime(2026, 3, 1, 8, tzinfo=UTC)),
        ("25570.0", datetime(1970, 1, 1, 23, tzinfo=UTC)),
    ],
)
def test_a_spreadsheets_number_of_days_is_a_local_time_to_the_second(text: str, instant: datetime) -> None:
    assert read_instant(text, BERLIN) == instant


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("46082.3333", "too few decimals"),
        ("46082.33", "too few decimals"),
        ("46082.3", "too few decimals"),
        ("19999.5", "is not a date-time"),
        ("110001", "is not a date-time"),
        ("101", "is not a date-time"),
        ("46082.", "is not a date-time"),
        ("-46082.5", "is not a date-time"),
        ("20000.5", "outside the years"),
    ],
)
def test_a_number_that_is_no_sure_time_is_told_why(text: str, reason: str) -> None:
    fault = read_instant(text, BERLIN)
    assert isinstance(fault, Unreadable)
    assert reason in fault.reason
    assert fault.topic


def test_a_spreadsheets_number_needs_a_zone_as_any_local_time_does() -> None:
    fault = read_instant("46082.33333", None)
    assert isinstance(fault, Unreadable)
    assert fault.topic == "local time without a time zone"


def test_a_local_time_without_a_zone_tells_both_ways_to_mend_it(shadow: Callable[..., Normalized]) -> None:
    (problem,) = shadow(starts_at="2027-03-01T08:00").problems
    assert problem.message == 'starts_at is "2027-03-01T08:00", a local time without a time zone'
    assert "+01:00" in problem.hint
    assert "column timezone" in problem.hint
    assert "--timezone Europe/Berlin" in problem.hint
    assert problem.cell == "E2"


def test_the_rows_zone_wins_over_the_settings_and_an_offset_over_both(shadow: Callable[..., Normalized]) -> None:
    def start(zone: str | None, timezone: str, text: str = "2027-03-01T08:00") -> datetime:
        (record,) = shadow(zone=zone, timezone=timezone, starts_at=text, ends_at="2027-03-02T08:00Z").records
        assert isinstance(record, ShadowRecord)
        return record.starts_at

    assert start("Europe/Berlin", "") == datetime(2027, 3, 1, 7, tzinfo=UTC)
    assert start("Europe/Berlin", "America/New_York") == datetime(2027, 3, 1, 13, tzinfo=UTC)
    assert start("Europe/Berlin", "America/New_York", "2027-03-01T08:00Z") == datetime(2027, 3, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize("end", ["2027-03-01T08:00:00Z", "2027-03-01T08:00:00.4Z", "2027-03-01T08:30+01:00"])
def test_an_end_that_is_not_after_the_start_is_a_problem_quoting_both(
    shadow: Callable[..., Normalized], end: str
) -> None:
    (problem,) = shadow(ends_at=end).problems
    assert problem.message == f'ends_at is "{end}", which is not after starts_at "2027-03-01T08:00:00Z"'
    assert problem.cell == "F2"


def test_the_order_of_two_times_is_not_judged_while_their_zone_is_wrong(shadow: Callable[..., Normalized]) -> None:
    result = shadow(timezone="Mars", starts_at="2027-03-01T08:00", ends_at="2027-03-01T07:30Z")
    assert [problem.column for problem in result.problems] == ["timezone"]


def test_a_wrong_zone_does_not_hide_a_wrong_time(shadow: Callable[..., Normalized]) -> None:
    result = shadow(timezone="Mars", starts_at="2027-02-30T08:00")
    assert [problem.column for problem in result.problems] == ["starts_at", "timezone"]


def test_a_shadow_over_the_change_to_summer_time_is_an_hour_shorter(shadow: Callable[..., Normalized]) -> None:
    result = shadow(timezone="Europe/Berlin", starts_at="2027-03-27T22:00", ends_at="2027-03-28T06:00")
    (record,) = result.records
    assert isinstance(record, ShadowRecord)
    assert (record.ends_at - record.starts_at).total_seconds() == 7 * 3600
