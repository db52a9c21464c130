"""Calendar files and feeds (RFC 5545) as rendered intervals. The only module that knows icalendar.

A feed is a snapshot: outside its own first and last event nothing is known. Every event is taken or noted, and a rule
is looked at before it is expanded: a hostile one would never end.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from importer.calendars.intervals import PAGED, Calendar, Interval, Note, Role, Schedule, Window, merge
from importer.calendars.pulled import Pulled
from importer.errors import SourceError
from importer.normalizer.times.zones import read_zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LARGEST = 20_000_000  # bytes of a file
_MOST = 10_000  # occurrences of a file
_FREQUENCIES = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}
_CALENDAR_NAME = re.compile(r"On Call Schedule for (?P<name>.+)")
_SUMMARY = re.compile(r"On Call - (?P<person>.+?) - (?P<schedule>.+)")
_MAILTO = re.compile(r"(?i)mailto:")


class _Event(NamedTuple):
    """One occurrence, with what an exception to a rule does not repeat taken from its rule's event."""

    event: Any
    master: Any
    starts: date | datetime | None = None  #: of an occurrence of a rule; else the event's own
    ends: date | datetime | None = None

    def text(self, name: str) -> str:
        """Return a property as text, empty where neither has it."""
        value = self.event.get(name)
        return str(value if value is not None else self.master.get(name, "")).strip()

    def attendees(self) -> list[Any]:
        """Return who has not declined."""
        found = self.event.get("ATTENDEE") or self.master.get("ATTENDEE") or []
        listed = found if isinstance(found, list) else [found]
        return [one for one in listed if str(one.params.get("PARTSTAT", "")).upper() != "DECLINED"]


def read_calendar(content: bytes, label: str, window: Window, *, zone: str = "", pattern: str = "") -> Pulled:
    """Read all shifts of a calendar file in the window.

    `zone` is that of all-day events and of times without a zone, where the calendar names none. `pattern` is a regular
    expression whose group `person` finds the person in a summary.

    Raises:
        SourceError: it is no calendar, or a rule in it cannot be expanded.
    """
    if len(content) > _LARGEST:
        raise SourceError(
            f"{label} has {len(content)} bytes; calendars of up to {_LARGEST} are read", hint="Export a shorter span."
        )
    pulled = Pulled(Calendar(label, window, roles=PAGED))
    for component in _parse(content, label):
        _read_component(pulled, component, window, zone, re.compile(pattern) if pattern else _SUMMARY)
    pulled.seen = len(pulled.calendar.schedules)
    pulled.calendar.intervals = merge(pulled.calendar.intervals, window)
    return pulled


def _parse(content: bytes, label: str) -> list[Any]:
    """Return the calendars of a file: it can hold several."""
    from icalendar import Calendar as Parsed

    begins = content.lstrip(b"\xef\xbb\xbf \r\n\t")[:200]
    upper = content.upper()
    if any(upper.count(b"BEGIN:" + part) != upper.count(b"END:" + part) for part in (b"VCALENDAR", b"VEVENT")):
        raise SourceError(
            f"{label} is cut off: not everything that begins in it ends", hint="Fetch the calendar again."
        )
    try:
        if not begins.upper().startswith(b"BEGIN:VCALENDAR"):
            raise ValueError("it does not begin with BEGIN:VCALENDAR")
        return list(Parsed.from_ical(content, multiple=True))
    except (ValueError, IndexError, KeyError, RecursionError) as error:
        got = "HTML, perhaps a login page" if begins.lower().startswith((b"<!doctype", b"<html")) else "something else"
        raise SourceError(
            f"{label} is no calendar: it holds {got if begins else 'nothing'}",
            hint="Give the secret address of the feed, or a file that was exported as iCalendar (.ics).",
        ) from error


def _read_component(pulled: Pulled, component: Any, window: Window, zone: str, pattern: re.Pattern[str]) -> None:
    home = _zone(str(component.get("X-WR-TIMEZONE", "")) or zone)
    events = list(component.walk("VEVENT"))
    name = str(component.get("X-WR-CALNAME", "")).strip()
    matched = _CALENDAR_NAME.fullmatch(name)
    name = matched["name"] if matched else name or pulled.calendar.label
    taken: dict[str, list[Interval]] = defaultdict(list)
    for found in _occurrences(pulled, events, window):
        span = _span(pulled, found, home)
        if span is None or found.text("STATUS").upper() == "CANCELLED":
            if span is not None:
                _note(pulled, found, "it is cancelled")
            continue
        summary = pattern.fullmatch(found.text("SUMMARY"))
        person = _person(pulled, found, summary)
        if person:
            schedule = _schedule_of(pulled, found, name, summary)
            taken[schedule.id].append(Interval(schedule.id, person, Role.ON_CALL, *span))
    if not taken:
        pulled.calendar.notes.append(Note(name, "This calendar has no shift in the window."))
    for schedule_id, intervals in taken.items():
        first, last = min(one.start for one in intervals), max(one.end for one in intervals)
        pulled.calendar.covers[schedule_id] = Window(first, last)
        pulled.calendar.intervals.extend(intervals)


