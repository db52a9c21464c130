"""A client of the served sandbox, and a clock that tests set."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson

from importer.sandbox import TOKEN, Address, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

JSON_API = "application/vnd.api+json"
#: What every request to Rootly must bring.
ROOTLY_HEADERS = {
    "Authorization": f"Bearer {TOKEN}",
    "Accept": JSON_API,
    "Content-Type": JSON_API,
    "User-Agent": "tests",
}
OPAL_HEADERS = {"Authorization": f"Bearer {TOKEN}"}
SHADOW = {
    "shadowable_type": "User",
    "shadowable_id": "101",
    "shadow_user_id": 102,
    "starts_at": "2026-02-20T02:12:19.680Z",
    "ends_at": "2026-07-20T02:12:19Z",
}


@dataclass
class Clock:
    """The server's time, in epoch seconds."""

    moment: float = 1_767_268_800.0  # 2026-01-01, noon UTC

    def __call__(self) -> float:
        return self.moment


@dataclass(frozen=True)
class Reply:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def media_type(self) -> str:
        return self.headers["Content-Type"].partition(";")[0]


class Client:
    """Asks both APIs of one sandbox."""

    def __init__(self, session: aiohttp.ClientSession, address: Address) -> None:
        self._session = session
        self.address = address

    async def opal(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] = OPAL_HEADERS
    ) -> Reply:
        return await self._ask(method, self.address.opal + path, body, headers)

    async def rootly(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] = ROOTLY_HEADERS
    ) -> Reply:
        return await self._ask(method, self.address.rootly + path, body, headers)

    async def follow(self, url: str) -> Reply:
        """Get an absolute link of Rootly's."""
        return await self._ask("GET", url, None, ROOTLY_HEADERS)

    async def shadow(self, schedule_id: str = "primary", /, **changed: object) -> Reply:
        """Post a shadow, some attributes changed."""
        body = {"data": {"type": "on_call_shadows", "attributes": SHADOW | changed}}
        return await self.rootly("POST", f"/v1/schedules/{schedule_id}/on_call_shadows", body)

    async def _ask(self, method: str, url: str, body: object, headers: Mapping[str, str]) -> Reply:
        data = body if body is None or isinstance(body, bytes | BytesIO) else orjson.dumps(body)
        async with self._session.request(method, url, data=data, headers=headers) as response:
            return Reply(response.status, response.headers, await response.read())


@asynccontextmanager
async def served(state: Path, clock: Clock, **options: Any) -> AsyncIterator[Client]:
    """Serve a sandbox and give a client of it that sends no header by itself."""
    silent = ["User-Agent", "Accept", "Content-Type"]
    async with (
        serve(state, now=clock, **options) as address,
        aiohttp.ClientSession(skip_auto_headers=silent) as session,
    ):
        yield Client(session, address)
