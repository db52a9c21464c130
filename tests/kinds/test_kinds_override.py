"""Overrides: what makes one; nothing at Rootly is replaced by accident; a backfill works as one of shadows."""

from __future__ import annotations

import csv
import re
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from sandbox_truth import read_truth

import importer
from importer.commands.run import run
from importer.errors import UsageError
from importer.journal.run_folder import create_run
from importer.kinds.override import KIND, OverrideRecord
from importer.normalizer.mapping import make_rules
from importer.normalizer.row import Normalized, Normalizer
from importer.records import Row, Sheet
from importer.sandbox.directory_file import TOKEN
from importer.sandbox.fault_plan import FaultPlan
from importer.sandbox.server import serve
from importer.session.control import Consent, prepare

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from importer.records import Key
    from importer.result import Result
    from importer.session.control import Plan

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 1, tzinfo=UTC)
HEADER = ("schedule_id", "user_id", "starts_at", "ends_at")
GOOD = ("primary", "112", "2027-03-01T08:00Z", "2027-03-01T16:00Z")
KEY: Key = ("primary", 112, 1_803_888_000, 1_803_916_800)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def normalize(header: Sequence[str], cells: Sequence[str], name: str = "table") -> Normalized:
    sheet = Sheet("plan.xlsx", name, tuple(header), tuple(range(len(header))))
    return Normalizer(sheet, make_rules(now=NOW)).normalize(Row(2, tuple(cells)))


# ---- what makes an override


@pytest.mark.parametrize(
    ("name", "header", "more"),
    [
        ("table", HEADER, ()),
        ("table", ("Schedule ID", "User ID", "Start", "End"), ()),
        ("Overrides", ("Schedule", "User", "From", "To"), ()),
        ("June overrides", ("rota", "User email", "Start time", "End time"), ()),
        ("table", ("schedule_id", "override user", "starts_at", "ends_at"), ()),
        ("table", (*HEADER, "kind"), ("override",)),
        ("Shadows", (*HEADER, "kind"), ("Override shift",)),
    ],
)
def test_a_row_is_an_override_by_its_columns_its_sheet_or_its_word(
    name: str, header: tuple[str, ...], more: tuple[str, ...]
) -> None:
    result = normalize(header, (*GOOD, *more), name)
    assert (result.kind, [record.key for record in result.records], result.problems) == ("override", [KEY], ())


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ((*HEADER, "shadowable_id", "shadow_user_id"), "shadow"),
        (("schedule_id", "starts_at", "ends_at"), "shadow"),
        (("remote_id", "third_party_provider", "User ID"), "schedule"),
        (("Name", "User ID", "Schedule ID"), None),
    ],
)
def test_a_user_id_beside_what_tells_another_kind_tells_nothing(header: tuple[str, ...], kind: str | None) -> None:
    sheet = Sheet("plan.csv", "plan", header, tuple(range(len(header))))
    assert Normalizer(sheet).layout.kind == kind


def test_rotations_and_repetitions_make_overrides_too() -> None:
    header = ("schedule_id", "rotation", "starts_at", "duration", "repeat", "kind")
    result = normalize(header, ("primary", "101, 112", "2027-03-01T08:00Z", "8h", "FREQ=DAILY;COUNT=3", "override"))
    assert [record.key[1] for record in result.records] == [101, 112, 101]


@pytest.mark.parametrize(
    ("cells", "columns"),
    [
        (("primary", "", "2027-03-01T08:00Z", "2027-03-01T16:00Z"), ["user_id"]),
        (("../x", "1e5", "2027-03-01T08:00Z", "2027-03-01T08:00Z"), ["schedule_id", "user_id", "ends_at"]),
    ],
)
def test_all_that_is_wrong_with_a_row_is_told(cells: tuple[str, ...], columns: list[str]) -> None:
    assert [problem.column for problem in normalize(HEADER, cells, "Overrides").problems] == columns


def test_a_column_that_only_names_a_rotation_beside_the_user_is_told_how_to_leave_out() -> None:
    """Exports of other systems have one in every row."""
    (problem,) = normalize((*HEADER, "Rotation"), (*GOOD, "Weekdays"), "Overrides").problems
    assert problem.message == "Rotation and user_id are both filled"
    assert problem.hint.endswith('leave it out by "Rotation" = "" in a mapping file.')


def test_an_override_in_the_past_is_warned_of_and_names_are_looked_up() -> None:
    result = normalize(HEADER, ("primary", "112", "2026-03-01T08:00Z", "2026-03-01T16:00Z"))
    assert [warning.topic for warning in result.warnings] == ["ends_at: shift in the past"]
    result = normalize(HEADER, ("Payments primary", "ada@example.com", *GOOD[2:]))
    assert [reference.what for reference in result.references] == ["schedule", "user"]


# ---- at Rootly


def test_the_request_has_what_the_document_asks_for_and_no_more() -> None:
    request = KIND.request(KEY)
    assert request.path == "/v1/schedules/primary/override_shifts"
    attributes = {"user_id": 112, "starts_at": "2027-03-01T08:00:00Z", "ends_at": "2027-03-01T16:00:00Z"}
    assert orjson.loads(request.body) == {"data": {"type": "shifts", "attributes": attributes}}
    with pytest.raises(ValueError, match="cannot be part of a URL"):
        KIND.request(("../users", *KEY[1:]))


