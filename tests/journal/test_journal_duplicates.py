"""Two rows that are the same record: one of them counts, and never can both be on their way."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.journal.run_folder import open_scratch
from importer.journal.states import Change, Entry, State
from importer.records import Outcome, Row, Severity, Sheet, TargetName
from importer.statuses import Status

from .planning import OPAL, add, nth, outcomes, plan, schedule, shadow, states

if TYPE_CHECKING:
    from importer.journal.journal import Journal

OPEN = {State.PLANNED, State.SENDING, State.IN_DOUBT}


def test_of_equal_records_the_first_in_the_source_counts_and_the_others_name_its_row(journal: Journal) -> None:
    plan(journal, schedule("P1"), schedule("P2"), schedule("P1"), schedule("P1"))
    assert states(journal) == ["planned", "planned", "duplicate", "duplicate"]
    assert [outcome.error for outcome in outcomes(journal)] == ["", "", *["the same record as row 2"] * 2]


def test_a_duplicate_in_another_sheet_names_the_sheet(journal: Journal) -> None:
    add(journal, schedule("P1"), name="first")
    add(journal, schedule("P2"), schedule("P1"), name="second")
    journal.finish_reading()
    assert outcomes(journal)[2].error == "the same record as row 2 of sheet first in first.csv"


@pytest.mark.parametrize("severity", [Severity.WARNING, Severity.PROBLEM])
def test_of_records_that_overlap_each_is_told_once_and_as_a_problem_becomes_invalid_unless_it_was_sent(
    journal: Journal, severity: Severity
) -> None:
    add(journal, schedule("P1"), name="first")
    add(journal, schedule("P2"), schedule("P3", State.IN_DOUBT), name="second")
    journal.finish_reading()
    pairs = [(nth(3), nth(2)), (nth(2), nth(1)), (nth(2), nth(3))]
    noted = journal.note_overlaps(pairs, "it overlaps {other}", severity, "overlap", "Mend it.", "a-run")
    assert list(noted) == [("second.csv", 2), ("second.csv", 3)]
    assert [(one.severity, one.row.number, one.problem.message) for one in journal.findings()] == [
        (severity, 2, "it overlaps the one of row 2 of sheet first in first.csv"),
        (severity, 3, "it overlaps the one of row 2"),
    ]
    is_problem = severity is Severity.PROBLEM
    assert states(journal) == ["planned", "invalid" if is_problem else "planned", "in_doubt"]
    assert outcomes(journal)[1].error == (
        "it overlaps the one of row 2 of sheet first in first.csv" if is_problem else ""
    )


def test_a_row_of_which_several_parts_overlap_the_same_row_is_told_once(journal: Journal) -> None:
    sheet = journal.add_sheet(Sheet("a.csv", "a", ("id",), (0,)))
    entries = [shadow("s", user) for user in range(4)]
    journal.add_rows([(sheet, Row(2, ("every day",)), entries[:2]), (sheet, Row(3, ("every day",)), entries[2:])])
    journal.finish_reading()
    pairs = [(nth(2), nth(1)), (nth(2) + 1, nth(1) + 1)]
    noted = journal.note_overlaps(pairs, "it overlaps {other}", Severity.PROBLEM, "overlap", "Correct it.", "a-run")
    assert list(noted) == [("a.csv", 3)]
    assert [one.problem.message for one in journal.findings()] == ["it overlaps the one of row 2"]
    assert states(journal) == ["planned", "planned", "invalid", "invalid"]


def test_a_line_that_claims_the_same_success_again_is_a_duplicate(journal: Journal) -> None:
    """It was counted twice where a report without its journal was pasted below itself."""
    claim = schedule("P1", State.REPORTED, id="id-1", hint="Rerun.")._replace(was=Status.CREATED)
    plan(journal, claim, claim)
    assert states(journal) == ["reported", "duplicate"]
    assert outcomes(journal)[1].hint == ""


def test_a_duplicate_shows_the_id_of_the_record_that_counts(journal: Journal) -> None:
    plan(journal, schedule("P1"), schedule("P1"))
    journal.change([Change(nth(1), Status.CREATED, Outcome(Status.CREATED, id="id-1"))])
    assert [outcome.id for outcome in outcomes(journal)] == ["id-1", "id-1"]


@pytest.mark.parametrize("known", [Status.CREATED, Status.EXISTS])
@pytest.mark.parametrize("open_state", [State.PLANNED, State.SENDING, State.IN_DOUBT])
def test_one_that_succeeded_in_an_earlier_run_wins_over_any_that_is_open(
    journal: Journal, known: Status, open_state: State
) -> None:
    plan(journal, schedule("P1", open_state), schedule("P1", known, id="id-1"), schedule("P1"))
    assert states(journal) == ["duplicate", str(known), "duplicate"]
    assert {outcome.id for outcome in outcomes(journal)} == {"id-1"}


@pytest.mark.parametrize("doubtful", [State.SENDING, State.IN_DOUBT])
def test_what_may_have_been_sent_for_a_duplicate_is_asked_about_before_the_first_is_sent(
    journal: Journal, doubtful: State
) -> None:
    plan(journal, schedule("P1"), schedule("P1", doubtful))
    assert states(journal) == ["in_doubt", "duplicate"]
    assert journal.claim(OPAL, 0, 10) == []


def test_a_line_that_was_copied_with_its_id_and_changed_is_no_success(journal: Journal) -> None:
    """Which of the two is the copy, only its author knows."""
    copied = [schedule(name, Status.CREATED, id="id-1") for name in ("P1", "P2")]
    plan(journal, *copied, schedule("P3", Status.CREATED, id="id-3"))
    assert states(journal) == ["invalid", "invalid", "created"]
    assert "id-1" in outcomes(journal)[0].error


def test_records_of_different_kinds_schedules_or_providers_are_no_duplicates(journal: Journal) -> None:
    other = Entry(State.PLANNED, "schedule", OPAL, "", ("OPSGENIE", "P1"))
    plan(journal, schedule("P1"), other, shadow("s", 1), shadow("s", 2), shadow("t", 1))
    assert states(journal) == ["planned"] * 5


def test_rows_that_are_no_records_are_no_duplicates_of_each_other(journal: Journal) -> None:
    plan(journal, *[Entry(Status.INVALID, outcome=Outcome(Status.INVALID))] * 3)
    assert states(journal) == ["invalid"] * 3


def test_several_that_succeeded_all_stay_what_they_are(journal: Journal) -> None:
    plan(journal, schedule("P1", Status.CREATED, id="a"), schedule("P1", Status.EXISTS, id="a"))
    assert states(journal) == ["created", "exists"]


ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(["P1", "P2", "P3"]),
        st.sampled_from(
            [
                State.PLANNED,
                State.SENDING,
                State.IN_DOUBT,
                Status.CREATED,
                Status.EXISTS,
                Status.INVALID,
                Status.REJECTED,
            ]
        ),
    ),
    max_size=12,
)


@given(ENTRIES)
def test_no_two_records_with_the_same_key_are_ever_open_and_none_beside_a_success(
    made: list[tuple[str, State | Status]],
) -> None:
    with open_scratch() as journal:
        sheet = journal.add_sheet(Sheet("a", "a", ("id",), (0,)))
        journal.add_rows([(sheet, Row(number, ("x",)), [schedule(*one)]) for number, one in enumerate(made, 2)])
        journal.finish_reading()
        after = [(entry.key, entry.state) for _, _, entry in journal.entries()]
        claimed = [record.key for record in journal.claim(TargetName.OPAL, 0, 100)]
    open_keys = Counter(key for key, state in after if state in OPEN)
    done = {key for key, state in after if state in (Status.CREATED, Status.EXISTS)}
    assert all(number == 1 for number in open_keys.values())
    assert not done & open_keys.keys()
    assert len(claimed) == len(set(claimed))
    assert {key for key, _ in after} == {("PAGER_DUTY", name) for name, _ in made}
    assert all(
        now == before
        or (now is Status.DUPLICATE and before in OPEN)
        or (now is State.IN_DOUBT and before is State.PLANNED)  # it took the doubt over from a duplicate
        for (_, now), (_, before) in zip(after, made, strict=True)
    )


def test_doubt_is_passed_on_also_from_a_record_of_which_nothing_else_is_known(journal: Journal) -> None:
    """Else the first of the two would be sent without a question, and it may be there already."""
    plan(journal, shadow("s", 1), shadow("s", 1, State.IN_DOUBT))
    assert states(journal) == ["in_doubt", "duplicate"]
