"""Rows in which nothing is odd take a short way: it comes to the very same as the long one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.normalizer.fields import Checks, Level
from importer.normalizer.mapping import Mapping, Rules, make_rules
from importer.normalizer.row import Normalizer
from importer.records import Problem, Row, Sheet

HEADER = ("schedule_id", "shadowable_type", "shadowable_id", "shadow_user_id", "starts_at", "ends_at", "timezone")
TEXTS = (
    ("primary-eu", "Payments primary", "", " primary-eu ", "“primary-eu”", "../x", "x" * 200, "0"),
    ("User", "user", "", "Schedule", "Robot"),
    ("101", "00101", "abc", "", "0", "101.0", "112", "anna@example.com", "1" * 30, "١٢"),
    ("112", "0112", "101", "", "112.0", "0", "anna@example.com", "18446744073709551616"),
    (
        "2027-03-01T08:00:00Z",
        "2027-03-01 08:00",
        "2027-03-28T02:30",
        "03/04/2027 08:00",
        "",
        "46082.5",
        "2020-01-01T08:00Z",
        "2030-01-01T08:00Z",
        "2027-03-01T08:00:00+02:00",
        "2027-03-01T08:00+01:00[America/New_York]",
        "2027-03-28T02:30+05:00",
    ),
    (
        "2027-03-01T16:00+03:00",
        "2020-03-01T16:00-05:00",
        "2027-03-01T16:00:00Z",
        "2027-03-01 16:00",
        "2027-03-01",
        "2027-10-31T02:30",
        "",
        "2031-01-01T08:00Z",
    ),
    ("", "Europe/Berlin", "W. Europe Standard Time", "Mars"),
)
ROWS = st.tuples(*(st.sampled_from(texts) | st.text(max_size=5) for texts in TEXTS))
WIDTHS = st.sampled_from([HEADER, HEADER[:6], (*HEADER[2:], "schedule_id"), ("schedule_id", *HEADER[2:6])])


def long_way(sheet: Sheet, rules: Rules) -> Normalizer:
    normalizer = Normalizer(sheet, rules)
    normalizer._fast = None
    return normalizer


@given(
    header=WIDTHS,
    rows=st.lists(ROWS, max_size=4),
    zone=st.sampled_from([None, "Europe/Berlin"]),
    is_damaged=st.booleans(),
    name=st.sampled_from(["table", "Shadows", "Schedules"]),
)
def test_the_short_way_and_the_long_one_come_to_the_same(
    header: tuple[str, ...], rows: list[tuple[str, ...]], zone: str | None, is_damaged: bool, name: str
) -> None:
    sheet = Sheet("table.csv", name, header, tuple(range(len(header))))
    rules = make_rules(timezone=zone, now=datetime(2026, 11, 1, tzinfo=UTC))
    short, long = Normalizer(sheet, rules), long_way(sheet, rules)
    problems = (Problem("the cell holds an error", cell="A2"),) if is_damaged else ()
    for number, texts in enumerate([*rows, *rows], 2):  # again, for what was read once is remembered
        by_name = dict(zip(HEADER, texts, strict=True))
        row = Row(number, tuple(by_name[column] for column in header), problems=problems)
        assert short.normalize(row) == long.normalize(row)


@pytest.mark.parametrize("level", [None, *Level])
def test_a_row_with_several_warnings_comes_to_the_same_by_both_ways(level: Level | None) -> None:
    sheet = Sheet("table.csv", "table", HEADER, tuple(range(7)))
    mapping = Mapping(checks=Checks(far=level, self_shadow=level, offset=level))
    rules = make_rules(mapping, now=datetime(2026, 11, 1, tzinfo=UTC))
    times = ("2030-01-01T08:00:00+02:00", "2031-01-01T16:00:00+03:00")
    row = Row(2, ("primary-eu", "User", "101", "101", *times, "Europe/Berlin"))
    normalized = Normalizer(sheet, rules).normalize(row)
    assert normalized == long_way(sheet, rules).normalize(row)
    found = [one.cell for one in (*normalized.problems, *normalized.warnings)]
    assert found == (["F2"] if level is Level.OFF else ["D2", "E2", "E2", "F2", "F2"])


@pytest.mark.parametrize(
    ("user", "start", "zone"),
    [
        ("101", "2027-03-01T08:00:00Z", ""),
        ("101", "2027-03-01T08:00+05:00", "Europe/Berlin"),
        ("abc", "2027-03-01T08:00:00Z", ""),
    ],
)
def test_a_row_that_is_good_or_has_only_warnings_takes_the_short_way(user: str, start: str, zone: str) -> None:
    sheet = Sheet("table.csv", "table", HEADER, tuple(range(7)))
    normalizer = Normalizer(sheet)
    assert normalizer._fast is not None
    good = Row(2, ("primary-eu", "User", user, "112", start, "2027-03-01T16:00:00Z", zone))
    assert normalizer._fast.read(good) is not None
