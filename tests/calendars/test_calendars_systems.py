"""PagerDuty's, Opsgenie's and Rootly's answers as intervals: what each system renders, never the wrong person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit
from zipfile import ZipFile

import anyio
import pytest

from importer.calendars import (
    Calendar,
    Interval,
    Pulled,
    RefusedError,
    Role,
    Schedule,
    Selection,
    Window,
    instant,
    opsgenie,
    pagerduty,
    rootly,
)
from importer.calendars.comparison import compare
from importer.commands.pull import make_tables
from importer.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from importer.reporter.pulled_tables import Table

WINDOW = Window(instant("2027-01-04T00:00:00Z"), instant("2027-01-11T00:00:00Z"))
ALL = Selection()
DAY = 86_400


class System:
    """Answers GETs from a table; a path's query is kept apart for whoever looks."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = answers
        self.asked: list[tuple[str, dict[str, list[str]]]] = []

    async def __call__(self, path: str) -> Any:
        parts = urlsplit(path)
        query = parse_qs(parts.query)
        self.asked.append((parts.path, query))
        answer = self._answers.get(parts.path)
        if answer is None:
            raise RefusedError(404, "not found")
        return answer(query) if callable(answer) else answer

    def read(self, reader: Callable[..., Any], selection: Selection = ALL) -> Pulled:
        """Read the whole calendar."""
        result: Pulled = anyio.run(reader, self, WINDOW, selection, lambda *_: None)
        return result


def entry(user: str, name: str, start: str, end: str | None) -> dict[str, Any]:
    """Make one rendered entry of PagerDuty."""
    return {"user": {"id": user, "summary": name, "type": "user_reference"}, "start": start, "end": end}


def layered(**changes: Any) -> dict[str, Any]:
    """Make a schedule of layers, as GET /schedules/{id} shows it."""
    return {
        "id": "PAAAAAA",
        "name": "Payments",
        "time_zone": "America/New_York",
        "html_url": "https://acme.pagerduty.com/schedules/PAAAAAA",
        "teams": [{"id": "T1", "summary": "Money"}],
        "schedule_layers": [],
        "final_schedule": {
            "rendered_schedule_entries": [
                entry("PUANN", "Ann", "2027-01-04T00:00:00Z", "2027-01-06T00:00:00-05:00"),
                entry("PUBO", "Bo", "2027-01-06T00:00:00-05:00", "2027-01-11T00:00:00Z"),
            ]
        },
    } | changes


def account(schedule: dict[str, Any], **more: Any) -> System:
    """Make an account of one schedule of layers and two users."""
    users = [
        {"id": "PUANN", "email": "Ann@Example.com", "name": "Ann Berg", "time_zone": "Asia/Tokyo"},
        {"id": "PUBO", "email": "bo@example.com", "name": "Bo Chen"},
    ]
    listed = {key: schedule[key] for key in ("id", "name", "time_zone", "teams", "html_url")}
    return System(
        {
            "/users": {"users": users, "more": False},
            "/schedules": {"schedules": [listed], "more": False},
            "/v3/schedules": {"schedules": [], "more": False},
            f"/schedules/{schedule['id']}": {"schedule": schedule},
            f"/schedules/{schedule['id']}/overrides": {"overrides": []},
        }
        | more
    )


def test_pagerduty_is_asked_in_each_schedules_own_zone_and_people_come_by_email() -> None:
    system = account(layered())
    pulled = system.read(pagerduty.read_calendar)
    assert [(one.person, one.start, one.end) for one in pulled.calendar.intervals] == [
        ("ann@example.com", WINDOW.start, instant("2027-01-06T05:00:00Z")),
        ("bo@example.com", instant("2027-01-06T05:00:00Z"), WINDOW.end),
    ]
    (query,) = [query for path, query in system.asked if path == "/schedules/PAAAAAA"]
    assert query["time_zone"] == ["America/New_York"]
    assert query["overflow"] == ["false"]
    (schedule,) = pulled.calendar.schedules
    assert (schedule.team, schedule.zone, schedule.provider) == ("Money", "America/New_York", "PAGER_DUTY")


