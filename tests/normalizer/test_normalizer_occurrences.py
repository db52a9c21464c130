"""One row to several shifts: their instants across summer-time changes, and what is refused rather than guessed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.cells import Unreadable
from importer.normalizer.occurrences import MOST_SHIFTS, Misfit, Series, expand, occurrences
from importer.normalizer.recurrence_text import Duration, Rule, read_until
from importer.normalizer.zones import Choice, Moment, TimeRules
from importer.settings.options import DateOrder

from .plan_cells import misfit_of, rule_of, series_of, written

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Africa/Casablanca",
    "Pacific/Apia",
)
RULES = (
    "daily",
    "weekly",
    "biweekly",
    "FREQ=DAILY;INTERVAL=3",
    "FREQ=DAILY;BYHOUR=3,9,15,21",
    "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU",
    "FREQ=MONTHLY;BYMONTHDAY=1,15,-1",
    "FREQ=MONTHLY;BYDAY=1MO,-1FR",
    "FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU",
)
CHOOSING = TimeRules(twice=Choice.EARLIER, skipped=Choice.LATER)
LOCALS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(lambda local: local.replace(microsecond=0))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("start", "end", "shifts"),
    [
        (
            "2026-10-12T09:00",
            "2026-10-19T09:00",
            [
                "2026-10-12T07:00Z/2026-10-19T07:00Z",
                "2026-10-19T07:00Z/2026-10-26T08:00Z",  # the week that is an hour longer
                "2026-10-26T08:00Z/2026-11-02T08:00Z",
            ],
        ),
        (
            "2027-03-15T09:00",
            "2027-03-22T09:00",
            [
                "2027-03-15T08:00Z/2027-03-22T08:00Z",
                "2027-03-22T08:00Z/2027-03-29T07:00Z",  # the week that is an hour shorter
                "2027-03-29T07:00Z/2027-04-05T07:00Z",
            ],
        ),
    ],
    ids=["autumn", "spring"],
)
def test_a_week_from_monday_to_monday_at_nine_stays_so_across_the_change(
    start: str, end: str, shifts: list[str]
) -> None:
    assert written(series_of(start, end=end, repeat="FREQ=WEEKLY;COUNT=3")) == shifts


def test_a_night_in_new_york_keeps_its_local_hours_across_the_change() -> None:
    series = series_of("2026-10-30T20:00", end="2026-10-31T08:00", repeat="FREQ=DAILY;COUNT=4", zone="America/New_York")
    assert written(series) == [
        "2026-10-31T00:00Z/2026-10-31T12:00Z",
        "2026-11-01T00:00Z/2026-11-01T13:00Z",
        "2026-11-02T01:00Z/2026-11-02T13:00Z",
        "2026-11-03T01:00Z/2026-11-03T13:00Z",
    ]


def test_the_days_of_a_duration_are_local_days_and_its_hours_exact() -> None:
    days = series_of("2026-10-24T09:00", duration="1d", repeat="FREQ=DAILY;COUNT=2")
    hours = series_of("2026-10-24T09:00", duration="24h", repeat="FREQ=DAILY;COUNT=2")
    both = series_of("2026-10-24T09:00", duration="1d 2h", repeat="FREQ=DAILY;COUNT=1")
    assert written(days) == ["2026-10-24T07:00Z/2026-10-25T08:00Z", "2026-10-25T08:00Z/2026-10-26T08:00Z"]
    assert written(hours) == ["2026-10-24T07:00Z/2026-10-25T07:00Z", "2026-10-25T08:00Z/2026-10-26T08:00Z"]
    assert written(both) == ["2026-10-24T07:00Z/2026-10-25T10:00Z"]


def test_a_time_with_an_offset_repeats_on_the_clock_of_the_zone_given() -> None:
    series = series_of("2026-10-19T07:00:00Z", end="2026-10-19T15:00:00Z", repeat="FREQ=WEEKLY;COUNT=2")
    assert written(series) == ["2026-10-19T07:00Z/2026-10-19T15:00Z", "2026-10-26T08:00Z/2026-10-26T16:00Z"]


def test_a_time_with_an_offset_and_no_zone_repeats_at_that_offset() -> None:
    series = series_of("2026-10-19T09:00+02:00", end="2026-10-19T15:00Z", repeat="FREQ=WEEKLY;COUNT=2", zone="")
    assert written(series) == ["2026-10-19T07:00Z/2026-10-19T15:00Z", "2026-10-26T07:00Z/2026-10-26T15:00Z"]


def test_local_times_without_a_zone_are_refused_at_their_own_column() -> None:
    start = misfit_of(series_of("2026-10-19T09:00", duration="8h", repeat="FREQ=WEEKLY;COUNT=2", zone=""))
    end = misfit_of(series_of("2026-10-19T09:00Z", end="2026-10-19T17:00", repeat="FREQ=WEEKLY;COUNT=2", zone=""))
    assert (start.column, end.column) == ("starts_at", "ends_at")
    assert start.fault.topic == end.fault.topic == "local time without a time zone"


@pytest.mark.parametrize(
    ("start", "words", "readings"),
    [
        (
            "2026-10-18T02:30",
            "2026-10-25T02:30:00, which occurs twice in Europe/Berlin, because the clock is put back",
            ("2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"),
        ),
        (
            "2027-03-21T02:30",
            "2027-03-28T02:30:00, which does not exist in Europe/Berlin, because the clock is put forward",
            ("2027-03-28T01:30:00+01:00", "2027-03-28T03:30:00+02:00"),
        ),
    ],
)
def test_a_start_in_a_clock_change_names_the_shift_and_both_readings(
    start: str, words: str, readings: tuple[str, str]
) -> None:
    column, fault = misfit_of(series_of(start, duration="8h", repeat="FREQ=WEEKLY;COUNT=3"))
    assert column == "starts_at"
    assert fault.reason.startswith(f", and shift 2 starts on {words}")
    assert all(reading in fault.reason for reading in readings)


@pytest.mark.parametrize(
    ("start", "end", "duration", "column"),
    [("2026-10-17T20:00", "2026-10-18T02:30", "", "ends_at"), ("2026-10-17T02:30", "", "1d", "duration")],
)
def test_an_end_that_comes_twice_is_refused_at_the_column_that_makes_it(
    start: str, end: str, duration: str, column: str
) -> None:
    misfit = misfit_of(series_of(start, end=end, duration=duration, repeat="FREQ=WEEKLY;COUNT=3"))
    assert misfit.column == column
    assert ", and shift 2 ends on 2026-10-25T02:30:00, which occurs twice" in misfit.fault.reason


@pytest.mark.parametrize(
    ("choice", "second"), [(Choice.EARLIER, "2026-10-25T00:30Z"), (Choice.LATER, "2026-10-25T01:30Z")]
)
def test_the_rules_choose_between_two_readings_of_a_start(choice: Choice, second: str) -> None:
    series = series_of("2026-10-18T02:30", duration="1h", repeat="FREQ=WEEKLY;COUNT=3", rules=TimeRules(twice=choice))
    assert [shift.split("/")[0] for shift in written(series)] == ["2026-10-18T00:30Z", second, "2026-11-01T01:30Z"]


def test_choices_that_would_end_a_shift_before_its_start_are_refused() -> None:
    rules = TimeRules(skipped=Choice.LATER)
    misfit = misfit_of(series_of("2027-03-27T02:45", end="2027-03-27T03:15", repeat="FREQ=DAILY;COUNT=2", rules=rules))
    assert misfit.column == "ends_at"
    assert "shift 2 ends on 2027-03-28T01:15:00+00:00, not after its start" in misfit.fault.reason


def test_choices_that_would_make_two_shifts_of_one_start_are_refused() -> None:
    rules = TimeRules(skipped=Choice.LATER)
    misfit = misfit_of(
        series_of("2027-03-27T02:30", duration="30m", repeat="FREQ=DAILY;BYHOUR=2,3;COUNT=4", rules=rules)
    )
    assert misfit.column == "starts_at"
    assert "shift 4, 2027-03-28T03:30:00, does not start after the one before it" in misfit.fault.reason


def test_the_first_shift_keeps_the_offset_that_is_written() -> None:
    """02:30+01:00 is the later of two; the repetition alone would have to ask."""
    series = series_of("2026-10-25T02:30+01:00", end="2026-10-25T02:45+01:00", repeat="FREQ=WEEKLY;COUNT=2")
    assert written(series) == ["2026-10-25T01:30Z/2026-10-25T01:45Z", "2026-11-01T01:30Z/2026-11-01T01:45Z"]


@pytest.mark.parametrize(
    ("until", "days"),
    [
        ("2026-10-21", [19, 20, 21]),  # the whole day
        ("2026-10-21T00:00:00", [19, 20, 21]),  # as a date cell of a spreadsheet arrives
        ("2026-10-21T08:59", [19, 20]),
        ("2026-10-21T09:00", [19, 20, 21]),
        ("2026-10-21T07:00:00Z", [19, 20, 21]),
        ("2026-10-21T06:59:59Z", [19, 20]),
        ("Oct 21, 2026", [19, 20, 21]),
    ],
)
def test_until_bounds_the_starts(until: str, days: list[int]) -> None:
    turns = expand(series_of("2026-10-19T09:00", duration="8h", repeat="daily", until=until))
    assert not isinstance(turns, Misfit)
    assert [turn.starts_at.day for turn in turns] == days


def test_a_date_that_two_countries_read_differently_bounds_nothing_until_the_order_is_said() -> None:
    doubtful = read_until("03/04/2027", TimeRules())
    assert isinstance(doubtful, Unreadable)
    assert isinstance(read_until("whenever", TimeRules()), Unreadable)
    last = datetime(2027, 4, 3, 23, 59, 59)  # noqa: DTZ001  (local)
    assert read_until("03/04/2027", TimeRules(date_order=DateOrder.DMY)) == Moment(last, None)


@pytest.mark.parametrize("until", ["20261021", "20261021T090000", "20261021T070000Z", "2026-10-21T09:00:00"])
def test_until_in_a_rule_is_a_day_a_local_time_or_utc(until: str) -> None:
    assert len(written(series_of("2026-10-19T09:00", duration="8h", repeat=f"FREQ=DAILY;UNTIL={until}"))) == 3
    east = series_of("2026-10-19T00:30", duration="8h", repeat="FREQ=DAILY;UNTIL=20261020T223000Z")
    assert len(written(east)) == 3


def test_the_earlier_of_two_bounds_counts() -> None:
    assert (
        len(written(series_of("2026-10-19T09:00", duration="8h", repeat="FREQ=DAILY;COUNT=9", until="2026-10-20"))) == 2
    )
    assert (
        len(written(series_of("2026-10-19T09:00", duration="8h", repeat="FREQ=DAILY;COUNT=2", until="2026-12-20"))) == 2
    )
    both = series_of("2026-10-19T09:00", duration="8h", repeat="FREQ=DAILY;UNTIL=20261021", until="2026-10-20")
    assert len(written(both)) == 2


def test_an_instant_of_until_parts_the_hour_that_comes_twice() -> None:
    rules = TimeRules(twice=Choice.EARLIER)
    series = series_of("2026-10-24T02:30", duration="1h", repeat="daily", rules=rules, until="2026-10-25T00:29Z")
    assert len(written(series)) == 1
    assert len(written(replace(series, until=Moment(datetime(2026, 10, 25, 0, 30), timedelta(0))))) == 2  # noqa: DTZ001


def test_a_time_that_does_not_exist_is_no_matter_after_the_end() -> None:
    series = series_of("2027-03-27T02:30", duration="1h", repeat="daily", until="2027-03-28T00:00Z")
    assert written(series) == ["2027-03-27T01:30Z/2027-03-27T02:30Z"]


def test_a_rule_without_an_end_is_refused_with_all_ways_to_end_it() -> None:
    column, fault = misfit_of(series_of("2026-10-19T09:00", duration="8h", repeat="weekly"))
    assert (column, fault.reason) == ("repeat", ", which has no end")
    assert all(way in fault.hint for way in ("COUNT", "column until", "--until"))


def test_a_start_on_which_the_rule_does_not_come_names_the_first_date() -> None:
    column, fault = misfit_of(series_of("2026-10-20T09:00", duration="8h", repeat="FREQ=WEEKLY;BYDAY=MO;COUNT=3"))
    assert column == "starts_at"
    assert "Monday, 2026-10-26T09:00:00" in fault.reason
    assert "2026-10-26T09:00:00" in fault.hint


def test_an_end_before_the_first_shift_makes_no_silent_nothing() -> None:
    misfit = misfit_of(series_of("2026-10-19T09:00", duration="8h", repeat="daily", until="2026-10-18"))
    assert misfit.column == "starts_at"
    assert "after the end of the repetition, 2026-10-18T23:59:59" in misfit.fault.reason
    offset = misfit_of(series_of("2026-10-19T09:00", duration="8h", repeat="daily", until="2026-10-18T01:00Z"))
    assert "2026-10-18T01:00:00+00:00" in offset.fault.reason


def test_a_thousand_shifts_are_made_and_one_more_is_refused() -> None:
    series = series_of("2026-10-19T09:00", duration="8h", repeat="FREQ=DAILY;COUNT=1000")
    assert len(written(series)) == MOST_SHIFTS
    column, fault = misfit_of(replace(series, rule=rule_of("FREQ=DAILY;COUNT=1001")))
    assert column == "repeat"
    assert "more than 1,000 shifts" in fault.reason


@pytest.mark.parametrize("rule", ["monthly", "FREQ=MONTHLY", "FREQ=YEARLY;BYMONTH=1,2"])
def test_months_without_the_day_of_the_start_are_not_left_out_silently(rule: str) -> None:
    misfit = misfit_of(series_of("2027-01-31T09:00", duration="8h", repeat=rule, until="2028-01-01"))
    assert misfit.column == "starts_at"
    assert misfit.fault.reason == ", a day that not every month of the repetition has"
    assert "BYMONTHDAY=-1" in misfit.fault.hint


def test_a_rule_that_names_the_31st_leaves_out_the_other_months() -> None:
    series = series_of("2027-01-31T09:00", duration="8h", repeat="FREQ=MONTHLY;BYMONTHDAY=31;COUNT=3", zone="UTC")
    assert [shift[5:10] for shift in written(series)] == ["01-31", "03-31", "05-31"]


def test_a_leap_day_is_not_repeated_silently_every_four_years() -> None:
    misfit = misfit_of(series_of("2028-02-29T09:00", duration="8h", repeat="FREQ=YEARLY;COUNT=3"))
    assert misfit.fault.reason == ", a day that not every year of the repetition has"
    assert "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1" in misfit.fault.hint
    mended = series_of("2028-02-29T09:00", duration="8h", repeat="FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1;COUNT=2")
    assert [shift[:10] for shift in written(mended)] == ["2028-02-29", "2029-02-28"]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31",
        "FREQ=WEEKLY;BYDAY=TU;BYSETPOS=2",
        "FREQ=YEARLY;BYMONTH=1;BYWEEKNO=30;BYDAY=TU",
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=355,356,357,358,359,360,361,362,363,364,365,366",
    ],
)
def test_a_rule_that_never_comes_ends_in_a_sentence(rule: str) -> None:
    misfit = misfit_of(series_of("2026-10-20T09:00", duration="8h", repeat=rule, until="2030-01-01"))
    assert (misfit.column, misfit.fault.reason) == ("repeat", ", which never occurs")


def test_a_rule_that_runs_dry_before_its_count_is_refused() -> None:
    misfit = misfit_of(series_of("2026-10-20T09:00", duration="8h", repeat="FREQ=YEARLY;INTERVAL=999;COUNT=3"))
    assert misfit.column == "repeat"
    assert "the last time is number 1" in misfit.fault.reason


@pytest.mark.parametrize(
    ("start", "duration", "column"),
    [("2199-06-30T09:00", "1d", "starts_at"), ("2195-06-30T09:00", "3600d", "duration")],
)
def test_shifts_beyond_the_last_year_are_refused(start: str, duration: str, column: str) -> None:
    misfit = misfit_of(series_of(start, duration=duration, repeat="FREQ=YEARLY;COUNT=5"))
    assert misfit.column == column
    assert "outside the years 1970 to 2200" in misfit.fault.reason


def test_an_end_before_the_start_is_refused() -> None:
    misfit = misfit_of(series_of("2026-10-19T09:00", end="2026-10-19T09:00", repeat="FREQ=DAILY;COUNT=2"))
    assert misfit.column == "ends_at"
    assert "not after its start" in misfit.fault.reason


def test_a_repetition_without_an_end_of_its_shifts_is_refused() -> None:
    assert misfit_of(series_of("2026-10-19T09:00", repeat="FREQ=DAILY;COUNT=2")).column == "ends_at"


def test_a_row_that_does_not_repeat_makes_one_shift() -> None:
    assert written(series_of("2026-10-24T09:00", duration="1d")) == ["2026-10-24T07:00Z/2026-10-25T08:00Z"]


@settings(deadline=None)
@given(
    start=LOCALS,
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    rule=st.sampled_from(RULES).map(rule_of),
    days=st.integers(0, 9),
    seconds=st.integers(1, 200_000),
    count=st.integers(1, 60),
    members=st.integers(0, 7),
)
def test_shifts_keep_their_local_time_their_order_and_their_number(
    start: datetime, zone: ZoneInfo, rule: Rule, days: int, seconds: int, count: int, members: int
) -> None:
    """Whatever the zone and the rule: as many as asked for, sorted, distinct, on the local clock of the first."""
    start = next(occurrences(rule, start))
    length, counted = Duration(days, seconds), replace(rule, count=count)
    turns = expand(Series(Moment(start, None), length, zone, counted, members=members, rules=CHOOSING))
    assert not isinstance(turns, Misfit)
    starts = [turn.starts_at for turn in turns]
    assert len(turns) == count
    assert starts == sorted(set(starts))
    assert all(turn.starts_at < turn.ends_at for turn in turns)
    assert [turn.member for turn in turns] == [index % (members or 1) for index in range(count)]
    times = {start.time(), *(start.time().replace(hour=hour) for hour in rule.numbers("BYHOUR"))}
    assert all(instant.astimezone(zone).time() in times or _is_near_a_change(instant, zone) for instant in starts)


@settings(deadline=None)
@given(
    start=LOCALS,
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    rule=st.sampled_from(RULES).map(rule_of),
    minutes=st.integers(0, 300_000),
)
def test_until_makes_no_later_start_and_leaves_out_no_earlier_one(
    start: datetime, zone: ZoneInfo, rule: Rule, minutes: int
) -> None:
    start = next(occurrences(rule, start))

    def starts(bounded: Rule) -> list[datetime]:
        turns = expand(Series(Moment(start, None), Duration(0, 60), zone, bounded, rules=CHOOSING))
        assert not isinstance(turns, Misfit)
        return [turn.starts_at for turn in turns]

    counted = starts(replace(rule, count=50))
    last = counted[0] + timedelta(minutes=minutes)
    bounded = starts(replace(rule, until=Moment(last.replace(tzinfo=None), timedelta(0))))
    assert bounded[:50] == [instant for instant in counted if instant <= last]


def _is_near_a_change(instant: datetime, zone: ZoneInfo) -> bool:
    day = timedelta(days=1)
    return (instant - day).astimezone(zone).utcoffset() != (instant + day).astimezone(zone).utcoffset()
