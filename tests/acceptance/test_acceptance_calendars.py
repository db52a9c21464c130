"""From the system that is left to a comparison that shows nobody was lost, against the stand-ins."""

from __future__ import annotations

import json
import re
import signal
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zipfile import ZipFile

import openpyxl
import pytest
import sandbox_truth
from anyio.from_thread import start_blocking_portal
from openpyxl import load_workbook

from importer.sandbox.directory_file import TOKEN
from importer.sandbox.fault_plan import FaultPlan
from importer.sandbox.server import serve

from .command import finish, read_table, wait_until
from .front import call, create_again
from .sources import shadows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .command import Workplace
    from .front import Front, Request

WEEK = ("--from", "2027-01-04", "--to", "2027-01-11")
#: Four schedules of the demo organization: its stand-in is asked as slowly as the real API allows.
SOME = ("--schedule", "Payments*", "--schedule", "Identity primary", "--schedule", "PSHIFT6", "--sandbox")


def sheet(path: Path, name: str) -> list[tuple[str, ...]]:
    """Read a sheet of a workbook as texts, its header too."""
    rows = load_workbook(path)[name].iter_rows(values_only=True)
    return [tuple("" if cell is None else str(cell) for cell in row) for row in rows]


@pytest.fixture
def pulled(place: Workplace) -> Path:
    """A week of the demo organization's PagerDuty as a workbook."""
    done = place.run("pull", "pagerduty", "pulled.xlsx", *WEEK, *SOME, "--reports", "r")
    assert done.status == 0, done.err
    assert "next:     oncall-importer check pulled.xlsx --online --sandbox --reports r\n" in done.out
    return place.path / "pulled.xlsx"


def test_a_pulled_workbook_is_checked_without_a_touch_and_says_what_was_not_taken(
    place: Workplace, pulled: Path
) -> None:
    done = place.run("check", "pulled.xlsx")
    assert done.status == 0, done.out
    people = {row[2] for row in sheet(pulled, "On call")[1:]}
    assert "dmitri.volkov@example.com" in people
    notes = {about: why for about, why in sheet(pulled, "Notes")}  # noqa: C416  (two cells each)
    assert "deleted" in notes["Noor Haddad"]


def test_the_same_state_is_pulled_into_the_same_bytes_but_for_the_stamp(place: Workplace, pulled: Path) -> None:
    assert place.run("pull", "pagerduty", "again.xlsx", *WEEK, *SOME).status == 0
    with ZipFile(pulled) as first, ZipFile(place.path / "again.xlsx") as second:
        assert first.namelist() == second.namelist()
        differing = [name for name in first.namelist() if first.read(name) != second.read(name)]
    assert differing in ([], ["docProps/core.xml"])


def test_a_file_that_is_there_is_left_alone(place: Workplace, pulled: Path) -> None:
    before = pulled.read_bytes()
    done = place.run("pull", "pagerduty", "pulled.xlsx", *WEEK, *SOME)
    assert (done.status, pulled.read_bytes()) == (2, before)
    assert "already exists" in done.err


def test_what_is_to_be_copied_is_printed_whole_and_one_kind_of_notes_is_one(place: Workplace) -> None:
    folder = place.path / ("deep" * 40) / ("er" * 80)
    folder.mkdir(parents=True)
    output = folder.relative_to(place.path) / "pulled.xlsx"
    done = place.run("pull", "opsgenie", str(output), "--sandbox")
    assert done.status == 0, done.err
    assert f"file:     {output}\n" in done.out
    assert f"next:     oncall-importer check {output} --online" in done.out
    told = re.findall(r"^note: .*$", done.err, re.MULTILINE)
    more = re.search(r"note: +(\d+) more kinds? of notes in the sheet Notes", done.err)  # by the date there are more
    reasons = {why for about, why in sheet(place.path / output, "Notes")[1:] if about != "The window that was pulled"}
    assert len(reasons) == (len(told) - 1 + int(more[1]) if more else len(told))


def test_csv_files_hold_the_same_as_the_workbook(place: Workplace, pulled: Path) -> None:
    assert place.run("pull", "pagerduty", "out.csv", *WEEK, *SOME).status == 0
    assert [tuple(row) for row in read_table(place.path / "out-schedules.csv")] == sheet(pulled, "Schedules")


@pytest.mark.parametrize("output", ["pulled.xlsx", "pulled"])
def test_what_was_pulled_is_checked_as_a_whole_though_a_part_is_for_people_and_one_is_empty(
    place: Workplace, pulled: Path, output: str
) -> None:
    if output != pulled.name:
        assert place.run("pull", "pagerduty", output, *WEEK, *SOME).status == 0
        assert len(read_table(place.path / output / "shadows.csv")) == 1
    done = place.run("check", output)
    assert done.status == 0, done.err
    assert "left out" not in done.err