def test_as_many_overrides_come_out_as_pagerduty_has() -> None:
    overrides = [
        {
            "id": f"O{n}",
            "start": f"2027-01-0{5 + n}T00:00:00Z",
            "end": f"2027-01-0{5 + n}T12:00:00Z",
            "user": {"id": "PUBO"},
        }
        for n in range(3)
    ]
    system = account(layered(), **{"/schedules/PAAAAAA/overrides": {"overrides": overrides}})
    pulled = system.read(pagerduty.read_calendar)
    start, end = instant("2027-01-05T00:00:00Z"), instant("2027-01-05T12:00:00Z")
    assert pulled.overrides == [
        Interval("PAAAAAA", "bo@example.com", Role.OVERRIDE, start + n * DAY, end + n * DAY, f"O{n}") for n in range(3)
    ]


def test_a_deleted_user_is_told_and_keeps_the_turn() -> None:
    gone = {"user": {"id": "PUGONE", "summary": "Cy Old", "deleted_at": "2026-01-01T00:00:00Z"}}
    schedule = layered(
        schedule_layers=[{"name": "Week", "users": [gone]}],
        final_schedule={
            "rendered_schedule_entries": [entry("PUGONE", "Cy Old", "2027-01-04T00:00:00Z", "2027-01-11T00:00:00Z")]
        },
    )
    pulled = account(schedule).read(pagerduty.read_calendar)
    assert [one.person for one in pulled.calendar.intervals] == ["Cy Old"]
    assert [note.subject for note in pulled.calendar.notes] == ["Cy Old in Payments", "Cy Old"]


def test_schedules_that_only_version_3_lists_are_read_with_everybody_who_is_on() -> None:
    def shift(user: str | None, source: str) -> dict[str, Any]:
        member = {"type": "user_member", "user_id": user} if user else {"type": "empty_member"}
        times = {"start_time": "2027-01-05T00:00:00Z", "end_time": "2027-01-06T00:00:00Z"}
        return {"type": "computed_shift_assignment", **times, "member": member, "source": {"type": source}}

    shifts = [shift("PUANN", "schedule_rotation"), shift("PUBO", "custom_shift_override"), shift(None, "custom_shift")]
    found = {
        "id": "PV3",
        "name": "Search",
        "time_zone": "UTC",
        "final_schedule": {"computed_shift_assignments": shifts},
    }
    system = account(
        layered(),
        **{
            "/v3/schedules": {"schedules": [{"id": "PV3", "summary": "Search", "type": "schedule_v3_reference"}]},
            "/v3/schedules/PV3": {"schedule": found},
            "/v3/schedules/PV3/overrides": {
                "overrides": [
                    {
                        "id": "O1",
                        "start_time": "2027-01-05T00:00:00Z",
                        "end_time": "2027-01-06T00:00:00Z",
                        "overridden_member": {"type": "user_member", "user_id": "PUANN"},
                        "overriding_member": {"type": "empty_member"},
                    }
                ]
            },
        },
    )
    pulled = system.read(pagerduty.read_calendar)
    on_search = [(one.person, one.role) for one in pulled.calendar.intervals if one.schedule == "PV3"]
    assert sorted(on_search) == [("ann@example.com", Role.ON_CALL), ("bo@example.com", Role.OVERRIDE)]
    assert any("leaves a shift empty" in note.reason for note in pulled.calendar.notes)


def test_more_than_ten_thousand_users_are_read_in_parts_and_each_once() -> None:
    names = [f"{letter}{number:05}" for letter in "ab" for number in range(5_100)]

    def users(query: dict[str, list[str]]) -> dict[str, Any]:
        offset, limit, part = int(query["offset"][0]), int(query["limit"][0]), query.get("query", [""])[0]
        assert offset + limit <= 10_000
        found = [name for name in names if part in name]
        page = [{"id": name, "email": f"{name}@x.org", "name": name} for name in found[offset : offset + limit]]
        total = len(found) if query.get("total") else None
        return {"users": page, "more": offset + limit < len(found), "limit": limit, "total": total}

    system = account(layered(), **{"/users": users})
    read: list[str] = []
    notes: list[str] = []

    async def read_all() -> None:
        pulled = Pulled(Calendar("PagerDuty", WINDOW))
        read.extend([one["id"] for one in await pagerduty._list(system, pulled, "/users", "users")])
        notes.extend(note.reason for note in pulled.calendar.notes)

    anyio.run(read_all)
    assert sorted(read) == sorted(names)
    assert not notes


