"""An e-mail address, a full name or a schedule's name leads to an id, exactly or not at all."""

from __future__ import annotations

import re
import string
import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.cells import Unreadable
from importer.normalizer.references import Directory, is_schedule_reference, is_user_reference
from importer.records import ID_PATTERN
from importer.targets.target import DirectoryEntry

if TYPE_CHECKING:
    from collections.abc import Iterable

PEOPLE = [
    DirectoryEntry("101", "Anna Berg", "anna.berg@example.com"),
    DirectoryEntry("102", "Ben Osei", "Ben.Osei@Example.com"),
    DirectoryEntry("103", "Chloé Martin", "chloe.martin@example.com"),
    DirectoryEntry("104", "Hugo Álvarez", "hugo@example.com"),
    DirectoryEntry("105", "Kim Nguyen", "kim.nguyen@example.com"),
    DirectoryEntry("106", "Kim Nguyen", "kim.nguyen2@example.com"),
    DirectoryEntry("107", "", "robot@example.com"),
]
SCHEDULES = [
    DirectoryEntry("sched-1", "Payments primary"),
    DirectoryEntry("sched-2", "Payments secondary"),
    DirectoryEntry("sched-3", "Search primary"),
    DirectoryEntry("sched-4", "Support weekend"),
    DirectoryEntry("sched-5", "Support weekend"),
    DirectoryEntry("sched-6", "Primary"),
]
DIRECTORY = Directory(PEOPLE, SCHEDULES)


def fault(found: str | Unreadable) -> Unreadable:
    assert isinstance(found, Unreadable)
    return found


def ids_in(hint: str) -> list[str]:
    return re.findall(r"(\S+) \(", hint)


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("anna.berg@example.com", "101"),
        ("ANNA.BERG@EXAMPLE.COM", "101"),
        ("ben.osei@example.com", "102"),
        ("  anna.berg@example.com\t", "101"),
        ("Anna Berg", "101"),
        (" Anna  Berg\u00a0", "101"),
        ("Chloé Martin", "103"),
        (unicodedata.normalize("NFD", "Chloé Martin"), "103"),
        ("name:Anna Berg", "101"),
        ("Name: Anna Berg", "101"),
    ],
)
def test_a_user_is_found_by_address_in_any_case_and_by_exact_name(text: str, id_: str) -> None:
    assert DIRECTORY.find("user", text) == id_


@pytest.mark.parametrize(
    ("text", "id_"),
    [("Payments primary", "sched-1"), (" Search  primary ", "sched-3"), ("name:Primary", "sched-6")],
)
def test_a_schedule_is_found_by_its_exact_name(text: str, id_: str) -> None:
    assert DIRECTORY.find("schedule", text) == id_


@pytest.mark.parametrize("text", ["anna berg", "ANNA BERG", "Anna", "Berg", "Anna Bergs", "Berg, Anna", "anna.berg"])
def test_a_name_that_is_nearly_right_is_no_user_but_a_suggestion_with_its_id(text: str) -> None:
    found = fault(DIRECTORY.find("user", text))
    assert found.reason == ", which is the full name of no user"
    assert found.topic == "user not found"
    assert ids_in(found.hint)[0] == "101"
    assert '101 ("Anna Berg", "anna.berg@example.com")' in found.hint


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("ana.berg@example.com", "101"),
        ("anna.berg@exmaple.com", "101"),
        ("hugo.alvarez@example.com", "104"),
        ("Anna Berg <anna.berg@example.com>", "101"),
    ],
)
def test_an_address_that_is_nearly_right_is_a_suggestion_too(text: str, id_: str) -> None:
    found = fault(DIRECTORY.find("user", text))
    assert found.reason == ", which is the e-mail address of no user"
    assert ids_in(found.hint)[0] == id_


def test_who_shares_only_the_employers_domain_is_not_near() -> None:
    assert fault(DIRECTORY.find("user", "zed@example.com")).hint == (
        "write the e-mail address as Rootly has it, or the user's id"
    )


