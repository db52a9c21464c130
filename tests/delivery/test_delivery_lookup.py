"""The whole of a target's users and schedules is listed before anything is sent, or it is clear why not.

Against the real sandbox, and where that cannot be made to say it, against bytes on a socket.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import orjson
import pytest
from sandbox_truth import read_truth

from importer.delivery.listing import LookedUp, LookedUpList, look_up
from importer.delivery.stop import Reason
from importer.delivery.transport import Connection
from importer.records import TargetName
from importer.sandbox.directory_file import TOKEN, DirectoryFile
from importer.sandbox.fault_plan import FaultPlan
from importer.sandbox.server import serve
from importer.settings.options import load_settings
from importer.statuses import Status
from importer.targets.target import DirectoryEntry

from .serving import Seen, http, serving

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from importer.delivery.queue import Progress

pytestmark = pytest.mark.anyio

SETTINGS = load_settings({"rate": ("rootly=none",), "breaker_timeout": 0})
USERS = [
    {"id": number, "email": f"user{number}@example.com", "first_name": "User", "last_name": f"No. {number}"}
    for number in range(1, 251)
]
SCHEDULES = [{"id": f"sched-{number}", "name": f"Schedule {number}"} for number in range(1, 121)]
ALL_USERS = {DirectoryEntry(str(number), f"User No. {number}", f"user{number}@example.com") for number in range(1, 251)}
ALL_SCHEDULES = {DirectoryEntry(f"sched-{number}", f"Schedule {number}") for number in range(1, 121)}


class Listener:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def decided(self, target: TargetName, status: Status, number: int) -> None:
        raise AssertionError("nothing is decided by looking")

    def sending(self, target: TargetName, progress: Progress) -> None:
        raise AssertionError("nothing is sent by looking")

    def target_noticed(self, target: TargetName, words: str) -> None:
        self.words.append(words)


@dataclass
class Clock:
    """The server's time; it goes on by `step` whenever it is looked at."""

    moment: float = 1_767_268_800.0
    step: float = 0.0

    def __call__(self) -> float:
        self.moment += self.step
        return self.moment


@dataclass
class Scene:
    """A directory of 250 users and 120 schedules, and what goes wrong."""

    state: Path
    clock: Clock = field(default_factory=Clock)
    users: list[dict[str, Any]] = field(default_factory=lambda: USERS)
    schedules: list[dict[str, Any]] = field(default_factory=lambda: SCHEDULES)

    async def look_up(
        self, *faults: dict[str, object], token: str = TOKEN, users: bool = True, schedules: bool = True
    ) -> LookedUp:
        roll = DirectoryFile.model_validate({"users": self.users, "schedules": self.schedules})
        plan = FaultPlan.model_validate({"fault": faults})
        async with serve(self.state, faults=plan, directory=roll, now=self.clock) as address:
            return await look(address.rootly, token=token, users=users, schedules=schedules)


async def look(
    url: str, *, token: str = TOKEN, users: bool = True, schedules: bool = True, until: anyio.Event | None = None
) -> LookedUp:
    return await look_up(
        TargetName.ROOTLY,
        Connection(url, token),
        SETTINGS,
        lists=[what for what, is_wanted in (("users", users), ("schedules", schedules)) if is_wanted],
        observer=Listener(),
        interrupted=until or anyio.Event(),
    )


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "sandbox.sqlite3")


def entries(listing: LookedUpList) -> tuple[DirectoryEntry, ...]:
    assert listing.entries is not None, listing.words
    return listing.entries


def is_whole(found: LookedUp) -> bool:
    """Tell whether everybody and everything was found, each once."""
    users, schedules = entries(found.users), entries(found.schedules)
    is_each = set(users) == ALL_USERS and set(schedules) == ALL_SCHEDULES
    return is_each and (len(users), len(schedules)) == (250, 120) and (found.reason, found.words) == (None, "")


# ---- whole lists