def test_a_schedule_that_is_refused_is_told_and_the_others_are_read() -> None:
    system = account(layered(), **{"/schedules/PAAAAAA": None})
    pulled = system.read(pagerduty.read_calendar)
    assert [note.reason for note in pulled.calendar.notes] == [
        "PagerDuty refuses to show this schedule (404: not found)."
    ]


def test_what_the_options_do_not_select_is_told() -> None:
    system = account(layered())
    for selection in (Selection(exclude=("pay*",)), Selection(schedules=("Search",)), Selection(teams=("Search",))):
        pulled = system.read(pagerduty.read_calendar, selection)
        assert (pulled.calendar.schedules, pulled.calendar.notes[0].subject) == ([], "Payments")
    assert system.read(pagerduty.read_calendar, Selection(teams=("money",))).calendar.schedules


# ---- Opsgenie


def period(user: str, start: str, end: str, kind: str = "default", **more: object) -> dict[str, Any]:
    """Make one period of a timeline."""
    return {"startDate": start, "endDate": end, "type": kind, "recipient": {"id": user, "type": "user"}} | more


def opsgenie_account(*rotations: list[dict[str, Any]], overrides: list[dict[str, Any]] | None = None) -> System:
    """Make an account of one schedule and two users in two pages."""
    users = [
        {"id": "u1", "username": "Ann@example.com", "fullName": "Ann Berg"},
        {"id": "u2", "username": "bo@example.com", "fullName": "Bo Chen"},
    ]

    def page(query: dict[str, list[str]]) -> dict[str, Any]:
        offset = int(query["offset"][0])
        following = {"next": "/v2/users?limit=1&offset=1"} if offset == 0 else {}
        return {"data": users[offset : offset + 1], "paging": following}

    schedule = {"id": "s-1", "name": "Payments", "timezone": "Europe/Berlin", "enabled": True, "rotations": [{}]}
    disabled = schedule | {"id": "s-2", "name": "Old", "enabled": False}
    empty = schedule | {"id": "s-3", "name": "Money_schedule", "rotations": []}
    timeline = {"finalTimeline": {"rotations": [{"name": str(n), "periods": one} for n, one in enumerate(rotations)]}}
    return System(
        {
            "/v2/users": page,
            "/v2/schedules": {"data": [schedule, disabled, empty]},
            "/v2/schedules/s-1/timeline": {"data": timeline},
            "/v2/schedules/s-1/overrides": {"data": overrides or []},
        }
    )


MONDAY, TUESDAY = "2027-01-04T00:00:00Z", "2027-01-05T00:00:00Z"


def test_everybody_in_any_rotation_of_an_opsgenie_schedule_is_on_call() -> None:
    pulled = opsgenie_account([period("u1", MONDAY, TUESDAY)], [period("u2", MONDAY, TUESDAY)]).read(
        opsgenie.read_calendar
    )
    start, end = instant(MONDAY), instant(TUESDAY)
    assert pulled.calendar.intervals == [
        Interval("s-1", "ann@example.com", Role.ON_CALL, start, end),
        Interval("s-1", "bo@example.com", Role.ON_CALL, start, end),
    ]
    assert [note.subject for note in pulled.calendar.notes] == ["Old", "Money_schedule", "Opsgenie"]


def test_forwarding_is_on_call_as_rendered_and_told() -> None:
    pulled = opsgenie_account([period("u2", MONDAY, TUESDAY, "forwarding", fromUser="Ann Berg")]).read(
        opsgenie.read_calendar
    )
    assert [(one.person, one.role) for one in pulled.calendar.intervals] == [("bo@example.com", Role.OVERRIDE)]
    assert any("forwarding rule of Ann Berg" in note.reason for note in pulled.calendar.notes)