def test_a_part_of_what_was_pulled_that_has_nothing_to_send_is_refused_by_itself(place: Workplace) -> None:
    assert place.run("pull", "pagerduty", "pulled", *WEEK, *SOME).status == 0
    for part, words in (("shadows", "has a header and no rows"), ("on-call", "lacks the columns that make a record")):
        done = place.run("check", f"pulled/{part}.csv")
        assert (done.status, f"error: pulled/{part}.csv {words}" in done.err) == (2, True), done.err


def test_a_shift_that_changed_since_is_found_with_who_is_where(place: Workplace, pulled: Path) -> None:
    same = place.run("compare", "pagerduty:", "pulled.xlsx", *WEEK, *SOME)
    assert same.status == 0, same.out
    book = load_workbook(pulled)
    rows = book["On call"]
    row = next(row for row in rows.iter_rows(min_row=2) if row[1].value == "Analytics")
    assert row[3].value == "Emi Tanaka"
    row[2].value, row[3].value = "bo@example.com", "Bo Chen"
    book.save(place.path / "changed.xlsx")
    outputs = ("--csv", "differences.csv", "--html", "differences.html")
    done = place.run("compare", "pagerduty:", "changed.xlsx", *WEEK, *SOME, *outputs)
    assert done.status == 1, done.err
    assert "Emi Tanaka  |  Bo Chen" in done.out
    (header, difference) = [
        line for line in read_table(place.path / "differences.csv") if line[0] in ("what", "differs")
    ]
    assert dict(zip(header, difference, strict=True))["right"] == "bo@example.com"
    page = (place.path / "differences.html").read_text(encoding="utf-8")
    assert "1 of 4 paired schedules differ" in page
    assert "<script" not in page


