"""Against limits that servers really enforce, in virtual time: kept where configured, found where not."""

from __future__ import annotations

import math
import random
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from importer.delivery.pacer import Quota, read_quota
from importer.delivery.stop import Stop
from importer.delivery.throttle import Throttle

from .limits_table import Case, Headers, Target
from .virtual_time import VIRTUAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

pytestmark = pytest.mark.anyio

LATENCY = 0.01  # seconds from the request to its answer


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return VIRTUAL


@dataclass
class Server:
    """Lets `limit` requests through in `window` seconds, sliding, fixed or as a bucket; tells what `tells` says."""

    form: str
    limit: int
    window: float
    tells: str = ""  # any of: r (Retry-After), x (X-RateLimit)
    others: float = 0.0  # requests a second that others make with the same key
    taken: list[float] = field(default_factory=list)
    refused: int = 0
    _hits: deque[float] = field(default_factory=deque)
    _level: float = 0.0
    _seen: float = 0.0
    _others: float = 0.0

    def answer(self, now: float) -> tuple[bool, dict[str, str]]:
        """Take or refuse a request."""
        self._others += self.others * (now - self._seen)
        while self._others >= 1:
            self._others -= 1
            self._admit(now)
        is_taken, remaining, seconds = self._admit(now)
        self._seen = now
        if is_taken:
            self.taken.append(now)
        self.refused += not is_taken
        headers = {"Retry-After": str(math.ceil(seconds))} if "r" in self.tells and not is_taken else {}
        if "x" in self.tells:
            headers |= {
                "X-RateLimit-Limit": f"{self.limit}, {self.limit};window={self.window:g}",
                "X-RateLimit-Remaining": str(remaining),
                "X-RateLimit-Reset": str(math.ceil(time.time() + seconds)),
            }
        return is_taken, headers

    def _admit(self, now: float) -> tuple[bool, int, float]:
        if self.form == "bucket":
            self._level = max(0.0, self._level - (now - self._seen) * self.limit / self.window)
            self._seen = now
            is_taken = self._level + 1 <= self.limit
            self._level += is_taken
            return is_taken, int(self.limit - self._level), self._level * self.window / self.limit
        start = now - self.window if self.form == "sliding" else math.floor(now / self.window) * self.window
        while self._hits and (self._hits[0] <= start if self.form == "sliding" else self._hits[0] < start):
            self._hits.popleft()
        is_taken = len(self._hits) < self.limit
        if is_taken:
            self._hits.append(now)
        seconds = (self._hits[0] if self.form == "sliding" else start) + self.window - now
        return is_taken, self.limit - len(self._hits), seconds

    @property
    def span(self) -> float:
        """Seconds from the first request that was taken to the last."""
        return self.taken[-1] - self.taken[0]


async def send(
    server: Server,
    rows: int,
    *,
    rate: float = math.inf,
    headroom: float = 0.0,
    workers: int = 20,
    travel: Callable[[], float] = lambda: LATENCY / 2,
    throttle: Throttle | None = None,
) -> None:
    """Send rows as the workers of a target do, until all are taken; `travel`: seconds of a request or its answer."""
    throttle = throttle or Throttle(rate, headroom, 3600.0, Stop(), lambda _: None)
    left = deque(range(rows))

    async def work() -> None:
        while left:
            left.popleft()
            while not await attempt(throttle, server, travel):
                pass

    async with anyio.create_task_group() as group:
        for _ in range(workers):
            group.start_soon(work)


async def attempt(throttle: Throttle, server: Server, travel: Callable[[], float]) -> bool:
    """Send once; whether it was taken."""
    await throttle.enter(is_write=True)
    sent = anyio.current_time()
    await anyio.sleep(travel())
    is_taken, headers = server.answer(anyio.current_time())
    await anyio.sleep(travel())
    if is_taken:
        throttle.succeed(headers, is_write=True, sent=sent)
    else:
        throttle.pause(headers, is_write=True, sent=sent)
    return is_taken


@pytest.mark.parametrize("form", ["sliding", "fixed", "bucket"])
@pytest.mark.parametrize(("limit", "window"), [(10, 1.0), (50, 1.0), (100, 1.0), (1000, 1.0), (300, 60.0)])
async def test_a_configured_limit_is_kept_and_used(form: str, limit: int, window: float) -> None:
    """No 429 at all, and at most 3 % longer than rows / limit."""
    server, rows = Server(form, limit, window), min(3000, limit * 10)
    await send(server, rows, rate=limit / window)
    assert server.refused == 0
    assert server.span <= 1.03 * rows * window / limit


