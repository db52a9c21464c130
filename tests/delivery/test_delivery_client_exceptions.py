"""Every exception class of aiohttp is one that says "nothing was sent", or one after which the target is asked."""

from __future__ import annotations

import inspect
import socket
import ssl
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import pytest
from aiohttp import client_exceptions, http_exceptions
from yarl import URL

from importer.delivery.client import NOT_SENT, Client, Deadlines, Lost, NotSent

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.anyio

TOKEN = "canary-7f3a91c2"
HEADERS: Any = {"Authorization": f"Bearer {TOKEN}"}
#: What aiohttp hangs on its errors, and their repr shows: the request with its headers.
REQUEST: Any = aiohttp.RequestInfo(URL("https://api.example/x"), "POST", HEADERS, URL("https://api.example/x"))
CONNECTION: Any = type("ConnectionKey", (), {"host": "api.example", "port": 443, "ssl": True, "is_ssl": True})()


def plain(kind: type[BaseException]) -> BaseException:
    return kind(f"words with {TOKEN}")


def connecting(kind: Any) -> BaseException:
    return cast("BaseException", kind(CONNECTION, OSError(111, f"refused {TOKEN}")))


def answering(kind: Any) -> BaseException:
    return cast("BaseException", kind(REQUEST, (), status=500, message=f"words with {TOKEN}", headers=HEADERS))


def processing(kind: Any) -> BaseException:
    return cast("BaseException", kind(message=f"words with {TOKEN}"))


#: Raised before the first byte of a request is written.
DECIDED_NOT_SENT: dict[type[BaseException], Callable[[Any], BaseException]] = {
    aiohttp.ClientConnectorError: connecting,
    aiohttp.ClientConnectorDNSError: lambda kind: kind(CONNECTION, socket.gaierror(-2, "not known")),
    aiohttp.ClientProxyConnectionError: connecting,
    client_exceptions.UnixClientConnectorError: lambda kind: kind(
        "/run/x.sock", CONNECTION, OSError(2, "no such file")
    ),
    aiohttp.ClientSSLError: lambda kind: kind(CONNECTION, ssl.SSLError(1, "[SSL: INTERNAL_ERROR]")),
    aiohttp.ClientConnectorSSLError: lambda kind: kind(CONNECTION, ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER]")),
    aiohttp.ClientConnectorCertificateError: lambda kind: kind(CONNECTION, ssl.SSLCertVerificationError("expired")),
    aiohttp.ServerFingerprintMismatch: lambda kind: kind(b"1", b"2", "api.example", 443),
    aiohttp.ConnectionTimeoutError: plain,
    aiohttp.ClientHttpProxyError: answering,
    aiohttp.InvalidURL: lambda kind: kind("https://["),
    aiohttp.InvalidUrlClientError: lambda kind: kind("https://["),
}
#: Raised while a request is written or its answer is read, or nobody knows when: the target must be asked.
DECIDED_LOST: dict[type[BaseException], Callable[[Any], BaseException]] = {
    aiohttp.ClientError: plain,
    aiohttp.ClientConnectionError: plain,
    aiohttp.ClientConnectionResetError: plain,
    aiohttp.ClientOSError: lambda kind: kind(104, "reset"),
    aiohttp.ServerConnectionError: plain,
    aiohttp.ServerDisconnectedError: plain,
    aiohttp.ServerTimeoutError: plain,
    aiohttp.SocketTimeoutError: plain,
    aiohttp.ClientPayloadError: plain,
    aiohttp.UploadAbortedError: plain,
    aiohttp.ClientResponseError: answering,
    aiohttp.ContentTypeError: answering,
    aiohttp.TooManyRedirects: answering,
    aiohttp.WSServerHandshakeError: answering,
    aiohttp.RedirectClientError: plain,
    aiohttp.NonHttpUrlClientError: plain,  # settings let no such base URL through, so nobody knows how it came about
    aiohttp.InvalidUrlRedirectClientError: lambda kind: kind("https://["),
    aiohttp.NonHttpUrlRedirectClientError: plain,
    http_exceptions.HttpProcessingError: processing,
    http_exceptions.BadHttpMessage: plain,
    http_exceptions.HttpBadRequest: plain,
    http_exceptions.PayloadEncodingError: plain,
    http_exceptions.ContentEncodingError: plain,
    http_exceptions.TransferEncodingError: plain,
    http_exceptions.ContentLengthError: plain,
    http_exceptions.DecompressSizeError: plain,
    http_exceptions.LineTooLong: plain,
    http_exceptions.InvalidHeader: plain,
    http_exceptions.BadStatusLine: plain,
    http_exceptions.BadHttpMethod: plain,
    http_exceptions.InvalidURLError: plain,
    # not aiohttp's own, but let through by it
    TimeoutError: plain,
    ConnectionResetError: plain,
    BrokenPipeError: plain,
    ssl.SSLError: lambda kind: kind(1, "[SSL: DECRYPTION_FAILED]"),
    OSError: lambda kind: kind(28, "no space"),
    ValueError: plain,
}
#: Of websockets, forms and aiohttp's own streams: a request of ours cannot meet them.
ELSEWHERE: set[type[BaseException]] = {
    aiohttp.WSMessageTypeError,
    aiohttp.WebSocketError,
    aiohttp.EofStream,
    aiohttp.BadContentDispositionHeader,
    aiohttp.BadContentDispositionParam,
}


class Raising:
    """A session whose request ends in an error."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    async def request(self, *_args: object, **_options: object) -> None:
        raise self._error


async def reply_to(error: BaseException) -> object:
    session = cast("aiohttp.ClientSession", Raising(error))
    return await Client(session, "https://api.example", TOKEN, Deadlines(30.0)).post("/x", b"{}")


def test_no_class_of_aiohttp_is_without_a_decision() -> None:
    public = {
        value
        for module in (aiohttp, client_exceptions, http_exceptions)
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, BaseException) and value.__module__.startswith("aiohttp.")
    }
    assert public, "the walk itself must find something"
    decided = DECIDED_NOT_SENT.keys() | DECIDED_LOST.keys() | ELSEWHERE
    assert {kind.__qualname__ for kind in public - decided} == set()
    assert not DECIDED_NOT_SENT.keys() & DECIDED_LOST.keys()


def test_the_clients_own_list_names_only_classes_decided_here() -> None:
    assert set(NOT_SENT) <= DECIDED_NOT_SENT.keys()


@pytest.mark.parametrize("kind", DECIDED_NOT_SENT, ids=lambda kind: kind.__name__)
async def test_an_error_before_the_first_byte_is_not_sent(kind: type[BaseException]) -> None:
    reply = await reply_to(DECIDED_NOT_SENT[kind](kind))
    assert isinstance(reply, NotSent)
    assert reply.is_lasting is (kind in (aiohttp.ClientConnectorCertificateError, aiohttp.ServerFingerprintMismatch))
    assert reply.reason
    assert TOKEN not in reply.reason


@pytest.mark.parametrize("kind", DECIDED_LOST, ids=lambda kind: kind.__name__)
async def test_any_other_error_is_lost(kind: type[BaseException]) -> None:
    reply = await reply_to(DECIDED_LOST[kind](kind))
    assert isinstance(reply, Lost)
    assert reply.reason
    assert TOKEN not in reply.reason


async def test_a_bug_of_ours_is_not_taken_for_an_answer() -> None:
    with pytest.raises(ZeroDivisionError):
        await reply_to(ZeroDivisionError())
