"""What is put into a group's list, as a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.delivery.groups import Wanted, replace_list

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
