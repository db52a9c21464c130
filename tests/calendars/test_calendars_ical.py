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


def read(*events: str, head: str = "", window: Window = YEAR, zone: str = "") -> Pulled:
    """Read a calendar of these events, each a text of properties."""
    inner = "".join(f"BEGIN:VEVENT\nUID:{index}\n{event.strip()}\nEND:VEVENT\n" for index, event in enumerate(events))
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{head}{inner}END:VCALENDAR\n"
    return read_calendar(text.replace("\n", "\r\n").encode(), "rota.ics", window, zone=zone)


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
