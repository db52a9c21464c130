"""What a look at an object that is to be deleted shows, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from importer.delivery.client import Answer
from importer.delivery.replies import Sight, Subject, judge_look
from importer.kinds import RecordKind, Removal
from importer.kinds.override import KIND as OVERRIDE
from importer.kinds.shadow import KIND as SHADOW
from importer.targets.rootly import ROOTLY

if TYPE_CHECKING:
    from importer.records import Key

ID = "454daff4-e3fa-4c0f-a4b6-8a5d6e5b1b1a"
STARTS, ENDS = 1_800_000_000, 1_800_028_800  # 2027-01-15T08:00:00Z, eight hours
KEY: Key = ("sched-1", "User", "101", 102, STARTS, ENDS)
BEFORE, DURING, AFTER = STARTS - 60, STARTS + 3600, ENDS + 60
SUBJECT = Subject(ID, KEY)
DOUBTFUL = Subject(ID, KEY, may_be_deleted=True)
MISSING = orjson.dumps({"errors": [{"title": "not found", "status": "404"}]})
NO_PATH = orjson.dumps({"error": "Not found"})


def removal() -> Removal:
    assert SHADOW.removal is not None
    return SHADOW.removal


def shadow(id_: str = ID, **changed: Any) -> bytes:
    """Give the shadow as the target shows it: another zone, and milliseconds."""
    attributes = {
        "schedule_id": "sched-1",
        "shadowable_type": "User",
        "shadowable_id": "101",
        "shadow_user_id": 102,
        "starts_at": "2027-01-15T00:00:00.680-08:00",
        "ends_at": "2027-01-15T17:00:00.000+01:00",
    }
    return orjson.dumps({"data": {"id": id_, "attributes": {**attributes, **changed}}})


CUT = shadow(ends_at="2027-01-15T09:00:00.123Z")


@pytest.mark.parametrize(
    ("status", "body", "subject", "now", "sight"),
    [
        (200, shadow(), SUBJECT, BEFORE, Sight.SAME),
        (200, shadow(), DOUBTFUL, AFTER, Sight.SAME),
        (200, shadow(shadow_user_id=103), SUBJECT, BEFORE, Sight.CHANGED),
        (200, shadow(schedule_id="sched-2"), DOUBTFUL, AFTER, Sight.CHANGED),
        (200, shadow(starts_at="2027-01-15T08:00:01Z"), SUBJECT, BEFORE, Sight.CHANGED),
        (200, CUT, SUBJECT, DURING + 60, Sight.CHANGED),  # nobody of ours has cut it
        (200, CUT, DOUBTFUL, DURING, Sight.CUT),
        (200, CUT, DOUBTFUL, BEFORE, Sight.CHANGED),  # it is not over, so that it was not cut to a now
        (200, shadow(ends_at="2027-01-16T00:00:00Z"), DOUBTFUL, AFTER, Sight.CHANGED),  # it was made longer
        (200, shadow("another"), SUBJECT, BEFORE, Sight.UNREADABLE),
        (200, b"<html>", SUBJECT, BEFORE, Sight.UNREADABLE),
        (200, b"[" * 5000, SUBJECT, BEFORE, Sight.UNREADABLE),
        (404, MISSING, SUBJECT, BEFORE, Sight.GONE),
        (404, NO_PATH, SUBJECT, BEFORE, Sight.HIDDEN),  # no such path is no proof
        (404, b"<html>", SUBJECT, BEFORE, Sight.HIDDEN),
        (410, b"", SUBJECT, BEFORE, Sight.GONE),
        (403, MISSING, SUBJECT, BEFORE, Sight.HIDDEN),
    ],
)
def test_what_a_look_means(status: int, body: bytes, subject: Subject, now: float, sight: Sight) -> None:
    assert judge_look(Answer(status, {}, body), ROOTLY, removal(), subject, now).sight is sight


@pytest.mark.parametrize("kind", [SHADOW, OVERRIDE], ids=lambda kind: kind.name)
def test_an_object_whose_id_is_a_number_is_known_by_it(kind: RecordKind) -> None:
    """A list may hold numbers too: what a run found by one must be removable by an undo."""
    assert kind.removal is not None
    user = {"shadowable_type": "User", "shadowable_id": "7", "shadow_user_id": 8, "user_id": 8}
    times = {"starts_at": "2027-01-15T08:00:00Z", "ends_at": "2027-01-15T16:00:00Z"}
    found = kind.removal.read({"data": {"id": 1004, "attributes": {"schedule_id": "s", **user, **times}}})
    assert found is not None
    assert found.id == "1004"


def test_what_has_changed_is_named_with_both_values() -> None:
    body = shadow(shadow_user_id=103, ends_at="2027-01-15T18:00:00+01:00")
    words = judge_look(Answer(200, {}, body), ROOTLY, removal(), SUBJECT, BEFORE).words
    assert words == (
        "shadow_user_id is 103, sent was 102; ends_at is 2027-01-15T17:00:00Z, sent was 2027-01-15T16:00:00Z"
    )
