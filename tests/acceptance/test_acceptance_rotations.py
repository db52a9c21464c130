"""One row makes many shadows: at the right instants, each there once, each with a line and a fate of its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import openpyxl
import pytest

from .command import Done, Line, Workplace, finish, read_report, statuses, table
from .truth import read_truth

if TYPE_CHECKING:
    from pathlib import Path

    from .front import Front

HEADER = [
    "schedule_id",
    "shadowable_id",
    "shadow_user_id",
    "rotation",
    "starts_at",
    "ends_at",
    "duration",
    "repeat",
    "until",
    "timezone",
]
REFUSED = "422"  # a user who has no seat in the sandbox

# Berlin puts its clocks back on 2026-10-25 at 03:00 and forward on 2027-03-28 at 02:00.
PLAN = [
    HEADER,
    # the same hours on the clock before and after the change
    ["autumn", "101", "112", "", "2026-10-11T09:00", "", "8h", "FREQ=WEEKLY;COUNT=4", "", "Europe/Berlin"],
    # a night over the change is an hour longer, or shorter, than the others
    ["night", "101", "113", "", "2026-10-23T22:00", "2026-10-24T06:00", "", "daily", "2026-10-26", "Europe/Berlin"],
    # a day is a day on the clock, 24 hours are 24 hours
    ["day", "101", "114", "", "2027-03-27T12:00", "", "1d", "FREQ=DAILY;COUNT=3", "", "W. Europe Standard Time"],
    ["hours", "101", "115", "", "2027-03-27T12:00", "", "24h", "FREQ=DAILY;COUNT=3", "", "Europe/Berlin"],
    # hands change every Monday at nine, whatever the offset; the last shift ends where the next would begin
    ["turns", "101", "", "102, 103, 104", "2027-03-15 09:00", "", "", "", "2027-04-05", "Europe/Berlin"],
]
WANTED = {
    "autumn": [
        ("112", "2026-10-11T07:00Z", "2026-10-11T15:00Z"),
        ("112", "2026-10-18T07:00Z", "2026-10-18T15:00Z"),
        ("112", "2026-10-25T08:00Z", "2026-10-25T16:00Z"),
        ("112", "2026-11-01T08:00Z", "2026-11-01T16:00Z"),
    ],
    "night": [
        ("113", "2026-10-23T20:00Z", "2026-10-24T04:00Z"),
        ("113", "2026-10-24T20:00Z", "2026-10-25T05:00Z"),
        ("113", "2026-10-25T21:00Z", "2026-10-26T05:00Z"),
        ("113", "2026-10-26T21:00Z", "2026-10-27T05:00Z"),
    ],
    "day": [
        ("114", "2027-03-27T11:00Z", "2027-03-28T10:00Z"),
        ("114", "2027-03-28T10:00Z", "2027-03-29T10:00Z"),
        ("114", "2027-03-29T10:00Z", "2027-03-30T10:00Z"),
    ],
    "hours": [
        ("115", "2027-03-27T11:00Z", "2027-03-28T11:00Z"),
        ("115", "2027-03-28T10:00Z", "2027-03-29T10:00Z"),
        ("115", "2027-03-29T10:00Z", "2027-03-30T10:00Z"),
    ],
    "turns": [
        ("102", "2027-03-15T08:00Z", "2027-03-22T08:00Z"),
        ("103", "2027-03-22T08:00Z", "2027-03-29T07:00Z"),
        ("104", "2027-03-29T07:00Z", "2027-04-05T07:00Z"),
        ("102", "2027-04-05T07:00Z", "2027-04-12T07:00Z"),
    ],
}
SHIFTS = sum(map(len, WANTED.values()))


class Ran(NamedTuple):
    """A plan that was run in the sandbox."""

    place: Workplace
    done: Done
    lines: list[Line]


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    place = Workplace(tmp_path_factory.mktemp("rotations"))
    done = place.run("run", place.write("plan.csv", PLAN), "--sandbox")
    return Ran(place, done, place.lines(done.run))


def created(state: Path) -> dict[str, list[tuple[str, str, str]]]:
    """Give what the sandbox really has: by schedule who shadows, from when to when, in their order."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for (schedule, _, _, user, start, end), ids in sorted(read_truth(state).items(), key=lambda one: one[0][4]):
        assert len(ids) == 1, (schedule, start, ids)
        begin, over = (datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%MZ") for at in (start, end))
        found.setdefault(schedule, []).append((user, begin, over))
    return found


def state(place: Workplace) -> Path:
    return place.path / "reports" / "sandbox.sqlite3"


def write_lines(path: Path, lines: list[Line]) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(table([list(lines[0]), *(list(line.values()) for line in lines)]), encoding="utf-8", newline="")
    return path


def test_every_shift_of_a_plan_is_created_at_its_instant(plan: Ran) -> None:
    """Over both changes of the clock, and nothing beside."""
    assert plan.done.status == 0, plan.done
    assert created(state(plan.place)) == WANTED


def test_the_report_has_a_line_for_each_part_in_order(plan: Ran) -> None:
    """With its own id, and the row's own cells."""
    assert [line["import_part"] for line in plan.lines] == [
        f"{number} of {len(shifts)}" for shifts in WANTED.values() for number in range(1, len(shifts) + 1)
    ]
    assert [line["import_row"] for line in plan.lines] == ["2"] * 4 + ["3"] * 4 + ["4"] * 3 + ["5"] * 3 + ["6"] * 4
    assert len({line["import_id"] for line in plan.lines}) == SHIFTS
    assert {line["repeat"] for line in plan.lines if line["import_row"] == "2"} == {"FREQ=WEEKLY;COUNT=4"}


def test_the_summary_counts_rows_and_records(plan: Ran) -> None:
    summary = json.loads((plan.place.path / plan.done.run / "summary.json").read_text(encoding="utf-8"))
    assert summary["rows"] == len(PLAN) - 1
    assert summary["statuses"]["created"] == SHIFTS


def test_the_workbook_shows_utc_and_local_time_of_each_part(plan: Ran) -> None:
    """Of the night over the change the local hours are those that were written."""
    book = openpyxl.load_workbook(plan.place.path / plan.done.run / "report.xlsx")
    rows = [[str(cell or "") for cell in row] for row in book["Shadow times"].iter_rows(values_only=True)]
    assert len(rows) == SHIFTS + 1
    (night,) = [" ".join(row) for row in rows if "2 of 4" in row and "night" in row]
    for text in ("2026-10-24 20:00", "2026-10-24 22:00", "2026-10-25 05:00", "2026-10-25 06:00"):
        assert text in night.replace("T", " "), night


@pytest.mark.parametrize("argument", ["", "/report.csv", "/report.xlsx"], ids=["folder", "csv", "xlsx"])
def test_rerun_of_a_plan_that_succeeded_sends_nothing(plan: Ran, argument: str) -> None:
    done = plan.place.run("rerun", plan.done.run + argument)
    assert done.status == 0, done
    assert plan.place.lines(done.run) == plan.lines
    assert created(state(plan.place)) == WANTED


def test_rerun_sends_only_the_part_that_was_refused(online: Workplace, front: Front) -> None:
    """And nothing else, though the row makes five; mended, it gets its own shift and not another's."""
    source = online.write(
        "plan.csv",
        [
            HEADER,
            ["s", "101", "", f"102, 103, {REFUSED}, 104, 105", "2027-05-03 09:00", "", "", "", "2027-06-01", "UTC"],
        ],
    )
    first = online.run("run", source)
    lines = online.lines(first.run)
    assert [line["import_status"] for line in lines] == ["created", "created", "rejected", "created", "created"]
    assert "part 3 of 5" in first.out
    posts = front.posts
    again = online.run("rerun", first.run)
    assert front.posts == posts + 1
    lines = online.lines(again.run)
    for line in lines:
        line["rotation"] = line["rotation"].replace(REFUSED, "106")
    mended = write_lines(online.path / "elsewhere" / "mended.csv", lines)
    done = online.run("rerun", mended)
    assert done.status == 0, done
    assert front.posts == posts + 2
    turns = created(front.state)["s"]
    assert [user for user, _, _ in turns] == ["102", "103", "106", "104", "105"]
    assert turns[2][1:] == ("2027-05-17T09:00Z", "2027-05-24T09:00Z")
    assert [line["import_part"] for line in online.lines(done.run)] == [
        "1 of 5",
        "2 of 5",
        "3 of 5",
        "4 of 5",
        "5 of 5",
    ]


def test_a_plan_that_is_killed_in_its_middle_is_finished_by_rerun(online: Workplace, front: Front) -> None:
    """Two hundred shifts of one row: none lost, none there twice, none sent again that was known to be there."""
    source = online.write(
        "plan.csv",
        [HEADER, ["s", "101", "112", "", "2027-01-04 09:00", "", "8h", "FREQ=DAILY;COUNT=200", "", "Europe/Berlin"]],
    )
    front.hold_after(70)
    process = online.start("run", source, "--concurrency", "6")
    front.wait_for(76)
    process.kill()
    finish(process)
    front.let_go(dropping=True)
    (run,) = online.runs
    done = online.run("rerun", run)
    assert done.status == 0, done
    assert [line["import_part"] for line in online.lines(done.run)] == [f"{number} of 200" for number in range(1, 201)]
    start = datetime(2027, 1, 4)  # noqa: DTZ001  (days on the clock)
    days = [(start + timedelta(days=day)).strftime("%Y-%m-%d") for day in range(200)]
    assert [begin[:10] for _, begin, _ in created(front.state)["s"]] == days
    posts = front.posts
    assert online.run("rerun", done.run).status == 0
    assert front.posts == posts


class Left(NamedTuple):
    """A plan of which nothing could be sent, and its report away from its journal."""

    place: Workplace
    lines: list[Line]


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    """Two rows: one with a mistake, so that --strict sends nothing, and one of four parts."""
    place = Workplace(tmp_path_factory.mktemp("left"))
    weekly = ["s", "101", "112", "", "2027-05-03 09:00", "", "8h", "FREQ=WEEKLY;COUNT=4", "", "UTC"]
    bad = [*weekly[:7], "FREQ=WEEKLY;COUNT=0", *weekly[8:]]
    done = place.run("run", place.write("plan.csv", [HEADER, weekly, bad]), "--sandbox", "--strict")
    lines = place.lines(done.run)
    assert statuses(lines) == {"pending": 4, "invalid": 1}
    assert count(place) == 0
    return Left(place, lines[:4])


def count(place: Workplace) -> int:
    return len(read_truth(state(place))) if state(place).exists() else 0


def rerun_edited(left: Left, name: str, lines: list[Line]) -> tuple[Done, list[Line]]:
    done = left.place.run("rerun", write_lines(left.place.path / "elsewhere" / name, lines))
    return done, left.place.lines(done.run)


def test_a_line_whose_row_makes_another_number_now_is_invalid(left: Left) -> None:
    """In a clear sentence; nothing is sent for it, and the other lines are as they were."""
    before = count(left.place)
    edited = [{**line, "repeat": "FREQ=WEEKLY;COUNT=5"} for line in left.lines]
    done, lines = rerun_edited(left, "longer.csv", edited)
    assert done.status == 1
    assert statuses(lines) == {"invalid": 4}
    assert "part 3 of 4" in lines[2]["import_error"]
    assert "5 records" in lines[2]["import_error"]
    assert [line["import_part"] for line in lines] == ["1 of 4", "2 of 4", "3 of 4", "4 of 4"]
    assert count(left.place) == before


def test_a_part_of_which_a_spreadsheet_made_a_date_is_invalid(left: Left) -> None:
    """Whatever its place among its likes: it is told what became of it, and nothing is sent for it."""
    before = count(left.place)
    edited = [
        {**line, "import_part": part}
        for line, part in zip(left.lines, ["Jan 04", "2 of 4", "04. Mrz", "4 of 4"], strict=True)
    ]
    done, lines = rerun_edited(left, "dates.csv", edited[::-1])
    assert "Traceback" not in done.err
    assert [line["import_status"] for line in lines] == ["created", "invalid", "created", "invalid"]
    for line, text in ((lines[1], "04. Mrz"), (lines[3], "Jan 04")):
        assert f'import_part is "{text}"' in line["import_error"]
        assert "date" in line["import_hint"]
        assert line["import_cell"].startswith("dates.csv C")
    assert count(left.place) == before + 2


def test_a_created_part_whose_row_was_changed_is_not_taken_for_the_new_plan(plan: Ran) -> None:
    """Two weeks more, filled down over lines that succeeded: that is said, and never passed over."""
    edited = [{**line, "repeat": "FREQ=WEEKLY;COUNT=6"} for line in plan.lines if line["schedule_id"] == "autumn"]
    done = plan.place.run("rerun", write_lines(plan.place.path / "elsewhere" / "more.csv", edited))
    lines = plan.place.lines(done.run)
    assert done.status == 1
    assert statuses(lines) == {"invalid": 4}
    assert edited[0]["import_id"] in lines[0]["import_error"]
    assert created(state(plan.place)) == WANTED


def test_an_endless_plan_ends_where_the_option_says(tmp_path: Path) -> None:
    """Without it that is a problem that names the ways out; rerun takes the option over."""
    place = Workplace(tmp_path)
    source = place.write(
        "plan.csv", [HEADER, ["s", "101", "112", "", "2027-05-03 09:00", "", "8h", "weekly", "", "UTC"]]
    )
    checked = place.run("check", source)
    assert checked.status == 1
    assert "--until" in checked.out
    done = place.run("run", source, "--sandbox", "--until", "2027-05-24")
    assert [begin for _, begin, _ in created(state(place))["s"]] == [
        f"2027-05-{day:02}T09:00Z" for day in (3, 10, 17, 24)
    ]
    again = place.run("rerun", f"{done.run}/report.csv")
    assert statuses(read_report(place.path / again.run / "report.csv")) == {"created": 4}
