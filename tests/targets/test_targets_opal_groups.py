"""Opal's groups: where their lists are, what a page of them is read as, and what is put."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from importer.targets.opal import OPAL, takes_no_schedules
from importer.targets.target import DirectoryEntry

GROUP = "7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1d02"
assert OPAL.groups is not None
assert OPAL.grouping is not None
GROUPS, GROUPING = OPAL.groups, OPAL.grouping


def test_groups_are_listed_by_the_largest_pages_and_followed_by_their_cursor() -> None:
    assert GROUPS.path == "/groups?page_size=1000"
    item = {"group_id": GROUP, "name": "Platform", "group_type": "OKTA_GROUP", "app_id": "x"}
    page = GROUPS.read_page({"next": "a=b&c", "previous": None, "results": [item]})
    assert page.entries == (DirectoryEntry(GROUP, "Platform", type="OKTA_GROUP"),)
    assert page.next == "/groups?page_size=1000&cursor=a%3Db%26c"


def test_a_groups_list_is_its_schedules_ids_in_their_order() -> None:
    members = GROUPING.members(GROUP)
    assert members.path == f"/groups/{GROUP}/on-call-schedules"
    items = [{"on_call_schedule_id": "B-1", "name": "b", "third_party_provider": "OF_TOMORROW"}]
    page = members.read_page({"on_call_schedules": items})
    assert ([entry.id for entry in page.entries], page.next) == (["b-1"], None)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {},
        {"on_call_schedules": None},
        {"on_call_schedules": ["x"]},
        {"on_call_schedules": [{"name": "no id"}]},
        {"on_call_schedules": [{"on_call_schedule_id": ["x"]}]},
        {"on_call_schedules": [], "next": ["x"]},
    ],
)
def test_a_list_of_which_something_cannot_be_read_is_none(payload: Any) -> None:
    """What was left out of it would be dropped by the next PUT."""
    with pytest.raises(ValueError, match=r"list|cursor"):
        GROUPING.members(GROUP).read_page(payload)


def test_a_replacement_holds_just_the_ids() -> None:
    path, body = GROUPING.replacement(GROUP, ["a", "b"])
    assert (path, orjson.loads(body)) == (
        f"/groups/{GROUP}/on-call-schedules",
        {"on_call_schedule_ids": ["a", "b"]},
    )


@pytest.mark.parametrize("group", ["../users", "", f"{GROUP}/..", "Platform"])
def test_what_is_no_groups_id_never_becomes_a_path(group: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        GROUPING.replacement(group, [])
    with pytest.raises(ValueError, match="URL"):
        GROUPING.members(group)


def test_groups_that_follow_a_schedule_elsewhere_take_none() -> None:
    refusing = [f"{kind}_ON_CALL_SCHEDULE" for kind in ("PAGERDUTY", "INCIDENTIO", "ROOTLY")]
    assert all(map(takes_no_schedules, refusing))
    assert not any(map(takes_no_schedules, ["OPAL_GROUP", "OKTA_GROUP", "", "GRAFANA_TEAM"]))
