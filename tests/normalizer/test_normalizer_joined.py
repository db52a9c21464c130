"""Dates and times of day in columns of their own are one date-time; whole rows and cells by what the mapping says."""

from __future__ import annotations

from datetime import datetime

import pytest

from importer.kinds.shadow import ShadowRecord
from importer.normalizer.mapping import make_rules
from importer.normalizer.mapping_file import read_mapping
from importer.normalizer.row import Normalized, Normalizer
from importer.records import Problem, Row, Sheet

IDS = {"Schedule": "primary-eu", "On-call user": "106", "Trainee": "101"}


def _normalizer(header: tuple[str, ...], mapping: str = "", *, name: str = "Shadows") -> Normalizer:
    sheet = Sheet("plan.xlsx", name, header, tuple(range(len(header))))
    return Normalizer(sheet, make_rules(read_mapping(mapping, "map.toml"), timezone="Europe/Berlin"))


def _normalize(cells: dict[str, str], mapping: str = "") -> Normalized:
    return _normalizer(tuple(cells), mapping).normalize(Row(2, tuple(cells.values())))


def _span(result: Normalized) -> tuple[str, str]:
    assert not result.problems
    (record,) = result.records
    assert isinstance(record, ShadowRecord)
    return f"{record.starts_at:%m-%dT%H:%M}", f"{record.ends_at:%m-%dT%H:%M}"


@pytest.mark.parametrize(
    ("cells", "span"),
    [
        # Google Calendar, Outlook, Teams Shifts
        (
            {"Start Date": "2027-03-01", "Start Time": "08:00", "End Date": "2027-03-01", "End Time": "16:00"},
            ("03-01T07:00", "03-01T15:00"),
        ),
        (
            {"End Time": "6:00 AM", "Start Date": "25/03/2027", "End Date": "26/03/2027", "Start Time": "10:00 p. m."},
            ("03-25T21:00", "03-26T05:00"),
        ),
        # a rota sheet: one date, and a night over midnight
        ({"date": "2027-03-01", "start": "08:00", "end": "16:00"}, ("03-01T07:00", "03-01T15:00")),
        ({"Date": "2027-03-01", "Start time": "22:00", "End time": "06:00"}, ("03-01T21:00", "03-02T05:00")),
        ({"Day": "2027-03-01", "From": "22:00", "To": "06:00"}, ("03-01T21:00", "03-02T05:00")),
        ({"Day": "Mon", "Date": "2027-03-01", "From": "kl. 8", "To": "kl. 16:00"}, ("03-01T07:00", "03-01T15:00")),
        ({"Date": "2027/3/1", "Start": "午後0:30", "End": "午前12:00"}, ("03-01T11:30", "03-01T23:00")),
        ({"Date": "2027-03-01", "Start time": "16:00", "End time": "00:00"}, ("03-01T15:00", "03-01T23:00")),
        ({"Date": "2027-03-01", "Start time": "00:00", "End time": "24:00"}, ("02-28T23:00", "03-01T23:00")),
        ({"Start Date": "2027-03-01", "Start Time": "22:00", "End Time": "06:00"}, ("03-01T21:00", "03-02T05:00")),
        ({"Date": "2027-03-01", "Start time": "08:00", "Duration": "8h"}, ("03-01T07:00", "03-01T15:00")),
        # times with an offset of their own
        ({"Date": "2027-03-01", "Start time": "22:00Z", "End time": "06:00+00:00"}, ("03-01T22:00", "03-02T06:00")),
        ({"Date": "2027-03-01", "From": "8:00 AM (UTC)", "To": "4 pm UTC"}, ("03-01T08:00", "03-01T16:00")),
        # as workbooks hand them over: midnight of the date, the part of a day
        ({"Date": "2027-03-01T00:00:00", "Start": "08:00:00", "End": "16:00:00"}, ("03-01T07:00", "03-01T15:00")),
        # 24:00, and 22:00 and eight hours, in cells that show 00:00 and 06:00
        ({"Date": "2027-03-01", "Start": "16:00:00", "End": "1900-01-01T00:00:00"}, ("03-01T15:00", "03-01T23:00")),
        ({"Date": "2027-03-01", "Start": "22:00:00", "End": "1904-01-02T06:00:00"}, ("03-01T21:00", "03-02T05:00")),
        # as exports to CSV write texts
        ({"Date": '="2027-03-01"', "Start": '="08:00"', "End": '="16:00"'}, ("03-01T07:00", "03-01T15:00")),
        ({"Date": "46447", "Start": "0.333333333", "End": "0.75"}, ("03-01T07:00", "03-01T17:00")),
        ({"Date": "46447", "Start": "0.25", "End": "0.50"}, ("03-01T05:00", "03-01T11:00")),
        ({"Date": "2027-03-01T00:00:00", "Start": "0.25", "End": "0.5"}, ("03-01T05:00", "03-01T11:00")),
        ({"Date": "01.03.2027", "Start": "0.45", "End": "8.50"}, ("02-28T23:45", "03-01T07:50")),
        ({"Date": "01.03.2027", "Start": "0.375", "End": "0.75"}, ("03-01T08:00", "03-01T17:00")),
        (
            {"Start Date": "20270301", "Start Time": "0800", "End Date": "20270301", "End Time": "16:00"},
            ("03-01T07:00", "03-01T15:00"),
        ),
        # a time cell that is formatted as one, and holds its date too
        (
            {"Start Date": "2027-03-01T00:00:00", "Start Time": "2027-03-01T08:00:00", "Duration": "8h"},
            ("03-01T07:00", "03-01T15:00"),
        ),
        (
            {"Start Date": "01.03.2027", "Start Time": "01.03.2027 8:00", "Duration": "8h"},
            ("03-01T07:00", "03-01T15:00"),
        ),
        # a date column beside whole date-times is some other date
        (
            {"Date": "2026-11-28", "Start": "2027-03-01 08:00", "End": "2027-03-01 16:00"},
            ("03-01T07:00", "03-01T15:00"),
        ),
    ],
)
def test_a_date_and_a_time_of_day_apart_are_one_time(cells: dict[str, str], span: tuple[str, str]) -> None:
    assert _span(_normalize(IDS | cells)) == span