def test_as_json_every_line_is_an_object_with_a_type(place: Workplace, pulled: Path) -> None:
    done = place.run("compare", "opsgenie:", pulled.name, *WEEK, *SOME, "--json")
    objects = [json.loads(line) for line in done.out.splitlines()]
    assert done.status == 1
    assert {one["type"] for one in objects} == {"difference", "note", "comparison"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pull", "pagerduty", "x.xlsx"), "PAGERDUTY_TOKEN is not set"),
        (("pull", "opsgenie", "x.xlsx"), "OPSGENIE_API_KEY is not set"),
        (("pull", "victorops", "x.xlsx"), "there is no system 'victorops'"),
        (("pull", "ical", "x.xlsx"), "no calendar was named"),
        (("pull", "ical", "x.xlsx", "--feed-env", "ROTA"), "ROTA is not set"),
        (
            ("pull", "ical", "x.xlsx", "--pattern", "(?P<person>.+"),
            "(?P<person>.+ is not a regular expression: missing )",
        ),
        (("pull", "ical", "x.xlsx", "--pattern", "(.+)"), "(.+) has no group named person"),
        (("pull", "pagerduty", "x.txt", "--sandbox"), "ends in neither .xlsx nor .csv"),
        (("pull", "pagerduty", "x.xlsx", "--sandbox", "--from", "soon"), "--from soon is not a date"),
        (("pull", "pagerduty", "x.xlsx", "--sandbox", "--from", "2027-02-01", "--to", "2027-01-01"), "is not after"),
        (
            ("pull", "pagerduty", "x.xlsx", "--sandbox", "--shadow-of", "Nobody=Payments primary"),
            "no schedule 'Nobody'",
        ),
        (("compare", "nothing.csv", "pagerduty:", "--sandbox"), "there is no file, folder or run 'nothing.csv'"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_and_nothing_is_written(
    place: Workplace, arguments: tuple[str, ...], words: str
) -> None:
    done = place.run(*arguments)
    assert done.status == 2
    assert words in done.err
    assert not (place.path / arguments[2]).exists()


@pytest.mark.parametrize(
    ("command", "variable", "value", "words"),
    [
        ("pull", "FROM", "soon", "IMPORTER_PULL_FROM soon is not a date"),
        ("pull", "TO", "2020-01-01", "IMPORTER_PULL_TO 2020-01-01 is not after today, "),
        ("pull", "SHADOW_OF", "Nobody=x", "IMPORTER_PULL_SHADOW_OF Nobody=x: "),
        ("compare", "TO", "soon", "IMPORTER_COMPARE_TO soon is not a date"),
    ],
)
def test_an_error_names_the_variable_that_set_an_option(
    place: Workplace, command: str, variable: str, value: str, words: str
) -> None:
    arguments = {"pull": ("pagerduty", "x.xlsx"), "compare": ("pagerduty:", "rootly:")}[command]
    done = place.run(command, *arguments, "--sandbox", variables={f"IMPORTER_{command.upper()}_{variable}": value})
    assert (done.status, words in done.err) == (2, True), done


def test_a_key_without_the_right_to_list_is_told_in_one_sentence(place: Workplace, front: Front) -> None:
    elsewhere = {"PAGERDUTY_TOKEN": "x", "PAGERDUTY_BASE_URL": front.variables["ROOTLY_BASE_URL"]}
    done = place.run("pull", "pagerduty", "x.xlsx", variables=elsewhere)
    assert done.status == 2
    assert done.err.startswith("error: PagerDuty ")
    assert "something went wrong" not in done.err


def test_a_feeds_address_is_shown_nowhere(place: Workplace) -> None:
    address = "https://127.0.0.1:9/private/0123456789abcdef/feed"
    settings = {"ROTA": address, "IMPORTER_REQUEST_TIMEOUT": "2"}
    done = place.run("pull", "ical", "x.xlsx", "--feed-env", "ROTA", "-v", variables=settings)
    assert done.status == 2
    assert "0123456789abcdef" not in done.out + done.err


def test_an_ics_file_becomes_a_workbook(place: Workplace) -> None:
    event = "BEGIN:VEVENT\nUID:1\nDTSTART:20270105T090000Z\nDTEND:20270106T090000Z\nSUMMARY:Ann Berg\nEND:VEVENT\n"
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nX-WR-CALNAME:Rota\n{event}END:VCALENDAR\n"
    (place.path / "rota.ics").write_text(text)
    assert place.run("pull", "rota.ics", "rota.xlsx", *WEEK).status == 0
    _, shift = sheet(place.path / "rota.xlsx", "On call")
    assert shift[1:4] == ("Rota", "Ann Berg", "")
    assert place.run("compare", "rota.ics", "rota.xlsx", *WEEK).status == 1  # days that the feed does not cover
    (place.path / "longer.ics").write_text(text.replace("DTEND:20270106", "DTEND:20270110"))
    for output in ("rota.xlsx", "rota"):
        assert place.run("pull", "rota.ics", output, *WEEK, "--yes").status == 0
        longer = place.run("compare", output, "longer.ics", *WEEK)
        assert f"unknown: {output} does not cover it" in longer.out
        assert "0 minutes differ" in longer.out
    covered = ("--from", "2027-01-05T09:00Z", "--to", "2027-01-06T09:00Z")
    assert place.run("compare", "rota.ics", "rota.xlsx", *covered).status == 0


# ---- verify


def test_what_was_changed_or_removed_since_is_named_with_its_row(online: Workplace, front: Front) -> None:
    source = online.write("s.csv", shadows(4))
    run = online.run("run", source).run
    verified = online.run("verify", run, "--csv", "verified.csv")
    assert (verified.status, verified.err) == (0, ""), verified.out
    lines = online.lines(run)
    assert [line[5] for line in read_table(online.path / "verified.csv")[1:]] == ["there"] * 4
    page = online.path / run / "report.html"
    assert "All 4 records are there as this run made them" in page.read_text(encoding="utf-8")
    ids = [line["import_id"] for line in lines]
    call(front, "DELETE", f"/v1/on_call_shadows/{ids[1]}")
    end = {"data": {"type": "on_call_shadows", "attributes": {"ends_at": "2031-01-01T00:00:00Z"}}}
    call(front, "PUT", f"/v1/on_call_shadows/{ids[2]}", end)
    other = create_again(front, shadows(4)[-1])
    done = online.run("verify", run)
    assert done.status == 1
    gone, changed, twice, total, _ = done.out.splitlines()
    assert gone.startswith("s row 3: gone: the target does not list it any more")
    assert changed.startswith("s row 4: changed: ")
    assert "2031-01-01T00:00:00Z" in changed
    assert twice.startswith(f"s row 5: there twice: it is there 2 times: {', '.join(sorted([ids[3], other]))}")
    assert total.endswith("1 shown in the calendar, 3 not")
    assert "3 of 4 records are not as this run made them" in page.read_text(encoding="utf-8")
    assert page.read_text(encoding="utf-8").count('<section id="verified"') == 1


def test_what_an_undo_took_back_is_named_with_that_undo_and_once(online: Workplace, front: Front) -> None:
    """Also of a later run that had only found the records, and beside what is gone for another reason."""
    source = online.write("s.csv", shadows(20))
    first, later = online.run("run", source).run, online.run("run", source).run
    call(front, "DELETE", f"/v1/on_call_shadows/{online.lines(first)[0]['import_id']}")
    online.run("undo", first, "--yes")
    (undo,) = (name for name in online.runs if "undo" in name)
    for run, taken in ((first, 20), (later, 20)):
        done = online.run("verify", run, "--csv", "verified.csv")
        assert done.status == 1
        gone, hint, total, *_ = done.out.splitlines()
        assert gone == f"undone:   the undo {undo} took it back  ({taken} records)"
        assert hint == "  To import again: oncall-importer run SOURCE"
        assert total.endswith("20 not")
        details = {(line[5], line[6]) for line in read_table(online.path / "verified.csv")[1:]}
        assert details == {("gone", f"the undo {undo} took it back")}
        page = (online.path / run / "report.html").read_text(encoding="utf-8")
        assert page.count(f"the undo {undo} took it back") == 20


def test_a_shadow_that_was_removed_by_hand_is_found_by_comparing_the_run_with_rootly(
    online: Workplace, front: Front
) -> None:
    header, *rows = shadows(3)
    listed = [["a56d5989-eb30-481b-b7ab-f424fa655cd5", *row[1:]] for row in rows]
    run = online.run("run", online.write("s.csv", [header, *listed])).run
    window = ("--from", "2027-05-01", "--to", "2027-06-01")
    assert online.run("verify", run).status == 0  # it waits until the calendar shows them
    same = online.run("compare", run, "rootly:", *window)
    assert same.status == 0, same.out
    call(front, "DELETE", f"/v1/on_call_shadows/{online.lines(run)[2]['import_id']}")
    done = online.run("compare", run, "rootly:", *window)
    assert done.status == 1
    assert "8.0 h differ, in 1 interval" in done.out


@pytest.mark.parametrize(("options", "variables"), [(["--verify"], {}), ([], {"IMPORTER_VERIFY": "yes"})])
def test_a_run_can_be_verified_at_its_end(online: Workplace, options: list[str], variables: dict[str, str]) -> None:
    done = online.run("run", online.write("s.csv", shadows(2)), *options, variables=variables)
    assert done.status == 0, done.err
    assert "verified: 2 records" in done.out
    assert "All 2 records are there" in (online.path / done.run / "report.html").read_text(encoding="utf-8")


def test_a_run_that_cannot_be_verified_at_its_end_does_not_end_as_one_that_sent_nothing(
    online: Workplace, front: Front
) -> None:
    answers: dict[str, tuple[int, dict[str, str], str]] = {}

    def turn_away(request: Request) -> None:
        if "/shifts" in request.path:  # only verifying asks for them
            front.sandbox = urlsplit(address)
            answers[urlsplit(request.path).path] = (401, {}, "{}")

    front.before = turn_away
    with system(answers) as (address, _):
        done = online.run("run", online.write("s.csv", shadows(2)), "--verify", "--reports", "kept")
    assert done.status == 4
    assert [line["import_status"] for line in online.lines(done.run)] == ["created", "created"]
    assert f"error: {done.run} is complete, but it could not be verified: Rootly refused the key" in done.err
    assert f"Verify it again: oncall-importer verify {done.run} --reports kept" in done.err


def test_a_verification_is_shown_although_it_cannot_be_written(online: Workplace) -> None:
    run = online.run("run", online.write("s.csv", shadows(2))).run
    done = online.run("verify", run, "--csv", "missing/v.csv")
    assert done.status == 2
    assert "verified: 2 records" in done.out
    assert "missing" in done.err


def test_a_calendar_that_is_refused_is_told_so_and_not_waited_for(online: Workplace, front: Front) -> None:
    run = online.run("run", online.write("s.csv", shadows(2))).run
    front.hidden = "/shifts"
    done = online.run("verify", run)
    assert done.status == 1
    first, second, *_ = done.out.splitlines()
    for line in (first, second):
        assert "Rootly refuses to show the calendar of this schedule (404" in line
    assert len([path for path in front.paths("GET") if "/shifts" in path]) == 2  # one for each schedule


def test_a_run_elsewhere_and_a_report_are_not_verified(online: Workplace) -> None:
    run = online.run("run", online.write("s.csv", shadows(1))).run
    elsewhere = online.run("verify", run, variables={"ROOTLY_BASE_URL": "https://rootly.example.com"})
    assert elsewhere.status == 2
    assert "was sent to" in elsewhere.err
    assert "Set ROOTLY_BASE_URL to where it was sent." in elsewhere.err
    assert online.run("verify", f"{run}/report.csv").status == 2


# ---- servers that are none of ours


@contextmanager
def system(answers: dict[str, tuple[int, dict[str, str], str]]) -> Iterator[tuple[str, list[str]]]:
    """Serve answers by path: status, headers, body; give the address, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            again = f"{path} again" if path in asked else path
            asked.append(path)
            status, headers, body = answers.get(again) or answers.get(path) or (404, {}, "{}")
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Connection": "close", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


HTML = "<!DOCTYPE html><html><body>Log in</body></html>"
KEY = "c0ffee-never-shown"


@pytest.mark.parametrize(
    ("status", "headers", "body", "words"),
    [
        (200, {"Content-Type": "text/html"}, HTML, "answers 200 with HTML, a page for people"),
        (403, {"Content-Type": "text/html"}, HTML, "answers 403 with HTML, a page for people"),
        (302, {"Location": "https://elsewhere.example.com/login"}, "", "answers 302: it redirects to another address"),
        (401, {}, '{"message": "Key is not valid"}', "refused the key (401): Key is not valid"),
        (402, {}, '{"message": "Upgrade your plan"}', "refuses a list (402: Upgrade your plan)"),
        (
            403,
            {},
            '{"message": "You are not authorized", "code": 40301}',
            "refuses a list (403: You are not authorized)",
        ),
        (200, {}, '{"took": 0.1}', "answers in a form that is not known"),
        (200, {}, "[1", "did not send a usable answer: 200, but no JSON object"),
    ],
)
def test_what_a_system_says_instead_of_its_calendar_is_one_sentence(
    place: Workplace, status: int, headers: dict[str, str], body: str, words: str
) -> None:
    answers = {"/v2/schedules": (status, headers, body), "/v2/users": (200, {}, '{"data": []}')}
    with system(answers) as (address, _):
        done = place.run(
            "pull", "opsgenie", "x.xlsx", "-v", variables={"OPSGENIE_API_KEY": KEY, "OPSGENIE_BASE_URL": address}
        )
    assert done.status == 2
    assert words in done.err
    assert len(done.err.splitlines()[-1]) > 20  # what to do
    assert KEY not in done.out + done.err
    assert list(place.path.glob("**/*.xlsx")) == []


def test_a_system_that_says_slow_down_is_waited_for_as_long_as_it_says(place: Workplace) -> None:
    """PagerDuty's Reset is seconds, not a point in time; Opsgenie's answer has a period instead."""
    nothing = {"/users": '{"users": []}', "/schedules": '{"schedules": []}', "/v3/schedules": '{"schedules": []}'}
    answers: dict[str, tuple[int, dict[str, str], str]] = {path: (200, {}, body) for path, body in nothing.items()}
    limited = {"ratelimit-limit": "960", "ratelimit-remaining": "0", "ratelimit-reset": "1"}
    answers |= {"/users": (429, limited, ""), "/users again": answers["/users"]}
    with system(answers) as (address, asked):
        variables = {"PAGERDUTY_TOKEN": KEY, "PAGERDUTY_BASE_URL": address}
        assert place.run("pull", "pagerduty", "x.xlsx", variables=variables).status == 0
    assert asked == ["/users", "/users", "/schedules", "/v3/schedules"]


def test_options_that_mean_no_schedule_are_told_and_write_nothing(place: Workplace) -> None:
    done = place.run("pull", "pagerduty", "x.xlsx", "--schedule", "Paymnets", "--sandbox")
    assert done.status == 2
    assert "--schedule Paymnets: none of the 24 schedules of PagerDuty matches" in done.err
    some = ("--schedule", "Payments*", "--exclude", "Nobody")
    assert place.run("pull", "pagerduty", "x.xlsx", *some, "--sandbox").status == 0
    assert [row[2] for row in sheet(place.path / "x.xlsx", "Schedules")[1:]] == ["Payments primary", "Payments shadow"]
    assert ("--exclude Nobody", "It matches nothing.") in sheet(place.path / "x.xlsx", "Notes")


def test_pairs_rename_schedules_and_people_and_those_that_name_nothing_are_told(place: Workplace) -> None:
    pairs = "\ufeffPagerDuty;Rootly\nPSCHED1;Money first\nInes.Kohler@Example.com;ines@new.example.com\n"
    (place.path / "pairs.csv").write_text(pairs, encoding="utf-8")
    done = place.run("pull", "pagerduty", "x.xlsx", "--pairs", "pairs.csv", *SOME)
    assert done.status == 0, done.err
    rows = sheet(place.path / "x.xlsx", "Overrides")[1:]
    assert ("Money first", "ines@new.example.com") in {row[:2] for row in rows}
    notes = sheet(place.path / "x.xlsx", "Notes")
    assert any(row[0] == "PagerDuty" and "No person or schedule here" in row[1] for row in notes)


def test_a_shadow_schedule_can_shadow_two_and_one_without_sense_is_refused(place: Workplace) -> None:
    twice = ("--shadow-of", "PSCHED5=PSCHED1", "--shadow-of", "Payments shadow=Search primary")
    assert place.run("pull", "pagerduty", "x.xlsx", *twice, *SOME, "--schedule", "Search primary").status == 0
    names = [row[0] for row in sheet(place.path / "x.xlsx", "Shadows")[1:]]
    assert sorted(set(names)) == ["Payments primary", "Search primary"]
    for text, words in (("PSCHED5=PSCHED5", "does not shadow itself"), ("PSCHED5", "no = in it")):
        done = place.run("pull", "pagerduty", "y.xlsx", "--shadow-of", text, *SOME)
        assert (done.status, words in done.err) == (2, True), done.err


def test_each_kind_of_side_can_be_compared_with_what_it_came_from(place: Workplace, pulled: Path) -> None:
    """A source is looked up where the other side is, so its e-mail addresses and names need no Rootly."""
    assert place.run("pull", "pagerduty", "folder", *WEEK, *SOME).status == 0
    for right in (pulled.name, "folder", "pagerduty:"):
        done = place.run("compare", "folder", right, *WEEK, *SOME)
        assert done.status == 0, done.out + done.err
    (place.path / "folder" / "notes.csv").unlink()
    half = place.run("compare", "folder", pulled.name, *WEEK, *SOME)
    assert (half.status, "folder has no notes.csv beside on-call.csv" in half.err) == (2, True), half.err
    assert place.run("pull", "pagerduty", "now", *SOME).status == 0
    for sides in (("now/overrides.csv", "pagerduty:"), ("pagerduty:", "now/overrides.csv")):
        done = place.run("compare", *sides, "--schedule", "PSCHED1", "--sandbox")
        assert done.status == 0, done.out + done.err
        assert "compared: 1 schedule" in done.out


def test_a_source_is_looked_up_in_what_was_pulled_on_either_side(place: Workplace) -> None:
    assert place.run("pull", "pagerduty", "now", *SOME).status == 0
    assert place.run("pull", "pagerduty", "now.xlsx", *SOME).status == 0
    for pulled in ("now", "now.xlsx"):
        for sides in (("now/overrides.csv", pulled), (pulled, "now/overrides.csv")):
            done = place.run("compare", *sides)
            assert "compared: 2 schedules" in done.out, done.out + done.err
            assert done.status == 0, done.out


def test_records_that_have_no_partner_are_a_difference(place: Workplace) -> None:
    header = ["schedule_id", "user_id", "starts_at", "ends_at"]
    rows = [
        [schedule, "101", "2027-01-05T03:00Z", "2027-01-05T04:00Z"]
        for schedule in ("a56d5989-eb30-481b-b7ab-f424fa655cd5", "9b03fa72-a4fb-4fa3-9ba7-903940e95822")
    ]
    both, first = place.write("both.csv", [header, *rows]), place.write("first.csv", [header, rows[0]])
    second = place.write("second.csv", [header, rows[1]])
    for left, right, paired in ((both, first, 1), (first, both, 1), (first, second, 0)):
        done = place.run("compare", left, right, *WEEK)
        assert (done.status, f"compared: {paired} schedule" in done.out, "only in" in done.out) == (1, True, True)
    assert place.run("compare", both, both, *WEEK).status == 0


def test_rows_that_are_not_compared_are_never_the_same(place: Workplace) -> None:
    header = ["schedule_id", "user_id", "starts_at", "ends_at"]
    row = ["a56d5989-eb30-481b-b7ab-f424fa655cd5", "101", "2027-01-05T03:00Z", "2027-01-05T04:00Z"]
    later = [row[0], "101", "2027-01-12T03:00Z", "2027-01-12T04:00Z"]
    one = place.write("one.csv", [header, row])
    half = place.run("compare", one, place.write("half.csv", [header, row, [row[0], "Ben", *later[2:]]]), *WEEK)
    assert (half.status, "0 minutes differ on 0 schedules, 1 row left out" in half.out) == (1, True), half.out
    wide = place.run("compare", one, place.write("wide.csv", [header, row, later]), *WEEK)
    assert "1 of 2 shifts outside the window: they are not compared" in wide.err
    none = place.run("compare", one, one, "--from", "2027-02-01")
    assert (none.status, "one.csv has 1 of 1 shift outside the window" in none.err) == (2, True), none.err
    assert "the shifts are from 2027-01-05T03:00:00Z to 2027-01-05T04:00:00Z" in none.err


def test_an_id_that_stands_in_a_source_is_nobody_of_the_other_side(place: Workplace) -> None:
    """People of the other side are looked up under numbers; a row's own number is none of these."""
    header = ["schedule_id", "user_id", "starts_at", "ends_at"]
    source = place.write("s.csv", [header, ["Payments primary", "1", "2027-01-05T03:00Z", "2027-01-05T04:00Z"]])
    done = place.run("compare", source, "pagerduty:", *WEEK, "--schedule", "Payments primary", "--sandbox")
    assert done.status == 1, done.err
    assert "1 (override)  |" in done.out


def test_a_run_is_compared_by_the_names_that_it_has_looked_up(place: Workplace) -> None:
    """Its records hold Rootly's ids alone, which no other system knows."""
    header = ["schedule_id", "user_id", "starts_at", "ends_at"]
    times = ["2027-01-05T03:00Z", "2027-01-05T04:00Z"]
    source = place.write("s.csv", [header, ["Payments primary", "ben.osei@example.com", *times]])
    run = place.run("run", source, "--sandbox").run
    same = place.run("compare", run, source, *WEEK)
    assert same.status == 0, same.out + same.err
    done = place.run("compare", run, "pagerduty:", *WEEK, "--schedule", "Payments primary", "--sandbox")
    assert done.status == 1, done.err
    assert "Payments primary: 1.0 h differ, in 1 interval\n" in done.out
    assert "Ben Osei (override)  |  nobody" in done.out
    alone = place.run(
        "compare", source, place.write("t.csv", [header, ["Payments primary", "Ben Osei", *times]]), *WEEK
    )
    assert "holds neither shadows nor overrides (1 row with names that were not looked up" in alone.err


def test_sides_that_have_nothing_in_common_are_not_called_the_same(place: Workplace) -> None:
    header, *rows = shadows(2)
    source = place.write("s.csv", [header, *(["Payments primary", *row[1:]] for row in rows)])
    done = place.run("compare", source, "pagerduty:", "--from", "2027-05-01", "--to", "2027-06-01", *SOME)
    assert done.status == 2
    assert "there is nothing to compare" in done.err


def test_hidden_rows_of_a_side_are_refused_until_the_option_says_what_they_are(place: Workplace) -> None:
    book = openpyxl.Workbook()
    book.active.append(["schedule_id", "user_id", "starts_at", "ends_at"])
    for day in (1, 2):
        book.active.append(["primary", "102", f"2027-03-0{day}T08:00Z", f"2027-03-0{day}T16:00Z"])
    book.active.row_dimensions[3].hidden = True
    book.save(place.path / "hidden.xlsx")
    window = ("--from", "2027-03-01", "--to", "2027-03-05")
    book.active.delete_rows(3)
    book.active.row_dimensions[3].hidden = False
    book.save(place.path / "one.xlsx")
    sides = ("compare", "hidden.xlsx", "one.xlsx", *window)
    assert "--hidden-rows" in place.run(*sides).err
    assert [place.run(*sides, "--hidden-rows", word).status for word in ("skip", "send")] == [0, 1]


def test_a_note_about_a_side_as_a_whole_names_it_once(place: Workplace) -> None:
    good = ["primary", "102", "2027-03-01T08:00Z", "2027-03-01T16:00Z"]
    place.write("odd.csv", [["schedule_id", "user_id", "starts_at", "ends_at"], good, [*good[:3], "someday"]])
    done = place.run("compare", "odd.csv", "odd.csv", "--from", "2027-03-01", "--to", "2027-03-05")
    assert "note:     odd.csv: 1 row left out as invalid" in done.err


def test_a_side_can_be_a_folder_of_sources_or_a_pattern(place: Workplace) -> None:
    header, *rows = shadows(4)
    whole = place.write("all.csv", [header, *rows])
    (place.path / "teams").mkdir()
    place.write("teams/a.csv", [header, *rows[:2]])
    place.write("teams/b.csv", [header, *rows[2:]])
    window = ("--from", "2027-05-01", "--to", "2027-06-01")
    for side in ("teams", "teams/*.csv"):
        done = place.run("compare", whole, side, *window)
        assert (done.status, "2 files" in done.err) == (0, True), done
    done = place.run("compare", "teams/b*", whole, *window)
    assert done.status == 1, done
    done = place.run("compare", "teams/c*", whole, *window)
    assert (done.status, "no file matches teams/c*" in done.err) == (2, True), done


def test_a_side_that_covers_less_than_the_window_is_named(place: Workplace) -> None:
    event = "BEGIN:VEVENT\nUID:1\nDTSTART:20270105T090000Z\nDTEND:20270106T090000Z\nSUMMARY:Ann Berg\nEND:VEVENT\n"
    (place.path / "rota.ics").write_text(
        f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nX-WR-CALNAME:Rota\n{event}END:VCALENDAR\n"
    )
    done = place.run("compare", "rota.ics", "rota.ics", *WEEK, "--csv", "d.csv")
    assert done.status == 1
    assert "unknown: rota.ics does not cover it" in done.out
    assert "1 schedule not known all the time" in done.out
    assert {row[0] for row in read_table(place.path / "d.csv")[1:]} == {"unknown on the left", "unknown on the right"}


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
def test_a_pull_that_is_ended_while_it_asks_leaves_nothing(place: Workplace, number: int, status: int) -> None:
    with system({"/users": (200, {}, '{"users": []}'), "/schedules": (503, {}, "")}) as (address, asked):
        variables = {"PAGERDUTY_TOKEN": KEY, "PAGERDUTY_BASE_URL": address}
        process = place.start("pull", "pagerduty", "x.xlsx", variables=variables)
        wait_until(lambda: "/schedules" in asked)
        process.send_signal(number)
        done = finish(process)
    assert done.status == status
    assert list(place.path.glob("*x*")) + list(place.path.glob(".x*")) == []
    if status == 130:
        assert "interrupted while reading PagerDuty; nothing was written" in done.err
        assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, {}, '{"message": "Key format is not valid!"}'), "refused the key (401): Key format is not valid!"),
        ((403, {}, '{"message": "You are not authorized"}'), "refuses a list (403: You are not authorized)"),
        ((402, {}, '{"message": "Upgrade"}'), "refuses a list (402: Upgrade)"),
        ((200, {}, HTML), "answers 200 with HTML, a page for people"),
        ((200, {}, '{"data": []}'), "accepted"),
    ],
)
def test_doctor_tells_what_has_become_of_an_opsgenie_key(
    place: Workplace, answer: tuple[int, dict[str, str], str], words: str
) -> None:
    with system({"/v2/schedules": answer, "/v2/users": (200, {}, '{"data": []}')}) as (address, _):
        done = place.run("doctor", "--json", variables={"OPSGENIE_API_KEY": KEY, "OPSGENIE_BASE_URL": address})
    found = [json.loads(line) for line in done.out.splitlines()]
    (token,) = [one for one in found if one["about"] == "opsgenie token"]
    assert words in token["message"]
    assert token["level"] == ("ok" if words == "accepted" else "note")
    if answer[0] in (401, 403):
        assert "2027-04-05, or 120 days after" in token["hint"]
    assert KEY not in done.out + done.err


