"""Clients of the served sandbox, and a clock that tests set."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import anyio
import jsonschema
import orjson
from sandbox_truth import read_truth

from importer.records import TargetName
from importer.sandbox.directory_file import TOKEN
from importer.sandbox.fault_plan import FaultPlan
from importer.sandbox.server import Address, serve

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

JSON_API = "application/vnd.api+json"
#: What every request to Rootly must bring.
ROOTLY_HEADERS = {
    "Authorization": f"Bearer {TOKEN}",
    "Accept": JSON_API,
    "Content-Type": JSON_API,
    "User-Agent": "tests",
}
PAGERDUTY_HEADERS = {
    "Authorization": f"Token token={TOKEN}",
    "Accept": "application/vnd.pagerduty+json;version=2",
}
OPSGENIE_HEADERS = {"Authorization": f"GenieKey {TOKEN}"}
OPAL_HEADERS = {"Authorization": f"Bearer {TOKEN}"}
PAIR = {"third_party_provider": "PAGER_DUTY", "remote_id": "P1"}
SHADOW = {
    "shadowable_type": "User",
    "shadowable_id": "101",
    "shadow_user_id": 102,
    "starts_at": "2026-02-20T02:12:19.680Z",
    "ends_at": "2026-07-20T02:12:19Z",
}


SCHEMAS = orjson.loads(Path(__file__).with_name("source_schemas.json").read_bytes())


def assert_valid(body: object, schema: str) -> None:
    """Check a body against one of the documented schemas of PagerDuty, Opsgenie or Rootly."""
    jsonschema.Draft202012Validator({"$ref": f"#/$defs/{schema}", "$defs": SCHEMAS}).validate(body)


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

    async def pagerduty(self, path: str, headers: Mapping[str, str] = PAGERDUTY_HEADERS) -> Reply:
        return await self._ask("GET", self.address.pagerduty + path, None, headers)

    async def opsgenie(self, path: str, headers: Mapping[str, str] = OPSGENIE_HEADERS) -> Reply:
        return await self._ask("GET", self.address.opsgenie + path, None, headers)

    async def follow(self, url: str) -> Reply:
        """Get an absolute link of Rootly's."""
        return await self._ask("GET", url, None, ROOTLY_HEADERS)

    async def shadow(self, schedule_id: str = "primary", /, **changed: object) -> Reply:
        """Post a shadow, some attributes changed."""
        body = {"data": {"type": "on_call_shadows", "attributes": SHADOW | changed}}
        return await self.rootly("POST", f"/v1/schedules/{schedule_id}/on_call_shadows", body)

    async def _ask(self, method: str, url: str, body: object, headers: Mapping[str, str]) -> Reply:
        data = body if body is None or isinstance(body, bytes | BytesIO) else orjson.dumps(body)
        async with self._session.request(method, url, data=data, headers=headers, allow_redirects=False) as response:
            return Reply(response.status, response.headers, await response.read())


@dataclass(frozen=True)
class Wire:
    """What came over a connection until it ended, and how it ended."""

    data: bytes
    is_reset: bool

    @property
    def head(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]


def creation(target: TargetName) -> tuple[str, bytes, Mapping[str, str]]:
    """Give path, body and headers of a request that creates something."""
    if target is TargetName.OPAL:
        return "/opal/v1/on-call-schedules", orjson.dumps(PAIR), OPAL_HEADERS
    body = {"data": {"type": "on_call_shadows", "attributes": SHADOW}}
    return "/rootly/v1/schedules/primary/on_call_shadows", orjson.dumps(body), ROOTLY_HEADERS


async def create(client: Client, target: TargetName, **changed: object) -> Reply:
    """Create a schedule or a shadow through a client library."""
    if target is TargetName.OPAL:
        return await client.opal("POST", "/on-call-schedules", PAIR | changed)
    return await client.shadow(**changed)


@asynccontextmanager
async def connected(
    client: Client, target: TargetName, *, is_cut: bool = False
) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
    """Send a request that creates something over a connection of its own; where it is cut, without its last byte."""
    path, body, headers = creation(target)
    address = urlsplit(client.address.opal if target is TargetName.OPAL else client.address.rootly)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("".join(f"{line}\r\n" for line in [*lines, ""]).encode() + (body[:-1] if is_cut else body))
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def create_raw(client: Client, target: TargetName) -> Wire:
    """Create something over a connection of its own, and take what comes until the other side ends it."""
    async with connected(client, target) as (reader, _):
        return await taken(reader)


async def taken(reader: StreamReader, size: int = 1 << 30) -> Wire:
    """Take what comes, until it is so much or the other side ends it."""
    data = b""
    try:
        while len(data) < size and (part := await reader.read(1 << 16)):
            data += part
    except ConnectionResetError:
        return Wire(data, is_reset=True)
    return Wire(data, is_reset=False)


async def until(is_so: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so that wakes nobody: a row in a file, a port that is listened on."""
    while not (found if isinstance(found := is_so(), bool) else await found):  # noqa: ASYNC110  there is no event
        await anyio.sleep(0.001)


async def logged(state: Path, count: int) -> None:
    """Wait until so many requests are in the log; each is before its answer begins."""
    await until(lambda: len(read_truth(state).requests) >= count)


def plan(*faults: dict[str, object], seed: int = 0) -> FaultPlan:
    """Make a fault plan of faults as a file has them."""
    return FaultPlan.model_validate({"seed": seed, "fault": faults})


@asynccontextmanager
async def served(state: Path, clock: Clock, **options: Any) -> AsyncIterator[Client]:
    """Serve a sandbox and give a client of it that sends no header by itself."""
    silent = ["User-Agent", "Accept", "Content-Type"]
    async with (
        serve(state, now=clock, **options) as address,
        aiohttp.ClientSession(skip_auto_headers=silent) as session,
    ):
        yield Client(session, address)
