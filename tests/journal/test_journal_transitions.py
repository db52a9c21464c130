"""Each step of a record: from planned to sending, in doubt and decided; what exists; what stays unsent and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from importer.journal.run_folder import create_run, open_run, open_scratch
from importer.journal.run_info import RunStage
from importer.journal.states import Change, Claimed, Entry, State
from importer.records import Outcome, Row, Scope, Sheet
from importer.statuses import Status

from .planning import OPAL, ROOTLY, add, ids, nth, outcomes, plan, schedule, shadow, states

if TYPE_CHECKING:
    from pathlib import Path

    from importer.journal.journal import Journal

DECIDED = Outcome(
    Status.REJECTED,
    id="",
    http_status=422,
    error="no seat",
    cell="B7",
    hint="mend the row, then rerun",
    attempts=3,
    finished_at="2026-01-01T00:00:00Z",
    run="a-run",
)
EVERYTHING = Scope("schedule", "")
EXISTS = Outcome(Status.EXISTS, finished_at="2026-01-01T00:00:00Z", run="a-run")


# ---- claiming


def test_records_are_claimed_in_the_order_of_the_source_and_are_on_disk_as_sending(journal: Journal) -> None:
    plan(journal, *(schedule(f"P{number}") for number in range(5)))
    first = journal.claim(OPAL, 0, 3)
    assert first == [
        Claimed(nth(number + 1), ("PAGER_DUTY", f"P{number}"), Scope("schedule", ""), 0) for number in range(3)
    ]
    assert states(journal) == ["sending"] * 3 + ["planned"] * 2
    assert [claimed.id for claimed in journal.claim(OPAL, first[-1].id, 3)] == [nth(4), nth(5)]
    assert journal.claim(OPAL, nth(5), 3) == []


def test_only_records_of_the_target_that_asks_are_claimed(journal: Journal) -> None:
    plan(journal, schedule("P1"), shadow("s", 1), schedule("P2"))
    assert [claimed.id for claimed in journal.claim(ROOTLY, 0, 10)] == [nth(2)]
    assert states(journal) == ["planned", "sending", "planned"]


def test_a_record_behind_which_the_claims_have_gone_on_is_not_claimed_again_in_this_run(journal: Journal) -> None:
    plan(journal, schedule("P1"), schedule("P2"))
    (record,) = journal.claim(OPAL, 0, 1)
    journal.change([Change(record.id, State.PLANNED, Outcome(Status.PENDING, attempts=1))])
    assert [claimed.id for claimed in journal.claim(OPAL, record.id, 10)] == [nth(2)]


def test_a_claim_commits_outcomes_with_it(journal: Journal) -> None:
    plan(journal, schedule("P1"), schedule("P2"))
    journal.claim(OPAL, 0, 1)
    journal.claim(OPAL, nth(1), 1, [Change(nth(1), Status.REJECTED, DECIDED)])
    assert states(journal) == ["rejected", "sending"]


def test_only_planned_records_can_be_claimed(journal: Journal) -> None:
    plan(
        journal,
        schedule("P1", State.SENDING),
        schedule("P2", State.IN_DOUBT),
        *(schedule(f"Q-{status}", status) for status in Status if status is not Status.PENDING),
    )
    assert journal.claim(OPAL, 0, 100) == []


# ---- deciding


@pytest.mark.parametrize("status", [status for status in Status if status not in (Status.PENDING, Status.DUPLICATE)])
def test_a_decision_keeps_everything_that_the_report_says(journal: Journal, status: Status) -> None:
    plan(journal, schedule("P1"))
    journal.claim(OPAL, 0, 1)
    decided = DECIDED._replace(status=status, id="id-1")
    journal.change([Change(nth(1), status, decided)])
    assert outcomes(journal) == [decided]
    assert journal.open_targets() == {}


def test_until_it_is_decided_a_record_is_pending_or_unknown_in_the_report(journal: Journal) -> None:
    plan(journal, schedule("P1"), schedule("P2", State.SENDING), schedule("P3", State.IN_DOUBT))
    assert [outcome.status for outcome in outcomes(journal)] == [Status.PENDING, Status.UNKNOWN, Status.UNKNOWN]
    assert journal.open_targets() == {OPAL: 3}


def test_a_record_in_doubt_can_be_proved_absent_and_sent_again(journal: Journal) -> None:
    plan(journal, schedule("P1"))
    for state in (State.IN_DOUBT, State.PLANNED):
        journal.change([Change(nth(1), state, Outcome(Status.UNKNOWN, error="reset", attempts=1))])
    (record,) = journal.claim(OPAL, 0, 1)
    assert record.attempts == 1


def test_what_was_sent_without_an_outcome_is_in_doubt(journal: Journal) -> None:
    plan(journal, schedule("P1"), schedule("P2"), schedule("P3"), shadow("s", 1))
    journal.claim(OPAL, 0, 1)
    journal.change([Change(nth(2), State.IN_DOUBT, Outcome(Status.UNKNOWN, attempts=2))])
    journal.claim(ROOTLY, 0, 1)
    assert [(record.id, record.attempts) for record in journal.in_doubt(OPAL)] == [(nth(1), 0), (nth(2), 2)]
    assert [record.scope for record in journal.in_doubt(ROOTLY)] == [Scope("shadow", "s")]


def test_a_transition_that_fails_half_way_leaves_nothing_behind(journal: Journal) -> None:
    plan(journal, schedule("P1"), schedule("P2"))
    spoiled = Change(nth(2), Status.CREATED, Outcome(Status.CREATED, id=object()))  # type: ignore[arg-type]  # on purpose
    with pytest.raises(Exception, match=r"."):
        journal.change([Change(nth(1), Status.REJECTED, DECIDED), spoiled])
    assert states(journal) == ["planned", "planned"]
    journal.change([Change(nth(1), Status.REJECTED, DECIDED)])
    assert states(journal) == ["rejected", "planned"]


# ---- what exists already


def test_what_the_target_has_exists_where_it_was_planned_and_was_created_where_it_was_in_doubt(
    journal: Journal,
) -> None:
    entries = [schedule("P1"), schedule("P2", State.SENDING), schedule("P3", State.IN_DOUBT), schedule("P4")]
    plan(journal, *entries, schedule("P5", Status.REJECTED))
    found = [(("PAGER_DUTY", f"P{number}"), f"id-{number}") for number in (1, 2, 3, 5, 6)]
    assert journal.find("schedule", found, EXISTS) == (1, 2)
    assert states(journal) == ["exists", "created", "created", "planned", "rejected"]
    assert ids(journal) == ["id-1", "id-2", "id-3", "", ""]
    assert [outcome.run for outcome in outcomes(journal)] == ["a-run"] * 5


def test_an_object_that_is_listed_twice_counts_once_and_its_first_id_stays(journal: Journal) -> None:
    plan(journal, schedule("P1"))
    assert journal.find("schedule", [(("PAGER_DUTY", "P1"), "first"), (("PAGER_DUTY", "P1"), "second")], EXISTS) == (
        1,
        0,
    )
    assert journal.find("schedule", [(("PAGER_DUTY", "P1"), "third")], EXISTS) == (0, 0)
    assert ids(journal) == ["first"]


def test_where_existing_records_shall_fail_they_are_rejected_with_words_and_still_have_the_id(journal: Journal) -> None:
    plan(journal, schedule("P1"), schedule("P2", State.IN_DOUBT))
    refusal = Outcome(Status.REJECTED, error="exists already", hint="take the row out", run="a-run")
    journal.find("schedule", [(("PAGER_DUTY", "P1"), "id-1"), (("PAGER_DUTY", "P2"), "id-2")], refusal)
    first, second = outcomes(journal)
    assert (first.status, first.id, first.error) == (Status.REJECTED, "id-1", "exists already")
    assert (second.status, second.id, second.error) == (Status.CREATED, "id-2", "")


def test_an_empty_list_finds_nothing(journal: Journal) -> None:
    plan(journal, schedule("P1"))
    assert journal.find("schedule", [], EXISTS) == (0, 0)


def test_the_scopes_to_ask_about_are_those_with_open_records(journal: Journal) -> None:
    plan(
        journal,
        shadow("b", 1),
        shadow("a", 1, State.IN_DOUBT),
        shadow("b", 2, State.SENDING),
        shadow("c", 1, Status.CREATED),
        schedule("P1"),
    )
    assert journal.scopes(ROOTLY) == [Scope("shadow", "a"), Scope("shadow", "b")]
    assert journal.scopes(OPAL) == [Scope("schedule", "")]


def test_a_scope_is_closed_for_its_planned_records_alone(journal: Journal) -> None:
    plan(
        journal,
        shadow("a", 1),
        shadow("a", 2, State.IN_DOUBT),
        shadow("b", 1),
        shadow("a", 3, Status.CREATED),
        schedule("P1"),
    )
    assert journal.close_scope(ROOTLY, Scope("shadow", "a"), DECIDED) == 1
    assert states(journal) == ["rejected", "in_doubt", "planned", "created", "planned"]
    closed = outcomes(journal)[0]
    assert (closed.http_status, closed.error, closed.hint) == (422, "no seat", "mend the row, then rerun")


def test_a_key_is_known_whatever_became_of_its_record(journal: Journal) -> None:
    plan(journal, schedule("P1", Status.CREATED))
    assert journal.has_key("schedule", ("PAGER_DUTY", "P1"))
    assert not journal.has_key("schedule", ("PAGER_DUTY", "P2"))
    assert not journal.has_key("schedule", ("OPSGENIE", "P1"))


def test_why_records_stay_unsent_is_said_once_and_only_of_those(journal: Journal) -> None:
    plan(journal, schedule("P1"), schedule("P2"), shadow("s", 1), schedule("P3", State.IN_DOUBT))
    journal.change([Change(nth(2), State.PLANNED, Outcome(Status.PENDING, error="503", attempts=1))])
    journal.explain_planned(OPAL, "the target did not come back", "rerun")
    journal.explain_planned(OPAL, "another reason", "another hint")
    assert [(outcome.error, outcome.hint) for outcome in outcomes(journal)] == [
        ("the target did not come back", "rerun"),
        ("503", ""),
        ("", ""),
        ("", ""),
    ]


# ---- looking


def test_records_are_counted_by_target_and_by_what_the_report_calls_them(journal: Journal) -> None:
    invalid = Entry(Status.INVALID, outcome=Outcome(Status.INVALID, error="no kind"))
    plan(
        journal,
        schedule("P1"),
        schedule("P2", State.SENDING),
        schedule("P3", State.IN_DOUBT),
        schedule("P4", Status.UNKNOWN),
        schedule("P5", Status.CREATED),
        shadow("s", 1, Status.CREATED),
        invalid,
    )
    assert journal.counts() == {
        ("opal", Status.PENDING): 1,
        ("opal", Status.UNKNOWN): 3,
        ("opal", Status.CREATED): 1,
        ("rootly", Status.CREATED): 1,
        ("", Status.INVALID): 1,
    }
    assert journal.count_rows() == 7


def test_a_row_that_makes_several_records_has_a_line_for_each(journal: Journal) -> None:
    sheet = journal.add_sheet(Sheet("a.csv", "a", ("x",), (0,)))
    entries = [shadow("s", number)._replace(part=f"{number}/3") for number in (1, 2, 3)]
    journal.add_rows([(sheet, Row(2, ("x",)), entries), (sheet, Row(5, ("y",)), [shadow("s", 9)])])
    journal.finish_reading()
    lines = list(journal.lines())
    assert [(line.row, line.part, line.cells) for line in lines] == [
        (2, "1/3", ("x",)),
        (2, "2/3", ("x",)),
        (2, "3/3", ("x",)),
        (5, "", ("y",)),
    ]
    assert {line.kind for line in lines} == {"shadow"}
    assert journal.count_rows() == 2


def test_what_is_known_of_a_run_comes_back_typed_and_the_latest_counts(journal: Journal) -> None:
    journal.change_info(stage=RunStage.READING, arguments=["a.csv", "b.csv"], options={"strict": True}, is_sandbox=True)
    journal.change_info(arguments=["c.csv"], base_urls={OPAL: "https://opal.example/v1"})
    info = journal.info()
    assert (info.run, info.arguments, info.options, info.is_sandbox) == ("a-run", ("c.csv",), {"strict": True}, True)
    assert (info.stage, info.was_read, info.base_urls) == ("reading", False, {"opal": "https://opal.example/v1"})
    journal.finish_reading()
    assert journal.info().was_read
    with pytest.raises(ValueError, match="a run has no colour"):
        journal.change_info(colour="red")


def test_sources_and_sheets_come_back_as_they_were_read(journal: Journal) -> None:
    journal.add_source("a.csv", "/home/a.csv", "abc")
    journal.add_source("-", "", "def")
    sheet = Sheet("a.csv", "Schichten 日本", ("ID", "", "ID", "Näme"), (0, 1, 2, 5))
    assert journal.add_sheet(sheet, ["Näme"]) == 0
    assert journal.add_sheet(Sheet("-", "-", (), ())) == 1
    assert journal.sources() == [("a.csv", "/home/a.csv", "abc"), ("-", "", "def")]
    assert journal.sheets() == [sheet, Sheet("-", "-", (), ())]
    assert journal.not_used() == [(sheet, ("Näme",)), (Sheet("-", "-", (), ()), ())]


def test_a_journal_opened_again_says_the_same_and_takes_more(tmp_path: Path) -> None:
    with create_run(tmp_path, "a-run") as folder:
        plan(folder.journal, schedule("P1"), schedule("P1"), shadow("s", 1, State.IN_DOUBT))
        folder.journal.claim(OPAL, 0, 1)
        lines, entries = list(folder.journal.lines()), list(folder.journal.entries())
    with open_run(tmp_path / "a-run") as folder:
        assert list(folder.journal.lines()) == lines
        assert list(folder.journal.entries()) == entries
        add(folder.journal, schedule("P9"), name="b")
        assert [line.row for line in folder.journal.lines()] == [2, 3, 4, 2]


def test_a_scratch_journal_is_a_journal_like_any_other() -> None:
    with open_scratch() as journal:
        plan(journal, schedule("P1"), schedule("P1"))
        assert states(journal) == ["planned", "duplicate"]
        assert journal.find("schedule", [(("PAGER_DUTY", "P1"), "id")], EXISTS) == (1, 0)
