"""Calendar files as people have them: every event is taken or told, and none of them puts the wrong person on call."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from importer.calendars import Pulled, Window
from importer.calendars.ical import read_calendar
from importer.errors import SourceError

PAGERDUTY = """\
BEGIN:VCALENDAR
VERSION:2.0
X-WR-CALNAME:On Call Schedule for Payments
PRODID;X-RICAL-TZSOURCE=TZINFO:-//com.denhaven2/NONSGML ri_cal gem//EN
BEGIN:VEVENT
DTEND;VALUE=DATE-TIME:20270108T090000Z
DTSTART;VALUE=DATE-TIME:20270101T090000Z
ATTENDEE:Ann@Example.com
UID:Q1S46N8B8ADP9D
URL:https://acme.pagerduty.com/schedules#PABC123
SUMMARY:On Call - Ann Berg - Payments
END:VEVENT
END:VCALENDAR
"""


def seconds(text: str) -> int:
    """Return the epoch second of a UTC time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


YEAR = Window(seconds("2027-01-01"), seconds("2028-01-01"))


def read(*events: str, head: str = "", window: Window = YEAR, zone: str = "", pattern: str = "") -> Pulled:
    """Read a calendar of these events, each a text of properties."""
    inner = "".join(f"BEGIN:VEVENT\nUID:{index}\n{event.strip()}\nEND:VEVENT\n" for index, event in enumerate(events))
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{head}{inner}END:VCALENDAR\n"
    return read_calendar(text.replace("\n", "\r\n").encode(), "rota.ics", window, zone=zone, pattern=pattern)


def shifts(pulled: Pulled) -> list[tuple[str, str, str]]:
    """Return who is on call from when to when, in UTC."""
    return [(one.person, clock(one.start), clock(one.end)) for one in pulled.calendar.intervals]


