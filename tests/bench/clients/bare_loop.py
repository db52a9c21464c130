"""The bare aiohttp loop: `bare_loop ORIGIN CSV CONCURRENCY`.

It posts the bodies that the product posts, made beforehand, by as many coroutines that take the next one from an
iterator. It reads each answer's body to its end and looks at nothing but the status; it keeps nothing, tries nothing
again and writes nothing. Its session is as lean as aiohttp allows: no cookies, nothing unpacked. At the end it prints
the CPU seconds that posting took.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from .bodies import headers, read_requests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.targets.target import Request


async def _post_all(origin: str, requests: list[Request], concurrency: int) -> None:
    waiting = iter(requests)
    async with (
        aiohttp.ClientSession(
            headers=headers(),
            connector=aiohttp.TCPConnector(limit=concurrency),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        ) as session,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(concurrency):
            group.create_task(_post_next(session, origin, waiting))


async def _post_next(session: aiohttp.ClientSession, origin: str, waiting: Iterator[Request]) -> None:
    for request in waiting:
        async with session.post(origin + request.path, data=request.body) as response:
            await response.read()
            if response.status != 201:
                raise RuntimeError(f"HTTP {response.status}")


if __name__ == "__main__":
    made = read_requests(Path(sys.argv[2]))
    began = time.process_time()
    asyncio.run(_post_all(sys.argv[1], made, int(sys.argv[3])))
    print(time.process_time() - began)
