"""Date-times as people and programs write them: one reading is taken, two are told, none is told why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.cells import Unreadable
from importer.normalizer.date_times import read_instant, read_moment
from importer.normalizer.zones import Choice, TimeRules
from importer.settings.options import DateOrder

BERLIN = ZoneInfo("Europe/Berlin")
EIGHT = datetime(2027, 3, 1, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "1 March 2027 08:00",
        "1 march 2027, 8:00",
        "01-Mar-2027 08:00",
        "01-MAR-2027 08:00:00",
        "01MAR2027:08:00:00",  # SAS
        "01MAR2027:08:00",
        "1. March 2027 08:00",
        "1st of March, 2027 at 8am",
        "March 1, 2027 8:00 AM",
        "March 1st, 2027, 8:00:00\u202fAM",
        "Mar. 1 2027 8 a.m.",
        "Mar 1, 2027 - 8.00 am",
        "01.03.2027 8:00:00 a.\u00a0m.",
        "01.03.2027 8:00 A. M.",
        "01.03.2027 08:00 Uhr",
        "01.03.2027, 8 Uhr",
        "01.03.2027 08:00 uur",
        "01.03.2027 kl. 08.00",
        "2027-03-01 kl 8",
        "2027/03/01 午前8:00",
        "2027/3/1 午前 8時",
        "2027年3月1日 上午8时00分",
        "2027. 3. 1 오전 8:00",
        "01.03.2027 8h00",
        "01.03.2027 08:00 h",
        "1 March 2027 08:00 hrs",
        "1 March 2027 07:00 Uhr UTC",
        "Mon, 01 Mar 2027 08:00:00 +0100",
        "Monday, 1 March 2027 08:00",
        "Mon Mar 01 2027 08:00:00 GMT+0100 (Central European Standard Time)",
        "Mon Mar  1 08:00:00 2027",  # C
        "Mon Mar 01 07:00:00 UTC 2027",  # Java, the command date
        "Mon 2027-03-01 08:00",
        "2027/03/01 08:00",
        "2027/3/1 8:00",
        "2027-3-1T8:00",
        "2027-03-01 8:00 AM",
        "2027-03-01 08.00",
        "2027-03-01, 08:00",
        "2027.03.01 08:00",
        "01.03.2027 08:00",
        "1.3.2027, 8.00",
        "1. 3. 2027 8:00",
        "\u200e01.03.2027\u00a0\u200e08:00",
        "1 March 2027 07:00 UTC",
        "1 March 2027 07:00Z",
        "1 March 2027 07:00 GMT",
        "1 March 2027 08:00 UTC+1",
        "1 March 2027 08:00 (UTC+01:00)",
        "1 March 2027 08:00+01:00",
        "1 March 2027 02:00 \u22120500",
        "2027-03-01 12:30 UTC+5:30",
        "2027-03-01T08:00:00 UTC+01:00",
        "2027-03-01 08:00:00 +0100 CET",
        "2027-03-01 07:00:00 +0000 UTC",
        "2027-03-01T08:00+01:00[Europe/Berlin]",
        "2027-03-01T02:00:00-05:00[America/New_York]",
        "20270301 08:00",
        "20270301 0800+0100",
        "2027\u201103\u201101 08:00",
        "2027\u201303\u201301 08:00",
        "2027. 3. 1. 오전 8:00",
        "01.03.2027. 08:00",
        "2027-03-01 8 Uhr 00",
        "2027-03-01 8 h 00 min",
        "2027-03-01 0800",
        "Monday 1 March 2027 0800 hrs",
        "\uff12\uff10\uff12\uff17\uff0f\uff13\uff0f\uff11\u3000\uff18\uff1a\uff10\uff10",
        "2027/3/1(月) 8:00",
        "2027年3月1日\uff08月\uff098時",
        "01.03.2027 (Mon) 08:00",
        "01.03.2027(Mon) kl. 8",
        "2027/3/1(月)午前8:00",
        "2027-03-01 (Mon), 08:00",
    ],
)
def test_all_written_forms_of_one_instant_are_one_instant(text: str) -> None:
    assert read_instant(text, BERLIN) == EIGHT


@pytest.mark.parametrize(
    ("clock", "hour", "minute"),
    [
        ("12:00 AM", 0, 0),
        ("12am", 0, 0),
        ("12:30 a.m.", 0, 30),
        ("11:59 pm", 23, 59),
        ("12 pm", 12, 0),
        ("12:30 PM", 12, 30),
        ("4:05:00 p. m.", 16, 5),
        ("4:05 P.M.", 16, 5),
        ("8.15pm", 20, 15),
        ("8:15p", 20, 15),
        ("12a", 0, 0),
        ("20.15", 20, 15),
        ("20 Uhr 15", 20, 15),
        ("2015", 20, 15),
        ("noon", 12, 0),
        ("12:00 noon", 12, 0),
        ("0:00", 0, 0),
    ],
)
def test_a_clock_of_twelve_hours_and_one_of_twentyfour_are_read(clock: str, hour: int, minute: int) -> None:
    assert read_instant(f"1 March 2027 {clock} UTC", None) == datetime(2027, 3, 1, hour, minute, tzinfo=UTC)
    assert read_instant(f"2027-03-12 {clock} UTC", None) == datetime(2027, 3, 12, hour, minute, tzinfo=UTC)


def test_the_end_of_the_day_may_be_written_as_24_00() -> None:
    assert read_instant("31 December 2027 24:00 UTC", None) == datetime(2028, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "reason", "hint"),
    [
        ("Tue, 01 Mar 2027 08:00:00 +0100", "2027-03-01 is a Monday, not a Tuesday", "weekday"),
        ("Mon 03/04/2026 08:00", "2026-04-03 is a Friday and 2026-03-04 is a Wednesday, not a Monday", "weekday"),
        ("1 March 2027 08:00 GMT BST", 'with "GMT BST" after the time', "+01:00"),
        ("1. März 2027 08:00", 'with "März", which is not an English month', "in English or as a number"),
        ("Mo, 01.03.2027 08:00", 'with "Mo", which is not an English weekday', "Leave the weekday out"),
        ("1 March 2027 08:00 CET", 'with "CET" after the time', "+01:00"),
        ("March 1, 2027 8:00 AM EST", "means different offsets", "column timezone"),
        ("2027-03-01T08:00 PST", "means different offsets", "column timezone"),
        ("2027-03-01 08:00 Europe/Berlin", 'with "Europe/Berlin" after the time', "column timezone"),
        ("2027-03-01 08:00 Pacific Standard Time", "after the time", "column timezone"),
        ("01.03.2027 08:00-12:00", "a span of time", "columns of their own"),
        ("2027-03-01 08:00-16:00", "a span of time", "columns of their own"),
        ("2027-03-01 08:00 \u2013 16:00", "a span of time", "columns of their own"),
        ("1 (March) 2027 08:00", "not a date-time", "date, time of day and offset"),
        ("2027/3/1(火) 午後8:00", "2027-03-01 is a Monday, not a Tuesday", "weekday"),
        ("2027-03-01 12 midnight", "the start or the end of the day", "24:00"),
        ("2027-03-01 800", "not a date-time", "date, time of day and offset"),
        ("2027-03-01 08:00-12:00", "a span of time", "T before the time"),
        ("2027-03-01 08:00-1200", "a span of time", "T before the time"),
        ("8h 30m", "a time of day or a duration", "column duration"),
        ("2027-03-01 22:00-06", "a span of time", "a blank before an offset"),
        ("20270301 0800-1200", "not a date-time", "date, time of day and offset"),
        ("03/04/26 08:00", "two-digit year", "--date-order"),
        ("1-Mar-27 08:00", "two-digit year", "four digits"),
        ("1.3.27 08:00", "two-digit year", "four digits"),
        ("1 March 2027", "a date without a time of day", "2027-03-01T08:00:00Z"),
        ("01.03.2027", "a date without a time of day", "2027-03-01T08:00:00Z"),
        ("08:00:00", "a time of day without a date", "2027-03-01T08:00:00Z"),
        ("08:00Z", "a time of day without a date", "2027-03-01T08:00:00Z"),
        ("2027-03-01 4:00 P", "half a day or a time zone", "8 pm or 20:00"),
        ("4:00 a", "half a day or a time zone", "8 pm or 20:00"),
        ("March 1, 2027 → March 8, 2027", "a span of time in one cell", "columns of their own"),
        ("March 1, 2027 9:00 AM (UTC) → 5:00 PM", "a span of time in one cell", "columns of their own"),
        ("01.03.2027 \u2013 08.03.2027", "a span of time in one cell", "columns of their own"),
        ("2027-03-01 08:00 bis 16:00", "a span of time in one cell", "columns of their own"),
        ("8am", "a time of day without a date", "2027-03-01T08:00:00Z"),
        ("1 March 2027 13:00 PM", "does not exist", ""),
        ("1 March 2027 0:00 am", "does not exist", ""),
        ("1 March 2027 25:00", "does not exist", ""),
        ("30 February 2027 08:00", "does not exist", ""),
        ("13/13/2027 08:00", "does not exist", ""),
        ("03.25.2027 08:00", "does not exist", ""),
        ("1 March 2027 08:00 UTC+15", "does not exist", ""),
        ("1 March 1969 08:00", "outside the years", ""),
        ("1 March 9999 24:00", "outside the years", ""),
        ("1 March 2027 08", "is not a date-time", "2027-03-01T08:00:00Z"),
        ("1 March 08:00", "is not a date-time", ""),
        ("1 March 2030:00", "is not a date-time", ""),
        ("1 March 20:30:00", "is not a date-time", ""),
        ("1 March 2027 08:00 +1", "is not a date-time", ""),
        ("tomorrow 8am", "is not a date-time", ""),
        ("10.0.0.1", "is not a date-time", ""),
    ],
)
def test_a_written_form_that_is_no_sure_instant_is_told_why(text: str, reason: str, hint: str) -> None:
    fault = read_instant(text, BERLIN)
    assert isinstance(fault, Unreadable)
    assert reason in fault.reason
    assert hint in fault.hint
    assert fault.topic
    assert not any(char.isdigit() for char in fault.topic)


@pytest.mark.parametrize("text", ["03/04/2026 08:00", "3/4/2026 8:00 AM", "03-04-2026 08:00", "03/04/2026"])
def test_a_date_that_two_countries_read_differently_names_both_readings(text: str) -> None:
    fault = read_instant(text, BERLIN)
    assert isinstance(fault, Unreadable)
    assert "2026-04-03 (day-month-year)" in fault.reason
    assert "2026-03-04 (month-day-year)" in fault.reason
    assert "--date-order" in fault.hint
    assert fault.topic == "ambiguous day and month"


@pytest.mark.parametrize("text", ["03/04/2026 08:00Z", "3-4-2026 8:00 UTC", "03/04/26 08:00 GMT"])
def test_the_date_order_says_which_reading_is_meant(text: str) -> None:
    assert read_instant(text, None, TimeRules(DateOrder.DMY)) == datetime(2026, 4, 3, 8, tzinfo=UTC)
    assert read_instant(text, None, TimeRules(DateOrder.MDY)) == datetime(2026, 3, 4, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("25/03/2026 08:00Z", (3, 25)),
        ("03/25/2026 08:00Z", (3, 25)),
        ("03/03/2026 08:00Z", (3, 3)),
        ("Fri 03/04/2026 08:00Z", (4, 3)),
        ("Wed 03/04/2026 08:00Z", (3, 4)),
    ],
)
def test_a_date_with_one_reading_only_needs_no_order(text: str, day: tuple[int, int]) -> None:
    assert read_instant(text, None) == datetime(2026, *day, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("25/03/2026 08:00Z", DateOrder.MDY),
        ("03/25/2026 08:00Z", DateOrder.DMY),
        ("25.03.2026 08:00Z", DateOrder.MDY),
        ("Fri 03/04/2026 08:00Z", DateOrder.MDY),
    ],
)
def test_a_date_against_the_order_that_was_named_is_a_fault(text: str, order: DateOrder) -> None:
    fault = read_instant(text, None, TimeRules(order))
    assert isinstance(fault, Unreadable)
    assert "the chosen order" in fault.reason
    assert fault.topic == "date that does not fit the chosen order"


@pytest.mark.parametrize("order", DateOrder)
def test_a_date_order_leaves_dates_alone_that_need_none(order: DateOrder) -> None:
    for text in ("2027-03-01T07:00Z", "2027/03/01 07:00Z", "March 1, 2027 7am UTC", "1-Mar-27 07:00Z", "46447.29167"):
        assert read_instant(text, ZoneInfo("UTC"), TimeRules(order)) == EIGHT


MINUTES = st.integers(-14 * 60, 14 * 60)
INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(2200, 12, 30)).map(  # noqa: DTZ001  (made UTC right here)
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
FORMS = (
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y%m%dT%H%M%S%z",
    "%a, %d %b %Y %H:%M:%S %z",
    "%A, %d %B %Y %H:%M:%S UTC%z",
    "%a %b %d %Y %H:%M:%S GMT%z (Some Time)",
    "%d %B %Y %H:%M:%S %z",
    "%d-%b-%Y %H:%M:%S %z",
    "%B %d, %Y %I:%M:%S %p %z",
    "%b %d, %Y at %I:%M:%S%p (UTC%z)",
    "%Y/%m/%d %H:%M:%S %z",
    "%d.%m.%Y %H.%M.%S %z",
    "%d.%m.%Y, %H:%M:%S %z",
)


@given(INSTANTS, MINUTES, st.sampled_from(FORMS))
def test_an_instant_written_in_any_form_reads_back_as_that_instant(instant: datetime, minutes: int, form: str) -> None:
    local = instant.astimezone(timezone(timedelta(minutes=minutes)))
    assert read_instant(local.strftime(form), None) == instant


@given(INSTANTS, st.sampled_from([(DateOrder.DMY, "%d/%m/%Y %H:%M:%S %z"), (DateOrder.MDY, "%m/%d/%Y %I:%M:%S %p %z")]))
def test_a_slashed_date_in_the_named_order_reads_back(instant: datetime, case: tuple[DateOrder, str]) -> None:
    order, form = case
    text = instant.strftime(form)
    assert read_instant(text, None, TimeRules(order)) == instant
    found = read_instant(text, None)
    assert found == instant or (isinstance(found, Unreadable) and instant.date().isoformat() in found.reason)


@given(INSTANTS)
def test_an_instant_as_a_number_of_days_reads_back(instant: datetime) -> None:
    days = (instant - datetime(1899, 12, 30, tzinfo=UTC)) / timedelta(days=1)
    assert read_instant(f"{days:.5f}", ZoneInfo("UTC")) == instant
    assert read_instant(f"{days:.9f}", ZoneInfo("UTC")) == instant


MARKS = st.sampled_from(
    [" ", ",", "/", ".", "-", ":", "+1", "+01:00", "(", ")", "[", "]", "\u202f", "\u2212", "T", "Z"]
)
PIECES = MARKS | st.sampled_from(
    [
        "03",
        "4",
        "27",
        "31",
        "2026",
        "0000",
        "9999",
        "Mar",
        "march",
        "Mon",
        "st",
        "of",
        "08:00",
        "24:00",
        "am",
        "pm",
        "UTC",
    ]
)
RULES = st.builds(
    TimeRules, st.none() | st.sampled_from(DateOrder), *[st.none() | st.sampled_from(Choice) for _ in range(2)]
)


@given(
    st.text(st.characters(exclude_categories=[]), max_size=64) | st.lists(PIECES, max_size=16).map("".join),
    st.none() | st.just(BERLIN),
    RULES,
)
def test_any_text_is_an_instant_or_a_fault_fit_to_print(text: str, zone: ZoneInfo | None, rules: TimeRules) -> None:
    found = read_instant(text, zone, rules)
    moment = read_moment(text, rules)
    if isinstance(found, Unreadable):
        assert (found.reason + found.hint + found.topic).isprintable()
        assert found.reason
        assert found.topic
    else:
        assert found.tzinfo is UTC
        assert not isinstance(moment, Unreadable)
        assert moment.local.microsecond == found.microsecond == 0
