"""Reads calendar files and feeds (RFC 5545) as rendered intervals. The only module that knows icalendar.

A feed is a snapshot: nothing is known before its first and after its last event. Every event is taken or noted, and a
rule is checked before it is expanded: a hostile one would never end.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import PurePath
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from importer.calendars import Interval, Pulled, Role, Schedule, Window, merge, named_zone
from importer.cells import Unreadable
from importer.errors import SourceError
from importer.normalizer.occurrences import occurrences
from importer.normalizer.recurrence_text import read_repeat

_LARGEST = 20_000_000  # bytes of a file
_MOST = 10_000  # occurrences of a file
_MOST_TURNS = 200_000  # occurrences of a rule from its start on: every day of 500 years
_EARLIEST, _LATEST = 1970, 2200  # years in which a rule begins
_CALENDAR_NAME = re.compile(r"On Call Schedule for (?P<name>.+)")
_SUMMARY = re.compile(r"On Call - (?P<person>.+?) - (?P<schedule>.+)")
_MAILTO = re.compile(r"(?i)mailto:")


class _Event(NamedTuple):
    """One occurrence; what an exception to a rule does not repeat comes from the rule's event."""

    event: Any
    master: Any
    start: date | datetime | None
    end: date | datetime | None

    @classmethod
    def of(cls, event: Any, master: Any = None) -> _Event:
        """Return an event that happens once, at its own time."""
        own = (getattr(event.get(name), "dt", None) for name in ("DTSTART", "DTEND"))
        return cls(event, event if master is None else master, *own)

    def text(self, name: str) -> str:
        """Return a property as text; empty if neither has it."""
        value = self.event.get(name)
        return str(value if value is not None else self.master.get(name, "")).strip()

    @property
    def is_cancelled(self) -> bool:
        """True if it does not take place."""
        return self.text("STATUS").upper() == "CANCELLED"

    @property
    def subject(self) -> str:
        """Its name in notes."""
        return f"{self.text('SUMMARY') or self.text('UID') or 'an event'} ({self.start})"

    def attendees(self) -> list[Any]:
        """Return who has not declined."""
        listed = _list(self.event.get("ATTENDEE") or self.master.get("ATTENDEE"))
        return [one for one in listed if str(one.params.get("PARTSTAT", "")).upper() != "DECLINED"]

    def touches(self, window: Window) -> bool:
        """Return whether it may be in a window, in any time zone; also true without a start, which is noted later."""
        if self.start is None:
            return True
        first = _epoch(self.start)
        last = first if self.end is None else _epoch(self.end)
        return min(first, last) < window.end + 86_400 and max(first, last) > window.start - 86_400

    def span(self, home: ZoneInfo | None) -> tuple[int, int]:
        """Return when it begins and ends, in `home` if it names no zone.

        Raises:
            ValueError: that cannot be determined; the message says why.
        """
        start, end = self.start, self.end
        if start is None:
            raise ValueError("it has no start")
        is_day = not isinstance(start, datetime)
        if end is None:
            end = start + getattr(self.event.get("DURATION"), "dt", timedelta(days=1 if is_day else 0))
        for name, value in (("DTSTART", start), ("DTEND", end)):
            is_local = isinstance(value, datetime) and value.tzinfo is None
            written = self.event.get(name)
            if is_local and written is not None and written.params.get("TZID"):
                raise ValueError(f"its time zone {written.params['TZID']!r} is not known")
            if (is_day or is_local) and home is None:
                why = "it is an all-day event" if is_day else "its times have no zone"
                raise ValueError(f"{why}, and the calendar names no time zone; give one with --timezone")
            if isinstance(value, datetime) and value.tzinfo is not None and not _exists(value):
                raise ValueError("it begins or ends at a local time that the clocks skip")
        begins, ends = _epoch(start, home), _epoch(end, home)
        if ends <= begins:
            raise ValueError("it ends before it begins" if ends < begins else "it has no length")
        return begins, ends


