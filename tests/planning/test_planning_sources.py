"""Rows into the journal: one look at each row, however many parts it has; one question for all that are named."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest
import xlsxwriter

import importer
from importer.errors import SettingsError
from importer.journal.run_folder import open_scratch
from importer.journal.states import Entry, State
from importer.normalizer.mapping import make_rules
from importer.normalizer.references import Directory
from importer.planning.loader import Loader, lists_of
from importer.planning.report_lines import PreviousLine
from importer.planning.sources import expand_sources, gather_sources, load_mapping, make_loader
from importer.records import KnownName, Outcome, Problem, Row, Sheet, TargetName
from importer.session.control import SilentObserver
from importer.settings.options import Settings
from importer.statuses import Status
from importer.targets.target import DirectoryEntry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from importer.journal.journal import Journal

HEADER = ("schedule_id", "shadowable_id", "shadow_user_id", "starts_at", "duration", "repeat", "timezone")
SHEET = Sheet("report.csv", "plan", HEADER, tuple(range(len(HEADER))))
DIRECTORY = Directory(
    [DirectoryEntry("112", "Lena Novák", "lena@x.example")], [DirectoryEntry("s-1", "Payments primary")]
)


@pytest.fixture
def journal() -> Iterator[Journal]:
    with open_scratch() as journal:
        yield journal


def cells(user: str, parts: int) -> tuple[str, ...]:
    return ("s-1", "101", user, "2027-05-03T09:00", "8h", f"FREQ=DAILY;COUNT={parts}", "UTC")


def line(user: str, number: int, parts: int, status: Status = Status.FAILED, row: int = 2) -> PreviousLine:
    """Give a line of a report."""
    entry = Entry(status, "shadow", part=f"{number} of {parts}", outcome=Outcome(status, id="", run="earlier"))
    return PreviousLine(SHEET, Row(row, cells(user, parts), line=number + 1), entry)


def states(journal: Journal) -> list[tuple[str, str]]:
    return [(entry.part, entry.state) for _, _, entry in journal.entries()]


def resolve(intake: Loader) -> None:
    for _ in intake.resolve(TargetName.ROOTLY, DIRECTORY):
        pass


@pytest.mark.parametrize("user", ["112", "Lena Novák"])
def test_the_lines_of_a_row_become_one_row_again(journal: Journal, user: str) -> None:
    """Each part once, in its order, and the row is counted and looked at once; also a thousand parts, over chunks."""
    intake = Loader(journal, replace(make_rules(), now=None), "run", SilentObserver())
    lines = [line(user, number, 1000) for number in range(1, 1001)]
    assert sum(intake.take_left_over([lines[:300], lines[300:301], lines[301:], []])) == 1
    resolve(intake)
    journal.finish_reading()
    assert states(journal) == [(f"{number} of 1000", State.PLANNED) for number in range(1, 1001)]
    assert journal.count_rows() == 1


def test_a_warning_of_a_row_is_told_once_and_not_for_each_of_its_parts(journal: Journal) -> None:
    """Also where its names are looked up first."""
    intake = Loader(journal, make_rules(), "run", SilentObserver())
    parts = [line("Lena Novák", number, 5) for number in range(1, 6)]
    odd = [one._replace(row=one.row._replace(cells=("s-1", "x101", *one.row.cells[2:]))) for one in parts]
    list(intake.take_left_over([odd]))
    resolve(intake)
    assert len(list(journal.findings())) == 1


def test_copied_lines_of_a_long_plan_do_not_run_into_the_next_row(journal: Journal) -> None:
    """Somebody pasted a block of a thousand lines below itself."""
    intake = Loader(journal, make_rules(), "run", SilentObserver())
    lines = [line("Lena Novák", number, 1000) for number in range(1, 1001)]
    list(intake.take_left_over([[*lines, *lines, line("113", 1, 2, row=3)]]))
    resolve(intake)
    journal.finish_reading()
    found = [state for _, state in states(journal)]
    assert found.count(State.PLANNED) == 1001
    assert found.count(Status.DUPLICATE) == 1000


def test_a_row_planned_anew_beside_its_old_lines_is_no_clash(journal: Journal) -> None:
    """One line's import columns were emptied for a new plan; the other lines were left in."""
    intake = Loader(journal, make_rules(), "run", SilentObserver())
    old = [line("Lena Novák", number, 4) for number in range(2, 5)]
    list(intake.take_left_over([[PreviousLine(SHEET, Row(2, cells("Lena Novák", 4)), None), *old]]))
    resolve(intake)
    journal.finish_reading()
    found = [state for _, state in states(journal)]
    assert found.count(State.PLANNED) == 4
    assert found.count(Status.DUPLICATE) == 3