def test_a_mapping_joins_columns_by_any_header() -> None:
    mapping = '[columns]\n"Tag" = "date"\n"Von" = "start_time"\n"Bis" = "end_time"'
    assert _span(_normalize(IDS | {"Tag": "01.03.2027", "Von": "22h00", "Bis": "6h"}, mapping)) == _span(
        _normalize(IDS | {"Tag": "01.03.2027", "Von": "22:00", "Bis": "6:00"}, mapping)
    )
    assert _span(_normalize(IDS | {"Tag": "01.03.2027", "Von": "22:00 Uhr", "Bis": "6:00"}, mapping)) == (
        "03-01T21:00",
        "03-02T05:00",
    )


@pytest.mark.parametrize(
    ("cells", "message", "cell"),
    [
        (
            {"Start Date": "2027-03-01", "Start Time": "", "End Date": "2027-03-01", "End Time": "16:00"},
            'Start Date + Start Time is "2027-03-01", a date without a time of day',
            "E2",
        ),
        (
            {"Start Date": "", "Start Time": "08:00", "End Date": "2027-03-01", "End Time": "16:00"},
            'Start Date + Start Time is "08:00", a time of day without a date',
            "E2",
        ),
        (
            {"Date": "2027-03-01", "Start": "0.25", "End": "8.30"},
            'Date + Start is "0.25", which can be a time of day or a part of a day, as spreadsheets store one',
            "E2",
        ),
        (
            {"Start Date": "01.03.2027", "Start Time": "0.15", "End Date": "01.03.2027", "End Time": "0.50"},
            'End Date + End Time is "0.50", which can be a time of day or a part of a day, as spreadsheets store one',
            "G2",
        ),
        (
            {"Date": "2027-03-01", "Start": "08:00", "End": "1h 30m"},
            'Date + End is "1h 30m", which can be a time of day or a duration',
            "F2",
        ),
        (
            {"Start Date": "2027-03-01", "Start Time": "08:00", "End Date": "2027-03-02", "End Time": "8 h 30 min"},
            'End Date + End Time is "8 h 30 min", which can be a time of day or a duration',
            "G2",
        ),
        ({"Date": "2027-03-01", "Start": "", "End": "16:00"}, "Date + Start is empty", "E2"),
        (
            {"Date": "2027-03-01", "Start": "25:00", "End": "16:00"},
            'Date + Start is "2027-03-01 25:00", a date or time that does not exist',
            "E2",
        ),
    ],
)
def test_half_a_time_is_a_problem_of_its_cell_in_the_users_own_words(
    cells: dict[str, str], message: str, cell: str
) -> None:
    (problem,) = _normalize(IDS | cells).problems
    assert (problem.message, problem.cell) == (message, cell)


