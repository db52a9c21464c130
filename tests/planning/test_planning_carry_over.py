"""What an earlier run left of a row decides what a rerun does with it: keep, ask, send, or refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from importer.journal.states import Entry, State
from importer.normalizer.mapping import make_rules
from importer.normalizer.references import Directory, References
from importer.normalizer.row import Normalizer
from importer.planning.carry_over import carry_row, carry_unresolved, plan_row
from importer.records import Outcome, Problem, Row, Sheet, TargetName
from importer.statuses import Status
from importer.targets.target import DirectoryEntry

if TYPE_CHECKING:
    from importer.normalizer.row import Normalized
    from importer.records import Key

HEADER = ("schedule_id", "shadowable_id", "shadow_user_id", "starts_at", "duration", "repeat", "timezone")
RUN = "this-run"
EARLIER = "earlier-run"
SENT: list[State | Status] = [Status.CREATED, Status.EXISTS, Status.UNKNOWN, State.SENDING, State.IN_DOUBT]
UNSENT: list[State | Status] = [
    Status.INVALID,
    Status.REJECTED,
    Status.FAILED,
    Status.PENDING,
    State.PLANNED,
    State.UNRESOLVED,
]
TAKEN = {Status.CREATED, Status.EXISTS}
DIRECTORY = Directory(
    [DirectoryEntry("112", "Lena Novák", "lena@x.example")], [DirectoryEntry("s-1", "Payments primary")]
)


def normalize(*cells: str, directory: Directory | None = None, problems: tuple[Problem, ...] = ()) -> Normalized:
    """Normalize a row; without a directory what it names waits."""
    rules = replace(make_rules(), references=References(directory))
    sheet = Sheet("plan.csv", "plan", HEADER, tuple(range(len(HEADER))))
    return Normalizer(sheet, rules).normalize(Row(2, cells, problems=problems), "shadow")


def plan(user: str = "112", repeat: str = "FREQ=WEEKLY;COUNT=3", *, directory: Directory | None = None) -> Normalized:
    return normalize("s-1", "101", user, "2027-05-03T09:00", "8h", repeat, "UTC", directory=directory)


def key(number: int = 1, user: int = 112) -> Key:
    """Give the key of a part of the plan."""
    start = 1809334800 + (number - 1) * 7 * 86400
    return ("s-1", "User", "101", user, start, start + 8 * 3600)


def left(state: State | Status, part: str = "2 of 3", known: Key | None = None) -> Entry:
    status = state if isinstance(state, Status) else Status.PENDING
    id_ = "id-2" if state in TAKEN else ""
    return Entry(state, "shadow", key=known, part=part, outcome=Outcome(status, id=id_, attempts=4, run=EARLIER))


def carry(normalized: Normalized, entry: Entry | None, *, is_unedited: bool = False) -> Entry:
    (carried,) = carry_row(normalized, entry, RUN, is_unedited=is_unedited)
    return carried


def test_a_row_of_several_shadows_is_planned_as_numbered_parts() -> None:
    entries = list(plan_row(plan(), RUN))
    assert [(one.state, one.part, one.key) for one in entries] == [
        (State.PLANNED, f"{number} of 3", key(number)) for number in (1, 2, 3)
    ]
    assert {one.scope for one in entries} == {"s-1"}
    assert {one.target for one in entries} == {TargetName.ROOTLY}


def test_a_row_of_one_shadow_has_no_part() -> None:
    (entry,) = plan_row(plan(repeat=""), RUN)
    assert entry.part == ""
    assert entry.key == key()


@pytest.mark.parametrize("state", UNSENT)
def test_a_part_that_was_not_sent_is_planned_alone(state: State | Status) -> None:
    """As itself, with its number of attempts, and none of its likes with it."""
    carried = carry(plan(), left(state))
    assert (carried.state, carried.part, carried.key) == (State.PLANNED, "2 of 3", key(2))
    assert carried.outcome.attempts == 4


@pytest.mark.parametrize("known", [None, key(2)], ids=["moved report", "beside its journal"])
@pytest.mark.parametrize("state", SENT)
def test_a_part_that_was_sent_is_kept_or_asked_about(state: State | Status, known: Key | None) -> None:
    """Never planned, whether its journal is there or not; a success counts at once only where a journal knows it."""
    carried = carry(plan(), left(state, known=known))
    assert (carried.part, carried.key, carried.scope) == ("2 of 3", key(2), "s-1")
    assert carried.state == ((state if known else State.REPORTED) if state in TAKEN else State.IN_DOUBT)
    assert carried.was == (state if carried.state is State.REPORTED else None)


@pytest.mark.parametrize("state", [*SENT, *UNSENT])
@pytest.mark.parametrize("part", ["2 of 3", "4 of 4", "0 of 3", "2 of 0", "4/4", "9" * 5000 + " of 3"])
def test_a_part_that_its_row_does_not_make_is_never_sent(state: State | Status, part: str) -> None:
    """It says so; what was or may have been taken keeps to that."""
    carried = carry(plan(repeat="FREQ=WEEKLY;COUNT=4") if part[0] != "4" else plan(), left(state, part))
    assert carried.state == (Status.UNKNOWN if state in SENT and state not in TAKEN else Status.INVALID)
    assert carried.part == part
    assert carried.outcome.error
    assert carried.outcome.hint


@pytest.mark.parametrize("part", ["02 of 03", "2/3", "02/03"])
def test_a_part_is_known_in_each_way_that_it_is_written(part: str) -> None:
    """A spreadsheet's number format can put zeros there, and 0.1.0 wrote `2/3`."""
    assert carry(plan(), left(Status.FAILED, part)).key == key(2)