def test_a_part_that_became_a_date_does_not_borrow_from_the_line_before(journal: Journal) -> None:
    """Reading has found it wrong: so it is, and the lines around it are what they were."""
    intake = Loader(journal, make_rules(), "run", SilentObserver())
    one, two, three = (line("112", number, 3) for number in (1, 2, 3))
    sheet, row, entry, _ = two
    assert entry is not None
    wrong = PreviousLine(sheet, row._replace(problems=(Problem("import_part is odd"),)), entry._replace(part="Feb 03"))
    list(intake.take_left_over([[one, wrong, three]]))
    journal.finish_reading()
    assert states(journal) == [
        ("1 of 3", State.PLANNED),
        ("Feb 03", Status.INVALID),
        ("3 of 3", State.PLANNED),
    ]


@pytest.mark.parametrize(
    ("named", "users", "schedules"),
    [
        (("Payments primary", "101", "112"), False, True),
        (("s-1", "Lena Novák", "112"), True, False),
        (("s-1", "101", "lena@x.example"), True, False),
        (("s-1", "101", "112"), False, False),
        (("Payments primary", "Lena Novák", "112"), True, True),
        (("Payments primary", "Lena Novák", "1e5"), False, False),  # a problem already: asked only where it can be
    ],
)
def test_only_that_is_asked_for_which_some_good_row_names(
    journal: Journal, named: tuple[str, str, str], users: bool, schedules: bool
) -> None:
    intake = Loader(journal, make_rules(), "run", SilentObserver())
    row = Row(2, (*named, "2027-05-03T09:00", "8h", "", "UTC"))
    list(intake.take_left_over([[PreviousLine(SHEET, row, None)]]))
    lists = [*(["users"] if users else []), *(["schedules"] if schedules else [])]
    assert lists_of(intake.needed) == ({TargetName.ROOTLY: lists} if lists else {})
    assert lists_of(intake.wished) == ({TargetName.ROOTLY: ["users", "schedules"]} if "1e5" in named else {})


@pytest.mark.parametrize("is_asked", [True, False])
@pytest.mark.parametrize("status", [None, Status.INVALID])
def test_all_problems_of_a_row_come_at_once_those_of_names_included(
    journal: Journal, status: Status | None, is_asked: bool
) -> None:
    """Also what reading found, which the journal does not keep; where nobody can be asked, those of its own cells."""
    intake = Loader(journal, make_rules(), "run", SilentObserver())
    row = Row(2, ("Nobody's", "101", "1e5", "", "8h", "", "UTC"), problems=(Problem("E2 is #N/A", cell="E2"),))
    left = Entry(status, "shadow", outcome=Outcome(status, attempts=1)) if status else None
    list(intake.take_left_over([[PreviousLine(SHEET, row, left)]]))
    if is_asked:
        resolve(intake)
    else:
        intake.leave_unresolved(TargetName.ROOTLY, "rootly is not there")
    intake.finish()
    (told,) = journal.lines()
    assert told.outcome.status is Status.INVALID
    names = ["schedule_id"] if is_asked else []
    problems = [finding.problem for finding in journal.findings()]
    assert [one.message.split(" is ")[0] for one in problems] == ["E2", *names, "shadow_user_id", "starts_at"]
    assert told.outcome.error == "; ".join(one.message for one in problems)


def test_without_a_target_to_ask_a_row_with_problems_waits_for_nothing(journal: Journal) -> None:
    intake = Loader(journal, make_rules(), "", SilentObserver(), is_resolving=False)
    row = Row(2, ("Payments primary", "101", "1e5", "2027-05-03T09:00", "8h", "", "UTC"))
    list(intake.take_left_over([[PreviousLine(SHEET, row, None)]]))
    intake.finish()
    assert [line.outcome.status for line in journal.lines()] == [Status.INVALID]
    assert not intake.wished


def test_a_report_without_lines_has_no_rows(journal: Journal) -> None:
    intake = Loader(journal, make_rules(), "run", SilentObserver())
    assert sum(intake.take_left_over([[], []])) == sum(intake.take_left_over([])) == 0


