"""The budget for repetitions: it lasts while the target takes half of what it is sent, and not much longer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from importer.delivery.throttle import Budget

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
