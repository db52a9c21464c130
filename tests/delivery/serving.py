"""Servers on loopback that say exactly the bytes they are told to, at the moment they are told to."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, cast

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived."""

    line: str
    headers: dict[str, str]  #: names in lower case
    body: bytes


@dataclass(slots=True)
class Served:
    """Where a server is, and what it was asked."""

    url: str
    seen: list[Seen] = field(default_factory=list)


Talk: TypeAlias = "Callable[[Seen, asyncio.StreamWriter], Awaitable[None]]"


@asynccontextmanager
async def serving(talk: Talk, context: ssl.SSLContext | None = None, *, greeting: bytes = b"") -> AsyncIterator[Served]:
    """Serve until the block ends; `talk` says what follows a request. The connection stays open unless it closes it."""
    served = Served("")
    open_connections: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        open_connections.add(task)
        try:
            # Cancelled at the end of the block; swallowed, for asyncio's streams would log it as an error.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                writer.write(greeting)
                while True:
                    seen = await _read_request(reader)
                    served.seen.append(seen)
                    await talk(seen, writer)
                    await writer.drain()
        finally:
            writer.transport.abort()
            open_connections.discard(task)

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    served.url = f"{'https' if context else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield served
    finally:
        server.close()
        for task in open_connections:
            task.cancel()
        await asyncio.gather(*open_connections, return_exceptions=True)
        await asyncio.sleep(0)  # the transports close in the loop's next round


async def _read_request(reader: asyncio.StreamReader) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *fields = head.rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in fields)}
    return Seen(line, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


def says(answer: bytes, *, closes: bool = False) -> Talk:
    """Make a talk that answers every request with the same bytes."""

    async def talk(_seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        if closes:
            await writer.drain()
            writer.close()

    return talk


def http(status: int, body: bytes = b"", *fields: str) -> bytes:
    """Write an answer with a Content-Length."""
    head = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


async def reset(_seen: Seen, writer: asyncio.StreamWriter) -> None:
    """Answer with a TCP reset."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