#: Requests in so many seconds, and the rate that is set though the limit is less.
UNKNOWN_LIMITS = [(5, 1, 50), (20, 1, 50), (45, 1, 50), (48, 1, 50), (70, 1, 100), (300, 10, 50), (600, 60, 50)]


@pytest.mark.parametrize("tells", ["", "r", "rx"])
@pytest.mark.parametrize("form", ["sliding", "fixed", "bucket"])
@pytest.mark.parametrize(("limit", "window", "rate"), UNKNOWN_LIMITS)
async def test_a_limit_that_nobody_configured_is_found(
    tells: str, form: str, limit: int, window: float, rate: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under 2 % of the requests are refused, and it takes at most 15 % longer than ideal."""
    monkeypatch.setattr(time, "time", anyio.current_time)  # the headers name points in time
    server, rows = Server(form, limit, window, tells), 2000
    await send(server, rows, rate=rate)
    assert server.refused < 0.02 * (rows + server.refused)
    assert server.span <= 1.15 * rows * window / limit


@pytest.mark.parametrize(
    "case",
    [
        Case(90, "sliding", "-", "seconds", 1000.0, 600, "2 ms"),
        Case(30, "fixed", "-", "-", 1000.0, 600, "2 ms"),
        Case(50, "sliding", "-", "seconds", 1000.0, 5000, "20..260 ms"),
        Case(90, "bucket-10", "-", "-", 1000.0, 600, "2 ms"),
        Case(30, "bucket-10", "-", "date", 1000.0, 2000, "2 ms"),
        Case(50, "bucket-1", "-", "-", 1000.0, 2000, "2 ms"),
        Case(50, "bucket-1", "-", "-", 1000.0, 600, "2 ms"),
        Case(30, "bucket-1", "-", "seconds", 100.0, 2000, "2 ms"),
        Case(50, "bucket-10", "-", "-", 1000.0, 2000, "at once"),
        Case(30, "sliding", "-", "seconds", 1000.0, 600, "at once"),
        Case(30, "fixed", "-", "-", 1000.0, 600, "at once"),
        Case(90, "sliding", "x", "seconds", 1000.0, 600, "20..260 ms"),
        Case(90, "bucket-1", "x", "-", 1000.0, 600, "at once"),
        Case(90, "bucket-1", "x", "-", 1000.0, 600, "2 ms"),
        Case(90, "bucket-10", "ietf", "seconds", 1000.0, 600, "20..260 ms"),
        Case(90, "bucket-10", "pagerduty", "-", 1000.0, 600, "at once"),
        Case(50, "bucket-1", "pagerduty", "date", 1000.0, 600, "2 ms"),
        Case(30, "bucket-10", "x", "date", 1000.0, 600, "2 ms"),
        Case(30, "bucket-1", "ietf", "seconds", 1000.0, 600, "2 ms"),
        Case(90, "fixed", "pagerduty", "-", 100.0, 600, "20..260 ms"),
    ],
    ids=lambda case: " ".join(map(str, case)),
)
def test_a_limit_is_kept_to_within_8_percent(case: Case) -> None:
    """However the target counts, and whatever it tells; all cases, with what theory allows, are in limits_table."""
    slow, refused = case.measure()
    assert slow <= 1.08
    assert refused <= 0.02


def test_little_leaves_before_the_first_refusal_is_known() -> None:
    """Everything that leaves until then is refused too, and answers that take long would let all workers do so."""
    slow, refused = Case(50, "bucket-1", "-", "-", 1000.0, 600, "at once").measure()
    assert slow <= 1.2  # none leaves later than the pace asks for: they are taken in the order in which they left
    assert refused <= 0.025


def test_a_search_does_not_begin_above_what_comes_into_a_bucket() -> None:
    """What is taken among the first refusals shows that: else the next requests cost another pause of a second."""
    slow, refused = Case(30, "bucket-1", "-", "seconds", 100.0, 600, "at once").measure()
    assert slow <= 1.18
    assert refused <= 0.02


def test_a_window_that_looked_like_a_bucket_is_known_by_the_next_refusal() -> None:
    """A search that two windows lie in finds a limit between the one that is allowed and the one that is set.

    It cost a pause of a second for every 3 percent, until the rate had come down.
    """
    slow, refused = Case(50, "fixed", "-", "seconds", 100.0, 2000, "20..260 ms").measure()
    assert slow <= 1.08
    assert refused <= 0.012


@pytest.mark.parametrize(
    ("limit", "tells", "travel", "most"),
    [
        (50, "x", "20..260 ms", 6.6),
        (50, "x", "late", 8.2),
        (50, "-", "20..260 ms", 6.4),
        (50, "-", "late", 7.3),
        (90, "-", "late", 13.0),
    ],
)
def test_a_bucket_of_one_is_used_one_after_the_other_where_requests_overtake_each_other(
    limit: int, tells: str, travel: str, most: float
) -> None:
    """One that arrives soon after another is refused, however evenly both left: no pace is near the limit then.

    An answer takes 7 to 13 times as long as a request is worth.
    """
    slow, refused = Case(limit, "bucket-1", tells, "-", 1000.0, 600, travel).measure()
    assert slow <= most
    assert refused <= 0.021


async def test_an_answer_that_never_comes_does_not_hold_up_those_that_leave_one_after_the_other() -> None:
    target, throttle = Target(50, "bucket-1", "x", "seconds"), Throttle(1000.0, 0.0, 3600.0, Stop(), lambda _: None)
    chance = random.Random(1)

    async def work(rows: range) -> None:
        for row in rows:
            is_taken = False
            while not is_taken:
                await throttle.enter(is_write=True)
                sent = anyio.current_time()
                await anyio.sleep(10_000 if row == 150 else chance.uniform(0.02, 0.26))
                is_taken, headers = target.answer(anyio.current_time())
                (throttle.succeed if is_taken else throttle.pause)(Headers(headers), is_write=True, sent=sent)

    async with anyio.create_task_group() as group:
        for worker in range(10):
            group.start_soon(work, range(worker, 300, 10))
    in_time = [moment for moment in target.taken if moment < 10_000]
    assert len(in_time) >= 300 - 15  # 150 itself and the rest of its worker's rows come later
    assert max(in_time) <= 300 / 50 * 20


@pytest.mark.parametrize("tells", ["", "r"])
@pytest.mark.parametrize("form", ["sliding", "fixed"])
@pytest.mark.parametrize(("limit", "window"), [(10, 1), (45, 1), (300, 10)])
@pytest.mark.parametrize("begins", [0.37, 0.9])
async def test_it_is_found_wherever_in_a_window_the_run_begins_and_however_long_requests_travel(
    tells: str, form: str, limit: int, window: float, begins: float
) -> None:
    server, rows, chance = Server(form, limit, window, tells), 2000, random.Random(limit)
    await anyio.sleep(begins * window)
    await send(server, rows, rate=50.0, travel=lambda: chance.uniform(0.002, 0.03))
    assert server.refused < 0.02 * (rows + server.refused)
    assert server.span <= 1.15 * rows * window / limit


@pytest.mark.parametrize("form", ["sliding", "fixed", "bucket"])
@pytest.mark.parametrize("rate", [1000.0, math.inf])
async def test_it_is_found_where_what_is_set_is_far_more_than_can_leave(form: str, rate: float) -> None:
    """Four workers whose answers take 0.1 s send 40 a second, whatever is set."""
    server, rows = Server(form, 30, 1.0, "r"), 2000
    await send(server, rows, rate=rate, workers=4, travel=lambda: 0.05)
    assert server.refused < 0.02 * (rows + server.refused)
    assert server.span <= 1.15 * rows / 30


@pytest.mark.parametrize("form", ["sliding", "fixed"])
@pytest.mark.parametrize("used", [300, 590, 600])
async def test_a_minute_that_others_had_nearly_used_up_does_not_make_the_whole_run_slow(form: str, used: int) -> None:
    """A rerun 20 seconds after a run: what little is taken at first is not the limit."""
    server, rows = Server(form, 600, 60.0, "r"), 2000
    for number in range(used):
        server.answer(number / 1000)
    await anyio.sleep(20)
    await send(server, rows, rate=50.0)
    assert anyio.current_time() <= 60 + 1.15 * rows * 60 / 600


async def test_after_a_minute_that_others_had_nearly_used_up_the_next_one_is_not_used_up_at_once() -> None:
    server, throttle = Server("fixed", 600, 60.0, "r"), Throttle(50.0, 0.0, 3600.0, Stop(), lambda _: None)
    for number in range(300):
        server.answer(number / 1000)
    await anyio.sleep(20)
    await send(server, 500, throttle=throttle)
    assert throttle.rate < 40


async def test_once_as_much_is_allowed_as_is_set_no_more_than_that_leaves() -> None:
    """Those who waited at a lower rate do not leave beside those who come later."""
    server = Server("bucket", 20, 1.0)
    throttle = Throttle(100.0, 0.0, 3600.0, Stop(), lambda _: None)
    await send(server, 100, throttle=throttle)
    server.limit = 1000
    await send(server, 6000, throttle=throttle)
    assert server.taken[-1] - server.taken[-100] < 1.05  # it is at what is set
    assert all(later - earlier > 0.09 for earlier, later in zip(server.taken[20:], server.taken[30:], strict=False))


async def test_a_limit_that_is_raised_is_found_out_in_the_end() -> None:
    server = Server("sliding", 10, 1.0, "r")
    throttle = Throttle(50.0, 0.0, 3600.0, Stop(), lambda _: None)
    await send(server, 200, throttle=throttle)
    server.limit = 40
    await send(server, 4000, throttle=throttle)
    began = anyio.current_time()
    await send(server, 1000, throttle=throttle)
    assert anyio.current_time() - began <= 1.25 * 1000 / 40


@pytest.mark.parametrize(("form", "limit", "window"), [("sliding", 600, 60.0), ("fixed", 600, 60.0)])
async def test_a_limit_in_the_headers_is_read_ahead(
    form: str, limit: int, window: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is refused, though nobody configured it."""
    monkeypatch.setattr(time, "time", anyio.current_time)  # the headers name points in time
    server, rows = Server(form, limit, window, "x"), 2000
    await send(server, rows, rate=50.0)
    assert server.refused == 0
    assert server.span <= 1.15 * rows * window / limit


async def test_headroom_leaves_its_share_to_others() -> None:
    server, rows = Server("sliding", 50, 1.0), 1000
    await send(server, rows, rate=50.0, headroom=0.2)
    assert server.span >= rows / (50 * 0.8)


async def test_others_with_the_same_key_make_it_slower_before_anything_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "time", anyio.current_time)
    server, rows = Server("fixed", 3000, 60.0, "x", others=25.0), 4000
    await send(server, rows, rate=50.0)
    assert server.refused < 0.02 * rows