def test_an_answer_in_another_zone_and_with_more_in_it_is_the_same_override() -> None:
    attributes = {
        "schedule_id": "primary",
        "rotation_id": None,
        "starts_at": "2027-03-01T00:00:00.000-08:00",
        "ends_at": "2027-03-01T08:00:00.000-08:00",
        "is_override": True,
        "user_id": 112,
    }
    found = KIND.read_created({"data": {"id": "an-id", "type": "shifts", "attributes": attributes}})
    assert found is not None
    assert (found.key, found.id) == (KEY, "an-id")
    start = datetime(2027, 3, 1, 8, tzinfo=UTC)
    record = OverrideRecord(schedule_id="primary", user_id=112, starts_at=start, ends_at=start + timedelta(hours=8))
    assert record.key == KEY


# ---- runs


class Place:
    """A folder with a source and a sandbox of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, *rows: Sequence[str], header: Sequence[str] = HEADER) -> Path:
        path = self._folder / "overrides.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        return path

    async def run(self, *rows: Sequence[str], may_replace: bool = False) -> Result:
        path = self.write(*rows)
        return await importer.run(path, sandbox=True, reports=self._folder / "reports", replace_overrides=may_replace)

    async def undo(self, result: Result) -> Result:
        return await importer.undo(folder_of(result), sandbox=True, reports=self._folder / "reports")

    @property
    def there(self) -> dict[Key, tuple[str, ...]]:
        return read_truth(self._folder / "reports" / "sandbox.sqlite3").ids


def folder_of(result: Result) -> Path:
    assert result.folder
    return result.folder


def lines_of(result: Result) -> list[dict[str, str]]:
    with (folder_of(result) / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def shift(user: int, first: int, hours: int, schedule: str = "primary") -> tuple[str, ...]:
    start = datetime(2027, 3, 1, tzinfo=UTC) + timedelta(hours=first)
    return schedule, str(user), start.isoformat(), (start + timedelta(hours=hours)).isoformat()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def test_a_backfill_of_three_hundred_is_created_then_exists_and_is_undone(place: Place) -> None:
    rows = [shift(100 + number % 7, number * 8, 8, f"schedule-{number % 3}") for number in range(300)]
    result = await place.run(*rows)
    assert {line["import_status"] for line in lines_of(result)} == {"created"}
    assert sorted(ids[0] for ids in place.there.values()) == sorted(line["import_id"] for line in lines_of(result))
    again = await place.run(*rows)
    assert {line["import_status"] for line in lines_of(again)} == {"exists"}
    assert len(place.there) == 300
    undone = await place.undo(result)
    assert {line["import_status"] for line in lines_of(undone)} == {"deleted"}
    assert place.there == {}


async def test_overrides_of_a_source_that_overlap_on_a_schedule_are_both_invalid_with_both_rows_named(
    place: Place,
) -> None:
    rows = [
        shift(101, 0, 8),
        shift(102, 4, 8),  # overlaps the first
        shift(103, 12, 8),  # begins where that ends
        shift(104, 4, 8, "another"),
        shift(103, 12, 8),  # the very same as row 4
    ]
    lines = lines_of(await place.run(*rows))
    assert [line["import_status"] for line in lines] == ["invalid", "invalid", "created", "created", "duplicate"]
    assert ["row 3" in lines[0]["import_error"], "row 2" in lines[1]["import_error"]] == [True, True]
    assert len(place.there) == 2


async def test_an_override_that_would_replace_another_is_refused_until_it_may(place: Place) -> None:
    before = lines_of(await place.run(shift(101, 0, 8), shift(102, 8, 8)))
    refused = await place.run(shift(103, 4, 8), shift(104, 30, 8))
    assert [line["import_status"] for line in lines_of(refused)] == ["invalid", "created"]
    for line in before:
        assert line["import_id"] in lines_of(refused)[0]["import_error"]
    assert "--replace-overrides" in lines_of(refused)[0]["import_hint"]
    assert len(place.there) == 3
    replaced = await place.run(shift(103, 4, 8), may_replace=True)
    (line,) = lines_of(replaced)
    assert line["import_status"] == "created"
    assert all(one["import_id"] in line["import_error"] for one in before)
    assert "user 101" in line["import_error"]
    assert {key[1] for key in place.there} == {103, 104}
    undone = await place.undo(replaced)
    assert {key[1] for key in place.there} == {104}
    page = (folder_of(undone) / "report.html").read_text(encoding="utf-8")
    assert f"1 override of {folder_of(replaced).name} took the place of others, which an undo cannot bring back" in page


@pytest.mark.parametrize("user", [{"user_id": None}, {}])
def test_an_override_without_a_user_has_its_time_and_so_cannot_be_replaced_silently(user: dict[str, None]) -> None:
    """A schedule can be assigned to it, or its user be deleted; in an answer it is not what was sent."""
    times = {"starts_at": "2027-03-01T00:00:00.000-08:00", "ends_at": "2027-03-01T08:00:00.000-08:00"}
    item = {"id": "b0c4", "type": "shifts", "attributes": {"schedule_id": "primary", **times, **user}}
    (found,) = KIND.read_page({"data": [item]}, "primary").found
    assert KIND.overlap is not None
    assert (found.id, KIND.overlap.span(found.key)) == ("b0c4", KEY[2:])
    assert KIND.describe(found.key) == "no user, 2027-03-01T08:00:00Z to 2027-03-01T16:00:00Z"
    assert KIND.able_to_remove.differences(KEY, found.key) == "user_id is missing, sent was 112"
    created = KIND.read_created({"data": item})
    assert created == found
    assert found.key != KEY


@asynccontextmanager
async def serving(folder: Path, **fault: Any) -> AsyncIterator[dict[str, Any]]:
    """Serve a sandbox, which has a fault where one is given; yields the options of runs against it."""
    plan = FaultPlan.model_validate({"fault": [fault] if fault else []})
    async with serve(folder / "state.sqlite3", faults=plan) as address:
        yield {
            "rootly_base_url": address.rootly,
            "rootly_token": TOKEN,
            "reports": folder / "reports",
            "settle": 0.05,
        }


async def test_a_lost_answer_is_asked_about_and_the_override_counts_as_created(place: Place, tmp_path: Path) -> None:
    source = place.write(*(shift(101, number * 8, 8) for number in range(4)))
    async with serving(tmp_path, what="reset", when="after", at=[2, 3], method="POST") as options:
        result = await importer.run(source, **options)
    assert [line["import_status"] for line in lines_of(result)] == ["created"] * 4
    truth = read_truth(tmp_path / "state.sqlite3")
    assert (len(truth.objects), truth.doubles) == (4, {})


@pytest.mark.parametrize("is_asked", [True, False], ids=["online", "offline"])
async def test_a_run_by_a_plan_replaces_what_the_plan_says_and_nothing_that_appeared_since(
    place: Place, tmp_path: Path, is_asked: bool
) -> None:
    """Somebody creates overrides after the plan was compared and before the target is asked again: at the question."""
    rows = [shift(103, 4, 8), shift(104, 30, 8), shift(105, 60, 8)]
    late = [shift(106, 34, 8), shift(107, 10, 2)]
    async with serving(tmp_path) as options:
        before = lines_of(await importer.run(place.write(shift(101, 0, 8)), **options))
        by_plan = {**options, "plan": tmp_path / "plan.csv", "replace_overrides": True}
        await importer.check(place.write(*rows), online=is_asked, **by_plan)

        async def agree(plan: Plan) -> Consent:
            assert plan.to_send == {"rootly": 3}
            assert lines_of(await importer.run(place.write(*late), **options))[1]["import_status"] == "created"
            return Consent.YES

        settings, control = prepare(by_plan)
        result = await run([place.write(*rows)], settings, replace(control, confirm=agree))
    first, second, third = lines_of(result)
    there = {ids[0] for ids in read_truth(tmp_path / "state.sqlite3").ids.values()}
    assert [line["import_status"] for line in (first, second, third)] == ["invalid", "invalid", "created"]
    assert "user 107" in first["import_error"]
    assert ("user 101" in first["import_error"]) is not is_asked  # that alone the plan said
    assert re.search(r"would replace override .*user 106.*, which the plan does not say", second["import_error"])
    assert "check --online --plan" in second["import_hint"]
    assert before[0]["import_id"] in there
    assert len(there) == 4


async def test_a_rerun_of_a_run_by_a_plan_that_was_killed_while_it_read_goes_by_the_plan_too(
    place: Place, tmp_path: Path
) -> None:
    source, plan, reports = place.write(shift(101, 0, 8)), tmp_path / "plan.csv", tmp_path / "reports"
    await importer.check(source, plan=plan, sandbox=True, reports=reports)
    options = {"plan": str(plan), "replace_overrides": True}
    info = {"command": "run", "stage": "reading", "arguments": [str(source)], "options": options, "is_sandbox": True}
    with create_run(reports, "killed", info) as folder:
        killed = folder.path
    place.write(shift(102, 0, 8))
    with pytest.raises(UsageError, match=r"1 record differs from .*plan\.csv, and nothing was sent"):
        await importer.rerun(killed, sandbox=True, reports=reports)
    place.write(shift(101, 0, 8))
    result = await importer.rerun(killed, sandbox=True, reports=reports)
    assert [line["import_status"] for line in lines_of(result)] == ["created"]


async def test_one_that_no_list_shows_yet_is_there_already_by_the_answer(place: Place, tmp_path: Path) -> None:
    source = place.write(shift(101, 0, 8))
    async with serving(tmp_path, what="lagging_list", delay=86400.0) as options:
        options |= {"no_closing_look": True}  # such a list would have it called missing
        first = await importer.run(source, **options)
        second = await importer.run(source, **options)
    ids = [line["import_id"] for result in (first, second) for line in lines_of(result)]
    assert [line["import_status"] for line in lines_of(second)] == ["exists"]
    assert ids[0] == ids[1]
