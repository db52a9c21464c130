"""Rootly: what is sent, and what its answers, lists and errors are read as."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from importer.kinds.shadow import KIND as SHADOW
from importer.kinds.shadow import ShadowRecord
from importer.records import Key, TargetName
from importer.targets import TARGETS
from importer.targets.rootly import ROOTLY
from importer.targets.target import Found

RECORD = ShadowRecord(
    schedule_id="sched-1",
    shadowable_type="User",
    shadowable_id="101",
    shadow_user_id=102,
    starts_at=datetime(2026, 2, 20, 2, 12, 19, tzinfo=UTC),
    ends_at=datetime(2026, 7, 20, 2, 12, 19, tzinfo=UTC),
)
KEY: Key = RECORD.key
ID = "b5a31c88-2d7b-4e3c-9f3a-0d9d6b1c2e4f"
#: As the API answers: in the time zone of the key's user, with milliseconds.
ATTRIBUTES = {
    "schedule_id": "sched-1",
    "shadowable_type": "User",
    "shadowable_id": "101",
    "shadow_user_id": 102,
    "starts_at": "2026-02-19T18:12:19.680-08:00",
    "ends_at": "2026-07-19T19:12:19.000-07:00",
    "created_at": "2026-01-01T00:00:00.000-08:00",
}


def shadow(id_: object = ID, **changed: Any) -> dict[str, Any]:
    return {"id": id_, "type": "on_call_shadows", "attributes": ATTRIBUTES | changed}


def page(*items: Any, **members: Any) -> dict[str, Any]:
    return {"data": list(items), **members}


def test_a_shadow_is_posted_below_its_schedule_in_json_api() -> None:
    request = SHADOW.request(KEY)
    assert request.path == "/v1/schedules/sched-1/on_call_shadows"
    attributes = {
        "shadowable_type": "User",
        "shadowable_id": "101",
        "shadow_user_id": 102,
        "starts_at": "2026-02-20T02:12:19Z",
        "ends_at": "2026-07-20T02:12:19Z",
    }
    assert orjson.loads(request.body) == {"data": {"type": "on_call_shadows", "attributes": attributes}}


def test_the_largest_user_id_is_sent_as_an_integer_to_the_last_digit() -> None:
    body = SHADOW.request((*KEY[:3], 2**64 - 1, *KEY[4:])).body
    assert b'"shadow_user_id":18446744073709551615' in body


@pytest.mark.parametrize(
    "schedule_id",
    [
        "../../users",
        "..",
        ".",
        "",
        "a/b",
        "a?b",
        "a#b",
        "a%2Fb",
        "a b",
        "a\n",
        "a\\b",
        "é",
        "-a",
        "a" * 129,
        "a;b",
        "a:b",
    ],
)
def test_an_id_that_cannot_stand_in_a_url_raises_before_there_is_one(schedule_id: str) -> None:
    with pytest.raises(ValueError, match="cannot be part of a URL"):
        SHADOW.request((schedule_id, *KEY[1:]))
    with pytest.raises(ValueError, match="cannot be part of a URL"):
        SHADOW.list_path(schedule_id)


@pytest.mark.parametrize("schedule_id", ["a", "0", "A-b_9", "a" * 128])
def test_the_path_equals_the_template_for_every_id_that_passes(schedule_id: str) -> None:
    path = SHADOW.request((schedule_id, *KEY[1:])).path
    assert path.split("/") == ["", "v1", "schedules", schedule_id, "on_call_shadows"]


def test_one_list_covers_a_schedule_and_asks_for_the_largest_pages() -> None:
    assert SHADOW.scope(KEY) == "sched-1"
    assert SHADOW.list_path("sched-1") == "/v1/schedules/sched-1/on_call_shadows?page%5Bnumber%5D=1&page%5Bsize%5D=100"


def test_rootly_takes_shadows_at_its_documented_three_thousand_a_minute_in_json_api() -> None:
    assert TARGETS[TargetName.ROOTLY] is ROOTLY
    assert (SHADOW.target, ROOTLY.rate, ROOTLY.probe_path) == (TargetName.ROOTLY, 50.0, "/v1/users/me")
    assert set(ROOTLY.headers.values()) == {"application/vnd.api+json"}
    assert set(ROOTLY.headers) == {"Content-Type", "Accept"}


# ---- the answer to a POST


def test_an_answer_in_another_time_zone_with_milliseconds_equals_what_was_sent() -> None:
    assert SHADOW.read_created({"data": shadow()}) == Found(KEY, ID)


@pytest.mark.parametrize("moment", ["2026-02-20T02:12:19Z", "2026-02-20T02:12:19.999Z", "2026-02-20T07:57:19+05:45"])
def test_the_same_instant_is_the_same_however_it_is_written(moment: str) -> None:
    found = SHADOW.read_created({"data": shadow(starts_at=moment)})
    assert found is not None
    assert found.key == KEY


def test_an_objects_own_id_is_one_id_whether_an_answer_or_a_list_shows_it_in_capitals() -> None:
    """Else verify would call it changed, and undo would not delete it, or call it gone."""
    uuid = "454daff4-e3fa-4c0f-a4b6-8a5d6e5b1b1a"
    for text in (uuid, uuid.upper()):
        assert SHADOW.read_created({"data": {**shadow(), "id": text}}) == Found(KEY, uuid)
        assert SHADOW.read_page(page({**shadow(), "id": text}), "sched-1").found == (Found(KEY, uuid),)


@pytest.mark.parametrize("name", ["schedule_id", "shadowable_id"])
def test_a_uuid_that_is_echoed_in_capitals_is_the_same_id(name: str) -> None:
    uuid = "454daff4-e3fa-4c0f-a4b6-8a5d6e5b1b1a"
    found = [SHADOW.read_created({"data": shadow(**{name: text})}) for text in (uuid, uuid.upper())]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "changed",
    [
        {"schedule_id": "sched-2"},
        {"schedule_id": None},
        {"shadowable_type": "Schedule"},
        {"shadowable_id": "1010"},
        {"shadow_user_id": 103},
        {"starts_at": "2026-02-20T02:12:20Z"},
        {"starts_at": "2026-02-20T02:12:18.999Z"},
        {"ends_at": "2026-07-20T03:12:19Z"},
    ],
)
def test_an_answer_with_another_value_is_another_thing_and_says_its_id(changed: dict[str, Any]) -> None:
    found = SHADOW.read_created({"data": shadow(**changed)})
    assert found is not None
    assert found.key != KEY
    assert found.id == ID


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {},
        {"data": None},
        {"data": [shadow()]},
        {"data": {"id": ID}},
        {"data": {"id": ID, "attributes": []}},
        {"data": shadow(None)},
        {"data": shadow("")},
        {"data": shadow(17)},
        {"data": shadow("a/b")},
        {"data": shadow(starts_at=None)},
        {"data": shadow(starts_at="soon")},
        {"data": shadow(starts_at="2026-02-20T02:12:19")},
        {"data": shadow(starts_at="2026-02-30T02:12:19Z")},
        {"data": shadow(shadow_user_id="somebody")},
        {"data": shadow(shadow_user_id=[102])},
    ],
)
def test_an_answer_without_a_valid_id_or_readable_values_is_no_creation(payload: object) -> None:
    assert SHADOW.read_created(payload) is None


# ---- the list


@pytest.mark.parametrize("said", ["454daff4-e3fa-4c0f-a4b6-8a5d6e5b1b1a", "SCHED-1", None, ""])
def test_an_entry_belongs_to_the_schedule_that_was_asked_about_also_where_it_writes_it_in_another_form(
    said: str | None,
) -> None:
    read = SHADOW.read_page(page(shadow(schedule_id=said)), "sched-1")
    assert (read.found, read.strangers) == ((Found(KEY, ID),), 0)


def test_an_entry_of_another_schedule_is_no_record_of_this_one_and_speaks_against_the_list() -> None:
    read = SHADOW.read_page(page(shadow(schedule_id="sched-2")), "sched-1")
    assert (read.found, read.strangers, read.ids) == ((), 1, frozenset({ID}))


@pytest.mark.parametrize("missing", ["shadowable_type", "shadowable_id", "starts_at", "ends_at"])
def test_an_entry_that_cannot_be_ours_is_skipped_but_its_id_is_known(missing: str) -> None:
    read = SHADOW.read_page(page(shadow(**{missing: None}), shadow("second")), "sched-1")
    assert read.found == (Found(KEY, "second"),)
    assert read.ids == {ID, "second"}


@pytest.mark.parametrize("attributes", [None, [], "text"])
def test_an_entry_without_attributes_is_skipped(attributes: object) -> None:
    assert SHADOW.read_page(page({"id": ID, "attributes": attributes}), "sched-1").found == ()


@pytest.mark.parametrize(
    "entry",
    [
        None,
        "text",
        [shadow()],
        shadow(starts_at="soon"),
        shadow(starts_at="2026-02-20T02:12:19"),
        shadow(shadow_user_id="somebody"),
        shadow(shadowable_id={"id": "101"}),
        shadow(None),
        shadow(""),
        shadow({}),
    ],
)
def test_an_entry_of_which_nobody_can_tell_whether_it_is_ours_makes_the_page_unusable(entry: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        SHADOW.read_page(page(shadow("first"), entry), "sched-1")


@pytest.mark.parametrize("payload", [None, [], {}, {"data": None}, {"data": {}}, {"data": "text"}, 5])
def test_an_answer_without_a_list_is_no_page(payload: object) -> None:
    with pytest.raises(ValueError, match="no list"):
        SHADOW.read_page(payload, "sched-1")


FULL = [shadow(str(number)) for number in range(100)]
SECOND = "/v1/schedules/sched-1/on_call_shadows?page%5Bnumber%5D=2&page%5Bsize%5D=100"


@pytest.mark.parametrize(
    ("members", "following"),
    [
        ({"links": {"next": "/v1/next"}}, "/v1/next"),
        (
            {"links": {"next": "https://api.rootly.com/x?page=2"}, "meta": {"next_page": 9}},
            "https://api.rootly.com/x?page=2",
        ),
        ({"links": {"next": None}, "meta": {"next_page": 2}}, SECOND),
        ({"links": {"next": ""}, "meta": {"next_page": 2}}, SECOND),
        ({"meta": {"next_page": 2}}, SECOND),
        ({"meta": {"next_page": None}}, None),
        ({"links": {"next": None}}, None),
        ({"links": {"next": None}, "meta": {"next_page": None}}, None),
    ],
)
def test_the_next_page_is_found_by_its_link_else_by_its_number(members: dict[str, Any], following: str | None) -> None:
    assert SHADOW.read_page(page(*FULL, **members), "sched-1").next == following


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"links": None, "meta": None},
        {"links": {}, "meta": {}},
        {"meta": {"total_count": 250}},
        {"links": 5, "meta": "x"},
        {"links": {"next": None}, "meta": {"next_page": None, "next_cursor": "eyJpZCI6OX0"}},
    ],
)
def test_a_full_page_that_does_not_tell_whether_there_is_another_is_unusable(members: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="whether there is another"):
        SHADOW.read_page(page(*FULL, **members), "sched-1")


def test_a_page_that_is_not_full_is_the_last_where_it_does_not_say_otherwise() -> None:
    assert SHADOW.read_page(page(*FULL[:99]), "sched-1").next is None


@pytest.mark.parametrize(
    "members", [{"links": {"next": {"href": "/x"}}}, {"links": {"next": 2}}, {"meta": {"next_page": "2"}}]
)
def test_a_next_page_that_cannot_be_read_makes_the_page_unusable_rather_than_the_last(members: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="which page is next"):
        SHADOW.read_page(page(shadow(), **members), "sched-1")


# ---- errors


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"errors": [{"title": "Unprocessable", "status": "422", "detail": "no seat"}]}, "Unprocessable: no seat"),
        (
            {"errors": [{"title": "a", "source": {"pointer": "/data/attributes/starts_at"}}, {"detail": "b"}]},
            "a (/data/attributes/starts_at); b",
        ),
        ({"errors": ["plain words", {"title": None}]}, "plain words"),
        ({"errors": [{"title": ["x"], "detail": {"y": 1}, "source": "z"}]}, ""),
        ({"errors": []}, ""),
        ({"errors": "text"}, ""),
        ({"error": "Rate limit exceeded. Try again later."}, "Rate limit exceeded. Try again later."),
        ({"error": {"code": 5}}, ""),
        ([], ""),
        (None, ""),
        ("text", ""),
    ],
)
def test_the_words_of_an_error_are_found_in_json_api_and_in_the_flat_form(payload: object, words: str) -> None:
    assert ROOTLY.words(payload) == words