def test_a_dash_does_not_choose_the_default_of_a_mapping() -> None:
    cells = IDS | {"starts_at": "2027-03-01 08:00", "ends_at": "2027-03-01 16:00", "shadowable_type": "-"}
    assert not _normalize(cells).problems
    (problem,) = _normalize(cells, '[defaults]\nshadowable_type = "Schedule"').problems
    assert problem.message.startswith('shadowable_type is "-"')


def test_messages_name_columns_as_the_sheet_does() -> None:
    cells = IDS | {"Trainee": "", "Beginn": "soon", "ends_at": "2027-03-01 16:00"}
    problems = _normalize(cells, '[columns]\n"Beginn" = "starts_at"').problems
    assert [problem.message for problem in problems] == [
        "Trainee is empty",
        'Beginn is "soon", which is not a date-time',
    ]
    assert problems[0].hint == "Write who shadows: a number, an e-mail address or a full name."
    assert [problem.topic for problem in problems] == ["Trainee is empty", "Beginn: not a date-time"]


# ---- what cells mean, which rows count


START = {"Start": "2027-03-01 08:00", "End": "2027-03-01 16:00"}


def test_values_say_what_a_cell_means_in_any_column_and_for_members() -> None:
    mapping = """
        [values.schedule_id]
        "Payments" = "a56d5989-eb30-481b-b7ab-f424fa655cd5"
        [values.starts_at]
        "kick-off" = 2027-03-01T08:00:00Z
        [values.rotation]
        Ann = 101
        Bob = 102
        """
    cells = {"Schedule": " payments", "On-call user": "106", "rotation": "Ann, Bob, 103", "Start": "kick-off"}
    result = _normalize(cells | {"duration": "8h", "repeat": "FREQ=DAILY;COUNT=3"}, mapping)
    assert not result.problems
    keys = [record.key for record in result.records]
    assert {key[0] for key in keys} == {"a56d5989-eb30-481b-b7ab-f424fa655cd5"}
    assert [key[3] for key in keys] == [101, 102, 103]
    assert _normalize(cells | {"Schedule": "../x"}, mapping).problems  # what is not listed stays as it is


def test_rows_that_the_mapping_does_not_keep_are_left_out() -> None:
    normalizer = _normalizer(("Status", "Team"), '[rows]\nkeep = { "status" = ["migrate", "late"], "Team" = "A" }')
    rows = [("migrate", "A"), (" Late ", "a"), ("done", "A"), ("migrate", "B"), ("", "A")]
    assert [bool(normalizer.left_out(Row(2, cells))) for cells in rows] == [False, False, True, True, True]


def test_rows_that_the_mapping_drops_are_left_out() -> None:
    normalizer = _normalizer(("Team", "Note"), '[rows]\ndrop = { "team" = ["Total", "sum"] }')
    rows = [("A", ""), ("TOTAL ", "3"), ("", "Total"), ("Sum", "")]
    assert [bool(normalizer.left_out(Row(2, cells))) for cells in rows] == [False, True, False, True]


