"""A plan has a line for each record, for whoever approves it; a run by a plan sends exactly that, or nothing."""

from __future__ import annotations

import csv
import json
import stat
from typing import TYPE_CHECKING

import openpyxl
import pytest

from .command import Workplace

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "schedule_id,Schedule,user_id,User name,starts_at,ends_at,timezone\n"
FIRST = "s-1,Payments,112,=Lena Novák,2027-03-01 09:00,2027-03-01 17:00,Europe/Berlin\n"
SECOND = "s-2,Search,113,Bo Ek,2027-03-02 09:00,2027-03-02 17:00,Europe/Berlin\n"
THIRD = "s-2,Search,113,Bo Ek,2027-03-03 09:00,2027-03-03 17:00,Europe/Berlin\n"
ROTATION = "Schedule,user,shadowed,Start,Duration,Repeat,Until,tz\n"
PLAN = "plan.csv"


def overrides(place: Workplace, *rows: str) -> Path:
    path = place.path / "overrides.csv"
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    return path


def read_lines(path: Path) -> list[dict[str, str]]:
    """Read a plan by somebody else's means."""
    if path.suffix == ".json":
        lines: list[dict[str, str]] = json.loads(path.read_bytes())
        return lines
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    header, *rows = openpyxl.load_workbook(path)["Plan"].iter_rows(values_only=True)
    return [{str(name): str(cell or "") for name, cell in zip(header, row, strict=True)} for row in rows]


@pytest.mark.parametrize("ending", [".xlsx", ".csv", ".json"])
def test_a_plan_has_names_local_times_and_whether_it_exists_and_is_sent_as_it_was_approved(
    place: Workplace, ending: str
) -> None:
    source, plan = overrides(place, FIRST, SECOND, "s-1,Payments,nobody,,2027-03-09 09:00,,\n", FIRST), f"plan{ending}"
    before = place.run("run", overrides(place, SECOND), "--sandbox")
    assert before.status == 0, before
    overrides(place, FIRST, SECOND, "s-1,Payments,!,,2027-03-09 09:00,2027-03-09 10:00,UTC\n", FIRST)
    checked = place.run("check", source, "--online", "--sandbox", "--plan", plan)
    assert checked.status == 1, checked
    assert f"plan:   {plan}" in checked.out
    assert stat.S_IMODE((place.path / plan).stat().st_mode) == 0o600
    lines = read_lines(place.path / plan)
    assert [(one["row"], one["action"], one["exists"], one["schedule"]) for one in lines] == [
        ("2", "create", "no", "Payments"),
        ("3", "exists", "yes", "Search"),
        ("4", "invalid", "", ""),
        ("5", "duplicate", "", "Payments"),
    ]
    guard = "" if ending == ".json" else "'"
    assert lines[0] | {"source": "", "key": ""} == lines[0] | {
        "source": "",
        "key": "",
        "kind": "override",
        "person": f"{guard}=Lena Novák",
        "person_id": "112",
        "schedule_id": "s-1",
        "starts": "2027-03-01 09:00",
        "ends": "2027-03-01 17:00",
        "timezone": "Europe/Berlin",
        "starts_at": "2027-03-01T08:00:00Z",
        "base_url": "sandbox",
        "target": "rootly",
    }
    assert lines[3]["reason"] == "the same record as row 2"
    done = place.run("run", source, "--sandbox", "--plan", plan)
    assert done.status == 1, done  # the row that is invalid, as the plan says
    assert [line["import_status"] for line in place.lines(done.run)] == ["created", "exists", "invalid", "duplicate"]


@pytest.mark.parametrize(
    ("rows", "sent_meanwhile", "words"),
    [
        ([FIRST, SECOND.replace("09:00", "10:00")], [], "overrides row 3 is Bo Ek on Search, 2027-03-02 10:00 to"),
        ([FIRST, SECOND, THIRD], [], "overrides row 4 is not in the plan (Bo Ek on Search, 2027-03-03 09:00 to"),
        ([FIRST], [], "overrides row 3 is in the plan only (Bo Ek on Search"),
        ([FIRST, SECOND], [FIRST], "is now: exists, and the plan says: create"),
        ([SECOND, FIRST], [], "2 records differ from plan.csv, and nothing was sent"),
    ],
    ids=["changed", "added", "removed", "appeared", "moved"],
)
def test_what_no_longer_fits_the_plan_is_named_and_nothing_is_sent(
    place: Workplace, rows: list[str], sent_meanwhile: list[str], words: str
) -> None:
    assert place.run("check", overrides(place, FIRST, SECOND), "--online", "--sandbox", "--plan", PLAN).status == 0
    if sent_meanwhile:
        assert place.run("run", overrides(place, *sent_meanwhile), "--sandbox").status == 0
    runs = place.runs
    done = place.run("run", overrides(place, *rows), "--sandbox", "--plan", PLAN)
    assert done.status == 2, done
    assert words in done.err
    assert place.runs == runs


