"""What follows from a reply, as a table; which of a server's words are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.delivery.client import Answer, Lost, NotSent, Reply
from importer.delivery.replies import Judgement, Verdict, judge, judge_delete, judge_post, read_json, read_words
from importer.delivery.target_work import Outcomes
from importer.journal.states import Claimed
from importer.kinds import kinds_of
from importer.records import Scope
from importer.settings.options import IfExists
from importer.statuses import Status
from importer.targets.opal import OPAL
from importer.targets.rootly import ROOTLY
from importer.targets.target import Target

if TYPE_CHECKING:
    from importer.records import Key

ID = "454daff4-e3fa-4c0f-a4b6-8a5d6e5b1b1a"
KEYS: dict[str, Key] = {
    "opal": ("PAGER_DUTY", "PNZNINN"),
    "rootly": ("sched-1", "User", "101", 102, 1_771_553_539, 1_784_513_539),
}
ECHO: dict[str, Any] = {
    "opal": {"on_call_schedule_id": ID, "third_party_provider": "PAGER_DUTY", "remote_id": "PNZNINN", "name": "x"},
    "rootly": {
        "data": {
            "id": ID,
            "attributes": {
                "schedule_id": "sched-1",
                "shadowable_type": "User",
                "shadowable_id": "101",
                "shadow_user_id": 102,
                "starts_at": "2026-02-19T18:12:19.680-08:00",
                "ends_at": "2026-07-19T19:12:19.000-07:00",
            },
        }
    },
}
OTHER: dict[str, Any] = {
    "opal": {**ECHO["opal"], "remote_id": "POTHER1"},
    "rootly": {
        "data": {
            "id": ID,
            "attributes": {**ECHO["rootly"]["data"]["attributes"], "ends_at": "2026-07-19T19:12:20-07:00"},
        }
    },
}
WITHOUT_ID: dict[str, Any] = {
    "opal": {**ECHO["opal"], "on_call_schedule_id": None},
    "rootly": {"data": {**ECHO["rootly"]["data"], "id": None}},
}

TARGETS = pytest.mark.parametrize("target", [OPAL, ROOTLY], ids=["opal", "rootly"])


def answer(status: int, payload: object = None, body: bytes | None = None) -> Answer:
    return Answer(status, {}, orjson.dumps(payload) if body is None else body)


def judged(reply: Reply, target: Target) -> Judgement:
    return judge_post(reply, target, kinds_of(target.name)[0], KEYS[target.name])


# ---- judge


@TARGETS
@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_created_is_any_2xx_with_a_valid_id_and_the_sent_values(target: Target, status: int) -> None:
    assert judged(answer(status, ECHO[target.name]), target) == Judgement(Verdict.TAKEN, status, id=ID)


@TARGETS
@pytest.mark.parametrize("status", [200, 201])
def test_other_values_than_were_sent_are_in_doubt_and_keep_the_id_for_asking(target: Target, status: int) -> None:
    judgement = judged(answer(status, OTHER[target.name]), target)
    assert (judgement.verdict, judgement.status, judgement.id) == (Verdict.IN_DOUBT, status, ID)
    assert ID in judgement.words


@TARGETS
@pytest.mark.parametrize("status", [200, 201, 202, 204])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{}",
        b"[]",
        b'{"data"',
        b"<html>ok</html>",
        b"\xff\xfe",
        b"[" * 1000 + b"]" * 1000,
        b"[" * 100_000,
    ],
    ids=["empty", "null", "object", "list", "cut", "html", "binary", "deep", "endless"],
)
def test_a_2xx_without_a_readable_id_is_in_doubt(target: Target, status: int, body: bytes) -> None:
    judgement = judged(answer(status, body=body), target)
    assert judgement == Judgement(Verdict.IN_DOUBT, status, "the answer has no valid id")


@TARGETS
def test_a_2xx_with_the_values_but_no_id_is_in_doubt(target: Target) -> None:
    assert judged(answer(201, WITHOUT_ID[target.name]), target).verdict is Verdict.IN_DOUBT


@TARGETS
@pytest.mark.parametrize("cut", [1, 2, 40])
def test_a_truncated_creation_is_in_doubt(target: Target, cut: int) -> None:
    body = orjson.dumps(ECHO[target.name])[:-cut]
    assert judged(answer(201, body=body), target).verdict is Verdict.IN_DOUBT


@TARGETS
@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        *(
            (status, Verdict.REFUSED)
            for status in (400, 402, 404, 405, 406, 410, 411, 413, 415, 418, 422, 423, 431, 451, 499)
        ),
        (401, Verdict.TOKEN_REFUSED),
        (403, Verdict.FORBIDDEN),
        (429, Verdict.SLOW_DOWN),
        *((status, Verdict.IN_DOUBT) for status in (408, 409, 425)),
        *((status, Verdict.IN_DOUBT) for status in (500, 501, 502, 503, 504, 507, 520, 599)),
        *((status, Verdict.IN_DOUBT) for status in (300, 301, 302, 303, 304, 307, 308)),
        *((status, Verdict.IN_DOUBT) for status in (0, 100, 101, 199, 600, 999)),
    ],
)
@pytest.mark.parametrize("body", [b"", b'{"error": "words"}', b"<html>"], ids=["empty", "json", "html"])
def test_every_other_status_means_what_the_table_of_faults_says(
    target: Target, status: int, verdict: Verdict, body: bytes
) -> None:
    """The same for every method; only a DELETE that a first one may have preceded is not refused by "not there"."""
    reply = answer(status, body=body)
    judgement = judged(reply, target)
    assert (judgement.verdict, judgement.status, judgement.id) == (verdict, status, "")
    assert judgement.words
    assert judge(reply, target).verdict is verdict
    deleting = Verdict.IN_DOUBT if status in (404, 410, 422) else verdict
    assert judge_delete(reply, target).verdict is deleting


@TARGETS
@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_a_put_or_delete_is_taken_by_any_2xx_whatever_it_carries(target: Target, status: int) -> None:
    for body in (b"", b"<html>", b"{"):
        assert judge(answer(status, body=body), target) == Judgement(Verdict.TAKEN, status)
        assert judge_delete(answer(status, body=body), target) == Judgement(Verdict.TAKEN, status)


@TARGETS
@given(status=st.integers(0, 999).filter(lambda status: not 200 <= status < 300))
def test_only_a_2xx_can_be_a_creation_even_with_a_perfect_body(target: Target, status: int) -> None:
    assert judged(answer(status, ECHO[target.name]), target).verdict is not Verdict.TAKEN


@TARGETS
def test_what_was_not_sent_is_certainly_not_applied(target: Target) -> None:
    assert judged(NotSent("Connection refused"), target) == Judgement(
        Verdict.NOT_SENT, words="not sent: Connection refused"
    )
    assert judged(NotSent("bad certificate", is_lasting=True), target).verdict is Verdict.NOT_SENT
    assert judge(NotSent("Connection refused"), target).verdict is Verdict.NOT_SENT


@TARGETS
def test_a_delete_that_was_not_sent_may_be_the_second_of_two_that_the_client_made_of_one(target: Target) -> None:
    assert judge_delete(NotSent("Connection refused"), target).verdict is Verdict.IN_DOUBT


@TARGETS
def test_a_lost_answer_is_in_doubt(target: Target) -> None:
    assert judged(Lost("no complete answer in time"), target) == Judgement(
        Verdict.IN_DOUBT, words="no complete answer in time"
    )


@TARGETS
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": "Rate limit exceeded. Try again later."}', "Rate limit exceeded. Try again later."),
        (b"upstream connect error", "upstream connect error"),
        (b"  plain\r\ntext\x1b[31m ", r"plain  text\x1b[31m"),
        (b'"a JSON text"', '"a JSON text"'),
        ("Überlastet".encode(), "Überlastet"),
        (b"caf\xe9", r"caf\xe9"),
        (b"x" * 500, "x" * 199 + "…"),
        (b'{"error": "a\xe2\x80\xaeb"}', r"a\u202eb"),
        (b"", "HTTP 418 without words"),
        (b"<html><h1>403</h1></html>", "HTTP 418 without words"),
        (b" \n<!doctype html>", "HTTP 418 without words"),
        (b'{"unheard": "of"}', "unheard: of"),
        (b'{"failed": {"remote_id": ["is unknown", ""], "code": 7}}', "failed: remote_id: is unknown; code: 7"),
        (b'{"failed": {"a": [[[[["deep"]]]]]}, "none": null}', "HTTP 418 without words"),
        (b'{"error": ', "HTTP 418 without words"),
        (b"[1, 2]", "1; 2"),
        (b"[" * 100_000, "HTTP 418 without words"),
        (b'{"error": "   "}', "HTTP 418 without words"),
    ],
)
def test_the_servers_words_are_shown_where_it_has_any_and_never_a_page(target: Target, body: bytes, words: str) -> None:
    assert read_words(answer(418, body=body), target) == words


@TARGETS
@pytest.mark.parametrize("body", [b"", b"<html>moved</html>"])
def test_a_redirect_names_what_leads_elsewhere(target: Target, body: bytes) -> None:
    assert f"check {target.name.upper()}_BASE_URL" in read_words(answer(302, body=body), target)


def test_json_api_and_opals_message_are_words_too() -> None:
    assert (
        read_words(answer(422, {"errors": [{"title": "Invalid", "detail": "no seat"}]}), ROOTLY) == "Invalid: no seat"
    )
    assert read_words(answer(400, {"Message": "no such provider"}), OPAL) == "no such provider"


@TARGETS
@given(body=st.binary(max_size=300))
def test_any_bytes_are_judged_and_described(target: Target, body: bytes) -> None:
    for status in (200, 201, 404, 500):
        judgement = judged(answer(status, body=body), target)
        assert judgement.verdict is not Verdict.TAKEN
        assert judgement.words.isprintable()


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"nul", b"{}{}", b"[" * 1_000_000, b"NaN", b'"\\ud800"'])
def test_what_is_no_json_reads_as_nothing(body: bytes) -> None:
    assert read_json(body) is None


@pytest.mark.parametrize(
    ("if_exists", "attempts", "status"),
    [
        (IfExists.SKIP, 1, Status.EXISTS),
        (IfExists.FAIL, 1, Status.REJECTED),
        (IfExists.SKIP, 2, Status.CREATED),  # by the request whose answer was lost
        (IfExists.FAIL, 2, Status.CREATED),
    ],
)
def test_an_override_that_rootly_says_it_has_already_is_what_if_exists_says(
    if_exists: IfExists, attempts: int, status: Status
) -> None:
    """It came to be after the target was asked what exists: the answer to the POST is a 200."""
    record = Claimed(1, ("sched-1", 101, 1, 2), Scope("override", "sched-1"), attempts, attempts)
    made = Outcomes(ROOTLY, "run", if_exists).answered(record, Judgement(Verdict.EXISTS, 200, "", "b0c4"))
    assert (made.status, made.id, made.http_status, made.attempts) == (status, "b0c4", 200, attempts)
    assert made.error == ("exists already" if status is Status.REJECTED else "")


@pytest.mark.parametrize("target", [OPAL, ROOTLY], ids=lambda target: target.name)
def test_the_hint_of_a_404_speaks_of_the_target_that_answered_it(target: Target) -> None:
    hint = Outcomes(target, "run").make(Status.REJECTED, http_status=404).hint
    assert ("Opal" in hint, "Rootly" in hint) == (target is OPAL, target is ROOTLY)


@pytest.mark.parametrize("status", [405, 412, 413, 423, 424, 428, 451])
def test_a_refusal_that_need_not_be_about_the_row_does_not_ask_to_correct_it(status: int) -> None:
    hints = {code: Outcomes(ROOTLY, "run").make(Status.REJECTED, http_status=code).hint for code in (status, 422)}
    assert ("rerun once that has changed" in hints[status], hints[422][:16]) == (True, "Correct the row;")
