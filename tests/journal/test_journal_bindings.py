"""Which groups records belong into: on disk before anything is sent, and a success only when all of it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from importer.journal.journal import Journal
from importer.journal.run_folder import create_run, open_run
from importer.journal.states import BindingState, Change, Joined, Leaving, State, Unbound
from importer.records import Outcome
from importer.statuses import Status

from .planning import OPAL, nth, outcomes, plan, schedule, states

if TYPE_CHECKING:
    from pathlib import Path

    from importer.journal.states import Entry

A, B = "group-a", "group-b"
NOW = "2027-01-01T00:00:00Z"


def member(remote_id: str, *groups: str, state: State | Status | None = None, id_: str = "") -> Entry:
    entry = schedule(remote_id, id=id_) if state is None else schedule(remote_id, state, id=id_)
    return entry._replace(groups=groups)


def create(journal: Journal, *records: int) -> None:
    journal.change(
        [Change(nth(one), Status.CREATED, Outcome(Status.CREATED, id=f"id-{one}", attempts=1)) for one in records]
    )


def joined(journal: Journal) -> dict[str, Joined]:
    """Give what a run that calls itself so has added to groups, by the ids that the target gave."""
    return {entry.outcome.id: groups for _, _, entry, groups in journal.created_by("") if groups != Joined()}


def test_what_was_created_is_no_success_before_it_is_in_all_of_its_groups(journal: Journal) -> None:
    plan(journal, member("P1", A, B), member("P2"))
    assert journal.count_bindings() == (1, 2)
    journal.claim(OPAL, 0, 10)
    create(journal, 1, 2)
    assert states(journal) == ["unbound", "created"]
    assert [(one.status, one.id) for one in outcomes(journal)] == [("pending", "id-1"), ("created", "id-2")]
    assert journal.open_targets() == {OPAL: 1}
    assert journal.unbound(OPAL) == {A: [Unbound(nth(1), "id-1")], B: [Unbound(nth(1), "id-1")]}
    assert journal.finish_bindings(A, {nth(1): BindingState.THERE}, NOW) == {}
    assert journal.finish_bindings(B, {nth(1): BindingState.ADDED}, NOW) == {nth(1): Status.CREATED}
    assert states(journal) == ["created", "created"]
    assert joined(journal) == {"id-1": Joined(added=(B,))}


@pytest.mark.parametrize("is_claiming", [True, False])
def test_a_success_that_is_committed_beside_a_claim_is_held_too(journal: Journal, is_claiming: bool) -> None:
    plan(journal, member("P1", A), member("P2", A))
    journal.claim(OPAL, 0, 1)
    change = Change(nth(1), Status.CREATED, Outcome(Status.CREATED, id="id-1"))
    if is_claiming:
        journal.claim(OPAL, nth(1), 1, [change])
    else:
        journal.change([change])
    assert states(journal)[0] == "unbound"


def test_what_exists_is_held_and_becomes_exists(journal: Journal) -> None:
    plan(journal, member("P1", A))
    journal.find("schedule", [(("PAGER_DUTY", "P1"), "id-1")], Outcome(Status.EXISTS))
    assert states(journal) == ["unbound"]
    assert journal.finish_bindings(A, {nth(1): BindingState.THERE}, NOW) == {nth(1): Status.EXISTS}
    assert joined(journal) == {}


def test_the_groups_of_a_duplicate_are_those_of_the_first(journal: Journal) -> None:
    plan(journal, member("P1", A), member("P1", B), member("P1", A))
    assert states(journal) == ["planned", "duplicate", "duplicate"]
    assert journal.count_bindings() == (1, 2)


def test_a_duplicate_of_a_success_brings_it_into_its_group(journal: Journal) -> None:
    plan(journal, member("P1", B), member("P1", state=Status.CREATED, id_="id-2"))
    assert states(journal) == ["duplicate", "unbound"]


def test_what_was_on_its_way_into_a_group_when_the_process_died_is_known_to_the_next(tmp_path: Path) -> None:
    with create_run(tmp_path, "a-run") as folder:
        plan(folder.journal, member("P1", A), member("P2", A))
        folder.journal.claim(OPAL, 0, 10)
        create(folder.journal, 1, 2)
        folder.journal.set_bindings(A, {nth(1): BindingState.ADDING})
    with open_run(folder.path) as again:
        entries = [entry for _, _, entry in again.journal.entries()]
        assert [(one.state, one.was, one.groups, one.bound) for one in entries] == [
            ("unbound", Status.CREATED, (A,), ())
        ] * 2
        assert joined(again.journal)["id-1"] == Joined(added=(A,))  # perhaps; undo looks first
        again.journal.remove_bindings({A: ["id-1", "id-2"]})
        assert again.journal.removed_bindings() == {A: ["id-1"]}
        assert joined(again.journal)["id-1"] == Joined(removed=(A,))
        bound = {entry.outcome.id: entry.bound for _, _, entry in again.journal.entries()}
        assert bound == {"id-1": (A,), "id-2": ()}  # a rerun does not add it again


def test_what_may_have_been_added_and_was_not_seen_since_is_unknown(journal: Journal) -> None:
    plan(journal, member("P1", A), member("P2", A))
    journal.claim(OPAL, 0, 10)
    create(journal, 1, 2)
    journal.set_bindings(A, {nth(1): BindingState.ADDING})
    journal.doubt_adding(OPAL, Outcome(Status.UNKNOWN, error="reset", hint="Rerun."))
    journal.explain_planned(OPAL, "not attempted: interrupted", "rerun to go on")
    first, second = outcomes(journal)
    assert (first.status, first.id, first.hint, "reset" in first.error) == ("unknown", "id-1", "Rerun.", True)
    assert (second.status, second.id, second.hint) == ("pending", "id-2", "rerun to go on")
    assert "not in its group" in second.error
    assert second.error.endswith("not attempted: interrupted")


def test_a_refusal_keeps_the_id_and_what_the_record_is(journal: Journal) -> None:
    plan(journal, member("P1", A))
    journal.claim(OPAL, 0, 10)
    create(journal, 1)
    refused = Outcome(Status.REJECTED, http_status=404, error="no such group", hint="mend it", finished_at=NOW)
    journal.leave_unbound([(nth(1), refused)])
    ((_, _, entry),) = journal.entries()
    assert (entry.state, entry.was, entry.outcome.id) == (Status.REJECTED, Status.CREATED, "id-1")
    assert entry.key == ("PAGER_DUTY", "P1")


def test_a_created_schedule_that_did_not_come_into_its_group_is_created_all_the_same(journal: Journal) -> None:
    plan(journal, member("P1", A))
    journal.claim(OPAL, 0, 10)
    create(journal, 1)
    journal.leave_unbound([(nth(1), Outcome(Status.FAILED, error="no answer"))])
    ((_, _, entry, groups),) = journal.created_by("")
    assert (entry.was, entry.outcome.id, groups) == (Status.CREATED, "id-1", Joined())


def test_an_undo_knows_what_it_takes_out_and_counts_what_is_left_by_hand(journal: Journal) -> None:
    leaving = [
        schedule("P1", State.PLANNED, id="id-1")._replace(was=Status.MANUAL, leaving=(A, B)),
        schedule("P2", State.PLANNED, id="id-2")._replace(was=Status.DELETED, leaving=(A,)),
    ]
    plan(journal, *leaving, schedule("P3", Status.MANUAL, id="id-3"))
    assert journal.count_leaving() == {OPAL: (2, 2, 1)}
    assert journal.open_targets() == {OPAL: 2}
    first, second = (
        Leaving(nth(1), "id-1", Status.MANUAL, "schedule"),
        Leaving(nth(2), "id-2", Status.DELETED, "schedule"),
    )
    assert journal.leaving(OPAL) == {A: [first, second], B: [first]}
    journal.set_bindings(A, dict.fromkeys([nth(1), nth(2)], BindingState.REMOVED))
    assert journal.leaving(OPAL) == {B: [first]}
    assert journal.removed_bindings() == {A: ["id-1", "id-2"]}