def test_a_record_that_vanished_at_the_target_no_longer_fits_the_plan(place: Workplace) -> None:
    done = place.run("run", overrides(place, FIRST), "--sandbox")
    assert place.run("check", overrides(place, FIRST), "--online", "--sandbox", "--plan", PLAN).status == 0
    assert place.run("undo", done.run, "--sandbox").status == 0
    again = place.run("run", overrides(place, FIRST), "--sandbox", "--plan", PLAN)
    assert again.status == 2, again
    assert "is now: create, and the plan says: exists" in again.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "overrides.csv", "--sandbox", "--plan", "none.csv"], "none.csv does not exist"),
        (["run", "overrides.csv", "--sandbox", "--plan", "overrides.csv"], "overrides.csv is not a plan"),
        (["run", "overrides.csv", "--sandbox", "--plan", "odd.json"], "odd.json is not a plan"),
        (["check", "overrides.csv", "--plan", "plan.pdf"], "plan.pdf cannot be a plan"),
        (["check", "overrides.csv", "--plan", "overrides.csv"], "overrides.csv is the source itself"),
        (["check", "overrides.csv", "--plan", "no/such/plan.csv"], "no/such/plan.csv could not be written"),
    ],
)
def test_what_cannot_be_a_plan_is_refused_in_one_sentence(place: Workplace, arguments: list[str], words: str) -> None:
    source = overrides(place, FIRST)
    before = source.read_bytes()
    (place.path / "odd.json").write_text('[{"row": 2}]')
    done = place.run(*arguments)
    assert done.status == 2, done
    assert words in done.err
    assert len(done.err.split("error:")) == 2
    assert source.read_bytes() == before


def test_names_that_nobody_looked_up_are_planned_with_each_occurrence_but_no_run_goes_by_such_a_plan(
    place: Workplace,
) -> None:
    row = "Payments primary,Lena Novák,anna@example.com,2027-03-01 09:00,8h,weekly,2027-03-15,Europe/Berlin\n"
    source = place.path / "shadows.csv"
    source.write_text(ROTATION.replace("user", "trainee") + row, encoding="utf-8")
    done = place.run("check", source, "--plan", PLAN)
    assert done.status == 0, done
    lines = read_lines(place.path / PLAN)
    assert [(one["part"], one["action"], one["exists"], one["person"], one["starts"]) for one in lines] == [
        ("1 of 3", "look up", "not asked", "Lena Novák", "2027-03-01 09:00"),
        ("2 of 3", "look up", "not asked", "Lena Novák", "2027-03-08 09:00"),
        ("3 of 3", "look up", "not asked", "Lena Novák", "2027-03-15 09:00"),
    ]
    assert {one["schedule_id"] + one["person_id"] + one["shadowed_id"] + one["key"] for one in lines} == {""}
    assert "Payments primary: Lena Novák: 3 shadows with names to look up, 2027-03-01 to 2027-03-15" in done.out
    assert "shadows row 2: 3 times, from 2027-03-01 09:00 to 2027-03-15 17:00 Europe/Berlin" in done.out


def test_what_would_happen_fits_a_screen_however_much_it_is(place: Workplace) -> None:
    """By person where there is room, else by schedule; `--all` and the objects for programs have every one."""
    rows = [
        f"s-{number},Schedule {number},{200 + number},Person {number},2027-03-01 09:00,2027-03-01 17:00,UTC\n"
        for number in range(100)
    ]
    source = overrides(place, *rows)
    done = place.run("check", source)
    assert len(done.out.splitlines()) <= 40
    assert "  Schedule 3 (s-3): 1 override to create, 2027-03-01" in done.out
    assert "more; --all prints every one" in done.out
    assert "Person 99 (299)" in place.run("check", source, "--all").out
    objects = [json.loads(line) for line in place.run("check", source, "--json").out.splitlines()]
    assert sum(one["numbers"]["create"] for one in objects if one["type"] == "expected") == 100


def test_what_a_target_says_against_a_row_is_told_as_a_kind_of_problem(place: Workplace) -> None:
    """An override that would replace another is found after all else, with the names that are known."""
    assert place.run("run", overrides(place, FIRST), "--sandbox").status == 0
    source = overrides(place, FIRST.replace("112", "113").replace("=Lena Novák", "Bo Ek"))
    done = place.run("check", source, "--online", "--sandbox")
    assert done.status == 1, done
    assert "problem: would replace overrides of rootly  (1 row)" in done.out
    allowed = place.run("check", source, "--online", "--sandbox", "--replace-overrides", "--plan", PLAN)
    assert allowed.status == 0, allowed
    assert "1 override to create in place of others" in allowed.out
    (line,) = read_lines(place.path / PLAN)
    assert (line["action"], len(line["replaces"])) == ("replace", 36)
    refused = place.run("run", source, "--sandbox", "--plan", PLAN)
    assert refused.status == 2, refused
    assert "and the plan says: replace" in refused.err
    done = place.run("run", source, "--sandbox", "--replace-overrides", "--plan", PLAN)
    assert done.status == 0, done
