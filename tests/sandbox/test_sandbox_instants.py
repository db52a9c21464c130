"""Date-times keep their instant, whatever their offset, and come out in the key's time zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.sandbox.api.answers import instant_of, parse_instant, show_instant

OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1900, 1, 2), datetime(9998, 12, 30), timezones=OFFSETS))  # noqa: DTZ001  hypothesis adds the zone
def test_an_instant_comes_out_as_it_went_in_cut_to_milliseconds(moment: datetime) -> None:
    text = show_instant(parse_instant(moment.isoformat()))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}-0[78]:00", text)
    assert timedelta(0) <= moment - datetime.fromisoformat(text) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2026-02-20T02:12:19.680Z", "2026-02-19T18:12:19.680-08:00"),
        ("2026-07-01T09:00:00+02:00", "2026-07-01T00:00:00.000-07:00"),
        ("2026-03-08T10:00:00Z", "2026-03-08T03:00:00.000-07:00"),
        ("2026-11-01T08:30:00Z", "2026-11-01T01:30:00.000-07:00"),
        ("2026-11-01T09:30:00Z", "2026-11-01T01:30:00.000-08:00"),
        ("2026-07-01t09:00:00.123456789z", "2026-07-01T02:00:00.123-07:00"),
        ("1969-12-31T23:59:59.9999Z", "1969-12-31T15:59:59.999-08:00"),
    ],
)
def test_answers_are_in_the_time_zone_of_the_keys_user(sent: str, shown: str) -> None:
    assert show_instant(parse_instant(sent)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-07-01",
        "2026-07-01T09:00:00",
        "2026-07-01 09:00:00Z",
        "2026-07-01T09:00Z",
        "2026-07-01T09:00:00+0200",
        "2026-07-01T09:00:00+24:00",
        "20260701T090000Z",
        "2026-W27-3T09:00:00Z",
        "2026-02-30T09:00:00Z",
        "2026-07-01T25:00:00Z",
        "2026-07-01T23:59:60Z",
        "2026-07-01T09:00:00Z\n",
        "٢٠٢٦-07-01T09:00:00Z",
    ],
)
def test_what_is_no_date_time_with_an_offset_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="date-time with an offset"):
        parse_instant(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "1899-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"])
def test_a_year_whose_offset_or_date_could_not_be_written_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="1900 to 9998"):
        parse_instant(text)


def test_the_clocks_seconds_become_an_instant() -> None:
    moment = datetime(2026, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)
    assert show_instant(instant_of(moment.timestamp())) == "2026-01-01T04:00:00.250-08:00"
