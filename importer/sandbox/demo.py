"""The demo organization: 40 schedules in PagerDuty and Opsgenie, with all that makes a migration go wrong.

People and the schedules that carry overrides have the names of the sandbox's Rootly, so that what is pulled can be run.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from importer.sandbox.organization import (
    Opsgenie,
    OpsgenieForwarding,
    OpsgenieHours,
    OpsgenieOverride,
    OpsgenieParticipant,
    OpsgenieRestriction,
    OpsgenieRotation,
    OpsgenieSchedule,
    OpsgenieTeam,
    OpsgenieUser,
    Organization,
    PagerDuty,
    PagerDutyEvent,
    PagerDutyLayer,
    PagerDutyOverride,
    PagerDutyRestriction,
    PagerDutyRotation,
    PagerDutySchedule,
    PagerDutyShift,
    PagerDutyShiftOverride,
    PagerDutyShiftSchedule,
    PagerDutyTeam,
    PagerDutyUser,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_PEOPLE = (  # e-mail address, name, time zone: the users of the sandbox's Rootly
    ("anna.berg@example.com", "Anna Berg", "Europe/Berlin"),
    ("ben.osei@example.com", "Ben Osei", "Europe/London"),
    ("chloe.martin@example.com", "Chloé Martin", "Europe/Paris"),
    ("dmitri.volkov@example.com", "Dmitri Volkov", "Europe/Berlin"),
    ("emi.tanaka@example.com", "Emi Tanaka", "Asia/Tokyo"),
    ("farid.rahimi@example.com", "Farid Rahimi", "America/New_York"),
    ("grace.oneill@example.com", "Grace O'Neill", "Europe/Dublin"),
    ("Hugo.Alvarez@example.com", "Hugo Álvarez", "America/Los_Angeles"),
    ("ines.kohler@example.com", "Ines Köhler", "Europe/Berlin"),
    ("jamal.wright@example.com", "Jamal Wright", "America/Chicago"),
    ("kim.nguyen@example.com", "Kim Nguyen", "Australia/Sydney"),
    ("lena.novak@example.com", "Lena Novák", "Europe/Prague"),
)
_TEAMS = ("Payments", "Platform", "Security")
_LEFT = "PUSER13"  # the user who left
_WEEK = 7 * 86_400
_SINCE = datetime(2025, 1, 6, 9, tzinfo=UTC)  # a Monday


def demo_organization(now: float) -> Organization:
    """Return the organization; its overrides lie in the weeks around `now`, all else is fixed."""
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = today - timedelta(days=today.weekday())
    return Organization(pagerduty=_pagerduty(monday), opsgenie=_opsgenie(monday))


# PagerDuty


def _user(number: int) -> str:
    """Return the id of the n-th person, counted from 1."""
    return f"PUSER{number:02}"


def _pagerduty(monday: datetime) -> PagerDuty:
    users = [
        PagerDutyUser(id=_user(number), name=name, email=email, time_zone=zone)
        for number, (email, name, zone) in enumerate(_PEOPLE, 1)
    ]
    users.append(PagerDutyUser(id=_LEFT, name="Noor Haddad", email="noor.haddad@example.com", deleted_at=_SINCE))
    return PagerDuty(
        me=_user(8),  # in Los Angeles: no schedule is
        users=tuple(users),
        teams=tuple(PagerDutyTeam(id=f"PTEAM{number}", name=name) for number, name in enumerate(_TEAMS, 1)),
        schedules=tuple(_layered_schedules(monday)),
        v3_schedules=tuple(_shift_schedules(monday)),
    )


def _layer(id_: str, users: Sequence[int], *, turn: int = _WEEK, **more: Any) -> PagerDutyLayer:
    values: dict[str, Any] = {
        "id": id_,
        "name": f"Layer {id_[-1]}",
        "start": _SINCE,
        "users": tuple(_user(number) for number in users),
        "rotation_virtual_start": _SINCE,
        "rotation_turn_length_seconds": turn,
    }
    return PagerDutyLayer(**values | more)


def _override(number: int, monday: datetime, start_hours: int, hours: int, user: int) -> PagerDutyOverride:
    begins = monday + timedelta(hours=start_hours)
    return PagerDutyOverride(
        id=f"POVER{number:02}", start=begins, end=begins + timedelta(hours=hours), user=_user(user)
    )


def _daily(start: time, hours: int) -> PagerDutyRestriction:
    return PagerDutyRestriction(type="daily_restriction", start_time_of_day=start, duration_seconds=hours * 3600)


def _layered_schedules(monday: datetime) -> list[PagerDutySchedule]:
    night = _daily(time(20), 12)  # over midnight
    weekend = PagerDutyRestriction(
        type="weekly_restriction", start_time_of_day=time(18), duration_seconds=62 * 3600, start_day_of_week=5
    )
    made = [
        PagerDutySchedule(
            id="PSCHED1",
            name="Payments primary",
            time_zone="Europe/Berlin",
            teams=("PTEAM1",),
            layers=(_layer("PLAYER1", (1, 2, 4)),),
            overrides=(_override(1, monday, 8 * 24, 24, 9), _override(2, monday, 10 * 24 + 8, 8, 12)),
        ),
        PagerDutySchedule(
            id="PSCHED2",
            name="Checkout primary",
            time_zone="America/New_York",
            teams=("PTEAM1",),
            # days and nights; the higher layer has the nights
            layers=(_layer("PLAYER3", (3, 6), restrictions=(night,)), _layer("PLAYER2", (10, 7))),
            overrides=(_override(3, monday, 9 * 24, 12, 11),),
        ),
        PagerDutySchedule(
            id="PSCHED3",
            name="Search primary",
            time_zone="Europe/Paris",
            teams=("PTEAM2",),
            layers=(  # the rotation was edited: the old layer ended
                _layer("PLAYER5", (3, 3, 9), start=_SINCE + timedelta(days=182)),  # one has two turns of three
                _layer("PLAYER4", (9, 12), end=_SINCE + timedelta(days=182)),
            ),
            overrides=(_override(4, monday, -21 * 24, 24, 1), _override(5, monday, 11 * 24, 24, 12)),
        ),
        PagerDutySchedule(
            id="PSCHED4",
            name="Identity primary",
            time_zone="Europe/London",
            teams=("PTEAM3",),
            layers=(_layer("PLAYER6", (2, 13, 7)),),  # one of three left
        ),
        PagerDutySchedule(
            id="PSCHED5",
            name="Payments shadow",
            description="Who learns from Payments primary",
            time_zone="Europe/Berlin",
            teams=("PTEAM1",),
            overrides=(_override(6, monday, 7 * 24 + 9, 8, 10), _override(7, monday, 14 * 24 + 9, 8, 11)),
        ),
        PagerDutySchedule(
            id="PSCHED6",
            name="Support weekends",
            time_zone="Australia/Sydney",
            teams=("PTEAM2",),
            layers=(_layer("PLAYER7", (11, 5), restrictions=(weekend,)),),
        ),
        PagerDutySchedule(id="PSCHED7", name="Empty", time_zone="UTC"),
        PagerDutySchedule(
            id="PSCHED8",
            name="Data science 12-hour shifts",
            time_zone="America/Chicago",
            layers=(_layer("PLAYER8", (10, 6), turn=12 * 3600),),
        ),
    ]
    zones = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC")
    made += [
        PagerDutySchedule(
            id=f"PSCHD{number:02}",
            name=f"Service {number:02}",
            time_zone=zones[number % len(zones)],
            teams=(f"PTEAM{number % 3 + 1}",),
            layers=(_layer(f"PLAYR{number:02}", (number % 12 + 1, (number + 5) % 12 + 1), turn=_WEEK // 7),),
        )
        for number in range(9, 19)
    ]
    return made


def _event(number: str, rrule: str, members: Sequence[int | None], **more: Any) -> PagerDutyEvent:
    values: dict[str, Any] = {
        "id": f"PEVENT{number}",
        "name": f"Event {number}",
        "start_time": datetime(2025, 1, 6, 9),  # noqa: DTZ001  local time of the schedule
        "end_time": datetime(2025, 1, 6, 17),  # noqa: DTZ001
        "effective_since": datetime(2025, 1, 1, tzinfo=UTC),
        "rrule": rrule,
        "members": tuple(None if number is None else _user(number) for number in members),
    }
    return PagerDutyEvent(**values | more)


def _shift_schedules(monday: datetime) -> list[PagerDutyShiftSchedule]:
    workdays = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
    trio = (7, 5, 2)
    noon = monday + timedelta(days=9, hours=12)  # the Wednesday of next week
    on_call = trio[(noon - _SINCE).days // 7 % len(trio)]
    launch = monday + timedelta(days=12, hours=6)
    return [
        _shift_schedule(
            "1", "Kubernetes primary", "Europe/Dublin", _event("1", workdays, trio, shifts_per_member=5)
        ).model_copy(
            update={
                "overrides": (
                    PagerDutyShiftOverride(
                        id="PSOVER1",
                        rotation_id="PROTAT1",
                        start_time=noon,
                        end_time=noon + timedelta(hours=4),
                        overridden_member=_user(on_call),
                        overriding_member=_user(9),
                    ),
                )
            }
        ),
        # every fourth day nobody, on purpose
        _shift_schedule("2", "Databases primary", "America/New_York", _event("2", "FREQ=DAILY", (6, 10, 4, None))),
        _shift_schedule("3", "Release duty", "UTC", _event("3", workdays, (1, 3), shifts_per_member=None)),
        # edited in the middle of 2025: two events, one after the other
        _shift_schedule(
            "4",
            "Incident command",
            "Europe/Berlin",
            _event("4", workdays, (1, 4), effective_until=_SINCE + timedelta(days=182)),
            _event("5", workdays, (9, 12), effective_since=_SINCE + timedelta(days=182)),
        ),
        _shift_schedule("5", "Launch support", "Europe/Paris").model_copy(
            update={
                "custom_shifts": tuple(
                    PagerDutyShift(
                        id=f"PCUST{number:02}",
                        start_time=launch,
                        end_time=launch + timedelta(hours=12),
                        member=_user(number),
                    )
                    for number in (3, 8)
                )
            }
        ),
        _shift_schedule("6", "Analytics", "Asia/Tokyo", _event("6", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH", (5, 11))),
    ]


def _shift_schedule(number: str, name: str, zone: str, *events: PagerDutyEvent) -> PagerDutyShiftSchedule:
    rotations = (PagerDutyRotation(id=f"PROTAT{number}", events=events),) if events else ()
    return PagerDutyShiftSchedule(
        id=f"PSHIFT{number}", name=name, time_zone=zone, teams=("PTEAM2",), rotations=rotations
    )


# Opsgenie


def _person(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def _schedule_id(number: int) -> str:
    return f"0c000000-0000-4000-8000-{number:012}"


def _rotation(number: int, name: str, people: Sequence[int], **more: Any) -> OpsgenieRotation:
    values: dict[str, Any] = {
        "id": f"0a000000-0000-4000-8000-{number:012}",
        "name": name,
        "start_date": _SINCE,
        "type": "weekly",
        "participants": tuple(OpsgenieParticipant(type="user", id=_person(one)) for one in people),
    }
    return OpsgenieRotation(**values | more)


def _hours(start: int, end: int, *days: str) -> OpsgenieRestriction:
    if not days:
        hours = OpsgenieHours(start_hour=start, start_min=0, end_hour=end, end_min=0)
        return OpsgenieRestriction(type="time-of-day", restriction=hours)
    return OpsgenieRestriction(
        type="weekday-and-time-of-day",
        restrictions=tuple(
            OpsgenieHours(start_day=day, start_hour=start, start_min=30, end_day=day, end_hour=end, end_min=0)
            for day in days
        ),
    )


def _opsgenie_override(alias: str, begins: datetime, hours: int, user: int, *rotations: int) -> OpsgenieOverride:
    return OpsgenieOverride(
        alias=alias,
        user=OpsgenieParticipant(type="user", id=_person(user)) if user else OpsgenieParticipant(type="none"),
        start_date=begins,
        end_date=begins + timedelta(hours=hours),
        rotations=tuple(f"0a000000-0000-4000-8000-{number:012}" for number in rotations),
    )


def _opsgenie(monday: datetime) -> Opsgenie:
    teams = [
        OpsgenieTeam(
            id=f"0e000000-0000-4000-8000-{number:012}", name=name, members=(_person(number), _person(number + 6))
        )
        for number, name in enumerate(_TEAMS, 1)
    ]
    away = monday + timedelta(days=13)
    return Opsgenie(
        users=tuple(
            OpsgenieUser(id=_person(number), username=email, full_name=name, time_zone=zone)
            for number, (email, name, zone) in enumerate(_PEOPLE, 1)
        ),
        teams=tuple(teams),
        schedules=tuple(_opsgenie_schedules(monday, teams)),
        forwarding_rules=(
            OpsgenieForwarding(
                id="0f000000-0000-4000-8000-000000000001",
                from_user=_person(4),
                to_user=_person(12),
                start_date=away,
                end_date=away + timedelta(days=3),
            ),
        ),
    )


def _opsgenie_schedules(monday: datetime, teams: Sequence[OpsgenieTeam]) -> list[OpsgenieSchedule]:
    next_week = monday + timedelta(days=7)
    half_year = _SINCE + timedelta(days=182)
    team = OpsgenieParticipant(type="team", id=teams[1].id)
    nobody = OpsgenieParticipant(type="none")
    someone = OpsgenieParticipant(type="user", id=_person(3))
    weekdays = ("monday", "tuesday", "wednesday", "thursday", "friday")
    contents: list[tuple[str, str, int, tuple[OpsgenieRotation, ...]]] = [
        (
            "Security primary",  # two rotations at once, and nights over midnight
            "Europe/London",
            2,
            (
                _rotation(1, "Days", (7, 2), time_restriction=_hours(8, 20)),
                _rotation(2, "Nights", (11, 5), time_restriction=_hours(20, 8)),
                _rotation(3, "Escalation", (4,)),
            ),
        ),
        (
            "Support primary",
            "Europe/Paris",
            1,
            (_rotation(4, "Desk", (3, 9, 12), time_restriction=_hours(9, 18, *weekdays)),),
        ),
        (
            "Edited",
            "UTC",
            1,
            (_rotation(5, "Old", (1, 2), end_date=half_year), _rotation(6, "New", (1, 6), start_date=half_year)),
        ),
        ("Retired", "UTC", 1, (_rotation(7, "All", (6,)),)),
        ("Platform_schedule", "America/New_York", 1, ()),
        ("Team duty", "America/Chicago", 1, (_rotation(8, "Team", (), participants=(team,)),)),
        ("Every other week", "Europe/Berlin", 0, (_rotation(9, "Gaps", (), participants=(someone, nobody)),)),
        ("Warehouse", "Asia/Tokyo", 0, (_rotation(10, "Shifts", (5, 11, 8), type="hourly", length=8),)),
    ]
    zones = ("Europe/Prague", "America/Los_Angeles", "Australia/Sydney", "UTC")
    contents += [
        (
            f"Region {number}",
            zones[number % 4],
            number % 3,
            (_rotation(10 + number, "Daily", (number, number + 4), type="daily"),),
        )
        for number in range(1, 9)
    ]
    overrides = {
        "Security primary": (
            _opsgenie_override("vacation", next_week + timedelta(days=1, hours=8), 10, 9, 1),
            _opsgenie_override("long-ago", _SINCE - timedelta(days=2_000), 24, 1),
            _opsgenie_override("far-future", datetime(3025, 1, 1, tzinfo=UTC), 24, 1),
        ),
        "Support primary": (
            _opsgenie_override("training", next_week + timedelta(days=2, hours=9), 4, 10),
            _opsgenie_override("closed", next_week + timedelta(days=4, hours=9), 4, 0),
        ),
    }
    return [
        OpsgenieSchedule(
            id=_schedule_id(number),
            name=name,
            timezone=zone,
            enabled=name != "Retired",
            owner_team=teams[team_number].id,
            rotations=rotations,
            overrides=overrides.get(name, ()),
        )
        for number, (name, zone, team_number, rotations) in enumerate(contents, 1)
    ]