def test_overrides_outside_the_window_are_none_and_one_without_a_person_is_told() -> None:
    def override(alias: str, start: str, end: str, user: dict[str, Any]) -> dict[str, Any]:
        return {"alias": alias, "user": user, "startDate": start, "endDate": end, "rotations": []}

    ann = {"type": "user", "id": "u1", "username": "ann@example.com"}
    pulled = opsgenie_account(
        [period("u1", MONDAY, TUESDAY)],
        overrides=[
            override("old", "2017-01-01T00:00:00Z", "2017-01-02T00:00:00Z", ann),
            override("far", "3025-01-01T00:00:00Z", "3025-01-02T00:00:00Z", ann),
            override("now", MONDAY, TUESDAY, ann),
            override("none", MONDAY, TUESDAY, {"type": "none"}),
        ],
    ).read(opsgenie.read_calendar)
    assert [(one.id, one.person) for one in pulled.overrides] == [("now", "ann@example.com")]
    assert any("'none' puts nobody on call" in note.reason for note in pulled.calendar.notes)


def test_a_team_that_is_on_call_is_told_and_nobody_is_guessed() -> None:
    team = {"recipient": {"id": "t", "name": "Money", "type": "team"}}
    pulled = opsgenie_account([period("u1", MONDAY, TUESDAY) | team]).read(opsgenie.read_calendar)
    assert pulled.calendar.intervals == []
    assert any("the team 'Money' is on call" in note.reason for note in pulled.calendar.notes)


def test_a_backup_gives_schedules_and_says_what_it_does_not_hold(tmp_path: Path) -> None:
    for folder, name, content in [
        ("schedules", "Pay-ments-1.json", {"schedule": _backup_schedule()}),
        ("users", "ann-1.json", {"user": {"id": "u1", "username": "ann@example.com"}}),
    ]:
        (tmp_path / "OpsGenieBackups" / folder).mkdir(parents=True)
        (tmp_path / "OpsGenieBackups" / folder / name).write_text(json.dumps(content))
    pulled = opsgenie.read_backup(tmp_path, WINDOW, ALL)
    assert [schedule.name for schedule in pulled.calendar.schedules] == ["Payments"]
    reasons = " ".join(note.reason for note in pulled.calendar.notes)
    assert "not in Opsgenie's list of users" in reasons
    assert "team 'Money' is not in the backup" in reasons
    assert "no overrides" in reasons


def _backup_schedule() -> dict[str, Any]:
    participants = [{"type": "user", "id": "u1"}, {"type": "user", "id": "u9", "username": "cy@example.com"}]
    rotation = {"id": "r", "name": "Week", "participants": participants}
    team = {"id": "t1", "name": "Money"}
    return {
        "id": "s-1",
        "name": "Payments",
        "timezone": "UTC",
        "enabled": True,
        "ownerTeam": team,
        "rotations": [rotation],
    }


def test_a_file_of_a_backup_that_is_broken_is_named(tmp_path: Path) -> None:
    (tmp_path / "schedules").mkdir()
    (tmp_path / "schedules" / "broken.json").write_text("[1")
    with pytest.raises(SourceError, match=r"broken\.json holds no schedule"):
        opsgenie.read_backup(tmp_path, WINDOW, ALL)
    with pytest.raises(SourceError, match="no folder schedules"):
        opsgenie.read_backup(tmp_path / "schedules", WINDOW, ALL)


def test_schedules_and_users_have_budgets_of_their_own_and_the_slowest_limit_of_each_is_its_pace() -> None:
    limits = [{"limit": 600, "periodInSeconds": 60}, {"limit": 5, "periodInSeconds": 1}]
    domains = [
        {"domain": "Configuration", "limits": limits},
        {"domain": "Search", "limits": limits[:1]},
        {"domain": "Integration Configuration", "limits": [{"limit": 1, "periodInSeconds": 1}]},
    ]
    system = System({"/v2/request-limits/": {"data": {"rateLimits": domains}}})
    assert anyio.run(opsgenie.read_rates, system) == (5, 10)
    assert anyio.run(opsgenie.read_rates, System({})) == (opsgenie.SLOW_RATE, opsgenie.SLOW_RATE)