async def test_lists_of_several_pages_are_read_to_their_ends_and_nothing_is_sent(scene: Scene) -> None:
    assert is_whole(await scene.look_up())
    requests = read_truth(scene.state).requests
    assert [request.method for request in requests] == ["GET"] * 5
    assert [request.path.partition("?")[0] for request in requests] == ["/v1/users"] * 3 + ["/v1/schedules"] * 2
    assert all("page%5Bsize%5D=100" in request.path for request in requests)


@pytest.mark.parametrize(
    "faults",
    [
        [{"what": "repeat"}],
        [{"what": "repeat"}, {"what": "short_pages", "size": 7}],
        [{"what": "next_link", "form": "query"}],
        [{"what": "next_link", "form": "path"}],
        [{"what": "next_link", "form": "api_path"}],
        [{"what": "next_link", "form": "meta"}],
        [{"what": "status", "status": 429, "retry_after": 0, "at": [1, 3]}],
        [{"what": "status", "status": 503, "form": "html", "at": [2]}],
        [{"what": "reset", "method": "GET", "at": [2]}],
        [{"what": "truncated", "form": "length", "method": "GET", "at": [4]}],
    ],
    ids=str,
)
async def test_whatever_passes_everybody_is_found_once(scene: Scene, faults: list[dict[str, object]]) -> None:
    assert is_whole(await scene.look_up(*faults))


@pytest.mark.parametrize("asked", ["users", "schedules"])
async def test_a_list_that_nobody_needs_is_not_asked_for(scene: Scene, asked: str) -> None:
    other = {"users": "schedules", "schedules": "users"}[asked]
    found = await scene.look_up(users=asked == "users", schedules=asked == "schedules")
    assert getattr(found, other) == LookedUpList(None, "", 0)
    assert entries(getattr(found, asked))
    assert {request.path.partition("?")[0] for request in read_truth(scene.state).requests} == {f"/v1/{asked}"}


async def test_a_list_that_lags_does_not_have_who_was_made_just_now_but_later_it_does(scene: Scene) -> None:
    scene.schedules = [*SCHEDULES[:-1], {**SCHEDULES[-1], "listed_after": 30}]
    roll = DirectoryFile.model_validate({"users": [], "schedules": scene.schedules})
    async with serve(scene.state, directory=roll, now=scene.clock) as address:
        before = await look(address.rootly)
        scene.clock.moment += 31
        after = await look(address.rootly)
    assert ALL_SCHEDULES - set(entries(before.schedules)) == {DirectoryEntry("sched-120", "Schedule 120")}
    assert set(entries(after.schedules)) == ALL_SCHEDULES


@pytest.mark.parametrize("seconds", range(0, 60, 3))
async def test_who_comes_into_a_list_during_the_sweep_costs_nobody_and_doubles_nobody(
    scene: Scene, seconds: int
) -> None:
    """The newest schedule stands first: when it comes to be seen, all others move along by one."""
    scene.clock.step = 1
    scene.schedules = [*SCHEDULES[:-1], {**SCHEDULES[-1], "listed_after": seconds}]
    found = entries((await scene.look_up({"what": "short_pages", "size": 20}, users=False)).schedules)
    assert len(set(found)) == len(found)
    assert ALL_SCHEDULES - set(found) <= {DirectoryEntry("sched-120", "Schedule 120")}


# ---- lists that are not to be had


