"""Date-times: the instants they mean, and the words where they mean none or two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from importer.normalizer.times import read_instant
from importer.normalizer.wording import Fault
from importer.records import ShadowRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.normalizer import Normalized

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    "text",
    [
        "2027-03-01T08:00:00Z",
        "2027-03-01t08:00z",
        "2027-03-01 08:00:00 +00:00",
        "2027-03-01T08:00:00.999Z",
        "2027-03-01T08:00:00,5Z",
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
        ("03/04/2026", "is no ISO 8601 date-time"),
        ("1.3.2027 08:00", "is no ISO 8601 date-time"),
        ("2027-3-1T08:00Z", "is no ISO 8601 date-time"),
        ("2027-03-01T08", "is no ISO 8601 date-time"),
        ("2027-W09-1T08:00Z", "is no ISO 8601 date-time"),
        ("46447.5", "is no ISO 8601 date-time"),
        ("20270301", "is no ISO 8601 date-time"),
        ("\u0662\u0660\u0662\u0667-03-01T08:00Z", "is no ISO 8601 date-time"),
        ("2027-03-01T08:00Z\n", "is no ISO 8601 date-time"),
        ("9" * 100_000, "is no ISO 8601 date-time"),
        ("2027-03-01", "a date without a time of day"),
        ("2027-02-29T08:00Z", "no calendar or clock has"),
        ("2027-13-01T08:00Z", "no calendar or clock has"),
        ("2027-03-01T24:01Z", "no calendar or clock has"),
        ("2027-03-01T25:00Z", "no calendar or clock has"),
        ("2027-03-01T08:00:60Z", "no calendar or clock has"),
        ("2027-03-01T08:00+14:30", "no calendar or clock has"),
        ("2027-03-01T08:00+01:60", "no calendar or clock has"),
        ("1969-12-31T23:59:59Z", "outside the years 1970 to 2200"),
        ("2201-01-01T00:00:00Z", "outside the years 1970 to 2200"),
        ("0000-01-01T00:00:00Z", "outside the years 1970 to 2200"),
        ("9999-12-31T24:00:00-14:00", "outside the years 1970 to 2200"),
    ],
)
def test_what_is_no_instant_is_told_why(text: str, reason: str) -> None:
    fault = read_instant(text, BERLIN)
    assert isinstance(fault, Fault)
    assert reason in fault.reason


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
    assert isinstance(fault, Fault)
    assert all(reading in fault.reason for reading in [zone, *readings])
    assert any(reading in fault.hint for reading in readings)
    # Either reading, written as the hint says, is taken.
    assert all(isinstance(read_instant(reading, ZoneInfo(zone)), datetime) for reading in readings)


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


@pytest.mark.parametrize("end", ["2027-03-01T08:00:00Z", "2027-03-01T08:00:00.9Z", "2027-03-01T08:30+01:00"])
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
