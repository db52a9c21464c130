"""A file whose headers are nobody's but its owner's: settled once by a mapping, strict ever after."""

from __future__ import annotations

import re
import shutil
import tomllib
from datetime import datetime
from typing import TYPE_CHECKING

import openpyxl
import pytest

from .command import ROOT, SAMPLES, Workplace, statuses
from .terminals import converse
from .truth import read_truth

if TYPE_CHECKING:
    from pathlib import Path

TIMES = ["2027-05-01T08:00:00Z", "2027-05-01T16:00:00Z"]
SHADOW = ("s", "User", "101", "112", "1809158400", "1809187200")
ODD_HEADER = ["Rota", "Who learns", "Whom", "Strat", 'End "x"', "Remark"]
ODD_ROW = ["s", "112", "101", *TIMES, "be kind"]
ODD_MAPPING = """\
[columns]
"Who learns" = "shadow_user_id"
"Whom" = "shadowable_id"
"Strat" = "starts_at"
"End \\"x\\"" = "ends_at"
"Rota" = "schedule_id"
"""


def mapping(place: Workplace, text: str, name: str = "mapping.toml") -> Path:
    path = place.path / name
    path.write_text(text, encoding="utf-8")
    return path


def truth_of(place: Workplace) -> set[tuple[str, ...]]:
    return set(read_truth(place.path / "reports" / "sandbox.sqlite3"))


def test_a_mapping_settles_headers_that_nobody_knows(place: Workplace) -> None:
    """The headers that it leaves out are listed; nothing is dropped without a word, or looks like two."""
    source = place.write("plan.csv", [[*ODD_HEADER, "Amount, EUR"], [*ODD_ROW, "5"]])
    done = place.run("run", source, "--mapping", mapping(place, ODD_MAPPING), "--sandbox")
    assert done.status == 0, done
    assert truth_of(place) == {SHADOW}
    (notice,) = [line for line in done.err.splitlines() if "columns that are not used" in line]
    assert notice.endswith(': Remark, "Amount, EUR"')


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[columns]\n"Who lerns" = "shadow_user_id"\n', ["Who lerns", "Who learns"]),
        ('[columns]\n"Whom" = "shadow_usr_id"\n', ["shadow_usr_id", "shadow_user_id"]),
        ('[colums]\n"Whom" = "shadowable_id"\n', ["colums", "columns"]),
        ('[constants]\ntimezone = "Mars/City"\n', ["Mars/City", "timezone"]),
        ("[checks]\noverlap = true\n", ["overlap", "problem"]),
        ('[columns]\n"Whom" = \n', ["mapping.toml"]),
    ],
    ids=["header", "column", "section", "zone", "level", "toml"],
)
def test_a_mapping_that_cannot_be_is_refused_with_the_nearest_that_can(
    place: Workplace, text: str, named: list[str]
) -> None:
    """Exit status 2, nothing sent, no folder left."""
    source = place.write("plan.csv", [ODD_HEADER, ODD_ROW])
    done = place.run("run", source, "--mapping", mapping(place, text), "--sandbox")
    assert done.status == 2, done
    assert all(word in done.err for word in named), done.err
    assert "Traceback" not in done.err
    assert place.runs == []


def test_constants_hold_for_every_row_and_defaults_where_a_cell_is_empty(place: Workplace) -> None:
    """Neither is looked for in the sheet; titles above the header are left out and said."""
    book = openpyxl.Workbook()
    sheet = book.create_sheet("Export", 0)
    for cells in (
        ["Shadow weeks of the Payments team"],
        ["made by Grace"],
        [],
        ["Trainee", "On-call person", "Begin", "End", "Zone", "Schedule"],
        ["112", "101", "2027-05-01 10:00", "2027-05-01 18:00", None, "ignored"],
        ["113", None, "2027-05-01 08:00", "2027-05-01 16:00", "UTC", "ignored"],
    ):
        sheet.append(cells)
    book.save(place.path / "export.xlsx")
    text = (
        'header_row = 4\n[columns]\n"On-call person" = "shadowable_id"\n"Zone" = "timezone"\n"Schedule" = ""\n'
        '[constants]\nschedule_id = "s"\n[defaults]\ntimezone = "Europe/Berlin"\nshadowable_id = "102"\n'
    )
    done = place.run("run", "export.xlsx", "--mapping", mapping(place, text), "--sandbox")
    assert done.status == 0, done
    assert truth_of(place) == {SHADOW, ("s", "User", "102", "113", *SHADOW[4:])}
    lines = place.lines(done.run)
    assert [line["import_row"] for line in lines] == ["5", "6"]
    assert [line["Schedule"] for line in lines] == ["ignored", "ignored"]
    before = truth_of(place)
    again = place.run("rerun", f"{done.run}/report.xlsx")
    assert place.lines(again.run) == lines
    assert truth_of(place) == before


