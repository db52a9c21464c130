"""Reads calendar files and feeds (RFC 5545) as rendered intervals. The only module that knows icalendar.

A feed is a snapshot: nothing is known before its first and after its last event. Every event is taken or noted, and a
rule is checked before it is expanded: a hostile one would never end.
"""

from __future__ import annotations

import codecs
import re
import warnings
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, tzinfo
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from importer.calendars import (
    Interval,
    Pulled,
    Role,
    Schedule,
    Window,
    end_after,
    epoch,
    feed_schedule,
    in_zone,
    is_skipped,
    is_twice,
    merge,
    named_zone,
)
from importer.errors import SourceError
from importer.normalizer.occurrences import RecurrenceSet, naive_local
from importer.reader.encoding import decode_lines
from importer.wording import count_of

_LARGEST = 20_000_000  # bytes of a file
_MOST = 10_000  # occurrences of a file
_CALENDAR_NAME = re.compile(r"On Call Schedule for (?P<name>.+)")
_SUMMARY = re.compile(r"On Call - (?P<person>.+?) - (?P<schedule>.+)")
_MAILTO = re.compile(r"(?i)^.*?mailto:")
_NO_PERSON = frozenset({"ROOM", "RESOURCE"})  # attendees that are places and things
#: What says when and whose an event is, and stands there once; and what can stand there several times.
_ONCE = ("DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "SUMMARY")
_SEVERAL = ("RRULE", "EXRULE", "RDATE", "EXDATE")
#: A time in UTC with a zone beside it, which RFC 5545 (3.2.19) forbids: icalendar would ignore the Z.
_UTC_IN_ZONE = re.compile(r"(?im)^((?:DT|RECURRENCE|RDATE|EXDATE)[^:\n]*);TZID=[^;:\n]*([^:\n]*:[0-9TZ,]*Z)$")


class _Event(NamedTuple):
    """One occurrence; what an exception to a rule does not repeat comes from the rule's event."""

    event: Any
    master: Any
    start: date | datetime | None
    end: date | datetime | None

    @classmethod
    def of(cls, event: Any, master: Any = None) -> _Event:
        """Return an event that happens once, at its own time."""
        own = (_moment(event, name) for name in ("DTSTART", "DTEND"))
        return cls(event, event if master is None else master, *own)

    def text(self, name: str) -> str:
        """Return a property as text; empty if neither has it."""
        return _first(self.event if self.event.get(name) is not None else self.master, name)

    @property
    def is_cancelled(self) -> bool:
        """True if it does not take place."""
        return self.text("STATUS").upper() in ("CANCELLED", "CANCELED")

    @property
    def subject(self) -> str:
        """Its name in notes."""
        return f"{self.text('SUMMARY') or self.text('UID') or 'an event'} ({self.start})"

    def touches(self, window: Window) -> bool:
        """Return whether it may be in a window, in any time zone; also true without a start, which is noted later."""
        if self.start is None:
            return True
        first = epoch(self.start)
        last = epoch(end_after(self.start, _moment(self.event, "DURATION")) if self.end is None else self.end)
        return min(first, last) < window.end + 86_400 and max(first, last) > window.start - 86_400

    def span(self, home: tzinfo | None) -> tuple[int, int]:
        """Return when it begins and ends, in `home` if it names no zone; a ValueError says why that is not certain."""
        start, end = self.start, self.end
        if start is None:
            raise ValueError("it has no start")
        is_day = not isinstance(start, datetime)
        for name, value in (("DTSTART", start), ("DTEND", end)):
            is_local = isinstance(value, datetime) and value.tzinfo is None
            if is_local and (written := _parameter(self.event.get(name), "TZID")):
                raise ValueError(f"its time zone {written!r} is not known")
            if (is_day or is_local) and home is None:
                why = "it is an all-day event" if is_day else "its times have no zone"
                raise ValueError(f"{why}, and the calendar names no time zone; give one with --timezone")
        start = in_zone(start, home)
        end = end_after(start, _moment(self.event, "DURATION")) if end is None else in_zone(end, home)
        if any(isinstance(value, datetime) and is_skipped(value) for value in (start, end)):
            raise ValueError("it begins or ends at a local time that the clocks skip")
        begins, ends = epoch(start, home), epoch(end, home)
        if ends <= begins:
            raise ValueError("it ends before it begins" if ends < begins else "it has no length")
        return begins, ends


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
    components = _parse(_decode(content, pulled), pulled)
    feed = feed_schedule(address) if len(components) == 1 else ("", "")
    for component in components:
        _ComponentReader(pulled, component, zone, re.compile(pattern) if pattern else _SUMMARY, feed).read()
    pulled.listed = pulled.calendar.schedules
    pulled.calendar.intervals = merge(pulled.calendar.intervals, window)
    return pulled


def _decode(content: bytes, pulled: Pulled) -> str:
    """Return the text with whole lines. They are joined as bytes: some programs fold them within a character."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        content = content.decode("utf-16", "replace").encode()
    joined = re.sub(rb"\n[ \t]", b"", re.sub(rb"\r+\n?", b"\n", content.removeprefix(codecs.BOM_UTF8)))
    lines, western = decode_lines(joined.split(b"\n"))
    if western:
        these = f"{count_of(len(western), 'line')}, such as {western[0].strip()[:80]!r}"
        pulled.note(pulled.calendar.label, f"Not UTF-8, and read as Windows-1252: {these}.")
    return "\n".join(lines)


def _parse(text: str, pulled: Pulled) -> list[Any]:
    """Return the calendars of a file: it can hold several, each with time zones of its own."""
    from icalendar import Calendar as Parsed
    from icalendar.timezone import tzp
    from icalendar.timezone.zoneinfo import ZONEINFO

    class Zones(ZONEINFO):
        """Our zones: the same on every machine, and under all their names."""

        def timezone(self, name: str) -> tzinfo | None:
            return named_zone(name)

        def knows_timezone_id(self, tzid: str) -> bool:
            return named_zone(tzid) is not None

        def create_timezone(self, tz: Any) -> tzinfo | None:  # type: ignore[override]
            try:
                zone = super().create_timezone(tz)
                zone.utcoffset(datetime(2027, 7, 1))  # noqa: DTZ001  (dateutil reads the rules late)
            except (ValueError, KeyError, TypeError, AttributeError, IndexError):
                return None  # its times are named as having an unknown zone
            return zone

    label = pulled.calendar.label
    capitals = text.upper()
    begun, ended = (sorted(re.findall(rf"(?m)^{edge}:(VCALENDAR|VEVENT) *$", capitals)) for edge in ("BEGIN", "END"))
    if begun != ended:
        raise SourceError(
            f"{label} is cut off: not everything that begins in it ends", hint="Fetch the calendar again."
        )
    text, number = _UTC_IN_ZONE.subn(r"\1\2", text)
    if number:
        pulled.note(label, f"{count_of(number, 'time')} in UTC (Z) with a time zone beside it: taken as UTC.")
    found: list[Any] = []
    try:
        first, *calendars = re.split(r"(?im)^(?=BEGIN:VCALENDAR *$)", text)
        if first.strip() or not calendars:
            raise ValueError("it does not begin with BEGIN:VCALENDAR")
        with warnings.catch_warnings(action="ignore"):
            for calendar in calendars:
                tzp.use(Zones())  # forgets the zones that the calendar before defined
                found += Parsed.from_ical(calendar, multiple=True)
    except (ValueError, IndexError, KeyError, RecursionError) as error:
        begins = text.lstrip()[:200].lower()
        got = "HTML, perhaps a login page" if begins.startswith(("<!doctype", "<html")) else "something else"
        raise SourceError(
            f"{label} is not a calendar: it holds {got if begins else 'nothing'}",
            hint="Give the secret address of the feed, or a file that was exported as iCalendar (.ics).",
        ) from error
    return found


class _ComponentReader:
    """Reads one calendar of a file into a `Pulled`."""

    def __init__(
        self, pulled: Pulled, component: Any, zone: str, pattern: re.Pattern[str], feed: tuple[str, str]
    ) -> None:
        self._pulled = pulled
        self._window = pulled.calendar.window
        self._pattern = pattern
        self._feed = feed
        events = list(component.walk("VEVENT"))
        zones = component.walk("VTIMEZONE")
        self._definitions = {_first(one, "TZID"): one.to_tz(lookup_tzid=False) for one in zones}
        name = _first(component, "X-WR-CALNAME")
        matched = _CALENDAR_NAME.fullmatch(name)
        self._name = matched["name"] if matched else name or pulled.calendar.label
        own = _first(component, "X-WR-TIMEZONE")
        self._home = named_zone(own) or named_zone(zone)
        if own and named_zone(own) is None:
            pulled.note(self._name, f"Its time zone {own!r} is not known.")
        newest = {_identity(one): _version(one) for one in sorted(events, key=_version)}
        self._events = []
        for one in events:
            if not one.get("UID") or _version(one) == newest[_identity(one)]:
                self._events.append(one)
            else:
                self._note(_Event.of(one), "a newer version of it is in the calendar")
        self._masters = {str(one.get("UID")): one for one in self._events if one.get("RECURRENCE-ID") is None}

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
                    end = max(end, epoch(untils[0], self._home))
                elif not rule.get("COUNT"):
                    end = max(end, self._window.end)
        except (ValueError, TypeError, OverflowError):
            return None
        return start, end

    def _occurrences(self) -> Iterator[_Event]:
        """Yield the occurrences in the window: single events, and rules, expanded after they were checked."""
        moved: dict[str, list[Any]] = defaultdict(list)
        for event in self._events:
            if _moment(event, "RECURRENCE-ID") is not None:
                moved[str(event.get("UID"))].append(event)
        count = 0
        for event in self._events:
            try:
                _refuse_unreadable(event)
                found = self._of_event(event, moved[str(event.get("UID"))])
            except (ValueError, TypeError, AttributeError, OverflowError) as error:
                reason = str(error) if isinstance(error, ValueError) else "its rule cannot be expanded"
                self._note(_Event.of(event), reason)
                continue
            for one in found:
                if one.touches(self._window):
                    count += 1
                    for line in (words for name, words in event.errors if name is None):
                        self._pulled.note(one.subject, f"Taken without a line that is not a property. {line}.")
                    yield one
            if count > _MOST:
                label = self._pulled.calendar.label
                raise SourceError(f"{label} has more than {_MOST} shifts in the window", hint="Choose a shorter one.")

    def _of_event(self, event: Any, moved: list[Any]) -> list[_Event]:
        if event.get("RECURRENCE-ID") is not None:
            if event["RECURRENCE-ID"].params.get("RANGE"):
                raise ValueError("it changes all later shifts of its rule (RANGE): those are left out, too")
            return [_Event.of(event, self._masters.get(str(event.get("UID"))))]
        return self._expand(event, moved) if event.get("RRULE") or event.get("RDATE") else [_Event.of(event)]

    def _expand(self, event: Any, moved: list[Any]) -> list[_Event]:
        """Return the occurrences of a rule in the window, in the local time of its event.

        `moved` are separate events that replace some of them. An end keeps its distance on the local clock. A
        ValueError says what is odd about the event or its rule.
        """
        found = _Event.of(event)
        start, end = found.start, found.end
        if start is None:
            raise ValueError("it has no start")
        if event.get("EXRULE") is not None:
            raise ValueError("a second rule leaves shifts of its rule out (EXRULE)")
        if end is not None and type(start) is not type(end):
            raise ValueError("its start is a date and its end a time, or the other way round")
        if end is not None and epoch(end) < epoch(start):
            raise ValueError("it ends before it begins")
        zone = (start.tzinfo if isinstance(start, datetime) else None) or self._home
        rules = tuple(rule.to_ical().decode() for rule in _list(event.get("RRULE")))
        replaced = [one["RECURRENCE-ID"] for one in moved]
        left_out = (*_dates(event, "EXDATE"), *(one.dt for one in replaced))
        until = min((one.dt for one in replaced if one.params.get("RANGE")), key=epoch, default=None)
        series = RecurrenceSet(start, zone, rules, _dates(event, "RDATE"), left_out, until)
        begins, odd = series.expand(*(datetime.fromtimestamp(one, UTC) for one in self._window))
        for reason in odd:
            self._pulled.note(found.subject, reason)
        if end is None:
            length = _moment(event, "DURATION")
            return [_Event(event, event, begin, end_after(begin, length)) for begin in begins]
        lasting = naive_local(end, zone) - naive_local(start, zone)
        return [_Event(event, event, begin, begin + lasting) for begin in begins]

    def _span(self, found: _Event) -> tuple[int, int] | None:
        """Return when an event begins and ends; None if that cannot be determined, which is noted."""
        try:
            span = found.span(self._home)
        except (ValueError, TypeError, OverflowError) as error:
            self._note(found, str(error) if isinstance(error, ValueError) else "its times cannot be read")
            return None
        times = {"DTSTART": found.start, "DTEND": found.end}
        zoned = {name: value for name, value in times.items() if isinstance(value, datetime) and value.tzinfo}
        for name, value in zoned.items():
            own = self._definitions.get(_parameter(found.event.get(name), "TZID"))
            if own is not None and own.utcoffset(value) != value.utcoffset():
                reason = (
                    "The calendar's own definition of this shift's time zone differs: the zone of that name is used."
                )
                self._pulled.note(found.subject, reason)
        if any(map(is_twice, zoned.values())):
            self._pulled.note(
                found.subject,
                "It begins or ends at a local time that occurs twice that night: the first is used, as RFC 5545 says.",
            )
        return span

    def _person(self, found: _Event) -> str:
        """Return who is on call: the attendee, else the person in the summary; empty if that is not one person."""
        summary = self._pattern.fullmatch(found.text("SUMMARY"))
        listed = _list(found.event.get("ATTENDEE") or found.master.get("ATTENDEE"))
        invited = [one for one in listed if _parameter(one, "CUTYPE").upper() not in _NO_PERSON and _identify(one)]
        coming = [one for one in invited if _parameter(one, "PARTSTAT").upper() != "DECLINED"]
        people = {_identify(one): _parameter(one, "CN") for one in coming}
        if len(people) > 1:
            reason = f"it has {len(people)} attendees, so it does not say who is on call"
        elif people:
            ((person, name),) = people.items()
            self._pulled.calendar.names.setdefault(person, name or (summary["person"] if summary else ""))
            return person
        elif invited:
            reason = "everybody who is invited has declined"
        elif summary and summary["person"]:
            return summary["person"].strip()
        elif (title := found.text("SUMMARY")) and self._pattern is _SUMMARY:
            return title
        else:
            reason = "its title does not match the pattern" if title else "it names nobody"
        self._note(found, reason)
        return ""

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


def _list(found: Any) -> list[Any]:
    """Return the values of a property: icalendar makes a list only if there are several."""
    return found if isinstance(found, list) else [] if found is None else [found]


def _first(component: Any, name: str) -> str:
    """Return a property as text, the first one if it is repeated; empty if there is none."""
    return str(next(iter(_list(component.get(name))), "")).strip()


def _moment(event: Any, name: str) -> Any:
    """Return the date, time or duration of a property; None if there is none, or none that can be read."""
    try:
        return getattr(event.get(name), "dt", None)
    except ValueError:
        return None


def _dates(event: Any, name: str) -> list[Any]:
    return [one.dt for dates in _list(event.get(name)) for one in dates.dts]


def _parameter(value: Any, name: str) -> str:
    return str(getattr(value, "params", {}).get(name, "")).strip()


def _version(event: Any) -> int:
    written = _first(event, "SEQUENCE")
    return int(written) if written.isdecimal() else 0


def _identity(event: Any) -> tuple[str, str]:
    """Return what the versions of an event have in common."""
    return _first(event, "UID"), str(_moment(event, "RECURRENCE-ID") or _first(event, "RECURRENCE-ID"))


def _refuse_unreadable(event: Any) -> None:
    """Refuse an event whose times or title are not certain, with a ValueError that says which."""
    wrong = {name for name, _ in event.errors}
    for name in (*_ONCE, *_SEVERAL):
        values = _list(event.get(name))
        if name in wrong:
            written = next((str(one) for one in values if isinstance(one, str)), "")
            raise ValueError(f"its {name} {written!r} cannot be read")
        if name in _ONCE and len(values) > 1:
            raise ValueError(f"it has {name} twice")


def _identify(attendee: Any) -> str:
    """Return an attendee's e-mail address, else name; some programs write an id such as urn:uuid: in their place."""
    own, name = _MAILTO.sub("", str(attendee)).strip(), _parameter(attendee, "CN")
    emails = (one for one in (own, _parameter(attendee, "EMAIL"), name) if "@" in one)
    return next(emails, "").lower() or name or ("" if ":" in own or "/" in own else own)
