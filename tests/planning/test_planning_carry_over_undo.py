"""What an undo does about each record of a run, by what is known of it."""

from __future__ import annotations

import pytest

from importer.journal.states import Entry, Joined, State
from importer.planning.carry_over import Done, plan_removal
from importer.records import Outcome, TargetName
from importer.statuses import Status

SHADOW = Entry(
    Status.CREATED,
    "shadow",
    TargetName.ROOTLY,
    "sched-1",
    ("sched-1", "User", "101", 102, 1_800_000_000, 1_800_028_800),
    outcome=Outcome(Status.CREATED, "id-1", 201, attempts=3, finished_at="2027-01-01T00:00:00Z", run="20270101-000000"),
)
SCHEDULE = SHADOW._replace(kind="schedule", target=TargetName.OPAL, scope="", key=("PAGER_DUTY", "P1"))


def done(state: State | Status) -> Done:
    outcome = Outcome(state if isinstance(state, Status) else Status.UNKNOWN, "id-1", run="20270102-000000-undo")
    return {(TargetName.ROOTLY, "id-1"): SHADOW._replace(state=state, outcome=outcome)}


def test_what_was_created_is_deleted_by_its_id() -> None:
    planned = plan_removal(SHADOW, "20270101-000000", {})
    assert (planned.state, planned.scope, planned.key) == (State.PLANNED, "id-1", SHADOW.key)
    assert planned.outcome == Outcome(Status.PENDING, "id-1")


def test_a_schedule_of_opal_is_listed_with_its_id() -> None:
    planned = plan_removal(SCHEDULE, "20270101-000000", {})
    assert planned.state is Status.MANUAL
    assert planned.outcome.id == "id-1"
    assert "id-1" in planned.outcome.hint


def test_a_schedule_that_is_still_in_groups_is_planned_to_be_taken_out_of_them() -> None:
    planned = plan_removal(SCHEDULE, "20270101-000000", {}, Joined(added=("group-a", "group-b")))
    assert (planned.state, planned.was, planned.leaving) == (State.PLANNED, Status.MANUAL, ("group-a", "group-b"))
    assert planned.outcome == Outcome(Status.PENDING, "id-1")


@pytest.mark.parametrize(
    "there",
    [
        SCHEDULE._replace(state=Status.EXISTS),
        SCHEDULE._replace(outcome=SCHEDULE.outcome._replace(run="an-earlier-run")),
        SCHEDULE._replace(state=Status.UNKNOWN, was=Status.EXISTS),
    ],
    ids=["exists", "created by an earlier run", "exists, and perhaps in its group"],
)
def test_a_schedule_that_was_there_before_is_only_taken_out_of_its_groups(there: Entry) -> None:
    planned = plan_removal(there, "20270101-000000", {}, Joined(added=("group-a",)))
    assert (planned.state, planned.was, planned.leaving) == (State.PLANNED, Status.DELETED, ("group-a",))
    done = plan_removal(there, "20270101-000000", {}, Joined(removed=("group-a",)))
    assert done.state is Status.DELETED
    assert "stays; it was taken out of group group-a" in done.outcome.error


@pytest.mark.parametrize("state", [State.UNBOUND, Status.FAILED, Status.REJECTED, Status.UNKNOWN, Status.PENDING])
def test_a_created_schedule_that_did_not_come_into_its_groups_is_listed(state: State | Status) -> None:
    left = SCHEDULE._replace(state=state, was=Status.CREATED)
    assert plan_removal(left, "20270101-000000", {}).state is Status.MANUAL


def test_an_id_that_cannot_stand_in_a_url_is_never_put_into_one() -> None:
    odd = SHADOW._replace(outcome=SHADOW.outcome._replace(id="../../users"))
    assert plan_removal(odd, "20270101-000000", {}).state is Status.MANUAL


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (Status.DELETED, Status.DELETED),
        (Status.GONE, Status.GONE),
        (Status.CUT, Status.CUT),
        (Status.CHANGED, State.PLANNED),
        (Status.KEPT, State.PLANNED),
        (Status.FAILED, State.PLANNED),
        (State.PLANNED, State.PLANNED),
        (State.SENDING, State.IN_DOUBT),
        (State.IN_DOUBT, State.IN_DOUBT),
        (Status.UNKNOWN, State.IN_DOUBT),
    ],
)
def test_what_an_earlier_undo_did_is_not_done_again(before: State | Status, now: State | Status) -> None:
    planned = plan_removal(SHADOW, "20270101-000000", done(before))
    assert planned.state is now
    if isinstance(now, Status):
        assert planned.outcome.run == "20270102-000000-undo"


@pytest.mark.parametrize("state", [State.SENDING, State.IN_DOUBT, Status.UNKNOWN])
def test_what_may_have_been_created_is_named_and_left(state: State | Status) -> None:
    planned = plan_removal(SHADOW._replace(state=state, outcome=Outcome(Status.UNKNOWN)), "20270101-000000", {})
    assert planned.state is Status.UNKNOWN
    assert "20270101-000000" in planned.outcome.error
    assert planned.outcome.hint == "Undo again: the target is asked first."
    answered = SHADOW._replace(state=state, outcome=Outcome(Status.UNKNOWN, "id-9"))
    assert "Look at id-9" in plan_removal(answered, "20270101-000000", {}).outcome.hint