def is_calendar(path: str) -> bool:
    """Return whether a path has the name of a calendar file."""
    return PurePath(path).suffix.casefold() == ".ics"


def read_calendar(
    content: bytes, label: str, window: Window, *, zone: str = "", pattern: str = "", address: str = ""
) -> Pulled:
    """Read all shifts of a calendar file in the window.

    `zone` is for all-day events and times without a zone, if the calendar names none. `pattern` is a regular expression
    whose group `person` finds the person in a summary. `address` is the feed's: it can name the schedule. It is a
    secret, and nothing else of it is kept.

    Raises:
        SourceError: it is not a calendar, or a rule in it cannot be expanded.
    """
    if len(content) > _LARGEST:
        raise SourceError(
            f"{label} has {len(content)} bytes; calendars of up to {_LARGEST} are read", hint="Export a shorter span."
        )
    pulled = Pulled.of_pages(label, window)
    components = _parse(content, label)
    feed = _feed(address) if len(components) == 1 else ("", "")
    for component in components:
        _ComponentReader(pulled, component, zone, re.compile(pattern) if pattern else _SUMMARY, feed).read()
    pulled.listed = pulled.calendar.schedules
    pulled.calendar.intervals = merge(pulled.calendar.intervals, window)
    return pulled


def _feed(address: str) -> tuple[str, str]:
    """Return the provider and id of the schedule in a feed's address; empty if there is none."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if host.endswith(".opsgenie.com"):
        (id_,) = parse_qs(parts.query).get("scheduleId", [""])[:1]
        return ("OPSGENIE", id_) if id_ else ("", "")
    _, is_feed, id_ = parts.path.partition("/feed/")
    return ("PAGER_DUTY", id_) if host.endswith(".pagerduty.com") and is_feed and id_ else ("", "")


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
            f"{label} is not a calendar: it holds {got if begins else 'nothing'}",
            hint="Give the secret address of the feed, or a file that was exported as iCalendar (.ics).",
        ) from error


class _ComponentReader:
    """Reads one calendar of a file into a `Pulled`."""

    def __init__(
        self, pulled: Pulled, component: Any, zone: str, pattern: re.Pattern[str], feed: tuple[str, str]
    ) -> None:
        self._pulled = pulled
        self._window = pulled.calendar.window
        self._pattern = pattern
        self._feed = feed
        self._events = list(component.walk("VEVENT"))
        self._masters = {str(one.get("UID")): one for one in self._events if one.get("RECURRENCE-ID") is None}
        name = str(component.get("X-WR-CALNAME", "")).strip()
        matched = _CALENDAR_NAME.fullmatch(name)
        self._name = matched["name"] if matched else name or pulled.calendar.label
        own = str(component.get("X-WR-TIMEZONE", ""))
        self._home = named_zone(own) or named_zone(zone)
        if own and named_zone(own) is None:
            pulled.note(self._name, f"Its time zone {own!r} is not known.")

    def read(self) -> None:
        """Read all shifts in the window, and the span in which each schedule is known."""
        taken: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for found in self._occurrences():
            span = self._span(found)
            if span is None:
                continue
            if found.is_cancelled:
                self._note(found, "it is cancelled")
                continue
            if person := self._person(found):
                schedule = self._schedule_of(found)
                taken[schedule.id].append(span)
                self._pulled.calendar.intervals.append(Interval(schedule.id, person, Role.ON_CALL, *span))
        if not taken:
            self._pulled.note(self._name, "This calendar has no shift in the window.")
        for event in self._events:  # also those outside the window: a feed is known from its first to its last event
            found = _Event.of(event, self._masters.get(str(event.get("UID"))))
            if not found.is_cancelled and (extent := self._extent(found)) is not None:
                taken[self._schedule_of(found).id].append(extent)
        for schedule_id, spans in taken.items():
            first, last = min(start for start, _ in spans), max(end for _, end in spans)
            self._pulled.calendar.covers[schedule_id] = Window(first, last)

    def _note(self, found: _Event, reason: str) -> None:
        self._pulled.note(found.subject, f"Not taken: {reason}.")

    def _extent(self, found: _Event) -> tuple[int, int] | None:
        """Return the span of an event with all its occurrences; None if that cannot be determined."""
        try:
            start, end = found.span(self._home)
            for rule in _list(found.event.get("RRULE")):
                if untils := rule.get("UNTIL"):
                    end = max(end, _epoch(untils[0], self._home))
                elif not rule.get("COUNT"):
                    end = max(end, self._window.end)
        except (ValueError, TypeError, OverflowError):
            return None
        return start, end

    def _occurrences(self) -> Iterator[_Event]:
        """Yield the occurrences in the window: single events, and rules, expanded after they were checked."""
        moved: dict[str, list[Any]] = defaultdict(list)
        for event in self._events:
            if event.get("RECURRENCE-ID") is not None:
                moved[str(event.get("UID"))].append(event)
        count = 0
        for event in self._events:
            uid = str(event.get("UID"))
            try:
                found = _of_event(event, self._masters.get(uid), moved[uid], self._window)
            except (ValueError, TypeError, AttributeError, OverflowError) as error:
                reason = str(error) if isinstance(error, ValueError) else "its rule cannot be expanded"
                self._note(_Event.of(event), reason)
                continue
            for one in found:
                if one.touches(self._window):
                    count += 1
                    yield one
            if count > _MOST:
                label = self._pulled.calendar.label
                raise SourceError(
                    f"{label} has more than {_MOST} shifts in the window", hint="Choose a shorter window."
                )

    def _span(self, found: _Event) -> tuple[int, int] | None:
        """Return when an event begins and ends; None if that cannot be determined, which is noted."""
        try:
            span = found.span(self._home)
        except (ValueError, TypeError, OverflowError) as error:
            self._note(found, str(error) if isinstance(error, ValueError) else "its times cannot be read")
            return None
        if _is_twice(found.start) or _is_twice(found.end):
            self._pulled.note(
                found.subject,
                "It begins or ends at a local time that occurs twice that night: the first is used, as RFC 5545 says.",
            )
        return span

    def _person(self, found: _Event) -> str:
        """Return who is on call: the attendee, else the person in the summary; empty if that is not one person."""
        summary = self._pattern.fullmatch(found.text("SUMMARY"))
        attendees = found.attendees()
        emails = {_MAILTO.sub("", str(one)).strip().lower() for one in attendees}
        if len(emails) > 1:
            self._note(found, f"it has {len(emails)} attendees: who of them is on call?")
            return ""
        if emails:
            (email,) = emails
            name = str(attendees[0].params.get("CN", "")) or (summary["person"] if summary else "")
            self._pulled.calendar.names.setdefault(email, name)
            return email
        if summary:
            return summary["person"].strip()
        if not found.text("SUMMARY"):
            self._note(found, "it names nobody")
        return found.text("SUMMARY")

    def _schedule_of(self, found: _Event) -> Schedule:
        link, name = found.text("URL"), self._name
        parts = urlsplit(link)
        is_pagerduty = (parts.hostname or "").endswith(".pagerduty.com")
        provider, id_ = ("PAGER_DUTY", parts.fragment) if is_pagerduty and parts.fragment else self._feed
        summary = self._pattern.fullmatch(found.text("SUMMARY"))
        if summary and "schedule" in summary.re.groupindex and summary["schedule"]:
            name = summary["schedule"].strip()
        for schedule in self._pulled.calendar.schedules:
            if schedule.id == (id_ or name):
                return schedule
        is_page = bool(id_) and is_pagerduty and not parts.path.startswith("/private/")
        schedule = Schedule(id_ or name, name, link=link if is_page else "", provider=provider)
        self._pulled.calendar.schedules.append(schedule)
        return schedule


def _of_event(event: Any, master: Any, moved: list[Any], window: Window) -> list[_Event]:
    if event.get("RECURRENCE-ID") is not None:
        if event["RECURRENCE-ID"].params.get("RANGE"):
            raise ValueError("it changes all later shifts of its rule (RANGE): those are left out, too")
        return [_Event.of(event, master)]
    return _expand(event, moved, window) if event.get("RRULE") or event.get("RDATE") else [_Event.of(event)]


def _list(found: Any) -> list[Any]:
    """Return the values of a property: icalendar makes a list only if there are several."""
    return found if isinstance(found, list) else [] if found is None else [found]


def _expand(event: Any, moved: list[Any], window: Window) -> list[_Event]:
    """Return the occurrences of a rule in the window, in the local time of its event.

    `moved` are separate events that replace some of them.

    Raises:
        ValueError: the rule or the event is odd; the message says how.
    """
    _, _, start, end = _Event.of(event)
    if start is None:
        raise ValueError("it has no start")
    if event.get("EXRULE") is not None:
        raise ValueError("a second rule leaves shifts of its rule out (EXRULE)")
    if end is not None and type(start) is not type(end):
        raise ValueError("its start is a date and its end a time, or the other way round")
    length = (end - start) if end is not None else getattr(event.get("DURATION"), "dt", timedelta(0))
    if length < timedelta(0):
        raise ValueError("it ends before it begins")
    zone = start.tzinfo if isinstance(start, datetime) else None
    first = _local(start, zone)
    last = _local(datetime.fromtimestamp(window.end, UTC), zone) + timedelta(days=1)
    starts = {_local(one.dt, zone) for dates in _list(event.get("RDATE")) for one in dates.dts}
    for rule in _list(event.get("RRULE")):
        starts.update(_starts(rule.to_ical().decode(), first, last, zone))
    starts -= {_local(one.dt, zone) for dates in _list(event.get("EXDATE")) for one in dates.dts}
    for one in moved:
        replaced = _local(one["RECURRENCE-ID"].dt, zone)
        is_range = bool(one["RECURRENCE-ID"].params.get("RANGE"))
        starts = {moment for moment in starts if moment != replaced and not (is_range and moment > replaced)}
    begins = [one.replace(tzinfo=zone) if isinstance(start, datetime) else one.date() for one in sorted(starts)]
    return [_Event(event, event, begin, begin + length) for begin in begins]


def _starts(text: str, first: datetime, last: datetime, zone: tzinfo | None) -> Iterator[datetime]:
    """Yield the local starts of a rule up to `last`."""
    rule = read_repeat(text)
    if isinstance(rule, Unreadable):
        raise ValueError(f"its rule is {text!r}{rule.reason}")
    if not _EARLIEST <= first.year <= _LATEST:
        raise ValueError(f"its rule begins in the year {first.year}")
    if rule.until is not None:
        until = rule.until.local
        if rule.until.offset is not None:
            until = _local((until - rule.until.offset).replace(tzinfo=UTC), zone)
        last = min(last, until)
    for number, moment in enumerate(occurrences(rule, first)):
        if moment > last or number == rule.count:
            return
        if number == _MOST_TURNS:
            raise ValueError(f"its rule is {text!r}, which occurs too often")
        yield moment


def _local(value: date | datetime, zone: tzinfo | None) -> datetime:
    """Return a naive local time in a zone: rules count in local time."""
    if not isinstance(value, datetime):
        return datetime.combine(value, time())
    return (value.astimezone(zone) if zone and value.tzinfo else value).replace(tzinfo=None)


def _epoch(value: date | datetime, home: ZoneInfo | None = None) -> int:
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    return int((moment if moment.tzinfo else moment.replace(tzinfo=home or UTC)).timestamp())


def _exists(value: datetime) -> bool:
    """Return whether a local time exists: in spring the clocks skip an hour."""
    back = value.astimezone(UTC).astimezone(value.tzinfo)
    return back.replace(tzinfo=None) == value.replace(tzinfo=None)


def _is_twice(value: date | datetime | None) -> bool:
    """Return whether a local time occurs twice: in autumn the clocks go back."""
    if not isinstance(value, datetime) or value.tzinfo is None or not _exists(value):
        return False
    return value.replace(fold=0).utcoffset() != value.replace(fold=1).utcoffset()
