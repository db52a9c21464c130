"""A target and a client made up for one test: each request waits until somebody says what becomes of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from importer.delivery.client import Answer, Reply, Traffic
from importer.kinds import kinds_of
from importer.records import TargetName
from importer.sandbox.fault_plan import describe

if TYPE_CHECKING:
    from importer.records import Key
    from importer.targets.target import Target

_PREFIXES = {TargetName.OPAL: "/opal/v1", TargetName.ROOTLY: "/rootly"}


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A request on its way."""

    path: str
    key: Key | None  #: of what it is to create; None where it asks for a list
    reply: asyncio.Future[Reply]


class Server:
    """What a target has, and what it is going to have: it can apply a request after the answer was lost."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.made: Counter[Key] = Counter()
        self._ids: dict[Key, str] = {}
        self.late: list[tuple[float, Key]] = []  #: when it comes to be

    def apply(self, key: Key) -> None:
        """Create a record, be it there or not."""
        self.made[key] += 1

    def catch_up(self, now: float) -> None:
        """Apply what is due."""
        for due, key in [entry for entry in self.late if entry[0] <= now]:
            self.late.remove((due, key))
            self.apply(key)

    @property
    def touched(self) -> set[Key]:
        """Give the keys that it has or is going to have."""
        return {*self.made, *(key for _, key in self.late)}

    def created(self, key: Key, *, is_own: bool = True) -> bytes:
        """Give the answer to a creation; `is_own`: its values are those that were sent."""
        item = self._item(key)
        if not is_own:
            attributes = item.get("attributes", item)
            name = "remote_id" if "remote_id" in attributes else "shadow_user_id"
            attributes[name] = "7"
        return orjson.dumps(item if self.target.name is TargetName.OPAL else {"data": item})

    def listed(self, path: str) -> bytes:
        """Give everything that a list asks for; of a probe, something."""
        items = [self._item(key) for key in self.made if kinds_of(self.target.name)[0].scope(key) in path]
        return orjson.dumps({"on_call_schedules": items, "data": items})

    def _item(self, key: Key) -> dict[str, Any]:
        id_ = self._ids.setdefault(key, f"{len(self._ids):08x}-0000-4000-8000-000000000000")
        if self.target.name is TargetName.OPAL:
            return {"on_call_schedule_id": id_, "third_party_provider": key[0], "remote_id": key[1]}
        names = ("schedule_id", "shadowable_type", "shadowable_id", "shadow_user_id")
        attributes = dict(zip(names, key, strict=False))
        starts_at, ends_at = (datetime.fromtimestamp(int(second), UTC).isoformat() for second in key[4:])
        return {"id": id_, "attributes": {**attributes, "starts_at": starts_at, "ends_at": ends_at}}


class Wire:
    """The client: whoever asks waits for his reply."""

    base_url = "https://target.example"

    def __init__(self, target: Target) -> None:
        self._prefix = _PREFIXES[target.name]
        self.posts: list[Asked] = []
        self.lists: list[Asked] = []
        self.sent: Counter[Key] = Counter()
        self.traffic = Traffic()

    async def post(self, path: str, body: bytes, _attempt: int = 1) -> Reply:
        """Wait for what becomes of a creation."""
        key = describe("POST", self._prefix + path).posted_key(body)
        self.sent[key] += 1
        return await self._wait(self.posts, Asked(path, key, asyncio.get_running_loop().create_future()))

    async def get(self, url: str, _attempt: int = 1) -> Reply:
        """Wait for what becomes of a question."""
        path = url.removeprefix(self.base_url)
        return await self._wait(self.lists, Asked(path, None, asyncio.get_running_loop().create_future()))

    async def _wait(self, waiting: list[Asked], asked: Asked) -> Reply:
        waiting.append(asked)
        return await asked.reply


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    """Make an answer."""
    return Answer(status, headers, body)