@pytest.mark.parametrize(("form", "others"), [("sliding", 15.0), ("fixed", 20.0), ("bucket", 30.0)])
async def test_what_others_leave_of_a_told_limit_is_used(
    form: str, others: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their requests make refusals come soon and again, as one's own do that overtake each other."""
    monkeypatch.setattr(time, "time", anyio.current_time)
    server, rows, chance = Server(form, 100, 2.0, "x", others=others), 2000, random.Random(1)
    await send(server, rows, workers=60, travel=lambda: chance.uniform(0.01, 0.13))
    assert server.span < 1.6 * rows / (50 - others)


@pytest.mark.parametrize(
    ("headers", "quota"),
    [
        (
            {"X-RateLimit-Limit": "3000, 3000;window=60", "X-RateLimit-Remaining": "7", "X-RateLimit-Reset": "1010"},
            Quota(3000, 60, 7, 10),
        ),
        (
            {"X-RateLimit-Limit": "60, 60;window=2", "X-RateLimit-Remaining": "59", "X-RateLimit-Reset": "2"},
            Quota(60, 2, 59, 2),
        ),
        (
            {"ratelimit-limit": "960", "ratelimit-remaining": "959", "ratelimit-reset": "60"},
            Quota(960, 0, 959, 60),
        ),
        (
            {"RateLimit-Limit": "60, 60;w=2", "RateLimit-Remaining": "7", "RateLimit-Reset": "1001"},
            Quota(60, 2, 7, 1),
        ),
        ({"RateLimit-Policy": '"default";q=60;w=2', "RateLimit": '"default";r=7;t=1'}, Quota(60, 2, 7, 1)),
        (
            {"RateLimit-Policy": '"day";q=9000;w=86400, "burst";q=60;w=2', "RateLimit": '"burst";r=7;t=1'},
            Quota(60, 2, 7, 1),
        ),
        ({"RateLimit-Policy": "60;w=2", "RateLimit": "limit=60, remaining=7, reset=1"}, Quota(60, 2, 7, 1)),
        ({"RateLimit": "limit=60, remaining=7, reset=1"}, Quota(60, 0, 7, 1)),
        ({"RateLimit-Policy": '"default";q=60;w=2'}, None),
        ({"RateLimit": '"default";r=7'}, None),
        ({"X-RateLimit-Remaining": "7", "X-RateLimit-Reset": "1010"}, Quota(0, 0, 7, 10)),
        ({"X-RateLimit-Remaining": "7"}, None),
        ({"X-RateLimit-Remaining": "many", "X-RateLimit-Reset": "1010"}, None),
        ({"X-RateLimit-Remaining": "nan", "X-RateLimit-Reset": "1010"}, None),
        ({"X-RateLimit-Remaining": "7", "X-RateLimit-Reset": "999"}, None),
        ({"X-RateLimit-Remaining": "7", "X-RateLimit-Reset": "4102444800"}, None),
        ({}, None),
    ],
)
async def test_every_form_of_headers_is_read_and_what_makes_no_sense_is_not_heeded(
    headers: Mapping[str, str], quota: Quota | None
) -> None:
    assert read_quota(Headers(dict(headers)), 1000.0) == quota
