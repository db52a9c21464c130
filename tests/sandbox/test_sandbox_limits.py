"""Limits hold in every window, by the clock that is passed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.sandbox.api.answers import Limits, RateWindow

from .client import Client, Clock, served

if TYPE_CHECKING:
    from pathlib import Path

GROUP = "/groups/7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1d02/on-call-schedules"


@given(
    limit=st.integers(1, 5),
    seconds=st.integers(1, 10),
    gaps=st.lists(st.integers(0, 5), max_size=60),
)
def test_no_window_ever_holds_more_than_its_limit(limit: int, seconds: int, gaps: list[int]) -> None:
    window, now = RateWindow(limit, seconds), 0
    taken: list[int] = []
    for gap in gaps:
        now += gap
        recent = [moment for moment in taken if moment > now - seconds]
        is_free = len(recent) < limit
        assert window.take(now) is is_free
        taken += [now] if is_free else []
        assert window.standing(now).used == len(recent) + is_free


@given(limit=st.integers(1, 5), gaps=st.lists(st.floats(0, 30), max_size=30))
def test_who_waits_for_the_reset_is_let_through(limit: int, gaps: list[float]) -> None:
    window, now = RateWindow(limit, 60), 1_767_268_800.0
    for gap in gaps:
        now += gap
        if not window.take(now):
            now = window.standing(now).resets_at
            assert window.take(now)


def test_a_clock_set_back_does_not_block() -> None:
    window = RateWindow(1, 60)
    assert window.take(1000)
    assert window.take(500)


@given(rate=st.integers(1, 200), seconds=st.sampled_from([0.1, 1.0, 60.0]))
def test_an_even_pace_at_the_limit_is_never_refused(rate: int, seconds: float) -> None:
    """So that a client that is refused did not keep an even pace."""
    limit = max(1, int(rate * seconds + 1e-9))
    window = RateWindow(limit, limit / rate)
    assert all(window.take(1_767_268_800 + number / (rate * 0.999)) for number in range(3 * rate))


@pytest.mark.parametrize(("rate", "limit", "seconds"), [(100, 100, 1), (1, 1, 1), (0.5, 1, 2), (2.5, 2, 0.8)])
def test_a_rate_makes_a_window_that_lets_just_so_much_through(rate: float, limit: int, seconds: float) -> None:
    window = Limits(opal_rate=rate).opal()
    assert window.limit == limit
    assert window.seconds == pytest.approx(seconds)


@pytest.mark.anyio
async def test_opal_lets_100_a_second_through_over_all_routes_then_429_without_a_word_when(
    client: Client, clock: Clock
) -> None:
    for number in range(100):
        clock.moment += 0.001
        path = "/on-call-schedules" if number % 2 else "/groups"
        assert (await client.opal("GET", path)).status == 200
    reply = await client.opal("GET", "/on-call-schedules")
    assert (reply.status, set(reply.json)) == (429, {"Message"})
    assert "Retry-After" not in reply.headers
    clock.moment += 0.9015  # the first of the hundred has left the window, the second has not
    assert (await client.opal("GET", "/on-call-schedules")).status == 200
    assert (await client.opal("GET", "/on-call-schedules")).status == 429


@pytest.mark.anyio
async def test_opal_lets_half_as_many_writes_to_groups_through(client: Client) -> None:
    statuses = [(await client.opal("PUT", GROUP, {"on_call_schedule_ids": []})).status for _ in range(51)]
    assert statuses == [200] * 50 + [429]
    assert (await client.opal("GET", GROUP)).status == 200


@pytest.mark.anyio
async def test_rootly_counts_reads_and_writes_apart_and_tells_of_both(state: Path, clock: Clock) -> None:
    async with served(state, clock, limits=Limits(rootly_per_minute=3)) as client:
        for number in range(1, 4):
            reply = await client.rootly("GET", "/v1/users/me")
            assert reply.status == 200
            assert reply.headers["X-RateLimit-Limit"] == "3, 3;window=60"
            assert reply.headers["X-RateLimit-Used"] == str(number)
            assert reply.headers["X-RateLimit-Remaining"] == str(3 - number)
            assert reply.headers["X-RateLimit-Reset"] == str(int(clock.moment) + 60)
        for status in (201, 201, 201, 429):
            assert (await client.shadow()).status == status


@pytest.mark.anyio
async def test_above_its_limit_rootly_answers_a_flat_429_until_the_reset(state: Path, clock: Clock) -> None:
    async with served(state, clock, limits=Limits(rootly_per_minute=1)) as client:
        clock.moment += 0.25
        await client.shadow()
        clock.moment += 10
        reply = await client.shadow()
        assert (reply.status, reply.media_type) == (429, "application/json")
        assert reply.json == {"error": "Rate limit exceeded. Try again later."}
        assert "Retry-After" not in reply.headers
        assert reply.headers["X-RateLimit-Remaining"] == "0"
        clock.moment = float(reply.headers["X-RateLimit-Reset"])
        assert (await client.shadow()).status == 201


@pytest.mark.anyio
async def test_a_request_that_the_gate_refuses_does_not_count(state: Path, clock: Clock) -> None:
    async with served(state, clock, limits=Limits(rootly_per_minute=1, opal_rate=1)) as client:
        for _ in range(3):
            assert (await client.rootly("GET", "/v1/users/me", headers={})).status == 403
            assert (await client.opal("GET", "/groups", headers={})).status == 401
        assert (await client.rootly("GET", "/v1/users/me")).status == 200
        assert (await client.opal("GET", "/groups")).status == 200


@pytest.mark.anyio
async def test_with_limits_off_nothing_is_refused_and_the_headers_tell_of_room(state: Path, clock: Clock) -> None:
    async with served(state, clock, limits=Limits("none", rootly_per_minute=1, opal_rate=1)) as client:
        for _ in range(5):
            assert (await client.opal("GET", "/groups")).status == 200
            reply = await client.shadow()
            assert (reply.status, reply.headers["X-RateLimit-Remaining"]) == (201, "1")


@pytest.mark.anyio
async def test_answers_are_dated_by_the_servers_clock(client: Client, clock: Clock) -> None:
    clock.moment = 4_000_000_000
    for reply in (await client.shadow(), await client.opal("GET", "/groups")):
        assert reply.headers["Date"] == "Tue, 02 Oct 2096 07:06:40 GMT"