def test_a_part_that_cannot_be_understood_is_no_crash() -> None:
    """`Feb 03` is what a spreadsheet makes of 2/3; reading has made a problem of it."""
    problem = Problem("import_part is odd", "put it back", cell="C2")
    wrong = normalize("s-1", "101", "112", "2027-05-03T09:00", "8h", "daily", "UTC", problems=(problem,))
    assert carry(wrong, left(Status.FAILED, "Feb 03")).state is Status.INVALID
    assert carry(wrong, left(Status.UNKNOWN, "Feb 03")).state is Status.UNKNOWN
    kept = carry(wrong, left(Status.CREATED, "Feb 03"))
    assert (kept.state, kept.outcome.id) == (Status.UNKNOWN, "id-2")


def test_a_created_row_that_repeats_now_is_told_apart_from_what_was_created() -> None:
    """The shadows that were added by hand are not passed over, and not sent under the one's line."""
    entry = carry(plan(), left(Status.CREATED, "", key()))
    assert entry.state is Status.INVALID
    assert "id-2" in entry.outcome.error


def test_lines_whose_column_of_parts_was_deleted_are_not_sent_again() -> None:
    """Nothing says any more which shadow a line is, and so nobody can ask about it: it says what is missing."""
    for state in (Status.CREATED, Status.UNKNOWN):
        doubt = carry(plan(), left(state, ""))
        assert doubt.state is Status.UNKNOWN
        assert "import_part" in doubt.outcome.hint


def test_a_row_that_was_one_line_and_makes_three_now_is_planned_whole() -> None:
    """It was invalid, or waited for names, and has been mended."""
    for state in UNSENT:
        assert [one.part for one in carry_row(plan(), left(state, ""), RUN)] == ["1 of 3", "2 of 3", "3 of 3"]


@pytest.mark.parametrize("part", ["2 of 3", ""])
@pytest.mark.parametrize("state", [*SENT, *UNSENT, Status.DUPLICATE])
def test_a_line_that_names_people_waits_and_nothing_is_forgotten_meanwhile(state: State | Status, part: str) -> None:
    """What the earlier run left of it stands beside it until the ids are known."""
    waiting = carry(plan("Lena Novák"), left(state, part, key(2)))
    assert (waiting.state, waiting.was, waiting.part, waiting.key) == (State.UNRESOLVED, state, part, key(2))
    assert waiting.outcome.attempts == 4


@pytest.mark.parametrize("state", SENT)
def test_found_ids_lead_to_what_was_sent(state: State | Status) -> None:
    """A moved report holds no keys: the ids make them again, and the target is asked."""
    carried = carry(plan("Lena Novák", directory=DIRECTORY), left(state))
    assert carried.key == key(2)
    assert carried.state == (State.REPORTED if state in TAKEN else State.IN_DOUBT)


@pytest.mark.parametrize("state", SENT)
def test_a_name_that_is_not_found_any_more_makes_nothing_of_what_was_sent(state: State | Status) -> None:
    """Somebody has left: what a journal knows was created is there all the same, everything else cannot be told."""
    carried = carry(plan("Nobody Here", directory=DIRECTORY), left(state))
    assert carried.state == Status.UNKNOWN
    known = carry(plan("Nobody Here", directory=DIRECTORY), left(state, known=key(2)))
    assert known.state == (state if state in TAKEN else State.IN_DOUBT)


