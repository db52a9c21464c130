"""One HTTP session with one target: sends a request and returns a reply, never an exception of aiohttp's."""

from __future__ import annotations

import asyncio
import html
import logging
import re
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from time import perf_counter, time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias
from urllib.parse import unquote

import aiohttp
import anyio
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from importer.delivery.transport import DIRECT, USER_AGENT, Transport, TunnelError, describe, make_connector
from importer.errors import JournalError
from importer.journal.states import Tally, bucket_of
from importer.log import REQUEST, is_logging_requests, log

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from typing import TypeVar

    from importer.journal.journal import Journal
    from importer.records import TargetName


class Traffic:
    """Counts requests as they end, with one tally for each second since the last `take`."""

    def __init__(self, clock: Callable[[], float] = perf_counter, wall: Callable[[], float] = time) -> None:
        self._clock = clock
        self._wall = wall
        self._offset = wall() - clock()
        self._tally = Tally(0)
        self._past: list[Tally] = []

    def note(self, began: float, status: int) -> None:
        """Count a request that ended now; `began` is `perf_counter()` then, `status` 0 if no answer came.

        Every request passes here, so it does as little as it can.
        """
        now = self._clock()
        second = int(now + self._offset)
        tally = self._tally
        if second != tally.second:
            tally = self._turn(second)
        tally.requests += 1
        if not status:
            tally.failed += 1
            return
        if status == 429:
            tally.limited += 1
        elif status >= 300:
            tally.failed += 1
        seconds = now - began
        tally.slowest = max(tally.slowest, seconds)
        bucket = bucket_of(seconds)
        latencies = tally.latencies
        latencies[bucket] = latencies.get(bucket, 0) + 1

    def take(self, *, is_last: bool = False) -> list[Tally]:
        """Hand over and forget the tallies of seconds that are over; with `is_last` also the current one."""
        now = self._wall()
        self._offset = now - self._clock()  # the wall clock may have been set
        if is_last or int(now) != self._tally.second:
            self._turn(0)
        taken, self._past = self._past, []
        return taken

    def write(self, journal: Journal, target: TargetName, *, is_last: bool = False) -> None:
        """Write down what `take` hands over; if the journal cannot be written, only a chart is incomplete."""
        if tallies := self.take(is_last=is_last):
            with suppress(JournalError):
                journal.add_traffic(target, tallies)

    def _turn(self, second: int) -> Tally:
        if self._tally.requests:
            self._past.append(self._tally)
        self._tally = Tally(second)
        return self._tally


if TYPE_CHECKING:
    T = TypeVar("T")


class Deadlines:
    """Cancels work that takes longer than `seconds`; each task may wait for one thing at a time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends: dict[asyncio.Task[object], float] = {}  # by task, the soonest first: all may take equally long
        self._late: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def keep(self, work: Awaitable[T]) -> T:
        """Wait for the work until its deadline.

        Raises:
            TimeoutError: it took too long, and was cancelled.
        """
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (a coroutine runs in a task)
        cancelling = task.cancelling()
        self._ends[task] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_at(self._ends[task], self._end_late, loop)
        try:
            return await work
        except asyncio.CancelledError:
            # As asyncio.timeout does: a cancellation from elsewhere, which can have come as well, goes on.
            if self._forget(task) and task.cancelling() <= cancelling:
                raise TimeoutError from None
            raise
        finally:
            self._forget(task)

    def _forget(self, task: asyncio.Task[object]) -> bool:
        """Take back the cancellation of a task that was late, even if its work turned it into another error.

        Returns whether it was late.
        """
        self._ends.pop(task, None)
        if task not in self._late:
            return False
        self._late.remove(task)
        task.uncancel()
        return True

    def _end_late(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        for task, end in self._ends.items():
            if end > now:
                self._timer = loop.call_at(end, self._end_late, loop)
                break
            if task not in self._late:
                self._late.add(task)
                task.cancel()


POST_LIMIT = 1 << 20  # bytes of an answer to a POST; one object is some hundred
LIST_LIMIT = 1 << 26  # Opal sends its list whole: 64 MiB hold 400,000 schedules
_CONNECT_TIMEOUT = (
    10.0  # seconds, or half of the time for the whole request: what ends it must show whether it was sent
)


class Answer(NamedTuple):
    """The target answered, whatever it said."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent: float | None = None  #: when the request left, by the event loop's clock