# ---- Rootly


def test_rootlys_shifts_say_who_is_on_call_who_overrides_and_who_shadows() -> None:
    def shift(id_: str, user: int | None, **flags: bool) -> dict[str, Any]:
        times = {"starts_at": "2027-01-04T01:00:00+01:00", "ends_at": "2027-01-05T01:00:00+01:00"}
        flags = {"is_override": False, "is_shadow": False} | flags
        return {"id": id_, "type": "shifts", "attributes": {"schedule_id": "s", "user_id": user, **times, **flags}}

    def shifts(query: dict[str, list[str]]) -> dict[str, Any]:
        pages: dict[str, dict[str, Any]] = {
            "1": {"data": [shift("a", 1), shift("b", 2, is_shadow=True)], "meta": {"next_page": 2}},
            "2": {"data": [shift("b", 2, is_shadow=True), shift("c", 3, is_override=True), shift("d", None)]},
        }
        return pages[query["page[number]"][0]]

    users = [{"id": str(n), "attributes": {"email": f"u{n}@x.org", "full_name": f"U {n}"}} for n in (1, 2, 3)]
    system = System(
        {
            "/v1/users": {"data": users},
            "/v1/schedules": {"data": [{"id": "s", "attributes": {"name": "Payments"}}]},
            "/v1/schedules/s/shifts": shifts,
        }
    )
    pulled = system.read(rootly.read_calendar)
    assert {(one.person, one.role) for one in pulled.calendar.intervals} == {
        ("u1@x.org", Role.ON_CALL),
        ("u2@x.org", Role.SHADOW),
        ("u3@x.org", Role.OVERRIDE),
    }
    assert {(one.start, one.end) for one in pulled.calendar.intervals} == {(instant(MONDAY), instant(TUESDAY))}


def test_opsgenie_and_rootly_are_compared_by_who_is_paged_and_differ_by_the_hour() -> None:
    """An override of either side is being on call; a shadow is nobody who is paged."""
    wednesday, thursday = "2027-01-06T00:00:00Z", "2027-01-07T00:00:00Z"
    old = opsgenie_account(
        [period("u1", MONDAY, TUESDAY), period("u2", TUESDAY, wednesday, "override")],
        [period("u2", wednesday, thursday)],
    ).read(opsgenie.read_calendar)

    def shift(user: int, start: str, end: str, **flags: bool) -> dict[str, Any]:
        attributes = {"user_id": user, "starts_at": start, "ends_at": end} | flags
        return {"id": f"{user}{start}", "type": "shifts", "attributes": attributes}

    shifts = [
        shift(1, MONDAY, TUESDAY, is_override=True),
        shift(2, MONDAY, TUESDAY, is_shadow=True),
        shift(2, TUESDAY, wednesday),
        shift(2, wednesday, "2027-01-06T23:00:00Z"),
        shift(1, "2027-01-06T23:00:00Z", thursday),
    ]
    users = [(1, "ANN@example.com", "Ann"), (2, "bo@example.com", "Bo")]
    new = System(
        {
            "/v1/users": {
                "data": [{"id": str(id_), "attributes": {"email": email, "name": name}} for id_, email, name in users]
            },
            "/v1/schedules": {
                "data": [
                    {"id": "r-1", "attributes": {"name": "Payments"}},
                    {"id": "r-2", "attributes": {"name": "Search"}},
                ]
            },
            "/v1/schedules/r-1/shifts": {"data": shifts},
            "/v1/schedules/r-2/shifts": {"data": []},
        }
    ).read(rootly.read_calendar)
    comparison = compare(old.calendar, new.calendar, WINDOW)
    (compared,) = comparison.compared
    (difference,) = compared.differences
    assert (compared.left.id, compared.right.id) == ("s-1", "r-1")
    assert (difference.start, difference.end) == (instant("2027-01-06T23:00:00Z"), instant(thursday))
    assert difference.left == {("bo@example.com", Role.ON_CALL)}
    assert difference.right == {("ann@example.com", Role.ON_CALL)}
    assert compared.left_gaps == compared.right_gaps == (Window(instant(thursday), WINDOW.end),)
    assert [one.name for one in comparison.only_right] == ["Search"]


