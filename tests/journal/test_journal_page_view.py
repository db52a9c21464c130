"""What a page is made from: traffic as it was written, the first records and all that need attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from importer.journal.states import Entry, State, Tally
from importer.records import Outcome, Row, Sheet, TargetName
from importer.statuses import Status

if TYPE_CHECKING:
    from importer.journal.journal import Journal

ROOTLY = TargetName.ROOTLY


def add(journal: Journal, *statuses: Status | State) -> None:
    sheet = journal.add_sheet(Sheet("a.csv", "a", ("note",), (0,)))
    rows = []
    for number, status in enumerate(statuses, 2):
        key = ("sched", "User", "1", number, 0, 3600)
        outcome = Outcome(status if isinstance(status, Status) else Status.PENDING, id=f"id-{number}", error="words")
        entry = Entry(status, "shadow", ROOTLY, "sched", key, outcome=outcome, zone="Europe/Berlin")
        rows.append((sheet, Row(number, (f"<note {number}>",)), [entry]))
    journal.add_rows(rows)
    journal.finish_reading()


def test_traffic_comes_back_as_it_was_written(journal: Journal) -> None:
    tallies = [Tally(1000, 3, 1, 1, 0.25, {12: 1, 90: 1}), Tally(1001, 1)]
    journal.add_traffic(ROOTLY, tallies)
    journal.add_traffic(TargetName.OPAL, [Tally(999, 5)])
    assert list(journal.traffic()) == [
        (TargetName.OPAL, Tally(999, 5)),
        (ROOTLY, tallies[0]),
        (ROOTLY, tallies[1]),
    ]


def test_the_first_records_come_whole_and_of_the_others_those_that_need_attention(journal: Journal) -> None:
    add(journal, Status.CREATED, Status.INVALID, Status.CREATED, Status.EXISTS, State.PLANNED, State.SENDING)
    shown = [line for chunk in journal.page_records(2) for line in chunk]
    assert [(line[2], line[5]) for line in shown] == [
        (2, "created"),
        (3, "invalid"),
        (6, "pending"),
        (7, "unknown"),
    ]
    assert orjson.loads(shown[0][10]) == ["<note 2>"]
    assert [line[2] for chunk in journal.page_records(50) for line in chunk] == [2, 3, 4, 5, 6, 7]


def test_a_duplicate_has_the_words_and_the_id_that_the_report_gives_it(journal: Journal) -> None:
    sheet = journal.add_sheet(Sheet("a.csv", "a", ("note",), (0,)))
    key, known = ("PAGER_DUTY", "P1"), Outcome(Status.CREATED, id="x")
    first = Entry(Status.CREATED, "schedule", TargetName.OPAL, "", key, outcome=known)
    copy = Entry(State.PLANNED, "schedule", TargetName.OPAL, "", key)
    journal.add_rows([(sheet, Row(2, ("a",)), [first]), (sheet, Row(3, ("b",)), [copy])])
    journal.finish_reading()
    ((_, line),) = journal.page_records(9)
    (_, reported) = journal.lines()
    assert (line[5], line[6], line[8]) == ("duplicate", reported.outcome.id, reported.outcome.error)
    assert line[8] == "the same record as row 2"


def test_shadows_that_the_target_has_are_listed_with_whether_they_were_created(journal: Journal) -> None:
    add(journal, Status.CREATED, Status.EXISTS, Status.REJECTED, Status.CREATED)
    shadows = [(key[3], zone, is_created) for _, _, key, zone, is_created in journal.page_shifts(3, ["shadow"])]
    assert shadows == [(2, "Europe/Berlin", True), (3, "Europe/Berlin", False)]