class NotSent(NamedTuple):
    """No byte of the request left this machine."""

    reason: str
    is_lasting: bool = False  #: trying again cannot help: we refuse the certificate, or the proxy refuses us


class Lost(NamedTuple):
    """The request may have arrived, but there is no usable answer."""

    reason: str


_SECRET = 16  # characters from which on a token does not occur in a text by chance
_ESCAPED = 2  # times that a text can be escaped: HTML in JSON, for instance
_LONGEST_SPELLING = 32  # characters that one character takes when it is escaped that often
_JSON_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
Reply: TypeAlias = Answer | NotSent | Lost

#: What aiohttp raises before the first byte of a request is written. Everything else is `Lost`: aiohttp cannot tell
#: "reset before reading" from "committed, then reset".
NOT_SENT = (
    aiohttp.ClientConnectorError,  # DNS, refused, no transport, TLS; also ClientProxyConnectionError
    aiohttp.ServerFingerprintMismatch,
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,  # the proxy refused to connect us
    aiohttp.InvalidURL,
)
_NO_OPTIONS: Mapping[str, Any] = {}
_CERTIFICATE = (aiohttp.ClientConnectorCertificateError, aiohttp.ServerFingerprintMismatch)


class Client:
    """Requests to one target, with its headers and token."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        token: str,
        deadlines: Deadlines,
        options: Mapping[str, Any] = _NO_OPTIONS,
        name: str = "",
    ) -> None:
        self._session = session
        self._deadlines = deadlines
        self._token = token.encode()
        self._options = options  # of every request, if they are not the session's
        self._name = name  # of the target, in the log
        self._is_logging_requests = is_logging_requests()
        self.base_url = base_url
        self.traffic = Traffic()
        self._hides_paths = False
        # yarl caches in a URL what was parsed of it; all shadows of a schedule have the same path.
        self._url = lru_cache(maxsize=1024)(lambda path: URL(base_url + path, encoded=True))

    def hide_paths(self) -> None:
        """Keep paths out of the log from now on: a feed's path is a secret."""
        self._hides_paths = True

    async def post(self, path: str, body: bytes, attempt: int = 1) -> Reply:
        """POST to a path below the base URL."""
        return await self._exchange("POST", self._url(path), aiohttp.BytesPayload(body), POST_LIMIT, attempt)

    async def delete(self, path: str) -> Reply:
        """DELETE a path below the base URL."""
        return await self._exchange("DELETE", self._url(path), None, POST_LIMIT)

    async def put(self, path: str, body: bytes) -> Reply:
        """PUT to a path below the base URL."""
        return await self._exchange("PUT", self._url(path), aiohttp.BytesPayload(body), LIST_LIMIT)

    async def get(self, url: str, attempt: int = 1) -> Reply:
        """GET a whole URL that `resolve` gave."""
        return await self._exchange("GET", URL(url, encoded=True), None, LIST_LIMIT, attempt)

    async def _exchange(
        self, method: str, url: URL, body: aiohttp.BytesPayload | None, limit: int, attempt: int = 1
    ) -> Reply:
        """Return the reply, count it, and log it if it is worth a line."""
        began = perf_counter()
        reply: Reply
        try:
            reply = await self._deadlines.keep(self._ask(method, url, body, limit))
        except aiohttp.RedirectClientError as error:  # some are an InvalidURL too, although a request was answered
            reply = Lost(describe(error))
        except (TunnelError, *NOT_SENT) as error:
            reply = _not_sent(error)
        except TimeoutError:
            reply = Lost("no complete answer in time")
        except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
            reply = Lost(describe(error))
        status = reply.status if isinstance(reply, Answer) else 0
        self.traffic.note(began, status)
        if self._is_logging_requests or attempt > 1 or not 200 <= status < 300:
            self._log(method, url, reply, attempt=attempt, seconds=perf_counter() - began)
        return reply

    def _log(self, method: str, url: URL, reply: Reply, *, attempt: int, seconds: float) -> None:
        """Log how a request went, never what it carried: a query can hold an e-mail address, words can hold a cell."""
        path = f"{url.raw_path}?..." if url.raw_query_string else url.raw_path
        path = "/..." if self._hides_paths else path
        status = reply.status if isinstance(reply, Answer) else 0
        what = f"HTTP {reply.status}" if isinstance(reply, Answer) else reply.reason
        if isinstance(reply, NotSent):
            what = f"not sent: {what}"
        log(
            _level(status, attempt),
            REQUEST,
            what,
            target=self._name,
            method=method,
            path=path,
            status=status,
            ms=round(seconds * 1000),
            attempt=attempt,
        )

    async def _ask(self, method: str, url: URL, body: aiohttp.BytesPayload | None, limit: int) -> Answer | Lost:
        # Following a redirect would send the POST a second time, to wherever the answer says.
        sent = anyio.current_time()
        response = await self._session.request(method, url, data=body, allow_redirects=False, **self._options)
        try:
            content = await _read(response, limit)  # to its end, which gives its connection back
        except BaseException:
            response.close()
            raise
        if content is None:
            return Lost(f"the answer is longer than {limit} bytes")
        return Answer(response.status, response.headers, without_token(content, response.status, self._token), sent)


