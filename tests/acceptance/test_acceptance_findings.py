"""Check shows everything at once, so that it can be mended at once; and what it calls good, run does not find bad."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import openpyxl
import pytest

from .command import Done, Workplace, read_table, statuses
from .truth import read_truth

if TYPE_CHECKING:
    from pathlib import Path

HEADER = ["schedule_id", "shadowable_id", "shadow_user_id", "starts_at", "ends_at", "timezone"]
KEYS = {"severity", "topic", "source", "sheet", "row", "cell", "column", "value", "error", "hint"}
BAD_FILLS = {"FFFFC7CE"}  # what spreadsheets call bad


def shift(schedule: str, user: str, day: int, start: int, end: int, shadowed: str = "101") -> list[str]:
    """Give a shift of a day of May 2027, between two full hours."""
    times = [f"2027-05-{day:02}T{hour:02}:00:00Z" for hour in (start, end)]
    return [schedule, shadowed, user, *times, ""]


PLAN = [
    HEADER,
    shift("s", "112", 1, 8, 16),
    ["../x", "101", "112", "2027-05-02T08:00:00", "2027-05-02T16:00:00Z", ""],
    ["s", "101", "112", "2027-05-03T08:00:00", "2027-05-03T16:00:00", ""],
    ["s", "101", "112", "yesterday", "2027-05-04T16:00:00Z", "Mars/City"],
    shift("s", "112", 5, 16, 8),
    shift("s", "113", 6, 8, 16, shadowed="113"),
    shift("s", "", 7, 8, 16),
]
SCHEDULES = [
    ["third_party_provider", "remote_id"],
    ["VICTOROPS", "PABC123"],
    ["PAGER_DUTY", "3f6c1b1e-52a4-4f0e-9d0e-6f5b8a7c2d10"],
    ["OPSGENIE", ""],
]
#: The cells of the plan that are wrong, one by one.
BAD_CELLS = ["A3", "D3", "D4", "E4", "D5", "F5", "E6", "C8"]


class Checked(NamedTuple):
    """Two sources, checked as people and as programs do, with a marked workbook; then run."""

    place: Workplace
    text: Done
    json: Done
    done: Done


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    place = Workplace(tmp_path_factory.mktemp("findings"))
    sources = [place.write("plan.csv", PLAN).name, place.write("schedules.csv", SCHEDULES).name]
    text = place.run("check", *sources, "--output", "marked.xlsx", "--all")
    as_json = place.run("check", *sources, "--json")
    return Checked(place, text, as_json, place.run("run", *sources, "--sandbox"))


def objects(done: Done) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.out.splitlines()]


def findings(done: Done) -> list[dict[str, Any]]:
    return [found for found in objects(done) if found["type"] == "finding"]


def groups(done: Done) -> dict[str, list[str]]:
    """Give the lines of each group that check printed, by its heading."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in done.out.splitlines():
        if match := re.fullmatch(r"((?:problem|warning|note): .*?) +\((\d+) cells?\)", line):
            heading = match[1]
            found[heading] = []
        elif heading and line.startswith("  "):
            found[heading].append(line.strip())
        else:
            heading = ""
    return found


def test_all_problems_of_all_sources_are_shown_at_once(checked: Checked) -> None:
    """Each with its cell, what stands there, why it is wrong and what to do."""
    assert checked.text.status == 1
    text = checked.text.out
    for cell in BAD_CELLS:
        assert f"plan.csv {cell}: " in text, cell
    for cell in ("A2", "B4"):
        assert f"schedules.csv {cell}: " in text, cell
    for words in ('"../x"', '"yesterday"', '"Mars/City"', '"VICTOROPS"', "--timezone", "PAGER_DUTY or OPSGENIE"):
        assert words in text, words


def test_they_are_grouped_by_kind_problems_first(checked: Checked) -> None:
    """Cells with the same mistake stand together, and what to do about them is said once."""
    found = groups(checked.place.run("check", "plan.csv", "schedules.csv"))
    severities = [heading.partition(":")[0] for heading in found]
    assert severities == sorted(severities)  # problems before warnings
    (local,) = [lines for heading, lines in found.items() if "local time without a time zone" in heading]
    assert [line.split(":")[0] for line in local[1:]] == ["plan.csv D3", "plan.csv D4", "plan.csv E4"]
    assert sum("--timezone" in line for line in local) == 1


def test_programs_get_an_object_for_each_thing_found(checked: Checked) -> None:
    found = findings(checked.json)
    assert checked.json.status == 1
    assert all(set(one) >= KEYS for one in found)
    bad = [one for one in found if one["severity"] == "problem"]
    assert sorted(one["cell"] for one in bad if one["sheet"] == "plan") == sorted(BAD_CELLS)
    (zone,) = [one for one in bad if one["cell"] == "F5"]
    wanted = {"source": "plan.csv", "sheet": "plan", "row": 5, "column": "timezone", "value": "Mars/City"}
    assert wanted.items() <= zone.items()
    *_, end = objects(checked.json)
    assert end["exit_status"] == 1
    assert end["statuses"]["invalid"] == 7