@pytest.mark.parametrize(
    ("name", "selected"), [("pagerduty", ("Payments*",)), ("opsgenie", ("Security primary", "Support primary"))]
)
def test_a_system_that_fails_now_and_then_is_read_as_one_that_is_well(
    place: Workplace, name: str, selected: tuple[str, ...]
) -> None:
    def fault(at: int, **what: object) -> dict[str, object]:
        return {"target": name, "at": [at], **what}

    faults = [
        fault(2, what="status", status=429, when="before", reset_in=0.1),
        fault(4, what="status", status=503, when="before", form="html"),
        fault(6, what="truncated"),
        fault(8, what="reset"),
        fault(10, what="status", status=502, when="after", form="empty", method="GET"),
        fault(12, what="drip", pace=0.00001),
    ]
    options = [part for one in selected for part in ("--schedule", one)]
    assert place.run("pull", name, "well.xlsx", *WEEK, *options, "--sandbox").status == 0
    plan = FaultPlan.model_validate({"fault": faults})
    with start_blocking_portal() as portal:
        served = serve(place.path / "faulty.sqlite3", faults=plan)
        with portal.wrap_async_context_manager(served) as address:
            token = "PAGERDUTY_TOKEN" if name == "pagerduty" else "OPSGENIE_API_KEY"
            variables = {token: TOKEN, f"{name.upper()}_BASE_URL": getattr(address, name)}
            done = place.run("pull", name, "ill.xlsx", *WEEK, *options, variables=variables)
    assert done.status == 0, done.err
    hit = [one.fault for one in sandbox_truth.read_truth(place.path / "faulty.sqlite3").requests if one.fault]
    assert hit == ["status", "status", "truncated", "reset", "status", "drip"]
    for one in ("Schedules", "Overrides", "Shadows", "On call", "Notes"):
        assert sheet(place.path / "well.xlsx", one) == sheet(place.path / "ill.xlsx", one)


