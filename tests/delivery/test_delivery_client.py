"""A request goes out exactly as described, and whatever comes back is a reply, never an error."""

from __future__ import annotations

import asyncio
import gzip
import socket
from typing import TYPE_CHECKING

import pytest

from importer.delivery.client import POST_LIMIT, Answer, Client, Lost, NotSent, Reply, open_client
from importer.delivery.replies import read_words
from importer.targets.opal import OPAL
from importer.targets.rootly import ROOTLY
from importer.targets.target import Target

from .serving import Seen, Talk, http, reset, says, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio

TOKEN = "canary-7f3a91c2"
BODY = b'{"some": "record"}'


async def post(talk: Talk, *, request_timeout: float = 30.0) -> Reply:
    async with (
        serving(talk) as served,
        open_client(ROOTLY, served.url, TOKEN, concurrency=1, request_timeout=request_timeout) as client,
    ):
        return await client.post("/v1/x", BODY)


# ---- what goes out


@pytest.mark.parametrize("target", [OPAL, ROOTLY], ids=["opal", "rootly"])
async def test_every_request_has_exactly_the_headers_that_the_target_needs(target: Target) -> None:
    async with (
        serving(says(http(200, b"{}"))) as served,
        open_client(target, served.url, TOKEN, concurrency=1, request_timeout=30) as client,
    ):
        await client.post("/v1/x", BODY)
        await client.get(f"{served.url}/v1/x")
    posted, got = served.seen
    expected = {
        "host": served.url.removeprefix("http://"),
        "user-agent": "oncall-importer",
        "accept": target.headers["Accept"],
        "content-type": target.headers["Content-Type"],
        "authorization": f"Bearer {TOKEN}",
        "accept-encoding": "identity",
    }
    assert posted.headers == {**expected, "content-length": str(len(BODY))}
    assert got.headers == expected
    assert (posted.line, posted.body) == ("POST /v1/x HTTP/1.1", BODY)
    assert (got.line, got.body) == ("GET /v1/x HTTP/1.1", b"")


async def test_a_base_url_with_a_path_keeps_it_and_escapes_arrive_unchanged() -> None:
    path = "/v1/schedules/a/on_call_shadows?page%5Bnumber%5D=1&page%5Bsize%5D=100"
    async with (
        serving(says(http(200))) as served,
        open_client(ROOTLY, f"{served.url}/proxy", TOKEN, concurrency=1, request_timeout=30) as client,
    ):
        await client.post("/v1/x", BODY)
        await client.get(client.base_url + path)
    assert [seen.line.split()[1] for seen in served.seen] == ["/proxy/v1/x", f"/proxy{path}"]


async def test_a_cookie_is_not_kept() -> None:
    async with serving(says(http(200, b"", "Set-Cookie: session=1; Path=/"))) as served:
        url = served.url.replace("127.0.0.1", "localhost")  # of a number aiohttp keeps no cookies anyway
        async with open_client(ROOTLY, url, TOKEN, concurrency=1, request_timeout=30) as client:
            await client.post("/v1/x", BODY)
            await client.post("/v1/x", BODY)
    assert "cookie" not in served.seen[1].headers


# ---- what comes back


async def test_an_answer_has_its_status_headers_and_whole_body() -> None:
    reply = await post(says(http(422, b'{"error": "no"}', "Retry-After: 7")))
    assert isinstance(reply, Answer)
    assert (reply.status, reply.body) == (422, b'{"error": "no"}')
    assert reply.headers["retry-after"] == "7"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with serving(says(http(200))) as elsewhere:
        reply = await post(says(http(status, b"", f"Location: {elsewhere.url}/v1/x")))
        assert isinstance(reply, Answer)
        assert reply.status == status
        assert not elsewhere.seen


@pytest.mark.parametrize("location", ["http://[", "//", "\x80", "javascript:0", ""])
async def test_a_redirect_to_nowhere_is_still_an_answer(location: str) -> None:
    reply = await post(says(http(307, b"", f"Location: {location}")))
    assert isinstance(reply, Answer)


async def test_a_body_is_not_unpacked() -> None:
    packed = gzip.compress(b"x" * 10_000_000)
    reply = await post(says(http(200, packed, "Content-Encoding: gzip")))
    assert isinstance(reply, Answer)
    assert reply.body == packed


async def test_the_largest_body_is_read_whole() -> None:
    reply = await post(says(http(200, b"x" * POST_LIMIT)))
    assert isinstance(reply, Answer)
    assert len(reply.body) == POST_LIMIT


async def test_a_longer_body_is_lost() -> None:
    reply = await post(says(http(200, b"x" * (POST_LIMIT + 1))))
    assert reply == Lost(f"the answer is longer than {POST_LIMIT} bytes")


