"""One session with one target: a request out, a reply back, never an exception of aiohttp's."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from importer.pool.deadlines import Deadlines
from importer.pool.traffic import Traffic
from importer.targets import escape

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from importer.targets import Target

POST_LIMIT = 1 << 20  # bytes of an answer to a POST; one object is some hundred
LIST_LIMIT = 1 << 26  # Opal's list comes whole: 64 MiB hold 400,000 schedules
_CONNECT_TIMEOUT = (
    10.0  # seconds, or half of the time for the whole request: what ends it must show whether it was sent
)


class Answer(NamedTuple):
    """The target answered, whatever it said."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotSent(NamedTuple):
    """No byte of the request left this machine."""

    reason: str
    is_certificate: bool = False  #: the other side is not who it should be: trying again cannot help


class Lost(NamedTuple):
    """The request may have arrived, and there is no usable answer."""

    reason: str


Reply: TypeAlias = Answer | NotSent | Lost

#: What aiohttp raises before the first byte of a request is written. Everything else is `Lost`: aiohttp cannot tell
#: "reset before reading" from "committed, then reset".
NOT_SENT = (
    aiohttp.ClientConnectorError,  # DNS, refused, no route, TLS; also ClientProxyConnectionError
    aiohttp.ServerFingerprintMismatch,
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,  # the proxy refused to connect us
    aiohttp.InvalidURL,
)
_CERTIFICATE = (aiohttp.ClientConnectorCertificateError, aiohttp.ServerFingerprintMismatch)


class Client:
    """Requests to one target, with its headers and token."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, token: str, deadlines: Deadlines) -> None:
        self._session = session
        self._deadlines = deadlines
        self._token = token.encode()
        self.base_url = base_url
        self.traffic = Traffic()
        # yarl keeps in a URL what was parsed of it; the shadows of a schedule have one path.
        self._url = lru_cache(maxsize=1024)(lambda path: URL(base_url + path, encoded=True))

    async def post(self, path: str, body: bytes) -> Reply:
        """POST to a path below the base URL."""
        return await self._exchange("POST", self._url(path), aiohttp.BytesPayload(body), POST_LIMIT)

    async def delete(self, path: str) -> Reply:
        """DELETE a path below the base URL."""
        return await self._exchange("DELETE", self._url(path), None, POST_LIMIT)

    async def put(self, path: str, body: bytes) -> Reply:
        """PUT to a path below the base URL."""
        return await self._exchange("PUT", self._url(path), aiohttp.BytesPayload(body), LIST_LIMIT)

    async def get(self, url: str) -> Reply:
        """GET a whole URL that `resolve` gave."""
        return await self._exchange("GET", URL(url, encoded=True), None, LIST_LIMIT)

    async def _exchange(self, method: str, url: URL, body: aiohttp.BytesPayload | None, limit: int) -> Reply:
        began = perf_counter()
        reply = await self._try(method, url, body, limit)
        self.traffic.note(began, reply.status if isinstance(reply, Answer) else 0)
        return reply

    async def _try(self, method: str, url: URL, body: aiohttp.BytesPayload | None, limit: int) -> Reply:
        try:
            return await self._deadlines.keep(self._ask(method, url, body, limit))
        except aiohttp.RedirectClientError as error:  # some are an InvalidURL too, and yet a request was answered
            return Lost(_describe(error))
        except NOT_SENT as error:
            return NotSent(_describe(error), isinstance(error, _CERTIFICATE))
        except TimeoutError:
            return Lost("no whole answer in time")
        except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
            return Lost(_describe(error))

    async def _ask(self, method: str, url: URL, body: aiohttp.BytesPayload | None, limit: int) -> Answer | Lost:
        # A redirect would carry the request, and be a second POST, to wherever the answer says.
        response = await self._session.request(method, url, data=body, allow_redirects=False)
        try:
            content = await _read(response, limit)  # to its end, which gives its connection back
        except BaseException:
            response.close()
            raise
        if content is None:
            return Lost(f"the answer is longer than {limit} bytes")
        return Answer(response.status, response.headers, self._without_token(response.status, content))

    def _without_token(self, status: int, content: bytes) -> bytes:
        """Take the token out of an error, whose words are shown: some servers repeat what they were sent."""
        return content if 200 <= status < 300 else content.replace(self._token, b"[token]")


@asynccontextmanager
async def open_client(
    target: Target, base_url: str, token: str, *, concurrency: int, request_timeout: float
) -> AsyncIterator[Client]:
    """Open a session with a target; `request_timeout` is the seconds that one request may take in all."""
    headers = {
        **target.headers,
        "Authorization": f"Bearer {token}",
        "User-Agent": "oncall-importer",
        "Accept-Encoding": "identity",  # a small answer can unpack to an endless one
    }
    async with aiohttp.ClientSession(
        headers=headers,
        connector=aiohttp.TCPConnector(limit=concurrency),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=min(_CONNECT_TIMEOUT, request_timeout / 2)),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        raise_for_status=False,
    ) as session:
        yield Client(session, base_url, token, Deadlines(request_timeout))


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """Read the body, or None as soon as it is longer than `limit`."""
    stream = response.content
    content = await stream.readany()
    if not stream.at_eof():  # nearly every answer is one piece
        parts, size = [content], len(content)
        while size <= limit and (part := await stream.readany()):
            parts.append(part)
            size += len(part)
        content = b"".join(parts)
    if len(content) > limit:
        response.close()  # whatever else comes is not wanted
        return None
    return content


_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "the host's name was not found"),
    (aiohttp.ConnectionTimeoutError, "no connection in time"),
    (aiohttp.ClientPayloadError, "the answer broke off"),
    (aiohttp.ServerDisconnectedError, "the connection was closed before an answer"),
)


def _describe(error: Exception) -> str:
    """Say what went wrong, without what aiohttp's repr gives away (headers, and so the token)."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return escape(f"the certificate was refused: {error.certificate_error}")
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    if isinstance(error, aiohttp.ClientSSLError):  # its errno is OpenSSL's
        return escape(f"no TLS connection: {error.strerror}")
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno) if error.errno > 0 else escape(str(error.strerror))
    return type(error).__name__