@pytest.mark.parametrize("state", SENT)
def test_what_the_journal_knows_need_not_be_looked_up(state: State | Status) -> None:
    """Its rows cannot have been edited: the key that was sent is the key."""
    carried = carry(plan("Lena Novák"), left(state, known=key(2)), is_unedited=True)
    assert (carried.key, carried.was) == (key(2), None)
    assert carried.state == (state if state in TAKEN else State.IN_DOUBT)
    for unsent in UNSENT:
        assert carry(plan("Lena Novák"), left(unsent, known=key(2)), is_unedited=True).state is State.UNRESOLVED


@pytest.mark.parametrize("known", [None, key(2)])
@pytest.mark.parametrize("state", [*SENT, Status.DUPLICATE])
def test_while_nobody_can_be_asked_for_names_what_was_sent_is_kept(state: State | Status, known: Key | None) -> None:
    """A success that a journal knows stays one; the rest is in doubt, and is asked about where its key is known."""
    kept = carry_unresolved(left(state, known=None if state is Status.DUPLICATE else known), RUN)
    assert kept is not None
    if state in TAKEN and known:
        assert (kept.state, kept.outcome.id) == (state, "id-2")
    elif known and state is not Status.DUPLICATE:
        assert (kept.state, kept.key) == (State.IN_DOUBT, known)
    else:
        assert (kept.state, kept.key) == (Status.UNKNOWN, None)


@pytest.mark.parametrize("state", UNSENT)
def test_while_nobody_can_be_asked_for_names_the_others_wait(state: State | Status) -> None:
    assert carry_unresolved(left(state), RUN) is None
    assert carry_unresolved(None, RUN) is None


def test_a_changed_row_stays_refused_until_its_cells_are_put_back() -> None:
    """Over any number of reruns: sending it would make a second object beside the first."""
    changed = left(Status.CREATED, known=key(1))
    for _ in range(3):
        changed = carry(plan(), changed)
        assert (changed.state, changed.outcome.id, changed.key) == (Status.INVALID, "id-2", key(1))
    back = carry(plan(), changed._replace(key=key(2)))
    assert (back.state, back.outcome.status, back.outcome.id) == (Status.CREATED, Status.CREATED, "id-2")
    assert (back.outcome.error, back.outcome.run) == ("", EARLIER)


@pytest.mark.parametrize("user", ["112", "Lena Novák", "Nobody Here"])
def test_a_refused_row_of_which_nothing_else_is_known_is_not_sent(user: str) -> None:
    """Its report has lost its journal; also while nobody can be asked for names, and where they are not found."""
    refused = left(Status.INVALID)._replace(outcome=Outcome(Status.INVALID, id="id-2", run=EARLIER))
    kept = carry(plan(user, directory=DIRECTORY), refused)
    assert (kept.state, kept.outcome.id) == (Status.INVALID, "id-2")
    unasked = carry_unresolved(refused, RUN)
    assert unasked is not None
    assert unasked.state is Status.INVALID


def test_a_changed_row_in_doubt_is_not_found_by_what_it_said_before() -> None:
    """Its names are looked up, though its cells are those of the last rerun: that one refused them."""
    changed = carry(plan(), left(Status.UNKNOWN, known=key(1)))
    assert changed.state is Status.UNKNOWN
    assert carry(plan("Lena Novák"), changed, is_unedited=True).state is State.UNRESOLVED


# ---- schedules and their groups

GROUP, OTHER = "7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1d02", "7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1d03"
GROUPS = Directory(
    None, None, [DirectoryEntry(GROUP, "Platform", type="OPAL_GROUP"), DirectoryEntry(OTHER, "Data", type="OPAL_GROUP")]
)
SCHEDULE: Key = ("PAGER_DUTY", "PI7DH85")


def member(group: str, *, remote_id: str = "PI7DH85", directory: Directory | None = GROUPS) -> Normalized:
    rules = replace(make_rules(), references=References(directory))
    sheet = Sheet("s.csv", "s", ("third_party_provider", "remote_id", "group"), (0, 1, 2))
    return Normalizer(sheet, rules).normalize(Row(2, ("PAGER_DUTY", remote_id, group)))


def unbound(state: State | Status = State.UNBOUND, was: Status = Status.CREATED, *bound: str) -> Entry:
    status = state if isinstance(state, Status) else Status.PENDING
    outcome = Outcome(status, id="id-1", error="not in its group", hint="Rerun.", run=EARLIER)
    return Entry(state, "schedule", key=SCHEDULE, outcome=outcome, was=was, groups=(GROUP,), bound=bound)