class Api(Protocol):
    """What a session needs to know of an API."""

    @property
    def name(self) -> str:
        """Its name in the log."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of every request, the token aside."""

    @property
    def authorization(self) -> Callable[[str], str]:
        """Makes the Authorization header from the token."""


def without_token(content: bytes, status: int, token: bytes) -> bytes:
    """Return an answer's body without the token, which some servers repeat, also escaped as JSON, HTML or in a URL.

    From an error, whose words are shown, the token is removed. If it is escaped, or occurs in what should be an object
    or a list, as its id for instance, the whole body is dropped: nothing of it can be written down.
    """
    is_error = not 200 <= status < 300
    if not token or (not is_error and len(token) < _SECRET):  # a feed has no token; a short one can occur anywhere
        return content
    if token in content:
        return content.replace(token, b"[token]") if is_error else b""
    if not any(mark in content for mark in (b"\\", b"%", b"&")):
        return content
    plain, reach = token.decode("utf-8", "replace"), _LONGEST_SPELLING * len(token)
    for begin in range(0, len(content), POST_LIMIT):  # a list can be long, and unescaping makes a copy of it
        if _repeats(content[begin : begin + POST_LIMIT + reach].decode("utf-8", "replace"), plain):
            return b"[an answer that repeats the token]" if is_error else b""
    return content


def _repeats(text: str, token: str) -> bool:
    for _ in range(_ESCAPED):
        text = html.unescape(unquote(_JSON_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text).replace("\\/", "/")))
        if token in text:
            return True
    return False


@asynccontextmanager
async def open_client(
    api: Api,
    base_url: str,
    token: str,
    transport: Transport = DIRECT,
    *,
    concurrency: int,
    request_timeout: float,
) -> AsyncIterator[Client]:
    """Open a session with an API; `request_timeout` is how many seconds one request may take in all."""
    headers = {
        **api.headers,
        "Authorization": api.authorization(token),
        "User-Agent": USER_AGENT,
        "Accept-Encoding": "identity",  # a small answer can unpack to an endless one
    }
    patience = min(_CONNECT_TIMEOUT, request_timeout / 2)
    async with aiohttp.ClientSession(
        # aiohttp sends a session's headers, token included, to the proxy: with a proxy each request has its own.
        headers=None if transport.proxy else headers,
        connector=make_connector(transport, limit=concurrency),
        timeout=aiohttp.ClientTimeout(total=None, connect=patience if transport.proxy else None, sock_connect=patience),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        raise_for_status=False,
        trust_env=False,  # it would send credentials from .netrc; proxies come from the settings
    ) as session:
        options = {"headers": headers, **transport.options} if transport.proxy else _NO_OPTIONS
        yield Client(session, base_url, token, Deadlines(request_timeout), options, api.name)


def _not_sent(error: Exception) -> NotSent:
    if isinstance(error, TunnelError):
        return NotSent(error.words, error.is_lasting)
    return NotSent(describe(error), isinstance(error, _CERTIFICATE))


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
        response.close()  # the rest is not wanted
        return None
    return content


def _level(status: int, attempt: int) -> int:
    """Return the log level of a reply: trouble and what follows it are always logged, the rest only with --verbose."""
    if not 200 <= status < 300:
        return logging.WARNING
    return logging.INFO if attempt > 1 else logging.DEBUG
