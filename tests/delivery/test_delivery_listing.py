"""Asking a target what it has: patient with what passes, clear about what does not, and never at another host.

In virtual time, with a client that answers from a script.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest

from importer.delivery.client import Answer, Lost, NotSent, Reply
from importer.delivery.listing import Listing, ListReading, ScopeRefusedError
from importer.delivery.stop import Reason, Stop, StoppedError
from importer.delivery.throttle import Throttle
from importer.errors import TargetError
from importer.records import Scope
from importer.targets.opal import OPAL
from importer.targets.rootly import ROOTLY
from importer.targets.target import Page, Target

from .virtual_time import VIRTUAL, now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from importer.delivery.client import Client
    from importer.records import Key

pytestmark = pytest.mark.anyio

BASE = "https://api.example/base"
LIST = f"{BASE}/v1/schedules/sched-1/on_call_shadows?page%5Bnumber%5D=1&page%5Bsize%5D=100"
PROBE = f"{BASE}/v1/users/me"
KEY: Key = ("sched-1", "User", "101", 102, 1_771_553_539, 1_784_513_539)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return VIRTUAL


class Script:
    """A client that gives the replies of a script, one list for each path; the last one again and again."""

    base_url = BASE

    def __init__(self, replies: dict[str, list[Reply]] | Callable[[str], Reply]) -> None:
        self._replies = replies
        self.asked: list[str] = []

    async def get(self, url: str, _attempt: int = 1) -> Reply:
        self.asked.append(url)
        if callable(self._replies):
            return self._replies(url)
        replies = self._replies[url.removeprefix(BASE).partition("?")[0]]
        return replies.pop(0) if len(replies) > 1 else replies[0]


SHADOWS = "/v1/schedules/sched-1/on_call_shadows"
ME = "/v1/users/me"
SCHED_1 = Scope("shadow", "sched-1")


def make(
    shadows: Iterable[Reply] = (), me: Iterable[Reply] = (), *, target: Target = ROOTLY
) -> tuple[Listing, Script, Throttle]:
    script = Script({SHADOWS: list(shadows), ME: list(me), "/on-call-schedules": list(shadows)})
    throttle = Throttle(float("inf"), 0.0, 60.0, Stop(), list[str]().append)
    return Listing(target, cast("Client", script), throttle), script, throttle


def answer(status: int, payload: object = None, **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, orjson.dumps(payload))


def entry(id_: str, *, user: int = 102) -> dict[str, Any]:
    attributes = {
        "schedule_id": "sched-1",
        "shadowable_type": "User",
        "shadowable_id": "101",
        "shadow_user_id": user,
        "starts_at": "2026-02-19T18:12:19.680-08:00",
        "ends_at": "2026-07-19T19:12:19.000-07:00",
    }
    return {"id": id_, "attributes": attributes}


def page(*entries: dict[str, Any], following: str | None = None) -> Answer:
    return answer(200, {"data": list(entries), "links": {"next": following}})


# ---- a whole list


async def test_a_list_is_read_to_its_end_by_relative_and_absolute_links() -> None:
    links = [f"{SHADOWS}?page=2", f"{BASE}{SHADOWS}?page=3", "?page=4"]
    pages = [page(entry(str(number)), following=link) for number, link in enumerate(links)]
    listing, script, _ = make([*pages, page(entry("last"))])
    sweep = await listing.sweep(SCHED_1, {KEY}, set())
    assert sweep.keys == {KEY: ["0", "1", "2", "last"]}
    assert script.asked == [LIST, *(f"{BASE}{SHADOWS}?page={number}" for number in (2, 3, 4))]


async def test_opals_cursor_leads_on_below_a_base_url_with_a_path() -> None:
    first = answer(200, {"on_call_schedules": [{"on_call_schedule_id": "a"}], "next": "c/1"})
    listing, script, _ = make([first, answer(200, {"on_call_schedules": []})], target=OPAL)
    await listing.sweep(Scope("schedule", ""), set(), set())
    assert script.asked == [f"{BASE}/on-call-schedules", f"{BASE}/on-call-schedules?cursor=c%2F1"]


@pytest.mark.parametrize(
    "link",
    [
        f"https://evil.example/base{SHADOWS}?page=2",
        f"//evil.example/base{SHADOWS}?page=2",
        f"http://api.example/base{SHADOWS}?page=2",
        f"https://api.example@evil.example/base{SHADOWS}?page=2",
        f"https://api.example:444/base{SHADOWS}?page=2",
        f"{BASE}/v1/users?page=2",
        "/v1/users?page=2",
        f"{SHADOWS}/../../users?page=2",
        "http://[",
        "https://[evil",
        "javascript:alert(1)",
        "\\\\evil.example\\x",
    ],
)
async def test_a_next_page_somewhere_else_is_refused_for_the_token_would_go_there(link: str) -> None:
    listing, script, _ = make([page(entry("1"), following=link)])
    with pytest.raises(TargetError, match="at another address"):
        await listing.sweep(SCHED_1, {KEY}, set())
    assert script.asked == [LIST]


async def test_an_entry_on_two_pages_is_one_object() -> None:
    listing, _, _ = make([page(entry("1"), following="?page=2"), page(entry("1"), entry("2"))])
    assert (await listing.sweep(SCHED_1, {KEY}, set())).keys == {KEY: ["1", "2"]}


async def test_ids_are_found_whatever_their_values_are() -> None:
    unreadable = {"id": "odd", "attributes": None}
    listing, _, _ = make([page(entry("other", user=7), unreadable, entry("unasked"))])
    sweep = await listing.sweep(SCHED_1, set(), {"other", "odd", "absent"})
    assert sweep.ids == {"other": (*KEY[:3], 7, *KEY[4:]), "odd": None}


async def test_a_list_that_goes_round_in_a_circle_ends_in_an_error() -> None:
    listing, script, _ = make([page(entry("1"), following="?page=2")])
    with pytest.raises(TargetError, match="does not end"):
        await listing.sweep(SCHED_1, {KEY}, set())
    assert len(script.asked) < 10


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[" * 100_000, b"[" * 1000 + b"]" * 1000, b'{"data": [5]}'])
async def test_a_200_that_is_no_list_proves_nothing(body: bytes) -> None:
    listing, _, throttle = make([Answer(200, {}, body)])
    with pytest.raises(TargetError, match="cannot be read"):
        await listing.sweep(SCHED_1, {KEY}, set())
    assert throttle.stop.reason is None


# ---- patience

PASSING: list[Reply] = [
    NotSent("Connection refused"),
    Lost("no complete answer in time"),
    *(answer(status) for status in (301, 307, 408, 409, 425, 500, 502, 503, 504, 202, 204, 100)),
    answer(429, Retry_After="7"),
]


@pytest.mark.parametrize("reply", PASSING, ids=str)
async def test_what_passes_is_waited_for(reply: Reply) -> None:
    listing, script, _ = make([reply, reply, page(entry("1"))])
    assert (await listing.sweep(SCHED_1, {KEY}, set())).keys == {KEY: ["1"]}
    assert len(script.asked) == 3
    assert now() > 0


async def test_a_target_that_does_not_come_back_is_given_up() -> None:
    listing, _, throttle = make([NotSent("Connection refused")])
    with pytest.raises(StoppedError):
        await listing.sweep(SCHED_1, {KEY}, set())
    assert throttle.stop.reason is Reason.GIVEN_UP
    assert 60 <= now() <= 80


async def test_one_question_that_fails_while_others_are_answered_is_an_error_of_that_question_alone() -> None:
    def reply(_url: str) -> Reply:
        throttle.succeed({}, is_write=True)  # somebody else's request
        return answer(500, {"error": "boom"})

    throttle = Throttle(float("inf"), 0.0, 60.0, Stop(), list[str]().append)
    script = Script(reply)
    with pytest.raises(TargetError, match="500: boom"):
        await Listing(ROOTLY, cast("Client", script), throttle).sweep(SCHED_1, {KEY}, set())
    assert len(script.asked) == 8
    assert throttle.stop.reason is None


async def test_a_bad_certificate_ends_the_work_at_once() -> None:
    listing, script, throttle = make([NotSent("the certificate was refused", is_lasting=True)])
    with pytest.raises(StoppedError):
        await listing.sweep(SCHED_1, {KEY}, set())
    assert throttle.stop.reason is Reason.GIVEN_UP
    assert len(script.asked) == 1


# ---- proof of absence


def counted(*entries: dict[str, Any], total: int, following: str | None = None) -> Answer:
    payload = {"data": list(entries), "links": {"next": following}, "meta": {"total_count": total}}
    return answer(200, payload)


async def test_a_list_that_was_empty_once_is_no_proof() -> None:
    listing, script, _ = make([page(), page(entry("1")), page(entry("1"))])
    assert (await listing.sweep(SCHED_1, {KEY}, set())).keys == {KEY: ["1"]}
    assert len(script.asked) == 2


async def test_what_moved_over_the_edge_of_a_page_is_found_by_the_second_reading() -> None:
    """Somebody deletes "a" while the pages are read: the one that was looked for moves from page 2 to page 1."""
    others = [entry(name, user=7) for name in "abc"]
    following = f"{SHADOWS}?page=2"
    listing, _, _ = make([page(*others[:2], following=following), page(others[2]), page(others[1], entry("1"))])
    assert (await listing.sweep(SCHED_1, {KEY}, set())).keys == {KEY: ["1"]}


async def test_what_two_readings_do_not_show_is_not_there_even_if_others_add_to_the_list_meanwhile() -> None:
    listing, script, _ = make([page(entry("a", user=7)), page(entry("a", user=7), entry("b", user=8))])
    sweep = await listing.sweep(SCHED_1, {KEY}, set())
    assert (sweep.keys, sweep.reading.contradiction, len(script.asked)) == ({}, "", 2)


async def test_a_list_that_is_another_one_each_time_proves_nothing() -> None:
    listing, script, _ = make([page(entry(str(number), user=7)) for number in range(9)])
    with pytest.raises(TargetError, match="different each time"):
        await listing.sweep(SCHED_1, {KEY}, set())
    assert len(script.asked) == 4


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([counted(total=3)], "its list holds 0 objects and says that there are 3"),
        ([counted(entry("a", user=7), total=2)], "its list holds 1 object and says that there are 2"),
        ([page({"id": "x", "attributes": {"schedule_id": "sched-2"}})], "its list holds 1 object of another schedule"),
        ([counted(entry("a", user=7), total=1)], ""),
        ([counted(entry("a", user=7), total=0)], ""),  # more is there than it says: nothing is missing
    ],
)
async def test_a_list_that_contradicts_itself_says_so(answers: list[Reply], words: str) -> None:
    listing, _, _ = make(answers)
    assert (await listing.sweep(SCHED_1, {KEY}, set())).reading.contradiction == words


@pytest.mark.parametrize(
    ("totals", "words"),
    [
        ([12, 0], "its list holds 2 objects and says that there are 12"),  # 0 on a last page is no total
        ([0, 12], "its list holds 2 objects and says that there are 12"),
        ([3, 2], ""),  # one was deleted meanwhile
        ([0, 0], ""),
        ([2, 1], ""),
    ],
)
def test_pages_that_claim_different_totals_prove_nothing_where_more_may_be_there(totals: list[int], words: str) -> None:
    reading = ListReading()
    for total, ids in zip(totals, ("ab", ""), strict=True):
        reading.note(Page((), None, frozenset(ids), total))
    assert reading.contradiction == words


async def test_a_list_that_comes_compressed_is_named_as_that() -> None:
    listing, _, _ = make([Answer(200, {"Content-Encoding": "gzip"}, b"\x1f\x8b")])
    with pytest.raises(TargetError, match=r"cannot be read: it is compressed \(gzip\), which was not asked for$"):
        await listing.sweep(SCHED_1, {KEY}, set())


def endless(filler: str = "") -> Script:
    """Make a list whose every page holds something new and names another one."""
    beside = orjson.dumps(filler)

    def reply(url: str) -> Reply:
        number = int(url.rpartition("=")[2]) if "page=" in url else 1
        body = b'{"data":[{"id":"%d"}],"links":{"next":"?page=%d"},"filler":%b}' % (number, number + 1, beside)
        return Answer(200, {}, body)

    return Script(reply)


@pytest.mark.parametrize(
    ("script", "rate", "words", "pages"),
    [
        (endless("x" * (10 << 20)), float("inf"), " does not end within 256 MB", 26),
        (endless(), 1 / 60, " does not end within 900 s", 15),  # a page a minute
        (endless(), float("inf"), " does not end", 20_000),
    ],
    ids=["size", "time", "pages"],
)
async def test_pages_without_end_are_read_to_a_bound(script: Script, rate: float, words: str, pages: int) -> None:
    throttle = Throttle(rate, 0.0, 60.0, Stop(), list[str]().append)
    with pytest.raises(TargetError, match=f"of schedule sched-1{words}$"):
        await Listing(ROOTLY, cast("Client", script), throttle).sweep(SCHED_1, {KEY}, set())
    assert pages <= len(script.asked) <= 1.05 * pages + 1
    assert now() < 1000


# ---- refusals


@pytest.mark.parametrize("status", [400, 402, 405, 415, 418, 422, 451, 499])
async def test_any_other_answer_is_an_error_with_the_servers_words(status: int) -> None:
    listing, script, _ = make([answer(status, {"error": "words"})])
    with pytest.raises(TargetError, match=f"{status}: words"):
        await listing.sweep(SCHED_1, {KEY}, set())
    assert len(script.asked) == 1


async def test_a_401_means_the_token_was_refused() -> None:
    listing, _, throttle = make([answer(401, {"error": "bad token"})])
    with pytest.raises(StoppedError):
        await listing.sweep(SCHED_1, {KEY}, set())
    assert (throttle.stop.reason, throttle.stop.words) == (
        Reason.TOKEN_REFUSED,
        "the token was refused (401): bad token",
    )


async def test_a_schedule_that_is_not_there_is_refused_alone() -> None:
    listing, script, throttle = make([answer(404, {"error": "gone"})])
    with pytest.raises(ScopeRefusedError) as caught:
        await listing.sweep(SCHED_1, {KEY}, set())
    assert (caught.value.status, caught.value.message) == (404, "gone")
    assert throttle.stop.reason is None
    assert len(script.asked) == 1


async def test_a_403_is_about_the_schedule_where_the_token_is_good_elsewhere() -> None:
    listing, script, throttle = make([answer(403, {"error": "no"})], [answer(200)])
    with pytest.raises(ScopeRefusedError) as caught:
        await listing.sweep(SCHED_1, {KEY}, set())
    assert caught.value.status == 403
    assert throttle.stop.reason is None
    assert script.asked == [LIST, PROBE]


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_403_is_about_the_token_where_it_is_no_good_elsewhere_either(status: int) -> None:
    listing, _, throttle = make([answer(403, {"error": "no"})], [answer(status)])
    with pytest.raises(StoppedError):
        await listing.sweep(SCHED_1, {KEY}, set())
    assert throttle.stop.reason is Reason.TOKEN_REFUSED


@pytest.mark.parametrize("reply", PASSING, ids=str)
async def test_a_target_that_is_busy_for_a_moment_has_not_refused_the_token(reply: Reply) -> None:
    listing, _, throttle = make([answer(403)], [reply, answer(200)])
    with pytest.raises(ScopeRefusedError):
        await listing.sweep(SCHED_1, {KEY}, set())
    assert throttle.stop.reason is None


# ---- the one that finds out whether a target is back


@pytest.mark.parametrize("status", [200, 307, 400, 401, 403, 404, 429, 500])
async def test_whatever_the_first_answer_of_a_target_that_was_gone_is_the_others_go_on(status: int) -> None:
    """Whoever finds out must tell, or everybody waits for ever; the question after a 403 must not wait for itself."""
    listing, _, throttle = make([answer(status, {"data": []}), page()], [answer(200)])
    for _ in range(10):
        throttle.fail("Connection refused")
    with suppress(TargetError, StoppedError):
        await listing.sweep(SCHED_1, {KEY}, set())
    if status != 401:
        await throttle.enter(is_write=True)
    assert now() < 10