def test_the_hint_of_a_schedule_names_the_nearest() -> None:
    found = fault(DIRECTORY.find("schedule", "payments Primary"))
    assert found.reason == ", which is the name of no schedule"
    assert found.hint == (
        'write the name as Rootly has it, or the schedule\'s id; the nearest are sched-1 ("Payments primary"), '
        'sched-6 ("Primary")'
    )
    assert found.topic == "schedule not found"


def test_what_differs_in_case_only_is_suggested_first() -> None:
    directory = Directory(None, entries(["Zürich Oncall", "ZURICH oncall", "Zurich-Oncall"]))
    assert ids_in(fault(directory.find("schedule", "zurich oncall")).hint)[0] == "id-1"


def test_at_most_three_are_suggested() -> None:
    directory = Directory(None, entries(f"Team {number} primary" for number in range(50)))
    assert len(ids_in(fault(directory.find("schedule", "Team primary")).hint)) == 3


def test_a_name_of_two_is_nobodys() -> None:
    found = fault(DIRECTORY.find("user", "Kim Nguyen"))
    assert found.reason == ", which is the full name of 2 users"
    assert found.hint == (
        'write the id of the one that is meant: 105 ("Kim Nguyen", "kim.nguyen@example.com"), '
        '106 ("Kim Nguyen", "kim.nguyen2@example.com")'
    )
    assert found.topic == "user found more than once"
    assert fault(DIRECTORY.find("schedule", "Support weekend")).topic == "schedule found more than once"


def test_addresses_that_differ_in_case_only_are_ambiguous() -> None:
    directory = Directory([DirectoryEntry("1", "A", "x@example.com"), DirectoryEntry("2", "B", "X@example.com")], None)
    assert ids_in(fault(directory.find("user", "x@example.com")).hint) == ["1", "2"]


def test_of_many_of_one_name_three_are_named_and_the_rest_counted() -> None:
    directory = Directory(None, entries(["Primary team"] * 40))
    found = fault(directory.find("schedule", "Primary team"))
    assert ids_in(found.hint) == ["id-0", "id-1", "id-2"]
    assert found.hint.endswith(" and 37 more")


def test_an_entry_listed_twice_is_one() -> None:
    directory = Directory([PEOPLE[0], PEOPLE[0]], [SCHEDULES[0], SCHEDULES[0]])
    assert (directory.find("user", "Anna Berg"), directory.find("schedule", "Payments primary")) == ("101", "sched-1")


def test_who_has_no_name_is_not_found_by_an_empty_one() -> None:
    assert (
        fault(Directory([DirectoryEntry("1", "", "")], [DirectoryEntry("a", "")]).find("user", "name: ")).topic
        == "user not found"
    )


@pytest.mark.parametrize("id_", ["abc", "-1", "1.5", "99999999999999999999", "٣", "0", "../../users"])
def test_an_id_that_no_user_can_have_is_not_handed_on(id_: str) -> None:
    found = fault(Directory([DirectoryEntry(id_, "Anna Berg", "")], None).find("user", "Anna Berg"))
    assert (found.topic, f'"{id_}"' in found.reason) == ("user with an unusable id", True)


def test_a_schedules_id_that_would_climb_a_path_is_not_handed_on() -> None:
    assert (
        fault(Directory(None, [DirectoryEntry("../../users", "A b")]).find("schedule", "A b")).topic
        == "schedule with an unusable id"
    )


def test_a_list_that_is_not_there_says_why() -> None:
    directory = Directory(None, None, no_users="rootly refused it (403): Forbidden")
    found = fault(directory.find("user", "Anna Berg"))
    assert found.reason == ", which cannot be looked up in the list of users: rootly refused it (403): Forbidden"
    assert (found.hint, found.topic) == ("write the user's id", "users not listed")
    assert fault(directory.find("schedule", "A b")).topic == "schedules not listed"