# ---- what makes no row


def test_somebody_who_left_makes_no_row_and_each_time_is_noted() -> None:
    gone = {"id": "PUGONE", "summary": "Cy Old"}
    times = {"start": "2027-01-05T00:00:00Z", "end": "2027-01-06T00:00:00Z"}
    final = {"rendered_schedule_entries": [{"user": gone, **times}]}
    overrides = [{"id": "O1", "user": gone, **times}]
    search = layered(id="PBBBBBB", name="Search", teams=[], final_schedule={"rendered_schedule_entries": []})
    system = account(
        layered(final_schedule=final),
        **{
            "/schedules": {"schedules": [layered(), search], "more": False},
            "/schedules/PAAAAAA/overrides": {"overrides": overrides},
            "/schedules/PBBBBBB": {"schedule": search},
            "/schedules/PBBBBBB/overrides": {"overrides": overrides},
        },
    )

    def tables(pairs: dict[str, str]) -> dict[str, Table]:
        made = make_tables(system.read(pagerduty.read_calendar), pairs, ["Payments=Search"])
        return {table.name: table for table in made}

    found = tables({})
    assert (found["Overrides"].rows, found["Shadows"].rows) == ([], [])
    assert [row[2] for row in found["On call"].rows] == ["Cy Old"]
    noted = [(about, why) for about, why in found["Notes"].rows if why.startswith("Not taken")]
    assert [about for about, _ in noted] == ["Search", "Search"]
    assert "the override of Cy Old, 2027-01-04T19:00:00-05:00 to" in noted[0][1]
    assert "the shadow of Cy Old, 2027-01-04T19:00:00-05:00 to" in noted[1][1]
    assert all("Name somebody with --pairs." in why for _, why in noted)
    found = tables({"Cy Old": "bo@example.com"})
    assert [row[1] for row in found["Overrides"].rows] == ["bo@example.com"]
    assert [row[3] for row in found["Shadows"].rows] == ["bo@example.com"]


def test_schedules_of_one_name_make_no_row_until_pairs_tell_them_apart() -> None:
    times = {"start": "2027-01-05T00:00:00Z", "end": "2027-01-06T00:00:00Z"}
    overrides = {"overrides": [{"id": "O1", "user": {"id": "PUBO"}, **times}]}
    other = layered(id="PBBBBBB")
    system = account(
        layered(),
        **{
            "/schedules": {"schedules": [layered(), other], "more": False},
            "/schedules/PAAAAAA/overrides": overrides,
            "/schedules/PBBBBBB": {"schedule": other},
            "/schedules/PBBBBBB/overrides": overrides,
        },
    )
    made = make_tables(system.read(pagerduty.read_calendar), {"PBBBBBB": "Payments EU"}, [])
    found = {table.name: table.rows for table in made}
    assert [row[1] for row in found["Schedules"]] == ["PAAAAAA", "PBBBBBB"]  # Opal takes them by their ids
    assert [row[:2] for row in found["Overrides"]] == [("Payments EU", "bo@example.com")]
    (noted,) = [row for row in found["Notes"] if row[1].startswith("Not taken")]
    assert noted[0] == "Payments"
    assert "2 schedules have this name, so the override of bo@example.com, 2027-01-04T19:00:00-05:00 to" in noted[1]
    assert "Distinguish them by their ids, with --pairs." in noted[1]


# ---- what other servers that follow the contracts answer