@pytest.mark.parametrize("status", [403, 404])
async def test_a_list_that_the_token_may_not_see_is_refused_alone(scene: Scene, status: int) -> None:
    found = await scene.look_up({"what": "status", "status": status, "path": "/v1/users?"})
    assert found.users.entries is None
    assert found.users.refused == status
    assert found.users.words.startswith(f"rootly refused it ({status}): ")
    assert set(entries(found.schedules)) == ALL_SCHEDULES
    assert (found.reason, found.words) == (None, "")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"what": "endless_list", "form": "same"}, "the list of rootly's users does not end"),
        ({"what": "endless_list", "form": "none"}, "the list of rootly's users does not end"),
        ({"what": "next_link", "form": "other_host"}, "at another address"),
        ({"what": "html", "method": "GET"}, "the list of rootly's users cannot be read"),
        ({"what": "empty", "method": "GET"}, "the list of rootly's users cannot be read"),
        ({"what": "nested", "method": "GET"}, "the list of rootly's users cannot be read"),
        (
            {"what": "truncated", "method": "GET", "form": "json", "at": [3]},
            "the list of rootly's users cannot be read",
        ),
        ({"what": "status", "status": 400}, "400: "),
    ],
    ids=str,
)
async def test_a_list_that_is_not_whole_is_none_and_the_other_one_is_there(
    scene: Scene, fault: dict[str, object], words: str
) -> None:
    """Half a list could hold one of two people of the same name."""
    found = await scene.look_up({**fault, "path": "/v1/users?"})
    assert found.users.entries is None
    assert words in found.users.words
    assert found.users.refused == 0
    assert set(entries(found.schedules)) == ALL_SCHEDULES
    assert found.reason is None


async def test_an_entry_without_an_id_spoils_its_list_rather_than_be_left_out() -> None:
    async def talk(seen: Seen, writer: asyncio.StreamWriter) -> None:
        data = [{"id": "1", "attributes": {"name": "Primary"}}, {"attributes": {"name": "Primary"}}]
        writer.write(http(200, orjson.dumps({"data": data})))

    async with serving(talk) as server:
        found = await look(server.url, users=False)
    assert found.schedules == LookedUpList(
        words="the list of rootly's schedules cannot be read: the list holds an entry without an id"
    )


# ---- nothing is to be had


async def test_a_token_that_is_refused_ends_it_with_the_servers_words(scene: Scene) -> None:
    found = await scene.look_up(token="wrong")
    assert found.reason is Reason.TOKEN_REFUSED
    assert found.words.startswith("the token was refused (401): ")
    assert found.users == found.schedules == LookedUpList(words=found.words)
    assert len(read_truth(scene.state).requests) == 1


async def test_a_403_on_everything_is_about_the_token(scene: Scene) -> None:
    found = await scene.look_up({"what": "status", "status": 403})
    assert found.reason is Reason.TOKEN_REFUSED


async def test_a_target_that_is_gone_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    found = await look(f"http://127.0.0.1:{port}")
    assert found.reason is Reason.GIVEN_UP
    assert found.users == found.schedules == LookedUpList(words=found.words)
    assert "the target did not come back" in found.words


async def test_an_interrupt_ends_it_at_once() -> None:
    interrupted = anyio.Event()

    async def never(_seen: Seen, _writer: asyncio.StreamWriter) -> None:
        interrupted.set()
        await anyio.sleep_forever()

    async with serving(never) as server:
        found = await look(server.url, until=interrupted)
    assert found.reason is Reason.INTERRUPTED
    assert found.users == found.schedules == LookedUpList(words=found.words)
    assert len(server.seen) == 1


async def test_what_was_whole_before_an_interrupt_is_kept() -> None:
    interrupted = anyio.Event()

    async def talk(seen: Seen, writer: asyncio.StreamWriter) -> None:
        if "/v1/schedules" in seen.line:
            interrupted.set()
            await anyio.sleep_forever()
        data = [{"id": "1", "attributes": {"email": "a@example.com"}}]
        writer.write(http(200, orjson.dumps({"data": data})))

    async with serving(talk) as server:
        found = await look(server.url, until=interrupted)
    assert found.users == LookedUpList((DirectoryEntry("1", "", "a@example.com"),))
    assert (found.schedules.entries, found.reason) == (None, Reason.INTERRUPTED)


async def test_a_target_without_such_lists_has_none_and_is_not_asked() -> None:
    found = await look_up(
        TargetName.OPAL,
        Connection("http://127.0.0.1:9", TOKEN),
        SETTINGS,
        lists=["users", "schedules"],
        observer=Listener(),
        interrupted=anyio.Event(),
    )
    assert (found.users.entries, found.schedules.entries, found.reason) == (None, None, None)
