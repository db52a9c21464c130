"""Any text of a source comes back from the journal as it went in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.journal.run_folder import open_scratch
from importer.journal.states import Entry, State
from importer.records import LARGEST_ID, Key, Outcome, Row, Sheet, TargetName
from importer.statuses import Status

TEXT = st.text(max_size=30)
CELLS = st.lists(TEXT, max_size=6).map(tuple)


@given(header=CELLS, rows=st.lists(CELLS, max_size=5), name=TEXT)
def test_cells_headers_and_names_come_back_unchanged(
    header: tuple[str, ...], rows: list[tuple[str, ...]], name: str
) -> None:
    made = Sheet(name, name, header, tuple(range(len(header))))
    with open_scratch() as journal:
        index = journal.add_sheet(made)
        numbered = [
            (Row(number, cells, line=number + 1), [Entry(Status.INVALID)]) for number, cells in enumerate(rows, 2)
        ]
        journal.add_rows((index, row, entries) for row, entries in numbered)
        journal.finish_reading()
        assert journal.sheets() == [made]
        assert [line.cells for line in journal.lines()] == rows
        assert [(sheet, row) for sheet, row, _ in journal.entries()] == [(index, row) for row, _ in numbered]


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "00042",
        "NA",
        "null",
        "1e5",
        "=1+1",
        "'quoted",
        'a "b"',
        "two\nlines\r\n",
        "\x00\x1b\x7f",
        "\ufeff",
        "🙂" * 1000,
        "x" * 40_000,
    ],
)
def test_a_cell_that_others_would_change_comes_back_unchanged(cell: str) -> None:
    with open_scratch() as journal:
        index = journal.add_sheet(Sheet("a", "a", ("x",), (0,)))
        journal.add_rows([(index, Row(2, (cell,)), [Entry(Status.INVALID)])])
        assert [line.cells for line in journal.lines()] == [(cell,)]


OUTCOMES = st.builds(
    Outcome,
    st.sampled_from(sorted(Status)),
    id=TEXT,
    http_status=st.integers(0, 999),
    error=TEXT,
    cell=TEXT,
    hint=TEXT,
    attempts=st.integers(0, 2**31),
    finished_at=TEXT,
    run=TEXT,
)


@given(outcome=OUTCOMES)
def test_an_outcome_taken_over_from_an_earlier_run_comes_back_unchanged(outcome: Outcome) -> None:
    with open_scratch() as journal:
        index = journal.add_sheet(Sheet("a", "a", ("x",), (0,)))
        state = State.PLANNED if outcome.status is Status.PENDING else outcome.status
        entry = Entry(state, "schedule", TargetName.OPAL, "", ("PAGER_DUTY", "P1"), "2/3", outcome)
        journal.add_rows([(index, Row(2, ("x",)), [entry])])
        assert [line.outcome for line in journal.lines()] == [outcome]
        assert [taken for _, _, taken in journal.entries()] == [entry]


KEYS = st.one_of(
    st.tuples(st.sampled_from(["PAGER_DUTY", "OPSGENIE"]), st.text(min_size=1, max_size=255)),
    st.tuples(TEXT, TEXT, TEXT, st.integers(1, LARGEST_ID), st.integers(-(2**40), 2**40), st.integers(-(2**40), 2**40)),
)


@given(key=KEYS)
def test_a_record_is_claimed_with_the_very_key_it_was_planned_with(key: Key) -> None:
    with open_scratch() as journal:
        index = journal.add_sheet(Sheet("a", "a", ("x",), (0,)))
        journal.add_rows([(index, Row(2, ("x",)), [Entry(State.PLANNED, "shadow", TargetName.ROOTLY, "s", key)])])
        journal.finish_reading()
        assert journal.has_key("shadow", key)
        assert [record.key for record in journal.claim(TargetName.ROOTLY, 0, 1)] == [key]
        assert journal.find("shadow", [(key, "id")], Outcome(Status.EXISTS)) == (0, 1)