def test_a_team_is_known_of_a_version_3_schedule_once_it_is_read() -> None:
    """Its list names no teams: a filter on the list alone would leave out every schedule of this kind."""
    found = {
        "id": "PV3",
        "name": "Search",
        "time_zone": "UTC",
        "teams": [{"id": "T2", "type": "team_reference", "summary": "Ops, EU"}],
        "final_schedule": {"computed_shift_assignments": []},
    }
    answers = {
        "/v3/schedules": {"schedules": [{"id": "PV3", "type": "schedule_v3_reference", "summary": "Search"}]},
        "/v3/schedules/PV3": {"schedule": found},
        "/v3/schedules/PV3/overrides": {"overrides": []},
    }
    for team in ("Ops, EU", "T2"):
        pulled = account(layered(), **answers).read(pagerduty.read_calendar, Selection(teams=(team,)))
        assert [one.id for one in pulled.calendar.schedules] == ["PV3"]
    pulled = account(layered(), **answers).read(pagerduty.read_calendar, Selection(teams=("Money",)))
    assert [one.id for one in pulled.calendar.schedules] == ["PAAAAAA"]
    assert any(note.subject == "Search" for note in pulled.calendar.notes)


def test_a_schedule_that_was_upgraded_meanwhile_is_read_as_what_it_is_now() -> None:
    upgraded = {"id": "PAAAAAA", "name": "Payments", "time_zone": "UTC"}
    shift = {
        "start_time": "2027-01-05T00:00:00Z",
        "end_time": "2027-01-06T00:00:00Z",
        "member": {"type": "user_member", "user_id": "PUANN"},
        "source": {"type": "schedule_rotation"},
    }
    answers: dict[str, Any] = {
        "/schedules/PAAAAAA": None,
        "/v3/schedules/PAAAAAA": {"schedule": upgraded | {"final_schedule": {"computed_shift_assignments": [shift]}}},
        "/v3/schedules/PAAAAAA/overrides": {"overrides": []},
    }
    pulled = account(layered(), **answers).read(pagerduty.read_calendar)
    assert [one.person for one in pulled.calendar.intervals] == ["ann@example.com"]


@pytest.mark.parametrize("final", [None, {}, {"rendered_schedule_entries": None}])
def test_a_schedule_that_is_not_rendered_is_unknown_and_not_nobodys(final: dict[str, Any] | None) -> None:
    pulled = account(layered(final_schedule=final)).read(pagerduty.read_calendar)
    assert pulled.calendar.known("PAAAAAA") == Window(WINDOW.start, WINDOW.start)
    refused = account(layered(), **{"/schedules/PAAAAAA": None}).read(pagerduty.read_calendar)
    assert refused.calendar.known("PAAAAAA") == Window(WINDOW.start, WINDOW.start)


def test_what_an_override_covers_is_told_apart_from_the_rotation() -> None:
    override = entry("PUBO", "Bo", "2027-01-08T00:00:00Z", "2027-01-09T00:00:00Z")
    pulled = account(layered(overrides_subschedule={"rendered_schedule_entries": [override]})).read(
        pagerduty.read_calendar
    )
    assert [(one.person, one.role, one.end - one.start) for one in pulled.calendar.intervals[1:]] == [
        ("bo@example.com", Role.ON_CALL, 43 * 3600),
        ("bo@example.com", Role.OVERRIDE, DAY),
        ("bo@example.com", Role.ON_CALL, 2 * DAY),
    ]


def test_a_deleted_user_of_a_layer_that_ended_has_no_turn_any_more() -> None:
    gone = {"user": {"id": "PUGONE", "summary": "Cy Old", "deleted_at": "2026-01-01T00:00:00Z"}}
    layer = {"name": "Week", "end": "2026-12-01T00:00:00Z", "users": [gone]}
    pulled = account(layered(schedule_layers=[layer])).read(pagerduty.read_calendar)
    assert pulled.calendar.notes == []


def test_pages_go_on_by_the_limit_that_the_server_really_used() -> None:
    names = [f"U{number:03}" for number in range(120)]

    def users(query: dict[str, list[str]]) -> dict[str, Any]:
        offset = int(query["offset"][0])
        page = [{"id": name, "email": f"{name}@x.org", "name": name} for name in names[offset : offset + 50]]
        return {"users": page, "limit": 50, "offset": offset, "more": offset + 50 < len(names), "total": None}

    system = account(layered(), **{"/users": users})
    system.read(pagerduty.read_calendar)
    assert [query["offset"] for path, query in system.asked if path == "/users"] == [["0"], ["50"], ["100"]]


