"""What follows from an answer about an object that is to be deleted, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from importer.delivery.client import Answer, Lost, NotSent, Reply
from importer.delivery.replies import DeleteVerdict, Subject, judge_delete, judge_look
from importer.kinds.kind import Removal
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
ENDED = orjson.dumps({"errors": [{"title": "Shadow period has already ended", "status": "422"}]})


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
    ("status", "body", "subject", "now", "finding"),
    [
        (200, shadow(), SUBJECT, BEFORE, DeleteVerdict.SAME),
        (200, shadow(), DOUBTFUL, AFTER, DeleteVerdict.SAME),
        (200, shadow(shadow_user_id=103), SUBJECT, BEFORE, DeleteVerdict.CHANGED),
        (200, shadow(schedule_id="sched-2"), DOUBTFUL, AFTER, DeleteVerdict.CHANGED),
        (200, shadow(starts_at="2027-01-15T08:00:01Z"), SUBJECT, BEFORE, DeleteVerdict.CHANGED),
        (200, CUT, SUBJECT, DURING + 60, DeleteVerdict.CHANGED),  # nobody of ours has cut it
        (200, CUT, DOUBTFUL, DURING, DeleteVerdict.CUT),
        (200, CUT, DOUBTFUL, BEFORE, DeleteVerdict.CHANGED),  # it is not over, so that it was not cut to a now
        (200, shadow(ends_at="2027-01-16T00:00:00Z"), DOUBTFUL, AFTER, DeleteVerdict.CHANGED),  # it was made longer
        (200, shadow("another"), SUBJECT, BEFORE, DeleteVerdict.IN_DOUBT),
        (200, b"<html>", SUBJECT, BEFORE, DeleteVerdict.IN_DOUBT),
        (200, b"[" * 5000, SUBJECT, BEFORE, DeleteVerdict.IN_DOUBT),
        (404, MISSING, SUBJECT, BEFORE, DeleteVerdict.GONE),
        (404, NO_PATH, SUBJECT, BEFORE, DeleteVerdict.REFUSED),  # no such path is no proof
        (404, b"<html>", SUBJECT, BEFORE, DeleteVerdict.REFUSED),
        (403, MISSING, SUBJECT, BEFORE, DeleteVerdict.REFUSED),
    ],
)
def test_what_a_look_means(status: int, body: bytes, subject: Subject, now: float, finding: DeleteVerdict) -> None:
    assert judge_look(Answer(status, {}, body), ROOTLY, removal(), subject, now).finding is finding


@pytest.mark.parametrize(
    ("reply", "now", "finding"),
    [
        (Answer(200, {}, shadow()), BEFORE, DeleteVerdict.DELETED),
        (Answer(204, {}, b""), BEFORE, DeleteVerdict.DELETED),
        (Answer(200, {}, CUT), DURING, DeleteVerdict.CUT),
        (Answer(200, {}, shadow()), DURING, DeleteVerdict.IN_DOUBT),  # deleted or cut: it does not say
        (Answer(204, {}, b""), DURING, DeleteVerdict.IN_DOUBT),
        (Answer(404, {}, MISSING), BEFORE, DeleteVerdict.DELETED),
        (Answer(404, {}, NO_PATH), BEFORE, DeleteVerdict.IN_DOUBT),
        (Answer(422, {}, ENDED), AFTER, DeleteVerdict.KEPT),
        (Answer(422, {}, ENDED), DURING, DeleteVerdict.IN_DOUBT),
        (Answer(400, {}, b""), BEFORE, DeleteVerdict.REFUSED),
        (Answer(401, {}, b""), BEFORE, DeleteVerdict.TOKEN_REFUSED),
        (Answer(403, {}, b""), BEFORE, DeleteVerdict.FORBIDDEN),
        (Answer(429, {}, b""), BEFORE, DeleteVerdict.SLOW_DOWN),
        *((Answer(status, {}, b""), BEFORE, DeleteVerdict.IN_DOUBT) for status in (301, 307, 408, 409, 425, 500, 503)),
        (Lost("the answer broke off"), BEFORE, DeleteVerdict.IN_DOUBT),
        (NotSent("refused"), BEFORE, DeleteVerdict.IN_DOUBT),  # of the second of two that aiohttp made of one
    ],
)
def test_what_the_answer_to_a_delete_means(reply: Reply, now: float, finding: DeleteVerdict) -> None:
    assert judge_delete(reply, ROOTLY, removal(), SUBJECT, now).finding is finding


def test_what_has_changed_is_named_with_both_values() -> None:
    body = shadow(shadow_user_id=103, ends_at="2027-01-15T18:00:00+01:00")
    words = judge_look(Answer(200, {}, body), ROOTLY, removal(), SUBJECT, BEFORE).words
    assert words == (
        "shadow_user_id is 103, sent was 102; ends_at is 2027-01-15T17:00:00Z, sent was 2027-01-15T16:00:00Z"
    )
