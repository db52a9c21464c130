"""Options do what they say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import openpyxl
import pytest

from importer.cli import app
from importer.settings.options import DECLARATIONS, OF_COMMANDS

from .command import Workplace, statuses, table
from .sources import SCHEDULE_HEADER, schedules, shadows
from .truth import disagreements, read_truth

if TYPE_CHECKING:
    from .front import Front

BAD = ["VICTOROPS", "P1"]


def test_several_sources_at_once_and_standard_input_among_them(online: Workplace, front: Front) -> None:
    """Each under the name of its sheet; standard input is read like a file."""
    done = online.run(
        "run",
        online.write("one.csv", schedules(2)),
        "-",
        online.write("two.csv", schedules(2, first=50)),
        stdin=table(shadows(3)).encode("utf-16"),
    )
    assert done.status == 0, done
    lines = online.lines(done.run)
    sheets = [line["import_sheet"] for line in lines]
    assert (sheets[:2], sheets[5:]) == (["one"] * 2, ["two"] * 2)
    assert len(set(sheets)) == 3
    assert statuses(lines) == {"created": 7}
    assert disagreements(lines, read_truth(front.state)) == []


def test_only_the_sheets_that_were_named_are_read(place: Workplace) -> None:
    book = openpyxl.Workbook()
    for name, first in (("April", 1), ("May", 10), ("June", 20)):
        sheet = book.create_sheet(name)
        for row in schedules(2, first=first):
            sheet.append(row)
    book.save(place.path / "rota.xlsx")
    done = place.run("run", "rota.xlsx", "--sandbox", "--sheet", "June", "--sheet", "April")
    assert done.status == 0, done
    lines = place.lines(done.run)
    assert {line["import_sheet"] for line in lines} == {"April", "June"}
    assert disagreements(lines, read_truth(place.path / "reports" / "sandbox.sqlite3")) == []
    assert len(lines) == 4


def test_zone_and_provider_count_where_a_row_names_none(online: Workplace, front: Front) -> None:
    header = ["kind", "provider", "remote_id", "schedule_id", "shadowable_id", "shadow_user_id", "starts_at", "ends_at"]
    header[1] = "third_party_provider"
    berlin = ["shadow", "", "", "s-1", "101", "112", "2027-03-27T22:00", "2027-03-28T06:00"]  # summer time begins
    offset = ["shadow", "", "", "s-2", "101", "112", "2027-03-27T22:00-05:00", "2027-03-28T06:00-05:00"]
    rows = [header, ["schedule", "", "A1"], ["schedule", "PAGER_DUTY", "A2"], berlin, offset]
    source = online.write("s.csv", [row + [""] * (len(header) - len(row)) for row in rows])
    done = online.run("run", source, "--timezone", "Europe/Berlin", "--provider", "opsgenie")
    assert done.status == 0, done
    keys = list(read_truth(front.state))
    assert {key for key in keys if len(key) == 2} == {("OPSGENIE", "A1"), ("PAGER_DUTY", "A2")}
    spans = {key[0]: int(key[5]) - int(key[4]) for key in keys if len(key) == 6}
    assert spans == {"s-1": 7 * 3600, "s-2": 8 * 3600}


def test_strict_sends_nothing_while_a_row_is_invalid(online: Workplace, front: Front) -> None:
    """The good rows wait as `pending`; mended, they go through rerun, which is as strict."""
    done = online.run("run", online.write("s.csv", [*schedules(2), BAD]), "--strict")
    assert done.status == 1
    assert front.posts == 0
    lines = online.lines(done.run)
    assert statuses(lines) == {"pending": 2, "invalid": 1}
    assert "--strict" in lines[0]["import_error"]
    again = online.run("rerun", done.run, "--strict")
    assert again.status == 1
    assert front.posts == 0
    finished = online.run("rerun", done.run)
    assert statuses(online.lines(finished.run)) == {"created": 2, "invalid": 1}


def test_if_exists_fail_rejects_what_is_there(online: Workplace, front: Front) -> None:
    online.run("run", online.write("s.csv", schedules(2)))
    before = front.posts
    done = online.run("run", online.write("t.csv", schedules(3)), "--if-exists", "fail", "--rate", "opal=6000/min")
    assert done.status == 1
    assert front.posts == before + 1
    lines = online.lines(done.run)
    assert [line["import_status"] for line in lines] == ["rejected", "rejected", "created"]
    assert "exists already" in lines[0]["import_error"]


def test_json_is_the_only_thing_on_standard_output(online: Workplace, front: Front) -> None:
    """One object a line, whatever stands in the cells and whatever encoding the terminal has."""
    strange = ':smile: [bold]Ünï😀 "q" \x07\u202e'
    source = online.write("s.csv", [*schedules(1), [strange, "P9"]])
    done = online.run("run", source, "--json", variables={"PYTHONIOENCODING": "ascii"})
    assert done.status == 1
    problem, plan, result = map(json.loads, done.out.splitlines())
    assert [one["type"] for one in (problem, plan, result)] == ["finding", "plan", "result"]
    assert (problem["row"], problem["cell"], problem["status"]) == (3, "A3", "invalid")
    assert ':smile: [bold]Ünï😀 "q"' in problem["error"]
    assert result["rows"] == 2
    assert result["statuses"]["created"] == result["statuses"]["invalid"] == result["exit_status"] == 1
    assert [(online.path / file).is_file() for file in result["files"]] == [True, True, True]
    check = online.run("check", source, "--json")
    assert json.loads(check.out.splitlines()[-1])["exit_status"] == check.status == 1
    assert json.loads(check.out.splitlines()[0]) == problem
    refused = online.run("run", "nosuch.csv", "--json")
    assert (refused.status, refused.out) == (2, "")


def test_quiet_prints_the_end_alone(place: Workplace) -> None:
    done = place.run("run", place.write("s.csv", [*schedules(2), BAD]), "--sandbox", "--quiet")
    assert done.status == 1
    assert done.err == ""
    assert "created" in done.out
    assert "report: " in done.out


def test_a_file_gets_plain_text_that_can_be_read_and_searched(place: Workplace) -> None:
    """No colours, a table within 80 columns, and every problem and path whole on one line."""
    folder = "a-folder-with-a-name-that-is-longer-than-a-line-of-a-terminal-is-wide-as-they-can-be-in-companies"
    source = place.write("s.csv", [*schedules(3), BAD, ["PAGER_DUTY", "SANDBOX-404"]])
    done = place.run("run", source, "--sandbox", "--reports", f"{folder}/reports", variables={"FORCE_COLOR": ""})
    assert done.status == 1
    assert "\x1b" not in done.out + done.err
    lines = done.out.splitlines()
    table_lines = [line for line in lines if line.startswith(("status", "created", "invalid ", "rejected "))]
    assert all(len(line) <= 80 for line in table_lines[:4])
    report = next(line for line in lines if line.startswith("report: "))
    assert (place.path / report.removeprefix("report: ")).is_file()
    heading = lines.index("problem: third_party_provider: unknown provider  (1 cell)")
    hint, example = lines[heading + 1 : heading + 3]
    assert hint == "  Write PAGER_DUTY or OPSGENIE."
    assert example == '  s A5: third_party_provider is "VICTOROPS"'


def test_the_command_that_goes_on_goes_on_in_the_same_folder(place: Workplace) -> None:
    """A run below another folder, also one called reports, is gone on with there."""
    source = place.write("s.csv", [SCHEDULE_HEADER, ["PAGER_DUTY", "SANDBOX-404"]])
    done = place.run("run", source, "--sandbox", "--reports", "mine/reports")
    (command,) = [line for line in done.out.splitlines() if line.startswith("next:")]
    name, *arguments = command.removeprefix("next:").split()
    assert name == "oncall-importer"
    again = place.run(*arguments)
    assert again.status == 1
    assert again.run.startswith("mine/reports/")
    assert place.runs == []


def test_what_standard_output_cannot_show_does_not_end_the_run(place: Workplace) -> None:
    """A terminal without UTF-8 gets escapes."""
    source = place.write("s.csv", [SCHEDULE_HEADER, ["Ünï", "P1"]])
    done = place.run_process("check", source, variables={"PYTHONIOENCODING": "ascii"})
    assert done.status == 1
    assert r"\xdcn\xef" in done.out
    assert "Traceback" not in done.err


def test_a_run_goes_on_when_nobody_reads_what_it_says(online: Workplace, front: Front) -> None:
    """As in `... 2>&1 | head -1`: the rest of its words is lost, nothing else."""
    process = online.start("run", online.write("s.csv", schedules(3)))
    for stream in (process.stdin, process.stdout, process.stderr):
        assert stream is not None
        stream.close()
    with process:
        assert process.wait(60) == 0
    (run,) = online.runs
    assert statuses(online.lines(f"reports/{run}")) == {"created": 3}


def test_version_and_help_cost_nothing(place: Workplace) -> None:
    version, help_, run_help = (place.run(*arguments) for arguments in (["--version"], ["--help"], ["run", "--help"]))
    assert (version.status, help_.status, run_help.status) == (0, 0, 0)
    assert version.out.startswith("oncall-importer ")
    assert all(command in help_.out for command in ("run", "check", "rerun", "sandbox"))


@pytest.mark.parametrize("command", ["", *app.commands])
def test_the_help_of_every_command_fits_80_columns_and_says_what_its_sources_are(
    place: Workplace, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = place.run(*filter(None, [command]), "--help").out
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert shown.count("SOURCE") != 1  # only the usage


def test_doctor_has_no_option_for_rows_that_it_does_not_read(place: Workplace) -> None:
    done = place.run("doctor", "--sandbox", "--junit", "results.xml")
    assert done.status == 2
    assert "there is no option --junit" in done.err


def test_every_option_of_a_command_alone_has_a_variable_and_a_key_which_name_no_setting() -> None:
    own = {
        f"{command}_{max(option.opts, key=len).lstrip('-').replace('-', '_')}"
        for command, made in app.commands.items()
        for option in made.params
        if isinstance(option, click.Option)
        and command not in (DECLARATIONS[str(option.name)].commands if option.name in DECLARATIONS else ())
    }
    assert own == OF_COMMANDS.keys()
    assert own.isdisjoint(DECLARATIONS)


def test_an_option_of_one_command_is_set_by_its_variable_and_in_the_users_own_file_but_in_no_folder(
    place: Workplace,
) -> None:
    """An option outranks both; what is wrong is named as it was set; other commands are not concerned."""
    source = place.write("plan.csv", [SCHEDULE_HEADER, BAD])
    own = place.path / ".config" / "oncall-importer" / "importer.toml"
    own.parent.mkdir(parents=True)
    own.write_text('check_output = "own.xlsx"\nshow_status = ["invalid"]\nmap_header_row = "two"\n', encoding="utf-8")
    for words, variables, name in (
        ((), {}, "own.xlsx"),
        ((), {"IMPORTER_CHECK_OUTPUT": "variable.xlsx"}, "variable.xlsx"),
        (("--output", "option.xlsx"), {"IMPORTER_CHECK_OUTPUT": "unused.xlsx"}, "option.xlsx"),
    ):
        assert place.run("check", source, *words, variables=variables).status == 1
        assert (place.path / name).exists()
    assert not (place.path / "unused.xlsx").exists()
    run = place.run("run", source, "--sandbox").run
    shown = place.run("show", run, "--json", variables={"IMPORTER_SHOW_STATUS": "created, exists"}).out
    assert '"type": "row"' not in shown
    doctor = place.run("doctor", "--sandbox", variables={"IMPORTER_SHOW_LIMIT": "5"})
    assert "sets IMPORTER_SHOW_LIMIT" in doctor.out
    assert "not a known setting" not in doctor.out
    assert f"{own}, line 3: map_header_row" in place.run("map", source).err
    wrong = place.run("show", run, variables={"IMPORTER_SHOW_LIMIT": "many"})
    assert (wrong.status, "Invalid value for IMPORTER_SHOW_LIMIT" in wrong.err) == (2, True)
    own.write_text('chek_output = "own.xlsx"\n', encoding="utf-8")
    assert "Did you mean check_output" in place.run("runs").err
    own.unlink()
    (place.path / "importer.toml").write_text('check_output = "~/.bashrc"\n', encoding="utf-8")
    refused = place.run("run", source, "--sandbox")
    assert (refused.status, "importer.toml, line 1: check_output is not allowed" in refused.err) == (2, True)