def test_one_file_of_pairs_names_schedules_and_people_in_either_order_of_the_sides(place: Workplace) -> None:
    for name, calendar, who in (("old", "Rota A", "SUMMARY:Ann Berg"), ("new", "Rota B", "ATTENDEE:mailto:Ann@x.org")):
        event = f"BEGIN:VEVENT\nUID:1\nDTSTART:20270104T000000Z\nDTEND:20270111T000000Z\n{who}\nEND:VEVENT\n"
        head = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nX-WR-CALNAME:{calendar}\n"
        (place.path / f"{name}.ics").write_text(f"{head}{event}END:VCALENDAR\n")
    (place.path / "pairs.csv").write_text("Old name,New name\nRota A,Rota B\nAnn Berg,ann@x.org\n")
    for sides in (("old.ics", "new.ics"), ("new.ics", "old.ics")):
        done = place.run("compare", *sides, *WEEK, "--pairs", "pairs.csv", "--schedule", "Rota A")
        assert done.status == 0, done.out + done.err
        assert "taken as a header" in done.err
    assert place.run("compare", "old.ics", "new.ics", *WEEK).status == 1
    (place.path / "pairs.csv").write_text("Rota A,Rota B\nRota C,Rota B\n")
    done = place.run("compare", "old.ics", "new.ics", *WEEK, "--pairs", "pairs.csv")
    assert done.status == 2
    assert "old.ics has no schedule 'Rota C'" in done.err