@pytest.mark.parametrize("state", [State.UNBOUND, Status.REJECTED, Status.FAILED, Status.UNKNOWN, State.UNRESOLVED])
@pytest.mark.parametrize("was", [Status.CREATED, Status.EXISTS])
def test_what_is_there_and_not_in_its_group_is_taken_as_there_with_the_group_left(
    state: State | Status, was: Status
) -> None:
    """Without asking, where the cells are those of the earlier run; nothing is planned, so nothing is sent twice."""
    carried = carry(member("Platform", directory=None), unbound(state, was), is_unedited=True)
    assert (carried.state, carried.was, carried.key) == (was, None, SCHEDULE)
    assert (carried.groups, carried.bound) == ((GROUP,), ())
    assert (carried.outcome.id, carried.outcome.error, carried.outcome.run) == ("id-1", "", EARLIER)


def test_a_group_that_was_mended_counts_and_one_that_it_is_in_stays_known() -> None:
    waiting = carry(member("Data", directory=None), unbound(Status.REJECTED, Status.CREATED, GROUP))
    assert (waiting.state, waiting.was, waiting.outcome.id, waiting.bound) == (
        State.UNRESOLVED,
        Status.CREATED,
        "id-1",
        (GROUP,),
    )
    carried = carry(member("Data"), unbound(Status.REJECTED, Status.CREATED, GROUP))
    assert (carried.state, carried.groups, carried.bound) == (Status.CREATED, (OTHER,), (GROUP,))


def test_a_group_that_was_taken_out_of_the_cell_is_not_wanted_any_more() -> None:
    carried = carry(member(""), unbound())
    assert (carried.state, carried.groups) == (Status.CREATED, ())


def test_a_group_that_cannot_be_keeps_the_id_and_mended_it_counts() -> None:
    refused = carry(member("No such group"), unbound())
    assert (refused.state, refused.outcome.id, "no group" in refused.outcome.error) == (Status.INVALID, "id-1", True)
    again = carry(member("Data"), refused)
    assert (again.state, again.outcome.id, again.groups) == (Status.CREATED, "id-1", (OTHER,))


def test_another_schedule_in_the_row_of_one_that_is_there_is_refused() -> None:
    refused = carry(member("Platform", remote_id="PNZNINN"), unbound())
    assert (refused.state, refused.key, refused.outcome.id) == (Status.INVALID, SCHEDULE, "id-1")


@pytest.mark.parametrize(
    ("state", "known", "becomes"),
    [
        (Status.CREATED, SCHEDULE, None),  # it stays unresolved: into which groups it goes cannot be told
        (Status.CREATED, None, Status.UNKNOWN),  # only a report tells of it
        (Status.UNKNOWN, SCHEDULE, Status.UNKNOWN),
        (State.IN_DOUBT, SCHEDULE, Status.UNKNOWN),
    ],
)
def test_while_groups_cannot_be_asked_for_no_schedule_is_a_success_without_them(
    state: State | Status, known: Key | None, becomes: Status | None
) -> None:
    status = state if isinstance(state, Status) else Status.UNKNOWN
    outcome = Outcome(status, id="id-1" if state is Status.CREATED else "", run=EARLIER)
    kept = carry_unresolved(Entry(state, "schedule", key=known, outcome=outcome), RUN)
    assert (kept and kept.state) == becomes


def test_a_success_of_which_only_a_report_tells_is_asked_about_and_is_in_its_groups() -> None:
    outcome = Outcome(Status.CREATED, id="id-1", run=EARLIER)
    carried = carry(member("Platform"), Entry(Status.CREATED, "schedule", outcome=outcome))
    assert (carried.state, carried.groups, carried.bound) == (State.REPORTED, (GROUP,), (GROUP,))


def test_what_only_a_report_told_and_nobody_asked_about_yet_is_asked_about_again() -> None:
    reported = left(State.REPORTED, known=key(2))._replace(was=Status.CREATED)
    reported = reported._replace(outcome=reported.outcome._replace(id="id-2", error="nobody was asked"))
    carried = carry(plan(), reported, is_unedited=True)
    assert (carried.state, carried.was, carried.key, carried.outcome.id) == (
        State.REPORTED,
        Status.CREATED,
        key(2),
        "id-2",
    )


def test_what_an_undo_took_back_stays_so_and_is_not_sent() -> None:
    undone = left(Status.UNDONE, known=key(2))
    assert carry(plan(), undone).state is Status.UNDONE