def test_run_finds_bad_what_check_finds_bad_and_nothing_else(checked: Checked) -> None:
    """Row by row and word for word."""
    by_row: dict[tuple[str, str], list[str]] = {}
    for one in findings(checked.json):
        if one["severity"] == "problem":
            by_row.setdefault((one["sheet"], str(one["row"])), []).append(one["error"])
    lines = checked.place.lines(checked.done.run)
    invalid = {(line["import_sheet"], line["import_row"]): line for line in lines if line["import_status"] == "invalid"}
    assert by_row.keys() == invalid.keys()
    assert {place: "; ".join(errors) for place, errors in by_row.items()} == {
        place: line["import_error"] for place, line in invalid.items()
    }
    assert statuses(lines) == {"created": 3, "invalid": 7}


def test_sheets_of_one_name_are_told_apart_by_their_sources(place: Workplace) -> None:
    """A user has two files of one name in two folders, and must know which of them to open."""
    bad = [HEADER, ["s", "101", "112", "yesterday", "2027-05-04T16:00:00Z", ""]]
    for folder, rows in (("a", PLAN[:2]), ("b", bad)):
        (place.path / folder).mkdir()
        place.write(f"{folder}/shadows.csv", rows)
    both = ["a/shadows.csv", "b/shadows.csv"]
    for done in (place.run("check", *both), place.run("run", *both, "--sandbox")):
        assert "b/shadows.csv, shadows (2) D2: " in done.out, done
    assert "  shadows D2: " in place.run("check", "b/shadows.csv").out  # one source need not be named


def test_check_tells_a_warning_once(place: Workplace) -> None:
    """By its kind at the end, as a run does."""
    source = place.write("self.csv", [HEADER, shift("s", "113", 6, 8, 16, shadowed="113")])
    checked = place.run("check", source)
    assert "warning: " in checked.out
    assert "warning" not in checked.err
    ran = place.run("run", source, "--sandbox")
    assert ran.out.count("warning: ") == 1
    assert "warning" not in ran.err


def test_the_marked_workbook_shows_each_bad_cell_with_what_is_wrong(checked: Checked) -> None:
    """Coloured, with a comment; every other cell is left as it is, and warnings look another way."""
    book = openpyxl.load_workbook(checked.place.path / "marked.xlsx")
    sheet = book["plan"]
    texts = [[str(cell.value or "") for cell in row] for row in sheet.iter_rows()]
    assert texts == PLAN
    marked = {cell.coordinate: cell for row in sheet.iter_rows() for cell in row if cell.comment}
    bad = {name for name, cell in marked.items() if cell.fill.fgColor.rgb in BAD_FILLS}
    assert bad == set(BAD_CELLS)
    assert "Mars/City" in marked["F5"].comment.text
    assert set(marked) - bad == {"C7"}  # shadows himself: a warning
    assert book["schedules"]["A2"].comment is not None


def test_the_marked_workbook_mended_in_a_spreadsheet_runs(checked: Checked, tmp_path: Path) -> None:
    """It is a source again: its colours and comments are nobody's business."""
    place = Workplace(tmp_path)
    book = openpyxl.load_workbook(checked.place.path / "marked.xlsx")
    mended = {"A3": "s", "D3": "2027-05-02T08:00:00Z", "F4": "UTC", "D5": "2027-05-04T08:00:00Z", "F5": "UTC"}
    mended |= {"D6": "2027-05-05T08:00:00Z", "E6": "2027-05-05T16:00:00Z", "C8": "114"}
    for name, text in mended.items():
        book["plan"][name] = text
    book["schedules"]["A2"] = "PAGER_DUTY"
    book["schedules"]["B4"] = "3f6c1b1e-52a4-4f0e-9d0e-6f5b8a7c2d11"
    book.save(place.path / "mended.xlsx")
    done = place.run("run", "mended.xlsx", "--sandbox")
    assert done.status == 0, done
    assert statuses(place.lines(done.run)) == {"created": 10}


def test_the_marked_workbook_replaces_no_source(checked: Checked) -> None:
    """Nor is one begun under a name that cannot be."""
    before = read_table(checked.place.path / "plan.csv")
    for name in ("plan.csv", "marked.pdf"):
        done = checked.place.run("check", "plan.csv", "--output", name)
        assert done.status == 2, done
    assert read_table(checked.place.path / "plan.csv") == before
    assert not (checked.place.path / "marked.pdf").exists()