def test_foreign_text_in_a_hint_is_cut_and_escaped() -> None:
    directory = Directory(
        [DirectoryEntry("1", "Anna\x1b[31m Berg", "\u202ea@b"), DirectoryEntry("2", "Anna Berg" + "g" * 5000, "")], None
    )
    hint = fault(directory.find("user", "Anna Berg")).hint
    assert hint.isprintable()
    assert "\\x1b" in hint
    assert len(hint) < 500


def test_a_column_of_nonsense_does_not_hold_up_a_check() -> None:
    """Thousands of different texts in a directory of thousands: after a while they go without suggestions."""
    directory = Directory(None, entries(f"Team number {number}" for number in range(4000)))
    found = [fault(directory.find("schedule", f"Nobody of {number}")) for number in range(20_000)]
    assert {one.topic for one in found} == {"schedule not found"}


# ---- what is a reference, and what is an id


@pytest.mark.parametrize(
    ("text", "is_reference"),
    [
        ("101", False),
        ("00042", False),
        ("18446744073709551615", False),
        ("anna@example.com", True),
        ("Anna Berg", True),
        ("Anna", True),
        ("李 雷", True),
        ("name:007", True),
        ("1.5", False),
        ("102.0", False),
        ("1e5", False),
        ("-7", False),
        ("---", False),
        ("name:", False),
        ("name:  ", False),
        ("../../users", False),
        ("Anna\nBerg", False),
        ("Anna\u202eBerg", False),
        ("A" * 321, False),
        ("name:" + "A" * 321, False),
        ("", False),
    ],
)
def test_what_names_a_user(text: str, is_reference: bool) -> None:
    assert is_user_reference(text) is is_reference


@pytest.mark.parametrize(
    ("text", "is_reference"),
    [
        ("3f6c1b1e-52a4-4f0e-9d0e-6f5b8a7c2d10", False),
        ("sched-1", False),
        ("Primary", False),
        ("4711", False),
        ("name:Primary", True),
        ("NAME: Primary", True),
        ("Payments primary", True),
        ("Payments.primary", True),
        ("Müller", True),
        ("EU/US", True),
        ("-primary", True),
        ("1.5", False),
        ("a/../b", False),
        ("..", False),
        ("", False),
    ],
)
def test_what_names_a_schedule(text: str, is_reference: bool) -> None:
    assert is_schedule_reference(text) is is_reference


@given(st.from_regex(ID_PATTERN, fullmatch=True))
def test_whatever_can_be_a_schedules_id_is_one(text: str) -> None:
    assert not is_schedule_reference(text)


@given(st.text(string.digits, min_size=1, max_size=30))
def test_digits_are_a_users_id(text: str) -> None:
    assert not is_user_reference(text)


NAMES = st.lists(st.text(max_size=20), max_size=8)


def entries(names: Iterable[str]) -> list[DirectoryEntry]:
    return [DirectoryEntry(f"id-{number}", name) for number, name in enumerate(names)]


@given(names=NAMES, text=st.text(max_size=20))
def test_whatever_the_names_are_an_id_is_found_for_the_very_name_alone(names: list[str], text: str) -> None:
    found = Directory(None, entries(names)).find("schedule", text)
    if isinstance(found, Unreadable):
        assert found.reason
        assert found.hint.isprintable()
    else:
        name = next(one.name for one in entries(names) if one.id == found)
        prefixed = re.sub(r"(?i)^\s*name\s*:", "", text)
        same = [" ".join(unicodedata.normalize("NFC", one).split()) for one in (name, text, prefixed)]
        assert same[0] in same[1:]


@given(names=st.lists(st.from_regex(r"[A-Za-zÀ-ÿ]{1,8} [A-Za-zÀ-ÿ]{1,8}", fullmatch=True), unique=True, min_size=1))
def test_every_name_that_is_there_once_is_found(names: list[str]) -> None:
    people = [DirectoryEntry(str(number), name, f"u{number}@example.com") for number, name in enumerate(names, 1)]
    directory = Directory(people, None)
    for person in people:
        assert directory.find("user", person.name) == directory.find("user", person.email.upper()) == person.id
