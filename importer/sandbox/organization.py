"""The data of PagerDuty's and Opsgenie's stand-ins: people, teams, schedules, read from a JSON file.

The fields are those of the two APIs, ids in the place of references; docs/sandbox.md shows a file. The instants in it
are epoch seconds here, and the APIs' date-times again in a dump: in the time zone that is its context, else in UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetPydanticSchema,
    NaiveDatetime,
    PlainSerializer,
    SerializationInfo,
)
from pydantic.alias_generators import to_camel
from pydantic_core import core_schema

from importer.sandbox.directory_file import read_model
from importer.wording import iso_utc


def show(instant: int, zone: tzinfo | None = None) -> str:
    """Write an instant in a zone, as PagerDuty does; without one in UTC, as Opsgenie does."""
    return datetime.fromtimestamp(instant, zone).isoformat() if zone else iso_utc(instant)


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # an unknown name is a KeyError's kin, a folder an OSError
        raise ValueError("is not the name of a time zone") from error
    return name


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _dumped(instant: int, info: SerializationInfo[Any]) -> str:
    return show(instant, info.context)


_AWARE = core_schema.no_info_after_validator_function(_seconds, core_schema.datetime_schema(tz_constraint="aware"))

Zone: TypeAlias = Annotated[str, AfterValidator(_check_zone)]
Id: TypeAlias = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Seconds: TypeAlias = Annotated[int, Field(ge=60, le=366 * 86_400)]
#: Epoch seconds, written as a date-time with its offset.
Instant: TypeAlias = Annotated[
    int,
    GetPydanticSchema(lambda _int, _handler: _AWARE),
    PlainSerializer(_dumped),
]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Named(_Strict):
    id: Id
    name: str


class _Camel(_Strict):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class _CamelNamed(_Camel, _Named):
    pass


# PagerDuty


class PagerDutyUser(_Named):
    """A user. One with `deleted_at` is in no list any more, but keeps the turns that layers give to the id."""

    email: str
    time_zone: Zone = "UTC"
    deleted_at: Instant | None = None


class PagerDutyRestriction(_Strict):
    """When a layer has anybody, in the local time of its schedule."""

    type: Literal["daily_restriction", "weekly_restriction"]
    start_time_of_day: time
    duration_seconds: Seconds
    start_day_of_week: Annotated[int, Field(ge=1, le=7)] | None = None  #: Monday is 1


class PagerDutyLayer(_Named):
    """A rotation in a layer-based schedule."""

    start: Instant
    end: Instant | None = None
    users: tuple[Id, ...]
    rotation_virtual_start: Instant
    rotation_turn_length_seconds: Seconds
    restrictions: tuple[PagerDutyRestriction, ...] = ()


class PagerDutyOverride(_Strict):
    """An override of a layer-based schedule."""

    id: Id
    start: Instant
    end: Instant
    user: Id


class PagerDutyAnySchedule(_Named):
    """What both kinds of schedules have."""

    description: str = ""
    time_zone: Zone
    teams: tuple[Id, ...] = ()


class PagerDutySchedule(PagerDutyAnySchedule):
    """A layer-based schedule; the first layer is the highest."""

    layers: tuple[PagerDutyLayer, ...] = ()
    overrides: tuple[PagerDutyOverride, ...] = ()


class PagerDutyEvent(_Named):
    """A recurring span of a shift-based schedule; `None` among the members is a planned gap."""

    start_time: NaiveDatetime  #: local time of the schedule
    end_time: NaiveDatetime
    effective_since: Instant
    effective_until: Instant | None = None
    rrule: Annotated[str, Field(pattern=r"^FREQ=(DAILY|WEEKLY)(;INTERVAL=[1-9]\d?)?(;BYDAY=[A-Z]{2}(,[A-Z]{2})*)?$")]
    members: Annotated[tuple[Id | None, ...], Field(min_length=1, max_length=20)]
    shifts_per_member: Annotated[int, Field(ge=1)] | None = 1  #: None: every member has every shift


class PagerDutyRotation(_Strict):
    """A rotation of a shift-based schedule: its events in the order in which they were effective."""

    id: Id
    events: tuple[PagerDutyEvent, ...]


class PagerDutyShift(_Strict):
    """A single shift beside the rotations."""

    id: Id
    start_time: Instant
    end_time: Instant
    member: Id


class PagerDutyShiftOverride(_Strict):
    """An override of one member's shifts in one rotation, or of a single shift."""

    id: Id
    rotation_id: Id | None = None
    custom_shift_id: Id | None = None
    start_time: Instant
    end_time: Instant
    overridden_member: Id
    overriding_member: Id | None  #: None: nobody


