"""Computes whose turn it is, for the calendars that the stand-ins render. Pure; in epoch seconds.

For the sandbox only: the importer itself never computes a rotation, it asks the system whose rotation it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from importer.sandbox.organization import (
    Opsgenie,
    OpsgenieHours,
    OpsgenieParticipant,
    OpsgenieRotation,
    OpsgenieSchedule,
    PagerDuty,
    PagerDutyEvent,
    PagerDutyLayer,
    PagerDutySchedule,
    PagerDutyShiftSchedule,
)

DAY = 86_400
_LENGTHS = {"hourly": 3600, "daily": DAY, "weekly": 7 * DAY}
#: Days of the week, Monday first, as restrictions of Opsgenie name them.
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Span(NamedTuple):
    """A half-open span of time."""

    start: int
    end: int


class Turn(NamedTuple):
    """A span of time, and who has it."""

    start: int
    end: int
    who: str  #: a user's id, or empty for nobody; in Opsgenie a participant as `type:id`
    source: tuple[tuple[str, str], ...] = ()  #: where it comes from, in the fields by which the API says so


def turns(anchor: int, length: int, zone: ZoneInfo, members: Sequence[str], window: Span) -> list[Turn]:
    """Return the turns in a window, cut to it. Turns of whole days change at the same local time all year."""
    days, is_exact = divmod(length, DAY)
    first = datetime.fromtimestamp(anchor, zone).replace(tzinfo=None)

    def begins(number: int) -> int:
        return anchor + number * length if is_exact else epoch(first + timedelta(days=days * number), zone)

    found = []
    number = max(0, (window.start - anchor) // length - 1)
    while members and begins(number) < window.end:
        found.append(Turn(begins(number), begins(number + 1), members[number % len(members)]))
        number += 1
    return within(found, [window])


def epoch(local: datetime, zone: ZoneInfo) -> int:
    """Return the instant of a local time."""
    return int(local.replace(tzinfo=zone).timestamp())


def windows(start: time, seconds: int, zone: ZoneInfo, weekday: int | None, window: Span) -> Iterator[Span]:
    """Yield the spans of a restriction that touch a window; `weekday` counts from Monday = 0, None means every day."""
    day = datetime.fromtimestamp(window.start - 8 * DAY, zone).date()
    last = datetime.fromtimestamp(window.end, zone).date()
    while day <= last:
        if weekday is None or day.weekday() == weekday:
            begins = datetime.combine(day, start)
            yield Span(epoch(begins, zone), epoch(begins + timedelta(seconds=seconds), zone))
        day += timedelta(days=1)


def within(found: Iterable[Turn], spans: Iterable[Span]) -> list[Turn]:
    """Cut turns to a union of spans."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(span.end, joined[-1].end))
        elif span.end > span.start:
            joined.append(span)
    return [
        turn._replace(start=max(turn.start, span.start), end=min(turn.end, span.end))
        for turn in found
        for span in joined
        if turn.start < span.end and span.start < turn.end
    ]


def overlaid(lower: Iterable[Turn], upper: Sequence[Turn]) -> list[Turn]:
    """Lay turns over others: the lower ones show through where there is no upper one."""
    left = list(lower)
    for cover in upper:
        left = [part for turn in left for part in without(turn, cover.start, cover.end)]
    return sorted([*left, *upper])


def without(turn: Turn, start: int, end: int) -> list[Turn]:
    """Return what is left of a turn outside a span."""
    parts = (turn._replace(end=min(turn.end, start)), turn._replace(start=max(turn.start, end)))
    return [part for part in parts if part.start < part.end]


# PagerDuty


def final_turns(schedule: PagerDutySchedule, span: Span, *, is_base: bool = False) -> list[Turn]:
    """Render the final schedule: higher layers over lower ones, and overrides over all but for the base."""
    found: list[Turn] = []
    for layer in reversed(schedule.layers):
        found = overlaid(found, layer_turns(layer, ZoneInfo(schedule.time_zone), span))
    return found if is_base else overlaid(found, override_turns(schedule, span))


def base_turns(account: PagerDuty, name: str, span: Span) -> list[Turn]:
    """Render the schedule of a name without its overrides; empty if there is none."""
    for schedule in account.schedules:
        if schedule.name == name:
            return final_turns(schedule, span, is_base=True)
    for shifted in account.v3_schedules:
        if shifted.name == name:
            base = shift_turns(shifted.model_copy(update={"overrides": ()}), span)
            return [turn for turn in base if turn.who]
    return []


def override_turns(schedule: PagerDutySchedule, span: Span) -> list[Turn]:
    """Render the overrides of a layer-based schedule alone."""
    return within((Turn(one.start, one.end, one.user) for one in schedule.overrides), [span])


def layer_turns(layer: PagerDutyLayer, zone: ZoneInfo, span: Span) -> list[Turn]:
    """Render one layer."""
    life = Span(max(span.start, layer.start), min(span.end, layer.end or span.end))
    found = turns(layer.rotation_virtual_start, layer.rotation_turn_length_seconds, zone, layer.users, life)
    if not layer.restrictions:
        return found
    open_spans: list[Span] = []
    for one in layer.restrictions:
        weekday = None if one.start_day_of_week is None else one.start_day_of_week - 1
        open_spans += windows(one.start_time_of_day, one.duration_seconds, zone, weekday, life)
    return sorted(within(found, open_spans))