def _occurrences(pulled: Pulled, events: list[Any], window: Window) -> Iterator[_Event]:
    """Return what happens in the window: single events as they are, rules expanded once they are known to be sound."""
    masters = {str(event.get("UID")): event for event in events if event.get("RECURRENCE-ID") is None}
    moved: dict[str, list[Any]] = defaultdict(list)
    for event in events:
        if event.get("RECURRENCE-ID") is not None:
            moved[str(event.get("UID"))].append(event)
    count = 0
    for event in events:
        uid = str(event.get("UID"))
        if event.get("RECURRENCE-ID") is not None:
            found: Iterable[_Event] = [_Event(event, masters.get(uid, event))]
        elif event.get("RRULE") is None and event.get("RDATE") is None:
            found = [_Event(event, event)]
        elif why := _oddity(event):
            _note(pulled, _Event(event, event), why)
            continue
        else:
            found = _expand(pulled, event, [one["RECURRENCE-ID"].dt for one in moved[uid]], window)
        for one in found:
            if _touches(one, window):
                count += 1
                yield one
        if count > _MOST:
            label = pulled.calendar.label
            raise SourceError(f"{label} has more than {_MOST} shifts in the window", hint="Choose a shorter window.")


def _expand(pulled: Pulled, event: Any, replaced: list[Any], window: Window) -> list[_Event]:
    """Return the occurrences of a rule in the window, in the local time of its event.

    `replaced` are the starts of occurrences that events of their own stand for.
    """
    from dateutil.rrule import rrulestr

    start, end = event["DTSTART"].dt, _value(event, "DTEND")
    zone = start.tzinfo if isinstance(start, datetime) else None
    length = (end - start) if end is not None else getattr(event.get("DURATION"), "dt", timedelta(0))
    first = _local(start, zone)
    between = [_local(_moment(moment), zone) for moment in (window.start, window.end)]
    starts = {_local(one.dt, zone) for one in _dates(event, "RDATE")}
    rules = event.get("RRULE") or []
    try:
        for rule in rules if isinstance(rules, list) else [rules]:
            untils = [_local(until, zone) for until in rule.get("UNTIL", [])]
            parts = {name: values for name, values in rule.items() if name.upper() != "UNTIL"}
            expanded = rrulestr(type(rule)(parts).to_ical().decode(), dtstart=first)
            begins = between[0] - length - timedelta(days=1)
            found = expanded.between(begins, between[1] + timedelta(days=1), inc=True)
            starts |= {moment for moment in found[: _MOST + 1] if not untils or moment <= untils[0]}
    except (ValueError, TypeError, OverflowError) as error:
        _note(pulled, _Event(event, event), f"its rule cannot be expanded ({error})")
        return []
    starts -= {_local(one.dt, zone) for one in _dates(event, "EXDATE")} | {_local(one, zone) for one in replaced}
    occurrences = []
    for moment in sorted(starts):
        begin = moment.replace(tzinfo=zone) if isinstance(start, datetime) else moment.date()
        occurrences.append(_Event(event, event, begin, begin + length))
    return occurrences


def _local(value: date | datetime, zone: tzinfo | None) -> datetime:
    """Return a time on the clocks of a zone, without it: rules count in local time."""
    if not isinstance(value, datetime):
        return datetime.combine(value, time())
    return (value.astimezone(zone) if zone and value.tzinfo else value).replace(tzinfo=None)


def _dates(event: Any, name: str) -> Iterator[Any]:
    found = event.get(name) or []
    for one in found if isinstance(found, list) else [found]:
        yield from one.dts


def _oddity(event: Any) -> str:
    """Return why an event cannot be expanded: its rule comes too often, or it ends before it begins."""
    rules = event.get("RRULE") or []
    for rule in rules if isinstance(rules, list) else [rules]:
        frequencies = {str(one).upper() for one in rule.get("FREQ", [])}
        if not frequencies or frequencies - _FREQUENCIES:
            return "its rule repeats neither daily, weekly, monthly nor yearly"
    start, end = _value(event, "DTSTART"), _value(event, "DTEND")
    if start is None:
        return "it has no start"
    if end is not None and type(start) is type(end) and _is_before(end, start):
        return "it ends before it begins"
    return ""


def _value(event: Any, name: str) -> date | datetime | None:
    found = event.get(name)
    return getattr(found, "dt", None) if found is not None else None


