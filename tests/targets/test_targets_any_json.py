"""Whatever JSON a target answers, reading it ends in a value or in a ValueError, never in another error."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.kinds import KINDS, RecordKind
from importer.targets.opal import OPAL
from importer.targets.rootly import ROOTLY
from importer.targets.target import EntryList, Found, Page, Target

EACH_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
TARGETS = pytest.mark.parametrize("target", [OPAL, ROOTLY], ids=["opal", "rootly"])
SCOPE = "sched-1"
API = {target.name: target for target in (OPAL, ROOTLY)}

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        [
            "2026-02-19T18:12:19.680-08:00",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59.999999-23:59",
            "102",
            "1" * 5000,
        ]
    ),
)
NAMES = st.sampled_from(
    [
        "data",
        "errors",
        "error",
        "Message",
        "message",
        "meta",
        "links",
        "next",
        "next_page",
        "id",
        "type",
        "attributes",
        "on_call_schedules",
        "on_call_schedule_id",
        "third_party_provider",
        "remote_id",
        "schedule_id",
        "shadowable_type",
        "shadowable_id",
        "shadow_user_id",
        "user_id",
        "starts_at",
        "ends_at",
        "title",
        "detail",
        "source",
        "pointer",
    ]
)
ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=6),
    max_leaves=25,
)
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ["schedule_id", "shadowable_type", "shadowable_id", "shadow_user_id", "user_id", "starts_at", "ends_at"],
        ANY_JSON,
    ),
)
#: Answers that are nearly right, so that the reading gets as far as it can.
SHADOWS = st.fixed_dictionaries({"id": LEAVES, "attributes": ATTRIBUTES | ANY_JSON})
SCHEDULES = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(["on_call_schedule_id", "third_party_provider", "remote_id"], ANY_JSON)
)
PAGES = st.fixed_dictionaries(
    {"data": st.lists(SHADOWS, max_size=3), "on_call_schedules": st.lists(SCHEDULES, max_size=3)},
    optional={"links": ANY_JSON, "meta": ANY_JSON, "next": ANY_JSON, "errors": ANY_JSON},
)
ANSWERS = ANY_JSON | PAGES | SCHEDULES | st.fixed_dictionaries({"data": SHADOWS})


@EACH_KIND
@given(payload=ANSWERS)
def test_the_answer_to_a_post_is_an_object_found_or_nothing(kind: RecordKind, payload: Any) -> None:
    found = kind.read_created(payload)
    assert found is None or (isinstance(found, Found) and isinstance(found.key, tuple) and found.id)


@EACH_KIND
@given(payload=ANSWERS)
def test_a_list_is_a_page_whose_objects_all_have_ids_or_a_value_error(kind: RecordKind, payload: Any) -> None:
    try:
        page = kind.read_page(payload, SCOPE)
    except ValueError:
        return
    assert isinstance(page, Page)
    assert {found.id for found in page.found} <= page.ids
    assert "" not in page.ids
    assert page.next is None or page.next


PEOPLE = st.fixed_dictionaries(
    {"id": LEAVES},
    optional={
        "attributes": st.dictionaries(
            st.sampled_from(["name", "full_name", "first_name", "last_name", "email"]), LEAVES
        )
        | ANY_JSON
    },
)


@pytest.mark.parametrize("listed", [ROOTLY.users, ROOTLY.schedules], ids=["users", "schedules"])
@given(payload=ANSWERS | st.fixed_dictionaries({"data": st.lists(PEOPLE, max_size=3)}, optional={"links": ANY_JSON}))
def test_a_list_of_names_is_a_page_whose_entries_all_have_ids_or_a_value_error(listed: EntryList, payload: Any) -> None:
    try:
        page = listed.read_page(payload)
    except ValueError:
        return
    assert all(entry.id and isinstance(entry.name, str) and isinstance(entry.email, str) for entry in page.entries)
    assert len(page.entries) == len(payload["data"])
    assert page.next is None or page.next


@TARGETS
@given(payload=ANSWERS)
def test_the_words_of_an_error_are_a_text(target: Target, payload: Any) -> None:
    assert isinstance(target.words(payload), str)


DEEP = orjson.loads(b"[" * 1024 + b"]" * 1024)
SPOILED = [
    {"on_call_schedule_id": DEEP, "third_party_provider": DEEP, "remote_id": DEEP},
    {"on_call_schedules": [{"on_call_schedule_id": DEEP, "third_party_provider": DEEP, "remote_id": DEEP}]},
    {"on_call_schedules": [], "next": DEEP},
    {"data": {"id": "x", "attributes": dict.fromkeys(("schedule_id", "starts_at", "shadow_user_id"), DEEP)}},
    {"data": [{"id": DEEP, "attributes": DEEP}], "links": {"next": DEEP}, "meta": {"next_page": DEEP}},
    {"errors": [DEEP, {"title": DEEP, "detail": DEEP, "source": {"pointer": DEEP}}], "error": DEEP, "Message": DEEP},
    DEEP,
]


@EACH_KIND
@pytest.mark.parametrize("payload", SPOILED)
def test_the_deepest_nesting_that_the_parser_lets_through_ends_no_run(kind: RecordKind, payload: Any) -> None:
    """The text of such a list cannot be made: Python gives up with a RecursionError."""
    assert kind.read_created(payload) is None
    assert isinstance(API[kind.target].words(payload), str)
    try:
        kind.read_page(payload, SCOPE)
    except ValueError:
        return