def shift_turns(schedule: PagerDutyShiftSchedule, span: Span) -> list[Turn]:
    """Render a shift-based schedule, overrides in the place of what they override; `who` is empty in a planned gap."""
    zone = ZoneInfo(schedule.time_zone)
    found = [
        Turn(one.start_time, one.end_time, one.member, (("type", "custom_shift"), ("shift_id", one.id)))
        for one in schedule.custom_shifts
    ]
    for rotation in schedule.rotations:
        source_of_turns = (("type", "schedule_rotation"), ("rotation_id", rotation.id))
        for event in rotation.events:
            found += [turn._replace(source=source_of_turns) for turn in _event_turns(event, zone, span)]
    for override in schedule.overrides:
        covered = Span(override.start_time, override.end_time)
        ids = (override.rotation_id, override.custom_shift_id, None)
        replaced: list[Turn] = []
        for turn in found:
            source = dict(turn.source)
            own_ids = (source.get("rotation_id"), source.get("shift_id"), source.get("override_id"))
            if own_ids != ids or turn.who != override.overridden_member:
                replaced.append(turn)
                continue
            source |= {"type": f"{source['type']}_override", "override_id": override.id}
            cover = turn._replace(who=override.overriding_member or "", source=tuple(source.items()))
            replaced += [*without(turn, *covered), *within([cover], [covered])]
        found = replaced
    return sorted(within(found, [span]))


def _event_turns(event: PagerDutyEvent, zone: ZoneInfo, span: Span) -> Iterator[Turn]:
    """Yield the occurrences of an event that touch a span. A member keeps it for so many occurrences, not weeks."""
    until = event.effective_until or span.end
    # The rule ends with the span: one that never matches would be expanded up to the year 9999.
    rule = f"{event.rrule};UNTIL={datetime.fromtimestamp(span.end, zone):%Y%m%dT%H%M%S}"
    for number, begins in enumerate(rrulestr(rule, dtstart=event.start_time)):
        start, end = epoch(begins, zone), epoch(begins + (event.end_time - event.start_time), zone)
        if end <= span.start or not event.effective_since <= start < until:
            continue
        per_member = event.shifts_per_member
        one = event.members[number // (per_member or 1) % len(event.members)]
        for member in event.members if per_member is None else (one,):
            yield Turn(start, end, member or "")


# Opsgenie


def rotation_turns(
    account: Opsgenie, schedule: OpsgenieSchedule, rotation: OpsgenieRotation, span: Span, *, is_base: bool = False
) -> list[Turn]:
    """Render one rotation: its turns, and but for the base overrides over them, forwarding rules over both."""
    zone = ZoneInfo(schedule.timezone)
    life = Span(max(span.start, rotation.start_date), min(span.end, rotation.end_date or span.end))
    length = _LENGTHS[rotation.type] * rotation.length
    found = turns(rotation.start_date, length, zone, [participant(one) for one in rotation.participants], life)
    if restriction := rotation.time_restriction:
        open_spans: list[Span] = []
        for hours in restriction.restrictions or ([restriction.restriction] if restriction.restriction else []):
            weekday = _WEEKDAYS.index(hours.start_day) if hours.start_day in _WEEKDAYS else None
            open_spans += windows(time(hours.start_hour, hours.start_min), _length(hours), zone, weekday, life)
        found = sorted(within(found, open_spans))
    if is_base:
        return found
    for one in schedule.overrides:
        if not one.rotations or rotation.id in one.rotations:
            cover = Turn(one.start_date, one.end_date, participant(one.user), (("type", "override"),))
            found = overlaid(found, within([cover], [span]))
    for rule in account.forwarding_rules:
        source = (("type", "forwarding"), ("fromUser", rule.from_user))
        taken = within(found, [Span(rule.start_date, rule.end_date)])
        own = [turn for turn in taken if turn.who == f"user:{rule.from_user}"]
        found = overlaid(found, [turn._replace(who=f"user:{rule.to_user}", source=source) for turn in own])
    return found


def participant(one: OpsgenieParticipant) -> str:
    """Return a participant as `Turn.who` has it."""
    return f"{one.type}:{one.id or ''}"


def _length(hours: OpsgenieHours) -> int:
    """Return the length of a window in seconds; an end that is not after the start is a day later, or a week."""
    begins = timedelta(hours=hours.start_hour, minutes=hours.start_min)
    ends = timedelta(hours=hours.end_hour, minutes=hours.end_min)
    if hours.start_day in _WEEKDAYS and hours.end_day in _WEEKDAYS:
        ends += timedelta(days=(_WEEKDAYS.index(hours.end_day) - _WEEKDAYS.index(hours.start_day)) % 7)
        cycle = timedelta(days=7)
    else:
        cycle = timedelta(days=1)
    return int((ends - begins if ends > begins else ends - begins + cycle).total_seconds())