def test_a_source_without_a_header_is_mapped_by_the_letters_of_its_columns(place: Workplace) -> None:
    """Its first row is a row, and its report can be rerun."""
    source = place.write("plan.csv", [["s", "101", "422", *TIMES], ["s", "101", "112", *TIMES]])
    text = (
        'header_row = 0\n[columns]\nA = "schedule_id"\nB = "shadowable_id"\nC = "shadow_user_id"\n'
        'D = "starts_at"\nE = "ends_at"\n'
    )
    done = place.run("run", source, "--mapping", mapping(place, text), "--sandbox")
    lines = place.lines(done.run)
    assert [(line["import_row"], line["import_status"]) for line in lines] == [("1", "rejected"), ("2", "created")]
    assert truth_of(place) == {SHADOW}
    report = place.path / done.run / "report.csv"
    report.write_bytes(report.read_bytes().replace(b",422,2027", b",113,2027"))
    again = place.run("rerun", report)
    assert statuses(place.lines(again.run)) == {"created": 2}
    assert truth_of(place) == {SHADOW, (*SHADOW[:3], "113", *SHADOW[4:])}


def test_map_without_a_terminal_decides_nothing(place: Workplace) -> None:
    """What it suggests stands in the file as comments, each of which is a line of the file when its # is taken off."""
    source = place.write("plan.csv", [ODD_HEADER, ODD_ROW])
    done = place.run("map", source, "--sheet", "H1 2027")
    assert done.status == 0, done
    assert done.out.endswith("plan.csv --sheet 'H1 2027' --mapping mapping.toml\n")
    assert "next:     edit it, then: oncall-importer check " in done.out
    text = (place.path / "mapping.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text) == {"columns": {}}
    for line in text.splitlines():
        if line.startswith("# "):
            assert tomllib.loads(f"[columns]\n{line.removeprefix('# ')}")["columns"]
    assert '# "Strat" = "starts_at"' in text
    assert "Who learns" in done.err
    checked = place.run("check", source, "--mapping", "mapping.toml")
    assert checked.status == 2, checked  # nothing is settled yet, and the file reads back
    assert "lacks the columns that make a record" in checked.err
    refused = place.run("map", source)
    assert refused.status == 2
    assert (place.path / "mapping.toml").read_text(encoding="utf-8") == text
    assert place.run("map", source, "--output", "-").out == text


def test_map_and_compare_take_the_encoding_that_their_error_asks_for(place: Workplace) -> None:
    """By its variable, too; and the next command keeps it."""
    header = ["ローター", *ODD_HEADER[1:]]
    (place.path / "plan.csv").write_bytes("\n".join(map(",".join, [header, ODD_ROW])).encode("shift_jis"))
    mapping(place, ODD_MAPPING.replace("Rota", "ローター"), "given.toml")
    sides = ["compare", "plan.csv", "plan.csv", "--mapping", "given.toml", "--from", "2027-05-01"]
    for command in (["map", "plan.csv", "--yes"], sides):
        refused = place.run(*command)
        assert (refused.status, "--encoding" in refused.err) == (2, True)
        for option, variables in (["--encoding", "shift_jis"], {}), ([], {"IMPORTER_ENCODING": "shift_jis"}):
            done = place.run(*command, *option, variables=variables)
            assert done.status == 0, done
            (place.path / "mapping.toml").unlink(missing_ok=True)
            assert command[0] == "compare" or f"check plan.csv {' '.join([*option, '--mapping'])}" in done.out


def test_map_of_a_source_without_a_header_shows_what_its_columns_hold(place: Workplace) -> None:
    """A file of lines to fill in, for letters say nothing; and whoever did not think of it is told how."""
    source = place.write("ids.csv", [["PI7DH85", "Payments"], ["PI7DH86", "Search"]])
    unaware = place.run("map", source, "--output", "-")
    assert "--no-header" in unaware.err
    assert "--header-row" in unaware.err
    text = place.run("map", source, "--no-header", "--output", "-").out
    assert '# "A" = ""  # "PI7DH85", "PI7DH86"\n' in text
    settled = text.replace('# "A" = ""', '"A" = "remote_id"')
    done = place.run("check", source, "--provider", "pd", "--mapping", mapping(place, settled))
    assert done.status == 0, done
    assert place.run("map", source, "--no-header", "--header-row", "2").status == 2


def test_map_takes_the_row_that_the_header_stands_in(place: Workplace) -> None:
    """Where none of its headers is known, it cannot be found; the mapping keeps it."""
    source = place.write("plan.csv", [["Shadow weeks", ""], ["Rota", "Whom"], ["s", "101"]])
    text = place.run("map", source, "--header-row", "2", "--output", "-").out
    assert tomllib.loads(text)["header_row"] == 2
    assert '"Whom"' in text
    assert "Shadow weeks" not in text


def test_map_at_a_terminal_asks_and_what_it_writes_is_enough(place: Workplace) -> None:
    """Suggestions first, then what is lacking; an answer that cannot be is asked for again."""
    source = place.write("plan.csv", [ODD_HEADER, ODD_ROW])
    status, shown = converse(
        place,
        ["map", source],
        [
            ("may be schedule_id", "y\n"),
            ("may be starts_at", "y\n"),
            ("may be ends_at", "y\n"),
            ("What does the sheet hold", "shadows\n"),
            ("shadowable_id is missing", ""),
            ("or nothing", "99\n"),
            ("none of the headers", ""),
            ("or nothing", "whom\n"),
            ("shadow_user_id is missing", ""),
            ("or nothing", "2\n"),
        ],
    )
    assert status == 0, shown
    done = place.run("run", source, "--mapping", "mapping.toml", "--sandbox")
    assert done.status == 0, done
    assert truth_of(place) == {SHADOW}


def test_map_at_a_terminal_takes_one_value_for_every_row(place: Workplace) -> None:
    """Of an export that says nowhere whose it is; a provider that there is not is not taken."""
    source = place.write("export.csv", [["ID", "Name"], ["PI7DH85", "Payments"]])
    status, shown = converse(
        place,
        ["map", source, "--output", "pd.toml"],
        [
            ('"ID"', "y\n"),
            ("third_party_provider is missing", ""),
            ("or nothing", "= VictorOps\n"),
            ('is "VictorOps"', ""),
            ("or nothing", "=pd\n"),
        ],
    )
    assert status == 0, shown
    assert place.run("check", source, "--mapping", "pd.toml").status == 0


def test_whoever_leaves_a_question_of_map_leaves_no_file(place: Workplace) -> None:
    source = place.write("plan.csv", [ODD_HEADER, ODD_ROW])
    status, shown = converse(place, ["map", source], [("[y/N]", "\x04")])
    assert status == 130, shown
    assert "Traceback" not in shown
    assert not (place.path / "mapping.toml").exists()


def test_the_walk_of_the_page_from_a_stranger_table_to_a_mapping_is_what_really_happens(place: Workplace) -> None:
    """Its answers are typed; what is shown and written is what docs/mapping.md and samples/ have."""
    page = (ROOT / "docs" / "mapping.md").read_text(encoding="utf-8")
    (dialogue,) = re.findall(r"```console\n\$ oncall-importer [^\n]*\n(.*?)```", page, re.DOTALL)
    questions = re.findall(r"(leave it out\)|or nothing|\[Y/n\]): (.*)", dialogue)
    shutil.copy(SAMPLES / "rota.xlsx", place.path)
    answers = [(f"{asked}: ", f"{answer}\n") for asked, answer in questions]
    status, shown = converse(place, ["map", "rota.xlsx", "--output", "rota.toml"], answers)
    assert status == 0, shown
    lines = shown.replace("\r", "").splitlines()
    assert [line for line in dialogue.splitlines() if line not in lines] == []
    written = (place.path / "rota.toml").read_text(encoding="utf-8")
    assert written.strip() == (SAMPLES / "rota.toml").read_text(encoding="utf-8").strip()


def test_map_asks_about_the_marks_of_a_roster(place: Workplace) -> None:
    """And about times in two columns, and values for empty cells; what it writes is enough."""
    rows = [["Name", "2027-03-01", "2027-03-02", "2027-03-03"], ["Anna Berg", "E", "", "U"], ["Ben Osei", "", "E", "E"]]
    source = place.write("Overrides.csv", rows)
    status, shown = converse(
        place,
        ["map", source],
        [
            ("The headers are dates", "\n"),
            ('"E" is a shift', "six\n"),
            ("write it as", ""),
            ('"E" is a shift', "06:00-14:00\n"),
            ('"U" is a shift', "\n"),
            ("schedule_id is missing", ""),
            ("or nothing", "= Payments primary\n"),
            ("user_id is missing", ""),
            ("or nothing", "1\n"),
            ("timezone is missing", ""),
            ("or nothing", "? Europe/Berlin\n"),
        ],
    )
    assert status == 0, shown
    done = place.run("run", source, "--mapping", "mapping.toml", "--sandbox")
    assert done.status == 0, done
    assert [line["import_cell"] for line in place.lines(done.run)] == ["B2", "C3", "D3"]


def test_map_writes_no_empty_file(place: Workplace) -> None:
    header = ["third_party_provider", "remote_id"]
    place.write("Schedules.csv", [header, ["PAGER_DUTY", "PI7DH85"]])
    done = place.run("map", "*.csv")
    assert done.status == 0, done
    assert "no mapping is needed" in done.err
    assert not (place.path / "mapping.toml").exists()


IDS = ["schedule_id", "shadowable_id", "shadow_user_id"]


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        (["Start Date", "Start Time", "End Date", "End Time"], ["2027-03-01", "08:00", "2027-03-01", "16:00"]),
        (["date", "start", "end"], ["2027-03-01", "08:00", "16:00"]),
        (["starts_at", "ends_at"], ["2027-03-01 08:00", "2027-03-01 16:00"]),
    ],
)
def test_map_says_that_a_time_zone_is_missing_where_no_header_needs_a_mapping(
    place: Workplace, header: list[str], cells: list[str]
) -> None:
    source = place.write("plan.csv", [[*IDS, *header], ["s", "106", "101", *cells]])
    done = place.run("map", source, "--output", "-")
    assert (done.status, done.out) == (0, "")
    assert "missing:  timezone in" in done.err
    assert "no mapping is needed" not in done.err
    assert done.err.endswith("plan.csv --timezone ZONE\n")
    given = place.run("map", source, "--output", "-", variables={"IMPORTER_TIMEZONE": "Europe/Berlin"})
    assert "no mapping is needed" in given.err
    assert "ZONE" not in given.err


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        (["Start Date", "Start Time", "End Date", "End Time"], ["2027-03-01", "08:00Z", "2027-03-01", "16:00Z"]),
        (["Start Date", "Start Time", "End Date", "End Time"], ["2027-03-01T00:00:00", "08:00Z", "46447", "16:00Z"]),
        (["Date", "Start", "End"], ["2027-03-01", "8 am UTC", "4 pm UTC"]),
    ],
)
def test_map_misses_no_time_zone_where_times_of_day_have_offsets(
    place: Workplace, header: list[str], cells: list[str]
) -> None:
    source = place.write("plan.csv", [[*IDS, *header], ["s", "106", "101", *cells]])
    assert "no mapping is needed" in place.run("map", source, "--output", "-").err
    assert place.run("check", source).status == 0


