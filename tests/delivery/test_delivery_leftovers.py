"""What came on a kept connection before a request left is not taken for its answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from importer.delivery.client import Answer, open_client
from importer.targets.opal import OPAL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.anyio

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
STRAY = b"HTTP/1.1 422 No\r\nContent-Length: 2\r\n\r\n{}"


async def ask_twice(answer: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> list[int]:
    """Send two requests, one after the other, to a server that answers as told; return the statuses."""
    answered = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                await answer(writer)
                answered.set()
        except asyncio.IncompleteReadError:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        statuses = []
        async with open_client(OPAL, url, "token", concurrency=1, request_timeout=5.0) as client:
            for _ in range(2):
                reply = await client.get(f"{url}/on-call-schedules")
                assert isinstance(reply, Answer), reply
                statuses.append(reply.status)
                await answered.wait()
        server.close()
    return statuses


async def test_a_second_answer_that_nobody_asked_for_is_dropped_with_its_connection() -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(GOOD)
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(STRAY)
        await writer.drain()

    assert await ask_twice(answer) == [200, 200]


async def test_it_is_dropped_where_it_comes_with_the_first_answer() -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(GOOD + STRAY)
        await writer.drain()

    assert await ask_twice(answer) == [200, 200]
