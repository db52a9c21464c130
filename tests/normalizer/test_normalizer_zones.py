"""Time zones: the names and offsets that are one, and what is told of all others."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.cells import Unreadable
from importer.errors import SettingsError
from importer.normalizer.zones import check_timezone, load_zone, read_zone

IANA = frozenset(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())
TABLES = tomllib.loads(files("importer.normalizer").joinpath("zone_names.toml").read_text(encoding="utf-8"))
NAMES = TABLES["windows"] | TABLES["rails"] | TABLES["spelled_out"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("w. europe  standard time", "Europe/Berlin"),
        ("Pacific Standard Time", "America/Los_Angeles"),
        ("Eastern Standard Time", "America/New_York"),
        ("India Standard Time", "Asia/Kolkata"),
        ("GMT Standard Time", "Europe/London"),
        ("UTC", "UTC"),
        ("utc", "UTC"),
        ("Z", "UTC"),
        ("GMT", "GMT"),
        ("UTC+2", "Etc/GMT-2"),
        ("UTC +02:00", "Etc/GMT-2"),
        ("GMT-05:00", "Etc/GMT+5"),
        ("UTC\u22125", "Etc/GMT+5"),
        ("UTC\u20135", "Etc/GMT+5"),
        ("+02:00", "Etc/GMT-2"),
        ("-0500", "Etc/GMT+5"),
        ("UTC+0", "UTC"),
        ("+14:00", "Etc/GMT-14"),
        ("Eastern Time (US & Canada)", "America/New_York"),
        ("(GMT-05:00) Eastern Time (US & Canada)", "America/New_York"),
        ("(UTC-05:00) Eastern Time (US & Canada)", "America/New_York"),
        ("(UTC+01:00) Berlin", "Europe/Berlin"),
        ("(UTC) Coordinated Universal Time", "UTC"),
        ("Coordinated Universal Time", "UTC"),
        ("Berlin", "Europe/Berlin"),
        ("St. Petersburg", "Europe/Moscow"),
        ("EST5EDT", "EST5EDT"),
        ("pst8pdt", "PST8PDT"),
    ],
)
def test_a_zone_is_known_by_its_windows_name_or_offset_too(text: str, key: str) -> None:
    zone = read_zone(text)
    assert isinstance(zone, ZoneInfo)
    assert zone.key == key
    assert check_timezone(f" {text}\u00a0") is zone


def test_a_zone_named_by_an_offset_counts_to_the_east_as_everybody_does() -> None:
    """IANA's Etc/GMT-2 is what everybody else calls UTC+2."""
    zone = read_zone("UTC+2")
    assert isinstance(zone, ZoneInfo)
    assert datetime(2027, 7, 1, tzinfo=zone).utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_windows_and_rails_is_a_zone_that_iana_knows_and_never_against_an_iana_name(name: str) -> None:
    zone = read_zone(name)
    assert isinstance(zone, ZoneInfo)
    assert NAMES[name] in IANA
    by_table = load_zone(NAMES[name])
    for month in (1, 7):
        local = datetime(2027, month, 1, 12, tzinfo=by_table)
        assert local.replace(tzinfo=zone).utcoffset() == local.utcoffset()


@pytest.mark.parametrize(
    ("text", "topic", "hint"),
    [
        ("PST", "abbreviation of a time zone", "America/New_York"),
        ("cest", "abbreviation of a time zone", "Europe/Berlin"),
        ("UTC+5:30", "offset that is not a time zone", "Asia/Kolkata"),
        ("+15:00", "offset that is not a time zone", ""),
        ("UTC-13", "offset that is not a time zone", ""),
        (
            "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna",
            "time zone as Windows shows it",
            "Europe/Amsterdam",
        ),
        ("(UTC+03:00) Eastern Time (US & Canada)", "offset that is not the time zone's", "Write America/New_York"),
        ("New York, USA", "unknown time zone", "Write America/New_York if that is meant."),
        ("Eastern Time", "unknown time zone", "Write America/New_York if that is meant."),
        ("Central European Summer Time", "unknown time zone", "Write Europe/Berlin if that is meant."),
        ("Greenwich Mean Time", "unknown time zone", "Write UTC or Europe/London if that is meant."),
        ("Mars", "unknown time zone", ""),
        ("+2", "unknown time zone", ""),
    ],
)
def test_what_is_no_sure_zone_is_told_why_and_never_guessed(text: str, topic: str, hint: str) -> None:
    fault = read_zone(text)
    assert isinstance(fault, Unreadable)
    assert fault.topic == topic
    assert hint in fault.hint
    with pytest.raises(SettingsError) as caught:
        check_timezone(text)
    assert hint in caught.value.hint
    assert caught.value.hint


PIECES = st.sampled_from(
    ["UTC", "GMT", "+", "-", "2", "05", ":", "30", " ", "(", ")", "Berlin", "New_York", "/", "Etc"]
)


@given(st.text(st.characters(exclude_categories=[]), max_size=64) | st.lists(PIECES, max_size=8).map("".join))
def test_any_text_is_a_zone_with_a_name_that_iana_knows_or_a_fault(text: str) -> None:
    zone = read_zone(text)
    if isinstance(zone, Unreadable):
        assert (zone.reason + zone.hint).isprintable()
        assert zone.topic
    else:
        assert zone.key in IANA


@pytest.mark.parametrize("text", ["EST", "MST", "HST", "CET", "EET", "MET", "wet"])
def test_an_abbreviation_is_no_zone_although_iana_lists_it(text: str) -> None:
    """EST of IANA has no summer time, CET has: who writes one of them knows neither."""
    fault = read_zone(text)
    assert isinstance(fault, Unreadable)
    assert "abbreviation" in fault.reason
    assert "Europe/Berlin" in fault.hint


def test_the_rules_are_those_of_the_tzdata_package_whatever_files_the_machine_has() -> None:
    """British Columbia keeps summer time from 2026 on: files of the machine may be older than that."""
    for name in ("America/Vancouver", "Europe/Berlin", "Asia/Kolkata"):
        with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
            packaged = ZoneInfo.from_file(file)
        zone = read_zone(name)
        assert isinstance(zone, ZoneInfo)
        for year in range(2020, 2040):
            for month in (1, 7):
                local = datetime(year, month, 1, 12, tzinfo=packaged)
                assert local.replace(tzinfo=zone).utcoffset() == local.utcoffset()
    summer_for_good = datetime(2027, 1, 15, 9, tzinfo=load_zone("America/Vancouver"))
    assert summer_for_good.astimezone(UTC) == datetime(2027, 1, 15, 16, tzinfo=UTC)