def test_map_says_what_else_no_column_provides(place: Workplace) -> None:
    source = place.write("plan.csv", [[*IDS, "starts_at"], ["s", "106", "101", "2027-03-01T08:00Z"]])
    done = place.run("map", source)
    assert "missing:  ends_at in" in done.err
    assert "no mapping is needed" not in done.err
    ids = place.write("ids.csv", [["remote_id"], ["PI7DH85"]])
    assert "missing:  third_party_provider in" in place.run("map", ids).err
    assert "no mapping is needed" in place.run("map", ids, variables={"IMPORTER_PROVIDER": "PagerDuty"}).err


DOUBTFUL = [
    ["schedule_id", "shadowable_id", "shadow_user_id", "starts_at", "ends_at", "timezone"],
    ["order", "101", "112", "03/04/2027 08:00", "03/04/2027 16:00", "UTC"],
    ["twice", "101", "112", "2027-10-31 02:30", "2027-10-31 09:00", "Europe/Berlin"],
    ["skipped", "101", "112", "2027-03-28 02:30", "2027-03-28 09:00", "Europe/Berlin"],
]


def starts(place: Workplace) -> dict[str, int]:
    return {key[0]: int(key[4]) for key in truth_of(place)}


def test_a_doubtful_time_is_a_problem_that_names_both_readings(place: Workplace) -> None:
    """Until somebody says what is meant; then it is that."""
    source = place.write("plan.csv", DOUBTFUL)
    checked = place.run("check", source)
    assert checked.status == 1, checked
    for reading in ("dmy", "mdy", "2027-10-31T02:30:00+02:00", "2027-10-31T02:30:00+01:00"):
        assert reading in checked.out
    for reading in ("2027-03-28T03:30:00+02:00", "2027-03-28T01:30:00+01:00"):
        assert reading in checked.out
    text = '[times]\ndate_order = "dmy"\ntwice = "later"\nskipped = "earlier"\n'
    done = place.run("run", source, "--mapping", mapping(place, text), "--sandbox")
    assert done.status == 0, done
    assert starts(place) == {"order": 1806739200, "twice": 1824946200, "skipped": 1806193800}


