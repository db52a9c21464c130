"""Who may send, and when: evenly, nobody in a pause, one at a time while a target is gone, nobody after a stop.

In virtual time, so every figure is exact to the millisecond.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio
import pytest

from importer.delivery.stop import Reason, Stop, StoppedError
from importer.delivery.throttle import Throttle

from .virtual_time import VIRTUAL, now

pytestmark = pytest.mark.anyio

UNLIMITED = float("inf")
HEADERS: Mapping[str, str] = {}


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return VIRTUAL


@pytest.fixture
def told() -> list[str]:
    """What the user was told."""
    return []


class Sender:
    """Enters a throttle again and again and notes when."""

    def __init__(self, throttle: Throttle) -> None:
        self.throttle = throttle
        self.left: list[float] = []

    async def enter(self, *, is_write: bool = True) -> None:
        await self.throttle.enter(is_write=is_write)
        self.left.append(now())

    async def succeed(self, *, is_write: bool = True) -> None:
        await self.enter(is_write=is_write)
        self.throttle.succeed(HEADERS, is_write=is_write)

    async def fail(self, *, is_write: bool = True) -> None:
        await self.enter(is_write=is_write)
        self.throttle.fail("Connection refused")

    async def be_refused(self) -> None:
        await self.enter()
        self.throttle.pause({"Retry-After": "5"}, is_write=True)


async def again_and_again(act: Callable[[], Awaitable[None]]) -> None:
    while True:
        await act()


def make_gate(
    rate: float = UNLIMITED, *, breaker_timeout: float = 60.0, headroom: float = 0.0, told: list[str] | None = None
) -> Throttle:
    return Throttle(rate, headroom, breaker_timeout, Stop(), (told if told is not None else list[str]()).append)


async def send(throttle: Throttle, number: int, *, workers: int = 20, is_write: bool = True) -> list[float]:
    """Have workers send a number of requests that all succeed; give the times at which they left."""
    times: list[float] = []
    left = iter(range(number))

    async def work() -> None:
        for _ in left:
            await throttle.enter(is_write=is_write)
            times.append(anyio.current_time())
            throttle.succeed(HEADERS, is_write=is_write)

    async with anyio.create_task_group() as group:
        for _ in range(workers):
            group.start_soon(work)
    return times


def most_in_a_window(times: list[float], seconds: float) -> int:
    """Count the requests in the fullest window of so many seconds, its end not included."""
    most = begin = 0
    for end, moment in enumerate(times):
        while times[begin] <= moment - seconds:
            begin += 1
        most = max(most, end - begin + 1)
    return most


def open_breaker(throttle: Throttle) -> None:
    for _ in range(10):
        throttle.fail("Connection refused")


# ---- the pace


@pytest.mark.parametrize("rate", [10, 50, 100, 1000])
async def test_no_second_has_more_requests_than_the_rate_and_hardly_any_has_less(rate: int) -> None:
    number = 5 * rate
    times = await send(make_gate(rate), number)
    assert most_in_a_window(times, 1.0) <= rate
    assert times[-1] <= 1.03 * number / rate


@pytest.mark.parametrize(("per_minute", "number"), [(6, 30), (90, 300), (3000, 9000)])
async def test_no_minute_has_more_requests_than_a_rate_by_the_minute(per_minute: int, number: int) -> None:
    times = await send(make_gate(per_minute / 60), number)
    assert most_in_a_window(times, 60.0) <= per_minute
    assert times[-1] <= 1.03 * number * 60 / per_minute


async def test_the_first_requests_do_not_come_in_a_burst() -> None:
    times = await send(make_gate(50), 50)
    assert most_in_a_window(times, 0.1) <= 6


async def test_what_is_left_to_others_is_not_used() -> None:
    times = await send(make_gate(100, headroom=0.2), 400)
    assert most_in_a_window(times, 1.0) <= 80
    assert times[-1] <= 1.03 * 400 / 80


async def test_reads_and_writes_have_a_pace_each() -> None:
    throttle = make_gate(10)
    async with anyio.create_task_group() as group:
        group.start_soon(send, throttle, 50)
        await send(throttle, 50, is_write=False)
    assert now() <= 1.03 * 5


async def test_without_a_rate_nobody_waits() -> None:
    await send(make_gate(UNLIMITED), 1000)
    assert now() == 0.0


# ---- the pause after a 429


async def test_a_pause_holds_everybody_reads_and_writes_until_it_is_over(told: list[str]) -> None:
    throttle = make_gate(told=told)
    throttle.pause({"Retry-After": "7"}, is_write=True)
    sender = Sender(throttle)
    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(lambda is_write: sender.succeed(is_write=is_write), number % 2 == 0)
    assert set(sender.left) == {7.0}
    assert told == ["asked us to slow down (429); waiting 7 s"]


async def test_after_a_pause_one_request_finds_out_before_the_others_follow() -> None:
    throttle = make_gate()
    throttle.pause({"Retry-After": "7"}, is_write=True)
    sender = Sender(throttle)
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(sender.enter)
        await anyio.sleep(30)
        assert sender.left == [7.0]
        throttle.succeed(HEADERS, is_write=True)
    assert sender.left == [7.0] + [30.0] * 19


async def test_whoever_waited_for_a_turn_before_the_pause_does_not_leave_beside_the_one_that_finds_out() -> None:
    throttle, left = make_gate(10), 0

    async def leave() -> None:
        nonlocal left
        await throttle.enter(is_write=True)
        left += 1

    async with anyio.create_task_group() as group:
        for _ in range(30):
            group.start_soon(leave)
        await anyio.sleep(0.05)
        throttle.succeed({}, is_write=True)
        throttle.pause({"Retry-After": "1"}, is_write=True)
        await anyio.sleep(10)
        assert left == 2  # one before the pause, and the one that finds out
        throttle.succeed({}, is_write=True)
    assert left == 30


async def test_an_answer_from_before_the_pause_does_not_let_a_second_one_find_out() -> None:
    throttle = make_gate(UNLIMITED)
    await throttle.enter(is_write=True)
    await throttle.enter(is_write=True)
    throttle.pause({"Retry-After": "1"}, is_write=True, sent=0.0)
    await throttle.enter(is_write=True)  # finds out, from second 1 on
    throttle.succeed({}, is_write=True, sent=0.0)
    with anyio.move_on_after(10) as waited:
        await throttle.enter(is_write=True)
    assert waited.cancelled_caught
    throttle.succeed({}, is_write=True, sent=1.0)
    await throttle.enter(is_write=True)


async def test_a_very_late_429_is_waited_out_though_the_answer_to_the_one_that_tried_was_noted_with_others() -> None:
    throttle = make_gate(UNLIMITED)
    await throttle.enter(is_write=True)
    open_breaker(throttle)
    await throttle.enter(is_write=True)  # the one that tries
    throttle.succeed({}, is_write=True, sent=0.0)  # an early request's answer says that the target is back
    assert throttle.can_learn_later({})
    throttle.learn(1)  # the answer to the one that tried
    throttle.pause({}, is_write=True, sent=0.0)
    with anyio.fail_after(60):
        await throttle.enter(is_write=True)


async def test_a_pause_that_begins_while_someone_waits_for_a_turn_holds_that_one_too() -> None:
    throttle = make_gate(0.1)
    sender = Sender(throttle)
    async with anyio.create_task_group() as group:
        group.start_soon(send, throttle, 1)
        await anyio.sleep(1)
        group.start_soon(sender.succeed)
        await anyio.sleep(1)
        throttle.pause({"Retry-After": "50"}, is_write=True)
    assert sender.left[0] >= 52.0


async def test_the_longest_of_several_pauses_counts() -> None:
    throttle = make_gate()
    for seconds in ("7", "20", "3"):
        throttle.pause({"Retry-After": seconds}, is_write=True)
    sender = Sender(throttle)
    await sender.enter()
    assert sender.left == [20.0]


async def test_many_refusals_of_one_moment_are_one_refusal() -> None:
    """Twenty requests in flight that are all answered 429 do not make the pause twenty steps longer."""
    throttle = make_gate()
    for _ in range(20):
        throttle.pause({}, is_write=True)
    sender = Sender(throttle)
    await sender.enter()
    assert sender.left[0] <= 1.0


async def test_a_target_that_answers_nothing_but_429_is_given_up_in_the_end() -> None:
    throttle = make_gate(breaker_timeout=60)
    with pytest.raises(StoppedError):
        await again_and_again(Sender(throttle).be_refused)
    assert throttle.stop.reason is Reason.GIVEN_UP
    assert "429" in throttle.stop.words
    assert 600 <= now() <= 620


async def test_a_429_now_and_then_is_no_reason_to_give_up() -> None:
    throttle = make_gate(breaker_timeout=60)
    sender = Sender(throttle)
    while now() < 3600:
        await sender.be_refused()
        await sender.succeed()
    assert throttle.stop.reason is None


# ---- the breaker


async def test_nine_failures_in_a_row_hold_nobody() -> None:
    throttle = make_gate()
    sender = Sender(throttle)
    for _ in range(9):
        await sender.fail()
    await sender.enter()
    assert set(sender.left) == {0.0}


async def test_after_ten_failures_one_request_tries_and_all_others_wait_for_what_becomes_of_it(told: list[str]) -> None:
    throttle = make_gate(told=told)
    open_breaker(throttle)
    sender = Sender(throttle)
    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(lambda is_write: sender.enter(is_write=is_write), number % 2 == 0)
        await anyio.sleep(30)
        assert sender.left == [0.5]
        throttle.succeed(HEADERS, is_write=True)
    assert sender.left == [0.5] + [30.0] * 19
    assert told == ["does not answer (Connection refused); trying for 60 s", "answers again"]


async def test_a_success_between_failures_keeps_the_breaker_closed() -> None:
    throttle = make_gate()
    sender = Sender(throttle)
    for _ in range(20):
        for _ in range(9):
            await sender.fail()
        await sender.succeed()
    assert set(sender.left) == {0.0}


async def test_an_answer_may_be_judged_later_only_where_nobody_waits_for_it() -> None:
    """With a rate, after a failure, in a pause and after a stop each answer counts at once."""
    assert make_gate(UNLIMITED).can_learn_later(HEADERS)
    assert not make_gate(UNLIMITED).can_learn_later({"X-RateLimit-Remaining": "1"})
    assert not make_gate(50).can_learn_later(HEADERS)
    failing, paused, stopped = make_gate(UNLIMITED), make_gate(UNLIMITED), make_gate(UNLIMITED)
    failing.fail("Connection refused")
    paused.pause({"Retry-After": "5"}, is_write=True)
    stopped.stop.set(Reason.INTERRUPTED, "interrupted")
    assert not any(throttle.can_learn_later(HEADERS) for throttle in (failing, paused, stopped))
    failing.learn(1)
    assert failing.can_learn_later(HEADERS)


async def test_a_target_that_is_gone_is_tried_ever_more_seldom_and_then_given_up() -> None:
    throttle = make_gate(breaker_timeout=60)
    open_breaker(throttle)
    senders = [Sender(throttle) for _ in range(5)]

    async def work(sender: Sender) -> None:
        with pytest.raises(StoppedError):
            await again_and_again(sender.fail)

    async with anyio.create_task_group() as group:
        for sender in senders:
            group.start_soon(work, sender)
    tries = sorted(moment for sender in senders for moment in sender.left)
    assert tries == [0.5, 1.5, 3.5, 7.5, 15.5, 23.5, 31.5, 39.5, 47.5, 55.5, 63.5]
    assert throttle.stop.reason is Reason.GIVEN_UP
    assert throttle.stop.words == "the target did not come back: Connection refused"


async def test_a_target_may_be_away_for_a_whole_day() -> None:
    """A back-off that doubled without end was more than a float can hold after two hours."""
    throttle = make_gate(breaker_timeout=86_400)
    with pytest.raises(StoppedError):
        await again_and_again(Sender(throttle).fail)
    assert 86_400 <= now() <= 86_410


async def test_a_few_slow_failures_are_not_yet_a_target_that_is_gone() -> None:
    throttle = make_gate(breaker_timeout=60)
    throttle.fail("no complete answer in time")
    await anyio.sleep(100)
    throttle.fail("no complete answer in time")
    assert throttle.stop.reason is None
    throttle.fail("no complete answer in time")
    assert throttle.stop.reason is Reason.GIVEN_UP


async def test_failures_that_come_in_during_a_pause_do_not_make_everybody_wait_for_ever() -> None:
    """An overloaded target answers 429 to one request and 503 to those that were in flight with it."""
    throttle = make_gate()
    throttle.pause({"Retry-After": "30"}, is_write=True)
    open_breaker(throttle)
    sender = Sender(throttle)
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(sender.succeed)
    assert set(sender.left) == {30.0}


async def test_a_429_to_the_one_that_tries_closes_the_breaker_and_opens_a_pause() -> None:
    throttle = make_gate()
    open_breaker(throttle)
    sender = Sender(throttle)
    await sender.enter()
    throttle.pause({"Retry-After": "7"}, is_write=True)
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(sender.succeed)
    assert sender.left == [0.5] + [7.5] * 20


async def test_one_that_was_to_try_and_is_cancelled_leaves_it_to_the_next() -> None:
    throttle = make_gate(0.1)
    await send(throttle, 1)  # the next turn is ten seconds away
    open_breaker(throttle)
    with anyio.move_on_after(3):
        await throttle.enter(is_write=True)
    sender = Sender(throttle)
    with anyio.fail_after(20):
        await sender.enter()
    assert len(sender.left) == 1


# ---- the stop


def pause(throttle: Throttle) -> None:
    throttle.pause({"Retry-After": "50"}, is_write=True)


def pause_and_open_breaker(throttle: Throttle) -> None:
    pause(throttle)
    open_breaker(throttle)


SLEEPERS: dict[str, Callable[[Throttle], None]] = {
    "a pause": pause,
    "the breaker": open_breaker,
    "both": pause_and_open_breaker,
    "the pace": lambda throttle: None,
}


@pytest.mark.parametrize("hold", SLEEPERS.values(), ids=SLEEPERS.keys())
@pytest.mark.parametrize("is_write", [False, True], ids=["reads", "writes"])
async def test_a_stop_wakes_whoever_waits_for_whatever(hold: Callable[[Throttle], None], *, is_write: bool) -> None:
    throttle = make_gate(1 / 60)
    await send(throttle, 1, is_write=is_write)  # the next turn is a minute away
    hold(throttle)
    woken: list[float] = []

    async def wait() -> None:
        with pytest.raises(StoppedError):
            await throttle.enter(is_write=is_write)
        woken.append(now())

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(wait)
        await anyio.sleep(0.3)
        throttle.stop.set(Reason.TOKEN_REFUSED, "401")
    assert woken == [0.3] * 5


@pytest.mark.parametrize("hold", SLEEPERS.values(), ids=SLEEPERS.keys())
async def test_an_interrupt_ends_the_writes_at_once_and_the_reads_go_on(
    hold: Callable[[Throttle], None],
) -> None:
    throttle = make_gate(1 / 60)
    for is_write in (False, True):
        await send(throttle, 1, is_write=is_write)
    hold(throttle)
    ended: list[float] = []
    reader = Sender(throttle)

    async def write() -> None:
        with pytest.raises(StoppedError):
            await throttle.enter(is_write=True)
        ended.append(now())

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(write)
        group.start_soon(lambda: reader.succeed(is_write=False))
        await anyio.sleep(0.3)
        throttle.stop.set(Reason.INTERRUPTED, "the run was interrupted")
    assert ended == [0.3] * 3
    assert len(reader.left) == 1


async def test_after_an_interrupt_the_target_can_be_asked_but_not_told() -> None:
    throttle = make_gate()
    throttle.stop.set(Reason.INTERRUPTED, "the run was interrupted")
    await throttle.enter(is_write=False)
    with pytest.raises(StoppedError):
        await throttle.enter(is_write=True)


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.INTERRUPTED])
async def test_after_any_other_stop_nothing_leaves(reason: Reason) -> None:
    throttle = make_gate()
    throttle.stop.set(reason, "words")
    for is_write in (False, True):
        with pytest.raises(StoppedError):
            await throttle.enter(is_write=is_write)


async def test_the_first_reason_to_stop_stays() -> None:
    stop = Stop()
    stop.set(Reason.INTERRUPTED, "first")
    stop.set(Reason.GIVEN_UP, "second")
    assert (stop.reason, stop.words, stop.is_hopeless) == (Reason.INTERRUPTED, "first", False)


async def test_a_429_that_comes_home_during_a_pause_does_not_give_the_target_up() -> None:
    """The headers said that nothing is left; what was in flight was refused, long after the machine was started."""
    stop = Stop()
    throttle = Throttle(UNLIMITED, 0.0, 60.0, stop, lambda _: None)
    await anyio.sleep(10_000)
    await throttle.enter(is_write=True)
    now_seconds = time.time()
    throttle.succeed({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(now_seconds + 5)}, is_write=True)
    throttle.pause({}, is_write=True)
    assert stop.reason is None


# ---- Retry-After of a failure


async def test_the_retry_after_of_a_503_is_waited_for_by_everybody() -> None:
    throttle = make_gate()
    throttle.fail("HTTP 503", {"Retry-After": "12"})
    times = await send(throttle, 40)
    assert times[0] == pytest.approx(12, abs=0.01)


async def test_a_target_that_asks_to_wait_is_not_given_up_before(told: list[str]) -> None:
    """The breaker's time-out of 8 seconds begins anew when what was asked for is over."""
    throttle = make_gate(breaker_timeout=8.0, told=told)
    for _ in range(2):
        for _ in range(12):
            throttle.fail("HTTP 503", {"Retry-After": "12"})
        assert throttle.stop.reason is None
        await throttle.enter(is_write=True)
    assert now() == 24
    throttle.succeed(HEADERS, is_write=True)
    assert told[-1] == "answers again"


async def test_a_target_that_asks_to_wait_for_ever_is_given_up_in_the_end() -> None:
    throttle = make_gate(breaker_timeout=8.0)
    while throttle.stop.reason is None:
        throttle.fail("HTTP 503", {"Retry-After": "60"})
        if throttle.stop.reason is None:
            await throttle.enter(is_write=True)
    assert throttle.stop.reason is Reason.GIVEN_UP
    assert now() <= 11 * 8 + 60
