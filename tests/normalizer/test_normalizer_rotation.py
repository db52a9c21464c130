"""Rotating lists: who is in one, and who has which shift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.cells import BLANKS, Unreadable
from importer.kinds.shifts import read_rotation
from importer.normalizer.occurrences import Misfit, expand

from .plan_cells import misfit_of, series_of, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.normalizer.row import Normalized


@pytest.mark.parametrize(
    "text",
    [
        "a@x.org,b@x.org,c@x.org",
        " a@x.org , b@x.org; c@x.org ",
        "a@x.org\nb@x.org\r\nc@x.org",
        "a@x.org,\nb@x.org;\n\n c@x.org\n",
        "a@x.org,\u00a0b@x.org,\u200bc@x.org",
    ],
)
def test_commas_semicolons_and_line_breaks_part_the_members(text: str) -> None:
    assert read_rotation(text) == ("a@x.org", "b@x.org", "c@x.org")


def test_a_member_may_have_two_turns_in_a_round_and_a_name_may_have_blanks() -> None:
    assert read_rotation("Ann Lee, Bob, Ann Lee") == ("Ann Lee", "Bob", "Ann Lee")


@pytest.mark.parametrize(("text", "place"), [("a,,b", 2), ("a,b,", 3), (",a", 1), ("a;\n;b", 2), (";", 1)])
def test_an_empty_place_is_named(text: str, place: int) -> None:
    fault = read_rotation(text)
    assert isinstance(fault, Unreadable)
    assert fault.reason == f", whose member {place} is empty"


def test_a_list_of_more_than_a_thousand_is_refused() -> None:
    assert len(read_rotation(",".join(["a"] * 1000)) or ()) == 1000
    fault = read_rotation(",".join(["a"] * 1001))
    assert isinstance(fault, Unreadable)
    assert "1,001 members" in fault.reason


def test_nothing_but_blanks_is_no_rotation() -> None:
    assert isinstance(read_rotation(" \n\u200b"), Unreadable)


@given(st.text(max_size=60))
def test_any_text_is_members_or_a_fault(text: str) -> None:
    members = read_rotation(text)
    assert isinstance(members, Unreadable) or (members and all(member.strip(BLANKS) for member in members))


def test_three_members_hand_over_every_monday_at_nine_across_the_change() -> None:
    series = series_of("2026-10-12T09:00", members=3, until="2026-11-02")
    assert written(series) == [
        "2026-10-12T07:00Z/2026-10-19T07:00Z",
        "2026-10-19T07:00Z/2026-10-26T08:00Z",
        "2026-10-26T08:00Z/2026-11-02T08:00Z",
        "2026-11-02T08:00Z/2026-11-09T08:00Z",
    ]
    turns = expand(series)
    assert not isinstance(turns, Misfit)
    assert [turn.member for turn in turns] == [0, 1, 2, 0]


def test_a_hand_over_leaves_no_gap_and_no_overlap_whatever_the_rule() -> None:
    series = series_of("2027-03-26T09:00", members=2, repeat="FREQ=WEEKLY;BYDAY=MO,FR;COUNT=4")
    assert written(series) == [
        "2027-03-26T08:00Z/2027-03-29T07:00Z",
        "2027-03-29T07:00Z/2027-04-02T07:00Z",
        "2027-04-02T07:00Z/2027-04-05T07:00Z",
        "2027-04-05T07:00Z/2027-04-09T07:00Z",
    ]


def test_the_last_shift_lasts_to_the_hand_over_that_the_bound_leaves_out() -> None:
    by_count = series_of("2026-10-19T09:00", members=2, repeat="FREQ=DAILY;COUNT=2")
    by_until = series_of("2026-10-19T09:00", members=2, repeat="daily", until="2026-10-20")
    assert (
        written(by_count)
        == written(by_until)
        == ["2026-10-19T07:00Z/2026-10-20T07:00Z", "2026-10-20T07:00Z/2026-10-21T07:00Z"]
    )


def test_a_rotation_with_a_duration_makes_shifts_of_that_length() -> None:
    series = series_of("2026-10-19T09:00", members=2, duration="8h", until="2026-10-26")
    assert written(series) == ["2026-10-19T07:00Z/2026-10-19T15:00Z", "2026-10-26T08:00Z/2026-10-26T16:00Z"]


def test_a_rotation_without_an_end_is_refused_at_its_own_column() -> None:
    column, fault = misfit_of(series_of("2026-10-19T09:00", members=2))
    assert (column, fault.reason) == ("rotation", ", which has no end")


def test_a_hand_over_that_comes_twice_is_refused_also_after_the_last_shift() -> None:
    misfit = misfit_of(series_of("2026-10-11T02:30", members=2, until="2026-10-18"))
    assert misfit.column == "starts_at"
    assert ", and the last shift is handed over on 2026-10-25T02:30:00, which occurs twice" in misfit.fault.reason


def test_a_rotation_whose_last_hand_over_never_comes_is_refused() -> None:
    misfit = misfit_of(series_of("2026-10-19T09:00", members=2, repeat="FREQ=YEARLY;INTERVAL=999", until="2030-01-01"))
    assert misfit.column == "repeat"
    assert "no hand-over after the last shift" in misfit.fault.reason


@pytest.mark.parametrize("members", ["112", "112, 112"])
def test_a_rotation_of_one_is_made_and_said_to_be_odd(shadow: Callable[..., Normalized], members: str) -> None:
    made = shadow(shadow_user_id="", rotation=members, repeat="daily", until="2027-03-02")
    assert len(made.records) == 2
    (warning,) = made.warnings
    assert (warning.column, warning.topic) == ("rotation", "rotation: only one member")