def test_the_order_of_dates_is_taken_over_by_rerun(place: Workplace) -> None:
    """It was an option of the first run, and counts before what a mapping says."""
    rows = [DOUBTFUL[0], DOUBTFUL[1], [*DOUBTFUL[1][:2], "422", *DOUBTFUL[1][3:]]]
    text = '[times]\ndate_order = "dmy"\n'
    source = place.write("plan.csv", rows)
    done = place.run("run", source, "--mapping", mapping(place, text), "--date-order", "mdy", "--sandbox")
    assert starts(place) == {"order": 1804147200}
    report = place.path / done.run / "report.csv"
    report.write_bytes(report.read_bytes().replace(b",422,03", b",113,03"))
    again = place.run("rerun", report)
    assert again.status == 0, again
    assert {key[4] for key in truth_of(place)} == {"1804147200"}
    assert len(truth_of(place)) == 2


def test_nothing_in_headers_or_mappings_steers_the_terminal(place: Workplace) -> None:
    """Escape sequences in headers, in names of files and in a mapping's keys are shown as texts."""
    name = "plan\x1b[2J.csv"
    header = ["Rota", "Trainee\x1b]0;owned\x07x", "Shadowed", "Start", "Finish\u202ex"]
    place.write(name, [header, ["s", "112", "101", *TIMES]])
    bad = mapping(place, '[columns]\n"No\\u001b[31mne" = "ends_at"\n', "bad\x1b[2J.toml")
    told = [
        place.run("check", name),
        place.run("check", name, "--mapping", bad),
        place.run("map", name),
        place.run("template", "t\x1b[2J.xlsx"),
    ]
    for done in told:
        assert not set("\x1b\x07\u202e") & set(done.out + done.err), done
    status, shown = converse(
        place, ["map", name, "--output", "m\x1b[2J.toml"], [("or nothing", "2\n"), ("or nothing", "\n")]
    )
    assert status == 0, shown
    assert not set("\x1b\x07\u202e") & set(shown), shown