def test_more_than_ten_thousand_whose_names_no_letter_finds_are_told() -> None:
    def users(query: dict[str, list[str]]) -> dict[str, Any]:
        if "query" in query:
            return {"users": [], "more": False}
        return {"users": [{"id": str(query["offset"])}], "more": True, "total": 10_500 if query.get("total") else None}

    pulled = account(layered(), **{"/users": users}).read(pagerduty.read_calendar)
    assert any("100 of 10,500" in note.reason for note in pulled.calendar.notes)


def test_an_opsgenie_key_of_a_team_reads_what_it_may_and_names_people_as_schedules_do() -> None:
    system = opsgenie_account(
        [period("u1", MONDAY, TUESDAY) | {"recipient": {"id": "u1", "name": "Ann@Example.com", "type": "user"}}]
    )

    def refuse(_query: object) -> None:
        raise RefusedError(403, "team key")

    system._answers |= {"/v2/users": refuse, "/v2/schedules/s-1/overrides": refuse}
    pulled = system.read(opsgenie.read_calendar)
    assert [one.person for one in pulled.calendar.intervals] == ["ann@example.com"]
    reasons = " ".join(note.reason for note in pulled.calendar.notes)
    assert "refuses its list of users" in reasons
    assert "refuses to show the overrides" in reasons


def test_a_next_page_is_asked_for_at_our_own_address_wherever_its_link_leads() -> None:
    def page(query: dict[str, list[str]]) -> dict[str, Any]:
        offset = int(query["offset"][0])
        following = {"next": "https://elsewhere.example.com/v2/users?limit=100&offset=100"} if offset == 0 else {}
        return {"data": [{"id": f"u{offset}", "username": f"{offset}@x.org"}], "paging": following}

    system = opsgenie_account([])
    system._answers["/v2/users"] = page
    system.read(opsgenie.read_calendar)
    assert [query["offset"] for path, query in system.asked if path == "/v2/users"] == [["0"], ["100"]]


def test_a_timeline_that_is_shorter_than_the_window_is_known_for_its_own_time() -> None:
    system = opsgenie_account([period("u1", MONDAY, TUESDAY)])
    timeline = system._answers["/v2/schedules/s-1/timeline"]["data"]
    timeline |= {"startDate": MONDAY, "endDate": "2027-01-07T00:00:00Z"}
    pulled = system.read(opsgenie.read_calendar)
    assert pulled.calendar.known("s-1") == Window(WINDOW.start, instant("2027-01-07T00:00:00Z"))


def test_a_zipped_backup_is_read_as_its_folder_is(tmp_path: Path) -> None:
    path = tmp_path / "backup.zip"
    with ZipFile(path, "w") as archive:
        archive.writestr("OpsGenieBackups/schedules/a b-1.json", json.dumps({"schedule": _backup_schedule()}))
        archive.writestr("OpsGenieBackups/users/x.json", json.dumps({"user": {"id": "u1", "username": "a@x.org"}}))
    pulled = opsgenie.read_backup(path, WINDOW, ALL)
    assert [schedule.name for schedule in pulled.calendar.schedules] == ["Payments"]
    path.write_bytes(b"PK")
    with pytest.raises(SourceError, match="not an Opsgenie backup"):
        opsgenie.read_backup(path, WINDOW, ALL)


def test_a_star_is_any_text_and_every_other_letter_is_itself() -> None:
    assert Selection(schedules=("Pay* [EU]",)).takes(Schedule("S", "payments [eu]"))
    assert not Selection(schedules=("Pay[a-z]*",)).takes(Schedule("S", "Payments"))
    assert Selection(exclude=("Nope", "S")).unmatched([Schedule("S", "Payments")]) == ["--exclude Nope"]
