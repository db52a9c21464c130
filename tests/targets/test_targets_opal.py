"""Opal: what is sent, and what its answers, lists and errors are read as."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest

from importer.kinds.schedule import KIND as SCHEDULE_KIND
from importer.kinds.schedule import ScheduleRecord
from importer.records import TargetName
from importer.targets import TARGETS
from importer.targets.opal import OPAL
from importer.targets.target import Found

KEY = ScheduleRecord(third_party_provider="PAGER_DUTY", remote_id="PNZNINN").key
ID = "454daff4-e3fa-4c0f-a4b6-8a5d6e5b1b1a"
SCHEDULE = {"on_call_schedule_id": ID, "third_party_provider": "PAGER_DUTY", "remote_id": "PNZNINN", "name": "Primary"}


def listed(*entries: Any, **members: Any) -> dict[str, Any]:
    return {"on_call_schedules": list(entries), **members}


def test_a_schedule_is_posted_with_exactly_the_two_members_that_opal_takes() -> None:
    request = SCHEDULE_KIND.request(KEY)
    assert request.path == "/on-call-schedules"
    assert orjson.loads(request.body) == {"third_party_provider": "PAGER_DUTY", "remote_id": "PNZNINN"}


@pytest.mark.parametrize("remote_id", ["../groups", "a/b?c#d", 'quote"and\\', "00042", "Ünïcode 日本", "\x00", "1e5"])
def test_any_remote_id_goes_into_the_body_unchanged_and_never_into_the_path(remote_id: str) -> None:
    request = SCHEDULE_KIND.request(("OPSGENIE", remote_id))
    assert request.path == "/on-call-schedules"
    assert orjson.loads(request.body)["remote_id"] == remote_id


def test_one_list_covers_all_schedules() -> None:
    assert SCHEDULE_KIND.scope(KEY) == ""
    assert SCHEDULE_KIND.list_path("") == "/on-call-schedules"


def test_opal_takes_schedules_at_its_documented_hundred_a_second() -> None:
    assert TARGETS[TargetName.OPAL] is OPAL
    assert (SCHEDULE_KIND.target, OPAL.rate) == (TargetName.OPAL, 100.0)


# ---- the answer to a POST


def test_the_answer_to_a_post_is_read_as_what_was_sent_and_the_id() -> None:
    assert SCHEDULE_KIND.read_created(SCHEDULE) == Found(KEY, ID)


def test_a_schedules_own_id_is_one_id_whether_an_answer_or_the_list_shows_it_in_capitals() -> None:
    shown = {**SCHEDULE, "on_call_schedule_id": ID.upper()}
    assert SCHEDULE_KIND.read_created(shown) == Found(KEY, ID)
    assert SCHEDULE_KIND.read_page(listed(shown), "").found == (Found(KEY, ID),)


def test_an_answer_with_other_values_is_another_thing() -> None:
    found = SCHEDULE_KIND.read_created({**SCHEDULE, "remote_id": "PABCDEF"})
    assert found is not None
    assert (found.key, found.id) == (("PAGER_DUTY", "PABCDEF"), ID)


@pytest.mark.parametrize(("echoed", "id_"), [(42, "42"), (ID.upper(), ID)])
def test_a_number_echoed_for_a_text_of_digits_or_a_uuid_in_capitals_is_the_same_id(echoed: object, id_: str) -> None:
    found = SCHEDULE_KIND.read_created({**SCHEDULE, "remote_id": echoed})
    assert found is not None
    assert found.key == ("PAGER_DUTY", id_)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "created",
        {},
        {**SCHEDULE, "on_call_schedule_id": None},
        {**SCHEDULE, "on_call_schedule_id": 17},
        {**SCHEDULE, "on_call_schedule_id": "not-a-uuid"},
        {**SCHEDULE, "on_call_schedule_id": ID + "\n"},
        {**SCHEDULE, "on_call_schedule_id": "../" + ID},
        {key: value for key, value in SCHEDULE.items() if key != "remote_id"},
        {**SCHEDULE, "third_party_provider": None},
        {**SCHEDULE, "remote_id": {"id": "PNZNINN"}},
        {"data": SCHEDULE},
    ],
)
def test_an_answer_without_a_valid_id_or_without_the_sent_values_is_no_creation(payload: object) -> None:
    assert SCHEDULE_KIND.read_created(payload) is None


# ---- the list


def test_a_list_tells_key_and_id_of_each_schedule_and_that_there_is_no_more() -> None:
    other = {**SCHEDULE, "on_call_schedule_id": "other", "remote_id": "POTHER1"}
    page = SCHEDULE_KIND.read_page(listed(SCHEDULE, other), "")
    assert page.found == (Found(KEY, ID), Found(("PAGER_DUTY", "POTHER1"), "other"))
    assert page.next is None
    assert page.ids == {ID, "other"}


def test_a_provider_that_we_do_not_know_does_not_break_the_list() -> None:
    page = SCHEDULE_KIND.read_page(listed({**SCHEDULE, "third_party_provider": "INCIDENT_IO"}, SCHEDULE), "")
    assert [found.key[0] for found in page.found] == ["INCIDENT_IO", "PAGER_DUTY"]


@pytest.mark.parametrize("missing", ["third_party_provider", "remote_id"])
def test_an_entry_that_cannot_be_ours_is_skipped_but_its_id_is_known(missing: str) -> None:
    page = SCHEDULE_KIND.read_page(listed({**SCHEDULE, missing: None}), "")
    assert page.found == ()
    assert page.ids == {ID}


@pytest.mark.parametrize("payload", [None, [], {}, {"on_call_schedules": None}, {"on_call_schedules": {}}, "text", 5])
def test_an_answer_without_a_list_is_no_page(payload: object) -> None:
    with pytest.raises(ValueError, match="no list"):
        SCHEDULE_KIND.read_page(payload, "")


@pytest.mark.parametrize("entry", [None, "text", 5, ["x"]])
def test_an_entry_that_is_no_object_makes_the_page_unusable(entry: object) -> None:
    with pytest.raises(ValueError, match="no object"):
        SCHEDULE_KIND.read_page(listed(SCHEDULE, entry), "")


@pytest.mark.parametrize("id_", [None, "", {}, []])
def test_a_schedule_without_an_id_makes_the_page_unusable_rather_than_getting_an_id_of_none(id_: object) -> None:
    with pytest.raises(ValueError, match="without an id"):
        SCHEDULE_KIND.read_page(listed({**SCHEDULE, "on_call_schedule_id": id_}), "")


@pytest.mark.parametrize("cursor", [None, "", False])
def test_without_a_cursor_the_list_is_at_its_end(cursor: object) -> None:
    assert SCHEDULE_KIND.read_page(listed(SCHEDULE, next=cursor), "").next is None


@pytest.mark.parametrize(
    ("cursor", "query"),
    [("abc", "abc"), ("a b/c&d=e#f", "a%20b%2Fc%26d%3De%23f"), ("../../users", "..%2F..%2Fusers"), (7, "7")],
)
def test_a_cursor_is_followed_and_cannot_leave_the_list(cursor: object, query: str) -> None:
    assert SCHEDULE_KIND.read_page(listed(SCHEDULE, next=cursor), "").next == f"/on-call-schedules?cursor={query}"


def test_a_next_that_is_no_cursor_makes_the_page_unusable_rather_than_the_last() -> None:
    with pytest.raises(ValueError, match="cursor"):
        SCHEDULE_KIND.read_page(listed(SCHEDULE, next={"page": 2}), "")


# ---- errors


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"Message": "no such provider"}, "no such provider"),
        ({"message": "rate limit"}, "rate limit"),
        ({"error": "bad request"}, "bad request"),
        ({"Message": None, "error": "second"}, "second"),
        ({"Message": {"deep": 1}}, ""),
        ({"detail": "unheard of"}, ""),
        ([], ""),
        (None, ""),
        ("text", ""),
        ({}, ""),
    ],
)
def test_the_words_of_an_error_are_found_wherever_opal_puts_them(payload: object, words: str) -> None:
    assert OPAL.words(payload) == words


def test_the_headers_are_plain_json() -> None:
    assert OPAL.headers == {"Content-Type": "application/json", "Accept": "application/json"}
    assert re.fullmatch(r"/[a-z-]+", OPAL.probe_path)