def test_rows_that_wait_stay_pending_with_the_reason_while_nobody_can_be_asked(journal: Journal) -> None:
    """Whatever an earlier run sent for them is kept as it was."""
    intake = Loader(journal, make_rules(), "run", SilentObserver())
    lines = [line("Lena Novák", number, 4) for number in range(1, 5)]
    sheet, row, sent, _ = lines[1]
    assert sent is not None
    lines[1] = PreviousLine(
        sheet, row, sent._replace(state=Status.CREATED, outcome=Outcome(Status.CREATED, id="id-2", run="r"))
    )
    list(intake.take_left_over([lines]))
    intake.leave_unresolved(TargetName.ROOTLY, "rootly is not there")
    journal.finish_reading()
    outcomes = [one.outcome for one in journal.lines()]
    assert [one.status for one in outcomes] == [Status.PENDING, Status.UNKNOWN, Status.PENDING, Status.PENDING]
    assert outcomes[1].id == "id-2"
    assert all("rootly is not there" in one.error for one in outcomes if one.status is Status.PENDING)


def test_a_mapping_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Its own name stays to be seen, however deep it lies."""
    deep = tmp_path / ("a" * 100)
    deep.mkdir()
    broken = deep / "mapping.toml"
    broken.write_text("[columns", encoding="utf-8")
    latin = deep / "latin.toml"
    latin.write_bytes('[constants]\nschedule_id = "Köln"\n'.encode("latin-1"))
    for path in (deep / "none.toml", deep, latin, broken):
        with pytest.raises(SettingsError) as caught:
            load_mapping(path)
        assert path.name[-20:] in caught.value.message
        assert caught.value.hint


OVERRIDES_WITH_NAMES = """\
schedule_id,Schedule name,user_id,User name,starts_at,ends_at
s-1,Payments,112,Lena Novák,2027-03-01T08:00Z,2027-03-01T16:00Z
s-1,Other,112,Lena,2027-03-02T08:00Z,2027-03-02T16:00Z
"""


@pytest.mark.parametrize(
    ("source", "mapping", "known"),
    [
        (
            "third_party_provider,remote_id,name\nPAGER_DUTY,P1,Payments\nPAGER_DUTY,P2,\n",
            {},
            ["PAGER_DUTY P1 Payments"],
        ),
        (
            OVERRIDES_WITH_NAMES,
            {},
            ["schedule s-1 Payments", "user 112 Lena Novák"],
        ),
        (
            "schedule,shadowable_id,trainee,start,end\nPayments,101,112,2027-03-01T08:00Z,2027-03-01T16:00Z\n",
            {"values": {"schedule_id": {"Payments": "s-1"}}},
            ["schedule s-1 Payments"],
        ),
        (
            'schedule_id,user_id,User name,rotation,starts_at,duration\ns-1,,nobody,"101,112",2027-03-01T08:00Z,8h\n',
            {},
            [],
        ),
        (
            "schedule_id,schedule,user_id,User name,starts_at,duration\ns-1,#N/A,101,0,2027-03-01T08:00Z,8h\n",
            {},
            [],
        ),
    ],
    ids=[
        *("beside a schedule's id", "the first name counts", "what the mapping gives an id for", "not who rotates"),
        "not what a formula shows in place of one",
    ],
)
def test_the_names_that_stand_beside_ids_are_known(
    tmp_path: Path, journal: Journal, source: str, mapping: dict[str, object], known: list[str]
) -> None:
    path = tmp_path / "overrides.csv" if "user_id" in source else tmp_path / "rows.csv"
    path.write_text(source, encoding="utf-8")
    rules = load_mapping(mapping or None).rules
    loader = make_loader(journal, Settings(), rules, SilentObserver(), run="run")
    anyio.run(gather_sources, loader, expand_sources([path]), Settings(), anyio.Event())
    assert [f"{one.what} {one.id} {one.name}" for one in journal.known()] == known
    journal.add_known([KnownName("schedule", "s-1", "As Rootly lists it")], is_listed=True)
    assert KnownName("schedule", "s-1", "As Rootly lists it") in journal.known()


@pytest.mark.parametrize(
    ("given", "found", "told"),
    [
        (["b.csv", "a.csv"], ["b.csv", "a.csv"], []),
        (["rota/"], ["rota/A.CSV", "rota/b.xlsx"], ["hidden and", "neither a CSV", "folders are", "2 files"]),
        (["rota/*"], ["rota/A.CSV", "rota/b.xlsx", "rota/notes.md"], ["hidden and", "folders are", "3 files"]),
        (["rota/**/*.csv"], ["rota/old/c.csv"], ["hidden and temporary", "1 file"]),
        (["[x].csv", "-"], ["[x].csv", "-"], []),
        (["rota/b.xlsx", "rota/*.xlsx"], ["rota/b.xlsx"], ["hidden", "1 file", "given twice, and read once"]),
    ],
    ids=["files", "folder", "pattern", "folders within", "a file that looks like a pattern", "twice"],
)
def test_a_folder_or_a_pattern_stands_for_its_files_and_what_is_left_out_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], found: list[str], told: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("rota/A.CSV", "rota/b.xlsx", "rota/~$b.xlsx", "rota/.hidden.csv", "rota/notes.md", "rota/old/c.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "[x].csv").touch()
    expanded = expand_sources(given)
    assert list(expanded.sources) == found
    assert len(expanded.notices) == len(told)
    for notice, words in zip(expanded.notices, told, strict=True):
        assert words in notice.text


class Listener(SilentObserver):
    """Keeps how far reading has come."""

    def __init__(self) -> None:
        self.shares: list[float] = []

    def advanced(self, share: float) -> None:
        self.shares.append(share)


def test_reading_says_how_much_of_all_sources_it_has_read(tmp_path: Path) -> None:
    rows = "".join(f"PAGER_DUTY,P{number:06},{'note ' * 100}\n" for number in range(6000))
    (tmp_path / "a.csv").write_text(f"third_party_provider,remote_id,note\n{rows}")
    with xlsxwriter.Workbook(tmp_path / "b.xlsx", {"constant_memory": True}) as book:
        for name, count in (("one", 2001), ("two", 4001)):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["third_party_provider", "remote_id"])
            for number in range(1, count):
                sheet.write_row(number, 0, ["OPSGENIE", f"{name}{number}"])
    listener = Listener()
    sources = [tmp_path / "a.csv", tmp_path / "b.xlsx"]
    asyncio.run(importer.check(*sources, reports=tmp_path / "reports", observer=listener))
    assert listener.shares == sorted(listener.shares)
    assert len(set(listener.shares)) == 6  # chunks of 2,000 rows
    assert 0 < listener.shares[0] < 0.5
    in_workbook = [share - listener.shares[2] for share in listener.shares[3:]]
    assert in_workbook == pytest.approx([in_workbook[-1] / 3, in_workbook[-1] * 2 / 3, in_workbook[-1]], rel=0.01)
    assert listener.shares[-1] == 1


@pytest.mark.parametrize(
    ("formats", "warned"),
    [
        ({"Starts at": "yyyy-mm-dd", "Ends at": "yyyy-mm-dd"}, ["E2"]),
        ({"Starts at": "yyyy-mm-dd hh:mm", "Ends at": "d.m.yy"}, ["E2"]),
        ({"Starts at": "yyyy-mm-dd", "Ends at": "yyyy-mm-dd hh:mm"}, []),
        ({"Starts at": "yyyy-mm-dd hh:mm", "End date": "yyyy-mm-dd", "End time": "hh:mm"}, []),
    ],
)
def test_an_end_that_a_workbook_shows_without_a_time_is_reported(
    tmp_path: Path, formats: dict[str, str], warned: list[str]
) -> None:
    days = {"Starts at": 46447, "Ends at": 46454, "End date": 46454, "End time": 0.5}
    with xlsxwriter.Workbook(tmp_path / "rota.xlsx") as book:
        sheet = book.add_worksheet("shadows")
        sheet.write_row(0, 0, ["Schedule ID", "Shadowable ID", "Shadow user ID", *formats])
        sheet.write_row(1, 0, ["a56d5989-eb30-481b-b7ab-f424fa655cd5", "101", "112"])
        for column, (header, code) in enumerate(formats.items(), 3):
            sheet.write_number(1, column, days[header], book.add_format({"num_format": code}))
    reports = tmp_path / "reports"
    result = asyncio.run(importer.check(tmp_path / "rota.xlsx", timezone="Europe/Berlin", reports=reports))
    found = [finding.problem for _, finding in result.findings if "without a time" in finding.problem.message]
    assert [one.cell for one in found] == warned
    assert all(one.message.startswith('Ends at is "2027-03-08T00:00:00"') for one in found)
