"""What is put into a group's list, and what an answer to that means, as tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.delivery.client import Answer, Lost, NotSent, Reply
from importer.delivery.group_lists import PutVerdict, Wanted, judge_put, replace_list
from importer.targets.opal import OPAL

IDS = st.lists(st.sampled_from("abcdefgh"), max_size=6)


@pytest.mark.parametrize(
    ("now", "seen", "add", "remove", "put"),
    [
        ("", "", "a", "", "a"),
        ("xy", "xy", "a", "", "xya"),  # what stands there keeps its order and its place
        ("xya", "xy", "a", "", None),
        ("axy", "xy", "a", "", None),
        ("xa", "xy", "a", "", "xay"),  # dropped meanwhile: put back
        ("z", "xy", "a", "", "zxya"),  # somebody replaced the list without knowing of ours
        ("xyz", "xy", "a", "", "xyza"),  # somebody added: kept
        ("xaa", "", "a", "", None),
        ("xay", "xay", "", "a", "xy"),
        ("xy", "xay", "", "a", None),  # taken out, and nothing else is gone
        ("x", "xay", "", "a", "xy"),
        ("", "", "", "a", None),
        ("a", "a", "", "a", ""),
    ],
)
def test_a_list_is_put_only_where_something_is_missing_or_too_much(
    now: str, seen: str, add: str, remove: str, put: str | None
) -> None:
    assert replace_list(now, seen, Wanted(tuple(add), tuple(remove))) == (None if put is None else list(put))


@given(now=IDS, seen=IDS, add=IDS, remove=IDS)
def test_nothing_that_was_ever_seen_is_left_out_but_what_is_to_go(
    now: list[str], seen: list[str], add: list[str], remove: list[str]
) -> None:
    put = replace_list(now, seen, Wanted(add, remove))
    whole = set(now) if put is None else set(put)
    assert whole == ({*now, *seen, *add} - set(remove))
    assert put is None or len(put) == len(set(put))


def answer(status: int) -> Answer:
    return Answer(status, {}, b'{"Message": "no"}')


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (answer(200), PutVerdict.ANSWERED),
        (answer(204), PutVerdict.ANSWERED),
        (answer(302), PutVerdict.IN_DOUBT),
        (answer(400), PutVerdict.REFUSED),
        (answer(401), PutVerdict.TOKEN_REFUSED),
        (answer(403), PutVerdict.FORBIDDEN),
        (answer(404), PutVerdict.REFUSED),
        (answer(408), PutVerdict.IN_DOUBT),
        (answer(409), PutVerdict.IN_DOUBT),
        (answer(422), PutVerdict.REFUSED),
        (answer(425), PutVerdict.IN_DOUBT),
        (answer(429), PutVerdict.SLOW_DOWN),
        (answer(500), PutVerdict.IN_DOUBT),
        (answer(503), PutVerdict.IN_DOUBT),
        (Lost("reset"), PutVerdict.IN_DOUBT),
        (NotSent("no connection"), PutVerdict.NOT_SENT),
    ],
)
def test_a_reply_to_a_put_is_judged_by_whether_the_list_may_have_changed(reply: Reply, verdict: PutVerdict) -> None:
    assert judge_put(reply, OPAL).verdict is verdict
