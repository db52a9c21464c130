"""What PagerDuty's and Opsgenie's stand-ins know: people, teams, schedules, read from a JSON file.

The fields are those of the two APIs, ids in the place of references; docs/sandbox.md shows a file.
"""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, NaiveDatetime, ValidationError
from pydantic.alias_generators import to_camel

from importer.errors import SettingsError
from importer.sandbox.directory_file import first_error, read_file

if TYPE_CHECKING:
    from pathlib import Path

_HINT = "See docs/sandbox.md for an example, or leave the file out to use the demo organization."


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError) as error:  # an unknown name is a KeyError's kin, a folder an OSError
        raise ValueError("is not the name of a time zone") from error
    except KeyError as error:
        raise ValueError("is not the name of a time zone") from error
    return name


Zone: TypeAlias = Annotated[str, AfterValidator(_check_zone)]
Id: TypeAlias = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Seconds: TypeAlias = Annotated[int, Field(ge=60, le=366 * 86_400)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Camel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


# PagerDuty


class PagerDutyUser(_Strict):
    """A user. One with `deleted_at` is in no list any more, but keeps the turns that layers give to the id."""

    id: Id
    name: str
    email: str
    time_zone: Zone = "UTC"
    deleted_at: AwareDatetime | None = None


class PagerDutyTeam(_Strict):
    """A team."""

    id: Id
    name: str


class PagerDutyRestriction(_Strict):
    """When a layer has anybody, in the local time of its schedule."""

    type: Literal["daily_restriction", "weekly_restriction"]
    start_time_of_day: time
    duration_seconds: Seconds
    start_day_of_week: Annotated[int, Field(ge=1, le=7)] | None = None  #: Monday is 1


class PagerDutyLayer(_Strict):
    """A rotation in a layer-based schedule."""

    id: Id
    name: str
    start: AwareDatetime
    end: AwareDatetime | None = None
    users: tuple[Id, ...]
    rotation_virtual_start: AwareDatetime
    rotation_turn_length_seconds: Seconds
    restrictions: tuple[PagerDutyRestriction, ...] = ()


class PagerDutyOverride(_Strict):
    """An override of a layer-based schedule."""

    id: Id
    start: AwareDatetime
    end: AwareDatetime
    user: Id


class PagerDutySchedule(_Strict):
    """A layer-based schedule; the first layer is the highest."""

    id: Id
    name: str
    description: str = ""
    time_zone: Zone
    teams: tuple[Id, ...] = ()
    layers: tuple[PagerDutyLayer, ...] = ()
    overrides: tuple[PagerDutyOverride, ...] = ()


class PagerDutyEvent(_Strict):
    """A recurring span of a shift-based schedule; `None` among the members is a planned gap."""

    id: Id
    name: str
    start_time: NaiveDatetime  #: local time of the schedule
    end_time: NaiveDatetime
    effective_since: AwareDatetime
    effective_until: AwareDatetime | None = None
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
    start_time: AwareDatetime
    end_time: AwareDatetime
    member: Id


class PagerDutyShiftOverride(_Strict):
    """An override of one member's shifts in one rotation, or of a single shift."""

    id: Id
    rotation_id: Id | None = None
    custom_shift_id: Id | None = None
    start_time: AwareDatetime
    end_time: AwareDatetime
    overridden_member: Id
    overriding_member: Id | None  #: None: nobody


class PagerDutyShiftSchedule(_Strict):
    """A shift-based schedule (v3)."""

    id: Id
    name: str
    description: str = ""
    time_zone: Zone
    teams: tuple[Id, ...] = ()
    rotations: tuple[PagerDutyRotation, ...] = ()
    custom_shifts: tuple[PagerDutyShift, ...] = ()
    overrides: tuple[PagerDutyShiftOverride, ...] = ()


class PagerDuty(_Strict):
    """An account. `me` is the user who owns the API key: lists come in that user's time zone."""

    me: Id
    users: tuple[PagerDutyUser, ...]
    teams: tuple[PagerDutyTeam, ...] = ()
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


class OpsgenieTeam(_Camel):
    """A team."""

    id: Id
    name: str
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


class OpsgenieRotation(_Camel):
    """A rotation; all rotations of a schedule are in force at once."""

    id: Id
    name: str
    start_date: AwareDatetime
    end_date: AwareDatetime | None = None
    type: Literal["hourly", "daily", "weekly"]
    length: Annotated[int, Field(ge=1, le=366)] = 1
    participants: tuple[OpsgenieParticipant, ...]
    time_restriction: OpsgenieRestriction | None = None


class OpsgenieOverride(_Camel):
    """An override of some rotations, or of all where none is named."""

    alias: str
    user: OpsgenieParticipant
    start_date: AwareDatetime
    end_date: AwareDatetime
    rotations: tuple[Id, ...] = ()


class OpsgenieSchedule(_Camel):
    """A schedule."""

    id: Id
    name: str
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
    start_date: AwareDatetime
    end_date: AwareDatetime


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
    try:
        return Organization.model_validate_json(read_file(path, "organization", _HINT))
    except ValidationError as error:
        message = f"The organization {path} cannot be used: {first_error(error)}."
        raise SettingsError(message, hint=_HINT) from error


def seconds(moment: datetime) -> int:
    """Return an instant in whole seconds since the epoch."""
    return int(moment.timestamp())
