"""How long is waited and how often is tried again: what servers ask for, backoff, settling, the budget."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.delivery.retry import LONGEST_PAUSE, Budget, back_off, pause_time, settle_time

NOW = datetime(2026, 10, 21, 7, 28, 0, tzinfo=UTC).timestamp()
DATE = "Wed, 21 Oct 2026 07:28:00 GMT"
FAST_CLOCK = "Wed, 21 Oct 2026 09:00:00 GMT"  # the server's, 92 minutes before ours


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 7 "}, 7.0),
        ({"Retry-After": "2.5"}, 2.5),
        ({"Retry-After": "0"}, 0.05),
        ({"Retry-After": "86400"}, LONGEST_PAUSE),
        ({"Retry-After": "99999999999999999999"}, LONGEST_PAUSE),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT"}, 30.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": DATE}, 30.0),
        ({"Retry-After": "Wed, 21 Oct 2026 09:00:20 GMT", "Date": FAST_CLOCK}, 20.0),
        ({"Retry-After": "Wednesday, 21-Oct-26 07:28:30 GMT"}, 30.0),
        ({"Retry-After": "Wed Oct 21 07:28:30 2026"}, 30.0),
        ({"Retry-After": "Thu, 01 Jan 2099 00:00:00 GMT"}, LONGEST_PAUSE),
        ({"Retry-After": "7", "X-RateLimit-Reset": str(int(NOW) + 40)}, 7.0),
        ({"X-RateLimit-Reset": str(int(NOW) + 40)}, 40.0),
        ({"X-RateLimit-Reset": str(int(NOW) + 5520 + 12), "Date": FAST_CLOCK}, 12.0),
        ({"X-RateLimit-Reset": "4070908800"}, LONGEST_PAUSE),
        ({"Retry-After": "soon", "X-RateLimit-Reset": str(int(NOW) + 40)}, 40.0),
        ({"Retry-After": "-5", "X-RateLimit-Reset": str(int(NOW) + 40)}, 40.0),
        ({"Retry-After": "7", "Date": "yesterday"}, 7.0),
    ],
)
def test_a_pause_is_as_long_as_the_target_asks_by_its_own_clock_up_to_a_minute(
    headers: dict[str, str], seconds: float
) -> None:
    assert pause_time(headers, NOW, 1) == seconds


UNUSABLE: list[dict[str, str]] = [
    {},
    {"Retry-After": "-1"},
    {"Retry-After": "soon"},
    {"Retry-After": "nan"},
    {"Retry-After": "inf"},
    {"Retry-After": ""},
    {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"},
    {"Retry-After": "Wed, 99 Oct 2026 99:99:99 GMT"},
    {"X-RateLimit-Reset": "30"},  # a delay where a point in time is documented
    {"X-RateLimit-Reset": "never"},
    {"X-RateLimit-Reset": "nan"},
    {"X-RateLimit-Limit": "3000, 3000;window=60", "X-RateLimit-Remaining": "0"},
    {"Date": DATE},
]


@pytest.mark.parametrize("headers", UNUSABLE)
def test_without_a_usable_word_the_pause_grows_with_each_refusal_in_a_row(headers: dict[str, str]) -> None:
    pauses = [pause_time(headers, NOW, refusals) for refusals in range(1, 40)]
    assert pauses[0] <= 1.0
    assert pauses == sorted(pauses)
    assert all(later >= 1.25 * earlier or later == LONGEST_PAUSE for earlier, later in itertools.pairwise(pauses))
    assert pauses[-1] == LONGEST_PAUSE


def test_a_date_without_a_zone_is_utc_wherever_this_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert pause_time({"Retry-After": "Wed Oct 21 07:28:30 2026"}, NOW, 1) == 30.0
        assert pause_time({"Retry-After": "Wed, 21 Oct 2026 07:28:30 -0000"}, NOW, 1) == 30.0
    finally:
        monkeypatch.undo()
        time.tzset()


HEADER_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.from_regex(r"-?\d{1,30}(\.\d+)?")


@given(
    st.dictionaries(st.sampled_from(["Retry-After", "X-RateLimit-Reset", "Date"]), HEADER_TEXT),
    st.floats(0, 2**33),
    st.integers(0, 10_000),
)
def test_no_header_makes_a_pause_endless_or_negative(headers: dict[str, str], now: float, refusals: int) -> None:
    assert 0.05 <= pause_time(headers, now, refusals) <= LONGEST_PAUSE


# ---- how long one record waits


def test_back_off_doubles_from_half_a_second_to_eight() -> None:
    assert [back_off(attempt, 1.0) for attempt in range(1, 8)] == [0.5, 1, 2, 4, 8, 8, 8]
    assert [back_off(attempt, 0.0) for attempt in range(1, 8)] == [0.25, 0.5, 1, 2, 4, 4, 4]


@given(st.integers(1, 1_000_000), st.floats(0, 1))
def test_back_off_stays_within_its_bounds_however_long_a_target_is_away(attempt: int, jitter: float) -> None:
    assert 0.25 <= back_off(attempt, jitter) <= 8.0


def test_each_doubt_settles_twice_as_long_as_the_one_before_up_to_a_minute() -> None:
    assert [settle_time(5.0, doubts) for doubts in range(1, 7)] == [5, 10, 20, 40, 60, 60]


@given(st.floats(0, 3600), st.integers(1, 8))
def test_a_record_settles_at_least_as_long_as_was_set_and_at_most_a_minute_unless_more_was_set(
    settle: float, doubts: int
) -> None:
    assert settle <= settle_time(settle, doubts) <= max(60.0, settle)


# ---- words


# ---- the budget: it lasts while the target takes half of what it is sent, and not much longer


TOKENS = 50


@given(st.lists(st.booleans(), max_size=400))
def test_repetitions_are_never_more_than_the_budget_and_the_successes_together(wishes: list[bool]) -> None:
    budget, repeated, successes = Budget(TOKENS), 0, 0
    for is_success in wishes:
        if is_success:
            budget.earn()
            successes += 1
        else:
            repeated += budget.spend()
        assert repeated <= TOKENS + successes


def test_three_failures_in_ten_never_use_it_up() -> None:
    budget = Budget(TOKENS)
    for _ in range(1000):
        assert all(budget.spend() for _ in range(3))
        for _ in range(7):
            budget.earn()


def test_successes_are_not_saved_up_without_end() -> None:
    budget = Budget(TOKENS)
    for _ in range(10_000):
        budget.earn()
    assert [budget.spend() for _ in range(TOKENS + 1)] == [True] * TOKENS + [False]


def test_a_success_allows_one_more_repetition_after_it_was_used_up() -> None:
    budget = Budget(1)
    assert [budget.spend(), budget.spend()] == [True, False]
    budget.earn()
    assert [budget.spend(), budget.spend()] == [True, False]