def _is_before(one: Any, other: Any) -> bool:
    try:
        return bool(one < other)
    except TypeError:  # one has a zone, the other none
        return False


def _touches(found: _Event, window: Window) -> bool:
    start = found.starts or _value(found.event, "DTSTART")
    end = found.ends or _value(found.event, "DTEND")
    if start is None:
        return True  # noted later
    first = _epoch(start, ZoneInfo("UTC"))
    last = _epoch(end, ZoneInfo("UTC")) if end is not None else first
    return min(first, last) < window.end + 86_400 and max(first, last) > window.start - 86_400


def _epoch(value: date | datetime, home: ZoneInfo | None) -> int:
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    return int((moment if moment.tzinfo else moment.replace(tzinfo=home or UTC)).timestamp())


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _zone(name: str) -> ZoneInfo | None:
    found = read_zone(name) if name else None
    return found if isinstance(found, ZoneInfo) else None


def _span(pulled: Pulled, found: _Event, home: ZoneInfo | None) -> tuple[int, int] | None:
    """Return when an event begins and ends; None where that cannot be said, which is noted."""
    try:
        return _read_span(found, home)
    except ValueError as error:
        _note(pulled, found, str(error))
        return None


def _read_span(found: _Event, home: ZoneInfo | None) -> tuple[int, int]:
    start = found.starts or _value(found.event, "DTSTART")
    end = found.ends or _value(found.event, "DTEND")
    duration = getattr(found.event.get("DURATION"), "dt", None)
    if start is None:
        raise ValueError("it has no start")
    is_day = not isinstance(start, datetime)
    if end is None:
        end = start + (duration if duration is not None else timedelta(days=1 if is_day else 0))
    moments = []
    for name, value in (("DTSTART", start), ("DTEND", end)):
        if isinstance(value, datetime) and value.tzinfo is None and _names_zone(found.event.get(name)):
            raise ValueError(f"its time zone {found.event[name].params['TZID']!r} is not known")
        if (is_day or (isinstance(value, datetime) and value.tzinfo is None)) and home is None:
            why = "it is of whole days" if is_day else "its times have no zone"
            raise ValueError(f"{why}, and the calendar names no time zone; give one with --timezone")
        if isinstance(value, datetime) and value.tzinfo is not None and not _exists(value):
            raise ValueError("it begins or ends at a local time that the clocks skip")
        moments.append(_epoch(value, home))
    if moments[1] <= moments[0]:
        how = "ends before it begins" if moments[1] < moments[0] else "has no length"
        raise ValueError(f"it {how}")
    return moments[0], moments[1]


def _names_zone(value: Any) -> bool:
    return value is not None and bool(value.params.get("TZID"))


def _exists(value: datetime) -> bool:
    """Return whether a local time exists: in spring the clocks skip an hour."""
    back = value.astimezone(UTC).astimezone(value.tzinfo)
    return back.replace(tzinfo=None) == value.replace(tzinfo=None)


def _person(pulled: Pulled, found: _Event, summary: re.Match[str] | None) -> str:
    """Return who is on call: the attendee, else what the summary says; empty where that is not one person."""
    attendees = found.attendees()
    emails = {_MAILTO.sub("", str(one)).strip().lower() for one in attendees}
    if len(emails) > 1:
        _note(pulled, found, f"it has {len(emails)} attendees: who of them is on call?")
        return ""
    if emails:
        (email,) = emails
        name = str(attendees[0].params.get("CN", "")) or (summary["person"] if summary else "")
        pulled.calendar.names.setdefault(email, name)
        return email
    if summary:
        return summary["person"].strip()
    if not found.text("SUMMARY"):
        _note(pulled, found, "it names nobody")
    return found.text("SUMMARY")


def _schedule_of(pulled: Pulled, found: _Event, name: str, summary: re.Match[str] | None) -> Schedule:
    link = found.text("URL")
    parts = urlsplit(link)
    is_pagerduty = (parts.hostname or "").endswith(".pagerduty.com")
    id_ = parts.fragment if is_pagerduty else ""
    if summary and "schedule" in summary.re.groupindex and summary["schedule"]:
        name = summary["schedule"].strip()
    for schedule in pulled.calendar.schedules:
        if schedule.id == (id_ or name):
            return schedule
    schedule = Schedule(id_ or name, name, link=link if id_ else "", provider="PAGER_DUTY" if id_ else "")
    pulled.calendar.schedules.append(schedule)
    return schedule


def _note(pulled: Pulled, found: _Event, reason: str) -> None:
    when = found.starts or _value(found.event, "DTSTART")
    subject = f"{found.text('SUMMARY') or found.text('UID') or 'an event'} ({when})"
    pulled.calendar.notes.append(Note(subject, f"Not taken: {reason}."))