class PagerDutyShiftSchedule(PagerDutyAnySchedule):
    """A shift-based schedule (v3)."""

    rotations: tuple[PagerDutyRotation, ...] = ()
    custom_shifts: tuple[PagerDutyShift, ...] = ()
    overrides: tuple[PagerDutyShiftOverride, ...] = ()


class PagerDuty(_Strict):
    """An account. `me` is the user who owns the API key: lists come in that user's time zone."""

    me: Id
    users: tuple[PagerDutyUser, ...]
    teams: tuple[_Named, ...] = ()
    schedules: tuple[PagerDutySchedule, ...] = ()
    v3_schedules: tuple[PagerDutyShiftSchedule, ...] = ()


# Opsgenie


class OpsgenieUser(_Camel):
    """A user; the user name is the e-mail address."""

    id: Id
    username: str
    full_name: str
    time_zone: Zone = "UTC"
    blocked: bool = False


class OpsgenieTeam(_CamelNamed):
    """A team."""

    members: tuple[Id, ...] = ()


class OpsgenieParticipant(_Camel):
    """Who has a turn, or the user of an override."""

    type: Literal["user", "team", "escalation", "none"]
    id: Id | None = None


class OpsgenieHours(_Camel):
    """One window of a restriction; an end that is not after the start is on the next day."""

    start_day: str | None = None
    start_hour: Annotated[int, Field(ge=0, le=23)]
    start_min: Literal[0, 30]
    end_day: str | None = None
    end_hour: Annotated[int, Field(ge=0, le=23)]
    end_min: Literal[0, 30]


class OpsgenieRestriction(_Camel):
    """When a rotation has anybody: `restriction` for every day, `restrictions` for days of the week."""

    type: Literal["time-of-day", "weekday-and-time-of-day"]
    restriction: OpsgenieHours | None = None
    restrictions: tuple[OpsgenieHours, ...] | None = None


class OpsgenieRotation(_CamelNamed):
    """A rotation; all rotations of a schedule are in force at once."""

    start_date: Instant
    end_date: Instant | None = None
    type: Literal["hourly", "daily", "weekly"]
    length: Annotated[int, Field(ge=1, le=366)] = 1
    participants: tuple[OpsgenieParticipant, ...]
    time_restriction: OpsgenieRestriction | None = None


class OpsgenieOverride(_Camel):
    """An override of some rotations, or of all where none is named."""

    alias: str
    user: OpsgenieParticipant
    start_date: Instant
    end_date: Instant
    rotations: tuple[Id, ...] = ()


class OpsgenieSchedule(_CamelNamed):
    """A schedule."""

    description: str = ""
    timezone: Zone
    enabled: bool = True
    owner_team: Id | None = None
    rotations: tuple[OpsgenieRotation, ...] = ()
    overrides: tuple[OpsgenieOverride, ...] = ()


class OpsgenieForwarding(_Camel):
    """A rule that forwards one user's turns to another, in every schedule."""

    id: Id
    from_user: Id
    to_user: Id
    start_date: Instant
    end_date: Instant


class Opsgenie(_Camel):
    """An account."""

    users: tuple[OpsgenieUser, ...]
    teams: tuple[OpsgenieTeam, ...] = ()
    schedules: tuple[OpsgenieSchedule, ...] = ()
    forwarding_rules: tuple[OpsgenieForwarding, ...] = ()


class Organization(_Strict):
    """One organization as both systems know it."""

    pagerduty: PagerDuty
    opsgenie: Opsgenie


def read_organization(path: Path) -> Organization:
    """Read an organization from a JSON file.

    Raises:
        SettingsError: the file cannot be read, is not JSON, or is not an organization.
    """
    hint = "See docs/sandbox.md for an example, or leave the file out to use the demo organization."
    return read_model(Organization, path, "organization", hint, is_json=True)


def demo_organization(now: float) -> Organization:
    """Return the demo: 40 schedules in PagerDuty and Opsgenie, with all that makes a migration go wrong.

    People and the schedules that carry overrides have the names of the sandbox's Rootly, so that what is pulled can be
    run. Its file counts the days of overrides from the Monday of this week; all else is fixed.
    """
    today = datetime.fromtimestamp(now, UTC).date()
    return _demo_of_the_week(today - timedelta(days=today.weekday()))


@lru_cache(maxsize=1)  # a process may serve many sandboxes; nothing in it can change
def _demo_of_the_week(monday: date) -> Organization:
    text = files(__package__).joinpath("demo.json").read_text("utf-8")
    text = re.sub(r"monday([+-]\d+)", lambda found: str(monday + timedelta(days=int(found[1]))), text)
    weeks = (monday - date(2025, 1, 6)).days // 7
    # The override of Kubernetes primary names whom it overrides: who is on call in the next week.
    return Organization.model_validate_json(
        text.replace('"on-call"', f'"{("PUSER07", "PUSER05", "PUSER02")[(weeks + 1) % 3]}"')
    )