def clock(moment: int) -> str:
    """Return month, day and time of an epoch second, in UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%m-%d %H:%M")


def test_a_pagerduty_feed_names_schedule_person_and_shift() -> None:
    pulled = read_calendar(PAGERDUTY.encode(), "feed", YEAR)
    assert shifts(pulled) == [("ann@example.com", "01-01 09:00", "01-08 09:00")]
    (schedule,) = pulled.calendar.schedules
    assert (schedule.id, schedule.name, schedule.provider) == ("PABC123", "Payments", "PAGER_DUTY")
    assert pulled.calendar.names == {"ann@example.com": "Ann Berg"}
    assert pulled.calendar.covers["PABC123"] == Window(seconds("2027-01-01T09:00"), seconds("2027-01-08T09:00"))


def test_a_rule_is_expanded_in_local_time_across_summer_time() -> None:
    pulled = read(
        "DTSTART;TZID=Europe/Berlin:20270325T090000\nDTEND;TZID=Europe/Berlin:20270325T170000\n"
        "RRULE:FREQ=DAILY;COUNT=5\nEXDATE;TZID=Europe/Berlin:20270326T090000\nSUMMARY:Ann"
    )
    assert [start for _, start, _ in shifts(pulled)] == ["03-25 08:00", "03-27 08:00", "03-28 07:00", "03-29 07:00"]


def test_an_exception_without_attendee_keeps_the_person_of_its_rule() -> None:
    master = (
        "DTSTART:20270301T090000Z\nDTEND:20270301T170000Z\nRRULE:FREQ=WEEKLY;COUNT=2\n"
        "SUMMARY:Shift\nATTENDEE;CN=Ann:MAILTO:ann@example.com"
    )
    moved = "RECURRENCE-ID:20270308T090000Z\nDTSTART:20270309T090000Z\nDTEND:20270309T170000Z\nSUMMARY:Shift"
    same = f"BEGIN:VEVENT\nUID:a\n{master}\nEND:VEVENT\nBEGIN:VEVENT\nUID:a\n{moved}\nEND:VEVENT\n"
    pulled = read(head=same)
    assert shifts(pulled) == [
        ("ann@example.com", "03-01 09:00", "03-01 17:00"),
        ("ann@example.com", "03-09 09:00", "03-09 17:00"),
    ]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("DTSTART:20270301T170000Z\nDTEND:20270301T090000Z\nSUMMARY:Ann", "ends before it begins"),
        ("DTSTART:20270301T170000Z\nSUMMARY:Ann", "has no length"),
        ("DTSTART;TZID=Mars/Olympus:20270301T090000\nDTEND;TZID=Mars/Olympus:20270301T170000\nSUMMARY:Ann", "Mars"),
        ("DTSTART:20270301T090000\nDTEND:20270301T170000\nSUMMARY:Ann", "no time zone"),
        ("DTSTART;VALUE=DATE:20270301\nDTEND;VALUE=DATE:20270303\nSUMMARY:Ann", "all-day"),
        ("DTSTART:20270301T090000Z\nDTEND:20270301T170000Z\nSTATUS:CANCELLED\nSUMMARY:Ann", "cancelled"),
        ("DTSTART:20270301T090000Z\nDTEND:20270301T170000Z", "names nobody"),
        (
            "DTSTART:20270301T090000Z\nDTEND:20270301T170000Z\nRRULE:FREQ=SECONDLY;COUNT=9\nSUMMARY:Ann",
            "FREQ cannot be",
        ),
        ("DTSTART:20270301T170000Z\nDTEND:20270301T090000Z\nRRULE:FREQ=DAILY;COUNT=9\nSUMMARY:Ann", "ends before"),
        (
            "DTSTART;TZID=Europe/Berlin:20270328T023000\nDTEND;TZID=Europe/Berlin:20270328T060000\nSUMMARY:Ann",
            "clocks skip",
        ),
        (
            "DTSTART:20270301T090000Z\nDTEND:20270301T170000Z\nSUMMARY:Ann\nRRULE:FREQ=DAILY;BYHOUR=1,2,3;"
            "BYMINUTE=" + ",".join(map(str, range(60))) + ";BYSECOND=" + ",".join(map(str, range(60))),
            "characters",
        ),
        ("DTSTART:20270301T090000Z\nDTEND:20270301T170000Z\nRRULE:FREQ=DAILY\nEXRULE:FREQ=DAILY;INTERVAL=2", "EXRULE"),
        ("DTSTART:20270301T090000Z\nDTEND;VALUE=DATE:20270302\nRRULE:FREQ=DAILY\nSUMMARY:Ann", "is a date"),
        ("DTSTART:19270301T090000Z\nDTEND:19270301T170000Z\nRRULE:FREQ=DAILY\nSUMMARY:Ann", "the year 1927"),
        (
            "DTSTART:20270301T090000Z\nDTEND:20270301T170000Z\nATTENDEE:mailto:a@x.org\nATTENDEE:mailto:b@x.org",
            "2 attendees",
        ),
        ("DTSTART:2027-03-01T09:00\nDTEND:20270301T170000Z\nSUMMARY:Ann", "its DTSTART '2027-03-01T09:00' cannot be"),
        ("DTSTART:20270301T090000Z\nDTEND:20270301T1700Z\nSUMMARY:Ann", "its DTEND '20270301T1700Z' cannot be read"),
        ("DTSTART:20270301T090000Z\nDURATION:8h\nSUMMARY:Ann", "its DURATION '8h' cannot be read"),
        (
            "DTSTART:20270301T090000Z\nDTEND:20270301T170000Z\nRRULE:FREQ=DAILY;COUNT=three\nSUMMARY:Ann",
            "its RRULE 'FREQ=DAILY;COUNT=three' cannot be read",
        ),
        (
            "DTSTART:20270301T090000Z\nDTEND:20270301T170000Z\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE:2.3.\nSUMMARY:Ann",
            "its EXDATE '2.3.' cannot be read",
        ),
        ("DTSTART:20270301T090000Z\nDTSTART:20270302T090000Z\nDURATION:PT8H\nSUMMARY:Ann", "it has DTSTART twice"),
        ("DTSTART:20270301T090000Z\nDTEND:20270301T170000Z\nSUMMARY:Ann\nSUMMARY:Bo", "it has SUMMARY twice"),
        (
            "DTSTART:20270301T090000Z\nDTEND:20270301T170000Z\nATTENDEE;PARTSTAT=DECLINED:mailto:a@x.org",
            "everybody who is invited has declined",
        ),
    ],
)
def test_what_cannot_be_taken_is_told_with_its_reason(event: str, reason: str) -> None:
    pulled = read(event)
    assert pulled.calendar.intervals == []
    assert any(reason in note.reason for note in pulled.calendar.notes), pulled.calendar.notes


def test_a_change_of_all_later_shifts_is_told_and_leaves_nobody_wrong() -> None:
    master = "DTSTART:20270301T090000Z\nDTEND:20270301T170000Z\nRRULE:FREQ=WEEKLY;COUNT=4\nSUMMARY:Ann"
    moved = "RECURRENCE-ID;RANGE=THISANDFUTURE:20270315T090000Z\nDTSTART:20270315T090000Z\nDTEND:20270315T170000Z"
    same = f"BEGIN:VEVENT\nUID:a\n{master}\nEND:VEVENT\nBEGIN:VEVENT\nUID:a\n{moved}\nSUMMARY:Bo\nEND:VEVENT\n"
    pulled = read(head=same)
    assert [start for _, start, _ in shifts(pulled)] == ["03-01 09:00", "03-08 09:00"]
    assert any("RANGE" in note.reason for note in pulled.calendar.notes)


def test_a_time_that_comes_twice_is_its_first_and_told() -> None:
    pulled = read("DTSTART;TZID=Europe/Berlin:20271031T023000\nDTEND;TZID=Europe/Berlin:20271031T060000\nSUMMARY:Ann")
    assert shifts(pulled) == [("Ann", "10-31 00:30", "10-31 05:00")]
    assert any("occurs twice" in note.reason for note in pulled.calendar.notes)


def test_between_its_first_and_last_event_a_feed_says_that_nobody_is_on_call() -> None:
    events = [f"DTSTART:2027{day}T090000Z\nDTEND:2027{day}T170000Z\nSUMMARY:Ann" for day in ("0301", "0501")]
    april = Window(seconds("2027-04-01"), seconds("2027-05-01T12:00"))
    pulled = read(*events, window=april)
    assert pulled.calendar.known("rota.ics") == april
    later = Window(seconds("2027-06-01"), seconds("2027-07-01"))
    known = read(*events, window=later).calendar.known("rota.ics")
    assert known.start == known.end


def test_a_feeds_address_names_the_schedule_where_its_events_do_not() -> None:
    event = "BEGIN:VEVENT\nUID:1\nDTSTART:20270301T090000Z\nDTEND:20270301T170000Z\nSUMMARY:Ann\nEND:VEVENT\n"
    content = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{event}END:VCALENDAR\n".encode()
    opsgenie = "https://acme.app.opsgenie.com/webapi/webcal/getRecentSchedule?webcalToken=secret&scheduleId=0c0-1"
    for address, provider, id_ in (
        (opsgenie, "OPSGENIE", "0c0-1"),
        ("https://acme.pagerduty.com/private/0123/feed/PABC123", "PAGER_DUTY", "PABC123"),
        ("https://calendar.example.com/feed/PABC123", "", "feed"),
    ):
        (schedule,) = read_calendar(content, "feed", YEAR, address=address).calendar.schedules
        assert (schedule.provider, schedule.id, schedule.link) == (provider, id_, "")


def test_whole_days_are_days_of_the_calendars_zone() -> None:
    event = "DTSTART;VALUE=DATE:20270301\nDTEND;VALUE=DATE:20270303\nSUMMARY:Ann"
    berlin = [("Ann", "02-28 23:00", "03-02 23:00")]
    assert shifts(read(event, head="X-WR-TIMEZONE:Europe/Berlin\n")) == berlin
    assert shifts(read(event, zone="Europe/Berlin")) == berlin


def test_who_declined_is_not_on_call() -> None:
    pulled = read(
        "DTSTART:20270301T090000Z\nDTEND:20270301T170000Z\nSUMMARY:Shift\n"
        "ATTENDEE;PARTSTAT=DECLINED:mailto:a@x.org\nATTENDEE;PARTSTAT=ACCEPTED:mailto:b@x.org"
    )
    assert [person for person, *_ in shifts(pulled)] == ["b@x.org"]


def test_two_calendars_in_a_file_are_both_read() -> None:
    second = PAGERDUTY.replace("Payments", "Search").replace("PABC123", "PXYZ789")
    pulled = read_calendar((PAGERDUTY + second).encode(), "feed", YEAR)
    assert [schedule.name for schedule in pulled.calendar.schedules] == ["Payments", "Search"]


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"", "nothing"),
        (b"a,b\n", "something else"),
        (b"BEGIN:VCALENDAR\nBEGIN:VEVENT\n", "cut off"),
    ],
)
def test_what_is_no_calendar_is_refused_in_one_sentence(content: bytes, got: str) -> None:
    with pytest.raises(SourceError, match=got) as caught:
        read_calendar(content, "feed", YEAR)
    assert caught.value.hint


# ---- as calendar programs write them


SHIFT = "DTSTART:20270301T090000Z\nDTEND:20270301T170000Z\nSUMMARY:Ann\n"
BERLIN = "DTSTART;TZID=Europe/Berlin:20270301T090000\nDTEND;TZID=Europe/Berlin:20270301T170000\nSUMMARY:Ann\n"
FLOATING = "DTSTART:20270301T090000\nDTEND:20270301T170000\nSUMMARY:Ann\n"
WHOLE_DAY = "DTSTART;VALUE=DATE:20270301\nSUMMARY:Ann\n"
NEW_YORK = "X-WR-TIMEZONE:America/New_York\n"


def days(pulled: Pulled) -> list[str]:
    """Return the UTC days and times on which shifts begin."""
    return [start for _, start, _ in shifts(pulled)]


def notes(pulled: Pulled) -> str:
    """Return the reasons of all notes."""
    return "\n".join(note.reason for note in pulled.calendar.notes)


def same_event(*versions: str) -> str:
    """Return events of one UID."""
    return "".join(f"BEGIN:VEVENT\nUID:a\n{one.strip()}\nEND:VEVENT\n" for one in versions)


def zone_definition(name: str, offset: str) -> str:
    """Return the definition of a zone that has one offset all year."""
    part = f"BEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:{offset}\nTZOFFSETTO:{offset}\nEND:STANDARD\n"
    return f"BEGIN:VTIMEZONE\nTZID:{name}\n{part}END:VTIMEZONE\n"


@pytest.mark.parametrize(
    "exdate",
    [
        "EXDATE;TZID=Europe/Berlin:20270302T090000",
        "EXDATE:20270302T080000Z",
        "EXDATE:20270302T090000",
        "EXDATE;TZID=America/New_York:20270302T030000",
        "EXDATE;VALUE=DATE:20270302",
        "EXDATE:20270302",
    ],
)
def test_a_shift_is_left_out_however_its_date_is_written(exdate: str) -> None:
    pulled = read(f"{BERLIN}RRULE:FREQ=DAILY;COUNT=3\n{exdate}")
    assert days(pulled) == ["03-01 08:00", "03-03 08:00"]
    assert not notes(pulled)


@pytest.mark.parametrize("which", ["RECURRENCE-ID:20270302T090000Z", "RECURRENCE-ID;VALUE=DATE:20270302"])
def test_a_moved_shift_stands_there_once_however_its_date_is_written(which: str) -> None:
    moved = f"{which}\nDTSTART:20270302T100000Z\nDTEND:20270302T120000Z\nSUMMARY:Bo"
    pulled = read(head=same_event(f"{SHIFT}RRULE:FREQ=DAILY;COUNT=3", moved))
    assert shifts(pulled)[1] == ("Bo", "03-02 10:00", "03-02 12:00")
    assert len(shifts(pulled)) == 3


def test_an_exception_that_fits_no_shift_is_told() -> None:
    pulled = read(f"{SHIFT}RRULE:FREQ=DAILY;COUNT=3\nEXDATE:20270302T093000Z")
    assert len(shifts(pulled)) == 3
    assert "2027-03-02 09:30:00 is to be left out or replaced, but is no shift of its rule" in notes(pulled)


def test_additional_dates_come_beside_the_first_one_and_a_start_outside_its_rule_is_told() -> None:
    assert days(read(f"{SHIFT}RDATE:20270305T090000Z")) == ["03-01 09:00", "03-05 09:00"]
    pulled = read(f"{SHIFT}RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=2")
    assert days(pulled) == ["03-02 09:00", "03-09 09:00"]
    assert "Its start, 2027-03-01 09:00:00, is no shift of its rule and is not taken" in notes(pulled)


@pytest.mark.parametrize(
    ("event", "starts"),
    [  # -5 h from UTC in the window
        (f"{FLOATING}RRULE:FREQ=DAILY;UNTIL=20270303T140000Z", ["03-01 14:00", "03-02 14:00", "03-03 14:00"]),
        (f"{FLOATING}RRULE:FREQ=DAILY;UNTIL=20270303T135959Z", ["03-01 14:00", "03-02 14:00"]),
        (f"{FLOATING}RRULE:FREQ=DAILY;COUNT=2\nEXDATE:20270302T140000Z", ["03-01 14:00"]),
        (f"{WHOLE_DAY}RRULE:FREQ=DAILY;INTERVAL=2;UNTIL=20270305T045959Z", ["03-01 05:00", "03-03 05:00"]),
        (f"{WHOLE_DAY}RRULE:FREQ=DAILY;INTERVAL=2;COUNT=2\nEXDATE:20270303T050000Z", ["03-01 05:00"]),
        (f"{WHOLE_DAY}RRULE:FREQ=DAILY;INTERVAL=2;COUNT=2\nEXDATE:20270303T000000Z", ["03-01 05:00"]),
    ],
)
def test_utc_in_a_series_without_a_zone_means_a_time_of_the_calendars_zone(event: str, starts: list[str]) -> None:
    assert days(read(event, head=NEW_YORK)) == starts


def test_hours_of_a_duration_are_exact_and_its_days_are_local() -> None:
    night = "DTSTART;TZID=Europe/Berlin:20270327T220000\nSUMMARY:Ann\nDURATION:"
    assert shifts(read(f"{night}PT12H")) == [("Ann", "03-27 21:00", "03-28 09:00")]
    assert shifts(read(f"{night}P1D")) == [("Ann", "03-27 21:00", "03-28 20:00")]
    assert shifts(read(f"{night}PT12H\nRRULE:FREQ=DAILY;COUNT=2"))[0] == ("Ann", "03-27 21:00", "03-28 09:00")


def test_a_shift_that_began_before_the_window_and_has_a_duration_is_in_it() -> None:
    pulled = read("DTSTART:20261225T090000Z\nDURATION:P14D\nSUMMARY:Ann")
    assert shifts(pulled) == [("Ann", "01-01 00:00", "01-08 09:00")]


@pytest.mark.parametrize(
    ("attendees", "person"),
    [
        ("ATTENDEE;CUTYPE=ROOM:mailto:room@x.org\nATTENDEE:mailto:ann@x.org", "ann@x.org"),
        ("ATTENDEE;CUTYPE=RESOURCE:mailto:pager@x.org", "Ann"),
        ("ATTENDEE;CN=Ann Berg;EMAIL=ann@x.org:/aMTYz/principal/", "ann@x.org"),
        ("ATTENDEE;CN=Ann Berg:urn:uuid:9d3c", "Ann Berg"),
        ("ATTENDEE;CN=Ann Berg:invalid:nomail", "Ann Berg"),
        ("ATTENDEE;CN=Ann@x.org:invalid:nomail", "ann@x.org"),
    ],
)
def test_places_and_ids_are_nobody(attendees: str, person: str) -> None:
    assert [name for name, *_ in shifts(read(f"{SHIFT}{attendees}"))] == [person]


def test_the_newest_version_of_an_event_counts() -> None:
    moved = "RECURRENCE-ID:20270302T090000Z\nDTSTART:20270302T100000Z\nDTEND:20270302T120000Z\nSUMMARY:"
    series = f"{SHIFT}RRULE:FREQ=DAILY;COUNT=2"
    pulled = read(head=same_event(series, f"{moved}Bo\nSEQUENCE:2", f"{moved}Cy\nSEQUENCE:1"))
    assert [name for name, *_ in shifts(pulled)] == ["Ann", "Bo"]
    assert "a newer version of it is in the calendar" in notes(pulled)


def test_what_does_not_match_the_users_pattern_names_nobody() -> None:
    events = [SHIFT.replace("Ann", title) for title in ("On call: Ann", "Team day")]
    pulled = read(*events, pattern="On call: (?P<person>.+)")
    assert [name for name, *_ in shifts(pulled)] == ["Ann"]
    assert "its title does not match the pattern" in notes(pulled)


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("Eastern Time (US & Canada)", "03-01 14:00"),
        ("europe/berlin", "03-01 08:00"),
        ("W. Europe Standard Time", "03-01 08:00"),
        ("/mozilla.org/20050126_1/Europe/Berlin", "03-01 08:00"),
        ("UTC+2", "03-01 07:00"),
    ],
)
def test_zones_have_the_names_that_a_sources_have(name: str, start: str) -> None:
    assert days(read(BERLIN.replace("Europe/Berlin", name))) == [start]


def test_abbreviations_are_no_zones_unless_the_calendar_defines_them() -> None:
    event = BERLIN.replace("Europe/Berlin", "EST")
    assert "its time zone 'EST' is not known" in notes(read(event))
    assert days(read(event, head=zone_definition("EST", "-0500"))) == ["03-01 14:00"]


def test_a_zone_that_its_calendar_defines_otherwise_is_told() -> None:
    summer = BERLIN.replace("0301T", "0701T")
    assert days(pulled := read(summer, head=zone_definition("Europe/Berlin", "+0100"))) == ["07-01 07:00"]
    assert "own definition of this shift's time zone differs" in notes(pulled)
    assert not notes(read(BERLIN, head=zone_definition("Europe/Berlin", "+0100")))


def test_a_zone_of_one_calendar_is_unknown_in_the_next() -> None:
    event = BERLIN.replace("Europe/Berlin", "Office")
    assert days(read(event, head=zone_definition("Office", "+0100"))) == ["03-01 08:00"]
    assert days(read(event, head=zone_definition("Office", "-0500"))) == ["03-01 14:00"]
    assert "'Office' is not known" in notes(read(event))
    assert "'Office' is not known" in notes(read(event, head="BEGIN:VTIMEZONE\nTZID:Office\nEND:VTIMEZONE\n"))


def test_utc_with_a_zone_beside_it_is_utc_and_told() -> None:
    pulled = read("DTSTART;TZID=Europe/Berlin:20270301T090000Z\nDTEND;TZID=Europe/Berlin:20270301T170000Z\nSUMMARY:Ann")
    assert shifts(pulled) == [("Ann", "03-01 09:00", "03-01 17:00")]
    assert "2 times in UTC (Z) with a time zone beside it" in notes(pulled)


def as_bytes(encoding: str = "utf-8", newline: str = "\r\n") -> bytes:
    """Return a calendar of one shift of Jörg."""
    text = (
        f"BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:1\n{SHIFT.replace('Ann', 'Jörg')}END:VEVENT\nEND:VCALENDAR\n"
    )
    return text.replace("\n", newline).encode(encoding)


@pytest.mark.parametrize(
    "content",
    [
        as_bytes("utf-8-sig"),
        as_bytes("utf-16"),
        as_bytes("cp1252"),
        as_bytes(newline="\n"),
        as_bytes(newline="\r"),
        as_bytes(newline="\r\r\n"),
        as_bytes().replace("ö".encode(), b"\xc3\r\n \xb6"),
        as_bytes().replace(b"rg\r\n", b"\r\n\trg\r\nDESCRIPTION:BEGIN:VEVENT\r\n"),
    ],
    ids=["mark", "utf-16", "cp1252", "lf", "cr", "crcrlf", "folded in a character", "BEGIN in a text"],
)
def test_names_are_read_in_every_form_of_text(content: bytes) -> None:
    pulled = read_calendar(content, "rota.ics", YEAR)
    assert [name for name, *_ in shifts(pulled)] == ["Jörg"]
    assert ("read as Windows-1252: 1 line, such as 'SUMMARY:Jörg'" in notes(pulled)) == (b"\xf6rg" in content)


def test_properties_of_a_calendar_that_stand_there_twice_count_once() -> None:
    head = f"X-WR-CALNAME:Rota\nX-WR-CALNAME:Other\n{NEW_YORK}{NEW_YORK}"
    pulled = read(FLOATING, head=head)
    assert [schedule.name for schedule in pulled.calendar.schedules] == ["Rota"]
    assert days(pulled) == ["03-01 14:00"]


def test_a_line_that_is_none_is_told() -> None:
    assert "'Berg'" in notes(read(f"{SHIFT}Berg"))