def test_empty_cells_take_the_value_above_but_never_over_one_that_could_not_be_read() -> None:
    normalizer = _normalizer(("Schedule", "Trainee"), '[fill]\ndown = ["schedule"]')
    damaged = (Problem("the cell holds an error", cell="A5"),)
    rows = [
        Row(2, ("", "1")),
        Row(3, ("Payments", "2")),
        Row(4, (" ", "")),
        Row(5, ("", "4"), problems=damaged),
        Row(6, ("", "5")),
        Row(7, ("Search", "6")),
        Row(8, ("", "7")),
    ]
    filled = [normalizer.fill_down(row).cells for row in rows]
    assert [schedule for schedule, _ in filled] == ["", "Payments", "Payments", "", "", "Search", "Search"]
    assert [trainee for _, trainee in filled] == ["1", "2", "", "4", "5", "6", "7"]


def test_a_sheets_own_tables_count_for_that_sheet_alone() -> None:
    mapping = '[sheets."H1".columns]\n"Who" = "shadow_user_id"\n[sheets."H1".checks]\npast = "problem"'
    assert "shadow_user_id" in _normalizer(("Who",), mapping, name="H1").layout.indices
    assert "shadow_user_id" not in _normalizer(("Who",), mapping, name="H2").layout.indices


def test_an_option_counts_before_a_sheets_defaults_too() -> None:
    mapping = read_mapping('[sheets."Shadows".defaults]\ntimezone = "America/New_York"', "map.toml")
    cells = IDS | START
    sheet = Sheet("plan.xlsx", "Shadows", tuple(cells), tuple(range(len(cells))))
    row = Row(2, tuple(cells.values()))
    for rules, hour in ((make_rules(mapping), 13), (make_rules(mapping, timezone="Europe/Berlin"), 7)):
        (record,) = Normalizer(sheet, rules).normalize(row).records
        assert isinstance(record, ShadowRecord)
        assert record.starts_at == datetime.fromisoformat(f"2027-03-01T{hour:02}:00Z")


@pytest.mark.parametrize(
    ("header", "own", "other"),
    [
        ("Start (UTC)", "", "UTC it would be 2027-03-01 08:00Z"),
        ("Start UTC", "America/New_York", "UTC it would be 2027-03-01 08:00Z"),
        ("Start [America/New_York]", "", "America/New_York it would be 2027-03-01 13:00Z"),
        ("Start, UTC+2", "", "it would be 2027-03-01 06:00Z"),
        ("Start (London)", "", "Europe/London it would be 2027-03-01 08:00Z"),
        ("Start (Paris)", "", ""),  # the clock of Berlin
        ("Start (UTC)", "UTC", ""),
        ("Start (local)", "", ""),
        ("Start (CET)", "", ""),  # names several zones
        ("Start UTC or London", "", ""),
    ],
)
@pytest.mark.parametrize("is_apart", [False, True])
def test_a_local_time_in_a_column_that_names_another_zone_is_reported_with_both_readings(
    header: str, own: str, other: str, is_apart: bool
) -> None:
    mapping = f'[columns]\n"{header}" = "{"start_time" if is_apart else "starts_at"}"'
    start = {"Start Date": "2027-03-01", header: "08:00"} if is_apart else {header: "2027-03-01 08:00"}
    cells = IDS | start | {"ends_at": "2027-03-02T08:00Z", "timezone": own}
    result = _normalize(cells, mapping)
    assert (len(result.records), len(result.warnings)) == (1, bool(other))
    for odd in result.warnings:
        assert odd.topic.endswith("local time in a column that names another zone")
        assert odd.message.endswith(other)


def test_a_time_with_an_offset_in_a_column_that_names_a_zone_is_not_reported() -> None:
    cells = IDS | {"Start (UTC)": "2027-03-01 08:00+01:00", "End (UTC)": "2027-03-01T16:00Z"}
    assert not _normalize(cells, '[columns]\n"Start (UTC)" = "starts_at"\n"End (UTC)" = "ends_at"').warnings
