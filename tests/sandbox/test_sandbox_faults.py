"""A fault plan decides by its seed, the fault's place in it and the request's number among those it matches."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from importer.errors import SettingsError
from importer.records import TargetName
from importer.sandbox.fault_plan import (
    FAULT_KINDS,
    SHARED,
    Asked,
    Decisions,
    Fault,
    describe,
    is_hit,
    is_matching,
    read_faults,
)

from .client import plan

if TYPE_CHECKING:
    from pathlib import Path

POST_SHADOW = describe("POST", "/rootly/v1/schedules/primary/on_call_shadows")
POST_SCHEDULE = describe("POST", "/opal/v1/on-call-schedules")
LIST_SHADOWS = describe("GET", "/rootly/v1/schedules/primary/on_call_shadows?page%5Bsize%5D=100")
LIST_SCHEDULES = describe("GET", "/opal/v1/on-call-schedules")
LIST_USERS = describe("GET", "/rootly/v1/users")
ME = describe("GET", "/rootly/v1/users/me")
EVERY = [POST_SHADOW, POST_SCHEDULE, LIST_SHADOWS, LIST_SCHEDULES, LIST_USERS, ME]
#: A value for each parameter that must be told.
NEEDED: dict[str, object] = {"status": 503, "delay": 1}


def hits(fault: dict[str, object], count: int = 12) -> list[int]:
    decisions = Decisions(plan(fault))
    return [number for number in range(1, count + 1) if decisions.take(POST_SHADOW)]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({}, list(range(1, 13))),
        ({"at": [3, 5]}, [3, 5]),
        ({"every": 5}, [5, 10]),
        ({"first": 10}, [10, 11, 12]),
        ({"first": 4, "at": [3, 5]}, [5]),
        ({"times": 2}, [1, 2]),
        ({"first": 3, "every": 3, "times": 2}, [3, 6]),
        ({"probability": 0}, []),
        ({"probability": 1, "times": 3}, [1, 2, 3]),
    ],
)
def test_the_requests_that_are_hit(choice: dict[str, object], expected: list[int]) -> None:
    assert hits({"what": "reset", **choice}) == expected


def test_a_target_goes_away_once_unless_told() -> None:
    assert hits({"what": "go_away", "first": 4}) == [4]
    assert hits({"what": "go_away", "at": [4, 7]}) == [4, 7]
    assert hits({"what": "go_away", "first": 4, "times": 2}) == [4, 5]


@given(seed=st.integers(), position=st.integers(0, 5), probability=st.floats(0.1, 0.9))
def test_a_chance_is_the_same_each_time_and_about_what_it_says(seed: int, position: int, probability: float) -> None:
    fault = Fault(what="reset", probability=probability)
    decided = [is_hit(fault, seed, position, ordinal) for ordinal in range(1, 401)]
    assert decided == [is_hit(fault, seed, position, ordinal) for ordinal in range(1, 401)]
    assert abs(sum(decided) / 400 - probability) < 0.2  # eight standard deviations


@given(st.lists(st.sampled_from(EVERY), max_size=40))
def test_a_decision_depends_on_the_number_of_the_matching_request_alone(asked: list[Asked]) -> None:
    """What other requests come in between, and what other faults do with them, changes nothing."""
    fault = {"what": "reset", "probability": 0.5, "target": "rootly"}
    other = {"what": "status", "status": 500, "probability": 0.3}
    alone, among = Decisions(plan(fault, seed=3)), Decisions(plan(fault, other, seed=3))
    expected = [alone.take(each) for each in asked if each is POST_SHADOW]
    found = [among.take(each) for each in asked]
    posts = [hit for each, hit in zip(asked, found, strict=True) if each is POST_SHADOW]
    assert [any(one.what == "reset" for one in hit) for hit in posts] == [bool(hit) for hit in expected]


def test_a_known_seed_hits_known_requests_in_every_version() -> None:
    decisions = Decisions(plan({"what": "reset", "probability": 0.3}, seed=7))
    assert [number for number in range(1, 21) if decisions.take(POST_SHADOW)] == [
        *(1, 2, 4, 6, 7, 9, 14, 15, 17, 18, 19),
    ]


def test_of_two_faults_for_one_request_the_first_in_the_plan_is_taken_and_alterations_besides() -> None:
    decisions = Decisions(
        plan(
            {"what": "close", "at": [2]},
            {"what": "lagging_list", "delay": 1, "at": [1, 2]},
            {"what": "reset"},
        )
    )
    taken = [[fault.what for fault in decisions.take(POST_SHADOW)] for _ in range(3)]
    assert taken == [["lagging_list", "reset"], ["lagging_list", "close"], ["reset"]]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"what": "reset"}, [POST_SHADOW, POST_SCHEDULE]),
        ({"what": "reset", "method": "any"}, EVERY),
        ({"what": "reset", "method": "GET", "target": "opal"}, [LIST_SCHEDULES]),
        ({"what": "status", "status": 401}, EVERY),
        ({"what": "status", "status": 503, "when": "after"}, [POST_SHADOW, POST_SCHEDULE]),
        ({"what": "status", "status": 403, "scope": "primary"}, [POST_SHADOW, LIST_SHADOWS]),
        ({"what": "status", "status": 403, "scope": "prim"}, []),
        ({"what": "status", "status": 403, "path": "/users"}, [LIST_USERS, ME]),
        ({"what": "late_commit", "delay": 1}, [POST_SHADOW, POST_SCHEDULE]),
        ({"what": "repeat"}, [LIST_SHADOWS, LIST_SCHEDULES, LIST_USERS]),
        ({"what": "next_link"}, [LIST_SHADOWS, LIST_USERS]),
        ({"what": "short_pages", "path": "on_call_shadows"}, [LIST_SHADOWS]),
        ({"what": "close_after"}, EVERY),
    ],
)
def test_the_requests_that_match(fault: dict[str, object], expected: list[Asked]) -> None:
    assert [asked for asked in EVERY if is_matching(Fault.model_validate(fault), asked)] == expected


@pytest.mark.parametrize("path", ["/", "/rootly", "/opal/v2/on-call-schedules", "/rootlyv1/users"])
def test_a_path_of_neither_api_matches_nothing(path: str) -> None:
    asked = describe("POST", path)
    assert asked.target is None
    assert not is_matching(Fault(what="reset", method="any"), asked)


def test_a_request_is_told_by_its_path() -> None:
    path = "/v1/schedules/primary/on_call_shadows?page%5Bsize%5D=100"
    shadows = Asked(TargetName.ROOTLY, "GET", path, "primary", is_list=True)
    schedule = Asked(TargetName.OPAL, "POST", "/on-call-schedules", is_creation=True)
    assert (shadows, schedule) == (LIST_SHADOWS, POST_SCHEDULE)


@pytest.mark.parametrize("what", FAULT_KINDS)
def test_every_sort_of_fault_can_be_told_by_what_it_needs_alone(what: str) -> None:
    sort = FAULT_KINDS[what]
    fault = Fault.model_validate({"what": what} | {name: NEEDED[name] for name in sort.needs})
    assert fault.when == sort.moments[0]
    assert fault.form in (*sort.forms, "")
    assert Counter(map(bool, (is_matching(fault, asked) for asked in EVERY)))[True]


@pytest.mark.parametrize("what", FAULT_KINDS)
def test_every_parameter_of_a_sort_is_one_of_a_fault(what: str) -> None:
    assert (SHARED | FAULT_KINDS[what].takes) <= Fault.model_fields.keys()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({}, "what must be one of reset, close"),
        ({"what": "explode"}, "what must be one of reset, close"),
        ({"what": "reset", "status": 500}, "reset does not have status; it has at, every"),
        ({"what": "drip", "when": "before"}, "drip cannot come before the commit"),
        ({"what": "status"}, "status needs status"),
        ({"what": "status", "status": 503, "form": "xml"}, "form of status must be one of api, html, text, empty"),
        ({"what": "reset", "at": [1], "every": 2}, "only one of at, every and probability"),
        ({"what": "reset", "at": [0]}, "greater than or equal to 1"),
        ({"what": "reset", "probability": 1.5}, "less than or equal to 1"),
        ({"what": "reset", "target": "jira"}, "'opal' or 'rootly'"),
        ({"what": "foreign", "method": "GET"}, "foreign hits POST requests only"),
        ({"what": "repeat", "method": "POST"}, "repeat hits GET requests only"),
        ({"what": "short_pages", "at": [2]}, "short_pages applies to all its requests; at would lose records"),
        ({"what": "hang", "when": "before", "delay": 1}, "use late_commit for that"),
        ({"what": "empty", "when": "before", "method": "any"}, "empty before the commit hits GET or POST"),
    ],
)
def test_what_is_no_fault_is_refused_in_clear_words(fault: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Fault.model_validate(fault)
    assert words in str(caught.value)


FILE = """
seed = 7

