"""`python -m tests.delivery.pull_table`: how long a large pull takes against requests / limit, in virtual time.

The limits are those of the stand-ins, enforced in every way that they can be; answers are as empty as they may be.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import anyio

from importer.calendars import Selection, Window, opsgenie, pagerduty
from importer.commands.pull import APIS
from importer.delivery import source_api
from importer.delivery.client import Answer
from importer.delivery.stop import Stop
from importer.delivery.throttle import Throttle
from importer.sandbox.api.answers import Limits, RateWindow, Standing

from .limits_table import Headers
from .virtual_time import VirtualLoop

if TYPE_CHECKING:
    from importer.calendars import Ask
    from importer.delivery.source_api import SourceApi

_SCHEDULES, _PEOPLE = 1250, 2800
_LATENCY = 0.04
_WINDOW = Window(1_800_000_000, 1_800_000_000 + 28 * 86_400)
_NOBODY: dict[str, Any] = {"finalTimeline": {"rotations": []}}


def _page(path: str, number: int, name: str, made: dict[str, Any]) -> dict[str, Any]:
    asked = parse_qs(urlsplit(path).query)
    begin, limit = int(asked["offset"][0]), int(asked["limit"][0])
    found = [{"id": f"P{index}", **made} for index in range(begin, min(number, begin + limit))]
    more = begin + limit < number
    return {name: found, "data": found, "more": more} | (
        {"paging": {"next": f"?offset={begin + limit}"}} if more else {}
    )


def _answer(path: str) -> dict[str, Any]:
    """Return what either system says to a question; both have their own paths."""
    found: dict[str, Any]
    match urlsplit(path).path.strip("/").split("/"):
        case ["v2", "request-limits"]:
            limits = [{"limit": 10, "periodInSeconds": 1}, {"limit": 400, "periodInSeconds": 60}]
            found = {
                "data": {"rateLimits": [{"domain": name, "limits": limits} for name in ("CONFIGURATION", "SEARCH")]}
            }
        case ["users"]:
            found = _page(path, _PEOPLE, "users", {"name": "Anna Berg", "email": "anna@example.com"})
        case ["v2", "users"]:
            found = _page(path, _PEOPLE, "users", {"fullName": "Anna Berg", "username": "anna@example.com"})
        case ["schedules"]:
            found = _page(path, _SCHEDULES, "schedules", {"name": "Payments", "time_zone": "Europe/Berlin"})
        case ["v3", "schedules"]:
            found = {"schedules": [], "more": False}
        case ["v2", "schedules"]:
            found = {"data": [{"id": f"S{index}", "rotations": [{}]} for index in range(_SCHEDULES)]}
        case ["schedules", id_]:
            found = {"schedule": {"id": id_, "final_schedule": {"rendered_schedule_entries": []}}}
        case [*_, "overrides"]:
            found = {"overrides": [], "data": []}
        case _:
            found = {"data": _NOBODY}
    return found


class _FixedWindow(RateWindow):
    """At most `limit` requests between two multiples of `seconds`: up to twice as many around one."""

    def standing(self, now: float) -> Standing:
        begins = now // self.seconds * self.seconds
        while self._taken and self._taken[0] < begins:
            self._taken.popleft()
        return Standing(self.limit, len(self._taken), begins + self.seconds)


class _Bucket(RateWindow):
    """A token bucket of `limit` requests, full at first, that refills evenly in `seconds`."""

    _left, _filled_at = 0.0, -math.inf

    def take(self, now: float) -> bool:
        is_taken = self.standing(now).remaining >= 1
        self._left -= is_taken
        return is_taken

    def standing(self, now: float) -> Standing:
        refilled = (now - self._filled_at) * self.limit / self.seconds
        self._left, self._filled_at = min(float(self.limit), self._left + refilled), now
        used = self.limit - math.floor(self._left + 1e-9)
        return Standing(self.limit, used, now + (self.limit - self._left) * self.seconds / self.limit)


class _Target:
    """Answers as a system would, within its limits; `kind` is how they are enforced."""

    def __init__(self, name: str, kind: type[RateWindow]) -> None:
        self._windows: dict[bool, tuple[RateWindow, ...]] = {}
        self._name = name
        self._kind = kind
        self.taken = {False: 0, True: 0}  # of schedules, of searches
        self.refused = 0

    async def get(self, url: str, _attempt: int) -> Answer:
        """Answer a GET."""
        await anyio.sleep(_LATENCY)
        is_search = self._name == "opsgenie" and opsgenie.is_search(url)
        real = (Limits().pagerduty(),) if self._name == "pagerduty" else Limits().opsgenie()
        made = tuple(self._kind(one.limit, one.seconds) for one in real)
        windows = self._windows.setdefault(is_search, made)
        now = anyio.current_time()
        headers = {}
        is_taken = all(window.take(now) for window in windows)
        if self._name == "pagerduty":
            standing = windows[0].standing(now)
            reset = max(0, -int(now - standing.resets_at))
            headers = {
                "ratelimit-limit": standing.limit,
                "ratelimit-remaining": standing.remaining,
                "ratelimit-reset": reset,
            }
        told = Headers({name: str(value) for name, value in headers.items()})
        if not is_taken:
            self.refused += 1
            return Answer(429, told, b"{}")
        self.taken[is_search] += 1
        return Answer(200, told, json.dumps(_answer(url)).encode())


def _asking(api: SourceApi, target: _Target) -> Ask:
    throttle = Throttle(api.rate, 0.0, 60.0, Stop(), lambda _: None)

    async def ask(path: str) -> Any:
        return await source_api._ask(path, api, target, throttle)  # type: ignore[arg-type]

    return ask


async def _pull(name: str, target: _Target) -> float:
    """Pull all; return the seconds that it took."""
    api = APIS[name]
    ask = _asking(api, target)
    if name == "pagerduty":
        await pagerduty.read_calendar(ask, _WINDOW, Selection(), lambda *_: None)
        return anyio.current_time()
    rates = await opsgenie.read_rates(ask)
    schedules, users = (_asking(replace(api, rate=rate), target) for rate in rates)

    async def ask_either(path: str) -> Any:
        return await (users if opsgenie.is_search(path) else schedules)(path)

    await opsgenie.read_calendar(ask_either, _WINDOW, Selection(), lambda *_: None)
    return anyio.current_time()


def main() -> None:
    """Print a line for each system and each way to enforce its limit."""
    kinds = {"sliding": RateWindow, "fixed": _FixedWindow, "bucket": _Bucket}
    for name, form in product(("pagerduty", "opsgenie"), kinds):
        target = _Target(name, kinds[form])
        with (
            asyncio.Runner(loop_factory=VirtualLoop) as runner,
            mock.patch.object(time, "time", return_value=1_800_000_000.0),
        ):
            seconds = runner.run(_pull(name, target))
        rate = 16.0 if name == "pagerduty" else 400 / 60
        ideal = sum(target.taken.values()) / rate
        print(
            f"{name:10} {form:8} {sum(target.taken.values()):5} requests  {seconds:7.1f} s"
            f"  {seconds / ideal:.3f} x requests / limit  {target.refused} refused"
        )


if __name__ == "__main__":
    main()