@pytest.mark.parametrize("head", [b"Transfer-Encoding: chunked\r\n", b"Content-Length: 99999999999\r\n", b""])
async def test_an_endless_body_is_lost_and_hung_up_on(head: bytes) -> None:
    async def pour(_seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        piece = b"x" * 65536
        while True:  # until the client hangs up
            writer.write(b"10000\r\n" + piece + b"\r\n" if b"chunked" in head else piece)
            await writer.drain()

    assert await post(pour) == Lost(f"the answer is longer than {POST_LIMIT} bytes")


LOST = {
    "closed without an answer": says(b"", closes=True),
    "reset": reset,
    "cut in the status line": says(b"HTTP/1.1 20", closes=True),
    "cut in the headers": says(b"HTTP/1.1 201 Created\r\nContent-Le", closes=True),
    "cut in the body": says(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{}", closes=True),
    "cut in a chunk": says(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", closes=True),
    "cut before the last chunk": says(
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", closes=True
    ),
    "a chunk of no size": says(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n", closes=True),
    "no HTTP": says(b"220 mail.example ESMTP\r\n\r\n", closes=True),
    "no status": says(b"HTTP/1.1 abc Created\r\n\r\n", closes=True),
    "no header": says(b"HTTP/1.1 201 Created\r\nno colon\r\n\r\n", closes=True),
    "a header without end": says(b"HTTP/1.1 201 Created\r\nX: " + b"a" * 1_000_000, closes=True),
    "a negative length": says(b"HTTP/1.1 201 Created\r\nContent-Length: -1\r\n\r\n{}", closes=True),
    "a length and chunks": says(
        b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", closes=True
    ),
    "NUL bytes": says(b"\0" * 1000 + b"\r\n\r\n", closes=True),
}


@pytest.mark.parametrize("talk", LOST.values(), ids=LOST.keys())
async def test_no_whole_answer_is_lost_and_its_reason_can_be_shown(talk: Talk) -> None:
    reply = await post(talk)
    assert isinstance(reply, Lost)
    assert reply.reason
    assert reply.reason.isprintable()


async def test_a_post_on_a_connection_that_turns_out_to_be_closed_is_not_sent_again_by_itself() -> None:
    async def answer_once(_seen: Seen, writer: asyncio.StreamWriter) -> None:
        if len(served.seen) == 1:
            writer.write(http(201, b"{}"))
        else:
            await reset(_seen, writer)

    async with (
        serving(answer_once) as served,
        open_client(ROOTLY, served.url, TOKEN, concurrency=1, request_timeout=30) as client,
    ):
        assert isinstance(await client.post("/v1/x", BODY), Answer)
        assert isinstance(await client.post("/v1/x", BODY), Lost)
        assert len(served.seen) == 2


async def test_a_server_that_drips_is_lost_after_the_time_for_the_whole_request() -> None:
    async def drip(_seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:  # always another byte, so that no time-out between two reads ever strikes
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    assert await post(drip, request_timeout=0.2) == Lost("no complete answer in time")


async def test_a_server_that_reads_and_says_nothing_is_lost() -> None:
    async def wait(_seen: Seen, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    assert await post(wait, request_timeout=0.2) == Lost("no complete answer in time")


# ---- what never left


@pytest.fixture
async def deaf() -> AsyncIterator[int]:
    """A port that is taken and listens to nobody."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.fixture
async def full() -> AsyncIterator[int]:
    """A port whose queue of connections is full: the next one waits for ever."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(8)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for sock in waiting:
            sock.close()


async def ask(base_url: str, *, request_timeout: float = 30.0) -> list[Reply]:
    async with open_client(ROOTLY, base_url, TOKEN, concurrency=1, request_timeout=request_timeout) as client:
        return [await client.post("/v1/x", BODY), await client.get(base_url + "/v1/x")]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_refused_connection_is_not_sent(deaf: int, scheme: str) -> None:
    assert await ask(f"{scheme}://127.0.0.1:{deaf}") == [NotSent("Connection refused")] * 2


async def test_a_connection_that_does_not_come_about_in_time_is_not_sent(full: int) -> None:
    assert await ask(f"http://127.0.0.1:{full}", request_timeout=0.4) == [NotSent("no connection in time")] * 2


async def test_a_host_without_an_address_is_not_sent() -> None:
    assert await ask("https://no-such-host.invalid") == [NotSent("the host's name was not found")] * 2


# ---- the token

ECHOES = {
    "an error's words": lambda echo: http(422, b'{"error": "bad header ' + echo + b'"}'),
    "plain text": lambda echo: http(500, b"you sent " + echo),
    "JSON:API": lambda echo: http(400, b'{"errors": [{"title": "' + echo + b'"}]}'),
    "a page": lambda echo: http(403, b"<html>" + echo * 50),
    "a redirect": lambda echo: http(307, echo, "Location: /" + echo.decode()),
    "the status line": lambda echo: b"HTTP/1.1 abc " + echo + b"\r\n\r\n",
    "a broken header": lambda echo: b"HTTP/1.1 200 OK\r\n" + echo + b"\r\n\r\n",
    "a broken chunk": lambda echo: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + echo + b"\r\n",
    "the phrase": lambda echo: b"HTTP/1.1 422 " + echo + b"\r\nContent-Length: 0\r\n\r\n",
    "too much of it": lambda echo: http(200, echo * (POST_LIMIT // 10)),
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES.keys())
async def test_a_server_that_repeats_the_token_does_not_get_it_shown(echo: object) -> None:
    async def repeat(seen: Seen, writer: asyncio.StreamWriter) -> None:
        assert callable(echo)
        writer.write(echo(seen.headers["authorization"].encode()))
        await writer.drain()
        writer.close()

    reply = await post(repeat)
    shown = read_words(reply, ROOTLY) if isinstance(reply, Answer) else reply.reason
    assert TOKEN not in shown
    assert not isinstance(reply, Answer) or TOKEN.encode() not in reply.body


async def test_a_creation_is_left_as_it_is_even_where_the_token_stands_in_it() -> None:
    """Values are compared with what was sent: a short token could be part of any of them."""
    async with (
        serving(says(http(201, b'{"remote_id": "PNZNINN"}'))) as served,
        open_client(OPAL, served.url, "N", concurrency=1, request_timeout=30) as client,
    ):
        reply = await client.post("/x", BODY)
    assert isinstance(reply, Answer)
    assert reply.body == b'{"remote_id": "PNZNINN"}'


async def test_not_even_the_clients_own_text_shows_the_token() -> None:
    async with open_client(ROOTLY, "http://127.0.0.1:9", TOKEN, concurrency=1, request_timeout=30) as client:
        assert isinstance(client, Client)
        assert TOKEN not in repr(client)