#: Valid, and hardly meant: the 112 is in two shadows at once, over rows and sheets.
ODD = [
    HEADER,
    shift("s", "112", 10, 8, 16),
    shift("t", "112", 10, 12, 20),
    shift("s", "112", 10, 20, 22),  # begins as the one before ends
    shift("s", "113", 10, 8, 16, shadowed="113"),
    ["s", "101", "114", "2020-05-01T08:00:00Z", "2020-05-01T16:00:00Z", ""],
    ["s", "101", "115", "2027-05-01T08:00:00Z", "2027-07-01T08:00:00Z", ""],
    ["s", "101", "116", "2099-05-01T08:00:00Z", "2099-05-01T16:00:00Z", ""],
]
ODD_TOO = [HEADER, shift("u", "112", 10, 15, 18)]
CHECKS = ("self_shadow", "past", "long", "far", "overlap")
#: The rows that each check is about.
ODD_ROWS = {"5", "6", "7", "8", "3"}


class Sensed(NamedTuple):
    """The same odd rows, run with sense checks off, as usual, and as problems."""

    place: Workplace
    runs: dict[str, Done]
    truths: dict[str, set[tuple[str, ...]]]


@pytest.fixture(scope="module")
def sensed(tmp_path_factory: pytest.TempPathFactory) -> Sensed:
    place = Workplace(tmp_path_factory.mktemp("sense"))
    sources = [place.write("odd.csv", ODD), place.write("more.csv", ODD_TOO)]
    runs, truths = {}, {}
    for level in ("off", "warning", "problem"):
        mapping = place.path / f"{level}.toml"
        mapping.write_text("[checks]\n" + "".join(f'{name} = "{level}"\n' for name in CHECKS), encoding="utf-8")
        runs[level] = place.run("run", *sources, "--mapping", mapping, "--sandbox", "--reports", level)
        truths[level] = set(read_truth(place.path / level / "sandbox.sqlite3"))
    runs["check"] = place.run("check", *sources, "--json")
    return Sensed(place, runs, truths)


def test_sense_checks_warn_and_change_nothing_of_what_is_sent(sensed: Sensed) -> None:
    assert sensed.runs["off"].status == sensed.runs["warning"].status == 0
    assert sensed.truths["warning"] == sensed.truths["off"]
    assert len(sensed.truths["off"]) == 8
    assert "warning" not in sensed.runs["off"].out
    assert "warning" in sensed.runs["warning"].out


def test_check_tells_each_of_them_by_its_row(sensed: Sensed) -> None:
    """Overlaps over rows and over sheets; one shift that begins as another ends is none."""
    found = findings(sensed.runs["check"])
    assert sensed.runs["check"].status == 0
    assert {one["severity"] for one in found} == {"warning"}
    assert {str(one["row"]) for one in found if one["sheet"] == "odd"} == ODD_ROWS
    overlaps = [one for one in found if "overlap" in one["topic"]]
    assert sorted((one["sheet"], one["row"]) for one in overlaps) == [("more", 2), ("odd", 3)]
    (over,) = [one["error"] for one in overlaps if one["sheet"] == "more"]
    assert "of sheet odd" in over


def test_as_problems_they_keep_their_rows_back(sensed: Sensed) -> None:
    """And no other; of two that overlap the first is sent."""
    done = sensed.runs["problem"]
    assert done.status == 1
    lines = sensed.place.lines(done.run)
    invalid = {(line["import_sheet"], line["import_row"]) for line in lines if line["import_status"] == "invalid"}
    assert invalid == {("odd", row) for row in ODD_ROWS} | {("more", "2")}
    assert all(line["import_error"] and line["import_hint"] for line in lines if line["import_status"] == "invalid")
    assert sensed.truths["problem"] < sensed.truths["off"]
    assert len(sensed.truths["problem"]) == 2


def test_nothing_that_stands_in_a_cell_steers_the_terminal(place: Workplace) -> None:
    """In groups, in objects, in names of sheets and in what run says; nor is it lost."""
    evil = "\x1b]0;owned\x07\u202e"
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "pl\u202ean"
    for row in ([*HEADER, "no\u202ete"], ["s", "101", "112", "yester\u202eday", "x", "Ma\u2066rs", "y"]):
        sheet.append(row)
    book.save(place.path / "evil.xlsx")
    source = place.write("evil.csv", [HEADER, [f"s{evil}", f"Anna{evil}", f"1{evil}", evil, evil, evil]])
    for command in (["check"], ["check", "--json"], ["run", "--sandbox"]):
        done = place.run(*command, source, "evil.xlsx")
        assert done.status == 1, done
        assert not set("\x1b\x07\u202e\u2066") & set(done.out + done.err), done
    (value,) = [one["value"] for one in findings(place.run("check", source, "--json")) if one["cell"] == "D2"]
    assert value == evil


def test_all_sources_that_cannot_be_read_are_told_at_once(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    twice = place.write("twice.csv", [["remote_id", "Remote ID"], ["PI7DH85", "PI7DH86"]])
    empty = place.write("empty.csv", [])
    foreign = place.write("foreign.csv", [["colour"], ["red"]])
    done = place.run("check", twice, empty, foreign, "missing.csv")
    assert done.status == 2
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 4
    assert all(
        any(name in line for line in errors) for name in ("twice.csv", "empty.csv", "foreign.csv", "missing.csv")
    )