[[fault]]
what = "reset"
at = [3, 5]
target = "rootly"

[[fault]]
what = "status"
status = 429
retry_after = 120
probability = 0.1
"""


def test_a_plan_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(FILE)
    expected = plan(
        {"what": "reset", "at": [3, 5], "target": "rootly"},
        {"what": "status", "status": 429, "retry_after": 120, "probability": 0.1},
        seed=7,
    )
    assert read_faults(path) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seed = ", "it is not valid TOML: Invalid value (at end of document)"),
        (
            "seed = 1\n\n[[fault]\n",
            "it is not valid TOML: Expected ']]' at the end of an array declaration (at line 3,",
        ),
        ("seed = 'x'", "seed: Input should be a valid integer"),
        ("sead = 1", "sead: Extra inputs are not permitted"),
        ('[[fault]]\nwhat = "reset"\n[[fault]]\nwhat = "rest"\n', "fault number 2: what must be one of reset, "),
        ('[[fault]]\nwhat = "reset"\ntimes = 0', "fault number 1 times: Input should be greater than or equal to 1"),
        ("fault = [3]", "fault number 1: what must be one of reset, "),
        ("\x00", "it is not valid TOML: Invalid statement (at line 1, column 1)"),
    ],
)
def test_a_file_that_is_no_plan_is_one_clear_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_faults(path)
    assert caught.value.message.startswith(f"the fault plan {path} cannot be used: {words}")
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_a_file_that_cannot_be_read_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="it cannot be read: No such file or directory"):
        read_faults(tmp_path / "none.toml")
    with pytest.raises(SettingsError, match="it cannot be read: Is a directory"):
        read_faults(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(SettingsError, match="it is not a regular file"):
        read_faults(tmp_path / "fifo")
    (tmp_path / "latin.toml").write_bytes(b"# \xe9\n")
    with pytest.raises(SettingsError, match=r"it is not valid TOML: .*utf-8"):
        read_faults(tmp_path / "latin.toml")
