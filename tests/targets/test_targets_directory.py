"""Rootly's users and schedules by name: where their lists are, and what a page of them is read as."""

from __future__ import annotations

from typing import Any

import pytest

from importer.targets.opal import OPAL
from importer.targets.rootly import ROOTLY
from importer.targets.target import DirectoryEntry, EntryList

assert ROOTLY.users is not None
assert ROOTLY.schedules is not None
USERS: EntryList = ROOTLY.users
SCHEDULES: EntryList = ROOTLY.schedules
LISTS = pytest.mark.parametrize("listed", [USERS, SCHEDULES], ids=["users", "schedules"])


def entry(id_: object = "101", **attributes: Any) -> dict[str, Any]:
    return {"id": id_, "type": "users", "attributes": attributes}


def page(*items: Any, **members: Any) -> dict[str, Any]:
    return {"data": list(items), **members}


def test_the_lists_are_asked_for_by_the_largest_pages_users_in_an_order_that_stays() -> None:
    assert USERS.path == "/v1/users?sort=created_at&page%5Bnumber%5D=1&page%5Bsize%5D=100"
    assert SCHEDULES.path == "/v1/schedules?page%5Bnumber%5D=1&page%5Bsize%5D=100"
    assert (USERS.what, SCHEDULES.what) == ("users", "schedules")


def test_opal_has_no_such_lists() -> None:
    assert (OPAL.users, OPAL.schedules) == (None, None)


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ({"full_name": "Anna Berg", "first_name": "Anna", "last_name": "Berg"}, "Anna Berg"),
        ({"full_name": "Anna M. Berg", "first_name": "Anna", "last_name": "Berg"}, "Anna M. Berg"),
        ({"full_name": None, "first_name": "Anna", "last_name": "Berg"}, "Anna Berg"),
        ({"full_name": "", "first_name": "Anna", "last_name": None}, "Anna"),
        ({"last_name": "Berg"}, "Berg"),
        ({"full_name_with_team": "[Team] Anna Berg"}, ""),
        ({}, ""),
    ],
)
def test_a_users_name_is_the_full_name_else_what_it_would_be_made_of(attributes: dict[str, Any], name: str) -> None:
    found = USERS.read_page(page(entry(email="a@example.com", **attributes)))
    assert found.entries == (DirectoryEntry("101", name, "a@example.com"),)


def test_a_schedule_is_its_id_and_name() -> None:
    found = SCHEDULES.read_page(page(entry("sched-1", name="Primary", email="x"), {"id": "sched-2"}))
    assert found.entries == (DirectoryEntry("sched-1", "Primary"), DirectoryEntry("sched-2", ""))
    assert found.ids == {"sched-1", "sched-2"}


def test_an_id_that_came_as_a_number_is_a_text() -> None:
    assert USERS.read_page(page(entry(101))).ids == {"101"}


@LISTS
@pytest.mark.parametrize(
    ("members", "following"),
    [
        ({"links": {"next": "https://x/v1/y?page=2"}, "meta": {"next_page": 3}}, "https://x/v1/y?page=2"),
        ({"links": {"next": None}, "meta": {"next_page": None}}, None),
        ({}, None),
    ],
)
def test_the_next_page_is_where_its_link_says(
    listed: EntryList, members: dict[str, Any], following: str | None
) -> None:
    assert listed.read_page(page(**members)).next == following


@LISTS
def test_without_links_the_next_page_has_the_next_number_of_the_same_list(listed: EntryList) -> None:
    found = listed.read_page(page(meta={"next_page": 7}))
    assert found.next == listed.path.replace("%5Bnumber%5D=1", "%5Bnumber%5D=7")


@LISTS
def test_a_full_page_that_does_not_tell_of_a_next_one_is_no_end(listed: EntryList) -> None:
    with pytest.raises(ValueError, match="does not say whether there is another"):
        listed.read_page(page(*(entry(str(number)) for number in range(100))))


@LISTS
@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {},
        {"data": {}},
        {"errors": []},
        page("x"),
        page(None),
        page({"attributes": {"name": "Primary", "email": "a@example.com"}}),
        page(entry("")),
        page(entry(None, name="Primary")),
        page(entry([1])),
        page(links={"next": 5}),
    ],
    ids=str,
)
def test_what_is_no_page_or_holds_an_entry_without_an_id_is_an_error(listed: EntryList, payload: Any) -> None:
    with pytest.raises(ValueError, match="the "):
        listed.read_page(payload)


@pytest.mark.parametrize("name", ["full_name", "first_name", "last_name", "email"])
@pytest.mark.parametrize("value", [5, ["x"], {"x": 1}, True])
def test_a_users_value_that_is_no_text_is_an_error_not_a_user_without_it(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} is no text"):
        USERS.read_page(page(entry(**{name: value})))
