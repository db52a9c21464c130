"""A proxy on loopback that opens tunnels, and TLS before a server that speaks none; both are real."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    import trustme


@dataclass(slots=True)
class Proxied:
    """Where a proxy is, what it does, and what it was told."""

    leads_to: int = 0  #: the port of this machine that every tunnel ends at, whatever host was asked for
    answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"  #: empty: it hangs up
    is_silent: bool = False  #: it takes connections and never answers
    wants: str = ""  #: the Proxy-Authorization without which it answers 407
    port: int = 0
    heads: list[str] = field(default_factory=list)  #: what came before a tunnel, as it came

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def asked(self) -> list[str]:
        """The hosts and ports it was asked for."""
        return [head.split()[1] for head in self.heads]


@asynccontextmanager
async def proxying(proxied: Proxied, context: ssl.SSLContext | None = None) -> AsyncIterator[Proxied]:
    """Open tunnels until the block ends."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        proxied.heads.append(head)
        if proxied.is_silent:
            await reader.read()
            return
        is_known = not proxied.wants or f": {proxied.wants}\r\n" in head
        answer = proxied.answer if is_known else b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"
        writer.write(answer)
        if b" 200 " in answer:
            await _join(reader, writer, proxied.leads_to)

    async with _listening(handle, context) as proxied.port:
        yield proxied


@asynccontextmanager
async def encrypting(certificate: trustme.LeafCert, port: int) -> AsyncIterator[int]:
    """Give the port of a TLS server before a plain one."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _join(reader, writer, port)

    async with _listening(handle, context) as own:
        yield own


@asynccontextmanager
async def _listening(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], context: ssl.SSLContext | None
) -> AsyncIterator[int]:
    tasks: set[asyncio.Task[None] | None] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await talk(reader, writer)
                await writer.drain()
        finally:
            writer.close()
            tasks.discard(asyncio.current_task())

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        running = [task for task in tasks if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await asyncio.sleep(0)


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Carry bytes both ways until one side ends."""
    there, back = await asyncio.open_connection("127.0.0.1", port)
    ways = [asyncio.ensure_future(_carry(reader, back)), asyncio.ensure_future(_carry(there, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        back.close()
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