ROSTER = """\
[columns]
"Name" = "user_id"
[constants]
schedule_id = "Payments primary"
timezone = "Europe/Berlin"
[matrix.marks]
"E" = { start_time = "06:00", end_time = "14:00" }
"N" = { start_time = "22:00", end_time = "06:00" }
"U" = {}
"""


def test_a_roster_becomes_a_record_for_each_cell_and_its_report_can_be_mended(place: Workplace) -> None:
    """People by name down, dates across; a mark that nobody knows holds its row back until it is mended."""
    book = openpyxl.Workbook()
    sheet = book.create_sheet("March", 0)
    sheet["A1"] = "Roster March 2027"
    sheet.append([])
    sheet.append(["Name", *(datetime(2027, 3, day) for day in (27, 28, 29)), "Total"])  # noqa: DTZ001
    sheet.append(["Anna Berg", "E", "U", "N", 2])
    sheet.append(["Grace O'Neill", "N", "?", "E", 3])
    sheet.append(["Ben Carter", None, "U", None, 0])
    book.save(place.path / "roster.xlsx")
    given = ("--mapping", mapping(place, ROSTER), "--sandbox")
    done = place.run("run", "roster.xlsx", *given)
    assert done.status == 1, done
    assert "row 6 was left out, because no cell of [matrix] names a shift" in done.err
    told = [
        (line["import_row"], line["import_part"], line["import_status"], line["import_cell"])
        for line in place.lines(done.run)
    ]
    assert told == [("4", "1 of 2", "created", "B4"), ("4", "2 of 2", "created", "D4"), ("5", "", "invalid", "C5")]
    report = place.path / done.run / "report.csv"
    report.write_text(report.read_text(encoding="utf-8").replace(",N,?,", ",N,N,"), encoding="utf-8")
    again = place.run("rerun", str(report), "--sandbox")
    assert again.status == 0, again
    told = [
        (line["import_row"], line["import_part"], line["import_status"], line["import_cell"])
        for line in place.lines(again.run)
    ]
    assert told[2:] == [
        ("5", f"{part} of 3", "created", f"report.csv {cell}") for part, cell in enumerate(("Q4", "R4", "S4"), 1)
    ]
    assert place.run("rerun", again.run, "--sandbox").status == 0
    assert len(truth_of(place)) == 5
