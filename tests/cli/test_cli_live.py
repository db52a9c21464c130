"""The live display fits every terminal and says what is known; time is passed in."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from importer.cli.terminal import Display, Meter, ReadingMeter, Stream, facts_of, lines_of
from importer.statuses import Status


class Progress:
    """What the progress of a delivery tells."""

    def __init__(self, rate: float, retries: int) -> None:
        self.rate = rate
        self.retries = retries


def make_meter(name: str = "opal", total: int = 20_000, *, rate: float = 98.5, retries: int = 0) -> Meter:
    meter = Meter(name, total)
    meter.progress = Progress(rate, retries)  # type: ignore[assignment]  # it has what is read of one
    return meter


@given(
    st.integers(30, 250),
    st.integers(0, 10_000_000),
    st.integers(0, 10_000_000),
    st.floats(0.1, 1e5) | st.just(float("inf")),
    st.integers(0, 10**6),
)
def test_no_line_is_wider_than_the_terminal(width: int, total: int, done: int, rate: float, retries: int) -> None:
    meters = [make_meter("opal", total, rate=rate, retries=retries), make_meter("rootly", 3)]
    meters[0].rate(0.0)
    meters[0].add(Status.REJECTED, done)
    assert all(len(line) <= width for line in lines_of(meters, 7.0, width))


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_every_fact_is_shown_at_every_width(width: int) -> None:
    meter = make_meter(rate=98.5, retries=3)
    meter.rate(0.0)
    meter.add(Status.CREATED, 960)
    meter.add(Status.REJECTED, 40)
    shown = " ".join(line.plain for line in lines_of([meter], 10.0, width))
    for fact in ("opal", "1,000/20,000", "100/s", "limit 98/s", "3 retries", "40 problems", "3:10 left"):
        assert fact in shown


def test_the_rate_is_that_of_the_last_seconds() -> None:
    """A pause at the beginning is forgotten, and one slow moment does not make it jump."""
    meter = make_meter()
    for second in range(60):
        assert meter.rate(float(second)) is None or second
        if second >= 30:
            meter.add(Status.CREATED, 50)
    assert meter.rate(60.0) == pytest.approx(50, abs=3)
    assert meter.rate(60.3) == pytest.approx(50, abs=3)


def test_nothing_is_guessed_before_there_is_something_to_tell() -> None:
    facts = facts_of(Meter("opal", 10), 0.0)
    assert (facts.rate, facts.limit, facts.left) == ("", "", "")


def test_what_is_done_has_no_time_left() -> None:
    meter = make_meter(total=10)
    meter.rate(0.0)
    meter.add(Status.EXISTS, 10)
    facts = facts_of(meter, 5.0)
    assert (facts.rate, facts.left, facts.problems) == ("", "done", "0 problems")


def test_a_terminal_without_unicode_gets_a_bar_all_the_same() -> None:
    written = io.BytesIO()
    out = io.TextIOWrapper(written, encoding="ascii")
    display = Display(clock=lambda: 0.0)
    meter = make_meter(total=2)
    meter.add(Status.CREATED, 1)
    display.show([meter])
    Console(file=out, width=60).print(display)
    out.flush()
    assert b"####" in written.getvalue()


def test_reading_shows_rows_the_share_and_the_time_that_is_left() -> None:
    """The time before the first rows, in which the encoding is found out, does not count."""
    now = [100.0]
    meter = ReadingMeter(lambda: now[0])
    told = []
    for second, rows, share in ((0, 2000, 0.1), (0.5, 100_000, 0.2), (10, 1_200_000, 0.5), (20, 2_400_000, 1.0)):
        now[0] = 100.0 + second
        meter.rows = rows
        meter.advance(share)
        told.append(meter.describe())
    assert told == [
        "2,000 rows read",
        "100,000 rows read, 20%",
        "1,200,000 rows read, 50%, 0:13 left",
        "2,400,000 rows read",
    ]


def test_what_does_not_come_piece_by_piece_shows_its_rows() -> None:
    meter = ReadingMeter(lambda: 1.0)
    meter.rows = 2000
    meter.advance(0.0)
    assert meter.describe() == "2,000 rows read"


def test_an_object_is_there_for_its_reader_at_once() -> None:
    written = io.BytesIO()
    out = io.TextIOWrapper(written, encoding="ascii")
    Stream(file=out).write_json({"é": 1})
    assert written.getvalue() == b'{"\\u00e9": 1}\n'
